/* SPDX-License-Identifier: MIT */
/*
 * The end of a graph whose sizes a run decides (tail.h), as the importer sees it.
 */
#ifndef ACCEL_PRIV_ONNX_TAIL_H
#define ACCEL_PRIV_ONNX_TAIL_H

#include "onnx.h"
#include "tail.h"

/**
 * struct onnx_tail - such an end, while its nodes are looked at
 * @g: a graph of its own. Without @run its values have the most elements that they may have, and are
 *	known where the most that their elements may be is; with it all are known
 * @names: its values
 * @nodes: that were taken, in order
 * @operands: values of the graph before it; their names are @operand_names
 */
struct onnx_tail {
	const Onnx__ModelProto *model;
	struct ir_graph *g;
	struct map names;
	bool run;
	Onnx__NodeProto **nodes;
	size_t nnodes;
	struct ir_value **operands;
	char **operand_names;
	size_t noperands;
};

int onnx_tail_begin(struct onnx_tail *t, const Onnx__ModelProto *model);
void onnx_tail_end(struct onnx_tail *t);

/** onnx_tail_add() - take a node of a graph that is being made.
 * @c: with operands of that graph and of the tail; sets c->out to values of the tail, or c->why
 * Errors: those of the graph.
 */
int onnx_tail_add(struct onnx_tail *t, struct onnx_cx *c);

/** onnx_tail_make() - the node of all that was taken.
 * @outputs: which it is to give
 * @out: set to its results, as many
 * Errors: those of the graph.
 */
int onnx_tail_make(struct onnx_tail *t, struct ir_graph *g, Onnx__ValueInfoProto **outputs, uint32_t count,
		   struct ir_value **out);

/* What onnx-bound.c knows: which operators cannot give more when their operands have less. */

/** onnx_bound_operands() - let a node see of late operands what it may. Sets c->why: it may not be there. */
void onnx_bound_operands(struct onnx_cx *c);
/** onnx_bound_results() - keep of its results what is proven. */
void onnx_bound_results(struct onnx_cx *c);
/** onnx_bound_slice() - whether a slice never gives more of a shorter axis than of one of @dim.
 * @less: the end may be less than @end, but not negative
 */
bool onnx_bound_slice(int64_t dim, int64_t start, int64_t end, int64_t step, bool less);

#endif
