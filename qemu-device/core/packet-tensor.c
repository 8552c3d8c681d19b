// SPDX-License-Identifier: MIT
/* Packet decoder: tensors. */
#include "numerics.h"
#include "packet.h"

/* First and last byte relative to element [0, 0, ...]; false: they overflow. */
static bool operand_span(struct loom_operand *op, int64_t *low, int64_t *high)
{
	*low = 0;
	*high = 0;
	for (unsigned int i = 0; i < op->rank; i++) {
		int64_t reach;

		if (__builtin_mul_overflow(op->strides[i], (int64_t)op->dims[i] - 1, &reach) ||
		    __builtin_mul_overflow(reach, (int64_t)op->size, &reach))
			return false;
		if (reach < 0 ? __builtin_add_overflow(*low, reach, low) :
		    __builtin_add_overflow(*high, reach, high))
			return false;
	}
	return !__builtin_add_overflow(*high, (int64_t)op->size, high);
}

int loom_packet_place(struct loom_operand *op, uint64_t va, struct loom_decode_error *error,
		      unsigned int index)
{
	uint64_t elements = 1;
	int64_t low, high;
	bool empty = false;

	if (va & (op->size - 1u))
		return reject(error, LOOM_FAULT_CMD_TENSOR, index);
	for (unsigned int i = 0; i < op->rank; i++)
		empty |= op->dims[i] == 0;
	if (empty) {
		op->va = va;
		return 0;
	}
	/*
	 * Strides may fold any number of elements into few bytes; what is
	 * counted (tiles, traffic) must still fit 64 bits.
	 */
	for (unsigned int i = 0; i < op->rank; i++)
		if (__builtin_mul_overflow(elements, (uint64_t)op->dims[i], &elements) ||
		    elements > INT64_MAX)
			return reject(error, LOOM_FAULT_CMD_TENSOR, index);
	if (va >> LOOM_VA_BITS || !operand_span(op, &low, &high))
		return reject(error, LOOM_FAULT_CMD_TENSOR, index);
	/* va has 48 bits: neither the subtraction nor, after the test, the sum overflows */
	if (low < -(int64_t)va || high > (int64_t)(1ull << LOOM_VA_BITS) - (int64_t)va)
		return reject(error, LOOM_FAULT_CMD_TENSOR, index);
	op->va = (uint64_t)((int64_t)va + low);
	op->origin = (uint64_t)-low;
	op->extent = (uint64_t)(high - low);
	return 0;
}

/* Address range of a matrix in panels, whose shape has been checked. */
static int panels_place(struct loom_operand *op, uint64_t va, struct loom_decode_error *error,
			unsigned int index)
{
	uint64_t k = op->dims[op->rank - 2], n = op->dims[op->rank - 1], matrix, elements = 1;
	int64_t low = 0, high = 0, reach;

	for (unsigned int i = 0; i + 2 < op->rank; i++) {
		if (__builtin_mul_overflow(elements, (uint64_t)op->dims[i], &elements) ||
		    __builtin_mul_overflow(op->strides[i], (int64_t)op->size, &reach) ||
		    reach % LOOM_PANEL_ALIGN ||
		    __builtin_mul_overflow(reach, (int64_t)op->dims[i] - 1, &reach))
			return reject(error, LOOM_FAULT_CMD_TENSOR, index);
		if (!op->dims[i])
			continue;
		if (reach < 0 ? __builtin_add_overflow(low, reach, &low) :
		    __builtin_add_overflow(high, reach, &high))
			return reject(error, LOOM_FAULT_CMD_TENSOR, index);
	}
	if (va % LOOM_PANEL_ALIGN)
		return reject(error, LOOM_FAULT_CMD_TENSOR, index);
	if (!k || !n || !elements) {
		op->va = va;
		return 0;
	}
	/* below 2^31 panels of at most 2^38 bytes */
	n = n / LOOM_PANEL_COLUMNS + (n % LOOM_PANEL_COLUMNS != 0);
	if (__builtin_mul_overflow(n, loom_panel_bytes(op->dtype, k), &matrix) ||
	    matrix > 1ull << LOOM_VA_BITS || va >> LOOM_VA_BITS ||
	    __builtin_mul_overflow(elements, matrix, &elements) || elements > INT64_MAX ||
	    __builtin_add_overflow(high, (int64_t)matrix, &high))
		return reject(error, LOOM_FAULT_CMD_TENSOR, index);
	if (low < -(int64_t)va || high > (int64_t)(1ull << LOOM_VA_BITS) - (int64_t)va)
		return reject(error, LOOM_FAULT_CMD_TENSOR, index);
	op->va = (uint64_t)((int64_t)va + low);
	op->origin = (uint64_t)-low;
	op->extent = (uint64_t)(high - low);
	return 0;
}

