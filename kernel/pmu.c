// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * perf: the card's counters, of all that it does for everybody.
 *
 *	perf stat -a -e loom_0000_01_00.0/busy/ -e loom_0000_01_00.0/energy/
 *
 * Counters are the card's registers, which count from power-on. A card that loses them counts
 * from zero again; what events show does not. There is nothing to sample and no task to tell apart.
 *
 * Events may outlive the driver's hold on the card: they stand still then. Before the core learned
 * to take events away from a PMU that goes, it must not go as long as there may be any. Such a PMU
 * waits for its card to come back, or for the end of the module, which events hold.
 */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/perf_event.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <drm/drm_print.h>

#include "loom.h"

enum pmu_counter {
	PMU_BUSY,
	PMU_DESCRIPTORS,
	PMU_PACKETS,
	PMU_CYCLES,
	PMU_MACS,
	PMU_BYTES_LOCAL,
	PMU_BYTES_HOST,
	PMU_ENERGY,
	PMU_FAULTS,
	PMU_TLB_MISSES,
	PMU_RESETS,
	PMU_COUNTERS,
};

static const u32 pmu_registers[PMU_COUNTERS] = {
	[PMU_BUSY] = LOOM_REG_CNT_BUSY_NS,
	[PMU_DESCRIPTORS] = LOOM_REG_CNT_DESCRIPTORS,
	[PMU_PACKETS] = LOOM_REG_CNT_PACKETS,
	[PMU_CYCLES] = LOOM_REG_CNT_CYCLES,
	[PMU_MACS] = LOOM_REG_CNT_MACS,
	[PMU_BYTES_LOCAL] = LOOM_REG_CNT_BYTES_LOCAL,
	[PMU_BYTES_HOST] = LOOM_REG_CNT_BYTES_HOST,
	[PMU_ENERGY] = LOOM_REG_CNT_ENERGY_PJ,
	[PMU_FAULTS] = LOOM_REG_CNT_FAULTS,
	[PMU_TLB_MISSES] = LOOM_REG_CNT_TLB_MISSES,
	[PMU_RESETS] = LOOM_REG_CNT_RESETS,
};

/**
 * struct loom_pmu - the PMU of a card, by its address
 * @base: perf's part
 * @name: of the PMU
 * @link: in the list of those that are registered
 * @lock: protects what follows; taken with interrupts off
 * @ldev: the card, NULL if it is not there or not ours
 * @epoch: how often that was lost; events are of one epoch
 * @used: there was an event
 * @last: what the registers showed last
 * @total: what they have counted while there was a card
 */
struct loom_pmu {
	struct pmu base;
	char name[48];
	struct list_head link;
	raw_spinlock_t lock;
	struct loom_device *ldev;
	unsigned long epoch;
	bool used;
	u64 last[PMU_COUNTERS];
	u64 total[PMU_COUNTERS];
};

#define to_loom_pmu(pmu)	container_of(pmu, struct loom_pmu, base)

static LIST_HEAD(pmus);
static DEFINE_MUTEX(pmus_lock);

static void pmu_refresh(struct loom_pmu *pmu, u32 counter)
{
	u64 now;

	lockdep_assert_held(&pmu->lock);
	/* While it sleeps it counts nothing, and does not forget. */
	if (!pmu->ldev || loom_device_error(pmu->ldev) || READ_ONCE(pmu->ldev->power.asleep))
		return;
	now = loom_read64(pmu->ldev, pmu_registers[counter]);
	/* The card is gone, and nobody has noticed. */
	if (now == U64_MAX)
		return;
	pmu->total[counter] += now >= pmu->last[counter] ? now - pmu->last[counter] : now;
	pmu->last[counter] = now;
}

/**
 * loom_pmu_sleep() - before the card falls asleep: what it has counted counts
 * @ldev: the card, which runs nothing
 *
 * Who asks while it sleeps gets that, and who begins then begins from there.
 */
void loom_pmu_sleep(struct loom_device *ldev)
{
	struct loom_pmu *pmu = ldev->pmu;
	unsigned long flags;
	u32 i;

	if (!pmu)
		return;
	raw_spin_lock_irqsave(&pmu->lock, flags);
	for (i = 0; i < PMU_COUNTERS; i++)
		pmu_refresh(pmu, i);
	raw_spin_unlock_irqrestore(&pmu->lock, flags);
}

