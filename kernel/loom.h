/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The driver's objects and who may call whom.
 *
 * Lock order, outermost first:
 *
 *	loom_client.lock	(mutex)   the file behind a client, while events are delivered
 *	loom_device.vm_lock	(mutex)   list of VMs, and the end of their page tables
 *	loom_vm.lock		(mutex)   address space: VA tree and page tables
 *	loom_device.tlb_lock	(mutex)   the invalidation registers; polls, bounded
 *	dma_resv		(ww)      of a VM and of the BOs in it, by drm_exec
 *	loom_device.local.lock	(mutex)   which part of local memory is free
 *	--- from here on a fence may depend on it: no GFP_KERNEL, no dma_resv ---
 *	loom_ring.lock		(irqsave) descriptors and completions of a ring
 *	loom_queue.lock		(irqsave) state of a queue
 *	loom_device.fault.lock	(irqsave) fault records
 *	loom_device.list_lock	(spin)    list of BOs, for remove()
 *	loom_device.user_lock	(spin)    what users have
 *
 * tlb_lock is never taken with a dma_resv held. It may wait for a device reset, which runs on
 * timeout_wq and takes nothing above loom_ring.lock.
 *
 * Fence critical are run_job(), the interrupt handlers, the watchdog and the resets: they allocate
 * nothing and take only locks below the line. Arming and pushing jobs in SUBMIT is the same.
 *
 * Lifetime: a file is a client; a client owns VMs and queues by id; a queue holds its VM and its
 * client; a job holds its queue. A queue dies when its last job has left the card, which may be
 * after the file was closed, so nothing that the card can reach is freed before that.
 *
 * Fences leave the driver: sync_files, syncobjs and reservations of others hold them as long as
 * they like, and ask them for the names of driver and timeline. Those fences are the driver's own;
 * each holds its client, which holds device and module.
 */
#ifndef LOOM_H
#define LOOM_H

#include <linux/atomic.h>
#include <linux/idr.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/loom_accel.h>

#include "compat.h"
#include "loom_hw.h"
#include "mmu.h"

#define LOOM_DRIVER_MAJOR	1
#define LOOM_DRIVER_MINOR	1

#define LOOM_JOBS_MAX		256
#define LOOM_SYNCS_MAX		64
#define LOOM_QUEUE_DEPTH_MAX	1024
#define LOOM_BINDS_MAX		1024
#define LOOM_VMS_MAX		64
#define LOOM_QUEUES_MAX		256
#define LOOM_COALESCE_US_MAX	1000000
#define LOOM_COALESCE_COUNT_MAX	65535

#define LOOM_TIMEOUT_MS		2000	/* without progress */
#define LOOM_LIMIT_MS		30000	/* in all */
#define LOOM_TIMEOUT_MS_MAX	600000	/* of either */
#define LOOM_WATCH_MS		100	/* how often a busy card is looked at */
#define LOOM_RECOVER_MS		10000	/* until a card is given up that the bus has cut off */
#define LOOM_STALL_MS		2000	/* until a ring that starts nothing is reset */
#define LOOM_LATE_MS		20	/* until an interrupt that has not come is lost */

#define LOOM_DUMP_PAGES		3072
#define LOOM_DUMP_BYTES		SZ_8M	/* of contents of buffers in it */
#define LOOM_DUMP_SMALL		SZ_64K	/* buffers that come first */
#define LOOM_DUMP_MAPPINGS	4096

#define LOOM_RING_LOG2_USED	9
#define LOOM_CLEARS		4	/* descriptors of clears in ring 0; a ring has 16 or more */
#define LOOM_FAULT_LOG2		8
#define LOOM_CONTEXT_WEIGHT	256

#define LOOM_VA_START		0x10000ull
#define LOOM_VA_END		(1ull << (LOOM_VA_BITS - 1))

struct loom_clear;
struct loom_client;
struct loom_local;
struct loom_pmu;
struct loom_queue;
struct loom_ring;
struct loom_user;
struct loom_vm;

/**
 * enum loom_user_kind - what one user may have only so much of
 * @LOOM_USER_QUEUES: queues
 * @LOOM_USER_VMS: address spaces
 * @LOOM_USER_LOCAL: bytes of local memory
 * @LOOM_USER_KINDS: how many kinds there are
 */
