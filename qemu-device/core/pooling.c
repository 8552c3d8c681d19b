// SPDX-License-Identifier: MIT
/*
 * POOL: a row of windows at a time, tap by tap. A row is of neighbouring places of one channel, or
 * of neighbouring channels at one place, as x lies in memory.
 */
#include "channels.h"
#include "numerics.h"
#include "tiles.h"
#include "walk.h"
#include "window.h"

#define WIDTH		128u	/* windows in a row */
#define PLACES_MIN	16u	/* so few places are worse than any channels */

static uint64_t distance(int64_t stride)
{
	return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

static uint64_t places_of(const struct loom_operand *y)
{
	uint64_t n = 1;

	for (unsigned int i = 2; i < y->rank; i++)
		n *= y->dims[i];
	return n;
}

void loom_pool_plan(struct loom_work *work, loom_tile_fn run)
{
	const struct loom_operand *y = &work->operands[0], *x = &work->operands[1];
	uint64_t n = loom_elements(y), per = LOOM_TILE_ELEMENTS / work->u.pool.all_taps;
	uint64_t places = places_of(y), channels = y->dims[1];

	work->u.pool.by_channel = channels > 1 &&
		(distance(x->strides[1]) < distance(x->strides[x->rank - 1]) ||
		 (places < PLACES_MIN && channels > places));
	per = per > LOOM_TILE_ELEMENTS / 4 ? LOOM_TILE_ELEMENTS / 4 : per;
	per = per > WIDTH ? per : WIDTH;
	work->run = run;
	if (loom_pool_has_channels(work)) {
		loom_pool_channels_plan(work);
		return;
	}
	if (loom_pool_has_panels(work)) {
		loom_pool_panels_plan(work);
		return;
	}
	work->u.pool.per = per;
	work->tiles = n / per + (n % per != 0);
}

/** struct pool - a tile in the making */
struct pool {
	const struct loom_rows *rows;
	const struct loom_work *work;
	const atomic_uint *stop;
	struct loom_window_view view;
	uint64_t image, channel, place;	/* of the row's first window */
	uint64_t width;
};

/* What the row's windows see at a tap; holes hold what changes nothing. */
static const void *see(const struct pool *p, uint64_t tap, void *bounce)
{
	const struct loom_gemm_source *source = &p->view.source;

	if (p->work->u.pool.by_channel)
		return source->get_along(source, p->place, tap * p->view.channels + p->channel,
					 p->width, bounce);
	return source->get_across(source, tap, p->place, p->width, bounce);
}

static const float *see_floats(const struct pool *p, uint64_t tap, void *bounce, float *x)
{
	const void *raw = see(p, tap, bounce);

	if (p->view.op->dtype == LOOM_DTYPE_F32)
		return raw;
	p->rows->widen(p->view.op->dtype, raw, x, p->width);
	return x;
}

static bool stopped(const struct pool *p, uint64_t tap)
{
	return tap % 64 == 0 && atomic_load_explicit(p->stop, memory_order_relaxed);
}

/* Taps along an axis that count at output @o. */
static uint64_t count_axis(const struct loom_work *work, unsigned int i, uint64_t o)
{
	const struct loom_axis *axis = &work->window[i];
	int64_t first = (int64_t)(o * axis->stride) - axis->before, limit;
	uint64_t low = 0, high = 0, d = axis->dilation;

	limit = (int64_t)((uint64_t)work->operands[1].dims[2 + i] + work->u.pool.after[i]);
	if (first < 0 && !work->u.pool.count_holes)
		low = (0 - (uint64_t)first + d - 1) / d;
	if (first < limit)
		high = ((uint64_t)(limit - first) + d - 1) / d;
	high = high < work->u.pool.taps[i] ? high : work->u.pool.taps[i];
	return high > low ? high - low : 0;
}

/* Where a place is along each spatial axis. */
static void place_out(const struct loom_work *work, uint64_t place, uint64_t *out)
{
	const struct loom_operand *y = &work->operands[0];

	for (unsigned int i = y->rank - 2u; i-- > 0; place /= y->dims[2 + i])
		out[i] = place % y->dims[2 + i];
}

/* By how many each sum of the row is divided. */
static void counts(const struct pool *p, float *count)
{
	const struct loom_operand *y = &p->work->operands[0];
	unsigned int axes = y->rank - 2u, last = axes - 1;
	uint64_t out[LOOM_WINDOW_AXES], outer = 1;
	bool fresh = true;

	place_out(p->work, p->place, out);
	for (uint64_t i = 0; i < p->width; i++) {
		for (unsigned int a = 0; fresh && a < last; a++)
			outer = (a ? outer : 1) * count_axis(p->work, a, out[a]);
		count[i] = (float)(outer * count_axis(p->work, last, out[last]));
		fresh = false;
		if (p->work->u.pool.by_channel) {
			for (uint64_t j = 1; j < p->width; j++)
				count[j] = count[0];
			return;
		}
		for (unsigned int a = axes; a-- > 0; out[a] = 0) {
			if (++out[a] < y->dims[2 + a])
				break;
			fresh = true;
		}
	}
}

static bool sum(const struct pool *p, float *result)
{
	static const unsigned int steps[] = {
		[LOOM_POOL_AVERAGE] = LOOM_REDUCE_SUM, [LOOM_POOL_L1] = LOOM_REDUCE_SUMABS,
		[LOOM_POOL_L2] = LOOM_REDUCE_SUMSQ,
	};
	uint64_t taps = p->work->u.pool.all_taps, width = p->width;
	unsigned int op = p->work->u.pool.op;
	float lanes[LOOM_LANES * WIDTH], x[WIDTH], count[WIDTH];
	uint32_t bounce[WIDTH];

	memset(lanes, 0, LOOM_LANES * width * sizeof(*lanes));
	for (uint64_t k = 0; k < taps; k++) {
		if (stopped(p, k))
			return false;
		p->rows->fold(steps[op], lanes + k % LOOM_LANES * width,
			      see_floats(p, k, bounce, x), width);
	}
	/* lanes without a tap are +0, and no other is -0: they change nothing */
	for (unsigned int h = LOOM_LANES / 2; h; h /= 2)
		if (h < taps)
			p->rows->fold(LOOM_REDUCE_SUM, lanes, lanes + h * width, h * width);
	if (op == LOOM_POOL_AVERAGE) {
		counts(p, count);
		p->rows->binary(LOOM_ELTWISE_DIV, lanes, count, result, width);
	} else if (op == LOOM_POOL_L2) {
		p->rows->unary(LOOM_UNARY_SQRT, lanes, result, width);
	} else {
		memcpy(result, lanes, width * sizeof(*result));
	}
	return true;
}

/* Number of the element that window @i of the row sees at a tap; -1: a hole. */
static int64_t number(const struct pool *p, uint64_t i, uint64_t tap)
{
	const struct loom_work *work = p->work;
	const struct loom_operand *x = &work->operands[1];
	uint64_t out[LOOM_WINDOW_AXES], at[LOOM_RANK_MAX] = { p->image, p->channel }, n = 0;
	bool by_channel = work->u.pool.by_channel;

	at[1] += by_channel ? i : 0;
	place_out(work, p->place + (by_channel ? 0 : i), out);
	for (unsigned int a = x->rank - 2u; a-- > 0; tap /= work->u.pool.taps[a])
		if (!loom_axis_at(&work->window[a], x->dims[2 + a], out[a],
				  tap % work->u.pool.taps[a], &at[2 + a]))
			return -1;
	for (unsigned int a = 0; a < x->rank; a++)
		n = n * x->dims[a] + at[a];
	return (int64_t)n;
}

static bool is_it(unsigned int dtype, const void *max, const void *seen, uint64_t i)
{
	if (loom_dtype_is_float(dtype)) {
		float a = ((const float *)max)[i], b = ((const float *)seen)[i];

		return loom_f32_bits(a) == loom_f32_bits(b) || (a != a && b != b);
	}
	if (dtype == LOOM_DTYPE_I32)
		return ((const uint32_t *)max)[i] == ((const uint32_t *)seen)[i];
	return ((const uint8_t *)max)[i] == ((const uint8_t *)seen)[i];
}

/* The first element that is the largest, known to be @max. */
static bool find(const struct pool *p, const void *max, int64_t *index)
{
	unsigned int dtype = p->view.op->dtype;
	uint64_t left = p->width;
	uint32_t bounce[WIDTH];
	float x[WIDTH];

	for (uint64_t i = 0; i < p->width; i++)
		index[i] = -1;
	for (uint64_t k = 0; left && k < p->work->u.pool.all_taps; k++) {
		const void *seen;

		if (stopped(p, k))
			return false;
		seen = loom_dtype_is_float(dtype) ? (const void *)see_floats(p, k, bounce, x) :
						    see(p, k, bounce);
		for (uint64_t i = 0; i < p->width; i++) {
			if (index[i] >= 0 || !is_it(dtype, max, seen, i))
				continue;
			index[i] = number(p, i, k);
			left -= index[i] >= 0;
		}
	}
	return true;
}

static bool largest(const struct pool *p, void *max)
{
	unsigned int dtype = p->view.op->dtype;
	uint32_t bounce[WIDTH];
	float x[WIDTH];

	for (uint64_t i = 0; i < p->width; i++) {
		if (loom_dtype_is_float(dtype))
			((float *)max)[i] = -INFINITY;
		else
			memcpy((uint8_t *)max + i * p->view.op->size, &p->view.hole,
			       p->view.op->size);
	}
	for (uint64_t k = 0; k < p->work->u.pool.all_taps; k++) {
		if (stopped(p, k))
			return false;
		if (loom_dtype_is_float(dtype))
			p->rows->fold(LOOM_REDUCE_MAX, max, see_floats(p, k, bounce, x), p->width);
		else
			p->rows->integer(dtype, LOOM_ELTWISE_MAX, LOOM_ACT_NONE, max,
					 see(p, k, bounce), max, p->width);
	}
	return true;
}

/* Bits that are not larger than any element, or that add nothing. */
static uint32_t hole_of(unsigned int op, unsigned int dtype)
{
	if (op != LOOM_POOL_MAX)
		return 0;
	switch (dtype) {
	case LOOM_DTYPE_F16:
		return 0xfc00;
	case LOOM_DTYPE_BF16:
		return 0xff80;
	case LOOM_DTYPE_I8:
		return 0x80;
	case LOOM_DTYPE_U8:
		return 0;
	case LOOM_DTYPE_I32:
		return 0x80000000;
	default:
		return 0xff800000;
	}
}

/* Axes in the order of the rows: with the channels last, if these make them. */
static struct loom_operand turned(const struct loom_operand *op, bool by_channel)
{
	return by_channel ? loom_channels_last(op, 0, op->dims[1]) : *op;
}

/* Which windows come at result @n of those left, and how many of them are a row. */
static void row_at(struct pool *p, uint64_t n, uint64_t left)
{
	const struct loom_operand *y = &p->work->operands[0], *x = &p->work->operands[1];
	uint64_t places = places_of(y), channels = y->dims[1], row;

	p->image = n / places / channels;
	if (p->work->u.pool.by_channel) {
		p->channel = n % channels;
		p->place = n / channels % places;
		row = channels - p->channel;
	} else {
		p->channel = n / places % channels;
		p->place = n % places;
		row = places - p->place;
	}
	p->width = left < WIDTH ? left : WIDTH;
	p->width = p->width < row ? p->width : row;
	p->view.off = x->origin + p->image * (uint64_t)x->strides[0] * x->size;
	if (!p->work->u.pool.by_channel)
		p->view.off += p->channel * (uint64_t)x->strides[1] * x->size;
}

bool loom_pool_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		    struct loom_arena *arena, const atomic_uint *stop)
{
	static const atomic_uint never;
	const struct loom_operand *x = &work->operands[1];
	struct loom_operand y = turned(&work->operands[0], work->u.pool.by_channel);
	struct loom_operand indices = turned(&work->operands[2], work->u.pool.by_channel);
	struct pool p = { .rows = rows, .work = work, .stop = stop };
	uint64_t first = tile * work->u.pool.per, left = loom_elements(&y) - first, now;
	unsigned int mode = loom_float_enter(), op = work->u.pool.op;
	struct loom_walk out, numbers;
	uint32_t result[WIDTH], to[WIDTH];
	int64_t index[WIDTH];
	bool done = false;

	if (loom_pool_has_channels(work) || loom_pool_has_panels(work)) {
		done = loom_pool_has_channels(work) ?
		       loom_pool_channels_tile(rows, work, tile, arena, stop) :
		       loom_pool_panels_tile(rows, work, tile, arena, stop);
		goto leave;
	}
	if (atomic_load_explicit(stop, memory_order_relaxed))
		goto leave;
	/* a window of one tap may be replaced by its result */
	if (work->u.pool.all_taps == 1)
		p.stop = &never;
	loom_window_view_x(&p.view, work, work->u.pool.by_channel ? y.dims[y.rank - 1] : 1,
			   work->u.pool.taps, hole_of(op, x->dtype));
	loom_walk_init(&out, &y, &y, first);
	if (indices.dtype)
		loom_walk_init(&numbers, &indices, &indices, first);
	if (left > work->u.pool.per)
		left = work->u.pool.per;
	for (; left; left -= now, first += now) {
		row_at(&p, first, left);
		now = p.width;
		if (!(op == LOOM_POOL_MAX ? largest(&p, result) : sum(&p, (float *)result)))
			goto leave;
		if (indices.dtype) {
			if (!find(&p, result, index))
				goto leave;
			loom_walk_put(&numbers, now, index);
		}
		if (loom_dtype_is_float(x->dtype))
			rows->narrow(y.dtype, (float *)result, to, now, 0);
		loom_walk_put(&out, now, loom_dtype_is_float(x->dtype) ? to : result);
	}
	done = true;
leave:
	loom_float_leave(mode);
	return done;
}
