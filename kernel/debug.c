// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * debugfs: /sys/kernel/debug/accel/PCI-ADDRESS/
 *
 *	bos	buffers: bytes, flags, whether there are pages, where they are, label
 *	inject	write "KIND" or "KIND RING": the card fails that way, once; only if it offers
 *		LOOM_FEATURE_DEBUG. Kinds are the names of enum loom_inject in small letters with
 *		hyphens; without a number the ring is the first that takes user work.
 *	rings	what the rings do
 *	vms	address spaces and what is mapped in them
 *	reset	write "device" or the number of a ring: resets it as the watchdog would
 */
#include <linux/debugfs.h>
#include <linux/kstrtox.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "loom.h"
#include "memory.h"
#include "ring.h"

static int bos_show(struct seq_file *m, void *data)
{
	struct drm_debugfs_entry *entry = m->private;
	struct loom_device *ldev = to_loom(entry->dev);
	struct loom_bo *bo;

	seq_puts(m, "bytes flags resident where label\n");
	spin_lock(&ldev->list_lock);
	list_for_each_entry(bo, &ldev->bos, link) {
		struct drm_gem_object *obj = &bo->base.base;
		bool resident = obj->funcs->status(obj) & DRM_GEM_OBJECT_RESIDENT;

		seq_printf(m, "%zu %#x %u %s \"%*pE\"\n", obj->size, bo->flags, resident,
			   loom_bo_where(bo), bo->label ? (int)strlen(bo->label) : 0,
			   bo->label ?: "");
	}
	spin_unlock(&ldev->list_lock);
	return 0;
}

static int vms_show(struct seq_file *m, void *data)
{
	struct drm_debugfs_entry *entry = m->private;
	struct drm_printer p = drm_seq_file_printer(m);

	loom_vm_print_all(to_loom(entry->dev), &p);
	return 0;
}

static int rings_show(struct seq_file *m, void *data)
{
	struct drm_debugfs_entry *entry = m->private;
	struct loom_device *ldev = to_loom(entry->dev);
	struct loom_ring *ring;
	int idx;

	seq_printf(m, "generation %d resets %d error %d\n", atomic_read(&ldev->generation),
		   atomic_read(&ldev->resets), loom_device_error(ldev));
	if (loom_power_get(ldev))
		return 0;
	if (!drm_dev_enter(&ldev->drm, &idx))
		goto out;
	seq_puts(m, "ring vector written retired status error index context packet progress\n");
	list_for_each_entry(ring, &ldev->active_rings, link) {
		unsigned long flags;
		u64 write, done;

		spin_lock_irqsave(&ring->lock, flags);
		write = ring->write;
		done = ring->done;
		spin_unlock_irqrestore(&ring->lock, flags);
		seq_printf(m, "%u %u %llu %llu %#x %u %llu %u %u %llu\n", ring->id, ring->vector,
			   write, done,
			   loom_read32(ldev, loom_ring_reg(ring, LOOM_RING_STATUS)),
			   loom_read32(ldev, loom_ring_reg(ring, LOOM_RING_ERROR)),
			   loom_read64(ldev, loom_ring_reg(ring, LOOM_RING_CURRENT_INDEX)),
			   loom_read32(ldev, loom_ring_reg(ring, LOOM_RING_CURRENT_CONTEXT)),
			   loom_read32(ldev, loom_ring_reg(ring, LOOM_RING_CURRENT_PACKET)),
			   loom_read64(ldev, loom_ring_reg(ring, LOOM_RING_PROGRESS)));
	}
	drm_dev_exit(idx);
out:
	loom_power_put(ldev);
	return 0;
}

