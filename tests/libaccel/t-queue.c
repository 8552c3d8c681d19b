// SPDX-License-Identifier: MIT
/*
 * Queues, fences, descriptors, results.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static void options(void)
{
	struct accel_device_props p = ACCEL_INIT(p);
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct accel_queue *queue = NULL;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	CHECK(!accel_device_props(b.device, &p));
	CHECK_ERR(accel_queue_create(NULL, NULL, &queue), -EINVAL);
	CHECK_ERR(accel_queue_create(b.context, NULL, NULL), -EINVAL);
	o.flags = ~ACCEL_QUEUE_DUMP_CONTENTS;
	CHECK_ERR_TEXT(accel_queue_create(b.context, &o, &queue), -EINVAL, "flags");
	o.flags = ACCEL_QUEUE_DUMP_CONTENTS;
	CHECK(!accel_queue_create(b.context, &o, &queue));
	accel_queue_unref(queue);
	queue = NULL;
	o.flags = 0;
	o.priority = (enum accel_priority)3;
	CHECK_ERR(accel_queue_create(b.context, &o, &queue), -EINVAL);
	o.priority = ACCEL_PRIORITY_NORMAL;
	o.depth = p.queue_depth_max + 1;
	CHECK_ERR_TEXT(accel_queue_create(b.context, &o, &queue), -EINVAL, "depth");
	o.depth = 0;
	o.timeout_ms = UINT32_MAX;
	CHECK_ERR(accel_queue_create(b.context, &o, &queue), -EINVAL);
	o.timeout_ms = 0;
	CHECK(!queue);
	o.depth = 3;
	o.priority = ACCEL_PRIORITY_LOW;
	REQUIRE(!accel_queue_create(b.context, &o, &queue));
	CHECK_EQ(accel_queue_status(queue), ACCEL_QUEUE_OK);
	CHECK_EQ(accel_queue_submitted(queue), 0);
	CHECK(!accel_queue_drain(queue, 0));
	accel_queue_unref(queue);
	bench_close(&b);
}

static void numbers_cookies_and_times(void)
{
	struct accel_result r, last = { 0 };
	struct accel_job job = ACCEL_INIT(job);
	struct accel_fence *fence;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	job.program = program_empty(&b);
	for (uint64_t i = 1; i <= 5; i++) {
		job.cookie = i * 1000;
		REQUIRE(!accel_queue_submit(b.queue, &job, 1, &fence));
		CHECK_EQ(accel_fence_number(fence), i);
		CHECK_EQ(accel_queue_submitted(b.queue), i);
		CHECK(!accel_fence_wait(fence, soon()));
		CHECK(accel_fence_poll(fence));
		CHECK(!accel_fence_result(fence, &r));
		CHECK(r.number == i && r.cookie == i * 1000 && r.outcome == ACCEL_JOB_OK);
		CHECK(r.t_end >= r.t_start && r.t_start >= last.t_end && !r.error);
		last = r;
		/* Again and again, the same. */
		CHECK(!accel_fence_wait(fence, 0));
		accel_fence_unref(fence);
	}
	/* Without a fence. */
	CHECK(!accel_queue_submit(b.queue, &job, 1, NULL));
	CHECK(!accel_queue_drain(b.queue, soon()));
	/* No program: a point to wait for. */
	accel_program_unref(job.program);
	job.program = NULL;
	CHECK(!accel_queue_submit(b.queue, &job, 1, &fence));
	CHECK(!accel_fence_wait(fence, soon()));
	CHECK_EQ(accel_fence_number(fence), 7);
	accel_fence_unref(fence);
	bench_close(&b);
}

