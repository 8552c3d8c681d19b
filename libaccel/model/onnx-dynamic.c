// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX whose results have as many elements as the elements of their operands say: Compress,
 * NonZero, NonMaxSuppression, Unique.
 *
 * Where these are known, as those of constants, of inputs that are fixed, and of what the processor computes
 * of them, the results are constants. Else a run has to tell, see tail.h: until then there is only a bound.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "eval.h"
#include "onnx.h"

static const char *elements(struct onnx_cx *c, uint32_t i, const char *what)
{
	const char *data = ir_known(c->g, c->in[i]);

	if (!data) {
		onnx_cannot(c, "the number of results depends on %s from inputs, which must be fixed", what);
		c->late = true;
	}
	return data;
}

static struct ir_value *at_most(struct onnx_cx *c, enum accel_dtype dtype, uint32_t rank, const int64_t *dims,
				int64_t axis, int64_t most)
{
	int64_t bound[IR_RANK_MAX];

	memcpy(bound, dims, rank * sizeof(*dims));
	bound[axis] = most;
	return ir_value(c->g, dtype, rank, bound);
}

/* False: with c->why. */
static bool afford(struct onnx_cx *c, double steps)
{
	if (steps < 0x1p62 && ir_afford(c->g, (uint64_t)steps))
		return true;
	onnx_cannot(c, "its operands are too large");
	return false;
}

/* What a condition selects. */
static void compress(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *which = c->in[1];
	const char *known;
	int64_t axis = onnx_attr_i(c, "axis", INT64_MIN), n = 0, *list;

	(void)arg;
	if (which->dtype != ACCEL_BOOL || which->rank != 1) {
		ir_fail(g, "the condition is not a vector of bool");
		return;
	}
	known = c->bounds ? NULL : elements(c, 1, "a condition");
	if (!known && !c->bounds)
		return;
	if (axis == INT64_MIN) {
		x = b_reshape(g, x, 1, &x->count);
		axis = 0;
	}
	axis = x ? b_axis(g, axis, x->rank) : -1;
	if (c->bounds) {
		if (axis >= 0)
			c->out[0] = at_most(c, x->dtype, x->rank, x->dims, axis,
					    which->count < x->dims[axis] ? which->count : x->dims[axis]);
		return;
	}
	list = axis < 0 ? NULL : ir_make(g, which->size * sizeof(*list) + 8);
	if (!list)
		return;
	for (int64_t i = 0; i < which->count; i++)
		if (known[i])
			list[n++] = i;
	if (n && list[n - 1] >= x->dims[axis]) {
		ir_fail(g, "the condition is longer than axis %lld", (long long)axis);
		return;
	}
	c->out[0] = b_gather(g, x, ir_constant(g, ACCEL_I64, 1, &n, list), axis);
}

static bool is_zero(enum accel_dtype t, const char *p)
{
	return ir_is_real(t) ? eval_load(t, p) == 0 : !eval_load_int(t, p);
}

static void non_zero(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	size_t size = accel_dtype_size(x->dtype);
	int64_t index[IR_RANK_MAX] = { 0 }, n = 0, at = 0, *out;
	const char *data;

	(void)arg;
	if (c->bounds) {
		c->out[0] = ir_value(c->g, ACCEL_I64, 2, (int64_t[]){ x->rank, x->count });
		return;
	}
	data = elements(c, 0, "elements");
	if (!data || !afford(c, 2 * (double)x->count))
		return;
	for (int64_t i = 0; i < x->count; i++)
		n += !is_zero(x->dtype, data + (size_t)i * size);
	out = ir_make(c->g, (uint64_t)n * x->rank * sizeof(*out) + 8);
	if (!out)
		return;
	for (int64_t i = 0; i < x->count; i++, eval_next(index, x->dims, x->rank)) {
		if (is_zero(x->dtype, data + (size_t)i * size))
			continue;
		for (uint32_t k = 0; k < x->rank; k++)
			out[k * n + at] = index[k];
		at++;
	}
	c->out[0] = ir_constant(c->g, ACCEL_I64, 2, (int64_t[]){ x->rank, n }, out);
}

