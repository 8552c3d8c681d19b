// SPDX-License-Identifier: MIT
/*
 * Rings: what a driver configures, heads that are fetched, completions.
 */
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core.h"

static bool area_bad(uint64_t base, uint64_t size)
{
	return base & (LOOM_PAGE_SIZE - 1) || base > UINT64_MAX - size;
}

/** loom_ring_setup_ok() - whether a ring can be enabled so */
bool loom_ring_setup_ok(const struct loom_core *core, const struct ring_setup *setup)
{
	return setup->log2 >= LOOM_RING_LOG2_MIN && setup->log2 <= LOOM_RING_LOG2_MAX &&
	       setup->cq_log2 >= setup->log2 && setup->cq_log2 <= LOOM_RING_LOG2_MAX &&
	       !area_bad(setup->base, sizeof(struct loom_desc) << setup->log2) &&
	       !area_bad(setup->cq_base, sizeof(struct loom_cqe) << setup->cq_log2) &&
	       setup->write_addr % 8 == 0 && setup->vector < core->config.vectors &&
	       setup->context == LOOM_RING_CONTEXT_ANY;
}

/**
 * loom_ring_enable() - check what the driver has set up; lock held
 *
 * Return: false with an error of the ring
 */
bool loom_ring_enable(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;
	const struct ring_setup setup = {
		.base = reg_get(&ring->regs[RR_BASE]),
		.cq_base = reg_get(&ring->regs[RR_CQ_BASE]),
		.write_addr = reg_get(&ring->regs[RR_WRITE_ADDR]),
		.log2 = reg_get(&ring->regs[RR_LOG2]),
		.cq_log2 = reg_get(&ring->regs[RR_CQ_LOG2]),
		.context = reg_get(&ring->regs[RR_CONTEXT]),
		.vector = reg_get(&ring->regs[RR_VECTOR]),
	};

	if (!loom_ring_setup_ok(core, &setup)) {
		reg_set(&ring->regs[RR_ERROR], LOOM_RING_ERROR_CONFIG);
		reg_or(&ring->regs[RR_STATUS], LOOM_RING_STATUS_ERROR);
		reg_or(&core->regs[R_IRQ_STATUS], LOOM_IRQ_RING_ERROR);
		loom_front_request(core, REQ_IRQ);
		return false;
	}
	reg_set(&ring->regs[RR_CQ_WRITE], reg_get(&ring->regs[RR_READ]));
	reg_or(&ring->regs[RR_STATUS], LOOM_RING_STATUS_ENABLED);
	return true;
}

/** loom_ring_reset_begin() - lock held */
void loom_ring_reset_begin(struct loom_ring *ring)
{
	reg_set(&ring->regs[RR_CTRL], 0);
	reg_or(&ring->regs[RR_STATUS], LOOM_RING_STATUS_RESETTING);
	atomic_fetch_or(&ring->poke, POKE_RESET);
	loom_front_request(ring->core, REQ_POKE);
}

/** loom_ring_ready() - tell the arbiter whether @ring has something to run */
void loom_ring_ready(struct loom_ring *ring)
{
	uint64_t bit = BIT64(ring->id);

	if (ring->live && !ring->halted && ring->job.phase != JOB_NONE &&
	    ring->job.phase != JOB_HANG && !(ring->core->starved & bit))
		ring->core->ready |= bit;
	else
		ring->core->ready &= ~bit;
}

/** loom_ring_drop() - give up all host memory; everything can go on afterwards */
void loom_ring_drop(struct loom_ring *ring)
{
	loom_job_drop(ring);
	loom_job_rest(ring);
	loom_window_drop(ring->core, &ring->desc_window);
	loom_window_drop(ring->core, &ring->index_window);
}

/** loom_ring_forget() - as if the ring had never been enabled */
void loom_ring_forget(struct loom_ring *ring)
{
	loom_job_abandon(ring);
	ring->job.phase = JOB_NONE;
	ring->job.stuck = 0;
	ring->live = false;
	ring->halted = false;
	loom_ring_drop(ring);
	loom_ring_ready(ring);
}

