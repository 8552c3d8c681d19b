// SPDX-License-Identifier: MIT
/* The engine for x86 processors with AVX2, FMA and F16C. */
#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include "engines.h"
#include "kern-x86.h"
#include "numerics.h"
#include "tiles.h"

#define TARGET	__attribute__((target("avx2,fma,f16c")))
#define NR	16
#define LINE	16	/* words in a cache line */
#define AHEAD	128	/* words between a prefetch and its use */

/* Six rows of two vectors: twelve accumulators, two of b, one of a in sixteen registers. */
#define ROWS_1(do)	do(0)
#define ROWS_2(do)	ROWS_1(do) do(1)
#define ROWS_3(do)	ROWS_2(do) do(2)
#define ROWS_4(do)	ROWS_3(do) do(3)
#define ROWS_5(do)	ROWS_4(do) do(4)
#define ROWS_6(do)	ROWS_5(do) do(5)
#define ALL_ROWS(do)	do(1) do(2) do(3) do(4) do(5) do(6)

/* Values of k at a time. */
#define UNROLL		4

#define DECLARE(m)	VEC c##m##_0, c##m##_1;
#define LOAD(m)		c##m##_0 = LOAD_VEC(from + (m) * s->from_ld);				\
			c##m##_1 = LOAD_VEC(from + (m) * s->from_ld + 8);
