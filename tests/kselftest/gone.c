// SPDX-License-Identifier: MIT
/*
 * A card that does not answer any more, loses its driver or is taken out, with everything open; and
 * what each call says then: the table "States and errors" of Documentation/uapi.rst. Needs root.
 */
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "calls.h"
#include "card.h"
#include "monitor.h"
#include "root.h"
#include "slot.h"

#define DATA		(CLIENT_VA + CLIENT_DATA)
#define DRIVER		"/sys/bus/pci/drivers/loom/"

/* ---- helpers ------------------------------------------------------------------------ */

static int driver_unbind(void)
{
	return root_sysfs(DRIVER "unbind", root_address());
}

static int driver_bind(void)
{
	return root_sysfs(DRIVER "bind", root_address());
}

static int works(void)
{
	struct client c;
	int err = root_node();

	if (!err)
		err = client_open(&c, 0, 0);
	if (err)
		return err;
	err = run(c.fd, c.queue, CLIENT_VA, client_size(&c, pkt_fence(c.cpu, DATA, 42)));
	if (!err && c.data[0] != 42)
		err = -EILSEQ;
	client_close(&c);
	return err;
}

/* A job that runs until something ends it; returns a sync_file of it. */
static int start_hang(struct client *c)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };
	uint32_t size = client_size(c, pkt_hang(pkt_fence(c->cpu, DATA, 1), true));
	int err;

	c->data[0] = 0;
	err = sync_create(c->fd, &sync.handle);
	if (!err)
		err = submit(c->fd, c->queue, CLIENT_VA, size, &sync, 1, NULL);
	while (!err && !__atomic_load_n(&c->data[0], __ATOMIC_ACQUIRE))
		;
	return err ? err : sync_export(c->fd, sync.handle);
}

static int file_wait(int file)
{
	struct pollfd p = { .fd = file, .events = POLLIN };

	return poll(&p, 1, PATIENCE / 1000000) == 1 ? 0 : -ETIME;
}

/* Names come from those whose fence it is: they must still be there. */
static int file_names(int file, char *driver, char *timeline)
{
	struct sync_fence_info fence = { 0 };
	struct sync_file_info info = {
		.num_fences = 1, .sync_fence_info = (uintptr_t)&fence,
	};
	int err = card_ioctl(file, SYNC_IOC_FILE_INFO, &info);

	memcpy(driver, fence.driver_name, sizeof(fence.driver_name));
	memcpy(timeline, fence.obj_name, sizeof(fence.obj_name));
	return err ? err : fence.status;
}

/* Newer kernels do not ask the driver any more about a fence that has signalled. */
static bool names_fit(const char *driver, const char *timeline)
{
	return (!strcmp(driver, "loom") && !strcmp(timeline, "queue")) ||
	       (!strcmp(driver, "detached-driver") && !strcmp(timeline, "signaled-timeline"));
}

static int uevents_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Waits for an event of the accel node that says TEXT. */
static bool uevents_find(int fd, const char *text)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char event[4096];

	while (poll(&p, 1, PATIENCE / 1000000) == 1) {
		ssize_t n = recv(fd, event, sizeof(event) - 1, 0);
		bool accel = false, found = false;

		if (n <= 0)
			return false;
		event[n] = 0;
		for (char *s = event; s < event + n; s += strlen(s) + 1) {
			accel |= !strcmp(s, "SUBSYSTEM=accel");
			found |= !strcmp(s, text);
		}
		if (accel && found)
			return true;
	}
	return false;
}

FIXTURE(gone) {
	struct client c, idle;
	int file, done;
	struct drm_loom_queue_state state;
};

FIXTURE_SETUP(gone)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };

	ASSERT_EQ(0, root_node());
	ASSERT_NE(0, root_address()[0]);
	ASSERT_EQ(0, client_open(&self->c, 60000, 60000));
	ASSERT_EQ(0, client_open(&self->idle, 60000, 60000));
	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no fault injection");
	/* Two fences: of a job that has ended and of one that has not. */
	ASSERT_EQ(0, sync_create(self->idle.fd, &sync.handle));
	ASSERT_EQ(0, submit(self->idle.fd, self->idle.queue, 0, 0, &sync, 1, NULL));
	ASSERT_EQ(0, sync_wait(self->idle.fd, sync.handle, 0, PATIENCE));
	self->done = sync_export(self->idle.fd, sync.handle);
	ASSERT_GE(self->done, 0);
	self->file = start_hang(&self->c);
	ASSERT_GE(self->file, 0);
	self->idle.data[1] = 11;
	memset(offsets, 0, sizeof(offsets));
	ASSERT_EQ(0, call_mmap(&self->c));
	ASSERT_EQ(0, call_mmap(&self->idle));
}

