// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "program.h"

/* splitmix64 */
uint64_t rng_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t rng_below(uint64_t *state, uint32_t n)
{
	return (rng_next(state) >> 32) % n;
}

void choices_begin(struct choices *choices, const struct op *op)
{
	choices->op = op;
	choices->state = (uint64_t)op->call << 32 | op->seed;
	choices->index = 0;
}

uint32_t choose(struct choices *choices, uint32_t n)
{
	uint32_t value = rng_next(&choices->state) >> 32;

	for (unsigned int i = 0; i < choices->op->overs; i++)
		if (choices->op->over[i].at == choices->index)
			value = choices->op->over[i].value;
	choices->index++;
	return value % n;
}

bool one_in(struct choices *choices, uint32_t n)
{
	return !choose(choices, n);
}

uint64_t choose64(struct choices *choices)
{
	uint64_t high = choose(choices, UINT32_MAX);

	return high << 32 | choose(choices, UINT32_MAX);
}

/* ---- new ones and changed ones ------------------------------------------------------ */

static void op_fresh(struct op *op, unsigned int call, uint64_t *rng)
{
	memset(op, 0, sizeof(*op));
	op->call = call;
	op->file = rng_below(rng, 256);
	op->seed = rng_next(rng);
}

static unsigned int any_call(uint64_t *rng)
{
	unsigned int sum = 0, i, at;

	for (i = 0; i < calls_count; i++)
		sum += calls[i].weight;
	at = rng_below(rng, sum);
	for (i = 0; at >= calls[i].weight; i++)
		at -= calls[i].weight;
	return i;
}

static void from_sequence(struct program *program, uint64_t *rng)
{
	const short *sequence = sequences[rng_below(rng, sequences_count)];
	uint8_t file = rng_below(rng, 256);

	program->count = 0;
	for (unsigned int i = 0; sequence[i] >= 0; i++) {
		struct op *op = &program->op[program->count++];

		op_fresh(op, sequence[i], rng);
		/* Mostly of one file, as programs are. */
		if (rng_below(rng, 8))
			op->file = file;
	}
}

static void from_nothing(struct program *program, uint64_t *rng)
{
	program->count = 1 + rng_below(rng, OPS_MAX / 2);
	for (unsigned int i = 0; i < program->count; i++)
		op_fresh(&program->op[i], any_call(rng), rng);
}

static void op_insert(struct program *program, unsigned int at, const struct op *op)
{
	if (program->count == OPS_MAX)
		return;
	memmove(&program->op[at + 1], &program->op[at], (program->count - at) * sizeof(*op));
	program->op[at] = *op;
	program->count++;
}

static void op_change(struct op *op, uint64_t *rng)
{
	unsigned int i = rng_below(rng, OVERS_MAX);

	if (!rng_below(rng, 4)) {
		op->seed = rng_next(rng);
		op->overs = 0;
		return;
	}
	if (i >= op->overs) {
		i = op->overs < OVERS_MAX ? op->overs++ : i;
		/* The first choices are those that most depends on. */
		op->over[i].at = rng_below(rng, 1u << (2 + rng_below(rng, 5)));
	}
	op->over[i].value = rng_next(rng) >> (32 + rng_below(rng, 32));
}

static void mutate(struct program *program, const struct corpus *corpus, uint64_t *rng)
{
	const struct program *other = &corpus->at[rng_below(rng, corpus->count)];
	unsigned int at = rng_below(rng, program->count), i;
	struct op op;

	switch (rng_below(rng, 8)) {
	case 0:
		op_fresh(&op, any_call(rng), rng);
		op_insert(program, at, &op);
		break;
	case 1:
		op = program->op[at];
		op_insert(program, rng_below(rng, program->count), &op);
		break;
	case 2:
		if (program->count == 1)
			break;
		program->count--;
		memmove(&program->op[at], &program->op[at + 1],
			(program->count - at) * sizeof(op));
		break;
	case 3:
		for (i = 0; i < other->count; i++)
			op_insert(program, program->count, &other->op[i]);
		break;
	case 4:
		program->op[at].file = rng_below(rng, 256);
		break;
	default:
		op_change(&program->op[at], rng);
		break;
	}
}

void program_next(struct program *program, const struct corpus *corpus, uint64_t *rng)
{
	unsigned int way = rng_below(rng, 8), times;

	if (!corpus->count || way < 2)
		from_sequence(program, rng);
	else if (way == 2)
		from_nothing(program, rng);
	else
		*program = corpus->at[rng_below(rng, corpus->count)];
	if (!corpus->count)
		return;
	for (times = rng_below(rng, 4); times; times--)
		mutate(program, corpus, rng);
}

void corpus_add(struct corpus *corpus, const struct program *program, uint64_t *rng)
{
	unsigned int at = corpus->count < CORPUS_MAX ? corpus->count++ : rng_below(rng, CORPUS_MAX);

	corpus->at[at] = *program;
}

/* ---- text --------------------------------------------------------------------------- */

size_t program_print(const struct program *program, char *text)
{
	char *at = text;

	for (unsigned int i = 0; i < program->count; i++) {
		const struct op *op = &program->op[i];

		at += sprintf(at, "%s %u %08x", calls[op->call].name, op->file, op->seed);
		for (unsigned int n = 0; n < op->overs; n++)
			at += sprintf(at, " %u=%x", op->over[n].at, op->over[n].value);
		*at++ = '\n';
	}
	*at++ = '\n';
	*at = 0;
	return at - text;
}

static bool op_parse(struct op *op, const char *line)
{
	unsigned int file, at, value;
	char name[40];
	int used, call;

	memset(op, 0, sizeof(*op));
	if (sscanf(line, "%39s %u %x%n", name, &file, &op->seed, &used) != 3)
		return false;
	call = call_find(name);
	if (call < 0)
		return false;
	op->call = call;
	op->file = file;
	for (line += used; op->overs < OVERS_MAX && *line == ' '; line += used) {
		if (sscanf(line, " %u=%x%n", &at, &value, &used) != 2)
			return false;
		op->over[op->overs].at = at;
		op->over[op->overs++].value = value;
	}
	return *line == '\n' || !*line;
}

const char *program_parse(struct program *program, const char *text)
{
	program->count = 0;
	while (*text == '\n')
		text++;
	while (*text && *text != '\n' && program->count < OPS_MAX) {
		const char *end = strchr(text, '\n');

		if (!op_parse(&program->op[program->count], text))
			return NULL;
		program->count++;
		text = end ? end + 1 : text + strlen(text);
	}
	return program->count ? text : NULL;
}
