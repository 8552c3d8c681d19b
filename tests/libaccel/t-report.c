// SPDX-License-Identifier: MIT
/*
 * Quantisation and pruning: what they make of a model, what they measure, what they refuse.
 */
#include <math.h>
#include <unistd.h>

#include "check.h"
#include "onnx.h"

#define DIMS(...) ((int64_t[]){ __VA_ARGS__, -1 })

enum { MOST = 4, IN = MOST * 2 * 6 * 6 };

static float x[2][IN];
static const void *pointers[2] = { x[0], x[1] };
static const struct accel_model_dim dims[2] = { { "N", MOST }, { "N", 1 } };
static const struct accel_sample samples[2] = {
	{ &pointers[0], &dims[0], 1 }, { &pointers[1], &dims[1], 1 },
};

static void fill(void)
{
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < IN; i++)
			x[k][i] = (float)((i + 5 * k) * 37 % 101 - 50) / 25;
}

static struct accel_model *load_bytes(const void *data, size_t size)
{
	struct accel_model *model = NULL;

	if (accel_model_load_memory(data, size, NULL, &model))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	return model;
}

static struct accel_model *load(const Onnx__ModelProto *m)
{
	size_t size;
	void *data = onnx_bytes(m, &size);
	struct accel_model *model = load_bytes(data, size);

	free(data);
	return model;
}

static struct accel_report_opts with_samples(void)
{
	struct accel_report_opts opts = ACCEL_INIT(opts);

	fill();
	opts.samples = samples;
	opts.nsamples = 2;
	return opts;
}

static struct accel_layer_info layer(const struct accel_report *report, uint32_t i)
{
	struct accel_layer_info info = ACCEL_INIT(info);

	CHECK(!accel_report_layer(report, i, &info));
	return info;
}

/* The file that was made, unpacked; to be freed. */
static Onnx__ModelProto *file_of(const struct accel_report *report)
{
	size_t size;
	const void *data = accel_report_file(report, &size);

	return onnx__model_proto__unpack(NULL, size, data);
}

static int operators(const Onnx__ModelProto *m, const char *op)
{
	int n = 0;

	for (size_t i = 0; i < m->graph->n_node; i++)
		n += !strcmp(m->graph->node[i]->op_type, op);
	return n;
}

static const Onnx__TensorProto *constant(const Onnx__ModelProto *m, const char *name)
{
	for (size_t i = 0; i < m->graph->n_initializer; i++)
		if (!strcmp(m->graph->initializer[i]->name, name))
			return m->graph->initializer[i];
	return NULL;
}

static struct accel_report *quantised(struct bench *b, const Onnx__ModelProto *m,
				      const struct accel_report_opts *opts)
{
	struct accel_model *model = load(m);
	struct accel_report *report = NULL;

	if (accel_model_quantize(model, b->queue, opts, &report))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	accel_model_unref(model);
	return report;
}

/* A convolution, what moves its result, and a layer. */
static void network(void)
{
	struct accel_report_opts opts = with_samples();
	Onnx__ModelProto *m = onnx_network(), *made;
	const Onnx__TensorProto *w, *scale;
	struct accel_graph *graph = NULL;
	struct accel_layer_info info;
	struct accel_report *report;
	struct accel_model *model;
	struct bench b;
	int integer = 0;
	size_t size;
	const void *data;

	REQUIRE(bench_open(&b, NULL));
	report = quantised(&b, m, &opts);
	REQUIRE(report);
	/* Two layers, two outputs. */
	CHECK_EQ(accel_report_layers(report), 4);
	info = layer(report, 0);
	CHECK(!strcmp(info.name, "conv") && !strcmp(info.op, "Conv") && !strcmp(info.value, "relu"));
	CHECK(!*info.reason && info.weights == 72 && info.low == 0 && info.high > 0);
	CHECK(isnan(info.kept));
	for (uint32_t i = 0; i < 4; i++) {
		info = layer(report, i);
		/* BatchNormalization spreads the channels of the second layer's operand. */
		CHECK(info.signal_db > (i ? 18 : 40) && info.signal_db < 90);
		CHECK(info.max_error > 0 && info.max_error < (info.high - info.low) / 3);
	}
	CHECK(!strcmp(layer(report, 3).op, "output") && !strcmp(layer(report, 3).name, "z"));
	CHECK_ERR(accel_report_layer(report, 4, &info), -EINVAL);
	made = file_of(report);
	REQUIRE(made);
	/* The input; what MaxPool takes, and moved, what Reshape takes and gives; weights and biases. */
	CHECK_EQ(operators(made, "QuantizeLinear"), 4);
	CHECK_EQ(operators(made, "DequantizeLinear"), 8);
	CHECK(!constant(made, "k") && !constant(made, "w"));
	/* The bias is another operator's, too: it stays as well. */
	CHECK(constant(made, "kb") && constant(made, "kb_quantized"));
	w = constant(made, "k_quantized");
	scale = constant(made, "k_scale");
	REQUIRE(w && scale && w->n_dims == 4 && scale->raw_data.len == 16);
	for (int c = 0; c < 4; c++) {
		const Onnx__TensorProto *old = m->graph->initializer[0];
		float most = 0, s;
		int largest = 0;

		memcpy(&s, scale->raw_data.data + 4 * c, 4);
		for (int i = 0; i < 18; i++) {
			int8_t q = (int8_t)w->raw_data.data[c * 18 + i];

			most = fmaxf(most, fabsf(old->float_data[c * 18 + i]));
			largest = abs(q) > largest ? abs(q) : largest;
			CHECK(fabsf((float)q * s - old->float_data[c * 18 + i]) <= s * 0.5001f);
		}
		CHECK_EQ(largest, 127);
		CHECK(s == most / 127);
	}
	onnx__model_proto__free_unpacked(made, NULL);
	data = accel_report_file(report, &size);
	model = load_bytes(data, size);
	CHECK(!accel_graph_create(model, NULL, NULL, NULL, &graph));
	for (uint32_t i = 0; i < accel_graph_nodes(graph); i++) {
		struct accel_node_info node = ACCEL_INIT(node);

		accel_graph_node(graph, i, &node);
		integer += !strncmp(node.op, "integer-", 8);
		CHECK(strcmp(node.op, "conv") && strcmp(node.op, "matmul"));
	}
	CHECK_EQ(integer, 2);
	accel_graph_free(graph);
	accel_model_unref(model);
	accel_report_free(report);
	bench_close(&b);
}