FIXTURE_TEARDOWN(gone)
{
	slot_close();
	client_close(&self->c);
	client_close(&self->idle);
}

/* The fences have ended as they must, memory is still there. */
static void expect_end(struct __test_metadata *_metadata, FIXTURE_DATA(gone) *self)
{
	char driver[32], timeline[32];

	ASSERT_EQ(0, file_wait(self->file));
	EXPECT_EQ(-ENODEV, file_names(self->file, driver, timeline));
	EXPECT_TRUE(names_fit(driver, timeline)) TH_LOG("%s, %s", driver, timeline);
	EXPECT_EQ(1, file_names(self->done, driver, timeline));
	EXPECT_TRUE(names_fit(driver, timeline)) TH_LOG("%s, %s", driver, timeline);
	ASSERT_NE(NULL, client_result(&self->c, 1));
	EXPECT_EQ(-ENODEV, client_result(&self->c, 1)->error);
	EXPECT_EQ(11, self->idle.data[1]);
	for (size_t i = 0; i < CLIENT_SIZE; i += 4096)
		self->idle.cpu[i] = 1;
}

static void expect_removed(struct __test_metadata *_metadata, struct client *c)
{
	for (size_t i = 0; i < CALLS; i++) {
		EXPECT_EQ(calls[i].removed, calls[i].call(c)) TH_LOG("%s", calls[i].name);
	}
}

TEST_F(gone, queue_that_has_faulted)
{
	struct client *c = &self->idle;
	uint32_t size = client_size(c, pkt_copy(c->cpu, DATA, 0x7000000000, 1));

	/* The card runs one thing at a time. */
	ASSERT_EQ(0, queue_destroy(self->c.fd, self->c.queue));
	ASSERT_EQ(0, run(c->fd, c->queue, CLIENT_VA, size));
	ASSERT_EQ(0, queue_state(c->fd, c->queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_FAULTED, self->state.status);
	for (size_t i = 0; i < CALLS; i++) {
		EXPECT_EQ(calls[i].ended, calls[i].call(c)) TH_LOG("%s", calls[i].name);
	}
}

TEST_F_TIMEOUT(gone, card_that_does_not_answer, 120)
{
	struct root_rings rings;
	struct client late;
	int uevents = uevents_open();
	uint64_t wedged;

	ASSERT_GE(uevents, 0);
	ASSERT_EQ(0, root_debug("inject", "dead"));
	expect_end(_metadata, self);
	EXPECT_TRUE(uevents_find(uevents, "WEDGED=rebind"));
	close(uevents);
	ASSERT_EQ(0, root_rings(&rings));
	EXPECT_EQ(-EIO, rings.error);
	ASSERT_EQ(0, root_number("ras/wedged", &wedged));
	EXPECT_EQ(1, wedged);
	ASSERT_EQ(0, queue_state(self->idle.fd, self->idle.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_LOST, self->state.status);
	for (size_t i = 0; i < CALLS; i++) {
		EXPECT_EQ(calls[i].wedged, calls[i].call(&self->idle)) TH_LOG("%s", calls[i].name);
	}
	late.fd = card_open();
	ASSERT_GE(late.fd, 0);
	EXPECT_EQ(-EIO, call_vm_create(&late));
	close(late.fd);
	/* Neither of these can be of use to such a card. */
	EXPECT_EQ(-EIO, root_debug("reset", "device"));
	EXPECT_EQ(0, root_sysfs("reset", "1"));
	EXPECT_EQ(-EIO, call_vm_create(&self->c));

	/* The reset of the function has helped the card, the new driver finds that out. */
	ASSERT_EQ(0, driver_unbind());
	expect_removed(_metadata, &self->c);
	ASSERT_EQ(0, driver_bind());
	EXPECT_EQ(0, works());
	expect_removed(_metadata, &self->c);
}

/* Local memory is had at once, and of use once the card has cleared it: this one never does. */
TEST(clear_that_never_ends)
{
	struct client c;
	uint32_t bo;
	int err;

	ASSERT_EQ(0, root_node());
	ASSERT_NE(0, root_address()[0]);
	ASSERT_EQ(0, client_open(&c, 0, 0));
	if (!card_debug(c.fd))
		SKIP(return, "the card has no fault injection");
	/* It has nothing to do: nobody looks at it before the clear is under way. */
	ASSERT_EQ(0, root_debug("inject", "dead"));
	err = bo_create(c.fd, 4096, DRM_LOOM_BO_LOCAL, 0, &bo);
	if (!err)
		err = vm_bind(c.fd, c.vm, DRM_LOOM_BIND_MAP, bo, 0, 0x50000000, 4096);
	EXPECT_EQ(-EIO, err);
	client_close(&c);
	ASSERT_EQ(0, root_sysfs("reset", "1"));
	ASSERT_EQ(0, driver_unbind());
	ASSERT_EQ(0, driver_bind());
	EXPECT_EQ(0, works());
}

/* A driver does not take a card that does not answer, and leaves it well. */
TEST_F_TIMEOUT(gone, card_that_is_dead_at_probe, 120)
{
	ASSERT_EQ(0, root_debug("inject", "dead"));
	ASSERT_EQ(0, file_wait(self->file));
	ASSERT_EQ(0, driver_unbind());
	EXPECT_EQ(-ENODEV, driver_bind());
	ASSERT_EQ(0, root_sysfs("reset", "1"));
	ASSERT_EQ(0, driver_bind());
	EXPECT_EQ(0, works());
}

TEST_F_TIMEOUT(gone, driver_is_unbound, 120)
{
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, driver_unbind());
		if (!i) {
			expect_end(_metadata, self);
			expect_removed(_metadata, &self->c);
		}
		expect_removed(_metadata, &self->idle);
		EXPECT_NE(0, works());
		ASSERT_EQ(0, driver_bind());
		EXPECT_EQ(0, works());
	}
}

