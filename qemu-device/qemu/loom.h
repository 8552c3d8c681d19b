/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Loom card as a PCIe device: what pci.c, host.c and dma.c share.
 *
 * The core computes on threads of its own that never take the BQL; the BQL
 * holder may wait for them (reset, unplug, VM stop). So whatever a core thread
 * needs from the main loop it asks for by a bottom half, and the one request
 * that it waits for, a translation by a virtual IOMMU, is served by whoever
 * waits for the core: see loom_dma_call().
 */
#ifndef HW_MISC_LOOM_H
#define HW_MISC_LOOM_H

#include "loom-compat.h"
#include "qemu/event_notifier.h"
#include "qemu/queue.h"
#include "qemu/thread.h"
#include "qom/object.h"
#include "core/loom_core.h"

#define TYPE_LOOM "loom"
OBJECT_DECLARE_SIMPLE_TYPE(LoomState, LOOM)

/* Vector 0 is the card's, every ring may have one of its own. */
#define LOOM_VECTORS_MAX	(LOOM_RINGS_MAX + 1)

/* Why the engines stand still. */
#define LOOM_HOLD_STOPPED	(1u << 0)	/* the VM does */
#define LOOM_HOLD_POWER		(1u << 1)	/* D3hot */

typedef struct LoomDoorbell {
	EventNotifier notifier;
	LoomState *card;
	unsigned int ring;
} LoomDoorbell;

/* Registers that lie in front of others, see pci.c. */
typedef struct LoomGuard {
	MemoryRegion region;
	MemoryRegion *behind;
	LoomState *card;
} LoomGuard;

typedef struct LoomTranslation LoomTranslation;

struct LoomState {
	PCIDevice parent_obj;

	/* Properties. */
	uint32_t rings;
	uint32_t contexts;
	uint32_t vectors;
	uint64_t local_size;
	uint64_t scratch_size;
	int32_t threads;
	int32_t spin_us;
	char *serial;
	char *profile;
	char *isa;
	OnOffAuto ioeventfd;
	bool debug;
	uint64_t features_mask;
	uint16_t vendor_id;
	uint16_t device_id;

	MemoryRegion regs;
	MemoryRegion local;
	LoomGuard msix[2];		/* the table and the pending bits */
	struct loom_core *core;
	char *label;			/* in traces */
	VMChangeStateEntry *vm_state;
	unsigned int held;		/* LOOM_HOLD_*, under the BQL */
	void *saved;			/* state of the core that is being loaded */
	size_t saved_size;
	uint8_t pm_cap;
	uint8_t pm_state;

	LoomDoorbell *doorbells;	/* one per ring, NULL without ioeventfd */

	QEMUBH *irq_bh;
	uint64_t irqs[2];		/* vectors to raise, atomic */

	/* Translation; viommu changes under the BQL and is read by core threads. */
	bool viommu;
	QEMUBH *dma_bh;
	QemuMutex dma_lock;
	QemuCond dma_cond;
	QSIMPLEQ_HEAD(, LoomTranslation) dma_queue;	/* under dma_lock */
	bool dma_refuse;		/* under dma_lock */
	GSList *dma_left;		/* memory regions to let go of, under dma_lock */
};

extern const struct loom_host_ops loom_host_ops;

/* host.c */
bool loom_doorbells_init(LoomState *s, Error **errp);
void loom_doorbells_exit(LoomState *s);
void loom_irq_init(LoomState *s);
void loom_irq_exit(LoomState *s);
void loom_irq_deliver(LoomState *s);
void loom_irq_forget(LoomState *s);

/* pci.c */
void loom_power_loaded(LoomState *s);

/* state.c */
extern const VMStateDescription loom_vmstate;
void loom_state_forget(LoomState *s);

/* dma.c */
void loom_dma_init(LoomState *s);
void loom_dma_exit(LoomState *s);
void loom_dma_prepare(LoomState *s);
void loom_dma_call(LoomState *s, void (*fn)(struct loom_core *core));
int loom_dma_map(void *host, uint64_t bus, uint64_t len, bool write, struct loom_map *map);
void loom_dma_unmap(void *host, struct loom_map *map, uint64_t written);
void loom_dma_local_written(void *host, uint64_t offset, uint64_t len);

#endif
