// SPDX-License-Identifier: MIT
/*
 * Signals, determinants and normalisations against sums that are written out here.
 */
#include <math.h>

#include "check.h"
#include "one.h"
#include "onnx.h"

static const int64_t scalar[] = { -1 };

static void refused(const Onnx__ModelProto *m, int code, const char *text)
{
	struct one o;

	CHECK_ERR_TEXT(one_make(&o, m, NULL), code, text);
	one_done(&o);
}

static float wave(int i)
{
	return (float)((i * 37 + 11) % 19) - 9;
}

/* Lengths of several primes, of one, and of two. */
static void transforms(void)
{
	static const int lengths[] = { 1, 2, 12, 13, 30, 64 };

	for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
		for (int way = 0; way < 3; way++) {	/* forward, inverse, half */
			int n = lengths[l], parts = way == 2 ? 1 : 2, bins = way == 2 ? n / 2 + 1 : n;
			float x[128], want[128];
			Onnx__ModelProto *m = onnx_model(17);
			Onnx__NodeProto *node;

			for (int i = 0; i < n * parts; i++)
				x[i] = wave(i);
			for (int k = 0; k < bins; k++) {
				double re = 0, im = 0;

				for (int i = 0; i < n; i++) {
					double a = 2 * M_PI * i * k / n * (way == 1 ? 1 : -1);
					double r = (double)x[i * parts];
					double s = parts == 2 ? (double)x[i * parts + 1] : 0;

					re += r * cos(a) - s * sin(a);
					im += r * sin(a) + s * cos(a);
				}
				want[2 * k] = (float)(way == 1 ? re / n : re);
				want[2 * k + 1] = (float)(way == 1 ? im / n : im);
			}
			onnx_input(m, "x", F32, (int64_t[]){ 1, n, parts, -1 });
			node = onnx_node(m, "DFT", "x", "y");
			onnx_int(node, "inverse", way == 1);
			onnx_int(node, "onesided", way == 2);
			onnx_output(m, "y", F32);
			CHECK(one_near(m, x, (size_t)(n * parts) * 4, want, (size_t)(2 * bins), 1e-4));
		}
	}
}

static Onnx__ModelProto *frames(int64_t step, int64_t length)
{
	Onnx__ModelProto *m = onnx_model(17);

	onnx_input(m, "x", F32, (int64_t[]){ 1, 8, 1, -1 });
	onnx_raw(m, "s", I64, scalar, &step, 8);
	onnx_raw(m, "w", F32, (int64_t[]){ 4, -1 }, (float[]){ 0, 1, 1, 0.5f }, 16);
	onnx_raw(m, "l", I64, scalar, &length, 8);
	onnx_node(m, "STFT", "x s w l", "y");
	onnx_output(m, "y", F32);
	return m;
}

static void short_transforms(void)
{
	float x[8], want[3 * 3 * 2];

	for (int i = 0; i < 8; i++)
		x[i] = wave(i);
	for (int f = 0; f < 3; f++) {
		float a = x[2 * f + 1], b = x[2 * f + 2], c = 0.5f * x[2 * f + 3];

		/* Of four elements the transform needs no sine. */
		memcpy(want + 6 * f, (float[]){ a + b + c, 0, -b, c - a, b - a - c, 0 }, 24);
	}
	CHECK(one_near(frames(2, 4), x, sizeof(x), want, 18, 1e-5));
	refused(frames(0, 4), -EINVAL, "each 0, of 8");
	refused(frames(1, 9), -EINVAL, "frames of 9 elements");
	refused(frames(1, 3), -EINVAL, "frames of 3 elements");
}

static void errors(void)
{
	Onnx__ModelProto *m = onnx_model(17);
	Onnx__NodeProto *n;

	onnx_input(m, "x", F32, (int64_t[]){ 1, 4, 3, -1 });
	n = onnx_node(m, "DFT", "x", "y");
	onnx_output(m, "y", F32);
	refused(m, -EINVAL, "a last axis of 1 or 2");
	m->graph->input[0]->type->tensor_type->shape->dim[2]->dim_value = 2;
	onnx_int(n, "axis", 2);
	refused(m, -EINVAL, "the last axis is that");
	n->attribute[0]->i = 1;
	onnx_int(n, "onesided", 1);
	refused(m, -EINVAL, "no half of a spectrum");
	m->graph->input[0]->type->tensor_type->shape->dim[2]->dim_value = 1;
	onnx_int(n, "inverse", 1);
	refused(m, -EOPNOTSUPP, "inverse of half");
	m = onnx_model(17);
	onnx_input(m, "x", F32, (int64_t[]){ 2, 3, -1 });
	onnx_node(m, "Det", "x", "y");
	onnx_output(m, "y", F32);
	refused(m, -EINVAL, "square matrices");
	m = onnx_model(17);
	onnx_input(m, "x", I64, scalar);
	onnx_node(m, "HannWindow", "x", "y");
	onnx_output(m, "y", F32);
	refused(m, -EOPNOTSUPP, "a size that is computed");
}

