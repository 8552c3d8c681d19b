// SPDX-License-Identifier: MIT
/* RESIZE and ARG: every engine against the reference, bit for bit, and the reference against examples. */
#include <math.h>
#include <stdio.h>

#include "job.h"
#include "loom_core.h"
#include "numerics.h"
#include "tap.h"

static const unsigned int floats[] = { LOOM_DTYPE_F32, LOOM_DTYPE_F16, LOOM_DTYPE_BF16 };
static const unsigned int moved[] = {
	LOOM_DTYPE_F32, LOOM_DTYPE_F16, LOOM_DTYPE_I8, LOOM_DTYPE_I64, LOOM_DTYPE_U16,
};
static const unsigned int compared[] = {
	LOOM_DTYPE_F32, LOOM_DTYPE_F16, LOOM_DTYPE_BF16, LOOM_DTYPE_I8, LOOM_DTYPE_U8,
	LOOM_DTYPE_I32,
};
static const unsigned int wildness[] = { TAME, SPECIAL, WILD };

struct shape {
	uint32_t dims[LOOM_RANK_MAX];	/* of src */
	unsigned int rank, axis;
	uint32_t length, taps;		/* taps of 0 with moved: nothing is added up */
	bool moved, plain;
};

static void place(struct memory *mem, struct loom_tensor *t, unsigned int dtype,
		  const struct shape *s, uint32_t length, bool write, struct rng *rng)
{
	uint32_t dims[LOOM_RANK_MAX];

	memcpy(dims, s->dims, sizeof(dims));
	dims[s->axis] = length;
	if (s->plain)
		tensor_plain(mem, t, dtype, s->rank, dims);
	else
		tensor_random(mem, t, dtype, s->rank, dims, write, rng);
}

/* Places in the axis, and some beside it. */
static void places_fill(struct memory *mem, const struct loom_tensor *t, uint32_t length,
			struct rng *rng)
{
	for (uint64_t i = 0; i < t->dims[0]; i++)
		for (uint64_t j = 0; j < t->dims[1]; j++) {
			int64_t n = (int64_t)rng_below(rng, length + 2ull) - 1;
			uint64_t off = i * t->strides[0] + j * t->strides[1];

			if (rng_below(rng, 30) == 0)
				n = rng_below(rng, 2) ? INT32_MIN : INT32_MAX;
			memory_write(mem, t->va + off * 4, &n, 4);
		}
}

static void resize_packet(struct loom_pkt_resize *pkt, struct memory *mem, const struct shape *s,
			  unsigned int dst, unsigned int src, struct rng *rng)
{
	uint32_t dims[] = { s->length, s->moved ? 1 : s->taps };

	header_init(&pkt->header, LOOM_OP_RESIZE, sizeof(*pkt));
	pkt->axis = s->axis;
	pkt->value = s->moved && loom_dtype_size(src) < 2 ? 0x7f : s->moved ? 0x7fc1 : 0x40490fdb;
	place(mem, &pkt->dst, dst, s, s->length, true, rng);
	place(mem, &pkt->src, src, s, s->dims[s->axis], false, rng);
	/* what is filled here is not to be written over: a written tensor */
	tensor_random(mem, &pkt->places, LOOM_DTYPE_I32, 2, dims, true, rng);
	if (!s->moved)
		tensor_random(mem, &pkt->weights, LOOM_DTYPE_F32, 2, dims, false, rng);
}

static bool resize_case(const struct shape *s, unsigned int dst, unsigned int src, uint64_t seed)
{
	struct loom_pkt_resize pkt = { 0 };
	struct rng rng = { seed };
	struct memory mem;
	const char *bad;

	memory_init(&mem);
	resize_packet(&pkt, &mem, s, dst, src, &rng);
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	tensor_fill(&mem, &pkt.src, wildness[rng_below(&rng, 3)], &rng);
	if (!s->moved)
		tensor_fill(&mem, &pkt.weights, wildness[rng_below(&rng, 3)], &rng);
	places_fill(&mem, &pkt.places, s->dims[s->axis], &rng);
	bad = job_compare(&mem, &pkt, &rng);
	if (bad)
		printf("# %s differs: rank %u, axis %u, from %u to %u, taps %u, seed %llu\n", bad,
		       s->rank, s->axis, s->dims[s->axis], s->length, s->taps,
		       (unsigned long long)seed);
	memory_free(&mem);
	return !bad;
}

