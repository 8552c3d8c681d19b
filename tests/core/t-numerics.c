// SPDX-License-Identifier: MIT
/* The scalar arithmetic against what IEEE 754 says, by other means. */
#include <stdio.h>

#include "job.h"
#include "loom_core.h"
#include "functions.h"
#include "tap.h"

/* Value of a finite binary16 from its definition; exact in binary64. */
static double f16_value(uint16_t h)
{
	int exp = h >> 10 & 31, man = h & 0x3ff;
	double v = exp ? ldexp(1024 + man, exp - 25) : ldexp(man, -24);

	return h & 0x8000 ? -v : v;
}

static bool f16_exact(void)
{
	for (uint32_t h = 0; h < 0x10000; h++) {
		float x = loom_f32_from_f16((uint16_t)h);
		uint16_t back = loom_f16_from_f32(x);

		if ((h & 0x7fff) > 0x7c00) {
			if (loom_f32_bits(x) != LOOM_NAN_F32 || back != LOOM_NAN_F16)
				return false;
			continue;
		}
		if (back != h || !!signbit(x) != h >> 15)
			return false;
		if ((h & 0x7fff) == 0x7c00 ? !isinf(x) : (double)x != f16_value((uint16_t)h))
			return false;
	}
	return true;
}

/*
 * Between neighbours h and h + 1 rounding changes at the middle, and nowhere
 * else: checked at the middle, which goes to the even one, and just beside it.
 */
static bool f16_rounding(void)
{
	for (uint32_t h = 0; h < 0x7c00; h++) {
		double next = h == 0x7bff ? 65536.0 : f16_value((uint16_t)(h + 1));
		double middle = (f16_value((uint16_t)h) + next) / 2;
		uint32_t u = loom_f32_bits((float)middle);
		uint16_t even = (uint16_t)(h & 1 ? h + 1 : h);

		if ((double)(float)middle != middle ||
		    loom_f16_from_f32((float)middle) != even ||
		    loom_f16_from_f32(loom_f32_of(u - 1)) != h ||
		    loom_f16_from_f32(loom_f32_of(u + 1)) != h + 1 ||
		    loom_f16_from_f32(-(float)middle) != (even | 0x8000))
			return false;
	}
	/* and it never falls as the value rises */
	for (uint32_t u = 0; u < 0x7f800000; u += 12345)
		if (loom_f16_from_f32(loom_f32_of(u)) > loom_f16_from_f32(loom_f32_of(u + 12345)) &&
		    u + 12345 <= 0x7f800000)
			return false;
	return loom_f16_from_f32(0x1p-25f) == 0 && loom_f16_from_f32(0x1.000002p-25f) == 1 &&
	       loom_f16_from_f32(-0.0f) == 0x8000 && loom_f16_from_f32(65519.996f) == 0x7bff &&
	       loom_f16_from_f32(65520.0f) == 0x7c00 && loom_f16_from_f32(INFINITY) == 0x7c00;
}

static bool bf16_rounding(void)
{
	for (uint32_t h = 0; h < 0x7f80; h++) {
		uint32_t u = h << 16 | 0x8000;
		uint16_t even = (uint16_t)(h & 1 ? h + 1 : h);

		if (loom_bf16_from_f32(loom_f32_of(h << 16)) != h ||
		    loom_f32_bits(loom_f32_from_bf16((uint16_t)h)) != h << 16 ||
		    loom_bf16_from_f32(loom_f32_of(u)) != even ||
		    loom_bf16_from_f32(loom_f32_of(u - 1)) != h ||
		    loom_bf16_from_f32(loom_f32_of(u + 1)) != h + 1 ||
		    loom_bf16_from_f32(loom_f32_of(u | 0x80000000)) != (even | 0x8000))
			return false;
	}
	return loom_bf16_from_f32(INFINITY) == 0x7f80 && loom_bf16_from_f32(NAN) == LOOM_NAN_BF16 &&
	       loom_bf16_from_f32(-NAN) == LOOM_NAN_BF16 &&
	       loom_bf16_from_f32(loom_f32_of(0x7f800001)) == LOOM_NAN_BF16;
}

