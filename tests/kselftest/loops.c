// SPDX-License-Identifier: MIT
/*
 * The same again and again, under load: driver and module come and go, rings and card are reset, the card
 * is pulled out of its slot and another put in. Each time everybody gets right results afterwards; in
 * the end no fence was lost, and the kernel has as much memory as before. Needs root and a card with
 * x-debug=on.
 *
 * LOOPS=full does it as often as `make check-loops` promises; else a few times.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "monitor.h"
#include "root.h"
#include "slot.h"

#define DATA		(CLIENT_VA + CLIENT_DATA)
#define DRIVER		"/sys/bus/pci/drivers/loom/"
#define WORKERS		3
/* What a round may cost on average: less than anything that could be left behind. */
#define ROUND_BYTES	2048
#define NOISE_BYTES	(1u << 20)

/* What the processes share. */
struct board {
	bool stop;
	uint64_t jobs, ended, wrong, lost;
};

FIXTURE(loops) {
	struct board *board;
	pid_t workers[WORKERS];
	uint64_t begin;
};

/* ---- a process that computes, whatever happens to the card ---------------------------- */

/* A job: 0, or why its client is of no use any more. What cannot be so is counted. */
static int job(struct board *board, struct client *c, uint64_t n)
{
	uint32_t size = client_size(c, pkt_fence(c->cpu, DATA, n));
	struct drm_loom_queue_state state;
	int err = run(c->fd, c->queue, CLIENT_VA, size);

	if (err == -ETIME)
		__atomic_fetch_add(&board->lost, 1, __ATOMIC_RELAXED);
	if (err)
		return err;
	if (__atomic_load_n(&c->data[0], __ATOMIC_ACQUIRE) == n) {
		__atomic_fetch_add(&board->jobs, 1, __ATOMIC_RELAXED);
		return 0;
	}
	err = queue_state(c->fd, c->queue, &state);
	if (!err && state.status == DRM_LOOM_QUEUE_OK)
		__atomic_fetch_add(&board->wrong, 1, __ATOMIC_RELAXED);
	return -ECANCELED;
}

static void work(struct board *board)
{
	struct client c;

	while (!__atomic_load_n(&board->stop, __ATOMIC_ACQUIRE)) {
		/* Whoever brings the card back needs the processor. */
		if (root_node() || client_open(&c, 60000, 60000)) {
			usleep(500);
			continue;
		}
		for (uint64_t n = 1; !__atomic_load_n(&board->stop, __ATOMIC_ACQUIRE); n++)
			if (job(board, &c, n))
				break;
		__atomic_fetch_add(&board->ended, 1, __ATOMIC_RELAXED);
		client_close(&c);
	}
}

/* Somebody has got something done since. */
static void expect_progress(struct __test_metadata *_metadata, FIXTURE_DATA(loops) *self)
{
	uint64_t jobs = __atomic_load_n(&self->board->jobs, __ATOMIC_RELAXED), end = now() + PATIENCE;

	while (__atomic_load_n(&self->board->jobs, __ATOMIC_RELAXED) < jobs + 2 * WORKERS) {
		ASSERT_LT(now(), end);
		usleep(500);
	}
}

/* ---- the kernel's memory -------------------------------------------------------------- */

static long slab(void)
{
	char line[256];
	long kib = -1;
	FILE *in;

	root_sysfs("/proc/sys/vm/drop_caches", "3");
	in = fopen("/proc/meminfo", "re");
	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "SUnreclaim: %ld", &kib) == 1)
			break;
	if (in)
		fclose(in);
	return kib * 1024;
}

/* ---- driver and module ---------------------------------------------------------------- */

static int rebind(void)
{
	int err = root_sysfs(DRIVER "unbind", root_address());

	return err ? err : root_sysfs(DRIVER "bind", root_address());
}