static bool resizes(bool move)
{
	static const struct shape big[] = {
		{ { 3, 5000 }, 2, 1, 1200, 4, false, true }, { { 70, 900 }, 2, 0, 33, 3, false, true },
		{ { 2, 30, 40, 1 }, 4, 2, 700, 2, false, true }, { { 9, 2048 }, 2, 1, 513, 1, false, true },
		{ { 40, 3, 7 }, 3, 0, 64, 90, false, true },
	};
	bool good = true;

	for (unsigned int i = 0; i < 300; i++) {
		struct rng rng = { i * 41 + move };
		struct shape s = { .plain = rng_below(&rng, 2), .moved = move };
		unsigned int src = move ? moved[rng_below(&rng, 5)] : floats[rng_below(&rng, 3)];

		do
			s.rank = shape_random(s.dims, &rng);
		while (!s.rank);
		s.axis = (unsigned int)rng_below(&rng, s.rank);
		s.length = (uint32_t)rng_below(&rng, 12);
		s.taps = (uint32_t)rng_below(&rng, rng_below(&rng, 2) ? 5 : 40);
		good &= resize_case(&s, move ? src : floats[rng_below(&rng, 3)], src, rng_next(&rng));
	}
	for (unsigned int i = 0; i < sizeof(big) / sizeof(big[0]); i++) {
		struct shape s = big[i];

		s.moved = move;
		good &= resize_case(&s, LOOM_DTYPE_F32, LOOM_DTYPE_F32, 500 + i);
	}
	return good;
}

static void arg_packet(struct loom_pkt_arg *pkt, struct memory *mem, const struct shape *s,
		       unsigned int op, unsigned int dst, unsigned int src, bool last, struct rng *rng)
{
	header_init(&pkt->header, LOOM_OP_ARG, sizeof(*pkt));
	pkt->op = op;
	pkt->axis = s->axis;
	pkt->flags = last ? LOOM_ARG_LAST : 0;
	place(mem, &pkt->dst, dst, s, 1, true, rng);
	place(mem, &pkt->src, src, s, s->dims[s->axis], false, rng);
}

static bool arg_case(const struct shape *s, unsigned int op, unsigned int src, uint64_t seed)
{
	struct loom_pkt_arg pkt = { 0 };
	struct rng rng = { seed };
	struct memory mem;
	const char *bad;

	memory_init(&mem);
	arg_packet(&pkt, &mem, s, op, rng_below(&rng, 2) ? LOOM_DTYPE_I32 : LOOM_DTYPE_I64, src,
		   rng_below(&rng, 2), &rng);
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	tensor_fill(&mem, &pkt.src, wildness[rng_below(&rng, 3)], &rng);
	bad = job_compare(&mem, &pkt, &rng);
	if (bad)
		printf("# %s differs: op %u, type %u, rank %u, axis %u of %u, seed %llu\n", bad, op, src,
		       s->rank, s->axis, s->dims[s->axis], (unsigned long long)seed);
	memory_free(&mem);
	return !bad;
}

