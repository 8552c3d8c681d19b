// SPDX-License-Identifier: MIT
/*
 * Models whose end has sizes that a run decides: that it gives what the same operators give of constants, that no
 * run has more than the bound, and what is refused.
 */
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "one.h"
#include "onnx.h"

#define BOXES	24
#define CLASSES	3
#define WIDTH	10
#define SEEN	(4 * (WIDTH - 2) * (WIDTH - 2))

static Onnx__ModelProto *given(const char *op, const char *in, const char *out, int64_t opset)
{
	Onnx__ModelProto *m = onnx_model(opset);

	onnx_node(m, op, in, out);
	return m;
}

static void refused(const Onnx__ModelProto *m, int code, const char *text)
{
	struct one o;

	CHECK_ERR_TEXT(one_make(&o, m, NULL), code, text);
	one_done(&o);
}

static bool shape_is(struct accel_session *s, uint32_t i, const int64_t *dims)
{
	struct accel_value_info v = ACCEL_INIT(v);
	uint32_t rank = 0;

	if (accel_session_shape(s, i, &v)) {
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
		return false;
	}
	for (; dims[rank] != -1; rank++)
		if (rank >= v.rank || v.dims[rank] != dims[rank])
			return false;
	return rank == v.rank && !v.bounded;
}

static bool at_most(struct accel_session *s, uint32_t i, const int64_t *dims)
{
	struct accel_value_info v = ACCEL_INIT(v);
	uint32_t rank = 0;

	if (accel_session_output(s, i, &v))
		return false;
	for (; dims[rank] != -1; rank++)
		if (rank >= v.rank || v.dims[rank] != dims[rank])
			return false;
	return rank == v.rank && v.bounded;
}

/* --- A detector -------------------------------------------------------------------------- */

/* A head that the card computes: boxes and scores of what it sees. */
static void head(Onnx__ModelProto *m)
{
	static float weights[SEEN * BOXES * 4];

	onnx_input(m, "x", F32, (int64_t[]){ 1, 2, WIDTH, WIDTH, -1 });
	onnx_floats(m, "w", (int64_t[]){ 4, 2, 3, 3, -1 }, 3);
	onnx_node(m, "Conv", "x w", "c");
	onnx_node(m, "Relu", "c", "r");
	onnx_node(m, "Flatten", "r", "f");
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
		weights[i] = (float)((int)(i * 7919 % 613) - 306) / 613;
	onnx_raw(m, "wb", F32, (int64_t[]){ SEEN, BOXES * 4, -1 }, weights, SEEN * BOXES * 4 * sizeof(float));
	onnx_raw(m, "ws", F32, (int64_t[]){ SEEN, CLASSES * BOXES, -1 }, weights,
		 SEEN * CLASSES * BOXES * sizeof(float));
	onnx_node(m, "MatMul", "f wb", "flat");
	onnx_node(m, "MatMul", "f ws", "logits");
	onnx_longs(m, "boxed", (int64_t[]){ 1, BOXES, 4 }, 3);
	onnx_longs(m, "scored", (int64_t[]){ 1, CLASSES, BOXES }, 3);
	onnx_node(m, "Reshape", "flat boxed", "boxes");
	onnx_node(m, "Reshape", "logits scored", "raw");
	onnx_node(m, "Sigmoid", "raw", "scores");
}

/* What follows, as exporters write it: which boxes, where they are, of what class, how sure. */
static void select_boxes(Onnx__ModelProto *m, float overlap, float least)
{
	onnx_longs(m, "most", (int64_t[]){ 5 }, 1);
	onnx_raw(m, "overlap", F32, (int64_t[]){ -1 }, &overlap, 4);
	onnx_raw(m, "least", F32, (int64_t[]){ -1 }, &least, 4);
	onnx_node(m, "NonMaxSuppression", "boxes scores most overlap least", "picked");
	onnx_longs(m, "two", (int64_t[]){ 2 }, 1);
	onnx_longs(m, "three", (int64_t[]){ 3 }, 1);
	onnx_longs(m, "one", (int64_t[]){ 1 }, 1);
	onnx_node(m, "Slice", "picked two three one", "column");
	onnx_node(m, "Squeeze", "column one", "which");
	onnx_longs(m, "zero", (int64_t[]){ 0 }, 1);
	onnx_node(m, "Squeeze", "boxes zero", "list");
	onnx_node(m, "Gather", "list which", "found");
	onnx_node(m, "GatherND", "scores picked", "sure");
	onnx_node(m, "Slice", "picked one two one", "middle");
	onnx_node(m, "Squeeze", "middle one", "class64");
	onnx_int(onnx_node(m, "Cast", "class64", "class"), "to", I32);
	onnx_node(m, "Shape", "which", "count");
	onnx_output(m, "picked", I64);
	onnx_output(m, "found", F32);
	onnx_output(m, "sure", F32);
	onnx_output(m, "class", I32);
	onnx_output(m, "count", I64);
	onnx_output(m, "boxes", F32);
	onnx_output(m, "scores", F32);
}