TEST_F_TIMEOUT(gone, card_is_taken_out, 120)
{
	ASSERT_EQ(0, root_sysfs("remove", "1"));
	expect_end(_metadata, self);
	expect_removed(_metadata, &self->c);
	expect_removed(_metadata, &self->idle);
	EXPECT_EQ(-ENOENT, root_exists("vendor"));
	ASSERT_EQ(0, root_sysfs("/sys/bus/pci/rescan", "1"));
	EXPECT_EQ(0, works());
}

/* ---- the slot ----------------------------------------------------------------------- */

#define LOCAL_SIZE	(1u << 20)

/* Somebody who makes calls and touches memory of all kinds all the time, whatever happens to the card. */
static int bystander(int ready)
{
	struct drm_loom_bo_mmap_offset args = { 0 };
	volatile uint8_t *mem, *local;
	struct client c, late;
	uint32_t bo;
	int err;

	if (root_node() || client_open(&c, 60000, 60000) ||
	    bo_create(c.fd, LOCAL_SIZE, DRM_LOOM_BO_LOCAL, 0, &bo))
		return 1;
	mem = c.cpu;
	local = bo_map(c.fd, bo, LOCAL_SIZE);
	args.handle = bo;
	if (!local || card_ioctl(c.fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &args))
		return 2;
	do {
		for (size_t i = 0; i < CLIENT_SIZE; i += 4096)
			mem[i]++;
		for (size_t i = 0; i < LOCAL_SIZE; i += 4096)
			local[i]++;
		/* The last calls of the list end what the others use. */
		err = client_open(&late, 60000, 60000);
		for (size_t i = 0; !err && i < CALLS; i++) {
			int ret;

			offsets[late.fd] = 0;
			ret = calls[i].call(&late);
			/* Contexts stay in use while their jobs wait behind the one that hangs. */
			if (ret == -ENOSPC)
				break;
			if (ret && ret != calls[i].wedged && ret != calls[i].removed) {
				fprintf(stderr, "# %s: %d\n", calls[i].name, ret);
				return 3;
			}
		}
		client_close(&late);
		if (ready >= 0)
			close(ready);
		ready = -1;
	} while (call_query_info(&c) != -ENODEV);
	/* Mapped anew it cannot be; what was mapped is there, and nobody else's. */
	for (size_t i = 0; i < LOCAL_SIZE; i += 4096)
		local[i] = 1;
	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, c.fd, args.offset) != MAP_FAILED || errno != ENODEV)
		return 4;
	return 0;
}