/* I32 to bfloat16 rounds once: 8 bits of significand, by integer arithmetic. */
static bool i32_once(void)
{
	for (int64_t i = INT32_MIN; i <= INT32_MAX; i += 98765) {
		for (int64_t v = i - 1; v <= i + 1; v++) {
			uint64_t a = (uint64_t)(v < 0 ? -v : v), step = 1, low;
			double want;

			if (v < INT32_MIN || v > INT32_MAX)
				continue;
			while (a / step >= 256)
				step *= 2;
			low = a / step * step;
			if (a - low > step / 2 || (a - low == step / 2 && step > 1 && a / step & 1))
				low += step;
			want = v < 0 ? -(double)low : (double)low;
			if (loom_f32_from_bf16(loom_bf16_from_f32(
					loom_f32_from_i32_odd((int32_t)v))) != want)
				return false;
		}
	}
	/* rounding twice would give 2^24 * 1.015625 */
	return loom_bf16_from_f32(loom_f32_from_i32_odd(0x1010001)) == 0x4b81 &&
	       loom_bf16_from_f32(loom_f32_from_i32_odd(0x1010000)) == 0x4b80 &&
	       loom_f32_from_i32_odd(INT32_MIN) == -0x1p31f &&
	       loom_f16_from_f32(loom_f32_from_i32_odd(65519)) == 0x7bff &&
	       loom_f16_from_f32(loom_f32_from_i32_odd(65520)) == 0x7c00;
}

