/* SPDX-License-Identifier: MIT */
/*
 * For `accelctl dump replay` alone: memory of sim: at addresses that the caller chooses, and a
 * command buffer there that is run as it is.
 *
 * The library exports this as LIBACCEL_PRIVATE: no public header has it, no other program may use
 * it, and it changes together with accelctl.
 */
#ifndef ACCEL_PRIV_REPLAY_H
#define ACCEL_PRIV_REPLAY_H

#include <stdint.h>

#include <accel/accel.h>

struct accel_replay;

/**
 * accel_replay_create() - an address space with nothing in it, and a queue
 * @device: a simulated one; held
 * @timeout_ms: a job without progress for that long hangs
 * @limit_ms: a job that runs longer is stopped in any case
 * @replay: set to the new object
 * Errors: -EOPNOTSUPP: not simulated; those of accel_queue_create().
 */
ACCEL_API int accel_replay_create(struct accel_device *device, uint32_t timeout_ms,
				  uint32_t limit_ms, struct accel_replay **replay);

/** accel_replay_free() - stop what runs, free all memory; NULL is allowed. */
ACCEL_API void accel_replay_free(struct accel_replay *replay);

/**
 * accel_replay_memory() - memory, zero, without an address
 * @replay: whose
 * @size: bytes, whole pages
 * @ptr: set to where it is for the CPU, until the object is freed
 * Errors: -EINVAL, -ENOMEM.
 */
ACCEL_API int accel_replay_memory(struct accel_replay *replay, uint64_t size, void **ptr);

/**
 * accel_replay_map() - give memory an address; it may have several
 * @replay: whose
 * @ptr: in what accel_replay_memory() gave
 * @va: first address; nothing may be mapped there
 * @size: bytes
 * @writable: the card may write there, too
 * Errors: -EINVAL: not whole pages, beyond the memory or the address space, or in use; -ENOMEM.
 */
ACCEL_API int accel_replay_map(struct accel_replay *replay, const void *ptr, uint64_t va,
			       uint64_t size, bool writable);

/**
 * accel_replay_run() - run a command buffer and wait for its end
 * @replay: where
 * @va: its address
 * @size: bytes
 * @result: how it ended; of a job that was stopped, fault_packet is where it was
 * Errors: those of accel_queue_submit() and accel_fence_wait().
 */
ACCEL_API int accel_replay_run(struct accel_replay *replay, uint64_t va, uint32_t size,
			       struct accel_result *result);

#endif
