// SPDX-License-Identifier: MIT
#include "sweep.h"
#include "walk.h"

#define LAST		(LOOM_WINDOW_AXES - 1)
#define STRIDE_MAX	16u
#define REACH_MAX	1024u	/* elements from the first tap of a line to the last */
#define SPAN		1024u	/* elements of a line that a part sees besides, about */
#define LINES_MAX	512u	/* of a part */
#define TABLE_MAX	4096u	/* taps of all vectors of a line */
#define ROOM		(LOOM_ARENA_MAX - (128u << 10))	/* for lines: besides them are tables and weights */
#define HOLE		INT64_MIN

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

static size_t align(size_t x)
{
	return (x + 63) / 64 * 64;
}

/* Lines of x that a row sees, and elements of each at a place. */
static uint64_t lines_of(const struct loom_window_view *v)
{
	return v->taps[0] * v->taps[1];
}

static uint64_t reach(const struct loom_window_view *v)
{
	return (v->taps[LAST] - 1) * v->window[LAST].dilation;
}

bool loom_sweep_can(const struct loom_window_view *v)
{
	if (v->op->dtype != LOOM_DTYPE_F32 || v->window[LAST].stride > STRIDE_MAX)
		return false;
	for (unsigned int i = 0; i < LOOM_WINDOW_AXES; i++)
		if (v->window[i].spacing != 1 || !v->taps[i] || !v->out[i])
			return false;
	/* those of one row, at their longest, have room */
	return v->taps[LAST] <= REACH_MAX && reach(v) <= REACH_MAX && lines_of(v) <= LINES_MAX / 2;
}

/* What of a line a row of @width places may see. */
static uint64_t span(const struct loom_window_view *v, uint64_t width)
{
	return (width - 1) * v->window[LAST].stride + reach(v) + 1;
}

static uint64_t vectors(uint64_t width)
{
	return div_up(width, LOOM_SWEEP_LANES);
}

void loom_sweep_plan(const struct loom_window_view *v, struct loom_sweep_plan *plan)
{
	uint64_t rows = v->out[0] * v->out[1], lines = lines_of(v), most, fit;

	most = SPAN / v->window[LAST].stride;
	if (vectors(most) * v->taps[LAST] > TABLE_MAX)
		most = TABLE_MAX / v->taps[LAST] * LOOM_SWEEP_LANES;
	plan->segments = div_up(v->out[LAST], most);
	plan->width = v->out[LAST];
	/* whole vectors, but for the last one of a row */
	if (plan->segments > 1)
		plan->width = vectors(div_up(plan->width, plan->segments)) * LOOM_SWEEP_LANES;
	most = LOOM_SWEEP_PLACES / plan->width;
	if (most * lines > LINES_MAX)
		most = LINES_MAX / lines;
	/* one besides: what holes look like */
	fit = (ROOM / align(span(v, plan->width) * 4) - 1) / lines;
	most = most < fit ? most : fit;
	plan->rows = div_up(rows, div_up(rows, most));
	plan->blocks = div_up(rows, plan->rows);
	plan->segments = div_up(v->out[LAST], plan->width);
	plan->seen = plan->rows * lines * span(v, plan->width);
	plan->arena = align(vectors(plan->width) * v->taps[LAST] * sizeof(struct loom_sweep_tap)) +
		      align(plan->rows * lines * sizeof(int64_t)) +
		      align(plan->rows * lines * sizeof(uint8_t *)) +
		      align(span(v, plan->width) * 4) * (1 + plan->rows * lines);
}

/* The element along an axis, without regard to its end. */
static int64_t element(const struct loom_axis *axis, uint64_t out, uint64_t tap)
{
	return (int64_t)(out * axis->stride) + (int64_t)(tap * axis->dilation) - axis->before;
}

/* What the lanes of a vector see, the first of which is place @out, at a tap. */
static void see(const struct loom_window_view *v, uint64_t out, uint64_t lanes, uint64_t tap,
		struct loom_sweep_tap *t)
{
	const struct loom_axis *axis = &v->window[LAST];
	int64_t first = element(axis, out, tap), dim = v->dims[LAST], stride = axis->stride;
	int64_t low = first < 0 ? (-first + stride - 1) / stride : 0;
	int64_t high = first < dim ? (dim - first + stride - 1) / stride : 0;
	uint32_t wide = 0;

	high = high < (int64_t)lanes ? high : (int64_t)lanes;
	low = low < high ? low : high < 0 ? 0 : high;
	high = high > low ? high : low;
	for (int64_t i = low; i < high; i++)
		wide |= 1u << 2 * i;
	*t = (struct loom_sweep_tap){
		.off = first * 4, .wide = wide, .low = (uint8_t)low, .high = (uint8_t)high,
		.mask = (uint16_t)((1u << high) - (1u << low)),
	};
}

