// SPDX-License-Identifier: MIT
/*
 * Waiting: first look for a bounded time, then sleep.
 */
#include <sched.h>
#include <unistd.h>

#include "object.h"
#include "wait.h"

bool wait_may_spin(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return sysconf(_SC_NPROCESSORS_ONLN) > 1;
	return CPU_COUNT(&set) > 1;
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Look at the ring for a moment. */
static void poll_ring(const struct accel_queue *queue, uint64_t number)
{
	for (int i = 0; i < 32; i++) {
		if (queue_finished(queue, number))
			return;
		cpu_relax();
	}
	/* Who is to finish the job may be waiting for this very processor. */
	sched_yield();
}

static bool spin(struct accel_queue *queue, uint64_t number, uint64_t deadline)
{
	const struct backend *ops = context_ops(queue->context);
	uint64_t now, end;

	if (!queue->spin_ns)
		return false;
	now = accel_now();
	end = now + queue->spin_ns;
	if (end > deadline)
		end = deadline;
	for (; now < end; now = accel_now()) {
		if (!ops->queue_poll || !ops->queue_poll(queue, number, end - now))
			poll_ring(queue, number);
		if (queue_finished(queue, number))
			return true;
	}
	return false;
}

int queue_wait(struct accel_queue *queue, uint64_t number, uint64_t deadline)
{
	int ret;

	if (queue_finished(queue, number))
		return 0;
	if (!deadline)
		return -ETIME;
	if (spin(queue, number, deadline))
		return 0;
	ret = context_ops(queue->context)->queue_wait(queue, number, deadline);
	/* The record is the truth: it may have come with the deadline or with the signal. */
	return ret && queue_finished(queue, number) ? 0 : ret;
}
