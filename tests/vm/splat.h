/* SPDX-License-Identifier: MIT */
#ifndef LOOM_VM_SPLAT_H
#define LOOM_VM_SPLAT_H

#include <stdbool.h>

/* Whether a line of the kernel's log reports a bug of the kernel or of a driver. */
bool splat_line(const char *line);

#endif
