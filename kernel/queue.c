// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * User queues. A queue is a context of the card and an entity of the scheduler.
 *
 * A queue leaves the state OK once: its context is stopped, jobs that have not started are
 * cancelled as they come by, and its owner learns why. It never comes back.
 */
#include <linux/capability.h>
#include <linux/iosys-map.h>
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>

#include <drm/drm_drv.h>

#include "loom.h"
#include "memory.h"
#include "queue.h"
#include "ring.h"

/**
 * loom_queue_get() - take a reference
 * @queue: the queue
 */
void loom_queue_get(struct loom_queue *queue)
{
	kref_get(&queue->ref);
}

static void queue_release(struct kref *ref)
{
	struct loom_queue *queue = container_of(ref, struct loom_queue, ref);

	/* The last reference may go where nothing may sleep. */
	queue_work(loom_wq, &queue->free_work);
}

/**
 * loom_queue_put() - drop a reference; from any context
 * @queue: the queue
 */
void loom_queue_put(struct loom_queue *queue)
{
	kref_put(&queue->ref, queue_release);
}

/**
 * loom_queue_start_context() - write the context of a new queue
 * @queue: the queue
 */
void loom_queue_start_context(struct loom_queue *queue)
{
	struct loom_device *ldev = queue->ldev;
	struct loom_ctx_entry *entry = &ldev->ctx[queue->context];

	*entry = (struct loom_ctx_entry){
		.root = cpu_to_le64(queue->vm->mmu.root->bus),
		.tag = cpu_to_le32(queue->vm->mmu.tag),
		.client = cpu_to_le32(queue->client->id),
		.weight = cpu_to_le16(LOOM_CONTEXT_WEIGHT),
		.priority = queue->priority,
	};
	/* The card copies an entry at any time: it must never see half of one as valid. */
	dma_wmb();
	WRITE_ONCE(entry->flags, cpu_to_le32(LOOM_CTX_VALID));
	/* After a reset, which sleep begins and ends with, none is stopped. */
	if (loom_power_try(ldev)) {
		loom_write32(ldev, LOOM_REG_CTX_START, queue->context);
		loom_power_put(ldev);
	}
}

/**
 * loom_queue_stop_context() - no descriptor of the queue starts any more, the running one ends
 * @queue: the queue
 *
 * Within a ring's lock while the ring is not dead, or within drm_dev_enter().
 */
void loom_queue_stop_context(struct loom_queue *queue)
{
	/* The entry goes as well: a device reset forgets what was stopped. */
	WRITE_ONCE(queue->ldev->ctx[queue->context].flags, 0);
	if (loom_power_try(queue->ldev)) {
		loom_write32(queue->ldev, LOOM_REG_CTX_STOP, queue->context);
		loom_power_put(queue->ldev);
	}
}

static void queue_free(struct loom_queue *queue)
{
	struct loom_device *ldev = queue->ldev;
	int idx;

	loom_place_fini(queue);
	if (queue->entity_ready)
		drm_sched_entity_fini(&queue->entity);
	dma_fence_put(queue->handed);
	if (queue->context) {
		if (drm_dev_enter(&ldev->drm, &idx)) {
			WRITE_ONCE(ldev->ctx[queue->context].flags, 0);
			drm_dev_exit(idx);
		}
		ida_free(&ldev->ctx_ida, queue->context);
	}
	if (queue->results)
		loom_gem_vunmap(queue->results_obj, &queue->results_map);
	if (queue->results_obj)
		drm_gem_object_put(queue->results_obj);
	if (queue->vm)
		loom_vm_put(queue->vm);
	if (queue->counted) {
		atomic_dec(&queue->client->queue_count);
		loom_user_uncharge(queue->client->user, LOOM_USER_QUEUES, 1);
	}
	loom_client_put(queue->client);
	/* A fence that its last job waited for may be waking the entity still. */
	kfree_rcu(queue, rcu);
}

static void queue_free_work(struct work_struct *work)
{
	queue_free(container_of(work, struct loom_queue, free_work));
}

/**
 * loom_queue_init() - initialise what every queue needs
 * @queue: zeroed memory
 * @client: its owner
 */
