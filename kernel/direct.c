// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * System memory where the DMA API would bounce it.
 *
 * A buffer is shared with the card for as long as it is mapped, with no call at which the kernel
 * could copy to and from a bounce buffer: the card would work on a copy. Pages of tmpfs are of no
 * use then (swiotlb=force). Those that the DMA API itself hands out are never bounced. They come
 * one by one, so that they can outlive the driver's hold on the device, as long as processes have
 * them mapped.
 */
#include <linux/cc_platform.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>

#include "loom.h"
#include "memory.h"

#define DIRECT_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/**
 * loom_direct_init() - find out whether buffers must come from the DMA API
 * @ldev: the card
 *
 * Return: 0 or -ENOMEM.
 */
int loom_direct_init(struct loom_device *ldev)
{
	struct device *dev = &ldev->pdev->dev;
	struct page *page = alloc_page(GFP_KERNEL);
	dma_addr_t bus;

	if (!page)
		return -ENOMEM;
	bus = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	if (!dma_mapping_error(dev, bus)) {
		/* Where memory is encrypted, processes would have to map it in a way of its own. */
		ldev->direct = dma_need_sync(dev, bus) &&
			       !cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT);
		dma_unmap_page(dev, bus, PAGE_SIZE, DMA_BIDIRECTIONAL);
	}
	__free_page(page);
	if (ldev->direct)
		dev_info(dev, "this machine bounces DMA: buffers come from the DMA allocator\n");
	return 0;
}

static void direct_free(struct loom_bo *bo, u64 count)
{
	struct device *dev = bo->base.base.dev->dev;
	u64 i;

	for (i = 0; i < count; i++) {
		if (bo->direct)
			dma_free_pages(dev, PAGE_SIZE, bo->base.pages[i], bo->direct[i],
				       DMA_BIDIRECTIONAL);
		else
			put_page(bo->base.pages[i]);
	}
	kvfree(bo->direct);
	kvfree(bo->base.pages);
	bo->direct = NULL;
	bo->base.pages = NULL;
}

static struct sg_table *direct_table(const struct loom_bo *bo, u64 count)
{
	struct sg_table *sgt = kzalloc(sizeof(*sgt), GFP_KERNEL_ACCOUNT);
	struct scatterlist *sg;
	int err, i;

	if (!sgt)
		return ERR_PTR(-ENOMEM);
	err = sg_alloc_table(sgt, count, GFP_KERNEL);
	if (err) {
		kfree(sgt);
		return ERR_PTR(err);
	}
	for_each_sgtable_sg(sgt, sg, i) {
		sg_set_page(sg, bo->base.pages[i], PAGE_SIZE, 0);
		sg_dma_address(sg) = bo->direct[i];
		sg_dma_len(sg) = PAGE_SIZE;
	}
	return sgt;
}

/**
 * loom_direct_get_locked() - have pages, from now to the end of the BO
 * @bo: the BO; its reservation is held
 *
 * Return: 0, -ENOMEM, -EINTR, or -ENODEV if the device has lost its driver.
 */
int loom_direct_get_locked(struct loom_bo *bo)
{
	struct drm_device *drm = bo->base.base.dev;
	u64 count = bo->base.base.size >> PAGE_SHIFT, i = 0;
	struct sg_table *sgt;
	int err = -ENOMEM, idx;

	dma_resv_assert_held(bo->base.base.resv);
	if (bo->base.pages)
		return 0;
	/* A descriptor may be mapped when nobody is there any more to take the pages back. */
	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	bo->base.pages = kvmalloc_array(count, sizeof(*bo->base.pages), DIRECT_GFP);
	bo->direct = kvmalloc_array(count, sizeof(*bo->direct), DIRECT_GFP);
	if (!bo->base.pages || !bo->direct)
		goto err_free;
	for (i = 0; i < count; i++) {
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			goto err_free;
		}
		bo->base.pages[i] = dma_alloc_pages(drm->dev, PAGE_SIZE, &bo->direct[i],
						    DMA_BIDIRECTIONAL, DIRECT_GFP);
		if (!bo->base.pages[i])
			goto err_free;
		cond_resched();
	}
	sgt = direct_table(bo, count);
	if (IS_ERR(sgt)) {
		err = PTR_ERR(sgt);
		goto err_free;
	}
	bo->base.sgt = sgt;
	drm_dev_exit(idx);
	return 0;

