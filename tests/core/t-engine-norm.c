// SPDX-License-Identifier: MIT
/* NORM: every engine against the reference, bit for bit, and the reference against examples. */
#include <stdio.h>

#include "job.h"
#include "loom_core.h"
#include "numerics.h"
#include "tap.h"

static const unsigned int floats[] = { LOOM_DTYPE_F32, LOOM_DTYPE_F16, LOOM_DTYPE_BF16 };
static const unsigned int wildness[] = { TAME, SPECIAL, WILD };

static void optional(struct memory *mem, struct loom_tensor *t, const struct loom_tensor *dst,
		     bool there, struct rng *rng)
{
	uint32_t dims[LOOM_RANK_MAX];
	unsigned int rank;

	if (!there)
		return;
	rank = dims_broadcast(dst->dims, dst->rank, 0, dims, rng);
	tensor_random(mem, t, floats[rng_below(rng, 3)], rank, dims, false, rng);
}

static bool run(const uint32_t *dims, unsigned int rank, unsigned int op, uint32_t axes,
		bool plain, uint64_t seed)
{
	struct rng rng = { seed };
	unsigned int type = floats[rng_below(&rng, 3)], wild = wildness[rng_below(&rng, 3)];
	struct loom_pkt_norm pkt;
	struct memory mem;
	const char *bad;

	header_init(&pkt.header, LOOM_OP_NORM, sizeof(pkt));
	memory_init(&mem);
	pkt.op = op;
	pkt.axes = op == LOOM_NORM_GIVEN ? 0 : axes;
	pkt.epsilon = rng_below(&rng, 3) ? 0x3727c5ac : 0;
	(plain ? tensor_plain(&mem, &pkt.dst, type, rank, dims) :
		 tensor_random(&mem, &pkt.dst, type, rank, dims, true, &rng));
	if (rng_below(&rng, 4) == 0)
		pkt.src = pkt.dst;	/* in place */
	else if (plain)
		tensor_plain(&mem, &pkt.src, floats[rng_below(&rng, 3)], rank, dims);
	else
		tensor_random(&mem, &pkt.src, floats[rng_below(&rng, 3)], rank, dims, false, &rng);
	optional(&mem, &pkt.weight, &pkt.dst, rng_below(&rng, 2), &rng);
	optional(&mem, &pkt.bias, &pkt.dst, rng_below(&rng, 2), &rng);
	optional(&mem, &pkt.mean, &pkt.dst, op == LOOM_NORM_GIVEN, &rng);
	optional(&mem, &pkt.variance, &pkt.dst, op == LOOM_NORM_GIVEN, &rng);
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	for (struct loom_tensor *t = &pkt.src; t <= &pkt.variance; t++)
		if (t->dtype)
			tensor_fill(&mem, t, wild, &rng);
	bad = job_compare(&mem, &pkt, &rng);
	if (bad)
		printf("# %s differs: op %u, rank %u, axes %#x, seed %llu\n", bad, op, rank, axes,
		       (unsigned long long)seed);
	memory_free(&mem);
	return !bad;
}

static bool small(unsigned int op)
{
	bool good = true;

	for (unsigned int i = 0; i < 150; i++) {
		struct rng rng = { i * 17 + op };
		uint32_t dims[LOOM_RANK_MAX];
		unsigned int rank = shape_random(dims, &rng);

		good &= run(dims, rank, op, rank ? (uint32_t)rng_below(&rng, 1u << rank) : 0, false,
			    rng_next(&rng));
	}
	return good;
}

/* Groups that are long, neighbours of each other, or more than an arena holds. */
static bool large(unsigned int op)
{
	static const struct {
		uint32_t dims[3], axes;
	} shapes[] = {
		{ { 3, 5, 3000 }, 4 }, { { 2, 700, 150 }, 2 }, { { 70, 30, 300 }, 1 },
		{ { 1, 1, (1 << 20) + 70 }, 4 }, { { 1, 2, 300 }, 6 }, { { 20, 1, 2100 }, 1 },
	};
	bool good = true;

	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		good &= run(shapes[i].dims, 3, op, shapes[i].axes, true, 77 + i);
	return good;
}

