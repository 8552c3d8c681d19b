// SPDX-License-Identifier: MIT
/* Windows as matrices, and the weights of a convolution that go with them. */
#include "numerics.h"
#include "walk.h"
#include "window.h"

#define AXES	LOOM_WINDOW_AXES
#define PANEL_BOUNCE	8192	/* what a panel sees of a channel, at most, if it is put together */

static uint64_t distance(int64_t stride)
{
	return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

static int64_t bytes(const struct loom_operand *op, unsigned int axis)
{
	/* along an axis of one element nothing bounds the stride, and nothing uses it */
	return op->dims[axis] == 1 ? 0 : (int64_t)((uint64_t)op->strides[axis] * op->size);
}

static const struct loom_window_view *view_of(const struct loom_gemm_source *source)
{
	return (const struct loom_window_view *)source;
}

/* Channel and tap of a value of k. */
static uint64_t split(const struct loom_window_view *v, uint64_t k, uint64_t *tap)
{
	uint64_t t = k / v->channels;

	for (unsigned int i = AXES; i-- > 0; t /= v->taps[i])
		tap[i] = t % v->taps[i];
	return k % v->channels;
}

static void next_tap(const struct loom_window_view *v, uint64_t *tap)
{
	for (unsigned int i = AXES; i-- > 0;) {
		if (++tap[i] < v->taps[i])
			return;
		tap[i] = 0;
	}
}

/* ---- w ---- */

static uint64_t w_offset(const struct loom_window_view *v, uint64_t line, const uint64_t *tap,
			 uint64_t channel)
{
	uint64_t off = v->off + line * (uint64_t)v->line + channel * (uint64_t)v->channel;

	for (unsigned int i = 0; i < AXES; i++)
		off += tap[i] * (uint64_t)v->strides[i];
	return off;
}

static const void *w_along(const struct loom_gemm_source *source, uint64_t line, uint64_t k,
			   uint64_t n, void *bounce)
{
	const struct loom_window_view *v = view_of(source);
	uint64_t tap[AXES], channel = split(v, k, tap), now;
	uint8_t *to = bounce;

	if (v->channels - channel >= n)
		return loom_row_get(v->op, w_offset(v, line, tap, channel), v->channel, n, bounce);
	for (; n; n -= now, channel = 0, next_tap(v, tap), to += now * v->op->size) {
		const void *p;

		now = v->channels - channel < n ? v->channels - channel : n;
		p = loom_row_get(v->op, w_offset(v, line, tap, channel), v->channel, now, to);
		if (p != to)
			memcpy(to, p, now * v->op->size);
	}
	return bounce;
}

static const void *w_across(const struct loom_gemm_source *source, uint64_t k, uint64_t line,
			    uint64_t n, void *bounce)
{
	const struct loom_window_view *v = view_of(source);
	uint64_t tap[AXES], channel = split(v, k, tap);

	return loom_row_get(v->op, w_offset(v, line, tap, channel), v->line, n, bounce);
}

void loom_window_view_w(struct loom_window_view *v, const struct loom_work *work)
{
	const struct loom_operand *w = &work->operands[2];
	unsigned int axes = w->rank - 3u;

	memset(v, 0, sizeof(*v));
	v->op = w;
	v->line = bytes(w, 1);
	v->channels = w->dims[2];
	v->channel = bytes(w, 2);
	for (unsigned int i = 0; i < AXES; i++) {
		unsigned int axis = 3 + i - (AXES - axes);

		v->taps[i] = i < AXES - axes ? 1 : w->dims[axis];
		v->strides[i] = i < AXES - axes ? 0 : bytes(w, axis);
	}
	/* few long runs: the taps of a single channel lie together */
	for (unsigned int i = AXES; i-- > 0;) {
		if (v->channels != 1 && v->taps[i] != 1 &&
		    (uint64_t)v->strides[i] != (uint64_t)v->channel * v->channels)
			break;
		if (v->channels == 1)
			v->channel = v->strides[i];
		v->channels *= v->taps[i];
		v->taps[i] = 1;
		v->strides[i] = 0;
	}
	v->source.get_along = w_along;
	v->source.get_across = w_across;
	v->source.across = w->dims[1] > 3 && v->line == w->size;
}

/* ---- x ---- */

static void fill(const struct loom_window_view *v, uint8_t *to, uint64_t n)
{
	if (v->op->size == 1 || !v->hole) {
		memset(to, (uint8_t)v->hole, n * v->op->size);
		return;
	}
	for (uint64_t i = 0; i < n; i++)
		memcpy(to + i * v->op->size, &v->hole, v->op->size);
}

static void place(const struct loom_window_view *v, uint64_t line, uint64_t *out)
{
	line += v->first;
	for (unsigned int i = AXES; i-- > 0; line /= v->out[i])
		out[i] = line % v->out[i];
}

/* Offset of what the first @axes axes see; false: a hole. */
static bool x_offset(const struct loom_window_view *v, const uint64_t *out, const uint64_t *tap,
		     unsigned int axes, uint64_t *off)
{
	uint64_t at;

	for (unsigned int i = 0; i < axes; i++) {
		if (!loom_axis_at(&v->window[i], v->dims[i], out[i], tap[i], &at))
			return false;
		*off += at * (uint64_t)v->strides[i];
	}
	return true;
}

static const void *x_along(const struct loom_gemm_source *source, uint64_t line, uint64_t k,
			   uint64_t n, void *bounce)
{
	const struct loom_window_view *v = view_of(source);
	uint64_t tap[AXES], out[AXES], channel = split(v, k, tap), now;
	uint8_t *to = bounce;

	place(v, line, out);
	for (; n; n -= now, channel = 0, next_tap(v, tap), to += now * v->op->size) {
		uint64_t off = v->off + channel * (uint64_t)v->channel;
		const void *p;

		now = v->channels - channel < n ? v->channels - channel : n;
		if (!x_offset(v, out, tap, AXES, &off)) {
			fill(v, to, now);
			continue;
		}
		p = loom_row_get(v->op, off, v->channel, now, to);
		if (p == to)
			continue;
		if (to == bounce && now == n)
			return p;
		memcpy(to, p, now * v->op->size);
	}
	return bounce;
}

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return b == 1 ? a : a / b + (a % b != 0);
}

