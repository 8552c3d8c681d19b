// SPDX-License-Identifier: MIT
/* Fault records: one case per cause, overflow, what becomes of the context. */
#include <string.h>

#include "card.h"
#include "tap.h"

#define DATA	0x20000000ull

/*
 * Run @cmds in context 1, expect the record, and make the context runnable again.
 */
static struct loom_fault *expect(struct card *card, const char *what, const struct cmds *cmds,
				 unsigned int code, uint64_t va, unsigned int level)
{
	uint64_t number = card_read64(card, LOOM_REG_FAULT_WRITE);
	struct loom_fault *f = &card->faults[number % 32];
	unsigned int outcome = code < 16 ? LOOM_OUTCOME_FAULT : LOOM_OUTCOME_BAD_COMMAND;
	uint64_t phase = ~(number / 32) & 1;
	struct loom_cqe cqe, next;
	struct cmds nop;

	card_submit(card, 1, cmds, 0);
	card_wait(card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == outcome && cqe_fault(&cqe) == number && f->code == code &&
	       f->va == va && f->level == level && f->context == 1 && f->ring == 1 &&
	       f->index == cqe.index && f->cookie == cqe.cookie &&
	       f->control == (number << 32 | phase),
	       "%s: outcome %u code %u va %#llx level %u", what, cqe_outcome(&cqe), f->code,
	       (unsigned long long)f->va, f->level);
	card_write64(card, LOOM_REG_FAULT_READ, number + 1);
	nop = cmds_begin(card, 1);
	cmds_add(&nop, LOOM_OP_NOP, 16);
	card_submit(card, 1, &nop, 0);
	card_wait(card, 1, &next);
	if (cqe_outcome(&next) != LOOM_OUTCOME_CONTEXT_STOPPED)
		tap_ok(false, "%s: the context was not stopped", what);
	card_write32(card, LOOM_REG_CTX_START, 1);
	return f;
}

static struct cmds fence_at(struct card *card, uint64_t va)
{
	struct cmds cmds = cmds_begin(card, 1);

	cmds_add(&cmds, LOOM_OP_NOP, 24);
	cmds_fence(&cmds, va, 1);
	card_invalidate(card, 1, 0, 0);
	return cmds;
}

static void test_walk(struct card *card)
{
	uint64_t va = DATA, *pte = card_pte(card, 1, va, 0);
	struct loom_fault *f;
	struct cmds cmds;

	card_linear(card, 1, va, 4096);
	cmds = fence_at(card, DATA + 0x400000000000ull);
	f = expect(card, "nothing at level 3", &cmds, LOOM_FAULT_NOT_MAPPED,
		   DATA + 0x400000000000ull, 3);
	tap_ok(f->packet == 24 && f->opcode == LOOM_OP_FENCE && f->operand == 0 &&
	       f->access == LOOM_ACCESS_WRITE && f->pte == 0, "with packet, opcode and operand");
	cmds = fence_at(card, DATA + 0x40000000);
	expect(card, "nothing at level 2", &cmds, LOOM_FAULT_NOT_MAPPED, DATA + 0x40000000, 2);
	cmds = fence_at(card, DATA + 0x200000);
	expect(card, "nothing at level 1", &cmds, LOOM_FAULT_NOT_MAPPED, DATA + 0x200000, 1);
	cmds = fence_at(card, DATA + 0x1008);
	expect(card, "nothing at level 0", &cmds, LOOM_FAULT_NOT_MAPPED, DATA + 0x1008, 0);

	*pte &= ~LOOM_PTE_WRITE;
	cmds = fence_at(card, DATA + 8);
	f = expect(card, "not writable", &cmds, LOOM_FAULT_PERMISSION, DATA + 8, 0);
	tap_ok(f->pte == *pte, "with the entry");
	*pte ^= LOOM_PTE_WRITE | LOOM_PTE_READ;
	card_linear(card, 1, DATA + 0x2000, 4096);
	card_invalidate(card, 1, 0, 0);
	cmds = cmds_begin(card, 1);
	cmds_copy(&cmds, DATA + 0x2000, DATA + 5, 64);
	f = expect(card, "not readable", &cmds, LOOM_FAULT_PERMISSION, DATA + 5, 0);
	tap_ok(f->operand == 1 && f->access == LOOM_ACCESS_READ, "operand 1 of a copy");
	cmds = fence_at(card, DATA + 16);
	card_submit(card, 1, &cmds, 0);
	card_wait(card, 1, &(struct loom_cqe){ 0 });
	tap_ok(*(uint64_t *)card_at(card, 1, DATA + 16) == 1, "writable alone is enough to write");
	*pte |= LOOM_PTE_READ;

	*pte |= 1ull << 52;
	cmds = fence_at(card, DATA);
	expect(card, "reserved bit", &cmds, LOOM_FAULT_BAD_PTE, DATA, 0);
	*pte ^= 1ull << 52 | 1ull << 60;
	cmds = fence_at(card, DATA + 24);
	card_submit(card, 1, &cmds, 0);
	card_wait(card, 1, &(struct loom_cqe){ 0 });
	tap_ok(*(uint64_t *)card_at(card, 1, DATA + 24) == 1, "software bits are free");
	*pte ^= 1ull << 60;
	*pte ^= LOOM_PTE_LEAF;
	cmds = fence_at(card, DATA);
	expect(card, "table at level 0", &cmds, LOOM_FAULT_BAD_PTE, DATA, 0);
	*pte ^= LOOM_PTE_LEAF;
}

