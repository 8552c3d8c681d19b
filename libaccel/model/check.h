/* SPDX-License-Identifier: MIT */
/*
 * Whether a node is one that builders and passes could have made.
 *
 * What runs a node, on the card or on the processor, trusts that its operands, results and
 * attributes go together. Of a graph that this process made that is so by construction. Of one that
 * was read from a file it is checked here, node by node.
 */
#ifndef ACCEL_PRIV_CHECK_H
#define ACCEL_PRIV_CHECK_H

#include "ir.h"

/**
 * check_node() - that nothing of a node contradicts the rest of it
 * @n: whose operands and results are values that ir_value() made; nin and nout are within limits
 *
 * Every operator of the graph is known here; ranks, shapes and types of results are those that
 * follow from its operands, as far as they follow, and all that is an index, an axis, a length or
 * an enumeration is within its range. Constants that are indices are looked at, too.
 * Return: false with the graph's error set.
 */
bool check_node(struct ir_graph *g, const struct ir_node *n);

#endif
