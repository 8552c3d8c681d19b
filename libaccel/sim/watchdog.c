// SPDX-License-Identifier: MIT
/*
 * Jobs that hang: no progress for a while, or running for too long. Their context is stopped; a
 * card that does not end them then gets its ring reset, and so on: see reset.c.
 *
 * The card is threads of this process, which may have to wait for processors longer than any job
 * may take. So time is the card's: sim_elapsed().
 */
#include <signal.h>

#include "sim.h"

#define TICK_MIN_MS	1
#define TICK_MAX_MS	250

static void stop(struct sim_device *sim, struct sim_queue *queue, uint64_t number)
{
	queue->hung = number;
	queue->hung_packet = (uint32_t)sim_read(sim, LOOM_REG_RING(queue->ring) +
						LOOM_RING_CURRENT_PACKET, 4);
	sim_queue_end(sim, queue, ACCEL_QUEUE_BANNED);
}

uint64_t sim_elapsed(struct sim_device *sim)
{
	bool idle = loom_core_idle(sim->core);
	uint64_t now = sim_now(), elapsed = now - sim->looked, most = 0;

	sim->looked = now;
	/* Those who compute do so side by side, and what is waited for is the last of them. */
	for (struct sim_thread *thread = sim->threads; thread; thread = thread->next) {
		uint64_t ran = sim_thread_ns(thread->id);

		if (ran - thread->ran > most)
			most = ran - thread->ran;
		thread->ran = ran;
	}
	return idle || most > elapsed ? elapsed : most;
}

/* After @elapsed of the card's time. */
static void look(struct sim_device *sim, unsigned int r, uint64_t elapsed)
{
	struct sim_ring *ring = &sim->rings[r];
	uint64_t regs = LOOM_REG_RING(r);
	uint32_t status = (uint32_t)sim_read(sim, regs + LOOM_RING_STATUS, 4);
	uint64_t index, progress;
	struct sim_queue *queue;

	if (status == UINT32_MAX) {
		sim_lost(sim);
		return;
	}
	if (status & LOOM_RING_STATUS_ERROR) {
		sim_ring_reset(sim, r);
		return;
	}
	if (!(status & LOOM_RING_STATUS_RUNNING)) {
		/* its doorbell may have been lost; one too many does no harm */
		loom_core_doorbell(sim->core, r);
		return;
	}
	index = sim_read(sim, regs + LOOM_RING_CURRENT_INDEX, 8);
	progress = sim_read(sim, regs + LOOM_RING_PROGRESS, 8);
	if (index < ring->retired || index >= ring->written)
		return;
	/* nobody is late who waits for others' work */
	if (loom_core_waiting(sim->core) >> r & 1)
		elapsed = 0;
	ring->ran += elapsed;
	ring->stalled += elapsed;
	ring->late += elapsed;
	if (index != ring->seen) {
		ring->seen = index;
		ring->ran = 0;
		ring->stopped = false;
	}
	if (!ring->ran || progress != ring->seen_progress) {
		ring->seen_progress = progress;
		ring->stalled = 0;
	}
	queue = ring->jobs[index & ((1u << SIM_RING_LOG2) - 1)].queue;
	/* Whoever is stopped has a while to end, whatever it does. */
	if (!queue || queue->status != ACCEL_QUEUE_OK) {
		if (!ring->stopped)
			ring->late = 0;
		ring->stopped = true;
		if (ring->late >= sim_reset_ns(sim))
			sim_ring_reset(sim, r);
		return;
	}
	if (ring->stalled >= queue->timeout_ms * 1000000ull ||
	    ring->ran >= queue->limit_ms * 1000000ull)
		stop(sim, queue, ring->jobs[index & ((1u << SIM_RING_LOG2) - 1)].number);
}

static unsigned int tick_ms(const struct sim_device *sim)
{
	unsigned int tick = TICK_MAX_MS;

	for (const struct sim_queue *q = sim->queues; q; q = q->next) {
		if (q->timeout_ms / 4 < tick)
			tick = q->timeout_ms / 4;
		if (q->limit_ms / 4 < tick)
			tick = q->limit_ms / 4;
	}
	return tick < TICK_MIN_MS ? TICK_MIN_MS : tick;
}

/* One look at everything. Return: whether there was work since the last one. */
static bool patrol(struct sim_device *sim, uint64_t *seen, unsigned int *tick)
{
	uint64_t written = 0, elapsed;
	bool busy = false;

	sim_lock(sim);
	/* before the registers are read: they tell what the card did until then */
	elapsed = sim_elapsed(sim);
	for (unsigned int r = 1; r <= sim->nrings; r++) {
		/* Also what a lost interrupt would have told. */
		sim_ring_retire(sim, r);
		written += sim->rings[r].written;
		if (sim->rings[r].retired == sim->rings[r].written)
			continue;
		busy = true;
		if (!sim->lost)
			look(sim, r, elapsed);
	}
	sim_rings_fill(sim);
	*tick = tick_ms(sim);
	if (written != *seen)
		busy = true;
	*seen = written;
	/* Under the lock: a submission from now on sees it. */
	if (!busy)
		atomic_store(&sim->watchdog_parked, true);
	sim_unlock(sim);
	return busy;
}

static void *watchdog(void *arg)
{
	struct sim_device *sim = arg;
	uint64_t seen = 0;
	unsigned int tick = TICK_MIN_MS;

	while (!atomic_load(&sim->watchdog_quit)) {
		bool busy = patrol(sim, &seen, &tick);

		pthread_mutex_lock(&sim->watchdog_lock);
		if (busy)
			sim_sleep(&sim->watchdog_cond, &sim->watchdog_lock, tick * 1000000ull);
		while (atomic_load(&sim->watchdog_parked) && !atomic_load(&sim->watchdog_quit))
			pthread_cond_wait(&sim->watchdog_cond, &sim->watchdog_lock);
		pthread_mutex_unlock(&sim->watchdog_lock);
	}
	return NULL;
}

static void wake(struct sim_device *sim)
{
	pthread_mutex_lock(&sim->watchdog_lock);
	pthread_cond_signal(&sim->watchdog_cond);
	pthread_mutex_unlock(&sim->watchdog_lock);
}

void sim_watchdog_kick(struct sim_device *sim)
{
	if (!atomic_load(&sim->watchdog_parked))
		return;
	atomic_store(&sim->watchdog_parked, false);
	wake(sim);
}

int sim_watchdog_start(struct sim_device *sim)
{
	sigset_t all, old;
	int ret;

	/* Signals are for the application's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&sim->watchdog, NULL, watchdog, sim);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret)
		return err(-ret, NULL, "cannot start a thread of the simulated card");
	sim->watchdog_started = true;
	return 0;
}

void sim_watchdog_stop(struct sim_device *sim)
{
	if (!sim->watchdog_started)
		return;
	atomic_store(&sim->watchdog_quit, true);
	wake(sim);
	pthread_join(sim->watchdog, NULL);
}
