// SPDX-License-Identifier: MIT
/*
 * MatMul and Add of a vector: the card adds a bias to a product in the same breath, and both
 * round as two operations do.
 *
 * Only of F32: the sum of a product of F16 or BF16 would be rounded once instead of twice.
 */
#include <stddef.h>

#include "pass.h"

/* [N], or [1, ..., N], or one element. */
static bool is_bias(const struct ir_value *v, int64_t columns)
{
	if (v->count != columns && v->count != 1)
		return false;
	return v->count == 1 || (v->rank && v->dims[v->rank - 1] == columns);
}

static bool same_shape(const struct ir_value *a, const struct ir_value *b)
{
	if (a->rank != b->rank)
		return false;
	for (uint32_t i = 0; i < a->rank; i++)
		if (a->dims[i] != b->dims[i])
			return false;
	return true;
}

static bool fuse(struct ir_graph *g, struct ir_node *add, uint32_t side)
{
	struct ir_value *product = add->in[side], *bias = add->in[!side], **in;
	struct ir_node *n = product->from;

	/* The bias must be there before the product is. */
	if (!n || n->op != IR_MATMUL || n->nin > 2 || n->act || product->uses != 1 ||
	    product->bound || product->dtype != ACCEL_F32 || bias->from ||
	    !product->rank || !is_bias(bias, product->dims[product->rank - 1]) ||
	    !same_shape(product, add->out[0]))
		return false;
	in = ir_alloc(g, 3 * sizeof(*in));
	if (!in)
		return false;
	in[0] = n->in[0];
	in[1] = n->in[1];
	in[2] = bias;
	n->in = in;
	n->nin = 3;
	n->act = add->act;
	n->act_param[0] = add->act_param[0];
	n->act_param[1] = add->act_param[1];
	n->out[0] = add->out[0];
	n->out[0]->from = n;
	return true;
}

void pass_bias(struct ir_graph *g)
{
	struct ir_node **link = &g->first, *n;

	pass_uses(g);
	while ((n = *link) && !g->error) {
		if (n->op != IR_BINARY || n->fn != IR_ADD || (!fuse(g, n, 0) && !fuse(g, n, 1))) {
			link = &n->next;
			continue;
		}
		*link = n->next;
		if (!*link)
			g->last = link;
	}
}
