// SPDX-License-Identifier: MIT
#include "dump-show.h"

#include <inttypes.h>
#include <stdio.h>

#include <accel/accel.h>

#include "dump-fault.h"
#include "dump-names.h"
#include "dump.h"
#include "output.h"
#include "packet.h"

#define TEXT(field)	dump_text((char[72]){ 0 }, 72, field, sizeof(field))

/* An object for a section, with its flags; NULL, and null in the document, if it is not there. */
static struct json_object *add_section(struct json_object *object, const char *name,
				       const struct dump_section *section)
{
	struct json_object *member;

	if (!section) {
		doc_null(object, name);
		return NULL;
	}
	member = doc_object(object, name);
	doc_bool(member, "late", section->flags & LOOM_DUMP_LATE);
	doc_bool(member, "incomplete", section->flags & LOOM_DUMP_INCOMPLETE);
	return member;
}

/* Any element of a section that is a list. */
union element {
	struct loom_dump_register reg;
	struct loom_dump_job job;
	struct loom_desc desc;
	struct loom_cqe cqe;
	struct loom_dump_step step;
	struct loom_dump_mapping mapping;
};

static void add_elements(struct json_object *object, const char *name,
			 const struct dump_section *section,
			 void (*describe)(struct json_object *object, const union element *e))
{
	struct json_object *array = doc_array(object, name);
	union element element;

	for (uint64_t i = 0; dump_element(section, i, &element, sizeof(element)); i++)
		describe(doc_append_object(array), &element);
}

/* A section that is nothing but a list. */
static void add_list(struct json_object *object, const char *name,
		     const struct dump_section *section,
		     void (*describe)(struct json_object *object, const union element *e))
{
	object = add_section(object, name, section);
	if (object)
		add_elements(object, "values", section, describe);
}

static void add_version(struct json_object *object, const char *name, uint32_t version)
{
	char text[32];

	snprintf(text, sizeof(text), "%u.%u", version >> 16, version & 0xffff);
	doc_string(object, name, text);
}

static void add_meta(const struct dump *dump, struct json_object *document)
{
	const struct loom_dump_meta *m = &dump->meta;
	struct json_object *object;

	doc_string(document, "reason", dump_reason_name(m->reason));
	doc_string(document, "why", TEXT(m->why));
	if (m->ring == UINT32_MAX)
		doc_null(document, "ring");
	else
		doc_number(document, "ring", m->ring);
	doc_number(document, "boottime_ns", m->boottime);
	doc_number(document, "realtime_ns", m->realtime);
	doc_number(document, "timestamp", m->timestamp);
	object = doc_object(document, "card");
	doc_string(object, "pci", TEXT(m->pci));
	doc_string(object, "model", TEXT(m->model));
	doc_string(object, "serial", TEXT(m->serial));
	add_version(object, "hw_version", m->hw_version);
	doc_number(object, "features", m->features);
	doc_number(object, "generation", m->generation);
	doc_number(object, "resets", m->resets);
	add_version(document, "driver_version", m->driver_version);
	doc_string(document, "kernel", TEXT(m->kernel));
	if (!dump_blames(dump)) {
		doc_null(document, "job");
		return;
	}
	object = doc_object(document, "job");
	doc_number(object, "number", m->job);
	doc_number(object, "cookie", m->cookie);
	doc_string(object, "outcome", m->reason == LOOM_DUMP_REASON_FAULT ?
		   loom_outcome_name(m->outcome) : NULL);
	doc_number(object, "queue", m->queue);
	doc_number(object, "context", m->context);
	doc_number(object, "client", m->client);
	doc_number(object, "pid", m->pid);
	doc_string(object, "command", TEXT(m->comm));
	doc_number(object, "program_va", m->cmd_va);
	doc_number(object, "program_bytes", m->cmd_size);
	doc_number(object, "root", m->root);
	doc_number(object, "tag", m->tag);
}

