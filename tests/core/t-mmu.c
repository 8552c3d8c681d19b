// SPDX-License-Identifier: MIT
/* Translation: page sizes, scattered pages, isolation, the TLB, invalidation. */
#include <string.h>

#include "card.h"
#include "tap.h"

#define DATA	0x20000000ull
#define BIG	0x40000000ull
#define FLAG	0x38000000ull

static unsigned int run(struct card *card, const struct cmds *cmds, struct loom_cqe *cqe)
{
	card_submit(card, 1, cmds, 0);
	card_wait(card, 1, cqe);
	return cqe_outcome(cqe);
}

/* Fill @bytes at an odd address and look at every one of them, and its neighbours. */
static unsigned int fill_and_look(struct card *card, uint64_t va, uint32_t bytes, uint8_t value)
{
	struct cmds cmds = cmds_begin(card, 1);
	struct loom_cqe cqe;
	unsigned int bad;

	cmds_fill(&cmds, va, bytes, value);
	bad = run(card, &cmds, &cqe);
	for (uint32_t i = 0; i < bytes; i++)
		bad += *(uint8_t *)card_at(card, 1, va + i) != value;
	bad += *(uint8_t *)card_at(card, 1, va - 1) == value;
	bad += *(uint8_t *)card_at(card, 1, va + bytes) == value;
	return bad;
}

static void test_scattered(struct card *card)
{
	card_buffer(card, 1, DATA, 0x100000);
	tap_ok(!fill_and_look(card, DATA + 4090, 12, 1), "across two pages");
	tap_ok(!fill_and_look(card, DATA + 3, 8 * 4096 + 5, 2), "9 scattered pages");
	tap_ok(!fill_and_look(card, DATA + 8193, 150 * 4096 + 777, 3), "151 scattered pages");
	card->host.grain = 4096;
	tap_ok(!fill_and_look(card, DATA + 1, 40 * 4096, 4), "a host that maps page by page");
	card->host.grain = 0;
}

static void test_alternating(struct card *card)
{
	uint64_t va = DATA + 0x10000000;

	/* host and local memory in turns; the local offsets are adjacent */
	for (unsigned int i = 0; i < 16; i++) {
		if (i % 2)
			card_map(card, 1, va + i * 4096, i / 2 * 4096, 4096, RW | LOOM_PTE_LOCAL);
		else
			card_linear(card, 1, va + i * 4096, 4096);
	}
	atomic_store(&card->host.local_bytes, 0);
	tap_ok(!fill_and_look(card, va + 100, 15 * 4096, 9), "host and local pages in turns");
	tap_ok(atomic_load(&card->host.local_bytes) == 7 * 4096 + 4096 - 3996 ||
	       atomic_load(&card->host.local_bytes) == 7 * 4096 + 100,
	       "the host hears what was written to local memory: %lu",
	       atomic_load(&card->host.local_bytes));
}

static void test_large_pages(struct card *card)
{
	struct cmds cmds = cmds_begin(card, 1);
	uint64_t bus = host_alloc(&card->host, 6 << 20);
	uint64_t misses = card_read64(card, LOOM_REG_CNT_TLB_MISSES);
	struct loom_cqe cqe;
	unsigned int bad = 0;
	uint8_t *mem;

	bus = (bus + 0x1fffff) & ~0x1fffffull;
	mem = host_ptr(&card->host, bus);
	*card_pte(card, 1, BIG, 1) = bus | RW;
	*card_pte(card, 1, BIG + 0x200000, 1) = (bus + 0x200000) | RW;
	cmds_fill(&cmds, BIG + 0x1ff003, 0x2345, 7);
	cmds_fill(&cmds, BIG + 0x1000, 64, 8);
	bad += run(card, &cmds, &cqe);
	for (unsigned int i = 0; i < 0x2345; i++)
		bad += mem[0x1ff003 + i] != 7;
	tap_ok(!bad && mem[0x1000] == 8, "2 MiB pages");
	tap_ok(card_read64(card, LOOM_REG_CNT_TLB_MISSES) - misses <= 3,
	       "one walk for each, and the commands'");
}

static void test_isolation(struct card *card)
{
	struct cmds cmds;
	uint64_t *a, *b;
	struct loom_cqe cqe;

	card_context(card, 2, 2, 2, 1, LOOM_PRIORITY_NORMAL);
	a = card_linear(card, 1, FLAG, 4096);
	b = card_linear(card, 2, FLAG, 4096);
	cmds = cmds_begin(card, 1);
	cmds_fence(&cmds, FLAG, 11);
	run(card, &cmds, &cqe);
	cmds = cmds_begin(card, 2);
	cmds_fence(&cmds, FLAG, 22);
	run(card, &cmds, &cqe);
	cmds = cmds_begin(card, 1);
	cmds_fence(&cmds, FLAG + 8, 33);
	run(card, &cmds, &cqe);
	tap_ok(a[0] == 11 && b[0] == 22 && a[1] == 33 && b[1] == 0,
	       "the same address in two contexts");
}

