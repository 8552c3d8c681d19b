// SPDX-License-Identifier: MIT
#include <stdint.h>
#include <time.h>
#include <x86intrin.h>

#include "tsc.h"

#define NS_PER_S	1000000000
#define TRIES		20

struct moment {
	int64_t ns;
	uint64_t ticks;
};

static int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* Both clocks at one moment: of some tries the one that was interrupted least. */
static struct moment now(void)
{
	struct moment best = { 0, 0 };
	int64_t least = INT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		int64_t before = now_ns();
		uint64_t ticks = __rdtsc();
		int64_t after = now_ns();

		if (after - before >= least)
			continue;
		least = after - before;
		best.ns = before + least / 2;
		best.ticks = ticks;
	}
	return best;
}

long tsc_khz(void)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	struct moment first = now(), last;

	nanosleep(&pause, NULL);
	last = now();
	return (long)((double)(last.ticks - first.ticks) * 1e6 / (double)(last.ns - first.ns) + 0.5);
}
