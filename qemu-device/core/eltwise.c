// SPDX-License-Identifier: MIT
/* ELTWISE and UNARY. */
#include "numerics.h"
#include "tiles.h"
#include "walk.h"

/* A chunk of an operand as binary32, in place if it is. */
static const float *get_floats(const struct loom_rows *rows, struct loom_walk *walk, uint64_t n,
			       void *bounce, float *x)
{
	const void *p = loom_walk_get(walk, n, bounce);

	if (walk->op->dtype == LOOM_DTYPE_F32)
		return p;
	rows->widen(walk->op->dtype, p, x, n);
	return x;
}

bool loom_eltwise_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		       const atomic_uint *stop)
{
	struct loom_operand ops[3], *dst = &ops[0];
	uint32_t in[2][LOOM_CHUNK], to[LOOM_CHUNK];
	float x[2][LOOM_CHUNK], r[LOOM_CHUNK];
	uint64_t start = tile * LOOM_TILE_ELEMENTS, left;
	unsigned int mode = loom_float_enter();
	struct loom_walk out, a, b;
	bool done = false;

	if (atomic_load_explicit(stop, memory_order_relaxed))
		goto leave;
	loom_axes_align(ops, work->operands, 3);
	left = loom_elements(dst) - start;
	if (left > LOOM_TILE_ELEMENTS)
		left = LOOM_TILE_ELEMENTS;
	loom_walk_init(&out, dst, dst, start);
	loom_walk_init(&a, &ops[1], dst, start);
	loom_walk_init(&b, &ops[2], dst, start);
	while (left) {
		uint64_t n = left < LOOM_CHUNK ? left : LOOM_CHUNK;

		if (loom_dtype_is_float(dst->dtype)) {
			const float *fa = get_floats(rows, &a, n, in[0], x[0]);
			const float *fb = get_floats(rows, &b, n, in[1], x[1]);

			rows->binary(work->u.eltwise.op, fa, fb, r, n);
			rows->act(work->u.eltwise.act, work->u.eltwise.param, r, n);
			rows->narrow(dst->dtype, r, to, n, 0);
		} else {
			const void *ia = loom_walk_get(&a, n, in[0]);
			const void *ib = loom_walk_get(&b, n, in[1]);

			rows->integer(dst->dtype, work->u.eltwise.op, work->u.eltwise.act, ia, ib,
				      to, n);
		}
		loom_walk_put(&out, n, to);
		left -= n;
	}
	done = true;
leave:
	loom_float_leave(mode);
	return done;
}

bool loom_unary_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		     const atomic_uint *stop)
{
	struct loom_operand ops[2], *dst = &ops[0];
	uint32_t in[LOOM_CHUNK], to[LOOM_CHUNK];
	float x[LOOM_CHUNK], r[LOOM_CHUNK];
	uint64_t start = tile * LOOM_TILE_ELEMENTS, left;
	unsigned int mode = loom_float_enter();
	struct loom_walk out, a;
	bool done = false;

	if (atomic_load_explicit(stop, memory_order_relaxed))
		goto leave;
	loom_axes_align(ops, work->operands, 2);
	left = loom_elements(dst) - start;
	if (left > LOOM_TILE_ELEMENTS)
		left = LOOM_TILE_ELEMENTS;
	loom_walk_init(&out, dst, dst, start);
	loom_walk_init(&a, &ops[1], dst, start);
	while (left) {
		uint64_t n = left < LOOM_CHUNK ? left : LOOM_CHUNK;

		if (loom_dtype_is_float(dst->dtype)) {
			rows->unary(work->u.unary.op, get_floats(rows, &a, n, in, x), r, n);
			rows->act(work->u.unary.act, work->u.unary.param, r, n);
			rows->narrow(dst->dtype, r, to, n, 0);
		} else {
			rows->integer_unary(dst->dtype, work->u.unary.op, work->u.unary.act,
					    loom_walk_get(&a, n, in), to, n);
		}
		loom_walk_put(&out, n, to);
		left -= n;
	}
	done = true;
leave:
	loom_float_leave(mode);
	return done;
}
