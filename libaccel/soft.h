/* SPDX-License-Identifier: MIT */
/*
 * Fences that the library ends itself: of work that is more than one job.
 *
 * Jobs cannot wait for them, as the kernel knows nothing of them. Their descriptors are good for
 * poll() and the like.
 */
#ifndef ACCEL_PRIV_SOFT_H
#define ACCEL_PRIV_SOFT_H

#include "object.h"

/** soft_create() - a fence that is not done; its result will have @cookie. Errors: -ENOMEM. */
int soft_create(struct accel_device *device, uint64_t cookie, struct accel_fence **fence);

/** soft_end() - let it be done, with this result. Return: false: it was done already. */
bool soft_end(struct accel_fence *fence, const struct accel_result *result);

/** soft_fail() - the same with nothing but an error. */
bool soft_fail(struct accel_fence *fence, int error);

int soft_wait(struct accel_fence *fence, uint64_t deadline);
int soft_fd(struct accel_fence *fence, int *fd);
void soft_free(struct accel_fence *fence);

/*
 * A descriptor that becomes readable once and for good: the other end of a socket that is shut
 * down. It is no copy of ours: who closes it takes it out of an epoll set, and who reads it changes
 * nothing.
 */
int pollable_open(int *ours, int *theirs);
void pollable_fire(int ours);

#endif
