// SPDX-License-Identifier: MIT
#include <string.h>

#include "loom_isa.h"

#include "packet.h"

#define TENSORS_MAX	7
#define AT(type, member)	offsetof(struct loom_pkt_##type, member)
#define KIND(OP, type, ...)	{ LOOM_OP_##OP, sizeof(struct loom_pkt_##type), { __VA_ARGS__ } }

/* A packet's size, and where in it there are tensors. */
static const struct shape {
	uint16_t opcode, size;
	uint16_t tensors[TENSORS_MAX];
} shapes[] = {
	{ LOOM_OP_NOP, sizeof(struct loom_pkt_header), { 0 } },
	KIND(FENCE, fence, 0),
	KIND(TIMESTAMP, timestamp, 0),
	KIND(COPY, copy, AT(copy, dst), AT(copy, src)),
	KIND(FILL, fill, AT(fill, dst)),
	KIND(ELTWISE, eltwise, AT(eltwise, dst), AT(eltwise, a), AT(eltwise, b)),
	KIND(UNARY, unary, AT(unary, dst), AT(unary, src)),
	KIND(REDUCE, reduce, AT(reduce, dst), AT(reduce, src)),
	KIND(SOFTMAX, softmax, AT(softmax, dst), AT(softmax, src)),
	KIND(NORM, norm, AT(norm, dst), AT(norm, src)),
	KIND(QUANT, quant, AT(quant, dst), AT(quant, src), AT(quant, scale)),
	KIND(GATHER, gather, AT(gather, dst), AT(gather, src), AT(gather, indices)),
	KIND(GEMM, gemm, AT(gemm, c), AT(gemm, a), AT(gemm, b)),
	KIND(PACK, pack, AT(pack, dst), AT(pack, src)),
};

#define SHAPES	(sizeof(shapes) / sizeof(shapes[0]))

static uint64_t address(const struct packet_range *range, uint32_t bytes, struct choices *choices)
{
	return range->va + (choose(choices, range->size - bytes) & ~63u);
}

static uint32_t dtype_size(uint32_t dtype)
{
	static const uint8_t sizes[] = { 1, 4, 2, 2, 1, 1, 4, 4, 2, 2, 8, 8, 8 };

	return dtype < sizeof(sizes) ? sizes[dtype] : 8;
}

static void tensor(struct loom_tensor *t, uint32_t dtype, const uint32_t *dims, uint32_t rank,
		   const struct packet_range *range, struct choices *choices)
{
	uint64_t stride = 1;

	memset(t, 0, sizeof(*t));
	t->dtype = dtype;
	t->rank = rank;
	for (uint32_t i = rank; i-- > 0; stride *= dims[i]) {
		t->dims[i] = dims[i];
		t->strides[i] = stride;
	}
	t->va = address(range, stride * dtype_size(dtype), choices);
}

/* All operands are of one type, but for these; what is always of the same type may be any. */
static uint32_t operand_dtype(const struct shape *shape, uint32_t i, uint32_t dtype)
{
	if (shape->opcode == LOOM_OP_QUANT && !i)
		return LOOM_DTYPE_I8;
	return shape->opcode == LOOM_OP_GATHER && i == 2 ? LOOM_DTYPE_I32 : dtype;
}

/* All operands alike, but for those of GEMM: that is right for most. */
static void operands(uint8_t *packet, const struct shape *shape, const struct packet_range *range,
		     struct choices *choices)
{
	uint32_t dims[3] = { 1 + choose(choices, 16), 1 + choose(choices, 16), 1 + choose(choices, 16) };
	uint32_t dtype = choose(choices, 16) ? LOOM_DTYPE_F32 : 1 + choose(choices, 12);
	uint32_t of[2], rank;

	for (uint32_t i = 0; i < TENSORS_MAX && shape->tensors[i]; i++) {
		of[0] = dims[0];
		of[1] = dims[1];
		if (shape->opcode == LOOM_OP_GEMM && i == 1)
			of[1] = dims[2];
		if (shape->opcode == LOOM_OP_GEMM && i == 2)
			of[0] = dims[2];
		if (shape->opcode == LOOM_OP_REDUCE && !i)
			of[1] = 1;
		rank = shape->opcode == LOOM_OP_GATHER && i == 2 ? 1 : 2;
		tensor((void *)(packet + shape->tensors[i]), operand_dtype(shape, i, dtype), of, rank,
		       range, choices);
	}
	if (shape->opcode == LOOM_OP_REDUCE)
		((struct loom_pkt_reduce *)packet)->axes = 2;
	if (shape->opcode == LOOM_OP_SOFTMAX)
		((struct loom_pkt_softmax *)packet)->axes = 2;
	if (shape->opcode == LOOM_OP_NORM)
		((struct loom_pkt_norm *)packet)->axes = 2;
	if (shape->opcode == LOOM_OP_PACK)
		((struct loom_pkt_pack *)packet)->dst.flags = LOOM_TENSOR_PANELS;
}

static void spoil(uint8_t *packet, uint32_t size, struct choices *choices)
{
	uint32_t at = choose(choices, size), n;

	switch (choose(choices, 4)) {
	case 0:
		packet[at] ^= 1u << choose(choices, 8);
		break;
	case 1:
		packet[at] = choose(choices, 256);
		break;
	case 2:
		for (n = 0; n < 8; n++)
			packet[(at & ~7u) + n] = choose(choices, 2) ? 0xff : 0;
		break;
	default:
		((struct loom_pkt_header *)packet)->size = choose(choices, 4096);
		break;
	}
}

uint32_t packets_write(uint8_t *to, uint32_t room, uint32_t count, const struct packet_range *range,
		       bool hang, struct choices *choices)
{
	uint32_t used = 0;

	while (count--) {
		const struct shape *shape = &shapes[choose(choices, SHAPES)];
		struct loom_pkt_header *header = (void *)(to + used);
		bool endless = hang && one_in(choices, 40);
		uint32_t size = endless ? sizeof(struct loom_pkt_hang) : shape->size;

		if (used + size > room)
			break;
		memset(header, 0, size);
		header->opcode = endless ? LOOM_OP_HANG : shape->opcode;
		header->version = LOOM_PKT_VERSION;
		header->size = size;
		header->tag = choose(choices, 1000);
		if (endless)
			((struct loom_pkt_hang *)header)->flags = choose(choices, 2);
		else if (shape->opcode == LOOM_OP_FENCE)
			((struct loom_pkt_fence *)header)->va = address(range, 8, choices);
		else if (shape->opcode == LOOM_OP_TIMESTAMP)
			((struct loom_pkt_timestamp *)header)->va = address(range, 8, choices);
		else
			operands(to + used, shape, range, choices);
		if (one_in(choices, 30))
			spoil(to + used, size, choices);
		used += size;
	}
	return used;
}
