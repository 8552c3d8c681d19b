// SPDX-License-Identifier: MIT
/* Rings end to end: jobs, order, completions, interrupts, errors. */
#include <string.h>

#include "card.h"
#include "tap.h"

#define DATA	0x10000000ull

static void test_first_jobs(struct card *card)
{
	uint64_t *word = card_linear(card, 1, DATA, 0x2000);
	uint8_t *bytes = (uint8_t *)word;
	struct cmds cmds = cmds_begin(card, 1);
	struct loom_cqe cqe;

	cmds_add(&cmds, LOOM_OP_NOP, 16);
	cmds_fill(&cmds, DATA + 0x1000, 100, 0x5a);
	cmds_timestamp(&cmds, DATA + 8);
	cmds_fence(&cmds, DATA, 0x1122334455667788);
	card_submit(card, 1, &cmds, LOOM_DESC_IRQ);
	host_wait_irq(&card->host, 2, 1);
	tap_ok(card_poll(card, 1, &cqe), "the completion is there when the interrupt comes");
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_OK && cqe.index == 0 && cqe.cookie == 0xc00c1e00,
	       "OK, with index and cookie");
	tap_ok(cqe_fault(&cqe) == LOOM_CQE_FAULT_NONE, "no fault record");
	tap_ok(word[0] == 0x1122334455667788, "FENCE");
	tap_ok(word[1] >= cqe.t_start && word[1] <= cqe.t_end, "TIMESTAMP is within the job");
	tap_ok(bytes[0x1000] == 0x5a && bytes[0x1063] == 0x5a && !bytes[0x1064], "FILL");
	tap_ok(cqe.cycles && cqe.energy_pj && cqe.bytes >= 100, "the model has counted");
	tap_ok(card_read64(card, LOOM_REG_CNT_DESCRIPTORS) == 1 &&
	       card_read64(card, LOOM_REG_CNT_PACKETS) == 4 &&
	       card_read64(card, LOOM_REG_CNT_CYCLES) == cqe.cycles, "so have the counters");
	tap_ok(card_read64(card, LOOM_REG_RING(1) + LOOM_RING_READ) == 1 &&
	       card_read64(card, LOOM_REG_RING(1) + LOOM_RING_CQ_WRITE) == 1, "READ and CQ_WRITE");
	tap_ok(host_irqs(&card->host, 0) == 0, "vector 0 is silent");
}

static void test_laps(struct card *card)
{
	struct cmds cmds = cmds_begin(card, 1);
	struct loom_cqe cqe;
	unsigned int bad = 0, n = 0;
	uint64_t expect = card->ring[1].seen;

	cmds_add(&cmds, LOOM_OP_NOP, 16);
	while (n < 1000) {
		for (unsigned int i = 0; i < 16; i++) {
			struct loom_desc desc = {
				.cmd_va = cmds.va, .cmd_size = i % 2 ? 16 : 0, .context = 1,
				.cookie = card->ring[1].write,
			};

			card_queue(card, 1, &desc);
		}
		card_doorbell(card, 1);
		for (unsigned int i = 0; i < 16; i++, n++, expect++) {
			card_wait(card, 1, &cqe);
			bad += cqe.index != expect || cqe.cookie != expect || cqe_outcome(&cqe);
		}
	}
	tap_ok(!bad, "%u jobs in order over many laps, with and without commands", n);
	tap_ok(host_irqs(&card->host, 2) == 1, "no interrupt that was not asked for");
}

static void expect_desc(struct card *card, const char *what, const struct loom_desc *desc,
			unsigned int outcome)
{
	struct loom_cqe cqe;

	card_queue(card, 1, desc);
	card_doorbell(card, 1);
	card_wait(card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == outcome && cqe_fault(&cqe) == LOOM_CQE_FAULT_NONE &&
	       cqe.t_start == cqe.t_end && !cqe.cycles, "%s: outcome %u", what,
	       cqe_outcome(&cqe));
}

