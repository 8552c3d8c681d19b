// SPDX-License-Identifier: MIT
/*
 * Recurrent operators of ONNX: LSTM, GRU, RNN, as products and functions, step after step.
 *
 * What depends on the input alone is one product for all steps. Sequences of different lengths run to the
 * end of the longest: rows of a batch do not see each other, so what comes after a row's end
 * is left out of the results. Backwards, rows are turned around first, each within its length.
 */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "build.h"
#include "onnx.h"

#define STEPS_MAX	(1 << 14)

enum kind { LSTM, GRU, RNN };

struct function {
	const char *name;
	float alpha, beta;	/* unless the node says else */
};

static const struct function functions[] = {
	{ "Affine", 1, 0 }, { "Elu", 1, 0 }, { "HardSigmoid", 0.2f, 0.5f }, { "LeakyRelu", 0.01f, 0 },
	{ "Relu", 0, 0 }, { "ScaledTanh", 1, 1 }, { "Sigmoid", 0, 0 }, { "Softplus", 0, 0 },
	{ "Softsign", 0, 0 }, { "Tanh", 0, 0 }, { "ThresholdedRelu", 1, 0 },
};

enum { AFFINE, ELU, HARD_SIGMOID, LEAKY, RELU, SCALED_TANH, SIGMOID, SOFTPLUS, SOFTSIGN, TANH, THRESHOLDED };

/** struct cell - a node, and what is done for one direction of it */
struct cell {
	struct onnx_cx *c;
	struct ir_graph *g;
	enum kind kind;
	int gates, nf;			/* parts of W and R; functions of a direction */
	int64_t steps, batch, input, hidden, directions;
	bool backwards, batch_first, forget, reset_last;
	float clip;
	struct function f[6];
	/* of the direction: */
	int d;
	struct ir_value *w, *r, *bias, *rbias, *peep;
	struct ir_value *lengths;	/* NULL: all are full */
	struct ir_value *h, *s;		/* state */
};

static struct ir_value *number(struct cell *k, double x)
{
	return ir_scalar_f(k->g, k->c->in[0]->dtype, x);
}

static struct ir_value *apply(struct cell *k, int which, struct ir_value *x)
{
	const struct function *f = &k->f[k->d * k->nf + which];
	struct ir_graph *g = k->g;
	double a = (double)f->alpha, b = (double)f->beta;
	int id = 0;

	while (strcmp(functions[id].name, f->name))
		id++;
	switch (id) {
	case AFFINE:
		return b_binary(g, IR_ADD, b_binary(g, IR_MUL, x, number(k, a)), number(k, b));
	case ELU:
		return b_act(g, ACCEL_ACT_ELU, x, f->alpha, 0);
	case HARD_SIGMOID:
		return b_act(g, ACCEL_ACT_HARD_SIGMOID, x, f->alpha, f->beta);
	case LEAKY:
		return b_act(g, ACCEL_ACT_LEAKY, x, f->alpha, 0);
	case RELU:
		return b_act(g, ACCEL_ACT_RELU, x, 0, 0);
	case SCALED_TANH:
		x = b_act(g, ACCEL_ACT_TANH, b_binary(g, IR_MUL, x, number(k, b)), 0, 0);
		return b_binary(g, IR_MUL, x, number(k, a));
	case SIGMOID:
		return b_act(g, ACCEL_ACT_SIGMOID, x, 0, 0);
	case SOFTPLUS:
		return b_act(g, ACCEL_ACT_SOFTPLUS, x, 0, 0);
	case SOFTSIGN:
		return b_binary(g, IR_DIV, x, b_binary(g, IR_ADD, b_unary(g, IR_ABS, x), number(k, 1)));
	case TANH:
		return b_act(g, ACCEL_ACT_TANH, x, 0, 0);
	default:
		return b_where(g, b_binary(g, IR_GT, x, number(k, a)), x, number(k, 0));
	}
}

