// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Address spaces: drm_gpuvm keeps the books, mmu.c writes the page tables.
 *
 * VM_BIND is synchronous. Unmapping waits for no job: a job that still uses the range faults,
 * alone. What was unmapped is freed after the card has acknowledged that it forgot the
 * translations.
 */
#include <linux/dma-mapping.h>
#include <linux/sched.h>

#include <drm/drm_drv.h>
#include <drm/drm_exec.h>
#include <drm/drm_print.h>

#include "loom.h"
#include "memory.h"

/**
 * struct loom_va - a mapping
 * @base: the books
 * @link: in &loom_bind.dead once it is unmapped
 * @flags: DRM_LOOM_BIND_READONLY
 */
struct loom_va {
	struct drm_gpuva base;
	struct list_head link;
	u32 flags;
};

#define to_loom_va(va)		container_of(va, struct loom_va, base)

/**
 * struct loom_bind - one operation of VM_BIND
 * @op: the user's
 * @bo: what to map
 * @vm: where
 * @vm_bo: @bo in @vm
 * @fresh: mappings to be filled in: the new one, and what is left of two that are cut
 * @dead: mappings that are gone
 */
struct loom_bind {
	struct drm_loom_bind op;
	struct loom_bo *bo;
	struct loom_vm *vm;
	struct drm_gpuvm_bo *vm_bo;
	struct loom_va *fresh[3];
	struct list_head *dead;
};

static void *vm_table_alloc(void *priv, dma_addr_t *bus)
{
	struct loom_vm *vm = priv;

	/* Addresses are cheap for the user, tables are not: they are on its account. */
	return dma_alloc_coherent(&vm->ldev->pdev->dev, LOOM_PAGE_SIZE, bus,
				  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

static void vm_table_free(void *priv, void *table, dma_addr_t bus)
{
	struct loom_vm *vm = priv;

	dma_free_coherent(&vm->ldev->pdev->dev, LOOM_PAGE_SIZE, table, bus);
}

static void vm_invalidate(void *priv, u32 tag, u64 va, u64 len)
{
	struct loom_vm *vm = priv;

	loom_tlb_invalidate(vm->ldev, tag, va, len);
}

static const struct loom_mmu_ops vm_mmu_ops = {
	.alloc = vm_table_alloc,
	.free = vm_table_free,
	.invalidate = vm_invalidate,
};

static struct loom_va *fresh_take(struct loom_bind *bind)
{
	int i;

	/* One new mapping and two remainders are the most that an operation makes. */
	for (i = 0; i < ARRAY_SIZE(bind->fresh) - 1 && !bind->fresh[i]; i++)
		;
	return bind->fresh[i];
}

static void fresh_used(struct loom_bind *bind, struct loom_va *va)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(bind->fresh); i++)
		if (bind->fresh[i] == va)
			bind->fresh[i] = NULL;
}

static int step_map(struct drm_gpuva_op *op, void *priv)
{
	struct loom_bind *bind = priv;
	struct loom_vm *vm = bind->vm;
	struct loom_va *va = fresh_take(bind);
	u64 prot = LOOM_PTE_READ, skip = op->map.gem.offset, left = op->map.va.range;
	u64 at = op->map.va.addr, run = 0;
	dma_addr_t bus = 0;
	struct scatterlist *sg;
	int i;

	if (!(bind->op.flags & DRM_LOOM_BIND_READONLY))
		prot |= LOOM_PTE_WRITE;
	for_each_sgtable_dma_sg(loom_bo_table(bind->bo, &prot), sg, i) {
		u64 len = sg_dma_len(sg);

		if (skip >= len) {
			skip -= len;
			continue;
		}
		len = min(len - skip, left);
		/* What happens to lie side by side may be worth a large page. */
		if (!run || bus + run != sg_dma_address(sg) + skip) {
			loom_mmu_map(&vm->mmu, at, run, bus, prot);
			at += run;
			run = 0;
			bus = sg_dma_address(sg) + skip;
		}
		run += len;
		skip = 0;
		left -= len;
		if (!left)
			break;
	}
	loom_mmu_map(&vm->mmu, at, run, bus, prot);
	va->flags = bind->op.flags & DRM_LOOM_BIND_READONLY;
	drm_gpuva_map(&vm->gpuvm, &va->base, &op->map);
	drm_gpuva_link(&va->base, bind->vm_bo);
	fresh_used(bind, va);
	vm->mapped += op->map.va.range;
	vm->mappings++;
	return 0;
}

