// SPDX-License-Identifier: MIT
/*
 * Runs that go on alone: with parts on the processor, with deadlines, canceled, let go.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "check.h"
#include "onnx.h"

#define COUNT	6
#define MANY	8000	/* operators: some two thousand are a program */

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

/* y = table[index], negated before and after: card, processor, card. */
static struct accel_model *lookup(void)
{
	Onnx__ModelProto *m = onnx_model(13);

	onnx_input(m, "x", F32, (int64_t[]){ COUNT, -1 });
	onnx_input(m, "i", I64, (int64_t[]){ COUNT, -1 });
	onnx_node(m, "Neg", "x", "n");
	onnx_node(m, "GatherElements", "n i", "g");
	onnx_node(m, "Neg", "g", "y");
	onnx_output(m, "y", F32);
	return model_of(m);
}

/* y = -x: all on the card. */
static struct accel_model *simple(void)
{
	Onnx__ModelProto *m = onnx_model(13);

	onnx_input(m, "x", F32, (int64_t[]){ COUNT, -1 });
	onnx_node(m, "Neg", "x", "y");
	onnx_output(m, "y", F32);
	return model_of(m);
}

static const float x[COUNT] = { 1, 2, 3, 4, 5, 6 };
static const int64_t turned[COUNT] = { 5, 4, 3, 2, 1, 0 };

static struct accel_session *session_of(struct accel_queue *queue, struct accel_model *model)
{
	struct accel_session *session = NULL;
	struct accel_session_info info = ACCEL_INIT(info);

	if (accel_session_create(model, queue, NULL, &session) ||
	    accel_session_write(session, 0, x, sizeof(x)) ||
	    accel_session_info(session, &info) ||
	    (info.inputs > 1 && accel_session_write(session, 1, turned, sizeof(turned))))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	return session;
}

static void parts(void)
{
	struct accel_model *model = lookup();
	struct accel_run_opts opts = ACCEL_INIT(opts);
	struct accel_session *session;
	struct accel_fence *fence;
	struct accel_result r;
	struct bench b;
	float y[COUNT];
	int fd;

	REQUIRE(model && bench_open(&b, NULL));
	session = session_of(b.queue, model);
	REQUIRE(session);
	opts.cookie = 77;
	for (int i = 0; i < 20; i++) {
		struct pollfd poll_fd = { .events = POLLIN };

		CHECK(!accel_session_start(session, &opts, &fence));
		CHECK_EQ(accel_fence_number(fence), 0);
		if (i % 2) {
			CHECK(!accel_fence_wait(fence, soon()));
		} else {
			CHECK(!accel_fence_fd(fence, &fd));
			poll_fd.fd = fd;
			CHECK_EQ(poll(&poll_fd, 1, -1), 1);
			CHECK(accel_fence_poll(fence));
			close(fd);
		}
		CHECK(!accel_fence_result(fence, &r));
		CHECK(r.cookie == 77 && r.cycles && r.outcome == ACCEL_JOB_OK);
		/* a descriptor of what is done already */
		CHECK(!accel_fence_fd(fence, &fd));
		poll_fd.fd = fd;
		CHECK_EQ(poll(&poll_fd, 1, 0), 1);
		close(fd);
		accel_fence_unref(fence);
		/* Not busy any more, at once. */
		CHECK(!accel_session_read(session, 0, y, sizeof(y)));
		for (int k = 0; k < COUNT; k++)
			CHECK(y[k] == x[COUNT - 1 - k]);
	}
	opts.flags = 1ull << 40;
	CHECK_ERR(accel_session_start(session, &opts, &fence), -EINVAL);
	CHECK_ERR(accel_session_cancel(session), -EALREADY);
	accel_session_unref(session);
	accel_model_unref(model);
	bench_close(&b);
}

/* What fails on the processor is the run's result, with the reason for who reads. */
static void failure(void)
{
	struct accel_model *model = lookup();
	int64_t bad[COUNT] = { 0, 1, 2, 3, 4, COUNT };
	struct accel_session *session;
	struct accel_fence *fence;
	struct accel_result r;
	struct bench b;
	float y[COUNT];

	REQUIRE(model && bench_open(&b, NULL));
	session = session_of(b.queue, model);
	REQUIRE(session);
	CHECK(!accel_session_write(session, 1, bad, sizeof(bad)));
	CHECK(!accel_session_run_async(session, &fence));
	CHECK(!accel_fence_wait(fence, soon()));
	CHECK_EQ(accel_fence_result(fence, &r), -EINVAL);
	CHECK_EQ(r.outcome, ACCEL_JOB_HOST);
	accel_fence_unref(fence);
	CHECK_ERR_TEXT(accel_session_read(session, 0, y, sizeof(y)), -EINVAL, "index 6");
	CHECK(!accel_session_write(session, 1, turned, sizeof(turned)));
	CHECK(!accel_session_run_async(session, &fence));
	CHECK(!accel_fence_wait(fence, soon()));
	CHECK(!accel_fence_result(fence, NULL));
	accel_fence_unref(fence);
	CHECK(!accel_session_read(session, 0, y, sizeof(y)) && y[0] == 6);
	accel_session_unref(session);
	accel_model_unref(model);
	bench_close(&b);
}

