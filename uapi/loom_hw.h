/* SPDX-License-Identifier: MIT */
/*
 * The Loom hardware interface: registers, rings, contexts, page tables,
 * completions and fault records.
 *
 * The driver, the in-process card and the QEMU device all include this file;
 * nothing in it is defined a second time. Documentation/hardware.rst is the
 * specification, the comments here are its summary. Command buffers, which the
 * driver never parses, are in loom_isa.h.
 *
 * Every multi-byte field in memory and every register is little-endian.
 */
#ifndef LOOM_HW_H
#define LOOM_HW_H

#ifdef __linux__
#include <linux/types.h>
#else
#include <stdint.h>
typedef uint8_t  __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
typedef int32_t  __s32;
typedef int64_t  __s64;
typedef uint16_t __le16;
typedef uint32_t __le32;
typedef uint64_t __le64;
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------ */
/* PCI                                                                      */
/* ------------------------------------------------------------------------ */

#define LOOM_PCI_VENDOR			0x1234
#define LOOM_PCI_DEVICE			0x10a1
#define LOOM_PCI_CLASS			0x1200	/* processing accelerator */

#define LOOM_BAR_REGS			0	/* registers and doorbells */
#define LOOM_BAR_LOCAL			2	/* local memory, 64-bit, prefetchable */
#define LOOM_BAR_MSIX			4	/* MSI-X table and PBA, nothing else */

#define LOOM_BAR_REGS_SIZE		0x1000000	/* 16 MiB */

/* ------------------------------------------------------------------------ */
/* Architectural limits. What a given card has is in its registers.         */
/* ------------------------------------------------------------------------ */

#define LOOM_RINGS_MAX			64
#define LOOM_CONTEXTS_MAX		4096
#define LOOM_RING_LOG2_MIN		4	/* 16 descriptors */
#define LOOM_RING_LOG2_MAX		16
#define LOOM_CMD_SIZE_MAX		0x100000	/* bytes in one command buffer */
#define LOOM_VA_BITS			48

/* ------------------------------------------------------------------------ */
/* Register map of BAR0.                                                    */
/*                                                                          */
/* A register is 32 or 64 bits wide and naturally aligned. Accesses are of  */
/* 4 or 8 bytes, naturally aligned. A 64-bit register may be written by     */
/* halves, low first: it takes effect with the high half. An 8-byte access  */
/* to two 32-bit registers is two 4-byte accesses, low first. Registers that*/
/* are not listed read zero and ignore writes.                              */
/* ------------------------------------------------------------------------ */

/* Identity and capabilities: read only. */
#define LOOM_REG_MAGIC			0x0000	/* 32: LOOM_MAGIC */
#define LOOM_REG_VERSION		0x0004	/* 32: major << 16 | minor */
#define LOOM_REG_FEATURES		0x0008	/* 64: LOOM_FEATURE_* offered */
#define LOOM_REG_NUM_RINGS		0x0010	/* 32: ring 0 is the admin ring */
#define LOOM_REG_NUM_CONTEXTS		0x0014	/* 32 */
#define LOOM_REG_NUM_VECTORS		0x0018	/* 32: MSI-X vectors implemented */
#define LOOM_REG_RING_LOG2		0x001c	/* 32: max << 16 | min */
#define LOOM_REG_CMD_SIZE_MAX		0x0020	/* 32: bytes */
#define LOOM_REG_RESET_TIMEOUT_MS	0x0024	/* 32: bound of every reset and of HALT */
#define LOOM_REG_VA_BITS		0x0028	/* 32 */
#define LOOM_REG_TENSOR_LIMITS		0x002c	/* 32: rank_max; dims are bounded by LOOM_DIM_MAX */
#define LOOM_REG_PAGE_SIZES		0x0030	/* 64: bit n set: leaves of 2^n bytes */
#define LOOM_REG_LOCAL_SIZE		0x0038	/* 64: bytes of local memory, 0 if none */
#define LOOM_REG_DTYPES			0x0040	/* 64: bit n set: dtype n of loom_isa.h */
#define LOOM_REG_TIMESTAMP_HZ		0x0048	/* 64 */
#define LOOM_REG_PROFILE		0x0050	/* 32: LOOM_PROFILE_*, the performance model */
#define LOOM_REG_ARRAY			0x0054	/* 32: matrix array, rows << 16 | columns */
#define LOOM_REG_CLOCK_KHZ		0x0058	/* 32: modelled core clock */
#define LOOM_REG_SRAM_KIB		0x005c	/* 32: modelled on-chip memory */
#define LOOM_REG_LOCAL_MBPS		0x0060	/* 32: modelled local bandwidth, 10^6 bytes/s */
#define LOOM_REG_HOST_MBPS		0x0064	/* 32: modelled host link bandwidth, 10^6 bytes/s */
#define LOOM_REG_OPCODES		0x0080	/* 4 x 64: bit n set: opcode n of loom_isa.h */
#define LOOM_REG_SERIAL			0x00c0	/* 32 bytes ASCII, zero padded */
#define LOOM_REG_MODEL			0x00e0	/* 32 bytes ASCII, zero padded */