enum loom_user_kind {
	LOOM_USER_QUEUES,
	LOOM_USER_VMS,
	LOOM_USER_LOCAL,
	LOOM_USER_KINDS,
};

/**
 * enum loom_ras_event - what can go wrong, see ras.c
 * @LOOM_RAS_RING_RESET: a ring was reset
 * @LOOM_RAS_DEVICE_RESET: the card was reset
 * @LOOM_RAS_FAULT: a fault ended a queue
 * @LOOM_RAS_HANG: a job was stopped because it hung or took too long
 * @LOOM_RAS_LOST_INTERRUPT: the watchdog found a completion whose interrupt had not come
 * @LOOM_RAS_EVENTS: how many there are
 */
enum loom_ras_event {
	LOOM_RAS_RING_RESET,
	LOOM_RAS_DEVICE_RESET,
	LOOM_RAS_FAULT,
	LOOM_RAS_HANG,
	LOOM_RAS_LOST_INTERRUPT,
	LOOM_RAS_EVENTS,
};

/**
 * enum loom_place_kind - divisions of a card's rings, see place.c
 * @LOOM_PLACE_FIRST: the first queue of each client
 * @LOOM_PLACE_MORE: further ones
 * @LOOM_PLACE_LOW: queues of low priority
 * @LOOM_PLACE_HIGH: queues of high priority
 * @LOOM_PLACE_KINDS: how many there are
 */
enum loom_place_kind {
	LOOM_PLACE_FIRST,
	LOOM_PLACE_MORE,
	LOOM_PLACE_LOW,
	LOOM_PLACE_HIGH,
	LOOM_PLACE_KINDS,
};

/**
 * struct loom_place - a division
 * @first: index of its first ring among those for users
 * @count: number of its rings
 */
struct loom_place {
	u32 first;
	u32 count;
};

/**
 * struct loom_caps - what the card says it is, read once
 */
struct loom_caps {
	/** @features: LOOM_FEATURE_* that were offered and accepted. */
	u64 features;
	/** @dtypes: LOOM_REG_DTYPES. */
	u64 dtypes;
	/** @opcodes: LOOM_REG_OPCODES. */
	u64 opcodes[4];
	/** @page_sizes: LOOM_REG_PAGE_SIZES. */
	u64 page_sizes;
	/** @timestamp_hz: LOOM_REG_TIMESTAMP_HZ. */
	u64 timestamp_hz;
	/** @version: LOOM_REG_VERSION. */
	u32 version;
	/** @profile: LOOM_REG_PROFILE. */
	u32 profile;
	/** @array: LOOM_REG_ARRAY. */
	u32 array;
	/** @clock_khz: LOOM_REG_CLOCK_KHZ. */
	u32 clock_khz;
	/** @sram_kib: LOOM_REG_SRAM_KIB. */
	u32 sram_kib;
	/** @local_mbps: LOOM_REG_LOCAL_MBPS. */
	u32 local_mbps;
	/** @host_mbps: LOOM_REG_HOST_MBPS. */
	u32 host_mbps;
	/** @rings: LOOM_REG_NUM_RINGS, the admin ring included. */
	u32 rings;
	/** @contexts: LOOM_REG_NUM_CONTEXTS. */
	u32 contexts;
	/** @vectors: interrupt vectors in use. */
	u32 vectors;
	/** @ring_log2: log2 of the number of descriptors of a ring. */
	u32 ring_log2;
	/** @cmd_size_max: LOOM_REG_CMD_SIZE_MAX. */
	u32 cmd_size_max;
	/** @reset_ms: LOOM_REG_RESET_TIMEOUT_MS. */
	u32 reset_ms;
	/** @local_size: LOOM_REG_LOCAL_SIZE. */
	u64 local_size;
	/** @serial: LOOM_REG_SERIAL. */
	u8 serial[32];
	/** @model: LOOM_REG_MODEL. */
	u8 model[32];
};

/**
 * struct loom_dump - a dump that is being made; whoever sets @busy owns the rest
 */
