// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The DRM driver: files, ioctls, module.
 */
#include <linux/compat.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/uaccess.h>

#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>

#include "loom.h"
#include "memory.h"
#include "queue.h"
#include "ring.h"

/* Ends of queues and delivery of events: what must not happen where it comes up. */
struct workqueue_struct *loom_wq;

static void client_free(struct loom_client *client)
{
	struct loom_device *ldev = client->ldev;

	ida_free(&ldev->client_ida, client->id);
	loom_user_put(client->user);
	xa_destroy(&client->vms);
	xa_destroy(&client->queues);
	kfree(client);
	drm_dev_put(&ldev->drm);
	/* Within a file's release, or in a work that the end of the module waits for. */
	module_put(THIS_MODULE);
}

static void client_free_work(struct work_struct *work)
{
	client_free(container_of(work, struct loom_client, free_work));
}

static void client_release(struct kref *ref)
{
	client_free(container_of(ref, struct loom_client, ref));
}

static void client_release_atomic(struct kref *ref)
{
	struct loom_client *client = container_of(ref, struct loom_client, ref);

	queue_work(loom_wq, &client->free_work);
}

/**
 * loom_client_ref() - take a reference
 * @client: the client
 */
void loom_client_ref(struct loom_client *client)
{
	kref_get(&client->ref);
}

/**
 * loom_client_put() - drop a reference; where a file is closed or on loom_wq
 * @client: the client
 */
void loom_client_put(struct loom_client *client)
{
	kref_put(&client->ref, client_release);
}

/**
 * loom_client_put_atomic() - drop a reference; from any context
 * @client: the client
 */
void loom_client_put_atomic(struct loom_client *client)
{
	kref_put(&client->ref, client_release_atomic);
}

/**
 * loom_client_init() - initialise a client without a file
 * @client: zeroed memory
 * @ldev: the card
 * @id: its arbitration group
 */
void loom_client_init(struct loom_client *client, struct loom_device *ldev, u32 id)
{
	kref_init(&client->ref);
	mutex_init(&client->lock);
	xa_init_flags(&client->vms, XA_FLAGS_ALLOC1);
	xa_init_flags(&client->queues, XA_FLAGS_ALLOC1);
	client->ldev = ldev;
	client->id = id;
}

static int loom_open(struct drm_device *drm, struct drm_file *file)
{
	struct loom_device *ldev = to_loom(drm);
	struct loom_client *client;
	int id;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return -ENOMEM;
	client->user = loom_user_find(ldev);
	if (!client->user) {
		kfree(client);
		return -ENOMEM;
	}
	id = ida_alloc_min(&ldev->client_ida, 1, GFP_KERNEL);
	if (id < 0) {
		loom_user_put(client->user);
		kfree(client);
		return id;
	}
	/* The file that is being opened holds the module. */
	__module_get(THIS_MODULE);
	drm_dev_get(drm);
	loom_client_init(client, ldev, id);
	INIT_WORK(&client->free_work, client_free_work);
	client->drm_id = file->client_id;
	client->pid = task_tgid_nr(current);
	get_task_comm(client->comm, current);
	client->file = file;
	file->driver_priv = client;
	return 0;
}

static void client_close(struct loom_client *client)
{
	struct loom_queue *queue;
	struct loom_vm *vm;
	unsigned long id;

	mutex_lock(&client->lock);
	client->file = NULL;
	mutex_unlock(&client->lock);
	xa_for_each(&client->queues, id, queue) {
		xa_erase(&client->queues, id);
		loom_queue_kill(queue);
	}
	xa_for_each(&client->vms, id, vm) {
		xa_erase(&client->vms, id);
		loom_vm_put(vm);
	}
}

static void loom_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct loom_client *client = file->driver_priv;

	client_close(client);
	loom_client_put(client);
}

/*
 * The core frees pending events before it calls postclose(): nothing may be delivered in between,
 * and jobs of a process that is gone need not wait for the rest of its files. What has no job on
 * the card any more is gone when this returns, so that the module can be unloaded.
 */
static int loom_release(struct inode *inode, struct file *filp)
{
	struct drm_file *file = filp->private_data;
	struct loom_client *client = file->driver_priv;
	struct loom_ring *ring;

	client_close(client);
	/* Whoever has signalled the last fence may be about to let go of its job. */
	list_for_each_entry(ring, &client->ldev->active_rings, link) {
		spin_lock_irq(&ring->lock);
		spin_unlock_irq(&ring->lock);
	}
	flush_workqueue(client->ldev->submit_wq);
	flush_workqueue(loom_wq);
	return drm_release(inode, filp);
}

