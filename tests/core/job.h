/* SPDX-License-Identifier: MIT */
/*
 * Packets without a card: a small address space, tensors in it, and the engines.
 */
#ifndef TEST_JOB_H
#define TEST_JOB_H

#include "engine.h"

/**
 * struct memory - virtual pages in any order of host pages
 */
struct memory {
	uint8_t *host;
	uint32_t *map;
	uint32_t pages;
	uint64_t next;	/* first free address */
};

/* Place tensors first, then commit: only what they need is there. */
void memory_init(struct memory *mem);
void memory_commit(struct memory *mem, bool shuffle, uint64_t seed);
void memory_free(struct memory *mem);
/* Same contents and same order of pages. */
void memory_copy(struct memory *to, const struct memory *from);
bool memory_equal(const struct memory *a, const struct memory *b);
void memory_read(const struct memory *mem, uint64_t va, void *to, uint64_t len);
void memory_write(struct memory *mem, uint64_t va, const void *from, uint64_t len);

struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *rng);
/* 0 .. n - 1 */
uint64_t rng_below(struct rng *rng, uint64_t n);

/* How wild tensor_fill() is: out of 256 elements, how many are NaN, infinite, subnormal ... */
enum { TAME = 0, SPECIAL = 8, WILD = 256 };

/* A tensor in rows as they are in C. */
void tensor_plain(struct memory *mem, struct loom_tensor *tensor, unsigned int dtype,
		  unsigned int rank, const uint32_t *dims);
/* A matrix in panels, batch axes around it. */
void tensor_panels(struct memory *mem, struct loom_tensor *tensor, unsigned int dtype,
		   unsigned int rank, const uint32_t *dims);
/* Any order of axes, gaps, negative strides; if it is only read, repeated axes. */
void tensor_random(struct memory *mem, struct loom_tensor *tensor, unsigned int dtype,
		   unsigned int rank, const uint32_t *dims, bool write, struct rng *rng);
/* Some axes that are 1 or absent, as broadcasting to @dims allows. */
unsigned int dims_broadcast(const uint32_t *dims, unsigned int rank, unsigned int keep,
			    uint32_t *out, struct rng *rng);
void tensor_fill(struct memory *mem, const struct loom_tensor *tensor, unsigned int wild,
		 struct rng *rng);

/* Few axes of any length, or many short ones; now and then none, or an empty one. */
unsigned int shape_random(uint32_t *dims, struct rng *rng);
/* Any activation with parameters that it takes; of integers only those that they have. */
void act_random(uint32_t *act, uint32_t *param, bool integer, struct rng *rng);

void header_init(struct loom_pkt_header *header, unsigned int opcode, size_t size);

/*
 * Decode the packet and run its tiles in an order of @rng's, on @threads
 * threads. Every tile is first run with stop set, which must change nothing.
 * @disturb: another thread sets and clears stop all the time; @duty tells for how many of 10000
 * moments it is set, of zero for one.
 * @claim: the tiles of a product find that somebody else packs the first panels, who
 * gives them up when nothing else is left to pack.
 * Returns false if the packet does not decode or an engine misbehaves.
 */
struct job_options {
	unsigned int threads;
	bool disturb;
	bool claim;
	unsigned int duty;
};

bool job_run(struct memory *mem, const char *engine, const void *packet, struct rng *rng,
	     const struct job_options *options);

/*
 * Whether the packet's first tile stops amid its work. Told so it is by what it writes itself: stop is the
 * word at @va, which is zero at first.
 */
bool job_stops(struct memory *mem, const char *engine, const void *packet, uint64_t va);

/*
 * The same packet on the reference engine and on every other: all memory must
 * be equal afterwards. Returns the name of an engine that differs, or NULL.
 */
const char *job_compare(const struct memory *mem, const void *packet, struct rng *rng);

#endif
