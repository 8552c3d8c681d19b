// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers. Those in system memory are mapped cached everywhere: the card snoops the caches. Those
 * in local memory are mapped write-combined by processes, through BAR2.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>

#include "loom.h"
#include "memory.h"

static const struct drm_gem_object_funcs bo_funcs;

/**
 * loom_bo_free() - &drm_gem_object_funcs.free
 * @obj: the BO
 */
void loom_bo_free(struct drm_gem_object *obj)
{
	struct loom_bo *bo = to_loom_bo(obj);
	struct loom_device *ldev = to_loom(obj->dev);
	struct drm_gem_object *root = bo->vm_root;

	spin_lock(&ldev->list_lock);
	if (!list_empty(&bo->link)) {
		list_del_init(&bo->link);
		if (!bo->local && !bo->imported)
			atomic64_sub(obj->size, &ldev->system_used);
	}
	spin_unlock(&ldev->list_lock);
	kfree(bo->label);
	if (obj->funcs == &bo_funcs) {
		drm_gem_shmem_free(&bo->base);
	} else {
		drm_gem_object_release(obj);
		if (bo->local) {
			loom_local_put(bo->local);
			loom_user_uncharge(bo->user, LOOM_USER_LOCAL, obj->size);
			loom_user_put(bo->user);
		} else {
			loom_direct_put(bo);
		}
		if (bo->dummy)
			__free_page(bo->dummy);
		kfree(bo);
	}
	/* The reservation of a private BO was in use until here. */
	if (root)
		drm_gem_object_put(root);
}

/**
 * loom_bo_fault() - &vm_operations_struct.fault of a BO in system memory
 * @vmf: the fault
 *
 * A mapping may have been cut, and that of a dma-buf may begin anywhere in it: the offset in the
 * area says nothing. The pages are there as long as the mapping is.
 *
 * Return: as faults do.
 */
vm_fault_t loom_bo_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	struct page **pages = to_loom_bo(obj)->base.pages;
	u64 page = vmf->pgoff - drm_vma_node_start(&obj->vma_node);

	if (page >= obj->size >> PAGE_SHIFT || !pages)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(pages[page]));
}

static void bo_vm_open(struct vm_area_struct *vma)
{
	drm_gem_shmem_vm_ops.open(vma);
}

static void bo_vm_close(struct vm_area_struct *vma)
{
	drm_gem_shmem_vm_ops.close(vma);
}

static const struct vm_operations_struct bo_vm_ops = {
	.fault = loom_bo_fault,
	.open = bo_vm_open,
	.close = bo_vm_close,
};

/*
 * What drm_gem_shmem_mmap() does, but the dma-buf is that of the attachment, which stays:
 * obj->dma_buf goes with the last handle, whatever others are doing with the object.
 */
static int import_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	int err;

	/* Whether the exporter sets them or not: they are not ours. */
	vma->vm_ops = NULL;
	vma->vm_private_data = NULL;
	/* An exporter may leave this out, and the core insists. */
	vm_flags_set(vma, VM_DONTEXPAND);
	err = dma_buf_mmap(obj->import_attach->dmabuf, vma, 0);
	/* The mapping holds the dma-buf instead. */
	if (!err)
		drm_gem_object_put(obj);
	return err;
}

static int bo_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	if (to_loom_bo(obj)->flags & DRM_LOOM_BO_NO_MMAP)
		return -EPERM;
	if (to_loom_bo(obj)->imported)
		return import_mmap(obj, vma);
	vm_flags_set(vma, VM_DONTEXPAND);
	return drm_gem_shmem_object_mmap(obj, vma);
}

/* What is another driver's may be memory that the kernel cannot read and write as its own. */
static int bo_vmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	return to_loom_bo(obj)->imported ? -EOPNOTSUPP : drm_gem_shmem_object_vmap(obj, map);
}

/* Only a driver that knows the card's buses could reach it. */
static int local_pin(struct drm_gem_object *obj)
{
	return -EOPNOTSUPP;
}

static struct sg_table *local_get_sg_table(struct drm_gem_object *obj)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static int local_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	if (to_loom_bo(obj)->flags & DRM_LOOM_BO_NO_MMAP)
		return -EPERM;
	if (vma_is_cow_mapping(vma))
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_writecombine(vm_get_page_prot(vma->vm_flags));
	return 0;
}

