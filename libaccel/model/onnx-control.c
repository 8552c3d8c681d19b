// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX that contain graphs: If, Loop, Scan.
 *
 * A graph of the compiler has none in it: the branch that is taken is put in place, and the body of a loop
 * as often as it turns, so both must be known when a session is made.
 */
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "onnx.h"

static const Onnx__GraphProto *inner(struct onnx_cx *c, const char *name)
{
	const Onnx__AttributeProto *a = onnx_attr(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH);

	if (a && a->g)
		return a->g;
	ir_fail(c->g, "it has no graph '%s'", name);
	return NULL;
}

/* Values that say yes or no. */
static bool is_condition(struct onnx_cx *c, const struct ir_value *v)
{
	if (v->dtype == ACCEL_BOOL && v->count == 1)
		return true;
	ir_fail(c->g, "its condition is not one bool");
	return false;
}

/* --- If ---------------------------------------------------------------------------------- */

/* What may be an error of the run, which that of a branch that is not taken must not be. */
static bool may_fail(const struct ir_node *n)
{
	switch (n->op) {
	case IR_MISSING:
	case IR_GATHER:
	case IR_GATHER_ELEMENTS:
	case IR_GATHER_ND:
	case IR_SCATTER_ELEMENTS:
	case IR_SCATTER_ND:
	case IR_REVERSE:
	case IR_ROI_ALIGN:
	case IR_CHECK:
		return true;
	default:
		return false;
	}
}

/* The condition is not known: both branches are computed, and one is chosen. */
static void choose(struct onnx_cx *c, const Onnx__GraphProto *yes, const Onnx__GraphProto *no,
		   struct ir_value **a, struct ir_value **b)
{
	struct ir_node **from = c->g->last;
	struct ir_value *which = b_reshape(c->g, c->in[0], 0, NULL);

	if (onnx_inline(c, yes, NULL, 0, a, c->nout) || onnx_inline(c, no, NULL, 0, b, c->nout))
		return;
	for (struct ir_node *n = *from; n; n = n->next)
		if (may_fail(n))
			onnx_cannot(c, "a condition from inputs is not supported with '%s', which may "
				    "fail, in a branch", n->origin);
	for (uint32_t i = 0; i < c->nout && !c->why; i++) {
		if (a[i]->dtype != b[i]->dtype || a[i]->rank != b[i]->rank ||
		    memcmp(a[i]->dims, b[i]->dims, a[i]->rank * sizeof(*a[i]->dims)))
			onnx_cannot(c, "a condition from inputs is not supported with branches that "
				    "differ in type or shape");
		else
			c->out[i] = b_where(c->g, which, a[i], b[i]);
	}
}

static void branch(struct onnx_cx *c, int arg)
{
	const Onnx__GraphProto *yes = inner(c, "then_branch"), *no = inner(c, "else_branch");
	struct ir_value **a = ir_alloc(c->g, c->nout * sizeof(*a));
	struct ir_value **b = ir_alloc(c->g, c->nout * sizeof(*b));
	const unsigned char *known = ir_known(c->g, c->in[0]);

	(void)arg;
	if (!yes || !no || !a || !b || !is_condition(c, c->in[0]))
		return;
	if (known)
		onnx_inline(c, *known ? yes : no, NULL, 0, c->out, c->nout);
	else
		choose(c, yes, no, a, b);
}

/* --- Loop and Scan ----------------------------------------------------------------------- */

/** struct turns - a body that is put in place again and again
 * @carried: how many values go from one turn to the next; they are @out[@first] and on
 * @scans: how many each turn gives to lists, which they follow
 * @in, @out: of the body
 * @lists: [turn][scan]
 */
struct turns {
	struct onnx_cx *c;
	const Onnx__GraphProto *body;
	uint32_t carried, scans, first;
	struct ir_value **in, **out;
	struct ir_value **lists;
	size_t done, room;
};

static bool begin(struct turns *t, struct onnx_cx *c, uint32_t nin, uint32_t carried, uint32_t first)
{
	t->c = c;
	t->body = inner(c, "body");
	t->carried = carried;
	t->first = first;
	if (!t->body)
		return false;
	if (t->body->n_input != nin || t->body->n_output > IR_INPUTS_MAX ||
	    t->body->n_output < carried + first || t->body->n_output - first != c->nout) {
		ir_fail(c->g, "its body has %zu operands and %zu results", t->body->n_input,
			t->body->n_output);
		return false;
	}
	t->scans = c->nout - carried;
	t->in = ir_alloc(c->g, (nin + 1) * sizeof(*t->in));
	t->out = ir_alloc(c->g, (t->body->n_output + 1) * sizeof(*t->out));
	return t->in && t->out;
}

