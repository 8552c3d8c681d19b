// SPDX-License-Identifier: MIT
/*
 * The machine sleeps: what was submitted gets done, local memory keeps what it held, and nobody
 * needs to open anything again. Needs root, and a machine whose root is not on 9p (--ram); meant for
 * rings=2, the kernel's ring and one that all share.
 *
 * Three depths: the kernel's own test (pm_test), in which the card is put into D3hot and the machine
 * does not stop; to idle, the same for as long as nothing happens; and to RAM, after which the card has
 * lost everything. Somebody must press a key in the second: that takes QEMU's monitor (--monitor).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include <kselftest_harness.h>

#include "card.h"
#include "monitor.h"
#include "root.h"

#define DATA		(CLIENT_VA + CLIENT_DATA)
#define LOCAL_VA	0x80000000ull
#define LOCAL_SIZE	(3u << 20)
#define WORDS		(LOCAL_SIZE / 8)

static uint64_t pattern(uint32_t i)
{
	return i * 0x9e3779b97f4a7c15ull + 1;
}

static int sleep_tested(void)
{
	int err = root_sysfs("/sys/module/suspend/parameters/pm_test_delay", "0");

	if (!err)
		err = root_sysfs("/sys/power/pm_test", "core");
	if (!err)
		err = root_sysfs("/sys/power/state", "mem");
	return err ? err : root_sysfs("/sys/power/pm_test", "none");
}

#define KEYBOARD	"/sys/devices/platform/i8042/serio0/power/wakeup"
#define SLEPT		"/sys/power/suspend_stats/success"

/*
 * A key goes down and up again, so many seconds apart, as often as it takes: whenever the machine falls
 * asleep, one of these comes later. One that comes while it does so keeps it awake: then once more.
 */
static int sleep_lightly(void)
{
	uint64_t slept, now_slept = 0;
	int err = monitor_open();

	if (!err)
		err = root_sysfs(KEYBOARD, "enabled");
	if (!err)
		err = root_sysfs("/sys/power/mem_sleep", "s2idle");
	if (!err)
		err = root_number(SLEPT, &slept);
	while (!err && now_slept != slept + 1) {
		for (int i = 0; i < 4 && !err; i++)
			err = monitor_do("send-key", "\"hold-time\": 1000, \"keys\": [{\"type\": "
						     "\"qcode\", \"data\": \"shift\"}]");
		if (!err)
			err = root_sysfs("/sys/power/state", "mem");
		if (err == -EBUSY)
			err = 0;
		if (!err)
			err = root_number(SLEPT, &now_slept);
	}
	return err;
}

#define BRIDGE		"/sys/bus/pci/devices/0000:00:1f.0/config"
#define BRIDGE_PM	0x40	/* ICH9: base of the ACPI registers, and whether they answer */

/* Firmware should do that: SeaBIOS, or what QEMU tells it, forgets where these registers were. */
static int bridge(uint8_t *pm, bool restore)
{
	int fd = open(BRIDGE, O_RDWR | O_CLOEXEC);
	ssize_t n = restore ? pwrite(fd, pm, 5, BRIDGE_PM) : pread(fd, pm, 5, BRIDGE_PM);

	close(fd);
	return n == 5 ? 0 : -EIO;
}

/* An alarm that comes too early keeps the machine from falling asleep: then once more, later. */
static int sleep_deeply(void)
{
	char count[32] = "", alarm[16];
	int err, fd, seconds = 2;
	uint8_t pm[5];

	err = bridge(pm, false);
	if (!err)
		err = root_sysfs("/sys/power/mem_sleep", "deep");
	while (!err) {
		fd = open("/sys/power/wakeup_count", O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, count, sizeof(count) - 1) <= 0)
			return -EIO;
		close(fd);
		err = root_sysfs("/sys/class/rtc/rtc0/wakealarm", "0");
		snprintf(alarm, sizeof(alarm), "+%d", seconds++);
		if (!err)
			err = root_sysfs("/sys/class/rtc/rtc0/wakealarm", alarm);
		if (!err && root_sysfs("/sys/power/wakeup_count", count))
			continue;
		if (err)
			break;
		err = root_sysfs("/sys/power/state", "mem");
		if (!err)
			return bridge(pm, true);
		if (err != -EBUSY)
			break;
		err = 0;
	}
	return err;
}

FIXTURE(sleep) {
	struct client c, other;
	uint64_t *local;
	uint32_t local_bo;
	struct root_rings before, after;
};

