// SPDX-License-Identifier: MIT
/*
 * Requests that are put together: which models allow it, and that nobody notices.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "onnx.h"

static struct accel_model *model_of(const Onnx__ModelProto *m)
{
	struct accel_model *model = NULL;
	size_t size;
	void *data = onnx_bytes(m, &size);

	if (accel_model_load_memory(data, size, NULL, &model))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	free(data);
	return model;
}

/* What the models of the tests are compiled for first, into a file that is loaded; 0: they are not. */
static int64_t compiled_rows;

/* The model as a file has it that was compiled for so many rows of all inputs. */
static struct accel_model *compiled_of(struct accel_model *model, int64_t rows)
{
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_model_info info = ACCEL_INIT(info);
	struct accel_model_dim dims[4];
	char names[4][32];
	struct accel_model *out = NULL;
	int fd = memfd_create("compiled", MFD_CLOEXEC);

	if (accel_model_info(model, &info) || info.inputs > 4)
		exit(1);
	for (uint32_t i = 0; i < info.inputs; i++) {
		struct accel_value_info v = ACCEL_INIT(v);

		CHECK(!accel_model_input(model, i, &v));
		snprintf(names[i], sizeof(names[i]), "%s:0", v.name);
		dims[i] = (struct accel_model_dim){ names[i], rows };
	}
	opts.dims = dims;
	opts.ndims = info.inputs;
	if (accel_model_save_fd(model, NULL, &opts, fd) || lseek(fd, 0, SEEK_SET) ||
	    accel_model_load_fd(fd, NULL, &out))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	close(fd);
	accel_model_unref(model);
	return out;
}

static int batcher_of(struct bench *b, const Onnx__ModelProto *m, uint32_t rows, uint64_t delay,
		      struct accel_batcher **batcher)
{
	struct accel_batcher_opts opts = ACCEL_INIT(opts);
	struct accel_model *model = model_of(m);
	int ret;

	if (compiled_rows)
		model = compiled_of(model, compiled_rows);

	opts.max_rows = rows;
	opts.max_delay_ns = delay;
	ret = accel_batcher_create(model, b->queue, &opts, batcher);
	accel_model_unref(model);
	return ret;
}

/* --- Which models ------------------------------------------------------------------------ */

static Onnx__ModelProto *one_input(const int64_t *dims)
{
	Onnx__ModelProto *m = onnx_model(13);

	onnx_input(m, "x", F32, dims);
	onnx_output(m, "y", F32);
	return m;
}

