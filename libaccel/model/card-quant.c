// SPDX-License-Identifier: MIT
/*
 * Integers that stand for numbers, as packets: QUANT, and GEMM and CONV of bytes.
 *
 * Zero points of factors and results are part of these packets: one for all, which must be known.
 */
#include <string.h>

#include "loom_isa.h"
#include "quant.h"

static bool has(const struct accel_device_props *props, unsigned int opcode)
{
	return !props || props->opcodes[opcode / 64] >> (opcode % 64) & 1;
}

static bool is_byte(enum accel_dtype t)
{
	return t == ACCEL_I8 || t == ACCEL_U8;
}

/* Columns of a product, channels of a convolution. */
static int64_t columns(const struct ir_node *n)
{
	const struct ir_value *y = n->out[0];

	return y->dims[n->op == IR_QMATMUL ? y->rank - 1 : 1];
}

/* One for all or one for each column, whatever axes of 1 are around. */
static bool by_column(const struct ir_node *n, const struct ir_value *v)
{
	uint32_t behind = n->op == IR_QMATMUL ? 0 : n->out[0]->rank - 2;

	if (!v || v->count == 1)
		return true;
	return v->count == columns(n) && v->rank > behind &&
	       v->dims[v->rank - 1 - behind] == v->count;
}

static const char *product_cannot(const struct ir_node *n, const struct accel_device_props *props)
{
	enum accel_dtype to = n->out[0]->dtype;
	int32_t zero;

	if (!has(props, n->op == IR_QMATMUL ? LOOM_OP_GEMM : LOOM_OP_CONV))
		return "the card does not have this operator";
	if (n->op == IR_QCONV && n->in[IR_Q_W]->rank + 1 > ACCEL_RANK_MAX)
		return "the card has tensors of up to 6 axes";
	if (to == ACCEL_I32 ? n->act > ACCEL_ACT_RELU : n->act > ACCEL_ACT_CLIP && props &&
	    props->hw_version < (1u << 16 | 1))
		return "this card does not have this activation";
	if (!quant_zero(n->in[IR_Q_X_ZERO], &zero) || !quant_zero(n->in[IR_Q_W_ZERO], &zero) ||
	    !quant_zero(n->in[IR_Q_ZERO], &zero))
		return "the card has one zero point for all, which must be a constant";
	if (!by_column(n, n->in[IR_Q_BIAS]) || !by_column(n, n->in[IR_Q_SCALE]))
		return "the card has one scale for all or one for each column";
	return NULL;
}

const char *card_quant_cannot(const struct ir_node *n, const struct accel_device_props *props)
{
	enum accel_dtype x = n->in[0]->dtype, y = n->out[0]->dtype;

	if (n->op == IR_QMATMUL || n->op == IR_QCONV)
		return product_cannot(n, props);
	if (!has(props, LOOM_OP_QUANT))
		return "the card does not have this operator";
	if (n->op == IR_QUANTIZE ? !is_byte(y) || !ir_is_float(x) :
	    !ir_is_float(y) || (!is_byte(x) && x != ACCEL_I32))
		return "the card does not compute with this type";
	return NULL;
}

static int emit_convert(struct accel_program *program, const struct ir_node *n,
			const struct card_operands *operands)
{
	struct accel_quant_op op = ACCEL_INIT(op);

	op.op = n->op == IR_QUANTIZE ? ACCEL_QUANT_TO : ACCEL_QUANT_FROM;
	card_tensor(&op.dst, n->out[0], operands);
	card_tensor(&op.src, n->in[0], operands);
	card_tensor(&op.scale, n->in[1], operands);
	if (n->nin > 2)
		card_tensor(&op.zero, n->in[2], operands);
	return accel_program_quant(program, &op);
}

static void vector(struct accel_tensor *t, const struct ir_value *v,
		   const struct card_operands *operands)
{
	if (v)
		card_shaped(t, v, 1, &v->count, operands);
}

static int emit_matmul(struct accel_program *program, const struct ir_node *n,
		       const struct card_operands *operands)
{
	struct accel_gemm_op op = ACCEL_INIT(op);

	op.act = n->act;
	memcpy(op.act_param, n->act_param, sizeof(op.act_param));
	card_tensor(&op.c, n->out[0], operands);
	card_tensor(&op.a, n->in[IR_Q_X], operands);
	op.weights = operands->weights(operands->arg, n->in[IR_Q_W]);
	if (!op.weights)
		card_tensor(&op.b, n->in[IR_Q_W], operands);
	quant_zero(n->in[IR_Q_X_ZERO], &op.a_zero);
	quant_zero(n->in[IR_Q_W_ZERO], &op.b_zero);
	quant_zero(n->in[IR_Q_ZERO], &op.c_zero);
	vector(&op.bias, n->in[IR_Q_BIAS], operands);
	vector(&op.scale, n->in[IR_Q_SCALE], operands);
	if (n->in[IR_Q_RESIDUAL])
		card_tensor(&op.residual, n->in[IR_Q_RESIDUAL], operands);
	return accel_program_gemm(program, &op);
}

static int emit_conv(struct accel_program *program, const struct ir_node *n,
		     const struct card_operands *operands)
{
	const struct ir_value *w = n->in[IR_Q_W];
	struct accel_conv_op op = ACCEL_INIT(op);

	op.act = n->act;
	memcpy(op.act_param, n->act_param, sizeof(op.act_param));
	card_tensor(&op.y, n->out[0], operands);
	card_tensor(&op.x, n->in[IR_Q_X], operands);
	card_filter(&op.w, w, n->axis, operands);
	card_window(&op.window, n->ints, w->rank - 2);
	quant_zero(n->in[IR_Q_X_ZERO], &op.x_zero);
	quant_zero(n->in[IR_Q_W_ZERO], &op.w_zero);
	quant_zero(n->in[IR_Q_ZERO], &op.y_zero);
	vector(&op.bias, n->in[IR_Q_BIAS], operands);
	vector(&op.scale, n->in[IR_Q_SCALE], operands);
	if (n->in[IR_Q_RESIDUAL])
		card_tensor(&op.residual, n->in[IR_Q_RESIDUAL], operands);
	return accel_program_conv(program, &op);
}

int card_quant_emit(struct accel_program *program, const struct ir_node *n,
		    const struct card_operands *operands)
{
	if (n->op == IR_QMATMUL)
		return emit_matmul(program, n, operands);
	if (n->op == IR_QCONV)
		return emit_conv(program, n, operands);
	return emit_convert(program, n, operands);
}