FIXTURE_VARIANT(sleep) {
	int (*sleep)(void);
	bool kept;
	int rounds;
};

FIXTURE_VARIANT_ADD(sleep, tested) { .sleep = sleep_tested, .kept = true, .rounds = 3 };
FIXTURE_VARIANT_ADD(sleep, deep) { .sleep = sleep_deeply, .kept = false, .rounds = 1 };
/* The last: keys are still pressed when it has ended, which wakes whoever sleeps. */
FIXTURE_VARIANT_ADD(sleep, to_idle) { .sleep = sleep_lightly, .kept = true, .rounds = 3 };

FIXTURE_SETUP(sleep)
{
	ASSERT_EQ(0, root_node());
	ASSERT_EQ(0, client_open(&self->c, 60000, 60000));
	ASSERT_EQ(0, client_open(&self->other, 60000, 60000));
	ASSERT_TRUE(card_debug(self->c.fd));
	ASSERT_EQ(0, bo_create(self->c.fd, LOCAL_SIZE, DRM_LOOM_BO_LOCAL, 0, &self->local_bo));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_MAP, self->local_bo, 0, LOCAL_VA,
			     LOCAL_SIZE));
	self->local = bo_map(self->c.fd, self->local_bo, LOCAL_SIZE);
	ASSERT_NE(NULL, self->local);
	for (uint32_t i = 0; i < WORDS; i++)
		self->local[i] = pattern(i);
	ASSERT_EQ(0, root_rings(&self->before));
}

FIXTURE_TEARDOWN(sleep)
{
	client_close(&self->c);
	client_close(&self->other);
}

/* Both see in local memory what was there, the card after the processor. */
static void expect_local(struct __test_metadata *_metadata, FIXTURE_DATA(sleep) *self)
{
	uint32_t at = WORDS - 512, wrong = 0, size;

	for (uint32_t i = 0; i < WORDS; i++)
		wrong += self->local[i] != pattern(i);
	EXPECT_EQ(0, wrong);
	size = client_size(&self->c, pkt_copy(self->c.cpu, DATA, LOCAL_VA + 8 * at, 512));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, size));
	for (uint32_t i = 0; i < 512; i++)
		wrong += self->c.data[i] != pattern(at + i);
	EXPECT_EQ(0, wrong);
}

static int start(struct client *c, uint32_t size)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };
	int err = sync_create(c->fd, &sync.handle);

	if (!err)
		err = submit(c->fd, c->queue, CLIENT_VA, size, &sync, 1, NULL);
	return err ? err : sync_export(c->fd, sync.handle);
}

TEST_F(sleep, idle)
{
	for (int i = 0; i < variant->rounds; i++) {
		ASSERT_EQ(0, variant->sleep());
		expect_local(_metadata, self);
	}
	ASSERT_EQ(0, root_rings(&self->after));
	EXPECT_EQ(0, self->after.error);
	EXPECT_EQ(variant->kept ? 0u : (unsigned int)variant->rounds,
		  self->after.generation - self->before.generation);
}

/* What is in execution is halted. A card that keeps its state goes on; else it is lost. */
TEST_F(sleep, in_execution)
{
	struct drm_loom_queue_state state;
	struct client *c = &self->c;
	int hung, behind;
	uint32_t size;

	c->data[0] = 0;
	hung = start(c, client_size(c, pkt_hang(pkt_fence(c->cpu, DATA, 1), true)));
	ASSERT_GE(hung, 0);
	while (!__atomic_load_n(&c->data[0], __ATOMIC_ACQUIRE))
		;
	/* In the same ring: it has not started. */
	size = client_size(&self->other, pkt_fence(self->other.cpu, DATA, 42));
	behind = start(&self->other, size);
	ASSERT_GE(behind, 0);
	ASSERT_EQ(0, variant->sleep());
	if (variant->kept) {
		EXPECT_EQ(0, sync_file_status(hung));
		EXPECT_EQ(0, sync_file_status(behind));
		ASSERT_EQ(0, queue_state(c->fd, c->queue, &state));
		EXPECT_EQ(DRM_LOOM_QUEUE_OK, state.status);
		ASSERT_EQ(0, queue_destroy(c->fd, c->queue));
	} else {
		EXPECT_EQ(-ECANCELED, sync_file_status(hung));
		ASSERT_EQ(0, queue_state(c->fd, c->queue, &state));
		EXPECT_EQ(DRM_LOOM_QUEUE_INNOCENT, state.status);
	}
	ASSERT_EQ(0, run(self->other.fd, self->other.queue, CLIENT_VA, size));
	EXPECT_EQ(1, sync_file_status(behind));
	EXPECT_EQ(42, self->other.data[0]);
	ASSERT_EQ(0, client_queue(c, &c->queue));
	expect_local(_metadata, self);
}

