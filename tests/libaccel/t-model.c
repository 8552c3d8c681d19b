// SPDX-License-Identifier: MIT
/*
 * Models: what is refused, what passes keep, sessions and their runs. What is told of files that are wrong is
 * in t-malformed.c.
 */
#include <unistd.h>

#include "check.h"
#include "onnx.h"

#define BATCH	3
#define IN	(BATCH * 2 * 6 * 6)

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

/* --- What is refused --------------------------------------------------------------------- */

static void wire(void)
{
	Onnx__ModelProto *m = onnx_network();
	struct accel_model *model;
	size_t size;
	unsigned char *data = onnx_bytes(m, &size);

	/* Every prefix, and every bit of the first part turned over: an error or a model. */
	for (size_t i = 0; i < size; i += 7) {
		model = NULL;
		if (!accel_model_load_memory(data, i, NULL, &model))
			accel_model_unref(model);
	}
	for (size_t i = 0; i < size * 8 && i < 4000; i++) {
		data[i / 8] ^= (unsigned char)(1u << i % 8);
		model = NULL;
		if (!accel_model_load_memory(data, size, NULL, &model))
			accel_model_unref(model);
		data[i / 8] ^= (unsigned char)(1u << i % 8);
	}
	free(data);
}

static struct accel_graph *graph_of(const Onnx__ModelProto *m, int *ret)
{
	struct accel_model *model = load(m);
	struct accel_graph *graph = NULL;

	*ret = model ? accel_graph_create(model, NULL, NULL, NULL, &graph) : 1;
	accel_model_unref(model);
	return graph;
}

/* A few bytes must not ask for much. */
static void greedy(void)
{
	struct accel_node_info info = ACCEL_INIT(info);
	Onnx__ModelProto *m = onnx_model(13);
	struct accel_graph *graph;
	static char names[200][8];
	int ret;

	for (int i = 0; i < 200; i++)
		snprintf(names[i], sizeof(names[i]), "a%d", i);

	onnx_input(m, "x", F32, (int64_t[]){ 2147483647, -1 });
	onnx_int(onnx_node(m, "Hardmax", "x", "y"), "axis", 0);
	onnx_output(m, "y", F32);
	graph = graph_of(m, &ret);
	CHECK_ERR_TEXT(ret, -EINVAL, "more than 128 MiB");
	m = onnx_model(13);
	onnx_input(m, "x", F32, (int64_t[]){ 20000, 20000, -1 });
	onnx_node(m, "EyeLike", "x", "y");
	onnx_output(m, "y", F32);
	graph = graph_of(m, &ret);
	CHECK_ERR_TEXT(ret, -EINVAL, "more than 128 MiB");
	m = onnx_model(13);
	onnx_longs(m, "big", (int64_t[]){ 30000, 30000 }, 2);
	onnx_input(m, "x", F32, (int64_t[]){ 1, -1 });
	onnx_node(m, "ConstantOfShape", "big", "c");
	onnx_node(m, "Add", "c x", "y");
	onnx_output(m, "y", F32);
	graph = graph_of(m, &ret);
	CHECK_EQ(ret, 0);
	/* Nor is it folded. */
	CHECK_EQ(accel_graph_nodes(graph), 2);
	accel_graph_free(graph);
	/* Nor may many operators on what is not so large take long: at some time they are left to the run. */
	m = onnx_model(13);
	onnx_longs(m, "from", (int64_t[]){ 0 }, 1);
	onnx_longs(m, "to", (int64_t[]){ 1 << 20 }, 1);
	onnx_longs(m, "by", (int64_t[]){ 1 }, 1);
	onnx_node(m, "Range", "from to by", "r");
	for (int i = 0; i < 200; i++)
		onnx_int(onnx_node(m, "ReduceSum", "r", names[i]), "keepdims", 0);
	onnx_node(m, "ConstantOfShape", names[199], "y");
	onnx_output(m, "y", F32);
	graph = graph_of(m, &ret);
	CHECK_EQ(ret, 0);
	REQUIRE(graph);
	CHECK(!accel_graph_node(graph, accel_graph_nodes(graph) - 1, &info));
	CHECK_EQ(info.place, ACCEL_PLACE_MISSING);
	CHECK(strstr(info.reason, "computed from inputs") && strstr(info.reason, "steps"));
	accel_graph_free(graph);
	/* Recurrent operators are as many as they have steps. */
	m = onnx_model(14);
	onnx_input(m, "x", F32, (int64_t[]){ 1 << 14, 1, 2, -1 });
	onnx_floats(m, "w", (int64_t[]){ 1, 8, 2, -1 }, 1);
	onnx_floats(m, "r", (int64_t[]){ 1, 8, 2, -1 }, 2);
	for (int i = 0; i < 3; i++)
		onnx_int(onnx_node(m, "LSTM", "x w r", names[i]), "hidden_size", 2);
	onnx_node(m, "Add", "a0 a1", "y");
	onnx_output(m, "y", F32);
	graph = graph_of(m, &ret);
	CHECK_ERR_TEXT(ret, -EINVAL, "more than 524288 operators");
	accel_graph_free(graph);
}

