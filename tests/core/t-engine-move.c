// SPDX-License-Identifier: MIT
/* FILL, COPY and ELTWISE: every engine against the reference, bit for bit. */
#include <stdio.h>

#include "job.h"
#include "loom_core.h"
#include "numerics.h"
#include "tap.h"

static const unsigned int computing[] = {
	LOOM_DTYPE_F32, LOOM_DTYPE_F16, LOOM_DTYPE_BF16, LOOM_DTYPE_I8, LOOM_DTYPE_U8,
	LOOM_DTYPE_I32,
};

static const unsigned int wildness[] = { TAME, SPECIAL, WILD };

static bool compare(struct memory *mem, const void *packet, struct rng *rng, uint64_t seed)
{
	const char *bad = job_compare(mem, packet, rng);

	if (bad)
		printf("# %s differs, seed %llu\n", bad, (unsigned long long)seed);
	memory_free(mem);
	return !bad;
}

static bool fill_case(uint64_t seed)
{
	struct rng rng = { seed };
	uint32_t dims[LOOM_RANK_MAX];
	struct loom_pkt_fill pkt;
	struct memory mem;
	unsigned int dtype = 1 + (unsigned int)rng_below(&rng, 12), rank;

	header_init(&pkt.header, LOOM_OP_FILL, sizeof(pkt));
	memory_init(&mem);
	rank = shape_random(dims, &rng);
	tensor_random(&mem, &pkt.dst, dtype, rank, dims, true, &rng);
	pkt.value = rng_next(&rng) >> (64 - 8 * loom_dtype_size(dtype));
	memory_commit(&mem, true, seed);
	return compare(&mem, &pkt, &rng, seed);
}

static bool copy_case(unsigned int to, unsigned int from, uint64_t seed)
{
	struct rng rng = { seed };
	uint32_t dims[LOOM_RANK_MAX];
	struct loom_pkt_copy pkt;
	struct memory mem;
	unsigned int rank;

	header_init(&pkt.header, LOOM_OP_COPY, sizeof(pkt));
	memory_init(&mem);
	rank = shape_random(dims, &rng);
	tensor_random(&mem, &pkt.dst, to, rank, dims, true, &rng);
	tensor_random(&mem, &pkt.src, from, rank, dims, false, &rng);
	if (loom_dtype_size(to) == loom_dtype_size(from) && rng_below(&rng, 8) == 0) {
		pkt.src = pkt.dst;	/* in place */
		pkt.src.dtype = (uint8_t)from;
	}
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	tensor_fill(&mem, &pkt.src, wildness[rng_below(&rng, 3)], &rng);
	return compare(&mem, &pkt, &rng, seed);
}

static bool eltwise_case(unsigned int dst, unsigned int a, unsigned int b, unsigned int op,
			 uint64_t seed)
{
	struct rng rng = { seed };
	uint32_t dims[LOOM_RANK_MAX], sub[LOOM_RANK_MAX];
	struct loom_pkt_eltwise pkt;
	struct memory mem;
	unsigned int rank, r;

	header_init(&pkt.header, LOOM_OP_ELTWISE, sizeof(pkt));
	memory_init(&mem);
	pkt.op = op;
	act_random(&pkt.act, pkt.act_param, !loom_dtype_is_float(dst), &rng);
	rank = shape_random(dims, &rng);
	tensor_random(&mem, &pkt.dst, dst, rank, dims, true, &rng);
	r = dims_broadcast(dims, rank, 0, sub, &rng);
	tensor_random(&mem, &pkt.a, a, r, sub, false, &rng);
	r = dims_broadcast(dims, rank, 0, sub, &rng);
	tensor_random(&mem, &pkt.b, b, r, sub, false, &rng);
	if (dst == a && rng_below(&rng, 8) == 0)
		pkt.a = pkt.dst;
	if (dst == b && rng_below(&rng, 8) == 0)
		pkt.b = pkt.dst;
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	tensor_fill(&mem, &pkt.a, wildness[rng_below(&rng, 3)], &rng);
	tensor_fill(&mem, &pkt.b, wildness[rng_below(&rng, 3)], &rng);
	return compare(&mem, &pkt, &rng, seed);
}