static void refused_submissions(void)
{
	struct accel_device_props p = ACCEL_INIT(p);
	struct accel_job job = ACCEL_INIT(job), *many;
	struct accel_context *other;
	struct accel_program *foreign, *unfinished;
	struct accel_fence *fence = NULL, *none = NULL;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	CHECK(!accel_device_props(b.device, &p));
	REQUIRE(!accel_context_create(b.device, NULL, &other));
	REQUIRE(!accel_program_create(other, &foreign));
	CHECK(!accel_program_finish(foreign));
	REQUIRE(!accel_program_create(b.context, &unfinished));
	CHECK_ERR(accel_queue_submit(b.queue, &job, 0, &fence), -EINVAL);
	CHECK_ERR(accel_queue_submit(b.queue, NULL, 1, &fence), -EINVAL);
	CHECK_ERR(accel_queue_submit(NULL, &job, 1, &fence), -EINVAL);
	job.program = foreign;
	CHECK_ERR_TEXT(accel_queue_submit(b.queue, &job, 1, &fence), -EINVAL, "another context");
	job.program = unfinished;
	CHECK_ERR_TEXT(accel_queue_submit(b.queue, &job, 1, &fence), -EINVAL, "not finished");
	job.program = NULL;
	job.flags = 1;
	CHECK_ERR_TEXT(accel_queue_submit(b.queue, &job, 1, &fence), -EINVAL, "flags");
	job.flags = 0;
	job.nwaits = 1;
	CHECK_ERR(accel_queue_submit(b.queue, &job, 1, &fence), -EINVAL);
	job.waits = &none;
	CHECK_ERR_TEXT(accel_queue_submit(b.queue, &job, 1, &fence), -EINVAL, "waits[0]");
	job.nwaits = UINT32_MAX;
	CHECK_ERR(accel_queue_submit(b.queue, &job, 1, &fence), -E2BIG);
	job.nwaits = 0;
	job.sz = 4;
	CHECK_ERR(accel_queue_submit(b.queue, &job, 1, &fence), -EINVAL);
	job.sz = sizeof(job);
	many = calloc(p.jobs_max + 1, sizeof(job));
	REQUIRE(many);
	for (uint32_t i = 0; i <= p.jobs_max; i++)
		many[i].sz = sizeof(job);
	CHECK_ERR(accel_queue_submit(b.queue, many, p.jobs_max + 1, &fence), -E2BIG);
	/* All or none: the last of three is bad. */
	many[2].flags = 1;
	CHECK_ERR(accel_queue_submit(b.queue, many, 3, &fence), -EINVAL);
	CHECK(!fence);
	CHECK_EQ(accel_queue_submitted(b.queue), 0);
	free(many);
	accel_program_unref(unfinished);
	accel_program_unref(foreign);
	accel_context_unref(other);
	bench_close(&b);
}

