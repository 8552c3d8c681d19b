// SPDX-License-Identifier: MIT
/*
 * The engine for any processor, without fused multiply-add in hardware.
 *
 * fma(a, b, c) in binary32: a * b is exact in binary64. a * b + c is rounded to
 * binary64 and, if that was not exact, forced to an odd significand, so that the
 * final rounding to binary32 sees on which side of a tie the exact sum lies.
 * binary64 has more than two bits more than binary32 in every range, subnormals
 * included, which makes the two roundings equal to one.
 */
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "engines.h"
#include "numerics.h"
#include "tiles.h"

#define MR	4
#define NR	8
#define LANES	4	/* the widest step that stays in registers of 128 bits */

#if defined(__FP_FAST_FMAF)

static inline void fma_lanes(float *acc, float a, const float *b)
{
	for (unsigned int i = 0; i < LANES; i++)
		acc[i] = __builtin_fmaf(a, b[i], acc[i]);
}

#else

typedef double vdouble __attribute__((vector_size(16)));
typedef int64_t vint64 __attribute__((vector_size(16)));
typedef float vfloat2 __attribute__((vector_size(8)));

static inline vdouble fma_odd(vdouble a, vdouble b, vdouble c)
{
	vdouble p = a * b, s = p + c, t = s - p, err;
	vint64 bits, inexact, toward;

	/* two-sum: s + err is p + c exactly; NaN if s is not finite */
	err = (p - (s - t)) + (c - t);
	memcpy(&bits, &s, sizeof(bits));
	inexact = (err > 0.0) | (err < 0.0);
	/* the neighbour on the error's side: away from zero if the signs agree */
	toward = ((err > 0.0) ^ (s > 0.0)) | 1;
	toward &= inexact & ((bits & 1) - 1);
	bits += toward;
	memcpy(&s, &bits, sizeof(s));
	return s;
}

static inline void fma_lanes(float *acc, float a, const float *b)
{
	for (unsigned int i = 0; i < LANES; i += 2) {
		vdouble va = { a, a }, vb = { b[i], b[i + 1] }, vc = { acc[i], acc[i + 1] };
		vdouble s = fma_odd(va, vb, vc);

		acc[i] = (float)s[0];
		acc[i + 1] = (float)s[1];
	}
}

#endif

/* acc = from + a x b of the first @rows rows */
static inline void multiply_f32(const struct loom_gemm_step *s, unsigned int rows)
{
	const float *a = (const float *)s->a, *b = s->b, *from = s->from;
	float c[MR * NR];

	for (unsigned int m = 0; m < rows; m++)
		memcpy(c + m * NR, from + m * s->from_ld, NR * 4);
	for (size_t k = 0; k < s->kw; k++, a += rows, b += LOOM_GEMM_COLUMNS)
		for (unsigned int m = 0; m < rows; m++)
			for (unsigned int n = 0; n < NR; n += LANES)
				fma_lanes(c + m * NR + n, a[m], b + n);
	for (unsigned int m = 0; m < rows; m++) {
		float *to = (float *)s->to + m * s->to_ld;

		for (unsigned int n = 0; n < NR; n++) {
			float x = c[m * NR + n];

			to[n] = x == x ? x : loom_f32_of(LOOM_NAN_F32);
		}
	}
}

#if defined(__SSE2__)

/* Of the baseline of x86-64, and what compilers do not find by themselves. */
static inline void multiply_i16(const struct loom_gemm_step *s, unsigned int rows)
{
	const uint32_t *a = s->a, *b = s->b, *from = s->from;
	__m128i c[MR][2], b0, b1, x;

	for (unsigned int m = 0; m < rows; m++)
		for (unsigned int n = 0; n < 2; n++)
			c[m][n] = _mm_loadu_si128((const __m128i *)(from + m * s->from_ld) + n);
	for (size_t k = 0; k < s->kw; k++, a += rows, b += LOOM_GEMM_COLUMNS) {
		b0 = _mm_loadu_si128((const __m128i *)b);
		b1 = _mm_loadu_si128((const __m128i *)b + 1);
		for (unsigned int m = 0; m < rows; m++) {
			x = _mm_set1_epi32((int)a[m]);
			c[m][0] = _mm_add_epi32(c[m][0], _mm_madd_epi16(x, b0));
			c[m][1] = _mm_add_epi32(c[m][1], _mm_madd_epi16(x, b1));
		}
	}
	for (unsigned int m = 0; m < rows; m++)
		for (unsigned int n = 0; n < 2; n++)
			_mm_storeu_si128((__m128i *)((uint32_t *)s->to + m * s->to_ld) + n,
					 c[m][n]);
}

#else

static inline void multiply_i16(const struct loom_gemm_step *s, unsigned int rows)
{
	const int16_t *a = (const int16_t *)s->a, *b = s->b;
	const uint32_t *from = s->from;
	uint32_t c[MR * NR];

	for (unsigned int m = 0; m < rows; m++)
		memcpy(c + m * NR, from + m * s->from_ld, NR * 4);
	for (size_t k = 0; k < s->kw; k++, a += 2 * rows, b += 2 * LOOM_GEMM_COLUMNS)
		for (unsigned int m = 0; m < rows; m++)
			for (unsigned int n = 0; n < NR; n++)
				c[m * NR + n] += (uint32_t)(a[2 * m] * b[2 * n] +
							    a[2 * m + 1] * b[2 * n + 1]);
	for (unsigned int m = 0; m < rows; m++)
		memcpy((uint32_t *)s->to + m * s->to_ld, c + m * NR, NR * 4);
}

