// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX that move a window: convolutions and pooling.
 */
#include <string.h>

#include "build.h"
#include "onnx.h"

#define AXES	3

struct window {
	uint32_t axes;
	int64_t taps[AXES], stride[AXES], dilation[AXES], before[AXES], after[AXES];
	bool same_upper, same_lower, valid;
};

static void list(struct onnx_cx *c, const char *name, uint32_t n, int64_t fallback, int64_t least,
		 int64_t *out)
{
	int have = onnx_attr_ints(c, name, out, 2 * AXES);

	for (uint32_t i = 0; i < n && have < 0; i++)
		out[i] = fallback;
	if (have >= 0 && (uint32_t)have != n)
		ir_fail(c->g, "attribute '%s' has %d numbers, not %u", name, have, n);
	for (uint32_t i = 0; i < n && !c->g->error; i++)
		if (out[i] < least || out[i] > 1 << 24)
			ir_fail(c->g, "attribute '%s' has %lld, %lld to 2^24 are supported", name,
				(long long)out[i], (long long)least);
}

/* False after an error or where it is not supported. */
static bool window(struct onnx_cx *c, struct window *w, bool bytes)
{
	const struct ir_value *x = c->in[0];
	int64_t pads[2 * AXES];

	if (x->rank < 3 || x->rank > 2 + AXES) {
		onnx_cannot(c, "operands of %u axes are not supported, of 3 to 5 they are", x->rank);
		return false;
	}
	if (!ir_is_float(x->dtype) && !bytes) {
		onnx_cannot(c, "of %s it is not supported", accel_dtype_name(x->dtype));
		return false;
	}
	w->axes = x->rank - 2;
	list(c, "strides", w->axes, 1, 1, w->stride);
	list(c, "dilations", w->axes, 1, 1, w->dilation);
	list(c, "pads", 2 * w->axes, 0, 0, pads);
	if (c->g->error)
		return false;
	memcpy(w->before, pads, w->axes * sizeof(*pads));
	memcpy(w->after, pads + w->axes, w->axes * sizeof(*pads));
	w->same_upper = onnx_attr_is(c, "auto_pad", "NOTSET", "SAME_UPPER");
	w->same_lower = onnx_attr_is(c, "auto_pad", "NOTSET", "SAME_LOWER");
	w->valid = onnx_attr_is(c, "auto_pad", "NOTSET", "VALID");
	if (!w->same_upper && !w->same_lower && !w->valid &&
	    !onnx_attr_is(c, "auto_pad", "NOTSET", "NOTSET"))
		onnx_cannot(c, "attribute 'auto_pad' has a value that is not supported");
	return !c->why && !c->g->error;
}

/* Padding as asked for, and the result's axes; @ceil: a window that is not full counts. */
static bool fit(struct onnx_cx *c, struct window *w, bool ceil, int64_t *dims)
{
	for (uint32_t i = 0; i < w->axes; i++) {
		int64_t in = c->in[0]->dims[2 + i], reach = w->dilation[i] * (w->taps[i] - 1) + 1, room;

		if (w->valid)
			w->before[i] = w->after[i] = 0;
		if (w->same_upper || w->same_lower) {
			int64_t out = (in + w->stride[i] - 1) / w->stride[i];
			int64_t pad = (out - 1) * w->stride[i] + reach - in;

			pad = pad < 0 ? 0 : pad;
			w->before[i] = w->same_upper ? pad / 2 : pad - pad / 2;
			w->after[i] = pad - w->before[i];
		}
		room = in + w->before[i] + w->after[i] - reach;
		if (room < 0) {
			ir_fail(c->g, "a window of %lld is larger than axis %u of %lld", (long long)reach,
				2 + i, (long long)(in + w->before[i] + w->after[i]));
			return false;
		}
		dims[i] = (room + (ceil ? w->stride[i] - 1 : 0)) / w->stride[i] + 1;
		/* None begins in the padding at the end. */
		if (ceil && (dims[i] - 1) * w->stride[i] >= in + w->before[i])
			dims[i]--;
	}
	return true;
}

/* --- Convolutions ------------------------------------------------------------------------ */

