// SPDX-License-Identifier: MIT
/* CONV: the product that it is, and its tiles. */
#include "conv.h"
#include "depthwise.h"
#include "numerics.h"
#include "window.h"

#define PLACES_MIN	16u	/* fewer are not worth panels of columns */
#define CHANNELS_MIN	8u	/* neither are fewer channels of the result */

/**
 * struct product - the product that stands for a CONV
 * @work: with operands of its own: c [N, G, places..., m, n], and a and b likewise
 * @outer: axes of places that c has
 * @inner: places along its last axes
 */
struct product {
	struct loom_work work;
	struct loom_window_view x, w;
	struct loom_window_near near;
	unsigned int outer;
	uint64_t inner;
};

static uint64_t distance(int64_t stride)
{
	return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

/* Stride of the residual along an axis of y. */
static int64_t residual_stride(const struct loom_work *work, unsigned int axis)
{
	const struct loom_operand *y = &work->operands[0], *res = &work->operands[5];
	unsigned int shift = y->rank - res->rank;

	if (!res->dtype || axis < shift || res->dims[axis - shift] == 1)
		return 0;
	return res->strides[axis - shift];
}

/* Do the places along @axis follow those along the next ones, of which there are @inner? */
static bool follows(int64_t stride, int64_t next, uint64_t inner)
{
	return (uint64_t)stride == (uint64_t)next * inner;
}

/*
 * The spatial axes of y that become one, in y and in the residual; returns the first of them. The
 * stride of the last one that is longer than 1 is that of all.
 */
static unsigned int inner_axes(const struct loom_work *work, uint64_t *inner, int64_t *y_stride,
			       int64_t *res_stride)
{
	const struct loom_operand *y = &work->operands[0];
	unsigned int axis = y->rank;

	*inner = 1;
	*y_stride = *res_stride = 0;
	while (axis > 2) {
		uint64_t dim = y->dims[axis - 1];
		int64_t ys = y->strides[axis - 1], rs = residual_stride(work, axis - 1);

		if (dim != 1 && *inner != 1) {
			if (dim * *inner > LOOM_DIM_MAX || !follows(ys, *y_stride, *inner) ||
			    !follows(rs, *res_stride, *inner))
				break;
		} else if (dim != 1) {
			*y_stride = ys;
			*res_stride = rs;
		}
		*inner *= dim;
		axis--;
	}
	return axis;
}

static void set_axis(struct loom_operand *op, unsigned int axis, uint64_t dim, int64_t stride)
{
	op->dims[axis] = (uint32_t)dim;
	op->strides[axis] = stride;
}

static int64_t times(int64_t stride, uint64_t n)
{
	return (int64_t)((uint64_t)stride * n);
}

/* Everything but what depends on the tile. */
static void product_init(struct product *p, const struct loom_work *work)
{
	const struct loom_operand *y = &work->operands[0], *x = &work->operands[1];
	const struct loom_operand *w = &work->operands[2];
	struct loom_operand *c = &p->work.operands[0], *res = &p->work.operands[5], *px, *pw;
	uint64_t channels = w->dims[1], batch;
	unsigned int first, rank;
	int64_t cs, rs;
	bool by_row;

	p->work = *work;
	first = inner_axes(work, &p->inner, &cs, &rs);
	p->outer = first - 2;
	by_row = p->inner >= PLACES_MIN &&
		 (channels < CHANNELS_MIN || distance(y->strides[1]) > distance(cs));
	rank = 2 + p->outer + 2;
	px = &p->work.operands[by_row ? 2 : 1];
	pw = &p->work.operands[by_row ? 1 : 2];
	*px = *x;
	*pw = *w;
	for (unsigned int i = 0; i < 6; i++)
		if (i < 3 || i == 5) {
			memset(p->work.operands[i].dims, 0, sizeof(c->dims));
			memset(p->work.operands[i].strides, 0, sizeof(c->strides));
			p->work.operands[i].rank = (uint8_t)rank;
		}
	batch = (uint64_t)y->dims[0] * w->dims[0];
	set_axis(c, 0, y->dims[0], y->strides[0]);
	set_axis(res, 0, y->dims[0], residual_stride(work, 0));
	set_axis(px, 0, y->dims[0], x->strides[0]);
	set_axis(pw, 0, y->dims[0], 0);
	set_axis(c, 1, w->dims[0], times(y->strides[1], channels));
	set_axis(res, 1, w->dims[0], times(residual_stride(work, 1), channels));
	set_axis(px, 1, w->dims[0], times(x->strides[1], w->dims[2]));
	set_axis(pw, 1, w->dims[0], w->strides[0]);
	for (unsigned int i = 2; i < first; i++) {
		set_axis(c, i, y->dims[i], y->strides[i]);
		set_axis(res, i, y->dims[i], residual_stride(work, i));
		/* each sees another part of x; where that is, its view knows */
		set_axis(px, i, y->dims[i], 1);
		set_axis(pw, i, y->dims[i], 0);
		batch *= y->dims[i];
	}
	set_axis(c, rank - (by_row ? 2u : 1u), channels, y->strides[1]);
	set_axis(c, rank - (by_row ? 1u : 2u), p->inner, cs);
	set_axis(res, rank - (by_row ? 2u : 1u), channels, residual_stride(work, 1));
	set_axis(res, rank - (by_row ? 1u : 2u), p->inner, rs);
	loom_window_view_x(&p->x, work, w->dims[2], w->dims + 3, (uint32_t)work->u.gemm.a_zero);
	p->near.tap = UINT64_MAX;
	p->x.near = &p->near;
	loom_window_view_w(&p->w, work);
	p->work.u.gemm.batch = batch;
	p->work.u.gemm.m = by_row ? channels : p->inner;
	p->work.u.gemm.n = by_row ? p->inner : channels;
	p->work.u.gemm.a_zero = by_row ? work->u.gemm.b_zero : work->u.gemm.a_zero;
	p->work.u.gemm.b_zero = by_row ? work->u.gemm.a_zero : work->u.gemm.b_zero;
	p->work.u.gemm.source[0] = by_row ? &p->w.source : &p->x.source;
	p->work.u.gemm.source[1] = by_row ? &p->x.source : &p->w.source;
	p->work.u.gemm.by_row = by_row;
}

/* The matrices of one image and one group, and the places that its columns or rows are. */
static void product_place(struct product *p, const struct loom_work *work, uint64_t batch)
{
	const struct loom_operand *y = &work->operands[0], *x = &work->operands[1];
	const struct loom_operand *w = &work->operands[2];
	uint64_t places = 1, image, group;

	for (unsigned int i = 2; i < 2 + p->outer; i++)
		places *= y->dims[i];
	p->x.first = batch % places * p->inner;
	group = batch / places % w->dims[0];
	image = batch / places / w->dims[0];
	p->x.off = x->origin + image * (uint64_t)x->strides[0] * x->size +
		   group * w->dims[2] * (uint64_t)x->strides[1] * x->size;
	p->w.off = w->origin + group * (uint64_t)w->strides[0] * w->size;
	for (unsigned int i = 3; i < 5; i++) {
		struct loom_operand *op = &p->work.operands[i];

		if (op->dtype && op->dims[0] != 1)
			op->origin += group * w->dims[1] * (uint64_t)op->strides[0] * op->size;
	}
}

void loom_conv_plan(const struct loom_gemm_kern *kern, struct loom_work *work)
{
	struct product p;

	if (loom_depthwise_has_channels(work)) {
		loom_depthwise_channels_plan(work);
		return;
	}
	if (loom_depthwise_can(work)) {
		loom_depthwise_plan(work);
		return;
	}
	product_init(&p, work);
	loom_gemm_plan(kern, &p.work);
	work->tiles = p.work.tiles;
	work->arena = p.work.arena;
	work->shared = p.work.shared;
	work->shared_zero = p.work.shared_zero;
	work->u.gemm.tile_m = p.work.u.gemm.tile_m;
	work->u.gemm.tile_n = p.work.u.gemm.tile_n;
	work->u.gemm.tiles_m = p.work.u.gemm.tiles_m;
	work->u.gemm.tiles_n = p.work.u.gemm.tiles_n;
	work->u.gemm.share_a = p.work.u.gemm.share_a;
	work->u.gemm.share_b = p.work.u.gemm.share_b;
	work->u.gemm.ones = p.work.u.gemm.ones;
}

bool loom_conv_tile(const struct loom_gemm_kern *kern, const struct loom_work *work,
		    uint64_t tile, struct loom_arena *arena, const atomic_uint *stop)
{
	struct product p;

	if (loom_depthwise_has_channels(work))
		return loom_depthwise_channels_tile(kern->rows, work, tile, arena, stop);
	if (loom_depthwise_can(work))
		return loom_depthwise_tile(kern->rows, work, tile, arena, stop);
	product_init(&p, work);
	product_place(&p, work, tile / work->u.gemm.tiles_m / work->u.gemm.tiles_n);
	return loom_gemm_tile(kern, &p.work, tile, arena, stop);
}
