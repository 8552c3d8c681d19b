// SPDX-License-Identifier: MIT
/*
 * Each pass on a network that has what it looks for: without it there is more to do, and the results
 * are the same, to the bit where the pass says so; and what it must leave alone.
 */
#include <math.h>

#include "check.h"
#include "onnx.h"

#define DIMS(...)	((int64_t[]){ __VA_ARGS__, -1 })
#define BATCH		2
#define MOST		4096
#define TOLERANCE	2e-5f

/* --- Networks ---------------------------------------------------------------------------- */

static void number(Onnx__ModelProto *m, const char *name, float x)
{
	onnx_raw(m, name, F32, DIMS(-1), &x, sizeof(x));
}

static void pads(Onnx__ModelProto *m, const char *name, const int64_t *values)
{
	onnx_longs(m, name, values, 8);
}

static Onnx__ModelProto *start(const int64_t *dims)
{
	Onnx__ModelProto *m = onnx_model(13);

	onnx_input(m, "x", F32, dims);
	return m;
}

static Onnx__ModelProto *end(Onnx__ModelProto *m)
{
	onnx_output(m, "y", F32);
	return m;
}

static Onnx__NodeProto *conv(Onnx__ModelProto *m, const char *in, const char *out)
{
	Onnx__NodeProto *n = onnx_node(m, "Conv", in, out);

	onnx_ints(n, "pads", (int64_t[]){ 1, 1, 1, 1 }, 4);
	return n;
}

/* A convolution of two groups and BatchNormalization; a product, factors and sums of columns. */
static Onnx__ModelProto *net_batchnorm(void)
{
	Onnx__ModelProto *m = start(DIMS(-2, 4, 5, 6));
	Onnx__NodeProto *n;

	onnx_floats(m, "k", DIMS(6, 2, 3, 3), 1);
	onnx_floats(m, "kb", DIMS(6), 2);
	onnx_floats(m, "s", DIMS(6), 3);
	onnx_floats(m, "b", DIMS(6), 4);
	onnx_floats(m, "m", DIMS(6), 5);
	onnx_raw(m, "v", F32, DIMS(6), (float[]){ 0.5f, 1, 2, 0.25f, 3, 1.5f }, 24);
	onnx_longs(m, "flat", (int64_t[]){ 0, -1 }, 2);
	onnx_floats(m, "w", DIMS(180, 7), 6);
	onnx_floats(m, "wb", DIMS(7), 7);
	onnx_floats(m, "f", DIMS(7), 8);
	onnx_floats(m, "a", DIMS(1, 7), 9);
	n = conv(m, "x k kb", "c");
	onnx_int(n, "group", 2);
	onnx_node(m, "BatchNormalization", "c s b m v", "n");
	onnx_node(m, "Relu", "n", "r");
	onnx_node(m, "Reshape", "r flat", "row");
	onnx_node(m, "Gemm", "row w wb", "d");
	onnx_node(m, "Mul", "d f", "e");
	onnx_node(m, "Sub", "e a", "y");
	return end(m);
}

/* Ways around a convolution; scores of a product that are divided and masked. */
static Onnx__ModelProto *net_residual(void)
{
	Onnx__ModelProto *m = start(DIMS(-2, 4, 5, 6));

	onnx_floats(m, "k", DIMS(4, 4, 3, 3), 1);
	onnx_floats(m, "kb", DIMS(4), 2);
	onnx_floats(m, "l", DIMS(4, 4, 3, 3), 3);
	onnx_floats(m, "mask", DIMS(4, 1, 5), 4);
	number(m, "eight", 8);
	number(m, "third", 0.3f);
	conv(m, "x k kb", "c");
	onnx_node(m, "Relu", "c", "r");
	conv(m, "r l", "d");
	onnx_node(m, "Add", "d x", "e");
	onnx_node(m, "Relu", "e", "f");
	/* both operands are convolutions */
	conv(m, "f k", "g");
	conv(m, "f l kb", "h");
	onnx_node(m, "Add", "g h", "i");
	onnx_ints(onnx_node(m, "Transpose", "i", "t"), "perm", (int64_t[]){ 0, 1, 3, 2 }, 4);
	onnx_node(m, "MatMul", "i t", "q");
	onnx_node(m, "Div", "q eight", "s");
	onnx_node(m, "Add", "mask s", "o");
	onnx_node(m, "MatMul", "o i", "u");
	onnx_node(m, "Mul", "third u", "y");
	return end(m);
}

