/* SPDX-License-Identifier: MIT */
/*
 * functions.h on vectors, once per instruction set: no branches, all lanes go
 * all ways and each takes its result. Included by rows-body.h, with
 *   MATH_LANES		elements of a vector
 *   MATH_FMA(a, b, c)	fused multiply-add of vectors
 *   MATH_SQRT(x)	square root of vectors
 *
 * A lane whose input is NaN computes nonsense until the NaN comes through: so
 * integers are unsigned, for which that is defined.
 */
typedef float vf __attribute__((vector_size(4 * MATH_LANES)));
typedef int32_t vi __attribute__((vector_size(4 * MATH_LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * MATH_LANES)));

#define MATH	ROWS_TARGET static inline __attribute__((always_inline))
#define ALL(c)	((c) - (vf){ 0.0f })	/* adding zero would lose -0 */

/* As numbers, not bits: in C a vector's conversion is a reinterpretation. */
#define SEL(mask, a, b)	((vf)(((vi)(a) & (mask)) | ((vi)(b) & ~(mask))))

MATH vf ROWS(load)(const float *p)
{
	vf x;

	memcpy(&x, p, sizeof(x));
	return x;
}

MATH void ROWS(store)(float *p, vf x)
{
	memcpy(p, &x, sizeof(x));
}

MATH vf ROWS(abs)(vf x)
{
	return (vf)((vu)x & 0x7fffffffu);
}

MATH vf ROWS(copysign)(vf x, vf sign)
{
	return (vf)(((vu)x & 0x7fffffffu) | ((vu)sign & 0x80000000u));
}

MATH vf ROWS(min)(vf x, float most)
{
	vi over = x > most;

	return SEL(over, ALL(most), x);
}

MATH vf ROWS(power_of_2)(vu n)
{
	return (vf)((n + 127u) << 23);
}

MATH vf ROWS(ldexp)(vf v, vu n)
{
	vu half = (vu)((vi)n >> 1);

	return v * ROWS(power_of_2)(half) * ROWS(power_of_2)(n - half);
}

/* e^x = (1 + z) * 2^n; what lo adds comes last, where it is not zero */
MATH vf ROWS(power)(vf x, vf lo, vu *n)
{
	vf t = MATH_FMA(x, ALL(LOOM_LOG2E), ALL(LOOM_ROUND)), k = t - LOOM_ROUND, r, q;

	*n = (vu)t - 0x4b400000u;
	r = MATH_FMA(-k, ALL(LOOM_LN2_HI), x);
	r = MATH_FMA(-k, ALL(LOOM_LN2_LO), r) + lo;
	q = MATH_FMA(ALL(0x1.6ac6f6p-10f), r, ALL(0x1.123ddcp-7f));
	q = MATH_FMA(q, r, ALL(0x1.555858p-5f));
	q = MATH_FMA(q, r, ALL(0x1.55548cp-3f));
	q = MATH_FMA(q, r, ALL(0x1.fffffcp-2f));
	return MATH_FMA(r * r, q, r);
}

MATH vf ROWS(exp)(vf x)
{
	vi below = x < -105.0f;
	vf z;
	vu n;

	x = ROWS(min)(x, 89.0f);
	x = SEL(below, ALL(-105.0f), x);
	z = ROWS(power)(x, ALL(0.0f), &n);
	return ROWS(ldexp)(z + 1.0f, n);
}

MATH vf ROWS(expm1)(vf x)
{
	vu n;
	vf z = ROWS(power)(x, ALL(0.0f), &n), s = ROWS(power_of_2)(n);

	return MATH_FMA(z, s, s - 1.0f);
}

MATH vf ROWS(log1)(vf k, vf f)
{
	vf s = f * f, q;

	q = MATH_FMA(ALL(-0x1.3909d4p-4f), f, ALL(0x1.05753ap-3f));
	q = MATH_FMA(q, f, ALL(-0x1.0d8168p-3f));
	q = MATH_FMA(q, f, ALL(0x1.22d5fcp-3f));
	q = MATH_FMA(q, f, ALL(-0x1.54722cp-3f));
	q = MATH_FMA(q, f, ALL(0x1.99a036p-3f));
	q = MATH_FMA(q, f, ALL(-0x1.000228p-2f));
	q = MATH_FMA(q, f, ALL(0x1.555554p-2f));
	q = MATH_FMA(f * q, s, k * LOOM_LN2_LO);
	q = MATH_FMA(ALL(-0.5f), s, q);
	return MATH_FMA(k, ALL(LOOM_LN2_HI), f + q);
}

