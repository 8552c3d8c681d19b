/* SPDX-License-Identifier: MIT */
/*
 * What stands between the library and a device: the kernel driver (drm/), or
 * a card in this process (sim/).
 *
 * Objects are allocated by the library, zeroed, *_size bytes long, with the
 * library's part first. Operations record their failures with err().
 */
#ifndef ACCEL_PRIV_BACKEND_H
#define ACCEL_PRIV_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accel/queue.h"

struct accel_device;
struct accel_device_counters;
struct accel_device_memory;
struct accel_timestamp;

/**
 * struct backend_job - a job, checked
 * @waits: fences of this device that were not finished a moment ago
 */
struct backend_job {
	uint64_t cmd_va;
	uint64_t cookie;
	uint32_t cmd_size;
	uint32_t nwaits;
	struct accel_fence *const *waits;
};

struct backend {
	size_t context_size;
	size_t buffer_size;
	size_t queue_size;

	/* Frees the device. In a forked child it gives back nothing but memory and descriptors. */
	void (*device_close)(struct accel_device *device);
	int (*device_counters)(struct accel_device *device, struct accel_device_counters *counters);
	int (*device_memory)(struct accel_device *device, struct accel_device_memory *memory);
	int (*device_timestamp)(struct accel_device *device, struct accel_timestamp *stamp);
	int (*device_generation)(struct accel_device *device, uint32_t *generation);

	int (*context_init)(struct accel_context *context);
	void (*context_fini)(struct accel_context *context);

	/* buffer->size and flags are set. The memory is zero. */
	int (*buffer_init)(struct accel_buffer *buffer);
	void (*buffer_fini)(struct accel_buffer *buffer);
	/* Sets buffer->size. */
	int (*buffer_import)(struct accel_buffer *buffer, int fd);
	int (*buffer_export)(struct accel_buffer *buffer, int *fd);
	/* Called once per buffer, under the context's lock. */
	int (*buffer_map)(struct accel_buffer *buffer, void **ptr);
	int (*buffer_name)(struct accel_buffer *buffer, const char *name);
	/* The buffer's whole memory at buffer->va. */
	int (*buffer_bind)(struct accel_buffer *buffer);
	/* When it returns, no job reaches the memory any more. */
	int (*buffer_unbind)(struct accel_buffer *buffer);

	/* Sets queue->ring; queue->depth is set. */
	int (*queue_init)(struct accel_queue *queue, const struct accel_queue_opts *opts);
	/* Stops all jobs; when it returns, each has its result and touches nothing any more. */
	void (*queue_stop)(struct accel_queue *queue);
	void (*queue_fini)(struct accel_queue *queue);
	/* Jobs queue->submitted + 1 and following; under the queue's lock. All or none. */
	int (*queue_submit)(struct accel_queue *queue, const struct backend_job *jobs, size_t n);
	/*
	 * Look for the end of job @number for about @ns, sooner than it shows in the ring by itself.
	 * false: it cannot. NULL: there is nothing but the ring.
	 */
	bool (*queue_poll)(struct accel_queue *queue, uint64_t number, uint64_t ns);
	/* Sleep until job @number, the last of a submission, is finished: 0, -ETIME, -EINTR ... */
	int (*queue_wait)(struct accel_queue *queue, uint64_t number, uint64_t deadline);
	/* enum accel_queue_status */
	int (*queue_status)(struct accel_queue *queue);
	/* Have queue->event_fd written when job @number is finished; under the queue's lock. */
	int (*queue_arm)(struct accel_queue *queue, uint64_t number);

	int (*fence_fd)(struct accel_fence *fence, int *fd);
	/* Imported fences. NULL without ACCEL_CAP_SYNC_FILE. */
	struct accel_fence *(*fence_import)(struct accel_device *device, int fd, int *error);
	int (*fence_wait)(struct accel_fence *fence, uint64_t deadline);
	bool (*fence_poll)(const struct accel_fence *fence);
	int (*fence_error)(const struct accel_fence *fence);
	void (*fence_fini)(struct accel_fence *fence);
};

/* Private to the library, above the ACCEL_BUFFER_* of callers. */
#define BUFFER_FLAGS	(ACCEL_BUFFER_LOCAL | ACCEL_BUFFER_READONLY | ACCEL_BUFFER_PRIVATE)

/* Both set device->ops and device->props. */
int drm_device_open(const char *node, struct accel_device **device);
int sim_device_open(const char *options, struct accel_device **device);

#endif
