/* SPDX-License-Identifier: MIT */
/*
 * A program that is being built, on the device under test, and tensors in a buffer of 64 KiB.
 */
#ifndef TEST_LIBACCEL_PROGRAM_H
#define TEST_LIBACCEL_PROGRAM_H

#include "check.h"
#include "loom_isa.h"

extern struct bench b;
extern struct accel_buffer *buffer;
extern struct accel_program *program;

/* False if it failed, which is recorded as a failure of the test. */
bool program_start(void);
void program_end(void);

/* At the buffer's begin, dense. */
struct accel_tensor tensor(enum accel_dtype dtype, uint32_t rank, const uint32_t *dims);

#define T(dtype, ...) \
	tensor(dtype, sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), \
	       (uint32_t[]){ __VA_ARGS__ })

#endif
