/* SPDX-License-Identifier: MIT */
/*
 * Windows over binary32 that see each channel by itself: rows of places at a time. What a row's lanes see
 * is the same in all rows and channels, only the lines that they see it in are others.
 */
#ifndef LOOM_SWEEP_H
#define LOOM_SWEEP_H

#include "window.h"

/**
 * struct loom_sweep_plan - parts of a channel of the result
 * @rows, @width: rows of places of a part, and places of each
 * @blocks, @segments: parts along the rows and along the places
 * @seen: elements that a part sees of a channel
 * @arena: bytes that a part needs
 */
struct loom_sweep_plan {
	uint64_t rows, width, blocks, segments, seen;
	size_t arena;
};

/**
 * struct loom_sweep_part - a part, and what it sees
 * @view: of x
 * @sweep: for struct loom_rows
 * @first, @n: number of its first place among the channel's, and its rows
 * @follow: its places follow each other in the result: all are one row
 * @lines: what sees what, for the channel that was placed last
 */
struct loom_sweep_part {
	const struct loom_window_view *view;
	struct loom_sweep sweep;
	uint64_t first, n;
	bool follow;
	const uint8_t **lines;
	/* bytes from the channel's first element to each line's; elements that it is seen from and to */
	int64_t *offs, low, high;
	float *holes, *bounce;
};

/** LOOM_SWEEP_PLACES - of a part at most */
#define LOOM_SWEEP_PLACES	2048u

/** loom_sweep_can() - whether this is a window of the usual kind. */
bool loom_sweep_can(const struct loom_window_view *view);

void loom_sweep_plan(const struct loom_window_view *view, struct loom_sweep_plan *plan);

/** loom_sweep_part() - part @index of @plan's; @mem: its arena, 64-byte aligned. */
void loom_sweep_part(const struct loom_window_view *view, const struct loom_sweep_plan *plan,
		     uint64_t index, uint8_t *mem, struct loom_sweep_part *part);

/** loom_sweep_place() - the channel at the view's @off; false: stopped. */
bool loom_sweep_place(struct loom_sweep_part *part, const atomic_uint *stop);

#endif
