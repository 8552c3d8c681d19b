// SPDX-License-Identifier: MIT
/* Axes of another length, and places of extremes: checks and packets. */
#include <endian.h>

#include "emit-parts.h"

_Static_assert((int)ACCEL_ARG_MIN == LOOM_ARG_MIN && (int)ACCEL_ARG_MAX == LOOM_ARG_MAX,
	       "functions of places");

/* The same but for one axis, which both have. */
static int alike(const struct accel_tensor *dst, const struct accel_tensor *src, uint32_t axis)
{
	char a[TENSOR_SHAPE_LEN], b[TENSOR_SHAPE_LEN];
	bool same = dst->rank == src->rank;

	if (axis >= src->rank)
		return err(-EINVAL, NULL, "axis %u: src is %s, it has %u", axis, tensor_shape(src, a),
			   src->rank);
	for (uint32_t i = 0; same && i < src->rank; i++)
		same = i == axis || dst->dims[i] == src->dims[i];
	if (!same)
		return err(-EINVAL, NULL, "dst %s and src %s differ along another axis than %u",
			   tensor_shape(dst, a), tensor_shape(src, b), axis);
	return 0;
}

static int resize_types(const struct accel_resize_op *op)
{
	enum accel_dtype d = op->dst.dtype, s = op->src.dtype;

	if (tensor_absent(&op->weights)) {
		if (d != s)
			return err(-EINVAL, "weights make sums of floats", "dst is %s, src is %s: "
				   "elements are moved as they are", accel_dtype_name(d),
				   accel_dtype_name(s));
	} else if (!dtype_is_float(d) || !dtype_is_float(s) || op->weights.dtype != ACCEL_F32) {
		return err(-EINVAL, NULL, "dst is %s, src is %s, weights are %s: sums take floats and "
			   "weights of f32", accel_dtype_name(d), accel_dtype_name(s),
			   accel_dtype_name(op->weights.dtype));
	}
	if (op->places.dtype != ACCEL_I32)
		return err(-EINVAL, NULL, "places are %s, must be i32",
			   accel_dtype_name(op->places.dtype));
	return 0;
}

static int resize_shapes(const struct accel_resize_op *op)
{
	bool sums = !tensor_absent(&op->weights);
	size_t size = sums ? 4 : accel_dtype_size(op->dst.dtype);
	char a[TENSOR_SHAPE_LEN];
	int ret = alike(&op->dst, &op->src, op->axis);

	if (ret)
		return ret;
	if (size < 8 && op->value >> (8 * size))
		return err(-EINVAL, NULL, "value %#llx has more than %zu bytes",
			   (unsigned long long)op->value, size);
	if (op->places.rank != 2 || op->places.dims[0] != op->dst.dims[op->axis] ||
	    (!sums && op->places.dims[1] != 1))
		return err(-EINVAL, NULL, "places are %s, must be [%u, %s]",
			   tensor_shape(&op->places, a), op->dst.dims[op->axis],
			   sums ? "taps" : "1");
	return sums ? tensor_same_shape(&op->places, "places", &op->weights, "weights") : 0;
}

int emit_resize(const struct accel_program *program, const struct accel_resize_op *op,
		struct loom_pkt_resize *packet)
{
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_RESIZE, sizeof(*packet),
			  "axes of another length");
	if (!ret)
		ret = tensor_check(program, &op->dst, "dst", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, &op->src, "src", 0);
	if (!ret)
		ret = tensor_check(program, &op->places, "places", 0);
	if (!ret)
		ret = tensor_check(program, &op->weights, "weights", TENSOR_OPTIONAL);
	if (!ret)
		ret = resize_types(op);
	if (!ret)
		ret = resize_shapes(op);
	if (ret)
		return ret;
	packet->axis = htole32(op->axis);
	packet->value = htole64(op->value);
	emit_operand(&packet->dst, &op->dst);
	emit_operand(&packet->src, &op->src);
	emit_operand(&packet->places, &op->places);
	emit_operand(&packet->weights, &op->weights);
	return 0;
}

int emit_arg(const struct accel_program *program, const struct accel_arg_op *op,
	     struct loom_pkt_arg *packet)
{
	enum accel_dtype d = op->dst.dtype, s = op->src.dtype;
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_ARG, sizeof(*packet),
			  "places of extremes");
	if (ret)
		return ret;
	if ((unsigned int)op->op > ACCEL_ARG_MAX)
		return err(-EINVAL, NULL, "unknown function %u", (unsigned int)op->op);
	ret = tensor_check(program, &op->dst, "dst", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, &op->src, "src", 0);
	if (ret)
		return ret;
	if ((d != ACCEL_I32 && d != ACCEL_I64) ||
	    (!dtype_is_float(s) && !dtype_is_byte(s) && s != ACCEL_I32))
		return err(-EINVAL, NULL, "dst is %s, src is %s: floats, i8, u8 and i32 give i32 or "
			   "i64", accel_dtype_name(d), accel_dtype_name(s));
	ret = alike(&op->dst, &op->src, op->axis);
	if (ret)
		return ret;
	if (op->dst.dims[op->axis] != 1 || !op->src.dims[op->axis])
		return err(-EINVAL, NULL, "axis %u has %u elements, of src %u: must be 1, of at least "
			   "1", op->axis, op->dst.dims[op->axis], op->src.dims[op->axis]);
	packet->op = htole32(op->op);
	packet->axis = htole32(op->axis);
	packet->flags = htole64(op->last ? LOOM_ARG_LAST : 0);
	emit_operand(&packet->dst, &op->dst);
	emit_operand(&packet->src, &op->src);
	return 0;
}
