/* SPDX-License-Identifier: MIT */
/*
 * Functions of one binary32 number: roots, exponential, logarithm, activations.
 *
 * "Functions" in Documentation/hardware.rst in C, one statement for each of its
 * lines. Like numerics.h this is what the reference engine uses; the vector
 * engines have code of their own (math-body.h) and must equal it. libm is used
 * only for what IEEE 754 defines to the bit: fmaf, sqrtf, rintf and their kin.
 */
#ifndef LOOM_FUNCTIONS_H
#define LOOM_FUNCTIONS_H

#include "numerics.h"

#define LOOM_LOG2E	0x1.715476p+0f
#define LOOM_LN2_HI	0x1.62e430p-1f
#define LOOM_LN2_LO	-0x1.05c610p-29f
#define LOOM_ROUND	0x1.8p+23f	/* added and subtracted again: rounds to an integer */

/* v * 2^n, rounded once; n in [-250, 250]. */
static inline float loom_f32_ldexp(float v, int n)
{
	int half = n >= 0 ? n / 2 : -((1 - n) / 2);

	v = v * loom_f32_of((uint32_t)(half + 127) << 23);
	return v * loom_f32_of((uint32_t)(n - half + 127) << 23);
}

/**
 * struct loom_power - exp of a number as (1 + z) * 2^n
 */
struct loom_power {
	float z;
	int n;
};

/* e^(hi + lo), hi in [-200, 200], lo much smaller. */
static inline struct loom_power loom_f32_power(float hi, float lo)
{
	float n = fmaf(hi, LOOM_LOG2E, LOOM_ROUND) - LOOM_ROUND;
	float r = fmaf(-n, LOOM_LN2_HI, hi), q;

	r = fmaf(-n, LOOM_LN2_LO, r) + lo;
	q = 0x1.6ac6f6p-10f;
	q = fmaf(q, r, 0x1.123ddcp-7f);
	q = fmaf(q, r, 0x1.555858p-5f);
	q = fmaf(q, r, 0x1.55548cp-3f);
	q = fmaf(q, r, 0x1.fffffcp-2f);
	return (struct loom_power){ fmaf(r * r, q, r), (int)n };
}

static inline float loom_f32_exp(float x)
{
	struct loom_power p;

	if (x != x)
		return x;
	x = x < -105.0f ? -105.0f : x > 89.0f ? 89.0f : x;
	p = loom_f32_power(x, 0.0f);
	return loom_f32_ldexp(1.0f + p.z, p.n);
}

/* e^x - 1, x in [-20, 20]. */
static inline float loom_f32_expm1(float x)
{
	struct loom_power p = loom_f32_power(x, 0.0f);
	float s = loom_f32_ldexp(1.0f, p.n);

	return fmaf(p.z, s, s - 1.0f);
}

/* k ln 2 + ln(1 + f), 1 + f in [sqrt(1/2), sqrt(2)]. */
static inline float loom_f32_log1(float k, float f)
{
	float s = f * f, q;

	q = -0x1.3909d4p-4f;
	q = fmaf(q, f, 0x1.05753ap-3f);
	q = fmaf(q, f, -0x1.0d8168p-3f);
	q = fmaf(q, f, 0x1.22d5fcp-3f);
	q = fmaf(q, f, -0x1.54722cp-3f);
	q = fmaf(q, f, 0x1.99a036p-3f);
	q = fmaf(q, f, -0x1.000228p-2f);
	q = fmaf(q, f, 0x1.555554p-2f);
	q = fmaf(f * q, s, k * LOOM_LN2_LO);
	q = fmaf(-0.5f, s, q);
	return fmaf(k, LOOM_LN2_HI, f + q);
}

static inline float loom_f32_log(float x)
{
	float k = 0.0f;
	int32_t e;

	if (x != x || x < 0.0f)
		return loom_f32_of(LOOM_NAN_F32);
	if (x == 0.0f)
		return -INFINITY;
	if (x == INFINITY)
		return x;
	if (x < 0x1p-126f) {
		x = x * 0x1p23f;
		k = -23.0f;
	}
	/* bits of sqrt(1/2): 1 + f is at least that, and below its double */
	e = ((int32_t)loom_f32_bits(x) - 0x3f3504f3) >> 23;
	x = loom_f32_of(loom_f32_bits(x) - ((uint32_t)e << 23));
	return loom_f32_log1(k + (float)e, x - 1.0f);
}