static pid_t bystander_start(void)
{
	int ready[2];
	char none;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		_exit(bystander(ready[1]));
	}
	close(ready[1]);
	/* It has everything and has made all calls once. */
	if (read(ready[0], &none, 1))
		pid = -1;
	close(ready[0]);
	return pid;
}

static int root_gone(void)
{
	uint64_t end = now() + PATIENCE;

	while (!root_exists("vendor")) {
		if (now() > end)
			return -ETIME;
		usleep(1000);
	}
	return 0;
}

static int works_soon(void)
{
	uint64_t end = now() + PATIENCE;
	int err;

	do {
		usleep(1000);
		err = works();
	} while (err && now() < end);
	return err;
}

/* Nobody was told: the card is gone while it is at work, and only then the slot says so. */
TEST_F_TIMEOUT(gone, card_is_pulled_out, 240)
{
	int status;
	pid_t pid;

	if (!monitor_there())
		SKIP(return, "the machine has no monitor");
	ASSERT_EQ(0, slot_open());
	for (int i = 0; i < 2; i++) {
		pid = bystander_start();
		ASSERT_GT(pid, 0);
		ASSERT_EQ(0, slot_pull());
		ASSERT_EQ(0, root_gone());
		if (!i)
			expect_end(_metadata, self);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		if (!i)
			expect_removed(_metadata, &self->c);
		expect_removed(_metadata, &self->idle);
		ASSERT_EQ(0, slot_fill());
		EXPECT_EQ(0, works_soon());
		expect_removed(_metadata, &self->idle);
	}
}

/* The polite way: the kernel takes the driver off the card before the slot lets go of it. */
TEST_F_TIMEOUT(gone, card_is_ejected, 240)
{
	int status;
	pid_t pid;

	if (!monitor_there())
		SKIP(return, "the machine has no monitor");
	ASSERT_EQ(0, slot_open());
	pid = bystander_start();
	ASSERT_GT(pid, 0);
	ASSERT_EQ(0, slot_eject());
	expect_end(_metadata, self);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, root_gone());
	expect_removed(_metadata, &self->c);
	expect_removed(_metadata, &self->idle);
	ASSERT_EQ(0, slot_fill());
	EXPECT_EQ(0, works_soon());
}

/* Not even the slot says anything: the driver has to find out, and tells those who can help. */
TEST_F_TIMEOUT(gone, card_loses_power, 240)
{
	int uevents = uevents_open();

	if (!monitor_there())
		SKIP(return, "the machine has no monitor");
	ASSERT_EQ(0, slot_open());
	ASSERT_GE(uevents, 0);
	ASSERT_EQ(0, slot_power(false));
	expect_end(_metadata, self);
	EXPECT_TRUE(uevents_find(uevents, "WEDGED=rebind"));
	close(uevents);
	for (size_t i = 0; i < CALLS; i++) {
		EXPECT_EQ(calls[i].wedged, calls[i].call(&self->idle)) TH_LOG("%s", calls[i].name);
	}
	/* With power again the card knows nothing any more, not even its address. */
	ASSERT_EQ(0, slot_power(true));
	ASSERT_EQ(0, root_sysfs("remove", "1"));
	expect_removed(_metadata, &self->c);
	ASSERT_EQ(0, root_sysfs("/sys/bus/pci/rescan", "1"));
	EXPECT_EQ(0, works_soon());
}

/* Nobody needs to know whether the card sleeps: the calls that need it wake it. */
TEST_F(gone, card_that_sleeps)
{
	char path[128], text[32];
	ssize_t n;
	int fd;

	ASSERT_EQ(0, queue_destroy(self->c.fd, self->c.queue));
	ASSERT_EQ(0, root_sysfs("power/autosuspend_delay_ms", "0"));
	ASSERT_EQ(0, root_sysfs("power/control", "auto"));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.60s/power/runtime_status", root_address());
	for (size_t i = 0; i < CALLS; i++) {
		do {
			fd = open(path, O_RDONLY | O_CLOEXEC);
			ASSERT_GE(fd, 0);
			n = read(fd, text, sizeof(text));
			close(fd);
			ASSERT_GT(n, 0);
		} while (strncmp(text, "suspended", 9));
		EXPECT_EQ(0, calls[i].call(&self->idle)) TH_LOG("%s", calls[i].name);
	}
	EXPECT_EQ(0, call_poll(&self->c));
	ASSERT_EQ(0, root_sysfs("power/control", "on"));
	ASSERT_EQ(0, root_sysfs("power/autosuspend_delay_ms", "1000"));
}