struct loom_dump {
	/** @busy: bit 0: one is being made. */
	unsigned long busy;
	/** @work: what may sleep; gives the dump away. */
	struct work_struct work;
	/** @reason: enum loom_dump_reason. */
	u32 reason;
	/** @ring: where; U32_MAX: everywhere. */
	u32 ring;
	/** @why: in words. */
	const char *why;
	/** @queue: of the job that is to blame, held; or NULL. */
	struct loom_queue *queue;
	/** @vm: the queue's, to be compared: see loom_dump_settle(). */
	struct loom_vm *vm;
	/** @job: its number. */
	u64 job;
	/** @cookie: its cookie. */
	u64 cookie;
	/** @cmd_va: its command buffer. */
	u64 cmd_va;
	/** @cmd_size: bytes of that. */
	u32 cmd_size;
	/** @outcome: its outcome, if it has one. */
	u32 outcome;
	/** @fault: its fault record; without a code there is none. */
	struct loom_fault fault;
	/** @taken: what does not sleep was done at the failure. */
	bool taken;
	/** @vm_taken: the address space, too. */
	bool vm_taken;
	/** @cmd_taken: the command buffer, which may have to be read from the card. */
	bool cmd_taken;
	/** @reach: local memory can be read: the worker runs and the card is there. */
	bool reach;
	/** @gfp: how memory for it may be had. */
	gfp_t gfp;
	/** @contents: bytes of contents of buffers. */
	u64 contents;
	/** @parts: sections of contents. */
	u32 parts;
	/** @pages: the dump, LOOM_DUMP_PAGES of them at most. */
	struct page **pages;
	/** @size: bytes in them. */
	u64 size;
	/** @section: where the present section begins; 0: it found no room. */
	u64 section;
	/** @sections: number of sections. */
	u32 sections;
	/** @flags: LOOM_DUMP_* of the present section. */
	u32 flags;
	/** @incomplete: something is missing. */
	bool incomplete;
};

/**
 * struct loom_device - a card
 */
struct loom_device {
	/** @drm: the DRM device. */
	struct drm_device drm;
	/** @pdev: the PCI function. */
	struct pci_dev *pdev;
	/** @regs: BAR0. */
	void __iomem *regs;
	/** @caps: what the card is. */
	struct loom_caps caps;

	/** @rings: all rings of the card; users have ring 0 only if there is no other. */
	struct loom_ring *rings;
	/** @first_ring: first of the rings that take user work. */
	u32 first_ring;
	/** @active_rings: all rings in use, the admin ring included, by &loom_ring.link. */
	struct list_head active_rings;
	/** @ring_count: how many do. */
	u32 ring_count;
	/** @places: divisions of them. */
	struct loom_place places[LOOM_PLACE_KINDS];
	/** @submit_wq: runs the schedulers of all rings. */
	struct workqueue_struct *submit_wq;
	/** @timeout_wq: ordered; watchdog and resets. */
	struct workqueue_struct *timeout_wq;

	/** @ctx: context table. */
	struct loom_ctx_entry *ctx;
	/** @ctx_bus: its bus address. */
	dma_addr_t ctx_bus;
	/** @ctx_ida: contexts in use. */
	struct ida ctx_ida;
	/** @tag_ida: TLB tags in use. */
	struct ida tag_ida;
	/** @client_ida: arbitration groups in use. */
	struct ida client_ida;

	/** @tlb_lock: see the top of this file. */
	struct mutex tlb_lock;

	/** @coalesce: when completions are worth an interrupt, see loom_irq_start(). */
	struct {
		/** @coalesce.us: at the latest so long after the first; 0: at once. */
		u32 us;
		/** @coalesce.count: or when there are so many; 0: by time alone. */
		u32 count;
	} coalesce;

	/** @fault: the fault ring and what was read from it. */
	struct {
		/** @fault.lock: see the top of this file. */
		spinlock_t lock;
		/** @fault.ring: records, written by the card. */
		struct loom_fault *ring;
		/** @fault.bus: their bus address. */
		dma_addr_t bus;
		/** @fault.read: next record to read. */
		u64 read;
		/** @fault.last: latest record of each context. */
		struct loom_fault *last;
	} fault;

	/** @power: sleep, see power.c. */
	struct {
		/** @power.asleep: the card is not to be touched. */
		bool asleep;
		/** @power.stale: something that it remembers was changed meanwhile. */
		bool stale;
		/** @power.generation: its count of resets when it was left. */
		u32 generation;
	} power;

