// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "quant.h"
#include "separate.h"

/* What is noted at values of @many; plan and session have not been there. */
#define ALONE	(-1)		/* the same for all elements */

/**
 * struct walk - what is known on the way through the graphs
 * @batch: rows of what the nodes make, as their shapes have it so far
 * @taken: rows of what they take: in one graph that is resized, another number
 */
struct walk {
	int64_t batch, taken;
	uint64_t ids;
	const char *why;
};

static int64_t axis_of(const struct ir_value *v)
{
	return v ? v->first : ALONE;
}

static bool known(const struct ir_value *v)
{
	return v->offset != 0;
}

/* A value of each graph, met for the first time. */
static void pair(struct walk *w, struct ir_value *a, struct ir_value *b, int64_t axis)
{
	a->offset = b->offset = ++w->ids;
	b->first = axis;
}

static bool no(struct walk *w, const char *why)
{
	w->why = why;
	return false;
}

/* Shapes are those that the axis says. */
static bool fits(struct walk *w, const struct ir_value *a, const struct ir_value *b, int64_t axis)
{
	if (a->rank != b->rank || a->dtype != b->dtype || axis >= (int64_t)b->rank)
		return no(w, "its shape is another one");
	for (uint32_t i = 0; i < a->rank; i++) {
		int64_t times = i == axis ? w->batch : 1;

		if (!a->dims[i] || b->dims[i] != a->dims[i] * times)
			return no(w, "its shape does not follow the batch");
	}
	return true;
}

/* --- Constants --------------------------------------------------------------------------- */

static bool repeats(struct walk *w, const struct ir_value *a, const struct ir_value *b, uint32_t axis)
{
	uint64_t outer = 1, piece = a->size;

	for (uint32_t i = 0; i < axis; i++)
		outer *= (uint64_t)a->dims[i];
	piece /= outer;
	for (uint64_t o = 0; o < outer; o++)
		for (int64_t k = 0; k < w->batch; k++)
			if (memcmp((const char *)a->data + o * piece, (const char *)b->data +
				   (o * (uint64_t)w->batch + (uint64_t)k) * piece, piece))
				return false;
	return true;
}

static bool constant(struct walk *w, struct ir_value *a, struct ir_value *b)
{
	if (a->dtype == b->dtype && a->rank == b->rank && a->size == b->size &&
	    !memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims))) {
		if (a->size && a->data != b->data && memcmp(a->data, b->data, a->size))
			return no(w, "a constant depends on the size of the batch");
		pair(w, a, b, ALONE);
		return true;
	}
	for (uint32_t i = 0; i < b->rank; i++) {
		if (!fits(w, a, b, i))
			continue;
		if (!repeats(w, a, b, i))
			break;
		pair(w, a, b, i);
		return true;
	}
	return no(w, "a constant differs along the batch");
}

/* --- Operators --------------------------------------------------------------------------- */

/* Axis of an operand among those of a result that it broadcasts to. */
static int64_t aligned(const struct ir_value *v, const struct ir_value *out)
{
	int64_t axis = axis_of(v);

	return axis < 0 ? ALONE : axis + out->rank - v->rank;
}

/* The axis that operands @from to @to have in common. */
static bool common(struct walk *w, const struct ir_node *n, uint32_t from, uint32_t to, int64_t *axis)
{
	*axis = ALONE;
	for (uint32_t i = from; i < to && i < n->nin; i++) {
		int64_t a = n->in[i] ? aligned(n->in[i], n->out[0]) : ALONE;

		if (a < 0)
			continue;
		if (*axis >= 0 && *axis != a)
			return no(w, "its operands have the batch along different axes");
		*axis = a;
	}
	return true;
}

static bool alone(const struct ir_node *n, uint32_t from)
{
	for (uint32_t i = from; i < n->nin; i++)
		if (axis_of(n->in[i]) >= 0)
			return false;
	return true;
}

