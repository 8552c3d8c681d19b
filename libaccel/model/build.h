/* SPDX-License-Identifier: MIT */
/*
 * Building graphs: each call appends one node and infers the type and shape of its result.
 *
 * All take NULL operands after an error and return NULL then: callers look at the graph's error
 * once, at the end.
 */
#ifndef ACCEL_PRIV_BUILD_H
#define ACCEL_PRIV_BUILD_H

#include "ir.h"

struct ir_value *b_binary(struct ir_graph *g, enum ir_binary fn, struct ir_value *a,
			  struct ir_value *b);
struct ir_value *b_unary(struct ir_graph *g, int fn, struct ir_value *x);
struct ir_value *b_act(struct ir_graph *g, enum accel_act act, struct ir_value *x, float p0,
		       float p1);
struct ir_value *b_cast(struct ir_graph *g, struct ir_value *x, enum accel_dtype dtype);
/** b_reduce() - along the bits of @axes; @keep: as axes of 1 element. */
struct ir_value *b_reduce(struct ir_graph *g, enum accel_reduce fn, struct ir_value *x,
			  uint32_t axes, bool keep);
struct ir_value *b_arg(struct ir_graph *g, bool max, struct ir_value *x, int64_t axis, bool keep,
		       bool last);
struct ir_value *b_softmax(struct ir_graph *g, struct ir_value *x, uint32_t axes, bool log);
/** b_matmul() - as numpy: axes before the last two broadcast, a vector is a row or a column. */
struct ir_value *b_matmul(struct ir_graph *g, struct ir_value *a, struct ir_value *b);
struct ir_value *b_reshape(struct ir_graph *g, struct ir_value *x, uint32_t rank,
			   const int64_t *dims);
struct ir_value *b_transpose(struct ir_graph *g, struct ir_value *x, const int64_t *order);
/** b_slice() - all axes; @steps may be negative. */
struct ir_value *b_slice(struct ir_graph *g, struct ir_value *x, const int64_t *starts,
			 const int64_t *steps, const int64_t *counts);
struct ir_value *b_concat(struct ir_graph *g, struct ir_value *const *x, uint32_t n, int64_t axis);
/** b_expand() - broadcast @x to @dims, which it must fit. */
struct ir_value *b_expand(struct ir_graph *g, struct ir_value *x, uint32_t rank,
			  const int64_t *dims);
/** b_pad() - @pads: before each axis, then after; negative ones cut. */
struct ir_value *b_pad(struct ir_graph *g, struct ir_value *x, const int64_t *pads,
		       enum ir_pad mode, struct ir_value *value);
struct ir_value *b_gather(struct ir_graph *g, struct ir_value *x, struct ir_value *indices,
			  int64_t axis);
/** b_gather_elements() - @indices has @x's shape, or less along axes but @axis. */
struct ir_value *b_gather_elements(struct ir_graph *g, struct ir_value *x,
				   struct ir_value *indices, int64_t axis);
/** b_scatter() - put @updates into @x, along @axis at @indices, which have their shape. */
struct ir_value *b_scatter(struct ir_graph *g, struct ir_value *x, struct ir_value *indices,
			   struct ir_value *updates, enum ir_put how, int64_t axis);
struct ir_value *b_where(struct ir_graph *g, struct ir_value *c, struct ir_value *x,
			 struct ir_value *y);

/** b_same() - a node with operands @in and a result of @like's shape and type. */
struct ir_node *b_same(struct ir_graph *g, enum ir_op op, struct ir_value *const *in, uint32_t n,
		       const struct ir_value *like);
/** b_pool() - see IR_POOL; @dims are the result's. */
struct ir_node *b_pool(struct ir_graph *g, enum accel_pool fn, struct ir_value *x, bool holes,
		       bool indices, const int64_t *window, const int64_t *dims);

/** b_missing() - a node that cannot run, with as many results; @why is copied. */
struct ir_node *b_missing(struct ir_graph *g, struct ir_value *const *in, uint32_t nin,
			  uint32_t nout, const char *why);

/** b_conv() - see IR_CONV; @dims are the result's. */
struct ir_value *b_conv(struct ir_graph *g, struct ir_value *x, struct ir_value *w,
			struct ir_value *bias, int64_t groups, bool transposed,
			const int64_t *window, const int64_t *dims);

/** b_broadcast() - the common shape of two. Return: false with the graph's error set. */
bool b_broadcast(struct ir_graph *g, const struct ir_value *a, const struct ir_value *b,
		 uint32_t *rank, int64_t *dims);

/** b_axis() - an axis that may count from the end; -1 with the graph's error set. */
int64_t b_axis(struct ir_graph *g, int64_t axis, uint32_t rank);

#endif