/* The elements of @n places along the last axis, from the first to the one behind the last. */
static void seen(const struct loom_axis *axis, int64_t first, int64_t dim, uint64_t n, uint64_t *low,
		 uint64_t *high)
{
	*low = first < 0 ? div_up(0 - (uint64_t)first, axis->stride) : 0;
	*high = first < dim ? div_up((uint64_t)(dim - first), axis->stride) : 0;
	*low = *low < n ? *low : n;
	*high = *high < n ? *high : n;
	*high = *high > *low ? *high : *low;
}

/* @n places along the last axis, from @out on. */
static const void *x_row(const struct loom_window_view *v, uint64_t off, uint64_t out, uint64_t tap,
			 uint64_t n, uint8_t *to)
{
	const struct loom_axis *axis = &v->window[AXES - 1];
	int64_t first = (int64_t)(out * axis->stride) + (int64_t)(tap * axis->dilation) -
			axis->before, dim = v->dims[AXES - 1];
	uint64_t size = v->op->size, low, high, at;
	const void *p;

	if (axis->spacing != 1) {
		for (uint64_t i = 0; i < n; i++)
			if (!loom_axis_at(axis, v->dims[AXES - 1], out + i, tap, &at))
				fill(v, to + i * size, 1);
			else
				memcpy(to + i * size,
				       loom_view_get(&v->op->view,
						     off + at * (uint64_t)v->strides[AXES - 1],
						     size, to + i * size), size);
		return to;
	}
	seen(axis, first, dim, n, &low, &high);
	fill(v, to, low);
	fill(v, to + high * size, n - high);
	if (low == high)
		return to;
	first += (int64_t)(low * axis->stride);
	p = loom_row_get(v->op, off + (uint64_t)first * (uint64_t)v->strides[AXES - 1],
			 (int64_t)((uint64_t)v->strides[AXES - 1] * axis->stride), high - low,
			 to + low * size);
	if (high - low == n)
		return p;
	if (p != to + low * size)
		memcpy(to + low * size, p, (high - low) * size);
	return to;
}

