/* SPDX-License-Identifier: MIT */
/*
 * What a call made the driver do, as far as that can be seen: with KCOV the places in its code, and
 * on any kernel what the call said.
 */
#ifndef COVER_H
#define COVER_H

#include <stdbool.h>
#include <stdint.h>

/* Of the driver's code, from its beginning. */
#define PLACES		(1u << 21)
#define FEATURES	(1u << 16)

/* Shared by all processes: where in the driver anybody has been. */
struct places {
	bool available;
	uint64_t base;
	uint32_t count;
	uint8_t bits[PLACES / 8];
};

/* Of a thread. */
struct cover {
	struct places *places;
	uint64_t *buffer;	/* NULL: without KCOV */
	uint8_t *features;	/* what this process has seen, one byte each */
};

/* Whether the kernel has KCOV; needs root. */
void places_init(struct places *places);
/* @file: of cover_open(), or negative. */
int cover_open(void);
void cover_init(struct cover *cover, struct places *places, uint8_t *features, int file);
void cover_begin(struct cover *cover);
/* Returns how much of it was new: @call ended with @error. */
unsigned int cover_end(struct cover *cover, unsigned int call, int error);

#endif
