// SPDX-License-Identifier: MIT
/*
 * The decoder: rules of pools, normalisations, lookups, resizing and places, see t-packet.c.
 */
#include "decode.h"

static void pools(void)
{
	union packet m = a_pool(LOOM_POOL_MAX), a = a_pool(LOOM_POOL_AVERAGE);

	ACCEPT(m, (void)0);
	ACCEPT(a, (void)0);
	ACCEPT(a, p.pool.op = LOOM_POOL_L2);
	ACCEPT(a, p.pool.flags = LOOM_POOL_COUNT_HOLES; p.pool.after[1] = 0x7fffffff);
	ACCEPT(m, memset(&p.pool.indices, 0, sizeof(p.pool.indices)));
	ACCEPT(m, p.pool.x.dtype = p.pool.y.dtype = LOOM_DTYPE_I32);
	ACCEPT(m, p.pool.x.dtype = p.pool.y.dtype = LOOM_DTYPE_U8);
	ACCEPT(m, p.pool.taps[0] = 0x7fff; p.pool.taps[1] = 0xffff);
	ACCEPT(m, p.pool.x.dims[2] = 0);
	ACCEPT(m, p.pool.y.dims[2] = p.pool.indices.dims[2] = 0);
	BREAK(m, p.pool.flags = 2, FLAGS, NONE);
	BREAK(m, p.pool.y.dtype = 0, DTYPE, 0);
	BREAK(m, p.pool.x.dtype = 0, DTYPE, 1);
	BREAK(m, p.pool.indices.dtype = 0, FLAGS, 2);
	BREAK(m, p.pool.indices.strides[1] = 0, TENSOR, 2);
	BREAK(m, p.pool.x.dtype = LOOM_DTYPE_I16, DTYPE, 1);
	BREAK(m, p.pool.x.dtype = LOOM_DTYPE_I32, DTYPE, 0);
	BREAK(m, p.pool.y.dtype = LOOM_DTYPE_I32, DTYPE, 0);
	BREAK(m, p.pool.indices.dtype = LOOM_DTYPE_I32, DTYPE, 2);
	BREAK(m, p.pool.op = 4, PARAM, NONE);
	BREAK(a, p.pool.x.dtype = p.pool.y.dtype = LOOM_DTYPE_I32, DTYPE, 1);
	BREAK(m, p.pool.op = LOOM_POOL_AVERAGE, DTYPE, 2);
	BREAK(m, p.pool.flags = LOOM_POOL_COUNT_HOLES, PARAM, NONE);
	BREAK(a, tensor(&p.pool.y, LOOM_DTYPE_F32, 0x10000, DIMS(2, 6)), SHAPE, 0);
	BREAK(a, tensor(&p.pool.y, LOOM_DTYPE_F32, 0x10000, DIMS(2, 6, 1, 1, 1, 1)), SHAPE, 0);
	BREAK(a, tensor(&p.pool.x, LOOM_DTYPE_F32, 0x20000, DIMS(2, 6, 5)), SHAPE, 1);
	BREAK(a, p.pool.x.dims[0] = 1, SHAPE, 1);
	BREAK(a, p.pool.x.dims[1] = 5, SHAPE, 1);
	BREAK(m, p.pool.indices.dims[3] = 6, SHAPE, 2);
	BREAK(a, p.pool.window.stride[0] = 0, PARAM, NONE);
	BREAK(a, p.pool.window.spacing[1] = 2, PARAM, NONE);
	BREAK(a, p.pool.taps[1] = 0, PARAM, NONE);
	BREAK(a, p.pool.taps[2] = 1, PARAM, NONE);
	BREAK(a, p.pool.taps[0] = 0x8000; p.pool.taps[1] = 0x10000, PARAM, NONE);
	BREAK(a, p.pool.taps[0] = 0x80000000, PARAM, NONE);
	BREAK(a, p.pool.after[0] = 1, PARAM, NONE);
	BREAK(a, p.pool.flags = LOOM_POOL_COUNT_HOLES; p.pool.after[1] = 0x80000000, PARAM, NONE);
	BREAK(a, p.pool.flags = LOOM_POOL_COUNT_HOLES; p.pool.after[2] = 1, PARAM, NONE);
}

