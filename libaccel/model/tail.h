/* SPDX-License-Identifier: MIT */
/*
 * The end of a graph whose sizes a run decides.
 *
 * How many boxes are left, or which elements are not 0, is known once there are elements. Operators that give
 * so many results, and all that take these, are one node of the graph, IR_TAIL: the processor does them
 * when all before is done, one after the other, with the sizes that there are then. In the graph its results have
 * the most elements that they may have along each axis, which is proven when the graph is made or
 * read; where there is no such proof, there is no such node.
 *
 * The operators are those of the file, packed as a model of ONNX: they become a graph anew in
 * each run, by the same functions, with the operands as constants (onnx-tail.c). To the compiler this is
 * bytes that it does not look into.
 */
#ifndef ACCEL_PRIV_TAIL_H
#define ACCEL_PRIV_TAIL_H

#include "ir.h"

#define TAIL_SIZE_MAX	((size_t)1 << 20)
#define TAIL_OUTPUTS_MAX	64

/**
 * struct tail - what IR_TAIL does
 * @data, @size: as it is in a file
 * @model: the same, unpacked
 * @operators: their names, for people
 * @reason: why these are on the processor
 */
struct tail {
	const void *data;
	size_t size;
	const void *model;
	const char *operators;
	const char *reason;
};

/** tail_unpack() - from bytes, which stay where they are. NULL with the graph's error set. */
const struct tail *tail_unpack(struct ir_graph *g, const void *data, size_t size);

/** tail_check() - whether a node's operands and results are those of its tail, and large enough.
 * Return: false; there may be an error of the graph.
 */
bool tail_check(struct ir_graph *g, const struct ir_node *n);

/** tail_run() - do it: see eval(). */
int tail_run(const struct ir_node *n, const void *const *in, void *const *out);

/** tail_sizes() - where the sizes of a result of IR_TAIL are among the elements of the last one. */
uint32_t tail_sizes(const struct ir_node *n, const struct ir_value *v);

#endif
