// SPDX-License-Identifier: MIT
/*
 * Elements that are only moved: of any type, by its size.
 */
#include <string.h>

#include "eval.h"

/* dst, contiguous, [i...] = src[sum of i * strides]; elements of @size bytes. */
static void gather(char *dst, const char *src, const int64_t *dims, uint32_t rank,
		   const int64_t *strides, size_t size, int64_t count)
{
	int64_t index[IR_RANK_MAX] = { 0 };

	for (int64_t i = 0; i < count; i++) {
		int64_t at = 0;

		for (uint32_t a = 0; a < rank; a++)
			at += index[a] * strides[a];
		memcpy(dst + (size_t)i * size, src + at * (int64_t)size, size);
		eval_next(index, dims, rank);
	}
}

static void concat(const struct ir_node *n, const void *const *in, char *out, size_t size)
{
	const struct ir_value *y = n->out[0];
	size_t inner = size, outer = 1, at = 0, row;

	for (uint32_t i = 0; i < y->rank; i++) {
		if (i < (uint32_t)n->axis)
			outer *= (size_t)y->dims[i];
		if (i > (uint32_t)n->axis)
			inner *= (size_t)y->dims[i];
	}
	row = inner * (size_t)y->dims[n->axis];
	for (uint32_t i = 0; i < n->nin; i++) {
		size_t part = inner * (size_t)n->in[i]->dims[n->axis];

		for (size_t o = 0; o < outer && part; o++)
			memcpy(out + o * row + at, (const char *)in[i] + o * part, part);
		at += part;
	}
}

static int64_t reflect(int64_t i, int64_t dim)
{
	int64_t period = 2 * (dim - 1);

	if (dim == 1)
		return 0;
	i %= period;
	if (i < 0)
		i += period;
	return i < dim ? i : period - i;
}

static void pad(const struct ir_node *n, const void *const *in, char *out, size_t size)
{
	static const char zero[8];
	const struct ir_value *x = n->in[0], *y = n->out[0];
	const char *value = n->nin > 1 && in[1] ? in[1] : zero;
	int64_t index[IR_RANK_MAX] = { 0 }, strides[IR_RANK_MAX];

	eval_strides(x, x->rank, strides);
	for (int64_t i = 0; i < y->count; i++) {
		const char *from = in[0];

		for (uint32_t a = 0; a < y->rank && from; a++) {
			int64_t k = index[a] - n->ints[a], dim = x->dims[a];

			if (k < 0 || k >= dim) {
				if (n->fn == IR_PAD_CONSTANT)
					from = NULL;
				else if (n->fn == IR_PAD_EDGE)
					k = k < 0 ? 0 : dim - 1;
				else
					k = reflect(k, dim);
			}
			if (from)
				from += k * strides[a] * (int64_t)size;
		}
		memcpy(out + (size_t)i * size, from ? from : value, size);
		eval_next(index, y->dims, y->rank);
	}
}

static void where(const struct ir_node *n, const void *const *in, char *out, size_t size)
{
	const struct ir_value *y = n->out[0];
	int64_t index[IR_RANK_MAX] = { 0 }, s[3][IR_RANK_MAX];

	for (int k = 0; k < 3; k++)
		eval_strides(n->in[k], y->rank, s[k]);
	for (int64_t i = 0; i < y->count; i++) {
		int64_t at[3] = { 0, 0, 0 };
		int k;

		for (uint32_t a = 0; a < y->rank; a++)
			for (k = 0; k < 3; k++)
				at[k] += index[a] * s[k][a];
		k = ((const unsigned char *)in[0])[at[0]] ? 1 : 2;
		memcpy(out + (size_t)i * size, (const char *)in[k] + (size_t)at[k] * size, size);
		eval_next(index, y->dims, y->rank);
	}
}

static void triangle(const struct ir_node *n, const char *in, char *out, size_t size)
{
	const struct ir_value *y = n->out[0];
	int64_t rows = y->dims[y->rank - 2], columns = y->dims[y->rank - 1];

	for (int64_t i = 0; i < y->count; i++) {
		int64_t column = i % columns, row = i / columns % rows;
		bool keep = n->flag ? column - row >= n->axis : column - row <= n->axis;

		if (keep)
			memcpy(out + (size_t)i * size, in + (size_t)i * size, size);
		else
			memset(out + (size_t)i * size, 0, size);
	}
}

/* The first elements of each row of the axis, as many as lengths say, in the other order. */
static int reverse(const struct ir_node *n, const char *in, const char *lengths, char *out, size_t size)
{
	const struct ir_value *x = n->in[0], *k = n->in[1];
	int64_t index[IR_RANK_MAX] = { 0 }, step = 1, dim = x->dims[n->axis];

	for (uint32_t i = (uint32_t)n->axis + 1; i < x->rank; i++)
		step *= x->dims[i];
	for (int64_t i = 0; i < x->count; i++, eval_next(index, x->dims, x->rank)) {
		int64_t at = index[n->axis], from = at, length;

		length = (int64_t)eval_load_int(k->dtype, lengths + (size_t)index[n->ints[0]] *
						accel_dtype_size(k->dtype));
		if (length < 0 || length > dim)
			return err(-EINVAL, NULL, "length %lld of an axis of %lld elements",
				   (long long)length, (long long)dim);
		if (at < length)
			from = length - 1 - at;
		memcpy(out + (size_t)i * size, in + (size_t)(i + (from - at) * step) * size, size);
	}
	return 0;
}

int eval_move(const struct ir_node *n, const void *const *in, void *const *out)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];
	int64_t strides[IR_RANK_MAX], s[IR_RANK_MAX];
	size_t size = accel_dtype_size(y->dtype);
	const char *from = in[0];

	if (!y->count)
		return 0;
	switch (n->op) {
	case IR_RESHAPE:
		memcpy(out[0], in[0], y->size);
		return 0;
	case IR_TRANSPOSE:
		eval_strides(x, x->rank, s);
		for (uint32_t i = 0; i < y->rank; i++)
			strides[i] = s[n->ints[i]];
		break;
	case IR_SLICE:
		eval_strides(x, x->rank, s);
		for (uint32_t i = 0; i < y->rank; i++) {
			from += n->ints[i] * s[i] * (int64_t)size;
			strides[i] = s[i] * n->ints[y->rank + i];
		}
		break;
	case IR_EXPAND:
		eval_strides(x, y->rank, strides);
		break;
	case IR_CONCAT:
		concat(n, in, out[0], size);
		return 0;
	case IR_PAD:
		pad(n, in, out[0], size);
		return 0;
	case IR_WHERE:
		where(n, in, out[0], size);
		return 0;
	case IR_TRILU:
		triangle(n, in[0], out[0], size);
		return 0;
	case IR_REVERSE:
		return reverse(n, in[0], in[1], out[0], size);
	default:
		return err(-EINVAL, NULL, "%s is not for the processor", ir_op_name(n));
	}
	gather(out[0], from, y->dims, y->rank, strides, size, y->count);
	return 0;
}
