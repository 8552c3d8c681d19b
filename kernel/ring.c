// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Rings: descriptors in, completions out.
 *
 * The fences of a ring are the driver's own. A ring reset therefore happens under the scheduler's
 * feet: descriptors that did not start are moved to the new start of the ring, those that did are
 * retired here, and drm_sched never learns of it.
 */
#include <linux/dma-mapping.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "loom.h"
#include "memory.h"
#include "queue.h"
#include "ring.h"
#include "trace.h"

static const char *fence_driver_name(struct dma_fence *fence)
{
	return "loom";
}

static const char *fence_timeline_name(struct dma_fence *fence)
{
	return "queue";
}

/* See "Lifetime" in loom.h. */
static void fence_release(struct dma_fence *base)
{
	struct loom_client *client = container_of(base, struct loom_fence, base)->client;

	dma_fence_free(base);
	loom_client_put_atomic(client);
}

static const struct dma_fence_ops ring_fence_ops = {
	.get_driver_name = fence_driver_name,
	.get_timeline_name = fence_timeline_name,
	.release = fence_release,
	LOOM_FENCE_OPS_64BIT
};

/**
 * loom_ring_fence_init() - initialise a fence that the card will signal
 * @fence: the fence
 * @client: on whose behalf; held until the fence is freed
 * @context: of the fence
 * @seqno: of the fence
 */
void loom_ring_fence_init(struct loom_fence *fence, struct loom_client *client, u64 context,
			  u64 seqno)
{
	fence->client = client;
	loom_client_ref(client);
	loom_fence_init(fence, &ring_fence_ops, context, seqno);
}

/**
 * loom_ring_init() - memory of a ring
 * @ldev: the card
 * @id: number of the ring
 *
 * Return: 0 or -ENOMEM.
 */
int loom_ring_init(struct loom_device *ldev, u32 id)
{
	struct loom_ring *ring = &ldev->rings[id];
	struct device *dev = &ldev->pdev->dev;

	ring->ldev = ldev;
	ring->id = id;
	ring->size = 1u << ldev->caps.ring_log2;
	ring->sched_list = &ring->sched;
	spin_lock_init(&ring->lock);
	snprintf(ring->name, sizeof(ring->name), "loom-ring%u", id);

	ring->slots = drmm_kcalloc(&ldev->drm, 2 * ring->size, sizeof(*ring->slots), GFP_KERNEL);
	ring->spare = drmm_kcalloc(&ldev->drm, ring->size, sizeof(*ring->spare), GFP_KERNEL);
	ring->desc = dmam_alloc_coherent(dev, ring->size * sizeof(*ring->desc), &ring->desc_bus,
					 GFP_KERNEL);
	ring->cq = dmam_alloc_coherent(dev, ring->size * sizeof(*ring->cq), &ring->cq_bus,
				       GFP_KERNEL);
	ring->write_mem = dmam_alloc_coherent(dev, sizeof(*ring->write_mem), &ring->write_bus,
					      GFP_KERNEL);
	if (!ring->slots || !ring->spare || !ring->desc || !ring->cq || !ring->write_mem)
		return -ENOMEM;
	return 0;
}

/* Before the ring's memory, which was allocated earlier, and the workqueues. */
static void sched_fini(struct drm_device *drm, void *data)
{
	struct loom_ring *ring = data;

	drm_sched_fini(&ring->sched);
}

/**
 * loom_ring_sched_init() - start the scheduler of a ring
 * @ring: the ring
 *
 * It ends with the device, when no queue exists any more. Its own timer is off: it restarts with
 * every job that is pushed, so that a steady trickle of work would hide a hang. The watchdog looks
 * at the card instead.
 *
 * Return: 0 or -ENOMEM.
 */
int loom_ring_sched_init(struct loom_ring *ring)
{
	const struct drm_sched_init_args args = {
		.ops = &loom_sched_ops,
		.submit_wq = ring->ldev->submit_wq,
		.timeout_wq = ring->ldev->timeout_wq,
		.num_rqs = DRM_SCHED_PRIORITY_COUNT,
		.credit_limit = loom_ring_credits(ring->ldev),
		.timeout = MAX_SCHEDULE_TIMEOUT,
		.name = ring->name,
		.dev = ring->ldev->drm.dev,
	};

	int err = loom_sched_init(&ring->sched, &args);

	return err ?: drmm_add_action_or_reset(&ring->ldev->drm, sched_fini, ring);
}

