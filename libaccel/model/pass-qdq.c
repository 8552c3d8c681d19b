// SPDX-License-Identifier: MIT
/*
 * Products of numbers that integers stand for become products of the integers, which are exact:
 * DequantizeLinear of both factors, MatMul or Conv, a sum with a bias or with another branch,
 * which may be a product as well, an activation, and QuantizeLinear become one operator, as far as they are there.
 *
 * Results differ in rounding, and so may be the next integer: hence numeric. Weights may have a
 * scale for each column; zero points that differ, scales that are not constant and sums that might
 * not fit into 32 bits are left as they are.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "pass.h"
#include "quant.h"

/* The largest sum of products of bytes that 31 bits hold, with room for a bias. */
#define DEPTH_MAX	(INT32_MAX / 2 / (255 * 255))

static bool is_byte(enum accel_dtype t)
{
	return t == ACCEL_I8 || t == ACCEL_U8;
}

static bool is_product(const struct ir_node *n)
{
	return n && (n->op == IR_QMATMUL || n->op == IR_QCONV);
}

static int64_t columns(const struct ir_node *n)
{
	const struct ir_value *y = n->out[0];

	return y->dims[n->op == IR_QMATMUL || n->op == IR_MATMUL ? y->rank - 1 : 1];
}

static const struct ir_node *dequantized(const struct ir_value *v)
{
	const struct ir_node *d = quant_source(v);

	return d && d->op == IR_DEQUANTIZE && d->out[0]->dtype == ACCEL_F32 ? d : NULL;
}

/* A constant with an element for each column of @n, in the shape that broadcasts to its result. */
static struct ir_value *line(struct ir_graph *g, const struct ir_node *n, enum accel_dtype dtype,
			     int64_t count, const void *data)
{
	int64_t dims[IR_RANK_MAX];
	uint32_t rank = n->op == IR_QCONV || n->op == IR_CONV ? n->out[0]->rank - 1 : 1;

	if (count == 1)
		return ir_constant(g, dtype, 0, NULL, data);
	for (uint32_t i = 0; i < rank; i++)
		dims[i] = i ? 1 : count;
	return ir_constant(g, dtype, rank, dims, data);
}

static struct ir_value *zero_point(struct ir_graph *g, enum accel_dtype dtype, int32_t zero)
{
	uint8_t *data;

	if (!zero)
		return NULL;
	data = ir_alloc(g, 1);
	if (!data)
		return NULL;
	*data = (uint8_t)zero;
	return ir_constant(g, dtype, 0, NULL, data);
}

/* Scales of weights: one, or one for each column along the axis that has them. */
static const float *column_scales(const struct ir_node *n, const struct ir_node *w, int64_t *count)
{
	const struct ir_value *s = w->in[1], *x = w->in[0];
	uint32_t axis = n->op == IR_CONV ? 0 : x->rank - 1;

	*count = s->count;
	if (s->count != 1) {
		if (s->rank != x->rank || s->dims[axis] != s->count || s->count != columns(n))
			return NULL;
	}
	return quant_constant(s);
}

static bool uniform_zero(const struct ir_node *d, int32_t *zero)
{
	const struct ir_value *z = d->nin > 2 ? d->in[2] : NULL;
	struct ir_value known;

	if (!z)
		return quant_zero(NULL, zero);
	known = *z;
	known.data = quant_constant(z);
	return quant_zero(&known, zero);
}

/* How many products an element of the result adds up. */
static int64_t depth(const struct ir_node *n)
{
	const struct ir_value *w = n->in[1];
	int64_t taps = 1;

	if (n->op == IR_MATMUL)
		return w->dims[w->rank - 2];
	for (uint32_t i = 1; i < w->rank; i++)
		taps *= w->dims[i];
	return taps;
}

/* --- What is added ----------------------------------------------------------------------- */

