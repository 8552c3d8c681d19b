// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX that look between elements: Resize, samples of images and of regions.
 *
 * However an axis is resized, each element of the result is a sum of some elements times weights that
 * depend on the lengths alone. So places and weights are worked out here, in double, and there
 * is one operator for all of it, along one axis.
 */
#include <math.h>
#include <string.h>

#include "build.h"
#include "eval.h"
#include "onnx.h"

#define TAPS_MAX	256
#define LENGTH_MAX	(1 << 20)

enum mode { NEAREST, LINEAR, CUBIC };
enum coordinates { HALF_PIXEL, HALF_PIXEL_SYMMETRIC, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC,
		   TF_HALF_PIXEL, CROP };
enum rounding { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL };

static const char *const modes[] = { "nearest", "linear", "cubic", NULL };
static const char *const coordinates[] = {
	"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
	"tf_half_pixel_for_nn", "tf_crop_and_resize", NULL
};
static const char *const roundings[] = {
	"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL
};
static const char *const policies[] = { "stretch", "not_larger", "not_smaller", NULL };

/* Which of @names a string attribute has; c->why if none. */
static int one_of(struct onnx_cx *c, const char *name, const char *const *names, int fallback)
{
	for (int i = 0; names[i]; i++)
		if (onnx_attr_is(c, name, names[fallback], names[i]))
			return i;
	onnx_cannot(c, "this value of '%s' is not supported", name);
	return fallback;
}

/** struct how - how an axis is resized */
struct how {
	enum mode mode;
	enum coordinates coordinates;
	enum rounding rounding;
	bool antialias, exclude;
	double a;		/* of cubic */
	double extrapolation;
	/* of the axis: */
	int64_t from, to;
	double scale, roi[2];
};

/* Where element @x of the result is; false: beyond what is cropped. */
static bool origin(const struct how *h, double x, double *at)
{
	double from = (double)h->from, to = h->scale * from;

	switch (h->coordinates) {
	case ALIGN_CORNERS:
		*at = to == 1 ? 0 : x * (from - 1) / (to - 1);
		return true;
	case ASYMMETRIC:
		*at = x / h->scale;
		return true;
	case TF_HALF_PIXEL:
		*at = (x + 0.5) / h->scale;
		return true;
	case CROP:
		*at = (h->roi[1] - h->roi[0]) * (from - 1);
		*at = (h->to == 1 ? *at / 2 : x * *at / (double)(h->to - 1)) + h->roi[0] * (from - 1);
		return *at >= 0 && *at <= from - 1;
	case PYTORCH_HALF_PIXEL:
		*at = h->to == 1 ? 0 : (x + 0.5) / h->scale - 0.5;
		return true;
	case HALF_PIXEL_SYMMETRIC:
		*at = from / 2 * (1 - (double)h->to / to) + (x + 0.5) / h->scale - 0.5;
		return true;
	default:
		*at = (x + 0.5) / h->scale - 0.5;
		return true;
	}
}

static double nearest(const struct how *h, double at)
{
	double low = floor(at), r = at - low;

	switch (h->rounding) {
	case PREFER_FLOOR:
		return low + (r > 0.5);
	case PREFER_CEIL:
		return low + (r >= 0.5);
	case FLOOR:
		return low;
	default:
		return ceil(at);
	}
}

