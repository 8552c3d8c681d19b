// SPDX-License-Identifier: MIT
/*
 * The reset ladder: a ring, the card, and if that fails the card is given up.
 *
 * What had been started when a reset was asked for is never run again; what had not is left where
 * it is, and the card goes on there. Only the watchdog's thread climbs; it gives up the lock while
 * it waits. Meanwhile nothing is put on the rings concerned.
 */
#include <endian.h>
#include <string.h>

#include "sim.h"

#define POLL_NS		100000

/* The card's own bound of resets, which no engine comes near unless it hangs. */
uint64_t sim_reset_ns(struct sim_device *sim)
{
	return sim_read(sim, LOOM_REG_RESET_TIMEOUT_MS, 4) * 1000000ull;
}

/**
 * sim_lost() - the card does not answer any more, and will not
 *
 * All that was submitted has failed. Its engines may be at a tile still: afterwards they are not.
 */
void sim_lost(struct sim_device *sim)
{
	if (sim->lost)
		return;
	for (unsigned int r = 1; r <= sim->nrings; r++)
		sim_ring_retire(sim, r);
	sim->lost = true;
	loom_core_quiesce(sim->core);
	for (unsigned int r = 1; r <= sim->nrings; r++)
		sim_ring_forget(sim, r);
	for (struct sim_queue *q = sim->queues; q; q = q->next) {
		q->status = ACCEL_QUEUE_LOST;
		sim_queue_drop(sim, q, -ENODEV);
	}
}

/** sim_alive() - 0, or -ENODEV with its record */
int sim_alive(struct sim_device *sim)
{
	if (!sim->lost && sim_read(sim, LOOM_REG_MAGIC, 4) == UINT32_MAX)
		sim_lost(sim);
	return sim->lost ? err(-ENODEV, "close it and open another", "the simulated card does not "
			       "answer any more") : 0;
}

/*
 * Wait until all of @mask in a status register is clear, or @any of it set: for as long as the card
 * has time, whatever the clock says. The lock is given up meanwhile.
 */
static bool wait_status(struct sim_device *sim, uint64_t reg, uint32_t mask, bool any)
{
	uint64_t most = sim_reset_ns(sim), elapsed = 0;

	sim_elapsed(sim);
	for (;;) {
		uint32_t status = (uint32_t)sim_read(sim, reg, 4);

		if (status == UINT32_MAX)
			sim_lost(sim);
		if (sim->lost)
			return false;
		if (any ? status & mask : !(status & mask))
			return true;
		if (elapsed >= most)
			return false;
		sim_unlock(sim);
		sim_nap(POLL_NS);
		sim_lock(sim);
		elapsed += sim_elapsed(sim);
	}
}

static void hold(struct sim_device *sim, unsigned int r)
{
	sim->rings[r].resetting = true;
	sim_write(sim, LOOM_REG_RING(r) + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE |
		  LOOM_RING_CTRL_HALT, 4);
}

/* Once a ring has halted its registers stand still. One that does not halt is asked, too. */
static void sample(struct sim_device *sim, unsigned int r)
{
	uint64_t regs = LOOM_REG_RING(r), written, running;
	uint32_t status;

	wait_status(sim, regs + LOOM_RING_STATUS, LOOM_RING_STATUS_HALTED | LOOM_RING_STATUS_ERROR,
		    true);
	status = (uint32_t)sim_read(sim, regs + LOOM_RING_STATUS, 4);
	written = sim_read(sim, regs + LOOM_RING_CQ_WRITE, 8);
	running = sim_read(sim, regs + LOOM_RING_CURRENT_INDEX, 8) + 1;
	sim->rings[r].reached = written;
	if (status & LOOM_RING_STATUS_ERROR)
		sim->rings[r].reached = written + 1;
	else if (status & LOOM_RING_STATUS_RUNNING && running > written)
		sim->rings[r].reached = running;
}

static void restart(struct sim_device *sim, unsigned int r)
{
	struct sim_ring *ring = &sim->rings[r];

	sim_ring_retire(sim, r);
	while (ring->retired < ring->reached && ring->retired < ring->written)
		sim_ring_abort(sim, r);
	ring->resetting = false;
	ring->seen = UINT64_MAX;
	sim_ring_start(sim, r);
}

/* A reset makes the card forget who was stopped. */
static void stop_again(struct sim_device *sim)
{
	for (uint32_t i = 0; i < sim->ncontexts; i++)
		if (!sim->context_state[i].used && sim->context_state[i].descriptors)
			sim_write(sim, LOOM_REG_CTX_STOP, i, 4);
	for (struct sim_queue *q = sim->queues; q; q = q->next)
		if (q->status != ACCEL_QUEUE_OK)
			sim_write(sim, LOOM_REG_CTX_STOP, q->context, 4);
}

static void reset_card(struct sim_device *sim)
{
	/* of a ring whose reset has failed, what was seen before that counts */
	for (unsigned int r = 1; r <= sim->nrings; r++) {
		bool before = sim->rings[r].resetting;

		sim->rings[r].sampled = before;
		if (!before)
			hold(sim, r);
	}
	for (unsigned int r = 1; r <= sim->nrings && !sim->lost; r++)
		if (!sim->rings[r].sampled)
			sample(sim, r);
	if (sim->lost)
		return;
	sim->resetting = true;
	sim_write(sim, LOOM_REG_CTRL, LOOM_CTRL_RESET, 4);
	if (!wait_status(sim, LOOM_REG_STATUS, LOOM_STATUS_RESETTING, false)) {
		sim_lost(sim);
		return;
	}
	/* their records of faults are overwritten next */
	for (unsigned int r = 1; r <= sim->nrings; r++)
		sim_ring_retire(sim, r);
	if (sim_card_start(sim)) {
		sim_lost(sim);
		return;
	}
	sim->resetting = false;
	atomic_fetch_add(&sim->resets, 1);
	stop_again(sim);
	for (unsigned int r = 1; r <= sim->nrings; r++)
		restart(sim, r);
}

/** sim_ring_reset() - end what ring @r executes, and go on after it */
void sim_ring_reset(struct sim_device *sim, unsigned int r)
{
	uint64_t regs = LOOM_REG_RING(r);

	hold(sim, r);
	sample(sim, r);
	if (sim->lost)
		return;
	sim_write(sim, regs + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET, 4);
	if (wait_status(sim, regs + LOOM_RING_STATUS, LOOM_RING_STATUS_RESETTING, false))
		restart(sim, r);
	else if (!sim->lost)
		reset_card(sim);
}
