// SPDX-License-Identifier: MIT
/* The reference engine: REDUCE and SOFTMAX, a result or a group of results at a time. */
#include "functions.h"
#include "reference.h"

#define POLL_STEPS	8192u	/* elements between two looks at stop */

/* The elements that are taken together with one: those along the axes of @axes. */
struct group {
	const struct loom_operand *src;
	uint32_t axes;
	uint64_t n;
};

static struct group group_of(const struct loom_operand *src, uint32_t axes)
{
	struct group group = { src, axes, 1 };

	for (unsigned int i = 0; i < src->rank; i++)
		if (axes >> i & 1)
			group.n *= src->dims[i];
	return group;
}

/* Element @i of the group, as an index: axes outside of it stay. */
static void group_index(const struct group *group, uint64_t i, uint64_t *idx)
{
	for (unsigned int axis = group->src->rank; axis-- > 0;)
		if (group->axes >> axis & 1) {
			idx[axis] = i % group->src->dims[axis];
			i /= group->src->dims[axis];
		}
}

static const void *element(const struct group *group, uint64_t i, const uint64_t *first)
{
	uint64_t idx[LOOM_RANK_MAX];

	memcpy(idx, first, sizeof(idx));
	group_index(group, i, idx);
	return at(group->src, offset_of(group->src, group->src, idx, 0));
}

static bool stopped(uint64_t i, const atomic_uint *stop)
{
	return i % POLL_STEPS == 0 && atomic_load_explicit(stop, memory_order_relaxed);
}

static float start(unsigned int op)
{
	switch (op) {
	case LOOM_REDUCE_PROD:
		return 1.0f;
	case LOOM_REDUCE_MIN:
		return INFINITY;
	case LOOM_REDUCE_MAX:
		return -INFINITY;
	default:
		return 0.0f;
	}
}

static float join(unsigned int op, float a, float b)
{
	switch (op) {
	case LOOM_REDUCE_PROD:
		return a * b;
	case LOOM_REDUCE_MIN:
		return loom_f32_min(a, b);
	case LOOM_REDUCE_MAX:
		return loom_f32_max(a, b);
	default:
		return a + b;
	}
}

static float step(unsigned int op, float a, float x)
{
	switch (op) {
	case LOOM_REDUCE_SUMSQ:
		return fmaf(x, x, a);
	case LOOM_REDUCE_SUMABS:
		return a + fabsf(x);
	default:
		return join(op, a, x);
	}
}

/* Sixteen lanes, then the tree. */
static float tree(unsigned int op, float *lane)
{
	for (unsigned int h = LOOM_LANES / 2; h; h /= 2)
		for (unsigned int l = 0; l < h; l++)
			lane[l] = join(op, lane[l], lane[l + h]);
	return lane[0];
}

static bool reduce_floats(const struct loom_work *work, const struct group *group,
			  const uint64_t *idx, void *to, const atomic_uint *stop)
{
	unsigned int op = work->u.reduce.op;
	float lane[LOOM_LANES], r;

	for (unsigned int l = 0; l < LOOM_LANES; l++)
		lane[l] = start(op);
	for (uint64_t i = 0; i < group->n; i++) {
		if (stopped(i, stop))
			return false;
		lane[i % LOOM_LANES] = step(op, lane[i % LOOM_LANES],
					    loom_f32_load(group->src->dtype,
							  element(group, i, idx)));
	}
	r = tree(op, lane);
	if (op == LOOM_REDUCE_MEAN)
		r = r / (float)group->n;
	loom_f32_put(work->operands[0].dtype, to, r, 0);
	return true;
}

static uint32_t step_integer(unsigned int op, uint32_t a, int32_t x)
{
	switch (op) {
	case LOOM_REDUCE_PROD:
		return a * (uint32_t)x;
	case LOOM_REDUCE_MIN:
		return x < (int32_t)a ? (uint32_t)x : a;
	case LOOM_REDUCE_MAX:
		return x > (int32_t)a ? (uint32_t)x : a;
	case LOOM_REDUCE_SUMSQ:
		return a + (uint32_t)x * (uint32_t)x;
	case LOOM_REDUCE_SUMABS:
		return a + (x < 0 ? 0u - (uint32_t)x : (uint32_t)x);
	default:
		return a + (uint32_t)x;
	}
}

