// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX that measure how far off a model is: losses, as inference computes them.
 */
#include <string.h>

#include "build.h"
#include "onnx.h"

enum { MEAN, SUM, NONE };

static int reduction(struct onnx_cx *c)
{
	if (onnx_attr_is(c, "reduction", "mean", "mean"))
		return MEAN;
	if (onnx_attr_is(c, "reduction", "mean", "sum"))
		return SUM;
	if (onnx_attr_is(c, "reduction", "mean", "none"))
		return NONE;
	ir_fail(c->g, "its reduction is none of mean, sum and none");
	return NONE;
}

/* x is [N, C, ...], classes [N, ...], weights [C] or NULL. */
static bool fits(struct onnx_cx *c, const struct ir_value *x, const struct ir_value *classes,
		 const struct ir_value *weights)
{
	bool same = x->rank >= 2 && classes->rank == x->rank - 1 && x->dims[0] == classes->dims[0];

	for (uint32_t i = 1; same && i < classes->rank; i++)
		same = classes->dims[i] == x->dims[i + 1];
	if (!same)
		ir_fail(c->g, "operands of %u and %u axes do not fit: [N, C, ...] and [N, ...] do", x->rank,
			classes->rank);
	else if (!ir_is_real(x->dtype))
		ir_fail(c->g, "its operand is %s", accel_dtype_name(x->dtype));
	else if (classes->dtype != ACCEL_I32 && classes->dtype != ACCEL_I64)
		ir_fail(c->g, "classes of %s: i32 and i64 are supported",
			accel_dtype_name(classes->dtype));
	else if (weights && (weights->rank != 1 || weights->dims[0] != x->dims[1] ||
			     weights->dtype != x->dtype))
		ir_fail(c->g, "the weights are not one number per class, of the operand's type");
	return !c->g->error;
}

/* What an element costs is looked up and weighted; elements of the ignored class cost nothing,
 * whatever their other operands are.
 */
static struct ir_value *likelihood(struct onnx_cx *c, struct ir_value *x, struct ir_value *classes,
				   struct ir_value *weights)
{
	const Onnx__AttributeProto *a = onnx_attr(c, "ignore_index",
						  ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
	struct ir_graph *g = c->g;
	struct ir_value *ignored = NULL, *at = classes, *cost, *zero, *weight = weights;
	int64_t dims[IR_RANK_MAX];
	uint32_t all;
	int how = reduction(c);

	if (!x || !fits(c, x, classes, weights))
		return NULL;
	zero = ir_scalar_f(g, x->dtype, 0);
	all = (1u << classes->rank) - 1;
	if (a) {
		ignored = b_reshape(g, ir_ints(g, &a->i, 1), 0, NULL);
		ignored = b_binary(g, IR_EQ, classes, b_cast(g, ignored, classes->dtype));
		at = b_where(g, ignored, ir_scalar_f(g, classes->dtype, 0), classes);
	}
	memcpy(dims, x->dims, sizeof(dims));
	dims[1] = 1;
	cost = b_gather_elements(g, x, b_reshape(g, at, x->rank, dims), 1);
	cost = b_unary(g, IR_NEG, b_reshape(g, cost, classes->rank, classes->dims));
	if (weight)
		weight = b_gather(g, weight, at, 0);
	else if (ignored)
		weight = ir_scalar_f(g, x->dtype, 1);
	if (ignored) {
		weight = b_where(g, ignored, zero, weight);
		cost = b_where(g, ignored, zero, cost);
	}
	if (weight)
		cost = b_binary(g, IR_MUL, cost, weight);
	if (how == NONE)
		return cost;
	if (how == MEAN && !weight)
		return b_reduce(g, ACCEL_REDUCE_MEAN, cost, all, false);
	cost = b_reduce(g, ACCEL_REDUCE_SUM, cost, all, false);
	if (how == MEAN)
		cost = b_binary(g, IR_DIV, cost, b_reduce(g, ACCEL_REDUCE_SUM, weight, all, false));
	return cost;
}

static void negative_log(struct onnx_cx *c, int arg)
{
	(void)arg;
	c->out[0] = likelihood(c, c->in[0], c->in[1], onnx_in(c, 2));
}

static void cross_entropy(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *log;

	(void)arg;
	if (!fits(c, x, c->in[1], onnx_in(c, 2)))
		return;
	log = b_softmax(c->g, x, 2, true);
	c->out[0] = likelihood(c, log, c->in[1], onnx_in(c, 2));
	if (c->nout > 1)
		c->out[1] = log;
}

const struct onnx_op onnx_ops_loss[] = {
	{ "NegativeLogLikelihoodLoss", 2, 3, negative_log, 0 },
	{ "SoftmaxCrossEntropyLoss", 2, 3, cross_entropy, 0 },
	{ 0 },
};
