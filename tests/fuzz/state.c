// SPDX-License-Identifier: MIT
/*
 * fuzz_state: jobs and register writes bring the card into some state, which is
 * saved, changed, and loaded. What is refused leaves the card as it was; what is
 * taken is taken again, and the card can be reset.
 *
 * A record: @op what, @a ring, @b which, @c how its value is made, @d points
 * that the front end runs afterwards, or where in the state, @v the value.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define LOG2	4
#define POINTS	4000

enum op { OP_EDIT, OP_SUBMIT, OP_CTRL, OP_INJECT, OP_REGISTER, OP_RUN, OP_LENGTH, OP_COUNT };

static struct space_program programs[5];

static void setup(void)
{
	struct loom_pkt_fence fence = { .va = DATA_VA + 8, .value = 1 };
	struct loom_pkt_hang hang = { .flags = LOOM_HANG_BUSY };
	struct loom_pkt_fill fill = {
		.value = 7,
		.dst = { .va = DATA_VA + 4000, .dtype = LOOM_DTYPE_U8, .rank = 2,
			 .dims = { 3, 4000 }, .strides = { 4096, 1 } },
	};
	struct loom_tensor all = {
		.va = LOCAL_VA, .dtype = LOOM_DTYPE_U8, .rank = 1, .dims = { 40000 },
		.strides = { 1 },
	};
	struct loom_pkt_eltwise add = { .op = LOOM_ELTWISE_ADD, .dst = all, .a = all, .b = all };
	uint64_t root = space_build(), at = 0;

	for (unsigned int i = 0; i < FUZZ_CONTEXTS; i++)
		space_context(i, root, i / 2);
	space_packet(&at, &programs[0], LOOM_OP_FENCE, sizeof(fence), &fence);
	space_packet(&at, &programs[1], LOOM_OP_FILL, sizeof(fill), &fill);
	space_packet(&at, &programs[1], LOOM_OP_FENCE, sizeof(fence), &fence);
	space_packet(&at, &programs[2], LOOM_OP_ELTWISE, sizeof(add), &add);
	space_packet(&at, &programs[2], LOOM_OP_FILL, sizeof(fill), &fill);
	space_packet(&at, &programs[3], LOOM_OP_HANG, sizeof(hang), &hang);
	fence.va = 0x1000;
	space_packet(&at, &programs[4], LOOM_OP_FENCE, sizeof(fence), &fence);
	/* a ring whose state says so may write all memory of its guest */
	for (unsigned int i = 0; i < GUEST_PAGES; i++)
		guest.writable[i] = true;
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

static void *save(size_t *size)
{
	void *data = NULL;
	int ret = loom_core_save(card, &data, size);

	fuzz_check(!ret, "a card that is quiesced cannot be saved: %d", ret);
	return data;
}

static void act(const struct record *r)
{
	unsigned int ring = r->a % FUZZ_RINGS, n = r->b % 5;
	struct submission job = {
		.cmd_va = programs[n].va,
		.cmd_size = programs[n].size,
		.context = r->c % FUZZ_CONTEXTS,
		.cookie = r->v,
		.flags = r->b / 8 % 2,
	};

	switch (r->op % OP_COUNT) {
	case OP_SUBMIT:
		space_submit(ring, LOG2, &job);
		break;
	case OP_CTRL:
		card_write32(LOOM_REG_RING(ring) + LOOM_RING_CTRL, r->b % 8);
		break;
	case OP_INJECT:
		loom_core_inject(card, (enum loom_inject)(r->b % (LOOM_INJECT_ECC_CORRECTED + 1)), ring);
		break;
	case OP_REGISTER:
		loom_core_mmio_write(card, r->b & 1 ? loom_device_regs[r->c % R_COUNT].offset :
				     LOOM_REG_IRQ_COALESCE(r->c % FUZZ_VECTORS), r->v,
				     r->b & 2 ? 4 : 8);
		break;
	}
}

/* Apply what the records say to the state; true: nothing was changed. */
static bool edit(const uint8_t *records, size_t n, uint8_t *data, size_t *size)
{
	size_t whole = *size;
	bool same = true;
	struct record r;

	for (size_t i = 0; record_get(records, n, i, &r); i++) {
		uint64_t value = value_of(&r), width = 1u << r.b % 4;

		if (r.op % OP_COUNT == OP_LENGTH && r.c & 1) {
			*size = r.d % (whole + 1);
			same = same && *size == whole;
		} else if (r.op % OP_COUNT == OP_EDIT && whole >= 8) {
			/* mostly behind what says which card it is */
			size_t at = (r.b & 16 ? r.d : 60 + r.d % whole) % (whole - 7);

			for (unsigned int k = 0; k < width; k++) {
				uint8_t byte = (uint8_t)(value >> 8 * k);

				byte = r.b & 32 ? data[at + k] ^ byte : byte;
				same = same && data[at + k] == byte;
				data[at + k] = byte;
			}
		}
	}
	return same;
}

static void registers(uint64_t *out)
{
	for (unsigned int i = 0; i < R_COUNT; i++)
		*out++ = reg_get(&card->regs[i]);
	for (unsigned int r = 0; r < FUZZ_RINGS; r++)
		for (unsigned int i = 0; i < RR_COUNT; i++)
			*out++ = reg_get(&card->rings[r].regs[i]);
}

/* Load @data; whether it was taken. */
static bool load(const uint8_t *data, size_t size, bool same)
{
	uint64_t before[R_COUNT + FUZZ_RINGS * RR_COUNT], after[R_COUNT + FUZZ_RINGS * RR_COUNT];
	uint8_t *copy = malloc(size ? size : 1), *again;
	const char *why = NULL;
	size_t size2;
	int ret;

	/* of its very length, so that a byte beyond is noticed */
	fuzz_check(copy, "no memory");
	memcpy(copy, data, size);
	registers(before);
	ret = loom_core_load(card, copy, size, &why);
	free(copy);
	fuzz_check(!same || !ret, "what was saved is refused: %s", why);
	fuzz_check(!ret == !why, "refused without a reason");
	if (ret) {
		registers(after);
		fuzz_check(!memcmp(before, after, sizeof(before)), "refused, and changed all the same");
		return false;
	}
	again = save(&size2);
	ret = loom_core_load(card, again, size2, &why);
	fuzz_check(!ret, "what was taken is refused when it is saved again: %s", why);
	free(again);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *state;
	struct record r;
	size_t length;
	bool same;

	if (!card)
		card_build(setup);
	card_enable(LOOM_FEATURE_DEBUG | LOOM_FEATURE_COALESCE);
	for (unsigned int i = 0; i < FUZZ_RINGS; i++)
		card_ring_enable(i, LOG2, SPACE_DESC(i), SPACE_CQE(i), SPACE_INDEX(i));
	for (size_t i = 0; record_get(data, size, i, &r); i++) {
		if (r.op % OP_COUNT == OP_EDIT || r.op % OP_COUNT == OP_LENGTH)
			continue;
		act(&r);
		if (r.d % 64)
			fiber_run(r.d % 64);
	}
	card_quiesce();
	state = save(&length);
	same = edit(data, size, state, &length);
	load(state, length, same);
	free(state);
	card_resume();
	if (same) {
		card_settle(POINTS);
	} else {
		for (unsigned int i = 0; i < FUZZ_RINGS; i++)
			card_write32(LOOM_DOORBELL(i), 0);
		fiber_run(POINTS);
	}
	card_end();
	return 0;
}

static void invent(struct record *r, uint64_t (*rnd)(void))
{
	r->op = rnd() % 2 ? OP_EDIT : rnd() % OP_COUNT;
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