static void ring_error(struct loom_ring *ring, enum loom_ring_error error)
{
	struct loom_core *core = ring->core;

	loom_ring_forget(ring);
	pthread_mutex_lock(&core->lock);
	reg_set(&ring->regs[RR_ERROR], error);
	reg_clear(&ring->regs[RR_STATUS], LOOM_RING_STATUS_RUNNING);
	reg_or(&ring->regs[RR_STATUS], LOOM_RING_STATUS_ERROR);
	pthread_mutex_unlock(&core->lock);
	loom_trace(core, LOOM_EVENT_RING_ERROR, 2, (uint64_t)ring->id, (uint64_t)error);
	loom_irq_cause(core, LOOM_IRQ_RING_ERROR);
}

static void ring_reset(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;
	uint64_t generation;

	if (ring->job.stuck == LOOM_INJECT_HANG_DEVICE) {
		/* RESETTING stays */
		atomic_fetch_and(&ring->poke, ~POKE_RESET);
		return;
	}
	loom_ring_forget(ring);
	loom_irq_flush(core, (unsigned int)reg_get(&ring->regs[RR_VECTOR]));
	pthread_mutex_lock(&core->lock);
	atomic_fetch_and(&ring->poke, POKE_PAUSE);
	generation = (uint32_t)(reg_get(&ring->regs[RR_GENERATION]) + 1);
	reg_set(&ring->regs[RR_GENERATION], generation);
	reg_set(&ring->regs[RR_ERROR], LOOM_RING_ERROR_NONE);
	/* READ is the first descriptor without a completion, be it started or not */
	reg_set(&ring->regs[RR_CQ_WRITE], reg_get(&ring->regs[RR_READ]));
	reg_count(&core->regs[R_CNT_RESETS], 1);
	reg_set(&ring->regs[RR_STATUS], 0);
	pthread_mutex_unlock(&core->lock);
	loom_trace(core, LOOM_EVENT_RING_RESET, 2, (uint64_t)ring->id, generation);
}

/*
 * ENABLE was cleared: the ring stands still as after HALT and its registers are
 * the driver's. What is in execution stays where it is.
 */
static void ring_disable(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;

	ring->live = false;
	ring->halted = false;
	loom_ring_drop(ring);
	pthread_mutex_lock(&core->lock);
	/* set again meanwhile: carry on */
	if (reg_get(&ring->regs[RR_CTRL]) & LOOM_RING_CTRL_ENABLE)
		atomic_fetch_or(&ring->poke, POKE_HALT);
	else
		reg_clear(&ring->regs[RR_STATUS],
			  LOOM_RING_STATUS_ENABLED | LOOM_RING_STATUS_HALTED);
	pthread_mutex_unlock(&core->lock);
}

/* CTRL has changed. */
static void ring_control(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;
	struct job *job = &ring->job;
	uint64_t ctrl, status;

	pthread_mutex_lock(&core->lock);
	atomic_fetch_and(&ring->poke, ~POKE_HALT);
	ctrl = reg_get(&ring->regs[RR_CTRL]);
	status = reg_get(&ring->regs[RR_STATUS]);
	pthread_mutex_unlock(&core->lock);
	if (!(status & LOOM_RING_STATUS_ENABLED) || status & LOOM_RING_STATUS_ERROR)
		return;
	if (!(ctrl & LOOM_RING_CTRL_ENABLE) || ctrl & LOOM_RING_CTRL_HALT)
		/* a head that was not started is fetched again */
		if (job->phase == JOB_HEAD)
			job->phase = JOB_NONE;
	if (!(ctrl & LOOM_RING_CTRL_ENABLE)) {
		ring_disable(ring);
		return;
	}
	if (!ring->live) {
		ring->live = true;
		ring->read = job->phase == JOB_NONE ? reg_get(&ring->regs[RR_READ]) :
						      job->index + 1;
		ring->seen = ring->read;
	}
	ring->halted = ctrl & LOOM_RING_CTRL_HALT;
	if (ring->halted) {
		loom_ring_drop(ring);
		reg_or(&ring->regs[RR_STATUS], LOOM_RING_STATUS_HALTED);
	} else {
		reg_clear(&ring->regs[RR_STATUS], LOOM_RING_STATUS_HALTED);
	}
	loom_ring_kick(ring);
}

