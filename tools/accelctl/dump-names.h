/* SPDX-License-Identifier: MIT */
/*
 * Names of what the hardware and the dumps number, as in the headers. NULL: there is none.
 */
#ifndef ACCELCTL_DUMP_NAMES_H
#define ACCELCTL_DUMP_NAMES_H

#include <stddef.h>
#include <stdint.h>

const char *dump_reason_name(uint32_t reason);
const char *dump_section_name(uint32_t type);
const char *loom_outcome_name(uint32_t outcome);
const char *loom_ring_error_name(uint32_t error);
const char *loom_access_name(uint32_t access);

/* register_name() - of byte @offset of BAR0; a register of a ring without its ring. */
const char *register_name(uint32_t offset, char text[32]);

/* register_bits() - words for bits of the register's value; "" if it has none. */
const char *register_bits(uint32_t offset, uint64_t value, char *text, size_t size);

/* Words for bits, separated by blanks; "" for none, what has no name as a number. */
const char *features_text(uint64_t features, char *text, size_t size);
const char *pte_text(uint64_t entry, uint32_t level, char *text, size_t size);
/* mapping_access() - "read", "read-write"; NULL: the driver did not tell. */
const char *mapping_access(uint32_t prot);
const char *buffer_flags_text(uint32_t flags, char *text, size_t size);
const char *ring_flags_text(uint32_t flags, char *text, size_t size);

#endif
