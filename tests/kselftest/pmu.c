// SPDX-License-Identifier: MIT
/* The card's counters through perf_event_open(). Needs root. */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define DATA		(CLIENT_VA + CLIENT_DATA)
#define NOWHERE		0x700000000000ull
#define DRIVER		"/sys/bus/pci/drivers/loom/"

/* By number, with where struct drm_loom_query_counters has the same. */
static const struct {
	const char *name;
	size_t offset;
} events[] = {
	{ "busy", offsetof(struct drm_loom_query_counters, busy_ns) },
	{ "descriptors", offsetof(struct drm_loom_query_counters, descriptors) },
	{ "packets", offsetof(struct drm_loom_query_counters, packets) },
	{ "cycles", offsetof(struct drm_loom_query_counters, cycles) },
	{ "macs", offsetof(struct drm_loom_query_counters, macs) },
	{ "bytes-local", offsetof(struct drm_loom_query_counters, bytes_local) },
	{ "bytes-host", offsetof(struct drm_loom_query_counters, bytes_host) },
	{ "energy", offsetof(struct drm_loom_query_counters, energy_pj) },
	{ "faults", offsetof(struct drm_loom_query_counters, faults) },
	{ "tlb-misses", offsetof(struct drm_loom_query_counters, tlb_misses) },
	{ "resets", offsetof(struct drm_loom_query_counters, resets) },
};

#define EVENTS		(sizeof(events) / sizeof(events[0]))
#define DESCRIPTORS	1
#define RESETS		10

FIXTURE(pmu) {
	struct client c;
	struct root_rings rings;
	char dir[128];
	struct perf_event_attr attr;
	int cpu;
};

static int pmu_text(FIXTURE_DATA(pmu) *self, const char *name, char *text, size_t size)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", self->dir, name);
	return root_text(path, text, size);
}

FIXTURE_SETUP(pmu)
{
	char text[64], *end;

	ASSERT_EQ(0, client_open(&self->c, 0, 0));
	ASSERT_EQ(0, root_rings(&self->rings));
	snprintf(self->dir, sizeof(self->dir), "/sys/bus/event_source/devices/loom_%s",
		 root_address());
	for (char *p = self->dir; *p; p++)
		if (*p == ':')
			*p = '_';
	memset(&self->attr, 0, sizeof(self->attr));
	self->attr.size = sizeof(self->attr);
	ASSERT_EQ(0, pmu_text(self, "type", text, sizeof(text)));
	self->attr.type = strtoul(text, NULL, 10);
	ASSERT_EQ(0, pmu_text(self, "cpumask", text, sizeof(text)));
	/* One CPU for the whole machine. */
	self->cpu = strtol(text, &end, 10);
	ASSERT_TRUE(end != text);
	ASSERT_EQ(0, *end);
}

FIXTURE_TEARDOWN(pmu)
{
	client_close(&self->c);
}

static int event_open_for(FIXTURE_DATA(pmu) *self, pid_t pid, int cpu, int group)
{
	int fd = syscall(SYS_perf_event_open, &self->attr, pid, cpu, group, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int event_open(FIXTURE_DATA(pmu) *self, uint64_t config)
{
	self->attr.config = config;
	return event_open_for(self, -1, self->cpu, -1);
}

static uint64_t event_read(struct __test_metadata *_metadata, int fd)
{
	uint64_t value = 0;

	EXPECT_EQ(8, read(fd, &value, sizeof(value)));
	return value;
}

static void work(struct __test_metadata *_metadata, FIXTURE_DATA(pmu) *self, int jobs)
{
	uint32_t size = client_size(&self->c, pkt_gemm_f32(pkt_fill(self->c.cpu, DATA, 0, 1024),
							   DATA, DATA + 1024, DATA + 2048, 8, 8, 8));

	for (int i = 0; i < jobs; i++)
		ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, size));
}

static void query(struct __test_metadata *_metadata, FIXTURE_DATA(pmu) *self,
		  struct drm_loom_query_counters *counters)
{
	struct drm_loom_dev_query args = {
		.type = DRM_LOOM_QUERY_COUNTERS, .size = sizeof(*counters),
		.pointer = (uintptr_t)counters,
	};

	ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_DEV_QUERY, &args));
}

TEST_F(pmu, events_by_name)
{
	char path[64], text[64], want[64];

	ASSERT_EQ(0, pmu_text(self, "format/event", text, sizeof(text)));
	EXPECT_STREQ("config:0-7", text);
	for (unsigned int i = 0; i < EVENTS; i++) {
		snprintf(path, sizeof(path), "events/%s", events[i].name);
		snprintf(want, sizeof(want), "event=%#x", i);
		ASSERT_EQ(0, pmu_text(self, path, text, sizeof(text))) TH_LOG("%s", path);
		EXPECT_STREQ(i ? want : "event=0x0", text);
	}
	static const char *const units[][2] = {
		{ "busy.unit", "ns" }, { "energy.unit", "Joules" }, { "energy.scale", "1e-12" },
		{ "bytes-local.unit", "MiB" }, { "bytes-local.scale", "9.5367431640625e-7" },
		{ "bytes-host.unit", "MiB" }, { "bytes-host.scale", "9.5367431640625e-7" },
	};
	for (unsigned int i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		snprintf(path, sizeof(path), "events/%s", units[i][0]);
		ASSERT_EQ(0, pmu_text(self, path, text, sizeof(text))) TH_LOG("%s", path);
		EXPECT_STREQ(units[i][1], text);
	}
}

