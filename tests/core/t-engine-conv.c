// SPDX-License-Identifier: MIT
/* CONV: every engine against the reference, bit for bit, and the reference against examples. */
#include <stdio.h>

#include "job.h"
#include "loom_core.h"
#include "numerics.h"
#include "tap.h"

static const unsigned int dtypes[] = {
	LOOM_DTYPE_F32, LOOM_DTYPE_F16, LOOM_DTYPE_BF16, LOOM_DTYPE_I8, LOOM_DTYPE_U8,
	LOOM_DTYPE_I32,
};
static const unsigned int wildness[] = { TAME, SPECIAL, WILD };

/* MADE_LAST: y lies with the channels last, x with them first */
enum layout { CHANNELS_FIRST, CHANNELS_LAST, MADE_LAST, ANY };

struct shape {
	uint32_t n, groups, co, ci;	/* of each group */
	unsigned int axes;
	uint32_t in[3], out[3], taps[3];
	struct loom_window window;
	enum layout layout;
};

static uint32_t zero_point(unsigned int dtype, struct rng *rng)
{
	if (dtype == LOOM_DTYPE_I8)
		return (uint32_t)(int32_t)(int8_t)rng_next(rng);
	return dtype == LOOM_DTYPE_U8 ? (uint8_t)rng_next(rng) : 0;
}

/* Axis 1 innermost in memory. */
static void channels_last(struct loom_tensor *t)
{
	uint64_t stride = t->dims[1] ? t->dims[1] : 1;

	t->strides[1] = 1;
	for (unsigned int i = t->rank; i-- > 2; stride *= t->dims[i] ? t->dims[i] : 1)
		t->strides[i] = stride;
	t->strides[0] = stride;
}

static void place(struct memory *mem, struct loom_tensor *t, unsigned int dtype, unsigned int rank,
		  const uint32_t *dims, bool write, enum layout layout, struct rng *rng)
{
	if (layout == ANY)
		tensor_random(mem, t, dtype, rank, dims, write, rng);
	else
		tensor_plain(mem, t, dtype, rank, dims);
	if ((layout == CHANNELS_LAST || (layout == MADE_LAST && write)) && rank > 2)
		channels_last(t);
}

static void epilogue_random(struct memory *mem, struct loom_pkt_conv *pkt, enum layout layout,
			    struct rng *rng)
{
	struct loom_epilogue *e = &pkt->epilogue;
	bool integer = loom_dtype_is_int8(pkt->x.dtype);
	uint32_t dims[LOOM_RANK_MAX], one = 1, *n = &pkt->y.dims[1];
	unsigned int rank;

	if (rng_below(rng, 2))
		tensor_random(mem, &e->bias, integer ? LOOM_DTYPE_I32 : LOOM_DTYPE_F32, 1,
			      rng_below(rng, 4) ? n : &one, false, rng);
	act_random(&e->act, e->act_param, pkt->y.dtype == LOOM_DTYPE_I32, rng);
	e->zero = zero_point(pkt->y.dtype, rng);
	if (pkt->y.dtype == LOOM_DTYPE_I32)
		return;
	if (rng_below(rng, 2))
		tensor_random(mem, &e->scale, LOOM_DTYPE_F32, 1, rng_below(rng, 4) ? n : &one,
			      false, rng);
	if (rng_below(rng, 2))
		return;
	if (rng_below(rng, 4) == 0) {
		e->residual = pkt->y;	/* in place */
		return;
	}
	if (rng_below(rng, 2)) {
		place(mem, &e->residual, dtypes[rng_below(rng, 5)], pkt->y.rank, pkt->y.dims, false,
		      layout, rng);
		return;
	}
	rank = dims_broadcast(pkt->y.dims, pkt->y.rank, 0, dims, rng);
	tensor_random(mem, &e->residual, dtypes[rng_below(rng, 5)], rank, dims, false, rng);
}

