// SPDX-License-Identifier: MIT
/*
 * Queues: submission, accounting and the end of jobs.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "object.h"
#include "wait.h"

#define DEPTH_DEFAULT	256
#define SPIN_DEFAULT	50000
#define JOBS_ON_STACK	16

static int read_opts(const struct accel_device *device, const struct accel_queue_opts *opts,
		     struct accel_queue_opts *o)
{
	uint32_t depth = 1, most = device->props.queue_depth_max;
	int ret;

	memset(o, 0, sizeof(*o));
	if (opts) {
		ret = sized_in(o, sizeof(*o), opts, "struct accel_queue_opts");
		if (ret)
			return ret;
	}
	if (o->flags & ~ACCEL_QUEUE_DUMP_CONTENTS)
		return err(-EINVAL, NULL, "unknown flags %#llx",
			   (unsigned long long)(o->flags & ~ACCEL_QUEUE_DUMP_CONTENTS));
	if ((unsigned int)o->priority > ACCEL_PRIORITY_HIGH)
		return err(-EINVAL, NULL, "unknown priority %u", (unsigned int)o->priority);
	if (o->timeout_ms > device->timeout_ms_max || o->limit_ms > device->timeout_ms_max)
		return err(-EINVAL, NULL, "a time limit of %u ms, %u is the most",
			   o->timeout_ms > o->limit_ms ? o->timeout_ms : o->limit_ms,
			   device->timeout_ms_max);
	if (!o->depth)
		o->depth = most < DEPTH_DEFAULT ? most : DEPTH_DEFAULT;
	if (o->depth > most)
		return err(-EINVAL, NULL, "depth %u, %s has %u at most", o->depth,
			   device->props.id, most);
	while (depth < o->depth)
		depth *= 2;
	/* A limit that is no power of two is kept by rounding down. */
	o->depth = depth > most ? depth / 2 : depth;
	return 0;
}

ACCEL_API int accel_queue_create(struct accel_context *context,
				 const struct accel_queue_opts *opts, struct accel_queue **queue)
{
	API_ENTER;
	struct accel_queue_opts o;
	struct accel_queue *q;
	int ret;

	if (!context || !queue)
		return err(-EINVAL, NULL, "%s is NULL", context ? "queue" : "context");
	if (device_forked(context->device))
		return err_forked();
	ret = read_opts(context->device, opts, &o);
	if (ret)
		return ret;

	q = calloc(1, context_ops(context)->queue_size);
	if (!q)
		return err_nomem("a queue");
	q->slots = calloc(o.depth, sizeof(*q->slots));
	if (!q->slots) {
		free(q);
		return err_nomem("a queue");
	}
	atomic_init(&q->refs, 1);
	atomic_init(&q->holds, 1);
	pthread_mutex_init(&q->lock, NULL);
	q->depth = o.depth;
	q->event_fd = -1;
	q->spin_ns = o.spin_ns == ACCEL_NO_SPIN || !wait_may_spin() ? 0
		     : o.spin_ns ? o.spin_ns : SPIN_DEFAULT;
	q->context = accel_context_ref(context);
	ret = context_ops(context)->queue_init(q, &o);
	if (ret) {
		pthread_mutex_destroy(&q->lock);
		free(q->slots);
		free(q);
		accel_context_unref(context);
		return ret;
	}
	*queue = q;
	return 0;
}

ACCEL_API struct accel_queue *accel_queue_ref(struct accel_queue *queue)
{
	if (queue)
		ref_more(&queue->refs);
	return queue;
}

void queue_put(struct accel_queue *queue)
{
	struct accel_context *context = queue->context;

	if (!ref_last(&queue->holds))
		return;
	context_ops(context)->queue_fini(queue);
	if (queue->event_fd >= 0)
		close(queue->event_fd);
	/* Only a forked child still has jobs here; it cannot know who held its lock. */
	for (uint32_t i = 0; i < queue->depth; i++) {
		accel_program_unref(queue->slots[i].program);
		wait_list_drop(queue->slots[i].waits);
	}
	for (int i = 0; i < QUEUE_POOL; i++)
		accel_program_unref(queue->pool[i]);
	pthread_mutex_destroy(&queue->lock);
	free(queue->slots);
	free(queue);
	accel_context_unref(context);
}

ACCEL_API void accel_queue_unref(struct accel_queue *queue)
{
	API_ENTER;
	struct wait_list *garbage;

	if (!queue || !ref_last(&queue->refs))
		return;
	if (!device_forked(queue->context->device)) {
		context_ops(queue->context)->queue_stop(queue);
		pthread_mutex_lock(&queue->lock);
		garbage = queue_harvest(queue);
		pthread_mutex_unlock(&queue->lock);
		wait_list_drop(garbage);
	}
	queue_put(queue);
}

