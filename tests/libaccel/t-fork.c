// SPDX-License-Identifier: MIT
/*
 * After fork(): the child may only unref, the parent does not notice.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static struct bench b;
static struct accel_buffer *buffer;
static struct accel_program *program;
static struct accel_fence *done, *pending;

/* What the child may not do. */
static int child_is_refused(void)
{
	struct accel_device_props p = ACCEL_INIT(p);
	struct accel_job job = ACCEL_INIT(job);
	struct accel_context *context;
	struct accel_program *other;
	struct accel_buffer *more;
	struct accel_queue *queue;
	struct accel_result r;
	int fd;

	job.program = program;
	CHECK_ERR(accel_device_props(b.device, &p), -EOWNERDEAD);
	CHECK_ERR(accel_context_create(b.device, NULL, &context), -EOWNERDEAD);
	CHECK_ERR(accel_buffer_alloc(b.context, 4096, 0, &more), -EOWNERDEAD);
	CHECK_ERR(accel_program_create(b.context, &other), -EOWNERDEAD);
	CHECK_ERR(accel_queue_create(b.context, NULL, &queue), -EOWNERDEAD);
	CHECK_ERR(accel_queue_submit(b.queue, &job, 1, NULL), -EOWNERDEAD);
	CHECK_ERR(accel_queue_run(b.queue, program, soon(), NULL), -EOWNERDEAD);
	CHECK_ERR(accel_queue_drain(b.queue, soon()), -EOWNERDEAD);
	CHECK_ERR(accel_queue_status(b.queue), -EOWNERDEAD);
	CHECK_ERR(accel_queue_event_fd(b.queue, &fd), -EOWNERDEAD);
	CHECK_ERR(accel_queue_reap(b.queue, &r, 1), -EOWNERDEAD);
	CHECK_ERR(accel_fence_wait(pending, soon()), -EOWNERDEAD);
	CHECK_ERR(accel_fence_fd(pending, &fd), -EOWNERDEAD);
	/* What it knew at the fork it still knows. */
	CHECK(accel_fence_poll(done) && !accel_fence_result(done, &r));
	return check_failed;
}

static void child_unrefs_all(void)
{
	accel_fence_unref(done);
	accel_queue_unref(b.queue);
	accel_fence_unref(pending);
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	accel_context_unref(b.context);
	accel_device_unref(b.device);
}

/* A child's own device works, in sim: and on the card. */
static int child_starts_anew(void)
{
	struct accel_program *p;
	struct bench mine;

	if (!bench_open(&mine, NULL))
		return 1;
	p = program_empty(&mine);
	CHECK(!accel_queue_run(mine.queue, p, soon(), NULL));
	accel_program_unref(p);
	bench_close(&mine);
	return check_failed;
}

static bool child(int (*first)(void), void (*second)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		int failed = first ? first() : 0;

		if (second)
			second();
		fflush(stdout);
		_exit(!!failed);
	}
	return CHECK(waitpid(pid, &status, 0) == pid) && CHECK_EQ(status, 0);
}

static void fork_with_work_under_way(void)
{
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct accel_job job = ACCEL_INIT(job);
	struct accel_program *hang;
	struct accel_queue *slow;
	uint64_t *mem;

	REQUIRE(bench_open(&b, NULL));
	buffer = bench_buffer(&b, 4096, &mem);
	program = program_store(&b, buffer, 0, 8);
	job.program = program;
	REQUIRE(!accel_queue_submit(b.queue, &job, 1, &done));
	CHECK(!accel_fence_wait(done, soon()));
	CHECK(!accel_fence_result(done, NULL));
	o.timeout_ms = 60000;
	REQUIRE(!accel_queue_create(b.context, &o, &slow));
	hang = program_hang(&b, false);
	job.program = hang;
	REQUIRE(!accel_queue_submit(slow, &job, 1, &pending));
	child(child_is_refused, NULL);
	child(NULL, child_unrefs_all);
	child(child_starts_anew, child_unrefs_all);
	child(child_is_refused, child_unrefs_all);
	/* The parent's things are all there. */
	CHECK(!accel_fence_poll(pending));
	mem[0] = 0;
	for (int i = 0; i < 20; i++)
		CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK_EQ(mem[0], 8);
	CHECK_EQ(accel_queue_status(slow), ACCEL_QUEUE_OK);
	accel_queue_unref(slow);
	CHECK_EQ(accel_fence_result(pending, NULL), -ECANCELED);
	accel_program_unref(hang);
	accel_fence_unref(done);
	accel_fence_unref(pending);
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

static const struct check_test tests[] = {
	TEST(fork_with_work_under_way),
};

CHECK_MAIN(tests)
