// SPDX-License-Identifier: MIT
/* Hangs, HALT, ENABLE, and all resets: of a ring, of the device, by the host. */
#include <string.h>

#include "card.h"
#include "tap.h"

#define DATA	0x20000000ull
#define LONG	0x40000000ull
#define LONG_SIZE	(2u << 20)

static uint64_t reg(unsigned int ring, unsigned int offset)
{
	return LOOM_REG_RING(ring) + offset;
}

static void until_running(struct card *card, unsigned int ring)
{
	card_until32(card, reg(ring, LOOM_RING_STATUS), LOOM_RING_STATUS_RUNNING,
		     LOOM_RING_STATUS_RUNNING);
}

static void reset_ring(struct card *card, unsigned int ring)
{
	card_write32(card, reg(ring, LOOM_RING_CTRL), LOOM_RING_CTRL_RESET);
	card_until32(card, reg(ring, LOOM_RING_STATUS), LOOM_RING_STATUS_RESETTING, 0);
}

static unsigned int nop(struct card *card, unsigned int ring, unsigned int ctx)
{
	struct cmds cmds = cmds_begin(card, ctx);
	struct loom_cqe cqe;

	cmds_fence(&cmds, DATA, 7);
	card_submit(card, ring, &cmds, 0);
	card_wait(card, ring, &cqe);
	return cqe_outcome(&cqe);
}

/* A job that takes long, or, if it is not @finite, for ever. */
static struct cmds long_job(struct card *card, bool finite)
{
	struct cmds cmds = cmds_begin(card, 1);

	for (unsigned int i = 0; i < 400; i++)
		cmds_fill(&cmds, LONG, LONG_SIZE, (uint8_t)(i + 1));
	if (!finite)
		cmds_hang(&cmds, true);
	return cmds;
}

static void test_hang(struct card *card)
{
	struct cmds hang = cmds_begin(card, 1), busy;
	uint64_t progress, now;
	struct loom_cqe cqe;

	cmds_add(&hang, LOOM_OP_NOP, 16);
	cmds_hang(&hang, false);
	busy = cmds_begin(card, 2);
	cmds_hang(&busy, true);
	card_submit(card, 1, &hang, 0);
	card_submit(card, 2, &busy, 0);
	until_running(card, 1);
	until_running(card, 2);
	while (card_read32(card, reg(1, LOOM_RING_CURRENT_PACKET)) != 16)
		;
	tap_ok(card_read64(card, reg(1, LOOM_RING_CURRENT_INDEX)) == 0 &&
	       card_read32(card, reg(1, LOOM_RING_CURRENT_CONTEXT)) == 1, "a job hangs");
	for (unsigned int i = 0; i < 100; i++)
		if (nop(card, 3, 3))
			tap_ok(false, "job %u beside it", i);
	tap_ok(true, "100 jobs beside two that hang");
	progress = card_read64(card, reg(1, LOOM_RING_PROGRESS));
	now = card_read64(card, reg(2, LOOM_RING_PROGRESS));
	while (card_read64(card, reg(2, LOOM_RING_PROGRESS)) == now)
		;
	tap_ok(card_read64(card, reg(1, LOOM_RING_PROGRESS)) == progress,
	       "progress of the busy one moves, of the other not");
	card_invalidate(card, 1, 0, 0);
	card_invalidate(card, 2, 0, 0);
	tap_ok(true, "invalidations end");

	card_submit(card, 1, &hang, 0);
	reset_ring(card, 1);
	tap_ok(card_read32(card, reg(1, LOOM_RING_STATUS)) == 0 &&
	       card_read32(card, reg(1, LOOM_RING_CTRL)) == 0 &&
	       card_read32(card, reg(1, LOOM_RING_GENERATION)) == 1 &&
	       card_read64(card, reg(1, LOOM_RING_READ)) == 0 &&
	       card_read64(card, reg(1, LOOM_RING_CURRENT_INDEX)) == 0,
	       "reset: disabled, generation 1, READ at the job that hung");
	tap_ok(!card_poll(card, 1, &cqe), "without a completion");
	/* replay what never started, after the guilty one */
	card_ring_config(card, 1, 1, 1);
	tap_ok(nop(card, 1, 1) == LOOM_OUTCOME_OK, "the ring works again, from index 1");
	card_write32(card, LOOM_REG_CTX_STOP, 2);
	card_wait(card, 2, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_ABORTED, "the other is stopped with its context");
	tap_ok(nop(card, 2, 2) == LOOM_OUTCOME_CONTEXT_STOPPED, "and its next does not start");
	card_write32(card, LOOM_REG_CTX_START, 2);
	tap_ok(nop(card, 2, 2) == LOOM_OUTCOME_OK, "until the context is started");
	tap_ok(card_read64(card, LOOM_REG_CNT_RESETS) == 1, "one reset was counted");
}

