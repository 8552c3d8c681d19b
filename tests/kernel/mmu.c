// SPDX-License-Identifier: MIT
/*
 * kernel/mmu.c against a plain array, seen through the eyes of a card that caches what it may.
 */
#include <stdio.h>
#include <string.h>

#include "mmu.h"

#define PAGES		4096u			/* of the window under test */
#define WINDOW		0x7fc0200000ull		/* crosses a boundary of level 2 */
#define TABLES_MAX	256
#define PAGE		((u64)LOOM_PAGE_SIZE)

static int count, failures;

static void check(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++count, name);
	failures += !good;
}

/* ---- memory: tables have made-up bus addresses ---- */

static struct {
	void *cpu;
	bool reachable;		/* the card may still use it */
} tables[TABLES_MAX];
static unsigned int live;
static long allocs_left = -1;
static bool bad;

static bool may_alloc(void)
{
	if (!allocs_left)
		return false;
	allocs_left -= allocs_left > 0;
	return true;
}

void *shim_alloc(size_t size)
{
	return may_alloc() ? calloc(1, size) : NULL;
}

static void *op_alloc(void *priv, dma_addr_t *bus)
{
	(void)priv;
	if (!may_alloc())
		return NULL;
	for (unsigned int i = 0; i < TABLES_MAX; i++) {
		if (tables[i].cpu)
			continue;
		tables[i].cpu = calloc(LOOM_PT_ENTRIES, 8);
		*bus = (i + 1) * PAGE;
		live++;
		return tables[i].cpu;
	}
	return NULL;
}

static void op_free(void *priv, void *table, dma_addr_t bus)
{
	unsigned int i = bus / PAGE - 1;

	(void)priv;
	bad |= tables[i].cpu != table || tables[i].reachable;
	free(table);
	tables[i].cpu = NULL;
	live--;
}

/* ---- a card: a TLB that never forgets by itself, and remembers tables ---- */

static u64 tlb[PAGES];
static unsigned int invalidations;

static void op_invalidate(void *priv, u32 tag, u64 va, u64 len)
{
	(void)priv;
	bad |= tag != 7;
	invalidations++;
	for (unsigned int i = 0; i < PAGES; i++)
		if (!len || (WINDOW + i * PAGE >= va && WINDOW + i * PAGE - va < len))
			tlb[i] = 0;
	/* Walks that were under way have ended. */
	for (unsigned int i = 0; i < TABLES_MAX; i++)
		tables[i].reachable = false;
}

static const struct loom_mmu_ops ops = {
	.alloc = op_alloc, .free = op_free, .invalidate = op_invalidate,
};

/* What a walk finds: bus address of the page and its rights, 0 if it is not mapped. */
static u64 walk(const struct loom_mmu *mmu, u64 va)
{
	struct loom_mmu_step steps[LOOM_PT_LEVELS];
	unsigned int count = loom_mmu_walk(mmu, va, steps), n = 0;
	u64 bus = mmu->root->bus;

	for (int level = LOOM_PT_LEVELS - 1; level >= 0; level--) {
		unsigned int table = bus / PAGE - 1;
		u64 shift = LOOM_PT_SHIFT(level), pte;

		if (table >= TABLES_MAX || !tables[table].cpu) {
			bad = true;
			return 0;
		}
		tables[table].reachable = true;
		pte = le64toh(((u64 *)tables[table].cpu)[(va >> shift) & (LOOM_PT_ENTRIES - 1)]);
		/* The driver tells the same in its dumps. */
		bad |= n >= count || steps[n].table != bus || steps[n].entry != pte ||
		       steps[n].level != (unsigned int)level ||
		       steps[n].index != ((va >> shift) & (LOOM_PT_ENTRIES - 1));
		n++;
		bad |= (!(pte & LOOM_PTE_VALID) || pte & LOOM_PTE_LEAF) && n != count;
		if (!(pte & LOOM_PTE_VALID)) {
			bad |= pte;
			return 0;
		}
		if (pte & LOOM_PTE_LEAF) {
			bad |= level > 1 || (pte & LOOM_PTE_ADDR & ((1ull << shift) - 1));
			return ((pte & LOOM_PTE_ADDR) + (va & ((1ull << shift) - 1))) |
			       (pte & (LOOM_PTE_READ | LOOM_PTE_WRITE));
		}
		bad |= pte & ~LOOM_PTE_ADDR & ~LOOM_PTE_VALID;
		bus = pte & LOOM_PTE_ADDR;
	}
	bad = true;
	return 0;
}

static u64 card(const struct loom_mmu *mmu, unsigned int page)
{
	if (!tlb[page])
		tlb[page] = walk(mmu, WINDOW + page * PAGE);
	return tlb[page];
}

/* ---- the same in an array ---- */

static u64 truth[PAGES];

static bool agrees(const struct loom_mmu *mmu)
{
	for (unsigned int i = 0; i < PAGES; i++)
		if (card(mmu, i) != truth[i])
			return false;
	return true;
}

