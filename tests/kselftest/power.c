// SPDX-License-Identifier: MIT
/*
 * The card sleeps when it has nothing to do, and nobody notices. Needs root.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define DATA		(CLIENT_VA + CLIENT_DATA)
#define OTHER_VA	0x60000000ull

/* What an attribute of the function says, without the end of the line. */
static const char *attribute(const char *name)
{
	static char text[64];
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", root_address(), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	return text;
}

static bool sleeps(void)
{
	return !strcmp(attribute("power/runtime_status"), "suspended");
}

/* Somebody keeps it awake, however long it has nothing to do. */
static bool held(void)
{
	return atoi(attribute("power/runtime_usage")) > 0;
}

/* How often it went to sleep is not for the test to say, but that it does. */
static bool falls_asleep(void)
{
	uint64_t end = now() + PATIENCE;

	while (!sleeps() && now() < end)
		usleep(1000);
	return sleeps();
}

FIXTURE(power) {
	struct client c;
	struct root_rings before, after;
};

FIXTURE_SETUP(power)
{
	ASSERT_EQ(0, root_node());
	ASSERT_EQ(0, client_open(&self->c, 60000, 60000));
	ASSERT_EQ(0, root_rings(&self->before));
	ASSERT_EQ(0, root_sysfs("power/autosuspend_delay_ms", "10"));
	ASSERT_EQ(0, root_sysfs("power/control", "auto"));
	ASSERT_TRUE(falls_asleep());
}

FIXTURE_TEARDOWN(power)
{
	client_close(&self->c);
	root_sysfs("power/control", "on");
	root_sysfs("power/autosuspend_delay_ms", "1000");
}

static int work(struct client *c, uint64_t n)
{
	int err = run(c->fd, c->queue, CLIENT_VA, client_size(c, pkt_fence(c->cpu, DATA, n)));

	return err ? err : c->data[0] == n ? 0 : -EILSEQ;
}

TEST_F(power, sleeps_between_jobs)
{
	for (int i = 1; i <= 10; i++) {
		ASSERT_EQ(0, work(&self->c, i));
		ASSERT_TRUE(falls_asleep());
	}
	ASSERT_EQ(0, root_rings(&self->after));
	/* That was no reset, as far as anybody is concerned. */
	EXPECT_EQ(self->before.generation, self->after.generation);
	EXPECT_EQ(self->before.resets, self->after.resets);
}

TEST_F(power, jobs_hold_it)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL }, wait = { 0 };
	struct client *c = &self->c;
	uint32_t size, queue;

	if (!card_debug(c->fd))
		SKIP(return, "the card has no fault injection");
	ASSERT_TRUE(falls_asleep());
	ASSERT_FALSE(held());
	ASSERT_EQ(0, client_queue(c, &queue));
	ASSERT_EQ(0, sync_create(c->fd, &sync.handle));
	size = client_size(c, pkt_hang(c->cpu, false));
	ASSERT_EQ(0, submit(c->fd, c->queue, CLIENT_VA, size, &sync, 1, NULL));
	EXPECT_TRUE(held());
	EXPECT_FALSE(sleeps());
	/* One that waits for it, where no ring knows of it. */
	wait.handle = sync.handle;
	ASSERT_EQ(0, submit(c->fd, queue, 0, 0, &wait, 1, NULL));
	EXPECT_TRUE(held());
	ASSERT_EQ(0, queue_destroy(c->fd, c->queue));
	ASSERT_TRUE(falls_asleep());
	EXPECT_FALSE(held());
	ASSERT_EQ(0, client_queue(c, &c->queue));
	EXPECT_EQ(0, work(c, 5));
}

