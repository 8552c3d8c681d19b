// SPDX-License-Identifier: MIT
/* QUANT. A zero point for all is part of the conversion; others are brought in one by one. */
#include "fold.h"
#include "numerics.h"

/* Integers of a chunk, wider. */
static void get_integers(struct loom_walk *walk, int32_t *v, uint64_t n)
{
	uint32_t bounce[LOOM_CHUNK];
	const void *p = loom_walk_get(walk, n, bounce);

	switch (walk->op->dtype) {
	case LOOM_DTYPE_I8:
		for (uint64_t i = 0; i < n; i++)
			v[i] = ((const int8_t *)p)[i];
		break;
	case LOOM_DTYPE_U8:
		for (uint64_t i = 0; i < n; i++)
			v[i] = ((const uint8_t *)p)[i];
		break;
	default:
		memcpy(v, p, n * sizeof(*v));
		break;
	}
}

/* loom_f32_quant() with a zero point for each element. */
static void quantise(const float *restrict x, const int32_t *restrict zero, uint8_t *restrict to,
		     uint64_t n, int32_t lo, int32_t hi)
{
	for (uint64_t i = 0; i < n; i++) {
		float y = x[i] != x[i] ? 0.0f : x[i];
		int32_t v;

		y = y < -1024.0f ? -1024.0f : y;
		y = y > 1024.0f ? 1024.0f : y;
		/* adding 1.5 * 2^23 rounds to an integer, ties to even */
		v = (int32_t)loom_f32_bits(y + 0x1.8p23f) - 0x4b400000 + zero[i];
		v = v < lo ? lo : v;
		to[i] = (uint8_t)(v > hi ? hi : v);
	}
}

static bool repeats(const struct loom_walk *walk)
{
	return walk->rank == 1 && !walk->strides[0];
}

/* Looks at stop once, as ELTWISE does: it may be in place. */
bool loom_quant_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		     const atomic_uint *stop)
{
	struct loom_operand ops[4], *dst = &ops[0];
	uint64_t start = tile * LOOM_TILE_ELEMENTS, left, now;
	bool to = work->u.quant.op == LOOM_QUANT_TO, each = false;
	float x[LOOM_CHUNK], scale[LOOM_CHUNK];
	int32_t zero[LOOM_CHUNK] = { 0 }, v[LOOM_CHUNK];
	uint32_t result[LOOM_CHUNK];
	struct loom_walk walks[4];
	unsigned int mode;

	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	mode = loom_float_enter();
	for (unsigned int i = 0; i < 4; i++) {
		if (!work->operands[i].dtype)
			continue;
		ops[i] = loom_axes_spread(&work->operands[i], &work->operands[0]);
		loom_walk_init(&walks[i], &ops[i], &ops[i], start);
	}
	if (work->operands[3].dtype) {
		each = !to || !repeats(&walks[3]);
		if (!each)
			get_integers(&walks[3], zero, 1);
	}
	left = loom_elements(dst) - start;
	left = left < LOOM_TILE_ELEMENTS ? left : LOOM_TILE_ELEMENTS;
	for (; left; left -= now) {
		now = left < LOOM_CHUNK ? left : LOOM_CHUNK;
		loom_fold_floats(rows, &walks[2], scale, now);
		if (each)
			get_integers(&walks[3], zero, now);
		if (to) {
			loom_fold_floats(rows, &walks[1], x, now);
			rows->binary(LOOM_ELTWISE_DIV, x, scale, x, now);
			if (!each)
				rows->narrow(dst->dtype, x, result, now, zero[0]);
			else if (dst->dtype == LOOM_DTYPE_I8)
				quantise(x, zero, (uint8_t *)result, now, INT8_MIN, INT8_MAX);
			else
				quantise(x, zero, (uint8_t *)result, now, 0, UINT8_MAX);
		} else {
			get_integers(&walks[1], v, now);
			for (uint64_t i = 0; each && i < now; i++)
				v[i] = (int32_t)((uint32_t)v[i] - (uint32_t)zero[i]);
			rows->widen(LOOM_DTYPE_I32, v, x, now);
			rows->binary(LOOM_ELTWISE_MUL, x, scale, x, now);
			rows->narrow(dst->dtype, x, result, now, 0);
		}
		loom_walk_put(&walks[0], now, result);
	}
	loom_float_leave(mode);
	return true;
}
