// SPDX-License-Identifier: MIT
/*
 * A descriptor in execution: fetch its commands, validate all of them, then
 * run one packet after the other. Every phase can be left at any time, for
 * another ring's sake or to give up memory, and taken up again.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "core.h"

static void finish(struct job *job, enum loom_outcome outcome)
{
	job->outcome = (uint8_t)outcome;
	job->phase = JOB_DONE;
}

/* ---- memory of a packet ---- */

static void release_claim(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;

	if (!ring->job.holds)
		return;
	pthread_mutex_lock(&core->lock);
	loom_mmu_release(ring);
	pthread_mutex_unlock(&core->lock);
	ring->job.holds = false;
}

static void claim(struct loom_ring *ring, const struct range *ranges, unsigned int n)
{
	struct loom_core *core = ring->core;

	if (ring->job.holds)
		return;
	pthread_mutex_lock(&core->lock);
	loom_mmu_claim(ring, ranges, n);
	pthread_mutex_unlock(&core->lock);
	ring->job.holds = true;
}

/** loom_job_drop() - give up the translations of the packet at hand */
void loom_job_drop(struct loom_ring *ring)
{
	struct job *job = &ring->job;

	if (!job->holds)
		return;
	for (unsigned int i = 0; i < LOOM_OPERANDS_MAX; i++)
		loom_span_drop(ring->core, &job->spans[i]);
	release_claim(ring);
	job->walk = 0;
	if (job->phase == JOB_TILES)
		job->phase = JOB_WALK;
}

static void shared_free(struct loom_core *core, struct job *job)
{
	if (!job->shared)
		return;
	/* the largest is kept for the next packet, within its part of the limit */
	if (job->shared_size > core->shared_cache_size &&
	    job->shared_size <= core->shared_cache_max) {
		free(core->shared_cache);
		core->shared_cache = job->shared;
		core->shared_cache_size = job->shared_size;
	} else {
		free(job->shared);
	}
	job->shared = NULL;
}

/* Without it the tiles take longer, no more. */
static void shared_alloc(struct loom_core *core, struct job *job)
{
	uint64_t size = job->work.shared;

	if (!job->share || job->shared)
		return;
	if (core->shared_cache && core->shared_cache_size >= size) {
		job->shared = core->shared_cache;
		job->shared_size = core->shared_cache_size;
		core->shared_cache = NULL;
		core->shared_cache_size = 0;
	} else {
		job->shared_size = (size + 63) & ~63ull;
		job->shared = loom_large_alloc(job->shared_size);
	}
	if (job->shared)
		memset(job->shared, 0, job->work.shared_zero);
}

/* The packet is over, one way or the other. */
static void release_packet(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;
	struct job *job = &ring->job;
	uint64_t reserved = job->reserved;

	for (unsigned int i = 0; i < LOOM_OPERANDS_MAX; i++)
		loom_span_free(core, &job->spans[i]);
	shared_free(core, job);
	release_claim(ring);
	job->walk = 0;
	job->planned = false;
	job->reserved = 0;
	loom_budget_give(core, &core->packets, reserved);
}

/*
 * A busy HANG takes no time of the front end: its progress is computed from the
 * clock when it is read, except while the ring rests.
 */
#define HANG_TICK_NS	250000

uint64_t loom_job_hang_progress(struct loom_ring *ring)
{
	uint64_t since = reg_get(&ring->hang_since);

	return since ? (card_now(ring->core) - since) / HANG_TICK_NS : 0;
}

/** loom_job_rest() - the ring stands still: so does its progress */
void loom_job_rest(struct loom_ring *ring)
{
	uint64_t progress = loom_job_hang_progress(ring);

	if (!reg_get(&ring->hang_since))
		return;
	/* never back: what was read last may have been computed a moment ago */
	reg_add(&ring->regs[RR_PROGRESS], progress + 1);
	reg_set(&ring->hang_since, 0);
}

/** loom_job_wake() - the ring goes on */
void loom_job_wake(struct loom_ring *ring)
{
	uint64_t now;

	if (ring->job.phase != JOB_HANG || ring->job.stuck ||
	    !(ring->job.work.u.hang.flags & LOOM_HANG_BUSY) || reg_get(&ring->hang_since))
		return;
	now = card_now(ring->core);
	reg_set(&ring->hang_since, now ? now : 1);
}

