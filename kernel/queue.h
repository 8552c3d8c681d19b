/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Queues, their jobs, places and events.
 */
#ifndef LOOM_QUEUE_H
#define LOOM_QUEUE_H

#include "loom.h"

/**
 * struct loom_queue - a user queue: one context of the card
 */
struct loom_queue {
	/** @ref: the id's, and one of each job. */
	struct kref ref;
	/** @rcu: callbacks of fences, which no lock keeps away, see the entity until then. */
	struct rcu_head rcu;
	/** @ldev: the card. */
	struct loom_device *ldev;
	/** @client: the owner. */
	struct loom_client *client;
	/** @vm: address space of the jobs. */
	struct loom_vm *vm;
	/** @id: the owner's. */
	u32 id;
	/** @counted: as a queue of its user and of its client. */
	bool counted;
	/** @context: the card's. */
	u32 context;
	/** @entity: the scheduler's. */
	struct drm_sched_entity entity;
	/** @entity_ready: @entity was initialised. */
	bool entity_ready;
	/** @priority: enum drm_loom_priority. */
	u32 priority;
	/** @timeout_ms: longest time without progress. */
	u32 timeout_ms;
	/** @limit_ms: longest time in all. */
	u32 limit_ms;
	/** @dump_contents: dumps may have what is in buffers. */
	bool dump_contents;
	/** @submitted: jobs so far; under the VM's reservation. */
	u64 submitted;
	/** @place: rings that it may use. */
	const struct loom_place *place;
	/** @ring: where its jobs run, one of these; stays while one is unfinished. */
	struct loom_ring *ring;
	/** @fence_context: timeline of its jobs. */
	u64 fence_context;
	/** @fence_seqno: of the last group; under the same. */
	u64 fence_seqno;
	/** @handed: finished fence of the last group for the scheduler, or NULL; the same. */
	struct dma_fence *handed;
	/** @scheduled: groups that the scheduler has and the ring has not. */
	atomic_t scheduled;

	/** @results_obj: BO of the results ring, NULL if none. */
	struct drm_gem_object *results_obj;
	/** @results_map: its kernel mapping. */
	struct iosys_map results_map;
	/** @results: the results ring. */
	struct drm_loom_result *results;
	/** @results_mask: its size - 1. */
	u32 results_mask;

	/** @lock: see the top of this file; protects what follows. */
	spinlock_t lock;
	/** @status: enum drm_loom_queue_status; leaves OK once and for ever. */
	u32 status;
	/** @stopped: 0, or the error of jobs that did not start. */
	int stopped;
	/** @killed: destroyed by its owner. */
	bool killed;
	/** @completed: jobs so far. */
	u64 completed;
	/** @resets: ring and device resets lived through. */
	u32 resets;
	/** @reset_seen: the latest of them, so that each counts once. */
	u32 reset_seen;
	/** @first: what ended the queue. */
	struct {
		/** @first.va: address. */
		u64 va;
		/** @first.cookie: the job's. */
		u64 cookie;
		/** @first.job: its number. */
		u64 job;
		/** @first.code: enum loom_fault_code. */
		u32 code;
		/** @first.packet: byte offset. */
		u32 packet;
		/** @first.opcode: of the packet. */
		u32 opcode;
		/** @first.operand: of the packet. */
		u32 operand;
		/** @first.access: LOOM_ACCESS_*. */
		u32 access;
	} first;
	/** @events: what is to be delivered; a zero type means nothing. */
	struct drm_loom_event events[3];

	/** @event_work: delivers @events. */
	struct work_struct event_work;
	/** @free_work: ends the queue. */
	struct work_struct free_work;
};

/* queue.c */
void loom_queue_init(struct loom_queue *queue, struct loom_client *client);
void loom_queue_start_context(struct loom_queue *queue);
struct loom_queue *loom_queue_lookup(struct loom_client *client, u32 id);
void loom_queue_get(struct loom_queue *queue);
void loom_queue_put(struct loom_queue *queue);
void loom_queue_kill(struct loom_queue *queue);
int loom_queue_error(struct loom_queue *queue);
bool loom_queue_end(struct loom_queue *queue, u32 status, u64 job, u64 cookie,
		    const struct drm_loom_result *fault);
void loom_queue_stop_context(struct loom_queue *queue);
int loom_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_queue_state(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_queue_poll(struct drm_device *drm, void *data, struct drm_file *file);

/* place.c */
void loom_place_init(struct loom_device *ldev);
const struct loom_place *loom_place_find(struct loom_queue *queue);
void loom_place_settle(struct loom_queue *queue);
void loom_place_leave(struct loom_queue *queue);
void loom_place_fini(struct loom_queue *queue);

/* event.c */
void loom_event_post(struct loom_queue *queue, u32 type, int error, u64 job, u64 cookie,
		     const struct drm_loom_result *fault);
void loom_event_work(struct work_struct *work);

/**
 * struct loom_job - a job group: consecutive jobs of one SUBMIT that complete together
 */
struct loom_job {
	/** @base: the scheduler's part. */
	struct drm_sched_job base;
	/** @queue: where it was submitted. */
	struct loom_queue *queue;
	/** @clear: what it is if it is the kernel's own and has no scheduler; else NULL. */
	struct loom_clear *clear;
	/** @fence: what others see: signals when the last of them has its outcome. */
	struct loom_fence *fence;
	/** @direct: it went past the scheduler; under the ring's lock. */
	bool direct;
	/** @users: of one that did, the ring and who pushed it: the last one frees it. */
	refcount_t users;
	/** @first: number of the first job. */
	u64 first;
	/** @done: jobs that have completed. */
	u32 done;
	/** @error: of the first job that failed. */
	int error;
	/** @count: jobs. */
	u32 count;
	/** @work: what each of them is. */
	struct {
		/** @work.cmd_va: command buffer. */
		u64 cmd_va;
		/** @work.cookie: the user's. */
		u64 cookie;
		/** @work.cmd_size: of the command buffer. */
		u32 cmd_size;
	} work[];
};

#define to_loom_job(job)	container_of(job, struct loom_job, base)

/* job.c */
extern const struct drm_sched_backend_ops loom_sched_ops;
void loom_job_complete(struct loom_job *job, u32 index, u32 ring, struct drm_loom_result *result);
void loom_job_end(struct loom_job *job);
int loom_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file);

/**
 * struct loom_sync - one sync operation of a SUBMIT
 * @flags: DRM_LOOM_SYNC_*
 * @handle: syncobj handle
 * @point: timeline point
 * @syncobj: the syncobj of a signal operation
 * @chain: link of its timeline
 */
struct loom_sync {
	u32 flags;
	u32 handle;
	u64 point;
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;
};

/* sync.c */
int loom_sync_copy(const struct drm_loom_array *array, struct loom_sync *syncs);
int loom_sync_prepare(struct drm_file *file, struct loom_sync *sync, struct xarray *signals);
int loom_sync_wait(struct drm_file *file, const struct loom_sync *sync, struct xarray *signals,
		   struct drm_sched_job *job);
void loom_sync_signal(struct loom_sync *sync, struct dma_fence *fence);
void loom_sync_put(struct loom_sync *syncs, u32 count);

#endif