static Onnx__ModelProto *net_norm(void)
{
	Onnx__ModelProto *m = start(DIMS(-2, 3, 20));
	Onnx__NodeProto *n;

	number(m, "two", 2);
	number(m, "eps", 1e-3f);
	onnx_floats(m, "w", DIMS(20), 1);
	onnx_floats(m, "b", DIMS(20), 2);
	n = onnx_node(m, "ReduceMean", "x", "mean");
	onnx_ints(n, "axes", (int64_t[]){ -1 }, 1);
	onnx_node(m, "Sub", "x mean", "c");
	onnx_node(m, "Pow", "c two", "sq");
	n = onnx_node(m, "ReduceMean", "sq", "var");
	onnx_ints(n, "axes", (int64_t[]){ -1 }, 1);
	onnx_node(m, "Add", "var eps", "ve");
	onnx_node(m, "Sqrt", "ve", "sd");
	onnx_node(m, "Div", "c sd", "n");
	onnx_node(m, "Mul", "n w", "nw");
	onnx_node(m, "Add", "b nw", "l");
	/* and by the root of the mean square */
	onnx_node(m, "Mul", "l l", "ll");
	n = onnx_node(m, "ReduceMean", "ll", "ms");
	onnx_ints(n, "axes", (int64_t[]){ 2 }, 1);
	onnx_node(m, "Add", "eps ms", "me");
	onnx_node(m, "Sqrt", "me", "rms");
	onnx_node(m, "Div", "l rms", "k");
	onnx_node(m, "Mul", "w k", "y");
	return end(m);
}

static Onnx__ModelProto *net_gelu(void)
{
	Onnx__ModelProto *m = start(DIMS(-2, 30));

	number(m, "half", 0.5f);
	number(m, "one", 1);
	number(m, "root", 1.41421354f);
	number(m, "inverse", 0.70710677f);
	onnx_floats(m, "w", DIMS(30, 20), 1);
	onnx_node(m, "MatMul", "x w", "a");
	onnx_node(m, "Div", "a root", "b");
	onnx_node(m, "Erf", "b", "c");
	onnx_node(m, "Add", "c one", "d");
	onnx_node(m, "Mul", "a d", "e");
	onnx_node(m, "Mul", "e half", "f");
	/* in another order */
	onnx_node(m, "Mul", "inverse f", "g");
	onnx_node(m, "Erf", "g", "h");
	onnx_node(m, "Add", "one h", "i");
	onnx_node(m, "Mul", "f half", "j");
	onnx_node(m, "Mul", "j i", "y");
	return end(m);
}

static Onnx__ModelProto *net_pad(void)
{
	Onnx__ModelProto *m = start(DIMS(-2, 3, 6, 7));
	Onnx__NodeProto *n;

	pads(m, "p", (int64_t[]){ 0, 0, 2, 1, 0, 0, 0, 3 });
	number(m, "low", -INFINITY);
	onnx_floats(m, "k", DIMS(4, 3, 3, 3), 1);
	onnx_node(m, "Pad", "x p", "a");
	n = onnx_node(m, "Conv", "a k", "b");
	onnx_ints(n, "strides", (int64_t[]){ 2, 1 }, 2);
	onnx_node(m, "Pad", "b p low", "c");
	n = onnx_node(m, "MaxPool", "c", "y");
	onnx_ints(n, "kernel_shape", (int64_t[]){ 3, 2 }, 2);
	return end(m);
}

static Onnx__ModelProto *net_weights(void)
{
	Onnx__ModelProto *m = start(DIMS(-2, 4, 5, 6));
	Onnx__NodeProto *n;

	onnx_floats(m, "k", DIMS(6, 2, 3, 2), 1);
	n = onnx_node(m, "Conv", "x k", "y");
	onnx_int(n, "group", 2);
	return end(m);
}

/* Rows of a table by indices that come with the run, and one that is known. */
static Onnx__ModelProto *net_gather(void)
{
	Onnx__ModelProto *m = onnx_model(13);

	onnx_input(m, "i", I64, DIMS(-2, 3));
	onnx_floats(m, "table", DIMS(10, 4, 5), 1);
	onnx_raw(m, "last", I64, DIMS(-1), (int64_t[]){ -1 }, 8);
	onnx_node(m, "Gather", "table i", "rows");
	onnx_node(m, "Relu", "rows", "r");
	onnx_int(onnx_node(m, "Gather", "r last", "y"), "axis", 2);
	return end(m);
}

