// SPDX-License-Identifier: MIT
#include "dump-show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <accel/accel.h>

#include "dump-fault.h"
#include "dump-names.h"
#include "dump.h"
#include "output.h"
#include "packet.h"
#include "table.h"

/* What is shown without --all: packets before and after the one to blame, and rows of a table. */
#define PACKETS		4
#define ROWS		16

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))
#define TEXT(field)	dump_text((char[72]){ 0 }, 72, field, sizeof(field))

static const char *known(const char *name)
{
	return name ? name : "unknown";
}

static void heading(const struct dump_section *section, const char *text)
{
	printf("\n%s%s%s%s%s\n", style_bold(), text, style_end(),
	       section && section->flags & LOOM_DUMP_LATE ? " (late)" : "",
	       section && section->flags & LOOM_DUMP_INCOMPLETE ? " (incomplete)" : "");
}

static void more(uint64_t count, const char *what)
{
	if (count)
		printf("%s... and %" PRIu64 " %s more: --all%s\n", style_dim(), count, what, style_end());
}

/* ---- what happened ---- */

static void print_time(const struct loom_dump_meta *m)
{
	time_t seconds = (time_t)(m->realtime / 1000000000);
	char text[64] = "unknown";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	field("when", "%s.%06" PRIu64 " UTC, %.6f s after boot, card clock %" PRIu64, text,
	      (uint64_t)(m->realtime % 1000000000 / 1000), (double)m->boottime / 1e9,
	      (uint64_t)m->timestamp);
}

/* Sections that have @flag, by name; false: none has. */
static bool print_flagged(const struct dump *dump, uint32_t flag, const char *name, const char *means)
{
	char text[512] = "";
	uint32_t flagged = 0, kinds = 0;
	size_t used = 0;

	for (uint32_t i = 0; i < dump->sections; i++) {
		const struct dump_section *s = &dump->section[i];

		kinds |= 1u << s->type;
		if (!(s->flags & flag) || flagged & 1u << s->type)
			continue;
		flagged |= 1u << s->type;
		if (used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "",
						 known(dump_section_name(s->type)));
	}
	if (flagged)
		field(name, "%s: %s", flagged == kinds ? "everything" : text, means);
	return flagged;
}

static void print_meta(const struct dump *dump)
{
	const struct loom_dump_meta *m = &dump->meta;
	char text[128], where[32] = "all rings";

	if (m->ring != UINT32_MAX)
		snprintf(where, sizeof(where), "ring %" PRIu32, m->ring);
	field("reason", "%s: %s", known(dump_reason_name(m->reason)), TEXT(m->why));
	print_time(m);
	features_text(m->features, text, sizeof(text));
	field("card", "%s, %s, serial %s, interface %u.%u%s%s", TEXT(m->pci), TEXT(m->model),
	      TEXT(m->serial), m->hw_version >> 16, m->hw_version & 0xffff,
	      *text ? ", features " : "", text);
	field("driver", "%u.%u, Linux %s", m->driver_version >> 16, m->driver_version & 0xffff,
	      TEXT(m->kernel));
	field("resets", "%" PRIu32 " of rings and device, %" PRIu32 " of these of the device", m->resets,
	      m->generation);
	if (dump_blames(dump)) {
		field("process", "%s, pid %" PRIu32 ", client %" PRIu64, TEXT(m->comm), m->pid,
		      (uint64_t)m->client);
		field("job", "%" PRIu64 " of queue %" PRIu32 " on %s, cookie %#" PRIx64 ", context %" PRIu32
		      "%s%s", (uint64_t)m->job, m->queue, where, (uint64_t)m->cookie, m->context,
		      m->reason == LOOM_DUMP_REASON_FAULT ? ": " : "",
		      m->reason == LOOM_DUMP_REASON_FAULT ? known(loom_outcome_name(m->outcome)) : "");
		field("program", "%" PRIu32 " bytes at %#" PRIx64, m->cmd_size, (uint64_t)m->cmd_va);
	} else {
		field("job", "none is to blame; on %s", where);
	}
	if (!print_flagged(dump, LOOM_DUMP_INCOMPLETE, "incomplete", "not all of it is there") &&
	    dump->flags & LOOM_DUMP_INCOMPLETE)
		field("incomplete", "there was no room for some sections");
	print_flagged(dump, LOOM_DUMP_LATE, "late", "taken some time after the failure");
}

/* ---- the fault ---- */