/* Shapes and attributes that do not fit: the text names node and operator. */
static void operators(void)
{
	Onnx__ModelProto *m = onnx_network();
	struct accel_graph *graph;
	int ret;

	m->graph->initializer[0]->dims[1] = 3;
	m->graph->initializer[0]->dims[0] = 1;
	m->graph->initializer[0]->dims[2] = 8;
	graph = graph_of(m, &ret);
	CHECK_ERR_TEXT(ret, -EINVAL, "node 'conv' (Conv)");
	m = onnx_network();
	onnx_int(m->graph->node[8], "axis", 7);
	graph = graph_of(m, &ret);
	CHECK_ERR_TEXT(ret, -EINVAL, "no axis 7");
	m = onnx_network();
	m->graph->node[2]->n_input = 1;
	graph = graph_of(m, &ret);
	CHECK_ERR_TEXT(ret, -EINVAL, "(Mul)");
	m = onnx_network();
	m->graph->node[5]->input[0] = "kb";
	graph = graph_of(m, &ret);
	CHECK_ERR_TEXT(ret, -EINVAL, "node 'dense' (Gemm)");
	/* What is not known is part of the graph, with the reason. */
	m = onnx_network();
	m->graph->node[1]->op_type = "Frobnicate";
	onnx_int(m->graph->node[8], "frobs", 7);
	graph = graph_of(m, &ret);
	CHECK_EQ(ret, 0);
	for (uint32_t i = 0, missing = 0; graph && i < accel_graph_nodes(graph); i++) {
		struct accel_node_info node = ACCEL_INIT(node);

		CHECK(!accel_graph_node(graph, i, &node));
		missing += node.place == ACCEL_PLACE_MISSING;
		if (!strcmp(node.origin, "Frobnicate"))
			CHECK(strstr(node.reason, "not supported"));
		if (!strcmp(node.origin, "Tanh"))
			CHECK(strstr(node.reason, "cannot be computed"));
		if (i + 1 == accel_graph_nodes(graph))
			CHECK(missing >= 5);
	}
	accel_graph_free(graph);
}

static void missing(void)
{
	Onnx__ModelProto *m = onnx_network();
	struct accel_session *session;
	struct accel_model *model;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	m->graph->node[1]->op_type = "Frobnicate";
	model = load(m);
	CHECK_ERR_TEXT(accel_session_create(model, b.queue, NULL, &session), -EOPNOTSUPP,
		       "(Frobnicate)");
	accel_model_unref(model);
	/* An attribute that is not known may mean another result. */
	m = onnx_network();
	onnx_int(m->graph->node[8], "frobs", 7);
	model = load(m);
	CHECK_ERR_TEXT(accel_session_create(model, b.queue, NULL, &session), -EOPNOTSUPP, "'frobs'");
	accel_model_unref(model);
	bench_close(&b);
}

/* --- What is told ------------------------------------------------------------------------ */

