// SPDX-License-Identifier: MIT
/* The reference engine: RESIZE and ARG. */
#include <math.h>

#include "numerics.h"
#include "reference.h"

#define TILE_ELEMENTS	64u
#define POLL_STEPS	4096u	/* taps or elements between two looks at stop */

static const uint8_t *table(const struct loom_operand *op, uint64_t i, uint64_t j)
{
	uint64_t idx[LOOM_RANK_MAX] = { i, j };

	return at(op, offset_of(op, op, idx, 0));
}

/* One element of the result; false: it was stopped. */
static bool resize(const struct loom_work *work, uint64_t *idx, void *to, const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	const struct loom_operand *places = &work->operands[2], *weights = &work->operands[3];
	uint32_t axis = work->u.resize.axis;
	uint64_t o = idx[axis];
	float acc = 0, x, w;
	int32_t place;

	for (uint64_t t = 0; t < places->dims[1]; t++) {
		const uint8_t *p = NULL;

		if (t % POLL_STEPS == 0 && atomic_load_explicit(stop, memory_order_relaxed))
			return false;
		memcpy(&place, table(places, o, t), sizeof(place));
		if (place >= 0 && (uint32_t)place < src->dims[axis]) {
			idx[axis] = (uint32_t)place;
			p = at(src, offset_of(src, src, idx, 0));
		}
		if (!weights->dtype) {
			memcpy(to, p ? (const void *)p : &work->u.resize.value, dst->size);
			return true;
		}
		x = p ? loom_f32_load(src->dtype, p) : loom_f32_of((uint32_t)work->u.resize.value);
		memcpy(&w, table(weights, o, t), sizeof(w));
		acc = fmaf(x, w, acc);
	}
	loom_f32_put(dst->dtype, to, acc, 0);
	return true;
}

/* Whether NaN, or how two numbers compare. */
static int compare(unsigned int dtype, const void *a, const void *b)
{
	if (loom_dtype_is_float(dtype)) {
		float x = loom_f32_load(dtype, a), y = loom_f32_load(dtype, b);

		return x < y ? -1 : x > y;
	}
	return loom_i32_load(dtype, a) < loom_i32_load(dtype, b) ? -1 :
	       loom_i32_load(dtype, a) > loom_i32_load(dtype, b);
}

static bool is_nan(unsigned int dtype, const void *p)
{
	float x = loom_dtype_is_float(dtype) ? loom_f32_load(dtype, p) : 0;

	return x != x;
}

static bool arg(const struct loom_work *work, uint64_t *idx, void *to, const atomic_uint *stop)
{
	const struct loom_operand *src = &work->operands[1];
	uint32_t axis = work->u.arg.axis;
	uint8_t best[4], now[4];
	int64_t which = 0;

	for (uint64_t k = 0; k < src->dims[axis]; k++) {
		bool better;

		if (k % POLL_STEPS == 0 && atomic_load_explicit(stop, memory_order_relaxed))
			return false;
		idx[axis] = k;
		memcpy(now, at(src, offset_of(src, src, idx, 0)), src->size);
		if (!k) {
			better = true;
		} else if (is_nan(src->dtype, now) || is_nan(src->dtype, best)) {
			better = is_nan(src->dtype, now) && (work->u.arg.last || !is_nan(src->dtype, best));
		} else {
			int order = compare(src->dtype, now, best);

			better = work->u.arg.op == LOOM_ARG_MAX ? order > 0 : order < 0;
			better |= !order && work->u.arg.last;
		}
		if (better) {
			memcpy(best, now, sizeof(best));
			which = (int64_t)k;
		}
	}
	memcpy(to, &which, work->operands[0].size);
	return true;
}

static bool tile_of(const struct loom_work *work, uint64_t tile, const atomic_uint *stop,
		    bool (*element)(const struct loom_work *, uint64_t *, void *,
				    const atomic_uint *))
{
	const struct loom_operand *dst = &work->operands[0];
	uint64_t idx[LOOM_RANK_MAX] = { 0 }, n = elements(dst), i = tile * TILE_ELEMENTS;
	unsigned int mode;
	bool done = true;

	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	mode = loom_float_enter();
	for (; done && i < n && i < (tile + 1) * TILE_ELEMENTS; i++) {
		uint8_t *to;

		index_of(dst, i, idx);
		to = at(dst, offset_of(dst, dst, idx, 0));
		done = element(work, idx, to, stop);
	}
	loom_float_leave(mode);
	return done;
}

static bool resize_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
			const atomic_uint *stop)
{
	(void)arena;
	return tile_of(work, tile, stop, resize);
}

static bool arg_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		     const atomic_uint *stop)
{
	(void)arena;
	return tile_of(work, tile, stop, arg);
}

static void plan(struct loom_work *work, loom_tile_fn run)
{
	uint64_t n = elements(&work->operands[0]);

	work->tiles = n / TILE_ELEMENTS + (n % TILE_ELEMENTS != 0);
	work->run = run;
}

void loom_reference_resize(struct loom_work *work)
{
	plan(work, resize_tile);
}

void loom_reference_arg(struct loom_work *work)
{
	plan(work, arg_tile);
}
