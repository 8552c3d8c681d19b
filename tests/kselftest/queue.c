// SPDX-License-Identifier: MIT
/* QUEUE_CREATE, QUEUE_DESTROY, QUEUE_STATE. */
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

#define PAGE	4096ull

FIXTURE(queues) {
	int fd;
	uint32_t vm, bo;
	struct drm_loom_query_info info;
	struct drm_loom_queue_create args;
};

FIXTURE_SETUP(queues)
{
	self->fd = card_open();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, card_info(self->fd, &self->info));
	ASSERT_EQ(0, vm_create(self->fd, &self->vm));
	ASSERT_EQ(0, bo_create(self->fd, 2 * PAGE, 0, 0, &self->bo));
	memset(&self->args, 0, sizeof(self->args));
	self->args.vm_id = self->vm;
	self->args.priority = DRM_LOOM_PRIORITY_NORMAL;
}

FIXTURE_TEARDOWN(queues)
{
	close(self->fd);
}

#define CREATE()	card_ioctl(self->fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &self->args)

TEST_F(queues, create)
{
	ASSERT_EQ(0, CREATE());
	EXPECT_NE(0, self->args.id);
}

TEST_F(queues, flags)
{
	for (int bit = 0; bit < 32; bit++) {
		self->args.flags = 1u << bit;
		EXPECT_EQ(self->args.flags == DRM_LOOM_QUEUE_DUMP_CONTENTS ? 0 : -EINVAL, CREATE());
	}
}

TEST_F(queues, reserved)
{
	for (int i = 0; i < 4; i++) {
		memset(self->args.reserved, 0, sizeof(self->args.reserved));
		self->args.reserved[i] = 1;
		EXPECT_EQ(-EINVAL, CREATE());
	}
}

TEST_F(queues, unknown_vm)
{
	self->args.vm_id = 0;
	EXPECT_EQ(-ENOENT, CREATE());
	self->args.vm_id = 0x7fffffff;
	EXPECT_EQ(-ENOENT, CREATE());
}

TEST_F(queues, priority)
{
	self->args.priority = DRM_LOOM_PRIORITY_LOW;
	EXPECT_EQ(0, CREATE());
	self->args.priority = DRM_LOOM_PRIORITY_HIGH + 1;
	EXPECT_EQ(-EINVAL, CREATE());
	self->args.priority = ~0u;
	EXPECT_EQ(-EINVAL, CREATE());
	self->args.priority = DRM_LOOM_PRIORITY_HIGH;
	EXPECT_EQ(0, CREATE());
	/* Without privileges: the file stays open, the capability is gone. */
	ASSERT_EQ(0, setuid(65534));
	EXPECT_EQ(-EACCES, CREATE());
	self->args.priority = DRM_LOOM_PRIORITY_NORMAL;
	EXPECT_EQ(0, CREATE());
}

TEST_F(queues, timeouts)
{
	self->args.timeout_ms = self->info.timeout_ms_max + 1;
	EXPECT_EQ(-EINVAL, CREATE());
	self->args.timeout_ms = self->info.timeout_ms_max;
	EXPECT_EQ(0, CREATE());
	self->args.timeout_ms = 0;
	self->args.limit_ms = self->info.timeout_ms_max + 1;
	EXPECT_EQ(-EINVAL, CREATE());
	self->args.limit_ms = self->info.timeout_ms_max;
	EXPECT_EQ(0, CREATE());
}

