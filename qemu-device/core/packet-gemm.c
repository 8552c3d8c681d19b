// SPDX-License-Identifier: MIT
/* Packet decoder: GEMM, PACK and the epilogue. */
#include "numerics.h"
#include "packet.h"

/* bias and scale: one value per column of c, or one for all. */
static int check_column(const struct loom_operand *op, unsigned int dtype, uint64_t n,
			struct loom_decode_error *error, unsigned int index)
{
	if (op->dtype == LOOM_DTYPE_NONE)
		return 0;
	if (op->dtype != dtype)
		return reject(error, LOOM_FAULT_CMD_DTYPE, index);
	if (op->rank != 1 || (op->dims[0] != n && op->dims[0] != 1))
		return reject(error, LOOM_FAULT_CMD_SHAPE, index);
	return 0;
}

int loom_packet_epilogue(const struct loom_epilogue *epilogue, struct loom_work *work,
			 struct loom_decode_error *error)
{
	const struct loom_operand *op = work->operands;
	unsigned int out = op[0].dtype, acc;
	int ret;

	acc = loom_dtype_is_float(op[1].dtype) ? LOOM_DTYPE_F32 : LOOM_DTYPE_I32;
	ret = check_column(&op[3], acc, work->u.gemm.n, error, 3);
	if (!ret)
		ret = check_column(&op[4], LOOM_DTYPE_F32, work->u.gemm.n, error, 4);
	if (ret)
		return ret;
	if (op[5].dtype != LOOM_DTYPE_NONE) {
		if (!loom_dtype_is_float(op[5].dtype) && !loom_dtype_is_int8(op[5].dtype))
			return reject(error, LOOM_FAULT_CMD_DTYPE, 5);
		if (!loom_packet_broadcasts(&op[5], &op[0], 0))
			return reject(error, LOOM_FAULT_CMD_SHAPE, 5);
	}
	if (out == LOOM_DTYPE_I32) {
		for (unsigned int i = 4; i < 6; i++)
			if (op[i].dtype != LOOM_DTYPE_NONE)
				return reject(error, LOOM_FAULT_CMD_DTYPE, i);
	}
	work->u.gemm.act = le32toh(epilogue->act);
	ret = loom_packet_act(work->u.gemm.act, epilogue->act_param, out == LOOM_DTYPE_I32,
			      work->u.gemm.param, error);
	if (ret)
		return ret;
	return loom_packet_zero(epilogue->zero, out, &work->u.gemm.zero, error, 0);
}

int loom_packet_product(const struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_operand *op = work->operands;
	bool integer = loom_dtype_is_int8(op[1].dtype);

	if (!integer && !loom_dtype_is_float(op[1].dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 1);
	if (integer ? !loom_dtype_is_int8(op[2].dtype) : op[2].dtype != op[1].dtype)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 2);
	if (!loom_dtype_is_float(op[0].dtype) && !loom_dtype_is_int8(op[0].dtype) &&
	    !(integer && op[0].dtype == LOOM_DTYPE_I32))
		return reject(error, LOOM_FAULT_CMD_DTYPE, 0);
	return 0;
}

static int check_gemm_shapes(struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_operand *c = &work->operands[0], *a = &work->operands[1];
	const struct loom_operand *b = &work->operands[2];
	uint64_t batch = 1;

	for (unsigned int i = 0; i < 3; i++)
		if (work->operands[i].rank < 2)
			return reject(error, LOOM_FAULT_CMD_SHAPE, i);
	work->u.gemm.m = c->dims[c->rank - 2];
	work->u.gemm.n = c->dims[c->rank - 1];
	work->u.gemm.k = a->dims[a->rank - 1];
	if (a->dims[a->rank - 2] != work->u.gemm.m || !loom_packet_broadcasts(a, c, 2))
		return reject(error, LOOM_FAULT_CMD_SHAPE, 1);
	if (b->dims[b->rank - 2] != work->u.gemm.k || b->dims[b->rank - 1] != work->u.gemm.n ||
	    !loom_packet_broadcasts(b, c, 2))
		return reject(error, LOOM_FAULT_CMD_SHAPE, 2);
	/* c may be empty, and then its batch axes alone may overflow */
	if (c->extent)
		for (unsigned int i = 0; i + 2 < c->rank; i++)
			batch *= c->dims[i];
	else
		batch = 0;
	work->u.gemm.batch = batch;
	return 0;
}

int loom_packet_gemm(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_gemm *pkt = packet;
	int ret;

	if (pkt->flags)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	ret = loom_packet_tensor(work, &pkt->c, true, false, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->a, false, false, error);
	if (!ret)
		ret = loom_packet_operand(work, &pkt->b, false, false, LOOM_TENSOR_PANELS, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->epilogue.bias, false, true, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->epilogue.scale, false, true, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->epilogue.residual, false, true, error);
	if (!ret)
		ret = loom_packet_product(work, error);
	if (!ret)
		ret = check_gemm_shapes(work, error);
	if (!ret)
		ret = loom_packet_zero(pkt->a_zero, work->operands[1].dtype, &work->u.gemm.a_zero,
				       error, 1);
	if (!ret)
		ret = loom_packet_zero(pkt->b_zero, work->operands[2].dtype, &work->u.gemm.b_zero,
				       error, 2);
	if (!ret)
		ret = loom_packet_epilogue(&pkt->epilogue, work, error);
	return ret;
}

int loom_packet_pack(const void *packet, struct loom_work *work, struct loom_decode_error *error)
{
	const struct loom_pkt_pack *pkt = packet;
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	int ret;

	if (pkt->flags)
		return reject(error, LOOM_FAULT_CMD_FLAGS, NO_OPERAND);
	ret = loom_packet_operand(work, &pkt->dst, true, false, LOOM_TENSOR_PANELS, error);
	if (!ret)
		ret = loom_packet_tensor(work, &pkt->src, false, false, error);
	if (ret)
		return ret;
	if (!dst->panels)
		return reject(error, LOOM_FAULT_CMD_FLAGS, 0);
	if (src->dtype != dst->dtype)
		return reject(error, LOOM_FAULT_CMD_DTYPE, 1);
	if (!same_shape(dst, src))
		return reject(error, LOOM_FAULT_CMD_SHAPE, 1);
	return 0;
}
