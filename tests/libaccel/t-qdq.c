// SPDX-License-Identifier: MIT
/*
 * Networks between QuantizeLinear and DequantizeLinear: what becomes integers, what must not, and
 * that results are those of the numbers but for the last step.
 */
#include <math.h>

#include "check.h"
#include "onnx.h"

#define DIMS(...) ((int64_t[]){ __VA_ARGS__, -1 })

enum { IMAGES = 2, IN = IMAGES * 3 * 8 * 8, OUT = IMAGES * 5 };

/* --- Models ------------------------------------------------------------------------------ */

static void raw(Onnx__ModelProto *m, const char *name, int type, const int64_t *dims, const void *data,
		size_t size)
{
	onnx_raw(m, name, type, dims, data, size);
}

static void number(Onnx__ModelProto *m, const char *name, float x)
{
	raw(m, name, F32, DIMS(-1), &x, sizeof(x));
}

static void zero_point(Onnx__ModelProto *m, const char *name, int type, int x)
{
	raw(m, name, type, DIMS(-1), &(int8_t){ (int8_t)x }, 1);
}

/* "x" -> "x_q" -> "x_d", of @scale and @zero, which are U8. */
static void both(Onnx__ModelProto *m, const char *x, const char *scale, const char *zero)
{
	char in[80], q[64], d[64];

	snprintf(in, sizeof(in), "%s %s %s", x, scale, zero);
	snprintf(q, sizeof(q), "%s_q", x);
	onnx_node(m, "QuantizeLinear", in, q);
	snprintf(in, sizeof(in), "%s %s %s", q, scale, zero);
	snprintf(d, sizeof(d), "%s_d", x);
	onnx_node(m, "DequantizeLinear", in, d);
}

/* I8 weights with a scale for each element of axis 0: "w_d". */
static void weights(Onnx__ModelProto *m, const char *w, const int64_t *dims, int64_t count,
		    const int8_t *zeros)
{
	static int8_t data[1024];
	static float scale[16];
	static const int8_t none[16];
	char in[112], name[32], s[32], z[32];

	for (int64_t i = 0; i < count; i++)
		data[i] = (int8_t)(i * 89 % 251 - 125);
	for (int64_t i = 0; i < dims[0]; i++)
		scale[i] = 0.004f + 0.001f * (float)i;
	snprintf(name, sizeof(name), "%s_d", w);
	snprintf(s, sizeof(s), "%s_s", w);
	snprintf(z, sizeof(z), "%s_z", w);
	snprintf(in, sizeof(in), "%s %s %s", w, s, z);
	raw(m, w, I8, dims, data, (size_t)count);
	raw(m, s, F32, DIMS(dims[0]), scale, (size_t)dims[0] * 4);
	raw(m, z, I8, DIMS(dims[0]), zeros ? zeros : none, (size_t)dims[0]);
	onnx_int(onnx_node(m, "DequantizeLinear", in, name), "axis", 0);
}

/* Of I32 with the products' scales: "b_d". */
static void bias(Onnx__ModelProto *m, const char *b, int64_t count, float x_scale)
{
	int32_t data[16];
	float scale[16];
	char in[112], name[32], s[32];

	for (int64_t i = 0; i < count; i++) {
		data[i] = (int32_t)(i * 700 - 900);
		scale[i] = x_scale * (0.004f + 0.001f * (float)i);
	}
	snprintf(name, sizeof(name), "%s_d", b);
	snprintf(s, sizeof(s), "%s_s", b);
	snprintf(in, sizeof(in), "%s %s", b, s);
	raw(m, b, I32, DIMS(count), data, (size_t)count * 4);
	raw(m, s, F32, DIMS(count), scale, (size_t)count * 4);
	onnx_int(onnx_node(m, "DequantizeLinear", in, name), "axis", 0);
}

static Onnx__NodeProto *window(Onnx__NodeProto *n, int64_t pad)
{
	onnx_ints(n, "pads", (int64_t[]){ pad, pad, pad, pad }, 4);
	return n;
}

