// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX that are layers: normalisation, pooling over everything.
 */
#include <string.h>

#include "build.h"
#include "onnx.h"

static bool floats(struct onnx_cx *c, const struct ir_value *x)
{
	if (ir_is_float(x->dtype) || x->dtype == ACCEL_F64)
		return true;
	ir_fail(c->g, "its operand is %s", accel_dtype_name(x->dtype));
	return false;
}

/* A vector of channels against [N, C, ...]. */
static struct ir_value *channels(struct onnx_cx *c, struct ir_value *v, const struct ir_value *x)
{
	int64_t dims[IR_RANK_MAX];

	if (!v)
		return NULL;
	if (v->rank != 1 || v->dims[0] != x->dims[1]) {
		ir_fail(c->g, "a parameter is not one number per channel");
		return NULL;
	}
	for (uint32_t i = 0; i < x->rank; i++)
		dims[i] = 1;
	dims[0] = v->dims[0];
	return b_reshape(c->g, v, x->rank - 1, dims);
}

static struct ir_value *number(struct onnx_cx *c, const struct ir_value *like, double x)
{
	return ir_scalar_f(c->g, like->dtype, x);
}

/* scale / sqrt(variance + epsilon): of constants this is one constant. */
static struct ir_value *factor(struct onnx_cx *c, struct ir_value *variance, struct ir_value *scale,
			       double epsilon)
{
	struct ir_graph *g = c->g;
	struct ir_value *y;

	if (!variance)
		return NULL;
	y = b_binary(g, IR_ADD, variance, number(c, variance, epsilon));
	y = b_unary(g, IR_SQRT, y);
	return scale ? b_binary(g, IR_DIV, scale, y) : b_unary(g, IR_RECIPROCAL, y);
}

/* Squares of 16 bits overflow above 256: they are taken in 32. */
static struct ir_value *wide(struct ir_graph *g, struct ir_value *x)
{
	return accel_dtype_size(x->dtype) == 2 ? b_cast(g, x, ACCEL_F32) : x;
}

/* In what a layer's statistics are; ACCEL_NONE after an error. */
static enum accel_dtype stash(struct onnx_cx *c)
{
	int64_t type = onnx_attr_i(c, "stash_type", 1);
	enum accel_dtype t = type > 0 && type < 100 ? onnx_dtype((int32_t)type) : ACCEL_NONE;

	if (ir_is_float(t) || t == ACCEL_F64)
		return t;
	ir_fail(c->g, "'stash_type' is %lld, which is no type of floating point", (long long)type);
	return ACCEL_NONE;
}