/**
 * loom_ring_start() - program a ring that was reset and let it run from index 0
 * @ring: the ring; its lock is held, or nobody else can know of it yet
 */
void loom_ring_start(struct loom_ring *ring)
{
	struct loom_device *ldev = ring->ldev;

	memset(ring->cq, 0, ring->size * sizeof(*ring->cq));
	ring->shown = ring->parked ? 0 : ring->write;
	WRITE_ONCE(*ring->write_mem, cpu_to_le64(ring->shown));

	loom_write64(ldev, loom_ring_reg(ring, LOOM_RING_BASE), ring->desc_bus);
	loom_write64(ldev, loom_ring_reg(ring, LOOM_RING_CQ_BASE), ring->cq_bus);
	loom_write64(ldev, loom_ring_reg(ring, LOOM_RING_WRITE_ADDR), ring->write_bus);
	loom_write64(ldev, loom_ring_reg(ring, LOOM_RING_READ), 0);
	loom_write32(ldev, loom_ring_reg(ring, LOOM_RING_LOG2), ilog2(ring->size));
	loom_write32(ldev, loom_ring_reg(ring, LOOM_RING_CQ_LOG2), ilog2(ring->size));
	loom_write32(ldev, loom_ring_reg(ring, LOOM_RING_CONTEXT), LOOM_RING_CONTEXT_ANY);
	loom_write32(ldev, loom_ring_reg(ring, LOOM_RING_VECTOR), ring->vector);
	ring->generation = loom_read32(ldev, loom_ring_reg(ring, LOOM_RING_GENERATION));
	loom_write32(ldev, loom_ring_reg(ring, LOOM_RING_CTRL), LOOM_RING_CTRL_ENABLE);
}

static void doorbell(struct loom_ring *ring)
{
	/* writel() orders the write index before the doorbell. */
	loom_write32(ring->ldev, LOOM_DOORBELL(ring->id), 1);
}

/* Lets the card know of all descriptors. */
static void ring_show(struct loom_ring *ring)
{
	ring->shown = ring->write;
	/* The card must not see the index before the descriptors. */
	dma_wmb();
	WRITE_ONCE(*ring->write_mem, cpu_to_le64(ring->write));
	if (!ring->held)
		doorbell(ring);
}

/**
 * loom_ring_park() - the card is to see no further descriptors; they wait in the ring
 * @ring: the ring
 * @park: false: from the next start or continuation on it sees all of them
 */
void loom_ring_park(struct loom_ring *ring, bool park)
{
	unsigned long flags;

	spin_lock_irqsave(&ring->lock, flags);
	ring->parked = park;
	spin_unlock_irqrestore(&ring->lock, flags);
}

/**
 * loom_ring_drained() - whether all that the card has seen is completed
 * @ring: a ring
 *
 * Return: true if so.
 */
bool loom_ring_drained(struct loom_ring *ring)
{
	unsigned long flags;
	bool drained;

	spin_lock_irqsave(&ring->lock, flags);
	loom_ring_complete_locked(ring);
	drained = ring->dead || ring->done == ring->shown;
	spin_unlock_irqrestore(&ring->lock, flags);
	return drained;
}

/**
 * loom_ring_continue() - let a ring that was held go on where it is, and show it what waits
 * @ring: the ring; the card has kept its state
 */
void loom_ring_continue(struct loom_ring *ring)
{
	unsigned long flags;

	spin_lock_irqsave(&ring->lock, flags);
	if (!ring->dead) {
		ring->held = false;
		ring->sampled = false;
		loom_write32(ring->ldev, loom_ring_reg(ring, LOOM_RING_CTRL),
			     LOOM_RING_CTRL_ENABLE);
		ring_show(ring);
		/* Their interrupts may be lost. */
		loom_ring_complete_locked(ring);
	}
	spin_unlock_irqrestore(&ring->lock, flags);
}

/**
 * loom_ring_push_locked() - give the jobs of a group to the card
 * @ring: a ring with room for them, not dead; its lock is held
 * @job: the group
 */
