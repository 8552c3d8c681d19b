// SPDX-License-Identifier: MIT
/* fdinfo. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

static int fdinfo(int fd, const char *key, char *value, size_t size)
{
	char path[64], line[256];
	size_t len = strlen(key);
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	if (!f)
		return 0;
	while (!found && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, len) && line[len] == ':') {
			char *v = line + len + 1;

			v += strspn(v, " \t");
			v[strcspn(v, "\n")] = 0;
			snprintf(value, size, "%s", v);
			found = 1;
		}
	}
	fclose(f);
	return found;
}

FIXTURE(stat) {
	struct client c;
	char value[128];
};

FIXTURE_SETUP(stat)
{
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
}

FIXTURE_TEARDOWN(stat)
{
	client_close(&self->c);
}

TEST_F(stat, identity)
{
	ASSERT_TRUE(fdinfo(self->c.fd, "drm-driver", self->value, sizeof(self->value)));
	EXPECT_STREQ("loom", self->value);
	EXPECT_TRUE(fdinfo(self->c.fd, "drm-client-id", self->value, sizeof(self->value)));
	EXPECT_TRUE(fdinfo(self->c.fd, "drm-pdev", self->value, sizeof(self->value)));
}

TEST_F(stat, engine_time_grows)
{
	uint64_t before, after;

	ASSERT_TRUE(fdinfo(self->c.fd, "drm-engine-compute", self->value, sizeof(self->value)));
	EXPECT_NE(NULL, strstr(self->value, " ns"));
	before = strtoull(self->value, NULL, 10);
	EXPECT_TRUE(fdinfo(self->c.fd, "drm-engine-capacity-compute", self->value,
			   sizeof(self->value)));
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
				 client_size(&self->c, pkt_fill(self->c.cpu, CLIENT_VA + CLIENT_DATA,
								1, 2048))));
	ASSERT_TRUE(fdinfo(self->c.fd, "drm-engine-compute", self->value, sizeof(self->value)));
	after = strtoull(self->value, NULL, 10);
	EXPECT_LT(before, after);
}

TEST_F(stat, engine_time_is_the_sum_of_the_jobs)
{
	uint64_t total = 0, shown;
	const struct drm_loom_result *r;

	for (int i = 1; i <= 10; i++) {
		ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
				 client_size(&self->c, pkt_fill(self->c.cpu, CLIENT_VA + CLIENT_DATA,
								i, 1024))));
		r = client_result(&self->c, i);
		ASSERT_NE(NULL, r);
		total += r->t_end - r->t_start;
	}
	ASSERT_TRUE(fdinfo(self->c.fd, "drm-engine-compute", self->value, sizeof(self->value)));
	shown = strtoull(self->value, NULL, 10);
	EXPECT_EQ(total, shown);
}

static uint64_t number(struct __test_metadata *_metadata, int fd, const char *key)
{
	char value[128] = "";

	EXPECT_TRUE(fdinfo(fd, key, value, sizeof(value)))
		TH_LOG("there is no %s", key);
	return strtoull(value, NULL, 10);
}

TEST_F(stat, jobs_and_what_they_cost)
{
	uint64_t cycles = 0, energy = 0, ticks = 0;

	for (int i = 1; i <= 10; i++) {
		const struct drm_loom_result *r;

		ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
				 client_size(&self->c, pkt_fill(self->c.cpu, CLIENT_VA + CLIENT_DATA,
								i, 1024))));
		r = client_result(&self->c, i);
		ASSERT_NE(NULL, r);
		cycles += r->cycles;
		energy += r->energy_pj;
		ticks += r->t_end - r->t_start;
	}
	EXPECT_LT(0, cycles);
	EXPECT_LT(0, energy);
	EXPECT_EQ(10, number(_metadata, self->c.fd, "loom-jobs"));
	EXPECT_EQ(cycles, number(_metadata, self->c.fd, "loom-modelled-cycles"));
	EXPECT_EQ(energy, number(_metadata, self->c.fd, "loom-modelled-energy"));
	EXPECT_EQ(ticks, number(_metadata, self->c.fd, "drm-cycles-compute"));
	EXPECT_LT(ticks, number(_metadata, self->c.fd, "drm-total-cycles-compute"));
	ASSERT_TRUE(fdinfo(self->c.fd, "loom-modelled-energy", self->value, sizeof(self->value)));
	EXPECT_NE(NULL, strstr(self->value, " pJ"));
}

/* Each file has its own; a duplicate of a descriptor is the same file. */
TEST_F(stat, files_are_counted_apart)
{
	struct client other;
	int copy = dup(self->c.fd);

	ASSERT_GE(copy, 0);
	ASSERT_EQ(0, client_open(&other, 0, 0));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, 0, 0));
	EXPECT_EQ(1, number(_metadata, self->c.fd, "loom-jobs"));
	EXPECT_EQ(1, number(_metadata, copy, "loom-jobs"));
	EXPECT_EQ(0, number(_metadata, other.fd, "loom-jobs"));
	EXPECT_EQ(number(_metadata, self->c.fd, "drm-client-id"),
		  number(_metadata, copy, "drm-client-id"));
	EXPECT_NE(number(_metadata, self->c.fd, "drm-client-id"),
		  number(_metadata, other.fd, "drm-client-id"));
	close(copy);
	client_close(&other);
}

TEST_F(stat, queues)
{
	uint32_t id;

	EXPECT_EQ(1, number(_metadata, self->c.fd, "loom-queues"));
	ASSERT_EQ(0, client_queue(&self->c, &id));
	EXPECT_EQ(2, number(_metadata, self->c.fd, "loom-queues"));
	ASSERT_EQ(0, queue_destroy(self->c.fd, id));
	/* A queue ends when its last job has left the card, a moment later. */
	while (number(_metadata, self->c.fd, "loom-queues") != 1)
		;
}

