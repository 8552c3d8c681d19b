// SPDX-License-Identifier: MIT
/*
 * A guest that means harm, or is merely broken: random registers, descriptors,
 * context entries, page tables and commands, always the same for one seed. The
 * card must survive, keep to its memory, leave nothing mapped, and work again
 * after a reset. What else it does is not looked at.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"
#include "core.h"
#include "tap.h"

#define DATA	0x20000000ull
#define GUARD	0x5c

static uint64_t state;

/* What came of it, over all seeds. */
static uint64_t done, packets, faults;

/*
 * Entries of contexts 1 to 3 at levels 0 and 1. Their tables may be made to
 * point to themselves: they cannot be found by a walk later.
 */
static uint64_t *leaf[4][64], *large[4][4];

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dull;
}

static uint64_t below(uint64_t n)
{
	return (rnd() >> 11) % n;
}

/* Numbers at which things go wrong. */
static uint64_t nasty(void)
{
	static const uint64_t list[] = {
		0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 63, 64, 4095, 4096, 65535, 65536, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, 1ull << 47, 1ull << 48, 1ull << 63, ~0ull,
		~0xfffull, HOST_BUS, HOST_BUS + 4096, HOST_BUS + 0x200000,
	};

	switch (below(4)) {
	case 0:
		return rnd();
	case 1:
		return 1ull << below(64);
	default:
		return list[below(sizeof(list) / sizeof(list[0]))];
	}
}

/* A bus address, mostly of memory. */
static uint64_t bus(struct card *card)
{
	if (!below(8))
		return nasty();
	return (HOST_BUS + below(card->host.next)) & ~(below(4) ? 0xfffull : 7ull);
}

static uint64_t any_register(void)
{
	switch (below(6)) {
	case 0:
		return below(LOOM_BAR_REGS_SIZE);
	case 1:
		return loom_device_regs[below(R_COUNT)].offset;
	case 2:
		return LOOM_DOORBELL(below(CARD_RINGS + 1));
	default:
		return LOOM_REG_RING(below(CARD_RINGS)) + loom_ring_regs[below(RR_COUNT)].offset;
	}
}

static void random_access(struct card *card)
{
	uint64_t at = any_register() + (below(8) ? 0 : below(16));
	unsigned int size = below(8) ? below(2) ? 4 : 8 : (unsigned int)below(17);

	if (below(3))
		loom_core_mmio_write(card->core, at, below(2) ? nasty() : bus(card), size);
	else
		loom_core_mmio_read(card->core, at, size);
}

static void put(uint64_t *to, uint64_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELAXED);
}

/* Bend words of page tables, of the context table, of commands, of rings. */
static void random_store(struct card *card)
{
	struct card_ring *ring = &card->ring[1 + below(4)];
	unsigned int ctx = 1 + (unsigned int)below(3);

	switch (below(6)) {
	case 0:
		put(leaf[ctx][below(64)],
		    below(3) ? (bus(card) & ~0xfffull) | (rnd() & 0x1f) : nasty());
		break;
	case 1:
		put(large[ctx][below(4)],
		    below(3) ? (bus(card) & ~0xfffull) | (rnd() & 0x1f) : nasty());
		break;
	case 2:
		put((uint64_t *)&card->table[4 + below(4)] + below(8),
		    below(2) ? nasty() : bus(card));
		break;
	case 3:
		put((uint64_t *)(card->ctx[ctx].cmd + below(0x1000) * 8),
		    below(2) ? nasty() : DATA + below(0x40000));
		break;
	case 4:
		put((uint64_t *)&ring->desc[below(16)] + below(8), nasty());
		break;
	default:
		put(ring->index, below(2) ? nasty() : ring->write);
	}
}