/* I32 with the products' own scale: that is a bias of the sum. */
static bool take_bias(struct ir_graph *g, struct ir_node *n, const struct ir_node *d,
		      struct ir_value **in)
{
	const int32_t *bias = quant_constant(d->in[0]);
	const float *scale = quant_constant(d->in[1]), *want = in[IR_Q_SCALE]->data;
	int64_t have = d->in[1]->count, count = d->in[0]->count, each = in[IR_Q_SCALE]->count;
	int32_t zero;

	if (in[IR_Q_BIAS] || d->in[0]->dtype != ACCEL_I32 || !bias || !scale ||
	    !uniform_zero(d, &zero) || zero || (count != 1 && count != columns(n)) ||
	    (have != 1 && have != count))
		return false;
	for (int64_t i = 0; i < columns(n); i++)
		if (scale[have == 1 ? 0 : i] != want[each == 1 ? 0 : i])
			return false;
	for (int64_t i = 0; i < count; i++)
		if (bias[i] > INT32_MAX / 2 || bias[i] < -INT32_MAX / 2)
			return false;
	in[IR_Q_BIAS] = line(g, n, ACCEL_I32, count, bias);
	return in[IR_Q_BIAS] != NULL;
}

/* A vector that is a constant, or an I32 that stands for one, as numbers. */
static const float *numbers(struct ir_graph *g, const struct ir_value *v)
{
	const struct ir_node *d = dequantized(v);
	const int32_t *x = d ? quant_constant(d->in[0]) : NULL;
	const float *scale = d ? quant_constant(d->in[1]) : NULL;
	int32_t zero;
	float *out;

	if (v->dtype != ACCEL_F32)
		return NULL;
	if (quant_constant(v))
		return quant_constant(v);
	if (!x || !scale || d->in[0]->dtype != ACCEL_I32 || !uniform_zero(d, &zero) ||
	    (d->in[1]->count != 1 && d->in[1]->count != v->count))
		return NULL;
	out = ir_make(g, v->size);
	for (int64_t i = 0; i < v->count && out; i++)
		out[i] = (float)(int32_t)((uint32_t)x[i] - (uint32_t)zero) *
			 scale[d->in[1]->count == 1 ? 0 : i];
	return out;
}

/* The last axes of @v, which are all of it but axes of 1, are those of the columns of @n. */
static bool is_line(const struct ir_node *n, const struct ir_value *v)
{
	uint32_t behind = n->op == IR_QCONV ? n->out[0]->rank - 2 : 0;

	return v->count == 1 || (v->count == columns(n) && v->rank > behind &&
				 v->dims[v->rank - 1 - behind] == v->count);
}

/* --- Steps: each makes one operator of two ----------------------------------------------- */

/* Only what is made for the next operator alone, and may be changed. */
static struct ir_node *open_product(const struct ir_value *v)
{
	struct ir_node *n = v->from;

	return is_product(n) && v->dtype == ACCEL_F32 && v->uses == 1 && !v->bound && !n->act ? n :
	       NULL;
}

