// SPDX-License-Identifier: MIT
/*
 * What a client has is charged to its memory cgroup: the test puts itself into one. Needs root and
 * the memory controller of cgroup v2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define MIB		(1ull << 20)
#define SPARSE		0x8000000000ull	/* a table of each level for every one */

FIXTURE(memcg) {
	char top[64], group[80];
	struct client c;
	uint64_t before;
};

static int put(FIXTURE_DATA(memcg) *self, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", self->group, name);
	return root_sysfs(path, text);
}

/* Bytes that are charged: of all, or of a line of memory.stat. */
static uint64_t charged(struct __test_metadata *_metadata, FIXTURE_DATA(memcg) *self,
			const char *what)
{
	char path[128], text[4096], *at;
	size_t n = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", self->group, what ? "memory.stat" : "memory.current");
	in = fopen(path, "re");
	ASSERT_NE(NULL, in);
	n = fread(text, 1, sizeof(text) - 1, in);
	fclose(in);
	text[n] = 0;
	at = what ? strstr(text, what) : text;
	ASSERT_NE(NULL, at) TH_LOG("%s", what);
	return strtoull(at + (what ? strlen(what) : 0), NULL, 10);
}

FIXTURE_SETUP(memcg)
{
	char pid[16], control[128];

	strcpy(self->top, "/tmp/loom-memcg-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->top));
	ASSERT_EQ(0, mount("none", self->top, "cgroup2", 0, NULL));
	snprintf(control, sizeof(control), "%s/cgroup.subtree_control", self->top);
	ASSERT_EQ(0, root_sysfs(control, "+memory"));
	snprintf(self->group, sizeof(self->group), "%s/test", self->top);
	ASSERT_EQ(0, mkdir(self->group, 0755));
	snprintf(pid, sizeof(pid), "%d", getpid());
	ASSERT_EQ(0, put(self, "cgroup.procs", pid));
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
	self->before = charged(_metadata, self, NULL);
}

FIXTURE_TEARDOWN(memcg)
{
	char pid[16], procs[128];

	client_close(&self->c);
	EXPECT_EQ(0, put(self, "memory.max", "max"));
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", self->top);
	snprintf(pid, sizeof(pid), "%d", getpid());
	EXPECT_EQ(0, root_sysfs(procs, pid));
	EXPECT_EQ(0, rmdir(self->group));
	EXPECT_EQ(0, umount2(self->top, MNT_DETACH));
	rmdir(self->top);
}

/* By the first who needs the pages: the processor, or the card. */
TEST_F(memcg, buffers)
{
	uint64_t shmem = charged(_metadata, self, "shmem ");
	uint32_t touched, bound;
	uint8_t *p;

	ASSERT_EQ(0, bo_create(self->c.fd, 8 * MIB, 0, 0, &touched));
	ASSERT_EQ(0, bo_create(self->c.fd, 8 * MIB, 0, 0, &bound));
	p = bo_map(self->c.fd, touched, 8 * MIB);
	ASSERT_NE(NULL, p);
	memset(p, 1, 8 * MIB);
	EXPECT_LE(self->before + 8 * MIB, charged(_metadata, self, NULL));
	EXPECT_LE(shmem + 8 * MIB, charged(_metadata, self, "shmem "));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_MAP, bound, 0, 0x40000000,
			     8 * MIB));
	EXPECT_LE(self->before + 16 * MIB, charged(_metadata, self, NULL));
	munmap(p, 8 * MIB);
	ASSERT_EQ(0, bo_close(self->c.fd, touched));
	EXPECT_GE(shmem + 9 * MIB, charged(_metadata, self, "shmem "));
}

/* One page in every 512 GiB: three tables each, with the kernel's own of the same size. */
TEST_F(memcg, page_tables)
{
	uint64_t kernel = charged(_metadata, self, "kernel ");
	uint32_t bo;

	ASSERT_EQ(0, bo_create(self->c.fd, 4096, 0, 0, &bo));
	for (uint64_t i = 1; i < 200; i++)
		ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_MAP, bo, 0, i * SPARSE,
				     4096));
	EXPECT_LE(self->before + 199 * 3 * 4096ull, charged(_metadata, self, NULL));
	EXPECT_LE(kernel + 199 * 2 * 4096ull, charged(_metadata, self, "kernel "));
}

TEST_F(memcg, queues_and_vms)
{
	uint64_t kernel = charged(_metadata, self, "kernel ");
	struct drm_loom_query_info info;
	uint32_t id, queues;

	ASSERT_EQ(0, card_info(self->c.fd, &info));
	queues = info.queues_user < 400 ? info.queues_user / 2 : 200;
	for (uint32_t i = 0; i < queues; i++)
		ASSERT_EQ(0, client_queue(&self->c, &id));
	for (uint32_t i = 0; i < 60; i++)
		ASSERT_EQ(0, vm_create(self->c.fd, &id));
	/* A queue has the scheduler's entity and three events, a VM a table with the kernel's own. */
	EXPECT_LE(kernel + queues * 512 + 60 * 8192, charged(_metadata, self, "kernel "));
}

/* Who asks for more than the limit is told so, and goes on. */
TEST_F(memcg, limit)
{
	char limit[32];
	uint32_t bo;
	int err;

	snprintf(limit, sizeof(limit), "%llu", (unsigned long long)(self->before + 24 * MIB));
	err = put(self, "memory.swap.max", "0");
	/* A kernel that does not swap has no such limit. */
	ASSERT_TRUE(!err || err == -ENOENT);
	ASSERT_EQ(0, put(self, "memory.max", limit));
	ASSERT_EQ(0, bo_create(self->c.fd, 64 * MIB, 0, 0, &bo));
	EXPECT_EQ(-ENOMEM, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_MAP, bo, 0, 0x40000000,
				   64 * MIB));
	ASSERT_EQ(0, bo_close(self->c.fd, bo));
	ASSERT_EQ(0, bo_create(self->c.fd, 8 * MIB, 0, 0, &bo));
	EXPECT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_MAP, bo, 0, 0x40000000,
			     8 * MIB));
	EXPECT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
			 client_size(&self->c, pkt_fence(self->c.cpu, CLIENT_VA + CLIENT_DATA, 7))));
	EXPECT_EQ(7, self->c.data[0]);
}

TEST_HARNESS_MAIN
