// SPDX-License-Identifier: MIT
#include "replay.h"

#include <stdlib.h>
#include <string.h>

#include <accel/accel.h>

#define PAGE		4096ull
#define VA_END		(1ull << LOOM_VA_BITS)

/* ---- the address space ---- */

static const char *check_mapping(const struct loom_dump_mapping *m, uint64_t end)
{
	if (!m->size || (m->va | m->size | m->offset) % PAGE)
		return "a mapping does not consist of pages";
	if (m->va >= VA_END || m->size > VA_END - m->va)
		return "a mapping lies beyond the address space";
	if (m->va < end)
		return "its mappings overlap or are out of order";
	if (m->offset > m->buffer_size || m->size > m->buffer_size - m->offset)
		return "a mapping is larger than its buffer";
	return NULL;
}

/* Buffers have no order: those of a dump are few enough to look through all. */
static struct replay_memory *find_memory(struct replay_plan *plan, uint64_t buffer)
{
	for (uint32_t i = 0; i < plan->memories; i++)
		if (plan->memory[i].buffer == buffer)
			return &plan->memory[i];
	return NULL;
}

static void add_memory(struct replay_plan *plan, const struct loom_dump_mapping *m)
{
	struct replay_memory *memory = find_memory(plan, m->buffer);
	uint64_t end = m->offset + m->size;

	if (!memory) {
		plan->memory[plan->memories++] = (struct replay_memory){
			.buffer = m->buffer, .first = m->offset, .size = m->size,
		};
		return;
	}
	if (end < memory->first + memory->size)
		end = memory->first + memory->size;
	if (memory->first > m->offset)
		memory->first = m->offset;
	memory->size = end - memory->first;
}

static const char *plan_memory(struct replay_plan *plan, const struct dump_section *map)
{
	struct loom_dump_mapping m;
	uint64_t end = 0, total = 0, mapped = 0;

	for (uint64_t i = 0; dump_element(map, i, &m, sizeof(m)); i++) {
		const char *why = check_mapping(&m, end);

		if (why)
			return why;
		/* Tables take memory and time by what is mapped, however little lies behind it. */
		if (m.size > REPLAY_BYTES_MAX - mapped)
			return "its mappings are larger than what can be replayed";
		mapped += m.size;
		end = m.va + m.size;
		add_memory(plan, &m);
	}
	for (uint32_t i = 0; i < plan->memories; i++) {
		if (plan->memory[i].size > REPLAY_BYTES_MAX - total)
			return "its buffers are larger than what can be replayed";
		total += plan->memory[i].size;
	}
	return NULL;
}

static void plan_mappings(struct replay_plan *plan, const struct dump_section *map)
{
	struct loom_dump_mapping m;

	for (uint64_t i = 0; dump_element(map, i, &m, sizeof(m)); i++) {
		const struct replay_memory *memory = find_memory(plan, m.buffer);
		struct replay_mapping *mapping = &plan->mapping[plan->mappings++];

		*mapping = (struct replay_mapping){
			.va = m.va, .size = m.size, .offset = m.offset - memory->first,
			.memory = (uint32_t)(memory - plan->memory),
			.writable = !m.prot || m.prot & LOOM_PTE_WRITE,
		};
		dump_text(mapping->label, sizeof(mapping->label), m.label, sizeof(m.label));
		plan->unprotected |= !m.prot;
		plan->mapped += m.size;
	}
}

static const char *plan_map(struct replay_plan *plan)
{
	const struct dump_section *map = dump_find(plan->dump, LOOM_DUMP_MAP, 0);
	const char *why;

	if (!map)
		return "it has no address space";
	plan->memory = calloc(map->count + 1, sizeof(*plan->memory));
	plan->mapping = calloc(map->count + 1, sizeof(*plan->mapping));
	if (!plan->memory || !plan->mapping)
		return "there is no memory for its address space";
	why = plan_memory(plan, map);
	if (!why)
		plan_mappings(plan, map);
	return why;
}

static const struct replay_mapping *mapping_at(const struct replay_plan *plan, uint64_t va)
{
	uint32_t low = 0, high = plan->mappings;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct replay_mapping *m = &plan->mapping[middle];

		if (va < m->va)
			high = middle;
		else if (va - m->va >= m->size)
			low = middle + 1;
		else
			return m;
	}
	return NULL;
}

/* ---- what is in memory ---- */

static void plan_contents(struct replay_plan *plan)
{
	struct dump_cursor cursor = { 0 };
	struct dump_section section;

	plan->absent = plan->mappings;
	while (dump_contents(plan->dump, &cursor, &section)) {
		const struct replay_mapping *m = mapping_at(plan, section.at);
		uint64_t size = section.count * section.stride;

		if (!m || m->va != section.at)
			continue;
		if (size)
			plan->absent -= !!plan->absent;
		if (size && size < m->size)
			plan->truncated++;
		plan->contents += size < m->size ? size : m->size;
		plan->late |= section.flags & LOOM_DUMP_LATE;
	}
}

