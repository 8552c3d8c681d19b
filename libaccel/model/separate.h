/* SPDX-License-Identifier: MIT */
/*
 * Whether requests may be put together: that a model's results of one element of the batch do not
 * depend on the others, nor on how many there are.
 */
#ifndef ACCEL_PRIV_SEPARATE_H
#define ACCEL_PRIV_SEPARATE_H

#include "ir.h"

/**
 * separate() - prove that a graph computes @batch times what another computes once
 * @one: the model with 1 along axis 0 of each input
 * @many: the same with @batch, 2 or more
 *
 * Both graphs are walked side by side. They must have the same nodes with the same parameters, and
 * each value of @many must either be the one of @one, or have one axis along which it is made of
 * @batch pieces of the same place: those of element 0, then those of element 1, and so on. What an
 * operator does to that axis is known for each operator here; one that is not known is not
 * separable. Then element i of @many is computed as that of @one from the same operands, and as
 * every result is specified to the bit, it has the same bits.
 *
 * The graphs are for nothing else afterwards.
 * Errors: -EOPNOTSUPP: there is no such proof; the text names the node and why.
 */
int separate(struct ir_graph *one, struct ir_graph *many, int64_t batch);

/**
 * rebatch() - make of a graph the one that has another number of elements of the batch
 * @g: nodes and values as they were read, without anything that passes note
 * @batch: elements along axis 0 of each input, now
 *
 * Values that have the batch get the size that follows for them, and every node is checked anew.
 * Which axis of a value that is is known where separate() knows it, and guessed where one of
 * several would do: whether the result computes for each element what @g did is for separate()
 * to say, of @g and the result for one element, and of that and any other.
 * Errors: -EOPNOTSUPP: it cannot be done; the text names the node and why. -ENOMEM.
 */
int rebatch(struct ir_graph *g, int64_t batch);

#endif