	/** @local: local memory. */
	struct {
		/** @local.base: its bus address, that of BAR2. */
		resource_size_t base;
		/** @local.map: mapping of all of it, write-combined. */
		void __iomem *map;
		/** @local.lock: see the top of this file; protects @local.mm. */
		struct mutex lock;
		/** @local.mm: what is free. */
		struct gpu_buddy mm;
		/** @local.freed: parts given back so far. */
		atomic_t freed;
		/** @local.dying: parts that nobody needs and that are not given back yet. */
		atomic_t dying;
		/** @local.wait: for @local.freed to change. */
		wait_queue_head_t wait;
		/** @local.ring: ring of clears; NULL if there is no local memory. */
		struct loom_ring *ring;
		/** @local.queue: the kernel's own; context 0. */
		struct loom_queue *queue;
		/** @local.clears: unfinished; under the ring's lock. */
		struct list_head clears;
		/** @local.slots: LOOM_CLEARS descriptors; under the ring's lock. */
		struct loom_clear *slots;
		/** @local.hangs: in a row. */
		atomic_t hangs;
		/** @local.count: parts in use, while there are any the card is held awake. */
		u32 count;
		/** @local.left: it is not, because the driver leaves the card. */
		bool left;
	} local;

	/** @watch: looks at busy rings every LOOM_WATCH_MS. */
	struct delayed_work watch;
	/** @watched: ns when it last did. */
	u64 watched;
	/** @reset_work: device reset on request. */
	struct work_struct reset_work;
	/** @reset_wanted: why; NULL if it is not. */
	const char *reset_wanted;
	/** @reset_rings: rings whose reset was asked for. */
	DECLARE_BITMAP(reset_rings, LOOM_RINGS_MAX);
	/** @recover_work: gives up what the bus does not bring back. */
	struct delayed_work recover_work;
	/** @recovering: an error of the bus is being handled. */
	bool recovering;
	/** @wedge_work: tells user space that the card is wedged. */
	struct work_struct wedge_work;
	/** @dump: of the latest failure. */
	struct loom_dump dump;
	/** @resets: resets of rings and of the device. */
	atomic_t resets;
	/** @ras: by enum loom_ras_event, how often. */
	atomic64_t ras[LOOM_RAS_EVENTS];
	/** @pmu: its counters for perf, NULL if there are none. */
	struct loom_pmu *pmu;
	/** @generation: resets of the device. */
	atomic_t generation;
	/** @dead: 0, -EIO: wedged, -ENODEV: removed. */
	int dead;

	/** @user_lock: protects @users and what they have. */
	spinlock_t user_lock;
	/** @users: who has files of the card open. */
	struct list_head users;
	/** @user_limit: by enum loom_user_kind, what each of them may have. */
	u64 user_limit[LOOM_USER_KINDS];
	/** @list_lock: protects @bos and their labels. */
	spinlock_t list_lock;
	/** @vm_lock: see the top of this file; protects @vms. */
	struct mutex vm_lock;
	/** @vms: VMs that have page tables. */
	struct list_head vms;
	/** @bos: all BOs. */
	struct list_head bos;
	/** @direct: BOs come from the DMA API, which would bounce all others. */
	bool direct;
	/** @system_used: bytes in BOs. */
	atomic64_t system_used;
};

#define to_loom(dev)		container_of(dev, struct loom_device, drm)

static inline int loom_device_error(const struct loom_device *ldev)
{
	return READ_ONCE(ldev->dead);
}

static inline u32 loom_read32(const struct loom_device *ldev, u32 reg)
{
	return readl(ldev->regs + reg);
}

static inline u64 loom_read64(const struct loom_device *ldev, u32 reg)
{
	return readq(ldev->regs + reg);
}

static inline void loom_write32(const struct loom_device *ldev, u32 reg, u32 value)
{
	writel(value, ldev->regs + reg);
}

static inline void loom_write64(const struct loom_device *ldev, u32 reg, u64 value)
{
	writeq(value, ldev->regs + reg);
}

/**
 * struct loom_client - an open file
 */
