// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit: what is made of the times that a card tells.
 */
#include <kunit/test.h>

#include <linux/time64.h>

#include "loom.h"

static void ticks_in_ns(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, loom_ticks_to_ns(0, 1), 0);
	KUNIT_EXPECT_EQ(test, loom_ticks_to_ns(3, NSEC_PER_SEC), 3);
	KUNIT_EXPECT_EQ(test, loom_ticks_to_ns(100, 3), 33333333333ull);
	KUNIT_EXPECT_EQ(test, loom_ticks_to_ns(U64_MAX, NSEC_PER_SEC), U64_MAX);
	KUNIT_EXPECT_EQ(test, loom_ticks_to_ns(U64_MAX, U64_MAX), NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, loom_ticks_to_ns(U64_MAX - 1, U64_MAX), NSEC_PER_SEC - 1);
}

/* A broken card may have them last for ages. */
static void more_than_fits(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, loom_ticks_to_ns(U64_MAX, 1), U64_MAX * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, loom_ticks_to_ns(U64_MAX, 1000000), U64_MAX / 1000000 * NSEC_PER_SEC +
							  U64_MAX % 1000000 * 1000);
}

static struct kunit_case stat_cases[] = {
	KUNIT_CASE(ticks_in_ns),
	KUNIT_CASE(more_than_fits),
	{}
};

static struct kunit_suite stat_suite = {
	.name = "loom_stat",
	.test_cases = stat_cases,
};

kunit_test_suite(stat_suite);
