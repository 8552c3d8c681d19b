// SPDX-License-Identifier: MIT
/*
 * The decoder: every rule of loom_isa.h broken once in an otherwise valid
 * packet, and bytes at random.
 */
#include <stdlib.h>

#include "job.h"
#include "loom_core.h"
#include "numerics.h"
#include "tap.h"

#define NONE	0xffu
#define TOP	(1ull << LOOM_VA_BITS)

union packet {
	struct loom_pkt_header header;
	struct loom_pkt_fence fence;
	struct loom_pkt_timestamp timestamp;
	struct loom_pkt_copy copy;
	struct loom_pkt_pack pack;
	struct loom_pkt_fill fill;
	struct loom_pkt_eltwise eltwise;
	struct loom_pkt_unary unary;
	struct loom_pkt_reduce reduce;
	struct loom_pkt_softmax softmax;
	struct loom_pkt_gemm gemm;
	struct loom_pkt_conv conv;
	struct loom_pkt_pool pool;
	struct loom_pkt_norm norm;
	struct loom_pkt_gather gather;
	struct loom_pkt_quant quant;
	struct loom_pkt_resize resize;
	struct loom_pkt_arg arg;
	struct loom_pkt_hang hang;
	uint64_t words[160];
};

static struct loom_work work;
static struct loom_decode_error error;
static uint32_t size;

static int decode(const union packet *p, uint64_t avail, bool debug)
{
	/* an exact copy on the heap: a sanitiser sees what is read beyond it */
	void *copy = malloc(avail);
	int ret;

	memcpy(copy, p, avail);
	ret = loom_packet_decode(copy, avail, debug, loom_engine_find("reference"), &work, &size,
				 &error);
	free(copy);
	return ret;
}

/* Every engine finds a plan. */
static bool planned(const union packet *p)
{
	const char *const *names = loom_engine_names();
	struct loom_decode_error e;
	struct loom_work plan;
	uint32_t n;

	for (unsigned int i = 0; names[i]; i++)
		if (loom_packet_decode(p, p->header.size, true, loom_engine_find(names[i]), &plan,
				       &n, &e) ||
		    plan.arena > LOOM_ARENA_MAX || (plan.tiles && !plan.run))
			return false;
	return true;
}

static bool valid(const union packet *p)
{
	int ret = decode(p, p->header.size, true);

	if (ret)
		printf("# rejected: code %u operand %u\n", error.code, error.operand);
	return !ret && size == p->header.size && planned(p);
}

static bool invalid(const union packet *p, unsigned int code, unsigned int operand)
{
	int ret = decode(p, p->header.size, true);

	if (ret && error.code == code && error.operand == operand)
		return true;
	printf("# returned %d, code %u operand %u\n", ret, error.code, error.operand);
	return false;
}

static void tensor(struct loom_tensor *t, unsigned int dtype, uint64_t va, unsigned int rank,
		   const uint32_t *dims)
{
	uint64_t stride = 1;

	memset(t, 0, sizeof(*t));
	t->dtype = (uint8_t)dtype;
	t->rank = (uint8_t)rank;
	t->va = va;
	for (unsigned int i = rank; i-- > 0;) {
		t->dims[i] = dims[i];
		t->strides[i] = stride;
		stride *= dims[i];
	}
}

#define DIMS(...)	sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, (const uint32_t[]){ __VA_ARGS__ }

static union packet start(unsigned int opcode, size_t bytes)
{
	union packet p;

	memset(&p, 0, sizeof(p));
	header_init(&p.header, opcode, bytes);
	return p;
}

static union packet a_fence(void)
{
	union packet p = start(LOOM_OP_FENCE, sizeof(p.fence));

	p.fence.va = 0x1000;
	p.fence.value = 42;
	return p;
}

static union packet a_timestamp(void)
{
	union packet p = start(LOOM_OP_TIMESTAMP, sizeof(p.timestamp));

	p.timestamp.va = 0x1000;
	return p;
}

static union packet a_copy(void)
{
	union packet p = start(LOOM_OP_COPY, sizeof(p.copy));

	tensor(&p.copy.dst, LOOM_DTYPE_F32, 0x10000, DIMS(4, 6));
	tensor(&p.copy.src, LOOM_DTYPE_F32, 0x20000, DIMS(4, 6));
	return p;
}

static union packet a_fill(void)
{
	union packet p = start(LOOM_OP_FILL, sizeof(p.fill));

	tensor(&p.fill.dst, LOOM_DTYPE_I16, 0x10000, DIMS(4, 6));
	p.fill.value = 0xffff;
	return p;
}

static union packet an_eltwise(void)
{
	union packet p = start(LOOM_OP_ELTWISE, sizeof(p.eltwise));

