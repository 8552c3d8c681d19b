// SPDX-License-Identifier: MIT
/*
 * Which ring runs next: the highest priority, then the client whose turn it is,
 * then the context of that client, then the ring.
 *
 * Clients take turns by deficit round robin in modelled cycles: who has used
 * more than its quantum waits until the others have caught up. Contexts of a
 * client do the same with quanta in proportion to their weights. What happens
 * while a ring is alone is nobody's debt, and who runs out of work starts anew:
 * one that submits a small job now and then is not made to wait for it.
 */
#include <endian.h>
#include <stdlib.h>

#include "core.h"

/* Small against any real packet, so that turns change with every slice. */
#define CLIENT_QUANTUM	1024
#define WEIGHT_QUANTUM	16

/** struct candidate - a client or a context that has something to run */
struct candidate {
	uint32_t id;
	uint32_t quantum;
	int64_t *deficit;
};

static bool is_after(uint32_t id, uint32_t than, uint32_t last)
{
	/* nearer behind @last, going round, than @than is */
	return (uint32_t)(id - last - 1) < (uint32_t)(than - last - 1);
}

static uint32_t choose(struct candidate *list, unsigned int n, uint32_t last)
{
	struct candidate *best = NULL;
	int64_t rounds = INT64_MAX;

	for (unsigned int i = 0; i < n; i++) {
		int64_t need = 0;

		if (*list[i].deficit <= 0)
			need = -*list[i].deficit / list[i].quantum + 1;
		else if (list[i].id == last)
			return last;
		if (need < rounds)
			rounds = need;
	}
	for (unsigned int i = 0; i < n; i++) {
		int64_t gain;

		if (__builtin_mul_overflow(rounds, (int64_t)list[i].quantum, &gain) ||
		    __builtin_add_overflow(*list[i].deficit, gain, list[i].deficit))
			*list[i].deficit = INT64_MAX;
		if (*list[i].deficit > 0 && (!best || is_after(list[i].id, best->id, last)))
			best = &list[i];
	}
	return best->id;
}

static struct share *client_share(struct loom_core *core, uint32_t id)
{
	struct share *found = NULL;

	for (unsigned int i = 0; i < CLIENTS_MAX; i++) {
		struct share *share = &core->arbiter.clients[i];

		if (share->used && share->id == id)
			return share;
		if (!share->used && !found)
			found = share;
	}
	if (!found) {
		/* twice as many as rings: what is forgotten has not run for long */
		found = &core->arbiter.clients[core->arbiter.victim++ % CLIENTS_MAX];
	}
	*found = (struct share){ .id = id, .used = true };
	return found;
}

static void add_candidate(struct candidate *list, unsigned int *n, uint32_t id, uint32_t quantum,
			  int64_t *deficit)
{
	for (unsigned int i = 0; i < *n; i++)
		if (list[i].id == id)
			return;
	list[(*n)++] = (struct candidate){ id, quantum, deficit };
}

static uint64_t top_priority(struct loom_core *core)
{
	uint64_t set = 0, left = core->ready;
	unsigned int top = 0;

	for (; left; left &= left - 1) {
		struct loom_ring *ring = &core->rings[__builtin_ctzll(left)];

		if (ring->job.priority > top) {
			top = ring->job.priority;
			set = 0;
		}
		if (ring->job.priority == top)
			set |= BIT64(ring->id);
	}
	return set;
}

static uint64_t client_rings(struct loom_core *core, uint64_t set)
{
	struct candidate list[LOOM_RINGS_MAX];
	uint64_t left, rings = 0;
	unsigned int n = 0;

	for (left = set; left; left &= left - 1) {
		struct job *job = &core->rings[__builtin_ctzll(left)].job;

		add_candidate(list, &n, job->client, CLIENT_QUANTUM,
			      &client_share(core, job->client)->deficit);
	}
	core->arbiter.client = choose(list, n, core->arbiter.client);
	for (left = set; left; left &= left - 1)
		if (core->rings[__builtin_ctzll(left)].job.client == core->arbiter.client)
			rings |= left & -left;
	return rings;
}

/* A context that the card does not have ends in an error, whichever it is. */
static uint32_t context_of(struct loom_core *core, const struct job *job)
{
	uint32_t context = le32toh(job->desc.context);

	return context < core->config.contexts ? context : 0;
}

static uint64_t context_rings(struct loom_core *core, uint64_t set)
{
	struct candidate list[LOOM_RINGS_MAX];
	uint64_t left, rings = 0;
	unsigned int n = 0;

	for (left = set; left; left &= left - 1) {
		struct job *job = &core->rings[__builtin_ctzll(left)].job;
		uint32_t context = context_of(core, job);

		add_candidate(list, &n, context, job->weight * WEIGHT_QUANTUM,
			      &core->arbiter.contexts[context]);
	}
	core->arbiter.context = choose(list, n, core->arbiter.context);
	for (left = set; left; left &= left - 1)
		if (context_of(core, &core->rings[__builtin_ctzll(left)].job) ==
		    core->arbiter.context)
			rings |= left & -left;
	return rings;
}

/** loom_arbiter_pick() - the ring that runs next, NULL if none is ready */
struct loom_ring *loom_arbiter_pick(struct loom_core *core)
{
	uint64_t set = core->ready, after;

	if (!set)
		return NULL;
	if (set & (set - 1)) {
		set = top_priority(core);
		if (set & (set - 1))
			set = client_rings(core, set);
		if (set & (set - 1))
			set = context_rings(core, set);
	}
	after = core->arbiter.ring < 63 ? set & ~(BIT64(core->arbiter.ring + 1) - 1) : 0;
	core->arbiter.ring = (unsigned int)__builtin_ctzll(after ? after : set);
	return &core->rings[core->arbiter.ring];
}

static void charge(int64_t *deficit, uint64_t cycles)
{
	if (cycles > DEBT_MAX || *deficit < -DEBT_MAX + (int64_t)cycles)
		*deficit = -DEBT_MAX;
	else
		*deficit -= (int64_t)cycles;
}

/** loom_arbiter_charge() - @ring's job has used @cycles; every turn costs something */
void loom_arbiter_charge(struct loom_core *core, struct loom_ring *ring, uint64_t cycles)
{
	cycles = sat_add(cycles, 1);
	charge(&client_share(core, ring->job.client)->deficit, cycles);
	charge(&core->arbiter.contexts[context_of(core, &ring->job)], cycles);
}

/** loom_arbiter_idle() - @ring has run out of work */
void loom_arbiter_idle(struct loom_core *core, struct loom_ring *ring)
{
	uint32_t context = context_of(core, &ring->job);
	bool client_busy = false, context_busy = false;
	uint64_t left;

	for (left = core->ready & ~BIT64(ring->id); left; left &= left - 1) {
		const struct job *job = &core->rings[__builtin_ctzll(left)].job;

		client_busy |= job->client == ring->job.client;
		context_busy |= context_of(core, job) == context;
	}
	if (!client_busy)
		client_share(core, ring->job.client)->deficit = 0;
	if (!context_busy)
		core->arbiter.contexts[context] = 0;
}
