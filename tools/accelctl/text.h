/* SPDX-License-Identifier: MIT */
/*
 * Text that others have chosen: names in models, labels in dumps, file names.
 */
#ifndef ACCELCTL_TEXT_H
#define ACCELCTL_TEXT_H

#include <stddef.h>

/* Bytes of the UTF-8 character at @text, 0 if there is none. */
size_t text_utf8(const char *text);

/* The same if a terminal shows it; 0 for what it would act on. */
size_t text_shown(const char *text);

/* Replace every byte that is not to reach a terminal by '?'. Return: @text. */
char *text_clean(char *text);

#endif
