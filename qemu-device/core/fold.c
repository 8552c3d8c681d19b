// SPDX-License-Identifier: MIT
/*
 * REDUCE and SOFTMAX. Two ways to the same lanes: along a group of elements that are taken
 * together, or, where those lie far apart and the groups' are neighbours, across many groups.
 */
#include "fold.h"
#include "functions.h"
#include "walk.h"

struct loom_operand loom_fold_part(const struct loom_operand *op, uint32_t axes)
{
	struct loom_operand part = *op;

	part.rank = 0;
	for (unsigned int i = 0; i < op->rank; i++)
		if (axes >> i & 1) {
			part.dims[part.rank] = op->dims[i];
			part.strides[part.rank] = op->strides[i];
			part.rank++;
		}
	return part;
}

void loom_groups_init(struct loom_groups *groups, const struct loom_work *work, uint32_t axes,
		      struct loom_operand parts[4], uint64_t first)
{
	for (unsigned int i = 0; i < 2; i++) {
		parts[i] = loom_fold_part(&work->operands[i], ~axes);
		parts[2 + i] = loom_fold_part(&work->operands[i], axes);
		parts[2 + i].origin = 0;
	}
	memset(groups, 0, sizeof(*groups));
	groups->n = loom_elements(&parts[3]);
	loom_walk_init(&groups->dst, &parts[0], &parts[1], first);
	loom_walk_init(&groups->src, &parts[1], &parts[1], first);
	/* REDUCE: no elements have no places */
	if (!groups->n)
		return;
	loom_walk_init(&groups->out, &parts[2], &parts[2], 0);
	loom_walk_init(&groups->in, &parts[3], &parts[3], 0);
}

struct loom_walk loom_in_group(const struct loom_walk *elements, const struct loom_walk *group)
{
	struct loom_walk walk = *elements;

	walk.off = group->off;
	return walk;
}

