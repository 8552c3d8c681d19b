// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX that speak of shapes.
 */
#include <string.h>

#include "build.h"
#include "onnx.h"

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

const struct onnx_op onnx_ops_shape[] = {
	{ "Flatten", 1, 1, flatten, 0 },
	{ "Reshape", 1, 2, reshape, 0 },
	{ "Shape", 1, 1, shape, 0 },
	{ "Size", 1, 1, size, 0 },
	{ "Squeeze", 1, 2, squeeze, 0 },
	{ "Unsqueeze", 1, 2, unsqueeze, 0 },
	{ 0 },
};
