// SPDX-License-Identifier: MIT
/*
 * Matrix products against a loop over fmaf(), bit for bit.
 */
#include <math.h>

#include "check.h"

static struct bench b;

static uint32_t seed = 1;

static uint32_t rnd(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static float f32_of(uint32_t bits)
{
	float x;

	memcpy(&x, &bits, 4);
	return x;
}

static uint32_t bits_of(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, 4);
	return bits;
}

static float f16_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 1023;

	if (e == 31)
		return f32_of(sign | 0x7f800000 | m << 13);
	if (e)
		return f32_of(sign | (e + 112) << 23 | m << 13);
	return (sign ? -1.0f : 1.0f) * (float)m * 0x1p-24f;
}

/* Finite values only, as the tests make. Doubles round once, and exactly enough. */
static uint16_t f32_to_f16(float x)
{
	uint16_t sign = (uint16_t)(bits_of(x) >> 16 & 0x8000);
	float a = fabsf(x);
	int e;

	if (a >= 65520.0f)
		return sign | 0x7c00;
	if (a < 0x1p-14f)
		return sign | (uint16_t)nearbyint((double)a * 0x1p24);
	frexpf(a, &e);
	/* 1024 .. 2048; 2048 carries into the exponent, as it should */
	return sign | (uint16_t)(((e + 13) << 10) + (int)nearbyint(ldexp(a, 11 - e)));
}

static float bf16_to_f32(uint16_t h)
{
	return f32_of((uint32_t)h << 16);
}

static uint16_t f32_to_bf16(float x)
{
	uint32_t bits = bits_of(x);

	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float load(enum accel_dtype t, const void *p, size_t i)
{
	switch (t) {
	case ACCEL_F32:
		return ((const float *)p)[i];
	case ACCEL_F16:
		return f16_to_f32(((const uint16_t *)p)[i]);
	case ACCEL_BF16:
		return bf16_to_f32(((const uint16_t *)p)[i]);
	case ACCEL_I8:
		return ((const int8_t *)p)[i];
	default:
		return ((const uint8_t *)p)[i];
	}
}

static int load_int(enum accel_dtype t, const void *p, size_t i)
{
	return t == ACCEL_I8 ? ((const int8_t *)p)[i] : ((const uint8_t *)p)[i];
}

static void randomize(enum accel_dtype t, void *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float x = ((int)(rnd() % 4001) - 2000) / 512.0f;

		if (t == ACCEL_F32)
			((float *)p)[i] = x * (1 + (float)(rnd() % 1000) * 0x1p-20f);
		else if (t == ACCEL_F16)
			((uint16_t *)p)[i] = f32_to_f16(x);
		else if (t == ACCEL_BF16)
			((uint16_t *)p)[i] = f32_to_bf16(x);
		else
			((uint8_t *)p)[i] = (uint8_t)rnd();
	}
}

static bool same(enum accel_dtype t, const void *p, size_t i, float want)
{
	switch (t) {
	case ACCEL_F32:
		return ((const uint32_t *)p)[i] == bits_of(want);
	case ACCEL_F16:
		return ((const uint16_t *)p)[i] == f32_to_f16(want);
	default:
		return ((const uint16_t *)p)[i] == f32_to_bf16(want);
	}
}

/* Shapes around the edges of what vector engines like. */
static const uint32_t shapes[][3] = {
	{ 1, 1, 1 }, { 1, 17, 33 }, { 5, 1, 7 }, { 3, 5, 0 }, { 13, 31, 29 }, { 16, 16, 16 },
	{ 33, 65, 17 }, { 64, 64, 64 }, { 2, 130, 257 }, { 70, 33, 100 },
};

static void floats(enum accel_dtype in, enum accel_dtype out)
{
	size_t si = accel_dtype_size(in), so = accel_dtype_size(out);

	REQUIRE(bench_open(&b, NULL));
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		uint32_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
		struct accel_buffer *ba, *bb, *bc;
		struct accel_gemm_op op = ACCEL_INIT(op);
		void *a, *bm, *c;
		bool good = true;

		ba = bench_buffer(&b, m * k * si + 1, &a);
		bb = bench_buffer(&b, k * n * si + 1, &bm);
		bc = bench_buffer(&b, m * n * so, &c);
		randomize(in, a, m * k);
		randomize(in, bm, k * n);
		accel_tensor_init(&op.a, ba, 0, in, 2, (uint32_t[]){ m, k });
		accel_tensor_init(&op.b, bb, 0, in, 2, (uint32_t[]){ k, n });
		accel_tensor_init(&op.c, bc, 0, out, 2, (uint32_t[]){ m, n });
		CHECK(!accel_gemm(b.queue, &op, NULL));
		for (uint32_t i = 0; i < m; i++) {
			for (uint32_t j = 0; j < n; j++) {
				float acc = 0;

				for (uint32_t x = 0; x < k; x++)
					acc = fmaf(load(in, a, i * k + x), load(in, bm, x * n + j),
						   acc);
				good &= same(out, c, i * n + j, acc);
			}
		}
		if (!good)
			printf("# %ux%ux%u\n", m, n, k);
		CHECK(good);
		accel_buffer_unref(ba);
		accel_buffer_unref(bb);
		accel_buffer_unref(bc);
	}
	bench_close(&b);
}

