// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Device dumps: what the card and the driver were about when something failed.
 *
 * At a hang or a reset nobody may wait for a fence, which is what memory and most locks may do. So
 * memory is taken only where there is some, the address space only if nobody is changing it, and
 * what could not be had is marked as missing or taken later. Faults come in interrupts, where even
 * less is possible: they are dumped by the worker altogether; the job has ended, but its queue is
 * dead, and so what is dumped is seldom changed meanwhile.
 *
 * The dump is given to the core, which keeps one of each device, until it is read or for five
 * minutes, also when the driver has gone. Contents of buffers are the user's, and not in it, except
 * for the command buffer of the job, and what the owner of its queue asked for: never of a buffer
 * that others know as well. Local memory is read through its BAR, which takes a mapping: always by
 * the worker.
 */
#include <linux/devcoredump.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>

#include "loom.h"
#include "memory.h"
#include "queue.h"
#include "ring.h"
#include "loom_dump.h"

struct dump_register {
	u32 offset;
	u32 size;
};

static const struct dump_register device_registers[] = {
	{ LOOM_REG_MAGIC, 4 }, { LOOM_REG_VERSION, 4 }, { LOOM_REG_FEATURES, 8 },
	{ LOOM_REG_NUM_RINGS, 4 }, { LOOM_REG_NUM_CONTEXTS, 4 }, { LOOM_REG_NUM_VECTORS, 4 },
	{ LOOM_REG_CMD_SIZE_MAX, 4 }, { LOOM_REG_PAGE_SIZES, 8 }, { LOOM_REG_DTYPES, 8 },
	{ LOOM_REG_PROFILE, 4 }, { LOOM_REG_ARRAY, 4 },
	{ LOOM_REG_OPCODES, 8 }, { LOOM_REG_OPCODES + 8, 8 },
	{ LOOM_REG_OPCODES + 16, 8 }, { LOOM_REG_OPCODES + 24, 8 },
	{ LOOM_REG_FEATURES_ACK, 8 }, { LOOM_REG_CTRL, 4 }, { LOOM_REG_STATUS, 4 },
	{ LOOM_REG_GENERATION, 4 }, { LOOM_REG_TIMESTAMP, 8 },
	{ LOOM_REG_IRQ_STATUS, 8 }, { LOOM_REG_IRQ_ENABLE, 8 },
	{ LOOM_REG_CTX_BASE, 8 }, { LOOM_REG_CTX_COUNT, 4 },
	{ LOOM_REG_INV_VA, 8 }, { LOOM_REG_INV_LEN, 8 }, { LOOM_REG_INV_TAG, 4 },
	{ LOOM_REG_INV_ISSUED, 8 }, { LOOM_REG_INV_DONE, 8 },
	{ LOOM_REG_FAULT_BASE, 8 }, { LOOM_REG_FAULT_LOG2, 4 }, { LOOM_REG_FAULT_WRITE, 8 },
	{ LOOM_REG_FAULT_READ, 8 }, { LOOM_REG_FAULT_DROPPED, 8 },
	{ LOOM_REG_CNT_DESCRIPTORS, 8 }, { LOOM_REG_CNT_PACKETS, 8 }, { LOOM_REG_CNT_BUSY_NS, 8 },
	{ LOOM_REG_CNT_FAULTS, 8 }, { LOOM_REG_CNT_TLB_MISSES, 8 }, { LOOM_REG_CNT_RESETS, 8 },
};

static const struct dump_register ring_registers[] = {
	{ LOOM_RING_BASE, 8 }, { LOOM_RING_CQ_BASE, 8 }, { LOOM_RING_WRITE_ADDR, 8 },
	{ LOOM_RING_READ, 8 }, { LOOM_RING_LOG2, 4 }, { LOOM_RING_CQ_LOG2, 4 },
	{ LOOM_RING_CONTEXT, 4 }, { LOOM_RING_VECTOR, 4 }, { LOOM_RING_CTRL, 4 },
	{ LOOM_RING_STATUS, 4 }, { LOOM_RING_ERROR, 4 }, { LOOM_RING_GENERATION, 4 },
	{ LOOM_RING_PROGRESS, 8 }, { LOOM_RING_CURRENT_INDEX, 8 }, { LOOM_RING_CURRENT_CONTEXT, 4 },
	{ LOOM_RING_CURRENT_PACKET, 4 }, { LOOM_RING_CQ_WRITE, 8 }, { LOOM_RING_CNT_BUSY_NS, 8 },
	{ LOOM_RING_CNT_DESCRIPTORS, 8 },
};