static uint64_t distance(const struct loom_walk *walk)
{
	int64_t stride = walk->strides[walk->rank - 1];

	return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

bool loom_groups_across(const struct loom_groups *groups)
{
	return groups->n > 1 && groups->src.dims[groups->src.rank - 1] >= 8 &&
	       distance(&groups->src) < distance(&groups->in);
}

void loom_fold_plan(struct loom_work *work, uint32_t axes, loom_tile_fn run)
{
	struct loom_operand parts[4];
	struct loom_groups groups;
	uint64_t results, per;

	loom_groups_init(&groups, work, axes, parts, 0);
	results = loom_elements(&parts[1]);
	per = groups.n ? LOOM_TILE_ELEMENTS / groups.n : LOOM_TILE_ELEMENTS;
	/* a group takes its time even if it has but one element */
	per = per > LOOM_TILE_ELEMENTS / 4 ? LOOM_TILE_ELEMENTS / 4 : per;
	if (per < LOOM_ACROSS && loom_groups_across(&groups))
		per = LOOM_ACROSS;
	per = per ? per : 1;
	work->u.fold.per = per;
	work->tiles = results / per + (results % per != 0);
	work->run = run;
}

bool loom_fold_overlap(const struct loom_work *work)
{
	return loom_overlap(&work->operands[0], &work->operands[1]);
}

/* In place, what is written first can only be written last: so many elements in a step at most. */
#define STEP_MAX	(1u << 18)

_Static_assert(STEP_MAX == LOOM_SOFTMAX_IN_PLACE_MAX && STEP_MAX == LOOM_NORM_IN_PLACE_MAX,
	       "one step a tile");

void loom_fold_plan_held(struct loom_work *work, uint32_t axes, loom_tile_fn run)
{
	struct loom_operand parts[4];
	struct loom_groups groups;
	uint64_t n;

	loom_fold_plan(work, axes, run);
	loom_groups_init(&groups, work, axes, parts, 0);
	n = groups.n;
	if (loom_groups_across(&groups) && n <= LOOM_ROW_MAX / 8) {
		if (loom_fold_overlap(work)) {
			work->u.fold.per = STEP_MAX / n < LOOM_ACROSS ? STEP_MAX / n : LOOM_ACROSS;
			work->tiles = loom_elements(&parts[1]);
			work->tiles = work->tiles / work->u.fold.per +
				      (work->tiles % work->u.fold.per != 0);
		}
		n *= LOOM_ACROSS;
	}
	work->arena = n <= LOOM_ROW_MAX ? n * sizeof(float) :
		      loom_groups_across(&groups) ? LOOM_ARENA_MAX : 0;
}

static bool stopped(const atomic_uint *stop)
{
	return atomic_load_explicit(stop, memory_order_relaxed);
}

void loom_fold_floats(const struct loom_rows *rows, struct loom_walk *walk, float *x, uint64_t n)
{
	uint32_t bounce[LOOM_CHUNK];

	for (uint64_t i = 0; i < n; i += LOOM_CHUNK) {
		uint64_t now = n - i < LOOM_CHUNK ? n - i : LOOM_CHUNK;

		rows->widen(walk->op->dtype, loom_walk_get(walk, now, bounce), x + i, now);
	}
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

void loom_fold_fill(float *x, float value, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		x[i] = value;
}

/* How lanes join: sums whatever was summed. */
static unsigned int join(unsigned int op)
{
	return op == LOOM_REDUCE_PROD || op == LOOM_REDUCE_MIN || op == LOOM_REDUCE_MAX ?
	       op : LOOM_REDUCE_SUM;
}

void loom_fold_tree(const struct loom_rows *rows, unsigned int op, float *lanes, uint64_t n)
{
	for (unsigned int h = LOOM_LANES / 2; h; h /= 2)
		rows->fold(join(op), lanes, lanes + h * n, h * n);
}

/* ---- REDUCE ---- */

static bool reduce_along(const struct loom_rows *rows, unsigned int op,
			 const struct loom_groups *groups, float *result, const atomic_uint *stop)
{
	struct loom_walk walk = loom_in_group(&groups->in, &groups->src);
	float x[LOOM_CHUNK], lanes[LOOM_LANES];

	loom_fold_fill(lanes, start(op), LOOM_LANES);
	for (uint64_t i = 0; i < groups->n; i += LOOM_CHUNK) {
		uint64_t now = groups->n - i < LOOM_CHUNK ? groups->n - i : LOOM_CHUNK;

		if (i % (16 * LOOM_CHUNK) == 0 && stopped(stop))
			return false;
		loom_fold_floats(rows, &walk, x, now);
		rows->lanes(op, lanes, x, now);
	}
	loom_fold_tree(rows, op, lanes, 1);
	*result = lanes[0];
	return true;
}

static bool reduce_across(const struct loom_rows *rows, unsigned int op,
			  const struct loom_groups *groups, uint64_t width, float *result,
			  const atomic_uint *stop)
{
	struct loom_walk walk = loom_in_group(&groups->in, &groups->src);
	int64_t stride = groups->src.strides[groups->src.rank - 1];
	float lanes[LOOM_LANES * LOOM_ACROSS], x[LOOM_ACROSS];
	uint32_t bounce[LOOM_ACROSS];

	loom_fold_fill(lanes, start(op), LOOM_LANES * width);
	for (uint64_t i = 0; i < groups->n; i++, loom_walk_next(&walk)) {
		if (i % 64 == 0 && stopped(stop))
			return false;
		rows->widen(walk.op->dtype,
			    loom_row_get(walk.op, walk.off, stride, width, bounce), x, width);
		rows->fold(op, lanes + i % LOOM_LANES * width, x, width);
	}
	loom_fold_tree(rows, op, lanes, width);
	memcpy(result, lanes, width * sizeof(float));
	return true;
}

static uint32_t fold_integer(unsigned int op, uint32_t a, int32_t x)
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

#define FOLD(type, op)							\
	for (uint64_t i = 0; i < n; i++)				\
		acc = fold_integer(op, acc, ((const type *)x)[i]);	\
	break

#define FOLD_TYPE(op)							\
	switch (dtype) {						\
	case LOOM_DTYPE_I8:						\
		FOLD(int8_t, op);					\
	case LOOM_DTYPE_U8:						\
		FOLD(uint8_t, op);					\
	default:							\
		FOLD(int32_t, op);					\
	}								\
	break

static uint32_t fold_integers(unsigned int dtype, unsigned int op, uint32_t acc, const void *x,
			      uint64_t n)
{
	/* a constant in each loop: so they become vectors */
	switch (op) {
	case LOOM_REDUCE_PROD:
		FOLD_TYPE(LOOM_REDUCE_PROD);
	case LOOM_REDUCE_MIN:
		FOLD_TYPE(LOOM_REDUCE_MIN);
	case LOOM_REDUCE_MAX:
		FOLD_TYPE(LOOM_REDUCE_MAX);
	case LOOM_REDUCE_SUMSQ:
		FOLD_TYPE(LOOM_REDUCE_SUMSQ);
	case LOOM_REDUCE_SUMABS:
		FOLD_TYPE(LOOM_REDUCE_SUMABS);
	default:
		FOLD_TYPE(LOOM_REDUCE_SUM);
	}
	return acc;
}

#undef FOLD
#undef FOLD_TYPE

static bool reduce_integers(unsigned int op, const struct loom_groups *groups, uint32_t *result,
			    const atomic_uint *stop)
{
	struct loom_walk walk = loom_in_group(&groups->in, &groups->src);
	uint32_t bounce[LOOM_CHUNK], acc;

	acc = op == LOOM_REDUCE_PROD ? 1 : op == LOOM_REDUCE_MIN ? INT32_MAX :
	      op == LOOM_REDUCE_MAX ? (uint32_t)INT32_MIN : 0;
	for (uint64_t i = 0; i < groups->n; i += LOOM_CHUNK) {
		uint64_t now = groups->n - i < LOOM_CHUNK ? groups->n - i : LOOM_CHUNK;

		if (i % (16 * LOOM_CHUNK) == 0 && stopped(stop))
			return false;
		acc = fold_integers(walk.op->dtype, op, acc, loom_walk_get(&walk, now, bounce),
				    now);
	}
	*result = acc;
	return true;
}

/*
 * A tile may be stopped between results: it writes nothing that it reads, unless it reads but one
 * element for each, and then it is short.
 */
bool loom_reduce_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		      const atomic_uint *stop)
{
	static const atomic_uint never;
	const struct loom_operand *dst = &work->operands[0];
	unsigned int op = work->u.reduce.op, mode = loom_float_enter();
	bool floats = loom_dtype_is_float(work->operands[1].dtype), done = false, across;
	uint64_t first = tile * work->u.fold.per, left;
	struct loom_operand parts[4];
	uint32_t to[LOOM_ACROSS], bits[LOOM_ACROSS];
	struct loom_groups groups;
	float x[LOOM_ACROSS];

	if (stopped(stop))
		goto leave;
	loom_groups_init(&groups, work, work->u.reduce.axes, parts, first);
	if (groups.n <= 1)
		stop = &never;
	across = floats && loom_groups_across(&groups);
	left = loom_elements(&parts[1]) - first;
	if (left > work->u.fold.per)
		left = work->u.fold.per;
	while (left) {
		uint64_t now = left < LOOM_ACROSS ? left : LOOM_ACROSS, row;

		if (across) {
			row = loom_walk_row(&groups.src);
			now = now < row ? now : row;
			if (!reduce_across(rows, op, &groups, now, x, stop))
				goto leave;
			loom_walk_skip(&groups.src, now);
		}
		for (uint64_t i = 0; !across && i < now; i++, loom_walk_next(&groups.src))
			if (!(floats ? reduce_along(rows, op, &groups, &x[i], stop) :
			      reduce_integers(op, &groups, &bits[i], stop)))
				goto leave;
		if (op == LOOM_REDUCE_MEAN)
			rows->divide(x, (float)groups.n, now);
		if (floats)
			rows->narrow(dst->dtype, x, to, now, 0);
		for (uint64_t i = 0; !floats && i < now; i++)
			loom_i32_put(dst->dtype, (uint8_t *)to + i * dst->size, (int32_t)bits[i]);
		loom_walk_put(&groups.dst, now, to);
		left -= now;
	}
	done = true;
leave:
	loom_float_leave(mode);
	return done;
}

void loom_reduce_plan(struct loom_work *work, loom_tile_fn run)
{
	loom_fold_plan(work, work->u.reduce.axes, run);
}

/* ---- SOFTMAX ---- */

static void finish(const struct loom_rows *rows, bool log, float *x, float max, float sum,
		   uint64_t n)
{
	if (log)
		rows->subtract(x, max, sum, n);
	else
		rows->divide(x, sum, n);
}

/*
 * One group. @e has room for all of it, or is NULL: then the exponentials are computed once more.
 * @late: may be stopped when it has begun to write, too.
 */
static bool softmax_along(const struct loom_rows *rows, const struct loom_work *work,
			  const struct loom_groups *groups, float *e, bool late,
			  const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0];
	struct loom_walk in = loom_in_group(&groups->in, &groups->src);
	struct loom_walk out = loom_in_group(&groups->out, &groups->dst);
	float chunk[LOOM_CHUNK], lanes[LOOM_LANES], max, sum, none[LOOM_LANES] = { 0 };
	uint32_t to[LOOM_CHUNK];
	bool log = work->u.softmax.log;
	uint64_t n = groups->n;

	loom_fold_fill(lanes, -INFINITY, LOOM_LANES);
	for (uint64_t i = 0; i < n; i += LOOM_CHUNK) {
		uint64_t now = n - i < LOOM_CHUNK ? n - i : LOOM_CHUNK;
		float *x = e ? e + i : chunk;

		if (i % (16 * LOOM_CHUNK) == 0 && stopped(stop))
			return false;
		loom_fold_floats(rows, &in, x, now);
		rows->lanes(LOOM_REDUCE_MAX, lanes, x, now);
	}
	loom_fold_tree(rows, LOOM_REDUCE_MAX, lanes, 1);
	max = lanes[0];
	loom_fold_fill(lanes, 0.0f, LOOM_LANES);
	in = loom_in_group(&groups->in, &groups->src);
	for (uint64_t i = 0; i < n; i += LOOM_CHUNK) {
		uint64_t now = n - i < LOOM_CHUNK ? n - i : LOOM_CHUNK;
		float *x = e ? e + i : chunk;

		if (i % (16 * LOOM_CHUNK) == 0 && stopped(stop))
			return false;
		if (log && e)
			x = memcpy(chunk, x, now * sizeof(float));
		else if (!e)
			loom_fold_floats(rows, &in, x, now);
		rows->power_sum(x, max, lanes, now);
	}
	loom_fold_tree(rows, LOOM_REDUCE_SUM, lanes, 1);
	sum = lanes[0];
	if (log)
		rows->unary(LOOM_UNARY_LOG, &sum, &sum, 1);
	in = loom_in_group(&groups->in, &groups->src);
	for (uint64_t i = 0; i < n; i += LOOM_CHUNK) {
		uint64_t now = n - i < LOOM_CHUNK ? n - i : LOOM_CHUNK;
		float *x = e ? e + i : chunk;

		if (late && i % (16 * LOOM_CHUNK) == 0 && stopped(stop))
			return false;
		if (!e) {
			loom_fold_floats(rows, &in, x, now);
			if (!log)
				rows->power_sum(x, max, none, now);
		}
		finish(rows, log, x, max, sum, now);
		rows->narrow(dst->dtype, x, to, now, 0);
		loom_walk_put(&out, now, to);
	}
	return true;
}

