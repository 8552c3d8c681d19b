// SPDX-License-Identifier: MIT
/*
 * The decoder: every rule of loom_isa.h broken once in an otherwise valid packet, and bytes at random. Rules
 * of single packets that have many are in t-packet-product.c and t-packet-window.c.
 */
#include "decode.h"

static void headers(void)
{
	union packet p = a_fence();

	BREAK(a_fence(), p.header.size = 8, HEADER, NONE);
	BREAK(a_fence(), p.header.size = 24, HEADER, NONE);
	BREAK(a_fence(), p.header.size = 36, HEADER, NONE);
	BREAK(a_fence(), p.header.pad = 1, HEADER, NONE);
	BREAK(a_fence(), p.header.flags = 2, HEADER, NONE);
	BREAK(a_fence(), p.header.flags = 0x80, HEADER, NONE);
	BREAK(a_fence(), p.header.opcode = 0x2f, OPCODE, NONE);
	BREAK(a_fence(), p.header.opcode = 0x101, OPCODE, NONE);
	BREAK(a_fence(), p.header.version = 2, VERSION, NONE);
	BREAK(a_fence(), p.header.version = 0, VERSION, NONE);
	BREAK(a_fence(), (p.header.size = 64, p.words[5] = 1ull << 40), FLAGS, NONE);
	ACCEPT(a_fence(), p.header.size = 64);
	ACCEPT(a_fence(), p.header.flags = LOOM_PKT_IGNORABLE);
	ACCEPT(a_fence(), p.header.tag = 0xffffffff);
	ACCEPT(start(LOOM_OP_NOP, 16), p.header.tag = 1);
	ACCEPT(start(LOOM_OP_NOP, 1024), p.header.tag = 1);
	BREAK(start(LOOM_OP_NOP, 32), p.words[3] = 1, FLAGS, NONE);
	tap_ok(decode(&p, 24, true) && decode_error.code == LOOM_FAULT_CMD_HEADER,
	       "a packet beyond the end of the command buffer");
	p.header.opcode = 0x7777;
	p.header.flags = LOOM_PKT_IGNORABLE;
	tap_ok(valid(&p) && decoded.opcode == LOOM_OP_NOP && !decoded.noperands && !decoded.tiles,
	       "an unknown packet that may be ignored is a NOP");
	p = a_gemm(LOOM_DTYPE_F32, LOOM_DTYPE_F32);
	p.header.version = 9;
	p.header.flags = LOOM_PKT_IGNORABLE;
	memset(&p.words[2], 0xff, sizeof(p.gemm) - 16);
	tap_ok(valid(&p) && decoded.opcode == LOOM_OP_NOP, "and one of an unknown version");
	p = a_hang();
	tap_ok(decode(&p, p.header.size, false) && decode_error.code == LOOM_FAULT_CMD_OPCODE,
	       "HANG needs the debug feature");
	p.header.flags = LOOM_PKT_IGNORABLE;
	tap_ok(!decode(&p, p.header.size, false) && decoded.opcode == LOOM_OP_NOP,
	       "HANG that may be ignored is, without the debug feature");
}

static void words(void)
{
	union packet p;

	ACCEPT(a_fence(), p.fence.va = TOP - 8);
	tap_ok(decoded.noperands == 1 && decoded.operands[0].write && decoded.operands[0].extent == 8 &&
	       decoded.operands[0].va == TOP - 8 && decoded.u.fence.value == 42 && !decoded.tiles,
	       "FENCE has one operand of 8 bytes");
	BREAK(a_fence(), p.fence.va = 0x1004, TENSOR, 0);
	BREAK(a_fence(), p.fence.va = TOP, TENSOR, 0);
	BREAK(a_fence(), p.fence.va = -8ull, TENSOR, 0);
	ACCEPT(a_timestamp(), p.timestamp.va = 0);
	BREAK(a_timestamp(), p.timestamp.va = 0x1001, TENSOR, 0);
	BREAK(a_timestamp(), p.timestamp.reserved = 1, FLAGS, NONE);
	ACCEPT(a_hang(), p.hang.flags = LOOM_HANG_BUSY);
	BREAK(a_hang(), p.hang.flags = 2, FLAGS, NONE);
	BREAK(a_hang(), p.hang.reserved = 1, FLAGS, NONE);
	p = a_fence();
	(void)p;
}

