// SPDX-License-Identifier: MIT
/*
 * An activation right after a product, a sum or a function: the card applies it before it stores
 * the result.
 *
 * Of F32, whose store does not round, and RELU of any type, which commutes with rounding.
 */
#include "pass.h"

static bool takes(const struct ir_node *n, const struct ir_node *act)
{
	const struct ir_value *v = n->out[0];

	if (n->act || v->uses != 1 || v->bound)
		return false;
	if (v->dtype != ACCEL_F32 && (act->act != ACCEL_ACT_RELU || !ir_is_float(v->dtype)))
		return false;
	if (n->op == IR_MATMUL || n->op == IR_CONV)
		return true;
	if (n->op == IR_BINARY)
		return n->fn <= IR_MAX;
	return n->op == IR_UNARY && n->fn <= IR_TRUNC;
}

void pass_activation(struct ir_graph *g)
{
	struct ir_node **link = &g->first, *n, *before;

	pass_uses(g);
	while ((n = *link)) {
		before = n->op == IR_ACT ? n->in[0]->from : NULL;
		if (!before || !takes(before, n)) {
			link = &n->next;
			continue;
		}
		before->act = n->act;
		before->act_param[0] = n->act_param[0];
		before->act_param[1] = n->act_param[1];
		before->out[0] = n->out[0];
		before->out[0]->from = before;
		*link = n->next;
		if (!*link)
			g->last = link;
	}
}
