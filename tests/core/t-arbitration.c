// SPDX-License-Identifier: MIT
/* Who gets the card: priorities, clients, weights; and that nobody starves. */
#include <stdlib.h>
#include <string.h>

#include "card.h"
#include "core.h"
#include "tap.h"

#define DATA	0x20000000ull
/* Packets of less than a slice, and of more. */
#define SHORT	(256u << 10)
#define LONG	(4u << 20)

/* Fills without end, for all that a test can see. */
static struct cmds endless(struct card *card, unsigned int ctx, uint32_t bytes)
{
	struct cmds cmds = cmds_begin(card, ctx);

	for (unsigned int i = 0; i < 8000; i++)
		cmds_fill(&cmds, DATA, bytes, (uint8_t)i);
	return cmds;
}

static uint64_t packet_of(struct card *card, unsigned int ring)
{
	return card_read32(card, LOOM_REG_RING(ring) + LOOM_RING_CURRENT_PACKET) /
	       sizeof(struct loom_pkt_fill);
}

static void begin(struct card *card)
{
	struct loom_core_config config = card_config();

	card_init(card, &config);
	for (unsigned int i = 1; i < 6; i++)
		card_context(card, i, i, 1, 1, LOOM_PRIORITY_NORMAL);
}

/* Submit to rings 1.. all at once and let ring 1 run @packets. */
static void race(struct card *card, unsigned int rings, uint32_t bytes, uint64_t packets)
{
	card_enable(card, 0);
	card_write32(card, LOOM_REG_CTRL, 0);
	for (unsigned int i = 1; i <= rings; i++) {
		struct cmds cmds = endless(card, i, bytes);

		card_linear(card, i, DATA, bytes);
		card_ring(card, i, 4, 1, 0);
		card_submit(card, i, &cmds, 0);
	}
	card_write32(card, LOOM_REG_CTRL, LOOM_CTRL_ENABLE);
	while (packet_of(card, 1) < packets)
		;
	card_write32(card, LOOM_REG_CTRL, 0);
	/* a reset of an unused ring: when it is over the card has stopped */
	card_write32(card, LOOM_REG_RING(7) + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET);
	card_until32(card, LOOM_REG_RING(7) + LOOM_RING_STATUS, ~0u, 0);
}

static bool about(double value, double want)
{
	return value > want * 0.8 && value < want * 1.25;
}

static void test_clients(void)
{
	static struct card card;
	double two, three;

	/* contexts 1 and 2 are of client 1, context 3 is client 2 alone */
	begin(&card);
	card_context(&card, 3, 3, 2, 1, LOOM_PRIORITY_NORMAL);
	race(&card, 3, SHORT, 200);
	two = (double)packet_of(&card, 2) / (double)packet_of(&card, 1);
	three = (double)packet_of(&card, 3) / (double)packet_of(&card, 1);
	tap_ok(about(two, 1) && about(three, 2), "clients share, then their contexts: 1 : %.2f : %.2f",
	       two, three);
	card_exit(&card);
}

static void test_weights(void)
{
	static struct card card;
	double two;

	begin(&card);
	card_context(&card, 1, 1, 1, 100, LOOM_PRIORITY_NORMAL);
	card_context(&card, 2, 2, 1, 400, LOOM_PRIORITY_NORMAL);
	race(&card, 2, SHORT, 100);
	two = (double)packet_of(&card, 2) / (double)packet_of(&card, 1);
	tap_ok(about(two, 4), "weights 1 : 4 give 1 : %.2f", two);
	card_exit(&card);
}

static void test_priority(void)
{
	static struct card card;
	struct loom_cqe cqe;
	struct cmds cmds;
	uint64_t before;

	begin(&card);
	card_context(&card, 1, 1, 1, 1, LOOM_PRIORITY_HIGH);
	race(&card, 2, LONG, 50);
	tap_ok(packet_of(&card, 2) == 0, "a lower priority waits");
	/* a job of the highest priority gets through at once, in the midst of it */
	card_context(&card, 3, 3, 3, 1, LOOM_PRIORITY_KERNEL);
	card_linear(&card, 3, DATA, 4096);
	card_ring(&card, 3, 4, 1, 0);
	card_write32(&card, LOOM_REG_CTRL, LOOM_CTRL_ENABLE);
	cmds = cmds_begin(&card, 3);
	cmds_fence(&cmds, DATA, 1);
	before = packet_of(&card, 1);
	for (unsigned int i = 0; i < 10; i++) {
		card_submit(&card, 3, &cmds, 0);
		card_wait(&card, 3, &cqe);
	}
	tap_ok(packet_of(&card, 1) - before < 5000, "a higher one does not");
	card_write32(&card, LOOM_REG_RING(1) + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET);
	while (packet_of(&card, 2) == 0)
		;
	tap_ok(true, "until the other has gone");
	card_exit(&card);
}

/* Rings of one context take turns, and small jobs pass a large one. */
static void test_small(void)
{
	static struct card card;
	struct loom_cqe cqe;
	struct cmds cmds;

	begin(&card);
	race(&card, 1, LONG, 5);
	card_ring(&card, 2, 4, 1, 0);
	card_write32(&card, LOOM_REG_CTRL, LOOM_CTRL_ENABLE);
	cmds = cmds_begin(&card, 1);
	cmds_add(&cmds, LOOM_OP_NOP, 16);
	for (unsigned int i = 0; i < 50; i++) {
		card_submit(&card, 2, &cmds, 0);
		card_wait(&card, 2, &cqe);
	}
	tap_ok(packet_of(&card, 1) < 7999, "50 small jobs pass a large one of the same context");
	card_exit(&card);
}