/** loom_job_abandon() - let go of everything; the job will not go on */
void loom_job_abandon(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;
	struct job *job = &ring->job;

	release_packet(ring);
	core->starved &= ~BIT64(ring->id);
	loom_job_rest(ring);
	job->packet = (struct loom_model){ 0 };
	job->restored = false;
	pthread_mutex_lock(&core->lock);
	ring->claim.active = false;
	atomic_fetch_and(&ring->poke, ~POKE_CANCEL);
	pthread_mutex_unlock(&core->lock);
}

/* What the packet cannot do without: shared memory only makes it faster. */
static uint64_t packet_need(const struct loom_work *work)
{
	uint64_t need = 0;

	for (unsigned int i = 0; i < work->noperands; i++)
		if (work->operands[i].extent)
			need = sat_add(need, loom_span_cost(work->operands[i].va,
							    work->operands[i].extent));
	return need;
}

static bool packet_fits(const struct loom_core *core, const struct loom_work *work)
{
	return work->arena <= LOOM_ARENA_MAX && packet_need(work) <= core->packets.max;
}

/* Memory that the job needs now; false: it waits until others give some back. */
static bool reserve(struct loom_ring *ring, uint64_t need)
{
	struct loom_core *core = ring->core;
	struct job *job = &ring->job;

	if (job->reserved || !need)
		return true;
	if (!loom_budget_take(&core->packets, need)) {
		core->starved |= BIT64(ring->id);
		return false;
	}
	job->reserved = need;
	return true;
}

static bool reserve_packet(struct loom_ring *ring)
{
	struct job *job = &ring->job;
	uint64_t need = packet_need(&job->work), more = sat_add(need, job->work.shared);

	job->share = !job->reserved && job->work.shared &&
		     loom_budget_take(&ring->core->packets, more);
	if (job->share) {
		job->reserved = more;
		return true;
	}
	return reserve(ring, need);
}

/* ---- faults ---- */

static void fault(struct loom_ring *ring, enum loom_outcome outcome,
		  const struct mmu_fault *cause, unsigned int access, uint16_t opcode,
		  uint8_t operand, uint32_t packet)
{
	struct job *job = &ring->job;

	release_packet(ring);
	job->report = (struct report){
		.fault = *cause,
		.outcome = (uint8_t)outcome,
		.access = (uint8_t)access,
		.operand = operand,
		.opcode = opcode,
		.packet = packet,
	};
	job->phase = JOB_FAULT;
}

static void bad_command(struct loom_ring *ring, uint16_t opcode,
			const struct loom_decode_error *error)
{
	struct job *job = &ring->job;
	const struct mmu_fault cause = {
		.code = error->code,
		.level = 0xff,
		.va = le64toh(job->desc.cmd_va) + job->pos,
	};

	fault(ring, LOOM_OUTCOME_BAD_COMMAND, &cause, LOOM_ACCESS_FETCH, opcode, error->operand,
	      job->pos);
}

/* ---- phases: each returns false if the job cannot go on in this slice ---- */

static bool job_start(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;
	struct job *job = &ring->job;
	uint32_t context = le32toh(job->desc.context);
	uint32_t size = le32toh(job->desc.cmd_size);

	job->started = false;
	ring->read = job->index + 1;
	if (job->outcome == LOOM_OUTCOME_OK) {
		pthread_mutex_lock(&core->lock);
		if (loom_context_stopped(core, context)) {
			job->outcome = LOOM_OUTCOME_CONTEXT_STOPPED;
		} else {
			ring->claim.active = true;
			ring->claim.context = context;
			ring->claim.tag = le32toh(job->ctx.tag);
		}
		pthread_mutex_unlock(&core->lock);
	}
	if (job->outcome != LOOM_OUTCOME_OK) {
		job->phase = JOB_DONE;
		return true;
	}
	job->started = true;
	job->restored = false;
	job->t_start = ring->slice;
	reg_set(&ring->regs[RR_CURRENT_INDEX], job->index);
	reg_set(&ring->regs[RR_CURRENT_CONTEXT], context);
	reg_set(&ring->regs[RR_CURRENT_PACKET], 0);
	reg_or(&ring->regs[RR_STATUS], LOOM_RING_STATUS_RUNNING);
	job->debug = loom_core_debug(core);
	job->pos = 0;
	job->phase = JOB_FETCH;
	loom_trace(core, LOOM_EVENT_DESC_START, 4, (uint64_t)ring->id, job->index,
		   (uint64_t)context, le64toh(job->desc.cmd_va));
	loom_inject_start(ring);
	if (!size && job->phase == JOB_FETCH)
		job->phase = JOB_DONE;
	return true;
}