static void test_reset_idle(struct card *card)
{
	struct loom_cqe cqe;

	reset_ring(card, 4);
	tap_ok(card_read32(card, reg(4, LOOM_RING_GENERATION)) == 1, "reset of an unused ring");
	card_ring(card, 4, 4, 1, 0);
	for (unsigned int i = 0; i < 20; i++)
		nop(card, 4, 1);
	reset_ring(card, 4);
	tap_ok(card_read64(card, reg(4, LOOM_RING_READ)) == 20 &&
	       card_read64(card, reg(4, LOOM_RING_CQ_WRITE)) == 20, "of an idle one: READ stays");
	card_ring_config(card, 4, 1, 20);
	nop(card, 4, 1);
	card->ring[4].seen--;
	card_poll(card, 4, &cqe);
	tap_ok(cqe.index == 20 && (cqe.control >> LOOM_CQE_GENERATION_SHIFT & 0xffff) == 2,
	       "and its completions carry the generation");
}

static void test_reset_running(struct card *card)
{
	uint8_t *mem = card_at(card, 1, LONG);
	struct cmds cmds = long_job(card, false);
	unsigned int bad = 0;
	struct loom_cqe cqe;
	uint64_t start;

	start = card->ring[1].write;
	card_submit(card, 1, &cmds, LOOM_DESC_IRQ);
	until_running(card, 1);
	reset_ring(card, 1);
	memset(mem, 0xaa, LONG_SIZE);
	tap_ok(card_read64(card, reg(1, LOOM_RING_READ)) == start, "a long job is dropped");
	card_ring_config(card, 1, 1, start);
	tap_ok(nop(card, 1, 1) == LOOM_OUTCOME_OK, "its ring goes on");
	for (uint32_t i = 0; i < LONG_SIZE; i += 64)
		bad += mem[i] != 0xaa;
	tap_ok(!bad, "its memory did not change any more");
	tap_ok(!card_poll(card, 1, &cqe), "and it has no completion");
}

static void test_halt(struct card *card)
{
	struct cmds cmds = long_job(card, true);
	uint64_t progress, index;
	uint8_t *mem = card_at(card, 1, LONG);
	struct loom_cqe cqe;
	unsigned int bad = 0;

	/* a job that is over before HALT comes is no use: again */
	for (;;) {
		index = card_submit(card, 1, &cmds, 0);
		card_write32(card, reg(1, LOOM_RING_CTRL), LOOM_RING_CTRL_ENABLE);
		while (!(card_read32(card, reg(1, LOOM_RING_STATUS)) & LOOM_RING_STATUS_RUNNING) &&
		       card_read64(card, reg(1, LOOM_RING_READ)) == index)
			;
		card_write32(card, reg(1, LOOM_RING_CTRL),
			     LOOM_RING_CTRL_ENABLE | LOOM_RING_CTRL_HALT);
		card_until32(card, reg(1, LOOM_RING_STATUS), LOOM_RING_STATUS_HALTED,
			     LOOM_RING_STATUS_HALTED);
		if (card_read32(card, reg(1, LOOM_RING_STATUS)) & LOOM_RING_STATUS_RUNNING)
			break;
		card_wait(card, 1, &cqe);
	}
	progress = card_read64(card, reg(1, LOOM_RING_PROGRESS));
	memset(mem, 0xaa, LONG_SIZE);
	tap_ok(nop(card, 3, 3) == LOOM_OUTCOME_OK, "others work while a ring is halted");
	for (uint32_t i = 0; i < LONG_SIZE; i += 64)
		bad += mem[i] != 0xaa;
	tap_ok(!bad && card_read64(card, reg(1, LOOM_RING_PROGRESS)) == progress &&
	       card_read32(card, reg(1, LOOM_RING_STATUS)) & LOOM_RING_STATUS_RUNNING,
	       "what is in execution stands still");
	/* the same through ENABLE */
	card_write32(card, reg(1, LOOM_RING_CTRL), 0);
	card_until32(card, reg(1, LOOM_RING_STATUS), LOOM_RING_STATUS_ENABLED, 0);
	tap_ok(card_read64(card, reg(1, LOOM_RING_READ)) == index, "ENABLE can be cleared as well");
	card_write32(card, reg(1, LOOM_RING_CTRL), LOOM_RING_CTRL_ENABLE);
	card_wait(card, 1, &cqe);
	bad = 0;
	for (uint32_t i = 0; i < LONG_SIZE; i++)
		bad += mem[i] != (uint8_t)400;
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_OK && cqe.index == index && !bad,
	       "and set again: the job ends as if nothing had been");
}

static void test_stop_running(struct card *card)
{
	struct cmds cmds = long_job(card, false);
	struct loom_cqe cqe;

	card_submit(card, 1, &cmds, 0);
	card_submit(card, 1, &cmds, 0);
	until_running(card, 1);
	card_write32(card, LOOM_REG_CTX_STOP, 1);
	card_wait(card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_ABORTED, "a stop aborts");
	card_wait(card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_CONTEXT_STOPPED, "what follows does not start");
	card_write32(card, LOOM_REG_CTX_START, 1);
	card_write32(card, LOOM_REG_CTX_STOP, 1);
	card_write32(card, LOOM_REG_CTX_START, 1);
	tap_ok(nop(card, 1, 1) == LOOM_OUTCOME_OK, "stop and start between jobs");
}

