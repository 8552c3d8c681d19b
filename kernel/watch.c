// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The watchdog: finds out who hangs.
 *
 * Time counts for the descriptor in execution alone, by what the card says: a job that waits behind
 * another's is not late. A job of low priority whose work is held up by a higher priority does not
 * age. A hung job's context is stopped first; if the card ends the job, everybody else goes on as
 * if nothing had happened. Only if it does not, its ring is reset.
 *
 * It also picks up completions whose interrupt was lost, and rings again a doorbell that may have
 * been: that is harmless. A ring that starts nothing all the same is reset, then the card.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/math64.h>

#include <drm/drm_print.h>

#include "loom.h"
#include "memory.h"
#include "queue.h"
#include "ring.h"
#include "loom_dump.h"
#include "trace.h"

#define WATCH_NS	((u64)LOOM_WATCH_MS * NSEC_PER_MSEC)

/**
 * loom_watch_kick() - the card has work: look at it from time to time
 * @ldev: the card
 */
void loom_watch_kick(struct loom_device *ldev)
{
	queue_delayed_work(ldev->timeout_wq, &ldev->watch, msecs_to_jiffies(LOOM_WATCH_MS));
}

/**
 * loom_watch_now() - something is wrong: look at once
 * @ldev: the card
 */
void loom_watch_now(struct loom_device *ldev)
{
	mod_delayed_work(ldev->timeout_wq, &ldev->watch, 0);
}

/*
 * Nobody has looked at completions that the card wrote a while ago though the last one asks for an
 * interrupt. It may only be very late, which is as bad. Coalesced ones may take their time.
 */
static bool interrupt_lost(const struct loom_ring *ring, u64 before)
{
	const struct loom_device *ldev = ring->ldev;
	u32 last = (ring->done - 1) & (ring->size - 1);
	u64 late = mul_u64_u64_div_u64(ldev->caps.timestamp_hz, LOOM_LATE_MS, MSEC_PER_SEC);

	return ring->done != before && !READ_ONCE(ldev->coalesce.us) &&
	       le32_to_cpu(ring->desc[last].flags) & LOOM_DESC_IRQ &&
	       (s64)(loom_read64(ldev, LOOM_REG_TIMESTAMP) - le64_to_cpu(ring->cq[last].t_end)) >
	       (s64)late;
}

/* Returns false if the card does not answer. */
static bool ring_sample(struct loom_ring *ring, u64 now, bool paused)
{
	struct loom_device *ldev = ring->ldev;
	u64 index, progress, done = ring->done;
	bool running;
	u32 status;

	lockdep_assert_held(&ring->lock);
	loom_ring_complete_locked(ring);
	if (!ring->dead && !paused && interrupt_lost(ring, done))
		atomic64_inc(&ldev->ras[LOOM_RAS_LOST_INTERRUPT]);
	if (ring->dead || ring->done == ring->shown) {
		ring->watch.valid = false;
		ring->watch.running = false;
		ring->watch.error = false;
		ring->watch.stalled = 0;
		ring->watch.strikes = 0;
		return true;
	}
	status = loom_read32(ldev, loom_ring_reg(ring, LOOM_RING_STATUS));
	index = loom_read64(ldev, loom_ring_reg(ring, LOOM_RING_CURRENT_INDEX));
	progress = loom_read64(ldev, loom_ring_reg(ring, LOOM_RING_PROGRESS));
	if (status == U32_MAX)
		return false;

	if (ring->watch.done != ring->done) {
		ring->watch.done = ring->done;
		ring->watch.stalled = 0;
		ring->watch.strikes = 0;
	}
	running = status & LOOM_RING_STATUS_RUNNING &&
		  index - ring->done < ring->shown - ring->done;
	ring->watch.error = ring->broken || status & LOOM_RING_STATUS_ERROR;
	if (running) {
		struct loom_slot *slot = &ring->slots[index & (ring->size - 1)];

		if (!ring->watch.valid || ring->watch.index != index) {
			ring->watch.start = now;
			ring->watch.moved = now;
		} else if (ring->watch.progress != progress) {
			ring->watch.moved = now;
		}
		ring->watch.index = index;
		ring->watch.progress = progress;
		ring->watch.priority = slot->job->queue->priority;
		ring->watch.stalled = 0;
		ring->watch.strikes = 0;
	} else if (!ring->watch.stalled) {
		ring->watch.stalled = now;
	}
	ring->watch.running = running;
	ring->watch.valid = running;
	return true;
}

