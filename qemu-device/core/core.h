/* SPDX-License-Identifier: MIT */
/*
 * Inside the card's control path.
 *
 * One thread, the front end, owns everything that a job is made of: it fetches,
 * validates, translates, hands tiles to the pool and writes completions. MMIO
 * threads only change registers under core->lock and poke the front end: a bit
 * in core->requests, and for the rings concerned one in ring->poke, which the
 * engines see as their stop flag. No lock is ever held across a host operation.
 *
 * Fields say who may touch them:
 *	[c] constant after creation
 *	[f] front end only
 *	[l] under core->lock
 *	[a] atomic, from anywhere
 */
#ifndef LOOM_CORE_INTERNAL_H
#define LOOM_CORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine.h"
#include "loom_core.h"

#define BIT64(n)	(1ull << (n))

/* ---- registers (regs.c) ------------------------------------------------- */

enum loom_reg_access {
	REG_RO,		/* read only */
	REG_RW,
	REG_WO,		/* reads zero */
	REG_W1C,	/* writing ones clears */
	REG_CFG,	/* of a ring: RW while it is disabled */
};

/**
 * struct loom_reg - a register of the device, or of a ring's page
 * @offset: from the start of the BAR, or of the ring's page
 * @size: 4 or 8
 * @access: enum loom_reg_access
 * @mask: bits that can be written
 */
struct loom_reg {
	uint32_t offset;
	uint8_t size;
	uint8_t access;
	uint64_t mask;
	const char *name;
};

/* X(name, size, access, mask): the one register table of the device, rising. */
#define LOOM_DEVICE_REGS(X)						\
	X(MAGIC,		4, REG_RO, 0)				\
	X(VERSION,		4, REG_RO, 0)				\
	X(FEATURES,		8, REG_RO, 0)				\
	X(NUM_RINGS,		4, REG_RO, 0)				\
	X(NUM_CONTEXTS,		4, REG_RO, 0)				\
	X(NUM_VECTORS,		4, REG_RO, 0)				\
	X(RING_LOG2,		4, REG_RO, 0)				\
	X(CMD_SIZE_MAX,		4, REG_RO, 0)				\
	X(RESET_TIMEOUT_MS,	4, REG_RO, 0)				\
	X(VA_BITS,		4, REG_RO, 0)				\
	X(TENSOR_LIMITS,	4, REG_RO, 0)				\
	X(PAGE_SIZES,		8, REG_RO, 0)				\
	X(LOCAL_SIZE,		8, REG_RO, 0)				\
	X(DTYPES,		8, REG_RO, 0)				\
	X(TIMESTAMP_HZ,		8, REG_RO, 0)				\
	X(PROFILE,		4, REG_RO, 0)				\
	X(ARRAY,		4, REG_RO, 0)				\
	X(CLOCK_KHZ,		4, REG_RO, 0)				\
	X(SRAM_KIB,		4, REG_RO, 0)				\
	X(LOCAL_MBPS,		4, REG_RO, 0)				\
	X(HOST_MBPS,		4, REG_RO, 0)				\
	X(OPCODES,		8, REG_RO, 0)				\
	X(OPCODES_1,		8, REG_RO, 0)				\
	X(OPCODES_2,		8, REG_RO, 0)				\
	X(OPCODES_3,		8, REG_RO, 0)				\
	X(SERIAL,		8, REG_RO, 0)				\
	X(SERIAL_1,		8, REG_RO, 0)				\
	X(SERIAL_2,		8, REG_RO, 0)				\
	X(SERIAL_3,		8, REG_RO, 0)				\
	X(MODEL,		8, REG_RO, 0)				\
	X(MODEL_1,		8, REG_RO, 0)				\
	X(MODEL_2,		8, REG_RO, 0)				\
	X(MODEL_3,		8, REG_RO, 0)				\
	X(FEATURES_ACK,		8, REG_RW, ~0ull)			\
	X(CTRL,			4, REG_RW, LOOM_CTRL_ENABLE | LOOM_CTRL_RESET) \
	X(STATUS,		4, REG_RO, 0)				\
	X(GENERATION,		4, REG_RO, 0)				\
	X(TIMESTAMP,		8, REG_RO, 0)				\
	X(IRQ_STATUS,		8, REG_W1C, ~0ull)			\
	X(IRQ_ENABLE,		8, REG_RW, LOOM_IRQ_FAULT | LOOM_IRQ_FAULT_OVERFLOW | \
					   LOOM_IRQ_RING_ERROR | LOOM_IRQ_FATAL) \
	X(CTX_BASE,		8, REG_RW, ~0xfffull)			\
	X(CTX_COUNT,		4, REG_RW, ~0u)				\
	X(CTX_STOP,		4, REG_WO, ~0u)				\
	X(CTX_START,		4, REG_WO, ~0u)				\
	X(INV_VA,		8, REG_RW, ~0xfffull)			\
	X(INV_LEN,		8, REG_RW, ~0xfffull)			\
	X(INV_TAG,		4, REG_RW, ~0u)				\
	X(INV_ISSUED,		8, REG_RO, 0)				\
	X(INV_DONE,		8, REG_RO, 0)				\
	X(FAULT_BASE,		8, REG_RW, ~0xfffull)			\
	X(FAULT_LOG2,		4, REG_RW, 0x1f)			\
	X(FAULT_WRITE,		8, REG_RO, 0)				\
	X(FAULT_READ,		8, REG_RW, ~0ull)			\
	X(FAULT_DROPPED,	8, REG_RO, 0)				\
	X(CNT_DESCRIPTORS,	8, REG_RO, 0)				\
	X(CNT_PACKETS,		8, REG_RO, 0)				\
	X(CNT_BUSY_NS,		8, REG_RO, 0)				\
	X(CNT_CYCLES,		8, REG_RO, 0)				\
	X(CNT_MACS,		8, REG_RO, 0)				\
	X(CNT_BYTES_LOCAL,	8, REG_RO, 0)				\
	X(CNT_BYTES_HOST,	8, REG_RO, 0)				\
	X(CNT_ENERGY_PJ,	8, REG_RO, 0)				\
	X(CNT_FAULTS,		8, REG_RO, 0)				\
	X(CNT_TLB_MISSES,	8, REG_RO, 0)				\
	X(CNT_RESETS,		8, REG_RO, 0)				\
	X(SENSOR_TEMP_MC,	4, REG_RO, 0)				\
	X(SENSOR_POWER_MW,	4, REG_RO, 0)				\
	X(SENSOR_ENERGY_UJ,	8, REG_RO, 0)				\
	X(SENSOR_PERIOD_MS,	4, REG_RO, 0)				\
	X(INJECT,		4, REG_WO, 0xffff)			\
	X(CNT_ECC_CORRECTED,	8, REG_RO, 0)				\
	X(CNT_ECC_UNCORRECTED,	8, REG_RO, 0)

