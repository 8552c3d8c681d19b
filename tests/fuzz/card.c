// SPDX-License-Identifier: MIT
/*
 * One card for all inputs of a process. Its construction costs far more than an
 * input; what makes it as new is the reset that is tested on the way.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define RESET_POINTS	256

struct loom_core *card;

static uint64_t power_on[R_COUNT], ring_power_on[RR_COUNT];

void fuzz_die(const char *format, ...)
{
	va_list args;

	fputs("finding: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static void dismantle(void)
{
	loom_core_destroy(card);
	card = NULL;
}

void card_build(void (*setup)(void))
{
	struct loom_core_config config = {
		.rings = FUZZ_RINGS,
		.contexts = FUZZ_CONTEXTS,
		.vectors = FUZZ_VECTORS,
		.local_size = GUEST_LOCAL,
		.scratch_max = 256 << 10,
		.debug = true,
		.serial = "FUZZ",
	};
	const char *why;
	int ret;

	guest_init();
	setup();
	guest_seal();
	config.local = guest.local;
	ret = loom_core_create(&config, &guest_ops, NULL, &card, &why);
	fuzz_check(!ret, "no card: %s", why);
	atexit(dismantle);
	fiber_run(RESET_POINTS);
	for (unsigned int i = 0; i < R_COUNT; i++)
		power_on[i] = reg_get(&card->regs[i]);
	for (unsigned int i = 0; i < RR_COUNT; i++)
		ring_power_on[i] = reg_get(&card->rings[0].regs[i]);
}

void card_write32(uint64_t reg, uint32_t value)
{
	loom_core_mmio_write(card, reg, value, 4);
}

void card_write64(uint64_t reg, uint64_t value)
{
	loom_core_mmio_write(card, reg, value, 8);
}

uint64_t card_read(uint64_t reg, unsigned int size)
{
	return loom_core_mmio_read(card, reg, size);
}

void card_enable(uint64_t features)
{
	card_write64(LOOM_REG_FEATURES_ACK, features);
	card_write64(LOOM_REG_CTX_BASE, CARD_CTX);
	card_write32(LOOM_REG_CTX_COUNT, FUZZ_CONTEXTS);
	card_write64(LOOM_REG_FAULT_BASE, CARD_FAULTS);
	card_write32(LOOM_REG_FAULT_LOG2, CARD_FAULT_LOG2);
	card_write64(LOOM_REG_IRQ_ENABLE, ~0ull);
	card_write32(LOOM_REG_CTRL, LOOM_CTRL_ENABLE);
}

void card_ring_enable(unsigned int ring, unsigned int log2, uint64_t desc, uint64_t cqe,
		      uint64_t index)
{
	uint64_t regs = LOOM_REG_RING(ring);

	card_write64(regs + LOOM_RING_BASE, desc);
	card_write64(regs + LOOM_RING_CQ_BASE, cqe);
	card_write64(regs + LOOM_RING_WRITE_ADDR, index);
	card_write64(regs + LOOM_RING_READ, 0);
	card_write32(regs + LOOM_RING_LOG2, log2);
	card_write32(regs + LOOM_RING_CQ_LOG2, log2);
	card_write32(regs + LOOM_RING_CONTEXT, LOOM_RING_CONTEXT_ANY);
	card_write32(regs + LOOM_RING_VECTOR, ring % FUZZ_VECTORS);
	card_write32(regs + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE);
}

void card_quiesce(void)
{
	loom_core_quiesce(card);
	fuzz_check(!guest.maps, "%u maps are left when the card is quiesced", guest.maps);
}

void card_resume(void)
{
	loom_core_resume(card);
}

static void check_ring(struct loom_ring *ring)
{
	uint64_t status = reg_get(&ring->regs[RR_STATUS]), ctrl = reg_get(&ring->regs[RR_CTRL]);
	uint64_t at = reg_get(&ring->regs[RR_WRITE_ADDR]);

	if (!(status & LOOM_RING_STATUS_ENABLED) || status & LOOM_RING_STATUS_ERROR)
		return;
	if (!(ctrl & LOOM_RING_CTRL_ENABLE) || ctrl & LOOM_RING_CTRL_HALT)
		return;
	if (ring->job.phase == JOB_HANG)
		return;
	fuzz_check(at >= GUEST_BUS && at + 8 <= PAGE(GUEST_PAGES),
		   "ring %u runs without an index", ring->id);
	fuzz_check(reg_get(&ring->regs[RR_READ]) == guest_load(at),
		   "ring %u stands still at %llu of %llu", ring->id,
		   (unsigned long long)reg_get(&ring->regs[RR_READ]),
		   (unsigned long long)guest_load(at));
	fuzz_check(!(status & LOOM_RING_STATUS_RUNNING), "ring %u runs nothing", ring->id);
	fuzz_check(reg_get(&ring->regs[RR_CQ_WRITE]) == reg_get(&ring->regs[RR_READ]),
		   "ring %u has lost a completion", ring->id);
}

enum fiber_state card_settle(uint64_t points)
{
	uint64_t before;

	/* a doorbell that gets lost would leave something undone */
	loom_core_inject(card, LOOM_INJECT_NONE, 0);
	while (atomic_load(&card->quiesce))
		card_resume();
	do {
		before = reg_get(&card->regs[R_CNT_DESCRIPTORS]);
		for (unsigned int i = 0; i < FUZZ_RINGS; i++)
			card_write32(LOOM_DOORBELL(i), 0);
		if (fiber_run(points) == FIBER_BUSY)
			return FIBER_BUSY;
		/* a ring may have written the index of another */
	} while (reg_get(&card->regs[R_CNT_DESCRIPTORS]) != before);
	fuzz_check(!(reg_get(&card->regs[R_STATUS]) & LOOM_STATUS_RESETTING),
		   "the card sleeps before it has carried out a reset");
	fuzz_check(reg_get(&card->regs[R_INV_DONE]) == reg_get(&card->regs[R_INV_ISSUED]),
		   "the card sleeps before it has carried out an invalidation");
	if (reg_get(&card->regs[R_STATUS]) & LOOM_STATUS_ENABLED)
		for (unsigned int i = 0; i < FUZZ_RINGS; i++)
			check_ring(&card->rings[i]);
	return FIBER_IDLE;
}