static void norms(void)
{
	union packet n = a_norm(LOOM_NORM_LAYER), g = a_norm(LOOM_NORM_GIVEN);

	ACCEPT(n, (void)0);
	ACCEPT(g, (void)0);
	ACCEPT(n, p.norm.op = LOOM_NORM_RMS);
	ACCEPT(n, p.norm.axes = p.norm.epsilon = 0);
	ACCEPT(n, memset(&p.norm.weight, 0, 2 * sizeof(p.norm.weight)));
	ACCEPT(n, p.norm.src = p.norm.dst);
	ACCEPT(n, p.norm.src.dims[1] = p.norm.dst.dims[1] = p.norm.weight.dims[0] =
	       p.norm.bias.dims[0] = 0);
	BREAK(n, p.norm.flags = 1, FLAGS, NONE);
	BREAK(n, p.norm.dst.dtype = 0, DTYPE, 0);
	BREAK(n, p.norm.src.dtype = 0, DTYPE, 1);
	BREAK(n, p.norm.weight.dtype = 0, FLAGS, 2);
	BREAK(n, p.norm.bias.dtype = 0, FLAGS, 3);
	BREAK(n, p.norm.mean.va = 4, FLAGS, 4);
	BREAK(n, p.norm.variance.rank = 4, FLAGS, 5);
	BREAK(n, p.norm.dst.dtype = LOOM_DTYPE_I32, DTYPE, 0);
	BREAK(n, p.norm.src.dtype = LOOM_DTYPE_I16, DTYPE, 1);
	BREAK(n, p.norm.weight.dtype = LOOM_DTYPE_I8, DTYPE, 2);
	BREAK(n, p.norm.bias.dtype = LOOM_DTYPE_U32, DTYPE, 3);
	BREAK(g, p.norm.mean.dtype = LOOM_DTYPE_I32, DTYPE, 4);
	BREAK(g, p.norm.variance.dtype = LOOM_DTYPE_I32, DTYPE, 5);
	BREAK(n, p.norm.op = 3, PARAM, NONE);
	BREAK(n, p.norm.epsilon = 0xb727c5ac, PARAM, NONE);
	BREAK(n, p.norm.epsilon = 0x7f800000, PARAM, NONE);
	BREAK(n, p.norm.epsilon = 0x7fc00000, PARAM, NONE);
	BREAK(n, p.norm.op = LOOM_NORM_GIVEN; p.norm.axes = 0, DTYPE, 4);
	BREAK(g, memset(&p.norm.variance, 0, sizeof(p.norm.variance)), DTYPE, 5);
	BREAK(g, p.norm.op = LOOM_NORM_RMS, DTYPE, 4);
	BREAK(n, p.norm.src.dims[0] = 1, SHAPE, 1);
	BREAK(n, p.norm.weight.dims[1] = 5, SHAPE, 2);
	BREAK(n, p.norm.bias.dims[0] = 3, SHAPE, 3);
	BREAK(g, p.norm.mean.dims[0] = 3, SHAPE, 4);
	BREAK(g, tensor(&p.norm.variance, LOOM_DTYPE_F32, 0x60000, DIMS(1, 1, 1, 1)), SHAPE, 5);
	BREAK(g, p.norm.axes = 1, PARAM, NONE);
	BREAK(n, p.norm.axes = 8, PARAM, NONE);
	/* in place, and one element too many */
	ACCEPT(n, tensor(&p.norm.dst, LOOM_DTYPE_F32, 0x100000, DIMS(2, 1, LOOM_NORM_IN_PLACE_MAX));
	       p.norm.src = p.norm.dst; memset(&p.norm.weight, 0, 2 * sizeof(p.norm.weight)));
	BREAK(n, tensor(&p.norm.dst, LOOM_DTYPE_F32, 0x100000,
			DIMS(2, 1, LOOM_NORM_IN_PLACE_MAX + 1));
	      p.norm.src = p.norm.dst; memset(&p.norm.weight, 0, 2 * sizeof(p.norm.weight)),
	      SHAPE, 1);
}

static void gathers(void)
{
	union packet t = a_gather(LOOM_GATHER_TAKE), s = a_gather(LOOM_GATHER_SUM);
	union packet u = a_gather(LOOM_GATHER_PUT);

	ACCEPT(t, (void)0);
	ACCEPT(s, (void)0);
	ACCEPT(u, (void)0);
	ACCEPT(t, p.gather.dst.dtype = p.gather.src.dtype = LOOM_DTYPE_F64);
	ACCEPT(t, p.gather.src.dims[1] = 0);
	ACCEPT(s, p.gather.indices.dims[1] = 0);
	ACCEPT(u, p.gather.src.dims[1] = p.gather.indices.dims[0] = 0);
	/* as much as can be counted, and nothing that could be divided by zero */
	ACCEPT(s, p.gather.axis = 0; p.gather.indices.dims[1] = 0x7fffffff;
	       p.gather.indices.strides[1] = 0;
	       tensor(&p.gather.dst, LOOM_DTYPE_F32, 1ull << 40, DIMS(5, 16, (1 << 29) - 1));
	       tensor(&p.gather.src, LOOM_DTYPE_F32, 1ull << 40, DIMS(5, 16, (1 << 29) - 1)));
	BREAK(t, p.gather.flags = 1, FLAGS, NONE);
	BREAK(t, p.gather.dst.dtype = 0, DTYPE, 0);
	BREAK(t, p.gather.src.dtype = 0, DTYPE, 1);
	BREAK(t, p.gather.indices.dtype = 0, DTYPE, 2);
	BREAK(t, p.gather.dst.strides[1] = 0, TENSOR, 0);
	BREAK(t, p.gather.op = 3, PARAM, NONE);
	BREAK(s, p.gather.dst.dtype = LOOM_DTYPE_I32, DTYPE, 0);
	BREAK(s, p.gather.src.dtype = LOOM_DTYPE_I32, DTYPE, 1);
	BREAK(t, p.gather.src.dtype = LOOM_DTYPE_I32, DTYPE, 1);
	BREAK(u, p.gather.src.dtype = LOOM_DTYPE_BF16, DTYPE, 1);
	BREAK(t, p.gather.indices.dtype = LOOM_DTYPE_U32, DTYPE, 2);
	BREAK(t, p.gather.axis = 3, PARAM, NONE);
	BREAK(t, p.gather.axis = -1u, PARAM, NONE);
	BREAK(t, p.gather.dst.rank = 2; p.gather.dst.dims[2] = p.gather.dst.strides[2] = 0, SHAPE, 0);
	BREAK(u, p.gather.src.rank = 2; p.gather.src.dims[2] = p.gather.src.strides[2] = 0, SHAPE, 1);
	BREAK(t, p.gather.dst.dims[0] = 1, SHAPE, 0);
	BREAK(u, p.gather.src.dims[2] = 5, SHAPE, 1);
	BREAK(t, p.gather.indices.dims[0] = 4, SHAPE, 2);
	BREAK(u, p.gather.indices.dims[0] = 5, SHAPE, 2);
	BREAK(t, tensor(&p.gather.indices, LOOM_DTYPE_I64, 0x30000, DIMS(5, 1)), SHAPE, 2);
	BREAK(s, tensor(&p.gather.indices, LOOM_DTYPE_I64, 0x30000, DIMS(5)), SHAPE, 2);
}