err_free:
	direct_free(bo, i);
	drm_dev_exit(idx);
	return err;
}

/**
 * loom_direct_lose() - keep the pages, but not as the device's
 * @bo: the BO; the card makes no access any more
 */
void loom_direct_lose(struct loom_bo *bo)
{
	struct drm_gem_object *obj = &bo->base.base;
	u64 i;

	dma_resv_lock(obj->resv, NULL);
	if (bo->direct) {
		for (i = 0; i < obj->size >> PAGE_SHIFT; i++) {
			get_page(bo->base.pages[i]);
			dma_free_pages(obj->dev->dev, PAGE_SIZE, bo->base.pages[i],
				       bo->direct[i], DMA_BIDIRECTIONAL);
		}
		kvfree(bo->direct);
		bo->direct = NULL;
		sg_free_table(bo->base.sgt);
		kfree(bo->base.sgt);
		bo->base.sgt = NULL;
	}
	dma_resv_unlock(obj->resv);
}

/**
 * loom_direct_put() - free the pages with the BO
 * @bo: the BO
 */
void loom_direct_put(struct loom_bo *bo)
{
	if (bo->base.sgt) {
		sg_free_table(bo->base.sgt);
		kfree(bo->base.sgt);
	}
	if (bo->base.pages)
		direct_free(bo, bo->base.base.size >> PAGE_SHIFT);
}

static int direct_pin(struct drm_gem_object *obj)
{
	return loom_direct_get_locked(to_loom_bo(obj));
}

/* The pages stay to the end of the BO. */
static void direct_unpin(struct drm_gem_object *obj)
{
}

static struct sg_table *direct_get_sg_table(struct drm_gem_object *obj)
{
	return drm_prime_pages_to_sg(obj->dev, to_loom_bo(obj)->base.pages,
				     obj->size >> PAGE_SHIFT);
}

static int direct_vmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	struct loom_bo *bo = to_loom_bo(obj);
	int err = loom_direct_get_locked(bo);
	void *p;

	if (err)
		return err;
	p = vmap(bo->base.pages, obj->size >> PAGE_SHIFT, VM_MAP, PAGE_KERNEL);
	if (!p)
		return -ENOMEM;
	iosys_map_set_vaddr(map, p);
	return 0;
}

static void direct_vunmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

static int direct_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct loom_bo *bo = to_loom_bo(obj);
	int err;

	if (bo->flags & DRM_LOOM_BO_NO_MMAP)
		return -EPERM;
	if (vma_is_cow_mapping(vma))
		return -EINVAL;
	err = dma_resv_lock_interruptible(obj->resv, NULL);
	if (err)
		return err;
	err = loom_direct_get_locked(bo);
	dma_resv_unlock(obj->resv);
	if (err)
		return err;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	return 0;
}

static enum drm_gem_object_status direct_status(struct drm_gem_object *obj)
{
	return to_loom_bo(obj)->base.pages ? DRM_GEM_OBJECT_RESIDENT : 0;
}

static const struct vm_operations_struct direct_vm_ops = {
	.fault = loom_bo_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

const struct drm_gem_object_funcs loom_direct_funcs = {
	.free = loom_bo_free,
	.export = loom_prime_export,
	.pin = direct_pin,
	.unpin = direct_unpin,
	.get_sg_table = direct_get_sg_table,
	.vmap = direct_vmap,
	.vunmap = direct_vunmap,
	.mmap = direct_mmap,
	.status = direct_status,
	.vm_ops = &direct_vm_ops,
};