/* Constants of nodes are constants as well. */
static void constant_nodes(void)
{
	struct accel_report_opts opts = with_samples();
	Onnx__ModelProto *m = onnx_network(), *made;
	struct accel_report *report;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	/* Bias and weights of the layer. */
	onnx_constant(m, 5);
	onnx_constant(m, 4);
	report = quantised(&b, m, &opts);
	REQUIRE(report);
	CHECK(!*layer(report, 0).reason && !*layer(report, 1).reason);
	made = file_of(report);
	REQUIRE(made);
	CHECK_EQ(operators(made, "Constant"), 0);
	CHECK(constant(made, "w_quantized") && !constant(made, "w"));
	onnx__model_proto__free_unpacked(made, NULL);
	accel_report_free(report);
	bench_close(&b);
}

/* What graphs within nodes take from outside stays, and their names are taken. */
static void within(void)
{
	struct accel_report_opts opts = with_samples();
	Onnx__ModelProto *m = onnx_model(17), *yes = onnx_model(17), *no = onnx_model(17), *made;
	struct accel_report *report;
	Onnx__NodeProto *n;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	onnx_node(yes, "Add", "a w", "w_quantized");
	onnx_node(yes, "Mul", "w_quantized k", "w_scale");
	onnx_output(yes, "w_scale", F32);
	onnx_node(no, "Neg", "a", "inner");
	onnx_output(no, "inner", F32);
	onnx_input(m, "x", F32, DIMS(-2, 2, 6, 6));
	onnx_floats(m, "w", DIMS(6, 6), 9);
	onnx_floats(m, "k", DIMS(6), 10);
	onnx_constant(m, 1);
	onnx_raw(m, "c", BOOLEAN, (int64_t[]){ -1 }, "\1", 1);
	onnx_node(m, "MatMul", "x w", "a");
	n = onnx_node(m, "If", "c", "y");
	onnx_graph_in(n, "then_branch", yes);
	onnx_graph_in(n, "else_branch", no);
	onnx_output(m, "y", F32);
	m->ir_version = 3;
	report = quantised(&b, m, &opts);
	REQUIRE(report);
	made = file_of(report);
	REQUIRE(made);
	CHECK(constant(made, "w") && constant(made, "w_quantized_2") && constant(made, "w_scale_2"));
	CHECK(!constant(made, "w_quantized") && !constant(made, "w_scale"));
	CHECK_EQ(operators(made, "Constant"), 1);
	/* Before 4 an initializer has to be an input, too. */
	CHECK(made->ir_version >= 4);
	onnx__model_proto__free_unpacked(made, NULL);
	accel_report_free(report);
	bench_close(&b);
}