static void test_descriptors(struct card *card)
{
	struct loom_desc good = { .cmd_va = CARD_CMD_VA, .cmd_size = 16, .context = 1 }, desc;

	desc = good, desc.flags = 2;
	expect_desc(card, "flag", &desc, LOOM_OUTCOME_BAD_DESCRIPTOR);
	desc = good, desc.pad = 1;
	expect_desc(card, "pad", &desc, LOOM_OUTCOME_BAD_DESCRIPTOR);
	desc = good, desc.reserved[3] = 1;
	expect_desc(card, "reserved", &desc, LOOM_OUTCOME_BAD_DESCRIPTOR);
	desc = good, desc.cmd_va |= 4;
	expect_desc(card, "alignment", &desc, LOOM_OUTCOME_BAD_DESCRIPTOR);
	desc = good, desc.cmd_size = 12;
	expect_desc(card, "size", &desc, LOOM_OUTCOME_BAD_DESCRIPTOR);
	desc = good, desc.cmd_size = LOOM_CMD_SIZE_MAX + 8;
	expect_desc(card, "too long", &desc, LOOM_OUTCOME_BAD_DESCRIPTOR);
	desc = good, desc.context = CARD_CONTEXTS;
	expect_desc(card, "context that does not exist", &desc, LOOM_OUTCOME_BAD_CONTEXT);
	desc = good, desc.context = 0xffffffff;
	expect_desc(card, "context ANY", &desc, LOOM_OUTCOME_BAD_CONTEXT);
	desc = good, desc.context = 7;
	expect_desc(card, "context that is not valid", &desc, LOOM_OUTCOME_BAD_CONTEXT);
	card->table[7] = card->table[1];
	card->table[7].reserved[2] = 1;
	expect_desc(card, "reserved field of a context", &desc, LOOM_OUTCOME_BAD_CONTEXT);
	card->table[7] = card->table[1];
	card->table[7].weight = 0;
	expect_desc(card, "weight 0", &desc, LOOM_OUTCOME_BAD_CONTEXT);
	card->table[7] = card->table[1];
	card->table[7].priority = 4;
	expect_desc(card, "priority 4", &desc, LOOM_OUTCOME_BAD_CONTEXT);
	card->table[7] = card->table[1];
	card->table[7].root |= 8;
	expect_desc(card, "root not aligned", &desc, LOOM_OUTCOME_BAD_CONTEXT);
}

/* An enabled ring in error: reset it. */
static void recover(struct card *card, unsigned int r)
{
	card_write32(card, LOOM_REG_RING(r) + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET);
	card_until32(card, LOOM_REG_RING(r) + LOOM_RING_STATUS, ~0u, 0);
}

static void expect_config(struct card *card, const char *what, unsigned int reg, uint64_t value)
{
	uint64_t regs = LOOM_REG_RING(2);

	recover(card, 2);
	card_write64(card, regs + LOOM_RING_BASE, card->ring[1].desc_bus);
	card_write64(card, regs + LOOM_RING_CQ_BASE, card->ring[1].cqe_bus);
	card_write64(card, regs + LOOM_RING_WRITE_ADDR, card->ring[1].index_bus);
	card_write32(card, regs + LOOM_RING_LOG2, 6);
	card_write32(card, regs + LOOM_RING_CQ_LOG2, 6);
	card_write32(card, regs + LOOM_RING_VECTOR, 0);
	card_write32(card, regs + LOOM_RING_CONTEXT, LOOM_RING_CONTEXT_ANY);
	if (reg == LOOM_RING_BASE || reg == LOOM_RING_CQ_BASE || reg == LOOM_RING_WRITE_ADDR)
		card_write64(card, regs + reg, value);
	else
		card_write32(card, regs + reg, (uint32_t)value);
	card_write32(card, regs + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE);
	tap_ok(card_read32(card, regs + LOOM_RING_STATUS) == LOOM_RING_STATUS_ERROR &&
	       card_read32(card, regs + LOOM_RING_ERROR) == LOOM_RING_ERROR_CONFIG,
	       "configuration error: %s", what);
}

static void test_config(struct card *card)
{
	unsigned long irqs = host_irqs(&card->host, 0);

	card_write64(card, LOOM_REG_IRQ_ENABLE, LOOM_IRQ_RING_ERROR);
	expect_config(card, "base", LOOM_RING_BASE, HOST_BUS + 64);
	host_wait_irq(&card->host, 0, irqs + 1);
	tap_ok(card_read64(card, LOOM_REG_IRQ_STATUS) == LOOM_IRQ_RING_ERROR,
	       "an interrupt says so");
	card_write64(card, LOOM_REG_IRQ_STATUS, LOOM_IRQ_RING_ERROR);
	tap_ok(card_read64(card, LOOM_REG_IRQ_STATUS) == 0, "and is acknowledged");
	expect_config(card, "base that wraps", LOOM_RING_BASE, ~0xfffull);
	expect_config(card, "completion base", LOOM_RING_CQ_BASE, HOST_BUS + 8);
	expect_config(card, "write index", LOOM_RING_WRITE_ADDR, HOST_BUS + 4);
	expect_config(card, "too small", LOOM_RING_LOG2, 3);
	expect_config(card, "too large", LOOM_RING_LOG2, 17);
	expect_config(card, "size of 2^37", LOOM_RING_LOG2, 37);
	expect_config(card, "short completion queue", LOOM_RING_CQ_LOG2, 5);
	expect_config(card, "vector", LOOM_RING_VECTOR, CARD_RINGS + 1);
	expect_config(card, "context without the feature", LOOM_RING_CONTEXT, 1);
	recover(card, 2);
	card_write64(card, LOOM_REG_IRQ_ENABLE, 0);
}

static void expect_error(struct card *card, unsigned int error, const char *what)
{
	card_until32(card, LOOM_REG_RING(3) + LOOM_RING_STATUS, LOOM_RING_STATUS_ERROR,
		     LOOM_RING_STATUS_ERROR);
	tap_ok(card_read32(card, LOOM_REG_RING(3) + LOOM_RING_ERROR) == error, "%s", what);
	recover(card, 3);
}

