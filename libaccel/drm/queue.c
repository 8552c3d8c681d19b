// SPDX-License-Identifier: MIT
/*
 * Queues: one timeline each, on which job n signals point n. Of a submission only the
 * last job signals: between jobs without sync operations the kernel needs no fence.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "loom_hw.h"
#include "node.h"

_Static_assert(sizeof(struct drm_loom_result) == sizeof(struct accel_result) &&
	       offsetof(struct drm_loom_result, number) == offsetof(struct accel_result, number) &&
	       offsetof(struct drm_loom_result, fault_va) ==
	       offsetof(struct accel_result, fault_va) &&
	       offsetof(struct drm_loom_result, error) == offsetof(struct accel_result, error) &&
	       offsetof(struct drm_loom_result, outcome) ==
	       offsetof(struct accel_result, outcome) &&
	       offsetof(struct drm_loom_result, fault_access) ==
	       offsetof(struct accel_result, fault_access),
	       "the kernel's results are the library's but for the outcome");

/* The kernel stops jobs in bounded time; longer than this it does not work any more. */
#define STOP_NS		30000000000ull
#define STOP_POLL_NS	1000000ull

#define FEW		16

static struct node_queue *node_queue(struct accel_queue *queue)
{
	return (struct node_queue *)queue;
}

static const uint32_t priorities[] = {
	[ACCEL_PRIORITY_NORMAL] = DRM_LOOM_PRIORITY_NORMAL,
	[ACCEL_PRIORITY_LOW] = DRM_LOOM_PRIORITY_LOW,
	[ACCEL_PRIORITY_HIGH] = DRM_LOOM_PRIORITY_HIGH,
};

static int create(struct node *node, struct node_queue *q, const struct accel_queue_opts *opts)
{
	struct drm_loom_queue_create arg = {
		.vm_id = node_vm(q->base.context),
		.priority = priorities[opts->priority],
		.timeout_ms = opts->timeout_ms,
		.limit_ms = opts->limit_ms,
		.results_handle = q->results,
		.results_count = q->base.depth,
	};
	int ret;

	if (opts->flags & ACCEL_QUEUE_DUMP_CONTENTS) {
		if (!node->dumps)
			return err(-EOPNOTSUPP, "update the driver, or do without",
				   "the driver of %s dumps no contents of buffers",
				   node->base.props.id);
		arg.flags |= DRM_LOOM_QUEUE_DUMP_CONTENTS;
	}
	ret = node_ioctl(node, DRM_IOCTL_LOOM_QUEUE_CREATE, &arg);
	if (ret == -EACCES || ret == -EPERM)
		return err(-EACCES, "run with CAP_SYS_NICE, or with normal priority",
			   "no permission for a queue of high priority");
	if (ret == -ENOSPC)
		return err(ret, "unreference queues", "no context is left for a queue on %s",
			   node->base.props.id);
	if (ret)
		return node_error(node, ret, "create a queue");
	q->id = arg.id;
	return 0;
}

