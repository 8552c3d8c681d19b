// SPDX-License-Identifier: MIT
/*
 * What a failure costs others: nothing. One process hangs the card again and again, seven compute
 * all the time and verify everything. Needs root and a card with x-debug=on; meant for rings=2, the
 * kernel's ring and one that all share.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define WORKERS		7
#define BATCH		8
#define HANGS		100
#define STUBBORN	10	/* every tenth hang ignores that its context is stopped */
#define TIMEOUT_MS	20

#define N		8	/* matrices are N x N */
#define SLOT		0x400u
#define DATA		(CLIENT_VA + CLIENT_DATA)

/* What the processes share. */
struct board {
	bool stop;
	int ready;
	uint64_t jobs, failed, wrong, lost, replays;
};

FIXTURE(recover) {
	struct board *board;
	pid_t workers[WORKERS];
	struct root_rings before, after;
	struct client c;
};

/* ---- a process that computes -------------------------------------------------------- */

struct slot {
	float a[N * N], b[N * N], c[N * N];
	uint64_t fence;
};

static struct slot *slot_of(struct client *c, unsigned int i)
{
	return (struct slot *)(c->cpu + CLIENT_DATA + i * SLOT);
}

static uint64_t slot_va(unsigned int i, size_t offset)
{
	return DATA + i * SLOT + offset;
}

/* Writes job i of a round; returns its size. */
static uint32_t work_write(struct client *c, unsigned int i, uint32_t seed)
{
	struct slot *s = slot_of(c, i);
	uint8_t *p = c->cpu + i * SLOT, *end;

	for (unsigned int n = 0; n < N * N; n++) {
		s->a[n] = (seed + 3 * n) % 17;
		s->b[n] = (seed / 3 + 5 * n) % 13;
		s->c[n] = -1;
	}
	s->fence = 0;
	end = pkt_gemm_f32(p, slot_va(i, offsetof(struct slot, c)),
			   slot_va(i, offsetof(struct slot, a)),
			   slot_va(i, offsetof(struct slot, b)), N, N, N);
	end = pkt_fence(end, slot_va(i, offsetof(struct slot, fence)), seed);
	return end - p;
}

static bool work_right(struct client *c, unsigned int i, uint32_t seed)
{
	struct slot *s = slot_of(c, i);

	for (unsigned int m = 0; m < N; m++)
		for (unsigned int n = 0; n < N; n++) {
			float sum = 0;

			/* Small integers: every order of summation gives the same. */
			for (unsigned int k = 0; k < N; k++)
				sum += s->a[m * N + k] * s->b[k * N + n];
			if (s->c[m * N + n] != sum)
				return false;
		}
	return s->fence == seed;
}

/* Submits a round of jobs, each a scheduler job of its own. Waits and verifies. */
static int work_round(struct client *c, struct board *board, uint32_t signal, uint32_t *seed,
		      uint64_t *first)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL, .handle = signal };
	uint64_t numbers[BATCH];
	int err;

	for (unsigned int i = 0; i < BATCH; i++) {
		uint32_t size = work_write(c, i, *seed + i);

		err = submit(c->fd, c->queue, CLIENT_VA + i * SLOT, size, &sync, 1, &numbers[i]);
		if (err)
			return err;
	}
	err = sync_wait(c->fd, signal, 0, PATIENCE);
	if (err)
		return err;
	for (unsigned int i = 0; i < BATCH; i++) {
		const struct drm_loom_result *r = client_result(c, numbers[i]);

		if (!r)
			__atomic_fetch_add(&board->lost, 1, __ATOMIC_RELAXED);
		else if (r->error)
			__atomic_fetch_add(&board->failed, 1, __ATOMIC_RELAXED);
		else if (!work_right(c, i, *seed + i))
			__atomic_fetch_add(&board->wrong, 1, __ATOMIC_RELAXED);
		else
			__atomic_fetch_add(&board->jobs, 1, __ATOMIC_RELAXED);
	}
	*seed += BATCH;
	*first = numbers[0];
	return 0;
}

static int work(struct board *board, uint32_t seed)
{
	struct drm_loom_queue_state state;
	struct client c;
	uint32_t signal;
	uint64_t first;
	int err;

	err = client_open(&c, 60000, 120000);
	if (!err)
		err = sync_create(c.fd, &signal);
	__atomic_fetch_add(&board->ready, 1, __ATOMIC_RELEASE);
	while (!err && !__atomic_load_n(&board->stop, __ATOMIC_ACQUIRE))
		err = work_round(&c, board, signal, &seed, &first);
	if (!err)
		err = queue_state(c.fd, c.queue, &state);
	if (err)
		return err;
	__atomic_fetch_add(&board->replays, state.resets, __ATOMIC_RELAXED);
	client_close(&c);
	return state.status;
}

/* ---- a process that hangs ----------------------------------------------------------- */