TEST_F(queues, results)
{
	self->args.results_handle = self->bo;
	self->args.results_count = 64;
	EXPECT_EQ(0, CREATE());
	self->args.results_count = 63;
	EXPECT_EQ(-EINVAL, CREATE());
	self->args.results_count = 0;
	EXPECT_EQ(-EINVAL, CREATE());
	self->args.results_count = 128;
	EXPECT_EQ(-EINVAL, CREATE());
	self->args.results_count = 0x80000000;
	EXPECT_EQ(-EINVAL, CREATE());
	self->args.results_count = 32;
	self->args.results_offset = PAGE;
	EXPECT_EQ(0, CREATE());
	self->args.results_count = 16;
	self->args.results_offset = PAGE + 64;
	EXPECT_EQ(0, CREATE());
	self->args.results_offset = PAGE + 8;
	EXPECT_EQ(-EINVAL, CREATE());
	self->args.results_offset = PAGE + 64 + PAGE;
	EXPECT_EQ(-EINVAL, CREATE());
	self->args.results_offset = ~0ull << 6;
	EXPECT_EQ(-EINVAL, CREATE());
	self->args.results_offset = 0;
	self->args.results_handle = 0x7fffffff;
	EXPECT_EQ(-ENOENT, CREATE());
}

TEST_F(queues, results_without_bo)
{
	self->args.results_count = 64;
	EXPECT_EQ(-EINVAL, CREATE());
	self->args.results_count = 0;
	self->args.results_offset = 64;
	EXPECT_EQ(-EINVAL, CREATE());
}

TEST_F(queues, limit)
{
	uint32_t n = 0;
	int ret;

	while (!(ret = CREATE()))
		ASSERT_LE(++n, self->info.queues_max);
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_TRUE(n == self->info.queues_max || n <= self->info.contexts);
	/* What was taken comes back. */
	ASSERT_EQ(0, queue_destroy(self->fd, self->args.id));
	EXPECT_EQ(0, CREATE());
}

TEST_F(queues, destroy)
{
	struct drm_loom_queue_destroy destroy = { .pad = 1 };

	ASSERT_EQ(0, CREATE());
	destroy.id = self->args.id;
	EXPECT_EQ(-EINVAL, card_ioctl(self->fd, DRM_IOCTL_LOOM_QUEUE_DESTROY, &destroy));
	EXPECT_EQ(0, queue_destroy(self->fd, self->args.id));
	EXPECT_EQ(-ENOENT, queue_destroy(self->fd, self->args.id));
	EXPECT_EQ(-ENOENT, queue_destroy(self->fd, 0));
}

TEST_F(queues, ids_are_per_file)
{
	int other = card_open();

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, CREATE());
	EXPECT_EQ(-ENOENT, queue_destroy(other, self->args.id));
	close(other);
}

TEST_F(queues, state)
{
	struct drm_loom_queue_state state;

	ASSERT_EQ(0, CREATE());
	ASSERT_EQ(0, queue_state(self->fd, self->args.id, &state));
	EXPECT_EQ(DRM_LOOM_QUEUE_OK, state.status);
	EXPECT_EQ(0, state.submitted);
	EXPECT_EQ(0, state.completed);
	EXPECT_EQ(0, state.fault_code);
	EXPECT_EQ(-ENOENT, queue_state(self->fd, 0x7fffffff, &state));
	state.id = self->args.id;
	state.pad = 1;
	EXPECT_EQ(-EINVAL, card_ioctl(self->fd, DRM_IOCTL_LOOM_QUEUE_STATE, &state));
}

TEST_F(queues, create_and_destroy_many_times)
{
	for (int i = 0; i < 2000; i++) {
		ASSERT_EQ(0, CREATE());
		ASSERT_EQ(0, queue_destroy(self->fd, self->args.id));
	}
}

TEST_F(queues, vm_lives_as_long_as_its_queue)
{
	struct drm_loom_vm_destroy destroy = { .id = self->vm };
	uint64_t *p = bo_map(self->fd, self->bo, 2 * PAGE);
	void *end;

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, vm_bind(self->fd, self->vm, 0, self->bo, 0, CLIENT_VA, 2 * PAGE));
	ASSERT_EQ(0, CREATE());
	ASSERT_EQ(0, card_ioctl(self->fd, DRM_IOCTL_LOOM_VM_DESTROY, &destroy));
	end = pkt_fence(p, CLIENT_VA + PAGE, 99);
	ASSERT_EQ(0, run(self->fd, self->args.id, CLIENT_VA, (uint8_t *)end - (uint8_t *)p));
	EXPECT_EQ(99, p[PAGE / 8]);
}

TEST_HARNESS_MAIN