static int check_panels(const struct loom_operand *op, struct loom_decode_error *error,
			unsigned int index)
{
	if (!loom_dtype_is_float(op->dtype) && !loom_dtype_is_int8(op->dtype))
		return reject(error, LOOM_FAULT_CMD_DTYPE, index);
	if (op->rank < 2 || op->strides[op->rank - 2] || op->strides[op->rank - 1])
		return reject(error, LOOM_FAULT_CMD_TENSOR, index);
	return 0;
}

int loom_packet_operand(struct loom_work *work, const struct loom_tensor *tensor, bool write,
			bool optional, unsigned int flags, struct loom_decode_error *error)
{
	unsigned int index = work->noperands++;
	struct loom_operand *op = &work->operands[index];
	int ret;

	if (tensor->dtype == LOOM_DTYPE_NONE) {
		if (!optional)
			return reject(error, LOOM_FAULT_CMD_DTYPE, index);
		if (!all_zero(tensor, sizeof(*tensor)))
			return reject(error, LOOM_FAULT_CMD_FLAGS, index);
		return 0;
	}
	if (le16toh(tensor->flags) & ~flags || tensor->pad || tensor->reserved)
		return reject(error, LOOM_FAULT_CMD_FLAGS, index);
	op->dtype = tensor->dtype;
	op->panels = le16toh(tensor->flags) & LOOM_TENSOR_PANELS;
	op->size = (uint8_t)loom_dtype_size(tensor->dtype);
	if (!op->size)
		return reject(error, LOOM_FAULT_CMD_DTYPE, index);
	op->write = write;
	op->rank = tensor->rank;
	if (op->rank > LOOM_RANK_MAX)
		return reject(error, LOOM_FAULT_CMD_TENSOR, index);
	for (unsigned int i = 0; i < LOOM_RANK_MAX; i++) {
		op->dims[i] = le32toh(tensor->dims[i]);
		op->strides[i] = (int64_t)le64toh(tensor->strides[i]);
		if (op->dims[i] > LOOM_DIM_MAX)
			return reject(error, LOOM_FAULT_CMD_TENSOR, index);
		if (i >= op->rank && (op->dims[i] || op->strides[i]))
			return reject(error, LOOM_FAULT_CMD_TENSOR, index);
		if (write && op->dims[i] > 1 && op->strides[i] == 0 &&
		    !(op->panels && i + 2 >= op->rank))
			return reject(error, LOOM_FAULT_CMD_TENSOR, index);
	}
	if (!op->panels)
		return loom_packet_place(op, le64toh(tensor->va), error, index);
	ret = check_panels(op, error, index);
	return ret ? ret : panels_place(op, le64toh(tensor->va), error, index);
}

int loom_packet_tensor(struct loom_work *work, const struct loom_tensor *tensor, bool write,
		       bool optional, struct loom_decode_error *error)
{
	return loom_packet_operand(work, tensor, write, optional, 0, error);
}

bool loom_packet_broadcasts(const struct loom_operand *op, const struct loom_operand *dst,
			    unsigned int skip)
{
	unsigned int shift;

	if (op->rank > dst->rank)
		return false;
	shift = dst->rank - op->rank;
	for (unsigned int i = 0; i + skip < op->rank; i++)
		if (op->dims[i] != 1 && op->dims[i] != dst->dims[i + shift])
			return false;
	return true;
}