/* One hang on a queue of its own; with KIND the engine cannot be stopped either. */
static void hang_once(struct __test_metadata *_metadata, struct client *c, uint32_t signal,
		      const char *kind, unsigned int ring)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL, .handle = signal };
	struct drm_loom_queue_state state;
	uint32_t queue, size;
	int file;

	ASSERT_EQ(0, queue_create(c->fd, c->vm, kind ? 500 : TIMEOUT_MS, 0, 0, 0, &queue));
	c->data[0] = 0;
	size = client_size(c, pkt_hang(pkt_fence(c->cpu, DATA, 1), false));
	ASSERT_EQ(0, submit(c->fd, queue, CLIENT_VA, size, &sync, 1, NULL));
	/* It hits what is in execution: that has to be the one that hangs. */
	while (kind && !__atomic_load_n(&c->data[0], __ATOMIC_ACQUIRE))
		;
	if (kind)
		ASSERT_EQ(0, root_debugf("inject", "%s %u", kind, ring));
	file = sync_export(c->fd, signal);
	ASSERT_GE(file, 0);
	ASSERT_EQ(0, sync_wait(c->fd, signal, 0, PATIENCE));
	EXPECT_EQ(-ETIME, sync_file_status(file));
	close(file);
	ASSERT_EQ(0, queue_state(c->fd, queue, &state));
	EXPECT_EQ(DRM_LOOM_QUEUE_BANNED, state.status);
	EXPECT_EQ(-ETIME, submit(c->fd, queue, CLIENT_VA, size, NULL, 0, NULL));
	ASSERT_EQ(0, queue_destroy(c->fd, queue));
}

/* ---- the tests ---------------------------------------------------------------------- */

FIXTURE_SETUP(recover)
{
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no fault injection");
	self->board = mmap(NULL, sizeof(*self->board), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->board);
	ASSERT_EQ(0, root_rings(&self->before));
	for (int i = 0; i < WORKERS; i++) {
		self->workers[i] = fork();
		ASSERT_GE(self->workers[i], 0);
		if (!self->workers[i]) {
			client_close(&self->c);
			_exit(work(self->board, 1000000 * (i + 1)) ? 1 : 0);
		}
	}
	while (__atomic_load_n(&self->board->ready, __ATOMIC_ACQUIRE) < WORKERS)
		usleep(1000);
}

FIXTURE_TEARDOWN(recover)
{
	for (int i = 0; i < WORKERS; i++)
		if (self->workers[i] > 0)
			kill(self->workers[i], SIGKILL);
	client_close(&self->c);
}

/* Ends the workers and judges them. */
static void workers_end(struct __test_metadata *_metadata, FIXTURE_DATA(recover) *self)
{
	struct board *b = self->board;

	__atomic_store_n(&b->stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < WORKERS; i++) {
		int status;

		ASSERT_EQ(self->workers[i], waitpid(self->workers[i], &status, 0));
		self->workers[i] = 0;
		EXPECT_TRUE(WIFEXITED(status));
		EXPECT_EQ(0, WEXITSTATUS(status));
	}
	ASSERT_EQ(0, root_rings(&self->after));
	printf("# %llu jobs verified, %llu failed, %llu wrong, %llu without a result\n",
	       (unsigned long long)b->jobs, (unsigned long long)b->failed,
	       (unsigned long long)b->wrong, (unsigned long long)b->lost);
	printf("# %u resets, %u of them of the device, %llu of a worker's queue with jobs replayed\n",
	       self->after.resets - self->before.resets,
	       self->after.generation - self->before.generation, (unsigned long long)b->replays);
	EXPECT_EQ(0, b->failed);
	EXPECT_EQ(0, b->wrong);
	EXPECT_EQ(0, b->lost);
	EXPECT_GT(b->jobs, WORKERS * BATCH);
}

TEST_F_TIMEOUT(recover, a_hundred_hangs_cost_others_nothing, 300)
{
	uint64_t begin = now();
	uint32_t signal;

	ASSERT_EQ(0, sync_create(self->c.fd, &signal));
	for (int i = 0; i < HANGS; i++)
		hang_once(_metadata, &self->c, signal, i % STUBBORN ? NULL : "hang",
			  self->before.ring);
	workers_end(_metadata, self);
	printf("# %d hangs in %.1f s, %d of them ended by a reset of the ring\n", HANGS,
	       (now() - begin) / 1e9, HANGS / STUBBORN);
	EXPECT_EQ(HANGS / STUBBORN, self->after.resets - self->before.resets);
	EXPECT_EQ(self->before.generation, self->after.generation);
	/* Otherwise nothing was proved about replaying. */
	EXPECT_GT(self->board->replays, 0);
}

TEST_F_TIMEOUT(recover, hangs_beyond_a_ring_reset_cost_others_nothing, 120)
{
	uint32_t signal;

	ASSERT_EQ(0, sync_create(self->c.fd, &signal));
	for (int i = 0; i < 3; i++)
		hang_once(_metadata, &self->c, signal, "hang-device", self->before.ring);
	workers_end(_metadata, self);
	EXPECT_EQ(3, self->after.generation - self->before.generation);
	EXPECT_GT(self->board->replays, 0);
}

TEST_HARNESS_MAIN