/* Waits for the clear without keeping others from the address space, if the fault allows that. */
static vm_fault_t local_fault_wait(struct vm_fault *vmf, struct drm_gem_object *obj,
				   struct dma_fence *fence)
{
	if (dma_fence_is_signaled(fence))
		return 0;
	if (fault_flag_allow_retry_first(vmf->flags)) {
		if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
			return VM_FAULT_RETRY;
		drm_gem_object_get(obj);
		mmap_read_unlock(vmf->vma->vm_mm);
		dma_fence_wait(fence, true);
		drm_gem_object_put(obj);
		return VM_FAULT_RETRY;
	}
	/* A signal is looked at on the way out, then the access is made again. */
	return dma_fence_wait(fence, true) ? VM_FAULT_NOPAGE : 0;
}

/* Maps what surrounds the page as well: processes work their way through buffers. */
static vm_fault_t local_fault_pages(struct vm_fault *vmf, struct loom_bo *bo)
{
	struct loom_device *ldev = to_loom(bo->base.base.dev);
	struct vm_area_struct *vma = vmf->vma;
	u64 start = vma->vm_pgoff - drm_vma_node_start(&bo->base.base.vma_node);
	u64 page = start + ((vmf->address - vma->vm_start) >> PAGE_SHIFT);
	u64 first = max(start, ALIGN_DOWN(page, PTRS_PER_PTE));
	u64 last = min(start + vma_pages(vma), ALIGN_DOWN(page, PTRS_PER_PTE) + PTRS_PER_PTE);
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct scatterlist *sg;
	u64 base = 0;
	int i;

	for_each_sgtable_dma_sg(loom_local_table(bo->local), sg, i) {
		u64 count = sg_dma_len(sg) >> PAGE_SHIFT, at;

		for (at = max(first, base); at < min(last, base + count); at++) {
			unsigned long pfn = PHYS_PFN(ldev->local.base + sg_dma_address(sg)) +
					    (at - base);
			vm_fault_t one;

			one = vmf_insert_pfn(vma, vma->vm_start + ((at - start) << PAGE_SHIFT),
					     pfn);
			if (at == page)
				ret = one;
		}
		base += count;
		if (base >= last)
			break;
	}
	return ret;
}

/* The card is gone, or never managed to clear the memory. The process is to be told by errors. */
static vm_fault_t local_fault_dummy(struct vm_fault *vmf, struct loom_bo *bo)
{
	struct page *page = READ_ONCE(bo->dummy);

	if (!page) {
		page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!page)
			return VM_FAULT_OOM;
		if (cmpxchg(&bo->dummy, NULL, page)) {
			__free_page(page);
			page = READ_ONCE(bo->dummy);
		}
	}
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(page));
}

static vm_fault_t local_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	struct loom_bo *bo = to_loom_bo(obj);
	struct dma_fence *fence = loom_local_fence(bo->local);
	struct loom_device *ldev = to_loom(obj->dev);
	vm_fault_t ret;
	int idx;

	ret = local_fault_wait(vmf, obj, fence);
	if (ret)
		return ret;
	if (!drm_dev_enter(obj->dev, &idx))
		return local_fault_dummy(vmf, bo);
	/* What is found usable is mapped before it is taken away, or not at all. */
	down_read(&ldev->local.reach);
	if (fence->error || loom_device_error(ldev))
		ret = local_fault_dummy(vmf, bo);
	else
		ret = local_fault_pages(vmf, bo);
	up_read(&ldev->local.reach);
	drm_dev_exit(idx);
	return ret;
}

static enum drm_gem_object_status local_status(struct drm_gem_object *obj)
{
	return DRM_GEM_OBJECT_RESIDENT;
}