static void packet(struct loom_pkt_conv *pkt, struct memory *mem, const struct shape *shape,
		   unsigned int type, unsigned int other, unsigned int out, struct rng *rng)
{
	uint32_t dims[LOOM_RANK_MAX] = { shape->n, shape->groups * shape->co };
	unsigned int rank = 2 + shape->axes;

	header_init(&pkt->header, LOOM_OP_CONV, sizeof(*pkt));
	pkt->window = shape->window;
	memcpy(dims + 2, shape->out, sizeof(shape->out));
	place(mem, &pkt->y, out, rank, dims, true, shape->layout, rng);
	dims[1] = shape->groups * shape->ci;
	memcpy(dims + 2, shape->in, sizeof(shape->in));
	place(mem, &pkt->x, type, rank, dims, false, shape->layout, rng);
	dims[0] = shape->groups;
	dims[1] = shape->co;
	dims[2] = shape->ci;
	memcpy(dims + 3, shape->taps, sizeof(shape->taps));
	place(mem, &pkt->w, other, rank + 1, dims, false, shape->layout, rng);
	pkt->x_zero = zero_point(type, rng);
	pkt->w_zero = zero_point(other, rng);
}

static bool conv_case(const struct shape *shape, unsigned int type, unsigned int out,
		      unsigned int wild, uint64_t seed)
{
	struct rng rng = { seed };
	struct loom_pkt_conv pkt;
	struct memory mem;
	const char *bad;
	const struct loom_tensor *tensors[] = {
		&pkt.y, &pkt.x, &pkt.w, &pkt.epilogue.bias, &pkt.epilogue.scale,
		&pkt.epilogue.residual,
	};

	memory_init(&mem);
	packet(&pkt, &mem, shape, type,
	       loom_dtype_is_int8(type) ? dtypes[3 + rng_below(&rng, 2)] : type, out, &rng);
	epilogue_random(&mem, &pkt, shape->layout, &rng);
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	for (unsigned int i = 0; i < 6; i++)
		if (tensors[i]->dtype)
			tensor_fill(&mem, tensors[i], wild, &rng);
	bad = job_compare(&mem, &pkt, &rng);
	if (bad)
		printf("# %s differs: %u groups of %u x %u, %u axes, %u x %u x %u taps, type %u to "
		       "%u, layout %u, seed %llu\n", bad, shape->groups, shape->co, shape->ci,
		       shape->axes, shape->taps[0], shape->taps[1], shape->taps[2], type, out,
		       shape->layout, (unsigned long long)seed);
	memory_free(&mem);
	return !bad;
}

/* Dims and windows of every kind; outputs may begin and end far outside of the input. */
static void shape_small(struct shape *s, struct rng *rng)
{
	memset(s, 0, sizeof(*s));
	s->n = 1 + (uint32_t)rng_below(rng, 3);
	s->groups = rng_below(rng, 2) ? 1 : 1 + (uint32_t)rng_below(rng, 5);
	s->co = 1 + (uint32_t)rng_below(rng, rng_below(rng, 3) ? 5 : 20);
	s->ci = 1 + (uint32_t)rng_below(rng, rng_below(rng, 3) ? 5 : 20);
	s->axes = 1 + (unsigned int)rng_below(rng, 3);
	s->layout = (enum layout)rng_below(rng, ANY + 1);
	for (unsigned int i = 0; i < s->axes; i++) {
		bool plain = rng_below(rng, 3) == 0;

		s->in[i] = 1 + (uint32_t)rng_below(rng, s->axes == 3 ? 5 : 9);
		s->taps[i] = plain ? 1 : 1 + (uint32_t)rng_below(rng, s->axes == 3 ? 3 : 4);
		s->out[i] = plain ? s->in[i] : 1 + (uint32_t)rng_below(rng, s->axes == 1 ? 40 : 9);
		s->window.stride[i] = plain ? 1 : 1 + (uint32_t)rng_below(rng, 3);
		s->window.dilation[i] = 1 + (uint32_t)rng_below(rng, 3);
		s->window.spacing[i] = plain || rng_below(rng, 3) ? 1 :
				       1 + (uint32_t)rng_below(rng, 3);
		s->window.before[i] = plain ? 0 : (uint32_t)rng_below(rng, 9) - 3u;
	}
	if (rng_below(rng, 20) == 0)
		*(uint32_t *[]){ &s->n, &s->ci, &s->co, &s->in[0], &s->out[0], &s->taps[0] }
			[rng_below(rng, 6)] = 0;
}

