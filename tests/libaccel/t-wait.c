// SPDX-License-Identifier: MIT
/*
 * Waiting: polling first, then sleeping, and what one must not cost or hide from the other.
 */
#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "check.h"

/* Longer than any test: who polls that long never sleeps. */
#define LONG_SPIN	(600 * SECOND)

static bool open_polling(struct bench *b, uint32_t timeout_ms)
{
	struct accel_queue_opts o = ACCEL_INIT(o);

	o.spin_ns = LONG_SPIN;
	o.timeout_ms = timeout_ms;
	return bench_open(b, &o);
}

static struct accel_fence *start(struct bench *b, struct accel_program *program)
{
	struct accel_job job = ACCEL_INIT(job);
	struct accel_fence *fence = NULL;

	job.program = program;
	CHECK(!accel_queue_submit(b->queue, &job, 1, &fence));
	accel_program_unref(program);
	return fence;
}

static uint64_t thread_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

/* Who waits for a long job leaves the processor to others. */
static void a_sleeping_waiter_costs_nothing(void)
{
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct accel_fence *fence;
	uint64_t wall, cpu;
	struct bench b;

	o.timeout_ms = 60000;
	REQUIRE(bench_open(&b, &o));
	fence = start(&b, program_hang(&b, true));
	REQUIRE(fence);
	wall = accel_now();
	cpu = thread_time();
	CHECK_ERR(accel_fence_wait(fence, accel_deadline(SECOND)), -ETIME);
	cpu = thread_time() - cpu;
	wall = accel_now() - wall;
	printf("# waited %llu us, used %llu us\n", (unsigned long long)wall / 1000,
	       (unsigned long long)cpu / 1000);
	CHECK(wall >= SECOND);
	CHECK(cpu < wall / 4);
	accel_fence_unref(fence);
	bench_close(&b);
}

static void polling_sees_every_job(void)
{
	struct accel_buffer *buffer;
	struct bench b;
	uint64_t *mem;

	REQUIRE(open_polling(&b, 0));
	buffer = bench_buffer(&b, 4096, &mem);
	for (uint64_t i = 1; i <= 300; i++) {
		struct accel_fence *fence = start(&b, program_store(&b, buffer, 0, i));
		struct accel_result r;

		REQUIRE(fence);
		CHECK(!accel_fence_wait(fence, soon()));
		CHECK_EQ(mem[0], i);
		CHECK(!accel_fence_result(fence, &r));
		CHECK(r.number == i && r.outcome == ACCEL_JOB_OK && r.t_end >= r.t_start);
		accel_fence_unref(fence);
	}
	accel_buffer_unref(buffer);
	bench_close(&b);
}

