// SPDX-License-Identifier: MIT
/*
 * The functions of one number: how far they are from the truth, which is libm's in binary64, and
 * that every engine says the same as the reference.
 *
 *	t-functions [STRIDE]	every STRIDE-th of all binary32 numbers; 1 takes an hour
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "functions.h"
#include "job.h"
#include "loom_core.h"
#include "tap.h"

#define BLOCK	16384u

static double identity(double x) { return x; }
static double neg(double x) { return -x; }
static double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
static double square(double x) { return x * x; }
static double rsqrt(double x) { return 1 / sqrt(x); }
static double reciprocal(double x) { return 1 / x; }
static double relu(double x) { return x > 0 ? x : x < 0 ? 0 : x; }
static double leaky(double x) { return x < 0 ? 0.01f * x : x; }
static double elu(double x) { return x < 0 ? 1.5 * expm1(x) : x; }
static double selu(double x) { return 0x1.0cfabep+0 * (x < 0 ? 0x1.ac5af6p+0 * expm1(x) : x); }
static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double clip(double x) { return x < -1 ? -1 : x > 6 ? 6 : x; }

/* Infinite times zero is its limit. */
static double silu(double x)
{
	return x == -INFINITY ? -0.0 : x * sigmoid(x);
}

static double gelu(double x)
{
	return x == -INFINITY ? -0.0 : 0.5 * x * erfc(-x * M_SQRT1_2);
}

static double gelu_tanh(double x)
{
	return x == -INFINITY ? -0.0 : x * sigmoid(x * sqrt(8 / M_PI) * (1 + 0.044715 * x * x));
}

static double hard_sigmoid(double x)
{
	double y = 0.25 * x + 0.5;

	return y < 0 ? 0 : y > 1 ? 1 : y;
}

static double hard_swish(double x)
{
	double y = x * 0x1.555556p-3 + 0.5;

	return x * (y < 0 ? 0 : y > 1 ? 1 : y);
}

static const struct function {
	const char *name;
	unsigned int op, act;
	float param[2];
	double (*exact)(double x);
	double bound;	/* as in Documentation/hardware.rst, over all numbers */
} functions[] = {
	{ "identity", LOOM_UNARY_IDENTITY, 0, { 0 }, identity, 0 },
	{ "neg", LOOM_UNARY_NEG, 0, { 0 }, neg, 0 },
	{ "abs", LOOM_UNARY_ABS, 0, { 0 }, fabs, 0 },
	{ "sign", LOOM_UNARY_SIGN, 0, { 0 }, sign, 0 },
	{ "square", LOOM_UNARY_SQUARE, 0, { 0 }, square, 0.5 },
	{ "sqrt", LOOM_UNARY_SQRT, 0, { 0 }, sqrt, 0.5000001 },
	{ "rsqrt", LOOM_UNARY_RSQRT, 0, { 0 }, rsqrt, 1.5 },
	{ "reciprocal", LOOM_UNARY_RECIPROCAL, 0, { 0 }, reciprocal, 0.5000001 },
	{ "exp", LOOM_UNARY_EXP, 0, { 0 }, exp, 1.02 },
	{ "log", LOOM_UNARY_LOG, 0, { 0 }, log, 0.86 },
	{ "erf", LOOM_UNARY_ERF, 0, { 0 }, erf, 1.13 },
	{ "floor", LOOM_UNARY_FLOOR, 0, { 0 }, floor, 0 },
	{ "ceil", LOOM_UNARY_CEIL, 0, { 0 }, ceil, 0 },
	{ "round", LOOM_UNARY_ROUND, 0, { 0 }, rint, 0 },
	{ "trunc", LOOM_UNARY_TRUNC, 0, { 0 }, trunc, 0 },
	{ "relu", 0, LOOM_ACT_RELU, { 0 }, relu, 0 },
	{ "clip", 0, LOOM_ACT_CLIP, { -1, 6 }, clip, 0 },
	{ "leaky", 0, LOOM_ACT_LEAKY, { 0.01f }, leaky, 0.5000001 },
	{ "elu", 0, LOOM_ACT_ELU, { 1.5f }, elu, 1.64 },
	{ "selu", 0, LOOM_ACT_SELU, { 0x1.ac5af6p+0f, 0x1.0cfabep+0f }, selu, 2.19 },
	{ "sigmoid", 0, LOOM_ACT_SIGMOID, { 0 }, sigmoid, 2.41 },
	{ "tanh", 0, LOOM_ACT_TANH, { 0 }, tanh, 2.61 },
	{ "softplus", 0, LOOM_ACT_SOFTPLUS, { 0 }, softplus, 1.71 },
	{ "silu", 0, LOOM_ACT_SILU, { 0 }, silu, 3.40 },
	{ "gelu", 0, LOOM_ACT_GELU, { 0 }, gelu, 3.65 },
	{ "gelu_tanh", 0, LOOM_ACT_GELU_TANH, { 0 }, gelu_tanh, 3.41 },
	{ "hard_sigmoid", 0, LOOM_ACT_HARD_SIGMOID, { 0.25f, 0.5f }, hard_sigmoid, 0.5000001 },
	{ "hard_swish", 0, LOOM_ACT_HARD_SWISH, { 0 }, hard_swish, 1.5 },
};