static void refused(void)
{
	struct accel_batcher *batcher = NULL;
	Onnx__ModelProto *m;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
#define REFUSED(m, why) \
	do { \
		CHECK_ERR_TEXT(batcher_of(&b, (m), 4, 0, &batcher), -EOPNOTSUPP, why); \
		accel_batcher_free(batcher); \
		batcher = NULL; \
	} while (0)
	m = one_input((int64_t[]){ -2, 3, -1 });
	onnx_int(onnx_node(m, "Softmax", "x", "y"), "axis", 0);
	REFUSED(m, "along the batch");
	m = one_input((int64_t[]){ -2, 3, -1 });
	onnx_ints(onnx_node(m, "ReduceMax", "x", "r"), "axes", (int64_t[]){ 0 }, 1);
	onnx_node(m, "Add", "x r", "y");
	REFUSED(m, "along the batch");
	/* its size is a factor */
	m = one_input((int64_t[]){ -2, 3, -1 });
	onnx_node(m, "Shape", "x", "s");
	onnx_longs(m, "zero", (int64_t[]){ 0 }, 1);
	onnx_node(m, "Gather", "s zero", "n");
	onnx_int(onnx_node(m, "Cast", "n", "f"), "to", F32);
	onnx_node(m, "Mul", "x f", "y");
	REFUSED(m, "constant depends on the size");
	/* of the two elements of each row, all of the first half of the rows */
	m = one_input((int64_t[]){ -2, 2, -1 });
	onnx_longs(m, "zero", (int64_t[]){ 0 }, 1);
	onnx_longs(m, "one", (int64_t[]){ 1 }, 1);
	onnx_longs(m, "flat", (int64_t[]){ -1 }, 1);
	onnx_node(m, "Shape", "x", "s");
	onnx_node(m, "Slice", "s zero one", "n");
	onnx_node(m, "Reshape", "x flat", "f");
	onnx_node(m, "Slice", "f zero n", "y");
	REFUSED(m, "cuts the batch");
	/* indices are of the first half only, of which each row has two */
	m = one_input((int64_t[]){ -2, 2, 5, -1 });
	onnx_longs(m, "first", (int64_t[]){ 0, 0 }, 2);
	onnx_longs(m, "last", (int64_t[]){ 1, 3 }, 2);
	onnx_longs(m, "axes", (int64_t[]){ 1, 2 }, 2);
	onnx_longs(m, "fives", (int64_t[]){ -1, 5 }, 2);
	onnx_longs(m, "threes", (int64_t[]){ -1, 3 }, 2);
	onnx_node(m, "Reshape", "x fives", "table");
	onnx_node(m, "Slice", "x first last axes", "some");
	onnx_int(onnx_node(m, "Cast", "some", "numbers"), "to", I64);
	onnx_node(m, "Reshape", "numbers threes", "indices");
	onnx_int(onnx_node(m, "GatherElements", "table indices", "y"), "axis", 1);
	REFUSED(m, "cuts the batch");
	/* elements are numbered */
	m = one_input((int64_t[]){ -2, 1, -1 });
	onnx_node(m, "Shape", "x", "s");
	onnx_node(m, "ConstantOfShape", "s", "c");
	onnx_longs(m, "axis", (int64_t[]){ 0 }, 1);
	onnx_node(m, "Add", "c one", "d");
	onnx_floats(m, "one", (int64_t[]){ 1, -1 }, 3);
	m->graph->node[2]->input[1] = m->graph->initializer[1]->name;
	onnx_int(onnx_node(m, "CumSum", "d axis", "e"), "exclusive", 1);
	onnx_node(m, "Add", "x e", "y");
	CHECK_EQ(batcher_of(&b, m, 4, 0, &batcher), -EOPNOTSUPP);
	accel_batcher_free(batcher);
	batcher = NULL;
	/* turned over */
	m = one_input((int64_t[]){ -2, 3, -1 });
	onnx_node(m, "Flatten", "x", "a");
	onnx_ints(onnx_node(m, "Transpose", "a", "t"), "perm", (int64_t[]){ 1, 0 }, 2);
	onnx_longs(m, "shape", (int64_t[]){ -1, 3 }, 2);
	onnx_node(m, "Reshape", "t shape", "y");
	REFUSED(m, "batch");
	/* products of the batch with itself */
	m = one_input((int64_t[]){ -2, 3, -1 });
	onnx_ints(onnx_node(m, "Transpose", "x", "t"), "perm", (int64_t[]){ 1, 0 }, 2);
	onnx_node(m, "MatMul", "x t", "y");
	REFUSED(m, "factors");
	m = one_input((int64_t[]){ -2, 3, -1 });
	onnx_ints(onnx_node(m, "Transpose", "x", "t"), "perm", (int64_t[]){ 1, 0 }, 2);
	onnx_node(m, "MatMul", "t x", "y");
	REFUSED(m, "sums along the batch");
	/* places are counted through all images */
	m = one_input((int64_t[]){ -2, 1, 4, 4, -1 });
	onnx_ints(onnx_node(m, "MaxPool", "x", "p i"), "kernel_shape", (int64_t[]){ 2, 2 }, 2);
	onnx_int(onnx_node(m, "Cast", "i", "y"), "to", F32);
	REFUSED(m, "places");
	/* regions tell which image they are of */
	m = one_input((int64_t[]){ -2, 1, 4, 4, -1 });
	onnx_raw(m, "r", F32, (int64_t[]){ 1, 4, -1 }, (float[]){ 0, 0, 2, 2 }, 16);
	onnx_longs(m, "k", (int64_t[]){ 0 }, 1);
	onnx_node(m, "RoiAlign", "x r k", "y");
	REFUSED(m, "looks up along the batch");
	m = one_input((int64_t[]){ -2, 3, -1 });
	onnx_raw(m, "k", I64, (int64_t[]){ 1, 1, -1 }, (int64_t[]){ 0 }, 8);
	onnx_floats(m, "u", (int64_t[]){ 1, 3, -1 }, 3);
	onnx_node(m, "ScatterND", "x k u", "y");
	REFUSED(m, "looks up along the batch");
	m = one_input((int64_t[]){ -2, 3, 1, -1 });
	onnx_raw(m, "n", I64, (int64_t[]){ -1 }, (int64_t[]){ 4 }, 8);
	onnx_int(onnx_node(m, "DFT", "x n", "y"), "axis", 0);
	m->opset_import[0]->version = 17;
	REFUSED(m, "works along the batch");
	/* the batch is not what the output begins with */
	m = one_input((int64_t[]){ -2, 3, -1 });
	onnx_ints(onnx_node(m, "Transpose", "x", "y"), "perm", (int64_t[]){ 1, 0 }, 2);
	REFUSED(m, "output 'y'");
	m = one_input((int64_t[]){ 5, 3, -1 });
	onnx_node(m, "Neg", "x", "y");
	CHECK_ERR_TEXT(batcher_of(&b, m, 4, 0, &batcher), -EINVAL, "not open");
	/* a batch of one needs no proof */
	m = one_input((int64_t[]){ -2, 3, -1 });
	onnx_int(onnx_node(m, "Softmax", "x", "y"), "axis", 0);
	CHECK(!batcher_of(&b, m, 1, 0, &batcher));
	accel_batcher_free(batcher);
	bench_close(&b);
}

