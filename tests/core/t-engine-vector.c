// SPDX-License-Identifier: MIT
/* UNARY, REDUCE and SOFTMAX: every engine against the reference, bit for bit. */
#include <stdio.h>

#include "functions.h"
#include "job.h"
#include "loom_core.h"
#include "tap.h"

static const unsigned int floats[] = { LOOM_DTYPE_F32, LOOM_DTYPE_F16, LOOM_DTYPE_BF16 };
static const unsigned int integers[] = { LOOM_DTYPE_I32, LOOM_DTYPE_I8, LOOM_DTYPE_U8 };
static const unsigned int wildness[] = { TAME, SPECIAL, WILD };

static bool compare(struct memory *mem, const void *packet, struct rng *rng, uint64_t seed)
{
	const char *bad = job_compare(mem, packet, rng);

	if (bad)
		printf("# %s differs, seed %llu\n", bad, (unsigned long long)seed);
	memory_free(mem);
	return !bad;
}

static bool unary_case(unsigned int dst, unsigned int src, unsigned int op, uint64_t seed)
{
	struct rng rng = { seed };
	uint32_t dims[LOOM_RANK_MAX];
	struct loom_pkt_unary pkt;
	struct memory mem;
	unsigned int rank;

	header_init(&pkt.header, LOOM_OP_UNARY, sizeof(pkt));
	memory_init(&mem);
	pkt.op = op;
	act_random(&pkt.act, pkt.act_param, !loom_dtype_is_float(dst), &rng);
	rank = shape_random(dims, &rng);
	tensor_random(&mem, &pkt.dst, dst, rank, dims, true, &rng);
	tensor_random(&mem, &pkt.src, src, rank, dims, false, &rng);
	if (loom_dtype_size(dst) == loom_dtype_size(src) && rng_below(&rng, 6) == 0) {
		pkt.src = pkt.dst;	/* in place */
		pkt.src.dtype = (uint8_t)src;
	}
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	tensor_fill(&mem, &pkt.src, wildness[rng_below(&rng, 3)], &rng);
	return compare(&mem, &pkt, &rng, seed);
}

static bool unary(unsigned int op)
{
	bool good = true;

	for (unsigned int i = 0; i < 40; i++) {
		struct rng rng = { i + 1000 * op };

		good &= unary_case(floats[rng_below(&rng, 3)], floats[rng_below(&rng, 3)], op, i);
	}
	for (unsigned int i = 0; op <= LOOM_UNARY_SQUARE && i < 30; i++)
		good &= unary_case(integers[i % 3], integers[i % 3], op, i);
	return good;
}

/* Some axes; the longest shapes are long in one of them only. */
static uint32_t axes_random(unsigned int rank, struct rng *rng)
{
	return rank ? (uint32_t)rng_below(rng, 1u << rank) : 0;
}

static bool reduce_case(unsigned int dst, unsigned int src, unsigned int op, uint64_t seed)
{
	struct rng rng = { seed };
	uint32_t dims[LOOM_RANK_MAX], kept[LOOM_RANK_MAX];
	struct loom_pkt_reduce pkt;
	struct memory mem;
	unsigned int rank;

	header_init(&pkt.header, LOOM_OP_REDUCE, sizeof(pkt));
	memory_init(&mem);
	pkt.op = op;
	rank = shape_random(dims, &rng);
	pkt.axes = axes_random(rank, &rng);
	for (unsigned int i = 0; i < rank; i++)
		kept[i] = pkt.axes >> i & 1 ? 1 : dims[i];
	tensor_random(&mem, &pkt.dst, dst, rank, kept, true, &rng);
	tensor_random(&mem, &pkt.src, src, rank, dims, false, &rng);
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	tensor_fill(&mem, &pkt.src, wildness[rng_below(&rng, 3)], &rng);
	return compare(&mem, &pkt, &rng, seed);
}

static bool reduce(unsigned int op)
{
	bool good = true;

	for (unsigned int i = 0; i < 60; i++) {
		struct rng rng = { i + 1000 * op };

		good &= reduce_case(floats[rng_below(&rng, 3)], floats[rng_below(&rng, 3)], op, i);
	}
	for (unsigned int i = 0; op != LOOM_REDUCE_MEAN && i < 40; i++)
		good &= reduce_case(i & 1 ? LOOM_DTYPE_I32 : integers[i % 3], integers[i % 3], op,
				    i);
	return good;
}