	tensor(&p.eltwise.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, 4, 6));
	tensor(&p.eltwise.a, LOOM_DTYPE_F16, 0x20000, DIMS(1, 6));
	tensor(&p.eltwise.b, LOOM_DTYPE_BF16, 0x30000, 0, NULL);
	return p;
}

static union packet a_unary(void)
{
	union packet p = start(LOOM_OP_UNARY, sizeof(p.unary));

	tensor(&p.unary.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, 4, 6));
	tensor(&p.unary.src, LOOM_DTYPE_BF16, 0x20000, DIMS(2, 4, 6));
	p.unary.op = LOOM_UNARY_EXP;
	return p;
}

static union packet a_reduce(void)
{
	union packet p = start(LOOM_OP_REDUCE, sizeof(p.reduce));

	tensor(&p.reduce.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, 1, 6));
	tensor(&p.reduce.src, LOOM_DTYPE_F16, 0x20000, DIMS(2, 4, 6));
	p.reduce.axes = 2;
	return p;
}

static union packet a_softmax(void)
{
	union packet p = start(LOOM_OP_SOFTMAX, sizeof(p.softmax));

	tensor(&p.softmax.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, 4, 6));
	tensor(&p.softmax.src, LOOM_DTYPE_BF16, 0x20000, DIMS(2, 4, 6));
	p.softmax.axes = 6;
	return p;
}

static union packet in_place(uint32_t n)
{
	union packet p = start(LOOM_OP_SOFTMAX, sizeof(p.softmax));

	tensor(&p.softmax.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, n));
	p.softmax.src = p.softmax.dst;
	p.softmax.axes = 2;
	return p;
}

static union packet a_gemm(unsigned int dtype, unsigned int out)
{
	union packet p = start(LOOM_OP_GEMM, sizeof(p.gemm));
	bool integer = loom_dtype_is_int8(dtype);

	tensor(&p.gemm.c, out, 0x10000, DIMS(2, 4, 6));
	tensor(&p.gemm.a, dtype, 0x20000, DIMS(4, 5));
	tensor(&p.gemm.b, dtype, 0x30000, DIMS(2, 5, 6));
	tensor(&p.gemm.epilogue.bias, integer ? LOOM_DTYPE_I32 : LOOM_DTYPE_F32, 0x40000, DIMS(6));
	if (out != LOOM_DTYPE_I32) {
		tensor(&p.gemm.epilogue.scale, LOOM_DTYPE_F32, 0x50000, DIMS(1));
		tensor(&p.gemm.epilogue.residual, LOOM_DTYPE_BF16, 0x60000, DIMS(4, 1));
	}
	return p;
}

/* Two matrices [5, 40] in panels, 2 x 640 or 2 x 256 bytes each, a third further on. */
static union packet a_pack(unsigned int dtype)
{
	union packet p = start(LOOM_OP_PACK, sizeof(p.pack));

	tensor(&p.pack.dst, dtype, 0x10000, DIMS(2, 5, 40));
	tensor(&p.pack.src, dtype, 0x20000, DIMS(2, 5, 40));
	p.pack.dst.flags = LOOM_TENSOR_PANELS;
	p.pack.dst.strides[0] = 1280;
	p.pack.dst.strides[1] = p.pack.dst.strides[2] = 0;
	return p;
}

static union packet a_panel_gemm(void)
{
	union packet p = a_gemm(LOOM_DTYPE_F32, LOOM_DTYPE_F32);

	p.gemm.b.flags = LOOM_TENSOR_PANELS;
	p.gemm.b.strides[0] = 160;
	p.gemm.b.strides[1] = p.gemm.b.strides[2] = 0;
	return p;
}

static union packet a_hang(void)
{
	return start(LOOM_OP_HANG, sizeof(struct loom_pkt_hang));
}