static bool reduce_integers(const struct loom_work *work, const struct group *group,
			    const uint64_t *idx, void *to, const atomic_uint *stop)
{
	unsigned int op = work->u.reduce.op;
	uint32_t acc = op == LOOM_REDUCE_PROD ? 1 : op == LOOM_REDUCE_MIN ? INT32_MAX :
		       op == LOOM_REDUCE_MAX ? (uint32_t)INT32_MIN : 0;

	for (uint64_t i = 0; i < group->n; i++) {
		if (stopped(i, stop))
			return false;
		acc = step_integer(op, acc, loom_i32_load(group->src->dtype,
							  element(group, i, idx)));
	}
	loom_i32_put(work->operands[0].dtype, to, (int32_t)acc);
	return true;
}

/* A tile is one result. */
static bool reduce_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
			const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	struct group group = group_of(src, work->u.reduce.axes);
	uint64_t idx[LOOM_RANK_MAX], result;
	unsigned int mode = loom_float_enter();
	bool done;

	(void)arena;
	index_of(dst, tile, idx);
	if (atomic_load_explicit(stop, memory_order_relaxed))
		done = false;
	else if (loom_dtype_is_float(src->dtype))
		done = reduce_floats(work, &group, idx, &result, stop);
	else
		done = reduce_integers(work, &group, idx, &result, stop);
	if (done)
		memcpy(at(dst, offset_of(dst, dst, idx, 0)), &result, dst->size);
	loom_float_leave(mode);
	return done;
}

/*
 * A tile is one group. dst may be src, if the group is not too long: then nothing is stored before
 * the last look at stop.
 */
static bool softmax_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
			 const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	struct group group = group_of(src, work->u.softmax.axes);
	uint64_t idx[LOOM_RANK_MAX] = { 0 }, rest = tile;
	float lane[LOOM_LANES], max, sum, log = 0.0f;
	unsigned int mode = loom_float_enter();
	bool done = false;

	(void)arena;
	for (unsigned int i = src->rank; i-- > 0;)
		if (!(group.axes >> i & 1)) {
			idx[i] = rest % src->dims[i];
			rest /= src->dims[i];
		}
	for (unsigned int l = 0; l < LOOM_LANES; l++)
		lane[l] = -INFINITY;
	for (uint64_t i = 0; i < group.n; i++) {
		if (stopped(i, stop))
			goto leave;
		lane[i % LOOM_LANES] = loom_f32_max(lane[i % LOOM_LANES],
						    loom_f32_load(src->dtype,
								  element(&group, i, idx)));
	}
	max = tree(LOOM_REDUCE_MAX, lane);
	for (unsigned int l = 0; l < LOOM_LANES; l++)
		lane[l] = 0.0f;
	for (uint64_t i = 0; i < group.n; i++) {
		float x = loom_f32_load(src->dtype, element(&group, i, idx));

		if (stopped(i, stop))
			goto leave;
		lane[i % LOOM_LANES] = lane[i % LOOM_LANES] + loom_f32_exp(x - max);
	}
	sum = tree(LOOM_REDUCE_SUM, lane);
	if (work->u.softmax.log)
		log = loom_f32_log(sum);
	for (uint64_t i = 0; i < group.n; i++) {
		float x = loom_f32_load(src->dtype, element(&group, i, idx));

		if (group.n > LOOM_SOFTMAX_IN_PLACE_MAX && stopped(i, stop))
			goto leave;
		x = work->u.softmax.log ? (x - max) - log : loom_f32_exp(x - max) / sum;
		group_index(&group, i, idx);
		loom_f32_put(dst->dtype, at(dst, offset_of(dst, dst, idx, 0)), x, 0);
	}
	done = true;
leave:
	loom_float_leave(mode);
	return done;
}

void loom_reference_reduce(struct loom_work *work)
{
	work->tiles = elements(&work->operands[0]);
	work->run = reduce_tile;
}

void loom_reference_softmax(struct loom_work *work)
{
	work->tiles = elements(&work->operands[0]) /
		      group_of(&work->operands[1], work->u.softmax.axes).n;
	work->run = softmax_tile;
}
