// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX on integers that stand for numbers.
 */
#include <string.h>

#include "build.h"
#include "onnx.h"
#include "quant.h"

static bool is_byte(const struct ir_value *v)
{
	return v->dtype == ACCEL_I8 || v->dtype == ACCEL_U8;
}

/* --- QuantizeLinear and DequantizeLinear ------------------------------------------------- */

/* How scales and zero points lie along the operand. */
struct grid {
	uint32_t rank;		/* of the operand as it is seen: with blocks one more */
	int64_t dims[IR_RANK_MAX + 1];
	uint32_t side_rank;	/* of scales and zero points as they are seen */
	int64_t side[IR_RANK_MAX + 1];
};

/* One number for all, or for each element of an axis, or for each block of some along an axis. */
static bool layout(struct onnx_cx *c, const struct ir_value *x, const struct ir_value *scale,
		   struct grid *l)
{
	int64_t axis = onnx_attr_i(c, "axis", 1), block = onnx_attr_i(c, "block_size", 0);

	l->rank = x->rank;
	memcpy(l->dims, x->dims, sizeof(x->dims));
	l->side_rank = 0;
	if (scale->rank == 0 || (scale->count == 1 && !block))
		return true;
	axis = b_axis(c->g, axis, x->rank);
	if (axis < 0)
		return false;
	if (scale->rank == 1 && !block) {
		if (scale->dims[0] != x->dims[axis]) {
			ir_fail(c->g, "%lld scales for an axis of %lld elements",
				(long long)scale->dims[0], (long long)x->dims[axis]);
			return false;
		}
		l->side_rank = x->rank;
		for (uint32_t i = 0; i < x->rank; i++)
			l->side[i] = i == axis ? scale->dims[0] : 1;
		return true;
	}
	if (scale->rank != x->rank || block < 1 || x->rank == IR_RANK_MAX) {
		ir_fail(c->g, "scales of %u axes in blocks of %lld do not fit to %u axes",
			scale->rank, (long long)block, x->rank);
		return false;
	}
	for (uint32_t i = 0; i < x->rank; i++) {
		if (scale->dims[i] != (i == axis ? (x->dims[i] + block - 1) / block : x->dims[i])) {
			ir_fail(c->g, "axis %u has %lld scales for %lld elements", i,
				(long long)scale->dims[i], (long long)x->dims[i]);
			return false;
		}
	}
	if (x->dims[axis] % block) {
		onnx_cannot(c, "a last block that is not full is not supported");
		return false;
	}
	l->rank = l->side_rank = x->rank + 1;
	for (uint32_t i = 0, k = 0; i < x->rank; i++) {
		l->dims[k] = l->side[k] = scale->dims[i];
		k++;
		if (i == axis) {
			l->dims[k] = block;
			l->side[k] = 1;
			k++;
		}
	}
	return true;
}

static struct ir_value *side(struct onnx_cx *c, struct ir_value *v, const struct grid *l)
{
	return v ? b_reshape(c->g, v, l->side_rank, l->side) : NULL;
}

/* The operand as @l sees it. */
static struct ir_value *seen(struct onnx_cx *c, struct ir_value *x, const struct grid *l)
{
	return l->rank == x->rank ? x : b_reshape(c->g, x, l->rank, l->dims);
}

static struct ir_value *unseen(struct onnx_cx *c, struct ir_value *y, const struct ir_value *x)
{
	return !y || y->rank == x->rank ? y : b_reshape(c->g, y, x->rank, x->dims);
}

static void quantize(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *scale = c->in[1], *zero = onnx_in(c, 2);
	enum accel_dtype to = onnx_dtype((int32_t)onnx_attr_i(c, "output_dtype", 0));
	struct grid l;

	(void)arg;
	onnx_attr_i(c, "saturate", 1);	/* of floats of 8 bits alone */
	if (zero && to != ACCEL_NONE && to != zero->dtype)
		ir_fail(g, "attribute 'output_dtype' is %s, the zero point is %s",
			accel_dtype_name(to), accel_dtype_name(zero->dtype));
	if (zero)
		to = zero->dtype;
	else if (to == ACCEL_NONE)
		to = ACCEL_U8;
	if (!ir_is_int(to) || accel_dtype_size(to) > 2)
		onnx_cannot(c, "to %s it is not supported", accel_dtype_name(to));
	if (!ir_is_float(scale->dtype) || (!ir_is_float(x->dtype) && x->dtype != ACCEL_I32))
		onnx_cannot(c, "of %s by %s it is not supported", accel_dtype_name(x->dtype),
			    accel_dtype_name(scale->dtype));
	if (c->why || g->error || !layout(c, x, scale, &l))
		return;
	x = b_cast(g, x, x->dtype == ACCEL_I32 ? ACCEL_F32 : x->dtype);
	if (!x)
		return;
	c->out[0] = unseen(c, b_quantize(g, seen(c, x, &l), side(c, scale, &l), side(c, zero, &l),
					 to), x);
}

