// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Sleep: of the card when it has nothing to do, and of the whole machine.
 *
 * A card that has nothing to do may be switched off: it is reset, so that it remembers nothing, and
 * on its return it is programmed anew. All that counts is in memory: contexts, page tables, rings
 * without descriptors. So nobody needs to wake it for what it would only have to forget - an
 * invalidation, the end of a context - and those who need the card itself hold it awake: each job
 * that was submitted and has not ended, wherever it waits; local memory, for as long as there is a
 * buffer in it, since processes reach it without a call; a dump under way; and calls that look at
 * registers. Who submits wakes the card before it arms a fence. From there on it is held, so that
 * no fence depends on a card waking up.
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
#include <linux/pm_runtime.h>

#include <drm/drm_print.h>

#include "loom.h"
#include "memory.h"
#include "ring.h"

/* How long it has nothing to do before it is switched off, if the operator wants that at all. */
#define IDLE_MS		1000
/* How long what the card knows of may take before it is halted. */
#define DRAIN_US	(2 * USEC_PER_SEC)

/**
 * loom_power_get() - wake the card and keep it awake; may sleep, never in a signalling section
 * @ldev: the card
 *
 * Return: 0 or -EIO, -ENODEV.
 */
int loom_power_get(struct loom_device *ldev)
{
	int err = pm_runtime_resume_and_get(ldev->drm.dev);

	return err < 0 ? loom_device_error(ldev) ?: -EIO : 0;
}

/**
 * loom_power_try() - keep the card awake if it is; from any context
 * @ldev: the card
 *
 * Return: false if it sleeps: then it remembers nothing, and reads what is in memory when it wakes.
 */
bool loom_power_try(struct loom_device *ldev)
{
	struct device *dev = ldev->drm.dev;
	int ret = pm_runtime_get_if_active(dev);

	if (!ret)
		return false;
	/* There is no such thing as sleep, or none at the moment. */
	if (ret < 0)
		pm_runtime_get_noresume(dev);
	if (!READ_ONCE(ldev->power.asleep))
		return true;
	pm_runtime_put_noidle(dev);
	return false;
}

/**
 * loom_power_hold() - once more keep a card awake that is kept awake; from any context
 * @ldev: the card
 */
void loom_power_hold(struct loom_device *ldev)
{
	pm_runtime_get_noresume(ldev->drm.dev);
}

/**
 * loom_power_put() - it may sleep as far as this one is concerned; from any context
 * @ldev: the card
 */
void loom_power_put(struct loom_device *ldev)
{
	struct device *dev = ldev->drm.dev;

	pm_runtime_mark_last_busy(dev);
	pm_runtime_put_autosuspend(dev);
}

/**
 * loom_power_init() - at the end of probe: from now on it may sleep
 * @ldev: the card
 *
 * As with all PCI functions, nothing happens before somebody writes "auto" to power/control.
 */
void loom_power_init(struct loom_device *ldev)
{
	struct device *dev = ldev->drm.dev;

	pm_runtime_set_autosuspend_delay(dev, IDLE_MS);
	pm_runtime_use_autosuspend(dev);
	/* The core's, for the time of the probe. */
	loom_power_put(ldev);
}

/**
 * loom_power_fini() - before anything is taken down: the card stays awake
 * @ldev: the card
 */
void loom_power_fini(struct loom_device *ldev)
{
	struct device *dev = ldev->drm.dev;

	pm_runtime_get_sync(dev);
	pm_runtime_dont_use_autosuspend(dev);
}

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
	loom_pmu_sleep(ldev);
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

static int loom_runtime_suspend(struct device *dev)
{
	struct loom_device *ldev = dev_get_drvdata(dev);

	if (loom_device_error(ldev))
		return 0;
	if (READ_ONCE(ldev->reset_wanted) || work_busy(&ldev->reset_work) || !rings_idle(ldev)) {
		pm_runtime_mark_last_busy(dev);
		return -EBUSY;
	}
	cancel_delayed_work_sync(&ldev->watch);
	loom_pmu_sleep(ldev);
	WRITE_ONCE(ldev->power.asleep, true);
	if (loom_card_reset(ldev)) {
		WRITE_ONCE(ldev->power.asleep, false);
		loom_wedge(ldev, "did not go to sleep");
	}
	return 0;
}

static int loom_runtime_resume(struct device *dev)
{
	struct loom_device *ldev = dev_get_drvdata(dev);
	struct loom_ring *ring;

	WRITE_ONCE(ldev->power.asleep, false);
	if (loom_device_error(ldev))
		return 0;
	if (loom_card_reset(ldev) || loom_card_start(ldev)) {
		loom_wedge(ldev, "did not wake up");
		return 0;
	}
	list_for_each_entry(ring, &ldev->active_rings, link)
		loom_ring_restart(ring, NULL);
	return 0;
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
	RUNTIME_PM_OPS(loom_runtime_suspend, loom_runtime_resume, NULL)
};