static void batches(void)
{
	enum { COUNT = 64 };
	struct accel_job jobs[COUNT];
	struct accel_program *program;
	struct accel_buffer *buffer;
	struct accel_fence *fence;
	struct accel_result r;
	uint64_t *mem;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	buffer = bench_buffer(&b, 4096, &mem);
	for (int i = 0; i < COUNT; i++) {
		jobs[i] = (struct accel_job)ACCEL_INIT(jobs[i]);
		jobs[i].program = program_store(&b, buffer, 8 * (uint64_t)i, 100 + (uint64_t)i);
		jobs[i].cookie = (uint64_t)i;
	}
	for (int round = 0; round < 20; round++) {
		memset(mem, 0, 4096);
		REQUIRE(!accel_queue_submit(b.queue, jobs, COUNT, &fence));
		CHECK(!accel_fence_wait(fence, soon()));
		CHECK(!accel_fence_result(fence, &r));
		CHECK(r.cookie == COUNT - 1 && r.number == (uint64_t)(round + 1) * COUNT);
		for (int i = 0; i < COUNT; i++)
			CHECK(mem[i] == 100 + (uint64_t)i);
		accel_fence_unref(fence);
	}
	/* In order: the last store wins. */
	for (int i = 0; i < COUNT; i++) {
		accel_program_unref(jobs[i].program);
		jobs[i].program = program_store(&b, buffer, 0, (uint64_t)i);
	}
	CHECK(!accel_queue_submit(b.queue, jobs, COUNT, NULL));
	program = program_empty(&b);
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK_EQ(mem[0], COUNT - 1);
	accel_program_unref(program);
	for (int i = 0; i < COUNT; i++)
		accel_program_unref(jobs[i].program);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

/* An array of jobs of a later version of the library, and of one. */
static void job_structures_of_other_sizes(void)
{
	struct {
		struct accel_job job;
		uint64_t unknown;
	} newer[2] = { { .job = { .sz = sizeof(newer[0]) } }, { .job = { .sz = 1 } } };
	struct {
		size_t sz;
		struct accel_program *program;
	} older[2] = { { 16, NULL }, { 16, NULL } };
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	CHECK(!accel_queue_submit(b.queue, &newer[0].job, 2, NULL));
	newer[1].unknown = 1;
	CHECK_ERR(accel_queue_submit(b.queue, &newer[0].job, 2, NULL), -E2BIG);
	older[0].program = older[1].program = program_empty(&b);
	CHECK(!accel_queue_submit(b.queue, (struct accel_job *)older, 2, NULL));
	CHECK(!accel_queue_drain(b.queue, soon()));
	CHECK_EQ(accel_queue_submitted(b.queue), 4);
	accel_program_unref(older[0].program);
	bench_close(&b);
}

static void depth(void)
{
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct accel_job job = ACCEL_INIT(job), many[9];
	struct accel_fence *blocker, *fence = NULL;
	struct accel_queue *other;
	struct bench b;

	o.depth = 8;
	REQUIRE(bench_open(&b, &o));
	REQUIRE(!accel_queue_create(b.context, NULL, &other));
	/* Nothing here finishes before the job of the other queue, which hangs. */
	job.program = program_hang(&b, true);
	REQUIRE(!accel_queue_submit(other, &job, 1, &blocker));
	accel_program_unref(job.program);
	job.program = NULL;
	job.waits = &blocker;
	job.nwaits = 1;
	REQUIRE(!accel_queue_submit(b.queue, &job, 1, NULL));
	for (int i = 0; i < 9; i++)
		many[i] = (struct accel_job)ACCEL_INIT(many[i]);
	CHECK_ERR(accel_queue_submit(b.queue, many, 9, &fence), -E2BIG);
	CHECK_ERR_TEXT(accel_queue_submit(b.queue, many, 8, &fence), -EAGAIN, "depth");
	CHECK(!accel_queue_submit(b.queue, many, 6, NULL));
	CHECK(!accel_queue_submit(b.queue, many, 1, &fence));
	CHECK_ERR(accel_queue_submit(b.queue, many, 1, NULL), -EAGAIN);
	CHECK_EQ(accel_queue_submitted(b.queue), 8);
	CHECK(!accel_fence_poll(fence));
	CHECK_ERR(accel_fence_result(fence, NULL), -EBUSY);
	CHECK_ERR(accel_fence_wait(fence, 0), -ETIME);
	CHECK_ERR(accel_fence_wait(fence, accel_deadline(20000000)), -ETIME);
	CHECK_ERR(accel_queue_drain(b.queue, accel_deadline(1000000)), -ETIME);
	/* The end of the blocking queue cancels its job, on which ours depend. */
	accel_queue_unref(other);
	CHECK(accel_fence_poll(blocker));
	CHECK_EQ(accel_fence_result(blocker, NULL), -ECANCELED);
	CHECK(!accel_fence_wait(fence, soon()));
	CHECK(!accel_fence_result(fence, NULL));
	CHECK(!accel_queue_submit(b.queue, many, 8, NULL));
	accel_fence_unref(blocker);
	accel_fence_unref(fence);
	bench_close(&b);
}

static void many_jobs_through_a_small_queue(void)
{
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct accel_job job = ACCEL_INIT(job);
	struct accel_fence *fences[1000];
	struct accel_result r;
	struct bench b;

	o.depth = 4;
	REQUIRE(bench_open(&b, &o));
	job.program = program_empty(&b);
	/* Fences keep their results when their slots are used again. */
	for (uint64_t i = 0; i < 1000; i++) {
		int ret;

		job.cookie = i;
		while ((ret = accel_queue_submit(b.queue, &job, 1, &fences[i])) == -EAGAIN)
			CHECK(!accel_fence_wait(fences[i - 4], soon()));
		REQUIRE(!ret);
	}
	for (uint64_t i = 0; i < 1000; i++) {
		CHECK(!accel_fence_wait(fences[i], soon()));
		CHECK(!accel_fence_result(fences[i], &r));
		CHECK(r.number == i + 1 && r.cookie == i);
		accel_fence_unref(fences[i]);
	}
	accel_program_unref(job.program);
	bench_close(&b);
}

static void waits_between_queues(void)
{
	struct accel_job job = ACCEL_INIT(job), two[2];
	struct accel_fence *fence, *fences[3];
	struct accel_queue *queues[3];
	struct accel_buffer *buffer;
	struct accel_tensor x, y;
	uint64_t *mem;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	buffer = bench_buffer(&b, 4096, &mem);
	for (int i = 0; i < 3; i++)
		REQUIRE(!accel_queue_create(b.context, NULL, &queues[i]));
	/* A chain round the queues: word i becomes word i - 1. */
	mem[0] = 4711;
	fence = NULL;
	for (unsigned int i = 1; i < 300; i++) {
		struct accel_program *program;
		struct accel_fence *next;

		accel_tensor_init(&x, buffer, 8 * (i - 1), ACCEL_U64, 0, NULL);
		accel_tensor_init(&y, buffer, 8 * i, ACCEL_U64, 0, NULL);
		REQUIRE(!accel_program_create(b.context, &program));
		CHECK(!accel_program_copy(program, &y, &x));
		CHECK(!accel_program_finish(program));
		job.program = program;
		job.waits = &fence;
		job.nwaits = fence ? 1 : 0;
		REQUIRE(!accel_queue_submit(queues[i % 3], &job, 1, &next));
		accel_program_unref(program);
		accel_fence_unref(fence);
		fence = next;
	}
	CHECK(!accel_fence_wait(fence, soon()));
	CHECK_EQ(mem[299], 4711);
	accel_fence_unref(fence);
	/* Several fences, finished ones among them, in the middle of a batch. */
	job.program = NULL;
	job.nwaits = 0;
	for (int i = 0; i < 3; i++)
		REQUIRE(!accel_queue_submit(queues[i], &job, 1, &fences[i]));
	CHECK(!accel_fence_wait(fences[0], soon()));
	two[0] = two[1] = (struct accel_job)ACCEL_INIT(two[0]);
	two[1].waits = fences;
	two[1].nwaits = 3;
	CHECK(!accel_queue_submit(b.queue, two, 2, &fence));
	CHECK(!accel_fence_wait(fence, soon()));
	accel_fence_unref(fence);
	for (int i = 0; i < 3; i++) {
		accel_fence_unref(fences[i]);
		accel_queue_unref(queues[i]);
	}
	accel_buffer_unref(buffer);
	bench_close(&b);
}

static void fences_of_other_devices(void)
{
	struct accel_job job = ACCEL_INIT(job);
	struct accel_fence *fence;
	struct bench b, other;

	REQUIRE(bench_open(&b, NULL));
	REQUIRE(bench_open(&other, NULL));
	REQUIRE(!accel_queue_submit(other.queue, &job, 1, &fence));
	job.waits = &fence;
	job.nwaits = 1;
	CHECK_ERR_TEXT(accel_queue_submit(b.queue, &job, 1, NULL), -EINVAL, "another device");
	accel_fence_unref(fence);
	bench_close(&other);
	bench_close(&b);
}

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && p.revents & POLLIN;
}