static void add_context(const struct dump *dump, struct json_object *document)
{
	const struct dump_section *section = dump_find(dump, LOOM_DUMP_CONTEXT, 0);
	struct json_object *object = add_section(document, "context", section);
	struct loom_ctx_entry entry;

	if (!object)
		return;
	dump_element(section, 0, &entry, sizeof(entry));
	doc_number(object, "id", section->id);
	doc_number(object, "root", entry.root);
	doc_number(object, "tag", entry.tag);
	doc_bool(object, "valid", entry.flags & LOOM_CTX_VALID);
	doc_number(object, "client", entry.client);
	doc_number(object, "weight", entry.weight);
	doc_number(object, "priority", entry.priority);
}

static void add_place(const struct dump *dump, struct json_object *object, uint64_t va)
{
	struct loom_dump_mapping m;
	bool inside;

	if (!dump_mapping(dump, va, &m, &inside)) {
		doc_null(object, "mapping");
		return;
	}
	object = doc_object(object, "mapping");
	doc_bool(object, "inside", inside);
	doc_number(object, "va", m.va);
	doc_number(object, "bytes", m.size);
	doc_string(object, "label", TEXT(m.label));
	/* Of the buffer, or from the mapping's end on. */
	doc_number(object, "offset", inside ? va - m.va + m.offset : va - m.va - m.size);
}

static void add_fault(const struct dump *dump, struct json_object *document)
{
	const struct dump_section *section = dump_find(dump, LOOM_DUMP_FAULT, 0);
	struct json_object *object = add_section(document, "fault", section);
	struct loom_fault f;
	char text[256];

	if (!object)
		return;
	dump_element(section, 0, &f, sizeof(f));
	doc_string(object, "code", accel_fault_name(f.code));
	doc_string(object, "description", dump_fault_text(dump, &f, text, sizeof(text)));
	doc_number(object, "va", f.va);
	doc_number(object, "pte", f.pte);
	doc_string(object, "access", loom_access_name(f.access));
	if (f.level == 0xff)
		doc_null(object, "level");
	else
		doc_number(object, "level", f.level);
	doc_number(object, "packet", f.packet);
	doc_number(object, "opcode", f.opcode);
	doc_string(object, "opcode_name", accel_opcode_name(f.opcode));
	if (f.operand == 0xff)
		doc_null(object, "operand");
	else
		doc_number(object, "operand", f.operand);
	doc_number(object, "ring", f.ring);
	doc_number(object, "context", f.context);
	doc_number(object, "index", f.index);
	doc_number(object, "cookie", f.cookie);
	doc_number(object, "timestamp", f.timestamp);
	doc_number(object, "number", f.control >> LOOM_FAULT_NUMBER_SHIFT);
	add_place(dump, object, f.va);
}

static void describe_step(struct json_object *object, const union element *e)
{
	char text[128];

	doc_number(object, "level", e->step.level);
	doc_number(object, "table", e->step.table);
	doc_number(object, "index", e->step.index);
	doc_number(object, "entry", e->step.entry);
	doc_string(object, "means", pte_text(e->step.entry, e->step.level, text, sizeof(text)));
}

static void add_walk(const struct dump *dump, struct json_object *document)
{
	const struct dump_section *section = dump_find(dump, LOOM_DUMP_WALK, 0);
	struct json_object *object = add_section(document, "walk", section);

	if (!object)
		return;
	doc_number(object, "va", section->at);
	add_elements(object, "steps", section, describe_step);
}

static void add_operands(const struct packet *packet, struct json_object *object, bool blamed,
			 uint32_t blame)
{
	struct json_object *array = doc_array(object, "operands"), *list;

	for (uint32_t i = 0; packet->kind && packet->kind->operands[i].name; i++) {
		struct loom_tensor t;

		packet_tensor(packet, &packet->kind->operands[i], &t);
		object = doc_append_object(array);
		doc_string(object, "name", packet->kind->operands[i].name);
		doc_bool(object, "blamed", blamed && i == blame);
		doc_number(object, "va", t.va);
		doc_number(object, "type", t.dtype);
		doc_string(object, "dtype", accel_dtype_name((enum accel_dtype)t.dtype));
		doc_number(object, "rank", t.rank);
		doc_bool(object, "panels", t.flags & LOOM_TENSOR_PANELS);
		list = doc_array(object, "dims");
		for (unsigned int k = 0; k < t.rank && k < LOOM_RANK_MAX; k++)
			doc_append_number(list, t.dims[k]);
		list = doc_array(object, "strides");
		for (unsigned int k = 0; k < t.rank && k < LOOM_RANK_MAX; k++)
			doc_append_signed(list, (int64_t)t.strides[k]);
	}
}

