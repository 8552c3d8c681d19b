// SPDX-License-Identifier: MIT
/*
 * Buffers: memory with an address on the card.
 */
#include <stdlib.h>
#include <string.h>

#include "object.h"

#define SLICE_ALIGN	64

static struct accel_buffer *buffer_new(struct accel_context *context, size_t object)
{
	struct accel_buffer *b = calloc(1, object);

	if (!b)
		return NULL;
	atomic_init(&b->refs, 1);
	b->context = accel_context_ref(context);
	return b;
}

static void buffer_delete(struct accel_buffer *b)
{
	struct accel_context *context = b->context;

	free(b);
	accel_context_unref(context);
}

/*
 * A page that is never mapped follows each buffer: running over the end of one
 * faults instead of reaching the next. Large ones are aligned for large pages.
 */
static int place(struct accel_buffer *b)
{
	struct accel_context *context = b->context;
	uint64_t align = b->size >= HUGE_SIZE ? HUGE_SIZE : PAGE_SIZE;
	int ret;

	b->va_size = b->size + PAGE_SIZE;
	pthread_mutex_lock(&context->lock);
	ret = range_alloc(&context->va, b->va_size, align, &b->va);
	pthread_mutex_unlock(&context->lock);
	if (ret == -ENOSPC)
		return err(ret, "free buffers, or use another context",
			   "no %llu bytes of the context's address space are free in one piece",
			   (unsigned long long)b->size);
	if (ret)
		return err_nomem("the context's address space");
	ret = context_ops(context)->buffer_bind(b);
	if (ret) {
		pthread_mutex_lock(&context->lock);
		range_free(&context->va, b->va, b->va_size);
		pthread_mutex_unlock(&context->lock);
	}
	return ret;
}

ACCEL_API int accel_buffer_alloc(struct accel_context *context, size_t size, uint32_t flags,
				 struct accel_buffer **buffer)
{
	API_ENTER;
	struct accel_buffer *b;
	int ret;

	if (!context || !buffer)
		return err(-EINVAL, NULL, "%s is NULL", context ? "buffer" : "context");
	if (device_forked(context->device))
		return err_forked();
	if (!size)
		return err(-EINVAL, NULL, "a buffer of 0 bytes");
	if (flags & ~BUFFER_FLAGS)
		return err(-EINVAL, NULL, "unknown flags %#x", flags & ~BUFFER_FLAGS);
	if (flags & ACCEL_BUFFER_LOCAL && !accel_device_has(context->device,
							    ACCEL_CAP_LOCAL_MEMORY))
		return err(-EOPNOTSUPP, "allocate without ACCEL_BUFFER_LOCAL",
			   "%s has no local memory", context->device->props.id);
	if (size > SIZE_MAX - HUGE_SIZE ||
	    size > context->device->props.va_end - context->device->props.va_start - HUGE_SIZE)
		return err(-ENOMEM, NULL, "%zu bytes are more than the address space", size);

	b = buffer_new(context, context_ops(context)->buffer_size);
	if (!b)
		return err_nomem("a buffer object");
	b->size = (size + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
	b->flags = flags;
	ret = context_ops(context)->buffer_init(b);
	if (ret) {
		buffer_delete(b);
		return ret;
	}
	ret = place(b);
	if (ret) {
		context_ops(context)->buffer_fini(b);
		buffer_delete(b);
		return ret;
	}
	*buffer = b;
	return 0;
}

ACCEL_API int accel_buffer_slice(struct accel_buffer *parent, size_t offset, size_t size,
				 struct accel_buffer **buffer)
{
	API_ENTER;
	struct accel_buffer *b;
	void *ptr;

	if (!parent || !buffer)
		return err(-EINVAL, NULL, "%s is NULL", parent ? "buffer" : "parent");
	if (!size)
		return err(-EINVAL, NULL, "a slice of 0 bytes");
	if (offset % SLICE_ALIGN)
		return err(-EINVAL, NULL, "offset %zu is not a multiple of %d", offset,
			   SLICE_ALIGN);
	if (offset > parent->size || size > parent->size - offset)
		return err(-EINVAL, NULL, "bytes %zu to %zu are not in a buffer of %llu", offset,
			   offset + size, (unsigned long long)parent->size);
	b = buffer_new(parent->context, sizeof(*b));
	if (!b)
		return err_nomem("a buffer object");
	b->parent = accel_buffer_ref(parent);
	b->flags = parent->flags;
	b->va = parent->va + offset;
	b->size = size;
	ptr = atomic_load_explicit(&parent->ptr, memory_order_acquire);
	atomic_init(&b->ptr, ptr ? (char *)ptr + offset : NULL);
	*buffer = b;
	return 0;
}

ACCEL_API int accel_buffer_import(struct accel_context *context, int fd,
				  struct accel_buffer **buffer)
{
	API_ENTER;
	struct accel_buffer *b;
	int ret;