static Onnx__ModelProto *detector(float overlap, float least)
{
	Onnx__ModelProto *m = onnx_model(13);

	head(m);
	select_boxes(m, overlap, least);
	return m;
}

static void picture(int seed, float *x)
{
	for (int i = 0; i < 2 * WIDTH * WIDTH; i++)
		x[i] = (float)((i * 37 + seed * 101) % 61 - 30) / 300;
}

/* All outputs of a run: shapes and elements. */
struct answer {
	int64_t dims[7][3];
	unsigned char data[7][2048];
	size_t size[7];
};

static bool ask(struct accel_session *s, struct answer *a, uint32_t outputs)
{
	memset(a, 0, sizeof(*a));
	for (uint32_t i = 0; i < outputs; i++) {
		struct accel_value_info v = ACCEL_INIT(v);

		if (accel_session_shape(s, i, &v) || v.size > sizeof(a->data[i]) || v.rank > 3 ||
		    accel_session_read(s, i, a->data[i], v.size))
			return false;
		memcpy(a->dims[i], v.dims, v.rank * sizeof(v.dims[0]));
		a->size[i] = v.size;
	}
	return true;
}

/* The same with what the card computed as constants: no size is left to the run. */
static bool of_constants(const struct answer *want, float overlap, float least)
{
	Onnx__ModelProto *m = onnx_model(13);
	struct answer got;
	bool same = false;
	struct one o;

	onnx_raw(m, "boxes", F32, (int64_t[]){ 1, BOXES, 4, -1 }, want->data[5], want->size[5]);
	onnx_raw(m, "scores", F32, (int64_t[]){ 1, CLASSES, BOXES, -1 }, want->data[6], want->size[6]);
	select_boxes(m, overlap, least);
	if (!one_make(&o, m, NULL) && one_run(&o) && ask(o.session, &got, 7))
		same = !memcmp(want, &got, sizeof(got));
	one_done(&o);
	return same;
}

static void detects(void)
{
	static const struct {
		float overlap, least;
		int64_t rows;		/* -1: some */
	} cases[] = {
		{ 0.5f, 0.5f, -1 }, { 0.5f, 1, 0 }, { 1, -1, CLASSES * 5 },
	};
	float x[2 * WIDTH * WIDTH];
	int64_t before = -1;
	bool differ = false;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct accel_session_info info = ACCEL_INIT(info);
		struct one o;

		REQUIRE(!one_make(&o, detector(cases[i].overlap, cases[i].least), NULL));
		CHECK(!accel_session_info(o.session, &info));
		CHECK(info.card_nodes >= 4 && info.host_nodes == 1);
		CHECK(at_most(o.session, 0, (int64_t[]){ CLASSES * 5, 3, -1 }));
		CHECK(at_most(o.session, 1, (int64_t[]){ CLASSES * 5, 4, -1 }));
		CHECK(at_most(o.session, 3, (int64_t[]){ CLASSES * 5, -1 }));
		for (int seed = 0; seed < 8; seed++) {
			struct answer a;

			picture(seed, x);
			CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
			REQUIRE(one_run(&o));
			CHECK(ask(o.session, &a, 7));
			CHECK(cases[i].rows < 0 || a.dims[0][0] == cases[i].rows);
			CHECK(a.dims[0][0] == *(int64_t *)a.data[4] && a.dims[1][0] == a.dims[0][0]);
			CHECK(of_constants(&a, cases[i].overlap, cases[i].least));
			differ |= before >= 0 && a.dims[0][0] != before;
			before = a.dims[0][0];
		}
		one_done(&o);
	}
	CHECK(differ);
}

/* Those that are sure enough, of all classes at once: each class has a place of its own. */
static Onnx__ModelProto *apart(void)
{
	Onnx__ModelProto *m = onnx_model(13);

	onnx_input(m, "boxes", F32, (int64_t[]){ BOXES, 4, -1 });
	onnx_input(m, "scores", F32, (int64_t[]){ BOXES, -1 });
	onnx_input(m, "classes", I64, (int64_t[]){ BOXES, -1 });
	onnx_raw(m, "least", F32, (int64_t[]){ -1 }, (float[]){ 0.3f }, 4);
	onnx_raw(m, "unit", F32, (int64_t[]){ -1 }, (float[]){ 1 }, 4);
	onnx_raw(m, "overlap", F32, (int64_t[]){ -1 }, (float[]){ 0.4f }, 4);
	onnx_longs(m, "zero", (int64_t[]){ 0 }, 1);
	onnx_longs(m, "one", (int64_t[]){ 1 }, 1);
	onnx_longs(m, "two", (int64_t[]){ 2 }, 1);
	onnx_longs(m, "three", (int64_t[]){ 3 }, 1);
	onnx_longs(m, "both", (int64_t[]){ 0, 1 }, 2);
	onnx_longs(m, "most", (int64_t[]){ 1000 }, 1);
	onnx_node(m, "Greater", "scores least", "sure");
	onnx_node(m, "NonZero", "sure", "places");
	onnx_node(m, "Squeeze", "places zero", "at");
	onnx_node(m, "Gather", "boxes at", "some");
	onnx_node(m, "Gather", "scores at", "their");
	onnx_node(m, "Gather", "classes at", "of");
	onnx_int(onnx_node(m, "ReduceMax", "some", "far"), "keepdims", 0);
	onnx_node(m, "Add", "far unit", "step");
	onnx_int(onnx_node(m, "Cast", "of", "number"), "to", F32);
	onnx_node(m, "Mul", "number step", "offset");
	onnx_node(m, "Unsqueeze", "offset one", "column");
	onnx_node(m, "Add", "some column", "moved");
	onnx_node(m, "Unsqueeze", "moved zero", "batch");
	onnx_node(m, "Unsqueeze", "their both", "alone");
	onnx_node(m, "NonMaxSuppression", "batch alone most overlap", "kept");
	onnx_node(m, "Slice", "kept two three one", "last");
	onnx_node(m, "Squeeze", "last one", "keep");
	onnx_node(m, "Gather", "some keep", "y");
	onnx_node(m, "Gather", "of keep", "label");
	onnx_output(m, "y", F32);
	onnx_output(m, "label", I64);
	onnx_output(m, "far", F32);
	return m;
}