static void slice(Onnx__ModelProto *m, const char *in, const char *out, int64_t start, int64_t end,
		  int64_t axis, int64_t step)
{
	int64_t values[] = { start, end, axis, step };
	char inputs[80], name[4][16];

	for (int i = 0; i < 4; i++) {
		snprintf(name[i], sizeof(name[i]), "%s_%d", out, i);
		onnx_longs(m, name[i], &values[i], 1);
	}
	snprintf(inputs, sizeof(inputs), "%s %s %s %s %s", in, name[0], name[1], name[2], name[3]);
	onnx_node(m, "Slice", inputs, out);
}

static void concat(Onnx__ModelProto *m, const char *in, const char *out)
{
	onnx_int(onnx_node(m, "Concat", in, out), "axis", 1);
}

/* Values within values within the output, and parts that are read with steps and backwards. */
static Onnx__ModelProto *net_place(void)
{
	Onnx__ModelProto *m = start(DIMS(-2, 4, 5, 6));

	number(m, "two", 2);
	onnx_floats(m, "k", DIMS(4, 4, 3, 3), 1);
	onnx_floats(m, "l", DIMS(3, 4, 3, 3), 2);
	onnx_floats(m, "n", DIMS(5, 11, 3, 3), 3);
	conv(m, "x k", "c");
	onnx_node(m, "Relu", "c", "r");
	conv(m, "x l", "d");
	/* x is copied */
	concat(m, "r x d", "e");
	slice(m, "e", "s", 1, 11, 1, 3);
	slice(m, "e", "t", -1, -100, 3, -1);
	onnx_node(m, "Mul", "s two", "f");
	/* so are s and t */
	concat(m, "f s", "g");
	concat(m, "g t", "h");
	conv(m, "t n", "u");
	concat(m, "h u", "y");
	return end(m);
}

static Onnx__ModelProto *net_place_host(void)
{
	Onnx__ModelProto *m = start(DIMS(-2, 4, 5, 6));

	number(m, "two", 2);
	onnx_longs(m, "axis", (int64_t[]){ 2 }, 1);
	slice(m, "x", "s", 1, 3, 1, 1);
	slice(m, "x", "t", 0, 3, 1, 2);
	onnx_node(m, "CumSum", "s axis", "c");
	onnx_node(m, "Mul", "t two", "f");
	concat(m, "f c", "y");
	return end(m);
}

/* Images of all kinds of makers and takers; some of these want them as they were. */
static Onnx__ModelProto *net_channels(void)
{
	Onnx__ModelProto *m = start(DIMS(-2, 4, 7, 6));
	Onnx__NodeProto *n;

	number(m, "two", 2);
	onnx_longs(m, "axis", (int64_t[]){ 1 }, 1);
	onnx_longs(m, "flat", (int64_t[]){ 0, -1 }, 2);
	onnx_floats(m, "k", DIMS(20, 4, 3, 3), 1);
	onnx_floats(m, "kb", DIMS(20), 2);
	onnx_floats(m, "l", DIMS(20, 20, 3, 3), 3);
	onnx_floats(m, "d", DIMS(20, 1, 3, 3), 4);
	onnx_floats(m, "h", DIMS(36, 20, 1, 1), 5);
	onnx_floats(m, "f", DIMS(20, 1, 1), 6);
	onnx_floats(m, "i", DIMS(5, 56, 1, 1), 7);
	conv(m, "x k kb", "c");
	onnx_node(m, "Relu", "c", "r");
	n = conv(m, "r d", "e");
	onnx_int(n, "group", 20);
	conv(m, "e l kb", "p");
	onnx_node(m, "Add", "p r", "s");
	onnx_node(m, "Mul", "s f", "t");
	n = onnx_node(m, "MaxPool", "t", "u");
	onnx_ints(n, "kernel_shape", (int64_t[]){ 3, 2 }, 2);
	onnx_ints(n, "strides", (int64_t[]){ 2, 1 }, 2);
	onnx_ints(n, "pads", (int64_t[]){ 1, 0, 0, 1 }, 4);
	/* what lies in both parts of a concatenation, and one of the parts elsewhere, too */
	onnx_node(m, "Conv", "u h", "v");
	concat(m, "v u", "w");
	onnx_node(m, "Conv", "w i", "y0");
	onnx_node(m, "CumSum", "w axis", "q");
	onnx_node(m, "Conv", "q i", "y1");
	onnx_ints(onnx_node(m, "Transpose", "t", "g"), "perm", (int64_t[]){ 0, 1, 3, 2 }, 4);
	onnx_node(m, "MatMul", "g t", "gt");
	onnx_node(m, "GlobalAveragePool", "s", "a");
	onnx_node(m, "Reshape", "a flat", "a0");
	onnx_node(m, "Reshape", "y0 flat", "a1");
	onnx_node(m, "Reshape", "y1 flat", "a2");
	onnx_node(m, "Reshape", "gt flat", "a3");
	concat(m, "a0 a1", "b0");
	concat(m, "b0 a2", "b1");
	concat(m, "b1 a3", "y");
	return end(m);
}

