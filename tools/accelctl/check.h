/* SPDX-License-Identifier: MIT */
/*
 * Checks of a working card, each in a context of its own.
 */
#ifndef ACCELCTL_CHECK_H
#define ACCELCTL_CHECK_H

#include "card.h"

struct check {
	const char *name;
	/*
	 * Returns 0 or an exit code other than EXIT_OK, with a message; EXIT_SKIPPED:
	 * the card lacks what it takes.
	 */
	int (*run)(struct card *card, uint64_t deadline, char *text, size_t size);
};

/* Ends with an element without name. */
extern const struct check checks[];

#endif