/* Room for the copy of the commands, kept for the ring's next jobs. */
static bool cmd_room(struct loom_ring *ring, uint32_t size)
{
	struct job *job = &ring->job;

	if (size <= CMD_INLINE) {
		job->cmd = (uint8_t *)job->cmd_small;
		return true;
	}
	if (size > job->cmd_cap) {
		free(job->cmd_big);
		job->cmd_cap = 0;
		job->cmd_big = malloc(size);
		if (!job->cmd_big)
			return false;
		job->cmd_cap = size;
	}
	job->cmd = job->cmd_big;
	return true;
}

static bool job_fetch(struct loom_ring *ring, const struct yield *yield)
{
	struct loom_decode_error resource = { LOOM_FAULT_CMD_RESOURCE, 0xff };
	struct loom_core *core = ring->core;
	struct job *job = &ring->job;
	struct span *span = &job->spans[0];
	uint64_t va = le64toh(job->desc.cmd_va);
	uint32_t size = le32toh(job->desc.cmd_size);
	struct range range = { va, size };
	struct mmu_fault cause;
	struct loom_view view;
	uint64_t need = loom_span_cost(va, size);
	int ret;

	if (!job->planned) {
		if ((size > CMD_INLINE && size > core->command_max) || need > core->packets.max) {
			bad_command(ring, 0xffff, &resource);
			return true;
		}
		if (!reserve(ring, need))
			return false;
		if (!cmd_room(ring, size) || !loom_span_prepare(span, va, size)) {
			release_packet(ring);
			finish(job, LOOM_OUTCOME_HW_ERROR);
			return true;
		}
		job->planned = true;
	}
	claim(ring, &range, 1);
	ret = loom_mmu_span(ring, span, va, size, LOOM_ACCESS_FETCH, yield, &view, &cause);
	if (ret == -EAGAIN)
		loom_job_drop(ring);
	if (ret == -EAGAIN || ret == 1)
		return false;
	if (ret) {
		fault(ring, LOOM_OUTCOME_FAULT, &cause, LOOM_ACCESS_FETCH, 0xffff, 0xff, 0);
		return true;
	}
	for (uint32_t i = 0; i < view.nruns; i++) {
		uint64_t end = i + 1 < view.nruns ? view.runs[i + 1].start : size;

		loom_copy_in(job->cmd + view.runs[i].start, view.runs[i].ptr,
			     end - view.runs[i].start);
	}
	release_packet(ring);
	job->phase = JOB_VALIDATE;
	return true;
}

static int decode(struct loom_ring *ring, struct loom_decode_error *error)
{
	struct job *job = &ring->job;
	uint32_t size = le32toh(job->desc.cmd_size);

	*error = (struct loom_decode_error){ LOOM_FAULT_CMD_HEADER, 0xff };
	if (size - job->pos < sizeof(struct loom_pkt_header))
		return -EINVAL;
	return loom_packet_decode(job->cmd + job->pos, size - job->pos, job->debug,
				  ring->core->engine, &job->work, &job->size, error);
}

static uint16_t raw_opcode(const struct job *job, const struct loom_decode_error *error)
{
	const struct loom_pkt_header *header = (const void *)(job->cmd + job->pos);

	return error->code == LOOM_FAULT_CMD_HEADER ? 0xffff : le16toh(header->opcode);
}

/**
 * loom_job_plan() - validate the commands of a job whose state was saved
 * @pos: where a packet must begin, or all of them end
 * @work: that packet
 */
bool loom_job_plan(const struct loom_core *core, const uint8_t *cmd, uint32_t size, bool debug,
		   uint32_t pos, struct loom_work *work)
{
	struct loom_decode_error error;
	bool found = pos == size;
	uint32_t at = 0, length;
	struct loom_work other;

	while (at < size) {
		struct loom_work *to = at == pos ? work : &other;

		if (size - at < sizeof(struct loom_pkt_header) ||
		    loom_packet_decode(cmd + at, size - at, debug, core->engine, to, &length,
				       &error) || !packet_fits(core, to))
			return false;
		found |= at == pos;
		at += length;
	}
	return found;
}

static bool job_validate(struct loom_ring *ring, const struct yield *yield)
{
	struct job *job = &ring->job;
	uint32_t size = le32toh(job->desc.cmd_size);
	struct loom_decode_error error;
	unsigned int steps = 0;

	while (job->pos < size) {
		if (++steps % 64 == 0 && loom_front_yield(ring, yield))
			return false;
		if (decode(ring, &error)) {
			bad_command(ring, raw_opcode(job, &error), &error);
			return true;
		}
		if (!packet_fits(ring->core, &job->work)) {
			error = (struct loom_decode_error){ LOOM_FAULT_CMD_RESOURCE, 0xff };
			bad_command(ring, job->work.opcode, &error);
			return true;
		}
		job->pos += job->size;
	}
	/* a lone packet need not be decoded twice */
	job->planned = job->size == size;
	job->pos = 0;
	job->phase = JOB_DECODE;
	return true;
}