TEST_F(power, local_memory_holds_it)
{
	struct client *c = &self->c;
	volatile uint64_t *p;
	uint32_t bo, more;

	ASSERT_EQ(0, bo_create(c->fd, 1 << 20, DRM_LOOM_BO_LOCAL, 0, &bo));
	EXPECT_TRUE(held());
	p = bo_map(c->fd, bo, 1 << 20);
	ASSERT_NE(NULL, p);
	p[100] = 77;
	ASSERT_EQ(0, bo_create(c->fd, 1 << 20, DRM_LOOM_BO_LOCAL, 0, &more));
	ASSERT_EQ(0, bo_close(c->fd, more));
	EXPECT_TRUE(held());
	EXPECT_EQ(77, p[100]);
	client_close(c);
	munmap((void *)p, 1 << 20);
	EXPECT_TRUE(falls_asleep());
	ASSERT_EQ(0, client_open(c, 0, 0));
	EXPECT_EQ(0, work(c, 3));
}

/* What the card would have to forget it has forgotten: nobody wakes it. */
TEST_F(power, memory_and_queues_do_not_wake_it)
{
	struct client *c = &self->c;
	uint32_t bo, queue, size;
	uint64_t *p;

	ASSERT_EQ(0, bo_create(c->fd, 4096, 0, 0, &bo));
	ASSERT_EQ(0, vm_bind(c->fd, c->vm, DRM_LOOM_BIND_MAP, bo, 0, OTHER_VA, 4096));
	p = bo_map(c->fd, bo, 4096);
	ASSERT_NE(NULL, p);
	p[0] = 99;
	ASSERT_TRUE(falls_asleep());
	size = client_size(c, pkt_copy(c->cpu, DATA, OTHER_VA, 1));
	ASSERT_EQ(0, run(c->fd, c->queue, CLIENT_VA, size));
	EXPECT_EQ(99, c->data[0]);
	ASSERT_TRUE(falls_asleep());
	/* The translation that it had is gone. */
	ASSERT_EQ(0, vm_bind(c->fd, c->vm, DRM_LOOM_BIND_UNMAP, 0, 0, OTHER_VA, 4096));
	ASSERT_EQ(0, client_queue(c, &queue));
	ASSERT_EQ(0, queue_destroy(c->fd, queue));
	ASSERT_EQ(0, client_queue(c, &queue));
	EXPECT_TRUE(sleeps());
	c->data[0] = 0;
	ASSERT_EQ(0, run(c->fd, queue, CLIENT_VA, size));
	EXPECT_EQ(0, c->data[0]);
	EXPECT_EQ(-EIO, submit(c->fd, queue, 0, 0, NULL, 0, NULL));
	EXPECT_EQ(0, work(c, 4));
}

TEST_F(power, questions_wake_it)
{
	struct drm_loom_query_timestamp stamp = { 0 };
	struct drm_loom_dev_query query = {
		.type = DRM_LOOM_QUERY_TIMESTAMP, .size = sizeof(stamp),
		.pointer = (uintptr_t)&stamp,
	};
	uint64_t last = 0;

	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(falls_asleep());
		ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_DEV_QUERY, &query));
		EXPECT_GT(stamp.device, last);
		last = stamp.device;
	}
}

TEST_F(power, reset_of_the_function)
{
	ASSERT_TRUE(falls_asleep());
	ASSERT_EQ(0, root_sysfs("reset", "1"));
	EXPECT_EQ(0, work(&self->c, 6));
	ASSERT_TRUE(falls_asleep());
	EXPECT_EQ(0, work(&self->c, 7));
}

/* It falls asleep whenever it can, while others come with work at any moment. */
TEST_F_TIMEOUT(power, wakes_for_everybody, 120)
{
	pid_t pids[3];
	int status;

	ASSERT_EQ(0, root_sysfs("power/autosuspend_delay_ms", "0"));
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		ASSERT_GE(pids[i], 0);
		if (!pids[i]) {
			struct client c;
			int err;

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			err = client_open(&c, 60000, 60000);
			for (int n = 1; !err && n <= 40; n++) {
				err = work(&c, n);
				/* So that they do not keep in step. */
				usleep(1000 * ((n * (i + 3)) % 7));
			}
			_exit(err ? 1 : 0);
		}
	}
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
}

TEST_HARNESS_MAIN
