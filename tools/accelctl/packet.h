/* SPDX-License-Identifier: MIT */
/*
 * Packets of a command buffer, for those who want to see what a program does. Takes any bytes;
 * whether the card would take them is another question.
 */
#ifndef ACCELCTL_PACKET_H
#define ACCELCTL_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loom_isa.h"

struct packet_operand {
	const char *name;
	uint16_t offset;
	bool word;		/* an address of 64 bits, else a tensor */
};

enum packet_format { PACKET_HEX, PACKET_UNSIGNED, PACKET_SIGNED, PACKET_FLOAT };

struct packet_field {
	const char *name;
	uint16_t offset;
	uint8_t size;		/* bytes of a value */
	uint8_t count;		/* of values */
	uint8_t format;		/* enum packet_format, without @names */
	uint8_t nnames;
	const char *const *names;
};

struct packet_kind {
	uint16_t opcode;
	uint16_t size;
	/* In the order of the structure; end with an element without name. */
	const struct packet_operand *operands;
	const struct packet_field *fields;
};

struct packet {
	struct loom_pkt_header header;
	const uint8_t *data;
	const struct packet_kind *kind;	/* NULL: what follows the header is not known */
};

/*
 * packet_next() - the packet at byte *@at of a program; moves *@at behind it. False: there is
 * none, the program ends there or the rest of it has no valid header.
 */
bool packet_next(const uint8_t *program, uint64_t size, uint64_t *at, struct packet *packet);

/* Operands and fields; only where there is a kind. A word is a tensor of a single U64. */
void packet_tensor(const struct packet *packet, const struct packet_operand *operand,
		   struct loom_tensor *tensor);
uint64_t packet_value(const struct packet *packet, const struct packet_field *field,
		      unsigned int index);
const char *packet_field_text(const struct packet *packet, const struct packet_field *field,
			      char *text, size_t size);

/* tensor_text() - "f32[2,3] at 0x1000", with what else there is to say. */
const char *tensor_text(const struct loom_tensor *tensor, char *text, size_t size);

#endif
