// SPDX-License-Identifier: MIT
#include "dump.h"

#include <string.h>

#include "text.h"

/* The machine is little-endian, as all of a dump. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a dump is read as it is");

/*
 * Bytes of an element as the first driver wrote it, how many of them make sense, and whether every ring has
 * such a section.
 */
static const struct {
	uint32_t least, most;
	bool ring;
} types[] = {
	[LOOM_DUMP_META] = { 344, 1, false },
	[LOOM_DUMP_REGISTERS] = { 16, 4096, false },
	[LOOM_DUMP_RING_REGISTERS] = { 16, 4096, true },
	[LOOM_DUMP_RING] = { 56, 1, true },
	[LOOM_DUMP_DESCRIPTORS] = { 64, 1u << LOOM_RING_LOG2_MAX, true },
	[LOOM_DUMP_COMPLETIONS] = { 64, 1u << LOOM_RING_LOG2_MAX, true },
	[LOOM_DUMP_JOBS] = { 48, 1u << LOOM_RING_LOG2_MAX, true },
	[LOOM_DUMP_CONTEXT] = { 64, 1, false },
	[LOOM_DUMP_FAULT] = { 64, 1, false },
	[LOOM_DUMP_WALK] = { 24, 16 * LOOM_PT_LEVELS, false },
	[LOOM_DUMP_COMMANDS] = { 1, LOOM_CMD_SIZE_MAX, false },
	[LOOM_DUMP_MAP] = { 112, 16384, false },
	[LOOM_DUMP_CONTENTS] = { 1, DUMP_SIZE_MAX, false },
};

#define TYPES	(sizeof(types) / sizeof(*types))

static bool type_known(uint32_t type)
{
	return type < TYPES && types[type].least;
}

const struct dump_section *dump_find(const struct dump *dump, uint32_t type, uint32_t id)
{
	for (uint32_t i = 0; i < dump->sections; i++)
		if (dump->section[i].type == type &&
		    (!types[type].ring || dump->section[i].id == id))
			return &dump->section[i];
	return NULL;
}

/*
 * The section at *@at, which is a multiple of 8 and not beyond the end; moves *@at behind it. Of a
 * type that is not known, it has no elements.
 */
static const char *section_read(const struct dump *dump, uint64_t *at, struct dump_section *section)
{
	struct loom_dump_section head;
	uint64_t left = dump->size - *at;

	if (left < sizeof(head))
		return "a section begins beyond its end";
	memcpy(&head, dump->data + *at, sizeof(head));
	left -= sizeof(head);
	if (head.size > left)
		return "a section goes beyond its end";
	section->type = head.type;
	section->flags = head.flags;
	section->id = head.id;
	section->stride = head.stride;
	section->at = head.at;
	section->count = 0;
	section->data = dump->data + *at + sizeof(head);
	/* The end need not be a multiple of 8. */
	*at += sizeof(head) + head.size;
	*at = dump->size - *at < 7 ? dump->size : (*at + 7) & ~7ull;
	if (!type_known(head.type))
		return NULL;
	if (head.stride < types[head.type].least)
		return "the elements of a section are too small";
	if (head.size % head.stride && !(head.flags & LOOM_DUMP_INCOMPLETE))
		return "a section ends within an element";
	if (types[head.type].ring && head.id >= LOOM_RINGS_MAX)
		return "a section is of a ring that no card has";
	section->count = head.size / head.stride;
	if (section->count > types[head.type].most)
		return "a section has more elements than any driver writes";
	return NULL;
}

static const char *parse_section(struct dump *dump, uint64_t *at)
{
	struct dump_section section;
	const char *why = section_read(dump, at, &section);

	if (why)
		return why;
	if (!type_known(section.type)) {
		dump->unknown++;
		return NULL;
	}
	if (section.type == LOOM_DUMP_CONTENTS) {
		dump->contents++;
		return NULL;
	}
	/* One of each type and ring: they are never more than there is room for. */
	if (dump_find(dump, section.type, section.id))
		dump->repeated++;
	else
		dump->section[dump->sections++] = section;
	return NULL;
}

