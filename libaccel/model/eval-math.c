// SPDX-License-Identifier: MIT
/*
 * Arithmetic of integers, doubles, and of floats where IEEE 754 leaves one answer.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "numerics.h"

/* MIN and MAX as the card has them: NaN wins, -0 is less than +0. */
static double extreme(double a, double b, bool max)
{
	if (isnan(a) || isnan(b))
		return NAN;
	if (a == b)
		return signbit(a) == max ? b : a;
	return (a < b) == max ? b : a;
}

static float act_float(const struct ir_node *n, float x)
{
	switch (n->act) {
	case ACCEL_ACT_RELU:
		return isnan(x) ? x : x > 0 ? x : 0;
	case ACCEL_ACT_CLIP:
		return (float)extreme(extreme((double)x, (double)n->act_param[0], true),
				      (double)n->act_param[1], false);
	case ACCEL_ACT_LEAKY:
		return x < 0 ? n->act_param[0] * x : x;
	default:
		return x;
	}
}

static double act_double(const struct ir_node *n, double x)
{
	double a = (double)n->act_param[0], b = (double)n->act_param[1];

	switch (n->act) {
	case ACCEL_ACT_RELU:
		return isnan(x) ? x : x > 0 ? x : 0;
	case ACCEL_ACT_CLIP:
		return extreme(extreme(x, a, true), b, false);
	case ACCEL_ACT_LEAKY:
		return x < 0 ? a * x : x;
	case ACCEL_ACT_ELU:
		return x < 0 ? a * expm1(x) : x;
	case ACCEL_ACT_SELU:
		return b * (x < 0 ? a * expm1(x) : x);
	case ACCEL_ACT_SIGMOID:
		return 1 / (1 + exp(-x));
	case ACCEL_ACT_TANH:
		return tanh(x);
	case ACCEL_ACT_SOFTPLUS:
		return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
	case ACCEL_ACT_SILU:
		return x / (1 + exp(-x));
	case ACCEL_ACT_GELU:
		return x * (1 + erf(x * M_SQRT1_2)) / 2;
	case ACCEL_ACT_GELU_TANH:
		return x * (1 + tanh(sqrt(M_2_PI) * (x + 0.044715 * x * x * x))) / 2;
	case ACCEL_ACT_HARD_SIGMOID:
		return fmax(0, fmin(1, a * x + b));
	case ACCEL_ACT_HARD_SWISH:
		return x * fmax(0, fmin(1, x / 6 + 0.5));
	default:
		return x;
	}
}

/* floats: each of the four operations is one of binary32, as on the card. */
static double binary_float(int fn, float a, float b)
{
	switch (fn) {
	case IR_ADD:
		return (double)(a + b);
	case IR_SUB:
		return (double)(a - b);
	case IR_MUL:
		return (double)(a * b);
	case IR_DIV:
		return (double)(a / b);
	case IR_POW:
		return (double)(float)pow((double)a, (double)b);
	default:
		return (double)fmodf(a, b);
	}
}

static double binary_double(int fn, double a, double b)
{
	switch (fn) {
	case IR_ADD:
		return a + b;
	case IR_SUB:
		return a - b;
	case IR_MUL:
		return a * b;
	case IR_DIV:
		return a / b;
	case IR_POW:
		return pow(a, b);
	default:
		return fmod(a, b);
	}
}

static bool compare_float(int fn, double a, double b)
{
	switch (fn) {
	case IR_EQ:
		return a == b;
	case IR_LT:
		return a < b;
	case IR_LE:
		return a <= b;
	case IR_GT:
		return a > b;
	default:
		return a >= b;
	}
}

static bool compare_int(int fn, uint64_t a, uint64_t b, bool is_signed)
{
	uint64_t flip = is_signed ? 1ull << 63 : 0;

	a ^= flip;
	b ^= flip;
	switch (fn) {
	case IR_EQ:
		return a == b;
	case IR_LT:
		return a < b;
	case IR_LE:
		return a <= b;
	case IR_GT:
		return a > b;
	default:
		return a >= b;
	}
}