/* The object stays until the card has forgotten the mapping: see bind_finish(). */
static void va_bury(struct loom_bind *bind, struct drm_gpuva *va)
{
	drm_gem_object_get(va->gem.obj);
	drm_gpuva_unlink(va);
	list_add(&to_loom_va(va)->link, bind->dead);
	bind->vm->mappings--;
}

static int step_unmap(struct drm_gpuva_op *op, void *priv)
{
	struct loom_bind *bind = priv;
	struct drm_gpuva *va = op->unmap.va;

	loom_mmu_unmap(&bind->vm->mmu, va->va.addr, va->va.range);
	bind->vm->mapped -= va->va.range;
	drm_gpuva_unmap(&op->unmap);
	va_bury(bind, va);
	return 0;
}

static int step_remap(struct drm_gpuva_op *op, void *priv)
{
	struct loom_bind *bind = priv;
	struct loom_vm *vm = bind->vm;
	struct drm_gpuva *va = op->remap.unmap->va;
	struct drm_gpuvm_bo *vm_bo = va->vm_bo;
	struct loom_va *prev = NULL, *next = NULL;
	u64 start, size;

	drm_gpuva_op_remap_to_unmap_range(&op->remap, &start, &size);
	loom_mmu_unmap(&vm->mmu, start, size);
	vm->mapped -= size;

	if (op->remap.prev) {
		prev = fresh_take(bind);
		prev->flags = to_loom_va(va)->flags;
		fresh_used(bind, prev);
	}
	if (op->remap.next) {
		next = fresh_take(bind);
		next->flags = to_loom_va(va)->flags;
		fresh_used(bind, next);
	}
	drm_gpuva_remap(prev ? &prev->base : NULL, next ? &next->base : NULL, &op->remap);
	if (prev) {
		drm_gpuva_link(&prev->base, vm_bo);
		vm->mappings++;
	}
	if (next) {
		drm_gpuva_link(&next->base, vm_bo);
		vm->mappings++;
	}
	va_bury(bind, va);
	return 0;
}

static void vm_free(struct drm_gpuvm *gpuvm)
{
	kfree(container_of(gpuvm, struct loom_vm, gpuvm));
}

static const struct drm_gpuvm_ops vm_ops = {
	.vm_free = vm_free,
	.sm_step_map = step_map,
	.sm_step_remap = step_remap,
	.sm_step_unmap = step_unmap,
};

static void dead_free(struct list_head *dead)
{
	struct loom_va *va, *next;

	list_for_each_entry_safe(va, next, dead, link) {
		drm_gem_object_put(va->base.gem.obj);
		kfree(va);
	}
	INIT_LIST_HEAD(dead);
}

/**
 * loom_vm_alloc() - an empty address space
 * @ldev: the card
 *
 * Return: the VM or an error pointer.
 */
struct loom_vm *loom_vm_alloc(struct loom_device *ldev)
{
	struct drm_gem_object *root;
	struct loom_vm *vm;
	int tag, err;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	root = drm_gpuvm_resv_object_alloc(&ldev->drm);
	if (!root) {
		err = -ENOMEM;
		goto err_free;
	}
	tag = ida_alloc_min(&ldev->tag_ida, 1, GFP_KERNEL);
	if (tag < 0) {
		err = tag;
		goto err_root;
	}
	vm->ldev = ldev;
	get_task_comm(vm->comm, current);
	vm->pid = task_tgid_nr(current);
	err = loom_mmu_init(&vm->mmu, &vm_mmu_ops, vm, tag,
			    ldev->caps.page_sizes & LOOM_PAGE_SIZE_2M);
	if (err)
		goto err_tag;

	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	drm_gpuvm_init(&vm->gpuvm, "loom", 0, &ldev->drm, root, LOOM_VA_START,
		       LOOM_VA_END - LOOM_VA_START, 0, 0, &vm_ops);
	drm_gem_object_put(root);

	INIT_LIST_HEAD(&vm->link);
	mutex_lock(&ldev->vm_lock);
	err = loom_device_error(ldev);
	if (!err)
		list_add_tail(&vm->link, &ldev->vms);
	mutex_unlock(&ldev->vm_lock);
	if (err) {
		loom_vm_put(vm);
		return ERR_PTR(err);
	}
	return vm;

err_tag:
	ida_free(&ldev->tag_ida, tag);
err_root:
	drm_gem_object_put(root);
err_free:
	kfree(vm);
	return ERR_PTR(err);
}