/* --- Unique ------------------------------------------------------------------------------ */

/** struct parts - what is compared: parts of an operand along an axis */
struct parts {
	enum accel_dtype dtype;
	const char *data;
	size_t size;
	int64_t outer, count, inner;
};

static int order(enum accel_dtype t, const char *a, const char *b)
{
	if (!ir_is_real(t)) {
		uint64_t flip = ir_is_signed(t) ? 1ull << 63 : 0;
		uint64_t x = eval_load_int(t, a) ^ flip, y = eval_load_int(t, b) ^ flip;

		return x < y ? -1 : x > y;
	}
	double x = eval_load(t, a), y = eval_load(t, b);

	/* NaN comes last, and is one. */
	if (isnan(x) || isnan(y))
		return isnan(x) - isnan(y);
	return x < y ? -1 : x > y;
}

static int compare(const struct parts *p, int64_t a, int64_t b)
{
	for (int64_t o = 0; o < p->outer; o++) {
		for (int64_t i = 0; i < p->inner; i++) {
			size_t row = (size_t)(o * p->count), k = (size_t)i;
			int r = order(p->dtype,
				      p->data + ((row + (size_t)a) * (size_t)p->inner + k) * p->size,
				      p->data + ((row + (size_t)b) * (size_t)p->inner + k) * p->size);

			if (r)
				return r;
		}
	}
	return 0;
}

/* By merging: equal parts stay in their order. */
static void sort(const struct parts *p, int64_t *list, int64_t n, int64_t *room)
{
	int64_t half = n / 2, a = 0, b = half, k = 0;

	if (n < 2)
		return;
	sort(p, list, half, room);
	sort(p, list + half, n - half, room);
	while (a < half && b < n)
		room[k++] = compare(p, list[b], list[a]) < 0 ? list[b++] : list[a++];
	while (a < half)
		room[k++] = list[a++];
	while (b < n)
		room[k++] = list[b++];
	memcpy(list, room, (size_t)n * sizeof(*list));
}

/** struct groups - parts that are equal: the first of each, how many, and of each part its group */
struct groups {
	int64_t n, *first, *counts, *of;
};

static void in_order_of_coming(struct groups *s, int64_t parts, int64_t *room)
{
	int64_t n = 0, *first = room, *counts = room + parts;
	int64_t *rank = room + 2 * parts;

	for (int64_t i = 0; i < parts; i++) {
		if (s->first[s->of[i]] != i)
			continue;
		first[n] = i;
		counts[n] = s->counts[s->of[i]];
		rank[s->of[i]] = n++;
	}
	for (int64_t i = 0; i < parts; i++)
		s->of[i] = rank[s->of[i]];
	memcpy(s->first, first, (size_t)n * sizeof(*first));
	memcpy(s->counts, counts, (size_t)n * sizeof(*counts));
}

static bool group(struct onnx_cx *c, const struct parts *p, bool sorted, struct groups *s)
{
	uint64_t bytes = (uint64_t)p->count * sizeof(int64_t);
	int64_t *list = ir_make(c->g, bytes + 8), *room = ir_make(c->g, 3 * bytes + 8);

	s->n = 0;
	s->first = ir_make(c->g, bytes + 8);
	s->counts = ir_make(c->g, bytes + 8);
	s->of = ir_make(c->g, bytes + 8);
	if (!list || !room || !s->first || !s->counts || !s->of)
		return false;
	for (int64_t i = 0; i < p->count; i++)
		list[i] = i;
	sort(p, list, p->count, room);
	for (int64_t i = 0; i < p->count; i++) {
		if (!i || compare(p, list[i - 1], list[i]))
			s->first[s->n++] = list[i];
		s->counts[s->n - 1]++;
		s->of[list[i]] = s->n - 1;
	}
	if (!sorted)
		in_order_of_coming(s, p->count, room);
	return true;
}