/* One broken rule: the packet, what is done to it, the code and the operand. */
#define BREAK(make, what, code, operand)						\
	do {										\
		union packet p = make;							\
											\
		what;									\
		tap_ok(invalid(&p, LOOM_FAULT_CMD_##code, operand), #make ": " #what);	\
	} while (0)

#define ACCEPT(make, what)								\
	do {										\
		union packet p = make;							\
											\
		what;									\
		tap_ok(valid(&p), #make ": " #what " is valid");			\
	} while (0)

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
	tap_ok(decode(&p, 24, true) && error.code == LOOM_FAULT_CMD_HEADER,
	       "a packet beyond the end of the command buffer");
	p.header.opcode = 0x7777;
	p.header.flags = LOOM_PKT_IGNORABLE;
	tap_ok(valid(&p) && work.opcode == LOOM_OP_NOP && !work.noperands && !work.tiles,
	       "an unknown packet that may be ignored is a NOP");
	p = a_gemm(LOOM_DTYPE_F32, LOOM_DTYPE_F32);
	p.header.version = 9;
	p.header.flags = LOOM_PKT_IGNORABLE;
	memset(&p.words[2], 0xff, sizeof(p.gemm) - 16);
	tap_ok(valid(&p) && work.opcode == LOOM_OP_NOP, "and one of an unknown version");
	p = a_hang();
	tap_ok(decode(&p, p.header.size, false) && error.code == LOOM_FAULT_CMD_OPCODE,
	       "HANG needs the debug feature");
	p.header.flags = LOOM_PKT_IGNORABLE;
	tap_ok(!decode(&p, p.header.size, false) && work.opcode == LOOM_OP_NOP,
	       "HANG that may be ignored is, without the debug feature");
}

static void words(void)
{
	union packet p;

	ACCEPT(a_fence(), p.fence.va = TOP - 8);
	tap_ok(work.noperands == 1 && work.operands[0].write && work.operands[0].extent == 8 &&
	       work.operands[0].va == TOP - 8 && work.u.fence.value == 42 && !work.tiles,
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
	tap_ok(!work.tiles && !work.operands[0].extent && !work.operands[1].extent,
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
	tap_ok(valid(&p) && work.operands[1].va == 0x20000 - 72 && work.operands[1].origin == 72 &&
	       work.operands[1].extent == 72 + 40 + 4 && work.operands[1].size == 4 &&
	       !work.operands[1].write && work.operands[0].write && !work.operands[0].origin &&
	       work.operands[0].extent == 96, "address ranges");
	p = an_eltwise();
	tap_ok(valid(&p) && work.operands[2].extent == 2 && work.operands[2].rank == 0,
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

static void panels(void)
{
	ACCEPT(a_pack(LOOM_DTYPE_F32), p.header.tag = 1);
	ACCEPT(a_pack(LOOM_DTYPE_BF16), p.header.tag = 1);
	ACCEPT(a_pack(LOOM_DTYPE_U8), p.header.tag = 1);
	ACCEPT(a_pack(LOOM_DTYPE_F32), p.pack.src.strides[1] = 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.flags = 1, FLAGS, NONE);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.flags = 3, FLAGS, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.src.flags = 1, FLAGS, 1);
	BREAK(a_pack(LOOM_DTYPE_F32), (p.pack.dst = p.pack.src, p.pack.dst.va = 0x40000), FLAGS, 0);
	BREAK(a_pack(LOOM_DTYPE_I32), p.header.tag = 1, DTYPE, 0);
	BREAK(a_pack(LOOM_DTYPE_F64), p.header.tag = 1, DTYPE, 0);
	BREAK(a_pack(LOOM_DTYPE_I8), p.pack.src.dtype = LOOM_DTYPE_U8, DTYPE, 1);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.src.dims[0] = 1, SHAPE, 1);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.src.dims[2] = 39, SHAPE, 1);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.strides[1] = 1, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.strides[2] = -1ull, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.strides[0] = 0, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.strides[0] = 1288, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_I8), p.pack.dst.strides[0] = 1296, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.strides[0] = 1ull << 62, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.strides[0] = 1ull << 60, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.va = 0x10020, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), (p.pack.dst.rank = 1, p.pack.dst.dims[1] = 0,
				       p.pack.dst.dims[2] = 0, p.pack.dst.strides[0] = 0),
	      TENSOR, 0);
	/* with its padding: [0] at 5120, both panels of 640 bytes */
	ACCEPT(a_pack(LOOM_DTYPE_F32), p.pack.dst.va = TOP - 5120 - 1280);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.va = TOP - 5120 - 1280 + 64, TENSOR, 0);
	ACCEPT(a_pack(LOOM_DTYPE_F32), (p.pack.dst.strides[0] = -1280ull, p.pack.dst.va = 5120));
	BREAK(a_pack(LOOM_DTYPE_F32), (p.pack.dst.strides[0] = -1280ull, p.pack.dst.va = 5056),
	      TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.dims[1] = p.pack.dst.dims[2] = LOOM_DIM_MAX,
	      TENSOR, 0);
	ACCEPT(a_panel_gemm(), p.header.tag = 1);
	ACCEPT(a_panel_gemm(), p.gemm.b.strides[0] = 0);
	BREAK(a_panel_gemm(), p.gemm.b.strides[1] = 6, TENSOR, 2);
	BREAK(a_panel_gemm(), p.gemm.b.flags = 2, FLAGS, 2);
	BREAK(a_panel_gemm(), p.gemm.b.va = 0x30004, TENSOR, 2);
	BREAK(a_panel_gemm(), p.gemm.b.dims[1] = 4, SHAPE, 2);
	BREAK(a_panel_gemm(), p.gemm.b.dtype = LOOM_DTYPE_I32, DTYPE, 2);
	BREAK(a_panel_gemm(), p.gemm.a.flags = 1, FLAGS, 1);
	BREAK(a_panel_gemm(), p.gemm.c.flags = 1, FLAGS, 0);
	BREAK(a_panel_gemm(), p.gemm.epilogue.residual.flags = 1, FLAGS, 5);
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
	tap_ok(work.tiles, "no elements have a result");
	ACCEPT(a_reduce(), p.reduce.src.dims[0] = p.reduce.dst.dims[0] = 0);
	tap_ok(!work.tiles, "but no results have none");
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