static bool small(unsigned int type, unsigned int rounds)
{
	bool good = true;

	for (unsigned int i = 0; i < rounds; i++) {
		unsigned int outs = loom_dtype_is_int8(type) ? 6 : 5;
		struct rng rng = { i * 131 + type };
		struct shape shape;

		shape_small(&shape, &rng);
		good &= conv_case(&shape, type, dtypes[rng_below(&rng, outs)],
				  wildness[rng_below(&rng, 3)], rng_next(&rng));
	}
	return good;
}

#define PLAIN	.stride = { 1, 1 }, .dilation = { 1, 1 }, .spacing = { 1, 1 }

/* Layers as networks have them, in little. */
static const struct shape layers[] = {
	{ 1, 1, 24, 3, 2, { 20, 31 }, { 10, 16 }, { 7, 7 },
	  { .stride = { 2, 2 }, .dilation = { 1, 1 }, .spacing = { 1, 1 }, .before = { 3, 3 } },
	  CHANNELS_FIRST },
	{ 2, 1, 34, 20, 2, { 14, 14 }, { 14, 14 }, { 3, 3 }, { PLAIN, .before = { 1, 1 } },
	  CHANNELS_FIRST },
	{ 2, 1, 34, 20, 2, { 14, 14 }, { 14, 14 }, { 3, 3 }, { PLAIN, .before = { 1, 1 } },
	  CHANNELS_LAST },
	{ 1, 1, 150, 30, 2, { 12, 20 }, { 12, 20 }, { 1, 1 }, { PLAIN }, CHANNELS_FIRST },
	{ 1, 1, 150, 30, 2, { 12, 20 }, { 12, 20 }, { 1, 1 }, { PLAIN }, CHANNELS_LAST },
	{ 1, 70, 1, 1, 2, { 12, 13 }, { 12, 13 }, { 3, 3 }, { PLAIN, .before = { 1, 1 } },
	  CHANNELS_FIRST },
	{ 1, 70, 1, 1, 2, { 12, 13 }, { 6, 7 }, { 3, 3 },
	  { .stride = { 2, 2 }, .dilation = { 1, 1 }, .spacing = { 1, 1 }, .before = { 1, 1 } },
	  CHANNELS_LAST },
	{ 2, 70, 1, 1, 2, { 25, 27 }, { 13, 14 }, { 3, 3 },
	  { .stride = { 2, 2 }, .dilation = { 1, 1 }, .spacing = { 1, 1 }, .before = { 1, 1 } },
	  CHANNELS_FIRST },
	{ 1, 3, 1, 1, 2, { 7, 300 }, { 9, 100 }, { 5, 5 },
	  { .stride = { 1, 3 }, .dilation = { 1, 2 }, .spacing = { 1, 1 }, .before = { 3, 2 } },
	  CHANNELS_FIRST },
	{ 1, 1, 20, 5, 2, { 7, 90 }, { 4, 30 }, { 3, 3 },
	  { .stride = { 2, 3 }, .dilation = { 1, 1 }, .spacing = { 1, 1 }, .before = { 1, 1 } },
	  CHANNELS_FIRST },
	{ 1, 4, 9, 10, 2, { 9, 10 }, { 9, 10 }, { 3, 3 }, { PLAIN, .before = { 1, 1 } },
	  CHANNELS_FIRST },
	{ 1, 1, 60, 100, 2, { 3, 3 }, { 1, 1 }, { 3, 3 }, { PLAIN }, CHANNELS_FIRST },
	{ 1, 1, 12, 20, 2, { 10, 11 }, { 20, 22 }, { 4, 4 },
	  { .stride = { 1, 1 }, .dilation = { 1, 1 }, .spacing = { 2, 2 }, .before = { 2, 2 } },
	  CHANNELS_FIRST },
	{ 2, 1, 33, 10, 1, { 600 }, { 600 }, { 5 },
	  { .stride = { 1 }, .dilation = { 4 }, .spacing = { 1 }, .before = { 16 } },
	  CHANNELS_FIRST },
	/* each channel by itself: rows in parts, steps of one element, of two, of several */
	{ 1, 3, 1, 1, 1, { 2600 }, { 2600 }, { 3 },
	  { .stride = { 1 }, .dilation = { 1 }, .spacing = { 1 }, .before = { 1 } }, CHANNELS_FIRST },
	{ 1, 20, 1, 1, 2, { 15, 70 }, { 8, 35 }, { 3, 3 },
	  { .stride = { 2, 2 }, .dilation = { 1, 1 }, .spacing = { 1, 1 }, .before = { 1, 1 } },
	  CHANNELS_FIRST },
	{ 1, 5, 1, 1, 2, { 9, 50 }, { 9, 17 }, { 3, 3 },
	  { .stride = { 1, 3 }, .dilation = { 1, 1 }, .spacing = { 1, 1 }, .before = { 1, 1 } },
	  CHANNELS_FIRST },
	{ 2, 5, 1, 1, 2, { 20, 20 }, { 20, 20 }, { 5, 5 }, { PLAIN, .before = { 2, 2 } },
	  CHANNELS_FIRST },
	{ 1, 4, 1, 1, 1, { 900 }, { 70 }, { 2 },
	  { .stride = { 16 }, .dilation = { 1000 }, .spacing = { 1 }, .before = { 500 } },
	  CHANNELS_FIRST },
	/* the same by rows of channels: more than one, several images in a tile */
	{ 3, 300, 1, 1, 2, { 9, 8 }, { 9, 8 }, { 3, 3 }, { PLAIN, .before = { 1, 1 } },
	  CHANNELS_LAST },
	{ 2, 40, 1, 1, 2, { 60, 61 }, { 30, 31 }, { 3, 3 },
	  { .stride = { 2, 2 }, .dilation = { 1, 1 }, .spacing = { 1, 1 }, .before = { 1, 1 } },
	  CHANNELS_LAST },
	{ 1, 17, 1, 1, 3, { 4, 5, 6 }, { 9, 10, 11 }, { 2, 3, 2 },
	  { .stride = { 1, 1, 1 }, .dilation = { 1, 2, 1 }, .spacing = { 2, 2, 3 }, .before = { 1, 1, 1 } },
	  CHANNELS_LAST },
	/* panels of places, of an image that lies channel by channel */
	{ 2, 1, 40, 3, 2, { 40, 31 }, { 20, 16 }, { 7, 7 },
	  { .stride = { 2, 2 }, .dilation = { 1, 1 }, .spacing = { 1, 1 }, .before = { 3, 3 } },
	  MADE_LAST },
	{ 1, 1, 40, 3, 2, { 20, 31 }, { 20, 31 }, { 3, 3 }, { PLAIN, .before = { 1, 1 } }, MADE_LAST },
	/* panels that are narrower than any step, the last one of an odd number of places */
	{ 1, 1, 520, 3, 2, { 1, 1 }, { 1, 1 }, { 3, 3 }, { PLAIN, .before = { 1, 1 } }, MADE_LAST },
	{ 1, 1, 520, 17, 2, { 1, 5 }, { 1, 5 }, { 3, 3 }, { PLAIN, .before = { 1, 1 } }, MADE_LAST },
	{ 1, 1, 260, 300, 2, { 1, 7 }, { 1, 7 }, { 1, 1 }, { PLAIN }, MADE_LAST },
	{ 1, 1, 260, 40, 1, { 19 }, { 19 }, { 2 },
	  { .stride = { 1 }, .dilation = { 1 }, .spacing = { 1 }, .before = { 1 } }, MADE_LAST },
	/* several tiles, and places that are not one row in y */
	{ 1, 1, 520, 3, 2, { 3, 40 }, { 3, 40 }, { 1, 1 }, { PLAIN }, ANY },
	{ 1, 1, 520, 3, 2, { 3, 40 }, { 3, 40 }, { 1, 1 }, { PLAIN }, ANY },
	{ 1, 1, 520, 3, 2, { 3, 40 }, { 3, 40 }, { 1, 1 }, { PLAIN }, ANY },
};

