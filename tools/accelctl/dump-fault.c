// SPDX-License-Identifier: MIT
#include "dump-fault.h"

#include <accel/accel.h>

#include "dump.h"

const char *dump_fault_text(const struct dump *dump, const struct loom_fault *fault, char *text,
			    size_t size)
{
	struct accel_result result = {
		.number = dump->meta.job,
		.outcome = ACCEL_JOB_FAULT,
		.fault_va = fault->va,
		.fault_code = fault->code,
		.fault_packet = fault->packet,
		.fault_opcode = fault->opcode,
		.fault_operand = fault->operand,
		.fault_access = fault->access,
	};

	accel_result_describe(&result, text, size);
	return text;
}
