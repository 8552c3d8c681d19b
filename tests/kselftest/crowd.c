// SPDX-License-Identifier: MIT
/* Far more queues and processes than the card has rings. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

#define DATA		(CLIENT_VA + CLIENT_DATA)
#define PROCESSES	64
#define ROUNDS		4

FIXTURE(crowd) {
};

FIXTURE_SETUP(crowd)
{
}

FIXTURE_TEARDOWN(crowd)
{
}

/* As many queues as a file may have, all at work at once; each job leaves its mark. */
TEST_F_TIMEOUT(crowd, every_queue_of_a_file, 120)
{
	struct drm_loom_query_info info;
	struct drm_loom_queue_state state;
	uint32_t *queues, bo;
	uint64_t *marks;
	struct client c;
	size_t size;
	void *p;

	ASSERT_EQ(0, client_open(&c, 0, 0));
	ASSERT_EQ(0, card_info(c.fd, &info));
	queues = calloc(info.queues_max, sizeof(*queues));
	ASSERT_NE(NULL, queues);
	/* A page for each: the command at its start, the marks at its end. */
	size = info.queues_max * 4096ull;
	ASSERT_EQ(0, bo_create(c.fd, size, 0, 0, &bo));
	ASSERT_EQ(0, vm_bind(c.fd, c.vm, 0, bo, 0, 1 << 30, size));
	marks = bo_map(c.fd, bo, size);
	ASSERT_NE(NULL, marks);
	queues[0] = c.queue;
	for (uint32_t i = 1; i < info.queues_max; i++)
		ASSERT_EQ(0, client_queue(&c, &queues[i]));

	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < info.queues_max; i++) {
			uint64_t va = (1 << 30) + i * 4096ull + round * 64;
			uint64_t *at = marks + i * 512 + round * 8;

			p = pkt_fence(at, (1 << 30) + i * 4096ull + 2048 + 8 * round,
				      (uint64_t)i << 32 | (round + 1));
			ASSERT_LE((uint8_t *)p - (uint8_t *)at, 64);
			ASSERT_EQ(0, submit(c.fd, queues[i], va, (uint8_t *)p - (uint8_t *)at, NULL,
					    0, NULL));
		}
	}
	for (uint32_t i = 0; i < info.queues_max; i++) {
		ASSERT_EQ(0, run(c.fd, queues[i], 0, 0));
		ASSERT_EQ(0, queue_state(c.fd, queues[i], &state));
		ASSERT_EQ(DRM_LOOM_QUEUE_OK, state.status);
		ASSERT_EQ(ROUNDS + 1, state.completed);
		for (uint32_t round = 0; round < ROUNDS; round++)
			ASSERT_EQ((uint64_t)i << 32 | (round + 1), marks[i * 512 + 256 + round]);
	}
	munmap(marks, size);
	free(queues);
	client_close(&c);
}

static int one_of_many(uint64_t me)
{
	struct client c;
	int ret = client_open(&c, 0, 0);

	for (uint64_t n = 1; n <= 20 && !ret; n++) {
		uint64_t value = n << 32 | me;
		void *p = pkt_fence(c.cpu, DATA, value);

		p = pkt_copy(p, DATA + 8, DATA, 1);
		ret = run(c.fd, c.queue, CLIENT_VA, client_size(&c, p));
		if (!ret && (c.data[0] != value || c.data[1] != value))
			ret = -EILSEQ;
	}
	if (!ret) {
		const struct drm_loom_result *r = client_result(&c, 20);

		ret = r ? r->error : -ENODATA;
	}
	client_close(&c);
	return ret;
}

/* Each in its own address space, all at the same addresses. */
TEST_F_TIMEOUT(crowd, processes, 120)
{
	pid_t pids[PROCESSES];

	for (uint64_t i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		ASSERT_GE(pids[i], 0);
		if (!pids[i])
			_exit(one_of_many(i) ? 1 : 0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
}

TEST_HARNESS_MAIN
