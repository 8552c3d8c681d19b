/* SPDX-License-Identifier: MIT */
/*
 * Dumps that the kernel keeps. Needs root.
 */
#ifndef KEPT_H
#define KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loom_dump.h"

/* kept_path() - the file of a dump; false: there is none. */
bool kept_path(char *path, size_t size);
/* kept_discard() - forget them all. */
void kept_discard(void);
/* kept_read() - wait for a dump and read all of it; for free(). */
uint8_t *kept_read(size_t *size);

/* section_next() - the one behind it; section_find() - of a dump that was checked, or NULL. */
const struct loom_dump_section *section_next(const struct loom_dump_section *s);
const struct loom_dump_section *section_find(const uint8_t *dump, uint32_t type, uint32_t id);

#endif
