// SPDX-License-Identifier: MIT
/* What operations have in common: heads, operands, activations, the epilogue. */
#include <endian.h>
#include <math.h>
#include <string.h>

#include "emit-parts.h"

_Static_assert((int)ACCEL_ACT_RELU == LOOM_ACT_RELU && (int)ACCEL_ACT_CLIP == LOOM_ACT_CLIP &&
	       (int)ACCEL_ACT_GELU == LOOM_ACT_GELU &&
	       (int)ACCEL_ACT_HARD_SWISH == LOOM_ACT_HARD_SWISH,
	       "activations");

int emit_header(const struct accel_program *program, struct loom_pkt_header *header,
		unsigned int opcode, size_t size, const char *what)
{
	const struct accel_device *device = program->context->device;

	if (!(device->props.opcodes[opcode / 64] >> (opcode % 64) & 1))
		return err(-EOPNOTSUPP, NULL, "%s does not do %s", device->props.id, what);
	memset(header, 0, size);
	header->opcode = htole16(opcode);
	header->version = LOOM_PKT_VERSION;
	header->size = htole32(size);
	return 0;
}

void emit_operand(struct loom_tensor *out, const struct accel_tensor *t)
{
	if (tensor_absent(t))
		return;
	out->va = htole64(t->buffer->va + t->offset);
	out->dtype = (uint8_t)t->dtype;
	out->rank = (uint8_t)t->rank;
	for (uint32_t i = 0; i < t->rank; i++) {
		out->dims[i] = htole32(t->dims[i]);
		out->strides[i] = htole64((uint64_t)t->strides[i]);
	}
}

static uint32_t bits_of(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return htole32(bits);
}

static int finite_params(const float *param, unsigned int n, __le32 *out)
{
	for (unsigned int i = 0; i < n; i++) {
		if (!isfinite(param[i]))
			return err(-EINVAL, NULL, "act_param[%u] is %g, must be finite", i,
				   param[i]);
		out[i] = bits_of(param[i]);
	}
	return 0;
}

int emit_activation(const struct accel_program *program, enum accel_act act, const float *param,
		    bool integer, __le32 *out_act, __le32 *out_param)
{
	const struct accel_device *device = program->context->device;
	int ret = 0;

	if ((unsigned int)act > ACCEL_ACT_HARD_SWISH)
		return err(-EINVAL, NULL, "unknown activation %u", (unsigned int)act);
	if (integer && act > ACCEL_ACT_RELU)
		return err(-EINVAL, "use an output type of 8 bits or a float type",
			   "activation %u on integers: only none and relu exist",
			   (unsigned int)act);
	if (act > ACCEL_ACT_CLIP && device->props.hw_version < (1u << 16 | 1))
		return err(-EOPNOTSUPP, NULL, "%s has interface %u.%u, activation %u needs 1.1",
			   device->props.id, device->props.hw_version >> 16,
			   device->props.hw_version & 0xffff, (unsigned int)act);
	switch (act) {
	case ACCEL_ACT_CLIP:
		if (!(param[0] <= param[1]))
			return err(-EINVAL, NULL, "activation clip from %g to %g: the first must "
				   "not exceed the second, and neither be NaN", param[0],
				   param[1]);
		out_param[0] = bits_of(param[0]);
		out_param[1] = bits_of(param[1]);
		break;
	case ACCEL_ACT_LEAKY:
	case ACCEL_ACT_ELU:
		ret = finite_params(param, 1, out_param);
		break;
	case ACCEL_ACT_SELU:
	case ACCEL_ACT_HARD_SIGMOID:
		ret = finite_params(param, 2, out_param);
		break;
	default:
		break;
	}
	*out_act = htole32(act);
	return ret;
}

int emit_zero_point(const char *name, int32_t zero, enum accel_dtype dtype, __le32 *out)
{
	int32_t low = dtype == ACCEL_I8 ? -128 : 0;
	int32_t high = dtype == ACCEL_I8 ? 127 : dtype == ACCEL_U8 ? 255 : 0;

	if (zero < low || zero > high)
		return err(-EINVAL, NULL, "%s is %d, must be %s%d to %d for %s", name, zero,
			   low == high ? "0: " : "", low, high, accel_dtype_name(dtype));
	*out = htole32((uint32_t)zero);
	return 0;
}

int emit_axes(const struct accel_tensor *t, const char *name, uint32_t axes, __le32 *out)
{
	char shape[TENSOR_SHAPE_LEN];

	if (axes >> t->rank)
		return err(-EINVAL, NULL, "axes %#x: %s is %s, it has %u", axes, name,
			   tensor_shape(t, shape), t->rank);
	*out = htole32(axes);
	return 0;
}

