/* SPDX-License-Identifier: MIT */
/*
 * struct loom_rows in C that compilers vectorise. Included once per
 * instruction set, with
 *   ROWS(name)	the name of a function or object of this set
 *   ROWS_TARGET	a function attribute that selects the set
 *   MATH_LANES, MATH_FMA, MATH_SQRT	see math-body.h
 * and, optionally, ROWS_F16: ROWS(f16_widen) and ROWS(f16_narrow) exist, and ROWS_PIECES:
 * ROWS(pick), ROWS(depth), ROWS(largest) and ROWS(largest_channels) do.
 */
#include "functions.h"
#include "rows.h"

#if !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize ("tree-vectorize", "vect-cost-model=dynamic")
#endif

#include "math-body.h"

#ifndef ROWS_F16
ROWS_TARGET static void ROWS(f16_widen)(const uint16_t *restrict src, float *restrict dst,
					size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* the exponent is rebased by a multiplication, which is exact */
		uint32_t u = (uint32_t)(src[i] & 0x7fff) << 13;
		uint32_t finite = loom_f32_bits(loom_f32_of(u) * 0x1p112f);
		uint32_t r = u >= 0x0f800000 ? (u & 0x7fffff ? LOOM_NAN_F32 : 0x7f800000) : finite;
		uint32_t sign = u > 0x0f800000 ? 0 : (uint32_t)(src[i] & 0x8000) << 16;

		dst[i] = loom_f32_of(r | sign);
	}
}

ROWS_TARGET static void ROWS(f16_narrow)(const float *restrict src, uint16_t *restrict dst,
					 size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = loom_f16_from_f32(src[i]);
}
#endif

ROWS_TARGET static void ROWS(widen)(unsigned int dtype, const void *restrict src,
				    float *restrict dst, size_t n)
{
	switch (dtype) {
	case LOOM_DTYPE_F16:
		ROWS(f16_widen)(src, dst, n);
		break;
	case LOOM_DTYPE_BF16: {
		const uint16_t *p = src;

		for (size_t i = 0; i < n; i++)
			dst[i] = loom_f32_of((uint32_t)p[i] << 16);
		break;
	}
	case LOOM_DTYPE_I8: {
		const int8_t *p = src;

		for (size_t i = 0; i < n; i++)
			dst[i] = p[i];
		break;
	}
	case LOOM_DTYPE_U8: {
		const uint8_t *p = src;

		for (size_t i = 0; i < n; i++)
			dst[i] = p[i];
		break;
	}
	case LOOM_DTYPE_I32: {
		const int32_t *p = src;

		for (size_t i = 0; i < n; i++)
			dst[i] = (float)p[i];
		break;
	}
	default:
		memcpy(dst, src, n * sizeof(*dst));
		break;
	}
}

ROWS_TARGET static void ROWS(quant)(const float *restrict src, uint8_t *restrict dst, size_t n,
				    int32_t zero, int32_t lo, int32_t hi)
{
	for (size_t i = 0; i < n; i++) {
		float x = src[i] != src[i] ? 0.0f : src[i];
		int32_t v;

		x = x < -1024.0f ? -1024.0f : x;
		x = x > 1024.0f ? 1024.0f : x;
		/* adding 1.5 * 2^23 rounds to an integer, ties to even */
		v = (int32_t)loom_f32_bits(x + 0x1.8p23f) - 0x4b400000 + zero;
		v = v < lo ? lo : v;
		v = v > hi ? hi : v;
		dst[i] = (uint8_t)v;
	}
}

ROWS_TARGET static void ROWS(narrow)(unsigned int dtype, const float *restrict src,
				     void *restrict dst, size_t n, int32_t zero)
{
	switch (dtype) {
	case LOOM_DTYPE_F16:
		ROWS(f16_narrow)(src, dst, n);
		break;
	case LOOM_DTYPE_BF16: {
		uint16_t *p = dst;

		for (size_t i = 0; i < n; i++) {
			uint32_t u = loom_f32_bits(src[i]);
			uint32_t r = (u + 0x7fff + (u >> 16 & 1)) >> 16;

			p[i] = (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? LOOM_NAN_BF16 : r);
		}
		break;
	}
	case LOOM_DTYPE_I8:
		ROWS(quant)(src, dst, n, zero, INT8_MIN, INT8_MAX);
		break;
	case LOOM_DTYPE_U8:
		ROWS(quant)(src, dst, n, zero, 0, UINT8_MAX);
		break;
	case LOOM_DTYPE_I32: {
		int32_t *p = dst;

		for (size_t i = 0; i < n; i++)
			p[i] = loom_i32_from_f32(src[i]);
		break;
	}
	default: {
		uint32_t *p = dst;

		for (size_t i = 0; i < n; i++) {
			uint32_t u = loom_f32_bits(src[i]);

			p[i] = (u & 0x7fffffff) > 0x7f800000 ? LOOM_NAN_F32 : u;
		}
		break;
	}
	}
}