#define FLOAT	a_gemm(LOOM_DTYPE_F32, LOOM_DTYPE_F32)
#define INT	a_gemm(LOOM_DTYPE_I8, LOOM_DTYPE_U8)
#define WIDE	a_gemm(LOOM_DTYPE_U8, LOOM_DTYPE_I32)

static void gemms(void)
{
	ACCEPT(FLOAT, p.gemm.c.dtype = LOOM_DTYPE_I8);
	ACCEPT(a_gemm(LOOM_DTYPE_BF16, LOOM_DTYPE_F16), p.header.tag = 0);
	ACCEPT(INT, p.gemm.c.dtype = LOOM_DTYPE_BF16);
	ACCEPT(INT, (p.gemm.a.dtype = LOOM_DTYPE_U8, p.gemm.a_zero = 255));
	ACCEPT(WIDE, p.gemm.epilogue.act = LOOM_ACT_RELU);
	BREAK(FLOAT, p.gemm.flags = 1, FLAGS, NONE);
	BREAK(FLOAT, p.gemm.c.dtype = LOOM_DTYPE_I32, DTYPE, 0);
	BREAK(FLOAT, p.gemm.c.dtype = LOOM_DTYPE_F64, DTYPE, 0);
	BREAK(INT, p.gemm.c.dtype = LOOM_DTYPE_U32, DTYPE, 0);
	BREAK(FLOAT, p.gemm.a.dtype = LOOM_DTYPE_I32, DTYPE, 1);
	BREAK(FLOAT, p.gemm.b.dtype = LOOM_DTYPE_F16, DTYPE, 2);
	BREAK(FLOAT, p.gemm.b.dtype = LOOM_DTYPE_I8, DTYPE, 2);
	BREAK(INT, p.gemm.b.dtype = LOOM_DTYPE_F32, DTYPE, 2);
	BREAK(INT, p.gemm.b.dtype = LOOM_DTYPE_I16, DTYPE, 2);
	BREAK(FLOAT, p.gemm.a.dtype = LOOM_DTYPE_NONE, DTYPE, 1);
	BREAK(FLOAT, p.gemm.a_zero = 1, PARAM, 1);
	BREAK(FLOAT, p.gemm.b_zero = 1, PARAM, 2);
	ACCEPT(INT, (p.gemm.a_zero = -128u, p.gemm.b_zero = 127));
	BREAK(INT, p.gemm.a_zero = 128, PARAM, 1);
	BREAK(INT, p.gemm.b_zero = -129u, PARAM, 2);
	BREAK(WIDE, p.gemm.a_zero = -1u, PARAM, 1);
	BREAK(WIDE, p.gemm.b_zero = 256, PARAM, 2);
	BREAK(FLOAT, tensor(&p.gemm.c, LOOM_DTYPE_F32, 0x10000, DIMS(6)), SHAPE, 0);
	BREAK(FLOAT, tensor(&p.gemm.a, LOOM_DTYPE_F32, 0x20000, DIMS(5)), SHAPE, 1);
	BREAK(FLOAT, tensor(&p.gemm.b, LOOM_DTYPE_F32, 0x20000, DIMS(5)), SHAPE, 2);
	BREAK(FLOAT, p.gemm.a.dims[0] = 3, SHAPE, 1);
	BREAK(FLOAT, p.gemm.a.dims[0] = 1, SHAPE, 1);
	BREAK(FLOAT, p.gemm.a.dims[1] = 4, SHAPE, 2);
	BREAK(FLOAT, p.gemm.b.dims[1] = 1, SHAPE, 2);
	BREAK(FLOAT, p.gemm.b.dims[2] = 1, SHAPE, 2);
	BREAK(FLOAT, p.gemm.b.dims[0] = 3, SHAPE, 2);
	ACCEPT(FLOAT, p.gemm.b.dims[0] = 1);
	BREAK(FLOAT, tensor(&p.gemm.a, LOOM_DTYPE_F32, 0x20000, DIMS(1, 2, 4, 5)), SHAPE, 1);
	ACCEPT(FLOAT, (p.gemm.a.dims[1] = 0, p.gemm.b.dims[1] = 0));
	tap_ok(work.tiles && !work.u.gemm.k, "K = 0 has a result");
	ACCEPT(FLOAT, (p.gemm.c.dims[1] = 0, p.gemm.a.dims[0] = 0, p.gemm.epilogue.residual.dims[0]
		       = 1));
	tap_ok(!work.tiles, "M = 0 has none");
}

