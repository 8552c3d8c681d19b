// SPDX-License-Identifier: MIT
/*
 * The front end: the card's one thread of control.
 */
#include <fenv.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "core.h"

uint64_t loom_mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/*
 * Round to nearest, no traps, subnormals kept: a thread inherits the state of
 * whoever created it, and applications do set FTZ and DAZ.
 */
void loom_fpu_init(void)
{
	fesetenv(FE_DFL_ENV);
#if defined(__SSE__)
	_mm_setcsr(0x1f80);
#endif
}

/** loom_front_request() - have the front end look at @bits; lock held */
void loom_front_request(struct loom_core *core, unsigned int bits)
{
	atomic_fetch_or(&core->requests, bits);
	if (atomic_load(&core->sleeping))
		pthread_cond_signal(&core->wake);
}

/** loom_front_pause() - the same, and have all engines stop at their tile's end */
void loom_front_pause(struct loom_core *core, unsigned int bits)
{
	for (unsigned int i = 0; i < core->config.rings; i++)
		atomic_fetch_or(&core->rings[i].poke, POKE_PAUSE);
	loom_front_request(core, bits);
}

void loom_core_doorbell(struct loom_core *core, unsigned int ring)
{
	if (ring >= core->config.rings || atomic_load_explicit(&core->dead, memory_order_relaxed))
		return;
	loom_trace(core, LOOM_EVENT_DOORBELL, 1, (uint64_t)ring);
	if (loom_inject_take(&core->rings[ring], LOOM_INJECT_LOST_DOORBELL))
		return;
	/*
	 * Either the front end sees the bit before it sleeps or this sees that
	 * it sleeps: both sides are sequentially consistent.
	 */
	atomic_fetch_or(&core->doorbells, BIT64(ring));
	if (!atomic_load(&core->sleeping))
		return;
	pthread_mutex_lock(&core->lock);
	pthread_cond_signal(&core->wake);
	pthread_mutex_unlock(&core->lock);
}

/** loom_front_yield() - should the slice of @ring end here? From any engine thread. */
bool loom_front_yield(const struct loom_ring *ring, const struct yield *yield)
{
	struct loom_core *core = ring->core;

	if (atomic_load_explicit(&ring->poke, memory_order_relaxed) ||
	    atomic_load_explicit(&core->requests, memory_order_relaxed))
		return true;
	if (!yield->contended && !(atomic_load_explicit(&core->doorbells, memory_order_relaxed) &
				   ~BIT64(ring->id)))
		return false;
	return loom_mono_ns() >= yield->deadline;
}

/* Lock held. */
static bool must_pause(struct loom_core *core)
{
	return atomic_load(&core->quiesce) || atomic_load(&core->dead) ||
	       core->reset_asked != core->reset_done ||
	       !(reg_get(&core->regs[R_STATUS]) & LOOM_STATUS_ENABLED);
}

/* Lock held. A device reset is one of every ring. */
static void ring_forgotten(struct loom_ring *ring)
{
	uint64_t generation = (uint32_t)(reg_get(&ring->regs[RR_GENERATION]) + 1);

	atomic_store(&ring->poke, POKE_PAUSE);
	atomic_store(&ring->inject, 0);
	reg_set(&ring->regs[RR_GENERATION], generation);
}

static void device_reset(struct loom_core *core)
{
	uint64_t generation;

	for (unsigned int i = 0; i < core->config.rings; i++)
		loom_ring_forget(&core->rings[i]);
	loom_window_drop(core, &core->ctx_window);
	loom_irq_reset(core);
	core->ready = 0;
	core->starved = 0;
	pthread_mutex_lock(&core->lock);
	for (unsigned int i = 0; i < core->config.rings; i++)
		ring_forgotten(&core->rings[i]);
	generation = (uint32_t)(reg_get(&core->regs[R_GENERATION]) + 1);
	loom_regs_reset(core);
	loom_mmu_flush(core);
	memset(core->stopped, 0, sizeof(core->stopped));
	atomic_store(&core->doorbells, 0);
	reg_set(&core->regs[R_GENERATION], generation);
	reg_count(&core->regs[R_CNT_RESETS], 1);
	reg_set(&core->regs[R_STATUS], 0);
	core->reset_done = core->reset_asked;
	pthread_cond_broadcast(&core->done);
	pthread_mutex_unlock(&core->lock);
	loom_trace(core, LOOM_EVENT_DEVICE_RESET, 1, generation);
}

static void settle_pause(struct loom_core *core)
{
	bool pause, quiesce, was = core->paused;

	pthread_mutex_lock(&core->lock);
	pause = must_pause(core);
	quiesce = atomic_load(&core->quiesce);
	if (!pause)
		for (unsigned int i = 0; i < core->config.rings; i++)
			atomic_fetch_and(&core->rings[i].poke, ~POKE_PAUSE);
	pthread_mutex_unlock(&core->lock);

	core->paused = pause;
	if (!pause) {
		for (unsigned int i = 0; was && i < core->config.rings; i++)
			loom_ring_kick(&core->rings[i]);
		return;
	}
	for (unsigned int i = 0; i < core->config.rings; i++)
		loom_ring_drop(&core->rings[i]);
	loom_window_drop(core, &core->ctx_window);
	if (!quiesce)
		return;
	pthread_mutex_lock(&core->lock);
	if (atomic_load(&core->quiesce)) {
		core->quiesced = true;
		pthread_cond_broadcast(&core->done);
	}
	pthread_mutex_unlock(&core->lock);
}