#endif

#define KERNELS(rows)									\
static void kernel_f32_##rows(const struct loom_gemm_step *step)			\
{											\
	multiply_f32(step, rows);							\
}											\
static void kernel_i16_##rows(const struct loom_gemm_step *step)			\
{											\
	multiply_i16(step, rows);							\
}

KERNELS(1)
KERNELS(2)
KERNELS(3)
KERNELS(4)

static void transpose(const void *const *rows, unsigned int lines, size_t kw, uint32_t flip,
		      uint32_t *dst)
{
	(void)flip;
	for (size_t k = 0; k < kw; k++)
		for (unsigned int i = 0; i < lines; i++)
			*dst++ = ((const uint32_t *)rows[i])[k];
}

typedef float vfloat4 __attribute__((vector_size(16)));

#if defined(__SSE2__) && !defined(__FP_FAST_FMAF)

/* With intrinsics: GCC 12 vectorises a lane by lane conversion and loses a part of it. */
static __attribute__((noinline)) vfloat4 fma_4_odd(vfloat4 a, vfloat4 b, vfloat4 c)
{
	vdouble low, high;

	low = fma_odd(_mm_cvtps_pd(a), _mm_cvtps_pd(b), _mm_cvtps_pd(c));
	high = fma_odd(_mm_cvtps_pd(_mm_movehl_ps(a, a)), _mm_cvtps_pd(_mm_movehl_ps(b, b)),
		       _mm_cvtps_pd(_mm_movehl_ps(c, c)));
	return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}

/*
 * Two roundings differ from one only if the first ends exactly between two neighbours of
 * binary32: 29 bits are cut off, and they are a one and zeros. Below 2^-126 more are cut off. Both
 * are rare, and found in the result.
 */
static inline __attribute__((always_inline)) vfloat4 fma_4(vfloat4 a, vfloat4 b, vfloat4 c)
{
	__m128d low, high;
	__m128 r, rare;
	__m128i cut;

	low = _mm_cvtps_pd(a) * _mm_cvtps_pd(b) + _mm_cvtps_pd(c);
	high = _mm_cvtps_pd(_mm_movehl_ps(a, a)) * _mm_cvtps_pd(_mm_movehl_ps(b, b)) +
	       _mm_cvtps_pd(_mm_movehl_ps(c, c));
	r = _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
	cut = _mm_castps_si128(_mm_shuffle_ps(_mm_castpd_ps(low), _mm_castpd_ps(high),
					      _MM_SHUFFLE(2, 0, 2, 0)));
	cut = _mm_and_si128(cut, _mm_set1_epi32(0x1fffffff));
	rare = _mm_castsi128_ps(_mm_cmpeq_epi32(cut, _mm_set1_epi32(0x10000000)));
	rare = _mm_or_ps(rare, _mm_cmple_ps(_mm_andnot_ps(_mm_set1_ps(-0.0f), r),
					    _mm_set1_ps(0x1p-126f)));
	if (__builtin_expect(_mm_movemask_ps(rare), 0))
		return fma_4_odd(a, b, c);
	return r;
}

#else

static inline vfloat4 fma_4(vfloat4 a, vfloat4 b, vfloat4 c)
{
	for (unsigned int i = 0; i < 4; i++)
		c[i] = fmaf(a[i], b[i], c[i]);
	return c;
}

#endif

static inline vfloat4 sqrt_4(vfloat4 x)
{
#if defined(__SSE2__)
	return _mm_sqrt_ps(x);
#else
	for (unsigned int i = 0; i < 4; i++)
		x[i] = sqrtf(x[i]);
	return x;
#endif
}

#define MATH_LANES		4
#define MATH_FMA(a, b, c)	fma_4(a, b, c)
#define MATH_SQRT(x)		sqrt_4(x)
#define ROWS(name)	generic_##name
#define ROWS_TARGET
#include "rows-body.h"

static const loom_gemm_kernel kernels_f32[MR] = {
	kernel_f32_1, kernel_f32_2, kernel_f32_3, kernel_f32_4,
};

static const loom_gemm_kernel kernels_i16[MR] = {
	kernel_i16_1, kernel_i16_2, kernel_i16_3, kernel_i16_4,
};

static const struct loom_gemm_shape floating = {
	.mr = MR, .nr = NR, .kpack = 1, .block = 256, .tile_macs = 4u << 20,
	.words = { kernels_f32, NULL, NULL },
};

static const struct loom_gemm_shape integer = {
	.mr = MR, .nr = NR, .kpack = 2, .block = 512, .tile_macs = 16u << 20,
	.words = { kernels_i16, NULL, NULL },
};

static const struct loom_gemm_kern kern = {
	.floating = &floating,
	.integer = &integer,
	.transpose = transpose,
	.rows = &generic_rows,
};

static bool usable(void)
{
	return true;
}

LOOM_ENGINE(generic, usable, &generic_rows, &kern);