/* ---- the buffer: pages, of which there may be fewer than needed ---- */

static bool room_make(struct loom_dump *dump, size_t len)
{
	u64 end = dump->size + len, i;

	if (end > (u64)LOOM_DUMP_PAGES << PAGE_SHIFT)
		return false;
	for (i = dump->size >> PAGE_SHIFT; i < DIV_ROUND_UP_ULL(end, PAGE_SIZE); i++) {
		if (dump->pages[i])
			continue;
		dump->pages[i] = alloc_page(dump->gfp | __GFP_NOWARN | __GFP_ZERO);
		if (!dump->pages[i])
			return false;
	}
	return true;
}

/* Overwrites what has room. */
static void store(struct loom_dump *dump, u64 at, const void *data, size_t len)
{
	while (len) {
		size_t offset = offset_in_page(at), n = min(len, PAGE_SIZE - offset);

		memcpy(page_address(dump->pages[at >> PAGE_SHIFT]) + offset, data, n);
		at += n;
		data += n;
		len -= n;
	}
}

/* Appends to the present section; all of it or nothing. */
static bool put(struct loom_dump *dump, const void *data, size_t len)
{
	if (!dump->section || !room_make(dump, len)) {
		dump->flags |= LOOM_DUMP_INCOMPLETE;
		return false;
	}
	store(dump, dump->size, data, len);
	dump->size += len;
	return true;
}

/* Appends what is so large that a part of it is better than nothing. */
static void put_much(struct loom_dump *dump, const void *data, size_t len)
{
	while (len) {
		size_t n = min_t(size_t, len, PAGE_SIZE);

		if (!put(dump, data, n))
			return;
		data += n;
		len -= n;
	}
}

static void section_begin(struct loom_dump *dump)
{
	const struct loom_dump_section none = { 0 };

	dump->flags = dump->taken ? LOOM_DUMP_LATE : 0;
	/* Zero is where the header of the dump is. */
	dump->section = dump->size;
	if (!put(dump, &none, sizeof(none)))
		dump->section = 0;
}

static void section_end(struct loom_dump *dump, u32 type, u32 id, u64 at, u32 stride)
{
	u64 pad = -dump->size & 7, none = 0;
	struct loom_dump_section head = {
		.type = cpu_to_le32(type),
		.id = cpu_to_le32(id),
		.stride = cpu_to_le32(stride),
		.at = cpu_to_le64(at),
		.size = cpu_to_le64(dump->size - dump->section - sizeof(head)),
	};

	if (dump->section) {
		/* Where pages end there is nothing to pad. */
		put(dump, &none, pad);
		head.flags = cpu_to_le32(dump->flags);
		store(dump, dump->section, &head, sizeof(head));
		dump->sections++;
	}
	dump->incomplete |= dump->flags & LOOM_DUMP_INCOMPLETE;
}

/* ---- what is in a dump ---- */

