// SPDX-License-Identifier: MIT
/* Jobs that never end. They need a card with x-debug=on. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

#define TIMEOUT_MS	300

FIXTURE(hang) {
	struct client c;
	struct drm_loom_queue_state state;
	uint32_t size, signal;
};

FIXTURE_SETUP(hang)
{
	ASSERT_EQ(0, client_open(&self->c, TIMEOUT_MS, 4 * TIMEOUT_MS));
	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no HANG packet");
	self->size = client_size(&self->c, pkt_hang(self->c.cpu, false));
	ASSERT_EQ(0, sync_create(self->c.fd, &self->signal));
}

FIXTURE_TEARDOWN(hang)
{
	client_close(&self->c);
}

static int hang(struct client *c, uint32_t size, uint32_t signal)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL, .handle = signal };

	return submit(c->fd, c->queue, CLIENT_VA, size, &sync, 1, NULL);
}

TEST_F(hang, is_stopped_and_banned)
{
	const struct drm_loom_result *r;
	int file;

	ASSERT_EQ(0, hang(&self->c, self->size, self->signal));
	file = sync_export(self->c.fd, self->signal);
	ASSERT_GE(file, 0);
	ASSERT_EQ(0, sync_wait(self->c.fd, self->signal, 0, PATIENCE));
	EXPECT_EQ(-ETIME, sync_file_status(file));
	r = client_result(&self->c, 1);
	ASSERT_NE(NULL, r);
	EXPECT_EQ(-ETIME, r->error);
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_BANNED, self->state.status);
	EXPECT_EQ(1, self->state.fault_job);
	EXPECT_EQ(-ETIME, submit(self->c.fd, self->c.queue, CLIENT_VA, self->size, NULL, 0, NULL));
	close(file);
}

TEST_F(hang, event_tells)
{
	struct pollfd p = { .fd = self->c.fd, .events = POLLIN };
	struct drm_loom_event event = { 0 };

	ASSERT_EQ(0, hang(&self->c, self->size, self->signal));
	ASSERT_EQ(1, poll(&p, 1, PATIENCE / 1000000));
	ASSERT_EQ((ssize_t)sizeof(event), read(self->c.fd, &event, sizeof(event)));
	EXPECT_EQ(DRM_LOOM_EVENT_BANNED, event.base.type);
	EXPECT_EQ(self->c.queue, event.queue_id);
	EXPECT_EQ(-ETIME, event.error);
	EXPECT_EQ(1, event.job);
	EXPECT_EQ(0xc00c1eull, event.cookie);
	EXPECT_EQ(0, event.fault_code);
	EXPECT_EQ(0, event.label[0]);
}

TEST_F(hang, progress_does_not_help_for_ever)
{
	uint32_t size = client_size(&self->c, pkt_hang(self->c.cpu, true));

	ASSERT_EQ(0, hang(&self->c, size, self->signal));
	ASSERT_EQ(0, sync_wait(self->c.fd, self->signal, 0, PATIENCE));
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_BANNED, self->state.status);
}

TEST_F(hang, later_jobs_are_canceled)
{
	ASSERT_EQ(0, hang(&self->c, self->size, self->signal));
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, submit(self->c.fd, self->c.queue, 0, 0, NULL, 0, NULL));
	ASSERT_EQ(0, hang(&self->c, self->size, self->signal));
	ASSERT_EQ(0, sync_wait(self->c.fd, self->signal, 0, PATIENCE));
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_BANNED, self->state.status);
	for (int i = 2; i <= 12; i++) {
		const struct drm_loom_result *r = client_result(&self->c, i);

		ASSERT_NE(NULL, r);
		EXPECT_EQ(-ECANCELED, r->error);
	}
}

TEST_F(hang, others_lose_nothing)
{
	struct client other;

	ASSERT_EQ(0, client_open(&other, 0, 0));
	ASSERT_EQ(0, hang(&self->c, self->size, self->signal));
	for (uint64_t i = 1;; i++) {
		ASSERT_EQ(0, run(other.fd, other.queue, CLIENT_VA,
				 client_size(&other, pkt_fence(other.cpu,
							       CLIENT_VA + CLIENT_DATA, i))));
		ASSERT_EQ(i, other.data[0]);
		ASSERT_EQ(0, client_result(&other, i)->error);
		if (!sync_wait(self->c.fd, self->signal, 0, 0))
			break;
	}
	ASSERT_EQ(0, queue_state(other.fd, other.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_OK, self->state.status);
	client_close(&other);
}

TEST_F_TIMEOUT(hang, every_ring_at_once, 120)
{
	struct drm_loom_query_info info;
	struct client hung[70], other;
	uint32_t signals[70], n;

	ASSERT_EQ(0, card_info(self->c.fd, &info));
	n = info.rings + 2 < 70 ? info.rings + 2 : 70;
	for (uint32_t i = 0; i < n; i++) {
		ASSERT_EQ(0, client_open(&hung[i], TIMEOUT_MS, 0));
		ASSERT_EQ(0, sync_create(hung[i].fd, &signals[i]));
		ASSERT_EQ(0, hang(&hung[i], client_size(&hung[i], pkt_hang(hung[i].cpu, false)),
				  signals[i]));
	}
	/* Behind all of them: it waits, and then it runs. */
	ASSERT_EQ(0, client_open(&other, TIMEOUT_MS, 0));
	ASSERT_EQ(0, run(other.fd, other.queue, CLIENT_VA,
			 client_size(&other, pkt_fence(other.cpu, CLIENT_VA + CLIENT_DATA, 4))));
	EXPECT_EQ(4, other.data[0]);
	for (uint32_t i = 0; i < n; i++) {
		ASSERT_EQ(0, sync_wait(hung[i].fd, signals[i], 0, PATIENCE));
		ASSERT_EQ(0, queue_state(hung[i].fd, hung[i].queue, &self->state));
		EXPECT_EQ(DRM_LOOM_QUEUE_BANNED, self->state.status);
		client_close(&hung[i]);
	}
	ASSERT_EQ(0, queue_state(other.fd, other.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_OK, self->state.status);
	client_close(&other);
}

TEST_F(hang, destroy_of_a_hung_queue)
{
	ASSERT_EQ(0, hang(&self->c, self->size, self->signal));
	ASSERT_EQ(0, queue_destroy(self->c.fd, self->c.queue));
	ASSERT_EQ(0, sync_wait(self->c.fd, self->signal, 0, PATIENCE));
	ASSERT_EQ(0, client_queue(&self->c, &self->c.queue));
	EXPECT_EQ(0, run(self->c.fd, self->c.queue, 0, 0));
}

TEST_F(hang, kill_in_mid_job)
{
	for (int round = 0; round < 10; round++) {
		int pipefd[2], status;
		char c;
		pid_t pid;

		ASSERT_EQ(0, pipe(pipefd));
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			struct client child;

			if (client_open(&child, 0, 0) ||
			    submit(child.fd, child.queue, CLIENT_VA,
				   client_size(&child, pkt_hang(child.cpu, true)), NULL, 0, NULL) ||
			    write(pipefd[1], "x", 1) != 1)
				_exit(1);
			pause();
			_exit(0);
		}
		close(pipefd[1]);
		ASSERT_EQ(1, read(pipefd[0], &c, 1));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		close(pipefd[0]);
		ASSERT_EQ(0, run(self->c.fd, self->c.queue, 0, 0));
	}
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_OK, self->state.status);
}

TEST_HARNESS_MAIN
