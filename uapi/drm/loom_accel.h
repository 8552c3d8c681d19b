/* SPDX-License-Identifier: MIT */
/*
 * The Loom kernel/user interface: ioctls of /dev/accel/accelN.
 */
#ifndef LOOM_ACCEL_H
#define LOOM_ACCEL_H

#if defined(__KERNEL__)
#include <drm/drm.h>
#else
#include "drm.h"
#endif

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: Rules of this interface
 *
 * - Fields are of fixed size and naturally aligned; every structure is a
 *   multiple of 8 bytes, without holes and of the same size in 32-bit and
 *   64-bit processes. Padding is explicit and must be zero.
 * - Unknown flags, non-zero padding and reserved fields give -EINVAL. Structures
 *   and array elements grow at the end only: a longer one than the kernel knows
 *   is accepted if the rest is zero (-E2BIG otherwise), a shorter one is taken as
 *   filled up with zeros, down to the size that this header had in its first
 *   version.
 * - Arrays are described by &struct drm_loom_array. Counts are bounded, see
 *   &struct drm_loom_query_info.
 * - Handles of BOs and syncobjs are the file's GEM and syncobj handles; VM and
 *   queue ids belong to the file, are never zero and die with it.
 * - User addresses travel in __u64. Times are absolute CLOCK_MONOTONIC
 *   nanoseconds unless a field says otherwise.
 * - Every call may return -EINTR or -ERESTARTSYS with its arguments unchanged,
 *   -ENODEV after the card is gone and -EFAULT for a bad user address.
 * - Errors: -ENOENT: a handle or id does not exist; -EINVAL: an argument is
 *   wrong; -E2BIG: an array is longer than the limit or a structure has unknown
 *   non-zero fields; -ENOMEM: no memory; -ENOSPC: no local memory, VA space or
 *   context left; -EDQUOT: the user has all that one user may have; -EOPNOTSUPP: this
 *   card or kernel lacks the feature; -EIO: the card is wedged.
 * - Waiting needs no call of this interface: SUBMIT signals syncobjs, which
 *   DRM_IOCTL_SYNCOBJ_{WAIT,TIMELINE_WAIT,EVENTFD} and sync_file wait for. Who would
 *   rather look for a moment than sleep at once calls QUEUE_POLL before that.
 */

/**
 * enum drm_loom_ioctl_id - numbers of the ioctls; appended to, never reused
 */
enum drm_loom_ioctl_id {
	/** @DRM_LOOM_DEV_QUERY: Ask for properties of device and driver. */
	DRM_LOOM_DEV_QUERY = 0,
	/** @DRM_LOOM_BO_CREATE: Create a buffer object. */
	DRM_LOOM_BO_CREATE,
	/** @DRM_LOOM_BO_MMAP_OFFSET: Get the mmap() offset of a BO. */
	DRM_LOOM_BO_MMAP_OFFSET,
	/** @DRM_LOOM_BO_INFO: Ask for properties of a BO. */
	DRM_LOOM_BO_INFO,
	/** @DRM_LOOM_BO_LABEL: Give a BO a name. */
	DRM_LOOM_BO_LABEL,
	/** @DRM_LOOM_VM_CREATE: Create an address space. */
	DRM_LOOM_VM_CREATE,
	/** @DRM_LOOM_VM_DESTROY: Destroy an address space. */
	DRM_LOOM_VM_DESTROY,
	/** @DRM_LOOM_VM_BIND: Map and unmap BOs in an address space. */
	DRM_LOOM_VM_BIND,
	/** @DRM_LOOM_VM_STATE: Ask for the state of an address space. */
	DRM_LOOM_VM_STATE,
	/** @DRM_LOOM_QUEUE_CREATE: Create a queue. */
	DRM_LOOM_QUEUE_CREATE,
	/** @DRM_LOOM_QUEUE_DESTROY: Destroy a queue. */
	DRM_LOOM_QUEUE_DESTROY,
	/** @DRM_LOOM_QUEUE_STATE: Ask for the state of a queue. */
	DRM_LOOM_QUEUE_STATE,
	/** @DRM_LOOM_SUBMIT: Submit jobs to a queue. */
	DRM_LOOM_SUBMIT,
	/** @DRM_LOOM_QUEUE_POLL: Look for completions of a queue for a bounded time. */
	DRM_LOOM_QUEUE_POLL,
};

/**
 * struct drm_loom_array - an array of structures in user memory
 */
