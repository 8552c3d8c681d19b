/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host operations of the core but for memory, and doorbells.
 */
#include "qemu/osdep.h"
#include <pthread.h>
#include <signal.h>
#include "qapi/error.h"
#include "qemu/atomic.h"
#include "qemu/cutils.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "hw/pci/msix.h"
#include "loom.h"
#include "trace.h"

/* ---- interrupts --------------------------------------------------------- */

/* From any thread: only the main loop may raise an interrupt. */
static void host_irq(void *host, unsigned int vector)
{
	LoomState *s = host;

	qatomic_or(&s->irqs[vector / 64], 1ull << vector % 64);
	qemu_bh_schedule(s->irq_bh);
}

/* loom_irq_deliver() - raise what is pending; the BQL is held */
void loom_irq_deliver(LoomState *s)
{
	PCIDevice *pdev = PCI_DEVICE(s);

	for (unsigned int i = 0; i < ARRAY_SIZE(s->irqs); i++) {
		uint64_t pending = qatomic_xchg(&s->irqs[i], 0);

		for (; pending; pending &= pending - 1) {
			unsigned int vector = 64 * i + ctz64(pending);

			trace_loom_irq_notify(s->label, vector, msix_enabled(pdev));
			if (msix_enabled(pdev))
				msix_notify(pdev, vector);
		}
	}
}

/* loom_irq_forget() - no interrupt from before a reset comes after it */
void loom_irq_forget(LoomState *s)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(s->irqs); i++)
		qatomic_set(&s->irqs[i], 0);
}

static void irq_bh(void *opaque)
{
	loom_irq_deliver(opaque);
}

/* The core's threads raise interrupts from the moment they exist. */
void loom_irq_init(LoomState *s)
{
	loom_irq_forget(s);
	s->irq_bh = qemu_bh_new_guarded(irq_bh, s, &DEVICE(s)->mem_reentrancy_guard);
}

void loom_irq_exit(LoomState *s)
{
	qemu_bh_delete(s->irq_bh);
}

/* ---- clock --------------------------------------------------------------- */

/* Stands still while the VM does, as the guest's own clocks. */
static uint64_t host_now_ns(void *host)
{
	return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* ---- threads --------------------------------------------------------------- */

typedef struct LoomThread {
	pthread_t id;
	void *(*fn)(void *arg);
	void *arg;
	char name[16];
} LoomThread;

static void *thread_run(void *opaque)
{
	LoomThread *thread = opaque;

	pthread_setname_np(pthread_self(), thread->name);
	rcu_register_thread();
	thread->fn(thread->arg);
	rcu_unregister_thread();
	return NULL;
}

/*
 * Not qemu_thread_create(): it ends QEMU where a host has no thread to give,
 * and a card may be plugged into a machine that has run for months. What it
 * does about signals is done here: they belong to the main loop and the vCPUs.
 */
static void *host_thread_start(void *host, const char *name, void *(*fn)(void *arg), void *arg)
{
	LoomThread *thread = g_try_new0(LoomThread, 1);
	sigset_t all, old;
	int ret;

	if (!thread) {
		errno = ENOMEM;
		return NULL;
	}
	thread->fn = fn;
	thread->arg = arg;
	pstrcpy(thread->name, sizeof(thread->name), name);
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread->id, NULL, thread_run, thread);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret) {
		g_free(thread);
		errno = ret;
		return NULL;
	}
	return thread;
}

static void host_thread_join(void *host, void *opaque)
{
	LoomThread *thread = opaque;

	pthread_join(thread->id, NULL);
	g_free(thread);
}

/* ---- events --------------------------------------------------------------- */

