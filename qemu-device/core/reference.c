// SPDX-License-Identifier: MIT
/*
 * The reference engine: what every result is, in the plainest C.
 *
 * One element after the other, each found by its index, with the scalar
 * functions of numerics.h and functions.h. All other engines are compared with this one, which
 * therefore shares none of their code.
 */
#include "functions.h"
#include "reference.h"

#define TILE_ELEMENTS	1024u	/* of FILL, COPY, ELTWISE and UNARY */
#define POLL_STEPS	8192u	/* multiply-adds between two looks at stop */

static void plan(struct loom_work *work, uint64_t per_tile, loom_tile_fn run)
{
	uint64_t n = elements(&work->operands[0]);

	work->tiles = n / per_tile + (n % per_tile != 0);
	work->run = run;
}

static bool fill_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		      const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0];
	uint64_t idx[LOOM_RANK_MAX], n = elements(dst), i = tile * TILE_ELEMENTS;

	(void)arena;
	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	for (; i < n && i < (tile + 1) * TILE_ELEMENTS; i++) {
		index_of(dst, i, idx);
		memcpy(at(dst, offset_of(dst, dst, idx, 0)), &work->u.fill.value, dst->size);
	}
	return true;
}

static bool copy_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		      const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	uint64_t idx[LOOM_RANK_MAX], n = elements(dst), i = tile * TILE_ELEMENTS;
	unsigned int mode;

	(void)arena;
	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	mode = loom_float_enter();
	for (; i < n && i < (tile + 1) * TILE_ELEMENTS; i++) {
		uint8_t *to, *from;

		index_of(dst, i, idx);
		to = at(dst, offset_of(dst, dst, idx, 0));
		from = at(src, offset_of(src, dst, idx, 0));
		if (dst->dtype == src->dtype)
			memmove(to, from, dst->size);
		else
			loom_cast(dst->dtype, to, src->dtype, from);
	}
	loom_float_leave(mode);
	return true;
}

static bool eltwise_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
			 const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0];
	const struct loom_operand *a = &work->operands[1], *b = &work->operands[2];
	uint64_t idx[LOOM_RANK_MAX], n = elements(dst), i = tile * TILE_ELEMENTS;
	const float *param = work->u.eltwise.param;
	unsigned int op = work->u.eltwise.op, act = work->u.eltwise.act, mode;

	(void)arena;
	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	mode = loom_float_enter();
	for (; i < n && i < (tile + 1) * TILE_ELEMENTS; i++) {
		uint8_t *to, *pa, *pb;

		index_of(dst, i, idx);
		to = at(dst, offset_of(dst, dst, idx, 0));
		pa = at(a, offset_of(a, dst, idx, 0));
		pb = at(b, offset_of(b, dst, idx, 0));
		if (loom_dtype_is_float(dst->dtype)) {
			float x = loom_f32_binary(op, loom_f32_load(a->dtype, pa),
						  loom_f32_load(b->dtype, pb));

			x = loom_f32_act(act, param[0], param[1], x);
			loom_f32_put(dst->dtype, to, x, 0);
		} else {
			int32_t v = loom_i32_binary(dst->dtype, op, loom_i32_load(a->dtype, pa),
						    loom_i32_load(b->dtype, pb));

			if (act == LOOM_ACT_RELU && v < 0)
				v = 0;
			loom_i32_put(dst->dtype, to, v);
		}
	}
	loom_float_leave(mode);
	return true;
}

/* Offset of element [k, n] of a matrix in panels from its start. */
static uint64_t panel_offset(const struct loom_operand *op, uint64_t k, uint64_t n)
{
	uint64_t rows = op->dims[op->rank - 2], group = loom_dtype_is_int8(op->dtype) ? 4 : 1;
	uint64_t groups = rows / group + (rows % group != 0), index;

	index = ((n / 32 * groups + k / group) * 32 + n % 32) * group + k % group;
	return index * op->size;
}