static void suppresses_apart(void)
{
	float boxes[BOXES * 4], scores[BOXES];
	int64_t classes[BOXES], before = -1;
	const struct accel_model_fixed list[3] = {
		{ "boxes", boxes, sizeof(boxes) }, { "scores", scores, sizeof(scores) },
		{ "classes", classes, sizeof(classes) },
	};
	struct accel_session_opts opts = ACCEL_INIT(opts);
	bool differ = false;
	struct one o;

	opts.fixed = list;
	opts.nfixed = 3;
	REQUIRE(!one_make(&o, apart(), NULL));
	CHECK(at_most(o.session, 0, (int64_t[]){ BOXES, 4, -1 }));
	for (int seed = 0; seed < 6; seed++) {
		struct answer want, got;
		struct one known;

		for (int i = 0; i < BOXES; i++) {
			for (int k = 0; k < 4; k++)
				boxes[4 * i + k] = (float)((i * 7 + k % 2 * 3 + seed) % 11 + k / 2 * 5);
			scores[i] = (float)((i * 37 + seed * 11) % 100) / 100;
			classes[i] = (i + seed) % CLASSES;
		}
		if (seed == 5)
			memset(scores, 0, sizeof(scores));
		CHECK(!accel_session_write(o.session, 0, boxes, sizeof(boxes)));
		CHECK(!accel_session_write(o.session, 1, scores, sizeof(scores)));
		CHECK(!accel_session_write(o.session, 2, classes, sizeof(classes)));
		REQUIRE(one_run(&o) && ask(o.session, &got, 3));
		CHECK(seed == 5 ? got.dims[0][0] == 0 : got.dims[0][0] > 3);
		differ |= before >= 0 && before != got.dims[0][0];
		before = got.dims[0][0];
		/* With everything known it is constants from end to end. */
		if (CHECK(!one_make(&known, apart(), &opts)) && one_run(&known))
			CHECK(ask(known.session, &want, 3) && !memcmp(&want, &got, sizeof(got)));
		one_done(&known);
	}
	CHECK(differ);
	one_done(&o);
}

/* The least and the largest have the card's bits on the processor, in each type. */
static void extremes(void)
{
	static const int types[] = { F32, F16 };
	static const float x[][4] = {
		{ 0, -0.0f, 0, -0.0f }, { -0.0f, 0, 5, -7 }, { 1, NAN, 3, 2 }, { INFINITY, -INFINITY, 0, 1e-40f },
	};

	for (size_t i = 0; i < 4 * sizeof(types) / sizeof(types[0]); i++) {
		Onnx__ModelProto *m = given("Cast", "x", "c", 13);
		struct answer a;
		struct one o;

		onnx_input(m, "x", F32, (int64_t[]){ 4, -1 });
		onnx_input(m, "n", I64, (int64_t[]){ 1, -1 });
		onnx_longs(m, "zero", (int64_t[]){ 0 }, 1);
		onnx_int(m->graph->node[0], "to", types[i / 4]);
		onnx_node(m, "Slice", "c zero n", "part");
		onnx_node(m, "ReduceMax", "part", "a");
		onnx_node(m, "ReduceMin", "part", "b");
		onnx_node(m, "ReduceMax", "c", "d");
		onnx_node(m, "ReduceMin", "c", "e");
		for (int k = 0; k < 4; k++)
			onnx_output(m, &"a\0b\0d\0e"[2 * k], types[i / 4]);
		REQUIRE(!one_make(&o, m, NULL));
		CHECK(!accel_session_write(o.session, 0, x[i % 4], sizeof(x[0])));
		CHECK(!accel_session_write(o.session, 1, (int64_t[]){ 4 }, 8));
		REQUIRE(one_run(&o) && ask(o.session, &a, 4));
		CHECK(!memcmp(a.data[0], a.data[2], 4) && !memcmp(a.data[1], a.data[3], 4));
		one_done(&o);
	}
}