static bool product(struct walk *w, const struct ir_node *n, int64_t *axis)
{
	const struct ir_value *a = n->in[0], *b = n->in[1], *c = n->out[0];
	int64_t left = axis_of(a), right = axis_of(b);

	if (a->rank < 2 || b->rank < 2 || c->rank < 2)
		return no(w, "a product of vectors");
	if (left == (int64_t)a->rank - 1 || right == (int64_t)b->rank - 2)
		return no(w, "it sums along the batch");
	if (left >= 0)
		left += c->rank - a->rank;
	if (right >= 0)
		right += c->rank - b->rank;
	if (left >= 0 && right >= 0 && (left != right || left >= (int64_t)c->rank - 2))
		return no(w, "both factors have the batch, and not as a batch of products");
	*axis = left >= 0 ? left : right;
	for (uint32_t i = 2; i < n->nin; i++) {
		bool residual = i == (n->op == IR_QMATMUL ? IR_Q_RESIDUAL : (uint32_t)IR_P_RESIDUAL);

		if (axis_of(n->in[i]) < 0)
			continue;
		if (!residual || aligned(n->in[i], c) != *axis)
			return no(w, "an operand of its epilogue has the batch");
	}
	return true;
}

static bool convolution(struct walk *w, const struct ir_node *n, int64_t *axis)
{
	*axis = axis_of(n->in[0]);
	for (uint32_t i = 1; i < n->nin; i++) {
		bool residual = i == (n->op == IR_QCONV ? IR_Q_RESIDUAL : (uint32_t)IR_P_RESIDUAL);

		if (axis_of(n->in[i]) < 0)
			continue;
		if (!residual || aligned(n->in[i], n->out[0]) != *axis)
			return no(w, "its filter or epilogue has the batch");
	}
	return *axis <= 0 || no(w, "it mixes the axis that has the batch");
}

/* Elements keep their order, so the pieces stay whole if what is before them stays as large. */
static bool reshape(struct walk *w, const struct ir_node *n, int64_t *axis)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];
	int64_t before = 1, so_far = 1;

	*axis = axis_of(x);
	if (*axis < 0)
		return true;
	for (int64_t i = 0; i < *axis; i++)
		before *= x->dims[i];
	/* The axis is the first there that is made of batch times something. */
	for (uint32_t i = 0; i < y->rank; i++) {
		if (so_far == before && y->dims[i] % w->batch == 0) {
			*axis = i;
			return true;
		}
		so_far *= y->dims[i];
	}
	return no(w, "it tears the batch apart");
}

static bool expand(struct walk *w, const struct ir_node *a, const struct ir_node *b, int64_t *axis)
{
	const struct ir_value *x = b->in[0], *y = b->out[0];

	*axis = aligned(x, y);
	for (uint32_t i = 0; i < y->rank && *axis < 0; i++) {
		uint32_t lacks = y->rank - x->rank;

		if (a->out[0]->rank != y->rank || a->out[0]->dims[i] == y->dims[i])
			continue;
		if (i >= lacks && x->dims[i - lacks] != 1)
			return no(w, "its shape does not follow the batch");
		*axis = i;
	}
	return true;
}

static bool gather(struct walk *w, const struct ir_node *n, int64_t *axis)
{
	const struct ir_value *indices = n->in[1];
	int64_t x = axis_of(n->in[0]), i = axis_of(indices);

	if (x >= 0 && i >= 0)
		return no(w, "table and indices have the batch");
	if (x == n->axis)
		return no(w, "it looks up along the batch");
	*axis = i >= 0 ? n->axis + i : x < n->axis ? x : x - 1 + (int64_t)indices->rank;
	return true;
}

static bool gather_nd(struct walk *w, const struct ir_node *n, int64_t *axis)
{
	int64_t x = axis_of(n->in[0]), i = axis_of(n->in[1]);

	*axis = i;
	if (x < 0 && i < (int64_t)n->in[1]->rank - 1 && (i < 0 || i >= n->axis))
		return true;
	return (x == i && x < n->axis) || no(w, "it looks up along the batch");
}

/*
 * What moves along one axis keeps all others, of which indices may have less than the elements: the
 * rest is cut off, and with that whole rows.
 */
static bool elements(struct walk *w, const struct ir_node *n, int64_t *axis)
{
	*axis = axis_of(n->in[0]);
	if (n->op == IR_GATHER_ELEMENTS && *axis < 0) {
		*axis = axis_of(n->in[1]);
		return *axis < 0 || *axis == n->axis ||
		       no(w, "its indices have the batch, and its table has not");
	}
	for (uint32_t i = 1; i < n->nin; i++) {
		if (axis_of(n->in[i]) != *axis)
			return no(w, "not all of its operands have the batch");
		if (*axis >= 0 && n->in[i]->dims[*axis] != n->in[0]->dims[*axis])
			return no(w, "it cuts the batch");
	}
	return *axis < 0 || *axis != n->axis || no(w, "it moves elements along the batch");
}