ACCEL_API struct accel_context *accel_queue_context(struct accel_queue *queue)
{
	return queue ? queue->context : NULL;
}

void wait_list_drop(struct wait_list *list)
{
	while (list) {
		struct wait_list *next = list->next;

		for (size_t i = 0; i < list->count; i++)
			accel_fence_unref(list->fences[i]);
		free(list);
		list = next;
	}
}

struct wait_list *queue_harvest(struct accel_queue *queue)
{
	struct wait_list *garbage = NULL;

	while (queue->done < atomic_load_explicit(&queue->submitted, memory_order_relaxed)) {
		uint64_t number = queue->done + 1;
		struct accel_result *result = &queue->ring[number & (queue->depth - 1)];
		struct queue_slot *slot = &queue->slots[number & (queue->depth - 1)];

		if (load_number(result) != number)
			break;
		if (slot->fence) {
			result_translate(&slot->fence->result, result);
			atomic_store_explicit(&slot->fence->done, true, memory_order_release);
			slot->fence = NULL;
		}
		program_release(slot->program);
		slot->program = NULL;
		if (slot->waits) {
			slot->waits->next = garbage;
			garbage = slot->waits;
			slot->waits = NULL;
		}
		queue->done = number;
	}
	return garbage;
}

static int check_job(struct accel_queue *queue, const struct accel_job *job, size_t i)
{
	const struct accel_device *device = queue->context->device;

	if (job->flags)
		return err(-EINVAL, NULL, "job %zu: unknown flags %#x", i, job->flags);
	if (job->program && !job->program->finished)
		return err(-EINVAL, "call accel_program_finish() first",
			   "job %zu: its program is not finished", i);
	if (job->program && job->program->context != queue->context)
		return err(-EINVAL, NULL, "job %zu: its program belongs to another context", i);
	if (job->nwaits && !job->waits)
		return err(-EINVAL, NULL, "job %zu: %u waits but waits is NULL", i, job->nwaits);
	if (job->nwaits > device->syncs_max)
		return err(-E2BIG, "wait for some with an empty job in between",
			   "job %zu: %u waits, %u is the most", i, job->nwaits,
			   device->syncs_max);
	for (uint32_t w = 0; w < job->nwaits; w++) {
		if (!job->waits[w])
			return err(-EINVAL, NULL, "job %zu: waits[%u] is NULL", i, w);
		if (job->waits[w]->device != device)
			return err(-EINVAL, "wait for it on the CPU, or import its sync_file",
				   "job %zu: waits[%u] is a fence of another device", i, w);
		if (job->waits[w]->soft && !accel_fence_poll(job->waits[w]))
			return err(-EOPNOTSUPP, "wait for it on the CPU",
				   "job %zu: waits[%u] is a fence of a run with parts on the processor",
				   i, w);
	}
	return 0;
}

static struct wait_list *take_waits(const struct accel_job *job)
{
	struct wait_list *list;

	list = malloc(sizeof(*list) + job->nwaits * sizeof(list->fences[0]));
	if (!list)
		return NULL;
	list->next = NULL;
	list->count = 0;
	for (uint32_t w = 0; w < job->nwaits; w++)
		if (!accel_fence_poll(job->waits[w]))
			list->fences[list->count++] = accel_fence_ref(job->waits[w]);
	return list;
}

/* A submission on its way: the jobs, and their references until the slots have them. */
struct batch {
	size_t n;
	struct backend_job *jobs;
	struct queue_slot *slots;
	struct backend_job few_jobs[JOBS_ON_STACK];
	struct queue_slot few_slots[JOBS_ON_STACK];
};

static void batch_fini(struct batch *batch)
{
	for (size_t i = 0; batch->slots && i < batch->n; i++) {
		accel_program_unref(batch->slots[i].program);
		wait_list_drop(batch->slots[i].waits);
	}
	if (batch->jobs != batch->few_jobs)
		free(batch->jobs);
	if (batch->slots != batch->few_slots)
		free(batch->slots);
}