static inline float loom_f32_erf(float x)
{
	float t = fabsf(x), s = x * x, q;
	struct loom_power p;

	if (x != x)
		return x;
	if (t < 0.9f) {
		q = -0x1.3ba9d0p-11f;
		q = fmaf(q, s, 0x1.479c9ep-8f);
		q = fmaf(q, s, -0x1.b69b96p-6f);
		q = fmaf(q, s, 0x1.ce1b86p-4f);
		q = fmaf(q, s, -0x1.8126ecp-2f);
		q = fmaf(q, s, 0x1.06eba6p-3f);
		return fmaf(x, q, x);
	}
	if (t > 4.0f)
		t = 4.0f;
	/* the logarithm of 1 - erf(t) */
	q = 0x1.9fab2ep-13f;
	q = fmaf(q, t, -0x1.91cb74p-9f);
	q = fmaf(q, t, 0x1.6d9cc6p-6f);
	q = fmaf(q, t, -0x1.aa7332p-4f);
	q = fmaf(q, t, -0x1.4621b8p-1f);
	q = fmaf(q, t, -0x1.20b752p+0f);
	q = fmaf(q, t, -0x1.5d1760p-13f);
	p = loom_f32_power(q, 0.0f);
	return copysignf(1.0f - loom_f32_ldexp(1.0f + p.z, p.n), x);
}

static inline float loom_f32_tanh(float x)
{
	float t = fabsf(x), e;

	if (x != x)
		return x;
	if (t > 9.5f)
		t = 9.5f;
	e = loom_f32_expm1(t + t);
	return copysignf(e / (e + 2.0f), x);
}

/*
 * x / (1 + e^-y) where y = hi + lo has the sign of x; with @gate, without the
 * factor x. @low bounds x below: beyond it the result is zero.
 */
static inline float loom_f32_gate(float x, float hi, float lo, bool gate, float low)
{
	struct loom_power p = loom_f32_power(-fabsf(hi), lo);
	float e = loom_f32_ldexp(1.0f + p.z, p.n);

	if (!(x < 0.0f))
		return (gate ? 1.0f : x) / (1.0f + e);
	if (gate)
		return loom_f32_ldexp((1.0f + p.z) / (1.0f + e), p.n);
	x = x < low ? low : x;
	return loom_f32_ldexp(x * (1.0f + p.z) / (1.0f + e), p.n);
}

static inline float loom_f32_sigmoid(float x)
{
	float t = fabsf(x);

	if (x != x)
		return x;
	return loom_f32_gate(x, t > 110.0f ? 110.0f : t, 0.0f, true, 0.0f);
}

static inline float loom_f32_silu(float x)
{
	float t = fabsf(x);

	if (x != x)
		return x;
	return loom_f32_gate(x, t > 110.0f ? 110.0f : t, 0.0f, false, -110.0f);
}

/*
 * x / (1 + e^-y), y = t (c1 + c3 t^2) with c1 = sqrt(8 / pi), c3 = 0.044715 c1. y
 * reaches 107 before the result vanishes: it takes more than binary32 holds.
 */
static inline float loom_f32_gelu_tanh(float x)
{
	const float c1 = 0x1.988454p+0f, c1_lo = -0x1.857936p-25f;
	const float c3 = 0x1.2444f2p-4f, c3_lo = 0x1.49b16ap-29f;
	float t = fabsf(x), s, s_lo, p, p_lo, q, d, q_lo, y, y_lo;

	if (x != x)
		return x;
	t = t > 12.0f ? 12.0f : t;
	s = t * t;
	s_lo = fmaf(t, t, -s);
	p = c3 * s;
	p_lo = fmaf(c3, s, -p);
	q = p + c1;
	d = q - p;
	q_lo = (p - (q - d)) + (c1 - d);
	q_lo = q_lo + c1_lo;
	p_lo = fmaf(c3, s_lo, p_lo);
	p_lo = fmaf(c3_lo, s, p_lo);
	q_lo = q_lo + p_lo;
	y = t * q;
	y_lo = fmaf(t, q, -y);
	y_lo = fmaf(t, q_lo, y_lo);
	return loom_f32_gate(x, y, -y_lo, false, -12.0f);
}

/*
 * x F(x), F the normal distribution: an odd polynomial about 1/2 near zero. Elsewhere, with
 * t = |x|, t F(-t) = e^(-t^2 / 2) S(u) with a polynomial S of u = (t - 4) / (t + 4).
 */
static inline float loom_f32_gelu(float x)
{
	float t = fabsf(x), s, s_lo, u, q;
	struct loom_power p;

	if (x != x)
		return x;
	if (t < 0.8f) {
		s = x * x;
		q = 0x1.9e0c20p-14f;
		q = fmaf(q, s, -0x1.343974p-10f);
		q = fmaf(q, s, 0x1.46b204p-7f);
		q = fmaf(q, s, -0x1.1057b8p-4f);
		q = fmaf(q, s, 0x1.988452p-2f);
		return x * fmaf(x, q, 0.5f);
	}
	t = t > 14.5f ? 14.5f : t;
	s = t * t;
	s_lo = fmaf(t, t, -s);
	p = loom_f32_power(-0.5f * s, -0.5f * s_lo);
	u = (t - 4.0f) / (t + 4.0f);
	q = 0x1.be1afep-11f;
	q = fmaf(q, u, -0x1.e1c89ap-11f);
	q = fmaf(q, u, -0x1.69fd54p-8f);
	q = fmaf(q, u, 0x1.b0c4bcp-6f);
	q = fmaf(q, u, -0x1.024848p-4f);
	q = fmaf(q, u, 0x1.9adf6ap-4f);
	q = fmaf(q, u, -0x1.c41deep-4f);
	q = fmaf(q, u, 0x1.2dd9e0p-4f);
	q = fmaf(q, u, 0x1.82b4bcp-2f);
	q = loom_f32_ldexp(q * (1.0f + p.z), p.n);
	return x < 0.0f ? -q : x - q;
}

/* ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|) */
static inline float loom_f32_softplus(float x)
{
	float t = fabsf(x), e, l;
	struct loom_power p;

	if (x != x)
		return x;
	p = loom_f32_power(t > 105.0f ? -105.0f : -t, 0.0f);
	e = loom_f32_ldexp(1.0f + p.z, p.n);
	if (e < 0x1.a8279ap-2f)
		l = loom_f32_log1(0.0f, e);
	else
		l = loom_f32_log1(1.0f, fmaf(0.5f, e, -0.5f));
	return (x > 0.0f ? x : 0.0f) + l;
}

/* a (e^x - 1) below zero */
static inline float loom_f32_elu(float a, float x)
{
	if (x != x || x >= 0.0f)
		return x;
	return a * loom_f32_expm1(x < -20.0f ? -20.0f : x);
}

static inline float loom_f32_hard_sigmoid(float a, float b, float x)
{
	float y = fmaf(a, x, b);

	return y < 0.0f ? 0.0f : y > 1.0f ? 1.0f : y;
}

/* enum loom_act */
static inline float loom_f32_act(unsigned int act, float p0, float p1, float x)
{
	switch (act) {
	case LOOM_ACT_RELU:
		return x != x || x > 0.0f ? x : 0.0f;
	case LOOM_ACT_CLIP:
		return x < p0 ? p0 : x > p1 ? p1 : x;
	case LOOM_ACT_LEAKY:
		return x < 0.0f ? p0 * x : x;
	case LOOM_ACT_ELU:
		return loom_f32_elu(p0, x);
	case LOOM_ACT_SELU:
		return p1 * loom_f32_elu(p0, x);
	case LOOM_ACT_SIGMOID:
		return loom_f32_sigmoid(x);
	case LOOM_ACT_TANH:
		return loom_f32_tanh(x);
	case LOOM_ACT_SOFTPLUS:
		return loom_f32_softplus(x);
	case LOOM_ACT_SILU:
		return loom_f32_silu(x);
	case LOOM_ACT_GELU:
		return loom_f32_gelu(x);
	case LOOM_ACT_GELU_TANH:
		return loom_f32_gelu_tanh(x);
	case LOOM_ACT_HARD_SIGMOID:
		return loom_f32_hard_sigmoid(p0, p1, x);
	case LOOM_ACT_HARD_SWISH:
		return x * loom_f32_hard_sigmoid(0x1.555556p-3f, 0.5f, x);
	default:
		return x;
	}
}

/* enum loom_unary_op */
static inline float loom_f32_unary(unsigned int op, float x)
{
	switch (op) {
	case LOOM_UNARY_NEG:
		return -x;
	case LOOM_UNARY_ABS:
		return fabsf(x);
	case LOOM_UNARY_SIGN:
		return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x;
	case LOOM_UNARY_SQUARE:
		return x * x;
	case LOOM_UNARY_SQRT:
		return sqrtf(x);
	case LOOM_UNARY_RSQRT:
		return 1.0f / sqrtf(x);
	case LOOM_UNARY_RECIPROCAL:
		return 1.0f / x;
	case LOOM_UNARY_EXP:
		return loom_f32_exp(x);
	case LOOM_UNARY_LOG:
		return loom_f32_log(x);
	case LOOM_UNARY_ERF:
		return loom_f32_erf(x);
	case LOOM_UNARY_FLOOR:
		return floorf(x);
	case LOOM_UNARY_CEIL:
		return ceilf(x);
	case LOOM_UNARY_ROUND:
		return rintf(x);
	case LOOM_UNARY_TRUNC:
		return truncf(x);
	default:
		return x;
	}
}

/* I32 wraps, I8 and U8 saturate; @dtype is one of the three. */
static inline int32_t loom_i32_unary(unsigned int dtype, unsigned int op, int32_t a)
{
	switch (op) {
	case LOOM_UNARY_NEG:
		return loom_i32_binary(dtype, LOOM_ELTWISE_SUB, 0, a);
	case LOOM_UNARY_ABS:
		return a < 0 ? loom_i32_binary(dtype, LOOM_ELTWISE_SUB, 0, a) : a;
	case LOOM_UNARY_SIGN:
		return (a > 0) - (a < 0);
	case LOOM_UNARY_SQUARE:
		return loom_i32_binary(dtype, LOOM_ELTWISE_MUL, a, a);
	default:
		return a;
	}
}

#endif