static void set_lines(const struct loom_sweep_part *part, uint64_t row)
{
	const struct loom_window_view *v = part->view;
	int64_t *to = part->offs;

	for (uint64_t end = row + part->n; row < end; row++)
		for (uint64_t i = 0; i < v->taps[0]; i++)
			for (uint64_t k = 0; k < v->taps[1]; k++) {
				int64_t y = element(&v->window[0], row / v->out[1], i);
				int64_t x = element(&v->window[1], row % v->out[1], k);

				*to++ = y < 0 || y >= v->dims[0] || x < 0 || x >= v->dims[1] ? HOLE :
					y * v->strides[0] + x * v->strides[1];
			}
}

void loom_sweep_part(const struct loom_window_view *v, const struct loom_sweep_plan *plan,
		     uint64_t index, uint8_t *mem, struct loom_sweep_part *part)
{
	uint64_t row = index / plan->segments * plan->rows, rows = v->out[0] * v->out[1];
	uint64_t out = index % plan->segments * plan->width, lines = lines_of(v), width, n;
	struct loom_sweep_tap *taps = (struct loom_sweep_tap *)mem;
	float hole;

	part->view = v;
	part->n = rows - row < plan->rows ? rows - row : plan->rows;
	width = v->out[LAST] - out < plan->width ? v->out[LAST] - out : plan->width;
	part->first = row * v->out[LAST] + out;
	part->follow = plan->segments == 1;
	part->sweep = (struct loom_sweep){
		.taps = taps, .lines = lines, .along = v->taps[LAST], .width = width,
		.step = 4 * v->window[LAST].stride,
	};
	memcpy(&hole, &v->hole, 4);
	part->sweep.hole = hole;
	part->low = element(&v->window[LAST], out, 0);
	part->high = element(&v->window[LAST], out + width - 1, v->taps[LAST] - 1) + 1;
	part->low = part->low < 0 ? 0 : part->low;
	part->high = part->high < v->dims[LAST] ? part->high : v->dims[LAST];
	for (uint64_t at = 0; at < width; at += LOOM_SWEEP_LANES)
		for (uint64_t t = 0; t < v->taps[LAST]; t++)
			see(v, out + at, width - at < LOOM_SWEEP_LANES ? width - at :
			    LOOM_SWEEP_LANES, t, taps++);
	n = plan->rows * lines;
	mem += align(vectors(plan->width) * v->taps[LAST] * sizeof(*taps));
	part->offs = (int64_t *)mem;
	mem += align(n * sizeof(int64_t));
	part->lines = (const uint8_t **)(void *)mem;
	mem += align(n * sizeof(uint8_t *));
	part->holes = (float *)(void *)mem;
	for (uint64_t i = 0; i < span(v, plan->width); i++)
		part->holes[i] = hole;
	part->bounce = part->holes + align(span(v, plan->width) * 4) / 4;
	set_lines(part, row);
}

/* A line's element 0, wherever that would be. */
static const uint8_t *origin(const void *seen, int64_t low)
{
	return (const uint8_t *)((uintptr_t)seen - (uint64_t)low * 4);
}

static bool stopped(const atomic_uint *stop)
{
	return atomic_load_explicit(stop, memory_order_relaxed);
}

bool loom_sweep_place(struct loom_sweep_part *part, const atomic_uint *stop)
{
	const struct loom_window_view *v = part->view;
	uint64_t n = part->n * part->sweep.lines, seen = (uint64_t)(part->high - part->low);
	size_t each = align(span(v, part->sweep.width) * 4) / 4;
	bool direct;

	if (stopped(stop))
		return false;
	/* nothing but holes: no line is looked at, but of each a hole's place */
	if (part->low >= part->high) {
		for (uint64_t i = 0; i < n; i++)
			part->lines[i] = origin(part->holes, part->low);
		return true;
	}
	direct = v->op->view.nruns == 1 && (v->strides[LAST] == 4 || v->dims[LAST] == 1);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t off = v->off + (uint64_t)part->offs[i];

		/* a line may be a thousand elements here and there */
		if (stopped(stop))
			return false;
		if (part->offs[i] == HOLE)
			part->lines[i] = origin(part->holes, part->low);
		else if (direct)
			part->lines[i] = v->op->view.runs[0].ptr + off;
		else
			part->lines[i] = origin(loom_row_get(v->op, off + (uint64_t)part->low *
							     (uint64_t)v->strides[LAST],
							     v->strides[LAST], seen,
							     part->bounce + i * each), part->low);
	}
	return true;
}
