// SPDX-License-Identifier: MIT
/*
 * Normalisations: (x - mean) / sqrt(variance + epsilon), times a weight, plus a bias, in the pieces
 * of which exporters and the importer make them, become one operator of the card.
 *
 * Numeric: the card multiplies by a reciprocal root.
 */
#include <string.h>

#include "pass.h"

static struct ir_node *of(const struct ir_value *v, enum ir_op op, int fn)
{
	struct ir_node *n = v->from;

	return n && n->op == op && n->fn == fn && !n->act ? n : NULL;
}

static bool is_number(const struct ir_value *v, float *x)
{
	if (v->count != 1 || !v->data || v->from || v->dtype != ACCEL_F32)
		return false;
	memcpy(x, v->data, sizeof(*x));
	return true;
}

/* @v is the mean of something of as many axes: what, along which axes? */
static struct ir_value *mean_of(const struct ir_value *v, uint32_t *axes)
{
	const struct ir_node *n = of(v, IR_REDUCE, ACCEL_REDUCE_MEAN);

	if (!n || n->in[0]->rank != v->rank)
		return NULL;
	*axes = n->axes;
	return n->in[0];
}

/* @v is the square of something: of what? */
static struct ir_value *root_of(const struct ir_value *v)
{
	const struct ir_node *n = of(v, IR_UNARY, IR_SQUARE);

	if (n)
		return n->in[0];
	n = of(v, IR_BINARY, IR_MUL);
	return n && n->in[0] == n->in[1] ? n->in[0] : NULL;
}

/* @v is sqrt(mean(x^2) + epsilon): of which x? */
static struct ir_value *deviation(const struct ir_value *v, int fn, uint32_t *axes, float *epsilon)
{
	const struct ir_node *n = of(v, IR_UNARY, fn);
	struct ir_value *mean;

	n = n ? of(n->in[0], IR_BINARY, IR_ADD) : NULL;
	if (!n)
		return NULL;
	if (is_number(n->in[1], epsilon))
		mean = mean_of(n->in[0], axes);
	else if (is_number(n->in[0], epsilon))
		mean = mean_of(n->in[1], axes);
	else
		return NULL;
	return mean && *epsilon >= 0 && *epsilon < 1e30f ? root_of(mean) : NULL;
}

/* A weight or a bias: there before the run, and no larger than what it goes with. */
static bool fits(const struct ir_value *v, const struct ir_value *y)
{
	if (!v->data || v->from || v->dtype != y->dtype || v->rank > y->rank)
		return false;
	for (uint32_t i = 0; i < v->rank; i++)
		if (v->dims[i] != 1 && v->dims[i] != y->dims[y->rank - v->rank + i])
			return false;
	return true;
}

/* @n is x times or divided by what makes it normal: of which x, and by which weight? */
static struct ir_value *normal(const struct ir_node *n, struct ir_value **weight, uint32_t *axes,
			       float *epsilon)
{
	struct ir_value *x = NULL;

	*weight = NULL;
	if (n->fn == IR_DIV) {
		x = deviation(n->in[1], IR_SQRT, axes, epsilon);
		return x == n->in[0] ? x : NULL;
	}
	for (uint32_t side = 0; side < 2; side++) {
		const struct ir_node *by = n->in[side]->from;

		if (!by || by->act)
			continue;
		x = deviation(n->in[side], IR_RSQRT, axes, epsilon);
		if (by->op == IR_UNARY && by->fn == IR_RECIPROCAL)
			x = deviation(by->in[0], IR_SQRT, axes, epsilon);
		if (by->op == IR_BINARY && by->fn == IR_DIV && fits(by->in[0], n->out[0])) {
			x = deviation(by->in[1], IR_SQRT, axes, epsilon);
			*weight = by->in[0];
		}
		if (x && x == n->in[!side])
			return x;
		*weight = NULL;
	}
	return NULL;
}

static bool same_shape(const struct ir_value *a, const struct ir_value *b)
{
	return a->rank == b->rank && !memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0]));
}

static void match(struct ir_graph *g, struct ir_node *n)
{
	struct ir_value *x, *weight, *mean, **in;
	const struct ir_node *sub;
	uint32_t axes, others;
	float epsilon;

	if (n->op != IR_BINARY || (n->fn != IR_MUL && n->fn != IR_DIV) || n->act ||
	    n->out[0]->dtype != ACCEL_F32)
		return;
	x = normal(n, &weight, &axes, &epsilon);
	if (!x || !same_shape(x, n->out[0]) || !x->rank || x->rank > ACCEL_RANK_MAX || !x->count)
		return;
	in = ir_alloc(g, 3 * sizeof(*in));
	if (!in)
		return;
	n->op = IR_NORM;
	n->fn = ACCEL_NORM_RMS;
	sub = of(x, IR_BINARY, IR_SUB);
	if (sub) {
		mean = mean_of(sub->in[1], &others);
		if (mean == sub->in[0] && others == axes && same_shape(mean, x)) {
			n->fn = ACCEL_NORM_LAYER;
			x = mean;
		}
	}
	n->axes = axes;
	n->value = epsilon;
	in[0] = x;
	in[1] = weight;
	n->in = in;
	n->nin = 3;
}

/* What follows a normalisation is its weight or its bias. */
static bool join(struct ir_node *n)
{
	for (uint32_t side = 0; side < 2; side++) {
		struct ir_node *norm = n->in[side]->from;
		struct ir_value *v = n->in[!side];

		if (!norm || norm->op != IR_NORM || norm->out[0]->uses != 1 || norm->out[0]->bound ||
		    norm->in[2] || (n->fn == IR_MUL && norm->in[1]) ||
		    !same_shape(norm->out[0], n->out[0]) || !fits(v, n->out[0]) || n->act)
			continue;
		norm->in[n->fn == IR_MUL ? 1 : 2] = v;
		norm->out[0] = n->out[0];
		norm->out[0]->from = norm;
		return true;
	}
	return false;
}

void pass_norm(struct ir_graph *g)
{
	struct ir_node **link = &g->first, *n;

	for (n = g->first; n && !g->error; n = n->next)
		match(g, n);
	/* What it consisted of would still use its operands. */
	pass_dead(g);
	pass_uses(g);
	while ((n = *link)) {
		if (n->op != IR_BINARY || (n->fn != IR_MUL && n->fn != IR_ADD) || !join(n)) {
			link = &n->next;
			continue;
		}
		*link = n->next;
	}
	g->last = link;
}