static int batch_init(struct batch *batch, struct accel_queue *queue,
		      const struct accel_job *jobs, size_t n)
{
	size_t stride = jobs[0].sz;
	const char *at = (const char *)jobs;

	batch->n = n;
	batch->jobs = batch->few_jobs;
	batch->slots = batch->few_slots;
	if (n > JOBS_ON_STACK) {
		batch->jobs = malloc(n * sizeof(*batch->jobs));
		batch->slots = malloc(n * sizeof(*batch->slots));
		if (!batch->jobs || !batch->slots) {
			batch->n = 0;
			return err_nomem("a submission");
		}
	}
	memset(batch->slots, 0, n * sizeof(*batch->slots));
	for (size_t i = 0; i < n; i++, at += stride) {
		struct backend_job *out = &batch->jobs[i];
		struct queue_slot *slot = &batch->slots[i];
		struct accel_job job;
		int ret;

		ret = sized_in_stride(&job, sizeof(job), at, stride, "struct accel_job");
		if (!ret)
			ret = check_job(queue, &job, i);
		if (ret)
			return ret;
		memset(out, 0, sizeof(*out));
		out->cookie = job.cookie;
		slot->cookie = job.cookie;
		slot->program = accel_program_ref(job.program);
		if (job.program && job.program->size) {
			out->cmd_va = job.program->command->va;
			out->cmd_size = (uint32_t)job.program->size;
		}
		if (job.nwaits) {
			slot->waits = take_waits(&job);
			if (!slot->waits)
				return err_nomem("a submission");
			out->nwaits = (uint32_t)slot->waits->count;
			out->waits = slot->waits->fences;
		}
	}
	return 0;
}

static int check_room(const struct accel_queue *queue, size_t n)
{
	uint64_t submitted = atomic_load_explicit(&queue->submitted, memory_order_relaxed);
	uint64_t used = submitted - (queue->event_fd >= 0 ? queue->reaped : queue->done);

	if (used + n <= queue->depth)
		return 0;
	return err(-EAGAIN, queue->event_fd >= 0 ? "reap results, or wait for a job"
						 : "wait for a job",
		   "%zu jobs more than the %llu that are %s exceed the queue's depth of %u", n,
		   (unsigned long long)used,
		   queue->event_fd >= 0 ? "unfinished or unreaped" : "unfinished", queue->depth);
}

static int submit(struct accel_queue *queue, const struct accel_job *jobs, size_t n,
		  struct accel_fence *fence)
{
	struct wait_list *garbage;
	struct batch batch;
	uint64_t first, last;
	int ret;

	ret = batch_init(&batch, queue, jobs, n);
	if (ret) {
		batch_fini(&batch);
		return ret;
	}
	pthread_mutex_lock(&queue->lock);
	garbage = queue_harvest(queue);
	first = atomic_load_explicit(&queue->submitted, memory_order_relaxed) + 1;
	last = first + n - 1;
	ret = check_room(queue, n);
	/* Before the jobs are on their way, because it can fail; early is harmless. */
	if (!ret && queue->event_fd >= 0)
		ret = context_ops(queue->context)->queue_arm(queue, last);
	if (!ret)
		ret = context_ops(queue->context)->queue_submit(queue, batch.jobs, n);
	if (!ret) {
		for (size_t i = 0; i < n; i++)
			queue->slots[(first + i) & (queue->depth - 1)] = batch.slots[i];
		memset(batch.slots, 0, n * sizeof(*batch.slots));
		if (fence) {
			fence->number = last;
			queue->slots[last & (queue->depth - 1)].fence = fence;
		}
		atomic_store_explicit(&queue->submitted, last, memory_order_relaxed);
	}
	pthread_mutex_unlock(&queue->lock);
	wait_list_drop(garbage);
	batch_fini(&batch);
	return ret;
}

ACCEL_API int accel_queue_submit(struct accel_queue *queue, const struct accel_job *jobs,
				 size_t n, struct accel_fence **fence)
{
	API_ENTER;
	struct accel_fence *f = NULL;
	int ret;

	if (!queue)
		return err(-EINVAL, NULL, "queue is NULL");
	if (device_forked(queue->context->device))
		return err_forked();
	if (!n || !jobs)
		return err(-EINVAL, NULL, "no job");
	if (n > queue->context->device->props.jobs_max)
		return err(-E2BIG, "submit them in several calls", "%zu jobs, %u is the most", n,
			   queue->context->device->props.jobs_max);
	if (n > queue->depth)
		return err(-E2BIG, "submit them in several calls, or create a deeper queue",
			   "%zu jobs in a queue with a depth of %u", n, queue->depth);
	if (fence) {
		f = calloc(1, sizeof(*f));
		if (!f)
			return err_nomem("a fence");
		atomic_init(&f->refs, 1);
		f->device = queue->context->device;
		f->queue = queue;
		ref_more(&queue->holds);
	}
	ret = submit(queue, jobs, n, f);
	if (ret) {
		if (f)
			queue_put(queue);
		free(f);
		return ret;
	}
	if (fence)
		*fence = f;
	return 0;
}