/* Every event counts what the driver's own query counts. */
TEST_F(pmu, counts)
{
	struct drm_loom_query_counters before, after;
	uint64_t first[EVENTS], value;
	int fd[EVENTS];

	for (unsigned int i = 0; i < EVENTS; i++) {
		fd[i] = event_open(self, i);
		ASSERT_GE(fd[i], 0) TH_LOG("%s", events[i].name);
	}
	work(_metadata, self, 1);
	query(_metadata, self, &before);
	for (unsigned int i = 0; i < EVENTS; i++)
		first[i] = event_read(_metadata, fd[i]);
	work(_metadata, self, 10);
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
			 client_size(&self->c, pkt_fence(self->c.cpu, NOWHERE, 1))));
	ASSERT_EQ(0, root_debugf("reset", "%u", self->rings.ring));
	query(_metadata, self, &after);
	for (unsigned int i = 0; i < EVENTS; i++) {
		uint64_t want = *(uint64_t *)((char *)&after + events[i].offset) -
				*(uint64_t *)((char *)&before + events[i].offset);

		value = event_read(_metadata, fd[i]);
		EXPECT_EQ(want, value - first[i]) TH_LOG("%s", events[i].name);
		if (strcmp(events[i].name, "bytes-local"))
			EXPECT_LT(0, want) TH_LOG("%s", events[i].name);
		close(fd[i]);
	}
}

TEST_F(pmu, enabled_and_disabled)
{
	int fd;

	self->attr.disabled = 1;
	fd = event_open(self, DESCRIPTORS);
	ASSERT_GE(fd, 0);
	work(_metadata, self, 3);
	EXPECT_EQ(0, event_read(_metadata, fd));
	ASSERT_EQ(0, ioctl(fd, PERF_EVENT_IOC_ENABLE, 0));
	work(_metadata, self, 4);
	ASSERT_EQ(0, ioctl(fd, PERF_EVENT_IOC_DISABLE, 0));
	work(_metadata, self, 5);
	EXPECT_EQ(4, event_read(_metadata, fd));
	ASSERT_EQ(0, ioctl(fd, PERF_EVENT_IOC_ENABLE, 0));
	work(_metadata, self, 6);
	EXPECT_EQ(10, event_read(_metadata, fd));
	ASSERT_EQ(0, ioctl(fd, PERF_EVENT_IOC_RESET, 0));
	EXPECT_EQ(0, event_read(_metadata, fd));
	close(fd);
}

TEST_F(pmu, group)
{
	struct { uint64_t n, value[2]; } values;
	int leader, other;

	self->attr.read_format = PERF_FORMAT_GROUP;
	leader = event_open(self, DESCRIPTORS);
	ASSERT_GE(leader, 0);
	self->attr.config = 2;
	other = event_open_for(self, -1, self->cpu, leader);
	ASSERT_GE(other, 0);
	work(_metadata, self, 3);
	ASSERT_EQ(sizeof(values), (size_t)read(leader, &values, sizeof(values)));
	EXPECT_EQ(2, values.n);
	EXPECT_EQ(3, values.value[0]);
	EXPECT_EQ(6, values.value[1]);
	close(other);
	close(leader);
}

TEST_F(pmu, refused)
{
	self->attr.config = DESCRIPTORS;
	/* There is no task to be counted. */
	EXPECT_EQ(-EINVAL, event_open_for(self, 0, -1, -1));
	EXPECT_EQ(-EINVAL, event_open_for(self, 0, self->cpu, -1));
	EXPECT_EQ(-EINVAL, event_open_for(self, getpid(), self->cpu, -1));
	/* Nor an event. */
	EXPECT_EQ(-EINVAL, event_open(self, EVENTS));
	EXPECT_EQ(-EINVAL, event_open(self, 1ull << 32));
	self->attr.config1 = 1;
	EXPECT_EQ(-EINVAL, event_open(self, DESCRIPTORS));
	self->attr.config1 = 0;
	self->attr.config2 = 1;
	EXPECT_EQ(-EINVAL, event_open(self, DESCRIPTORS));
	self->attr.config2 = 0;
	/* Nothing interrupts: there is no sample. */
	self->attr.sample_period = 1000;
	EXPECT_EQ(-EINVAL, event_open(self, DESCRIPTORS));
	self->attr.freq = 1;
	self->attr.sample_freq = 100;
	EXPECT_EQ(-EINVAL, event_open(self, DESCRIPTORS));
	self->attr.freq = 0;
	self->attr.sample_period = 0;
	/* Nor does the card know who is user and who is kernel. */
	self->attr.exclude_user = 1;
	EXPECT_EQ(-EINVAL, event_open(self, DESCRIPTORS));
	self->attr.exclude_user = 0;
	self->attr.exclude_kernel = 1;
	EXPECT_EQ(-EINVAL, event_open(self, DESCRIPTORS));
}