/* What clips the operands of the gates does not clip the state's. */
static struct ir_value *gated(struct cell *k, int which, struct ir_value *x)
{
	if (k->clip > 0)
		x = b_act(k->g, ACCEL_ACT_CLIP, x, -k->clip, k->clip);
	return apply(k, which, x);
}

/* Elements [@from, @from + @n) of an axis. */
static struct ir_value *part(struct cell *k, struct ir_value *x, uint32_t axis, int64_t from, int64_t n)
{
	int64_t starts[IR_RANK_MAX] = { 0 }, steps[IR_RANK_MAX], counts[IR_RANK_MAX];

	if (!x)
		return NULL;
	if (!from && n == x->dims[axis])
		return x;
	for (uint32_t i = 0; i < x->rank; i++) {
		steps[i] = 1;
		counts[i] = x->dims[i];
	}
	starts[axis] = from;
	counts[axis] = n;
	return b_slice(k->g, x, starts, steps, counts);
}

/* Of a parameter [directions, rows, columns] or [directions, rows] those of the direction. */
static struct ir_value *mine(struct cell *k, struct ir_value *x)
{
	x = part(k, x, 0, k->d, 1);
	return x ? b_reshape(k->g, x, x->rank - 1, x->dims + 1) : NULL;
}

static struct ir_value *gate(struct cell *k, struct ir_value *x, int which)
{
	return part(k, x, x ? x->rank - 1 : 0, which * k->hidden, k->hidden);
}

static struct ir_value *swapped(struct cell *k, struct ir_value *x)
{
	return b_transpose(k->g, x, (int64_t[]){ 1, 0 });
}

/* --- Steps: @x is what the input gives, [batch, gates * hidden] --------------------------------- */

static void step_rnn(struct cell *k, struct ir_value *x)
{
	x = b_binary(k->g, IR_ADD, b_matmul(k->g, k->h, k->r), x);
	k->h = gated(k, 0, x);
}

static void step_gru(struct cell *k, struct ir_value *x)
{
	struct ir_graph *g = k->g;
	int64_t two = 2 * k->hidden;
	struct ir_value *zr, *z, *r, *h, *hr;

	/* z and r share what they are multiplied with, and their function. */
	hr = b_matmul(g, k->h, part(k, k->r, 1, 0, k->reset_last ? 3 * k->hidden : two));
	zr = b_binary(g, IR_ADD, part(k, hr, 1, 0, two), part(k, x, 1, 0, two));
	zr = gated(k, 0, zr);
	z = gate(k, zr, 0);
	r = gate(k, zr, 1);
	if (k->reset_last) {
		h = gate(k, hr, 2);
		if (k->rbias)
			h = b_binary(g, IR_ADD, h, gate(k, k->rbias, 2));
		h = b_binary(g, IR_MUL, r, h);
	} else {
		h = b_matmul(g, b_binary(g, IR_MUL, r, k->h), part(k, k->r, 1, two, k->hidden));
	}
	h = gated(k, 1, b_binary(g, IR_ADD, h, gate(k, x, 2)));
	/* (1 - z) h + z H */
	h = b_binary(g, IR_MUL, b_binary(g, IR_SUB, number(k, 1), z), h);
	k->h = b_binary(g, IR_ADD, h, b_binary(g, IR_MUL, z, k->h));
}

static struct ir_value *peeped(struct cell *k, struct ir_value *x, int which, struct ir_value *s)
{
	if (!k->peep)
		return x;
	return b_binary(k->g, IR_ADD, x, b_binary(k->g, IR_MUL, gate(k, k->peep, which), s));
}

