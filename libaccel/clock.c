// SPDX-License-Identifier: MIT
#include <time.h>

#include "accel/types.h"

ACCEL_API uint64_t accel_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

ACCEL_API uint64_t accel_deadline(uint64_t ns)
{
	uint64_t now = accel_now();

	return ns > ACCEL_FOREVER - now ? ACCEL_FOREVER : now + ns;
}
