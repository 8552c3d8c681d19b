// SPDX-License-Identifier: MIT
/* GATHER: every engine against the reference, bit for bit, and the reference against examples. */
#include <stdio.h>

#include "job.h"
#include "loom_core.h"
#include "numerics.h"
#include "tap.h"

static const unsigned int dtypes[] = {
	LOOM_DTYPE_F32, LOOM_DTYPE_F16, LOOM_DTYPE_BF16, LOOM_DTYPE_I8, LOOM_DTYPE_I64,
	LOOM_DTYPE_U16,
};
static const unsigned int wildness[] = { TAME, SPECIAL, WILD };

struct shape {
	uint32_t dims[LOOM_RANK_MAX];	/* of the table */
	unsigned int rank, axis;
	uint32_t count, bag;
	bool plain;
};

static void place(struct memory *mem, struct loom_tensor *t, unsigned int dtype,
		  const struct shape *s, uint32_t rows, bool write, struct rng *rng)
{
	uint32_t dims[LOOM_RANK_MAX];

	memcpy(dims, s->dims, sizeof(dims));
	dims[s->axis] = rows;
	if (s->plain)
		tensor_plain(mem, t, dtype, s->rank, dims);
	else
		tensor_random(mem, t, dtype, s->rank, dims, write, rng);
}

/* Numbers from both ends, some of them twice, some of no row. */
static void indices_fill(struct memory *mem, const struct loom_tensor *t, uint32_t rows,
			 struct rng *rng)
{
	for (uint64_t i = 0; i < t->dims[0]; i++)
		for (uint64_t j = 0; j < (t->rank > 1 ? t->dims[1] : 1); j++) {
			int64_t n = (int64_t)rng_below(rng, 2 * rows + 3ull) - rows - 1;
			uint64_t off = i * t->strides[0] + j * t->strides[1];

			if (rng_below(rng, 30) == 0)
				n = rng_below(rng, 2) ? INT32_MIN : INT32_MAX;
			if (t->dtype == LOOM_DTYPE_I64 && rng_below(rng, 30) == 0)
				n = rng_below(rng, 2) ? INT64_MIN : 1ll << 32;
			memory_write(mem, t->va + off * loom_dtype_size(t->dtype), &n,
				     loom_dtype_size(t->dtype));
		}
}

static void packet(struct loom_pkt_gather *pkt, struct memory *mem, const struct shape *s,
		   unsigned int op, unsigned int dst, unsigned int src, struct rng *rng)
{
	uint32_t dims[] = { s->count, s->bag };
	bool put = op == LOOM_GATHER_PUT;

	header_init(&pkt->header, LOOM_OP_GATHER, sizeof(*pkt));
	pkt->op = op;
	pkt->axis = s->axis;
	place(mem, &pkt->dst, dst, s, put ? s->dims[s->axis] : s->count, true, rng);
	place(mem, &pkt->src, src, s, put ? s->count : s->dims[s->axis], false, rng);
	/* an index that is repeated by a stride of zero would be written over: a written tensor */
	tensor_random(mem, &pkt->indices, rng_below(rng, 2) ? LOOM_DTYPE_I32 : LOOM_DTYPE_I64,
		      op == LOOM_GATHER_SUM ? 2 : 1, dims, true, rng);
}

static bool gather_case(const struct shape *s, unsigned int op, unsigned int dst, unsigned int src,
			uint64_t seed)
{
	struct rng rng = { seed };
	struct loom_pkt_gather pkt;
	struct memory mem;
	const char *bad;

	memory_init(&mem);
	packet(&pkt, &mem, s, op, dst, src, &rng);
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	tensor_fill(&mem, &pkt.src, wildness[rng_below(&rng, 3)], &rng);
	if (op == LOOM_GATHER_PUT)
		tensor_fill(&mem, &pkt.dst, TAME, &rng);
	indices_fill(&mem, &pkt.indices, s->dims[s->axis], &rng);
	bad = job_compare(&mem, &pkt, &rng);
	if (bad)
		printf("# %s differs: op %u, rank %u, axis %u, %u of %u rows, bags of %u, seed %llu\n",
		       bad, op, s->rank, s->axis, s->count, s->dims[s->axis], s->bag,
		       (unsigned long long)seed);
	memory_free(&mem);
	return !bad;
}

static bool many(unsigned int op)
{
	static const struct shape big[] = {
		{ { 50, 700 }, 2, 0, 90, 40, true }, { { 3, 40, 2000 }, 3, 1, 20, 3, true },
		{ { 2000, 3 }, 2, 0, 3000, 5, true }, { { 7, 900 }, 2, 1, 600, 9, true },
		{ { 3, 17000 }, 2, 0, 4, 70, true },
	};
	bool good = true;

	for (unsigned int i = 0; i < 200; i++) {
		struct rng rng = { i * 37 + op };
		struct shape s = { .plain = rng_below(&rng, 2) };
		unsigned int kinds = op == LOOM_GATHER_SUM ? 3 : 6;
		unsigned int src = dtypes[rng_below(&rng, kinds)];

		do
			s.rank = shape_random(s.dims, &rng);
		while (!s.rank);
		s.axis = (unsigned int)rng_below(&rng, s.rank);
		s.count = (uint32_t)rng_below(&rng, 9);
		s.bag = (uint32_t)rng_below(&rng, rng_below(&rng, 2) ? 4 : 40);
		good &= gather_case(&s, op, op == LOOM_GATHER_SUM ? dtypes[rng_below(&rng, 3)] : src,
				    src, rng_next(&rng));
	}
	for (unsigned int i = 0; i < sizeof(big) / sizeof(big[0]); i++)
		good &= gather_case(&big[i], op, LOOM_DTYPE_F32, LOOM_DTYPE_F32, 300 + i);
	return good;
}