/* Nor whether it is being reset: calls wait, or need not. */
TEST_F_TIMEOUT(gone, card_that_is_being_reset, 120)
{
	pid_t pid;
	int status, passes = 0;

	ASSERT_EQ(0, queue_destroy(self->c.fd, self->c.queue));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int err = 0;

		for (int i = 0; i < 20 && !err; i++)
			err = root_debug("reset", "device");
		_exit(err ? 1 : 0);
	}
	do {
		struct client c;

		ASSERT_EQ(0, client_open(&c, 60000, 60000));
		offsets[c.fd] = 0;
		for (size_t i = 0; i < CALLS; i++) {
			EXPECT_EQ(0, calls[i].call(&c)) TH_LOG("%s", calls[i].name);
		}
		client_close(&c);
		passes++;
	} while (!waitpid(pid, &status, WNOHANG));
	EXPECT_EQ(0, status);
	printf("# %d passes through all calls\n", passes);
}

#define AER_TIMEOUT	0x4000u		/* completion timeout: not fatal */
#define AER_MALFORMED	0x40000u	/* malformed packet: fatal, so that the link is reset */

/* Has the kernel believe that the card reported an error of the bus. */
static int bus_error(uint32_t error)
{
	struct {
		uint8_t bus, dev, fn;
		uint32_t uncorrected, corrected, header[4], domain;
	} inject = { .uncorrected = error };
	unsigned int domain, bus, dev, fn;
	int fd = open("/dev/aer_inject", O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (sscanf(root_address(), "%x:%x:%x.%x", &domain, &bus, &dev, &fn) != 4)
		return -EINVAL;
	inject.domain = domain;
	inject.bus = bus;
	inject.dev = dev;
	inject.fn = fn;
	if (write(fd, &inject, sizeof(inject)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/*
 * What runs is lost; what waits behind it, everybody's files and the rest of the day are not. After a fatal
 * error QEMU's root port brings its link back only if it is one that plugs cards itself.
 */
TEST_F_TIMEOUT(gone, errors_of_the_bus, 120)
{
	const uint32_t errors[] = { AER_TIMEOUT, AER_TIMEOUT, AER_MALFORMED, AER_MALFORMED };
	const size_t count = monitor_there() ? 4 : 2;
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };
	struct root_rings before, after;
	struct client *idle = &self->idle;
	uint32_t size;

	if (access("/dev/aer_inject", W_OK) && system("modprobe aer_inject"))
		SKIP(return, "the kernel cannot inject errors of the bus");
	ASSERT_EQ(0, sync_create(idle->fd, &sync.handle));
	for (size_t i = 0; i < count; i++) {
		ASSERT_EQ(0, root_rings(&before));
		size = client_size(idle, pkt_fence(idle->cpu, DATA, 42 + i));
		ASSERT_EQ(0, submit(idle->fd, idle->queue, CLIENT_VA, size, &sync, 1, NULL));
		ASSERT_EQ(0, bus_error(errors[i]));
		ASSERT_EQ(0, file_wait(self->file));
		EXPECT_EQ(-ECANCELED, sync_file_status(self->file));
		ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &self->state));
		EXPECT_EQ(DRM_LOOM_QUEUE_INNOCENT, self->state.status);
		/* It had not started: it is done. */
		ASSERT_EQ(0, sync_wait(idle->fd, sync.handle, 0, PATIENCE));
		EXPECT_EQ(42 + i, idle->data[0]);
		ASSERT_EQ(0, root_rings(&after));
		EXPECT_EQ(0, after.error);
		EXPECT_EQ(1, after.generation - before.generation);
		EXPECT_EQ(0, works());
		/* Another one to be hit. */
		close(self->file);
		ASSERT_EQ(0, queue_destroy(self->c.fd, self->c.queue));
		ASSERT_EQ(0, queue_create(self->c.fd, self->c.vm, 60000, 60000, 0, 0, &self->c.queue));
		self->file = start_hang(&self->c);
		ASSERT_GE(self->file, 0);
	}
}

/* Others compute, open, map and close all the time while the driver comes and goes. */
TEST_F_TIMEOUT(gone, driver_comes_and_goes_under_load, 600)
{
	pid_t pids[4];

	/* What the others would wait for. */
	client_close(&self->c);
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		ASSERT_GE(pids[i], 0);
		/* If this test fails, the others are not to keep the driver busy for ever. */
		if (!pids[i])
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (!pids[i]) {
			struct client c;

			if (root_node() || client_open(&c, 0, 0))
				continue;
			for (uint64_t n = 1;; n++) {
				uint32_t bo, size;

				size = client_size(&c, pkt_fence(c.cpu, DATA, n));
				if (bo_create(c.fd, 65536, 0, 0, &bo) ||
				    vm_bind(c.fd, c.vm, DRM_LOOM_BIND_MAP, bo, 0, 0x60000000, 65536) ||
				    run(c.fd, c.queue, CLIENT_VA, size))
					break;
				bo_close(c.fd, bo);
			}
			client_close(&c);
		}
	}
	for (int i = 0; i < 10; i++) {
		while (works())
			;
		ASSERT_EQ(0, driver_unbind());
		ASSERT_EQ(0, driver_bind());
	}
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, kill(pids[i], SIGKILL));
		ASSERT_EQ(pids[i], waitpid(pids[i], NULL, 0));
	}
	EXPECT_EQ(0, works());
}