static ssize_t reset_write(struct file *file, const char __user *from, size_t size, loff_t *pos)
{
	struct loom_device *ldev = file->private_data;
	char text[16];
	ssize_t err;
	u32 ring;
	int idx;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, size))
		return -EFAULT;
	text[size] = 0;
	strim(text);
	err = loom_device_error(ldev) ?: loom_power_get(ldev);
	if (err)
		return err;
	if (!drm_dev_enter(&ldev->drm, &idx)) {
		err = -ENODEV;
		goto out_power;
	}
	if (!strcmp(text, "device")) {
		loom_reset_request(ldev, "asked for through debugfs");
	} else {
		err = kstrtou32(text, 0, &ring);
		if (!err && (ring >= ldev->caps.rings || !ldev->rings[ring].size))
			err = -EINVAL;
		if (err)
			goto out;
		loom_reset_request_ring(ldev, ring);
	}
	flush_work(&ldev->reset_work);
out:
	drm_dev_exit(idx);
out_power:
	loom_power_put(ldev);
	return err ?: size;
}

static const struct file_operations reset_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = reset_write,
};

/**
 * struct loom_inject_name - a kind of fault that can be injected
 * @name: its name
 * @kind: enum loom_inject
 * @ring: it is a ring's, not the whole card's
 */
struct loom_inject_name {
	const char *name;
	u32 kind;
	bool ring;
};

static const struct loom_inject_name injections[] = {
	{ "none", LOOM_INJECT_NONE, false },
	{ "hang", LOOM_INJECT_HANG, true },
	{ "hang-device", LOOM_INJECT_HANG_DEVICE, true },
	{ "lost-irq", LOOM_INJECT_LOST_IRQ, true },
	{ "lost-doorbell", LOOM_INJECT_LOST_DOORBELL, true },
	{ "dma-error", LOOM_INJECT_DMA_ERROR, true },
	{ "ecc", LOOM_INJECT_ECC, true },
	{ "ecc-corrected", LOOM_INJECT_ECC_CORRECTED, true },
	{ "dead", LOOM_INJECT_DEAD, false },
};

static int inject_parse(const struct loom_device *ldev, char *text, u32 *value)
{
	char *number = strim(text), *name = strsep(&number, " ");
	u32 ring = ldev->first_ring, i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(injections) && strcmp(name, injections[i].name); i++)
		;
	if (i == ARRAY_SIZE(injections) || (number && !injections[i].ring))
		return -EINVAL;
	if (number)
		err = kstrtou32(number, 0, &ring);
	if (!err && ring >= ldev->caps.rings)
		err = -EINVAL;
	*value = injections[i].ring ? ring << 8 | injections[i].kind : injections[i].kind;
	return err;
}

static ssize_t inject_write(struct file *file, const char __user *from, size_t size, loff_t *pos)
{
	struct loom_device *ldev = file->private_data;
	char text[32];
	ssize_t err;
	u32 value;
	int idx;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, size))
		return -EFAULT;
	text[size] = 0;
	err = inject_parse(ldev, text, &value);
	if (err)
		return err;
	err = loom_power_get(ldev);
	if (err)
		return err;
	if (drm_dev_enter(&ldev->drm, &idx)) {
		loom_write32(ldev, LOOM_REG_INJECT, value);
		drm_dev_exit(idx);
	} else {
		err = -ENODEV;
	}
	loom_power_put(ldev);
	return err ?: size;
}

static const struct file_operations inject_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = inject_write,
};

static const struct drm_debugfs_info debug_files[] = {
	{ "bos", bos_show, 0, NULL },
	{ "rings", rings_show, 0, NULL },
	{ "vms", vms_show, 0, NULL },
};

/**
 * loom_debug_init() - create the files of debugfs; before the device is registered
 * @ldev: the card
 */
void loom_debug_init(struct loom_device *ldev)
{
	drm_debugfs_add_files(&ldev->drm, debug_files, ARRAY_SIZE(debug_files));
	debugfs_create_file("reset", 0200, ldev->drm.debugfs_root, ldev, &reset_fops);
	if (ldev->caps.features & LOOM_FEATURE_DEBUG)
		debugfs_create_file("inject", 0200, ldev->drm.debugfs_root, ldev, &inject_fops);
}
