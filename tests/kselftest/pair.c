// SPDX-License-Identifier: MIT
/*
 * Two cards in one machine: both work at once, and the end of one is not the other's business.
 * Needs root and cards with x-debug=on.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

#define DATA	(CLIENT_VA + CLIENT_DATA)
#define WORDS	256u
#define ROUNDS	50u
#define DRIVER	"/sys/bus/pci/drivers/loom/"

/* What the processes share. */
struct board {
	bool stop;
	uint64_t rounds[2];
};

/* The victim is the one that is not accel0: that others find under this name. */
FIXTURE(pair) {
	struct board *board;
	struct client victim, survivor;
	char before[64];		/* state of the survivor */
	char address[32];
	pid_t workers[2];
};

/* Fills, copies and stores, round by round, all of it verified. */
static int work(struct board *board, int me)
{
	struct client c;
	int err = client_open(&c, 0, 0);

	while (!err && !__atomic_load_n(&board->stop, __ATOMIC_ACQUIRE)) {
		uint64_t value = (board->rounds[me] + 1) << 8 | me;
		void *p = pkt_fill(c.cpu, DATA + 8, value, WORDS);

		p = pkt_copy(p, DATA + 8 * WORDS + 8, DATA + 8, WORDS);
		p = pkt_fence(p, DATA, value);
		err = run(c.fd, c.queue, CLIENT_VA, client_size(&c, p));
		for (uint32_t i = 0; i <= 2 * WORDS && !err; i++)
			if (c.data[i] != value)
				err = -EILSEQ;
		__atomic_fetch_add(&board->rounds[me], !err, __ATOMIC_RELEASE);
	}
	client_close(&c);
	return err;
}

static pid_t worker(struct board *board, int me)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(work(board, me) ? 1 : 0);
}

static int worker_end(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) != pid ? -errno : status;
}

/* So many rounds more, if the worker lives. */
static bool goes_on(struct board *board, int who)
{
	uint64_t end = now() + PATIENCE, wanted;

	wanted = __atomic_load_n(&board->rounds[who], __ATOMIC_ACQUIRE) + ROUNDS;
	while (__atomic_load_n(&board->rounds[who], __ATOMIC_ACQUIRE) < wanted && now() < end)
		usleep(500);
	return __atomic_load_n(&board->rounds[who], __ATOMIC_ACQUIRE) >= wanted;
}

