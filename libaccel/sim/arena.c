// SPDX-License-Identifier: MIT
/*
 * Memory of the card's host. Bus addresses are offsets in one reservation: what
 * was never given out is not accessible, so that a card gone astray is noticed.
 */
#include <sys/mman.h>

#include "sim.h"

#define ARENA_MOST	(1ull << 40)
#define ARENA_LEAST	(1ull << 28)

int sim_arena_init(struct sim_arena *arena)
{
	uint64_t size;
	void *base = MAP_FAILED;

	/* A limit on address space (ulimit -v) leaves room for less. */
	for (size = ARENA_MOST; size >= ARENA_LEAST; size /= 4) {
		base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			    -1, 0);
		if (base != MAP_FAILED)
			break;
	}
	if (base == MAP_FAILED)
		return err(-ENOMEM, "see ulimit -v", "no address space for the simulated card");
	/* Large pages need alignment of both addresses. */
	arena->base = (char *)(((uintptr_t)base + HUGE_SIZE - 1) & ~(uintptr_t)(HUGE_SIZE - 1));
	arena->size = size - HUGE_SIZE;
	if (arena->base != base)
		munmap(base, (size_t)(arena->base - (char *)base));
	else
		munmap((char *)base + arena->size, HUGE_SIZE);
	if (arena->base != base)
		munmap(arena->base + arena->size,
		       HUGE_SIZE - (size_t)(arena->base - (char *)base));
	if (range_init(&arena->free, HUGE_SIZE, arena->size)) {
		munmap(arena->base, arena->size);
		arena->base = NULL;
		return err_nomem("the simulated card");
	}
	return 0;
}

void sim_arena_fini(struct sim_arena *arena)
{
	munmap(arena->base, arena->size);
	range_fini(&arena->free);
}

static int no_memory(uint64_t size)
{
	return err(-ENOMEM, "free buffers",
		   "no %llu bytes of memory for the simulated card", (unsigned long long)size);
}

int sim_arena_alloc(struct sim_arena *arena, uint64_t size, uint64_t *bus)
{
	uint64_t align = size >= HUGE_SIZE ? HUGE_SIZE : PAGE_SIZE;
	void *memory;

	/*
	 * Not MAP_NORESERVE: what the machine cannot have fails here, not later. And not in its place at
	 * once: before Linux 6.12 the reservation is gone when that fails, and somebody else's
	 * memory may come to lie there.
	 */
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return no_memory(size);
	if (range_alloc(&arena->free, size, align, bus)) {
		munmap(memory, size);
		return no_memory(size);
	}
	if (mremap(memory, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, arena->base + *bus) == MAP_FAILED) {
		/* Whether the reservation is still there is not known: this part is not used again. */
		munmap(memory, size);
		return no_memory(size);
	}
	if (size >= HUGE_SIZE)
		madvise(arena->base + *bus, size, MADV_HUGEPAGE);
	return 0;
}

void sim_arena_free(struct sim_arena *arena, uint64_t bus, uint64_t size)
{
	/* A fresh mapping: the pages are given back, what is read next time is zero. */
	if (mmap(arena->base + bus, size, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return;
	range_free(&arena->free, bus, size);
}