static void take_meta(struct loom_device *ldev, struct loom_dump *dump)
{
	const struct loom_queue *queue = dump->queue;
	struct loom_dump_meta meta = {
		.reason = cpu_to_le32(dump->reason),
		.ring = cpu_to_le32(dump->ring),
		.boottime = cpu_to_le64(ktime_get_boottime_ns()),
		.realtime = cpu_to_le64(ktime_get_real_ns()),
		.timestamp = cpu_to_le64(loom_read64(ldev, LOOM_REG_TIMESTAMP)),
		.hw_version = cpu_to_le32(ldev->caps.version),
		.driver_version = cpu_to_le32(LOOM_DRIVER_MAJOR << 16 | LOOM_DRIVER_MINOR),
		.features = cpu_to_le64(ldev->caps.features),
		.generation = cpu_to_le32(atomic_read(&ldev->generation)),
		.resets = cpu_to_le32(atomic_read(&ldev->resets)),
	};

	strscpy_pad(meta.why, dump->why);
	strscpy_pad(meta.kernel, init_utsname()->release);
	strscpy_pad(meta.pci, pci_name(ldev->pdev));
	memcpy(meta.serial, ldev->caps.serial, sizeof(meta.serial));
	memcpy(meta.model, ldev->caps.model, sizeof(meta.model));
	if (queue) {
		meta.job = cpu_to_le64(dump->job);
		meta.cookie = cpu_to_le64(dump->cookie);
		meta.cmd_va = cpu_to_le64(dump->cmd_va);
		meta.cmd_size = cpu_to_le32(dump->cmd_size);
		meta.outcome = cpu_to_le32(dump->outcome);
		meta.queue = cpu_to_le32(queue->id);
		meta.context = cpu_to_le32(queue->context);
		meta.client = cpu_to_le64(queue->client->drm_id);
		meta.root = ldev->ctx[queue->context].root;
		meta.tag = cpu_to_le32(queue->vm->mmu.tag);
		meta.pid = cpu_to_le32(queue->client->pid);
		strscpy_pad(meta.comm, queue->client->comm);
	}
	section_begin(dump);
	put(dump, &meta, sizeof(meta));
	section_end(dump, LOOM_DUMP_META, 0, 0, sizeof(meta));
}

static void take_registers(struct loom_device *ldev, struct loom_dump *dump, u32 base,
			   const struct dump_register *registers, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		u32 at = base + registers[i].offset;
		const struct loom_dump_register value = {
			.offset = cpu_to_le32(at),
			.size = cpu_to_le32(registers[i].size),
			.value = cpu_to_le64(registers[i].size == 8 ? loom_read64(ldev, at) :
					     loom_read32(ldev, at)),
		};

		put(dump, &value, sizeof(value));
	}
}

static void take_jobs(struct loom_ring *ring, struct loom_dump *dump)
{
	u64 i;

	lockdep_assert_held(&ring->lock);
	for (i = ring->done; i != ring->write; i++) {
		const struct loom_slot *slot = &ring->slots[i & (ring->size - 1)];
		const struct loom_queue *queue = slot->job->queue;
		const struct loom_dump_job job = {
			.index = cpu_to_le64(i),
			.job = cpu_to_le64(slot->job->first + slot->index),
			.cookie = cpu_to_le64(slot->job->work[slot->index].cookie),
			.client = cpu_to_le64(queue->client->drm_id),
			.queue = cpu_to_le32(queue->id),
			.context = cpu_to_le32(queue->context),
			.pid = cpu_to_le32(queue->client->pid),
		};

		if (!put(dump, &job, sizeof(job)))
			return;
	}
}

static void take_ring(struct loom_ring *ring, struct loom_dump *dump)
{
	bool all = dump->ring == U32_MAX || dump->ring == ring->id;
	struct loom_dump_ring state;
	unsigned long flags;

	section_begin(dump);
	take_registers(ring->ldev, dump, LOOM_REG_RING(ring->id), ring_registers,
		       ARRAY_SIZE(ring_registers));
	section_end(dump, LOOM_DUMP_RING_REGISTERS, ring->id, 0,
		    sizeof(struct loom_dump_register));

	spin_lock_irqsave(&ring->lock, flags);
	state = (struct loom_dump_ring){
		.desc_bus = cpu_to_le64(ring->desc_bus),
		.cq_bus = cpu_to_le64(ring->cq_bus),
		.write = cpu_to_le64(ring->write),
		.done = cpu_to_le64(ring->done),
		.started = cpu_to_le64(ring->sampled ? ring->started : 0),
		.size = cpu_to_le32(ring->size),
		.generation = cpu_to_le32(ring->generation),
		.flags = cpu_to_le32((ring->held ? LOOM_DUMP_RING_HELD : 0) |
				     (ring->broken ? LOOM_DUMP_RING_BROKEN : 0) |
				     (ring->dead ? LOOM_DUMP_RING_DEAD : 0)),
	};
	section_begin(dump);
	put(dump, &state, sizeof(state));
	section_end(dump, LOOM_DUMP_RING, ring->id, 0, sizeof(state));
	if (all) {
		section_begin(dump);
		put_much(dump, ring->desc, ring->size * sizeof(*ring->desc));
		section_end(dump, LOOM_DUMP_DESCRIPTORS, ring->id, 0, sizeof(*ring->desc));
		section_begin(dump);
		put_much(dump, ring->cq, ring->size * sizeof(*ring->cq));
		section_end(dump, LOOM_DUMP_COMPLETIONS, ring->id, 0, sizeof(*ring->cq));
	}
	section_begin(dump);
	take_jobs(ring, dump);
	section_end(dump, LOOM_DUMP_JOBS, ring->id, 0, sizeof(struct loom_dump_job));
	spin_unlock_irqrestore(&ring->lock, flags);
}

