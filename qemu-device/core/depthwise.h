/* SPDX-License-Identifier: MIT */
/* CONV of each channel by itself. */
#ifndef LOOM_DEPTHWISE_H
#define LOOM_DEPTHWISE_H

#include "engine.h"
#include "rows.h"
#include "walk.h"

/** loom_depthwise_in_place() - whether results take a residual's place: such a tile must not begin anew. */
static inline bool loom_depthwise_in_place(const struct loom_work *work)
{
	return loom_overlap(&work->operands[0], &work->operands[5]);
}

/** loom_depthwise_can() - whether a CONV is one that this does. */
bool loom_depthwise_can(const struct loom_work *work);

/** loom_depthwise_plan() - tiles and arena. */
void loom_depthwise_plan(struct loom_work *work);

/** loom_depthwise_tile() - see loom_tile_fn. */
bool loom_depthwise_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
			 struct loom_arena *arena, const atomic_uint *stop);

/** loom_depthwise_has_channels() - whether it is one whose channels are neighbours; what does it. */
bool loom_depthwise_has_channels(const struct loom_work *work);
void loom_depthwise_channels_plan(struct loom_work *work);
bool loom_depthwise_channels_tile(const struct loom_rows *rows, const struct loom_work *work,
				  uint64_t tile, struct loom_arena *arena, const atomic_uint *stop);

#endif