static void reset_rings(void)
{
	enum fiber_state state;

	for (unsigned int i = 0; i < FUZZ_RINGS; i++)
		card_write32(LOOM_REG_RING(i) + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET);
	state = fiber_run(RESET_POINTS);
	for (unsigned int i = 0; i < FUZZ_RINGS; i++) {
		struct loom_ring *ring = &card->rings[i];

		fuzz_check(state == FIBER_IDLE || !reg_get(&ring->regs[RR_STATUS]),
			   "ring %u is not reset within %d points", i, RESET_POINTS);
		fuzz_check(!reg_get(&ring->regs[RR_STATUS]) && ring->job.phase == JOB_NONE &&
			   !ring->live, "ring %u is not reset", i);
	}
}

/* Whatever came before, a card and a ring that were reset take work. */
static void probe(unsigned int ring)
{
	struct loom_ctx_entry entry = { .root = PAGE(60), .flags = LOOM_CTX_VALID, .weight = 1 };
	uint64_t desc[sizeof(struct loom_desc) / 8] = { 0 };
	struct loom_cqe cqe;

	desc[2] = 0xc00c1e;
	guest.grain = 0;
	guest.writable[61] = true;
	guest_write(PAGE(60), desc, sizeof(desc));
	guest_store(PAGE(62), 1);
	guest_write(PAGE(63), &entry, sizeof(entry));
	memset(&cqe, 0, sizeof(cqe));
	guest_write(PAGE(61), &cqe, sizeof(cqe));
	card_write32(LOOM_REG_CTRL, 0);
	fiber_run(RESET_POINTS);
	card_enable(0);
	card_write64(LOOM_REG_CTX_BASE, PAGE(63));
	card_write32(LOOM_REG_CTX_START, 0);
	card_ring_enable(ring, 4, PAGE(60), PAGE(61), PAGE(62));
	card_write32(LOOM_DOORBELL(ring), 0);
	fuzz_check(fiber_run(RESET_POINTS) == FIBER_IDLE, "an empty job takes long");
	guest_read(PAGE(61), &cqe, sizeof(cqe));
	fuzz_check(cqe.cookie == 0xc00c1e && !cqe.index && cqe.control & LOOM_CQE_PHASE &&
		   (cqe.control >> LOOM_CQE_OUTCOME_SHIFT & LOOM_CQE_OUTCOME_MASK) ==
		   LOOM_OUTCOME_OK, "ring %u does not work after a reset: control %llx", ring,
		   (unsigned long long)cqe.control);
}

