// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX for signals: Fourier transforms, windows; and determinants.
 */
#include <math.h>
#include <string.h>

#include "build.h"
#include "eval.h"
#include "onnx.h"

#define LENGTH_MAX	(1 << 20)

/* A number that must be known, of an operand; false with c->why or an error. */
static bool known_number(struct onnx_cx *c, uint32_t i, const char *what, double *x)
{
	struct ir_value *v = c->in[i];
	const void *data = ir_known(c->g, v);

	if (v->count != 1 || v->dtype == ACCEL_BOOL) {
		ir_fail(c->g, "%s is not one number", what);
		return false;
	}
	if (!data)
		onnx_cannot(c, "%s that is computed from inputs is not supported", what);
	else
		*x = eval_load(v->dtype, data);
	return data;
}

static bool known_length(struct onnx_cx *c, uint32_t i, const char *what, int64_t *n)
{
	double x;

	if (!known_number(c, i, what, &x))
		return false;
	if (!(x >= 0 && x <= LENGTH_MAX)) {
		ir_fail(c->g, "%s of %g elements: 0 to %d are supported", what, x, LENGTH_MAX);
		return false;
	}
	*n = (int64_t)x;
	return true;
}

/* --- Fourier transforms ------------------------------------------------------------------ */

/* Of @x, complex or real along its last axis, @length elements of the axis from each @step on. */
static struct ir_node *transform(struct onnx_cx *c, struct ir_value *x, struct ir_value *window,
				 int64_t axis, int64_t length, int64_t step, bool inverse, uint32_t rank,
				 const int64_t *dims)
{
	struct ir_value *y = ir_value(c->g, x->dtype, rank, dims);
	struct ir_node *n;

	n = y ? ir_node(c->g, IR_DFT, 0, (struct ir_value *[]){ x, window }, window ? 2 : 1, y) : NULL;
	if (!n)
		return NULL;
	n->axis = axis;
	n->flag = inverse;
	n->ints[0] = length;
	n->ints[1] = step;
	c->out[0] = y;
	return n;
}

static bool is_signal(struct onnx_cx *c, const struct ir_value *x, uint32_t least)
{
	int64_t last = x->rank ? x->dims[x->rank - 1] : 0;

	if (x->rank >= least && (last == 1 || last == 2) && ir_is_real(x->dtype))
		return true;
	ir_fail(c->g, "its operand is not of reals with a last axis of 1 or 2 elements");
	return false;
}

static void dft(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	bool inverse = onnx_attr_i(c, "inverse", 0), onesided = onnx_attr_i(c, "onesided", 0);
	int64_t axis = c->opset < 20 ? onnx_attr_i(c, "axis", 1) : -2, dims[IR_RANK_MAX], length;
	double at;

	(void)arg;
	if (c->opset < 20 && onnx_in(c, 2))
		ir_fail(c->g, "this version has 'axis' as an attribute");
	if (!is_signal(c, x, 2))
		return;
	if (onnx_in(c, 2)) {
		if (!known_number(c, 2, "an axis", &at))
			return;
		axis = fabs(at) <= IR_RANK_MAX ? (int64_t)at : IR_RANK_MAX;
	}
	axis = b_axis(c->g, axis, x->rank);
	if (axis < 0)
		return;
	if (axis == x->rank - 1) {
		ir_fail(c->g, "the last axis is that of the parts of a number");
		return;
	}
	length = x->dims[axis];
	if (onnx_in(c, 1) && !known_length(c, 1, "a length", &length))
		return;
	if (length > LENGTH_MAX)
		onnx_cannot(c, "transforms of more than %d elements are not supported", LENGTH_MAX);
	if (onesided && inverse)
		onnx_cannot(c, "the inverse of half a spectrum is not supported");
	if (onesided && x->dims[x->rank - 1] == 2)
		ir_fail(c->g, "complex numbers have no half of a spectrum");
	if (length < 1)
		ir_fail(c->g, "a transform of no elements");
	if (c->why || c->g->error)
		return;
	memcpy(dims, x->dims, sizeof(dims));
	dims[axis] = onesided ? length / 2 + 1 : length;
	dims[x->rank - 1] = 2;
	transform(c, x, NULL, axis, length, 0, inverse, x->rank, dims);
}

static void stft(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *window = onnx_in(c, 2);
	bool onesided = onnx_attr_i(c, "onesided", 1);
	int64_t step, length = window && window->rank == 1 ? window->dims[0] : 0;

	(void)arg;
	if (!is_signal(c, x, 3))
		return;
	if (x->rank != 3 || (window && (window->rank != 1 || window->dtype != x->dtype))) {
		ir_fail(c->g, "its operands are not [N, length, 1 or 2] and a vector of the same type");
		return;
	}
	if (!known_length(c, 1, "a step", &step) ||
	    (onnx_in(c, 3) && !known_length(c, 3, "a length", &length)))
		return;
	if (onesided && x->dims[2] == 2)
		ir_fail(c->g, "complex numbers have no half of a spectrum");
	if (step < 1 || length < 1 || length > x->dims[1] || length > LENGTH_MAX ||
	    (window && window->dims[0] != length))
		ir_fail(c->g, "frames of %lld elements, each %lld, of %lld", (long long)length,
			(long long)step, (long long)x->dims[1]);
	if (c->g->error)
		return;
	transform(c, x, window, 1, length, step, false, 4,
		  (int64_t[]){ x->dims[0], (x->dims[1] - length) / step + 1,
			       onesided ? length / 2 + 1 : length, 2 });
}