static bool args(unsigned int op)
{
	static const struct shape big[] = {
		{ { 3, 5000 }, 2, 1, .plain = true }, { { 700, 900 }, 2, 0, .plain = true },
		{ { 2, 30, 700 }, 3, 1, .plain = true }, { { 9000 }, 1, 0, .plain = true },
	};
	bool good = true;

	for (unsigned int i = 0; i < 300; i++) {
		struct rng rng = { i * 43 + op };
		struct shape s = { .plain = rng_below(&rng, 2) };

		do
			s.rank = shape_random(s.dims, &rng);
		while (!s.rank);
		s.axis = (unsigned int)rng_below(&rng, s.rank);
		if (!s.dims[s.axis])
			s.dims[s.axis] = 1;
		good &= arg_case(&s, op, compared[i % 6], rng_next(&rng));
	}
	for (unsigned int i = 0; i < 6 * sizeof(big) / sizeof(big[0]); i++)
		good &= arg_case(&big[i / 6], op, compared[i % 6], 700 + i);
	return good;
}

/* The reference by hand. */
static void resize_example(void)
{
	static const struct job_options options = { .threads = 1 };
	static const float src[4] = { 1, 2, 4, 8 }, w[6] = { 1, 0, 0.5f, 0.5f, 0.25f, 0.75f };
	static const int32_t places[6] = { 0, 1, 1, 2, 3, -1 };
	struct shape s = { { 4 }, 1, 0, 3, 2, false, true };
	struct loom_pkt_resize pkt = { 0 };
	struct rng rng = { 1 };
	struct memory mem;
	float y[3];

	memory_init(&mem);
	resize_packet(&pkt, &mem, &s, LOOM_DTYPE_F32, LOOM_DTYPE_F32, &rng);
	tensor_plain(&mem, &pkt.places, LOOM_DTYPE_I32, 2, (uint32_t[]){ 3, 2 });
	tensor_plain(&mem, &pkt.weights, LOOM_DTYPE_F32, 2, (uint32_t[]){ 3, 2 });
	pkt.value = 0x41200000;	/* 10 */
	memory_commit(&mem, false, 1);
	memory_write(&mem, pkt.src.va, src, sizeof(src));
	memory_write(&mem, pkt.places.va, places, sizeof(places));
	memory_write(&mem, pkt.weights.va, w, sizeof(w));
	job_run(&mem, "reference", &pkt, &rng, &options);
	memory_read(&mem, pkt.dst.va, y, sizeof(y));
	tap_ok(y[0] == 1 && y[1] == 3 && y[2] == 9.5f, "between elements, and beside them: %g %g %g",
	       (double)y[0], (double)y[1], (double)y[2]);
	memory_free(&mem);
}

static int64_t arg_example(const float *x, uint32_t n, unsigned int op, bool last)
{
	static const struct job_options options = { .threads = 1 };
	struct shape s = { { n }, 1, 0, .plain = true };
	struct loom_pkt_arg pkt = { 0 };
	struct rng rng = { 1 };
	struct memory mem;
	int64_t y = -1;

	memory_init(&mem);
	arg_packet(&pkt, &mem, &s, op, LOOM_DTYPE_I64, LOOM_DTYPE_F32, last, &rng);
	memory_commit(&mem, false, 1);
	memory_write(&mem, pkt.src.va, x, n * sizeof(*x));
	job_run(&mem, "reference", &pkt, &rng, &options);
	memory_read(&mem, pkt.dst.va, &y, sizeof(y));
	memory_free(&mem);
	return y;
}

static void arg_examples(void)
{
	static const float x[] = { 0, -0.0f, 3, -5, 3, -5, -0.0f }, with[] = { 1, NAN, 9, NAN, -9 };
	static const float zeros[] = { -0.0f, 0, -0.0f };

	tap_ok(arg_example(x, 7, LOOM_ARG_MAX, false) == 2 && arg_example(x, 7, LOOM_ARG_MAX, true) == 4,
	       "the first or the last largest");
	tap_ok(arg_example(x, 7, LOOM_ARG_MIN, false) == 3 && arg_example(x, 7, LOOM_ARG_MIN, true) == 5,
	       "the first or the last smallest");
	tap_ok(arg_example(with, 5, LOOM_ARG_MAX, false) == 1 &&
	       arg_example(with, 5, LOOM_ARG_MIN, false) == 1 &&
	       arg_example(with, 5, LOOM_ARG_MIN, true) == 3, "NaN is both");
	tap_ok(!arg_example(zeros, 3, LOOM_ARG_MAX, false) && !arg_example(zeros, 3, LOOM_ARG_MIN, false) &&
	       arg_example(zeros, 3, LOOM_ARG_MIN, true) == 2, "zeros are equal");
}

