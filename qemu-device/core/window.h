/* SPDX-License-Identifier: MIT */
/*
 * What a window sees as it moves over a tensor, as a matrix: its lines are the places of the
 * window, its values of k the taps and channels. Its values are fetched as they are needed.
 */
#ifndef LOOM_WINDOW_H
#define LOOM_WINDOW_H

#include "gemm.h"

#define LOOM_WINDOW_NEAR	64	/* pieces of rows */

/**
 * struct loom_window_near - where the values of the lines [@line, @line + @n) are at a tap, in
 * each channel: those that are not holes, in @pieces pieces
 */
struct loom_window_near {
	uint64_t tap, line, n;
	unsigned int pieces;
	bool holes, usable;
	struct {
		uint32_t at, n;
		uint64_t off;
	} piece[LOOM_WINDOW_NEAR];
};

/**
 * struct loom_window_view - x of one image and one group, or w of one group, as a matrix
 * @source: its head
 * @op: x or w
 * @off: offset of the first channel's first element
 * @channels, @channel: channels, and bytes from one to the next; k counts them fastest
 * @taps: in each spatial axis, the first ones 1 where there are fewer
 * @strides: bytes from one element to the next along these axes
 *
 * Of w only:
 * @line: bytes from one line, a channel of the result, to the next
 *
 * Of x only:
 * @out: places of the window that the lines count, @first the number of the first
 * @dims: elements
 * @window: how they relate
 * @hole: bits of what a hole holds
 * @near: of what was fetched last, for the other channels at the same tap; or NULL
 */
struct loom_window_view {
	struct loom_gemm_source source;
	const struct loom_operand *op;
	uint64_t off;
	uint64_t channels;
	int64_t channel;
	uint64_t taps[LOOM_WINDOW_AXES];
	int64_t strides[LOOM_WINDOW_AXES];
	int64_t line;
	uint64_t first;
	uint64_t out[LOOM_WINDOW_AXES];
	uint32_t dims[LOOM_WINDOW_AXES];
	struct loom_axis window[LOOM_WINDOW_AXES];
	uint32_t hole;
	struct loom_window_near *near;
};

/**
 * loom_window_view_x() - all but @off and @first, of the work's operand 1
 * @channels: that @k counts
 * @taps: in each of the work's spatial axes
 */
void loom_window_view_x(struct loom_window_view *view, const struct loom_work *work,
			uint64_t channels, const uint32_t *taps, uint32_t hole);

/**
 * struct loom_window_panel - where the lines of a panel are: rows of places along the last axis
 * @n: rows
 * @lane, @lanes: the first line of a row, and how many it has
 * @out: its first place
 */
struct loom_window_panel {
	uint32_t n;
	struct {
		uint8_t lane, lanes;
		uint32_t out[LOOM_WINDOW_AXES];
	} row[LOOM_PANEL_COLUMNS];
};

/** loom_window_panel() - of @n lines from @line on. */
void loom_window_panel(const struct loom_window_view *view, uint64_t line, uint64_t n,
		       struct loom_window_panel *panel);

/** loom_window_pieces() - what its lines see of a channel at @tap. */
void loom_window_pieces(const struct loom_window_view *view, const struct loom_window_panel *panel,
			const uint64_t *tap, struct loom_pieces *pieces);

/** loom_window_has_pieces() - of binary32, in the usual directions. */
bool loom_window_has_pieces(const struct loom_window_view *view);

/**
 * loom_window_gather() - the same of one channel, element by element, wherever these lie
 * @off: of the channel in the operand's view
 */
void loom_window_gather(const struct loom_window_view *view, const struct loom_pieces *pieces,
			uint64_t off, uint32_t *dst);

/** loom_window_view_w() - the same of a CONV's w. */
void loom_window_view_w(struct loom_window_view *view, const struct loom_work *work);

#endif
