// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * SUBMIT and the life of a job.
 *
 * A submission is a transaction in five steps: copy and check; allocate; find syncs; lock and check
 * the state; arm and push. Up to the last step everything can be undone, in the last nothing can
 * fail.
 *
 * Consecutive jobs with no sync operation between them form a group, which the scheduler sees as
 * one job: one trip through drm_sched, one fence, one doorbell and one interrupt for all of them. A
 * job that waits starts a group, one that signals ends it. The fence of a group carries the error
 * of the first of its jobs that failed; each job's own outcome is in the results ring.
 *
 * drm_sched is for what has to wait. A group that waits for nothing, of a queue that has nothing
 * waiting, goes to the ring at once and on the caller's time if there is room for it: the
 * scheduler's hand-over to its worker takes longer than many a job. Such groups cannot keep
 * scheduled ones out, because each kind has its half of the ring. The fences that leave the driver
 * are its own, on one timeline per queue, whichever way a group goes.
 */
#include <drm/drm_exec.h>
#include <drm/drm_syncobj.h>

#include "loom.h"
#include "memory.h"
#include "queue.h"
#include "ring.h"
#include "trace.h"

/* Reservations that there is room for at once: the VM's, and of shared BOs, which are few. */
#define SUBMIT_OBJECTS		8

/**
 * struct loom_submit - a SUBMIT under way
 * @client: the caller
 * @file: its file
 * @queue: the queue
 * @jobs: copy of the user's jobs
 * @count: how many
 * @syncs: sync operations of all jobs, one after the other
 * @sync_count: how many
 * @signals: by handle, what jobs so far signal
 * @groups: the job groups
 * @group_count: how many
 */
struct loom_submit {
	struct loom_client *client;
	struct drm_file *file;
	struct loom_queue *queue;
	struct drm_loom_job *jobs;
	u32 count;
	struct loom_sync *syncs;
	u32 sync_count;
	struct xarray signals;
	struct loom_job **groups;
	u32 group_count;
};

/**
 * loom_job_complete() - one job of a group has its outcome
 * @job: the group
 * @index: which of it
 * @ring: number of the ring
 * @result: the outcome; the cookie is filled in
 */
void loom_job_complete(struct loom_job *job, u32 index, u32 ring, struct drm_loom_result *result)
{
	struct loom_queue *queue = job->queue;
	u64 number = job->first + index;

	result->cookie = job->work[index].cookie;
	if (queue->results) {
		struct drm_loom_result *to = &queue->results[number & queue->results_mask];

		WRITE_ONCE(to->number, 0);
		/* The number goes first: what a reader finds meanwhile is no element. */
		smp_wmb();
		*to = *result;
		/* Pairs with the reader's acquire of the number. */
		smp_store_release(&to->number, number);
	}
	if (result->t_end > result->t_start)
		atomic64_add(result->t_end - result->t_start, &queue->client->busy);
	atomic64_inc(&queue->client->jobs);
	atomic64_add(result->cycles, &queue->client->cycles);
	atomic64_add(result->energy_pj, &queue->client->energy);
	if (result->error && !job->error)
		job->error = result->error;
	job->done++;

	spin_lock(&queue->lock);
	WRITE_ONCE(queue->completed, queue->completed + 1);
	spin_unlock(&queue->lock);
	trace_loom_complete(queue, number, result->cookie, ring, result);
}

static void job_free(struct loom_job *job)
{
	loom_fence_put(job->fence);
	loom_queue_put(job->queue);
	kfree(job);
}

/* From any context, for those that went past the scheduler. */
static void job_put(struct loom_job *job)
{
	if (refcount_dec_and_test(&job->users))
		job_free(job);
}

static struct dma_fence *loom_sched_run(struct drm_sched_job *sched_job)
{
	struct loom_job *job = to_loom_job(sched_job);
	struct loom_ring *ring = container_of(sched_job->sched, struct loom_ring, sched);
	bool cookie = dma_fence_begin_signalling();

	loom_ring_push(ring, job);
	atomic_sub(job->count, &ring->waiting);
	/* Only now may a later group go past the scheduler. */
	atomic_dec(&job->queue->scheduled);
	dma_fence_end_signalling(cookie);
	/* The job lives on: the scheduler does not hear of its end before this returns. */
	return dma_fence_get(&job->fence->base);
}

