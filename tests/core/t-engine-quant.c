// SPDX-License-Identifier: MIT
/* QUANT: every engine against the reference, bit for bit, and the reference against examples. */
#include <stdio.h>

#include "job.h"
#include "loom_core.h"
#include "numerics.h"
#include "tap.h"

static const unsigned int floats[] = { LOOM_DTYPE_F32, LOOM_DTYPE_F16, LOOM_DTYPE_BF16 };
static const unsigned int integers[] = { LOOM_DTYPE_I8, LOOM_DTYPE_U8, LOOM_DTYPE_I32 };
static const unsigned int wildness[] = { TAME, SPECIAL, WILD };

static bool quant_case(unsigned int op, unsigned int integer, uint64_t seed)
{
	struct rng rng = { seed };
	unsigned int number = floats[rng_below(&rng, 3)], rank, r;
	uint32_t dims[LOOM_RANK_MAX], sub[LOOM_RANK_MAX], one = 1;
	bool to = op == LOOM_QUANT_TO;
	struct loom_pkt_quant pkt;
	struct memory mem;
	const char *bad;

	header_init(&pkt.header, LOOM_OP_QUANT, sizeof(pkt));
	memory_init(&mem);
	pkt.op = op;
	rank = shape_random(dims, &rng);
	tensor_random(&mem, &pkt.dst, to ? integer : number, rank, dims, true, &rng);
	tensor_random(&mem, &pkt.src, to ? number : integer, rank, dims, false, &rng);
	r = dims_broadcast(dims, rank, 0, sub, &rng);
	tensor_random(&mem, &pkt.scale, floats[rng_below(&rng, 3)], r, sub, false, &rng);
	if (rng_below(&rng, 3)) {
		r = dims_broadcast(dims, rank, 0, sub, &rng);
		if (rank && rng_below(&rng, 3) == 0)
			tensor_plain(&mem, &pkt.zero, integer, 1, &one);
		else
			tensor_random(&mem, &pkt.zero, integer, r, sub, false, &rng);
	}
	memory_commit(&mem, rng_below(&rng, 4) != 0, seed);
	for (struct loom_tensor *t = &pkt.src; t <= &pkt.zero; t++)
		if (t->dtype)
			tensor_fill(&mem, t, wildness[rng_below(&rng, 3)], &rng);
	bad = job_compare(&mem, &pkt, &rng);
	if (bad)
		printf("# %s differs: op %u, type %u, seed %llu\n", bad, op, integer,
		       (unsigned long long)seed);
	memory_free(&mem);
	return !bad;
}

static bool many(unsigned int op, unsigned int integer)
{
	bool good = true;

	for (unsigned int i = 0; i < 120; i++)
		good &= quant_case(op, integer, i * 7 + op);
	return good;
}

#define N	11

/* What ONNX's QuantizeLinear and DequantizeLinear say. */
static void examples(void)
{
	static const struct job_options options = { .threads = 1 };
	static const float x[N] = {
		0.5f, 1.5f, 2.5f, 3.5f, 254.5f, 300, -1, -200, INFINITY, -INFINITY, NAN,
	};
	static const uint8_t plain[N] = { 0, 2, 2, 4, 254, 255, 0, 0, 255, 0, 0 };
	static const uint8_t moved[N] = { 128, 130, 130, 132, 255, 255, 127, 0, 255, 0, 128 };
	static const float back[N] = { 0, 4, 4, 8, 254, 254, -2, -256, 254, -256, 0 };
	static const float one = 1, two = 2;
	static const uint8_t zero = 128;
	struct rng rng = { 1 };
	struct loom_pkt_quant pkt;
	struct memory mem;
	uint8_t q[N];
	float y[N];
	bool good;

	header_init(&pkt.header, LOOM_OP_QUANT, sizeof(pkt));
	memory_init(&mem);
	tensor_plain(&mem, &pkt.dst, LOOM_DTYPE_U8, 1, &(uint32_t){ N });
	tensor_plain(&mem, &pkt.src, LOOM_DTYPE_F32, 1, &(uint32_t){ N });
	tensor_plain(&mem, &pkt.scale, LOOM_DTYPE_F32, 0, NULL);
	memory_commit(&mem, false, 1);
	memory_write(&mem, pkt.src.va, x, sizeof(x));
	memory_write(&mem, pkt.scale.va, &one, sizeof(one));
	good = job_run(&mem, "reference", &pkt, &rng, &options);
	memory_read(&mem, pkt.dst.va, q, sizeof(q));
	tap_ok(good && !memcmp(q, plain, sizeof(q)), "halves to even, and saturation");
	memory_free(&mem);

	memory_init(&mem);
	tensor_plain(&mem, &pkt.dst, LOOM_DTYPE_U8, 1, &(uint32_t){ N });
	tensor_plain(&mem, &pkt.src, LOOM_DTYPE_F32, 1, &(uint32_t){ N });
	tensor_plain(&mem, &pkt.scale, LOOM_DTYPE_F32, 0, NULL);
	tensor_plain(&mem, &pkt.zero, LOOM_DTYPE_U8, 0, NULL);
	memory_commit(&mem, false, 1);
	memory_write(&mem, pkt.src.va, x, sizeof(x));
	memory_write(&mem, pkt.scale.va, &one, sizeof(one));
	memory_write(&mem, pkt.zero.va, &zero, sizeof(zero));
	good = job_run(&mem, "reference", &pkt, &rng, &options);
	memory_read(&mem, pkt.dst.va, q, sizeof(q));
	tap_ok(good && !memcmp(q, moved, sizeof(q)), "the zero point is added after rounding");
	/* and back, to where the numbers were */
	pkt.op = LOOM_QUANT_FROM;
	memory_write(&mem, pkt.scale.va, &two, sizeof(two));
	{
		struct loom_tensor t = pkt.dst;

		pkt.dst = pkt.src;
		pkt.src = t;
	}
	good = job_run(&mem, "reference", &pkt, &rng, &options);
	memory_read(&mem, pkt.dst.va, y, sizeof(y));
	tap_ok(good && !memcmp(y, back, sizeof(y)), "and back");
	memory_free(&mem);
}

int main(void)
{
	examples();
	for (unsigned int i = 0; i < 3; i++) {
		if (i < 2)
			tap_ok(many(LOOM_QUANT_TO, integers[i]), "to type %u", integers[i]);
		tap_ok(many(LOOM_QUANT_FROM, integers[i]), "from type %u", integers[i]);
	}
	return tap_done();
}