static bool make_product(struct ir_graph *g, struct ir_node *n)
{
	const struct ir_node *a = dequantized(n->in[0]), *w = dequantized(n->in[1]), *d;
	struct ir_value **in = ir_alloc(g, IR_Q_OPERANDS * sizeof(*in)), *bias;
	float sa, *scale;
	const float *sw;
	int32_t za, zw;
	int64_t count;

	if (!in || !a || !w || !is_byte(a->in[0]->dtype) || !is_byte(w->in[0]->dtype) ||
	    n->out[0]->dtype != ACCEL_F32 || (n->op == IR_CONV && n->flag) ||
	    depth(n) > DEPTH_MAX || !quant_single(a, &sa, &za) || !uniform_zero(w, &zw))
		return false;
	sw = column_scales(n, w, &count);
	if (!sw)
		return false;
	scale = ir_make(g, (uint64_t)count * sizeof(*scale));
	for (int64_t i = 0; i < count && scale; i++) {
		scale[i] = sa * sw[i];
		if (!isnormal(scale[i]))
			return false;
	}
	in[IR_Q_X] = a->in[0];
	in[IR_Q_W] = w->in[0];
	in[IR_Q_X_ZERO] = zero_point(g, a->in[0]->dtype, za);
	in[IR_Q_W_ZERO] = zero_point(g, w->in[0]->dtype, zw);
	in[IR_Q_SCALE] = scale ? line(g, n, ACCEL_F32, count, scale) : NULL;
	bias = n->nin > 2 ? n->in[2] : NULL;
	if (g->error)
		return false;
	if (bias) {
		const float *x;

		d = dequantized(bias);
		if (!d || !take_bias(g, n, d, in)) {
			x = numbers(g, bias);
			if (!x || bias->count != columns(n))
				return false;
			in[IR_Q_RESIDUAL] = line(g, n, ACCEL_F32, bias->count, x);
		}
	}
	n->op = n->op == IR_MATMUL ? IR_QMATMUL : IR_QCONV;
	n->in = in;
	n->nin = IR_Q_OPERANDS;
	return !g->error;
}

static bool add(struct ir_graph *g, struct ir_node *sum, uint32_t which)
{
	struct ir_node *n = open_product(sum->in[which]);
	struct ir_value *other = sum->in[!which], *in[IR_Q_OPERANDS];
	const struct ir_node *d;
	const float *x;

	if (!n || sum->act || !ir_repeats(other, n->out[0]) ||
	    sum->out[0]->rank != n->out[0]->rank)
		return false;
	memcpy(in, n->in, sizeof(in));
	d = dequantized(other);
	if (!d || !is_line(n, other) || !take_bias(g, n, d, in)) {
		if (in[IR_Q_RESIDUAL])
			return false;
		x = numbers(g, other);
		in[IR_Q_RESIDUAL] = x ? ir_constant(g, ACCEL_F32, other->rank, other->dims, x) : other;
	}
	/* In the sum's place, where both operands are there. The old one is dead. */
	memcpy(n->in, in, sizeof(in));
	sum->op = n->op;
	sum->fn = 0;
	sum->axis = n->axis;
	memcpy(sum->ints, n->ints, sizeof(sum->ints));
	sum->in = n->in;
	sum->nin = IR_Q_OPERANDS;
	return !g->error;
}

static bool activate(struct ir_node *act)
{
	struct ir_node *n = open_product(act->in[0]);

	if (!n)
		return false;
	n->act = act->act;
	memcpy(n->act_param, act->act_param, sizeof(n->act_param));
	n->out[0] = act->out[0];
	n->out[0]->from = n;
	act->nout = 0;
	return true;
}

/* A constant times a number. */
static struct ir_value *divided(struct ir_graph *g, const struct ir_value *v, float by)
{
	const float *x = v->data;
	float *out = ir_make(g, v->size);

	for (int64_t i = 0; i < v->count && out; i++) {
		out[i] = x[i] / by;
		if (!isfinite(out[i]))
			return NULL;
	}
	return out ? ir_constant(g, ACCEL_F32, v->rank, v->dims, out) : NULL;
}

static struct ir_value *converted(struct ir_graph *g, struct ir_node *d, struct ir_value *scale)
{
	struct ir_value *in[3] = { d->in[0], scale, d->nin > 2 ? d->in[2] : NULL };
	struct ir_value *y = ir_value(g, ACCEL_F32, d->out[0]->rank, d->out[0]->dims);

	return y && quant_insert(g, d, IR_DEQUANTIZE, in, d->nin, y) ? y : NULL;
}

/* x / by is the same for the function's argument and its result. */
static bool homogeneous(const struct ir_node *n)
{
	return n->act == ACCEL_ACT_NONE || n->act == ACCEL_ACT_RELU || n->act == ACCEL_ACT_CLIP ||
	       n->act == ACCEL_ACT_LEAKY;
}

