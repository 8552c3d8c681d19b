/* SPDX-License-Identifier: MIT */
/*
 * The format of a device dump: /sys/class/devcoredump/devcd<N>/data.
 *
 * A header, then sections, each with a header of its own. Everything is
 * little-endian; sections begin at multiples of 8 bytes. A reader skips sections
 * of types that it does not know and takes a longer structure than it knows as
 * the same with more at the end. Documentation/dump.rst explains it.
 */
#ifndef LOOM_DUMP_H
#define LOOM_DUMP_H

#include "loom_hw.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LOOM_DUMP_MAGIC			0x504d55444d4f4f4cull	/* "LOOMDUMP" */
#define LOOM_DUMP_VERSION		1

/** LOOM_DUMP_INCOMPLETE - something is missing, for lack of memory or beyond a bound. */
#define LOOM_DUMP_INCOMPLETE		(1u << 0)
/** LOOM_DUMP_LATE - taken some time after the failure: software may have changed it meanwhile. */
#define LOOM_DUMP_LATE			(1u << 1)

/**
 * struct loom_dump_header - head of a dump
 */
struct loom_dump_header {
	/** @magic: LOOM_DUMP_MAGIC. */
	__le64 magic;
	/** @version: LOOM_DUMP_VERSION; a reader of another version cannot read the rest. */
	__le32 version;
	/** @size: bytes of this structure, a multiple of 8: where the first section begins. */
	__le32 size;
	/** @total: bytes of the whole dump. */
	__le64 total;
	/** @sections: how many. */
	__le32 sections;
	/** @flags: LOOM_DUMP_INCOMPLETE if a section is, or is not there that should be. */
	__le32 flags;
};

/**
 * enum loom_dump_type - what a section holds
 * @LOOM_DUMP_META: one &struct loom_dump_meta; always the first
 * @LOOM_DUMP_REGISTERS: array of &struct loom_dump_register of the device
 * @LOOM_DUMP_RING_REGISTERS: the same of ring @id
 * @LOOM_DUMP_RING: one &struct loom_dump_ring: what the driver knows of ring @id
 * @LOOM_DUMP_DESCRIPTORS: all &struct loom_desc of ring @id, as they are in memory
 * @LOOM_DUMP_COMPLETIONS: all &struct loom_cqe of ring @id, as they are in memory
 * @LOOM_DUMP_JOBS: array of &struct loom_dump_job: descriptors of ring @id that are not retired
 * @LOOM_DUMP_CONTEXT: &struct loom_ctx_entry of context @id
 * @LOOM_DUMP_FAULT: &struct loom_fault, the fault record
 * @LOOM_DUMP_WALK: array of &struct loom_dump_step: the page table walk of address @at
 * @LOOM_DUMP_COMMANDS: contents of the command buffer at address @at
 * @LOOM_DUMP_MAP: array of &struct loom_dump_mapping: the address space of the job
 * @LOOM_DUMP_CONTENTS: bytes of memory from address @at on; one section for each mapping of which
 *	there is something, numbered by @id. LOOM_DUMP_INCOMPLETE: less than the mapping, perhaps
 *	nothing
 *
 * There are contents only if the job's queue was created with DRM_LOOM_QUEUE_DUMP_CONTENTS.
 * Types from 64 on may be skipped by those who look for what happened, not for data.
 */
enum loom_dump_type {
	LOOM_DUMP_META			= 1,
	LOOM_DUMP_REGISTERS		= 2,
	LOOM_DUMP_RING_REGISTERS	= 3,
	LOOM_DUMP_RING			= 4,
	LOOM_DUMP_DESCRIPTORS		= 5,
	LOOM_DUMP_COMPLETIONS		= 6,
	LOOM_DUMP_JOBS			= 7,
	LOOM_DUMP_CONTEXT		= 8,
	LOOM_DUMP_FAULT			= 9,
	LOOM_DUMP_WALK			= 10,
	LOOM_DUMP_COMMANDS		= 11,
	LOOM_DUMP_MAP			= 12,
	LOOM_DUMP_CONTENTS		= 64,
};

/**
 * struct loom_dump_section - head of a section
 */
struct loom_dump_section {
	/** @type: enum loom_dump_type. */
	__le32 type;
	/** @flags: LOOM_DUMP_*. */
	__le32 flags;
	/** @id: a ring, a context or a number, by @type. */
	__le32 id;
	/** @stride: bytes of one element of an array, of the whole otherwise. */
	__le32 stride;
	/** @at: a virtual address, by @type. */
	__le64 at;
	/** @size: bytes that follow; the next section begins at the next multiple of 8. */
	__le64 size;
};

/**
 * enum loom_dump_reason - why there is a dump
 * @LOOM_DUMP_REASON_FAULT: a job faulted, or the card failed in it
 * @LOOM_DUMP_REASON_HANG: a job hung, or ran too long
 * @LOOM_DUMP_REASON_RING: a ring had to be reset, and no job is to blame
 * @LOOM_DUMP_REASON_DEVICE: the device had to be reset
 * @LOOM_DUMP_REASON_WEDGE: the card was given up
 */
enum loom_dump_reason {
	LOOM_DUMP_REASON_FAULT		= 1,
	LOOM_DUMP_REASON_HANG		= 2,
	LOOM_DUMP_REASON_RING		= 3,
	LOOM_DUMP_REASON_DEVICE		= 4,
	LOOM_DUMP_REASON_WEDGE		= 5,
};

/**
 * struct loom_dump_meta - what happened, to whom, on which card
 */
