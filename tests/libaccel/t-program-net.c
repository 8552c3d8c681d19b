// SPDX-License-Identifier: MIT
/*
 * Building programs of what networks consist of: convolutions, pools, normalisations, lookups, resizing and
 * quantisation. See t-program.c for all else.
 */
#include "program.h"

static struct accel_conv_op conv_op(void)
{
	struct accel_conv_op op = ACCEL_INIT(op);

	op.x = T(ACCEL_F32, 2, 8, 5, 6);
	op.w = T(ACCEL_F32, 2, 3, 4, 3, 3);
	op.y = T(ACCEL_F32, 2, 6, 5, 6);
	op.window.before[0] = op.window.before[1] = 1;
	return op;
}

#define CONV_BAD(word, change) \
	do { \
		struct accel_conv_op op = conv_op(); \
		change; \
		CHECK_ERR_TEXT(accel_program_conv(program, &op), -EINVAL, word); \
	} while (0)

static void convolutions(void)
{
	struct accel_conv_op o;

	REQUIRE(program_start());
	CONV_BAD("x has no buffer", op.x.buffer = NULL);
	CONV_BAD("w has no buffer", op.w.buffer = NULL);
	CONV_BAD("y has no buffer", op.y.buffer = NULL);
	CONV_BAD("share memory", op.y.strides[0] = 0);
	CONV_BAD("a convolution takes", op.x.dtype = ACCEL_I32);
	CONV_BAD("x is f32 and w is f16", op.w.dtype = ACCEL_F16);
	CONV_BAD("y is i32", op.y.dtype = ACCEL_I32);
	CONV_BAD("y has rank 2", op.y = T(ACCEL_F32, 2, 6));
	CONV_BAD("have ranks 4, 3 and 5", op.x = T(ACCEL_F32, 2, 8, 5));
	CONV_BAD("have ranks 4, 4 and 4", op.w = T(ACCEL_F32, 6, 4, 3, 3));
	CONV_BAD("does not give y [2, 5, 5, 6]", op.y = T(ACCEL_F32, 2, 5, 5, 6));
	CONV_BAD("does not give", op.y = T(ACCEL_F32, 1, 6, 5, 6));
	CONV_BAD("does not give", op.x = T(ACCEL_F32, 2, 4, 5, 6));
	CONV_BAD("products for an output", (op.w.dims[3] = op.w.dims[4] = 0x8000,
					    memset(op.w.strides, 0, sizeof(op.w.strides))));
	CONV_BAD("stride[1] is 2147483648", op.window.stride[1] = 1u << 31);
	CONV_BAD("dilation[0] is", op.window.dilation[0] = 1u << 31);
	CONV_BAD("spacing[0] is", op.window.spacing[0] = UINT32_MAX);
	CONV_BAD("before[1] is", op.window.before[1] = INT32_MIN);
	CONV_BAD("has an axis 2", op.window.stride[2] = 1);
	CONV_BAD("x_zero", op.x_zero = 1);
	CONV_BAD("w_zero", op.w_zero = 1);
	CONV_BAD("y_zero", op.y_zero = 1);
	CONV_BAD("bias is [3], must be [6] or [1]", op.bias = T(ACCEL_F32, 3));
	CONV_BAD("residual", op.residual = T(ACCEL_F32, 5));
	CONV_BAD("unknown activation", op.act = (enum accel_act)14);
	CHECK_EQ(accel_program_size(program), 0);
	o = conv_op();
	o.bias = T(ACCEL_F32, 6);
	o.scale = T(ACCEL_F32, 1);
	o.residual = T(ACCEL_F16, 6, 1, 1);
	o.act = ACCEL_ACT_RELU;
	o.window.stride[0] = o.window.spacing[1] = 2;
	/* where nothing is read: engines run side by side */
	o.y.offset = 1 << 15;
	CHECK(!accel_program_conv(program, &o));
	/* the card takes what the library lets pass */
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK_ERR(accel_program_conv(program, &o), -EBUSY);
	CHECK_ERR(accel_program_conv(program, NULL), -EBUSY);
	CHECK_ERR(accel_program_conv(NULL, &o), -EINVAL);
	program_end();
}