/* The reference by hand. */
static bool example(unsigned int op, float epsilon, const float *x, const float *weight,
		    const float *expect, unsigned int n)
{
	static const struct job_options options = { .threads = 1 };
	struct rng rng = { 1 };
	struct loom_pkt_norm pkt;
	struct memory mem;
	float y[8];
	bool good;

	header_init(&pkt.header, LOOM_OP_NORM, sizeof(pkt));
	memory_init(&mem);
	pkt.op = op;
	pkt.axes = op == LOOM_NORM_GIVEN ? 0 : 1;
	pkt.epsilon = loom_f32_bits(epsilon);
	tensor_plain(&mem, &pkt.dst, LOOM_DTYPE_F32, 1, &n);
	tensor_plain(&mem, &pkt.src, LOOM_DTYPE_F32, 1, &n);
	for (struct loom_tensor *t = &pkt.weight; t <= &pkt.variance; t++)
		if (t < &pkt.mean || op == LOOM_NORM_GIVEN)
			tensor_plain(&mem, t, LOOM_DTYPE_F32, 1, &(uint32_t){ 1 });
	memory_commit(&mem, false, 1);
	memory_write(&mem, pkt.src.va, x, n * sizeof(*x));
	for (struct loom_tensor *t = &pkt.weight; t <= &pkt.variance; t++, weight++)
		if (t->dtype)
			memory_write(&mem, t->va, weight, sizeof(*weight));
	good = job_run(&mem, "reference", &pkt, &rng, &options);
	memory_read(&mem, pkt.dst.va, y, n * sizeof(*y));
	for (unsigned int i = 0; i < n; i++) {
		if (y[i] != expect[i])
			printf("# result %u is %g, not %g\n", i, y[i], expect[i]);
		good &= y[i] == expect[i];
	}
	memory_free(&mem);
	return good;
}

static void examples(void)
{
	/* mean 4, variance 4 */
	tap_ok(example(LOOM_NORM_LAYER, 0, (float[]){ 2, 6, 2, 6 }, (float[]){ 3, 1, 0, 0 },
		       (float[]){ -2, 4, -2, 4 }, 4), "a layer");
	tap_ok(example(LOOM_NORM_LAYER, 12, (float[]){ 2, 6, 2, 6 }, (float[]){ 2, 0, 0, 0 },
		       (float[]){ -1, 1, -1, 1 }, 4), "with an epsilon");
	/* mean square 16 */
	tap_ok(example(LOOM_NORM_RMS, 7, (float[]){ -3, 3, 3, 3 }, (float[]){ 4, 0.5f, 0, 0 },
		       (float[]){ -2.5f, 3.5f, 3.5f, 3.5f }, 4), "the mean square");
	tap_ok(example(LOOM_NORM_GIVEN, 1, (float[]){ 1, 7 }, (float[]){ 2, 3, 5, 15 },
		       (float[]){ 1, 4 }, 2), "statistics that are given");
}

static bool threads(const char *name)
{
	static const struct job_options calm = { .threads = 1 };
	static const struct job_options rough = { .threads = 4, .disturb = true,
						  .duty = 1000 };
	/* groups that are one step, groups across, groups of several steps */
	static const struct {
		uint32_t dims[3], axes;
	} shapes[] = { { { 20, 30, 130 }, 4 }, { { 20, 30, 130 }, 2 }, { { 1, 4, 20000 }, 4 } };
	bool good = true;

	for (unsigned int i = 0; i < 9; i++) {
		const uint32_t *dims = shapes[i / 3].dims;
		struct loom_pkt_norm pkt;
		struct memory mem, expect;
		struct rng rng = { 99 + i };

		header_init(&pkt.header, LOOM_OP_NORM, sizeof(pkt));
		memory_init(&mem);
		pkt.op = i % 3;
		pkt.axes = i % 3 == LOOM_NORM_GIVEN ? 0 : shapes[i / 3].axes;
		tensor_plain(&mem, &pkt.dst, LOOM_DTYPE_F32, 3, dims);
		pkt.src = pkt.dst;
		tensor_plain(&mem, &pkt.weight, LOOM_DTYPE_F32, 1, dims + 2);
		if (pkt.op == LOOM_NORM_GIVEN)
			pkt.mean = pkt.variance = pkt.weight;
		memory_commit(&mem, true, 5);
		tensor_fill(&mem, &pkt.src, TAME, &rng);
		tensor_fill(&mem, &pkt.weight, TAME, &rng);
		memory_copy(&expect, &mem);
		good &= job_run(&expect, "reference", &pkt, &rng, &calm) &&
			job_run(&mem, name, &pkt, &rng, &rough) && memory_equal(&mem, &expect);
		memory_free(&mem);
		memory_free(&expect);
	}
	return good;
}

int main(void)
{
	const char *const *names = loom_engine_names();

	examples();
	for (unsigned int op = LOOM_NORM_LAYER; op <= LOOM_NORM_GIVEN; op++)
		tap_ok(small(op) && large(op), "statistics %u", op);
	for (unsigned int i = 0; names[i]; i++)
		tap_ok(threads(names[i]), "%s: threads and stops, in place", names[i]);
	return tap_done();
}
