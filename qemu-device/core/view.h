/* SPDX-License-Identifier: MIT */
/*
 * A view is one operand's memory as the engines see it: a range of virtual
 * addresses, translated and checked by the MMU, backed by runs of contiguous
 * bytes in this process. Engines know nothing else of memory.
 */
#ifndef LOOM_VIEW_H
#define LOOM_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/**
 * struct loom_run - contiguous bytes of a view
 * @start: offset of the first byte from the view's start
 * @ptr: where it is
 */
struct loom_run {
	uint64_t start;
	uint8_t *ptr;
};

/**
 * struct loom_view - bytes [0, size) of an operand
 * @size: bytes
 * @nruns: runs; runs[i] ends where runs[i + 1] starts, the last at @size
 * @runs: in rising order, runs[0].start == 0
 * @index: NULL if @nruns is 1; else index[page] is the run that holds the first
 *         byte of that page, where page = (offset + @skew) >> 12
 * @skew: distance of the view's first byte from its page's start
 */
struct loom_view {
	uint64_t size;
	uint32_t nruns;
	uint32_t skew;
	const struct loom_run *runs;
	const uint32_t *index;
};

static inline uint32_t loom_view_run(const struct loom_view *view, uint64_t off)
{
	uint32_t i;

	if (view->nruns == 1)
		return 0;
	i = view->index[(off + view->skew) >> 12];
	while (i + 1 < view->nruns && view->runs[i + 1].start <= off)
		i++;
	return i;
}

/**
 * loom_view_at() - direct access
 * @avail: bytes that follow contiguously, at least 1
 *
 * @off must be below the view's size.
 */
static inline uint8_t *loom_view_at(const struct loom_view *view, uint64_t off, uint64_t *avail)
{
	uint32_t i = loom_view_run(view, off);
	uint64_t end = i + 1 < view->nruns ? view->runs[i + 1].start : view->size;

	*avail = end - off;
	return view->runs[i].ptr + (off - view->runs[i].start);
}

/**
 * loom_view_get() - @len bytes at @off, in place if they are contiguous, else
 * copied to @bounce
 */
static inline const void *loom_view_get(const struct loom_view *view, uint64_t off, uint64_t len,
					void *bounce)
{
	uint64_t avail, n;
	const uint8_t *p = loom_view_at(view, off, &avail);
	uint8_t *to = bounce;

	if (avail >= len)
		return p;
	while (len) {
		p = loom_view_at(view, off, &avail);
		n = avail < len ? avail : len;
		memcpy(to, p, n);
		to += n;
		off += n;
		len -= n;
	}
	return bounce;
}

/** loom_view_put() - write @len bytes at @off. */
static inline void loom_view_put(const struct loom_view *view, uint64_t off, const void *src,
				 uint64_t len)
{
	const uint8_t *from = src;
	uint64_t avail, n;

	while (len) {
		uint8_t *p = loom_view_at(view, off, &avail);

		n = avail < len ? avail : len;
		memcpy(p, from, n);
		from += n;
		off += n;
		len -= n;
	}
}

#endif
