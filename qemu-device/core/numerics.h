/* SPDX-License-Identifier: MIT */
/*
 * Scalar arithmetic of the card: conversions, rounding, saturation, NaN.
 *
 * Documentation/hardware.rst fixes every result to the bit; these functions are
 * that text in C. The reference engine uses nothing else and the vector engines
 * must equal it, so nothing here may depend on compiler flags or on the
 * processor: binary32 expressions are evaluated in binary32, never contracted.
 */
#ifndef LOOM_NUMERICS_H
#define LOOM_NUMERICS_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "loom_isa.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "operands are little-endian in memory");
_Static_assert(FLT_EVAL_METHOD == 0, "binary32 expressions must be evaluated in binary32");

#define LOOM_NAN_F32	0x7fc00000u
#define LOOM_NAN_F16	0x7e00u
#define LOOM_NAN_BF16	0x7fc0u

/*
 * A thread of the host may run with flush-to-zero, denormals-are-zero or
 * another rounding direction, and sim: computes on such threads. Every tile
 * brackets its work with these two.
 */
static inline unsigned int loom_float_enter(void)
{
#if defined(__SSE2__)
	unsigned int saved = _mm_getcsr();

	_mm_setcsr(0x1f80);	/* all exceptions masked, nearest even, subnormals kept */
	return saved;
#elif defined(__aarch64__)
	uint64_t saved;

	__asm__ volatile("mrs %0, fpcr" : "=r"(saved));
	__asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0) : "memory");
	return (unsigned int)saved;
#else
	return 0;
#endif
}

static inline void loom_float_leave(unsigned int saved)
{
#if defined(__SSE2__)
	_mm_setcsr(saved);
#elif defined(__aarch64__)
	__asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)saved) : "memory");
#else
	(void)saved;
#endif
}

static inline uint32_t loom_f32_bits(float x)
{
	uint32_t u;

	memcpy(&u, &x, sizeof(u));
	return u;
}

static inline float loom_f32_of(uint32_t u)
{
	float x;

	memcpy(&x, &u, sizeof(x));
	return x;
}

/** loom_dtype_size() - bytes of an element, 0 if @dtype is not a type. */
static inline unsigned int loom_dtype_size(unsigned int dtype)
{
	static const uint8_t sizes[] = {
		[LOOM_DTYPE_F32] = 4, [LOOM_DTYPE_F16] = 2, [LOOM_DTYPE_BF16] = 2,
		[LOOM_DTYPE_I8] = 1, [LOOM_DTYPE_U8] = 1, [LOOM_DTYPE_I32] = 4,
		[LOOM_DTYPE_U32] = 4, [LOOM_DTYPE_I16] = 2, [LOOM_DTYPE_U16] = 2,
		[LOOM_DTYPE_I64] = 8, [LOOM_DTYPE_U64] = 8, [LOOM_DTYPE_F64] = 8,
	};

	return dtype < sizeof(sizes) ? sizes[dtype] : 0;
}

static inline bool loom_dtype_is_float(unsigned int dtype)
{
	return dtype == LOOM_DTYPE_F32 || dtype == LOOM_DTYPE_F16 || dtype == LOOM_DTYPE_BF16;
}

static inline bool loom_dtype_is_int8(unsigned int dtype)
{
	return dtype == LOOM_DTYPE_I8 || dtype == LOOM_DTYPE_U8;
}

/** loom_panel_bytes() - bytes of a panel of @k values of k, see LOOM_TENSOR_PANELS. */
static inline uint64_t loom_panel_bytes(unsigned int dtype, uint64_t k)
{
	unsigned int group = loom_dtype_is_int8(dtype) ? LOOM_PANEL_GROUP : 1;

	return (k + group - 1) / group * group * LOOM_PANEL_COLUMNS * loom_dtype_size(dtype);
}

/* Stored binary32 results: any NaN becomes the canonical one. */
static inline uint32_t loom_f32_store(float x)
{
	return x != x ? LOOM_NAN_F32 : loom_f32_bits(x);
}

static inline float loom_f32_from_f16(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16;
	uint32_t exp = (h >> 10) & 0x1f;
	uint32_t man = h & 0x3ff;

	if (exp == 0x1f)
		return loom_f32_of(man ? LOOM_NAN_F32 : sign | 0x7f800000u);
	if (exp == 0) {
		/* man * 2^-24 is exact; OR-ing the sign keeps -0 */
		return loom_f32_of(loom_f32_bits((float)man * 0x1p-24f) | sign);
	}
	return loom_f32_of(sign | (exp + 112) << 23 | man << 13);
}