static void vm_release(struct kref *ref)
{
	struct loom_vm *vm = container_of(ref, struct loom_vm, ref);
	struct loom_device *ldev = vm->ldev;
	struct drm_gpuva *va, *next;
	LIST_HEAD(dead);

	/* Nobody else knows the VM: only the objects' lists of mappings need a lock. */
	drm_gpuvm_for_each_va_safe(va, next, &vm->gpuvm) {
		struct drm_gem_object *obj = va->gem.obj;

		drm_gem_object_get(obj);
		dma_resv_lock(obj->resv, NULL);
		drm_gpuva_remove(va);
		drm_gpuva_unlink(va);
		dma_resv_unlock(obj->resv);
		list_add(&to_loom_va(va)->link, &dead);
	}
	/* Off the list, somebody has freed the tables, or they cannot be in use. */
	mutex_lock(&ldev->vm_lock);
	list_del_init(&vm->link);
	loom_mmu_fini(&vm->mmu);
	mutex_unlock(&ldev->vm_lock);
	dead_free(&dead);
	ida_free(&ldev->tag_ida, vm->mmu.tag);
	if (vm->user) {
		loom_user_uncharge(vm->user, LOOM_USER_VMS, 1);
		loom_user_put(vm->user);
	}
	drm_gpuvm_put(&vm->gpuvm);
}

/**
 * loom_vm_put() - drop a reference; may sleep
 * @vm: the VM
 */
void loom_vm_put(struct loom_vm *vm)
{
	kref_put(&vm->ref, vm_release);
}

/**
 * loom_vm_lookup() - a VM by its id
 * @client: the owner
 * @id: the id
 *
 * Return: the VM with a reference, or NULL.
 */
struct loom_vm *loom_vm_lookup(struct loom_client *client, u32 id)
{
	struct loom_vm *vm;

	xa_lock(&client->vms);
	vm = xa_load(&client->vms, id);
	if (vm)
		kref_get(&vm->ref);
	xa_unlock(&client->vms);
	return vm;
}

/**
 * loom_vm_lose_all() - free all page tables before the device loses its driver
 * @ldev: the card, which makes no access any more
 */
void loom_vm_lose_all(struct loom_device *ldev)
{
	struct loom_vm *vm;

	mutex_lock(&ldev->vm_lock);
	while ((vm = list_first_entry_or_null(&ldev->vms, struct loom_vm, link))) {
		list_del_init(&vm->link);
		mutex_lock(&vm->lock);
		loom_mmu_fini(&vm->mmu);
		mutex_unlock(&vm->lock);
	}
	mutex_unlock(&ldev->vm_lock);
}

/**
 * loom_ioctl_vm_create() - DRM_IOCTL_LOOM_VM_CREATE
 * @drm: the device
 * @data: &struct drm_loom_vm_create
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_client *client = file->driver_priv;
	struct drm_loom_vm_create *args = data;
	struct loom_vm *vm;
	int err, idx;

	if (args->flags)
		return -EINVAL;
	err = loom_device_error(client->ldev);
	if (err)
		return err;
	err = loom_user_charge(client->user, LOOM_USER_VMS, 1);
	if (err)
		return err;
	/* As in VM_BIND: page tables exist as long as the device has its driver. */
	if (drm_dev_enter(drm, &idx)) {
		vm = loom_vm_alloc(client->ldev);
		drm_dev_exit(idx);
	} else {
		vm = ERR_PTR(-ENODEV);
	}
	if (IS_ERR(vm)) {
		loom_user_uncharge(client->user, LOOM_USER_VMS, 1);
		return PTR_ERR(vm);
	}
	vm->user = loom_user_get(client->user);
	err = xa_alloc(&client->vms, &args->id, vm, XA_LIMIT(1, LOOM_VMS_MAX), GFP_KERNEL_ACCOUNT);
	if (err) {
		loom_vm_put(vm);
		return err == -EBUSY ? -ENOSPC : err;
	}
	return 0;
}