static void look(const struct loom_window_view *v, struct loom_window_near *near, const uint64_t *tap,
		 uint64_t line, uint64_t n)
{
	const struct loom_axis *axis = &v->window[AXES - 1];
	uint64_t out[AXES], now;

	near->line = line;
	near->n = n;
	near->pieces = 0;
	near->holes = false;
	near->usable = axis->spacing == 1 && n <= UINT32_MAX;
	place(v, line, out);
	for (uint64_t at = 0; near->usable && at < n; at += now) {
		int64_t first = (int64_t)(out[AXES - 1] * axis->stride) +
				(int64_t)(tap[AXES - 1] * axis->dilation) - axis->before;
		uint64_t off = 0, low = 0, high = 0;

		now = v->out[AXES - 1] - out[AXES - 1];
		now = now < n - at ? now : n - at;
		if (x_offset(v, out, tap, AXES - 1, &off))
			seen(axis, first, v->dims[AXES - 1], now, &low, &high);
		near->holes |= high - low < now;
		if (low < high && near->pieces == LOOM_WINDOW_NEAR) {
			near->usable = false;
		} else if (low < high) {
			near->piece[near->pieces].at = (uint32_t)(at + low);
			near->piece[near->pieces].n = (uint32_t)(high - low);
			near->piece[near->pieces++].off =
				off + ((uint64_t)first + low * axis->stride) *
				(uint64_t)v->strides[AXES - 1];
		}
		out[AXES - 1] += now;
		for (unsigned int i = AXES - 1; i && out[i] == v->out[i]; i--) {
			out[i] = 0;
			out[i - 1]++;
		}
	}
}

/* What is near, of the channel whose first element is at @off. */
static const void *x_near(const struct loom_window_view *v, uint64_t off, uint8_t *to)
{
	const struct loom_window_near *near = v->near;
	int64_t step = (int64_t)((uint64_t)v->strides[AXES - 1] * v->window[AXES - 1].stride);
	uint64_t size = v->op->size;

	if (near->pieces == 1 && !near->holes)
		return loom_row_get(v->op, off + near->piece[0].off, step, near->n, to);
	if (near->holes)
		fill(v, to, near->n);
	for (unsigned int i = 0; i < near->pieces; i++) {
		uint8_t *at = to + near->piece[i].at * size;
		const void *p = loom_row_get(v->op, off + near->piece[i].off, step,
					     near->piece[i].n, at);

		if (p != at)
			memcpy(at, p, near->piece[i].n * size);
	}
	return to;
}

static const void *x_across(const struct loom_gemm_source *source, uint64_t k, uint64_t line,
			    uint64_t n, void *bounce)
{
	const struct loom_window_view *v = view_of(source);
	uint64_t tap[AXES], out[AXES], channel = split(v, k, tap), now;
	struct loom_window_near *near = v->near;
	uint8_t *to = bounce;

	if (near) {
		if (near->tap != k / v->channels || near->line != line || near->n != n) {
			near->tap = k / v->channels;
			look(v, near, tap, line, n);
		}
		if (near->usable)
			return x_near(v, v->off + channel * (uint64_t)v->channel, to);
	}
	place(v, line, out);
	for (; n; n -= now, to += now * v->op->size) {
		uint64_t off = v->off + channel * (uint64_t)v->channel;

		now = v->out[AXES - 1] - out[AXES - 1];
		now = now < n ? now : n;
		if (!x_offset(v, out, tap, AXES - 1, &off)) {
			fill(v, to, now);
		} else {
			const void *p = x_row(v, off, out[AXES - 1], tap[AXES - 1], now, to);

			if (to == bounce && now == n)
				return p;
			if (p != to)
				memcpy(to, p, now * v->op->size);
		}
		out[AXES - 1] += now;
		for (unsigned int i = AXES - 1; i && out[i] == v->out[i]; i--) {
			out[i] = 0;
			out[i - 1]++;
		}
	}
	return bounce;
}

/* As many values as the channels of a tap: all lines see them in one piece each. */
static uint64_t x_lines(const struct loom_gemm_source *source, uint64_t line, unsigned int lines,
			uint64_t k, uint64_t n, uint64_t *offs)
{
	const struct loom_window_view *v = view_of(source);
	uint64_t tap[AXES], out[AXES], channel = split(v, k, tap), row = 0, at;
	bool seen = false, fresh = true;

	place(v, line, out);
	for (unsigned int i = 0; i < lines; i++) {
		if (fresh) {
			row = v->off + channel * (uint64_t)v->channel;
			seen = x_offset(v, out, tap, AXES - 1, &row);
			fresh = false;
		}
		offs[i] = LOOM_GEMM_HOLE;
		if (seen && loom_axis_at(&v->window[AXES - 1], v->dims[AXES - 1], out[AXES - 1],
					 tap[AXES - 1], &at))
			offs[i] = row + at * (uint64_t)v->strides[AXES - 1];
		if (++out[AXES - 1] < v->out[AXES - 1])
			continue;
		fresh = true;
		out[AXES - 1] = 0;
		for (unsigned int a = AXES - 1; a-- > 0; out[a] = 0)
			if (++out[a] < v->out[a])
				break;
	}
	return v->channels - channel < n ? v->channels - channel : n;
}