/* Gates are i, o, f, c; those of the peepholes i, o, f. */
static void step_lstm(struct cell *k, struct ir_value *x)
{
	struct ir_graph *g = k->g;
	struct ir_value *i, *o, *f, *s;

	x = b_binary(g, IR_ADD, b_matmul(g, k->h, k->r), x);
	if (k->peep) {
		i = gated(k, 0, peeped(k, gate(k, x, 0), 0, k->s));
		f = gated(k, 0, peeped(k, gate(k, x, 2), 2, k->s));
		o = NULL;
	} else {
		struct ir_value *iof = gated(k, 0, part(k, x, 1, 0, 3 * k->hidden));

		i = gate(k, iof, 0);
		o = gate(k, iof, 1);
		f = gate(k, iof, 2);
	}
	if (k->forget)
		f = b_binary(g, IR_SUB, number(k, 1), i);
	s = b_binary(g, IR_MUL, i, gated(k, 1, gate(k, x, 3)));
	k->s = b_binary(g, IR_ADD, b_binary(g, IR_MUL, f, k->s), s);
	if (k->peep)
		o = gated(k, 0, peeped(k, gate(k, x, 1), 1, k->s));
	k->h = b_binary(g, IR_MUL, o, apply(k, 2, k->s));
}

/* --- A direction ------------------------------------------------------------------------- */

/* Along the first axis, each row within its length; without lengths all of it. */
static struct ir_value *turned(struct cell *k, struct ir_value *x)
{
	struct ir_node *n;

	if (!x)
		return NULL;
	if (!k->lengths) {
		int64_t starts[3] = { x->dims[0] ? x->dims[0] - 1 : 0, 0, 0 }, steps[3] = { -1, 1, 1 };

		return b_slice(k->g, x, starts, steps, x->dims);
	}
	n = b_same(k->g, IR_REVERSE, (struct ir_value *[]){ x, k->lengths }, 2, x);
	if (!n)
		return NULL;
	n->axis = 0;
	n->ints[0] = 1;
	return n->out[0];
}

/* The state of each row when it ended: of @all, [steps, batch, hidden], and of @first before. */
static struct ir_value *ended(struct cell *k, struct ir_value *first, struct ir_value *all)
{
	struct ir_graph *g = k->g;
	int64_t dims[3] = { 1, k->batch, k->hidden };
	struct ir_value *x, *at, *y;
	struct ir_node *n;

	x = b_concat(g, (struct ir_value *[]){ b_reshape(g, first, 3, dims), all }, 2, 0);
	x = b_transpose(g, x, (int64_t[]){ 1, 0, 2 });
	at = b_reshape(g, k->lengths, 2, (int64_t[]){ k->batch, 1 });
	y = x && at ? ir_value(g, x->dtype, 2, dims + 1) : NULL;
	n = y ? ir_node(g, IR_GATHER_ND, 0, (struct ir_value *[]){ x, at }, 2, y) : NULL;
	if (!n)
		return NULL;
	n->axis = 1;
	return y;
}

/* Zeros where rows have ended. */
static struct ir_value *masked(struct cell *k, struct ir_value *all)
{
	struct ir_graph *g = k->g;
	int64_t *steps = ir_make(g, (uint64_t)k->steps * sizeof(*steps));
	struct ir_value *left, *at;

	if (!steps)
		return NULL;
	for (int64_t i = 0; i < k->steps; i++)
		steps[i] = i;
	at = ir_constant(g, ACCEL_I64, 3, (int64_t[]){ k->steps, 1, 1 }, steps);
	left = b_cast(g, b_reshape(g, k->lengths, 3, (int64_t[]){ 1, k->batch, 1 }), ACCEL_I64);
	return b_where(g, b_binary(g, IR_LT, at, left), all, number(k, 0));
}

/* Y [steps, batch, hidden] or NULL if it is not wanted; k->h and k->s are left at the end. */
static struct ir_value *direction(struct cell *k, bool back, bool want)
{
	struct ir_graph *g = k->g;
	struct ir_value *x = k->c->in[0], **all, **states, *first = k->h, *first_s = k->s, *y;
	int64_t flat[2] = { k->steps * k->batch, k->input }, width = k->gates * k->hidden;
	bool keep = want || k->lengths;