struct loom_client {
	/** @ref: the file's, and one of each queue and of each fence of the card. */
	struct kref ref;
	/** @free_work: frees the client when the last reference was a fence's. */
	struct work_struct free_work;
	/** @ldev: the card; held, and so is the module. */
	struct loom_device *ldev;
	/** @user: who opened it. */
	struct loom_user *user;
	/** @lock: see the top of this file. */
	struct mutex lock;
	/** @file: for events; NULL once the file is being closed. */
	struct drm_file *file;
	/** @drm_id: the file's id in fdinfo. */
	u64 drm_id;
	/** @pid: of who opened it. */
	pid_t pid;
	/** @comm: its name. */
	char comm[TASK_COMM_LEN];
	/** @id: arbitration group on the card. */
	u32 id;
	/** @vms: by id. */
	struct xarray vms;
	/** @queues: by id. */
	struct xarray queues;
	/** @busy: ticks of the card clock in jobs. */
	atomic64_t busy;
	/** @jobs: completed. */
	atomic64_t jobs;
	/** @cycles: modelled, of these. */
	atomic64_t cycles;
	/** @energy: modelled, in picojoules. */
	atomic64_t energy;
	/** @first: the queue that is placed as its first, see place.c; never followed. */
	struct loom_queue *first;
	/** @queue_count: queues that have not ended. */
	atomic_t queue_count;
};

/* user.c */
void loom_user_init(struct loom_device *ldev);
struct loom_user *loom_user_find(struct loom_device *ldev);
struct loom_user *loom_user_get(struct loom_user *user);
void loom_user_put(struct loom_user *user);
int loom_user_charge(struct loom_user *user, enum loom_user_kind kind, u64 amount);
void loom_user_uncharge(struct loom_user *user, enum loom_user_kind kind, u64 amount);

/* drv.c */
void loom_client_init(struct loom_client *client, struct loom_device *ldev, u32 id);
void loom_client_put(struct loom_client *client);
void loom_client_put_atomic(struct loom_client *client);
void loom_client_ref(struct loom_client *client);
extern struct workqueue_struct *loom_wq;

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
void loom_prime_zap(struct loom_bo *bo);

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

/* uobj.c */
int loom_array_copy(const struct drm_loom_array *array, size_t size, u32 max, void **out);

/**
 * struct loom_queue - a user queue: one context of the card
 */
struct loom_queue {
	/** @ref: the id's, and one of each job. */
	struct kref ref;
	/** @ldev: the card. */
	struct loom_device *ldev;
	/** @client: the owner. */
	struct loom_client *client;
	/** @vm: address space of the jobs. */
	struct loom_vm *vm;
	/** @id: the owner's. */
	u32 id;
	/** @counted: as a queue of its user and of its client. */
	bool counted;
	/** @context: the card's. */
	u32 context;
	/** @entity: the scheduler's. */
	struct drm_sched_entity entity;
	/** @entity_ready: @entity was initialised. */
	bool entity_ready;
	/** @priority: enum drm_loom_priority. */
	u32 priority;
	/** @timeout_ms: longest time without progress. */
	u32 timeout_ms;
	/** @limit_ms: longest time in all. */
	u32 limit_ms;
	/** @dump_contents: dumps may have what is in buffers. */
	bool dump_contents;
	/** @submitted: jobs so far; under the VM's reservation. */
	u64 submitted;
	/** @place: rings that it may use. */
	const struct loom_place *place;
	/** @ring: where its jobs run, one of these; stays while one is unfinished. */
	struct loom_ring *ring;
	/** @fence_context: timeline of its jobs. */
	u64 fence_context;
	/** @fence_seqno: of the last group; under the same. */
	u64 fence_seqno;
	/** @handed: finished fence of the last group for the scheduler, or NULL; the same. */
	struct dma_fence *handed;
	/** @scheduled: groups that the scheduler has and the ring has not. */
	atomic_t scheduled;

	/** @results_obj: BO of the results ring, NULL if none. */
	struct drm_gem_object *results_obj;
	/** @results_map: its kernel mapping. */
	struct iosys_map results_map;
	/** @results: the results ring. */
	struct drm_loom_result *results;
	/** @results_mask: its size - 1. */
	u32 results_mask;