/* A transposed convolution by strides alone, as the manual tells. */
static void a_transposed_convolution(void)
{
	static const float x[] = { 1, 2, 3 }, w[] = { 1, 10, 100 };
	static const float expect[] = { 1, 10, 102, 20, 203, 30, 300 };
	struct accel_conv_op op = ACCEL_INIT(op);
	float *p;

	REQUIRE(program_start());
	REQUIRE(!accel_buffer_map(buffer, (void **)&p));
	memcpy(p, x, sizeof(x));
	memcpy(p + 16, w, sizeof(w));
	op.x = T(ACCEL_F32, 1, 1, 3);
	op.w = T(ACCEL_F32, 1, 1, 1, 3);
	op.w.offset = (16 + 2) * 4;
	op.w.strides[3] = -1;
	op.y = T(ACCEL_F32, 1, 1, 7);
	op.y.offset = 128;
	op.window.spacing[0] = 2;
	op.window.before[0] = 2;
	CHECK(!accel_program_conv(program, &op));
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK(!memcmp(p + 32, expect, sizeof(expect)));
	program_end();
}

static struct accel_pool_op pool_op(void)
{
	struct accel_pool_op op = ACCEL_INIT(op);

	op.x = T(ACCEL_F32, 2, 3, 5, 6);
	op.y = T(ACCEL_F32, 2, 3, 5, 6);
	op.taps[0] = op.taps[1] = 3;
	op.window.before[0] = op.window.before[1] = 1;
	return op;
}

#define POOL_BAD(word, change) \
	do { \
		struct accel_pool_op op = pool_op(); \
		change; \
		CHECK_ERR_TEXT(accel_program_pool(program, &op), -EINVAL, word); \
	} while (0)

static void pooling(void)
{
	struct accel_pool_op o;

	REQUIRE(program_start());
	POOL_BAD("unknown function 4", op.op = (enum accel_pool)4);
	POOL_BAD("x has no buffer", op.x.buffer = NULL);
	POOL_BAD("y has no buffer", op.y.buffer = NULL);
	POOL_BAD("x is i8, y is f32", op.x.dtype = ACCEL_I8);
	POOL_BAD("x is i16", op.x.dtype = op.y.dtype = ACCEL_I16);
	POOL_BAD("integers have max only", (op.x.dtype = op.y.dtype = ACCEL_I8,
					    op.op = ACCEL_POOL_AVERAGE));
	POOL_BAD("count_holes", op.count_holes = true);
	POOL_BAD("only max has them", (op.op = ACCEL_POOL_L1, op.indices = op.y));
	POOL_BAD("must be i64", op.indices = op.y);
	POOL_BAD("differ in shape", op.indices = T(ACCEL_I64, 2, 3, 5, 5));
	POOL_BAD("y has rank 2", op.y = T(ACCEL_F32, 2, 3));
	POOL_BAD("differ in batch", op.x = T(ACCEL_F32, 2, 4, 5, 6));
	POOL_BAD("differ in batch", op.x = T(ACCEL_F32, 1, 3, 5, 6));
	POOL_BAD("has an axis 2", op.window.before[2] = 1);
	POOL_BAD("have an axis 2", op.taps[2] = 1);
	POOL_BAD("spacing[1] is 2", op.window.spacing[1] = 2);
	POOL_BAD("without count_holes", op.after[0] = 1);
	POOL_BAD("after[0] is", (op.op = ACCEL_POOL_AVERAGE, op.count_holes = true,
				 op.after[0] = UINT32_MAX));
	POOL_BAD("a window of more", op.taps[0] = op.taps[1] = 1u << 16);
	CHECK_EQ(accel_program_size(program), 0);
	o = pool_op();
	o.indices = T(ACCEL_I64, 2, 3, 5, 6);
	o.indices.offset = 1 << 15;
	o.y.offset = 1 << 14;
	CHECK(!accel_program_pool(program, &o));
	o = pool_op();
	o.op = ACCEL_POOL_AVERAGE;
	o.count_holes = true;
	o.after[1] = 1;
	CHECK(!accel_program_pool(program, &o));
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK_ERR(accel_program_pool(program, &o), -EBUSY);
	CHECK_ERR(accel_program_pool(NULL, &o), -EINVAL);
	program_end();
}

