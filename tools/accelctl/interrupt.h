/* SPDX-License-Identifier: MIT */
/*
 * SIGINT, SIGTERM and SIGHUP: the first asks for an orderly end, a second one ends at once.
 */
#ifndef ACCELCTL_INTERRUPT_H
#define ACCELCTL_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

struct accel_fence;

void interrupt_setup(void);
bool interrupt_pending(void);
/* interrupt_exit() - the exit code of the signal that is pending. */
int interrupt_exit(void);
/* interrupt_unlink(), interrupt_keep() - a file to remove if a second signal ends the process, or no more. */
void interrupt_unlink(const char *path);
void interrupt_keep(const char *path);

/* interrupt_sleep() - @ns nanoseconds; false: a signal asks for the end. */
bool interrupt_sleep(uint64_t ns);

/*
 * job_wait() - wait for a fence until @deadline or a signal: 0, -ETIME, -EINTR, or
 * what accel_fence_wait() returns.
 */
int job_wait(struct accel_fence *fence, uint64_t deadline);

#endif