	/** @lock: see the top of this file; protects what follows. */
	spinlock_t lock;
	/** @status: enum drm_loom_queue_status; leaves OK once and for ever. */
	u32 status;
	/** @stopped: 0, or the error of jobs that did not start. */
	int stopped;
	/** @killed: destroyed by its owner. */
	bool killed;
	/** @completed: jobs so far. */
	u64 completed;
	/** @resets: ring and device resets lived through. */
	u32 resets;
	/** @reset_seen: the latest of them, so that each counts once. */
	u32 reset_seen;
	/** @first: what ended the queue. */
	struct {
		/** @first.va: address. */
		u64 va;
		/** @first.cookie: the job's. */
		u64 cookie;
		/** @first.job: its number. */
		u64 job;
		/** @first.code: enum loom_fault_code. */
		u32 code;
		/** @first.packet: byte offset. */
		u32 packet;
		/** @first.opcode: of the packet. */
		u32 opcode;
		/** @first.operand: of the packet. */
		u32 operand;
		/** @first.access: LOOM_ACCESS_*. */
		u32 access;
	} first;
	/** @events: what is to be delivered; a zero type means nothing. */
	struct drm_loom_event events[3];

	/** @event_work: delivers @events. */
	struct work_struct event_work;
	/** @free_work: ends the queue. */
	struct work_struct free_work;
};

/* queue.c */
void loom_queue_init(struct loom_queue *queue, struct loom_client *client);
void loom_queue_start_context(struct loom_queue *queue);
struct loom_queue *loom_queue_lookup(struct loom_client *client, u32 id);
void loom_queue_get(struct loom_queue *queue);
void loom_queue_put(struct loom_queue *queue);
void loom_queue_kill(struct loom_queue *queue);
int loom_queue_error(struct loom_queue *queue);
bool loom_queue_end(struct loom_queue *queue, u32 status, u64 job, u64 cookie,
		    const struct drm_loom_result *fault);
void loom_queue_stop_context(struct loom_queue *queue);
int loom_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_queue_state(struct drm_device *drm, void *data, struct drm_file *file);
int loom_ioctl_queue_poll(struct drm_device *drm, void *data, struct drm_file *file);

/* place.c */
void loom_place_init(struct loom_device *ldev);
const struct loom_place *loom_place_find(struct loom_queue *queue);
void loom_place_leave(struct loom_queue *queue);

/* event.c */
void loom_event_post(struct loom_queue *queue, u32 type, int error, u64 job, u64 cookie,
		     const struct drm_loom_result *fault);
void loom_event_work(struct work_struct *work);

/**
 * struct loom_job - a job group: consecutive jobs of one SUBMIT that complete together
 */
struct loom_job {
	/** @base: the scheduler's part. */
	struct drm_sched_job base;
	/** @queue: where it was submitted. */
	struct loom_queue *queue;
	/** @clear: what it is if it is the kernel's own and has no scheduler; else NULL. */
	struct loom_clear *clear;
	/** @fence: what others see: signals when the last of them has its outcome. */
	struct loom_fence *fence;
	/** @direct: it went past the scheduler; under the ring's lock. */
	bool direct;
	/** @users: of one that did, the ring and who pushed it: the last one frees it. */
	refcount_t users;
	/** @first: number of the first job. */
	u64 first;
	/** @done: jobs that have completed. */
	u32 done;
	/** @error: of the first job that failed. */
	int error;
	/** @count: jobs. */
	u32 count;
	/** @work: what each of them is. */
	struct {
		/** @work.cmd_va: command buffer. */
		u64 cmd_va;
		/** @work.cookie: the user's. */
		u64 cookie;
		/** @work.cmd_size: of the command buffer. */
		u32 cmd_size;
	} work[];
};

#define to_loom_job(job)	container_of(job, struct loom_job, base)

/* job.c */
extern const struct drm_sched_backend_ops loom_sched_ops;
void loom_job_complete(struct loom_job *job, u32 index, u32 ring, struct drm_loom_result *result);
void loom_job_end(struct loom_job *job);
int loom_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file);

/**
 * struct loom_sync - one sync operation of a SUBMIT
 * @flags: DRM_LOOM_SYNC_*
 * @handle: syncobj handle
 * @point: timeline point
 * @syncobj: the syncobj of a signal operation
 * @chain: link of its timeline
 */
struct loom_sync {
	u32 flags;
	u32 handle;
	u64 point;
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;
};

/* sync.c */
int loom_sync_copy(const struct drm_loom_array *array, struct loom_sync *syncs);
int loom_sync_prepare(struct drm_file *file, struct loom_sync *sync, struct xarray *signals);
int loom_sync_wait(struct drm_file *file, const struct loom_sync *sync, struct xarray *signals,
		   struct drm_sched_job *job);
void loom_sync_signal(struct loom_sync *sync, struct dma_fence *fence);
void loom_sync_put(struct loom_sync *syncs, u32 count);