static void batch_norm(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *p[4], *y;
	enum accel_dtype t = x->dtype;
	double epsilon = (double)onnx_attr_f(c, "epsilon", 1e-5f);
	double momentum = (double)onnx_attr_f(c, "momentum", 0.9f);
	bool training = c->opset >= 14 && onnx_attr_i(c, "training_mode", 0);

	(void)arg;
	onnx_attr(c, "consumed_inputs", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	if (c->opset < 7 && !onnx_attr_i(c, "is_test", 0))
		onnx_cannot(c, "training is not supported");
	if (c->opset < 9 && !onnx_attr_i(c, "spatial", 1))
		onnx_cannot(c, "statistics that are not per channel are not supported");
	if (!floats(c, x) || c->why)
		return;
	if (x->rank < 2) {
		ir_fail(g, "its operand has %u axes, 2 are the least", x->rank);
		return;
	}
	/* Parameters may be of a larger type, and have numbers that the operand's has not. */
	for (int i = 0; i < 4; i++)
		if (c->in[1 + i]->dtype != t)
			t = accel_dtype_size(c->in[1 + i]->dtype) > accel_dtype_size(t) ?
			    c->in[1 + i]->dtype : accel_dtype_size(t) == 2 ? ACCEL_F32 : t;
	x = b_cast(g, x, t);
	for (int i = 0; i < 4; i++) {
		p[i] = b_cast(g, channels(c, c->in[1 + i], c->in[0]), t);
		if (!p[i] || !x)
			return;
	}
	for (int i = 2; i < 4 && training; i++) {
		struct ir_value *old = c->in[1 + i], *now;

		/* The statistics are those of the batch, and change those that are kept. */
		y = i == 2 ? x : b_unary(g, IR_SQUARE, b_binary(g, IR_SUB, x, p[2]));
		p[i] = b_reduce(g, ACCEL_REDUCE_MEAN, y, ((1u << x->rank) - 1) & ~2u, true);
		now = b_cast(g, b_reshape(g, p[i], 1, old->dims), old->dtype);
		y = b_binary(g, IR_MUL, old, number(c, old, momentum));
		y = b_binary(g, IR_ADD, y, b_binary(g, IR_MUL, now, number(c, old, 1 - momentum)));
		if (c->nout > (uint32_t)i - 1)
			c->out[i - 1] = y;
	}
	y = b_binary(g, IR_SUB, x, p[2]);
	y = b_binary(g, IR_MUL, y, factor(c, p[3], p[0], epsilon));
	y = b_binary(g, IR_ADD, y, p[1]);
	c->out[0] = y ? b_cast(g, y, c->in[0]->dtype) : NULL;
}

static void instance_norm(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *y, *variance, *scale, *bias;
	double epsilon = (double)onnx_attr_f(c, "epsilon", 1e-5f);
	uint32_t axes;

	(void)arg;
	onnx_attr(c, "consumed_inputs", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	if (!floats(c, x))
		return;
	if (x->rank < 3) {
		ir_fail(g, "its operand has %u axes, 3 are the least", x->rank);
		return;
	}
	axes = ((1u << x->rank) - 1) & ~3u;
	scale = channels(c, c->in[1], x);
	bias = channels(c, c->in[2], x);
	x = wide(g, x);
	if (!scale || !bias || !x)
		return;
	y = b_binary(g, IR_SUB, x, b_reduce(g, ACCEL_REDUCE_MEAN, x, axes, true));
	variance = b_reduce(g, ACCEL_REDUCE_MEAN, b_unary(g, IR_SQUARE, y), axes, true);
	y = b_binary(g, IR_MUL, y, factor(c, variance, b_cast(g, scale, x->dtype), epsilon));
	y = b_binary(g, IR_ADD, y, b_cast(g, bias, x->dtype));
	c->out[0] = y ? b_cast(g, y, c->in[0]->dtype) : NULL;
}

static void layer_norm(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *y, *mean, *inverse;
	double epsilon = (double)onnx_attr_f(c, "epsilon", 1e-5f);
	int64_t axis = b_axis(g, onnx_attr_i(c, "axis", -1), x->rank);
	enum accel_dtype kept = stash(c);
	uint32_t axes;

	(void)arg;
	if (axis < 0 || !kept || !floats(c, x))
		return;
	axes = ((1u << x->rank) - 1) & ~((1u << axis) - 1);
	x = wide(g, x);
	mean = x ? b_reduce(g, ACCEL_REDUCE_MEAN, x, axes, true) : NULL;
	y = x ? b_binary(g, IR_SUB, x, mean) : NULL;
	inverse = b_reduce(g, ACCEL_REDUCE_MEAN, b_unary(g, IR_SQUARE, y), axes, true);
	inverse = factor(c, inverse, NULL, epsilon);
	y = b_binary(g, IR_MUL, y, inverse);
	if (!y)
		return;
	y = b_binary(g, IR_MUL, b_cast(g, y, c->in[0]->dtype), c->in[1]);
	if (onnx_in(c, 2))
		y = b_binary(g, IR_ADD, y, c->in[2]);
	if (y && y->rank != x->rank)
		ir_fail(g, "a parameter does not broadcast to the operand");
	c->out[0] = y;
	if (c->nout > 1)
		c->out[1] = b_cast(g, mean, kept);
	if (c->nout > 2)
		c->out[2] = b_cast(g, inverse, kept);
}

/* x / (bias + alpha / size * sum over size channels around of x * x) ^ beta. */
static void local_response(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *y = NULL, *sum;
	float alpha = onnx_attr_f(c, "alpha", 1e-4f), beta = onnx_attr_f(c, "beta", 0.75f);
	float bias = onnx_attr_f(c, "bias", 1);
	int64_t size = onnx_attr_i(c, "size", 0), pads[IR_INTS_MAX] = { 0 };
	int64_t starts[IR_RANK_MAX] = { 0 }, steps[IR_RANK_MAX], counts[IR_RANK_MAX];

	(void)arg;
	if (!floats(c, x))
		return;
	if (x->rank < 2 || size < 1 || size > 1024) {
		ir_fail(g, "%lld channels around, of an operand of %u axes", (long long)size, x->rank);
		return;
	}
	pads[1] = (size - 1) / 2;
	pads[x->rank + 1] = size - 1 - pads[1];
	sum = b_pad(g, b_unary(g, IR_SQUARE, x), pads, IR_PAD_CONSTANT, NULL);
	for (uint32_t i = 0; i < x->rank; i++) {
		steps[i] = 1;
		counts[i] = x->dims[i];
	}
	for (int64_t i = 0; i < size && sum; i++) {
		struct ir_value *part;

		starts[1] = i;
		part = b_slice(g, sum, starts, steps, counts);
		y = i ? b_binary(g, IR_ADD, y, part) : part;
	}
	y = y ? b_binary(g, IR_MUL, y, number(c, x, (double)alpha / (double)size)) : NULL;
	y = y ? b_binary(g, IR_ADD, y, number(c, x, (double)bias)) : NULL;
	if (!y)
		return;
	/* Roots are the card's, other powers the processor's. */
	if (beta == 0.5f)
		y = b_unary(g, IR_SQRT, y);
	else if (beta == 0.75f)
		y = b_binary(g, IR_MUL, b_unary(g, IR_SQRT, y),
			     b_unary(g, IR_SQRT, b_unary(g, IR_SQRT, y)));
	else
		y = b_binary(g, IR_POW, y, number(c, x, (double)beta));
	c->out[0] = b_binary(g, IR_DIV, x, y);
}

/* Groups of channels, each with a mean and a variance of its own. */
static void group_norm(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *y, *variance;
	double epsilon = (double)onnx_attr_f(c, "epsilon", 1e-5f);
	int64_t groups = onnx_attr_i(c, "num_groups", 0), parts, dims[3];

	(void)arg;
	if (!stash(c) || !floats(c, x))
		return;
	if (x->rank < 3 || groups < 1 || x->dims[1] % groups) {
		ir_fail(g, "%lld groups of an operand of %u axes", (long long)groups, x->rank);
		return;
	}
	if (c->opset < 21) {
		onnx_cannot(c, "versions before 21 are not supported");
		return;
	}
	dims[0] = x->dims[0];
	dims[1] = groups;
	parts = dims[0] * groups;
	dims[2] = x->count / (parts > 0 ? parts : 1);
	y = wide(g, x);
	y = y ? b_reshape(g, y, 3, dims) : NULL;
	if (!y)
		return;
	y = b_binary(g, IR_SUB, y, b_reduce(g, ACCEL_REDUCE_MEAN, y, 4, true));
	variance = b_reduce(g, ACCEL_REDUCE_MEAN, b_unary(g, IR_SQUARE, y), 4, true);
	y = b_binary(g, IR_MUL, y, factor(c, variance, NULL, epsilon));
	y = y ? b_cast(g, b_reshape(g, y, x->rank, x->dims), x->dtype) : NULL;
	y = b_binary(g, IR_MUL, y, channels(c, c->in[1], x));
	c->out[0] = b_binary(g, IR_ADD, y, channels(c, c->in[2], x));
}

static void rms_norm(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *y;
	double epsilon = (double)onnx_attr_f(c, "epsilon", 1e-5f);
	int64_t axis = b_axis(g, onnx_attr_i(c, "axis", -1), x->rank);

	(void)arg;
	if (axis < 0 || !stash(c) || !floats(c, x))
		return;
	x = wide(g, x);
	if (!x)
		return;
	y = b_reduce(g, ACCEL_REDUCE_MEAN, b_unary(g, IR_SQUARE, x),
		     ((1u << x->rank) - 1) & ~((1u << axis) - 1), true);
	y = b_binary(g, IR_MUL, x, factor(c, y, NULL, epsilon));
	y = y ? b_binary(g, IR_MUL, b_cast(g, y, c->in[0]->dtype), c->in[1]) : NULL;
	if (y && y->rank != x->rank)
		ir_fail(g, "the scale does not broadcast to the operand");
	c->out[0] = y;
}

static void mean_variance(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *y, *deviation;
	int64_t list[IR_RANK_MAX] = { 0, 2, 3 };
	int n = onnx_attr_ints(c, "axes", list, IR_RANK_MAX);
	uint32_t axes = 0;

	(void)arg;
	for (int i = 0; i < (n < 0 ? 3 : n); i++) {
		int64_t axis = b_axis(g, list[i], x->rank);

		if (axis < 0)
			return;
		axes |= 1u << axis;
	}
	if (!floats(c, x))
		return;
	x = wide(g, x);
	if (!x)
		return;
	y = b_binary(g, IR_SUB, x, b_reduce(g, ACCEL_REDUCE_MEAN, x, axes, true));
	deviation = b_reduce(g, ACCEL_REDUCE_MEAN, b_unary(g, IR_SQUARE, y), axes, true);
	deviation = b_binary(g, IR_ADD, b_unary(g, IR_SQRT, deviation), number(c, x, 1e-9));
	y = b_binary(g, IR_DIV, y, deviation);
	c->out[0] = y ? b_cast(g, y, c->in[0]->dtype) : NULL;
}

static void lp_norm(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *sum;
	int64_t axis = b_axis(g, onnx_attr_i(c, "axis", -1), x->rank), p = onnx_attr_i(c, "p", 2);

	(void)arg;
	if (axis < 0 || !floats(c, x))
		return;
	if (p != 1 && p != 2) {
		ir_fail(g, "norm %lld is neither 1 nor 2", (long long)p);
		return;
	}
	x = wide(g, x);
	if (!x)
		return;
	sum = b_reduce(g, p == 1 ? ACCEL_REDUCE_SUMABS : ACCEL_REDUCE_SUMSQ, x, 1u << axis, true);
	if (p == 2)
		sum = b_unary(g, IR_SQRT, sum);
	x = b_binary(g, IR_DIV, x, sum);
	c->out[0] = x ? b_cast(g, x, c->in[0]->dtype) : NULL;
}

static void global_pool(struct onnx_cx *c, int max)
{
	struct ir_value *x = c->in[0];

	if (!floats(c, x))
		return;
	if (x->rank < 3) {
		ir_fail(c->g, "its operand has %u axes, 3 are the least", x->rank);
		return;
	}
	c->out[0] = b_reduce(c->g, max ? ACCEL_REDUCE_MAX : ACCEL_REDUCE_MEAN, x,
			     ((1u << x->rank) - 1) & ~3u, true);
}

/* Of inference: nothing is dropped. */
static void dropout(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *mode = onnx_in(c, 2);
	unsigned char *yes;

	(void)arg;
	onnx_attr_i(c, "seed", 0);
	if (c->opset < 12)
		onnx_attr_f(c, "ratio", 0.5f);
	if (c->opset < 7 && !onnx_attr_i(c, "is_test", 0))
		onnx_cannot(c, "training is not supported");
	onnx_attr(c, "consumed_inputs", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	if (mode) {
		const unsigned char *training = ir_known(c->g, mode);
		const void *ratio = onnx_in(c, 1) ? ir_known(c->g, c->in[1]) : NULL;

		if (mode->count != 1 || !training || mode->dtype != ACCEL_BOOL)
			onnx_cannot(c, "a mode that is computed from inputs is not supported");
		else if (*training && !(ratio && c->in[1]->dtype == ACCEL_F32 &&
					c->in[1]->count == 1 && *(const float *)ratio == 0))
			onnx_cannot(c, "training is not supported");
	}
	c->out[0] = x;
	if (c->nout < 2)
		return;
	yes = ir_alloc(c->g, 1);
	if (!yes)
		return;
	*yes = 1;
	c->out[1] = b_expand(c->g, ir_constant(c->g, ACCEL_BOOL, 0, NULL, yes), x->rank, x->dims);
	/* Before version 10 the mask had the operand's type. */
	if (c->opset < 10)
		c->out[1] = b_cast(c->g, c->out[1], x->dtype);
}

const struct onnx_op onnx_ops_net[] = {
	{ "BatchNormalization", 5, 5, batch_norm, 0 },
	{ "Dropout", 1, 3, dropout, 0 },
	{ "GlobalAveragePool", 1, 1, global_pool, 0 },
	{ "GlobalMaxPool", 1, 1, global_pool, 1 },
	{ "GroupNormalization", 3, 3, group_norm, 0 },
	{ "InstanceNormalization", 3, 3, instance_norm, 0 },
	{ "LRN", 1, 1, local_response, 0 },
	{ "LayerNormalization", 2, 3, layer_norm, 0 },
	{ "LpNormalization", 1, 1, lp_norm, 0 },
	{ "MeanVarianceNormalization", 1, 1, mean_variance, 0 },
	{ "RMSNormalization", 2, 2, rms_norm, 0 },
	{ 0 },
};
