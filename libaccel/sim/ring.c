// SPDX-License-Identifier: MIT
/*
 * Rings: from queues to the card and back.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define RING_SIZE	(1u << SIM_RING_LOG2)
#define RING_MASK	(RING_SIZE - 1)
#define RING_ENTRY	(sizeof(struct loom_desc) + sizeof(struct loom_cqe))
#define RING_BYTES	(RING_SIZE * RING_ENTRY + PAGE_SIZE)

void sim_ring_start(struct sim_device *sim, unsigned int r)
{
	struct sim_ring *ring = &sim->rings[r];
	uint64_t regs = LOOM_REG_RING(r);

	sim_write(sim, regs + LOOM_RING_BASE, ring->bus, 8);
	sim_write(sim, regs + LOOM_RING_CQ_BASE,
		  ring->bus + RING_SIZE * sizeof(struct loom_desc), 8);
	sim_write(sim, regs + LOOM_RING_WRITE_ADDR, ring->bus + RING_BYTES - PAGE_SIZE, 8);
	sim_write(sim, regs + LOOM_RING_READ, ring->retired, 8);
	sim_write(sim, regs + LOOM_RING_LOG2, SIM_RING_LOG2, 4);
	sim_write(sim, regs + LOOM_RING_CQ_LOG2, SIM_RING_LOG2, 4);
	sim_write(sim, regs + LOOM_RING_CONTEXT, LOOM_RING_CONTEXT_ANY, 4);
	sim_write(sim, regs + LOOM_RING_VECTOR, r, 4);
	sim_write(sim, regs + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE, 4);
	loom_core_doorbell(sim->core, r);
}

static int ring_init(struct sim_device *sim, unsigned int r)
{
	struct sim_ring *ring = &sim->rings[r];
	uint64_t regs = LOOM_REG_RING(r);
	char *mem;
	int ret;

	ring->jobs = calloc(RING_SIZE, sizeof(*ring->jobs));
	if (!ring->jobs)
		return err_nomem("the simulated card");
	ret = sim_arena_alloc(&sim->arena, RING_BYTES, &ring->bus);
	if (ret)
		return ret;
	mem = sim_arena_ptr(&sim->arena, ring->bus);
	ring->desc = (struct loom_desc *)mem;
	ring->cqe = (struct loom_cqe *)(mem + RING_SIZE * sizeof(struct loom_desc));
	ring->index = (uint64_t *)(mem + RING_BYTES - PAGE_SIZE);
	ring->seen = UINT64_MAX;
	sim_ring_start(sim, r);
	if (!(sim_read(sim, regs + LOOM_RING_STATUS, 4) & LOOM_RING_STATUS_ENABLED))
		return err(-EIO, NULL, "the simulated card refuses ring %u: error %u", r,
			   (unsigned int)sim_read(sim, regs + LOOM_RING_ERROR, 4));
	return 0;
}

int sim_rings_init(struct sim_device *sim)
{
	int ret = 0;

	for (unsigned int r = 1; r <= sim->nrings && !ret; r++)
		ret = ring_init(sim, r);
	return ret;
}

void sim_rings_fini(struct sim_device *sim)
{
	/* Their memory goes with the arena. */
	for (unsigned int r = 1; r <= sim->nrings; r++)
		free(sim->rings[r].jobs);
}

static bool waits(const struct sim_queue *queue, const struct sim_job *job)
{
	/* A stopped context runs nothing any more: nothing is worth waiting for. */
	if (queue->status != ACCEL_QUEUE_OK)
		return false;
	for (uint32_t i = 0; i < job->nwaits; i++)
		if (!accel_fence_poll(job->waits[i]))
			return true;
	return false;
}

