// SPDX-License-Identifier: MIT
#include "program.h"

struct bench b;
struct accel_buffer *buffer;
struct accel_program *program;

bool program_start(void)
{
	if (!bench_open(&b, NULL))
		return false;
	buffer = bench_buffer(&b, 1 << 16, NULL);
	return CHECK(!accel_program_create(b.context, &program));
}

void program_end(void)
{
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

struct accel_tensor tensor(enum accel_dtype dtype, uint32_t rank, const uint32_t *dims)
{
	struct accel_tensor t;

	accel_tensor_init(&t, buffer, 0, dtype, rank, dims);
	return t;
}
