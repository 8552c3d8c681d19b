// SPDX-License-Identifier: MIT
/*
 * fuzz_regs: reads, writes, doorbells, stops and resets in any order, the front
 * end going on for a bit between them.
 *
 * A record: @op what, @a which register, @b width and offset, @c how its value
 * is made, @d points that the front end runs afterwards, @v the value.
 */
#include <string.h>

#include "fuzz.h"

#define POINTS	4000

/* Pages of descriptors, completions and indices that values point to. */
#define MEMORY	PAGE(16)

enum op { OP_WRITE, OP_READ, OP_RAW, OP_DOORBELL, OP_STORE, OP_QUIESCE, OP_RESUME, OP_RESET,
	  OP_RING, OP_COUNT };

static void setup(void)
{
	struct loom_ctx_entry entry = {
		.root = PAGE(3), .tag = 1, .flags = LOOM_CTX_VALID, .weight = 1, .priority = 1,
	};
	uint64_t desc[8] = { 0 };

	for (unsigned int i = 0; i < FUZZ_CONTEXTS; i++)
		guest_write(CARD_CTX + i * sizeof(entry), &entry, sizeof(entry));
	/* empty commands of valid and other contexts */
	for (unsigned int i = 0; i < 256; i++) {
		desc[1] = (uint64_t)(i % 10) << 32;
		desc[2] = i;
		desc[3] = i & LOOM_DESC_IRQ;
		guest_write(MEMORY + i * sizeof(desc), desc, sizeof(desc));
	}
	for (unsigned int i = 0; i < 16; i++)
		guest_store(PAGE(40) + i * 8, i * 3);
}

static uint64_t register_at(const struct record *r)
{
	unsigned int n = r->a;

	if (n < R_COUNT)
		return loom_device_regs[n].offset;
	n -= R_COUNT;
	if (n < FUZZ_RINGS * RR_COUNT)
		return LOOM_REG_RING(n / RR_COUNT) + loom_ring_regs[n % RR_COUNT].offset;
	n -= FUZZ_RINGS * RR_COUNT;
	if (n < FUZZ_VECTORS + 1)
		return LOOM_REG_IRQ_COALESCE(n);
	return LOOM_DOORBELL(n % (FUZZ_RINGS + 1));
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
		return r->v % 32;
	}
}

static const struct loom_reg *read_only(uint64_t at)
{
	for (unsigned int i = 0; i < R_COUNT; i++)
		if (loom_device_regs[i].offset == at && loom_device_regs[i].access == REG_RO &&
		    at < LOOM_REG_FEATURES_ACK)
			return &loom_device_regs[i];
	return NULL;
}

static void write_register(const struct record *r)
{
	uint64_t at = register_at(r), before = 0;
	const struct loom_reg *fixed = read_only(at);

	if (fixed)
		before = card_read(at, fixed->size);
	if (r->b & 2)
		at += 4;
	loom_core_mmio_write(card, at, value_of(r), r->b & 1 ? 4 : 8);
	if (fixed)
		fuzz_check(card_read(fixed->offset, fixed->size) == before, "%s was written",
			   fixed->name);
}

/* Time goes on between two reads, and so does what depends on it. */
static bool moves(uint64_t at)
{
	return at == LOOM_REG_TIMESTAMP || (at & 0xfff) == LOOM_RING_PROGRESS ||
	       (at >= LOOM_REG_SENSOR_TEMP_MC && at < LOOM_REG_SENSOR_PERIOD_MS);
}

static void read_register(const struct record *r)
{
	uint64_t at = register_at(r), whole = card_read(at, 8);

	fuzz_check(card_read(at, 4) >> 32 == 0, "a read of 32 bits gave more");
	fuzz_check(!card_read(at + 1, 4) && !card_read(at, 2) && !card_read(at, (unsigned int)r->d | 1),
		   "a read of an odd size or place gave something");
	if (at % 8 == 0 && !moves(at))
		fuzz_check(whole == (card_read(at, 4) | card_read(at + 4, 4) << 32),
			   "halves do not fit the whole");
}

/* A ring as drivers set it up, so that the rest of an input has something to bend. */
static void ring_up(const struct record *r)
{
	unsigned int ring = r->a % FUZZ_RINGS;

	card_enable(r->b);
	card_ring_enable(ring, 4 + r->c % 3, MEMORY + (r->d % 4) * 4096, PAGE(24 + 4 * ring),
			 PAGE(40) + r->v % 16 * 8);
}

static void act(const struct record *r)
{
	switch (r->op % OP_COUNT) {
	case OP_WRITE:
		write_register(r);
		break;
	case OP_READ:
		read_register(r);
		break;
	case OP_RAW:
		loom_core_mmio_write(card, r->v % (LOOM_BAR_REGS_SIZE + 64), r->v, r->b % 10);
		loom_core_mmio_read(card, r->v % (LOOM_BAR_REGS_SIZE + 64), r->b % 10);
		break;
	case OP_DOORBELL:
		loom_core_doorbell(card, r->a % (FUZZ_RINGS + 1));
		break;
	case OP_STORE:
		guest_store(r->b & 1 ? PAGE(40) + r->a % 16 * 8 :
				       PAGE(r->a % GUEST_PAGES) + r->b % 64 * 8, value_of(r));
		break;
	case OP_QUIESCE:
		if (atomic_load(&card->quiesce) < 3)
			card_quiesce();
		break;
	case OP_RESUME:
		card_resume();
		break;
	case OP_RESET:
		loom_core_reset(card);
		fuzz_check(!guest.maps, "%u maps are left after a reset", guest.maps);
		break;
	case OP_RING:
		ring_up(r);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record r;

	if (!card)
		card_build(setup);
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
	r->op = rnd() % 3 ? rnd() % OP_COUNT : OP_WRITE;
	r->a = (uint8_t)rnd();
	if (rnd() % 2)
		r->a = (uint8_t)(R_FEATURES_ACK + rnd() % (R_COUNT - R_FEATURES_ACK));
	else if (rnd() % 2)
		r->a = (uint8_t)(R_COUNT + RR_CTRL + rnd() % FUZZ_RINGS * RR_COUNT);
	r->b = rnd() % 4;
	r->c = (uint8_t)rnd();
	r->d = rnd() % 2 ? (uint32_t)rnd() : 63;
	r->v = rnd() % 2 ? rnd() : rnd() % 8;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	return records_mutate(data, size, max, seed, invent);
}