static void take_walk(struct loom_vm *vm, struct loom_dump *dump, u64 va)
{
	struct loom_mmu_step steps[LOOM_PT_LEVELS];
	unsigned int n = loom_mmu_walk(&vm->mmu, va, steps), i;

	section_begin(dump);
	for (i = 0; i < n; i++) {
		const struct loom_dump_step step = {
			.table = cpu_to_le64(steps[i].table),
			.entry = cpu_to_le64(steps[i].entry),
			.level = cpu_to_le32(steps[i].level),
			.index = cpu_to_le32(steps[i].index),
		};

		put(dump, &step, sizeof(step));
	}
	section_end(dump, LOOM_DUMP_WALK, 0, va, sizeof(struct loom_dump_step));
}

/* ---- what is in memory ---- */

static void put_system(struct loom_dump *dump, struct loom_bo *bo, u64 at, u64 len)
{
	while (len) {
		u64 n = min(len, PAGE_SIZE - offset_in_page(at));
		void *p = kmap_local_page(bo->base.pages[at >> PAGE_SHIFT]);
		bool done = put(dump, p + offset_in_page(at), n);

		kunmap_local(p);
		if (!done)
			return;
		at += n;
		len -= n;
		cond_resched();
	}
}

static bool put_local_run(struct loom_dump *dump, resource_size_t at, u64 len, void *page)
{
	u64 skip = offset_in_page(at), i, n;
	void __iomem *p = ioremap_wc(at - skip, PAGE_ALIGN(skip + len));
	bool done = p;

	if (!p)
		dump->flags |= LOOM_DUMP_INCOMPLETE;
	for (i = 0; done && i < len; i += n) {
		n = min(len - i, PAGE_SIZE);
		memcpy_fromio(page, p + skip + i, n);
		done = put(dump, page, n);
		cond_resched();
	}
	if (p)
		iounmap(p);
	return done;
}

/* By the worker, while the card is there. */
static void put_local(struct loom_device *ldev, struct loom_dump *dump, struct loom_bo *bo, u64 at,
		      u64 len)
{
	void *page = dump->reach ? kmalloc(PAGE_SIZE, GFP_KERNEL) : NULL;
	struct scatterlist *sg;
	int i;

	if (!page) {
		dump->flags |= LOOM_DUMP_INCOMPLETE;
		return;
	}
	for_each_sgtable_dma_sg(loom_local_table(bo->local), sg, i) {
		u64 n = sg_dma_len(sg);

		if (at >= n) {
			at -= n;
			continue;
		}
		n = min(n - at, len);
		if (!n || !put_local_run(dump, ldev->local.base + sg_dma_address(sg) + at, n, page))
			break;
		at = 0;
		len -= n;
	}
	kfree(page);
}

/* What a mapping shows of its buffer; nothing if that is a foreign dma-buf. */
static void put_mapping(struct loom_dump *dump, struct drm_gpuva *map, u64 skip, u64 len)
{
	struct loom_bo *bo = to_loom_bo(map->gem.obj);

	if (bo->local)
		put_local(to_loom(map->gem.obj->dev), dump, bo, map->gem.offset + skip, len);
	else if (bo->base.pages)
		put_system(dump, bo, map->gem.offset + skip, len);
	else
		dump->flags |= LOOM_DUMP_INCOMPLETE;
}

static bool commands_local(struct loom_vm *vm, struct loom_dump *dump)
{
	struct drm_gpuva *map;

	drm_gpuvm_for_each_va_range(map, &vm->gpuvm, dump->cmd_va, dump->cmd_va + dump->cmd_size)
		if (map->gem.obj && to_loom_bo(map->gem.obj)->local)
			return true;
	return false;
}

