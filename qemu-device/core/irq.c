// SPDX-License-Identifier: MIT
/*
 * Interrupts. Only the front end raises them, so none can follow a reset that
 * the front end has carried out.
 */
#include "core.h"

static void fire(struct loom_core *core, unsigned int vector)
{
	core->vectors[vector].pending = 0;
	core->vectors[vector].deadline = 0;
	if (core->vectors[vector].lost) {
		core->vectors[vector].lost = false;
		return;
	}
	core->ops.irq(core->host, vector);
	loom_trace(core, LOOM_EVENT_IRQ, 1, (uint64_t)vector);
}

/*
 * A completion asks for an interrupt. Coalescing by count needs a time as well:
 * without one, the last completions of a burst would never be signalled.
 */
void loom_irq_completion(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;
	unsigned int vector = (unsigned int)reg_get(&ring->regs[RR_VECTOR]);
	uint64_t setting = reg_get(&core->coalesce[vector]);
	uint64_t count = (uint32_t)setting, usec = setting >> 32;
	struct vector *v = &core->vectors[vector];

	/* lost is the interrupt, with all that it would have told of */
	if (loom_inject_take(ring, LOOM_INJECT_LOST_IRQ))
		v->lost = true;
	if (!(reg_get(&core->regs[R_FEATURES_ACK]) & LOOM_FEATURE_COALESCE) || !usec ||
	    count == 1) {
		fire(core, vector);
		return;
	}
	v->pending++;
	if (count && v->pending >= count) {
		fire(core, vector);
		return;
	}
	if (!v->deadline) {
		v->deadline = loom_mono_ns() + usec * 1000;
		core->timers = true;
	}
}

/* Something happened that vector 0 is for. */
void loom_irq_cause(struct loom_core *core, uint64_t causes)
{
	reg_or(&core->regs[R_IRQ_STATUS], causes);
	if (reg_get(&core->regs[R_IRQ_ENABLE]) & causes)
		fire(core, 0);
}

/* IRQ_ENABLE was written: causes may have been waiting for it. */
void loom_irq_check(struct loom_core *core)
{
	if (reg_get(&core->regs[R_IRQ_ENABLE]) & reg_get(&core->regs[R_IRQ_STATUS]))
		fire(core, 0);
}

/**
 * loom_irq_timers() - fire what is due
 *
 * Return: when the next is due, 0 if none is
 */
uint64_t loom_irq_timers(struct loom_core *core)
{
	uint64_t next = 0, now;

	if (!core->timers)
		return 0;
	now = loom_mono_ns();
	for (unsigned int i = 0; i < core->config.vectors; i++) {
		struct vector *v = &core->vectors[i];

		if (v->deadline && v->deadline <= now)
			fire(core, i);
		if (v->deadline && (!next || v->deadline < next))
			next = v->deadline;
	}
	core->timers = next != 0;
	return next;
}

/** loom_irq_flush() - what waits on @vector waits no longer */
void loom_irq_flush(struct loom_core *core, unsigned int vector)
{
	if (vector >= core->config.vectors || !core->vectors[vector].pending)
		return;
	if (atomic_load(&core->quiesce))
		core->vectors[vector].deadline = 1;
	else
		fire(core, vector);
}

void loom_irq_reset(struct loom_core *core)
{
	for (unsigned int i = 0; i < core->config.vectors; i++)
		core->vectors[i] = (struct vector){ 0 };
	core->timers = false;
}