/* Control. */
#define LOOM_REG_FEATURES_ACK		0x0100	/* 64 rw: accepted subset, before ENABLE */
#define LOOM_REG_CTRL			0x0108	/* 32 rw: LOOM_CTRL_* */
#define LOOM_REG_STATUS			0x010c	/* 32 ro: LOOM_STATUS_* */
#define LOOM_REG_GENERATION		0x0110	/* 32 ro: +1 with each device reset of any kind */
#define LOOM_REG_TIMESTAMP		0x0118	/* 64 ro: card clock, never goes back */

#define LOOM_MAGIC			0x4d4f4f4c	/* "LOOM" */
#define LOOM_VERSION_MAJOR		1
#define LOOM_VERSION_MINOR		2

#define LOOM_CTRL_ENABLE		(1u << 0)	/* rings may run */
#define LOOM_CTRL_RESET			(1u << 1)	/* soft reset, self-clearing */

#define LOOM_STATUS_ENABLED		(1u << 0)
#define LOOM_STATUS_RESETTING		(1u << 1)
#define LOOM_STATUS_FATAL		(1u << 2)	/* only a reset helps */
#define LOOM_STATUS_BAD_FEATURES	(1u << 3)	/* ACK has bits that are not offered */

#define LOOM_FEATURE_COALESCE		(1ull << 0)	/* LOOM_IRQ_COALESCE_* work */
#define LOOM_FEATURE_RING_CONTEXT	(1ull << 1)	/* RING_CONTEXT other than ANY */
#define LOOM_FEATURE_DEBUG		(1ull << 2)	/* HANG packet, LOOM_REG_INJECT */
#define LOOM_FEATURE_TIMING_MODEL	(1ull << 3)	/* completions are held to modelled time */
#define LOOM_FEATURE_SENSORS		(1ull << 4)	/* LOOM_REG_SENSOR_* */
#define LOOM_FEATURE_RAS		(1ull << 5)	/* LOOM_REG_CNT_ECC_* */

#define LOOM_PROFILE_LOOM1		1
#define LOOM_PROFILE_TPUV1		2

/* Interrupts: vector 0 is for the causes below, rings choose their vector. */
#define LOOM_REG_IRQ_STATUS		0x1000	/* 64 rw1c: LOOM_IRQ_* */
#define LOOM_REG_IRQ_ENABLE		0x1008	/* 64 rw: causes that raise vector 0 */
#define LOOM_REG_IRQ_COALESCE(v)	(0x1400 + 8 * (v))	/* 64 rw: us << 32 | count */

#define LOOM_IRQ_FAULT			(1ull << 0)	/* a fault record was written */
#define LOOM_IRQ_FAULT_OVERFLOW		(1ull << 1)	/* ... or dropped, the fault ring is full */
#define LOOM_IRQ_RING_ERROR		(1ull << 2)	/* some RING_ERROR is non-zero */
#define LOOM_IRQ_FATAL			(1ull << 3)	/* LOOM_STATUS_FATAL */