static void epilogues(void)
{
	BREAK(FLOAT, p.gemm.epilogue.bias.dtype = LOOM_DTYPE_I32, DTYPE, 3);
	BREAK(INT, p.gemm.epilogue.bias.dtype = LOOM_DTYPE_F32, DTYPE, 3);
	BREAK(FLOAT, p.gemm.epilogue.bias.dims[0] = 5, SHAPE, 3);
	BREAK(FLOAT, tensor(&p.gemm.epilogue.bias, LOOM_DTYPE_F32, 0x40000, DIMS(1, 6)), SHAPE, 3);
	BREAK(FLOAT, tensor(&p.gemm.epilogue.bias, LOOM_DTYPE_F32, 0x40000, 0, NULL), SHAPE, 3);
	BREAK(FLOAT, p.gemm.epilogue.bias.dtype = LOOM_DTYPE_NONE, FLAGS, 3);
	BREAK(FLOAT, p.gemm.epilogue.scale.dtype = LOOM_DTYPE_BF16, DTYPE, 4);
	BREAK(FLOAT, p.gemm.epilogue.scale.dims[0] = 2, SHAPE, 4);
	BREAK(FLOAT, p.gemm.epilogue.scale.dtype = LOOM_DTYPE_NONE, FLAGS, 4);
	BREAK(FLOAT, p.gemm.epilogue.residual.dtype = LOOM_DTYPE_I32, DTYPE, 5);
	BREAK(FLOAT, p.gemm.epilogue.residual.dtype = LOOM_DTYPE_F64, DTYPE, 5);
	BREAK(FLOAT, p.gemm.epilogue.residual.dims[1] = 5, SHAPE, 5);
	BREAK(FLOAT, p.gemm.epilogue.residual.dtype = LOOM_DTYPE_NONE, FLAGS, 5);
	ACCEPT(FLOAT, p.gemm.epilogue.residual.dtype = LOOM_DTYPE_U8);
	ACCEPT(FLOAT, p.gemm.epilogue.act = LOOM_ACT_GELU);
	BREAK(FLOAT, p.gemm.epilogue.act = 14, PARAM, NONE);
	BREAK(WIDE, p.gemm.epilogue.act = LOOM_ACT_SIGMOID, PARAM, NONE);
	BREAK(FLOAT, p.gemm.epilogue.act_param[0] = 1, PARAM, NONE);
	BREAK(FLOAT, (p.gemm.epilogue.act = 2, p.gemm.epilogue.act_param[1] = 0xbf800000),
	      PARAM, NONE);
	BREAK(FLOAT, p.gemm.epilogue.zero = 1, PARAM, 0);
	ACCEPT(INT, p.gemm.epilogue.zero = 255);
	BREAK(INT, p.gemm.epilogue.zero = 256, PARAM, 0);
	BREAK(INT, p.gemm.epilogue.zero = -1u, PARAM, 0);
	BREAK(WIDE, p.gemm.epilogue.zero = 1, PARAM, 0);
	BREAK(WIDE, p.gemm.epilogue.act = LOOM_ACT_CLIP, PARAM, NONE);
	BREAK(WIDE, tensor(&p.gemm.epilogue.scale, LOOM_DTYPE_F32, 0x50000, DIMS(6)), DTYPE, 4);
	BREAK(WIDE, tensor(&p.gemm.epilogue.residual, LOOM_DTYPE_F32, 0x50000, DIMS(6)), DTYPE, 5);
}

/* Two groups of 3 and 4 channels, taps 3 x 2, holes at all edges. */
static union packet a_conv(unsigned int dtype)
{
	bool integer = dtype == LOOM_DTYPE_U8;
	union packet p = start(LOOM_OP_CONV, sizeof(p.conv));

	tensor(&p.conv.y, integer ? LOOM_DTYPE_I32 : dtype, 0x10000, DIMS(2, 6, 5, 7));
	tensor(&p.conv.x, dtype, 0x20000, DIMS(2, 8, 10, 7));
	tensor(&p.conv.w, integer ? LOOM_DTYPE_I8 : dtype, 0x30000, DIMS(2, 3, 4, 3, 2));
	for (unsigned int i = 0; i < 2; i++) {
		p.conv.window.stride[i] = i ? 1 : 2;
		p.conv.window.dilation[i] = 1;
		p.conv.window.spacing[i] = 1;
		p.conv.window.before[i] = 1;
	}
	return p;
}