/**
 * loom_ioctl_vm_destroy() - DRM_IOCTL_LOOM_VM_DESTROY
 * @drm: the device
 * @data: &struct drm_loom_vm_destroy
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_client *client = file->driver_priv;
	struct drm_loom_vm_destroy *args = data;
	struct loom_vm *vm;

	if (args->pad)
		return -EINVAL;
	vm = xa_erase(&client->vms, args->id);
	if (!vm)
		return -ENOENT;
	loom_vm_put(vm);
	return 0;
}

/**
 * loom_ioctl_vm_state() - DRM_IOCTL_LOOM_VM_STATE
 * @drm: the device
 * @data: &struct drm_loom_vm_state
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_vm_state(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_loom_vm_state *args = data;
	struct loom_vm *vm;

	if (args->pad)
		return -EINVAL;
	vm = loom_vm_lookup(file->driver_priv, args->id);
	if (!vm)
		return -ENOENT;
	mutex_lock(&vm->lock);
	args->mapped = vm->mapped;
	args->mappings = vm->mappings;
	args->faults = atomic_read(&vm->faults);
	mutex_unlock(&vm->lock);
	loom_vm_put(vm);
	return 0;
}

static void entry_fill(struct loom_vm *vm, struct loom_va *va, struct loom_vm_entry *entry)
{
	struct loom_bo *bo = to_loom_bo(va->base.gem.obj);

	*entry = (struct loom_vm_entry){
		.va = va->base.va.addr,
		.size = va->base.va.range,
		.offset = va->base.gem.offset,
		.bo_size = va->base.gem.obj->size,
		.readonly = va->flags & DRM_LOOM_BIND_READONLY,
		.where = loom_bo_where(bo),
	};
	spin_lock(&vm->ldev->list_lock);
	strscpy(entry->label, bo->label ?: "", sizeof(entry->label));
	spin_unlock(&vm->ldev->list_lock);
}

/**
 * loom_vm_map() - what is mapped where
 * @vm: the VM
 * @entries: where to put the mappings, by ascending address
 * @max: room there
 *
 * May sleep, and waits for a VM_BIND that may be waiting for a reset: not for use in resets.
 *
 * Return: the number of mappings, which may be larger than @max.
 */
u32 loom_vm_map(struct loom_vm *vm, struct loom_vm_entry *entries, u32 max)
{
	struct drm_gpuva *va;
	u32 n = 0;

	mutex_lock(&vm->lock);
	drm_gpuvm_for_each_va(va, &vm->gpuvm) {
		if (n < max)
			entry_fill(vm, to_loom_va(va), &entries[n]);
		n++;
	}
	mutex_unlock(&vm->lock);
	return n;
}

/**
 * loom_vm_print() - print what is mapped where, a line for each mapping
 * @vm: the VM; the same as for loom_vm_map() applies
 * @p: where to print
 */
void loom_vm_print(struct loom_vm *vm, struct drm_printer *p)
{
	struct loom_vm_entry entry;
	struct drm_gpuva *va;

	mutex_lock(&vm->lock);
	drm_gpuvm_for_each_va(va, &vm->gpuvm) {
		entry_fill(vm, to_loom_va(va), &entry);
		drm_printf(p, "%#llx %#llx %s %s %#llx of %#llx \"%*pE\"\n", entry.va, entry.size,
			   entry.readonly ? "r-" : "rw", entry.where, entry.offset, entry.bo_size,
			   (int)strlen(entry.label), entry.label);
	}
	mutex_unlock(&vm->lock);
}

/**
 * loom_vm_find() - whose address is it?
 * @vm: the VM; the same as for loom_vm_map() applies
 * @address: virtual address
 * @entry: the mapping that contains it; if there is none, the last one before, else the first one
 *
 * Return: false if nothing at all is mapped.
 */
bool loom_vm_find(struct loom_vm *vm, u64 address, struct loom_vm_entry *entry)
{
	struct drm_gpuva *va, *found = NULL;

	mutex_lock(&vm->lock);
	drm_gpuvm_for_each_va(va, &vm->gpuvm) {
		if (found && va->va.addr > address)
			break;
		found = va;
	}
	if (found)
		entry_fill(vm, to_loom_va(found), entry);
	mutex_unlock(&vm->lock);
	return found;
}

/**
 * loom_vm_prot() - what the card may do with a mapping
 * @va: the mapping, under its VM's lock
 *
 * Return: LOOM_PTE_READ, LOOM_PTE_WRITE and LOOM_PTE_LOCAL, as its leaves have them.
 */
