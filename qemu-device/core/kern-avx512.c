// SPDX-License-Identifier: MIT
/*
 * The engines for x86 processors with AVX-512: "avx512" needs F, BW, DQ and VL,
 * "avx512vnni" also the 8-bit dot products.
 */
#if defined(__x86_64__)

#include <immintrin.h>

#include "engines.h"
#include "kern-x86.h"
#include "numerics.h"
#include "tiles.h"

#define TARGET	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")))
#define VNNI	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")))
#define NR	32

/* Fourteen rows of two vectors: 28 accumulators, two of b, one of a in 32 registers. */
#define ROWS_1(do)	do(0)
#define ROWS_2(do)	ROWS_1(do) do(1)
#define ROWS_3(do)	ROWS_2(do) do(2)
#define ROWS_4(do)	ROWS_3(do) do(3)
#define ROWS_5(do)	ROWS_4(do) do(4)
#define ROWS_6(do)	ROWS_5(do) do(5)
#define ROWS_7(do)	ROWS_6(do) do(6)
#define ROWS_8(do)	ROWS_7(do) do(7)
#define ROWS_9(do)	ROWS_8(do) do(8)
#define ROWS_10(do)	ROWS_9(do) do(9)
#define ROWS_11(do)	ROWS_10(do) do(10)
#define ROWS_12(do)	ROWS_11(do) do(11)
#define ROWS_13(do)	ROWS_12(do) do(12)
#define ROWS_14(do)	ROWS_13(do) do(13)

#define ALL_ROWS(do)	do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11)	\
			do(12) do(13) do(14)
#define THIN_ROWS(do)	do(1) do(2) do(3)

/* Values of k at a time. */
#define UNROLL		4

/* The accumulators of the next step: it loads them first, and they are far from each other. */
#define AHEAD(m)	__builtin_prefetch(ahead + (m) * s->ahead_ld);				\
			__builtin_prefetch(ahead + (m) * s->ahead_ld + 16);

#define DECLARE(m)	VEC c##m##_0, c##m##_1;
#define LOAD(m)		c##m##_0 = LOAD_VEC(from + (m) * s->from_ld);				\
			c##m##_1 = LOAD_VEC(from + (m) * s->from_ld + 16);
