// SPDX-License-Identifier: MIT
/* DEV_QUERY and what every ioctl has in common. */
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

FIXTURE(query) {
	int fd;
};

FIXTURE_SETUP(query)
{
	self->fd = card_open();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(query)
{
	close(self->fd);
}

static int query(int fd, uint32_t type, void *p, uint32_t *size)
{
	struct drm_loom_dev_query args = { .type = type, .size = *size, .pointer = (uintptr_t)p };
	int ret = card_ioctl(fd, DRM_IOCTL_LOOM_DEV_QUERY, &args);

	*size = args.size;
	return ret;
}

TEST_F(query, version)
{
	char name[32] = "";
	struct drm_version version = { .name_len = sizeof(name) - 1, .name = name };

	ASSERT_EQ(0, card_ioctl(self->fd, DRM_IOCTL_VERSION, &version));
	EXPECT_STREQ("loom", name);
	EXPECT_EQ(1, version.version_major);
}

TEST_F(query, info)
{
	struct drm_loom_query_info info;

	ASSERT_EQ(0, card_info(self->fd, &info));
	EXPECT_EQ(LOOM_VERSION_MAJOR, info.hw_version >> 16);
	EXPECT_TRUE(info.page_sizes & (1 << 12));
	EXPECT_LT(info.va_start, info.va_end);
	EXPECT_LE(info.va_end, 1ull << LOOM_VA_BITS);
	EXPECT_GE(info.rings, 1);
	EXPECT_GE(info.contexts, 1);
	EXPECT_GE(info.vectors, 1);
	EXPECT_GE(info.jobs_max, 64);
	EXPECT_GE(info.syncs_max, 1);
	EXPECT_GE(info.queue_depth_max, info.jobs_max);
	EXPECT_GE(info.binds_max, 1);
	EXPECT_GE(info.vms_max, 2);
	EXPECT_GE(info.queues_max, 2);
	EXPECT_GT(info.timeout_ms_max, 0);
	EXPECT_EQ(LOOM_CMD_SIZE_MAX, info.cmd_size_max);
	EXPECT_TRUE(info.opcodes[LOOM_OP_GEMM / 64] & (1ull << (LOOM_OP_GEMM % 64)));
	EXPECT_TRUE(info.dtypes & (1 << LOOM_DTYPE_F32));
	EXPECT_TRUE(info.caps & DRM_LOOM_CAP_RESULTS);
	EXPECT_TRUE(info.caps & DRM_LOOM_CAP_EVENTS);
	EXPECT_TRUE(info.caps & DRM_LOOM_CAP_DUMP_CONTENTS);
}

TEST_F(query, size_alone)
{
	uint32_t size = 0;

	ASSERT_EQ(0, query(self->fd, DRM_LOOM_QUERY_INFO, NULL, &size));
	EXPECT_EQ(sizeof(struct drm_loom_query_info), size);
}

TEST_F(query, old_caller_gets_a_prefix)
{
	struct drm_loom_query_info whole, part;
	uint32_t size = offsetof(struct drm_loom_query_info, va_start);

	ASSERT_EQ(0, card_info(self->fd, &whole));
	memset(&part, 0xa5, sizeof(part));
	ASSERT_EQ(0, query(self->fd, DRM_LOOM_QUERY_INFO, &part, &size));
	EXPECT_EQ(0, memcmp(&whole, &part, offsetof(struct drm_loom_query_info, va_start)));
	EXPECT_EQ(0xa5a5a5a5a5a5a5a5ull, part.va_start);
}

TEST_F(query, new_caller_gets_zeros)
{
	uint8_t big[sizeof(struct drm_loom_query_info) + 64];
	uint32_t size = sizeof(big);

	memset(big, 0xa5, sizeof(big));
	ASSERT_EQ(0, query(self->fd, DRM_LOOM_QUERY_INFO, big, &size));
	for (size_t i = sizeof(struct drm_loom_query_info); i < sizeof(big); i++)
		ASSERT_EQ(0, big[i]);
}

TEST_F(query, unknown_type)
{
	uint64_t room[8];
	uint32_t size = sizeof(room);

	EXPECT_EQ(-EINVAL, query(self->fd, 0xffff, room, &size));
}

TEST_F(query, bad_address)
{
	uint32_t size = sizeof(struct drm_loom_query_info);

	EXPECT_EQ(-EFAULT, query(self->fd, DRM_LOOM_QUERY_INFO, (void *)8, &size));
}

static uint64_t clock_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

TEST_F(query, timestamp)
{
	struct drm_loom_query_timestamp a, b;
	uint32_t size = sizeof(a);
	uint64_t before_boot = clock_now(CLOCK_BOOTTIME), before_raw = clock_now(CLOCK_MONOTONIC_RAW);
	uint64_t before = now();

	ASSERT_EQ(0, query(self->fd, DRM_LOOM_QUERY_TIMESTAMP, &a, &size));
	size = sizeof(b);
	ASSERT_EQ(0, query(self->fd, DRM_LOOM_QUERY_TIMESTAMP, &b, &size));
	EXPECT_LE(a.device, b.device);
	EXPECT_LE(before, a.cpu);
	EXPECT_LE(a.cpu, b.cpu);
	EXPECT_LE(b.cpu, now());
	/* Each clock has gone on by what the others have, but for what the reads took. */
	EXPECT_LT(0, a.raw);
	EXPECT_LE(a.raw, b.raw);
	EXPECT_GE(clock_now(CLOCK_MONOTONIC_RAW), b.raw);
	EXPECT_LE(a.cpu, a.boot);
	EXPECT_EQ(b.boot - a.boot, b.cpu - a.cpu);
	EXPECT_LE(before_boot, a.boot);
	EXPECT_LE(before_raw, a.raw);
	EXPECT_GE(clock_now(CLOCK_BOOTTIME), b.boot);
}

TEST_F(query, memory_counts_bos)
{
	struct drm_loom_query_memory before, after;
	uint32_t size = sizeof(before), handle;

	ASSERT_EQ(0, query(self->fd, DRM_LOOM_QUERY_MEMORY, &before, &size));
	ASSERT_EQ(0, bo_create(self->fd, 1 << 20, 0, 0, &handle));
	size = sizeof(after);
	ASSERT_EQ(0, query(self->fd, DRM_LOOM_QUERY_MEMORY, &after, &size));
	EXPECT_EQ(before.system_used + (1 << 20), after.system_used);
	ASSERT_EQ(0, bo_close(self->fd, handle));
	size = sizeof(after);
	ASSERT_EQ(0, query(self->fd, DRM_LOOM_QUERY_MEMORY, &after, &size));
	EXPECT_EQ(before.system_used, after.system_used);
}

TEST_F(query, counters)
{
	struct drm_loom_query_counters counters;
	uint32_t size = sizeof(counters);

	ASSERT_EQ(0, query(self->fd, DRM_LOOM_QUERY_COUNTERS, &counters, &size));
	EXPECT_LE(counters.faults, counters.descriptors);
}

TEST_F(query, unknown_ioctl)
{
	uint64_t arg[8] = { 0 };

	EXPECT_EQ(-EINVAL, card_ioctl(self->fd, DRM_IOWR(DRM_COMMAND_BASE + 0x40, arg), arg));
}

TEST_F(query, unreadable_argument)
{
	EXPECT_EQ(-EFAULT, card_ioctl(self->fd, DRM_IOCTL_LOOM_DEV_QUERY, (void *)8));
}

/* What they say is asked in tests/kselftest/irq.c and ras.c. */
TEST(attributes_exist_with_the_feature)
{
	struct drm_loom_query_info info;
	int fd = card_open(), err;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, card_info(fd, &info));
	close(fd);
	err = info.features & LOOM_FEATURE_COALESCE ? 0 : -ENOENT;
	EXPECT_EQ(err, root_exists("irq_coalesce_us"));
	EXPECT_EQ(err, root_exists("irq_coalesce_count"));
	EXPECT_EQ(info.features & LOOM_FEATURE_SENSORS ? 0 : -ENOENT, root_exists("hwmon"));
	err = info.features & LOOM_FEATURE_RAS ? 0 : -ENOENT;
	EXPECT_EQ(err, root_exists("ras/memory_corrected"));
	EXPECT_EQ(err, root_exists("ras/memory_uncorrected"));
	EXPECT_EQ(0, root_exists("ras/faults"));
}

TEST_HARNESS_MAIN
