// SPDX-License-Identifier: MIT
/*
 * x * (1 + erf(x / sqrt(2))) / 2, in whatever order its three factors are multiplied, is one
 * function of the card's.
 *
 * Numeric: constants are compared within what exporters round them to.
 */
#include <math.h>
#include <string.h>

#include "pass.h"

#define NEAR	1e-4

/* Factors of a product, at most three besides numbers. */
struct factors {
	struct ir_value *v[3];
	uint32_t n;
	double number;
};

static bool number(const struct ir_value *v, double *x)
{
	float f;

	if (v->count != 1 || !v->data || v->from || v->dtype != ACCEL_F32)
		return false;
	memcpy(&f, v->data, sizeof(f));
	*x = (double)f;
	return true;
}

static bool near(double x, double to)
{
	return fabs(x - to) < NEAR * to;
}

static bool collect(struct factors *f, struct ir_value *v, uint32_t depth)
{
	struct ir_node *n = v->from;
	double x;

	if (number(v, &x)) {
		f->number *= x;
		return true;
	}
	if (n && depth && n->op == IR_BINARY && !n->act && (depth == 3 || v->uses == 1)) {
		if (n->fn == IR_MUL)
			return collect(f, n->in[0], depth - 1) && collect(f, n->in[1], depth - 1);
		if (n->fn == IR_DIV && number(n->in[1], &x) && x != 0) {
			f->number /= x;
			return collect(f, n->in[0], depth - 1);
		}
	}
	if (f->n == 2)
		return false;
	f->v[f->n++] = v;
	return true;
}

/* @v is 1 + erf(x / sqrt(2)) of @x. */
static bool is_half(const struct ir_value *v, const struct ir_value *x)
{
	const struct ir_node *n = v->from, *erf = NULL;
	struct factors f = { .number = 1 };
	double one;

	if (!n || n->op != IR_BINARY || n->fn != IR_ADD || n->act)
		return false;
	for (uint32_t side = 0; side < 2; side++)
		if (number(n->in[side], &one) && one == 1)
			erf = n->in[!side]->from;
	if (!erf || erf->op != IR_UNARY || erf->fn != IR_ERF || erf->act)
		return false;
	return collect(&f, erf->in[0], 3) && f.n == 1 && f.v[0] == x && near(f.number, M_SQRT1_2);
}

void pass_gelu(struct ir_graph *g)
{
	pass_uses(g);
	for (struct ir_node *n = g->first; n && !g->error; n = n->next) {
		struct factors f = { .number = 1 };
		struct ir_value *x = NULL, **in;

		if (n->op != IR_BINARY || (n->fn != IR_MUL && n->fn != IR_DIV) || n->act ||
		    n->out[0]->dtype != ACCEL_F32 || !collect(&f, n->out[0], 3) || f.n != 2 ||
		    !near(f.number, 0.5))
			continue;
		for (uint32_t i = 0; i < 2; i++)
			if (is_half(f.v[!i], f.v[i]))
				x = f.v[i];
		if (!x || x->rank != n->out[0]->rank ||
		    memcmp(x->dims, n->out[0]->dims, x->rank * sizeof(x->dims[0])))
			continue;
		in = ir_alloc(g, sizeof(*in));
		if (!in)
			return;
		in[0] = x;
		n->op = IR_ACT;
		n->act = ACCEL_ACT_GELU;
		n->in = in;
		n->nin = 1;
	}
	/* What it consisted of would still use its operand. */
	pass_dead(g);
}
