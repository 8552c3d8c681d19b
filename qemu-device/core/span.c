// SPDX-License-Identifier: MIT
/*
 * Host memory as the card holds it: spans of operands while a packet runs, and
 * windows onto what a ring reads again and again.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core.h"

#define LARGE_PAGE (2ull << 20)

#define PER_PAGE (sizeof(struct loom_run) + sizeof(struct loom_map) + sizeof(uint32_t))

static uint64_t page_count(uint64_t va, uint64_t len)
{
	return ((va & (LOOM_PAGE_SIZE - 1)) + len + LOOM_PAGE_SIZE - 1) / LOOM_PAGE_SIZE;
}

/**
 * loom_span_cost() - private memory that the translation of a range needs at
 * worst, with every page on its own
 */
uint64_t loom_span_cost(uint64_t va, uint64_t len)
{
	uint64_t pages = page_count(va, len);

	return pages <= SPAN_INLINE ? 0 : pages * PER_PAGE;
}

/** loom_span_prepare() - room for the translation of a range; false: no memory */
bool loom_span_prepare(struct span *span, uint64_t va, uint64_t len)
{
	uint64_t pages = page_count(va, len);
	uint8_t *block;

	span->nruns = 0;
	span->nmaps = 0;
	span->host = false;
	span->dirty = false;
	span->runs = span->small.runs;
	span->maps = span->small.maps;
	span->index = span->small.index;
	if (pages <= SPAN_INLINE)
		return true;
	/* untouched until the walk comes to it: large pages cost what they need */
	block = malloc(pages * PER_PAGE);
	if (!block)
		return false;
	span->block = block;
	span->runs = (struct loom_run *)block;
	block += pages * sizeof(struct loom_run);
	span->maps = (struct loom_map *)block;
	block += pages * sizeof(struct loom_map);
	span->index = (uint32_t *)block;
	return true;
}

static void local_written(struct loom_core *core, const struct span *span)
{
	uintptr_t local = (uintptr_t)core->config.local;

	if (!core->ops.local_written)
		return;
	for (uint32_t i = 0; i < span->nruns; i++) {
		uint64_t end = i + 1 < span->nruns ? span->runs[i + 1].start : span->size;
		uintptr_t at = (uintptr_t)span->runs[i].ptr;

		if (at >= local && at - local < core->config.local_size)
			core->ops.local_written(core->host, at - local, end - span->runs[i].start);
	}
}

/** loom_span_drop() - give up all memory; the span can be walked again */
void loom_span_drop(struct loom_core *core, struct span *span)
{
	if (span->dirty && span->write)
		local_written(core, span);
	for (uint32_t i = 0; i < span->nmaps; i++)
		core->ops.unmap(core->host, &span->maps[i],
				span->dirty && span->write ? span->maps[i].len : 0);
	span->nmaps = 0;
	span->nruns = 0;
	span->size = 0;
	span->host = false;
	span->dirty = false;
}

void loom_span_free(struct loom_core *core, struct span *span)
{
	loom_span_drop(core, span);
	free(span->block);
	span->block = NULL;
}

void loom_window_drop(struct loom_core *core, struct window *window)
{
	if (!window->mapped)
		return;
	window->mapped = false;
	core->ops.unmap(core->host, &window->map, 0);
}

static bool window_map(struct loom_core *core, struct window *window, uint64_t bus, uint64_t total,
		       uint64_t need)
{
	loom_window_drop(core, window);
	window->map = (struct loom_map){ 0 };
	if (core->ops.map(core->host, bus, total, false, &window->map))
		return false;
	window->mapped = true;
	window->bus = bus;
	if (window->map.len >= need && (uintptr_t)window->map.ptr % 8 == 0)
		return true;
	loom_window_drop(core, window);
	return false;
}

/**
 * loom_window_get() - [bus, bus + len) of the @total bytes at @base, for reading
 *
 * Return: NULL if it is not memory, or not now
 */
const void *loom_window_get(struct loom_core *core, struct window *window, uint64_t base,
			    uint64_t total, uint64_t bus, uint64_t len)
{
	uint64_t off;

	if (window->mapped) {
		off = bus - window->bus;
		if (bus >= window->bus && off <= window->map.len && window->map.len - off >= len)
			return (uint8_t *)window->map.ptr + off;
	}
	off = bus - base;
	if (window_map(core, window, base, total, off + len))
		return (uint8_t *)window->map.ptr + off;
	if (off && window_map(core, window, bus, total - off, len))
		return window->map.ptr;
	return NULL;
}

/**
 * loom_large_alloc() - memory that engines go through again and again, @size bytes
 *
 * In large pages if the host gives any: panels of a matrix are more pages than a
 * processor remembers the addresses of. To be freed with free().
 */
void *loom_large_alloc(uint64_t size)
{
	uint64_t align = size >= LARGE_PAGE ? LARGE_PAGE : 64;
	void *mem = aligned_alloc(align, (size + align - 1) & ~(align - 1));

#if defined(MADV_HUGEPAGE)
	if (mem && align == LARGE_PAGE)
		madvise(mem, size & ~(LARGE_PAGE - 1), MADV_HUGEPAGE);
#endif
	return mem;
}

/**
 * loom_copy_in() - the one copy of what a guest may be changing meanwhile
 *
 * By whole words, each read once. Both ends are 8 aligned.
 */
void loom_copy_in(void *to, const void *from, uint64_t len)
{
	const uint64_t *src = from;
	uint64_t *dst = to;

	for (uint64_t i = 0; i < len / 8; i++)
		dst[i] = __atomic_load_n(&src[i], __ATOMIC_RELAXED);
}
