// SPDX-License-Identifier: MIT
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include <accel/accel.h>

#include "progress.h"

/* How long a signal that arrives just before a wait begins may go unnoticed. */
#define SLICE_NS	100000000ull

static volatile sig_atomic_t pending;
static const char *volatile unlink_paths[32];

#define PATHS	(sizeof(unlink_paths) / sizeof(unlink_paths[0]))

static void on_signal(int signal)
{
	if (pending) {
		for (size_t i = 0; i < PATHS; i++)
			if (unlink_paths[i])
				unlink(unlink_paths[i]);
		_exit(128 + signal);
	}
	pending = signal;
}

void interrupt_setup(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal }, old;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		/* Started by nohup or in the background of a plain shell: stays ignored. */
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
	}
	/* Writing to a closed pipe is seen where the write fails. */
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
	/* So is writing more than the limit of the file size allows. */
	sigaction(SIGXFSZ, &action, NULL);
}

bool interrupt_pending(void)
{
	return pending;
}

int interrupt_exit(void)
{
	return 128 + pending;
}

void interrupt_unlink(const char *path)
{
	for (size_t i = 0; i < PATHS; i++) {
		if (!unlink_paths[i]) {
			unlink_paths[i] = path;
			return;
		}
	}
}

void interrupt_keep(const char *path)
{
	for (size_t i = 0; i < PATHS; i++)
		if (unlink_paths[i] == path)
			unlink_paths[i] = NULL;
}

bool interrupt_sleep(uint64_t ns)
{
	uint64_t end = accel_deadline(ns), now;

	while (!pending && (now = accel_now()) < end) {
		uint64_t left = end - now < SLICE_NS ? end - now : SLICE_NS;

		nanosleep(&(struct timespec){ .tv_nsec = (long)left }, NULL);
	}
	return !pending;
}

int job_wait(struct accel_fence *fence, uint64_t deadline)
{
	for (;;) {
		uint64_t slice = accel_deadline(SLICE_NS);
		int err;

		if (pending)
			return -EINTR;
		err = accel_fence_wait(fence, slice < deadline ? slice : deadline);
		if (err != -ETIME && err != -EINTR)
			return err;
		if (err == -ETIME && deadline <= slice)
			return -ETIME;
		progress_tick();
	}
}
