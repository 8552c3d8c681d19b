// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Page tables of the card: walk, map, unmap, split.
 *
 * All memory is found in the prepare calls, so that map and unmap cannot fail. The card may walk
 * the tables at any time: an entry is written once, as a whole, and a table that was linked in is
 * given back only after the card has acknowledged an invalidation.
 *
 * The card never remembers that an entry was invalid, so a new mapping in an empty place needs no
 * invalidation.
 */
#include <linux/align.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "mmu.h"

#define LEVEL_ROOT	(LOOM_PT_LEVELS - 1)
#define LEVEL_LARGE	1

static u64 level_size(unsigned int level)
{
	return 1ull << LOOM_PT_SHIFT(level);
}

static unsigned int level_index(unsigned int level, u64 va)
{
	return (va >> LOOM_PT_SHIFT(level)) & (LOOM_PT_ENTRIES - 1);
}

static struct loom_table *table_create(struct loom_mmu *mmu, unsigned int level)
{
	struct loom_table *table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);

	if (!table)
		return NULL;
	INIT_LIST_HEAD(&table->link);
	if (level) {
		table->child = kcalloc(LOOM_PT_ENTRIES, sizeof(*table->child), GFP_KERNEL_ACCOUNT);
		if (!table->child)
			goto err_free;
	}
	table->entry = mmu->ops->alloc(mmu->priv, &table->bus);
	if (!table->entry)
		goto err_free;
	return table;

err_free:
	kfree(table->child);
	kfree(table);
	return NULL;
}

static void table_destroy(struct loom_mmu *mmu, struct loom_table *table)
{
	mmu->ops->free(mmu->priv, table->entry, table->bus);
	kfree(table->child);
	kfree(table);
}

static void table_destroy_tree(struct loom_mmu *mmu, struct loom_table *table)
{
	unsigned int i;

	for (i = 0; table->child && i < LOOM_PT_ENTRIES; i++)
		if (table->child[i])
			table_destroy_tree(mmu, table->child[i]);
	table_destroy(mmu, table);
}

static void entry_set(struct loom_table *table, unsigned int index, u64 value)
{
	u64 old = le64_to_cpu(table->entry[index]);

	table->used += !!value - !!old;
	WRITE_ONCE(table->entry[index], cpu_to_le64(value));
}

static u64 entry_get(const struct loom_table *table, unsigned int index)
{
	return le64_to_cpu(table->entry[index]);
}

static void table_link(struct loom_table *table, unsigned int index, struct loom_table *child)
{
	/* The child's contents must be in memory before the card can find them. */
	wmb();
	table->child[index] = child;
	entry_set(table, index, (child->bus & LOOM_PTE_ADDR) | LOOM_PTE_VALID);
}

static void table_retire(struct loom_mmu *mmu, struct loom_table *table, unsigned int index)
{
	list_add(&table->child[index]->link, &mmu->retired);
	table->child[index] = NULL;
}

static void dirty(struct loom_mmu *mmu, u64 va, u64 end)
{
	if (mmu->dirty_start >= mmu->dirty_end) {
		mmu->dirty_start = va;
		mmu->dirty_end = end;
	} else {
		mmu->dirty_start = min(mmu->dirty_start, va);
		mmu->dirty_end = max(mmu->dirty_end, end);
	}
}

/* Replaces a large leaf by a table of small ones that says the same. */
static int leaf_split(struct loom_mmu *mmu, struct loom_table *table, unsigned int index, u64 va)
{
	u64 leaf = entry_get(table, index);
	struct loom_table *child = table_create(mmu, LEVEL_LARGE - 1);
	unsigned int i;

	if (!child)
		return -ENOMEM;
	for (i = 0; i < LOOM_PT_ENTRIES; i++)
		entry_set(child, i, leaf + (u64)i * LOOM_PAGE_SIZE);
	table_link(table, index, child);
	mmu->large_count--;
	va = ALIGN_DOWN(va, level_size(LEVEL_LARGE));
	dirty(mmu, va, va + level_size(LEVEL_LARGE));
	return 0;
}

/* Splits the large leaf that @va cuts, if there is one. */
static int split_at(struct loom_mmu *mmu, u64 va)
{
	struct loom_table *table = mmu->root;
	unsigned int level = LEVEL_ROOT;

	if (IS_ALIGNED(va, level_size(LEVEL_LARGE)))
		return 0;
	while (level > LEVEL_LARGE && table)
		table = table->child[level_index(level--, va)];
	if (!table || !(entry_get(table, level_index(level, va)) & LOOM_PTE_LEAF))
		return 0;
	return leaf_split(mmu, table, level_index(level, va), va);
}