static void random_packet(struct cmds *cmds)
{
	uint64_t va = DATA + below(0x40000) + (below(4) ? 0 : 0x400000);
	uint64_t *words;
	unsigned int n;

	switch (below(64)) {
	case 0 ... 9:
		cmds_fence(cmds, va & ~7ull, rnd());
		break;
	case 10 ... 15:
		cmds_timestamp(cmds, below(16) ? va & ~7ull : va);
		break;
	case 16 ... 29:
		/* one tile: those of overlapping operands race, as they may */
		cmds_copy(cmds, va, DATA + below(0x40000), (uint32_t)below(0x4000));
		break;
	case 30 ... 39:
		cmds_gemm(cmds, va & ~3ull, (DATA + below(0x40000)) & ~3ull, DATA,
			  (uint32_t)below(40));
		break;
	case 40:
		cmds_hang(cmds, below(2));
		break;
	case 41:
		/* noise in the shape of a packet */
		n = 2 + (unsigned int)below(40);
		words = cmds_add(cmds, (uint16_t)below(0x42), 8 * n);
		for (unsigned int i = 0; i < 6; i++)
			words[2 + below(n - 1) % (n - 2 ? n - 2 : 1)] = nasty();
		break;
	default:
		cmds_fill(cmds, va, (uint32_t)below(0x8000), (uint8_t)rnd());
	}
}

static void random_job(struct card *card)
{
	unsigned int r = 1 + (unsigned int)below(4), ctx = 1 + (unsigned int)below(3);
	struct card_ring *ring = &card->ring[r];
	struct loom_desc desc = { 0 };
	struct cmds cmds;

	/* a full ring is an error, but one that ends it all: not too often */
	if (ring->write - card_read64(card, LOOM_REG_RING(r) + LOOM_RING_READ) >= 16 && below(32))
		return;
	card_write32(card, LOOM_REG_CTX_START, ctx);
	if (card->ctx[ctx].cmd_next > CARD_CMD_SIZE / 2)
		card->ctx[ctx].cmd_next = 0;
	cmds = cmds_begin(card, ctx);
	for (uint64_t n = 1 + below(6); n; n--)
		random_packet(&cmds);
	desc.cmd_va = cmds.va;
	desc.cmd_size = cmds.size;
	desc.context = below(8) ? ctx : (uint32_t)below(10);
	desc.flags = (uint32_t)below(2);
	if (!below(16))
		((uint64_t *)&desc)[below(8)] = nasty();
	for (unsigned int i = 0; i < 8; i++)
		put((uint64_t *)&ring->desc[ring->write & 15] + i, ((uint64_t *)&desc)[i]);
	ring->write++;
	card_doorbell(card, r);
}

/* Let the card get somewhere, if it can. */
static void settle(struct card *card)
{
	for (unsigned int r = 1; r < 5; r++)
		for (unsigned int i = 0; i < 300; i++) {
			uint64_t read = card_read64(card, LOOM_REG_RING(r) + LOOM_RING_READ);

			if (read == card->ring[r].write)
				break;
			sched_yield();
		}
}

/* As a driver would that sees something wrong. */
static void set_up(struct card *card)
{
	if (below(2)) {
		loom_core_reset(card->core);
	} else {
		card_write32(card, LOOM_REG_CTRL, LOOM_CTRL_RESET);
		card_until32(card, LOOM_REG_STATUS, LOOM_STATUS_RESETTING, 0);
	}
	card_enable(card, card_read64(card, LOOM_REG_FEATURES));
	for (unsigned int r = 1; r < 5; r++)
		card_ring(card, r, 4, r % 3, below(4) ? 0 : nasty());
}

