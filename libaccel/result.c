// SPDX-License-Identifier: MIT
/*
 * Results: how a job ended, in numbers and in words.
 */
#include <stdio.h>

#include "loom_isa.h"
#include "object.h"

_Static_assert(sizeof(struct accel_result) == 128, "the layout of results is final");

static enum accel_outcome outcome(const struct accel_result *slot)
{
	switch (slot->error) {
	case 0:
		return ACCEL_JOB_OK;
	case -ETIME:
		return ACCEL_JOB_TIMEOUT;
	case -ECANCELED:
		return ACCEL_JOB_CANCELED;
	case -ENODEV:
		return ACCEL_JOB_DEVICE_LOST;
	default:
		return slot->outcome == LOOM_OUTCOME_BAD_COMMAND ||
		       slot->outcome == LOOM_OUTCOME_BAD_DESCRIPTOR ? ACCEL_JOB_BAD_PROGRAM
								    : ACCEL_JOB_FAULT;
	}
}

void result_translate(struct accel_result *result, const struct accel_result *slot)
{
	*result = *slot;
	result->outcome = outcome(slot);
}

ACCEL_API const char *accel_outcome_name(uint32_t outcome)
{
	static const char *const names[] = {
		[ACCEL_JOB_OK] = "ok",
		[ACCEL_JOB_FAULT] = "fault",
		[ACCEL_JOB_BAD_PROGRAM] = "bad-program",
		[ACCEL_JOB_TIMEOUT] = "timeout",
		[ACCEL_JOB_CANCELED] = "canceled",
		[ACCEL_JOB_DEVICE_LOST] = "device-lost",
		[ACCEL_JOB_HOST] = "host",
	};

	return outcome < sizeof(names) / sizeof(names[0]) ? names[outcome] : "unknown";
}

static const struct {
	uint32_t code;
	const char *name;
	const char *text;
} faults[] = {
	{ LOOM_FAULT_NONE, "none", "no fault" },
	{ LOOM_FAULT_NOT_MAPPED, "not-mapped", "the address belongs to no buffer" },
	{ LOOM_FAULT_PERMISSION, "permission", "the buffer does not allow the access" },
	{ LOOM_FAULT_NON_CANONICAL, "non-canonical", "the address has more than 48 bits" },
	{ LOOM_FAULT_BAD_PTE, "bad-pte", "a page table entry is not valid" },
	{ LOOM_FAULT_TABLE_BUS, "table-bus", "a page table is not in memory" },
	{ LOOM_FAULT_BUS, "bus", "the page is not memory that the card can access" },
	{ LOOM_FAULT_CMD_HEADER, "header", "the packet's header is wrong" },
	{ LOOM_FAULT_CMD_OPCODE, "opcode", "the card does not know the opcode" },
	{ LOOM_FAULT_CMD_VERSION, "version", "the card does not know the packet's version" },
	{ LOOM_FAULT_CMD_FLAGS, "flags", "an unknown flag or a reserved field is set" },
	{ LOOM_FAULT_CMD_TENSOR, "tensor", "an operand's rank, dims, strides or extent is wrong" },
	{ LOOM_FAULT_CMD_DTYPE, "dtype", "types of operands are wrong" },
	{ LOOM_FAULT_CMD_SHAPE, "shape", "shapes of operands do not fit each other" },
	{ LOOM_FAULT_CMD_PARAM, "param", "a parameter is out of range" },
	{ LOOM_FAULT_CMD_RESOURCE, "resource", "the card lacks the memory that it needs" },
};

static int find(uint32_t code)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].code == code)
			return (int)i;
	return -1;
}

ACCEL_API const char *accel_fault_name(uint32_t code)
{
	int i = find(code);

	return i < 0 ? "unknown" : faults[i].name;
}

