// SPDX-License-Identifier: MIT
/*
 * NORM. With statistics of its own it goes over groups as SOFTMAX does, along them or across many;
 * with given ones it is an element-wise function of up to five operands.
 */
#include "fold.h"
#include "functions.h"
#include "numerics.h"

/** struct side - weight, bias, mean or variance: where its elements for a group's are */
struct side {
	struct loom_operand group_part, in_part;
	struct loom_walk group, in;
	bool there;
};

static void side_init(struct side *side, const struct loom_work *work, unsigned int index,
		      uint64_t first)
{
	const struct loom_operand *op = &work->operands[index];
	struct loom_operand all;

	side->there = op->dtype;
	if (!side->there)
		return;
	all = loom_axes_spread(op, &work->operands[0]);
	side->group_part = loom_fold_part(&all, ~work->u.norm.axes);
	side->in_part = loom_fold_part(&all, work->u.norm.axes);
	side->in_part.origin = 0;
	loom_walk_init(&side->group, &side->group_part, &side->group_part, first);
	loom_walk_init(&side->in, &side->in_part, &side->in_part, 0);
}

/** struct norm - a tile in the making */
struct norm {
	const struct loom_rows *rows;
	const struct loom_work *work;
	const atomic_uint *stop;
	struct loom_groups groups;
	struct side weight, bias;
	float *e;	/* room for the group or groups at hand; NULL: they are read again */
	bool late;	/* may be stopped when it has begun to write, too */
};

static bool stopped(const struct norm *t, uint64_t i)
{
	return i % (16 * LOOM_CHUNK) == 0 && atomic_load_explicit(t->stop, memory_order_relaxed);
}

static uint64_t chunk(uint64_t n, uint64_t i)
{
	return n - i < LOOM_CHUNK ? n - i : LOOM_CHUNK;
}

/* @x by and plus what the next elements of two sides are. */
static void finish(const struct norm *t, struct loom_walk *weight, struct loom_walk *bias, float *x,
		   uint64_t n)
{
	float y[LOOM_CHUNK];

	if (t->weight.there) {
		loom_fold_floats(t->rows, weight, y, n);
		t->rows->binary(LOOM_ELTWISE_MUL, x, y, x, n);
	}
	if (t->bias.there) {
		loom_fold_floats(t->rows, bias, y, n);
		t->rows->binary(LOOM_ELTWISE_ADD, x, y, x, n);
	}
}

static float inverse(const struct norm *t, float sum)
{
	float v = sum / (float)t->groups.n + t->work->u.norm.epsilon;

	t->rows->unary(LOOM_UNARY_RSQRT, &v, &v, 1);
	return v;
}

/* The differences of a chunk from the mean: read, or from @e where they are already. */
static float *differences(const struct norm *t, struct loom_walk *in, uint64_t i, uint64_t now,
			  float mean, float *x)
{
	if (t->e)
		return t->e + i;
	loom_fold_floats(t->rows, in, x, now);
	if (t->work->u.norm.op == LOOM_NORM_LAYER)
		t->rows->subtract(x, mean, 0.0f, now);
	return x;
}

static bool norm_along(const struct norm *t)
{
	const struct loom_operand *dst = &t->work->operands[0];
	struct loom_walk in = loom_in_group(&t->groups.in, &t->groups.src);
	struct loom_walk out = loom_in_group(&t->groups.out, &t->groups.dst);
	struct loom_walk weight = loom_in_group(&t->weight.in, &t->weight.group);
	struct loom_walk bias = loom_in_group(&t->bias.in, &t->bias.group);
	bool layer = t->work->u.norm.op == LOOM_NORM_LAYER;
	float x[LOOM_CHUNK], by[LOOM_CHUNK], lanes[LOOM_LANES], mean = 0.0f;
	uint64_t n = t->groups.n, now;
	uint32_t to[LOOM_CHUNK];

	loom_fold_fill(lanes, 0.0f, LOOM_LANES);
	for (uint64_t i = 0; i < n && (layer || t->e); i += now) {
		float *at = t->e ? t->e + i : x;

		now = chunk(n, i);
		if (stopped(t, i))
			return false;
		loom_fold_floats(t->rows, &in, at, now);
		if (layer)
			t->rows->lanes(LOOM_REDUCE_SUM, lanes, at, now);
	}
	if (layer) {
		loom_fold_tree(t->rows, LOOM_REDUCE_SUM, lanes, 1);
		mean = lanes[0] / (float)n;
	}
	loom_fold_fill(lanes, 0.0f, LOOM_LANES);
	in = loom_in_group(&t->groups.in, &t->groups.src);
	for (uint64_t i = 0; i < n; i += now) {
		float *at;

		now = chunk(n, i);
		if (stopped(t, i))
			return false;
		at = differences(t, &in, i, now, mean, x);
		if (t->e && layer)
			t->rows->subtract(at, mean, 0.0f, now);
		t->rows->lanes(LOOM_REDUCE_SUMSQ, lanes, at, now);
	}
	loom_fold_tree(t->rows, LOOM_REDUCE_SUM, lanes, 1);
	loom_fold_fill(by, inverse(t, lanes[0]), n < LOOM_CHUNK ? n : LOOM_CHUNK);
	in = loom_in_group(&t->groups.in, &t->groups.src);
	for (uint64_t i = 0; i < n; i += now) {
		float *at;

		now = chunk(n, i);
		if (t->late && stopped(t, i))
			return false;
		at = differences(t, &in, i, now, mean, x);
		t->rows->binary(LOOM_ELTWISE_MUL, at, by, at, now);
		finish(t, &weight, &bias, at, now);
		t->rows->narrow(dst->dtype, at, to, now, 0);
		loom_walk_put(&out, now, to);
	}
	return true;
}

