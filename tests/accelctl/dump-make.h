/* SPDX-License-Identifier: MIT */
/*
 * Dumps as the driver writes them, made from the structures.
 */
#ifndef TEST_DUMP_MAKE_H
#define TEST_DUMP_MAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loom_dump.h"

struct made {
	uint8_t *data;
	size_t size;
};

/* made_begin() - a header without sections; made_section() - one more; made_end() - frees. */
void made_begin(struct made *made);
void made_section(struct made *made, uint32_t type, uint32_t flags, uint32_t id, uint64_t at,
		  uint32_t stride, const void *data, size_t size);
void made_end(struct made *made);

/* made_fault() - of a COPY from nowhere that follows a FILL. */
void made_fault(struct made *made);

/*
 * made_replay() - of a job that a simulated card ends in the same way, by name: see there. In all,
 * the packet to blame is the second, and MADE_WORD fills the page at MADE_DATA if the
 * dump has any. False: there is no such name.
 */
bool made_replay(struct made *made, const char *name);

#define MADE_DATA	0x30000ull
#define MADE_WORD	0x1234567812345678ull

#define MADE_VA		0x10000ull
#define MADE_NOWHERE	0x7000000000ull
#define MADE_RING	1
#define MADE_CONTEXT	5

#endif