struct drm_loom_array {
	/** @stride: Size of one element as the caller knows it, a multiple of 8. */
	__u32 stride;
	/** @count: Number of elements. */
	__u32 count;
	/** @array: Address of the first element; ignored if @count is 0. */
	__u64 array;
};

/* ------------------------------------------------------------------------ */

/**
 * enum drm_loom_query_type - what DEV_QUERY returns
 */
enum drm_loom_query_type {
	/** @DRM_LOOM_QUERY_INFO: &struct drm_loom_query_info. */
	DRM_LOOM_QUERY_INFO = 0,
	/** @DRM_LOOM_QUERY_TIMESTAMP: &struct drm_loom_query_timestamp. */
	DRM_LOOM_QUERY_TIMESTAMP = 1,
	/** @DRM_LOOM_QUERY_MEMORY: &struct drm_loom_query_memory. */
	DRM_LOOM_QUERY_MEMORY = 2,
	/** @DRM_LOOM_QUERY_COUNTERS: &struct drm_loom_query_counters. */
	DRM_LOOM_QUERY_COUNTERS = 3,
};

/**
 * struct drm_loom_dev_query - argument of DRM_IOCTL_LOOM_DEV_QUERY
 *
 * Errors: -EINVAL: unknown @type.
 */
struct drm_loom_dev_query {
	/** @type: enum drm_loom_query_type. */
	__u32 type;
	/**
	 * @size: In: bytes at @pointer; a smaller structure is cut off, the rest of
	 * a larger one is zeroed. Out, if @pointer is 0: the kernel's size.
	 */
	__u32 size;
	/** @pointer: Where to write the answer; 0 asks for the size alone. */
	__u64 pointer;
};

/** DRM_LOOM_CAP_LOCAL_MEMORY - BO_CREATE can place BOs in local memory. */
#define DRM_LOOM_CAP_LOCAL_MEMORY	(1ull << 0)
/** DRM_LOOM_CAP_RESULTS - queues can have a results ring. */
#define DRM_LOOM_CAP_RESULTS		(1ull << 1)
/** DRM_LOOM_CAP_EVENTS - drm_events are delivered on the file. */
#define DRM_LOOM_CAP_EVENTS		(1ull << 2)
/** DRM_LOOM_CAP_DMABUF - BOs can be exported and imported as dma-bufs. */
#define DRM_LOOM_CAP_DMABUF		(1ull << 3)
/** DRM_LOOM_CAP_ASYNC_BIND - VM_BIND takes syncs. */
#define DRM_LOOM_CAP_ASYNC_BIND		(1ull << 4)
/** DRM_LOOM_CAP_DEBUG - the card accepts the HANG packet. */
#define DRM_LOOM_CAP_DEBUG		(1ull << 5)
/** DRM_LOOM_CAP_POLL - QUEUE_POLL exists. */
#define DRM_LOOM_CAP_POLL		(1ull << 6)
/** DRM_LOOM_CAP_DUMP_CONTENTS - QUEUE_CREATE takes DRM_LOOM_QUEUE_DUMP_CONTENTS. */
#define DRM_LOOM_CAP_DUMP_CONTENTS	(1ull << 7)

/**
 * struct drm_loom_query_info - what the card is and what the limits are
 */
