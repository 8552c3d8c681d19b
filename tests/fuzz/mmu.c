// SPDX-License-Identifier: MIT
/*
 * fuzz_mmu: page table entries, accesses, invalidations, in any order and while
 * jobs run. A second walker, written from the specification, says what an access
 * must come to when no translation can be stale.
 *
 * A record: @op what, @a and @b which entry or address, @c how its value is made,
 * @d length or points, @v the value.
 */
#include <string.h>

#include "fuzz.h"

#define LOG2	4
#define POINTS	3000
#define SPACES	2
#define REF_PAGES	1200

enum op { OP_PTE, OP_ACCESS, OP_ASYNC, OP_INVALIDATE, OP_RUN, OP_HOST, OP_COUNT };

static uint64_t roots[SPACES];
static const uint32_t tags[SPACES] = { 5, 7 };

/* Translations that the card may hold and the tables no longer say. */
static bool stale[SPACES];
/* No entry but those of the start points to a table: a VA has one path. */
static bool canonical;
/* A job may be running. */
static bool open_jobs;

static void setup(void)
{
	for (unsigned int i = 0; i < SPACES; i++) {
		roots[i] = space_build();
		space_context(i + 1, roots[i], tags[i]);
	}
	guest_store(space_pte(roots[0], LARGE_VA, 1), PAGE(0) | RW);
	guest_store(space_pte(roots[1], LARGE_VA, 1), 0 | RW | LOOM_PTE_LOCAL);
	for (unsigned int i = 0; i < 16 * 512; i++)
		guest_store(PAGE(SPACE_DATA) + i * 8, 0x5a5a5a5a00000000ull + i);
}

/* An address near something that is mapped, or near an edge. */
static uint64_t va_of(unsigned int a, unsigned int b)
{
	static const uint64_t base[] = {
		DATA_VA, DATA_VA + 0xf000, LOCAL_VA, LOCAL_VA + 0xf000, RO_VA, CMD_VA, LARGE_VA,
		LARGE_VA + 0x3f000, LAST_VA, LAST_VA + 0x1000, LARGE_VA - 0x1000, DATA_VA + 0x7000,
	};

	return base[a % 12] + (a / 12 % 3) * 0x1000 + (b % 32 * 8) + (b & 0x40 ? 0xf00 : 0) +
	       (b & 0x80 ? 1 : 0);
}

struct ref {
	uint8_t code, level;
	uint64_t pte, bus;
	bool local;
};

static bool is_memory(uint64_t bus)
{
	return bus >= GUEST_BUS && bus < PAGE(GUEST_PAGES);
}

/* The specification's walk of one address. */
static struct ref ref_walk(uint64_t root, uint64_t va, uint64_t need)
{
	uint64_t table = root, pte = 0;

	if (va >> 48)
		return (struct ref){ .code = LOOM_FAULT_NON_CANONICAL, .level = 0xff };
	for (int level = 3; level >= 0; level--) {
		struct ref ref = { .level = (uint8_t)level };
		uint64_t size = 4096ull << (9 * level);

		if (!is_memory(table)) {
			ref.code = LOOM_FAULT_TABLE_BUS;
			ref.pte = pte;
			ref.level = (uint8_t)(level == 3 ? 3 : level + 1);
			return ref;
		}
		pte = guest_load(table + (va >> (12 + 9 * level) & 511) * 8);
		ref.pte = pte;
		if (!(pte & 1)) {
			ref.code = LOOM_FAULT_NOT_MAPPED;
			return ref;
		}
		if (!(pte & LOOM_PTE_LEAF)) {
			if (!level || pte & ~(1 | LOOM_PTE_ADDR | LOOM_PTE_SOFTWARE)) {
				ref.code = LOOM_FAULT_BAD_PTE;
				return ref;
			}
			table = pte & LOOM_PTE_ADDR;
			continue;
		}
		if (level > 1 || pte & ~(0x1full | LOOM_PTE_ADDR | LOOM_PTE_SOFTWARE) ||
		    pte & LOOM_PTE_ADDR & (size - 1)) {
			ref.code = LOOM_FAULT_BAD_PTE;
			return ref;
		}
		ref.bus = (pte & LOOM_PTE_ADDR) + (va & (size - 1));
		ref.local = pte & LOOM_PTE_LOCAL;
		if (!(pte & need))
			ref.code = LOOM_FAULT_PERMISSION;
		else if (ref.local ? ref.bus >= GUEST_LOCAL : !is_memory(ref.bus))
			ref.code = LOOM_FAULT_BUS;
		return ref;
	}
	return (struct ref){ 0 };
}

