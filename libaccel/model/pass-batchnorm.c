// SPDX-License-Identifier: MIT
/*
 * Factors and sums for each channel, as BatchNormalization is, become part of the weights
 * and the bias of the convolution or product before them.
 *
 * Numeric: the weights are rounded once more. Of F32, with constant weights.
 */
#include <math.h>
#include <string.h>

#include "pass.h"

/* The axis of a result that weights and bias go by. */
static uint32_t channel_axis(const struct ir_node *n)
{
	return n->op == IR_CONV ? 1 : n->out[0]->rank - 1;
}

/* Elements of a constant, through views that only have another shape. */
static const float *elements(const struct ir_value *v)
{
	while (!v->data && v->from && v->from->op == IR_RESHAPE)
		v = v->from->in[0];
	return v->data;
}

/* One element, or one for each channel and the same at all places. */
static bool by_channel(const struct ir_value *v, const struct ir_node *n)
{
	const struct ir_value *y = n->out[0];
	uint32_t axis = channel_axis(n);

	if (v->count == 1)
		return v->rank <= y->rank;
	if (v->rank > y->rank || v->rank < y->rank - axis || v->count != y->dims[axis])
		return false;
	return v->dims[axis - (y->rank - v->rank)] == v->count;
}

static bool takes(const struct ir_node *n)
{
	const struct ir_value *w, *y;

	if (!n || (n->op != IR_CONV && n->op != IR_MATMUL) || n->act || n->nin > 3 ||
	    (n->op == IR_CONV && n->flag))
		return false;
	w = n->in[1];
	y = n->out[0];
	if (y->uses != 1 || y->bound || y->dtype != ACCEL_F32 || w->dtype != ACCEL_F32 ||
	    !w->data || w->from || !w->count || !y->count)
		return false;
	if (n->op == IR_MATMUL && (w->rank != 2 || y->rank < 2 ||
				   y->dims[y->rank - 1] != w->dims[1]))
		return false;
	return n->nin < 3 || !n->in[2] || (n->in[2]->data && !n->in[2]->from);
}

static float apply(enum ir_binary fn, float x, float by)
{
	switch (fn) {
	case IR_ADD:
		return x + by;
	case IR_SUB:
		return x - by;
	case IR_MUL:
		return x * by;
	default:
		return x / by;
	}
}

static struct ir_value *copy(struct ir_graph *g, const struct ir_value *like, float **data)
{
	*data = ir_make(g, like->size);
	return *data ? ir_constant(g, ACCEL_F32, like->rank, like->dims, *data) : NULL;
}

/* What is to be done to a channel's weights and bias must leave numbers. */
static bool is_finite(const float *x, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

static bool fuse(struct ir_graph *g, struct ir_node *op)
{
	struct ir_node *n = op->in[0]->from;
	enum ir_binary fn = (enum ir_binary)op->fn;
	uint32_t side = 1;
	struct ir_value *w, *bias, **in;
	const float *by, *old, *was = NULL;
	float *weights = NULL, *sums;
	int64_t channels, step, part;

	if (!takes(n) && (fn == IR_ADD || fn == IR_MUL)) {
		n = op->in[1]->from;
		side = 0;
	}
	/* A bias alone is another pass's. */
	if (fn == IR_ADD && n && n->op == IR_MATMUL && n->nin < 3)
		return false;
	if (fn > IR_DIV || !takes(n) || op->in[side]->dtype != ACCEL_F32 ||
	    op->in[side]->bound || !by_channel(op->in[side], n) ||
	    op->out[0]->rank != n->out[0]->rank || op->out[0]->count != n->out[0]->count)
		return false;
	by = elements(op->in[side]);
	if (!by || !is_finite(by, op->in[side]->count))
		return false;
	step = op->in[side]->count != 1;
	channels = n->out[0]->dims[channel_axis(n)];
	w = n->in[1];
	old = w->data;
	if (!ir_room(g, 0))
		return false;
	if (n->nin > 2 && n->in[2]) {
		if (n->in[2]->count != channels && n->in[2]->count != 1)
			return false;
		was = n->in[2]->data;
	}
	sums = ir_make(g, (uint64_t)channels * sizeof(float));
	bias = sums ? ir_constant(g, ACCEL_F32, 1, &channels, sums) : NULL;
	in = ir_alloc(g, 3 * sizeof(*in));
	if (!bias || !in)
		return false;
	for (int64_t c = 0; c < channels; c++) {
		float b = was ? was[n->in[2]->count == 1 ? 0 : c] : 0;

		sums[c] = apply(fn, b, by[c * step]);
	}
	if (!is_finite(sums, channels))
		return false;
	if (fn == IR_MUL || fn == IR_DIV) {
		w = copy(g, w, &weights);
		if (!w)
			return false;
		part = n->op == IR_CONV ? w->count / channels : 1;
		for (int64_t i = 0; i < w->count;)
			for (int64_t c = 0; c < channels; c++)
				for (int64_t k = 0; k < part; k++, i++)
					weights[i] = apply(fn, old[i], by[c * step]);
		if (!is_finite(weights, w->count))
			return false;
	}
	in[0] = n->in[0];
	in[1] = w;
	in[2] = bias;
	n->in = in;
	n->nin = 3;
	n->act = op->act;
	memcpy(n->act_param, op->act_param, sizeof(n->act_param));
	n->out[0] = op->out[0];
	n->out[0]->from = n;
	return true;
}

void pass_batchnorm(struct ir_graph *g)
{
	struct ir_node **link = &g->first, *n;

	pass_uses(g);
	while ((n = *link) && !g->error) {
		if (n->op != IR_BINARY || !fuse(g, n)) {
			link = &n->next;
			continue;
		}
		*link = n->next;
		if (!*link)
			g->last = link;
	}
}