static void add_fields(const struct packet *packet, struct json_object *object)
{
	struct json_object *array = doc_array(object, "fields"), *list;
	char text[256];

	for (const struct packet_field *f = packet->kind ? packet->kind->fields : NULL; f && f->name; f++) {
		object = doc_append_object(array);
		doc_string(object, "name", f->name);
		list = doc_array(object, "values");
		for (unsigned int i = 0; i < f->count; i++)
			doc_append_number(list, packet_value(packet, f, i));
		doc_string(object, "text", packet_field_text(packet, f, text, sizeof(text)));
	}
}

static void add_program(const struct dump *dump, struct json_object *document)
{
	const struct dump_section *section = dump_find(dump, LOOM_DUMP_COMMANDS, 0);
	struct json_object *program = add_section(document, "program", section), *array, *object;
	uint32_t blame = 0, operand = UINT32_MAX;
	uint64_t at = 0, byte = 0, size;
	struct loom_fault fault;
	struct packet packet;
	bool blamed;

	if (!program)
		return;
	size = section->count * section->stride;
	blamed = dump_packet(dump, &blame);
	if (dump_element(dump_find(dump, LOOM_DUMP_FAULT, 0), 0, &fault, sizeof(fault)))
		operand = fault.operand;
	doc_number(program, "va", section->at);
	doc_number(program, "bytes", size);
	array = doc_array(program, "packets");
	for (; packet_next(section->data, size, &at, &packet); byte = at) {
		object = doc_append_object(array);
		doc_number(object, "byte", byte);
		doc_number(object, "opcode", packet.header.opcode);
		doc_string(object, "name", accel_opcode_name(packet.header.opcode));
		doc_number(object, "version", packet.header.version);
		doc_number(object, "flags", packet.header.flags);
		doc_number(object, "bytes", packet.header.size);
		doc_number(object, "tag", packet.header.tag);
		doc_bool(object, "blamed", blamed && byte == blame);
		add_fields(&packet, object);
		add_operands(&packet, object, blamed && byte == blame, operand);
	}
	doc_number(program, "rest_bytes", size - byte);
}

static void describe_register(struct json_object *object, const union element *e)
{
	char text[32];

	doc_number(object, "offset", e->reg.offset);
	doc_string(object, "name", register_name(e->reg.offset, text));
	doc_number(object, "bytes", e->reg.size);
	doc_number(object, "value", e->reg.value);
}

static void describe_job(struct json_object *object, const union element *e)
{
	doc_number(object, "index", e->job.index);
	doc_number(object, "number", e->job.job);
	doc_number(object, "cookie", e->job.cookie);
	doc_number(object, "queue", e->job.queue);
	doc_number(object, "context", e->job.context);
	doc_number(object, "client", e->job.client);
	doc_number(object, "pid", e->job.pid);
}

static void describe_descriptor(struct json_object *object, const union element *e)
{
	doc_number(object, "program_va", e->desc.cmd_va);
	doc_number(object, "program_bytes", e->desc.cmd_size);
	doc_number(object, "context", e->desc.context);
	doc_number(object, "cookie", e->desc.cookie);
	doc_number(object, "flags", e->desc.flags);
}

static void describe_completion(struct json_object *object, const union element *e)
{
	uint64_t control = e->cqe.control, fault = control >> LOOM_CQE_FAULT_SHIFT;

	doc_number(object, "index", e->cqe.index);
	doc_number(object, "cookie", e->cqe.cookie);
	doc_string(object, "outcome", loom_outcome_name(control >> LOOM_CQE_OUTCOME_SHIFT &
							LOOM_CQE_OUTCOME_MASK));
	doc_number(object, "generation", control >> LOOM_CQE_GENERATION_SHIFT &
		   LOOM_CQE_GENERATION_MASK);
	doc_number(object, "phase", control & LOOM_CQE_PHASE);
	if (fault == LOOM_CQE_FAULT_NONE)
		doc_null(object, "fault");
	else
		doc_number(object, "fault", fault);
	doc_number(object, "t_start", e->cqe.t_start);
	doc_number(object, "t_end", e->cqe.t_end);
	doc_number(object, "cycles", e->cqe.cycles);
	doc_number(object, "bytes", e->cqe.bytes);
	doc_number(object, "energy_pj", e->cqe.energy_pj);
}