/* ---- the module --------------------------------------------------------------------- */

static int unload(void)
{
	return syscall(SYS_delete_module, "loom", O_NONBLOCK) ? -errno : 0;
}

static int load(void)
{
	int fd = open(getenv("LOOM_MODULE") ? getenv("LOOM_MODULE") : "", O_RDONLY | O_CLOEXEC);
	int err = fd < 0 || syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;

	close(fd);
	return err;
}

TEST_F_TIMEOUT(gone, module_is_in_use, 120)
{
	char driver[32], timeline[32];
	void *map;
	int err;

	EXPECT_EQ(-EWOULDBLOCK, unload());
	/* A mapping alone. */
	map = bo_map(self->idle.fd, self->idle.bo, CLIENT_SIZE);
	ASSERT_NE(NULL, map);
	client_close(&self->c);
	client_close(&self->idle);
	ASSERT_EQ(0, file_wait(self->file));
	EXPECT_EQ(-ECANCELED, file_names(self->file, driver, timeline));
	EXPECT_EQ(-EWOULDBLOCK, unload());
	munmap(map, CLIENT_SIZE);
	/* Fences alone, without the device too. */
	EXPECT_EQ(-EWOULDBLOCK, unload());
	ASSERT_EQ(0, driver_unbind());
	EXPECT_EQ(-EWOULDBLOCK, unload());
	EXPECT_EQ(-ECANCELED, file_names(self->file, driver, timeline));
	EXPECT_TRUE(names_fit(driver, timeline)) TH_LOG("%s, %s", driver, timeline);
	close(self->file);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	EXPECT_EQ(1, file_names(self->done, driver, timeline));
	EXPECT_TRUE(names_fit(driver, timeline)) TH_LOG("%s, %s", driver, timeline);
	close(self->done);
	/* The last reference goes on a worker. */
	do {
		err = unload();
	} while (err == -EWOULDBLOCK);
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, load());
	EXPECT_EQ(0, works());
}

/* After the last close nothing keeps the module. */
TEST(module_is_free_after_close)
{
	char node[64];

	ASSERT_EQ(0, works());
	snprintf(node, sizeof(node), "%s", getenv("LOOM_NODE"));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, unload());
		ASSERT_EQ(0, load());
		ASSERT_EQ(0, works());
		/* Nor the device: its number is free again. */
		EXPECT_STREQ(node, getenv("LOOM_NODE"));
	}
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, driver_unbind());
		ASSERT_EQ(0, driver_bind());
		ASSERT_EQ(0, works());
		EXPECT_STREQ(node, getenv("LOOM_NODE"));
	}
}

TEST_HARNESS_MAIN
