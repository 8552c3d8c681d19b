// SPDX-License-Identifier: MIT
/*
 * Integers that stand for numbers, on the processor: what the card's packets do not take, as
 * zero points that are computed or differ, and what can be computed when a session is made.
 *
 * The functions are those of the card's reference engine: the bits are the card's.
 */
#include <string.h>

#include "eval.h"
#include "functions.h"
#include "quant.h"

const char *eval_quant_cannot(const struct ir_node *n)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];

	if (n->op == IR_QUANTIZE && (!ir_is_float(x->dtype) || !ir_is_int(y->dtype) ||
				     accel_dtype_size(y->dtype) > 4))
		return "the processor does not quantise to this type";
	if (n->op == IR_DEQUANTIZE && (!ir_is_float(y->dtype) || !ir_is_int(x->dtype) ||
				       accel_dtype_size(x->dtype) > 4))
		return "the processor does not convert from this type";
	return NULL;
}

/* The element of @v, in @data, that broadcasts to an index; NULL: it is absent. */
struct side {
	const char *data;
	enum accel_dtype dtype;
	int64_t strides[IR_RANK_MAX];
	size_t size;
};

static struct side side_of(const struct ir_node *n, uint32_t i, const void *const *in)
{
	struct side s = { 0 };

	if (i >= n->nin || !n->in[i])
		return s;
	s.data = in[i];
	s.dtype = n->in[i]->dtype;
	s.size = accel_dtype_size(s.dtype);
	eval_strides(n->in[i], n->out[0]->rank, s.strides);
	return s;
}

static const char *side_at(const struct side *s, const int64_t *index, uint32_t rank)
{
	const char *p = s->data;

	for (uint32_t i = 0; i < rank && p; i++)
		p += index[i] * s->strides[i] * (int64_t)s->size;
	return p;
}

static int64_t integer(const struct side *s, const int64_t *index, uint32_t rank)
{
	const char *p = side_at(s, index, rank);

	return p ? (int64_t)eval_load_int(s->dtype, p) : 0;
}

/* --- Conversions ------------------------------------------------------------------------- */

static void quantize(const struct ir_node *n, const void *const *in, char *out)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];
	struct side scale = side_of(n, 1, in), zero = side_of(n, 2, in);
	int64_t index[IR_RANK_MAX] = { 0 };
	size_t size = accel_dtype_size(y->dtype);
	unsigned int bits = 8 * (unsigned int)size;
	int64_t low = ir_is_signed(y->dtype) ? -(1ll << (bits - 1)) : 0;
	int64_t high = ir_is_signed(y->dtype) ? (1ll << (bits - 1)) - 1 : (1ll << bits) - 1;
	const char *p = in[0];

	for (int64_t i = 0; i < y->count; i++, out += size, p += accel_dtype_size(x->dtype)) {
		float f = (float)eval_load(x->dtype, p) /
			  (float)eval_load(scale.dtype, side_at(&scale, index, y->rank));
		int64_t v = integer(&zero, index, y->rank);

		if (!isnan(f)) {
			/* Past this no zero point brings it back. */
			f = rintf(f < -0x1p40f ? -0x1p40f : f > 0x1p40f ? 0x1p40f : f);
			v += (int64_t)f;
		}
		eval_store_int(y->dtype, out, (uint64_t)(v < low ? low : v > high ? high : v));
		eval_next(index, y->dims, y->rank);
	}
}

static void dequantize(const struct ir_node *n, const void *const *in, char *out)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];
	struct side scale = side_of(n, 1, in), zero = side_of(n, 2, in);
	int64_t index[IR_RANK_MAX] = { 0 };
	size_t size = accel_dtype_size(y->dtype);
	const char *p = in[0];

	for (int64_t i = 0; i < y->count; i++, out += size, p += accel_dtype_size(x->dtype)) {
		uint32_t v = (uint32_t)eval_load_int(x->dtype, p) -
			     (uint32_t)integer(&zero, index, y->rank);
		float f = x->dtype == ACCEL_U32 ? (float)v : (float)(int32_t)v;

		f = f * (float)eval_load(scale.dtype, side_at(&scale, index, y->rank));
		eval_store(y->dtype, out, (double)f);
		eval_next(index, y->dims, y->rank);
	}
}

/* --- Products ---------------------------------------------------------------------------- */

static int32_t byte(enum accel_dtype t, const unsigned char *p)
{
	return t == ACCEL_I8 ? (int8_t)*p : *p;
}

struct tail {
	struct side x_zero, w_zero, bias, scale, residual, zero;
};