static int driver(const char *what, const char *address)
{
	char path[64];
	int fd, err = 0;

	snprintf(path, sizeof(path), DRIVER "%s", what);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, address, strlen(address)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* "generation G resets R error E" */
static void resets(int fd, char *text, size_t size)
{
	char *rings = debug_read(fd, "rings");

	snprintf(text, size, "%.*s", rings ? (int)strcspn(rings, "\n") : 0, rings ? rings : "");
	free(rings);
}

FIXTURE_SETUP(pair)
{
	self->board = mmap(NULL, sizeof(*self->board), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->board);
	ASSERT_EQ(0, client_open(&self->survivor, 60000, 60000));
	resets(self->survivor.fd, self->before, sizeof(self->before));
	ASSERT_NE(NULL, strstr(self->before, "error 0"));
	self->workers[0] = worker(self->board, 0);
	ASSERT_GT(self->workers[0], 0);
	ASSERT_EQ(0, card_other());
	ASSERT_EQ(0, client_open(&self->victim, 60000, 60000));
	ASSERT_TRUE(card_debug(self->victim.fd));
	ASSERT_EQ(0, card_address(self->victim.fd, self->address, sizeof(self->address)));
	self->workers[1] = worker(self->board, 1);
	ASSERT_GT(self->workers[1], 0);
	/* One round needs the other card while each has work all the time. */
	ASSERT_TRUE(goes_on(self->board, 0));
	ASSERT_TRUE(goes_on(self->board, 1));
}

FIXTURE_TEARDOWN(pair)
{
	client_close(&self->victim);
	client_close(&self->survivor);
}

/* The survivor has not noticed anything. */
static void expect_survivor(struct __test_metadata *_metadata, FIXTURE_DATA(pair) *self)
{
	char after[64], event[256];

	EXPECT_TRUE(goes_on(self->board, 0));
	resets(self->survivor.fd, after, sizeof(after));
	EXPECT_STREQ(self->before, after);
	ASSERT_EQ(0, fcntl(self->survivor.fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(self->survivor.fd, event, sizeof(event)));
	EXPECT_EQ(EAGAIN, errno);
	__atomic_store_n(&self->board->stop, true, __ATOMIC_RELEASE);
	EXPECT_EQ(0, worker_end(self->workers[0]));
}

/* And the other card can be had again. */
static void expect_back(struct __test_metadata *_metadata, FIXTURE_DATA(pair) *self)
{
	struct client c;

	client_close(&self->victim);
	ASSERT_EQ(0, driver("bind", self->address));
	ASSERT_EQ(0, card_other());
	ASSERT_EQ(0, client_open(&c, 0, 0));
	EXPECT_EQ(0, run(c.fd, c.queue, CLIENT_VA, client_size(&c, pkt_fence(c.cpu, DATA, 9))));
	EXPECT_EQ(9, c.data[0]);
	client_close(&c);
}

TEST_F(pair, both_at_once)
{
	/* Memory and numbers of one are not the other's. */
	struct drm_loom_bo_info info = { .handle = self->survivor.bo };

	EXPECT_EQ(0, card_ioctl(self->survivor.fd, DRM_IOCTL_LOOM_BO_INFO, &info));
	for (int i = 0; i < 3; i++) {
		EXPECT_TRUE(goes_on(self->board, 1));
		EXPECT_TRUE(goes_on(self->board, 0));
	}
	__atomic_store_n(&self->board->stop, true, __ATOMIC_RELEASE);
	EXPECT_EQ(0, worker_end(self->workers[0]));
	EXPECT_EQ(0, worker_end(self->workers[1]));
}

TEST_F(pair, one_does_not_answer)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };
	struct client *c = &self->victim;
	int file;

	ASSERT_EQ(0, sync_create(c->fd, &sync.handle));
	ASSERT_EQ(0, submit(c->fd, c->queue, CLIENT_VA, client_size(c, pkt_hang(c->cpu, true)), &sync,
			    1, NULL));
	file = sync_export(c->fd, sync.handle);
	ASSERT_GE(file, 0);
	ASSERT_EQ(0, debug_write(c->fd, "inject", "dead"));
	ASSERT_EQ(0, sync_wait(c->fd, sync.handle, 0, PATIENCE));
	EXPECT_EQ(-ENODEV, sync_file_status(file));
	close(file);
	EXPECT_NE(0, worker_end(self->workers[1]));
	expect_survivor(_metadata, self);
	/* Only this brings it back to life; the driver that has given up does not care. */
	ASSERT_EQ(0, card_function_reset(c->fd));
	ASSERT_EQ(0, driver("unbind", self->address));
	expect_back(_metadata, self);
}

TEST_F(pair, one_loses_its_driver)
{
	ASSERT_EQ(0, driver("unbind", self->address));
	EXPECT_NE(0, worker_end(self->workers[1]));
	expect_survivor(_metadata, self);
	expect_back(_metadata, self);
}

TEST_F(pair, one_is_reset)
{
	ASSERT_EQ(0, debug_write(self->victim.fd, "reset", "device"));
	ASSERT_EQ(0, card_function_reset(self->victim.fd));
	expect_survivor(_metadata, self);
	/* This one may have lost a job. */
	worker_end(self->workers[1]);
	EXPECT_EQ(0, run(self->victim.fd, self->victim.queue, 0, 0));
}

TEST_HARNESS_MAIN
