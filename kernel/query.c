// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * DEV_QUERY.
 */
#include <linux/ktime.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>

#include "loom.h"
#include "memory.h"

static int query_info(struct loom_device *ldev, void *out)
{
	const struct loom_caps *caps = &ldev->caps;
	struct drm_loom_query_info *info = out;

	*info = (struct drm_loom_query_info){
		.caps = DRM_LOOM_CAP_RESULTS | DRM_LOOM_CAP_EVENTS | DRM_LOOM_CAP_DMABUF |
			DRM_LOOM_CAP_POLL | DRM_LOOM_CAP_DUMP_CONTENTS,
		.features = caps->features,
		.dtypes = caps->dtypes,
		.page_sizes = caps->page_sizes & (LOOM_PAGE_SIZE | LOOM_PAGE_SIZE_2M),
		.va_start = LOOM_VA_START,
		.va_end = LOOM_VA_END,
		.local_size = caps->local_size,
		.timestamp_hz = caps->timestamp_hz,
		.hw_version = caps->version,
		.profile = caps->profile,
		.array = caps->array,
		.clock_khz = caps->clock_khz,
		.sram_kib = caps->sram_kib,
		.local_mbps = caps->local_mbps,
		.host_mbps = caps->host_mbps,
		.rings = ldev->ring_count,
		.contexts = caps->contexts - 1,
		.vectors = caps->vectors,
		.cmd_size_max = caps->cmd_size_max,
		.jobs_max = LOOM_JOBS_MAX,
		.syncs_max = LOOM_SYNCS_MAX,
		.queue_depth_max = LOOM_QUEUE_DEPTH_MAX,
		.binds_max = LOOM_BINDS_MAX,
		.vms_max = LOOM_VMS_MAX,
		.queues_max = LOOM_QUEUES_MAX,
		.timeout_ms_max = LOOM_TIMEOUT_MS_MAX,
		.generation = atomic_read(&ldev->generation),
		.numa_node = dev_to_node(&ldev->pdev->dev),
		.queues_user = ldev->user_limit[LOOM_USER_QUEUES],
		.vms_user = ldev->user_limit[LOOM_USER_VMS],
		.local_user = ldev->user_limit[LOOM_USER_LOCAL],
	};
	if (ldev->local.ring)
		info->caps |= DRM_LOOM_CAP_LOCAL_MEMORY;
	if (caps->features & LOOM_FEATURE_DEBUG)
		info->caps |= DRM_LOOM_CAP_DEBUG;
	memcpy(info->opcodes, caps->opcodes, sizeof(info->opcodes));
	memcpy(info->serial, caps->serial, sizeof(info->serial));
	memcpy(info->model, caps->model, sizeof(info->model));
	return 0;
}

static int query_timestamp(struct loom_device *ldev, void *out)
{
	struct drm_loom_query_timestamp *stamp = out;
	u64 before, after, raw_before, raw_after;
	unsigned long flags;

	/* An interrupt in between would make a pair of little worth. */
	local_irq_save(flags);
	before = ktime_get_ns();
	raw_before = ktime_get_raw_ns();
	stamp->device = loom_read64(ldev, LOOM_REG_TIMESTAMP);
	raw_after = ktime_get_raw_ns();
	after = ktime_get_ns();
	local_irq_restore(flags);
	stamp->duration = after - before;
	stamp->cpu = before + stamp->duration / 2;
	/* Its read lies within the other: the error is no larger. */
	stamp->raw = raw_before + (raw_after - raw_before) / 2;
	/* The two differ by the time in suspend, which does not change here. */
	stamp->boot = ktime_to_ns(ktime_mono_to_any(ns_to_ktime(stamp->cpu), TK_OFFS_BOOT));
	return 0;
}

static int query_memory(struct loom_device *ldev, void *out)
{
	struct drm_loom_query_memory *memory = out;

	memory->system_used = atomic64_read(&ldev->system_used);
	loom_local_usage(ldev, &memory->local_used, &memory->local_free);
	return 0;
}

