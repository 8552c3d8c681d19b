// SPDX-License-Identifier: MIT
/* SUBMIT: every check, numbering, batches, limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

FIXTURE(submit) {
	struct client c;
	struct drm_loom_query_info info;
	struct drm_loom_job job;
	struct drm_loom_submit args;
};

FIXTURE_SETUP(submit)
{
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
	ASSERT_EQ(0, card_info(self->c.fd, &self->info));
	memset(&self->job, 0, sizeof(self->job));
	self->job.cmd_va = CLIENT_VA;
	self->job.cmd_size = client_size(&self->c, pkt_fence(self->c.cpu, CLIENT_VA + CLIENT_DATA, 1));
	memset(&self->args, 0, sizeof(self->args));
	self->args.queue_id = self->c.queue;
	self->args.jobs.stride = sizeof(self->job);
	self->args.jobs.count = 1;
	self->args.jobs.array = (uintptr_t)&self->job;
}

FIXTURE_TEARDOWN(submit)
{
	client_close(&self->c);
}

#define SUBMIT()	card_ioctl(self->c.fd, DRM_IOCTL_LOOM_SUBMIT, &self->args)

/* Wait until everything submitted so far is done. */
static int drain(struct client *c)
{
	return run(c->fd, c->queue, 0, 0);
}

TEST_F(submit, works)
{
	ASSERT_EQ(0, SUBMIT());
	EXPECT_EQ(1, self->args.first);
	ASSERT_EQ(0, drain(&self->c));
	EXPECT_EQ(1, self->c.data[0]);
}

TEST_F(submit, flags)
{
	for (int bit = 0; bit < 32; bit++) {
		self->args.flags = 1u << bit;
		EXPECT_EQ(-EINVAL, SUBMIT());
	}
}

TEST_F(submit, job_flags)
{
	for (int bit = 0; bit < 32; bit++) {
		self->job.flags = 1u << bit;
		EXPECT_EQ(-EINVAL, SUBMIT());
	}
}

TEST_F(submit, unknown_queue)
{
	self->args.queue_id = 0;
	EXPECT_EQ(-ENOENT, SUBMIT());
	self->args.queue_id = 0x7fffffff;
	EXPECT_EQ(-ENOENT, SUBMIT());
}

TEST_F(submit, no_job)
{
	self->args.jobs.count = 0;
	EXPECT_EQ(-EINVAL, SUBMIT());
}

TEST_F(submit, too_many_jobs)
{
	self->args.jobs.count = self->info.jobs_max + 1;
	EXPECT_EQ(-E2BIG, SUBMIT());
	self->args.jobs.count = 0xffffffff;
	EXPECT_EQ(-E2BIG, SUBMIT());
}

TEST_F(submit, stride)
{
	struct {
		struct drm_loom_job job;
		uint64_t more;
	} big = { .job = self->job };

	self->args.jobs.array = (uintptr_t)&big;
	self->args.jobs.stride = sizeof(self->job) - 8;
	EXPECT_EQ(-EINVAL, SUBMIT());
	self->args.jobs.stride = 0;
	EXPECT_EQ(-EINVAL, SUBMIT());
	self->args.jobs.stride = sizeof(self->job) + 4;
	EXPECT_EQ(-EINVAL, SUBMIT());
	self->args.jobs.stride = sizeof(big);
	EXPECT_EQ(0, SUBMIT());
	big.more = 1;
	EXPECT_EQ(-E2BIG, SUBMIT());
}

TEST_F(submit, bad_address)
{
	self->args.jobs.array = 8;
	EXPECT_EQ(-EFAULT, SUBMIT());
	self->args.jobs.array = (uintptr_t)&self->job;
	self->job.syncs.stride = sizeof(struct drm_loom_sync);
	self->job.syncs.count = 1;
	self->job.syncs.array = 8;
	EXPECT_EQ(-EFAULT, SUBMIT());
}

TEST_F(submit, command_alignment)
{
	self->job.cmd_va = CLIENT_VA + 4;
	EXPECT_EQ(-EINVAL, SUBMIT());
	self->job.cmd_va = CLIENT_VA;
	self->job.cmd_size += 4;
	EXPECT_EQ(-EINVAL, SUBMIT());
}