/* A file has one size, and what it says of others is for the reader to find out. */
static void refused_compiled(void)
{
	struct accel_batcher *batcher = NULL;
	Onnx__ModelProto *m;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	for (compiled_rows = 1; compiled_rows <= 3; compiled_rows += 2) {
		m = one_input((int64_t[]){ -2, 3, -1 });
		onnx_int(onnx_node(m, "Softmax", "x", "y"), "axis", 0);
		REFUSED(m, "along the batch");
		m = one_input((int64_t[]){ -2, 3, -1 });
		onnx_ints(onnx_node(m, "Transpose", "x", "t"), "perm", (int64_t[]){ 1, 0 }, 2);
		onnx_node(m, "MatMul", "x t", "y");
		REFUSED(m, "factors");
		m = one_input((int64_t[]){ -2, 3, -1 });
		onnx_ints(onnx_node(m, "Transpose", "x", "y"), "perm", (int64_t[]){ 1, 0 }, 2);
		REFUSED(m, "output 'y'");
		m = one_input((int64_t[]){ -2, 1, 4, 4, -1 });
		onnx_ints(onnx_node(m, "MaxPool", "x", "p i"), "kernel_shape", (int64_t[]){ 2, 2 }, 2);
		onnx_int(onnx_node(m, "Cast", "i", "y"), "to", F32);
		REFUSED(m, "places");
	}
	/* each row has a constant of its own */
	compiled_rows = 3;
	m = one_input((int64_t[]){ 3, 4, -1 });
	onnx_floats(m, "c", (int64_t[]){ 3, 4, -1 }, 1);
	onnx_node(m, "Add", "x c", "y");
	CHECK_EQ(batcher_of(&b, m, 4, 0, &batcher), -EOPNOTSUPP);
	accel_batcher_free(batcher);
	batcher = NULL;
	/* one row is cut off, or looked up, or put at the end */
	m = one_input((int64_t[]){ 3, 4, -1 });
	onnx_longs(m, "k", (int64_t[]){ 2, 0, 1 }, 3);
	onnx_node(m, "Gather", "x k", "y");
	REFUSED(m, "looks up along the batch");
	m = one_input((int64_t[]){ 3, 4, -1 });
	onnx_longs(m, "flat", (int64_t[]){ 4, 3 }, 2);
	onnx_longs(m, "back", (int64_t[]){ 3, 4 }, 2);
	onnx_node(m, "Reshape", "x flat", "f");
	onnx_int(onnx_node(m, "CumSum", "f one", "c"), "reverse", 1);
	onnx_longs(m, "one", (int64_t[]){ 0 }, 1);
	onnx_node(m, "Reshape", "c back", "y");
	REFUSED(m, "batch");
	/* one element of the three of the only row is cut off; of more rows it would be the last ones */
	compiled_rows = 1;
	m = one_input((int64_t[]){ 1, 3, -1 });
	onnx_longs(m, "zero", (int64_t[]){ 0 }, 1);
	onnx_longs(m, "two", (int64_t[]){ 2 }, 1);
	onnx_longs(m, "flat", (int64_t[]){ 3 }, 1);
	onnx_longs(m, "back", (int64_t[]){ 1, 2 }, 2);
	onnx_node(m, "Reshape", "x flat", "f");
	onnx_node(m, "Slice", "f zero two", "c");
	onnx_node(m, "Reshape", "c back", "y");
	REFUSED(m, "cuts the batch");
	compiled_rows = 0;
	bench_close(&b);
}