/* Context table and TLB invalidation. */
#define LOOM_REG_CTX_BASE		0x2000	/* 64 rw: bus address of the table, 4 KiB aligned */
#define LOOM_REG_CTX_COUNT		0x2008	/* 32 rw: entries in it */
#define LOOM_REG_CTX_STOP		0x2010	/* 32 wo: stop context n */
#define LOOM_REG_CTX_START		0x2014	/* 32 wo: forget that context n was stopped */
#define LOOM_REG_INV_VA			0x2020	/* 64 rw: first VA, 4 KiB aligned */
#define LOOM_REG_INV_LEN		0x2028	/* 64 rw: bytes, 4 KiB aligned; 0: the whole tag */
#define LOOM_REG_INV_TAG		0x2030	/* 32 rw: a write starts the invalidation */
#define LOOM_REG_INV_ISSUED		0x2038	/* 64 ro: number of invalidations started */
#define LOOM_REG_INV_DONE		0x2040	/* 64 ro: all up to this number are complete */

/* Fault ring: 64-byte records, see struct loom_fault. */
#define LOOM_REG_FAULT_BASE		0x3000	/* 64 rw: bus address, 4 KiB aligned; 0: none */
#define LOOM_REG_FAULT_LOG2		0x3008	/* 32 rw: log2 of the number of records, 4..16 */
#define LOOM_REG_FAULT_WRITE		0x3010	/* 64 ro: records written, free running */
#define LOOM_REG_FAULT_READ		0x3018	/* 64 rw: records consumed by the driver */
#define LOOM_REG_FAULT_DROPPED		0x3020	/* 64 ro */

/* Device counters: 64-bit, read only, since power-on. */
#define LOOM_REG_CNT_DESCRIPTORS	0x4000	/* completed with any status */
#define LOOM_REG_CNT_PACKETS		0x4008	/* executed */
#define LOOM_REG_CNT_BUSY_NS		0x4010	/* observed: time in which an engine worked */
#define LOOM_REG_CNT_CYCLES		0x4018	/* modelled */
#define LOOM_REG_CNT_MACS		0x4020	/* multiply-adds requested */
#define LOOM_REG_CNT_BYTES_LOCAL	0x4028	/* modelled traffic to local memory */
#define LOOM_REG_CNT_BYTES_HOST		0x4030	/* modelled traffic to host memory */
#define LOOM_REG_CNT_ENERGY_PJ		0x4038	/* modelled */
#define LOOM_REG_CNT_FAULTS		0x4040
#define LOOM_REG_CNT_TLB_MISSES		0x4048
#define LOOM_REG_CNT_RESETS		0x4050	/* of rings and of the device */

/* Sensors, modelled. They read zero unless LOOM_FEATURE_SENSORS is acknowledged. */
#define LOOM_REG_SENSOR_TEMP_MC		0x5000	/* 32 ro: thousandths of a degree Celsius */
#define LOOM_REG_SENSOR_POWER_MW	0x5004	/* 32 ro: milliwatts, of the last whole period */
#define LOOM_REG_SENSOR_ENERGY_UJ	0x5008	/* 64 ro: microjoules since power-on */
#define LOOM_REG_SENSOR_PERIOD_MS	0x5010	/* 32 ro: what POWER and TEMP are renewed after */

/* Fault injection, for tests of drivers. */
#define LOOM_REG_INJECT			0x6000	/* 32 wo: ring << 8 | enum loom_inject */

/* Errors of the card's memories, since power-on; zero unless LOOM_FEATURE_RAS is acknowledged. */
#define LOOM_REG_CNT_ECC_CORRECTED	0x6008	/* 64 ro: found and corrected */
#define LOOM_REG_CNT_ECC_UNCORRECTED	0x6010	/* 64 ro: found; a descriptor ended for it */