static bool weights(struct onnx_cx *c, struct window *w, int64_t groups, bool transposed)
{
	const struct ir_value *x = c->in[0], *f = c->in[1], *bias = onnx_in(c, 2);
	int64_t kernel[2 * AXES], channels;
	int n = onnx_attr_ints(c, "kernel_shape", kernel, 2 * AXES);

	if (f->rank != x->rank || groups < 1 || groups > 1 << 24 ||
	    f->dims[0] % groups) {
		ir_fail(c->g, "weights of %u axes and %lld groups do not fit", f->rank,
			(long long)groups);
		return false;
	}
	channels = transposed ? f->dims[1] * groups : f->dims[0];
	if (x->dims[1] != (transposed ? f->dims[0] : f->dims[1] * groups) ||
	    (bias && (bias->rank != 1 || bias->dims[0] != channels))) {
		ir_fail(c->g, "%lld channels do not fit to the weights and the bias",
			(long long)x->dims[1]);
		return false;
	}
	for (uint32_t i = 0; i < w->axes; i++) {
		w->taps[i] = f->dims[2 + i];
		if (w->taps[i] < 1 || w->taps[i] > 1 << 24 ||
		    (n >= 0 && ((uint32_t)n != w->axes || kernel[i] != w->taps[i]))) {
			ir_fail(c->g, "the weights have no or another window");
			return false;
		}
	}
	return true;
}

static void pack(const struct window *w, int64_t *ints)
{
	memset(ints, 0, 9 * sizeof(*ints));
	memcpy(ints, w->stride, w->axes * sizeof(*ints));
	memcpy(ints + 3, w->dilation, w->axes * sizeof(*ints));
	memcpy(ints + 6, w->before, w->axes * sizeof(*ints));
}

/* The card's bias is F32; of other types it is a sum of its own, which rounds once more. */
static void convolve(struct onnx_cx *c, const struct window *w, int64_t groups, bool transposed,
		     const int64_t *dims)
{
	struct ir_value *x = c->in[0], *bias = onnx_in(c, 2), *y;
	int64_t ints[9], shape[IR_RANK_MAX] = { 0 };

	pack(w, ints);
	y = b_conv(c->g, x, c->in[1], x->dtype == ACCEL_F32 ? bias : NULL, groups, transposed, ints,
		   dims);
	if (bias && x->dtype != ACCEL_F32) {
		shape[0] = bias->dims[0];
		for (uint32_t i = 1; i < x->rank - 1; i++)
			shape[i] = 1;
		y = b_binary(c->g, IR_ADD, y, b_reshape(c->g, bias, x->rank - 1, shape));
	}
	c->out[0] = y;
}

static bool same_types(struct onnx_cx *c)
{
	enum accel_dtype t = c->in[0]->dtype;

	if (c->in[1]->dtype == t && (!onnx_in(c, 2) || c->in[2]->dtype == t))
		return true;
	ir_fail(c->g, "operands, weights and bias differ in type");
	return false;
}

static void conv(struct onnx_cx *c, int arg)
{
	struct window w;
	int64_t groups = onnx_attr_i(c, "group", 1), dims[IR_RANK_MAX];

	(void)arg;
	if (!same_types(c) || !window(c, &w, false) || !weights(c, &w, groups, false) ||
	    !fit(c, &w, false, dims + 2))
		return;
	dims[0] = c->in[0]->dims[0];
	dims[1] = c->in[1]->dims[0];
	convolve(c, &w, groups, false, dims);
}

bool onnx_conv_window(struct onnx_cx *c, int64_t *groups, int64_t *ints, int64_t *dims)
{
	struct window w;

	*groups = onnx_attr_i(c, "group", 1);
	if (!window(c, &w, true) || !weights(c, &w, *groups, false) || !fit(c, &w, false, dims + 2))
		return false;
	dims[0] = c->in[0]->dims[0];
	dims[1] = c->in[1]->dims[0];
	pack(&w, ints);
	return true;
}

