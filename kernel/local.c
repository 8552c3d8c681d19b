// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Local memory of the card: who has which part of it, and its clears.
 *
 * Whatever a part held before, nobody gets to see it: a part is cleared when it is allocated, by
 * the card, and nobody may bind or map it before the fence of the clear has signalled. The fence
 * is in the buffer's reservation from the beginning.
 *
 * A clear is a sequence of descriptors in ring 0, in a context of the kernel's own that maps all of
 * local memory. The scheduler is not involved: a clear has no queue of its own, is lost in no reset
 * and cannot fail for what a process does. There are CLEAR_SLOTS descriptors with a command buffer
 * each; a completion fills its slot with the next part of what is to be cleared. So nothing is
 * allocated after the buffer was created. If ring 0 is the only one, it is shared with the
 * schedulers' jobs, whose credits leave room for the slots.
 *
 * Filling with zeros twice does no harm. What a reset of the ring lost is pushed again; after a
 * reset of the device, which may have changed what local memory holds, unfinished clears start
 * anew.
 */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "loom.h"
#include "memory.h"
#include "queue.h"
#include "ring.h"
#include "loom_isa.h"

/* What one descriptor clears is bounded: other contexts get their turn, and a hang is noticed. */
#define CLEAR_BYTES	SZ_32M
#define CLEAR_PACKETS	(LOOM_PAGE_SIZE / sizeof(struct loom_pkt_fill))
/* A scatterlist has 32 bits for a length. */
#define RUN_BYTES	SZ_2G
/* Failed descriptors in a row; with the one that faults, the others in the ring fail as well. */
#define FAILURES_MAX	(4 * LOOM_CLEARS)

/* The kernel's address space: command buffers at its start, local memory in one piece. */
#define CMD_VA		LOOM_VA_START
#define LOCAL_VA	BIT_ULL(46)

/**
 * struct loom_local - a part of local memory and its clear
 */
struct loom_local {
	/** @ref: the buffer's, and one of the clear until that is over. */
	struct kref ref;
	/** @ldev: the card. */
	struct loom_device *ldev;
	/** @size: bytes. */
	u64 size;
	/** @blocks: the allocator's. */
	struct list_head blocks;
	/** @sgt: the same in the order of the buffer: offsets as DMA addresses. */
	struct sg_table sgt;
	/** @fence: signals when all of it is zero. */
	struct loom_fence *fence;
	/** @free_work: gives the blocks back. */
	struct work_struct free_work;
	/** @saved: pages for what it holds while the machine sleeps, or NULL. */
	struct page **saved;
	/** @saved_count: how many there are. */
	u64 saved_count;
	/** @saved_valid: something is in them. */
	bool saved_valid;

	/**
	 * @link: in &loom_device.local.clears while unfinished; this and what follows are under
	 * the ring's lock.
	 */
	struct list_head link;
	/** @next: where to go on, NULL if all was given to the card. */
	struct scatterlist *next;
	/** @skip: bytes of @next that were. */
	u64 skip;
	/** @running: descriptors in the ring. */
	u32 running;
	/** @failures: in a row. */
	u32 failures;
	/** @cancelled: nobody wants it any more. */
	bool cancelled;
};

/**
 * struct loom_clear - a descriptor for clears
 */
struct loom_clear {
	/** @job: what the ring knows of it. */
	struct loom_job *job;
	/** @cmd: its command buffer. */
	struct loom_pkt_fill *cmd;
	/** @cmd_bus: bus address of @cmd. */
	dma_addr_t cmd_bus;
	/** @local: what it clears, NULL if nothing. */
	struct loom_local *local;
	/** @again: it was lost and must be pushed once more. */
	bool again;
};

static void local_destroy(struct loom_local *local)
{
	struct loom_device *ldev = local->ldev;

	mutex_lock(&ldev->local.lock);
	gpu_buddy_free_list(&ldev->local.mm, &local->blocks, 0);
	mutex_unlock(&ldev->local.lock);
	loom_local_save_end(local);
	sg_free_table(&local->sgt);
	loom_fence_put(local->fence);
	kfree(local);
}

static void local_count(struct loom_device *ldev, int change)
{
	mutex_lock(&ldev->local.lock);
	if (!ldev->local.count && !ldev->local.left)
		loom_power_hold(ldev);
	ldev->local.count += change;
	if (!ldev->local.count && !ldev->local.left)
		loom_power_put(ldev);
	mutex_unlock(&ldev->local.lock);
}

