/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Differences between kernels, and nothing else.
 *
 * The driver is written for the newest kernel that is known; for an older one this file supplies
 * what is missing under the new name. What the headers at hand offer is found by probe.sh. No
 * other file of the driver asks which kernel it is compiled for.
 */
#ifndef LOOM_COMPAT_H
#define LOOM_COMPAT_H

#include "probe.h"

#include <linux/dma-fence.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>

/* ---- the buddy allocator was DRM's ---- */

#ifdef HAVE_GPU_BUDDY
#include <linux/gpu_buddy.h>
#else
#include <drm/drm_buddy.h>
#define gpu_buddy			drm_buddy
#define gpu_buddy_block			drm_buddy_block
#define gpu_buddy_init			drm_buddy_init
#define gpu_buddy_fini			drm_buddy_fini
#define gpu_buddy_alloc_blocks		drm_buddy_alloc_blocks
#define gpu_buddy_free_list		drm_buddy_free_list
#define gpu_buddy_block_offset		drm_buddy_block_offset
#define gpu_buddy_block_size		drm_buddy_block_size
#endif

/* ---- workqueues: "per CPU" was the silent default ---- */

#ifndef HAVE_WQ_PERCPU
#define WQ_PERCPU			0
#endif

/* ---- fdinfo: what is active was always printed ---- */

#ifdef HAVE_GEM_OBJECT_ACTIVE
#define LOOM_GEM_OBJECT_ACTIVE		DRM_GEM_OBJECT_ACTIVE
#else
#define LOOM_GEM_OBJECT_ACTIVE		0
#endif

/* ---- VMAs: flags became a bitmap ---- */

#ifndef HAVE_VMA_IS_COW
static inline bool vma_is_cow_mapping(const struct vm_area_struct *vma)
{
	return is_cow_mapping(vma->vm_flags);
}
#endif

/* ---- dma_fence: the lock moved into the fence, the seqno width out of the ops ---- */

struct loom_client;

/**
 * struct loom_fence - completion of one job group on the card
 * @base: must be the first member, the core frees the fence by its address
 * @client: whose job it is; held
 */
struct loom_fence {
	struct dma_fence base;
	struct loom_client *client;
#ifndef HAVE_FENCE_INLINE_LOCK
	/** @lock: for @base; new kernels have it inside. */
	spinlock_t lock;
#endif
};

#ifdef HAVE_FENCE_INIT64
#define LOOM_FENCE_OPS_64BIT
#else
#define LOOM_FENCE_OPS_64BIT		.use_64bit_seqno = true,
#endif

static inline void loom_fence_init(struct loom_fence *fence, const struct dma_fence_ops *ops,
				   u64 context, u64 seqno)
{
#ifdef HAVE_FENCE_INLINE_LOCK
	dma_fence_init64(&fence->base, ops, NULL, context, seqno);
#else
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, ops, &fence->lock, context, seqno);
#endif
}

/* Ends the life of a fence that was allocated early and perhaps never initialised. */
static inline void loom_fence_put(struct loom_fence *fence)
{
#ifdef HAVE_FENCE_WAS_INIT
	bool live = fence && dma_fence_was_initialized(&fence->base);
#else
	bool live = fence && fence->base.ops;
#endif

	if (live)
		dma_fence_put(&fence->base);
	else
		kfree(fence);
}

/* ---- drm_sched ---- */

#ifndef HAVE_SCHED_INIT_ARGS
struct drm_sched_init_args {
	const struct drm_sched_backend_ops *ops;
	struct workqueue_struct *submit_wq;
	struct workqueue_struct *timeout_wq;
	u32 num_rqs;
	u32 credit_limit;
	unsigned int hang_limit;
	long timeout;
	atomic_t *score;
	const char *name;
	struct device *dev;
};

static inline int loom_sched_init(struct drm_gpu_scheduler *sched,
				  const struct drm_sched_init_args *a)
{
	return drm_sched_init(sched, a->ops, a->submit_wq, a->num_rqs, a->credit_limit,
			      a->hang_limit, a->timeout, a->timeout_wq, a->score, a->name, a->dev);
}
#else
static inline int loom_sched_init(struct drm_gpu_scheduler *sched,
				  const struct drm_sched_init_args *a)
{
	return drm_sched_init(sched, a);
}
#endif

static inline int loom_sched_job_init(struct drm_sched_job *job, struct drm_sched_entity *entity,
				      u32 credits, void *owner, u64 client_id)
{
#ifdef HAVE_SCHED_CLIENT_ID
	return drm_sched_job_init(job, entity, credits, owner, client_id);
#else
	return drm_sched_job_init(job, entity, credits, owner);
#endif
}

/* ---- perf: a PMU with events must not go before the core takes them away from it ---- */

#ifdef HAVE_PMU_REVOKES
#define LOOM_PMU_REVOKES		true
#else
#define LOOM_PMU_REVOKES		false
#endif

/* ---- drm_gpuvm ---- */

static inline int loom_gpuvm_sm_map(struct drm_gpuvm *gpuvm, void *priv, u64 va, u64 size,
				    struct drm_gem_object *obj, u64 offset)
{
#ifdef HAVE_GPUVM_MAP_REQ
	const struct drm_gpuvm_map_req req = {
		.map.va.addr = va,
		.map.va.range = size,
		.map.gem.obj = obj,
		.map.gem.offset = offset,
	};

	return drm_gpuvm_sm_map(gpuvm, priv, &req);
#else
	return drm_gpuvm_sm_map(gpuvm, priv, va, size, obj, offset);
#endif
}

#ifndef HAVE_GPUVM_OBTAIN_LOCKED
#define drm_gpuvm_bo_obtain_locked	drm_gpuvm_bo_obtain
#endif

/* ---- dma-buf: namespaces became strings ---- */

#ifdef HAVE_NS_STRING
#define LOOM_IMPORT_NS_DMA_BUF		MODULE_IMPORT_NS("DMA_BUF")
#else
#define LOOM_IMPORT_NS_DMA_BUF		MODULE_IMPORT_NS(DMA_BUF)
#endif

/* ---- drm_driver and GEM ---- */

#ifdef HAVE_GEM_GPUVA
#define LOOM_DRIVER_GPUVA		DRIVER_GEM_GPUVA
#else
#define LOOM_DRIVER_GPUVA		0
#endif

#ifdef HAVE_DRIVER_DATE
#define LOOM_DRIVER_DATE		.date = "0",
#else
#define LOOM_DRIVER_DATE
#endif

/* drm_gem_vmap() changed its contract: it wants the lock held on kernels that have _unlocked. */
#ifdef HAVE_GEM_VMAP_UNLOCKED
#define loom_gem_vmap			drm_gem_vmap_unlocked
#define loom_gem_vunmap			drm_gem_vunmap_unlocked
#else
#define loom_gem_vmap			drm_gem_vmap
#define loom_gem_vunmap			drm_gem_vunmap
#endif

#endif