ACCEL_API int accel_queue_run(struct accel_queue *queue, struct accel_program *program,
			      uint64_t deadline, struct accel_result *result)
{
	API_ENTER;
	struct accel_job job = ACCEL_INIT(job);
	struct accel_result r;
	struct accel_fence *fence;
	char text[256];
	int ret;

	job.program = program;
	ret = accel_queue_submit(queue, &job, 1, &fence);
	if (ret)
		return ret;
	ret = accel_fence_wait(fence, deadline);
	if (!ret) {
		ret = accel_fence_result(fence, &r);
		if (result)
			*result = r;
		if (ret) {
			accel_result_describe(&r, text, sizeof(text));
			err(ret, NULL, "%s", text);
		}
	}
	accel_fence_unref(fence);
	return ret;
}

ACCEL_API uint64_t accel_queue_submitted(struct accel_queue *queue)
{
	return queue ? atomic_load_explicit(&queue->submitted, memory_order_relaxed) : 0;
}

ACCEL_API int accel_queue_drain(struct accel_queue *queue, uint64_t deadline)
{
	API_ENTER;
	struct wait_list *garbage;
	uint64_t last;
	int ret;

	if (!queue)
		return err(-EINVAL, NULL, "queue is NULL");
	if (device_forked(queue->context->device))
		return err_forked();
	last = accel_queue_submitted(queue);
	ret = last ? queue_wait(queue, last, deadline) : 0;
	pthread_mutex_lock(&queue->lock);
	garbage = queue_harvest(queue);
	pthread_mutex_unlock(&queue->lock);
	wait_list_drop(garbage);
	if (ret == -ETIME)
		return err(ret, NULL, "the deadline passed before job %llu was finished",
			   (unsigned long long)last);
	if (ret == -EINTR)
		return err(ret, "call again", "a signal interrupted the wait for job %llu",
			   (unsigned long long)last);
	return ret;
}

ACCEL_API int accel_queue_status(struct accel_queue *queue)
{
	API_ENTER;

	if (!queue)
		return err(-EINVAL, NULL, "queue is NULL");
	if (device_forked(queue->context->device))
		return err_forked();
	return context_ops(queue->context)->queue_status(queue);
}

ACCEL_API int accel_queue_event_fd(struct accel_queue *queue, int *fd)
{
	API_ENTER;
	struct wait_list *garbage;
	uint64_t submitted;
	int ret = 0, e;

	if (!queue || !fd)
		return err(-EINVAL, NULL, "%s is NULL", queue ? "fd" : "queue");
	if (device_forked(queue->context->device))
		return err_forked();
	pthread_mutex_lock(&queue->lock);
	garbage = queue_harvest(queue);
	if (queue->event_fd < 0) {
		e = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (e < 0)
			ret = err(-errno, NULL, "cannot create an eventfd: %s", strerror(errno));
		submitted = atomic_load_explicit(&queue->submitted, memory_order_relaxed);
		if (!ret) {
			queue->event_fd = e;
			queue->reaped = queue->done;
			if (queue->done < submitted)
				ret = context_ops(queue->context)->queue_arm(queue, submitted);
		}
		if (ret && e >= 0) {
			queue->event_fd = -1;
			close(e);
		}
	}
	if (!ret)
		*fd = queue->event_fd;
	pthread_mutex_unlock(&queue->lock);
	wait_list_drop(garbage);
	return ret;
}

ACCEL_API int accel_queue_reap(struct accel_queue *queue, struct accel_result *results, size_t n)
{
	API_ENTER;
	struct wait_list *garbage;
	size_t count = 0;
	uint64_t value;
	int ret;

	if (!queue || (n && !results))
		return err(-EINVAL, NULL, "%s is NULL", queue ? "results" : "queue");
	if (device_forked(queue->context->device))
		return err_forked();
	pthread_mutex_lock(&queue->lock);
	if (queue->event_fd < 0) {
		pthread_mutex_unlock(&queue->lock);
		return err(-EINVAL, "call accel_queue_event_fd() first",
			   "results of this queue are not collected");
	}
	/* First the descriptor, then the results: what ends in between writes it again. */
	ret = (int)read(queue->event_fd, &value, sizeof(value));
	garbage = queue_harvest(queue);
	while (count < n && count < INT32_MAX && queue->reaped < queue->done) {
		queue->reaped++;
		result_translate(&results[count++],
				 &queue->ring[queue->reaped & (queue->depth - 1)]);
	}
	if (queue->reaped < queue->done) {
		value = 1;
		ret = (int)write(queue->event_fd, &value, sizeof(value));
	}
	(void)ret;
	pthread_mutex_unlock(&queue->lock);
	wait_list_drop(garbage);
	return (int)count;
}
