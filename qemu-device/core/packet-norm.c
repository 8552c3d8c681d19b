// SPDX-License-Identifier: MIT
/* Packet decoder: NORM. */
#include "numerics.h"
#include "packet.h"

/* mean and variance are there exactly if they are to be given. */
static int check_given(const struct loom_work *work, struct loom_decode_error *error)
{
	for (unsigned int i = 4; i < 6; i++)
		if ((work->operands[i].dtype != 0) != (work->u.norm.op == LOOM_NORM_GIVEN))
			return reject(error, LOOM_FAULT_CMD_DTYPE, i);
	return 0;
}

int loom_packet_norm(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_norm *pkt = packet;
	const struct loom_operand *op = work->operands;
	int ret;

	if (pkt->flags)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	ret = loom_packet_tensor(work, &pkt->dst, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->src, false, false, error);
	for (unsigned int i = 0; i < 4 && !ret; i++)
		ret = loom_packet_tensor(work, &pkt->weight + i, false, true, error);
	if (ret)
		return ret;
	for (unsigned int i = 0; i < 6; i++)
		if (op[i].dtype && !loom_dtype_is_float(op[i].dtype))
			return reject(error, LOOM_FAULT_CMD_DTYPE, i);
	work->u.norm.op = le32toh(pkt->op);
	work->u.norm.axes = le32toh(pkt->axes);
	work->u.norm.epsilon = loom_f32_of(le32toh(pkt->epsilon));
	/* the comparison also fails for NaN */
	if (work->u.norm.op > LOOM_NORM_GIVEN || !(work->u.norm.epsilon >= 0.0f) ||
	    isinf(work->u.norm.epsilon))
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	ret = check_given(work, error);
	if (ret)
		return ret;
	if (!same_shape(&op[0], &op[1]))
		return reject(error, LOOM_FAULT_CMD_SHAPE, 1);
	for (unsigned int i = 2; i < 6; i++)
		if (op[i].dtype && !loom_packet_broadcasts(&op[i], &op[0], 0))
			return reject(error, LOOM_FAULT_CMD_SHAPE, i);
	if (work->u.norm.op == LOOM_NORM_GIVEN)
		return work->u.norm.axes ? reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND) : 0;
	ret = loom_packet_axes(&op[1], work->u.norm.axes, error);
	return ret ? ret : loom_packet_in_place(work, work->u.norm.axes, LOOM_NORM_IN_PLACE_MAX,
						error);
}