static bool large(unsigned int type)
{
	bool good = true;

	for (unsigned int i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
		good &= conv_case(&layers[i], type, type, TAME, 5000 + i);
	return good;
}

/* An element of a tensor by a list of its index. */
static uint64_t va_of(const struct loom_tensor *t, const uint32_t *idx)
{
	uint64_t off = 0;

	for (unsigned int i = 0; i < t->rank; i++)
		off += idx[i] * t->strides[i];
	return t->va + off * loom_dtype_size(t->dtype);
}

static void put(struct memory *mem, const struct loom_tensor *t, const float *values)
{
	unsigned int n = 1;

	for (unsigned int i = 0; i < t->rank; i++)
		n *= t->dims[i];
	memory_write(mem, t->va, values, n * sizeof(float));
}

/* What anybody works out by hand: the reference itself. */
static bool example(const struct shape *shape, const float *x, const float *w, const float *expect,
		    unsigned int n)
{
	static const struct job_options options = { .threads = 1 };
	struct rng rng = { 1 };
	struct loom_pkt_conv pkt;
	struct memory mem;
	bool good = true;

	memory_init(&mem);
	packet(&pkt, &mem, shape, LOOM_DTYPE_F32, LOOM_DTYPE_F32, LOOM_DTYPE_F32, &rng);
	memory_commit(&mem, false, 1);
	put(&mem, &pkt.x, x);
	put(&mem, &pkt.w, w);
	good = job_run(&mem, "reference", &pkt, &rng, &options);
	for (unsigned int i = 0; i < n; i++) {
		float y;

		memory_read(&mem, pkt.y.va + i * sizeof(y), &y, sizeof(y));
		if (y != expect[i])
			printf("# result %u is %g, not %g\n", i, y, expect[i]);
		good &= y == expect[i];
	}
	memory_free(&mem);
	return good;
}

static void examples(void)
{
	static const struct shape edge = {
		1, 1, 1, 1, 1, { 4 }, { 4 }, { 3 },
		{ .stride = { 1 }, .dilation = { 1 }, .spacing = { 1 }, .before = { 1 } },
		CHANNELS_FIRST,
	};
	static const struct shape strided = {
		1, 1, 1, 2, 1, { 4 }, { 2 }, { 2 },
		{ .stride = { 2 }, .dilation = { 2 }, .spacing = { 1 }, .before = { 1 } },
		CHANNELS_FIRST,
	};
	static const struct shape transposed = {
		1, 1, 1, 1, 1, { 3 }, { 6 }, { 3 },
		{ .stride = { 1 }, .dilation = { 1 }, .spacing = { 2 }, .before = { 1 } },
		CHANNELS_FIRST,
	};
	static const struct shape grouped = {
		1, 2, 1, 2, 1, { 2 }, { 2 }, { 1 },
		{ .stride = { 1 }, .dilation = { 1 }, .spacing = { 1 } }, CHANNELS_FIRST,
	};
	static const struct shape cropped = {
		1, 1, 1, 1, 1, { 4 }, { 3 }, { 1 },
		{ .stride = { 1 }, .dilation = { 1 }, .spacing = { 1 }, .before = { -2u } },
		CHANNELS_FIRST,
	};

	tap_ok(example(&edge, (float[]){ 1, 2, 3, 4 }, (float[]){ 1, 10, 100 },
		       (float[]){ 210, 321, 432, 43 }, 4), "holes at both ends");
	tap_ok(example(&strided, (float[]){ 1, 2, 3, 4, 5, 6, 7, 8 }, (float[]){ 1, 2, 10, 20 },
		       (float[]){ 2 * 2 + 20 * 6, 2 + 2 * 4 + 10 * 6 + 20 * 8 }, 2),
	       "stride and dilation, two channels");
	tap_ok(example(&transposed, (float[]){ 1, 2, 3 }, (float[]){ 1, 10, 100 },
		       (float[]){ 10, 201, 20, 302, 30, 3 }, 6), "a transposed convolution");
	tap_ok(example(&grouped, (float[]){ 1, 2, 3, 4, 5, 6, 7, 8 }, (float[]){ 1, 10, 100, 1000 },
		       (float[]){ 31, 42, 7500, 8600 }, 4), "two groups");
	tap_ok(example(&cropped, (float[]){ 1, 2, 3, 4 }, (float[]){ 2 }, (float[]){ 6, 8, 0 }, 3),
	       "an output that begins inside");
}

/* A weight of infinity times a hole is NaN: holes are multiplied, not left out. */
static bool holes_count(void)
{
	static const struct job_options options = { .threads = 1 };
	static const struct shape shape = {
		1, 1, 1, 1, 1, { 2 }, { 2 }, { 2 },
		{ .stride = { 1 }, .dilation = { 1 }, .spacing = { 1 }, .before = { 1 } },
		CHANNELS_FIRST,
	};
	struct rng rng = { 1 };
	struct loom_pkt_conv pkt;
	struct memory mem;
	float y[2];
	bool good;

	memory_init(&mem);
	packet(&pkt, &mem, &shape, LOOM_DTYPE_F32, LOOM_DTYPE_F32, LOOM_DTYPE_F32, &rng);
	memory_commit(&mem, false, 1);
	put(&mem, &pkt.x, (float[]){ 1, 2 });
	put(&mem, &pkt.w, (float[]){ INFINITY, 1 });
	good = job_run(&mem, "reference", &pkt, &rng, &options);
	memory_read(&mem, va_of(&pkt.y, (uint32_t[]){ 0, 0, 0 }), y, sizeof(y));
	memory_free(&mem);
	return good && y[0] != y[0] && y[1] == INFINITY;
}

/* Channels by themselves, and of each so many lines that not all rows of a plane have room at once. */
static bool spread(void)
{
	static const struct shape shape = {
		1, 3, 1, 1, 2, { 70, 1100 }, { 16, 64 }, { 64, 2 },
		{ .stride = { 1, 16 }, .dilation = { 1, 1024 }, .spacing = { 1, 1 }, .before = { 3, 9 } },
		CHANNELS_FIRST,
	};
	bool good = true;

	for (uint64_t seed = 1; seed < 5; seed++)
		good &= conv_case(&shape, LOOM_DTYPE_F32, LOOM_DTYPE_F32, TAME, seed);
	return good;
}

/*
 * With a residual elsewhere a tile stops as any other; one whose results take its place cannot, and so has
 * few results where each takes long.
 */
static bool stops(const char *name, enum layout layout)
{
	static const struct shape shape = {
		1, 16, 1, 1, 2, { 64, 65 }, { 64, 65 }, { 8, 16 },
		{ .stride = { 1, 1 }, .dilation = { 1, 1 }, .spacing = { 1, 1 }, .before = { 4, 8 } },
		CHANNELS_LAST,
	};
	struct shape s = shape;
	struct loom_decode_error error;
	struct loom_pkt_conv pkt;
	struct loom_work work;
	struct rng rng = { 1 };
	struct memory mem;
	uint32_t size;
	bool good;

	s.layout = layout;
	memory_init(&mem);
	packet(&pkt, &mem, &s, LOOM_DTYPE_F32, LOOM_DTYPE_F32, LOOM_DTYPE_F32, &rng);
	place(&mem, &pkt.epilogue.residual, LOOM_DTYPE_F32, pkt.y.rank, pkt.y.dims, false, layout, &rng);
	memory_commit(&mem, true, 1);
	tensor_fill(&mem, &pkt.x, TAME, &rng);
	tensor_fill(&mem, &pkt.w, TAME, &rng);
	tensor_fill(&mem, &pkt.epilogue.residual, TAME, &rng);
	good = job_stops(&mem, name, &pkt, pkt.y.va + 64);
	memory_free(&mem);
	pkt.epilogue.residual = pkt.y;
	good &= !loom_packet_decode(&pkt, sizeof(pkt), false, loom_engine_find(name), &work, &size, &error);
	/* 16 x 64 x 65 results of 128 taps */
	if (work.tiles < 10)
		printf("# %s: only %llu tiles in place\n", name, (unsigned long long)work.tiles);
	return good && work.tiles >= 10;
}

/* Several threads, and somebody who stops them again and again. */
static bool threads(const char *name, enum layout layout, bool depth)
{
	static const struct job_options calm = { .threads = 1 };
	static const struct job_options rough = { .threads = 4, .disturb = true };
	struct shape shape = {
		2, 1, 70, 20, 2, { 16, 17 }, { 16, 17 }, { 3, 3 }, { PLAIN, .before = { 1, 1 } },
		layout,
	};
	struct loom_pkt_conv pkt;
	struct memory mem, expect;
	struct rng rng = { 99 };
	bool good;

	if (depth) {
		shape.groups = 130;
		shape.co = shape.ci = 1;
	}
	memory_init(&mem);
	packet(&pkt, &mem, &shape, LOOM_DTYPE_F32, LOOM_DTYPE_F32, LOOM_DTYPE_F32, &rng);
	memory_commit(&mem, true, 5);
	tensor_fill(&mem, &pkt.x, TAME, &rng);
	tensor_fill(&mem, &pkt.w, TAME, &rng);
	tensor_fill(&mem, &pkt.y, TAME, &rng);
	pkt.epilogue.residual = pkt.y;
	memory_copy(&expect, &mem);
	good = job_run(&expect, "reference", &pkt, &rng, &calm) &&
	       job_run(&mem, name, &pkt, &rng, &rough) && memory_equal(&mem, &expect);
	memory_free(&mem);
	memory_free(&expect);
	return good;
}

int main(void)
{
	const char *const *names = loom_engine_names();

	examples();
	tap_ok(holes_count(), "holes are multiplied");
	for (unsigned int i = 0; i < 5; i++) {
		tap_ok(small(dtypes[i], 160), "small shapes, type %u", dtypes[i]);
		if (i != 1 && i != 3)
			tap_ok(large(dtypes[i]), "layers of networks, type %u", dtypes[i]);
	}
	tap_ok(spread(), "taps far apart");
	for (unsigned int i = 0; names[i]; i++)
		tap_ok(threads(names[i], CHANNELS_FIRST, false) &&
		       threads(names[i], CHANNELS_LAST, false) &&
		       threads(names[i], CHANNELS_FIRST, true),
		       "%s: threads and stops", names[i]);
	for (unsigned int i = 0; names[i]; i++)
		if (strcmp(names[i], "reference"))
			tap_ok(stops(names[i], CHANNELS_FIRST) && stops(names[i], CHANNELS_LAST),
			       "%s: stops, or has little to do", names[i]);
	return tap_done();
}
