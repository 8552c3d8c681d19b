// SPDX-License-Identifier: MIT
/*
 * Weights: matrices in panels.
 */
#include <stdlib.h>

#include "loom_isa.h"
#include "object.h"
#include "tensor.h"

/* Bytes of a matrix in panels; 0: more than there can be. */
static uint64_t panels_size(enum accel_dtype dtype, uint32_t k, uint32_t n)
{
	uint64_t group = dtype_is_byte(dtype) ? LOOM_PANEL_GROUP : 1, size;
	uint64_t panel = (k + group - 1) / group * group * LOOM_PANEL_COLUMNS *
			 accel_dtype_size(dtype);

	if (__builtin_mul_overflow(panel, ((uint64_t)n + LOOM_PANEL_COLUMNS - 1) /
				   LOOM_PANEL_COLUMNS, &size) || size > SIZE_MAX / 2)
		return 0;
	return size;
}

ACCEL_API int accel_weights_create(struct accel_context *context, enum accel_dtype dtype,
				   uint32_t k, uint32_t n, uint32_t flags,
				   struct accel_weights **weights)
{
	API_ENTER;
	const struct accel_device *device;
	struct accel_weights *w;
	uint64_t size;
	int ret;

	if (!context || !weights)
		return err(-EINVAL, NULL, "%s is NULL", context ? "weights" : "context");
	device = context->device;
	if (device_forked(device))
		return err_forked();
	if (!dtype_is_float(dtype) && !dtype_is_byte(dtype))
		return err(-EINVAL, NULL, "weights are %s: must be f32, f16, bf16, i8 or u8",
			   accel_dtype_name(dtype));
	if (!(device->props.opcodes[LOOM_OP_PACK / 64] >> (LOOM_OP_PACK % 64) & 1))
		return err(-EOPNOTSUPP, "multiply by a tensor instead",
			   "%s does not pack weights", device->props.id);
	if (!(device->props.dtypes >> dtype & 1))
		return err(-EOPNOTSUPP, NULL, "weights are %s, a type that %s does not have",
			   accel_dtype_name(dtype), device->props.id);
	if (!k || !n || k > LOOM_DIM_MAX || n > LOOM_DIM_MAX)
		return err(-EINVAL, NULL, "weights of %u x %u: both must be 1 to %u", k, n,
			   LOOM_DIM_MAX);
	if (flags & ACCEL_BUFFER_READONLY)
		return err(-EINVAL, NULL, "weights that the card may only read could not be packed");
	size = panels_size(dtype, k, n);
	if (!size)
		return err(-EINVAL, NULL, "weights of %u x %u are larger than the address space", k,
			   n);
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_nomem("weights");
	ret = accel_buffer_alloc(context, size, flags, &w->buffer);
	if (ret) {
		free(w);
		return ret;
	}
	atomic_init(&w->refs, 1);
	/* rows of one panel, one after the other: the card's strides are zero */
	accel_tensor_init(&w->tensor, w->buffer, 0, dtype, 2, (uint32_t[]){ k, n });
	w->tensor.strides[0] = 0;
	w->tensor.strides[1] = 0;
	*weights = w;
	return 0;
}

ACCEL_API struct accel_weights *accel_weights_ref(struct accel_weights *weights)
{
	if (weights)
		ref_more(&weights->refs);
	return weights;
}

ACCEL_API void accel_weights_unref(struct accel_weights *weights)
{
	API_ENTER;

	if (!weights || !ref_last(&weights->refs))
		return;
	accel_buffer_unref(weights->buffer);
	free(weights);
}

ACCEL_API struct accel_buffer *accel_weights_buffer(struct accel_weights *weights)
{
	return weights ? weights->buffer : NULL;
}
