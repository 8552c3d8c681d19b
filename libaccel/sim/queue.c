// SPDX-License-Identifier: MIT
/*
 * Queues, and those who wait for them.
 */
#include <endian.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../soft.h"
#include "sim.h"

static struct sim_queue *sim_queue(struct accel_queue *queue)
{
	return (struct sim_queue *)queue;
}

static int context_take(struct sim_device *sim, uint32_t *context)
{
	for (uint32_t i = 0; i < sim->ncontexts; i++) {
		if (sim->context_state[i].used || sim->context_state[i].descriptors)
			continue;
		sim->context_state[i].used = true;
		*context = i;
		return 0;
	}
	return err(-ENOSPC, "unreference queues, or open sim: with a larger contexts=",
		   "all %u contexts of the card are in use", sim->ncontexts);
}

static unsigned int ring_take(struct sim_device *sim)
{
	unsigned int best = 1;

	for (unsigned int r = 2; r <= sim->nrings; r++)
		if (sim->rings[r].users < sim->rings[best].users)
			best = r;
	sim->rings[best].users++;
	return best;
}

static const uint8_t priorities[] = {
	[ACCEL_PRIORITY_NORMAL] = LOOM_PRIORITY_NORMAL,
	[ACCEL_PRIORITY_LOW] = LOOM_PRIORITY_LOW,
	[ACCEL_PRIORITY_HIGH] = LOOM_PRIORITY_HIGH,
};

int sim_queue_init(struct accel_queue *queue, const struct accel_queue_opts *opts)
{
	struct sim_context *vm = (struct sim_context *)queue->context;
	struct sim_device *sim = sim_of(queue->context);
	struct sim_queue *q = sim_queue(queue);
	struct loom_ctx_entry *entry;
	int ret;

	queue->ring = calloc(queue->depth, sizeof(*queue->ring));
	q->jobs = calloc(queue->depth, sizeof(*q->jobs));
	if (!queue->ring || !q->jobs) {
		free(queue->ring);
		free(q->jobs);
		return err_nomem("a queue");
	}
	q->event_fd = -1;
	q->timeout_ms = opts->timeout_ms ? opts->timeout_ms : sim->options.timeout_ms;
	q->limit_ms = opts->limit_ms ? opts->limit_ms : sim->options.limit_ms;
	sim_lock(sim);
	/* a card in reset ignores what it is told */
	while (sim->resetting && !sim->lost) {
		sim_unlock(sim);
		sched_yield();
		sim_lock(sim);
	}
	ret = sim_alive(sim);
	if (!ret)
		ret = context_take(sim, &q->context);
	if (!ret) {
		q->ring = ring_take(sim);
		entry = &sim->contexts[q->context];
		memset(entry, 0, sizeof(*entry));
		entry->root = htole64(vm->root);
		entry->tag = htole32(vm->tag);
		entry->flags = htole32(LOOM_CTX_VALID);
		entry->client = htole32(vm->tag);
		entry->weight = htole16(1);
		entry->priority = priorities[opts->priority];
		sim_write(sim, LOOM_REG_CTX_START, q->context, 4);
		q->next = sim->queues;
		sim->queues = q;
	}
	sim_unlock(sim);
	if (ret) {
		free(queue->ring);
		free(q->jobs);
	}
	return ret;
}

void sim_queue_finish(struct sim_device *sim, struct sim_queue *q)
{
	struct accel_queue *queue = &q->base;

	q->done++;
	store_number(&queue->ring[q->done & (queue->depth - 1)], q->done);
	if (!q->news) {
		q->news = true;
		q->next_news = sim->news;
		sim->news = q;
	}
}

