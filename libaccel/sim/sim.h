/* SPDX-License-Identifier: MIT */
/*
 * sim: the card in this process. This folder is the card's host and, towards
 * the library, what driver and kernel are to a real card.
 *
 * Locks: sim_device.lock guards rings, queues' state, page tables and memory of
 * the card. It is taken last. The card calls back without locks of its own.
 */
#ifndef ACCEL_SIM_SIM_H
#define ACCEL_SIM_SIM_H

#include <stdatomic.h>

#include "../object.h"
#include "loom_core.h"

/* Number of vectors and rings fits one word: bit r is ring r, bit 0 faults and the like. */
#define SIM_RINGS_MAX		63
#define SIM_RING_LOG2		8
#define SIM_FAULT_LOG2		8
#define SIM_SUBMIT_MAX		1024
#define SIM_DEPTH_MAX		4096
#define SIM_SYNCS_MAX		1024
#define SIM_TIMEOUT_MAX		3600000
#define SIM_INJECT_MAX		8
#define SIM_VA_START		0x200000ull
#define SIM_VA_END		(1ull << 47)

/**
 * struct sim_options - what follows sim:
 */
struct sim_options {
	unsigned int threads;
	unsigned int rings;
	unsigned int contexts;
	unsigned int profile;
	unsigned int spin_us;
	uint32_t timeout_ms;
	uint32_t limit_ms;
	uint64_t local;
	uint64_t features;
	bool debug;
	unsigned int injections;
	struct {
		enum loom_inject what;
		unsigned int ring;
	} inject[SIM_INJECT_MAX];
	char isa[32];
	char serial[32];
};

/** sim_options_parse() - "threads=2,isa=avx2,..." */
int sim_options_parse(const char *text, struct sim_options *options);

/**
 * struct sim_arena - all memory of the host that the card may see
 * @base: a reservation; bus address b is at base + b
 * @size: of the reservation
 * @free: free bus addresses; address 0 is never given out
 */
struct sim_arena {
	char *base;
	uint64_t size;
	struct range free;
};

int sim_arena_init(struct sim_arena *arena);
void sim_arena_fini(struct sim_arena *arena);
/* Zeroed memory, under the device's lock. */
int sim_arena_alloc(struct sim_arena *arena, uint64_t size, uint64_t *bus);
void sim_arena_free(struct sim_arena *arena, uint64_t bus, uint64_t size);

static inline void *sim_arena_ptr(const struct sim_arena *arena, uint64_t bus)
{
	return arena->base + bus;
}

struct sim_queue;

/**
 * struct sim_thread - a thread of the card
 * @ran: processor time that it has had, when somebody last looked
 */
struct sim_thread {
	struct sim_thread *next;
	pthread_t id;
	void *(*fn)(void *arg);
	void *arg;
	uint64_t ran;
};

/* What the clock shows, the card's, too; what a thread has had of a processor; sleeping. */
uint64_t sim_now(void);
uint64_t sim_thread_ns(pthread_t thread);
void sim_sleep(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t ns);
void sim_nap(uint64_t ns);

/**
 * struct sim_ring - a ring as its driver knows it
 * @bus, @bytes: descriptors, completions and the write index, in one piece
 * @jobs: per descriptor, what it is; @queue is NULL when its queue gave it up
 * @retired: completions consumed
 * @users: queues that use it
 * @seen, @seen_progress: what the watchdog saw last
 * @ran, @stalled, @late: the card's time: of the job in execution, since its progress, since
 *	the card should have ended it
 * @stopped: it should have
 * @resetting: it is being reset: nothing may be put on it
 * @reached: by then, the first descriptor that was not started
 */
struct sim_ring {
	uint64_t bus;
	uint64_t bytes;
	struct loom_desc *desc;
	struct loom_cqe *cqe;
	uint64_t *index;
	uint64_t written;
	uint64_t retired;
	unsigned int users;
	struct {
		struct sim_queue *queue;
		uint64_t number;
		uint32_t context;
	} *jobs;
	uint64_t seen;
	uint64_t seen_progress;
	uint64_t ran, stalled, late;
	uint64_t reached;
	bool stopped;
	bool resetting, sampled;
};

