// SPDX-License-Identifier: MIT
/*
 * Fences: the end of one job.
 */
#include <stdlib.h>

#include "soft.h"

ACCEL_API struct accel_fence *accel_fence_ref(struct accel_fence *fence)
{
	if (fence)
		ref_more(&fence->refs);
	return fence;
}

ACCEL_API void accel_fence_unref(struct accel_fence *fence)
{
	API_ENTER;
	struct accel_queue *queue;
	struct queue_slot *slot;

	if (!fence || !ref_last(&fence->refs))
		return;
	queue = fence->queue;
	if (!queue) {
		struct accel_device *device = fence->device;

		if (fence->soft)
			soft_free(fence);
		else
			device->ops->fence_fini(fence);
		free(fence);
		accel_device_unref(device);
		return;
	}
	/* In a forked child the lock may be held by a thread that is not there. */
	if (device_forked(fence->device)) {
		slot = &queue->slots[fence->number & (queue->depth - 1)];
		if (slot->fence == fence)
			slot->fence = NULL;
	} else {
		pthread_mutex_lock(&queue->lock);
		slot = &queue->slots[fence->number & (queue->depth - 1)];
		if (slot->fence == fence)
			slot->fence = NULL;
		pthread_mutex_unlock(&queue->lock);
	}
	free(fence);
	queue_put(queue);
}

ACCEL_API uint64_t accel_fence_number(const struct accel_fence *fence)
{
	return fence ? fence->number : 0;
}

ACCEL_API bool accel_fence_poll(const struct accel_fence *fence)
{
	if (!fence)
		return false;
	if (atomic_load_explicit(&fence->done, memory_order_acquire))
		return true;
	if (fence->soft)
		return false;
	if (!fence->queue)
		return fence->device->ops->fence_poll(fence);
	return queue_finished(fence->queue, fence->number);
}

ACCEL_API int accel_fence_wait(struct accel_fence *fence, uint64_t deadline)
{
	API_ENTER;
	int ret;

	if (!fence)
		return err(-EINVAL, NULL, "fence is NULL");
	if (accel_fence_poll(fence))
		return 0;
	if (device_forked(fence->device))
		return err_forked();
	if (fence->soft)
		ret = soft_wait(fence, deadline);
	else
		ret = fence->queue ? queue_wait(fence->queue, fence->number, deadline)
				   : fence->device->ops->fence_wait(fence, deadline);
	if (ret == -ETIME && fence->soft)
		return err(ret, NULL, "the deadline passed before the run was finished");
	if (ret == -EINTR && fence->soft)
		return err(ret, "call again", "a signal interrupted the wait for the run");
	if (ret == -ETIME)
		return err(ret, NULL, "the deadline passed before job %llu was finished",
			   (unsigned long long)fence->number);
	if (ret == -EINTR)
		return err(ret, "call again", "a signal interrupted the wait for job %llu",
			   (unsigned long long)fence->number);
	return ret;
}

ACCEL_API int accel_fence_result(struct accel_fence *fence, struct accel_result *result)
{
	API_ENTER;
	struct wait_list *garbage;

	if (!fence)
		return err(-EINVAL, NULL, "fence is NULL");
	if (!accel_fence_poll(fence))
		return err(-EBUSY, "wait for it", "job %llu is not finished",
			   (unsigned long long)fence->number);
	if (fence->queue && !atomic_load_explicit(&fence->done, memory_order_acquire)) {
		if (device_forked(fence->device))
			return err_forked();
		/* Finished but not harvested: results come in order, so now it will be. */
		pthread_mutex_lock(&fence->queue->lock);
		garbage = queue_harvest(fence->queue);
		pthread_mutex_unlock(&fence->queue->lock);
		wait_list_drop(garbage);
	}
	if (!fence->queue && !fence->soft) {
		struct accel_result r = { .error = fence->device->ops->fence_error(fence) };

		r.outcome = r.error ? ACCEL_JOB_CANCELED : ACCEL_JOB_OK;
		if (result)
			*result = r;
		return r.error;
	}
	if (result)
		*result = fence->result;
	return fence->result.error;
}

ACCEL_API int accel_fence_fd(struct accel_fence *fence, int *fd)
{
	API_ENTER;

	if (!fence || !fd)
		return err(-EINVAL, NULL, "%s is NULL", fence ? "fd" : "fence");
	if (device_forked(fence->device))
		return err_forked();
	return fence->soft ? soft_fd(fence, fd) : fence->device->ops->fence_fd(fence, fd);
}

ACCEL_API int accel_fence_import(struct accel_device *device, int fd, struct accel_fence **fence)
{
	API_ENTER;
	struct accel_fence *f;
	int ret = 0;

	if (!device || !fence)
		return err(-EINVAL, NULL, "%s is NULL", device ? "fence" : "device");
	if (device_forked(device))
		return err_forked();
	if (!accel_device_has(device, ACCEL_CAP_SYNC_FILE))
		return err(-EOPNOTSUPP, "wait for it on the CPU", "%s imports no sync_files",
			   device->props.id);
	f = device->ops->fence_import(device, fd, &ret);
	if (!f)
		return ret;
	*fence = f;
	return 0;
}
