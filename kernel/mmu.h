/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Page tables of the card. Nothing here knows of drm_gpuvm, of buffers or of ioctls.
 */
#ifndef LOOM_MMU_H
#define LOOM_MMU_H

#include <linux/list.h>
#include <linux/types.h>

#include "loom_hw.h"

/**
 * struct loom_mmu_ops - what page tables need from their surroundings
 */
struct loom_mmu_ops {
	/** @alloc: a zeroed table and its bus address, or NULL; may sleep. */
	void *(*alloc)(void *priv, dma_addr_t *bus);
	/** @free: give a table back. */
	void (*free)(void *priv, void *table, dma_addr_t bus);
	/**
	 * @invalidate: make the card forget translations; a length of 0 means all of the tag.
	 * When it returns, the card reaches nothing through them any more.
	 */
	void (*invalidate)(void *priv, u32 tag, u64 va, u64 len);
};

/**
 * struct loom_table - a page table and the driver's view of it
 * @link: in &loom_mmu.retired
 * @entry: what the card reads
 * @bus: where the card reads it
 * @used: entries that are not zero
 * @child: tables below, NULL in a table of level 0
 */
struct loom_table {
	struct list_head link;
	__le64 *entry;
	dma_addr_t bus;
	unsigned int used;
	struct loom_table **child;
};

/**
 * struct loom_mmu - page tables of one address space
 *
 * The caller serialises all calls.
 *
 * @ops: see &struct loom_mmu_ops
 * @priv: first argument of @ops
 * @tag: TLB tag of the address space
 * @large: the card has leaves of 2 MiB
 * @large_count: how many there are
 * @root: the table of level 3
 * @retired: tables that the card may still read, until loom_mmu_sync()
 * @dirty_start: first address whose translation was taken away since the last sync
 * @dirty_end: end of that range; not above @dirty_start if there is none
 */
struct loom_mmu {
	const struct loom_mmu_ops *ops;
	void *priv;
	u32 tag;
	bool large;
	u64 large_count;
	struct loom_table *root;
	struct list_head retired;
	u64 dirty_start;
	u64 dirty_end;
};

/**
 * struct loom_mmu_step - a level of a walk
 * @table: bus address of the table
 * @entry: the entry
 * @level: level of the table
 * @index: of the entry
 */
struct loom_mmu_step {
	dma_addr_t table;
	u64 entry;
	unsigned int level;
	unsigned int index;
};

int loom_mmu_init(struct loom_mmu *mmu, const struct loom_mmu_ops *ops, void *priv, u32 tag,
		  bool large);
void loom_mmu_fini(struct loom_mmu *mmu);
int loom_mmu_prepare_map(struct loom_mmu *mmu, u64 va, u64 size);
int loom_mmu_prepare_unmap(struct loom_mmu *mmu, u64 va, u64 size);
void loom_mmu_map(struct loom_mmu *mmu, u64 va, u64 size, dma_addr_t bus, u64 prot);
void loom_mmu_unmap(struct loom_mmu *mmu, u64 va, u64 size);
void loom_mmu_trim(struct loom_mmu *mmu, u64 va, u64 size);
void loom_mmu_sync(struct loom_mmu *mmu);
unsigned int loom_mmu_walk(const struct loom_mmu *mmu, u64 va, struct loom_mmu_step *steps);

#endif