/**
 * enum loom_inject - what LOOM_REG_INJECT makes happen, once
 * @LOOM_INJECT_NONE: disarm all of the card; a card that is DEAD answers again
 * @LOOM_INJECT_HANG: the ring's engine hangs, whatever its context; RESET of the ring helps
 * @LOOM_INJECT_HANG_DEVICE: the same, and only a device reset helps
 * @LOOM_INJECT_LOST_IRQ: the ring's next interrupt is not raised
 * @LOOM_INJECT_LOST_DOORBELL: the ring's next doorbell is not seen
 * @LOOM_INJECT_DMA_ERROR: the next access to an operand faults with LOOM_FAULT_BUS
 * @LOOM_INJECT_ECC: the ring's descriptor ends with LOOM_OUTCOME_HW_ERROR
 * @LOOM_INJECT_DEAD: the card answers with all ones and does nothing, until FLR
 * @LOOM_INJECT_ECC_CORRECTED: a memory error that the ring's descriptor does not notice
 *
 * The register is there when LOOM_FEATURE_DEBUG is acknowledged.
 */
enum loom_inject {
	LOOM_INJECT_NONE		= 0,
	LOOM_INJECT_HANG		= 1,
	LOOM_INJECT_HANG_DEVICE		= 2,
	LOOM_INJECT_LOST_IRQ		= 3,
	LOOM_INJECT_LOST_DOORBELL	= 4,
	LOOM_INJECT_DMA_ERROR		= 5,
	LOOM_INJECT_ECC			= 6,
	LOOM_INJECT_DEAD		= 7,
	LOOM_INJECT_ECC_CORRECTED	= 8,
};

/* The rest of 0x5000, power and thermal, and of 0x6000: reserved, read zero. */

/* Ring registers, one 4 KiB page per ring. */
#define LOOM_REG_RING(r)		(0x10000 + 0x1000 * (r))
#define LOOM_RING_BASE			0x00	/* 64 rw*: descriptors, 4 KiB aligned */
#define LOOM_RING_CQ_BASE		0x08	/* 64 rw*: completions, 4 KiB aligned */
#define LOOM_RING_WRITE_ADDR		0x10	/* 64 rw*: 64-bit write index, 8 aligned */
#define LOOM_RING_READ			0x18	/* 64 rw*: next to retire; where to start */
#define LOOM_RING_LOG2			0x20	/* 32 rw*: log2 of the number of descriptors */
#define LOOM_RING_CQ_LOG2		0x24	/* 32 rw*: log2 of completions, >= LOG2 */
#define LOOM_RING_CONTEXT		0x28	/* 32 rw*: LOOM_RING_CONTEXT_ANY or a context */
#define LOOM_RING_VECTOR		0x2c	/* 32 rw*: MSI-X vector of completions */
#define LOOM_RING_CTRL			0x30	/* 32 rw: LOOM_RING_CTRL_* */
#define LOOM_RING_STATUS		0x34	/* 32 ro: LOOM_RING_STATUS_* */
#define LOOM_RING_ERROR			0x38	/* 32 ro: enum loom_ring_error */
#define LOOM_RING_GENERATION		0x3c	/* 32 ro: +1 with each reset of the ring */
#define LOOM_RING_PROGRESS		0x40	/* 64 ro: moves with every tile */
#define LOOM_RING_CURRENT_INDEX		0x48	/* 64 ro: descriptor in execution, if RUNNING */
#define LOOM_RING_CURRENT_CONTEXT	0x50	/* 32 ro: its context */
#define LOOM_RING_CURRENT_PACKET	0x54	/* 32 ro: byte offset of the packet in execution */
#define LOOM_RING_CQ_WRITE		0x58	/* 64 ro: completions written */
#define LOOM_RING_CNT_BUSY_NS		0x80	/* 64 ro: observed */
#define LOOM_RING_CNT_DESCRIPTORS	0x88	/* 64 ro */
/* (*) writable while the ring is disabled; a write to an enabled ring is ignored. */

#define LOOM_RING_CONTEXT_ANY		0xffffffffu

#define LOOM_RING_CTRL_ENABLE		(1u << 0)
#define LOOM_RING_CTRL_HALT		(1u << 1)	/* fetch no further descriptor */
#define LOOM_RING_CTRL_RESET		(1u << 2)	/* self-clearing; disables the ring */

