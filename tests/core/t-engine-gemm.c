// SPDX-License-Identifier: MIT
/* GEMM: every engine against the reference, bit for bit. */
#include <stdio.h>

#include "job.h"
#include "loom_core.h"
#include "numerics.h"
#include "tap.h"

#define FLOATS	3
static const unsigned int dtypes[] = {
	LOOM_DTYPE_F32, LOOM_DTYPE_F16, LOOM_DTYPE_BF16, LOOM_DTYPE_I8, LOOM_DTYPE_U8,
	LOOM_DTYPE_I32,
};

struct shape {
	uint32_t m, n, k;
	unsigned int batch_rank;
	unsigned int wild;
	bool plain;
};

/* Often one that engines have no work with: none, or what they move by themselves. */
static uint32_t zero_point(unsigned int dtype, struct rng *rng)
{
	if (rng_below(rng, 3) == 0)
		return 0;
	if (rng_below(rng, 3) == 0)
		return dtype == LOOM_DTYPE_I8 ? (uint32_t)INT8_MIN :
		       dtype == LOOM_DTYPE_U8 ? 128 : 0;
	if (dtype == LOOM_DTYPE_I8)
		return (uint32_t)(int32_t)(int8_t)rng_next(rng);
	return dtype == LOOM_DTYPE_U8 ? (uint8_t)rng_next(rng) : 0;
}

static void epilogue_random(struct memory *mem, struct loom_pkt_gemm *pkt, struct rng *rng)
{
	struct loom_epilogue *e = &pkt->epilogue;
	bool integer = pkt->a.dtype == LOOM_DTYPE_I8 || pkt->a.dtype == LOOM_DTYPE_U8;
	uint32_t n = pkt->c.dims[pkt->c.rank - 1], dims[LOOM_RANK_MAX], one = 1;
	unsigned int rank;

	if (rng_below(rng, 2)) {
		tensor_random(mem, &e->bias, integer ? LOOM_DTYPE_I32 : LOOM_DTYPE_F32, 1,
			      rng_below(rng, 4) ? &n : &one, false, rng);
	}
	act_random(&e->act, e->act_param, pkt->c.dtype == LOOM_DTYPE_I32, rng);
	e->zero = zero_point(pkt->c.dtype, rng);
	if (pkt->c.dtype == LOOM_DTYPE_I32)
		return;
	if (rng_below(rng, 2)) {
		tensor_random(mem, &e->scale, LOOM_DTYPE_F32, 1, rng_below(rng, 4) ? &n : &one,
			      false, rng);
	}
	if (rng_below(rng, 2)) {
		if (rng_below(rng, 4) == 0) {
			e->residual = pkt->c;	/* in place */
			return;
		}
		rank = dims_broadcast(pkt->c.dims, pkt->c.rank, 0, dims, rng);
		tensor_random(mem, &e->residual, dtypes[rng_below(rng, 5)], rank, dims, false, rng);
	}
}

static bool gemm_case(const struct shape *shape, unsigned int type, unsigned int out,
		      uint64_t seed)
{
	struct rng rng = { seed };
	uint32_t dims[LOOM_RANK_MAX], sub[LOOM_RANK_MAX];
	unsigned int rank = shape->batch_rank + 2, r, other;
	struct loom_pkt_gemm pkt;
	struct memory mem;
	const char *bad;
	const struct loom_tensor *tensors[] = {
		&pkt.c, &pkt.a, &pkt.b, &pkt.epilogue.bias, &pkt.epilogue.scale,
		&pkt.epilogue.residual,
	};

	header_init(&pkt.header, LOOM_OP_GEMM, sizeof(pkt));
	memory_init(&mem);
	for (unsigned int i = 0; i < shape->batch_rank; i++)
		dims[i] = (uint32_t)rng_below(&rng, 3) + (rng_below(&rng, 30) != 0);
	dims[rank - 2] = shape->m;
	dims[rank - 1] = shape->n;
	if (shape->plain)
		tensor_plain(&mem, &pkt.c, out, rank, dims);
	else
		tensor_random(&mem, &pkt.c, out, rank, dims, true, &rng);
	dims[rank - 1] = shape->k;
	r = dims_broadcast(dims, rank, 2, sub, &rng);
	if (shape->plain)
		tensor_plain(&mem, &pkt.a, type, r, sub);
	else
		tensor_random(&mem, &pkt.a, type, r, sub, false, &rng);
	dims[rank - 2] = shape->k;
	dims[rank - 1] = shape->n;
	r = dims_broadcast(dims, rank, 2, sub, &rng);
	other = loom_dtype_is_int8(type) ? dtypes[FLOATS + rng_below(&rng, 2)] : type;
	if (shape->plain)
		tensor_plain(&mem, &pkt.b, other, r, sub);
	else
		tensor_random(&mem, &pkt.b, other, r, sub, false, &rng);
	pkt.a_zero = zero_point(type, &rng);
	pkt.b_zero = zero_point(other, &rng);
	epilogue_random(&mem, &pkt, &rng);
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	for (unsigned int i = 0; i < 6; i++)
		if (tensors[i]->dtype)
			tensor_fill(&mem, tensors[i], shape->wild, &rng);
	bad = job_compare(&mem, &pkt, &rng);
	if (bad)
		printf("# %s differs: %ux%ux%u type %u to %u, batch axes %u, seed %llu\n", bad,
		       shape->m, shape->n, shape->k, type, out, shape->batch_rank,
		       (unsigned long long)seed);
	memory_free(&mem);
	return !bad;
}

