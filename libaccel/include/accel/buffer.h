/* SPDX-License-Identifier: MIT */
#ifndef ACCEL_BUFFER_H
#define ACCEL_BUFFER_H

#include "types.h"

/**
 * struct accel_context_opts - options of accel_context_create()
 * @sz: ACCEL_INIT
 * @flags: must be zero
 */
struct accel_context_opts {
	size_t sz;
	uint64_t flags;
};

/** ACCEL_BUFFER_LOCAL - in the card's local memory; -EOPNOTSUPP without ACCEL_CAP_LOCAL_MEMORY. */
#define ACCEL_BUFFER_LOCAL	(1u << 0)
/** ACCEL_BUFFER_READONLY - the card may only read it. */
#define ACCEL_BUFFER_READONLY	(1u << 1)
/** ACCEL_BUFFER_PRIVATE - never exported; cheaper to submit with. */
#define ACCEL_BUFFER_PRIVATE	(1u << 2)

#ifdef __cplusplus
extern "C" {
#endif

/**
 * accel_context_create() - an address space of its own on a device
 * @device: where
 * @opts: NULL for the defaults
 * @context: set to the new context
 *
 * Buffers, programs and queues belong to a context. Jobs of one context reach
 * no memory of another.
 * Errors: -EINVAL, -E2BIG, -ENOSPC, -ENOMEM, -ENODEV.
 */
ACCEL_API int accel_context_create(struct accel_device *device,
				   const struct accel_context_opts *opts,
				   struct accel_context **context);
ACCEL_API struct accel_context *accel_context_ref(struct accel_context *context);
ACCEL_API void accel_context_unref(struct accel_context *context);

/** accel_context_device() - the device of a context; not a new reference. */
ACCEL_API struct accel_device *accel_context_device(struct accel_context *context);

/**
 * accel_buffer_alloc() - memory that both CPU and card see, filled with zeros
 * @context: whose jobs may use it
 * @size: bytes, not zero; rounded up to whole pages
 * @flags: ACCEL_BUFFER_*
 * @buffer: set to the new buffer
 *
 * The memory is coherent: no calls are needed between writes of the CPU and
 * jobs, or between the end of a job and reads of the CPU. It is not locked
 * memory and does not count against RLIMIT_MEMLOCK. Unreferencing a buffer that jobs
 * still use is fine: the programs that name it hold it.
 * Errors: -EINVAL, -ENOMEM, -ENOSPC, -EOPNOTSUPP, -ENODEV.
 */
ACCEL_API int accel_buffer_alloc(struct accel_context *context, size_t size, uint32_t flags,
				 struct accel_buffer **buffer);

/**
 * accel_buffer_slice() - a part of a buffer as a buffer
 * @parent: the whole
 * @offset: a multiple of 64
 * @size: bytes, not zero
 * @buffer: set to the new buffer
 *
 * It shares memory with its parent and keeps it alive.
 * Errors: -EINVAL: out of range; -ENOMEM.
 */
ACCEL_API int accel_buffer_slice(struct accel_buffer *parent, size_t offset, size_t size,
				 struct accel_buffer **buffer);

/**
 * accel_buffer_import() - use another driver's dma-buf; @fd stays the caller's
 * @context: whose jobs may use it
 * @fd: dma-buf, stays the caller's
 * @buffer: set to the new buffer
 * Errors: -EOPNOTSUPP without ACCEL_CAP_DMABUF; -EBADF/-EINVAL: not a dma-buf;
 * -ENOMEM, -ENOSPC.
 */
ACCEL_API int accel_buffer_import(struct accel_context *context, int fd,
				  struct accel_buffer **buffer);

/**
 * accel_buffer_export() - a dma-buf descriptor, the caller's to close
 * @buffer: what to share
 * @fd: set to a dma-buf descriptor, the caller's to close
 * Errors: -EOPNOTSUPP without ACCEL_CAP_DMABUF; -EPERM: ACCEL_BUFFER_PRIVATE or a slice.
 */
ACCEL_API int accel_buffer_export(struct accel_buffer *buffer, int *fd);

ACCEL_API struct accel_buffer *accel_buffer_ref(struct accel_buffer *buffer);
ACCEL_API void accel_buffer_unref(struct accel_buffer *buffer);

/**
 * accel_buffer_map() - the CPU's address of the buffer
 * @buffer: the buffer
 * @ptr: set to the address
 *
 * Valid as long as the buffer; the same at every call.
 * Errors: -ENOMEM, -ENODEV.
 */
ACCEL_API int accel_buffer_map(struct accel_buffer *buffer, void **ptr);

/** accel_buffer_va() - the card's address of the buffer. */
ACCEL_API uint64_t accel_buffer_va(const struct accel_buffer *buffer);

/** accel_buffer_size() - size of a buffer in bytes. */
ACCEL_API size_t accel_buffer_size(const struct accel_buffer *buffer);

/**
 * accel_buffer_set_name() - a name for fault reports and dumps, at most 63 bytes
 * @buffer: the buffer
 * @name: at most 63 bytes; NULL or "" removes it
 * Errors: -E2BIG, -ENODEV.
 */
ACCEL_API int accel_buffer_set_name(struct accel_buffer *buffer, const char *name);

#ifdef __cplusplus
}
#endif

#endif