static int table_add(struct loom_mmu *mmu, struct loom_table *table, unsigned int level,
		     unsigned int index)
{
	struct loom_table *child = table_create(mmu, level - 1);

	if (!child)
		return -ENOMEM;
	table_link(table, index, child);
	return 0;
}

/* Makes sure that tables down to level 0 exist. What is mapped stays so. */
static int table_fill(struct loom_mmu *mmu, struct loom_table *table, unsigned int level, u64 va,
		      u64 end)
{
	u64 next;
	int err;

	for (; va < end; va = next) {
		unsigned int i = level_index(level, va);

		next = min(end, ALIGN_DOWN(va, level_size(level)) + level_size(level));
		if (!table->child[i]) {
			err = entry_get(table, i) & LOOM_PTE_LEAF ?
				leaf_split(mmu, table, i, va) : table_add(mmu, table, level, i);
			if (err)
				return err;
		}
		if (level > 1) {
			err = table_fill(mmu, table->child[i], level - 1, va, next);
			if (err)
				return err;
		}
	}
	return 0;
}

static void table_trim(struct loom_mmu *mmu, struct loom_table *table, unsigned int level, u64 va,
		       u64 end)
{
	u64 next;

	for (; va < end; va = next) {
		unsigned int i = level_index(level, va);

		next = min(end, ALIGN_DOWN(va, level_size(level)) + level_size(level));
		if (!table->child[i])
			continue;
		if (level > 1)
			table_trim(mmu, table->child[i], level - 1, va, next);
		if (!table->child[i]->used) {
			table_retire(mmu, table, i);
			entry_set(table, i, 0);
			dirty(mmu, va, next);
		}
	}
}

/**
 * loom_mmu_init() - create an empty address space
 * @mmu: what to initialise
 * @ops: see &struct loom_mmu_ops
 * @priv: first argument of @ops
 * @tag: its TLB tag
 * @large: use leaves of 2 MiB where addresses allow
 *
 * Return: 0 or -ENOMEM.
 */
int loom_mmu_init(struct loom_mmu *mmu, const struct loom_mmu_ops *ops, void *priv, u32 tag,
		  bool large)
{
	*mmu = (struct loom_mmu){ .ops = ops, .priv = priv, .tag = tag, .large = large };
	INIT_LIST_HEAD(&mmu->retired);
	mmu->root = table_create(mmu, LEVEL_ROOT);
	return mmu->root ? 0 : -ENOMEM;
}

/**
 * loom_mmu_fini() - free all tables; the card must not use the address space any more
 * @mmu: the address space; may be one whose initialisation failed or that is gone already
 */
void loom_mmu_fini(struct loom_mmu *mmu)
{
	if (!mmu->root)
		return;
	/* The tag will be used again for another address space. */
	dirty(mmu, 0, 1ull << LOOM_VA_BITS);
	loom_mmu_sync(mmu);
	table_destroy_tree(mmu, mmu->root);
	mmu->root = NULL;
}

/**
 * loom_mmu_prepare_map() - find the memory for mapping a range
 * @mmu: the address space
 * @va: first address, page aligned
 * @size: bytes, page aligned
 *
 * What the range maps stays in force. After a failure, loom_mmu_trim() takes back what was found.
 *
 * Return: 0 or -ENOMEM.
 */
int loom_mmu_prepare_map(struct loom_mmu *mmu, u64 va, u64 size)
{
	return table_fill(mmu, mmu->root, LEVEL_ROOT, va, va + size);
}

/**
 * loom_mmu_prepare_unmap() - find the memory for unmapping a range
 * @mmu: the address space
 * @va: first address, page aligned
 * @size: bytes, page aligned
 *
 * Return: 0 or -ENOMEM.
 */
int loom_mmu_prepare_unmap(struct loom_mmu *mmu, u64 va, u64 size)
{
	int err = split_at(mmu, va);

	return err ?: split_at(mmu, va + size);
}

/**
 * loom_mmu_map() - map bus addresses
 * @mmu: the address space
 * @va: first address; the range was prepared and maps nothing
 * @size: bytes, page aligned
 * @bus: first bus address, page aligned
 * @prot: LOOM_PTE_READ, LOOM_PTE_WRITE, LOOM_PTE_LOCAL
 */