/* Registers that are elements of an array of the interface. */
#define LOOM_REG_OPCODES_1	(LOOM_REG_OPCODES + 8)
#define LOOM_REG_OPCODES_2	(LOOM_REG_OPCODES + 16)
#define LOOM_REG_OPCODES_3	(LOOM_REG_OPCODES + 24)
#define LOOM_REG_SERIAL_1	(LOOM_REG_SERIAL + 8)
#define LOOM_REG_SERIAL_2	(LOOM_REG_SERIAL + 16)
#define LOOM_REG_SERIAL_3	(LOOM_REG_SERIAL + 24)
#define LOOM_REG_MODEL_1	(LOOM_REG_MODEL + 8)
#define LOOM_REG_MODEL_2	(LOOM_REG_MODEL + 16)
#define LOOM_REG_MODEL_3	(LOOM_REG_MODEL + 24)

/* The same for a ring's page. */
#define LOOM_RING_REGS(X)						\
	X(BASE,			8, REG_CFG, ~0ull)			\
	X(CQ_BASE,		8, REG_CFG, ~0ull)			\
	X(WRITE_ADDR,		8, REG_CFG, ~0ull)			\
	X(READ,			8, REG_CFG, ~0ull)			\
	X(LOG2,			4, REG_CFG, ~0u)			\
	X(CQ_LOG2,		4, REG_CFG, ~0u)			\
	X(CONTEXT,		4, REG_CFG, ~0u)			\
	X(VECTOR,		4, REG_CFG, ~0u)			\
	X(CTRL,			4, REG_RW, LOOM_RING_CTRL_ENABLE | LOOM_RING_CTRL_HALT | \
					   LOOM_RING_CTRL_RESET)	\
	X(STATUS,		4, REG_RO, 0)				\
	X(ERROR,		4, REG_RO, 0)				\
	X(GENERATION,		4, REG_RO, 0)				\
	X(PROGRESS,		8, REG_RO, 0)				\
	X(CURRENT_INDEX,	8, REG_RO, 0)				\
	X(CURRENT_CONTEXT,	4, REG_RO, 0)				\
	X(CURRENT_PACKET,	4, REG_RO, 0)				\
	X(CQ_WRITE,		8, REG_RO, 0)				\
	X(CNT_BUSY_NS,		8, REG_RO, 0)				\
	X(CNT_DESCRIPTORS,	8, REG_RO, 0)

