// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX that move elements, change their types, or speak of shapes.
 */
#include <math.h>
#include <string.h>

#include "build.h"
#include "eval.h"
#include "onnx.h"

static void pass(struct onnx_cx *c, int arg)
{
	(void)arg;
	c->out[0] = c->in[0];
}

static void cast_to(struct onnx_cx *c, int32_t type)
{
	enum accel_dtype to = onnx_dtype(type);
	struct ir_value *x = c->in[0];
	bool from_real = ir_is_float(x->dtype) || x->dtype == ACCEL_F64;

	if (to == ACCEL_NONE) {
		onnx_cannot(c, "a cast to %s is not supported", onnx_dtype_name(type));
		return;
	}
	if (to == ACCEL_BOOL && x->dtype != ACCEL_BOOL) {
		x = b_binary(c->g, IR_EQ, x, ir_scalar_f(c->g, x->dtype, 0));
		c->out[0] = b_unary(c->g, IR_NOT, x);
		return;
	}
	/* The card rounds to the nearest, ONNX towards zero. */
	if (from_real && ir_is_int(to))
		x = b_unary(c->g, IR_TRUNC, x);
	c->out[0] = b_cast(c->g, x, to);
}

static void cast(struct onnx_cx *c, int arg)
{
	(void)arg;
	onnx_attr_i(c, "saturate", 1);	/* of 8-bit floats alone */
	if (c->opset < 6) {
		onnx_cannot(c, "versions before 6 are not supported");
		return;
	}
	cast_to(c, (int32_t)onnx_attr_i(c, "to", 0));
}

static void cast_like(struct onnx_cx *c, int arg)
{
	(void)arg;
	onnx_attr_i(c, "saturate", 1);
	for (int32_t i = 1; i < 32; i++) {
		if (onnx_dtype(i) == c->in[1]->dtype) {
			cast_to(c, i);
			return;
		}
	}
}

/* --- Shapes ------------------------------------------------------------------------------ */

static void shape(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	int64_t start = onnx_attr_i(c, "start", 0), end = onnx_attr_i(c, "end", x->rank);

	(void)arg;
	start += start < 0 ? x->rank : 0;
	end += end < 0 ? x->rank : 0;
	start = start < 0 ? 0 : start > x->rank ? x->rank : start;
	end = end < start ? start : end > x->rank ? x->rank : end;
	c->out[0] = ir_ints(c->g, x->dims + start, (uint32_t)(end - start));
}

static void size(struct onnx_cx *c, int arg)
{
	(void)arg;
	c->out[0] = b_reshape(c->g, ir_ints(c->g, &c->in[0]->count, 1), 0, NULL);
}