struct access {
	unsigned int space;
	uint64_t va, len;
	bool write;
	uint8_t value;
};

static uint64_t need_of(const struct access *a)
{
	return a->write ? LOOM_PTE_WRITE : LOOM_PTE_READ;
}

/* The card's own memory, and the tables: what a job does to it is not followed. */
static bool special(uint64_t bus)
{
	return bus < PAGE(SPACE_DATA) || (bus >= PAGE(SPACE_TABLES) && bus < PAGE(SPACE_GUARD));
}

/*
 * Walk every page: @faults if any of them does, @special if any is. The card may
 * write to those that translate, and to nothing else.
 */
static void ref_range(const struct access *a, bool *faults, bool *touches)
{
	*faults = false;
	*touches = false;
	memset(guest.writable, 0, sizeof(guest.writable));
	guest.writable[2] = true;
	for (unsigned int i = 0; i < FUZZ_RINGS; i++)
		guest.writable[8 + i] = true;
	for (uint64_t page = a->va & ~0xfffull; page < a->va + a->len; page += 4096) {
		struct ref ref = ref_walk(roots[a->space], page, need_of(a));

		*faults |= ref.code != 0;
		if (ref.code || ref.local || !a->write)
			continue;
		*touches |= special(ref.bus);
		guest.writable[(ref.bus - GUEST_BUS) / 4096] = true;
	}
}

static void check_fault(const struct access *a, uint32_t number)
{
	struct loom_fault record;
	struct ref ref;

	fuzz_check(number != LOOM_CQE_FAULT_NONE, "a fault without a record");
	guest_read(CARD_FAULTS + number % 16 * sizeof(record), &record, sizeof(record));
	fuzz_check(record.va >= a->va && record.va < a->va + a->len,
		   "a fault at %llx outside the access", (unsigned long long)record.va);
	ref = ref_walk(roots[a->space], record.va, need_of(a));
	fuzz_check(ref.code == record.code && ref.level == record.level && ref.pte == record.pte,
		   "at %llx a fault %u, level %u, entry %llx; expected %u, %u, %llx",
		   (unsigned long long)record.va, record.code, record.level,
		   (unsigned long long)record.pte, ref.code, ref.level,
		   (unsigned long long)ref.pte);
}

static uint8_t byte_at(const struct ref *ref)
{
	if (ref->local)
		return guest.local[ref->bus];
	return (uint8_t)(guest_load(ref->bus & ~7ull) >> (ref->bus & 7) * 8);
}

static void check_filled(const struct access *a)
{
	uint64_t step = a->len > 256 ? 61 : 1;

	for (uint64_t off = 0; off < a->len; off += step) {
		struct ref ref = ref_walk(roots[a->space], a->va + off, LOOM_PTE_WRITE);

		fuzz_check(!ref.code && byte_at(&ref) == a->value, "byte %llx was not written",
			   (unsigned long long)(a->va + off));
	}
}

/*
 * A range is written by a FILL, and read by taking it for a command buffer: what
 * is in it is no command, but that comes after its translation.
 */
static uint64_t submit(const struct access *a, unsigned int ring)
{
	uint64_t at = CMD_VA + ring * 4096 + guest_load(SPACE_INDEX(ring)) % 16 * 256;
	struct loom_pkt_fill fill = {
		.header = { .opcode = LOOM_OP_FILL, .version = 1, .size = sizeof(fill) },
		.value = a->value,
		.dst = { .va = a->va, .dtype = LOOM_DTYPE_U8, .rank = 1,
			 .dims = { (uint32_t)a->len }, .strides = { 1 } },
	};
	struct submission job = {
		.cmd_va = a->write ? at : a->va,
		.cmd_size = a->write ? sizeof(fill) : (uint32_t)a->len,
		.context = a->space + 1,
		.cookie = 0xc0,
	};

	if (a->write)
		guest_write(PAGE(SPACE_CMD) + (at - CMD_VA), &fill, sizeof(fill));
	return space_submit(ring, LOG2, &job);
}