#define X(name, size, access, mask) R_##name,
enum loom_device_reg { LOOM_DEVICE_REGS(X) R_COUNT };
#undef X
#define X(name, size, access, mask) RR_##name,
enum loom_ring_reg { LOOM_RING_REGS(X) RR_COUNT };
#undef X

extern const struct loom_reg loom_device_regs[R_COUNT];
extern const struct loom_reg loom_ring_regs[RR_COUNT];

/* ---- memory (mmu.c, span.c) ---------------------------------------------- */

/* Operands up to this many pages need no allocation. */
#define SPAN_INLINE	36

/**
 * struct span - an operand's memory while a packet runs
 * @runs, @maps, @index: point to @small or, for many pages, into @block
 * @size: bytes translated so far
 * @host: some of it is host memory; @last_host: the last run is
 * @write: mapped for writing
 * @dirty: tiles have run since it was mapped
 */
struct span {
	struct loom_run *runs;
	struct loom_map *maps;
	uint32_t *index;
	uint32_t nruns, nmaps;
	uint64_t size;
	bool host, last_host, write, dirty;
	void *block;
	struct {
		struct loom_run runs[SPAN_INLINE];
		struct loom_map maps[SPAN_INLINE];
		uint32_t index[SPAN_INLINE];
	} small;
};

/**
 * struct window - host memory that stays mapped for reading while its ring runs
 */
struct window {
	bool mapped;
	uint64_t bus;
	struct loom_map map;
};

struct leaf {
	uint64_t pte;
	uint8_t level;
};

/** struct mmu_fault - why a translation ended */
struct mmu_fault {
	uint8_t code, level;
	uint64_t va, pte;
};

#define TLB_SETS	1024
#define TLB_WAYS	4

struct tlb_entry {
	uint64_t vpn;			/* in 4 KiB pages */
	uint64_t pte;			/* 0: empty */
	uint32_t tag;
	uint8_t level;
};

/**
 * struct budget - private memory of jobs
 */
struct budget {
	uint64_t max, used;
};

/* ---- rings and jobs (ring.c, job.c) -------------------------------------- */

/* Bits of ring->poke: what the front end must attend to before it goes on. */
#define POKE_PAUSE	(1u << 0)	/* the whole card stops: drop all memory */
#define POKE_RESET	(1u << 1)
#define POKE_HALT	(1u << 2)	/* CTRL changed: HALT or ENABLE */
#define POKE_CANCEL	(1u << 3)	/* its context was stopped */
#define POKE_DROP	(1u << 4)	/* an invalidation hit its operands */
#define POKE_INJECT	(1u << 5)	/* a fault was injected */

enum job_phase {
	JOB_NONE,
	JOB_HEAD,	/* descriptor and context copied, not started */
	JOB_FETCH,	/* copy the command buffer */
	JOB_VALIDATE,	/* decode all packets of the copy */
	JOB_DECODE,	/* next packet */
	JOB_WALK,	/* translate its operands */
	JOB_TILES,
	JOB_HANG,	/* a HANG packet, or an injected hang */
	JOB_FAULT,	/* write the fault record */
	JOB_DONE,	/* write the completion */
};

struct range {
	uint64_t va, len;
};

/**
 * struct claim - what MMIO threads must know of the job in execution [l]
 * @active: started and not yet completed
 * @holds: its engines may hold translations of @tag in @ranges
 * @drop: number of the first invalidation that waits for it, 0: none
 */
struct claim {
	bool active, holds;
	uint32_t context, tag;
	unsigned int nranges;
	struct range ranges[LOOM_OPERANDS_MAX];
	uint64_t drop;
};

/** struct tiles - which tiles of a packet are still to run */
struct tiles {
	uint64_t count;
	atomic_uint_fast64_t next;
	/* given up half way because of a stop */
	atomic_uint nredo;
	uint64_t *redo;
};