static void add_model(struct loom_core *core, struct job *job)
{
	const struct loom_model *m = &job->packet;
	uint64_t fixed;

	job->total.cycles = sat_add(job->total.cycles, m->cycles);
	job->total.bytes_local = sat_add(job->total.bytes_local, m->bytes_local);
	job->total.bytes_host = sat_add(job->total.bytes_host, m->bytes_host);
	job->total.energy_pj = sat_add(job->total.energy_pj, m->energy_pj);
	reg_count(&core->regs[R_CNT_PACKETS], 1);
	reg_count(&core->regs[R_CNT_CYCLES], m->cycles);
	reg_count(&core->regs[R_CNT_MACS], m->macs);
	reg_count(&core->regs[R_CNT_BYTES_LOCAL], m->bytes_local);
	reg_count(&core->regs[R_CNT_BYTES_HOST], m->bytes_host);
	reg_count(&core->regs[R_CNT_ENERGY_PJ], m->energy_pj);
	fixed = loom_model_static(core->profile, m->cycles);
	loom_sensor_spend(&core->sensor, card_now(core),
			  m->energy_pj > fixed ? m->energy_pj - fixed : 0);
	job->packet = (struct loom_model){ 0 };
}

static void packet_done(struct loom_ring *ring)
{
	struct job *job = &ring->job;

	release_packet(ring);
	add_model(ring->core, job);
	reg_add(&ring->regs[RR_PROGRESS], 1);
	job->pos += job->size;
	job->phase = JOB_DECODE;
}

static bool job_decode(struct loom_ring *ring)
{
	struct loom_core *core = ring->core;
	struct job *job = &ring->job;
	struct loom_work *work = &job->work;
	const struct loom_pkt_header *header = (const void *)(job->cmd + job->pos);
	struct loom_decode_error error;

	if (job->pos == le32toh(job->desc.cmd_size)) {
		finish(job, LOOM_OUTCOME_OK);
		return true;
	}
	/* it was valid before and the copy is private */
	if (!job->planned && decode(ring, &error)) {
		finish(job, LOOM_OUTCOME_HW_ERROR);
		return true;
	}
	job->planned = true;
	if (!reserve_packet(ring))
		return false;
	reg_set(&ring->regs[RR_CURRENT_PACKET], job->pos);
	loom_trace(core, LOOM_EVENT_PACKET, 4, (uint64_t)ring->id, (uint64_t)work->opcode,
		   (uint64_t)job->pos, (uint64_t)le32toh(header->tag));
	if (work->opcode == LOOM_OP_HANG) {
		job->phase = JOB_HANG;
		loom_job_wake(ring);
		return false;
	}
	for (unsigned int i = 0; i < work->noperands; i++)
		if (work->operands[i].extent &&
		    !loom_span_prepare(&job->spans[i], work->operands[i].va,
				       work->operands[i].extent))
			goto no_memory;
	shared_alloc(core, job);
	work->shared_mem = job->shared;
	job->tiles.count = work->tiles;
	if (!job->restored) {
		atomic_store(&job->tiles.next, 0);
		atomic_store(&job->tiles.nredo, 0);
	}
	job->restored = false;
	job->walk = 0;
	job->phase = JOB_WALK;
	return true;
no_memory:
	release_packet(ring);
	finish(job, LOOM_OUTCOME_HW_ERROR);
	return true;
}

static void store_word(struct loom_ring *ring)
{
	struct job *job = &ring->job;
	uint64_t value = job->work.u.fence.value;
	uint64_t *to = (uint64_t *)job->work.operands[0].view.runs[0].ptr;

	if (job->work.opcode == LOOM_OP_TIMESTAMP)
		value = card_now(ring->core);
	job->spans[0].dirty = true;
	__atomic_store_n(to, htole64(value), __ATOMIC_RELEASE);
}

