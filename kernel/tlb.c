// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Invalidation of translations that the card remembers.
 */
#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/ktime.h>

#include <drm/drm_drv.h>

#include "loom.h"
#include "memory.h"

/* Longer than an idle card needs; a busy one may take up to the end of a tile. */
#define SPIN_US		20

static bool tlb_wait(struct loom_device *ldev, u64 number, int generation)
{
	ktime_t start = ktime_get();
	s64 us;

	do {
		u64 done = loom_read64(ldev, LOOM_REG_INV_DONE);

		if (done == U64_MAX)
			return false;
		/* A reset of the device drops all translations, and forgets the count. */
		if (done >= number || atomic_read(&ldev->generation) != generation)
			return true;
		us = ktime_us_delta(ktime_get(), start);
		if (us < SPIN_US)
			cpu_relax();
		else
			usleep_range(20, 100);
	} while (us < (s64)ldev->caps.reset_ms * USEC_PER_MSEC);
	return false;
}

/* A reset has made the card forget everything, or it is cut off. */
static bool tlb_forgotten(struct loom_device *ldev, int generation)
{
	return loom_device_error(ldev) || atomic_read(&ldev->generation) != generation;
}

static bool tlb_reset(struct loom_device *ldev, int generation)
{
	if (!tlb_forgotten(ldev, generation)) {
		loom_reset_request(ldev, "an invalidation was not acknowledged");
		flush_work(&ldev->reset_work);
	}
	return tlb_forgotten(ldev, generation);
}

/**
 * loom_tlb_invalidate() - make the card forget translations
 * @ldev: the card
 * @tag: TLB tag
 * @va: first address
 * @len: bytes; 0: the whole tag
 *
 * When it returns, the card reaches nothing through them any more: it said so, or it was reset, or
 * it is cut off from the bus, or asleep.
 */
void loom_tlb_invalidate(struct loom_device *ldev, u32 tag, u64 va, u64 len)
{
	u64 before, number;
	int generation;
	bool done;
	int idx;

	if (!drm_dev_enter(&ldev->drm, &idx))
		return;
	mutex_lock(&ldev->tlb_lock);
	if (!loom_power_try(ldev)) {
		WRITE_ONCE(ldev->power.stale, true);
		goto out;
	}
	if (!loom_device_error(ldev)) {
		generation = atomic_read(&ldev->generation);
		before = loom_read64(ldev, LOOM_REG_INV_ISSUED);
		loom_write64(ldev, LOOM_REG_INV_VA, va);
		loom_write64(ldev, LOOM_REG_INV_LEN, len);
		loom_write32(ldev, LOOM_REG_INV_TAG, tag);
		number = loom_read64(ldev, LOOM_REG_INV_ISSUED);
		/* A card that is being reset takes none: the end of the reset is waited for. */
		done = tlb_wait(ldev, number != before ? number : U64_MAX, generation);
		/* Who resets it otherwise, or puts it to sleep, has disabled the work meanwhile. */
		if (!done && read_poll_timeout(tlb_reset, done, done, USEC_PER_MSEC,
					       LOOM_RECOVER_MS * USEC_PER_MSEC, false, ldev,
					       generation))
			loom_wedge(ldev, "acknowledges no invalidation and cannot be reset");
	}
	loom_power_put(ldev);
out:
	mutex_unlock(&ldev->tlb_lock);
	drm_dev_exit(idx);
}
