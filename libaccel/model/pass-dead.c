// SPDX-License-Identifier: MIT
/*
 * Nodes whose results nobody uses.
 */
#include "pass.h"

static bool dead(const struct ir_node *n)
{
	for (uint32_t i = 0; i < n->nout; i++)
		if (n->out[i] && n->out[i]->uses)
			return false;
	return true;
}

void pass_dead(struct ir_graph *g)
{
	struct ir_node **nodes, **link = &g->first;
	size_t count = 0, i = 0;

	for (struct ir_node *n = g->first; n; n = n->next)
		count++;
	nodes = ir_alloc(g, (count + 1) * sizeof(*nodes));
	if (!nodes)
		return;
	for (struct ir_node *n = g->first; n; n = n->next)
		nodes[i++] = n;
	pass_uses(g);
	/* From the end: who is dropped uses nothing any more. */
	for (i = count; i--;) {
		if (!dead(nodes[i]))
			continue;
		for (uint32_t k = 0; k < nodes[i]->nin; k++)
			if (nodes[i]->in[k])
				nodes[i]->in[k]->uses--;
		nodes[i] = NULL;
	}
	for (i = 0; i < count; i++) {
		if (!nodes[i])
			continue;
		*link = nodes[i];
		link = &nodes[i]->next;
	}
	*link = NULL;
	g->last = link;
}
