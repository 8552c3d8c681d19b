// SPDX-License-Identifier: MIT
/* Quantisation: checks and packets. */
#include <endian.h>

#include "emit-parts.h"

_Static_assert((int)ACCEL_QUANT_TO == LOOM_QUANT_TO && (int)ACCEL_QUANT_FROM == LOOM_QUANT_FROM,
	       "directions");

static int quant_types(const struct accel_quant_op *op)
{
	bool to = op->op == ACCEL_QUANT_TO;
	enum accel_dtype integer = to ? op->dst.dtype : op->src.dtype;
	enum accel_dtype number = to ? op->src.dtype : op->dst.dtype;

	if (!dtype_is_float(number) ||
	    (!dtype_is_byte(integer) && !(!to && integer == ACCEL_I32)))
		return err(-EINVAL, NULL, "dst is %s, src is %s: floats give i8 or u8; i8, u8 and "
			   "i32 give floats", accel_dtype_name(op->dst.dtype),
			   accel_dtype_name(op->src.dtype));
	if (!dtype_is_float(op->scale.dtype))
		return err(-EINVAL, NULL, "scale is %s, must be a float",
			   accel_dtype_name(op->scale.dtype));
	if (!tensor_absent(&op->zero) && op->zero.dtype != integer)
		return err(-EINVAL, NULL, "zero is %s, must be %s here",
			   accel_dtype_name(op->zero.dtype), accel_dtype_name(integer));
	return 0;
}

int emit_quant(const struct accel_program *program, const struct accel_quant_op *op,
	       struct loom_pkt_quant *packet)
{
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_QUANT, sizeof(*packet),
			  "quantisation");
	if (ret)
		return ret;
	if ((unsigned int)op->op > ACCEL_QUANT_FROM)
		return err(-EINVAL, NULL, "unknown direction %u", (unsigned int)op->op);
	ret = tensor_check(program, &op->dst, "dst", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, &op->src, "src", 0);
	if (!ret)
		ret = tensor_check(program, &op->scale, "scale", 0);
	if (!ret)
		ret = tensor_check(program, &op->zero, "zero", TENSOR_OPTIONAL);
	if (!ret)
		ret = quant_types(op);
	if (!ret)
		ret = tensor_same_shape(&op->dst, "dst", &op->src, "src");
	if (!ret)
		ret = tensor_broadcasts(&op->scale, "scale", &op->dst, "dst", 0);
	if (!ret && !tensor_absent(&op->zero))
		ret = tensor_broadcasts(&op->zero, "zero", &op->dst, "dst", 0);
	if (ret)
		return ret;
	packet->op = htole32(op->op);
	emit_operand(&packet->dst, &op->dst);
	emit_operand(&packet->src, &op->src);
	emit_operand(&packet->scale, &op->scale);
	emit_operand(&packet->zero, &op->zero);
	return 0;
}