/* --- Results ----------------------------------------------------------------------------- */

#define ROWS	13
#define MOST	4096

/* All rows alone, then together in one go, then in pieces from several threads: the same bits. */
static float elements[ROWS * MOST], alone[ROWS * MOST], together[ROWS * MOST];

struct piece {
	pthread_t id;
	struct accel_batcher *batcher;
	uint32_t from, rows;
	size_t in, out;
	int ret;
};

static void *hand_in(void *arg)
{
	struct piece *p = arg;
	struct accel_batch_request r = ACCEL_INIT(r);

	r.inputs = (const void *[]){ elements + p->from * p->in };
	r.outputs = (void *[]){ together + p->from * p->out, NULL };
	r.rows = p->rows;
	p->ret = accel_batcher_run(p->batcher, &r, NULL);
	return NULL;
}

static void compare(struct bench *b, const Onnx__ModelProto *m)
{
	struct accel_value_info in = ACCEL_INIT(in), out = ACCEL_INIT(out);
	struct accel_batch_request r = ACCEL_INIT(r);
	struct accel_batcher_info info = ACCEL_INIT(info);
	struct accel_model *model = model_of(m);
	struct accel_session *session = NULL;
	struct accel_batcher *batcher = NULL;
	struct piece pieces[ROWS];
	uint32_t n = 0;

	REQUIRE(model && !accel_session_create(model, b->queue, NULL, &session));
	if (!CHECK_EQ(batcher_of(b, m, 16, 0, &batcher), 0)) {
		printf("# %s\n", accel_last_error()->text);
		return;
	}
	CHECK(!accel_batcher_input(batcher, 0, &in) && !accel_batcher_output(batcher, 0, &out));
	REQUIRE(in.size <= MOST * 4 && out.size <= MOST * 4);
	for (size_t i = 0; i < ROWS * in.size / 4; i++)
		elements[i] = (float)((int)(i * 7919 % 613) - 300) / 100;
	for (uint32_t i = 0; i < ROWS; i++) {
		CHECK(!accel_session_write(session, 0, elements + i * in.size / 4, in.size));
		CHECK(!accel_session_run(session, soon(), NULL));
		CHECK(!accel_session_read(session, 0, alone + i * out.size / 4, out.size));
	}
	memset(together, 0xff, sizeof(together));
	r.inputs = (const void *[]){ elements };
	r.outputs = (void *[]){ together, NULL };
	r.rows = ROWS;
	CHECK(!accel_batcher_run(batcher, &r, NULL));
	CHECK(!memcmp(alone, together, ROWS * out.size));
	CHECK(!accel_batcher_info(batcher, &info));
	CHECK(info.batches == 1 && info.rows == ROWS && info.padding == 16 - ROWS);
	memset(together, 0xff, sizeof(together));
	for (uint32_t at = 0; at < ROWS; n++) {
		uint32_t rows = n % 3 + 1 < ROWS - at ? n % 3 + 1 : ROWS - at;

		pieces[n] = (struct piece){ .batcher = batcher, .from = at, .rows = rows,
					    .in = in.size / 4, .out = out.size / 4 };
		CHECK(!pthread_create(&pieces[n].id, NULL, hand_in, &pieces[n]));
		at += rows;
	}
	for (uint32_t i = 0; i < n; i++) {
		pthread_join(pieces[i].id, NULL);
		CHECK_EQ(pieces[i].ret, 0);
	}
	CHECK(!memcmp(alone, together, ROWS * out.size));
	CHECK(!accel_batcher_info(batcher, &info));
	CHECK(info.rows == 2 * ROWS && info.requests == 1 + n);
	accel_batcher_free(batcher);
	accel_session_unref(session);
	accel_model_unref(model);
}

