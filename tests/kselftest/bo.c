// SPDX-License-Identifier: MIT
/* BO_CREATE, BO_MMAP_OFFSET, BO_INFO, BO_LABEL and mmap. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define PAGE	4096ull

FIXTURE(bo) {
	int fd;
	uint32_t handle;
};

FIXTURE_SETUP(bo)
{
	self->fd = card_open();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, bo_create(self->fd, 2 * PAGE, 0, 0, &self->handle));
}

FIXTURE_TEARDOWN(bo)
{
	close(self->fd);
}

TEST_F(bo, size_is_rounded_up)
{
	struct drm_loom_bo_create args = { .size = 1 };

	ASSERT_EQ(0, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_CREATE, &args));
	EXPECT_EQ(PAGE, args.size);
	EXPECT_NE(0, args.handle);
}

TEST_F(bo, no_size)
{
	uint32_t handle;

	EXPECT_EQ(-EINVAL, bo_create(self->fd, 0, 0, 0, &handle));
}

TEST_F(bo, absurd_sizes)
{
	static const uint64_t sizes[] = {
		~0ull, ~0ull - PAGE, 1ull << 63, 1ull << 48, 1ull << 47,
	};
	uint32_t handle;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int ret = bo_create(self->fd, sizes[i], 0, 0, &handle);

		EXPECT_TRUE(ret == -EINVAL || ret == -ENOMEM)
			TH_LOG("size %#llx gives %d", (unsigned long long)sizes[i], ret);
	}
}

TEST_F(bo, create_unknown_flag)
{
	uint32_t handle;

	for (int bit = 2; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, bo_create(self->fd, PAGE, 1u << bit, 0, &handle));
}

TEST_F(bo, create_pad)
{
	struct drm_loom_bo_create args = { .size = PAGE, .pad = 1 };

	EXPECT_EQ(-EINVAL, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_CREATE, &args));
}

TEST_F(bo, create_unknown_vm)
{
	uint32_t handle;

	EXPECT_EQ(-ENOENT, bo_create(self->fd, PAGE, 0, 0x7fffffff, &handle));
}

TEST_F(bo, local_needs_the_capability)
{
	struct drm_loom_query_info info;
	uint32_t handle;
	int ret;

	ASSERT_EQ(0, card_info(self->fd, &info));
	ret = bo_create(self->fd, PAGE, DRM_LOOM_BO_LOCAL, 0, &handle);
	EXPECT_EQ(info.caps & DRM_LOOM_CAP_LOCAL_MEMORY ? 0 : -EOPNOTSUPP, ret);
}

TEST_F(bo, starts_as_zeros)
{
	uint64_t *p = bo_map(self->fd, self->handle, 2 * PAGE);

	ASSERT_NE(NULL, p);
	for (size_t i = 0; i < 2 * PAGE / 8; i++)
		ASSERT_EQ(0, p[i]);
}

TEST_F(bo, mapping_outlives_handle_and_file)
{
	volatile uint64_t *p = bo_map(self->fd, self->handle, 2 * PAGE);
	int fd;

	ASSERT_NE(NULL, p);
	p[3] = 42;
	ASSERT_EQ(0, bo_close(self->fd, self->handle));
	EXPECT_EQ(42, p[3]);
	fd = self->fd;
	self->fd = -1;
	close(fd);
	p[4] = 43;
	EXPECT_EQ(42, p[3]);
	EXPECT_EQ(43, p[4]);
}

TEST_F(bo, two_mappings_are_one_memory)
{
	volatile uint64_t *a = bo_map(self->fd, self->handle, 2 * PAGE);
	volatile uint64_t *b = bo_map(self->fd, self->handle, 2 * PAGE);

	ASSERT_NE(NULL, a);
	ASSERT_NE(NULL, b);
	ASSERT_NE(a, b);
	a[100] = 7;
	EXPECT_EQ(7, b[100]);
}

/* What is left of a mapping shows what it showed, page by page. */
TEST_F(bo, mapping_that_is_cut)
{
	volatile uint64_t *a = bo_map(self->fd, self->handle, 2 * PAGE);
	volatile uint64_t *b = bo_map(self->fd, self->handle, 2 * PAGE);

	ASSERT_NE(NULL, a);
	ASSERT_NE(NULL, b);
	a[0] = 1;
	a[PAGE / 8] = 2;
	ASSERT_EQ(0, munmap((void *)b, PAGE));
	EXPECT_EQ(2, b[PAGE / 8]);
}

TEST_F(bo, mmap_past_the_end)
{
	EXPECT_EQ(NULL, bo_map(self->fd, self->handle, 3 * PAGE));
}

TEST_F(bo, mmap_of_another_file)
{
	struct drm_loom_bo_mmap_offset args = { .handle = self->handle };
	int other = card_open();

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &args));
	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, PAGE, PROT_READ, MAP_SHARED, other, args.offset));
	EXPECT_EQ(EACCES, errno);
	close(other);
}