#define CMD_INLINE	4096

/** struct report - a fault that is still to be recorded */
struct report {
	struct mmu_fault fault;
	uint8_t outcome, access, operand;
	uint16_t opcode;
	uint32_t packet;
};

struct job {
	enum job_phase phase;
	struct loom_desc desc;
	struct loom_ctx_entry ctx;
	bool debug;			/* HANG is accepted */
	bool started;
	uint8_t priority;
	uint16_t weight;
	uint32_t client;
	uint8_t outcome;
	uint32_t fault;			/* number of the record */
	struct report report;		/* of the fault */
	uint64_t index;
	uint64_t t_start;
	uint8_t *cmd;			/* @cmd_small or @cmd_big */
	uint8_t *cmd_big;
	uint64_t cmd_cap;		/* bytes at @cmd_big */
	uint32_t pos;			/* packet being validated or executed */
	uint32_t size;			/* its size */
	struct loom_work work;
	struct loom_model total, packet;
	uint64_t charged;		/* cycles already charged */
	unsigned int walk;		/* operand where the walk goes on */
	uint8_t stuck;			/* LOOM_INJECT_HANG or _HANG_DEVICE took effect, else 0 */
	bool planned;			/* @work is the packet at @pos */
	bool restored;			/* @tiles is what a saved state says of the packet at @pos */
	bool holds;			/* the ring's claim does */
	uint64_t reserved;		/* of the packet budget */
	bool share;			/* that is enough for the tiles' shared memory */
	struct tiles tiles;
	void *shared;
	uint64_t shared_size;
	struct span spans[LOOM_OPERANDS_MAX];
	uint64_t cmd_small[CMD_INLINE / 8];
};

struct loom_ring {
	struct loom_core *core;		/* [c] */
	unsigned int id;		/* [c] */
	atomic_uint poke;		/* [a] set and cleared under core->lock */
	atomic_uint inject;		/* [a] armed: bits 1 << enum loom_inject */
	atomic_uint_fast64_t regs[RR_COUNT];
	uint32_t latch[RR_COUNT];	/* [l] low halves written */
	bool latched[RR_COUNT];		/* [l] */
	struct claim claim;		/* [l] */
	atomic_uint_fast64_t hang_since; /* [a] 0, or when a busy HANG began */
	/* [f] from here on */
	bool live;			/* enabled, and these fields are valid */
	bool contended;			/* another ring was ready when the slice began */
	bool retired;			/* the slice ended with a completion */
	bool halted;
	uint64_t read;			/* index of the next to fetch; READ is the next to retire */
	uint64_t seen;			/* last write index */
	uint64_t slice;			/* when the present slice began */
	struct window desc_window, index_window;
	struct job job;
};

/* ---- interrupts (irq.c) --------------------------------------------------- */

struct vector {
	uint64_t pending;		/* [f] completions not yet signalled */
	uint64_t deadline;		/* [f] CLOCK_MONOTONIC, 0: none */
	bool lost;			/* [f] the next is dropped */
};

/* ---- arbitration (arbiter.c) ---------------------------------------------- */

#define CLIENTS_MAX	(2 * LOOM_RINGS_MAX)

/** struct share - cycles that a client may still use in this round */
struct share {
	uint32_t id;
	bool used;
	int64_t deficit;
};

/* Debts stay far from the end of their type. */
#define DEBT_MAX	(INT64_MAX / 2)

struct arbiter {
	struct share clients[CLIENTS_MAX];
	int64_t *contexts;		/* deficit of each context */
	uint32_t client, context;	/* served last */
	unsigned int ring;
	unsigned int victim;
};

/**
 * struct yield - when a slice ends
 * @deadline: CLOCK_MONOTONIC: from then on, if another ring is ready
 * @contended: another ring is ready
 */
struct yield {
	uint64_t deadline;
	bool contended;
};

/* ---- pool (pool.c) ---------------------------------------------------------- */

struct pool_thread {
	struct pool *pool;
	void *thread;
	struct loom_arena arena;
};

