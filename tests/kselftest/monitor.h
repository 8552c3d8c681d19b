/* SPDX-License-Identifier: MIT */
/*
 * QEMU's monitor at the other end of a port, for a machine that was started with --monitor: QMP. One
 * process at a time has it. Needs root.
 */
#ifndef MONITOR_H
#define MONITOR_H

#include <stdbool.h>

/* Whether the machine has one. */
bool monitor_there(void);

/* All return 0 or a negative errno. */
int monitor_open(void);
/* A command, with what printf() makes of the rest between the braces of its arguments. */
int monitor_do(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Reads until there is a line with both texts in it. What comes before is of no interest any more. */
int monitor_find(const char *text, const char *too);

#endif