const char *dump_parse(struct dump *dump, const void *data, size_t size)
{
	struct loom_dump_header head = { 0 };
	const char *why = NULL;
	uint64_t at;

	memset(dump, 0, sizeof(*dump));
	memcpy(&head, data, size < sizeof(head) ? size : sizeof(head));
	if (size < sizeof(head.magic) || head.magic != LOOM_DUMP_MAGIC)
		return "it is no dump of a card (wrong magic)";
	if (size < offsetof(struct loom_dump_header, size))
		return "it is truncated";
	if (head.version > LOOM_DUMP_VERSION)
		return "the version of its format is newer than this program";
	if (head.version != LOOM_DUMP_VERSION)
		return "the version of its format is not known";
	if (size < sizeof(head) || head.total > size)
		return "it is truncated";
	if (head.total < size)
		return "it is longer than its header says";
	if (head.size < sizeof(head) || head.size % 8 || head.size > size)
		return "its header has a wrong size";
	if (head.sections > (size - head.size) / sizeof(struct loom_dump_section))
		return "it has no room for as many sections as its header says";
	if (!head.sections)
		return "it has no sections";
	dump->version = head.version;
	dump->flags = head.flags;
	dump->size = size;
	dump->data = data;
	dump->first = head.size;
	dump->total = head.sections;
	at = head.size;
	for (uint32_t i = 0; i < head.sections && !why; i++) {
		why = parse_section(dump, &at);
		if (!i && !why && (!dump->sections || dump->section[0].type != LOOM_DUMP_META))
			why = "its first section does not say what happened";
	}
	dump_element(&dump->section[0], 0, &dump->meta, sizeof(dump->meta));
	return why;
}

bool dump_contents(const struct dump *dump, struct dump_cursor *cursor,
		   struct dump_section *section)
{
	if (!cursor->seen)
		cursor->at = dump->first;
	/* They were all read once: none is wrong. */
	while (cursor->seen < dump->total && !section_read(dump, &cursor->at, section)) {
		cursor->seen++;
		if (section->type == LOOM_DUMP_CONTENTS)
			return true;
	}
	return false;
}

bool dump_element(const struct dump_section *section, uint64_t index, void *element, size_t size)
{
	memset(element, 0, size);
	if (!section || index >= section->count)
		return false;
	memcpy(element, section->data + index * section->stride,
	       size < section->stride ? size : section->stride);
	return true;
}

const char *dump_text(char *text, size_t size, const void *field, size_t length)
{
	size_t n = strnlen(field, length < size ? length : size - 1);

	memcpy(text, field, n);
	text[n] = '\0';
	return text_clean(text);
}

bool dump_register(const struct dump_section *section, uint32_t offset, uint64_t *value)
{
	struct loom_dump_register reg;

	for (uint64_t i = 0; dump_element(section, i, &reg, sizeof(reg)); i++) {
		if (reg.offset != offset)
			continue;
		*value = reg.value;
		return true;
	}
	return false;
}

bool dump_blames(const struct dump *dump)
{
	return dump->meta.job != 0;
}

bool dump_packet(const struct dump *dump, uint32_t *byte)
{
	uint32_t ring = dump->meta.ring, base;
	const struct dump_section *registers;
	struct loom_fault fault;
	uint64_t status, context, packet;

	if (!dump_blames(dump))
		return false;
	if (dump_element(dump_find(dump, LOOM_DUMP_FAULT, 0), 0, &fault, sizeof(fault))) {
		*byte = fault.packet;
		/* The fetch of the program fails before there are packets. */
		return fault.access != LOOM_ACCESS_FETCH || fault.code >= LOOM_FAULT_CMD_HEADER;
	}
	if (dump->meta.reason != LOOM_DUMP_REASON_HANG || ring >= LOOM_RINGS_MAX)
		return false;
	registers = dump_find(dump, LOOM_DUMP_RING_REGISTERS, ring);
	base = LOOM_REG_RING(ring);
	if (!dump_register(registers, base + LOOM_RING_STATUS, &status) ||
	    !dump_register(registers, base + LOOM_RING_CURRENT_CONTEXT, &context) ||
	    !dump_register(registers, base + LOOM_RING_CURRENT_PACKET, &packet) ||
	    !(status & LOOM_RING_STATUS_RUNNING) || context != dump->meta.context)
		return false;
	*byte = (uint32_t)packet;
	return true;
}

bool dump_mapping(const struct dump *dump, uint64_t va, struct loom_dump_mapping *mapping,
		  bool *inside)
{
	const struct dump_section *map = dump_find(dump, LOOM_DUMP_MAP, 0);
	struct loom_dump_mapping m;
	bool found = false;

	for (uint64_t i = 0; dump_element(map, i, &m, sizeof(m)); i++) {
		if (m.va > va || (found && m.va < mapping->va))
			continue;
		*mapping = m;
		found = true;
	}
	*inside = found && va - mapping->va < mapping->size;
	return found;
}