static int64_t last_stride(const struct loom_walk *walk)
{
	return walk->strides[walk->rank - 1];
}

/* A row of a side, one value for each group. */
static void side_row(const struct norm *t, const struct side *side, const struct loom_walk *in,
		     uint64_t width, float *y)
{
	uint32_t bounce[LOOM_ACROSS];

	t->rows->widen(side->group_part.dtype,
		       loom_row_get(&side->group_part, in->off, last_stride(&side->group), width,
				    bounce), y, width);
}

/* @width groups, element by element of all of them. */
static bool norm_across(const struct norm *t, uint64_t width)
{
	const struct loom_operand *dst = &t->work->operands[0];
	struct loom_walk in = loom_in_group(&t->groups.in, &t->groups.src);
	struct loom_walk out = loom_in_group(&t->groups.out, &t->groups.dst);
	struct loom_walk weight = loom_in_group(&t->weight.in, &t->weight.group);
	struct loom_walk bias = loom_in_group(&t->bias.in, &t->bias.group);
	float lanes[LOOM_LANES * LOOM_ACROSS], mean[LOOM_ACROSS], y[LOOM_ACROSS];
	bool layer = t->work->u.norm.op == LOOM_NORM_LAYER;
	int64_t from = last_stride(&t->groups.src), to = last_stride(&t->groups.dst);
	uint32_t bounce[LOOM_ACROSS];
	uint64_t n = t->groups.n;

	loom_fold_fill(lanes, 0.0f, LOOM_LANES * width);
	for (uint64_t i = 0; i < n; i++, loom_walk_next(&in)) {
		float *at = t->e + i * width;

		if (stopped(t, i * 128))
			return false;
		t->rows->widen(in.op->dtype, loom_row_get(in.op, in.off, from, width, bounce), at,
			       width);
		if (layer)
			t->rows->fold(LOOM_REDUCE_SUM, lanes + i % LOOM_LANES * width, at, width);
	}
	if (layer) {
		loom_fold_tree(t->rows, LOOM_REDUCE_SUM, lanes, width);
		memcpy(mean, lanes, width * sizeof(*mean));
		t->rows->divide(mean, (float)n, width);
	}
	loom_fold_fill(lanes, 0.0f, LOOM_LANES * width);
	for (uint64_t i = 0; i < n; i++) {
		float *at = t->e + i * width;

		if (stopped(t, i * 128))
			return false;
		if (layer)
			t->rows->binary(LOOM_ELTWISE_SUB, at, mean, at, width);
		t->rows->fold(LOOM_REDUCE_SUMSQ, lanes + i % LOOM_LANES * width, at, width);
	}
	loom_fold_tree(t->rows, LOOM_REDUCE_SUM, lanes, width);
	for (uint64_t i = 0; i < width; i++)
		lanes[i] = inverse(t, lanes[i]);
	for (uint64_t i = 0; i < n; i++, loom_walk_next(&out)) {
		float *at = t->e + i * width;

		t->rows->binary(LOOM_ELTWISE_MUL, at, lanes, at, width);
		if (t->weight.there) {
			side_row(t, &t->weight, &weight, width, y);
			t->rows->binary(LOOM_ELTWISE_MUL, at, y, at, width);
			loom_walk_next(&weight);
		}
		if (t->bias.there) {
			side_row(t, &t->bias, &bias, width, y);
			t->rows->binary(LOOM_ELTWISE_ADD, at, y, at, width);
			loom_walk_next(&bias);
		}
		t->rows->narrow(dst->dtype, at, bounce, width, 0);
		loom_row_put(dst, out.off, to, width, bounce);
	}
	return true;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Groups that can be taken together from the one at hand on. */
static uint64_t width_of(const struct norm *t, uint64_t left)
{
	uint64_t width = less(less(LOOM_ROW_MAX / t->groups.n, LOOM_ACROSS), left);

	width = less(less(width, loom_walk_row(&t->groups.src)), loom_walk_row(&t->groups.dst));
	if (t->weight.there)
		width = less(width, loom_walk_row(&t->weight.group));
	if (t->bias.there)
		width = less(width, loom_walk_row(&t->bias.group));
	return width;
}

/* In place, see loom_softmax_tile(). */
static bool groups_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
			struct loom_arena *arena, const atomic_uint *stop)
{
	static const atomic_uint never;
	uint64_t first = tile * work->u.fold.per, left;
	struct norm t = { .rows = rows, .work = work, .stop = stop };
	struct loom_operand parts[4];
	bool across;

	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	loom_groups_init(&t.groups, work, work->u.norm.axes, parts, first);
	side_init(&t.weight, work, 2, first);
	side_init(&t.bias, work, 3, first);
	t.late = !loom_fold_overlap(work) || t.groups.n > LOOM_NORM_IN_PLACE_MAX;
	t.e = t.groups.n <= LOOM_ROW_MAX ? (float *)arena->mem : NULL;
	across = loom_groups_across(&t.groups) && t.groups.n <= LOOM_ROW_MAX / 8;
	left = less(loom_elements(&parts[1]) - first, work->u.fold.per);
	while (left) {
		uint64_t now = across ? width_of(&t, left) : 1;

		if (!(across ? norm_across(&t, now) : norm_along(&t)))
			return false;
		loom_walk_skip(&t.groups.src, now);
		loom_walk_skip(&t.groups.dst, now);
		if (t.weight.there)
			loom_walk_skip(&t.weight.group, now);
		if (t.bias.there)
			loom_walk_skip(&t.bias.group, now);
		left -= now;
		if (!t.late)
			t.stop = &never;
	}
	return true;
}

