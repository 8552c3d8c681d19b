// SPDX-License-Identifier: MIT
/* Packet decoder: parameters that several packets have. */
#include "numerics.h"
#include "packet.h"

/* How many parameters an activation has; the others are zero. CLIP looks at its own. */
static unsigned int act_params(uint32_t act)
{
	switch (act) {
	case LOOM_ACT_LEAKY:
	case LOOM_ACT_ELU:
		return 1;
	case LOOM_ACT_SELU:
	case LOOM_ACT_HARD_SIGMOID:
		return 2;
	default:
		return 0;
	}
}

int loom_packet_act(uint32_t act, const __le32 *bits, bool integer, float *param,
		    struct loom_decode_error *error)
{
	param[0] = loom_f32_of(le32toh(bits[0]));
	param[1] = loom_f32_of(le32toh(bits[1]));
	if (act > LOOM_ACT_HARD_SWISH || (integer && act > LOOM_ACT_RELU))
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	if (act == LOOM_ACT_CLIP) {
		/* the comparison also fails for NaN */
		if (!(param[0] <= param[1]))
			return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
		return 0;
	}
	for (unsigned int i = 0; i < 2; i++)
		if (i < act_params(act) ? !isfinite(param[i]) : bits[i] != 0)
			return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	return 0;
}

int loom_packet_zero(__le32 field, unsigned int dtype, int32_t *zero,
		     struct loom_decode_error *error, unsigned int operand)
{
	int32_t lo = dtype == LOOM_DTYPE_I8 ? INT8_MIN : 0;
	int32_t hi = dtype == LOOM_DTYPE_I8 ? INT8_MAX : dtype == LOOM_DTYPE_U8 ? UINT8_MAX : 0;

	*zero = (int32_t)le32toh(field);
	if (*zero < lo || *zero > hi)
		return reject(error, LOOM_FAULT_CMD_PARAM, operand);
	return 0;
}

static bool is_distance(uint32_t value)
{
	return value && value <= LOOM_DIM_MAX;
}

int loom_packet_window(const struct loom_window *window, unsigned int axes, struct loom_work *work,
		       struct loom_decode_error *error)
{
	for (unsigned int i = 0; i < LOOM_WINDOW_AXES; i++) {
		struct loom_axis *axis = &work->window[i];

		axis->stride = le32toh(window->stride[i]);
		axis->dilation = le32toh(window->dilation[i]);
		axis->spacing = le32toh(window->spacing[i]);
		axis->before = (int32_t)le32toh(window->before[i]);
		if (i < axes ? !is_distance(axis->stride) || !is_distance(axis->dilation) ||
			       !is_distance(axis->spacing) || axis->before == INT32_MIN :
			       axis->stride || axis->dilation || axis->spacing || axis->before)
			return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	}
	return 0;
}

int loom_packet_axes(const struct loom_operand *op, uint32_t axes, struct loom_decode_error *error)
{
	if (axes >> op->rank)
		return reject(error, LOOM_FAULT_CMD_PARAM, NO_OPERAND);
	return 0;
}

/* Exactly one on the other; they are known to be of the same shape. */
static bool same_place(const struct loom_operand *a, const struct loom_operand *b)
{
	return a->extent && a->dtype == b->dtype && a->va == b->va && a->origin == b->origin &&
	       !memcmp(a->strides, b->strides, sizeof(a->strides));
}

int loom_packet_in_place(const struct loom_work *work, uint32_t axes, uint32_t most,
			 struct loom_decode_error *error)
{
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	uint64_t n = 1;

	if (!same_place(dst, src))
		return 0;
	/* what is written has fewer elements than bytes */
	for (unsigned int i = 0; i < src->rank; i++)
		if (axes >> i & 1)
			n *= src->dims[i];
	return n <= most ? 0 : reject(error, LOOM_FAULT_CMD_SHAPE, 1);
}
