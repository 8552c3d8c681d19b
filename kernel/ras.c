// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What went wrong so far: the directory ras/ of the PCI function, one number in each file.
 *
 * All numbers are of this driver's hold on the card, but those of its memories, which the card
 * counts from power-on.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/sysfs.h>

#include <drm/drm_drv.h>

#include "loom.h"

/**
 * loom_read_negotiated() - a register that is there only while its feature is acknowledged
 * @ldev: the card; its feature has been
 * @reg: the register, or two of 32 bits, the lower one first
 * @value: what it shows
 *
 * A card that sleeps is woken. In a reset it would read zero; sleeps until that is over. Between
 * drm_dev_enter() and exit().
 *
 * Return: 0, what the card failed with, or -EBUSY if it does not come back.
 */
int loom_read_negotiated(struct loom_device *ldev, u32 reg, u64 *value)
{
	ktime_t end = ktime_add_ms(ktime_get(), 2 * ldev->caps.reset_ms);
	u32 generation, before, after;
	int err;

	err = loom_device_error(ldev) ?: loom_power_get(ldev);
	if (err)
		return err;
	do {
		err = loom_device_error(ldev);
		if (err)
			break;
		generation = loom_read32(ldev, LOOM_REG_GENERATION);
		before = loom_read32(ldev, LOOM_REG_STATUS);
		*value = loom_read64(ldev, reg);
		after = loom_read32(ldev, LOOM_REG_STATUS);
		if (after == U32_MAX) {
			err = -EIO;
			break;
		}
		/* A reset forgets what was negotiated before it says that it is over. */
		if (before & after & LOOM_STATUS_ENABLED &&
		    !((before | after) & LOOM_STATUS_RESETTING) &&
		    generation == loom_read32(ldev, LOOM_REG_GENERATION))
			break;
		err = -EBUSY;
		usleep_range(500, 1000);
	} while (ktime_before(ktime_get(), end));
	loom_power_put(ldev);
	return err;
}

/**
 * struct loom_ras_attr - an attribute of the directory
 * @attr: the core's
 * @event: what it counts
 */
struct loom_ras_attr {
	struct device_attribute attr;
	enum loom_ras_event event;
};

static ssize_t event_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct loom_device *ldev = dev_get_drvdata(dev);
	enum loom_ras_event event = container_of(attr, struct loom_ras_attr, attr)->event;

	return sysfs_emit(buf, "%llu\n", (u64)atomic64_read(&ldev->ras[event]));
}

#define RAS_ATTR(name, event)	\
	static struct loom_ras_attr ras_##name = { __ATTR(name, 0444, event_show, NULL), event }

RAS_ATTR(ring_resets, LOOM_RAS_RING_RESET);
RAS_ATTR(device_resets, LOOM_RAS_DEVICE_RESET);
RAS_ATTR(faults, LOOM_RAS_FAULT);
RAS_ATTR(hangs, LOOM_RAS_HANG);
RAS_ATTR(lost_interrupts, LOOM_RAS_LOST_INTERRUPT);

static ssize_t wedged_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", loom_device_error(dev_get_drvdata(dev)) == -EIO);
}
static DEVICE_ATTR_RO(wedged);

static ssize_t memory_show(struct device *dev, u32 reg, char *buf)
{
	struct loom_device *ldev = dev_get_drvdata(dev);
	u64 value;
	int err, idx;

	if (!drm_dev_enter(&ldev->drm, &idx))
		return -ENODEV;
	err = loom_read_negotiated(ldev, reg, &value);
	drm_dev_exit(idx);
	return err ?: sysfs_emit(buf, "%llu\n", value);
}

static ssize_t memory_corrected_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return memory_show(dev, LOOM_REG_CNT_ECC_CORRECTED, buf);
}
static DEVICE_ATTR_RO(memory_corrected);

static ssize_t memory_uncorrected_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return memory_show(dev, LOOM_REG_CNT_ECC_UNCORRECTED, buf);
}
static DEVICE_ATTR_RO(memory_uncorrected);

static struct attribute *ras_attrs[] = {
	&ras_ring_resets.attr.attr,
	&ras_device_resets.attr.attr,
	&ras_faults.attr.attr,
	&ras_hangs.attr.attr,
	&ras_lost_interrupts.attr.attr,
	&dev_attr_wedged.attr,
	&dev_attr_memory_corrected.attr,
	&dev_attr_memory_uncorrected.attr,
	NULL
};

static umode_t ras_attr_mode(struct kobject *kobj, struct attribute *attr, int n)
{
	struct loom_device *ldev = dev_get_drvdata(kobj_to_dev(kobj));

	if (attr != &dev_attr_memory_corrected.attr && attr != &dev_attr_memory_uncorrected.attr)
		return attr->mode;
	return ldev->caps.features & LOOM_FEATURE_RAS ? attr->mode : 0;
}

const struct attribute_group loom_ras_group = {
	.name = "ras",
	.attrs = ras_attrs,
	.is_visible = ras_attr_mode,
};
