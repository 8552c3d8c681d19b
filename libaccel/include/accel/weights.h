/* SPDX-License-Identifier: MIT */
/*
 * Weights: a right operand of matrix products that is packed once and multiplied
 * many times.
 */
#ifndef ACCEL_WEIGHTS_H
#define ACCEL_WEIGHTS_H

#include "program.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * accel_weights_create() - room for a matrix [K, N] in the card's own order
 * @context: whose programs may use it
 * @dtype: F32, F16, BF16, I8 or U8
 * @k: rows
 * @n: columns
 * @flags: ACCEL_BUFFER_* of the memory, without ACCEL_BUFFER_READONLY
 * @weights: set to the new weights, all zero
 *
 * accel_program_pack() fills it in; accel_gemm_op.weights takes it instead of b. The products
 * are the same to the bit, and faster: the card need not bring b into order each time.
 * A type that the card has not, or a card that cannot pack, is -EOPNOTSUPP.
 * Errors: -EINVAL, -EOPNOTSUPP, -ENOMEM, -ENOSPC, -ENODEV.
 */
ACCEL_API int accel_weights_create(struct accel_context *context, enum accel_dtype dtype,
				   uint32_t k, uint32_t n, uint32_t flags,
				   struct accel_weights **weights);
ACCEL_API struct accel_weights *accel_weights_ref(struct accel_weights *weights);
ACCEL_API void accel_weights_unref(struct accel_weights *weights);

/**
 * accel_weights_buffer() - the memory of weights; not a new reference
 *
 * For a name, or to save and load it: its contents are those that
 * Documentation/hardware.rst describes under "Panels", and mean the same on every card.
 */
ACCEL_API struct accel_buffer *accel_weights_buffer(struct accel_weights *weights);

/**
 * accel_program_pack() - append weights = src
 * @program: being built
 * @weights: what to fill
 * @src: [K, N], of the weights' type; any strides, so that a transposed matrix is packed, too
 *
 * Mostly a program of its own that runs once. Errors: see program.h.
 */
ACCEL_API int accel_program_pack(struct accel_program *program, struct accel_weights *weights,
				 const struct accel_tensor *src);

#ifdef __cplusplus
}
#endif

#endif