static void tensors(void)
{
	ACCEPT(a_copy(), p.copy.src.strides[0] = 0);
	ACCEPT(a_copy(), (p.copy.src.strides[0] = 0, p.copy.src.strides[1] = 0));
	BREAK(a_copy(), p.copy.dst.flags = 1, FLAGS, 0);
	BREAK(a_copy(), p.copy.dst.pad = 1, FLAGS, 0);
	BREAK(a_copy(), p.copy.dst.reserved = 1, FLAGS, 0);
	BREAK(a_copy(), p.copy.src.flags = 0x8000, FLAGS, 1);
	BREAK(a_copy(), p.copy.src.pad = 1, FLAGS, 1);
	BREAK(a_copy(), p.copy.src.reserved = 1, FLAGS, 1);
	BREAK(a_copy(), p.copy.dst.dtype = LOOM_DTYPE_NONE, DTYPE, 0);
	BREAK(a_copy(), p.copy.dst.dtype = 13, DTYPE, 0);
	BREAK(a_copy(), p.copy.src.dtype = 255, DTYPE, 1);
	BREAK(a_copy(), p.copy.dst.rank = 7, TENSOR, 0);
	BREAK(a_copy(), p.copy.dst.dims[0] = 0x80000000, TENSOR, 0);
	BREAK(a_copy(), p.copy.dst.dims[2] = 1, TENSOR, 0);
	BREAK(a_copy(), p.copy.dst.dims[5] = 1, TENSOR, 0);
	BREAK(a_copy(), p.copy.dst.strides[2] = 1, TENSOR, 0);
	BREAK(a_copy(), p.copy.src.strides[5] = 1, TENSOR, 1);
	BREAK(a_copy(), p.copy.dst.strides[0] = 0, TENSOR, 0);
	BREAK(a_copy(), p.copy.dst.va = 0x10002, TENSOR, 0);
	BREAK(a_copy(), p.copy.src.va = 0x20001, TENSOR, 1);
	/* 24 elements of 4 bytes */
	ACCEPT(a_copy(), p.copy.src.va = TOP - 96);
	BREAK(a_copy(), p.copy.src.va = TOP - 92, TENSOR, 1);
	BREAK(a_copy(), p.copy.src.va = TOP, TENSOR, 1);
	BREAK(a_copy(), p.copy.src.va = 1ull << 63, TENSOR, 1);
	BREAK(a_copy(), p.copy.src.va = -96ull, TENSOR, 1);
	/* one row of six back from va: 3 rows * 6 * 4 bytes below */
	ACCEPT(a_copy(), (p.copy.src.strides[0] = -6ull, p.copy.src.va = 72));
	BREAK(a_copy(), (p.copy.src.strides[0] = -6ull, p.copy.src.va = 68), TENSOR, 1);
	BREAK(a_copy(), p.copy.src.strides[0] = 1ull << 62, TENSOR, 1);
	BREAK(a_copy(), p.copy.src.strides[0] = 1ull << 63, TENSOR, 1);
	BREAK(a_copy(), p.copy.src.strides[0] = INT64_MAX, TENSOR, 1);
	BREAK(a_copy(), p.copy.src.strides[0] = INT64_MAX / 12, TENSOR, 1);
	BREAK(a_copy(), p.copy.src.strides[1] = TOP / 4, TENSOR, 1);
	BREAK(a_copy(), (p.copy.src.strides[0] = INT64_MAX / 13,
			 p.copy.src.strides[1] = INT64_MAX / 21), TENSOR, 1);
	/* a stride along an axis of 1 or of an empty tensor means nothing */
	ACCEPT(a_copy(), (p.copy.src.dims[0] = p.copy.dst.dims[0] = 1,
			  p.copy.src.strides[0] = 1ull << 63, p.copy.dst.strides[0] = 0));
	ACCEPT(a_copy(), (p.copy.src.dims[0] = p.copy.dst.dims[0] = 0,
			  p.copy.src.strides[1] = 1ull << 63, p.copy.src.va = -4ull));
	tap_ok(!decoded.tiles && !decoded.operands[0].extent && !decoded.operands[1].extent,
	       "an empty tensor touches no memory");
	/* more elements than 64 bits count, folded into few bytes */
	ACCEPT(a_fill(), (p.fill.dst.dims[0] = LOOM_DIM_MAX, p.fill.dst.strides[0] = 1,
			  p.fill.dst.dims[1] = LOOM_DIM_MAX, p.fill.dst.strides[1] = 1));
	BREAK(a_fill(), (p.fill.dst.rank = 3,
			 p.fill.dst.dims[0] = LOOM_DIM_MAX, p.fill.dst.strides[0] = 1,
			 p.fill.dst.dims[1] = LOOM_DIM_MAX, p.fill.dst.strides[1] = 1,
			 p.fill.dst.dims[2] = LOOM_DIM_MAX, p.fill.dst.strides[2] = 1), TENSOR, 0);
}

