// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The PCI function: probe, remove, resets by the PCI core.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/pm_runtime.h>
#include <linux/sysfs.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "loom.h"
#include "memory.h"
#include "queue.h"
#include "ring.h"

#define FEATURES_KNOWN	(LOOM_FEATURE_COALESCE | LOOM_FEATURE_DEBUG | LOOM_FEATURE_TIMING_MODEL | \
			 LOOM_FEATURE_SENSORS | LOOM_FEATURE_RAS)

static void caps_text(struct loom_device *ldev, u32 reg, u8 *text)
{
	u32 i;

	for (i = 0; i < 32; i += 8)
		*(__le64 *)(text + i) = cpu_to_le64(loom_read64(ldev, reg + i));
	text[31] = 0;
}

static int caps_init(struct loom_device *ldev)
{
	struct device *dev = &ldev->pdev->dev;
	struct loom_caps *caps = &ldev->caps;
	u32 log2, i;
	u64 offered;

	caps->version = loom_read32(ldev, LOOM_REG_VERSION);
	caps->rings = loom_read32(ldev, LOOM_REG_NUM_RINGS);
	caps->contexts = loom_read32(ldev, LOOM_REG_NUM_CONTEXTS);
	caps->cmd_size_max = loom_read32(ldev, LOOM_REG_CMD_SIZE_MAX);
	caps->reset_ms = loom_read32(ldev, LOOM_REG_RESET_TIMEOUT_MS);
	caps->page_sizes = loom_read64(ldev, LOOM_REG_PAGE_SIZES);
	caps->local_size = loom_read64(ldev, LOOM_REG_LOCAL_SIZE);
	caps->dtypes = loom_read64(ldev, LOOM_REG_DTYPES);
	caps->timestamp_hz = loom_read64(ldev, LOOM_REG_TIMESTAMP_HZ);
	caps->profile = loom_read32(ldev, LOOM_REG_PROFILE);
	caps->array = loom_read32(ldev, LOOM_REG_ARRAY);
	caps->clock_khz = loom_read32(ldev, LOOM_REG_CLOCK_KHZ);
	caps->sram_kib = loom_read32(ldev, LOOM_REG_SRAM_KIB);
	caps->local_mbps = loom_read32(ldev, LOOM_REG_LOCAL_MBPS);
	caps->host_mbps = loom_read32(ldev, LOOM_REG_HOST_MBPS);
	for (i = 0; i < ARRAY_SIZE(caps->opcodes); i++)
		caps->opcodes[i] = loom_read64(ldev, LOOM_REG_OPCODES + 8 * i);
	caps_text(ldev, LOOM_REG_SERIAL, caps->serial);
	caps_text(ldev, LOOM_REG_MODEL, caps->model);
	offered = loom_read64(ldev, LOOM_REG_FEATURES);
	caps->features = offered & FEATURES_KNOWN;

	if (caps->version >> 16 != LOOM_VERSION_MAJOR) {
		dev_err(dev, "card interface %u.%u is not supported, this driver knows %u.x: update it\n",
			caps->version >> 16, caps->version & 0xffff, LOOM_VERSION_MAJOR);
		return -ENODEV;
	}
	log2 = loom_read32(ldev, LOOM_REG_RING_LOG2);
	caps->ring_log2 = clamp_t(u32, LOOM_RING_LOG2_USED, log2 & 0xffff, log2 >> 16);
	if (caps->ring_log2 < LOOM_RING_LOG2_MIN || caps->ring_log2 > LOOM_RING_LOG2_MAX ||
	    !caps->rings || caps->rings > LOOM_RINGS_MAX ||
	    caps->contexts < 2 || caps->contexts > LOOM_CONTEXTS_MAX ||
	    loom_read32(ldev, LOOM_REG_VA_BITS) != LOOM_VA_BITS ||
	    !(caps->page_sizes & LOOM_PAGE_SIZE) || !caps->timestamp_hz) {
		dev_err(dev, "the card's limits make no sense: rings %u of 2^%u, contexts %u\n",
			caps->rings, caps->ring_log2, caps->contexts);
		return -ENODEV;
	}
	/* A card that names no bound, or an absurd one, gets one. */
	caps->reset_ms = clamp(caps->reset_ms, 10u, 10000u);
	return 0;
}

static void recover_work(struct work_struct *work)
{
	struct loom_device *ldev = container_of(to_delayed_work(work), struct loom_device,
						recover_work);

	loom_wedge(ldev, "was not brought back by the bus");
}