MATH vf ROWS(log)(vf x)
{
	vi zero = x == 0.0f, negative = x < 0.0f, same = (x == INFINITY) | (x != x);
	vi small = x < 0x1p-126f;
	vf y = SEL(small, x * 0x1p23f, x), k = SEL(small, ALL(-23.0f), ALL(0.0f)), r;
	vu e = (vu)((vi)((vu)y - 0x3f3504f3u) >> 23);

	k += __builtin_convertvector((vi)e, vf);
	r = ROWS(log1)(k, (vf)((vu)y - (e << 23)) - 1.0f);
	r = SEL(same, x, r);
	r = SEL(zero, ALL(-INFINITY), r);
	return SEL(negative, (vf)((vu)(vi){ 0 } + LOOM_NAN_F32), r);
}

MATH vf ROWS(erf)(vf x)
{
	vf t = ROWS(abs)(x), s = x * x, p, q;
	vi low = t < 0.9f;
	vu n;

	p = MATH_FMA(ALL(-0x1.3ba9d0p-11f), s, ALL(0x1.479c9ep-8f));
	p = MATH_FMA(p, s, ALL(-0x1.b69b96p-6f));
	p = MATH_FMA(p, s, ALL(0x1.ce1b86p-4f));
	p = MATH_FMA(p, s, ALL(-0x1.8126ecp-2f));
	p = MATH_FMA(p, s, ALL(0x1.06eba6p-3f));
	p = MATH_FMA(x, p, x);
	t = ROWS(min)(t, 4.0f);
	q = MATH_FMA(ALL(0x1.9fab2ep-13f), t, ALL(-0x1.91cb74p-9f));
	q = MATH_FMA(q, t, ALL(0x1.6d9cc6p-6f));
	q = MATH_FMA(q, t, ALL(-0x1.aa7332p-4f));
	q = MATH_FMA(q, t, ALL(-0x1.4621b8p-1f));
	q = MATH_FMA(q, t, ALL(-0x1.20b752p+0f));
	q = MATH_FMA(q, t, ALL(-0x1.5d1760p-13f));
	q = ROWS(power)(q, ALL(0.0f), &n);
	q = 1.0f - ROWS(ldexp)(q + 1.0f, n);
	return SEL(low, p, ROWS(copysign)(q, x));
}

MATH vf ROWS(tanh)(vf x)
{
	vf t = ROWS(min)(ROWS(abs)(x), 9.5f), e = ROWS(expm1)(t + t);

	return ROWS(copysign)(e / (e + 2.0f), x);
}

/* x / (1 + e^-(hi + lo)), hi of the sign of x but positive here; @low: see functions.h */
MATH vf ROWS(gate)(vf x, vf hi, vf lo, bool gate, float low)
{
	vi negative = x < 0.0f, beyond = x < low;
	vu n, scale;
	vf p = ROWS(power)(-hi, lo, &n) + 1.0f, e = ROWS(ldexp)(p, n), num;

	if (gate)
		num = SEL(negative, p, ALL(1.0f));
	else
		num = SEL(negative, SEL(beyond, ALL(low), x) * p, x);
	scale = n & (vu)negative;
	return ROWS(ldexp)(num / (e + 1.0f), scale);
}

MATH vf ROWS(sigmoid)(vf x)
{
	return ROWS(gate)(x, ROWS(min)(ROWS(abs)(x), 110.0f), ALL(0.0f), true, 0.0f);
}

MATH vf ROWS(silu)(vf x)
{
	return ROWS(gate)(x, ROWS(min)(ROWS(abs)(x), 110.0f), ALL(0.0f), false, -110.0f);
}

MATH vf ROWS(gelu_tanh)(vf x)
{
	const vf c1 = ALL(0x1.988454p+0f), c3 = ALL(0x1.2444f2p-4f);
	vf t = ROWS(min)(ROWS(abs)(x), 12.0f), s = t * t, s_lo = MATH_FMA(t, t, -s);
	vf p = c3 * s, p_lo = MATH_FMA(c3, s, -p), q = p + c1, d = q - p;
	vf q_lo = (p - (q - d)) + (c1 - d), y, y_lo;

	q_lo = q_lo + -0x1.857936p-25f;
	p_lo = MATH_FMA(c3, s_lo, p_lo);
	p_lo = MATH_FMA(ALL(0x1.49b16ap-29f), s, p_lo);
	q_lo = q_lo + p_lo;
	y = t * q;
	y_lo = MATH_FMA(t, q, -y);
	y_lo = MATH_FMA(t, q_lo, y_lo);
	return ROWS(gate)(x, y, -y_lo, false, -12.0f);
}