static void print_where(const struct dump *dump, uint64_t va)
{
	const struct dump_section *map = dump_find(dump, LOOM_DUMP_MAP, 0);
	struct loom_dump_mapping m;
	bool inside;

	if (!map)
		return;
	if (!map->count)
		field("address", "nothing was mapped any more when the dump was taken");
	else if (!dump_mapping(dump, va, &m, &inside))
		field("address", "%#" PRIx64 " lies before all mappings", va);
	else if (inside)
		field("address", "%#" PRIx64 " is byte %#" PRIx64 " of buffer \"%s\"", va,
		      (uint64_t)(va - m.va + m.offset), TEXT(m.label));
	else
		field("address", "%#" PRIx64 " lies %#" PRIx64 " bytes behind the end of buffer \"%s\", "
		      "which is mapped at %#" PRIx64 "..%#" PRIx64, va, (uint64_t)(va - m.va - m.size),
		      TEXT(m.label), (uint64_t)m.va, (uint64_t)(m.va + m.size - 1));
}

static void print_walk(const struct dump *dump)
{
	static const char *const heads[] = { ">LEVEL", "TABLE", ">INDEX", "ENTRY", "MEANS" };
	const struct dump_section *section = dump_find(dump, LOOM_DUMP_WALK, 0);
	struct loom_dump_step step;
	struct table table;
	char text[128];

	if (!section || !section->count)
		return;
	snprintf(text, sizeof(text), "page table walk of %#" PRIx64, section->at);
	heading(section, text);
	table_begin(&table, heads, COUNT(heads));
	for (uint64_t i = 0; dump_element(section, i, &step, sizeof(step)); i++) {
		table_cell(&table, "%" PRIu32, step.level);
		table_cell(&table, "%#" PRIx64, (uint64_t)step.table);
		table_cell(&table, "%" PRIu32, step.index);
		table_cell(&table, "0x%016" PRIx64, (uint64_t)step.entry);
		table_cell(&table, "%s", pte_text(step.entry, step.level, text, sizeof(text)));
	}
	table_end(&table);
}

static void print_fault(const struct dump *dump)
{
	struct loom_fault fault;
	char text[256];

	if (!dump_element(dump_find(dump, LOOM_DUMP_FAULT, 0), 0, &fault, sizeof(fault)))
		return;
	heading(NULL, "fault");
	field("cause", "%s (%s)", dump_fault_text(dump, &fault, text, sizeof(text)),
	      accel_fault_name(fault.code));
	if (fault.code < LOOM_FAULT_CMD_HEADER)
		print_where(dump, fault.va);
}

/* ---- the program ---- */

static void print_packet(const struct packet *packet, uint64_t byte, bool blamed, uint32_t operand)
{
	const struct packet_kind *kind = packet->kind;
	char text[256];

	printf("%s%c %6" PRIu64 "  %-10s%6" PRIu32 " bytes", blamed ? style_bad() : "",
	       blamed ? '>' : ' ', byte, accel_opcode_name(packet->header.opcode), packet->header.size);
	if (packet->header.tag)
		printf("  tag %#" PRIx32, packet->header.tag);
	if (!kind)
		printf("  opcode %#x version %u", packet->header.opcode, packet->header.version);
	for (const struct packet_field *f = kind ? kind->fields : NULL; f && f->name; f++) {
		bool zero = true;

		for (unsigned int i = 0; i < f->count; i++)
			zero = zero && !packet_value(packet, f, i);
		if (!zero || !strcmp(f->name, "op"))
			printf("  %s=%s", f->name, packet_field_text(packet, f, text, sizeof(text)));
	}
	printf("%s\n", blamed ? style_end() : "");
	for (uint32_t i = 0; kind && kind->operands[i].name; i++) {
		struct loom_tensor tensor;
		bool bad = blamed && i == operand;

		packet_tensor(packet, &kind->operands[i], &tensor);
		if (tensor.dtype == LOOM_DTYPE_NONE && !bad)
			continue;
		printf("%s%10c %-9s %s%s\n", bad ? style_bad() : "", bad ? '>' : ' ',
		       kind->operands[i].name, tensor_text(&tensor, text, sizeof(text)),
		       bad ? style_end() : "");
	}
}

