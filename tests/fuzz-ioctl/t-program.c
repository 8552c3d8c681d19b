// SPDX-License-Identifier: MIT
/* Programs of the fuzzer: what is written down is what was made, and is made again. */
#include <stdlib.h>
#include <string.h>

#include "../core/tap.h"

#include "call.h"
#include "program.h"

#define ROUNDS	20000

static struct corpus corpus, other;

static bool same(const struct program *a, const struct program *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct op *p = &a->op[i], *q = &b->op[i];

		if (p->call != q->call || p->file != q->file || p->seed != q->seed ||
		    p->overs != q->overs)
			return false;
		for (unsigned int n = 0; n < p->overs; n++)
			if (p->over[n].at != q->over[n].at || p->over[n].value != q->over[n].value)
				return false;
	}
	return true;
}

static bool valid(const struct program *program)
{
	if (!program->count || program->count > OPS_MAX)
		return false;
	for (uint32_t i = 0; i < program->count; i++)
		if (program->op[i].call >= calls_count || program->op[i].overs > OVERS_MAX)
			return false;
	return true;
}

static void check_programs(void)
{
	unsigned int bad = 0, lost = 0, apart = 0;
	uint64_t rng = 1, again = 1;
	char text[PROGRAM_TEXT];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct program made, parsed, twin;

		program_next(&made, &corpus, &rng);
		program_next(&twin, &other, &again);
		bad += !valid(&made);
		apart += !same(&made, &twin);
		lost += program_print(&made, text) >= sizeof(text) ||
			!program_parse(&parsed, text) || !same(&made, &parsed);
		if (i % 3 == 0) {
			corpus_add(&corpus, &made, &rng);
			corpus_add(&other, &twin, &again);
		}
	}
	tap_ok(!bad, "%u programs are well-formed", ROUNDS);
	tap_ok(!apart, "a seed makes the same programs again");
	tap_ok(!lost, "their text makes them again");
}

static void check_choices(void)
{
	struct op op = { .call = 3, .seed = 77 };
	struct choices first, second;
	uint32_t values[8];

	choices_begin(&first, &op);
	for (int i = 0; i < 8; i++)
		values[i] = choose(&first, 1000000);
	op.over[op.overs].at = 5;
	op.over[op.overs++].value = values[5] + 1;
	choices_begin(&second, &op);
	for (int i = 0; i < 8; i++)
		if (choose(&second, 1000000) != values[i] + (i == 5)) {
			tap_ok(false, "one choice that is made otherwise changes no other");
			return;
		}
	tap_ok(true, "one choice that is made otherwise changes no other");
}

static void check_text(void)
{
	static const char *const wrong[] = {
		"", "\n\n", "NOTHING 0 00000000\n", "SUBMIT 0\n", "SUBMIT 0 00000000 1=\n",
		"SUBMIT 0 00000000 1=2 x\n",
	};
	struct program program;
	const char *at = "SUBMIT 1 0000000a 3=ff\nBO_CREATE 0 00000001\n\nVM_CREATE 0 00000002\n";
	unsigned int taken = 0;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		taken += program_parse(&program, wrong[i]) != NULL;
	tap_ok(!taken, "text that is no program is refused");
	at = program_parse(&program, at);
	tap_ok(at && program.count == 2 && program.op[0].seed == 10 && program.op[0].over[0].at == 3 &&
	       program.op[0].over[0].value == 255, "a program ends at an empty line");
	at = at ? program_parse(&program, at) : NULL;
	tap_ok(at && program.count == 1 && !program_parse(&program, at), "the next one follows");
}

/* Otherwise it would be about calls that are not made. */
static void check_table(void)
{
	unsigned int bad = 0;

	for (unsigned int i = 0; i < calls_count; i++)
		bad += !calls[i].name || !calls[i].weight || !calls[i].act == !calls[i].layout ||
		       call_find(calls[i].name) != (int)i;
	for (unsigned int i = 0; i < sequences_count; i++) {
		unsigned int n = 0;

		while (n < SEQUENCE_MAX && sequences[i][n] >= 0)
			bad += sequences[i][n++] >= (int)calls_count;
		bad += n == SEQUENCE_MAX || !n;
	}
	tap_ok(!bad, "the table has a name, a weight, and a structure or a function for each call");
}

int main(void)
{
	check_table();
	check_choices();
	check_text();
	check_programs();
	return tap_done();
}
