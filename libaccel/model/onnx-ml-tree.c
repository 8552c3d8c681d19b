// SPDX-License-Identifier: MIT
/*
 * Trees of ai.onnx.ml: lists of attributes become nodes that lead from roots to leaves. Whatever a file
 * says, each node is reached once at most, so that a walk comes to its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "onnx-ml.h"
#include "tree.h"

#define TARGETS_MAX	65536
#define NODES_MAX	(1u << 26)

/* A number of a node: where it is in the lists. */
struct key {
	int64_t tree, node;
	uint32_t at;
};

struct reader {
	struct onnx_cx *c;
	struct trees *t;
	struct key *keys;
	const Onnx__AttributeProto *trees, *ids, *modes, *features, *values, *yes, *no, *missing;
	bool failed;
};

static void fail(struct reader *r, const char *text)
{
	r->failed = true;
	ir_fail(r->c->g, "%s", text);
}

static int by_number(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->tree != y->tree)
		return x->tree < y->tree ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static const struct key *find(const struct reader *r, int64_t tree, int64_t node)
{
	struct key key = { tree, node, 0 };

	return bsearch(&key, r->keys, r->t->nnodes, sizeof(key), by_number);
}

static int mode_of(ProtobufCBinaryData s)
{
	static const char *const names[] = { "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT",
					     "BRANCH_EQ", "BRANCH_NEQ", "LEAF" };

	for (int i = 0; i <= TREE_LEAF; i++)
		if (s.len == strlen(names[i]) && !memcmp(s.data, names[i], s.len))
			return i;
	return -1;
}