#define STORE(m)	STORE_VEC(to + (m) * s->to_ld, c##m##_0);				\
			STORE_VEC(to + (m) * s->to_ld + 16, c##m##_1);
#define MULTIPLY(m)	x = BROADCAST(a + (m));							\
			FMA(c##m##_0, x, b0);							\
			FMA(c##m##_1, x, b1);

/*
 * Of the panel that comes next, each step fetches its part: two lines where
 * UNROLL values of k are multiplied.
 */
#define KERNEL(name, target, rows)							\
target static void name##_##rows(const struct loom_gemm_step *s)			\
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
	ROWS_##rows(AHEAD)								\
	ahead = s->ahead_b;								\
	for (; k >= UNROLL; k -= UNROLL, ahead += 32) {					\
		__builtin_prefetch(ahead);						\
		__builtin_prefetch(ahead + 16);						\
		_Pragma("GCC unroll 4")							\
		for (unsigned int u = 0; u < UNROLL; u++, a += rows, b += NR) {		\
			b0 = LOAD_B(b);						\
			b1 = LOAD_B(b + 16);						\
			ROWS_##rows(MULTIPLY)						\
		}									\
	}										\
	for (; k; k--, a += rows, b += NR) {						\
		b0 = LOAD_B(b);							\
		b1 = LOAD_B(b + 16);							\
		ROWS_##rows(MULTIPLY)							\
	}										\
	ROWS_##rows(STORE)								\
}

/* The same of rows as they are in memory: three of them from each of a few addresses. */
#define ROW_POINTERS(rows)	(((rows) + 2) / 3)
#define MULTIPLY_ROW(m)	x = BROADCAST(a[(m) / 3] + (m) % 3 * ld + u);			\
			FMA(c##m##_0, x, b0);							\
			FMA(c##m##_1, x, b1);

#define KERNEL_ROWS(name, target, rows)							\
target static void name##_rows_##rows(const struct loom_gemm_step *s)			\
{											\
	const ELEMENT *from = s->from, *a[ROW_POINTERS(rows)];				\
	const uint32_t *ahead = s->ahead_c;						\
	const VALUE *b = s->b;								\
	ELEMENT *to = s->to;								\
	size_t k = s->kw, ld = s->a_ld;							\
	VEC b0, b1, x;									\
	ROWS_##rows(DECLARE)								\
											\
	for (unsigned int i = 0; i < ROW_POINTERS(rows); i++)				\
		a[i] = (const ELEMENT *)s->a + 3 * i * ld;				\
	ROWS_##rows(LOAD)								\
	ROWS_##rows(AHEAD)								\
	ahead = s->ahead_b;								\
	for (; k >= UNROLL; k -= UNROLL, ahead += 32) {					\
		__builtin_prefetch(ahead);						\
		__builtin_prefetch(ahead + 16);						\
		_Pragma("GCC unroll 4")							\
		for (unsigned int u = 0; u < UNROLL; u++, b += NR) {			\
			b0 = LOAD_B(b);						\
			b1 = LOAD_B(b + 16);						\
			ROWS_##rows(MULTIPLY_ROW)					\
		}									\
		_Pragma("GCC unroll 5")							\
		for (unsigned int i = 0; i < ROW_POINTERS(rows); i++)			\
			a[i] += UNROLL;							\
	}										\
	for (unsigned int u = 0; u < k; u++, b += NR) {					\
		b0 = LOAD_B(b);							\
		b1 = LOAD_B(b + 16);							\
		ROWS_##rows(MULTIPLY_ROW)						\
	}										\
	ROWS_##rows(STORE)								\
}

/* Very few rows: b arrives from memory, in several streams. */
#define T_DECLARE(m)	VEC c##m##_0, c##m##_1, c##m##_2, c##m##_3, c##m##_4, c##m##_5, c##m##_6, \
			c##m##_7;
#define T_PANEL(do, m, i, j, p)								\
			do(c##m##_##i, c##m##_##j, m, p)
#define T_LOAD2(x, y, m, p)								\
			x = LOAD_VEC(from + (p) * s->from_panel + (m) * s->from_ld);		\
			y = LOAD_VEC(from + (p) * s->from_panel + (m) * s->from_ld + 16);
#define T_STORE2(x, y, m, p)								\
			STORE_VEC(to + (p) * s->to_panel + (m) * s->to_ld, x);			\
			STORE_VEC(to + (p) * s->to_panel + (m) * s->to_ld + 16, y);
#define T_PANELS(do, m)	T_PANEL(do, m, 0, 1, 0) T_PANEL(do, m, 2, 3, 1)			\
			T_PANEL(do, m, 4, 5, 2) T_PANEL(do, m, 6, 7, 3)
#define T_LOAD(m)	T_PANELS(T_LOAD2, m)
#define T_STORE(m)	T_PANELS(T_STORE2, m)
#define T_MULTIPLY(m)	x = BROADCAST(a + (m));							\
			FMA(c##m##_0, x, b0);							\
			FMA(c##m##_1, x, b1);							\
			FMA(c##m##_2, x, b2);							\
			FMA(c##m##_3, x, b3);							\
			FMA(c##m##_4, x, b4);							\
			FMA(c##m##_5, x, b5);							\
			FMA(c##m##_6, x, b6);							\
			FMA(c##m##_7, x, b7);

/* Of a panel's line of b, what is needed in a while. */
#define FETCH(p)	__builtin_prefetch((const char *)(p) + far);				\
			if (sizeof(*(p)) * NR > 64)						\
				__builtin_prefetch((const char *)(p) + far + 64)

#define KERNEL_THIN(name, target, rows)							\
target static void name##_thin_##rows(const struct loom_gemm_step *s)			\
{											\
	const ELEMENT *from = s->from, *a = (const ELEMENT *)s->a;			\
	const VALUE *p = s->b, *q = p + s->b_panel, *r = q + s->b_panel;			\
	const VALUE *t = r + s->b_panel;							\
	size_t ld = s->b_ld, far = s->b_ahead;						\
	VEC b0, b1, b2, b3, b4, b5, b6, b7, x;						\
	ELEMENT *to = s->to;								\
	ROWS_##rows(T_DECLARE)								\
											\
	ROWS_##rows(T_LOAD)								\
	for (size_t k = 0; k < s->kw * ld; k += ld, a += rows) {			\
		b0 = LOAD_B(p + k);						\
		b1 = LOAD_B(p + k + 16);						\
		b2 = LOAD_B(q + k);						\
		b3 = LOAD_B(q + k + 16);						\
		b4 = LOAD_B(r + k);						\
		b5 = LOAD_B(r + k + 16);						\
		b6 = LOAD_B(t + k);						\
		b7 = LOAD_B(t + k + 16);						\
		FETCH(p + k);							\
		FETCH(q + k);							\
		FETCH(r + k);							\
		FETCH(t + k);							\
		ROWS_##rows(T_MULTIPLY)							\
	}										\
	ROWS_##rows(T_STORE)								\
}

#define LIST(name)	{ name##_1, name##_2, name##_3, name##_4, name##_5, name##_6, name##_7,	\
			  name##_8, name##_9, name##_10, name##_11, name##_12, name##_13,	\
			  name##_14 }
#define LIST_ROWS(name)	{ name##_rows_1, name##_rows_2, name##_rows_3, name##_rows_4,		\
			  name##_rows_5, name##_rows_6, name##_rows_7, name##_rows_8,		\
			  name##_rows_9, name##_rows_10, name##_rows_11, name##_rows_12,	\
			  name##_rows_13, name##_rows_14 }
#define LIST_THIN(name)	{ name##_thin_1, name##_thin_2, name##_thin_3 }

TARGET static inline __m512 widen_bf16(__m256i x)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

/* The one NaN of results. */
TARGET static inline void store_f32(float *to, __m512 x)
{
	__mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);

	_mm512_storeu_ps(to, _mm512_mask_mov_ps(x, nan, _mm512_castsi512_ps(
							_mm512_set1_epi32(LOOM_NAN_F32))));
}

#define ELEMENT		float
#define VALUE		float
#define VEC		__m512
#define LOAD_B(p)	_mm512_loadu_ps(p)
#define LOAD_VEC(p)	_mm512_loadu_ps(p)
#define STORE_VEC(p, x)	store_f32(p, x)
#define BROADCAST(p)	_mm512_set1_ps(*(p))
#define FMA(c, x, b)	c = _mm512_fmadd_ps(x, b, c)
#define DO(rows)	KERNEL(kernel_f32, TARGET, rows)
ALL_ROWS(DO)
#undef DO
#define DO(rows)	KERNEL_ROWS(kernel_f32, TARGET, rows)
ALL_ROWS(DO)
#undef DO
#define DO(rows)	KERNEL_THIN(kernel_f32, TARGET, rows)
THIN_ROWS(DO)
#undef DO
#undef VALUE
#undef LOAD_B

/* Values of two bytes become binary32 on their way. */
#define VALUE		uint16_t
#define LOAD_B(p)	_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p)))
#define DO(rows)	KERNEL(kernel_f16, TARGET, rows)
ALL_ROWS(DO)
#undef DO
#define DO(rows)	KERNEL_THIN(kernel_f16, TARGET, rows)
THIN_ROWS(DO)
#undef DO
#undef LOAD_B

#define LOAD_B(p)	widen_bf16(_mm256_loadu_si256((const __m256i *)(p)))
#define DO(rows)	KERNEL(kernel_bf16, TARGET, rows)
ALL_ROWS(DO)
#undef DO
#define DO(rows)	KERNEL_THIN(kernel_bf16, TARGET, rows)
THIN_ROWS(DO)
#undef DO
#undef LOAD_B
#undef VALUE
#undef ELEMENT
#undef VEC
#undef LOAD_VEC
#undef STORE_VEC
#undef BROADCAST
#undef FMA

#define ELEMENT		int32_t
#define VALUE		int32_t
#define VEC		__m512i
#define LOAD_B(p)	_mm512_loadu_si512(p)
#define LOAD_VEC(p)	_mm512_loadu_si512(p)
#define STORE_VEC(p, x)	_mm512_storeu_si512(p, x)
#define BROADCAST(p)	_mm512_set1_epi32(*(p))

/* Two products of 16-bit values in [-255, 255] add up without loss. */
#define FMA(c, x, b)	c = _mm512_add_epi32(c, _mm512_madd_epi16(x, b))
#define DO(rows)	KERNEL(kernel_i16, TARGET, rows)
ALL_ROWS(DO)
#undef DO
#undef FMA

/*
 * GCC 12 moves the accumulator of the intrinsic to another register and back;
 * what says that it is updated in place must be written out.
 */
#define FMA(c, u, s)	__asm__("vpdpbusd %2, %1, %0" : "+v"(c) : "v"(u), "v"(s))
#define DO(rows)	KERNEL(kernel_i8, VNNI, rows)
ALL_ROWS(DO)
#undef DO
#define DO(rows)	KERNEL_THIN(kernel_i8, VNNI, rows)
THIN_ROWS(DO)
#undef DO

#define SUMS		4

VNNI static inline __m512i add_bytes(__m512i sum, __mmask16 mask, const uint32_t *p, __m512i by,
				     bool is_signed)
{
	__m512i x = _mm512_maskz_loadu_epi32(mask, p);

	if (is_signed)
		FMA(sum, by, x);
	else
		FMA(sum, x, by);
	return sum;
}

VNNI static void sums(const uint32_t *panel, size_t kw, unsigned int lines, bool is_signed,
		      uint32_t last, uint32_t *sums)
{
	const __m512i ones = _mm512_set1_epi8(1);
	__m512i some = _mm512_and_si512(ones, _mm512_set1_epi32((int)last));

	for (unsigned int i = 0; i < lines; i += 16) {
		__mmask16 mask = lines - i < 16 ? (__mmask16)((1u << (lines - i)) - 1) : 0xffff;
		__m512i sum = _mm512_maskz_loadu_epi32(mask, sums + i), part[SUMS] = { { 0 } };
		const uint32_t *p = panel + i;
		size_t k = kw - 1;

		/* a sum waits for the one before: several at a time */
		for (; k >= SUMS; k -= SUMS, p += SUMS * lines)
#pragma GCC unroll 4
			for (unsigned int j = 0; j < SUMS; j++)
				part[j] = add_bytes(part[j], mask, p + j * lines, ones, is_signed);
		for (; k; k--, p += lines)
			sum = add_bytes(sum, mask, p, ones, is_signed);
		sum = add_bytes(sum, mask, p, some, is_signed);
#pragma GCC unroll 4
		for (unsigned int j = 0; j < SUMS; j++)
			sum = _mm512_add_epi32(sum, part[j]);
		_mm512_mask_storeu_epi32(sums + i, mask, sum);
	}
}

/*
 * Four times 64 bytes to 64 words: interleaving leaves words 0 .. 3 of each quarter
 * in one vector, 4 .. 7 in the next and so on.
 */
#define QUARTERS	4

TARGET static inline void interleave(const uint8_t *const *rows, size_t at, __mmask64 mask,
				     __m512i flip, __m512i *words)
{
	__m512i p = _mm512_maskz_loadu_epi8(mask, rows[0] + at);
	__m512i q = _mm512_maskz_loadu_epi8(mask, rows[1] + at);
	__m512i r = _mm512_maskz_loadu_epi8(mask, rows[2] + at);
	__m512i s = _mm512_maskz_loadu_epi8(mask, rows[3] + at);
	__m512i pq0 = _mm512_unpacklo_epi8(p, q), pq1 = _mm512_unpackhi_epi8(p, q);
	__m512i rs0 = _mm512_unpacklo_epi8(r, s), rs1 = _mm512_unpackhi_epi8(r, s);
	__m512i w0 = _mm512_unpacklo_epi16(pq0, rs0), w1 = _mm512_unpackhi_epi16(pq0, rs0);
	__m512i w2 = _mm512_unpacklo_epi16(pq1, rs1), w3 = _mm512_unpackhi_epi16(pq1, rs1);

	p = _mm512_shuffle_i32x4(w0, w1, 0x44);
	q = _mm512_shuffle_i32x4(w0, w1, 0xee);
	r = _mm512_shuffle_i32x4(w2, w3, 0x44);
	s = _mm512_shuffle_i32x4(w2, w3, 0xee);
	words[0] = _mm512_xor_si512(_mm512_shuffle_i32x4(p, r, 0x88), flip);
	words[1] = _mm512_xor_si512(_mm512_shuffle_i32x4(p, r, 0xdd), flip);
	words[2] = _mm512_xor_si512(_mm512_shuffle_i32x4(q, s, 0x88), flip);
	words[3] = _mm512_xor_si512(_mm512_shuffle_i32x4(q, s, 0xdd), flip);
}

TARGET static void weave(const void *const *rows, size_t panels, uint32_t flip, uint32_t *dst,
			 size_t panel)
{
	const __m512i flips = _mm512_set1_epi32((int)flip);
	__m512i w[QUARTERS];

	for (size_t i = 0; i < panels; i += 2) {
		bool two = panels - i > 1;

		interleave((const uint8_t *const *)rows, i * LOOM_GEMM_COLUMNS,
			   two ? UINT64_MAX : UINT32_MAX, flips, w);
		_mm512_storeu_si512(dst, w[0]);
		_mm512_storeu_si512(dst + 16, w[1]);
		dst += panel;
		if (!two)
			break;
		_mm512_storeu_si512(dst, w[2]);
		_mm512_storeu_si512(dst + 16, w[3]);
		dst += panel;
	}
}

/* Sixteen words of up to sixteen lines, turned. */
TARGET static inline void turn(const void *const *rows, unsigned int lines, size_t k,
			       __mmask16 mask, unsigned int width, __m512i flip, uint32_t *dst)
{
	__m512i r[16], t[16];

#pragma GCC unroll 16
	for (unsigned int i = 0; i < 16; i++)
		r[i] = _mm512_loadu_si512((const uint32_t *)rows[i < lines ? i : 0] + k);
#pragma GCC unroll 8
	for (unsigned int i = 0; i < 16; i += 2) {
		t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
	}
#pragma GCC unroll 4
	for (unsigned int i = 0; i < 16; i += 4) {
		r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
#pragma GCC unroll 4
	for (unsigned int i = 0; i < 4; i++) {
		t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
		t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
		t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
		t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
	}
#pragma GCC unroll 4
	for (unsigned int i = 0; i < 4; i++) {
		r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
		r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
		r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
		r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
	}
#pragma GCC unroll 16
	for (unsigned int i = 0; i < 16; i++)
		_mm512_mask_storeu_epi32(dst + i * width, mask, _mm512_xor_si512(r[i], flip));
}

static inline uint32_t word_at(const void *row, size_t k)
{
	uint32_t word;

	memcpy(&word, (const uint8_t *)row + k * 4, 4);
	return word;
}

#define FETCH_AHEAD	256	/* words between a prefetch and its use */

TARGET static void transpose(const void *const *rows, unsigned int lines, size_t kw, uint32_t flip,
			     uint32_t *dst)
{
	const __m512i flips = _mm512_set1_epi32((int)flip);
	size_t k = 0;

	if (lines == 1 && !flip) {
		memcpy(dst, rows[0], kw * 4);
		return;
	}
	for (; k + 16 <= kw; k += 16) {
		/* more lines than a processor follows by itself */
		for (unsigned int i = 0; i < lines; i++)
			__builtin_prefetch((const uint32_t *)rows[i] + k + FETCH_AHEAD);
		for (unsigned int i = 0; i < lines; i += 16) {
			unsigned int n = lines - i < 16 ? lines - i : 16;

			turn(rows + i, n, k, (__mmask16)((1u << n) - 1), lines,
			     flips, dst + k * lines + i);
		}
	}
	for (; k < kw; k++)
		for (unsigned int i = 0; i < lines; i++)
			dst[k * lines + i] = word_at(rows[i], k) ^ flip;
}

/* Sixteen lanes of a piece; the others stay, and what they would see is not touched. */
TARGET static inline __attribute__((always_inline)) __m512i
see(__m512i x, const struct loom_piece *p, const uint8_t *base, int64_t step, unsigned int half)
{
	const uint8_t *at = (const uint8_t *)((uintptr_t)base + (uint64_t)p->off +
					      half * 16 * (uint64_t)step);
	__mmask16 mask = (__mmask16)(p->mask >> 16 * half);
	uint32_t wide = (uint32_t)(p->wide >> 32 * half);

	if (step == 4)
		return _mm512_mask_loadu_epi32(x, mask, at);
	if (step == 8) {
		const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24,
						       26, 28, 30);

		return _mm512_mask_mov_epi32(x, mask, _mm512_permutex2var_epi32(
			_mm512_maskz_loadu_epi32((__mmask16)wide, at), even,
			_mm512_maskz_loadu_epi32((__mmask16)(wide >> 16), at + 64)));
	}
	return _mm512_mask_i32gather_epi32(
		x, mask, _mm512_mullo_epi32(_mm512_set1_epi32((int)step),
				   _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
						     14, 15)), at, 1);
}

TARGET static inline __attribute__((always_inline)) void
see_all(const struct loom_pieces *p, const uint8_t *base, int64_t step, __m512i *x)
{
	__m512i x0 = _mm512_set1_epi32((int)p->hole), x1 = x0;

	for (uint32_t i = 0; i < p->n; i++) {
		const struct loom_piece *piece = &p->at[i];

		if (piece->mask & 0xffff)
			x0 = see(x0, piece, base, step, 0);
		if (piece->mask >> 16)
			x1 = see(x1, piece, base, step, 1);
	}
	x[0] = x0;
	x[1] = x1;
}

TARGET static inline __attribute__((always_inline)) void
pick(const struct loom_pieces *p, const uint8_t *base, int64_t channel, size_t n, uint32_t *dst,
     int64_t step)
{
	for (; n; n--, base += channel, dst += LOOM_PANEL_COLUMNS) {
		__m512i x[2];

		see_all(p, base, step, x);
		_mm512_storeu_si512(dst, x[0]);
		_mm512_storeu_si512(dst + 16, x[1]);
	}
}

/* The usual steps are known when this is compiled. */
TARGET static void avx512_pick(const struct loom_pieces *p, const uint8_t *base, int64_t channel,
			       size_t n, uint32_t *dst)
{
	if (p->step == 4)
		pick(p, base, channel, n, dst, 4);
	else if (p->step == 8)
		pick(p, base, channel, n, dst, 8);
	else
		pick(p, base, channel, n, dst, p->step);
}

/* What a vector of places sees; where that is nothing is not touched. */
TARGET static inline __attribute__((always_inline)) __m512
look(const struct loom_sweep_tap *t, const uint8_t *line, int64_t step, __m512 hole)
{
	const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	const uint8_t *at = (const uint8_t *)((uintptr_t)line + (uint64_t)t->off);

	if (step == 4)
		return _mm512_mask_loadu_ps(hole, t->mask, at);
	if (step == 8) {
		__m512 x = _mm512_maskz_loadu_ps((__mmask16)t->wide, at);
		__m512 y = _mm512_maskz_loadu_ps((__mmask16)(t->wide >> 16), at + 64);

		x = _mm512_permutex2var_ps(x, _mm512_slli_epi32(lanes, 1), y);
		return _mm512_mask_mov_ps(hole, t->mask, x);
	}
	return _mm512_mask_i32gather_ps(
		hole, t->mask, _mm512_mullo_epi32(lanes, _mm512_set1_epi32((int)step)), at, 1);
}

static inline __mmask16 lanes_of(const struct loom_sweep *s, size_t at)
{
	return s->width - at < 16 ? (__mmask16)((1u << (s->width - at)) - 1) : 0xffff;
}

TARGET static inline __attribute__((always_inline)) void
depth(const struct loom_sweep *s, const uint8_t *const *lines, size_t n, const float *w, float *acc,
      int64_t step)
{
	const __m512 hole = _mm512_set1_ps(s->hole);

	for (size_t at = 0; at < s->width; at += 16) {
		const struct loom_sweep_tap *taps = s->taps + at / 16 * s->along;
		__mmask16 some = lanes_of(s, at);

		for (size_t i = 0; i < n; i++) {
			__m512 a = _mm512_setzero_ps();
			const float *by = w;

			for (size_t r = 0; r < s->lines; r++)
				for (size_t t = 0; t < s->along; t++)
					a = _mm512_fmadd_ps(look(&taps[t], lines[i * s->lines + r],
								 step, hole),
							    _mm512_set1_ps(*by++), a);
			_mm512_mask_storeu_ps(acc + i * s->width + at, some, a);
		}
	}
}

/* The usual window: its weights stay in registers, and what its lanes see, too. */
TARGET static inline __attribute__((always_inline)) void
depth_3x3(const struct loom_sweep *s, const uint8_t *const *lines, size_t n, const float *w,
	  float *acc, int64_t step)
{
	const __m512 hole = _mm512_set1_ps(s->hole);
	__m512 by[9];

#pragma GCC unroll 9
	for (unsigned int i = 0; i < 9; i++)
		by[i] = _mm512_set1_ps(w[i]);
	for (size_t at = 0; at < s->width; at += 16) {
		const struct loom_sweep_tap *taps = s->taps + at / 16 * 3;
		struct loom_sweep_tap t0 = taps[0], t1 = taps[1], t2 = taps[2];
		const uint8_t *const *line = lines;
		__mmask16 some = lanes_of(s, at);
		float *to = acc + at;

		for (size_t i = 0; i < n; i++, line += 3, to += s->width) {
			__m512 a = _mm512_setzero_ps();

#pragma GCC unroll 3
			for (unsigned int r = 0; r < 3; r++) {
				a = _mm512_fmadd_ps(look(&t0, line[r], step, hole), by[3 * r], a);
				a = _mm512_fmadd_ps(look(&t1, line[r], step, hole), by[3 * r + 1], a);
				a = _mm512_fmadd_ps(look(&t2, line[r], step, hole), by[3 * r + 2], a);
			}
			_mm512_mask_storeu_ps(to, some, a);
		}
	}
}

TARGET static void avx512_depth(const struct loom_sweep *s, const uint8_t *const *lines, size_t n,
				const float *w, float *acc)
{
	bool usual = s->lines == 3 && s->along == 3;

	if (s->step == 4 && usual)
		depth_3x3(s, lines, n, w, acc, 4);
	else if (s->step == 8 && usual)
		depth_3x3(s, lines, n, w, acc, 8);
	else if (s->step == 4)
		depth(s, lines, n, w, acc, 4);
	else if (s->step == 8)
		depth(s, lines, n, w, acc, 8);
	else
		depth(s, lines, n, w, acc, s->step);
}

/* -0 is less than +0, and a NaN is the largest of all. */
#define LARGER(x, y)		_mm512_range_ps(x, y, 5)

TARGET static inline __attribute__((always_inline)) void
largest(const struct loom_sweep *s, const uint8_t *const *lines, size_t n, float *acc, int64_t step)
{
	const __m512 nan = _mm512_castsi512_ps(_mm512_set1_epi32((int)LOOM_NAN_F32));
	const __m512 hole = _mm512_set1_ps(s->hole);

	for (size_t at = 0; at < s->width; at += 16) {
		const struct loom_sweep_tap *taps = s->taps + at / 16 * s->along;
		__mmask16 some = lanes_of(s, at);

		for (size_t i = 0; i < n; i++) {
			__m512 a = _mm512_set1_ps(-INFINITY);
			__mmask16 nans = 0;

			for (size_t r = 0; r < s->lines; r++)
				for (size_t t = 0; t < s->along; t++) {
					__m512 x = look(&taps[t], lines[i * s->lines + r], step, hole);

					nans |= _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
					a = LARGER(a, x);
				}
			_mm512_mask_storeu_ps(acc + i * s->width + at, some,
					      _mm512_mask_mov_ps(a, nans, nan));
		}
	}
}

TARGET static void avx512_largest(const struct loom_sweep *s, const uint8_t *const *lines, size_t n,
				  float *acc)
{
	if (s->step == 4)
		largest(s, lines, n, acc, 4);
	else if (s->step == 8)
		largest(s, lines, n, acc, 8);
	else
		largest(s, lines, n, acc, s->step);
}

TARGET static void avx512_largest_channels(const float *const *lines, size_t taps, size_t n, float *acc)
{
	const __m512 nan = _mm512_castsi512_ps(_mm512_set1_epi32((int)LOOM_NAN_F32));

	for (size_t at = 0; at < n; at += 16) {
		__mmask16 some = n - at < 16 ? (__mmask16)((1u << (n - at)) - 1) : 0xffff, nans = 0;
		__m512 a = _mm512_set1_ps(-INFINITY);

		for (size_t t = 0; t < taps; t++) {
			__m512 x = _mm512_maskz_loadu_ps(some, lines[t] + at);

			nans |= _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
			a = LARGER(a, x);
		}
		_mm512_mask_storeu_ps(acc + at, some, _mm512_mask_mov_ps(a, nans, nan));
	}
}

#define MATH_LANES		16
#define MATH_FMA(a, b, c)	_mm512_fmadd_ps(a, b, c)
#define MATH_SQRT(x)		_mm512_sqrt_ps(x)
#define ROWS(name)	avx512_##name
#define ROWS_TARGET	TARGET
#define ROWS_F16
#define ROWS_PIECES
#define avx512_f16_widen	loom_f16_widen_avx2
#define avx512_f16_narrow	loom_f16_narrow_avx2
#include "rows-body.h"

static const loom_gemm_kernel kernels_f32[] = LIST(kernel_f32);
static const loom_gemm_kernel rows_f32[] = LIST_ROWS(kernel_f32);
static const loom_gemm_kernel thin_f32[] = LIST_THIN(kernel_f32);
static const loom_gemm_kernel kernels_f16[] = LIST(kernel_f16);
static const loom_gemm_kernel thin_f16[] = LIST_THIN(kernel_f16);
static const loom_gemm_kernel kernels_bf16[] = LIST(kernel_bf16);
static const loom_gemm_kernel thin_bf16[] = LIST_THIN(kernel_bf16);
static const loom_gemm_kernel kernels_i16[] = LIST(kernel_i16);
static const loom_gemm_kernel kernels_i8[] = LIST(kernel_i8);
static const loom_gemm_kernel thin_i8[] = LIST_THIN(kernel_i8);

static const struct loom_gemm_shape shape_f32 = {
	.mr = 14, .nr = NR, .kpack = 1, .block = 384, .tile_macs = 96ull << 20,
	.thin_rows = 3, .words = { kernels_f32, thin_f32, rows_f32 },
	.f16 = { kernels_f16, thin_f16, NULL }, .bf16 = { kernels_bf16, thin_bf16, NULL },
};

static const struct loom_gemm_shape shape_i16 = {
	.mr = 14, .nr = NR, .kpack = 2, .block = 768, .tile_macs = 192ull << 20,
	.words = { kernels_i16, NULL, NULL },
};

static const struct loom_gemm_shape shape_i8 = {
	.mr = 14, .nr = NR, .kpack = 4, .block = 2048, .tile_macs = 384ull << 20,
	.thin_rows = 3, .words = { kernels_i8, thin_i8, NULL },
};

static const struct loom_gemm_kern kern = {
	.floating = &shape_f32,
	.integer = &shape_i16,
	.transpose = transpose,
	.rows = &avx512_rows,
};

static const struct loom_gemm_kern kern_vnni = {
	.floating = &shape_f32,
	.integer = &shape_i8,
	.transpose = transpose,
	.weave = weave,
	.sums = sums,
	.rows = &avx512_rows,
};

static bool usable(void)
{
	return loom_usable_avx2() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vl");
}

static bool usable_vnni(void)
{
	return usable() && __builtin_cpu_supports("avx512vnni");
}

LOOM_ENGINE(avx512, usable, &avx512_rows, &kern);
LOOM_ENGINE(avx512vnni, usable_vnni, &avx512_rows, &kern_vnni);

#endif