static void convolutions(void)
{
	union packet c = a_conv(LOOM_DTYPE_F32), i = a_conv(LOOM_DTYPE_U8);

	ACCEPT(c, (void)0);
	ACCEPT(i, (void)0);
	ACCEPT(c, tensor(&p.conv.epilogue.bias, LOOM_DTYPE_F32, 0x40000, DIMS(6)));
	ACCEPT(c, tensor(&p.conv.epilogue.scale, LOOM_DTYPE_F32, 0x40000, DIMS(1)));
	ACCEPT(c, tensor(&p.conv.epilogue.residual, LOOM_DTYPE_I8, 0x40000, DIMS(6, 1, 7)));
	ACCEPT(c, p.conv.window.before[0] = -0x7fffffffu);
	ACCEPT(c, p.conv.window.before[0] = 0x7fffffff);
	ACCEPT(c, p.conv.window.spacing[1] = 0x7fffffff);
	ACCEPT(c, p.conv.window.stride[1] = p.conv.window.dilation[1] = 0x7fffffff);
	ACCEPT(c, tensor(&p.conv.y, LOOM_DTYPE_I8, 0x10000, DIMS(2, 6, 500, 700)));
	ACCEPT(c, tensor(&p.conv.w, LOOM_DTYPE_F32, 0x30000, DIMS(2, 3, 4, 0, 2)));
	ACCEPT(c, tensor(&p.conv.x, LOOM_DTYPE_F32, 0x20000, DIMS(2, 8, 0, 7)));
	ACCEPT(c, p.conv.y.dims[2] = 0);
	ACCEPT(i, p.conv.x_zero = 255);
	ACCEPT(i, p.conv.w_zero = -128u);
	BREAK(c, p.conv.flags = 1, FLAGS, NONE);
	BREAK(c, p.conv.y.dtype = 0, DTYPE, 0);
	BREAK(c, p.conv.x.dtype = 0, DTYPE, 1);
	BREAK(c, p.conv.w.dtype = 0, DTYPE, 2);
	BREAK(c, p.conv.w.flags = LOOM_TENSOR_PANELS, FLAGS, 2);
	BREAK(c, p.conv.epilogue.bias.va = 4, FLAGS, 3);
	BREAK(c, p.conv.epilogue.scale.va = 4, FLAGS, 4);
	BREAK(c, p.conv.epilogue.residual.va = 4, FLAGS, 5);
	BREAK(c, p.conv.x.dtype = LOOM_DTYPE_I32, DTYPE, 1);
	BREAK(i, p.conv.x.dtype = LOOM_DTYPE_I16; p.conv.x.va = 0x20000, DTYPE, 1);
	BREAK(c, tensor(&p.conv.w, LOOM_DTYPE_F16, 0x30000, DIMS(2, 3, 4, 3, 2)), DTYPE, 2);
	BREAK(i, tensor(&p.conv.w, LOOM_DTYPE_F16, 0x30000, DIMS(2, 3, 4, 3, 2)), DTYPE, 2);
	BREAK(c, p.conv.y.dtype = LOOM_DTYPE_I32, DTYPE, 0);
	BREAK(i, p.conv.y.dtype = LOOM_DTYPE_U32, DTYPE, 0);
	BREAK(c, tensor(&p.conv.y, LOOM_DTYPE_F32, 0x10000, DIMS(2, 6)), SHAPE, 0);
	BREAK(c, tensor(&p.conv.y, LOOM_DTYPE_F32, 0x10000, DIMS(2, 6, 1, 1, 1, 1)), SHAPE, 0);
	BREAK(c, tensor(&p.conv.x, LOOM_DTYPE_F32, 0x20000, DIMS(2, 8, 10)), SHAPE, 1);
	BREAK(c, tensor(&p.conv.x, LOOM_DTYPE_F32, 0x20000, DIMS(3, 8, 10, 7)), SHAPE, 1);
	BREAK(c, tensor(&p.conv.w, LOOM_DTYPE_F32, 0x30000, DIMS(2, 3, 4, 3)), SHAPE, 2);
	BREAK(c, tensor(&p.conv.w, LOOM_DTYPE_F32, 0x30000, DIMS(3, 3, 4, 3, 2)), SHAPE, 2);
	BREAK(c, tensor(&p.conv.w, LOOM_DTYPE_F32, 0x30000, DIMS(2, 4, 4, 3, 2)), SHAPE, 2);
	BREAK(c, tensor(&p.conv.w, LOOM_DTYPE_F32, 0x30000, DIMS(2, 3, 5, 3, 2)), SHAPE, 2);
	BREAK(c, p.conv.w.dims[3] = 0x8000; p.conv.w.dims[4] = 0x4000;
	      memset(p.conv.w.strides, 0, sizeof(p.conv.w.strides)), SHAPE, 2);
	ACCEPT(c, p.conv.w.dims[3] = 0x7fff; p.conv.w.dims[4] = 0x4000;
	       memset(p.conv.w.strides, 0, sizeof(p.conv.w.strides)));
	BREAK(c, p.conv.window.stride[0] = 0, PARAM, NONE);
	BREAK(c, p.conv.window.stride[1] = 0x80000000, PARAM, NONE);
	BREAK(c, p.conv.window.dilation[0] = 0, PARAM, NONE);
	BREAK(c, p.conv.window.dilation[1] = -1u, PARAM, NONE);
	BREAK(c, p.conv.window.spacing[0] = 0, PARAM, NONE);
	BREAK(c, p.conv.window.spacing[1] = 0x80000000, PARAM, NONE);
	BREAK(c, p.conv.window.before[1] = 0x80000000, PARAM, NONE);
	BREAK(c, p.conv.window.stride[2] = 1, PARAM, NONE);
	BREAK(c, p.conv.window.dilation[2] = 1, PARAM, NONE);
	BREAK(c, p.conv.window.spacing[2] = 1, PARAM, NONE);
	BREAK(c, p.conv.window.before[2] = 1, PARAM, NONE);
	BREAK(c, p.conv.x_zero = 1, PARAM, 1);
	BREAK(i, p.conv.x_zero = 256, PARAM, 1);
	BREAK(c, p.conv.w_zero = 1, PARAM, 2);
	BREAK(i, p.conv.w_zero = 128, PARAM, 2);
	BREAK(c, tensor(&p.conv.epilogue.bias, LOOM_DTYPE_I32, 0x40000, DIMS(6)), DTYPE, 3);
	BREAK(c, tensor(&p.conv.epilogue.bias, LOOM_DTYPE_F32, 0x40000, DIMS(3)), SHAPE, 3);
	BREAK(c, tensor(&p.conv.epilogue.scale, LOOM_DTYPE_F32, 0x40000, DIMS(7)), SHAPE, 4);
	BREAK(c, tensor(&p.conv.epilogue.residual, LOOM_DTYPE_F32, 0x40000, DIMS(5)), SHAPE, 5);
	BREAK(i, tensor(&p.conv.epilogue.scale, LOOM_DTYPE_F32, 0x40000, DIMS(6)), DTYPE, 4);
	BREAK(i, p.conv.epilogue.zero = 1, PARAM, 0);
	BREAK(c, p.conv.epilogue.act = 99, PARAM, NONE);
}