static void loom_sched_free(struct drm_sched_job *sched_job)
{
	drm_sched_job_cleanup(sched_job);
	job_free(to_loom_job(sched_job));
}

/**
 * loom_job_end() - all jobs of a group have their outcomes
 * @job: the group; gone afterwards, or as soon as the scheduler likes. The ring's lock is held.
 */
void loom_job_end(struct loom_job *job)
{
	struct dma_fence *fence = dma_fence_get(&job->fence->base);
	struct loom_device *ldev = job->queue->ldev;
	bool direct = job->direct;

	if (job->error)
		dma_fence_set_error(fence, job->error);
	dma_fence_signal(fence);
	dma_fence_put(fence);
	/* The scheduler frees what it has run. Nothing here would ever sleep. */
	if (direct)
		job_put(job);
	loom_power_put(ldev);
}

const struct drm_sched_backend_ops loom_sched_ops = {
	.run_job = loom_sched_run,
	.free_job = loom_sched_free,
};

static int submit_copy(struct loom_submit *submit, const struct drm_loom_submit *args)
{
	u64 syncs = 0;
	void *copy;
	u32 i, at;
	int err;

	err = loom_array_copy(&args->jobs, sizeof(*submit->jobs), LOOM_JOBS_MAX, &copy);
	if (err)
		return err;
	submit->jobs = copy;
	submit->count = args->jobs.count;

	for (i = 0; i < submit->count; i++) {
		const struct drm_loom_job *job = &submit->jobs[i];

		if (job->flags || job->cmd_va % 8 || job->cmd_size % 8 ||
		    job->cmd_size > submit->client->ldev->caps.cmd_size_max ||
		    (!job->cmd_size && job->cmd_va) ||
		    job->cmd_va > LOOM_VA_END - job->cmd_size)
			return -EINVAL;
		if (job->syncs.count > LOOM_SYNCS_MAX)
			return -E2BIG;
		syncs += job->syncs.count;
	}
	if (!syncs)
		return 0;
	submit->syncs = kvcalloc(syncs, sizeof(*submit->syncs), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!submit->syncs)
		return -ENOMEM;
	submit->sync_count = syncs;
	for (i = 0, at = 0; i < submit->count; at += submit->jobs[i++].syncs.count) {
		err = loom_sync_copy(&submit->jobs[i].syncs, &submit->syncs[at]);
		if (err)
			return err;
	}
	return 0;
}

static bool has_sync(const struct loom_submit *submit, u32 at, u32 count, bool signal)
{
	u32 i;

	for (i = at; i < at + count; i++)
		if (!!(submit->syncs[i].flags & DRM_LOOM_SYNC_SIGNAL) == signal)
			return true;
	return false;
}

static int group_add(struct loom_submit *submit, u32 first, u32 count)
{
	struct loom_job *job;
	u32 i;
	int err;

	/* Two pages at most, and it may be freed in an interrupt. */
	job = kzalloc(struct_size(job, work, count), GFP_KERNEL_ACCOUNT);
	if (!job)
		return -ENOMEM;
	job->fence = kzalloc(sizeof(*job->fence), GFP_KERNEL_ACCOUNT);
	if (!job->fence) {
		kfree(job);
		return -ENOMEM;
	}
	job->queue = submit->queue;
	loom_queue_get(job->queue);
	job->count = count;
	for (i = 0; i < count; i++) {
		job->work[i].cmd_va = submit->jobs[first + i].cmd_va;
		job->work[i].cmd_size = submit->jobs[first + i].cmd_size;
		job->work[i].cookie = submit->jobs[first + i].cookie;
	}
	err = loom_sched_job_init(&job->base, &submit->queue->entity, count, submit->file,
				  submit->client->drm_id);
	if (err) {
		job_free(job);
		return err;
	}
	submit->groups[submit->group_count++] = job;
	return 0;
}