static void take_commands(struct loom_vm *vm, struct loom_dump *dump)
{
	u64 va = dump->cmd_va, end = va + dump->cmd_size;

	section_begin(dump);
	while (va < end && !(dump->flags & LOOM_DUMP_INCOMPLETE)) {
		struct drm_gpuva *map = drm_gpuva_find_first(&vm->gpuvm, va, 1);
		u64 n;

		if (!map || !map->gem.obj) {
			dump->flags |= LOOM_DUMP_INCOMPLETE;
			break;
		}
		n = min(end, map->va.addr + map->va.range) - va;
		put_mapping(dump, map, va - map->va.addr, n);
		va += n;
	}
	section_end(dump, LOOM_DUMP_COMMANDS, 0, dump->cmd_va, 1);
	dump->cmd_taken = true;
}

static void take_map(struct loom_vm *vm, struct loom_dump *dump)
{
	struct loom_device *ldev = vm->ldev;
	struct drm_gpuva *map;
	u32 count = 0;

	section_begin(dump);
	drm_gpuvm_for_each_va(map, &vm->gpuvm) {
		struct drm_gem_object *obj = map->gem.obj;
		struct loom_dump_mapping mapping;

		/* The one that the core keeps for itself. */
		if (!obj)
			continue;
		mapping = (struct loom_dump_mapping){
			.va = cpu_to_le64(map->va.addr),
			.size = cpu_to_le64(map->va.range),
			.offset = cpu_to_le64(map->gem.offset),
			.buffer_size = cpu_to_le64(obj->size),
			.buffer = cpu_to_le64(drm_vma_node_start(&obj->vma_node)),
			.flags = cpu_to_le32(to_loom_bo(obj)->flags),
			.prot = cpu_to_le32(loom_vm_prot(map)),
		};
		spin_lock(&ldev->list_lock);
		if (to_loom_bo(obj)->label)
			strscpy_pad(mapping.label, to_loom_bo(obj)->label);
		spin_unlock(&ldev->list_lock);
		if (count++ == LOOM_DUMP_MAPPINGS) {
			dump->flags |= LOOM_DUMP_INCOMPLETE;
			break;
		}
		if (!put(dump, &mapping, sizeof(mapping)))
			break;
	}
	section_end(dump, LOOM_DUMP_MAP, 0, 0, sizeof(struct loom_dump_mapping));
}

/* ---- contents of buffers, for queues that want it ---- */

/* Of a buffer that only its owner knows. */
static bool contents_wanted(struct loom_bo *bo, bool local)
{
	/* What is bound was cleared: there is nothing of a former owner in local memory. */
	return !READ_ONCE(bo->shared) && (local ? !!bo->local : !!bo->base.pages);
}

static void take_mapping(struct loom_dump *dump, struct drm_gpuva *map)
{
	u64 before, len = min(map->va.range, LOOM_DUMP_BYTES - dump->contents);

	section_begin(dump);
	before = dump->size;
	if (len < map->va.range)
		dump->flags |= LOOM_DUMP_INCOMPLETE;
	put_mapping(dump, map, 0, len);
	dump->contents += dump->size - before;
	section_end(dump, LOOM_DUMP_CONTENTS, dump->parts++, map->va.addr, 1);
}

/* What is small comes first, so that one large buffer does not keep out all others. */
static void take_contents(struct loom_vm *vm, struct loom_dump *dump, bool local)
{
	struct drm_gpuva *map;
	int pass;

	for (pass = 0; pass < 2; pass++) {
		drm_gpuvm_for_each_va(map, &vm->gpuvm) {
			bool large = map->va.range > LOOM_DUMP_SMALL;

			if (!map->gem.obj || large != pass ||
			    !contents_wanted(to_loom_bo(map->gem.obj), local))
				continue;
			if (dump->parts == LOOM_DUMP_MAPPINGS) {
				dump->incomplete = true;
				return;
			}
			take_mapping(dump, map);
		}
	}
}