/* A job that waits for somebody else goes on waiting. */
TEST_F(sleep, waiting)
{
	struct drm_loom_sync syncs[2] = {
		{ .flags = 0 },
		{ .flags = DRM_LOOM_SYNC_SIGNAL },
	};
	struct client *c = &self->c;
	uint32_t size, hang;

	ASSERT_EQ(0, sync_create(c->fd, &syncs[0].handle));
	ASSERT_EQ(0, sync_create(c->fd, &syncs[1].handle));
	/* It ends when its queue does. */
	ASSERT_EQ(0, queue_create(c->fd, c->vm, 60000, 60000, 0, 0, &hang));
	size = client_size(c, pkt_hang(c->cpu, false));
	syncs[0].flags = DRM_LOOM_SYNC_SIGNAL;
	ASSERT_EQ(0, submit(c->fd, hang, CLIENT_VA, size, syncs, 1, NULL));
	syncs[0].flags = 0;
	size = client_size(c, pkt_fence(c->cpu + 0x1000, DATA, 7)) - 0x1000;
	ASSERT_EQ(0, submit(c->fd, c->queue, CLIENT_VA + 0x1000, size, syncs, 2, NULL));
	ASSERT_EQ(0, variant->sleep());
	if (variant->kept)
		EXPECT_EQ(-ETIME, sync_wait(c->fd, syncs[1].handle, 0, 0));
	ASSERT_EQ(0, queue_destroy(c->fd, hang));
	ASSERT_EQ(0, sync_wait(c->fd, syncs[1].handle, 0, PATIENCE));
	EXPECT_EQ(7, c->data[0]);
}

/* A job that must be done by the end. A queue that a reset ended is no fault of the job's. */
static int work(struct client *c, uint64_t n)
{
	uint32_t size = client_size(c, pkt_fence(c->cpu, DATA, n));
	struct drm_loom_queue_state state;
	int err = run(c->fd, c->queue, CLIENT_VA, size);

	if (err || c->data[0] == n)
		return err;
	err = queue_state(c->fd, c->queue, &state);
	if (err)
		return err;
	return state.status == DRM_LOOM_QUEUE_INNOCENT ? -ECANCELED : -EILSEQ;
}

/* Others compute all the time, and verify. */
TEST_F_TIMEOUT(sleep, at_work, 1800)
{
	int rounds = variant->kept && getenv("SLEEP_ROUNDS") ? atoi(getenv("SLEEP_ROUNDS")) :
							       variant->rounds;
	int *board = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[3];
	int status;

	ASSERT_NE(MAP_FAILED, board);
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		ASSERT_GE(pids[i], 0);
		if (!pids[i])
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (!pids[i]) {
			struct client c;
			int err = client_open(&c, 60000, 60000);

			for (uint64_t n = 1; !err && !__atomic_load_n(board, __ATOMIC_ACQUIRE); n++) {
				err = work(&c, n);
				__atomic_fetch_add(&board[1 + i], 1, __ATOMIC_RELAXED);
			}
			/* A reset ends what was in execution, through no fault of anybody's. */
			if (err == -ECANCELED && !variant->kept) {
				client_close(&c);
				continue;
			}
			_exit(err ? 1 : 0);
		}
	}
	for (int i = 0; i < rounds; i++) {
		int jobs[3];

		for (int n = 0; n < 3; n++)
			jobs[n] = __atomic_load_n(&board[1 + n], __ATOMIC_RELAXED);
		/* Each gets something done between two sleeps. */
		for (int n = 0; n < 3; n++)
			while (__atomic_load_n(&board[1 + n], __ATOMIC_RELAXED) == jobs[n])
				ASSERT_EQ(0, waitpid(pids[n], &status, WNOHANG));
		ASSERT_EQ(0, variant->sleep());
	}
	__atomic_store_n(board, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	printf("# %d sleeps, %d jobs verified\n", rounds, board[1] + board[2] + board[3]);
	expect_local(_metadata, self);
}

TEST_HARNESS_MAIN