int emit_product_types(const struct accel_tensor *c, const char *c_name,
		       const struct accel_tensor *a, const char *a_name,
		       const struct accel_tensor *b, const char *b_name, const char *what)
{
	bool integer = dtype_is_byte(a->dtype);

	if (!integer && !dtype_is_float(a->dtype))
		return err(-EINVAL, NULL, "%s is %s: a %s takes f32, f16, bf16, i8 or u8", a_name,
			   accel_dtype_name(a->dtype), what);
	if (integer ? !dtype_is_byte(b->dtype) : a->dtype != b->dtype)
		return err(-EINVAL, NULL, "%s is %s and %s is %s: floats must be of one type, "
			   "bytes go with bytes", a_name, accel_dtype_name(a->dtype), b_name,
			   accel_dtype_name(b->dtype));
	if (dtype_is_float(c->dtype) || dtype_is_byte(c->dtype) ||
	    (integer && c->dtype == ACCEL_I32))
		return 0;
	return err(-EINVAL, NULL, "%s is %s: a %s of %s gives f32, f16, bf16, i8, u8%s", c_name,
		   accel_dtype_name(c->dtype), what, accel_dtype_name(a->dtype),
		   integer ? " or i32" : "");
}

static int column(const struct accel_tensor *t, const char *name, enum accel_dtype dtype,
		  uint32_t n)
{
	char shape[TENSOR_SHAPE_LEN];

	if (tensor_absent(t))
		return 0;
	if (t->dtype != dtype)
		return err(-EINVAL, NULL, "%s is %s, must be %s here", name,
			   accel_dtype_name(t->dtype), accel_dtype_name(dtype));
	if (t->rank != 1 || (t->dims[0] != n && t->dims[0] != 1))
		return err(-EINVAL, NULL, "%s is %s, must be [%u] or [1]", name,
			   tensor_shape(t, shape), n);
	return 0;
}

int emit_epilogue(const struct accel_program *program, const struct emit_tail *tail,
		  struct loom_epilogue *out)
{
	const struct accel_tensor *c = tail->c, *residual = tail->residual;
	bool i32 = c->dtype == ACCEL_I32;
	int ret;

	ret = column(tail->bias, "bias", dtype_is_float(tail->factor) ? ACCEL_F32 : ACCEL_I32,
		     tail->columns);
	if (ret)
		return ret;
	if (i32 && !tensor_absent(tail->scale))
		return err(-EINVAL, NULL, "scale with %s of i32: an i32 result is the accumulator",
			   tail->name);
	if (i32 && !tensor_absent(residual))
		return err(-EINVAL, NULL,
			   "residual with %s of i32: an i32 result is the accumulator", tail->name);
	ret = column(tail->scale, "scale", ACCEL_F32, tail->columns);
	if (ret)
		return ret;
	if (!tensor_absent(residual)) {
		if (!dtype_is_float(residual->dtype) && !dtype_is_byte(residual->dtype))
			return err(-EINVAL, NULL,
				   "residual is %s, must be f32, f16, bf16, i8 or u8",
				   accel_dtype_name(residual->dtype));
		ret = tensor_broadcasts(residual, "residual", c, tail->name, 0);
		if (ret)
			return ret;
	}
	ret = emit_activation(program, tail->act, tail->act_param, i32, &out->act, out->act_param);
	if (ret)
		return ret;
	emit_operand(&out->bias, tail->bias);
	emit_operand(&out->scale, tail->scale);
	emit_operand(&out->residual, residual);
	return emit_zero_point(tail->zero_name, tail->zero, c->dtype, &out->zero);
}

/* Elements along some axes of a tensor; 0 if it has none. They are in a buffer: no overflow. */
static uint64_t along(const struct accel_tensor *tensor, uint32_t axes)
{
	uint64_t n = 1;

	for (uint32_t i = 0; i < tensor->rank; i++)
		if (!tensor->dims[i])
			return 0;
	for (uint32_t i = 0; i < tensor->rank; i++)
		if (axes >> i & 1)
			n *= tensor->dims[i];
	return n;
}

int emit_in_place(const struct loom_tensor *dst, const struct loom_tensor *src,
		  const struct accel_tensor *tensor, uint32_t axes, uint32_t most, const char *what)
{
	uint64_t n = along(tensor, axes);

	if (memcmp(dst, src, sizeof(*dst)) || n <= most)
		return 0;
	return err(-EINVAL, "give it another dst", "%s in place of %llu elements, %u is the most",
		   what, (unsigned long long)n, most);
}
