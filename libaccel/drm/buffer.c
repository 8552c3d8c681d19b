// SPDX-License-Identifier: MIT
/*
 * Buffer objects.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "node.h"

static struct node_buffer *node_buffer(struct accel_buffer *buffer)
{
	return (struct node_buffer *)buffer;
}

int node_memory_create(struct node *node, uint64_t *size, uint32_t flags, uint32_t vm,
		       uint32_t *handle)
{
	struct drm_loom_bo_create arg = { .size = *size, .flags = flags, .vm_id = vm };
	int ret = node_ioctl(node, DRM_IOCTL_LOOM_BO_CREATE, &arg);

	if (ret == -ENOSPC)
		return err(ret, "free buffers, or allocate in system memory",
			   "no %llu bytes of local memory are free on %s",
			   (unsigned long long)*size, node->base.props.id);
	if (ret)
		return err(ret, NULL, "cannot allocate %llu bytes on %s: %s",
			   (unsigned long long)*size, node->base.props.id, accel_strerror(ret));
	ret = node_handle_take(node, arg.handle);
	if (ret) {
		drmCloseBufferHandle(node->fd, arg.handle);
		return ret;
	}
	*size = arg.size;
	*handle = arg.handle;
	return 0;
}

int node_memory_map(struct node *node, uint32_t handle, uint64_t size, void **ptr)
{
	struct drm_loom_bo_mmap_offset arg = { .handle = handle };
	int ret = node_ioctl(node, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &arg);
	void *p;

	if (ret)
		return node_error(node, ret, "map a buffer for the CPU");
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, node->fd, (off_t)arg.offset);
	if (p == MAP_FAILED)
		return node_error(node, -errno, "map a buffer for the CPU");
	*ptr = p;
	return 0;
}

int node_buffer_init(struct accel_buffer *buffer)
{
	uint32_t flags = buffer->flags & ACCEL_BUFFER_LOCAL ? DRM_LOOM_BO_LOCAL : 0;
	uint32_t vm = buffer->flags & ACCEL_BUFFER_PRIVATE ? node_vm(buffer->context) : 0;

	return node_memory_create(node_of(buffer->context), &buffer->size, flags, vm,
				  &node_buffer(buffer)->handle);
}

void node_buffer_fini(struct accel_buffer *buffer)
{
	void *ptr = atomic_load_explicit(&buffer->ptr, memory_order_acquire);

	if (ptr)
		munmap(ptr, buffer->size);
	/* A forked child shares the parent's handles: they are not the child's to close. */
	if (!device_forked(buffer->context->device))
		node_handle_drop(node_of(buffer->context), node_buffer(buffer)->handle);
}

int node_buffer_import(struct accel_buffer *buffer, int fd)
{
	struct node *node = node_of(buffer->context);
	struct drm_loom_bo_info info = { 0 };
	bool counted = false;
	uint32_t handle;
	int ret;

	/* libdrm's call is not atomic with the count of handles: both under one lock. */
	pthread_mutex_lock(&node->lock);
	ret = drmPrimeFDToHandle(node->fd, fd, &handle) ? -errno : 0;
	if (!ret && handle < node->nhandles) {
		node->handles[handle]++;
		counted = true;
	}
	pthread_mutex_unlock(&node->lock);
	if (ret)
		return err(ret == -ENOTTY ? -EINVAL : ret, NULL,
			   "descriptor %d cannot be imported: %s", fd, accel_strerror(ret));
	if (!counted) {
		ret = node_handle_take(node, handle);
		if (ret) {
			drmCloseBufferHandle(node->fd, handle);
			return ret;
		}
	}
	info.handle = handle;
	ret = node_ioctl(node, DRM_IOCTL_LOOM_BO_INFO, &info);
	if (ret) {
		node_handle_drop(node, handle);
		return node_error(node, ret, "ask for the size of a dma-buf");
	}
	node_buffer(buffer)->handle = handle;
	buffer->size = info.size;
	return 0;
}

int node_buffer_export(struct accel_buffer *buffer, int *fd)
{
	struct node *node = node_of(buffer->context);

	if (drmPrimeHandleToFD(node->fd, node_buffer(buffer)->handle, DRM_CLOEXEC | DRM_RDWR, fd))
		return node_error(node, -errno, "export a buffer");
	return 0;
}

int node_buffer_map(struct accel_buffer *buffer, void **ptr)
{
	return node_memory_map(node_of(buffer->context), node_buffer(buffer)->handle, buffer->size,
			       ptr);
}

int node_buffer_name(struct accel_buffer *buffer, const char *name)
{
	struct node *node = node_of(buffer->context);
	struct drm_loom_bo_label arg = {
		.handle = node_buffer(buffer)->handle,
		.label = name[0] ? (uintptr_t)name : 0,
	};
	int ret = node_ioctl(node, DRM_IOCTL_LOOM_BO_LABEL, &arg);

	return ret ? node_error(node, ret, "name a buffer") : 0;
}