static void device_fini(struct drm_device *drm, void *data)
{
	struct loom_device *ldev = to_loom(drm);

	if (ldev->submit_wq)
		destroy_workqueue(ldev->submit_wq);
	if (ldev->timeout_wq)
		destroy_workqueue(ldev->timeout_wq);
	ida_destroy(&ldev->ctx_ida);
	ida_destroy(&ldev->tag_ida);
	ida_destroy(&ldev->client_ida);
}

static int memory_init(struct loom_device *ldev)
{
	struct device *dev = &ldev->pdev->dev;

	ldev->ctx = dmam_alloc_coherent(dev, ldev->caps.contexts * sizeof(*ldev->ctx),
					&ldev->ctx_bus, GFP_KERNEL);
	ldev->fault.ring = dmam_alloc_coherent(dev, sizeof(*ldev->fault.ring) << LOOM_FAULT_LOG2,
					       &ldev->fault.bus, GFP_KERNEL);
	ldev->fault.last = devm_kcalloc(dev, ldev->caps.contexts, sizeof(*ldev->fault.last),
					GFP_KERNEL);
	return ldev->ctx && ldev->fault.ring && ldev->fault.last ? 0 : -ENOMEM;
}

static int rings_init(struct loom_device *ldev)
{
	struct loom_ring *ring;
	int err;
	u32 i;

	ldev->rings = drmm_kcalloc(&ldev->drm, ldev->caps.rings, sizeof(*ldev->rings), GFP_KERNEL);
	if (!ldev->rings)
		return -ENOMEM;
	/* Ring 0 is the kernel's own, for clears of local memory, unless the card has no other. */
	ldev->first_ring = ldev->caps.rings > 1;
	ldev->ring_count = ldev->caps.rings - ldev->first_ring;
	if (ldev->first_ring && ldev->caps.local_size) {
		err = loom_ring_init(ldev, 0);
		if (err)
			return err;
		list_add_tail(&ldev->rings[0].link, &ldev->active_rings);
	}
	for (i = 0; i < ldev->ring_count; i++) {
		ring = &ldev->rings[ldev->first_ring + i];
		err = loom_ring_init(ldev, ldev->first_ring + i);
		if (err)
			return err;
		err = loom_ring_sched_init(ring);
		if (err)
			return err;
		list_add_tail(&ring->link, &ldev->active_rings);
	}
	loom_place_init(ldev);
	return 0;
}

static int device_init(struct loom_device *ldev)
{
	int err;

	spin_lock_init(&ldev->fault.lock);
	spin_lock_init(&ldev->list_lock);
	spin_lock_init(&ldev->user_lock);
	mutex_init(&ldev->vm_lock);
	mutex_init(&ldev->tlb_lock);
	init_rwsem(&ldev->local.reach);
	INIT_LIST_HEAD(&ldev->active_rings);
	INIT_LIST_HEAD(&ldev->vms);
	INIT_LIST_HEAD(&ldev->bos);
	INIT_LIST_HEAD(&ldev->users);
	ida_init(&ldev->ctx_ida);
	ida_init(&ldev->tag_ida);
	ida_init(&ldev->client_ida);
	INIT_DELAYED_WORK(&ldev->watch, loom_watch_work);
	INIT_WORK(&ldev->reset_work, loom_reset_work);
	INIT_WORK(&ldev->wedge_work, loom_wedge_work);
	INIT_DELAYED_WORK(&ldev->recover_work, recover_work);
	err = drmm_add_action_or_reset(&ldev->drm, device_fini, NULL);
	if (err)
		return err;
	err = loom_dump_init(ldev);
	if (err)
		return err;
	ldev->submit_wq = alloc_workqueue("loom-submit",
					  WQ_HIGHPRI | WQ_MEM_RECLAIM | WQ_PERCPU, 0);
	ldev->timeout_wq = alloc_ordered_workqueue("loom-timeout", WQ_MEM_RECLAIM);
	if (!ldev->submit_wq || !ldev->timeout_wq)
		return -ENOMEM;
	return 0;
}

static int card_find(struct loom_device *ldev)
{
	struct device *dev = &ldev->pdev->dev;
	u32 magic = loom_read32(ldev, LOOM_REG_MAGIC);

	if (magic == U32_MAX) {
		dev_err(dev, "the card does not answer\n");
		return -ENODEV;
	}
	if (magic != LOOM_MAGIC) {
		dev_err(dev, "not a Loom card: magic number %#x\n", magic);
		return -ENODEV;
	}
	return caps_init(ldev);
}

