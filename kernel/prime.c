// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * dma-bufs: buffers of this driver for others, and the other way round.
 *
 * Buffers in system memory go to anybody. Local memory can only be reached by the card itself: its
 * dma-buf is a handle for other files of the same device, and nobody else can attach to it.
 * What is imported is pinned and mapped for the card from the import to the end of the BO.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>

#include "loom.h"
#include "memory.h"

LOOM_IMPORT_NS_DMA_BUF;

/*
 * Submissions note their fences in the reservations of shared BOs alone, so that their cost does
 * not grow with the others. Whoever looks at the reservation from now on finds later jobs there;
 * those before hold nothing up: this driver moves no memory.
 */
static void prime_share(struct loom_bo *bo)
{
	struct drm_gem_object *obj = &bo->base.base;
	struct drm_gpuvm_bo *vm_bo;

	dma_resv_lock(obj->resv, NULL);
	WRITE_ONCE(bo->shared, true);
	drm_gem_for_each_gpuvm_bo(vm_bo, obj)
		drm_gpuvm_bo_extobj_add(vm_bo);
	dma_resv_unlock(obj->resv);
}

/**
 * loom_prime_export() - &drm_gem_object_funcs.export
 * @obj: the BO
 * @flags: of the descriptor
 *
 * Return: a dma-buf, or -EPERM for a private BO: its reservation is its VM's.
 */
struct dma_buf *loom_prime_export(struct drm_gem_object *obj, int flags)
{
	if (to_loom_bo(obj)->vm_root)
		return ERR_PTR(-EPERM);
	prime_share(to_loom_bo(obj));
	return drm_gem_prime_export(obj, flags);
}

/* The card has pages, and shares what the exporter hands over for as long as it is mapped. */
static int table_check(struct device *dev, struct sg_table *sgt, u64 size)
{
	struct scatterlist *sg;
	u64 sum = 0;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (!PAGE_ALIGNED(sg_dma_address(sg) | sg_dma_len(sg)))
			return -EINVAL;
		if (dma_need_sync(dev, sg_dma_address(sg)))
			return -EOPNOTSUPP;
		sum += sg_dma_len(sg);
	}
	return sum < size ? -EINVAL : 0;
}

/**
 * loom_prime_import_table() - &drm_driver.gem_prime_import_sg_table
 * @drm: the device
 * @attach: the attachment
 * @sgt: the exporter's pages, mapped for the card
 *
 * Return: the object, or -EINVAL: not whole pages; -EOPNOTSUPP: bounced; -ENOMEM.
 */
struct drm_gem_object *loom_prime_import_table(struct drm_device *drm,
					       struct dma_buf_attachment *attach,
					       struct sg_table *sgt)
{
	struct drm_gem_object *obj;
	int err;

	if (!attach->dmabuf->size || attach->dmabuf->size > LOOM_BO_SIZE_MAX ||
	    !PAGE_ALIGNED(attach->dmabuf->size))
		return ERR_PTR(-EINVAL);
	err = table_check(drm->dev, sgt, attach->dmabuf->size);
	if (err)
		return ERR_PTR(err);
	obj = drm_gem_shmem_prime_import_sg_table(drm, attach, sgt);
	if (IS_ERR(obj))
		return obj;
	to_loom_bo(obj)->imported = true;
	to_loom_bo(obj)->shared = true;
	loom_bo_publish(to_loom_bo(obj));
	return obj;
}

/**
 * loom_prime_import() - &drm_driver.gem_prime_import
 * @drm: the device
 * @buf: the dma-buf
 *
 * Return: the object, or an error pointer.
 */
struct drm_gem_object *loom_prime_import(struct drm_device *drm, struct dma_buf *buf)
{
	struct drm_gem_object *obj;
	int err, idx;

	err = loom_device_error(to_loom(drm));
	if (err)
		return ERR_PTR(err);
	/* Bus addresses exist as long as the device has its driver. */
	if (!drm_dev_enter(drm, &idx))
		return ERR_PTR(-ENODEV);
	obj = drm_gem_prime_import(drm, buf);
	drm_dev_exit(idx);
	return obj;
}

/**
 * loom_prime_unmap() - give back the bus addresses of an imported BO
 * @bo: the BO; the card makes no access any more
 */
void loom_prime_unmap(struct loom_bo *bo)
{
	struct sg_table *sgt = bo->base.sgt;

	bo->base.sgt = NULL;
	if (sgt)
		dma_buf_unmap_attachment_unlocked(bo->base.base.import_attach, sgt,
						  DMA_BIDIRECTIONAL);
}