static void unique(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *first;
	int64_t axis = onnx_attr_i(c, "axis", INT64_MIN);
	bool sorted = onnx_attr_i(c, "sorted", 1);
	struct parts p = { .dtype = x->dtype, .size = accel_dtype_size(x->dtype), .outer = 1, .inner = 1 };
	struct groups s;

	(void)arg;
	p.data = c->bounds ? NULL : elements(c, 0, "elements");
	if (!p.data && !c->bounds)
		return;
	if (axis == INT64_MIN) {
		x = b_reshape(g, x, 1, &x->count);
		axis = 0;
	}
	axis = x ? b_axis(g, axis, x->rank) : -1;
	if (axis < 0)
		return;
	p.count = x->dims[axis];
	if (c->bounds) {
		c->out[0] = at_most(c, x->dtype, x->rank, x->dims, axis, p.count);
		for (uint32_t i = 1; i < c->nout && i < 4; i++)
			c->out[i] = ir_value(g, ACCEL_I64, 1, &p.count);
		return;
	}
	for (uint32_t i = 0; i < x->rank; i++) {
		p.outer *= i < axis ? x->dims[i] : 1;
		p.inner *= i > axis ? x->dims[i] : 1;
	}
	if (!afford(c, (double)p.count * (2 + log2((double)p.count + 1)) *
		    ((double)p.outer * (double)(p.inner ? p.inner : 1) + 8)) ||
	    !group(c, &p, sorted, &s))
		return;
	first = ir_constant(g, ACCEL_I64, 1, &s.n, s.first);
	c->out[0] = b_gather(g, x, first, axis);
	if (c->nout > 1)
		c->out[1] = first;
	if (c->nout > 2)
		c->out[2] = ir_constant(g, ACCEL_I64, 1, &p.count, s.of);
	if (c->nout > 3)
		c->out[3] = ir_constant(g, ACCEL_I64, 1, &s.n, s.counts);
}

/* --- NonMaxSuppression ------------------------------------------------------------------- */

struct box {
	float low[2], high[2];
	float score;
	int64_t at;
};

static void box_of(const float *p, bool center, struct box *b)
{
	for (int i = 0; i < 2; i++) {
		float half = p[2 + i] / 2;

		b->low[i] = center ? p[i] - half : fminf(p[i], p[2 + i]);
		b->high[i] = center ? p[i] + half : fmaxf(p[i], p[2 + i]);
	}
}

static float area(const struct box *b)
{
	return (b->high[0] - b->low[0]) * (b->high[1] - b->low[1]);
}

static bool overlaps(const struct box *a, const struct box *b, float threshold)
{
	float common = 1, all;

	for (int i = 0; i < 2; i++)
		common *= fmaxf(0, fminf(a->high[i], b->high[i]) - fmaxf(a->low[i], b->low[i]));
	all = area(a) + area(b) - common;
	return area(a) > 0 && area(b) > 0 && all > 0 && common / all > threshold;
}

static int by_score(const void *a, const void *b)
{
	const struct box *x = a, *y = b;

	return x->score != y->score ? (x->score < y->score ? 1 : -1) : x->at < y->at ? -1 : x->at > y->at;
}

/* One class of one image: the boxes that stay, first in @list. */
static int64_t suppress(struct box *list, int64_t n, int64_t most, float threshold)
{
	int64_t kept = 0;

	qsort(list, (size_t)n, sizeof(*list), by_score);
	for (int64_t i = 0; i < n && kept < most; i++) {
		bool stays = true;

		for (int64_t k = 0; k < kept && stays; k++)
			stays = !overlaps(&list[i], &list[k], threshold);
		if (stays)
			list[kept++] = list[i];
	}
	return kept;
}

