// SPDX-License-Identifier: MIT
/* FILL and COPY. */
#include "numerics.h"
#include "tiles.h"
#include "walk.h"

void loom_elements_plan(struct loom_work *work, loom_tile_fn run)
{
	uint64_t elements = loom_elements(&work->operands[0]);

	work->tiles = elements / LOOM_TILE_ELEMENTS + (elements % LOOM_TILE_ELEMENTS != 0);
	work->run = run;
}

static bool fill_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		      const atomic_uint *stop)
{
	uint64_t start = tile * LOOM_TILE_ELEMENTS, left, pattern[LOOM_CHUNK];
	struct loom_operand dst;
	struct loom_walk walk;

	(void)arena;
	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	loom_axes_align(&dst, work->operands, 1);
	for (unsigned int i = 0; i < LOOM_CHUNK; i++)
		memcpy((uint8_t *)pattern + i * dst.size, &work->u.fill.value, dst.size);
	loom_walk_init(&walk, &dst, &dst, start);
	left = loom_elements(&dst) - start;
	if (left > LOOM_TILE_ELEMENTS)
		left = LOOM_TILE_ELEMENTS;
	while (left) {
		uint64_t n = left < LOOM_CHUNK ? left : LOOM_CHUNK;

		loom_walk_put(&walk, n, pattern);
		left -= n;
	}
	return true;
}

void loom_fill_plan(struct loom_work *work)
{
	loom_elements_plan(work, fill_tile);
}

static void cast_integers(unsigned int to, void *dst, unsigned int from, const void *src,
			  uint64_t n)
{
	unsigned int dsize = loom_dtype_size(to), ssize = loom_dtype_size(from);

	for (uint64_t i = 0; i < n; i++)
		loom_i32_put(to, (uint8_t *)dst + i * dsize,
			     loom_i32_load(from, (const uint8_t *)src + i * ssize));
}

static const void *cast(const struct loom_rows *rows, unsigned int to, void *dst,
			unsigned int from, const void *src, uint64_t n)
{
	float x[LOOM_CHUNK];

	if (to == from)
		return src;
	if (!loom_dtype_is_float(to) && !loom_dtype_is_float(from)) {
		cast_integers(to, dst, from, src, n);
		return dst;
	}
	if (from == LOOM_DTYPE_I32 && to != LOOM_DTYPE_F32) {
		for (uint64_t i = 0; i < n; i++)
			x[i] = loom_f32_from_i32_odd(((const int32_t *)src)[i]);
		rows->narrow(to, x, dst, n, 0);
		return dst;
	}
	if (from == LOOM_DTYPE_F32) {
		rows->narrow(to, src, dst, n, 0);
		return dst;
	}
	rows->widen(from, src, x, n);
	rows->narrow(to, x, dst, n, 0);
	return dst;
}

/*
 * A copy whose source is contiguous along another axis than its destination
 * goes in blocks of both axes.
 */
struct turned {
	unsigned int axis;	/* of the source; the destination's is the last */
	uint64_t along, across;	/* elements of a block on either */
	uint64_t blocks_along, blocks_across;
};

