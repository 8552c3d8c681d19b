// SPDX-License-Identifier: MIT
/*
 * fuzz_desc: descriptors, entries of the context table, ring configurations
 * and indices, whose bytes the input bends, with work that is valid otherwise.
 *
 * A record: @op what, @a ring, @b which word, @c how its value is made, @d points
 * that the front end runs afterwards, @v the value.
 */
#include <string.h>

#include "fuzz.h"

#define LOG2	4
#define POINTS	3000

enum op { OP_SUBMIT, OP_DESC, OP_CONTEXT, OP_INDEX, OP_CONFIG, OP_CTRL, OP_DOORBELL, OP_CTX,
	  OP_HOST, OP_QUIESCE, OP_COUNT };

static struct space_program programs[4];

static void setup(void)
{
	struct loom_pkt_fence fence = { .va = DATA_VA + 8, .value = 1 };
	struct loom_pkt_hang hang = { .flags = LOOM_HANG_BUSY };
	struct loom_pkt_fill fill = {
		.value = 7,
		.dst = { .va = DATA_VA + 4000, .dtype = LOOM_DTYPE_U8, .rank = 2,
			 .dims = { 3, 4000 }, .strides = { 4096, 1 } },
	};
	uint64_t root = space_build(), at = 0;

	for (unsigned int i = 0; i < FUZZ_CONTEXTS; i++)
		space_context(i, root, i / 2);
	space_packet(&at, &programs[0], LOOM_OP_FENCE, sizeof(fence), &fence);
	space_packet(&at, &programs[1], LOOM_OP_FILL, sizeof(fill), &fill);
	space_packet(&at, &programs[1], LOOM_OP_FENCE, sizeof(fence), &fence);
	fence.va = RO_VA;
	space_packet(&at, &programs[2], LOOM_OP_FENCE, sizeof(fence), &fence);
	space_packet(&at, &programs[3], LOOM_OP_HANG, sizeof(hang), &hang);
}

static uint64_t value_of(const struct record *r)
{
	switch (r->c % 4) {
	case 0:
		return r->v;
	case 1:
		return record_nasty(r->v);
	case 2:
		return PAGE(r->v % (GUEST_PAGES + 1));
	default:
		return r->v % 16;
	}
}

static void configure(const struct record *r, unsigned int ring)
{
	static const uint16_t fields[] = {
		LOOM_RING_BASE, LOOM_RING_CQ_BASE, LOOM_RING_WRITE_ADDR, LOOM_RING_READ,
		LOOM_RING_LOG2, LOOM_RING_CQ_LOG2, LOOM_RING_CONTEXT, LOOM_RING_VECTOR,
	};
	uint64_t regs = LOOM_REG_RING(ring);
	unsigned int n = r->b % 8;

	card_write32(regs + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET);
	fiber_run(96);
	card_ring_enable(ring, LOG2 + r->b / 8 % 3, SPACE_DESC(ring), SPACE_CQE(ring),
			 SPACE_INDEX(ring));
	card_write32(regs + LOOM_RING_CTRL, 0);
	fiber_run(96);
	loom_core_mmio_write(card, regs + fields[n], value_of(r), n < 4 ? 8 : 4);
	if (r->b & 0x40)
		card_write64(regs + LOOM_RING_READ, guest_load(SPACE_INDEX(ring)));
	card_write32(regs + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE);
}

static void submit(const struct record *r, unsigned int ring)
{
	unsigned int n = r->b % 4;
	struct submission job = {
		.cmd_va = programs[n].va,
		.cmd_size = programs[n].size,
		.context = r->c % FUZZ_CONTEXTS,
		.cookie = r->v,
		.flags = r->b / 4 % 2,
	};

	space_submit(ring, LOG2, &job);
}

static void act(const struct record *r)
{
	unsigned int ring = r->a % FUZZ_RINGS;
	uint64_t index = guest_load(SPACE_INDEX(ring));

	switch (r->op % OP_COUNT) {
	case OP_SUBMIT:
		submit(r, ring);
		break;
	case OP_DESC:
		/* of one that may just be in execution */
		guest_store(SPACE_DESC(ring) + (index - 1 - r->b / 8 % 4) % 16 * 64 + r->b % 8 * 8,
			    value_of(r));
		break;
	case OP_CONTEXT:
		guest_store(CARD_CTX + r->a % FUZZ_CONTEXTS * 64 + r->b % 8 * 8, value_of(r));
		break;
	case OP_INDEX:
		guest_store(SPACE_INDEX(ring), r->c & 4 ? value_of(r) : index + r->v % 20);
		break;
	case OP_CONFIG:
		configure(r, ring);
		break;
	case OP_CTRL:
		card_write32(LOOM_REG_RING(ring) + LOOM_RING_CTRL, r->b % 8);
		break;
	case OP_DOORBELL:
		card_write32(LOOM_DOORBELL(ring), 0);
		break;
	case OP_CTX:
		card_write32(r->b & 1 ? LOOM_REG_CTX_STOP : LOOM_REG_CTX_START, r->a % 9);
		if (r->b & 2)
			card_write32(LOOM_REG_CTX_COUNT, (uint32_t)value_of(r));
		if (r->b & 4)
			card_write64(LOOM_REG_CTX_BASE, value_of(r));
		break;
	case OP_HOST:
		guest.grain = r->a % 4 ? r->a % 4 * 4096u : r->b % 2 * 64;
		card_write64(LOOM_REG_FAULT_READ, r->v % 32);
		if (r->b & 2)
			card_write32(LOOM_REG_FAULT_LOG2, r->c);
		if (r->b & 4)
			card_write64(LOOM_REG_FAULT_BASE, value_of(r));
		if (r->b & 8)
			card_write64(LOOM_REG_IRQ_COALESCE(r->a % 3), r->v);
		break;
	case OP_QUIESCE:
		card_quiesce();
		if (r->b & 1)
			fiber_run(r->a);
		card_resume();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record r;

	if (!card)
		card_build(setup);
	card_enable(LOOM_FEATURE_DEBUG | LOOM_FEATURE_COALESCE);
	for (unsigned int i = 0; i < FUZZ_RINGS; i++)
		card_ring_enable(i, LOG2, SPACE_DESC(i), SPACE_CQE(i), SPACE_INDEX(i));
	for (size_t i = 0; record_get(data, size, i, &r); i++) {
		act(&r);
		if (r.d % 64)
			fiber_run(r.d % 64);
	}
	card_settle(POINTS);
	card_end();
	return 0;
}

static void invent(struct record *r, uint64_t (*rnd)(void))
{
	r->op = rnd() % 2 ? OP_SUBMIT : rnd() % OP_COUNT;
	r->a = rnd() % 8;
	r->b = (uint8_t)rnd();
	r->c = (uint8_t)rnd();
	r->d = (uint32_t)rnd();
	r->v = rnd() % 2 ? rnd() : rnd() % 64;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	return records_mutate(data, size, max, seed, invent);
}