/*
 * Comparisons of binary32 as integers: the key orders like the value, with
 * -0 < +0, and a NaN is found by its bits.
 */
static inline int32_t ROWS(key)(uint32_t u)
{
	return (int32_t)(u ^ ((uint32_t)((int32_t)u >> 31) >> 1));
}

ROWS_TARGET static void ROWS(extreme)(bool max, const float *a, const float *b, float *dst,
				      size_t n)
{
	int32_t flip = max ? -1 : 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t ua = loom_f32_bits(a[i]), ub = loom_f32_bits(b[i]);
		uint32_t r = (ROWS(key)(ua) ^ flip) < (ROWS(key)(ub) ^ flip) ? ua : ub;
		uint32_t nan = ((ua & 0x7fffffff) > 0x7f800000) | ((ub & 0x7fffffff) > 0x7f800000);

		dst[i] = loom_f32_of(nan ? LOOM_NAN_F32 : r);
	}
}

ROWS_TARGET static void ROWS(binary)(unsigned int op, const float *a, const float *b, float *dst,
				     size_t n)
{
	switch (op) {
	case LOOM_ELTWISE_ADD:
		for (size_t i = 0; i < n; i++)
			dst[i] = a[i] + b[i];
		break;
	case LOOM_ELTWISE_SUB:
		for (size_t i = 0; i < n; i++)
			dst[i] = a[i] - b[i];
		break;
	case LOOM_ELTWISE_MUL:
		for (size_t i = 0; i < n; i++)
			dst[i] = a[i] * b[i];
		break;
	case LOOM_ELTWISE_DIV:
		for (size_t i = 0; i < n; i++)
			dst[i] = a[i] / b[i];
		break;
	default:
		ROWS(extreme)(op == LOOM_ELTWISE_MAX, a, b, dst, n);
		break;
	}
}

#define INTEGER_LOOP(type, expr)						\
	for (size_t i = 0; i < n; i++) {					\
		int32_t x = ((const type *)a)[i], y = ((const type *)b)[i];	\
		int32_t r = (int32_t)(expr);					\
										\
		r = act == LOOM_ACT_RELU && r < 0 ? 0 : r;			\
		r = r < lo ? lo : r;						\
		r = r > hi ? hi : r;						\
		((type *)dst)[i] = (type)r;					\
	}									\
	break

#define INTEGER(type)								\
	switch (op) {								\
	case LOOM_ELTWISE_ADD:							\
		INTEGER_LOOP(type, (uint32_t)x + (uint32_t)y);			\
	case LOOM_ELTWISE_SUB:							\
		INTEGER_LOOP(type, (uint32_t)x - (uint32_t)y);			\
	case LOOM_ELTWISE_MUL:							\
		INTEGER_LOOP(type, (uint32_t)x * (uint32_t)y);			\
	case LOOM_ELTWISE_MIN:							\
		INTEGER_LOOP(type, x < y ? x : y);				\
	default:								\
		INTEGER_LOOP(type, x > y ? x : y);				\
	}

ROWS_TARGET static void ROWS(integer)(unsigned int dtype, unsigned int op, unsigned int act,
				      const void *a, const void *b, void *dst, size_t n)
{
	int32_t lo = INT32_MIN, hi = INT32_MAX;

	switch (dtype) {
	case LOOM_DTYPE_I8:
		lo = INT8_MIN;
		hi = INT8_MAX;
		INTEGER(int8_t);
		break;
	case LOOM_DTYPE_U8:
		lo = 0;
		hi = UINT8_MAX;
		INTEGER(uint8_t);
		break;
	default:
		INTEGER(int32_t);
		break;
	}
}

