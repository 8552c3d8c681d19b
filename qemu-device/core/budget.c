// SPDX-License-Identifier: MIT
/*
 * Private memory of jobs. A job that finds too little waits until another gives
 * some back; one that could never get enough is refused when it is validated.
 */
#include "core.h"

bool loom_budget_take(struct budget *budget, uint64_t size)
{
	if (size > budget->max - budget->used)
		return false;
	budget->used += size;
	return true;
}

void loom_budget_give(struct loom_core *core, struct budget *budget, uint64_t size)
{
	uint64_t starved = core->starved;

	if (!size)
		return;
	budget->used -= size;
	core->starved = 0;
	while (starved) {
		loom_ring_ready(&core->rings[__builtin_ctzll(starved)]);
		starved &= starved - 1;
	}
}
