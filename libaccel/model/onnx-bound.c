// SPDX-License-Identifier: MIT
/*
 * How large results can become that only a run knows the size of.
 *
 * Of each value in the tail of a graph (tail.h) the most elements along each axis are known. An operator here
 * gives along no axis more for operands that have less: so what it gives for the most is the most that it
 * gives. That holds for the shapes of data, and for numbers that follow from shapes, as Shape and sums of
 * these, where none is negative: the elements of such values are the most that they may be, and
 * operators see them where more of them is more. All other elements are unknown.
 */
#include <string.h>

#include "eval.h"
#include "onnx-tail.h"

#define OPERAND(i)	(1u << (i))
#define ALL		UINT32_MAX

/* Whether results' elements are the most, too, if operands' are. */
enum elements { UNKNOWN, MOVED, SUMMED };

/**
 * struct bounded - an operator that may be there
 * @numbers: operands of whose elements the most may be known
 */
static const struct bounded {
	const char *name;
	uint32_t numbers;
	enum elements elements;
} bounded[] = {
	/* Themselves the reason. */
	{ "Compress", 0, UNKNOWN }, { "NonMaxSuppression", 0, UNKNOWN }, { "NonZero", 0, UNKNOWN },
	{ "Unique", 0, UNKNOWN },
	/* Shapes, and what is made of them. */
	{ "Shape", 0, MOVED }, { "Size", 0, MOVED }, { "Identity", ALL, MOVED }, { "Cast", ALL, MOVED },
	{ "Concat", ALL, MOVED }, { "Gather", OPERAND(0), MOVED }, { "Squeeze", OPERAND(0), MOVED },
	{ "Unsqueeze", OPERAND(0), MOVED }, { "Slice", OPERAND(0) | OPERAND(2), MOVED },
	{ "Reshape", OPERAND(0) | OPERAND(1), MOVED }, { "Add", ALL, SUMMED }, { "Mul", ALL, SUMMED },
	{ "Min", ALL, SUMMED }, { "Max", ALL, SUMMED }, { "ReduceMin", OPERAND(0), SUMMED },
	{ "ReduceMax", OPERAND(0), SUMMED },
	/* More for larger numbers. */
	{ "ConstantOfShape", OPERAND(0), UNKNOWN }, { "Expand", OPERAND(1), UNKNOWN },
	{ "Range", OPERAND(1), UNKNOWN }, { "Tile", OPERAND(1), UNKNOWN }, { "TopK", OPERAND(1), UNKNOWN },
	{ NULL, 0, UNKNOWN },
};

/* Of whose operands' elements nothing is known, and nothing of their results'. */
static const char *const plain[] = {
	"Abs", "And", "ArgMax", "ArgMin", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr",
	"BitwiseXor", "CastLike", "Ceil", "Clip", "CumSum", "DequantizeLinear", "Div", "Equal", "Exp",
	"Flatten", "Floor", "GatherElements", "GatherND", "Greater", "GreaterOrEqual", "IsInf", "IsNaN",
	"LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "Mean", "Mod", "Neg", "Not", "OneHot",
	"Or", "Pad", "Pow", "QuantizeLinear", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum",
	"ReduceLogSumExp", "ReduceMean", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu",
	"ReverseSequence", "RoiAlign", "Round", "Scatter", "ScatterElements", "ScatterND", "Sigmoid",
	"Sign", "Softmax", "Split", "Sqrt", "Sub", "Sum", "Tanh", "Transpose", "Trilu", "Where", "Xor",
};

static const struct bounded *find(const struct onnx_cx *c)
{
	static const struct bounded other = { "", 0, UNKNOWN };

	if (!onnx_default_domain(c->node->domain))
		return NULL;
	for (const struct bounded *b = bounded; b->name; b++)
		if (!strcmp(b->name, c->node->op_type))
			return b;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (!strcmp(plain[i], c->node->op_type))
			return &other;
	return NULL;
}

/* The same value, with nothing known of its elements. */
static struct ir_value *opaque(struct ir_graph *g, const struct ir_value *v)
{
	struct ir_value *o = ir_value(g, v->dtype, v->rank, v->dims);

	if (o)
		o->late = true;
	return o;
}

static bool is_number(const struct ir_value *v)
{
	return v->dtype == ACCEL_I64 || v->dtype == ACCEL_I32;
}

