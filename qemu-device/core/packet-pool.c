// SPDX-License-Identifier: MIT
/* Packet decoder: POOL. */
#include "numerics.h"
#include "packet.h"

static int check_types(const struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_operand *op = work->operands;
	bool integer = !loom_dtype_is_float(op[1].dtype);

	if (integer && op[1].dtype != LOOM_DTYPE_I32 && !loom_dtype_is_int8(op[1].dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 1);
	if (integer ? op[0].dtype != op[1].dtype : !loom_dtype_is_float(op[0].dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 0);
	if (op[2].dtype && op[2].dtype != LOOM_DTYPE_I64)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 2);
	if (work->u.pool.op > LOOM_POOL_L2)
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	if (work->u.pool.op == LOOM_POOL_MAX)
		return 0;
	if (integer)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 1);
	if (op[2].dtype)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 2);
	return 0;
}

static int check_shapes(const struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_operand *y = &work->operands[0], *x = &work->operands[1];
	const struct loom_operand *indices = &work->operands[2];

	if (y->rank < 3 || y->rank > 2 + LOOM_WINDOW_AXES)
		return reject(error, LOOM_FAULT_CMD_SHAPE, 0);
	if (x->rank != y->rank || x->dims[0] != y->dims[0] || x->dims[1] != y->dims[1])
		return reject(error, LOOM_FAULT_CMD_SHAPE, 1);
	if (indices->dtype && !same_shape(indices, y))
		return reject(error, LOOM_FAULT_CMD_SHAPE, 2);
	return 0;
}

static int check_taps(struct loom_work *work, const struct loom_pkt_pool *pkt,
		      struct loom_decode_error *error)
{
	unsigned int axes = work->operands[0].rank - 2u;
	uint64_t all = 1;

	for (unsigned int i = 0; i < LOOM_WINDOW_AXES; i++) {
		uint32_t taps = le32toh(pkt->taps[i]), after = le32toh(pkt->after[i]);

		work->u.pool.taps[i] = taps;
		work->u.pool.after[i] = after;
		if (i < axes ? !taps || work->window[i].spacing != 1 : taps != 0)
			return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
		if (after > LOOM_DIM_MAX || (after && (i >= axes || !work->u.pool.count_holes)))
			return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
		all *= i < axes ? taps : 1;
		if (all > LOOM_DIM_MAX)
			return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	}
	work->u.pool.all_taps = all;
	return 0;
}

int loom_packet_pool(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_pool *pkt = packet;
	uint32_t flags = le32toh(pkt->flags);
	int ret;

	if (flags & ~LOOM_POOL_COUNT_HOLES)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	ret = loom_packet_tensor(work, &pkt->y, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->x, false, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->indices, true, true, error);
	if (ret)
		return ret;
	work->u.pool.op = le32toh(pkt->op);
	work->u.pool.count_holes = flags & LOOM_POOL_COUNT_HOLES;
	ret = check_types(work, error);
	if (ret)
		return ret;
	if (work->u.pool.count_holes && work->u.pool.op != LOOM_POOL_AVERAGE)
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	ret = check_shapes(work, error);
	if (!ret)
		ret = loom_packet_window(&pkt->window, work->operands[0].rank - 2u, work, error);
	return ret ? ret : check_taps(work, pkt, error);
}