static const struct vm_operations_struct local_vm_ops = {
	.fault = local_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static const struct drm_gem_object_funcs local_funcs = {
	.free = loom_bo_free,
	.export = loom_prime_export,
	.pin = local_pin,
	.get_sg_table = local_get_sg_table,
	.mmap = local_mmap,
	.status = local_status,
	.vm_ops = &local_vm_ops,
};

static enum drm_gem_object_status bo_status(struct drm_gem_object *obj)
{
	struct loom_bo *bo = to_loom_bo(obj);

	return bo->base.pages || bo->imported ? DRM_GEM_OBJECT_RESIDENT : 0;
}

static const struct drm_gem_object_funcs bo_funcs = {
	.free = loom_bo_free,
	.export = loom_prime_export,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = bo_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = bo_mmap,
	.status = bo_status,
	.vm_ops = &bo_vm_ops,
};

/**
 * loom_bo_alloc() - &drm_driver.gem_create_object
 * @drm: the device
 * @size: bytes
 *
 * Return: the object or an error pointer.
 */
struct drm_gem_object *loom_bo_alloc(struct drm_device *drm, size_t size)
{
	struct loom_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);

	if (!bo)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&bo->link);
	bo->base.base.funcs = &bo_funcs;
	/* The page tables of processes do not say so: what they show has no struct page there. */
	bo->base.pages_mark_dirty_on_put = true;
	return &bo->base.base;
}

static int bo_pin_direct(struct loom_bo *bo)
{
	int err = dma_resv_lock_interruptible(bo->base.base.resv, NULL);

	if (err)
		return err;
	err = loom_direct_get_locked(bo);
	dma_resv_unlock(bo->base.base.resv);
	return err;
}

static int bo_pin_system(struct loom_bo *bo)
{
	struct sg_table *sgt = drm_gem_shmem_get_pages_sgt(&bo->base);
	struct scatterlist *sg;
	int i;

	/* What dma_map_sgtable() says when bounce buffers run out; not that the card is wedged. */
	if (IS_ERR(sgt))
		return PTR_ERR(sgt) == -EIO ? -ENOMEM : PTR_ERR(sgt);
	for_each_sgtable_dma_sg(sgt, sg, i)
		if (dma_need_sync(bo->base.base.dev->dev, sg_dma_address(sg)))
			return -EOPNOTSUPP;
	return 0;
}

/**
 * loom_bo_pin() - have memory that may be given to the card, from now to the end of the BO
 * @bo: the BO; loom_bo_table() says afterwards where it is
 *
 * Local memory has to be cleared first.
 *
 * Return: 0, -ENOMEM, -EINTR, -ERESTARTSYS, -EOPNOTSUPP if the pages are out of the card's reach,
 * -ENODEV without a driver, or the error of the clear.
 */
int loom_bo_pin(struct loom_bo *bo)
{
	if (bo->local)
		return dma_fence_wait(loom_local_fence(bo->local), true) ?:
		       loom_local_fence(bo->local)->error;
	if (bo->base.base.funcs == &loom_direct_funcs)
		return bo_pin_direct(bo);
	return bo_pin_system(bo);
}

/**
 * loom_bo_where() - where a BO is, in a word
 * @bo: the BO
 *
 * Return: a constant string.
 */
const char *loom_bo_where(const struct loom_bo *bo)
{
	return bo->local ? "local" : bo->imported ? "import" : "system";
}

/**
 * loom_bo_show_memory() - what the BOs of a file amount to, for fdinfo
 * @p: where to print
 * @file: the file
 *
 * Unlike those of displays, the fences of jobs are for bookkeeping: they make a BO active, too.
 */
void loom_bo_show_memory(struct drm_printer *p, struct drm_file *file)
{
	struct loom_client *client = file->driver_priv;
	const enum drm_gem_object_status keys = DRM_GEM_OBJECT_RESIDENT | DRM_GEM_OBJECT_PURGEABLE |
						LOOM_GEM_OBJECT_ACTIVE;
	struct drm_memory_stats stats[2] = { };
	struct drm_gem_object *obj;
	int id;

	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, obj, id) {
		struct drm_memory_stats *sum = &stats[!!to_loom_bo(obj)->local];

		if (drm_gem_object_is_shared_for_memory_stats(obj))
			sum->shared += obj->size;
		else
			sum->private += obj->size;
		if (obj->funcs->status(obj) & DRM_GEM_OBJECT_RESIDENT)
			sum->resident += obj->size;
		if (!dma_resv_test_signaled(obj->resv, DMA_RESV_USAGE_BOOKKEEP))
			sum->active += obj->size;
	}
	spin_unlock(&file->table_lock);

	/* No buffer is ever given up, so that of what is purgeable there is nothing. */
	drm_print_memory_stats(p, &stats[0], keys, "memory");
	if (client->ldev->local.ring)
		drm_print_memory_stats(p, &stats[1], keys, "local");
}

/**
 * loom_bo_table() - where a BO is, for the card's page tables
 * @bo: the BO; it was pinned
 * @prot: LOOM_PTE_LOCAL is added if that applies to the addresses
 *
 * Return: bus addresses, or offsets in local memory.
 */