/**
 * struct sim_job - a job that is not on its ring yet
 * @waits: lives as long as the job is not finished
 */
struct sim_job {
	uint64_t cmd_va;
	uint64_t cookie;
	uint32_t cmd_size;
	uint32_t nwaits;
	struct accel_fence *const *waits;
};

/**
 * struct sim_poll - a descriptor to make readable for good when a job is finished
 */
struct sim_poll {
	struct sim_poll *next;
	uint64_t number;
	int fd;
};

/**
 * struct sim_queue - a queue
 * @jobs: by number modulo depth: those that are not on the ring yet
 * @submitted, @issued, @done: numbers: given by the library, put on the ring, finished
 * @context: on the card; it stays taken until the ring forgot about it
 * @stopping: accel_queue_unref() is under way
 * @hung: number of the job that the watchdog stopped
 * @hung_packet: byte of the packet that it was in
 * @event_fd: the library's, -1 if not armed
 * @news: it is in sim_device.news
 */
struct sim_queue {
	struct accel_queue base;
	struct sim_queue *next;
	struct sim_queue *next_news;
	struct sim_job *jobs;
	uint64_t submitted;
	uint64_t issued;
	uint64_t done;
	unsigned int ring;
	uint32_t context;
	uint32_t timeout_ms;
	uint32_t limit_ms;
	enum accel_queue_status status;
	bool stopping;
	bool news;
	uint64_t hung;
	uint32_t hung_packet;
	int event_fd;
	struct sim_poll *polls;
	/* Sleepers wait for a change of @wake; nobody wakes where nobody sleeps. */
	atomic_uint wake;
	atomic_uint sleepers;
};

struct sim_context {
	struct accel_context base;
	uint64_t root;
	uint32_t tag;
	uint64_t *tables;
	size_t ntables;
	size_t tables_room;
};

struct sim_buffer {
	struct accel_buffer base;
	uint64_t at;
	bool local;
};

struct sim_device {
	struct accel_device base;
	struct loom_core *core;
	struct sim_options options;
	pthread_mutex_t lock;
	struct sim_arena arena;
	char *local;
	struct range local_free;
	uint64_t contexts_bus;
	struct loom_ctx_entry *contexts;
	uint32_t ncontexts;
	struct {
		bool used;
		uint32_t descriptors;
	} *context_state;
	uint32_t next_tag;
	uint64_t fault_bus;
	struct loom_fault *faults;
	struct sim_ring rings[SIM_RINGS_MAX + 1];
	unsigned int nrings;
	/* The card's; when its time was last looked at. */
	struct sim_thread *threads;
	uint64_t looked;
	struct sim_queue *queues;
	struct sim_queue *news;
	/* The card is being reset, is gone; resets of the card that are over. */
	bool resetting, lost;
	/* What the options ask for is armed. */
	bool injected;
	atomic_uint resets;
	/* Vectors that were raised and not looked at. */
	_Atomic uint64_t pending;

	pthread_t watchdog;
	pthread_mutex_t watchdog_lock;
	pthread_cond_t watchdog_cond;
	atomic_bool watchdog_quit;
	atomic_bool watchdog_parked;
	bool watchdog_started;
};

static inline struct sim_device *sim_device(const struct accel_device *device)
{
	return (struct sim_device *)device;
}

static inline struct sim_device *sim_of(const struct accel_context *context)
{
	return (struct sim_device *)context->device;
}

/* sim_unlock() also does what interrupts asked for while the lock was held. */
void sim_lock(struct sim_device *sim);
void sim_unlock(struct sim_device *sim);

static inline uint64_t sim_read(struct sim_device *sim, uint64_t reg, unsigned int size)
{
	return loom_core_mmio_read(sim->core, reg, size);
}