static bool softmax_case(unsigned int dst, unsigned int src, unsigned int rank,
			 const uint32_t *dims, uint32_t axes, uint64_t seed)
{
	struct rng rng = { seed };
	struct loom_pkt_softmax pkt;
	struct memory mem;

	header_init(&pkt.header, LOOM_OP_SOFTMAX, sizeof(pkt));
	memory_init(&mem);
	pkt.flags = seed & 1 ? LOOM_SOFTMAX_LOG : 0;
	pkt.axes = axes;
	tensor_random(&mem, &pkt.dst, dst, rank, dims, true, &rng);
	tensor_random(&mem, &pkt.src, src, rank, dims, false, &rng);
	if (dst == src && rng_below(&rng, 3) == 0)
		pkt.src = pkt.dst;	/* in place */
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	tensor_fill(&mem, &pkt.src, rng_below(&rng, 4) ? TAME : SPECIAL, &rng);
	return compare(&mem, &pkt, &rng, seed);
}

static bool softmax(unsigned int dst)
{
	bool good = true;

	for (unsigned int i = 0; i < 80; i++) {
		struct rng rng = { i + 1000 * dst };
		uint32_t dims[LOOM_RANK_MAX];
		unsigned int rank = shape_random(dims, &rng);

		good &= softmax_case(dst, floats[rng_below(&rng, 3)], rank, dims,
				     axes_random(rank, &rng), i);
	}
	return good;
}

/* Rows that pass through a tile in pieces, on several threads, stopped again and again. */
static bool stopped(const char *engine, const struct loom_pkt_header *packet, struct memory *mem)
{
	static const struct job_options calm = { .threads = 1 };
	static const struct job_options storm = { .threads = 3, .disturb = true };
	struct memory want, got;
	struct rng rng = { 9 };
	bool good;

	memory_copy(&want, mem);
	memory_copy(&got, mem);
	good = job_run(&want, "reference", packet, &rng, &calm) &&
	       job_run(&got, engine, packet, &rng, &storm) && memory_equal(&want, &got);
	memory_free(&want);
	memory_free(&got);
	return good;
}

static bool storms(const char *engine)
{
	static const uint32_t shapes[][2] = {
		{ 3, 70000 }, { 70000, 3 }, { 40, 1000 }, { 700, 90 },
	};
	bool good = true;

	for (unsigned int i = 0; i < 16; i++) {
		struct loom_pkt_softmax soft;
		struct loom_pkt_reduce red;
		struct rng rng = { i };
		struct memory mem;
		uint32_t kept[2];

		header_init(&soft.header, LOOM_OP_SOFTMAX, sizeof(soft));
		header_init(&red.header, LOOM_OP_REDUCE, sizeof(red));
		memory_init(&mem);
		soft.axes = red.axes = 1u << (i & 1);
		kept[0] = i & 1 ? shapes[i / 4][0] : 1;
		kept[1] = i & 1 ? 1 : shapes[i / 4][1];
		tensor_plain(&mem, &soft.dst, LOOM_DTYPE_F32, 2, shapes[i / 4]);
		tensor_plain(&mem, &soft.src, LOOM_DTYPE_F32, 2, shapes[i / 4]);
		tensor_plain(&mem, &red.dst, LOOM_DTYPE_F32, 2, kept);
		if (i & 2)
			soft.dst = soft.src;
		red.src = soft.src;
		memory_commit(&mem, true, i);
		tensor_fill(&mem, &soft.src, TAME, &rng);
		good &= stopped(engine, &soft.header, &mem) && stopped(engine, &red.header, &mem);
		memory_free(&mem);
	}
	return good;
}

int main(void)
{
	const char *const *names = loom_engine_names();

	for (unsigned int op = LOOM_UNARY_IDENTITY; op <= LOOM_UNARY_TRUNC; op++)
		tap_ok(unary(op), "UNARY op %u", op);
	for (unsigned int op = LOOM_REDUCE_SUM; op <= LOOM_REDUCE_SUMABS; op++)
		tap_ok(reduce(op), "REDUCE op %u", op);
	for (unsigned int i = 0; i < 3; i++)
		tap_ok(softmax(floats[i]), "SOFTMAX to type %u", floats[i]);
	for (; *names; names++)
		tap_ok(storms(*names), "%s: REDUCE and SOFTMAX stopped again and again", *names);
	return tap_done();
}