static int submit_build(struct loom_submit *submit)
{
	u32 most = loom_ring_credits(submit->client->ldev);
	u32 first = 0, at = 0, i;
	int err;

	submit->groups = kvcalloc(submit->count, sizeof(*submit->groups),
				  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!submit->groups)
		return -ENOMEM;
	for (i = 0; i < submit->count; at += submit->jobs[i++].syncs.count) {
		u32 syncs = submit->jobs[i].syncs.count;

		if (i > first && (has_sync(submit, at, syncs, false) || i - first == most)) {
			err = group_add(submit, first, i - first);
			if (err)
				return err;
			first = i;
		}
		if (i == submit->count - 1 || has_sync(submit, at, syncs, true)) {
			err = group_add(submit, first, i + 1 - first);
			if (err)
				return err;
			first = i + 1;
		}
	}
	return 0;
}

/* The last job of the call that waits for anything; 0 also if none does. */
static u32 last_waiter(const struct loom_submit *submit)
{
	u32 at = submit->sync_count, i;

	for (i = submit->count - 1; i; i--) {
		at -= submit->jobs[i].syncs.count;
		if (has_sync(submit, at, submit->jobs[i].syncs.count, false))
			break;
	}
	return i;
}

static int submit_sync(struct loom_submit *submit)
{
	u32 group = 0, last = submit->groups[0]->count, at = 0, i, n;
	u32 waiter = last_waiter(submit);
	int err;

	for (i = 0; i < submit->count; at += submit->jobs[i++].syncs.count) {
		u32 syncs = submit->jobs[i].syncs.count;

		if (i == last)
			last += submit->groups[++group]->count;
		/* A job cannot wait for itself: its waits come first, whatever their order. */
		for (n = at; n < at + syncs; n++) {
			if (submit->syncs[n].flags & DRM_LOOM_SYNC_SIGNAL)
				continue;
			err = loom_sync_wait(submit->file, &submit->syncs[n], &submit->signals,
					     &submit->groups[group]->base);
			if (err)
				return err;
		}
		for (n = at; n < at + syncs; n++) {
			if (!(submit->syncs[n].flags & DRM_LOOM_SYNC_SIGNAL))
				continue;
			err = loom_sync_prepare(submit->file, &submit->syncs[n],
						i < waiter ? &submit->signals : NULL);
			if (err)
				return err;
		}
	}
	return 0;
}

/* The jobs of a queue run in order because they stay on one ring while any is unfinished. */
static void queue_settle(struct loom_queue *queue)
{
	if (READ_ONCE(queue->completed) != queue->submitted)
		return;
	/* The entity moves only when the scheduler, too, has heard of the end of its last job. */
	if (queue->handed && !dma_fence_is_signaled(queue->handed))
		return;
	dma_fence_put(queue->handed);
	queue->handed = NULL;
	loom_place_settle(queue);
}

/* From here on the jobs have numbers and the group has a fence: it will end. */
static void job_arm(struct loom_job *job)
{
	struct loom_queue *queue = job->queue;

	loom_ring_fence_init(job->fence, queue->client, queue->fence_context,
			     ++queue->fence_seqno);
	job->first = queue->submitted + 1;
	WRITE_ONCE(queue->submitted, queue->submitted + job->count);
	/* The caller has woken the card. It stays so until the group has ended. */
	loom_power_hold(queue->ldev);
}

/* Nothing of the queue waits in the scheduler, the group waits for nothing, and there is room. */
static bool job_push_direct(struct loom_job *job)
{
	struct loom_queue *queue = job->queue;

	if (atomic_read(&queue->scheduled) || !xa_empty(&job->base.dependencies))
		return false;
	refcount_set(&job->users, 2);
	if (!loom_ring_try_push(queue->ring, job))
		return false;
	/* The scheduler's part was for nothing. Interrupts, where the job ends, cannot free it. */
	drm_sched_job_cleanup(&job->base);
	job_put(job);
	return true;
}

static void job_push_sched(struct loom_job *job)
{
	struct loom_queue *queue = job->queue;

	/* Moves an entity that has nothing in the scheduler, and no other. */
	drm_sched_entity_modify_sched(&queue->entity, &queue->ring->sched_list, 1);
	drm_sched_job_arm(&job->base);
	dma_fence_put(queue->handed);
	queue->handed = dma_fence_get(&job->base.s_fence->finished);
	atomic_inc(&queue->scheduled);
	atomic_add(job->count, &queue->ring->waiting);
	drm_sched_entity_push_job(&job->base);
}

