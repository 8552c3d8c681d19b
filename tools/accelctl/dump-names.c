// SPDX-License-Identifier: MIT
#include "dump-names.h"

#include <inttypes.h>
#include <stdio.h>

#include "drm/loom_accel.h"
#include "loom_dump.h"

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static const char *lookup(const char *const *names, size_t count, uint32_t i)
{
	return i < count ? names[i] : NULL;
}

const char *dump_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[LOOM_DUMP_REASON_FAULT] = "fault", [LOOM_DUMP_REASON_HANG] = "hang",
		[LOOM_DUMP_REASON_RING] = "ring", [LOOM_DUMP_REASON_DEVICE] = "device",
		[LOOM_DUMP_REASON_WEDGE] = "wedge",
	};

	return lookup(names, COUNT(names), reason);
}

const char *dump_section_name(uint32_t type)
{
	static const char *const names[] = {
		[LOOM_DUMP_META] = "meta", [LOOM_DUMP_REGISTERS] = "registers",
		[LOOM_DUMP_RING_REGISTERS] = "ring-registers", [LOOM_DUMP_RING] = "ring",
		[LOOM_DUMP_DESCRIPTORS] = "descriptors", [LOOM_DUMP_COMPLETIONS] = "completions",
		[LOOM_DUMP_JOBS] = "jobs", [LOOM_DUMP_CONTEXT] = "context",
		[LOOM_DUMP_FAULT] = "fault", [LOOM_DUMP_WALK] = "walk",
		[LOOM_DUMP_COMMANDS] = "commands", [LOOM_DUMP_MAP] = "map",
		[LOOM_DUMP_CONTENTS] = "contents",
	};

	return lookup(names, COUNT(names), type);
}

const char *loom_outcome_name(uint32_t outcome)
{
	static const char *const names[] = {
		[LOOM_OUTCOME_OK] = "ok", [LOOM_OUTCOME_FAULT] = "fault",
		[LOOM_OUTCOME_BAD_COMMAND] = "bad-command", [LOOM_OUTCOME_BAD_CONTEXT] = "bad-context",
		[LOOM_OUTCOME_CONTEXT_STOPPED] = "context-stopped",
		[LOOM_OUTCOME_ABORTED] = "aborted", [LOOM_OUTCOME_BAD_DESCRIPTOR] = "bad-descriptor",
		[LOOM_OUTCOME_HW_ERROR] = "hw-error",
	};

	return lookup(names, COUNT(names), outcome);
}

const char *loom_ring_error_name(uint32_t error)
{
	static const char *const names[] = {
		[LOOM_RING_ERROR_NONE] = "none", [LOOM_RING_ERROR_CONFIG] = "config",
		[LOOM_RING_ERROR_INDEX] = "index", [LOOM_RING_ERROR_BUS] = "bus",
	};

	return lookup(names, COUNT(names), error);
}

const char *loom_access_name(uint32_t access)
{
	static const char *const names[] = {
		[LOOM_ACCESS_READ] = "read", [LOOM_ACCESS_WRITE] = "write",
		[LOOM_ACCESS_FETCH] = "fetch",
	};

	return lookup(names, COUNT(names), access);
}

/* ---- bits ---- */

struct bit {
	uint64_t mask;
	const char *name;
};

static const char *bits_text(const struct bit *bits, size_t count, uint64_t value, char *text,
			     size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < count && used < size; i++) {
		if (!(value & bits[i].mask))
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "", bits[i].name);
		value &= ~bits[i].mask;
	}
	if (value && used < size)
		snprintf(text + used, size - used, "%s%#" PRIx64, used ? " " : "", value);
	return text;
}

static const struct bit feature_bits[] = {
	{ LOOM_FEATURE_COALESCE, "coalesce" }, { LOOM_FEATURE_RING_CONTEXT, "ring-context" },
	{ LOOM_FEATURE_DEBUG, "debug" }, { LOOM_FEATURE_TIMING_MODEL, "timing-model" },
	{ LOOM_FEATURE_SENSORS, "sensors" }, { LOOM_FEATURE_RAS, "ras" },
};

static const struct bit ctrl_bits[] = {
	{ LOOM_CTRL_ENABLE, "enable" }, { LOOM_CTRL_RESET, "reset" },
};

