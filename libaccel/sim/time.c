// SPDX-License-Identifier: MIT
/*
 * The time that sim: acts by, all of it here, so that a test can put another in its place.
 */
#include <time.h>

#include "sim.h"

uint64_t sim_now(void)
{
	return accel_now();
}

uint64_t sim_thread_ns(pthread_t thread)
{
	struct timespec ts;
	clockid_t clock;

	if (pthread_getcpuclockid(thread, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Until @cond is signalled, or for @ns, or for no reason. */
void sim_sleep(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t ns)
{
	uint64_t end = accel_deadline(ns);
	struct timespec ts = {
		.tv_sec = (time_t)(end / 1000000000u),
		.tv_nsec = (long)(end % 1000000000u),
	};

	pthread_cond_timedwait(cond, lock, &ts);
}

void sim_nap(uint64_t ns)
{
	const struct timespec ts = { .tv_nsec = (long)ns };

	nanosleep(&ts, NULL);
}