static uint64_t divide(uint64_t a, uint64_t b, bool is_signed)
{
	if (!b)
		return 0;
	if (!is_signed)
		return a / b;
	return b == UINT64_MAX ? -a : (uint64_t)((int64_t)a / (int64_t)b);
}

static uint64_t power(uint64_t a, uint64_t b, bool is_signed)
{
	uint64_t r = 1;

	if (is_signed && (int64_t)b < 0)
		return a == 1 ? 1 : a == UINT64_MAX ? (b & 1 ? a : 1) : 0;
	for (; b; b >>= 1, a *= a)
		if (b & 1)
			r *= a;
	return r;
}

static uint64_t binary_int(int fn, uint64_t a, uint64_t b, bool is_signed)
{
	uint64_t r;

	switch (fn) {
	case IR_ADD:
		return a + b;
	case IR_SUB:
		return a - b;
	case IR_MUL:
		return a * b;
	case IR_DIV:
		return divide(a, b, is_signed);
	case IR_MIN:
		return compare_int(IR_LT, a, b, is_signed) ? a : b;
	case IR_MAX:
		return compare_int(IR_LT, a, b, is_signed) ? b : a;
	case IR_POW:
		return power(a, b, is_signed);
	case IR_FMOD:
		return b ? a - divide(a, b, is_signed) * b : 0;
	case IR_MOD:	/* the sign of the divisor */
		r = b ? a - divide(a, b, is_signed) * b : 0;
		return is_signed && r && (int64_t)(r ^ b) < 0 ? r + b : r;
	case IR_SHL:
		return b < 64 ? a << b : 0;
	case IR_SHR:
		return b < 64 ? a >> b : 0;
	case IR_AND:
		return a & b;
	case IR_OR:
		return a | b;
	default:
		return a ^ b;
	}
}

void eval_pair(enum accel_dtype t, int fn, const void *a, const void *b, void *out)
{
	double x, y;

	if (!ir_is_real(t)) {
		eval_store_int(t, out, binary_int(fn, eval_load_int(t, a), eval_load_int(t, b), ir_is_signed(t)));
		return;
	}
	x = eval_load(t, a);
	y = eval_load(t, b);
	if (fn == IR_MIN || fn == IR_MAX)
		x = extreme(x, y, fn == IR_MAX);
	else
		x = t == ACCEL_F64 ? binary_double(fn, x, y) : binary_float(fn, (float)x, (float)y);
	eval_store(t, out, x);
}

static void binary(const struct ir_node *n, const char *a, const char *b, char *out)
{
	const struct ir_value *y = n->out[0];
	enum accel_dtype t = n->in[0]->dtype, tb = n->in[1]->dtype;
	size_t size = accel_dtype_size(t), size_b = accel_dtype_size(tb);
	size_t size_y = accel_dtype_size(y->dtype);
	int64_t index[IR_RANK_MAX] = { 0 }, sa[IR_RANK_MAX], sb[IR_RANK_MAX];
	bool floats = ir_is_float(t) || t == ACCEL_F64, is_signed = ir_is_signed(t);

	eval_strides(n->in[0], y->rank, sa);
	eval_strides(n->in[1], y->rank, sb);
	for (int64_t i = 0; i < y->count; i++, out += size_y) {
		const char *pa = a, *pb = b;

		for (uint32_t k = 0; k < y->rank; k++) {
			pa += index[k] * sa[k] * (int64_t)size;
			pb += index[k] * sb[k] * (int64_t)size_b;
		}
		eval_next(index, y->dims, y->rank);
		if (floats) {
			double x = eval_load(t, pa), z = eval_load(tb, pb), r;

			if (n->fn >= IR_EQ) {
				*out = compare_float(n->fn, x, z);
				continue;
			}
			if (n->fn == IR_MIN || n->fn == IR_MAX)
				r = extreme(x, z, n->fn == IR_MAX);
			else if (t == ACCEL_F64 || tb == ACCEL_F64)
				r = binary_double(n->fn, x, z);
			else
				r = binary_float(n->fn, (float)x, (float)z);
			r = t == ACCEL_F64 ? act_double(n, r) : (double)act_float(n, (float)r);
			eval_store(y->dtype, out, r);
		} else {
			uint64_t x = eval_load_int(t, pa), z, r;

			if (!ir_is_int(tb) && tb != ACCEL_BOOL) {	/* POW alone */
				eval_store(y->dtype, out,
					   trunc(pow(eval_load(t, pa), eval_load(tb, pb))));
				continue;
			}
			z = eval_load_int(tb, pb);
			if (n->fn >= IR_EQ)
				r = compare_int(n->fn, x, z, is_signed);
			else
				r = binary_int(n->fn, x, z, is_signed);
			if (n->act == ACCEL_ACT_RELU && is_signed && (int64_t)r < 0)
				r = 0;
			eval_store_int(y->dtype, out, r);
		}
	}
}