	if (back)
		x = turned(k, x);
	x = b_matmul(g, b_reshape(g, x, 2, flat), swapped(k, k->w));
	if (k->bias)
		x = b_binary(g, IR_ADD, x, k->bias);
	x = b_reshape(g, x, 3, (int64_t[]){ k->steps, k->batch, width });
	k->r = swapped(k, k->r);
	all = ir_alloc(g, (size_t)k->steps * sizeof(struct ir_value *));
	states = ir_alloc(g, (size_t)k->steps * sizeof(struct ir_value *));
	for (int64_t t = 0; t < k->steps && all && states && !g->error; t++) {
		struct ir_value *row = b_reshape(g, part(k, x, 0, t, 1), 2,
						 (int64_t[]){ k->batch, width });

		if (k->kind == LSTM)
			step_lstm(k, row);
		else if (k->kind == GRU)
			step_gru(k, row);
		else
			step_rnn(k, row);
		if (!keep)
			continue;
		all[t] = b_reshape(g, k->h, 3, (int64_t[]){ 1, k->batch, k->hidden });
		if (k->s && k->lengths)
			states[t] = b_reshape(g, k->s, 3, (int64_t[]){ 1, k->batch, k->hidden });
	}
	if (!keep || g->error || !all || !states)
		return NULL;
	y = b_concat(g, all, (uint32_t)k->steps, 0);
	if (k->lengths) {
		k->h = ended(k, first, y);
		if (k->s)
			k->s = ended(k, first_s, b_concat(g, states, (uint32_t)k->steps, 0));
		y = masked(k, y);
	}
	return want && back ? turned(k, y) : y;
}

/* --- The node ---------------------------------------------------------------------------- */

static bool shaped(struct cell *k, uint32_t i, const char *name, uint32_t rank, const int64_t *dims)
{
	const struct ir_value *v = onnx_in(k->c, i);

	if (!v)
		return true;
	if (v->rank != rank || memcmp(v->dims, dims, rank * sizeof(*dims)) ||
	    v->dtype != k->c->in[0]->dtype) {
		ir_fail(k->g, "operand %u (%s) has not the shape and type that the others ask for", i,
			name);
		return false;
	}
	return true;
}