/* --- Runs -------------------------------------------------------------------------------- */

static float results[2][MOST];

static struct accel_model *load(const Onnx__ModelProto *m)
{
	struct accel_model *model = NULL;
	size_t size;
	void *data = onnx_bytes(m, &size);

	if (accel_model_load_memory(data, size, NULL, &model))
		printf("# %s\n", accel_last_error()->text);
	free(data);
	return model;
}

static struct accel_session *session_of(struct bench *b, struct accel_model *model,
					const char *without)
{
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_session *session = NULL;

	opts.dims = &(struct accel_model_dim){ "N", BATCH };
	opts.ndims = 1;
	opts.without = &without;
	opts.nwithout = without != NULL;
	if (accel_session_create(model, b->queue, &opts, &session))
		printf("# %s\n", accel_last_error()->text);
	return session;
}

/* Return: elements of the result, 0 after a failure. */
static size_t run(struct accel_session *session, const void *in, size_t size, float *out)
{
	struct accel_value_info value = ACCEL_INIT(value);

	if (accel_session_write(session, 0, in, size) ||
	    accel_session_run(session, soon(), NULL) || accel_session_output(session, 0, &value) ||
	    value.size > sizeof(results[0]) ||
	    accel_session_read(session, 0, out, (size_t)value.size)) {
		printf("# %s\n", accel_last_error()->text);
		return 0;
	}
	return (size_t)value.size / sizeof(float);
}

static bool is_numeric(const char *name)
{
	struct accel_pass_info pass = ACCEL_INIT(pass);

	for (uint32_t i = 0; !accel_pass_get(i, &pass); i++)
		if (!strcmp(pass.name, name))
			return pass.numeric;
	check_fail(__FILE__, __LINE__, "no such pass");
	return false;
}

/* @more: nodes of the card that the pass saves; @host: nodes of the processor. */
static void compare_host(Onnx__ModelProto *m, const char *pass, uint32_t more, uint32_t host)
{
	struct accel_session_info info[2] = { ACCEL_INIT(info[0]), ACCEL_INIT(info[1]) };
	struct accel_model *model = load(m);
	struct accel_value_info value = ACCEL_INIT(value);
	struct accel_session *session;
	static float x[MOST];
	size_t n[2];
	struct bench b;

	for (int i = 0; i < MOST; i++)
		x[i] = (float)(i * 37 % 101 - 50) / 40;
	REQUIRE(model && bench_open(&b, NULL));
	for (int i = 0; i < 2; i++) {
		session = session_of(&b, model, i ? pass : NULL);
		REQUIRE(session && !accel_session_info(session, &info[i]));
		REQUIRE(!accel_session_input(session, 0, &value) && value.size <= sizeof(x));
		n[i] = run(session, x, (size_t)value.size, results[i]);
		CHECK_EQ(info[i].host_nodes, host);
		CHECK(info[i].arena_bytes <= info[i].live_bytes + info[i].live_bytes / 10);
		accel_session_unref(session);
	}
	CHECK_EQ(info[1].card_nodes, info[0].card_nodes + more);
	CHECK(n[0] && n[0] == n[1]);
	if (!is_numeric(pass))
		CHECK(!memcmp(results[0], results[1], n[0] * sizeof(float)));
	for (size_t i = 0; i < n[0]; i++)
		if (is_numeric(pass) && !(fabsf(results[0][i] - results[1][i]) <=
		      TOLERANCE * (1 + fabsf(results[1][i]))))
			check_fail(__FILE__, __LINE__, pass);
	accel_model_unref(model);
	bench_close(&b);
}

static void compare(Onnx__ModelProto *m, const char *pass, uint32_t more)
{
	compare_host(m, pass, more, 0);
}

