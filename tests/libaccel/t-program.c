// SPDX-License-Identifier: MIT
/*
 * Programs: what is refused, with which words, and that a refusal appends nothing.
 * What networks consist of is in t-program-net.c.
 */
#include "program.h"

static struct accel_gemm_op gemm_op(void)
{
	struct accel_gemm_op op = ACCEL_INIT(op);

	op.a = T(ACCEL_F32, 2, 3);
	op.b = T(ACCEL_F32, 3, 4);
	op.c = T(ACCEL_F32, 2, 4);
	return op;
}

static struct accel_gemm_op int_op(void)
{
	struct accel_gemm_op op = ACCEL_INIT(op);

	op.a = T(ACCEL_U8, 2, 3);
	op.b = T(ACCEL_I8, 3, 4);
	op.c = T(ACCEL_I32, 2, 4);
	return op;
}

/* Applies @change to a good operation, and expects a refusal that says @word. */
#define GEMM_BAD(base, word, change) \
	do { \
		struct accel_gemm_op op = base(); \
		change; \
		CHECK_ERR_TEXT(accel_program_gemm(program, &op), -EINVAL, word); \
	} while (0)

static void tensors_by_themselves(void)
{
	struct accel_context *other;
	struct accel_buffer *foreign, *readonly;
	struct accel_gemm_op op;

	REQUIRE(program_start());
	REQUIRE(!accel_context_create(b.device, NULL, &other));
	REQUIRE(!accel_buffer_alloc(other, 4096, 0, &foreign));
	REQUIRE(!accel_buffer_alloc(b.context, 4096, ACCEL_BUFFER_READONLY, &readonly));
	GEMM_BAD(gemm_op, "a has no buffer", op.a.buffer = NULL);
	GEMM_BAD(gemm_op, "b has no buffer", op.b.buffer = NULL);
	GEMM_BAD(gemm_op, "another context", op.a.buffer = foreign);
	GEMM_BAD(gemm_op, "read-only", op.c.buffer = readonly);
	GEMM_BAD(gemm_op, "unknown type", op.a.dtype = (enum accel_dtype)40);
	GEMM_BAD(gemm_op, "unknown type", op.b.dtype = ACCEL_NONE);
	GEMM_BAD(gemm_op, "rank 7", op.b.rank = 7);
	GEMM_BAD(gemm_op, "dims[0] is 4294967295", op.a.dims[0] = UINT32_MAX);
	GEMM_BAD(gemm_op, "not a multiple", op.a.offset = 2);
	GEMM_BAD(gemm_op, "not within its buffer", op.a.offset = 1 << 16);
	GEMM_BAD(gemm_op, "not within its buffer", op.a.offset = UINT64_MAX - 3);
	GEMM_BAD(gemm_op, "not within its buffer", op.a.strides[0] = -1);
	GEMM_BAD(gemm_op, "not within its buffer", op.a.strides[0] = INT64_MAX);
	GEMM_BAD(gemm_op, "not within its buffer", op.a.strides[0] = INT64_MIN);
	GEMM_BAD(gemm_op, "share memory", op.c.strides[0] = 0);
	/* The last byte still fits, the next does not. */
	op = gemm_op();
	op.a.offset = (1 << 16) - 24;
	CHECK(!accel_program_gemm(program, &op));
	op.a.offset += 4;
	CHECK_ERR(accel_program_gemm(program, &op), -EINVAL);
	/* Backwards through the buffer. */
	op = gemm_op();
	op.a.offset = 20;
	op.a.strides[0] = -3;
	op.a.strides[1] = -1;
	CHECK(!accel_program_gemm(program, &op));
	op.a.offset = 16;
	CHECK_ERR(accel_program_gemm(program, &op), -EINVAL);
	CHECK_EQ(accel_program_size(program), 2 * sizeof(struct loom_pkt_gemm));
	/* No elements: nothing is touched. */
	op = gemm_op();
	op.a.dims[1] = op.b.dims[0] = 0;
	CHECK(!accel_program_gemm(program, &op));
	/* Folded into one place, but more than can be counted. */
	op = gemm_op();
	op.a.rank = op.c.rank = 6;
	for (int i = 0; i < 6; i++) {
		op.a.dims[i] = 0x7fffffff;
		op.a.strides[i] = 0;
	}
	CHECK_ERR_TEXT(accel_program_gemm(program, &op), -EINVAL, "elements");
	accel_buffer_unref(readonly);
	accel_buffer_unref(foreign);
	accel_context_unref(other);
	program_end();
}