/* The queue is held up by a job that does not end before it is stopped. */
static void held_up(void)
{
	struct accel_queue_opts queue = ACCEL_INIT(queue);
	struct accel_run_opts opts = ACCEL_INIT(opts);
	struct accel_model *model = lookup();
	struct accel_session *late, *canceled, *plain, *profiled;
	struct accel_profile *profile = NULL;
	struct accel_job job = ACCEL_INIT(job);
	struct accel_fence *fence, *other, *third;
	struct accel_model *one = simple();
	struct bench b;
	float y[COUNT];

	queue.limit_ms = 1000;
	REQUIRE(model && one && bench_open(&b, &queue));
	if (!accel_device_has(b.device, ACCEL_CAP_DEBUG))
		goto out;
	late = session_of(b.queue, model);
	canceled = session_of(b.queue, model);
	plain = session_of(b.queue, one);
	profiled = session_of(b.queue, one);
	REQUIRE(late && canceled && plain && profiled);
	job.program = program_hang(&b, true);
	CHECK(!accel_queue_submit(b.queue, &job, 1, NULL));
	opts.deadline = accel_deadline(1000000);
	CHECK(!accel_session_start(late, &opts, &fence));
	opts.deadline = 0;
	opts.flags = ACCEL_RUN_CANCELABLE;
	CHECK(!accel_session_start(canceled, &opts, &other));
	CHECK(!accel_session_run_async(plain, &third));
	/* What a profile began and did not wait for is under way as well. */
	CHECK_ERR(accel_profile_create(profiled, accel_deadline(1000000), &profile), -ETIME);
	CHECK_ERR(accel_session_write(profiled, 0, x, sizeof(x)), -EBUSY);
	CHECK_ERR(accel_session_write(canceled, 0, x, sizeof(x)), -EBUSY);
	CHECK_ERR(accel_session_start(canceled, &opts, &other), -EBUSY);
	/* Others on the card cannot wait for it. */
	accel_program_unref(job.program);
	job.program = NULL;
	job.waits = (struct accel_fence *const[]){ other };
	job.nwaits = 1;
	CHECK_ERR(accel_queue_submit(b.queue, &job, 1, NULL), -EOPNOTSUPP);
	CHECK(!accel_session_cancel(canceled));
	CHECK(accel_fence_poll(other));
	CHECK_EQ(accel_fence_result(other, NULL), -ECANCELED);
	CHECK_ERR(accel_session_cancel(canceled), -EALREADY);
	CHECK_ERR(accel_session_cancel(plain), -EOPNOTSUPP);
	CHECK(!accel_fence_wait(fence, soon()));
	CHECK_EQ(accel_fence_result(fence, NULL), -ETIME);
	/* All of them are stopped with the queue. */
	CHECK(!accel_fence_wait(third, soon()));
	CHECK(accel_fence_result(third, NULL) < 0);
	accel_fence_unref(fence);
	accel_fence_unref(other);
	accel_fence_unref(third);
	accel_session_unref(late);
	accel_session_unref(canceled);
	accel_session_unref(plain);
	accel_session_unref(profiled);
out:
	accel_model_unref(model);
	accel_model_unref(one);
	bench_close(&b);
	/* On a queue that works: what is late before it starts computes nothing. */
	model = lookup();
	REQUIRE(model && bench_open(&b, NULL));
	late = session_of(b.queue, model);
	REQUIRE(late);
	memset(&opts, 0, sizeof(opts));
	opts.sz = sizeof(opts);
	opts.deadline = 1;
	CHECK(!accel_session_start(late, &opts, &fence));
	CHECK(!accel_fence_wait(fence, soon()));
	CHECK_EQ(accel_fence_result(fence, NULL), -ETIME);
	accel_fence_unref(fence);
	CHECK_ERR_TEXT(accel_session_read(late, 0, y, sizeof(y)), -ETIME, "deadline");
	opts.deadline = soon();
	CHECK(!accel_session_start(late, &opts, &fence));
	CHECK(!accel_fence_wait(fence, soon()));
	CHECK(!accel_fence_result(fence, NULL));
	accel_fence_unref(fence);
	CHECK(!accel_session_read(late, 0, y, sizeof(y)) && y[0] == 6);
	accel_session_unref(late);
	accel_model_unref(model);
	bench_close(&b);
}

