// SPDX-License-Identifier: MIT
/* POOL: every engine against the reference, bit for bit, and the reference against examples. */
#include <stdio.h>

#include "job.h"
#include "loom_core.h"
#include "numerics.h"
#include "tap.h"

static const unsigned int floats[] = { LOOM_DTYPE_F32, LOOM_DTYPE_F16, LOOM_DTYPE_BF16 };
static const unsigned int integers[] = { LOOM_DTYPE_I32, LOOM_DTYPE_I8, LOOM_DTYPE_U8 };
static const unsigned int wildness[] = { TAME, SPECIAL, WILD };

struct shape {
	uint32_t n, c;
	unsigned int axes;
	uint32_t in[3], out[3], taps[3], after[3];
	struct loom_window window;
	bool channels_last, any;
};

static void channels_last(struct loom_tensor *t)
{
	uint64_t stride = t->dims[1] ? t->dims[1] : 1;

	t->strides[1] = 1;
	for (unsigned int i = t->rank; i-- > 2; stride *= t->dims[i] ? t->dims[i] : 1)
		t->strides[i] = stride;
	t->strides[0] = stride;
}

static void place(struct memory *mem, struct loom_tensor *t, unsigned int dtype,
		  const struct shape *s, const uint32_t *spatial, bool write, struct rng *rng)
{
	uint32_t dims[LOOM_RANK_MAX] = { s->n, s->c };

	memcpy(dims + 2, spatial, sizeof(s->in));
	if (s->any)
		tensor_random(mem, t, dtype, 2 + s->axes, dims, write, rng);
	else
		tensor_plain(mem, t, dtype, 2 + s->axes, dims);
	if (!s->any && s->channels_last)
		channels_last(t);
}

static void packet(struct loom_pkt_pool *pkt, struct memory *mem, const struct shape *s,
		   unsigned int op, unsigned int dst, unsigned int src, bool indices,
		   struct rng *rng)
{
	header_init(&pkt->header, LOOM_OP_POOL, sizeof(*pkt));
	pkt->op = op;
	memcpy(pkt->taps, s->taps, sizeof(s->taps));
	pkt->window = s->window;
	place(mem, &pkt->y, dst, s, s->out, true, rng);
	place(mem, &pkt->x, src, s, s->in, false, rng);
	if (indices)
		place(mem, &pkt->indices, LOOM_DTYPE_I64, s, s->out, true, rng);
	if (op == LOOM_POOL_AVERAGE && rng_below(rng, 2)) {
		pkt->flags = LOOM_POOL_COUNT_HOLES;
		memcpy(pkt->after, s->after, sizeof(s->after));
	}
}

/* Few different values: many are the largest, and zeros of both signs meet. */
static void fill_few(struct memory *mem, const struct loom_tensor *t, struct rng *rng)
{
	static const uint32_t values[] = {
		0x80000000, 0, 0xbf800000, LOOM_NAN_F32, 0xff800000, 0xff812345, 0x80000000, 0,
	};
	uint32_t idx[LOOM_RANK_MAX] = { 0 };
	uint64_t n = 1;

	for (unsigned int i = 0; i < t->rank; i++)
		n *= t->dims[i];
	for (; n; n--) {
		uint64_t off = 0;

		for (unsigned int i = 0; i < t->rank; i++)
			off += idx[i] * t->strides[i];
		memory_write(mem, t->va + 4 * off, &values[rng_below(rng, 8)], 4);
		for (unsigned int i = t->rank; i-- > 0; idx[i] = 0)
			if (++idx[i] < t->dims[i])
				break;
	}
}

static bool pool_case(const struct shape *s, unsigned int op, unsigned int dst, unsigned int src,
		      uint64_t seed)
{
	struct rng rng = { seed };
	bool indices = op == LOOM_POOL_MAX && rng_below(&rng, 2);
	struct loom_pkt_pool pkt;
	struct memory mem;
	const char *bad;

	memory_init(&mem);
	packet(&pkt, &mem, s, op, dst, src, indices, &rng);
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	tensor_fill(&mem, &pkt.x, wildness[rng_below(&rng, 3)], &rng);
	if (src == LOOM_DTYPE_F32 && rng_below(&rng, 2))
		fill_few(&mem, &pkt.x, &rng);
	bad = job_compare(&mem, &pkt, &rng);
	if (bad)
		printf("# %s differs: op %u, %u axes, %u x %u x %u taps, type %u to %u, seed %llu\n",
		       bad, op, s->axes, s->taps[0], s->taps[1], s->taps[2], src, dst,
		       (unsigned long long)seed);
	memory_free(&mem);
	return !bad;
}