/**
 * loom_local_leave() - the driver leaves the card: buffers do not hold it awake any more
 * @ldev: the card
 */
void loom_local_leave(struct loom_device *ldev)
{
	mutex_lock(&ldev->local.lock);
	ldev->local.left = true;
	if (ldev->local.count)
		loom_power_put(ldev);
	mutex_unlock(&ldev->local.lock);
}

static void local_release(struct kref *ref)
{
	struct loom_local *local = container_of(ref, struct loom_local, ref);
	struct loom_device *ldev = local->ldev;

	local_destroy(local);
	local_count(ldev, -1);
	atomic_inc(&ldev->local.freed);
	/* Pairs with local_wait_freed(): who does not see it as dying sees that it was freed. */
	smp_mb__before_atomic();
	atomic_dec(&ldev->local.dying);
	wake_up_all(&ldev->local.wait);
	drm_dev_put(&ldev->drm);
}

static void local_free_work(struct work_struct *work)
{
	struct loom_local *local = container_of(work, struct loom_local, free_work);

	local_release(&local->ref);
}

/* The last reference goes where nothing may sleep. */
static void local_release_later(struct kref *ref)
{
	struct loom_local *local = container_of(ref, struct loom_local, ref);

	queue_work(loom_wq, &local->free_work);
}

static void local_rewind(struct loom_local *local)
{
	local->next = local->sgt.sgl;
	local->skip = 0;
}

static void local_finish(struct loom_local *local, int error)
{
	list_del_init(&local->link);
	if (error)
		dma_fence_set_error(&local->fence->base, error);
	dma_fence_signal(&local->fence->base);
	kref_put(&local->ref, local_release_later);
}

/* Why a clear that the card will never finish has failed: what calls say of the card. */
static int local_lost(struct loom_device *ldev)
{
	return loom_device_error(ldev) ?: -EIO;
}

/* Fills a command buffer with what comes next. */
static u32 clear_build(struct loom_clear *clear, struct loom_local *local)
{
	u64 left = CLEAR_BYTES;
	u32 n;

	for (n = 0; n < CLEAR_PACKETS && left && local->next; n++) {
		u64 len = min(sg_dma_len(local->next) - local->skip, left);
		u64 at = sg_dma_address(local->next) + local->skip;

		clear->cmd[n] = (struct loom_pkt_fill){
			.header.opcode = cpu_to_le16(LOOM_OP_FILL),
			.header.version = LOOM_PKT_VERSION,
			.header.size = cpu_to_le32(sizeof(*clear->cmd)),
			.dst.va = cpu_to_le64(LOCAL_VA + at),
			.dst.dtype = LOOM_DTYPE_U64,
			.dst.rank = 1,
			.dst.dims[0] = cpu_to_le32(len / sizeof(u64)),
			.dst.strides[0] = cpu_to_le64(1),
		};
		left -= len;
		local->skip += len;
		if (local->skip == sg_dma_len(local->next)) {
			local->next = sg_next(local->next);
			local->skip = 0;
		}
	}
	return n * sizeof(*clear->cmd);
}

static struct loom_local *clear_next(struct loom_device *ldev)
{
	struct loom_local *local;

	/* At most as many as there are slots have all of their descriptors in the ring. */
	list_for_each_entry(local, &ldev->local.clears, link)
		if (local->next && !local->cancelled)
			return local;
	return NULL;
}

/**
 * loom_local_pump() - give the card what is to be cleared
 * @ring: the ring of clears; its lock is held
 */
void loom_local_pump(struct loom_ring *ring)
{
	struct loom_device *ldev = ring->ldev;
	bool pushed = false;
	u32 i;

	lockdep_assert_held(&ring->lock);
	for (i = 0; i < LOOM_CLEARS && !ring->dead; i++) {
		struct loom_clear *clear = &ldev->local.slots[i];

		if (!clear->local) {
			struct loom_local *local = clear_next(ldev);

			if (!local)
				continue;
			clear->job->work[0].cmd_size = clear_build(clear, local);
			clear->local = local;
			local->running++;
		} else if (!clear->again) {
			continue;
		}
		clear->again = false;
		loom_ring_push_locked(ring, clear->job);
		pushed = true;
	}
	if (pushed)
		loom_watch_kick(ldev);
}

/**
 * loom_local_retire() - a descriptor has left the ring
 * @ring: the ring; its lock is held
 * @job: the descriptor's
 * @outcome: enum loom_outcome
 * @lost: a reset took it, or the card is gone: that says nothing of the clear
 */