/*
 * PACK, and a product of what it made: every engine as the reference, and that
 * as if b had not been packed.
 */
static bool packed_case(const struct shape *shape, unsigned int type, unsigned int out,
			uint64_t seed)
{
	static const struct job_options options = { .threads = 1 };
	struct rng rng = { seed };
	uint32_t dims[LOOM_RANK_MAX], sub[LOOM_RANK_MAX];
	unsigned int rank = shape->batch_rank + 2, r, other;
	struct memory mem, plain, panels;
	struct loom_pkt_gemm pkt;
	struct loom_pkt_pack pack;
	struct loom_tensor b;
	const char *bad;

	header_init(&pkt.header, LOOM_OP_GEMM, sizeof(pkt));
	header_init(&pack.header, LOOM_OP_PACK, sizeof(pack));
	memory_init(&mem);
	for (unsigned int i = 0; i < shape->batch_rank; i++)
		dims[i] = (uint32_t)rng_below(&rng, 3) + (rng_below(&rng, 30) != 0);
	dims[rank - 2] = shape->m;
	dims[rank - 1] = shape->n;
	tensor_plain(&mem, &pkt.c, out, rank, dims);
	dims[rank - 1] = shape->k;
	r = dims_broadcast(dims, rank, 2, sub, &rng);
	tensor_random(&mem, &pkt.a, type, r, sub, false, &rng);
	dims[rank - 2] = shape->k;
	dims[rank - 1] = shape->n;
	r = dims_broadcast(dims, rank, 2, sub, &rng);
	other = loom_dtype_is_int8(type) ? dtypes[FLOATS + rng_below(&rng, 2)] : type;
	tensor_random(&mem, &b, other, r, sub, false, &rng);
	mem.next += rng_below(&rng, 4096);
	tensor_panels(&mem, &pkt.b, other, r, sub);
	pkt.a_zero = zero_point(type, &rng);
	pkt.b_zero = rng_below(&rng, 2) ? zero_point(other, &rng) : 0;
	if (rng_below(&rng, 2))
		epilogue_random(&mem, &pkt, &rng);
	pack.dst = pkt.b;
	pack.src = b;
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	tensor_fill(&mem, &pkt.a, shape->wild, &rng);
	tensor_fill(&mem, &b, shape->wild, &rng);
	for (struct loom_tensor *t = &pkt.epilogue.bias; t <= &pkt.epilogue.residual; t++)
		if (t->dtype)
			tensor_fill(&mem, t, shape->wild, &rng);
	bad = job_compare(&mem, &pack, &rng);
	if (!bad && !job_run(&mem, "reference", &pack, &rng, &options))
		bad = "packing";
	if (!bad)
		bad = job_compare(&mem, &pkt, &rng);
	memory_copy(&panels, &mem);
	memory_copy(&plain, &mem);
	if (!bad && !job_run(&panels, "reference", &pkt, &rng, &options))
		bad = "panels";
	pkt.b = b;
	if (!bad && (!job_run(&plain, "reference", &pkt, &rng, &options) ||
		     !memory_equal(&plain, &panels)))
		bad = "reference without panels";
	if (bad)
		printf("# %s differs: %ux%ux%u type %u to %u, batch axes %u, seed %llu\n", bad,
		       shape->m, shape->n, shape->k, type, out, shape->batch_rank,
		       (unsigned long long)seed);
	memory_free(&mem);
	memory_free(&panels);
	memory_free(&plain);
	return !bad;
}