struct drm_loom_query_info {
	/** @caps: DRM_LOOM_CAP_*. */
	__u64 caps;
	/** @features: LOOM_FEATURE_* in use, both offered and accepted. */
	__u64 features;
	/** @dtypes: Bit n set: dtype n of loom_isa.h. */
	__u64 dtypes;
	/** @opcodes: Bit n set: opcode n of loom_isa.h. */
	__u64 opcodes[4];
	/** @page_sizes: Bit n set: mappings of 2^n bytes. */
	__u64 page_sizes;
	/** @va_start: First usable virtual address. */
	__u64 va_start;
	/** @va_end: First virtual address that is not usable any more. */
	__u64 va_end;
	/** @local_size: Bytes of local memory. */
	__u64 local_size;
	/** @timestamp_hz: Card clock ticks per second. */
	__u64 timestamp_hz;
	/** @hw_version: LOOM_REG_VERSION. */
	__u32 hw_version;
	/** @profile: LOOM_REG_PROFILE. */
	__u32 profile;
	/** @array: LOOM_REG_ARRAY. */
	__u32 array;
	/** @clock_khz: Modelled core clock. */
	__u32 clock_khz;
	/** @sram_kib: Modelled on-chip memory. */
	__u32 sram_kib;
	/** @local_mbps: Modelled local memory bandwidth. */
	__u32 local_mbps;
	/** @host_mbps: Modelled host link bandwidth. */
	__u32 host_mbps;
	/** @rings: Rings for user queues. */
	__u32 rings;
	/** @contexts: Queues that can exist on the card at a time. */
	__u32 contexts;
	/** @vectors: Interrupt vectors in use. */
	__u32 vectors;
	/** @cmd_size_max: Largest command buffer in bytes. */
	__u32 cmd_size_max;
	/** @jobs_max: Jobs in one SUBMIT. */
	__u32 jobs_max;
	/** @syncs_max: Sync operations of one job. */
	__u32 syncs_max;
	/** @queue_depth_max: Unfinished jobs of one queue. */
	__u32 queue_depth_max;
	/** @binds_max: Operations in one VM_BIND. */
	__u32 binds_max;
	/** @vms_max: VMs of one file. */
	__u32 vms_max;
	/** @queues_max: Queues of one file. */
	__u32 queues_max;
	/** @timeout_ms_max: Largest timeout of a queue. */
	__u32 timeout_ms_max;
	/** @generation: Device resets so far; changes with every device reset. */
	__u32 generation;
	/** @numa_node: The card's, -1 if none. */
	__s32 numa_node;
	/** @serial: ASCII, zero padded. */
	__u8 serial[32];
	/** @model: ASCII, zero padded. */
	__u8 model[32];
	/** @queues_user: Queues of one user, in all its files. */
	__u32 queues_user;
	/** @vms_user: VMs of one user. */
	__u32 vms_user;
	/** @local_user: Bytes of local memory of one user. */
	__u64 local_user;
};

/**
 * struct drm_loom_query_timestamp - card clock and CPU clock at the same moment
 */
struct drm_loom_query_timestamp {
	/** @device: Card clock in ticks. */
	__u64 device;
	/** @cpu: CLOCK_MONOTONIC in ns, the middle of the read. */
	__u64 cpu;
	/** @duration: How long the read took in ns: twice the largest error, of any pair. */
	__u64 duration;
	/** @raw: CLOCK_MONOTONIC_RAW in ns at the same moment; 0 from older drivers. */
	__u64 raw;
	/** @boot: CLOCK_BOOTTIME, likewise. */
	__u64 boot;
};

/**
 * struct drm_loom_query_memory - use of memory by all clients
 */
struct drm_loom_query_memory {
	/** @system_used: Bytes of system memory in BOs. */
	__u64 system_used;
	/** @local_used: Bytes of local memory in BOs. */
	__u64 local_used;
	/** @local_free: Bytes of local memory that are free. */
	__u64 local_free;
};

/**
 * struct drm_loom_query_counters - the card's counters, see loom_hw.h
 */
struct drm_loom_query_counters {
	/** @descriptors: LOOM_REG_CNT_DESCRIPTORS. */
	__u64 descriptors;
	/** @packets: LOOM_REG_CNT_PACKETS. */
	__u64 packets;
	/** @busy_ns: LOOM_REG_CNT_BUSY_NS. */
	__u64 busy_ns;
	/** @cycles: LOOM_REG_CNT_CYCLES. */
	__u64 cycles;
	/** @macs: LOOM_REG_CNT_MACS. */
	__u64 macs;
	/** @bytes_local: LOOM_REG_CNT_BYTES_LOCAL. */
	__u64 bytes_local;
	/** @bytes_host: LOOM_REG_CNT_BYTES_HOST. */
	__u64 bytes_host;
	/** @energy_pj: LOOM_REG_CNT_ENERGY_PJ. */
	__u64 energy_pj;
	/** @faults: LOOM_REG_CNT_FAULTS. */
	__u64 faults;
	/** @tlb_misses: LOOM_REG_CNT_TLB_MISSES. */
	__u64 tlb_misses;
	/** @resets: LOOM_REG_CNT_RESETS. */
	__u64 resets;
};

/* ------------------------------------------------------------------------ */

/** DRM_LOOM_BO_LOCAL - in local memory; -EOPNOTSUPP without CAP_LOCAL_MEMORY. */
#define DRM_LOOM_BO_LOCAL		(1u << 0)
/** DRM_LOOM_BO_NO_MMAP - the CPU will never map it. */
#define DRM_LOOM_BO_NO_MMAP		(1u << 1)