/* A job that ends when the caller says so: it waits for a hanging one. */
struct gate {
	struct accel_queue *queue;
	struct accel_fence *fence;
	struct accel_job job;
};

static bool gate_close(struct gate *gate, struct bench *b)
{
	struct accel_job job = ACCEL_INIT(job);
	bool ok;

	job.program = program_hang(b, true);
	ok = CHECK(!accel_queue_create(b->context, NULL, &gate->queue)) &&
	     CHECK(!accel_queue_submit(gate->queue, &job, 1, &gate->fence));
	accel_program_unref(job.program);
	gate->job = (struct accel_job)ACCEL_INIT(job);
	gate->job.waits = &gate->fence;
	gate->job.nwaits = 1;
	return ok;
}

static void gate_open(struct gate *gate)
{
	accel_queue_unref(gate->queue);
	accel_fence_unref(gate->fence);
}

static void descriptors_of_fences(void)
{
	struct accel_fence *fence, *later;
	struct accel_job job = ACCEL_INIT(job);
	struct epoll_event event = { .events = EPOLLIN }, got;
	int fd, fd2, ep;
	struct gate gate;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	REQUIRE(gate_close(&gate, &b));
	REQUIRE(!accel_queue_submit(b.queue, &gate.job, 1, &fence));
	REQUIRE(!accel_queue_submit(b.queue, &job, 1, &later));
	REQUIRE(!accel_fence_fd(fence, &fd));
	REQUIRE(!accel_fence_fd(later, &fd2));
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK(!readable(fd, 0) && !readable(fd2, 0));
	ep = epoll_create1(EPOLL_CLOEXEC);
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, fd2, &event));
	CHECK_EQ(epoll_wait(ep, &got, 1, 0), 0);
	gate_open(&gate);
	CHECK(readable(fd, 120000) && readable(fd2, 120000));
	CHECK_EQ(epoll_wait(ep, &got, 1, 120000), 1);
	CHECK(accel_fence_poll(fence) && accel_fence_poll(later));
	/* It stays readable, and outlives its fence. */
	accel_fence_unref(fence);
	CHECK(readable(fd, 0));
	close(fd);
	close(fd2);
	/* Of a fence that is finished already. */
	REQUIRE(!accel_fence_fd(later, &fd));
	CHECK(readable(fd, 120000));
	close(fd);
	close(ep);
	accel_fence_unref(later);
	/* Closed early: nobody minds. */
	REQUIRE(gate_close(&gate, &b));
	REQUIRE(!accel_queue_submit(b.queue, &gate.job, 1, &fence));
	REQUIRE(!accel_fence_fd(fence, &fd));
	close(fd);
	gate_open(&gate);
	CHECK(!accel_fence_wait(fence, soon()));
	accel_fence_unref(fence);
	bench_close(&b);
}

