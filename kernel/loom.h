/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The card, who has it open, and who may call whom. The other objects: memory.h, queue.h, ring.h.
 *
 * Lock order, outermost first:
 *
 *	loom_client.lock	(mutex)   the file behind a client, while events are delivered
 *	loom_device.vm_lock	(mutex)   list of VMs, and the end of their page tables
 *	loom_vm.lock		(mutex)   address space: VA tree and page tables
 *	loom_device.tlb_lock	(mutex)   the invalidation registers; polls, bounded
 *	dma_resv		(ww)      of a VM and of the BOs in it, by drm_exec
 *	loom_device.local.lock	(mutex)   which part of local memory is free
 *	loom_device.local.reach	(rwsem)   read: a process gets to see local memory; within mmap_lock
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
#include <linux/rwsem.h>
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
struct loom_job;
struct loom_local;
struct loom_pmu;
struct loom_queue;
struct loom_ring;
struct loom_slot;
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
		/** @local.reach: see the top of this file. */
		struct rw_semaphore reach;
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

/* uobj.c */
int loom_array_copy(const struct drm_loom_array *array, size_t size, u32 max, void **out);

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
u64 loom_ticks_to_ns(u64 ticks, u64 hz);
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
void loom_pmu_sleep(struct loom_device *ldev);
void loom_pmu_fini(struct loom_device *ldev);
void loom_pmu_exit(void);
#else
static inline void loom_pmu_init(struct loom_device *ldev) { }
static inline void loom_pmu_sleep(struct loom_device *ldev) { }
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
