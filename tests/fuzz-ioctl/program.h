/* SPDX-License-Identifier: MIT */
/*
 * Programs: short sequences of calls. A call is a line of the table, a seed from which all its
 * choices follow, and what was decided otherwise for some of them: so every program is well-formed,
 * whatever is done to it, and small enough to be written down before it runs.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPS_MAX		16
#define OVERS_MAX	6

struct op {
	uint8_t call;
	uint8_t file;
	uint8_t overs;
	uint32_t seed;
	struct {
		uint16_t at;
		uint32_t value;
	} over[OVERS_MAX];
};

struct program {
	uint32_t count;
	struct op op[OPS_MAX];
};

/* What a call is made of, choice by choice. */
struct choices {
	const struct op *op;
	uint64_t state;
	uint16_t index;
};

void choices_begin(struct choices *choices, const struct op *op);
/* 0 .. n - 1 */
uint32_t choose(struct choices *choices, uint32_t n);
bool one_in(struct choices *choices, uint32_t n);
uint64_t choose64(struct choices *choices);

/* Random numbers that decide about programs. */
uint64_t rng_next(uint64_t *state);
uint32_t rng_below(uint64_t *state, uint32_t n);

/* Programs that showed something new. */
#define CORPUS_MAX	512

struct corpus {
	uint32_t count;
	struct program at[CORPUS_MAX];
};

void corpus_add(struct corpus *corpus, const struct program *program, uint64_t *rng);

/* What to try next. */
void program_next(struct program *program, const struct corpus *corpus, uint64_t *rng);

/* As text, a line for each call and an empty one; returns the length. And back, one by one. */
#define PROGRAM_TEXT	(OPS_MAX * 160 + 2)
size_t program_print(const struct program *program, char *text);
/* Returns where the next one begins, or NULL if there is none. */
const char *program_parse(struct program *program, const char *text);

#endif
