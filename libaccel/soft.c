// SPDX-License-Identifier: MIT
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "soft.h"

struct pollable {
	struct pollable *next;
	int fd;
};

/**
 * struct soft - see soft.h
 * @state: what waiters sleep on: 1 when it is done
 * @lock: protects @polls, and that it is done once
 */
struct soft {
	struct accel_fence base;
	atomic_uint state;
	uint64_t cookie;
	pthread_mutex_t lock;
	struct pollable *polls;
};

static struct soft *soft_of(struct accel_fence *fence)
{
	return (struct soft *)fence;
}

int pollable_open(int *ours, int *theirs)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
		return err(-errno, NULL, "cannot create a descriptor: %s", strerror(errno));
	*ours = ends[0];
	*theirs = ends[1];
	return 0;
}

void pollable_fire(int ours)
{
	shutdown(ours, SHUT_RDWR);
	close(ours);
}

int soft_create(struct accel_device *device, uint64_t cookie, struct accel_fence **fence)
{
	struct soft *soft = calloc(1, sizeof(*soft));

	if (!soft)
		return err_nomem("a fence");
	atomic_init(&soft->base.refs, 1);
	pthread_mutex_init(&soft->lock, NULL);
	soft->base.soft = true;
	soft->cookie = cookie;
	soft->base.device = accel_device_ref(device);
	*fence = &soft->base;
	return 0;
}

bool soft_end(struct accel_fence *fence, const struct accel_result *result)
{
	struct soft *soft = soft_of(fence);
	struct pollable *polls, *next;
	bool first;

	pthread_mutex_lock(&soft->lock);
	first = !atomic_load_explicit(&fence->done, memory_order_relaxed);
	polls = soft->polls;
	soft->polls = NULL;
	if (first) {
		fence->result = *result;
		fence->result.cookie = soft->cookie;
		atomic_store_explicit(&fence->done, true, memory_order_release);
	}
	pthread_mutex_unlock(&soft->lock);
	if (!first)
		return false;
	atomic_store(&soft->state, 1);
	syscall(SYS_futex, &soft->state, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
	for (; polls; polls = next) {
		next = polls->next;
		pollable_fire(polls->fd);
		free(polls);
	}
	return true;
}

bool soft_fail(struct accel_fence *fence, int error)
{
	struct accel_result result = { .error = error };

	result.outcome = error == -ETIME ? ACCEL_JOB_TIMEOUT :
			 error == -ECANCELED ? ACCEL_JOB_CANCELED :
			 error == -ENODEV ? ACCEL_JOB_DEVICE_LOST :
			 error ? ACCEL_JOB_HOST : ACCEL_JOB_OK;
	return soft_end(fence, &result);
}

int soft_wait(struct accel_fence *fence, uint64_t deadline)
{
	struct soft *soft = soft_of(fence);
	struct timespec ts = {
		.tv_sec = (time_t)(deadline / 1000000000u),
		.tv_nsec = (long)(deadline % 1000000000u),
	};

	while (!atomic_load_explicit(&fence->done, memory_order_acquire)) {
		if (!deadline)
			return -ETIME;
		if (!syscall(SYS_futex, &soft->state, FUTEX_WAIT_BITSET_PRIVATE, 0,
			     deadline == ACCEL_FOREVER ? NULL : &ts, NULL, FUTEX_BITSET_MATCH_ANY))
			continue;
		if (errno == EAGAIN || atomic_load_explicit(&fence->done, memory_order_acquire))
			continue;
		if (errno == ETIMEDOUT)
			return -ETIME;
		return -errno;
	}
	return 0;
}

int soft_fd(struct accel_fence *fence, int *fd)
{
	struct soft *soft = soft_of(fence);
	struct pollable *poll = malloc(sizeof(*poll));
	int ret = poll ? pollable_open(&poll->fd, fd) : err_nomem("a fence's descriptor");
	bool done;

	if (ret) {
		free(poll);
		return ret;
	}
	pthread_mutex_lock(&soft->lock);
	done = atomic_load_explicit(&fence->done, memory_order_relaxed);
	if (!done) {
		poll->next = soft->polls;
		soft->polls = poll;
	}
	pthread_mutex_unlock(&soft->lock);
	if (done) {
		pollable_fire(poll->fd);
		free(poll);
	}
	return 0;
}

void soft_free(struct accel_fence *fence)
{
	struct soft *soft = soft_of(fence);
	struct pollable *next;

	/* A forked child may have some that nobody will end. */
	for (; soft->polls; soft->polls = next) {
		next = soft->polls->next;
		close(soft->polls->fd);
		free(soft->polls);
	}
	pthread_mutex_destroy(&soft->lock);
}