/* Files of processes that have not noticed yet keep it for a moment. */
static int reload(void)
{
	uint64_t end = now() + PATIENCE;
	int fd, err;

	err = root_sysfs(DRIVER "unbind", root_address());
	if (err)
		return err;
	while (syscall(SYS_delete_module, "loom", O_NONBLOCK)) {
		if (errno != EWOULDBLOCK || now() > end)
			return -errno;
		usleep(500);
	}
	fd = open(getenv("LOOM_MODULE") ? getenv("LOOM_MODULE") : "", O_RDONLY | O_CLOEXEC);
	err = fd < 0 || syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err;
}

static int reset_ring(void)
{
	return root_debug("reset", "1");
}

static int reset_device(void)
{
	return root_debug("reset", "device");
}

static int replug(void)
{
	uint64_t end = now() + PATIENCE;
	int err = slot_open();

	if (!err)
		err = slot_pull();
	if (!err)
		err = slot_fill();
	while (!err && root_node()) {
		if (now() > end)
			err = -ETIME;
		usleep(500);
	}
	return err;
}

/* ---- the tests ------------------------------------------------------------------------ */

FIXTURE_VARIANT(loops) {
	int (*round)(void);
	int few, many;
	bool monitor;
};

FIXTURE_VARIANT_ADD(loops, unbind_and_bind) { .round = rebind, .few = 3, .many = 200 };
FIXTURE_VARIANT_ADD(loops, module_reload) { .round = reload, .few = 3, .many = 200 };
FIXTURE_VARIANT_ADD(loops, ring_reset) { .round = reset_ring, .few = 20, .many = 1000 };
FIXTURE_VARIANT_ADD(loops, device_reset) { .round = reset_device, .few = 10, .many = 200 };
FIXTURE_VARIANT_ADD(loops, pull_and_plug) { .round = replug, .few = 2, .many = 50, .monitor = true };

FIXTURE_SETUP(loops)
{
	if (variant->monitor && !monitor_there())
		SKIP(return, "the machine has no monitor");
	ASSERT_EQ(0, root_node());
	ASSERT_NE(0, root_address()[0]);
	self->board = mmap(NULL, sizeof(*self->board), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->board);
	self->begin = now();
	for (int i = 0; i < WORKERS; i++) {
		self->workers[i] = fork();
		ASSERT_GE(self->workers[i], 0);
		if (!self->workers[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			work(self->board);
			_exit(0);
		}
	}
}

FIXTURE_TEARDOWN(loops)
{
	for (int i = 0; i < WORKERS; i++)
		if (self->workers[i] > 0)
			kill(self->workers[i], SIGKILL);
}

TEST_F_TIMEOUT(loops, under_load, 3600)
{
	bool full = getenv("LOOPS") && !strcmp(getenv("LOOPS"), "full");
	int rounds = full ? variant->many : variant->few, status;
	struct board *b = self->board;
	long before = 0, after;

	for (int i = 0; i < rounds; i++) {
		/* What is allocated once was, by then. */
		if (i == rounds / 10)
			before = slab();
		expect_progress(_metadata, self);
		ASSERT_EQ(0, variant->round()) TH_LOG("round %d", i);
	}
	expect_progress(_metadata, self);
	__atomic_store_n(&b->stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < WORKERS; i++) {
		ASSERT_EQ(self->workers[i], waitpid(self->workers[i], &status, 0));
		self->workers[i] = 0;
		EXPECT_EQ(0, status);
	}
	after = slab();
	printf("# %d rounds in %.1f s, %llu jobs verified, %llu wrong, %llu fences lost, %llu clients, slab %+ld KiB\n",
	       rounds, (now() - self->begin) / 1e9, (unsigned long long)b->jobs,
	       (unsigned long long)b->wrong, (unsigned long long)b->lost,
	       (unsigned long long)b->ended, (after - before) / 1024);
	EXPECT_EQ(0, b->wrong);
	EXPECT_EQ(0, b->lost);
	/* KASAN keeps what was freed for a while; where it is, kmemleak looks for what was lost. */
	if (!root_configured("CONFIG_KASAN=y"))
		EXPECT_LT(after - before, (long)NOISE_BYTES + (long)rounds * ROUND_BYTES);
}

TEST_HARNESS_MAIN