/* @width groups, element by element of all of them; @e has room for all. */
static bool softmax_across(const struct loom_rows *rows, const struct loom_work *work,
			   const struct loom_groups *groups, uint64_t width, float *e,
			   const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0];
	struct loom_walk in = loom_in_group(&groups->in, &groups->src);
	struct loom_walk out = loom_in_group(&groups->out, &groups->dst);
	int64_t from = groups->src.strides[groups->src.rank - 1], stride;
	float lanes[LOOM_LANES * LOOM_ACROSS], max[LOOM_ACROSS], *sum = lanes, x[LOOM_ACROSS];
	struct loom_walk row = groups->dst;
	uint32_t bounce[LOOM_ACROSS];
	uint64_t n = groups->n;

	loom_fold_fill(max, -INFINITY, width);
	loom_fold_fill(lanes, 0.0f, LOOM_LANES * width);
	for (uint64_t i = 0; i < n; i++, loom_walk_next(&in)) {
		if (i % 64 == 0 && stopped(stop))
			return false;
		rows->widen(in.op->dtype, loom_row_get(in.op, in.off, from, width, bounce),
			    e + i * width, width);
		rows->fold(LOOM_REDUCE_MAX, max, e + i * width, width);
	}
	for (uint64_t i = 0; i < n; i++) {
		float *at = e + i * width;

		if (i % 64 == 0 && stopped(stop))
			return false;
		rows->binary(LOOM_ELTWISE_SUB, at, max, at, width);
		rows->unary(LOOM_UNARY_EXP, at, work->u.softmax.log ? x : at, width);
		rows->fold(LOOM_REDUCE_SUM, lanes + i % LOOM_LANES * width,
			   work->u.softmax.log ? x : at, width);
	}
	loom_fold_tree(rows, LOOM_REDUCE_SUM, lanes, width);
	if (work->u.softmax.log)
		rows->unary(LOOM_UNARY_LOG, sum, sum, width);
	stride = row.strides[row.rank - 1];
	for (uint64_t i = 0; i < n; i++, loom_walk_next(&out)) {
		float *at = e + i * width;

		rows->binary(work->u.softmax.log ? LOOM_ELTWISE_SUB : LOOM_ELTWISE_DIV, at, sum,
			     at, width);
		rows->narrow(dst->dtype, at, bounce, width, 0);
		loom_row_put(dst, out.off, stride, width, bounce);
	}
	return true;
}