static void matrix_products(void)
{
	struct accel_gemm_op o;

	REQUIRE(program_start());
	GEMM_BAD(gemm_op, "a [2, 3] times b [5, 4]", op.b = T(ACCEL_F32, 5, 4));
	GEMM_BAD(gemm_op, "does not give c [2, 5]", op.c = T(ACCEL_F32, 2, 5));
	GEMM_BAD(gemm_op, "does not give", op.c = T(ACCEL_F32, 3, 4));
	GEMM_BAD(gemm_op, "a has rank 1", op.a = T(ACCEL_F32, 3));
	GEMM_BAD(gemm_op, "more axes", op.a = T(ACCEL_F32, 1, 2, 3));
	GEMM_BAD(gemm_op, "broadcast", (op.a = T(ACCEL_F32, 2, 2, 3),
					op.c = T(ACCEL_F32, 3, 2, 4)));
	GEMM_BAD(gemm_op, "a is i32", op.a.dtype = ACCEL_I32);
	GEMM_BAD(gemm_op, "a is f32 and b is i8", op.b.dtype = ACCEL_I8);
	GEMM_BAD(gemm_op, "c is i32", op.c.dtype = ACCEL_I32);
	GEMM_BAD(gemm_op, "c is u32", op.c.dtype = ACCEL_U32);
	GEMM_BAD(gemm_op, "a_zero", op.a_zero = 1);
	GEMM_BAD(gemm_op, "c_zero", op.c_zero = 1);
	GEMM_BAD(int_op, "a_zero is 256", op.a_zero = 256);
	GEMM_BAD(int_op, "b_zero is -129", op.b_zero = -129);
	GEMM_BAD(int_op, "c_zero", op.c_zero = 1);
	GEMM_BAD(int_op, "bias is f32", op.bias = T(ACCEL_F32, 4));
	GEMM_BAD(gemm_op, "bias is i32", op.bias = T(ACCEL_I32, 4));
	GEMM_BAD(gemm_op, "bias is [3], must be [4] or [1]", op.bias = T(ACCEL_F32, 3));
	GEMM_BAD(gemm_op, "bias is [1, 4]", op.bias = T(ACCEL_F32, 1, 4));
	GEMM_BAD(gemm_op, "scale is f16", op.scale = T(ACCEL_F16, 4));
	GEMM_BAD(int_op, "scale with c of i32", op.scale = T(ACCEL_F32, 4));
	GEMM_BAD(int_op, "residual with c of i32", op.residual = T(ACCEL_F32, 4));
	GEMM_BAD(gemm_op, "residual is i32", op.residual = T(ACCEL_I32, 4));
	GEMM_BAD(gemm_op, "residual [2, 3] does not broadcast",
		 op.residual = T(ACCEL_F32, 2, 3));
	GEMM_BAD(gemm_op, "unknown activation 14", op.act = (enum accel_act)14);
	GEMM_BAD(gemm_op, "clip from 2 to 1", (op.act = ACCEL_ACT_CLIP, op.act_param[0] = 2,
					       op.act_param[1] = 1));
	GEMM_BAD(gemm_op, "nan", (op.act = ACCEL_ACT_CLIP, op.act_param[0] = 0,
				  op.act_param[1] = __builtin_nanf("")));
	GEMM_BAD(int_op, "integers", op.act = ACCEL_ACT_CLIP);
	CHECK_EQ(accel_program_size(program), 0);
	o = int_op();
	o.a_zero = 255;
	o.b_zero = -128;
	o.bias = T(ACCEL_I32, 1);
	o.act = ACCEL_ACT_RELU;
	CHECK(!accel_program_gemm(program, &o));
	o = int_op();
	o.c.dtype = ACCEL_I8;
	o.c_zero = -128;
	o.scale = T(ACCEL_F32, 4);
	o.residual = T(ACCEL_U8, 2, 1);
	CHECK(!accel_program_gemm(program, &o));
	o.sz = 3;
	CHECK_ERR(accel_program_gemm(program, &o), -EINVAL);
	CHECK_ERR(accel_program_gemm(program, NULL), -EINVAL);
	CHECK_ERR(accel_program_gemm(NULL, &o), -EINVAL);
	program_end();
}

