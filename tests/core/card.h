/* SPDX-License-Identifier: MIT */
/*
 * A driver in miniature: page tables, contexts, rings and command buffers.
 */
#ifndef TEST_CARD_H
#define TEST_CARD_H

#include "host.h"

#define CARD_CONTEXTS	64
#define CARD_RINGS	8

/* Where command buffers are in every context. */
#define CARD_CMD_VA	0x7f0000000000ull
#define CARD_CMD_SIZE	0x200000ull

/**
 * struct card_ring
 * @write: next index to submit
 * @seen: completions consumed
 */
struct card_ring {
	unsigned int log2;
	struct loom_desc *desc;
	struct loom_cqe *cqe;
	uint64_t *index;
	uint64_t write, seen;
	uint64_t desc_bus, cqe_bus, index_bus;
};

/**
 * struct card_context
 * @cmd: memory at CARD_CMD_VA
 * @cmd_next: bytes of it in use
 */
struct card_context {
	uint64_t root;
	uint32_t tag;
	uint8_t *cmd;
	uint64_t cmd_next;
};

struct card {
	struct host host;
	struct loom_core *core;
	uint8_t *local;
	uint64_t ctx_bus, fault_bus;
	struct loom_ctx_entry *table;
	struct loom_fault *faults;
	unsigned int rings;
	struct card_context ctx[CARD_CONTEXTS];
	struct card_ring ring[LOOM_RINGS_MAX];
};

/* What the tests start from; change it, then card_init(). */
struct loom_core_config card_config(void);
void card_init(struct card *card, const struct loom_core_config *config);
/* The same on other host operations, such as host_ops with a clock of the test's own. */
void card_init_ops(struct card *card, const struct loom_core_config *config,
		   const struct loom_host_ops *ops);
/* Registers only, as a driver does after a reset: contexts, fault ring, ENABLE. */
void card_enable(struct card *card, uint64_t features);
/* Ends the card and checks that nothing stayed mapped. */
void card_exit(struct card *card);

uint32_t card_read32(struct card *card, uint64_t reg);
uint64_t card_read64(struct card *card, uint64_t reg);
void card_write32(struct card *card, uint64_t reg, uint32_t value);
void card_write64(struct card *card, uint64_t reg, uint64_t value);
/* Wait until (register & mask) == value. */
void card_until32(struct card *card, uint64_t reg, uint32_t mask, uint32_t value);

void card_context(struct card *card, unsigned int n, uint32_t tag, uint32_t client,
		  uint16_t weight, uint8_t priority);
/* The entry of @va at @level, its tables made. */
uint64_t *card_pte(struct card *card, unsigned int ctx, uint64_t va, unsigned int level);
void card_map(struct card *card, unsigned int ctx, uint64_t va, uint64_t bus, uint64_t len,
	      uint64_t flags);
void card_unmap(struct card *card, unsigned int ctx, uint64_t va, uint64_t len);
void card_invalidate(struct card *card, uint32_t tag, uint64_t va, uint64_t len);
/* Memory in pages of falling bus addresses, so that no two are adjacent. */
void card_buffer(struct card *card, unsigned int ctx, uint64_t va, uint64_t len);
/* Adjacent memory. */
void *card_linear(struct card *card, unsigned int ctx, uint64_t va, uint64_t len);
/* Where a byte of a context is. */
void *card_at(struct card *card, unsigned int ctx, uint64_t va);

#define RW	(LOOM_PTE_VALID | LOOM_PTE_LEAF | LOOM_PTE_READ | LOOM_PTE_WRITE)

/* Allocate if necessary, configure and enable; begins at @start. */
void card_ring(struct card *card, unsigned int ring, unsigned int log2, unsigned int vector,
	       uint64_t start);
void card_ring_config(struct card *card, unsigned int ring, unsigned int vector, uint64_t start);

/* Commands of a context, appended one after the other. */
struct cmds {
	struct card *card;
	unsigned int ctx;
	uint64_t va;
	uint32_t size;
};

struct cmds cmds_begin(struct card *card, unsigned int ctx);
void *cmds_add(struct cmds *cmds, uint16_t opcode, uint32_t size);
void cmds_fence(struct cmds *cmds, uint64_t va, uint64_t value);
void cmds_timestamp(struct cmds *cmds, uint64_t va);
void cmds_fill(struct cmds *cmds, uint64_t va, uint32_t bytes, uint8_t value);
void cmds_copy(struct cmds *cmds, uint64_t dst, uint64_t src, uint32_t bytes);
void cmds_hang(struct cmds *cmds, bool busy);
/* f32, n x n x n */
void cmds_gemm(struct cmds *cmds, uint64_t c, uint64_t a, uint64_t b, uint32_t n);

/* Without a doorbell; the index of the descriptor. */
uint64_t card_queue(struct card *card, unsigned int ring, const struct loom_desc *desc);
void card_doorbell(struct card *card, unsigned int ring);
uint64_t card_submit(struct card *card, unsigned int ring, const struct cmds *cmds,
		     uint32_t flags);
/* The next completion of @ring. */
bool card_poll(struct card *card, unsigned int ring, struct loom_cqe *cqe);
void card_wait(struct card *card, unsigned int ring, struct loom_cqe *cqe);
unsigned int cqe_outcome(const struct loom_cqe *cqe);
uint32_t cqe_fault(const struct loom_cqe *cqe);

#endif