struct sg_table *loom_bo_table(struct loom_bo *bo, u64 *prot)
{
	if (!bo->local)
		return bo->base.sgt;
	*prot |= LOOM_PTE_LOCAL;
	return loom_local_table(bo->local);
}

static struct loom_bo *bo_next(struct loom_device *ldev, struct loom_bo *last)
{
	struct list_head *at = last ? &last->link : &ldev->bos;
	struct loom_bo *bo, *found = NULL;

	spin_lock(&ldev->list_lock);
	list_for_each_entry(bo, at, link) {
		if (&bo->link == &ldev->bos)
			break;
		if (kref_get_unless_zero(&bo->base.base.refcount)) {
			found = bo;
			break;
		}
	}
	spin_unlock(&ldev->list_lock);
	return found;
}

static void bo_unmap(struct loom_bo *bo)
{
	struct drm_gem_shmem_object *shmem = &bo->base;

	dma_resv_lock(shmem->base.resv, NULL);
	if (shmem->sgt) {
		dma_unmap_sgtable(shmem->base.dev->dev, shmem->sgt, DMA_BIDIRECTIONAL, 0);
		sg_free_table(shmem->sgt);
		kfree(shmem->sgt);
		shmem->sgt = NULL;
	}
	dma_resv_unlock(shmem->base.resv);
}

/**
 * loom_bo_unmap_all() - give back all bus addresses before the device loses its driver
 * @ldev: the card, which makes no access any more
 *
 * The pages stay, and with them what user space has mapped.
 */
void loom_bo_unmap_all(struct loom_device *ldev)
{
	struct loom_bo *bo, *last = NULL;

	while ((bo = bo_next(ldev, last))) {
		if (bo->imported)
			loom_prime_unmap(bo);
		else if (bo->base.base.funcs == &loom_direct_funcs)
			loom_direct_lose(bo);
		else if (!bo->local)
			bo_unmap(bo);
		if (last)
			drm_gem_object_put(&last->base.base);
		last = bo;
	}
	if (last)
		drm_gem_object_put(&last->base.base);
}

/**
 * loom_bo_zap_all() - processes must not reach the card's memory any more
 * @ldev: the card, which is gone or wedged, as loom_device_error() says
 *
 * What they have mapped stays mapped: the next access finds a page of zeros. Mappings of a dma-buf
 * are in the device's address space, too: drm_gem_dmabuf_export() sees to that, and a dma-buf may
 * have outlived the last handle, by which it could be found.
 */
void loom_bo_zap_all(struct loom_device *ldev)
{
	/* Faults that have not seen that it is have mapped what they will. */
	down_write(&ldev->local.reach);
	up_write(&ldev->local.reach);
	unmap_mapping_range(ldev->drm.anon_inode->i_mapping, 0, 0, 1);
}

/* Calls @what for the memory of each BO that is in local memory, until it fails. */
static int bo_all_local(struct loom_device *ldev, int (*what)(struct loom_local *local))
{
	struct loom_bo *bo, *last = NULL;
	int err = 0;

	while (!err && (bo = bo_next(ldev, last))) {
		if (bo->local)
			err = what(bo->local);
		if (last)
			drm_gem_object_put(&last->base.base);
		last = bo;
	}
	if (last)
		drm_gem_object_put(&last->base.base);
	return err;
}

/**
 * loom_bo_save_prepare() - find room for what is in local memory
 * @ldev: the card; nobody creates BOs
 *
 * Return: 0 or -ENOMEM; loom_bo_save_end() in any case.
 */
int loom_bo_save_prepare(struct loom_device *ldev)
{
	return bo_all_local(ldev, loom_local_save_prepare);
}

/**
 * loom_bo_save() - save what is in local memory; there is room
 * @ldev: the card, which runs nothing
 */
void loom_bo_save(struct loom_device *ldev)
{
	bo_all_local(ldev, loom_local_save);
}

/**
 * loom_bo_restore() - put back what was saved
 * @ldev: the card, which runs nothing
 */
void loom_bo_restore(struct loom_device *ldev)
{
	bo_all_local(ldev, loom_local_restore);
}

/**
 * loom_bo_save_end() - give the room back
 * @ldev: the card
 */
