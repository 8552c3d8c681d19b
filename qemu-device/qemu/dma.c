/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The card as bus master.
 *
 * dma_memory_map() would do for bus addresses that are what they should be,
 * but it answers a fault or a hole with a bounce buffer and lets a card write
 * to registers, its own included. Here only memory is mapped.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "loom.h"
#include "trace.h"

/**
 * struct LoomTranslation - a core thread's request, on its stack
 * @bus, @len, @write, @map: arguments of loom_dma_map()
 * @ret: its result
 * @done: @ret and @map are valid; under dma_lock
 */
struct LoomTranslation {
	uint64_t bus, len;
	struct loom_map *map;
	int ret;
	bool write, done;
	QSIMPLEQ_ENTRY(LoomTranslation) next;
};

static int translate(LoomState *s, uint64_t bus, uint64_t len, bool write, struct loom_map *map)
{
	const MemTxAttrs attrs = { .memory = 1 };
	hwaddr offset, got = len;
	MemoryRegion *mr;

	RCU_READ_LOCK_GUARD();
	/* Empty while Bus Master Enable is clear. */
	mr = address_space_translate(pci_get_address_space(PCI_DEVICE(s)), bus, &offset, &got,
				     write, attrs);
	if (!memory_region_is_ram(mr) || memory_region_is_ram_device(mr) ||
	    (write && mr->readonly) || !got) {
		trace_loom_map_refused(s->label, bus, len, write);
		return -EFAULT;
	}
	memory_region_ref(mr);
	map->ptr = (uint8_t *)memory_region_get_ram_ptr(mr) + offset;
	map->len = got;
	map->priv = mr;
	trace_loom_map(s->label, bus, len, write, got);
	return 0;
}

/* The BQL and dma_lock are held; requests that arrive meanwhile are served too. */
static void serve(LoomState *s)
{
	LoomTranslation *t;

	while ((t = QSIMPLEQ_FIRST(&s->dma_queue))) {
		QSIMPLEQ_REMOVE_HEAD(&s->dma_queue, next);
		qemu_mutex_unlock(&s->dma_lock);
		t->ret = translate(s, t->bus, t->len, t->write, t->map);
		qemu_mutex_lock(&s->dma_lock);
		t->done = true;
		qemu_cond_broadcast(&s->dma_cond);
	}
}

/* The BQL is held. */
static void let_go(LoomState *s)
{
	GSList *left, *i;

	qemu_mutex_lock(&s->dma_lock);
	left = s->dma_left;
	s->dma_left = NULL;
	qemu_mutex_unlock(&s->dma_lock);
	for (i = left; i; i = i->next)
		memory_region_unref(i->data);
	g_slist_free(left);
}

static void serve_bh(void *opaque)
{
	LoomState *s = opaque;

	qemu_mutex_lock(&s->dma_lock);
	serve(s);
	qemu_mutex_unlock(&s->dma_lock);
	let_go(s);
}

/*
 * A virtual IOMMU translates under the BQL only: its fault path interrupts a
 * vCPU, which aborts QEMU in a thread that does not hold it.
 */
int loom_dma_map(void *host, uint64_t bus, uint64_t len, bool write, struct loom_map *map)
{
	LoomState *s = host;
	LoomTranslation t = { .bus = bus, .len = len, .write = write, .map = map };

	if (!qatomic_load_acquire(&s->viommu))
		return translate(s, bus, len, write, map);

	qemu_mutex_lock(&s->dma_lock);
	if (s->dma_refuse) {
		qemu_mutex_unlock(&s->dma_lock);
		return -EFAULT;
	}
	QSIMPLEQ_INSERT_TAIL(&s->dma_queue, &t, next);
	qemu_cond_broadcast(&s->dma_cond);
	qemu_bh_schedule(s->dma_bh);
	while (!t.done)
		qemu_cond_wait(&s->dma_cond, &s->dma_lock);
	qemu_mutex_unlock(&s->dma_lock);
	return t.ret;
}

/* Guest memory as long as QEMU runs, and the card's own as long as there are core threads. */
static bool stays(LoomState *s, MemoryRegion *mr)
{
	return !mr->owner || mr == current_machine->ram || mr == &s->local;
}

/*
 * With the last reference goes the region's owner, under the BQL only: a device that was unplugged
 * while its memory was mapped. So one reference of each such region is left to the main loop, and any
 * other that is dropped before that is not the last.
 */