static void check_clean_ring(struct loom_ring *ring)
{
	for (unsigned int i = 0; i < RR_COUNT; i++) {
		if (i != RR_GENERATION && i != RR_CNT_BUSY_NS && i != RR_CNT_DESCRIPTORS)
			fuzz_check(reg_get(&ring->regs[i]) == ring_power_on[i],
				   "%s is not reset", loom_ring_regs[i].name);
		fuzz_check(!ring->latched[i], "half of %s is left", loom_ring_regs[i].name);
	}
	fuzz_check(atomic_load(&ring->poke) == POKE_PAUSE, "poke is %x",
		   atomic_load(&ring->poke));
	fuzz_check(!ring->claim.active && !ring->claim.holds && !ring->claim.drop,
		   "a claim is left");
	fuzz_check(ring->job.phase == JOB_NONE && !ring->live && !ring->halted &&
		   !ring->job.holds && !ring->job.reserved && !ring->job.shared &&
		   !ring->desc_window.mapped && !ring->index_window.mapped &&
		   !reg_get(&ring->hang_since), "something of a job is left");
	for (unsigned int i = 0; i < LOOM_OPERANDS_MAX; i++)
		fuzz_check(!ring->job.spans[i].nmaps && !ring->job.spans[i].block &&
			   !ring->job.spans[i].size, "an operand is left");
}

static void check_clean(void)
{
	for (unsigned int i = 0; i < R_COUNT; i++) {
		if (i < R_CNT_DESCRIPTORS && i != R_GENERATION)
			fuzz_check(reg_get(&card->regs[i]) == power_on[i], "%s is not reset",
				   loom_device_regs[i].name);
		fuzz_check(!card->latched[i], "half of %s is left", loom_device_regs[i].name);
	}
	for (unsigned int i = 0; i < FUZZ_VECTORS; i++)
		fuzz_check(!reg_get(&card->coalesce[i]) && !card->vectors[i].pending &&
			   !card->vectors[i].deadline, "something of vector %u is left", i);
	for (unsigned int i = 0; i < FUZZ_RINGS; i++)
		check_clean_ring(&card->rings[i]);
	fuzz_check(!guest.maps, "%u maps are left", guest.maps);
	fuzz_check(!card->tlb_used && !card->ready && !card->starved && !card->packets.used &&
		   !card->stopped[0] && !atomic_load(&card->doorbells) && !card->timers &&
		   !card->ctx_window.mapped, "a reset does not clean up");
	for (unsigned int i = 0; i < TLB_SETS * TLB_WAYS; i += 97)
		fuzz_check(!(&card->tlb[0][0] + i)->pte, "a translation is left");
}

/* What a reset keeps on purpose, so that an input finds what the first one found. */
static void forget(void)
{
	for (unsigned int i = 0; i < R_COUNT; i++)
		reg_set(&card->regs[i], power_on[i]);
	for (unsigned int i = 0; i < FUZZ_RINGS; i++) {
		struct loom_ring *ring = &card->rings[i];

		for (unsigned int j = 0; j < RR_COUNT; j++)
			reg_set(&ring->regs[j], ring_power_on[j]);
		free(ring->job.cmd_big);
		ring->job.cmd_big = NULL;
		ring->job.cmd_cap = 0;
	}
	free(card->shared_cache);
	card->shared_cache = NULL;
	card->shared_cache_size = 0;
	memset(card->arbiter.clients, 0, sizeof(card->arbiter.clients));
	memset(card->arbiter.contexts, 0, FUZZ_CONTEXTS * sizeof(*card->arbiter.contexts));
	card->arbiter.client = 0;
	card->arbiter.context = 0;
	card->arbiter.ring = 0;
	card->arbiter.victim = 0;
	card->tlb_victim = 0;
	fiber_rewind();
}

/* What only a device reset helps would make the rings' resets wait for ever. */
static void undo_injected(void)
{
	bool stuck = false;

	loom_core_inject(card, LOOM_INJECT_NONE, 0);
	for (unsigned int i = 0; i < FUZZ_RINGS; i++)
		stuck |= card->rings[i].job.stuck == LOOM_INJECT_HANG_DEVICE;
	if (stuck)
		loom_core_reset(card);
}

void card_end(void)
{
	undo_injected();
	while (atomic_load(&card->quiesce))
		card_resume();
	/* a reset of the card that was asked for comes first */
	for (unsigned int i = 0; i < 4 && card->reset_asked != card->reset_done; i++)
		fiber_run(RESET_POINTS);
	fuzz_check(card->reset_asked == card->reset_done, "the card is not reset");
	reset_rings();
	/* any of them, and the same every time */
	probe((unsigned int)(fiber_now() / 1000 % FUZZ_RINGS));
	loom_core_reset(card);
	guest.silent = true;
	fuzz_check(fiber_run(RESET_POINTS) == FIBER_IDLE, "the card works after a reset");
	guest.silent = false;
	check_clean();
	forget();
	guest_restore();
}
