/* SPDX-License-Identifier: MIT */
/*
 * What all fuzz targets share: a card whose front end is not a thread but a
 * fiber, in a host that gives it a small memory and watches what it does with it.
 *
 * One thread runs both sides, so one input always does the same. The front end
 * runs when the target says so, for a number of points: every host operation
 * and every look at its stop flag is one. Between them, where other threads
 * could change registers and memory, the target does it. The clock is virtual.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core.h"

#define FUZZ_RINGS	4
#define FUZZ_CONTEXTS	8
#define FUZZ_VECTORS	3

#define GUEST_BUS	0x100000000ull
#define GUEST_PAGES	64u
#define GUEST_LOCAL	0x10000u

#define PAGE(n)		(GUEST_BUS + (uint64_t)(n) * LOOM_PAGE_SIZE)

/* Ends the process with a finding. */
_Noreturn void fuzz_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define fuzz_check(cond, ...)			\
	do {					\
		if (!(cond))			\
			fuzz_die(__VA_ARGS__);	\
	} while (0)

/* ---- fiber.c ---- */

enum fiber_state { FIBER_IDLE, FIBER_BUSY };

void fiber_start(void *(*fn)(void *), void *arg);
void fiber_finish(void);
/* Let the front end run for at most @points points, or until it sleeps. */
enum fiber_state fiber_run(uint64_t points);
/* From a host operation of the front end. */
void fiber_point(void);
bool fiber_inside(void);
void fiber_rewind(void);
uint64_t fiber_now(void);

/* ---- guest.c: memory, and the host operations ---- */

extern const struct loom_host_ops guest_ops;

struct guest {
	uint8_t *mem, *local;
	uint64_t grain;			/* longest piece that one map gives, 0: no limit */
	bool silent;			/* the card must not touch anything */
	bool writable[GUEST_PAGES];	/* the card may be asked to write here */
	unsigned int maps;		/* outstanding */
	uint64_t irqs[FUZZ_VECTORS];
};

extern struct guest guest;

void guest_init(void);
/* The state that every input starts from is what memory holds now. */
void guest_seal(void);
/* Nothing changed but what the card reported as written; then start anew. */
void guest_restore(void);
uint64_t guest_load(uint64_t bus);
void guest_store(uint64_t bus, uint64_t value);
void guest_write(uint64_t bus, const void *from, size_t len);
void guest_read(uint64_t bus, void *to, size_t len);

/* ---- card.c ---- */

extern struct loom_core *card;

/* Build the card; @setup fills memory. Once per process. */
void card_build(void (*setup)(void));
/* Registers of a card as a driver sets them: contexts at PAGE(1), fault ring at PAGE(2). */
void card_enable(uint64_t features);
void card_ring_enable(unsigned int ring, unsigned int log2, uint64_t desc, uint64_t cqe,
		      uint64_t index);
void card_write32(uint64_t reg, uint32_t value);
void card_write64(uint64_t reg, uint64_t value);
uint64_t card_read(uint64_t reg, unsigned int size);
void card_quiesce(void);
void card_resume(void);
/*
 * Run until nothing is left to do: every ring has retired all that was
 * submitted, or is in error, halted, disabled or hung. FIBER_BUSY: some job is
 * longer than @points.
 */
enum fiber_state card_settle(uint64_t points);
/* The end of an input: reset, see that nothing is left of it. */
void card_end(void);

#define CARD_CTX	PAGE(1)
#define CARD_FAULTS	PAGE(2)
#define CARD_FAULT_LOG2	4

/* ---- space.c: where things are in memory, and address spaces ---- */

#define SPACE_INDEX(ring)	(PAGE(3) + 64 * (ring))
#define SPACE_DESC(ring)	PAGE(4 + (ring))
#define SPACE_CQE(ring)		PAGE(8 + (ring))
#define SPACE_DATA		12u	/* 16 pages of data, 4 that may only be read, */
#define SPACE_RO		28u
#define SPACE_TABLES		32u	/* 16 of tables, 8 of commands, 8 of nobody */
#define SPACE_CMD		48u
#define SPACE_GUARD		56u

#define DATA_VA		0x10000000ull	/* 16 pages, scattered */
#define LOCAL_VA	0x10040000ull	/* all of local memory */
#define RO_VA		0x10080000ull	/* 4 pages */
#define LARGE_VA	0x10200000ull	/* fuzz_mmu: a large page, mostly not memory */
#define LAST_VA		0xfffffffff000ull
#define CMD_VA		0xffffffe00000ull /* 8 pages */

#define RW	(LOOM_PTE_VALID | LOOM_PTE_LEAF | LOOM_PTE_READ | LOOM_PTE_WRITE)

/* The entry of @va at @level; its tables are made. */
uint64_t space_pte(uint64_t root, uint64_t va, unsigned int level);
/* A root; its spaces hold what is above. */
uint64_t space_build(void);
void space_context(unsigned int n, uint64_t root, uint32_t tag);
/* Only data, completions and fault records may be written by the card. */
void space_protect(void);

/* A command buffer: packets that follow each other. */
struct space_program {
	uint64_t va;
	uint32_t size;
};

/* Put @pkt, whose header is filled in, at @at in the pages of commands, and behind what @program has. */
void space_packet(uint64_t *at, struct space_program *program, uint16_t opcode, uint32_t size, void *pkt);

struct submission {
	uint64_t cmd_va, cookie;
	uint32_t cmd_size, context, flags;
};

/* Write descriptor and index, ring. Return: the index of the descriptor. */
uint64_t space_submit(unsigned int ring, unsigned int log2, const struct submission *submission);
/* The completion of descriptor @index: checked against what was submitted; its outcome. */
unsigned int space_completion(unsigned int ring, unsigned int log2, uint64_t index,
			      uint64_t cookie, uint32_t *fault);

/* ---- records.c: inputs that are a list of actions ---- */

struct record {
	uint8_t op, a, b, c;
	uint32_t d;
	uint64_t v;
};

#define RECORDS_MAX	64u

/* Record number @i; false at the end. */
bool record_get(const uint8_t *data, size_t size, size_t i, struct record *record);
/* Numbers at which things go wrong. */
uint64_t record_nasty(uint64_t n);
size_t records_mutate(uint8_t *data, size_t size, size_t max, unsigned int seed,
		      void (*invent)(struct record *, uint64_t (*rnd)(void)));

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);

uint64_t fuzz_random(void);
void fuzz_seed(uint64_t seed);

#endif