static void release(LoomState *s, MemoryRegion *mr)
{
	if (stays(s, mr)) {
		memory_region_unref(mr);
		return;
	}
	qemu_mutex_lock(&s->dma_lock);
	if (g_slist_find(s->dma_left, mr)) {
		memory_region_unref(mr);
	} else {
		s->dma_left = g_slist_prepend(s->dma_left, mr);
		qemu_bh_schedule(s->dma_bh);
	}
	qemu_mutex_unlock(&s->dma_lock);
}

void loom_dma_unmap(void *host, struct loom_map *map, uint64_t written)
{
	LoomState *s = host;
	MemoryRegion *mr = map->priv;

	if (written) {
		/* This drops a reference, too; it finds the region by the pointer. */
		memory_region_ref(mr);
		dma_memory_unmap(pci_get_address_space(PCI_DEVICE(s)), map->ptr, map->len,
				 DMA_DIRECTION_FROM_DEVICE, MIN(written, map->len));
	}
	release(s, mr);
}

/* Dirty pages and translated code of local memory are as those of any other RAM. */
void loom_dma_local_written(void *host, uint64_t offset, uint64_t len)
{
	LoomState *s = host;
	uint8_t *local = memory_region_get_ram_ptr(&s->local);

	memory_region_ref(&s->local);
	dma_memory_unmap(pci_get_address_space(PCI_DEVICE(s)), local + offset, len,
			 DMA_DIRECTION_FROM_DEVICE, len);
}

typedef struct LoomCall {
	LoomState *card;
	void (*fn)(struct loom_core *core);
	bool done;			/* under dma_lock */
} LoomCall;

static void *call_run(void *opaque)
{
	LoomCall *call = opaque;
	LoomState *s = call->card;

	call->fn(s->core);
	qemu_mutex_lock(&s->dma_lock);
	call->done = true;
	qemu_cond_broadcast(&s->dma_cond);
	qemu_mutex_unlock(&s->dma_lock);
	return NULL;
}

/**
 * loom_dma_call() - call @fn, which waits for the core's threads, with the BQL held
 *
 * With a virtual IOMMU those threads may wait for the BQL holder to translate:
 * then another thread waits for them, and this one translates meanwhile.
 */
void loom_dma_call(LoomState *s, void (*fn)(struct loom_core *core))
{
	LoomCall call = { .card = s, .fn = fn };
	void *thread;

	if (!s->viommu) {
		fn(s->core);
		return;
	}
	thread = loom_host_ops.thread_start(s, "loom/call", call_run, &call);
	qemu_mutex_lock(&s->dma_lock);
	while (thread && !call.done) {
		serve(s);
		if (!call.done)
			qemu_cond_wait(&s->dma_cond, &s->dma_lock);
	}
	/* A host out of threads: jobs that still need a translation fault, nobody waits. */
	s->dma_refuse = !thread;
	serve(s);
	qemu_mutex_unlock(&s->dma_lock);
	if (thread) {
		loom_host_ops.thread_join(s, thread);
		return;
	}
	fn(s->core);
	qemu_mutex_lock(&s->dma_lock);
	s->dma_refuse = false;
	qemu_mutex_unlock(&s->dma_lock);
}

/*
 * To be called before the card becomes bus master: whether there is an IOMMU is
 * known by then, and no core thread may translate through it by itself.
 */
void loom_dma_prepare(LoomState *s)
{
	bool viommu = pci_device_iommu_address_space(PCI_DEVICE(s)) != &address_space_memory;

	if (viommu != s->viommu)
		trace_loom_viommu(s->label, viommu);
	qatomic_store_release(&s->viommu, viommu);
}

void loom_dma_init(LoomState *s)
{
	qemu_mutex_init(&s->dma_lock);
	qemu_cond_init(&s->dma_cond);
	QSIMPLEQ_INIT(&s->dma_queue);
	s->dma_bh = qemu_bh_new_guarded(serve_bh, s, &DEVICE(s)->mem_reentrancy_guard);
}

void loom_dma_exit(LoomState *s)
{
	let_go(s);
	qemu_bh_delete(s->dma_bh);
	qemu_cond_destroy(&s->dma_cond);
	qemu_mutex_destroy(&s->dma_lock);
}