/* What is in the panels beyond the matrix makes no difference. */
static bool padding_case(unsigned int type)
{
	static const struct job_options options = { .threads = 1 };
	uint32_t dims_c[] = { 5, 35 }, dims_a[] = { 5, 6 }, dims_b[] = { 6, 35 };
	unsigned int out = loom_dtype_is_float(type) ? LOOM_DTYPE_F32 : LOOM_DTYPE_I32;
	struct loom_pkt_gemm pkt;
	struct loom_pkt_pack pack;
	struct rng rng = { type };
	struct memory mem, expect;
	const char *const *names = loom_engine_names();
	bool good;

	header_init(&pkt.header, LOOM_OP_GEMM, sizeof(pkt));
	header_init(&pack.header, LOOM_OP_PACK, sizeof(pack));
	memory_init(&mem);
	tensor_plain(&mem, &pkt.c, out, 2, dims_c);
	tensor_plain(&mem, &pkt.a, type, 2, dims_a);
	tensor_panels(&mem, &pkt.b, type, 2, dims_b);
	tensor_plain(&mem, &pack.src, type, 2, dims_b);
	pack.dst = pkt.b;
	memory_commit(&mem, false, 3);
	tensor_fill(&mem, &pkt.a, TAME, &rng);
	tensor_fill(&mem, &pack.src, TAME, &rng);
	memory_copy(&expect, &mem);
	good = job_run(&expect, "reference", &pack, &rng, &options) &&
	       job_run(&expect, "reference", &pkt, &rng, &options);
	for (unsigned int i = 0; good && names[i]; i++) {
		unsigned int size = loom_dtype_size(type), group = size == 1 ? 4 : 1;
		uint64_t panel = loom_panel_bytes(type, 6);

		good = job_run(&mem, "reference", &pack, &rng, &options);
		/* columns 35 .. 63 of the second panel, then k 6 and 7 of 8-bit types */
		for (uint64_t at = panel; at < 2 * panel; at++)
			if (at / size / group % 32 >= 3)
				memory_write(&mem, pkt.b.va + at, "\x7f", 1);
		for (uint64_t at = 0; group == 4 && at < 2 * panel; at++)
			if (at % panel / 128 == 1 && at % 4 >= 2)
				memory_write(&mem, pkt.b.va + at, "\x7f", 1);
		good &= job_run(&mem, names[i], &pkt, &rng, &options);
		for (uint64_t at = 0; at < 5ull * 35 * 4; at++) {
			uint8_t x, y;

			memory_read(&mem, pkt.c.va + at, &x, 1);
			memory_read(&expect, pkt.c.va + at, &y, 1);
			good &= x == y;
		}
		if (!good)
			printf("# %s looks at the padding\n", names[i]);
	}
	memory_free(&mem);
	memory_free(&expect);
	return good;
}

static const unsigned int wildness[] = { TAME, SPECIAL, WILD };

static bool small(unsigned int type, unsigned int rounds)
{
	bool good = true;

	for (unsigned int i = 0; i < rounds; i++) {
		struct rng rng = { i * 77 + type };
		unsigned int outs = loom_dtype_is_int8(type) ? 6 : 5;
		struct shape shape = {
			.m = 1 + (uint32_t)rng_below(&rng, 33),
			.n = 1 + (uint32_t)rng_below(&rng, 33),
			.k = 1 + (uint32_t)rng_below(&rng, 33),
			.batch_rank = rng_below(&rng, 3) ? 0 : (unsigned int)rng_below(&rng, 5),
			.wild = wildness[rng_below(&rng, 3)],
		};

		if (rng_below(&rng, 30) == 0)
			*(uint32_t *[]){ &shape.m, &shape.n, &shape.k }[rng_below(&rng, 3)] = 0;
		good &= gemm_case(&shape, type, dtypes[rng_below(&rng, outs)], rng_next(&rng));
	}
	return good;
}

static bool packed(unsigned int type, unsigned int rounds)
{
	static const struct shape shapes[] = {
		{ 1, 700, 300, 0, TAME, false },
		{ 2, 140, 4500, 0, TAME, false },
		{ 15, 300, 100, 0, TAME, false },
		{ 200, 330, 20, 0, TAME, false },
		{ 20, 40, 2061, 1, TAME, false },
		{ 5, 9, 8192, 0, TAME, false },
	};
	bool good = padding_case(type);

	for (unsigned int i = 0; i < rounds; i++) {
		struct rng rng = { i * 91 + type };
		unsigned int outs = loom_dtype_is_int8(type) ? 6 : 5;
		struct shape shape = {
			.m = 1 + (uint32_t)rng_below(&rng, rng_below(&rng, 2) ? 4 : 33),
			.n = 1 + (uint32_t)rng_below(&rng, 200),
			.k = 1 + (uint32_t)rng_below(&rng, 33),
			.batch_rank = rng_below(&rng, 3) ? 0 : (unsigned int)rng_below(&rng, 5),
			.wild = wildness[rng_below(&rng, 3)],
		};

		if (rng_below(&rng, 30) == 0)
			*(uint32_t *[]){ &shape.m, &shape.n, &shape.k }[rng_below(&rng, 3)] = 0;
		good &= packed_case(&shape, type, dtypes[rng_below(&rng, outs)], rng_next(&rng));
	}
	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		good &= packed_case(&shapes[i], type, loom_dtype_is_int8(type) ? LOOM_DTYPE_I32 :
				    LOOM_DTYPE_F32, 2000 + i);
	return good;
}