static void after_reset(struct card *card)
{
	tap_ok(card_read32(card, LOOM_REG_STATUS) == 0 && card_read32(card, LOOM_REG_CTRL) == 0 &&
	       card_read64(card, LOOM_REG_CTX_BASE) == 0 &&
	       card_read64(card, LOOM_REG_FEATURES_ACK) == 0 &&
	       card_read64(card, LOOM_REG_FAULT_WRITE) == 0 &&
	       card_read64(card, LOOM_REG_INV_ISSUED) == 0 &&
	       card_read64(card, reg(1, LOOM_RING_BASE)) == 0 &&
	       card_read32(card, reg(1, LOOM_RING_CONTEXT)) == LOOM_RING_CONTEXT_ANY &&
	       card_read32(card, reg(1, LOOM_RING_STATUS)) == 0, "registers are as after power-on");
	tap_ok(card_read64(card, LOOM_REG_CNT_DESCRIPTORS) > 0, "counters are not");
	tap_ok(atomic_load(&card->host.maps) == 0, "nothing is mapped");
}

static void set_up(struct card *card)
{
	card_enable(card, LOOM_FEATURE_DEBUG | LOOM_FEATURE_COALESCE);
	for (unsigned int i = 1; i < 4; i++) {
		card_ring(card, i, 4, 1, 0);
		memset(card->ring[i].cqe, 0, sizeof(struct loom_cqe) << 4);
	}
}

static void test_device_reset(struct card *card, bool soft)
{
	uint32_t generation = card_read32(card, LOOM_REG_GENERATION);
	uint32_t ring_generation = card_read32(card, reg(2, LOOM_RING_GENERATION));
	struct cmds cmds = long_job(card, false), hang = cmds_begin(card, 2);
	uint8_t *mem = card_at(card, 1, LONG);
	unsigned int bad = 0;

	cmds_hang(&hang, true);
	card_write64(card, LOOM_REG_IRQ_COALESCE(1), 1000ull << 32);
	nop(card, 3, 3);
	card_submit(card, 3, &(struct cmds){ .ctx = 3 }, LOOM_DESC_IRQ);
	card_submit(card, 1, &cmds, LOOM_DESC_IRQ);
	card_submit(card, 2, &hang, LOOM_DESC_IRQ);
	until_running(card, 1);
	until_running(card, 2);
	if (soft) {
		card_write32(card, LOOM_REG_CTRL, LOOM_CTRL_RESET | LOOM_CTRL_ENABLE);
		card_until32(card, LOOM_REG_STATUS, LOOM_STATUS_RESETTING, 0);
	} else {
		loom_core_reset(card->core);
	}
	atomic_store(&card->host.silent, true);
	memset(mem, 0xaa, LONG_SIZE);
	after_reset(card);
	tap_ok(card_read32(card, LOOM_REG_GENERATION) == generation + 1 &&
	       card_read32(card, reg(2, LOOM_RING_GENERATION)) == ring_generation + 1,
	       "generations go on");
	loom_core_doorbell(card->core, 1);
	for (uint32_t i = 0; i < LONG_SIZE; i += 64)
		bad += mem[i] != 0xaa;
	tap_ok(!bad && !atomic_load(&card->host.late), "no access, no interrupt afterwards");
	atomic_store(&card->host.silent, false);
	set_up(card);
	tap_ok(nop(card, 1, 1) == LOOM_OUTCOME_OK && nop(card, 2, 2) == LOOM_OUTCOME_OK,
	       "the card works again");
}

/* When RESETTING is gone all is reset: a driver reads without the card's leave. */
static void test_device_reset_whole(struct card *card)
{
	uint64_t last = reg(card->rings - 1, LOOM_RING_VECTOR);
	unsigned int bad = 0;

	for (unsigned int i = 0; i < 5000; i++) {
		uint32_t generation = card_read32(card, LOOM_REG_GENERATION);

		card_write32(card, last, 1);
		bad += card_read32(card, last) != 1;
		card_write32(card, LOOM_REG_CTRL, LOOM_CTRL_RESET);
		while (card_read32(card, LOOM_REG_STATUS) & LOOM_STATUS_RESETTING)
			;
		bad += card_read32(card, LOOM_REG_GENERATION) != generation + 1;
		bad += card_read32(card, last) != 0;
	}
	tap_ok(!bad, "device reset: it is whole when RESETTING is gone");
}

int main(void)
{
	struct loom_core_config config = card_config();
	static struct card card;

	card_init(&card, &config);
	for (unsigned int i = 1; i < 4; i++) {
		card_context(&card, i, i, i, 1, LOOM_PRIORITY_NORMAL);
		card_linear(&card, i, DATA, 4096);
	}
	card_linear(&card, 1, LONG, LONG_SIZE);
	set_up(&card);
	test_hang(&card);
	test_reset_idle(&card);
	test_reset_running(&card);
	test_halt(&card);
	test_stop_running(&card);
	test_device_reset(&card, true);
	test_device_reset(&card, false);
	test_device_reset_whole(&card);
	card_exit(&card);
	return tap_done();
}