/* From here to the end of the loop fences exist that others may wait for. */
static struct dma_fence *submit_push(struct loom_submit *submit)
{
	struct loom_queue *queue = submit->queue;
	bool cookie = dma_fence_begin_signalling();
	struct dma_fence *fence = NULL;
	u32 group, i, n, job = 0, at = 0;

	queue_settle(queue);
	for (group = 0; group < submit->group_count; group++) {
		struct loom_job *todo = submit->groups[group];
		u32 count = todo->count;

		dma_fence_put(fence);
		job_arm(todo);
		fence = dma_fence_get(&todo->fence->base);
		for (i = 0; i < count; i++, job++) {
			u32 syncs = submit->jobs[job].syncs.count;

			trace_loom_submit(queue, todo->first + i, submit->jobs[job].cookie);
			for (n = at; n < at + syncs; n++)
				if (submit->syncs[n].flags & DRM_LOOM_SYNC_SIGNAL)
					loom_sync_signal(&submit->syncs[n], fence);
			at += syncs;
		}
		submit->groups[group] = NULL;
		if (!job_push_direct(todo))
			job_push_sched(todo);
	}
	dma_fence_end_signalling(cookie);
	return fence;
}

static int submit_commit(struct loom_submit *submit, u64 *first)
{
	struct loom_queue *queue = submit->queue;
	struct drm_gpuvm *gpuvm = &queue->vm->gpuvm;
	struct dma_fence *fence;
	struct drm_exec exec;
	int err;

	/*
	 * The reservation of the VM orders the queue's jobs. All groups are of one fence context,
	 * so that a reservation needs a place for the last fence alone.
	 */
	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES,
		      SUBMIT_OBJECTS);
	drm_exec_until_all_locked(&exec) {
		err = drm_gpuvm_prepare_vm(gpuvm, &exec, 1);
		drm_exec_retry_on_contention(&exec);
		if (err)
			goto out;
		err = drm_gpuvm_prepare_objects(gpuvm, &exec, 1);
		drm_exec_retry_on_contention(&exec);
		if (err)
			goto out;
	}

	err = loom_device_error(queue->ldev) ?: loom_queue_error(queue);
	if (err)
		goto out;
	if (queue->submitted - READ_ONCE(queue->completed) + submit->count > LOOM_QUEUE_DEPTH_MAX) {
		err = -EAGAIN;
		goto out;
	}

	*first = queue->submitted + 1;
	fence = submit_push(submit);
	drm_gpuvm_resv_add_fence(gpuvm, &exec, fence, DMA_RESV_USAGE_BOOKKEEP,
				 DMA_RESV_USAGE_BOOKKEEP);
	dma_fence_put(fence);
out:
	drm_exec_fini(&exec);
	return err;
}

static void submit_fini(struct loom_submit *submit)
{
	u32 i;

	for (i = 0; i < submit->group_count; i++)
		if (submit->groups[i])
			loom_sched_free(&submit->groups[i]->base);
	kvfree(submit->groups);
	xa_destroy(&submit->signals);
	loom_sync_put(submit->syncs, submit->sync_count);
	kvfree(submit->jobs);
	if (submit->queue)
		loom_queue_put(submit->queue);
}

/**
 * loom_ioctl_submit() - DRM_IOCTL_LOOM_SUBMIT
 * @drm: the device
 * @data: &struct drm_loom_submit
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_loom_submit *args = data;
	struct loom_submit submit = { .client = file->driver_priv, .file = file };
	int err;

	might_alloc(GFP_KERNEL);
	if (args->flags || !args->jobs.count)
		return -EINVAL;
	err = loom_device_error(submit.client->ldev) ?: loom_power_get(submit.client->ldev);
	if (err)
		return err;

	xa_init(&submit.signals);
	submit.queue = loom_queue_lookup(submit.client, args->queue_id);
	if (!submit.queue) {
		err = -ENOENT;
		goto out;
	}
	err = submit_copy(&submit, args);
	if (!err)
		err = loom_queue_error(submit.queue);
	if (!err)
		err = submit_build(&submit);
	if (!err)
		err = submit_sync(&submit);
	if (!err)
		err = submit_commit(&submit, &args->first);
out:
	submit_fini(&submit);
	loom_power_put(submit.client->ldev);
	return err;
}
