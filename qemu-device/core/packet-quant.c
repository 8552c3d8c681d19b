// SPDX-License-Identifier: MIT
/* Packet decoder: QUANT. */
#include "numerics.h"
#include "packet.h"

static int check_types(const struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_operand *op = work->operands;
	unsigned int integer = work->u.quant.op == LOOM_QUANT_TO ? 0 : 1;

	if (work->u.quant.op > LOOM_QUANT_FROM)
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	if (!loom_dtype_is_int8(op[integer].dtype) &&
	    !(integer && op[integer].dtype == LOOM_DTYPE_I32))
		return reject(error, LOOM_FAULT_CMD_DTYPE, integer);
	if (!loom_dtype_is_float(op[1 - integer].dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 1 - integer);
	if (!loom_dtype_is_float(op[2].dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 2);
	if (op[3].dtype && op[3].dtype != op[integer].dtype)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 3);
	return 0;
}

int loom_packet_quant(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_quant *pkt = packet;
	const struct loom_operand *op = work->operands;
	int ret;

	if (pkt->flags || pkt->reserved)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	ret = loom_packet_tensor(work, &pkt->dst, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->src, false, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->scale, false, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->zero, false, true, error);
	if (ret)
		return ret;
	work->u.quant.op = le32toh(pkt->op);
	ret = check_types(work, error);
	if (ret)
		return ret;
	if (!same_shape(&op[0], &op[1]))
		return reject(error, LOOM_FAULT_CMD_SHAPE, 1);
	for (unsigned int i = 2; i < 4; i++)
		if (op[i].dtype && !loom_packet_broadcasts(&op[i], &op[0], 0))
			return reject(error, LOOM_FAULT_CMD_SHAPE, i);
	return 0;
}