/* More operators than one program holds: the result is that of all of them, as of a run that is waited for. */
static void programs(void)
{
	Onnx__ModelProto *m = onnx_model(13);
	struct accel_session_info info = ACCEL_INIT(info);
	struct accel_result sum, r;
	struct accel_session *session;
	struct accel_model *model;
	struct accel_fence *fence;
	float y[COUNT];
	struct bench b;

	onnx_input(m, "x", F32, (int64_t[]){ COUNT, -1 });
	for (int i = 0; i < MANY; i++) {
		char in[16] = "x", out[16] = "y";

		if (i)
			snprintf(in, sizeof(in), "v%d", i);
		if (i < MANY - 1)
			snprintf(out, sizeof(out), "v%d", i + 1);
		onnx_node(m, "Neg", in, out);
	}
	onnx_output(m, "y", F32);
	model = model_of(m);
	REQUIRE(model && bench_open(&b, NULL));
	session = session_of(b.queue, model);
	REQUIRE(session && !accel_session_run(session, soon(), &sum));
	CHECK(!accel_session_info(session, &info) && info.programs > 1);
	CHECK_EQ(info.card_nodes, MANY);
	CHECK(!accel_session_run_async(session, &fence));
	CHECK(!accel_fence_wait(fence, soon()));
	CHECK(!accel_fence_result(fence, &r));
	CHECK(r.cycles == sum.cycles && r.bytes == sum.bytes && r.energy_pj == sum.energy_pj);
	accel_fence_unref(fence);
	CHECK(!accel_session_read(session, 0, y, sizeof(y)) && !memcmp(y, x, sizeof(y)));
	accel_session_unref(session);
	accel_model_unref(model);
	bench_close(&b);
}

/* Nobody keeps anything but the fence. */
static void let_go(void)
{
	for (int i = 0; i < 10; i++) {
		struct accel_model *model = lookup();
		struct accel_session *session;
		struct accel_fence *fence;
		struct bench b;

		REQUIRE(model && bench_open(&b, NULL));
		session = session_of(b.queue, model);
		REQUIRE(session);
		CHECK(!accel_session_run_async(session, &fence));
		accel_session_unref(session);
		accel_model_unref(model);
		bench_close(&b);
		CHECK(!accel_fence_wait(fence, soon()));
		CHECK(!accel_fence_result(fence, NULL));
		accel_fence_unref(fence);
	}
}

/* The caller's memory, read and written in place, by the card and by the processor. */
static void in_place(void)
{
	struct accel_model *model = lookup();
	struct accel_session *session;
	struct accel_buffer *buffer;
	struct accel_fence *fence;
	float *memory, own[COUNT];
	struct bench b;

	REQUIRE(model && bench_open(&b, NULL));
	session = session_of(b.queue, model);
	buffer = bench_buffer(&b, 4096, &memory);
	REQUIRE(session && buffer);
	memcpy(memory, x, sizeof(x));
	memcpy(memory + 256, turned, sizeof(turned));
	CHECK(!accel_session_bind_input(session, 0, buffer, 0));
	CHECK(!accel_session_bind_input(session, 1, buffer, 1024));
	CHECK(!accel_session_bind_output(session, 0, buffer, 2048));
	for (int i = 0; i < 3; i++) {
		/* what is written between runs is seen without a call */
		memory[5] = (float)(100 + i);
		CHECK(!accel_session_run_async(session, &fence));
		CHECK(!accel_fence_wait(fence, soon()));
		CHECK(!accel_fence_result(fence, NULL));
		accel_fence_unref(fence);
		CHECK(memory[512] == (float)(100 + i) && memory[517] == 1);
		CHECK(!accel_session_read(session, 0, own, sizeof(own)));
		CHECK(!memcmp(own, memory + 512, sizeof(own)));
	}
	accel_buffer_unref(buffer);
	accel_session_unref(session);
	accel_model_unref(model);
	bench_close(&b);
}

struct thread {
	pthread_t id;
	struct bench *bench;
	struct accel_model *model;
	bool good;
};

static void *many(void *arg)
{
	struct thread *t = arg;
	struct accel_session *session = session_of(t->bench->queue, t->model);
	struct accel_run_opts opts = ACCEL_INIT(opts);
	float y[COUNT];

	t->good = session != NULL;
	for (int i = 0; i < 30 && t->good; i++) {
		struct accel_fence *fence;

		opts.flags = i % 3 ? 0 : ACCEL_RUN_CANCELABLE;
		t->good = !accel_session_start(session, &opts, &fence);
		if (!t->good)
			break;
		if (i % 6 == 3)
			accel_session_cancel(session);
		t->good = !accel_fence_wait(fence, soon());
		if (i % 6 != 3)
			t->good &= !accel_fence_result(fence, NULL) &&
				   !accel_session_read(session, 0, y, sizeof(y)) && y[0] == 6;
		accel_fence_unref(fence);
		/* A canceled one may have something on the card still. */
		while (i % 6 == 3 && accel_session_write(session, 0, x, sizeof(x)) == -EBUSY)
			accel_queue_drain(t->bench->queue, soon());
	}
	accel_session_unref(session);
	return NULL;
}

static void threads(void)
{
	struct accel_model *model = lookup();
	struct thread t[4];
	struct bench b;

	REQUIRE(model && bench_open(&b, NULL));
	for (int i = 0; i < 4; i++) {
		t[i] = (struct thread){ .bench = &b, .model = model };
		CHECK(!pthread_create(&t[i].id, NULL, many, &t[i]));
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i].id, NULL);
		CHECK(t[i].good);
	}
	accel_model_unref(model);
	bench_close(&b);
}

static const struct check_test tests[] = {
	TEST(parts), TEST(failure), TEST(held_up), TEST(programs), TEST(let_go), TEST(in_place), TEST(threads),
};

CHECK_MAIN(tests)