TEST_F(submit, command_size)
{
	self->job.cmd_size = self->info.cmd_size_max + 8;
	EXPECT_EQ(-EINVAL, SUBMIT());
	self->job.cmd_size = 0;
	EXPECT_EQ(-EINVAL, SUBMIT());	/* an address without a size */
	self->job.cmd_va = 0;
	EXPECT_EQ(0, SUBMIT());
}

TEST_F(submit, command_range)
{
	self->job.cmd_va = self->info.va_end;
	EXPECT_EQ(-EINVAL, SUBMIT());
	self->job.cmd_va = ~7ull;
	EXPECT_EQ(-EINVAL, SUBMIT());
}

TEST_F(submit, numbers)
{
	for (uint64_t i = 1; i <= 20; i++) {
		ASSERT_EQ(0, SUBMIT());
		EXPECT_EQ(i, self->args.first);
	}
	/* A refused submission takes no number. */
	self->args.flags = 1;
	ASSERT_EQ(-EINVAL, SUBMIT());
	self->args.flags = 0;
	ASSERT_EQ(0, SUBMIT());
	EXPECT_EQ(21, self->args.first);
	ASSERT_EQ(0, drain(&self->c));
}

TEST_F(submit, result_record)
{
	const struct drm_loom_result *r;

	self->job.cookie = 0x123456789abcdef0ull;
	ASSERT_EQ(0, SUBMIT());
	ASSERT_EQ(0, drain(&self->c));
	r = client_result(&self->c, 1);
	ASSERT_NE(NULL, r);
	EXPECT_EQ(0x123456789abcdef0ull, r->cookie);
	EXPECT_EQ(0, r->error);
	EXPECT_EQ(LOOM_OUTCOME_OK, r->outcome);
	EXPECT_LE(r->t_start, r->t_end);
	EXPECT_NE(0, r->t_start);
	EXPECT_EQ(0, r->fault_code);
}

TEST_F(submit, batch)
{
	enum { N = 64 };
	struct drm_loom_job jobs[N];
	uint8_t *p = self->c.cpu;
	struct drm_loom_queue_state state;

	memset(jobs, 0, sizeof(jobs));
	for (int i = 0; i < N; i++) {
		uint8_t *end = pkt_fence(p, CLIENT_VA + CLIENT_DATA + 8 * i, 1000 + i);

		jobs[i].cmd_va = CLIENT_VA + (p - self->c.cpu);
		jobs[i].cmd_size = end - p;
		jobs[i].cookie = i;
		p = end;
	}
	self->args.jobs.array = (uintptr_t)jobs;
	self->args.jobs.count = N;
	ASSERT_EQ(0, SUBMIT());
	EXPECT_EQ(1, self->args.first);
	ASSERT_EQ(0, drain(&self->c));
	for (int i = 0; i < N; i++)
		EXPECT_EQ(1000 + i, self->c.data[i]);
	/* The drain's own job has taken the slot of job 1. */
	for (int i = 1; i < N; i++) {
		const struct drm_loom_result *r = client_result(&self->c, i + 1);

		ASSERT_NE(NULL, r);
		EXPECT_EQ((uint64_t)i, r->cookie);
		EXPECT_EQ(0, r->error);
	}
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &state));
	EXPECT_EQ(N + 1, state.submitted);
	EXPECT_EQ(N + 1, state.completed);
}

TEST_F(submit, largest_batch)
{
	struct drm_loom_job *jobs = calloc(self->info.jobs_max, sizeof(*jobs));
	struct drm_loom_queue_state state;

	ASSERT_NE(NULL, jobs);
	for (uint32_t i = 0; i < self->info.jobs_max; i++)
		jobs[i] = self->job;
	self->args.jobs.array = (uintptr_t)jobs;
	self->args.jobs.count = self->info.jobs_max;
	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(0, SUBMIT());
		ASSERT_EQ(0, drain(&self->c));
	}
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &state));
	EXPECT_EQ(8 * (self->info.jobs_max + 1), state.completed);
	free(jobs);
}