/* The axis of the batch may hold several elements of each row, which all stay. */
static bool slice(struct walk *w, const struct ir_node *n, int64_t *axis)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];

	*axis = axis_of(x);
	if (*axis < 0)
		return true;
	return (n->ints[*axis] == 0 && n->ints[x->rank + *axis] == 1 &&
		y->dims[*axis] / w->batch == x->dims[*axis] / w->taken) ||
	       no(w, "it cuts the batch");
}

/* Each image has its own grid. */
static bool grid_sample(struct walk *w, const struct ir_node *n, int64_t *axis)
{
	*axis = axis_of(n->in[0]);
	return (*axis <= 0 && axis_of(n->in[1]) == *axis) ||
	       no(w, "its grid has not the batch that its images have");
}

/* Regions of one image for all may come one after the other; else they name the image. */
static bool roi_align(struct walk *w, const struct ir_node *n, int64_t *axis)
{
	int64_t rois = axis_of(n->in[1]);

	*axis = rois;
	if (axis_of(n->in[0]) >= 0 || axis_of(n->in[2]) != rois)
		return no(w, "it looks up along the batch");
	return rois <= 0 || no(w, "a region has the batch");
}

/* What is put lies along axes that no index is of. */
static bool scatter_nd(struct walk *w, const struct ir_node *n, int64_t *axis)
{
	const struct ir_value *k = n->in[1];
	int64_t last = k->dims[k->rank - 1], updates = axis_of(n->in[2]);

	*axis = axis_of(n->in[0]);
	if (axis_of(k) >= 0)
		return no(w, "its indices have the batch");
	if (*axis < 0 && updates < 0)
		return true;
	return (*axis >= last && updates == *axis - last + k->rank - 1) ||
	       no(w, "it looks up along the batch, or not all of its operands have it");
}

static bool transform(struct walk *w, const struct ir_node *n, int64_t *axis)
{
	*axis = axis_of(n->in[0]);
	if (!alone(n, 1))
		return no(w, "its window has the batch");
	return *axis < 0 || (*axis != n->axis && *axis != (int64_t)n->in[0]->rank - 1) ||
	       no(w, "it works along the batch");
}

static bool reverse(struct walk *w, const struct ir_node *n, int64_t *axis)
{
	int64_t lengths = axis_of(n->in[1]);

	*axis = axis_of(n->in[0]);
	if (*axis == n->axis && *axis >= 0)
		return no(w, "it reverses the batch");
	/* Each element has its own length, if there is one for each. */
	if (*axis == n->ints[0])
		return lengths == 0 || *axis < 0 || no(w, "its lengths have not the batch");
	return lengths < 0 || no(w, "its lengths have the batch along another axis");
}