/* Outliers widen the range of all the rest; a percentile leaves them out. */
static void percentile(void)
{
	struct accel_report_opts opts = with_samples();
	Onnx__ModelProto *made;
	const Onnx__TensorProto *scale;
	struct accel_report *report;
	float wide, narrow;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	x[0][17] = 1000;
	for (int i = 0; i < 2; i++) {
		opts.calibration = i ? ACCEL_CALIBRATE_PERCENTILE : ACCEL_CALIBRATE_MINMAX;
		opts.percentile = 99;
		report = quantised(&b, onnx_network(), &opts);
		REQUIRE(report);
		made = file_of(report);
		scale = constant(made, "x_scale");
		REQUIRE(scale);
		memcpy(i ? &narrow : &wide, scale->raw_data.data, 4);
		onnx__model_proto__free_unpacked(made, NULL);
		accel_report_free(report);
	}
	CHECK(fabsf(wide - 1002.f / 255) < 0.01f);
	CHECK(narrow > 3.f / 255 && narrow < 5.f / 255);
	bench_close(&b);
}

/* Weights of two layers, names that are taken, a product and its sum, what is not a layer. */
static Onnx__ModelProto *odd(void)
{
	Onnx__ModelProto *m = onnx_model(17);

	onnx_input(m, "x", F32, DIMS(-2, 2, 6, 6));
	onnx_floats(m, "w", DIMS(6, 6), 9);
	onnx_floats(m, "x_scale", DIMS(6), 10);
	onnx_floats(m, "w_quantized", DIMS(6), 11);
	onnx_node(m, "MatMul", "x w", "a");
	onnx_node(m, "Add", "a x_scale", "b");
	onnx_node(m, "Add", "b w_quantized", "c");
	onnx_node(m, "Relu", "c", "d");
	onnx_node(m, "MatMul", "d w", "e");
	/* Both factors are computed. */
	onnx_node(m, "MatMul", "e e", "f");
	onnx_node(m, "Add", "f w", "y");
	onnx_output(m, "y", F32);
	return m;
}

static void odds(void)
{
	struct accel_report_opts opts = with_samples();
	struct accel_layer_info info;
	struct accel_report *report;
	Onnx__ModelProto *made;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	report = quantised(&b, odd(), &opts);
	REQUIRE(report);
	CHECK_EQ(accel_report_layers(report), 4);
	CHECK(!*layer(report, 0).reason && !*layer(report, 1).reason);
	info = layer(report, 2);
	CHECK(strstr(info.reason, "not a constant") && isnan(info.signal_db) && !info.weights);
	CHECK(layer(report, 3).signal_db > 20);
	made = file_of(report);
	REQUIRE(made);
	/* Two layers have it, and the last sum in f32. */
	CHECK(constant(made, "w") && constant(made, "w_quantized_2") && constant(made, "w_quantized_3"));
	CHECK(constant(made, "x_scale_2"));
	CHECK_EQ(constant(made, "x_scale")->n_float_data, 6);
	onnx__model_proto__free_unpacked(made, NULL);
	accel_report_free(report);
	bench_close(&b);
}

static void refused(const Onnx__ModelProto *m, struct bench *b, const struct accel_report_opts *opts,
		    int code, const char *word)
{
	struct accel_model *model = load(m);
	struct accel_report *report = NULL;

	CHECK_ERR_TEXT(accel_model_quantize(model, b->queue, opts, &report), code, word);
	CHECK(!report);
	accel_model_unref(model);
}

static void refusals(void)
{
	struct accel_report_opts opts = with_samples(), bad;
	Onnx__ModelProto *m;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	bad = opts;
	bad.nsamples = 0;
	refused(onnx_network(), &b, &bad, -EINVAL, "no sample");
	refused(onnx_network(), &b, NULL, -EINVAL, "no sample");
	bad = opts;
	bad.percentile = 20;
	refused(onnx_network(), &b, &bad, -EINVAL, "percentile");
	bad = opts;
	bad.flags = 1;
	refused(onnx_network(), &b, &bad, -EINVAL, "flags");
	bad = opts;
	bad.calibration = (enum accel_calibration)2;
	refused(onnx_network(), &b, &bad, -EINVAL, "calibration");
	m = onnx_network();
	m->opset_import[0]->version = 12;
	refused(m, &b, &opts, -EOPNOTSUPP, "operator set 12");
	m = onnx_model(13);
	onnx_input(m, "x", F32, DIMS(-2, 2, 6, 6));
	onnx_node(m, "Relu", "x", "y");
	onnx_output(m, "y", F32);
	refused(m, &b, &opts, -EINVAL, "no Conv, MatMul or Gemm");
	m = onnx_network();
	m->graph->initializer[0]->float_data[3] = INFINITY;
	refused(m, &b, &opts, -EINVAL, "not finite");
	m = onnx_network();
	m->graph->node[1]->op_type = "Frobnicate";
	refused(m, &b, &opts, -EOPNOTSUPP, "Frobnicate");
	/* Nothing that says how large it is. */
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < IN; i++)
			x[k][i] = NAN;
	refused(onnx_network(), &b, &opts, -EINVAL, "no finite element");
	fill();
	/* A range that f32 does not divide: the greatest numbers. */
	x[0][0] = 3e38f;
	x[0][1] = -3e38f;
	refused(onnx_network(), &b, &opts, -ERANGE, "range");
	CHECK_ERR(accel_model_quantize(NULL, b.queue, &opts, NULL), -EINVAL);
	CHECK_ERR(accel_model_prune(NULL, NULL, NULL, NULL), -EINVAL);
	accel_report_free(NULL);
	CHECK_EQ(accel_report_layers(NULL), 0);
	CHECK(!accel_report_file(NULL, NULL));
	bench_close(&b);
}