static struct ir_value *divided_scale(struct ir_graph *g, const struct ir_node *n, float by)
{
	struct ir_value *scale = homogeneous(n) ? divided(g, n->in[IR_Q_SCALE], by) : NULL;

	for (int64_t i = 0; scale && i < scale->count; i++)
		if (!isnormal(((const float *)scale->data)[i]))
			return NULL;
	return scale;
}

static void divide_bounds(struct ir_node *n, float by)
{
	if (n->act != ACCEL_ACT_CLIP)
		return;
	n->act_param[0] /= by;
	n->act_param[1] /= by;
}

/* A product that is added to another, and to nothing else, counts in the other's steps. */
static bool divide_branch(struct ir_graph *g, const struct ir_value *v, float by)
{
	struct ir_value *scale, *residual;
	struct ir_node *n = v->from;

	if (!is_product(n) || v->uses != 1 || v->bound)
		return false;
	residual = n->in[IR_Q_RESIDUAL];
	if (residual && !residual->data)
		return false;
	scale = divided_scale(g, n, by);
	residual = scale && residual ? divided(g, residual, by) : NULL;
	if (!scale || (n->in[IR_Q_RESIDUAL] && !residual))
		return false;
	n->in[IR_Q_SCALE] = scale;
	n->in[IR_Q_RESIDUAL] = residual;
	divide_bounds(n, by);
	return true;
}

/* What is added to a product that is stored, in steps of the result; NULL: it cannot be. */
static struct ir_value *divided_residual(struct ir_graph *g, struct ir_value *v, float by)
{
	const struct ir_value *scale;
	struct ir_value known, *steps;
	struct ir_node *d = v->from;

	if (v->data)
		return divided(g, v, by);
	if (d && d->op == IR_DEQUANTIZE && v->dtype == ACCEL_F32 && quant_constant(d->in[1])) {
		scale = d->in[1];
		known = *scale;
		known.data = quant_constant(scale);
		steps = divided(g, &known, by);
		/* Converted once more: who needs it as it was still has it. */
		return steps ? converted(g, d, steps) : NULL;
	}
	return divide_branch(g, v, by) ? v : NULL;
}

/* Everything that the product adds and bounds is counted in steps of the result. */
static bool store(struct ir_graph *g, struct ir_node *q)
{
	const struct ir_value *x = q->in[0];
	struct ir_value *scale, *residual;
	struct ir_node *n = x->from;
	float s;
	int32_t zero;

	if (!is_product(n) || x->dtype != ACCEL_F32 || x->uses != 1 || x->bound ||
	    !is_byte(q->out[0]->dtype) || !quant_single(q, &s, &zero) || !isnormal(s) || s < 0)
		return false;
	scale = divided_scale(g, n, s);
	residual = scale && n->in[IR_Q_RESIDUAL] ?
		   divided_residual(g, n->in[IR_Q_RESIDUAL], s) : NULL;
	if (!scale || (n->in[IR_Q_RESIDUAL] && !residual))
		return false;
	n->in[IR_Q_SCALE] = scale;
	n->in[IR_Q_RESIDUAL] = residual;
	divide_bounds(n, s);
	n->in[IR_Q_ZERO] = zero_point(g, q->out[0]->dtype, zero);
	n->out[0] = q->out[0];
	n->out[0]->from = n;
	q->nout = 0;
	return !g->error;
}

void pass_qdq(struct ir_graph *g)
{
	bool changed = false;

	pass_uses(g);
	for (struct ir_node *n = g->first; n && !g->error; n = n->next) {
		if (n->op == IR_MATMUL || n->op == IR_CONV)
			changed |= make_product(g, n);
		else if (n->op == IR_BINARY && n->fn == IR_ADD)
			changed |= add(g, n, 0) || add(g, n, 1);
		else if (n->op == IR_ACT)
			changed |= activate(n);
		else if (n->op == IR_QUANTIZE)
			changed |= store(g, n);
	}
	/* What became part of another operator has no use any more. */
	if (changed)
		pass_dead(g);
}