/* Has the event count from here, or count what there was since it did. */
static void pmu_update(struct perf_event *event, bool begin)
{
	struct loom_pmu *pmu = to_loom_pmu(event->pmu);
	u32 counter = event->hw.config;
	unsigned long flags;
	u64 total;

	raw_spin_lock_irqsave(&pmu->lock, flags);
	if (event->hw.event_base == pmu->epoch) {
		pmu_refresh(pmu, counter);
		total = pmu->total[counter];
		if (!begin)
			local64_add(total - local64_read(&event->hw.prev_count), &event->count);
		local64_set(&event->hw.prev_count, total);
	}
	raw_spin_unlock_irqrestore(&pmu->lock, flags);
}

static int pmu_event_init(struct perf_event *event)
{
	struct loom_pmu *pmu = to_loom_pmu(event->pmu);
	int err = 0;

	if (event->attr.type != pmu->base.type)
		return -ENOENT;
	if (is_sampling_event(event) || event->attach_state & PERF_ATTACH_TASK || event->cpu < 0)
		return -EINVAL;
	if (event->attr.config >= PMU_COUNTERS || event->attr.config1 || event->attr.config2)
		return -EINVAL;
	raw_spin_lock_irq(&pmu->lock);
	if (pmu->ldev) {
		pmu->used = true;
		event->hw.config = event->attr.config;
		event->hw.event_base = pmu->epoch;
	} else {
		err = -ENODEV;
	}
	raw_spin_unlock_irq(&pmu->lock);
	return err;
}

static void pmu_read(struct perf_event *event)
{
	pmu_update(event, false);
}

static void pmu_start(struct perf_event *event, int flags)
{
	pmu_update(event, true);
	event->hw.state = 0;
}

static void pmu_stop(struct perf_event *event, int flags)
{
	if (event->hw.state & PERF_HES_STOPPED)
		return;
	if (flags & PERF_EF_UPDATE)
		pmu_update(event, false);
	event->hw.state = PERF_HES_STOPPED | PERF_HES_UPTODATE;
}

static int pmu_add(struct perf_event *event, int flags)
{
	event->hw.state = PERF_HES_STOPPED | PERF_HES_UPTODATE;
	if (flags & PERF_EF_START)
		pmu_start(event, flags);
	return 0;
}

static void pmu_del(struct perf_event *event, int flags)
{
	pmu_stop(event, PERF_EF_UPDATE);
}

#define TEXT(file, var, text)	\
	static struct perf_pmu_events_attr var = {					\
		.attr = {								\
			.attr = { .name = file, .mode = 0444 },				\
			.show = perf_event_sysfs_show,					\
		},									\
		.event_str = text,							\
	}

TEXT("busy", event_busy, "event=0x0");
TEXT("busy.unit", event_busy_unit, "ns");
TEXT("descriptors", event_descriptors, "event=0x1");
TEXT("packets", event_packets, "event=0x2");
TEXT("cycles", event_cycles, "event=0x3");
TEXT("macs", event_macs, "event=0x4");
TEXT("bytes-local", event_bytes_local, "event=0x5");
TEXT("bytes-local.scale", event_bytes_local_scale, "9.5367431640625e-7");
TEXT("bytes-local.unit", event_bytes_local_unit, "MiB");
TEXT("bytes-host", event_bytes_host, "event=0x6");
TEXT("bytes-host.scale", event_bytes_host_scale, "9.5367431640625e-7");
TEXT("bytes-host.unit", event_bytes_host_unit, "MiB");
TEXT("energy", event_energy, "event=0x7");
TEXT("energy.scale", event_energy_scale, "1e-12");
TEXT("energy.unit", event_energy_unit, "Joules");
TEXT("faults", event_faults, "event=0x8");
TEXT("tlb-misses", event_tlb_misses, "event=0x9");
TEXT("resets", event_resets, "event=0xa");

static struct attribute *event_attrs[] = {
	&event_busy.attr.attr, &event_busy_unit.attr.attr,
	&event_descriptors.attr.attr,
	&event_packets.attr.attr,
	&event_cycles.attr.attr,
	&event_macs.attr.attr,
	&event_bytes_local.attr.attr, &event_bytes_local_scale.attr.attr,
	&event_bytes_local_unit.attr.attr,
	&event_bytes_host.attr.attr, &event_bytes_host_scale.attr.attr,
	&event_bytes_host_unit.attr.attr,
	&event_energy.attr.attr, &event_energy_scale.attr.attr, &event_energy_unit.attr.attr,
	&event_faults.attr.attr,
	&event_tlb_misses.attr.attr,
	&event_resets.attr.attr,
	NULL
};

