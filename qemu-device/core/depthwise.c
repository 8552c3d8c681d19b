// SPDX-License-Identifier: MIT
/*
 * CONV of each channel by itself, in binary32: no product of matrices, but a sum over taps for a
 * panel of places at a time. A tile is some panels of some channels of an image; what the panels
 * see is the same in all of its channels.
 */
#include "depthwise.h"
#include "numerics.h"
#include "walk.h"
#include "window.h"

#define PANELS		8u	/* of a tile: what they see is kept */
#define CHANNELS	64u
#define CHANNELS_RES	16u	/* if there is a residual: y may be in its place, so such tiles do not stop */
#define TAPS_MAX	128u
#define BOUNCE		16384u	/* what a panel sees of a channel, at most, if it is put together */

#define WIDTH	(PANELS * LOOM_PANEL_COLUMNS)

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

/* Places lie one after the other in memory. */
static bool is_dense(const struct loom_operand *op)
{
	uint64_t stride = 1;

	for (unsigned int i = op->rank; i-- > 2; stride *= op->dims[i])
		if (op->dims[i] != 1 && (uint64_t)op->strides[i] != stride)
			return false;
	return true;
}

bool loom_depthwise_can(const struct loom_work *work)
{
	const struct loom_operand *op = work->operands, *y = &op[0], *w = &op[2], *res = &op[5];
	struct loom_window_view view;

	if (w->dims[1] != 1 || w->dims[2] != 1 || !work->u.gemm.k || work->u.gemm.k > TAPS_MAX ||
	    y->dtype != LOOM_DTYPE_F32 || w->dtype != LOOM_DTYPE_F32 || !is_dense(y))
		return false;
	loom_window_view_x(&view, work, 1, w->dims + 3, (uint32_t)work->u.gemm.a_zero);
	if (!loom_window_has_pieces(&view))
		return false;
	if (!res->dtype)
		return true;
	for (unsigned int i = 0; i < y->rank; i++)
		if (res->rank != y->rank || res->dims[i] != y->dims[i])
			return false;
	return res->dtype == LOOM_DTYPE_F32 && is_dense(res);
}

void loom_depthwise_plan(struct loom_work *work)
{
	const struct loom_operand *y = &work->operands[0];
	uint64_t panels = div_up(places_of(y), LOOM_PANEL_COLUMNS);

	work->u.gemm.tile_m = work->operands[5].dtype ? CHANNELS_RES : CHANNELS;
	work->u.gemm.tiles_m = div_up(y->dims[1], work->u.gemm.tile_m);
	work->u.gemm.tiles_n = div_up(panels, PANELS);
	work->tiles = y->dims[0] * work->u.gemm.tiles_m * work->u.gemm.tiles_n;
	work->arena = BOUNCE + PANELS * work->u.gemm.k * sizeof(struct loom_pieces);
	work->shared = work->shared_zero = 0;
}

static int64_t stride(const struct loom_operand *op, unsigned int axis)
{
	return op->dims[axis] == 1 ? 0 : (int64_t)((uint64_t)op->strides[axis] * op->size);
}

/* Element @channel of bias or scale. */
static const float *one(const struct loom_operand *op, uint64_t channel, float *bounce)
{
	uint64_t at = op->origin;

	if (!op->dtype)
		return NULL;
	at += channel * (uint64_t)stride(op, op->rank - 1u);
	memcpy(bounce, loom_view_get(&op->view, at, 4, bounce), 4);
	return bounce;
}

/* What lies in several runs of memory, and too far apart to be put together. */
static void scattered(const struct loom_window_view *v, const struct loom_pieces *taps, uint64_t k,
		      const float *w, float *acc)
{
	uint32_t x[LOOM_PANEL_COLUMNS];

	memset(acc, 0, LOOM_PANEL_COLUMNS * 4);
	for (uint64_t i = 0; i < k; i++) {
		loom_window_gather(v, &taps[i], v->off, x);
		for (unsigned int j = 0; j < LOOM_PANEL_COLUMNS; j++)
			acc[j] = fmaf(loom_f32_of(x[j]), w[i], acc[j]);
	}
}

bool loom_depthwise_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
			 struct loom_arena *arena, const atomic_uint *stop)
{
	const struct loom_operand *op = work->operands, *y = &op[0], *x = &op[1], *res = &op[5];
	uint64_t first = tile % work->u.gemm.tiles_n * PANELS, places = places_of(y);
	uint64_t from = tile / work->u.gemm.tiles_n % work->u.gemm.tiles_m * work->u.gemm.tile_m;
	uint64_t image = tile / work->u.gemm.tiles_n / work->u.gemm.tiles_m;
	uint64_t end = from + work->u.gemm.tile_m, k = work->u.gemm.k, line = first * LOOM_PANEL_COLUMNS, n;
	struct loom_pieces *pieces = (struct loom_pieces *)(arena->mem + BOUNCE);
	unsigned int mode = loom_float_enter();
	struct loom_window_view vx, vw;
	bool done = false;

	end = end < y->dims[1] ? end : y->dims[1];
	n = places - line < WIDTH ? places - line : WIDTH;
	loom_window_view_x(&vx, work, 1, op[2].dims + 3, 0);
	loom_window_table(&vx, line, n, k, pieces);
	for (uint64_t c = from; c < end; c++) {
		float acc[WIDTH], old[WIDTH], by[TAPS_MAX], bias, scale;
		const float *w;
		uint64_t to = y->origin + image * (uint64_t)stride(y, 0) +
			      c * (uint64_t)stride(y, 1) + line * 4;
		struct loom_finish finish = {
			.bias = one(&op[3], c, &bias), .scale = one(&op[4], c, &scale),
			.panel = LOOM_PANEL_COLUMNS, .act = work->u.gemm.act,
			.param = { work->u.gemm.param[0], work->u.gemm.param[1] },
		};

		if ((c == from || !res->dtype) && atomic_load_explicit(stop, memory_order_relaxed))
			goto leave;
		/* taps of one channel of the result: the view's only line */
		loom_window_view_w(&vw, work);
		vw.off = op[2].origin + c * (uint64_t)stride(&op[2], 0);
		w = vw.source.get_along(&vw.source, 0, 0, k, by);
		vx.off = x->origin + image * (uint64_t)stride(x, 0) + c * (uint64_t)stride(x, 1);
		for (uint64_t p = 0; p * LOOM_PANEL_COLUMNS < n; p++) {
			const struct loom_pieces *taps = pieces + p * k;
			const uint8_t *base = loom_window_base(&vx, taps, k, arena->mem, BOUNCE);

			if (base)
				rows->depth(taps, k, base, w, acc + p * LOOM_PANEL_COLUMNS);
			else
				scattered(&vx, taps, k, w, acc + p * LOOM_PANEL_COLUMNS);
		}
		if (res->dtype)
			finish.residual = loom_view_get(&res->view, res->origin +
							image * (uint64_t)stride(res, 0) +
							c * (uint64_t)stride(res, 1) + line * 4,
							n * 4, old);
		rows->finish(&finish, acc, acc, n);
		loom_view_put(&y->view, to, acc, n * 4);
	}
	done = true;
leave:
	loom_float_leave(mode);
	return done;
}