/* The axis of the results; false: not separable. Operands are paired already. */
static bool rule(struct walk *w, const struct ir_node *a, const struct ir_node *n, int64_t *axis)
{
	const struct ir_value *x = n->nin ? n->in[0] : NULL;

	*axis = axis_of(x);
	switch (n->op) {
	case IR_BINARY:
	case IR_UNARY:
	case IR_ACT:
	case IR_CAST:
	case IR_WHERE:
	case IR_QUANTIZE:
	case IR_DEQUANTIZE:
		return common(w, n, 0, n->nin, axis);
	case IR_CHECK:
		return true;
	case IR_REDUCE:
	case IR_SOFTMAX:
	case IR_NORM:
		if (!alone(n, 1))
			return no(w, "an operand has the batch");
		return *axis < 0 || !(n->axes >> *axis & 1) || no(w, "it works along the batch");
	case IR_ARG:
	case IR_CUMSUM:
	case IR_TOPK:
	case IR_RESIZE:
		return alone(n, 1) ? *axis < 0 || *axis != n->axis || no(w, "it works along the batch") :
				     no(w, "an operand has the batch");
	case IR_MATMUL:
	case IR_QMATMUL:
		return product(w, n, axis);
	case IR_CONV:
	case IR_QCONV:
		return convolution(w, n, axis);
	case IR_POOL:
		/* Places are counted over the whole batch. */
		if (n->nout > 1 && n->out[1] && *axis >= 0)
			return no(w, "it tells places within the batch");
		return *axis < 2 || no(w, "it works along the batch");
	case IR_RESHAPE:
		return reshape(w, n, axis);
	case IR_TRANSPOSE:
		for (uint32_t i = 0; i < n->out[0]->rank && *axis >= 0; i++) {
			if (n->ints[i] != *axis)
				continue;
			*axis = i;
			return true;
		}
		return *axis < 0;
	case IR_SLICE:
		return slice(w, n, axis);
	case IR_CONCAT:
		for (uint32_t i = 0; i < n->nin; i++)
			if (axis_of(n->in[i]) != *axis)
				return no(w, "not all of its operands have the batch along one axis");
		return *axis < 0 || *axis != n->axis || no(w, "it joins along the batch");
	case IR_EXPAND:
		return expand(w, a, n, axis);
	case IR_PAD:
		return *axis < 0 || (!n->ints[*axis] && !n->ints[x->rank + *axis] && alone(n, 1)) ||
		       no(w, "it pads the batch");
	case IR_GATHER:
		return gather(w, n, axis);
	case IR_GATHER_ND:
		return gather_nd(w, n, axis);
	case IR_GATHER_ELEMENTS:
	case IR_SCATTER_ELEMENTS:
		return elements(w, n, axis);
	case IR_GRID_SAMPLE:
		return grid_sample(w, n, axis);
	case IR_ROI_ALIGN:
		return roi_align(w, n, axis);
	case IR_SCATTER_ND:
		return scatter_nd(w, n, axis);
	case IR_DFT:
		return transform(w, n, axis);
	case IR_DET:
	case IR_TRILU:
		return *axis < (int64_t)x->rank - 2 || no(w, "it works along the batch");
	case IR_REVERSE:
		return reverse(w, n, axis);
	case IR_TREES:
	case IR_LABEL:
		return (*axis <= 0 || n->op == IR_LABEL) && alone(n, 1) ? true :
		       no(w, "it works along the batch");
	case IR_TAIL:
		return no(w, "a run decides how many elements it gives");
	default:
		if (!alone(n, 0))
			return no(w, "what it does to the batch is not known");
		*axis = ALONE;
		return true;
	}
}

static bool same_parameters(const struct ir_node *a, const struct ir_node *b)
{
	return a->op == b->op && a->fn == b->fn && a->axis == b->axis && a->axes == b->axes &&
	       a->flag == b->flag && a->flag2 == b->flag2 && a->act == b->act &&
	       a->nin == b->nin && a->nout == b->nout && !a->extra == !b->extra &&
	       !memcmp(&a->value, &b->value, sizeof(a->value)) &&
	       !memcmp(a->act_param, b->act_param, sizeof(a->act_param)) &&
	       !memcmp(a->ints, b->ints, sizeof(a->ints)) && !strcmp(a->name, b->name) &&
	       !strcmp(a->origin, b->origin);
}

static bool node(struct walk *w, struct ir_node *a, struct ir_node *b)
{
	int64_t axis;

	if (!same_parameters(a, b))
		return no(w, "its parameters depend on the size of the batch");
	for (uint32_t i = 0; i < b->nin; i++) {
		struct ir_value *p = a->in[i], *q = b->in[i];

		if (!p && !q)
			continue;
		if (!p || !q || known(p) != known(q) || (known(p) && p->offset != q->offset))
			return no(w, "its operands depend on the size of the batch");
		if (known(q))
			continue;
		if (p->from || q->from || !p->data || !q->data)
			return no(w, "its operands depend on the size of the batch");
		if (!constant(w, p, q))
			return false;
	}
	if (!rule(w, a, b, &axis))
		return false;
	for (uint32_t i = 0; i < b->nout; i++) {
		if (!a->out[i] != !b->out[i])
			return no(w, "its results depend on the size of the batch");
		if (!b->out[i])
			continue;
		if (!fits(w, a->out[i], b->out[i], axis))
			return false;
		pair(w, a->out[i], b->out[i], axis);
	}
	return true;
}

/* --- The walk ---------------------------------------------------------------------------- */

static void forget(struct ir_graph *g)
{
	for (uint32_t i = 0; i < g->ninputs; i++)
		g->inputs[i]->offset = 0;
	for (uint32_t i = 0; i < g->noutputs; i++)
		g->outputs[i]->offset = 0;
	for (struct ir_node *n = g->first; n; n = n->next) {
		for (uint32_t i = 0; i < n->nin; i++)
			if (n->in[i])
				n->in[i]->offset = 0;
		for (uint32_t i = 0; i < n->nout; i++)
			if (n->out[i])
				n->out[i]->offset = 0;
	}
}

