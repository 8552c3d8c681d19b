// SPDX-License-Identifier: MIT
/*
 * Convolutions of one tap, over images whose channels lie together: products of two matrices, one row for
 * each place of all images. Their weights are packed once, as those of any product.
 */
#include <string.h>

#include "card.h"
#include "loom_isa.h"

/* All of what it lies in, but for channels beside its own: a row of channels for each place. */
static bool is_rows(const struct ir_value *v)
{
	for (; v->place; v = v->alias)
		for (uint32_t i = 0; i < v->rank; i++)
			if (v->place[IR_RANK_MAX + i] != 1 ||
			    (i != 1 && v->dims[i] != v->alias->dims[i]))
				return false;
	return v->channels;
}

static const struct ir_value *residual_of(const struct ir_node *n)
{
	return n->nin > IR_P_RESIDUAL ? n->in[IR_P_RESIDUAL] : NULL;
}

bool card_is_pointwise(const struct ir_node *n)
{
	const struct ir_value *x, *y, *w, *residual;

	if (n->op != IR_CONV || n->flag || n->axis != 1)
		return false;
	x = n->in[IR_P_A];
	w = n->in[IR_P_B];
	y = n->out[0];
	residual = residual_of(n);
	for (uint32_t i = 2; i < y->rank; i++)
		if (w->dims[i] != 1 || n->ints[i - 2] != 1 || n->ints[6 + i - 2] ||
		    x->dims[i] != y->dims[i])
			return false;
	for (uint32_t i = 0; residual && i < y->rank; i++)
		if (residual->rank != y->rank || residual->dims[i] != y->dims[i])
			return false;
	return is_rows(x) && is_rows(y) && (!residual || is_rows(residual)) &&
	       y->count / y->dims[1] <= LOOM_DIM_MAX;
}

static void rows_of(struct accel_tensor *t, const struct ir_value *v,
		    const struct card_operands *operands)
{
	struct accel_tensor image;

	card_tensor(&image, v, operands);
	accel_tensor_init(t, image.buffer, image.offset, image.dtype, 2,
			  (uint32_t[]){ (uint32_t)(v->count / v->dims[1]), (uint32_t)v->dims[1] });
	t->strides[0] = image.strides[image.rank - 1];
}

int card_pointwise_emit(struct accel_program *program, const struct ir_node *n,
			const struct card_operands *operands)
{
	const struct ir_value *w = n->in[IR_P_B], *residual = residual_of(n);
	struct accel_gemm_op op = ACCEL_INIT(op);

	op.act = n->act;
	memcpy(op.act_param, n->act_param, sizeof(op.act_param));
	rows_of(&op.c, n->out[0], operands);
	rows_of(&op.a, n->in[IR_P_A], operands);
	op.weights = operands->weights(operands->arg, w);
	if (!op.weights) {
		card_shaped(&op.b, w, 2, w->dims, operands);
		accel_tensor_transpose(&op.b, 0, 1);
	}
	card_epilogue(&op.bias, &op.scale, NULL, n, operands);
	if (residual)
		rows_of(&op.residual, residual, operands);
	return accel_program_gemm(program, &op);
}