static void print_program(const struct dump *dump, bool all)
{
	const struct dump_section *section = dump_find(dump, LOOM_DUMP_COMMANDS, 0);
	uint64_t size, at = 0, byte = 0, before = 0, count = 0, left = 0, first, last;
	uint32_t blame = 0, operand = UINT32_MAX;
	struct loom_fault fault;
	struct packet packet;
	bool blamed;
	char text[64];

	if (!section)
		return;
	blamed = dump_packet(dump, &blame);
	if (dump_element(dump_find(dump, LOOM_DUMP_FAULT, 0), 0, &fault, sizeof(fault)))
		operand = fault.operand;
	size = section->count * section->stride;
	snprintf(text, sizeof(text), "program at %#" PRIx64, section->at);
	heading(section, text);
	for (; packet_next(section->data, size, &at, &packet); byte = at, count++)
		if (blamed && byte < blame)
			before++;
	first = before > PACKETS ? before - PACKETS : 0;
	last = first + 2 * PACKETS;
	if (first && !all)
		printf("%s... %" PRIu64 " packets before: --all%s\n", style_dim(), first, style_end());
	at = byte = 0;
	for (uint64_t i = 0; packet_next(section->data, size, &at, &packet); byte = at, i++) {
		if (all || (i >= first && i <= last))
			print_packet(&packet, byte, blamed && byte == blame, operand);
		else if (i > last)
			left++;
	}
	more(left, "packets");
	if (!size)
		printf("none of it could be had any more\n");
	if (byte < size)
		printf("%s%c %6" PRIu64 "  %" PRIu64 " bytes that are no packets\n",
		       blamed && blame >= byte ? style_bad() : "", blamed && blame >= byte ? '>' : ' ',
		       byte, size - byte);
	if (byte < size && blamed && blame >= byte)
		fputs(style_end(), stdout);
}

/* ---- rings ---- */

static void print_rings(const struct dump *dump)
{
	static const char *const heads[] = { ">RING", ">SIZE", ">WRITTEN", ">RETIRED", ">GENERATION",
					     "ERROR", "DRIVER", "STATUS" };
	struct table table;
	char text[64];
	bool any = false;

	table_begin(&table, heads, COUNT(heads));
	for (uint32_t id = 0; id < LOOM_RINGS_MAX; id++) {
		const struct dump_section *registers = dump_find(dump, LOOM_DUMP_RING_REGISTERS, id);
		uint32_t base = LOOM_REG_RING(id);
		struct loom_dump_ring ring;
		uint64_t value;

		if (!dump_element(dump_find(dump, LOOM_DUMP_RING, id), 0, &ring, sizeof(ring)))
			continue;
		any = true;
		table_cell(&table, "%" PRIu32, id);
		table_cell(&table, "%" PRIu32, ring.size);
		table_cell(&table, "%" PRIu64, (uint64_t)ring.write);
		table_cell(&table, "%" PRIu64, (uint64_t)ring.done);
		table_cell(&table, "%" PRIu32, ring.generation);
		table_cell(&table, "%s", dump_register(registers, base + LOOM_RING_ERROR, &value) ?
			   known(loom_ring_error_name((uint32_t)value)) : "-");
		ring_flags_text(ring.flags, text, sizeof(text));
		table_cell(&table, "%s", *text ? text : "ok");
		table_cell(&table, "%s", dump_register(registers, base + LOOM_RING_STATUS, &value) ?
			   register_bits(base + LOOM_RING_STATUS, value, text, sizeof(text)) : "-");
	}
	if (!any)
		return;
	heading(NULL, "rings");
	table_end(&table);
}

/* Of descriptor @index, where a job on ring @id is. */
static const char *job_state(const struct dump *dump, uint32_t id, uint64_t index)
{
	const struct dump_section *registers = dump_find(dump, LOOM_DUMP_RING_REGISTERS, id);
	uint32_t base = LOOM_REG_RING(id);
	uint64_t status, current;

	if (!dump_register(registers, base + LOOM_RING_STATUS, &status) ||
	    !dump_register(registers, base + LOOM_RING_CURRENT_INDEX, &current) ||
	    !(status & LOOM_RING_STATUS_RUNNING))
		return "-";
	return index == current ? "runs" : index > current ? "waits" : "done";
}