	if (!context || !buffer)
		return err(-EINVAL, NULL, "%s is NULL", context ? "buffer" : "context");
	if (device_forked(context->device))
		return err_forked();
	if (!accel_device_has(context->device, ACCEL_CAP_DMABUF))
		return err(-EOPNOTSUPP, "copy through memory instead", "%s imports no dma-bufs",
			   context->device->props.id);
	b = buffer_new(context, context_ops(context)->buffer_size);
	if (!b)
		return err_nomem("a buffer object");
	ret = context_ops(context)->buffer_import(b, fd);
	if (ret) {
		buffer_delete(b);
		return ret;
	}
	ret = place(b);
	if (ret) {
		context_ops(context)->buffer_fini(b);
		buffer_delete(b);
		return ret;
	}
	*buffer = b;
	return 0;
}

ACCEL_API int accel_buffer_export(struct accel_buffer *buffer, int *fd)
{
	API_ENTER;

	if (!buffer || !fd)
		return err(-EINVAL, NULL, "%s is NULL", buffer ? "fd" : "buffer");
	if (device_forked(buffer->context->device))
		return err_forked();
	if (!accel_device_has(buffer->context->device, ACCEL_CAP_DMABUF))
		return err(-EOPNOTSUPP, NULL, "%s exports no dma-bufs",
			   buffer->context->device->props.id);
	if (buffer->parent)
		return err(-EPERM, "export the buffer that it is a slice of",
			   "a slice cannot be exported");
	if (buffer->flags & ACCEL_BUFFER_PRIVATE)
		return err(-EPERM, "allocate it without ACCEL_BUFFER_PRIVATE",
			   "the buffer is private");
	return context_ops(buffer->context)->buffer_export(buffer, fd);
}

ACCEL_API struct accel_buffer *accel_buffer_ref(struct accel_buffer *buffer)
{
	if (buffer)
		ref_more(&buffer->refs);
	return buffer;
}

ACCEL_API void accel_buffer_unref(struct accel_buffer *buffer)
{
	API_ENTER;
	struct accel_buffer *parent;
	struct accel_context *context;

	if (!buffer || !ref_last(&buffer->refs))
		return;
	parent = buffer->parent;
	context = buffer->context;
	if (!parent) {
		/*
		 * Addresses are used again only when the card has forgotten them; those of a
		 * failed unbind never are.
		 */
		if (!device_forked(context->device) &&
		    !context_ops(context)->buffer_unbind(buffer)) {
			pthread_mutex_lock(&context->lock);
			range_free(&context->va, buffer->va, buffer->va_size);
			pthread_mutex_unlock(&context->lock);
		}
		context_ops(context)->buffer_fini(buffer);
	}
	buffer_delete(buffer);
	accel_buffer_unref(parent);
}

ACCEL_API int accel_buffer_map(struct accel_buffer *buffer, void **ptr)
{
	API_ENTER;
	struct accel_buffer *owner;
	void *p;
	int ret = 0;

	if (!buffer || !ptr)
		return err(-EINVAL, NULL, "%s is NULL", buffer ? "ptr" : "buffer");
	p = atomic_load_explicit(&buffer->ptr, memory_order_acquire);
	if (p) {
		*ptr = p;
		return 0;
	}
	if (device_forked(buffer->context->device))
		return err_forked();
	for (owner = buffer; owner->parent; owner = owner->parent)
		;
	pthread_mutex_lock(&owner->context->lock);
	p = atomic_load_explicit(&owner->ptr, memory_order_relaxed);
	if (!p) {
		ret = context_ops(owner->context)->buffer_map(owner, &p);
		if (!ret)
			atomic_store_explicit(&owner->ptr, p, memory_order_release);
	}
	pthread_mutex_unlock(&owner->context->lock);
	if (ret)
		return ret;
	p = (char *)p + (buffer->va - owner->va);
	atomic_store_explicit(&buffer->ptr, p, memory_order_release);
	*ptr = p;
	return 0;
}

ACCEL_API uint64_t accel_buffer_va(const struct accel_buffer *buffer)
{
	return buffer ? buffer->va : 0;
}

ACCEL_API size_t accel_buffer_size(const struct accel_buffer *buffer)
{
	return buffer ? buffer->size : 0;
}

ACCEL_API int accel_buffer_set_name(struct accel_buffer *buffer, const char *name)
{
	API_ENTER;

	if (!buffer)
		return err(-EINVAL, NULL, "buffer is NULL");
	if (!name)
		name = "";
	if (strlen(name) > 63)
		return err(-E2BIG, NULL, "a name of %zu bytes, 63 is the most", strlen(name));
	if (device_forked(buffer->context->device))
		return err_forked();
	while (buffer->parent)
		buffer = buffer->parent;
	return context_ops(buffer->context)->buffer_name(buffer, name);
}
