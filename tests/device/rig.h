/* SPDX-License-Identifier: MIT */
/*
 * The card on the bench: found, its BARs placed, with a context whose address
 * space shows guest memory, local memory and what a card should not reach.
 */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include "loom_isa.h"
#include "lqt.h"

/* Bus addresses. */
#define RIG_ECAM	0xb0000000ull
#define RIG_BAR0	0xe0000000ull
#define RIG_BAR4	0xe2000000ull
#define RIG_HOLE	0xd0000000ull
#define RIG_ROM		0xffe00000ull		/* 2 MiB with the firmware at their end */
#define RIG_BAR2	0x800000000ull

/* Guest memory. */
#define RIG_DESC(r)	(0x0100000u + 0x1000 * (r))
#define RIG_CQ(r)	(0x0120000u + 0x1000 * (r))
#define RIG_INDEX(r)	(0x0140000u + 0x1000 * (r))
#define RIG_CONTEXTS	0x0150000u
#define RIG_FAULTS	0x0151000u
#define RIG_TABLES	0x0152000u		/* 3 pages: levels 3, 2, 1 */
#define RIG_IOMMU	0x0160000u		/* 5 pages */
#define RIG_MSI(v)	(0x0170000u + 8 * (v))	/* message of vector v: a word of memory */
#define RIG_FENCE(n)	(0x0171000u + 8 * (n))
#define RIG_CMD(n)	(0x0180000u + 0x100000 * (n))
#define RIG_DATA	0x0800000u

#define RIG_LOG2	4

/* Virtual addresses of context 1; guest memory is where it is on the bus. */
#define RIG_VA_BAR0	0x4000000ull
#define RIG_VA_LOCAL	0x4200000ull		/* by the LOCAL bit */
#define RIG_VA_BAR2	0x4400000ull		/* the same memory, over the bus */
#define RIG_VA_HOLE	0x4600000ull
#define RIG_VA_ROM	0x4800000ull
#define RIG_VA_NONE	0x4a00000ull		/* not mapped */

/**
 * struct rig - a machine and its card
 * @bus, @devfn: where the card is
 * @pm, @exp, @msix: offsets of capabilities in its configuration space
 * @size: of the command buffers, while they are written
 * @index: descriptors submitted to each ring
 */
struct rig {
	struct lqt m;
	unsigned int bus, devfn;
	unsigned int pm, exp, msix;
	uint32_t size[4];
	uint64_t index[4];
};

/** rig_open() - the same, and nothing is set up: for a state to come */
void rig_open(struct rig *rig, enum lqt_accel accel, const char *device, const char *const *args);
/** rig_start() - machine with -device @device (NULL: none) and further arguments */
void rig_start(struct rig *rig, enum lqt_accel accel, const char *device, const char *const *args);
bool rig_stop(struct rig *rig);
/** rig_move() - @to is a machine that has taken up the state of @from's */
void rig_move(struct rig *to, const struct rig *from);

/** rig_place() - find the card's capabilities and place its BARs */
void rig_place(struct rig *rig, unsigned int bus, unsigned int devfn);
/** rig_setup() - bus master, MSI-X, tables, ENABLE, and rings 0 to 3 with vectors 1 to 4 */
void rig_setup(struct rig *rig);

uint32_t rig_config(struct rig *rig, unsigned int size, unsigned int offset);
void rig_config_set(struct rig *rig, unsigned int size, unsigned int offset, uint32_t value);
void rig_master(struct rig *rig, bool on);
void rig_flr(struct rig *rig);

uint32_t rig_reg(struct rig *rig, uint64_t offset);
uint64_t rig_reg64(struct rig *rig, uint64_t offset);
void rig_set(struct rig *rig, uint64_t offset, uint32_t value);
void rig_set64(struct rig *rig, uint64_t offset, uint64_t value);

/** rig_word() - 64 bits of guest memory, by acquire */
uint64_t rig_word(struct rig *rig, uint64_t addr);
void rig_word_set(struct rig *rig, uint64_t addr, uint64_t value);

/**
 * rig_still() - whether guest memory has come to rest
 *
 * @copy, of LQT_RAM bytes, gets the memory as it is.
 */
bool rig_still(struct rig *rig, uint8_t *copy);

/** tap_group() - the tests that follow are of group @n of Documentation/testing.rst */
void tap_group(unsigned int n, const char *name);

/* Packets are appended to command buffer @cmd. */
void rig_packet(struct rig *rig, unsigned int cmd, struct loom_pkt_header *header,
		unsigned int opcode, uint32_t size);
void rig_begin(struct rig *rig, unsigned int cmd);
void rig_fence(struct rig *rig, unsigned int cmd, uint64_t va, uint64_t value);
void rig_fill(struct rig *rig, unsigned int cmd, uint64_t va, uint32_t words, uint32_t value);
void rig_copy(struct rig *rig, unsigned int cmd, uint64_t dst, uint64_t src, uint32_t words);
/* @va[i] += @by[i], signed words in place: not to be done twice */
void rig_add(struct rig *rig, unsigned int cmd, uint64_t va, uint64_t by, uint32_t words);
void rig_hang(struct rig *rig, unsigned int cmd);

/** rig_queue() - descriptor for command buffer @cmd; its index */
uint64_t rig_queue(struct rig *rig, unsigned int ring, unsigned int cmd, uint32_t flags);
/** rig_submit() - rig_queue() and the doorbell */
uint64_t rig_submit(struct rig *rig, unsigned int ring, unsigned int cmd);
/** rig_retired() - whether descriptor @index of @ring is complete */
bool rig_retired(struct rig *rig, unsigned int ring, uint64_t index);
/** rig_outcome() - wait for it; enum loom_outcome */
unsigned int rig_outcome(struct rig *rig, unsigned int ring, uint64_t index);
/** rig_ring_reset() - reset and set up again, from index 0 */
void rig_ring_reset(struct rig *rig, unsigned int ring);

#endif