#define LOOM_RING_STATUS_ENABLED	(1u << 0)
#define LOOM_RING_STATUS_RUNNING	(1u << 1)	/* a descriptor is in execution */
#define LOOM_RING_STATUS_HALTED		(1u << 2)	/* HALT took effect: nothing runs */
#define LOOM_RING_STATUS_RESETTING	(1u << 3)
#define LOOM_RING_STATUS_ERROR		(1u << 4)	/* see LOOM_RING_ERROR; only RESET helps */

/**
 * enum loom_ring_error - why a ring stopped by itself
 * @LOOM_RING_ERROR_NONE: it did not
 * @LOOM_RING_ERROR_CONFIG: ENABLE with a bad base, size, vector or context
 * @LOOM_RING_ERROR_INDEX: write index - read index exceeds the ring, or went back
 * @LOOM_RING_ERROR_BUS: a descriptor, index or completion address is not memory
 */
enum loom_ring_error {
	LOOM_RING_ERROR_NONE		= 0,
	LOOM_RING_ERROR_CONFIG		= 1,
	LOOM_RING_ERROR_INDEX		= 2,
	LOOM_RING_ERROR_BUS		= 3,
};

/* Doorbells: one page per ring, 64 KiB apart, nothing else in it. Any write of
 * 4 or 8 bytes rings, whatever its value; reads return zero.
 */
#define LOOM_DOORBELL_BASE		0x800000
#define LOOM_DOORBELL_STRIDE		0x10000
#define LOOM_DOORBELL(r)		(LOOM_DOORBELL_BASE + LOOM_DOORBELL_STRIDE * (r))

/* ------------------------------------------------------------------------ */
/* Structures in memory                                                     */
/* ------------------------------------------------------------------------ */

/**
 * struct loom_ctx_entry - one entry of the context table in host memory
 *
 * The card copies the entry once for every descriptor that names it.
 */
struct loom_ctx_entry {
	/** @root: bus address of the level 3 page table, 4 KiB aligned. */
	__le64 root;
	/** @tag: TLB tag; contexts of one address space share it. */
	__le32 tag;
	/** @flags: LOOM_CTX_VALID; other bits must be zero. */
	__le32 flags;
	/** @client: arbitration group; contexts of one client share its cycles. */
	__le32 client;
	/** @weight: share of the client's cycles, 1..65535. */
	__le16 weight;
	/** @priority: 0 lowest .. 3 highest; strict between priorities. */
	__u8 priority;
	/** @pad: must be zero. */
	__u8 pad;
	/** @reserved: must be zero. */
	__le64 reserved[5];
};

#define LOOM_CTX_VALID			(1u << 0)

#define LOOM_PRIORITY_LOW		0
#define LOOM_PRIORITY_NORMAL		1
#define LOOM_PRIORITY_HIGH		2
#define LOOM_PRIORITY_KERNEL		3

/**
 * struct loom_desc - one descriptor of a ring
 */
struct loom_desc {
	/** @cmd_va: virtual address of the command buffer, 8 aligned. */
	__le64 cmd_va;
	/** @cmd_size: its size in bytes, a multiple of 8; 0: nothing to execute. */
	__le32 cmd_size;
	/** @context: context in whose address space it runs. */
	__le32 context;
	/** @cookie: comes back in the completion and in fault records. */
	__le64 cookie;
	/** @flags: LOOM_DESC_*; other bits must be zero. */
	__le32 flags;
	/** @pad: must be zero. */
	__le32 pad;
	/** @reserved: must be zero. */
	__le64 reserved[4];
};

#define LOOM_DESC_IRQ			(1u << 0)	/* raise the ring's vector at completion */

/**
 * struct loom_cqe - one completion, written in ring order
 *
 * The card writes all fields but @control, then @control with release order.
 * An entry is new when its phase bit differs from that of the previous lap;
 * the first lap has phase 1 and the driver clears the queue beforehand.
 */
