// SPDX-License-Identifier: MIT
/*
 * Making nodes of integers that stand for numbers.
 */
#include <string.h>

#include "build.h"
#include "eval.h"
#include "quant.h"

#define SHAPE	160

static bool is_byte(enum accel_dtype t)
{
	return t == ACCEL_I8 || t == ACCEL_U8;
}

/* Whether @v, if it is there, is of a type and broadcasts to a shape. */
static bool fits(struct ir_graph *g, const char *what, const struct ir_value *v,
		 enum accel_dtype dtype, const struct ir_value *to)
{
	char a[SHAPE], b[SHAPE];
	bool ok = true;

	if (!v)
		return true;
	if (v->dtype != dtype) {
		ir_fail(g, "the %s is %s, not %s", what, accel_dtype_name(v->dtype),
			accel_dtype_name(dtype));
		return false;
	}
	ok = v->rank <= to->rank;
	for (uint32_t i = 0; i < v->rank && ok; i++) {
		int64_t dim = v->dims[v->rank - 1 - i];

		ok = dim == 1 || dim == to->dims[to->rank - 1 - i];
	}
	if (!ok)
		ir_fail(g, "the %s, %s, does not fit to %s", what, ir_shape(v, a, SHAPE),
			ir_shape(to, b, SHAPE));
	return ok;
}

static struct ir_value *convert(struct ir_graph *g, enum ir_op op, struct ir_value *x,
				struct ir_value *scale, struct ir_value *zero, enum accel_dtype to)
{
	struct ir_value *in[3] = { x, scale, zero }, *y;
	struct ir_node *n;

	if (!x || !scale || g->error)
		return NULL;
	y = ir_value(g, to, x->rank, x->dims);
	if (!y || !fits(g, "scale", scale, scale->dtype, y) ||
	    !fits(g, "zero point", zero, op == IR_QUANTIZE ? to : x->dtype, y))
		return NULL;
	n = ir_node(g, op, 0, in, zero ? 3 : 2, y);
	return n ? y : NULL;
}

struct ir_value *b_quantize(struct ir_graph *g, struct ir_value *x, struct ir_value *scale,
			    struct ir_value *zero, enum accel_dtype to)
{
	return convert(g, IR_QUANTIZE, x, scale, zero, to);
}

struct ir_value *b_dequantize(struct ir_graph *g, struct ir_value *x, struct ir_value *scale,
			      struct ir_value *zero)
{
	return scale ? convert(g, IR_DEQUANTIZE, x, scale, zero, scale->dtype) : NULL;
}

/* A product, with its result's shape in @y. */
static struct ir_node *product(struct ir_graph *g, enum ir_op op, struct ir_value *const *in,
			       struct ir_value *y)
{
	if (!y)
		return NULL;
	if (!is_byte(in[IR_Q_X]->dtype) || !is_byte(in[IR_Q_W]->dtype)) {
		ir_fail(g, "it multiplies %s and %s: u8 and i8 are supported",
			accel_dtype_name(in[IR_Q_X]->dtype), accel_dtype_name(in[IR_Q_W]->dtype));
		return NULL;
	}
	if (!fits(g, "zero point of operand 0", in[IR_Q_X_ZERO], in[IR_Q_X]->dtype, y) ||
	    !fits(g, "zero point of operand 1", in[IR_Q_W_ZERO], in[IR_Q_W]->dtype, y) ||
	    !fits(g, "bias", in[IR_Q_BIAS], ACCEL_I32, y) ||
	    !fits(g, "scale", in[IR_Q_SCALE], ACCEL_F32, y) ||
	    (in[IR_Q_RESIDUAL] &&
	     !fits(g, "residual", in[IR_Q_RESIDUAL], in[IR_Q_RESIDUAL]->dtype, y)) ||
	    !fits(g, "zero point of the result", in[IR_Q_ZERO], y->dtype, y))
		return NULL;
	return ir_node(g, op, 0, in, IR_Q_OPERANDS, y);
}

struct ir_value *b_qmatmul(struct ir_graph *g, struct ir_value *const *in, enum accel_dtype to)
{
	const struct ir_value *a = in[IR_Q_X], *b = in[IR_Q_W];
	int64_t dims[IR_RANK_MAX];
	struct ir_value ba, bb, *y;
	char x[SHAPE], w[SHAPE];
	uint32_t rank;

	if (!a || !b || g->error)
		return NULL;
	if (a->rank < 2 || b->rank < 2 || a->dims[a->rank - 1] != b->dims[b->rank - 2]) {
		ir_fail(g, "%s and %s do not multiply", ir_shape(a, x, SHAPE),
			ir_shape(b, w, SHAPE));
		return NULL;
	}
	ba = *a;
	bb = *b;
	ba.rank -= 2;
	bb.rank -= 2;
	if (!b_broadcast(g, &ba, &bb, &rank, dims))
		return NULL;
	dims[rank++] = a->dims[a->rank - 2];
	dims[rank++] = b->dims[b->rank - 1];
	y = ir_value(g, to, rank, dims);
	return product(g, IR_QMATMUL, in, y) ? y : NULL;
}

struct ir_value *b_qconv(struct ir_graph *g, struct ir_value *const *in, int64_t groups,
			 const int64_t *window, const int64_t *dims, enum accel_dtype to)
{
	struct ir_value *y;
	struct ir_node *n;

	if (!in[IR_Q_X] || !in[IR_Q_W] || g->error)
		return NULL;
	y = ir_value(g, to, in[IR_Q_X]->rank, dims);
	n = product(g, IR_QCONV, in, y);
	if (!n)
		return NULL;
	n->axis = groups;
	memcpy(n->ints, window, 9 * sizeof(*window));
	return y;
}

bool quant_zero(const struct ir_value *v, int32_t *zero)
{
	const char *p = v ? v->data : NULL;
	size_t size;

	*zero = 0;
	if (!v)
		return true;
	if (!p || !v->count || v->count > 1 << 20)
		return false;
	size = accel_dtype_size(v->dtype);
	for (int64_t i = 1; i < v->count; i++)
		if (memcmp(p, p + (size_t)i * size, size))
			return false;
	*zero = (int32_t)eval_load_int(v->dtype, p);
	return true;
}
