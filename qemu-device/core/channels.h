/* SPDX-License-Identifier: MIT */
/*
 * Windows over binary32 that see each channel by itself, where channels are neighbours in memory: some of
 * them at a time, place by place. What a place sees of them at a tap is a row.
 */
#ifndef LOOM_CHANNELS_H
#define LOOM_CHANNELS_H

#include "rows.h"
#include "walk.h"
#include "window.h"

/** LOOM_CHANNELS - at a time, at most; LOOM_CHANNELS_TAPS - of a window */
#define LOOM_CHANNELS		256u
#define LOOM_CHANNELS_TAPS	128u

/**
 * struct loom_channels - some channels at a place
 * @view: of x, at the first of the channels of the place's image
 * @n: how many
 * @taps: of the window
 * @hole: what a place sees where there is nothing: @n of them
 * @bounce: room for what is not in one piece: @n for each tap
 * @lines: what the place sees, tap by tap
 */
struct loom_channels {
	struct loom_window_view view;
	uint64_t n, taps;
	const float *hole;
	float *bounce;
	const float *lines[LOOM_CHANNELS_TAPS];
	/* the next place, and of its row what it sees along the other axes */
	uint64_t out[LOOM_WINDOW_AXES], rows[LOOM_CHANNELS_TAPS];
	bool fresh;
};

/** loom_channels_can() - whether y and x, of a window of @taps taps, are of this kind. */
bool loom_channels_can(const struct loom_work *work, uint64_t taps);

/** loom_channels_last() - @op of the usual order of axes with the @n channels from @from on as the last. */
struct loom_operand loom_channels_last(const struct loom_operand *op, uint64_t from, uint64_t n);

/** loom_channels_begin() - channels from @from on, from place @place of image @image on. */
void loom_channels_begin(struct loom_channels *c, uint64_t image, uint64_t from, uint64_t place);

/** loom_channels_see() - @lines of the next place of the image. */
void loom_channels_see(struct loom_channels *c);

#endif
