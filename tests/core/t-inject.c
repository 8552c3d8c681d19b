// SPDX-License-Identifier: MIT
/* Injected faults: each happens once, as specified, and what helps against it helps. */
#include <string.h>

#include "card.h"
#include "tap.h"

#define DATA		0x20000000ull
#define LONG		0x40000000ull
#define LONG_SIZE	(2u << 20)

static uint64_t reg(unsigned int ring, unsigned int offset)
{
	return LOOM_REG_RING(ring) + offset;
}

static bool inject(struct card *card, const char *text)
{
	enum loom_inject what;
	unsigned int ring;

	return !loom_inject_parse(text, &what, &ring) && !loom_core_inject(card->core, what, ring);
}

static bool armed(struct card *card, const char *text)
{
	char now[256];

	loom_core_injected(card->core, now, sizeof(now));
	return !strcmp(now, text);
}

static struct cmds fence(struct card *card, unsigned int ctx, uint64_t value)
{
	struct cmds cmds = cmds_begin(card, ctx);

	cmds_fence(&cmds, DATA, value);
	return cmds;
}

static unsigned int job(struct card *card, unsigned int ring, unsigned int ctx)
{
	struct cmds cmds = fence(card, ctx, 7);
	struct loom_cqe cqe;

	card_submit(card, ring, &cmds, 0);
	card_wait(card, ring, &cqe);
	return cqe_outcome(&cqe);
}

/* The front end has seen every request up to now: an empty descriptor went through it. */
static void settle(struct card *card)
{
	job(card, 7, 7);
}

static bool running(struct card *card, unsigned int ring)
{
	return card_read32(card, reg(ring, LOOM_RING_STATUS)) & LOOM_RING_STATUS_RUNNING;
}

static void reset_ring(struct card *card, unsigned int ring)
{
	card_write32(card, reg(ring, LOOM_RING_CTRL), LOOM_RING_CTRL_RESET);
	card_until32(card, reg(ring, LOOM_RING_STATUS), LOOM_RING_STATUS_RESETTING, 0);
	card_ring_config(card, ring, ring, 0);
	memset(card->ring[ring].cqe, 0, sizeof(struct loom_cqe) << card->ring[ring].log2);
}

static void set_up(struct card *card, uint64_t features)
{
	card_enable(card, features);
	for (unsigned int r = 1; r < 8; r++) {
		card_ring(card, r, 4, r, 0);
		memset(card->ring[r].cqe, 0, sizeof(struct loom_cqe) << 4);
	}
}

static void test_names(struct card *card)
{
	static const char *const bad[] = {
		"", "hang", "hang:", "hang:ring=", "hang:ring=-1", "hang:ring=1 ", "hang:ring=64",
		"hang:rings=1", "hangs:ring=1", "han:ring=1", "dead:ring=0", "dead:", "none:ring=1",
		"HANG:ring=1", "ecc:ring=99999999999999999999",
	};
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (inject(card, bad[i])) {
			printf("# accepted: \"%s\"\n", bad[i]);
			wrong++;
		}
	tap_ok(!wrong, "what is no name, or of no ring, is refused");
	tap_ok(!inject(card, "hang:ring=8"), "so is a ring that the card has not");
	tap_ok(armed(card, ""), "nothing is armed by that");
	tap_ok(inject(card, "lost-irq:ring=3") && inject(card, "dma-error:ring=3") &&
	       inject(card, "lost-doorbell:ring=1") &&
	       armed(card, "lost-doorbell:ring=1 lost-irq:ring=3 dma-error:ring=3"),
	       "what is armed can be read");
	tap_ok(inject(card, "none") && armed(card, ""), "and disarmed");
}

