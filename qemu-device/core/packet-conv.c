// SPDX-License-Identifier: MIT
/* Packet decoder: CONV. */
#include "numerics.h"
#include "packet.h"

static int check_shapes(struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_operand *y = &work->operands[0], *x = &work->operands[1];
	const struct loom_operand *w = &work->operands[2];
	uint64_t k;

	if (y->rank < 3 || y->rank > 2 + LOOM_WINDOW_AXES)
		return reject(error, LOOM_FAULT_CMD_SHAPE, 0);
	if (x->rank != y->rank || x->dims[0] != y->dims[0])
		return reject(error, LOOM_FAULT_CMD_SHAPE, 1);
	if (w->rank != y->rank + 1 || (uint64_t)w->dims[0] * w->dims[1] != y->dims[1] ||
	    (uint64_t)w->dims[0] * w->dims[2] != x->dims[1])
		return reject(error, LOOM_FAULT_CMD_SHAPE, 2);
	/* where y has elements, all dims of w but the channels and the taps are at least 1 */
	k = w->extent ? w->dims[2] : 0;
	for (unsigned int i = 3; k && i < w->rank; i++) {
		k *= w->dims[i];
		if (k > LOOM_DIM_MAX)
			return reject(error, LOOM_FAULT_CMD_SHAPE, 2);
	}
	work->u.gemm.k = k;
	work->u.gemm.n = y->dims[1];
	return 0;
}

int loom_packet_conv(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_conv *pkt = packet;
	const struct loom_operand *op = work->operands;
	int ret;

	if (pkt->flags)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	ret = loom_packet_tensor(work, &pkt->y, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->x, false, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->w, false, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->epilogue.bias, false, true, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->epilogue.scale, false, true, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->epilogue.residual, false, true, error);
	if (!ret)
		ret = loom_packet_product(work, error);
	if (!ret)
		ret = check_shapes(work, error);
	if (!ret)
		ret = loom_packet_window(&pkt->window, op[0].rank - 2u, work, error);
	if (!ret)
		ret = loom_packet_zero(pkt->x_zero, op[1].dtype, &work->u.gemm.a_zero, error, 1);
	if (!ret)
		ret = loom_packet_zero(pkt->w_zero, op[2].dtype, &work->u.gemm.b_zero, error, 2);
	if (!ret)
		ret = loom_packet_epilogue(&pkt->epilogue, work, error);
	return ret;
}