/* Do what MMIO threads asked for; false: the end. */
static bool attend(struct loom_core *core)
{
	unsigned int requests = atomic_exchange(&core->requests, 0);
	bool reset;

	pthread_mutex_lock(&core->lock);
	reset = core->reset_asked != core->reset_done;
	pthread_mutex_unlock(&core->lock);
	if (reset || requests & REQ_EXIT)
		device_reset(core);
	if (requests & REQ_EXIT)
		return false;
	for (unsigned int i = 0; i < core->config.rings; i++)
		if (atomic_load(&core->rings[i].poke))
			loom_ring_attend(&core->rings[i]);
	settle_pause(core);
	core->irq_check |= requests & REQ_IRQ;
	if (requests & REQ_STATE)
		loom_state_run(core);
	return true;
}

/*
 * Nothing to do: look for work for a while, then sleep. A wake-up by another
 * thread costs tens of microseconds, and so does a sleep that was not needed.
 */
static void idle(struct loom_core *core)
{
	uint64_t spin = loom_mono_ns() + core->config.spin_us * 1000ull;
	uint64_t due = core->quiesced_irqs ? 0 : loom_irq_timers(core);
	struct timespec ts;

	while (core->config.spin_us) {
		for (unsigned int i = 0; i < 64; i++) {
			if (atomic_load_explicit(&core->requests, memory_order_relaxed) ||
			    (!core->paused &&
			     atomic_load_explicit(&core->doorbells, memory_order_relaxed)))
				return;
			cpu_relax();
		}
		if (loom_mono_ns() >= spin || (due && loom_mono_ns() >= due))
			break;
		/* who rings may be waiting for this very processor */
		sched_yield();
	}
	if (due && loom_mono_ns() >= due)
		return;
	ts.tv_sec = (time_t)(due / 1000000000);
	ts.tv_nsec = (long)(due % 1000000000);
	pthread_mutex_lock(&core->lock);
	atomic_store(&core->sleeping, true);
	if (!atomic_load(&core->requests) && (core->paused || !atomic_load(&core->doorbells))) {
		if (due)
			pthread_cond_timedwait(&core->wake, &core->lock, &ts);
		else
			pthread_cond_wait(&core->wake, &core->lock);
	}
	atomic_store(&core->sleeping, false);
	pthread_mutex_unlock(&core->lock);
}

/*
 * Who goes to sleep has seen that nobody asks. So, in this order: there was a moment, not before
 * this, in which it slept and nobody asked.
 */
bool loom_core_idle(struct loom_core *core)
{
	return !atomic_load(&core->requests) && !atomic_load(&core->doorbells) &&
	       atomic_load(&core->sleeping);
}

uint64_t loom_core_waiting(struct loom_core *core)
{
	return atomic_load_explicit(&core->waiting, memory_order_relaxed);
}

/* Only the front end writes it: no more than a store, and none most of the time. */
static void show_waiting(struct loom_core *core, uint64_t waiting)
{
	if (atomic_load_explicit(&core->waiting, memory_order_relaxed) != waiting)
		atomic_store_explicit(&core->waiting, waiting, memory_order_relaxed);
}

static void poll_doorbells(struct loom_core *core)
{
	uint64_t rung;

	if (!atomic_load_explicit(&core->doorbells, memory_order_relaxed))
		return;
	/* cleared before the write indices are read: what is rung later is seen later */
	rung = atomic_exchange(&core->doorbells, 0);
	while (rung) {
		loom_ring_poll(&core->rings[__builtin_ctzll(rung)]);
		rung &= rung - 1;
	}
}

void *loom_front_main(void *arg)
{
	struct loom_core *core = arg;
	struct loom_ring *ring;

	loom_fpu_init();
	for (;;) {
		if (atomic_load(&core->requests) && !attend(core))
			return NULL;
		core->quiesced_irqs = atomic_load(&core->quiesce) || atomic_load(&core->dead);
		if (!core->quiesced_irqs) {
			if (core->irq_check)
				loom_irq_check(core);
			core->irq_check = false;
			loom_irq_timers(core);
		}
		ring = NULL;
		if (!core->paused) {
			poll_doorbells(core);
			ring = loom_arbiter_pick(core);
		}
		if (ring) {
			show_waiting(core, (core->ready | core->starved) & ~BIT64(ring->id));
			loom_job_step(ring, core->ready & ~BIT64(ring->id));
		} else {
			show_waiting(core, 0);
			idle(core);
		}
	}
}