static void test_register(struct card *card)
{
	card_write32(card, LOOM_REG_INJECT, 1 << 8 | LOOM_INJECT_LOST_IRQ);
	tap_ok(armed(card, ""), "INJECT is ignored without the feature");
	loom_core_reset(card->core);
	set_up(card, LOOM_FEATURE_DEBUG);
	card_write32(card, LOOM_REG_INJECT, 8 << 8 | LOOM_INJECT_LOST_IRQ);
	card_write32(card, LOOM_REG_INJECT, 1 << 8 | (LOOM_INJECT_ECC_CORRECTED + 1));
	card_write32(card, LOOM_REG_INJECT, 1 << 8 | LOOM_INJECT_DEAD);
	card_write32(card, LOOM_REG_INJECT, 1 << 8);
	tap_ok(armed(card, "") && card_read32(card, LOOM_REG_MAGIC) == LOOM_MAGIC,
	       "INJECT: so are unknown kinds and rings");
	card_write32(card, LOOM_REG_INJECT, 7 << 8 | LOOM_INJECT_LOST_IRQ);
	tap_ok(armed(card, "lost-irq:ring=7") && card_read32(card, LOOM_REG_INJECT) == 0,
	       "INJECT arms, and reads zero");
	card_write32(card, LOOM_REG_INJECT, LOOM_INJECT_NONE);
	tap_ok(armed(card, ""), "INJECT disarms");
}

/* On a job that comes, and on one that is under way. */
static void test_hang(struct card *card, bool under_way)
{
	const char *name = under_way ? "in execution" : "to come";
	struct cmds cmds = cmds_begin(card, 1);
	uint8_t *mem = card_at(card, 1, LONG);
	struct loom_cqe cqe;
	unsigned int bad = 0;
	uint64_t progress;

	for (unsigned int i = 0; i < 300; i++)
		cmds_fill(&cmds, LONG, LONG_SIZE, (uint8_t)(i % 255 + 1));
	if (!under_way) {
		tap_ok(inject(card, "hang:ring=1") && armed(card, "hang:ring=1"), "hang: armed");
		settle(card);
		tap_ok(armed(card, "hang:ring=1"), "hang: other rings do not use it up");
	}
	card_submit(card, 1, &cmds, LOOM_DESC_IRQ);
	while (!running(card, 1))
		;
	if (under_way)
		inject(card, "hang:ring=1");
	while (!armed(card, ""))
		;
	settle(card);
	progress = card_read64(card, reg(1, LOOM_RING_PROGRESS));
	memset(mem, 0xaa, LONG_SIZE);
	card_write32(card, LOOM_REG_CTX_STOP, 1);
	card_invalidate(card, 1, 0, 0);
	for (unsigned int i = 0; i < 100; i++)
		bad += job(card, 2, 2) != LOOM_OUTCOME_OK;
	tap_ok(!bad, "hang of a job %s: 100 jobs beside it", name);
	for (uint32_t i = 0; i < LONG_SIZE; i += 64)
		bad += mem[i] != 0xaa;
	tap_ok(!bad && running(card, 1) && !card_poll(card, 1, &cqe) &&
	       card_read64(card, reg(1, LOOM_RING_PROGRESS)) == progress,
	       "hang of a job %s: no progress, and stopping the context does not help", name);
	card_write32(card, reg(1, LOOM_RING_CTRL), LOOM_RING_CTRL_ENABLE | LOOM_RING_CTRL_HALT);
	card_until32(card, reg(1, LOOM_RING_STATUS), LOOM_RING_STATUS_HALTED, LOOM_RING_STATUS_HALTED);
	tap_ok(running(card, 1), "hang of a job %s: HALT takes effect", name);
	loom_core_quiesce(card->core);
	loom_core_resume(card->core);
	card_write32(card, reg(1, LOOM_RING_CTRL), LOOM_RING_CTRL_ENABLE);
	settle(card);
	tap_ok(running(card, 1) && !card_poll(card, 1, &cqe),
	       "hang of a job %s: neither ends it", name);
	reset_ring(card, 1);
	card_write32(card, LOOM_REG_CTX_START, 1);
	tap_ok(!running(card, 1) && job(card, 1, 1) == LOOM_OUTCOME_OK,
	       "hang of a job %s: a ring reset does", name);
}

