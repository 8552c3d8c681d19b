// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX that look elements up, or put them somewhere.
 */
#include <string.h>

#include "build.h"
#include "onnx.h"

static void gather(struct onnx_cx *c, int arg)
{
	(void)arg;
	c->out[0] = b_gather(c->g, c->in[0], c->in[1], onnx_attr_i(c, "axis", 0));
}

static bool indices(struct onnx_cx *c, const struct ir_value *v)
{
	if (v->dtype == ACCEL_I64 || v->dtype == ACCEL_I32)
		return true;
	ir_fail(c->g, "indices of %s: i32 and i64 are supported", accel_dtype_name(v->dtype));
	return false;
}

/* What happens to an element that is there. */
static int reduction(struct onnx_cx *c)
{
	static const char *const names[] = {
		[IR_PUT] = "none", [IR_PUT_ADD] = "add", [IR_PUT_MUL] = "mul", [IR_PUT_MIN] = "min",
		[IR_PUT_MAX] = "max",
	};

	for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++)
		if (onnx_attr_is(c, "reduction", "none", names[i])) {
			if (i != IR_PUT && c->in[0]->dtype == ACCEL_BOOL)
				onnx_cannot(c, "reductions of bool are not supported");
			return i;
		}
	onnx_cannot(c, "reductions but add, mul, min and max are not supported");
	return IR_PUT;
}

static void elements(struct onnx_cx *c, int scatter)
{
	struct ir_value *x = c->in[0], *k = c->in[1];
	int64_t axis = b_axis(c->g, onnx_attr_i(c, "axis", 0), x->rank);
	int how = scatter ? reduction(c) : IR_PUT;
	struct ir_value *y;
	struct ir_node *n;

	if (axis < 0 || !indices(c, k))
		return;
	if (k->rank != x->rank || (scatter && (c->in[2]->rank != k->rank ||
	    memcmp(c->in[2]->dims, k->dims, k->rank * sizeof(*k->dims)) ||
	    c->in[2]->dtype != x->dtype))) {
		ir_fail(c->g, "operands differ in shape or type");
		return;
	}
	for (uint32_t i = 0; i < x->rank; i++)
		if (i != axis && k->dims[i] > x->dims[i])
			ir_fail(c->g, "axis %u of the indices is longer than the operand's", i);
	if (c->g->error)
		return;
	y = ir_value(c->g, x->dtype, x->rank, scatter ? x->dims : k->dims);
	n = y ? ir_node(c->g, scatter ? IR_SCATTER_ELEMENTS : IR_GATHER_ELEMENTS, how, c->in,
			scatter ? 3 : 2, y) : NULL;
	if (!n)
		return;
	n->axis = axis;
	c->out[0] = y;
}

static void lookup_nd(struct onnx_cx *c, int scatter)
{
	struct ir_value *x = c->in[0], *k = c->in[1], *y;
	int64_t batch = scatter ? 0 : onnx_attr_i(c, "batch_dims", 0), last, dims[2 * IR_RANK_MAX];
	int how = scatter ? reduction(c) : IR_PUT;
	struct ir_node *n;
	uint32_t rank = 0;

	if (!indices(c, k))
		return;
	last = k->rank ? k->dims[k->rank - 1] : 0;
	if (!k->rank || batch < 0 || batch >= k->rank || last < 1 || batch + last > x->rank) {
		ir_fail(c->g, "indices lead to no elements");
		return;
	}
	for (uint32_t i = 0; i < batch; i++)
		if (x->dims[i] != k->dims[i])
			ir_fail(c->g, "axis %u is not common to both operands", i);
	for (uint32_t i = 0; i + 1 < k->rank; i++)
		dims[rank++] = k->dims[i];
	for (uint32_t i = (uint32_t)(batch + last); i < x->rank; i++)
		dims[rank++] = x->dims[i];
	if (scatter && (c->in[2]->rank != rank || c->in[2]->dtype != x->dtype ||
			memcmp(c->in[2]->dims, dims, rank * sizeof(*dims))))
		ir_fail(c->g, "updates have not the shape and type that indices ask for");
	if (c->g->error)
		return;
	y = scatter ? ir_value(c->g, x->dtype, x->rank, x->dims) :
		      ir_value(c->g, x->dtype, rank, dims);
	n = y ? ir_node(c->g, scatter ? IR_SCATTER_ND : IR_GATHER_ND, how, c->in, scatter ? 3 : 2, y) :
		NULL;
	if (!n)
		return;
	n->axis = batch;
	c->out[0] = y;
}

static void where(struct onnx_cx *c, int arg)
{
	(void)arg;
	c->out[0] = b_where(c->g, c->in[0], c->in[1], c->in[2]);
}