int node_queue_init(struct accel_queue *queue, const struct accel_queue_opts *opts)
{
	struct node *node = node_of(queue->context);
	struct node_queue *q = node_queue(queue);
	void *ring;
	int ret;

	q->results_size = queue->depth * sizeof(struct drm_loom_result);
	q->results_size = (q->results_size + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
	ret = node_memory_create(node, &q->results_size, 0, 0, &q->results);
	if (ret)
		return ret;
	ret = node_memory_map(node, q->results, q->results_size, &ring);
	if (ret)
		goto drop;
	queue->ring = ring;
	ret = drmSyncobjCreate(node->fd, 0, &q->syncobj) ? -errno : 0;
	if (ret) {
		node_error(node, ret, "create a timeline");
		goto unmap;
	}
	ret = create(node, q, opts);
	if (!ret)
		return 0;
	drmSyncobjDestroy(node->fd, q->syncobj);
unmap:
	munmap(ring, q->results_size);
drop:
	node_handle_drop(node, q->results);
	return ret;
}

/* A record that the kernel owes, once its fence has signalled. */
static void make_up(struct accel_queue *queue, uint64_t last, int error)
{
	pthread_mutex_lock(&queue->lock);
	for (uint64_t n = queue->done + 1; n <= last; n++) {
		struct accel_result *slot = &queue->ring[n & (queue->depth - 1)];

		if (load_number(slot) >= n)
			continue;
		memset((char *)slot + sizeof(slot->number), 0,
		       sizeof(*slot) - sizeof(slot->number));
		slot->cookie = queue->slots[n & (queue->depth - 1)].cookie;
		slot->error = error;
		slot->outcome = LOOM_OUTCOME_CONTEXT_STOPPED;
		store_number(slot, n);
	}
	pthread_mutex_unlock(&queue->lock);
}

/*
 * Whether an unfinished job may be on the card. The first that still waits for a
 * fence is not, nor what follows it: the kernel tells their end only after that of
 * what they wait for, which can be far.
 */
static bool may_run(struct accel_queue *queue, uint64_t last)
{
	bool ret = false;

	pthread_mutex_lock(&queue->lock);
	for (uint64_t n = queue->done + 1; n <= last && !ret; n++) {
		const struct wait_list *waits = queue->slots[n & (queue->depth - 1)].waits;

		if (queue_finished(queue, n))
			continue;
		for (size_t i = 0; waits && i < waits->count; i++)
			if (!accel_fence_poll(waits->fences[i]))
				goto out;
		ret = true;
	}
out:
	pthread_mutex_unlock(&queue->lock);
	return ret;
}

void node_queue_stop(struct accel_queue *queue)
{
	struct node *node = node_of(queue->context);
	struct node_queue *q = node_queue(queue);
	struct drm_loom_queue_destroy arg = { .id = q->id };
	uint64_t last = atomic_load(&queue->submitted), deadline = accel_deadline(STOP_NS);
	int ret;

	ret = node_ioctl(node, DRM_IOCTL_LOOM_QUEUE_DESTROY, &arg);
	if (!last || queue_finished(queue, last))
		return;
	/* The last point is the only one to sleep on for sure; others show in the results. */
	while (ret != -ENODEV && may_run(queue, last) && accel_now() < deadline)
		syncobj_wait(node, q->syncobj, last, accel_deadline(STOP_POLL_NS));
	make_up(queue, last, ret == -ENODEV ? -ENODEV : -ECANCELED);
}

void node_queue_fini(struct accel_queue *queue)
{
	struct node *node = node_of(queue->context);
	struct node_queue *q = node_queue(queue);

	munmap(queue->ring, q->results_size);
	if (device_forked(queue->context->device))
		return;
	drmSyncobjDestroy(node->fd, q->syncobj);
	node_handle_drop(node, q->results);
}

static int submit_error(struct node *node, int code)
{
	switch (code) {
	case -EAGAIN:
		return err(code, "wait for a job", "the kernel's queue is full");
	case -EIO:
		return err(code, "create another queue", "a job of the queue failed");
	case -ETIME:
		return err(code, "create another queue", "a job of the queue hung");
	case -ECANCELED:
		return err(code, "create another queue",
			   "the queue lost a job to another queue's reset");
	default:
		return node_error(node, code, "submit jobs");
	}
}

static void fill_waits(struct drm_loom_sync *syncs, const struct backend_job *job)
{
	for (uint32_t i = 0; i < job->nwaits; i++) {
		const struct accel_fence *fence = job->waits[i];

		if (fence->queue) {
			syncs[i].flags = DRM_LOOM_SYNC_TIMELINE;
			syncs[i].handle = node_queue(fence->queue)->syncobj;
			syncs[i].point = fence->number;
		} else {
			syncs[i].flags = 0;
			syncs[i].handle = ((const struct node_fence *)fence)->syncobj;
			syncs[i].point = 0;
		}
	}
}

int node_queue_submit(struct accel_queue *queue, const struct backend_job *jobs, size_t n)
{
	struct node *node = node_of(queue->context);
	struct node_queue *q = node_queue(queue);
	struct drm_loom_job few_jobs[FEW], *out = few_jobs;
	struct drm_loom_sync few_syncs[FEW], *syncs = few_syncs;
	uint64_t before = atomic_load_explicit(&queue->submitted, memory_order_relaxed);
	struct drm_loom_submit arg = { .queue_id = q->id };
	size_t nsyncs = 1, at = 0;
	int ret;

	for (size_t i = 0; i < n; i++)
		nsyncs += jobs[i].nwaits;
	if (n > FEW)
		out = malloc(n * sizeof(*out));
	if (nsyncs > FEW)
		syncs = malloc(nsyncs * sizeof(*syncs));
	if (!out || !syncs) {
		ret = err_nomem("a submission");
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		size_t first = at;

		fill_waits(&syncs[at], &jobs[i]);
		at += jobs[i].nwaits;
		if (i == n - 1)
			syncs[at++] = (struct drm_loom_sync){
				.flags = DRM_LOOM_SYNC_SIGNAL | DRM_LOOM_SYNC_TIMELINE,
				.handle = q->syncobj,
				.point = before + n,
			};
		out[i] = (struct drm_loom_job){
			.cmd_va = jobs[i].cmd_va,
			.cmd_size = jobs[i].cmd_size,
			.cookie = jobs[i].cookie,
			.syncs = {
				.stride = sizeof(*syncs),
				.count = (uint32_t)(at - first),
				.array = at > first ? (uintptr_t)&syncs[first] : 0,
			},
		};
	}
	arg.jobs = (struct drm_loom_array){
		.stride = sizeof(*out),
		.count = (uint32_t)n,
		.array = (uintptr_t)out,
	};
	ret = node_ioctl(node, DRM_IOCTL_LOOM_SUBMIT, &arg);
	if (ret)
		ret = submit_error(node, ret);
	else if (arg.first != before + 1)
		ret = err(-EPROTO, "update the driver",
			  "the driver numbers jobs from %llu, not %llu",
			  (unsigned long long)arg.first, (unsigned long long)before + 1);
out:
	if (out != few_jobs)
		free(out);
	if (syncs != few_syncs)
		free(syncs);
	return ret;
}

static int status(struct accel_queue *queue, struct drm_loom_queue_state *state)
{
	memset(state, 0, sizeof(*state));
	state->id = node_queue(queue)->id;
	return node_ioctl(node_of(queue->context), DRM_IOCTL_LOOM_QUEUE_STATE, state);
}

bool node_queue_poll(struct accel_queue *queue, uint64_t number, uint64_t ns)
{
	struct node *node = node_of(queue->context);
	struct drm_loom_queue_poll arg = {
		.id = node_queue(queue)->id,
		.number = number,
		.poll_ns = ns,
	};

	/* What it finds shows in the results. */
	return node->polls && !ioctl(node->fd, DRM_IOCTL_LOOM_QUEUE_POLL, &arg);
}

int node_queue_wait(struct accel_queue *queue, uint64_t number, uint64_t deadline)
{
	struct node *node = node_of(queue->context);
	struct drm_loom_queue_state state;
	int ret;

	ret = syncobj_wait(node, node_queue(queue)->syncobj, number, deadline);
	if (ret == -ETIME || ret == -EINTR)
		return ret;
	if (ret)
		return node_error(node, ret, "wait for a job");
	if (!queue_finished(queue, number))
		make_up(queue, number, status(queue, &state) == -ENODEV ||
			state.status == DRM_LOOM_QUEUE_LOST ? -ENODEV : -ECANCELED);
	return 0;
}

int node_queue_status(struct accel_queue *queue)
{
	struct drm_loom_queue_state state;
	int ret = status(queue, &state);

	if (ret == -ENODEV)
		return ACCEL_QUEUE_LOST;
	if (ret)
		return node_error(node_of(queue->context), ret, "ask for the state of a queue");
	switch (state.status) {
	case DRM_LOOM_QUEUE_OK:
		return ACCEL_QUEUE_OK;
	case DRM_LOOM_QUEUE_FAULTED:
		return ACCEL_QUEUE_FAULTED;
	case DRM_LOOM_QUEUE_BANNED:
		return ACCEL_QUEUE_BANNED;
	case DRM_LOOM_QUEUE_INNOCENT:
		return ACCEL_QUEUE_INNOCENT;
	default:
		return ACCEL_QUEUE_LOST;
	}
}

int node_queue_arm(struct accel_queue *queue, uint64_t number)
{
	struct node *node = node_of(queue->context);
	int ret = syncobj_eventfd(node, node_queue(queue)->syncobj, number, queue->event_fd);

	if (ret == -ENOTTY || ret == -EINVAL)
		return err(-EOPNOTSUPP, "use accel_fence_fd()",
			   "this kernel has no eventfds for syncobjs (before 6.6)");
	return ret ? node_error(node, ret, "watch a queue") : 0;
}