/* --- The interface ----------------------------------------------------------------------- */

static void interface(void)
{
	static const float some[6] = { 0, 3, 0, 0, 5, 7 }, none[6] = { 0 };
	struct accel_value_info v = ACCEL_INIT(v);
	Onnx__ModelProto *m = given("NonZero", "x", "y", 13);
	int64_t y[13] = { 0 };
	struct accel_buffer *buffer;
	int64_t *p;
	struct one o;

	onnx_input(m, "x", F32, (int64_t[]){ 2, 3, -1 });
	onnx_output(m, "y", I64);
	REQUIRE(!one_make(&o, m, NULL));
	CHECK(at_most(o.session, 0, (int64_t[]){ 2, 6, -1 }));
	CHECK_ERR_TEXT(accel_session_shape(o.session, 0, &v), -EINVAL, "no run");
	CHECK_ERR_TEXT(accel_session_read(o.session, 0, y, sizeof(y)), -EINVAL, "no run");
	CHECK_ERR(accel_session_shape(o.session, 1, &v), -EINVAL);
	CHECK_ERR(accel_session_shape(NULL, 0, &v), -EINVAL);
	CHECK_ERR(accel_session_shape(o.session, 0, NULL), -EINVAL);
	CHECK(!accel_session_write(o.session, 0, some, sizeof(some)) && one_run(&o));
	CHECK(shape_is(o.session, 0, (int64_t[]){ 2, 3, -1 }));
	/* As much as there is, or more: what lies behind stays. */
	y[6] = 99;
	CHECK_ERR_TEXT(accel_session_read(o.session, 0, y, 40), -EINVAL, "which has 48");
	CHECK(!accel_session_read(o.session, 0, y, sizeof(y)) && y[6] == 99);
	CHECK(!memcmp(y, (int64_t[]){ 0, 1, 1, 1, 1, 2 }, 48));
	CHECK(!accel_session_write(o.session, 0, none, sizeof(none)) && one_run(&o));
	CHECK(shape_is(o.session, 0, (int64_t[]){ 2, 0, -1 }));
	CHECK(!accel_session_read(o.session, 0, NULL, 0) && !accel_session_read(o.session, 0, y, 0));
	/* A buffer must be large enough for any run. */
	CHECK(!accel_buffer_alloc(o.b.context, 4096, 0, &buffer));
	CHECK(!accel_buffer_map(buffer, (void **)&p));
	CHECK_ERR(accel_session_bind_output(o.session, 0, buffer, 4032), -EINVAL);
	CHECK(!accel_session_bind_output(o.session, 0, buffer, 0));
	CHECK(!accel_session_write(o.session, 0, some, sizeof(some)) && one_run(&o));
	CHECK(shape_is(o.session, 0, (int64_t[]){ 2, 3, -1 }));
	CHECK(!memcmp(p, (int64_t[]){ 0, 1, 1, 1, 1, 2 }, 48));
	accel_buffer_unref(buffer);
	one_done(&o);
	/* Outputs of known shape have it before and after. */
	m = given("Neg", "x", "y", 13);
	onnx_input(m, "x", F32, (int64_t[]){ 2, 3, -1 });
	onnx_output(m, "y", F32);
	REQUIRE(!one_make(&o, m, NULL));
	CHECK(!accel_session_output(o.session, 0, &v) && !v.bounded);
	CHECK(one_run(&o) && shape_is(o.session, 0, (int64_t[]){ 2, 3, -1 }));
	one_done(&o);
}

/* What needs nothing of the card runs before it: the shape is still there when all is done. */
static void early(void)
{
	Onnx__ModelProto *m = given("NonZero", "x", "y", 13);
	static const float x[6] = { 0, 3, 0, 0, 5, 7 };
	int64_t y[6];
	struct one o;

	onnx_input(m, "x", F32, (int64_t[]){ 2, 3, -1 });
	onnx_node(m, "Exp", "x", "e");
	onnx_node(m, "Softmax", "e", "s");
	onnx_node(m, "Tanh", "s", "t");
	onnx_node(m, "Softmax", "t", "z");
	onnx_output(m, "y", I64);
	onnx_output(m, "z", F32);
	REQUIRE(!one_make(&o, m, NULL));
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)) && one_run(&o));
	CHECK(shape_is(o.session, 0, (int64_t[]){ 2, 3, -1 }));
	CHECK(shape_is(o.session, 1, (int64_t[]){ 2, 3, -1 }));
	CHECK(!accel_session_read(o.session, 0, y, sizeof(y)) && y[2] == 1 && y[5] == 2);
	one_done(&o);
}