static void info(void)
{
	struct accel_model *model = load(onnx_network());
	struct accel_model_info info = ACCEL_INIT(info);
	struct accel_value_info value = ACCEL_INIT(value);
	struct accel_pass_info pass = ACCEL_INIT(pass);
	uint32_t passes = 0;

	REQUIRE(model);
	CHECK(!accel_model_info(model, &info));
	CHECK_EQ(info.inputs, 1);
	CHECK_EQ(info.outputs, 2);
	CHECK_EQ(info.nodes, 11);
	CHECK_EQ(info.opset, 13);
	CHECK_EQ(info.parameters, 72 + 4 + 4 + 4 + 192 + 12 + 2);
	CHECK(!accel_model_input(model, 0, &value));
	CHECK(!strcmp(value.name, "x") && value.dtype == ACCEL_F32 && value.rank == 4);
	CHECK(value.dims[0] == -1 && !strcmp(value.symbols[0], "N") && value.dims[3] == 6);
	CHECK_EQ(value.size, 0);
	CHECK_ERR(accel_model_input(model, 1, &value), -EINVAL);
	CHECK_ERR(accel_model_output(model, 2, &value), -EINVAL);
	while (!accel_pass_get(passes, &pass))
		passes++;
	CHECK(passes >= 5);
	accel_model_unref(model);
}

/* --- Runs -------------------------------------------------------------------------------- */

static float inputs[IN];

static struct accel_session *session_without(struct bench *b, struct accel_model *model,
					     const char *pass)
{
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_session *session = NULL;

	for (int i = 0; i < IN; i++)
		inputs[i] = (float)(i * 37 % 101 - 50) / 25;
	opts.dims = &(struct accel_model_dim){ "N", BATCH };
	opts.ndims = 1;
	opts.without = &pass;
	opts.nwithout = pass != NULL;
	if (accel_session_create(model, b->queue, &opts, &session))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	return session;
}

/* With each pass left out the bits are the same. */
static void passes(void)
{
	struct accel_model *model = load(onnx_network());
	struct accel_pass_info pass = ACCEL_INIT(pass);
	float want[2][BATCH * 12], got[2][BATCH * 12];
	struct accel_session *session;
	uint32_t card = 0;
	struct bench b;

	REQUIRE(model && bench_open(&b, NULL));
	for (uint32_t i = 0; !i || !accel_pass_get(i - 1, &pass); i++) {
		struct accel_session_info info = ACCEL_INIT(info);

		session = session_without(&b, model, i ? pass.name : NULL);
		REQUIRE(session);
		CHECK(!accel_session_info(session, &info));
		if (!i)
			card = info.card_nodes;
		/* It did something, then. */
		else if (!strcmp(pass.name, "view"))
			CHECK(info.view_nodes == 0 && info.card_nodes > card);
		/* Others have nothing to do here: see t-passes and t-qdq. */
		else if (!strcmp(pass.name, "fold") || !strcmp(pass.name, "activation"))
			CHECK(info.card_nodes > card);
		CHECK_EQ(info.host_nodes, 0);
		CHECK(info.live_bytes <= info.arena_bytes &&
		      info.arena_bytes <= info.live_bytes + info.live_bytes / 10);
		CHECK(!accel_session_write(session, 0, inputs, sizeof(inputs)));
		CHECK(!accel_session_run(session, soon(), NULL));
		for (uint32_t o = 0; o < 2; o++)
			CHECK(!accel_session_read(session, o, i ? got[o] : want[o], sizeof(got[o])));
		if (i && memcmp(want, got, sizeof(want)))
			check_fail(__FILE__, __LINE__, pass.name);
		accel_session_unref(session);
	}
	/* Rows of a softmax add up to one. */
	for (int i = 0; i < BATCH; i++) {
		float sum = 0;

		for (int k = 0; k < 12; k++)
			sum += want[0][i * 12 + k];
		CHECK(sum > 0.9999f && sum < 1.0001f);
	}
	CHECK_EQ(accel_session_create(model, b.queue, &(struct accel_session_opts){
		.sz = sizeof(struct accel_session_opts), .without = (const char *[]){ "nothing" },
		.nwithout = 1 }, &session), -EINVAL);
	accel_model_unref(model);
	bench_close(&b);
}