static const char *plan_program(struct replay_plan *plan)
{
	const struct loom_dump_meta *meta = &plan->dump->meta;
	const struct dump_section *commands = dump_find(plan->dump, LOOM_DUMP_COMMANDS, 0);
	uint64_t there = commands ? commands->count * commands->stride : 0;

	plan->va = meta->cmd_va;
	plan->size = meta->cmd_size;
	if (!plan->size)
		return "its job has no program";
	if (commands && commands->at != plan->va)
		return "its program is not that of its job";
	if (there > plan->size)
		return "its program is longer than that of its job";
	/* The card could not read what was not mapped either. */
	if (there < plan->size && mapping_at(plan, plan->va + there))
		return "its program is incomplete";
	if (commands)
		plan->late |= commands->flags & LOOM_DUMP_LATE;
	return NULL;
}

void replay_write(const struct replay_plan *plan, uint64_t va, const uint8_t *data, uint64_t size)
{
	while (size) {
		const struct replay_mapping *m = mapping_at(plan, va);
		uint64_t n = m ? m->va + m->size - va : PAGE - va % PAGE;

		if (n > size)
			n = size;
		if (m)
			memcpy((uint8_t *)plan->memory[m->memory].ptr + m->offset + (va - m->va), data,
			       n);
		va += n;
		data += n;
		size -= n;
	}
}

void replay_fill(const struct replay_plan *plan)
{
	const struct dump_section *commands = dump_find(plan->dump, LOOM_DUMP_COMMANDS, 0);
	struct dump_cursor cursor = { 0 };
	struct dump_section section;

	while (dump_contents(plan->dump, &cursor, &section))
		replay_write(plan, section.at, section.data, section.count * section.stride);
	/* Last: it may have been read earlier than the buffer that it is in. */
	if (commands)
		replay_write(plan, commands->at, commands->data, commands->count * commands->stride);
}

/* ---- how the job ended ---- */

static uint32_t outcome_of(uint32_t outcome)
{
	return outcome == LOOM_OUTCOME_BAD_COMMAND || outcome == LOOM_OUTCOME_BAD_DESCRIPTOR ?
	       ACCEL_JOB_BAD_PROGRAM : ACCEL_JOB_FAULT;
}

static const char *plan_end(struct replay_plan *plan)
{
	const struct dump *dump = plan->dump;
	struct replay_end *end = &plan->end;
	struct loom_fault fault;

	if (!dump_blames(dump))
		return "no job is to blame: there is nothing to run";
	if (dump->meta.reason == LOOM_DUMP_REASON_HANG) {
		end->hang = true;
		end->outcome = ACCEL_JOB_TIMEOUT;
		end->packet_known = dump_packet(dump, &end->packet);
		return NULL;
	}
	if (dump->meta.reason != LOOM_DUMP_REASON_FAULT)
		return "its job neither faulted nor hung";
	end->outcome = outcome_of(dump->meta.outcome);
	end->fault_known = dump_element(dump_find(dump, LOOM_DUMP_FAULT, 0), 0, &fault, sizeof(fault));
	end->packet_known = end->fault_known;
	end->code = fault.code;
	end->packet = fault.packet;
	end->access = fault.access;
	end->va = fault.va;
	return NULL;
}

unsigned int replay_compare(const struct replay_end *expected, const struct replay_end *seen)
{
	unsigned int differences = 0;

	if (expected->outcome != seen->outcome)
		differences |= REPLAY_OUTCOME;
	if (expected->packet_known && (!seen->packet_known || expected->packet != seen->packet))
		differences |= REPLAY_PACKET;
	if (!expected->fault_known)
		return differences;
	if (!seen->fault_known || expected->code != seen->code)
		differences |= REPLAY_CODE;
	if (!seen->fault_known || expected->va != seen->va)
		differences |= REPLAY_ADDRESS;
	if (!seen->fault_known || expected->access != seen->access)
		differences |= REPLAY_ACCESS;
	return differences;
}

/* ---- all of it ---- */

const char *replay_plan(struct replay_plan *plan, const struct dump *dump)
{
	const char *why;

	memset(plan, 0, sizeof(*plan));
	plan->dump = dump;
	why = plan_end(plan);
	if (!why)
		why = plan_map(plan);
	if (!why)
		why = plan_program(plan);
	if (!why)
		plan_contents(plan);
	return why;
}

void replay_plan_end(struct replay_plan *plan)
{
	free(plan->memory);
	free(plan->mapping);
	memset(plan, 0, sizeof(*plan));
}