void loom_local_retire(struct loom_ring *ring, struct loom_job *job, u32 outcome, bool lost)
{
	struct loom_device *ldev = ring->ldev;
	struct loom_clear *clear = job->clear;
	struct loom_local *local = clear->local;

	lockdep_assert_held(&ring->lock);
	if (!lost && outcome == LOOM_OUTCOME_OK) {
		local->failures = 0;
		atomic_set(&ldev->local.hangs, 0);
	} else if (!ring->dead && !local->cancelled &&
		   (lost || ++local->failures < FAILURES_MAX)) {
		if (!lost) {
			drm_err_ratelimited(&ldev->drm, "clearing local memory: outcome %u\n",
					    outcome);
			/* A fault has stopped the context. */
			loom_write32(ldev, LOOM_REG_CTX_START, 0);
		}
		clear->again = true;
		goto out;
	} else {
		/* What is not clear is seen by nobody. */
		local->cancelled = true;
	}
	clear->local = NULL;
	if (!--local->running && (!local->next || local->cancelled))
		local_finish(local, local->cancelled ? local_lost(ldev) : 0);
out:
	loom_local_pump(ring);
}

/**
 * loom_local_kill() - end all clears: the card is gone for good
 * @ring: a dead ring with nothing in it; its lock is held
 */
void loom_local_kill(struct loom_ring *ring)
{
	struct loom_device *ldev = ring->ldev;
	struct loom_local *local, *next;
	u32 i;

	lockdep_assert_held(&ring->lock);
	if (ring != ldev->local.ring)
		return;
	for (i = 0; i < LOOM_CLEARS; i++) {
		ldev->local.slots[i].local = NULL;
		ldev->local.slots[i].again = false;
	}
	list_for_each_entry_safe(local, next, &ldev->local.clears, link)
		local_finish(local, local_lost(ldev));
}

/**
 * loom_local_rewind() - after a reset of the device: what local memory holds is unpredictable
 * @ldev: the card
 *
 * Descriptors that are in the ring run as well; a clear is over when none of its is there.
 */
void loom_local_rewind(struct loom_device *ldev)
{
	struct loom_local *local;
	unsigned long flags;

	if (!ldev->local.ring)
		return;
	spin_lock_irqsave(&ldev->local.ring->lock, flags);
	list_for_each_entry(local, &ldev->local.clears, link)
		local_rewind(local);
	spin_unlock_irqrestore(&ldev->local.ring->lock, flags);
}

/**
 * loom_local_hung() - the card does not get on with a clear
 * @ring: the ring it runs in
 * @why: for the log
 *
 * It is done again after a reset, of the ring first, then of the card; a card that does not manage
 * then is of no use.
 */
void loom_local_hung(struct loom_ring *ring, const char *why)
{
	struct loom_device *ldev = ring->ldev;

	switch (atomic_inc_return(&ldev->local.hangs)) {
	case 1:
		loom_reset_ring(ring, NULL, why);
		break;
	case 2:
		loom_reset_request(ldev, "it hangs clearing its memory");
		break;
	default:
		loom_wedge(ldev, "cannot clear its memory");
		break;
	}
}

/* Waits for more of what is dying. Returns -ENOSPC if nothing is, 0 to try again. */
static int local_wait_freed(struct loom_device *ldev, int freed)
{
	bool dying = atomic_read(&ldev->local.dying);

	/* Pairs with local_release(). */
	smp_rmb();
	if (atomic_read(&ldev->local.freed) != freed)
		return 0;
	if (!dying)
		return -ENOSPC;
	return wait_event_interruptible(ldev->local.wait,
					atomic_read(&ldev->local.freed) != freed);
}

static int local_alloc(struct loom_device *ldev, struct loom_local *local)
{
	struct gpu_buddy *mm = &ldev->local.mm;
	int err, freed;

	if (local->size > mm->size)
		return -ENOSPC;
	do {
		freed = atomic_read(&ldev->local.freed);
		mutex_lock(&ldev->local.lock);
		err = gpu_buddy_alloc_blocks(mm, 0, mm->size, local->size, LOOM_PAGE_SIZE,
					     &local->blocks, 0);
		mutex_unlock(&ldev->local.lock);
		if (err != -ENOSPC)
			return err;
		/* What was freed in the middle of its clear comes back a little later. */
		err = local_wait_freed(ldev, freed);
	} while (!err);
	return err;
}