static void any_shape(struct shape *s, struct rng *rng)
{
	memset(s, 0, sizeof(*s));
	s->n = 1 + (uint32_t)rng_below(rng, 3);
	s->c = 1 + (uint32_t)rng_below(rng, rng_below(rng, 4) ? 5 : 300);
	s->axes = 1 + (unsigned int)rng_below(rng, 3);
	s->any = rng_below(rng, 2);
	s->channels_last = rng_below(rng, 2);
	for (unsigned int i = 0; i < s->axes; i++) {
		bool plain = rng_below(rng, 4) == 0;

		s->in[i] = 1 + (uint32_t)rng_below(rng, s->axes == 3 ? 5 : 9);
		s->taps[i] = plain ? 1 : 1 + (uint32_t)rng_below(rng, s->axes == 3 ? 4 : 6);
		s->out[i] = plain ? s->in[i] :
			    1 + (uint32_t)rng_below(rng, s->axes == 1 && s->c < 9 ? 300 : 7);
		s->window.stride[i] = plain ? 1 : 1 + (uint32_t)rng_below(rng, 3);
		s->window.dilation[i] = 1 + (uint32_t)rng_below(rng, 3);
		s->window.spacing[i] = 1;
		s->window.before[i] = plain ? 0 : (uint32_t)rng_below(rng, 9) - 3u;
		s->after[i] = (uint32_t)rng_below(rng, 5);
	}
	if (rng_below(rng, 20) == 0)
		*(uint32_t *[]){ &s->n, &s->c, &s->in[0], &s->out[0] }[rng_below(rng, 4)] = 0;
}

static bool many(unsigned int op, bool integer, unsigned int rounds)
{
	bool good = true;

	for (unsigned int i = 0; i < rounds; i++) {
		struct rng rng = { i * 131 + op };
		unsigned int src = integer ? integers[i % 3] : floats[rng_below(&rng, 3)];
		struct shape s;

		any_shape(&s, &rng);
		good &= pool_case(&s, op, integer ? src : floats[rng_below(&rng, 3)], src,
				  rng_next(&rng));
	}
	return good;
}

/* Taps so far apart, and so many lines of them, that not all rows of a plane have room at once. */
static bool spread(unsigned int op)
{
	static const struct shape shape = {
		1, 1, 2, { 40, 1100 }, { 16, 64 }, { 32, 2 }, { 0 },
		{ .stride = { 1, 16 }, .dilation = { 1, 1024 }, .spacing = { 1, 1 }, .before = { 3, 9 } },
		false, false,
	};

	return pool_case(&shape, op, LOOM_DTYPE_F32, LOOM_DTYPE_F32, 6) &&
	       pool_case(&shape, op, LOOM_DTYPE_F32, LOOM_DTYPE_F32, 7);
}

/* The reference by hand: results as binary32, indices if they are there. */
static bool example(const struct shape *s, unsigned int op, uint32_t flags, const float *x,
		    const float *expect, const int64_t *indices, unsigned int n)
{
	static const struct job_options options = { .threads = 1 };
	struct rng rng = { 1 };
	struct loom_pkt_pool pkt;
	struct memory mem;
	uint64_t elements = 1;
	bool good;

	memory_init(&mem);
	packet(&pkt, &mem, s, op, LOOM_DTYPE_F32, LOOM_DTYPE_F32, indices, &rng);
	pkt.flags = flags;
	memset(pkt.after, 0, sizeof(pkt.after));
	if (flags)
		memcpy(pkt.after, s->after, sizeof(s->after));
	for (unsigned int i = 0; i < pkt.x.rank; i++)
		elements *= pkt.x.dims[i];
	memory_commit(&mem, false, 1);
	memory_write(&mem, pkt.x.va, x, elements * sizeof(*x));
	good = job_run(&mem, "reference", &pkt, &rng, &options);
	for (unsigned int i = 0; i < n; i++) {
		int64_t index = 0;
		float y;

		memory_read(&mem, pkt.y.va + i * sizeof(y), &y, sizeof(y));
		if (indices)
			memory_read(&mem, pkt.indices.va + i * sizeof(index), &index, sizeof(index));
		if (loom_f32_bits(y) != loom_f32_bits(expect[i]) ||
		    (indices && index != indices[i])) {
			printf("# result %u is %g at %lld, not %g\n", i, y, (long long)index,
			       expect[i]);
			good = false;
		}
	}
	memory_free(&mem);
	return good;
}