/* Convolution, activation, largest, residual, convolution in groups, layer: as tools write them. */
static Onnx__ModelProto *network(const int8_t *zeros)
{
	Onnx__ModelProto *m = onnx_model(13);
	Onnx__NodeProto *n;

	onnx_input(m, "x", F32, DIMS(IMAGES, 3, 8, 8));
	number(m, "s1", 0.02f);
	zero_point(m, "z1", U8, 110);
	number(m, "s2", 0.015f);
	zero_point(m, "z2", U8, 0);
	number(m, "s3", 0.05f);
	zero_point(m, "z3", U8, 128);
	both(m, "x", "s1", "z1");
	weights(m, "w1", DIMS(6, 3, 3, 3), 162, zeros);
	bias(m, "b1", 6, 0.02f);
	window(onnx_node(m, "Conv", "x_d w1_d b1_d", "c1"), 1);
	onnx_node(m, "Relu", "c1", "r1");
	both(m, "r1", "s2", "z2");
	n = onnx_node(m, "MaxPool", "r1_d", "p1");
	onnx_ints(n, "kernel_shape", (int64_t[]){ 2, 2 }, 2);
	onnx_ints(n, "strides", (int64_t[]){ 2, 2 }, 2);
	both(m, "p1", "s2", "z2");
	weights(m, "w2", DIMS(6, 2, 1, 1), 12, NULL);
	onnx_floats(m, "b2", DIMS(6), 7);
	onnx_int(onnx_node(m, "Conv", "p1_d w2_d b2", "c2"), "group", 3);
	both(m, "c2", "s3", "z3");
	weights(m, "w3", DIMS(6, 6, 3, 3), 324, NULL);
	window(onnx_node(m, "Conv", "c2_d w3_d", "c3"), 1);
	onnx_node(m, "Add", "p1_d c3", "sum");
	onnx_node(m, "Relu", "sum", "r3");
	both(m, "r3", "s3", "z1");
	onnx_node(m, "Flatten", "r3_d", "f");
	both(m, "f", "s3", "z1");
	weights(m, "w4", DIMS(5, 96), 480, NULL);
	bias(m, "b4", 5, 0.05f);
	onnx_int(onnx_node(m, "Gemm", "f_d w4_d b4_d", "g"), "transB", 1);
	both(m, "g", "s3", "z3");
	onnx_node(m, "Identity", "g_d", "y");
	onnx_output(m, "y", F32);
	onnx_output(m, "r1_q", U8);
	return m;
}

static struct accel_model *load(const Onnx__ModelProto *m)
{
	struct accel_model *model = NULL;
	size_t size;
	void *data = onnx_bytes(m, &size);

	if (accel_model_load_memory(data, size, NULL, &model))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	free(data);
	return model;
}

/* How many operators of a name there are after a pass. */
static int count(const Onnx__ModelProto *m, const char *after, const char *op)
{
	struct accel_model *model = load(m);
	struct accel_graph *graph = NULL;
	int n = 0;

	if (accel_graph_create(model, NULL, NULL, after, &graph))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	for (uint32_t i = 0; i < accel_graph_nodes(graph); i++) {
		struct accel_node_info node = ACCEL_INIT(node);

		accel_graph_node(graph, i, &node);
		n += !strcmp(node.op, op);
	}
	accel_graph_free(graph);
	accel_model_unref(model);
	return n;
}

/* Outputs 0 and 1 with some passes left out. */
static bool run(const Onnx__ModelProto *m, const char *const *without, size_t n, void *y, size_t size,
		void *z, size_t z_size)
{
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_session *session = NULL;
	struct accel_model *model = load(m);
	static float x[IN];
	struct bench b;
	bool ok;

	for (int i = 0; i < IN; i++)
		x[i] = (float)(i * 41 % 203 - 100) / 45;
	if (!model || !bench_open(&b, NULL))
		return false;
	opts.without = without;
	opts.nwithout = n;
	ok = !accel_session_create(model, b.queue, &opts, &session) &&
	     !accel_session_write(session, 0, x, sizeof(x)) &&
	     !accel_session_run(session, soon(), NULL) &&
	     !accel_session_read(session, 0, y, size) &&
	     (!z || !accel_session_read(session, 1, z, z_size));
	if (!ok)
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	accel_session_unref(session);
	accel_model_unref(model);
	bench_close(&b);
	return ok;
}

/* --- Tests ------------------------------------------------------------------------------- */