static void elementwise_functions(void)
{
	struct accel_eltwise_op op = ACCEL_INIT(op);

	REQUIRE(program_start());
	op.dst = T(ACCEL_F32, 2, 3);
	op.a = T(ACCEL_F16, 2, 1);
	op.b = T(ACCEL_BF16, 3);
	CHECK(!accel_program_eltwise(program, &op));
	op.op = (enum accel_eltwise)6;
	CHECK_ERR_TEXT(accel_program_eltwise(program, &op), -EINVAL, "function 6");
	op.op = ACCEL_ADD;
	op.a = T(ACCEL_F32, 2, 2);
	CHECK_ERR_TEXT(accel_program_eltwise(program, &op), -EINVAL, "a [2, 2]");
	op.a = T(ACCEL_I8, 3);
	CHECK_ERR_TEXT(accel_program_eltwise(program, &op), -EINVAL, "a is i8");
	op.dst = T(ACCEL_I8, 3);
	op.b = T(ACCEL_I8, 1);
	CHECK(!accel_program_eltwise(program, &op));
	op.op = ACCEL_DIV;
	CHECK_ERR_TEXT(accel_program_eltwise(program, &op), -EINVAL, "division");
	op.op = ACCEL_MAX;
	op.act = ACCEL_ACT_CLIP;
	CHECK_ERR_TEXT(accel_program_eltwise(program, &op), -EINVAL, "integers");
	CHECK_EQ(accel_program_size(program), 2 * sizeof(struct loom_pkt_eltwise));
	program_end();
}

static void functions_of_one_tensor(void)
{
	struct accel_unary_op op = ACCEL_INIT(op);

	REQUIRE(program_start());
	op.op = ACCEL_EXP;
	op.dst = T(ACCEL_F32, 2, 3);
	op.src = T(ACCEL_F16, 2, 3);
	CHECK(!accel_program_unary(program, &op));
	op.op = (enum accel_unary)15;
	CHECK_ERR_TEXT(accel_program_unary(program, &op), -EINVAL, "function 15");
	op.op = ACCEL_IDENTITY;
	op.act = ACCEL_ACT_LEAKY;
	op.act_param[0] = __builtin_inff();
	CHECK_ERR_TEXT(accel_program_unary(program, &op), -EINVAL, "act_param[0] is inf");
	op.act_param[0] = 0.01f;
	CHECK(!accel_program_unary(program, &op));
	op.src = T(ACCEL_F16, 3);
	CHECK_ERR_TEXT(accel_program_unary(program, &op), -EINVAL, "differ in shape");
	op.src = T(ACCEL_I8, 2, 3);
	CHECK_ERR_TEXT(accel_program_unary(program, &op), -EINVAL, "src is i8");
	op.dst = op.src;
	CHECK_ERR_TEXT(accel_program_unary(program, &op), -EINVAL, "integers");
	op.act = ACCEL_ACT_RELU;
	op.op = ACCEL_NEG;
	CHECK(!accel_program_unary(program, &op));
	op.op = ACCEL_LOG;
	CHECK_ERR_TEXT(accel_program_unary(program, &op), -EINVAL, "up to square");
	CHECK_EQ(accel_program_size(program), 3 * sizeof(struct loom_pkt_unary));
	program_end();
}

