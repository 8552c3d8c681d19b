/* SPDX-License-Identifier: MIT */
/*
 * What a machine has of what the driver gives away, to see that it is given back. Needs root.
 */
#ifndef FIGURES_H
#define FIGURES_H

#include <stdbool.h>
#include <stdint.h>

/* Caches of the kernel that the driver and what it calls take from. */
#define FIGURES_CACHES	400

struct figures {
	uint64_t system_used, local_used, local_free;
	int64_t bos, vms, dmabufs, unfinished;
	int64_t contexts;		/* that can be had */
	uint32_t generation, resets;
	uint32_t caches;
	struct {
		char name[40];
		uint64_t objects;
	} cache[FIGURES_CACHES];
};

/* Returns 0 or a negative errno. */
int figures_take(struct figures *figures);
/* The same, as soon as it has what @before had: what was given back may take a moment. */
int figures_settle(struct figures *figures, const struct figures *before);
/*
 * Prints what is different, in lines with "# " in front; returns false if anything is that should
 * not be. Caches may have grown by @allowed objects: the rest of the kernel takes from them, too.
 */
bool figures_compare(const struct figures *before, const struct figures *after, uint64_t allowed);

#endif
