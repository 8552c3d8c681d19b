// SPDX-License-Identifier: MIT
/*
 * Weights: products of packed matrices are those of plain ones, to the bit.
 */
#include "check.h"

enum { M = 33, N = 71, K = 45 };

static void fill(unsigned char *p, size_t n, enum accel_dtype dtype)
{
	uint32_t seed = (uint32_t)dtype * 977 + 5;

	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (unsigned char)(seed >> 16);
		/* floats below 2, never infinite */
		if ((dtype == ACCEL_F32 && i % 4 == 3) ||
		    (dtype != ACCEL_F32 && accel_dtype_size(dtype) == 2 && i % 2 == 1))
			p[i] = (unsigned char)(0x3b + (seed >> 30));
	}
}

/* a x b with b as a tensor and as weights; @transposed: b lies as [N, K]. */
static void compare(struct bench *b, enum accel_dtype dtype, bool transposed)
{
	size_t size = accel_dtype_size(dtype);
	enum accel_dtype out = size == 1 ? ACCEL_I32 : ACCEL_F32;
	struct accel_gemm_op op = ACCEL_INIT(op);
	struct accel_tensor c1, c2;
	struct accel_program *pack, *plain, *packed;
	struct accel_buffer *ba, *bb, *b1, *b2;
	struct accel_weights *weights;
	unsigned char *pa, *pb, *p1, *p2;

	ba = bench_buffer(b, M * K * size, &pa);
	bb = bench_buffer(b, K * N * size, &pb);
	b1 = bench_buffer(b, M * N * 4, &p1);
	b2 = bench_buffer(b, M * N * 4, &p2);
	fill(pa, M * K * size, dtype);
	fill(pb, K * N * size, dtype);
	accel_tensor_init(&op.a, ba, 0, dtype, 2, (uint32_t[]){ M, K });
	accel_tensor_init(&op.b, bb, 0, dtype, 2,
			  transposed ? (uint32_t[]){ N, K } : (uint32_t[]){ K, N });
	if (transposed)
		CHECK(!accel_tensor_transpose(&op.b, 0, 1));
	accel_tensor_init(&c1, b1, 0, out, 2, (uint32_t[]){ M, N });
	accel_tensor_init(&c2, b2, 0, out, 2, (uint32_t[]){ M, N });
	op.a_zero = size == 1 ? 3 : 0;
	op.b_zero = size == 1 ? 7 : 0;
	REQUIRE(!accel_weights_create(b->context, dtype, K, N, 0, &weights));
	CHECK_EQ(accel_buffer_size(accel_weights_buffer(weights)) >=
		 (size == 1 ? 48u : K * size) * 96, 1);
	REQUIRE(!accel_program_create(b->context, &pack));
	REQUIRE(!accel_program_create(b->context, &plain));
	REQUIRE(!accel_program_create(b->context, &packed));
	CHECK(!accel_program_pack(pack, weights, &op.b));
	op.c = c1;
	CHECK(!accel_program_gemm(plain, &op));
	op.c = c2;
	op.weights = weights;
	CHECK_ERR_TEXT(accel_program_gemm(packed, &op), -EINVAL, "both");
	memset(&op.b, 0, sizeof(op.b));
	CHECK(!accel_program_gemm(packed, &op));
	CHECK(!accel_program_finish(pack));
	CHECK(!accel_program_finish(plain));
	CHECK(!accel_program_finish(packed));
	/* programs hold what they name */
	accel_weights_unref(weights);
	CHECK(!accel_queue_run(b->queue, pack, soon(), NULL));
	CHECK(!accel_queue_run(b->queue, plain, soon(), NULL));
	memset(pb, 0xee, K * N * size);
	CHECK(!accel_queue_run(b->queue, packed, soon(), NULL));
	CHECK(!memcmp(p1, p2, M * N * 4));
	CHECK(p1[0] || p1[1] || p1[2] || p1[3] || p1[4]);
	accel_program_unref(pack);
	accel_program_unref(plain);
	accel_program_unref(packed);
	accel_buffer_unref(ba);
	accel_buffer_unref(bb);
	accel_buffer_unref(b1);
	accel_buffer_unref(b2);
}

static void as_if_not_packed(void)
{
	static const enum accel_dtype dtypes[] = {
		ACCEL_F32, ACCEL_F16, ACCEL_BF16, ACCEL_I8, ACCEL_U8,
	};
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
		compare(&b, dtypes[i], false);
		compare(&b, dtypes[i], true);
	}
	bench_close(&b);
}