static struct accel_norm_op norm_op(void)
{
	struct accel_norm_op op = ACCEL_INIT(op);

	op.axes = 4;
	op.epsilon = 1e-5f;
	op.dst = op.src = T(ACCEL_F32, 2, 3, 8);
	op.weight = op.bias = T(ACCEL_F32, 8);
	return op;
}

#define NORM_BAD(word, change) \
	do { \
		struct accel_norm_op op = norm_op(); \
		change; \
		CHECK_ERR_TEXT(accel_program_norm(program, &op), -EINVAL, word); \
	} while (0)

static void normalisation(void)
{
	struct accel_norm_op o;

	REQUIRE(program_start());
	NORM_BAD("unknown statistics 3", op.op = (enum accel_norm)3);
	NORM_BAD("epsilon is -1", op.epsilon = -1);
	NORM_BAD("epsilon is nan", op.epsilon = __builtin_nanf(""));
	NORM_BAD("epsilon is inf", op.epsilon = __builtin_inff());
	NORM_BAD("dst has no buffer", op.dst.buffer = NULL);
	NORM_BAD("src has no buffer", op.src.buffer = NULL);
	NORM_BAD("src is i32", op.src.dtype = ACCEL_I32);
	NORM_BAD("weight is i32", op.weight.dtype = ACCEL_I32);
	NORM_BAD("differ in shape", op.src = T(ACCEL_F32, 2, 3, 7));
	NORM_BAD("bias [7] does not broadcast", op.bias = T(ACCEL_F32, 7));
	NORM_BAD("mean or variance is given", op.mean = T(ACCEL_F32, 8));
	NORM_BAD("has no buffer", (op.op = ACCEL_NORM_GIVEN, op.mean = T(ACCEL_F32, 8)));
	NORM_BAD("statistics are given", (op.op = ACCEL_NORM_GIVEN,
					  op.mean = op.variance = T(ACCEL_F32, 8)));
	NORM_BAD("axes 0x8", op.axes = 8);
	CHECK_EQ(accel_program_size(program), 0);
	o = norm_op();
	o.dst.offset = 1 << 15;
	CHECK(!accel_program_norm(program, &o));
	o.op = ACCEL_NORM_GIVEN;
	o.axes = 0;
	o.epsilon = -0.0f;
	o.mean = o.variance = T(ACCEL_F32, 3, 1);
	CHECK(!accel_program_norm(program, &o));
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK_ERR(accel_program_norm(program, &o), -EBUSY);
	CHECK_ERR(accel_program_norm(NULL, &o), -EINVAL);
	program_end();
}

static struct accel_gather_op gather_op(void)
{
	struct accel_gather_op op = ACCEL_INIT(op);

	op.dst = T(ACCEL_F32, 5, 8);
	op.src = T(ACCEL_F32, 30, 8);
	op.indices = T(ACCEL_I64, 5);
	op.src.offset = 4096;
	op.indices.offset = 8192;
	return op;
}

#define GATHER_BAD(word, change) \
	do { \
		struct accel_gather_op op = gather_op(); \
		change; \
		CHECK_ERR_TEXT(accel_program_gather(program, &op), -EINVAL, word); \
	} while (0)

