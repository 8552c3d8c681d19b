/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Rings of the card, and what runs on them.
 */
#ifndef LOOM_RING_H
#define LOOM_RING_H

#include "loom.h"

/**
 * struct loom_slot - which job a descriptor of a ring belongs to
 * @job: the group
 * @index: which of it
 */
struct loom_slot {
	struct loom_job *job;
	u32 index;
};

#define LOOM_STARTED_UNKNOWN	U64_MAX

/**
 * struct loom_ring - a ring
 */
struct loom_ring {
	/** @sched: its scheduler. */
	struct drm_gpu_scheduler sched;
	/** @sched_list: that, for entities that are to use this ring alone. */
	struct drm_gpu_scheduler *sched_list;
	/** @ldev: the card. */
	struct loom_device *ldev;
	/** @link: in &loom_device.active_rings. */
	struct list_head link;
	/** @id: its number. */
	u32 id;
	/** @vector: of its completions. */
	u32 vector;
	/** @size: number of descriptors, a power of two. */
	u32 size;
	/** @name: for the scheduler. */
	char name[16];

	/** @lock: see the top of this file; protects what follows. */
	spinlock_t lock;
	/** @desc: descriptors. */
	struct loom_desc *desc;
	/** @desc_bus: their bus address. */
	dma_addr_t desc_bus;
	/** @cq: completions. */
	struct loom_cqe *cq;
	/** @cq_bus: their bus address. */
	dma_addr_t cq_bus;
	/** @write_mem: the write index that the card reads. */
	__le64 *write_mem;
	/** @write_bus: its bus address. */
	dma_addr_t write_bus;
	/** @slots: one for each descriptor, then as many spare ones for resets. */
	struct loom_slot *slots;
	/** @spare: room for the descriptors of a reset. */
	struct loom_desc *spare;
	/** @write: descriptors written since the last start. */
	u64 write;
	/** @done: descriptors retired since then. */
	u64 done;
	/** @shown: descriptors that the card may know of. */
	u64 shown;
	/** @generation: of completions that count. */
	u16 generation;
	/** @held: a reset is under way: descriptors are written, the doorbell is not rung. */
	bool held;
	/** @parked: the machine falls asleep: descriptors are written, the card is not told. */
	bool parked;
	/** @sampled: @started is known. */
	bool sampled;
	/**
	 * @started: descriptors that the card had started when the ring was held, or
	 * LOOM_STARTED_UNKNOWN.
	 */
	u64 started;
	/** @dead: error of jobs; nothing of the card is touched any more. */
	int dead;
	/** @broken: a completion cannot be true: the watchdog resets the ring. */
	bool broken;
	/** @direct: descriptors in it that went past the scheduler. */
	u32 direct;

	/** @waiting: jobs that the scheduler has for it. */
	atomic_t waiting;
	/** @queues: queues that use it. */
	atomic_t queues;

	/** @watch: what the watchdog saw last; its own. */
	struct {
		/** @watch.valid: the rest means something. */
		bool valid;
		/** @watch.running: a descriptor is in execution. */
		bool running;
		/** @watch.index: which. */
		u64 index;
		/** @watch.priority: of its queue. */
		u32 priority;
		/** @watch.error: the ring stopped by itself. */
		bool error;
		/** @watch.progress: RING_PROGRESS. */
		u64 progress;
		/** @watch.start: ns when it was first seen. */
		u64 start;
		/** @watch.moved: ns when it last moved. */
		u64 moved;
		/** @watch.done: descriptors that had been retired. */
		u64 done;
		/** @watch.stalled: ns since when a descriptor waits and nothing runs, 0: not. */
		u64 stalled;
		/** @watch.strikes: what was done about that. */
		u32 strikes;
	} watch;
};

static inline u32 loom_ring_reg(const struct loom_ring *ring, u32 reg)
{
	return LOOM_REG_RING(ring->id) + reg;
}

/* ring.c */
void loom_ring_fence_init(struct loom_fence *fence, struct loom_client *client, u64 context,
			  u64 seqno);
int loom_ring_init(struct loom_device *ldev, u32 id);
int loom_ring_sched_init(struct loom_ring *ring);
void loom_ring_start(struct loom_ring *ring);
void loom_ring_push(struct loom_ring *ring, struct loom_job *job);
bool loom_ring_try_push(struct loom_ring *ring, struct loom_job *job);
void loom_ring_push_locked(struct loom_ring *ring, struct loom_job *job);
void loom_ring_complete(struct loom_ring *ring);
void loom_ring_complete_locked(struct loom_ring *ring);
void loom_ring_poll(struct loom_ring *ring);
void loom_ring_park(struct loom_ring *ring, bool park);
bool loom_ring_drained(struct loom_ring *ring);
void loom_ring_continue(struct loom_ring *ring);
void loom_ring_restart(struct loom_ring *ring, struct loom_queue *guilty);
void loom_ring_kill(struct loom_ring *ring, int error);

/* Scheduled groups have one half of each ring. */
static inline u32 loom_ring_credits(const struct loom_device *ldev)
{
	return 1u << (ldev->caps.ring_log2 - 1);
}

/* Those that go past the scheduler have the other; clears need room in a ring that is shared. */
static inline u32 loom_ring_direct(const struct loom_device *ldev)
{
	return loom_ring_credits(ldev) - (ldev->first_ring ? 0 : LOOM_CLEARS);
}

#endif