/* Are the commands on @ring where submit() puts them? */
static bool commands_seen(const struct access *a, unsigned int ring)
{
	struct ref ref = ref_walk(roots[a->space], CMD_VA + ring * 4096, LOOM_PTE_READ);

	return !ref.code && !ref.local && ref.bus == PAGE(SPACE_CMD + ring);
}

static struct access access_of(const struct record *r)
{
	struct access a = {
		.space = r->c & 1,
		.va = va_of(r->a, r->b),
		.len = 1 + r->d % (r->c & 8 ? 0x10000 : r->c & 16 ? 0x220000 : 300),
		.write = r->c & 2,
		.value = (uint8_t)r->v,
	};

	if (r->c & 32)
		a.va += r->v & 0x1ff000;
	if (!a.write) {
		a.va &= ~7ull;
		a.len = ((a.len - 1) % 0x4000 & ~7ull) + 8;
	}
	return a;
}

/* As a driver would after faults. */
static void clear_up(void)
{
	memset(guest.writable, 1, sizeof(guest.writable));
	card_write64(LOOM_REG_FAULT_READ, card_read(LOOM_REG_FAULT_WRITE, 8));
	for (unsigned int i = 0; i < SPACES; i++)
		card_write32(LOOM_REG_CTX_START, i + 1);
}

static bool settle(void)
{
	if (card_settle(POINTS) == FIBER_BUSY)
		return false;
	open_jobs = false;
	clear_up();
	return true;
}

static bool access_now(const struct access *a)
{
	bool faults, touches, certain;
	unsigned int outcome;
	uint32_t number;
	uint64_t index;

	if (open_jobs && !settle())
		return false;
	certain = !stale[a->space] && commands_seen(a, 0);
	ref_range(a, &faults, &touches);
	if (!certain)
		memset(guest.writable, 1, sizeof(guest.writable));
	/* an earlier job may have written there */
	for (unsigned int i = 0; i < SPACES; i++)
		space_context(i + 1, roots[i], tags[i]);
	index = submit(a, 0);
	if (card_settle(POINTS) == FIBER_BUSY)
		return false;
	if (reg_get(&card->rings[0].regs[RR_STATUS]) & LOOM_RING_STATUS_ERROR)
		return false;
	if (!certain || touches) {
		stale[0] = true;
		stale[1] = true;
		canonical = false;
		clear_up();
		return true;
	}
	outcome = space_completion(0, LOG2, index, 0xc0, &number);
	if (a->va >> LOOM_VA_BITS || (a->va + a->len) >> LOOM_VA_BITS)
		fuzz_check(outcome == LOOM_OUTCOME_BAD_COMMAND || outcome == LOOM_OUTCOME_FAULT,
			   "outcome %u beyond the address space", outcome);
	else if (faults)
		fuzz_check(outcome == LOOM_OUTCOME_FAULT, "outcome %u instead of a fault", outcome);
	else
		fuzz_check(outcome == (a->write ? LOOM_OUTCOME_OK : LOOM_OUTCOME_BAD_COMMAND),
			   "outcome %u of an access that is allowed", outcome);
	if (outcome == LOOM_OUTCOME_FAULT)
		check_fault(a, number);
	if (outcome == LOOM_OUTCOME_OK)
		check_filled(a);
	clear_up();
	return true;
}

static uint64_t pte_of(const struct record *r)
{
	static const uint64_t low[] = { RW, RW, RW | LOOM_PTE_LOCAL, RW & ~LOOM_PTE_WRITE,
					RW & ~LOOM_PTE_READ, LOOM_PTE_VALID, 0, ~0ull };
	uint64_t flags = low[r->d % 8];

	if (flags == ~0ull)
		flags = r->v & 0xffe0000000000fffull;
	switch (r->c / 4 % 8) {
	case 0:
		return r->v;
	case 1:
		return record_nasty(r->v) | flags;
	case 2:
		return PAGE(SPACE_TABLES + r->v % 16) | flags;
	case 3:
		return PAGE(r->v % (GUEST_PAGES + 2)) | flags;
	case 4:
		return (r->v % 20 * 4096) | flags | LOOM_PTE_LOCAL;
	case 5:
		/* large, if at level 1 */
		return (r->v % 3 * LOOM_PAGE_SIZE_2M) | flags |
		       (flags & LOOM_PTE_LOCAL ? 0 : GUEST_BUS);
	default:
		return PAGE(SPACE_DATA + r->v % 16) | flags;
	}
}

