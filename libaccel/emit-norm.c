// SPDX-License-Identifier: MIT
/* Normalisation: checks and packets. */
#include <endian.h>
#include <math.h>
#include <string.h>

#include "emit-parts.h"

_Static_assert((int)ACCEL_NORM_LAYER == LOOM_NORM_LAYER &&
	       (int)ACCEL_NORM_RMS == LOOM_NORM_RMS &&
	       (int)ACCEL_NORM_GIVEN == LOOM_NORM_GIVEN, "statistics");

static int side(const struct accel_program *program, const struct accel_norm_op *op,
		const struct accel_tensor *t, const char *name)
{
	int ret = tensor_check(program, t, name, TENSOR_OPTIONAL);

	if (ret || tensor_absent(t))
		return ret;
	if (!dtype_is_float(t->dtype))
		return err(-EINVAL, NULL, "%s is %s: normalisation is of floats", name,
			   accel_dtype_name(t->dtype));
	return tensor_broadcasts(t, name, &op->dst, "dst", 0);
}

static int given(const struct accel_norm_op *op)
{
	bool there = op->op == ACCEL_NORM_GIVEN;

	if (tensor_absent(&op->mean) == there || tensor_absent(&op->variance) == there)
		return err(-EINVAL, NULL, there ? "mean or variance has no buffer" :
			   "mean or variance is given: what it is comes from src");
	if (there && op->axes)
		return err(-EINVAL, NULL, "axes %#x: statistics are given", op->axes);
	return 0;
}

int emit_norm(const struct accel_program *program, const struct accel_norm_op *op,
	      struct loom_pkt_norm *packet)
{
	uint32_t bits;
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_NORM, sizeof(*packet),
			  "normalisation");
	if (ret)
		return ret;
	if ((unsigned int)op->op > ACCEL_NORM_GIVEN)
		return err(-EINVAL, NULL, "unknown statistics %u", (unsigned int)op->op);
	if (!(op->epsilon >= 0) || isinf(op->epsilon))
		return err(-EINVAL, NULL, "epsilon is %g, must be finite and not below 0",
			   op->epsilon);
	ret = tensor_check(program, &op->dst, "dst", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, &op->src, "src", 0);
	if (ret)
		return ret;
	if (!dtype_is_float(op->dst.dtype) || !dtype_is_float(op->src.dtype))
		return err(-EINVAL, NULL, "dst is %s, src is %s: normalisation is of floats",
			   accel_dtype_name(op->dst.dtype), accel_dtype_name(op->src.dtype));
	ret = tensor_same_shape(&op->dst, "dst", &op->src, "src");
	if (!ret)
		ret = side(program, op, &op->weight, "weight");
	if (!ret)
		ret = side(program, op, &op->bias, "bias");
	if (!ret)
		ret = side(program, op, &op->mean, "mean");
	if (!ret)
		ret = side(program, op, &op->variance, "variance");
	if (!ret)
		ret = given(op);
	if (!ret)
		ret = emit_axes(&op->src, "src", op->axes, &packet->axes);
	if (ret)
		return ret;
	/* -0 is not below 0, and the card's is +0 */
	memcpy(&bits, &(float){ op->epsilon + 0.0f }, sizeof(bits));
	packet->epsilon = htole32(bits);
	packet->op = htole32(op->op);
	emit_operand(&packet->dst, &op->dst);
	emit_operand(&packet->src, &op->src);
	emit_operand(&packet->weight, &op->weight);
	emit_operand(&packet->bias, &op->bias);
	emit_operand(&packet->mean, &op->mean);
	emit_operand(&packet->variance, &op->variance);
	if (op->op == ACCEL_NORM_GIVEN)
		return 0;
	return emit_in_place(&packet->dst, &packet->src, &op->src, op->axes,
			     LOOM_NORM_IN_PLACE_MAX, "normalisation");
}