void loom_queue_init(struct loom_queue *queue, struct loom_client *client)
{
	kref_init(&queue->ref);
	spin_lock_init(&queue->lock);
	INIT_WORK(&queue->event_work, loom_event_work);
	INIT_WORK(&queue->free_work, queue_free_work);
	queue->ldev = client->ldev;
	queue->client = client;
}

static struct loom_queue *queue_alloc(struct loom_client *client)
{
	struct loom_queue *queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);

	if (!queue)
		return NULL;
	loom_queue_init(queue, client);
	loom_client_ref(client);
	return queue;
}

/**
 * loom_queue_lookup() - a queue by its id
 * @client: the owner
 * @id: the id
 *
 * Return: the queue with a reference, or NULL.
 */
struct loom_queue *loom_queue_lookup(struct loom_client *client, u32 id)
{
	struct loom_queue *queue;

	xa_lock(&client->queues);
	queue = xa_load(&client->queues, id);
	if (queue)
		loom_queue_get(queue);
	xa_unlock(&client->queues);
	return queue;
}

/**
 * loom_queue_kill() - stop a queue that its owner does not want any more
 * @queue: the queue; the caller's reference is dropped
 */
void loom_queue_kill(struct loom_queue *queue)
{
	int idx;

	loom_place_leave(queue);
	spin_lock_irq(&queue->lock);
	WRITE_ONCE(queue->killed, true);
	if (!queue->stopped)
		WRITE_ONCE(queue->stopped, -ECANCELED);
	spin_unlock_irq(&queue->lock);
	if (drm_dev_enter(&queue->ldev->drm, &idx)) {
		loom_queue_stop_context(queue);
		drm_dev_exit(idx);
	}
	loom_queue_put(queue);
}

/**
 * loom_queue_error() - what SUBMIT says to a queue in its present state
 * @queue: the queue
 *
 * Return: 0 or the negative errno of &enum drm_loom_queue_status.
 */
int loom_queue_error(struct loom_queue *queue)
{
	switch (READ_ONCE(queue->status)) {
	case DRM_LOOM_QUEUE_OK:
		return READ_ONCE(queue->stopped);
	case DRM_LOOM_QUEUE_FAULTED:
		return -EIO;
	case DRM_LOOM_QUEUE_BANNED:
		return -ETIME;
	case DRM_LOOM_QUEUE_INNOCENT:
		return -ECANCELED;
	default:
		return -ENODEV;
	}
}

/**
 * loom_queue_end() - a queue leaves the state OK
 * @queue: the queue
 * @status: what it becomes
 * @job: number of the job that is the reason
 * @cookie: its cookie
 * @fault: its result, with details of a fault
 *
 * Return: false if it had left it before: then nothing changes.
 */
bool loom_queue_end(struct loom_queue *queue, u32 status, u64 job, u64 cookie,
		    const struct drm_loom_result *fault)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->status != DRM_LOOM_QUEUE_OK) {
		spin_unlock_irqrestore(&queue->lock, flags);
		return false;
	}
	queue->first.va = fault->fault_va;
	queue->first.code = fault->fault_code;
	queue->first.packet = fault->fault_packet;
	queue->first.opcode = fault->fault_opcode;
	queue->first.operand = fault->fault_operand;
	queue->first.access = fault->fault_access;
	queue->first.cookie = cookie;
	queue->first.job = job;
	WRITE_ONCE(queue->stopped, -ECANCELED);
	WRITE_ONCE(queue->status, status);
	spin_unlock_irqrestore(&queue->lock, flags);

	loom_event_post(queue, status == DRM_LOOM_QUEUE_FAULTED ? DRM_LOOM_EVENT_FAULT :
			status == DRM_LOOM_QUEUE_BANNED ? DRM_LOOM_EVENT_BANNED :
			DRM_LOOM_EVENT_RESET, loom_queue_error(queue), job, cookie, fault);
	return true;
}

