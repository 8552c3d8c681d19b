// SPDX-License-Identifier: MIT
/*
 * What is multiplied by one number or added after a product or a convolution, as the way around a
 * block of a network: the card does it before it stores the result, and rounds as two operations
 * do. The product then stands where the sum did, when both of its operands are there.
 *
 * Of F32: of other types the sum would be rounded once instead of twice.
 */
#include <math.h>
#include <string.h>

#include "pass.h"

static bool takes(const struct ir_node *n)
{
	return n && (n->op == IR_CONV || n->op == IR_MATMUL) && !n->act &&
	       n->out[0]->uses == 1 && !n->out[0]->bound && n->out[0]->dtype == ACCEL_F32 &&
	       n->out[0]->rank <= ACCEL_RANK_MAX;
}

static struct ir_value *operand(const struct ir_node *n, uint32_t i)
{
	return i < n->nin ? n->in[i] : NULL;
}

static bool same_shape(const struct ir_value *a, const struct ir_value *b)
{
	return a->rank == b->rank && !memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0]));
}

/* A factor that makes of a quotient a product with the same bits; 0: there is none. */
static float factor(const struct ir_node *op, const struct ir_value *by)
{
	const float *x = by->data;
	float y;
	int e;

	if (by->count != 1 || !x || by->from)
		return 0;
	if (op->fn == IR_MUL)
		return x[0];
	y = 1 / x[0];
	return frexpf(fabsf(x[0]), &e) == 0.5f && isnormal(y) ? y : 0;
}

static bool grow(struct ir_graph *g, struct ir_node *n, uint32_t i, struct ir_value *v)
{
	struct ir_value **in = ir_alloc(g, IR_P_OPERANDS * sizeof(*in));

	if (!in)
		return false;
	memcpy(in, n->in, n->nin * sizeof(*in));
	in[i] = v;
	n->in = in;
	n->nin = IR_P_OPERANDS;
	return true;
}

static void replace(struct ir_node *n, struct ir_node *op)
{
	n->act = op->act;
	memcpy(n->act_param, op->act_param, sizeof(n->act_param));
	n->out[0] = op->out[0];
	n->out[0]->from = n;
}

/* Multiplied or divided by one number. */
static bool scale(struct ir_graph *g, struct ir_node *op)
{
	for (uint32_t side = 0; side < (op->fn == IR_MUL ? 2 : 1); side++) {
		struct ir_node *n = op->in[side]->from;
		struct ir_value *by = op->in[!side];
		float f = factor(op, by);

		if (!takes(n) || f == 0 || !same_shape(op->out[0], n->out[0]) ||
		    operand(n, IR_P_SCALE) || operand(n, IR_P_RESIDUAL))
			continue;
		if (op->fn == IR_DIV || by->rank != 1) {
			float *x = ir_make(g, sizeof(*x));

			by = x ? ir_constant(g, ACCEL_F32, 1, (int64_t[]){ 1 }, x) : NULL;
			if (!by)
				return false;
			*x = f;
		}
		if (!grow(g, n, IR_P_SCALE, by))
			return false;
		replace(n, op);
		return true;
	}
	return false;
}

/* Two values are added: which of them is the product's? The one that comes later. */
static struct ir_node *residual(struct ir_graph *g, struct ir_node *op)
{
	for (uint32_t side = 0; side < 2; side++) {
		struct ir_node *n = op->in[side]->from;
		struct ir_value *other = op->in[!side];

		if (op->in[0] == op->in[1] || !takes(n) || operand(n, IR_P_RESIDUAL) ||
		    !same_shape(op->out[0], n->out[0]) || other->rank > n->out[0]->rank)
			continue;
		if (!grow(g, n, IR_P_RESIDUAL, other))
			return NULL;
		replace(n, op);
		return n;
	}
	return NULL;
}

void pass_residual(struct ir_graph *g)
{
	struct ir_node **link = &g->first, *op, *n;

	pass_uses(g);
	while ((op = *link) && !g->error) {
		n = NULL;
		if (op->op == IR_BINARY && op->out[0]->dtype == ACCEL_F32) {
			if ((op->fn == IR_MUL || op->fn == IR_DIV) && scale(g, op)) {
				*link = op->next;
				continue;
			}
			n = op->fn == IR_ADD ? residual(g, op) : NULL;
		}
		if (n) {
			/* It is taken out at its old place below: there it comes first. */
			n->moved = ir_alloc(g, sizeof(*n));
			if (!n->moved)
				return;
			*n->moved = *n;
			n->moved->moved = NULL;
			n->moved->next = op->next;
			n->moved->out[0]->from = n->moved;
			*link = n->moved;
			link = &n->moved->next;
			continue;
		}
		link = &op->next;
	}
	for (link = &g->first; (n = *link);) {
		if (n->moved)
			*link = n->next;
		else
			link = &n->next;
	}
	g->last = link;
}