static void mistakes(void)
{
	struct accel_gemm_op op = ACCEL_INIT(op);
	struct accel_weights *weights, *other;
	struct accel_context *context;
	struct accel_program *program;
	struct accel_buffer *buffer;
	struct accel_tensor src;
	struct bench b;
	float *p;

	REQUIRE(bench_open(&b, NULL));
	buffer = bench_buffer(&b, 4096, &p);
	CHECK_ERR(accel_weights_create(NULL, ACCEL_F32, 4, 4, 0, &weights), -EINVAL);
	CHECK_ERR(accel_weights_create(b.context, ACCEL_F32, 4, 4, 0, NULL), -EINVAL);
	CHECK_ERR(accel_weights_create(b.context, ACCEL_F64, 4, 4, 0, &weights), -EINVAL);
	CHECK_ERR(accel_weights_create(b.context, ACCEL_I32, 4, 4, 0, &weights), -EINVAL);
	CHECK_ERR(accel_weights_create(b.context, ACCEL_F32, 0, 4, 0, &weights), -EINVAL);
	CHECK_ERR(accel_weights_create(b.context, ACCEL_F32, 4, 1u << 31, 0, &weights), -EINVAL);
	CHECK_ERR(accel_weights_create(b.context, ACCEL_F32, 4, 4, 1u << 31, &weights), -EINVAL);
	CHECK_ERR(accel_weights_create(b.context, ACCEL_F32, 4, 4, ACCEL_BUFFER_READONLY, &weights),
		  -EINVAL);
	CHECK(accel_weights_create(b.context, ACCEL_F32, 0x7fffffff, 0x7fffffff, 0, &weights));
	REQUIRE(!accel_weights_create(b.context, ACCEL_F32, 4, 5, 0, &weights));
	REQUIRE(!accel_program_create(b.context, &program));
	accel_tensor_init(&src, buffer, 0, ACCEL_F32, 2, (uint32_t[]){ 4, 5 });
	CHECK_ERR(accel_program_pack(program, NULL, &src), -EINVAL);
	CHECK_ERR(accel_program_pack(program, weights, NULL), -EINVAL);
	src.dtype = ACCEL_BF16;
	CHECK_ERR_TEXT(accel_program_pack(program, weights, &src), -EINVAL, "bf16");
	accel_tensor_init(&src, buffer, 0, ACCEL_F32, 2, (uint32_t[]){ 5, 4 });
	CHECK_ERR(accel_program_pack(program, weights, &src), -EINVAL);
	accel_tensor_init(&src, buffer, 0, ACCEL_F32, 3, (uint32_t[]){ 1, 4, 5 });
	CHECK_ERR(accel_program_pack(program, weights, &src), -EINVAL);
	accel_tensor_init(&src, buffer, 4092, ACCEL_F32, 2, (uint32_t[]){ 4, 5 });
	CHECK_ERR(accel_program_pack(program, weights, &src), -EINVAL);
	op.weights = weights;
	accel_tensor_init(&op.a, buffer, 0, ACCEL_F32, 2, (uint32_t[]){ 2, 3 });
	accel_tensor_init(&op.c, buffer, 1024, ACCEL_F32, 2, (uint32_t[]){ 2, 5 });
	CHECK_ERR(accel_program_gemm(program, &op), -EINVAL);
	accel_tensor_init(&op.a, buffer, 0, ACCEL_F16, 2, (uint32_t[]){ 2, 4 });
	CHECK_ERR(accel_program_gemm(program, &op), -EINVAL);
	REQUIRE(!accel_context_create(b.device, NULL, &context));
	REQUIRE(!accel_weights_create(context, ACCEL_F32, 4, 5, 0, &other));
	accel_tensor_init(&op.a, buffer, 0, ACCEL_F32, 2, (uint32_t[]){ 2, 4 });
	op.weights = other;
	CHECK_ERR_TEXT(accel_program_gemm(program, &op), -EINVAL, "another context");
	accel_tensor_init(&src, buffer, 0, ACCEL_F32, 2, (uint32_t[]){ 4, 5 });
	CHECK_ERR_TEXT(accel_program_pack(program, other, &src), -EINVAL, "another context");
	CHECK_EQ(accel_program_size(program), 0);
	accel_weights_unref(other);
	accel_context_unref(context);
	accel_weights_unref(accel_weights_ref(weights));
	accel_weights_unref(weights);
	accel_weights_unref(NULL);
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

/* A caller built before there were weights passes a shorter structure. */
static void older_callers(void)
{
	struct accel_gemm_op op = ACCEL_INIT(op);
	struct accel_program *program;
	struct accel_buffer *buffer;
	struct bench b;
	float *p;

	REQUIRE(bench_open(&b, NULL));
	buffer = bench_buffer(&b, 4096, &p);
	p[0] = 2;
	p[1] = 3;
	op.sz = offsetof(struct accel_gemm_op, weights);
	op.weights = (struct accel_weights *)p;
	accel_tensor_init(&op.a, buffer, 0, ACCEL_F32, 2, (uint32_t[]){ 1, 1 });
	accel_tensor_init(&op.b, buffer, 4, ACCEL_F32, 2, (uint32_t[]){ 1, 1 });
	accel_tensor_init(&op.c, buffer, 8, ACCEL_F32, 2, (uint32_t[]){ 1, 1 });
	REQUIRE(!accel_program_create(b.context, &program));
	CHECK(!accel_program_gemm(program, &op));
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK(p[2] == 6);
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

static const struct check_test tests[] = {
	TEST(as_if_not_packed),
	TEST(mistakes),
	TEST(older_callers),
};

CHECK_MAIN(tests)