u32 loom_vm_prot(struct drm_gpuva *va)
{
	return LOOM_PTE_READ |
	       (to_loom_va(va)->flags & DRM_LOOM_BIND_READONLY ? 0 : LOOM_PTE_WRITE) |
	       (to_loom_bo(va->gem.obj)->local ? LOOM_PTE_LOCAL : 0);
}

static struct loom_vm *vm_next(struct loom_device *ldev, struct loom_vm *last)
{
	struct list_head *at = last ? &last->link : &ldev->vms;
	struct loom_vm *vm, *found = NULL;

	mutex_lock(&ldev->vm_lock);
	/* One that is off the list, because the card has gone, leads nowhere. */
	if (!last || !list_empty(&last->link)) {
		list_for_each_entry(vm, at, link) {
			if (&vm->link == &ldev->vms)
				break;
			if (kref_get_unless_zero(&vm->ref)) {
				found = vm;
				break;
			}
		}
	}
	mutex_unlock(&ldev->vm_lock);
	return found;
}

/**
 * loom_vm_print_all() - print all VMs of a card and what is mapped in them
 * @ldev: the card
 * @p: where to print
 */
void loom_vm_print_all(struct loom_device *ldev, struct drm_printer *p)
{
	struct loom_vm *vm, *last = NULL;

	while ((vm = vm_next(ldev, last))) {
		mutex_lock(&vm->lock);
		drm_printf(p, "vm %u of %*pE[%d]: mappings %u bytes %llu large %llu faults %d%s\n",
			   vm->mmu.tag, (int)strnlen(vm->comm, sizeof(vm->comm)), vm->comm, vm->pid,
			   vm->mappings, vm->mapped, vm->mmu.large_count, atomic_read(&vm->faults),
			   vm->kernel ? " kernel" : "");
		if (vm->fault[0])
			drm_printf(p, "last fault: %s\n", vm->fault);
		mutex_unlock(&vm->lock);
		loom_vm_print(vm, p);
		if (last)
			loom_vm_put(last);
		last = vm;
	}
	if (last)
		loom_vm_put(last);
}

static int bind_check(struct loom_bind *bind, struct drm_file *file)
{
	const struct drm_loom_bind *op = &bind->op;
	u32 type = op->flags & DRM_LOOM_BIND_TYPE_MASK;
	struct drm_gem_object *obj;
	u64 end;

	if (op->flags & ~(DRM_LOOM_BIND_TYPE_MASK | DRM_LOOM_BIND_READONLY) ||
	    (op->va | op->size | op->offset) % LOOM_PAGE_SIZE || !op->size ||
	    !drm_gpuvm_range_valid(&bind->vm->gpuvm, op->va, op->size))
		return -EINVAL;
	if (type == DRM_LOOM_BIND_UNMAP)
		return op->flags != type || op->handle || op->offset ? -EINVAL : 0;
	if (type != DRM_LOOM_BIND_MAP)
		return -EINVAL;

	obj = drm_gem_object_lookup(file, op->handle);
	if (!obj)
		return -ENOENT;
	bind->bo = to_loom_bo(obj);
	if (check_add_overflow(op->offset, op->size, &end) || end > obj->size)
		return -EINVAL;
	if (bind->bo->vm_root && bind->bo->vm_root != drm_gpuvm_resv_obj(&bind->vm->gpuvm))
		return -EINVAL;
	return loom_bo_pin(bind->bo);
}

static int bind_alloc(struct loom_bind *bind)
{
	struct loom_vm *vm = bind->vm;
	int i, err;

	for (i = 0; i < ARRAY_SIZE(bind->fresh); i++) {
		bind->fresh[i] = kzalloc(sizeof(*bind->fresh[i]), GFP_KERNEL_ACCOUNT);
		if (!bind->fresh[i])
			return -ENOMEM;
	}
	err = loom_mmu_prepare_unmap(&vm->mmu, bind->op.va, bind->op.size);
	if (!err && bind->bo)
		err = loom_mmu_prepare_map(&vm->mmu, bind->op.va, bind->op.size);
	return err;
}

