// SPDX-License-Identifier: MIT
/*
 * Integers are moved instead of the numbers that they stand for: what only moves elements, or
 * picks the largest, gives the same before DequantizeLinear as after it. Where QuantizeLinear
 * then follows with the same scale, nothing is left of the two.
 *
 * (x - zero) * scale / scale + zero is x again: the two roundings are off by less than 2^-15 for
 * integers of 8 bits, as long as scale times 255 stays within the normal numbers of f32.
 */
#include <float.h>
#include <string.h>

#include "eval.h"
#include "pass.h"
#include "quant.h"

const void *quant_constant(const struct ir_value *v)
{
	while (v && !v->data && v->from && v->from->op == IR_RESHAPE)
		v = v->from->in[0];
	return v ? v->data : NULL;
}

const struct ir_node *quant_source(const struct ir_value *v)
{
	while (v && v->from && v->from->op == IR_RESHAPE && v->from->in[0]->rank == v->rank &&
	       !memcmp(v->from->in[0]->dims, v->dims, v->rank * sizeof(*v->dims)))
		v = v->from->in[0];
	return v ? v->from : NULL;
}

bool quant_single(const struct ir_node *n, float *scale, int32_t *zero)
{
	const struct ir_value *s = n->in[1], *z = n->nin > 2 ? n->in[2] : NULL;
	const void *data = quant_constant(s);

	*zero = 0;
	if (!data || s->count != 1 || s->dtype != ACCEL_F32)
		return false;
	memcpy(scale, data, sizeof(*scale));
	if (!z)
		return true;
	data = quant_constant(z);
	if (!data || z->count != 1)
		return false;
	*zero = (int32_t)eval_load_int(z->dtype, data);
	return true;
}

struct ir_node *quant_insert(struct ir_graph *g, struct ir_node *after, enum ir_op op,
			     struct ir_value *const *in, uint32_t nin, struct ir_value *out)
{
	struct ir_node **last = g->last, *n;

	g->name = after->name;
	g->origin = after->origin;
	n = ir_node(g, op, 0, in, nin, out);
	if (!n)
		return NULL;
	*last = NULL;
	g->last = last;
	n->next = after->next;
	after->next = n;
	if (!n->next)
		g->last = &n->next;
	return n;
}

static bool orderly(float scale)
{
	return scale >= FLT_MIN && scale <= FLT_MAX / 256;
}

/* Every window holds an element: the largest of none is another number in integers. */
static bool full_windows(const struct ir_node *n)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];

	for (uint32_t i = 0; i < x->rank - 2; i++) {
		int64_t stride = n->ints[i], before = n->ints[6 + i];

		if (n->ints[3 + i] != 1 || before < 0 || before >= n->ints[9 + i] ||
		    (y->dims[2 + i] - 1) * stride - before >= x->dims[2 + i])
			return false;
	}
	return true;
}

static const struct ir_node *dequantized(const struct ir_value *v)
{
	const struct ir_node *d = v ? v->from : NULL;

	return d && d->op == IR_DEQUANTIZE && d->out[0]->dtype == ACCEL_F32 ? d : NULL;
}

/* The result's scale and zero point, as those of @d are along the moved axes. */
static struct ir_value *side(struct ir_graph *g, const struct ir_node *n, struct ir_value *v)
{
	int64_t dims[IR_RANK_MAX] = { 0 };
	const void *data;

	if (!v)
		return NULL;
	data = quant_constant(v);
	/* One for all is so whatever its axes are, but more than the result has it must not have. */
	if (v->count == 1 && v->rank <= n->out[0]->rank)
		return v;
	if (v->count == 1)
		return data ? ir_constant(g, v->dtype, 0, dims, data) : NULL;
	if (n->op != IR_TRANSPOSE || !data || v->rank != n->in[0]->rank)
		return NULL;
	for (uint32_t i = 0; i < v->rank; i++) {
		dims[i] = v->dims[n->ints[i]];
		/* With one axis the order in memory is that of any axis. */
		if (dims[i] != 1 && dims[i] != v->count)
			return NULL;
	}
	return ir_constant(g, v->dtype, v->rank, dims, data);
}

static bool same(const struct ir_node *a, const struct ir_node *b)
{
	float sa, sb;
	int32_t za, zb;

	return quant_single(a, &sa, &za) && quant_single(b, &sb, &zb) && sa == sb && za == zb &&
	       a->in[0]->dtype == b->in[0]->dtype;
}

static bool moves(const struct ir_node *n, const struct ir_node *d)
{
	int32_t zero;
	float scale;

	switch (n->op) {
	case IR_RESHAPE:
	case IR_SLICE:
	case IR_EXPAND:
	case IR_GATHER:
	case IR_TRANSPOSE:
		return true;
	case IR_CONCAT:
		for (uint32_t i = 0; i < n->nin; i++)
			if (!dequantized(n->in[i]) || !same(n->in[i]->from, d))
				return false;
		return true;
	case IR_POOL:
		return n->fn == ACCEL_POOL_MAX && (n->nout < 2 || !n->out[1]) &&
		       (d->in[0]->dtype == ACCEL_I8 || d->in[0]->dtype == ACCEL_U8) &&
		       quant_single(d, &scale, &zero) && orderly(scale) && full_windows(n);
	default:
		return false;
	}
}

/* Let @n move @d's operand, and convert its result. */
static void sink(struct ir_graph *g, struct ir_node *n, const struct ir_node *d)
{
	struct ir_value *y = n->out[0], *v, *in[3] = { NULL, side(g, n, d->in[1]), NULL };
	struct ir_value **list;
	uint32_t nin = d->nin;

	if (nin > 2)
		in[2] = side(g, n, d->in[2]);
	if (!in[1] || (nin > 2 && !in[2]))
		return;
	list = ir_alloc(g, (n->nin + 1) * sizeof(*list));
	v = ir_value(g, d->in[0]->dtype, y->rank, y->dims);
	if (!list || !v)
		return;
	for (uint32_t i = 0; i < n->nin; i++)
		list[i] = n->op == IR_CONCAT || !i ? n->in[i]->from->in[0] : n->in[i];
	in[0] = v;
	if (!quant_insert(g, n, IR_DEQUANTIZE, in, nin, y))
		return;
	n->in = list;
	n->out[0] = v;
	v->from = n;
}

/* What undoes a conversion becomes another name of its operand. */
static void undo(struct ir_node *q)
{
	const struct ir_node *d = quant_source(q->in[0]);
	float sq, sd;
	int32_t zq, zd;

	if (!d || d->op != IR_DEQUANTIZE || d->in[0]->dtype != q->out[0]->dtype ||
	    accel_dtype_size(q->out[0]->dtype) != 1 || !quant_single(q, &sq, &zq) ||
	    !quant_single(d, &sd, &zd) || sq != sd || zq != zd || !orderly(sq))
		return;
	q->op = IR_RESHAPE;
	q->in[0] = d->in[0];
	q->nin = 1;
}

void pass_sink(struct ir_graph *g)
{
	for (struct ir_node *n = g->first; n && !g->error; n = n->next) {
		const struct ir_node *d = n->nin ? dequantized(n->in[0]) : NULL;

		if (n->op == IR_QUANTIZE)
			undo(n);
		else if (d && moves(n, d))
			sink(g, n, d);
	}
}