struct loom_cqe {
	/** @index: free-running index of the descriptor. */
	__le64 index;
	/** @cookie: the descriptor's. */
	__le64 cookie;
	/** @t_start: observed: card clock when the descriptor was fetched for execution. */
	__le64 t_start;
	/** @t_end: observed: card clock when its last effect was visible. */
	__le64 t_end;
	/** @cycles: modelled core clock cycles. */
	__le64 cycles;
	/** @bytes: modelled memory traffic, local and host. */
	__le64 bytes;
	/** @energy_pj: modelled energy in picojoules. */
	__le64 energy_pj;
	/** @control: fault record number << 32 | ring generation << 16 | outcome << 8 | phase. */
	__le64 control;
};

#define LOOM_CQE_PHASE			(1ull << 0)
#define LOOM_CQE_OUTCOME_SHIFT		8
#define LOOM_CQE_OUTCOME_MASK		0xffull
#define LOOM_CQE_GENERATION_SHIFT	16	/* low 16 bits of RING_GENERATION */
#define LOOM_CQE_GENERATION_MASK	0xffffull
#define LOOM_CQE_FAULT_SHIFT		32	/* low 32 bits of the record's number */
#define LOOM_CQE_FAULT_NONE		0xffffffffull

/**
 * enum loom_outcome - outcome of a descriptor
 * @LOOM_OUTCOME_OK: executed
 * @LOOM_OUTCOME_FAULT: a memory access failed; see the fault record
 * @LOOM_OUTCOME_BAD_COMMAND: the command buffer is not valid; see the fault record
 * @LOOM_OUTCOME_BAD_CONTEXT: the context does not exist or its entry is not valid
 * @LOOM_OUTCOME_CONTEXT_STOPPED: never started: its context had been stopped
 * @LOOM_OUTCOME_ABORTED: was in execution when its context was stopped
 * @LOOM_OUTCOME_BAD_DESCRIPTOR: reserved bits set, size or alignment wrong
 * @LOOM_OUTCOME_HW_ERROR: the card failed
 */
enum loom_outcome {
	LOOM_OUTCOME_OK			= 0,
	LOOM_OUTCOME_FAULT		= 1,
	LOOM_OUTCOME_BAD_COMMAND		= 2,
	LOOM_OUTCOME_BAD_CONTEXT		= 3,
	LOOM_OUTCOME_CONTEXT_STOPPED	= 4,
	LOOM_OUTCOME_ABORTED		= 5,
	LOOM_OUTCOME_BAD_DESCRIPTOR	= 6,
	LOOM_OUTCOME_HW_ERROR		= 7,
};

/**
 * struct loom_fault - one record of the fault ring
 *
 * Written like a completion: @control last, with release order, its phase bit
 * changing with each lap and 1 in the first.
 */
struct loom_fault {
	/** @va: faulting virtual address; for a bad command, the packet's. */
	__le64 va;
	/** @pte: the raw page table entry that ended the walk, else zero. */
	__le64 pte;
	/** @index: the descriptor's free-running index. */
	__le64 index;
	/** @cookie: the descriptor's. */
	__le64 cookie;
	/** @timestamp: card clock. */
	__le64 timestamp;
	/** @context: context that was stopped. */
	__le32 context;
	/** @packet: byte offset of the packet in the command buffer. */
	__le32 packet;
	/** @ring: ring it ran on. */
	__le16 ring;
	/** @opcode: opcode of the packet, 0xffff if none was decoded. */
	__le16 opcode;
	/** @code: enum loom_fault_code. */
	__u8 code;
	/** @access: LOOM_ACCESS_*. */
	__u8 access;
	/** @level: page table level of @pte, 3 (root) .. 0; 0xff if no walk. */
	__u8 level;
	/** @operand: operand of the packet, in the order of its structure; 0xff if none. */
	__u8 operand;
	/** @control: record number (low 32 bits) << 32 | device generation << 16 | phase. */
	__le64 control;
};

#define LOOM_FAULT_PHASE		(1ull << 0)
#define LOOM_FAULT_GENERATION_SHIFT	16
#define LOOM_FAULT_NUMBER_SHIFT		32