static bool turn(struct turns *t, uint32_t nin, uint32_t carried_at)
{
	struct ir_graph *g = t->c->g;

	if (onnx_inline(t->c, t->body, t->in, nin, t->out, (uint32_t)t->body->n_output))
		return false;
	for (uint32_t i = 0; i < t->carried; i++) {
		struct ir_value *v = t->out[t->first + i];

		if (v->dtype != t->in[carried_at + i]->dtype && v->dtype != ACCEL_NONE) {
			ir_fail(g, "what it carries changes from %s to %s",
				accel_dtype_name(t->in[carried_at + i]->dtype), accel_dtype_name(v->dtype));
			return false;
		}
		t->in[carried_at + i] = v;
	}
	if ((t->done + 1) * t->scans > t->room) {
		size_t room = 2 * t->room + 16 * (size_t)t->scans;
		struct ir_value **more = realloc(t->lists, room * sizeof(struct ir_value *));

		if (!more) {
			g->error = err_nomem("a loop");
			return false;
		}
		t->lists = more;
		t->room = room;
	}
	for (uint32_t i = 0; i < t->scans; i++)
		t->lists[t->done * t->scans + i] = t->out[t->first + t->carried + i];
	t->done++;
	return true;
}

/* What all turns gave to a list, along a new axis. */
static struct ir_value *list(struct turns *t, uint32_t which, int64_t axis, bool backwards)
{
	struct ir_graph *g = t->c->g;
	struct ir_value **parts = ir_alloc(g, (t->done + 1) * sizeof(struct ir_value *));

	if (!t->done) {
		onnx_cannot(t->c, "no turn at all is not supported where results are lists of all turns");
		return NULL;
	}
	for (size_t i = 0; i < t->done && parts; i++) {
		struct ir_value *v = t->lists[(backwards ? t->done - 1 - i : i) * t->scans + which];
		int64_t dims[IR_RANK_MAX + 1], at;

		if (v->dtype == ACCEL_NONE)	/* cannot be computed; whose fault that is is told there */
			return v;
		at = b_axis(g, axis, v->rank + 1);
		if (at < 0)
			return NULL;
		for (uint32_t k = 0; k <= v->rank; k++)
			dims[k] = k == at ? 1 : v->dims[k < at ? k : k - 1];
		parts[i] = b_reshape(g, v, v->rank + 1, dims);
		if (!parts[i])
			return NULL;
		axis = at;
	}
	return parts ? b_concat(g, parts, (uint32_t)t->done, axis) : NULL;
}

static bool goes_on(struct onnx_cx *c, struct ir_value *condition, bool *stop)
{
	const unsigned char *known;

	if (!condition)
		return true;
	if (!is_condition(c, condition))
		return false;
	known = ir_known(c->g, condition);
	if (!known) {
		onnx_cannot(c, "a condition that is computed from inputs is not supported");
		return false;
	}
	*stop = !*known;
	return true;
}

static void loop(struct onnx_cx *c, int arg)
{
	uint32_t carried = c->nin > 2 ? c->nin - 2 : 0;
	struct ir_value *count = onnx_in(c, 0), *condition = onnx_in(c, 1);
	int64_t most = INT64_MAX;
	struct turns t = { 0 };
	bool stop = false;

	(void)arg;
	if (count && ir_known_ints(c->g, count, &most, 1) != 1) {
		onnx_cannot(c, "a number of turns that is computed from inputs is not supported");
		return;
	}
	for (uint32_t i = 0; i < carried; i++)
		if (!c->in[2 + i])
			ir_fail(c->g, "operand %u is absent", 2 + i);
	if (c->g->error || !begin(&t, c, carried + 2, carried, 1))
		return;
	for (uint32_t i = 0; i < carried; i++)
		t.in[2 + i] = c->in[2 + i];
	for (int64_t i = 0; i < most; i++) {
		if (!goes_on(c, condition, &stop) || stop)
			break;
		t.in[0] = b_reshape(c->g, ir_ints(c->g, &i, 1), 0, NULL);
		t.in[1] = b_reshape(c->g, ir_constant(c->g, ACCEL_BOOL, 0, NULL, "\1"), 0, NULL);
		if (!t.in[0] || !t.in[1] || !turn(&t, carried + 2, 2))
			break;
		/* Without a condition at first there is none later, either. */
		if (condition)
			condition = t.out[0];
	}
	for (uint32_t i = 0; i < carried; i++)
		c->out[i] = t.in[2 + i];
	for (uint32_t i = 0; i < t.scans && !c->why && !c->g->error; i++)
		c->out[carried + i] = list(&t, i, 0, false);
	free(t.lists);
}

