// SPDX-License-Identifier: MIT
/* The reference engine: NORM. */
#include "functions.h"
#include "reference.h"

#define TILE_ELEMENTS	1024u	/* with statistics that are given */
#define POLL_STEPS	4096u	/* elements between two looks at stop */

/* Index of element @i along the axes, the last one fastest; the others stay. */
static void element(const struct loom_work *work, uint64_t i, uint64_t *idx)
{
	const struct loom_operand *src = &work->operands[1];

	for (unsigned int axis = src->rank; axis-- > 0;)
		if (work->u.norm.axes >> axis & 1) {
			idx[axis] = i % src->dims[axis];
			i /= src->dims[axis];
		}
}

/* An element that operand @index broadcasts to @idx. */
static float load(const struct loom_work *work, unsigned int index, const uint64_t *idx)
{
	const struct loom_operand *op = &work->operands[index];

	return loom_f32_load(op->dtype, at(op, offset_of(op, &work->operands[0], idx, 0)));
}

static float tree(float *lane)
{
	for (unsigned int h = LOOM_LANES / 2; h; h /= 2)
		for (unsigned int l = 0; l < h; l++)
			lane[l] = lane[l] + lane[l + h];
	return lane[0];
}

static void store(const struct loom_work *work, const uint64_t *idx, float x)
{
	const struct loom_operand *dst = &work->operands[0];

	if (work->operands[2].dtype)
		x = x * load(work, 2, idx);
	if (work->operands[3].dtype)
		x = x + load(work, 3, idx);
	loom_f32_put(dst->dtype, at(dst, offset_of(dst, dst, idx, 0)), x, 0);
}

static bool stopped(uint64_t i, const atomic_uint *stop)
{
	return i % POLL_STEPS == 0 && atomic_load_explicit(stop, memory_order_relaxed);
}

/* A tile is one group. */
static bool norm_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		      const atomic_uint *stop)
{
	const struct loom_operand *src = &work->operands[1];
	uint64_t idx[LOOM_RANK_MAX] = { 0 }, rest = tile, n = 1;
	float lane[LOOM_LANES] = { 0 }, mean = 0.0f, inverse;
	unsigned int mode = loom_float_enter();
	bool layer = work->u.norm.op == LOOM_NORM_LAYER, done = false;

	(void)arena;
	for (unsigned int i = src->rank; i-- > 0;)
		if (work->u.norm.axes >> i & 1) {
			n *= src->dims[i];
		} else {
			idx[i] = rest % src->dims[i];
			rest /= src->dims[i];
		}
	for (uint64_t i = 0; layer && i < n; i++) {
		if (stopped(i, stop))
			goto leave;
		element(work, i, idx);
		lane[i % LOOM_LANES] = lane[i % LOOM_LANES] + load(work, 1, idx);
	}
	if (layer)
		mean = tree(lane) / (float)n;
	for (unsigned int l = 0; l < LOOM_LANES; l++)
		lane[l] = 0.0f;
	for (uint64_t i = 0; i < n; i++) {
		float d;

		if (stopped(i, stop))
			goto leave;
		element(work, i, idx);
		d = load(work, 1, idx);
		if (layer)
			d = d - mean;
		lane[i % LOOM_LANES] = fmaf(d, d, lane[i % LOOM_LANES]);
	}
	inverse = 1.0f / sqrtf(tree(lane) / (float)n + work->u.norm.epsilon);
	for (uint64_t i = 0; i < n; i++) {
		float d;

		if (n > LOOM_NORM_IN_PLACE_MAX && stopped(i, stop))
			goto leave;
		element(work, i, idx);
		d = load(work, 1, idx);
		if (layer)
			d = d - mean;
		store(work, idx, d * inverse);
	}
	done = true;
leave:
	loom_float_leave(mode);
	return done;
}

static bool given_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		       const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0];
	uint64_t idx[LOOM_RANK_MAX], n = elements(dst), i = tile * TILE_ELEMENTS;
	unsigned int mode;

	(void)arena;
	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	mode = loom_float_enter();
	for (; i < n && i < (tile + 1) * TILE_ELEMENTS; i++) {
		index_of(dst, i, idx);
		store(work, idx, (load(work, 1, idx) - load(work, 4, idx)) *
		      (1.0f / sqrtf(load(work, 5, idx) + work->u.norm.epsilon)));
	}
	loom_float_leave(mode);
	return true;
}

void loom_reference_norm(struct loom_work *work)
{
	uint64_t n = elements(&work->operands[0]), group = 1;

	if (work->u.norm.op == LOOM_NORM_GIVEN) {
		work->tiles = n / TILE_ELEMENTS + (n % TILE_ELEMENTS != 0);
		work->run = given_tile;
		return;
	}
	for (unsigned int i = 0; i < work->operands[1].rank; i++)
		if (work->u.norm.axes >> i & 1)
			group *= work->operands[1].dims[i];
	work->tiles = n / group;
	work->run = norm_tile;
}