static bool fills(void)
{
	bool good = true;

	for (unsigned int i = 0; i < 100; i++)
		good &= fill_case(i);
	return good;
}

static bool moves(void)
{
	bool good = true;

	for (unsigned int i = 0; i < 120; i++)
		good &= copy_case(1 + i % 12, 1 + i % 12, i);
	return good;
}

static bool casts(unsigned int to)
{
	bool good = true;

	for (unsigned int from = 0; from < 6; from++)
		for (unsigned int i = 0; i < 12; i++)
			good &= copy_case(to, computing[from], 100 * from + i);
	return good;
}

/* Every binary16 and bfloat16, and binary32 in steps that meet every exponent. */
static bool cast_sweep(unsigned int from, unsigned int to)
{
	uint32_t n = from == LOOM_DTYPE_F32 || from == LOOM_DTYPE_I32 ? 1u << 18 : 1u << 16;
	unsigned int size = loom_dtype_size(from);
	struct loom_pkt_copy pkt;
	struct memory mem;
	struct rng rng = { 3 };

	header_init(&pkt.header, LOOM_OP_COPY, sizeof(pkt));
	memory_init(&mem);
	tensor_plain(&mem, &pkt.dst, to, 1, &n);
	tensor_plain(&mem, &pkt.src, from, 1, &n);
	memory_commit(&mem, true, 1);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = size == 4 ? i << 14 | (i * 2654435761u & 0x3fff) : i;

		/* halfway cases of the narrower types */
		if (size == 4 && i % 4 == 0)
			v = (v & ~0x1fffu) | 0x1000;
		if (size == 4 && i % 4 == 1)
			v = (v & ~0xffffu) | 0x8000;
		memory_write(&mem, pkt.src.va + (uint64_t)i * size, &v, size);
	}
	return compare(&mem, &pkt, &rng, 0);
}

static bool eltwise(unsigned int op)
{
	bool good = true;

	for (unsigned int i = 0; i < 120; i++) {
		struct rng rng = { i + 1000 * op };

		good &= eltwise_case(computing[rng_below(&rng, 3)], computing[rng_below(&rng, 3)],
				     computing[rng_below(&rng, 3)], op, i);
	}
	return good;
}

static bool eltwise_integer(unsigned int dtype)
{
	bool good = true;

	for (unsigned int op = LOOM_ELTWISE_ADD; op <= LOOM_ELTWISE_MAX; op++)
		for (unsigned int i = 0; op != LOOM_ELTWISE_DIV && i < 30; i++)
			good &= eltwise_case(dtype, dtype, dtype, op, i + 50 * op);
	return good;
}

int main(void)
{
	tap_ok(fills(), "FILL of every type");
	tap_ok(moves(), "COPY of every type");
	for (unsigned int i = 0; i < 6; i++)
		tap_ok(casts(computing[i]), "COPY to type %u", computing[i]);
	for (unsigned int i = 0; i < 6; i++) {
		tap_ok(cast_sweep(LOOM_DTYPE_F32, computing[i]), "F32 to type %u", computing[i]);
		tap_ok(cast_sweep(LOOM_DTYPE_I32, computing[i]), "I32 to type %u", computing[i]);
		tap_ok(cast_sweep(LOOM_DTYPE_F16, computing[i]), "every F16 to type %u",
		       computing[i]);
		tap_ok(cast_sweep(LOOM_DTYPE_BF16, computing[i]), "every BF16 to type %u",
		       computing[i]);
	}
	for (unsigned int op = LOOM_ELTWISE_ADD; op <= LOOM_ELTWISE_MAX; op++)
		tap_ok(eltwise(op), "ELTWISE op %u", op);
	for (unsigned int i = 3; i < 6; i++)
		tap_ok(eltwise_integer(computing[i]), "ELTWISE of type %u", computing[i]);
	return tap_done();
}