/**
 * struct drm_loom_bo_create - argument of DRM_IOCTL_LOOM_BO_CREATE
 *
 * The contents are zero. Errors: -EINVAL: @size is 0 or too large, unknown
 * @flags, non-zero @pad; -ENOENT: @vm_id; -ENOMEM; -ENOSPC; -EDQUOT: local memory of the
 * user; -EOPNOTSUPP.
 */
struct drm_loom_bo_create {
	/** @size: In: bytes wanted; out: bytes allocated, whole pages. */
	__u64 size;
	/** @flags: DRM_LOOM_BO_*. */
	__u32 flags;
	/**
	 * @vm_id: If not 0, the BO can be bound in this VM only and cannot be
	 * exported, which makes submissions cheaper.
	 */
	__u32 vm_id;
	/** @handle: Out: GEM handle. */
	__u32 handle;
	/** @pad: Must be zero. */
	__u32 pad;
};

/**
 * struct drm_loom_bo_mmap_offset - argument of DRM_IOCTL_LOOM_BO_MMAP_OFFSET
 *
 * Errors: -ENOENT: @handle; -EINVAL: @pad; -EPERM: created with NO_MMAP.
 */
struct drm_loom_bo_mmap_offset {
	/** @handle: GEM handle. */
	__u32 handle;
	/** @pad: Must be zero. */
	__u32 pad;
	/** @offset: Out: offset for mmap() on the file. */
	__u64 offset;
};

/** DRM_LOOM_BO_INFO_IMPORTED - the BO is another driver's dma-buf. */
#define DRM_LOOM_BO_INFO_IMPORTED	(1u << 0)

/**
 * struct drm_loom_bo_info - argument of DRM_IOCTL_LOOM_BO_INFO
 *
 * Errors: -ENOENT: @handle; -EINVAL: @pad.
 */
struct drm_loom_bo_info {
	/** @handle: GEM handle. */
	__u32 handle;
	/** @pad: Must be zero. */
	__u32 pad;
	/** @size: Out: bytes. */
	__u64 size;
	/** @flags: Out: DRM_LOOM_BO_* it was created with. */
	__u32 flags;
	/** @state: Out: DRM_LOOM_BO_INFO_*. */
	__u32 state;
};

/** DRM_LOOM_BO_LABEL_MAX - longest label in bytes, without its final zero. */
#define DRM_LOOM_BO_LABEL_MAX		63

/**
 * struct drm_loom_bo_label - argument of DRM_IOCTL_LOOM_BO_LABEL
 *
 * The label appears in debugfs and in the kernel's reports of faults. Errors: -ENOENT:
 * @handle; -EINVAL: @pad; -E2BIG: longer than DRM_LOOM_BO_LABEL_MAX.
 */
struct drm_loom_bo_label {
	/** @handle: GEM handle. */
	__u32 handle;
	/** @pad: Must be zero. */
	__u32 pad;
	/** @label: Address of a zero-terminated string; 0 removes the label. */
	__u64 label;
};

/* ------------------------------------------------------------------------ */

/**
 * struct drm_loom_vm_create - argument of DRM_IOCTL_LOOM_VM_CREATE
 *
 * Errors: -EINVAL: @flags; -ENOSPC: limit of the file reached; -EDQUOT: limit of the
 * user reached; -ENOMEM.
 */
struct drm_loom_vm_create {
	/** @flags: Must be zero. */
	__u32 flags;
	/** @id: Out: id of the VM. */
	__u32 id;
};

/**
 * struct drm_loom_vm_destroy - argument of DRM_IOCTL_LOOM_VM_DESTROY
 *
 * The id is gone at once; the VM itself lives until its last queue is
 * destroyed. Errors: -ENOENT: @id; -EINVAL: @pad.
 */
struct drm_loom_vm_destroy {
	/** @id: The VM. */
	__u32 id;
	/** @pad: Must be zero. */
	__u32 pad;
};

/**
 * enum drm_loom_bind_type - kinds of VM_BIND operations
 */
enum drm_loom_bind_type {
	/** @DRM_LOOM_BIND_MAP: Map a BO, replacing what was in the range. */
	DRM_LOOM_BIND_MAP = 0,
	/** @DRM_LOOM_BIND_UNMAP: Unmap a range; parts that are not mapped are ignored. */
	DRM_LOOM_BIND_UNMAP = 1,
};

/** DRM_LOOM_BIND_TYPE_MASK - bits of flags that hold enum drm_loom_bind_type. */
#define DRM_LOOM_BIND_TYPE_MASK		0xfu
/** DRM_LOOM_BIND_READONLY - the card may only read the mapping; with MAP. */
#define DRM_LOOM_BIND_READONLY		(1u << 4)

