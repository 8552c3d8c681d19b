// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit: page tables, and when what they consist of is given back.
 */
#include <kunit/test.h>

#include <linux/sizes.h>
#include <linux/slab.h>

#include "mmu.h"

#define VA		0x7fc0200000ull		/* crosses a boundary of level 2 */
#define BUS		0x100000000ull

struct tables {
	struct loom_mmu mmu;
	/* Allocations that are left to succeed; negative: all. */
	int left;
	/* Tables that exist. */
	int count;
	/* Tables that were given back since the last invalidation began. */
	int early;
	/* Invalidations, and the range of the last one. */
	int invalidations;
	u64 va;
	u64 len;
};

static void *test_alloc(void *priv, dma_addr_t *bus)
{
	struct tables *t = priv;
	void *table;

	if (!t->left)
		return NULL;
	t->left -= t->left > 0;
	table = kzalloc(LOOM_PAGE_SIZE, GFP_KERNEL);
	if (!table)
		return NULL;
	t->count++;
	/* Made up, and easy to find again. */
	*bus = (dma_addr_t)t->count << PAGE_SHIFT;
	return table;
}

static void test_free(void *priv, void *table, dma_addr_t bus)
{
	struct tables *t = priv;

	t->count--;
	t->early++;
	kfree(table);
}

static void test_invalidate(void *priv, u32 tag, u64 va, u64 len)
{
	struct tables *t = priv;

	t->invalidations++;
	t->va = va;
	t->len = len;
}

static const struct loom_mmu_ops test_ops = {
	.alloc = test_alloc,
	.free = test_free,
	.invalidate = test_invalidate,
};

static int mmu_test_init(struct kunit *test)
{
	struct tables *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->left = -1;
	test->priv = t;
	return loom_mmu_init(&t->mmu, &test_ops, t, 1, true);
}

static void mmu_test_exit(struct kunit *test)
{
	struct tables *t = test->priv;

	loom_mmu_fini(&t->mmu);
	KUNIT_EXPECT_EQ(test, t->count, 0);
}

/* The leaf of an address, 0 if there is none. */
static u64 leaf(struct tables *t, u64 va)
{
	struct loom_mmu_step steps[LOOM_PT_LEVELS];
	unsigned int n = loom_mmu_walk(&t->mmu, va, steps);

	return n && steps[n - 1].entry & LOOM_PTE_LEAF ? steps[n - 1].entry : 0;
}

static void map(struct kunit *test, u64 va, u64 size, u64 bus)
{
	struct tables *t = test->priv;

	KUNIT_ASSERT_EQ(test, loom_mmu_prepare_map(&t->mmu, va, size), 0);
	loom_mmu_map(&t->mmu, va, size, bus, LOOM_PTE_READ | LOOM_PTE_WRITE);
	loom_mmu_trim(&t->mmu, va, size);
	loom_mmu_sync(&t->mmu);
}

static void unmap(struct kunit *test, u64 va, u64 size)
{
	struct tables *t = test->priv;

	KUNIT_ASSERT_EQ(test, loom_mmu_prepare_unmap(&t->mmu, va, size), 0);
	loom_mmu_unmap(&t->mmu, va, size);
	loom_mmu_trim(&t->mmu, va, size);
	loom_mmu_sync(&t->mmu);
}