static void print_jobs(const struct dump *dump, bool all)
{
	static const char *const heads[] = { ">RING", ">INDEX", ">JOB", ">QUEUE", ">CLIENT", ">PID",
					     ">CONTEXT", "COOKIE", "STATE", "PROGRAM" };
	uint64_t left = 0, shown = 0;
	struct table table;

	for (uint32_t id = 0; id < LOOM_RINGS_MAX; id++) {
		const struct dump_section *jobs = dump_find(dump, LOOM_DUMP_JOBS, id);
		const struct dump_section *descriptors = dump_find(dump, LOOM_DUMP_DESCRIPTORS, id);
		struct loom_dump_job job;
		struct loom_desc desc;
		uint64_t i;

		for (i = 0; dump_element(jobs, i, &job, sizeof(job)); i++) {
			bool there = descriptors && descriptors->count &&
				     dump_element(descriptors, job.index % descriptors->count, &desc,
						  sizeof(desc));

			if (!all && i >= ROWS)
				continue;
			if (!shown++) {
				heading(NULL, "jobs that are not retired");
				table_begin(&table, heads, COUNT(heads));
			}
			table_cell(&table, "%" PRIu32, id);
			table_cell(&table, "%" PRIu64, (uint64_t)job.index);
			table_cell(&table, "%" PRIu64, (uint64_t)job.job);
			table_cell(&table, "%" PRIu32, job.queue);
			table_cell(&table, "%" PRIu64, (uint64_t)job.client);
			table_cell(&table, "%" PRIu32, job.pid);
			table_cell(&table, "%" PRIu32, job.context);
			table_cell(&table, "%#" PRIx64, (uint64_t)job.cookie);
			table_cell(&table, "%s", job_state(dump, id, job.index));
			if (there)
				table_cell(&table, "%" PRIu32 " bytes at %#" PRIx64, desc.cmd_size,
					   (uint64_t)desc.cmd_va);
			else
				table_cell(&table, "-");
		}
		left += !all && i > ROWS ? i - ROWS : 0;
	}
	if (shown)
		table_end(&table);
	more(left, "jobs");
}

