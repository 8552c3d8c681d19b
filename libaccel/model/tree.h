/* SPDX-License-Identifier: MIT */
/*
 * Ensembles of decision trees, checked: what IR_TREES computes with.
 */
#ifndef ACCEL_PRIV_TREE_H
#define ACCEL_PRIV_TREE_H

#include "ir.h"

enum tree_mode { TREE_LEQ, TREE_LT, TREE_GTE, TREE_GT, TREE_EQ, TREE_NEQ, TREE_LEAF };
enum tree_sum { TREE_SUM, TREE_AVERAGE, TREE_MIN, TREE_MAX };

/**
 * struct tree_node - a question, or an answer
 * @mode: enum tree_mode
 * @missing_true: what NaN answers
 * @feature: the column that is asked about
 * @threshold: what it is compared with
 * @yes, @no: the next nodes; of a leaf the first of its weights and their number
 */
struct tree_node {
	uint8_t mode;
	bool missing_true;
	uint32_t feature;
	double threshold;
	uint32_t yes, no;
};

struct tree_weight {
	uint32_t target;
	double weight;
};

/** struct trees - each node is reached from one root at most, and by one way */
struct trees {
	struct tree_node *nodes;
	struct tree_weight *weights;
	uint32_t *roots;
	uint32_t nnodes, nweights, nroots;
	uint32_t targets;
	enum tree_sum sum;
	double *base;		/* of each target, or NULL */
};

#endif