/* Registers, rings, completions: nothing of the card can be mapped but buffers. */
TEST_F(bo, nothing_else_can_be_mapped)
{
	struct drm_loom_bo_mmap_offset args = { .handle = self->handle };

	ASSERT_EQ(0, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &args));
	for (int bit = 12; bit < 44; bit++)
		for (uint64_t base = 0; base < 2; base++) {
			uint64_t offset = base << 32 | 1ull << bit;

			if (offset - args.offset < 2 * PAGE)
				continue;
			EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, offset))
				TH_LOG("offset %#llx", (unsigned long long)offset);
		}
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, args.offset + PAGE));
}

TEST_F(bo, offset_unknown_handle)
{
	struct drm_loom_bo_mmap_offset args = { .handle = 0x7fffffff };

	EXPECT_EQ(-ENOENT, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &args));
}

TEST_F(bo, offset_pad)
{
	struct drm_loom_bo_mmap_offset args = { .handle = self->handle, .pad = 1 };

	EXPECT_EQ(-EINVAL, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &args));
}

TEST_F(bo, no_mmap)
{
	struct drm_loom_bo_mmap_offset args = { 0 };

	ASSERT_EQ(0, bo_create(self->fd, PAGE, DRM_LOOM_BO_NO_MMAP, 0, &args.handle));
	EXPECT_EQ(-EPERM, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &args));
}

TEST_F(bo, info)
{
	struct drm_loom_bo_info args = { 0 };

	ASSERT_EQ(0, bo_create(self->fd, 3 * PAGE, DRM_LOOM_BO_NO_MMAP, 0, &args.handle));
	ASSERT_EQ(0, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_INFO, &args));
	EXPECT_EQ(3 * PAGE, args.size);
	EXPECT_EQ(DRM_LOOM_BO_NO_MMAP, args.flags);
	EXPECT_EQ(0, args.state);
}

TEST_F(bo, info_unknown_handle)
{
	struct drm_loom_bo_info args = { .handle = 0 };

	EXPECT_EQ(-ENOENT, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_INFO, &args));
}

TEST_F(bo, info_pad)
{
	struct drm_loom_bo_info args = { .handle = self->handle, .pad = 1 };

	EXPECT_EQ(-EINVAL, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_INFO, &args));
}

TEST_F(bo, label)
{
	char label[DRM_LOOM_BO_LABEL_MAX + 2];
	struct drm_loom_bo_label args = { .handle = self->handle, .label = (uintptr_t)label };

	memset(label, 'x', sizeof(label));
	label[DRM_LOOM_BO_LABEL_MAX] = 0;
	EXPECT_EQ(0, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_LABEL, &args));
	label[DRM_LOOM_BO_LABEL_MAX] = 'x';
	label[DRM_LOOM_BO_LABEL_MAX + 1] = 0;
	EXPECT_EQ(-E2BIG, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_LABEL, &args));
	args.label = 0;
	EXPECT_EQ(0, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_LABEL, &args));
	args.label = 8;
	EXPECT_EQ(-EFAULT, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_LABEL, &args));
}

TEST_F(bo, label_unknown_handle)
{
	struct drm_loom_bo_label args = { .handle = 0x7fffffff };

	EXPECT_EQ(-ENOENT, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_LABEL, &args));
}

TEST_F(bo, label_pad)
{
	struct drm_loom_bo_label args = { .handle = self->handle, .pad = 1 };

	EXPECT_EQ(-EINVAL, card_ioctl(self->fd, DRM_IOCTL_LOOM_BO_LABEL, &args));
}

/* Memory that nobody has mapped may be taken away, but not what is in it. */
TEST_F(bo, contents_outlive_the_mapping)
{
	uint64_t *p = bo_map(self->fd, self->handle, 2 * PAGE);

	ASSERT_NE(NULL, p);
	p[0] = 11;
	p[PAGE / 8] = 12;
	munmap(p, 2 * PAGE);
	/* Pages that the kernel takes for clean are dropped. */
	if (root_sysfs("/proc/sys/vm/drop_caches", "1"))
		SKIP(return, "only root can have that done");
	p = bo_map(self->fd, self->handle, 2 * PAGE);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(11, p[0]);
	EXPECT_EQ(12, p[PAGE / 8]);
	munmap(p, 2 * PAGE);
}

TEST_F(bo, handles_are_per_file)
{
	struct drm_loom_bo_info args = { .handle = self->handle };
	int other = card_open();

	ASSERT_GE(other, 0);
	EXPECT_EQ(-ENOENT, card_ioctl(other, DRM_IOCTL_LOOM_BO_INFO, &args));
	close(other);
}

TEST_HARNESS_MAIN