struct pool {
	struct loom_core *core;
	unsigned int nthreads;		/* without the front end */
	struct pool_thread *threads;
	struct loom_arena arena;	/* the front end's */
	pthread_mutex_t lock;
	pthread_cond_t work_cond, done_cond;
	atomic_uint seq;		/* jobs published */
	bool open;			/* under lock: may be joined */
	atomic_uint active;		/* changed under lock */
	atomic_bool exit;
	/* what is run, constant while open or active */
	const struct loom_work *work;
	struct tiles *tiles;
	struct loom_ring *ring;
	struct yield yield;
};

/* ---- sensors (sensor.c) ------------------------------------------------------ */

#define SENSOR_PERIOD_MS	100

/**
 * struct sensor - energy, power and temperature as the specification models them
 * @static_mw: [c] power of a card that does nothing
 * @lock: protects the rest
 * @start: when the present period began
 * @spent: picojoules of the packets in it
 * @energy_uj, @energy_pj: before it, static power included; the latter is less than a microjoule
 * @temp_uc: at its beginning, millionths of a degree Celsius
 * @power_mw: of the one before
 */
struct sensor {
	uint32_t static_mw;
	pthread_mutex_t lock;
	uint64_t start, spent;
	uint64_t energy_uj, energy_pj;
	int64_t temp_uc;
	uint32_t power_mw;
};

/** struct sensed - what the registers show */
struct sensed {
	uint32_t temp_mc, power_mw;
	uint64_t energy_uj;
};

/* ---- the card ----------------------------------------------------------------- */

#define REQ_POKE	(1u << 0)	/* some ring->poke is set */
#define REQ_PAUSE	(1u << 1)	/* quiesce, resume, ENABLE changed */
#define REQ_RESET	(1u << 2)
#define REQ_IRQ		(1u << 3)	/* IRQ_ENABLE changed */
#define REQ_EXIT	(1u << 4)
#define REQ_STATE	(1u << 5)	/* save or load */

/* Engine threads besides the front end. */
#define LOOM_THREADS_MAX	256

struct loom_core {
	struct loom_host_ops ops;	/* [c] */
	void *host;			/* [c] */
	struct loom_core_config config;	/* [c] */
	const struct loom_engine *engine; /* [c] */
	const struct loom_profile *profile; /* [c] */
	uint64_t features;		/* [c] offered */
	void *thread;			/* [c] front end */

	pthread_mutex_t lock;
	pthread_cond_t wake;		/* the front end sleeps here */
	pthread_cond_t done;		/* quiesce and reset wait here */
	atomic_uint requests;
	atomic_uint_fast64_t doorbells;
	atomic_bool sleeping;
	atomic_uint_fast64_t waiting;	/* rings that wait while another executes */
	atomic_uint quiesce;		/* changed under lock */
	atomic_bool dead;		/* LOOM_INJECT_DEAD; changed under lock */
	bool quiesced;			/* [l] */
	uint64_t reset_asked, reset_done; /* [l] */
	struct state_call *state;	/* [l] what the front end shall save or load */

	atomic_uint_fast64_t regs[R_COUNT];
	uint32_t latch[R_COUNT];	/* [l] */
	bool latched[R_COUNT];		/* [l] */
	atomic_uint_fast64_t coalesce[LOOM_RINGS_MAX + 1];
	uint32_t coalesce_latch[LOOM_RINGS_MAX + 1]; /* [l] */
	bool coalesce_latched[LOOM_RINGS_MAX + 1]; /* [l] */
	uint64_t stopped[LOOM_CONTEXTS_MAX / 64]; /* [l] */
	uint64_t inv_seq;		/* [l] changes with each invalidation, resets too */
	unsigned int tlb_used;		/* [l] */
	struct tlb_entry tlb[TLB_SETS][TLB_WAYS]; /* [l] */
	unsigned int tlb_victim;	/* [l] */

	struct loom_ring *rings;	/* [c] */
	struct pool pool;
	struct sensor sensor;		/* has a lock of its own */

	/* [f] from here on */
	bool paused;
	bool irq_check;			/* IRQ_ENABLE was written */
	bool quiesced_irqs;		/* none may be raised now */
	uint64_t ready;			/* rings that have something to run */
	uint64_t starved;		/* rings that wait for private memory */
	struct window ctx_window;
	struct arbiter arbiter;
	struct vector vectors[LOOM_RINGS_MAX + 1];
	bool timers;			/* some vector has a deadline */
	uint64_t command_max;		/* bytes of a ring's command buffer */
	struct budget packets;
	void *shared_cache;
	uint64_t shared_cache_size, shared_cache_max;
};

