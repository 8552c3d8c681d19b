// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX that move elements or change their types.
 */
#include <string.h>

#include "build.h"
#include "onnx-tail.h"

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

/* Where what is left depends on elements, it is no more than there was. */
static bool slice_unknown(struct onnx_cx *c)
{
	const struct ir_value *x = c->in[0];
	bool unknown = false;

	for (uint32_t i = 1; i < c->nin && i < 5 && c->opset >= 10; i++)
		unknown |= c->in[i] && c->in[i]->count && !ir_known(c->g, c->in[i]);
	if (unknown && c->bounds)
		c->out[0] = ir_value(c->g, x->dtype, x->rank, x->dims);
	else if (unknown)
		c->late = true;
	return unknown && c->bounds;
}

static void slice(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	int64_t start[IR_RANK_MAX], end[IR_RANK_MAX], axes[IR_RANK_MAX], step[IR_RANK_MAX];
	int64_t starts[IR_RANK_MAX] = { 0 }, steps[IR_RANK_MAX], counts[IR_RANK_MAX];
	int n, ends, naxes, nsteps;
	bool whole = true;

	(void)arg;
	if (slice_unknown(c))
		return;
	n = onnx_numbers(c, "starts", 10, 1, start, IR_RANK_MAX);
	ends = onnx_numbers(c, "ends", 10, 2, end, IR_RANK_MAX);
	naxes = onnx_numbers(c, "axes", 10, 3, axes, IR_RANK_MAX);
	nsteps = c->opset < 10 ? -1 : onnx_numbers(c, "steps", 10, 4, step, IR_RANK_MAX);
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
		if (c->bounds && !onnx_bound_slice(dim, start[i], end[i], by, c->nin > 2 && c->in[2]->late)) {
			counts[axis] = (dim - 1) / (by < 0 ? -by : by) + (dim > 0);
			whole = false;
		}
	}
	c->out[0] = !whole ? ir_value(c->g, x->dtype, x->rank, counts) :
			     b_slice(c->g, x, starts, steps, counts);
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

/* Cut or padded to a shape, on both sides: of an odd number the one more at the end. */
static void center_crop_pad(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	int64_t shape[IR_RANK_MAX], axes[IR_RANK_MAX], pads[IR_INTS_MAX] = { 0 };
	int naxes = onnx_attr_ints(c, "axes", axes, IR_RANK_MAX);
	int n = onnx_numbers(c, "shape", 1, 1, shape, IR_RANK_MAX);

	(void)arg;
	if (c->why || c->g->error)
		return;
	if (n != (naxes < 0 ? (int)x->rank : naxes)) {
		ir_fail(c->g, "%d sizes for %d axes", n, naxes < 0 ? (int)x->rank : naxes);
		return;
	}
	for (int i = 0; i < n; i++) {
		int64_t axis = naxes < 0 ? i : b_axis(c->g, axes[i], x->rank), more;

		if (axis < 0)
			return;
		if (shape[i] < 0 || shape[i] > INT32_MAX) {
			ir_fail(c->g, "axis %lld is to have %lld elements", (long long)axis,
				(long long)shape[i]);
			return;
		}
		more = shape[i] - x->dims[axis];
		pads[axis] = more < 0 ? -(-more / 2) : more / 2;
		pads[x->rank + axis] = more - pads[axis];
	}
	c->out[0] = b_pad(c->g, x, pads, IR_PAD_CONSTANT, NULL);
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

const struct onnx_op onnx_ops_move[] = {
	{ "Cast", 1, 1, cast, 0 },
	{ "CastLike", 2, 2, cast_like, 0 },
	{ "CenterCropPad", 2, 2, center_crop_pad, 0 },
	{ "Concat", 1, IR_INPUTS_MAX, concat, 0 },
	{ "DepthToSpace", 1, 1, depth_space, 1 },
	{ "Expand", 2, 2, expand, 0 },
	{ "Identity", 1, 1, pass, 0 },
	{ "Pad", 1, 4, pad, 0 },
	{ "Slice", 1, 5, slice, 0 },
	{ "SpaceToDepth", 1, 1, depth_space, 0 },
	{ "Split", 1, 2, split, 0 },
	{ "Tile", 2, 2, tile, 0 },
	{ "Transpose", 1, 1, transpose, 0 },
	{ 0 },
};
