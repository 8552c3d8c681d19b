// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Interrupts: who handles which vector, and how many completions one may stand for.
 *
 * A submission asks for one interrupt, however many jobs it has. Beyond that the card can wait for
 * more completions before it interrupts. That trades the latency of waiters who sleep for
 * instructions of the CPU, so it is the operator's choice; waiters who poll do not notice.
 */
#include <linux/interrupt.h>
#include <linux/kstrtox.h>
#include <linux/sysfs.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "loom.h"
#include "ring.h"

static void irq_causes(struct loom_device *ldev)
{
	u64 causes = loom_read64(ldev, LOOM_REG_IRQ_STATUS);

	if (!causes || causes == U64_MAX)
		return;
	/* Before the causes are looked at: what comes in between raises the interrupt again. */
	loom_write64(ldev, LOOM_REG_IRQ_STATUS, causes);
	if (causes & (LOOM_IRQ_FAULT | LOOM_IRQ_FAULT_OVERFLOW))
		loom_fault_drain(ldev);
	if (causes & LOOM_IRQ_RING_ERROR)
		loom_watch_now(ldev);
	if (causes & LOOM_IRQ_FATAL)
		loom_reset_request(ldev, "it reported a fatal error");
}

/**
 * struct loom_vector - an interrupt vector
 * @ldev: the card
 * @index: its number
 */
struct loom_vector {
	struct loom_device *ldev;
	u32 index;
};

static irqreturn_t loom_irq(int irq, void *data)
{
	struct loom_vector *vector = data;
	struct loom_device *ldev = vector->ldev;
	bool cookie = dma_fence_begin_signalling();
	struct loom_ring *ring;

	if (!vector->index && !loom_device_error(ldev))
		irq_causes(ldev);
	list_for_each_entry(ring, &ldev->active_rings, link)
		if (ring->vector == vector->index)
			loom_ring_complete(ring);
	dma_fence_end_signalling(cookie);
	return IRQ_HANDLED;
}

/**
 * loom_irq_init() - allocate vectors and spread the rings over them
 * @ldev: the card
 *
 * Vector 0 is for the causes and for clears; users' rings share the others, if there are any.
 *
 * Return: 0 or a negative errno.
 */
int loom_irq_init(struct loom_device *ldev)
{
	struct pci_dev *pdev = ldev->pdev;
	u32 most = loom_read32(ldev, LOOM_REG_NUM_VECTORS), i;
	struct loom_vector *vectors;
	struct loom_ring *ring;
	int count, err;

	most = clamp(most, 1u, ldev->ring_count + 1);
	count = pci_alloc_irq_vectors(pdev, 1, most, PCI_IRQ_MSIX);
	if (count < 0)
		return dev_err_probe(&pdev->dev, count, "no MSI-X vector\n");
	ldev->caps.vectors = count;
	i = 0;
	list_for_each_entry(ring, &ldev->active_rings, link)
		if (count > 1 && ring->id >= ldev->first_ring)
			ring->vector = 1 + i++ % (count - 1);

	vectors = drmm_kcalloc(&ldev->drm, count, sizeof(*vectors), GFP_KERNEL);
	if (!vectors)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		vectors[i] = (struct loom_vector){ .ldev = ldev, .index = i };
		err = devm_request_irq(&pdev->dev, pci_irq_vector(pdev, i), loom_irq, 0,
				       "loom", &vectors[i]);
		if (err)
			return dev_err_probe(&pdev->dev, err, "vector %u\n", i);
	}
	return 0;
}

/**
 * loom_irq_start() - tell the card how to coalesce; it forgets that in a reset
 * @ldev: the card
 *
 * Vector 0 is spared if it has its own: the kernel waits for clears.
 */
void loom_irq_start(struct loom_device *ldev)
{
	u64 setting = (u64)READ_ONCE(ldev->coalesce.us) << 32 | READ_ONCE(ldev->coalesce.count);
	u32 i;

	if (!(ldev->caps.features & LOOM_FEATURE_COALESCE))
		return;
	for (i = ldev->caps.vectors > 1; i < ldev->caps.vectors; i++)
		loom_write64(ldev, LOOM_REG_IRQ_COALESCE(i), setting);
}

static ssize_t coalesce_store(struct device *dev, const char *buf, size_t size, u32 *value,
			      u32 most)
{
	struct loom_device *ldev = dev_get_drvdata(dev);
	int err, idx;
	u32 wanted;

	err = kstrtou32(buf, 0, &wanted);
	if (err)
		return err;
	if (wanted > most)
		return -EINVAL;
	/* In a reset the card ignores what is written; it is told again after that or sleep. */
	WRITE_ONCE(*value, wanted);
	if (!drm_dev_enter(&ldev->drm, &idx))
		return -ENODEV;
	if (loom_power_try(ldev)) {
		loom_irq_start(ldev);
		loom_power_put(ldev);
	}
	drm_dev_exit(idx);
	return size;
}

static ssize_t irq_coalesce_us_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct loom_device *ldev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(ldev->coalesce.us));
}

static ssize_t irq_coalesce_us_store(struct device *dev, struct device_attribute *attr,
				     const char *buf, size_t size)
{
	struct loom_device *ldev = dev_get_drvdata(dev);

	return coalesce_store(dev, buf, size, &ldev->coalesce.us, LOOM_COALESCE_US_MAX);
}
static DEVICE_ATTR_RW(irq_coalesce_us);

static ssize_t irq_coalesce_count_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct loom_device *ldev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(ldev->coalesce.count));
}

static ssize_t irq_coalesce_count_store(struct device *dev, struct device_attribute *attr,
					const char *buf, size_t size)
{
	struct loom_device *ldev = dev_get_drvdata(dev);

	return coalesce_store(dev, buf, size, &ldev->coalesce.count, LOOM_COALESCE_COUNT_MAX);
}
static DEVICE_ATTR_RW(irq_coalesce_count);

static struct attribute *irq_attrs[] = {
	&dev_attr_irq_coalesce_us.attr,
	&dev_attr_irq_coalesce_count.attr,
	NULL
};

static umode_t irq_attr_mode(struct kobject *kobj, struct attribute *attr, int n)
{
	struct loom_device *ldev = dev_get_drvdata(kobj_to_dev(kobj));

	return ldev->caps.features & LOOM_FEATURE_COALESCE ? attr->mode : 0;
}

const struct attribute_group loom_irq_group = {
	.attrs = irq_attrs,
	.is_visible = irq_attr_mode,
};
