// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "build.h"

#define SHAPE	160

int64_t b_axis(struct ir_graph *g, int64_t axis, uint32_t rank)
{
	if (axis < -(int64_t)rank || axis >= (int64_t)rank) {
		ir_fail(g, "there is no axis %lld among %u", (long long)axis, rank);
		return -1;
	}
	return axis < 0 ? axis + rank : axis;
}

bool b_broadcast(struct ir_graph *g, const struct ir_value *a, const struct ir_value *b,
		 uint32_t *rank, int64_t *dims)
{
	char x[SHAPE], y[SHAPE];

	if (!a || !b)
		return false;
	*rank = a->rank > b->rank ? a->rank : b->rank;
	for (uint32_t i = 0; i < *rank; i++) {
		int64_t p = i < a->rank ? a->dims[a->rank - 1 - i] : 1;
		int64_t q = i < b->rank ? b->dims[b->rank - 1 - i] : 1;

		if (p != q && p != 1 && q != 1) {
			ir_fail(g, "%s and %s do not broadcast", ir_shape(a, x, SHAPE),
				ir_shape(b, y, SHAPE));
			return false;
		}
		dims[*rank - 1 - i] = p == 1 ? q : p;
	}
	return true;
}

struct ir_node *b_same(struct ir_graph *g, enum ir_op op, struct ir_value *const *in, uint32_t n,
		       const struct ir_value *like)
{
	struct ir_value *y;

	if (!like)
		return NULL;
	for (uint32_t i = 0; i < n; i++)
		if (!in[i])
			return NULL;
	y = ir_value(g, like->dtype, like->rank, like->dims);
	return y ? ir_node(g, op, 0, in, n, y) : NULL;
}

static struct ir_value *result(struct ir_node *n)
{
	return n ? n->out[0] : NULL;
}

struct ir_value *b_binary(struct ir_graph *g, enum ir_binary fn, struct ir_value *a,
			  struct ir_value *b)
{
	int64_t dims[IR_RANK_MAX];
	char x[SHAPE], y[SHAPE];
	struct ir_value *v;
	uint32_t rank;

	if (!b_broadcast(g, a, b, &rank, dims))
		return NULL;
	if (a->dtype != b->dtype && fn != IR_POW) {
		ir_fail(g, "operands %s and %s differ in type", ir_shape(a, x, SHAPE),
			ir_shape(b, y, SHAPE));
		return NULL;
	}
	v = ir_value(g, fn >= IR_EQ ? ACCEL_BOOL : a->dtype, rank, dims);
	return v ? result(ir_node(g, IR_BINARY, fn, (struct ir_value *[]){ a, b }, 2, v)) : NULL;
}

struct ir_value *b_unary(struct ir_graph *g, int fn, struct ir_value *x)
{
	struct ir_node *n = b_same(g, IR_UNARY, &x, 1, x);

	if (!n)
		return NULL;
	n->fn = fn;
	if (fn >= IR_NOT && fn <= IR_ISINF) {
		n->out[0]->dtype = ACCEL_BOOL;
		n->out[0]->size = (uint64_t)n->out[0]->count;
	}
	return n->out[0];
}

struct ir_value *b_act(struct ir_graph *g, enum accel_act act, struct ir_value *x, float p0,
		       float p1)
{
	struct ir_node *n = b_same(g, IR_ACT, &x, 1, x);

	if (!n)
		return NULL;
	n->act = act;
	n->act_param[0] = p0;
	n->act_param[1] = p1;
	return n->out[0];
}

struct ir_value *b_cast(struct ir_graph *g, struct ir_value *x, enum accel_dtype dtype)
{
	struct ir_value *v;

	if (!x || x->dtype == dtype)
		return x;
	v = ir_value(g, dtype, x->rank, x->dims);
	return v ? result(ir_node(g, IR_CAST, 0, &x, 1, v)) : NULL;
}