/* --- Windows ----------------------------------------------------------------------------- */

enum { HANN, HAMMING, BLACKMAN };

static double window_at(int which, double phase)
{
	switch (which) {
	case HANN:
		return 0.5 - 0.5 * cos(phase);
	case HAMMING:
		return 25.0 / 46 - 21.0 / 46 * cos(phase);
	default:
		return 0.42 - 0.5 * cos(phase) + 0.08 * cos(2 * phase);
	}
}

/* Elements of a constant of the type that the node asks for, to be written. */
static char *table(struct onnx_cx *c, uint32_t rank, const int64_t *dims, enum accel_dtype *t)
{
	struct ir_value *v;
	void *data;

	*t = onnx_dtype((int32_t)onnx_attr_i(c, "output_datatype", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT));
	if (*t == ACCEL_NONE || *t == ACCEL_BOOL) {
		onnx_cannot(c, "its type is not supported");
		return NULL;
	}
	v = ir_value(c->g, *t, rank, dims);
	data = v ? ir_make(c->g, v->size) : NULL;
	c->out[0] = data ? ir_constant(c->g, *t, rank, dims, data) : NULL;
	return data;
}

static void window(struct onnx_cx *c, int which)
{
	bool periodic = onnx_attr_i(c, "periodic", 1);
	enum accel_dtype t;
	int64_t n;
	char *data;

	if (!known_length(c, 0, "a size", &n))
		return;
	data = table(c, 1, &n, &t);
	for (int64_t i = 0; i < n && data; i++) {
		double period = (double)(periodic ? n : n - 1);

		eval_store(t, data + (size_t)i * accel_dtype_size(t),
			   period > 0 ? window_at(which, 2 * M_PI * (double)i / period) : 1);
	}
}

static double mel(double hertz)
{
	return 2595 * log10(1 + hertz / 700);
}

static void mel_weights(struct onnx_cx *c, int arg)
{
	int64_t bins, length, rate, rows, at[3] = { 0 };
	double low, high;
	enum accel_dtype t;
	char *data;
	size_t size;

	(void)arg;
	if (!known_length(c, 0, "a number of bins", &bins) || !known_length(c, 1, "a length", &length) ||
	    !known_length(c, 2, "a rate", &rate) || !known_number(c, 3, "a frequency", &low) ||
	    !known_number(c, 4, "a frequency", &high))
		return;
	rows = length / 2 + 1;
	if (bins < 1 || rate < 1 || !(low >= 0 && low <= high && high <= (double)rate)) {
		ir_fail(c->g, "%lld bins of %lld elements, from %g to %g of %lld Hz", (long long)bins,
			(long long)length, low, high, (long long)rate);
		return;
	}
	data = table(c, 2, (int64_t[]){ rows, bins }, &t);
	size = accel_dtype_size(t);
	for (int64_t i = 0; i < bins + 2 && data; i++) {
		double step = (mel(high) - mel(low)) / (double)(bins + 2);
		double hertz = 700 * (pow(10, ((double)i * step + mel(low)) / 2595) - 1);

		at[0] = at[1];
		at[1] = at[2];
		at[2] = (int64_t)floor((double)(length + 1) * fmax(hertz, 0) / (double)rate);
		if (i < 2)
			continue;
		for (int64_t k = at[0]; k < at[2] || k == at[1]; k++) {
			double up = at[1] > at[0] ? (double)(k - at[0]) / (double)(at[1] - at[0]) : 1;
			double down = at[2] > at[1] ? (double)(at[2] - k) / (double)(at[2] - at[1]) : 1;

			if (k < rows)
				eval_store(t, data + (size_t)(k * bins + i - 2) * size,
					   k < at[1] || at[2] == at[1] ? up : down);
		}
	}
}

static void det(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *y;
	uint32_t r = x->rank;

	(void)arg;
	if (r < 2 || x->dims[r - 1] != x->dims[r - 2] || !ir_is_real(x->dtype)) {
		ir_fail(c->g, "its operand is not of square matrices of reals");
		return;
	}
	y = ir_value(c->g, x->dtype, r - 2, x->dims);
	if (y && ir_node(c->g, IR_DET, 0, &x, 1, y))
		c->out[0] = y;
}

const struct onnx_op onnx_ops_signal[] = {
	{ "BlackmanWindow", 1, 1, window, BLACKMAN },
	{ "DFT", 1, 3, dft, 0 },
	{ "Det", 1, 1, det, 0 },
	{ "HammingWindow", 1, 1, window, HAMMING },
	{ "HannWindow", 1, 1, window, HANN },
	{ "MelWeightMatrix", 5, 5, mel_weights, 0 },
	{ "STFT", 2, 4, stft, 0 },
	{ 0 },
};