static void batchnorm(void)
{
	/* sub, mul, add; mul, sub */
	compare(net_batchnorm(), "batchnorm", 5);
}

static void residual(void)
{
	compare(net_residual(), "residual", 5);
}

static void norm(void)
{
	compare(net_norm(), "norm", 8 + 5);
}

static void gelu(void)
{
	/* the first of the two is then the product's activation */
	compare(net_gelu(), "gelu", 5 + 4);
}

static void pad(void)
{
	compare(net_pad(), "pad", 2);
}

static void weights(void)
{
	compare(net_weights(), "weights", 0);
}

/* How many nodes of an operator there are after a pass. */
static int count_after(Onnx__ModelProto *m, const char *pass, const char *op)
{
	struct accel_node_info info = ACCEL_INIT(info);
	struct accel_model *model = load(m);
	struct accel_graph *graph = NULL;
	int n = 0;

	if (CHECK(model && !accel_graph_create(model, NULL, NULL, pass, &graph)))
		for (uint32_t i = 0; !accel_graph_node(graph, i, &info); i++)
			n += !strcmp(info.op, op);
	accel_graph_free(graph);
	accel_model_unref(model);
	return n;
}

static void bias(void)
{
	Onnx__ModelProto *m = start(DIMS(-2, 8));

	/* Without it the sum is taken for a residual. */
	onnx_floats(m, "w", DIMS(8, 6), 1);
	onnx_floats(m, "b", DIMS(6), 2);
	onnx_node(m, "MatMul", "x w", "p");
	onnx_node(m, "Add", "p b", "y");
	compare(end(m), "bias", 0);
	CHECK_EQ(count_after(m, "bias", "add"), 0);
	CHECK_EQ(count_after(m, "fold", "add"), 1);
}

static void dead(void)
{
	Onnx__ModelProto *m = start(DIMS(-2, 8));

	onnx_node(m, "Exp", "x", "p");
	onnx_node(m, "Neg", "p", "q");
	onnx_node(m, "Abs", "x", "y");
	/* Other passes clean up, too: what no output needs does not run either way. */
	compare(end(m), "dead", 0);
	CHECK_EQ(count_after(m, "", "exp"), 1);
	CHECK_EQ(count_after(m, "dead", "exp"), 0);
}

static void place(void)
{
	/* two slices, and the last concatenation */
	compare(net_place(), "place", 3);
	/* what the processor reads and writes has no gaps; of the rest there is a slice */
	compare_host(net_place_host(), "place", 1, 1);
}

static void channels(void)
{
	compare_host(net_channels(), "channels", 0, 1);
}

static void gather(void)
{
	static const int64_t good[] = { 0, 9, -10, 3, -1, 3 }, bad[] = { 0, 9, -11, 3, -1, 3 };
	struct accel_session_info info = ACCEL_INIT(info);
	struct accel_model *model = load(net_gather());
	struct accel_session *session;
	struct accel_fence *fence;
	struct bench b;

	REQUIRE(model && bench_open(&b, NULL));
	for (int i = 0; i < 2; i++) {
		session = session_of(&b, model, i ? "gather" : NULL);
		REQUIRE(session && !accel_session_info(session, &info));
		/* the indices are looked at on the processor, and no more */
		CHECK_EQ(info.host_nodes, i ? 2 : 1);
		CHECK_EQ(run(session, good, sizeof(good), results[i]), BATCH * 3 * 5);
		CHECK(!accel_session_write(session, 0, bad, sizeof(bad)));
		CHECK_ERR_TEXT(accel_session_run(session, soon(), NULL), -EINVAL, "-11");
		/* and before anything is on the card */
		if (!i) {
			CHECK_ERR(accel_session_run_async(session, &fence), -EINVAL);
			CHECK_EQ(run(session, good, sizeof(good), results[1]), BATCH * 3 * 5);
			CHECK_EQ(info.programs, 1);
		}
		accel_session_unref(session);
	}
	CHECK(!memcmp(results[0], results[1], BATCH * 3 * 5 * sizeof(float)));
	accel_model_unref(model);
	bench_close(&b);
}

/* --- What must stay ---------------------------------------------------------------------- */