static bool large(unsigned int type)
{
	static const struct shape shapes[] = {
		{ 490, 530, 12, 0, TAME, false },
		{ 530, 1100, 3, 0, TAME, true },
		{ 3, 5, 8192, 0, TAME, true },
		{ 40, 224, 21, 0, TAME, true },
		{ 2, 256, 300, 0, TAME, true },
		{ 1, 128, 2100, 1, SPECIAL, true },
		{ 3, 1280, 5, 0, SPECIAL, true },
		{ 1, 128, 1, 0, TAME, true },
		{ 3, 256, 1, 0, SPECIAL, true },
		{ 17, 33, 1900, 0, SPECIAL, false },
		{ 1, 700, 800, 0, TAME, false },
		{ 700, 1, 800, 0, TAME, false },
		{ 64, 130, 385, 1, TAME, true },
	};
	unsigned int wide = loom_dtype_is_int8(type) ? LOOM_DTYPE_I32 : LOOM_DTYPE_F32;
	bool good = true;

	/* narrow results may all be saturated: they hide what wide ones show */
	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		good &= gemm_case(&shapes[i], type, i % 2 ? wide : type, 1000 + i);
	return good;
}

/* c of one type, a and b of another, all in rows, and nothing more. */
static void packet_plain(struct loom_pkt_gemm *pkt, struct memory *mem, unsigned int type_c,
			 unsigned int type, uint32_t m, uint32_t n, uint32_t k)
{
	header_init(&pkt->header, LOOM_OP_GEMM, sizeof(*pkt));
	tensor_plain(mem, &pkt->c, type_c, 2, (uint32_t[]){ m, n });
	tensor_plain(mem, &pkt->a, type, 2, (uint32_t[]){ m, k });
	tensor_plain(mem, &pkt->b, type, 2, (uint32_t[]){ k, n });
}

/* Few rows of a product whose b is one row, that counts for each of its @k. */
static bool repeated_rows(unsigned int type, uint32_t m, uint32_t n, uint32_t k)
{
	unsigned int wide = loom_dtype_is_int8(type) ? LOOM_DTYPE_I32 : LOOM_DTYPE_F32;
	struct loom_pkt_gemm pkt;
	struct rng rng = { type };
	struct memory mem;
	const char *bad;

	memory_init(&mem);
	packet_plain(&pkt, &mem, wide, type, m, n, k);
	pkt.b.strides[0] = 0;
	memory_commit(&mem, false, type);
	tensor_fill(&mem, &pkt.a, TAME, &rng);
	tensor_fill(&mem, &pkt.b, TAME, &rng);
	bad = job_compare(&mem, &pkt, &rng);
	if (bad)
		printf("# %s differs: %ux%ux%u type %u, one row of b\n", bad, m, n, k, type);
	memory_free(&mem);
	return !bad;
}

/*
 * a * b is half a unit in the last place of c, less 2^-2i of it: who rounds the
 * sum to binary64 first sees a tie and may go the wrong way.
 */
static void near_tie(unsigned int round, uint32_t *a, uint32_t *b, uint32_t *c)
{
	unsigned int i = 15 + round % 9;
	uint32_t sign = 0x80000000;

	/* (1 + 2^-i) and (1 - 2^-i) */
	*a = (*a & sign) | (127u << 23 | 1u << (23 - i));
	*b = (*b & sign) | ((127u << 23) - (1u << (24 - i)));
	if (round % 2) {	/* c is subnormal: half its unit is 2^-150 */
		*a -= 75u << 23;
		*b -= 75u << 23;
		*c &= 0x807fffff;
	} else {
		*c = (*c & 0x807fffff) | 127u << 23;
		*a -= 24u << 23;
	}
}

/*
 * acc = fma(a, b, c) for any a, b and c: the first step of k multiplies c by 1,
 * the second is the one that is looked at.
 */