static void f32(void)
{
	floats(ACCEL_F32, ACCEL_F32);
}

static void f16(void)
{
	floats(ACCEL_F16, ACCEL_F32);
	floats(ACCEL_F16, ACCEL_F16);
}

static void bf16(void)
{
	floats(ACCEL_BF16, ACCEL_F32);
	floats(ACCEL_BF16, ACCEL_BF16);
}

static void bytes(enum accel_dtype ta, enum accel_dtype tb)
{
	REQUIRE(bench_open(&b, NULL));
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		uint32_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
		struct accel_buffer *ba, *bb, *bc, *bias;
		struct accel_gemm_op op = ACCEL_INIT(op);
		int32_t *c, *add;
		void *a, *bm;
		bool good = true;

		ba = bench_buffer(&b, m * k + 1, &a);
		bb = bench_buffer(&b, k * n + 1, &bm);
		bc = bench_buffer(&b, m * n * 4, &c);
		bias = bench_buffer(&b, n * 4, &add);
		randomize(ta, a, m * k);
		randomize(tb, bm, k * n);
		for (uint32_t j = 0; j < n; j++)
			add[j] = (int32_t)(rnd() << 8);
		accel_tensor_init(&op.a, ba, 0, ta, 2, (uint32_t[]){ m, k });
		accel_tensor_init(&op.b, bb, 0, tb, 2, (uint32_t[]){ k, n });
		accel_tensor_init(&op.c, bc, 0, ACCEL_I32, 2, (uint32_t[]){ m, n });
		accel_tensor_init(&op.bias, bias, 0, ACCEL_I32, 1, &n);
		op.a_zero = ta == ACCEL_U8 ? 200 : -100;
		op.b_zero = tb == ACCEL_U8 ? 3 : 127;
		CHECK(!accel_gemm(b.queue, &op, NULL));
		for (uint32_t i = 0; i < m; i++) {
			for (uint32_t j = 0; j < n; j++) {
				uint32_t acc = 0;

				for (uint32_t x = 0; x < k; x++)
					acc += (uint32_t)((load_int(ta, a, i * k + x) - op.a_zero) *
							  (load_int(tb, bm, x * n + j) - op.b_zero));
				good &= c[i * n + j] == (int32_t)(acc + (uint32_t)add[j]);
			}
		}
		CHECK(good);
		accel_buffer_unref(ba);
		accel_buffer_unref(bb);
		accel_buffer_unref(bc);
		accel_buffer_unref(bias);
	}
	bench_close(&b);
}

static void i8_and_u8(void)
{
	bytes(ACCEL_I8, ACCEL_I8);
	bytes(ACCEL_U8, ACCEL_I8);
	bytes(ACCEL_I8, ACCEL_U8);
	bytes(ACCEL_U8, ACCEL_U8);
}

/* u8 out: scale, residual, relu, half to even, zero point, saturation. */
static void quantised_epilogue(void)
{
	enum { M = 9, N = 21, K = 40 };
	struct accel_buffer *ba, *bb, *bc, *bs, *br;
	struct accel_gemm_op op = ACCEL_INIT(op);
	uint8_t *a, *c;
	int8_t *bm, *r;
	float *scale;
	bool good = true;

	REQUIRE(bench_open(&b, NULL));
	ba = bench_buffer(&b, M * K, &a);
	bb = bench_buffer(&b, K * N, &bm);
	bc = bench_buffer(&b, M * N, &c);
	bs = bench_buffer(&b, N * 4, &scale);
	br = bench_buffer(&b, M * N, &r);
	randomize(ACCEL_U8, a, M * K);
	randomize(ACCEL_I8, bm, K * N);
	randomize(ACCEL_I8, r, M * N);
	for (int j = 0; j < N; j++)
		scale[j] = (float)(1 + rnd() % 100) * 0x1p-15f;
	accel_tensor_init(&op.a, ba, 0, ACCEL_U8, 2, (uint32_t[]){ M, K });
	accel_tensor_init(&op.b, bb, 0, ACCEL_I8, 2, (uint32_t[]){ K, N });
	accel_tensor_init(&op.c, bc, 0, ACCEL_U8, 2, (uint32_t[]){ M, N });
	accel_tensor_init(&op.scale, bs, 0, ACCEL_F32, 1, (uint32_t[]){ N });
	accel_tensor_init(&op.residual, br, 0, ACCEL_I8, 2, (uint32_t[]){ M, N });
	op.act = ACCEL_ACT_RELU;
	op.c_zero = 7;
	CHECK(!accel_gemm(b.queue, &op, NULL));
	for (int i = 0; i < M; i++) {
		for (int j = 0; j < N; j++) {
			int32_t acc = 0;
			float x;

			for (int k = 0; k < K; k++)
				acc += a[i * K + k] * bm[k * N + j];
			x = (float)acc * scale[j];
			x = x + (float)r[i * N + j];
			x = x > 0 ? x : 0;
			x = nearbyintf(x) + 7;
			good &= c[i * N + j] == (x > 255 ? 255 : (int)x);
		}
	}
	CHECK(good);
	accel_buffer_unref(ba);
	accel_buffer_unref(bb);
	accel_buffer_unref(bc);
	accel_buffer_unref(bs);
	accel_buffer_unref(br);
	bench_close(&b);
}