static void invalidate(unsigned int space, uint64_t va, uint64_t len)
{
	card_write64(LOOM_REG_INV_VA, va);
	card_write64(LOOM_REG_INV_LEN, len);
	card_write32(LOOM_REG_INV_TAG, tags[space]);
}

static void set_pte(const struct record *r)
{
	unsigned int space = r->c & 1, level = r->d / 8 % 8;
	uint64_t va = va_of(r->a, r->b) & 0xffffffffffffull, at = roots[space], value = pte_of(r);

	/* mostly leaves */
	level = level < LOOM_PT_LEVELS ? level : 0;
	for (unsigned int up = LOOM_PT_LEVELS - 1; up > level; up--) {
		uint64_t entry = guest_load(at + (va >> LOOM_PT_SHIFT(up) & 511) * 8);

		at = entry & LOOM_PTE_ADDR;
		if (entry & LOOM_PTE_LEAF || !(entry & 1) || at < PAGE(SPACE_TABLES) ||
		    at >= PAGE(SPACE_CMD))
			return;
	}
	guest_store(at + (va >> LOOM_PT_SHIFT(level) & 511) * 8, value);
	if ((value & (LOOM_PTE_VALID | LOOM_PTE_LEAF)) == LOOM_PTE_VALID)
		canonical = false;
	if (r->c & 2 && canonical) {
		/* exactly what the entry was for */
		invalidate(space, va >> LOOM_PT_SHIFT(level) << LOOM_PT_SHIFT(level),
			   1ull << LOOM_PT_SHIFT(level));
		return;
	}
	stale[space] = true;
	if (!canonical)
		stale[!space] = true;
}

static bool act(const struct record *r)
{
	struct access a = access_of(r);
	unsigned int ring = 1 + r->v / 256 % 3;

	switch (r->op % OP_COUNT) {
	case OP_PTE:
		set_pte(r);
		break;
	case OP_ACCESS:
		return access_now(&a);
	case OP_ASYNC:
		if (guest_load(SPACE_INDEX(ring)) - reg_get(&card->rings[ring].regs[RR_READ]) >= 16)
			break;
		memset(guest.writable, 1, sizeof(guest.writable));
		submit(&a, ring);
		open_jobs = true;
		if (a.write) {
			stale[0] = true;
			stale[1] = true;
			canonical = false;
		}
		break;
	case OP_INVALIDATE:
		if (r->c & 2) {
			invalidate(r->c & 1, r->v, 0);
			/* what runs may still change the tables */
			stale[r->c & 1] = open_jobs;
			break;
		}
		invalidate(r->c & 1, va_of(r->a, r->b), r->c & 4 ? r->v : r->d % 64 * 4096);
		break;
	case OP_RUN:
		fiber_run(r->d % 128);
		if (r->c & 1) {
			card_quiesce();
			card_resume();
		}
		break;
	case OP_HOST:
		guest.grain = r->a % 4 * 4096;
		break;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record r;

	if (!card)
		card_build(setup);
	memset(stale, 0, sizeof(stale));
	canonical = true;
	open_jobs = false;
	clear_up();
	card_enable(0);
	for (unsigned int i = 0; i < FUZZ_RINGS; i++)
		card_ring_enable(i, LOG2, SPACE_DESC(i), SPACE_CQE(i), SPACE_INDEX(i));
	for (size_t i = 0; record_get(data, size, i, &r); i++)
		if (!act(&r))
			break;
	card_settle(POINTS);
	card_end();
	return 0;
}

static void invent(struct record *r, uint64_t (*rnd)(void))
{
	r->op = rnd() % 4 ? rnd() % 2 : rnd() % OP_COUNT;
	r->a = (uint8_t)rnd();
	r->b = (uint8_t)rnd();
	r->c = (uint8_t)rnd();
	/* canonical changes, so that what follows is certain */
	if (r->op == OP_PTE && rnd() % 4)
		r->c |= 2;
	r->d = (uint32_t)rnd();
	r->v = rnd();
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	return records_mutate(data, size, max, seed, invent);
}