static void pages_where_they_were_put(struct kunit *test)
{
	struct tables *t = test->priv;
	u64 i;

	map(test, VA - 3 * SZ_4K, 6 * SZ_4K, BUS + SZ_4K);
	for (i = 0; i < 6; i++)
		KUNIT_EXPECT_EQ(test, leaf(t, VA + (i - 3) * SZ_4K) & LOOM_PTE_ADDR,
				BUS + (i + 1) * SZ_4K);
	KUNIT_EXPECT_EQ(test, leaf(t, VA - 4 * SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, leaf(t, VA + 3 * SZ_4K), 0);
	unmap(test, VA - 3 * SZ_4K, 6 * SZ_4K);
	KUNIT_EXPECT_EQ(test, leaf(t, VA), 0);
	KUNIT_EXPECT_EQ(test, t->va, VA - 3 * SZ_4K);
	KUNIT_EXPECT_EQ(test, t->len, 6 * SZ_4K);
}

static void large_pages_where_they_fit(struct kunit *test)
{
	struct tables *t = test->priv;

	map(test, VA, 2 * SZ_2M, BUS);
	KUNIT_EXPECT_EQ(test, t->mmu.large_count, 2);
	KUNIT_EXPECT_EQ(test, leaf(t, VA + SZ_2M) & LOOM_PTE_ADDR, BUS + SZ_2M);
	unmap(test, VA, 2 * SZ_2M);
	KUNIT_EXPECT_EQ(test, t->mmu.large_count, 0);

	map(test, VA, 2 * SZ_2M, BUS + SZ_4K);
	KUNIT_EXPECT_EQ(test, t->mmu.large_count, 0);
	KUNIT_EXPECT_EQ(test, leaf(t, VA + SZ_2M) & LOOM_PTE_ADDR, BUS + SZ_2M + SZ_4K);
}

static void a_large_page_is_split(struct kunit *test)
{
	struct tables *t = test->priv;

	map(test, VA, SZ_2M, BUS);
	unmap(test, VA + SZ_1M, SZ_4K);
	KUNIT_EXPECT_EQ(test, t->mmu.large_count, 0);
	KUNIT_EXPECT_EQ(test, leaf(t, VA) & LOOM_PTE_ADDR, BUS);
	KUNIT_EXPECT_EQ(test, leaf(t, VA + SZ_1M), 0);
	KUNIT_EXPECT_EQ(test, leaf(t, VA + SZ_2M - SZ_4K) & LOOM_PTE_ADDR, BUS + SZ_2M - SZ_4K);
}

/* What the card may still walk is not given back before it has been told. */
static void tables_outlive_the_invalidation(struct kunit *test)
{
	struct tables *t = test->priv;

	map(test, VA, SZ_4K, BUS);
	KUNIT_ASSERT_EQ(test, loom_mmu_prepare_unmap(&t->mmu, VA, SZ_4K), 0);
	t->early = 0;
	t->invalidations = 0;
	loom_mmu_unmap(&t->mmu, VA, SZ_4K);
	loom_mmu_trim(&t->mmu, VA, SZ_4K);
	KUNIT_EXPECT_EQ(test, t->early, 0);
	loom_mmu_sync(&t->mmu);
	KUNIT_EXPECT_EQ(test, t->invalidations, 1);
	KUNIT_EXPECT_GT(test, t->early, 0);
}

static void no_memory_leaves_what_was(struct kunit *test)
{
	struct tables *t = test->priv;
	int n, before;

	map(test, VA, SZ_4K, BUS);
	before = t->count;
	for (n = 0;; n++) {
		int err;

		t->left = n;
		err = loom_mmu_prepare_map(&t->mmu, VA - SZ_4K, SZ_4K);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		loom_mmu_trim(&t->mmu, VA - SZ_4K, SZ_4K);
		loom_mmu_sync(&t->mmu);
		KUNIT_EXPECT_EQ(test, t->count, before);
		KUNIT_EXPECT_EQ(test, leaf(t, VA) & LOOM_PTE_ADDR, BUS);
	}
	KUNIT_EXPECT_GT(test, n, 0);
	loom_mmu_trim(&t->mmu, VA - SZ_4K, SZ_4K);
	loom_mmu_sync(&t->mmu);
	KUNIT_EXPECT_EQ(test, t->count, before);
}

static void addresses_beyond_the_card(struct kunit *test)
{
	struct loom_mmu_step steps[LOOM_PT_LEVELS];
	struct tables *t = test->priv;

	KUNIT_EXPECT_EQ(test, loom_mmu_walk(&t->mmu, U64_MAX, steps), 0);
	KUNIT_EXPECT_EQ(test, loom_mmu_walk(&t->mmu, 0, steps), 1);
	KUNIT_EXPECT_EQ(test, steps[0].entry, 0);
}

static struct kunit_case mmu_cases[] = {
	KUNIT_CASE(pages_where_they_were_put),
	KUNIT_CASE(large_pages_where_they_fit),
	KUNIT_CASE(a_large_page_is_split),
	KUNIT_CASE(tables_outlive_the_invalidation),
	KUNIT_CASE(no_memory_leaves_what_was),
	KUNIT_CASE(addresses_beyond_the_card),
	{}
};

static struct kunit_suite mmu_suite = {
	.name = "loom_mmu",
	.init = mmu_test_init,
	.exit = mmu_test_exit,
	.test_cases = mmu_cases,
};

kunit_test_suite(mmu_suite);
