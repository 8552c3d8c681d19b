/* SPDX-License-Identifier: MIT */
/*
 * drm: devices behind the kernel driver.
 */
#ifndef ACCEL_DRM_NODE_H
#define ACCEL_DRM_NODE_H

#include <xf86drm.h>

#include "../object.h"
#include "drm/loom_accel.h"

#define NODE_DRIVER		"loom"
#define NODE_DRIVER_MAJOR	1

/**
 * struct node - an open device node
 * @polls: the driver has QUEUE_POLL
 * @dumps: it takes DRM_LOOM_QUEUE_DUMP_CONTENTS
 * @lock: protects @handles
 * @handles: by GEM handle: how many buffers have it. The kernel counts a handle
 *	once, however often a dma-buf is imported.
 */
struct node {
	struct accel_device base;
	int fd;
	bool polls;
	bool dumps;
	pthread_mutex_t lock;
	uint32_t *handles;
	uint32_t nhandles;
};

struct node_context {
	struct accel_context base;
	uint32_t vm;
};

struct node_buffer {
	struct accel_buffer base;
	uint32_t handle;
};

struct node_queue {
	struct accel_queue base;
	uint32_t id;
	uint32_t syncobj;
	uint32_t results;
	uint64_t results_size;
};

/* An imported fence: the sync_file, and the same as a syncobj for jobs to wait for. */
struct node_fence {
	struct accel_fence base;
	uint32_t syncobj;
	int fd;
};

static inline struct node *node_of_device(const struct accel_device *device)
{
	return (struct node *)device;
}

static inline struct node *node_of(const struct accel_context *context)
{
	return (struct node *)context->device;
}

static inline uint32_t node_vm(const struct accel_context *context)
{
	return ((const struct node_context *)context)->vm;
}

/** node_ioctl() - 0 or negative errno; unlike drmIoctl() it gives -EAGAIN to its caller. */
int node_ioctl(const struct node *node, unsigned long request, void *arg);

/** node_error() - record a failed call. @what: "create a buffer" */
int node_error(const struct node *node, int code, const char *what);

int node_handle_take(struct node *node, uint32_t handle);
void node_handle_drop(struct node *node, uint32_t handle);

int node_context_init(struct accel_context *context);
void node_context_fini(struct accel_context *context);
int node_buffer_bind(struct accel_buffer *buffer);
int node_buffer_unbind(struct accel_buffer *buffer);

int node_buffer_init(struct accel_buffer *buffer);
void node_buffer_fini(struct accel_buffer *buffer);
int node_buffer_import(struct accel_buffer *buffer, int fd);
int node_buffer_export(struct accel_buffer *buffer, int *fd);
int node_buffer_map(struct accel_buffer *buffer, void **ptr);
int node_buffer_name(struct accel_buffer *buffer, const char *name);
/* Memory of the library's own: not bound anywhere. */
int node_memory_create(struct node *node, uint64_t *size, uint32_t flags, uint32_t vm,
		       uint32_t *handle);
int node_memory_map(struct node *node, uint32_t handle, uint64_t size, void **ptr);

int node_queue_init(struct accel_queue *queue, const struct accel_queue_opts *opts);
void node_queue_stop(struct accel_queue *queue);
void node_queue_fini(struct accel_queue *queue);
int node_queue_submit(struct accel_queue *queue, const struct backend_job *jobs, size_t n);
bool node_queue_poll(struct accel_queue *queue, uint64_t number, uint64_t ns);
int node_queue_wait(struct accel_queue *queue, uint64_t number, uint64_t deadline);
int node_queue_status(struct accel_queue *queue);
int node_queue_arm(struct accel_queue *queue, uint64_t number);

int node_fence_fd(struct accel_fence *fence, int *fd);
struct accel_fence *node_fence_import(struct accel_device *device, int fd, int *error);
int node_fence_wait(struct accel_fence *fence, uint64_t deadline);
bool node_fence_poll(const struct accel_fence *fence);
int node_fence_error(const struct accel_fence *fence);
void node_fence_fini(struct accel_fence *fence);

/** syncobj_wait() - wait for a timeline point; -ETIME, -EINTR are not retried. */
int syncobj_wait(const struct node *node, uint32_t handle, uint64_t point, uint64_t deadline);

/** syncobj_eventfd() - have @fd written when the point signals. */
int syncobj_eventfd(const struct node *node, uint32_t handle, uint64_t point, int fd);

#endif