/* A run that fails says which node, and the next one is as good as any. */
static void failures(void)
{
	struct accel_value_info v = ACCEL_INIT(v);
	Onnx__ModelProto *m = given("NonZero", "x", "y", 13);
	unsigned char x[4] = { 1, 1, 0, 0 };
	int64_t y[4];
	struct one o;

	onnx_input(m, "x", BOOLEAN, (int64_t[]){ 4, -1 });
	onnx_longs(m, "s", (int64_t[]){ 2, 2 }, 2);
	onnx_node(m, "Reshape", "y s", "z");
	onnx_output(m, "z", I64);
	REQUIRE(!one_make(&o, m, NULL));
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
	CHECK_ERR_TEXT(accel_session_run(o.session, soon(), NULL), -EINVAL, "node 'z' (Reshape)");
	CHECK_ERR(accel_session_shape(o.session, 0, &v), -EINVAL);
	CHECK_ERR(accel_session_read(o.session, 0, y, sizeof(y)), -EINVAL);
	memset(x, 1, sizeof(x));
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)) && one_run(&o));
	CHECK(shape_is(o.session, 0, (int64_t[]){ 2, 2, -1 }));
	CHECK(!accel_session_read(o.session, 0, y, sizeof(y)) && y[3] == 3);
	one_done(&o);
}

#define SESSIONS	4
#define RUNS		12

static void in_flight(void)
{
	struct accel_value_info v = ACCEL_INIT(v);
	Onnx__ModelProto *m = detector(0.5f, 0.5f);
	struct accel_session *sessions[SESSIONS] = { NULL };
	float x[2 * WIDTH * WIDTH];
	struct answer want[RUNS], got;
	struct one o;

	REQUIRE(!one_make(&o, m, NULL));
	for (int i = 0; i < RUNS; i++) {
		picture(i, x);
		CHECK(!accel_session_write(o.session, 0, x, sizeof(x)) && one_run(&o));
		CHECK(ask(o.session, &want[i], 7));
	}
	for (int i = 0; i < SESSIONS; i++)
		REQUIRE(!accel_session_create(o.model, o.b.queue, NULL, &sessions[i]));
	for (int round = 0; round < RUNS; round++) {
		struct accel_fence *fences[SESSIONS];

		for (int i = 0; i < SESSIONS; i++) {
			picture((round + i) % RUNS, x);
			CHECK(!accel_session_write(sessions[i], 0, x, sizeof(x)));
			REQUIRE(!accel_session_run_async(sessions[i], &fences[i]));
		}
		for (int i = 0; i < SESSIONS; i++) {
			int ret = accel_session_shape(sessions[i], 0, &v);

			CHECK(!ret || ret == -EBUSY);
			CHECK(!accel_fence_wait(fences[i], soon()));
			CHECK(!accel_fence_result(fences[i], NULL));
			accel_fence_unref(fences[i]);
			CHECK(ask(sessions[i], &got, 7));
			CHECK(!memcmp(&got, &want[(round + i) % RUNS], sizeof(got)));
		}
	}
	for (int i = 0; i < SESSIONS; i++)
		accel_session_unref(sessions[i]);
	one_done(&o);
}

/* --- Compiled ---------------------------------------------------------------------------- */

static void saved(void)
{
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_model *twin = NULL;
	struct accel_session *s = NULL;
	float x[2 * WIDTH * WIDTH];
	struct answer want, got;
	struct one o;
	int fd = memfd_create("compiled", MFD_CLOEXEC);

	REQUIRE(!one_make(&o, detector(0.5f, 0.5f), NULL));
	CHECK(!accel_model_save_fd(o.model, NULL, &opts, fd) && !lseek(fd, 0, SEEK_SET));
	REQUIRE(!accel_model_load_fd(fd, NULL, &twin));
	REQUIRE(!accel_session_create(twin, o.b.queue, NULL, &s));
	CHECK(at_most(s, 0, (int64_t[]){ CLASSES * 5, 3, -1 }));
	for (int i = 0; i < 4; i++) {
		picture(i, x);
		CHECK(!accel_session_write(o.session, 0, x, sizeof(x)) && one_run(&o));
		CHECK(!accel_session_write(s, 0, x, sizeof(x)) && !accel_session_run(s, soon(), NULL));
		CHECK(ask(o.session, &want, 7) && ask(s, &got, 7) && !memcmp(&want, &got, sizeof(got)));
	}
	accel_session_unref(s);
	accel_model_unref(twin);
	one_done(&o);
	close(fd);
}

/* --- Bounds ------------------------------------------------------------------------------ */

#define ELEMENTS	5

/* Runs a model of one BOOL input with any number of true elements: shapes are never above the bound. */
static void try_all(struct bench *b, const Onnx__ModelProto *m, int64_t (*want)(int n, void *arg), void *arg)
{
	struct accel_value_info most = ACCEL_INIT(most), v = ACCEL_INIT(v);
	struct accel_session *session = NULL;
	struct accel_model *model = NULL;
	size_t size;
	void *data = onnx_bytes(m, &size);

	if (accel_model_load_memory(data, size, NULL, &model) ||
	    accel_session_create(model, b->queue, NULL, &session)) {
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
		accel_model_unref(model);
		free(data);
		return;
	}
	CHECK(!accel_session_output(session, 0, &most) && most.bounded);
	for (int n = 0; n <= ELEMENTS; n++) {
		unsigned char x[ELEMENTS] = { 0 };

		memset(x, 1, (size_t)n);
		CHECK(!accel_session_write(session, 0, x, sizeof(x)));
		if (!CHECK(!accel_session_run(session, soon(), NULL) && !accel_session_shape(session, 0, &v))) {
			printf("# %d elements: %s\n", n, accel_last_error()->text);
			continue;
		}
		for (uint32_t i = 0; i < v.rank; i++)
			CHECK(v.dims[i] <= most.dims[i]);
		if (!CHECK_EQ(v.dims[v.rank - 1], want(n, arg)))
			printf("# %d elements, %lld at most\n", n, (long long)most.dims[v.rank - 1]);
	}
	accel_session_unref(session);
	accel_model_unref(model);
	free(data);
}

