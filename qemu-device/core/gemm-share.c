// SPDX-License-Identifier: MIT
/*
 * Panels that the tiles of a packet share. Whoever needs some first packs them;
 * who comes meanwhile packs others, then waits. The one that is waited for runs
 * and looks at stop itself, and what it gives up others take over.
 */
#include <sched.h>

#include "gemm-plan.h"

#define ALIGN(x)	(((x) + 63) & ~63ull)

bool loom_gemm_repeats(const struct loom_work *work, unsigned int index)
{
	for (unsigned int back = 2; back < work->operands[0].rank; back++)
		if (loom_gemm_stride(&work->operands[index], back))
			return false;
	return true;
}

static uint64_t matrices(const struct loom_work *work, unsigned int index)
{
	return loom_gemm_repeats(work, index) ? 1 : work->u.gemm.batch;
}

static uint64_t groups(const struct loom_pack *pack)
{
	return pack->panels / LOOM_GEMM_GROUP + (pack->panels % LOOM_GEMM_GROUP != 0);
}

/* Bytes of the states, the sums and the panels of a matrix. */
struct sizes {
	uint64_t states, sums, panels;
};

static struct sizes sizes_of(const struct loom_gemm_plan *plan, const struct loom_pack *pack)
{
	return (struct sizes){
		.states = groups(pack) * sizeof(atomic_uint),
		.sums = plan->shape->kpack == 4 ? pack->cut * 4 : 0,
		.panels = pack->cut * plan->kw * 4,
	};
}

/* In this order: states of a, of b, sums of a, of b, panels of a, of b. */
struct offsets {
	struct sizes a, b;
	uint64_t a_sums, b_sums, a_panels, b_panels, end;
};

static bool offsets_of(const struct loom_gemm_plan *plan, const struct loom_work *work,
		       struct offsets *at)
{
	uint64_t na = plan->share_a ? matrices(work, 1) : 0;
	uint64_t nb = plan->share_b ? matrices(work, 2) : 0;
	uint64_t limit = 1ull << 32;

	at->a = sizes_of(plan, &plan->a);
	at->b = sizes_of(plan, &plan->b);
	/* far more than what anybody gives */
	if (na && (plan->a.cut > limit || plan->a.cut * plan->kw > limit / na))
		return false;
	if (nb && (plan->b.cut > limit || plan->b.cut * plan->kw > limit / nb))
		return false;
	at->a_sums = ALIGN(na * at->a.states + nb * at->b.states);
	at->b_sums = ALIGN(at->a_sums + na * at->a.sums);
	at->a_panels = ALIGN(at->b_sums + nb * at->b.sums);
	at->b_panels = ALIGN(at->a_panels + na * at->a.panels);
	at->end = at->b_panels + nb * at->b.panels;
	return true;
}

uint64_t loom_gemm_share_size(const struct loom_gemm_plan *plan, const struct loom_work *work,
			      uint64_t *zero)
{
	struct offsets at;

	*zero = 0;
	if (!plan->share_a && !plan->share_b)
		return 0;
	if (!offsets_of(plan, work, &at))
		return UINT64_MAX;
	*zero = at.a_sums;
	return at.end;
}

void loom_gemm_sides(const struct loom_gemm_plan *plan, const struct loom_work *work,
		     uint64_t batch, struct loom_gemm_side *a, struct loom_gemm_side *b)
{
	uint64_t ia = loom_gemm_repeats(work, 1) ? 0 : batch, ib = loom_gemm_repeats(work, 2) ? 0 : batch;
	uint64_t na = plan->share_a ? matrices(work, 1) : 0;
	uint8_t *mem = work->shared_mem;
	struct offsets at;

	offsets_of(plan, work, &at);
	a->states = (atomic_uint *)(mem + ia * at.a.states);
	a->sums = (uint32_t *)(mem + at.a_sums + ia * at.a.sums);
	a->panels = (uint32_t *)(mem + at.a_panels + ia * at.a.panels);
	b->states = (atomic_uint *)(mem + na * at.a.states + ib * at.b.states);
	b->sums = (uint32_t *)(mem + at.b_sums + ib * at.b.sums);
	b->panels = (uint32_t *)(mem + at.b_panels + ib * at.b.panels);
}