/** loom_ring_attend() - do what ring->poke asks for, but for the pause */
void loom_ring_attend(struct loom_ring *ring)
{
	unsigned int poke = atomic_load(&ring->poke);
	struct job *job = &ring->job;

	if (poke & POKE_RESET) {
		ring_reset(ring);
		return;
	}
	if (poke & POKE_CANCEL && job->phase > JOB_HEAD && job->phase < JOB_FAULT && !job->stuck) {
		loom_job_abandon(ring);
		job->outcome = LOOM_OUTCOME_ABORTED;
		job->phase = JOB_DONE;
	} else if (poke & POKE_CANCEL) {
		/* too late: it has its outcome */
		atomic_fetch_and(&ring->poke, ~POKE_CANCEL);
	}
	if (poke & POKE_INJECT) {
		atomic_fetch_and(&ring->poke, ~POKE_INJECT);
		if (job->phase > JOB_HEAD && job->phase < JOB_FAULT)
			loom_inject_start(ring);
	}
	if (poke & POKE_DROP)
		loom_job_drop(ring);
	if (poke & POKE_HALT)
		ring_control(ring);
	loom_ring_ready(ring);
}

/** loom_ring_kick() - look again, whatever made the ring stand still */
void loom_ring_kick(struct loom_ring *ring)
{
	if (ring->live && !ring->halted && !ring->core->paused)
		loom_job_wake(ring);
	loom_ring_ready(ring);
	loom_ring_poll(ring);
}

/** loom_desc_valid() - whether a descriptor is one */
bool loom_desc_valid(const struct loom_desc *desc)
{
	uint32_t size = le32toh(desc->cmd_size);

	for (unsigned int i = 0; i < sizeof(desc->reserved) / sizeof(desc->reserved[0]); i++)
		if (desc->reserved[i])
			return false;
	return !(le32toh(desc->flags) & ~LOOM_DESC_IRQ) && !desc->pad && size % 8 == 0 &&
	       size <= LOOM_CMD_SIZE_MAX && (!size || le64toh(desc->cmd_va) % 8 == 0);
}

/* Copy the descriptor at ring->read and the context that it names. */
static bool fetch_head(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;
	struct job *job = &ring->job;
	uint64_t base = reg_get(&ring->regs[RR_BASE]);
	uint64_t log2 = reg_get(&ring->regs[RR_LOG2]);
	uint64_t size = sizeof(job->desc);
	uint64_t slot = (ring->read & (BIT64(log2) - 1)) * size;
	const void *from = loom_window_get(core, &ring->desc_window, base, size << log2,
					   base + slot, size);

	if (!from)
		return false;
	loom_copy_in(&job->desc, from, size);
	job->index = ring->read;
	job->fault = (uint32_t)LOOM_CQE_FAULT_NONE;
	job->total = (struct loom_model){ 0 };
	job->packet = (struct loom_model){ 0 };
	job->charged = 0;
	job->priority = LOOM_PRIORITY_KERNEL;
	job->client = 0;
	job->weight = 1;
	job->outcome = LOOM_OUTCOME_BAD_DESCRIPTOR;
	if (loom_desc_valid(&job->desc))
		job->outcome = loom_context_load(core, le32toh(job->desc.context), &job->ctx);
	/* what cannot be executed costs nothing and need not wait */
	if (job->outcome == LOOM_OUTCOME_OK) {
		job->priority = job->ctx.priority;
		job->client = le32toh(job->ctx.client);
		job->weight = le16toh(job->ctx.weight);
	} else if (atomic_load(&core->quiesce)) {
		return false;
	}
	job->phase = JOB_HEAD;
	return true;
}

/** loom_ring_poll() - fetch the head if there is one */
void loom_ring_poll(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;
	uint64_t addr, write;
	const uint64_t *index;

	if (!ring->live || ring->halted || core->paused || ring->job.phase != JOB_NONE)
		return;
	addr = reg_get(&ring->regs[RR_WRITE_ADDR]);
	index = loom_window_get(core, &ring->index_window, addr, 8, addr, 8);
	if (!index) {
		if (!atomic_load(&core->quiesce))
			ring_error(ring, LOOM_RING_ERROR_BUS);
		return;
	}
	write = le64toh(__atomic_load_n(index, __ATOMIC_ACQUIRE));
	if (write - ring->read > BIT64(reg_get(&ring->regs[RR_LOG2])) ||
	    write - ring->read < ring->seen - ring->read) {
		ring_error(ring, LOOM_RING_ERROR_INDEX);
		return;
	}
	ring->seen = write;
	if (write == ring->read)
		return;
	if (!fetch_head(ring)) {
		if (!atomic_load(&core->quiesce))
			ring_error(ring, LOOM_RING_ERROR_BUS);
		return;
	}
	loom_ring_ready(ring);
}