/* The card makes no access any more, and nothing of the driver looks at it. */
static void card_stop(struct loom_device *ldev)
{
	loom_card_kill(ldev, -ENODEV);
	disable_delayed_work_sync(&ldev->recover_work);
	disable_work_sync(&ldev->reset_work);
	disable_delayed_work_sync(&ldev->watch);
	disable_work_sync(&ldev->wedge_work);
	/* Nothing fails any more: this is the last dump. */
	flush_work(&ldev->dump.work);
	/* The card forgets all addresses; if it is not there any more, it has. */
	loom_card_reset(ldev);
}

static int loom_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct loom_device *ldev;
	struct loom_ring *ring;
	int err;

	ldev = devm_drm_dev_alloc(dev, &loom_driver, struct loom_device, drm);
	if (IS_ERR(ldev))
		return PTR_ERR(ldev);
	ldev->pdev = pdev;
	pci_set_drvdata(pdev, ldev);
	err = device_init(ldev);
	if (err)
		return err;

	err = pcim_enable_device(pdev);
	if (err)
		return dev_err_probe(dev, err, "cannot enable the device\n");
	if (pci_resource_len(pdev, LOOM_BAR_REGS) < LOOM_BAR_REGS_SIZE)
		return dev_err_probe(dev, -ENODEV, "BAR %d is too small\n", LOOM_BAR_REGS);
	ldev->regs = pcim_iomap_region(pdev, LOOM_BAR_REGS, "loom");
	if (IS_ERR(ldev->regs))
		return dev_err_probe(dev, PTR_ERR(ldev->regs), "cannot map the registers\n");
	err = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(52));
	if (err)
		return dev_err_probe(dev, err, "no usable DMA\n");
	/* Runs of bus addresses may be as long as they like: the longer, the larger the pages. */
	dma_set_max_seg_size(dev, UINT_MAX);
	err = card_find(ldev);
	if (err)
		return err;
	/* Whoever had the card before may have left it running. */
	err = loom_card_reset(ldev);
	if (err)
		return dev_err_probe(dev, err, "the card cannot be reset\n");
	pci_set_master(pdev);

	loom_user_init(ldev);
	err = memory_init(ldev);
	if (err)
		return err;
	err = loom_direct_init(ldev);
	if (err)
		return err;
	err = rings_init(ldev);
	if (err)
		return err;
	err = loom_irq_init(ldev);
	if (err)
		return err;
	/* From here on an interrupt may have queued work. */
	err = loom_card_start(ldev);
	if (err)
		goto err_stop;
	list_for_each_entry(ring, &ldev->active_rings, link)
		loom_ring_start(ring);
	err = loom_local_init(ldev);
	if (err)
		goto err_stop;
	loom_debug_init(ldev);
	err = drm_dev_register(&ldev->drm, 0);
	if (err)
		goto err_stop;
	loom_hwmon_init(ldev);
	loom_pmu_init(ldev);
	/* What an error of the bus makes it forget. */
	pci_save_state(pdev);
	loom_power_init(ldev);
	drm_info(&ldev->drm, "%s, serial %s, %u rings, %u contexts, %u vectors\n",
		 ldev->caps.model, ldev->caps.serial, ldev->ring_count, ldev->caps.contexts,
		 ldev->caps.vectors);
	return 0;

err_stop:
	card_stop(ldev);
	return err;
}

static void loom_remove(struct pci_dev *pdev)
{
	struct loom_device *ldev = pci_get_drvdata(pdev);

	loom_power_fini(ldev);
	if (ldev->recovering)
		loom_power_put(ldev);
	disable_work_sync(&ldev->wedge_work);
	loom_pmu_fini(ldev);
	/*
	 * From the moment that unplugging begins nobody tells the card what it may not reach any
	 * more, calls included that are under way: it reaches nothing then.
	 */
	loom_card_kill(ldev, -ENODEV);
	/* No ioctl touches the card after this. */
	drm_dev_unplug(&ldev->drm);
	card_stop(ldev);
	loom_local_leave(ldev);
	loom_vm_lose_all(ldev);
	loom_bo_zap_all(ldev);
	loom_bo_unmap_all(ldev);
}

static void loom_shutdown(struct pci_dev *pdev)
{
	loom_remove(pdev);
}

static void loom_reset_prepare(struct pci_dev *pdev)
{
	struct loom_device *ldev = pci_get_drvdata(pdev);

	loom_power_hold(ldev);
	pm_runtime_resume(&pdev->dev);
	/* Nobody else resets the card until this is over. */
	disable_work_sync(&ldev->reset_work);
	disable_delayed_work_sync(&ldev->watch);
	if (!loom_device_error(ldev))
		loom_card_hold(ldev);
}