/* Looks at stop once, as ELTWISE does: it may be in place. */
static bool given_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		       const atomic_uint *stop)
{
	struct loom_operand ops[6], *dst = &ops[0];
	uint64_t start = tile * LOOM_TILE_ELEMENTS, left, now;
	float x[LOOM_CHUNK], y[LOOM_CHUNK], epsilon[LOOM_CHUNK];
	struct loom_walk walks[6];
	uint32_t to[LOOM_CHUNK];

	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	for (unsigned int i = 0; i < 6; i++) {
		if (!work->operands[i].dtype)
			continue;
		ops[i] = loom_axes_spread(&work->operands[i], &work->operands[0]);
		loom_walk_init(&walks[i], &ops[i], &ops[i], start);
	}
	loom_fold_fill(epsilon, work->u.norm.epsilon, LOOM_CHUNK);
	left = less(loom_elements(dst) - start, LOOM_TILE_ELEMENTS);
	for (; left; left -= now) {
		now = less(left, LOOM_CHUNK);
		loom_fold_floats(rows, &walks[1], x, now);
		loom_fold_floats(rows, &walks[4], y, now);
		rows->binary(LOOM_ELTWISE_SUB, x, y, x, now);
		loom_fold_floats(rows, &walks[5], y, now);
		rows->binary(LOOM_ELTWISE_ADD, y, epsilon, y, now);
		rows->unary(LOOM_UNARY_RSQRT, y, y, now);
		rows->binary(LOOM_ELTWISE_MUL, x, y, x, now);
		for (unsigned int i = 2; i < 4; i++) {
			if (!work->operands[i].dtype)
				continue;
			loom_fold_floats(rows, &walks[i], y, now);
			rows->binary(i == 2 ? LOOM_ELTWISE_MUL : LOOM_ELTWISE_ADD, x, y, x, now);
		}
		rows->narrow(dst->dtype, x, to, now, 0);
		loom_walk_put(&walks[0], now, to);
	}
	return true;
}

bool loom_norm_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		    struct loom_arena *arena, const atomic_uint *stop)
{
	unsigned int mode = loom_float_enter();
	bool done;

	if (work->u.norm.op == LOOM_NORM_GIVEN)
		done = given_tile(rows, work, tile, stop);
	else
		done = groups_tile(rows, work, tile, arena, stop);
	loom_float_leave(mode);
	return done;
}

void loom_norm_plan(struct loom_work *work, loom_tile_fn run)
{
	if (work->u.norm.op == LOOM_NORM_GIVEN)
		loom_elements_plan(work, run);
	else
		loom_fold_plan_held(work, work->u.norm.axes, run);
}