static void extents(void)
{
	union packet p = a_copy();

	p.copy.src.strides[0] = -6ull;
	p.copy.src.strides[1] = 2;
	tap_ok(valid(&p) && decoded.operands[1].va == 0x20000 - 72 && decoded.operands[1].origin == 72 &&
	       decoded.operands[1].extent == 72 + 40 + 4 && decoded.operands[1].size == 4 &&
	       !decoded.operands[1].write && decoded.operands[0].write && !decoded.operands[0].origin &&
	       decoded.operands[0].extent == 96, "address ranges");
	p = an_eltwise();
	tap_ok(valid(&p) && decoded.operands[2].extent == 2 && decoded.operands[2].rank == 0,
	       "a scalar is one element");
}

static void copies(void)
{
	ACCEPT(a_copy(), p.copy.src.dtype = LOOM_DTYPE_I8);
	ACCEPT(a_copy(), (p.copy.src.dtype = LOOM_DTYPE_F64, p.copy.dst.dtype = LOOM_DTYPE_F64));
	BREAK(a_copy(), p.copy.flags = 1, FLAGS, NONE);
	BREAK(a_copy(), p.copy.src.dtype = LOOM_DTYPE_U32, DTYPE, 1);
	BREAK(a_copy(), p.copy.dst.dtype = LOOM_DTYPE_I64, DTYPE, 0);
	BREAK(a_copy(), (p.copy.dst.dtype = LOOM_DTYPE_U16, p.copy.src.dtype = LOOM_DTYPE_I16),
	      DTYPE, 0);
	BREAK(a_copy(), p.copy.src.dims[0] = 3, SHAPE, 1);
	BREAK(a_copy(), (p.copy.src.dims[0] = 1, p.copy.src.strides[0] = 0), SHAPE, 1);
	BREAK(a_copy(), (p.copy.src.rank = 1, p.copy.src.dims[1] = 0, p.copy.src.strides[1] = 0),
	      SHAPE, 1);
	ACCEPT(a_fill(), p.fill.value = 0);
	BREAK(a_fill(), p.fill.value = 0x10000, PARAM, NONE);
	BREAK(a_fill(), p.fill.dst.dtype = LOOM_DTYPE_U8, PARAM, NONE);
	ACCEPT(a_fill(), (p.fill.dst.dtype = LOOM_DTYPE_F64, p.fill.value = ~0ull));
}