/* Functions by name, with the parameters that the lists hold for those that have some. */
static void choose(struct cell *k)
{
	static const int defaults[3][3] = { { SIGMOID, TANH, TANH }, { SIGMOID, TANH }, { TANH } };
	struct onnx_cx *c = k->c;
	const Onnx__AttributeProto *names, *lists[2];
	int n = k->nf * (int)k->directions;
	size_t at[2] = { 0, 0 };

	names = onnx_attr(c, "activations", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);
	lists[0] = onnx_attr(c, "activation_alpha", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
	lists[1] = onnx_attr(c, "activation_beta", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
	if (names && names->n_strings != (size_t)n) {
		ir_fail(k->g, "%zu functions, not %d", names->n_strings, n);
		return;
	}
	for (int i = 0; i < n; i++) {
		const struct function *f = &functions[defaults[k->kind][i % k->nf]];

		if (names) {
			ProtobufCBinaryData s = names->strings[i];

			f = NULL;
			for (size_t j = 0; j < sizeof(functions) / sizeof(functions[0]); j++)
				if (s.len == strlen(functions[j].name) &&
				    !strncasecmp((char *)s.data, functions[j].name, s.len))
					f = &functions[j];
		}
		if (!f) {
			onnx_cannot(c, "function %d of its activations is not supported", i);
			return;
		}
		k->f[i] = *f;
		if (f->alpha != 0 && lists[0] && at[0] < lists[0]->n_floats)
			k->f[i].alpha = lists[0]->floats[at[0]++];
		if ((f == &functions[AFFINE] || f == &functions[HARD_SIGMOID] ||
		     f == &functions[SCALED_TANH]) && lists[1] && at[1] < lists[1]->n_floats)
			k->f[i].beta = lists[1]->floats[at[1]++];
		if (!isfinite(k->f[i].alpha) || !isfinite(k->f[i].beta))
			onnx_cannot(c, "a parameter that is not finite is not supported");
	}
}

/* Sizes, attributes and operands; false if there is nothing to build. */
static bool prepare(struct cell *k)
{
	struct onnx_cx *c = k->c;
	struct ir_value *x = c->in[0];
	int64_t d, h;
	bool both = onnx_attr_is(c, "direction", "forward", "bidirectional");

	k->backwards = onnx_attr_is(c, "direction", "forward", "reverse");
	if (!both && !k->backwards && !onnx_attr_is(c, "direction", "forward", "forward")) {
		ir_fail(k->g, "its direction is none of forward, reverse and bidirectional");
		return false;
	}
	k->directions = d = both ? 2 : 1;
	k->batch_first = c->opset >= 14 && onnx_attr_i(c, "layout", 0);
	k->clip = onnx_attr_f(c, "clip", 0);
	if (c->opset < 7)
		onnx_attr_i(c, "output_sequence", 0);
	if (k->kind == LSTM)
		k->forget = onnx_attr_i(c, "input_forget", 0);
	if (k->kind == GRU)
		k->reset_last = onnx_attr_i(c, "linear_before_reset", 0);
	if (!ir_is_real(x->dtype)) {
		ir_fail(k->g, "its operand is %s", accel_dtype_name(x->dtype));
		return false;
	}
	if (x->rank != 3 || c->in[2]->rank != 3) {
		ir_fail(k->g, "X of %u and R of %u axes, not 3", x->rank, c->in[2]->rank);
		return false;
	}
	k->hidden = h = c->in[2]->dims[2];
	if (onnx_attr_i(c, "hidden_size", h) != h)
		ir_fail(k->g, "hidden_size is not that of R");
	if (k->batch_first)
		c->in[0] = x = b_transpose(k->g, x, (int64_t[]){ 1, 0, 2 });
	if (!x || k->g->error)
		return false;
	k->steps = x->dims[0];
	k->batch = x->dims[1];
	k->input = x->dims[2];
	if (k->steps < 1 || k->steps > STEPS_MAX) {
		onnx_cannot(c, "%lld steps are not supported, 1 to %d are", (long long)k->steps, STEPS_MAX);
		return false;
	}
	choose(k);
	return !c->why &&
	       shaped(k, 1, "W", 3, (int64_t[]){ d, k->gates * h, k->input }) &&
	       shaped(k, 2, "R", 3, (int64_t[]){ d, k->gates * h, h }) &&
	       shaped(k, 3, "B", 2, (int64_t[]){ d, 2 * k->gates * h }) &&
	       shaped(k, 5, "initial_h", 3, k->batch_first ? (int64_t[]){ k->batch, d, h } :
		      (int64_t[]){ d, k->batch, h }) &&
	       shaped(k, 6, "initial_c", 3, k->batch_first ? (int64_t[]){ k->batch, d, h } :
		      (int64_t[]){ d, k->batch, h }) &&
	       shaped(k, 7, "P", 2, (int64_t[]){ d, 3 * h }) && !k->g->error;
}

/* Lengths that are known and all full are none. */
static void lengths(struct cell *k)
{
	struct ir_value *v = onnx_in(k->c, 4);
	const int32_t *known = v ? ir_known(k->g, v) : NULL;
	bool full = known != NULL;

	if (!v)
		return;
	if (v->rank != 1 || v->dims[0] != k->batch || v->dtype != ACCEL_I32) {
		ir_fail(k->g, "the lengths are not i32, one for each row of the batch");
		return;
	}
	for (int64_t i = 0; i < k->batch && full; i++)
		full = known[i] == k->steps;
	k->lengths = full ? NULL : v;
}

static struct ir_value *initial(struct cell *k, uint32_t i)
{
	struct ir_value *v = onnx_in(k->c, i);

	if (!v)
		return b_expand(k->g, number(k, 0), 2, (int64_t[]){ k->batch, k->hidden });
	return b_reshape(k->g, part(k, v, k->batch_first ? 1 : 0, k->d, 1), 2,
			 (int64_t[]){ k->batch, k->hidden });
}

/* Biases of W and R are added up where nothing comes between. */
static void biases(struct cell *k)
{
	struct ir_value *b = onnx_in(k->c, 3) ? mine(k, k->c->in[3]) : NULL, *rest;
	int64_t width = k->gates * k->hidden;

	k->bias = k->rbias = NULL;
	if (!b)
		return;
	k->bias = part(k, b, 0, 0, width);
	k->rbias = part(k, b, 0, width, width);
	rest = k->rbias;
	if (k->reset_last)
		rest = b_concat(k->g, (struct ir_value *[]){
			part(k, k->rbias, 0, 0, 2 * k->hidden),
			b_expand(k->g, number(k, 0), 1, &k->hidden) }, 2, 0);
	k->bias = b_binary(k->g, IR_ADD, k->bias, rest);
}

/* Results of the directions, [steps, batch, hidden] or [batch, hidden], as the node has them. */
static struct ir_value *together(struct cell *k, struct ir_value **each, bool all)
{
	int64_t dims[4] = { k->steps, 1, k->batch, k->hidden };
	struct ir_value *y;

	for (int d = 0; d < k->directions; d++)
		each[d] = all ? b_reshape(k->g, each[d], 4, dims) : b_reshape(k->g, each[d], 3, dims + 1);
	y = b_concat(k->g, each, (uint32_t)k->directions, all);
	if (k->batch_first)
		y = all ? b_transpose(k->g, y, (int64_t[]){ 2, 0, 1, 3 }) :
			  b_transpose(k->g, y, (int64_t[]){ 1, 0, 2 });
	return y;
}

static void recurrent(struct onnx_cx *c, int kind)
{
	static const int gates[] = { 4, 3, 1 }, nf[] = { 3, 2, 1 };
	struct cell k = { .c = c, .g = c->g, .kind = (enum kind)kind, .gates = gates[kind],
			  .nf = nf[kind] };
	struct ir_value *y[2] = { NULL }, *h[2], *s[2];
	bool want;

	if (kind != LSTM && c->nin > 6) {
		ir_fail(c->g, "%u operands; 3 to 6 are supported", c->nin);
		return;
	}
	if (!prepare(&k))
		return;
	lengths(&k);
	want = c->node->output[0][0];
	for (k.d = 0; k.d < k.directions && !c->g->error; k.d++) {
		k.w = mine(&k, c->in[1]);
		k.r = mine(&k, c->in[2]);
		k.peep = onnx_in(c, 7) ? mine(&k, c->in[7]) : NULL;
		biases(&k);
		k.h = initial(&k, 5);
		k.s = kind == LSTM ? initial(&k, 6) : NULL;
		y[k.d] = direction(&k, k.backwards || k.d, want);
		h[k.d] = k.h;
		s[k.d] = k.s;
	}
	if (c->g->error)
		return;
	if (want)
		c->out[0] = together(&k, y, true);
	if (c->nout > 1)
		c->out[1] = together(&k, h, false);
	if (c->nout > 2 && kind == LSTM)
		c->out[2] = together(&k, s, false);
}

const struct onnx_op onnx_ops_recurrent[] = {
	{ "GRU", 3, 6, recurrent, GRU },
	{ "LSTM", 3, 8, recurrent, LSTM },
	{ "RNN", 3, 6, recurrent, RNN },
	{ 0 },
};
