// SPDX-License-Identifier: MIT
/*
 * Weights of a convolution, [channels of the result, channels, taps...], as the card reads them: tap
 * by tap, and for each all channels. It would gather them element by element in each run.
 */
#include <string.h>

#include "pass.h"

static void turn(struct ir_graph *g, struct ir_node *n)
{
	struct ir_value *w = n->in[IR_P_B], *turned, **in;
	int64_t taps = 1, channels, size;
	const char *from;
	char *to;

	if (n->flag || n->flag2 || !w->data || w->from || !w->count || w->rank < 3)
		return;
	channels = w->dims[1];
	for (uint32_t i = 2; i < w->rank; i++)
		taps *= w->dims[i];
	if (channels == 1 || taps == 1 || !ir_room(g, w->size))
		return;
	to = ir_make(g, w->size);
	turned = to ? ir_constant(g, w->dtype, w->rank, w->dims, to) : NULL;
	in = ir_alloc(g, n->nin * sizeof(*in));
	if (!turned || !in)
		return;
	turned->name = w->name;
	from = w->data;
	size = (int64_t)accel_dtype_size(w->dtype);
	for (int64_t o = 0; o < w->dims[0]; o++, from += channels * taps * size)
		for (int64_t t = 0; t < taps; t++)
			for (int64_t c = 0; c < channels; c++, to += size)
				memcpy(to, from + (c * taps + t) * size, (size_t)size);
	memcpy(in, n->in, n->nin * sizeof(*in));
	in[IR_P_B] = turned;
	n->in = in;
	n->flag2 = true;
}

void pass_weights(struct ir_graph *g)
{
	for (struct ir_node *n = g->first; n && !g->error; n = n->next)
		if (n->op == IR_CONV)
			turn(g, n);
}
