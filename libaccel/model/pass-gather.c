// SPDX-License-Identifier: MIT
/*
 * Gather on the card: a lookup of one known element is a slice, all others look up indices that the
 * processor has checked, as an index that is out of range must be an error and the card has none.
 */
#include <string.h>

#include "eval.h"
#include "pass.h"

static bool known(const struct ir_value *indices, int64_t dim, int64_t *first)
{
	size_t size = accel_dtype_size(indices->dtype);

	if (!indices->data || indices->from)
		return false;
	for (int64_t i = 0; i < indices->count; i++) {
		int64_t k = (int64_t)eval_load_int(indices->dtype,
						   (const char *)indices->data + (size_t)i * size);

		if (k < -dim || k >= dim)
			return false;
		if (!i)
			*first = k < 0 ? k + dim : k;
	}
	return true;
}

static struct ir_node *node(struct ir_graph *g, enum ir_op op, struct ir_value *in,
			    struct ir_value *out)
{
	struct ir_node *n = ir_alloc(g, sizeof(*n));

	if (!n || !out)
		return NULL;
	n->in = ir_alloc(g, sizeof(*n->in));
	n->out = ir_alloc(g, sizeof(*n->out));
	if (!n->in || !n->out)
		return NULL;
	n->op = op;
	n->in[0] = in;
	n->out[0] = out;
	n->nin = n->nout = 1;
	n->reason = "";
	out->from = n;
	return n;
}

/* x[.., k, ..], then the axis goes. */
static void slice(struct ir_graph *g, struct ir_node *n, struct ir_node **link, int64_t k)
{
	struct ir_value *x = n->in[0], *part;
	int64_t dims[IR_RANK_MAX];
	struct ir_node *first;

	memcpy(dims, x->dims, sizeof(dims));
	dims[n->axis] = 1;
	part = ir_value(g, x->dtype, x->rank, dims);
	first = node(g, IR_SLICE, x, part);
	if (!first)
		return;
	for (uint32_t i = 0; i < x->rank; i++)
		first->ints[x->rank + i] = 1;
	first->ints[n->axis] = k;
	first->name = n->name;
	first->origin = n->origin;
	first->next = n;
	*link = first;
	n->op = IR_RESHAPE;
	n->in[0] = part;
	n->nin = 1;
}

static void check(struct ir_graph *g, struct ir_node *n, struct ir_node **link)
{
	struct ir_value *indices = n->in[1], *in[2];
	struct ir_node *first;

	first = node(g, IR_CHECK, indices,
		     ir_value(g, indices->dtype, indices->rank, indices->dims));
	if (!first)
		return;
	first->ints[0] = n->in[0]->dims[n->axis];
	first->name = n->name;
	first->origin = n->origin;
	first->next = n;
	*link = first;
	in[0] = n->in[0];
	in[1] = first->out[0];
	n->in = ir_alloc(g, sizeof(in));
	if (n->in)
		memcpy(n->in, in, sizeof(in));
}

void pass_gather(struct ir_graph *g)
{
	struct ir_node **link = &g->first, *n;

	for (; (n = *link) && !g->error; link = &n->next) {
		int64_t k = 0;

		if (n->op != IR_GATHER || !ir_is_float(n->in[0]->dtype) || !n->in[0]->count ||
		    n->in[0]->rank > ACCEL_RANK_MAX)
			continue;
		if (n->in[1]->dtype != ACCEL_I64 && n->in[1]->dtype != ACCEL_I32)
			continue;
		if (n->in[1]->count == 1 && known(n->in[1], n->in[0]->dims[n->axis], &k))
			slice(g, n, link, k);
		else
			check(g, n, link);
	}
}
