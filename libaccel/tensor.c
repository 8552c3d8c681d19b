// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "loom_isa.h"
#include "tensor.h"

_Static_assert(ACCEL_RANK_MAX == LOOM_RANK_MAX, "rank");

ACCEL_API void accel_tensor_init(struct accel_tensor *tensor, struct accel_buffer *buffer,
				 uint64_t offset, enum accel_dtype dtype, uint32_t rank,
				 const uint32_t *dims)
{
	int64_t stride = 1;

	memset(tensor, 0, sizeof(*tensor));
	tensor->buffer = buffer;
	tensor->offset = offset;
	tensor->dtype = dtype;
	tensor->rank = rank;
	for (uint32_t i = rank < ACCEL_RANK_MAX ? rank : ACCEL_RANK_MAX; i--;) {
		tensor->dims[i] = dims[i];
		tensor->strides[i] = stride;
		/* What overflows has no buffer it could be in; saturated, it is seen as that. */
		if (__builtin_mul_overflow(stride, (int64_t)dims[i], &stride))
			stride = INT64_MAX;
	}
}

ACCEL_API int accel_tensor_transpose(struct accel_tensor *tensor, uint32_t axis1, uint32_t axis2)
{
	API_ENTER;
	uint32_t dim;
	int64_t stride;

	if (!tensor)
		return err(-EINVAL, NULL, "tensor is NULL");
	if (tensor->rank > ACCEL_RANK_MAX || axis1 >= tensor->rank || axis2 >= tensor->rank)
		return err(-EINVAL, NULL, "no axis %u in a tensor of rank %u",
			   axis1 >= tensor->rank ? axis1 : axis2, tensor->rank);
	dim = tensor->dims[axis1];
	tensor->dims[axis1] = tensor->dims[axis2];
	tensor->dims[axis2] = dim;
	stride = tensor->strides[axis1];
	tensor->strides[axis1] = tensor->strides[axis2];
	tensor->strides[axis2] = stride;
	return 0;
}

const char *tensor_shape(const struct accel_tensor *tensor, char text[TENSOR_SHAPE_LEN])
{
	size_t n = 0;

	n += (size_t)snprintf(text + n, TENSOR_SHAPE_LEN - n, "[");
	for (uint32_t i = 0; i < tensor->rank && i < ACCEL_RANK_MAX; i++)
		n += (size_t)snprintf(text + n, TENSOR_SHAPE_LEN - n, "%s%u", i ? ", " : "",
				      tensor->dims[i]);
	snprintf(text + n, TENSOR_SHAPE_LEN - n, "]");
	return text;
}

/*
 * Bytes that it touches, from and to, relative to its buffer. Each of the at most
 * six terms is below 2^31 * 2^63 in size: 128 bits hold their sum.
 */
static bool in_buffer(const struct accel_tensor *t)
{
	__extension__ typedef __int128 wide;
	wide low = 0, high = 0, size = (wide)accel_dtype_size(t->dtype);

	for (uint32_t i = 0; i < t->rank; i++) {
		wide span = (wide)t->strides[i] * ((wide)t->dims[i] - 1);

		if (!t->dims[i])
			return true;
		if (span < 0)
			low += span;
		else
			high += span;
	}
	return (wide)t->offset + low * size >= 0 &&
	       (wide)t->offset + (high + 1) * size <= (wide)t->buffer->size;
}

int tensor_check(const struct accel_program *program, const struct accel_tensor *t,
		 const char *name, unsigned int flags)
{
	const struct accel_device *device = program->context->device;
	char shape[TENSOR_SHAPE_LEN];
	uint64_t elements = 1;
	bool huge = false;
	size_t size;

	if (tensor_absent(t)) {
		if (flags & TENSOR_OPTIONAL)
			return 0;
		return err(-EINVAL, NULL, "%s has no buffer", name);
	}
	if (t->buffer->context != program->context)
		return err(-EINVAL, "allocate it in the program's context",
			   "the buffer of %s belongs to another context", name);
	size = accel_dtype_size(t->dtype);
	if (!size)
		return err(-EINVAL, NULL, "%s has the unknown type %u", name,
			   (unsigned int)t->dtype);
	if (!(device->props.dtypes >> t->dtype & 1))
		return err(-EOPNOTSUPP, NULL, "%s is %s, a type that %s does not have", name,
			   accel_dtype_name(t->dtype), device->props.id);
	if (t->rank > ACCEL_RANK_MAX)
		return err(-EINVAL, NULL, "%s has rank %u, %d is the most", name, t->rank,
			   ACCEL_RANK_MAX);
	for (uint32_t i = 0; i < t->rank; i++) {
		if (t->dims[i] > LOOM_DIM_MAX)
			return err(-EINVAL, NULL, "%s: dims[%u] is %u, %u is the most", name, i,
				   t->dims[i], LOOM_DIM_MAX);
		if (flags & TENSOR_WRITE && !t->strides[i] && t->dims[i] > 1)
			return err(-EINVAL, NULL, "%s is written, but strides[%u] is 0 along %u "
				   "elements: they would share memory", name, i, t->dims[i]);
		huge |= __builtin_mul_overflow(elements, (uint64_t)t->dims[i], &elements) ||
			elements > INT64_MAX;
	}
	for (uint32_t i = 0; i < t->rank; i++)
		huge &= t->dims[i] != 0;
	if (huge)
		return err(-EINVAL, NULL, "%s: %s has more than 2^63 - 1 elements", name,
			   tensor_shape(t, shape));
	if (t->offset % size)
		return err(-EINVAL, NULL, "%s: offset %llu is not a multiple of the size of %s",
			   name, (unsigned long long)t->offset, accel_dtype_name(t->dtype));
	if (!in_buffer(t))
		return err(-EINVAL, NULL, "%s: %s of %s at offset %llu with its strides is not "
			   "within its buffer of %llu bytes", name, tensor_shape(t, shape),
			   accel_dtype_name(t->dtype), (unsigned long long)t->offset,
			   (unsigned long long)t->buffer->size);
	if (flags & TENSOR_WRITE && t->buffer->flags & ACCEL_BUFFER_READONLY)
		return err(-EINVAL, NULL, "%s is written, but its buffer is read-only", name);
	return 0;
}

int tensor_broadcasts(const struct accel_tensor *from, const char *from_name,
		      const struct accel_tensor *to, const char *to_name, uint32_t skip)
{
	char a[TENSOR_SHAPE_LEN], b[TENSOR_SHAPE_LEN];

	if (from->rank > to->rank)
		return err(-EINVAL, NULL, "%s %s has more axes than %s %s", from_name,
			   tensor_shape(from, a), to_name, tensor_shape(to, b));
	for (uint32_t i = skip; i < from->rank; i++) {
		uint32_t dim = from->dims[from->rank - 1 - i];

		if (dim != 1 && dim != to->dims[to->rank - 1 - i])
			return err(-EINVAL, NULL, "%s %s does not broadcast to %s %s: axis %u is "
				   "%u, not 1 or %u", from_name, tensor_shape(from, a), to_name,
				   tensor_shape(to, b), from->rank - 1 - i, dim,
				   to->dims[to->rank - 1 - i]);
	}
	return 0;
}

int tensor_same_shape(const struct accel_tensor *a, const char *a_name,
		      const struct accel_tensor *b, const char *b_name)
{
	char x[TENSOR_SHAPE_LEN], y[TENSOR_SHAPE_LEN];

	if (a->rank == b->rank && !memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0])))
		return 0;
	return err(-EINVAL, NULL, "%s %s and %s %s differ in shape", a_name, tensor_shape(a, x),
		   b_name, tensor_shape(b, y));
}
