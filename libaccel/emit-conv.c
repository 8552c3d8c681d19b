// SPDX-License-Identifier: MIT
/* Convolutions: checks and packets. */
#include <endian.h>

#include "emit-parts.h"

_Static_assert(ACCEL_WINDOW_AXES == LOOM_WINDOW_AXES, "spatial axes");

/* A distance, of which zero means one. */
static int distance(uint32_t value, const char *name, uint32_t i, __le32 *out)
{
	if (value > LOOM_DIM_MAX)
		return err(-EINVAL, NULL, "%s[%u] is %u, %u is the most", name, i, value,
			   LOOM_DIM_MAX);
	*out = htole32(value ? value : 1);
	return 0;
}

int emit_window(const struct accel_window *window, uint32_t axes, struct loom_window *out)
{
	int ret = 0;

	for (uint32_t i = 0; i < ACCEL_WINDOW_AXES && !ret; i++) {
		if (i >= axes) {
			if (window->stride[i] || window->dilation[i] || window->spacing[i] ||
			    window->before[i])
				return err(-EINVAL, NULL,
					   "the window has an axis %u, the tensors have %u", i, axes);
			continue;
		}
		if (window->before[i] == INT32_MIN)
			return err(-EINVAL, NULL, "before[%u] is %d, -%u is the least", i,
				   window->before[i], LOOM_DIM_MAX);
		out->before[i] = htole32((uint32_t)window->before[i]);
		ret = distance(window->stride[i], "stride", i, &out->stride[i]);
		if (!ret)
			ret = distance(window->dilation[i], "dilation", i, &out->dilation[i]);
		if (!ret)
			ret = distance(window->spacing[i], "spacing", i, &out->spacing[i]);
	}
	return ret;
}

static int conv_shapes(const struct accel_conv_op *op)
{
	const struct accel_tensor *x = &op->x, *w = &op->w, *y = &op->y;
	char a[TENSOR_SHAPE_LEN], b[TENSOR_SHAPE_LEN], c[TENSOR_SHAPE_LEN];
	uint64_t k;

	if (y->rank < 3 || y->rank > 2 + ACCEL_WINDOW_AXES)
		return err(-EINVAL, NULL, "y has rank %u: batch, channels and 1 to %d spatial axes",
			   y->rank, ACCEL_WINDOW_AXES);
	if (x->rank != y->rank || w->rank != y->rank + 1)
		return err(-EINVAL, "w is [groups, outputs, inputs, taps...]",
			   "y %s, x %s and w %s have ranks %u, %u and %u", tensor_shape(y, a),
			   tensor_shape(x, b), tensor_shape(w, c), y->rank, x->rank, w->rank);
	if (x->dims[0] != y->dims[0] || (uint64_t)w->dims[0] * w->dims[1] != y->dims[1] ||
	    (uint64_t)w->dims[0] * w->dims[2] != x->dims[1])
		return err(-EINVAL, "w is [groups, outputs, inputs, taps...]",
			   "x %s convolved by w %s does not give y %s", tensor_shape(x, a),
			   tensor_shape(w, b), tensor_shape(y, c));
	k = w->dims[2];
	for (uint32_t i = 3; i < w->rank; i++)
		if (!w->dims[i])
			return 0;
	for (uint32_t i = 3; i < w->rank; i++) {
		k *= w->dims[i];
		if (k > LOOM_DIM_MAX)
			return err(-EINVAL, NULL, "w %s: more than %u products for an output",
				   tensor_shape(w, a), LOOM_DIM_MAX);
	}
	return 0;
}

int emit_conv(const struct accel_program *program, const struct accel_conv_op *op,
	      struct loom_pkt_conv *packet)
{
	struct emit_tail tail;
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_CONV, sizeof(*packet), "convolutions");
	if (!ret)
		ret = tensor_check(program, &op->x, "x", 0);
	if (!ret)
		ret = tensor_check(program, &op->w, "w", 0);
	if (!ret)
		ret = tensor_check(program, &op->y, "y", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, &op->bias, "bias", TENSOR_OPTIONAL);
	if (!ret)
		ret = tensor_check(program, &op->scale, "scale", TENSOR_OPTIONAL);
	if (!ret)
		ret = tensor_check(program, &op->residual, "residual", TENSOR_OPTIONAL);
	if (!ret)
		ret = emit_product_types(&op->y, "y", &op->x, "x", &op->w, "w", "convolution");
	if (!ret)
		ret = conv_shapes(op);
	if (!ret)
		ret = emit_window(&op->window, op->y.rank - 2, &packet->window);
	if (!ret)
		ret = emit_zero_point("x_zero", op->x_zero, op->x.dtype, &packet->x_zero);
	if (!ret)
		ret = emit_zero_point("w_zero", op->w_zero, op->w.dtype, &packet->w_zero);
	if (ret)
		return ret;
	tail = (struct emit_tail){
		.c = &op->y, .name = "y", .columns = op->y.dims[1], .factor = op->x.dtype,
		.bias = &op->bias, .scale = &op->scale, .residual = &op->residual,
		.act = op->act, .act_param = op->act_param,
		.zero = op->y_zero, .zero_name = "y_zero",
	};
	ret = emit_epilogue(program, &tail, &packet->epilogue);
	if (ret)
		return ret;
	emit_operand(&packet->y, &op->y);
	emit_operand(&packet->x, &op->x);
	emit_operand(&packet->w, &op->w);
	return 0;
}