static void x_panel(const struct loom_gemm_source *source, const struct loom_rows *rows,
		    uint64_t line, uint64_t lines, uint64_t k, uint64_t n, uint32_t *dst)
{
	const struct loom_window_view *v = view_of(source);
	uint64_t tap[AXES], channel = split(v, k, tap), now;
	struct loom_window_panel panel;
	uint8_t bounce[PANEL_BOUNCE];
	struct loom_pieces p;

	loom_window_panel(v, line, lines, &panel);
	for (; n; n -= now, channel = 0, next_tap(v, tap), dst += now * LOOM_PANEL_COLUMNS) {
		uint64_t off = v->off + channel * (uint64_t)v->channel;
		const uint8_t *base;

		now = v->channels - channel < n ? v->channels - channel : n;
		loom_window_pieces(v, &panel, tap, &p);
		if (!p.n) {
			memset(dst, 0, now * LOOM_PANEL_COLUMNS * 4);
			continue;
		}
		if (v->op->view.nruns == 1) {
			rows->pick(&p, v->op->view.runs[0].ptr + off, v->channel, now, dst);
			continue;
		}
		for (uint64_t i = 0; i < now; i++, off += (uint64_t)v->channel) {
			uint32_t *to = dst + i * LOOM_PANEL_COLUMNS;

			if (p.high - p.low > PANEL_BOUNCE) {
				loom_window_gather(v, &p, off, to);
				continue;
			}
			base = loom_view_get(&v->op->view, off + (uint64_t)p.low,
					     (uint64_t)(p.high - p.low), bounce);
			rows->pick(&p, (const uint8_t *)((uintptr_t)base - (uint64_t)p.low), 0, 1,
				   to);
		}
	}
}

/* Does output o see element o and nothing else? */
static bool is_plain(const struct loom_window_view *v, unsigned int i)
{
	return v->taps[i] == 1 && v->window[i].stride == 1 && v->window[i].spacing == 1 &&
	       !v->window[i].before && v->out[i] == v->dims[i];
}

/* Rows that follow each other become one. */
static void merge(struct loom_window_view *v)
{
	for (unsigned int i = AXES - 1; i && is_plain(v, i) && is_plain(v, i - 1); i--) {
		uint64_t dim = v->out[AXES - 1] * v->out[i - 1];

		if (dim > LOOM_DIM_MAX || (v->out[AXES - 1] != 1 && v->out[i - 1] != 1 &&
		    (uint64_t)v->strides[i - 1] != (uint64_t)v->strides[AXES - 1] * v->out[AXES - 1]))
			return;
		if (v->out[AXES - 1] == 1)
			v->strides[AXES - 1] = v->strides[i - 1];
		v->out[AXES - 1] = dim;
		v->dims[AXES - 1] = (uint32_t)dim;
		v->out[i - 1] = v->dims[i - 1] = 1;
	}
}

void loom_window_view_x(struct loom_window_view *v, const struct loom_work *work,
			uint64_t channels, const uint32_t *taps, uint32_t hole)
{
	const struct loom_operand *y = &work->operands[0], *x = &work->operands[1];
	unsigned int axes = x->rank - 2u;

	memset(v, 0, sizeof(*v));
	v->op = x;
	v->channels = channels;
	v->channel = bytes(x, 1);
	v->hole = hole;
	for (unsigned int i = 0; i < AXES; i++) {
		unsigned int skip = AXES - axes, axis = 2 + i - skip;

		if (i < skip) {
			v->taps[i] = v->out[i] = v->dims[i] = 1;
			v->window[i] = (struct loom_axis){ 1, 1, 1, 0 };
			continue;
		}
		v->taps[i] = taps[i - skip];
		v->strides[i] = bytes(x, axis);
		v->out[i] = y->dims[axis];
		v->dims[i] = x->dims[axis];
		v->window[i] = work->window[i - skip];
	}
	merge(v);
	v->source.get_along = x_along;
	v->source.get_across = x_across;
	if (loom_window_has_pieces(v))
		v->source.get_panel = x_panel;
	/* holes of integers are no zeros */
	if (loom_dtype_is_float(x->dtype))
		v->source.get_lines = x_lines;
	v->source.along = v->channel;
	v->source.step = (int64_t)((uint64_t)v->strides[AXES - 1] * v->window[AXES - 1].stride);
	v->source.across = v->channels == 1 ||
			   distance(v->strides[AXES - 1]) < distance(v->channel) ||
			   (v->out[AXES - 1] > 3 * v->channels && v->channel != x->size);
}
