// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "range.h"

/* Grown by range_alloc() for all that range_free() may need: that cannot fail. */
static int reserve(struct range *range, size_t room)
{
	struct range_hole *holes;

	if (room <= range->room)
		return 0;
	room += room / 2 + 16;
	holes = realloc(range->holes, room * sizeof(*holes));
	if (!holes)
		return -ENOMEM;
	range->holes = holes;
	range->room = room;
	return 0;
}

int range_init(struct range *range, uint64_t start, uint64_t end)
{
	memset(range, 0, sizeof(*range));
	if (reserve(range, 1))
		return -ENOMEM;
	if (start < end)
		range->holes[range->count++] = (struct range_hole){ start, end };
	return 0;
}

static void insert(struct range *range, size_t i, uint64_t start, uint64_t end)
{
	memmove(range->holes + i + 1, range->holes + i,
		(range->count - i) * sizeof(range->holes[0]));
	range->holes[i] = (struct range_hole){ start, end };
	range->count++;
}

static void erase(struct range *range, size_t i)
{
	range->count--;
	memmove(range->holes + i, range->holes + i + 1,
		(range->count - i) * sizeof(range->holes[0]));
}

int range_alloc(struct range *range, uint64_t size, uint64_t align, uint64_t *start)
{
	size_t i;

	range->used++;
	if (reserve(range, range->count + range->used + 1)) {
		range->used--;
		return -ENOMEM;
	}
	for (i = 0; i < range->count; i++) {
		struct range_hole *hole = &range->holes[i];
		uint64_t at = (hole->start + align - 1) & ~(align - 1);
		uint64_t end = hole->end;

		if (at < hole->start || at > end || end - at < size)
			continue;
		*start = at;
		if (at == hole->start && at + size == end) {
			erase(range, i);
		} else if (at == hole->start) {
			hole->start = at + size;
		} else {
			hole->end = at;
			if (at + size != end)
				insert(range, i + 1, at + size, end);
		}
		return 0;
	}
	range->used--;
	return -ENOSPC;
}

void range_free(struct range *range, uint64_t start, uint64_t size)
{
	uint64_t end = start + size;
	size_t lo = 0, hi = range->count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (range->holes[mid].start < start)
			lo = mid + 1;
		else
			hi = mid;
	}
	range->used--;
	if (lo < range->count && range->holes[lo].start == end) {
		range->holes[lo].start = start;
		if (lo && range->holes[lo - 1].end == start) {
			range->holes[lo - 1].end = range->holes[lo].end;
			erase(range, lo);
		}
	} else if (lo && range->holes[lo - 1].end == start) {
		range->holes[lo - 1].end = end;
	} else {
		insert(range, lo, start, end);
	}
}

uint64_t range_total(const struct range *range)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < range->count; i++)
		sum += range->holes[i].end - range->holes[i].start;
	return sum;
}

void range_fini(struct range *range)
{
	free(range->holes);
	memset(range, 0, sizeof(*range));
}