static void sync_files(void)
{
	struct accel_fence *fence, *imported = NULL;
	struct accel_job job = ACCEL_INIT(job);
	struct gate gate;
	struct bench b, other;
	int fd;

	REQUIRE(bench_open(&b, NULL));
	if (!accel_device_has(b.device, ACCEL_CAP_SYNC_FILE)) {
		CHECK_ERR(accel_fence_import(b.device, 0, &imported), -EOPNOTSUPP);
		bench_close(&b);
		return;
	}
	CHECK_ERR(accel_fence_import(b.device, 0, &imported), -EINVAL);
	CHECK_ERR(accel_fence_import(b.device, -1, &imported), -EBADF);
	/* From one opening of the card to another, as to another process. */
	REQUIRE(bench_open(&other, NULL));
	REQUIRE(gate_close(&gate, &b));
	REQUIRE(!accel_queue_submit(b.queue, &gate.job, 1, &fence));
	REQUIRE(!accel_fence_fd(fence, &fd));
	REQUIRE(!accel_fence_import(other.device, fd, &imported));
	close(fd);
	accel_fence_unref(fence);
	CHECK(!accel_fence_poll(imported));
	CHECK_EQ(accel_fence_number(imported), 0);
	CHECK_ERR(accel_fence_wait(imported, accel_deadline(1000000)), -ETIME);
	job.waits = &imported;
	job.nwaits = 1;
	REQUIRE(!accel_queue_submit(other.queue, &job, 1, &fence));
	CHECK(!accel_fence_poll(fence));
	gate_open(&gate);
	CHECK(!accel_fence_wait(imported, soon()));
	CHECK(accel_fence_poll(imported));
	CHECK(!accel_fence_result(imported, NULL));
	CHECK(!accel_fence_wait(fence, soon()));
	REQUIRE(!accel_fence_fd(imported, &fd));
	CHECK(readable(fd, 0));
	close(fd);
	accel_fence_unref(imported);
	accel_fence_unref(fence);
	bench_close(&other);
	bench_close(&b);
}