static int queue_results_init(struct loom_queue *queue, struct drm_file *file,
			      const struct drm_loom_queue_create *args)
{
	struct drm_gem_object *obj;
	u64 end;
	int err;

	if (!args->results_handle)
		return args->results_offset || args->results_count ? -EINVAL : 0;
	obj = drm_gem_object_lookup(file, args->results_handle);
	if (!obj)
		return -ENOENT;
	queue->results_obj = obj;
	if (!is_power_of_2(args->results_count) ||
	    !IS_ALIGNED(args->results_offset, 64) ||
	    check_add_overflow(args->results_offset,
			       (u64)args->results_count * sizeof(*queue->results), &end) ||
	    end > obj->size)
		return -EINVAL;
	err = loom_gem_vmap(obj, &queue->results_map);
	if (err)
		return err;
	queue->results = queue->results_map.vaddr + args->results_offset;
	queue->results_mask = args->results_count - 1;
	return 0;
}

static int queue_count_init(struct loom_queue *queue)
{
	int err = loom_user_charge(queue->client->user, LOOM_USER_QUEUES, 1);

	if (err)
		return err;
	queue->counted = true;
	atomic_inc(&queue->client->queue_count);
	return 0;
}

static int queue_context_init(struct loom_queue *queue)
{
	struct loom_device *ldev = queue->ldev;
	int context, idx;

	context = ida_alloc_range(&ldev->ctx_ida, 1, ldev->caps.contexts - 1, GFP_KERNEL);
	if (context == -ENOSPC) {
		/* Perhaps some are only about to be given back. */
		flush_workqueue(loom_wq);
		context = ida_alloc_range(&ldev->ctx_ida, 1, ldev->caps.contexts - 1, GFP_KERNEL);
	}
	if (context < 0)
		return context;
	queue->context = context;
	if (!drm_dev_enter(&ldev->drm, &idx))
		return -ENODEV;
	loom_queue_start_context(queue);
	drm_dev_exit(idx);
	return 0;
}

static int queue_entity_init(struct loom_queue *queue)
{
	static const enum drm_sched_priority map[] = {
		[DRM_LOOM_PRIORITY_LOW] = DRM_SCHED_PRIORITY_LOW,
		[DRM_LOOM_PRIORITY_NORMAL] = DRM_SCHED_PRIORITY_NORMAL,
		[DRM_LOOM_PRIORITY_HIGH] = DRM_SCHED_PRIORITY_HIGH,
	};
	int err;

	queue->place = loom_place_find(queue);
	loom_place_settle(queue);
	queue->fence_context = dma_fence_context_alloc(1);
	err = drm_sched_entity_init(&queue->entity, map[queue->priority],
				    &queue->ring->sched_list, 1, NULL);
	queue->entity_ready = !err;
	return err;
}

/**
 * loom_ioctl_queue_create() - DRM_IOCTL_LOOM_QUEUE_CREATE
 * @drm: the device
 * @data: &struct drm_loom_queue_create
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_client *client = file->driver_priv;
	struct drm_loom_queue_create *args = data;
	struct loom_queue *queue;
	int err;

	if (args->flags & ~DRM_LOOM_QUEUE_DUMP_CONTENTS ||
	    memchr_inv(args->reserved, 0, sizeof(args->reserved)) ||
	    args->priority > DRM_LOOM_PRIORITY_HIGH ||
	    args->timeout_ms > LOOM_TIMEOUT_MS_MAX || args->limit_ms > LOOM_TIMEOUT_MS_MAX)
		return -EINVAL;
	if (args->priority == DRM_LOOM_PRIORITY_HIGH && !capable(CAP_SYS_NICE))
		return -EACCES;
	err = loom_device_error(client->ldev);
	if (err)
		return err;

	queue = queue_alloc(client);
	if (!queue)
		return -ENOMEM;
	queue->priority = array_index_nospec(args->priority, DRM_LOOM_PRIORITY_HIGH + 1);
	queue->dump_contents = args->flags & DRM_LOOM_QUEUE_DUMP_CONTENTS;
	queue->timeout_ms = args->timeout_ms ?: LOOM_TIMEOUT_MS;
	queue->limit_ms = args->limit_ms ?: LOOM_LIMIT_MS;
	queue->vm = loom_vm_lookup(client, args->vm_id);
	if (!queue->vm) {
		err = -ENOENT;
		goto err_put;
	}
	err = queue_results_init(queue, file, args);
	if (err)
		goto err_put;
	err = queue_count_init(queue);
	if (err)
		goto err_put;
	err = queue_context_init(queue);
	if (err)
		goto err_put;
	err = queue_entity_init(queue);
	if (err)
		goto err_put;

	/* Once it has an id, another thread may guess that and destroy it. */
	loom_queue_get(queue);
	err = xa_alloc(&client->queues, &queue->id, queue, XA_LIMIT(1, LOOM_QUEUES_MAX),
		       GFP_KERNEL_ACCOUNT);
	if (err) {
		err = err == -EBUSY ? -ENOSPC : err;
		loom_queue_put(queue);
	} else {
		args->id = queue->id;
	}