static int local_fill_table(struct loom_local *local)
{
	struct gpu_buddy *mm = &local->ldev->local.mm;
	struct gpu_buddy_block *block;
	struct scatterlist *sg;
	unsigned int n = 0;
	int err;

	list_for_each_entry(block, &local->blocks, link)
		n += DIV_ROUND_UP_ULL(gpu_buddy_block_size(mm, block), RUN_BYTES);
	err = sg_alloc_table(&local->sgt, n, GFP_KERNEL);
	if (err)
		return err;
	sg = local->sgt.sgl;
	list_for_each_entry(block, &local->blocks, link) {
		u64 at = gpu_buddy_block_offset(block), left = gpu_buddy_block_size(mm, block);

		for (; left; sg = sg_next(sg)) {
			u32 len = min_t(u64, left, RUN_BYTES);

			sg_dma_address(sg) = at;
			sg_dma_len(sg) = len;
			at += len;
			left -= len;
		}
	}
	return 0;
}

/**
 * loom_local_create() - allocate local memory; its clear is started by loom_local_clear()
 * @ldev: the card
 * @size: bytes, whole pages
 *
 * It may come in several pieces, the largest first, each aligned to its size. The caller holds the
 * card awake; the memory does so from then on.
 *
 * Return: the memory or an error pointer: -ENOSPC, -ENOMEM, -ERESTARTSYS.
 */
struct loom_local *loom_local_create(struct loom_device *ldev, u64 size)
{
	struct loom_local *local;
	int err;

	local = kzalloc(sizeof(*local), GFP_KERNEL_ACCOUNT);
	if (!local)
		return ERR_PTR(-ENOMEM);
	kref_init(&local->ref);
	local->ldev = ldev;
	local->size = size;
	INIT_LIST_HEAD(&local->blocks);
	INIT_LIST_HEAD(&local->link);
	INIT_WORK(&local->free_work, local_free_work);
	local->fence = kzalloc(sizeof(*local->fence), GFP_KERNEL_ACCOUNT);
	err = local->fence ? local_alloc(ldev, local) : -ENOMEM;
	if (!err)
		err = local_fill_table(local);
	if (err) {
		local_destroy(local);
		return ERR_PTR(err);
	}
	drm_dev_get(&ldev->drm);
	local_count(ldev, 1);
	return local;
}

/**
 * loom_local_clear() - have it cleared; cannot fail and allocates nothing
 * @local: the memory
 * @client: who wants it
 *
 * Return: a fence, signalled when all of it is zero. It belongs to @local. Its error is -EIO if the
 * card could not do it, or what loom_device_error() says.
 */
struct dma_fence *loom_local_clear(struct loom_local *local, struct loom_client *client)
{
	struct loom_ring *ring = local->ldev->local.ring;
	unsigned long flags;

	spin_lock_irqsave(&ring->lock, flags);
	/* Clears may end in another order than they began: each is a context of its own. */
	loom_ring_fence_init(local->fence, client, dma_fence_context_alloc(1), 1);
	kref_get(&local->ref);
	local_rewind(local);
	list_add_tail(&local->link, &local->ldev->local.clears);
	if (ring->dead)
		local_finish(local, local_lost(local->ldev));
	else
		loom_local_pump(ring);
	spin_unlock_irqrestore(&ring->lock, flags);
	return &local->fence->base;
}

/**
 * loom_local_put() - the buffer needs it no more; may sleep
 * @local: the memory
 *
 * While a descriptor of its clear is in the ring, the card writes to it: it is given back later.
 */
void loom_local_put(struct loom_local *local)
{
	struct loom_ring *ring = local->ldev->local.ring;

	atomic_inc(&local->ldev->local.dying);
	spin_lock_irq(&ring->lock);
	local->cancelled = true;
	if (!list_empty(&local->link) && !local->running)
		local_finish(local, -ECANCELED);
	spin_unlock_irq(&ring->lock);
	kref_put(&local->ref, local_release);
}

/**
 * loom_local_save_prepare() - find room for what it holds; may sleep long
 * @local: the memory
 *
 * Return: 0 or -ENOMEM; loom_local_save_end() in any case.
 */
int loom_local_save_prepare(struct loom_local *local)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	u64 count = local->size >> PAGE_SHIFT;

	local->saved = kvcalloc(count, sizeof(*local->saved), gfp);
	if (!local->saved)
		return -ENOMEM;
	for (; local->saved_count < count; local->saved_count++) {
		local->saved[local->saved_count] = alloc_page(gfp);
		if (!local->saved[local->saved_count])
			return -ENOMEM;
		cond_resched();
	}
	return 0;
}

