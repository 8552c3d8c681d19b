// SPDX-License-Identifier: MIT
/*
 * Elements between elements: axes that get another length, and samples at places that are data.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "numerics.h"

#define SAMPLES_MAX	4096	/* of a part of a region, along an axis */

/* Along one axis, as the card does it: sums of floats with FMA from +0 on. */
static void resize(const struct ir_node *n, const char *in, const int32_t *places,
		   const void *weights, char *out)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];
	enum accel_dtype t = x->dtype;
	int64_t inner = 1, length = y->dims[n->axis], from = x->dims[n->axis], taps;
	size_t size = accel_dtype_size(t);
	char beyond[8] = { 0 };

	taps = n->in[1]->dims[1];
	for (uint32_t i = (uint32_t)n->axis + 1; i < x->rank; i++)
		inner *= x->dims[i];
	eval_store(t, beyond, (double)n->value);
	for (int64_t i = 0; i < y->count; i++, out += size) {
		int64_t o = i / inner % length, outer = i / inner / length, k = i % inner;
		const char *row = in + (size_t)(outer * from * inner + k) * size;
		double d = 0;
		float f = 0;

		for (int64_t s = 0; s < taps; s++) {
			int64_t place = places[o * taps + s];
			const char *p = place < 0 ? beyond : row + (size_t)(place * inner) * size;

			if (!weights)
				memcpy(out, p, size);
			else if (t == ACCEL_F64)
				d += eval_load(t, p) * ((const double *)weights)[o * taps + s];
			else
				f = fmaf((float)eval_load(t, p), ((const float *)weights)[o * taps + s], f);
		}
		if (weights)
			eval_store(t, out, t == ACCEL_F64 ? d : (double)f);
	}
}

/* --- Samples ----------------------------------------------------------------------------- */

struct plane {
	enum accel_dtype dtype;
	const char *data;
	int64_t depth, height, width;
	enum ir_beyond beyond;
	bool corners;
	bool solid;		/* between elements along the depth, too */
};

/* A place beyond the edges, mirrored at them. */
static double mirror(double x, double low, double high)
{
	double range = high - low, over;

	if (range <= 0)
		return low;
	if (x < low) {
		over = fmod(low - x, 2 * range);
		return over <= range ? low + over : high - (over - range);
	}
	if (x > high) {
		over = fmod(x - high, 2 * range);
		return over <= range ? high - over : low + (over - range);
	}
	return x;
}

static double edge(bool corners, int64_t length, bool high)
{
	return high ? (double)length - (corners ? 1 : 0.5) : corners ? 0 : -0.5;
}

static double clamp(double x, int64_t length)
{
	return fmin(fmax(x, 0), (double)(length - 1));
}

/* What is beyond is where @beyond says; @x is a whole number. */
static double place(const struct plane *p, double x, int64_t length)
{
	if (x >= 0 && x < (double)length)
		return x;
	if (p->beyond == IR_BEYOND_EDGE)
		return clamp(x, length);
	if (p->beyond == IR_BEYOND_REFLECT)
		return clamp(trunc(mirror(x, edge(p->corners, length, false),
					  edge(p->corners, length, true))), length);
	return -1;
}

static double pixel(const struct plane *p, double z, double y, double x)
{
	z = place(p, z, p->depth);
	y = place(p, y, p->height);
	x = place(p, x, p->width);
	if (!(z >= 0) || !(y >= 0) || !(x >= 0))
		return 0;
	return eval_load(p->dtype, p->data + (((size_t)z * (size_t)p->height + (size_t)y) *
					      (size_t)p->width + (size_t)x) * accel_dtype_size(p->dtype));
}

static void cubic(double r, double *w)
{
	const double a = -0.75;

	w[0] = ((a * (r + 1) - 5 * a) * (r + 1) + 8 * a) * (r + 1) - 4 * a;
	w[1] = ((a + 2) * r - (a + 3)) * r * r + 1;
	w[2] = ((a + 2) * (1 - r) - (a + 3)) * (1 - r) * (1 - r) + 1;
	w[3] = ((a * (2 - r) - 5 * a) * (2 - r) + 8 * a) * (2 - r) - 4 * a;
}