static void sessions(void)
{
	struct accel_model *model = load(onnx_network());
	struct accel_session *session, *other;
	float first[BATCH * 12], again[BATCH * 12], *in, *out;
	struct accel_value_info value = ACCEL_INIT(value);
	struct accel_buffer *buffer;
	struct accel_result result;
	struct accel_fence *fence;
	struct bench b;

	REQUIRE(model && bench_open(&b, NULL));
	session = session_without(&b, model, NULL);
	other = session_without(&b, model, NULL);
	REQUIRE(session && other);
	accel_model_unref(model);
	CHECK(!accel_session_input(session, 0, &value) && value.dims[0] == BATCH);
	CHECK_EQ(value.size, sizeof(inputs));
	CHECK(!accel_session_output(session, 0, &value) && value.size == sizeof(first));
	CHECK_ERR(accel_session_input(session, 1, &value), -EINVAL);
	CHECK_ERR_TEXT(accel_session_write(session, 0, inputs, 4), -EINVAL, "4 bytes");
	CHECK_ERR_TEXT(accel_session_read(session, 0, first, sizeof(first)), -EINVAL, "no run");
	CHECK(!accel_session_write(session, 0, inputs, sizeof(inputs)));
	CHECK(!accel_session_run(session, soon(), &result));
	CHECK(result.cycles && result.t_end >= result.t_start && !result.error);
	CHECK(!accel_session_read(session, 0, first, sizeof(first)));

	/* asynchronous */
	CHECK(!accel_session_run_async(session, &fence));
	CHECK(!accel_fence_wait(fence, soon()));
	CHECK(!accel_fence_result(fence, NULL));
	accel_fence_unref(fence);
	CHECK(!accel_session_read(session, 0, again, sizeof(again)));
	CHECK(!memcmp(first, again, sizeof(first)));

	/* in the caller's memory */
	buffer = bench_buffer(&b, 16384, &in);
	out = in + 2048;
	CHECK_ERR(accel_session_bind_input(other, 0, buffer, 8), -EINVAL);
	CHECK_ERR(accel_session_bind_input(other, 0, buffer, 16384 - 64), -EINVAL);
	CHECK(!accel_session_bind_input(other, 0, buffer, 0));
	CHECK(!accel_session_bind_output(other, 0, buffer, 8192));
	memcpy(in, inputs, sizeof(inputs));
	CHECK(!accel_session_run(other, soon(), NULL));
	CHECK(!memcmp(out, first, sizeof(first)));
	CHECK(!accel_session_bind_output(other, 0, NULL, 0));
	memset(out, 0, sizeof(first));
	CHECK(!accel_session_run(other, soon(), NULL));
	CHECK_EQ(out[0] == 0, 1);
	CHECK(!accel_session_read(other, 0, again, sizeof(again)));
	CHECK(!memcmp(first, again, sizeof(first)));
	accel_buffer_unref(buffer);
	accel_session_unref(session);
	accel_session_unref(other);
	bench_close(&b);
}

/* A run whose deadline passed keeps the session busy, and its outputs are none. */
static void late(void)
{
	struct accel_model *model = load(onnx_network());
	float y[BATCH * 12];
	struct accel_session *session;
	struct accel_program *hang;
	struct accel_fence *fence;
	struct accel_job job = ACCEL_INIT(job);
	struct bench b;

	REQUIRE(model && bench_open(&b, NULL));
	if (!accel_device_has(b.device, ACCEL_CAP_DEBUG))
		goto out;
	session = session_without(&b, model, NULL);
	REQUIRE(session);
	hang = program_hang(&b, true);
	job.program = hang;
	CHECK(!accel_queue_submit(b.queue, &job, 1, &fence));
	CHECK_ERR(accel_session_run(session, accel_deadline(1000000), NULL), -ETIME);
	CHECK_ERR(accel_session_write(session, 0, inputs, sizeof(inputs)), -EBUSY);
	CHECK_ERR(accel_session_run(session, soon(), NULL), -EBUSY);
	CHECK_ERR(accel_session_read(session, 0, y, sizeof(y)), -EBUSY);
	/* The queue goes, and with it both jobs: the session holds what it needs. */
	accel_program_unref(hang);
	accel_fence_unref(fence);
	accel_session_unref(session);
out:
	accel_model_unref(model);
	bench_close(&b);
}