#define STORE(m)	STORE_VEC(to + (m) * s->to_ld, c##m##_0);				\
			STORE_VEC(to + (m) * s->to_ld + 8, c##m##_1);
#define AHEAD_C(m)	__builtin_prefetch(ahead + (m) * s->ahead_ld);
#define MULTIPLY(m)	x = BROADCAST(a + (m));							\
			FMA(c##m##_0, x, b0);							\
			FMA(c##m##_1, x, b1);

#define KERNEL(name, rows)								\
TARGET static void name##_##rows(const struct loom_gemm_step *s)			\
{											\
	const ELEMENT *from = s->from, *a = (const ELEMENT *)s->a;			\
	const uint32_t *ahead = s->ahead_c;						\
	const VALUE *b = s->b;								\
	ELEMENT *to = s->to;								\
	size_t k = s->kw;								\
	VEC b0, b1, x;									\
	ROWS_##rows(DECLARE)								\
											\
	ROWS_##rows(LOAD)								\
	ROWS_##rows(AHEAD_C)								\
	ahead = s->ahead_b;								\
	for (; k >= UNROLL; k -= UNROLL, ahead += LINE) {				\
		__builtin_prefetch(ahead);						\
		__builtin_prefetch(a + AHEAD);						\
		_Pragma("GCC unroll 4")							\
		for (unsigned int u = 0; u < UNROLL; u++, a += rows, b += LOOM_GEMM_COLUMNS) { \
			b0 = LOAD_B(b);						\
			b1 = LOAD_B(b + 8);						\
			ROWS_##rows(MULTIPLY)						\
		}									\
	}										\
	for (; k; k--, a += rows, b += LOOM_GEMM_COLUMNS) {				\
		b0 = LOAD_B(b);							\
		b1 = LOAD_B(b + 8);							\
		ROWS_##rows(MULTIPLY)							\
	}										\
	ROWS_##rows(STORE)								\
}

#define LIST(name)	{ name##_1, name##_2, name##_3, name##_4, name##_5, name##_6 }

TARGET static inline __m256 widen_bf16(__m128i x)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
}

/* The one NaN of results. */
TARGET static inline void store_f32(float *to, __m256 x)
{
	__m256 nan = _mm256_castsi256_ps(_mm256_set1_epi32(LOOM_NAN_F32));

	_mm256_storeu_ps(to, _mm256_blendv_ps(x, nan, _mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
}

#define ELEMENT		float
#define VALUE		float
#define VEC		__m256
#define LOAD_B(p)	_mm256_loadu_ps(p)
#define LOAD_VEC(p)	_mm256_loadu_ps(p)
#define STORE_VEC(p, x)	store_f32(p, x)
#define BROADCAST(p)	_mm256_broadcast_ss(p)
#define FMA(c, x, b)	c = _mm256_fmadd_ps(x, b, c)
#define DO(rows)	KERNEL(kernel_f32, rows)
ALL_ROWS(DO)
#undef DO
#undef VALUE
#undef LOAD_B

/* Values of two bytes become binary32 on their way. */
#define VALUE		uint16_t
#define LOAD_B(p)	_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p)))
#define DO(rows)	KERNEL(kernel_f16, rows)
ALL_ROWS(DO)
#undef DO
#undef LOAD_B

#define LOAD_B(p)	widen_bf16(_mm_loadu_si128((const __m128i *)(p)))
#define DO(rows)	KERNEL(kernel_bf16, rows)
ALL_ROWS(DO)
#undef DO
#undef LOAD_B
#undef VALUE
#undef ELEMENT
#undef VEC
#undef LOAD_VEC
#undef STORE_VEC
#undef BROADCAST
#undef FMA

/* Two products of 16-bit values in [-255, 255] add up without loss. */
#define ELEMENT		int32_t
#define VALUE		int32_t
#define VEC		__m256i
#define LOAD_B(p)	LOAD_VEC(p)
#define LOAD_VEC(p)	_mm256_loadu_si256((const __m256i *)(p))
#define STORE_VEC(p, x)	_mm256_storeu_si256((__m256i *)(p), x)
#define BROADCAST(p)	_mm256_set1_epi32(*(p))
#define FMA(c, x, b)	c = _mm256_add_epi32(c, _mm256_madd_epi16(x, b))
#define DO(rows)	KERNEL(kernel_i16, rows)
ALL_ROWS(DO)
#undef DO

/*
 * Eight words of up to eight lines, turned. Whole vectors are stored in rising
 * order: what they have too much is overwritten by the next. Written out: arrays
 * would go through memory.
 */
TARGET static inline void turn(const void *const *rows, unsigned int lines, size_t k,
			       unsigned int width, uint32_t *dst)
{
#define ROW(i)		_mm256_loadu_ps((const float *)rows[(i) < lines ? (i) : 0] + k)
#define PUT(i, x)	_mm256_storeu_ps((float *)(dst + (i) * width), x)

	__m256 r0 = ROW(0), r1 = ROW(1), r2 = ROW(2), r3 = ROW(3);
	__m256 r4 = ROW(4), r5 = ROW(5), r6 = ROW(6), r7 = ROW(7);
	__m256 p0 = _mm256_unpacklo_ps(r0, r1), p1 = _mm256_unpackhi_ps(r0, r1);
	__m256 p2 = _mm256_unpacklo_ps(r2, r3), p3 = _mm256_unpackhi_ps(r2, r3);
	__m256 p4 = _mm256_unpacklo_ps(r4, r5), p5 = _mm256_unpackhi_ps(r4, r5);
	__m256 p6 = _mm256_unpacklo_ps(r6, r7), p7 = _mm256_unpackhi_ps(r6, r7);

	r0 = _mm256_shuffle_ps(p0, p2, 0x44);
	r1 = _mm256_shuffle_ps(p0, p2, 0xee);
	r2 = _mm256_shuffle_ps(p1, p3, 0x44);
	r3 = _mm256_shuffle_ps(p1, p3, 0xee);
	r4 = _mm256_shuffle_ps(p4, p6, 0x44);
	r5 = _mm256_shuffle_ps(p4, p6, 0xee);
	r6 = _mm256_shuffle_ps(p5, p7, 0x44);
	r7 = _mm256_shuffle_ps(p5, p7, 0xee);
	PUT(0, _mm256_permute2f128_ps(r0, r4, 0x20));
	PUT(1, _mm256_permute2f128_ps(r1, r5, 0x20));
	PUT(2, _mm256_permute2f128_ps(r2, r6, 0x20));
	PUT(3, _mm256_permute2f128_ps(r3, r7, 0x20));
	PUT(4, _mm256_permute2f128_ps(r0, r4, 0x31));
	PUT(5, _mm256_permute2f128_ps(r1, r5, 0x31));
	PUT(6, _mm256_permute2f128_ps(r2, r6, 0x31));
	PUT(7, _mm256_permute2f128_ps(r3, r7, 0x31));

#undef ROW
#undef PUT
}

TARGET static void transpose(const void *const *rows, unsigned int lines, size_t kw, uint32_t flip,
			     uint32_t *dst)
{
	size_t k = 0;

	(void)flip;
	if (lines == 1) {
		memcpy(dst, rows[0], kw * 4);
		return;
	}
	/* the last vectors of a panel must not reach beyond it */
	if (lines % 8 == 0 || lines < 8)
		for (; (k + LINE - 1) * lines + (lines < 8 ? 8 : lines) <= kw * lines; k += LINE) {
			/* more lines than a processor follows by itself */
			for (unsigned int i = 0; i < lines; i++)
				__builtin_prefetch((const uint32_t *)rows[i] + k + AHEAD, 0, 2);
			/*
			 * Lines are often a power of two apart: of eight at a
			 * time the whole cache line is used before it is lost.
			 */
			for (unsigned int i = 0; i < lines; i += 8)
				for (size_t j = k; j < k + LINE; j += 8)
					turn(rows + i, lines - i, j, lines, dst + j * lines + i);
		}
	for (; k < kw; k++)
		for (unsigned int i = 0; i < lines; i++)
			dst[k * lines + i] = ((const uint32_t *)rows[i])[k];
}

TARGET void loom_f16_widen_avx2(const uint16_t *src, float *dst, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(dst + i,
				 _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(src + i))));
	for (; i < n; i++)
		dst[i] = loom_f32_from_f16(src[i]);
}

TARGET void loom_f16_narrow_avx2(const float *src, uint16_t *dst, size_t n)
{
	const __m128i inf = _mm_set1_epi16(0x7c00), nan = _mm_set1_epi16((short)LOOM_NAN_F16);
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		__m128i h = _mm256_cvtps_ph(_mm256_loadu_ps(src + i), _MM_FROUND_TO_NEAREST_INT);
		__m128i mag = _mm_and_si128(h, _mm_set1_epi16(0x7fff));

		h = _mm_blendv_epi8(h, nan, _mm_cmpgt_epi16(mag, inf));
		_mm_storeu_si128((__m128i *)(dst + i), h);
	}
	for (; i < n; i++)
		dst[i] = loom_f16_from_f32(src[i]);
}

#define MATH_LANES		8
#define MATH_FMA(a, b, c)	_mm256_fmadd_ps(a, b, c)
#define MATH_SQRT(x)		_mm256_sqrt_ps(x)
#define ROWS(name)	avx2_##name
#define ROWS_TARGET	TARGET
#define ROWS_F16
#define avx2_f16_widen	loom_f16_widen_avx2
#define avx2_f16_narrow	loom_f16_narrow_avx2
#include "rows-body.h"

static const loom_gemm_kernel kernels_f32[] = LIST(kernel_f32);
static const loom_gemm_kernel kernels_f16[] = LIST(kernel_f16);
static const loom_gemm_kernel kernels_bf16[] = LIST(kernel_bf16);
static const loom_gemm_kernel kernels_i16[] = LIST(kernel_i16);

static const struct loom_gemm_shape floating = {
	.mr = 6, .nr = NR, .kpack = 1, .block = 384, .tile_macs = 48ull << 20,
	.words = { kernels_f32, NULL, NULL },
	.f16 = { kernels_f16, NULL, NULL }, .bf16 = { kernels_bf16, NULL, NULL },
};

static const struct loom_gemm_shape integer = {
	.mr = 6, .nr = NR, .kpack = 2, .block = 768, .tile_macs = 80ull << 20,
	.words = { kernels_i16, NULL, NULL },
};

static const struct loom_gemm_kern kern = {
	.floating = &floating,
	.integer = &integer,
	.transpose = transpose,
	.rows = &avx2_rows,
};

bool loom_usable_avx2(void)
{
	unsigned int a, b, c, d;

	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
	       __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

LOOM_ENGINE(avx2, loom_usable_avx2, &avx2_rows, &kern);

#endif
