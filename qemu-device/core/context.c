// SPDX-License-Identifier: MIT
/*
 * Contexts: their entries in host memory, and which of them are stopped.
 */
#include <endian.h>
#include <string.h>

#include "core.h"

/** loom_context_valid() - whether a context's entry is one */
bool loom_context_valid(const struct loom_ctx_entry *entry)
{
	for (unsigned int i = 0; i < sizeof(entry->reserved) / sizeof(entry->reserved[0]); i++)
		if (entry->reserved[i])
			return false;
	return le32toh(entry->flags) == LOOM_CTX_VALID && !entry->pad && entry->weight &&
	       entry->priority <= LOOM_PRIORITY_KERNEL && !(le64toh(entry->root) & 0xfff);
}

/**
 * loom_context_load() - copy and check the entry of context @n
 *
 * Return: LOOM_OUTCOME_OK or LOOM_OUTCOME_BAD_CONTEXT
 */
uint8_t loom_context_load(struct loom_core *core, uint32_t n, struct loom_ctx_entry *entry)
{
	uint64_t base = reg_get(&core->regs[R_CTX_BASE]);
	uint64_t count = reg_get(&core->regs[R_CTX_COUNT]);
	uint64_t size = sizeof(*entry);
	const void *from;

	if (count > core->config.contexts)
		count = core->config.contexts;
	if (n >= count || base > UINT64_MAX - count * size)
		return LOOM_OUTCOME_BAD_CONTEXT;
	from = loom_window_get(core, &core->ctx_window, base, count * size, base + n * size, size);
	if (!from)
		return LOOM_OUTCOME_BAD_CONTEXT;
	loom_copy_in(entry, from, size);
	return loom_context_valid(entry) ? LOOM_OUTCOME_OK : LOOM_OUTCOME_BAD_CONTEXT;
}

bool loom_context_stopped(struct loom_core *core, uint32_t n)
{
	return core->stopped[n / 64] & BIT64(n % 64);
}

/*
 * Stop context @n: what is in execution is cancelled, what follows completes
 * without being started. @except: the ring whose fault is the reason.
 */
void loom_context_stop(struct loom_core *core, uint32_t n, struct loom_ring *except)
{
	bool poked = false;

	core->stopped[n / 64] |= BIT64(n % 64);
	for (unsigned int i = 0; i < core->config.rings; i++) {
		struct loom_ring *ring = &core->rings[i];

		if (ring == except || !ring->claim.active || ring->claim.context != n)
			continue;
		atomic_fetch_or(&ring->poke, POKE_CANCEL);
		poked = true;
	}
	if (poked)
		loom_front_request(core, REQ_POKE);
}

void loom_context_start(struct loom_core *core, uint32_t n)
{
	core->stopped[n / 64] &= ~BIT64(n % 64);
}