static void test_errors(struct card *card)
{
	struct card_ring *ring = &card->ring[3];
	struct loom_desc desc = { .context = 1 };
	struct loom_cqe cqe;

	card_ring(card, 3, 4, 0, 0);
	ring->write = 17;
	card_doorbell(card, 3);
	expect_error(card, LOOM_RING_ERROR_INDEX, "index beyond the ring");

	card_ring(card, 3, 4, 0, 32);
	card_queue(card, 3, &desc);
	card_doorbell(card, 3);
	card_wait(card, 3, &cqe);
	ring->write = 32;
	card_doorbell(card, 3);
	expect_error(card, LOOM_RING_ERROR_INDEX, "index that goes back");

	ring->index_bus += 1ull << 40;
	card_ring_config(card, 3, 0, 0);
	card_doorbell(card, 3);
	expect_error(card, LOOM_RING_ERROR_BUS, "write index is not memory");
	ring->index_bus -= 1ull << 40;

	ring->desc_bus += 1ull << 40;
	card_ring_config(card, 3, 0, 0);
	card_queue(card, 3, &desc);
	card_doorbell(card, 3);
	expect_error(card, LOOM_RING_ERROR_BUS, "descriptors are not memory");
	ring->desc_bus -= 1ull << 40;

	ring->cqe_bus += 1ull << 40;
	card_ring_config(card, 3, 0, 0);
	card_queue(card, 3, &desc);
	card_doorbell(card, 3);
	expect_error(card, LOOM_RING_ERROR_BUS, "completions are not memory");
	ring->cqe_bus -= 1ull << 40;

	memset(ring->cqe, 0, sizeof(*ring->cqe) << ring->log2);
	card_ring_config(card, 3, 0, 48);
	/* lap 3: the driver makes it look like lap 2 */
	for (unsigned int i = 0; i < 16; i++)
		ring->cqe[i].control = LOOM_CQE_PHASE;
	card_queue(card, 3, &desc);
	card_doorbell(card, 3);
	card_wait(card, 3, &cqe);
	tap_ok(cqe.index == 48 && !(cqe.control & LOOM_CQE_PHASE), "a ring begins anywhere");
}

static void test_coalescing(struct card *card)
{
	struct loom_desc desc = { .context = 1, .flags = LOOM_DESC_IRQ };
	unsigned long before = host_irqs(&card->host, 2);
	struct loom_cqe cqe;

	/* by count; the time is too long to matter */
	card_write64(card, LOOM_REG_IRQ_COALESCE(2), 60000000ull << 32 | 4);
	for (unsigned int i = 0; i < 8; i++)
		card_queue(card, 1, &desc);
	card_doorbell(card, 1);
	host_wait_irq(&card->host, 2, before + 2);
	for (unsigned int i = 0; i < 8; i++)
		card_wait(card, 1, &cqe);
	tap_ok(host_irqs(&card->host, 2) == before + 2, "8 completions, 2 interrupts");

	/* by time */
	card_write64(card, LOOM_REG_IRQ_COALESCE(2), 1000ull << 32 | 100);
	card_queue(card, 1, &desc);
	card_doorbell(card, 1);
	host_wait_irq(&card->host, 2, before + 3);
	card_wait(card, 1, &cqe);
	tap_ok(true, "a lone completion is signalled after its time");
	card_write64(card, LOOM_REG_IRQ_COALESCE(2), 0);
	card_queue(card, 1, &desc);
	card_doorbell(card, 1);
	host_wait_irq(&card->host, 2, before + 4);
	card_wait(card, 1, &cqe);
}

/* A front end that sleeps after every job must hear every doorbell. */
static void test_wakeups(void)
{
	struct loom_core_config config = card_config();
	struct loom_desc desc = { .context = 1 };
	static struct card card;
	struct loom_cqe cqe;
	unsigned int n = 0;

	config.spin_us = 0;
	config.threads = 0;
	card_init(&card, &config);
	card_context(&card, 1, 1, 1, 1, LOOM_PRIORITY_NORMAL);
	card_enable(&card, 0);
	for (unsigned int r = 0; r < CARD_RINGS; r++)
		card_ring(&card, r, 4, 1, 0);
	for (unsigned int i = 0; i < 20000; i++, n++) {
		unsigned int r = i % CARD_RINGS;

		card_queue(&card, r, &desc);
		card_doorbell(&card, r);
		/* polled, to ring again at all moments of falling asleep */
		while (!card_poll(&card, r, &cqe))
			;
		for (volatile unsigned int spin = 0; spin < i % 512; spin++)
			;
	}
	tap_ok(n == 20000, "20000 doorbells to a card that sleeps");
	card_exit(&card);
}

int main(void)
{
	struct loom_core_config config = card_config();
	static struct card card;

	card_init(&card, &config);
	card_context(&card, 1, 1, 1, 1, LOOM_PRIORITY_NORMAL);
	card_enable(&card, card_read64(&card, LOOM_REG_FEATURES));
	card_ring(&card, 1, 6, 2, 0);
	test_first_jobs(&card);
	test_laps(&card);
	test_descriptors(&card);
	test_config(&card);
	test_errors(&card);
	test_coalescing(&card);
	card_exit(&card);
	test_wakeups();
	return tap_done();
}
