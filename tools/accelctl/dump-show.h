/* SPDX-License-Identifier: MIT */
/*
 * What is in a dump, for people and as JSON.
 */
#ifndef ACCELCTL_DUMP_SHOW_H
#define ACCELCTL_DUMP_SHOW_H

#include <stdbool.h>

struct dump;
struct json_object;

/* dump_print() - a report; @all: nothing is left out. */
void dump_print(const struct dump *dump, bool all);
/* dump_describe() - all of it. */
void dump_describe(const struct dump *dump, struct json_object *document);

#endif
