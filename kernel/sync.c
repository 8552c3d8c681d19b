// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Sync operations of SUBMIT: everything that can fail or allocate happens before the first fence
 * exists.
 *
 * Jobs of a queue run in order, so a job that waits for what an earlier job of the same call
 * signals needs no dependency: it is enough to know that there is such a job.
 */
#include <linux/dma-fence-chain.h>

#include <drm/drm_syncobj.h>

#include "loom.h"
#include "queue.h"

/**
 * loom_sync_copy() - copy and check the sync operations of a job
 * @array: the job's array
 * @syncs: room for as many operations
 *
 * Return: 0 or a negative errno.
 */
int loom_sync_copy(const struct drm_loom_array *array, struct loom_sync *syncs)
{
	struct drm_loom_sync *user;
	void *copy;
	int err;
	u32 i;

	err = loom_array_copy(array, sizeof(*user), LOOM_SYNCS_MAX, &copy);
	if (err)
		return err;
	user = copy;
	for (i = 0; i < array->count && !err; i++) {
		bool timeline = user[i].flags & DRM_LOOM_SYNC_TIMELINE;

		if (user[i].flags & ~(DRM_LOOM_SYNC_SIGNAL | DRM_LOOM_SYNC_TIMELINE) ||
		    !!user[i].point != timeline)
			err = -EINVAL;
		syncs[i].flags = user[i].flags;
		syncs[i].handle = user[i].handle;
		syncs[i].point = user[i].point;
	}
	kvfree(copy);
	return err;
}

/**
 * loom_sync_prepare() - find what a signal operation needs
 * @file: the caller's file
 * @sync: the operation
 * @signals: by handle, the signal operation of this call that reaches furthest; NULL if no later
 *	job of it waits
 *
 * Return: 0, -ENOENT or -ENOMEM.
 */
int loom_sync_prepare(struct drm_file *file, struct loom_sync *sync, struct xarray *signals)
{
	struct loom_sync *other;

	sync->syncobj = drm_syncobj_find(file, sync->handle);
	if (!sync->syncobj)
		return -ENOENT;
	if (sync->flags & DRM_LOOM_SYNC_TIMELINE) {
		sync->chain = dma_fence_chain_alloc();
		if (!sync->chain)
			return -ENOMEM;
	}
	if (!signals)
		return 0;
	other = xa_load(signals, sync->handle);
	if (other && other->point >= sync->point)
		return 0;
	return xa_err(xa_store(signals, sync->handle, sync, GFP_KERNEL));
}

/**
 * loom_sync_wait() - make a job wait
 * @file: the caller's file
 * @sync: the operation
 * @signals: see loom_sync_prepare(); what earlier jobs of the call signal
 * @job: the job
 *
 * Return: 0, -ENOENT: no such syncobj or it has no fence; -ENOMEM.
 */
int loom_sync_wait(struct drm_file *file, const struct loom_sync *sync, struct xarray *signals,
		   struct drm_sched_job *job)
{
	struct loom_sync *earlier = xa_load(signals, sync->handle);
	struct dma_fence *fence;
	int err;

	/* The fence of a binary syncobj is the one that the earlier job will put there. */
	if (earlier && !sync->point)
		return 0;
	/* A timeline may hold a fence of someone else up to the point: then that counts, too. */
	err = drm_syncobj_find_fence(file, sync->handle, sync->point, 0, &fence);
	/* What is over needs no scheduler, and jobs of a queue run in order anyway. */
	if (!err && (dma_fence_is_signaled(fence) ||
		     fence->context == to_loom_job(job)->queue->fence_context)) {
		dma_fence_put(fence);
		return 0;
	}
	if (!err)
		return drm_sched_job_add_dependency(job, fence);
	if (earlier && earlier->point >= sync->point)
		return 0;
	return err == -EINVAL ? -ENOENT : err;
}

/**
 * loom_sync_signal() - publish the fence of a job; cannot fail
 * @sync: the operation
 * @fence: the fence
 */
void loom_sync_signal(struct loom_sync *sync, struct dma_fence *fence)
{
	if (sync->chain) {
		drm_syncobj_add_point(sync->syncobj, sync->chain, fence, sync->point);
		sync->chain = NULL;
	} else {
		drm_syncobj_replace_fence(sync->syncobj, fence);
	}
}

/**
 * loom_sync_put() - free sync operations
 * @syncs: the operations; may be NULL
 * @count: how many
 */
void loom_sync_put(struct loom_sync *syncs, u32 count)
{
	u32 i;

	for (i = 0; syncs && i < count; i++) {
		dma_fence_chain_free(syncs[i].chain);
		if (syncs[i].syncobj)
			drm_syncobj_put(syncs[i].syncobj);
	}
	kvfree(syncs);
}