static void reductions(void)
{
	struct accel_reduce_op op = ACCEL_INIT(op);
	struct accel_softmax_op soft = ACCEL_INIT(soft);

	REQUIRE(program_start());
	op.src = T(ACCEL_F16, 2, 3, 4);
	op.dst = T(ACCEL_F32, 2, 1, 1);
	op.axes = 6;
	CHECK(!accel_program_reduce(program, &op));
	op.axes = 2;
	CHECK_ERR_TEXT(accel_program_reduce(program, &op), -EINVAL, "does not give dst [2, 1, 1]");
	op.axes = 8;
	CHECK_ERR_TEXT(accel_program_reduce(program, &op), -EINVAL, "axes 0x8");
	op.axes = 6;
	op.dst.dtype = ACCEL_I32;
	CHECK_ERR_TEXT(accel_program_reduce(program, &op), -EINVAL, "dst is i32");
	op.src.dtype = ACCEL_I8;
	CHECK(!accel_program_reduce(program, &op));
	op.op = ACCEL_REDUCE_MEAN;
	CHECK_ERR_TEXT(accel_program_reduce(program, &op), -EINVAL, "mean of i8");
	op.op = (enum accel_reduce)7;
	CHECK_ERR_TEXT(accel_program_reduce(program, &op), -EINVAL, "reduction 7");
	soft.dst = T(ACCEL_F32, 2, 3);
	soft.src = T(ACCEL_BF16, 2, 3);
	soft.axes = 2;
	CHECK(!accel_program_softmax(program, &soft));
	soft.axes = 4;
	CHECK_ERR_TEXT(accel_program_softmax(program, &soft), -EINVAL, "axes 0x4");
	soft.axes = 3;
	soft.log = true;
	CHECK(!accel_program_softmax(program, &soft));
	soft.dst = T(ACCEL_F32, 3, 2);
	CHECK_ERR_TEXT(accel_program_softmax(program, &soft), -EINVAL, "differ in shape");
	soft.dst = T(ACCEL_I32, 2, 3);
	CHECK_ERR_TEXT(accel_program_softmax(program, &soft), -EINVAL, "floats");
	program_end();
}

/* Long groups cannot be computed in place. */
static void softmax_in_place(void)
{
	struct accel_softmax_op op = ACCEL_INIT(op);
	struct accel_buffer *large;
	const uint32_t most = 1 << 18;

	REQUIRE(program_start());
	large = bench_buffer(&b, 2 * (4 * most + 4096), NULL);
	accel_tensor_init(&op.src, large, 0, ACCEL_F32, 2, (uint32_t[]){ 2, most });
	op.dst = op.src;
	op.axes = 2;
	CHECK(!accel_program_softmax(program, &op));
	op.axes = 3;
	CHECK_ERR_TEXT(accel_program_softmax(program, &op), -EINVAL, "in place of 524288");
	accel_tensor_init(&op.src, large, 0, ACCEL_F32, 1, &(uint32_t){ most + 1 });
	op.dst = op.src;
	op.axes = 1;
	CHECK_ERR_TEXT(accel_program_softmax(program, &op), -EINVAL, "in place of 262145");
	accel_tensor_init(&op.dst, large, 4 * most + 4096, ACCEL_F32, 1, &(uint32_t){ most + 1 });
	CHECK(!accel_program_softmax(program, &op));
	accel_buffer_unref(large);
	program_end();
}

/* On the device: numbers that are known, and gelu as an epilogue and alone. */
static void vector_arithmetic(void)
{
	static const float in[6] = { 0, 1, 2, -1, 5, 3 };
	struct accel_unary_op exp = ACCEL_INIT(exp), gelu = ACCEL_INIT(gelu);
	struct accel_reduce_op sum = ACCEL_INIT(sum);
	struct accel_softmax_op soft = ACCEL_INIT(soft);
	struct accel_gemm_op gemm = ACCEL_INIT(gemm);
	float *f;
	void *ptr;

	REQUIRE(program_start());
	REQUIRE(!accel_buffer_map(buffer, &ptr));
	f = ptr;
	memcpy(f, in, sizeof(in));
	exp.op = ACCEL_EXP;
	exp.src = T(ACCEL_F32, 2, 3);
	exp.dst = exp.src;
	exp.dst.offset = 64;
	sum.src = exp.src;
	sum.dst = T(ACCEL_F32, 2, 1);
	sum.dst.offset = 128;
	sum.axes = 2;
	soft.src = exp.src;
	soft.dst = exp.src;
	soft.dst.offset = 192;
	soft.axes = 2;
	gelu.act = ACCEL_ACT_GELU;
	gelu.src = exp.src;
	gelu.dst = exp.src;
	gelu.dst.offset = 256;
	/* in x [[1]] with the same activation */
	f[80] = 1.0f;
	gemm.a = T(ACCEL_F32, 6, 1);
	gemm.b = T(ACCEL_F32, 1, 1);
	gemm.b.offset = 320;
	gemm.c = T(ACCEL_F32, 6, 1);
	gemm.c.offset = 384;
	gemm.act = ACCEL_ACT_GELU;
	CHECK(!accel_program_unary(program, &exp));
	CHECK(!accel_program_reduce(program, &sum));
	CHECK(!accel_program_softmax(program, &soft));
	CHECK(!accel_program_unary(program, &gelu));
	CHECK(!accel_program_gemm(program, &gemm));
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK(f[16] == 1.0f && f[17] == 0x1.5bf0a8p+1f);
	CHECK(f[32] == 3.0f && f[33] == 7.0f);
	CHECK(f[48] + f[49] + f[50] > 0.999999f && f[48] + f[49] + f[50] < 1.000001f);
	CHECK(f[50] > 0.66524f && f[50] < 0.66525f);
	CHECK(f[64] == 0.0f && f[65] > 0.84134f && f[65] < 0.84135f);
	CHECK(!memcmp(&f[64], &f[96], 24));
	program_end();
}