static void reaping(void)
{
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct accel_job jobs[8];
	struct accel_result r[8];
	struct gate gate;
	uint64_t next = 3;
	struct bench b;
	int fd, again, n;

	o.depth = 8;
	REQUIRE(bench_open(&b, &o));
	for (int i = 0; i < 8; i++)
		jobs[i] = (struct accel_job)ACCEL_INIT(jobs[i]);
	CHECK_ERR(accel_queue_reap(b.queue, r, 8), -EINVAL);
	/* What finished before counts for nothing; what is under way is reported. */
	CHECK(!accel_queue_submit(b.queue, jobs, 2, NULL));
	CHECK(!accel_queue_drain(b.queue, soon()));
	REQUIRE(gate_close(&gate, &b));
	CHECK(!accel_queue_submit(b.queue, &gate.job, 1, NULL));
	REQUIRE(!accel_queue_event_fd(b.queue, &fd));
	CHECK(!accel_queue_event_fd(b.queue, &again) && again == fd);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK_EQ(accel_queue_reap(b.queue, r, 8), 0);
	CHECK(!readable(fd, 0));
	gate_open(&gate);
	CHECK(readable(fd, 120000));
	CHECK_EQ(accel_queue_reap(b.queue, r, 8), 1);
	CHECK(r[0].number == next++);
	/* Unreaped jobs fill the queue. */
	CHECK(!accel_queue_submit(b.queue, jobs, 8, NULL));
	CHECK(!accel_queue_drain(b.queue, soon()));
	CHECK_ERR_TEXT(accel_queue_submit(b.queue, jobs, 1, NULL), -EAGAIN, "reap");
	CHECK(readable(fd, 120000));
	CHECK_EQ(accel_queue_reap(b.queue, r, 3), 3);
	CHECK(readable(fd, 0));
	for (int i = 0; i < 3; i++)
		CHECK(r[i].number == next++ && r[i].outcome == ACCEL_JOB_OK);
	CHECK(!accel_queue_submit(b.queue, jobs, 3, NULL));
	CHECK_ERR(accel_queue_submit(b.queue, jobs, 1, NULL), -EAGAIN);
	CHECK(!accel_queue_drain(b.queue, soon()));
	CHECK_EQ(accel_queue_reap(b.queue, NULL, 0), 0);
	CHECK_EQ(accel_queue_reap(b.queue, r, 8), 8);
	for (int i = 0; i < 8; i++)
		CHECK(r[i].number == next++);
	CHECK_EQ(accel_queue_reap(b.queue, r, 8), 0);
	/* An event loop: each result once, in order. */
	for (int round = 0; round < 50; round++) {
		struct accel_fence *fence;
		int left = 1 + round % 8;

		for (int i = 0; i < left; i++)
			jobs[i].cookie = next + (uint64_t)i;
		CHECK(!accel_queue_submit(b.queue, jobs, (size_t)left, &fence));
		while (left) {
			if (!CHECK(readable(fd, 120000)))
				break;
			n = accel_queue_reap(b.queue, r, 2);
			CHECK(n >= 0 && n <= 2);
			for (int i = 0; i < n; i++) {
				CHECK(r[i].number == next && r[i].cookie == next);
				next++;
			}
			left -= n;
		}
		/* A fence of a reaped job has its result all the same. */
		CHECK(!accel_fence_result(fence, &r[0]));
		CHECK_EQ(r[0].number, next - 1);
		accel_fence_unref(fence);
	}
	CHECK_ERR(accel_queue_event_fd(NULL, &fd), -EINVAL);
	CHECK_ERR(accel_queue_reap(b.queue, NULL, 1), -EINVAL);
	bench_close(&b);
}

static void unref_cancels(void)
{
	struct accel_fence *fence, *first;
	struct accel_job job = ACCEL_INIT(job);
	struct accel_result r;
	struct accel_queue *queue;
	char text[200];
	struct gate gate;
	struct bench b;
	int fd;

	REQUIRE(bench_open(&b, NULL));
	REQUIRE(gate_close(&gate, &b));
	REQUIRE(!accel_queue_create(b.context, NULL, &queue));
	gate.job.cookie = 55;
	REQUIRE(!accel_queue_submit(queue, &gate.job, 1, &first));
	REQUIRE(!accel_queue_submit(queue, &job, 1, &fence));
	REQUIRE(!accel_fence_fd(fence, &fd));
	accel_queue_unref(queue);
	CHECK(accel_fence_poll(fence));
	CHECK(!accel_fence_wait(fence, 0));
	/* What they waited for has not happened, nor been waited for. */
	CHECK(!accel_fence_poll(gate.fence));
	CHECK_EQ(accel_fence_result(first, &r), -ECANCELED);
	CHECK(r.outcome == ACCEL_JOB_CANCELED && r.number == 1 && r.cookie == 55);
	CHECK(accel_result_describe(&r, text, sizeof(text)) > 0 && strstr(text, "canceled"));
	accel_fence_unref(first);
	accel_fence_unref(fence);
	/* The descriptor may become readable as late as this. */
	gate_open(&gate);
	CHECK(readable(fd, 120000));
	close(fd);
	bench_close(&b);
}

