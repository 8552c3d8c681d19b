// SPDX-License-Identifier: MIT
/*
 * Constant folding: results that depend on constants alone are computed once, when the session
 * is made. Only what the processor computes with the card's bits, and what does not grow; once there is
 * too much, the rest is left to the run.
 */
#include "eval.h"
#include "pass.h"

/* Results may be this much larger than their operands: an expanded scalar stays one. */
#define GROWTH	65536

static bool foldable(struct ir_graph *g, const struct ir_node *n)
{
	uint64_t in = 0, out = 0;

	if (eval_cannot(n))
		return false;
	for (uint32_t i = 0; i < n->nin; i++) {
		if (n->in[i] && !n->in[i]->data)
			return false;
		in += n->in[i] ? n->in[i]->size : 0;
	}
	for (uint32_t i = 0; i < n->nout; i++)
		out += n->out[i] ? n->out[i]->size : 0;
	/* Numbers are four times as large as the bytes that stand for them. */
	return (out <= in + GROWTH || n->op == IR_DEQUANTIZE) && ir_room(g, out) &&
	       ir_afford(g, eval_steps(n));
}

static void fold(struct ir_graph *g, struct ir_node *n)
{
	const void **in = ir_alloc(g, (n->nin + 1) * sizeof(*in));
	void *out[IR_OUT_MAX] = { NULL };

	if (!in)
		return;
	for (uint32_t i = 0; i < n->nin; i++)
		in[i] = n->in[i] ? n->in[i]->data : NULL;
	for (uint32_t i = 0; i < n->nout; i++) {
		out[i] = n->out[i] ? ir_make(g, n->out[i]->size) : NULL;
		if (n->out[i] && !out[i])
			return;
	}
	/* What cannot be computed, as an index that is out of range, fails when it runs. */
	if (eval(n, in, out))
		return;
	for (uint32_t i = 0; i < n->nout; i++)
		if (n->out[i])
			n->out[i]->data = out[i];
}

void pass_fold(struct ir_graph *g)
{
	struct ir_node **link = &g->first, *n;

	while ((n = *link) && !g->error) {
		bool done = n->nout > 0 && n->nout <= IR_OUT_MAX, output = false;

		if (done && !(n->out[0] && n->out[0]->data) && foldable(g, n))
			fold(g, n);
		for (uint32_t i = 0; i < n->nout && done; i++) {
			done &= !n->out[i] || n->out[i]->data;
			output |= n->out[i] && n->out[i]->bound;
		}
		/* An output must be written at each run: its node stays. */
		if (!done || output) {
			link = &n->next;
			continue;
		}
		for (uint32_t i = 0; i < n->nout; i++) {
			if (n->out[i]) {
				n->out[i]->from = NULL;
				n->out[i]->constant = true;
			}
		}
		*link = n->next;
		if (!*link)
			g->last = link;
	}
}
