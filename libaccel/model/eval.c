// SPDX-License-Identifier: MIT
/*
 * What the processor does, and elements as numbers.
 */
#include <math.h>
#include <string.h>

#include "eval.h"
#include "numerics.h"
#include "quant.h"
#include "tail.h"
#include "tree.h"

/* A double as a float, rounded to odd: rounding that once more gives what one rounding gives. */
static float to_odd(double x)
{
	float f = (float)x;
	uint32_t bits = loom_f32_bits(f);

	if ((double)f == x || isnan(x) || isinf(x))
		return f;
	if (fabs((double)f) > fabs(x))
		bits--;
	return loom_f32_of(bits | 1);
}

double eval_load(enum accel_dtype dtype, const void *p)
{
	uint16_t h;
	float f;
	double d;

	switch (dtype) {
	case ACCEL_F32:
		memcpy(&f, p, sizeof(f));
		return (double)f;
	case ACCEL_F16:
		memcpy(&h, p, sizeof(h));
		return (double)loom_f32_from_f16(h);
	case ACCEL_BF16:
		memcpy(&h, p, sizeof(h));
		return (double)loom_f32_of((uint32_t)h << 16);
	case ACCEL_F64:
		memcpy(&d, p, sizeof(d));
		return d;
	case ACCEL_U64:
		return (double)eval_load_int(dtype, p);
	default:
		return (double)(int64_t)eval_load_int(dtype, p);
	}
}

void eval_store(enum accel_dtype dtype, void *p, double x)
{
	static const int64_t limit[][2] = {
		[ACCEL_I8] = { INT8_MIN, INT8_MAX }, [ACCEL_U8] = { 0, UINT8_MAX },
		[ACCEL_I16] = { INT16_MIN, INT16_MAX }, [ACCEL_U16] = { 0, UINT16_MAX },
		[ACCEL_I32] = { INT32_MIN, INT32_MAX }, [ACCEL_U32] = { 0, UINT32_MAX },
	};
	uint32_t u;
	uint16_t h;

	switch (dtype) {
	case ACCEL_F32:
		u = loom_f32_store((float)x);
		memcpy(p, &u, sizeof(u));
		return;
	case ACCEL_F16:
		h = loom_f16_from_f32(to_odd(x));
		memcpy(p, &h, sizeof(h));
		return;
	case ACCEL_BF16:
		h = loom_bf16_from_f32(to_odd(x));
		memcpy(p, &h, sizeof(h));
		return;
	case ACCEL_F64:
		memcpy(p, &x, sizeof(x));
		return;
	case ACCEL_BOOL:
		*(unsigned char *)p = x != 0;
		return;
	case ACCEL_I64:
	case ACCEL_U64:
		x = rint(x);
		if (isnan(x))
			x = 0;
		if (dtype == ACCEL_I64)
			eval_store_int(dtype, p, x < -0x1p63 ? (uint64_t)INT64_MIN :
				       x >= 0x1p63 ? INT64_MAX : (uint64_t)(int64_t)x);
		else
			eval_store_int(dtype, p, x <= 0 ? 0 : x >= 0x1p64 ? UINT64_MAX :
				       (uint64_t)x);
		return;
	default:
		x = isnan(x) ? 0 : rint(x);
		x = fmin(fmax(x, (double)limit[dtype][0]), (double)limit[dtype][1]);
		eval_store_int(dtype, p, (uint64_t)(int64_t)x);
	}
}

uint64_t eval_load_int(enum accel_dtype dtype, const void *p)
{
	uint64_t x = 0;

	memcpy(&x, p, accel_dtype_size(dtype));
	switch (dtype) {
	case ACCEL_I8:
		return (uint64_t)(int64_t)(int8_t)x;
	case ACCEL_I16:
		return (uint64_t)(int64_t)(int16_t)x;
	case ACCEL_I32:
		return (uint64_t)(int64_t)(int32_t)x;
	case ACCEL_BOOL:
		return x != 0;
	default:
		return x;
	}
}

void eval_store_int(enum accel_dtype dtype, void *p, uint64_t x)
{
	if (dtype == ACCEL_BOOL)
		x = x != 0;
	memcpy(p, &x, accel_dtype_size(dtype));
}

void eval_strides(const struct ir_value *v, uint32_t rank, int64_t *strides)
{
	int64_t stride = 1;

	for (uint32_t i = 0; i < rank; i++)
		strides[i] = 0;
	for (uint32_t i = 0; i < v->rank && i < rank; i++) {
		int64_t dim = v->dims[v->rank - 1 - i];

		strides[rank - 1 - i] = dim == 1 ? 0 : stride;
		stride *= dim;
	}
}

static const char *act_cannot(const struct ir_node *n, enum accel_dtype dtype)
{
	if (n->act == ACCEL_ACT_NONE || n->act == ACCEL_ACT_RELU ||
	    (n->act == ACCEL_ACT_CLIP && !ir_is_int(dtype)))
		return NULL;
	if (dtype == ACCEL_F64)
		return n->act <= ACCEL_ACT_HARD_SWISH ? NULL : "no such activation";
	if (ir_is_float(dtype) && (n->act == ACCEL_ACT_LEAKY))
		return NULL;
	return "the processor does not have this activation of this type";
}