static uint32_t nodes_of(const Onnx__ModelProto *m)
{
	struct accel_session_info info = ACCEL_INIT(info);
	struct accel_model *model = load(m);
	struct accel_session *session;
	struct bench b;

	if (!model || !bench_open(&b, NULL))
		return 0;
	session = session_of(&b, model, NULL);
	if (session)
		CHECK(!accel_session_info(session, &info));
	accel_session_unref(session);
	accel_model_unref(model);
	bench_close(&b);
	return info.card_nodes;
}

static void left_alone(void)
{
	Onnx__ModelProto *m = start(DIMS(-2, 4, 5, 6));

	/* what is between is an output */
	onnx_floats(m, "k", DIMS(4, 4, 3, 3), 1);
	onnx_floats(m, "f", DIMS(4, 1, 1), 2);
	conv(m, "x k", "c");
	onnx_node(m, "Mul", "c f", "y");
	onnx_output(m, "c", F32);
	CHECK_EQ(nodes_of(end(m)), 2);
	/* a factor that differs from place to place */
	m = start(DIMS(-2, 4, 5, 6));
	onnx_floats(m, "k", DIMS(4, 4, 3, 3), 1);
	onnx_floats(m, "f", DIMS(4, 1, 6), 2);
	conv(m, "x k", "c");
	onnx_node(m, "Mul", "c f", "y");
	CHECK_EQ(nodes_of(end(m)), 2);
	/* a third is no power of two: the quotient has other bits than the product */
	m = start(DIMS(-2, 5, 5));
	number(m, "three", 3);
	onnx_node(m, "MatMul", "x x", "q");
	onnx_node(m, "Div", "q three", "y");
	CHECK_EQ(nodes_of(end(m)), 2);
	/* padding with ones; and so that it cuts */
	m = start(DIMS(-2, 3, 6, 7));
	pads(m, "p", (int64_t[]){ 0, 0, 1, 1, 0, 0, 1, 1 });
	pads(m, "c", (int64_t[]){ 0, 0, 1, -1, 0, 0, 1, 1 });
	number(m, "one", 1);
	onnx_floats(m, "k", DIMS(4, 3, 3, 3), 1);
	onnx_floats(m, "l", DIMS(4, 4, 3, 3), 1);
	onnx_node(m, "Pad", "x p one", "a");
	onnx_node(m, "Conv", "a k", "b");
	onnx_node(m, "Pad", "b c", "d");
	onnx_node(m, "Conv", "d l", "y");
	CHECK_EQ(nodes_of(end(m)), 4);
	/* nearly a GELU */
	m = start(DIMS(-2, 30));
	number(m, "half", 0.5f);
	number(m, "one", 1);
	number(m, "root", 1.5f);
	onnx_node(m, "Div", "x root", "b");
	onnx_node(m, "Erf", "b", "c");
	onnx_node(m, "Add", "c one", "d");
	onnx_node(m, "Mul", "x d", "e");
	onnx_node(m, "Mul", "e half", "y");
	CHECK_EQ(nodes_of(end(m)), 5);
}

/* Of more axes than the card has, where the processor has the function, but not the activation. */
static void many_axes(void)
{
	static const char *const without[] = { NULL, "activation" };
	struct accel_model *model[2];
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	for (int i = 0; i < 2; i++) {
		Onnx__ModelProto *m = start(DIMS(-2, 1, 2, 1, 2, 1, 3));

		onnx_node(m, "Abs", "x", "a");
		onnx_node(m, i ? "Relu" : "Sigmoid", "a", "y");
		model[i] = load(end(m));
		REQUIRE(model[i]);
	}
	for (int i = 0; i < 2; i++) {
		struct accel_session_opts opts = ACCEL_INIT(opts);
		struct accel_session *session = NULL;

		opts.dims = &(struct accel_model_dim){ "N", BATCH };
		opts.ndims = 1;
		opts.without = &without[i];
		opts.nwithout = i;
		CHECK_ERR_TEXT(accel_session_create(model[0], b.queue, &opts, &session), -EOPNOTSUPP,
			       "up to 6 axes");
		session = session_of(&b, model[1], without[i]);
		CHECK(session);
		accel_session_unref(session);
	}
	accel_model_unref(model[0]);
	accel_model_unref(model[1]);
	bench_close(&b);
}

static const struct check_test tests[] = {
	TEST(batchnorm), TEST(residual), TEST(norm), TEST(gelu), TEST(pad), TEST(weights),
	TEST(gather), TEST(bias), TEST(dead), TEST(place), TEST(channels), TEST(left_alone),
	TEST(many_axes),
};

CHECK_MAIN(tests)