static const struct bit status_bits[] = {
	{ LOOM_STATUS_ENABLED, "enabled" }, { LOOM_STATUS_RESETTING, "resetting" },
	{ LOOM_STATUS_FATAL, "fatal" }, { LOOM_STATUS_BAD_FEATURES, "bad-features" },
};

static const struct bit irq_bits[] = {
	{ LOOM_IRQ_FAULT, "fault" }, { LOOM_IRQ_FAULT_OVERFLOW, "fault-overflow" },
	{ LOOM_IRQ_RING_ERROR, "ring-error" }, { LOOM_IRQ_FATAL, "fatal" },
};

static const struct bit ring_ctrl_bits[] = {
	{ LOOM_RING_CTRL_ENABLE, "enable" }, { LOOM_RING_CTRL_HALT, "halt" },
	{ LOOM_RING_CTRL_RESET, "reset" },
};

static const struct bit ring_status_bits[] = {
	{ LOOM_RING_STATUS_ENABLED, "enabled" }, { LOOM_RING_STATUS_RUNNING, "running" },
	{ LOOM_RING_STATUS_HALTED, "halted" }, { LOOM_RING_STATUS_RESETTING, "resetting" },
	{ LOOM_RING_STATUS_ERROR, "error" },
};

static const struct bit pte_bits[] = {
	{ LOOM_PTE_VALID, "valid" }, { LOOM_PTE_LEAF, "leaf" }, { LOOM_PTE_READ, "read" },
	{ LOOM_PTE_WRITE, "write" }, { LOOM_PTE_LOCAL, "local" },
};

static const struct bit buffer_bits[] = {
	{ DRM_LOOM_BO_LOCAL, "local" }, { DRM_LOOM_BO_NO_MMAP, "no-mmap" },
};

static const struct bit ring_flag_bits[] = {
	{ LOOM_DUMP_RING_HELD, "held" }, { LOOM_DUMP_RING_BROKEN, "broken" },
	{ LOOM_DUMP_RING_DEAD, "dead" },
};

const char *features_text(uint64_t features, char *text, size_t size)
{
	return bits_text(feature_bits, COUNT(feature_bits), features, text, size);
}

const char *pte_text(uint64_t entry, uint32_t level, char *text, size_t size)
{
	if (!(entry & LOOM_PTE_VALID)) {
		snprintf(text, size, "not valid");
		return text;
	}
	if (!(entry & LOOM_PTE_LEAF) && level) {
		snprintf(text, size, "table");
		return text;
	}
	return bits_text(pte_bits, COUNT(pte_bits), entry & ~LOOM_PTE_ADDR & ~LOOM_PTE_SOFTWARE, text,
			 size);
}

const char *mapping_access(uint32_t prot)
{
	return !prot ? NULL : prot & LOOM_PTE_WRITE ? "read-write" : "read";
}

const char *buffer_flags_text(uint32_t flags, char *text, size_t size)
{
	return bits_text(buffer_bits, COUNT(buffer_bits), flags, text, size);
}

const char *ring_flags_text(uint32_t flags, char *text, size_t size)
{
	return bits_text(ring_flag_bits, COUNT(ring_flag_bits), flags, text, size);
}

/* ---- registers ---- */

struct reg {
	uint32_t offset;
	uint16_t count;		/* registers in a row */
	uint16_t step;		/* bytes from one to the next */
	const char *name;
	const struct bit *bits;
	size_t nbits;
};

#define ONE(name)		{ LOOM_REG_##name, 1, 4, #name, NULL, 0 }
#define ROW(name, count, step)	{ LOOM_REG_##name, count, step, #name, NULL, 0 }
#define BITS(name, bits)	{ LOOM_REG_##name, 1, 4, #name, bits, COUNT(bits) }