static void reshape(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	int64_t dims[IR_RANK_MAX], count = 1;
	int n = onnx_numbers(c, "shape", 5, 1, dims, IR_RANK_MAX), open = -1;
	bool zero = onnx_attr_i(c, "allowzero", 0);

	(void)arg;
	onnx_attr(c, "consumed_inputs", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	if (c->why || c->g->error)
		return;
	if (n < 0) {
		ir_fail(c->g, "it has no shape");
		return;
	}
	for (int i = 0; i < n; i++) {
		if (dims[i] == 0 && !zero) {
			if ((uint32_t)i >= x->rank) {
				ir_fail(c->g, "axis %d is to stay as it is, and there is none", i);
				return;
			}
			dims[i] = x->dims[i];
		}
		if (dims[i] == -1 && open < 0)
			open = i;
		else if (dims[i] < 0 || __builtin_mul_overflow(count, dims[i], &count)) {
			ir_fail(c->g, "axis %d is to have %lld elements", i, (long long)dims[i]);
			return;
		}
	}
	if (open >= 0) {
		if (!count || x->count % count) {
			ir_fail(c->g, "%lld elements do not divide by %lld", (long long)x->count,
				(long long)count);
			return;
		}
		dims[open] = x->count / count;
	}
	c->out[0] = b_reshape(c->g, x, (uint32_t)n, dims);
}

static void flatten(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	int64_t axis = onnx_attr_i(c, "axis", 1), dims[2] = { 1, 1 };

	(void)arg;
	if (axis < 0)
		axis += x->rank;
	if (axis < 0 || axis > x->rank) {
		ir_fail(c->g, "there is no axis %lld among %u", (long long)axis, x->rank);
		return;
	}
	for (uint32_t i = 0; i < x->rank; i++)
		dims[i >= axis] *= x->dims[i];
	c->out[0] = b_reshape(c->g, x, 2, dims);
}

static void squeeze(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	int64_t axes[IR_RANK_MAX], dims[IR_RANK_MAX];
	int n = onnx_numbers(c, "axes", 13, 1, axes, IR_RANK_MAX);
	uint32_t drop = 0, rank = 0;

	(void)arg;
	for (int i = 0; i < n; i++) {
		int64_t axis = b_axis(c->g, axes[i], x->rank);

		if (axis < 0)
			return;
		if (x->dims[axis] != 1) {
			ir_fail(c->g, "axis %lld has %lld elements, not 1", (long long)axis,
				(long long)x->dims[axis]);
			return;
		}
		drop |= 1u << axis;
	}
	for (uint32_t i = 0; i < x->rank; i++)
		if (n < 0 ? x->dims[i] != 1 : !(drop >> i & 1))
			dims[rank++] = x->dims[i];
	c->out[0] = b_reshape(c->g, x, rank, dims);
}

static void unsqueeze(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	int64_t axes[IR_RANK_MAX], dims[IR_RANK_MAX];
	int n = onnx_numbers(c, "axes", 13, 1, axes, IR_RANK_MAX);
	uint32_t added = 0, rank, k = 0;

	(void)arg;
	if (n < 0) {
		if (!c->why)
			ir_fail(c->g, "it has no axes");
		return;
	}
	rank = x->rank + (uint32_t)n;
	if (rank > IR_RANK_MAX) {
		ir_fail(c->g, "a value of %u axes: %d are supported", rank, IR_RANK_MAX);
		return;
	}
	for (int i = 0; i < n; i++) {
		int64_t axis = b_axis(c->g, axes[i], rank);

		if (axis < 0)
			return;
		if (added >> axis & 1)
			ir_fail(c->g, "axis %lld is added twice", (long long)axis);
		added |= 1u << axis;
	}
	if (c->g->error)
		return;
	for (uint32_t i = 0; i < rank; i++)
		dims[i] = added >> i & 1 ? 1 : x->dims[k++];
	c->out[0] = b_reshape(c->g, x, rank, dims);
}

static void transpose(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	int64_t order[IR_RANK_MAX];
	int n = onnx_attr_ints(c, "perm", order, IR_RANK_MAX);

	(void)arg;
	for (uint32_t i = 0; i < x->rank && n < 0; i++)
		order[i] = x->rank - 1 - i;
	if (n >= 0 && (uint32_t)n != x->rank)
		ir_fail(c->g, "the order has %d axes, the operand %u", n, x->rank);
	else
		c->out[0] = b_transpose(c->g, x, order);
}

static void expand(struct onnx_cx *c, int arg)
{
	struct ir_value want, *x = c->in[0];
	int64_t dims[IR_RANK_MAX];
	uint32_t rank;
	int n = onnx_numbers(c, "shape", 8, 1, want.dims, IR_RANK_MAX);

	(void)arg;
	if (n < 0)
		return;
	want.rank = (uint32_t)n;
	want.dtype = x->dtype;
	for (int i = 0; i < n; i++)
		if (want.dims[i] < 0)
			ir_fail(c->g, "axis %d is to have %lld elements", i,
				(long long)want.dims[i]);
	if (!c->g->error && b_broadcast(c->g, x, &want, &rank, dims))
		c->out[0] = b_expand(c->g, x, rank, dims);
}

static void tile(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *y = x;
	int64_t repeats[IR_RANK_MAX], dims[IR_RANK_MAX];
	int n = onnx_numbers(c, "repeats", 6, 1, repeats, IR_RANK_MAX);

	(void)arg;
	if (n < 0)
		return;
	if ((uint32_t)n != x->rank) {
		ir_fail(c->g, "%d repeats for %u axes", n, x->rank);
		return;
	}
	memcpy(dims, x->dims, sizeof(dims));
	for (uint32_t i = 0; i < x->rank && y; i++) {
		int64_t outer = 1, inner = 1;

		if (repeats[i] == 1)
			continue;
		for (uint32_t k = 0; k < x->rank; k++)
			*(k < i ? &outer : &inner) *= dims[k];
		if (repeats[i] < 0 || repeats[i] > INT32_MAX) {
			ir_fail(c->g, "axis %u is repeated %lld times", i, (long long)repeats[i]);
			return;
		}
		y = b_reshape(c->g, y, 3, (int64_t[]){ outer, 1, inner });
		y = b_expand(c->g, y, 3, (int64_t[]){ outer, repeats[i], inner });
		dims[i] *= repeats[i];
		y = b_reshape(c->g, y, x->rank, dims);
	}
	c->out[0] = y;
}

static void slice(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	int64_t start[IR_RANK_MAX], end[IR_RANK_MAX], axes[IR_RANK_MAX], step[IR_RANK_MAX];
	int64_t starts[IR_RANK_MAX] = { 0 }, steps[IR_RANK_MAX], counts[IR_RANK_MAX];
	int n = onnx_numbers(c, "starts", 10, 1, start, IR_RANK_MAX);
	int ends = onnx_numbers(c, "ends", 10, 2, end, IR_RANK_MAX);
	int naxes = onnx_numbers(c, "axes", 10, 3, axes, IR_RANK_MAX);
	int nsteps = c->opset < 10 ? -1 : onnx_numbers(c, "steps", 10, 4, step, IR_RANK_MAX);

	(void)arg;
	if (c->why || c->g->error)
		return;
	if (n < 0 || ends != n || (naxes >= 0 && naxes != n) || (nsteps >= 0 && nsteps != n) ||
	    (uint32_t)n > x->rank) {
		ir_fail(c->g, "starts, ends, axes and steps differ in number");
		return;
	}
	for (uint32_t i = 0; i < x->rank; i++) {
		steps[i] = 1;
		counts[i] = x->dims[i];
	}
	for (int i = 0; i < n; i++) {
		int64_t axis = b_axis(c->g, naxes < 0 ? i : axes[i], x->rank), dim, s, e, by;

		if (axis < 0)
			return;
		dim = x->dims[axis];
		by = nsteps < 0 ? 1 : step[i];
		if (!by || by == INT64_MIN) {
			ir_fail(c->g, "a step of 0");
			return;
		}
		s = start[i] < 0 ? (start[i] < -dim ? -1 : start[i] + dim) : start[i];
		e = end[i] < 0 ? (end[i] < -dim ? -1 : end[i] + dim) : end[i];
		if (by > 0) {
			s = s < 0 ? 0 : s > dim ? dim : s;
			e = e < 0 ? 0 : e > dim ? dim : e;
			counts[axis] = e > s ? (e - s - 1) / by + 1 : 0;
		} else {
			s = s >= dim ? dim - 1 : s;
			/* Before the first: numpy's -1 there counts from the end. */
			s = start[i] < -dim ? (dim ? 0 : -1) : s;
			e = e >= dim ? dim - 1 : e;
			counts[axis] = s > e ? (s - e - 1) / -by + 1 : 0;
		}
		starts[axis] = s;
		steps[axis] = by;
	}
	c->out[0] = b_slice(c->g, x, starts, steps, counts);
}

static void split(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	int64_t axis = b_axis(c->g, onnx_attr_i(c, "axis", 0), x->rank), at = 0, part;
	int64_t starts[IR_RANK_MAX] = { 0 }, steps[IR_RANK_MAX], counts[IR_RANK_MAX];
	int64_t *sizes = ir_alloc(c->g, c->nout * sizeof(*sizes));
	int n = onnx_numbers(c, "split", 13, 1, sizes, (int)c->nout);

	(void)arg;
	if (c->opset >= 18)
		onnx_attr_i(c, "num_outputs", 0);
	if (c->why || c->g->error)
		return;
	if (n >= 0 && (uint32_t)n != c->nout) {
		ir_fail(c->g, "%d sizes for %u results", n, c->nout);
		return;
	}
	part = (x->dims[axis] + c->nout - 1) / c->nout;
	if (n < 0 && c->opset < 18 && part * c->nout != x->dims[axis]) {
		ir_fail(c->g, "%lld elements do not divide by %u", (long long)x->dims[axis], c->nout);
		return;
	}
	memcpy(counts, x->dims, sizeof(counts));
	for (uint32_t i = 0; i < x->rank; i++)
		steps[i] = 1;
	for (uint32_t i = 0; i < c->nout; i++) {
		int64_t left = x->dims[axis] - at;

		counts[axis] = n >= 0 ? sizes[i] : part < left ? part : left;
		if (counts[axis] < 0 || counts[axis] > left) {
			ir_fail(c->g, "the sizes do not add up to %lld", (long long)x->dims[axis]);
			return;
		}
		starts[axis] = at;
		c->out[i] = b_slice(c->g, x, starts, steps, counts);
		at += counts[axis];
	}
	if (at != x->dims[axis])
		ir_fail(c->g, "the sizes do not add up to %lld", (long long)x->dims[axis]);
}

static void concat(struct onnx_cx *c, int arg)
{
	int64_t axis = onnx_attr_i(c, "axis", 1);

	(void)arg;
	for (uint32_t i = 0; i < c->nin; i++) {
		if (!c->in[i]) {
			ir_fail(c->g, "operand %u is absent", i);
			return;
		}
	}
	c->out[0] = b_concat(c->g, c->in, c->nin, axis);
}

static void pad(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *value = onnx_in(c, 2);
	int64_t list[IR_INTS_MAX], pads[IR_INTS_MAX] = { 0 }, axes[IR_RANK_MAX];
	int n = onnx_numbers(c, c->opset < 2 ? "paddings" : "pads", 11, 1, list, IR_INTS_MAX), naxes = -1;
	enum ir_pad mode = IR_PAD_CONSTANT;

	(void)arg;
	if (onnx_attr_is(c, "mode", "constant", "edge"))
		mode = IR_PAD_EDGE;
	else if (onnx_attr_is(c, "mode", "constant", "reflect"))
		mode = IR_PAD_REFLECT;
	else if (!onnx_attr_is(c, "mode", "constant", "constant"))
		onnx_cannot(c, "modes but constant, edge and reflect are not supported");
	if (c->opset < 11)
		value = ir_scalar_f(c->g, x->dtype, (double)onnx_attr_f(c, "value", 0));
	if (c->opset >= 18 && onnx_in(c, 3))
		naxes = onnx_numbers(c, "axes", 18, 3, axes, IR_RANK_MAX);
	if (c->why || c->g->error)
		return;
	if (n < 0 || (naxes < 0 ? 2 * (int)x->rank : 2 * naxes) != n) {
		ir_fail(c->g, "%d numbers to pad %u axes", n < 0 ? 0 : n, x->rank);
		return;
	}
	for (int i = 0; i < n / 2; i++) {
		int64_t axis = naxes < 0 ? i : b_axis(c->g, axes[i], x->rank);

		if (axis < 0)
			return;
		pads[axis] = list[i];
		pads[x->rank + axis] = list[n / 2 + i];
	}
	c->out[0] = b_pad(c->g, x, pads, mode, mode == IR_PAD_CONSTANT ? value : NULL);
}

static void depth_space(struct onnx_cx *c, int to_space)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *y;
	int64_t b = onnx_attr_i(c, "blocksize", 0), n, d, h, w;
	bool crd = to_space && onnx_attr_is(c, "mode", "DCR", "CRD");

	if (to_space && !crd && !onnx_attr_is(c, "mode", "DCR", "DCR"))
		onnx_cannot(c, "modes but DCR and CRD are not supported");
	if (x->rank != 4 || b < 1 || b > 32768) {
		ir_fail(g, "it takes 4 axes and a blocksize above 0");
		return;
	}
	n = x->dims[0], d = x->dims[1], h = x->dims[2], w = x->dims[3];
	if (to_space ? d % (b * b) : h % b || w % b) {
		ir_fail(g, "axes do not divide by the blocksize");
		return;
	}
	if (!to_space) {
		y = b_reshape(g, x, 6, (int64_t[]){ n, d, h / b, b, w / b, b });
		y = b_transpose(g, y, (int64_t[]){ 0, 3, 5, 1, 2, 4 });
		c->out[0] = b_reshape(g, y, 4, (int64_t[]){ n, d * b * b, h / b, w / b });
		return;
	}
	d /= b * b;
	y = crd ? b_reshape(g, x, 6, (int64_t[]){ n, d, b, b, h, w }) :
		  b_reshape(g, x, 6, (int64_t[]){ n, b, b, d, h, w });
	y = crd ? b_transpose(g, y, (int64_t[]){ 0, 1, 4, 2, 5, 3 }) :
		  b_transpose(g, y, (int64_t[]){ 0, 3, 4, 1, 5, 2 });
	c->out[0] = b_reshape(g, y, 4, (int64_t[]){ n, d, h * b, w * b });
}