#undef INTEGER
#undef INTEGER_LOOP

#define INTEGER_LOOP(type, expr)						\
	for (size_t i = 0; i < n; i++) {					\
		int32_t x = ((const type *)src)[i];				\
		int32_t r = (int32_t)(expr);					\
										\
		r = act == LOOM_ACT_RELU && r < 0 ? 0 : r;			\
		r = r < lo ? lo : r;						\
		r = r > hi ? hi : r;						\
		((type *)dst)[i] = (type)r;					\
	}									\
	break

#define INTEGER(type)								\
	switch (op) {								\
	case LOOM_UNARY_NEG:							\
		INTEGER_LOOP(type, 0u - (uint32_t)x);				\
	case LOOM_UNARY_ABS:							\
		INTEGER_LOOP(type, x < 0 ? 0u - (uint32_t)x : (uint32_t)x);	\
	case LOOM_UNARY_SIGN:							\
		INTEGER_LOOP(type, (x > 0) - (x < 0));				\
	case LOOM_UNARY_SQUARE:							\
		INTEGER_LOOP(type, (uint32_t)x * (uint32_t)x);			\
	default:								\
		INTEGER_LOOP(type, x);						\
	}

ROWS_TARGET static void ROWS(integer_unary)(unsigned int dtype, unsigned int op, unsigned int act,
					    const void *src, void *dst, size_t n)
{
	int32_t lo = INT32_MIN, hi = INT32_MAX;

	switch (dtype) {
	case LOOM_DTYPE_I8:
		lo = INT8_MIN;
		hi = INT8_MAX;
		INTEGER(int8_t);
		break;
	case LOOM_DTYPE_U8:
		lo = 0;
		hi = UINT8_MAX;
		INTEGER(uint8_t);
		break;
	default:
		INTEGER(int32_t);
		break;
	}
}

#undef INTEGER
#undef INTEGER_LOOP

ROWS_TARGET static void ROWS(offset)(uint32_t *restrict x, const uint32_t *restrict y, uint32_t c,
				     size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] += y[i] + c;
}

ROWS_TARGET static void ROWS(words)(unsigned int kpack, unsigned int dtype, int32_t adjust,
				    const void *restrict src, uint32_t *restrict dst, size_t n)
{
	const int8_t *s = src;
	const uint8_t *u = src;

	if (kpack == 1) {
		ROWS(widen)(dtype, src, (float *)dst, n);
		return;
	}
	/* values beyond the last count as zero */
	dst[(n - 1) / kpack] = 0;
	if (kpack == 4)
		for (size_t i = 0; i < n; i++)
			((uint8_t *)dst)[i] = u[i] ^ (uint8_t)adjust;
	else if (dtype == LOOM_DTYPE_I8)
		for (size_t i = 0; i < n; i++)
			((int16_t *)dst)[i] = (int16_t)(s[i] - adjust);
	else
		for (size_t i = 0; i < n; i++)
			((int16_t *)dst)[i] = (int16_t)(u[i] - adjust);
}

ROWS_TARGET static void ROWS(weave_2)(const uint8_t *restrict p, const uint8_t *restrict q,
				      uint32_t *restrict dst, size_t n, bool i8, int32_t zero)
{
	if (i8)
		for (size_t i = 0; i < n; i++)
			dst[i] = ((uint32_t)((int8_t)p[i] - zero) & 0xffff) |
				 (uint32_t)((int8_t)q[i] - zero) << 16;
	else
		for (size_t i = 0; i < n; i++)
			dst[i] = ((uint32_t)(p[i] - zero) & 0xffff) | (uint32_t)(q[i] - zero) << 16;
}

ROWS_TARGET static void ROWS(weave_4)(const uint8_t *restrict p, const uint8_t *restrict q,
				      const uint8_t *restrict r, const uint8_t *restrict s,
				      uint32_t *restrict dst, size_t n, uint32_t flip)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = ((uint32_t)p[i] | (uint32_t)q[i] << 8 | (uint32_t)r[i] << 16 |
			  (uint32_t)s[i] << 24) ^ flip;
}