static void conv_transpose(struct onnx_cx *c, int arg)
{
	struct window w;
	int64_t groups = onnx_attr_i(c, "group", 1), dims[IR_RANK_MAX], extra[2 * AXES];
	int64_t shape[2 * AXES];
	int given;

	(void)arg;
	if (!same_types(c) || !window(c, &w, false) || !weights(c, &w, groups, true))
		return;
	list(c, "output_padding", w.axes, 0, 0, extra);
	given = onnx_attr_ints(c, "output_shape", shape, 2 * AXES);
	if (given >= 0 && (uint32_t)given != w.axes)
		ir_fail(c->g, "attribute 'output_shape' has %d numbers, not %u", given, w.axes);
	if (c->g->error)
		return;
	dims[0] = c->in[0]->dims[0];
	dims[1] = c->in[1]->dims[1] * groups;
	for (uint32_t i = 0; i < w.axes; i++) {
		int64_t in = c->in[0]->dims[2 + i], pad;
		int64_t whole = w.stride[i] * (in - 1) + extra[i] + w.dilation[i] * (w.taps[i] - 1) + 1;

		if (given >= 0 || w.same_upper || w.same_lower) {
			dims[2 + i] = given >= 0 ? shape[i] : in * w.stride[i];
			pad = whole - dims[2 + i];
			/* Below zero it is room at the end that no tap reaches. */
			pad = pad < 0 ? 0 : pad;
			w.before[i] = w.same_upper ? pad / 2 : pad - pad / 2;
		} else {
			if (w.valid)
				w.before[i] = w.after[i] = 0;
			dims[2 + i] = whole - w.before[i] - w.after[i];
		}
		if (dims[2 + i] < 0) {
			ir_fail(c->g, "axis %u would have %lld elements", 2 + i,
				(long long)dims[2 + i]);
			return;
		}
		w.before[i] = w.dilation[i] * (w.taps[i] - 1) - w.before[i];
	}
	convolve(c, &w, groups, true, dims);
}

/* --- Pooling ----------------------------------------------------------------------------- */

/* Places within a whole operand, counted with the last two axes of each image exchanged. */
static struct ir_value *by_columns(struct onnx_cx *c, struct ir_value *at, const struct ir_value *x)
{
	struct ir_graph *g = c->g;
	int64_t size = 1, turned;
	struct ir_value *y = NULL, *left = at, *part;

	/* From the last axis on, which counts the most now. */
	for (uint32_t i = 2; i < x->rank; i++)
		size *= x->dims[i];
	turned = size;
	if (!size)
		return at;
	for (uint32_t i = x->rank; i-- > 2;) {
		struct ir_value *dim = ir_scalar_f(g, ACCEL_I64, (double)x->dims[i]);

		turned /= x->dims[i];
		part = b_binary(g, IR_MUL, b_binary(g, IR_MOD, left, dim),
				ir_scalar_f(g, ACCEL_I64, (double)turned));
		left = b_binary(g, IR_DIV, left, dim);
		y = y ? b_binary(g, IR_ADD, y, part) : part;
	}
	part = b_binary(g, IR_MUL, left, ir_scalar_f(g, ACCEL_I64, (double)size));
	return b_binary(g, IR_ADD, y, part);
}