#define LOOM_ACCESS_READ		0
#define LOOM_ACCESS_WRITE		1
#define LOOM_ACCESS_FETCH		2	/* of the command buffer */

/**
 * enum loom_fault_code - cause of a fault record
 * @LOOM_FAULT_NONE: not used
 * @LOOM_FAULT_NOT_MAPPED: an entry of the walk is not valid
 * @LOOM_FAULT_PERMISSION: the leaf does not allow the access
 * @LOOM_FAULT_NON_CANONICAL: the address exceeds VA_BITS
 * @LOOM_FAULT_BAD_PTE: reserved bits set, a leaf at a level that has none, a misaligned leaf
 * @LOOM_FAULT_TABLE_BUS: a page table is not in memory that the card can read
 * @LOOM_FAULT_BUS: the page is not memory that the card can access
 * @LOOM_FAULT_CMD_HEADER: packet header: length, alignment or reserved bits
 * @LOOM_FAULT_CMD_OPCODE: opcode not known and not ignorable
 * @LOOM_FAULT_CMD_VERSION: version of the packet not known and not ignorable
 * @LOOM_FAULT_CMD_FLAGS: unknown flag or reserved field set
 * @LOOM_FAULT_CMD_TENSOR: rank, dims, strides, alignment or extent of an operand
 * @LOOM_FAULT_CMD_DTYPE: dtype or combination of dtypes not supported
 * @LOOM_FAULT_CMD_SHAPE: shapes of the operands do not fit each other
 * @LOOM_FAULT_CMD_PARAM: another field is out of range
 * @LOOM_FAULT_CMD_RESOURCE: the card has not the memory that the packet needs
 */
enum loom_fault_code {
	LOOM_FAULT_NONE			= 0,
	LOOM_FAULT_NOT_MAPPED		= 1,
	LOOM_FAULT_PERMISSION		= 2,
	LOOM_FAULT_NON_CANONICAL	= 3,
	LOOM_FAULT_BAD_PTE		= 4,
	LOOM_FAULT_TABLE_BUS		= 5,
	LOOM_FAULT_BUS			= 6,
	LOOM_FAULT_CMD_HEADER		= 16,
	LOOM_FAULT_CMD_OPCODE		= 17,
	LOOM_FAULT_CMD_VERSION		= 18,
	LOOM_FAULT_CMD_FLAGS		= 19,
	LOOM_FAULT_CMD_TENSOR		= 20,
	LOOM_FAULT_CMD_DTYPE		= 21,
	LOOM_FAULT_CMD_SHAPE		= 22,
	LOOM_FAULT_CMD_PARAM		= 23,
	LOOM_FAULT_CMD_RESOURCE		= 24,
};

/* ------------------------------------------------------------------------ */
/* Page tables: 4 levels (3 = root .. 0) of 512 entries of 8 bytes in host  */
/* memory. VA bits 47:39, 38:30, 29:21, 20:12 index levels 3, 2, 1, 0.      */
/* Leaves are at level 0 (4 KiB) and level 1 (2 MiB). An entry that points  */
/* to a table has VALID and the table's address, nothing else.              */
/* ------------------------------------------------------------------------ */

#define LOOM_PTE_VALID			(1ull << 0)
#define LOOM_PTE_READ			(1ull << 1)
#define LOOM_PTE_WRITE			(1ull << 2)
#define LOOM_PTE_LEAF			(1ull << 3)
#define LOOM_PTE_LOCAL			(1ull << 4)	/* address is an offset into local memory */
#define LOOM_PTE_ADDR			0x000ffffffffff000ull
/* Bits 62:55 are free for software and ignored by the card; the rest is reserved, zero. */
#define LOOM_PTE_SOFTWARE		0x7f80000000000000ull

#define LOOM_PT_LEVELS			4
#define LOOM_PT_ENTRIES			512
#define LOOM_PT_SHIFT(level)		(12 + 9 * (level))
#define LOOM_PAGE_SIZE			4096
#define LOOM_PAGE_SIZE_2M		0x200000

#ifdef __cplusplus
}
#endif

#endif