static union packet a_pool(unsigned int op)
{
	union packet p = start(LOOM_OP_POOL, sizeof(p.pool));

	p.pool.op = op;
	tensor(&p.pool.y, LOOM_DTYPE_F32, 0x10000, DIMS(2, 6, 5, 7));
	tensor(&p.pool.x, LOOM_DTYPE_F16, 0x20000, DIMS(2, 6, 10, 7));
	if (op == LOOM_POOL_MAX)
		tensor(&p.pool.indices, LOOM_DTYPE_I64, 0x30000, DIMS(2, 6, 5, 7));
	for (unsigned int i = 0; i < 2; i++) {
		p.pool.taps[i] = 3;
		p.pool.window.stride[i] = 2 - i;
		p.pool.window.dilation[i] = p.pool.window.spacing[i] = 1;
		p.pool.window.before[i] = 1;
	}
	return p;
}

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

static union packet a_norm(unsigned int op)
{
	union packet p = start(LOOM_OP_NORM, sizeof(p.norm));

	p.norm.op = op;
	p.norm.axes = op == LOOM_NORM_GIVEN ? 0 : 6;
	p.norm.epsilon = 0x3727c5ac;
	tensor(&p.norm.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, 4, 6));
	tensor(&p.norm.src, LOOM_DTYPE_BF16, 0x20000, DIMS(2, 4, 6));
	tensor(&p.norm.weight, LOOM_DTYPE_F16, 0x30000, DIMS(4, 6));
	tensor(&p.norm.bias, LOOM_DTYPE_F32, 0x40000, DIMS(4, 1));
	if (op == LOOM_NORM_GIVEN) {
		tensor(&p.norm.mean, LOOM_DTYPE_F32, 0x50000, DIMS(4, 1));
		tensor(&p.norm.variance, LOOM_DTYPE_F32, 0x60000, DIMS(1));
	}
	return p;
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

static union packet a_gather(unsigned int op)
{
	union packet p = start(LOOM_OP_GATHER, sizeof(p.gather));

	p.gather.op = op;
	p.gather.axis = 1;
	tensor(&p.gather.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, 5, 6));
	tensor(&p.gather.src, LOOM_DTYPE_F32, 0x20000, DIMS(2, 9, 6));
	tensor(&p.gather.indices, LOOM_DTYPE_I64, 0x30000, DIMS(5));
	if (op == LOOM_GATHER_PUT)
		p.gather.indices.dims[0] = 9;
	if (op == LOOM_GATHER_SUM) {
		tensor(&p.gather.indices, LOOM_DTYPE_I32, 0x30000, DIMS(5, 3));
		p.gather.src.dtype = LOOM_DTYPE_BF16;
	}
	return p;
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