static void rows_of_tables(void)
{
	static const int64_t numbers[] = { 29, 0, -1, 30, 7 };
	struct accel_gather_op o;
	float *p;

	REQUIRE(program_start());
	GATHER_BAD("unknown function 3", op.op = (enum accel_gather)3);
	GATHER_BAD("dst has no buffer", op.dst.buffer = NULL);
	GATHER_BAD("src has no buffer", op.src.buffer = NULL);
	GATHER_BAD("indices has no buffer", op.indices.buffer = NULL);
	GATHER_BAD("moved as they are", op.src.dtype = ACCEL_I32);
	GATHER_BAD("only floats", (op.op = ACCEL_GATHER_SUM, op.src.dtype = ACCEL_I32));
	GATHER_BAD("must be i32 or i64", op.indices.dtype = ACCEL_U64);
	GATHER_BAD("axis 2", op.axis = 2);
	GATHER_BAD("differ along another axis", op.axis = 1);
	GATHER_BAD("differ along another axis", op.src = T(ACCEL_F32, 30));
	GATHER_BAD("must be [rows]", op.indices = T(ACCEL_I64, 5, 1));
	GATHER_BAD("must be [rows, elements]", op.op = ACCEL_GATHER_SUM);
	GATHER_BAD("4 indices for 5 rows", op.indices = T(ACCEL_I64, 4));
	GATHER_BAD("5 indices for 30 rows", op.op = ACCEL_GATHER_PUT);
	CHECK_EQ(accel_program_size(program), 0);
	REQUIRE(!accel_buffer_map(buffer, (void **)&p));
	for (int i = 0; i < 30 * 8; i++)
		p[1024 + i] = (float)i;
	memcpy(p + 2048, numbers, sizeof(numbers));
	o = gather_op();
	CHECK(!accel_program_gather(program, &o));
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK(p[0] == 29 * 8 && p[8] == 0 && p[16] == 29 * 8 && p[24] == 0 && p[39] == 63);
	CHECK_ERR(accel_program_gather(program, &o), -EBUSY);
	CHECK_ERR(accel_program_gather(NULL, &o), -EINVAL);
	program_end();
}

static struct accel_resize_op resize_op(void)
{
	struct accel_resize_op op = ACCEL_INIT(op);

	op.axis = 1;
	op.dst = T(ACCEL_F32, 2, 3);
	op.src = T(ACCEL_F32, 2, 4);
	op.places = T(ACCEL_I32, 3, 2);
	op.weights = T(ACCEL_F32, 3, 2);
	op.src.offset = 4096;
	op.places.offset = 8192;
	op.weights.offset = 12288;
	return op;
}

#define RESIZE_BAD(word, change) \
	do { \
		struct accel_resize_op op = resize_op(); \
		change; \
		CHECK_ERR_TEXT(accel_program_resize(program, &op), -EINVAL, word); \
	} while (0)

static struct accel_arg_op arg_op(void)
{
	struct accel_arg_op op = ACCEL_INIT(op);

	op.op = ACCEL_ARG_MAX;
	op.axis = 1;
	op.dst = T(ACCEL_I64, 2, 1);
	op.src = T(ACCEL_F32, 2, 4);
	op.dst.offset = 16384;
	op.src.offset = 4096;
	return op;
}

#define ARG_BAD(word, change) \
	do { \
		struct accel_arg_op op = arg_op(); \
		change; \
		CHECK_ERR_TEXT(accel_program_arg(program, &op), -EINVAL, word); \
	} while (0)