static void pool(struct onnx_cx *c, int fn)
{
	struct ir_value *x = c->in[0];
	bool bytes = fn == ACCEL_POOL_MAX && (x->dtype == ACCEL_U8 || x->dtype == ACCEL_I8);
	int64_t dims[IR_RANK_MAX], ints[15] = { 0 }, kernel[2 * AXES], order, p, norm = 0;
	bool ceil = onnx_attr_i(c, "ceil_mode", 0), holes = false, indices;
	struct ir_node *n;
	struct window w;

	indices = fn == ACCEL_POOL_MAX && c->nout > 1 && c->node->output[1][0];
	order = fn == ACCEL_POOL_MAX ? onnx_attr_i(c, "storage_order", 0) : 0;
	if (fn == ACCEL_POOL_AVERAGE)
		holes = onnx_attr_i(c, "count_include_pad", 0);
	if (fn == ACCEL_POOL_L2) {
		norm = onnx_attr_i(c, "p", 2);
		if (norm < 1 || norm > 1024 || !ir_is_real(x->dtype)) {
			ir_fail(c->g, "norm %lld of %s", (long long)norm, accel_dtype_name(x->dtype));
			return;
		}
		fn = norm == 2 ? ACCEL_POOL_L2 : ACCEL_POOL_L1;
		if (norm > 2)
			x = b_binary(c->g, IR_POW, b_unary(c->g, IR_ABS, x),
				     ir_scalar_f(c->g, x->dtype, (double)norm));
		if (!x)
			return;
	}
	if (!window(c, &w, bytes))
		return;
	list(c, "kernel_shape", w.axes, 0, 1, kernel);
	if (c->g->error)
		return;
	memcpy(w.taps, kernel, w.axes * sizeof(*kernel));
	if (!fit(c, &w, ceil, dims + 2))
		return;
	dims[0] = x->dims[0];
	dims[1] = x->dims[1];
	pack(&w, ints);
	memcpy(ints + 9, w.taps, w.axes * sizeof(*ints));
	memcpy(ints + 12, w.after, w.axes * sizeof(*ints));
	p = 1;
	for (uint32_t i = 0; i < w.axes; i++)
		p = p > INT32_MAX ? p : p * w.taps[i];
	if (p > INT32_MAX) {
		onnx_cannot(c, "windows of more than 2^31 - 1 elements are not supported");
		return;
	}
	n = b_pool(c->g, (enum accel_pool)fn, x, holes, indices, ints, dims);
	if (!n)
		return;
	c->out[0] = n->out[0];
	if (norm > 2)
		c->out[0] = b_binary(c->g, IR_POW, n->out[0],
				     ir_scalar_f(c->g, x->dtype, 1 / (double)norm));
	if (indices)
		c->out[1] = order ? by_columns(c, n->out[1], x) : n->out[1];
}

/* The other way: each element goes where it was the largest, all else is 0. */
static void max_unpool(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *at = c->in[1], *y;
	int64_t dims[IR_RANK_MAX], want[IR_RANK_MAX], pads[IR_INTS_MAX] = { 0 }, kernel[2 * AXES];
	int n = onnx_in(c, 2) ? onnx_numbers(c, "output_shape", 1, 2, want, IR_RANK_MAX) : 0;
	struct window w;

	(void)arg;
	if (!window(c, &w, false))
		return;
	list(c, "kernel_shape", w.axes, 0, 1, kernel);
	if (at->dtype != ACCEL_I64 || at->rank != x->rank ||
	    memcmp(at->dims, x->dims, x->rank * sizeof(*x->dims)) || (n && n != (int)x->rank))
		ir_fail(g, "indices or the shape do not fit the operand");
	if (g->error || c->why)
		return;
	memcpy(dims, x->dims, sizeof(dims));
	for (uint32_t i = 0; i < w.axes; i++)
		dims[2 + i] = x->dims[2 + i] ? (x->dims[2 + i] - 1) * w.stride[i] + kernel[i] -
						w.before[i] - w.after[i] : 0;
	y = ir_value(g, x->dtype, x->rank, dims);
	if (!y)
		return;
	y = b_expand(g, ir_scalar_f(g, x->dtype, 0), 1, &y->count);
	y = b_scatter(g, y, b_reshape(g, at, 1, &at->count), b_reshape(g, x, 1, &x->count), IR_PUT, 0);
	y = b_reshape(g, y, x->rank, dims);
	for (int i = 0; i < n; i++)
		pads[n + i] = want[i] >= 0 && want[i] <= INT32_MAX ? want[i] - dims[i] : INT64_MIN;
	c->out[0] = n ? b_pad(g, y, pads, IR_PAD_CONSTANT, NULL) : y;
}