static int query_counters(struct loom_device *ldev, void *out)
{
	*(struct drm_loom_query_counters *)out = (struct drm_loom_query_counters){
		.descriptors = loom_read64(ldev, LOOM_REG_CNT_DESCRIPTORS),
		.packets = loom_read64(ldev, LOOM_REG_CNT_PACKETS),
		.busy_ns = loom_read64(ldev, LOOM_REG_CNT_BUSY_NS),
		.cycles = loom_read64(ldev, LOOM_REG_CNT_CYCLES),
		.macs = loom_read64(ldev, LOOM_REG_CNT_MACS),
		.bytes_local = loom_read64(ldev, LOOM_REG_CNT_BYTES_LOCAL),
		.bytes_host = loom_read64(ldev, LOOM_REG_CNT_BYTES_HOST),
		.energy_pj = loom_read64(ldev, LOOM_REG_CNT_ENERGY_PJ),
		.faults = loom_read64(ldev, LOOM_REG_CNT_FAULTS),
		.tlb_misses = loom_read64(ldev, LOOM_REG_CNT_TLB_MISSES),
		.resets = loom_read64(ldev, LOOM_REG_CNT_RESETS),
	};
	return 0;
}

/**
 * struct loom_query - a kind of query
 * @size: of the answer
 * @card: the card must be alive to answer
 * @fill: makes the answer
 */
struct loom_query {
	u32 size;
	bool card;
	int (*fill)(struct loom_device *ldev, void *out);
};

static const struct loom_query queries[] = {
	[DRM_LOOM_QUERY_INFO] = {
		sizeof(struct drm_loom_query_info), false, query_info
	},
	[DRM_LOOM_QUERY_TIMESTAMP] = {
		sizeof(struct drm_loom_query_timestamp), true, query_timestamp
	},
	[DRM_LOOM_QUERY_MEMORY] = {
		sizeof(struct drm_loom_query_memory), false, query_memory
	},
	[DRM_LOOM_QUERY_COUNTERS] = {
		sizeof(struct drm_loom_query_counters), true, query_counters
	},
};

/**
 * loom_ioctl_dev_query() - DRM_IOCTL_LOOM_DEV_QUERY
 * @drm: the device
 * @data: &struct drm_loom_dev_query
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_dev_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_loom_dev_query *args = data;
	struct loom_device *ldev = to_loom(drm);
	const struct loom_query *query;
	u8 answer[sizeof(struct drm_loom_query_info)] __aligned(8);
	int err, idx;

	BUILD_BUG_ON(sizeof(struct drm_loom_query_counters) > sizeof(answer));
	if (args->type >= ARRAY_SIZE(queries))
		return -EINVAL;
	query = &queries[array_index_nospec(args->type, ARRAY_SIZE(queries))];
	if (!args->pointer) {
		args->size = query->size;
		return 0;
	}
	err = query->card ? loom_device_error(ldev) ?: loom_power_get(ldev) : 0;
	if (err)
		return err;
	if (!drm_dev_enter(drm, &idx)) {
		err = -ENODEV;
		goto out;
	}
	err = query->fill(ldev, answer);
	/* Gone, and nobody has noticed yet: what was read is no answer. */
	if (!err && query->card && loom_read32(ldev, LOOM_REG_STATUS) == U32_MAX)
		err = -EIO;
	drm_dev_exit(idx);
out:
	if (query->card)
		loom_power_put(ldev);
	if (err)
		return err;
	if (copy_to_user(u64_to_user_ptr(args->pointer), answer, min(args->size, query->size)))
		return -EFAULT;
	if (args->size > query->size &&
	    clear_user(u64_to_user_ptr(args->pointer + query->size), args->size - query->size))
		return -EFAULT;
	return 0;
}