/** struct request - arguments of loom_gemm_share() */
struct request {
	const struct loom_gemm_kern *kern;
	const struct loom_gemm_plan *plan;
	const struct loom_pack *pack;
	const struct loom_gemm_side *side;
	bool with_sums, is_signed;
	void *scratch;
};

static void add_sums(const struct request *rq, uint64_t panel)
{
	uint64_t line = loom_pack_start(rq->pack, panel);
	unsigned int lines = (unsigned int)(loom_pack_start(rq->pack, panel + 1) - line);
	uint32_t *sums = memset(rq->side->sums + line, 0, lines * 4);

	rq->kern->sums(rq->side->panels + line * rq->plan->kw, rq->plan->kw, lines, rq->is_signed,
		       rq->plan->last, sums);
}

static bool pack_group(const struct request *rq, uint64_t group)
{
	const struct loom_gemm_plan *plan = rq->plan;
	uint64_t first = group * LOOM_GEMM_GROUP, end = first + LOOM_GEMM_GROUP;
	uint32_t *dst = rq->side->panels + loom_pack_start(rq->pack, first) * plan->kw;

	if (end > rq->pack->panels)
		end = rq->pack->panels;
	for (uint64_t k0 = 0; k0 < plan->k; k0 += plan->block) {
		uint64_t kc = plan->k - k0 < plan->block ? plan->k - k0 : plan->block;

		if (!loom_pack_panels(rq->kern, plan->shape, rq->pack, first, end, k0, kc,
				      plan->block, dst, plan->kw, k0 / plan->shape->kpack,
				      rq->scratch))
			return false;
	}
	for (; rq->with_sums && first < end; first++)
		add_sums(rq, first);
	return true;
}

/* Pack a group that nobody has; false: stopped. */
static bool take(const struct request *rq, uint64_t group)
{
	atomic_uint *state = &rq->side->states[group];
	unsigned int empty = LOOM_GEMM_EMPTY;
	bool done;

	if (atomic_load_explicit(state, memory_order_relaxed) != LOOM_GEMM_EMPTY ||
	    !atomic_compare_exchange_strong_explicit(state, &empty, LOOM_GEMM_BUSY,
						     memory_order_relaxed, memory_order_relaxed))
		return true;
	done = pack_group(rq, group);
	atomic_store_explicit(state, done ? LOOM_GEMM_READY : LOOM_GEMM_EMPTY,
			      memory_order_release);
	return done;
}

bool loom_gemm_share(const struct loom_gemm_kern *kern, const struct loom_gemm_plan *plan,
		     const struct loom_pack *pack, const struct loom_gemm_side *side,
		     uint64_t first, uint64_t end, bool with_sums, bool is_signed, void *scratch)
{
	struct request rq = {
		.kern = kern, .plan = plan, .pack = pack, .side = side,
		.with_sums = with_sums && plan->shape->kpack == 4, .is_signed = is_signed,
		.scratch = scratch,
	};
	uint64_t g0 = first / LOOM_GEMM_GROUP, g1 = (end - 1) / LOOM_GEMM_GROUP;

	for (uint64_t g = g0; g <= g1; g++)
		if (!take(&rq, g))
			return false;
	for (uint64_t g = g0; g <= g1; g++)
		while (atomic_load_explicit(&side->states[g], memory_order_acquire) !=
		       LOOM_GEMM_READY) {
			if (atomic_load_explicit(pack->stop, memory_order_relaxed) ||
			    !take(&rq, g))
				return false;
			sched_yield();
		}
	return true;
}
