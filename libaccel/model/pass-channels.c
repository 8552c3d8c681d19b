// SPDX-License-Identifier: MIT
/*
 * Images lie in memory place by place, all channels of a place together, where the operators that
 * make and take them work best so: convolutions multiply rows of channels by panels of weights, and
 * what is done channel by channel is done for many of them at a time. Strides say it; shapes stay.
 */
#include "pass.h"

#define CHANNELS_MIN	16	/* fewer leave too much of a row empty */

static bool is_image(const struct ir_value *v)
{
	int64_t places = 1;

	if (v->dtype != ACCEL_F32 || v->rank < 3 || v->rank > 5 || v->dims[1] < CHANNELS_MIN)
		return false;
	for (uint32_t i = 2; i < v->rank; i++)
		places *= v->dims[i];
	return places > 1;
}

/* Nobody minds where its elements are. */
static bool may(const struct ir_value *v)
{
	return is_image(v) && v->from && v->from->out[0] == v && pass_makes_gaps(v->from) &&
	       !v->dense && !v->bound && !v->alias && !v->data;
}

/* Every channel by itself, or all of them in one product. */
static bool is_usual(const struct ir_node *n)
{
	return n->axis == 1 || (n->axis == n->out[0]->dims[1] && n->in[IR_P_B]->dims[1] == 1);
}

/* Operators that read images as fast one way as the other, or faster. */
static bool likes(const struct ir_node *n, uint32_t operand)
{
	switch (n->op) {
	case IR_CONV:
		return is_usual(n) && (operand == IR_P_A || operand == IR_P_RESIDUAL);
	case IR_BINARY:
	case IR_UNARY:
	case IR_ACT:
	case IR_POOL:
	case IR_REDUCE:
	case IR_CONCAT:
	case IR_SLICE:
		return true;
	default:
		return false;
	}
}

static const struct ir_value *home(const struct ir_value *v)
{
	while (v->alias)
		v = v->alias;
	return v;
}

/* Is what a node makes best made so? */
static bool wants(const struct ir_node *n)
{
	switch (n->op) {
	case IR_CONV:
		return is_usual(n);
	case IR_POOL:
		return home(n->in[0])->channels;
	case IR_BINARY:
	case IR_UNARY:
	case IR_ACT:
	case IR_CONCAT:
		for (uint32_t i = 0; i < n->nin; i++)
			if (home(n->in[i])->channels || (n->in[i]->place && wants(n->in[i]->from)))
				return true;
		return false;
	default:
		return false;
	}
}

void pass_channels_some(struct ir_graph *g, const uint8_t *some)
{
	uint32_t k = 0;

	pass_dense(g);
	for (struct ir_node *n = g->first; n && !some; n = n->next)
		for (uint32_t i = 0; i < n->nin; i++)
			if (n->in[i] && !likes(n, i))
				((struct ir_value *)home(n->in[i]))->dense = true;
	for (struct ir_node *n = g->first; n; n = n->next, k++)
		if (n->out[0] && may(n->out[0]) && (some ? some[k] : wants(n)))
			n->out[0]->channels = true;
}

void pass_channels(struct ir_graph *g)
{
	pass_channels_some(g, NULL);
}