static void run(uint64_t seed, unsigned int steps)
{
	struct loom_core_config config = card_config();
	static struct card card;
	struct loom_cqe cqe;
	struct cmds cmds;
	uint8_t *guard;
	unsigned int bad = 0;

	state = seed * 0x9e3779b97f4a7c15ull + 1;
	config.threads = (unsigned int)below(3);
	config.spin_us = (unsigned int)below(2) * 20;
	config.scratch_max = below(2) ? 0 : 256 << 10;
	card_init(&card, &config);
	for (unsigned int i = 1; i < 4; i++) {
		card_context(&card, i, i, i, 1, (uint8_t)(i % 4));
		card_buffer(&card, i, DATA, 64 * 4096);
		for (unsigned int l = 0; l < 64; l++)
			leaf[i][l] = card_pte(&card, i, DATA + l * 4096, 0);
		for (unsigned int l = 0; l < 4; l++)
			large[i][l] = card_pte(&card, i, DATA + 0x400000 + l * 0x200000, 1);
	}
	if (below(2))
		card.host.grain = 4096u << below(3);
	set_up(&card);
	/* not handed out: no bus address that the test makes up is there */
	guard = card.host.mem + card.host.next;
	memset(guard, GUARD, 1 << 20);
	for (unsigned int i = 0; i < steps; i++) {
		unsigned int what = (unsigned int)below(1000);

		if (what < 700)
			random_job(&card);
		else if (what < 850)
			random_store(&card);
		else if (what < 900)
			random_access(&card);
		else if (what < 970)
			settle(&card);
		else if (what < 985)
			set_up(&card);
		else if (what < 990)
			card_write32(&card, LOOM_REG_RING(1 + below(4)) + LOOM_RING_CTRL,
				     LOOM_RING_CTRL_RESET);
		else {
			loom_core_quiesce(card.core);
			bad += atomic_load(&card.host.maps) != 0;
			loom_core_resume(card.core);
		}
	}
	done += card_read64(&card, LOOM_REG_CNT_DESCRIPTORS);
	packets += card_read64(&card, LOOM_REG_CNT_PACKETS);
	faults += card_read64(&card, LOOM_REG_CNT_FAULTS);
	for (unsigned int i = 0; i < 1 << 20; i++)
		bad += guard[i] != GUARD;
	loom_core_reset(card.core);
	bad += atomic_load(&card.host.maps) != 0;
	/* another address space, of memory that nobody could name */
	memset(guard, 0, 1 << 20);
	card.host.grain = 0;
	card_context(&card, 20, 20, 1, 1, LOOM_PRIORITY_NORMAL);
	card_linear(&card, 20, DATA, 4096);
	memset(card.ring, 0, sizeof(card.ring));
	card_enable(&card, 0);
	card_ring(&card, 5, 4, 0, 0);
	cmds = cmds_begin(&card, 20);
	cmds_fence(&cmds, DATA, seed);
	card_submit(&card, 5, &cmds, 0);
	card_wait(&card, 5, &cqe);
	bad += cqe_outcome(&cqe) != LOOM_OUTCOME_OK;
	bad += *(uint64_t *)card_at(&card, 20, DATA) != seed;
	card_exit(&card);
	tap_ok(!bad, "seed %llu, %u steps", (unsigned long long)seed, steps);
}

/* The guest changes commands as soon as they have been read, and the descriptor as it starts. */
static void read_once(unsigned int packets_in_job)
{
	struct loom_core_config config = card_config();
	unsigned int bad = 0;
	struct loom_cqe cqe;
	struct cmds cmds;
	struct card card;

	card_init(&card, &config);
	card_context(&card, 1, 1, 1, 1, LOOM_PRIORITY_NORMAL);
	card_linear(&card, 1, DATA, 0x10000);
	card_enable(&card, 0);
	card_ring(&card, 1, 4, 1, 0);
	cmds = cmds_begin(&card, 1);
	for (unsigned int i = 0; i < packets_in_job; i++)
		cmds_fence(&cmds, DATA + 8 * i, i + 1);
	card.host.spoil = card.ctx[1].cmd + (cmds.va - CARD_CMD_VA);
	card.host.spoil_len = cmds.size;
	card.host.spoil_desc = (uint8_t *)card.ring[1].desc;
	card_submit(&card, 1, &cmds, 0);
	card_wait(&card, 1, &cqe);
	bad += cqe_outcome(&cqe) != LOOM_OUTCOME_OK || cqe.cookie != 0xc00c1e00;
	for (unsigned int i = 0; i < packets_in_job; i++)
		bad += *(uint64_t *)card_at(&card, 1, DATA + 8 * i) != i + 1;
	bad += *card.host.spoil != 0xff || *card.host.spoil_desc != 0xff;
	card_exit(&card);
	tap_ok(!bad, "a descriptor and %u packets are read once", packets_in_job);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 0;
	unsigned int steps = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 0) : 4000;

	if (seed) {
		run(seed, steps);
		return tap_done();
	}
	read_once(1);
	read_once(3);
	read_once(1000);
	for (seed = 1; seed <= 8; seed++)
		run(seed, steps);
	printf("# %llu descriptors, %llu packets, %llu faults\n", (unsigned long long)done,
	       (unsigned long long)packets, (unsigned long long)faults);
	tap_ok(done > 1000 && packets > 1000 && faults > 100, "the card had something to do");
	return tap_done();
}