static inline void sim_write(struct sim_device *sim, uint64_t reg, uint64_t value,
			     unsigned int size)
{
	loom_core_mmio_write(sim->core, reg, value, size);
}

int sim_context_init(struct accel_context *context);
void sim_context_fini(struct accel_context *context);
/* Memory at @at, in the arena or with LOOM_PTE_LOCAL in local memory; nothing is mapped at @va. */
int sim_context_map(struct accel_context *context, uint64_t va, uint64_t at, uint64_t size,
		    uint64_t prot);
int sim_buffer_bind(struct accel_buffer *buffer);
int sim_buffer_unbind(struct accel_buffer *buffer);

int sim_buffer_init(struct accel_buffer *buffer);
void sim_buffer_fini(struct accel_buffer *buffer);
int sim_buffer_map(struct accel_buffer *buffer, void **ptr);
int sim_buffer_name(struct accel_buffer *buffer, const char *name);

int sim_rings_init(struct sim_device *sim);
void sim_rings_fini(struct sim_device *sim);
/* The rest of the rings' functions are called under the lock. */
void sim_ring_retire(struct sim_device *sim, unsigned int r);
/* Tell the card of a ring, which goes on with descriptor @retired. */
void sim_ring_start(struct sim_device *sim, unsigned int r);
/* Complete descriptor @retired, as aborted, in place of the card. */
void sim_ring_abort(struct sim_device *sim, unsigned int r);
/* Nothing on it will ever be completed. */
void sim_ring_forget(struct sim_device *sim, unsigned int r);
/* Put on their rings what waits for nothing any more: of one queue, of all. */
void sim_queue_fill(struct sim_device *sim, struct sim_queue *queue);
void sim_rings_fill(struct sim_device *sim);
/* An interrupt, from any thread. */
void sim_interrupt(struct sim_device *sim, uint64_t vectors);

int sim_queue_init(struct accel_queue *queue, const struct accel_queue_opts *opts);
void sim_queue_stop(struct accel_queue *queue);
void sim_queue_fini(struct accel_queue *queue);
int sim_queue_submit(struct accel_queue *queue, const struct backend_job *jobs, size_t n);
int sim_queue_wait(struct accel_queue *queue, uint64_t number, uint64_t deadline);
int sim_queue_status(struct accel_queue *queue);
int sim_queue_arm(struct accel_queue *queue, uint64_t number);
int sim_fence_fd(struct accel_fence *fence, int *fd);
/* Under the lock: job queue->done + 1 is finished; its record but for the number is written. */
void sim_queue_finish(struct sim_device *sim, struct sim_queue *queue);
/* Under the lock: a queue ends for this reason, if it has not yet; its context is stopped. */
void sim_queue_end(struct sim_device *sim, struct sim_queue *queue, enum accel_queue_status status);
/* Under the lock: all of its jobs are finished, those that are not by this error. */
void sim_queue_drop(struct sim_device *sim, struct sim_queue *queue, int error);
/* Under the lock: tell those who wait for what finished. */
void sim_queues_tell(struct sim_device *sim);

/* Registers of a card after a reset. */
int sim_card_start(struct sim_device *sim);

/* Under the lock. */
int sim_alive(struct sim_device *sim);
void sim_lost(struct sim_device *sim);
void sim_ring_reset(struct sim_device *sim, unsigned int r);
uint64_t sim_reset_ns(struct sim_device *sim);

/*
 * How long the card had time to do something since the last call; the watchdog's alone, under the
 * lock. A card that sleeps had all the time there was. One that does not had what its threads
 * got of processors: on a loaded machine, or one that stands still, that may be next to nothing.
 */
uint64_t sim_elapsed(struct sim_device *sim);

int sim_watchdog_start(struct sim_device *sim);
void sim_watchdog_stop(struct sim_device *sim);
/* Under the lock: there is work. */
void sim_watchdog_kick(struct sim_device *sim);

#endif