/* Copies between local memory and the pages. */
static void local_copy(struct loom_local *local, bool save)
{
	struct page **page = local->saved;
	struct scatterlist *sg;
	unsigned int at;
	int i;

	for_each_sgtable_dma_sg(&local->sgt, sg, i) {
		void __iomem *map = local->ldev->local.map + sg_dma_address(sg);

		for (at = 0; at < sg_dma_len(sg); at += PAGE_SIZE, page++) {
			if (save)
				memcpy_fromio(page_address(*page), map + at, PAGE_SIZE);
			else
				memcpy_toio(map + at, page_address(*page), PAGE_SIZE);
			cond_resched();
		}
	}
	/* Before the card is told to do anything with it. */
	wmb();
}

/**
 * loom_local_save() - save what it holds; there is room
 * @local: the memory
 *
 * What has not been cleared is of no interest: it will be cleared anew.
 *
 * Return: 0.
 */
int loom_local_save(struct loom_local *local)
{
	struct dma_fence *fence = &local->fence->base;

	if (!local->saved || !dma_fence_is_signaled(fence) || fence->error)
		return 0;
	local_copy(local, true);
	local->saved_valid = true;
	return 0;
}

/**
 * loom_local_restore() - put back what was saved
 * @local: the memory
 *
 * Return: 0.
 */
int loom_local_restore(struct loom_local *local)
{
	if (local->saved_valid)
		local_copy(local, false);
	return 0;
}

/**
 * loom_local_save_end() - give the room back
 * @local: the memory
 *
 * Return: 0.
 */
int loom_local_save_end(struct loom_local *local)
{
	while (local->saved_count)
		__free_page(local->saved[--local->saved_count]);
	kvfree(local->saved);
	local->saved = NULL;
	local->saved_valid = false;
	return 0;
}

/**
 * loom_local_table() - where it is
 * @local: the memory
 *
 * Return: offsets in local memory, as DMA addresses.
 */
struct sg_table *loom_local_table(struct loom_local *local)
{
	return &local->sgt;
}

/**
 * loom_local_fence() - the fence of its clear
 * @local: the memory
 *
 * Return: see loom_local_clear().
 */
struct dma_fence *loom_local_fence(struct loom_local *local)
{
	return &local->fence->base;
}

/**
 * loom_local_usage() - how much is in use
 * @ldev: the card
 * @used: bytes that belong to buffers, or did until a moment ago
 * @free: bytes that do not
 */
void loom_local_usage(struct loom_device *ldev, u64 *used, u64 *free)
{
	*used = 0;
	*free = 0;
	if (!ldev->local.ring)
		return;
	mutex_lock(&ldev->local.lock);
	*free = ldev->local.mm.avail;
	*used = ldev->local.mm.size - *free;
	mutex_unlock(&ldev->local.lock);
}

static void local_fini(struct drm_device *drm, void *data)
{
	struct loom_device *ldev = to_loom(drm);

	gpu_buddy_fini(&ldev->local.mm);
}

/* With the driver, not with the last file: a VM holds the device. */
static void local_vm_put(void *data)
{
	struct loom_queue *queue = data;

	loom_vm_put(queue->vm);
	queue->vm = NULL;
}

/* What rings, resets and the watchdog expect of a queue; it has no id, no entity and no end. */
static int local_queue_init(struct loom_device *ldev)
{
	struct loom_client *client;
	struct loom_queue *queue;

	client = drmm_kzalloc(&ldev->drm, sizeof(*client), GFP_KERNEL);
	queue = drmm_kzalloc(&ldev->drm, sizeof(*queue), GFP_KERNEL);
	if (!client || !queue)
		return -ENOMEM;
	loom_client_init(client, ldev, 0);
	loom_queue_init(queue, client);
	queue->priority = DRM_LOOM_PRIORITY_NORMAL;
	queue->timeout_ms = LOOM_TIMEOUT_MS;
	queue->limit_ms = LOOM_LIMIT_MS;
	queue->vm = loom_vm_alloc(ldev);
	if (IS_ERR(queue->vm))
		return PTR_ERR(queue->vm);
	queue->vm->kernel = true;
	ldev->local.queue = queue;
	return devm_add_action_or_reset(ldev->drm.dev, local_vm_put, queue);
}

