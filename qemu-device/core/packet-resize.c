// SPDX-License-Identifier: MIT
/* Packet decoder: RESIZE and ARG. */
#include "numerics.h"
#include "packet.h"

/* The same but for one axis. */
static bool alike(const struct loom_operand *a, const struct loom_operand *b, uint32_t axis)
{
	if (a->rank != b->rank)
		return false;
	for (unsigned int i = 0; i < a->rank; i++)
		if (i != axis && a->dims[i] != b->dims[i])
			return false;
	return true;
}

static int resize_types(const struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_operand *op = work->operands;
	bool sums = op[3].dtype != LOOM_DTYPE_NONE;

	for (unsigned int i = 0; i < 2 && sums; i++)
		if (!loom_dtype_is_float(op[i].dtype))
			return reject(error, LOOM_FAULT_CMD_DTYPE, i);
	if (!sums && op[1].dtype != op[0].dtype)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 1);
	if (op[2].dtype != LOOM_DTYPE_I32)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 2);
	if (sums && op[3].dtype != LOOM_DTYPE_F32)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 3);
	return 0;
}

static int resize_shapes(const struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_operand *op = work->operands;
	uint32_t axis = work->u.resize.axis;
	bool sums = op[3].dtype != LOOM_DTYPE_NONE;
	unsigned int size = sums ? sizeof(float) : op[0].size;

	if (axis >= op[0].rank || (size < 8 && work->u.resize.value >> (8 * size)))
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	if (!alike(&op[0], &op[1], axis))
		return reject(error, LOOM_FAULT_CMD_SHAPE, 1);
	if (op[2].rank != 2 || op[2].dims[0] != op[0].dims[axis] || (!sums && op[2].dims[1] != 1))
		return reject(error, LOOM_FAULT_CMD_SHAPE, 2);
	if (sums && !same_shape(&op[3], &op[2]))
		return reject(error, LOOM_FAULT_CMD_SHAPE, 3);
	return 0;
}

int loom_packet_resize(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_resize *pkt = packet;
	int ret;

	if (pkt->flags)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	ret = loom_packet_tensor(work, &pkt->dst, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->src, false, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->places, false, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->weights, false, true, error);
	if (ret)
		return ret;
	work->u.resize.axis = le32toh(pkt->axis);
	work->u.resize.value = le64toh(pkt->value);
	ret = resize_types(work, error);
	return ret ? ret : resize_shapes(work, error);
}

int loom_packet_arg(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_arg *pkt = packet;
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	uint32_t op = le32toh(pkt->op), axis = le32toh(pkt->axis);
	uint64_t flags = le64toh(pkt->flags);
	int ret;

	if (flags & ~(uint64_t)LOOM_ARG_LAST)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	ret = loom_packet_tensor(work, &pkt->dst, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->src, false, false, error);
	if (ret)
		return ret;
	if (dst->dtype != LOOM_DTYPE_I32 && dst->dtype != LOOM_DTYPE_I64)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 0);
	if (!loom_dtype_is_float(src->dtype) && src->dtype != LOOM_DTYPE_I8 &&
	    src->dtype != LOOM_DTYPE_U8 && src->dtype != LOOM_DTYPE_I32)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 1);
	if (op > LOOM_ARG_MAX || axis >= src->rank)
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	if (!alike(dst, src, axis) || dst->dims[axis] != 1)
		return reject(error, LOOM_FAULT_CMD_SHAPE, 0);
	if (!src->dims[axis])
		return reject(error, LOOM_FAULT_CMD_SHAPE, 1);
	work->u.arg.op = op;
	work->u.arg.axis = axis;
	work->u.arg.last = flags & LOOM_ARG_LAST;
	return 0;
}