/* The reference by hand: a table of four rows of one. */
static bool example(unsigned int op, const int32_t *indices, uint32_t count, uint32_t bag,
		    const float *src, const float *before, const float *expect)
{
	static const struct job_options options = { .threads = 1 };
	struct shape s = { { 4 }, 1, 0, count, bag, true };
	uint32_t results = op == LOOM_GATHER_PUT ? 4 : count;
	struct rng rng = { 1 };
	struct loom_pkt_gather pkt;
	struct memory mem;
	float y[8];
	bool good;

	memory_init(&mem);
	packet(&pkt, &mem, &s, op, LOOM_DTYPE_F32, LOOM_DTYPE_F32, &rng);
	tensor_plain(&mem, &pkt.indices, LOOM_DTYPE_I32, op == LOOM_GATHER_SUM ? 2 : 1,
		     (uint32_t[]){ count, bag });
	memory_commit(&mem, false, 1);
	memory_write(&mem, pkt.src.va, src, pkt.src.dims[0] * sizeof(*src));
	if (before)
		memory_write(&mem, pkt.dst.va, before, 4 * sizeof(*before));
	memory_write(&mem, pkt.indices.va, indices, count * (bag ? bag : 1) * sizeof(*indices));
	good = job_run(&mem, "reference", &pkt, &rng, &options);
	memory_read(&mem, pkt.dst.va, y, results * sizeof(*y));
	for (unsigned int i = 0; i < results; i++) {
		if (y[i] != expect[i])
			printf("# result %u is %g, not %g\n", i, y[i], expect[i]);
		good &= y[i] == expect[i];
	}
	memory_free(&mem);
	return good;
}

static void examples(void)
{
	static const float table[] = { 1, 2, 4, 8 };

	tap_ok(example(LOOM_GATHER_TAKE, (int32_t[]){ 2, 2, -1, -4, 4, -5 }, 6, 0, table, NULL,
		       (float[]){ 4, 4, 8, 1, 0, 0 }), "rows, from the end, and none");
	tap_ok(example(LOOM_GATHER_SUM, (int32_t[]){ 0, 1, 2, 3, 3, 9, -9, -9, -9 }, 3, 3, table,
		       NULL, (float[]){ 7, 16, 0 }), "bags");
	tap_ok(example(LOOM_GATHER_PUT, (int32_t[]){ 1, -1, 1, 4 }, 4, 0,
		       (float[]){ 10, 20, 30, 40 }, table, (float[]){ 1, 30, 4, 20 }),
	       "rows are put, the later one stays");
}

static bool threads(const char *name)
{
	static const struct job_options calm = { .threads = 1 };
	static const struct job_options rough = { .threads = 4, .disturb = true, .duty = 1000 };
	static const struct shape s = { { 4, 90, 700 }, 3, 1, 70, 20, true };
	bool good = true;

	for (unsigned int op = LOOM_GATHER_TAKE; op <= LOOM_GATHER_PUT; op++) {
		struct loom_pkt_gather pkt;
		struct memory mem, expect;
		struct rng rng = { 99 };

		memory_init(&mem);
		packet(&pkt, &mem, &s, op, LOOM_DTYPE_F32, LOOM_DTYPE_F32, &rng);
		memory_commit(&mem, true, 5);
		tensor_fill(&mem, &pkt.src, TAME, &rng);
		indices_fill(&mem, &pkt.indices, 90, &rng);
		memory_copy(&expect, &mem);
		good &= job_run(&expect, "reference", &pkt, &rng, &calm) &&
			job_run(&mem, name, &pkt, &rng, &rough) && memory_equal(&mem, &expect);
		memory_free(&mem);
		memory_free(&expect);
	}
	return good;
}

/* A row of any length is left when the tile is to stop. */
static bool stops(const char *name, unsigned int op)
{
	static const struct shape s = { { 2, 40000 }, 2, 0, 1, 2, true };
	static const uint32_t zero[2];
	struct loom_pkt_gather pkt;
	struct rng rng = { 1 };
	struct memory mem;
	bool good;

	memory_init(&mem);
	packet(&pkt, &mem, &s, op, LOOM_DTYPE_F32, LOOM_DTYPE_F32, &rng);
	tensor_plain(&mem, &pkt.indices, LOOM_DTYPE_I32, op == LOOM_GATHER_SUM ? 2 : 1,
		     (uint32_t[]){ 1, 2 });
	memory_commit(&mem, true, 1);
	tensor_fill(&mem, &pkt.src, TAME, &rng);
	memory_write(&mem, pkt.indices.va, zero, sizeof(zero));
	good = job_stops(&mem, name, &pkt, pkt.dst.va + 64);
	memory_free(&mem);
	return good;
}

int main(void)
{
	const char *const *names = loom_engine_names();

	examples();
	for (unsigned int op = LOOM_GATHER_TAKE; op <= LOOM_GATHER_PUT; op++)
		tap_ok(many(op), "function %u", op);
	for (unsigned int i = 0; names[i]; i++) {
		tap_ok(threads(names[i]), "%s: threads and stops", names[i]);
		/* its tiles are short */
		if (!strcmp(names[i], "reference"))
			continue;
		tap_ok(stops(names[i], LOOM_GATHER_TAKE) && stops(names[i], LOOM_GATHER_SUM),
		       "%s: stops within a row", names[i]);
	}
	return tap_done();
}
