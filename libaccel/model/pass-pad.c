// SPDX-License-Identifier: MIT
/*
 * Pad before a convolution, with zeros, or before the largest of a window, with minus infinity: what
 * the window sees outside of its operand is just that, and is computed with in the same way.
 */
#include <math.h>
#include <string.h>

#include "pass.h"

static bool is_hole(const struct ir_node *pad, bool max)
{
	const struct ir_value *v = pad->nin > 1 ? pad->in[1] : NULL;
	float x = 0;

	if (v && (!v->data || v->from || v->dtype != ACCEL_F32))
		return false;
	if (v)
		memcpy(&x, v->data, sizeof(x));
	/* A zero of the other sign would be another factor. */
	return max ? x == -INFINITY : x == 0 && !signbit(x);
}

static bool fuse(struct ir_node *n)
{
	struct ir_node *pad = n->in[0]->from;
	uint32_t rank = n->in[0]->rank;

	if (!pad || pad->op != IR_PAD || pad->fn != IR_PAD_CONSTANT ||
	    n->in[0]->dtype != ACCEL_F32 || (n->op == IR_CONV && n->flag) ||
	    (n->op == IR_POOL && (n->fn != ACCEL_POOL_MAX || n->flag || n->nout > 1)) ||
	    !is_hole(pad, n->op == IR_POOL) || rank > 5 || !pad->in[0]->count)
		return false;
	for (uint32_t i = 0; i < rank; i++) {
		int64_t before = pad->ints[i], after = pad->ints[rank + i];

		if (before < 0 || after < 0 || (i < 2 && (before || after)) ||
		    (i >= 2 && n->ints[6 + i - 2] + before > INT32_MAX / 2))
			return false;
	}
	for (uint32_t i = 2; i < rank; i++)
		n->ints[6 + i - 2] += pad->ints[i];
	n->in[0] = pad->in[0];
	return true;
}

void pass_pad(struct ir_graph *g)
{
	for (struct ir_node *n = g->first; n; n = n->next)
		while ((n->op == IR_CONV || n->op == IR_POOL) && fuse(n))
			;
	pass_dead(g);
}
