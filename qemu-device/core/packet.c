// SPDX-License-Identifier: MIT
/*
 * Packet decoder: the only place that looks at the bytes of a packet.
 *
 * A program is hostile until shown otherwise. Everything the engines rely on
 * is established here: extents that fit the address space, element counts that
 * fit 64 bits, shapes that match, types that combine.
 */
#include "numerics.h"
#include "packet.h"

/* One 64-bit word that the front end stores: FENCE, TIMESTAMP. */
static int decode_word(struct loom_work *work, uint64_t va, struct loom_decode_error *error)
{
	struct loom_operand *op = &work->operands[work->noperands++];

	op->dtype = LOOM_DTYPE_U64;
	op->size = 8;
	op->write = true;
	return loom_packet_place(op, va, error, 0);
}

static int decode_nop(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	(void)packet;
	(void)work;
	(void)error;
	return 0;
}

static int decode_fence(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_fence *pkt = packet;

	work->u.fence.value = le64toh(pkt->value);
	return decode_word(work, le64toh(pkt->va), error);
}

static int decode_timestamp(const void *packet, struct loom_work *work,
			    struct loom_decode_error *error)
{
	const struct loom_pkt_timestamp *pkt = packet;

	if (pkt->reserved)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	return decode_word(work, le64toh(pkt->va), error);
}

static bool castable(unsigned int dtype)
{
	return loom_dtype_is_float(dtype) || loom_dtype_is_int8(dtype) || dtype == LOOM_DTYPE_I32;
}