void sim_queue_fill(struct sim_device *sim, struct sim_queue *queue)
{
	struct sim_ring *ring = &sim->rings[queue->ring];
	uint64_t before = ring->written;

	if (ring->resetting || sim->resetting)
		return;
	while (queue->issued < queue->submitted && ring->written - ring->retired < RING_SIZE) {
		uint64_t number = queue->issued + 1;
		struct sim_job *job = &queue->jobs[number & (queue->base.depth - 1)];
		struct loom_desc *desc = &ring->desc[ring->written & RING_MASK];

		if (waits(queue, job))
			break;
		memset(desc, 0, sizeof(*desc));
		desc->cmd_va = htole64(job->cmd_va);
		desc->cmd_size = htole32(job->cmd_size);
		desc->context = htole32(queue->context);
		desc->cookie = htole64(job->cookie);
		desc->flags = htole32(LOOM_DESC_IRQ);
		ring->jobs[ring->written & RING_MASK].queue = queue;
		ring->jobs[ring->written & RING_MASK].number = number;
		ring->jobs[ring->written & RING_MASK].context = queue->context;
		sim->context_state[queue->context].descriptors++;
		queue->issued = number;
		ring->written++;
	}
	if (ring->written == before)
		return;
	__atomic_store_n(ring->index, htole64(ring->written), __ATOMIC_RELEASE);
	loom_core_doorbell(sim->core, queue->ring);
}

void sim_rings_fill(struct sim_device *sim)
{
	for (struct sim_queue *queue = sim->queues; queue; queue = queue->next)
		if (queue->issued < queue->submitted)
			sim_queue_fill(sim, queue);
}

static void read_fault(struct sim_device *sim, uint64_t number, struct accel_result *result)
{
	const struct loom_fault *fault = &sim->faults[number & ((1u << SIM_FAULT_LOG2) - 1)];
	uint64_t control = le64toh(__atomic_load_n(&fault->control, __ATOMIC_ACQUIRE));

	/* Overtaken by later records, or dropped. */
	if (control >> LOOM_FAULT_NUMBER_SHIFT != number)
		return;
	result->fault_va = le64toh(fault->va);
	result->fault_code = fault->code;
	result->fault_packet = le32toh(fault->packet);
	result->fault_opcode = le16toh(fault->opcode);
	result->fault_operand = fault->operand;
	result->fault_access = fault->access;
}

static int error_of(struct sim_device *sim, struct sim_queue *queue, uint64_t number,
		    unsigned int outcome)
{
	switch (outcome) {
	case LOOM_OUTCOME_OK:
		return 0;
	case LOOM_OUTCOME_CONTEXT_STOPPED:
		/* Between two packets, or just before the first. */
		return queue->hung == number ? -ETIME : -ECANCELED;
	case LOOM_OUTCOME_ABORTED:
		if (queue->hung == number)
			return -ETIME;
		sim_queue_end(sim, queue, ACCEL_QUEUE_INNOCENT);
		return -ECANCELED;
	default:
		sim_queue_end(sim, queue, ACCEL_QUEUE_FAULTED);
		return -EIO;
	}
}

static void finish(struct sim_device *sim, struct sim_queue *queue, uint64_t number,
		   const struct loom_cqe *cqe, uint64_t control)
{
	struct accel_result *result = &queue->base.ring[number & (queue->base.depth - 1)];
	unsigned int outcome = control >> LOOM_CQE_OUTCOME_SHIFT & LOOM_CQE_OUTCOME_MASK;

	result->cookie = le64toh(cqe->cookie);
	result->t_start = le64toh(cqe->t_start);
	result->t_end = le64toh(cqe->t_end);
	result->cycles = le64toh(cqe->cycles);
	result->bytes = le64toh(cqe->bytes);
	result->energy_pj = le64toh(cqe->energy_pj);
	result->error = error_of(sim, queue, number, outcome);
	result->outcome = outcome;
	result->fault_va = 0;
	result->fault_code = LOOM_FAULT_NONE;
	result->fault_packet = 0;
	result->fault_opcode = 0;
	result->fault_operand = 0;
	result->fault_access = 0;
	if (control >> LOOM_CQE_FAULT_SHIFT != LOOM_CQE_FAULT_NONE)
		read_fault(sim, control >> LOOM_CQE_FAULT_SHIFT, result);
	sim_queue_finish(sim, queue);
}