/* The first element that counts for a place, and by how much those from it on do. */
static double weigh(enum ir_sample how, double at, double *w)
{
	double first = floor(at);

	w[0] = 1;
	if (how == IR_SAMPLE_CUBIC) {
		cubic(at - first, w);
		return first - 1;
	}
	if (how == IR_SAMPLE_LINEAR) {
		w[1] = at - first;
		w[0] = 1 - w[1];
	}
	return first;
}

static double sample(const struct plane *p, enum ir_sample how, double z, double y, double x)
{
	double w[3][4], first[3], sum = 0;
	int taps = how == IR_SAMPLE_CUBIC ? 4 : how == IR_SAMPLE_LINEAR ? 2 : 1;

	/* NaN is nowhere. */
	if (!(fabs(z) < 0x1p50) || !(fabs(y) < 0x1p50) || !(fabs(x) < 0x1p50))
		return 0;
	first[0] = weigh(p->solid ? how : IR_SAMPLE_NEAREST, z, w[0]);
	first[1] = weigh(how, y, w[1]);
	first[2] = weigh(how, x, w[2]);
	for (int h = 0; h < (p->solid ? taps : 1); h++)
		for (int i = 0; i < taps; i++)
			for (int k = 0; k < taps; k++)
				sum += w[0][h] * w[1][i] * w[2][k] *
				       pixel(p, first[0] + h, first[1] + i, first[2] + k);
	return sum;
}

/* From -1 ... 1 to elements. */
static double from_grid(double x, int64_t length, const struct plane *p, enum ir_sample how)
{
	x = p->corners ? (x + 1) / 2 * (double)(length - 1) : ((x + 1) * (double)length - 1) / 2;
	if (how == IR_SAMPLE_NEAREST)
		x = rint(x);
	if (p->beyond == IR_BEYOND_EDGE) {
		/* Within half an element of the image, its neighbours are what is clamped. */
		if (x < edge(p->corners, length, false) || x > edge(p->corners, length, true))
			x = clamp(x, length);
	} else if (p->beyond == IR_BEYOND_REFLECT) {
		x = mirror(x, edge(p->corners, length, false), edge(p->corners, length, true));
	}
	return how == IR_SAMPLE_NEAREST ? rint(x) : x;
}

static void grid_sample(const struct ir_node *n, const char *in, const char *grid, char *out)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];
	enum accel_dtype tg = n->in[1]->dtype;
	bool solid = x->rank == 5;
	int axes = solid ? 3 : 2;
	struct plane p = { .dtype = x->dtype, .depth = solid ? x->dims[2] : 1, .height = x->dims[axes],
			   .width = x->dims[axes + 1], .beyond = (enum ir_beyond)n->axis,
			   .corners = n->flag, .solid = solid };
	int64_t places = y->dims[2] * y->dims[3] * (solid ? y->dims[4] : 1), channels = x->dims[1];
	size_t size = accel_dtype_size(x->dtype), step = accel_dtype_size(tg);

	if (!p.depth || !p.height || !p.width) {
		memset(out, 0, y->size);
		return;
	}
	for (int64_t i = 0; i < y->count; i++) {
		int64_t image = i / places, at = image / channels * places + i % places;
		const char *g = grid + (size_t)(axes * at) * step;
		double gz = solid ? from_grid(eval_load(tg, g + 2 * step), p.depth, &p, n->fn) : 0;

		p.data = in + (size_t)(image * p.depth * p.height * p.width) * size;
		eval_store(y->dtype, out + (size_t)i * size,
			   sample(&p, (enum ir_sample)n->fn, gz,
				  from_grid(eval_load(tg, g + step), p.height, &p, n->fn),
				  from_grid(eval_load(tg, g), p.width, &p, n->fn)));
	}
}

/* The mean of samples in a part of a region; those beyond the edge by more than one element are 0. */
static double inside(const struct plane *p, double y, double x)
{
	if (!(y >= -1 && y <= (double)p->height && x >= -1 && x <= (double)p->width))
		return 0;
	return sample(p, IR_SAMPLE_LINEAR, 0, clamp(y, p->height), clamp(x, p->width));
}

