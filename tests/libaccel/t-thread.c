// SPDX-License-Identifier: MIT
/*
 * Many threads on one queue and on several, with everything shared.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "check.h"

#define THREADS	4

static struct bench b;
static struct accel_buffer *buffer;
static _Atomic uint64_t *words;
static atomic_uint bad;

struct worker {
	pthread_t thread;
	unsigned int index;
	unsigned int rounds;
	struct accel_queue *queue;
	struct accel_fence *fence;
};

#define MUST(cond) \
	do { \
		if (!(cond)) { \
			if (!atomic_fetch_add(&bad, 1)) \
				printf("# line %d: %s: %s\n", __LINE__, #cond, \
				       accel_last_error()->text); \
			return NULL; \
		} \
	} while (0)

static void run(void *(*fn)(void *), struct worker *workers)
{
	for (unsigned int i = 0; i < THREADS; i++) {
		workers[i].index = i;
		CHECK(!pthread_create(&workers[i].thread, NULL, fn, &workers[i]));
	}
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	CHECK_EQ(atomic_load(&bad), 0);
}

static bool start(void)
{
	atomic_store(&bad, 0);
	if (!bench_open(&b, NULL))
		return false;
	buffer = bench_buffer(&b, 4096, &words);
	return true;
}

static void end(void)
{
	accel_buffer_unref(buffer);
	bench_close(&b);
}

static void *submitter(void *arg)
{
	struct worker *w = arg;
	struct accel_program *program = program_store(&b, buffer, 64 * w->index, w->index + 1);
	struct accel_job jobs[3] = { { .sz = sizeof(jobs[0]) } };

	for (unsigned int i = 0; i < w->rounds; i++) {
		struct accel_fence *fence;
		struct accel_result r;
		int ret;

		for (int j = 0; j < 3; j++) {
			jobs[j].program = program;
			jobs[j].cookie = (uint64_t)w->index << 32 | i;
		}
		do {
			ret = accel_queue_submit(w->queue, jobs, 1 + i % 3, &fence);
		} while (ret == -EAGAIN);
		MUST(!ret);
		MUST(!accel_fence_wait(fence, soon()));
		MUST(!accel_fence_result(fence, &r));
		MUST(r.cookie == jobs[0].cookie && r.number == accel_fence_number(fence));
		MUST(atomic_load(&words[8 * w->index]) == w->index + 1);
		accel_fence_unref(fence);
	}
	accel_program_unref(program);
	return NULL;
}

static void one_queue(void)
{
	struct worker workers[THREADS] = { 0 };

	REQUIRE(start());
	for (int i = 0; i < THREADS; i++) {
		workers[i].queue = b.queue;
		workers[i].rounds = 300;
	}
	run(submitter, workers);
	CHECK_EQ(accel_queue_submitted(b.queue), THREADS * 600);
	end();
}

static void several_queues(void)
{
	struct worker workers[THREADS] = { 0 };

	REQUIRE(start());
	for (int i = 0; i < THREADS; i++) {
		REQUIRE(!accel_queue_create(b.context, NULL, &workers[i].queue));
		workers[i].rounds = 300;
	}
	run(submitter, workers);
	for (int i = 0; i < THREADS; i++)
		accel_queue_unref(workers[i].queue);
	end();
}

static void *builder(void *arg)
{
	struct worker *w = arg;

	for (unsigned int i = 0; i < w->rounds; i++) {
		struct accel_buffer *mine;
		struct accel_program *program;
		struct accel_queue *queue;
		uint64_t *mem;

		MUST(!accel_buffer_alloc(b.context, 4096 << i % 4, 0, &mine));
		MUST(!accel_buffer_map(mine, (void **)&mem));
		program = program_store(&b, mine, 8, i + 1);
		MUST(!accel_queue_create(b.context, NULL, &queue));
		MUST(!accel_queue_run(queue, program, soon(), NULL));
		MUST(mem[1] == i + 1 && !mem[0]);
		accel_queue_unref(queue);
		accel_program_unref(program);
		accel_buffer_unref(mine);
	}
	return NULL;
}

static void making_and_dropping(void)
{
	struct worker workers[THREADS] = { 0 };

	REQUIRE(start());
	for (int i = 0; i < THREADS; i++)
		workers[i].rounds = 60;
	run(builder, workers);
	end();
}

static void *multiplier(void *arg)
{
	struct worker *w = arg;

	for (unsigned int i = 0; i < w->rounds; i++) {
		float x = (float)(w->index + 1), y = (float)i, z = -1;
		struct accel_matrix mx = { &x, ACCEL_F32, false, 0 };
		struct accel_matrix my = { &y, ACCEL_F32, false, 0 };
		struct accel_matrix mz = { &z, ACCEL_F32, false, 0 };

		MUST(!accel_gemm_host(b.queue, 1, 1, 1, &mx, &my, &mz, NULL));
		MUST(z == x * y);
	}
	return NULL;
}

static void matrix_products(void)
{
	struct worker workers[THREADS] = { 0 };

	REQUIRE(start());
	for (int i = 0; i < THREADS; i++)
		workers[i].rounds = 100;
	run(multiplier, workers);
	end();
}

static void *waiter(void *arg)
{
	struct worker *w = arg;

	MUST(!accel_fence_wait(w->fence, soon()));
	MUST(accel_fence_poll(w->fence));
	MUST(!accel_fence_result(w->fence, NULL));
	accel_fence_unref(w->fence);
	return NULL;
}

/* All wait for one fence, which ends when its queue has been through a chain. */
static void one_fence(void)
{
	struct worker workers[THREADS] = { 0 };

	REQUIRE(start());
	for (int round = 0; round < 30; round++) {
		struct accel_job job = ACCEL_INIT(job);
		struct accel_fence *fence;

		job.program = program_store(&b, buffer, 0, 1);
		REQUIRE(!accel_queue_submit(b.queue, &job, 1, &fence));
		accel_program_unref(job.program);
		for (int i = 0; i < THREADS; i++)
			workers[i].fence = accel_fence_ref(fence);
		accel_fence_unref(fence);
		run(waiter, workers);
	}
	end();
}

