// SPDX-License-Identifier: MIT
/*
 * Nanoseconds per element of the vector operations, for each engine of this processor, on one
 * thread:
 *
 *	build/tests/bench/vector
 *
 * The median of interleaved rounds over arrays that stay in the processor's second cache.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine.h"
#include "loom_core.h"

#define ROWS	64u
#define COLUMNS	1024u
#define ROUNDS	21u

struct operation {
	const char *name;
	uint16_t opcode;
	uint32_t op, act;
};

static const struct operation operations[] = {
	{ "softmax", LOOM_OP_SOFTMAX, 0, 0 },
	{ "sum", LOOM_OP_REDUCE, LOOM_REDUCE_SUM, 0 },
	{ "exp", LOOM_OP_UNARY, LOOM_UNARY_EXP, 0 },
	{ "log", LOOM_OP_UNARY, LOOM_UNARY_LOG, 0 },
	{ "erf", LOOM_OP_UNARY, LOOM_UNARY_ERF, 0 },
	{ "sigmoid", LOOM_OP_UNARY, 0, LOOM_ACT_SIGMOID },
	{ "tanh", LOOM_OP_UNARY, 0, LOOM_ACT_TANH },
	{ "gelu", LOOM_OP_UNARY, 0, LOOM_ACT_GELU },
	{ "gelu_tanh", LOOM_OP_UNARY, 0, LOOM_ACT_GELU_TANH },
};

#define NOPERATIONS	(sizeof(operations) / sizeof(operations[0]))

static float in[ROWS * COLUMNS], out[ROWS * COLUMNS];

static void header(struct loom_pkt_header *header, uint16_t opcode, size_t size)
{
	*header = (struct loom_pkt_header){ .opcode = opcode, .version = LOOM_PKT_VERSION,
					    .size = (uint32_t)size };
}

static struct loom_tensor tensor(uint64_t va, uint32_t columns)
{
	return (struct loom_tensor){ .va = va, .dtype = LOOM_DTYPE_F32, .rank = 2,
				     .dims = { ROWS, columns }, .strides = { columns, 1 } };
}

/* Seconds for the packet once. */
static double run(const char *engine, const struct operation *o)
{
	union {
		struct loom_pkt_header header;
		struct loom_pkt_unary unary;
		struct loom_pkt_reduce reduce;
		struct loom_pkt_softmax softmax;
	} pkt = { 0 };
	static struct loom_arena arena;
	struct loom_run runs[2] = { { 0, (uint8_t *)out }, { 0, (uint8_t *)in } };
	struct loom_tensor dst = tensor(0x1000000, o->opcode == LOOM_OP_REDUCE ? 1 : COLUMNS);
	struct loom_tensor src = tensor(0x2000000, COLUMNS);
	struct loom_decode_error error;
	struct timespec begin, end;
	struct loom_work work;
	atomic_uint stop = 0;
	uint32_t size;

	switch (o->opcode) {
	case LOOM_OP_UNARY:
		pkt.unary = (struct loom_pkt_unary){ .op = o->op, .act = o->act, .dst = dst,
						     .src = src };
		header(&pkt.header, o->opcode, sizeof(pkt.unary));
		break;
	case LOOM_OP_REDUCE:
		pkt.reduce = (struct loom_pkt_reduce){ .op = o->op, .axes = 2, .dst = dst,
						       .src = src };
		header(&pkt.header, o->opcode, sizeof(pkt.reduce));
		break;
	default:
		pkt.softmax = (struct loom_pkt_softmax){ .axes = 2, .dst = dst, .src = src };
		header(&pkt.header, o->opcode, sizeof(pkt.softmax));
		break;
	}
	if (!arena.mem) {
		arena.mem = aligned_alloc(64, LOOM_ARENA_MAX);
		arena.size = LOOM_ARENA_MAX;
	}
	if (!arena.mem || loom_packet_decode(&pkt, pkt.header.size, false, loom_engine_find(engine),
					     &work, &size, &error)) {
		fprintf(stderr, "%s: no memory, or not decoded\n", o->name);
		exit(EXIT_FAILURE);
	}
	for (unsigned int i = 0; i < 2; i++)
		work.operands[i].view = (struct loom_view){ work.operands[i].extent, 1, 0, &runs[i],
							    NULL };
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	for (uint64_t i = 0; i < work.tiles; i++)
		work.run(&work, i, &arena, &stop);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	const char *const *names = loom_engine_names();
	double times[8][ROUNDS];

	for (size_t i = 0; i < ROWS * COLUMNS; i++)
		in[i] = (float)((double)(i * 2654435761u % 1000003) * 1e-5 - 5.0);
	printf("%-10s", "ns/element");
	for (unsigned int e = 0; names[e]; e++)
		printf(" %10s", names[e]);
	printf("\n");
	for (size_t o = 0; o < NOPERATIONS; o++) {
		for (unsigned int r = 0; r < ROUNDS; r++)
			for (unsigned int e = 0; names[e]; e++)
				times[e][r] = run(names[e], &operations[o]);
		printf("%-10s", operations[o].name);
		for (unsigned int e = 0; names[e]; e++) {
			qsort(times[e], ROUNDS, sizeof(times[e][0]), compare);
			printf(" %10.3f", times[e][ROUNDS / 2] / (ROWS * COLUMNS) * 1e9);
		}
		printf("\n");
	}
	return EXIT_SUCCESS;
}