static bool one_number(struct onnx_cx *c, uint32_t i, enum accel_dtype t, const char *what, const void **data)
{
	*data = NULL;
	if (!onnx_in(c, i))
		return true;
	if (c->in[i]->dtype != t || c->in[i]->count != 1) {
		ir_fail(c->g, "%s is not one %s", what, accel_dtype_name(t));
		return false;
	}
	/* A bound needs none. */
	*data = c->bounds ? ir_known(c->g, c->in[i]) : elements(c, i, what);
	return *data || c->bounds;
}

static void non_max_suppression(struct onnx_cx *c, int arg)
{
	struct ir_value *boxes = c->in[0], *scores = c->in[1];
	bool center = onnx_attr_i(c, "center_point_box", 0);
	const void *most_p, *overlap_p, *score_p;
	int64_t images, classes, n, most, rows = 0, *out;
	const float *box, *score;
	struct box *list;
	float overlap;

	(void)arg;
	if (boxes->rank != 3 || boxes->dims[2] != 4 || scores->rank != 3 ||
	    boxes->dims[0] != scores->dims[0] || boxes->dims[1] != scores->dims[2] ||
	    boxes->dtype != ACCEL_F32 || scores->dtype != ACCEL_F32) {
		ir_fail(c->g, "boxes and scores are not f32 [N, boxes, 4] and [N, classes, boxes]");
		return;
	}
	box = c->bounds ? NULL : (const float *)elements(c, 0, "boxes");
	score = c->bounds ? NULL : (const float *)elements(c, 1, "scores");
	if ((!c->bounds && (!box || !score)) ||
	    !one_number(c, 2, ACCEL_I64, "the largest number", &most_p) ||
	    !one_number(c, 3, ACCEL_F32, "the overlap", &overlap_p) ||
	    !one_number(c, 4, ACCEL_F32, "the least score", &score_p))
		return;
	images = scores->dims[0];
	classes = scores->dims[1];
	n = scores->dims[2];
	most = most_p ? *(const int64_t *)most_p : 0;
	overlap = overlap_p ? *(const float *)overlap_p : 0;
	if (c->bounds && onnx_in(c, 2) && !most_p)
		most = n;
	most = most < 0 ? 0 : most > n ? n : most;
	if (c->bounds) {
		if (most && images * classes > INT32_MAX / most)
			onnx_cannot(c, "it may give more than 2^31 boxes");
		else
			c->out[0] = ir_value(c->g, ACCEL_I64, 2, (int64_t[]){ images * classes * most, 3 });
		return;
	}
	if (!afford(c, (double)images * (double)classes * ((double)n * (double)(most + 32) + 32)))
		return;
	out = ir_make(c->g, (uint64_t)images * (uint64_t)classes * (uint64_t)most * 3 * sizeof(*out) + 8);
	list = ir_make(c->g, (uint64_t)n * sizeof(*list) + 8);
	if (!out || !list)
		return;
	for (int64_t i = 0; i < images * classes; i++, score += n) {
		int64_t have = 0;

		for (int64_t k = 0; k < n && most; k++) {
			if (isnan(score[k]) || (score_p && !(score[k] > *(const float *)score_p)))
				continue;
			box_of(box + (i / classes * n + k) * 4, center, &list[have]);
			list[have].score = score[k];
			list[have++].at = k;
		}
		have = suppress(list, have, most, overlap);
		for (int64_t k = 0; k < have; k++) {
			out[3 * rows] = i / classes;
			out[3 * rows + 1] = i % classes;
			out[3 * rows++ + 2] = list[k].at;
		}
	}
	c->out[0] = ir_constant(c->g, ACCEL_I64, 2, (int64_t[]){ rows, 3 }, out);
}

const struct onnx_op onnx_ops_dynamic[] = {
	{ "Compress", 2, 2, compress, 0 },
	{ "NonMaxSuppression", 2, 5, non_max_suppression, 0 },
	{ "NonZero", 1, 1, non_zero, 0 },
	{ "Unique", 1, 1, unique, 0 },
	{ 0 },
};