/* A word in memory is no outcome: the job goes on behind it, and fails. */
static void a_job_that_fails_after_its_last_word(void)
{
	struct accel_program *program;
	struct accel_buffer *buffer;
	struct accel_fence *fence;
	struct accel_result r;
	struct bench b;
	uint64_t *mem;

	REQUIRE(open_polling(&b, 200));
	buffer = bench_buffer(&b, 4096, &mem);
	REQUIRE(!accel_program_create(b.context, &program));
	CHECK(!accel_program_fence(program, buffer, 0, 5));
	CHECK(!accel_program_hang(program, false));
	CHECK(!accel_program_finish(program));
	fence = start(&b, program);
	REQUIRE(fence);
	while (__atomic_load_n(&mem[0], __ATOMIC_ACQUIRE) != 5)
		poll(NULL, 0, 1);
	CHECK(!accel_fence_poll(fence));
	CHECK(!accel_fence_wait(fence, soon()));
	CHECK_EQ(accel_fence_result(fence, &r), -ETIME);
	CHECK_EQ(r.outcome, ACCEL_JOB_TIMEOUT);
	accel_fence_unref(fence);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

static void polling_ends_with_the_deadline(void)
{
	struct accel_fence *fence;
	struct bench b;

	REQUIRE(open_polling(&b, 60000));
	fence = start(&b, program_hang(&b, false));
	REQUIRE(fence);
	CHECK_ERR(accel_fence_wait(fence, accel_deadline(SECOND / 50)), -ETIME);
	CHECK_ERR(accel_fence_wait(fence, 0), -ETIME);
	CHECK_ERR(accel_fence_wait(fence, 1), -ETIME);
	accel_fence_unref(fence);
	bench_close(&b);
}

struct waiter {
	pthread_t thread;
	struct accel_fence *fence;
	int ret;
};

static void *wait_run(void *arg)
{
	struct waiter *waiter = arg;

	waiter->ret = accel_fence_wait(waiter->fence, soon());
	accel_fence_unref(waiter->fence);
	return NULL;
}

/* Several threads poll for one job while others are submitted and finish. */
static void several_threads_poll(void)
{
	enum { COUNT = 4 };
	struct waiter waiters[COUNT];
	struct accel_fence *fence;
	struct bench b;

	REQUIRE(open_polling(&b, 0));
	for (int round = 0; round < 50; round++) {
		fence = start(&b, program_empty(&b));
		REQUIRE(fence);
		for (int i = 0; i < COUNT; i++) {
			waiters[i].fence = accel_fence_ref(fence);
			CHECK(!pthread_create(&waiters[i].thread, NULL, wait_run, &waiters[i]));
		}
		accel_fence_unref(fence);
		for (int i = 0; i < COUNT; i++) {
			pthread_join(waiters[i].thread, NULL);
			CHECK_EQ(waiters[i].ret, 0);
		}
	}
	bench_close(&b);
}

/* The last reference of the queue goes while somebody polls for a job of it. */
static void the_queue_goes_meanwhile(void)
{
	struct accel_result r;
	struct waiter waiter;
	struct bench b;

	REQUIRE(open_polling(&b, 60000));
	waiter.fence = start(&b, program_hang(&b, true));
	REQUIRE(waiter.fence);
	accel_fence_ref(waiter.fence);
	CHECK(!pthread_create(&waiter.thread, NULL, wait_run, &waiter));
	accel_queue_unref(b.queue);
	b.queue = NULL;
	pthread_join(waiter.thread, NULL);
	CHECK_EQ(waiter.ret, 0);
	CHECK_EQ(accel_fence_result(waiter.fence, &r), -ECANCELED);
	accel_fence_unref(waiter.fence);
	bench_close(&b);
}

/* Whoever saw it first: each result is collected once. */
static void polled_results_are_reaped_once(void)
{
	struct accel_job job = ACCEL_INIT(job);
	struct accel_result results[8];
	struct pollfd pfd = { .events = POLLIN };
	uint64_t next = 1;
	struct bench b;

	REQUIRE(open_polling(&b, 0));
	REQUIRE(!accel_queue_event_fd(b.queue, &pfd.fd));
	job.program = program_empty(&b);
	for (uint64_t i = 1; i <= 200; i++) {
		struct accel_fence *fence;
		int n;

		job.cookie = i;
		REQUIRE(!accel_queue_submit(b.queue, &job, 1, &fence));
		CHECK(!accel_fence_wait(fence, soon()));
		accel_fence_unref(fence);
		if (i % 5)
			continue;
		CHECK_EQ(poll(&pfd, 1, 60000), 1);
		n = accel_queue_reap(b.queue, results, 8);
		CHECK_EQ(n, 5);
		for (int k = 0; k < n; k++, next++)
			CHECK(results[k].number == next && results[k].cookie == next);
	}
	CHECK_EQ(accel_queue_reap(b.queue, results, 8), 0);
	accel_program_unref(job.program);
	bench_close(&b);
}

static const struct check_test tests[] = {
	TEST(a_sleeping_waiter_costs_nothing),
	TEST(polling_sees_every_job),
	TEST(a_job_that_fails_after_its_last_word),
	TEST(polling_ends_with_the_deadline),
	TEST(several_threads_poll),
	TEST(the_queue_goes_meanwhile),
	TEST(polled_results_are_reaped_once),
};

CHECK_MAIN(tests)