void loom_ring_push_locked(struct loom_ring *ring, struct loom_job *job)
{
	u32 i;

	lockdep_assert_held(&ring->lock);
	for (i = 0; i < job->count; i++) {
		u32 at = (ring->write + i) & (ring->size - 1);

		ring->slots[at] = (struct loom_slot){ .job = job, .index = i };
		ring->desc[at] = (struct loom_desc){
			.cmd_va = cpu_to_le64(job->work[i].cmd_va),
			.cmd_size = cpu_to_le32(job->work[i].cmd_size),
			.context = cpu_to_le32(job->queue->context),
			.cookie = cpu_to_le64(job->work[i].cookie),
			/* Fences are per group: only its end is worth an interrupt. */
			.flags = cpu_to_le32(i == job->count - 1 ? LOOM_DESC_IRQ : 0),
		};
		trace_loom_run(job->queue, job->first + i, job->work[i].cookie, ring->id);
	}
	WRITE_ONCE(ring->write, ring->write + job->count);
	if (!ring->parked)
		ring_show(ring);
}

/**
 * loom_ring_push() - give a group to the card that was scheduled
 * @ring: a ring with room for it: credits see to that
 * @job: the group
 *
 * A group that cannot be given completes here, with the error in its fence.
 */
void loom_ring_push(struct loom_ring *ring, struct loom_job *job)
{
	struct loom_queue *queue = job->queue;
	struct drm_loom_result result;
	unsigned long flags;
	int err;
	u32 i;

	spin_lock_irqsave(&ring->lock, flags);
	err = ring->dead;
	/*
	 * The fences of a queue signal in order. Behind what is still in the ring, the card does
	 * the cancelling: the context is stopped, or will be when the descriptor comes up.
	 */
	if (!err && READ_ONCE(queue->completed) + 1 == job->first)
		err = READ_ONCE(queue->stopped);
	if (!err && ring->write - ring->done + job->count > ring->size)
		err = -EIO;
	if (err) {
		for (i = 0; i < job->count; i++) {
			result = (struct drm_loom_result){
				.error = err,
				.outcome = LOOM_OUTCOME_CONTEXT_STOPPED,
				.fault_operand = 0xff,
			};
			loom_job_complete(job, i, ring->id, &result);
		}
		loom_job_end(job);
	} else {
		loom_ring_push_locked(ring, job);
	}
	spin_unlock_irqrestore(&ring->lock, flags);
	if (!err)
		loom_watch_kick(ring->ldev);
}

/**
 * loom_ring_try_push() - give a group to the card that was not scheduled
 * @ring: the ring
 * @job: the group; no longer the caller's afterwards
 *
 * Return: false if the scheduler has to take it: there is no room, or it is to be cancelled.
 */
bool loom_ring_try_push(struct loom_ring *ring, struct loom_job *job)
{
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&ring->lock, flags);
	ok = !ring->dead && !READ_ONCE(job->queue->stopped) &&
	     ring->direct + job->count <= loom_ring_direct(ring->ldev);
	if (ok) {
		ring->direct += job->count;
		job->direct = true;
		loom_ring_push_locked(ring, job);
	}
	spin_unlock_irqrestore(&ring->lock, flags);
	if (ok)
		loom_watch_kick(ring->ldev);
	return ok;
}

/* @lost: the card has said nothing of its outcome, and will not. */
static void slot_retire(struct loom_ring *ring, struct drm_loom_result *result, bool lost)
{
	struct loom_slot *slot = &ring->slots[ring->done & (ring->size - 1)];
	struct loom_job *job = slot->job;

	slot->job = NULL;
	WRITE_ONCE(ring->done, ring->done + 1);
	if (job->clear) {
		loom_local_retire(ring, job, result->outcome, lost);
		return;
	}
	if (job->direct)
		ring->direct--;
	loom_job_complete(job, slot->index, ring->id, result);
	if (job->done == job->count)
		loom_job_end(job);
}

static int outcome_error(struct loom_queue *queue, u32 outcome)
{
	int stopped = READ_ONCE(queue->stopped);

	switch (outcome) {
	case LOOM_OUTCOME_OK:
		return 0;
	case LOOM_OUTCOME_CONTEXT_STOPPED:
		return stopped ?: -ECANCELED;
	case LOOM_OUTCOME_ABORTED:
		return READ_ONCE(queue->status) == DRM_LOOM_QUEUE_BANNED ? -ETIME : -ECANCELED;
	case LOOM_OUTCOME_BAD_CONTEXT:
		/* That is how a context looks that the driver has taken back. */
		return stopped ?: -EIO;
	default:
		return -EIO;
	}
}

static void fault_describe(struct loom_ring *ring, struct loom_queue *queue, u32 number,
			   struct drm_loom_result *result, struct loom_fault *record)
{
	result->fault_operand = 0xff;
	if (number == LOOM_CQE_FAULT_NONE ||
	    !loom_fault_find(ring->ldev, queue->context, number, record)) {
		*record = (struct loom_fault){ 0 };
		return;
	}
	result->fault_va = le64_to_cpu(record->va);
	result->fault_code = record->code;
	result->fault_packet = le32_to_cpu(record->packet);
	result->fault_opcode = le16_to_cpu(record->opcode);
	result->fault_operand = record->operand;
	result->fault_access = record->access;
}