static inline uint16_t loom_f16_from_f32(float x)
{
	uint32_t u = loom_f32_bits(x);
	uint32_t sign = u >> 16 & 0x8000;
	uint32_t exp, man, shift, half, rest, r;

	u &= 0x7fffffff;
	if (u > 0x7f800000)
		return LOOM_NAN_F16;
	if (u >= 0x477ff000)	/* 65520: halfway between the largest and 2^16 */
		return (uint16_t)(sign | 0x7c00);
	if (u >= 0x38800000) {	/* 2^-14: normal */
		u -= 0x38000000;
		u += 0xfff + (u >> 13 & 1);
		return (uint16_t)(sign | u >> 13);
	}
	exp = u >> 23;
	if (exp < 102)		/* below 2^-25: less than half the smallest */
		return (uint16_t)sign;
	man = (u & 0x7fffff) | 0x800000;
	shift = 126 - exp;
	half = 1u << (shift - 1);
	rest = man & (2 * half - 1);
	r = man >> shift;
	r += rest > half || (rest == half && (r & 1));
	return (uint16_t)(sign | r);
}

static inline float loom_f32_from_bf16(uint16_t h)
{
	return loom_f32_of((uint32_t)h << 16);
}

static inline uint16_t loom_bf16_from_f32(float x)
{
	uint32_t u = loom_f32_bits(x);

	if ((u & 0x7fffffff) > 0x7f800000)
		return LOOM_NAN_BF16;
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/*
 * A 32-bit integer in 24 bits, rounded to odd: a later rounding to at most 22
 * bits then gives what rounding the integer once would have given.
 */
static inline float loom_f32_from_i32_odd(int32_t v)
{
	uint32_t a = v < 0 ? 0u - (uint32_t)v : (uint32_t)v;
	unsigned int shift = 0;

	while (a >> shift >= 1u << 24)
		shift++;
	if (shift && (a & ((1u << shift) - 1)))
		a = (a >> shift | 1) << shift;
	return v < 0 ? -(float)a : (float)a;
}

/* Nearest integer, ties to even, plus @zero, into [@lo, @hi]; NaN gives @zero. */
static inline int32_t loom_f32_quant(float x, int32_t zero, int32_t lo, int32_t hi)
{
	int32_t v;

	if (x != x)
		return zero;
	/* the clamp does not reach any value that zero could bring into range */
	if (x < -1024.0f)
		x = -1024.0f;
	if (x > 1024.0f)
		x = 1024.0f;
	v = (int32_t)rintf(x) + zero;
	return v < lo ? lo : v > hi ? hi : v;
}

/* Nearest 32-bit integer, ties to even, saturating; NaN gives 0. */
static inline int32_t loom_i32_from_f32(float x)
{
	if (x != x)
		return 0;
	if (x >= 0x1p31f)
		return INT32_MAX;
	if (x < -0x1p31f)
		return INT32_MIN;
	return (int32_t)rintf(x);
}

static inline int32_t loom_i32_sat(int64_t v, int32_t lo, int32_t hi)
{
	return v < lo ? lo : v > hi ? hi : (int32_t)v;
}

static inline float loom_f32_min(float a, float b)
{
	if (a != a || b != b)
		return loom_f32_of(LOOM_NAN_F32);
	if (a == b)	/* only zeros differ in their bits: -0 wins */
		return loom_f32_of(loom_f32_bits(a) | loom_f32_bits(b));
	return a < b ? a : b;
}

static inline float loom_f32_max(float a, float b)
{
	if (a != a || b != b)
		return loom_f32_of(LOOM_NAN_F32);
	if (a == b)
		return loom_f32_of(loom_f32_bits(a) & loom_f32_bits(b));
	return a > b ? a : b;
}

static inline float loom_f32_binary(unsigned int op, float a, float b)
{
	switch (op) {
	case LOOM_ELTWISE_ADD:
		return a + b;
	case LOOM_ELTWISE_SUB:
		return a - b;
	case LOOM_ELTWISE_MUL:
		return a * b;
	case LOOM_ELTWISE_DIV:
		return a / b;
	case LOOM_ELTWISE_MIN:
		return loom_f32_min(a, b);
	default:
		return loom_f32_max(a, b);
	}
}

/* I32 wraps, I8 and U8 saturate; @dtype is one of the three. */
static inline int32_t loom_i32_binary(unsigned int dtype, unsigned int op, int32_t a, int32_t b)
{
	uint32_t w;

	switch (op) {
	case LOOM_ELTWISE_ADD:
		w = (uint32_t)a + (uint32_t)b;
		break;
	case LOOM_ELTWISE_SUB:
		w = (uint32_t)a - (uint32_t)b;
		break;
	case LOOM_ELTWISE_MUL:
		w = (uint32_t)a * (uint32_t)b;
		break;
	case LOOM_ELTWISE_MIN:
		return a < b ? a : b;
	default:
		return a > b ? a : b;
	}
	/* of 8-bit operands w is exact */
	if (dtype == LOOM_DTYPE_I8)
		return loom_i32_sat((int32_t)w, INT8_MIN, INT8_MAX);
	if (dtype == LOOM_DTYPE_U8)
		return loom_i32_sat((int32_t)w, 0, UINT8_MAX);
	return (int32_t)w;
}

/* Any computing type as binary32; I32 is rounded to nearest even. */
static inline float loom_f32_load(unsigned int dtype, const void *p)
{
	uint16_t h;
	int32_t v;
	float x;

	switch (dtype) {
	case LOOM_DTYPE_F16:
		memcpy(&h, p, sizeof(h));
		return loom_f32_from_f16(h);
	case LOOM_DTYPE_BF16:
		memcpy(&h, p, sizeof(h));
		return loom_f32_from_bf16(h);
	case LOOM_DTYPE_I8:
		return *(const int8_t *)p;
	case LOOM_DTYPE_U8:
		return *(const uint8_t *)p;
	case LOOM_DTYPE_I32:
		memcpy(&v, p, sizeof(v));
		return (float)v;
	default:
		memcpy(&x, p, sizeof(x));
		return x;
	}
}

/* Stores a computed value; @zero is the zero point of an I8 or U8 result. */
static inline void loom_f32_put(unsigned int dtype, void *p, float x, int32_t zero)
{
	uint32_t u;
	uint16_t h;
	int32_t v;

	switch (dtype) {
	case LOOM_DTYPE_F16:
		h = loom_f16_from_f32(x);
		memcpy(p, &h, sizeof(h));
		break;
	case LOOM_DTYPE_BF16:
		h = loom_bf16_from_f32(x);
		memcpy(p, &h, sizeof(h));
		break;
	case LOOM_DTYPE_I8:
		*(int8_t *)p = (int8_t)loom_f32_quant(x, zero, INT8_MIN, INT8_MAX);
		break;
	case LOOM_DTYPE_U8:
		*(uint8_t *)p = (uint8_t)loom_f32_quant(x, zero, 0, UINT8_MAX);
		break;
	case LOOM_DTYPE_I32:
		v = loom_i32_from_f32(x);
		memcpy(p, &v, sizeof(v));
		break;
	default:
		u = loom_f32_store(x);
		memcpy(p, &u, sizeof(u));
		break;
	}
}

static inline int32_t loom_i32_load(unsigned int dtype, const void *p)
{
	int32_t v;

	if (dtype == LOOM_DTYPE_I8)
		return *(const int8_t *)p;
	if (dtype == LOOM_DTYPE_U8)
		return *(const uint8_t *)p;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* Saturates to I8 and U8. */
static inline void loom_i32_put(unsigned int dtype, void *p, int32_t v)
{
	if (dtype == LOOM_DTYPE_I8)
		*(int8_t *)p = (int8_t)loom_i32_sat(v, INT8_MIN, INT8_MAX);
	else if (dtype == LOOM_DTYPE_U8)
		*(uint8_t *)p = (uint8_t)loom_i32_sat(v, 0, UINT8_MAX);
	else
		memcpy(p, &v, sizeof(v));
}

/* dst = cast(src) between two different computing types. */
static inline void loom_cast(unsigned int to, void *dst, unsigned int from, const void *src)
{
	if (!loom_dtype_is_float(to) && !loom_dtype_is_float(from))
		loom_i32_put(to, dst, loom_i32_load(from, src));
	else if (from == LOOM_DTYPE_I32 && to != LOOM_DTYPE_F32)
		loom_f32_put(to, dst, loom_f32_from_i32_odd(loom_i32_load(from, src)), 0);
	else
		loom_f32_put(to, dst, loom_f32_load(from, src), 0);
}

#endif
