// SPDX-License-Identifier: MIT
#include "decode.h"

#include <stdlib.h>

struct loom_work decoded;
struct loom_decode_error decode_error;
uint32_t decode_size;

int decode(const union packet *p, uint64_t avail, bool debug)
{
	/* an exact copy on the heap: a sanitiser sees what is read beyond it */
	void *copy = malloc(avail);
	int ret;

	memcpy(copy, p, avail);
	ret = loom_packet_decode(copy, avail, debug, loom_engine_find("reference"), &decoded,
				 &decode_size, &decode_error);
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

bool valid(const union packet *p)
{
	int ret = decode(p, p->header.size, true);

	if (ret)
		printf("# rejected: code %u operand %u\n", decode_error.code, decode_error.operand);
	return !ret && decode_size == p->header.size && planned(p);
}

bool invalid(const union packet *p, unsigned int code, unsigned int operand)
{
	int ret = decode(p, p->header.size, true);

	if (ret && decode_error.code == code && decode_error.operand == operand)
		return true;
	printf("# returned %d, code %u operand %u\n", ret, decode_error.code, decode_error.operand);
	return false;
}

void tensor(struct loom_tensor *t, unsigned int dtype, uint64_t va, unsigned int rank,
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

union packet start(unsigned int opcode, size_t bytes)
{
	union packet p;

	memset(&p, 0, sizeof(p));
	header_init(&p.header, opcode, bytes);
	return p;
}

union packet a_fence(void)
{
	union packet p = start(LOOM_OP_FENCE, sizeof(p.fence));

	p.fence.va = 0x1000;
	p.fence.value = 42;
	return p;
}

union packet a_timestamp(void)
{
	union packet p = start(LOOM_OP_TIMESTAMP, sizeof(p.timestamp));

	p.timestamp.va = 0x1000;
	return p;
}

union packet a_copy(void)
{
	union packet p = start(LOOM_OP_COPY, sizeof(p.copy));

	tensor(&p.copy.dst, LOOM_DTYPE_F32, 0x10000, DIMS(4, 6));
	tensor(&p.copy.src, LOOM_DTYPE_F32, 0x20000, DIMS(4, 6));
	return p;
}

union packet a_fill(void)
{
	union packet p = start(LOOM_OP_FILL, sizeof(p.fill));

	tensor(&p.fill.dst, LOOM_DTYPE_I16, 0x10000, DIMS(4, 6));
	p.fill.value = 0xffff;
	return p;
}

union packet an_eltwise(void)
{
	union packet p = start(LOOM_OP_ELTWISE, sizeof(p.eltwise));

	tensor(&p.eltwise.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, 4, 6));
	tensor(&p.eltwise.a, LOOM_DTYPE_F16, 0x20000, DIMS(1, 6));
	tensor(&p.eltwise.b, LOOM_DTYPE_BF16, 0x30000, 0, NULL);
	return p;
}

union packet a_unary(void)
{
	union packet p = start(LOOM_OP_UNARY, sizeof(p.unary));

	tensor(&p.unary.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, 4, 6));
	tensor(&p.unary.src, LOOM_DTYPE_BF16, 0x20000, DIMS(2, 4, 6));
	p.unary.op = LOOM_UNARY_EXP;
	return p;
}

union packet a_reduce(void)
{
	union packet p = start(LOOM_OP_REDUCE, sizeof(p.reduce));

	tensor(&p.reduce.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, 1, 6));
	tensor(&p.reduce.src, LOOM_DTYPE_F16, 0x20000, DIMS(2, 4, 6));
	p.reduce.axes = 2;
	return p;
}

union packet a_softmax(void)
{
	union packet p = start(LOOM_OP_SOFTMAX, sizeof(p.softmax));

	tensor(&p.softmax.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, 4, 6));
	tensor(&p.softmax.src, LOOM_DTYPE_BF16, 0x20000, DIMS(2, 4, 6));
	p.softmax.axes = 6;
	return p;
}

union packet in_place(uint32_t n)
{
	union packet p = start(LOOM_OP_SOFTMAX, sizeof(p.softmax));

	tensor(&p.softmax.dst, LOOM_DTYPE_F32, 0x10000, DIMS(2, n));
	p.softmax.src = p.softmax.dst;
	p.softmax.axes = 2;
	return p;
}

union packet a_gemm(unsigned int dtype, unsigned int out)
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

union packet a_pack(unsigned int dtype)
{
	union packet p = start(LOOM_OP_PACK, sizeof(p.pack));

	tensor(&p.pack.dst, dtype, 0x10000, DIMS(2, 5, 40));
	tensor(&p.pack.src, dtype, 0x20000, DIMS(2, 5, 40));
	p.pack.dst.flags = LOOM_TENSOR_PANELS;
	p.pack.dst.strides[0] = 1280;
	p.pack.dst.strides[1] = p.pack.dst.strides[2] = 0;
	return p;
}

union packet a_panel_gemm(void)
{
	union packet p = a_gemm(LOOM_DTYPE_F32, LOOM_DTYPE_F32);

	p.gemm.b.flags = LOOM_TENSOR_PANELS;
	p.gemm.b.strides[0] = 160;
	p.gemm.b.strides[1] = p.gemm.b.strides[2] = 0;
	return p;
}

union packet a_hang(void)
{
	return start(LOOM_OP_HANG, sizeof(struct loom_pkt_hang));
}

union packet a_conv(unsigned int dtype)
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

union packet a_pool(unsigned int op)
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

union packet a_norm(unsigned int op)
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

union packet a_gather(unsigned int op)
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

union packet a_resize(bool sums)
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

union packet an_arg(void)
{
	union packet p = start(LOOM_OP_ARG, sizeof(p.arg));

	p.arg.op = LOOM_ARG_MAX;
	p.arg.axis = 1;
	tensor(&p.arg.dst, LOOM_DTYPE_I64, 0x10000, DIMS(2, 1, 6));
	tensor(&p.arg.src, LOOM_DTYPE_F32, 0x20000, DIMS(2, 9, 6));
	return p;
}

union packet a_quant(unsigned int op)
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
