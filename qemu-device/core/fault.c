// SPDX-License-Identifier: MIT
/*
 * Fault records.
 */
#include <endian.h>
#include <stddef.h>
#include <string.h>

#include "core.h"

/* Store @record as number @number; false: there is no room, or no ring. */
static bool store(struct loom_core *core, struct loom_fault *record, uint64_t number)
{
	uint64_t base = reg_get(&core->regs[R_FAULT_BASE]);
	uint64_t log2 = reg_get(&core->regs[R_FAULT_LOG2]);
	uint64_t slot, control;
	struct loom_map map = { 0 };
	struct loom_fault *to;

	if (!base || log2 < 4 || log2 > 16)
		return false;
	if (number - reg_get(&core->regs[R_FAULT_READ]) >= BIT64(log2))
		return false;
	slot = (number & (BIT64(log2) - 1)) * sizeof(*record);
	if (base > UINT64_MAX - slot - sizeof(*record))
		return false;
	if (core->ops.map(core->host, base + slot, sizeof(*record), true, &map))
		return false;
	if (map.len < sizeof(*record) || (uintptr_t)map.ptr % 8) {
		core->ops.unmap(core->host, &map, 0);
		return false;
	}
	control = number << LOOM_FAULT_NUMBER_SHIFT |
		  (reg_get(&core->regs[R_GENERATION]) & 0xffff) << LOOM_FAULT_GENERATION_SHIFT |
		  (~(number >> log2) & LOOM_FAULT_PHASE);
	to = map.ptr;
	memcpy(to, record, offsetof(struct loom_fault, control));
	__atomic_store_n(&to->control, htole64(control), __ATOMIC_RELEASE);
	core->ops.unmap(core->host, &map, sizeof(*record));
	return true;
}

/**
 * loom_fault_record() - record the fault of @ring's job, stop its context
 *
 * Return: false if it has to be tried again, because the card is being quiesced
 */
bool loom_fault_record(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;
	struct job *job = &ring->job;
	const struct report *report = &job->report;
	uint32_t context = le32toh(job->desc.context);
	uint64_t number = reg_get(&core->regs[R_FAULT_WRITE]);
	struct loom_fault record = {
		.va = htole64(report->fault.va),
		.pte = htole64(report->fault.pte),
		.index = htole64(job->index),
		.cookie = job->desc.cookie,
		.timestamp = htole64(card_now(core)),
		.context = htole32(context),
		.packet = htole32(report->packet),
		.ring = htole16((uint16_t)ring->id),
		.opcode = htole16(report->opcode),
		.code = report->fault.code,
		.access = report->access,
		.level = report->fault.level,
		.operand = report->operand,
	};
	bool stored;

	pthread_mutex_lock(&core->lock);
	loom_context_stop(core, context, ring);
	pthread_mutex_unlock(&core->lock);
	stored = store(core, &record, number);
	if (!stored && atomic_load(&core->quiesce))
		return false;
	reg_count(&core->regs[R_CNT_FAULTS], 1);
	loom_trace(core, LOOM_EVENT_FAULT, 4, (uint64_t)context, (uint64_t)report->fault.code,
		   report->fault.va, (uint64_t)report->packet);
	job->outcome = report->outcome;
	if (stored) {
		job->fault = (uint32_t)number;
		reg_set(&core->regs[R_FAULT_WRITE], number + 1);
		loom_irq_cause(core, LOOM_IRQ_FAULT);
	} else {
		reg_count(&core->regs[R_FAULT_DROPPED], 1);
		loom_irq_cause(core, LOOM_IRQ_FAULT_OVERFLOW);
	}
	return true;
}
