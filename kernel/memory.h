/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Buffers, local memory, address spaces and the TLB.
 */
#ifndef LOOM_MEMORY_H
#define LOOM_MEMORY_H

#include "loom.h"

/**
 * struct loom_bo - a buffer
 */
struct loom_bo {
	/** @base: shmem object; of others, its GEM part, pages and sgt are in use. */
	struct drm_gem_shmem_object base;
	/** @direct: bus addresses of the pages if they came from the DMA API, else NULL. */
	dma_addr_t *direct;
	/** @local: the memory of a BO in local memory, else NULL. */
	struct loom_local *local;
	/** @imported: the memory is a foreign dma-buf's. */
	bool imported;
	/** @shared: it is, or it was exported: others see its reservation; under that. */
	bool shared;
	/** @dummy: what processes see of local memory after the end of the card, NULL before. */
	struct page *dummy;
	/** @flags: DRM_LOOM_BO_*. */
	u32 flags;
	/** @vm_root: owner of the reservation that a private BO shares, else NULL. */
	struct drm_gem_object *vm_root;
	/** @user: who its local memory is counted for, NULL if it has none. */
	struct loom_user *user;
	/** @label: by LABEL, under list_lock; NULL if none. */
	char *label;
	/** @link: in &loom_device.bos. */
	struct list_head link;
};

#define to_loom_bo(obj)		container_of(to_drm_gem_shmem_obj(obj), struct loom_bo, base)

/* The helpers keep an array of pages, which must not exceed what kvmalloc() gives. */
#define LOOM_BO_SIZE_MAX	BIT_ULL(38)

/* bo.c */
struct drm_gem_object *loom_bo_alloc(struct drm_device *drm, size_t size);
int loom_bo_pin(struct loom_bo *bo);
struct sg_table *loom_bo_table(struct loom_bo *bo, u64 *prot);
void loom_bo_unmap_all(struct loom_device *ldev);
const char *loom_bo_where(const struct loom_bo *bo);
void loom_bo_show_memory(struct drm_printer *p, struct drm_file *file);
void loom_bo_publish(struct loom_bo *bo);
void loom_bo_zap_all(struct loom_device *ldev);
int loom_bo_save_prepare(struct loom_device *ldev);
void loom_bo_save(struct loom_device *ldev);
void loom_bo_restore(struct loom_device *ldev);
void loom_bo_save_end(struct loom_device *ldev);
int loom_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_bo_label(struct drm_device *drm, void *data, struct drm_file *file);

void loom_bo_free(struct drm_gem_object *obj);
vm_fault_t loom_bo_fault(struct vm_fault *vmf);

/* direct.c */
extern const struct drm_gem_object_funcs loom_direct_funcs;
int loom_direct_init(struct loom_device *ldev);
int loom_direct_get_locked(struct loom_bo *bo);
void loom_direct_lose(struct loom_bo *bo);
void loom_direct_put(struct loom_bo *bo);

/* prime.c */
struct dma_buf *loom_prime_export(struct drm_gem_object *obj, int flags);
struct drm_gem_object *loom_prime_import(struct drm_device *drm, struct dma_buf *buf);
struct drm_gem_object *loom_prime_import_table(struct drm_device *drm,
					       struct dma_buf_attachment *attach,
					       struct sg_table *sgt);
void loom_prime_unmap(struct loom_bo *bo);

/**
 * struct loom_vm - an address space
 */
struct loom_vm {
	/** @gpuvm: who is mapped where. */
	struct drm_gpuvm gpuvm;
	/** @ref: the id's, and one of each queue. */
	struct kref ref;
	/** @ldev: the card. */
	struct loom_device *ldev;
	/** @user: who it is counted for; NULL: it is the kernel's. */
	struct loom_user *user;
	/** @lock: see the top of this file. */
	struct mutex lock;
	/** @mmu: what the card sees. */
	struct loom_mmu mmu;
	/** @mapped: bytes. */
	u64 mapped;
	/** @mappings: number of mappings. */
	u32 mappings;
	/** @faults: of jobs in it. */
	atomic_t faults;
	/** @link: in &loom_device.vms. */
	struct list_head link;
	/** @comm: who created it. */
	char comm[TASK_COMM_LEN];
	/** @pid: who created it. */
	pid_t pid;
	/** @kernel: it is the one that clears run in. */
	bool kernel;
	/** @fault: what is known of the last fault, in words; under @lock. */
	char fault[256];
};

/**
 * struct loom_vm_entry - a mapping, for reports
 */
struct loom_vm_entry {
	/** @va: first address. */
	u64 va;
	/** @size: bytes. */
	u64 size;
	/** @offset: in the BO. */
	u64 offset;
	/** @bo_size: bytes of the BO. */
	u64 bo_size;
	/** @where: "system", "local" or "import". */
	const char *where;
	/** @readonly: the card may only read it. */
	bool readonly;
	/** @label: the BO's, as the user gave it; may be empty. */
	char label[DRM_LOOM_BO_LABEL_MAX + 1];
};

/* vm.c */
struct loom_vm *loom_vm_alloc(struct loom_device *ldev);
u32 loom_vm_map(struct loom_vm *vm, struct loom_vm_entry *entries, u32 max);
void loom_vm_print(struct loom_vm *vm, struct drm_printer *p);
bool loom_vm_find(struct loom_vm *vm, u64 address, struct loom_vm_entry *entry);
u32 loom_vm_prot(struct drm_gpuva *va);
void loom_vm_print_all(struct loom_device *ldev, struct drm_printer *p);
struct loom_vm *loom_vm_lookup(struct loom_client *client, u32 id);
void loom_vm_put(struct loom_vm *vm);
void loom_vm_lose_all(struct loom_device *ldev);
int loom_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_vm_state(struct drm_device *drm, void *data, struct drm_file *file);

/* tlb.c */
void loom_tlb_invalidate(struct loom_device *ldev, u32 tag, u64 va, u64 len);

/* local.c */
int loom_local_init(struct loom_device *ldev);
struct loom_local *loom_local_create(struct loom_device *ldev, u64 size);
struct dma_fence *loom_local_clear(struct loom_local *local, struct loom_client *client);
struct dma_fence *loom_local_fence(struct loom_local *local);
struct sg_table *loom_local_table(struct loom_local *local);
void loom_local_put(struct loom_local *local);
int loom_local_save_prepare(struct loom_local *local);
int loom_local_save(struct loom_local *local);
int loom_local_restore(struct loom_local *local);
int loom_local_save_end(struct loom_local *local);
void loom_local_usage(struct loom_device *ldev, u64 *used, u64 *free);
void loom_local_pump(struct loom_ring *ring);
void loom_local_retire(struct loom_ring *ring, struct loom_job *job, u32 outcome, bool lost);
void loom_local_kill(struct loom_ring *ring);
void loom_local_leave(struct loom_device *ldev);
void loom_local_rewind(struct loom_device *ldev);
void loom_local_hung(struct loom_ring *ring, const char *why);

#endif
