/* SPDX-License-Identifier: MIT */
/* Between the files that append operations to programs. */
#ifndef ACCEL_PRIV_PROGRAM_H
#define ACCEL_PRIV_PROGRAM_H

#include "object.h"

/** program_can_append() - it is there and not finished. */
int program_can_append(const struct accel_program *program);

/** program_append() - @size bytes that name @n buffers, of which some may be NULL. */
int program_append(struct accel_program *program, const void *packet, size_t size,
		   struct accel_buffer *const *buffers, size_t n);

#endif