#define WINDOW(s, b)	{ .stride = { s }, .dilation = { 1 }, .spacing = { 1 }, .before = { b } }

static void examples(void)
{
	static const struct shape three = { 1, 1, 1, { 5 }, { 3 }, { 3 }, { 1 }, WINDOW(2, 1),
					    false, false };
	static const struct shape two = { 1, 2, 1, { 2 }, { 2 }, { 2 }, { 0 }, WINDOW(1, 0),
					  false, false };
	static const struct shape out = { 1, 1, 1, { 2 }, { 2 }, { 1 }, { 0 }, WINDOW(1, 1),
					  false, false };
	static const float x[] = { 1, 2, 4, 8, 16 };
	float nan = loom_f32_of(LOOM_NAN_F32);

	tap_ok(example(&three, LOOM_POOL_AVERAGE, 0, x,
		       (float[]){ 3.0f / 2, 14.0f / 3, 24.0f / 2 }, NULL, 3), "the average");
	tap_ok(example(&three, LOOM_POOL_AVERAGE, LOOM_POOL_COUNT_HOLES, x,
		       (float[]){ 3.0f / 3, 14.0f / 3, 24.0f / 3 }, NULL, 3),
	       "the average with holes, at the end as far as told");
	tap_ok(example(&two, LOOM_POOL_AVERAGE, LOOM_POOL_COUNT_HOLES, x,
		       (float[]){ 1.5f, 2.0f, 6.0f, 8.0f }, NULL, 4), "and not beyond");
	tap_ok(example(&three, LOOM_POOL_L1, 0, (float[]){ -1, 2, -4, 8, 16 },
		       (float[]){ 3, 14, 24 }, NULL, 3), "the sum of magnitudes");
	tap_ok(example(&three, LOOM_POOL_L2, 0, (float[]){ 3, -4, 0, 0, 2 },
		       (float[]){ 5, 4, 2 }, NULL, 3), "the root of the sum of squares");
	tap_ok(example(&three, LOOM_POOL_MAX, 0, (float[]){ -3, -3, -4, -0.0f, 0.0f },
		       (float[]){ -3, -0.0f, 0.0f }, (int64_t[]){ 0, 3, 4 }, 3),
	       "the largest, and the first such");
	tap_ok(example(&two, LOOM_POOL_MAX, 0, (float[]){ nan, nan, 7, nan },
		       (float[]){ nan, nan, nan, nan }, (int64_t[]){ 0, 1, 3, 3 }, 4),
	       "NaN is larger than all");
	tap_ok(example(&out, LOOM_POOL_MAX, 0, x, (float[]){ -INFINITY, 1 },
		       (int64_t[]){ -1, 0 }, 2), "a window of holes");
	tap_ok(example(&out, LOOM_POOL_AVERAGE, 0, x, (float[]){ nan, 1 }, NULL, 2),
	       "the average of nothing");
}

static bool threads(const char *name, bool channels_last)
{
	static const struct job_options calm = { .threads = 1 };
	static const struct job_options rough = { .threads = 4, .disturb = true };
	struct shape s = {
		2, 40, 2, { 25, 26 }, { 13, 13 }, { 3, 3 }, { 0 },
		{ .stride = { 2, 2 }, .dilation = { 1, 1 }, .spacing = { 1, 1 }, .before = { 1, 1 } },
		channels_last, false,
	};
	struct loom_pkt_pool pkt;
	struct memory mem, expect;
	struct rng rng = { 99 };
	bool good = true;

	for (unsigned int op = LOOM_POOL_MAX; op <= LOOM_POOL_L2; op++) {
		memory_init(&mem);
		packet(&pkt, &mem, &s, op, LOOM_DTYPE_F32, LOOM_DTYPE_F32, !op, &rng);
		memory_commit(&mem, true, 5);
		tensor_fill(&mem, &pkt.x, TAME, &rng);
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
	for (unsigned int op = LOOM_POOL_MAX; op <= LOOM_POOL_L2; op++)
		tap_ok(many(op, false, 120), "floats, function %u", op);
	tap_ok(many(LOOM_POOL_MAX, true, 120), "integers");
	tap_ok(spread(LOOM_POOL_MAX), "taps far apart");
	for (unsigned int i = 0; names[i]; i++)
		tap_ok(threads(names[i], false) && threads(names[i], true),
		       "%s: threads and stops", names[i]);
	return tap_done();
}