/* Columns of patches back to an image: elements that several patches have are added. */
static void col2im(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *y, *at;
	int64_t image[AXES], block[AXES], room[AXES], steps[AXES], all = 1, patch = 1, places = 1, *table;
	int64_t dims[IR_RANK_MAX], starts[IR_RANK_MAX] = { 0 }, ones[IR_RANK_MAX] = { 1, 1, 1, 1, 1 };
	int n = onnx_numbers(c, "image_shape", 1, 1, image, AXES);
	int nb = onnx_numbers(c, "block_shape", 1, 2, block, AXES), pads = 0;
	int64_t dilation[AXES], stride[AXES], pad[2 * AXES];

	(void)arg;
	if (c->why || c->g->error)
		return;
	if (n < 1 || nb != n || x->rank != 3 || !ir_is_real(x->dtype)) {
		ir_fail(g, "its operands are not reals [N, channels * block, patches] and two shapes");
		return;
	}
	list(c, "dilations", (uint32_t)n, 1, 1, dilation);
	list(c, "strides", (uint32_t)n, 1, 1, stride);
	pads = onnx_attr_ints(c, "pads", pad, 2 * AXES);
	if (pads >= 0 && pads != 2 * n)
		ir_fail(g, "attribute 'pads' has %d numbers, not %d", pads, 2 * n);
	for (int i = 0; i < n && !g->error; i++) {
		int64_t before = pads < 0 ? 0 : pad[i], after = pads < 0 ? 0 : pad[n + i];
		int64_t reach;

		if (image[i] < 1 || image[i] > 1 << 24 || block[i] < 1 || block[i] > 1 << 12 ||
		    before < 0 || before > 1 << 24 || after < 0 || after > 1 << 24) {
			ir_fail(g, "axis %d of the image cannot be made of such blocks", i);
			return;
		}
		room[i] = image[i] + before + after;
		reach = dilation[i] * (block[i] - 1) + 1;
		steps[i] = reach > room[i] ? 0 : (room[i] - reach) / stride[i] + 1;
		all *= room[i];
		patch *= block[i];
		places *= steps[i];
		starts[2 + i] = before;
		if (all > INT32_MAX)
			ir_fail(g, "an image of more than 2^31 - 1 elements");
	}
	if (g->error || x->dims[2] != places || x->dims[1] < patch || x->dims[1] % patch) {
		ir_fail(g, "%lld columns of %lld elements, not %lld of a multiple of %lld",
			(long long)x->dims[2], (long long)x->dims[1], (long long)places, (long long)patch);
		return;
	}
	table = ir_make(g, (uint64_t)(patch * places) * sizeof(*table) + 8);
	if (!table)
		return;
	for (int64_t p = 0; p < patch; p++) {
		for (int64_t s = 0; s < places; s++) {
			int64_t to = 0, size = 1, tap = p, step = s;

			for (int i = n; i--; tap /= block[i], step /= steps[i]) {
				to += (tap % block[i] * dilation[i] + step % steps[i] * stride[i]) * size;
				size *= room[i];
			}
			table[p * places + s] = to;
		}
	}
	dims[0] = x->dims[0];
	dims[1] = x->dims[1] / patch;
	dims[2] = patch * places;
	x = b_reshape(g, x, 3, dims);
	at = b_expand(g, ir_constant(g, ACCEL_I64, 1, &dims[2], table), 3, dims);
	dims[2] = all;
	y = b_expand(g, ir_scalar_f(g, c->in[0]->dtype, 0), 3, dims);
	y = b_scatter(g, y, at, x, IR_PUT_ADD, 2);
	memcpy(dims + 2, room, sizeof(room));
	y = b_reshape(g, y, (uint32_t)n + 2, dims);
	memcpy(dims + 2, image, sizeof(image));
	c->out[0] = b_slice(g, y, starts, ones, dims);
}

const struct onnx_op onnx_ops_window[] = {
	{ "AveragePool", 1, 1, pool, ACCEL_POOL_AVERAGE },
	{ "Col2Im", 3, 3, col2im, 0 },
	{ "Conv", 2, 3, conv, 0 },
	{ "ConvTranspose", 2, 3, conv_transpose, 0 },
	{ "LpPool", 1, 1, pool, ACCEL_POOL_L2 },
	{ "MaxPool", 1, 1, pool, ACCEL_POOL_MAX },
	{ "MaxUnpool", 2, 3, max_unpool, 0 },
	{ 0 },
};