#define ACT(n, x, y)									\
	(p.eltwise.act = LOOM_ACT_##n, p.eltwise.act_param[0] = x, p.eltwise.act_param[1] = y)
#define INF	0x7f800000
#define NAN32	0xffc00000

static void activations(void)
{
	ACCEPT(an_eltwise(), ACT(LEAKY, 0x80000000, 0));
	BREAK(an_eltwise(), ACT(LEAKY, INF, 0), PARAM, NONE);
	BREAK(an_eltwise(), ACT(LEAKY, NAN32, 0), PARAM, NONE);
	BREAK(an_eltwise(), ACT(LEAKY, 0, 1), PARAM, NONE);
	ACCEPT(an_eltwise(), ACT(ELU, 0x3f800000, 0));
	BREAK(an_eltwise(), ACT(ELU, 0, 0x80000000), PARAM, NONE);
	BREAK(an_eltwise(), ACT(ELU, INF, 0), PARAM, NONE);
	ACCEPT(an_eltwise(), ACT(SELU, 0x7f7fffff, 0xff7fffff));
	BREAK(an_eltwise(), ACT(SELU, 0, NAN32), PARAM, NONE);
	BREAK(an_eltwise(), ACT(SELU, INF, 0), PARAM, NONE);
	ACCEPT(an_eltwise(), ACT(HARD_SIGMOID, 0x3e4ccccd, 0x3f000000));
	BREAK(an_eltwise(), ACT(HARD_SIGMOID, 0, INF), PARAM, NONE);
	for (uint32_t act = LOOM_ACT_SIGMOID; act <= LOOM_ACT_HARD_SWISH; act++) {
		if (act == LOOM_ACT_HARD_SIGMOID)
			continue;
		ACCEPT(an_eltwise(), p.eltwise.act = act);
		BREAK(an_eltwise(), (p.eltwise.act = act, p.eltwise.act_param[0] = 1), PARAM, NONE);
		BREAK(an_eltwise(), (p.eltwise.act = act, p.eltwise.act_param[1] = 1), PARAM, NONE);
	}
	for (uint32_t act = LOOM_ACT_CLIP; act <= LOOM_ACT_HARD_SWISH; act++)
		BREAK(an_eltwise(), (p.eltwise.act = act, p.eltwise.dst.dtype =
				     p.eltwise.a.dtype = p.eltwise.b.dtype = LOOM_DTYPE_I32),
		      PARAM, NONE);
}

static void eltwises(void)
{
	ACCEPT(an_eltwise(), p.eltwise.op = LOOM_ELTWISE_DIV);
	BREAK(an_eltwise(), p.eltwise.op = 6, PARAM, NONE);
	BREAK(an_eltwise(), p.eltwise.act = 14, PARAM, NONE);
	activations();
	BREAK(an_eltwise(), p.eltwise.act_param[0] = 1, PARAM, NONE);
	BREAK(an_eltwise(), (p.eltwise.act = 1, p.eltwise.act_param[1] = 1), PARAM, NONE);
	ACCEPT(an_eltwise(), (p.eltwise.act = 2, p.eltwise.act_param[0] = 0xbf800000));
	ACCEPT(an_eltwise(), (p.eltwise.act = 2, p.eltwise.act_param[0] = 0x7f800000,
			      p.eltwise.act_param[1] = 0x7f800000));
	BREAK(an_eltwise(), (p.eltwise.act = 2, p.eltwise.act_param[0] = 0x3f800000), PARAM, NONE);
	BREAK(an_eltwise(), (p.eltwise.act = 2, p.eltwise.act_param[1] = 0x7fc00000), PARAM, NONE);
	BREAK(an_eltwise(), (p.eltwise.act = 2, p.eltwise.act_param[0] = 0x7fc00000), PARAM, NONE);
	BREAK(an_eltwise(), p.eltwise.dst.dtype = LOOM_DTYPE_F64, DTYPE, 0);
	BREAK(an_eltwise(), p.eltwise.dst.dtype = LOOM_DTYPE_U32, DTYPE, 0);
	BREAK(an_eltwise(), p.eltwise.dst.dtype = LOOM_DTYPE_I8, DTYPE, 1);
	BREAK(an_eltwise(), p.eltwise.a.dtype = LOOM_DTYPE_I8, DTYPE, 1);
	BREAK(an_eltwise(), p.eltwise.b.dtype = LOOM_DTYPE_I16, DTYPE, 2);
	ACCEPT(an_eltwise(), p.eltwise.dst.dtype = p.eltwise.a.dtype = p.eltwise.b.dtype =
	       LOOM_DTYPE_U8);
	BREAK(an_eltwise(), (p.eltwise.dst.dtype = p.eltwise.a.dtype = LOOM_DTYPE_I8,
			     p.eltwise.b.dtype = LOOM_DTYPE_U8), DTYPE, 2);
	BREAK(an_eltwise(), (p.eltwise.op = LOOM_ELTWISE_DIV, p.eltwise.dst.dtype =
			     p.eltwise.a.dtype = p.eltwise.b.dtype = LOOM_DTYPE_I32), DTYPE, 0);
	BREAK(an_eltwise(), (p.eltwise.act = 2, p.eltwise.dst.dtype =
			     p.eltwise.a.dtype = p.eltwise.b.dtype = LOOM_DTYPE_I32), PARAM, NONE);
	BREAK(an_eltwise(), p.eltwise.a.dims[1] = 5, SHAPE, 1);
	BREAK(an_eltwise(), p.eltwise.a.dims[0] = 2, SHAPE, 1);
	BREAK(an_eltwise(), tensor(&p.eltwise.b, LOOM_DTYPE_F32, 0x30000, DIMS(1, 1, 1, 1)),
	      SHAPE, 2);
}

static void unaries(void)
{
	ACCEPT(a_unary(), p.unary.act = LOOM_ACT_GELU);
	ACCEPT(a_unary(), p.unary.op = LOOM_UNARY_TRUNC);
	BREAK(a_unary(), p.unary.op = 15, PARAM, NONE);
	BREAK(a_unary(), p.unary.act = 14, PARAM, NONE);
	BREAK(a_unary(), p.unary.act_param[1] = 1, PARAM, NONE);
	BREAK(a_unary(), p.unary.dst.dtype = LOOM_DTYPE_F64, DTYPE, 0);
	BREAK(a_unary(), p.unary.dst.dtype = LOOM_DTYPE_U32, DTYPE, 0);
	BREAK(a_unary(), p.unary.src.dtype = LOOM_DTYPE_I8, DTYPE, 1);
	BREAK(a_unary(), p.unary.dst.dtype = LOOM_DTYPE_I8, DTYPE, 1);
	BREAK(a_unary(), (p.unary.dst.dtype = LOOM_DTYPE_U8, p.unary.src.dtype = LOOM_DTYPE_I8),
	      DTYPE, 1);
	BREAK(a_unary(), p.unary.src.dims[0] = 1, SHAPE, 1);
	BREAK(a_unary(), tensor(&p.unary.src, LOOM_DTYPE_F32, 0x20000, DIMS(4, 6)), SHAPE, 1);
	for (uint32_t op = LOOM_UNARY_IDENTITY; op <= LOOM_UNARY_SQUARE; op++)
		ACCEPT(a_unary(), (p.unary.op = op, p.unary.act = LOOM_ACT_RELU, p.unary.dst.dtype =
				   p.unary.src.dtype = LOOM_DTYPE_I32));
	for (uint32_t op = LOOM_UNARY_SQRT; op <= LOOM_UNARY_TRUNC; op++)
		BREAK(a_unary(), (p.unary.op = op, p.unary.dst.dtype = p.unary.src.dtype =
				  LOOM_DTYPE_U8), DTYPE, 0);
	BREAK(a_unary(), (p.unary.op = 1, p.unary.act = LOOM_ACT_TANH, p.unary.dst.dtype =
			  p.unary.src.dtype = LOOM_DTYPE_I8), PARAM, NONE);
}

static void reductions(void)
{
	ACCEPT(a_reduce(), p.reduce.op = LOOM_REDUCE_SUMABS);
	ACCEPT(a_reduce(), p.reduce.op = LOOM_REDUCE_MEAN);
	/* strides of what has no elements are not looked at */
	ACCEPT(a_reduce(), (p.reduce.src.dims[1] = 0, p.reduce.src.strides[0] = INT64_MAX));
	BREAK(a_reduce(), p.reduce.flags = 1, FLAGS, NONE);
	BREAK(a_reduce(), p.reduce.op = 7, PARAM, NONE);
	BREAK(a_reduce(), p.reduce.src.dtype = LOOM_DTYPE_F64, DTYPE, 1);
	BREAK(a_reduce(), p.reduce.src.dtype = LOOM_DTYPE_U16, DTYPE, 1);
	BREAK(a_reduce(), p.reduce.src.dtype = LOOM_DTYPE_I8, DTYPE, 0);
	BREAK(a_reduce(), p.reduce.dst.dtype = LOOM_DTYPE_I32, DTYPE, 0);
	ACCEPT(a_reduce(), (p.reduce.src.dtype = LOOM_DTYPE_I8,
			    p.reduce.dst.dtype = LOOM_DTYPE_I32));
	ACCEPT(a_reduce(), p.reduce.src.dtype = p.reduce.dst.dtype = LOOM_DTYPE_U8);
	BREAK(a_reduce(), (p.reduce.src.dtype = LOOM_DTYPE_I8, p.reduce.dst.dtype = LOOM_DTYPE_U8),
	      DTYPE, 0);
	BREAK(a_reduce(), (p.reduce.src.dtype = LOOM_DTYPE_I32, p.reduce.dst.dtype = LOOM_DTYPE_I8),
	      DTYPE, 0);
	BREAK(a_reduce(), (p.reduce.op = LOOM_REDUCE_MEAN, p.reduce.src.dtype =
			   p.reduce.dst.dtype = LOOM_DTYPE_I32), DTYPE, 1);
	BREAK(a_reduce(), p.reduce.axes = 8, PARAM, NONE);
	BREAK(a_reduce(), p.reduce.axes = 0x80000002, PARAM, NONE);
	BREAK(a_reduce(), p.reduce.axes = 6, SHAPE, 0);
	BREAK(a_reduce(), p.reduce.axes = 0, SHAPE, 0);
	BREAK(a_reduce(), p.reduce.dst.dims[0] = 1, SHAPE, 0);
	BREAK(a_reduce(), tensor(&p.reduce.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, 6)), SHAPE, 0);
	ACCEPT(a_reduce(), (p.reduce.dst.dims[1] = p.reduce.src.dims[1] = 1, p.reduce.axes = 0));
	ACCEPT(a_reduce(), p.reduce.src.dims[1] = 0);
	tap_ok(decoded.tiles, "no elements have a result");
	ACCEPT(a_reduce(), p.reduce.src.dims[0] = p.reduce.dst.dims[0] = 0);
	tap_ok(!decoded.tiles, "but no results have none");
	ACCEPT(a_softmax(), p.softmax.flags = LOOM_SOFTMAX_LOG);
	ACCEPT(a_softmax(), p.softmax.axes = 0);
	BREAK(a_softmax(), p.softmax.flags = 2, FLAGS, NONE);
	BREAK(a_softmax(), p.softmax.reserved = 1, FLAGS, NONE);
	BREAK(a_softmax(), p.softmax.dst.dtype = LOOM_DTYPE_I8, DTYPE, 0);
	BREAK(a_softmax(), p.softmax.src.dtype = LOOM_DTYPE_I32, DTYPE, 1);
	BREAK(a_softmax(), p.softmax.src.dims[1] = 1, SHAPE, 1);
	BREAK(a_softmax(), p.softmax.axes = 8, PARAM, NONE);
	ACCEPT(in_place(1 << 18), (void)p);
	BREAK(in_place((1 << 18) + 1), (void)p, SHAPE, 1);
	ACCEPT(in_place((1 << 18) + 1), p.softmax.axes = 1);
	ACCEPT(in_place((1 << 18) + 1), p.softmax.src.va += 4);
	ACCEPT(in_place((1 << 18) + 1), p.softmax.src.strides[0] *= 2);
	ACCEPT(in_place((1 << 18) + 1), p.softmax.src.dtype = LOOM_DTYPE_F16);
	ACCEPT(in_place((1 << 18) + 1), p.softmax.dst.dims[0] = p.softmax.src.dims[0] = 0);
}