TEST_F(submit, all_or_nothing)
{
	struct drm_loom_job jobs[3] = { self->job, self->job, self->job };
	struct drm_loom_queue_state state;

	jobs[2].flags = 1;
	self->args.jobs.array = (uintptr_t)jobs;
	self->args.jobs.count = 3;
	EXPECT_EQ(-EINVAL, SUBMIT());
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &state));
	EXPECT_EQ(0, state.submitted);
	EXPECT_EQ(0, self->c.data[0]);
}

TEST_F(submit, depth)
{
	uint32_t n = 0;
	int ret;

	if (!card_debug(self->c.fd))
		SKIP(return, "needs the HANG packet to hold the queue");
	/* A hang at the head keeps everything behind it unfinished. */
	self->job.cmd_size = client_size(&self->c, pkt_hang(self->c.cpu, true));
	ASSERT_EQ(0, SUBMIT());
	self->job.cmd_va = 0;
	self->job.cmd_size = 0;
	while (!(ret = SUBMIT()))
		ASSERT_LT(++n, self->info.queue_depth_max);
	EXPECT_EQ(-EAGAIN, ret);
	EXPECT_EQ(self->info.queue_depth_max - 1, n);
}

/* The same when the queue may be full: then a slot comes free sooner or later. */
static int settle(struct client *c)
{
	uint64_t deadline = now() + PATIENCE;
	int ret;

	do {
		ret = drain(c);
	} while (ret == -EAGAIN && now() < deadline);
	return ret;
}

TEST_F(submit, deep_pipeline)
{
	/* Far more jobs than a ring has descriptors, without waiting. */
	uint64_t done = 0;

	while (done < 5000) {
		int ret = SUBMIT();

		if (ret == -EAGAIN) {
			ASSERT_EQ(0, settle(&self->c));
			continue;
		}
		ASSERT_EQ(0, ret);
		done++;
	}
	ASSERT_EQ(0, settle(&self->c));
	EXPECT_EQ(1, self->c.data[0]);
}

TEST_F(submit, gemm)
{
	uint64_t base = CLIENT_VA + CLIENT_DATA;
	float *a = (float *)self->c.data, *b = a + 64, *c = a + 128;

	for (int i = 0; i < 12; i++) {
		a[i] = i + 1;
		b[i] = 12 - i;
	}
	self->job.cmd_size = client_size(&self->c,
		pkt_gemm_f32(self->c.cpu, base + 512, base, base + 256, 3, 3, 4));
	ASSERT_EQ(0, SUBMIT());
	ASSERT_EQ(0, drain(&self->c));
	for (int m = 0; m < 3; m++) {
		for (int n = 0; n < 3; n++) {
			float sum = 0;

			for (int k = 0; k < 4; k++)
				sum += a[m * 4 + k] * b[k * 3 + n];
			EXPECT_EQ(sum, c[m * 3 + n]);
		}
	}
	EXPECT_NE(NULL, client_result(&self->c, 1));
	EXPECT_GT(client_result(&self->c, 1)->cycles, 0);
}

/* However many jobs there are in a submission: one interrupt tells of all. */
TEST_F(submit, one_interrupt_for_a_batch)
{
	enum { COUNT = 64, BATCHES = 10 };
	struct drm_loom_job jobs[COUNT];
	struct drm_loom_sync sync = {
		.flags = DRM_LOOM_SYNC_SIGNAL | DRM_LOOM_SYNC_TIMELINE,
	};
	unsigned long before, after;

	ASSERT_EQ(0, sync_create(self->c.fd, &sync.handle));
	for (int i = 0; i < COUNT; i++)
		jobs[i] = self->job;
	jobs[COUNT - 1].syncs.stride = sizeof(sync);
	jobs[COUNT - 1].syncs.count = 1;
	jobs[COUNT - 1].syncs.array = (uintptr_t)&sync;
	self->args.jobs.array = (uintptr_t)jobs;
	self->args.jobs.count = COUNT;
	before = root_interrupts();
	for (int i = 1; i <= BATCHES; i++) {
		sync.point = i;
		ASSERT_EQ(0, SUBMIT());
		ASSERT_EQ(0, sync_wait(self->c.fd, sync.handle, i, PATIENCE));
	}
	after = root_interrupts();
	EXPECT_GT(after, before);
	EXPECT_LE(after - before, BATCHES);
}