static int refuse(const char *what, const char *name, const char *why)
{
	return err(-EOPNOTSUPP, "use sessions of one size, one request at a time",
		   "requests of this model cannot be put together: %s '%.64s': %s", what, name, why);
}

int separate(struct ir_graph *one, struct ir_graph *many, int64_t batch)
{
	struct walk w = { .batch = batch, .taken = batch };
	struct ir_node *a = one->first, *b = many->first;

	forget(one);
	forget(many);
	if (one->ninputs != many->ninputs || one->noutputs != many->noutputs)
		return refuse("graph", "", "it depends on the size of the batch");
	for (uint32_t i = 0; i < many->ninputs; i++) {
		struct ir_value *x = one->inputs[i], *y = many->inputs[i];

		if (x->rank < 1 || x->dims[0] != 1 || !fits(&w, x, y, 0))
			return refuse("input", y->name, "its first axis is not the batch");
		pair(&w, x, y, 0);
	}
	for (; a && b; a = a->next, b = b->next) {
		char what[80];

		if (node(&w, a, b))
			continue;
		snprintf(what, sizeof(what), "%.64s", b->origin);
		return refuse(*what ? what : "node", b->name, w.why);
	}
	if (a || b)
		return refuse("graph", "", "it depends on the size of the batch");
	for (uint32_t i = 0; i < many->noutputs; i++) {
		struct ir_value *x = one->outputs[i], *y = many->outputs[i];

		if (!known(x) || !known(y) || x->offset != y->offset || axis_of(y) != 0)
			return refuse("output", y->name, "its first axis is not the batch");
	}
	return 0;
}

/* --- Another size ------------------------------------------------------------------------ */

static int not_of(const struct ir_node *n, const char *why)
{
	return refuse(n->origin[0] ? n->origin : "node", n->name, why);
}

static int resize_node(struct walk *w, struct ir_graph *g, const struct ir_node *n, int64_t batch)
{
	int64_t axis;

	for (uint32_t i = 0; i < n->nin; i++)
		if (n->in[i] && !known(n->in[i]))
			pair(w, n->in[i], n->in[i], ALONE);
	if (!rule(w, n, n, &axis))
		return not_of(n, w->why ? w->why : "it works along the batch");
	for (uint32_t i = 0; i < n->nout; i++) {
		struct ir_value *v = n->out[i];

		if (!v)
			continue;
		pair(w, v, v, axis);
		if (axis < 0)
			continue;
		/* What is known before it runs is so of one size. */
		if (axis >= (int64_t)v->rank || v->dims[axis] % w->batch || v->data)
			return not_of(n, "its shape does not follow the batch");
		if (!ir_resize(g, v, (uint32_t)axis, v->dims[axis] / w->batch * batch))
			return g->error;
	}
	if (!check_node(g, n))
		return g->error == -ENOMEM ? g->error : not_of(n, "its shape does not follow the batch");
	return 0;
}

int rebatch(struct ir_graph *g, int64_t batch)
{
	struct walk w = { .taken = batch };
	int ret = 0;

	for (uint32_t i = 0; i < g->ninputs; i++) {
		struct ir_value *v = g->inputs[i];

		if (!v->rank || !v->dims[0] || v->data || (i && v->dims[0] != w.batch))
			return refuse("input", v->name, "its first axis is not the batch");
		w.batch = v->dims[0];
		pair(&w, v, v, 0);
		if (!ir_resize(g, v, 0, batch))
			return g->error;
	}
	for (const struct ir_node *n = g->first; n && w.batch && !ret; n = n->next)
		ret = resize_node(&w, g, n, batch);
	forget(g);
	for (struct ir_node *n = g->first; n; n = n->next) {
		for (uint32_t i = 0; i < n->nin; i++)
			if (n->in[i])
				n->in[i]->first = 0;
		for (uint32_t i = 0; i < n->nout; i++)
			if (n->out[i])
				n->out[i]->first = 0;
	}
	for (uint32_t i = 0; i < g->ninputs; i++)
		g->inputs[i]->first = 0;
	return ret;
}