void loom_bo_save_end(struct loom_device *ldev)
{
	bo_all_local(ldev, loom_local_save_end);
}

/* A BO without the help of tmpfs. */
static struct loom_bo *bo_create_private(struct loom_device *ldev, u64 size,
					 const struct drm_gem_object_funcs *funcs,
					 struct loom_local *local, struct loom_user *user)
{
	struct drm_gem_object *obj = loom_bo_alloc(&ldev->drm, size);

	if (IS_ERR(obj))
		return ERR_CAST(obj);
	/* From here on they go with the object. */
	to_loom_bo(obj)->local = local;
	to_loom_bo(obj)->user = user ? loom_user_get(user) : NULL;
	obj->funcs = funcs;
	drm_gem_private_object_init(&ldev->drm, obj, size);
	return to_loom_bo(obj);
}

static struct loom_bo *bo_create_system(struct loom_device *ldev, u64 size)
{
	struct drm_gem_shmem_object *shmem;

	if (ldev->direct)
		return bo_create_private(ldev, PAGE_ALIGN(size), &loom_direct_funcs, NULL,
					 NULL);
	shmem = drm_gem_shmem_create(&ldev->drm, size);
	/* What tmpfs says when there is no memory for an inode; here that would be local memory. */
	if (shmem == ERR_PTR(-ENOSPC))
		return ERR_PTR(-ENOMEM);
	return IS_ERR(shmem) ? ERR_CAST(shmem) : to_loom_bo(&shmem->base);
}

static struct loom_bo *bo_create_local(struct loom_device *ldev, u64 size, struct loom_user *user)
{
	struct loom_local *local;
	struct loom_bo *bo;
	int err;

	size = PAGE_ALIGN(size);
	err = loom_user_charge(user, LOOM_USER_LOCAL, size);
	if (err)
		return ERR_PTR(err);
	local = loom_local_create(ldev, size);
	if (IS_ERR(local)) {
		loom_user_uncharge(user, LOOM_USER_LOCAL, size);
		return ERR_CAST(local);
	}
	bo = bo_create_private(ldev, size, &local_funcs, local, user);
	if (IS_ERR(bo)) {
		loom_local_put(local);
		loom_user_uncharge(user, LOOM_USER_LOCAL, size);
	}
	return bo;
}

/**
 * loom_bo_publish() - make a new BO known to the rest of the driver
 * @bo: the BO
 */
void loom_bo_publish(struct loom_bo *bo)
{
	struct loom_device *ldev = to_loom(bo->base.base.dev);

	spin_lock(&ldev->list_lock);
	list_add_tail(&bo->link, &ldev->bos);
	spin_unlock(&ldev->list_lock);
	if (!bo->local && !bo->imported)
		atomic64_add(bo->base.base.size, &ldev->system_used);
}

/* Who finds the BO finds the fence of its clear. */
static int bo_clear(struct loom_bo *bo, struct loom_client *client)
{
	struct dma_resv *resv = bo->base.base.resv;
	bool cookie;
	int err;

	err = dma_resv_lock_interruptible(resv, NULL);
	if (err)
		return err;
	err = dma_resv_reserve_fences(resv, 1);
	if (!err) {
		cookie = dma_fence_begin_signalling();
		dma_resv_add_fence(resv, loom_local_clear(bo->local, client),
				   DMA_RESV_USAGE_KERNEL);
		dma_fence_end_signalling(cookie);
	}
	dma_resv_unlock(resv);
	return err;
}

static struct loom_bo *bo_create(struct loom_client *client, u64 size, u32 flags,
				 struct loom_vm *vm)
{
	struct loom_device *ldev = client->ldev;
	struct loom_bo *bo;
	int err;

	if (!(flags & DRM_LOOM_BO_LOCAL))
		bo = bo_create_system(ldev, size);
	else if (ldev->local.ring)
		bo = bo_create_local(ldev, size, client->user);
	else
		bo = ERR_PTR(-EOPNOTSUPP);
	if (IS_ERR(bo))
		return bo;
	/* A shmem object has one already. */
	err = drm_gem_create_mmap_offset(&bo->base.base);
	if (err) {
		drm_gem_object_put(&bo->base.base);
		return ERR_PTR(err);
	}
	bo->flags = flags;
	if (vm) {
		bo->vm_root = drm_gpuvm_resv_obj(&vm->gpuvm);
		drm_gem_object_get(bo->vm_root);
		bo->base.base.resv = bo->vm_root->resv;
	}
	if (bo->local) {
		err = bo_clear(bo, client);
		if (err) {
			drm_gem_object_put(&bo->base.base);
			return ERR_PTR(err);
		}
	}
	loom_bo_publish(bo);
	return bo;
}

