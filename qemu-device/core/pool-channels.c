// SPDX-License-Identifier: MIT
/* POOL of the largest in binary32, where channels are neighbours in memory: place by place. */
#include "channels.h"
#include "numerics.h"
#include "tiles.h"

#define TILE		(1u << 16)	/* results */
#define MINUS_INFINITY	0xff800000u

static uint64_t places_of(const struct loom_operand *y)
{
	uint64_t n = y->dims[0];

	for (unsigned int i = 2; i < y->rank; i++)
		n *= y->dims[i];
	return n;
}

bool loom_pool_has_channels(const struct loom_work *work)
{
	/* a window of one tap may be replaced by its result: such a tile must not begin anew */
	return work->u.pool.op == LOOM_POOL_MAX && !work->operands[2].dtype &&
	       work->u.pool.all_taps > 1 && loom_channels_can(work, work->u.pool.all_taps);
}

static uint64_t blocks_of(const struct loom_operand *y)
{
	return y->dims[1] / LOOM_CHANNELS + (y->dims[1] % LOOM_CHANNELS != 0);
}

void loom_pool_channels_plan(struct loom_work *work)
{
	const struct loom_operand *y = &work->operands[0];
	uint64_t n = y->dims[1] < LOOM_CHANNELS ? y->dims[1] : LOOM_CHANNELS;
	uint64_t places = places_of(y);

	work->u.pool.per = TILE / n;
	work->tiles = (places / work->u.pool.per + (places % work->u.pool.per != 0)) * blocks_of(y);
	work->arena = (work->u.pool.all_taps + 2) * LOOM_CHANNELS * 4;
}

bool loom_pool_channels_tile(const struct loom_rows *rows, const struct loom_work *work,
			     uint64_t tile, struct loom_arena *arena, const atomic_uint *stop)
{
	const struct loom_operand *op = &work->operands[0];
	uint64_t from = tile % blocks_of(op) * LOOM_CHANNELS, left = op->dims[1] - from;
	uint64_t n = left < LOOM_CHANNELS ? left : LOOM_CHANNELS, places = places_of(op);
	uint64_t per = places / op->dims[0], place = tile / blocks_of(op) * work->u.pool.per;
	struct loom_operand y = loom_channels_last(op, from, n);
	float *hole = (float *)(void *)arena->mem, *acc = hole + n;
	struct loom_channels c = { .n = n, .taps = work->u.pool.all_taps, .hole = hole, .bounce = acc + n };
	uint64_t end = place + work->u.pool.per < places ? place + work->u.pool.per : places;
	struct loom_walk to;

	loom_window_view_x(&c.view, work, 1, work->u.pool.taps, MINUS_INFINITY);
	for (uint64_t i = 0; i < n; i++)
		hole[i] = -INFINITY;
	loom_walk_init(&to, &y, &y, place * n);
	loom_channels_begin(&c, place / per, from, place % per);
	for (; place < end; place++) {
		if (place % per == 0)
			loom_channels_begin(&c, place / per, from, 0);
		if (place % 64 == 0 && atomic_load_explicit(stop, memory_order_relaxed))
			return false;
		loom_channels_see(&c);
		rows->largest_channels(c.lines, c.taps, n, acc);
		loom_view_put(&y.view, to.off, acc, n * 4);
		loom_walk_skip(&to, n);
	}
	return true;
}
