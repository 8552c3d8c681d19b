// SPDX-License-Identifier: MIT
/*
 * POOL of the largest in binary32: a tile is a part of some channels of an image; what it sees is the
 * same in all of its channels.
 */
#include "numerics.h"
#include "tiles.h"
#include "sweep.h"

#define CHANNELS	32u
#define TAPS_MAX	64u
#define MINUS_INFINITY	0xff800000u

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

bool loom_pool_has_panels(const struct loom_work *work)
{
	const struct loom_operand *y = &work->operands[0], *x = &work->operands[1];
	struct loom_window_view view;
	uint64_t stride = 1;

	/* a window of one tap may be replaced by its result: such a tile must not begin anew */
	if (work->u.pool.op != LOOM_POOL_MAX || x->dtype != LOOM_DTYPE_F32 ||
	    y->dtype != LOOM_DTYPE_F32 || work->operands[2].dtype || work->u.pool.all_taps < 2 ||
	    work->u.pool.all_taps > TAPS_MAX || work->u.pool.by_channel)
		return false;
	for (unsigned int i = y->rank; i-- > 2; stride *= y->dims[i])
		if (y->dims[i] != 1 && (uint64_t)y->strides[i] != stride)
			return false;
	loom_window_view_x(&view, work, 1, work->u.pool.taps, MINUS_INFINITY);
	return loom_sweep_can(&view);
}

void loom_pool_panels_plan(struct loom_work *work)
{
	const struct loom_operand *y = &work->operands[0];
	struct loom_sweep_plan plan;
	struct loom_window_view v;

	loom_window_view_x(&v, work, 1, work->u.pool.taps, MINUS_INFINITY);
	loom_sweep_plan(&v, &plan);
	work->tiles = y->dims[0] * div_up(y->dims[1], CHANNELS) * plan.blocks * plan.segments;
	work->arena = plan.arena;
}

static int64_t stride(const struct loom_operand *op, unsigned int axis)
{
	return op->dims[axis] == 1 ? 0 : (int64_t)((uint64_t)op->strides[axis] * op->size);
}

bool loom_pool_panels_tile(const struct loom_rows *rows, const struct loom_work *work,
			   uint64_t tile, struct loom_arena *arena, const atomic_uint *stop)
{
	const struct loom_operand *y = &work->operands[0], *x = &work->operands[1];
	struct loom_finish finish = { .panel = LOOM_PANEL_COLUMNS, .act = LOOM_ACT_NONE };
	unsigned int mode = loom_float_enter();
	uint64_t parts, blocks = div_up(y->dims[1], CHANNELS), from, end, image;
	struct loom_sweep_plan plan;
	struct loom_sweep_part part;
	struct loom_window_view v;
	bool done = false;

	loom_window_view_x(&v, work, 1, work->u.pool.taps, MINUS_INFINITY);
	loom_sweep_plan(&v, &plan);
	parts = plan.blocks * plan.segments;
	loom_sweep_part(&v, &plan, tile % parts, arena->mem, &part);
	from = tile / parts % blocks * CHANNELS;
	image = tile / parts / blocks;
	end = from + CHANNELS < y->dims[1] ? from + CHANNELS : y->dims[1];
	for (uint64_t c = from; c < end; c++) {
		uint64_t to = y->origin + image * (uint64_t)stride(y, 0) +
			      c * (uint64_t)stride(y, 1) + part.first * 4;
		uint64_t n = part.sweep.width, next = v.out[LOOM_WINDOW_AXES - 1] * 4;
		float max[LOOM_SWEEP_PLACES];

		v.off = x->origin + image * (uint64_t)stride(x, 0) + c * (uint64_t)stride(x, 1);
		if (!loom_sweep_place(&part, stop))
			goto leave;
		rows->largest(&part.sweep, part.lines, part.n, max);
		rows->finish(&finish, max, max, n * part.n);
		if (part.follow)
			loom_view_put(&y->view, to, max, n * part.n * 4);
		for (uint64_t i = 0; !part.follow && i < part.n; i++)
			loom_view_put(&y->view, to + i * next, max + i * n, n * 4);
	}
	done = true;
leave:
	loom_float_leave(mode);
	return done;
}