/* Attention as it is exported: heads are split off, batch and heads merged and parted again. */
static Onnx__ModelProto *attention(void)
{
	Onnx__ModelProto *m = one_input((int64_t[]){ -2, 6, 8, -1 });

	onnx_floats(m, "q", (int64_t[]){ 8, 8, -1 }, 1);
	onnx_floats(m, "k", (int64_t[]){ 8, 8, -1 }, 2);
	onnx_longs(m, "heads", (int64_t[]){ 0, 6, 2, 4 }, 4);
	onnx_longs(m, "flat", (int64_t[]){ -1, 6, 4 }, 3);
	onnx_longs(m, "rows", (int64_t[]){ -1, 8 }, 2);
	onnx_longs(m, "back", (int64_t[]){ -1, 6, 8 }, 3);
	onnx_longs(m, "four", (int64_t[]){ -1, 2, 6, 4 }, 4);
	/* [N 6, 8], and back */
	onnx_node(m, "Reshape", "x rows", "x2");
	onnx_node(m, "MatMul", "x2 q", "q2");
	onnx_node(m, "MatMul", "x k", "k1");
	onnx_node(m, "Reshape", "q2 back", "q1");
	onnx_node(m, "Reshape", "q1 heads", "q4");
	onnx_node(m, "Reshape", "k1 heads", "k4");
	onnx_ints(onnx_node(m, "Transpose", "q4", "qt"), "perm", (int64_t[]){ 0, 2, 1, 3 }, 4);
	onnx_ints(onnx_node(m, "Transpose", "k4", "kt"), "perm", (int64_t[]){ 0, 2, 3, 1 }, 4);
	onnx_node(m, "MatMul", "qt kt", "scores");
	onnx_node(m, "Softmax", "scores", "p");
	onnx_node(m, "MatMul", "p qt", "v");
	onnx_node(m, "Reshape", "v flat", "merged");
	onnx_node(m, "Tanh", "merged", "h");
	onnx_node(m, "Reshape", "h four", "parted");
	onnx_ints(onnx_node(m, "Transpose", "parted", "vt"), "perm", (int64_t[]){ 0, 2, 1, 3 }, 4);
	onnx_node(m, "Reshape", "vt back", "o");
	onnx_node(m, "Add", "o x", "y");
	return m;
}

/* A block of a transformer: a table, normalisation, products with residuals, GELU. */
static Onnx__ModelProto *block(void)
{
	Onnx__ModelProto *m = one_input((int64_t[]){ -2, 4, 8, -1 });

	onnx_floats(m, "w", (int64_t[]){ 8, 16, -1 }, 1);
	onnx_floats(m, "b", (int64_t[]){ 16, -1 }, 2);
	onnx_floats(m, "v", (int64_t[]){ 16, 8, -1 }, 3);
	onnx_floats(m, "c", (int64_t[]){ 8, -1 }, 4);
	onnx_floats(m, "g", (int64_t[]){ 8, -1 }, 5);
	onnx_floats(m, "table", (int64_t[]){ 16, 8, -1 }, 6);
	onnx_longs(m, "shape", (int64_t[]){ 4 }, 1);
	m->opset_import[0]->version = 17;
	onnx_node(m, "LayerNormalization", "x g c", "n");
	onnx_node(m, "MatMul", "n w", "p");
	onnx_node(m, "Add", "p b", "q");
	onnx_node(m, "Relu", "q", "r");
	onnx_node(m, "MatMul", "r v", "s");
	onnx_node(m, "Add", "s c", "t");
	onnx_node(m, "Add", "t x", "u");
	/* the largest column, looked up, for each place */
	onnx_int(onnx_node(m, "ArgMax", "q", "i"), "axis", 2);
	onnx_node(m, "Gather", "table i", "e");
	onnx_node(m, "Squeeze", "e two", "f");
	onnx_longs(m, "two", (int64_t[]){ 2 }, 1);
	onnx_node(m, "Add", "u f", "y");
	return m;
}