static void batches_and_transposition(void)
{
	enum { B = 3, M = 6, N = 5, K = 7 };
	struct accel_gemm_op op = ACCEL_INIT(op);
	struct accel_buffer *ba, *bb, *bc;
	float *a, *bm, *c;
	bool good = true;

	REQUIRE(bench_open(&b, NULL));
	ba = bench_buffer(&b, B * M * K * 4, &a);
	bb = bench_buffer(&b, N * K * 4, &bm);
	bc = bench_buffer(&b, B * M * N * 4, &c);
	randomize(ACCEL_F32, a, B * M * K);
	randomize(ACCEL_F32, bm, N * K);
	accel_tensor_init(&op.a, ba, 0, ACCEL_F32, 3, (uint32_t[]){ B, M, K });
	/* One b for all, stored [N, K]. */
	accel_tensor_init(&op.b, bb, 0, ACCEL_F32, 2, (uint32_t[]){ N, K });
	CHECK(!accel_tensor_transpose(&op.b, 0, 1));
	accel_tensor_init(&op.c, bc, 0, ACCEL_F32, 3, (uint32_t[]){ B, M, N });
	CHECK(!accel_gemm(b.queue, &op, NULL));
	for (int x = 0; x < B; x++) {
		for (int i = 0; i < M; i++) {
			for (int j = 0; j < N; j++) {
				float acc = 0;

				for (int k = 0; k < K; k++)
					acc = fmaf(a[(x * M + i) * K + k], bm[j * K + k], acc);
				good &= same(ACCEL_F32, c, (x * M + i) * N + j, acc);
			}
		}
	}
	CHECK(good);
	accel_buffer_unref(ba);
	accel_buffer_unref(bb);
	accel_buffer_unref(bc);
	bench_close(&b);
}

static void from_the_callers_memory(void)
{
	enum { M = 4, N = 3, K = 5, LD = 8 };
	float a[M * LD], bm[N * LD], c[M * LD];
	struct accel_matrix ma = { a, ACCEL_F32, false, LD }, mb = { bm, ACCEL_F32, true, LD };
	struct accel_matrix mc = { c, ACCEL_F32, false, LD };
	struct accel_result r;
	bool good = true;

	REQUIRE(bench_open(&b, NULL));
	randomize(ACCEL_F32, a, M * LD);
	randomize(ACCEL_F32, bm, N * LD);
	for (int i = 0; i < M * LD; i++)
		c[i] = -1;
	CHECK(!accel_gemm_host(b.queue, M, N, K, &ma, &mb, &mc, &r));
	CHECK(r.number == 1 && r.cycles && r.energy_pj && r.bytes && r.t_end >= r.t_start);
	for (int i = 0; i < M; i++) {
		for (int j = 0; j < LD; j++) {
			float acc = 0;

			for (int k = 0; k < K && j < N; k++)
				acc = fmaf(a[i * LD + k], bm[j * LD + k], acc);
			/* What lies between the rows stays. */
			good &= bits_of(c[i * LD + j]) == bits_of(j < N ? acc : -1);
		}
	}
	CHECK(good);
	mc.ld = N - 1;
	CHECK_ERR_TEXT(accel_gemm_host(b.queue, M, N, K, &ma, &mb, &mc, NULL), -EINVAL, "ld");
	mc.ld = 0;
	mc.dtype = ACCEL_I32;
	CHECK_ERR(accel_gemm_host(b.queue, M, N, K, &ma, &mb, &mc, NULL), -EINVAL);
	mc.dtype = ACCEL_F32;
	mc.data = NULL;
	CHECK_ERR_TEXT(accel_gemm_host(b.queue, M, N, K, &ma, &mb, &mc, NULL), -EINVAL, "c.data");
	mc.data = c;
	ma.ld = UINT64_MAX;
	CHECK_ERR(accel_gemm_host(b.queue, M, N, K, &ma, &mb, &mc, NULL), -EINVAL);
	CHECK_ERR(accel_gemm_host(NULL, M, N, K, &ma, &mb, &mc, NULL), -EINVAL);
	CHECK_ERR(accel_gemm_host(b.queue, M, N, K, NULL, &mb, &mc, NULL), -EINVAL);
	/* K = 0 gives zeros, M = 0 nothing. */
	ma.ld = mb.ld = 0;
	CHECK(!accel_gemm_host(b.queue, M, N, 0, &ma, &mb, &mc, NULL));
	CHECK(c[0] == 0 && c[M * N - 1] == 0);
	CHECK(!accel_gemm_host(b.queue, 0, N, K, &ma, &mb, &mc, NULL));
	bench_close(&b);
}