static void lengths_and_places(void)
{
	static const int32_t places[] = { 0, 1, 3, 2, 3, 4 };
	static const float weights[] = { 0.5f, 0.5f, 1, 0, 0.25f, 0.75f };
	static const float src[] = { 1, 3, 2, 4, 5, 5, 9, 8 };
	struct accel_resize_op r;
	struct accel_arg_op a;
	int64_t *numbers;
	float *p;

	REQUIRE(program_start());
	RESIZE_BAD("dst has no buffer", op.dst.buffer = NULL);
	RESIZE_BAD("places has no buffer", op.places.buffer = NULL);
	RESIZE_BAD("moved as they are", (memset(&op.weights, 0, sizeof(op.weights)), op.src.dtype = ACCEL_I32));
	RESIZE_BAD("sums take floats", op.src.dtype = ACCEL_I32);
	RESIZE_BAD("must be i32", op.places.dtype = ACCEL_I64);
	RESIZE_BAD("axis 2", op.axis = 2);
	RESIZE_BAD("differ along another axis", op.axis = 0);
	RESIZE_BAD("more than 4 bytes", op.value = 1ull << 32);
	RESIZE_BAD("must be [3, taps]", op.places = T(ACCEL_I32, 2, 2));
	RESIZE_BAD("must be [3, 1]", memset(&op.weights, 0, sizeof(op.weights)));
	RESIZE_BAD("weights", op.weights = T(ACCEL_F32, 3, 1));
	ARG_BAD("unknown function 2", op.op = (enum accel_arg)2);
	ARG_BAD("src has no buffer", op.src.buffer = NULL);
	ARG_BAD("give i32 or i64", op.dst.dtype = ACCEL_F32);
	ARG_BAD("give i32 or i64", op.src.dtype = ACCEL_I64);
	ARG_BAD("axis 5", op.axis = 5);
	ARG_BAD("must be 1", op.dst = T(ACCEL_I64, 2, 2));
	CHECK_EQ(accel_program_size(program), 0);
	REQUIRE(!accel_buffer_map(buffer, (void **)&p));
	memcpy(p + 1024, src, sizeof(src));
	memcpy(p + 2048, places, sizeof(places));
	memcpy(p + 3072, weights, sizeof(weights));
	r = resize_op();
	r.value = 0x41000000;	/* 8 */
	a = arg_op();
	CHECK(!accel_program_resize(program, &r));
	CHECK(!accel_program_arg(program, &a));
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK(p[0] == 2 && p[1] == 4 && p[2] == 7 && p[3] == 5 && p[4] == 8 && p[5] == 8);
	numbers = (int64_t *)(p + 4096);
	CHECK(numbers[0] == 3 && numbers[1] == 2);
	CHECK_ERR(accel_program_resize(program, &r), -EBUSY);
	CHECK_ERR(accel_program_arg(NULL, &a), -EINVAL);
	program_end();
}

static struct accel_quant_op quant_op(void)
{
	struct accel_quant_op op = ACCEL_INIT(op);

	op.dst = T(ACCEL_I8, 2, 8);
	op.src = T(ACCEL_F32, 2, 8);
	op.scale = T(ACCEL_F32, 2, 1);
	op.zero = T(ACCEL_I8, 1);
	op.dst.offset = 4096;
	return op;
}

#define QUANT_BAD(word, change) \
	do { \
		struct accel_quant_op op = quant_op(); \
		change; \
		CHECK_ERR_TEXT(accel_program_quant(program, &op), -EINVAL, word); \
	} while (0)

static void quantisation(void)
{
	struct accel_quant_op o;

	REQUIRE(program_start());
	QUANT_BAD("unknown direction 2", op.op = (enum accel_quant)2);
	QUANT_BAD("dst has no buffer", op.dst.buffer = NULL);
	QUANT_BAD("src has no buffer", op.src.buffer = NULL);
	QUANT_BAD("scale has no buffer", op.scale.buffer = NULL);
	QUANT_BAD("dst is i32", op.dst.dtype = ACCEL_I32);
	QUANT_BAD("src is i8", op.src.dtype = ACCEL_I8);
	QUANT_BAD("dst is i8, src is f32", op.op = ACCEL_QUANT_FROM);
	QUANT_BAD("scale is i32", op.scale.dtype = ACCEL_I32);
	QUANT_BAD("zero is u8, must be i8", op.zero.dtype = ACCEL_U8);
	QUANT_BAD("differ in shape", op.src = T(ACCEL_F32, 2, 7));
	QUANT_BAD("scale [3]", op.scale = T(ACCEL_F32, 3));
	QUANT_BAD("zero [3]", op.zero = T(ACCEL_I8, 3));
	CHECK_EQ(accel_program_size(program), 0);
	o = quant_op();
	o.dst.offset = 1 << 15;
	CHECK(!accel_program_quant(program, &o));
	o.op = ACCEL_QUANT_FROM;
	o.src = o.dst;
	o.dst = T(ACCEL_F16, 2, 8);
	o.dst.offset = 1 << 14;
	CHECK(!accel_program_quant(program, &o));
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK_ERR(accel_program_quant(program, &o), -EBUSY);
	CHECK_ERR(accel_program_quant(NULL, &o), -EINVAL);
	program_end();
}

static const struct check_test tests[] = {
	TEST(convolutions),
	TEST(a_transposed_convolution),
	TEST(pooling),
	TEST(normalisation),
	TEST(rows_of_tables),
	TEST(lengths_and_places),
	TEST(quantisation),
};

CHECK_MAIN(tests)