static void one_hot(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *k = c->in[0], *values = c->in[2], *y, *off, *on;
	int64_t axis = onnx_attr_i(c, "axis", -1), depth, dims[IR_RANK_MAX], grid[IR_RANK_MAX];
	struct ir_value *d = b_cast(g, b_reshape(g, c->in[1], 1, (int64_t[]){ 1 }), ACCEL_I64);
	int64_t *steps;

	(void)arg;
	if (!d)
		return;
	if (ir_known_ints(g, d, &depth, 1) != 1) {
		onnx_cannot(c, "a depth that is computed from inputs is not supported");
		return;
	}
	if (depth < 1 || depth > 1 << 20 || k->rank >= IR_RANK_MAX || values->count != 2 ||
	    values->rank != 1) {
		ir_fail(g, "depth %lld, or values that are not two", (long long)depth);
		return;
	}
	axis = b_axis(g, axis, k->rank + 1);
	if (axis < 0)
		return;
	for (uint32_t i = 0, from = 0; i <= k->rank; i++) {
		grid[i] = i == axis ? depth : 1;
		dims[i] = i == axis ? 1 : k->dims[from++];
	}
	steps = ir_make(g, (uint64_t)depth * sizeof(*steps));
	for (int64_t i = 0; i < depth && steps; i++)
		steps[i] = i;
	if (k->dtype != ACCEL_I64)
		k = b_cast(g, ir_is_int(k->dtype) ? k : b_unary(g, IR_TRUNC, k), ACCEL_I64);
	k = b_reshape(g, k, c->in[0]->rank + 1, dims);
	if (!k || !steps)
		return;
	y = b_binary(g, IR_ADD, k, ir_ints(g, &depth, 1));
	k = b_where(g, b_binary(g, IR_LT, k, ir_scalar_f(g, ACCEL_I64, 0)), y, k);
	y = b_binary(g, IR_EQ, k, ir_constant(g, ACCEL_I64, c->in[0]->rank + 1, grid, steps));
	off = b_reshape(g, b_slice(g, values, (int64_t[]){ 0 }, (int64_t[]){ 1 }, (int64_t[]){ 1 }),
			0, NULL);
	on = b_reshape(g, b_slice(g, values, (int64_t[]){ 1 }, (int64_t[]){ 1 }, (int64_t[]){ 1 }),
		       0, NULL);
	c->out[0] = b_where(g, y, on, off);
}

static void triangle(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	struct ir_node *n = b_same(c->g, IR_TRILU, &x, 1, x);
	int64_t k = 0;

	(void)arg;
	if (x->rank < 2)
		ir_fail(c->g, "its operand has %u axes, 2 are the least", x->rank);
	if (onnx_in(c, 1) && ir_known_ints(c->g, c->in[1], &k, 1) != 1)
		onnx_cannot(c, "a diagonal that is computed from inputs is not supported");
	if (!n)
		return;
	n->axis = k > INT32_MAX ? INT32_MAX : k < INT32_MIN ? INT32_MIN : k;
	n->flag = onnx_attr_i(c, "upper", 1);
	c->out[0] = n->out[0];
}

static void reverse_sequence(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *lengths = c->in[1];
	int64_t time = onnx_attr_i(c, "time_axis", 0), batch = onnx_attr_i(c, "batch_axis", 1);
	struct ir_node *n;

	(void)arg;
	if (x->rank < 2 || time < 0 || time > 1 || batch != 1 - time) {
		ir_fail(c->g, "axes %lld and %lld of %u: they are the first two", (long long)time,
			(long long)batch, x->rank);
		return;
	}
	if (lengths->rank != 1 || lengths->dims[0] != x->dims[batch] || !indices(c, lengths)) {
		ir_fail(c->g, "the lengths are not one for each row of the batch");
		return;
	}
	n = b_same(c->g, IR_REVERSE, c->in, 2, x);
	if (!n)
		return;
	n->axis = time;
	n->ints[0] = batch;
	c->out[0] = n->out[0];
}

static void top_k(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *values, *where_from;
	int64_t axis = b_axis(c->g, onnx_attr_i(c, "axis", -1), x->rank), k = 0, dims[IR_RANK_MAX];
	bool largest = onnx_attr_i(c, "largest", 1);
	struct ir_node *n;

	(void)arg;
	onnx_attr_i(c, "sorted", 1);	/* sorted is in any order, too */
	if (c->opset < 10) {
		k = onnx_attr_i(c, "k", 0);
	} else if (!onnx_in(c, 1) || ir_known_ints(c->g, c->in[1], &k, 1) != 1) {
		if (!onnx_in(c, 1) || !c->bounds || axis < 0) {
			onnx_cannot(c, "a number of elements that is computed from inputs is not supported");
			c->late = onnx_in(c, 1);
			return;
		}
		k = x->dims[axis];
	}
	if (axis < 0)
		return;
	if (k < 0 || k > x->dims[axis]) {
		ir_fail(c->g, "the first %lld of %lld elements", (long long)k,
			(long long)x->dims[axis]);
		return;
	}
	memcpy(dims, x->dims, sizeof(dims));
	dims[axis] = k;
	values = ir_value(c->g, x->dtype, x->rank, dims);
	where_from = ir_value(c->g, ACCEL_I64, x->rank, dims);
	n = where_from ? ir_node(c->g, IR_TOPK, 0, &x, 1, values) : NULL;
	if (!n)
		return;
	n->nout = 2;
	n->out[1] = where_from;
	where_from->from = n;
	n->axis = axis;
	n->flag = largest;
	n->ints[0] = k;
	c->out[0] = values;
	if (c->nout > 1)
		c->out[1] = where_from;
}

const struct onnx_op onnx_ops_index[] = {
	{ "Gather", 2, 2, gather, 0 },
	{ "GatherElements", 2, 2, elements, 0 },
	{ "GatherND", 2, 2, lookup_nd, 0 },
	{ "OneHot", 3, 3, one_hot, 0 },
	{ "ReverseSequence", 2, 2, reverse_sequence, 0 },
	{ "Scatter", 3, 3, elements, 1 },
	{ "ScatterElements", 3, 3, elements, 1 },
	{ "ScatterND", 3, 3, lookup_nd, 1 },
	{ "TopK", 1, 2, top_k, 0 },
	{ "Trilu", 1, 2, triangle, 0 },
	{ "Where", 3, 3, where, 0 },
	{ 0 },
};