ACCEL_API const char *accel_opcode_name(uint32_t opcode)
{
	static const char *const names[] = {
		[LOOM_OP_NOP] = "NOP",
		[LOOM_OP_FENCE] = "FENCE",
		[LOOM_OP_TIMESTAMP] = "TIMESTAMP",
		[LOOM_OP_COPY] = "COPY",
		[LOOM_OP_FILL] = "FILL",
		[LOOM_OP_ELTWISE] = "ELTWISE",
		[LOOM_OP_UNARY] = "UNARY",
		[LOOM_OP_REDUCE] = "REDUCE",
		[LOOM_OP_SOFTMAX] = "SOFTMAX",
		[LOOM_OP_NORM] = "NORM",
		[LOOM_OP_POOL] = "POOL",
		[LOOM_OP_GATHER] = "GATHER",
		[LOOM_OP_RESIZE] = "RESIZE",
		[LOOM_OP_QUANT] = "QUANT",
		[LOOM_OP_ARG] = "ARG",
		[LOOM_OP_GEMM] = "GEMM",
		[LOOM_OP_CONV] = "CONV",
		[LOOM_OP_PACK] = "PACK",
		[LOOM_OP_HANG] = "HANG",
	};

	if (opcode >= sizeof(names) / sizeof(names[0]) || !names[opcode])
		return "unknown";
	return names[opcode];
}

static const char *access_verb(uint32_t access)
{
	switch (access) {
	case LOOM_ACCESS_READ:
		return "reading";
	case LOOM_ACCESS_WRITE:
		return "writing";
	case LOOM_ACCESS_FETCH:
		return "fetching the program at";
	default:
		return "accessing";
	}
}

static int describe_fault(const struct accel_result *r, char *text, size_t size)
{
	int i = find(r->fault_code);
	const char *why = i < 0 ? "unknown fault" : faults[i].text;
	char operand[32] = "";

	if (r->fault_operand != 0xff)
		snprintf(operand, sizeof(operand), ", operand %u", r->fault_operand);
	if (r->fault_access == LOOM_ACCESS_FETCH && r->fault_code < LOOM_FAULT_CMD_HEADER)
		return snprintf(text, size,
				"job %llu faulted fetching its program at address %#llx: %s",
				(unsigned long long)r->number, (unsigned long long)r->fault_va,
				why);
	if (r->fault_code < LOOM_FAULT_CMD_HEADER)
		return snprintf(text, size, "job %llu faulted %s address %#llx in the %s packet at "
				"byte %u%s: %s", (unsigned long long)r->number,
				access_verb(r->fault_access), (unsigned long long)r->fault_va,
				accel_opcode_name(r->fault_opcode), r->fault_packet, operand, why);
	return snprintf(text, size, "job %llu: the card refused the %s packet at byte %u%s: %s",
			(unsigned long long)r->number, accel_opcode_name(r->fault_opcode),
			r->fault_packet, operand, why);
}

ACCEL_API int accel_result_describe(const struct accel_result *result, char *text, size_t size)
{
	unsigned long long number;

	if (!result)
		return snprintf(text, size, "no result");
	number = result->number;
	switch (result->outcome) {
	case ACCEL_JOB_OK:
		return snprintf(text, size, "job %llu is done", number);
	case ACCEL_JOB_FAULT:
	case ACCEL_JOB_BAD_PROGRAM:
		if (result->fault_code != LOOM_FAULT_NONE)
			return describe_fault(result, text, size);
		return snprintf(text, size, "job %llu failed on the card", number);
	case ACCEL_JOB_TIMEOUT:
		return snprintf(text, size, "job %llu hung and was stopped", number);
	case ACCEL_JOB_CANCELED:
		return snprintf(text, size, "job %llu was canceled: its queue was stopped, or it "
				"fell to another queue's reset", number);
	case ACCEL_JOB_DEVICE_LOST:
		return snprintf(text, size, "job %llu was lost: the card is gone", number);
	case ACCEL_JOB_HOST:
		return snprintf(text, size, "an operator on the processor failed");
	default:
		return snprintf(text, size, "job %llu ended with unknown outcome %u", number,
				result->outcome);
	}
}