void sim_ring_retire(struct sim_device *sim, unsigned int r)
{
	struct sim_ring *ring = &sim->rings[r];

	while (ring->retired < ring->written) {
		const struct loom_cqe *cqe = &ring->cqe[ring->retired & RING_MASK];
		uint64_t control = le64toh(__atomic_load_n(&cqe->control, __ATOMIC_ACQUIRE));
		uint64_t phase = ~ring->retired >> SIM_RING_LOG2 & 1;
		struct sim_queue *queue = ring->jobs[ring->retired & RING_MASK].queue;
		uint32_t context = ring->jobs[ring->retired & RING_MASK].context;

		if ((control & LOOM_CQE_PHASE) != phase)
			break;
		sim->context_state[context].descriptors--;
		if (queue)
			finish(sim, queue, ring->jobs[ring->retired & RING_MASK].number, cqe,
			       control);
		ring->retired++;
	}
}

void sim_ring_abort(struct sim_device *sim, unsigned int r)
{
	struct sim_ring *ring = &sim->rings[r];
	struct loom_cqe *cqe = &ring->cqe[ring->retired & RING_MASK];
	uint64_t phase = ~ring->retired >> SIM_RING_LOG2 & 1;

	memset(cqe, 0, sizeof(*cqe));
	cqe->index = htole64(ring->retired);
	cqe->cookie = ring->desc[ring->retired & RING_MASK].cookie;
	/* as of its lap: the next one tells its entry from this */
	cqe->control = htole64(phase | (uint64_t)LOOM_OUTCOME_ABORTED << LOOM_CQE_OUTCOME_SHIFT |
			       (uint64_t)LOOM_CQE_FAULT_NONE << LOOM_CQE_FAULT_SHIFT);
	sim_ring_retire(sim, r);
}

void sim_ring_forget(struct sim_device *sim, unsigned int r)
{
	struct sim_ring *ring = &sim->rings[r];

	for (; ring->retired < ring->written; ring->retired++) {
		ring->jobs[ring->retired & RING_MASK].queue = NULL;
		sim->context_state[ring->jobs[ring->retired & RING_MASK].context].descriptors--;
	}
	ring->resetting = false;
}

static void work(struct sim_device *sim)
{
	uint64_t vectors = atomic_exchange(&sim->pending, 0);

	if (!vectors)
		return;
	for (unsigned int r = 1; r <= sim->nrings; r++)
		if (vectors >> r & 1)
			sim_ring_retire(sim, r);
	if (vectors & 1) {
		sim_write(sim, LOOM_REG_IRQ_STATUS, sim_read(sim, LOOM_REG_IRQ_STATUS, 8), 8);
		sim_write(sim, LOOM_REG_FAULT_READ, sim_read(sim, LOOM_REG_FAULT_WRITE, 8), 8);
	}
	sim_rings_fill(sim);
}

void sim_lock(struct sim_device *sim)
{
	pthread_mutex_lock(&sim->lock);
}

/*
 * Who raises an interrupt never waits for the lock: it leaves a bit, and who
 * has the lock looks for bits after giving it up. One of the two sees the other:
 * both sides are sequentially consistent operations on @pending and the lock.
 */
void sim_unlock(struct sim_device *sim)
{
	do {
		work(sim);
		sim_queues_tell(sim);
		pthread_mutex_unlock(&sim->lock);
	} while (atomic_fetch_or(&sim->pending, 0) && !pthread_mutex_trylock(&sim->lock));
}

void sim_interrupt(struct sim_device *sim, uint64_t vectors)
{
	atomic_fetch_or(&sim->pending, vectors);
	if (!pthread_mutex_trylock(&sim->lock))
		sim_unlock(sim);
}