static void test_hang_empty(struct card *card)
{
	inject(card, "hang:ring=1");
	card_queue(card, 1, &(struct loom_desc){ .context = 1 });
	card_doorbell(card, 1);
	while (!running(card, 1))
		;
	settle(card);
	tap_ok(running(card, 1), "hang: of a descriptor without commands, too");
	reset_ring(card, 1);
}

static void test_hang_device(struct card *card)
{
	struct cmds cmds = fence(card, 1, 9);
	uint32_t generation = card_read32(card, reg(1, LOOM_RING_GENERATION));
	unsigned int bad = 0;

	inject(card, "hang-device:ring=1");
	card_submit(card, 1, &cmds, 0);
	while (!running(card, 1))
		;
	card_write32(card, reg(1, LOOM_RING_CTRL), LOOM_RING_CTRL_RESET);
	/* a later kind does not soften it */
	inject(card, "hang:ring=1");
	for (unsigned int i = 0; i < 100; i++)
		bad += job(card, 2, 2) != LOOM_OUTCOME_OK;
	card_write32(card, reg(1, LOOM_RING_CTRL), LOOM_RING_CTRL_RESET);
	settle(card);
	tap_ok(!bad && card_read32(card, reg(1, LOOM_RING_STATUS)) & LOOM_RING_STATUS_RESETTING &&
	       card_read32(card, reg(1, LOOM_RING_GENERATION)) == generation,
	       "hang-device: the ring reset does not end, other rings go on");
	card_write32(card, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	card_until32(card, LOOM_REG_STATUS, LOOM_STATUS_RESETTING, 0);
	tap_ok(!card_read32(card, reg(1, LOOM_RING_STATUS)), "hang-device: a soft reset ends it");
	set_up(card, LOOM_FEATURE_DEBUG);
	tap_ok(job(card, 1, 1) == LOOM_OUTCOME_OK, "hang-device: the ring works again");

	inject(card, "lost-irq:ring=1");
	inject(card, "ecc:ring=2");
	loom_core_reset(card->core);
	tap_ok(armed(card, ""), "a device reset disarms");
	set_up(card, LOOM_FEATURE_DEBUG | LOOM_FEATURE_COALESCE);
}

static void test_lost_irq(struct card *card)
{
	struct cmds cmds = fence(card, 1, 5);
	unsigned long before = host_irqs(&card->host, 1);
	struct loom_cqe cqe;

	inject(card, "lost-irq:ring=1");
	job(card, 1, 1);
	tap_ok(armed(card, "lost-irq:ring=1"), "lost-irq: a completion without one does not count");
	card_submit(card, 1, &cmds, LOOM_DESC_IRQ);
	card_wait(card, 1, &cqe);
	settle(card);
	tap_ok(host_irqs(&card->host, 1) == before && cqe_outcome(&cqe) == LOOM_OUTCOME_OK &&
	       armed(card, ""), "lost-irq: the completion is there, the interrupt is not");
	card_submit(card, 1, &cmds, LOOM_DESC_IRQ);
	host_wait_irq(&card->host, 1, before + 1);
	card_wait(card, 1, &cqe);
	tap_ok(true, "lost-irq: the next comes");
	/* four are one interrupt: all of them go unannounced */
	card_write64(card, LOOM_REG_IRQ_COALESCE(1), 60000000ull << 32 | 4);
	inject(card, "lost-irq:ring=1");
	for (unsigned int i = 0; i < 8; i++) {
		card_submit(card, 1, &cmds, LOOM_DESC_IRQ);
		card_wait(card, 1, &cqe);
		settle(card);
		if (i == 3)
			tap_ok(host_irqs(&card->host, 1) == before + 1,
			       "lost-irq: a coalesced one, with all that it stood for");
	}
	host_wait_irq(&card->host, 1, before + 2);
	tap_ok(host_irqs(&card->host, 1) == before + 2, "lost-irq: and the next comes");
	card_write64(card, LOOM_REG_IRQ_COALESCE(1), 0);
}

static void test_lost_doorbell(struct card *card)
{
	struct cmds cmds = fence(card, 1, 5);
	struct loom_cqe cqe;

	settle(card);
	inject(card, "lost-doorbell:ring=1");
	card_submit(card, 1, &cmds, 0);
	settle(card);
	tap_ok(!card_poll(card, 1, &cqe) && armed(card, ""), "lost-doorbell: nobody comes");
	card_doorbell(card, 1);
	card_wait(card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_OK, "lost-doorbell: until it rings again");
}

static void test_dma_error(struct card *card)
{
	struct cmds cmds = cmds_begin(card, 1);
	const struct loom_fault *record;
	uint64_t write = card_read64(card, LOOM_REG_FAULT_WRITE);
	struct loom_cqe cqe;

	memset(card_at(card, 1, DATA), 0, 16);
	cmds_fence(&cmds, DATA, 0x77);
	inject(card, "dma-error:ring=1");
	card_submit(card, 1, &cmds, 0);
	card_wait(card, 1, &cqe);
	record = &card->faults[write & 31];
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_FAULT && cqe_fault(&cqe) == (uint32_t)write &&
	       record->code == LOOM_FAULT_BUS && record->va == DATA && record->context == 1 &&
	       record->access == LOOM_ACCESS_WRITE && record->level == 0 &&
	       record->pte == *card_pte(card, 1, DATA, 0) && record->ring == 1,
	       "dma-error: a bus fault with all that belongs to it");
	tap_ok(!*(uint64_t *)card_at(card, 1, DATA) && armed(card, ""), "dma-error: nothing is written");
	tap_ok(job(card, 1, 1) == LOOM_OUTCOME_CONTEXT_STOPPED, "dma-error: its context is stopped");
	card_write32(card, LOOM_REG_CTX_START, 1);
	tap_ok(job(card, 1, 1) == LOOM_OUTCOME_OK, "dma-error: once");
}