/* PACK: a tile is a number of places in the panels, some of which hold no element. */
static uint64_t places(const struct loom_operand *op)
{
	uint64_t k = op->dims[op->rank - 2], n = op->dims[op->rank - 1], batch = 1;

	for (unsigned int i = 0; i + 2 < op->rank; i++)
		batch *= op->dims[i];
	return batch * (n / 32 + (n % 32 != 0)) * (loom_panel_bytes(op->dtype, k) / op->size);
}

static bool pack_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		      const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	unsigned int rank = dst->rank, size = dst->size;
	uint64_t k_end = dst->dims[rank - 2], n_end = dst->dims[rank - 1];
	uint64_t group = loom_dtype_is_int8(dst->dtype) ? 4 : 1, total = places(dst);
	uint64_t panel = loom_panel_bytes(dst->dtype, k_end) / size;
	uint64_t panels = n_end / 32 + (n_end % 32 != 0), i = tile * TILE_ELEMENTS;

	(void)arena;
	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	for (; i < total && i < (tile + 1) * TILE_ELEMENTS; i++) {
		uint64_t in = i % panel, batch = i / panel / panels, idx[LOOM_RANK_MAX] = { 0 };
		uint64_t n = i / panel % panels * 32 + in / group % 32;
		uint64_t k = in / group / 32 * group + in % group, value = 0;
		uint8_t *to;

		for (unsigned int axis = rank - 2; axis-- > 0;) {
			idx[axis] = batch % dst->dims[axis];
			batch /= dst->dims[axis];
		}
		to = at(dst, offset_of(dst, dst, idx, 2) + i % (panel * panels) * size);
		idx[rank - 2] = k;
		idx[rank - 1] = n;
		if (k < k_end && n < n_end)
			memcpy(&value, at(src, offset_of(src, dst, idx, 0)), size);
		if (k < k_end && n < n_end && dst->dtype == LOOM_DTYPE_U8)
			value ^= 0x80;
		memcpy(to, &value, size);
	}
	return true;
}

static void plan_pack(struct loom_work *work)
{
	uint64_t n = places(&work->operands[0]);

	work->tiles = n / TILE_ELEMENTS + (n % TILE_ELEMENTS != 0);
	work->run = pack_tile;
}

static bool unary_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		       const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	uint64_t idx[LOOM_RANK_MAX], n = elements(dst), i = tile * TILE_ELEMENTS;
	const float *param = work->u.unary.param;
	unsigned int op = work->u.unary.op, act = work->u.unary.act, mode;

	(void)arena;
	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	mode = loom_float_enter();
	for (; i < n && i < (tile + 1) * TILE_ELEMENTS; i++) {
		uint8_t *to, *from;

		index_of(dst, i, idx);
		to = at(dst, offset_of(dst, dst, idx, 0));
		from = at(src, offset_of(src, dst, idx, 0));
		if (loom_dtype_is_float(dst->dtype)) {
			float x = loom_f32_unary(op, loom_f32_load(src->dtype, from));

			x = loom_f32_act(act, param[0], param[1], x);
			loom_f32_put(dst->dtype, to, x, 0);
		} else {
			int32_t v = loom_i32_unary(dst->dtype, op, loom_i32_load(src->dtype, from));

			if (act == LOOM_ACT_RELU && v < 0)
				v = 0;
			loom_i32_put(dst->dtype, to, v);
		}
	}
	loom_float_leave(mode);
	return true;
}

static int32_t load_b(const struct loom_operand *b, uint64_t off)
{
	int32_t value = loom_i32_load(b->dtype, at(b, off));

	return b->panels && b->dtype == LOOM_DTYPE_U8 ? value ^ 0x80 : value;
}