/* --- Constants --------------------------------------------------------------------------- */

static void constant_tensor(struct onnx_cx *c, const Onnx__TensorProto *t, bool one, uint32_t rank,
			    const int64_t *dims)
{
	enum accel_dtype dtype;
	size_t element;
	struct ir_value *v;
	char *data;

	if (!t) {
		ir_fail(c->g, "it has no value");
		return;
	}
	dtype = onnx_dtype(t->data_type);
	element = accel_dtype_size(dtype);
	if (dtype == ACCEL_NONE) {
		onnx_cannot(c, "values of %s are not supported", onnx_dtype_name(t->data_type));
		return;
	}
	if (onnx_tensor_external(t)) {
		onnx_cannot(c, "an attribute with data in another file is not supported");
		return;
	}
	c->g->error = onnx_tensor_check(t, "its value");
	if (c->g->error)
		return;
	if (!one) {
		v = ir_value(c->g, dtype, (uint32_t)t->n_dims, t->dims);
		data = v ? ir_alloc(c->g, v->size) : NULL;
		if (!data)
			return;
		onnx_tensor_read(t, data);
		c->g->brought += v->size;
		v->data = data;
		v->constant = true;
		c->out[0] = v;
		return;
	}
	if (onnx_tensor_size(t) != element) {
		ir_fail(c->g, "its value is not one element");
		return;
	}
	data = ir_alloc(c->g, element);
	if (!data)
		return;
	onnx_tensor_read(t, data);
	c->out[0] = b_expand(c->g, ir_constant(c->g, dtype, 0, NULL, data), rank, dims);
}