ROWS_TARGET static void ROWS(weave)(unsigned int kpack, unsigned int dtype, int32_t adjust,
				    const void *const *src, uint32_t *dst, size_t n)
{
	if (kpack == 1)
		ROWS(widen)(dtype, src[0], (float *)dst, n);
	else if (kpack == 2)
		ROWS(weave_2)(src[0], src[1], dst, n, dtype == LOOM_DTYPE_I8, adjust);
	else
		ROWS(weave_4)(src[0], src[1], src[2], src[3], dst, n,
			      (uint32_t)adjust * 0x01010101u);
}

/* Rows are in pages of their own, where a processor's own prefetching starts anew. */
#define SPREAD_AHEAD	8

ROWS_TARGET static void ROWS(spread)(const uint8_t *restrict src, int64_t stride, size_t n,
				     size_t panels, uint32_t *restrict dst, size_t panel)
{
	for (size_t k = 0; k < n; k++, src += stride, dst += LOOM_PANEL_COLUMNS) {
		const uint8_t *next = k + SPREAD_AHEAD < n ? src + SPREAD_AHEAD * stride : src;

		for (size_t p = 0; p < panels; p++) {
			__builtin_prefetch(next + p * LOOM_PANEL_COLUMNS * 4);
			__builtin_prefetch(next + p * LOOM_PANEL_COLUMNS * 4 + 64);
			memcpy(dst + p * panel, src + p * LOOM_PANEL_COLUMNS * 4,
			       LOOM_PANEL_COLUMNS * 4);
		}
	}
}

#undef SPREAD_AHEAD

ROWS_TARGET static void ROWS(split)(const uint32_t *restrict src, int32_t adjust,
				    uint32_t *restrict dst, size_t n)
{
	for (size_t k = 0; k < n; k += 64, src += 32, dst += 64) {
		for (size_t i = 0; i < 32; i++)
			dst[i] = ((uint32_t)((int8_t)src[i] - adjust) & 0xffff) |
				 (uint32_t)((int8_t)(src[i] >> 8) - adjust) << 16;
		if (n - k < 64)
			return;
		for (size_t i = 0; i < 32; i++)
			dst[32 + i] = ((uint32_t)((int8_t)(src[i] >> 16) - adjust) & 0xffff) |
				      (uint32_t)((int8_t)(src[i] >> 24) - adjust) << 16;
	}
}

#ifndef ROWS_PIECES
ROWS_TARGET static void ROWS(see)(const struct loom_pieces *p, const uint8_t *base, uint32_t *to)
{
	if (p->n != 1 || p->at[0].n != LOOM_PANEL_COLUMNS)
		for (unsigned int i = 0; i < LOOM_PANEL_COLUMNS; i++)
			to[i] = p->hole;
	for (uint32_t i = 0; i < p->n; i++) {
		const struct loom_piece *piece = &p->at[i];
		const uint8_t *from = base + (piece->off + piece->lane * p->step);

		if (p->step == 4) {
			memcpy(to + piece->lane, from, piece->n * 4u);
			continue;
		}
		for (unsigned int k = 0; k < piece->n; k++, from += p->step)
			memcpy(to + piece->lane + k, from, 4);
	}
}

ROWS_TARGET static void ROWS(pick)(const struct loom_pieces *p, const uint8_t *base,
				   int64_t channel, size_t n, uint32_t *dst)
{
	for (; n; n--, base += channel, dst += LOOM_PANEL_COLUMNS)
		ROWS(see)(p, base, dst);
}

ROWS_TARGET static inline const float *ROWS(look)(const struct loom_sweep *s,
						  const struct loom_sweep_tap *t,
						  const uint8_t *line, float *x)
{
	const uint8_t *at = (const uint8_t *)((uintptr_t)line + (uint64_t)t->off);

	if (t->mask == 0xffff && s->step == 4)
		return (const float *)at;
	for (unsigned int i = 0; i < LOOM_SWEEP_LANES; i++)
		x[i] = s->hole;
	for (int64_t i = t->low; i < t->high; i++)
		memcpy(x + i, (const uint8_t *)((uintptr_t)at + (uint64_t)(i * s->step)), 4);
	return x;
}