const char *eval_cannot(const struct ir_node *n)
{
	const struct ir_value *x = n->nin ? n->in[0] : NULL;
	enum accel_dtype t = x ? x->dtype : ACCEL_NONE;

	switch (n->op) {
	case IR_MISSING:
		return n->text;
	case IR_BINARY:
		return act_cannot(n, t);
	case IR_UNARY:
		if (ir_is_float(t) && (n->fn == IR_EXP || n->fn == IR_LOG || n->fn == IR_ERF))
			return "the processor does not have this function of this type";
		return act_cannot(n, t);
	case IR_ACT:
		return act_cannot(n, t);
	case IR_REDUCE:
		/* The largest of all is the same in any order. */
		if (n->fn == ACCEL_REDUCE_MIN || n->fn == ACCEL_REDUCE_MAX)
			return NULL;
		return ir_is_float(t) ? "the order of its sums is the card's" : NULL;
	case IR_SOFTMAX:
	case IR_MATMUL:
		return ir_is_float(t) ? "the order of its sums is the card's" : act_cannot(n, t);
	case IR_QUANTIZE:
	case IR_DEQUANTIZE:
	case IR_QMATMUL:
	case IR_QCONV:
		return eval_quant_cannot(n);
	case IR_CONV:
	case IR_POOL:
	case IR_NORM:
		return "the processor does not have this operator";
	default:
		return NULL;
	}
}

/* Elements as loops walk over them, which an axis of none among others does not always end. */
static uint64_t span(const struct ir_value *v)
{
	uint64_t n = 1;

	for (uint32_t i = 0; v && i < v->rank; i++)
		n *= v->dims[i] ? (uint64_t)v->dims[i] : 1;
	return n;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX / 4 : r;
}

uint64_t eval_steps(const struct ir_node *n)
{
	const struct ir_value *x = n->nin ? n->in[0] : NULL, *y = n->out[0];
	const struct trees *t = n->extra;
	uint64_t steps = 0;

	for (uint32_t i = 0; i < n->nin; i++)
		steps += span(n->in[i]);
	for (uint32_t i = 0; i < n->nout; i++)
		steps += span(n->out[i]);
	switch (n->op) {
	case IR_SOFTMAX:
		return 4 * steps;
	case IR_MATMUL:
	case IR_QMATMUL:
		return steps + times(span(y), (uint64_t)x->dims[x->rank - 1]);
	case IR_QCONV:
		return steps + times(span(y), span(n->in[1]));
	case IR_TOPK:
		return steps + times(span(x), (uint64_t)n->ints[0] + 1);
	case IR_RESIZE:
		return steps + times(span(y), (uint64_t)n->in[1]->dims[1]);
	case IR_GRID_SAMPLE:
		return 16 * steps;
	case IR_ROI_ALIGN:	/* how many samples depends on the regions */
	case IR_TAIL:
		return UINT64_MAX;
	case IR_DFT:
		return steps + times(span(y), eval_transform_steps(n->ints[0]));
	case IR_DET:
		return steps + times(span(x), (uint64_t)x->dims[x->rank - 1]);
	case IR_TREES:
		return steps + times((uint64_t)x->dims[0], (uint64_t)t->nnodes + t->nweights + t->nroots);
	case IR_LABEL:
		return steps + times(span(x), span(n->in[1]));
	default:
		return steps;
	}
}

int eval(const struct ir_node *n, const void *const *in, void *const *out)
{
	unsigned int saved;
	bool nothing = true;
	int ret;

	for (uint32_t i = 0; i < n->nout; i++)
		nothing &= !n->out[i] || !n->out[i]->count;
	if (nothing)
		return 0;
	saved = loom_float_enter();

	switch (n->op) {
	case IR_BINARY:
	case IR_UNARY:
	case IR_ACT:
	case IR_REDUCE:
	case IR_SOFTMAX:
	case IR_MATMUL:
	case IR_CAST:
	case IR_CUMSUM:
		ret = eval_math(n, in, out);
		break;
	case IR_ARG:
	case IR_TOPK:
	case IR_CHECK:
	case IR_GATHER:
	case IR_GATHER_ELEMENTS:
	case IR_GATHER_ND:
	case IR_SCATTER_ELEMENTS:
	case IR_SCATTER_ND:
		ret = eval_index(n, in, out);
		break;
	case IR_RESIZE:
	case IR_GRID_SAMPLE:
	case IR_ROI_ALIGN:
		ret = eval_resize(n, in, out);
		break;
	case IR_DFT:
	case IR_DET:
		ret = eval_signal(n, in, out);
		break;
	case IR_QUANTIZE:
	case IR_DEQUANTIZE:
	case IR_QMATMUL:
	case IR_QCONV:
		ret = eval_quant(n, in, out);
		break;
	case IR_TREES:
	case IR_LABEL:
		ret = eval_tree(n, in, out);
		break;
	case IR_TAIL:
		ret = tail_run(n, in, out);
		break;
	default:
		ret = eval_move(n, in, out);
	}
	loom_float_leave(saved);
	return ret;
}
