// SPDX-License-Identifier: MIT
/* Pooling: checks and packets. */
#include <endian.h>

#include "emit-parts.h"

_Static_assert((int)ACCEL_POOL_MAX == LOOM_POOL_MAX &&
	       (int)ACCEL_POOL_AVERAGE == LOOM_POOL_AVERAGE &&
	       (int)ACCEL_POOL_L1 == LOOM_POOL_L1 && (int)ACCEL_POOL_L2 == LOOM_POOL_L2,
	       "functions of windows");

static int pool_types(const struct accel_pool_op *op)
{
	enum accel_dtype x = op->x.dtype, y = op->y.dtype;

	if (!(dtype_is_float(x) && dtype_is_float(y)) && !(x == y && dtype_computes(x)))
		return err(-EINVAL, NULL, "x is %s, y is %s: floats give floats; i32, i8 and u8 "
			   "their own type", accel_dtype_name(x), accel_dtype_name(y));
	if (op->op != ACCEL_POOL_MAX && !dtype_is_float(x))
		return err(-EINVAL, NULL, "function %u of %s: integers have max only",
			   (unsigned int)op->op, accel_dtype_name(x));
	if (op->count_holes && op->op != ACCEL_POOL_AVERAGE)
		return err(-EINVAL, NULL, "count_holes: only an average counts");
	if (tensor_absent(&op->indices))
		return 0;
	if (op->op != ACCEL_POOL_MAX)
		return err(-EINVAL, NULL, "indices are given: only max has them");
	if (op->indices.dtype != ACCEL_I64)
		return err(-EINVAL, NULL, "indices are %s, must be i64",
			   accel_dtype_name(op->indices.dtype));
	return 0;
}

static int pool_shapes(const struct accel_pool_op *op)
{
	char a[TENSOR_SHAPE_LEN], b[TENSOR_SHAPE_LEN];

	if (op->y.rank < 3 || op->y.rank > 2 + ACCEL_WINDOW_AXES)
		return err(-EINVAL, NULL, "y has rank %u: batch, channels and 1 to %d spatial axes",
			   op->y.rank, ACCEL_WINDOW_AXES);
	if (op->x.rank != op->y.rank || op->x.dims[0] != op->y.dims[0] ||
	    op->x.dims[1] != op->y.dims[1])
		return err(-EINVAL, NULL, "x %s and y %s differ in batch, channels or rank",
			   tensor_shape(&op->x, a), tensor_shape(&op->y, b));
	return tensor_absent(&op->indices) ? 0 :
	       tensor_same_shape(&op->indices, "indices", &op->y, "y");
}

static int pool_taps(const struct accel_pool_op *op, uint32_t axes, struct loom_pkt_pool *packet)
{
	uint64_t all = 1;

	for (uint32_t i = 0; i < ACCEL_WINDOW_AXES; i++) {
		if (i >= axes && (op->taps[i] || op->after[i]))
			return err(-EINVAL, NULL, "taps or after have an axis %u, the tensors have %u",
				   i, axes);
		if (i < axes && op->window.spacing[i] > 1)
			return err(-EINVAL, NULL, "spacing[%u] is %u, must be 1 here", i,
				   op->window.spacing[i]);
		if (op->after[i] && !op->count_holes)
			return err(-EINVAL, NULL, "after[%u] is %u without count_holes", i,
				   op->after[i]);
		if (op->after[i] > LOOM_DIM_MAX)
			return err(-EINVAL, NULL, "after[%u] is %u, %u is the most", i, op->after[i],
				   LOOM_DIM_MAX);
		all *= op->taps[i] ? op->taps[i] : 1;
		if (all > LOOM_DIM_MAX)
			return err(-EINVAL, NULL, "a window of more than %u taps", LOOM_DIM_MAX);
		if (i < axes)
			packet->taps[i] = htole32(op->taps[i] ? op->taps[i] : 1);
		packet->after[i] = htole32(op->after[i]);
	}
	return 0;
}

int emit_pool(const struct accel_program *program, const struct accel_pool_op *op,
	      struct loom_pkt_pool *packet)
{
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_POOL, sizeof(*packet), "pooling");
	if (ret)
		return ret;
	if ((unsigned int)op->op > ACCEL_POOL_L2)
		return err(-EINVAL, NULL, "unknown function %u", (unsigned int)op->op);
	ret = tensor_check(program, &op->x, "x", 0);
	if (!ret)
		ret = tensor_check(program, &op->y, "y", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, &op->indices, "indices",
				   TENSOR_WRITE | TENSOR_OPTIONAL);
	if (!ret)
		ret = pool_types(op);
	if (!ret)
		ret = pool_shapes(op);
	if (!ret)
		ret = emit_window(&op->window, op->y.rank - 2, &packet->window);
	if (!ret)
		ret = pool_taps(op, op->y.rank - 2, packet);
	if (ret)
		return ret;
	packet->op = htole32(op->op);
	packet->flags = htole32(op->count_holes ? LOOM_POOL_COUNT_HOLES : 0);
	emit_operand(&packet->y, &op->y);
	emit_operand(&packet->x, &op->x);
	emit_operand(&packet->indices, &op->indices);
	return 0;
}