static bool job_walk(struct loom_ring *ring, const struct yield *yield)
{
	struct job *job = &ring->job;
	struct loom_work *work = &job->work;
	struct range ranges[LOOM_OPERANDS_MAX];
	uint32_t host_operands = 0;
	unsigned int n = 0;
	struct mmu_fault cause;

	for (unsigned int i = 0; i < work->noperands; i++)
		if (work->operands[i].extent)
			ranges[n++] = (struct range){ work->operands[i].va,
						      work->operands[i].extent };
	claim(ring, ranges, n);
	for (; job->walk < work->noperands; job->walk++) {
		struct loom_operand *op = &work->operands[job->walk];
		unsigned int access = op->write ? LOOM_ACCESS_WRITE : LOOM_ACCESS_READ;
		int ret;

		if (!op->extent)
			continue;
		ret = loom_mmu_span(ring, &job->spans[job->walk], op->va, op->extent, access,
				    yield, &op->view, &cause);
		if (!ret)
			ret = loom_inject_access(ring, op->va, &cause);
		if (ret == -EAGAIN)
			loom_job_drop(ring);
		if (ret == -EAGAIN || ret == 1)
			return false;
		if (ret) {
			fault(ring, LOOM_OUTCOME_FAULT, &cause, access, work->opcode,
			      (uint8_t)job->walk, job->pos);
			return true;
		}
	}
	for (unsigned int i = 0; i < work->noperands; i++)
		if (work->operands[i].extent && job->spans[i].host)
			host_operands |= 1u << i;
	loom_model_packet(ring->core->profile, work, host_operands, &job->packet);
	job->phase = JOB_TILES;
	return true;
}

static bool job_tiles(struct loom_ring *ring, const struct yield *yield)
{
	struct job *job = &ring->job;

	switch (job->work.opcode) {
	case LOOM_OP_FENCE:
	case LOOM_OP_TIMESTAMP:
		store_word(ring);
		break;
	default:
		if (!job->tiles.count)
			break;
		for (unsigned int i = 0; i < job->work.noperands; i++)
			job->spans[i].dirty = true;
		if (!loom_pool_run(ring, yield))
			return false;
	}
	packet_done(ring);
	return true;
}

static bool step(struct loom_ring *ring, const struct yield *yield)
{
	struct job *job = &ring->job;

	switch (job->phase) {
	case JOB_HEAD:
		return job_start(ring);
	case JOB_FETCH:
		return job_fetch(ring, yield);
	case JOB_VALIDATE:
		return job_validate(ring, yield);
	case JOB_DECODE:
		return job_decode(ring);
	case JOB_WALK:
		return job_walk(ring, yield);
	case JOB_TILES:
		return job_tiles(ring, yield);
	case JOB_FAULT:
		if (!loom_fault_record(ring))
			return false;
		job->phase = JOB_DONE;
		return true;
	case JOB_DONE:
		loom_ring_complete(ring);
		return false;
	case JOB_NONE:
	case JOB_HANG:
		break;
	}
	return false;
}

/* Modelled cycles of the job so far, the unfinished packet by its tiles. */
static uint64_t cycles_so_far(const struct job *job)
{
	uint64_t done = atomic_load(&job->tiles.next), cycles = job->packet.cycles;

	if (job->phase != JOB_WALK && job->phase != JOB_TILES)
		return job->total.cycles;
	if (done > job->tiles.count)
		done = job->tiles.count;
	if (job->tiles.count > 0)
		cycles = cycles / job->tiles.count * done;
	return sat_add(job->total.cycles, cycles);
}

/** loom_job_charge() - account for the cycles since the last time */
void loom_job_charge(struct loom_ring *ring)
{
	struct job *job = &ring->job;
	uint64_t cycles;

	if (!ring->contended)
		return;
	cycles = cycles_so_far(job);
	loom_arbiter_charge(ring->core, ring, cycles > job->charged ? cycles - job->charged : 0);
	if (cycles > job->charged)
		job->charged = cycles;
}

/**
 * loom_job_step() - one slice of @ring's job
 * @contended: another ring is ready, too
 */
void loom_job_step(struct loom_ring *ring, bool contended)
{
	struct loom_core *core = ring->core;
	struct yield yield = { .contended = contended };
	uint64_t start = card_now(core), now;
	unsigned int steps = 0;

	ring->slice = start;
	ring->retired = false;
	ring->contended = contended;
	yield.deadline = loom_mono_ns() + SLICE_NS;
	while (!atomic_load(&ring->poke) && step(ring, &yield))
		if (++steps % 32 == 0 && loom_front_yield(ring, &yield))
			break;
	if (!ring->retired) {
		now = card_now(core);
		reg_count(&ring->regs[RR_CNT_BUSY_NS], now - start);
		reg_count(&core->regs[R_CNT_BUSY_NS], now - start);
		/* tiles count by themselves: one that was given up is no progress */
		reg_add(&ring->regs[RR_PROGRESS],
			ring->job.phase != JOB_HANG && ring->job.phase != JOB_TILES);
		loom_job_charge(ring);
	}
	loom_ring_ready(ring);
}