static bool op_map(struct loom_mmu *mmu, unsigned int page, unsigned int n, u64 bus, u64 prot)
{
	u64 va = WINDOW + page * PAGE, size = n * PAGE;

	if (loom_mmu_prepare_unmap(mmu, va, size) || loom_mmu_prepare_map(mmu, va, size)) {
		loom_mmu_trim(mmu, va, size);
		loom_mmu_sync(mmu);
		return false;
	}
	loom_mmu_unmap(mmu, va, size);
	loom_mmu_map(mmu, va, size, bus, prot);
	loom_mmu_sync(mmu);
	for (unsigned int i = 0; i < n; i++)
		truth[page + i] = (bus + i * PAGE) | prot;
	return true;
}

static bool op_unmap(struct loom_mmu *mmu, unsigned int page, unsigned int n)
{
	u64 va = WINDOW + page * PAGE, size = n * PAGE;

	if (loom_mmu_prepare_unmap(mmu, va, size)) {
		loom_mmu_trim(mmu, va, size);
		loom_mmu_sync(mmu);
		return false;
	}
	loom_mmu_unmap(mmu, va, size);
	loom_mmu_trim(mmu, va, size);
	loom_mmu_sync(mmu);
	memset(&truth[page], 0, n * sizeof(truth[0]));
	return true;
}

static u64 seed = 88172645463325252ull;

static unsigned int rnd(unsigned int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static bool torture(bool large, bool starve)
{
	struct loom_mmu mmu;
	bool good = true;

	memset(truth, 0, sizeof(truth));
	memset(tlb, 0, sizeof(tlb));
	if (loom_mmu_init(&mmu, &ops, NULL, 7, large))
		return false;
	for (int i = 0; i < 3000 && good; i++) {
		unsigned int page = rnd(PAGES), n = 1 + rnd(rnd(4) ? 64 : PAGES);

		/* Often whole large pages, often their edges. */
		if (!rnd(3))
			page = page / 512 * 512;
		if (!rnd(3))
			n = (n / 512 + 1) * 512;
		if (page + n > PAGES)
			n = PAGES - page;
		allocs_left = starve ? (long)rnd(12) : -1;
		if (rnd(2)) {
			u64 bus = (1ull << 40) + rnd(1 << 20) * PAGE;

			if (!rnd(3))
				bus = ALIGN_DOWN(bus, 0x200000ull) + (page % 512) * PAGE;
			op_map(&mmu, page, n, bus,
			       LOOM_PTE_READ | (rnd(2) ? LOOM_PTE_WRITE : 0));
		} else {
			op_unmap(&mmu, page, n);
		}
		allocs_left = -1;
		good = agrees(&mmu) && !bad;
	}
	good &= op_unmap(&mmu, 0, PAGES) && agrees(&mmu) && live == 1;
	loom_mmu_fini(&mmu);
	return good && !bad && !live;
}

int main(void)
{
	struct loom_mmu_step steps[LOOM_PT_LEVELS];
	struct loom_mmu mmu;
	unsigned int before;

	check(!loom_mmu_init(&mmu, &ops, NULL, 7, true), "an empty address space");
	check(agrees(&mmu), "maps nothing");
	before = invalidations;
	check(op_map(&mmu, 3, 5, 0x123000, LOOM_PTE_READ) && agrees(&mmu), "pages");
	check(invalidations == before, "need no invalidation where nothing was");
	check(op_map(&mmu, 4, 1, 0x777000, LOOM_PTE_READ | LOOM_PTE_WRITE) && agrees(&mmu),
	      "are replaced");
	check(invalidations > before, "with an invalidation");
	check(op_map(&mmu, 512, 512, 0x40000000, LOOM_PTE_READ) && agrees(&mmu), "a large page");
	before = live;
	check(op_unmap(&mmu, 600, 1) && agrees(&mmu) && live == before + 1, "is split");
	allocs_left = 0;
	check(op_map(&mmu, 1024, 512, 0x80000000, LOOM_PTE_READ) == false && agrees(&mmu),
	      "no memory: nothing has changed");
	allocs_left = -1;
	check(op_unmap(&mmu, 0, PAGES) && agrees(&mmu) && live == 1, "empty tables go");
	before = invalidations;
	loom_mmu_fini(&mmu);
	check(!live && invalidations == before + 1, "the end forgets the tag");
	loom_mmu_fini(&mmu);
	check(!live, "and may come twice");
	check(!loom_mmu_walk(&mmu, WINDOW, steps), "nothing is found after it");
	for (long n = 0; n < 3; n++) {
		allocs_left = n;
		bad |= loom_mmu_init(&mmu, &ops, NULL, 7, true) != -ENOMEM || live;
	}
	allocs_left = -1;
	check(!bad, "creation without memory fails and leaves nothing");
	check(torture(false, false), "random operations with small pages");
	check(torture(true, false), "random operations with large pages");
	check(torture(true, true), "random operations with little memory");
	printf("1..%d\n", count);
	return !!failures;
}