/* Retires the descriptor of a completion; the entry is read once, the card may not be trusted. */
static void cqe_consume(struct loom_ring *ring, const struct loom_cqe *cqe, u64 control)
{
	struct loom_slot *slot = &ring->slots[ring->done & (ring->size - 1)];
	struct loom_queue *queue = slot->job->queue;
	u32 number = control >> LOOM_CQE_FAULT_SHIFT;
	u64 job = slot->job->first + slot->index;
	u64 cookie = slot->job->work[slot->index].cookie;
	struct drm_loom_result result = {
		.t_start = le64_to_cpu(cqe->t_start),
		.t_end = le64_to_cpu(cqe->t_end),
		.cycles = le64_to_cpu(cqe->cycles),
		.bytes = le64_to_cpu(cqe->bytes),
		.energy_pj = le64_to_cpu(cqe->energy_pj),
		.outcome = (control >> LOOM_CQE_OUTCOME_SHIFT) & LOOM_CQE_OUTCOME_MASK,
	};

	struct loom_fault record;

	result.error = outcome_error(queue, result.outcome);
	switch (result.outcome) {
	case LOOM_OUTCOME_OK:
	case LOOM_OUTCOME_CONTEXT_STOPPED:
	case LOOM_OUTCOME_ABORTED:
		break;
	default:
		if (result.error != -EIO || slot->job->clear)
			break;
		fault_describe(ring, queue, number, &result, &record);
		if (loom_queue_end(queue, DRM_LOOM_QUEUE_FAULTED, job, cookie, &result)) {
			atomic_inc(&queue->vm->faults);
			atomic64_inc(&ring->ldev->ras[LOOM_RAS_FAULT]);
			trace_loom_fault(queue, job, cookie, ring->id, &result);
			loom_dump_fault(ring, slot, result.outcome, &record);
			loom_queue_stop_context(queue);
		}
		break;
	}
	slot_retire(ring, &result, false);
}

/**
 * loom_ring_complete_locked() - consume what the card has completed
 * @ring: the ring; its lock is held
 */
void loom_ring_complete_locked(struct loom_ring *ring)
{
	u32 shift = ilog2(ring->size);

	lockdep_assert_held(&ring->lock);
	while (ring->done != ring->write && !ring->dead && !ring->broken) {
		struct loom_cqe *cqe = &ring->cq[ring->done & (ring->size - 1)];
		u64 control = le64_to_cpu(READ_ONCE(cqe->control));
		u64 lap = ring->done >> shift;

		if ((control & LOOM_CQE_PHASE) == (lap & 1))
			break;
		/* Pairs with the card's release of @control. */
		dma_rmb();
		if (((control >> LOOM_CQE_GENERATION_SHIFT) & LOOM_CQE_GENERATION_MASK) !=
		    ring->generation || le64_to_cpu(cqe->index) != ring->done) {
			drm_err_ratelimited(&ring->ldev->drm,
					    "ring %u: completion %llu is out of order\n",
					    ring->id, ring->done);
			ring->broken = true;
			break;
		}
		cqe_consume(ring, cqe, control);
	}
}

/**
 * loom_ring_complete() - consume what the card has completed; from interrupts
 * @ring: the ring
 */
void loom_ring_complete(struct loom_ring *ring)
{
	unsigned long flags;

	spin_lock_irqsave(&ring->lock, flags);
	loom_ring_complete_locked(ring);
	spin_unlock_irqrestore(&ring->lock, flags);
}

/**
 * loom_ring_poll() - consume what the card has completed, cheap if that is nothing
 * @ring: the ring
 *
 * Within drm_dev_enter(): the completion queue goes with the driver's hold on the device.
 */
void loom_ring_poll(struct loom_ring *ring)
{
	/* Unlocked, this is a hint; a restart meanwhile may make it wrong, but never harmful. */
	u64 done = READ_ONCE(ring->done);
	u64 control = le64_to_cpu(READ_ONCE(ring->cq[done & (ring->size - 1)].control));

	if ((control & LOOM_CQE_PHASE) != ((done >> ilog2(ring->size)) & 1))
		loom_ring_complete(ring);
}