static bool all_zero(const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static void print_descriptors(const struct dump_section *section, uint32_t id)
{
	static const char *const heads[] = { ">SLOT", ">CONTEXT", ">BYTES", "PROGRAM", "COOKIE", "FLAGS" };
	struct loom_desc desc;
	struct table table;
	char text[64];

	if (!section)
		return;
	snprintf(text, sizeof(text), "descriptors of ring %" PRIu32 " that were ever used", id);
	heading(section, text);
	table_begin(&table, heads, COUNT(heads));
	for (uint64_t i = 0; dump_element(section, i, &desc, sizeof(desc)); i++) {
		if (all_zero(&desc, sizeof(desc)))
			continue;
		table_cell(&table, "%" PRIu64, i);
		table_cell(&table, "%" PRIu32, desc.context);
		table_cell(&table, "%" PRIu32, desc.cmd_size);
		table_cell(&table, "%#" PRIx64, (uint64_t)desc.cmd_va);
		table_cell(&table, "%#" PRIx64, (uint64_t)desc.cookie);
		table_cell(&table, "%#" PRIx32, desc.flags);
	}
	table_end(&table);
}

static void print_completions(const struct dump_section *section, uint32_t id)
{
	static const char *const heads[] = { ">SLOT", ">INDEX", "OUTCOME", ">GENERATION", ">PHASE",
					     "FAULT", ">START", ">END", ">CYCLES", "COOKIE" };
	struct loom_cqe cqe;
	struct table table;
	char text[64];

	if (!section)
		return;
	snprintf(text, sizeof(text), "completions of ring %" PRIu32 " that were ever written", id);
	heading(section, text);
	table_begin(&table, heads, COUNT(heads));
	for (uint64_t i = 0; dump_element(section, i, &cqe, sizeof(cqe)); i++) {
		uint64_t control = cqe.control, fault = control >> LOOM_CQE_FAULT_SHIFT;

		if (all_zero(&cqe, sizeof(cqe)))
			continue;
		table_cell(&table, "%" PRIu64, i);
		table_cell(&table, "%" PRIu64, (uint64_t)cqe.index);
		table_cell(&table, "%s", known(loom_outcome_name(control >> LOOM_CQE_OUTCOME_SHIFT &
								 LOOM_CQE_OUTCOME_MASK)));
		table_cell(&table, "%" PRIu64, (uint64_t)(control >> LOOM_CQE_GENERATION_SHIFT &
							  LOOM_CQE_GENERATION_MASK));
		table_cell(&table, "%" PRIu64, (uint64_t)(control & LOOM_CQE_PHASE));
		if (fault == LOOM_CQE_FAULT_NONE)
			table_cell(&table, "-");
		else
			table_cell(&table, "%" PRIu64, fault);
		table_cell(&table, "%" PRIu64, (uint64_t)cqe.t_start);
		table_cell(&table, "%" PRIu64, (uint64_t)cqe.t_end);
		table_cell(&table, "%" PRIu64, (uint64_t)cqe.cycles);
		table_cell(&table, "%#" PRIx64, (uint64_t)cqe.cookie);
	}
	table_end(&table);
}

static void print_registers(const struct dump_section *section, const char *whose)
{
	static const char *const heads[] = { "OFFSET", "REGISTER", "VALUE", "MEANS" };
	struct loom_dump_register reg;
	struct table table;
	char text[128];

	if (!section)
		return;
	heading(section, whose);
	table_begin(&table, heads, COUNT(heads));
	for (uint64_t i = 0; dump_element(section, i, &reg, sizeof(reg)); i++) {
		const char *name = register_name(reg.offset, text);

		table_cell(&table, "0x%05" PRIx32, reg.offset);
		table_cell(&table, "%s", name ? name : "-");
		table_cell(&table, "%#" PRIx64, (uint64_t)reg.value);
		register_bits(reg.offset, reg.value, text, sizeof(text));
		table_cell(&table, "%s", *text ? text : "-");
	}
	table_end(&table);
}

/* ---- the address space ---- */

static void print_map(const struct dump *dump, bool all)
{
	static const char *const heads[] = { "FIRST", "LAST", ">BYTES", ">OF", ">OFFSET", "ACCESS",
					     "FLAGS", "LABEL" };
	const struct dump_section *section = dump_find(dump, LOOM_DUMP_MAP, 0);
	struct loom_dump_mapping m;
	struct table table;
	char text[64];
	uint64_t i;

	if (!section || !section->count)
		return;
	heading(section, "address space of the job");
	table_begin(&table, heads, COUNT(heads));
	for (i = 0; (all || i < ROWS) && dump_element(section, i, &m, sizeof(m)); i++) {
		table_cell(&table, "%#" PRIx64, (uint64_t)m.va);
		table_cell(&table, "%#" PRIx64, (uint64_t)(m.va + m.size - 1));
		table_cell(&table, "%" PRIu64, (uint64_t)m.size);
		table_cell(&table, "%" PRIu64, (uint64_t)m.buffer_size);
		table_cell(&table, "%#" PRIx64, (uint64_t)m.offset);
		table_cell(&table, "%s", mapping_access(m.prot) ? mapping_access(m.prot) : "-");
		buffer_flags_text(m.flags, text, sizeof(text));
		table_cell(&table, "%s", *text ? text : "-");
		table_cell(&table, "%s", *m.label ? TEXT(m.label) : "-");
	}
	table_end(&table);
	more(section->count - i, "mappings");
}

static void print_contents(const struct dump *dump, bool all)
{
	static const char *const heads[] = { "FIRST", ">BYTES", "STATE" };
	struct dump_cursor cursor = { 0 };
	struct dump_section section;
	struct table table;
	uint64_t shown = 0;

	if (!dump->contents)
		return;
	heading(NULL, "contents of buffers");
	table_begin(&table, heads, COUNT(heads));
	while ((all || shown < ROWS) && dump_contents(dump, &cursor, &section)) {
		table_cell(&table, "%#" PRIx64, section.at);
		table_cell(&table, "%" PRIu64, section.count * section.stride);
		table_cell(&table, "%s%s", section.flags & LOOM_DUMP_INCOMPLETE ? "incomplete" : "whole",
			   section.flags & LOOM_DUMP_LATE ? ", late" : "");
		shown++;
	}
	table_end(&table);
	more(dump->contents - shown, "contents");
}

void dump_print(const struct dump *dump, bool all)
{
	char text[64];

	print_meta(dump);
	print_fault(dump);
	print_walk(dump);
	print_program(dump, all);
	print_rings(dump);
	print_jobs(dump, all);
	print_map(dump, all);
	print_contents(dump, all);
	if (!all)
		return;
	print_registers(dump_find(dump, LOOM_DUMP_REGISTERS, 0), "registers of the device");
	for (uint32_t id = 0; id < LOOM_RINGS_MAX; id++) {
		snprintf(text, sizeof(text), "registers of ring %" PRIu32, id);
		print_registers(dump_find(dump, LOOM_DUMP_RING_REGISTERS, id), text);
		print_descriptors(dump_find(dump, LOOM_DUMP_DESCRIPTORS, id), id);
		print_completions(dump_find(dump, LOOM_DUMP_COMPLETIONS, id), id);
	}
}
