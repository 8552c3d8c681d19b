// SPDX-License-Identifier: MIT
/*
 * What nodes are called, for people.
 */
#include <stdio.h>
#include <string.h>

#include "ir.h"
#include "tail.h"

static const char *const binaries[] = {
	[IR_ADD] = "add", [IR_SUB] = "sub", [IR_MUL] = "mul", [IR_DIV] = "div",
	[IR_MIN] = "min", [IR_MAX] = "max", [IR_POW] = "pow", [IR_MOD] = "mod",
	[IR_FMOD] = "fmod", [IR_SHL] = "shift-left", [IR_SHR] = "shift-right",
	[IR_AND] = "and", [IR_OR] = "or", [IR_XOR] = "xor", [IR_EQ] = "equal",
	[IR_LT] = "less", [IR_LE] = "less-or-equal", [IR_GT] = "greater",
	[IR_GE] = "greater-or-equal",
};

static const char *const unaries[] = {
	[IR_NEG] = "neg", [IR_ABS] = "abs", [IR_SIGN] = "sign", [IR_SQUARE] = "square",
	[IR_SQRT] = "sqrt", [IR_RSQRT] = "rsqrt", [IR_RECIPROCAL] = "reciprocal",
	[IR_EXP] = "exp", [IR_LOG] = "log", [IR_ERF] = "erf", [IR_FLOOR] = "floor",
	[IR_CEIL] = "ceil", [IR_ROUND] = "round", [IR_TRUNC] = "trunc", [IR_NOT] = "not",
	[IR_ISNAN] = "is-nan", [IR_ISINF] = "is-inf", [IR_SIN] = "sin", [IR_COS] = "cos",
	[IR_TAN] = "tan", [IR_ASIN] = "asin", [IR_ACOS] = "acos", [IR_ATAN] = "atan",
	[IR_SINH] = "sinh", [IR_COSH] = "cosh", [IR_ASINH] = "asinh", [IR_ACOSH] = "acosh",
	[IR_ATANH] = "atanh",
};

static const char *const acts[] = {
	"identity", "relu", "clip", "leaky-relu", "elu", "selu", "sigmoid", "tanh", "softplus",
	"silu", "gelu", "gelu-tanh", "hard-sigmoid", "hard-swish",
};

static const char *const reductions[] = {
	"reduce-sum", "reduce-mean", "reduce-prod", "reduce-min", "reduce-max", "reduce-sumsq",
	"reduce-sumabs",
};

static const char *const pools[] = { "max-pool", "average-pool", "l1-pool", "l2-pool" };

static const char *const ops[IR_OPS] = {
	[IR_MISSING] = "missing", [IR_SOFTMAX] = "softmax", [IR_MATMUL] = "matmul",
	[IR_CONV] = "conv",	[IR_CAST] = "cast", [IR_RESHAPE] = "reshape", [IR_TRANSPOSE] = "transpose",
	[IR_SLICE] = "slice", [IR_CONCAT] = "concat", [IR_EXPAND] = "expand", [IR_PAD] = "pad",
	[IR_GATHER] = "gather", [IR_GATHER_ELEMENTS] = "gather-elements",
	[IR_GATHER_ND] = "gather-nd", [IR_SCATTER_ELEMENTS] = "scatter-elements",
	[IR_SCATTER_ND] = "scatter-nd", [IR_WHERE] = "where", [IR_CUMSUM] = "cumulative-sum",
	[IR_TOPK] = "top-k", [IR_TRILU] = "triangle",
	[IR_RESIZE] = "resize", [IR_GRID_SAMPLE] = "grid-sample", [IR_ROI_ALIGN] = "roi-align",
	[IR_DFT] = "fourier-transform", [IR_DET] = "determinant",
	[IR_REVERSE] = "reverse", [IR_CHECK] = "check-indices",
	[IR_QUANTIZE] = "quantize", [IR_DEQUANTIZE] = "dequantize",
	[IR_QMATMUL] = "integer-matmul", [IR_QCONV] = "integer-conv",
	[IR_TREES] = "trees", [IR_LABEL] = "label", [IR_TAIL] = "tail",
};

const char *ir_op_name(const struct ir_node *n)
{
	switch (n->op) {
	case IR_NORM:
		return n->fn == ACCEL_NORM_RMS ? "rms-norm" : "layer-norm";
	case IR_BINARY:
		return binaries[n->fn];
	case IR_UNARY:
		return unaries[n->fn];
	case IR_ACT:
		return acts[n->act];
	case IR_REDUCE:
		return reductions[n->fn];
	case IR_POOL:
		return pools[n->fn];
	case IR_ARG:
		return n->fn ? "arg-max" : "arg-min";
	default:
		return ops[n->op];
	}
}

