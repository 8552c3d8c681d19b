// SPDX-License-Identifier: MIT
/*
 * Operators of models, where ONNX's own tests do not look: other types, edges, refusals.
 */
#include <math.h>

#include "check.h"
#include "onnx.h"

/* A model of one node and its session; everything of it goes with done(). */
struct one {
	struct bench b;
	struct accel_model *model;
	struct accel_session *session;
};

/* The session's error is the return value: 0, or a negative errno. */
static int make(struct one *o, const Onnx__ModelProto *m, const struct accel_session_opts *opts)
{
	size_t size;
	void *data = onnx_bytes(m, &size);
	int ret;

	memset(o, 0, sizeof(*o));
	if (!bench_open(&o->b, NULL)) {
		free(data);
		return 1;
	}
	ret = accel_model_load_memory(data, size, NULL, &o->model);
	free(data);
	if (ret) {
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
		return 1;
	}
	return accel_session_create(o->model, o->b.queue, opts, &o->session);
}

static void done(struct one *o)
{
	accel_session_unref(o->session);
	accel_model_unref(o->model);
	bench_close(&o->b);
}

static bool run(struct one *o)
{
	if (!accel_session_run(o->session, soon(), NULL))
		return true;
	check_fail(__FILE__, __LINE__, accel_last_error()->text);
	return false;
}

/* --- Shapes that are computed from inputs ------------------------------------------------ */

static Onnx__ModelProto *slicing(void)
{
	Onnx__ModelProto *m = onnx_model(13);

	onnx_input(m, "x", F32, (int64_t[]){ 8, -1 });
	onnx_input(m, "from", I64, (int64_t[]){ 1, -1 });
	onnx_input(m, "to", I64, (int64_t[]){ 1, -1 });
	onnx_node(m, "Slice", "x from to", "y");
	onnx_output(m, "y", F32);
	return m;
}

static void fixed(void)
{
	struct accel_model_fixed list[2] = {
		{ "from", (int64_t[]){ 2 }, 8 }, { "to", (int64_t[]){ 5 }, 8 },
	};
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_value_info info = ACCEL_INIT(info);
	float x[8] = { 0, 1, 2, 3, 4, 5, 6, 7 }, y[3];
	Onnx__ModelProto *m = slicing();
	struct accel_buffer *buffer;
	struct one o;

	CHECK_ERR_TEXT(make(&o, m, NULL), -EOPNOTSUPP, "computed from inputs");
	done(&o);
	opts.fixed = list;
	opts.nfixed = 1;
	CHECK_ERR(make(&o, m, &opts), -EOPNOTSUPP);
	done(&o);
	opts.nfixed = 2;
	list[1].size = 4;
	CHECK_ERR_TEXT(make(&o, m, &opts), -EINVAL, "fixed to 4 bytes and has 8");
	done(&o);
	list[1].size = 8;
	list[1].name = "nothing";
	CHECK_ERR_TEXT(make(&o, m, &opts), -EINVAL, "no input 'nothing'");
	done(&o);
	list[1].name = "to";
	list[1].data = NULL;
	CHECK_ERR_TEXT(make(&o, m, &opts), -EINVAL, "fixed[1]");
	done(&o);
	list[1].data = (int64_t[]){ 5 };
	REQUIRE(!make(&o, m, &opts));
	CHECK(!accel_session_output(o.session, 0, &info));
	CHECK_EQ(info.rank, 1);
	CHECK_EQ(info.dims[0], 3);
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
	CHECK(!accel_session_write(o.session, 1, (int64_t[]){ 2 }, 8));
	CHECK_ERR_TEXT(accel_session_write(o.session, 2, (int64_t[]){ 6 }, 8), -EINVAL,
		       "'to' is fixed");
	buffer = bench_buffer(&o.b, 4096, NULL);
	CHECK_ERR_TEXT(accel_session_bind_input(o.session, 1, buffer, 0), -EINVAL, "is fixed");
	accel_buffer_unref(buffer);
	if (run(&o)) {
		CHECK(!accel_session_read(o.session, 0, y, sizeof(y)));
		CHECK(y[0] == 2 && y[1] == 3 && y[2] == 4);
	}
	done(&o);
}

/* --- Losses ------------------------------------------------------------------------------ */

/* What is ignored costs nothing, though it would cost infinitely much, and may be no class. */
static void ignored(void)
{
	float x[6] = { -1, -9, -INFINITY, -3, -4, -6 }, y = 0;
	int64_t classes[3] = { 0, -7, 1 };
	Onnx__ModelProto *m = onnx_model(13);
	Onnx__NodeProto *n;
	struct one o;

	onnx_input(m, "x", F32, (int64_t[]){ 3, 2, -1 });
	onnx_input(m, "t", I64, (int64_t[]){ 3, -1 });
	n = onnx_node(m, "NegativeLogLikelihoodLoss", "x t", "y");
	onnx_int(n, "ignore_index", -7);
	onnx_output(m, "y", F32);
	REQUIRE(!make(&o, m, NULL));
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
	CHECK(!accel_session_write(o.session, 1, classes, sizeof(classes)));
	if (run(&o)) {
		CHECK(!accel_session_read(o.session, 0, &y, sizeof(y)));
		CHECK(y == 3.5f);
	}
	/* Any other number that is no class is an error, not a cost. */
	classes[2] = 2;
	CHECK(!accel_session_write(o.session, 1, classes, sizeof(classes)));
	CHECK_ERR_TEXT(accel_session_run(o.session, soon(), NULL), -EINVAL, "index 2");
	done(&o);
	m->graph->input[1]->type->tensor_type->shape->dim[0]->dim_value = 2;
	CHECK_ERR_TEXT(make(&o, m, NULL), -EINVAL, "do not fit");
	done(&o);
}

static const struct check_test tests[] = {
	TEST(fixed),
	TEST(ignored),
};

CHECK_MAIN(tests)