ROWS_TARGET static void ROWS(depth)(const struct loom_sweep *s, const uint8_t *const *lines,
				    size_t n, const float *w, float *acc)
{
	for (; n; n--, lines += s->lines) {
		const struct loom_sweep_tap *taps = s->taps;

		for (size_t left = s->width, now; left; left -= now, acc += now, taps += s->along) {
			vf a[LOOM_SWEEP_LANES / MATH_LANES] = { 0 };
			float x[LOOM_SWEEP_LANES];

			now = left < LOOM_SWEEP_LANES ? left : LOOM_SWEEP_LANES;
			for (size_t k = 0; k < s->lines * s->along; k++) {
				const float *from = ROWS(look)(s, &taps[k % s->along],
							       lines[k / s->along], x);

				for (unsigned int i = 0; i < LOOM_SWEEP_LANES / MATH_LANES; i++)
					a[i] = MATH_FMA(ROWS(load)(from + i * MATH_LANES), ALL(w[k]),
							a[i]);
			}
			memcpy(acc, a, now * 4);
		}
	}
}

ROWS_TARGET static void ROWS(largest)(const struct loom_sweep *s, const uint8_t *const *lines,
				      size_t n, float *acc)
{
	for (; n; n--, lines += s->lines) {
		const struct loom_sweep_tap *taps = s->taps;

		for (size_t left = s->width, now; left; left -= now, acc += now, taps += s->along) {
			float x[LOOM_SWEEP_LANES], max[LOOM_SWEEP_LANES];

			now = left < LOOM_SWEEP_LANES ? left : LOOM_SWEEP_LANES;
			for (unsigned int i = 0; i < LOOM_SWEEP_LANES; i++)
				max[i] = -INFINITY;
			for (size_t k = 0; k < s->lines * s->along; k++)
				ROWS(extreme)(true, max, ROWS(look)(s, &taps[k % s->along],
								    lines[k / s->along], x), max,
					      LOOM_SWEEP_LANES);
			memcpy(acc, max, now * 4);
		}
	}
}

ROWS_TARGET static void ROWS(largest_channels)(const float *const *lines, size_t taps, size_t n,
					       float *acc)
{
	for (size_t i = 0; i < n; i++)
		acc[i] = -INFINITY;
	for (size_t t = 0; t < taps; t++)
		ROWS(extreme)(true, acc, lines[t], acc, n);
}
#endif

/* @vectors of accumulators; @n is known when this is compiled, but for the last few. */
MATH void ROWS(depth_some)(const float *const *lines, size_t taps, const float *w, size_t ld,
			   size_t at, unsigned int vectors, size_t n, float *acc)
{
	vf a[4] = { 0 };

	for (size_t t = 0; t < taps; t++, w += ld)
#pragma GCC unroll 4
		for (unsigned int i = 0; i < vectors; i++) {
			vf x = { 0 }, y = { 0 };

			memcpy(&x, lines[t] + at + i * MATH_LANES, n * 4);
			memcpy(&y, w + at + i * MATH_LANES, n * 4);
			a[i] = MATH_FMA(x, y, a[i]);
		}
#pragma GCC unroll 4
	for (unsigned int i = 0; i < vectors; i++)
		memcpy(acc + at + i * MATH_LANES, &a[i], n * 4);
}

ROWS_TARGET static void ROWS(depth_channels)(const float *const *lines, size_t taps, const float *w,
					     size_t n, float *acc)
{
	size_t i = 0;

	for (; i + 4 * MATH_LANES <= n; i += 4 * MATH_LANES)
		ROWS(depth_some)(lines, taps, w, n, i, 4, MATH_LANES, acc);
	for (; i + MATH_LANES <= n; i += MATH_LANES)
		ROWS(depth_some)(lines, taps, w, n, i, 1, MATH_LANES, acc);
	if (i < n)
		ROWS(depth_some)(lines, taps, w, n, i, 1, n - i, acc);
}

ROWS_TARGET static void ROWS(weigh)(float *acc, const float *x, const float *w, bool each, size_t n)
{
	vf one = ALL(w[0]);
	size_t i = 0;

	for (; i + MATH_LANES <= n; i += MATH_LANES)
		ROWS(store)(acc + i, MATH_FMA(ROWS(load)(x + i), each ? ROWS(load)(w + i) : one,
					      ROWS(load)(acc + i)));
	if (i < n) {
		vf a = { 0 }, b = { 0 }, c = { 0 };

		memcpy(&a, x + i, (n - i) * sizeof(float));
		memcpy(&c, acc + i, (n - i) * sizeof(float));
		if (each)
			memcpy(&b, w + i, (n - i) * sizeof(float));
		c = MATH_FMA(a, each ? b : one, c);
		memcpy(acc + i, &c, (n - i) * sizeof(float));
	}
}