static void copies_and_fills(void)
{
	struct accel_tensor dst, src;

	REQUIRE(program_start());
	dst = T(ACCEL_F32, 2, 3);
	src = T(ACCEL_I8, 2, 3);
	CHECK(!accel_program_copy(program, &dst, &src));
	src = T(ACCEL_I8, 3, 2);
	CHECK_ERR_TEXT(accel_program_copy(program, &dst, &src), -EINVAL, "differ in shape");
	src = T(ACCEL_I64, 2, 3);
	CHECK_ERR_TEXT(accel_program_copy(program, &dst, &src), -EINVAL, "src is i64");
	dst = T(ACCEL_I64, 2, 3);
	CHECK(!accel_program_copy(program, &dst, &src));
	CHECK_ERR(accel_program_copy(program, NULL, &src), -EINVAL);
	dst = T(ACCEL_U8, 4);
	CHECK(!accel_program_fill(program, &dst, 255));
	CHECK_ERR_TEXT(accel_program_fill(program, &dst, 256), -EINVAL, "0x100");
	dst = T(ACCEL_U64, 4);
	CHECK(!accel_program_fill(program, &dst, UINT64_MAX));
	/* A scalar. */
	accel_tensor_init(&dst, buffer, 64, ACCEL_F32, 0, NULL);
	CHECK(!accel_program_fill(program, &dst, 0));
	program_end();
}

static void words(void)
{
	struct accel_buffer *readonly, *small;

	REQUIRE(program_start());
	REQUIRE(!accel_buffer_alloc(b.context, 1, ACCEL_BUFFER_READONLY, &readonly));
	REQUIRE(!accel_buffer_slice(buffer, 64, 4, &small));
	CHECK(!accel_program_fence(program, buffer, (1 << 16) - 8, 1));
	CHECK(!accel_program_timestamp(program, buffer, 0));
	CHECK_ERR(accel_program_fence(program, buffer, 4, 1), -EINVAL);
	CHECK_ERR(accel_program_fence(program, buffer, 1 << 16, 1), -EINVAL);
	CHECK_ERR(accel_program_fence(program, buffer, UINT64_MAX - 7, 1), -EINVAL);
	CHECK_ERR(accel_program_fence(program, small, 0, 1), -EINVAL);
	CHECK_ERR(accel_program_fence(program, NULL, 0, 1), -EINVAL);
	CHECK_ERR_TEXT(accel_program_timestamp(program, readonly, 0), -EINVAL, "read-only");
	accel_buffer_unref(small);
	accel_buffer_unref(readonly);
	program_end();
}

static void raw_packets(void)
{
	struct loom_pkt_header nop[2] = {
		{ .opcode = LOOM_OP_NOP, .version = 1, .size = sizeof(nop[0]) },
		{ .opcode = LOOM_OP_NOP, .version = 1, .size = sizeof(nop[0]) },
	};

	REQUIRE(program_start());
	CHECK(!accel_program_raw(program, nop, sizeof(nop)));
	CHECK(!accel_program_raw(program, nop, 0));
	CHECK_ERR(accel_program_raw(program, nop, 12), -EINVAL);
	CHECK_ERR(accel_program_raw(program, nop, 24), -EINVAL);
	CHECK_ERR(accel_program_raw(program, NULL, 16), -EINVAL);
	nop[1].size = 24;
	CHECK_ERR_TEXT(accel_program_raw(program, nop, sizeof(nop)), -EINVAL, "offset 16");
	nop[1].size = 0;
	CHECK_ERR(accel_program_raw(program, nop, sizeof(nop)), -EINVAL);
	CHECK_EQ(accel_program_size(program), sizeof(nop));
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	program_end();
}