/* As Python does it. */
static int64_t sliced(int n, void *arg)
{
	const int64_t *a = arg, step = a[2];
	int64_t s = a[0] < 0 ? a[0] + n : a[0], e = a[1] < 0 ? a[1] + n : a[1], count = 0;

	if (step > 0) {
		s = s < 0 ? 0 : s;
		e = e > n ? n : e;
		for (; s < e; s += step)
			count++;
		return count;
	}
	/* Where ONNX and Python differ: a start before the first is the first. */
	s = s >= n ? n - 1 : s < 0 ? (n ? 0 : -1) : s;
	e = e < 0 ? -1 : e;
	for (; s > e; s += step)
		count++;
	return count;
}

static Onnx__ModelProto *some(void)
{
	Onnx__ModelProto *m = given("NonZero", "x", "y", 13);

	onnx_input(m, "x", BOOLEAN, (int64_t[]){ ELEMENTS, -1 });
	return m;
}

static void slices(void)
{
	static const int64_t steps[] = { 1, 2, -1, -3 };
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	for (int64_t start = -6; start <= 6; start += 2) {
		for (int64_t end = -7; end <= 6; end++) {
			for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
				int64_t at[3] = { start, end, steps[i] };
				Onnx__ModelProto *m = some();

				onnx_longs(m, "s", at, 1);
				onnx_longs(m, "e", at + 1, 1);
				onnx_longs(m, "a", (int64_t[]){ 1 }, 1);
				onnx_longs(m, "by", at + 2, 1);
				onnx_node(m, "Slice", "y s e a by", "z");
				onnx_output(m, "z", I64);
				try_all(&b, m, sliced, at);
			}
		}
	}
	bench_close(&b);
}

static int64_t times(int n, void *arg)
{
	return n * *(int64_t *)arg;
}

static int64_t least(int n, void *arg)
{
	return n < *(int64_t *)arg ? n : *(int64_t *)arg;
}

/* Numbers that are made of shapes: their bounds are those of what is made of them. */
static void numbers(void)
{
	int64_t three = 3, one = 1;
	Onnx__ModelProto *m = some();
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	/* y has [1, n]: n, as exporters write it. */
	onnx_longs(m, "i", &one, 1);
	onnx_node(m, "Shape", "y", "s");
	onnx_node(m, "Gather", "s i", "n");
	onnx_longs(m, "k", &three, 1);
	onnx_node(m, "Mul", "n k", "kn");
	onnx_node(m, "ConstantOfShape", "kn", "z");
	onnx_output(m, "z", F32);
	try_all(&b, m, times, &three);
	m->graph->n_output = 0;
	onnx_longs(m, "start", (int64_t[]){ 0 }, 1)->n_dims = 0;
	onnx_longs(m, "none", NULL, 0);
	onnx_node(m, "Reshape", "n none", "limit");
	onnx_longs(m, "step", &one, 1)->n_dims = 0;
	onnx_node(m, "Range", "start limit step", "r");
	onnx_output(m, "r", I64);
	try_all(&b, m, times, &one);
	m->graph->n_output = 0;
	onnx_node(m, "Min", "n k", "few");
	onnx_node(m, "TopK", "y few", "top at");
	onnx_output(m, "top", I64);
	try_all(&b, m, least, &three);
	m->graph->output[0]->name = (char *)"part";
	onnx_longs(m, "from", (int64_t[]){ 0 }, 1);
	onnx_node(m, "Slice", "y from few i", "part");
	try_all(&b, m, least, &three);
	m->graph->output[0]->name = (char *)"e";
	onnx_longs(m, "w", (int64_t[]){ 7 }, 1);
	onnx_node(m, "Expand", "w kn", "e");
	try_all(&b, m, times, &three);
	m->graph->output[0]->name = (char *)"t";
	onnx_node(m, "Tile", "k n", "t");
	try_all(&b, m, times, &one);
	m->graph->output[0]->name = (char *)"again";
	onnx_longs(m, "both", (int64_t[]){ 1 }, 1);
	onnx_int(onnx_node(m, "Concat", "both n", "to"), "axis", 0);
	m->opset_import[0]->version = 14;
	onnx_int(onnx_node(m, "Reshape", "r to", "again"), "allowzero", 1);
	try_all(&b, m, times, &one);
	bench_close(&b);
}