static void windows(void)
{
	static const float hann[4] = { 0, 0.5f, 1, 0.5f }, symmetric[3] = { 0, 1, 0 };

	for (int periodic = 0; periodic < 2; periodic++) {
		Onnx__ModelProto *m = onnx_model(17);

		onnx_raw(m, "n", I64, scalar, (int64_t[]){ periodic ? 4 : 3 }, 8);
		onnx_int(onnx_node(m, "HannWindow", "n", "y"), "periodic", periodic);
		onnx_output(m, "y", F32);
		CHECK(one_near(m, NULL, 0, periodic ? hann : symmetric, periodic ? 4 : 3, 1e-7));
	}
}

static void determinants(void)
{
	/* The first needs its rows exchanged, the second has no inverse. */
	static const float x[18] = { 0, 2, 1, 3, 0, 0, 1, 1, 1,  1, 2, 3, 2, 4, 6, 1, 0, 5 };
	Onnx__ModelProto *m = onnx_model(11);

	onnx_input(m, "x", F32, (int64_t[]){ 2, 3, 3, -1 });
	onnx_node(m, "Det", "x", "y");
	onnx_output(m, "y", F32);
	CHECK(one_near(m, x, sizeof(x), (float[]){ -3, 0 }, 2, 1e-6));
}

/* --- Normalisations ---------------------------------------------------------------------- */

enum { N = 2, C = 4, L = 3 };

static void groups(void)
{
	float x[N * C * L], want[N * C * L], scale[C] = { 1, 2, -1, 0.5f }, bias[C] = { 0, 1, 2, 3 };
	Onnx__ModelProto *m = onnx_model(21);
	Onnx__NodeProto *n;

	for (int i = 0; i < N * C * L; i++)
		x[i] = wave(i);
	for (int g = 0; g < N * 2; g++) {
		const float *p = x + g * 2 * L;
		double mean = 0, square = 0;

		for (int i = 0; i < 2 * L; i++)
			mean += (double)p[i] / (2 * L);
		for (int i = 0; i < 2 * L; i++)
			square += ((double)p[i] - mean) * ((double)p[i] - mean) / (2 * L);
		for (int i = 0; i < 2 * L; i++) {
			int c = (g * 2 + i / L) % C;

			want[g * 2 * L + i] = (float)(((double)p[i] - mean) / sqrt(square + 1e-5) *
						      (double)scale[c] + (double)bias[c]);
		}
	}
	onnx_input(m, "x", F32, (int64_t[]){ N, C, L, -1 });
	onnx_raw(m, "s", F32, (int64_t[]){ C, -1 }, scale, sizeof(scale));
	onnx_raw(m, "b", F32, (int64_t[]){ C, -1 }, bias, sizeof(bias));
	n = onnx_node(m, "GroupNormalization", "x s b", "y");
	onnx_int(n, "num_groups", 2);
	onnx_output(m, "y", F32);
	CHECK(one_near(m, x, sizeof(x), want, N * C * L, 1e-5));
	n->attribute[0]->i = 3;
	refused(m, -EINVAL, "3 groups");
	n->attribute[0]->i = 2;
	m->graph->initializer[0]->dims[0] = 2;
	m->graph->initializer[0]->raw_data.len = 8;
	refused(m, -EINVAL, "not one number per channel");
}

static void roots(void)
{
	float x[N * C * L], want[N * C * L], scale[L] = { 1, -2, 3 };

	for (int i = 0; i < N * C * L; i++)
		x[i] = wave(i);
	for (int axis = 1; axis < 3; axis++) {
		int part = axis == 1 ? C * L : L;
		Onnx__ModelProto *m = onnx_model(22);

		for (int r = 0; r < N * C * L / part; r++) {
			double mean = 0;

			for (int i = 0; i < part; i++)
				mean += (double)x[r * part + i] * (double)x[r * part + i] / part;
			for (int i = 0; i < part; i++)
				want[r * part + i] = (float)((double)x[r * part + i] / sqrt(mean + 1e-5) *
							     (double)scale[i % L]);
		}
		onnx_input(m, "x", F32, (int64_t[]){ N, C, L, -1 });
		onnx_raw(m, "s", F32, (int64_t[]){ L, -1 }, scale, sizeof(scale));
		onnx_int(onnx_node(m, "RMSNormalization", "x s", "y"), "axis", axis);
		onnx_output(m, "y", F32);
		CHECK(one_near(m, x, sizeof(x), want, N * C * L, 1e-5));
		m->graph->node[0]->attribute[0]->i = 3;
		refused(m, -EINVAL, "no axis 3");
	}
}

static const struct check_test tests[] = {
	TEST(transforms),
	TEST(short_transforms),
	TEST(errors),
	TEST(windows),
	TEST(determinants),
	TEST(groups),
	TEST(roots),
};

CHECK_MAIN(tests)