static void take_vm(struct loom_vm *vm, struct loom_dump *dump)
{
	lockdep_assert_held(&vm->lock);
	take_walk(vm, dump, dump->fault.code ? le64_to_cpu(dump->fault.va) : dump->cmd_va);
	if (dump->cmd_size && !commands_local(vm, dump))
		take_commands(vm, dump);
	take_map(vm, dump);
	if (dump->queue->dump_contents)
		take_contents(vm, dump, false);
	dump->vm_taken = true;
}

/* Within drm_dev_enter(), or while the watchdog may run. */
static void take_card(struct loom_device *ldev, struct loom_dump *dump)
{
	const struct loom_dump_header none = { 0 };
	struct loom_ring *ring;

	if (!room_make(dump, sizeof(none)))
		return;
	dump->size = sizeof(none);
	take_meta(ldev, dump);
	section_begin(dump);
	take_registers(ldev, dump, 0, device_registers, ARRAY_SIZE(device_registers));
	section_end(dump, LOOM_DUMP_REGISTERS, 0, 0, sizeof(struct loom_dump_register));
	list_for_each_entry(ring, &ldev->active_rings, link)
		take_ring(ring, dump);
	if (!dump->queue)
		return;
	section_begin(dump);
	put(dump, &ldev->ctx[dump->queue->context], sizeof(*ldev->ctx));
	section_end(dump, LOOM_DUMP_CONTEXT, dump->queue->context, 0, sizeof(*ldev->ctx));
	if (dump->fault.code) {
		section_begin(dump);
		put(dump, &dump->fault, sizeof(dump->fault));
		section_end(dump, LOOM_DUMP_FAULT, 0, 0, sizeof(dump->fault));
	}
}

/* ---- life of a dump ---- */

static void dump_give(struct loom_device *ldev, struct loom_dump *dump)
{
	const struct loom_dump_header head = {
		.magic = cpu_to_le64(LOOM_DUMP_MAGIC),
		.version = cpu_to_le32(LOOM_DUMP_VERSION),
		.size = cpu_to_le32(sizeof(head)),
		.total = cpu_to_le64(dump->size),
		.sections = cpu_to_le32(dump->sections),
		.flags = cpu_to_le32(dump->incomplete ? LOOM_DUMP_INCOMPLETE : 0),
	};
	u64 at, n;
	void *all;

	if (!dump->size)
		return;
	store(dump, 0, &head, sizeof(head));
	all = vmalloc(dump->size);
	if (!all)
		return;
	for (at = 0; at < dump->size; at += n) {
		n = min(dump->size - at, PAGE_SIZE);
		memcpy(all + at, page_address(dump->pages[at >> PAGE_SHIFT]), n);
	}
	/* If there is an older one that nobody has read, that is kept, and this one freed. */
	dev_coredumpv(&ldev->pdev->dev, all, dump->size, GFP_KERNEL);
}

static void dump_work(struct work_struct *work)
{
	struct loom_dump *dump = container_of(work, struct loom_dump, work);
	struct loom_device *ldev = container_of(dump, struct loom_device, dump);
	struct loom_queue *queue = dump->queue;
	bool there;
	u32 i;
	int idx;

	there = drm_dev_enter(&ldev->drm, &idx);
	if (there && !dump->size)
		take_card(ldev, dump);
	dump->taken = true;
	/* No ring's lock is needed any more. */
	dump->gfp = GFP_KERNEL | __GFP_NORETRY;
	dump->reach = there;
	if (queue && dump->size) {
		mutex_lock(&queue->vm->lock);
		if (!dump->vm_taken)
			take_vm(queue->vm, dump);
		if (dump->cmd_size && !dump->cmd_taken)
			take_commands(queue->vm, dump);
		if (queue->dump_contents)
			take_contents(queue->vm, dump, true);
		mutex_unlock(&queue->vm->lock);
	}
	if (there)
		drm_dev_exit(idx);
	dump_give(ldev, dump);

	for (i = 0; i < LOOM_DUMP_PAGES && dump->pages[i]; i++) {
		__free_page(dump->pages[i]);
		dump->pages[i] = NULL;
	}
	dump->queue = NULL;
	WRITE_ONCE(dump->vm, NULL);
	clear_bit_unlock(0, &dump->busy);
	loom_power_put(ldev);
	if (queue)
		loom_queue_put(queue);
}