/* A ring runs this long before another that is ready gets its turn. */
#define SLICE_NS	300000ull

/* LOOM_REG_RESET_TIMEOUT_MS: far beyond the millisecond of work that a stop waits for. */
#define RESET_TIMEOUT_MS	1000

static inline uint64_t sat_add(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static inline uint64_t reg_get(const atomic_uint_fast64_t *reg)
{
	return atomic_load_explicit(reg, memory_order_acquire);
}

static inline void reg_set(atomic_uint_fast64_t *reg, uint64_t value)
{
	atomic_store_explicit(reg, value, memory_order_release);
}

static inline void reg_add(atomic_uint_fast64_t *reg, uint64_t value)
{
	atomic_fetch_add_explicit(reg, value, memory_order_relaxed);
}

/* A counter, which only the front end writes: it saturates. */
static inline void reg_count(atomic_uint_fast64_t *reg, uint64_t value)
{
	reg_set(reg, sat_add(atomic_load_explicit(reg, memory_order_relaxed), value));
}

static inline void reg_or(atomic_uint_fast64_t *reg, uint64_t bits)
{
	atomic_fetch_or_explicit(reg, bits, memory_order_acq_rel);
}

static inline void reg_clear(atomic_uint_fast64_t *reg, uint64_t bits)
{
	atomic_fetch_and_explicit(reg, ~bits, memory_order_acq_rel);
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

/* @feature is offered and acknowledged. */
static inline bool loom_core_has(const struct loom_core *core, uint64_t feature)
{
	return reg_get(&core->regs[R_FEATURES_ACK]) & core->features & feature;
}

static inline bool loom_core_debug(const struct loom_core *core)
{
	return loom_core_has(core, LOOM_FEATURE_DEBUG);
}

static inline uint64_t card_now(struct loom_core *core)
{
	return core->ops.now_ns(core->host);
}

/* regs.c */
void loom_regs_init(struct loom_core *core);
void loom_regs_reset(struct loom_core *core);

/* front.c */
void *loom_front_main(void *arg);
void loom_front_request(struct loom_core *core, unsigned int bits);	/* lock held */
void loom_front_pause(struct loom_core *core, unsigned int bits);	/* lock held */
bool loom_front_yield(const struct loom_ring *ring, const struct yield *yield);
uint64_t loom_mono_ns(void);
void loom_fpu_init(void);

/* state.c */
struct saved;
struct stream;

/** struct state_call - a save or load that its caller waits for */
struct state_call {
	struct stream *stream;
	struct saved *saved;
	int ret;
};

void loom_state_run(struct loom_core *core);

/* inject.c */
#define LOOM_INJECT_RING_MASK	(1u << LOOM_INJECT_HANG | 1u << LOOM_INJECT_HANG_DEVICE | \
				 1u << LOOM_INJECT_LOST_IRQ | 1u << LOOM_INJECT_LOST_DOORBELL | \
				 1u << LOOM_INJECT_DMA_ERROR | 1u << LOOM_INJECT_ECC | \
				 1u << LOOM_INJECT_ECC_CORRECTED)

bool loom_inject(struct loom_core *core, unsigned int what, unsigned int ring); /* lock held */
void loom_inject_start(struct loom_ring *ring);
int loom_inject_access(struct loom_ring *ring, uint64_t va, struct mmu_fault *fault);

/** loom_inject_take() - use up what is armed; from any thread */
static inline bool loom_inject_take(struct loom_ring *ring, enum loom_inject what)
{
	unsigned int bit = 1u << what;

	return atomic_load_explicit(&ring->inject, memory_order_relaxed) & bit &&
	       atomic_fetch_and(&ring->inject, ~bit) & bit;
}

/* sensor.c */
void loom_sensor_init(struct sensor *sensor, uint32_t static_mw, uint64_t now);
void loom_sensor_destroy(struct sensor *sensor);
void loom_sensor_spend(struct sensor *sensor, uint64_t now, uint64_t pj);
struct sensed loom_sensor_read(struct sensor *sensor, uint64_t now);
void loom_sensor_load(struct sensor *sensor, uint64_t now, struct sensed saved);

/* trace.c */
void loom_trace(struct loom_core *core, enum loom_event event, unsigned int n, ...);

/* ring.c */
/** struct ring_setup - the registers that ENABLE checks */
struct ring_setup {
	uint64_t base, cq_base, write_addr, log2, cq_log2, context, vector;
};

bool loom_ring_setup_ok(const struct loom_core *core, const struct ring_setup *setup);
bool loom_desc_valid(const struct loom_desc *desc);
bool loom_ring_enable(struct loom_ring *ring);			/* lock held */
void loom_ring_reset_begin(struct loom_ring *ring);		/* lock held */
void loom_ring_poll(struct loom_ring *ring);
void loom_ring_kick(struct loom_ring *ring);
void loom_ring_attend(struct loom_ring *ring);
void loom_ring_drop(struct loom_ring *ring);
void loom_ring_forget(struct loom_ring *ring);
bool loom_ring_complete(struct loom_ring *ring);
void loom_ring_ready(struct loom_ring *ring);

/* job.c */
void loom_job_step(struct loom_ring *ring, bool contended);
void loom_job_drop(struct loom_ring *ring);
void loom_job_abandon(struct loom_ring *ring);
void loom_job_charge(struct loom_ring *ring);
void loom_job_rest(struct loom_ring *ring);
void loom_job_wake(struct loom_ring *ring);
bool loom_job_plan(const struct loom_core *core, const uint8_t *cmd, uint32_t size, bool debug,
		   uint32_t pos, struct loom_work *work);
uint64_t loom_job_hang_progress(struct loom_ring *ring);

/* mmu.c */
void loom_mmu_invalidate(struct loom_core *core, uint32_t tag, uint64_t va, uint64_t len); /* lock held */
void loom_mmu_settle(struct loom_core *core);			/* lock held */
void loom_mmu_flush(struct loom_core *core);				/* lock held */
void loom_mmu_claim(struct loom_ring *ring, const struct range *ranges, unsigned int n); /* lock held */
void loom_mmu_release(struct loom_ring *ring);			/* lock held */
int loom_mmu_span(struct loom_ring *ring, struct span *span, uint64_t va, uint64_t len,
		  unsigned int access, const struct yield *yield, struct loom_view *view,
		  struct mmu_fault *fault);
int loom_mmu_bus_error(struct loom_ring *ring, uint64_t va, struct mmu_fault *fault);

/* span.c */
uint64_t loom_span_cost(uint64_t va, uint64_t len);
bool loom_span_prepare(struct span *span, uint64_t va, uint64_t len);
void loom_span_drop(struct loom_core *core, struct span *span);
void loom_span_free(struct loom_core *core, struct span *span);
const void *loom_window_get(struct loom_core *core, struct window *window, uint64_t base,
			    uint64_t total, uint64_t bus, uint64_t len);
void loom_window_drop(struct loom_core *core, struct window *window);
void loom_copy_in(void *to, const void *from, uint64_t len);
void *loom_large_alloc(uint64_t size);

/* budget.c */
bool loom_budget_take(struct budget *budget, uint64_t size);
void loom_budget_give(struct loom_core *core, struct budget *budget, uint64_t size);

/* fault.c */
bool loom_fault_record(struct loom_ring *ring);

/* irq.c */
void loom_irq_completion(struct loom_ring *ring);
void loom_irq_cause(struct loom_core *core, uint64_t causes);
void loom_irq_check(struct loom_core *core);
uint64_t loom_irq_timers(struct loom_core *core);
void loom_irq_flush(struct loom_core *core, unsigned int vector);
void loom_irq_reset(struct loom_core *core);

/* context.c */
uint8_t loom_context_load(struct loom_core *core, uint32_t n, struct loom_ctx_entry *entry);
bool loom_context_valid(const struct loom_ctx_entry *entry);
bool loom_context_stopped(struct loom_core *core, uint32_t n);	/* lock held */
void loom_context_stop(struct loom_core *core, uint32_t n, struct loom_ring *except); /* lock held */
void loom_context_start(struct loom_core *core, uint32_t n);		/* lock held */

/* arbiter.c */
struct loom_ring *loom_arbiter_pick(struct loom_core *core);
void loom_arbiter_charge(struct loom_core *core, struct loom_ring *ring, uint64_t cycles);
void loom_arbiter_idle(struct loom_core *core, struct loom_ring *ring);

/* pool.c */
int loom_pool_create(struct loom_core *core);
void loom_pool_destroy(struct loom_core *core);
bool loom_pool_run(struct loom_ring *ring, const struct yield *yield);

#endif