static void dequantize(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *scale = c->in[1], *zero = onnx_in(c, 2);
	struct grid l;

	(void)arg;
	if (!ir_is_float(scale->dtype))
		onnx_cannot(c, "to %s it is not supported", accel_dtype_name(scale->dtype));
	if (!ir_is_int(x->dtype) || (accel_dtype_size(x->dtype) > 2 && x->dtype != ACCEL_I32))
		onnx_cannot(c, "of %s it is not supported", accel_dtype_name(x->dtype));
	if (c->why || c->g->error || !layout(c, x, scale, &l))
		return;
	c->out[0] = unseen(c, b_dequantize(c->g, seen(c, x, &l), side(c, scale, &l),
					   side(c, zero, &l)), x);
}

static struct ir_value *number(struct onnx_cx *c, double x)
{
	return ir_scalar_f(c->g, ACCEL_F32, x);
}

/* The range of x with 0 in it, in 255 steps. */
static void dynamic(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *low, *high, *scale, *zero;
	uint32_t all = (1u << x->rank) - 1;

	(void)arg;
	if (x->dtype != ACCEL_F32) {
		onnx_cannot(c, "of %s it is not supported", accel_dtype_name(x->dtype));
		return;
	}
	if (c->nout != 3) {
		ir_fail(g, "it has %u results, not 3", c->nout);
		return;
	}
	low = b_binary(g, IR_MIN, b_reduce(g, ACCEL_REDUCE_MIN, x, all, false), number(c, 0));
	high = b_binary(g, IR_MAX, b_reduce(g, ACCEL_REDUCE_MAX, x, all, false), number(c, 0));
	scale = b_binary(g, IR_DIV, b_binary(g, IR_SUB, high, low), number(c, 255));
	/* Of nothing but zeros it is 0 / 0, which becomes 0. */
	zero = b_binary(g, IR_DIV, b_binary(g, IR_SUB, number(c, 0), low), scale);
	zero = b_cast(g, b_unary(g, IR_ROUND, b_act(g, ACCEL_ACT_CLIP, zero, 0, 255)), ACCEL_U8);
	c->out[0] = b_quantize(g, x, scale, zero, ACCEL_U8);
	c->out[1] = scale;
	c->out[2] = zero;
}

/* --- Products ---------------------------------------------------------------------------- */

/* Of a factor of a product: one for all, one for each row (column) as a vector, or as a matrix
 * with one column (row).
 */
static struct ir_value *line(struct onnx_cx *c, struct ir_value *v, const struct ir_value *factor,
			     bool rows, const char *what)
{
	uint32_t r = factor->rank;
	int64_t dims[2];

	if (!v || v->count == 1)
		return v ? b_reshape(c->g, v, 0, NULL) : NULL;
	if (v->rank == 1 && v->dims[0] == factor->dims[rows ? r - 2 : r - 1]) {
		dims[0] = rows ? v->dims[0] : 1;
		dims[1] = rows ? 1 : v->dims[0];
		return b_reshape(c->g, v, 2, dims);
	}
	if (v->rank == r && v->dims[rows ? r - 1 : r - 2] == 1)
		return v;
	ir_fail(c->g, "the %s is neither one nor one for each %s", what, rows ? "row" : "column");
	return NULL;
}

/* Scales become f32, as the card has them. */
static struct ir_value *factor(struct onnx_cx *c, struct ir_value *x, struct ir_value *w,
			       struct ir_value *y)
{
	struct ir_graph *g = c->g;

	if (!x || !w || !y)
		return NULL;
	if (!ir_is_float(x->dtype) || !ir_is_float(w->dtype) || !ir_is_float(y->dtype)) {
		onnx_cannot(c, "scales of %s are not supported", accel_dtype_name(x->dtype));
		return NULL;
	}
	x = b_binary(g, IR_MUL, b_cast(g, x, ACCEL_F32), b_cast(g, w, ACCEL_F32));
	x = b_binary(g, IR_DIV, x, b_cast(g, y, ACCEL_F32));
	/* Sessions' constants, where they are some: then they are worked out once. */
	ir_known(g, x);
	return x;
}

static struct ir_value *one(struct onnx_cx *c, struct ir_value *v, const char *what)
{
	if (v && v->count != 1) {
		ir_fail(c->g, "the %s is not one number", what);
		return NULL;
	}
	return v ? b_reshape(c->g, v, 0, NULL) : NULL;
}