static const struct reg registers[] = {
	ONE(MAGIC), ONE(VERSION), BITS(FEATURES, feature_bits), ONE(NUM_RINGS), ONE(NUM_CONTEXTS),
	ONE(NUM_VECTORS), ONE(RING_LOG2), ONE(CMD_SIZE_MAX), ONE(RESET_TIMEOUT_MS), ONE(VA_BITS),
	ONE(TENSOR_LIMITS), ONE(PAGE_SIZES), ONE(LOCAL_SIZE), ONE(DTYPES), ONE(TIMESTAMP_HZ),
	ONE(PROFILE), ONE(ARRAY), ONE(CLOCK_KHZ), ONE(SRAM_KIB), ONE(LOCAL_MBPS), ONE(HOST_MBPS),
	ROW(OPCODES, 4, 8), ROW(SERIAL, 8, 4), ROW(MODEL, 8, 4),
	BITS(FEATURES_ACK, feature_bits), BITS(CTRL, ctrl_bits), BITS(STATUS, status_bits),
	ONE(GENERATION), ONE(TIMESTAMP), BITS(IRQ_STATUS, irq_bits), BITS(IRQ_ENABLE, irq_bits),
	{ LOOM_REG_IRQ_COALESCE(0), 65, 8, "IRQ_COALESCE", NULL, 0 },
	ONE(CTX_BASE), ONE(CTX_COUNT), ONE(CTX_STOP), ONE(CTX_START), ONE(INV_VA), ONE(INV_LEN),
	ONE(INV_TAG), ONE(INV_ISSUED), ONE(INV_DONE), ONE(FAULT_BASE), ONE(FAULT_LOG2),
	ONE(FAULT_WRITE), ONE(FAULT_READ), ONE(FAULT_DROPPED), ONE(CNT_DESCRIPTORS),
	ONE(CNT_PACKETS), ONE(CNT_BUSY_NS), ONE(CNT_CYCLES), ONE(CNT_MACS), ONE(CNT_BYTES_LOCAL),
	ONE(CNT_BYTES_HOST), ONE(CNT_ENERGY_PJ), ONE(CNT_FAULTS), ONE(CNT_TLB_MISSES),
	ONE(CNT_RESETS), ONE(SENSOR_TEMP_MC), ONE(SENSOR_POWER_MW), ONE(SENSOR_ENERGY_UJ),
	ONE(SENSOR_PERIOD_MS), ONE(INJECT), ONE(CNT_ECC_CORRECTED), ONE(CNT_ECC_UNCORRECTED),
};

#define RING(name)		{ LOOM_RING_##name, 1, 4, #name, NULL, 0 }
#define RING_BITS(name, bits)	{ LOOM_RING_##name, 1, 4, #name, bits, COUNT(bits) }

static const struct reg ring_registers[] = {
	RING(BASE), RING(CQ_BASE), RING(WRITE_ADDR), RING(READ), RING(LOG2), RING(CQ_LOG2),
	RING(CONTEXT), RING(VECTOR), RING_BITS(CTRL, ring_ctrl_bits),
	RING_BITS(STATUS, ring_status_bits), RING(ERROR), RING(GENERATION), RING(PROGRESS),
	RING(CURRENT_INDEX), RING(CURRENT_CONTEXT), RING(CURRENT_PACKET), RING(CQ_WRITE),
	RING(CNT_BUSY_NS), RING(CNT_DESCRIPTORS),
};

/* @index: which one of a row. */
static const struct reg *find_register(uint32_t offset, uint32_t *index)
{
	const struct reg *list = registers;
	size_t count = COUNT(registers);

	if (offset >= LOOM_REG_RING(0) && offset < LOOM_REG_RING(LOOM_RINGS_MAX)) {
		list = ring_registers;
		count = COUNT(ring_registers);
		offset &= LOOM_REG_RING(1) - LOOM_REG_RING(0) - 1;
	}
	for (size_t i = 0; i < count; i++) {
		const struct reg *reg = &list[i];

		if (offset < reg->offset || offset - reg->offset >= (uint32_t)reg->count * reg->step ||
		    (offset - reg->offset) % reg->step)
			continue;
		*index = (offset - reg->offset) / reg->step;
		return reg;
	}
	return NULL;
}

const char *register_name(uint32_t offset, char text[32])
{
	uint32_t index;
	const struct reg *reg = find_register(offset, &index);

	if (!reg)
		return NULL;
	if (reg->count == 1)
		snprintf(text, 32, "%s", reg->name);
	else
		snprintf(text, 32, "%s[%" PRIu32 "]", reg->name, index);
	return text;
}

const char *register_bits(uint32_t offset, uint64_t value, char *text, size_t size)
{
	uint32_t index;
	const struct reg *reg = find_register(offset, &index);

	*text = '\0';
	return reg ? bits_text(reg->bits, reg->nbits, reg->nbits ? value : 0, text, size) : text;
}
