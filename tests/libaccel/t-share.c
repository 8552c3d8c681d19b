// SPDX-License-Identifier: MIT
/*
 * Constants that sessions share: that they are there once, where they are, and when they go.
 */
#include <pthread.h>

#include "check.h"
#include "onnx.h"

#define ROW	128
#define COLUMNS	64
#define BATCH	4

/* y = relu(x w + t), with w packed and t too large for the small constants. */
static struct accel_model *load(void)
{
	Onnx__ModelProto *m = onnx_model(13);
	struct accel_model *model = NULL;
	size_t size;
	void *data;

	onnx_input(m, "x", F32, (int64_t[]){ -2, 2, COLUMNS, ROW, -1 });
	onnx_floats(m, "w", (int64_t[]){ ROW, COLUMNS, -1 }, 1);
	onnx_floats(m, "t", (int64_t[]){ 2, COLUMNS, COLUMNS, -1 }, 2);
	onnx_floats(m, "s", (int64_t[]){ COLUMNS, -1 }, 3);
	onnx_node(m, "MatMul", "x w", "p");
	onnx_node(m, "Add", "p t", "q");
	onnx_node(m, "Relu", "q", "r");
	onnx_node(m, "Mul", "r s", "y");
	onnx_output(m, "y", F32);
	data = onnx_bytes(m, &size);
	if (accel_model_load_memory(data, size, NULL, &model))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	free(data);
	return model;
}

static struct accel_session *make(struct accel_queue *queue, struct accel_model *model,
				  int64_t batch, uint64_t flags)
{
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_session *session = NULL;

	opts.dims = &(struct accel_model_dim){ "N", batch };
	opts.ndims = 1;
	opts.flags = flags;
	if (accel_session_create(model, queue, &opts, &session))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	return session;
}

static struct accel_session_info info_of(struct accel_session *session)
{
	struct accel_session_info info = ACCEL_INIT(info);

	CHECK(!accel_session_info(session, &info));
	return info;
}

static float x[BATCH * 2 * COLUMNS * ROW], y[2][BATCH * 2 * COLUMNS * COLUMNS];

static void run(struct accel_session *session, size_t batch, float *out)
{
	for (size_t i = 0; i < sizeof(x) / sizeof(*x); i++)
		x[i] = (float)((int)(i * 37 % 101) - 50) / 25;
	CHECK(!accel_session_write(session, 0, x, batch * 2 * COLUMNS * ROW * sizeof(*x)));
	CHECK(!accel_session_run(session, soon(), NULL));
	CHECK(!accel_session_read(session, 0, out, batch * 2 * COLUMNS * COLUMNS * sizeof(*out)));
}

static void once(void)
{
	struct accel_model *model = load(), *again = load();
	struct accel_session *first, *second, *third;
	struct accel_session_info a, b;
	struct accel_queue *other;
	struct bench bench;

	REQUIRE(model && again && bench_open(&bench, NULL));
	REQUIRE(!accel_queue_create(bench.context, NULL, &other));
	first = make(bench.queue, model, BATCH, 0);
	second = make(other, model, 1, 0);
	REQUIRE(first && second);
	a = info_of(first);
	b = info_of(second);
	CHECK(a.constant_bytes >= 2 * ROW * COLUMNS * 4 && a.shared_bytes == 0);
	CHECK_EQ(b.constant_bytes, a.constant_bytes);
	/* all of it, though the sizes differ */
	CHECK_EQ(b.shared_bytes, b.constant_bytes);
	run(first, BATCH, y[0]);
	run(second, 1, y[1]);
	CHECK(!memcmp(y[0], y[1], sizeof(y[1]) / BATCH));
	/* Who brought them may go; another model with the same constants has them, too. */
	accel_session_unref(first);
	accel_model_unref(model);
	third = make(bench.queue, again, BATCH, 0);
	CHECK_EQ(info_of(third).shared_bytes, a.constant_bytes);
	memset(y[1], 0, sizeof(y[1]));
	run(third, BATCH, y[1]);
	CHECK(!memcmp(y[0], y[1], sizeof(y[1])));
	accel_session_unref(second);
	accel_session_unref(third);
	/* With the last one they are gone. */
	first = make(bench.queue, again, BATCH, 0);
	CHECK_EQ(info_of(first).shared_bytes, 0);
	accel_session_unref(first);
	accel_model_unref(again);
	accel_queue_unref(other);
	bench_close(&bench);
}