/*
 * dst may be src. Then nothing may stop the tile any more when it has begun to write: it would
 * take results for elements. That part is short: the decoder has seen to it. Longer groups that
 * overlap in another way have no defined results, and are stopped like any.
 */
bool loom_softmax_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		       struct loom_arena *arena, const atomic_uint *stop)
{
	static const atomic_uint never;
	unsigned int mode = loom_float_enter();
	uint64_t first = tile * work->u.fold.per, left;
	struct loom_operand parts[4];
	struct loom_groups groups;
	bool done = false, apart, across;
	float *e;

	if (stopped(stop))
		goto leave;
	loom_groups_init(&groups, work, work->u.softmax.axes, parts, first);
	apart = !loom_fold_overlap(work) ||
		groups.n > LOOM_SOFTMAX_IN_PLACE_MAX;
	left = loom_elements(&parts[1]) - first;
	if (left > work->u.fold.per)
		left = work->u.fold.per;
	e = groups.n <= LOOM_ROW_MAX ? (float *)arena->mem : NULL;
	across = loom_groups_across(&groups) && groups.n <= LOOM_ROW_MAX / 8;
	while (left) {
		uint64_t now = 1;

		if (across) {
			uint64_t in = loom_walk_row(&groups.src);
			uint64_t out = loom_walk_row(&groups.dst);

			now = LOOM_ROW_MAX / groups.n;
			now = now < LOOM_ACROSS ? now : LOOM_ACROSS;
			now = now < left ? now : left;
			now = now < in ? now : in;
			now = now < out ? now : out;
			if (!softmax_across(rows, work, &groups, now, e, stop))
				goto leave;
		} else if (!softmax_along(rows, work, &groups, e, apart, stop)) {
			goto leave;
		}
		loom_walk_skip(&groups.src, now);
		loom_walk_skip(&groups.dst, now);
		left -= now;
		if (!apart)
			stop = &never;
	}
	done = true;
leave:
	loom_float_leave(mode);
	return done;
}

void loom_softmax_plan(struct loom_work *work, loom_tile_fn run)
{
	loom_fold_plan_held(work, work->u.softmax.axes, run);
}