static bool write_cqe(struct loom_ring *ring, uint64_t t_end)
{
	struct loom_core *core = ring->core;
	const struct job *job = &ring->job;
	uint64_t log2 = reg_get(&ring->regs[RR_CQ_LOG2]);
	uint64_t slot = job->index & (BIT64(log2) - 1);
	struct loom_cqe cqe = {
		.index = htole64(job->index),
		.cookie = job->desc.cookie,
		.t_start = htole64(job->started ? job->t_start : t_end),
		.t_end = htole64(t_end),
		.cycles = htole64(job->total.cycles),
		.bytes = htole64(sat_add(job->total.bytes_local, job->total.bytes_host)),
		.energy_pj = htole64(job->total.energy_pj),
	};
	uint64_t control = (uint64_t)job->fault << LOOM_CQE_FAULT_SHIFT |
			   (reg_get(&ring->regs[RR_GENERATION]) & LOOM_CQE_GENERATION_MASK)
				<< LOOM_CQE_GENERATION_SHIFT |
			   (uint64_t)job->outcome << LOOM_CQE_OUTCOME_SHIFT |
			   (~(job->index >> log2) & LOOM_CQE_PHASE);
	struct loom_map map = { 0 };
	struct loom_cqe *to;

	if (core->ops.map(core->host, reg_get(&ring->regs[RR_CQ_BASE]) + slot * sizeof(cqe),
			  sizeof(cqe), true, &map))
		return false;
	if (map.len < sizeof(cqe) || (uintptr_t)map.ptr % 8) {
		core->ops.unmap(core->host, &map, 0);
		return false;
	}
	to = map.ptr;
	memcpy(to, &cqe, offsetof(struct loom_cqe, control));
	__atomic_store_n(&to->control, htole64(control), __ATOMIC_RELEASE);
	core->ops.unmap(core->host, &map, sizeof(cqe));
	return true;
}

/**
 * loom_ring_complete() - retire the job and fetch the next
 *
 * Return: false if it has to be tried again, or the ring has stopped
 */
bool loom_ring_complete(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;
	struct job *job = &ring->job;
	uint64_t t_end = card_now(core);

	if (!write_cqe(ring, t_end)) {
		if (!atomic_load(&core->quiesce))
			ring_error(ring, LOOM_RING_ERROR_BUS);
		return false;
	}
	reg_count(&ring->regs[RR_CNT_BUSY_NS], t_end - ring->slice);
	reg_count(&core->regs[R_CNT_BUSY_NS], t_end - ring->slice);
	loom_job_charge(ring);
	ring->retired = true;
	reg_count(&ring->regs[RR_CNT_DESCRIPTORS], 1);
	reg_count(&core->regs[R_CNT_DESCRIPTORS], 1);
	reg_add(&ring->regs[RR_PROGRESS], 1);
	reg_set(&ring->regs[RR_CQ_WRITE], job->index + 1);
	reg_set(&ring->regs[RR_READ], job->index + 1);
	pthread_mutex_lock(&core->lock);
	ring->claim.active = false;
	atomic_fetch_and(&ring->poke, ~POKE_CANCEL);
	pthread_mutex_unlock(&core->lock);
	reg_clear(&ring->regs[RR_STATUS], LOOM_RING_STATUS_RUNNING);
	job->phase = JOB_NONE;
	loom_trace(core, LOOM_EVENT_DESC_DONE, 4, (uint64_t)ring->id, job->index,
		   (uint64_t)job->outcome, job->total.cycles);
	if (le32toh(job->desc.flags) & LOOM_DESC_IRQ)
		loom_irq_completion(ring);
	loom_ring_ready(ring);
	loom_ring_poll(ring);
	if (ring->contended && job->phase == JOB_NONE)
		loom_arbiter_idle(core, ring);
	return true;
}