TEST_F(pmu, reset)
{
	int jobs = event_open(self, DESCRIPTORS), resets = event_open(self, RESETS);
	uint64_t before;

	ASSERT_GE(jobs, 0);
	ASSERT_GE(resets, 0);
	work(_metadata, self, 5);
	before = event_read(_metadata, jobs);
	EXPECT_EQ(5, before);
	ASSERT_EQ(0, root_debug("reset", "device"));
	EXPECT_LE(before, event_read(_metadata, jobs));
	before = event_read(_metadata, jobs);
	work(_metadata, self, 2);
	EXPECT_EQ(before + 2, event_read(_metadata, jobs));
	EXPECT_LE(1, event_read(_metadata, resets));
	close(resets);
	close(jobs);
}

static bool falls_asleep(void)
{
	uint64_t end = now() + PATIENCE;
	char text[64] = "";

	while (strcmp(text, "suspended") && now() < end) {
		usleep(1000);
		if (root_text("power/runtime_status", text, sizeof(text)))
			return false;
	}
	return !strcmp(text, "suspended");
}

/* A card that sleeps tells nothing, but what it did before counts, for those who were there. */
TEST_F(pmu, card_that_sleeps)
{
	int old, fd;

	ASSERT_EQ(0, root_sysfs("power/autosuspend_delay_ms", "10"));
	ASSERT_EQ(0, root_sysfs("power/control", "auto"));
	old = event_open(self, DESCRIPTORS);
	ASSERT_GE(old, 0);
	work(_metadata, self, 3);
	EXPECT_TRUE(falls_asleep());
	EXPECT_EQ(3, event_read(_metadata, old));
	close(old);
	/* With nobody there. */
	work(_metadata, self, 4);
	EXPECT_TRUE(falls_asleep());
	fd = event_open(self, DESCRIPTORS);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, event_read(_metadata, fd));
	work(_metadata, self, 5);
	EXPECT_EQ(5, event_read(_metadata, fd));
	EXPECT_TRUE(falls_asleep());
	EXPECT_EQ(5, event_read(_metadata, fd));
	close(fd);
	EXPECT_EQ(0, root_sysfs("power/control", "on"));
	EXPECT_EQ(0, root_sysfs("power/autosuspend_delay_ms", "1000"));
}

/* Whoever counts for the machine may be taken away, or another CPU. */
TEST_F(pmu, cpu_hotplug)
{
	char path[64], text[64];
	int cpus = sysconf(_SC_NPROCESSORS_CONF), moved = 0, fd = event_open(self, DESCRIPTORS);

	ASSERT_GE(fd, 0);
	work(_metadata, self, 1);
	for (int cpu = 0; cpu < cpus; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
		if (root_exists(path) || root_sysfs(path, "0"))
			continue;
		moved++;
		ASSERT_EQ(0, pmu_text(self, "cpumask", text, sizeof(text)));
		EXPECT_NE(cpu, atoi(text));
		work(_metadata, self, 1);
		EXPECT_EQ(2 * moved, event_read(_metadata, fd));
		EXPECT_EQ(0, root_sysfs(path, "1"));
		work(_metadata, self, 1);
		EXPECT_EQ(2 * moved + 1, event_read(_metadata, fd));
	}
	EXPECT_TRUE(moved || cpus == 1);
	close(fd);
}

/* Events outlive the driver's hold on the card; they stand still, and new ones start from zero. */
TEST_F(pmu, unbound)
{
	int old = event_open(self, DESCRIPTORS), fd;
	uint64_t value, last = 0;
	char text[64];

	ASSERT_GE(old, 0);
	work(_metadata, self, 3);
	EXPECT_EQ(3, event_read(_metadata, old));
	client_close(&self->c);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, root_sysfs(DRIVER "unbind", root_address()));
		/* A kernel that can takes the event away. */
		if (read(old, &value, sizeof(value)) == 8) {
			EXPECT_LE(3, value);
			EXPECT_LE(last, value);
			last = value;
		}
		fd = event_open(self, DESCRIPTORS);
		EXPECT_TRUE(fd == -ENODEV || fd == -ENOENT) TH_LOG("%d", fd);
		ASSERT_EQ(0, root_sysfs(DRIVER "bind", root_address()));
		ASSERT_EQ(0, root_node());
		ASSERT_EQ(0, pmu_text(self, "type", text, sizeof(text)));
		self->attr.type = strtoul(text, NULL, 10);
		ASSERT_EQ(0, client_open(&self->c, 0, 0));
		fd = event_open(self, DESCRIPTORS);
		ASSERT_GE(fd, 0);
		work(_metadata, self, 2);
		EXPECT_EQ(2, event_read(_metadata, fd));
		close(fd);
		if (read(old, &value, sizeof(value)) == 8)
			EXPECT_EQ(last, value);
		client_close(&self->c);
	}
	close(old);
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
}

TEST_HARNESS_MAIN
