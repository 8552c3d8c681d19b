// SPDX-License-Identifier: MIT
/*
 * CONV of each channel by itself, in binary32: no product of matrices, but a sum over taps. A tile is
 * a part of some channels of an image; what it sees is the same in all of its channels.
 */
#include "depthwise.h"
#include "numerics.h"
#include "sweep.h"
#include "walk.h"

#define CHANNELS	64u
#define CHANNELS_RES	16u	/* in a residual's place: tiles that have begun to write do not stop */
#define TILE_RES	(1u << 17)	/* ... and elements here and there that such a tile may fetch */
#define TAPS_MAX	128u

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
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
	if (!loom_sweep_can(&view))
		return false;
	if (!res->dtype)
		return true;
	for (unsigned int i = 0; i < y->rank; i++)
		if (res->rank != y->rank || res->dims[i] != y->dims[i])
			return false;
	return res->dtype == LOOM_DTYPE_F32 && is_dense(res);
}

/* Its weights are kept, too. */
static size_t weights_size(const struct loom_work *work)
{
	return (size_t)(CHANNELS * work->u.gemm.k * 4 + 63) / 64 * 64;
}

/*
 * As many as take about as long as it does to fetch TILE_RES elements one by one: those in a row are
 * copied at once, and products are made many at a time.
 */
static uint64_t channels_in_place(const struct loom_work *work, const struct loom_sweep_plan *plan,
				  const struct loom_window_view *v)
{
	uint64_t each = plan->seen, n;

	if (v->strides[LOOM_WINDOW_AXES - 1] == 4)
		each /= 8;
	each += plan->rows * plan->width * work->u.gemm.k / 8;
	n = each ? TILE_RES / each : CHANNELS_RES;
	return n > CHANNELS_RES ? CHANNELS_RES : n ? n : 1;
}

void loom_depthwise_plan(struct loom_work *work)
{
	const struct loom_operand *y = &work->operands[0];
	struct loom_sweep_plan plan;
	struct loom_window_view v;

	loom_window_view_x(&v, work, 1, work->operands[2].dims + 3, 0);
	loom_sweep_plan(&v, &plan);
	work->u.gemm.tile_m = loom_depthwise_in_place(work) ? channels_in_place(work, &plan, &v) : CHANNELS;
	work->u.gemm.tiles_m = div_up(y->dims[1], work->u.gemm.tile_m);
	work->u.gemm.tiles_n = plan.blocks * plan.segments;
	work->tiles = y->dims[0] * work->u.gemm.tiles_m * work->u.gemm.tiles_n;
	work->arena = weights_size(work) + plan.arena;
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

/* Taps of channels [@from, @end), one after the other. */
static const float *weights_of(const struct loom_work *work, uint64_t from, uint64_t end, float *to)
{
	const struct loom_operand *w = &work->operands[2];
	uint64_t k = work->u.gemm.k, off = w->origin + from * (uint64_t)stride(w, 0);
	struct loom_window_view v;

	loom_window_view_w(&v, work);
	/* taps of one channel of the result: the view's only line */
	if (v.channels == k && v.channel == 4 && (uint64_t)stride(w, 0) == k * 4)
		return loom_view_get(&w->view, off, (end - from) * k * 4, to);
	for (uint64_t c = from; c < end; c++, off += (uint64_t)stride(w, 0)) {
		float *at = to + (c - from) * k;
		const void *p;

		v.off = off;
		p = v.source.get_along(&v.source, 0, 0, k, at);
		if (p != at)
			memcpy(at, p, k * 4);
	}
	return to;
}

/* From sums to y, of @n places from byte @to on. */
static void finish(const struct loom_rows *rows, const struct loom_work *work,
		   struct loom_finish *finish, uint64_t to, uint64_t from, const float *acc, uint64_t n)
{
	const struct loom_operand *y = &work->operands[0], *res = &work->operands[5];
	float old[LOOM_SWEEP_PLACES], bounce[LOOM_SWEEP_PLACES];
	uint64_t avail;
	float *direct = (float *)loom_view_at(&y->view, to, &avail);

	if (res->dtype)
		finish->residual = loom_view_get(&res->view, from, n * 4, old);
	direct = avail >= n * 4 ? direct : bounce;
	rows->finish(finish, acc, direct, n);
	if (direct == bounce)
		loom_view_put(&y->view, to, bounce, n * 4);
}

bool loom_depthwise_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
			 struct loom_arena *arena, const atomic_uint *stop)
{
	static const atomic_uint never;
	const struct loom_operand *op = work->operands, *y = &op[0], *x = &op[1], *res = &op[5];
	bool in_place = loom_depthwise_in_place(work);
	uint64_t from = tile / work->u.gemm.tiles_n % work->u.gemm.tiles_m * work->u.gemm.tile_m;
	uint64_t image = tile / work->u.gemm.tiles_n / work->u.gemm.tiles_m, k = work->u.gemm.k;
	uint64_t end = from + work->u.gemm.tile_m;
	unsigned int mode = loom_float_enter();
	struct loom_sweep_plan plan;
	struct loom_sweep_part part;
	struct loom_window_view v;
	const float *w;
	bool done = false;

	end = end < y->dims[1] ? end : y->dims[1];
	loom_window_view_x(&v, work, 1, op[2].dims + 3, 0);
	loom_sweep_plan(&v, &plan);
	loom_sweep_part(&v, &plan, tile % work->u.gemm.tiles_n, arena->mem + weights_size(work), &part);
	w = weights_of(work, from, end, (float *)(void *)arena->mem);
	for (uint64_t c = from; c < end; c++, w += k) {
		float acc[LOOM_SWEEP_PLACES], bias, scale;
		uint64_t to = y->origin + image * (uint64_t)stride(y, 0) +
			      c * (uint64_t)stride(y, 1) + part.first * 4, old = 0;
		uint64_t n = part.sweep.width, next = v.out[LOOM_WINDOW_AXES - 1] * 4;
		struct loom_finish f = {
			.bias = one(&op[3], c, &bias), .scale = one(&op[4], c, &scale),
			.panel = LOOM_PANEL_COLUMNS, .act = work->u.gemm.act,
			.param = { work->u.gemm.param[0], work->u.gemm.param[1] },
		};

		if (res->dtype)
			old = res->origin + image * (uint64_t)stride(res, 0) +
			      c * (uint64_t)stride(res, 1) + part.first * 4;
		v.off = x->origin + image * (uint64_t)stride(x, 0) + c * (uint64_t)stride(x, 1);
		if (!loom_sweep_place(&part, in_place && c > from ? &never : stop))
			goto leave;
		rows->depth(&part.sweep, part.lines, part.n, w, acc);
		if (part.follow)
			finish(rows, work, &f, to, old, acc, n * part.n);
		for (uint64_t i = 0; !part.follow && i < part.n; i++)
			finish(rows, work, &f, to + i * next, old + i * next, acc + i * n, n);
	}
	done = true;
leave:
	loom_float_leave(mode);
	return done;
}