static void host_event(void *host, enum loom_event event, const uint64_t *a, unsigned int n)
{
	LoomState *s = host;

	switch (event) {
	case LOOM_EVENT_DOORBELL:
		trace_loom_doorbell(s->label, a[0]);
		break;
	case LOOM_EVENT_DESC_START:
		trace_loom_desc_start(s->label, a[0], a[1], a[2], a[3]);
		break;
	case LOOM_EVENT_DESC_DONE:
		trace_loom_desc_done(s->label, a[0], a[1], a[2], a[3]);
		break;
	case LOOM_EVENT_PACKET:
		trace_loom_packet(s->label, a[0], a[1], a[2], a[3]);
		break;
	case LOOM_EVENT_FAULT:
		trace_loom_fault(s->label, a[0], a[1], a[2], a[3]);
		break;
	case LOOM_EVENT_IRQ:
		trace_loom_irq(s->label, a[0]);
		break;
	case LOOM_EVENT_RING_RESET:
		trace_loom_ring_reset(s->label, a[0], a[1]);
		break;
	case LOOM_EVENT_DEVICE_RESET:
		trace_loom_device_reset(s->label, a[0]);
		break;
	case LOOM_EVENT_RING_ERROR:
		trace_loom_ring_error(s->label, a[0], a[1]);
		qemu_log_mask(LOG_GUEST_ERROR, "loom %s: ring %" PRIu64 " stopped with error %" PRIu64
			      " (enum loom_ring_error)\n", s->label, a[0], a[1]);
		break;
	case LOOM_EVENT_GUEST_ERROR:
		trace_loom_guest_error(s->label, a[0], a[1]);
		qemu_log_mask(LOG_GUEST_ERROR, "loom %s: write of 0x%" PRIx64
			      " to register 0x%06" PRIx64 " ignored\n", s->label, a[1], a[0]);
		break;
	}
}

const struct loom_host_ops loom_host_ops = {
	.map = loom_dma_map,
	.unmap = loom_dma_unmap,
	.local_written = loom_dma_local_written,
	.irq = host_irq,
	.now_ns = host_now_ns,
	.thread_start = host_thread_start,
	.thread_join = host_thread_join,
	.event = host_event,
};

/* ---- doorbells by ioeventfd ------------------------------------------------- */

static void doorbell_rung(EventNotifier *notifier)
{
	LoomDoorbell *doorbell = container_of(notifier, LoomDoorbell, notifier);

	if (event_notifier_test_and_clear(notifier))
		loom_core_doorbell(doorbell->card->core, doorbell->ring);
}

static void doorbells_remove(LoomState *s, unsigned int n)
{
	memory_region_transaction_begin();
	for (unsigned int i = 0; i < n; i++)
		memory_region_del_eventfd(&s->regs, LOOM_DOORBELL(i), 4, false, 0,
					  &s->doorbells[i].notifier);
	memory_region_transaction_commit();
	for (unsigned int i = 0; i < n; i++) {
		event_notifier_set_handler(&s->doorbells[i].notifier, NULL);
		event_notifier_cleanup(&s->doorbells[i].notifier);
	}
	g_free(s->doorbells);
	s->doorbells = NULL;
}

/*
 * loom_doorbells_init() - one event notifier per ring
 *
 * The core must exist: a doorbell may ring at once. Other sizes than 4 arrive
 * as plain writes.
 */
bool loom_doorbells_init(LoomState *s, Error **errp)
{
	unsigned int i;
	int ret = 0;

	s->doorbells = g_new0(LoomDoorbell, s->rings);
	memory_region_transaction_begin();
	for (i = 0; i < s->rings; i++) {
		LoomDoorbell *doorbell = &s->doorbells[i];

		doorbell->card = s;
		doorbell->ring = i;
		ret = event_notifier_init(&doorbell->notifier, 0);
		if (ret < 0)
			break;
		event_notifier_set_handler(&doorbell->notifier, doorbell_rung);
		memory_region_add_eventfd(&s->regs, LOOM_DOORBELL(i), 4, false, 0,
					  &doorbell->notifier);
	}
	memory_region_transaction_commit();
	if (ret < 0) {
		doorbells_remove(s, i);
		error_setg_errno(errp, -ret, "cannot create an event notifier for each of %u "
				 "doorbells: raise the limit of open files or use ioeventfd=off",
				 s->rings);
		return false;
	}
	return true;
}

void loom_doorbells_exit(LoomState *s)
{
	if (s->doorbells)
		doorbells_remove(s, s->rings);
}