struct loom_dump_meta {
	/** @reason: enum loom_dump_reason. */
	__le32 reason;
	/** @ring: where; 0xffffffff: all. */
	__le32 ring;
	/** @why: the same in words, zero padded. */
	__u8 why[64];
	/** @boottime: CLOCK_BOOTTIME in ns. */
	__le64 boottime;
	/** @realtime: CLOCK_REALTIME in ns. */
	__le64 realtime;
	/** @timestamp: card clock. */
	__le64 timestamp;
	/** @hw_version: LOOM_REG_VERSION. */
	__le32 hw_version;
	/** @driver_version: major << 16 | minor, as of DRM_IOCTL_VERSION. */
	__le32 driver_version;
	/** @kernel: release of the kernel, zero padded. */
	__u8 kernel[64];
	/** @pci: PCI address, zero padded. */
	__u8 pci[16];
	/** @serial: LOOM_REG_SERIAL. */
	__u8 serial[32];
	/** @model: LOOM_REG_MODEL. */
	__u8 model[32];
	/** @features: LOOM_FEATURE_* in use. */
	__le64 features;
	/** @generation: device resets since the driver was bound. */
	__le32 generation;
	/** @resets: resets of rings and device since then. */
	__le32 resets;
	/** @job: number of the job in its queue; 0: no job is to blame, the rest is zero. */
	__le64 job;
	/** @cookie: its cookie. */
	__le64 cookie;
	/** @cmd_va: its command buffer. */
	__le64 cmd_va;
	/** @cmd_size: bytes of it. */
	__le32 cmd_size;
	/** @outcome: enum loom_outcome, of a job that faulted. */
	__le32 outcome;
	/** @queue: id of its queue in the file. */
	__le32 queue;
	/** @context: the card's. */
	__le32 context;
	/** @client: drm-client-id of the file in fdinfo. */
	__le64 client;
	/** @root: bus address of the root of the page tables. */
	__le64 root;
	/** @tag: TLB tag. */
	__le32 tag;
	/** @pid: process that opened the file. */
	__le32 pid;
	/** @comm: its name, zero padded. */
	__u8 comm[16];
};

/**
 * struct loom_dump_register - a register
 */
struct loom_dump_register {
	/** @offset: in BAR0. */
	__le32 offset;
	/** @size: 4 or 8 bytes. */
	__le32 size;
	/** @value: what it read as. */
	__le64 value;
};

/**
 * struct loom_dump_ring - a ring as the driver sees it
 */
struct loom_dump_ring {
	/** @desc_bus: bus address of the descriptors. */
	__le64 desc_bus;
	/** @cq_bus: bus address of the completions. */
	__le64 cq_bus;
	/** @write: descriptors written since the ring was started. */
	__le64 write;
	/** @done: of these, retired. */
	__le64 done;
	/** @started: if LOOM_DUMP_RING_HELD: of these, not to be replayed. */
	__le64 started;
	/** @size: number of descriptors. */
	__le32 size;
	/** @generation: of completions that count. */
	__le32 generation;
	/** @flags: LOOM_DUMP_RING_*. */
	__le32 flags;
	/** @pad: zero. */
	__le32 pad;
};

/** LOOM_DUMP_RING_HELD - a reset is under way. */
#define LOOM_DUMP_RING_HELD		(1u << 0)
/** LOOM_DUMP_RING_BROKEN - a completion could not be true. */
#define LOOM_DUMP_RING_BROKEN		(1u << 1)
/** LOOM_DUMP_RING_DEAD - it is of no use any more. */
#define LOOM_DUMP_RING_DEAD		(1u << 2)

/**
 * struct loom_dump_job - a descriptor that is not retired
 */
struct loom_dump_job {
	/** @index: of the descriptor since the ring was started. */
	__le64 index;
	/** @job: number of the job in its queue. */
	__le64 job;
	/** @cookie: the job's. */
	__le64 cookie;
	/** @client: drm-client-id of the file. */
	__le64 client;
	/** @queue: id of the queue in the file. */
	__le32 queue;
	/** @context: the card's. */
	__le32 context;
	/** @pid: process that opened the file. */
	__le32 pid;
	/** @pad: zero. */
	__le32 pad;
};

/**
 * struct loom_dump_step - one level of a page table walk, from the root down
 */
struct loom_dump_step {
	/** @table: bus address of the table. */
	__le64 table;
	/** @entry: the entry. */
	__le64 entry;
	/** @level: 3: the root .. 0. */
	__le32 level;
	/** @index: of the entry in the table. */
	__le32 index;
};

/**
 * struct loom_dump_mapping - a mapping of a buffer
 */
struct loom_dump_mapping {
	/** @va: first address. */
	__le64 va;
	/** @size: bytes. */
	__le64 size;
	/** @offset: in the buffer. */
	__le64 offset;
	/** @buffer_size: bytes of the buffer. */
	__le64 buffer_size;
	/** @buffer: tells buffers apart: the same for all mappings of one. */
	__le64 buffer;
	/** @flags: DRM_LOOM_BO_* of the buffer. */
	__le32 flags;
	/** @pad: zero. */
	__le32 pad;
	/** @label: the buffer's, zero padded. */
	__u8 label[64];
	/**
	 * @prot: what its leaves have of LOOM_PTE_READ, LOOM_PTE_WRITE and LOOM_PTE_LOCAL; zero:
	 * a driver that did not tell.
	 */
	__le32 prot;
	/** @pad2: zero. */
	__le32 pad2;
};

#ifdef __cplusplus
}
#endif

#endif