/**
 * struct loom_slot - which job a descriptor of a ring belongs to
 * @job: the group
 * @index: which of it
 */
struct loom_slot {
	struct loom_job *job;
	u32 index;
};

#define LOOM_STARTED_UNKNOWN	U64_MAX

/**
 * struct loom_ring - a ring
 */
struct loom_ring {
	/** @sched: its scheduler. */
	struct drm_gpu_scheduler sched;
	/** @sched_list: that, for entities that are to use this ring alone. */
	struct drm_gpu_scheduler *sched_list;
	/** @ldev: the card. */
	struct loom_device *ldev;
	/** @link: in &loom_device.active_rings. */
	struct list_head link;
	/** @id: its number. */
	u32 id;
	/** @vector: of its completions. */
	u32 vector;
	/** @size: number of descriptors, a power of two. */
	u32 size;
	/** @name: for the scheduler. */
	char name[16];

	/** @lock: see the top of this file; protects what follows. */
	spinlock_t lock;
	/** @desc: descriptors. */
	struct loom_desc *desc;
	/** @desc_bus: their bus address. */
	dma_addr_t desc_bus;
	/** @cq: completions. */
	struct loom_cqe *cq;
	/** @cq_bus: their bus address. */
	dma_addr_t cq_bus;
	/** @write_mem: the write index that the card reads. */
	__le64 *write_mem;
	/** @write_bus: its bus address. */
	dma_addr_t write_bus;
	/** @slots: one for each descriptor, then as many spare ones for resets. */
	struct loom_slot *slots;
	/** @spare: room for the descriptors of a reset. */
	struct loom_desc *spare;
	/** @write: descriptors written since the last start. */
	u64 write;
	/** @done: descriptors retired since then. */
	u64 done;
	/** @shown: descriptors that the card may know of. */
	u64 shown;
	/** @generation: of completions that count. */
	u16 generation;
	/** @held: a reset is under way: descriptors are written, the doorbell is not rung. */
	bool held;
	/** @parked: the machine falls asleep: descriptors are written, the card is not told. */
	bool parked;
	/** @sampled: @started is known. */
	bool sampled;
	/**
	 * @started: descriptors that the card had started when the ring was held, or
	 * LOOM_STARTED_UNKNOWN.
	 */
	u64 started;
	/** @dead: error of jobs; nothing of the card is touched any more. */
	int dead;
	/** @broken: a completion cannot be true: the watchdog resets the ring. */
	bool broken;
	/** @direct: descriptors in it that went past the scheduler. */
	u32 direct;

	/** @watch: what the watchdog saw last; its own. */
	struct {
		/** @watch.valid: the rest means something. */
		bool valid;
		/** @watch.running: a descriptor is in execution. */
		bool running;
		/** @watch.index: which. */
		u64 index;
		/** @watch.priority: of its queue. */
		u32 priority;
		/** @watch.error: the ring stopped by itself. */
		bool error;
		/** @watch.progress: RING_PROGRESS. */
		u64 progress;
		/** @watch.start: ns when it was first seen. */
		u64 start;
		/** @watch.moved: ns when it last moved. */
		u64 moved;
		/** @watch.done: descriptors that had been retired. */
		u64 done;
		/** @watch.stalled: ns since when a descriptor waits and nothing runs, 0: not. */
		u64 stalled;
		/** @watch.strikes: what was done about that. */
		u32 strikes;
	} watch;
};

static inline u32 loom_ring_reg(const struct loom_ring *ring, u32 reg)
{
	return LOOM_REG_RING(ring->id) + reg;
}

/* ring.c */
void loom_ring_fence_init(struct loom_fence *fence, struct loom_client *client, u64 context,
			  u64 seqno);
int loom_ring_init(struct loom_device *ldev, u32 id);
int loom_ring_sched_init(struct loom_ring *ring);
struct loom_ring *loom_ring_pick(const struct loom_place *place, struct loom_ring *ring);
void loom_ring_start(struct loom_ring *ring);
void loom_ring_push(struct loom_ring *ring, struct loom_job *job);
bool loom_ring_try_push(struct loom_ring *ring, struct loom_job *job);
void loom_ring_push_locked(struct loom_ring *ring, struct loom_job *job);
void loom_ring_complete(struct loom_ring *ring);
void loom_ring_complete_locked(struct loom_ring *ring);
void loom_ring_poll(struct loom_ring *ring);
void loom_ring_park(struct loom_ring *ring, bool park);
bool loom_ring_drained(struct loom_ring *ring);
void loom_ring_continue(struct loom_ring *ring);
void loom_ring_restart(struct loom_ring *ring, struct loom_queue *guilty);
void loom_ring_kill(struct loom_ring *ring, int error);