MATH vf ROWS(gelu)(vf x)
{
	vf t = ROWS(min)(ROWS(abs)(x), 14.5f), s = t * t, s_lo = MATH_FMA(t, t, -s);
	vf near, u, q;
	vi negative = x < 0.0f, low = t < 0.8f;
	vu n;
	vf z = ROWS(power)(s * -0.5f, s_lo * -0.5f, &n);

	near = MATH_FMA(ALL(0x1.9e0c20p-14f), s, ALL(-0x1.343974p-10f));
	near = MATH_FMA(near, s, ALL(0x1.46b204p-7f));
	near = MATH_FMA(near, s, ALL(-0x1.1057b8p-4f));
	near = MATH_FMA(near, s, ALL(0x1.988452p-2f));
	near = x * MATH_FMA(x, near, ALL(0.5f));
	u = (t - 4.0f) / (t + 4.0f);
	q = MATH_FMA(ALL(0x1.be1afep-11f), u, ALL(-0x1.e1c89ap-11f));
	q = MATH_FMA(q, u, ALL(-0x1.69fd54p-8f));
	q = MATH_FMA(q, u, ALL(0x1.b0c4bcp-6f));
	q = MATH_FMA(q, u, ALL(-0x1.024848p-4f));
	q = MATH_FMA(q, u, ALL(0x1.9adf6ap-4f));
	q = MATH_FMA(q, u, ALL(-0x1.c41deep-4f));
	q = MATH_FMA(q, u, ALL(0x1.2dd9e0p-4f));
	q = MATH_FMA(q, u, ALL(0x1.82b4bcp-2f));
	q = ROWS(ldexp)(q * (z + 1.0f), n);
	q = SEL(negative, -q, x - q);
	return SEL(low, near, q);
}

MATH vf ROWS(softplus)(vf x)
{
	vf t = ROWS(min)(ROWS(abs)(x), 105.0f), e, k, f, above;
	vi low, positive = x > 0.0f;
	vu n;

	e = ROWS(power)(-t, ALL(0.0f), &n);
	e = ROWS(ldexp)(e + 1.0f, n);
	low = e < 0x1.a8279ap-2f;
	k = SEL(low, ALL(0.0f), ALL(1.0f));
	f = SEL(low, e, MATH_FMA(ALL(0.5f), e, ALL(-0.5f)));
	above = SEL(positive, x, ALL(0.0f));
	return above + ROWS(log1)(k, f);
}

MATH vf ROWS(elu)(vf x, float a)
{
	vi positive = x >= 0.0f, below = x < -20.0f;
	vf y = SEL(below, ALL(-20.0f), x);

	/* what is not taken must not be so large that n leaves its range: it is masked anyway */
	return SEL(positive, x, ROWS(expm1)(y) * a);
}

MATH vf ROWS(hard)(vf x, float a, float b)
{
	vf y = MATH_FMA(x, ALL(a), ALL(b));
	vi below = y < 0.0f, above = y > 1.0f;

	return SEL(below, ALL(0.0f), SEL(above, ALL(1.0f), y));
}

/* Adding 2^23 leaves no room for a fraction; beyond it there is none. */
MATH vf ROWS(round)(vf x)
{
	vf t = ROWS(abs)(x), r = (t + 0x1p23f) - 0x1p23f;
	vi whole = t >= 0x1p23f;

	return ROWS(copysign)(SEL(whole, t, r), x);
}

MATH vf ROWS(floor)(vf x)
{
	vf r = ROWS(round)(x);
	vi above = r > x;

	return ROWS(copysign)(SEL(above, r - 1.0f, r), x);
}

MATH vf ROWS(ceil)(vf x)
{
	vf r = ROWS(round)(x);
	vi below = r < x;

	return ROWS(copysign)(SEL(below, r + 1.0f, r), x);
}

MATH vf ROWS(trunc)(vf x)
{
	vf t = ROWS(abs)(x), r = ROWS(round)(t);
	vi above = r > t;

	return ROWS(copysign)(SEL(above, r - 1.0f, r), x);
}

