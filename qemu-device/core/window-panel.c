// SPDX-License-Identifier: MIT
/*
 * Windows over binary32, a panel of places at a time: at one tap its lanes see a few pieces of
 * rows, the same of every channel.
 */
#include "window.h"

#define LAST	(LOOM_WINDOW_AXES - 1)
#define STEP_MAX	(1 << 26)	/* bytes: a panel's offsets fit in 32 bits */

bool loom_window_has_pieces(const struct loom_window_view *v)
{
	int64_t step = (int64_t)((uint64_t)v->strides[LAST] * v->window[LAST].stride);

	if (v->op->dtype != LOOM_DTYPE_F32 || step < -STEP_MAX || step > STEP_MAX ||
	    v->window[LAST].stride > STEP_MAX)
		return false;
	for (unsigned int i = 0; i < LOOM_WINDOW_AXES; i++)
		if (v->window[i].spacing != 1)
			return false;
	return true;
}

void loom_window_panel(const struct loom_window_view *v, uint64_t line, uint64_t n,
		       struct loom_window_panel *panel)
{
	uint64_t out[LOOM_WINDOW_AXES], lane = 0, now;

	line += v->first;
	for (unsigned int i = LOOM_WINDOW_AXES; i-- > 0; line /= v->out[i])
		out[i] = line % v->out[i];
	for (panel->n = 0; lane < n; lane += now, panel->n++) {
		now = v->out[LAST] - out[LAST];
		now = now < n - lane ? now : n - lane;
		panel->row[panel->n].lane = (uint8_t)lane;
		panel->row[panel->n].lanes = (uint8_t)now;
		for (unsigned int i = 0; i < LOOM_WINDOW_AXES; i++)
			panel->row[panel->n].out[i] = (uint32_t)out[i];
		out[LAST] += now;
		for (unsigned int i = LAST; i && out[i] == v->out[i]; i--) {
			out[i] = 0;
			out[i - 1]++;
		}
	}
}

static int64_t div_up(int64_t a, int64_t b)
{
	return b == 1 ? a : (a + b - 1) / b;
}

/* The element along an axis, without regard to its end. */
static int64_t element(const struct loom_axis *axis, uint64_t out, uint64_t tap)
{
	return (int64_t)(out * axis->stride) + (int64_t)(tap * axis->dilation) - axis->before;
}

void loom_window_pieces(const struct loom_window_view *v, const struct loom_window_panel *panel,
			const uint64_t *tap, struct loom_pieces *p)
{
	const struct loom_axis *axis = &v->window[LAST];
	int64_t stride = axis->stride, dim = v->dims[LAST];

	p->n = 0;
	p->hole = v->hole;
	p->step = (int64_t)((uint64_t)v->strides[LAST] * axis->stride);
	p->low = INT64_MAX;
	p->high = INT64_MIN;
	for (uint32_t r = 0; r < panel->n; r++) {
		int64_t first = element(axis, panel->row[r].out[LAST], tap[LAST]), low = 0, high;
		int64_t lanes = panel->row[r].lanes, off = 0, from, to;
		struct loom_piece *piece = &p->at[p->n];
		unsigned int i = 0;

		for (; i < LAST; i++) {
			int64_t at = element(&v->window[i], panel->row[r].out[i], tap[i]);

			if (at < 0 || at >= v->dims[i])
				break;
			off += at * v->strides[i];
		}
		if (i < LAST)
			continue;
		if (first < 0)
			low = div_up(-first, stride);
		high = first < dim ? div_up(dim - first, stride) : 0;
		high = high < lanes ? high : lanes;
		if (low >= high)
			continue;
		from = off + (first + low * stride) * v->strides[LAST];
		to = from + (high - low - 1) * p->step;
		piece->lane = (uint8_t)(panel->row[r].lane + low);
		piece->n = (uint8_t)(high - low);
		piece->mask = (uint32_t)(((1ull << piece->n) - 1) << piece->lane);
		piece->off = from - piece->lane * p->step;
		piece->wide = 0;
		if (p->step == 8) {
			/* a bit between each two */
			uint64_t x = piece->mask;

			x = (x | x << 16) & 0x0000ffff0000ffffull;
			x = (x | x << 8) & 0x00ff00ff00ff00ffull;
			x = (x | x << 4) & 0x0f0f0f0f0f0f0f0full;
			x = (x | x << 2) & 0x3333333333333333ull;
			piece->wide = (x | x << 1) & 0x5555555555555555ull;
		}
		p->low = from < p->low ? from : p->low;
		p->low = to < p->low ? to : p->low;
		p->high = from + 4 > p->high ? from + 4 : p->high;
		p->high = to + 4 > p->high ? to + 4 : p->high;
		p->n++;
	}
}

void loom_window_gather(const struct loom_window_view *v, const struct loom_pieces *p, uint64_t off,
			uint32_t *dst)
{
	for (unsigned int i = 0; i < LOOM_PANEL_COLUMNS; i++)
		dst[i] = p->hole;
	for (uint32_t i = 0; i < p->n; i++)
		for (unsigned int k = 0, lane = p->at[i].lane; k < p->at[i].n; k++, lane++) {
			uint64_t at = off + (uint64_t)(p->at[i].off + lane * p->step);
			uint32_t x;

			memcpy(&dst[lane], loom_view_get(&v->op->view, at, 4, &x), 4);
		}
}