struct ir_value *b_reduce(struct ir_graph *g, enum accel_reduce fn, struct ir_value *x,
			  uint32_t axes, bool keep)
{
	int64_t dims[IR_RANK_MAX], kept[IR_RANK_MAX];
	struct ir_value *v;
	struct ir_node *n;
	uint32_t rank = 0;

	if (!x)
		return NULL;
	for (uint32_t i = 0; i < x->rank; i++) {
		dims[i] = axes >> i & 1 ? 1 : x->dims[i];
		if (!(axes >> i & 1))
			kept[rank++] = x->dims[i];
	}
	v = ir_value(g, x->dtype, x->rank, dims);
	n = v ? ir_node(g, IR_REDUCE, fn, &x, 1, v) : NULL;
	if (!n)
		return NULL;
	n->axes = axes;
	return keep || !axes ? v : b_reshape(g, v, rank, kept);
}

struct ir_value *b_arg(struct ir_graph *g, bool max, struct ir_value *x, int64_t axis, bool keep,
		       bool last)
{
	int64_t dims[IR_RANK_MAX], kept[IR_RANK_MAX];
	struct ir_value *v;
	struct ir_node *n;
	uint32_t rank = 0;

	if (!x)
		return NULL;
	axis = b_axis(g, axis, x->rank);
	if (axis < 0)
		return NULL;
	if (!x->dims[axis]) {
		ir_fail(g, "an axis without elements has no largest one");
		return NULL;
	}
	for (uint32_t i = 0; i < x->rank; i++) {
		dims[i] = i == axis ? 1 : x->dims[i];
		if (i != axis)
			kept[rank++] = x->dims[i];
	}
	v = ir_value(g, ACCEL_I64, x->rank, dims);
	n = v ? ir_node(g, IR_ARG, max, &x, 1, v) : NULL;
	if (!n)
		return NULL;
	n->axis = axis;
	n->flag = last;
	return keep ? v : b_reshape(g, v, rank, kept);
}

struct ir_value *b_softmax(struct ir_graph *g, struct ir_value *x, uint32_t axes, bool log)
{
	struct ir_node *n;

	/* Of more axes than the card has: those of the sums follow each other, and are one. */
	if (x && x->rank > ACCEL_RANK_MAX) {
		int64_t dims[3] = { 1, 1, 1 };

		for (uint32_t i = 0; i < x->rank; i++)
			dims[axes >> i & 1 ? 1 : axes >> i ? 0 : 2] *= x->dims[i];
		return b_reshape(g, b_softmax(g, b_reshape(g, x, 3, dims), 2, log), x->rank, x->dims);
	}
	n = b_same(g, IR_SOFTMAX, &x, 1, x);

	if (!n)
		return NULL;
	n->axes = axes;
	n->flag = log;
	return n->out[0];
}

struct ir_value *b_matmul(struct ir_graph *g, struct ir_value *a, struct ir_value *b)
{
	int64_t da[IR_RANK_MAX], db[IR_RANK_MAX], dims[IR_RANK_MAX];
	struct ir_value ba, bb, *v;
	bool row, column;
	char x[SHAPE], y[SHAPE];
	uint32_t rank;

	if (!a || !b)
		return NULL;
	if (!a->rank || !b->rank || a->dtype != b->dtype ||
	    a->dims[a->rank - 1] != b->dims[b->rank > 1 ? b->rank - 2 : 0]) {
		ir_fail(g, "%s and %s do not multiply", ir_shape(a, x, SHAPE),
			ir_shape(b, y, SHAPE));
		return NULL;
	}
	row = a->rank == 1;
	column = b->rank == 1;
	if (row)
		a = b_reshape(g, a, 2, (int64_t[]){ 1, a->dims[0] });
	if (column)
		b = b_reshape(g, b, 2, (int64_t[]){ b->dims[0], 1 });
	if (!a || !b)
		return NULL;
	ba = *a;
	bb = *b;
	ba.rank -= 2;
	bb.rank -= 2;
	if (!b_broadcast(g, &ba, &bb, &rank, dims))
		return NULL;
	dims[rank++] = a->dims[a->rank - 2];
	dims[rank++] = b->dims[b->rank - 1];
	v = ir_value(g, a->dtype, rank, dims);
	v = v ? result(ir_node(g, IR_MATMUL, 0, (struct ir_value *[]){ a, b }, 2, v)) : NULL;
	if (!v)
		return NULL;
	memcpy(da, dims, sizeof(da));
	memcpy(db, dims, sizeof(db));
	if (row) {	/* the row of one goes */
		da[rank - 2] = dims[rank - 1];
		v = b_reshape(g, v, --rank, da);
	}
	if (column && v) {
		memcpy(db, v->dims, sizeof(db));
		v = b_reshape(g, v, rank - 1, db);
	}
	return v;
}