/* A run that was given up and ended well all the same has no outputs: not all of it may have run. */
static void given_up(void)
{
	enum { SIZE = 768 };
	struct accel_model *model = load(onnx_network());
	struct accel_gemm_op op = ACCEL_INIT(op);
	float y[BATCH * 12];
	struct accel_session *session;
	struct accel_buffer *buffer;
	struct accel_fence *fence;
	struct bench b;

	REQUIRE(model && bench_open(&b, NULL));
	session = session_without(&b, model, NULL);
	REQUIRE(session);
	/* Something that takes longer than the deadline is away. */
	buffer = bench_buffer(&b, SIZE * SIZE * 4 * 2, NULL);
	accel_tensor_init(&op.a, buffer, 0, ACCEL_F32, 2, (uint32_t[]){ SIZE, SIZE });
	op.b = op.a;
	accel_tensor_init(&op.c, buffer, SIZE * SIZE * 4, ACCEL_F32, 2, (uint32_t[]){ SIZE, SIZE });
	CHECK(!accel_gemm_async(b.queue, &op, &fence));
	CHECK_ERR(accel_session_run(session, 0, NULL), -ETIME);
	CHECK(!accel_queue_drain(b.queue, soon()));
	CHECK_ERR(accel_session_read(session, 0, y, sizeof(y)), -ETIME);
	CHECK(!accel_session_run(session, soon(), NULL));
	CHECK(!accel_session_read(session, 0, y, sizeof(y)));
	accel_fence_unref(fence);
	accel_buffer_unref(buffer);
	accel_session_unref(session);
	accel_model_unref(model);
	bench_close(&b);
}

/* Operators on the processor among those on the card. */
static void host(void)
{
	Onnx__ModelProto *m = onnx_model(13);
	struct accel_session_info info = ACCEL_INIT(info);
	float x[2][3] = { { 1, 5, 2 }, { -3, -4, -2 } };
	struct accel_session *session = NULL;
	struct accel_fence *fence;
	struct accel_model *model;
	struct bench b;
	int64_t y[2];

	onnx_input(m, "x", F32, (int64_t[]){ 2, 3, -1 });
	onnx_node(m, "Neg", "x", "n");
	onnx_int(onnx_node(m, "ArgMax", "n", "a"), "axis", 1);
	onnx_longs(m, "two", (int64_t[]){ 2 }, 1);
	onnx_node(m, "Mul", "a two", "d");
	onnx_node(m, "Squeeze", "d one", "y");
	onnx_longs(m, "one", (int64_t[]){ 1 }, 1);
	onnx_output(m, "y", I64);
	model = load(m);
	REQUIRE(model && bench_open(&b, NULL));
	REQUIRE(!accel_session_create(model, b.queue, NULL, &session));
	CHECK(!accel_session_info(session, &info));
	CHECK(info.card_nodes == 2 && info.host_nodes == 1 && info.view_nodes == 1);
	CHECK(!accel_session_write(session, 0, x, sizeof(x)));
	CHECK(!accel_session_run(session, soon(), NULL));
	CHECK(!accel_session_read(session, 0, y, sizeof(y)));
	CHECK(y[0] == 0 && y[1] == 2);
	/* also when nobody waits within the call */
	CHECK(!accel_session_run_async(session, &fence));
	CHECK(!accel_fence_wait(fence, soon()));
	CHECK(!accel_fence_result(fence, NULL));
	accel_fence_unref(fence);
	memset(y, -1, sizeof(y));
	CHECK(!accel_session_read(session, 0, y, sizeof(y)));
	CHECK(y[0] == 0 && y[1] == 2);
	accel_session_unref(session);
	accel_model_unref(model);
	bench_close(&b);
}