static bool fma_bits(unsigned int rounds)
{
	enum { N = 128 };
	bool good = true;

	for (unsigned int i = 0; i < rounds; i++) {
		struct rng rng = { 4711 + i };
		struct loom_pkt_gemm pkt;
		struct memory mem;
		const char *bad;

		memory_init(&mem);
		packet_plain(&pkt, &mem, LOOM_DTYPE_F32, LOOM_DTYPE_F32, N, N, 2);
		memory_commit(&mem, false, i);
		for (unsigned int j = 0; j < N; j++) {
			float one = 1.0f;
			uint32_t c = (uint32_t)rng_next(&rng), a = (uint32_t)rng_next(&rng);
			uint32_t b = (uint32_t)rng_next(&rng);

			/* exponents near each other, so that halfway cases are met */
			if (i % 5 == 4)
				near_tie(i / 5, &a, &b, &c);
			else if (i % 5) {
				a = (a & 0x80000fff) | (uint32_t)(60 + rng_below(&rng, 8)) << 23;
				b = (b & 0x80fff000) | (uint32_t)(60 + rng_below(&rng, 8)) << 23;
				c = (c & 0x807fffff) | (uint32_t)(rng_below(&rng, 32)) << 23;
			}
			if (i % 5 == 2)
				c = (c & 0x80000000) | (uint32_t)rng_below(&rng, 32) << 23;
			if (i % 5 == 3) {
				a += 64u << 23;
				b += 64u << 23;
				c += 96u << 23;
			}
			memory_write(&mem, pkt.a.va + 8 * j, &c, 4);
			memory_write(&mem, pkt.a.va + 8 * j + 4, &a, 4);
			memory_write(&mem, pkt.b.va + 4 * j, &one, 4);
			memory_write(&mem, pkt.b.va + 4 * (N + j), &b, 4);
		}
		bad = job_compare(&mem, &pkt, &rng);
		if (bad)
			printf("# %s differs in round %u\n", bad, i);
		good &= !bad;
		memory_free(&mem);
	}
	return good;
}

/* A product whose tiles share panels, in any way, and calmly with the reference engine. */
static bool shared(const char *name, const struct job_options *options)
{
	static const struct job_options calm = { .threads = 1 };
	uint32_t dims_c[] = { 500, 520 }, dims_a[] = { 500, 60 }, dims_b[] = { 60, 520 };
	struct loom_pkt_gemm pkt;
	struct memory mem, expect;
	struct rng rng = { 99 };
	bool good;

	header_init(&pkt.header, LOOM_OP_GEMM, sizeof(pkt));
	memory_init(&mem);
	tensor_random(&mem, &pkt.c, LOOM_DTYPE_F32, 2, dims_c, true, &rng);
	tensor_random(&mem, &pkt.a, LOOM_DTYPE_F32, 2, dims_a, false, &rng);
	tensor_random(&mem, &pkt.b, LOOM_DTYPE_F32, 2, dims_b, false, &rng);
	memory_commit(&mem, true, 5);
	tensor_fill(&mem, &pkt.a, TAME, &rng);
	tensor_fill(&mem, &pkt.b, TAME, &rng);
	tensor_fill(&mem, &pkt.c, TAME, &rng);
	pkt.epilogue.residual = pkt.c;
	memory_copy(&expect, &mem);
	good = job_run(&expect, "reference", &pkt, &rng, &calm) &&
	       job_run(&mem, name, &pkt, &rng, options) && memory_equal(&mem, &expect);
	memory_free(&mem);
	memory_free(&expect);
	return good;
}

int main(void)
{
	static const struct job_options rough = { .threads = 4, .disturb = true };
	static const struct job_options claim = { .threads = 1, .claim = true };
	const char *const *names = loom_engine_names();

	for (unsigned int i = 0; i < 5; i++) {
		tap_ok(small(dtypes[i], 300), "small shapes, type %u", dtypes[i]);
		tap_ok(large(dtypes[i]), "large shapes, type %u", dtypes[i]);
		tap_ok(packed(dtypes[i], 80), "b in panels, type %u", dtypes[i]);
		tap_ok(repeated_rows(dtypes[i], 1, 128, 40) && repeated_rows(dtypes[i], 3, 384, 9),
		       "one row of b for all of k, type %u", dtypes[i]);
	}
	tap_ok(fma_bits(90), "fused multiply-add to the bit");
	for (unsigned int i = 0; names[i]; i++) {
		tap_ok(shared(names[i], &rough), "%s: threads and stops", names[i]);
		if (!strcmp(names[i], "reference"))
			continue;
		tap_ok(shared(names[i], &claim), "%s: waits for panels, and takes them over",
		       names[i]);
	}
	return tap_done();
}