/* Scheduled groups have one half of each ring. */
static inline u32 loom_ring_credits(const struct loom_device *ldev)
{
	return 1u << (ldev->caps.ring_log2 - 1);
}

/* Those that go past the scheduler have the other; clears need room in a ring that is shared. */
static inline u32 loom_ring_direct(const struct loom_device *ldev)
{
	return loom_ring_credits(ldev) - (ldev->first_ring ? 0 : LOOM_CLEARS);
}

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

/* irq.c */
extern const struct attribute_group loom_irq_group;
int loom_irq_init(struct loom_device *ldev);
void loom_irq_start(struct loom_device *ldev);

/* fault.c */
void loom_fault_drain(struct loom_device *ldev);
void loom_fault_restart(struct loom_device *ldev);
void loom_fault_report(struct loom_queue *queue);
bool loom_fault_find(struct loom_device *ldev, u32 context, u32 number, struct loom_fault *record);

/* reset.c */
int loom_card_reset(struct loom_device *ldev);
int loom_card_start(struct loom_device *ldev);
void loom_card_hold(struct loom_device *ldev);
void loom_card_resume(struct loom_device *ldev, struct loom_queue *guilty);
void loom_card_kill(struct loom_device *ldev, int error);
void loom_reset_request(struct loom_device *ldev, const char *why);
void loom_reset_request_ring(struct loom_device *ldev, u32 ring);
void loom_reset_work(struct work_struct *work);
void loom_wedge_work(struct work_struct *work);
void loom_reset_ring(struct loom_ring *ring, struct loom_queue *guilty, const char *why);
void loom_wedge(struct loom_device *ldev, const char *why);

/* dump.c */
int loom_dump_init(struct loom_device *ldev);
bool loom_dump_begin(struct loom_device *ldev, u32 reason, u32 ring, const char *why,
		     const struct loom_slot *slot);
void loom_dump_take(struct loom_device *ldev);
void loom_dump_settle(struct loom_vm *vm);
void loom_dump_fault(struct loom_ring *ring, const struct loom_slot *slot, u32 outcome,
		     const struct loom_fault *record);

/* watch.c */
void loom_watch_kick(struct loom_device *ldev);
void loom_watch_now(struct loom_device *ldev);
void loom_watch_work(struct work_struct *work);

/* query.c */
int loom_ioctl_dev_query(struct drm_device *drm, void *data, struct drm_file *file);

/* stat.c */
void loom_show_fdinfo(struct drm_printer *p, struct drm_file *file);

/* debug.c */
void loom_debug_init(struct loom_device *ldev);

/* ras.c */
extern const struct attribute_group loom_ras_group;
int loom_read_negotiated(struct loom_device *ldev, u32 reg, u64 *value);

/* hwmon.c */
#if IS_REACHABLE(CONFIG_HWMON)
void loom_hwmon_init(struct loom_device *ldev);
#else
static inline void loom_hwmon_init(struct loom_device *ldev) { }
#endif

/* pmu.c */
#if IS_ENABLED(CONFIG_PERF_EVENTS)
void loom_pmu_init(struct loom_device *ldev);
void loom_pmu_fini(struct loom_device *ldev);
void loom_pmu_exit(void);
#else
static inline void loom_pmu_init(struct loom_device *ldev) { }
static inline void loom_pmu_fini(struct loom_device *ldev) { }
static inline void loom_pmu_exit(void) { }
#endif

/* power.c */
int loom_power_get(struct loom_device *ldev);
bool loom_power_try(struct loom_device *ldev);
void loom_power_hold(struct loom_device *ldev);
void loom_power_put(struct loom_device *ldev);
void loom_power_init(struct loom_device *ldev);
void loom_power_fini(struct loom_device *ldev);
extern const struct dev_pm_ops loom_pm_ops;

/* drv.c */
extern const struct drm_driver loom_driver;

/* pci.c */
extern struct pci_driver loom_pci_driver;

#endif