/* Element @i of an axis, without it. */
static struct ir_value *element(struct onnx_cx *c, struct ir_value *x, int64_t axis, int64_t i)
{
	int64_t starts[IR_RANK_MAX] = { 0 }, steps[IR_RANK_MAX], counts[IR_RANK_MAX], dims[IR_RANK_MAX];
	uint32_t rank = 0;

	for (uint32_t k = 0; k < x->rank; k++) {
		steps[k] = 1;
		counts[k] = k == axis ? 1 : x->dims[k];
		if (k != axis)
			dims[rank++] = x->dims[k];
	}
	starts[axis] = i;
	return b_reshape(c->g, b_slice(c->g, x, starts, steps, counts), rank, dims);
}

/* A number for each of @n, which may be absent: then 0. */
static bool each(struct onnx_cx *c, const char *name, uint32_t n, int64_t *out)
{
	int have = onnx_attr_ints(c, name, out, IR_INPUTS_MAX);

	for (uint32_t i = 0; i < n && have < 0; i++)
		out[i] = 0;
	if (have >= 0 && (uint32_t)have != n)
		ir_fail(c->g, "attribute '%s' has %d numbers, not %u", name, have, n);
	return !c->g->error;
}

static void scan(struct onnx_cx *c, int arg)
{
	int64_t *axes = ir_alloc(c->g, 4 * (IR_INPUTS_MAX + 1) * sizeof(*axes)), steps = -1;
	int64_t scanned = onnx_attr_i(c, "num_scan_inputs", 0);
	int64_t *from = axes + IR_INPUTS_MAX + 1, *to = from + IR_INPUTS_MAX + 1;
	int64_t *turned = to + IR_INPUTS_MAX + 1;
	struct turns t = { 0 };
	uint32_t carried;

	(void)arg;
	if (!axes)
		return;
	if (c->opset < 9) {
		onnx_cannot(c, "versions before 9 are not supported");
		return;
	}
	if (scanned < 1 || scanned > c->nin) {
		ir_fail(c->g, "%lld of %u operands are scanned", (long long)scanned, c->nin);
		return;
	}
	carried = c->nin - (uint32_t)scanned;
	for (uint32_t i = 0; i < c->nin; i++)
		if (!c->in[i])
			ir_fail(c->g, "operand %u is absent", i);
	if (c->g->error || c->nout < carried || !begin(&t, c, c->nin, carried, 0) ||
	    !each(c, "scan_input_axes", (uint32_t)scanned, axes) ||
	    !each(c, "scan_input_directions", (uint32_t)scanned, from) ||
	    !each(c, "scan_output_axes", t.scans, to) || !each(c, "scan_output_directions", t.scans, turned))
		return;
	for (uint32_t i = 0; i < c->nin; i++) {
		struct ir_value *x = c->in[i];
		uint32_t k = i - carried;

		t.in[i] = x;
		if (i < carried)
			continue;
		axes[k] = b_axis(c->g, axes[k], x->rank);
		if (axes[k] < 0)
			return;
		if (steps >= 0 && x->dims[axes[k]] != steps)
			ir_fail(c->g, "what is scanned differs in length");
		steps = x->dims[axes[k]];
	}
	for (int64_t i = 0; i < steps && !c->g->error; i++) {
		for (uint32_t k = 0; k < scanned; k++)
			t.in[carried + k] = element(c, c->in[carried + k], axes[k],
						    from[k] ? steps - 1 - i : i);
		if (c->g->error || !turn(&t, c->nin, 0))
			break;
	}
	for (uint32_t i = 0; i < carried; i++)
		c->out[i] = t.in[i];
	for (uint32_t i = 0; i < t.scans && !c->why && !c->g->error; i++)
		c->out[carried + i] = list(&t, i, to[i], turned[i]);
	free(t.lists);
}

const struct onnx_op onnx_ops_control[] = {
	{ "If", 1, 1, branch, 0 },
	{ "Loop", 0, IR_INPUTS_MAX, loop, 0 },
	{ "Scan", 0, IR_INPUTS_MAX, scan, 0 },
	{ 0 },
};