struct ir_value *b_reshape(struct ir_graph *g, struct ir_value *x, uint32_t rank,
			   const int64_t *dims)
{
	struct ir_value *v;
	char a[SHAPE], b[SHAPE];

	if (!x)
		return NULL;
	v = ir_value(g, x->dtype, rank, dims);
	if (!v)
		return NULL;
	if (v->count != x->count) {
		ir_fail(g, "%s cannot become %s", ir_shape(x, a, SHAPE), ir_shape(v, b, SHAPE));
		return NULL;
	}
	return result(ir_node(g, IR_RESHAPE, 0, &x, 1, v));
}

struct ir_value *b_transpose(struct ir_graph *g, struct ir_value *x, const int64_t *order)
{
	int64_t dims[IR_RANK_MAX];
	struct ir_value *v;
	struct ir_node *n;
	uint32_t seen = 0;

	if (!x)
		return NULL;
	for (uint32_t i = 0; i < x->rank; i++) {
		if (order[i] < 0 || order[i] >= x->rank || seen >> order[i] & 1) {
			ir_fail(g, "the order of axes is none");
			return NULL;
		}
		seen |= 1u << order[i];
		dims[i] = x->dims[order[i]];
	}
	v = ir_value(g, x->dtype, x->rank, dims);
	n = v ? ir_node(g, IR_TRANSPOSE, 0, &x, 1, v) : NULL;
	if (n)
		memcpy(n->ints, order, x->rank * sizeof(*order));
	return result(n);
}

struct ir_value *b_slice(struct ir_graph *g, struct ir_value *x, const int64_t *starts,
			 const int64_t *steps, const int64_t *counts)
{
	struct ir_value *v;
	struct ir_node *n;

	if (!x)
		return NULL;
	for (uint32_t i = 0; i < x->rank; i++) {
		int64_t last = 0;

		if (counts[i] <= 0 && !counts[i])
			continue;
		if (counts[i] < 0 || starts[i] < 0 || starts[i] >= x->dims[i] ||
		    __builtin_mul_overflow(counts[i] - 1, steps[i], &last) ||
		    __builtin_add_overflow(last, starts[i], &last) || last < 0 ||
		    last >= x->dims[i]) {
			ir_fail(g, "a slice reaches out of axis %u of %lld elements", i,
				(long long)x->dims[i]);
			return NULL;
		}
	}
	v = ir_value(g, x->dtype, x->rank, counts);
	n = v ? ir_node(g, IR_SLICE, 0, &x, 1, v) : NULL;
	if (!n)
		return NULL;
	for (uint32_t i = 0; i < x->rank; i++) {
		n->ints[i] = counts[i] ? starts[i] : 0;
		n->ints[x->rank + i] = steps[i];
	}
	return v;
}

struct ir_value *b_concat(struct ir_graph *g, struct ir_value *const *x, uint32_t n, int64_t axis)
{
	int64_t dims[IR_RANK_MAX];
	struct ir_value *v;
	struct ir_node *node;
	char a[SHAPE], b[SHAPE];

	if (!n || !x[0] || g->error)
		return NULL;
	axis = b_axis(g, axis, x[0]->rank);
	if (axis < 0)
		return NULL;
	memcpy(dims, x[0]->dims, sizeof(dims));
	for (uint32_t i = 1; i < n; i++) {
		bool fits = x[i] && x[i]->rank == x[0]->rank && x[i]->dtype == x[0]->dtype;

		for (uint32_t k = 0; k < x[0]->rank && fits; k++)
			fits = k == axis || x[i]->dims[k] == dims[k];
		if (!fits) {
			if (x[i])
				ir_fail(g, "%s and %s cannot be joined", ir_shape(x[0], a, SHAPE),
					ir_shape(x[i], b, SHAPE));
			return NULL;
		}
		dims[axis] += x[i]->dims[axis];
	}
	v = ir_value(g, x[0]->dtype, x[0]->rank, dims);
	node = v ? ir_node(g, IR_CONCAT, 0, x, n, v) : NULL;
	if (node)
		node->axis = axis;
	return result(node);
}