/* An index out of range is an error of the run, not a crash or a wrong answer. */
static void index_range(void)
{
	Onnx__ModelProto *m = onnx_model(13);
	struct accel_session *session = NULL;
	struct accel_model *model;
	float x[3] = { 7, 8, 9 }, y[2];
	struct bench b;

	onnx_input(m, "x", F32, (int64_t[]){ 3, -1 });
	onnx_input(m, "i", I64, (int64_t[]){ 2, -1 });
	onnx_node(m, "Gather", "x i", "y");
	onnx_output(m, "y", F32);
	model = load(m);
	REQUIRE(model && bench_open(&b, NULL));
	REQUIRE(!accel_session_create(model, b.queue, NULL, &session));
	CHECK(!accel_session_write(session, 0, x, sizeof(x)));
	CHECK(!accel_session_write(session, 1, (int64_t[]){ -1, 1 }, 16));
	CHECK(!accel_session_run(session, soon(), NULL));
	CHECK(!accel_session_read(session, 0, y, sizeof(y)) && y[0] == 9 && y[1] == 8);
	CHECK(!accel_session_write(session, 1, (int64_t[]){ 0, 3 }, 16));
	CHECK_ERR_TEXT(accel_session_run(session, soon(), NULL), -EINVAL, "index 3");
	CHECK_ERR(accel_session_read(session, 0, y, sizeof(y)), -EINVAL);
	accel_session_unref(session);
	accel_model_unref(model);
	bench_close(&b);
}

/* Each layer once, with figures that add up. */
static void profile(void)
{
	struct accel_model *model = load(onnx_network());
	struct accel_session_info info = ACCEL_INIT(info);
	struct accel_value_info value = ACCEL_INIT(value);
	struct accel_layer_profile layer = ACCEL_INIT(layer);
	float want[BATCH * 12], got[BATCH * 12];
	uint64_t macs = 0, cycles = 0, end = 0;
	struct accel_profile *p = NULL;
	struct accel_session *session;
	struct accel_result result;
	struct bench b;

	REQUIRE(model && bench_open(&b, NULL));
	session = session_without(&b, model, NULL);
	REQUIRE(session);
	CHECK(!accel_session_write(session, 0, inputs, sizeof(inputs)));
	CHECK(!accel_session_run(session, soon(), &result));
	CHECK(!accel_session_read(session, 0, want, sizeof(want)));
	REQUIRE(!accel_profile_create(session, soon(), &p));
	CHECK(!accel_session_read(session, 0, got, sizeof(got)));
	CHECK(!memcmp(want, got, sizeof(want)));
	CHECK(!accel_session_info(session, &info));
	CHECK_EQ(accel_profile_layers(p), info.card_nodes + info.host_nodes);
	for (uint32_t i = 0; i < accel_profile_layers(p); i++) {
		CHECK(!accel_profile_layer(p, i, &layer));
		CHECK(!accel_profile_value(p, i, &value) && value.size);
		CHECK(layer.begin_ns >= end && layer.end_ns >= layer.begin_ns);
		CHECK(layer.cycles && layer.bytes && layer.energy_pj);
		CHECK(layer.utilization >= 0 && layer.utilization <= 1);
		CHECK_EQ(layer.utilization > 0, layer.macs > 0);
		end = layer.end_ns;
		macs += layer.macs;
		cycles += layer.cycles;
	}
	/* 3x3 places of 4 filters of 2x3x3; 12 columns of 16 */
	CHECK_EQ(macs, BATCH * (3 * 3 * 4 * 18 + 12 * 16));
	CHECK_EQ(cycles, result.cycles);
	CHECK_ERR(accel_profile_layer(p, accel_profile_layers(p), &layer), -EINVAL);
	CHECK_ERR(accel_profile_create(NULL, 0, &p), -EINVAL);
	accel_session_unref(session);
	accel_profile_free(p);
	accel_model_unref(model);
	bench_close(&b);
}

static const struct check_test tests[] = {
	TEST(wire), TEST(operators), TEST(greedy), TEST(missing), TEST(info),
	TEST(passes), TEST(sessions), TEST(late), TEST(given_up), TEST(host), TEST(profile), TEST(index_range),
};

CHECK_MAIN(tests)
