/* SPDX-License-Identifier: MIT */
/*
 * Operators on integers that stand for numbers: (integer - zero point) * scale.
 *
 * What is not one of the two factors of a product broadcasts to the product's result, as numpy
 * does: one for all, one for each column, or of a convolution one for each channel.
 */
#ifndef ACCEL_PRIV_QUANT_H
#define ACCEL_PRIV_QUANT_H

#include "card.h"
#include "ir.h"

/**
 * enum ir_quant - operands of IR_QMATMUL and IR_QCONV; all but the first two may be absent
 * @IR_Q_X: I8 or U8
 * @IR_Q_W: I8 or U8
 * @IR_Q_X_ZERO: of X's type; of a product it may differ from row to row
 * @IR_Q_W_ZERO: of W's type; may differ from column to column
 * @IR_Q_BIAS: I32, added to the sum of products modulo 2^32
 * @IR_Q_SCALE: F32; not of a result of I32, which is that sum
 * @IR_Q_RESIDUAL: a float, added after that; not of a result of I32
 * @IR_Q_ZERO: of the result's type, of results of I8 and U8
 */
enum ir_quant {
	IR_Q_X, IR_Q_W, IR_Q_X_ZERO, IR_Q_W_ZERO, IR_Q_BIAS, IR_Q_SCALE, IR_Q_RESIDUAL, IR_Q_ZERO,
	IR_Q_OPERANDS,
};

/** b_quantize() - @scale and @zero, which may be NULL, broadcast to @x. */
struct ir_value *b_quantize(struct ir_graph *g, struct ir_value *x, struct ir_value *scale,
			    struct ir_value *zero, enum accel_dtype to);
/** b_dequantize() - to @scale's type. */
struct ir_value *b_dequantize(struct ir_graph *g, struct ir_value *x, struct ir_value *scale,
			      struct ir_value *zero);
/** b_qmatmul() - as b_matmul(); all operands of enum ir_quant, NULL for those that are absent. */
struct ir_value *b_qmatmul(struct ir_graph *g, struct ir_value *const *in, enum accel_dtype to);
/** b_qconv() - as b_conv(). */
struct ir_value *b_qconv(struct ir_graph *g, struct ir_value *const *in, int64_t groups,
			 const int64_t *window, const int64_t *dims, enum accel_dtype to);

/** quant_is() - whether a node is one of these. */
static inline bool quant_is(const struct ir_node *n)
{
	return n->op == IR_QUANTIZE || n->op == IR_DEQUANTIZE || n->op == IR_QMATMUL ||
	       n->op == IR_QCONV;
}

/** quant_zero() - the zero point that a constant has throughout; false: it has none. NULL is 0. */
bool quant_zero(const struct ir_value *v, int32_t *zero);

/* Of the passes over these: */

/** quant_constant() - elements of a constant that may have been given another shape, or NULL. */
const void *quant_constant(const struct ir_value *v);
/** quant_source() - the node that made a value, behind reshapes that change nothing. */
const struct ir_node *quant_source(const struct ir_value *v);
/** quant_single() - scale and zero point of a conversion that has one each, which are known. */
bool quant_single(const struct ir_node *n, float *scale, int32_t *zero);
/** quant_insert() - a new node in a graph that is made already; NULL sets its error. */
struct ir_node *quant_insert(struct ir_graph *g, struct ir_node *after, enum ir_op op,
			     struct ir_value *const *in, uint32_t nin, struct ir_value *out);

/* The parts of card_cannot(), card_emit(), eval_cannot() and eval() for these operators. */
const char *card_quant_cannot(const struct ir_node *n, const struct accel_device_props *props);
int card_quant_emit(struct accel_program *program, const struct ir_node *n,
		    const struct card_operands *operands);
const char *eval_quant_cannot(const struct ir_node *n);
int eval_quant(const struct ir_node *n, const void *const *in, void *const *out);

#endif
