// SPDX-License-Identifier: MIT
#include "channels.h"

#define AXES	LOOM_WINDOW_AXES
#define NOWHERE	UINT64_MAX

bool loom_channels_can(const struct loom_work *work, uint64_t taps)
{
	const struct loom_operand *y = &work->operands[0], *x = &work->operands[1];

	return y->dtype == LOOM_DTYPE_F32 && x->dtype == LOOM_DTYPE_F32 && y->dims[1] > 1 &&
	       y->strides[1] == 1 && x->strides[1] == 1 && taps && taps <= LOOM_CHANNELS_TAPS;
}

struct loom_operand loom_channels_last(const struct loom_operand *op, uint64_t from, uint64_t n)
{
	struct loom_operand to = *op;

	for (unsigned int i = 1; op->dtype && i < op->rank; i++) {
		unsigned int axis = i + 1 < op->rank ? i + 1 : 1;

		to.dims[i] = op->dims[axis];
		to.strides[i] = op->strides[axis];
	}
	if (op->dtype) {
		to.dims[op->rank - 1] = (uint32_t)n;
		to.origin += from * (uint64_t)op->strides[1] * op->size;
	}
	return to;
}

void loom_channels_begin(struct loom_channels *c, uint64_t image, uint64_t from, uint64_t place)
{
	struct loom_window_view *v = &c->view;

	v->off = v->op->origin + image * (uint64_t)v->op->strides[0] * v->op->size +
		 from * v->op->size;
	for (unsigned int i = AXES; i-- > 0; place /= v->out[i])
		c->out[i] = place % v->out[i];
	c->fresh = true;
}

/* What a row of places sees along all axes but the last. */
static void see_rows(struct loom_channels *c)
{
	const struct loom_window_view *v = &c->view;
	uint64_t *to = c->rows, y, z;

	for (uint64_t i = 0; i < v->taps[0]; i++) {
		bool there = loom_axis_at(&v->window[0], v->dims[0], c->out[0], i, &z);

		for (uint64_t k = 0; k < v->taps[1]; k++, to++) {
			*to = NOWHERE;
			if (there && loom_axis_at(&v->window[1], v->dims[1], c->out[1], k, &y))
				*to = v->off + z * (uint64_t)v->strides[0] +
				      y * (uint64_t)v->strides[1];
		}
	}
	c->fresh = false;
}

static void next_place(struct loom_channels *c)
{
	for (unsigned int i = AXES; i-- > 0; c->out[i] = 0, c->fresh = true)
		if (++c->out[i] < c->view.out[i])
			return;
}

void loom_channels_see(struct loom_channels *c)
{
	const struct loom_window_view *v = &c->view;
	uint64_t along = v->taps[AXES - 1], at = 0;
	float *bounce = c->bounce;

	if (c->fresh)
		see_rows(c);
	for (uint64_t k = 0; k < along; k++) {
		bool there = loom_axis_at(&v->window[AXES - 1], v->dims[AXES - 1],
					  c->out[AXES - 1], k, &at);

		at *= (uint64_t)v->strides[AXES - 1];
		for (uint64_t row = 0, t = k; t < c->taps; row++, t += along, bounce += c->n)
			c->lines[t] = there && c->rows[row] != NOWHERE ?
				      loom_view_get(&v->op->view, c->rows[row] + at, c->n * 4,
						    bounce) : c->hole;
	}
	next_place(c);
}