static bool quantising(void)
{
	static const struct {
		float x;
		int32_t zero, lo, hi, want;
	} cases[] = {
		{ 0.5f, 0, -128, 127, 0 }, { 1.5f, 0, -128, 127, 2 }, { 2.5f, 0, -128, 127, 2 },
		{ -0.5f, 0, -128, 127, 0 }, { -1.5f, 0, -128, 127, -2 }, { -2.5f, 3, -128, 127, 1 },
		{ 126.5f, 0, -128, 127, 126 }, { 127.5f, 0, -128, 127, 127 },
		{ 1e30f, -128, -128, 127, 127 }, { -1e30f, 127, -128, 127, -128 },
		{ INFINITY, -128, -128, 127, 127 }, { -INFINITY, 255, 0, 255, 0 },
		{ 255.5f, 0, 0, 255, 255 }, { -3.0f, 5, 0, 255, 2 }, { NAN, 7, 0, 255, 7 },
		{ 382.4f, -128, -128, 127, 127 }, { -382.6f, 255, 0, 255, 0 },
		{ 0.49999997f, 0, -128, 127, 0 }, { -0.0f, 9, 0, 255, 9 },
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (loom_f32_quant(cases[i].x, cases[i].zero, cases[i].lo, cases[i].hi) !=
		    cases[i].want)
			return false;
	return loom_i32_from_f32(NAN) == 0 && loom_i32_from_f32(0x1p31f) == INT32_MAX &&
	       loom_i32_from_f32(2147483520.0f) == 2147483520 &&
	       loom_i32_from_f32(-0x1p31f) == INT32_MIN && loom_i32_from_f32(-3e9f) == INT32_MIN &&
	       loom_i32_from_f32(-2.5f) == -2 && loom_i32_from_f32(3.5f) == 4;
}

static bool extremes(void)
{
	uint32_t nan = LOOM_NAN_F32;

	return loom_f32_bits(loom_f32_min(0.0f, -0.0f)) == 0x80000000 &&
	       loom_f32_bits(loom_f32_min(-0.0f, 0.0f)) == 0x80000000 &&
	       loom_f32_bits(loom_f32_max(0.0f, -0.0f)) == 0 &&
	       loom_f32_bits(loom_f32_max(-0.0f, 0.0f)) == 0 &&
	       loom_f32_bits(loom_f32_max(-0.0f, -0.0f)) == 0x80000000 &&
	       loom_f32_bits(loom_f32_min(NAN, 1.0f)) == nan &&
	       loom_f32_bits(loom_f32_max(1.0f, -NAN)) == nan &&
	       loom_f32_min(-INFINITY, 1.0f) == -INFINITY && loom_f32_max(2.0f, 1.0f) == 2.0f &&
	       loom_f32_bits(loom_f32_act(LOOM_ACT_RELU, 0, 0, -0.0f)) == 0 &&
	       isnan(loom_f32_act(LOOM_ACT_RELU, 0, 0, NAN)) &&
	       isnan(loom_f32_act(LOOM_ACT_CLIP, 0, 6, NAN)) &&
	       loom_f32_bits(loom_f32_act(LOOM_ACT_CLIP, 0, 6, -0.0f)) == 0x80000000 &&
	       loom_f32_act(LOOM_ACT_CLIP, 0, 6, 7.0f) == 6.0f;
}

static bool integers(void)
{
	return loom_i32_binary(LOOM_DTYPE_I32, LOOM_ELTWISE_ADD, INT32_MAX, 1) == INT32_MIN &&
	       loom_i32_binary(LOOM_DTYPE_I32, LOOM_ELTWISE_MUL, 65536, 65537) == 65536 &&
	       loom_i32_binary(LOOM_DTYPE_I8, LOOM_ELTWISE_MUL, -128, -128) == 127 &&
	       loom_i32_binary(LOOM_DTYPE_I8, LOOM_ELTWISE_SUB, -128, 1) == -128 &&
	       loom_i32_binary(LOOM_DTYPE_U8, LOOM_ELTWISE_SUB, 1, 2) == 0 &&
	       loom_i32_binary(LOOM_DTYPE_U8, LOOM_ELTWISE_MUL, 255, 255) == 255 &&
	       loom_i32_binary(LOOM_DTYPE_I8, LOOM_ELTWISE_MIN, -3, 2) == -3;
}

/* A multiplication of one row and one column with results that were worked out by hand. */
struct dot {
	unsigned int dtype, out;
	uint32_t k;
	uint32_t a[4], b[4];
	uint32_t a_zero, b_zero;
	uint32_t bias, scale, residual;	/* bits; used if not zero */
	uint32_t act, zero;
	uint32_t want;
};

static bool dot_case(const char *engine, const struct dot *dot)
{
	static const struct job_options options = { .threads = 1 };
	unsigned int size = loom_dtype_size(dot->dtype);
	uint32_t dims_a[] = { 1, dot->k }, dims_b[] = { dot->k, 1 }, one[] = { 1, 1 }, got = 0;
	struct loom_pkt_gemm pkt;
	struct memory mem;
	struct rng rng = { 1 };
	bool good;

	header_init(&pkt.header, LOOM_OP_GEMM, sizeof(pkt));
	memory_init(&mem);
	tensor_plain(&mem, &pkt.c, dot->out, 2, one);
	tensor_plain(&mem, &pkt.a, dot->dtype, 2, dims_a);
	tensor_plain(&mem, &pkt.b, dot->dtype, 2, dims_b);
	if (dot->bias)
		tensor_plain(&mem, &pkt.epilogue.bias, loom_dtype_is_int8(dot->dtype) ?
			     LOOM_DTYPE_I32 : LOOM_DTYPE_F32, 1, one);
	if (dot->scale)
		tensor_plain(&mem, &pkt.epilogue.scale, LOOM_DTYPE_F32, 1, one);
	if (dot->residual)
		tensor_plain(&mem, &pkt.epilogue.residual, LOOM_DTYPE_F32, 0, one);
	memory_commit(&mem, false, 1);
	for (unsigned int i = 0; i < dot->k; i++) {
		memory_write(&mem, pkt.a.va + i * size, &dot->a[i], size);
		memory_write(&mem, pkt.b.va + i * size, &dot->b[i], size);
	}
	if (dot->bias)
		memory_write(&mem, pkt.epilogue.bias.va, &dot->bias, 4);
	if (dot->scale)
		memory_write(&mem, pkt.epilogue.scale.va, &dot->scale, 4);
	if (dot->residual)
		memory_write(&mem, pkt.epilogue.residual.va, &dot->residual, 4);
	pkt.a_zero = dot->a_zero;
	pkt.b_zero = dot->b_zero;
	pkt.epilogue.act = dot->act;
	pkt.epilogue.zero = dot->zero;
	good = job_run(&mem, engine, &pkt, &rng, &options);
	memory_read(&mem, pkt.c.va, &got, loom_dtype_size(dot->out));
	memory_free(&mem);
	if (!good || got != dot->want) {
		printf("# got %#x, want %#x\n", got, dot->want);
		return false;
	}
	return true;
}

#define F32	LOOM_DTYPE_F32
#define F16	LOOM_DTYPE_F16
#define BF16	LOOM_DTYPE_BF16
#define I8	LOOM_DTYPE_I8
#define U8	LOOM_DTYPE_U8
#define I32	LOOM_DTYPE_I32

static const struct {
	const char *what;
	struct dot dot;
} dots[] = {
	{ "1 * 2 + 3 * 4 = 14", { F32, F32, 2, { 0x3f800000, 0x40400000 },
	  { 0x40000000, 0x40800000 }, .want = 0x41600000 } },
	/* (1 + 2^-12)^2 - (1 + 2^-11) = 2^-24, lost if the product were rounded */
	{ "products are not rounded", { F32, F32, 2, { 0xbf801000, 0x3f800800 },
	  { 0x3f800000, 0x3f800800 }, .want = 0x33800000 } },
	/* 2^24 + 1 + 1: one after the other each 1 is lost; together they are not */
	{ "k rises from 0", { F32, F32, 3, { 0x4b800000, 0x3f800000, 0x3f800000 },
	  { 0x3f800000, 0x3f800000, 0x3f800000 }, .want = 0x4b800000 } },
	{ "k rises from 0, the other way", { F32, F32, 3, { 0x3f800000, 0x3f800000, 0x4b800000 },
	  { 0x3f800000, 0x3f800000, 0x3f800000 }, .want = 0x4b800001 } },
	{ "+0 + -0 is +0", { F32, F32, 1, { 0x80000000 }, { 0x3f800000 }, .want = 0 } },
	{ "K = 0 is +0", { F32, F32, 0, { 0 }, { 0 }, .want = 0 } },
	{ "infinity times zero is the canonical NaN", { F32, F32, 1, { 0x7f800000 }, { 0 },
	  .want = 0x7fc00000 } },
	{ "a negative NaN with payload too", { F32, F32, 1, { 0xffc12345 }, { 0x3f800000 },
	  .want = 0x7fc00000 } },
	{ "subnormals stay", { F32, F32, 1, { 0x00000003 }, { 0x3f800000 }, .want = 3 } },
	{ "binary16 widens exactly", { F16, F32, 2, { 0x0001, 0x3c00 }, { 0x0001, 0x3c00 },
	  .want = 0x3f800000 } },
	{ "binary16 rounds at the end", { F16, F16, 2, { 0x6800, 0x3c00 }, { 0x3c00, 0x3c00 },
	  .want = 0x6800 } },
	{ "binary16 overflows to infinity", { F16, F16, 1, { 0x7bff }, { 0x4000 },
	  .want = 0x7c00 } },
	{ "binary16 NaN", { F16, F16, 1, { 0xfe01 }, { 0x3c00 }, .want = 0x7e00 } },
	{ "bfloat16 NaN", { BF16, BF16, 1, { 0xff81 }, { 0x3f80 }, .want = 0x7fc0 } },
	{ "bfloat16 3 * 5 = 15", { BF16, BF16, 1, { 0x4040 }, { 0x40a0 }, .want = 0x4170 } },
	{ "bias, scale, residual in this order: (2 + 1) * 2 + 0.5", { F32, F32, 1,
	  { 0x40000000 }, { 0x3f800000 }, .bias = 0x3f800000, .scale = 0x40000000,
	  .residual = 0x3f000000, .want = 0x40d00000 } },
	{ "a negative sum with RELU", { F32, F32, 1, { 0xbf800000 }, { 0x3f800000 },
	  .act = LOOM_ACT_RELU, .want = 0 } },
	{ "-128 * -128 * 4", { I8, I32, 4, { 0x80, 0x80, 0x80, 0x80 },
	  { 0x80, 0x80, 0x80, 0x80 }, .want = 65536 } },
	{ "255 * 255 * 4", { U8, I32, 4, { 255, 255, 255, 255 }, { 255, 255, 255, 255 },
	  .want = 260100 } },
	{ "zero points: (5 - 7) * (200 - 100) + (7 - 7) * x", { U8, I32, 2, { 5, 7 },
	  { 200, 9 }, .a_zero = 7, .b_zero = 100, .want = (uint32_t)-200 } },
	{ "signed zero points: (-128 - 127) * (127 + 128)", { I8, I32, 1, { 0x80 }, { 0x7f },
	  .a_zero = 127, .b_zero = (uint32_t)-128, .want = (uint32_t)-65025 } },
	{ "I32 bias wraps", { I8, I32, 1, { 1 }, { 1 }, .bias = 0x7fffffff, .want = 0x80000000 } },
	{ "requantise: 10 * 0.25 = 2.5 is 2, plus 3", { I8, I8, 1, { 5 }, { 2 },
	  .scale = 0x3e800000, .zero = 3, .want = 5 } },
	{ "requantise: 14 * 0.25 = 3.5 is 4", { I8, U8, 1, { 7 }, { 2 }, .scale = 0x3e800000,
	  .want = 4 } },
	{ "saturate above", { U8, I8, 1, { 255 }, { 255 }, .want = 0x7f } },
	{ "saturate below", { I8, U8, 1, { 0xff }, { 1 }, .want = 0 } },
	{ "NaN as integer is the zero point", { F32, U8, 1, { 0x7fc00000 }, { 0x3f800000 },
	  .zero = 17, .want = 17 } },
};

/* The thread's own floating point mode neither leaks in nor is lost. */
static bool modes(const char *engine)
{
#if defined(__SSE2__)
	/* flush to zero, denormals are zero, round up */
	unsigned int saved = _mm_getcsr(), odd = 0x1f80 | 0x8000 | 0x0040 | 0x4000;
	bool good = true;

	_mm_setcsr(odd);
	for (unsigned int i = 0; i < sizeof(dots) / sizeof(dots[0]); i++)
		good &= dot_case(engine, &dots[i].dot);
	good &= (_mm_getcsr() & ~0x3fu) == odd;
	_mm_setcsr(saved);
	return good;
#else
	return engine != NULL;
#endif
}

int main(void)
{
	const char *const *names = loom_engine_names();

	tap_ok(f16_exact(), "binary16 to binary32 and back");
	tap_ok(f16_rounding(), "binary32 to binary16 at every boundary");
	tap_ok(bf16_rounding(), "binary32 to bfloat16 at every boundary");
	tap_ok(i32_once(), "32-bit integers round once");
	tap_ok(quantising(), "floats to integers");
	tap_ok(extremes(), "minimum, maximum, activations");
	tap_ok(integers(), "integers wrap or saturate");
	for (; *names; names++) {
		for (unsigned int i = 0; i < sizeof(dots) / sizeof(dots[0]); i++)
			tap_ok(dot_case(*names, &dots[i].dot), "%s: %s", *names, dots[i].what);
		tap_ok(modes(*names), "%s: the thread's floating point mode", *names);
	}
	return tap_done();
}
