// SPDX-License-Identifier: MIT
/*
 * Address spaces: page tables in the arena, and their invalidation.
 */
#include <endian.h>
#include <sched.h>
#include <stdlib.h>

#include "sim.h"

static struct sim_context *sim_context(struct accel_context *context)
{
	return (struct sim_context *)context;
}

static int table_new(struct sim_device *sim, struct sim_context *context, uint64_t *bus)
{
	int ret;

	if (context->ntables == context->tables_room) {
		size_t room = context->tables_room * 2 + 16;
		uint64_t *tables = realloc(context->tables, room * sizeof(*tables));

		if (!tables)
			return err_nomem("page tables");
		context->tables = tables;
		context->tables_room = room;
	}
	ret = sim_arena_alloc(&sim->arena, PAGE_SIZE, bus);
	if (!ret)
		context->tables[context->ntables++] = *bus;
	return ret;
}

int sim_context_init(struct accel_context *base)
{
	struct sim_context *context = sim_context(base);
	struct sim_device *sim = sim_of(base);
	int ret;

	sim_lock(sim);
	ret = sim_alive(sim);
	context->tag = sim->next_tag++;
	if (!ret)
		ret = table_new(sim, context, &context->root);
	sim_unlock(sim);
	if (ret)
		free(context->tables);
	return ret;
}

/* Wait until the card has forgotten [va, va + len) of the tag; len 0: all. */
static void invalidate(struct sim_device *sim, uint32_t tag, uint64_t va, uint64_t len)
{
	uint64_t issued;
	unsigned int resets;

	sim_lock(sim);
	/* a card in reset ignores this, and does not forget before its end */
	while (sim->resetting && !sim->lost) {
		sim_unlock(sim);
		sched_yield();
		sim_lock(sim);
	}
	sim_alive(sim);
	resets = atomic_load(&sim->resets);
	sim_write(sim, LOOM_REG_INV_VA, va, 8);
	sim_write(sim, LOOM_REG_INV_LEN, len, 8);
	sim_write(sim, LOOM_REG_INV_TAG, tag, 4);
	issued = sim_read(sim, LOOM_REG_INV_ISSUED, 8);
	sim_unlock(sim);
	/* At most a millisecond of work of an engine; a reset of the card counts anew. */
	while (sim_read(sim, LOOM_REG_INV_DONE, 8) < issued && atomic_load(&sim->resets) == resets)
		sched_yield();
}

void sim_context_fini(struct accel_context *base)
{
	struct sim_context *context = sim_context(base);
	struct sim_device *sim = sim_of(base);

	if (!device_forked(base->device)) {
		invalidate(sim, context->tag, 0, 0);
		sim_lock(sim);
		while (context->ntables)
			sim_arena_free(&sim->arena, context->tables[--context->ntables], PAGE_SIZE);
		sim_unlock(sim);
	}
	free(context->tables);
}

static uint64_t *entry_at(struct sim_device *sim, uint64_t table, unsigned int level, uint64_t va)
{
	uint64_t *entries = sim_arena_ptr(&sim->arena, table);

	return &entries[va >> LOOM_PT_SHIFT(level) & (LOOM_PT_ENTRIES - 1)];
}

/* The card reads entries at any time: each is stored in one piece. */
static void entry_set(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, htole64(value), __ATOMIC_RELEASE);
}

static uint64_t entry_get(const uint64_t *entry)
{
	return le64toh(__atomic_load_n(entry, __ATOMIC_RELAXED));
}

/* The entry for @va at @level; tables above it are made if @make. NULL: not there. */
static int walk(struct sim_device *sim, struct sim_context *context, uint64_t va,
		unsigned int level, bool make, uint64_t **entry)
{
	uint64_t table = context->root, next;
	uint64_t *e;
	int ret;

	for (unsigned int l = LOOM_PT_LEVELS - 1; ; l--) {
		e = entry_at(sim, table, l, va);
		if (l == level)
			break;
		next = entry_get(e);
		if (!(next & LOOM_PTE_VALID)) {
			if (!make) {
				*entry = NULL;
				return 0;
			}
			ret = table_new(sim, context, &next);
			if (ret)
				return ret;
			next |= LOOM_PTE_VALID;
			entry_set(e, next);
		}
		table = next & LOOM_PTE_ADDR;
	}
	*entry = e;
	return 0;
}

/* Bytes that one leaf at @va takes: large where the addresses and the tables there allow. */
static int leaf(struct sim_device *sim, struct sim_context *context, uint64_t va, uint64_t at,
		uint64_t left, uint64_t **entry, uint64_t *bytes)
{
	int ret;

	if (!((va | at) & (HUGE_SIZE - 1)) && left >= HUGE_SIZE) {
		ret = walk(sim, context, va, 1, true, entry);
		if (ret)
			return ret;
		if (!(entry_get(*entry) & LOOM_PTE_VALID)) {
			*bytes = HUGE_SIZE;
			return 0;
		}
	}
	*bytes = PAGE_SIZE;
	return walk(sim, context, va, 0, true, entry);
}

static void unmap(struct sim_device *sim, struct sim_context *context, uint64_t va, uint64_t size)
{
	uint64_t end = va + size;
	uint64_t *entry;

	while (va < end) {
		walk(sim, context, va, 1, false, &entry);
		if (!entry || !(entry_get(entry) & LOOM_PTE_VALID)) {
			va = (va & ~(uint64_t)(HUGE_SIZE - 1)) + HUGE_SIZE;
			continue;
		}
		if (entry_get(entry) & LOOM_PTE_LEAF) {
			entry_set(entry, 0);
			va += HUGE_SIZE;
			continue;
		}
		walk(sim, context, va, 0, false, &entry);
		entry_set(entry, 0);
		va += PAGE_SIZE;
	}
}

int sim_context_map(struct accel_context *base, uint64_t va, uint64_t at, uint64_t size,
		    uint64_t prot)
{
	struct sim_context *context = sim_context(base);
	struct sim_device *sim = sim_of(base);
	uint64_t flags = prot | LOOM_PTE_VALID | LOOM_PTE_LEAF;
	uint64_t done, bytes;
	uint64_t *entry;
	int ret = 0;

	sim_lock(sim);
	for (done = 0; done < size; done += bytes) {
		ret = leaf(sim, context, va + done, at + done, size - done, &entry, &bytes);
		if (ret)
			break;
		entry_set(entry, (at + done) | flags);
	}
	if (ret)
		unmap(sim, context, va, done);
	sim_unlock(sim);
	if (ret)
		invalidate(sim, context->tag, va, size);
	return ret;
}

int sim_buffer_bind(struct accel_buffer *buffer)
{
	struct sim_buffer *b = (struct sim_buffer *)buffer;
	uint64_t prot = LOOM_PTE_READ;

	if (!(buffer->flags & ACCEL_BUFFER_READONLY))
		prot |= LOOM_PTE_WRITE;
	if (b->local)
		prot |= LOOM_PTE_LOCAL;
	return sim_context_map(buffer->context, buffer->va, b->at, buffer->size, prot);
}

int sim_buffer_unbind(struct accel_buffer *buffer)
{
	struct sim_context *context = sim_context(buffer->context);
	struct sim_device *sim = sim_of(buffer->context);

	sim_lock(sim);
	unmap(sim, context, buffer->va, buffer->size);
	sim_unlock(sim);
	invalidate(sim, context->tag, buffer->va, buffer->size);
	return 0;
}