/**
 * loom_ioctl_bo_create() - DRM_IOCTL_LOOM_BO_CREATE
 * @drm: the device
 * @data: &struct drm_loom_bo_create
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_loom_bo_create *args = data;
	struct loom_vm *vm = NULL;
	struct loom_bo *bo;
	int err;

	if (!args->size || args->size > LOOM_BO_SIZE_MAX || args->pad ||
	    args->flags & ~(DRM_LOOM_BO_LOCAL | DRM_LOOM_BO_NO_MMAP))
		return -EINVAL;
	err = loom_device_error(to_loom(drm));
	if (err)
		return err;
	/* System memory is found only when the BO is used, but this can never be. */
	if (!(args->flags & DRM_LOOM_BO_LOCAL) && args->size >> PAGE_SHIFT > totalram_pages())
		return -ENOMEM;
	if (args->vm_id) {
		vm = loom_vm_lookup(file->driver_priv, args->vm_id);
		if (!vm)
			return -ENOENT;
	}
	/* Local memory has to be cleared by the card. */
	if (args->flags & DRM_LOOM_BO_LOCAL)
		err = loom_power_get(to_loom(drm));
	bo = err ? ERR_PTR(err) : bo_create(file->driver_priv, args->size, args->flags, vm);
	if (!err && args->flags & DRM_LOOM_BO_LOCAL)
		loom_power_put(to_loom(drm));
	if (vm)
		loom_vm_put(vm);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	err = drm_gem_handle_create(file, &bo->base.base, &args->handle);
	if (!err)
		args->size = bo->base.base.size;
	drm_gem_object_put(&bo->base.base);
	return err;
}

/**
 * loom_ioctl_bo_mmap_offset() - DRM_IOCTL_LOOM_BO_MMAP_OFFSET
 * @drm: the device
 * @data: &struct drm_loom_bo_mmap_offset
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_loom_bo_mmap_offset *args = data;
	struct drm_gem_object *obj;
	int err = 0;

	if (args->pad)
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	if (to_loom_bo(obj)->flags & DRM_LOOM_BO_NO_MMAP)
		err = -EPERM;
	else
		args->offset = drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return err;
}

/**
 * loom_ioctl_bo_info() - DRM_IOCTL_LOOM_BO_INFO
 * @drm: the device
 * @data: &struct drm_loom_bo_info
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_loom_bo_info *args = data;
	struct drm_gem_object *obj;

	if (args->pad)
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	args->size = obj->size;
	args->flags = to_loom_bo(obj)->flags;
	args->state = to_loom_bo(obj)->imported ? DRM_LOOM_BO_INFO_IMPORTED : 0;
	drm_gem_object_put(obj);
	return 0;
}

static char *label_copy(u64 from)
{
	char text[DRM_LOOM_BO_LABEL_MAX + 1], *label;
	long len = strncpy_from_user(text, u64_to_user_ptr(from), sizeof(text));

	if (len < 0)
		return ERR_PTR(len);
	if (len == sizeof(text))
		return ERR_PTR(-E2BIG);
	label = kstrdup(text, GFP_KERNEL_ACCOUNT);
	return label ?: ERR_PTR(-ENOMEM);
}

/**
 * loom_ioctl_bo_label() - DRM_IOCTL_LOOM_BO_LABEL
 * @drm: the device
 * @data: &struct drm_loom_bo_label
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_bo_label(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_loom_bo_label *args = data;
	struct loom_device *ldev = to_loom(drm);
	struct drm_gem_object *obj;
	char *label = NULL;

	if (args->pad)
		return -EINVAL;
	if (args->label) {
		label = label_copy(args->label);
		if (IS_ERR(label))
			return PTR_ERR(label);
	}
	obj = drm_gem_object_lookup(file, args->handle);
	if (obj) {
		spin_lock(&ldev->list_lock);
		swap(to_loom_bo(obj)->label, label);
		spin_unlock(&ldev->list_lock);
		drm_gem_object_put(obj);
	}
	kfree(label);
	return obj ? 0 : -ENOENT;
}