/* The lists of nodes are equally long. */
static bool lists(struct reader *r)
{
	struct onnx_cx *c = r->c;
	size_t n;

	r->trees = onnx_attr(c, "nodes_treeids", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	r->ids = onnx_attr(c, "nodes_nodeids", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	r->modes = onnx_attr(c, "nodes_modes", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);
	r->features = onnx_attr(c, "nodes_featureids", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	r->values = onnx_attr(c, "nodes_values", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
	r->yes = onnx_attr(c, "nodes_truenodeids", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	r->no = onnx_attr(c, "nodes_falsenodeids", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	r->missing = onnx_attr(c, "nodes_missing_value_tracks_true",
			       ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	onnx_attr(c, "nodes_hitrates", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
	if (!r->trees || !r->ids || !r->modes || !r->features || !r->values || !r->yes || !r->no) {
		fail(r, "a list of its nodes is absent; lists as tensors are not supported");
		return false;
	}
	n = r->trees->n_ints;
	if (!n || n > NODES_MAX || r->ids->n_ints != n || r->modes->n_strings != n ||
	    r->features->n_ints != n || r->values->n_floats != n || r->yes->n_ints != n ||
	    r->no->n_ints != n || (r->missing && r->missing->n_ints && r->missing->n_ints != n)) {
		fail(r, "the lists of its nodes differ in length, or are empty");
		return false;
	}
	r->t->nnodes = (uint32_t)n;
	return true;
}

static void nodes(struct reader *r, int64_t columns)
{
	struct trees *t = r->t;
	uint32_t n = t->nnodes;

	t->nodes = ir_make(r->c->g, n * sizeof(*t->nodes));
	r->keys = calloc(n, sizeof(*r->keys));
	if (!t->nodes || !r->keys) {
		r->failed = true;
		if (!r->c->g->error)
			r->c->g->error = err_nomem("trees");
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		int mode = mode_of(r->modes->strings[i]);

		if (mode < 0) {
			fail(r, "a node is none of BRANCH_LEQ, LT, GTE, GT, EQ, NEQ and LEAF");
			return;
		}
		if (mode != TREE_LEAF && (r->features->ints[i] < 0 || r->features->ints[i] >= columns)) {
			fail(r, "a node asks about a column that its operand does not have");
			return;
		}
		r->keys[i] = (struct key){ r->trees->ints[i], r->ids->ints[i], i };
		t->nodes[i].mode = (uint8_t)mode;
		t->nodes[i].missing_true = r->missing && r->missing->n_ints && r->missing->ints[i];
		t->nodes[i].feature = (uint32_t)r->features->ints[i];
		t->nodes[i].threshold = (double)r->values->floats[i];
	}
	qsort(r->keys, n, sizeof(*r->keys), by_number);
	for (uint32_t i = 1; i < n; i++)
		if (!by_number(&r->keys[i - 1], &r->keys[i]))
			fail(r, "two nodes of a tree have one number");
}

/* Nodes that roots lead to; each has one way to it at most. */
static uint32_t reachable(const struct trees *t, uint32_t *queue)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < t->nroots; i++)
		queue[count++] = t->roots[i];
	for (uint32_t i = 0; i < count; i++) {
		const struct tree_node *n = &t->nodes[queue[i]];

		if (n->mode == TREE_LEAF)
			continue;
		queue[count++] = n->yes;
		queue[count++] = n->no;
	}
	return count;
}

/* Branches lead to nodes of their tree, and to none twice: what no branch leads to is a root, and
 * what is in a circle is not reached from one.
 */
static void link_nodes(struct reader *r)
{
	struct trees *t = r->t;
	uint8_t *reached = calloc(t->nnodes, 1);
	uint32_t *queue = calloc(t->nnodes, sizeof(*queue)), roots = 0;

	if (!reached || !queue) {
		free(reached);
		free(queue);
		r->failed = true;
		r->c->g->error = err_nomem("trees");
		return;
	}
	for (uint32_t i = 0; i < t->nnodes && !r->failed; i++) {
		const struct key *next[2];

		if (t->nodes[i].mode == TREE_LEAF)
			continue;
		next[0] = find(r, r->trees->ints[i], r->yes->ints[i]);
		next[1] = find(r, r->trees->ints[i], r->no->ints[i]);
		if (!next[0] || !next[1]) {
			fail(r, "a branch leads to a node that is not there");
			break;
		}
		if (reached[next[0]->at]++ || reached[next[1]->at]++)
			fail(r, "two branches lead to one node");
		t->nodes[i].yes = next[0]->at;
		t->nodes[i].no = next[1]->at;
	}
	for (uint32_t i = 0; i < t->nnodes; i++)
		roots += !reached[i];
	t->roots = r->failed ? NULL : ir_make(r->c->g, (roots + 1) * sizeof(*t->roots));
	for (uint32_t i = 0; t->roots && i < t->nnodes; i++)
		if (!reached[i])
			t->roots[t->nroots++] = i;
	if (!r->failed && t->roots && reachable(t, queue) != t->nnodes)
		fail(r, "its branches lead in a circle");
	for (uint32_t i = 1; i < t->nroots && !r->failed; i++)
		for (uint32_t k = i; k--;) {
			if (r->trees->ints[t->roots[k]] != r->trees->ints[t->roots[i]])
				break;
			fail(r, "a tree has two roots");
			break;
		}
	free(reached);
	free(queue);
}

/* Weights, in the order of the file, to the leaves that they belong to. */
static void weights(struct reader *r, const char *what, uint32_t targets)
{
	struct onnx_cx *c = r->c;
	struct trees *t = r->t;
	const Onnx__AttributeProto *tree, *node, *id, *weight;
	char name[32];
	uint32_t *at, used = 0;

#define LIST(suffix, type) (snprintf(name, sizeof(name), "%s_%s", what, suffix), \
	onnx_attr(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##type))
	tree = LIST("treeids", INTS);
	node = LIST("nodeids", INTS);
	id = LIST("ids", INTS);
	weight = LIST("weights", FLOATS);
#undef LIST
	if (!tree || !node || !id || !weight || node->n_ints != tree->n_ints ||
	    id->n_ints != tree->n_ints || weight->n_floats != tree->n_ints ||
	    tree->n_ints > NODES_MAX) {
		fail(r, "the lists of its weights differ in length, or one is absent");
		return;
	}
	t->nweights = (uint32_t)tree->n_ints;
	t->targets = targets;
	t->weights = ir_make(c->g, (t->nweights + 1) * sizeof(*t->weights));
	at = calloc(t->nweights + 1, sizeof(*at));
	if (!t->weights || !at) {
		free(at);
		r->failed = true;
		if (!c->g->error)
			c->g->error = err_nomem("trees");
		return;
	}
	/* Counted first; then each leaf knows where its weights begin, and they are put there. */
	for (uint32_t i = 0; i < t->nweights && !r->failed; i++) {
		const struct key *k = find(r, tree->ints[i], node->ints[i]);

		if (!k || t->nodes[k->at].mode != TREE_LEAF || id->ints[i] < 0 ||
		    id->ints[i] >= targets) {
			fail(r, "a weight belongs to no leaf, or to no class or target");
			break;
		}
		at[i] = k->at;
		t->nodes[k->at].no++;
	}
	for (uint32_t i = 0; i < t->nnodes && !r->failed; i++) {
		if (t->nodes[i].mode != TREE_LEAF)
			continue;
		t->nodes[i].yes = used;
		used += t->nodes[i].no;
		t->nodes[i].no = 0;
	}
	for (uint32_t i = 0; i < t->nweights && !r->failed; i++) {
		struct tree_node *leaf = &t->nodes[at[i]];

		t->weights[leaf->yes + leaf->no++] =
			(struct tree_weight){ (uint32_t)id->ints[i], (double)weight->floats[i] };
	}
	free(at);
}

static struct ir_value *ensemble(struct onnx_cx *c, const char *what, uint32_t targets,
				 enum tree_sum sum, bool with_base)
{
	struct ir_value *x = c->in[0], *y;
	struct trees *t = ir_alloc(c->g, sizeof(*t));
	struct reader r = { .c = c, .t = t };
	const Onnx__AttributeProto *base;
	struct ir_node *n;
	int64_t rows;

	if (x->rank < 1 || x->rank > 2 || (!ir_is_real(x->dtype) && !ir_is_int(x->dtype)))
		ir_fail(c->g, "its operand is not [rows, columns] of numbers");
	if (!t || c->g->error || !lists(&r))
		return NULL;
	rows = x->rank > 1 ? x->dims[0] : 1;
	t->sum = sum;
	nodes(&r, x->dims[x->rank - 1]);
	if (!r.failed && !c->g->error)
		link_nodes(&r);
	if (!r.failed && !c->g->error)
		weights(&r, what, targets);
	free(r.keys);
	base = onnx_attr(c, "base_values", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
	if (base && base->n_floats && with_base) {
		if (base->n_floats != targets)
			ir_fail(c->g, "%zu base values for %u", base->n_floats, targets);
		t->base = ir_alloc(c->g, targets * sizeof(*t->base));
		for (uint32_t i = 0; t->base && !c->g->error && i < targets; i++)
			t->base[i] = (double)base->floats[i];
	} else if (base && base->n_floats) {
		onnx_cannot(c, "base values of one class are not supported");
	}
	if (c->g->error)
		return NULL;
	y = ir_value(c->g, ACCEL_F32, 2, (int64_t[]){ rows, targets });
	n = y ? ir_node(c->g, IR_TREES, 0, &x, 1, y) : NULL;
	if (n)
		n->extra = t;
	return n ? y : NULL;
}

/* Two classes may have one score, that of the second: then only one id is used. */
static bool one_score(struct onnx_cx *c, bool *positive)
{
	const Onnx__AttributeProto *id, *w;
	bool one = true;

	id = onnx_attr(c, "class_ids", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	w = onnx_attr(c, "class_weights", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
	*positive = true;
	for (size_t i = 0; id && i < id->n_ints; i++)
		one &= id->ints[i] == id->ints[0];
	for (size_t i = 0; w && i < w->n_floats; i++)
		*positive &= w->floats[i] >= 0;
	return one && id && id->n_ints;
}

static void classifier(struct onnx_cx *c, int arg)
{
	int64_t count;
	struct ir_value *labels = ml_labels(c, "classlabels_int64s", &count), *scores;
	bool positive, one;

	(void)arg;
	if (!labels || c->why)
		return;
	if (count < 1 || count > TARGETS_MAX) {
		ir_fail(c->g, "%lld classes", (long long)count);
		return;
	}
	one = one_score(c, &positive) && count == 2;
	scores = ensemble(c, "class", (uint32_t)count, TREE_SUM, !one);
	if (one)	/* whichever id it has */
		scores = b_reduce(c->g, ACCEL_REDUCE_SUM, scores, 2, true);
	ml_classes(c, scores, labels, one, positive);
}

static void regressor(struct onnx_cx *c, int arg)
{
	static const char *const ways[] = { "SUM", "AVERAGE", "MIN", "MAX", NULL };
	int64_t targets = onnx_attr_i(c, "n_targets", 1);
	int way = ml_one_of(c, "aggregate_function", ways);
	struct ir_value *y;

	(void)arg;
	if (c->why)
		return;
	if (targets < 1 || targets > TARGETS_MAX) {
		ir_fail(c->g, "%lld targets", (long long)targets);
		return;
	}
	y = ensemble(c, "target", (uint32_t)targets, (enum tree_sum)way, true);
	c->out[0] = ml_transform(c, y);
}

const struct onnx_op onnx_ops_ml_tree[] = {
	{ "TreeEnsembleClassifier", 1, 1, classifier, 0 },
	{ "TreeEnsembleRegressor", 1, 1, regressor, 0 },
	{ 0 },
};