/*
 * @acc is of result @at. @n is known when this is compiled, but for the last few; @act is one of
 * those that are compared.
 */
MATH void ROWS(finish_few)(const struct loom_finish *f, const float *acc, float *dst, size_t at,
			   size_t n, bool each, uint32_t act)
{
	vf x = { 0 }, y = { 0 };
	float a = f->param[0], b = f->param[1];

	memcpy(&x, acc, n * 4);
	if (f->bias) {
		y = ALL(f->bias[0]);
		if (each)
			memcpy(&y, f->bias + at, n * 4);
		x += y;
	}
	if (f->scale) {
		y = ALL(f->scale[0]);
		if (each)
			memcpy(&y, f->scale + at, n * 4);
		x *= y;
	}
	if (f->residual) {
		memcpy(&y, f->residual + at, n * 4);
		x += y;
	}
	if (act == LOOM_ACT_RELU)
		x = SEL(x <= 0.0f, ALL(0.0f), x);
	else if (act == LOOM_ACT_CLIP)
		x = SEL(x < a, ALL(a), SEL(x > b, ALL(b), x));
	x = SEL(x != x, (vf)((vu){ 0 } + LOOM_NAN_F32), x);
	memcpy(dst + at, &x, n * 4);
}

MATH void ROWS(finish_all)(const struct loom_finish *f, const float *acc, float *dst, size_t n,
			   bool each, uint32_t act)
{
	size_t i = 0;

	for (; i + LOOM_PANEL_COLUMNS <= n; acc += f->panel)
		for (size_t k = 0; k < LOOM_PANEL_COLUMNS; k += MATH_LANES, i += MATH_LANES)
			ROWS(finish_few)(f, acc + k, dst, i, MATH_LANES, each, act);
	for (; i + MATH_LANES <= n; i += MATH_LANES, acc += MATH_LANES)
		ROWS(finish_few)(f, acc, dst, i, MATH_LANES, each, act);
	if (i < n)
		ROWS(finish_few)(f, acc, dst, i, n - i, each, act);
}

ROWS_TARGET static void ROWS(finish)(const struct loom_finish *f, const float *acc, float *dst,
				     size_t n)
{
	if (f->act == LOOM_ACT_RELU && f->each)
		ROWS(finish_all)(f, acc, dst, n, true, LOOM_ACT_RELU);
	else if (f->act == LOOM_ACT_RELU)
		ROWS(finish_all)(f, acc, dst, n, false, LOOM_ACT_RELU);
	else if (f->act == LOOM_ACT_CLIP)
		ROWS(finish_all)(f, acc, dst, n, f->each, LOOM_ACT_CLIP);
	else
		ROWS(finish_all)(f, acc, dst, n, f->each, LOOM_ACT_NONE);
	if (f->act <= LOOM_ACT_CLIP)
		return;
	ROWS(act)(f->act, f->param, dst, n);
	for (size_t i = 0; i < n; i++)
		dst[i] = dst[i] != dst[i] ? loom_f32_of(LOOM_NAN_F32) : dst[i];
}

static const struct loom_rows ROWS(rows) = {
	.widen = ROWS(widen),
	.narrow = ROWS(narrow),
	.binary = ROWS(binary),
	.unary = ROWS(unary),
	.lanes = ROWS(lanes),
	.fold = ROWS(fold),
	.power_sum = ROWS(power_sum),
	.divide = ROWS(divide),
	.weigh = ROWS(weigh),
	.subtract = ROWS(subtract),
	.act = ROWS(act),
	.integer = ROWS(integer),
	.integer_unary = ROWS(integer_unary),
	.offset = ROWS(offset),
	.words = ROWS(words),
	.weave = ROWS(weave),
	.split = ROWS(split),
	.spread = ROWS(spread),
	.pick = ROWS(pick),
	.depth = ROWS(depth),
	.largest = ROWS(largest),
	.depth_channels = ROWS(depth_channels),
	.largest_channels = ROWS(largest_channels),
	.finish = ROWS(finish),
};

#undef SEL
#undef ALL
#undef MATH

#if !defined(__clang__)
#pragma GCC pop_options
#endif