struct ir_value *b_expand(struct ir_graph *g, struct ir_value *x, uint32_t rank,
			  const int64_t *dims)
{
	struct ir_value *v;
	char a[SHAPE], b[SHAPE];

	if (!x)
		return NULL;
	v = ir_value(g, x->dtype, rank, dims);
	if (!v)
		return NULL;
	for (uint32_t i = 0; i < x->rank; i++) {
		int64_t dim = x->dims[x->rank - 1 - i];

		if (x->rank > rank || (dim != 1 && dim != dims[rank - 1 - i])) {
			ir_fail(g, "%s does not broadcast to %s", ir_shape(x, a, SHAPE),
				ir_shape(v, b, SHAPE));
			return NULL;
		}
	}
	if (x->rank == rank && !memcmp(x->dims, dims, rank * sizeof(*dims)))
		return x;
	return result(ir_node(g, IR_EXPAND, 0, &x, 1, v));
}

struct ir_value *b_pad(struct ir_graph *g, struct ir_value *x, const int64_t *pads,
		       enum ir_pad mode, struct ir_value *value)
{
	int64_t dims[IR_RANK_MAX];
	struct ir_value *v;
	struct ir_node *n;

	if (!x)
		return NULL;
	if (value && (value->count != 1 || value->dtype != x->dtype)) {
		ir_fail(g, "the padding must be one element of the operand's type");
		return NULL;
	}
	for (uint32_t i = 0; i < x->rank; i++) {
		int64_t before = pads[i], after = pads[x->rank + i];

		if (before < -x->dims[i] || after < -x->dims[i] || before > INT32_MAX ||
		    after > INT32_MAX || x->dims[i] + before + after < 0) {
			ir_fail(g, "axis %u of %lld elements cannot be padded by %lld and %lld", i,
				(long long)x->dims[i], (long long)before, (long long)after);
			return NULL;
		}
		dims[i] = x->dims[i] + before + after;
		if (mode != IR_PAD_CONSTANT && !x->dims[i] && dims[i]) {
			ir_fail(g, "axis %u has no element to pad with", i);
			return NULL;
		}
	}
	v = ir_value(g, x->dtype, x->rank, dims);
	n = v ? ir_node(g, IR_PAD, mode, (struct ir_value *[]){ x, value }, value ? 2 : 1, v) : NULL;
	if (n)
		memcpy(n->ints, pads, 2 * x->rank * sizeof(*pads));
	return result(n);
}

struct ir_value *b_gather(struct ir_graph *g, struct ir_value *x, struct ir_value *indices,
			  int64_t axis)
{
	int64_t dims[2 * IR_RANK_MAX];
	struct ir_value *v;
	struct ir_node *n;
	uint32_t rank = 0;

	if (!x || !indices)
		return NULL;
	axis = b_axis(g, axis, x->rank);
	if (axis < 0)
		return NULL;
	if (indices->dtype != ACCEL_I64 && indices->dtype != ACCEL_I32) {
		ir_fail(g, "indices of %s: i32 and i64 are supported",
			accel_dtype_name(indices->dtype));
		return NULL;
	}
	for (uint32_t i = 0; i < x->rank; i++) {
		if (i != axis)
			dims[rank++] = x->dims[i];
		for (uint32_t k = 0; i == axis && k < indices->rank; k++)
			dims[rank++] = indices->dims[k];
	}
	v = ir_value(g, x->dtype, rank, dims);
	n = v ? ir_node(g, IR_GATHER, 0, (struct ir_value *[]){ x, indices }, 2, v) : NULL;
	if (n)
		n->axis = axis;
	return result(n);
}