static void test_ecc(struct card *card)
{
	struct cmds cmds = cmds_begin(card, 1);
	uint64_t faults = card_read64(card, LOOM_REG_CNT_FAULTS), errors;
	struct loom_cqe cqe;

	loom_core_reset(card->core);
	set_up(card, LOOM_FEATURE_DEBUG | LOOM_FEATURE_RAS);
	errors = card_read64(card, LOOM_REG_CNT_ECC_UNCORRECTED);
	inject(card, "ecc:ring=1");
	tap_ok(job(card, 2, 2) == LOOM_OUTCOME_OK && job(card, 1, 1) == LOOM_OUTCOME_HW_ERROR &&
	       job(card, 1, 1) == LOOM_OUTCOME_OK, "ecc: of a job to come, once");
	for (unsigned int i = 0; i < 300; i++)
		cmds_fill(&cmds, LONG, LONG_SIZE, (uint8_t)i);
	cmds_hang(&cmds, true);
	card_submit(card, 1, &cmds, 0);
	while (!running(card, 1))
		;
	inject(card, "ecc:ring=1");
	card_wait(card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_HW_ERROR && cqe_fault(&cqe) == UINT32_MAX &&
	       card_read64(card, LOOM_REG_CNT_FAULTS) == faults, "ecc: of one in execution");
	inject(card, "ecc:ring=1");
	card_queue(card, 1, &(struct loom_desc){ .context = 1 });
	card_doorbell(card, 1);
	card_wait(card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_HW_ERROR, "ecc: of one without commands");
	tap_ok(card_read64(card, LOOM_REG_CNT_ECC_UNCORRECTED) == errors + 3 &&
	       !card_read64(card, LOOM_REG_CNT_ECC_CORRECTED), "ecc: each was counted");
	inject(card, "ecc-corrected:ring=1");
	tap_ok(job(card, 1, 1) == LOOM_OUTCOME_OK && armed(card, ""),
	       "ecc-corrected: the job does not notice");
	tap_ok(card_read64(card, LOOM_REG_CNT_ECC_UNCORRECTED) == errors + 3 &&
	       card_read64(card, LOOM_REG_CNT_ECC_CORRECTED) == 1, "ecc-corrected: it was counted");
	loom_core_reset(card->core);
	set_up(card, LOOM_FEATURE_DEBUG);
	tap_ok(!card_read64(card, LOOM_REG_CNT_ECC_UNCORRECTED) &&
	       !card_read64(card, LOOM_REG_CNT_ECC_CORRECTED),
	       "ecc: what is not acknowledged shows nothing");
}

