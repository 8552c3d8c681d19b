// SPDX-License-Identifier: MIT
/*
 * Processes that die at any moment, also in the middle of a call, leave nothing behind. Needs root.
 * KILL_SEED and KILL_ROUNDS repeat or prolong a run.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define DATA		(CLIENT_VA + CLIENT_DATA)

static uint64_t rng_state;

static uint32_t rng(uint32_t n)
{
	rng_state = rng_state * 6364136223846793005ull + 1442695040888963407ull;
	return (rng_state >> 33) % n;
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

/* One of the things that programs do, at random; errors are welcome. */
static void act(struct client *c, uint32_t *syncs)
{
	struct drm_loom_sync sync[2] = {
		{ .flags = DRM_LOOM_SYNC_SIGNAL, .handle = syncs[rng(4)] },
		{ .handle = syncs[rng(4)] },
	};
	uint64_t va = 0x40000000ull + rng(16) * 0x200000ull;
	uint32_t bo, queue;
	void *p = c->cpu;
	int file;

	switch (rng(8)) {
	case 0:
		if (bo_create(c->fd, 4096ull << rng(10), 0, rng(2) ? c->vm : 0, &bo))
			return;
		vm_bind(c->fd, c->vm, DRM_LOOM_BIND_MAP, bo, 0, va, 4096);
		if (rng(2))
			bo_close(c->fd, bo);
		return;
	case 1:
		vm_bind(c->fd, c->vm, DRM_LOOM_BIND_UNMAP, 0, 0, va, 0x200000);
		return;
	case 2:
		if (client_queue(c, &queue))
			return;
		submit(c->fd, queue, 0, 0, sync, 1, NULL);
		if (rng(2))
			queue_destroy(c->fd, queue);
		return;
	case 3:
		/* Never ends, but for the death of its process. */
		p = pkt_hang(p, rng(2));
		break;
	case 4:
		file = sync_export(c->fd, syncs[rng(4)]);
		if (file >= 0)
			close(file);
		return;
	case 5:
		p = pkt_copy(p, DATA, va, 512);
		break;
	default:
		p = pkt_fence(pkt_fill(p, DATA, rng(1000), 1024), DATA, 1);
		break;
	}
	if (submit(c->fd, c->queue, CLIENT_VA, client_size(c, p), sync, 1 + rng(2), NULL)) {
		queue_destroy(c->fd, c->queue);
		client_queue(c, &c->queue);
	}
}

static void victim(uint64_t seed)
{
	rng_state = seed;
	for (;;) {
		uint32_t syncs[4], n = 1 + rng(60);
		struct client c;

		if (client_open(&c, 60000, 60000))
			_exit(1);
		for (int i = 0; i < 4; i++)
			sync_create(c.fd, &syncs[i]);
		while (n--)
			act(&c, syncs);
		client_close(&c);
	}
}

static uint64_t memory_used(int fd)
{
	struct drm_loom_query_memory memory = { 0 };
	struct drm_loom_dev_query query = {
		.type = DRM_LOOM_QUERY_MEMORY,
		.size = sizeof(memory),
		.pointer = (uintptr_t)&memory,
	};

	return card_ioctl(fd, DRM_IOCTL_LOOM_DEV_QUERY, &query) ? ~0ull : memory.system_used;
}

FIXTURE(kill) {
	struct client c;
	struct root_rings before, rings;
	struct drm_loom_query_info info;
	uint64_t used;
	int bos;
};

FIXTURE_SETUP(kill)
{
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no HANG packet");
	ASSERT_EQ(0, card_info(self->c.fd, &self->info));
	ASSERT_EQ(0, root_rings(&self->before));
	self->bos = root_bos();
	ASSERT_GE(self->bos, 2);
	self->used = memory_used(self->c.fd);
}

FIXTURE_TEARDOWN(kill)
{
	client_close(&self->c);
}

TEST_F_TIMEOUT(kill, leaves_nothing_behind, 300)
{
	uint64_t seed = setting("KILL_SEED", 1), begin = now();
	unsigned int rounds = setting("KILL_ROUNDS", 200), queues = 0;
	uint32_t queue;

	for (unsigned int i = 0; i < rounds; i++) {
		struct timespec life = { 0 };
		pid_t pid = fork();
		int status;

		ASSERT_GE(pid, 0);
		if (!pid)
			victim(seed + i);
		rng_state = ~(seed + i);
		/* Short lives most of all: there is more to be interrupted in a beginning. */
		life.tv_nsec = 1000l * rng(1u << (8 + rng(8)));
		nanosleep(&life, NULL);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status)) TH_LOG("seed %llu", (unsigned long long)seed + i);
		/* The card works for others, whatever it was about. */
		if (i % 8)
			continue;
		ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
				 client_size(&self->c, pkt_fence(self->c.cpu, DATA, i))));
		ASSERT_EQ(i, self->c.data[0]);
	}
	printf("# %u processes killed in %.1f s, seed %llu\n", rounds, (now() - begin) / 1e9,
	       (unsigned long long)seed);

	/* Jobs of the last of them may still be on the card. */
	do {
		ASSERT_EQ(0, root_rings(&self->rings));
	} while (root_bos() != self->bos || self->rings.written != self->rings.retired);
	EXPECT_EQ(self->used, memory_used(self->c.fd));
	/* All contexts are there, but for the one that is in use. */
	while (queues < self->info.contexts && !client_queue(&self->c, &queue))
		queues++;
	EXPECT_EQ(self->info.contexts - 1, queues);
	EXPECT_EQ(0, self->rings.error);
	EXPECT_EQ(self->before.generation, self->rings.generation);
}

TEST_HARNESS_MAIN