/* From the sum to an element of the result: the card's epilogue. */
static void finish(const struct ir_node *n, const struct tail *t, const int64_t *index,
		   uint32_t acc, char *out)
{
	const struct ir_value *y = n->out[0];
	float f;

	acc += (uint32_t)integer(&t->bias, index, y->rank);
	if (y->dtype == ACCEL_I32) {
		if (n->act == ACCEL_ACT_RELU && (int32_t)acc < 0)
			acc = 0;
		memcpy(out, &acc, sizeof(acc));
		return;
	}
	f = (float)(int32_t)acc;
	if (t->scale.data)
		f = f * (float)eval_load(t->scale.dtype, side_at(&t->scale, index, y->rank));
	if (t->residual.data)
		f = f + (float)eval_load(t->residual.dtype, side_at(&t->residual, index, y->rank));
	f = loom_f32_act((unsigned int)n->act, n->act_param[0], n->act_param[1], f);
	loom_f32_put((unsigned int)y->dtype, out, f, (int32_t)integer(&t->zero, index, y->rank));
}

static void matmul(const struct ir_node *n, const struct tail *t, const unsigned char *a,
		   const unsigned char *b, char *out)
{
	const struct ir_value *va = n->in[IR_Q_X], *vb = n->in[IR_Q_W], *y = n->out[0];
	int64_t index[IR_RANK_MAX] = { 0 }, sa[IR_RANK_MAX], sb[IR_RANK_MAX];
	int64_t depth = va->dims[va->rank - 1], width = vb->dims[vb->rank - 1];

	eval_strides(va, y->rank, sa);
	eval_strides(vb, y->rank, sb);
	for (int64_t i = 0; i < y->count; i++, out += accel_dtype_size(y->dtype)) {
		int32_t za = (int32_t)integer(&t->x_zero, index, y->rank);
		int32_t zb = (int32_t)integer(&t->w_zero, index, y->rank);
		const unsigned char *pa = a + index[y->rank - 2] * depth;
		const unsigned char *pb = b + index[y->rank - 1];
		uint32_t acc = 0;

		for (uint32_t r = 0; r + 2 < y->rank; r++) {
			pa += index[r] * sa[r];
			pb += index[r] * sb[r];
		}
		for (int64_t k = 0; k < depth; k++, pa++, pb += width)
			acc += (uint32_t)((byte(va->dtype, pa) - za) * (byte(vb->dtype, pb) - zb));
		finish(n, t, index, acc, out);
		eval_next(index, y->dims, y->rank);
	}
}

/* One element of a convolution: what lies outside of x counts as its zero point, so it adds 0. */
static uint32_t taps(const struct ir_node *n, const int64_t *index, const unsigned char *x,
		     const unsigned char *w, int32_t zx, int32_t zw)
{
	const struct ir_value *vx = n->in[IR_Q_X], *vw = n->in[IR_Q_W];
	uint32_t axes = vx->rank - 2, acc = 0;
	int64_t inputs = vw->dims[1], tap[3] = { 0 }, area = 1, window = 1;
	int64_t group = index[1] / (vw->dims[0] / n->axis);

	for (uint32_t i = 0; i < axes; i++) {
		area *= vx->dims[2 + i];
		window *= vw->dims[2 + i];
	}
	x += (index[0] * vx->dims[1] + group * inputs) * area;
	w += index[1] * inputs * window;
	for (int64_t k = 0; k < window; k++, eval_next(tap, vw->dims + 2, axes)) {
		int64_t at = 0;
		bool hole = false;

		for (uint32_t i = 0; i < axes; i++) {
			int64_t p = index[2 + i] * n->ints[i] + tap[i] * n->ints[3 + i] -
				    n->ints[6 + i];

			hole |= p < 0 || p >= vx->dims[2 + i];
			at = at * vx->dims[2 + i] + p;
		}
		for (int64_t c = 0; c < inputs && !hole; c++)
			acc += (uint32_t)((byte(vx->dtype, x + c * area + at) - zx) *
					  (byte(vw->dtype, w + c * window + k) - zw));
	}
	return acc;
}

static void conv(const struct ir_node *n, const struct tail *t, const unsigned char *x,
		 const unsigned char *w, char *out)
{
	const struct ir_value *y = n->out[0];
	int64_t index[IR_RANK_MAX] = { 0 };

	for (int64_t i = 0; i < y->count; i++, out += accel_dtype_size(y->dtype)) {
		finish(n, t, index,
		       taps(n, index, x, w, (int32_t)integer(&t->x_zero, index, y->rank),
			    (int32_t)integer(&t->w_zero, index, y->rank)), out);
		eval_next(index, y->dims, y->rank);
	}
}

int eval_quant(const struct ir_node *n, const void *const *in, void *const *out)
{
	struct tail t;

	if (n->op == IR_QUANTIZE || n->op == IR_DEQUANTIZE) {
		(n->op == IR_QUANTIZE ? quantize : dequantize)(n, in, out[0]);
		return 0;
	}
	t.x_zero = side_of(n, IR_Q_X_ZERO, in);
	t.w_zero = side_of(n, IR_Q_W_ZERO, in);
	t.bias = side_of(n, IR_Q_BIAS, in);
	t.scale = side_of(n, IR_Q_SCALE, in);
	t.residual = side_of(n, IR_Q_RESIDUAL, in);
	t.zero = side_of(n, IR_Q_ZERO, in);
	(n->op == IR_QMATMUL ? matmul : conv)(n, &t, in[IR_Q_X], in[IR_Q_W], out[0]);
	return 0;
}
