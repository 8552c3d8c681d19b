/* SPDX-License-Identifier: MIT */
/*
 * What it takes to run the job of a dump again: memory, where it is mapped, what is in it, and how
 * the job is expected to end.
 *
 * A dump may be anybody's: replay_plan() checks all that dump_parse() does not, so that whoever
 * follows the plan needs to check nothing. Knows neither cards nor output.
 */
#ifndef ACCELCTL_REPLAY_H
#define ACCELCTL_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "dump.h"

/* All memory of a replay: what is not written takes none but page tables. */
#define REPLAY_BYTES_MAX	(64ull << 30)

/* struct replay_memory - as much of a buffer as is mapped; @ptr is for who follows the plan */
struct replay_memory {
	uint64_t buffer;
	uint64_t first;		/* offset in the buffer */
	uint64_t size;
	void *ptr;
};

struct replay_mapping {
	uint64_t va;
	uint64_t size;
	uint64_t offset;	/* in the memory */
	uint32_t memory;	/* index of it */
	bool writable;
	char label[65];
};

/* struct replay_end - how a job ended: the same for a dump and for what is seen in a replay */
struct replay_end {
	bool hang;
	bool packet_known;
	bool fault_known;	/* there is a record: code, va and access count */
	uint32_t outcome;	/* enum accel_outcome */
	uint32_t code;
	uint32_t packet;
	uint32_t access;
	uint64_t va;
};

struct replay_plan {
	const struct dump *dump;
	struct replay_memory *memory;
	uint32_t memories;
	struct replay_mapping *mapping;	/* by ascending address */
	uint32_t mappings;
	uint64_t va;			/* of the command buffer */
	uint32_t size;
	struct replay_end end;
	uint64_t mapped;		/* bytes of address space */
	uint64_t contents;		/* of these: bytes that the dump has */
	uint32_t absent;		/* mappings without any contents */
	uint32_t truncated;		/* mappings that lack a part */
	bool unprotected;		/* an older driver's: what is read-only is not known */
	bool late;			/* contents or program may have changed after the failure */
};

/* replay_plan() - NULL, or why the dump cannot be replayed; replay_plan_end() in any case. */
const char *replay_plan(struct replay_plan *plan, const struct dump *dump);
void replay_plan_end(struct replay_plan *plan);

/*
 * replay_fill() - write contents and program to memory, which has a place and is zero.
 * replay_write() - bytes at an address; what is not mapped is left out.
 */
void replay_fill(const struct replay_plan *plan);
void replay_write(const struct replay_plan *plan, uint64_t va, const uint8_t *data, uint64_t size);

/* Differences of an end from the one that is expected, as bits. */
enum replay_difference {
	REPLAY_OUTCOME	= 1 << 0,
	REPLAY_PACKET	= 1 << 1,
	REPLAY_CODE	= 1 << 2,
	REPLAY_ADDRESS	= 1 << 3,
	REPLAY_ACCESS	= 1 << 4,
};

unsigned int replay_compare(const struct replay_end *expected, const struct replay_end *seen);

#endif
