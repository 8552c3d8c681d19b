/* SPDX-License-Identifier: MIT */
#ifndef ACCELCTL_DUMP_FAULT_H
#define ACCELCTL_DUMP_FAULT_H

#include <stddef.h>

struct dump;
struct loom_fault;

/* dump_fault_text() - a fault in the words that the library has for it. */
const char *dump_fault_text(const struct dump *dump, const struct loom_fault *fault, char *text,
			    size_t size);

#endif