static void equal(void)
{
	Onnx__ModelProto *m;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	compare(&b, onnx_network());
	compare(&b, attention());
	compare(&b, block());
	for (compiled_rows = 1; compiled_rows < 8; compiled_rows += 3) {
		compare(&b, onnx_network());
		compare(&b, attention());
		compare(&b, block());
	}
	compiled_rows = 0;
	/* on the processor, too; and what is expanded to the batch */
	m = one_input((int64_t[]){ -2, 5, -1 });
	onnx_node(m, "Shape", "x", "s");
	onnx_floats(m, "row", (int64_t[]){ 5, -1 }, 4);
	onnx_node(m, "Expand", "row s", "e");
	onnx_node(m, "Sin", "x", "t");
	onnx_int(onnx_node(m, "Concat", "t e x", "c"), "axis", 1);
	onnx_node(m, "Exp", "c", "y");
	compare(&b, m);
	/* samples, transforms, determinants: each of its own element */
	m = one_input((int64_t[]){ -2, 2, 4, 4, -1 });
	m->opset_import[0]->version = 17;
	onnx_longs(m, "grid", (int64_t[]){ 0, 4, 4, 2 }, 4);
	onnx_longs(m, "flat", (int64_t[]){ 0, 32, 1 }, 3);
	onnx_longs(m, "one", (int64_t[]){ 0, 1 }, 2);
	onnx_longs(m, "all", (int64_t[]){ 0, -1 }, 2);
	onnx_node(m, "Reshape", "x grid", "g");
	onnx_node(m, "GridSample", "x g", "s");
	onnx_node(m, "Reshape", "s flat", "f");
	onnx_node(m, "DFT", "f", "t");
	onnx_node(m, "Reshape", "t all", "u");
	onnx_node(m, "Det", "x", "d");
	onnx_int(onnx_node(m, "Concat", "u d", "y"), "axis", 1);
	compare(&b, m);
	/* regions of one image, and what is put beside the batch */
	m = one_input((int64_t[]){ -2, 4, -1 });
	onnx_longs(m, "first", (int64_t[]){ 0 }, 1);
	onnx_raw(m, "at", I64, (int64_t[]){ 1, 1, -1 }, (int64_t[]){ 2 }, 8);
	onnx_floats(m, "image", (int64_t[]){ 1, 2, 6, 6, -1 }, 5);
	onnx_longs(m, "row", (int64_t[]){ 0, -1 }, 2);
	onnx_node(m, "Shape", "x", "s");
	onnx_node(m, "Gather", "s first", "n");
	onnx_node(m, "ConstantOfShape", "n", "z");
	onnx_int(onnx_node(m, "Cast", "z", "k"), "to", I64);
	onnx_node(m, "RoiAlign", "image x k", "r");
	onnx_node(m, "Reshape", "r row", "c");
	onnx_ints(onnx_node(m, "Transpose", "x", "t"), "perm", (int64_t[]){ 1, 0 }, 2);
	onnx_node(m, "Gather", "t first", "u");
	onnx_node(m, "ScatterND", "t at u", "p");
	onnx_ints(onnx_node(m, "Transpose", "p", "q"), "perm", (int64_t[]){ 1, 0 }, 2);
	onnx_int(onnx_node(m, "Concat", "c q", "y"), "axis", 1);
	compare(&b, m);
	bench_close(&b);
}

/* --- Behaviour --------------------------------------------------------------------------- */

#define LONG	(60 * SECOND)

/* y = x[i] of each row. */
static Onnx__ModelProto *lookup(void)
{
	Onnx__ModelProto *m = onnx_model(13);

	onnx_input(m, "x", F32, (int64_t[]){ -2, 4, -1 });
	onnx_input(m, "i", I64, (int64_t[]){ -2, 1, -1 });
	onnx_int(onnx_node(m, "GatherElements", "x i", "g"), "axis", 1);
	onnx_node(m, "Neg", "g", "y");
	onnx_output(m, "y", F32);
	return m;
}

