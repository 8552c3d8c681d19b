// SPDX-License-Identifier: MIT
/*
 * Ensembles of decision trees, and tables of labels. Sums are doubles that are rounded once, in the
 * order of the trees.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "tree.h"

static bool answer(const struct tree_node *n, double x)
{
	if (isnan(x))
		return n->missing_true;
	switch (n->mode) {
	case TREE_LEQ:
		return x <= n->threshold;
	case TREE_LT:
		return x < n->threshold;
	case TREE_GTE:
		return x >= n->threshold;
	case TREE_GT:
		return x > n->threshold;
	case TREE_EQ:
		return x == n->threshold;
	default:
		return x != n->threshold;
	}
}

static void add(const struct trees *t, double *sum, bool *seen, const struct tree_weight *w)
{
	double *s = &sum[w->target];

	if (t->sum == TREE_MIN || t->sum == TREE_MAX)
		*s = seen[w->target] && (t->sum == TREE_MIN ? *s < w->weight : *s > w->weight) ? *s :
		     w->weight;
	else
		*s += w->weight;
	seen[w->target] = true;
}

static int trees(const struct ir_node *n, const char *in, char *out)
{
	const struct trees *t = n->extra;
	const struct ir_value *x = n->in[0], *y = n->out[0];
	int64_t rows = x->rank > 1 ? x->dims[0] : 1, columns = x->dims[x->rank - 1];
	size_t size = accel_dtype_size(x->dtype), size_y = accel_dtype_size(y->dtype);
	double *sum = calloc(t->targets + 1, sizeof(*sum));
	bool *seen = calloc(t->targets + 1, sizeof(*seen));
	int ret = sum && seen ? 0 : err_nomem("sums of trees");

	for (int64_t r = 0; r < rows && !ret; r++) {
		const char *row = in + (size_t)(r * columns) * size;

		memset(sum, 0, t->targets * sizeof(*sum));
		memset(seen, 0, t->targets * sizeof(*seen));
		for (uint32_t k = 0; k < t->nroots; k++) {
			const struct tree_node *node = &t->nodes[t->roots[k]];

			while (node->mode != TREE_LEAF)
				node = &t->nodes[answer(node, eval_load(x->dtype, row + node->feature * size)) ?
						 node->yes : node->no];
			for (uint32_t w = 0; w < node->no; w++)
				add(t, sum, seen, &t->weights[node->yes + w]);
		}
		for (uint32_t i = 0; i < t->targets; i++, out += size_y) {
			double s = t->sum == TREE_AVERAGE ? sum[i] / (double)t->nroots : sum[i];

			eval_store(y->dtype, out, s + (t->base ? t->base[i] : 0));
		}
	}
	free(sum);
	free(seen);
	return ret;
}

static bool same(enum accel_dtype t, const char *a, const char *b)
{
	double x, y;

	if (ir_is_int(t))
		return eval_load_int(t, a) == eval_load_int(t, b);
	x = eval_load(t, a);
	y = eval_load(t, b);
	return x == y || (isnan(x) && isnan(y));
}

/* The value of the first key that is the same, else the last value, which is the default. */
static void label(const struct ir_node *n, const char *in, const char *keys, const char *values, char *out)
{
	const struct ir_value *x = n->in[0];
	size_t size = accel_dtype_size(x->dtype), size_y = accel_dtype_size(n->out[0]->dtype);
	int64_t count = n->in[1]->count;

	for (int64_t i = 0; i < x->count; i++, in += size, out += size_y) {
		int64_t k = 0;

		while (k < count && !same(x->dtype, in, keys + (size_t)k * size))
			k++;
		memcpy(out, values + (size_t)k * size_y, size_y);
	}
}

int eval_tree(const struct ir_node *n, const void *const *in, void *const *out)
{
	if (n->op == IR_TREES)
		return trees(n, in[0], out[0]);
	label(n, in[0], in[1], in[2], out[0]);
	return 0;
}