static void test_tables(struct card *card)
{
	uint64_t va = 0x50000000, *pte = card_pte(card, 1, va, 1), *up = card_pte(card, 1, va, 2);
	uint64_t table;
	struct loom_fault *f;
	struct cmds cmds;

	*pte = (HOST_BUS + 0x201000) | RW;
	cmds = fence_at(card, va);
	expect(card, "misaligned 2 MiB leaf", &cmds, LOOM_FAULT_BAD_PTE, va, 1);
	*pte = host_alloc(&card->host, 4096) | LOOM_PTE_VALID | LOOM_PTE_READ;
	cmds = fence_at(card, va);
	expect(card, "table with READ", &cmds, LOOM_FAULT_BAD_PTE, va, 1);
	*pte = (1ull << 45) | LOOM_PTE_VALID;
	cmds = fence_at(card, va);
	f = expect(card, "table that is not memory", &cmds, LOOM_FAULT_TABLE_BUS, va, 1);
	tap_ok(f->pte == *pte, "with the entry that named it");
	table = *up;
	*up = HOST_BUS | RW;
	cmds = fence_at(card, va);
	expect(card, "leaf at level 2", &cmds, LOOM_FAULT_BAD_PTE, va, 2);
	*up = table;
	/* a table that contains itself ends at level 0 */
	*pte = *up;
	cmds = fence_at(card, va);
	expect(card, "loop", &cmds, LOOM_FAULT_NOT_MAPPED, va, 0);
	*pte = 0;
}

static void test_bus(struct card *card)
{
	uint64_t va = 0x60000000;
	struct loom_fault *f;
	struct cmds cmds;

	card_map(card, 1, va, 1ull << 46, 4096, RW);
	cmds = fence_at(card, va + 8);
	f = expect(card, "page that is not memory", &cmds, LOOM_FAULT_BUS, va + 8, 0);
	tap_ok(f->pte == ((1ull << 46) | RW), "with the entry");
	card_map(card, 1, va, 16 << 20, 4096, RW | LOOM_PTE_LOCAL);
	cmds = fence_at(card, va);
	expect(card, "beyond local memory", &cmds, LOOM_FAULT_BUS, va, 0);
	/* the second of three pages */
	card_linear(card, 1, va, 3 * 4096);
	card->host.refuse_from = *card_pte(card, 1, va + 4096, 0) & LOOM_PTE_ADDR;
	card->host.refuse_len = 4096;
	card_invalidate(card, 1, 0, 0);
	cmds = cmds_begin(card, 1);
	cmds_fill(&cmds, va, 3 * 4096, 1);
	expect(card, "hole in the middle", &cmds, LOOM_FAULT_BUS, va + 4096, 0);
	tap_ok(*(uint8_t *)card_at(card, 1, va) == 0, "nothing was written");
	card->host.refuse_len = 0;
}

static void test_fetch(struct card *card)
{
	struct cmds cmds = cmds_begin(card, 1);
	struct loom_fault *f;

	card_linear(card, 1, 0x70000000, 4096);
	memcpy(card_at(card, 1, 0x70000ff0), &(struct loom_pkt_header){
		.version = LOOM_PKT_VERSION, .size = 16 }, 16);
	cmds.va = 0x70000ff0;
	cmds.size = 32;
	f = expect(card, "second page of the commands", &cmds, LOOM_FAULT_NOT_MAPPED, 0x70001000,
		   0);
	tap_ok(f->access == LOOM_ACCESS_FETCH && f->opcode == 0xffff && f->packet == 0 &&
	       f->operand == 0xff, "is a fault of the fetch");
	cmds.va = 1ull << 48;
	expect(card, "beyond the address space", &cmds, LOOM_FAULT_NON_CANONICAL, 1ull << 48, 0xff);
	cmds.va = ~0xfull;
	expect(card, "at the end of 64 bits", &cmds, LOOM_FAULT_NON_CANONICAL, ~0xfull, 0xff);
}