/**
 * struct drm_loom_bind - one operation of VM_BIND
 */
struct drm_loom_bind {
	/** @flags: enum drm_loom_bind_type and DRM_LOOM_BIND_*. */
	__u32 flags;
	/** @handle: GEM handle for MAP, else zero. */
	__u32 handle;
	/** @offset: Offset in the BO for MAP, else zero; page aligned. */
	__u64 offset;
	/** @va: First virtual address, page aligned. */
	__u64 va;
	/** @size: Bytes, page aligned, not zero. */
	__u64 size;
};

/**
 * struct drm_loom_vm_bind - argument of DRM_IOCTL_LOOM_VM_BIND
 *
 * Operations take effect in order; all are checked before the first. When the call returns
 * they are visible to the card, and nothing that was unmapped is reached any
 * more. A job that still uses an unmapped range faults. If an operation fails,
 * those before it stay and @failed tells which it was.
 *
 * Errors: -ENOENT: VM or handle; -EINVAL: alignment, range, flags, pads, a BO that is
 * private to another VM; -E2BIG: too many; -EOPNOTSUPP: syncs without
 * CAP_ASYNC_BIND, or memory that the card cannot reach without a copy; -EIO: local
 * memory that the card could not clear; -ENOMEM.
 */
struct drm_loom_vm_bind {
	/** @vm_id: The VM. */
	__u32 vm_id;
	/** @flags: Must be zero. */
	__u32 flags;
	/** @ops: Array of &struct drm_loom_bind. */
	struct drm_loom_array ops;
	/** @syncs: Array of &struct drm_loom_sync; must be empty without CAP_ASYNC_BIND. */
	struct drm_loom_array syncs;
	/** @failed: Out: number of operations that took effect; on success ops.count. */
	__u32 failed;
	/** @pad: Must be zero. */
	__u32 pad;
};

/**
 * struct drm_loom_vm_state - argument of DRM_IOCTL_LOOM_VM_STATE
 *
 * Errors: -ENOENT: @id; -EINVAL: @pad.
 */
struct drm_loom_vm_state {
	/** @id: The VM. */
	__u32 id;
	/** @pad: Must be zero. */
	__u32 pad;
	/** @mapped: Out: bytes mapped. */
	__u64 mapped;
	/** @mappings: Out: number of mappings. */
	__u32 mappings;
	/** @faults: Out: faults of jobs in this VM so far. */
	__u32 faults;
};

/* ------------------------------------------------------------------------ */

/**
 * enum drm_loom_priority - priority of a queue
 */
enum drm_loom_priority {
	/** @DRM_LOOM_PRIORITY_LOW: Runs when nothing else does. */
	DRM_LOOM_PRIORITY_LOW = 0,
	/** @DRM_LOOM_PRIORITY_NORMAL: The default. */
	DRM_LOOM_PRIORITY_NORMAL = 1,
	/** @DRM_LOOM_PRIORITY_HIGH: Needs CAP_SYS_NICE. */
	DRM_LOOM_PRIORITY_HIGH = 2,
};

/**
 * struct drm_loom_result - outcome of one job, in a queue's results ring
 *
 * Written by the kernel before the job's syncobjs signal; the element of job
 * number n is n modulo the ring's size. @number is written last, with release
 * order: the element is that of job n if @number is n.
 */
struct drm_loom_result {
	/** @number: Number of the job, from 1. */
	__u64 number;
	/** @cookie: The job's. */
	__u64 cookie;
	/** @t_start: Observed: card clock at its start. */
	__u64 t_start;
	/** @t_end: Observed: card clock at its end. */
	__u64 t_end;
	/** @cycles: Modelled core clock cycles. */
	__u64 cycles;
	/** @bytes: Modelled memory traffic. */
	__u64 bytes;
	/** @energy_pj: Modelled picojoules. */
	__u64 energy_pj;
	/** @fault_va: Faulting address, or that of the bad packet. */
	__u64 fault_va;
	/** @error: 0 or negative errno, as in the table of &struct drm_loom_submit. */
	__s32 error;
	/** @outcome: enum loom_outcome of loom_hw.h. */
	__u32 outcome;
	/** @fault_code: enum loom_fault_code of loom_hw.h; 0 if none. */
	__u32 fault_code;
	/** @fault_packet: Byte offset of the faulting packet. */
	__u32 fault_packet;
	/** @fault_opcode: Its opcode. */
	__u32 fault_opcode;
	/** @fault_operand: Its operand, 0xff if none. */
	__u32 fault_operand;
	/** @fault_access: LOOM_ACCESS_* of loom_hw.h. */
	__u32 fault_access;
	/** @pad: Zero. */
	__u32 pad;
	/** @reserved: Zero. */
	__u64 reserved[4];
};