/* Functions that both have and IEEE 754 defines, in double: exact for floats, or rounded by
 * the store, which for square root and reciprocal of a float is the same as at once.
 */
static double unary_double(int fn, double x)
{
	switch (fn) {
	case IR_NEG:
		return -x;
	case IR_ABS:
		return fabs(x);
	case IR_SIGN:
		return isnan(x) || x == 0 ? x : x > 0 ? 1 : -1;
	case IR_SQUARE:
		return x * x;
	case IR_SQRT:
		return sqrt(x);
	case IR_RSQRT:
		return 1 / sqrt(x);
	case IR_RECIPROCAL:
		return 1 / x;
	case IR_EXP:
		return exp(x);
	case IR_LOG:
		return log(x);
	case IR_ERF:
		return erf(x);
	case IR_FLOOR:
		return floor(x);
	case IR_CEIL:
		return ceil(x);
	case IR_ROUND:
		return rint(x);
	case IR_TRUNC:
		return trunc(x);
	case IR_SIN:
		return sin(x);
	case IR_COS:
		return cos(x);
	case IR_TAN:
		return tan(x);
	case IR_ASIN:
		return asin(x);
	case IR_ACOS:
		return acos(x);
	case IR_ATAN:
		return atan(x);
	case IR_SINH:
		return sinh(x);
	case IR_COSH:
		return cosh(x);
	case IR_ASINH:
		return asinh(x);
	case IR_ACOSH:
		return acosh(x);
	default:
		return atanh(x);
	}
}

static double unary_float(int fn, float x)
{
	switch (fn) {
	case IR_SQUARE:
		return (double)(x * x);
	case IR_SQRT:
		return (double)sqrtf(x);
	case IR_RSQRT:
		return (double)(1 / sqrtf(x));
	case IR_RECIPROCAL:
		return (double)(1 / x);
	default:
		return unary_double(fn, (double)x);
	}
}

static uint64_t unary_int(int fn, uint64_t x, bool is_signed)
{
	bool negative = is_signed && (int64_t)x < 0;

	switch (fn) {
	case IR_NEG:
		return -x;
	case IR_ABS:
		return negative ? -x : x;
	case IR_SIGN:
		return negative ? UINT64_MAX : x != 0;
	case IR_SQUARE:
		return x * x;
	case IR_NOT:
		return !x;
	default:	/* rounding */
		return x;
	}
}

