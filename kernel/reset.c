// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The reset ladder: a ring, the device, and if that fails the card is cut off.
 *
 * All of this runs on the ordered timeout_wq, or in the PCI core's reset callbacks with that queue
 * drained.
 */
#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/kobject.h>
#include <linux/ktime.h>
#include <linux/minmax.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "loom.h"
#include "memory.h"
#include "queue.h"
#include "ring.h"
#include "loom_dump.h"
#include "trace.h"

#define POLL_US		100

/**
 * loom_card_reset() - soft reset of the device
 * @ldev: the card
 *
 * Return: 0, -ETIMEDOUT, or -ENODEV if the card does not answer.
 */
int loom_card_reset(struct loom_device *ldev)
{
	u32 status;
	int err;

	loom_write32(ldev, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	err = readl_poll_timeout(ldev->regs + LOOM_REG_STATUS, status,
				 status == U32_MAX || !(status & LOOM_STATUS_RESETTING),
				 POLL_US, ldev->caps.reset_ms * USEC_PER_MSEC);
	return status == U32_MAX ? -ENODEV : err;
}

/**
 * loom_card_start() - program a card that was reset; rings are started after that
 * @ldev: the card
 *
 * Return: 0 or -EIO.
 */
int loom_card_start(struct loom_device *ldev)
{
	u32 status;

	loom_write64(ldev, LOOM_REG_FEATURES_ACK, ldev->caps.features);
	loom_write64(ldev, LOOM_REG_CTX_BASE, ldev->ctx_bus);
	loom_write32(ldev, LOOM_REG_CTX_COUNT, ldev->caps.contexts);
	loom_fault_restart(ldev);
	loom_irq_start(ldev);
	loom_write64(ldev, LOOM_REG_IRQ_ENABLE, LOOM_IRQ_FAULT | LOOM_IRQ_FAULT_OVERFLOW |
		     LOOM_IRQ_RING_ERROR | LOOM_IRQ_FATAL);
	loom_write32(ldev, LOOM_REG_CTRL, LOOM_CTRL_ENABLE);
	status = loom_read32(ldev, LOOM_REG_STATUS);
	if (status & (LOOM_STATUS_BAD_FEATURES | LOOM_STATUS_FATAL) ||
	    !(status & LOOM_STATUS_ENABLED)) {
		drm_err(&ldev->drm, "the card does not start: status %#x\n", status);
		return -EIO;
	}
	return 0;
}

static void ring_hold(struct loom_ring *ring)
{
	unsigned long flags;

	spin_lock_irqsave(&ring->lock, flags);
	/* In a device reset after a failed ring reset, what was seen before that one counts. */
	if (!ring->dead && !ring->held)
		loom_write32(ring->ldev, loom_ring_reg(ring, LOOM_RING_CTRL),
			     LOOM_RING_CTRL_ENABLE | LOOM_RING_CTRL_HALT);
	ring->held = true;
	spin_unlock_irqrestore(&ring->lock, flags);
}

/*
 * What was started is never replayed: all that has a completion, whether the driver has seen it or
 * not, and what is in execution. A ring in error shows nothing in execution, but the descriptor
 * that is next to retire may have run without its completion being written. Nor can a card that is
 * cut off say what it does: see loom_ring_restart().
 */
static u64 ring_started(const struct loom_ring *ring, u32 status)
{
	u64 written = loom_read64(ring->ldev, loom_ring_reg(ring, LOOM_RING_CQ_WRITE)), running;

	if (status == U32_MAX || written == U64_MAX)
		return LOOM_STARTED_UNKNOWN;
	if (status & LOOM_RING_STATUS_ERROR)
		return written + 1;
	if (!(status & LOOM_RING_STATUS_RUNNING))
		return written;
	running = loom_read64(ring->ldev, loom_ring_reg(ring, LOOM_RING_CURRENT_INDEX));
	return max(written, running + 1);
}

static ktime_t hold_end(const struct loom_device *ldev)
{
	return ktime_add_ms(ktime_get(), ldev->caps.reset_ms);
}

/* Once a ring has halted its registers stand still. One that has not until @end is asked, too. */
static void ring_hold_sample(struct loom_ring *ring, ktime_t end)
{
	/* Zero would be for ever. */
	s64 us = max_t(s64, ktime_us_delta(end, ktime_get()), POLL_US);
	struct loom_device *ldev = ring->ldev;
	u32 reg = loom_ring_reg(ring, LOOM_RING_STATUS), status = 0;
	unsigned long flags;

	if (ring->sampled)
		return;
	if (!ring->dead)
		readl_poll_timeout(ldev->regs + reg, status,
				   status & (LOOM_RING_STATUS_HALTED | LOOM_RING_STATUS_ERROR) ||
				   !(status & LOOM_RING_STATUS_ENABLED),
				   POLL_US, us);

	spin_lock_irqsave(&ring->lock, flags);
	if (!ring->dead)
		ring->started = ring_started(ring, status);
	ring->sampled = true;
	spin_unlock_irqrestore(&ring->lock, flags);
}

/**
 * loom_card_hold() - before a device reset: give the card no new work
 * @ldev: the card
 *
 * Takes no longer than one ring may, however many do not halt.
 */
void loom_card_hold(struct loom_device *ldev)
{
	ktime_t end = hold_end(ldev);
	struct loom_ring *ring;

	list_for_each_entry(ring, &ldev->active_rings, link)
		ring_hold(ring);
	list_for_each_entry(ring, &ldev->active_rings, link)
		ring_hold_sample(ring, end);
	loom_fault_drain(ldev);
	/* What has completed names its fault record, which the reset takes. */
	list_for_each_entry(ring, &ldev->active_rings, link)
		loom_ring_complete(ring);
}

/**
 * loom_card_resume() - after a device reset: start all rings, replay what had not started
 * @ldev: the card
 * @guilty: the queue that is to blame, or NULL
 */
void loom_card_resume(struct loom_device *ldev, struct loom_queue *guilty)
{
	struct loom_ring *ring;

	atomic_inc(&ldev->generation);
	atomic_inc(&ldev->resets);
	atomic64_inc(&ldev->ras[LOOM_RAS_DEVICE_RESET]);
	loom_local_rewind(ldev);
	list_for_each_entry(ring, &ldev->active_rings, link)
		loom_ring_restart(ring, guilty);
	loom_watch_kick(ldev);
}

/**
 * loom_card_kill() - the end: no access to the card any more, all jobs complete
 * @ldev: the card
 * @error: what ioctls say from now on: -EIO or -ENODEV
 *
 * Whoever sees that the card is dead gives away what it used: that is said after it was cut off,
 * which takes until its engines let go.
 */
void loom_card_kill(struct loom_device *ldev, int error)
{
	struct loom_ring *ring;

	loom_write64(ldev, LOOM_REG_IRQ_ENABLE, 0);
	loom_write32(ldev, LOOM_REG_CTRL, 0);
	/* Whatever the card still wants: it reaches no memory. */
	pci_clear_master(ldev->pdev);
	WRITE_ONCE(ldev->dead, error);
	list_for_each_entry(ring, &ldev->active_rings, link)
		loom_ring_kill(ring, -ENODEV);
}

/* A reset that a hang led to is in the dump of the hang, if anywhere. */
static void reset_dump(struct loom_device *ldev, u32 reason, u32 ring, const char *why)
{
	if (loom_dump_begin(ldev, reason, ring, why, NULL))
		loom_dump_take(ldev);
}

/**
 * loom_wedge() - give up
 * @ldev: the card
 * @why: for the log
 */
void loom_wedge(struct loom_device *ldev, const char *why)
{
	if (loom_device_error(ldev))
		return;
	drm_err(&ldev->drm, "the card %s: it is of no use until its driver is bound again\n", why);
	reset_dump(ldev, LOOM_DUMP_REASON_WEDGE, U32_MAX, why);
	loom_card_kill(ldev, -EIO);
	/* The message needs memory, of which there may be none before the fences have signalled. */
	queue_work(loom_wq, &ldev->wedge_work);
}

/**
 * loom_wedge_work() - tell user space what it takes to get the card back
 * @work: the card's
 *
 * What drm_dev_wedged_event() of later kernels sends, but from the node that there is: that one
 * takes the primary minor, which an accel device does not have.
 */
void loom_wedge_work(struct work_struct *work)
{
	struct loom_device *ldev = container_of(work, struct loom_device, wedge_work);
	char event[] = "WEDGED=rebind";
	char *env[2] = { event, NULL };

	loom_bo_zap_all(ldev);
	kobject_uevent_env(&ldev->drm.accel->kdev->kobj, KOBJ_CHANGE, env);
}

static void device_reset(struct loom_device *ldev, struct loom_queue *guilty, const char *why)
{
	drm_warn(&ldev->drm, "resetting the card: %s\n", why);
	trace_loom_reset(ldev, U32_MAX, 2, why);
	reset_dump(ldev, LOOM_DUMP_REASON_DEVICE, U32_MAX, why);
	loom_card_hold(ldev);
	if (loom_card_reset(ldev) || loom_card_start(ldev))
		loom_wedge(ldev, "did not come back from a reset");
	else
		loom_card_resume(ldev, guilty);
}

/**
 * loom_reset_ring() - reset a ring; the device if that does not help
 * @ring: the ring
 * @guilty: the queue that is to blame, or NULL
 * @why: for the log
 */
void loom_reset_ring(struct loom_ring *ring, struct loom_queue *guilty, const char *why)
{
	struct loom_device *ldev = ring->ldev;
	u32 reg = loom_ring_reg(ring, LOOM_RING_STATUS), status;
	int err;

	if (loom_device_error(ldev))
		return;
	drm_warn(&ldev->drm, "resetting ring %u: %s, error %u\n", ring->id, why,
		 loom_read32(ldev, loom_ring_reg(ring, LOOM_RING_ERROR)));
	trace_loom_reset(ldev, ring->id, 1, why);
	if (!guilty)
		reset_dump(ldev, LOOM_DUMP_REASON_RING, ring->id, why);
	ring_hold(ring);
	ring_hold_sample(ring, hold_end(ldev));
	loom_write32(ldev, loom_ring_reg(ring, LOOM_RING_CTRL), LOOM_RING_CTRL_RESET);
	err = readl_poll_timeout(ldev->regs + reg, status,
				 status == U32_MAX || !(status & LOOM_RING_STATUS_RESETTING),
				 POLL_US, ldev->caps.reset_ms * USEC_PER_MSEC);
	if (status == U32_MAX) {
		loom_wedge(ldev, "does not answer");
	} else if (err) {
		device_reset(ldev, guilty, "a ring could not be reset");
	} else {
		atomic_inc(&ldev->resets);
		atomic64_inc(&ldev->ras[LOOM_RAS_RING_RESET]);
		loom_ring_restart(ring, guilty);
	}
}

/**
 * loom_reset_request() - have the device reset; from any context
 * @ldev: the card
 * @why: for the log; a constant string
 */
void loom_reset_request(struct loom_device *ldev, const char *why)
{
	WRITE_ONCE(ldev->reset_wanted, why);
	queue_work(ldev->timeout_wq, &ldev->reset_work);
}

/**
 * loom_reset_request_ring() - have a ring reset
 * @ldev: the card
 * @ring: number of the ring
 */
void loom_reset_request_ring(struct loom_device *ldev, u32 ring)
{
	set_bit(ring, ldev->reset_rings);
	queue_work(ldev->timeout_wq, &ldev->reset_work);
}

/**
 * loom_reset_work() - a requested device reset
 * @work: the card's
 */
void loom_reset_work(struct work_struct *work)
{
	struct loom_device *ldev = container_of(work, struct loom_device, reset_work);
	bool cookie = dma_fence_begin_signalling();
	const char *why = xchg(&ldev->reset_wanted, NULL);
	struct loom_ring *ring;

	/* A card that sleeps was reset, and has no job. */
	if (!loom_power_try(ldev)) {
		bitmap_zero(ldev->reset_rings, LOOM_RINGS_MAX);
		goto out;
	}
	if (why && !loom_device_error(ldev))
		device_reset(ldev, NULL, why);
	list_for_each_entry(ring, &ldev->active_rings, link)
		if (test_and_clear_bit(ring->id, ldev->reset_rings))
			loom_reset_ring(ring, NULL, "asked for through debugfs");
	loom_power_put(ldev);
out:
	dma_fence_end_signalling(cookie);
}