/**
 * DRM_LOOM_QUEUE_DUMP_CONTENTS - if a job of the queue faults or hangs, the dump of it has the
 * contents of all buffers of the VM that were never shared with another file or driver, as far as
 * there is room. Root can read it. Only with CAP_DUMP_CONTENTS.
 */
#define DRM_LOOM_QUEUE_DUMP_CONTENTS	(1u << 0)

/**
 * struct drm_loom_queue_create - argument of DRM_IOCTL_LOOM_QUEUE_CREATE
 *
 * Errors: -ENOENT: VM or results BO; -EINVAL: flags, pads, priority, timeout, results
 * alignment or range; -EACCES: priority without CAP_SYS_NICE; -EOPNOTSUPP: results in a BO
 * that is not in system memory of this driver; -ENOSPC: no context left or limit of the
 * file reached; -EDQUOT: limit of the user reached; -ENOMEM.
 */
struct drm_loom_queue_create {
	/** @vm_id: Address space of the queue's jobs. */
	__u32 vm_id;
	/** @flags: DRM_LOOM_QUEUE_*. */
	__u32 flags;
	/** @priority: enum drm_loom_priority. */
	__u32 priority;
	/**
	 * @timeout_ms: A job that makes no progress for that long is a hang; 0: the
	 * default.
	 */
	__u32 timeout_ms;
	/**
	 * @limit_ms: A job that runs longer is stopped, progress or not; 0: the default.
	 */
	__u32 limit_ms;
	/** @results_handle: BO of the results ring, 0: none. */
	__u32 results_handle;
	/** @results_offset: Offset of the ring in it, a multiple of 64. */
	__u64 results_offset;
	/** @results_count: Elements, a power of two, or 0 without a BO. */
	__u32 results_count;
	/** @id: Out: id of the queue. */
	__u32 id;
	/** @reserved: Must be zero. */
	__u64 reserved[4];
};

/**
 * struct drm_loom_queue_destroy - argument of DRM_IOCTL_LOOM_QUEUE_DESTROY
 *
 * Unfinished jobs are stopped: their syncobjs signal with -ECANCELED. Errors:
 * -ENOENT: @id; -EINVAL: @pad.
 */
struct drm_loom_queue_destroy {
	/** @id: The queue. */
	__u32 id;
	/** @pad: Must be zero. */
	__u32 pad;
};

/**
 * enum drm_loom_queue_status - state of a queue
 */
enum drm_loom_queue_status {
	/** @DRM_LOOM_QUEUE_OK: Takes jobs. */
	DRM_LOOM_QUEUE_OK = 0,
	/** @DRM_LOOM_QUEUE_FAULTED: A job faulted; SUBMIT gives -EIO. */
	DRM_LOOM_QUEUE_FAULTED = 1,
	/** @DRM_LOOM_QUEUE_BANNED: A job hung; SUBMIT gives -ETIME. */
	DRM_LOOM_QUEUE_BANNED = 2,
	/** @DRM_LOOM_QUEUE_INNOCENT: Lost a job to another's reset; SUBMIT gives -ECANCELED. */
	DRM_LOOM_QUEUE_INNOCENT = 3,
	/** @DRM_LOOM_QUEUE_LOST: The card is gone; SUBMIT gives -ENODEV. */
	DRM_LOOM_QUEUE_LOST = 4,
};

/**
 * struct drm_loom_queue_state - argument of DRM_IOCTL_LOOM_QUEUE_STATE
 *
 * Errors: -ENOENT: @id; -EINVAL: @pad.
 */
struct drm_loom_queue_state {
	/** @id: The queue. */
	__u32 id;
	/** @pad: Must be zero. */
	__u32 pad;
	/** @status: Out: enum drm_loom_queue_status. */
	__u32 status;
	/** @fault_code: Out: enum loom_fault_code of the first fault, 0 if none. */
	__u32 fault_code;
	/** @fault_va: Out: its address. */
	__u64 fault_va;
	/** @fault_cookie: Out: cookie of the job that faulted or hung. */
	__u64 fault_cookie;
	/** @fault_job: Out: its number. */
	__u64 fault_job;
	/** @fault_packet: Out: byte offset of the packet. */
	__u32 fault_packet;
	/** @fault_opcode: Out: its opcode. */
	__u32 fault_opcode;
	/** @fault_operand: Out: its operand, 0xff if none. */
	__u32 fault_operand;
	/** @fault_access: Out: LOOM_ACCESS_*. */
	__u32 fault_access;
	/** @submitted: Out: jobs submitted so far. */
	__u64 submitted;
	/** @completed: Out: jobs completed so far, with whatever outcome. */
	__u64 completed;
	/** @resets: Out: ring and device resets that this queue lived through. */
	__u32 resets;
	/** @generation: Out: device generation. */
	__u32 generation;
};