static bool operand_sane(const struct loom_operand *op)
{
	if (op->dtype == LOOM_DTYPE_NONE)
		return !op->extent;
	return op->va <= TOP && op->extent <= TOP - (op->extent ? op->va : 0) &&
	       (!op->extent || op->origin + op->size <= op->extent) && op->rank <= LOOM_RANK_MAX;
}

/* Random bytes behind a header that leads somewhere, and valid packets with a few bytes changed. */
static bool fuzz(unsigned int rounds)
{
	struct rng rng = { 2024 };
	unsigned int accepted = 0;

	for (unsigned int i = 0; i < rounds; i++) {
		union packet seeds[] = {
			a_fence(), a_timestamp(), a_copy(), a_fill(), an_eltwise(), FLOAT, INT,
			WIDE, a_hang(), a_pack(LOOM_DTYPE_U8), a_panel_gemm(), a_unary(),
			a_reduce(), a_softmax(), a_conv(LOOM_DTYPE_F32), a_conv(LOOM_DTYPE_U8),
			a_pool(LOOM_POOL_MAX), a_pool(LOOM_POOL_AVERAGE),
			a_norm(LOOM_NORM_LAYER), a_norm(LOOM_NORM_GIVEN),
			a_gather(LOOM_GATHER_TAKE), a_gather(LOOM_GATHER_SUM),
			a_gather(LOOM_GATHER_PUT), a_quant(LOOM_QUANT_TO), a_quant(LOOM_QUANT_FROM),
			a_resize(true), a_resize(false), an_arg(),
		};
		union packet p = seeds[rng_below(&rng, sizeof(seeds) / sizeof(seeds[0]))];
		uint64_t avail = p.header.size;
		unsigned int flips = (unsigned int)rng_below(&rng, 6);

		if (i % 4 == 0) {
			for (unsigned int j = 2; j < 160; j++)
				p.words[j] = rng_next(&rng);
		} else {
			for (unsigned int j = 0; j < flips; j++)
				((uint8_t *)&p)[rng_below(&rng, avail)] = (uint8_t)rng_next(&rng);
		}
		if (i % 16 == 1)
			avail = 16 + 8 * rng_below(&rng, avail / 8 - 1);
		if (decode(&p, avail, i & 1)) {
			if (!decode_error.code)
				return false;
			continue;
		}
		accepted++;
		if (decode_size < 16 || decode_size > avail || decoded.noperands > LOOM_OPERANDS_MAX)
			return false;
		for (unsigned int j = 0; j < decoded.noperands; j++)
			if (!operand_sane(&decoded.operands[j]))
				return false;
		if (decoded.tiles && (!decoded.run || decoded.arena > LOOM_ARENA_MAX))
			return false;
	}
	printf("# %u of %u packets accepted\n", accepted, rounds);
	return accepted > rounds / 20;
}

static void bitmaps(void)
{
	uint64_t map[4];

	loom_opcode_bitmap(false, map);
	tap_ok(map[0] == 0x3ff00030007 && map[1] == 7 && !map[2] && !map[3], "opcodes");
	loom_opcode_bitmap(true, map);
	tap_ok(map[3] == 1ull << 48, "opcodes with debug");
	tap_ok(loom_dtype_bitmap() == 0x1ffe, "dtypes");
}

static void names(void)
{
	const char *const *list = loom_engine_names();

	tap_ok(list[0] && loom_engine_find(NULL) == loom_engine_find(list[0]),
	       "the best engine is the first");
	tap_ok(!loom_engine_find("no such engine"), "an unknown engine");
}

int main(void)
{
	headers();
	words();
	tensors();
	extents();
	copies();
	eltwises();
	unaries();
	reductions();
	bitmaps();
	names();
	tap_ok(fuzz(100000), "100000 packets of chance");
	return tap_done();
}