/* Roots of which a run tells how much there is left, and that nobody could tell before. */
static void open_numbers(void)
{
	static const float x[ELEMENTS] = { 3, 1, 4, 1, 5 };
	Onnx__ModelProto *m = given("TopK", "x k", "y i", 13);
	int64_t n = 2, range[2] = { 1, 4 };
	float y[ELEMENTS];
	struct one o;

	onnx_input(m, "x", F32, (int64_t[]){ ELEMENTS, -1 });
	onnx_input(m, "k", I64, (int64_t[]){ 1, -1 });
	onnx_output(m, "y", F32);
	REQUIRE(!one_make(&o, m, NULL));
	CHECK(at_most(o.session, 0, (int64_t[]){ ELEMENTS, -1 }));
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)) && !accel_session_write(o.session, 1, &n, 8));
	CHECK(one_run(&o) && shape_is(o.session, 0, (int64_t[]){ 2, -1 }));
	CHECK(!accel_session_read(o.session, 0, y, 8) && y[0] == 5 && y[1] == 4);
	n = ELEMENTS + 1;
	CHECK(!accel_session_write(o.session, 1, &n, 8));
	CHECK_ERR_TEXT(accel_session_run(o.session, soon(), NULL), -EINVAL, "first 6 of 5");
	one_done(&o);
	m = given("Slice", "x s e", "y", 13);
	onnx_input(m, "x", F32, (int64_t[]){ ELEMENTS, -1 });
	onnx_input(m, "s", I64, (int64_t[]){ 1, -1 });
	onnx_input(m, "e", I64, (int64_t[]){ 1, -1 });
	onnx_output(m, "y", F32);
	REQUIRE(!one_make(&o, m, NULL));
	CHECK(at_most(o.session, 0, (int64_t[]){ ELEMENTS, -1 }));
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
	CHECK(!accel_session_write(o.session, 1, range, 8) && !accel_session_write(o.session, 2, range + 1, 8));
	CHECK(one_run(&o) && shape_is(o.session, 0, (int64_t[]){ 3, -1 }));
	CHECK(!accel_session_read(o.session, 0, y, 12) && y[0] == 1 && y[2] == 1);
	one_done(&o);
}

/* --- Refusals ---------------------------------------------------------------------------- */

static Onnx__ModelProto *floats(void)
{
	Onnx__ModelProto *m = given("Unique", "x", "u", 13);

	onnx_input(m, "x", F32, (int64_t[]){ 6, -1 });
	return m;
}