static void resizes(void)
{
	union packet s = a_resize(true), m = a_resize(false);

	ACCEPT(s, (void)0);
	ACCEPT(m, (void)0);
	ACCEPT(m, p.resize.dst.dtype = p.resize.src.dtype = LOOM_DTYPE_F64; p.resize.value = -1ull);
	ACCEPT(s, p.resize.src.dims[1] = 0);
	ACCEPT(s, p.resize.places.dims[1] = p.resize.weights.dims[1] = 0);
	ACCEPT(s, p.resize.places.dims[1] = p.resize.weights.dims[1] = 0x7fffffff;
	       p.resize.places.strides[1] = p.resize.weights.strides[1] = 0);
	BREAK(s, p.resize.flags = 1, FLAGS, NONE);
	BREAK(s, p.resize.dst.dtype = 0, DTYPE, 0);
	BREAK(s, p.resize.places.dtype = 0, DTYPE, 2);
	BREAK(s, p.resize.weights.dtype = 0, FLAGS, 3);
	BREAK(s, p.resize.dst.dtype = LOOM_DTYPE_I32, DTYPE, 0);
	BREAK(s, p.resize.src.dtype = LOOM_DTYPE_I32, DTYPE, 1);
	BREAK(m, p.resize.src.dtype = LOOM_DTYPE_I8, DTYPE, 1);
	BREAK(s, p.resize.places.dtype = LOOM_DTYPE_U32, DTYPE, 2);
	BREAK(s, p.resize.weights.dtype = LOOM_DTYPE_I32, DTYPE, 3);
	BREAK(s, p.resize.axis = 3, PARAM, NONE);
	BREAK(s, p.resize.value = 1ull << 32, PARAM, NONE);
	BREAK(m, p.resize.value = 0x100, PARAM, NONE);
	BREAK(s, p.resize.src.dims[0] = 3, SHAPE, 1);
	BREAK(s, p.resize.src.rank = 2; p.resize.src.dims[2] = p.resize.src.strides[2] = 0, SHAPE, 1);
	BREAK(s, p.resize.places.dims[0] = 4, SHAPE, 2);
	BREAK(m, p.resize.places.dims[1] = 2, SHAPE, 2);
	BREAK(s, p.resize.weights.dims[1] = 3, SHAPE, 3);
}

static void args(void)
{
	union packet a = an_arg();

	ACCEPT(a, (void)0);
	ACCEPT(a, p.arg.flags = LOOM_ARG_LAST; p.arg.dst.dtype = LOOM_DTYPE_I32);
	ACCEPT(a, p.arg.src.dtype = LOOM_DTYPE_I8);
	BREAK(a, p.arg.flags = 2, FLAGS, NONE);
	BREAK(a, p.arg.src.dtype = 0, DTYPE, 1);
	BREAK(a, p.arg.dst.dtype = LOOM_DTYPE_F32, DTYPE, 0);
	BREAK(a, p.arg.src.dtype = LOOM_DTYPE_I64, DTYPE, 1);
	BREAK(a, p.arg.op = 2, PARAM, NONE);
	BREAK(a, p.arg.axis = 3, PARAM, NONE);
	BREAK(a, p.arg.dst.dims[1] = 2, SHAPE, 0);
	BREAK(a, p.arg.dst.dims[2] = 5, SHAPE, 0);
	BREAK(a, p.arg.src.dims[1] = 0, SHAPE, 1);
}

int main(void)
{
	pools();
	norms();
	gathers();
	resizes();
	args();
	return tap_done();
}