static void many_at_once(void)
{
	enum { COUNT = 100 };
	struct accel_fence *fences[COUNT];
	struct accel_gemm_op op = ACCEL_INIT(op);
	struct accel_buffer *buffer;
	float *p;

	REQUIRE(bench_open(&b, NULL));
	buffer = bench_buffer(&b, 64 * (COUNT + 2), &p);
	p[0] = 3;
	p[16] = 5;
	accel_tensor_init(&op.a, buffer, 0, ACCEL_F32, 2, (uint32_t[]){ 1, 1 });
	accel_tensor_init(&op.b, buffer, 64, ACCEL_F32, 2, (uint32_t[]){ 1, 1 });
	accel_tensor_init(&op.c, buffer, 0, ACCEL_F32, 2, (uint32_t[]){ 1, 1 });
	for (unsigned int i = 0; i < COUNT; i++) {
		op.c.offset = 64 * (i + 2);
		REQUIRE(!accel_gemm_async(b.queue, &op, &fences[i]));
	}
	for (unsigned int i = 0; i < COUNT; i++) {
		CHECK(!accel_fence_wait(fences[i], soon()));
		CHECK(!accel_fence_result(fences[i], NULL));
		CHECK(p[16 * (i + 2)] == 15);
		accel_fence_unref(fences[i]);
	}
	/* Refused before anything is submitted. */
	op.c.buffer = NULL;
	CHECK_ERR(accel_gemm(b.queue, &op, NULL), -EINVAL);
	/* The record names the call that was made, not one inside. */
	CHECK(!strcmp(accel_last_error()->op, "accel_gemm"));
	CHECK_ERR(accel_gemm_async(b.queue, &op, &fences[0]), -EINVAL);
	CHECK_ERR(accel_gemm(NULL, &op, NULL), -EINVAL);
	CHECK_ERR(accel_gemm(b.queue, NULL, NULL), -EINVAL);
	CHECK_EQ(accel_queue_submitted(b.queue), COUNT);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

/* What goes with it: fill, cast, add; a small pipeline whose steps depend on each other. */
static void other_operations(void)
{
	struct accel_eltwise_op add = ACCEL_INIT(add);
	struct accel_tensor x, y, z;
	struct accel_program *program;
	struct accel_buffer *buffer;
	uint64_t *words;
	struct bench s;
	int32_t *p;

	REQUIRE(bench_open(&s, NULL));
	buffer = bench_buffer(&s, 4096, &p);
	words = (uint64_t *)p;
	accel_tensor_init(&x, buffer, 0, ACCEL_I32, 1, (uint32_t[]){ 10 });
	accel_tensor_init(&y, buffer, 64, ACCEL_F32, 1, (uint32_t[]){ 10 });
	accel_tensor_init(&z, buffer, 128, ACCEL_F32, 1, (uint32_t[]){ 10 });
	add.op = ACCEL_ADD;
	add.dst = z;
	add.a = add.b = y;
	REQUIRE(!accel_program_create(s.context, &program));
	CHECK(!accel_program_fill(program, &x, 21));
	CHECK(!accel_program_copy(program, &y, &x));
	CHECK(!accel_program_eltwise(program, &add));
	CHECK(!accel_program_fence(program, buffer, 512, 0xfe));
	CHECK(!accel_program_timestamp(program, buffer, 520));
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(s.queue, program, soon(), NULL));
	for (int i = 0; i < 10; i++)
		CHECK(p[i] == 21 && ((float *)p)[16 + i] == 21 && ((float *)p)[32 + i] == 42);
	CHECK(words[64] == 0xfe && words[65] > 0);
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	bench_close(&s);
}

static const struct check_test tests[] = {
	TEST(f32),
	TEST(f16),
	TEST(bf16),
	TEST(i8_and_u8),
	TEST(quantised_epilogue),
	TEST(batches_and_transposition),
	TEST(from_the_callers_memory),
	TEST(many_at_once),
	TEST(other_operations),
};

CHECK_MAIN(tests)
