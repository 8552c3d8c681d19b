/* SPDX-License-Identifier: MIT */
/*
 * Allocator of address ranges: virtual addresses of a context, and memory of
 * the simulated card. Not locked.
 */
#ifndef ACCEL_PRIV_RANGE_H
#define ACCEL_PRIV_RANGE_H

#include <stddef.h>
#include <stdint.h>

struct range_hole {
	uint64_t start;
	uint64_t end;
};

/**
 * struct range - free ranges in rising order, never touching each other
 * @used: allocations; each can add a hole when it is freed
 */
struct range {
	struct range_hole *holes;
	size_t count;
	size_t room;
	size_t used;
};

/** range_init() - everything in [@start, @end) is free. Errors: -ENOMEM. */
int range_init(struct range *range, uint64_t start, uint64_t end);

/** range_alloc() - lowest fit; @align is a power of two. Errors: -ENOSPC, -ENOMEM. */
int range_alloc(struct range *range, uint64_t size, uint64_t align, uint64_t *start);

/** range_free() - give back what range_alloc() returned. */
void range_free(struct range *range, uint64_t start, uint64_t size);

/** range_total() - how much is free, in all pieces. */
uint64_t range_total(const struct range *range);

void range_fini(struct range *range);

#endif