static const struct drm_ioctl_desc loom_ioctls[] = {
	DRM_IOCTL_DEF_DRV(LOOM_DEV_QUERY, loom_ioctl_dev_query, 0),
	DRM_IOCTL_DEF_DRV(LOOM_BO_CREATE, loom_ioctl_bo_create, 0),
	DRM_IOCTL_DEF_DRV(LOOM_BO_MMAP_OFFSET, loom_ioctl_bo_mmap_offset, 0),
	DRM_IOCTL_DEF_DRV(LOOM_BO_INFO, loom_ioctl_bo_info, 0),
	DRM_IOCTL_DEF_DRV(LOOM_BO_LABEL, loom_ioctl_bo_label, 0),
	DRM_IOCTL_DEF_DRV(LOOM_VM_CREATE, loom_ioctl_vm_create, 0),
	DRM_IOCTL_DEF_DRV(LOOM_VM_DESTROY, loom_ioctl_vm_destroy, 0),
	DRM_IOCTL_DEF_DRV(LOOM_VM_BIND, loom_ioctl_vm_bind, 0),
	DRM_IOCTL_DEF_DRV(LOOM_VM_STATE, loom_ioctl_vm_state, 0),
	DRM_IOCTL_DEF_DRV(LOOM_QUEUE_CREATE, loom_ioctl_queue_create, 0),
	DRM_IOCTL_DEF_DRV(LOOM_QUEUE_DESTROY, loom_ioctl_queue_destroy, 0),
	DRM_IOCTL_DEF_DRV(LOOM_QUEUE_STATE, loom_ioctl_queue_state, 0),
	DRM_IOCTL_DEF_DRV(LOOM_SUBMIT, loom_ioctl_submit, 0),
	DRM_IOCTL_DEF_DRV(LOOM_QUEUE_POLL, loom_ioctl_queue_poll, 0),
};

/*
 * The core takes an argument of any size: it fills up a short one and drops the end of a long one.
 * What the driver does not know must not be dropped in silence.
 */
static int ioctl_check_size(unsigned int cmd, unsigned long arg)
{
	unsigned int nr = DRM_IOCTL_NR(cmd) - DRM_COMMAND_BASE, size, known;
	int zero;

	if (nr >= ARRAY_SIZE(loom_ioctls))
		return 0;
	nr = array_index_nospec(nr, ARRAY_SIZE(loom_ioctls));
	size = _IOC_SIZE(cmd);
	known = _IOC_SIZE(loom_ioctls[nr].cmd);
	if (size < known || (cmd & IOC_INOUT) != IOC_INOUT)
		return -EINVAL;
	if (size == known)
		return 0;
	zero = check_zeroed_user((void __user *)(arg + known), size - known);
	return zero < 0 ? zero : zero ? 0 : -E2BIG;
}

static long loom_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	int err = DRM_IOCTL_TYPE(cmd) == DRM_IOCTL_BASE ? ioctl_check_size(cmd, arg) : 0;

	return err ?: drm_ioctl(filp, cmd, arg);
}

#ifdef CONFIG_COMPAT
static long loom_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	unsigned int nr = DRM_IOCTL_NR(cmd);

	if (nr >= DRM_COMMAND_BASE && nr < DRM_COMMAND_END)
		return loom_ioctl(filp, cmd, (unsigned long)compat_ptr(arg));
	return drm_compat_ioctl(filp, cmd, arg);
}
#else
#define loom_compat_ioctl	NULL
#endif

static const struct file_operations loom_fops = {
	.owner = THIS_MODULE,
	.open = accel_open,
	.release = loom_release,
	.unlocked_ioctl = loom_ioctl,
	.compat_ioctl = loom_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = drm_gem_mmap,
	.show_fdinfo = drm_show_fdinfo,
	.fop_flags = FOP_UNSIGNED_OFFSET,
};

const struct drm_driver loom_driver = {
	.driver_features = DRIVER_COMPUTE_ACCEL | DRIVER_GEM | LOOM_DRIVER_GPUVA |
			   DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE,
	.open = loom_open,
	.postclose = loom_postclose,
	.gem_create_object = loom_bo_alloc,
	.gem_prime_import = loom_prime_import,
	.gem_prime_import_sg_table = loom_prime_import_table,
	.show_fdinfo = loom_show_fdinfo,
	.fops = &loom_fops,
	.ioctls = loom_ioctls,
	.num_ioctls = ARRAY_SIZE(loom_ioctls),
	.name = "loom",
	.desc = "Loom matrix and inference accelerator",
	.major = LOOM_DRIVER_MAJOR,
	.minor = LOOM_DRIVER_MINOR,
	LOOM_DRIVER_DATE
};

static int __init loom_module_init(void)
{
	int err;

	loom_wq = alloc_workqueue("loom", WQ_PERCPU, 0);
	if (!loom_wq)
		return -ENOMEM;
	err = pci_register_driver(&loom_pci_driver);
	if (err)
		destroy_workqueue(loom_wq);
	return err;
}

static void __exit loom_module_exit(void)
{
	pci_unregister_driver(&loom_pci_driver);
	loom_pmu_exit();
	destroy_workqueue(loom_wq);
	/* Who put the last fence may have been preempted on its way out of fence_release(). */
	synchronize_rcu_tasks();
}

module_init(loom_module_init);
module_exit(loom_module_exit);

MODULE_DESCRIPTION("Loom matrix and inference accelerator");
MODULE_AUTHOR("The Loom project");
MODULE_LICENSE("Dual MIT/GPL");