static void shapes(void)
{
	Onnx__ModelProto *m = network(NULL);

	CHECK_EQ(count(m, "", "conv"), 3);
	CHECK_EQ(count(m, "", "matmul"), 1);
	CHECK_EQ(count(m, "", "dequantize"), 13);
	CHECK_EQ(count(m, "qdq", "conv"), 0);
	CHECK_EQ(count(m, "qdq", "matmul"), 0);
	CHECK_EQ(count(m, "qdq", "integer-conv"), 3);
	CHECK_EQ(count(m, "qdq", "integer-matmul"), 1);
	CHECK_EQ(count(m, "qdq", "relu"), 0);
	CHECK_EQ(count(m, "qdq", "add"), 0);
	/* The input; the branch that is added; the output. */
	CHECK_EQ(count(m, "qdq", "quantize"), 1);
	CHECK_EQ(count(m, "qdq", "dequantize"), 2);
}

static void values(void)
{
	static const char *const names[] = { "sink", "qdq", "fold", "bias", "activation", "view", "dead" };
	enum { FIRST = IMAGES * 6 * 8 * 8 };
	Onnx__ModelProto *m = network(NULL);
	float plain[OUT], sunk[OUT], y[OUT], other[OUT];
	uint8_t q[2][FIRST];
	int far = 0, used = 0;

	REQUIRE(run(m, names, 2, plain, sizeof(plain), q[0], FIRST));
	/* Moving integers keeps every bit. */
	REQUIRE(run(m, (const char *[]){ "qdq" }, 1, sunk, sizeof(sunk), q[1], FIRST));
	CHECK(!memcmp(plain, sunk, sizeof(plain)) && !memcmp(q[0], q[1], FIRST));
	/* Multiplying them changes a result by at most one step. */
	REQUIRE(run(m, NULL, 0, y, sizeof(y), q[1], FIRST));
	for (int i = 0; i < FIRST; i++) {
		CHECK(abs(q[0][i] - q[1][i]) <= 1);
		far += q[0][i] != q[1][i];
		used += q[0][i] != 0 && q[0][i] != 255;
	}
	CHECK(far < FIRST / 50 && used > FIRST / 4);
	for (int i = 0; i < OUT; i++)
		CHECK(fabsf(y[i] - plain[i]) <= 0.0501f);
	/* No other pass matters. */
	for (size_t i = 2; i < sizeof(names) / sizeof(names[0]); i++) {
		REQUIRE(run(m, &names[i], 1, other, sizeof(other), q[0], FIRST));
		CHECK(!memcmp(y, other, sizeof(y)) && !memcmp(q[0], q[1], FIRST));
	}
	/* Without the moves less is found, and it is right all the same. */
	REQUIRE(run(m, names, 1, other, sizeof(other), q[0], FIRST));
	for (int i = 0; i < OUT; i++)
		CHECK(fabsf(other[i] - plain[i]) <= 0.0501f);
}

/* Zero points that differ from channel to channel are not the card's. */
static void zero_points(void)
{
	static const int8_t same[6] = { 9, 9, 9, 9, 9, 9 }, differ[6] = { 0, 0, 0, 1, 0, 0 };
	enum { FIRST = IMAGES * 6 * 8 * 8 };
	static const char *const both_off[] = { "sink", "qdq" };
	uint8_t q[2][FIRST];
	float y[OUT];

	CHECK_EQ(count(network(same), "qdq", "integer-conv"), 3);
	CHECK_EQ(count(network(differ), "qdq", "integer-conv"), 2);
	REQUIRE(run(network(same), NULL, 0, y, sizeof(y), q[0], FIRST));
	REQUIRE(run(network(same), both_off, 2, y, sizeof(y), q[1], FIRST));
	for (int i = 0; i < FIRST; i++)
		CHECK(abs(q[0][i] - q[1][i]) <= 1);
}

/* Two factors that are both computed; a result that is needed as a number, too. */
static Onnx__ModelProto *attention(const char *op, const char *extra)
{
	Onnx__ModelProto *m = onnx_model(13);

	onnx_input(m, "x", F32, DIMS(IMAGES, 3, 8, 8));
	number(m, "s1", 0.02f);
	zero_point(m, "z1", U8, 110);
	number(m, "s3", 0.05f);
	zero_point(m, "z3", U8, 128);
	both(m, "x", "s1", "z1");
	onnx_node(m, "MatMul", "x_d x_d", "c");
	onnx_node(m, op, "c", "a");
	both(m, "a", "s3", "z3");
	onnx_node(m, extra, "a", "a2");
	onnx_node(m, "Add", "a_d a2", "y");
	onnx_output(m, "y", F32);
	return m;
}