static void where(void)
{
	struct accel_model *model = load();
	struct accel_session *local, *system;
	struct accel_session_info a, b;
	struct accel_buffer *all[64];
	struct bench bench;
	unsigned int n = 0;

	REQUIRE(model && bench_open(&bench, NULL));
	if (!accel_device_has(bench.device, ACCEL_CAP_LOCAL_MEMORY))
		goto out;
	local = make(bench.queue, model, BATCH, 0);
	system = make(bench.queue, model, BATCH, ACCEL_SESSION_SYSTEM);
	REQUIRE(local && system);
	a = info_of(local);
	b = info_of(system);
	CHECK_EQ(a.local_bytes, a.constant_bytes);
	CHECK_EQ(b.local_bytes, 0);
	CHECK_EQ(b.shared_bytes, 0);
	run(local, BATCH, y[0]);
	run(system, BATCH, y[1]);
	CHECK(!memcmp(y[0], y[1], sizeof(y[1])));
	accel_session_unref(local);
	accel_session_unref(system);
	/* Without room there they are elsewhere. */
	for (size_t size = (size_t)1 << 40; size >= 4096 && n < 64;) {
		if (accel_buffer_alloc(bench.context, size, ACCEL_BUFFER_LOCAL, &all[n]))
			size /= 2;
		else
			n++;
	}
	local = make(bench.queue, model, BATCH, 0);
	REQUIRE(local);
	CHECK_EQ(info_of(local).local_bytes, 0);
	run(local, BATCH, y[1]);
	CHECK(!memcmp(y[0], y[1], sizeof(y[1])));
	accel_session_unref(local);
	while (n)
		accel_buffer_unref(all[--n]);
out:
	accel_model_unref(model);
	bench_close(&bench);
}

struct thread {
	pthread_t id;
	struct bench *bench;
	struct accel_model *model;
	float out[2 * COLUMNS * COLUMNS];
};

static void *come_and_go(void *arg)
{
	struct thread *t = arg;
	float in[2 * COLUMNS * ROW];
	struct accel_queue *queue;

	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++)
		in[i] = (float)((int)(i * 37 % 101) - 50) / 25;
	if (accel_queue_create(t->bench->context, NULL, &queue))
		return NULL;
	for (int i = 0; i < 6; i++) {
		struct accel_session *s = make(queue, t->model, 1, 0);

		if (!s || accel_session_write(s, 0, in, sizeof(in)) ||
		    accel_session_run(s, soon(), NULL) ||
		    accel_session_read(s, 0, t->out, sizeof(t->out)))
			t->out[0] = -1;
		accel_session_unref(s);
	}
	accel_queue_unref(queue);
	return NULL;
}

static void threads(void)
{
	struct accel_model *model = load();
	struct thread *t = calloc(4, sizeof(*t));
	struct accel_session *session;
	struct bench bench;

	REQUIRE(model && t && bench_open(&bench, NULL));
	for (int i = 0; i < 4; i++) {
		t[i].bench = &bench;
		t[i].model = model;
		CHECK(!pthread_create(&t[i].id, NULL, come_and_go, &t[i]));
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i].id, NULL);
	session = make(bench.queue, model, 1, 0);
	REQUIRE(session);
	CHECK_EQ(info_of(session).shared_bytes, 0);
	run(session, 1, y[0]);
	for (int i = 0; i < 4; i++)
		CHECK(!memcmp(t[i].out, y[0], sizeof(t[i].out)));
	accel_session_unref(session);
	accel_model_unref(model);
	free(t);
	bench_close(&bench);
}

static const struct check_test tests[] = { TEST(once), TEST(where), TEST(threads) };

CHECK_MAIN(tests)
