// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Sleep of the whole machine.
 *
 * While the machine falls asleep its processes stand still. Rings take no more descriptors, those
 * that the card knows of get a bounded time to end, and what is in execution then is halted. What
 * the card has not been shown waits in the ring, and so does what drm_sched has not pushed: no
 * fence is lost, and none is signalled early.
 *
 * In D3hot the card forgets nothing, and goes on where it was halted. If it lost its power it is
 * programmed anew, as after any reset: what was halted is lost, what had not started is replayed,
 * and local memory gets back what it held. That was saved, in any case: nobody says beforehand how
 * deep the sleep will be. The pages for it are found while everything else still works, so that
 * memory can be made free; if there is none, the machine does not go to sleep.
 */
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/pm.h>

#include <drm/drm_print.h>

#include "loom.h"

/* How long what the card knows of may take before it is halted. */
#define DRAIN_US	(2 * USEC_PER_SEC)

static bool rings_idle(struct loom_device *ldev)
{
	struct loom_ring *ring;

	list_for_each_entry(ring, &ldev->active_rings, link)
		if (!loom_ring_drained(ring))
			return false;
	return true;
}

static void card_quiesce(struct loom_device *ldev)
{
	struct loom_ring *ring;
	bool idle;

	list_for_each_entry(ring, &ldev->active_rings, link)
		loom_ring_park(ring, true);
	/* The watchdog goes on: it finds lost interrupts and ends what hangs. */
	if (read_poll_timeout(rings_idle, idle, idle, 1000, DRAIN_US, false, ldev))
		drm_info(&ldev->drm, "work is halted for the time of the sleep\n");
	disable_work_sync(&ldev->reset_work);
	disable_delayed_work_sync(&ldev->watch);
	if (!loom_device_error(ldev))
		loom_card_hold(ldev);
}

static void card_wake(struct loom_device *ldev)
{
	enable_work(&ldev->reset_work);
	enable_delayed_work(&ldev->watch);
	if (READ_ONCE(ldev->reset_wanted))
		queue_work(ldev->timeout_wq, &ldev->reset_work);
	loom_watch_kick(ldev);
}

/* Whether it is as it was left. A card that was reset is not enabled, whoever did it. */
static bool card_kept(struct loom_device *ldev)
{
	return loom_read32(ldev, LOOM_REG_STATUS) == LOOM_STATUS_ENABLED &&
	       loom_read32(ldev, LOOM_REG_GENERATION) == ldev->power.generation &&
	       loom_read64(ldev, LOOM_REG_CTX_BASE) == ldev->ctx_bus && !ldev->power.stale;
}

static int loom_prepare(struct device *dev)
{
	struct loom_device *ldev = dev_get_drvdata(dev);
	int err;

	if (loom_device_error(ldev))
		return 0;
	err = loom_bo_save_prepare(ldev);
	if (err) {
		drm_err(&ldev->drm, "no sleep: there is no room to save local memory (%d)\n", err);
		loom_bo_save_end(ldev);
	}
	return err;
}

static void loom_complete(struct device *dev)
{
	loom_bo_save_end(dev_get_drvdata(dev));
}

static int loom_suspend(struct device *dev)
{
	struct loom_device *ldev = dev_get_drvdata(dev);

	ldev->power.stale = false;
	card_quiesce(ldev);
	if (loom_device_error(ldev))
		return 0;
	/* What ends after its last job may still want something of the card. */
	flush_workqueue(loom_wq);
	loom_bo_save(ldev);
	ldev->power.generation = loom_read32(ldev, LOOM_REG_GENERATION);
	WRITE_ONCE(ldev->power.asleep, true);
	return 0;
}

static int card_resume(struct loom_device *ldev, bool kept)
{
	struct loom_ring *ring;

	WRITE_ONCE(ldev->power.asleep, false);
	list_for_each_entry(ring, &ldev->active_rings, link)
		loom_ring_park(ring, false);
	if (loom_device_error(ldev))
		goto out;
	if (kept && card_kept(ldev)) {
		list_for_each_entry(ring, &ldev->active_rings, link)
			loom_ring_continue(ring);
	} else if (loom_card_reset(ldev) || loom_card_start(ldev)) {
		loom_wedge(ldev, "did not wake up");
	} else {
		drm_info(&ldev->drm, "the card lost its state in the sleep\n");
		loom_bo_restore(ldev);
		loom_card_resume(ldev, NULL);
		WRITE_ONCE(ldev->reset_wanted, NULL);
		bitmap_zero(ldev->reset_rings, LOOM_RINGS_MAX);
	}
out:
	card_wake(ldev);
	return 0;
}

static int loom_resume(struct device *dev)
{
	return card_resume(dev_get_drvdata(dev), true);
}

/* The kernel that loaded the image had the card: that it looks as it was left is chance. */
static int loom_restore(struct device *dev)
{
	return card_resume(dev_get_drvdata(dev), false);
}

const struct dev_pm_ops loom_pm_ops = {
	.prepare = pm_sleep_ptr(loom_prepare),
	.complete = pm_sleep_ptr(loom_complete),
	.suspend = pm_sleep_ptr(loom_suspend),
	.resume = pm_sleep_ptr(loom_resume),
	.freeze = pm_sleep_ptr(loom_suspend),
	.thaw = pm_sleep_ptr(loom_resume),
	.poweroff = pm_sleep_ptr(loom_suspend),
	.restore = pm_sleep_ptr(loom_restore),
};