/* Of the four elements around a sample that which counts the most. */
static double largest(const struct plane *p, double y, double x)
{
	double y0, x0, wy[2], wx[2], m = -INFINITY;

	if (!(y >= -1 && y <= (double)p->height && x >= -1 && x <= (double)p->width))
		return 0;
	y = clamp(y, p->height);
	x = clamp(x, p->width);
	y0 = floor(y);
	x0 = floor(x);
	wy[1] = y - y0;
	wy[0] = 1 - wy[1];
	wx[1] = x - x0;
	wx[0] = 1 - wx[1];
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 2; k++)
			m = fmax(m, wy[i] * wx[k] * pixel(p, 0, y0 + i, x0 + k));
	return m;
}

static int roi_align(const struct ir_node *n, const char *in, const char *rois, const char *batches,
		     char *out)
{
	const struct ir_value *x = n->in[0], *y = n->out[0], *kb = n->in[2];
	enum accel_dtype tr = n->in[1]->dtype;
	size_t size = accel_dtype_size(x->dtype), step = accel_dtype_size(tr);
	struct plane p = { .dtype = x->dtype, .depth = 1, .height = x->dims[2], .width = x->dims[3],
			   .beyond = IR_BEYOND_EDGE, .corners = true };
	double scale = (double)n->value, shift = n->flag ? 0.5 : 0;
	int64_t height = n->ints[0], width = n->ints[1];

	for (int64_t i = 0; i < y->count; i++) {
		int64_t r = i / (height * width) / x->dims[1], channel = i / (height * width) % x->dims[1];
		int64_t py = i / width % height, px = i % width, batch, samples[2];
		double box[4], part[2], sum = 0;

		batch = (int64_t)eval_load_int(kb->dtype, batches + (size_t)r *
					       accel_dtype_size(kb->dtype));
		if (batch < 0 || batch >= x->dims[0])
			return err(-EINVAL, NULL, "index %lld is out of a batch of %lld",
				   (long long)batch, (long long)x->dims[0]);
		for (int k = 0; k < 4; k++)
			box[k] = eval_load(tr, rois + (size_t)(4 * r + k) * step) * scale - shift;
		for (int k = 0; k < 2; k++) {
			double length = box[3 - k] - box[1 - k];

			if (!n->flag)
				length = fmax(length, 1);
			part[k] = length / (double)n->ints[k];
			samples[k] = n->ints[2];
			if (!samples[k] && !(part[k] <= SAMPLES_MAX))
				return err(-EINVAL, NULL, "region %lld is too large", (long long)r);
			if (!samples[k])
				samples[k] = part[k] > 0 ? (int64_t)ceil(part[k]) : 0;
		}
		p.data = in + (size_t)((batch * x->dims[1] + channel) * p.height * p.width) * size;
		for (int64_t sy = 0; sy < samples[0]; sy++)
			for (int64_t sx = 0; sx < samples[1]; sx++) {
				double at_y = box[1] + ((double)py + ((double)sy + 0.5) /
							(double)samples[0]) * part[0];
				double at_x = box[0] + ((double)px + ((double)sx + 0.5) /
							(double)samples[1]) * part[1];

				if (!n->fn)
					sum += inside(&p, at_y, at_x);
				else if (!sy && !sx)
					sum = largest(&p, at_y, at_x);
				else
					sum = fmax(sum, largest(&p, at_y, at_x));
			}
		if (!n->fn)
			sum /= (double)(samples[0] * samples[1] > 1 ? samples[0] * samples[1] : 1);
		eval_store(y->dtype, out + (size_t)i * size, sum);
	}
	return 0;
}

int eval_resize(const struct ir_node *n, const void *const *in, void *const *out)
{
	switch (n->op) {
	case IR_RESIZE:
		resize(n, in[0], in[1], n->nin > 2 ? in[2] : NULL, out[0]);
		return 0;
	case IR_GRID_SAMPLE:
		grid_sample(n, in[0], in[1], out[0]);
		return 0;
	default:
		return roi_align(n, in[0], in[1], in[2], out[0]);
	}
}