/* ------------------------------------------------------------------------ */

/** DRM_LOOM_SYNC_SIGNAL - signal when the job is done; otherwise wait before it starts. */
#define DRM_LOOM_SYNC_SIGNAL		(1u << 0)
/** DRM_LOOM_SYNC_TIMELINE - @point of a timeline syncobj; otherwise a binary one. */
#define DRM_LOOM_SYNC_TIMELINE		(1u << 1)

/**
 * struct drm_loom_sync - one sync operation of a job
 */
struct drm_loom_sync {
	/** @flags: DRM_LOOM_SYNC_*. */
	__u32 flags;
	/** @handle: Syncobj handle. */
	__u32 handle;
	/** @point: Timeline point, not zero; zero for a binary syncobj. */
	__u64 point;
};

/**
 * struct drm_loom_job - one job of SUBMIT
 */
struct drm_loom_job {
	/** @cmd_va: Command buffer in the queue's VM, 8 aligned; 0 with @cmd_size 0. */
	__u64 cmd_va;
	/** @cmd_size: Bytes, a multiple of 8; 0: a point to synchronise at. */
	__u32 cmd_size;
	/** @flags: Must be zero. */
	__u32 flags;
	/** @cookie: The caller's; in results, events, traces and dumps. */
	__u64 cookie;
	/** @syncs: Array of &struct drm_loom_sync. */
	struct drm_loom_array syncs;
};

/**
 * struct drm_loom_submit - argument of DRM_IOCTL_LOOM_SUBMIT
 *
 * All jobs are accepted or none. Jobs of a queue start in order. A job may wait
 * for what an earlier job of the same call signals.
 *
 * Outcome of a job in its fences and results: 0; -EIO: it faulted or its command
 * buffer is not valid; -ETIME: it hung; -ECANCELED: its queue was stopped before or while
 * it ran, or it fell to another's reset; -ENODEV: the card is gone.
 *
 * Errors: -ENOENT: queue or syncobj, or a wait on a syncobj without a fence;
 * -EINVAL: flags, pads, alignment, no job; -E2BIG: more jobs or syncs than the
 * limits; -EAGAIN: the queue is full, wait for a job of it; -EIO, -ETIME, -ECANCELED, -ENODEV:
 * the queue's state, see enum drm_loom_queue_status; -ENOMEM.
 */
struct drm_loom_submit {
	/** @queue_id: The queue. */
	__u32 queue_id;
	/** @flags: Must be zero. */
	__u32 flags;
	/** @jobs: Array of &struct drm_loom_job. */
	struct drm_loom_array jobs;
	/** @first: Out: number of the first job; the others follow. */
	__u64 first;
};

/** DRM_LOOM_POLL_NS_MAX - longest time that one QUEUE_POLL looks. */
#define DRM_LOOM_POLL_NS_MAX		1000000u

/**
 * struct drm_loom_queue_poll - argument of DRM_IOCTL_LOOM_QUEUE_POLL
 *
 * Looks at what the card has completed, now and again until job @number is, at most for
 * @poll_ns: results are written and syncobjs signal without waiting for an interrupt. It never
 * sleeps for a job: what ends it early is a signal or the loss of the card, and that is no
 * error. Results and syncobjs tell what became of the job.
 *
 * Errors: -ENOENT: @id; -EINVAL: @pad.
 */
struct drm_loom_queue_poll {
	/** @id: The queue. */
	__u32 id;
	/** @pad: Must be zero. */
	__u32 pad;
	/** @number: Number of the job; 0: look once. */
	__u64 number;
	/** @poll_ns: For how long to look; more than DRM_LOOM_POLL_NS_MAX is taken as that. */
	__u64 poll_ns;
	/** @completed: Out: jobs completed so far, as in QUEUE_STATE. */
	__u64 completed;
};

/* ------------------------------------------------------------------------ */