/* One element of c, to @to; false: stopped. */
static bool multiply(const struct loom_work *work, const uint64_t *idx, void *to,
		     const atomic_uint *stop)
{
	const struct loom_operand *c = &work->operands[0], *a = &work->operands[1];
	const struct loom_operand *b = &work->operands[2];
	uint64_t m = idx[c->rank - 2], n = idx[c->rank - 1];
	uint64_t oa = offset_of(a, c, idx, 2), ob = offset_of(b, c, idx, 2);
	uint64_t sa = (uint64_t)a->strides[a->rank - 1] * a->size;
	uint64_t sb = (uint64_t)b->strides[b->rank - 2] * b->size;
	int32_t a_zero = work->u.gemm.a_zero, b_zero = work->u.gemm.b_zero;
	bool floats = loom_dtype_is_float(a->dtype);
	uint32_t sum = 0;
	float acc = 0.0f;

	oa += m * (uint64_t)a->strides[a->rank - 2] * a->size;
	if (!b->panels)
		ob += n * (uint64_t)b->strides[b->rank - 1] * b->size;
	for (uint64_t k = 0; k < work->u.gemm.k; k++, oa += sa, ob += sb) {
		uint64_t element = b->panels ? ob + panel_offset(b, k, n) : ob;

		if (k % POLL_STEPS == 0 && atomic_load_explicit(stop, memory_order_relaxed))
			return false;
		if (floats)
			acc = fmaf(loom_f32_load(a->dtype, at(a, oa)),
				   loom_f32_load(b->dtype, at(b, element)), acc);
		else
			sum += (uint32_t)(loom_i32_load(a->dtype, at(a, oa)) - a_zero) *
			       (uint32_t)(load_b(b, element) - b_zero);
	}
	if (floats)
		loom_reference_float(work, idx, n, acc, to);
	else
		loom_reference_integer(work, idx, n, sum, to);
	return true;
}

bool loom_reference_tile(const struct loom_work *work, uint64_t tile, loom_reference_fn *element,
			 const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0];
	uint64_t idx[LOOM_RANK_MAX], results[LOOM_REFERENCE_RESULTS];
	uint64_t first = tile * LOOM_REFERENCE_RESULTS, count = elements(dst) - first;
	unsigned int mode = loom_float_enter();
	bool done = !atomic_load_explicit(stop, memory_order_relaxed);

	if (count > LOOM_REFERENCE_RESULTS)
		count = LOOM_REFERENCE_RESULTS;
	for (uint64_t i = 0; i < count && done; i++) {
		index_of(dst, first + i, idx);
		done = element(work, idx, &results[i], stop);
	}
	/* nothing is stored before the last look at stop: the tile may be repeated */
	for (uint64_t i = 0; i < count && done; i++) {
		index_of(dst, first + i, idx);
		memcpy(at(dst, offset_of(dst, dst, idx, 0)), &results[i], dst->size);
	}
	loom_float_leave(mode);
	return done;
}

static bool gemm_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		      const atomic_uint *stop)
{
	(void)arena;
	return loom_reference_tile(work, tile, multiply, stop);
}

static void plan_fill(struct loom_work *work)
{
	plan(work, TILE_ELEMENTS, fill_tile);
}

static void plan_copy(struct loom_work *work)
{
	plan(work, TILE_ELEMENTS, copy_tile);
}

static void plan_eltwise(struct loom_work *work)
{
	plan(work, TILE_ELEMENTS, eltwise_tile);
}

static void plan_unary(struct loom_work *work)
{
	plan(work, TILE_ELEMENTS, unary_tile);
}

static void plan_gemm(struct loom_work *work)
{
	plan(work, LOOM_REFERENCE_RESULTS, gemm_tile);
}

static bool usable(void)
{
	return true;
}

const struct loom_engine loom_engine_reference = {
	.name = "reference",
	.usable = usable,
	.gemm = plan_gemm,
	.conv = loom_reference_conv,
	.pack = plan_pack,
	.pool = loom_reference_pool,
	.gather = loom_reference_gather,
	.resize = loom_reference_resize,
	.quant = loom_reference_quant,
	.arg = loom_reference_arg,
	.eltwise = plan_eltwise,
	.unary = plan_unary,
	.reduce = loom_reference_reduce,
	.softmax = loom_reference_softmax,
	.norm = loom_reference_norm,
	.copy = plan_copy,
	.fill = plan_fill,
};
