// SPDX-License-Identifier: MIT
/*
 * POOL of the largest in binary32, a panel of places at a time: what the panels of a tile see is the
 * same in all channels of it.
 */
#include "numerics.h"
#include "tiles.h"
#include "window.h"

#define PANELS		8u	/* of a tile */
#define CHANNELS	32u
#define TAPS_MAX	64u
#define BOUNCE		16384u
#define WIDTH		(PANELS * LOOM_PANEL_COLUMNS)
#define MINUS_INFINITY	0xff800000u

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

static uint64_t places_of(const struct loom_operand *y)
{
	uint64_t n = 1;

	for (unsigned int i = 2; i < y->rank; i++)
		n *= y->dims[i];
	return n;
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
	return loom_window_has_pieces(&view);
}

void loom_pool_panels_plan(struct loom_work *work)
{
	const struct loom_operand *y = &work->operands[0];

	work->tiles = y->dims[0] * div_up(y->dims[1], CHANNELS) *
		      div_up(div_up(places_of(y), LOOM_PANEL_COLUMNS), PANELS);
	work->arena = BOUNCE + PANELS * work->u.pool.all_taps * sizeof(struct loom_pieces);
}

static int64_t stride(const struct loom_operand *op, unsigned int axis)
{
	return op->dims[axis] == 1 ? 0 : (int64_t)((uint64_t)op->strides[axis] * op->size);
}

/* What lies in several runs of memory, and too far apart to be put together. */
static void scattered(const struct loom_window_view *v, const struct loom_rows *rows,
		      const struct loom_pieces *taps, uint64_t k, float *max)
{
	uint32_t x[LOOM_PANEL_COLUMNS];

	for (unsigned int i = 0; i < LOOM_PANEL_COLUMNS; i++)
		max[i] = -INFINITY;
	for (uint64_t i = 0; i < k; i++) {
		loom_window_gather(v, &taps[i], v->off, x);
		rows->fold(LOOM_REDUCE_MAX, max, (const float *)x, LOOM_PANEL_COLUMNS);
	}
}

bool loom_pool_panels_tile(const struct loom_rows *rows, const struct loom_work *work,
			   uint64_t tile, struct loom_arena *arena, const atomic_uint *stop)
{
	const struct loom_operand *y = &work->operands[0], *x = &work->operands[1];
	uint64_t places = places_of(y), k = work->u.pool.all_taps, n;
	uint64_t across = div_up(div_up(places, LOOM_PANEL_COLUMNS), PANELS);
	uint64_t blocks = div_up(y->dims[1], CHANNELS), line = tile % across * WIDTH;
	uint64_t from = tile / across % blocks * CHANNELS, image = tile / across / blocks;
	uint64_t end = from + CHANNELS < y->dims[1] ? from + CHANNELS : y->dims[1];
	struct loom_pieces *pieces = (struct loom_pieces *)(arena->mem + BOUNCE);
	struct loom_finish finish = { .panel = LOOM_PANEL_COLUMNS, .act = LOOM_ACT_NONE };
	unsigned int mode = loom_float_enter();
	struct loom_window_view v;
	bool done = false;

	n = places - line < WIDTH ? places - line : WIDTH;
	loom_window_view_x(&v, work, 1, work->u.pool.taps, MINUS_INFINITY);
	loom_window_table(&v, line, n, k, pieces);
	for (uint64_t c = from; c < end; c++) {
		uint64_t to = y->origin + image * (uint64_t)stride(y, 0) +
			      c * (uint64_t)stride(y, 1) + line * 4;
		float max[WIDTH];

		if (atomic_load_explicit(stop, memory_order_relaxed))
			goto leave;
		v.off = x->origin + image * (uint64_t)stride(x, 0) + c * (uint64_t)stride(x, 1);
		for (uint64_t p = 0; p * LOOM_PANEL_COLUMNS < n; p++) {
			const struct loom_pieces *taps = pieces + p * k;
			const uint8_t *base = loom_window_base(&v, taps, k, arena->mem, BOUNCE);

			if (base)
				rows->largest(taps, k, base, max + p * LOOM_PANEL_COLUMNS);
			else
				scattered(&v, rows, taps, k, max + p * LOOM_PANEL_COLUMNS);
		}
		rows->finish(&finish, max, max, n);
		loom_view_put(&y->view, to, max, n * 4);
	}
	done = true;
leave:
	loom_float_leave(mode);
	return done;
}
