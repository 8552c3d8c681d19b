/* SPDX-License-Identifier: MIT */
/*
 * Constants on the card: what several sessions of a context need is there once.
 *
 * A constant is known by its content: who brings the same bytes in the same form gets the one
 * that is there. So it is shared by sessions of any sizes, models and queues of the context, and
 * goes with the last of them.
 */
#ifndef ACCEL_PRIV_CONSTANTS_H
#define ACCEL_PRIV_CONSTANTS_H

#include <nettle/sha2.h>

#include "accel/accel.h"

/**
 * struct constant - bytes that never change once others see them
 * @key: see constant_key()
 * @refs: of sessions; protected by the context's lock, as is @next
 * @buffer: its memory
 * @weights: a matrix in panels, whose buffer @buffer is; or NULL
 * @local: in local memory
 */
struct constant {
	struct constant *next;
	uint32_t refs;
	uint8_t key[SHA256_DIGEST_SIZE];
	struct accel_buffer *buffer;
	struct accel_weights *weights;
	uint64_t size;
	bool local;
};

/**
 * constant_key() - the name of bytes in their form: rows and columns if in panels, else 0
 * @digest: of the bytes
 * @turned: columns one after the other are packed, not rows
 */
void constant_key(uint8_t key[SHA256_DIGEST_SIZE], const uint8_t digest[SHA256_DIGEST_SIZE],
		  enum accel_dtype dtype, uint32_t k, uint32_t n, bool turned, bool local);

/** constant_find() - a reference of the one that is there, or NULL. */
struct constant *constant_find(struct accel_context *context, const uint8_t key[SHA256_DIGEST_SIZE]);

/**
 * constant_new() - memory of a constant that nobody else sees yet
 * @local: in local memory if there is room
 * Errors: those of accel_buffer_alloc().
 */
int constant_new(struct accel_context *context, const uint8_t key[SHA256_DIGEST_SIZE], uint64_t size,
		 bool local, struct constant **constant);

/** constant_new_panels() - the same for a matrix. Errors: those of accel_weights_create(). */
int constant_new_panels(struct accel_context *context, const uint8_t key[SHA256_DIGEST_SIZE],
			enum accel_dtype dtype, uint32_t k, uint32_t n, bool local,
			struct constant **constant);

/**
 * constant_share() - let others see a constant whose bytes are there
 *
 * Return: the one to use: another's, if another was faster; the caller's is dropped then.
 */
struct constant *constant_share(struct constant *constant);

/** constant_put() - drop a reference, or one that was never shared; NULL is allowed. */
void constant_put(struct constant *constant);

#endif