static bool no_less_than(const struct ir_value *v, int64_t least)
{
	for (int64_t i = 0; i < v->count; i++)
		if ((int64_t)eval_load_int(v->dtype,
					   (const char *)v->data + (size_t)i * accel_dtype_size(v->dtype)) < least)
			return false;
	return true;
}

static bool is_positive(struct onnx_cx *c, uint32_t i)
{
	const void *data = ir_known(c->g, c->in[i]);

	return !data || c->in[i]->count != 1 || eval_load(c->in[i]->dtype, data) > 0;
}

static bool has_attribute(const struct onnx_cx *c, const char *name)
{
	for (size_t i = 0; i < c->node->n_attribute; i++)
		if (!strcmp(c->node->attribute[i]->name, name))
			return true;
	return false;
}

void onnx_bound_operands(struct onnx_cx *c)
{
	const struct bounded *b = find(c);

	if (!b) {
		onnx_cannot(c, "it takes sizes that a run decides, and its own have no known bound");
		return;
	}
	for (uint32_t i = 0; i < c->nin && !c->g->error; i++) {
		struct ir_value *v = c->in[i];
		/* Moved numbers may be constants among the others, of any sign: -1 is no size. */
		bool moved = b->elements == MOVED && (i == 0 || b->numbers == ALL);

		if (!v || !v->late || !v->data)
			continue;
		if (i > 31 ? b->numbers != ALL : !(b->numbers >> i & 1))
			c->in[i] = opaque(c->g, v);
		else if (!moved && !no_less_than(v, 0))
			c->in[i] = opaque(c->g, v);
	}
	if (!strcmp(b->name, "Squeeze") && c->nin < 2 && !has_attribute(c, "axes"))
		onnx_cannot(c, "a run decides which of its axes have one element");
	if (!strcmp(b->name, "Range") && c->nin == 3 && !is_positive(c, 2))
		onnx_cannot(c, "it takes a number that a run decides, and has no known bound");
}

/* Results whose elements are the most that they may be. */
static bool sound(const struct onnx_cx *c, const struct bounded *b, const struct ir_value *v)
{
	if (b->elements == UNKNOWN)
		return false;
	/* Fewer of them are others, and the least of fewer may be more. */
	for (uint32_t i = 1; i < c->nin && b->numbers != ALL; i++)
		if (c->in[i] && c->in[i]->late)
			return false;
	/* What wraps around is not the most. */
	for (uint32_t i = 0; i < c->nin && b->elements == SUMMED; i++)
		if (c->in[i] && (!c->in[i]->data || c->in[i]->dtype != ACCEL_I64 || !no_less_than(c->in[i], 0)))
			return false;
	for (int64_t i = 0; i < v->count; i++) {
		int64_t x = (int64_t)eval_load_int(v->dtype, (const char *)v->data +
						   (size_t)i * accel_dtype_size(v->dtype));

		if (x < INT32_MIN || x > INT32_MAX)
			return false;
	}
	return true;
}

static void equal_parts(struct onnx_cx *c)
{
	if (has_attribute(c, "split") || c->nin > 1)
		return;
	for (uint32_t i = 1; i < c->nout; i++)
		if (c->out[i] && c->out[0] && memcmp(c->out[i]->dims, c->out[0]->dims, sizeof(c->out[0]->dims)))
			onnx_cannot(c, "a run decides the size of its last part, which has no known bound");
}

void onnx_bound_results(struct onnx_cx *c)
{
	const struct bounded *b = find(c);

	if (!strcmp(c->node->op_type, "Split"))
		equal_parts(c);
	for (uint32_t i = 0; i < c->nout && !c->g->error; i++) {
		struct ir_value *v = c->out[i];
		const void *data = v && is_number(v) ? ir_known(c->g, v) : NULL;

		if (!v)
			continue;
		if (data && sound(c, b, v)) {
			c->out[i] = ir_constant(c->g, v->dtype, v->rank, v->dims, data);
			if (c->out[i])
				c->out[i]->late = true;
		} else {
			c->out[i] = opaque(c->g, v);
		}
	}
}

bool onnx_bound_slice(int64_t dim, int64_t start, int64_t end, int64_t step, bool less)
{
	/* From one end to a place that is counted from the other: less of the axis can be more. */
	if (step > 0)
		return start >= 0 || end < 0 || end >= dim;
	return !less && (start >= dim - 1 || start == -1) && end < -dim;
}
