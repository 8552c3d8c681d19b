// SPDX-License-Identifier: MIT
/* The reference engine: POOL, one element of the result after the other. */
#include "numerics.h"
#include "reference.h"

#define TILE_RESULTS	64u
#define POLL_STEPS	4096u	/* taps between two looks at stop */

/** struct result - of one window */
struct result {
	uint64_t value;
	int64_t index;
};

/** struct seen - an element in the window, or a hole */
struct seen {
	bool hole, counts;
	uint64_t off;
	int64_t index;
};

static void look(const struct loom_work *work, const uint64_t *out, uint64_t tap, struct seen *s)
{
	const struct loom_operand *x = &work->operands[1];
	uint64_t off = x->origin, index = 0, at[LOOM_RANK_MAX] = { out[0], out[1] };

	s->hole = false;
	s->counts = true;
	for (unsigned int i = x->rank - 2u; i-- > 0; tap /= work->u.pool.taps[i]) {
		const struct loom_axis *axis = &work->window[i];
		uint64_t k = tap % work->u.pool.taps[i];
		int64_t p = (int64_t)(out[2 + i] * axis->stride) +
			    (int64_t)(k * axis->dilation) - axis->before;

		s->hole |= !loom_axis_at(axis, x->dims[2 + i], out[2 + i], k, &at[2 + i]);
		s->counts &= p < (int64_t)((uint64_t)x->dims[2 + i] + work->u.pool.after[i]);
	}
	if (s->hole) {
		s->counts &= work->u.pool.count_holes;
		return;
	}
	for (unsigned int i = 0; i < x->rank; i++) {
		off += at[i] * (uint64_t)x->strides[i] * x->size;
		index = index * x->dims[i] + at[i];
	}
	s->off = off;
	s->index = (int64_t)index;
}

static float tree(float *lane)
{
	for (unsigned int h = LOOM_LANES / 2; h; h /= 2)
		for (unsigned int l = 0; l < h; l++)
			lane[l] = lane[l] + lane[l + h];
	return lane[0];
}

static bool sum(const struct loom_work *work, const uint64_t *out, struct result *r,
		const atomic_uint *stop)
{
	const struct loom_operand *x = &work->operands[1];
	float lane[LOOM_LANES] = { 0 }, y;
	uint64_t count = 0;
	struct seen s;

	for (uint64_t k = 0; k < work->u.pool.all_taps; k++) {
		float *acc = &lane[k % LOOM_LANES], v;

		if (k % POLL_STEPS == 0 && atomic_load_explicit(stop, memory_order_relaxed))
			return false;
		look(work, out, k, &s);
		count += s.counts;
		if (s.hole)
			continue;
		v = loom_f32_load(x->dtype, at(x, s.off));
		if (work->u.pool.op == LOOM_POOL_L2)
			*acc = fmaf(v, v, *acc);
		else
			*acc = *acc + (work->u.pool.op == LOOM_POOL_L1 ? fabsf(v) : v);
	}
	y = tree(lane);
	if (work->u.pool.op == LOOM_POOL_AVERAGE)
		y = y / (float)count;
	else if (work->u.pool.op == LOOM_POOL_L2)
		y = sqrtf(y);
	loom_f32_put(work->operands[0].dtype, &r->value, y, 0);
	return true;
}

/* Is @v larger than @max? The first NaN is larger than all else. */
static bool larger(float v, float max)
{
	return max == max && loom_f32_bits(loom_f32_max(v, max)) != loom_f32_bits(max);
}

static int32_t smallest(unsigned int dtype)
{
	return dtype == LOOM_DTYPE_I8 ? INT8_MIN : dtype == LOOM_DTYPE_U8 ? 0 : INT32_MIN;
}

static bool largest(const struct loom_work *work, const uint64_t *out, struct result *r,
		    const atomic_uint *stop)
{
	const struct loom_operand *x = &work->operands[1];
	bool floats = loom_dtype_is_float(x->dtype);
	int32_t imax = smallest(x->dtype);
	float max = -INFINITY;
	struct seen s;

	r->index = -1;
	for (uint64_t k = 0; k < work->u.pool.all_taps; k++) {
		float f = 0.0f;
		int32_t v = 0;

		if (k % POLL_STEPS == 0 && atomic_load_explicit(stop, memory_order_relaxed))
			return false;
		look(work, out, k, &s);
		if (s.hole)
			continue;
		if (floats)
			f = loom_f32_load(x->dtype, at(x, s.off));
		else
			v = loom_i32_load(x->dtype, at(x, s.off));
		if (r->index >= 0 && !(floats ? larger(f, max) : v > imax))
			continue;
		max = f;
		imax = floats ? 0 : v;
		r->index = s.index;
	}
	if (floats)
		loom_f32_put(work->operands[0].dtype, &r->value, max, 0);
	else
		loom_i32_put(x->dtype, &r->value, imax);
	return true;
}

static bool pool_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		      const atomic_uint *stop)
{
	const struct loom_operand *y = &work->operands[0], *indices = &work->operands[2];
	uint64_t idx[LOOM_RANK_MAX], first = tile * TILE_RESULTS, count = elements(y) - first;
	struct result results[TILE_RESULTS];
	unsigned int mode = loom_float_enter();
	bool done = !atomic_load_explicit(stop, memory_order_relaxed);

	(void)arena;
	if (count > TILE_RESULTS)
		count = TILE_RESULTS;
	for (uint64_t i = 0; i < count && done; i++) {
		index_of(y, first + i, idx);
		done = (work->u.pool.op == LOOM_POOL_MAX ? largest : sum)(work, idx, &results[i],
									  stop);
	}
	/* nothing is stored before the last look at stop: the tile may be repeated */
	for (uint64_t i = 0; i < count && done; i++) {
		index_of(y, first + i, idx);
		memcpy(at(y, offset_of(y, y, idx, 0)), &results[i].value, y->size);
		if (indices->dtype)
			memcpy(at(indices, offset_of(indices, y, idx, 0)), &results[i].index,
			       sizeof(results[i].index));
	}
	loom_float_leave(mode);
	return done;
}

void loom_reference_pool(struct loom_work *work)
{
	uint64_t n = elements(&work->operands[0]);

	work->tiles = n / TILE_RESULTS + (n % TILE_RESULTS != 0);
	work->run = pool_tile;
}
