// SPDX-License-Identifier: MIT
/* Several processes: isolation, fork, exit in the middle of things. */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

#define DATA		(CLIENT_VA + CLIENT_DATA)
#define SECRET		0x5ec1e7ull

static void expect_exit(struct __test_metadata *_metadata, pid_t pid, int code)
{
	int status;

	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(code, WEXITSTATUS(status));
}

/* The same addresses in two processes are different memory. */
TEST(same_address_different_memory)
{
	struct client c;
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	ASSERT_EQ(0, client_open(&c, 0, 0));
	for (uint64_t i = 1; i <= 200; i++) {
		uint64_t value = pid ? i : ~i;
		void *p = pkt_fence(c.cpu, DATA, value);

		p = pkt_copy(p, DATA + 8, DATA, 1);
		ASSERT_EQ(0, run(c.fd, c.queue, CLIENT_VA, client_size(&c, p)));
		ASSERT_EQ(value, c.data[1]);
	}
	client_close(&c);
	if (!pid)
		_exit(0);
	expect_exit(_metadata, pid, 0);
}

/* What one process maps, another one's jobs cannot reach. */
TEST(no_read_outside_of_the_own_vm)
{
	const uint64_t va = 0x300000000000ull;
	int ready[2];
	struct client c;
	uint32_t bo;
	uint64_t *p;
	char x;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_GE(pid, 0);
	ASSERT_EQ(0, client_open(&c, 0, 0));
	if (!pid) {
		struct drm_loom_queue_state state;

		close(ready[1]);
		ASSERT_EQ(1, read(ready[0], &x, 1));
		ASSERT_EQ(0, run(c.fd, c.queue, CLIENT_VA,
				 client_size(&c, pkt_copy(c.cpu, DATA, va, 1))));
		ASSERT_EQ(0, queue_state(c.fd, c.queue, &state));
		EXPECT_EQ(DRM_LOOM_QUEUE_FAULTED, state.status);
		EXPECT_EQ(va, state.fault_va);
		EXPECT_EQ(0, c.data[0]);
		client_close(&c);
		_exit(_metadata->exit_code);
	}
	ASSERT_EQ(0, bo_create(c.fd, 4096, 0, 0, &bo));
	p = bo_map(c.fd, bo, 4096);
	ASSERT_NE(NULL, p);
	p[0] = SECRET;
	ASSERT_EQ(0, vm_bind(c.fd, c.vm, 0, bo, 0, va, 4096));
	/* In use by the card, so that its translation is cached. */
	ASSERT_EQ(0, run(c.fd, c.queue, CLIENT_VA, client_size(&c, pkt_copy(c.cpu, DATA, va, 1))));
	EXPECT_EQ(SECRET, c.data[0]);
	ASSERT_EQ(1, write(ready[1], "x", 1));
	expect_exit(_metadata, pid, 0);
	client_close(&c);
}

/* Memory that was given back is zero when somebody gets it again. */
TEST(freed_memory_is_not_seen_again)
{
	enum { SIZE = 8 << 20 };

	for (int round = 0; round < 3; round++) {
		int fd = card_open();
		uint32_t handle;
		uint64_t *p;

		ASSERT_GE(fd, 0);
		ASSERT_EQ(0, bo_create(fd, SIZE, 0, 0, &handle));
		p = bo_map(fd, handle, SIZE);
		ASSERT_NE(NULL, p);
		for (size_t i = 0; i < SIZE / 8; i++)
			ASSERT_EQ(0, p[i]);
		for (size_t i = 0; i < SIZE / 8; i++)
			p[i] = SECRET;
		munmap(p, SIZE);
		close(fd);
	}
}

/* An inherited file works in the child; its exit does not disturb the parent. */
TEST(fork_shares_the_file)
{
	struct client c;
	pid_t pid;

	ASSERT_EQ(0, client_open(&c, 0, 0));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(run(c.fd, c.queue, 0, 0) ? 1 : 0);
	expect_exit(_metadata, pid, 0);
	ASSERT_EQ(0, run(c.fd, c.queue, CLIENT_VA, client_size(&c, pkt_fence(c.cpu, DATA, 3))));
	EXPECT_EQ(3, c.data[0]);
	client_close(&c);
}

/* Many jobs under way, and the process is gone. */
TEST(kill_with_jobs_under_way)
{
	struct client c;

	for (int round = 0; round < 20; round++) {
		pid_t pid = fork();
		int status;

		ASSERT_GE(pid, 0);
		if (!pid) {
			uint32_t size;

			if (client_open(&c, 0, 0))
				_exit(1);
			size = client_size(&c, pkt_fill(c.cpu, DATA, 1, 1024));
			for (int i = 0; i < 100 + round; i++)
				submit(c.fd, c.queue, CLIENT_VA, size, NULL, 0, NULL);
			raise(SIGKILL);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	ASSERT_EQ(0, client_open(&c, 0, 0));
	EXPECT_EQ(0, run(c.fd, c.queue, 0, 0));
	client_close(&c);
}

/* The file is closed while jobs of it run; what they signal still signals. */
TEST(close_with_jobs_under_way)
{
	for (int round = 0; round < 20; round++) {
		struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };
		struct client c;
		uint32_t size;
		int file;

		ASSERT_EQ(0, client_open(&c, 0, 0));
		ASSERT_EQ(0, sync_create(c.fd, &sync.handle));
		size = client_size(&c, pkt_fill(c.cpu, DATA, round, 1024));
		for (int i = 0; i < 50; i++)
			ASSERT_EQ(0, submit(c.fd, c.queue, CLIENT_VA, size, &sync, 1, NULL));
		file = sync_export(c.fd, sync.handle);
		ASSERT_GE(file, 0);
		client_close(&c);
		while (!sync_file_status(file))
			sched_yield();
		EXPECT_NE(0, sync_file_status(file));
		close(file);
	}
}

/* Everybody at once. */
TEST(many_processes)
{
	enum { N = 16 };
	struct drm_loom_query_info info;
	pid_t pids[N];
	int fd = card_open();

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, card_info(fd, &info));
	close(fd);
	if (info.contexts < 2 * N)
		SKIP(return, "the card has too few contexts");

	for (int i = 0; i < N; i++) {
		pids[i] = fork();
		ASSERT_GE(pids[i], 0);
		if (!pids[i]) {
			struct client c;

			if (client_open(&c, 0, 0))
				_exit(1);
			for (uint64_t n = 1; n <= 50; n++) {
				uint64_t value = n << 8 | i;
				void *p = pkt_fence(c.cpu, DATA, value);

				if (run(c.fd, c.queue, CLIENT_VA, client_size(&c, p)))
					_exit(2);
				if (c.data[0] != value)
					_exit(3);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < N; i++)
		expect_exit(_metadata, pids[i], 0);
}

TEST_HARNESS_MAIN