static void unary(const struct ir_node *n, const char *in, char *out)
{
	const struct ir_value *y = n->out[0];
	enum accel_dtype t = n->in[0]->dtype;
	size_t size = accel_dtype_size(t), size_y = accel_dtype_size(y->dtype);

	for (int64_t i = 0; i < y->count; i++, in += size, out += size_y) {
		double x;

		if (ir_is_int(t) || t == ACCEL_BOOL) {
			uint64_t u = eval_load_int(t, in);

			if (n->op == IR_UNARY)
				u = unary_int(n->fn, u, ir_is_signed(t));
			if (n->act == ACCEL_ACT_RELU && ir_is_signed(t) && (int64_t)u < 0)
				u = 0;
			eval_store_int(y->dtype, out, u);
			continue;
		}
		x = eval_load(t, in);
		if (n->op == IR_UNARY && n->fn == IR_ISNAN) {
			*out = isnan(x) != 0;
			continue;
		}
		if (n->op == IR_UNARY && n->fn == IR_ISINF) {
			*out = isinf(x) && n->ints[x > 0];
			continue;
		}
		if (t == ACCEL_F64) {
			if (n->op == IR_UNARY)
				x = unary_double(n->fn, x);
			eval_store(y->dtype, out, act_double(n, x));
		} else {
			if (n->op == IR_UNARY)
				x = unary_float(n->fn, (float)x);
			eval_store(y->dtype, out, (double)act_float(n, (float)x));
		}
	}
}

static void cast(const struct ir_node *n, const char *in, char *out)
{
	const struct ir_value *y = n->out[0];
	enum accel_dtype t = n->in[0]->dtype;
	size_t size = accel_dtype_size(t), size_y = accel_dtype_size(y->dtype);
	bool from_int = ir_is_int(t) || t == ACCEL_BOOL;
	bool to_int = ir_is_int(y->dtype) || y->dtype == ACCEL_BOOL;

	for (int64_t i = 0; i < y->count; i++, in += size, out += size_y) {
		if (from_int && to_int)
			eval_store_int(y->dtype, out, eval_load_int(t, in));
		else if (t == ACCEL_I64 && y->dtype == ACCEL_F32)
			eval_store(y->dtype, out, (double)(float)(int64_t)eval_load_int(t, in));
		else if (t == ACCEL_U64 && y->dtype == ACCEL_F32)
			eval_store(y->dtype, out, (double)(float)eval_load_int(t, in));
		else
			eval_store(y->dtype, out, eval_load(t, in));
	}
}

/* --- Sums, of doubles and integers ------------------------------------------------------- */

struct acc {
	double d;
	uint64_t u;
};

static void reduce_start(struct acc *acc, int fn, enum accel_dtype t)
{
	bool is_signed = ir_is_signed(t);
	unsigned int bits = 8 * (unsigned int)accel_dtype_size(t);

	*acc = (struct acc){ 0, 0 };
	if (fn == ACCEL_REDUCE_PROD)
		*acc = (struct acc){ 1, 1 };
	if (fn == ACCEL_REDUCE_MIN)
		*acc = (struct acc){ INFINITY, is_signed ? (1ull << (bits - 1)) - 1 :
				     UINT64_MAX >> (64 - bits) };
	if (fn == ACCEL_REDUCE_MAX)
		*acc = (struct acc){ -INFINITY, is_signed ? -(1ull << (bits - 1)) : 0 };
}

static void reduce_step(struct acc *acc, int fn, double d, uint64_t u, bool is_signed)
{
	switch (fn) {
	case ACCEL_REDUCE_PROD:
		acc->d *= d;
		acc->u *= u;
		break;
	case ACCEL_REDUCE_MIN:
	case ACCEL_REDUCE_MAX:
		acc->d = extreme(acc->d, d, fn == ACCEL_REDUCE_MAX);
		if (compare_int(fn == ACCEL_REDUCE_MIN ? IR_LT : IR_GT, u, acc->u, is_signed))
			acc->u = u;
		break;
	case ACCEL_REDUCE_SUMSQ:
		acc->d += d * d;
		acc->u += u * u;
		break;
	case ACCEL_REDUCE_SUMABS:
		acc->d += fabs(d);
		acc->u += is_signed && (int64_t)u < 0 ? -u : u;
		break;
	default:
		acc->d += d;
		acc->u += u;
	}
}

