// SPDX-License-Identifier: MIT
/*
 * Faults on demand, by name.
 *
 * What is armed is one bit per ring and kind. Each is used up by the first
 * descriptor, interrupt or doorbell of its ring that it fits, in whichever
 * thread that is. A device reset disarms all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

static const char *const names[] = {
	[LOOM_INJECT_NONE] = "none",
	[LOOM_INJECT_HANG] = "hang",
	[LOOM_INJECT_HANG_DEVICE] = "hang-device",
	[LOOM_INJECT_LOST_IRQ] = "lost-irq",
	[LOOM_INJECT_LOST_DOORBELL] = "lost-doorbell",
	[LOOM_INJECT_DMA_ERROR] = "dma-error",
	[LOOM_INJECT_ECC] = "ecc",
	[LOOM_INJECT_DEAD] = "dead",
	[LOOM_INJECT_ECC_CORRECTED] = "ecc-corrected",
};

#define NAMES		(sizeof(names) / sizeof(names[0]))

/* What takes effect on a descriptor in execution at once. */
#define AT_ONCE		(1u << LOOM_INJECT_HANG | 1u << LOOM_INJECT_HANG_DEVICE | \
			 1u << LOOM_INJECT_ECC | 1u << LOOM_INJECT_ECC_CORRECTED)

static bool of_ring(unsigned int what)
{
	return what != LOOM_INJECT_NONE && what != LOOM_INJECT_DEAD;
}

int loom_inject_parse(const char *text, enum loom_inject *what, unsigned int *ring)
{
	size_t len = strcspn(text, ":");
	unsigned long n = 0;
	unsigned int i = 0;
	char *end;

	while (i < NAMES && (strlen(names[i]) != len || memcmp(names[i], text, len)))
		i++;
	if (i == NAMES)
		return -EINVAL;
	*what = (enum loom_inject)i;
	*ring = 0;
	text += len;
	if (!of_ring(i))
		return *text ? -EINVAL : 0;
	if (strncmp(text, ":ring=", 6) || text[6] < '0' || text[6] > '9')
		return -EINVAL;
	n = strtoul(text + 6, &end, 10);
	if (*end || n >= LOOM_RINGS_MAX)
		return -EINVAL;
	*ring = (unsigned int)n;
	return 0;
}

/** loom_inject() - see loom_core_inject(); lock held */
bool loom_inject(struct loom_core *core, unsigned int what, unsigned int ring)
{
	if (what >= NAMES || (of_ring(what) ? ring >= core->config.rings : ring != 0))
		return false;
	if (what == LOOM_INJECT_NONE) {
		for (unsigned int i = 0; i < core->config.rings; i++)
			atomic_store(&core->rings[i].inject, 0);
		if (!atomic_exchange(&core->dead, false))
			return true;
		/* nobody has heard doorbells, perhaps not even the front end of the death */
		atomic_fetch_or(&core->doorbells, UINT64_MAX >> (64 - core->config.rings));
		loom_front_request(core, REQ_PAUSE);
	} else if (what == LOOM_INJECT_DEAD) {
		atomic_store(&core->dead, true);
		loom_front_pause(core, REQ_PAUSE);
	} else {
		atomic_fetch_or(&core->rings[ring].inject, 1u << what);
		if (1u << what & AT_ONCE) {
			atomic_fetch_or(&core->rings[ring].poke, POKE_INJECT);
			loom_front_request(core, REQ_POKE);
		}
	}
	return true;
}

int loom_core_inject(struct loom_core *core, enum loom_inject what, unsigned int ring)
{
	bool done;

	pthread_mutex_lock(&core->lock);
	done = loom_inject(core, what, ring);
	pthread_mutex_unlock(&core->lock);
	return done ? 0 : -EINVAL;
}

size_t loom_core_injected(struct loom_core *core, char *text, size_t size)
{
	size_t n = 0;

	if (size)
		text[0] = '\0';
	if (atomic_load(&core->dead))
		n = (size_t)snprintf(text, size, "%s", names[LOOM_INJECT_DEAD]);
	for (unsigned int i = 0; i < core->config.rings; i++) {
		unsigned int armed = atomic_load(&core->rings[i].inject);

		for (; armed; armed &= armed - 1)
			n += (size_t)snprintf(n < size ? text + n : NULL, n < size ? size - n : 0,
					      "%s%s:ring=%u", n ? " " : "",
					      names[__builtin_ctz(armed)], i);
	}
	return n;
}

/**
 * loom_inject_start() - what is armed for a descriptor that has started and
 * has no outcome yet
 */
void loom_inject_start(struct loom_ring *ring)
{
	atomic_uint_fast64_t *regs = ring->core->regs;
	struct job *job = &ring->job;

	if (!(atomic_load_explicit(&ring->inject, memory_order_relaxed) & AT_ONCE))
		return;
	if (loom_inject_take(ring, LOOM_INJECT_ECC_CORRECTED))
		reg_count(&regs[R_CNT_ECC_CORRECTED], 1);
	if (loom_inject_take(ring, LOOM_INJECT_HANG_DEVICE)) {
		job->stuck = LOOM_INJECT_HANG_DEVICE;
	} else if (loom_inject_take(ring, LOOM_INJECT_HANG)) {
		/* one that only a device reset helps is not made better by this */
		if (job->stuck != LOOM_INJECT_HANG_DEVICE)
			job->stuck = LOOM_INJECT_HANG;
	} else if (!job->stuck && loom_inject_take(ring, LOOM_INJECT_ECC)) {
		reg_count(&regs[R_CNT_ECC_UNCORRECTED], 1);
		loom_job_abandon(ring);
		job->outcome = LOOM_OUTCOME_HW_ERROR;
		job->phase = JOB_DONE;
		return;
	} else {
		return;
	}
	/* an engine that hangs has let go of memory, and listens to nobody */
	loom_job_abandon(ring);
	job->phase = JOB_HANG;
}

/**
 * loom_inject_access() - a data access of @ring's job to @va is about to be made
 *
 * Return: 0, or as loom_mmu_span()
 */
int loom_inject_access(struct loom_ring *ring, uint64_t va, struct mmu_fault *fault)
{
	int ret;

	if (!loom_inject_take(ring, LOOM_INJECT_DMA_ERROR))
		return 0;
	ret = loom_mmu_bus_error(ring, va, fault);
	/* not now: the same access is made again */
	if (ret == -EAGAIN)
		atomic_fetch_or(&ring->inject, 1u << LOOM_INJECT_DMA_ERROR);
	return ret;
}