static void test_tlb(struct card *card)
{
	struct cmds cmds = cmds_begin(card, 1);
	uint64_t misses, *old, *new;
	struct loom_cqe cqe;

	old = card_at(card, 1, FLAG);
	cmds_fence(&cmds, FLAG + 16, 44);
	run(card, &cmds, &cqe);
	misses = card_read64(card, LOOM_REG_CNT_TLB_MISSES);
	run(card, &cmds, &cqe);
	run(card, &cmds, &cqe);
	tap_ok(card_read64(card, LOOM_REG_CNT_TLB_MISSES) == misses, "the TLB is used");
	new = card_linear(card, 1, FLAG, 4096);
	card_invalidate(card, 1, FLAG, 4096);
	old[2] = 0;
	run(card, &cmds, &cqe);
	tap_ok(old[2] == 0 && new[2] == 44, "a new page after an invalidation");
	card_linear(card, 1, FLAG, 4096);
	card_invalidate(card, 1, FLAG - 4096, 4096);
	card_invalidate(card, 1, FLAG + 4096, 4096);
	card_invalidate(card, 2, 0, 0);
	misses = card_read64(card, LOOM_REG_CNT_TLB_MISSES);
	run(card, &cmds, &cqe);
	tap_ok(card_read64(card, LOOM_REG_CNT_TLB_MISSES) == misses,
	       "invalidations of neighbours and of another tag leave it");
	card_invalidate(card, 1, 0, 0);
	run(card, &cmds, &cqe);
	tap_ok(card_read64(card, LOOM_REG_CNT_TLB_MISSES) > misses, "that of the whole tag does not");
	misses = card_read64(card, LOOM_REG_CNT_TLB_MISSES);
	card_invalidate(card, 1, 0x1000, ~0xfffull);
	run(card, &cmds, &cqe);
	tap_ok(card_read64(card, LOOM_REG_CNT_TLB_MISSES) > misses, "nor one beyond the address space");
	tap_ok(card_read64(card, LOOM_REG_INV_DONE) == card_read64(card, LOOM_REG_INV_ISSUED),
	       "all are done");
}

/*
 * Memory is taken away from a packet in execution that writes to it all the
 * time: 2 GiB of addresses are one and the same 2 MiB. Once the invalidation is
 * done they do not change any more, and the job faults when it goes on.
 */
static void test_invalidate_running(struct card *card)
{
	uint64_t va = 0x100000000ull, bus = host_alloc(&card->host, 4 << 20), progress;
	struct loom_fault *fault = &card->faults[card_read64(card, LOOM_REG_FAULT_WRITE) % 32];
	struct cmds cmds = cmds_begin(card, 1);
	struct loom_cqe cqe;
	unsigned int bad = 0;
	uint8_t *mem;

	bus = (bus + 0x1fffff) & ~0x1fffffull;
	mem = host_ptr(&card->host, bus);
	for (unsigned int i = 0; i < 1024; i++)
		*card_pte(card, 1, va + i * 0x200000ull, 1) = bus | RW;
	/* Long enough not to be over before this thread has looked at it. */
	for (unsigned int i = 0; i < 50; i++)
		cmds_fill(&cmds, va, 0x7fffffff, 0x11);
	progress = card_read64(card, LOOM_REG_RING(1) + LOOM_RING_PROGRESS);
	card_submit(card, 1, &cmds, 0);
	while (card_read64(card, LOOM_REG_RING(1) + LOOM_RING_PROGRESS) - progress < 10)
		;
	for (unsigned int i = 0; i < 1024; i++)
		__atomic_store_n(card_pte(card, 1, va + i * 0x200000ull, 1), 0, __ATOMIC_RELAXED);
	card_invalidate(card, 1, va + 0x5000000, 0x100000);
	memset(mem, 0xee, 2 << 20);
	card_wait(card, 1, &cqe);
	for (unsigned int i = 0; i < 2 << 20; i++)
		bad += mem[i] != 0xee;
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_FAULT && fault->va == va &&
	       fault->code == LOOM_FAULT_NOT_MAPPED && fault->level == 1,
	       "the job faults where its memory is gone");
	tap_ok(!bad, "which was not touched after INV_DONE");
	card_write32(card, LOOM_REG_CTX_START, 1);
}

/* Invalidations that miss the job's operands, or only disturb it, change no result. */
static void test_invalidate_storm(struct card *card)
{
	uint64_t va = BIG + 0x18000000;
	struct cmds cmds = cmds_begin(card, 1);
	struct loom_cqe cqe;
	unsigned int n = 0, bad = 0;

	card_buffer(card, 1, va, 8 << 20);
	for (unsigned int i = 0; i < 20; i++)
		cmds_fill(&cmds, va, 8 << 20, (uint8_t)(i + 1));
	card_submit(card, 1, &cmds, 0);
	while (!card_poll(card, 1, &cqe)) {
		card_invalidate(card, 1, va + n++ % 100 * 4096, 8192);
		card_invalidate(card, 1, FLAG, 4096);
	}
	for (uint32_t i = 0; i < 8 << 20; i += 511)
		bad += *(uint8_t *)card_at(card, 1, va + i) != 20;
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_OK && !bad,
	       "a job under %u invalidations ends well", 2 * n);
}

int main(void)
{
	struct loom_core_config config = card_config();
	static struct card card;

	card_init(&card, &config);
	card_context(&card, 1, 1, 1, 1, LOOM_PRIORITY_NORMAL);
	card_enable(&card, 0);
	card_ring(&card, 1, 6, 1, 0);
	test_scattered(&card);
	test_alternating(&card);
	test_large_pages(&card);
	test_isolation(&card);
	test_tlb(&card);
	test_invalidate_storm(&card);
	card_exit(&card);

	/* alone: engines that write the same byte at once are a race, if a permitted one */
	config.threads = 0;
	card_init(&card, &config);
	card_context(&card, 1, 1, 1, 1, LOOM_PRIORITY_NORMAL);
	card_enable(&card, 0);
	card_ring(&card, 1, 6, 1, 0);
	test_invalidate_running(&card);
	card_exit(&card);
	return tap_done();
}
