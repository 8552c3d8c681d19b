// SPDX-License-Identifier: MIT
#include <string.h>

#include "fuzz.h"

static unsigned int tables;

uint64_t space_pte(uint64_t root, uint64_t va, unsigned int level)
{
	uint64_t table = root, entry;

	for (unsigned int at = LOOM_PT_LEVELS - 1;; at--) {
		entry = table + ((va >> LOOM_PT_SHIFT(at)) & (LOOM_PT_ENTRIES - 1)) * 8;
		if (at == level)
			return entry;
		if (!guest_load(entry)) {
			fuzz_check(SPACE_TABLES + tables < SPACE_CMD, "too many tables");
			guest_store(entry, PAGE(SPACE_TABLES + tables++) | LOOM_PTE_VALID);
		}
		table = guest_load(entry) & LOOM_PTE_ADDR;
	}
}

uint64_t space_build(void)
{
	uint64_t root = PAGE(SPACE_TABLES + tables++);

	/* pairs of neighbours in falling order: operands have several runs */
	for (unsigned int i = 0; i < 16; i++)
		guest_store(space_pte(root, DATA_VA + i * 4096, 0),
			    PAGE(SPACE_DATA + (14 - (i & ~1u)) + (i & 1)) | RW);
	for (unsigned int i = 0; i < 4; i++)
		guest_store(space_pte(root, RO_VA + i * 4096, 0),
			    PAGE(SPACE_RO + i) | (RW & ~LOOM_PTE_WRITE));
	for (unsigned int i = 0; i < GUEST_LOCAL / 4096; i++)
		guest_store(space_pte(root, LOCAL_VA + i * 4096, 0),
			    i * 4096ull | RW | LOOM_PTE_LOCAL);
	for (unsigned int i = 0; i < 8; i++)
		guest_store(space_pte(root, CMD_VA + i * 4096, 0),
			    PAGE(SPACE_CMD + i) | (RW & ~LOOM_PTE_WRITE));
	return root;
}

void space_context(unsigned int n, uint64_t root, uint32_t tag)
{
	struct loom_ctx_entry entry = {
		.root = root, .tag = tag, .flags = LOOM_CTX_VALID, .client = n / 2, .weight = 1,
		.priority = LOOM_PRIORITY_NORMAL,
	};

	guest_write(CARD_CTX + n * sizeof(entry), &entry, sizeof(entry));
}

void space_protect(void)
{
	memset(guest.writable, 0, sizeof(guest.writable));
	guest.writable[2] = true;
	for (unsigned int i = 8; i < SPACE_DATA + 16; i++)
		guest.writable[i] = true;
}

void space_packet(uint64_t *at, struct space_program *program, uint16_t opcode, uint32_t size, void *pkt)
{
	struct loom_pkt_header *header = pkt;

	header->opcode = opcode;
	header->version = LOOM_PKT_VERSION;
	header->size = size;
	guest_write(PAGE(SPACE_CMD) + *at, pkt, size);
	if (!program->size)
		program->va = CMD_VA + *at;
	program->size += size;
	*at += size;
}

uint64_t space_submit(unsigned int ring, unsigned int log2, const struct submission *submission)
{
	uint64_t index = guest_load(SPACE_INDEX(ring));
	struct loom_desc desc = {
		.cmd_va = submission->cmd_va,
		.cmd_size = submission->cmd_size,
		.context = submission->context,
		.cookie = submission->cookie,
		.flags = submission->flags,
	};

	guest_write(SPACE_DESC(ring) + (index & (BIT64(log2) - 1)) * sizeof(desc), &desc,
		    sizeof(desc));
	guest_store(SPACE_INDEX(ring), index + 1);
	card_write32(LOOM_DOORBELL(ring), 0);
	return index;
}

unsigned int space_completion(unsigned int ring, unsigned int log2, uint64_t index,
			      uint64_t cookie, uint32_t *fault)
{
	struct loom_cqe cqe;
	unsigned int outcome;

	guest_read(SPACE_CQE(ring) + (index & (BIT64(log2) - 1)) * sizeof(cqe), &cqe, sizeof(cqe));
	outcome = cqe.control >> LOOM_CQE_OUTCOME_SHIFT & LOOM_CQE_OUTCOME_MASK;
	fuzz_check((cqe.control & LOOM_CQE_PHASE) == (~(index >> log2) & 1),
		   "no completion of descriptor %llu", (unsigned long long)index);
	fuzz_check(cqe.index == index && cqe.cookie == cookie, "a completion of another descriptor");
	fuzz_check(outcome <= LOOM_OUTCOME_BAD_DESCRIPTOR, "outcome %u", outcome);
	fuzz_check(cqe.t_start <= cqe.t_end, "it ended before it began");
	*fault = (uint32_t)(cqe.control >> LOOM_CQE_FAULT_SHIFT);
	fuzz_check((outcome == LOOM_OUTCOME_FAULT || outcome == LOOM_OUTCOME_BAD_COMMAND) ||
		   *fault == LOOM_CQE_FAULT_NONE, "a fault record for outcome %u", outcome);
	return outcome;
}