static uint64_t distance(int64_t stride)
{
	return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

static bool turned_of(const struct loom_operand *ops, struct turned *turned)
{
	const struct loom_operand *src = &ops[1];
	unsigned int last = src->rank - 1u, axis = last;

	if (src->rank < 2)
		return false;
	for (unsigned int i = 0; i < last; i++)
		if (src->strides[i] && distance(src->strides[i]) < distance(src->strides[axis]))
			axis = i;
	if (axis == last)
		return false;
	turned->axis = axis;
	turned->across = src->dims[axis] < 128 ? src->dims[axis] : 128;
	turned->along = LOOM_TILE_ELEMENTS / turned->across;
	if (turned->along > src->dims[last])
		turned->along = src->dims[last];
	turned->blocks_across = (src->dims[axis] + turned->across - 1) / turned->across;
	turned->blocks_along = (src->dims[last] + turned->along - 1) / turned->along;
	return true;
}

void loom_copy_plan(struct loom_work *work, loom_tile_fn run)
{
	struct loom_operand ops[2];
	struct turned turned;
	uint64_t others = 1;

	loom_axes_align(ops, work->operands, 2);
	if (!turned_of(ops, &turned)) {
		loom_elements_plan(work, run);
		return;
	}
	for (unsigned int i = 0; i + 1 < ops[0].rank; i++)
		if (i != turned.axis)
			others *= ops[0].dims[i];
	work->tiles = others * turned.blocks_along * turned.blocks_across;
	work->run = run;
}

#define SIDE	32u	/* of what is turned at a time */

#define TURN(type)									\
	for (uint64_t j = 0; j < n; j++)						\
		for (uint64_t i = 0; i < m; i++)					\
			((type *)to)[i * SIDE + j] = ((const type *)from[j])[i]

/* to[i][j] = from[j][i] */
static void turn(unsigned int size, const void *const *from, void *to, uint64_t m, uint64_t n)
{
	switch (size) {
	case 1:
		TURN(uint8_t);
		break;
	case 2:
		TURN(uint16_t);
		break;
	case 4:
		TURN(uint32_t);
		break;
	default:
		TURN(uint64_t);
		break;
	}
}

/* @m elements across and @n along, at most SIDE of either, from @out and @in on. */
static void copy_square(const struct loom_rows *rows, const struct loom_operand *ops,
			unsigned int axis, uint64_t out, uint64_t in, uint64_t m, uint64_t n)
{
	const struct loom_operand *dst = &ops[0], *src = &ops[1];
	int64_t in_across = src->strides[axis] * src->size;
	int64_t out_along = dst->strides[dst->rank - 1] * dst->size;
	uint64_t in_along = (uint64_t)src->strides[src->rank - 1] * src->size;
	uint64_t out_across = (uint64_t)dst->strides[axis] * dst->size;
	uint64_t bounce[SIDE][SIDE], square[SIDE][SIDE], to[SIDE];
	const void *from[SIDE];

	for (uint64_t j = 0; j < n; j++)
		from[j] = loom_row_get(src, in + j * in_along, in_across, m, bounce[j]);
	turn(src->size, from, square, m, n);
	for (uint64_t i = 0; i < m; i++)
		loom_row_put(dst, out + i * out_across, out_along, n,
			     cast(rows, dst->dtype, to, src->dtype,
				  (uint8_t *)square + i * SIDE * src->size, n));
}

static void copy_block(const struct loom_rows *rows, const struct loom_operand *ops,
		       const struct turned *turned, uint64_t tile)
{
	const struct loom_operand *dst = &ops[0], *src = &ops[1];
	unsigned int axis = turned->axis, last = src->rank - 1u;
	uint64_t across = tile % turned->blocks_across * turned->across, m, n;
	uint64_t along = tile / turned->blocks_across % turned->blocks_along * turned->along;
	uint64_t rest = tile / turned->blocks_across / turned->blocks_along;
	uint64_t in = src->origin, out = dst->origin;

	for (unsigned int i = last; i-- > 0;) {
		uint64_t idx;

		if (i == axis)
			continue;
		idx = rest % src->dims[i];
		rest /= src->dims[i];
		in += idx * (uint64_t)src->strides[i] * src->size;
		out += idx * (uint64_t)dst->strides[i] * dst->size;
	}
	m = src->dims[axis] - across < turned->across ? src->dims[axis] - across : turned->across;
	n = src->dims[last] - along < turned->along ? src->dims[last] - along : turned->along;
	in += (across * (uint64_t)src->strides[axis] + along * (uint64_t)src->strides[last]) *
	      src->size;
	out += (across * (uint64_t)dst->strides[axis] + along * (uint64_t)dst->strides[last]) *
	       dst->size;
	for (uint64_t i = 0; i < m; i += SIDE)
		for (uint64_t j = 0; j < n; j += SIDE)
			copy_square(rows, ops, axis,
				    out + (i * (uint64_t)dst->strides[axis] +
					   j * (uint64_t)dst->strides[last]) * dst->size,
				    in + (i * (uint64_t)src->strides[axis] +
					  j * (uint64_t)src->strides[last]) * src->size,
				    m - i < SIDE ? m - i : SIDE, n - j < SIDE ? n - j : SIDE);
}

static void copy_run(const struct loom_rows *rows, const struct loom_operand *ops, uint64_t start)
{
	const struct loom_operand *dst = &ops[0], *src = &ops[1];
	uint64_t from[LOOM_CHUNK], to[LOOM_CHUNK], left = loom_elements(dst) - start;
	struct loom_walk in, out;

	if (left > LOOM_TILE_ELEMENTS)
		left = LOOM_TILE_ELEMENTS;
	loom_walk_init(&out, dst, dst, start);
	loom_walk_init(&in, src, dst, start);
	while (left) {
		uint64_t n = left < LOOM_CHUNK ? left : LOOM_CHUNK;
		const void *p;

		if (dst->dtype == src->dtype) {
			uint64_t span = loom_walk_span(&in) / src->size;

			if (span >= LOOM_CHUNK)
				n = span < left ? span : left;
		}
		p = loom_walk_get(&in, n, from);
		loom_walk_put(&out, n, cast(rows, dst->dtype, to, src->dtype, p, n));
		left -= n;
	}
}

bool loom_copy_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		    const atomic_uint *stop)
{
	struct loom_operand ops[2];
	struct turned turned;
	unsigned int mode;

	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	mode = loom_float_enter();
	loom_axes_align(ops, work->operands, 2);
	if (turned_of(ops, &turned))
		copy_block(rows, ops, &turned, tile);
	else
		copy_run(rows, ops, tile * LOOM_TILE_ELEMENTS);
	loom_float_leave(mode);
	return true;
}
