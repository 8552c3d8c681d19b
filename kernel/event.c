// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Events to the owner of a queue.
 *
 * They arise where nothing may be allocated, so they wait in the queue, one of each type, until a
 * worker delivers them.
 */
#include <linux/ktime.h>

#include "loom.h"
#include "memory.h"
#include "queue.h"

/**
 * struct loom_pending_event - a drm_event on its way to a file
 * @base: the core's
 * @event: what read() returns
 */
struct loom_pending_event {
	struct drm_pending_event base;
	struct drm_loom_event event;
};

/**
 * loom_event_post() - have an event delivered
 * @queue: the queue it is about
 * @type: DRM_LOOM_EVENT_*
 * @error: outcome of the job
 * @job: number of the job
 * @cookie: of the job
 * @fault: details, or NULL
 *
 * Of several events of one type that come at once, the first is delivered.
 */
void loom_event_post(struct loom_queue *queue, u32 type, int error, u64 job, u64 cookie,
		     const struct drm_loom_result *fault)
{
	struct drm_loom_event *event = &queue->events[type - DRM_LOOM_EVENT_FAULT];
	unsigned long flags;
	bool post;

	spin_lock_irqsave(&queue->lock, flags);
	post = !event->base.type && !queue->killed;
	if (post)
		*event = (struct drm_loom_event){
			.base.type = type,
			.base.length = sizeof(*event),
			.queue_id = queue->id,
			.error = error,
			.cookie = cookie,
			.job = job,
			.fault_va = fault ? fault->fault_va : 0,
			.fault_code = fault ? fault->fault_code : 0,
			.fault_packet = fault ? fault->fault_packet : 0,
			.time = ktime_get_ns(),
			.fault_access = fault ? fault->fault_access : 0,
			.fault_operand = fault ? fault->fault_operand : 0xff,
		};
	spin_unlock_irqrestore(&queue->lock, flags);
	if (!post)
		return;
	loom_queue_get(queue);
	if (!queue_work(loom_wq, &queue->event_work))
		loom_queue_put(queue);
}

/* Which buffer it was about: whoever unmapped that meanwhile knows it best. */
static void event_label(struct loom_queue *queue, struct drm_loom_event *event)
{
	struct loom_vm_entry entry;
	u64 va = event->fault_va;

	if (loom_vm_find(queue->vm, va, &entry) && va >= entry.va && va - entry.va < entry.size)
		memcpy(event->label, entry.label, sizeof(event->label));
}

static void event_deliver(struct loom_queue *queue, const struct drm_loom_event *event)
{
	struct loom_client *client = queue->client;
	struct drm_device *drm = &client->ldev->drm;
	struct loom_pending_event *pending;

	pending = kzalloc(sizeof(*pending), GFP_KERNEL);
	if (!pending)
		return;
	pending->event = *event;
	mutex_lock(&client->lock);
	if (client->file && !drm_event_reserve_init(drm, client->file, &pending->base,
						    &pending->event.base)) {
		drm_send_event(drm, &pending->base);
		pending = NULL;
	}
	mutex_unlock(&client->lock);
	kfree(pending);
}

/**
 * loom_event_work() - deliver the events of a queue
 * @work: its event_work; holds a reference to the queue
 */
void loom_event_work(struct work_struct *work)
{
	struct loom_queue *queue = container_of(work, struct loom_queue, event_work);
	struct drm_loom_event event;
	int i;

	for (i = 0; i < ARRAY_SIZE(queue->events); i++) {
		spin_lock_irq(&queue->lock);
		event = queue->events[i];
		queue->events[i].base.type = 0;
		spin_unlock_irq(&queue->lock);
		if (event.base.type == DRM_LOOM_EVENT_FAULT) {
			loom_fault_report(queue);
			event_label(queue, &event);
		}
		if (event.base.type)
			event_deliver(queue, &event);
	}
	loom_queue_put(queue);
}
