// SPDX-License-Identifier: MIT
/*
 * CONV of each channel by itself, in binary32, where channels are neighbours in memory. A tile is of
 * some channels at some places, of one image or of several that follow each other.
 */
#include "channels.h"
#include "depthwise.h"
#include "numerics.h"

#define TILE		(1u << 17)	/* results */
#define TILE_RES	(1u << 15)	/* in the residual's place, with few taps: such tiles do not stop */
#define FEW_TAPS	8u
#define FEW_CHANNELS	16u	/* take as long as one */

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

bool loom_depthwise_has_channels(const struct loom_work *work)
{
	const struct loom_operand *op = work->operands, *y = &op[0], *w = &op[2], *res = &op[5];

	if (w->dims[1] != 1 || w->dims[2] != 1 || w->dtype != LOOM_DTYPE_F32 ||
	    !loom_channels_can(work, work->u.gemm.k))
		return false;
	if (!res->dtype)
		return true;
	for (unsigned int i = 0; i < y->rank; i++)
		if (res->rank != y->rank || res->dims[i] != y->dims[i])
			return false;
	return res->dtype == LOOM_DTYPE_F32 && res->strides[1] == 1;
}

static uint64_t channels_of(const struct loom_work *work)
{
	return work->operands[0].dims[1] < LOOM_CHANNELS ? work->operands[0].dims[1] : LOOM_CHANNELS;
}

/* Rows of channels in the arena: weights and what is not in one piece of each tap, and so many more. */
enum { ROW_HOLE, ROW_ACC, ROW_BIAS, ROW_SCALE, ROW_RESIDUAL, ROW_Y, ROWS };

void loom_depthwise_channels_plan(struct loom_work *work)
{
	const struct loom_operand *y = &work->operands[0];
	uint64_t n = channels_of(work), places = y->dims[0] * places_of(y), each;

	/* here tiles_n counts blocks of places, and tile_n those of one */
	work->u.gemm.tile_m = n;
	work->u.gemm.tiles_m = div_up(y->dims[1], n);
	work->u.gemm.tile_n = TILE / n;
	if (loom_depthwise_in_place(work)) {
		each = n < FEW_CHANNELS ? FEW_CHANNELS : n;
		if (work->u.gemm.k > FEW_TAPS)
			each *= work->u.gemm.k / FEW_TAPS;
		work->u.gemm.tile_n = TILE_RES / each;
	}
	work->u.gemm.tiles_n = div_up(places, work->u.gemm.tile_n);
	work->tiles = work->u.gemm.tiles_m * work->u.gemm.tiles_n;
	work->arena = (2 * work->u.gemm.k + ROWS) * LOOM_CHANNELS * 4;
	work->shared = work->shared_zero = 0;
}

/* Weights tap by tap. */
static void weights_of(const struct loom_work *work, uint64_t from, uint64_t n, float *to)
{
	const struct loom_operand *w = &work->operands[2];
	float bounce[LOOM_CHANNELS_TAPS];
	struct loom_window_view v;

	loom_window_view_w(&v, work);
	for (uint64_t c = 0; c < n; c++) {
		const float *taps;

		v.off = w->origin + (from + c) * (uint64_t)w->strides[0] * w->size;
		taps = v.source.get_along(&v.source, 0, 0, work->u.gemm.k, bounce);
		for (uint64_t k = 0; k < work->u.gemm.k; k++)
			memcpy(&to[k * n + c], &taps[k], 4);
	}
}

static const float *each(const struct loom_operand *op, uint64_t from, uint64_t n, float *bounce)
{
	int64_t stride = op->dims[0] == 1 ? 0 : op->strides[0] * op->size;

	if (!op->dtype)
		return NULL;
	return loom_row_get(op, op->origin + from * (uint64_t)stride, stride, n, bounce);
}

bool loom_depthwise_channels_tile(const struct loom_rows *rows, const struct loom_work *work,
				  uint64_t tile, struct loom_arena *arena, const atomic_uint *stop)
{
	static const atomic_uint never;
	const struct loom_operand *op = work->operands;
	uint64_t from = tile % work->u.gemm.tiles_m * work->u.gemm.tile_m, k = work->u.gemm.k;
	uint64_t place = tile / work->u.gemm.tiles_m * work->u.gemm.tile_n;
	uint64_t per = places_of(&op[0]), end = place + work->u.gemm.tile_n;
	uint64_t n = op[0].dims[1] - from < work->u.gemm.tile_m ? op[0].dims[1] - from :
								  work->u.gemm.tile_m;
	struct loom_operand y = loom_channels_last(&op[0], from, n);
	struct loom_operand res = loom_channels_last(&op[5], from, n);
	float *mem = (float *)(void *)arena->mem, *w = mem + ROWS * n, *row[ROWS];
	unsigned int mode = loom_float_enter();
	struct loom_channels c = { .n = n, .taps = k, .bounce = w + k * n };
	struct loom_finish f = {
		.panel = LOOM_PANEL_COLUMNS, .each = true, .act = work->u.gemm.act,
		.param = { work->u.gemm.param[0], work->u.gemm.param[1] },
	};
	struct loom_walk to, old;
	bool done = false;

	for (unsigned int i = 0; i < ROWS; i++)
		row[i] = mem + i * n;
	if (atomic_load_explicit(stop, memory_order_relaxed))
		goto leave;
	if (loom_depthwise_in_place(work))
		stop = &never;
	end = end < op[0].dims[0] * per ? end : op[0].dims[0] * per;
	loom_window_view_x(&c.view, work, 1, op[2].dims + 3, 0);
	c.hole = memset(row[ROW_HOLE], 0, n * 4);
	weights_of(work, from, n, w);
	f.bias = each(&op[3], from, n, row[ROW_BIAS]);
	f.scale = each(&op[4], from, n, row[ROW_SCALE]);
	loom_walk_init(&to, &y, &y, place * n);
	if (res.dtype)
		loom_walk_init(&old, &res, &res, place * n);
	loom_channels_begin(&c, place / per, from, place % per);
	for (; place < end; place++) {
		uint64_t avail;
		float *direct = (float *)loom_view_at(&y.view, to.off, &avail);

		if (place % per == 0)
			loom_channels_begin(&c, place / per, from, 0);
		if (place % 64 == 0 && atomic_load_explicit(stop, memory_order_relaxed))
			goto leave;
		loom_channels_see(&c);
		rows->depth_channels(c.lines, k, w, n, row[ROW_ACC]);
		if (res.dtype) {
			f.residual = loom_view_get(&res.view, old.off, n * 4, row[ROW_RESIDUAL]);
			loom_walk_skip(&old, n);
		}
		direct = avail >= n * 4 ? direct : row[ROW_Y];
		rows->finish(&f, row[ROW_ACC], direct, n);
		if (direct == row[ROW_Y])
			loom_view_put(&y.view, to.off, direct, n * 4);
		loom_walk_skip(&to, n);
	}
	done = true;
leave:
	loom_float_leave(mode);
	return done;
}