static union packet a_resize(bool sums)
{
	union packet p = start(LOOM_OP_RESIZE, sizeof(p.resize));

	p.resize.axis = 1;
	p.resize.value = sums ? 0x3f800000 : 0x7f;
	tensor(&p.resize.dst, sums ? LOOM_DTYPE_F16 : LOOM_DTYPE_U8, 0x10000, DIMS(2, 5, 6));
	tensor(&p.resize.src, sums ? LOOM_DTYPE_BF16 : LOOM_DTYPE_U8, 0x20000, DIMS(2, 9, 6));
	tensor(&p.resize.places, LOOM_DTYPE_I32, 0x30000, DIMS(5, sums ? 4 : 1));
	if (sums)
		tensor(&p.resize.weights, LOOM_DTYPE_F32, 0x40000, DIMS(5, 4));
	return p;
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

static union packet an_arg(void)
{
	union packet p = start(LOOM_OP_ARG, sizeof(p.arg));

	p.arg.op = LOOM_ARG_MAX;
	p.arg.axis = 1;
	tensor(&p.arg.dst, LOOM_DTYPE_I64, 0x10000, DIMS(2, 1, 6));
	tensor(&p.arg.src, LOOM_DTYPE_F32, 0x20000, DIMS(2, 9, 6));
	return p;
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

static union packet a_quant(unsigned int op)
{
	bool to = op == LOOM_QUANT_TO;
	union packet p = start(LOOM_OP_QUANT, sizeof(p.quant));

	p.quant.op = op;
	tensor(&p.quant.dst, to ? LOOM_DTYPE_U8 : LOOM_DTYPE_F16, 0x10000, DIMS(2, 4, 6));
	tensor(&p.quant.src, to ? LOOM_DTYPE_BF16 : LOOM_DTYPE_U8, 0x20000, DIMS(2, 4, 6));
	tensor(&p.quant.scale, LOOM_DTYPE_F32, 0x30000, DIMS(4, 1));
	tensor(&p.quant.zero, LOOM_DTYPE_U8, 0x40000, DIMS(6));
	return p;
}

static void quants(void)
{
	union packet q = a_quant(LOOM_QUANT_TO), d = a_quant(LOOM_QUANT_FROM);

	ACCEPT(q, (void)0);
	ACCEPT(d, (void)0);
	ACCEPT(q, memset(&p.quant.zero, 0, sizeof(p.quant.zero)));
	ACCEPT(d, p.quant.src.dtype = p.quant.zero.dtype = LOOM_DTYPE_I32; p.quant.zero.va = 0x40000);
	BREAK(q, p.quant.flags = 1, FLAGS, NONE);
	BREAK(q, p.quant.reserved = 1, FLAGS, NONE);
	BREAK(q, p.quant.dst.dtype = 0, DTYPE, 0);
	BREAK(q, p.quant.src.dtype = 0, DTYPE, 1);
	BREAK(q, p.quant.scale.dtype = 0, DTYPE, 2);
	BREAK(q, p.quant.zero.dtype = 0, FLAGS, 3);
	BREAK(q, p.quant.op = 2, PARAM, NONE);
	BREAK(q, p.quant.dst.dtype = LOOM_DTYPE_I32, DTYPE, 0);
	BREAK(q, p.quant.src.dtype = LOOM_DTYPE_I16, DTYPE, 1);
	BREAK(d, p.quant.dst.dtype = LOOM_DTYPE_I8, DTYPE, 0);
	BREAK(d, p.quant.src.dtype = LOOM_DTYPE_F32, DTYPE, 1);
	BREAK(q, p.quant.scale.dtype = LOOM_DTYPE_I32, DTYPE, 2);
	BREAK(q, p.quant.zero.dtype = LOOM_DTYPE_I8, DTYPE, 3);
	BREAK(q, p.quant.src.dims[0] = 1, SHAPE, 1);
	BREAK(q, p.quant.scale.dims[0] = 3, SHAPE, 2);
	BREAK(d, p.quant.zero.dims[0] = 5, SHAPE, 3);
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
			if (!error.code)
				return false;
			continue;
		}
		accepted++;
		if (size < 16 || size > avail || work.noperands > LOOM_OPERANDS_MAX)
			return false;
		for (unsigned int j = 0; j < work.noperands; j++)
			if (!operand_sane(&work.operands[j]))
				return false;
		if (work.tiles && (!work.run || work.arena > LOOM_ARENA_MAX))
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
	panels();
	unaries();
	reductions();
	gemms();
	epilogues();
	convolutions();
	pools();
	norms();
	gathers();
	quants();
	resizes();
	args();
	bitmaps();
	names();
	tap_ok(fuzz(100000), "100000 packets of chance");
	return tap_done();
}