static int decode_copy(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_copy *pkt = packet;
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	int ret;

	if (pkt->flags)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	ret = loom_packet_tensor(work, &pkt->dst, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->src, false, false, error);
	if (ret)
		return ret;
	if (dst->dtype != src->dtype && !castable(dst->dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 0);
	if (dst->dtype != src->dtype && !castable(src->dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 1);
	if (!same_shape(dst, src))
		return reject(error, LOOM_FAULT_CMD_SHAPE, 1);
	return 0;
}

static int decode_fill(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_fill *pkt = packet;
	unsigned int size;
	int ret;

	ret = loom_packet_tensor(work, &pkt->dst, true, false, error);
	if (ret)
		return ret;
	size = work->operands[0].size;
	work->u.fill.value = le64toh(pkt->value);
	if (size < 8 && work->u.fill.value >> (8 * size))
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	return 0;
}

static int decode_eltwise(const void *packet, struct loom_work *work,
			  struct loom_decode_error *error)
{
	const struct loom_pkt_eltwise *pkt = packet;
	const struct loom_operand *op = work->operands;
	bool integer;
	int ret;

	ret = loom_packet_tensor(work, &pkt->dst, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->a, false, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->b, false, false, error);
	if (ret)
		return ret;
	integer = !loom_dtype_is_float(op[0].dtype);
	if (integer && op[0].dtype != LOOM_DTYPE_I32 && !loom_dtype_is_int8(op[0].dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 0);
	for (unsigned int i = 1; i < 3; i++)
		if (integer ? op[i].dtype != op[0].dtype : !loom_dtype_is_float(op[i].dtype))
			return reject(error, LOOM_FAULT_CMD_DTYPE, i);
	work->u.eltwise.op = le32toh(pkt->op);
	work->u.eltwise.act = le32toh(pkt->act);
	if (work->u.eltwise.op > LOOM_ELTWISE_MAX)
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	if (work->u.eltwise.op == LOOM_ELTWISE_DIV && integer)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 0);
	ret = loom_packet_act(work->u.eltwise.act, pkt->act_param, integer, work->u.eltwise.param,
			      error);
	if (ret)
		return ret;
	for (unsigned int i = 1; i < 3; i++)
		if (!loom_packet_broadcasts(&op[i], &op[0], 0))
			return reject(error, LOOM_FAULT_CMD_SHAPE, i);
	return 0;
}

/* What UNARY and SOFTMAX read: the shape of dst, and its type unless both are floats. */
static int check_like(const struct loom_operand *dst, const struct loom_operand *src, bool integer,
		      struct loom_decode_error *error)
{
	if (integer ? src->dtype != dst->dtype : !loom_dtype_is_float(src->dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 1);
	if (!same_shape(dst, src))
		return reject(error, LOOM_FAULT_CMD_SHAPE, 1);
	return 0;
}

static int decode_unary(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_unary *pkt = packet;
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	uint32_t op = le32toh(pkt->op);
	bool integer;
	int ret;

	ret = loom_packet_tensor(work, &pkt->dst, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->src, false, false, error);
	if (ret)
		return ret;
	integer = !loom_dtype_is_float(dst->dtype);
	if (integer && dst->dtype != LOOM_DTYPE_I32 && !loom_dtype_is_int8(dst->dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 0);
	ret = check_like(dst, src, integer, error);
	if (ret)
		return ret;
	if (op > LOOM_UNARY_TRUNC)
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	if (op > LOOM_UNARY_SQUARE && integer)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 0);
	work->u.unary.op = op;
	work->u.unary.act = le32toh(pkt->act);
	return loom_packet_act(work->u.unary.act, pkt->act_param, integer, work->u.unary.param,
			       error);
}

static bool computes(unsigned int dtype)
{
	return loom_dtype_is_float(dtype) || loom_dtype_is_int8(dtype) || dtype == LOOM_DTYPE_I32;
}

static int decode_reduce(const void *packet, struct loom_work *work,
			 struct loom_decode_error *error)
{
	const struct loom_pkt_reduce *pkt = packet;
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	uint32_t op = le32toh(pkt->op), axes = le32toh(pkt->axes);
	bool integer;
	int ret;

	if (pkt->flags)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	ret = loom_packet_tensor(work, &pkt->dst, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->src, false, false, error);
	if (ret)
		return ret;
	if (!computes(src->dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 1);
	integer = !loom_dtype_is_float(src->dtype);
	if (integer ? dst->dtype != LOOM_DTYPE_I32 && dst->dtype != src->dtype :
		      !loom_dtype_is_float(dst->dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 0);
	if (op > LOOM_REDUCE_SUMABS)
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	if (op == LOOM_REDUCE_MEAN && integer)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 1);
	ret = loom_packet_axes(src, axes, error);
	if (ret)
		return ret;
	if (dst->rank != src->rank)
		return reject(error, LOOM_FAULT_CMD_SHAPE, 0);
	for (unsigned int i = 0; i < src->rank; i++)
		if (dst->dims[i] != (axes >> i & 1 ? 1 : src->dims[i]))
			return reject(error, LOOM_FAULT_CMD_SHAPE, 0);
	work->u.reduce.op = op;
	work->u.reduce.axes = axes;
	return 0;
}

static int decode_softmax(const void *packet, struct loom_work *work,
			  struct loom_decode_error *error)
{
	const struct loom_pkt_softmax *pkt = packet;
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	uint32_t flags = le32toh(pkt->flags);
	int ret;

	if (flags & ~LOOM_SOFTMAX_LOG || pkt->reserved)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	ret = loom_packet_tensor(work, &pkt->dst, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->src, false, false, error);
	if (ret)
		return ret;
	if (!loom_dtype_is_float(dst->dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 0);
	ret = check_like(dst, src, false, error);
	if (ret)
		return ret;
	work->u.softmax.log = flags & LOOM_SOFTMAX_LOG;
	work->u.softmax.axes = le32toh(pkt->axes);
	ret = loom_packet_axes(src, work->u.softmax.axes, error);
	return ret ? ret : loom_packet_in_place(work, work->u.softmax.axes,
						LOOM_SOFTMAX_IN_PLACE_MAX, error);
}

static int decode_hang(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_hang *pkt = packet;

	work->u.hang.flags = le64toh(pkt->flags);
	if (work->u.hang.flags & ~(uint64_t)LOOM_HANG_BUSY || pkt->reserved)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	return 0;
}

static const struct op {
	uint16_t opcode;
	uint16_t size;
	bool debug;
	int (*decode)(const void *packet, struct loom_work *work, struct loom_decode_error *error);
} ops[] = {
	{ LOOM_OP_NOP, sizeof(struct loom_pkt_header), false, decode_nop },
	{ LOOM_OP_FENCE, sizeof(struct loom_pkt_fence), false, decode_fence },
	{ LOOM_OP_TIMESTAMP, sizeof(struct loom_pkt_timestamp), false, decode_timestamp },
	{ LOOM_OP_COPY, sizeof(struct loom_pkt_copy), false, decode_copy },
	{ LOOM_OP_FILL, sizeof(struct loom_pkt_fill), false, decode_fill },
	{ LOOM_OP_ELTWISE, sizeof(struct loom_pkt_eltwise), false, decode_eltwise },
	{ LOOM_OP_UNARY, sizeof(struct loom_pkt_unary), false, decode_unary },
	{ LOOM_OP_REDUCE, sizeof(struct loom_pkt_reduce), false, decode_reduce },
	{ LOOM_OP_SOFTMAX, sizeof(struct loom_pkt_softmax), false, decode_softmax },
	{ LOOM_OP_NORM, sizeof(struct loom_pkt_norm), false, loom_packet_norm },
	{ LOOM_OP_POOL, sizeof(struct loom_pkt_pool), false, loom_packet_pool },
	{ LOOM_OP_GATHER, sizeof(struct loom_pkt_gather), false, loom_packet_gather },
	{ LOOM_OP_RESIZE, sizeof(struct loom_pkt_resize), false, loom_packet_resize },
	{ LOOM_OP_QUANT, sizeof(struct loom_pkt_quant), false, loom_packet_quant },
	{ LOOM_OP_ARG, sizeof(struct loom_pkt_arg), false, loom_packet_arg },
	{ LOOM_OP_GEMM, sizeof(struct loom_pkt_gemm), false, loom_packet_gemm },
	{ LOOM_OP_CONV, sizeof(struct loom_pkt_conv), false, loom_packet_conv },
	{ LOOM_OP_PACK, sizeof(struct loom_pkt_pack), false, loom_packet_pack },
	{ LOOM_OP_HANG, sizeof(struct loom_pkt_hang), true, decode_hang },
};

#define NOPS	(sizeof(ops) / sizeof(ops[0]))

static const struct op *op_find(unsigned int opcode, bool debug)
{
	for (size_t i = 0; i < NOPS; i++)
		if (ops[i].opcode == opcode && (debug || !ops[i].debug))
			return &ops[i];
	return NULL;
}

static void plan(const struct loom_engine *engine, struct loom_work *work)
{
	switch (work->opcode) {
	case LOOM_OP_COPY:
		engine->copy(work);
		break;
	case LOOM_OP_FILL:
		engine->fill(work);
		break;
	case LOOM_OP_ELTWISE:
		engine->eltwise(work);
		break;
	case LOOM_OP_UNARY:
		engine->unary(work);
		break;
	case LOOM_OP_REDUCE:
		engine->reduce(work);
		break;
	case LOOM_OP_SOFTMAX:
		engine->softmax(work);
		break;
	case LOOM_OP_NORM:
		engine->norm(work);
		break;
	case LOOM_OP_POOL:
		engine->pool(work);
		break;
	case LOOM_OP_GATHER:
		engine->gather(work);
		break;
	case LOOM_OP_RESIZE:
		engine->resize(work);
		break;
	case LOOM_OP_QUANT:
		engine->quant(work);
		break;
	case LOOM_OP_ARG:
		engine->arg(work);
		break;
	case LOOM_OP_GEMM:
		engine->gemm(work);
		break;
	case LOOM_OP_CONV:
		engine->conv(work);
		break;
	case LOOM_OP_PACK:
		engine->pack(work);
		break;
	}
}

int loom_packet_decode(const void *packet, uint64_t avail, bool debug,
		       const struct loom_engine *engine, struct loom_work *work, uint32_t *size,
		       struct loom_decode_error *error)
{
	const struct loom_pkt_header *header = packet;
	const struct op *op;
	unsigned int code;
	uint32_t len;
	int ret;

	memset(work, 0, sizeof(*work));
	error->code = LOOM_FAULT_NONE;
	error->operand = NO_OPERAND;
	len = le32toh(header->size);
	if (len < sizeof(*header) || len % 8 || len > avail || header->pad ||
	    header->flags & ~LOOM_PKT_IGNORABLE)
		return reject(error, LOOM_FAULT_CMD_HEADER, NO_OPERAND);
	op = op_find(le16toh(header->opcode), debug);
	if (!op || header->version != LOOM_PKT_VERSION) {
		code = op ? LOOM_FAULT_CMD_VERSION : LOOM_FAULT_CMD_OPCODE;
		if (!(header->flags & LOOM_PKT_IGNORABLE))
			return reject(error, code, NO_OPERAND);
		work->opcode = LOOM_OP_NOP;
		*size = len;
		return 0;
	}
	if (len < op->size)
		return reject(error, LOOM_FAULT_CMD_HEADER, NO_OPERAND);
	if (!all_zero((const uint8_t *)packet + op->size, len - op->size))
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	work->opcode = op->opcode;
	ret = op->decode(packet, work, error);
	if (ret)
		return ret;
	/* a result without elements is nothing to compute */
	if (work->operands[0].extent)
		plan(engine, work);
	*size = len;
	return 0;
}

void loom_opcode_bitmap(bool debug, uint64_t bitmap[4])
{
	memset(bitmap, 0, 4 * sizeof(*bitmap));
	for (size_t i = 0; i < NOPS; i++)
		if (debug || !ops[i].debug)
			bitmap[ops[i].opcode / 64] |= 1ull << ops[i].opcode % 64;
}

uint64_t loom_dtype_bitmap(void)
{
	uint64_t bitmap = 0;

	for (unsigned int i = 0; i < 64; i++)
		if (loom_dtype_size(i))
			bitmap |= 1ull << i;
	return bitmap;
}