/* Counts a reset for the queue of a descriptor that was in the ring, once per queue. */
static bool count_reset(struct loom_ring *ring, struct loom_queue *queue)
{
	u32 now = atomic_read(&ring->ldev->resets);
	bool first;

	spin_lock(&queue->lock);
	first = queue->reset_seen != now;
	queue->reset_seen = now;
	queue->resets += first;
	spin_unlock(&queue->lock);
	return first;
}

static void retire_lost(struct loom_ring *ring, struct loom_queue *guilty)
{
	struct loom_slot *slot = &ring->slots[ring->done & (ring->size - 1)];
	struct loom_queue *queue = slot->job->queue;
	struct drm_loom_result result = {
		.error = outcome_error(queue, LOOM_OUTCOME_ABORTED),
		.outcome = LOOM_OUTCOME_ABORTED,
		.fault_operand = 0xff,
	};

	if (slot->job->clear) {
		slot_retire(ring, &result, true);
		return;
	}
	count_reset(ring, queue);
	/* What follows in the queue must not run as if nothing had happened. */
	if (queue != guilty &&
	    loom_queue_end(queue, DRM_LOOM_QUEUE_INNOCENT, slot->job->first + slot->index,
			   slot->job->work[slot->index].cookie, &result))
		loom_queue_stop_context(queue);
	slot_retire(ring, &result, true);
}

/**
 * loom_ring_restart() - let a ring run again after a reset
 * @ring: a held ring; the card does not touch its memory
 * @guilty: the queue that is to blame, which has been ended by the caller, or NULL
 *
 * What was started is never replayed, unless it is a clear. Descriptors that had not started move
 * to the start of the ring.
 */
void loom_ring_restart(struct loom_ring *ring, struct loom_queue *guilty)
{
	struct loom_slot *spare = ring->slots + ring->size;
	u32 mask = ring->size - 1, i, n;
	unsigned long flags;
	u64 end;

	spin_lock_irqsave(&ring->lock, flags);
	if (ring->dead)
		goto out;
	/* What was completed before the reset is as good as ever. */
	loom_ring_complete_locked(ring);
	/* One at a time runs, and not before its predecessor's completion is in memory. */
	if (ring->started == LOOM_STARTED_UNKNOWN)
		ring->started = ring->done + 1;
	/* A clear that is lost is pushed again, behind those that were there. */
	end = min(ring->started, ring->write);
	while (ring->done < end)
		retire_lost(ring, guilty);

	n = ring->write - ring->done;
	for (i = 0; i < n; i++) {
		struct loom_job *job = ring->slots[(ring->done + i) & mask].job;
		u32 index = ring->slots[(ring->done + i) & mask].index;

		if (!job->clear && count_reset(ring, job->queue))
			loom_event_post(job->queue, DRM_LOOM_EVENT_RESET, 0, job->first + index,
					job->work[index].cookie, NULL);
		spare[i] = ring->slots[(ring->done + i) & mask];
		ring->spare[i] = ring->desc[(ring->done + i) & mask];
	}
	memcpy(ring->slots, spare, n * sizeof(*spare));
	memcpy(ring->desc, ring->spare, n * sizeof(*ring->spare));
	WRITE_ONCE(ring->done, 0);
	WRITE_ONCE(ring->write, n);
	ring->broken = false;
	ring->held = false;
	ring->sampled = false;
	/* The watchdog may be in the middle of its round: what it saw is of another life. */
	ring->watch.valid = false;
	ring->watch.running = false;
	ring->watch.error = false;
	ring->watch.done = 0;
	ring->watch.stalled = 0;
	loom_ring_start(ring);
	if (ring->shown)
		doorbell(ring);
out:
	spin_unlock_irqrestore(&ring->lock, flags);
}

/**
 * loom_ring_kill() - complete everything in a ring; the card is gone for good
 * @ring: the ring
 * @error: of all jobs in it and of all that come
 */
void loom_ring_kill(struct loom_ring *ring, int error)
{
	struct drm_loom_result result;
	unsigned long flags;

	spin_lock_irqsave(&ring->lock, flags);
	if (!ring->dead) {
		loom_ring_complete_locked(ring);
		ring->dead = error;
		while (ring->done != ring->write) {
			result = (struct drm_loom_result){
				.error = error,
				.outcome = LOOM_OUTCOME_HW_ERROR,
				.fault_operand = 0xff,
			};
			slot_retire(ring, &result, true);
		}
		loom_local_kill(ring);
	}
	spin_unlock_irqrestore(&ring->lock, flags);
}