/* --- Pruning ----------------------------------------------------------------------------- */

/* Of 7 channels the last 3 are a group of their own; of ties the first stay. */
static void pattern(void)
{
	static const float w[7] = { 3, -1, 1, 2, 5, 4, 4 };
	static const float rows[4][7] = {
		{ 1, 1, 1, 1, 1, 1, 1 }, { 0, 1, 0, 0, 0, 0, 0 }, { 0, 0, 1, 0, 0, 0, 0 },
		{ 0, 0, 0, 0, 0, 0, 1 },
	};
	const void *pointer = rows;
	struct accel_sample sample = { &pointer, NULL, 0 };
	struct accel_report_opts opts = ACCEL_INIT(opts);
	struct accel_report *report = NULL;
	struct accel_layer_info info;
	struct accel_model *model;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	for (int kind = 0; kind < 3; kind++) {
		Onnx__ModelProto *m = onnx_model(12);

		onnx_input(m, "x", F32, kind == 2 ? DIMS(4, 7, 1) : DIMS(4, 7));
		onnx_raw(m, "w", F32, kind == 0 ? DIMS(7, 1) : kind == 1 ? DIMS(1, 7) : DIMS(1, 7, 1), w,
			 sizeof(w));
		if (kind == 0)
			onnx_node(m, "MatMul", "x w", "y");
		else if (kind == 1)
			onnx_int(onnx_node(m, "Gemm", "x w", "y"), "transB", 1);
		else
			onnx_node(m, "Conv", "x w", "y");
		onnx_output(m, "y", F32);
		model = load(m);
		REQUIRE(model);
		/* Kept: 3, 2, 5 and the first 4. */
		CHECK(!accel_model_prune(model, NULL, NULL, &report));
		CHECK_EQ(accel_report_layers(report), 2);
		info = layer(report, 0);
		CHECK(fabs(info.kept - (9 + 4 + 25 + 16) / 72.0) < 1e-12);
		CHECK(isnan(info.signal_db) && isnan(info.max_error) && isnan(info.low));
		CHECK(!accel_report_file(report, NULL));
		accel_report_free(report);
		opts.samples = &sample;
		opts.nsamples = 1;
		CHECK_ERR_TEXT(accel_model_prune(model, NULL, &opts, &report), -EINVAL, "queue");
		REQUIRE(!accel_model_prune(model, b.queue, &opts, &report));
		/* Lost of 18, -1, 1, 4 are 4, -1, 1, 4. */
		for (uint32_t i = 0; i < 2; i++) {
			info = layer(report, i);
			CHECK(info.max_error == 4);
			CHECK(fabs(info.signal_db - 10 * log10((324 + 1 + 1 + 16) / 34.0)) < 1e-9);
			CHECK(info.low == -1 && info.high == 18);
		}
		accel_report_free(report);
		accel_model_unref(model);
	}
	bench_close(&b);
}

/* Layers alone and together, with everything in between. */
static void pruned_network(void)
{
	struct accel_report_opts opts = with_samples();
	struct accel_report *report = NULL;
	struct accel_model *model = load(onnx_network());
	struct bench b;

	REQUIRE(model && bench_open(&b, NULL));
	REQUIRE(!accel_model_prune(model, b.queue, &opts, &report));
	CHECK_EQ(accel_report_layers(report), 4);
	/* Two channels: a group of two, which keeps both. */
	CHECK(layer(report, 0).kept == 1 && layer(report, 0).max_error == 0);
	CHECK(isinf(layer(report, 0).signal_db));
	CHECK(layer(report, 1).kept > 0.6 && layer(report, 1).kept < 0.98);
	CHECK(layer(report, 1).max_error > 0);
	/* The second layer's result is an output: alone or together is the same there. */
	CHECK(layer(report, 1).max_error == layer(report, 3).max_error);
	CHECK(layer(report, 2).max_error > 0 && isnan(layer(report, 2).kept));
	accel_report_free(report);
	accel_model_unref(model);
	bench_close(&b);
}

static const struct check_test tests[] = {
	TEST(network), TEST(constant_nodes), TEST(within), TEST(percentile), TEST(odds), TEST(refusals), TEST(pattern),
	TEST(pruned_network),
};

CHECK_MAIN(tests)