err_put:
	loom_queue_put(queue);
	return err;
}

/**
 * loom_ioctl_queue_destroy() - DRM_IOCTL_LOOM_QUEUE_DESTROY
 * @drm: the device
 * @data: &struct drm_loom_queue_destroy
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_client *client = file->driver_priv;
	struct drm_loom_queue_destroy *args = data;
	struct loom_queue *queue;

	if (args->pad)
		return -EINVAL;
	queue = xa_erase(&client->queues, args->id);
	if (!queue)
		return -ENOENT;
	loom_queue_kill(queue);
	return 0;
}

/**
 * loom_ioctl_queue_state() - DRM_IOCTL_LOOM_QUEUE_STATE
 * @drm: the device
 * @data: &struct drm_loom_queue_state
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_queue_state(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_client *client = file->driver_priv;
	struct drm_loom_queue_state *args = data;
	struct loom_queue *queue;

	if (args->pad)
		return -EINVAL;
	queue = loom_queue_lookup(client, args->id);
	if (!queue)
		return -ENOENT;

	spin_lock_irq(&queue->lock);
	args->status = queue->status;
	/* A queue that had ended by itself keeps its reason. */
	if (queue->status == DRM_LOOM_QUEUE_OK && loom_device_error(queue->ldev))
		args->status = DRM_LOOM_QUEUE_LOST;
	args->fault_code = queue->first.code;
	args->fault_va = queue->first.va;
	args->fault_cookie = queue->first.cookie;
	args->fault_job = queue->first.job;
	args->fault_packet = queue->first.packet;
	args->fault_opcode = queue->first.opcode;
	args->fault_operand = queue->first.operand;
	args->fault_access = queue->first.access;
	args->completed = queue->completed;
	args->resets = queue->resets;
	spin_unlock_irq(&queue->lock);
	args->submitted = READ_ONCE(queue->submitted);
	args->generation = atomic_read(&queue->ldev->generation);
	loom_queue_put(queue);
	return 0;
}

/* Interrupts deliver what this misses: it may end at any time. */
static void queue_poll(struct loom_queue *queue, u64 number, u64 ns)
{
	u64 end = local_clock() + ns;
	int i;

	for (;;) {
		for (i = 0; i < 32; i++) {
			loom_ring_poll(READ_ONCE(queue->ring));
			/* Jobs that were cancelled unstarted may make the count run ahead. */
			if (READ_ONCE(queue->completed) >= number)
				return;
			cpu_relax();
		}
		/* Clocks of CPUs may differ a little, and the scheduler may need this one. */
		if ((s64)(local_clock() - end) >= 0 || signal_pending(current))
			return;
		cond_resched();
	}
}

/**
 * loom_ioctl_queue_poll() - DRM_IOCTL_LOOM_QUEUE_POLL
 * @drm: the device
 * @data: &struct drm_loom_queue_poll
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_queue_poll(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_client *client = file->driver_priv;
	struct drm_loom_queue_poll *args = data;
	struct loom_queue *queue;
	int idx;

	if (args->pad)
		return -EINVAL;
	queue = loom_queue_lookup(client, args->id);
	if (!queue)
		return -ENOENT;
	/* Without the card nothing completes any more: all has its outcome. */
	if (drm_dev_enter(drm, &idx)) {
		queue_poll(queue, args->number, min_t(u64, args->poll_ns, DRM_LOOM_POLL_NS_MAX));
		drm_dev_exit(idx);
	}
	args->completed = READ_ONCE(queue->completed);
	loom_queue_put(queue);
	return 0;
}
