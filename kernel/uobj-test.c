// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit: arrays that user space hands over.
 */
#include <kunit/test.h>

#include <linux/mman.h>
#include <linux/uaccess.h>

#include "loom.h"

#define AREA		(4 * PAGE_SIZE)

struct element {
	u64 a;
	u64 b;
};

static int uobj_test_init(struct kunit *test)
{
	unsigned long at = kunit_vm_mmap(test, NULL, 0, AREA, PROT_READ | PROT_WRITE,
					 MAP_ANONYMOUS | MAP_PRIVATE, 0);

	if (!at || at >= TASK_SIZE)
		return -ENOMEM;
	test->priv = (void *)at;
	return clear_user((void __user *)at, AREA) ? -EFAULT : 0;
}

static void write(struct kunit *test, unsigned long offset, u64 value)
{
	KUNIT_ASSERT_EQ(test, put_user(value, (u64 __user *)((unsigned long)test->priv + offset)),
			0);
}

static int copy(struct kunit *test, u32 count, u32 stride, u32 max, struct element **out)
{
	const struct drm_loom_array array = {
		.stride = stride,
		.count = count,
		.array = (unsigned long)test->priv,
	};

	return loom_array_copy(&array, sizeof(struct element), max, (void **)out);
}

static void elements_of_our_size(struct kunit *test)
{
	struct element *out;

	write(test, 8, 1);
	write(test, 16, 2);
	KUNIT_ASSERT_EQ(test, copy(test, 2, 16, 2, &out), 0);
	KUNIT_EXPECT_EQ(test, out[0].b, 1);
	KUNIT_EXPECT_EQ(test, out[1].a, 2);
	kvfree(out);
}

static void none(struct kunit *test)
{
	struct element *out = ERR_PTR(-EINVAL);

	KUNIT_EXPECT_EQ(test, copy(test, 0, 0, 0, &out), 0);
	KUNIT_EXPECT_NULL(test, out);
}

static void longer_elements(struct kunit *test)
{
	struct element *out;

	write(test, 0, 1);
	write(test, 32, 2);
	KUNIT_ASSERT_EQ(test, copy(test, 2, 32, 2, &out), 0);
	KUNIT_EXPECT_EQ(test, out[0].a, 1);
	KUNIT_EXPECT_EQ(test, out[1].a, 2);
	kvfree(out);

	/* What is beyond our structure must be zero, in each of them. */
	write(test, 56, 1);
	KUNIT_EXPECT_EQ(test, copy(test, 2, 32, 2, &out), -E2BIG);
	KUNIT_EXPECT_NULL(test, out);
}

static void edges(struct kunit *test)
{
	struct element *out;

	KUNIT_EXPECT_EQ(test, copy(test, 3, 16, 2, &out), -E2BIG);
	KUNIT_EXPECT_EQ(test, copy(test, 1, 8, 1, &out), -EINVAL);
	KUNIT_EXPECT_EQ(test, copy(test, 1, 20, 1, &out), -EINVAL);
	KUNIT_EXPECT_EQ(test, copy(test, 1, 0, 1, &out), -EINVAL);
	KUNIT_EXPECT_EQ(test, copy(test, 1, 1032, 1, &out), -E2BIG);
	KUNIT_EXPECT_EQ(test, copy(test, U32_MAX, 16, U32_MAX, &out), -ENOMEM);
}

static void addresses(struct kunit *test)
{
	struct element *out;
	struct drm_loom_array array = { .stride = 16, .count = 2 };

	array.array = U64_MAX - 15;
	KUNIT_EXPECT_EQ(test, loom_array_copy(&array, 16, 2, (void **)&out), -EFAULT);
	array.array = (unsigned long)&array;
	KUNIT_EXPECT_EQ(test, loom_array_copy(&array, 16, 2, (void **)&out), -EFAULT);
	array.array = (unsigned long)test->priv + AREA - 16;
	KUNIT_EXPECT_EQ(test, loom_array_copy(&array, 16, 2, (void **)&out), -EFAULT);
	KUNIT_EXPECT_NULL(test, out);
}

static struct kunit_case uobj_cases[] = {
	KUNIT_CASE(elements_of_our_size),
	KUNIT_CASE(none),
	KUNIT_CASE(longer_elements),
	KUNIT_CASE(edges),
	KUNIT_CASE(addresses),
	{}
};

static struct kunit_suite uobj_suite = {
	.name = "loom_array",
	.init = uobj_test_init,
	.test_cases = uobj_cases,
};

kunit_test_suite(uobj_suite);
