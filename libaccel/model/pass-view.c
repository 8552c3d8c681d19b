// SPDX-License-Identifier: MIT
/*
 * Reshapes cost nothing: the result is the operand's memory with another shape.
 *
 * An output has memory of its own, so what is an output is copied, unless its operand is made
 * for it alone.
 */
#include "pass.h"

void pass_view(struct ir_graph *g)
{
	pass_uses(g);
	for (struct ir_node *n = g->first; n; n = n->next) {
		struct ir_value *x, *y;

		if (n->op != IR_RESHAPE)
			continue;
		x = n->in[0];
		y = n->out[0];
		while (x->alias)
			x = x->alias;
		if (!y->bound)
			y->alias = x;
		else if (n->in[0] == x && x->from && x->uses == 1 && !x->bound && !x->data)
			x->alias = y;
	}
}