static void constant(struct onnx_cx *c, int arg)
{
	const Onnx__AttributeProto *a;
	struct ir_value *v;
	int64_t n;

	(void)arg;
	a = onnx_attr(c, "value", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
	if (a) {
		constant_tensor(c, a->t, false, 0, NULL);
		return;
	}
	a = onnx_attr(c, "value_float", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
	if (a) {
		c->out[0] = ir_scalar_f(c->g, ACCEL_F32, (double)a->f);
		return;
	}
	a = onnx_attr(c, "value_int", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
	if (a) {
		v = ir_ints(c->g, &a->i, 1);
		c->out[0] = b_reshape(c->g, v, 0, NULL);
		return;
	}
	a = onnx_attr(c, "value_ints", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	if (a) {
		c->out[0] = ir_ints(c->g, a->ints, (uint32_t)a->n_ints);
		return;
	}
	a = onnx_attr(c, "value_floats", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
	if (a) {
		n = (int64_t)a->n_floats;
		c->out[0] = ir_constant(c->g, ACCEL_F32, 1, &n, a->floats);
		return;
	}
	onnx_cannot(c, "values but tensors and numbers are not supported");
}

static void constant_of_shape(struct onnx_cx *c, int arg)
{
	const Onnx__AttributeProto *a = onnx_attr(c, "value",
						  ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
	int64_t dims[IR_RANK_MAX];
	int n = onnx_numbers(c, "input", 1, 0, dims, IR_RANK_MAX);

	(void)arg;
	if (c->why || n < 0)
		return;
	for (int i = 0; i < n; i++) {
		if (dims[i] < 0) {
			ir_fail(c->g, "axis %d is to have %lld elements", i, (long long)dims[i]);
			return;
		}
	}
	if (a)
		constant_tensor(c, a->t, true, (uint32_t)n, dims);
	else
		c->out[0] = b_expand(c->g, ir_scalar_f(c->g, ACCEL_F32, 0), (uint32_t)n, dims);
}

static void range(struct onnx_cx *c, int arg)
{
	enum accel_dtype t = c->in[0]->dtype;
	const void *p[3];
	double start, step, count;
	int64_t n;
	char *data;

	(void)arg;
	for (int i = 0; i < 3; i++) {
		p[i] = ir_known(c->g, c->in[i]);
		if (!p[i]) {
			onnx_cannot(c, "a range that is computed from inputs is not supported");
			return;
		}
		if (c->in[i]->dtype != t || c->in[i]->count != 1 || t == ACCEL_BOOL) {
			ir_fail(c->g, "start, limit and step are not numbers of one type");
			return;
		}
	}
	start = eval_load(t, p[0]);
	step = eval_load(t, p[2]);
	count = ceil((eval_load(t, p[1]) - start) / step);
	if (!(count < 1 << 24)) {
		ir_fail(c->g, "it has no end, or more than 2^24 elements");
		return;
	}
	n = count > 0 ? (int64_t)count : 0;
	data = ir_make(c->g, (uint64_t)n * accel_dtype_size(t));
	for (int64_t i = 0; i < n && data; i++) {
		char *at = data + (size_t)i * accel_dtype_size(t);

		if (ir_is_int(t))
			eval_store_int(t, at, eval_load_int(t, p[0]) +
				       (uint64_t)i * eval_load_int(t, p[2]));
		else
			eval_store(t, at, start + (double)i * step);
	}
	if (data)
		c->out[0] = ir_constant(c->g, t, 1, &n, data);
}

static void eye_like(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *v;
	int64_t k = onnx_attr_i(c, "k", 0), type = onnx_attr_i(c, "dtype", 0);
	enum accel_dtype t = type ? onnx_dtype((int32_t)type) : x->dtype;
	char *data;

	(void)arg;
	if (t == ACCEL_NONE)
		onnx_cannot(c, "its type is not supported");
	if (x->rank != 2)
		ir_fail(c->g, "its operand has %u axes, not 2", x->rank);
	if (c->why || c->g->error)
		return;
	v = ir_value(c->g, t, 2, x->dims);
	data = v ? ir_make(c->g, v->size) : NULL;
	if (!data)
		return;
	for (int64_t i = 0; i < x->dims[0]; i++)
		if (k < INT32_MAX && k > INT32_MIN && i + k >= 0 && i + k < x->dims[1])
			(ir_is_int(t) ? eval_store_int(t, data + (size_t)(i * x->dims[1] + i + k) *
						       accel_dtype_size(t), 1) :
					eval_store(t, data + (size_t)(i * x->dims[1] + i + k) *
						   accel_dtype_size(t), 1));
	v->data = data;
	v->constant = true;
	c->out[0] = v;
}

/* --- Lookups ----------------------------------------------------------------------------- */

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

static void elements(struct onnx_cx *c, int scatter)
{
	struct ir_value *x = c->in[0], *k = c->in[1];
	int64_t axis = b_axis(c->g, onnx_attr_i(c, "axis", 0), x->rank);
	struct ir_value *y;
	struct ir_node *n;

	if (scatter && !onnx_attr_is(c, "reduction", "none", "none"))
		onnx_cannot(c, "reductions are not supported");
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
	n = y ? ir_node(c->g, scatter ? IR_SCATTER_ELEMENTS : IR_GATHER_ELEMENTS, 0, c->in,
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
	struct ir_node *n;
	uint32_t rank = 0;

	if (scatter && !onnx_attr_is(c, "reduction", "none", "none"))
		onnx_cannot(c, "reductions are not supported");
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
	n = y ? ir_node(c->g, scatter ? IR_SCATTER_ND : IR_GATHER_ND, 0, c->in, scatter ? 3 : 2, y) :
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

/* What a condition that is known selects. */
static void compress(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *which = c->in[1];
	const unsigned char *known = ir_known(g, which);
	int64_t axis = onnx_attr_i(c, "axis", INT64_MIN), n = 0, *list;

	(void)arg;
	if (which->dtype != ACCEL_BOOL || which->rank != 1) {
		ir_fail(g, "the condition is not a vector of bool");
		return;
	}
	if (!known) {
		onnx_cannot(c, "a condition that is computed from inputs is not supported");
		return;
	}
	if (axis == INT64_MIN) {
		x = b_reshape(g, x, 1, &x->count);
		axis = 0;
	}
	axis = x ? b_axis(g, axis, x->rank) : -1;
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
		onnx_cannot(c, "a number of elements that is computed from inputs is not supported");
		return;
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

const struct onnx_op onnx_ops_move[] = {
	{ "Cast", 1, 1, cast, 0 },
	{ "CastLike", 2, 2, cast_like, 0 },
	{ "Compress", 2, 2, compress, 0 },
	{ "Concat", 1, IR_INPUTS_MAX, concat, 0 },
	{ "Constant", 0, 0, constant, 0 },
	{ "ConstantOfShape", 1, 1, constant_of_shape, 0 },
	{ "DepthToSpace", 1, 1, depth_space, 1 },
	{ "Expand", 2, 2, expand, 0 },
	{ "EyeLike", 1, 1, eye_like, 0 },
	{ "Flatten", 1, 1, flatten, 0 },
	{ "Gather", 2, 2, gather, 0 },
	{ "GatherElements", 2, 2, elements, 0 },
	{ "GatherND", 2, 2, lookup_nd, 0 },
	{ "Identity", 1, 1, pass, 0 },
	{ "OneHot", 3, 3, one_hot, 0 },
	{ "Pad", 1, 4, pad, 0 },
	{ "Range", 3, 3, range, 0 },
	{ "Reshape", 1, 2, reshape, 0 },
	{ "ReverseSequence", 2, 2, reverse_sequence, 0 },
	{ "Scatter", 3, 3, elements, 1 },
	{ "ScatterElements", 3, 3, elements, 1 },
	{ "ScatterND", 3, 3, lookup_nd, 1 },
	{ "Shape", 1, 1, shape, 0 },
	{ "Size", 1, 1, size, 0 },
	{ "Slice", 1, 5, slice, 0 },
	{ "SpaceToDepth", 1, 1, depth_space, 0 },
	{ "Split", 1, 2, split, 0 },
	{ "Squeeze", 1, 2, squeeze, 0 },
	{ "Tile", 2, 2, tile, 0 },
	{ "TopK", 1, 2, top_k, 0 },
	{ "Transpose", 1, 1, transpose, 0 },
	{ "Trilu", 1, 2, triangle, 0 },
	{ "Unsqueeze", 1, 2, unsqueeze, 0 },
	{ "Where", 3, 3, where, 0 },
	{ 0 },
};
