// SPDX-License-Identifier: MIT
/* Packet decoder: GATHER. */
#include "numerics.h"
#include "packet.h"

static int check_types(const struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_operand *op = work->operands;

	if (work->u.gather.op > LOOM_GATHER_PUT)
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	for (unsigned int i = 0; i < 2 && work->u.gather.op == LOOM_GATHER_SUM; i++)
		if (!loom_dtype_is_float(op[i].dtype))
			return reject(error, LOOM_FAULT_CMD_DTYPE, i);
	if (work->u.gather.op != LOOM_GATHER_SUM && op[1].dtype != op[0].dtype)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 1);
	if (op[2].dtype != LOOM_DTYPE_I32 && op[2].dtype != LOOM_DTYPE_I64)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 2);
	return 0;
}

static int check_shapes(const struct loom_work *work, struct loom_decode_error *error)
{
	unsigned int itable = work->u.gather.op == LOOM_GATHER_PUT ? 0 : 1, ivalues = 1 - itable;
	const struct loom_operand *table = &work->operands[itable];
	const struct loom_operand *values = &work->operands[ivalues];
	const struct loom_operand *indices = &work->operands[2];
	uint32_t axis = work->u.gather.axis;

	if (axis >= table->rank)
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	if (values->rank != table->rank)
		return reject(error, LOOM_FAULT_CMD_SHAPE, ivalues);
	for (unsigned int i = 0; i < table->rank; i++)
		if (i != axis && values->dims[i] != table->dims[i])
			return reject(error, LOOM_FAULT_CMD_SHAPE, ivalues);
	if (indices->rank != (work->u.gather.op == LOOM_GATHER_SUM ? 2 : 1) ||
	    indices->dims[0] != values->dims[axis])
		return reject(error, LOOM_FAULT_CMD_SHAPE, 2);
	return 0;
}

int loom_packet_gather(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_gather *pkt = packet;
	int ret;

	if (pkt->flags)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	ret = loom_packet_tensor(work, &pkt->dst, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->src, false, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->indices, false, false, error);
	if (ret)
		return ret;
	work->u.gather.op = le32toh(pkt->op);
	work->u.gather.axis = le32toh(pkt->axis);
	ret = check_types(work, error);
	return ret ? ret : check_shapes(work, error);
}
