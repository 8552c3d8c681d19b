/* SPDX-License-Identifier: MIT */
/*
 * The library's objects. Each back end embeds them in its own.
 *
 * Locks: struct accel_queue.lock, then struct accel_context.lock, then those of
 * the back end. No lock of one queue is taken under that of another.
 */
#ifndef ACCEL_PRIV_OBJECT_H
#define ACCEL_PRIV_OBJECT_H

#include <pthread.h>
#include <stdatomic.h>

#include "accel/accel.h"
#include "backend.h"
#include "error.h"
#include "fork.h"
#include "range.h"
#include "sized.h"

#define PAGE_SIZE	4096u
#define HUGE_SIZE	0x200000u

/**
 * struct accel_device - a device
 * @forks: fork_generation() of its making
 * @props: filled by the back end when it opens; @generation may change later
 * @syncs_max: waits of one job
 * @timeout_ms_max: largest timeout of a queue
 */
struct accel_device {
	atomic_uint refs;
	unsigned int forks;
	const struct backend *ops;
	struct accel_device_props props;
	uint32_t syncs_max;
	uint32_t timeout_ms_max;
};

/**
 * struct accel_context - an address space
 * @lock: protects @va, @constants and the mappings of its buffers
 * @va: free virtual addresses
 * @constants: those of models that are compiled for its queues
 */
struct accel_context {
	atomic_uint refs;
	struct accel_device *device;
	pthread_mutex_t lock;
	struct range va;
	struct constant *constants;
};

/**
 * struct accel_buffer - memory, or a slice of other memory
 * @parent: of a slice: the buffer whose memory it is
 * @va: card's address; @va_size bytes of address space belong to it
 * @ptr: CPU's address, NULL until it is mapped
 */
struct accel_buffer {
	atomic_uint refs;
	uint32_t flags;
	struct accel_context *context;
	struct accel_buffer *parent;
	uint64_t va;
	uint64_t va_size;
	uint64_t size;
	_Atomic(void *) ptr;
};

/**
 * struct accel_weights - a matrix in panels
 * @buffer: its memory, all of it
 * @tensor: [K, N] with strides of zero, as in packets
 */
struct accel_weights {
	atomic_uint refs;
	struct accel_buffer *buffer;
	struct accel_tensor tensor;
};

/**
 * struct accel_program - packets, and what keeps their operands alive
 * @bytes, @size, @room: packets while it is built
 * @pooled: it is in a queue's pool
 * @command: packets after accel_program_finish(); NULL if there are none
 * @buffers: references of the buffers that packets name, without repetition
 */
struct accel_program {
	atomic_uint refs;
	bool finished;
	bool pooled;
	struct accel_context *context;
	uint8_t *bytes;
	size_t size;
	size_t room;
	struct accel_buffer *command;
	struct accel_buffer **buffers;
	size_t nbuffers;
	size_t buffers_room;
};

/**
 * struct accel_fence - the end of a job
 * @queue: NULL: imported, or @soft
 * @soft: the library ends it, see soft.h
 * @done: @result is final; set under the queue's lock, read without
 */
struct accel_fence {
	atomic_uint refs;
	atomic_bool done;
	bool soft;
	struct accel_queue *queue;
	struct accel_device *device;
	uint64_t number;
	struct accel_result result;
};

/**
 * struct wait_list - fences that a job waits for
 */
struct wait_list {
	struct wait_list *next;
	size_t count;
	struct accel_fence *fences[];
};

/**
 * struct queue_slot - what an unharvested job keeps alive
 * @fence: not a reference: the fence takes itself out
 */
struct queue_slot {
	struct accel_fence *fence;
	struct accel_program *program;
	struct wait_list *waits;
	uint64_t cookie;
};

#define QUEUE_POOL	8

/**
 * struct accel_queue - a queue
 * @refs: the user's references; the last one stops the queue
 * @holds: of its memory: one for all of @refs, one per fence
 * @lock: orders submissions; protects all below
 * @depth: slots, a power of two
 * @ring: results by number modulo @depth, written by the back end: all but
 *	.number, then .number with release order; .outcome is enum loom_outcome.
 *	Readable without the lock.
 * @slots: by number modulo @depth
 * @submitted: number of the last job submitted
 * @done: all up to this number are finished, harvested and hold nothing
 * @reaped: all up to this number were delivered; in use with @event_fd only
 * @pool: programs of accel_gemm(), free while the pool's reference is the only one
 */
struct accel_queue {
	atomic_uint refs;
	atomic_uint holds;
	struct accel_context *context;
	pthread_mutex_t lock;
	uint32_t depth;
	uint64_t spin_ns;
	struct accel_result *ring;
	struct queue_slot *slots;
	_Atomic uint64_t submitted;
	uint64_t done;
	uint64_t reaped;
	int event_fd;
	struct accel_program *pool[QUEUE_POOL];
};

static inline const struct backend *context_ops(const struct accel_context *context)
{
	return context->device->ops;
}

static inline bool device_forked(const struct accel_device *device)
{
	return device->forks != fork_generation();
}

static inline bool ref_last(atomic_uint *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static inline void ref_more(atomic_uint *refs)
{
	atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

static inline uint64_t load_number(const struct accel_result *slot)
{
	return __atomic_load_n(&slot->number, __ATOMIC_ACQUIRE);
}

static inline void store_number(struct accel_result *slot, uint64_t number)
{
	__atomic_store_n(&slot->number, number, __ATOMIC_RELEASE);
}

/* A slot serves the jobs n, n + depth, ...: a larger number tells that n was harvested. */
static inline bool queue_finished(const struct accel_queue *queue, uint64_t number)
{
	return load_number(&queue->ring[number & (queue->depth - 1)]) >= number;
}

/** queue_harvest() - take in what finished; call with the lock held.
 * Return: wait lists to drop with wait_list_drop() after the lock is released.
 */
struct wait_list *queue_harvest(struct accel_queue *queue);
void wait_list_drop(struct wait_list *list);

/** queue_put() - drop one hold of the queue's memory. */
void queue_put(struct accel_queue *queue);

/** queue_wait() - wait for job @number; does not record -ETIME and -EINTR. */
int queue_wait(struct accel_queue *queue, uint64_t number, uint64_t deadline);

/** result_translate() - a slot of the results ring as the caller sees it. */
void result_translate(struct accel_result *result, const struct accel_result *slot);

/** program_reset() - empty a finished program that nobody else uses. */
void program_reset(struct accel_program *program);

/** program_release() - unref; a pooled one that is free then lets go of its buffers.
 * Under the queue's lock.
 */
void program_release(struct accel_program *program);

#endif