static double kernel(const struct how *h, double x)
{
	double a = h->a;

	x = fabs(x);
	if (h->mode == LINEAR)
		return x < 1 ? 1 - x : 0;
	if (x <= 1)
		return ((a + 2) * x - (a + 3)) * x * x + 1;
	return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static double stretch(const struct how *h)
{
	return h->antialias && h->scale < 1 ? h->scale : 1;
}

/* Elements from @first on, relative to the one before the place. */
static int64_t taps(const struct how *h, int64_t *first)
{
	double reach = (h->mode == CUBIC ? 2 : 1) / stretch(h);

	/* More than there may be is as good as any. */
	*first = 1 - (reach < TAPS_MAX ? (int64_t)ceil(reach) : TAPS_MAX);
	return h->mode == NEAREST ? 1 : 2 - 2 * *first;
}

/* One row of the tables. */
static void row(const struct how *h, int64_t o, int64_t first, int64_t n, int32_t *places, double *weights)
{
	double at, sum = 0, low;

	if (!origin(h, (double)o, &at)) {
		for (int64_t t = 0; t < n; t++) {
			places[t] = -1;
			weights[t] = t == 0;
		}
		return;
	}
	low = h->mode == NEAREST ? nearest(h, at) : floor(at);
	for (int64_t t = 0; t < n; t++) {
		double p = h->mode == NEAREST ? low : low + (double)(first + t);
		bool there = p >= 0 && p < (double)h->from;

		weights[t] = h->mode == NEAREST ? 1 : kernel(h, (p - at) * stretch(h));
		if (h->exclude && !there)
			weights[t] = 0;
		sum += weights[t];
		p = p < 0 ? 0 : there ? p : (double)(h->from - 1);
		places[t] = (int32_t)p;
	}
	for (int64_t t = 0; t < n && (h->exclude || h->antialias) && sum != 0; t++)
		weights[t] /= sum;
}

static struct ir_value *along(struct onnx_cx *c, struct ir_value *x, uint32_t axis, const struct how *h)
{
	struct ir_graph *g = c->g;
	enum accel_dtype t = x->dtype == ACCEL_F64 ? ACCEL_F64 : ACCEL_F32;
	int64_t first, n = taps(h, &first), dims[IR_RANK_MAX], table[2] = { h->to, n };
	struct ir_value *in[3], *y;
	struct ir_node *node;
	int32_t *places;
	bool same = h->from == h->to;
	char *weights;
	double w[TAPS_MAX];

	if (n > TAPS_MAX || h->to > LENGTH_MAX || !ir_afford(g, 8 * (uint64_t)(h->to * n))) {
		onnx_cannot(c, "%lld elements that each depend on %lld are not supported",
			    (long long)h->to, (long long)n);
		return NULL;
	}
	places = ir_make(g, (uint64_t)(h->to * n) * sizeof(*places));
	weights = ir_make(g, (uint64_t)(h->to * n) * accel_dtype_size(t));
	if (!places || !weights)
		return NULL;
	for (int64_t o = 0; o < h->to; o++) {
		row(h, o, first, n, places + o * n, w);
		for (int64_t k = 0; k < n; k++) {
			eval_store(t, weights + (size_t)(o * n + k) * accel_dtype_size(t), w[k]);
			same &= w[k] == 0 || (w[k] == 1 && places[o * n + k] == o);
		}
	}
	if (same)
		return x;
	memcpy(dims, x->dims, sizeof(dims));
	dims[axis] = h->to;
	y = ir_value(g, x->dtype, x->rank, dims);
	in[0] = x;
	in[1] = ir_constant(g, ACCEL_I32, 2, table, places);
	in[2] = ir_constant(g, t, 2, table, weights);
	node = y && in[2] ? ir_node(g, IR_RESIZE, 0, in, h->mode == NEAREST ? 2 : 3, y) : NULL;
	if (!node)
		return NULL;
	node->axis = axis;
	node->value = (float)h->extrapolation;
	return y;
}

/* Floats of an operand: how many, -1 if it is absent or empty or, with c->why, not known. */
static int floats(struct onnx_cx *c, uint32_t i, const char *name, double *list, int max)
{
	struct ir_value *v = onnx_in(c, i);
	const char *data;

	if (!v || !v->count)
		return -1;
	data = ir_known(c->g, v);
	if (!data) {
		onnx_cannot(c, "'%s' that is computed from inputs is not supported", name);
		return -1;
	}
	if (v->count > max || v->rank != 1 || !ir_is_real(v->dtype)) {
		ir_fail(c->g, "'%s' is not a vector of up to %d floats", name, max);
		return -1;
	}
	for (int64_t k = 0; k < v->count; k++)
		list[k] = eval_load(v->dtype, data + (size_t)k * accel_dtype_size(v->dtype));
	return (int)v->count;
}

/* Sizes may be made to keep the ratio of the axes. */
static void keep_ratio(struct onnx_cx *c, int policy, const int64_t *axes, int n, int64_t *sizes,
		       double *scales)
{
	double scale = 0;

	for (int i = 0; i < n; i++) {
		int64_t dim = c->in[0]->dims[axes[i]];

		scales[i] = dim ? (double)sizes[i] / (double)dim : 1;
	}
	if (!policy)
		return;
	for (int i = 0; i < n; i++)
		if (!i || (policy == 1 ? scales[i] < scale : scales[i] > scale))
			scale = scales[i];
	for (int i = 0; i < n; i++) {
		sizes[i] = (int64_t)floor(scale * (double)c->in[0]->dims[axes[i]] + 0.5);
		scales[i] = scale;
	}
}

static void resize_all(struct onnx_cx *c, struct how *h, const int64_t *axes, int n,
		       const int64_t *sizes, const double *scales, const double *roi)
{
	struct ir_value *x = c->in[0];

	if (h->mode != NEAREST && !ir_is_real(x->dtype))
		onnx_cannot(c, "of %s it is only supported to take the nearest",
			    accel_dtype_name(x->dtype));
	for (int i = 0; i < n && x && !c->why; i++) {
		h->from = x->dims[axes[i]];
		h->to = sizes[i];
		h->scale = scales[i];
		h->roi[0] = roi[i];
		h->roi[1] = roi[n + i];
		if (!h->from && h->to) {
			ir_fail(c->g, "axis %lld has no elements", (long long)axes[i]);
			return;
		}
		if (h->from)
			x = along(c, x, (uint32_t)axes[i], h);
	}
	c->out[0] = x;
}

/* As ONNX infers it: in f32, where 5 times 1.4 is 7. */
static int64_t scaled(double scale, int64_t length)
{
	return (int64_t)floorf((float)scale * (float)length);
}

static void resize(struct onnx_cx *c, int arg)
{
	bool old = c->opset < 11;
	struct how h = {
		.mode = one_of(c, "mode", modes, 0),
		.coordinates = old ? ASYMMETRIC :
			       one_of(c, "coordinate_transformation_mode", coordinates, 0),
		.rounding = old ? FLOOR : one_of(c, "nearest_mode", roundings, 0),
		.exclude = !old && onnx_attr_i(c, "exclude_outside", 0),
		.antialias = c->opset >= 18 && onnx_attr_i(c, "antialias", 0),
		.a = old ? -0.75 : (double)onnx_attr_f(c, "cubic_coeff_a", -0.75f),
		.extrapolation = old ? 0 : (double)onnx_attr_f(c, "extrapolation_value", 0),
	};
	int64_t axes[IR_RANK_MAX], sizes[IR_RANK_MAX];
	double scales[IR_RANK_MAX], roi[2 * IR_RANK_MAX] = { 0 };
	int naxes = c->opset >= 18 ? onnx_attr_ints(c, "axes", axes, IR_RANK_MAX) : -1;
	int policy = c->opset >= 18 ? one_of(c, "keep_aspect_ratio_policy", policies, 0) : 0;
	int nscales, nsizes = -1, nroi = -1, n = naxes < 0 ? (int)c->in[0]->rank : naxes;
	struct ir_value *x = c->in[0];

	(void)arg;
	nscales = floats(c, old ? 1 : 2, "scales", scales, IR_RANK_MAX);
	if (!old && onnx_in(c, 3))
		nsizes = onnx_numbers(c, "sizes", 11, 3, sizes, IR_RANK_MAX);
	if (h.coordinates == CROP)
		nroi = floats(c, 1, "roi", roi, 2 * IR_RANK_MAX);
	if (c->why || c->g->error)
		return;
	if ((nscales >= 0) == (nsizes > 0) || (nscales >= 0 ? nscales : nsizes) != n ||
	    (h.coordinates == CROP && nroi != 2 * n)) {
		ir_fail(c->g, "it takes either scales or sizes, one for each axis, and two of a region");
		return;
	}
	if (h.mode == NEAREST || (h.coordinates == CROP && h.antialias))
		h.antialias = false;
	for (int i = 0; i < n; i++) {
		axes[i] = naxes < 0 ? i : b_axis(c->g, axes[i], x->rank);
		if (axes[i] < 0)
			return;
		if (nscales < 0 ? sizes[i] < 1 || sizes[i] > LENGTH_MAX : !(scales[i] > 0) ||
		    !(scales[i] * (double)x->dims[axes[i]] < LENGTH_MAX)) {
			ir_fail(c->g, "axis %lld cannot be resized like that", (long long)axes[i]);
			return;
		}
		if (nscales >= 0)
			sizes[i] = scaled(scales[i], x->dims[axes[i]]);
	}
	if (nscales < 0)
		keep_ratio(c, policy, axes, n, sizes, scales);
	resize_all(c, &h, axes, n, sizes, scales, roi);
}

static void upsample(struct onnx_cx *c, int arg)
{
	struct how h = { .mode = one_of(c, "mode", modes, 0), .coordinates = ASYMMETRIC,
			 .rounding = FLOOR, .a = -0.75 };
	const Onnx__AttributeProto *a = NULL;
	double scales[IR_RANK_MAX], roi[2 * IR_RANK_MAX] = { 0 };
	int64_t axes[IR_RANK_MAX], sizes[IR_RANK_MAX];
	struct ir_value *x = c->in[0];
	int n;

	(void)arg;
	if (c->opset < 7) {
		onnx_cannot(c, "versions before 7 are not supported");
		return;
	}
	if (c->opset < 9)
		a = onnx_attr(c, "scales", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
	n = a ? (int)a->n_floats : floats(c, 1, "scales", scales, IR_RANK_MAX);
	if (c->why || c->g->error)
		return;
	if (n != (int)x->rank) {
		ir_fail(c->g, "%d scales for %u axes", n < 0 ? 0 : n, x->rank);
		return;
	}
	for (int i = 0; i < n; i++) {
		if (a)
			scales[i] = (double)a->floats[i];
		axes[i] = i;
		if (!(scales[i] >= 1) || !(scales[i] * (double)x->dims[i] < LENGTH_MAX)) {
			ir_fail(c->g, "axis %d cannot be made longer like that", i);
			return;
		}
		sizes[i] = scaled(scales[i], x->dims[i]);
	}
	resize_all(c, &h, axes, n, sizes, scales, roi);
}

/* --- Samples ----------------------------------------------------------------------------- */

/* Places in an image, as fractions, from matrices: of a grid of even places times the matrix of each. */
static void affine_grid(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *theta = c->in[0], *y;
	bool corners = onnx_attr_i(c, "align_corners", 0);
	int64_t size[IR_RANK_MAX], dims[IR_RANK_MAX], places = 1, at = 0;
	int n = onnx_numbers(c, "size", 1, 1, size, IR_RANK_MAX);
	uint32_t axes = (uint32_t)n - 2;
	size_t step = accel_dtype_size(theta->dtype);
	char *data;

	(void)arg;
	if (c->why || g->error)
		return;
	if ((n != 4 && n != 5) || theta->rank != 3 || theta->dims[0] != size[0] || theta->dims[1] != axes ||
	    theta->dims[2] != axes + 1 || !ir_is_real(theta->dtype)) {
		ir_fail(g, "its operands are not [N, 2, 3] and 4 sizes, or [N, 3, 4] and 5");
		return;
	}
	dims[0] = size[0];
	dims[n - 1] = axes;
	for (uint32_t i = 0; i < axes; i++) {
		dims[1 + i] = size[2 + i];
		places = size[2 + i] < 0 || size[2 + i] > LENGTH_MAX || places > INT32_MAX ? -1 :
			 places * size[2 + i];
		if (places < 0) {
			ir_fail(g, "axis %u is to have %lld elements", 2 + i, (long long)size[2 + i]);
			return;
		}
	}
	data = ir_make(g, (uint64_t)places * (axes + 1) * step + 8);
	for (int64_t i = 0; i < places && data; i++) {
		int64_t left = i;

		/* The last axis comes first. */
		for (uint32_t k = 0; k < axes; k++) {
			double length = (double)size[n - 1 - (int)k], p = (double)(left % size[n - 1 - (int)k]);

			left /= size[n - 1 - (int)k];
			p = corners ? (length > 1 ? 2 * p / (length - 1) - 1 : -1) : (2 * p + 1) / length - 1;
			eval_store(theta->dtype, data + (size_t)at++ * step, p);
		}
		eval_store(theta->dtype, data + (size_t)at++ * step, 1);
	}
	if (!data)
		return;
	y = ir_constant(g, theta->dtype, 2, (int64_t[]){ places, axes + 1 }, data);
	y = b_matmul(g, y, b_transpose(g, theta, (int64_t[]){ 0, 2, 1 }));
	c->out[0] = b_reshape(g, y, (uint32_t)n, dims);
}

static void grid_sample(struct onnx_cx *c, int arg)
{
	static const char *const old[] = { "nearest", "bilinear", "bicubic", NULL };
	static const char *const now[] = { "nearest", "linear", "cubic", NULL };
	static const char *const beyond[] = { "zeros", "border", "reflection", NULL };
	struct ir_value *x = c->in[0], *grid = c->in[1], *y;
	int how = one_of(c, "mode", c->opset < 20 ? old : now, 1);
	int where = one_of(c, "padding_mode", beyond, 0);
	bool corners = onnx_attr_i(c, "align_corners", 0);
	uint32_t axes = x->rank - 2;
	int64_t dims[IR_RANK_MAX];
	struct ir_node *n;

	(void)arg;
	if (x->rank != 4 && x->rank != 5)
		onnx_cannot(c, "operands of %u axes are not supported, of 4 and 5 they are", x->rank);
	if (x->rank == 5 && how == IR_SAMPLE_CUBIC)
		onnx_cannot(c, "of 5 axes this mode is not supported");
	if (!ir_is_real(x->dtype) || !ir_is_real(grid->dtype))
		onnx_cannot(c, "of %s it is not supported", accel_dtype_name(x->dtype));
	if (c->why)
		return;
	if (grid->rank != x->rank || grid->dims[axes + 1] != axes || grid->dims[0] != x->dims[0]) {
		ir_fail(c->g, "the grid is not [N, height, width, 2], or [N, depth, height, width, 3]");
		return;
	}
	memcpy(dims, x->dims, sizeof(dims));
	memcpy(dims + 2, grid->dims + 1, axes * sizeof(*dims));
	y = ir_value(c->g, x->dtype, x->rank, dims);
	n = y ? ir_node(c->g, IR_GRID_SAMPLE, how, c->in, 2, y) : NULL;
	if (!n)
		return;
	n->axis = where;
	n->flag = corners;
	c->out[0] = y;
}

static void roi_align(struct onnx_cx *c, int arg)
{
	static const char *const ways[] = { "avg", "max", NULL };
	static const char *const from[] = { "output_half_pixel", "half_pixel", NULL };
	struct ir_value *x = c->in[0], *rois = c->in[1], *batches = c->in[2], *y;
	int64_t height = onnx_attr_i(c, "output_height", 1), width = onnx_attr_i(c, "output_width", 1);
	int64_t samples = onnx_attr_i(c, "sampling_ratio", 0);
	float scale = onnx_attr_f(c, "spatial_scale", 1);
	bool half = c->opset >= 16 &&
		    one_of(c, "coordinate_transformation_mode", from, 1);
	int way = one_of(c, "mode", ways, 0);
	struct ir_node *n;

	(void)arg;
	if (!ir_is_real(x->dtype) || !ir_is_real(rois->dtype))
		onnx_cannot(c, "of %s it is not supported", accel_dtype_name(x->dtype));
	if (c->why)
		return;
	if (x->rank != 4 || rois->rank != 2 || rois->dims[1] != 4 || batches->rank != 1 ||
	    batches->dims[0] != rois->dims[0] || batches->dtype != ACCEL_I64) {
		ir_fail(c->g, "its operands are not [N, C, height, width], [n, 4] and i64 [n]");
		return;
	}
	if (height < 1 || width < 1 || height > LENGTH_MAX || width > LENGTH_MAX || samples < 0 ||
	    samples > 4096 || !isfinite(scale)) {
		ir_fail(c->g, "%lld x %lld parts of %lld samples are not supported", (long long)height,
			(long long)width, (long long)samples);
		return;
	}
	y = ir_value(c->g, x->dtype, 4, (int64_t[]){ rois->dims[0], x->dims[1], height, width });
	n = y ? ir_node(c->g, IR_ROI_ALIGN, 0, c->in, 3, y) : NULL;
	if (!n)
		return;
	n->fn = way;
	n->ints[0] = height;
	n->ints[1] = width;
	n->ints[2] = samples;
	n->value = scale;
	n->flag = half;
	c->out[0] = y;
}

const struct onnx_op onnx_ops_resize[] = {
	{ "AffineGrid", 2, 2, affine_grid, 0 },
	{ "GridSample", 2, 2, grid_sample, 0 },
	{ "Resize", 1, 4, resize, 0 },
	{ "RoiAlign", 3, 3, roi_align, 0 },
	{ "Upsample", 1, 2, upsample, 0 },
	{ 0 },
};