static bool retired(struct loom_ring *ring, u64 index)
{
	unsigned long flags;
	bool done;

	spin_lock_irqsave(&ring->lock, flags);
	loom_ring_complete_locked(ring);
	done = ring->dead || ring->done > index;
	spin_unlock_irqrestore(&ring->lock, flags);
	return done;
}

/* Stops the queue of a hung job; resets the ring if that does not help. */
static void ring_unhang(struct loom_ring *ring, struct loom_queue *queue, u64 job, u64 cookie,
			const char *why)
{
	struct loom_device *ldev = ring->ldev;
	const struct drm_loom_result result = { .fault_operand = 0xff };
	u64 index = ring->watch.index;
	unsigned long flags;
	ktime_t end;

	if (queue == ldev->local.queue) {
		atomic64_inc(&ldev->ras[LOOM_RAS_HANG]);
		loom_local_hung(ring, why);
		return;
	}
	if (!READ_ONCE(queue->killed) &&
	    loom_queue_end(queue, DRM_LOOM_QUEUE_BANNED, job, cookie, &result)) {
		atomic64_inc(&ldev->ras[LOOM_RAS_HANG]);
		drm_notice(&ldev->drm, "ring %u, queue %u: job %llu (cookie %#llx) %s: stopped\n",
			   ring->id, queue->id, job, cookie, why);
		trace_loom_reset(ldev, ring->id, 0, why);
	}
	spin_lock_irqsave(&ring->lock, flags);
	if (!ring->dead)
		loom_queue_stop_context(queue);
	spin_unlock_irqrestore(&ring->lock, flags);

	end = ktime_add_ms(ktime_get(), ldev->caps.reset_ms);
	do {
		if (retired(ring, index))
			return;
		usleep_range(100, 500);
	} while (ktime_before(ktime_get(), end));
	if (!retired(ring, index))
		loom_reset_ring(ring, queue, why);
}

static const char *ring_late(struct loom_ring *ring, struct loom_queue *queue, u64 now)
{
	/* Its owner may destroy it at any moment. */
	bool killed = READ_ONCE(queue->killed);
	u32 timeout = killed ? ring->ldev->caps.reset_ms : queue->timeout_ms;
	u32 limit = killed ? ring->ldev->caps.reset_ms : queue->limit_ms;

	if (now - ring->watch.start > (u64)limit * NSEC_PER_MSEC)
		return killed ? "was not ended by the card" : "ran too long";
	if (now - ring->watch.moved > (u64)timeout * NSEC_PER_MSEC)
		return "made no progress";
	return NULL;
}

/*
 * Nothing runs though a descriptor waits. While other rings work, it may be waiting for its turn:
 * for ever if their work is more important, else not for so long.
 */
static u64 stall_patience(const struct loom_ring *ring, int top)
{
	const struct loom_slot *slot = &ring->slots[ring->done & (ring->size - 1)];
	u64 patience = (u64)LOOM_STALL_MS * NSEC_PER_MSEC;

	if (top < 0)
		return patience;
	return (int)slot->job->queue->priority < top ? U64_MAX : 10 * patience;
}