static int reduce(const struct ir_node *n, const char *in, char *out)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];
	size_t size = accel_dtype_size(x->dtype);
	int64_t index[IR_RANK_MAX] = { 0 }, strides[IR_RANK_MAX], stride = 1;
	bool is_signed = ir_is_signed(x->dtype);
	struct acc *acc = calloc((size_t)y->count + 1, sizeof(*acc));
	double total = y->count ? (double)(x->count / y->count) : 0;

	if (!acc)
		return err_nomem("a sum");
	for (uint32_t i = x->rank; i--;) {
		strides[i] = n->axes >> i & 1 ? 0 : stride;
		stride *= n->axes >> i & 1 ? 1 : x->dims[i];
	}
	for (int64_t i = 0; i < y->count; i++)
		reduce_start(&acc[i], n->fn, x->dtype);
	for (int64_t i = 0; i < x->count; i++, in += size) {
		int64_t at = 0;

		for (uint32_t k = 0; k < x->rank; k++)
			at += index[k] * strides[k];
		if (ir_is_real(x->dtype))
			reduce_step(&acc[at], n->fn, eval_load(x->dtype, in), 0, false);
		else
			reduce_step(&acc[at], n->fn, 0, eval_load_int(x->dtype, in), is_signed);
		eval_next(index, x->dims, x->rank);
	}
	for (int64_t i = 0; i < y->count; i++, out += size) {
		if (ir_is_real(x->dtype))
			eval_store(x->dtype, out, n->fn == ACCEL_REDUCE_MEAN ? acc[i].d / total :
				   acc[i].d);
		else if (n->fn == ACCEL_REDUCE_MEAN)
			eval_store_int(x->dtype, out, divide(acc[i].u, (uint64_t)total, is_signed));
		else
			eval_store_int(x->dtype, out, acc[i].u);
	}
	free(acc);
	return 0;
}

/* Of doubles: along the axes of n, which follow each other; groups are found by their strides. */
static void softmax(const struct ir_node *n, const double *in, double *out)
{
	const struct ir_value *x = n->in[0];
	int64_t index[IR_RANK_MAX] = { 0 }, keep[IR_RANK_MAX] = { 0 };
	int64_t stride[IR_RANK_MAX], at, outer = 1, inner = 1;
	int64_t kept[IR_RANK_MAX], summed[IR_RANK_MAX];

	eval_strides(x, x->rank, stride);
	for (uint32_t i = 0; i < x->rank; i++) {
		kept[i] = n->axes >> i & 1 ? 1 : x->dims[i];
		summed[i] = n->axes >> i & 1 ? x->dims[i] : 1;
		outer *= kept[i];
		inner *= summed[i];
	}
	for (int64_t o = 0; o < outer; o++) {
		double m = -INFINITY, sum = 0;

		for (int pass = 0; pass < 3; pass++) {
			memset(index, 0, sizeof(index));
			for (int64_t i = 0; i < inner; i++) {
				at = 0;
				for (uint32_t k = 0; k < x->rank; k++)
					at += (index[k] + keep[k]) * stride[k];
				if (pass == 0)
					m = extreme(m, in[at], true);
				else if (pass == 1)
					sum += exp(in[at] - m);
				else
					out[at] = n->flag ? in[at] - m - log(sum) :
						  exp(in[at] - m) / sum;
				eval_next(index, summed, x->rank);
			}
		}
		eval_next(keep, kept, x->rank);
	}
}