/* The distance in units of the last place of a binary32 near the exact value. */
static double ulps(float got, double exact)
{
	int e;

	if (exact != exact || got != got)
		return (exact != exact) == (got != got) ? 0 : INFINITY;
	if (isinf(got)) {
		/* what lies half a unit beyond the largest number is infinite */
		return isinf(exact) || fabs(exact) >= 0x1.ffffffp+127 ?
		       !signbit(got) == !signbit(exact) ? 0 : INFINITY : INFINITY;
	}
	if (isinf(exact))
		return INFINITY;
	if (got == 0 && exact == 0)
		return !signbit(got) == !signbit(exact) ? 0 : INFINITY;
	frexp(exact, &e);
	if (exact == 0 || e < -125)
		e = -125;
	return fabs(got - exact) * ldexp(1, 24 - e);
}

/* The packet over an array, on an engine. */
static void run(const char *engine, const struct function *f, const uint32_t *in, uint32_t *out)
{
	struct loom_pkt_unary pkt;
	struct loom_run runs[2] = { { 0, (uint8_t *)out }, { 0, (uint8_t *)(uintptr_t)in } };
	struct loom_decode_error error;
	struct loom_work work;
	atomic_uint stop = 0;
	uint32_t size;

	header_init(&pkt.header, LOOM_OP_UNARY, sizeof(pkt));
	pkt.op = f->op;
	pkt.act = f->act;
	pkt.act_param[0] = loom_f32_bits(f->param[0]);
	pkt.act_param[1] = loom_f32_bits(f->param[1]);
	pkt.dst.va = 0x100000;
	pkt.dst.dtype = LOOM_DTYPE_F32;
	pkt.dst.rank = 1;
	pkt.dst.dims[0] = BLOCK;
	pkt.dst.strides[0] = 1;
	pkt.src = pkt.dst;
	memset(out, 0xee, BLOCK * 4);
	if (loom_packet_decode(&pkt, sizeof(pkt), false, loom_engine_find(engine), &work, &size,
			       &error))
		return;
	for (unsigned int i = 0; i < 2; i++)
		work.operands[i].view = (struct loom_view){ BLOCK * 4, 1, 0, &runs[i], NULL };
	for (uint64_t i = 0; i < work.tiles; i++)
		work.run(&work, i, NULL, &stop);
}

static void sweep(const struct function *f, uint64_t stride)
{
	static uint32_t in[BLOCK], want[BLOCK], got[BLOCK];
	const char *const *names = loom_engine_names();
	uint64_t different[8] = { 0 };
	double worst = 0;
	uint32_t where = 0;
	float x, y;

	for (uint64_t first = 0; first < 1ull << 32; first += BLOCK * stride) {
		for (uint64_t i = 0; i < BLOCK; i++)
			in[i] = (uint32_t)(first + i * stride);
		for (uint64_t i = 0; i < BLOCK; i++) {
			double d;

			x = loom_f32_of(in[i]);
			y = loom_f32_unary(f->op, x);
			y = loom_f32_act(f->act, f->param[0], f->param[1], y);
			want[i] = loom_f32_store(y);
			d = ulps(y, f->exact((double)x));
			if (d > worst) {
				worst = d;
				where = in[i];
			}
		}
		for (unsigned int e = 0; names[e]; e++) {
			run(names[e], f, in, got);
			for (uint64_t i = 0; i < BLOCK; i++) {
				if (got[i] == want[i])
					continue;
				if (!different[e]++)
					printf("# %s: %s of %08x is %08x, not %08x\n",
					       names[e], f->name, in[i], got[i], want[i]);
			}
		}
	}
	tap_ok(worst <= f->bound, "%s: %.4f ulp at %08x, %a", f->name, worst, where,
	       (double)loom_f32_of(where));
	for (unsigned int e = 0; names[e]; e++)
		tap_ok(!different[e], "%s: %s", f->name, names[e]);
}

int main(int argc, char **argv)
{
	uint64_t stride = argc > 1 ? strtoull(argv[1], NULL, 0) : 4999;
	unsigned int mode = loom_float_enter();

	for (unsigned int i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (argc < 3 || !strcmp(argv[2], functions[i].name))
			sweep(&functions[i], stride ? stride : 1);
	loom_float_leave(mode);
	return tap_done();
}