static void refusals(void)
{
	Onnx__ModelProto *m, *body;

	/* The card's alone, and of no known bound. */
	m = floats();
	onnx_node(m, "Exp", "u", "y");
	onnx_output(m, "y", F32);
	refused(m, -EOPNOTSUPP, "node 'y' (Exp): it is sized by a run, and the processor");
	m = floats();
	onnx_node(m, "MatMul", "u u", "y");
	onnx_output(m, "y", F32);
	refused(m, -EOPNOTSUPP, "node 'y' (MatMul): it takes sizes that a run");
	/* What nobody needs is no reason. */
	onnx_output(m, "u", F32);
	m->graph->output[0] = m->graph->output[1];
	m->graph->n_output = 1;
	CHECK(one_gives(m, (float[]){ 2, 1, 2, 1, 1, 2 }, 24, (float[]){ 1, 2 }, 8));
	m = some();
	onnx_node(m, "Squeeze", "y", "z");
	onnx_output(m, "z", I64);
	refused(m, -EOPNOTSUPP, "which of its axes have one element");
	/* Less is more: parts of 6 are 2, 2 and 2, of 5 they are 2, 2 and 1. */
	m = some();
	m->opset_import[0]->version = 18;
	onnx_int(onnx_node(m, "Split", "y", "a b c"), "axis", 1);
	onnx_int(m->graph->node[1], "num_outputs", 3);
	onnx_output(m, "c", I64);
	refused(m, -EOPNOTSUPP, "size of its last part");
	m = some();
	onnx_longs(m, "one", (int64_t[]){ 1 }, 1);
	onnx_longs(m, "open", (int64_t[]){ -1 }, 1);
	onnx_floats(m, "w", (int64_t[]){ 60, -1 }, 1);
	onnx_node(m, "Shape", "y", "s");
	onnx_node(m, "Gather", "s one", "n");
	onnx_int(onnx_node(m, "Concat", "n open", "to"), "axis", 0);
	onnx_node(m, "Reshape", "w to", "z");
	onnx_output(m, "z", F32);
	refused(m, -EOPNOTSUPP, "node 'z' (Reshape)");
	m->graph->n_node -= 2;
	onnx_longs(m, "many", (int64_t[]){ 60 }, 1);
	onnx_node(m, "Div", "many n", "d");
	onnx_node(m, "ConstantOfShape", "d", "z");
	refused(m, -EOPNOTSUPP, "node 'z' (ConstantOfShape)");
	m->graph->node[3]->op_type = (char *)"Sub";
	refused(m, -EOPNOTSUPP, "node 'z' (ConstantOfShape)");
	/* A negative number counts down. */
	m->graph->node[3]->op_type = (char *)"Mul";
	m->graph->node[3]->input[0] = (char *)"open";
	refused(m, -EOPNOTSUPP, "node 'z' (ConstantOfShape)");
	m->graph->node[3]->op_type = (char *)"Add";
	refused(m, -EOPNOTSUPP, "node 'z' (ConstantOfShape)");
	/* The least of fewer numbers may be more. */
	m = some();
	onnx_longs(m, "zero", (int64_t[]){ 0 }, 1);
	onnx_longs(m, "one", (int64_t[]){ 1 }, 1);
	onnx_longs(m, "both", (int64_t[]){ 60, 2 }, 2);
	onnx_node(m, "Shape", "y", "s");
	onnx_node(m, "Gather", "s one", "n");
	onnx_int(onnx_node(m, "Concat", "both n", "all"), "axis", 0);
	onnx_node(m, "Slice", "all zero n", "some");
	onnx_node(m, "ReduceMin", "some", "least");
	onnx_node(m, "ConstantOfShape", "least", "z");
	onnx_output(m, "z", F32);
	refused(m, -EOPNOTSUPP, "node 'z' (ConstantOfShape)");
	m = some();
	onnx_longs(m, "start", (int64_t[]){ 0 }, 1)->n_dims = 0;
	onnx_longs(m, "step", (int64_t[]){ -1 }, 1)->n_dims = 0;
	onnx_longs(m, "none", NULL, 0);
	onnx_longs(m, "one", (int64_t[]){ 1 }, 1);
	onnx_node(m, "Shape", "y", "s");
	onnx_node(m, "Gather", "s one", "n");
	onnx_node(m, "Reshape", "n none", "limit");
	onnx_node(m, "Range", "start limit step", "z");
	onnx_output(m, "z", I64);
	refused(m, -EOPNOTSUPP, "node 'z' (Range)");
	/* With as many elements as there may be it cannot be. */
	m = floats();
	onnx_floats(m, "w", (int64_t[]){ 4, -1 }, 1);
	onnx_node(m, "Add", "u w", "y");
	onnx_output(m, "y", F32);
	refused(m, -EOPNOTSUPP, "do not broadcast");
	/* Graphs within graphs do not end. */
	m = some();
	body = onnx_model(13);
	onnx_node(body, "Neg", "y", "in");
	onnx_output(body, "in", I64);
	onnx_raw(m, "c", BOOLEAN, (int64_t[]){ -1 }, (unsigned char[]){ 1 }, 1);
	onnx_graph_in(onnx_node(m, "If", "c", "z"), "then_branch", body);
	onnx_graph_in(m->graph->node[1], "else_branch", body);
	onnx_output(m, "z", I64);
	refused(m, -EOPNOTSUPP, "within another node's graph");
	body->graph->n_node = 0;
	body->graph->output[0]->name = (char *)"y";
	refused(m, -EOPNOTSUPP, "within another node's graph");
}

/* More outputs than one node has. */
static void many_outputs(void)
{
	Onnx__ModelProto *m = some();
	static char names[65][8];

	for (int i = 0; i < 65; i++) {
		snprintf(names[i], sizeof(names[i]), "z%d", i);
		onnx_node(m, "Neg", "y", names[i]);
		onnx_output(m, names[i], I64);
	}
	refused(m, -EOPNOTSUPP, "more than 64 outputs");
	m->graph->n_output = 64;
	CHECK(one_gives(m, (unsigned char[]){ 0, 1, 0, 0, 1 }, 5, (int64_t[]){ -1, -4 }, 16));
	/* One of them twice. */
	m->graph->output[1] = m->graph->output[0];
	CHECK(one_gives(m, (unsigned char[]){ 0, 1, 0, 0, 1 }, 5, (int64_t[]){ -1, -4 }, 16));
}

static void no_batches(void)
{
	Onnx__ModelProto *m = given("NonZero", "x", "y", 13);
	struct accel_batcher *batcher;
	struct accel_model *model;
	struct bench b;
	size_t size;
	void *data;

	onnx_input(m, "x", F32, (int64_t[]){ -2, 3, -1 });
	onnx_output(m, "y", I64);
	data = onnx_bytes(m, &size);
	REQUIRE(bench_open(&b, NULL) && !accel_model_load_memory(data, size, NULL, &model));
	CHECK_ERR_TEXT(accel_batcher_create(model, b.queue, NULL, &batcher), -EOPNOTSUPP, "a run decides how many");
	accel_model_unref(model);
	free(data);
	bench_close(&b);
}

int main(void)
{
	static const struct check_test tests[] = {
		TEST(detects), TEST(suppresses_apart), TEST(extremes), TEST(interface), TEST(early), TEST(failures),
		TEST(in_flight), TEST(saved), TEST(slices),
		TEST(numbers), TEST(open_numbers), TEST(refusals), TEST(many_outputs), TEST(no_batches),
	};

	return check_main(tests, sizeof(tests) / sizeof(tests[0]));
}
