// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX that compute: element by element, along axes, matrix products.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "build.h"
#include "eval.h"
#include "onnx.h"

static bool real(const struct ir_value *v)
{
	return ir_is_float(v->dtype) || v->dtype == ACCEL_F64;
}

static struct ir_value *number(struct onnx_cx *c, const struct ir_value *like, double x)
{
	return ir_scalar_f(c->g, like->dtype, x);
}

/* Before version 7 operands broadcast only if told so, and from a given axis on. */
static struct ir_value *legacy(struct onnx_cx *c, struct ir_value *a, struct ir_value *b)
{
	int64_t dims[IR_RANK_MAX], axis;
	uint32_t rank;

	if (c->opset >= 7)
		return b;
	onnx_attr_i(c, "broadcast", 0);
	onnx_attr(c, "consumed_inputs", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	axis = onnx_attr_i(c, "axis", a->rank - (int64_t)b->rank);
	if (axis < 0)
		axis += a->rank;
	if (axis < 0 || axis + b->rank > a->rank || (b->rank == 0 && axis == a->rank))
		return b;
	rank = a->rank - (uint32_t)axis;
	for (uint32_t i = 0; i < rank; i++)
		dims[i] = i < b->rank ? b->dims[i] : 1;
	return rank == b->rank ? b : b_reshape(c->g, b, rank, dims);
}

static void binary(struct onnx_cx *c, int fn)
{
	struct ir_value *a = c->in[0], *b = legacy(c, c->in[0], c->in[1]);

	if (!b)
		return;
	if (fn >= IR_AND && fn <= IR_XOR && a->dtype != ACCEL_BOOL)
		ir_fail(c->g, "operands are %s, not bool", accel_dtype_name(a->dtype));
	c->out[0] = b_binary(c->g, (enum ir_binary)fn, a, b);
}

static void bitwise(struct onnx_cx *c, int fn)
{
	struct ir_value *a = c->in[0];
	void *ones = fn == IR_NOT && ir_is_int(a->dtype) ? ir_alloc(c->g, 8) : NULL;

	if (!ir_is_int(a->dtype)) {
		ir_fail(c->g, "its operand is %s", accel_dtype_name(a->dtype));
		return;
	}
	if (fn != IR_NOT) {
		c->out[0] = b_binary(c->g, (enum ir_binary)fn, a, c->in[1]);
		return;
	}
	if (!ones)
		return;
	memset(ones, 0xff, 8);
	c->out[0] = b_binary(c->g, IR_XOR, a, ir_constant(c->g, a->dtype, 0, NULL, ones));
}

static void modulo(struct onnx_cx *c, int arg)
{
	bool fmod = onnx_attr_i(c, "fmod", 0);

	(void)arg;
	if (!fmod && real(c->in[0]))
		ir_fail(c->g, "of floats it needs fmod=1");
	c->out[0] = b_binary(c->g, fmod ? IR_FMOD : IR_MOD, c->in[0], c->in[1]);
}

static void shift(struct onnx_cx *c, int arg)
{
	bool right = onnx_attr_is(c, "direction", "", "RIGHT");

	(void)arg;
	if (!right && !onnx_attr_is(c, "direction", "", "LEFT"))
		ir_fail(c->g, "its direction is neither LEFT nor RIGHT");
	if (ir_is_signed(c->in[0]->dtype) || !ir_is_int(c->in[0]->dtype))
		ir_fail(c->g, "it shifts unsigned integers");
	c->out[0] = b_binary(c->g, right ? IR_SHR : IR_SHL, c->in[0], c->in[1]);
}

static void power(struct onnx_cx *c, int arg)
{
	struct ir_value *b = legacy(c, c->in[0], c->in[1]);
	const void *e = b ? ir_known(c->g, b) : NULL;

	(void)arg;
	if (!b)
		return;
	if (e && b->count == 1 && b->rank <= c->in[0]->rank &&
	    (real(b) ? eval_load(b->dtype, e) == 2 :
		       eval_load_int(b->dtype, e) == 2)) {
		c->out[0] = b_unary(c->g, IR_SQUARE, c->in[0]);
		return;
	}
	c->out[0] = b_binary(c->g, IR_POW, c->in[0], b);
}

/* Sum, Mean, Max, Min of any number. */
static void many(struct onnx_cx *c, int fn)
{
	struct ir_value *y = c->in[0];

	onnx_attr(c, "consumed_inputs", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	for (uint32_t i = 1; i < c->nin && y; i++) {
		if (!c->in[i]) {
			ir_fail(c->g, "operand %u is absent", i);
			return;
		}
		y = b_binary(c->g, fn == IR_DIV ? IR_ADD : (enum ir_binary)fn, y, c->in[i]);
	}
	if (fn == IR_DIV && y)
		y = b_binary(c->g, IR_DIV, y, number(c, y, c->nin));
	/* One alone is passed on. */
	c->out[0] = y;
}

static void unary(struct onnx_cx *c, int fn)
{
	onnx_attr(c, "consumed_inputs", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	if (fn != IR_NEG && fn != IR_ABS && fn != IR_SIGN && fn != IR_NOT && !real(c->in[0]))
		ir_fail(c->g, "its operand is %s", accel_dtype_name(c->in[0]->dtype));
	c->out[0] = b_unary(c->g, fn, c->in[0]);
}

static void is_inf(struct onnx_cx *c, int arg)
{
	struct ir_value *y = b_unary(c->g, IR_ISINF, c->in[0]);

	(void)arg;
	if (!real(c->in[0]))
		ir_fail(c->g, "its operand is %s", accel_dtype_name(c->in[0]->dtype));
	if (!y)
		return;
	y->from->ints[0] = onnx_attr_i(c, "detect_negative", 1) != 0;
	y->from->ints[1] = onnx_attr_i(c, "detect_positive", 1) != 0;
	c->out[0] = y;
}

static void activation(struct onnx_cx *c, int act)
{
	struct ir_value *x = c->in[0];
	float a = 0, b = 0;

	onnx_attr(c, "consumed_inputs", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	switch (act) {
	case ACCEL_ACT_LEAKY:
		a = onnx_attr_f(c, "alpha", 0.01f);
		break;
	case ACCEL_ACT_ELU:
		a = onnx_attr_f(c, "alpha", 1);
		break;
	case ACCEL_ACT_SELU:
		a = onnx_attr_f(c, "alpha", 1.67326319217681884765625f);
		b = onnx_attr_f(c, "gamma", 1.05070102214813232421875f);
		break;
	case ACCEL_ACT_HARD_SIGMOID:
		a = onnx_attr_f(c, "alpha", 0.2f);
		b = onnx_attr_f(c, "beta", 0.5f);
		break;
	case ACCEL_ACT_GELU:
		if (onnx_attr_is(c, "approximate", "none", "tanh"))
			act = ACCEL_ACT_GELU_TANH;
		else if (!onnx_attr_is(c, "approximate", "none", "none"))
			onnx_cannot(c, "an approximation that is not 'tanh' is not supported");
		break;
	}
	if (!isfinite(a) || !isfinite(b))
		onnx_cannot(c, "a parameter that is not finite is not supported");
	if (!real(x) && act != ACCEL_ACT_RELU)
		ir_fail(c->g, "its operand is %s", accel_dtype_name(x->dtype));
	c->out[0] = b_act(c->g, (enum accel_act)act, x, a, b);
}

static void clip(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *bound[2] = { onnx_in(c, 1), onnx_in(c, 2) };
	float limit[2] = { -INFINITY, INFINITY };
	bool known = ir_is_float(x->dtype);

	(void)arg;
	if (c->opset < 11) {
		limit[0] = onnx_attr_f(c, "min", -FLT_MAX);
		limit[1] = onnx_attr_f(c, "max", FLT_MAX);
		for (int i = 0; i < 2; i++)
			bound[i] = number(c, x, (double)limit[i]);
	}
	for (int i = 0; i < 2; i++) {
		const void *data = bound[i] ? ir_known(c->g, bound[i]) : NULL;

		if (!bound[i])
			continue;
		if (bound[i]->dtype != x->dtype || bound[i]->count != 1) {
			ir_fail(c->g, "a bound is not one element of the operand's type");
			return;
		}
		if (data && known)
			limit[i] = (float)eval_load(x->dtype, data);
		known &= data != NULL;
	}
	if (known && limit[0] <= limit[1]) {
		c->out[0] = b_act(c->g, ACCEL_ACT_CLIP, x, limit[0], limit[1]);
		return;
	}
	for (int i = 0; i < 2; i++)
		if (bound[i])
			x = b_binary(c->g, i ? IR_MIN : IR_MAX, x,
				     b_reshape(c->g, bound[i], 0, NULL));
	c->out[0] = x;
}

/* Functions made of others. */
enum { CELU, MISH, PRELU, SHRINK, SOFTSIGN, THRESHOLDED };

/* Whether @v is known, and has neither infinities nor NaN. */
static bool finite_constant(const struct ir_value *v)
{
	for (int64_t i = 0; v->data && i < v->count; i++)
		if (!isfinite(eval_load(v->dtype, (const char *)v->data + (size_t)i * accel_dtype_size(v->dtype))))
			return false;
	return v->data;
}

static void composed(struct onnx_cx *c, int which)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *y = NULL, *t, *zero = number(c, x, 0);
	double alpha, bias;

	if (!real(x) && which != PRELU && which != SHRINK)
		ir_fail(g, "its operand is %s", accel_dtype_name(x->dtype));
	switch (which) {
	case CELU:
		alpha = (double)onnx_attr_f(c, "alpha", 1);
		if (!(alpha > 0)) {
			onnx_cannot(c, "with an alpha of %g it is not supported", alpha);
			return;
		}
		y = b_binary(g, IR_DIV, x, number(c, x, alpha));
		y = b_act(g, ACCEL_ACT_ELU, y, 1, 0);
		y = y ? b_binary(g, IR_MUL, y, number(c, x, alpha)) : NULL;
		break;
	case MISH:
		y = b_act(g, ACCEL_ACT_SOFTPLUS, x, 0, 0);
		y = b_act(g, ACCEL_ACT_TANH, y, 0, 0);
		y = b_binary(g, IR_MUL, x, y);
		break;
	case PRELU:
		t = legacy(c, x, c->in[1]);
		if (t && c->opset < 7 && t->rank == 1 && x->rank > 1 && t->dims[0] == x->dims[1]) {
			int64_t dims[IR_RANK_MAX] = { t->dims[0], 1, 1, 1, 1, 1, 1, 1 };

			t = b_reshape(g, t, x->rank - 1, dims);
		}
		/* 0 times a slope that is not finite would be no number. */
		if (t && !finite_constant(t)) {
			y = b_where(g, b_binary(g, IR_LT, x, zero), b_binary(g, IR_MUL, x, t), x);
		} else {
			t = b_binary(g, IR_MUL, b_binary(g, IR_MIN, x, zero), t);
			y = b_binary(g, IR_ADD, b_binary(g, IR_MAX, x, zero), t);
		}
		if (y && (y->rank != x->rank || memcmp(y->dims, x->dims, x->rank * sizeof(*x->dims))))
			ir_fail(g, "the slope does not broadcast to the operand");
		break;
	case SHRINK:
		alpha = (double)onnx_attr_f(c, "lambd", 0.5f);
		bias = (double)onnx_attr_f(c, "bias", 0);
		if (!real(x)) {
			onnx_cannot(c, "of %s it is not supported", accel_dtype_name(x->dtype));
			return;
		}
		t = b_where(g, b_binary(g, IR_GT, x, number(c, x, alpha)),
			    b_binary(g, IR_SUB, x, number(c, x, bias)), zero);
		y = b_where(g, b_binary(g, IR_LT, x, number(c, x, -alpha)),
			    b_binary(g, IR_ADD, x, number(c, x, bias)), t);
		break;
	case SOFTSIGN:
		y = b_binary(g, IR_ADD, b_unary(g, IR_ABS, x), number(c, x, 1));
		y = b_binary(g, IR_DIV, x, y);
		break;
	default:
		alpha = (double)onnx_attr_f(c, "alpha", 1);
		y = b_where(g, b_binary(g, IR_GT, x, number(c, x, alpha)), x, zero);
	}
	c->out[0] = y;
}

/* --- Along axes -------------------------------------------------------------------------- */

static bool axes_of(struct onnx_cx *c, const int64_t *list, int n, uint32_t rank, uint32_t *axes)
{
	*axes = 0;
	for (int i = 0; i < n; i++) {
		int64_t axis = b_axis(c->g, list[i], rank);

		if (axis < 0)
			return false;
		*axes |= 1u << axis;
	}
	return true;
}

enum { L1, L2, LOG_SUM, LOG_SUM_EXP, MAX, MEAN, MIN, PROD, SUM, SUM_SQUARE };

static struct ir_value *log_sum_exp(struct onnx_cx *c, struct ir_value *x, uint32_t axes, bool keep)
{
	struct ir_graph *g = c->g;
	struct ir_value *m = b_reduce(g, ACCEL_REDUCE_MAX, x, axes, true), *y, *out = NULL;

	/* Kept finite, so that infinities come out as such. */
	m = b_act(g, ACCEL_ACT_CLIP, m, -FLT_MAX, FLT_MAX);
	y = b_unary(g, IR_EXP, b_binary(g, IR_SUB, x, m));
	y = b_unary(g, IR_LOG, b_reduce(g, ACCEL_REDUCE_SUM, y, axes, true));
	y = b_binary(g, IR_ADD, y, m);
	if (y && !keep) {
		int64_t dims[IR_RANK_MAX];
		uint32_t rank = 0;

		for (uint32_t i = 0; i < x->rank; i++)
			if (!(axes >> i & 1))
				dims[rank++] = x->dims[i];
		out = b_reshape(g, y, rank, dims);
	}
	return keep ? y : out;
}

static void reduce(struct onnx_cx *c, int which)
{
	static const enum accel_reduce fns[] = {
		[L1] = ACCEL_REDUCE_SUMABS, [L2] = ACCEL_REDUCE_SUMSQ, [LOG_SUM] = ACCEL_REDUCE_SUM,
		[MAX] = ACCEL_REDUCE_MAX, [MEAN] = ACCEL_REDUCE_MEAN, [MIN] = ACCEL_REDUCE_MIN,
		[PROD] = ACCEL_REDUCE_PROD, [SUM] = ACCEL_REDUCE_SUM,
		[SUM_SQUARE] = ACCEL_REDUCE_SUMSQ,
	};
	struct ir_value *x = c->in[0], *y;
	bool keep = onnx_attr_i(c, "keepdims", 1), noop = false;
	int64_t list[IR_RANK_MAX];
	uint32_t axes;
	int n;

	if (c->opset >= 18 || (which == SUM && c->opset >= 13)) {
		noop = onnx_attr_i(c, "noop_with_empty_axes", 0);
		n = onnx_in(c, 1) ? ir_known_ints(c->g, c->in[1], list, IR_RANK_MAX) : 0;
		if (n < 0) {
			onnx_cannot(c, "axes that are computed from inputs are not supported");
			return;
		}
	} else {
		if (onnx_in(c, 1))
			ir_fail(c->g, "this version has axes as an attribute");
		n = onnx_attr_ints(c, "axes", list, IR_RANK_MAX);
	}
	if (!axes_of(c, list, n > 0 ? n : 0, x->rank, &axes))
		return;
	if (n <= 0 && !noop)
		axes = (1u << x->rank) - 1;
	if (!real(x) && (which == L2 || which == LOG_SUM || which == LOG_SUM_EXP)) {
		onnx_cannot(c, "of %s it is not supported", accel_dtype_name(x->dtype));
		return;
	}
	if (x->dtype == ACCEL_BOOL && (c->opset < 20 || (which != MAX && which != MIN))) {
		onnx_cannot(c, "of bool it is not supported");
		return;
	}
	if (x->dtype == ACCEL_BOOL) {
		x = b_reduce(c->g, fns[which], b_cast(c->g, x, ACCEL_U8), axes, keep);
		c->out[0] = b_cast(c->g, x, ACCEL_BOOL);
		return;
	}
	if (which == LOG_SUM_EXP) {
		c->out[0] = log_sum_exp(c, x, axes, keep);
		return;
	}
	y = b_reduce(c->g, fns[which], x, axes, keep);
	if (which == L2)
		y = b_unary(c->g, IR_SQRT, y);
	if (which == LOG_SUM)
		y = b_unary(c->g, IR_LOG, y);
	c->out[0] = y;
}

static void softmax(struct onnx_cx *c, int log)
{
	struct ir_value *x = c->in[0];
	int64_t axis = onnx_attr_i(c, "axis", c->opset < 13 ? 1 : -1);
	uint32_t axes;

	if (!real(x))
		ir_fail(c->g, "its operand is %s", accel_dtype_name(x->dtype));
	if (c->opset < 13 && axis == x->rank) {	/* of nothing but ones */
		onnx_cannot(c, "axis %lld of %u axes is not supported", (long long)axis, x->rank);
		return;
	}
	axis = b_axis(c->g, axis, x->rank);
	if (axis < 0)
		return;
	/* Before version 13 everything from the axis on is one axis. */
	axes = c->opset < 13 ? ((1u << x->rank) - 1) & ~((1u << axis) - 1) : 1u << axis;
	c->out[0] = b_softmax(c->g, x, axes, log);
}

static void arg(struct onnx_cx *c, int max)
{
	bool keep = onnx_attr_i(c, "keepdims", 1), last = onnx_attr_i(c, "select_last_index", 0);

	c->out[0] = b_arg(c->g, max, c->in[0], onnx_attr_i(c, "axis", 0), keep, last);
}

static void hardmax(struct onnx_cx *c, int unused)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *y = x, *best;
	int64_t axis = onnx_attr_i(c, "axis", c->opset < 13 ? 1 : -1), dims[IR_RANK_MAX];
	int64_t *steps;

	(void)unused;
	axis = b_axis(g, axis, x->rank);
	if (axis < 0)
		return;
	if (c->opset < 13) {
		int64_t flat[2] = { 1, 1 };

		for (uint32_t i = 0; i < x->rank; i++)
			flat[i >= axis] *= x->dims[i];
		y = b_reshape(g, x, 2, flat);
		axis = 1;
	}
	best = b_arg(g, true, y, axis, true, false);
	if (!best)
		return;
	steps = ir_make(g, (uint64_t)y->dims[axis] * sizeof(*steps));
	if (!steps)
		return;
	for (uint32_t i = 0; i < y->rank; i++)
		dims[i] = i == axis ? y->dims[i] : 1;
	for (int64_t i = 0; i < y->dims[axis]; i++)
		steps[i] = i;
	best = b_binary(g, IR_EQ, ir_constant(g, ACCEL_I64, y->rank, dims, steps), best);
	y = b_cast(g, best, x->dtype);
	c->out[0] = b_reshape(g, y, x->rank, x->dims);
}

static void cumsum(struct onnx_cx *c, int arg)
{
	struct ir_node *n = b_same(c->g, IR_CUMSUM, c->in, 1, c->in[0]);
	int64_t axis;

	(void)arg;
	if (ir_known_ints(c->g, c->in[1], &axis, 1) != 1) {
		onnx_cannot(c, "an axis that is computed from inputs is not supported");
		return;
	}
	axis = b_axis(c->g, axis, c->in[0]->rank);
	if (axis < 0 || !n)
		return;
	n->axis = axis;
	n->flag = onnx_attr_i(c, "exclusive", 0);
	n->flag2 = onnx_attr_i(c, "reverse", 0);
	c->out[0] = n->out[0];
}

/* --- Matrix products --------------------------------------------------------------------- */

static void matmul(struct onnx_cx *c, int arg)
{
	(void)arg;
	c->out[0] = b_matmul(c->g, c->in[0], c->in[1]);
}

static struct ir_value *scaled(struct onnx_cx *c, struct ir_value *x, float factor)
{
	if (factor == 1 || !x)
		return x;
	if (!real(x)) {
		onnx_cannot(c, "factors of %s are not supported", accel_dtype_name(x->dtype));
		return NULL;
	}
	return b_binary(c->g, IR_MUL, x, number(c, x, (double)factor));
}

static void gemm(struct onnx_cx *c, int arg)
{
	static const int64_t swap[2] = { 1, 0 };
	struct ir_graph *g = c->g;
	struct ir_value *a = c->in[0], *b = c->in[1], *add = onnx_in(c, 2), *y;
	float alpha = onnx_attr_f(c, "alpha", 1), beta = onnx_attr_f(c, "beta", 1);

	(void)arg;
	if (c->opset < 7)
		onnx_attr_i(c, "broadcast", 0);
	if (a->rank != 2 || b->rank != 2) {
		ir_fail(g, "operands have %u and %u axes, not 2", a->rank, b->rank);
		return;
	}
	if (onnx_attr_i(c, "transA", 0))
		a = b_transpose(g, a, swap);
	if (onnx_attr_i(c, "transB", 0))
		b = b_transpose(g, b, swap);
	y = b_matmul(g, a, b);
	/* Factors of the part that is known cost nothing at run time. */
	y = scaled(c, y, alpha);
	add = scaled(c, add, beta);
	if (!y || c->why)
		return;
	if (add) {
		int64_t rows = y->dims[0], columns = y->dims[1];

		y = b_binary(g, IR_ADD, y, add);
		if (y && (y->rank != 2 || y->dims[0] != rows || y->dims[1] != columns))
			ir_fail(g, "operand C does not broadcast to the product");
	}
	c->out[0] = y;
}

const struct onnx_op onnx_ops_math[] = {
	{ "Abs", 1, 1, unary, IR_ABS },
	{ "Acos", 1, 1, unary, IR_ACOS },
	{ "Acosh", 1, 1, unary, IR_ACOSH },
	{ "Add", 2, 2, binary, IR_ADD },
	{ "And", 2, 2, binary, IR_AND },
	{ "ArgMax", 1, 1, arg, 1 },
	{ "ArgMin", 1, 1, arg, 0 },
	{ "Asin", 1, 1, unary, IR_ASIN },
	{ "Asinh", 1, 1, unary, IR_ASINH },
	{ "Atan", 1, 1, unary, IR_ATAN },
	{ "Atanh", 1, 1, unary, IR_ATANH },
	{ "BitShift", 2, 2, shift, 0 },
	{ "BitwiseAnd", 2, 2, bitwise, IR_AND },
	{ "BitwiseNot", 1, 1, bitwise, IR_NOT },
	{ "BitwiseOr", 2, 2, bitwise, IR_OR },
	{ "BitwiseXor", 2, 2, bitwise, IR_XOR },
	{ "Ceil", 1, 1, unary, IR_CEIL },
	{ "Celu", 1, 1, composed, CELU },
	{ "Clip", 1, 3, clip, 0 },
	{ "Cos", 1, 1, unary, IR_COS },
	{ "Cosh", 1, 1, unary, IR_COSH },
	{ "CumSum", 2, 2, cumsum, 0 },
	{ "Div", 2, 2, binary, IR_DIV },
	{ "Elu", 1, 1, activation, ACCEL_ACT_ELU },
	{ "Equal", 2, 2, binary, IR_EQ },
	{ "Erf", 1, 1, unary, IR_ERF },
	{ "Exp", 1, 1, unary, IR_EXP },
	{ "Floor", 1, 1, unary, IR_FLOOR },
	{ "Gelu", 1, 1, activation, ACCEL_ACT_GELU },
	{ "Gemm", 2, 3, gemm, 0 },
	{ "Greater", 2, 2, binary, IR_GT },
	{ "GreaterOrEqual", 2, 2, binary, IR_GE },
	{ "HardSigmoid", 1, 1, activation, ACCEL_ACT_HARD_SIGMOID },
	{ "HardSwish", 1, 1, activation, ACCEL_ACT_HARD_SWISH },
	{ "Hardmax", 1, 1, hardmax, 0 },
	{ "IsInf", 1, 1, is_inf, 0 },
	{ "IsNaN", 1, 1, unary, IR_ISNAN },
	{ "LeakyRelu", 1, 1, activation, ACCEL_ACT_LEAKY },
	{ "Less", 2, 2, binary, IR_LT },
	{ "LessOrEqual", 2, 2, binary, IR_LE },
	{ "Log", 1, 1, unary, IR_LOG },
	{ "LogSoftmax", 1, 1, softmax, 1 },
	{ "MatMul", 2, 2, matmul, 0 },
	{ "Max", 1, IR_INPUTS_MAX, many, IR_MAX },
	{ "Mean", 1, IR_INPUTS_MAX, many, IR_DIV },
	{ "Min", 1, IR_INPUTS_MAX, many, IR_MIN },
	{ "Mish", 1, 1, composed, MISH },
	{ "Mod", 2, 2, modulo, 0 },
	{ "Mul", 2, 2, binary, IR_MUL },
	{ "Neg", 1, 1, unary, IR_NEG },
	{ "Not", 1, 1, unary, IR_NOT },
	{ "Or", 2, 2, binary, IR_OR },
	{ "PRelu", 2, 2, composed, PRELU },
	{ "Pow", 2, 2, power, 0 },
	{ "Reciprocal", 1, 1, unary, IR_RECIPROCAL },
	{ "ReduceL1", 1, 2, reduce, L1 },
	{ "ReduceL2", 1, 2, reduce, L2 },
	{ "ReduceLogSum", 1, 2, reduce, LOG_SUM },
	{ "ReduceLogSumExp", 1, 2, reduce, LOG_SUM_EXP },
	{ "ReduceMax", 1, 2, reduce, MAX },
	{ "ReduceMean", 1, 2, reduce, MEAN },
	{ "ReduceMin", 1, 2, reduce, MIN },
	{ "ReduceProd", 1, 2, reduce, PROD },
	{ "ReduceSum", 1, 2, reduce, SUM },
	{ "ReduceSumSquare", 1, 2, reduce, SUM_SQUARE },
	{ "Relu", 1, 1, activation, ACCEL_ACT_RELU },
	{ "Round", 1, 1, unary, IR_ROUND },
	{ "Selu", 1, 1, activation, ACCEL_ACT_SELU },
	{ "Shrink", 1, 1, composed, SHRINK },
	{ "Sigmoid", 1, 1, activation, ACCEL_ACT_SIGMOID },
	{ "Sign", 1, 1, unary, IR_SIGN },
	{ "Sin", 1, 1, unary, IR_SIN },
	{ "Sinh", 1, 1, unary, IR_SINH },
	{ "Softmax", 1, 1, softmax, 0 },
	{ "Softplus", 1, 1, activation, ACCEL_ACT_SOFTPLUS },
	{ "Softsign", 1, 1, composed, SOFTSIGN },
	{ "Sqrt", 1, 1, unary, IR_SQRT },
	{ "Sub", 2, 2, binary, IR_SUB },
	{ "Sum", 1, IR_INPUTS_MAX, many, IR_ADD },
	{ "Tan", 1, 1, unary, IR_TAN },
	{ "Tanh", 1, 1, activation, ACCEL_ACT_TANH },
	{ "ThresholdedRelu", 1, 1, composed, THRESHOLDED },
	{ "Xor", 2, 2, binary, IR_XOR },
	{ 0 },
};