static size_t put(char *text, size_t used, size_t size, const char *fmt, const char *sep,
		  long long x)
{
	if (used < size)
		used += (size_t)snprintf(text + used, size - used, fmt, sep, x);
	return used < size ? used : size;
}

static size_t list(char *text, size_t used, size_t size, const char *name, const int64_t *ints,
		   uint32_t n)
{
	used = put(text, used, size, "%s[", name, 0);
	for (uint32_t i = 0; i < n; i++)
		used = put(text, used, size, "%s%lld", i ? "," : "", ints[i]);
	return put(text, used, size, "%s", "] ", 0);
}

static size_t product(const struct ir_node *n, char *text, size_t used, size_t size)
{
	if (n->nin > IR_P_SCALE && n->in[IR_P_SCALE])
		used = put(text, used, size, "%s", "scaled ", 0);
	if (n->nin > IR_P_RESIDUAL && n->in[IR_P_RESIDUAL])
		used = put(text, used, size, "%s", "residual ", 0);
	return used;
}

const char *ir_detail(struct ir_graph *g, const struct ir_node *n)
{
	char text[256] = "";
	size_t used = 0, size = sizeof(text);
	uint32_t rank = n->out[0] ? n->out[0]->rank : 0;
	int64_t axes[IR_RANK_MAX];
	uint32_t naxes = 0;

	switch (n->op) {
	case IR_REDUCE:
	case IR_SOFTMAX:
		for (uint32_t i = 0; i < IR_RANK_MAX; i++)
			if (n->axes >> i & 1)
				axes[naxes++] = i;
		used = list(text, used, size, "axes=", axes, naxes);
		if (n->flag)
			used = put(text, used, size, "%s", "log ", 0);
		break;
	case IR_TRANSPOSE:
		used = list(text, used, size, "order=", n->ints, rank);
		break;
	case IR_SLICE:
		used = list(text, used, size, "starts=", n->ints, rank);
		used = list(text, used, size, "steps=", n->ints + rank, rank);
		break;
	case IR_PAD:
		used = list(text, used, size, "before=", n->ints, rank);
		used = list(text, used, size, "after=", n->ints + rank, rank);
		break;
	case IR_ARG:
	case IR_CONCAT:
	case IR_GATHER:
	case IR_GATHER_ELEMENTS:
	case IR_SCATTER_ELEMENTS:
	case IR_TOPK:
	case IR_RESIZE:
	case IR_REVERSE:
		used = put(text, used, size, "%saxis=%lld ", "", n->axis);
		break;
	case IR_CONV:
	case IR_QCONV:
	case IR_POOL:
		rank = rank > 2 ? rank - 2 : 0;
		if (n->op == IR_POOL)
			used = list(text, used, size, "taps=", n->ints + 9, rank);
		used = list(text, used, size, "strides=", n->ints, rank);
		used = list(text, used, size, "dilations=", n->ints + 3, rank);
		used = list(text, used, size, "before=", n->ints + 6, rank);
		if (n->op == IR_POOL)
			break;
		if (n->axis > 1)
			used = put(text, used, size, "%sgroups=%lld ", "", n->axis);
		if (n->flag)
			used = put(text, used, size, "%s", "transposed ", 0);
		if (n->op == IR_CONV)
			used = product(n, text, used, size);
		break;
	case IR_MATMUL:
		used = product(n, text, used, size);
		break;
	case IR_NORM:
		for (uint32_t i = 0; i < IR_RANK_MAX; i++)
			if (n->axes >> i & 1)
				axes[naxes++] = i;
		used = list(text, used, size, "axes=", axes, naxes);
		break;
	case IR_CHECK:
		used = put(text, used, size, "%sbelow=%lld ", "", n->ints[0]);
		break;
	case IR_MISSING:
		snprintf(text, size, "%s", n->text);
		break;
	case IR_TAIL:
		snprintf(text, size, "%s", ((const struct tail *)n->extra)->operators);
		break;
	default:
		break;
	}
	if (n->act) {
		if (n->op != IR_ACT)
			used = put(text, used, size, "%s", acts[n->act], 0);
		if (n->act_param[0] != 0 || n->act_param[1] != 0)
			snprintf(text + used, size - used, "(%g, %g)", (double)n->act_param[0],
				 (double)n->act_param[1]);
	}
	used = strlen(text);
	while (used && text[used - 1] == ' ')
		text[--used] = 0;
	return ir_text(g, "%s", text);
}