void loom_mmu_map(struct loom_mmu *mmu, u64 va, u64 size, dma_addr_t bus, u64 prot)
{
	u64 flags = prot | LOOM_PTE_LEAF | LOOM_PTE_VALID, end = va + size;

	while (va < end) {
		struct loom_table *table = mmu->root, *leaves;
		unsigned int level, i;

		for (level = LEVEL_ROOT; level > LEVEL_LARGE; level--)
			table = table->child[level_index(level, va)];
		i = level_index(LEVEL_LARGE, va);
		leaves = table->child[i];

		if (mmu->large && IS_ALIGNED(va | bus, level_size(LEVEL_LARGE)) &&
		    end - va >= level_size(LEVEL_LARGE)) {
			table_retire(mmu, table, i);
			entry_set(table, i, (bus & LOOM_PTE_ADDR) | flags);
			mmu->large_count++;
			dirty(mmu, va, va + level_size(LEVEL_LARGE));
			va += level_size(LEVEL_LARGE);
			bus += level_size(LEVEL_LARGE);
			continue;
		}
		for (i = level_index(0, va); i < LOOM_PT_ENTRIES && va < end; i++) {
			entry_set(leaves, i, (bus & LOOM_PTE_ADDR) | flags);
			va += LOOM_PAGE_SIZE;
			bus += LOOM_PAGE_SIZE;
		}
	}
}

/**
 * loom_mmu_unmap() - unmap a range
 * @mmu: the address space
 * @va: first address; the range was prepared
 * @size: bytes, page aligned
 *
 * Tables are not taken out: a mapping may follow that was prepared together with this call.
 */
void loom_mmu_unmap(struct loom_mmu *mmu, u64 va, u64 size)
{
	u64 end = va + size, next;

	for (; va < end; va = next) {
		struct loom_table *table = mmu->root;
		unsigned int level = LEVEL_ROOT, i, last, used;

		while (level && table->child[level_index(level, va)])
			table = table->child[level_index(level--, va)];

		/* Neighbours in a table of leaves are done together. */
		i = level_index(level, va);
		last = i;
		next = ALIGN_DOWN(va, level_size(level)) + level_size(level);
		for (; !level && next < end && last < LOOM_PT_ENTRIES - 1; last++)
			next += LOOM_PAGE_SIZE;
		next = min(next, end);
		used = table->used;
		if (level == LEVEL_LARGE && entry_get(table, i) & LOOM_PTE_LEAF)
			mmu->large_count--;
		for (; i <= last; i++)
			if (entry_get(table, i))
				entry_set(table, i, 0);
		if (table->used != used)
			dirty(mmu, va, next);
	}
}

/**
 * loom_mmu_trim() - take out tables of a range that have become empty
 * @mmu: the address space
 * @va: first address
 * @size: bytes
 */
void loom_mmu_trim(struct loom_mmu *mmu, u64 va, u64 size)
{
	table_trim(mmu, mmu->root, LEVEL_ROOT, va, va + size);
}

/**
 * loom_mmu_sync() - make the card forget what was taken away, then free retired tables
 * @mmu: the address space
 */
void loom_mmu_sync(struct loom_mmu *mmu)
{
	struct loom_table *table, *next;

	if (mmu->dirty_start < mmu->dirty_end) {
		u64 len = mmu->dirty_end - mmu->dirty_start;

		/* Beyond some size it is cheaper to drop everything. */
		mmu->ops->invalidate(mmu->priv, mmu->tag, len > SZ_1G ? 0 : mmu->dirty_start,
				     len > SZ_1G ? 0 : len);
		mmu->dirty_start = 0;
		mmu->dirty_end = 0;
	}
	list_for_each_entry_safe(table, next, &mmu->retired, link) {
		list_del(&table->link);
		table_destroy(mmu, table);
	}
}

/**
 * loom_mmu_walk() - what the card finds when it translates an address
 * @mmu: the address space
 * @va: the address
 * @steps: room for LOOM_PT_LEVELS steps, filled from the root down
 *
 * Return: number of steps; 0 if the address space is gone or has no such address.
 */
unsigned int loom_mmu_walk(const struct loom_mmu *mmu, u64 va, struct loom_mmu_step *steps)
{
	const struct loom_table *table = va >> LOOM_VA_BITS ? NULL : mmu->root;
	unsigned int level = LEVEL_ROOT, n = 0;

	while (table) {
		unsigned int i = level_index(level, va);

		steps[n++] = (struct loom_mmu_step){
			.table = table->bus,
			.entry = entry_get(table, i),
			.level = level,
			.index = i,
		};
		table = level-- ? table->child[i] : NULL;
	}
	return n;
}