/* A job that waits for nothing goes past the scheduler, but never past its own queue. */
TEST_F(submit, no_job_overtakes_one_that_waits)
{
	struct drm_loom_sync signal = { .flags = DRM_LOOM_SYNC_SIGNAL }, wait = { 0 };
	const uint32_t two = 2048, hang = 3072;
	const struct drm_loom_result *a, *b;
	uint32_t hanging, third, size;

	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no HANG packet");
	ASSERT_EQ(0, client_queue(&self->c, &hanging));
	ASSERT_EQ(0, client_queue(&self->c, &third));
	ASSERT_EQ(0, sync_create(self->c.fd, &signal.handle));
	size = (uint32_t)((uint8_t *)pkt_hang(self->c.cpu + hang, true) - self->c.cpu - hang);
	ASSERT_EQ(0, submit(self->c.fd, hanging, CLIENT_VA + hang, size, &signal, 1, NULL));
	wait.handle = signal.handle;
	/* The first job writes 1, the others 2. */
	pkt_fence(self->c.cpu + two, CLIENT_VA + CLIENT_DATA, 2);
	ASSERT_EQ(0, submit(self->c.fd, self->c.queue, CLIENT_VA, self->job.cmd_size, &wait, 1,
			    NULL));
	for (int i = 0; i < 50; i++)
		ASSERT_EQ(0, submit(self->c.fd, self->c.queue, CLIENT_VA + two,
				    self->job.cmd_size, NULL, 0, NULL));
	/* The card has time for others, unless all are in one ring: then it has none before the end. */
	if (self->info.rings > 1)
		ASSERT_EQ(0, run(self->c.fd, third, 0, 0));
	EXPECT_EQ(NULL, client_result(&self->c, 2));
	EXPECT_EQ(0, self->c.data[0]);
	ASSERT_EQ(0, queue_destroy(self->c.fd, hanging));
	ASSERT_EQ(0, drain(&self->c));
	EXPECT_EQ(2, self->c.data[0]);
	a = client_result(&self->c, 1);
	b = client_result(&self->c, 2);
	ASSERT_NE(NULL, a);
	ASSERT_NE(NULL, b);
	EXPECT_EQ(0, a->error);
	EXPECT_LE(a->t_end, b->t_start);
}

/* More than a ring holds, from several queues: some go through the scheduler, all in order. */
TEST_F(submit, order_beyond_the_ring)
{
	enum { QUEUES = 4, JOBS = 700 };
	uint32_t queues[QUEUES], size = 0;

	/* Each queue stores 1 and 2 in turns in a word of its own: what is there ran last. */
	for (int q = 0; q < QUEUES; q++)
		ASSERT_EQ(0, client_queue(&self->c, &queues[q]));
	for (int i = 0; i < JOBS; i++) {
		for (int q = 0; q < QUEUES; q++) {
			uint8_t *at = self->c.cpu + 64 * ((i & 1) * QUEUES + q);
			uint64_t va = CLIENT_VA + (uint64_t)(at - self->c.cpu);

			if (i < 2)
				size = (uint32_t)((uint8_t *)pkt_fence(at, CLIENT_VA + CLIENT_DATA +
								       8 * q, 1 + i) - at);
			ASSERT_EQ(0, submit(self->c.fd, queues[q], va, size, NULL, 0, NULL));
		}
	}
	for (int q = 0; q < QUEUES; q++) {
		struct drm_loom_queue_state state;

		ASSERT_EQ(0, run(self->c.fd, queues[q], 0, 0));
		EXPECT_EQ(2 - JOBS % 2, self->c.data[q]);
		ASSERT_EQ(0, queue_state(self->c.fd, queues[q], &state));
		EXPECT_EQ(DRM_LOOM_QUEUE_OK, state.status);
		EXPECT_EQ(JOBS + 1, state.completed);
	}
}

TEST_HARNESS_MAIN
