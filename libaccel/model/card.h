/* SPDX-License-Identifier: MIT */
/*
 * From nodes to packets, and where each node runs. Knows nothing of ONNX.
 */
#ifndef ACCEL_PRIV_CARD_H
#define ACCEL_PRIV_CARD_H

#include "accel/accel.h"
#include "ir.h"

/** card_cannot() - why the card does not do a node; NULL: it does.
 * @props: NULL: a card with all that libaccel knows
 */
const char *card_cannot(const struct ir_node *n, const struct accel_device_props *props);

/** card_order() - let what the processor can do before all runs of the card come first. */
void card_order(struct ir_graph *g);

/** card_place() - decide for each node of a graph. Return: how many can run nowhere. */
uint32_t card_place(struct ir_graph *g, const struct accel_device_props *props);

/** struct card_operands - where a node's values are */
struct card_operands {
	/** @find: buffer and byte offset of a value */
	struct accel_buffer *(*find)(void *arg, const struct ir_value *v, uint64_t *offset);
	/** @weights: a constant operand in panels, or NULL */
	struct accel_weights *(*weights)(void *arg, const struct ir_value *v);
	void *arg;
};

/** card_emit() - append a node that card_cannot() allows. Errors: those of accel_program_*(). */
int card_emit(struct accel_program *program, const struct ir_node *n,
	      const struct card_operands *operands);

/** card_epilogue() - operands of what comes after a product; @residual: NULL: not that. */
void card_epilogue(struct accel_tensor *bias, struct accel_tensor *scale,
		   struct accel_tensor *residual, const struct ir_node *n,
		   const struct card_operands *operands);

/** card_is_pointwise() - whether a convolution is a product of matrices as it lies in memory. */
bool card_is_pointwise(const struct ir_node *n);

/** card_pointwise_emit() - append it as such. */
int card_pointwise_emit(struct accel_program *program, const struct ir_node *n,
			const struct card_operands *operands);

/** card_packs() - whether a node wants its operand 1 in panels: [K, N], or a filter [N, K, 1...]. */
bool card_packs(const struct ir_node *n, const struct accel_device_props *props);

/** card_shaped() - a value as a contiguous tensor of another shape of as many elements. */
void card_shaped(struct accel_tensor *t, const struct ir_value *v, uint32_t rank,
		 const int64_t *dims, const struct card_operands *operands);

/** card_filter() - weights of a convolution of some groups. */
void card_filter(struct accel_tensor *t, const struct ir_value *w, int64_t groups,
		 const struct card_operands *operands);

/** card_window() - the window of a convolution that is not transposed, see IR_CONV. */
void card_window(struct accel_window *window, const int64_t *ints, uint32_t axes);

/** card_tensor() - a value as a contiguous tensor. */
void card_tensor(struct accel_tensor *t, const struct ir_value *v,
		 const struct card_operands *operands);

#endif