/* What follows from constants is one from here on: the card needs to know zero points. */
static struct ir_value *settled(struct onnx_cx *c, struct ir_value *v)
{
	ir_known(c->g, v);
	return v;
}

static bool bytes(struct onnx_cx *c, const struct ir_value *x, const struct ir_value *w)
{
	if (is_byte(x) && is_byte(w))
		return true;
	onnx_cannot(c, "of %s and %s it is not supported", accel_dtype_name(x->dtype),
		    accel_dtype_name(w->dtype));
	return false;
}

/* A vector is a row or a column; the axis of 1 goes again. */
struct matrices {
	struct ir_value *a, *b;
	bool row, column;
};

static bool matrices(struct onnx_cx *c, struct matrices *m)
{
	if (!m->a->rank || !m->b->rank) {
		ir_fail(c->g, "an operand without axes is no matrix");
		return false;
	}
	m->row = m->a->rank == 1;
	m->column = m->b->rank == 1;
	if (m->row)
		m->a = b_reshape(c->g, m->a, 2, (int64_t[]){ 1, m->a->dims[0] });
	if (m->column)
		m->b = b_reshape(c->g, m->b, 2, (int64_t[]){ m->b->dims[0], 1 });
	return m->a && m->b;
}

static struct ir_value *narrowed(struct onnx_cx *c, struct ir_value *y, const struct matrices *m)
{
	int64_t dims[IR_RANK_MAX];
	uint32_t rank = 0;

	if (!y || (!m->row && !m->column))
		return y;
	for (uint32_t i = 0; i < y->rank; i++)
		if (!(m->row && i + 2 == y->rank) && !(m->column && i + 1 == y->rank))
			dims[rank++] = y->dims[i];
	return b_reshape(c->g, y, rank, dims);
}

static void qlinear_matmul(struct onnx_cx *c, int arg)
{
	struct matrices m = { .a = c->in[0], .b = c->in[3] };
	struct ir_value *in[IR_Q_OPERANDS] = { 0 };

	(void)arg;
	if (!bytes(c, m.a, m.b) || !matrices(c, &m))
		return;
	in[IR_Q_X] = m.a;
	in[IR_Q_W] = m.b;
	in[IR_Q_X_ZERO] = settled(c, line(c, c->in[2], m.a, true, "zero point of operand a"));
	in[IR_Q_W_ZERO] = settled(c, line(c, c->in[5], m.b, false, "zero point of operand b"));
	in[IR_Q_SCALE] = factor(c, line(c, c->in[1], m.a, true, "scale of operand a"),
				line(c, c->in[4], m.b, false, "scale of operand b"),
				one(c, c->in[6], "scale of the result"));
	in[IR_Q_ZERO] = settled(c, one(c, c->in[7], "zero point of the result"));
	if (c->g->error || c->why)
		return;
	if (!is_byte(in[IR_Q_ZERO])) {
		onnx_cannot(c, "to %s it is not supported", accel_dtype_name(c->in[7]->dtype));
		return;
	}
	c->out[0] = narrowed(c, b_qmatmul(c->g, in, in[IR_Q_ZERO]->dtype), &m);
}

/* The sum of products with one zero point that is not known yet: that zero point times the sums
 * of w's columns is taken off afterwards. All is modulo 2^32, so it is the same.
 */
static struct ir_value *correction(struct onnx_cx *c, struct ir_value *y, struct ir_value *w,
				   struct ir_value *w_zero, struct ir_value *zero)
{
	struct ir_graph *g = c->g;
	struct ir_value *sums = b_cast(g, w, ACCEL_I32);

	if (w_zero)
		sums = b_binary(g, IR_SUB, sums, b_cast(g, w_zero, ACCEL_I32));
	if (!sums)
		return NULL;
	sums = b_reduce(g, ACCEL_REDUCE_SUM, sums, 1u << (sums->rank - 2), true);
	return b_binary(g, IR_SUB, y, b_binary(g, IR_MUL, sums, b_cast(g, zero, ACCEL_I32)));
}