static void add_state(struct json_object *object, const struct dump_section *section)
{
	struct loom_dump_ring ring;

	object = add_section(object, "state", section);
	if (!object)
		return;
	dump_element(section, 0, &ring, sizeof(ring));
	doc_number(object, "size", ring.size);
	doc_number(object, "generation", ring.generation);
	doc_number(object, "written", ring.write);
	doc_number(object, "retired", ring.done);
	if (ring.flags & LOOM_DUMP_RING_HELD)
		doc_number(object, "started", ring.started);
	else
		doc_null(object, "started");
	doc_bool(object, "held", ring.flags & LOOM_DUMP_RING_HELD);
	doc_bool(object, "broken", ring.flags & LOOM_DUMP_RING_BROKEN);
	doc_bool(object, "dead", ring.flags & LOOM_DUMP_RING_DEAD);
	doc_number(object, "descriptors_bus", ring.desc_bus);
	doc_number(object, "completions_bus", ring.cq_bus);
}

static void add_rings(const struct dump *dump, struct json_object *document)
{
	static const uint32_t types[] = { LOOM_DUMP_RING, LOOM_DUMP_RING_REGISTERS, LOOM_DUMP_JOBS,
					  LOOM_DUMP_DESCRIPTORS, LOOM_DUMP_COMPLETIONS };
	struct json_object *array = doc_array(document, "rings"), *object;

	for (uint32_t id = 0; id < LOOM_RINGS_MAX; id++) {
		const struct dump_section *sections[5];
		bool any = false;

		for (unsigned int i = 0; i < 5; i++) {
			sections[i] = dump_find(dump, types[i], id);
			any = any || sections[i];
		}
		if (!any)
			continue;
		object = doc_append_object(array);
		doc_number(object, "id", id);
		add_state(object, sections[0]);
		add_list(object, "registers", sections[1], describe_register);
		add_list(object, "jobs", sections[2], describe_job);
		add_list(object, "descriptors", sections[3], describe_descriptor);
		add_list(object, "completions", sections[4], describe_completion);
	}
}

static void describe_mapping(struct json_object *object, const union element *e)
{
	const struct loom_dump_mapping *m = &e->mapping;

	doc_number(object, "va", m->va);
	doc_number(object, "bytes", m->size);
	doc_number(object, "offset", m->offset);
	doc_number(object, "buffer", m->buffer);
	doc_number(object, "buffer_bytes", m->buffer_size);
	doc_number(object, "flags", m->flags);
	doc_string(object, "access", mapping_access(m->prot));
	doc_string(object, "label", TEXT(m->label));
}

static void add_contents(const struct dump *dump, struct json_object *document)
{
	struct json_object *array = doc_array(document, "contents"), *object;
	struct dump_cursor cursor = { 0 };
	struct dump_section section;

	while (dump_contents(dump, &cursor, &section)) {
		object = doc_append_object(array);
		doc_bool(object, "late", section.flags & LOOM_DUMP_LATE);
		doc_bool(object, "incomplete", section.flags & LOOM_DUMP_INCOMPLETE);
		doc_number(object, "va", section.at);
		doc_number(object, "bytes", section.count * section.stride);
	}
}

void dump_describe(const struct dump *dump, struct json_object *document)
{
	doc_number(document, "version", dump->version);
	doc_number(document, "bytes", dump->size);
	doc_bool(document, "incomplete", dump->flags & LOOM_DUMP_INCOMPLETE);
	doc_number(document, "skipped", dump->unknown + dump->repeated);
	add_meta(dump, document);
	add_context(dump, document);
	add_fault(dump, document);
	add_walk(dump, document);
	add_program(dump, document);
	add_list(document, "registers", dump_find(dump, LOOM_DUMP_REGISTERS, 0), describe_register);
	add_rings(dump, document);
	add_list(document, "map", dump_find(dump, LOOM_DUMP_MAP, 0), describe_mapping);
	add_contents(dump, document);
}