static void partly(void)
{
	static const char *const off[] = { "qdq" };
	enum { N = IMAGES * 3 * 8 * 8 };
	static float y[N], z[N];
	Onnx__ModelProto *m = attention("Sigmoid", "Neg");

	CHECK_EQ(count(m, "qdq", "integer-matmul"), 1);
	CHECK_EQ(count(m, "qdq", "sigmoid"), 0);
	/* The result has two users: it stays a number. */
	CHECK_EQ(count(m, "qdq", "quantize"), 2);
	REQUIRE(run(m, NULL, 0, y, sizeof(y), NULL, 0));
	REQUIRE(run(m, off, 1, z, sizeof(z), NULL, 0));
	for (int i = 0; i < N; i++)
		CHECK(fabsf(y[i] - z[i]) <= 0.0501f);
	/* A scale that is an input, and one that is none. */
	m = onnx_model(13);
	onnx_input(m, "x", U8, DIMS(2, 3));
	onnx_input(m, "s", F32, DIMS(-1));
	onnx_node(m, "DequantizeLinear", "x s", "d");
	weights(m, "w", DIMS(3, 4), 12, NULL);
	onnx_node(m, "MatMul", "d w_d", "y");
	onnx_output(m, "y", F32);
	CHECK_EQ(count(m, NULL, "matmul"), 1);
	/* Scales along the rows of the weights are no scales of columns. */
	m = onnx_model(13);
	onnx_input(m, "x", U8, DIMS(2, 3));
	number(m, "s", 0.5f);
	onnx_node(m, "DequantizeLinear", "x s", "d");
	weights(m, "w", DIMS(3, 4), 12, NULL);
	onnx_node(m, "MatMul", "d w_d", "y");
	onnx_output(m, "y", F32);
	CHECK_EQ(count(m, NULL, "matmul"), 1);
}

/* Two convolutions that are added, as where a residual network becomes narrower. */
static void branches(void)
{
	static const char *const off[] = { "sink", "qdq" };
	enum { N = IMAGES * 6 * 4 * 4 };
	Onnx__ModelProto *m = onnx_model(13);
	uint8_t y[N], z[N];
	int far = 0, used = 0;

	onnx_input(m, "x", F32, DIMS(IMAGES, 3, 8, 8));
	number(m, "s1", 0.02f);
	zero_point(m, "z1", U8, 110);
	number(m, "s3", 0.02f);
	zero_point(m, "z3", U8, 20);
	both(m, "x", "s1", "z1");
	weights(m, "w1", DIMS(6, 3, 3, 3), 162, NULL);
	bias(m, "b1", 6, 0.02f);
	onnx_ints(window(onnx_node(m, "Conv", "x_d w1_d b1_d", "c1"), 1), "strides",
		  (int64_t[]){ 2, 2 }, 2);
	weights(m, "w2", DIMS(6, 3, 1, 1), 18, NULL);
	onnx_floats(m, "b2", DIMS(6), 7);
	onnx_ints(onnx_node(m, "Conv", "x_d w2_d b2", "c2"), "strides", (int64_t[]){ 2, 2 }, 2);
	onnx_node(m, "Add", "c1 c2", "sum");
	onnx_node(m, "Relu", "sum", "r");
	onnx_node(m, "QuantizeLinear", "r s3 z3", "y");
	onnx_output(m, "y", U8);
	CHECK_EQ(count(m, "qdq", "integer-conv"), 2);
	CHECK_EQ(count(m, "qdq", "add"), 0);
	CHECK_EQ(count(m, "qdq", "relu"), 0);
	CHECK_EQ(count(m, "qdq", "quantize"), 1);
	REQUIRE(run(m, NULL, 0, y, sizeof(y), NULL, 0));
	REQUIRE(run(m, off, 2, z, sizeof(z), NULL, 0));
	for (int i = 0; i < N; i++) {
		CHECK(abs(y[i] - z[i]) <= 1);
		far += y[i] != z[i];
		used += z[i] > 20 && z[i] < 255;
	}
	CHECK(far < N / 20 && used > N / 4);
}