/* The policy alone: rings that are always ready, costs as given. */
static void model_init(struct loom_core *core, unsigned int rings)
{
	memset(core, 0, sizeof(*core));
	core->config.contexts = CARD_CONTEXTS;
	core->rings = calloc(LOOM_RINGS_MAX, sizeof(*core->rings));
	core->arbiter.contexts = calloc(CARD_CONTEXTS, sizeof(*core->arbiter.contexts));
	for (unsigned int i = 0; i < rings; i++) {
		core->rings[i].core = core;
		core->rings[i].id = i;
		core->rings[i].job.weight = 1;
		core->rings[i].job.client = i;
		core->rings[i].job.desc.context = i;
		core->ready |= BIT64(i);
	}
}

static void model_free(struct loom_core *core)
{
	free(core->rings);
	free(core->arbiter.contexts);
}

static void model_run(struct loom_core *core, unsigned int turns, const uint64_t *cost,
		      uint64_t *used)
{
	while (turns--) {
		struct loom_ring *ring = loom_arbiter_pick(core);

		used[ring->id] += cost[ring->id];
		loom_arbiter_charge(core, ring, cost[ring->id] - 1);
	}
}

static void test_policy(void)
{
	static const uint64_t cost[] = { 10, 100000, 3000, 3000, 1ull << 40, 1 };
	static struct loom_core core;
	uint64_t used[6] = { 0 };
	unsigned int i;

	model_init(&core, 4);
	model_run(&core, 200000, cost, used);
	tap_ok(about((double)used[1] / (double)used[0], 1) &&
	       about((double)used[2] / (double)used[0], 1) &&
	       about((double)used[3] / (double)used[0], 1),
	       "slices of 10, 100000 and 3000 cycles: equal shares");
	model_free(&core);

	/* clients 0 and 1; contexts 1, 2 and 3 of client 1 with weights 1, 2 and 65535 */
	model_init(&core, 4);
	memset(used, 0, sizeof(used));
	for (i = 1; i < 4; i++)
		core.rings[i].job.client = 1;
	core.rings[2].job.weight = 2;
	core.rings[3].job.weight = 65535;
	model_run(&core, 2000000, (const uint64_t[]){ 3000, 3000, 3000, 3000 }, used);
	tap_ok(about((double)used[0] / (double)(used[1] + used[2] + used[3]), 1) &&
	       about((double)used[3] / (double)used[2], 65535 / 2.0),
	       "clients first, then weights");
	model_free(&core);

	/* ring 4 uses a fortune at once: it is paid back while it has work, no longer */
	model_init(&core, 6);
	core.ready = BIT64(4) | BIT64(5);
	memset(used, 0, sizeof(used));
	while (!used[4])
		model_run(&core, 1, cost, used);
	used[4] = 0;
	model_run(&core, 100000, cost, used);
	tap_ok(!used[4] && used[5] == 100000, "who used much waits while it has work");
	core.ready = BIT64(5);
	loom_arbiter_idle(&core, &core.rings[4]);
	core.ready |= BIT64(4);
	for (i = 0; i < 2000 && !used[4]; i++)
		model_run(&core, 1, cost, used);
	tap_ok(used[4], "and begins anew when it had none");
	model_free(&core);

	/* more clients than the table holds, debts beyond all numbers */
	model_init(&core, 6);
	memset(used, 0, sizeof(used));
	for (i = 0; i < 100000; i++) {
		core.rings[i % 6].job.client = i * 2654435761u;
		loom_arbiter_charge(&core, loom_arbiter_pick(&core), UINT64_MAX);
	}
	tap_ok(true, "any clients, any costs");
	model_free(&core);
}

/* Packets that need more private memory than there is for two of them at once. */
static void test_memory(void)
{
	struct loom_core_config config = card_config();
	static struct card card;
	unsigned int bad = 0;
	struct loom_cqe cqe;

	config.scratch_max = 64 << 10;
	card_init(&card, &config);
	card_enable(&card, 0);
	for (unsigned int i = 1; i < 6; i++) {
		struct cmds cmds;

		card_context(&card, i, i, i, 1, LOOM_PRIORITY_NORMAL);
		card_buffer(&card, i, DATA, 2 << 20);
		card_ring(&card, i, 4, 1, 0);
		cmds = cmds_begin(&card, i);
		for (unsigned int j = 0; j < 30; j++)
			cmds_fill(&cmds, DATA, 2 << 20, (uint8_t)j);
		card_submit(&card, i, &cmds, 0);
	}
	for (unsigned int i = 1; i < 6; i++) {
		card_wait(&card, i, &cqe);
		bad += cqe_outcome(&cqe) != LOOM_OUTCOME_OK;
	}
	tap_ok(!bad, "5 jobs that wait for each other's memory");
	card_exit(&card);
}

int main(void)
{
	test_clients();
	test_weights();
	test_priority();
	test_small();
	test_policy();
	test_memory();
	return tap_done();
}