TEST_F(stat, memory)
{
	uint32_t handle;
	uint64_t before, after;

	ASSERT_TRUE(fdinfo(self->c.fd, "drm-total-memory", self->value, sizeof(self->value)));
	before = strtoull(self->value, NULL, 10);
	ASSERT_EQ(0, bo_create(self->c.fd, 4 << 20, 0, 0, &handle));
	ASSERT_TRUE(fdinfo(self->c.fd, "drm-total-memory", self->value, sizeof(self->value)));
	after = strtoull(self->value, NULL, 10);
	/* In KiB or MiB, as the kernel prefers. */
	EXPECT_NE(before, after);
}

/* Every key of the kernel's drm-usage-stats that applies, in its unit. */
TEST_F(stat, keys)
{
	static const struct {
		const char *key, *unit;
	} keys[] = {
		{ "drm-driver", "loom" }, { "drm-client-id", "" }, { "drm-pdev", "" },
		{ "drm-engine-compute", " ns" }, { "drm-engine-capacity-compute", "" },
		{ "drm-cycles-compute", "" }, { "drm-total-cycles-compute", "" },
		{ "drm-maxfreq-compute", " Hz" },
		{ "drm-total-memory", "" }, { "drm-shared-memory", "" },
		{ "drm-resident-memory", "" }, { "drm-active-memory", "" },
		{ "drm-purgeable-memory", "" },
		{ "drm-total-local", "" }, { "drm-shared-local", "" },
		{ "drm-resident-local", "" }, { "drm-active-local", "" },
		{ "drm-purgeable-local", "" },
	};
	struct drm_loom_query_info info;

	ASSERT_EQ(0, card_info(self->c.fd, &info));
	for (unsigned int i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strstr(keys[i].key, "-local") && !info.local_size)
			continue;
		ASSERT_TRUE(fdinfo(self->c.fd, keys[i].key, self->value, sizeof(self->value)))
			TH_LOG("%s", keys[i].key);
		EXPECT_NE(NULL, strstr(self->value, keys[i].unit)) TH_LOG("%s", keys[i].key);
	}
	EXPECT_EQ(info.rings, number(_metadata, self->c.fd, "drm-engine-capacity-compute"));
	EXPECT_EQ(info.clock_khz * 1000ull, number(_metadata, self->c.fd, "drm-maxfreq-compute"));
	EXPECT_EQ(0, number(_metadata, self->c.fd, "drm-purgeable-memory"));
}

/* In KiB or MiB, as the kernel prefers; both are whole numbers here. */
static uint64_t bytes(struct __test_metadata *_metadata, int fd, const char *key)
{
	char value[128] = "";

	EXPECT_TRUE(fdinfo(fd, key, value, sizeof(value))) TH_LOG("there is no %s", key);
	return strtoull(value, NULL, 10) << (strstr(value, "MiB") ? 20 : strstr(value, "KiB") ? 10 : 0);
}

TEST_F(stat, memory_by_state)
{
	const uint64_t size = 3 << 20;
	uint64_t total = bytes(_metadata, self->c.fd, "drm-total-memory");
	uint64_t resident = bytes(_metadata, self->c.fd, "drm-resident-memory");
	struct drm_prime_handle prime = { .flags = DRM_RDWR };
	struct client other;

	ASSERT_EQ(0, client_open(&other, 0, 0));
	ASSERT_EQ(0, bo_create(self->c.fd, size, 0, 0, &prime.handle));
	EXPECT_EQ(total + size, bytes(_metadata, self->c.fd, "drm-total-memory"));
	/* It gets pages when it is bound. */
	EXPECT_EQ(resident, bytes(_metadata, self->c.fd, "drm-resident-memory"));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_MAP, prime.handle, 0, 0x40000000,
			     size));
	EXPECT_EQ(resident + size, bytes(_metadata, self->c.fd, "drm-resident-memory"));
	EXPECT_EQ(0, bytes(_metadata, self->c.fd, "drm-shared-memory"));
	ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
	ASSERT_EQ(0, card_ioctl(other.fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime));
	EXPECT_EQ(size, bytes(_metadata, self->c.fd, "drm-shared-memory"));
	EXPECT_EQ(size, bytes(_metadata, other.fd, "drm-shared-memory"));
	close(prime.fd);
	client_close(&other);
}

/* Nothing that counts goes back, over a queue's end and a reset. */
TEST_F(stat, monotonic)
{
	static const char *const keys[] = {
		"drm-engine-compute", "drm-cycles-compute", "drm-total-cycles-compute",
		"loom-jobs", "loom-modelled-cycles", "loom-modelled-energy",
	};
	uint64_t last[6] = { 0 }, value;
	uint32_t queue;

	for (int round = 0; round < 4; round++) {
		ASSERT_EQ(0, client_queue(&self->c, &queue));
		ASSERT_EQ(0, run(self->c.fd, queue, CLIENT_VA,
				 client_size(&self->c, pkt_fill(self->c.cpu,
								CLIENT_VA + CLIENT_DATA, 1, 64))));
		ASSERT_EQ(0, queue_destroy(self->c.fd, queue));
		if (round == 2)
			ASSERT_EQ(0, debug_write(self->c.fd, "reset", "device"));
		for (int i = 0; i < 6; i++) {
			value = number(_metadata, self->c.fd, keys[i]);
			EXPECT_LT(last[i], value) TH_LOG("%s", keys[i]);
			last[i] = value;
		}
	}
}

TEST_HARNESS_MAIN