static void finished_programs(void)
{
	struct accel_program *empty;
	struct accel_gemm_op op;

	REQUIRE(program_start());
	op = gemm_op();
	CHECK(!accel_program_gemm(program, &op));
	CHECK_ERR_TEXT(accel_queue_run(b.queue, program, soon(), NULL), -EINVAL, "not finished");
	CHECK(!accel_program_finish(program));
	CHECK_ERR(accel_program_finish(program), -EBUSY);
	CHECK_ERR(accel_program_gemm(program, &op), -EBUSY);
	CHECK_ERR(accel_program_fence(program, buffer, 0, 0), -EBUSY);
	CHECK(accel_program_size(program) == sizeof(struct loom_pkt_gemm));
	for (int i = 0; i < 10; i++)
		CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	empty = program_empty(&b);
	CHECK(!accel_queue_run(b.queue, empty, soon(), NULL));
	accel_program_unref(empty);
	CHECK_ERR(accel_program_create(NULL, &empty), -EINVAL);
	CHECK_ERR(accel_program_finish(NULL), -EINVAL);
	program_end();
}

static void programs_of_the_largest_size(void)
{
	struct accel_device_props p = ACCEL_INIT(p);
	struct accel_tensor dst;
	size_t n = 0;
	int ret;

	REQUIRE(program_start());
	CHECK(!accel_device_props(b.device, &p));
	dst = T(ACCEL_U8, 4);
	while (!(ret = accel_program_fill(program, &dst, n % 256)))
		n++;
	CHECK_ERR_TEXT(ret, -E2BIG, "limit");
	CHECK_EQ(n, p.program_size_max / sizeof(struct loom_pkt_fill));
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	program_end();
}

static void the_hang_packet(void)
{
	struct accel_device *device;
	struct accel_context *context;
	struct accel_program *p;

	REQUIRE(!accel_device_open("sim:", NULL, &device));
	REQUIRE(!accel_context_create(device, NULL, &context));
	REQUIRE(!accel_program_create(context, &p));
	CHECK_ERR_TEXT(accel_program_hang(p, false), -EOPNOTSUPP, "debug");
	accel_program_unref(p);
	accel_context_unref(context);
	accel_device_unref(device);
}

static void tensor_helpers(void)
{
	struct accel_tensor t;

	accel_tensor_init(&t, NULL, 7, ACCEL_F32, 3, (uint32_t[]){ 2, 3, 4 });
	CHECK(t.strides[0] == 12 && t.strides[1] == 4 && t.strides[2] == 1 && t.offset == 7);
	CHECK(!accel_tensor_transpose(&t, 0, 2));
	CHECK(t.dims[0] == 4 && t.strides[0] == 1 && t.dims[2] == 2 && t.strides[2] == 12);
	CHECK_ERR(accel_tensor_transpose(&t, 0, 3), -EINVAL);
	CHECK_ERR(accel_tensor_transpose(NULL, 0, 1), -EINVAL);
	accel_tensor_init(&t, NULL, 0, ACCEL_F32, 6,
			  (uint32_t[]){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, 1, 1 });
	CHECK(t.strides[0] == INT64_MAX);
}

static const struct check_test tests[] = {
	TEST(tensors_by_themselves),
	TEST(matrix_products),
	TEST(elementwise_functions),
	TEST(functions_of_one_tensor),
	TEST(reductions),
	TEST(softmax_in_place),
	TEST(vector_arithmetic),
	TEST(copies_and_fills),
	TEST(words),
	TEST(raw_packets),
	TEST(finished_programs),
	TEST(programs_of_the_largest_size),
	TEST(the_hang_packet),
	TEST(tensor_helpers),
};

CHECK_MAIN(tests)
