// SPDX-License-Identifier: MIT
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "card.h"

#define FAULT_LOG2	5

struct loom_core_config card_config(void)
{
	return (struct loom_core_config){
		.rings = CARD_RINGS,
		.contexts = CARD_CONTEXTS,
		.vectors = CARD_RINGS + 1,
		.threads = 2,
		.local_size = 16 << 20,
		.debug = true,
		.spin_us = 20,
		.serial = "LM-TEST-1",
	};
}

void card_init(struct card *card, const struct loom_core_config *base)
{
	card_init_ops(card, base, &host_ops);
}

void card_init_ops(struct card *card, const struct loom_core_config *base,
		   const struct loom_host_ops *ops)
{
	struct loom_core_config config = *base;
	const char *why = NULL;
	int ret;

	memset(card, 0, sizeof(*card));
	host_init(&card->host, 512ull << 20);
	if (config.local_size) {
		card->local = mmap(NULL, config.local_size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (card->local == MAP_FAILED) {
			perror("mmap");
			exit(1);
		}
		config.local = card->local;
	}
	ret = loom_core_create(&config, ops, &card->host, &card->core, &why);
	if (ret) {
		fprintf(stderr, "no card: %s: %s\n", why, strerror(-ret));
		exit(1);
	}
	card->rings = config.rings;
	card->ctx_bus = host_alloc(&card->host, CARD_CONTEXTS * sizeof(*card->table));
	card->table = host_ptr(&card->host, card->ctx_bus);
	card->fault_bus = host_alloc(&card->host, sizeof(*card->faults) << FAULT_LOG2);
	card->faults = host_ptr(&card->host, card->fault_bus);
	/* a test that waits for what never comes must end all the same */
	alarm(120);
}

void card_enable(struct card *card, uint64_t features)
{
	card_write64(card, LOOM_REG_FEATURES_ACK, features);
	card_write64(card, LOOM_REG_CTX_BASE, card->ctx_bus);
	card_write32(card, LOOM_REG_CTX_COUNT, CARD_CONTEXTS);
	card_write64(card, LOOM_REG_FAULT_BASE, card->fault_bus);
	card_write32(card, LOOM_REG_FAULT_LOG2, FAULT_LOG2);
	card_write32(card, LOOM_REG_CTRL, LOOM_CTRL_ENABLE);
}

void card_exit(struct card *card)
{
	loom_core_destroy(card->core);
	if (atomic_load(&card->host.maps) || atomic_load(&card->host.bad_unmaps) ||
	    atomic_load(&card->host.late)) {
		fprintf(stderr, "%d maps left, %lu bad unmaps, %lu late accesses\n",
			atomic_load(&card->host.maps), atomic_load(&card->host.bad_unmaps),
			atomic_load(&card->host.late));
		exit(1);
	}
	if (card->local)
		munmap(card->local, 16 << 20);
	host_free(&card->host);
}

uint32_t card_read32(struct card *card, uint64_t reg)
{
	return (uint32_t)loom_core_mmio_read(card->core, reg, 4);
}

uint64_t card_read64(struct card *card, uint64_t reg)
{
	return loom_core_mmio_read(card->core, reg, 8);
}

void card_write32(struct card *card, uint64_t reg, uint32_t value)
{
	loom_core_mmio_write(card->core, reg, value, 4);
}

void card_write64(struct card *card, uint64_t reg, uint64_t value)
{
	loom_core_mmio_write(card->core, reg, value, 8);
}

void card_until32(struct card *card, uint64_t reg, uint32_t mask, uint32_t value)
{
	while ((card_read32(card, reg) & mask) != value)
		sched_yield();
}

void card_context(struct card *card, unsigned int n, uint32_t tag, uint32_t client,
		  uint16_t weight, uint8_t priority)
{
	struct card_context *ctx = &card->ctx[n];

	if (!ctx->root) {
		ctx->root = host_alloc(&card->host, LOOM_PAGE_SIZE);
		ctx->cmd = card_linear(card, n, CARD_CMD_VA, CARD_CMD_SIZE);
	}
	ctx->tag = tag;
	card->table[n] = (struct loom_ctx_entry){
		.root = ctx->root,
		.tag = tag,
		.flags = LOOM_CTX_VALID,
		.client = client,
		.weight = weight,
		.priority = priority,
	};
}

uint64_t *card_pte(struct card *card, unsigned int ctx, uint64_t va, unsigned int level)
{
	uint64_t *table = host_ptr(&card->host, card->ctx[ctx].root), *entry;
	unsigned int at = LOOM_PT_LEVELS - 1;

	for (;;) {
		entry = &table[(va >> LOOM_PT_SHIFT(at)) & (LOOM_PT_ENTRIES - 1)];
		if (at == level)
			return entry;
		if (!*entry)
			__atomic_store_n(entry, host_alloc(&card->host, LOOM_PAGE_SIZE) |
					 LOOM_PTE_VALID, __ATOMIC_RELAXED);
		table = host_ptr(&card->host, *entry & LOOM_PTE_ADDR);
		at--;
	}
}

void card_map(struct card *card, unsigned int ctx, uint64_t va, uint64_t bus, uint64_t len,
	      uint64_t flags)
{
	for (uint64_t off = 0; off < len; off += LOOM_PAGE_SIZE)
		__atomic_store_n(card_pte(card, ctx, va + off, 0), (bus + off) | flags,
				 __ATOMIC_RELAXED);
}

void card_unmap(struct card *card, unsigned int ctx, uint64_t va, uint64_t len)
{
	for (uint64_t off = 0; off < len; off += LOOM_PAGE_SIZE)
		__atomic_store_n(card_pte(card, ctx, va + off, 0), 0, __ATOMIC_RELAXED);
}

void card_invalidate(struct card *card, uint32_t tag, uint64_t va, uint64_t len)
{
	uint64_t seq;

	card_write64(card, LOOM_REG_INV_VA, va);
	card_write64(card, LOOM_REG_INV_LEN, len);
	card_write32(card, LOOM_REG_INV_TAG, tag);
	seq = card_read64(card, LOOM_REG_INV_ISSUED);
	while (card_read64(card, LOOM_REG_INV_DONE) < seq)
		sched_yield();
}

void card_buffer(struct card *card, unsigned int ctx, uint64_t va, uint64_t len)
{
	uint64_t bus = host_alloc(&card->host, len), pages = (len + 4095) / 4096;

	for (uint64_t i = 0; i < pages; i++)
		card_map(card, ctx, va + i * 4096, bus + (pages - 1 - i) * 4096, 4096, RW);
}

void *card_linear(struct card *card, unsigned int ctx, uint64_t va, uint64_t len)
{
	uint64_t bus = host_alloc(&card->host, len);

	card_map(card, ctx, va, bus, len, RW);
	return host_ptr(&card->host, bus);
}

void *card_at(struct card *card, unsigned int ctx, uint64_t va)
{
	uint64_t pte = *card_pte(card, ctx, va, 0);

	if (pte & LOOM_PTE_LOCAL)
		return card->local + (pte & LOOM_PTE_ADDR) + (va & 4095);
	return (uint8_t *)host_ptr(&card->host, pte & LOOM_PTE_ADDR) + (va & 4095);
}

void card_ring_config(struct card *card, unsigned int r, unsigned int vector, uint64_t start)
{
	struct card_ring *ring = &card->ring[r];
	uint64_t regs = LOOM_REG_RING(r);

	ring->write = start;
	ring->seen = start;
	__atomic_store_n(ring->index, start, __ATOMIC_RELEASE);
	card_write64(card, regs + LOOM_RING_BASE, ring->desc_bus);
	card_write64(card, regs + LOOM_RING_CQ_BASE, ring->cqe_bus);
	card_write64(card, regs + LOOM_RING_WRITE_ADDR, ring->index_bus);
	card_write64(card, regs + LOOM_RING_READ, start);
	card_write32(card, regs + LOOM_RING_LOG2, ring->log2);
	card_write32(card, regs + LOOM_RING_CQ_LOG2, ring->log2);
	card_write32(card, regs + LOOM_RING_VECTOR, vector);
	card_write32(card, regs + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE);
}

void card_ring(struct card *card, unsigned int r, unsigned int log2, unsigned int vector,
	       uint64_t start)
{
	struct card_ring *ring = &card->ring[r];

	if (!ring->desc) {
		ring->log2 = log2;
		ring->desc_bus = host_alloc(&card->host, sizeof(*ring->desc) << log2);
		ring->cqe_bus = host_alloc(&card->host, sizeof(*ring->cqe) << log2);
		ring->index_bus = host_alloc(&card->host, 8);
		ring->desc = host_ptr(&card->host, ring->desc_bus);
		ring->cqe = host_ptr(&card->host, ring->cqe_bus);
		ring->index = host_ptr(&card->host, ring->index_bus);
	}
	card_ring_config(card, r, vector, start);
}

struct cmds cmds_begin(struct card *card, unsigned int ctx)
{
	uint64_t at = (card->ctx[ctx].cmd_next + 63) & ~63ull;

	card->ctx[ctx].cmd_next = at;
	return (struct cmds){ .card = card, .ctx = ctx, .va = CARD_CMD_VA + at };
}

void *cmds_add(struct cmds *cmds, uint16_t opcode, uint32_t size)
{
	struct card_context *ctx = &cmds->card->ctx[cmds->ctx];
	struct loom_pkt_header *header;

	if (cmds->va - CARD_CMD_VA + cmds->size + size > CARD_CMD_SIZE) {
		fprintf(stderr, "no room for commands\n");
		exit(1);
	}
	header = (void *)(ctx->cmd + (cmds->va - CARD_CMD_VA) + cmds->size);
	memset(header, 0, size);
	header->opcode = opcode;
	header->version = LOOM_PKT_VERSION;
	header->size = size;
	cmds->size += size;
	ctx->cmd_next = cmds->va - CARD_CMD_VA + cmds->size;
	return header;
}

void cmds_fence(struct cmds *cmds, uint64_t va, uint64_t value)
{
	struct loom_pkt_fence *pkt = cmds_add(cmds, LOOM_OP_FENCE, sizeof(*pkt));

	pkt->va = va;
	pkt->value = value;
}

void cmds_timestamp(struct cmds *cmds, uint64_t va)
{
	struct loom_pkt_timestamp *pkt = cmds_add(cmds, LOOM_OP_TIMESTAMP, sizeof(*pkt));

	pkt->va = va;
}

static struct loom_tensor bytes_at(uint64_t va, uint32_t bytes)
{
	return (struct loom_tensor){
		.va = va, .dtype = LOOM_DTYPE_U8, .rank = 1, .dims = { bytes }, .strides = { 1 }
	};
}

void cmds_fill(struct cmds *cmds, uint64_t va, uint32_t bytes, uint8_t value)
{
	struct loom_pkt_fill *pkt = cmds_add(cmds, LOOM_OP_FILL, sizeof(*pkt));

	pkt->dst = bytes_at(va, bytes);
	pkt->value = value;
}

void cmds_copy(struct cmds *cmds, uint64_t dst, uint64_t src, uint32_t bytes)
{
	struct loom_pkt_copy *pkt = cmds_add(cmds, LOOM_OP_COPY, sizeof(*pkt));

	pkt->dst = bytes_at(dst, bytes);
	pkt->src = bytes_at(src, bytes);
}

void cmds_hang(struct cmds *cmds, bool busy)
{
	struct loom_pkt_hang *pkt = cmds_add(cmds, LOOM_OP_HANG, sizeof(*pkt));

	pkt->flags = busy ? LOOM_HANG_BUSY : 0;
}

static struct loom_tensor square(uint64_t va, uint32_t n)
{
	return (struct loom_tensor){
		.va = va, .dtype = LOOM_DTYPE_F32, .rank = 2, .dims = { n, n }, .strides = { n, 1 }
	};
}

void cmds_gemm(struct cmds *cmds, uint64_t c, uint64_t a, uint64_t b, uint32_t n)
{
	struct loom_pkt_gemm *pkt = cmds_add(cmds, LOOM_OP_GEMM, sizeof(*pkt));

	pkt->c = square(c, n);
	pkt->a = square(a, n);
	pkt->b = square(b, n);
}

uint64_t card_queue(struct card *card, unsigned int r, const struct loom_desc *desc)
{
	struct card_ring *ring = &card->ring[r];
	uint64_t index = ring->write++;

	ring->desc[index & ((1u << ring->log2) - 1)] = *desc;
	return index;
}

void card_doorbell(struct card *card, unsigned int r)
{
	struct card_ring *ring = &card->ring[r];

	__atomic_store_n(ring->index, ring->write, __ATOMIC_RELEASE);
	loom_core_mmio_write(card->core, LOOM_DOORBELL(r), 0, 4);
}

uint64_t card_submit(struct card *card, unsigned int r, const struct cmds *cmds, uint32_t flags)
{
	struct loom_desc desc = {
		.cmd_va = cmds->va,
		.cmd_size = cmds->size,
		.context = cmds->ctx,
		.cookie = 0xc00c1e00 + card->ring[r].write,
		.flags = flags,
	};
	uint64_t index = card_queue(card, r, &desc);

	card_doorbell(card, r);
	return index;
}

bool card_poll(struct card *card, unsigned int r, struct loom_cqe *cqe)
{
	struct card_ring *ring = &card->ring[r];
	struct loom_cqe *entry = &ring->cqe[ring->seen & ((1u << ring->log2) - 1)];
	uint64_t phase = ~(ring->seen >> ring->log2) & 1, control;

	control = __atomic_load_n(&entry->control, __ATOMIC_ACQUIRE);
	if ((control & LOOM_CQE_PHASE) != phase)
		return false;
	*cqe = *entry;
	cqe->control = control;
	ring->seen++;
	return true;
}

void card_wait(struct card *card, unsigned int r, struct loom_cqe *cqe)
{
	while (!card_poll(card, r, cqe))
		sched_yield();
}

unsigned int cqe_outcome(const struct loom_cqe *cqe)
{
	return cqe->control >> LOOM_CQE_OUTCOME_SHIFT & LOOM_CQE_OUTCOME_MASK;
}

uint32_t cqe_fault(const struct loom_cqe *cqe)
{
	return (uint32_t)(cqe->control >> LOOM_CQE_FAULT_SHIFT);
}