static atomic_uint reaped;

static void *reaper(void *arg)
{
	struct worker *w = arg;
	struct accel_result r[5];

	while (atomic_load(&reaped) < w->rounds) {
		int n = accel_queue_reap(b.queue, r, 5);

		MUST(n >= 0);
		for (int i = 1; i < n; i++)
			MUST(r[i].number == r[i - 1].number + 1);
		atomic_fetch_add(&reaped, (unsigned int)n);
	}
	return NULL;
}

static void reaping(void)
{
	struct accel_job job = ACCEL_INIT(job);
	struct worker workers[THREADS] = { 0 };
	unsigned int count = 2000;
	int fd;

	REQUIRE(start());
	REQUIRE(!accel_queue_event_fd(b.queue, &fd));
	atomic_store(&reaped, 0);
	job.program = program_empty(&b);
	for (unsigned int i = 0; i < THREADS; i++) {
		workers[i].rounds = count;
		CHECK(!pthread_create(&workers[i].thread, NULL, reaper, &workers[i]));
	}
	for (unsigned int i = 0; i < count;) {
		int ret = accel_queue_submit(b.queue, &job, 1, NULL);

		if (!ret)
			i++;
		else if (!CHECK_EQ(ret, -EAGAIN))
			break;
	}
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	CHECK_EQ(atomic_load(&bad), 0);
	CHECK_EQ(atomic_load(&reaped), count);
	accel_program_unref(job.program);
	end();
}

static const struct check_test tests[] = {
	TEST(one_queue),
	TEST(several_queues),
	TEST(making_and_dropping),
	TEST(matrix_products),
	TEST(one_fence),
	TEST(reaping),
};

CHECK_MAIN(tests)
