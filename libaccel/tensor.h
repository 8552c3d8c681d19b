/* SPDX-License-Identifier: MIT */
/*
 * Checks of operands before a packet is written, with the rules of loom_isa.h.
 */
#ifndef ACCEL_PRIV_TENSOR_H
#define ACCEL_PRIV_TENSOR_H

#include "object.h"

#define TENSOR_WRITE	(1u << 0)	/* the packet writes it */
#define TENSOR_OPTIONAL	(1u << 1)	/* may be absent */

/** tensor_check() - a tensor by itself. Return: 0 or what err() recorded. */
int tensor_check(const struct accel_program *program, const struct accel_tensor *tensor,
		 const char *name, unsigned int flags);

/** tensor_broadcasts() - @from repeats to @to, aligned at the last axis but @skip ones. */
int tensor_broadcasts(const struct accel_tensor *from, const char *from_name,
		      const struct accel_tensor *to, const char *to_name, uint32_t skip);

/** tensor_same_shape() - equal rank and dims. */
int tensor_same_shape(const struct accel_tensor *a, const char *a_name,
		      const struct accel_tensor *b, const char *b_name);

/** tensor_shape() - "[2, 3]" for texts; up to TENSOR_SHAPE_LEN bytes. */
#define TENSOR_SHAPE_LEN	96
const char *tensor_shape(const struct accel_tensor *tensor, char text[TENSOR_SHAPE_LEN]);

static inline bool tensor_absent(const struct accel_tensor *tensor)
{
	return !tensor->buffer;
}

static inline bool dtype_is_float(enum accel_dtype dtype)
{
	return dtype == ACCEL_F32 || dtype == ACCEL_F16 || dtype == ACCEL_BF16;
}

static inline bool dtype_is_byte(enum accel_dtype dtype)
{
	return dtype == ACCEL_I8 || dtype == ACCEL_U8;
}

#endif