/* What is stored in other steps is another integer, and what is joined must have the same. */
static void steps(void)
{
	static const char *const off[] = { "sink", "qdq" };
	enum { N = IMAGES * 3 * 8 * 8 };

	for (int kind = 0; kind < 5; kind++) {
		Onnx__ModelProto *m = onnx_model(13);
		static uint8_t y[2 * N], z[2 * N];
		bool same = kind == 0 || kind == 3;
		size_t size = kind >= 3 ? 2 * N : N;

		onnx_input(m, "x", F32, DIMS(IMAGES, 3, 8, 8));
		number(m, "s1", 0.02f);
		zero_point(m, "z1", U8, 110);
		number(m, "s2", kind == 1 || kind == 4 ? 0.03f : 0.02f);
		zero_point(m, "z2", U8, kind == 2 ? 100 : 110);
		both(m, "x", "s1", "z1");
		if (kind >= 3) {
			onnx_node(m, "Neg", "x", "n");
			both(m, "n", "s2", "z2");
			onnx_int(onnx_node(m, "Concat", "x_d n_d", "c"), "axis", 1);
			onnx_node(m, "QuantizeLinear", "c s1 z1", "y");
		} else {
			onnx_node(m, "Transpose", "x_d", "t");
			onnx_node(m, "QuantizeLinear", "t s2 z2", "y");
		}
		onnx_output(m, "y", U8);
		/* The input, the other input, and the last one where it does something. */
		CHECK_EQ(count(m, "dead", "quantize"), 1 + (kind >= 3) + !same);
		REQUIRE(run(m, NULL, 0, y, size, NULL, 0));
		REQUIRE(run(m, off, 2, z, size, NULL, 0));
		CHECK(!memcmp(y, z, size));
	}
}

/* Sums that would not fit into 32 bits. */
static void deep(void)
{
	for (int64_t k = 16512; k <= 16513; k++) {
		Onnx__ModelProto *m = onnx_model(13);
		static uint8_t w[16513];

		onnx_input(m, "x", U8, DIMS(1, k));
		number(m, "s", 0.5f);
		raw(m, "w", U8, DIMS(k, 1), w, (size_t)k);
		onnx_node(m, "DequantizeLinear", "x s", "d");
		onnx_node(m, "DequantizeLinear", "w s", "e");
		onnx_node(m, "MatMul", "d e", "y");
		onnx_output(m, "y", F32);
		CHECK_EQ(count(m, "qdq", "integer-matmul"), k == 16512);
	}
}

/* Windows that see no element: the largest of none is not the smallest integer. */
static void holes(void)
{
	for (int pad = 0; pad < 2; pad++) {
		Onnx__ModelProto *m = onnx_model(13);
		Onnx__NodeProto *n;

		onnx_input(m, "x", U8, DIMS(1, 1, 4));
		number(m, "s", 0.5f);
		onnx_node(m, "DequantizeLinear", "x s", "d");
		n = onnx_node(m, "MaxPool", "d", "y");
		onnx_ints(n, "kernel_shape", (int64_t[]){ 2 }, 1);
		onnx_ints(n, "pads", (int64_t[]){ 2 * pad, 0 }, 2);
		onnx_node(m, "Neg", "y", "z");
		onnx_output(m, "z", F32);
		if (pad)
			onnx_ints(n, "dilations", (int64_t[]){ 1 }, 1);
		/* The conversion comes after the pooling, or stays before it. */
		CHECK_EQ(count(m, "sink", "max-pool"), 1);
		{
			struct accel_model *model = load(m);
			struct accel_node_info node = ACCEL_INIT(node);
			struct accel_graph *graph = NULL;

			REQUIRE(!accel_graph_create(model, NULL, NULL, "dead", &graph));
			for (uint32_t i = 0; i < accel_graph_nodes(graph); i++) {
				CHECK(!accel_graph_node(graph, i, &node));
				if (strcmp(node.op, "reshape"))
					break;
			}
			CHECK(!strcmp(node.op, pad ? "dequantize" : "max-pool"));
			accel_graph_free(graph);
			accel_model_unref(model);
		}
	}
}

static const struct check_test tests[] = {
	TEST(shapes), TEST(values), TEST(zero_points), TEST(partly), TEST(branches), TEST(steps), TEST(deep), TEST(holes),
};

CHECK_MAIN(tests)