MATH vf ROWS(sign)(vf x)
{
	vi positive = x > 0.0f, negative = x < 0.0f;

	return SEL(positive, ALL(1.0f), SEL(negative, ALL(-1.0f), x));
}

/* dst[i] = expr of x = src[i], with zeros behind the last */
#define MATH_LOOP(expr)								\
	for (; i + MATH_LANES <= n; i += MATH_LANES) {				\
		vf x = ROWS(load)(src + i);					\
										\
		ROWS(store)(dst + i, expr);					\
	}									\
	if (i < n) {								\
		vf x = { 0.0f };						\
										\
		memcpy(&x, src + i, (n - i) * sizeof(float));			\
		x = expr;							\
		memcpy(dst + i, &x, (n - i) * sizeof(float));			\
	}									\
	break

ROWS_TARGET static void ROWS(unary)(unsigned int op, const float *src, float *dst, size_t n)
{
	size_t i = 0;

	switch (op) {
	case LOOM_UNARY_NEG:
		MATH_LOOP(-x);
	case LOOM_UNARY_ABS:
		MATH_LOOP(ROWS(abs)(x));
	case LOOM_UNARY_SIGN:
		MATH_LOOP(ROWS(sign)(x));
	case LOOM_UNARY_SQUARE:
		MATH_LOOP(x * x);
	case LOOM_UNARY_SQRT:
		MATH_LOOP(MATH_SQRT(x));
	case LOOM_UNARY_RSQRT:
		MATH_LOOP(1.0f / MATH_SQRT(x));
	case LOOM_UNARY_RECIPROCAL:
		MATH_LOOP(1.0f / x);
	case LOOM_UNARY_EXP:
		MATH_LOOP(ROWS(exp)(x));
	case LOOM_UNARY_LOG:
		MATH_LOOP(ROWS(log)(x));
	case LOOM_UNARY_ERF:
		MATH_LOOP(ROWS(erf)(x));
	case LOOM_UNARY_FLOOR:
		MATH_LOOP(ROWS(floor)(x));
	case LOOM_UNARY_CEIL:
		MATH_LOOP(ROWS(ceil)(x));
	case LOOM_UNARY_ROUND:
		MATH_LOOP(ROWS(round)(x));
	case LOOM_UNARY_TRUNC:
		MATH_LOOP(ROWS(trunc)(x));
	default:
		if (dst != src)
			memmove(dst, src, n * sizeof(float));
		break;
	}
}

ROWS_TARGET static void ROWS(act)(unsigned int act, const float *param, float *dst, size_t n)
{
	float a = param[0], b = param[1];
	const float *src = dst;
	size_t i = 0;

	switch (act) {
	case LOOM_ACT_RELU:
		/* a NaN's comparison is false: written so that it stays, and -0 becomes +0 */
		MATH_LOOP(SEL(x <= 0.0f, ALL(0.0f), x));
	case LOOM_ACT_CLIP:
		MATH_LOOP(SEL(x < a, ALL(a), SEL(x > b, ALL(b), x)));
	case LOOM_ACT_LEAKY:
		MATH_LOOP(SEL(x < 0.0f, x * a, x));
	case LOOM_ACT_ELU:
		MATH_LOOP(ROWS(elu)(x, a));
	case LOOM_ACT_SELU:
		MATH_LOOP(ROWS(elu)(x, a) * b);
	case LOOM_ACT_SIGMOID:
		MATH_LOOP(ROWS(sigmoid)(x));
	case LOOM_ACT_TANH:
		MATH_LOOP(ROWS(tanh)(x));
	case LOOM_ACT_SOFTPLUS:
		MATH_LOOP(ROWS(softplus)(x));
	case LOOM_ACT_SILU:
		MATH_LOOP(ROWS(silu)(x));
	case LOOM_ACT_GELU:
		MATH_LOOP(ROWS(gelu)(x));
	case LOOM_ACT_GELU_TANH:
		MATH_LOOP(ROWS(gelu_tanh)(x));
	case LOOM_ACT_HARD_SIGMOID:
		MATH_LOOP(ROWS(hard)(x, a, b));
	case LOOM_ACT_HARD_SWISH:
		MATH_LOOP(x * ROWS(hard)(x, 0x1.555556p-3f, 0.5f));
	default:
		break;
	}
}

#include "fold-body.h"

#undef MATH_LOOP