void sim_queues_tell(struct sim_device *sim)
{
	struct sim_queue *q;

	while ((q = sim->news)) {
		struct sim_poll **at = &q->polls, *poll;
		uint64_t one = 1;
		ssize_t n;

		sim->news = q->next_news;
		q->news = false;
		while ((poll = *at)) {
			if (poll->number > q->done) {
				at = &poll->next;
				continue;
			}
			*at = poll->next;
			pollable_fire(poll->fd);
			free(poll);
		}
		if (q->event_fd >= 0) {
			n = write(q->event_fd, &one, sizeof(one));
			(void)n;
		}
		atomic_fetch_add(&q->wake, 1);
		if (atomic_load(&q->sleepers))
			syscall(SYS_futex, &q->wake, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
	}
}

int sim_queue_wait(struct accel_queue *queue, uint64_t number, uint64_t deadline)
{
	struct sim_queue *q = sim_queue(queue);
	struct timespec ts = {
		.tv_sec = (time_t)(deadline / 1000000000u),
		.tv_nsec = (long)(deadline % 1000000000u),
	};
	unsigned int wake;
	int ret = 0;

	atomic_fetch_add(&q->sleepers, 1);
	for (;;) {
		wake = atomic_load(&q->wake);
		if (queue_finished(queue, number)) {
			ret = 0;
			break;
		}
		if (ret)
			break;
		if (!syscall(SYS_futex, &q->wake, FUTEX_WAIT_BITSET_PRIVATE, wake,
			     deadline == ACCEL_FOREVER ? NULL : &ts, NULL,
			     FUTEX_BITSET_MATCH_ANY))
			continue;
		if (errno == ETIMEDOUT)
			ret = -ETIME;
		else if (errno == EINTR)
			ret = -EINTR;
	}
	atomic_fetch_sub(&q->sleepers, 1);
	return ret;
}

static int status_error(enum accel_queue_status status)
{
	switch (status) {
	case ACCEL_QUEUE_BANNED:
		return err(-ETIME, "create another queue", "a job of the queue hung");
	case ACCEL_QUEUE_LOST:
		return err(-ENODEV, "close the device and open another",
			   "the simulated card does not answer any more");
	case ACCEL_QUEUE_INNOCENT:
		return err(-ECANCELED, "create another queue and submit again",
			   "a reset for another queue's job hit a job of the queue");
	case ACCEL_QUEUE_FAULTED:
		return err(-EIO, "create another queue", "a job of the queue failed");
	default:
		return err(-ECANCELED, "create another queue", "the queue was stopped");
	}
}

/* With the first job, so that even a card that is dead could be set up. */
static void inject(struct sim_device *sim)
{
	if (sim->injected)
		return;
	sim->injected = true;
	for (unsigned int i = 0; i < sim->options.injections; i++)
		loom_core_inject(sim->core, sim->options.inject[i].what,
				 sim->options.inject[i].ring);
}

int sim_queue_submit(struct accel_queue *queue, const struct backend_job *jobs, size_t n)
{
	struct sim_device *sim = sim_of(queue->context);
	struct sim_queue *q = sim_queue(queue);
	int ret = 0;

	sim_lock(sim);
	sim_alive(sim);
	if (q->status != ACCEL_QUEUE_OK) {
		ret = status_error(q->status);
	} else {
		for (size_t i = 0; i < n; i++) {
			struct sim_job *job = &q->jobs[++q->submitted & (queue->depth - 1)];

			job->cmd_va = jobs[i].cmd_va;
			job->cmd_size = jobs[i].cmd_size;
			job->cookie = jobs[i].cookie;
			job->nwaits = jobs[i].nwaits;
			job->waits = jobs[i].waits;
		}
		inject(sim);
		sim_queue_fill(sim, q);
		sim_watchdog_kick(sim);
	}
	sim_unlock(sim);
	return ret;
}

int sim_queue_status(struct accel_queue *queue)
{
	struct sim_device *sim = sim_of(queue->context);
	int status;

	sim_lock(sim);
	status = sim_queue(queue)->status;
	sim_unlock(sim);
	return status;
}

void sim_queue_end(struct sim_device *sim, struct sim_queue *q, enum accel_queue_status status)
{
	if (q->status != ACCEL_QUEUE_OK)
		return;
	q->status = status;
	sim_write(sim, LOOM_REG_CTX_STOP, q->context, 4);
}

void sim_queue_drop(struct sim_device *sim, struct sim_queue *q, int error)
{
	struct sim_ring *ring = &sim->rings[q->ring];

	for (uint64_t i = ring->retired; i < ring->written; i++)
		if (ring->jobs[i & ((1u << SIM_RING_LOG2) - 1)].queue == q)
			ring->jobs[i & ((1u << SIM_RING_LOG2) - 1)].queue = NULL;
	while (q->done < q->submitted) {
		struct accel_result *result = &q->base.ring[(q->done + 1) & (q->base.depth - 1)];

		/* Waiters read the number without a lock: it is stored once, at the end. */
		memset((char *)result + sizeof(result->number), 0,
		       sizeof(*result) - sizeof(result->number));
		result->cookie = q->jobs[(q->done + 1) & (q->base.depth - 1)].cookie;
		result->error = error;
		result->outcome = LOOM_OUTCOME_CONTEXT_STOPPED;
		sim_queue_finish(sim, q);
	}
	q->issued = q->submitted;
}

static bool running(struct sim_device *sim, const struct sim_queue *q)
{
	uint64_t regs = LOOM_REG_RING(q->ring);

	return sim_read(sim, regs + LOOM_RING_STATUS, 4) & LOOM_RING_STATUS_RUNNING &&
	       sim_read(sim, regs + LOOM_RING_CURRENT_CONTEXT, 4) == q->context;
}

void sim_queue_stop(struct accel_queue *queue)
{
	struct sim_device *sim = sim_of(queue->context);
	struct sim_queue *q = sim_queue(queue);
	struct sim_queue **at;

	sim_lock(sim);
	q->stopping = true;
	if (q->status == ACCEL_QUEUE_OK)
		q->status = ACCEL_QUEUE_INNOCENT;
	sim_write(sim, LOOM_REG_CTX_STOP, q->context, 4);
	/* A job in execution ends within a millisecond of work; it may still end well. */
	while (running(sim, q)) {
		sim_unlock(sim);
		sched_yield();
		sim_lock(sim);
	}
	sim_ring_retire(sim, q->ring);
	/* What never started does not wait for its turn on the ring to be told so. */
	sim_queue_drop(sim, q, -ECANCELED);
	for (at = &sim->queues; *at != q; at = &(*at)->next)
		;
	*at = q->next;
	sim->rings[q->ring].users--;
	sim->context_state[q->context].used = false;
	/* Others may have waited for what will not happen. */
	sim_rings_fill(sim);
	q->event_fd = -1;
	sim_unlock(sim);
}

void sim_queue_fini(struct accel_queue *queue)
{
	struct sim_queue *q = sim_queue(queue);

	while (q->polls) {
		struct sim_poll *poll = q->polls;

		q->polls = poll->next;
		close(poll->fd);
		free(poll);
	}
	free(queue->ring);
	free(q->jobs);
}

int sim_queue_arm(struct accel_queue *queue, uint64_t number)
{
	struct sim_device *sim = sim_of(queue->context);
	struct sim_queue *q = sim_queue(queue);
	uint64_t one = 1;
	ssize_t n;

	sim_lock(sim);
	q->event_fd = queue->event_fd;
	/* It may have finished just before. */
	if (q->done >= number) {
		n = write(q->event_fd, &one, sizeof(one));
		(void)n;
	}
	sim_unlock(sim);
	return 0;
}

int sim_fence_fd(struct accel_fence *fence, int *fd)
{
	struct sim_device *sim = sim_device(fence->device);
	struct sim_queue *q = sim_queue(fence->queue);
	struct sim_poll *poll = malloc(sizeof(*poll));
	int ret = poll ? pollable_open(&poll->fd, fd) : err_nomem("a fence's descriptor");

	if (ret) {
		free(poll);
		return ret;
	}
	poll->number = fence->number;
	sim_lock(sim);
	if (accel_fence_poll(fence)) {
		pollable_fire(poll->fd);
		free(poll);
	} else {
		poll->next = q->polls;
		q->polls = poll;
	}
	sim_unlock(sim);
	return 0;
}