static bool threads(const char *name)
{
	static const struct job_options calm = { .threads = 1 };
	static const struct job_options rough = { .threads = 4, .disturb = true, .duty = 1000 };
	static const struct shape shapes[] = {
		{ { 4, 90, 700 }, 3, 1, 140, 4, false, true }, { { 40, 700 }, 2, 1, 900, 4, false, true },
	};
	bool good = true;

	for (unsigned int i = 0; i < 4; i++) {
		struct loom_pkt_resize pkt = { 0 };
		struct loom_pkt_arg arg = { 0 };
		void *packet = i & 1 ? (void *)&arg : (void *)&pkt;
		struct memory mem, expect;
		struct rng rng = { 99 };

		memory_init(&mem);
		if (i & 1)
			arg_packet(&arg, &mem, &shapes[i / 2], LOOM_ARG_MAX, LOOM_DTYPE_I64,
				   LOOM_DTYPE_F32, false, &rng);
		else
			resize_packet(&pkt, &mem, &shapes[i / 2], LOOM_DTYPE_F32, LOOM_DTYPE_F32, &rng);
		memory_commit(&mem, true, 5);
		tensor_fill(&mem, i & 1 ? &arg.src : &pkt.src, TAME, &rng);
		if (!(i & 1)) {
			tensor_fill(&mem, &pkt.weights, TAME, &rng);
			places_fill(&mem, &pkt.places, pkt.src.dims[pkt.axis], &rng);
		}
		memory_copy(&expect, &mem);
		good &= job_run(&expect, "reference", packet, &rng, &calm) &&
			job_run(&mem, name, packet, &rng, &rough) && memory_equal(&mem, &expect);
		memory_free(&mem);
		memory_free(&expect);
	}
	return good;
}

/* What lies behind one element of the axis is left when the tile is to stop. */
static bool stops(const char *name, bool move)
{
	struct shape s = { { 2, 40000 }, 2, 0, 1, 2, move, true };
	struct loom_pkt_resize pkt = { 0 };
	static const uint32_t zero[2];
	struct rng rng = { 1 };
	struct memory mem;
	bool good;

	memory_init(&mem);
	resize_packet(&pkt, &mem, &s, LOOM_DTYPE_F32, LOOM_DTYPE_F32, &rng);
	tensor_plain(&mem, &pkt.places, LOOM_DTYPE_I32, 2, (uint32_t[]){ 1, move ? 1 : 2 });
	memory_commit(&mem, true, 1);
	tensor_fill(&mem, &pkt.src, TAME, &rng);
	if (!move)
		tensor_fill(&mem, &pkt.weights, TAME, &rng);
	memory_write(&mem, pkt.places.va, zero, move ? 4 : 8);
	good = job_stops(&mem, name, &pkt, pkt.dst.va + 64);
	memory_free(&mem);
	return good;
}

int main(void)
{
	const char *const *names = loom_engine_names();

	resize_example();
	arg_examples();
	tap_ok(resizes(false), "resize: sums");
	tap_ok(resizes(true), "resize: elements that are moved");
	tap_ok(args(LOOM_ARG_MIN), "arg: smallest");
	tap_ok(args(LOOM_ARG_MAX), "arg: largest");
	for (unsigned int i = 0; names[i]; i++) {
		tap_ok(threads(names[i]), "%s: threads and stops", names[i]);
		/* its tiles are short */
		if (!strcmp(names[i], "reference"))
			continue;
		tap_ok(stops(names[i], true) && stops(names[i], false), "%s: stops within a row",
		       names[i]);
	}
	return tap_done();
}
