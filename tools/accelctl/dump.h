/* SPDX-License-Identifier: MIT */
/*
 * Dumps of the driver: the container of uapi/loom_dump.h.
 *
 * dump_parse() trusts nothing and checks all sizes, so that who reads a section needs to check
 * none. Structures come out as large as they are known here: what a dump of an older driver lacks
 * is zero, what a newer one has in addition is left out. Knows nothing of output.
 */
#ifndef ACCELCTL_DUMP_H
#define ACCELCTL_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loom_dump.h"

/* A driver writes 12 MiB at most. */
#define DUMP_SIZE_MAX	(16u << 20)
/* Five for each ring, seven others; contents are not counted. */
#define DUMP_SECTIONS	(7 + 5 * LOOM_RINGS_MAX)

struct dump_section {
	uint32_t type;
	uint32_t flags;
	uint32_t id;
	uint32_t stride;
	uint64_t at;
	uint64_t count;		/* elements of @stride bytes */
	const uint8_t *data;
};

struct dump {
	uint32_t version;
	uint32_t flags;
	uint64_t size;
	struct dump_section section[DUMP_SECTIONS];
	uint32_t sections;	/* that are known and not repeated */
	uint32_t unknown;	/* of types that are not known here */
	uint32_t repeated;	/* of a type and id that came before */
	uint32_t contents;	/* of contents of buffers: see dump_contents() */
	struct loom_dump_meta meta;
	const uint8_t *data;
	uint64_t first;		/* where sections begin in @data */
	uint32_t total;		/* sections of all kinds */
};

/* struct dump_cursor - where dump_contents() goes on; zero: at the start */
struct dump_cursor {
	uint64_t at;
	uint32_t seen;
};

/*
 * dump_parse() - find the sections of a dump; @data must stay where it is.
 * Return: NULL or why it cannot be used.
 */
const char *dump_parse(struct dump *dump, const void *data, size_t size);

/* dump_find() - the section, or NULL; @id is that of a ring, for what there is of each ring. */
const struct dump_section *dump_find(const struct dump *dump, uint32_t type, uint32_t id);

/* dump_contents() - the next section with contents of a buffer; false: there is none any more. */
bool dump_contents(const struct dump *dump, struct dump_cursor *cursor,
		   struct dump_section *section);

/* dump_element() - copies element @index; zeroes, and false, if there is no such section or element. */
bool dump_element(const struct dump_section *section, uint64_t index, void *element, size_t size);

/* dump_text() - a field of text: whole, although it may lack the final zero, and for a terminal. */
const char *dump_text(char *text, size_t size, const void *field, size_t length);

/* dump_register() - of a section of registers; false: it is not there. */
bool dump_register(const struct dump_section *section, uint32_t offset, uint64_t *value);

/* dump_blames() - the job that the dump is about. */
bool dump_blames(const struct dump *dump);

/*
 * dump_packet() - byte of the packet to blame in the program: where it faulted, or where it was
 * when it hung; false: not known.
 */
bool dump_packet(const struct dump *dump, uint32_t *byte);

/*
 * dump_mapping() - the mapping that @va is in, else the last one before it; false: there is none.
 * @inside says which.
 */
bool dump_mapping(const struct dump *dump, uint64_t va, struct loom_dump_mapping *mapping,
		  bool *inside);

#endif