static void loom_reset_done(struct pci_dev *pdev)
{
	struct loom_device *ldev = pci_get_drvdata(pdev);

	if (!loom_device_error(ldev)) {
		if (loom_card_reset(ldev) || loom_card_start(ldev))
			loom_wedge(ldev, "did not come back from a reset of its function");
		else
			loom_card_resume(ldev, NULL);
	}
	/* Whatever was asked for meanwhile, this was it. */
	WRITE_ONCE(ldev->reset_wanted, NULL);
	bitmap_zero(ldev->reset_rings, LOOM_RINGS_MAX);
	/* The watchdog must not look at a card that is not up, nor reset it at the same time. */
	enable_work(&ldev->reset_work);
	enable_delayed_work(&ldev->watch);
	loom_watch_kick(ldev);
	loom_power_put(ldev);
}

/*
 * An error of the bus. What the card has read or written meanwhile cannot be trusted, so that also
 * one that is not fatal is answered by a reset: what was executing fails as innocent.
 */
static pci_ers_result_t loom_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct loom_device *ldev = pci_get_drvdata(pdev);

	if (state == pci_channel_io_perm_failure) {
		/* Nobody is resetting it meanwhile, nor will. */
		disable_work_sync(&ldev->reset_work);
		disable_delayed_work_sync(&ldev->watch);
		loom_wedge(ldev, "was cut off by the bus for good");
		return PCI_ERS_RESULT_DISCONNECT;
	}
	if (loom_device_error(ldev))
		return PCI_ERS_RESULT_DISCONNECT;
	if (!ldev->recovering) {
		drm_warn(&ldev->drm, "error of the bus: the card is reset\n");
		ldev->recovering = true;
		loom_reset_prepare(pdev);
		/* Fences do not wait for ever for what others may fail to do. */
		queue_delayed_work(ldev->timeout_wq, &ldev->recover_work,
				   msecs_to_jiffies(LOOM_RECOVER_MS));
	}
	return PCI_ERS_RESULT_NEED_RESET;
}

static void loom_error_resume(struct pci_dev *pdev)
{
	struct loom_device *ldev = pci_get_drvdata(pdev);

	if (!ldev->recovering)
		return;
	cancel_delayed_work_sync(&ldev->recover_work);
	ldev->recovering = false;
	loom_reset_done(pdev);
}

static pci_ers_result_t loom_slot_reset(struct pci_dev *pdev)
{
	struct loom_device *ldev = pci_get_drvdata(pdev);

	/* The bus may have reset it, or nobody. */
	pci_restore_state(pdev);
	/* One that was given up is cut off; its state was saved when it was not. */
	if (loom_device_error(ldev))
		pci_clear_master(pdev);
	pci_save_state(pdev);
	if (!loom_device_error(ldev) && !loom_card_reset(ldev)) {
		pci_set_master(pdev);
		return PCI_ERS_RESULT_RECOVERED;
	}
	loom_wedge(ldev, "did not come back after an error of the bus");
	loom_error_resume(pdev);
	return PCI_ERS_RESULT_DISCONNECT;
}

static const struct pci_error_handlers loom_error_handlers = {
	.error_detected = loom_error_detected,
	.slot_reset = loom_slot_reset,
	.resume = loom_error_resume,
	.reset_prepare = loom_reset_prepare,
	.reset_done = loom_reset_done,
};

static const struct pci_device_id loom_ids[] = {
	{ PCI_DEVICE(LOOM_PCI_VENDOR, LOOM_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, loom_ids);

static ssize_t serial_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct loom_device *ldev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%.*s\n", (int)sizeof(ldev->caps.serial), ldev->caps.serial);
}
static DEVICE_ATTR_RO(serial);

static struct attribute *loom_attrs[] = {
	&dev_attr_serial.attr,
	NULL
};

static const struct attribute_group loom_group = {
	.attrs = loom_attrs,
};

static const struct attribute_group *loom_groups[] = {
	&loom_group,
	&loom_irq_group,
	&loom_ras_group,
	NULL
};

struct pci_driver loom_pci_driver = {
	.name = "loom",
	.id_table = loom_ids,
	.probe = loom_probe,
	.remove = loom_remove,
	.shutdown = loom_shutdown,
	.err_handler = &loom_error_handlers,
	.driver.pm = pm_ptr(&loom_pm_ops),
	.dev_groups = loom_groups,
};