static int ask(struct accel_batcher *batcher, const float *x, const int64_t *i, float *y,
	       uint64_t deadline, struct accel_fence **fence)
{
	struct accel_batch_request r = ACCEL_INIT(r);

	r.inputs = (const void *[]){ x, i };
	r.outputs = (void *[]){ y };
	r.deadline = deadline;
	r.cookie = (uint64_t)*i;
	return accel_batcher_submit(batcher, &r, fence);
}

static void errors(void)
{
	static const float x[4] = { 10, 20, 30, 40 };
	int64_t index[8] = { 0, 1, 2, 9, 3, 0, -1, 1 };
	struct accel_batch_request r = ACCEL_INIT(r);
	struct accel_batcher_info info = ACCEL_INIT(info);
	struct accel_batcher *batcher = NULL;
	struct accel_fence *fence[8];
	struct accel_result result;
	float y[8] = { 0 };
	struct bench b;

	REQUIRE(bench_open(&b, NULL) && !batcher_of(&b, lookup(), 8, LONG, &batcher));
	/* Eight fill a batch, which begins then. */
	for (int i = 0; i < 8; i++)
		CHECK(!ask(batcher, x, &index[i], &y[i], 0, &fence[i]));
	for (int i = 0; i < 8; i++) {
		CHECK(!accel_fence_wait(fence[i], soon()));
		CHECK_EQ(accel_fence_result(fence[i], &result), i == 3 ? -EINVAL : 0);
		CHECK_EQ(result.cookie, index[i]);
		CHECK_EQ(result.outcome, i == 3 ? ACCEL_JOB_HOST : ACCEL_JOB_OK);
		CHECK(y[i] == (i == 3 ? 0 : -x[(index[i] + 4) % 4]));
		accel_fence_unref(fence[i]);
	}
	/* One that works: a batch in one go. */
	CHECK(!accel_batcher_info(batcher, &info) && info.batches == 9 && info.requests == 7);
	index[3] = 3;
	for (int i = 0; i < 8; i++)
		CHECK(!ask(batcher, x, &index[i], &y[i], 0, &fence[i]));
	for (int i = 0; i < 8; i++) {
		CHECK(!accel_fence_wait(fence[i], soon()));
		CHECK_EQ(accel_fence_result(fence[i], NULL), 0);
		accel_fence_unref(fence[i]);
	}
	CHECK(!accel_batcher_info(batcher, &info) && info.batches == 10 && info.padding == 0);
	/* One that may not wait as long as others would let it: alone, with the reason. */
	index[0] = 7;
	r.inputs = (const void *[]){ x, index };
	r.outputs = (void *[]){ y };
	r.deadline = accel_deadline(LONG / 2);
	CHECK_ERR_TEXT(accel_batcher_run(batcher, &r, NULL), -EINVAL, "index 7");
	index[0] = 2;
	CHECK(!accel_batcher_run(batcher, &r, &result) && y[0] == -30);
	r.deadline = 1;
	CHECK_ERR_TEXT(accel_batcher_run(batcher, &r, NULL), -ETIME, "deadline");
	r.rows = 9;
	CHECK_ERR(accel_batcher_run(batcher, &r, NULL), -E2BIG);
	r.rows = 1;
	r.inputs = (const void *[]){ x, NULL };
	CHECK_ERR_TEXT(accel_batcher_run(batcher, &r, NULL), -EINVAL, "inputs[1]");
	/* Who waits when it ends is told. */
	for (int i = 0; i < 3; i++)
		CHECK(!ask(batcher, x, &index[i], &y[i], 0, &fence[i]));
	accel_batcher_free(batcher);
	for (int i = 0; i < 3; i++) {
		CHECK(accel_fence_poll(fence[i]));
		CHECK_EQ(accel_fence_result(fence[i], NULL), -ECANCELED);
		accel_fence_unref(fence[i]);
	}
	bench_close(&b);
}