struct ir_value *b_gather_elements(struct ir_graph *g, struct ir_value *x,
				   struct ir_value *indices, int64_t axis)
{
	struct ir_value *v;
	struct ir_node *n;

	if (!x || !indices)
		return NULL;
	v = ir_value(g, x->dtype, indices->rank, indices->dims);
	n = v ? ir_node(g, IR_GATHER_ELEMENTS, 0, (struct ir_value *[]){ x, indices }, 2, v) : NULL;
	if (n)
		n->axis = axis;
	return result(n);
}

struct ir_value *b_scatter(struct ir_graph *g, struct ir_value *x, struct ir_value *indices,
			   struct ir_value *updates, enum ir_put how, int64_t axis)
{
	struct ir_node *n = b_same(g, IR_SCATTER_ELEMENTS, (struct ir_value *[]){ x, indices, updates }, 3, x);

	if (!n)
		return NULL;
	n->fn = how;
	n->axis = axis;
	return n->out[0];
}

struct ir_value *b_where(struct ir_graph *g, struct ir_value *c, struct ir_value *x,
			 struct ir_value *y)
{
	int64_t dims[IR_RANK_MAX];
	struct ir_value all, *v;
	uint32_t rank;

	if (!c || !b_broadcast(g, x, y, &rank, dims))
		return NULL;
	if (c->dtype != ACCEL_BOOL || x->dtype != y->dtype) {
		ir_fail(g, "it takes a bool and two operands of one type");
		return NULL;
	}
	all = *x;
	all.rank = rank;
	memcpy(all.dims, dims, sizeof(all.dims));
	if (!b_broadcast(g, c, &all, &rank, dims))
		return NULL;
	v = ir_value(g, x->dtype, rank, dims);
	return v ? result(ir_node(g, IR_WHERE, 0, (struct ir_value *[]){ c, x, y }, 3, v)) : NULL;
}

struct ir_value *b_conv(struct ir_graph *g, struct ir_value *x, struct ir_value *w,
			struct ir_value *bias, int64_t groups, bool transposed,
			const int64_t *window, const int64_t *dims)
{
	struct ir_value *v, *in[3] = { x, w, bias };
	struct ir_node *n;

	if (!x || !w)
		return NULL;
	v = ir_value(g, x->dtype, x->rank, dims);
	n = v ? ir_node(g, IR_CONV, 0, in, bias ? 3 : 2, v) : NULL;
	if (!n)
		return NULL;
	n->axis = groups;
	n->flag = transposed;
	memcpy(n->ints, window, 9 * sizeof(*window));
	return v;
}

struct ir_node *b_pool(struct ir_graph *g, enum accel_pool fn, struct ir_value *x, bool holes,
		       bool indices, const int64_t *window, const int64_t *dims)
{
	struct ir_value *v, *at;
	struct ir_node *n;

	if (!x)
		return NULL;
	v = ir_value(g, x->dtype, x->rank, dims);
	at = ir_value(g, ACCEL_I64, x->rank, dims);
	n = at ? ir_node(g, IR_POOL, fn, &x, 1, v) : NULL;
	if (!n)
		return NULL;
	n->flag = holes;
	memcpy(n->ints, window, 15 * sizeof(*window));
	if (indices) {
		n->nout = 2;
		n->out[1] = at;
		at->from = n;
	}
	return n;
}

struct ir_node *b_missing(struct ir_graph *g, struct ir_value *const *in, uint32_t nin,
			  uint32_t nout, const char *why)
{
	struct ir_value *v = ir_value(g, ACCEL_F32, 0, NULL);
	struct ir_node *n = v ? ir_node(g, IR_MISSING, 0, in, nin, v) : NULL;

	if (!n)
		return NULL;
	n->text = ir_text(g, "%s", why);
	n->nout = nout;
	n->out = ir_alloc(g, (nout + 1) * sizeof(*n->out));
	if (!n->text || !n->out)
		return NULL;
	for (uint32_t i = 0; i < nout; i++) {
		n->out[i] = ir_value(g, ACCEL_NONE, 0, NULL);
		if (!n->out[i])
			return NULL;
		n->out[i]->from = n;
	}
	return n;
}