/**
 * loom_dump_begin() - note a failure; from any context
 * @ldev: the card
 * @reason: enum loom_dump_reason
 * @ring: where; U32_MAX: everywhere
 * @why: in words; a constant string
 * @slot: of the descriptor that is to blame, within its ring's lock; or NULL
 *
 * Return: whether loom_dump_take() has to follow. Otherwise another failure is being dumped: that
 * is more interesting than what it led to.
 */
bool loom_dump_begin(struct loom_device *ldev, u32 reason, u32 ring, const char *why,
		     const struct loom_slot *slot)
{
	struct loom_dump *dump = &ldev->dump;

	if (test_and_set_bit_lock(0, &dump->busy))
		return false;
	/* Something failed: it is awake. The dump is of how it is now. */
	loom_power_hold(ldev);
	dump->reason = reason;
	dump->ring = ring;
	dump->why = why;
	dump->outcome = 0;
	dump->fault.code = 0;
	dump->taken = false;
	dump->vm_taken = false;
	dump->cmd_taken = false;
	dump->reach = false;
	dump->gfp = GFP_NOWAIT;
	dump->contents = 0;
	dump->parts = 0;
	dump->size = 0;
	dump->sections = 0;
	dump->incomplete = false;
	if (slot) {
		const struct loom_job *job = slot->job;

		dump->queue = job->queue;
		loom_queue_get(dump->queue);
		WRITE_ONCE(dump->vm, dump->queue->vm);
		dump->job = job->first + slot->index;
		dump->cookie = job->work[slot->index].cookie;
		dump->cmd_va = job->work[slot->index].cmd_va;
		dump->cmd_size = job->work[slot->index].cmd_size;
	}
	return true;
}

/**
 * loom_dump_take() - dump the state before anything is done about it; in a reset
 * @ldev: the card
 */
void loom_dump_take(struct loom_device *ldev)
{
	struct loom_dump *dump = &ldev->dump;
	struct loom_queue *queue = dump->queue;

	take_card(ldev, dump);
	/* Who holds it may be waiting for memory, or for this reset. */
	if (queue && dump->size && mutex_trylock(&queue->vm->lock)) {
		take_vm(queue->vm, dump);
		mutex_unlock(&queue->vm->lock);
	}
	queue_work(loom_wq, &dump->work);
}

/**
 * loom_dump_settle() - wait until a dump that shows an address space has been made
 * @vm: the address space, which is about to change
 *
 * A failure is noted before anybody can learn of it: whoever did finds the work queued. May sleep,
 * and not within the VM's lock.
 */
void loom_dump_settle(struct loom_vm *vm)
{
	struct loom_dump *dump = &vm->ldev->dump;

	if (READ_ONCE(dump->vm) == vm)
		flush_work(&dump->work);
}

/**
 * loom_dump_fault() - have a worker dump a job that ended badly; within its ring's lock
 * @ring: the ring
 * @slot: of the job's descriptor
 * @outcome: enum loom_outcome
 * @record: its fault record; without a code there is none
 */
void loom_dump_fault(struct loom_ring *ring, const struct loom_slot *slot, u32 outcome,
		     const struct loom_fault *record)
{
	struct loom_dump *dump = &ring->ldev->dump;

	if (!loom_dump_begin(ring->ldev, LOOM_DUMP_REASON_FAULT, ring->id,
			     record->code ? "a job faulted" : "a job failed", slot))
		return;
	dump->outcome = outcome;
	dump->fault = *record;
	dump->taken = true;
	queue_work(loom_wq, &dump->work);
}

/**
 * loom_dump_init() - before anything can fail
 * @ldev: the card
 *
 * Return: 0 or -ENOMEM.
 */
int loom_dump_init(struct loom_device *ldev)
{
	INIT_WORK(&ldev->dump.work, dump_work);
	ldev->dump.pages = drmm_kcalloc(&ldev->drm, LOOM_DUMP_PAGES, sizeof(*ldev->dump.pages),
					GFP_KERNEL);
	return ldev->dump.pages ? 0 : -ENOMEM;
}

#if IS_ENABLED(CONFIG_DRM_ACCEL_LOOM_KUNIT_TEST)
#include "dump-test.c"
#endif