static void test_dead(struct card *card)
{
	struct cmds cmds = cmds_begin(card, 1), next = fence(card, 2, 3);
	uint64_t *word = card_at(card, 2, DATA);
	unsigned int bad = 0;
	struct loom_cqe cqe;

	for (unsigned int i = 0; i < 100; i++)
		cmds_fill(&cmds, LONG, LONG_SIZE, (uint8_t)i);
	card_submit(card, 1, &cmds, LOOM_DESC_IRQ);
	while (!running(card, 1))
		;
	inject(card, "dead");
	/* quiesce waits for the engines: afterwards nothing may happen */
	loom_core_quiesce(card->core);
	loom_core_resume(card->core);
	atomic_store(&card->host.silent, true);
	for (uint64_t at = 0; at < 0x20000; at += 8)
		bad += card_read64(card, at) != UINT64_MAX || card_read32(card, at) != UINT32_MAX;
	tap_ok(!bad && card_read32(card, LOOM_DOORBELL(3)) == UINT32_MAX && armed(card, "dead"),
	       "dead: all ones");
	*word = 0;
	card_submit(card, 2, &next, LOOM_DESC_IRQ);
	card_write32(card, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	card_write64(card, LOOM_REG_CTX_BASE, 0);
	atomic_store(&card->host.silent, false);
	tap_ok(!*word && !atomic_load(&card->host.late), "dead: nothing runs, nobody is interrupted");
	inject(card, "none");
	card_wait(card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_OK && card_read64(card, LOOM_REG_CTX_BASE),
	       "dead: undone, the work goes on where it was");
	card_wait(card, 2, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_OK && *word == 3, "dead: and on other rings");
	/* so short that the card may not even have noticed */
	for (unsigned int i = 0; i < 300; i++) {
		inject(card, "dead");
		card_submit(card, 2, &next, 0);
		inject(card, "none");
		card_wait(card, 2, &cqe);
		bad += cqe_outcome(&cqe) != LOOM_OUTCOME_OK;
	}
	tap_ok(!bad, "dead: for a moment, and no doorbell is missed");
	inject(card, "dead");
	loom_core_reset(card->core);
	tap_ok(card_read32(card, LOOM_REG_MAGIC) == LOOM_MAGIC && armed(card, ""),
	       "dead: a reset from outside ends it");
	set_up(card, LOOM_FEATURE_DEBUG);
	tap_ok(job(card, 1, 1) == LOOM_OUTCOME_OK, "dead: and the card works");
}

int main(void)
{
	struct loom_core_config config = card_config();
	static struct card card;

	card_init(&card, &config);
	for (unsigned int i = 1; i < 8; i++) {
		card_context(&card, i, i, i, 1, LOOM_PRIORITY_NORMAL);
		card_buffer(&card, i, DATA, 4096);
	}
	card_linear(&card, 1, LONG, LONG_SIZE);
	set_up(&card, 0);
	test_names(&card);
	test_register(&card);
	test_hang(&card, false);
	test_hang(&card, true);
	test_hang_empty(&card);
	test_hang_device(&card);
	test_lost_irq(&card);
	test_lost_doorbell(&card);
	test_dma_error(&card);
	test_ecc(&card);
	test_dead(&card);
	card_exit(&card);
	return tap_done();
}