static int bind_exec(struct loom_bind *bind)
{
	struct drm_gpuvm *gpuvm = &bind->vm->gpuvm;
	const struct drm_loom_bind *op = &bind->op;
	struct drm_gem_object *obj = bind->bo ? &bind->bo->base.base : NULL;
	struct drm_exec exec;
	int err;

	/* An object's reservation protects the list of its mappings: those that go, the new one. */
	drm_exec_init(&exec, DRM_EXEC_IGNORE_DUPLICATES, 0);
	drm_exec_until_all_locked(&exec) {
		err = drm_gpuvm_prepare_vm(gpuvm, &exec, 0);
		drm_exec_retry_on_contention(&exec);
		if (err)
			goto out;
		err = drm_gpuvm_prepare_range(gpuvm, &exec, op->va, op->size, 0);
		drm_exec_retry_on_contention(&exec);
		if (err)
			goto out;
		if (obj) {
			err = drm_exec_lock_obj(&exec, obj);
			drm_exec_retry_on_contention(&exec);
			if (err)
				goto out;
		}
	}

	if (!obj) {
		err = drm_gpuvm_sm_unmap(gpuvm, bind, op->va, op->size);
		goto out;
	}
	bind->vm_bo = drm_gpuvm_bo_obtain_locked(gpuvm, obj);
	if (IS_ERR(bind->vm_bo)) {
		err = PTR_ERR(bind->vm_bo);
		goto out;
	}
	if (bind->bo->shared)
		drm_gpuvm_bo_extobj_add(bind->vm_bo);
	err = loom_gpuvm_sm_map(gpuvm, bind, op->va, op->size, obj, op->offset);
	drm_gpuvm_bo_put(bind->vm_bo);
out:
	drm_exec_fini(&exec);
	return err;
}

static int bind_one(struct loom_bind *bind)
{
	int i, err;

	err = bind_alloc(bind);
	if (!err)
		err = bind_exec(bind);
	for (i = 0; i < ARRAY_SIZE(bind->fresh); i++)
		kfree(bind->fresh[i]);
	if (err || !bind->bo)
		loom_mmu_trim(&bind->vm->mmu, bind->op.va, bind->op.size);
	return err;
}

static int bind_all(struct loom_vm *vm, struct loom_bind *binds, u32 count, u32 *done)
{
	LIST_HEAD(dead);
	int err;
	u32 i;

	/* Who learns that a job failed and ends must not take away what the dump is to show. */
	loom_dump_settle(vm);
	err = mutex_lock_interruptible(&vm->lock);
	if (err)
		return err;
	for (i = 0; i < count && !err; i++) {
		binds[i].dead = &dead;
		err = bind_one(&binds[i]);
		if (!err)
			*done = i + 1;
	}
	loom_mmu_sync(&vm->mmu);
	mutex_unlock(&vm->lock);
	dead_free(&dead);
	return err;
}

/**
 * loom_ioctl_vm_bind() - DRM_IOCTL_LOOM_VM_BIND
 * @drm: the device
 * @data: &struct drm_loom_vm_bind
 * @file: the caller's file
 *
 * Return: 0 or a negative errno.
 */
int loom_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct loom_client *client = file->driver_priv;
	struct drm_loom_vm_bind *args = data;
	struct loom_bind *binds = NULL;
	struct drm_loom_bind *ops;
	struct loom_vm *vm;
	u32 count = args->ops.count, done = 0, i;
	void *copy;
	int err, idx;

	if (args->flags || args->pad)
		return -EINVAL;
	if (args->syncs.count)
		return -EOPNOTSUPP;
	err = loom_device_error(client->ldev);
	if (err)
		return err;
	/* Page tables and bus addresses exist as long as the device has its driver. */
	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	vm = loom_vm_lookup(client, args->vm_id);
	if (!vm) {
		err = -ENOENT;
		goto out_exit;
	}
	err = loom_array_copy(&args->ops, sizeof(*ops), LOOM_BINDS_MAX, &copy);
	if (err)
		goto out_vm;
	ops = copy;
	if (count) {
		binds = kvcalloc(count, sizeof(*binds), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!binds) {
			err = -ENOMEM;
			goto out_ops;
		}
	}
	for (i = 0; i < count && !err; i++) {
		binds[i].op = ops[i];
		binds[i].vm = vm;
		err = bind_check(&binds[i], file);
	}
	if (!err)
		err = bind_all(vm, binds, count, &done);
	/* An interrupted call is made again with the argument as it is. */
	if (err != -EINTR && err != -ERESTARTSYS)
		args->failed = done;
	for (i = 0; i < count; i++)
		if (binds[i].bo)
			drm_gem_object_put(&binds[i].bo->base.base);
	kvfree(binds);
out_ops:
	kvfree(copy);
out_vm:
	loom_vm_put(vm);
out_exit:
	drm_dev_exit(idx);
	return err;
}