/** DRM_LOOM_EVENT_FAULT - &struct drm_loom_event: a job faulted. */
#define DRM_LOOM_EVENT_FAULT		0x80000000u
/** DRM_LOOM_EVENT_BANNED - &struct drm_loom_event: a queue was banned. */
#define DRM_LOOM_EVENT_BANNED		0x80000001u
/** DRM_LOOM_EVENT_RESET - &struct drm_loom_event: a reset touched a queue. */
#define DRM_LOOM_EVENT_RESET		0x80000002u

/** DRM_LOOM_EVENT_SIZE_MAX - no event of any kind will be longer. */
#define DRM_LOOM_EVENT_SIZE_MAX		256

/**
 * struct drm_loom_event - record that read() on the file returns
 *
 * An event that finds the file's event buffer full is dropped: QUEUE_STATE has
 * the truth. read() gives whole events only, so that a buffer should have room for
 * DRM_LOOM_EVENT_SIZE_MAX bytes: events may grow at their end, up to that.
 */
struct drm_loom_event {
	/** @base: type and length. */
	struct drm_event base;
	/** @queue_id: The queue. */
	__u32 queue_id;
	/** @error: Outcome of the job, negative errno. */
	__s32 error;
	/** @cookie: The job's. */
	__u64 cookie;
	/** @job: Its number. */
	__u64 job;
	/** @fault_va: Faulting address. */
	__u64 fault_va;
	/** @fault_code: enum loom_fault_code. */
	__u32 fault_code;
	/** @fault_packet: Byte offset of the packet. */
	__u32 fault_packet;
	/** @time: CLOCK_MONOTONIC in ns. */
	__u64 time;
	/** @fault_access: LOOM_ACCESS_*. */
	__u32 fault_access;
	/** @fault_operand: Operand of the packet, 0xff if none. */
	__u32 fault_operand;
	/**
	 * @label: Label of the BO that is mapped at @fault_va, or was a moment after the fault;
	 * empty if there is none. Ends with a zero.
	 */
	__u8 label[DRM_LOOM_BO_LABEL_MAX + 1];
};

/* ------------------------------------------------------------------------ */

#define DRM_LOOM_IOCTL(access, name, type) \
	DRM_##access(DRM_COMMAND_BASE + DRM_LOOM_##name, struct drm_loom_##type)

#define DRM_IOCTL_LOOM_DEV_QUERY	DRM_LOOM_IOCTL(IOWR, DEV_QUERY, dev_query)
#define DRM_IOCTL_LOOM_BO_CREATE	DRM_LOOM_IOCTL(IOWR, BO_CREATE, bo_create)
#define DRM_IOCTL_LOOM_BO_MMAP_OFFSET	DRM_LOOM_IOCTL(IOWR, BO_MMAP_OFFSET, bo_mmap_offset)
#define DRM_IOCTL_LOOM_BO_INFO		DRM_LOOM_IOCTL(IOWR, BO_INFO, bo_info)
#define DRM_IOCTL_LOOM_BO_LABEL		DRM_LOOM_IOCTL(IOWR, BO_LABEL, bo_label)
#define DRM_IOCTL_LOOM_VM_CREATE	DRM_LOOM_IOCTL(IOWR, VM_CREATE, vm_create)
#define DRM_IOCTL_LOOM_VM_DESTROY	DRM_LOOM_IOCTL(IOWR, VM_DESTROY, vm_destroy)
#define DRM_IOCTL_LOOM_VM_BIND		DRM_LOOM_IOCTL(IOWR, VM_BIND, vm_bind)
#define DRM_IOCTL_LOOM_VM_STATE		DRM_LOOM_IOCTL(IOWR, VM_STATE, vm_state)
#define DRM_IOCTL_LOOM_QUEUE_CREATE	DRM_LOOM_IOCTL(IOWR, QUEUE_CREATE, queue_create)
#define DRM_IOCTL_LOOM_QUEUE_DESTROY	DRM_LOOM_IOCTL(IOWR, QUEUE_DESTROY, queue_destroy)
#define DRM_IOCTL_LOOM_QUEUE_STATE	DRM_LOOM_IOCTL(IOWR, QUEUE_STATE, queue_state)
#define DRM_IOCTL_LOOM_SUBMIT		DRM_LOOM_IOCTL(IOWR, SUBMIT, submit)
#define DRM_IOCTL_LOOM_QUEUE_POLL	DRM_LOOM_IOCTL(IOWR, QUEUE_POLL, queue_poll)

#if defined(__cplusplus)
}
#endif

#endif