static const struct attribute_group event_group = {
	.name = "events",
	.attrs = event_attrs,
};

PMU_FORMAT_ATTR(event, "config:0-7");

static struct attribute *format_attrs[] = {
	&format_attr_event.attr,
	NULL
};

static const struct attribute_group format_group = {
	.name = "format",
	.attrs = format_attrs,
};

static const struct attribute_group *pmu_groups[] = {
	&event_group,
	&format_group,
	NULL
};

static struct loom_pmu *pmu_find(const char *name)
{
	struct loom_pmu *pmu;

	list_for_each_entry(pmu, &pmus, link)
		if (!strcmp(pmu->name, name))
			return pmu;
	return NULL;
}

static struct loom_pmu *pmu_create(const char *name)
{
	struct loom_pmu *pmu = kzalloc(sizeof(*pmu), GFP_KERNEL);
	int err;

	if (!pmu)
		return ERR_PTR(-ENOMEM);
	raw_spin_lock_init(&pmu->lock);
	strscpy(pmu->name, name, sizeof(pmu->name));
	pmu->base = (struct pmu){
		.module = THIS_MODULE,
		/* One counter for the whole machine: the core says by which CPU, and moves it. */
		.scope = PERF_PMU_SCOPE_SYS_WIDE,
		.task_ctx_nr = perf_invalid_context,
		.capabilities = PERF_PMU_CAP_NO_EXCLUDE | PERF_PMU_CAP_NO_INTERRUPT,
		.attr_groups = pmu_groups,
		.event_init = pmu_event_init,
		.add = pmu_add,
		.del = pmu_del,
		.start = pmu_start,
		.stop = pmu_stop,
		.read = pmu_read,
	};
	err = perf_pmu_register(&pmu->base, pmu->name, -1);
	if (err) {
		kfree(pmu);
		return ERR_PTR(err);
	}
	list_add_tail(&pmu->link, &pmus);
	return pmu;
}

static void pmu_free(struct loom_pmu *pmu)
{
	list_del(&pmu->link);
	perf_pmu_unregister(&pmu->base);
	kfree(pmu);
}

/**
 * loom_pmu_init() - let perf have the counters
 * @ldev: the card, which is up
 *
 * A card that works without that is better than none.
 */
void loom_pmu_init(struct loom_device *ldev)
{
	struct loom_pmu *pmu;
	char name[48];
	u32 i;

	/* What perf would not take for a part of a name. */
	snprintf(name, sizeof(name), "loom_%s", dev_name(&ldev->pdev->dev));
	strreplace(name, ':', '_');
	mutex_lock(&pmus_lock);
	pmu = pmu_find(name) ?: pmu_create(name);
	if (IS_ERR(pmu)) {
		drm_warn(&ldev->drm, "no counters for perf: %ld\n", PTR_ERR(pmu));
	} else {
		raw_spin_lock_irq(&pmu->lock);
		pmu->ldev = ldev;
		for (i = 0; i < PMU_COUNTERS; i++)
			pmu->last[i] = loom_read64(ldev, pmu_registers[i]);
		raw_spin_unlock_irq(&pmu->lock);
		ldev->pmu = pmu;
	}
	mutex_unlock(&pmus_lock);
}

/**
 * loom_pmu_fini() - counters stand still from now on
 * @ldev: the card, which may be gone
 */
void loom_pmu_fini(struct loom_device *ldev)
{
	struct loom_pmu *pmu = ldev->pmu;
	bool keep;

	if (!pmu)
		return;
	mutex_lock(&pmus_lock);
	raw_spin_lock_irq(&pmu->lock);
	pmu->ldev = NULL;
	pmu->epoch++;
	keep = pmu->used && !LOOM_PMU_REVOKES;
	raw_spin_unlock_irq(&pmu->lock);
	if (!keep)
		pmu_free(pmu);
	ldev->pmu = NULL;
	mutex_unlock(&pmus_lock);
}

/**
 * loom_pmu_exit() - the end of the module: there is neither a card nor an event
 */
void loom_pmu_exit(void)
{
	struct loom_pmu *pmu, *next;

	mutex_lock(&pmus_lock);
	list_for_each_entry_safe(pmu, next, &pmus, link)
		pmu_free(pmu);
	mutex_unlock(&pmus_lock);
}