/* More than may wait; sizes made ahead. */
static void limits(void)
{
	static const float x[4] = { 10, 20, 30, 40 };
	struct accel_batcher_opts opts = ACCEL_INIT(opts);
	struct accel_batcher_info info = ACCEL_INIT(info);
	struct accel_model *model = model_of(lookup());
	struct accel_batcher *batcher = NULL;
	struct accel_fence *fence[5];
	int64_t index = 1;
	float y;
	struct bench b;

	REQUIRE(model && bench_open(&b, NULL));
	opts.max_rows = 5;
	opts.max_waiting = 1;
	opts.max_delay_ns = LONG;
	opts.flags = ACCEL_BATCHER_AHEAD;
	REQUIRE(!accel_batcher_create(model, b.queue, &opts, &batcher));
	CHECK(!accel_batcher_info(batcher, &info));
	CHECK(info.sizes == 4 && info.inputs == 2 && info.outputs == 1);
	/* As many as fit into a batch may wait in any case. */
	for (int i = 0; i < 4; i++)
		CHECK(!ask(batcher, x, &index, &y, 0, &fence[i]));
	CHECK_EQ(accel_batcher_submit(batcher, &(struct accel_batch_request){
		.sz = sizeof(struct accel_batch_request), .rows = 2,
		.inputs = (const void *[]){ x, &index } }, &fence[4]), -EAGAIN);
	accel_batcher_free(batcher);
	for (int i = 0; i < 4; i++)
		accel_fence_unref(fence[i]);
	opts.flags = 1ull << 50;
	CHECK_ERR(accel_batcher_create(model, b.queue, &opts, &batcher), -EINVAL);
	opts.flags = 0;
	opts.max_rows = 5000;
	CHECK_ERR(accel_batcher_create(model, b.queue, &opts, &batcher), -EINVAL);
	accel_model_unref(model);
	bench_close(&b);
}

struct guest {
	pthread_t id;
	struct accel_batcher *batcher;
	unsigned int number, wrong;
};

/* Three at a time; what one asks wrongly is its own matter. */
static void *dine(void *arg)
{
	static const float x[4] = { 10, 20, 30, 40 };
	struct guest *g = arg;

	for (unsigned int round = 0; round < 12; round++) {
		struct accel_fence *fence[3];
		int64_t index[3];
		float y[3] = { 0 };

		for (unsigned int i = 0; i < 3; i++) {
			index[i] = (g->number + round + i) % 4;
			if ((g->number + 3 * round + i) % 17 == 0)
				index[i] = 9;
			if (ask(g->batcher, x, &index[i], &y[i], i ? 0 : soon(), &fence[i])) {
				g->wrong++;
				return NULL;
			}
		}
		for (unsigned int i = 0; i < 3; i++) {
			g->wrong += accel_fence_wait(fence[i], soon()) != 0;
			g->wrong += accel_fence_result(fence[i], NULL) != (index[i] == 9 ? -EINVAL : 0);
			g->wrong += y[i] != (index[i] == 9 ? 0 : -x[index[i]]);
			accel_fence_unref(fence[i]);
		}
	}
	return NULL;
}

/* Many threads, whose requests meet in any order, while another looks on and one is too late. */
static void crowd(void)
{
	static const float x[4] = { 10, 20, 30, 40 };
	struct accel_batch_request late = ACCEL_INIT(late);
	struct accel_batcher_info info = ACCEL_INIT(info);
	struct accel_batcher *batcher = NULL;
	struct guest guests[8];
	int64_t index = 1;
	struct bench b;
	float y;

	REQUIRE(bench_open(&b, NULL) && !batcher_of(&b, lookup(), 8, 200000, &batcher));
	for (unsigned int i = 0; i < 8; i++) {
		guests[i] = (struct guest){ .batcher = batcher, .number = i };
		CHECK(!pthread_create(&guests[i].id, NULL, dine, &guests[i]));
	}
	late.inputs = (const void *[]){ x, &index };
	late.outputs = (void *[]){ &y };
	late.deadline = 1;
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(accel_batcher_run(batcher, &late, NULL), -ETIME);
		CHECK(!accel_batcher_info(batcher, &info));
	}
	for (unsigned int i = 0; i < 8; i++) {
		pthread_join(guests[i].id, NULL);
		CHECK_EQ(guests[i].wrong, 0);
	}
	accel_batcher_free(batcher);
	bench_close(&b);
}

static const struct check_test tests[] = {
	TEST(refused), TEST(refused_compiled), TEST(equal), TEST(errors), TEST(limits), TEST(crowd),
};

CHECK_MAIN(tests)