static void all_queues_that_fit(void)
{
	struct accel_device_props p = ACCEL_INIT(p);
	struct accel_queue **queues;
	struct accel_program *program;
	struct bench b;
	uint32_t n = 0;
	int ret = 0;

	REQUIRE(bench_open(&b, NULL));
	CHECK(!accel_device_props(b.device, &p));
	queues = calloc(p.contexts + 1, sizeof(*queues));
	REQUIRE(queues);
	program = program_empty(&b);
	while (n <= p.contexts && !(ret = accel_queue_create(b.context, NULL, &queues[n])))
		n++;
	CHECK_ERR(ret, -ENOSPC);
	CHECK(n >= 1 && n < p.contexts);
	for (uint32_t i = 0; i < n; i++) {
		CHECK(!accel_queue_run(queues[i], program, soon(), NULL));
		accel_queue_unref(queues[i]);
	}
	/* And again. */
	CHECK(!accel_queue_create(b.context, NULL, &queues[0]));
	CHECK(!accel_queue_run(queues[0], program, soon(), NULL));
	accel_queue_unref(queues[0]);
	accel_program_unref(program);
	free(queues);
	bench_close(&b);
}

static volatile sig_atomic_t signalled;

static void handler(int sig)
{
	signalled = sig;
}

struct sleeper {
	struct accel_queue *queue;	/* to drain; NULL: wait for the fence */
	struct accel_fence *fence;
	int ret;
	int recorded;
	int tid;
	pthread_t thread;
};

static void *sleep_on_it(void *arg)
{
	struct sleeper *s = arg;

	__atomic_store_n(&s->tid, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
	s->ret = s->queue ? accel_queue_drain(s->queue, accel_deadline(100 * SECOND))
			  : accel_fence_wait(s->fence, accel_deadline(100 * SECOND));
	s->recorded = accel_last_error()->code;
	__atomic_store_n(&s->tid, -1, __ATOMIC_RELEASE);
	return NULL;
}

static void interrupted(bool drain)
{
	struct sigaction action = { .sa_handler = handler }, old;
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct sleeper s = { 0 };
	struct gate gate;
	struct bench b;

	o.spin_ns = ACCEL_NO_SPIN;
	REQUIRE(bench_open(&b, &o));
	sigaction(SIGUSR1, &action, &old);
	REQUIRE(gate_close(&gate, &b));
	REQUIRE(!accel_queue_submit(b.queue, &gate.job, 1, &s.fence));
	if (drain)
		s.queue = b.queue;
	REQUIRE(!pthread_create(&s.thread, NULL, sleep_on_it, &s));
	/* It may not sleep yet when the first one comes: so until it is through. */
	while (__atomic_load_n(&s.tid, __ATOMIC_ACQUIRE) != -1) {
		pthread_kill(s.thread, SIGUSR1);
		poll(NULL, 0, 1);
	}
	pthread_join(s.thread, NULL);
	CHECK_EQ(s.ret, -EINTR);
	CHECK_EQ(s.recorded, -EINTR);
	CHECK_EQ(signalled, SIGUSR1);
	gate_open(&gate);
	CHECK(!accel_fence_wait(s.fence, soon()));
	accel_fence_unref(s.fence);
	sigaction(SIGUSR1, &old, NULL);
	bench_close(&b);
}

static void signals_interrupt_waits(void)
{
	interrupted(false);
}

static void signals_interrupt_drains(void)
{
	interrupted(true);
}

static const struct check_test tests[] = {
	TEST(options),
	TEST(numbers_cookies_and_times),
	TEST(refused_submissions),
	TEST(batches),
	TEST(job_structures_of_other_sizes),
	TEST(depth),
	TEST(many_jobs_through_a_small_queue),
	TEST(waits_between_queues),
	TEST(fences_of_other_devices),
	TEST(descriptors_of_fences),
	TEST(sync_files),
	TEST(reaping),
	TEST(unref_cancels),
	TEST(all_queues_that_fit),
	TEST(signals_interrupt_waits),
	TEST(signals_interrupt_drains),
};

CHECK_MAIN(tests)