static int local_slots_init(struct loom_device *ldev)
{
	struct loom_mmu *mmu = &ldev->local.queue->vm->mmu;
	u32 i;
	int err;

	ldev->local.slots = drmm_kcalloc(&ldev->drm, LOOM_CLEARS, sizeof(*ldev->local.slots),
					 GFP_KERNEL);
	if (!ldev->local.slots)
		return -ENOMEM;
	err = loom_mmu_prepare_map(mmu, CMD_VA, LOOM_CLEARS * LOOM_PAGE_SIZE);
	if (err)
		return err;
	for (i = 0; i < LOOM_CLEARS; i++) {
		struct loom_clear *clear = &ldev->local.slots[i];
		u64 va = CMD_VA + i * LOOM_PAGE_SIZE;

		clear->cmd = dmam_alloc_coherent(&ldev->pdev->dev, LOOM_PAGE_SIZE, &clear->cmd_bus,
						 GFP_KERNEL);
		clear->job = drmm_kzalloc(&ldev->drm, struct_size(clear->job, work, 1), GFP_KERNEL);
		if (!clear->cmd || !clear->job)
			return -ENOMEM;
		loom_mmu_map(mmu, va, LOOM_PAGE_SIZE, clear->cmd_bus, LOOM_PTE_READ);
		clear->job->queue = ldev->local.queue;
		clear->job->clear = clear;
		clear->job->count = 1;
		clear->job->work[0].cmd_va = va;
	}
	return 0;
}

static int local_map(struct loom_device *ldev)
{
	struct loom_mmu *mmu = &ldev->local.queue->vm->mmu;
	u64 at, len;
	int err;

	/* Mapping takes tables of the smallest pages for a while: not for all of it at a time. */
	for (at = 0; at < ldev->caps.local_size; at += len) {
		len = min_t(u64, ldev->caps.local_size - at, SZ_1G);
		err = loom_mmu_prepare_map(mmu, LOCAL_VA + at, len);
		if (err)
			return err;
		loom_mmu_map(mmu, LOCAL_VA + at, len, at, LOOM_PTE_WRITE | LOOM_PTE_LOCAL);
		loom_mmu_sync(mmu);
	}
	return 0;
}

/* A machine may have no room for a large BAR: the card is of use without it. */
static bool local_find(struct loom_device *ldev)
{
	struct pci_dev *pdev = ldev->pdev;
	u64 size = ldev->caps.local_size;

	if (!size)
		return false;
	if (pci_resource_len(pdev, LOOM_BAR_LOCAL) < size || size % LOOM_PAGE_SIZE ||
	    size > LOOM_VA_END - LOCAL_VA) {
		dev_warn(&pdev->dev, "local memory of %llu bytes is not usable: BAR %d has %llu\n",
			 size, LOOM_BAR_LOCAL, (u64)pci_resource_len(pdev, LOOM_BAR_LOCAL));
		return false;
	}
	return true;
}

/**
 * loom_local_init() - prepare local memory of a card that runs
 * @ldev: the card; ring 0 is in use
 *
 * A card without, or one whose local memory cannot be reached, is none the worse for it.
 *
 * Return: 0 or a negative errno.
 */
int loom_local_init(struct loom_device *ldev)
{
	struct device *dev = &ldev->pdev->dev;
	resource_size_t base = pci_resource_start(ldev->pdev, LOOM_BAR_LOCAL);
	int err;

	mutex_init(&ldev->local.lock);
	init_waitqueue_head(&ldev->local.wait);
	INIT_LIST_HEAD(&ldev->local.clears);
	if (!local_find(ldev)) {
		ldev->caps.local_size = 0;
		return 0;
	}
	err = pcim_request_region(ldev->pdev, LOOM_BAR_LOCAL, "loom");
	if (err)
		return dev_err_probe(dev, err, "local memory is in use\n");
	/* Without this, the mappings of processes are uncached. */
	err = devm_arch_io_reserve_memtype_wc(dev, base, ldev->caps.local_size);
	if (err)
		return err;
	ldev->local.map = devm_ioremap_wc(dev, base, ldev->caps.local_size);
	if (!ldev->local.map)
		return -ENOMEM;
	err = local_queue_init(ldev);
	if (err)
		return err;
	err = gpu_buddy_init(&ldev->local.mm, ldev->caps.local_size, LOOM_PAGE_SIZE);
	if (err)
		return err;
	err = drmm_add_action_or_reset(&ldev->drm, local_fini, NULL);
	if (err)
		return err;
	err = local_slots_init(ldev);
	if (!err)
		err = local_map(ldev);
	if (err)
		return err;
	ldev->local.base = base;
	loom_queue_start_context(ldev->local.queue);
	ldev->local.ring = &ldev->rings[0];
	return 0;
}
