// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What a file has used: /proc/PID/fdinfo/FD.
 */
#include <linux/math64.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "loom.h"
#include "memory.h"

/**
 * loom_ticks_to_ns() - a time by the card's clock in nanoseconds
 * @ticks: the time; whatever a card may say
 * @hz: ticks of a second
 *
 * Return: nanoseconds; what does not fit into 64 bits of them is cut off.
 */
u64 loom_ticks_to_ns(u64 ticks, u64 hz)
{
	u64 rest, seconds = div64_u64_rem(ticks, hz, &rest);

	/* A quotient of more than 64 bits is a trap on x86: this one is less than a second. */
	return seconds * NSEC_PER_SEC + mul_u64_u64_div_u64(rest, NSEC_PER_SEC, hz);
}

/**
 * loom_show_fdinfo() - &drm_driver.show_fdinfo
 * @p: where to print
 * @file: the file
 */
void loom_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct loom_client *client = file->driver_priv;
	struct loom_device *ldev = client->ldev;
	u64 busy = atomic64_read(&client->busy);
	int idx;

	/* Time is added when a job ends: it never goes back. */
	drm_printf(p, "drm-engine-compute:\t%llu ns\n",
		   loom_ticks_to_ns(busy, ldev->caps.timestamp_hz));
	drm_printf(p, "drm-engine-capacity-compute:\t%u\n", ldev->ring_count);
	/* The same by the card's clock, which is what makes shares exact. */
	drm_printf(p, "drm-cycles-compute:\t%llu\n", busy);
	/* Nobody is to keep a card awake by looking at what it does not do. */
	if (!loom_device_error(ldev) && loom_power_try(ldev)) {
		if (drm_dev_enter(&ldev->drm, &idx)) {
			drm_printf(p, "drm-total-cycles-compute:\t%llu\n",
				   loom_read64(ldev, LOOM_REG_TIMESTAMP));
			drm_dev_exit(idx);
		}
		loom_power_put(ldev);
	}
	drm_printf(p, "drm-maxfreq-compute:\t%llu Hz\n", (u64)ldev->caps.clock_khz * 1000);
	drm_printf(p, "loom-queues:\t%d\n", atomic_read(&client->queue_count));
	drm_printf(p, "loom-jobs:\t%llu\n", (u64)atomic64_read(&client->jobs));
	drm_printf(p, "loom-modelled-cycles:\t%llu\n", (u64)atomic64_read(&client->cycles));
	drm_printf(p, "loom-modelled-energy:\t%llu pJ\n", (u64)atomic64_read(&client->energy));
	loom_bo_show_memory(p, file);
}