static void matmul(const struct ir_node *n, const char *a, const char *b, const char *bias,
		   char *out)
{
	const struct ir_value *va = n->in[0], *vb = n->in[1], *y = n->out[0];
	enum accel_dtype t = va->dtype;
	int64_t index[IR_RANK_MAX] = { 0 }, sa[IR_RANK_MAX], sb[IR_RANK_MAX];
	int64_t k_count = va->dims[va->rank - 1];
	int64_t size = (int64_t)accel_dtype_size(t);

	eval_strides(va, y->rank, sa);
	eval_strides(vb, y->rank, sb);
	for (int64_t i = 0; i < y->count; i++, out += size) {
		const char *pa = a, *pb = b;
		double d = 0;
		uint64_t u = 0;

		for (uint32_t r = 0; r + 2 < y->rank; r++) {
			pa += index[r] * sa[r] * size;
			pb += index[r] * sb[r] * size;
		}
		pa += index[y->rank - 2] * k_count * size;
		pb += index[y->rank - 1] * size;
		for (int64_t k = 0; k < k_count; k++) {
			if (t == ACCEL_F64)
				d += eval_load(t, pa) * eval_load(t, pb);
			else
				u += eval_load_int(t, pa) * eval_load_int(t, pb);
			pa += size;
			pb += vb->dims[vb->rank - 1] * size;
		}
		if (bias) {
			const char *p = bias + (n->in[2]->count == 1 ? 0 : index[y->rank - 1] * size);

			d += t == ACCEL_F64 ? eval_load(t, p) : 0;
			u += t == ACCEL_F64 ? 0 : eval_load_int(t, p);
		}
		if (t == ACCEL_F64)
			eval_store(t, out, act_double(n, d));
		else
			eval_store_int(t, out, n->act == ACCEL_ACT_RELU && ir_is_signed(t) &&
				       (int64_t)u < 0 ? 0 : u);
		eval_next(index, y->dims, y->rank);
	}
}

static int cumsum(const struct ir_node *n, const char *in, char *out)
{
	const struct ir_value *x = n->in[0];
	enum accel_dtype t = x->dtype;
	size_t size = accel_dtype_size(t);
	int64_t inner = 1, dim = x->dims[n->axis];

	for (uint32_t i = (uint32_t)n->axis + 1; i < x->rank; i++)
		inner *= x->dims[i];
	for (int64_t o = 0; o < x->count / (dim ? dim : 1); o++) {
		int64_t base = o / inner * inner * dim + o % inner;
		double d = 0;
		float f = 0;
		uint64_t u = 0;

		for (int64_t i = 0; i < dim; i++) {
			size_t at = (size_t)(base + (n->flag2 ? dim - 1 - i : i) * inner) * size;

			for (int step = 0; step < 2; step++) {
				if (step == n->flag) {	/* add before it is stored, or after */
					if (t == ACCEL_F64)
						d += eval_load(t, in + at);
					else if (ir_is_float(t))
						f += (float)eval_load(t, in + at);
					else
						u += eval_load_int(t, in + at);
				} else if (t == ACCEL_F64) {
					eval_store(t, out + at, d);
				} else if (ir_is_float(t)) {
					eval_store(t, out + at, (double)f);
				} else {
					eval_store_int(t, out + at, u);
				}
			}
		}
	}
	return 0;
}

int eval_math(const struct ir_node *n, const void *const *in, void *const *out)
{
	switch (n->op) {
	case IR_BINARY:
		binary(n, in[0], in[1], out[0]);
		return 0;
	case IR_UNARY:
	case IR_ACT:
		unary(n, in[0], out[0]);
		return 0;
	case IR_REDUCE:
		return reduce(n, in[0], out[0]);
	case IR_SOFTMAX:
		if (n->in[0]->dtype != ACCEL_F64)
			return err(-EINVAL, NULL, "softmax of integers");
		softmax(n, in[0], out[0]);
		return 0;
	case IR_MATMUL:
		matmul(n, in[0], in[1], n->nin > 2 ? in[2] : NULL, out[0]);
		return 0;
	case IR_CAST:
		cast(n, in[0], out[0]);
		return 0;
	default:
		return cumsum(n, in[0], out[0]);
	}
}
