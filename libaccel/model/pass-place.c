// SPDX-License-Identifier: MIT
/*
 * What is put together is computed where it comes to lie, and parts of a value are read where they are.
 *
 * A result that goes into a concatenation and nowhere else is written into it; a slice is read
 * from its operand's memory, with the steps that this takes, by operators that the card has. What the
 * processor computes after all gets memory of its own: see card_place().
 */
#include "pass.h"

#define DEEP	8	/* places within places, on either side of a value */

/* Operators whose packets take operands and results with gaps. */
static bool takes_gaps(const struct ir_node *n, uint32_t operand)
{
	switch (n->op) {
	case IR_BINARY:
	case IR_UNARY:
	case IR_ACT:
	case IR_REDUCE:
	case IR_SOFTMAX:
	case IR_POOL:
	case IR_TRANSPOSE:
	case IR_SLICE:
	case IR_CONCAT:
	case IR_CAST:
		return true;
	case IR_MATMUL:
		return operand == IR_P_A || operand == IR_P_B || operand == IR_P_RESIDUAL;
	case IR_CONV:
		return operand == IR_P_A || operand == IR_P_RESIDUAL;
	default:
		return false;
	}
}

bool pass_makes_gaps(const struct ir_node *n)
{
	switch (n->op) {
	case IR_BINARY:
	case IR_UNARY:
	case IR_ACT:
	case IR_MATMUL:
	case IR_CONV:
	case IR_POOL:
	case IR_CONCAT:
	case IR_TRANSPOSE:
		return true;
	default:
		return false;
	}
}

static void place(struct ir_graph *g, struct ir_value *v, struct ir_value *in, const int64_t *starts,
		  const int64_t *steps)
{
	int64_t *place = ir_alloc(g, 2 * IR_RANK_MAX * sizeof(*place));

	if (!place)
		return;
	for (uint32_t i = 0; i < v->rank; i++) {
		place[i] = starts[i];
		place[IR_RANK_MAX + i] = steps ? steps[i] : 1;
	}
	v->place = place;
	v->alias = in;
}

/* Its memory is its own and only its own: it may be elsewhere. */
static bool is_free(const struct ir_value *v)
{
	return !v->bound && !v->alias && !v->data && !v->dense && v->count &&
	       v->rank <= ACCEL_RANK_MAX && v->deep < DEEP;
}

static void put_together(struct ir_graph *g, const struct ir_node *n)
{
	struct ir_value *y = n->out[0];
	int64_t starts[IR_RANK_MAX] = { 0 };

	for (uint32_t i = 0; i < n->nin; i++) {
		struct ir_value *v = n->in[i];

		if (v->from && v->uses == 1 && v->from->out[0] == v && pass_makes_gaps(v->from) &&
		    is_free(v) && v->rank == y->rank && v->dtype == y->dtype) {
			place(g, v, y, starts, NULL);
			y->deep = v->deep >= y->deep ? v->deep + 1 : y->deep;
		}
		starts[n->axis] += v->dims[n->axis];
	}
}

static void take_apart(struct ir_graph *g, const struct ir_node *n)
{
	struct ir_value *x = n->in[0], *y = n->out[0];
	unsigned int deep = 1;

	for (const struct ir_value *v = x; v->alias && deep < DEEP; v = v->alias)
		deep++;
	if (is_free(y) && !x->data && x->rank == y->rank && deep < DEEP)
		place(g, y, x, n->ints, n->ints + y->rank);
}

void pass_dense(struct ir_graph *g)
{
	for (struct ir_node *n = g->first; n; n = n->next) {
		for (uint32_t i = 0; i < n->nin; i++)
			if (n->in[i] && !takes_gaps(n, i))
				n->in[i]->dense = true;
		for (uint32_t i = 0; i < n->nout; i++)
			if (n->out[i] && n->out[i]->alias && !n->out[i]->place)
				n->out[i]->alias->dense = true;
	}
}

void pass_place_some(struct ir_graph *g, const uint8_t *some)
{
	uint32_t k = 0;

	pass_uses(g);
	pass_dense(g);
	for (struct ir_node *n = g->first; n && !g->error; n = n->next, k++) {
		if (some && !some[k])
			continue;
		if (n->op == IR_CONCAT)
			put_together(g, n);
		else if (n->op == IR_SLICE)
			take_apart(g, n);
	}
}

void pass_place(struct ir_graph *g)
{
	pass_place_some(g, NULL);
}