static void matmul_integer(struct onnx_cx *c, int arg)
{
	struct matrices m = { .a = c->in[0], .b = c->in[1] };
	struct ir_value *in[IR_Q_OPERANDS] = { 0 }, *zero, *y;

	(void)arg;
	if (!bytes(c, m.a, m.b) || !matrices(c, &m))
		return;
	zero = settled(c, line(c, onnx_in(c, 2), m.a, true, "zero point of operand A"));
	in[IR_Q_X] = m.a;
	in[IR_Q_W] = m.b;
	in[IR_Q_W_ZERO] = settled(c, line(c, onnx_in(c, 3), m.b, false,
					  "zero point of operand B"));
	if (c->g->error)
		return;
	if (!zero || zero->data || zero->count != 1) {
		in[IR_Q_X_ZERO] = zero;
		zero = NULL;
	}
	y = b_qmatmul(c->g, in, ACCEL_I32);
	if (zero)
		y = correction(c, y, m.b, in[IR_Q_W_ZERO], zero);
	c->out[0] = narrowed(c, y, &m);
}

/* One for all, or one for each channel: [C, 1, ...]. */
static struct ir_value *channel(struct onnx_cx *c, struct ir_value *v, const struct ir_value *w,
				const char *what)
{
	int64_t dims[IR_RANK_MAX] = { 0 };

	if (!v || v->count == 1)
		return v ? b_reshape(c->g, v, 0, NULL) : NULL;
	if (v->rank != 1 || v->dims[0] != w->dims[0]) {
		ir_fail(c->g, "the %s is neither one nor one for each channel", what);
		return NULL;
	}
	dims[0] = v->dims[0];
	for (uint32_t i = 1; i < w->rank - 1; i++)
		dims[i] = 1;
	return b_reshape(c->g, v, w->rank - 1, dims);
}

/* With operands as Conv has them; false after an error or where it is not supported. */
static bool conv_window(struct onnx_cx *c, struct ir_value *x, struct ir_value *w,
			struct ir_value *bias, int64_t *groups, int64_t *ints, int64_t *dims)
{
	struct ir_value *in[3] = { x, w, bias }, **saved = c->in;
	uint32_t nin = c->nin;
	bool ok;

	c->in = in;
	c->nin = 3;
	ok = onnx_conv_window(c, groups, ints, dims);
	c->in = saved;
	c->nin = nin;
	return ok;
}

static void qlinear_conv(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *w = c->in[3], *in[IR_Q_OPERANDS] = { 0 };
	int64_t groups, ints[9], dims[IR_RANK_MAX];

	(void)arg;
	if (!bytes(c, x, w) || !conv_window(c, x, w, onnx_in(c, 8), &groups, ints, dims))
		return;
	in[IR_Q_X] = x;
	in[IR_Q_W] = w;
	in[IR_Q_X_ZERO] = settled(c, one(c, c->in[2], "zero point of operand x"));
	in[IR_Q_W_ZERO] = settled(c, channel(c, c->in[5], w, "zero point of operand w"));
	in[IR_Q_BIAS] = channel(c, onnx_in(c, 8), w, "bias");
	in[IR_Q_SCALE] = factor(c, one(c, c->in[1], "scale of operand x"),
				channel(c, c->in[4], w, "scale of operand w"),
				one(c, c->in[6], "scale of the result"));
	in[IR_Q_ZERO] = settled(c, one(c, c->in[7], "zero point of the result"));
	if (c->g->error || c->why)
		return;
	if (!is_byte(in[IR_Q_ZERO])) {
		onnx_cannot(c, "to %s it is not supported", accel_dtype_name(c->in[7]->dtype));
		return;
	}
	c->out[0] = b_qconv(c->g, in, groups, ints, dims, in[IR_Q_ZERO]->dtype);
}

static void conv_integer(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *w = c->in[1], *in[IR_Q_OPERANDS] = { 0 };
	int64_t groups, ints[9], dims[IR_RANK_MAX];

	(void)arg;
	if (!bytes(c, x, w) || !conv_window(c, x, w, NULL, &groups, ints, dims))
		return;
	in[IR_Q_X] = x;
	in[IR_Q_W] = w;
	in[IR_Q_X_ZERO] = settled(c, one(c, onnx_in(c, 2), "zero point of operand x"));
	in[IR_Q_W_ZERO] = settled(c, channel(c, onnx_in(c, 3), w, "zero point of operand w"));
	c->out[0] = b_qconv(c->g, in, groups, ints, dims, ACCEL_I32);
}

const struct onnx_op onnx_ops_quant[] = {
	{ "ConvInteger", 2, 4, conv_integer, 0 },
	{ "DequantizeLinear", 2, 3, dequantize, 0 },
	{ "DynamicQuantizeLinear", 1, 1, dynamic, 0 },
	{ "MatMulInteger", 2, 4, matmul_integer, 0 },
	{ "QLinearConv", 8, 9, qlinear_conv, 0 },
	{ "QLinearMatMul", 8, 8, qlinear_matmul, 0 },
	{ "QuantizeLinear", 2, 3, quantize, 0 },
	{ 0 },
};