static void test_commands(struct card *card)
{
	struct loom_pkt_header *header;
	struct loom_fault *f;
	struct cmds cmds;

	*(uint64_t *)card_at(card, 1, DATA) = 0;
	cmds = cmds_begin(card, 1);
	cmds_fence(&cmds, DATA, 99);
	header = cmds_add(&cmds, 0x77, 16);
	f = expect(card, "unknown opcode", &cmds, LOOM_FAULT_CMD_OPCODE, cmds.va + 32, 0xff);
	tap_ok(f->packet == 32 && f->opcode == 0x77 && f->access == LOOM_ACCESS_FETCH,
	       "with its offset");
	tap_ok(*(uint64_t *)card_at(card, 1, DATA) == 0, "and nothing before it was executed");
	header->opcode = LOOM_OP_NOP;
	header->size = 8;
	expect(card, "short packet", &cmds, LOOM_FAULT_CMD_HEADER, cmds.va + 32, 0xff);
	header->size = 24;
	expect(card, "packet beyond the end", &cmds, LOOM_FAULT_CMD_HEADER, cmds.va + 32, 0xff);
	header->size = 16;
	cmds.size -= 8;
	expect(card, "half a header", &cmds, LOOM_FAULT_CMD_HEADER, cmds.va + 32, 0xff);
	cmds = cmds_begin(card, 1);
	cmds_hang(&cmds, false);
	expect(card, "HANG without the feature", &cmds, LOOM_FAULT_CMD_OPCODE, cmds.va, 0xff);
}

static void test_overflow(struct card *card)
{
	uint64_t write = card_read64(card, LOOM_REG_FAULT_WRITE);
	struct cmds cmds = cmds_begin(card, 1);
	unsigned int bad = 0;
	struct loom_cqe cqe;

	cmds_fence(&cmds, 0x123456789000, 1);
	card_write64(card, LOOM_REG_IRQ_STATUS, ~0ull);
	card_write64(card, LOOM_REG_IRQ_ENABLE, LOOM_IRQ_FAULT | LOOM_IRQ_FAULT_OVERFLOW);
	for (unsigned int i = 0; i < 34; i++) {
		card_submit(card, 1, &cmds, 0);
		card_wait(card, 1, &cqe);
		bad += cqe_outcome(&cqe) != LOOM_OUTCOME_FAULT;
		bad += cqe_fault(&cqe) != (i < 32 ? (uint32_t)write + i : LOOM_CQE_FAULT_NONE);
		card_write32(card, LOOM_REG_CTX_START, 1);
	}
	tap_ok(!bad && card_read64(card, LOOM_REG_FAULT_DROPPED) == 2, "a full ring drops records");
	tap_ok(card_read64(card, LOOM_REG_IRQ_STATUS) ==
	       (LOOM_IRQ_FAULT | LOOM_IRQ_FAULT_OVERFLOW), "and says so");
	host_wait_irq(&card->host, 0, 34);
	card_write64(card, LOOM_REG_FAULT_READ, write + 32);
	card_submit(card, 1, &cmds, 0);
	card_wait(card, 1, &cqe);
	tap_ok(cqe_fault(&cqe) == (uint32_t)write + 32, "it goes on when there is room");
	card_write32(card, LOOM_REG_CTX_START, 1);
	/* no ring at all */
	card_write64(card, LOOM_REG_FAULT_BASE, 0);
	card_submit(card, 1, &cmds, 0);
	card_wait(card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_FAULT && cqe_fault(&cqe) == LOOM_CQE_FAULT_NONE &&
	       card_read64(card, LOOM_REG_FAULT_DROPPED) == 3, "without a ring it is counted");
	card_write32(card, LOOM_REG_CTX_START, 1);
	card_write64(card, LOOM_REG_FAULT_BASE, card->fault_bus);
}

static void test_resource(void)
{
	struct loom_core_config config = card_config();
	static struct card card;
	struct cmds cmds;
	struct loom_cqe cqe;

	config.scratch_max = 1 << 20;
	card_init(&card, &config);
	card_context(&card, 1, 1, 1, 1, LOOM_PRIORITY_NORMAL);
	card_enable(&card, 0);
	card_ring(&card, 1, 6, 1, 0);
	cmds = cmds_begin(&card, 1);
	cmds_fill(&cmds, DATA, 1 << 30, 1);
	expect(&card, "operand too large for the card", &cmds, LOOM_FAULT_CMD_RESOURCE, cmds.va,
	       0xff);
	cmds = cmds_begin(&card, 1);
	for (unsigned int i = 0; i < 40000; i++)
		cmds_add(&cmds, LOOM_OP_NOP, 16);
	expect(&card, "commands too long for the card", &cmds, LOOM_FAULT_CMD_RESOURCE, cmds.va,
	       0xff);
	cmds = cmds_begin(&card, 1);
	card_buffer(&card, 1, DATA, 8 << 20);
	cmds_fill(&cmds, DATA, 8 << 20, 1);
	card_submit(&card, 1, &cmds, 0);
	card_wait(&card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_OK, "what fits still runs");
	card_exit(&card);
}

int main(void)
{
	struct loom_core_config config = card_config();
	static struct card card;

	card_init(&card, &config);
	card_context(&card, 1, 1, 1, 1, LOOM_PRIORITY_NORMAL);
	card_enable(&card, 0);
	card_ring(&card, 1, 6, 1, 0);
	test_walk(&card);
	test_tables(&card);
	test_bus(&card);
	test_fetch(&card);
	test_commands(&card);
	test_overflow(&card);
	card_exit(&card);
	test_resource();
	return tap_done();
}