static void ring_judge(struct loom_ring *ring, u64 now, u64 age, u64 paused, int top)
{
	struct loom_queue *queue = NULL;
	struct loom_slot *slot;
	const char *why = NULL, *reset = NULL;
	unsigned long flags;
	bool dump = false;
	u64 job, cookie;
	u32 strike = 0;

	spin_lock_irqsave(&ring->lock, flags);
	if (ring->dead || ring->done == ring->shown)
		goto out;
	if (ring->watch.error) {
		reset = "stopped by itself";
	} else if (ring->watch.running && ring->watch.index >= ring->done) {
		slot = &ring->slots[ring->watch.index & (ring->size - 1)];
		queue = slot->job->queue;
		job = slot->job->first + slot->index;
		cookie = slot->job->work[slot->index].cookie;
		if ((int)ring->watch.priority < top)
			paused = age;
		ring->watch.start = min(ring->watch.start + paused, now);
		ring->watch.moved = min(ring->watch.moved + paused, now);
		why = ring_late(ring, queue, now);
		if (why) {
			loom_queue_get(queue);
			dump = !READ_ONCE(queue->killed) &&
			       loom_dump_begin(ring->ldev, LOOM_DUMP_REASON_HANG, ring->id, why,
					       slot);
		}
	} else if (ring->watch.stalled) {
		loom_write32(ring->ldev, LOOM_DOORBELL(ring->id), 1);
		ring->watch.stalled = min(ring->watch.stalled + paused, now);
		if (now - ring->watch.stalled > stall_patience(ring, top)) {
			ring->watch.stalled = now;
			strike = ++ring->watch.strikes;
		}
	}
out:
	spin_unlock_irqrestore(&ring->lock, flags);
	/* While it hangs: later there is less to be seen. */
	if (dump)
		loom_dump_take(ring->ldev);
	if (strike == 1)
		reset = "does not start what is due";
	else if (strike == 2)
		loom_reset_request(ring->ldev, "a ring does not start what is due");
	else if (strike > 2)
		loom_wedge(ring->ldev, "does not work any more");
	if (reset)
		loom_reset_ring(ring, NULL, reset);
	if (why) {
		ring_unhang(ring, queue, job, cookie, why);
		loom_queue_put(queue);
	}
}

/**
 * loom_watch_work() - look at all rings
 * @work: the card's
 */
void loom_watch_work(struct work_struct *work)
{
	struct loom_device *ldev = container_of(to_delayed_work(work), struct loom_device, watch);
	bool cookie = dma_fence_begin_signalling();
	u64 now = ktime_get_ns(), age, paused = 0;
	struct loom_ring *ring;
	unsigned long flags;
	bool busy = false;
	int top = -1;
	u32 status;

	/* A machine that stood still, as virtual ones do, has not let the card work either. */
	age = now - ldev->watched;
	if (age > 3 * WATCH_NS)
		paused = age - WATCH_NS;
	ldev->watched = now;
	list_for_each_entry(ring, &ldev->active_rings, link) {
		bool answers;

		spin_lock_irqsave(&ring->lock, flags);
		answers = ring_sample(ring, now, paused);
		if (ring->watch.running)
			top = max(top, (int)ring->watch.priority);
		busy |= !ring->dead && ring->done != ring->shown;
		spin_unlock_irqrestore(&ring->lock, flags);
		if (!answers && ldev->pdev->error_state == pci_channel_io_frozen) {
			/* The bus has cut it off, and is about to bring it back. */
			loom_watch_kick(ldev);
			goto out;
		}
		if (!answers) {
			loom_wedge(ldev, "does not answer");
			goto out;
		}
	}
	if (!busy)
		goto out;
	/* Its interrupt may be lost, and a reset by somebody else has none. No job is to blame. */
	status = loom_read32(ldev, LOOM_REG_STATUS);
	if (status & LOOM_STATUS_FATAL || !(status & LOOM_STATUS_ENABLED)) {
		loom_reset_request(ldev, status & LOOM_STATUS_FATAL ? "it reported a fatal error" :
				   "it was reset by somebody else");
		goto out;
	}
	list_for_each_entry(ring, &ldev->active_rings, link)
		ring_judge(ring, now, age, paused, top);
	if (!loom_device_error(ldev))
		loom_watch_kick(ldev);
out:
	dma_fence_end_signalling(cookie);
}
