// SPDX-License-Identifier: MIT
/*
 * Operators of models, where ONNX's own tests do not look: other types, edges, refusals.
 */
#include <math.h>

#include "check.h"
#include "one.h"
#include "onnx.h"

/* --- Shapes that are computed from inputs ------------------------------------------------ */

static Onnx__ModelProto *slicing(void)
{
	Onnx__ModelProto *m = onnx_model(13);

	onnx_input(m, "x", F32, (int64_t[]){ 8, -1 });
	onnx_input(m, "from", I64, (int64_t[]){ 1, -1 });
	onnx_input(m, "to", I64, (int64_t[]){ 1, -1 });
	onnx_node(m, "Slice", "x from to", "part");
	onnx_node(m, "Exp", "part", "y");
	onnx_output(m, "y", F32);
	return m;
}

static void fixed(void)
{
	struct accel_model_fixed list[2] = {
		{ "from", (int64_t[]){ 2 }, 8 }, { "to", (int64_t[]){ 5 }, 8 },
	};
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_value_info info = ACCEL_INIT(info);
	float x[8] = { 0, 1, 0, 0, 0, 5, 6, 7 }, y[3];
	Onnx__ModelProto *m = slicing();
	struct accel_buffer *buffer;
	struct one o;

	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EOPNOTSUPP, "sized by a run");
	one_done(&o);
	opts.fixed = list;
	opts.nfixed = 1;
	CHECK_ERR(one_make(&o, m, &opts), -EOPNOTSUPP);
	one_done(&o);
	opts.nfixed = 2;
	list[1].size = 4;
	CHECK_ERR_TEXT(one_make(&o, m, &opts), -EINVAL, "fixed to 4 bytes and has 8");
	one_done(&o);
	list[1].size = 8;
	list[1].name = "nothing";
	CHECK_ERR_TEXT(one_make(&o, m, &opts), -EINVAL, "no input 'nothing'");
	one_done(&o);
	list[1].name = "to";
	list[1].data = NULL;
	CHECK_ERR_TEXT(one_make(&o, m, &opts), -EINVAL, "fixed[1]");
	one_done(&o);
	list[1].data = (int64_t[]){ 5 };
	REQUIRE(!one_make(&o, m, &opts));
	CHECK(!accel_session_output(o.session, 0, &info));
	CHECK_EQ(info.rank, 1);
	CHECK_EQ(info.dims[0], 3);
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
	CHECK(!accel_session_write(o.session, 1, (int64_t[]){ 2 }, 8));
	CHECK_ERR_TEXT(accel_session_write(o.session, 2, (int64_t[]){ 6 }, 8), -EINVAL,
		       "'to' is fixed");
	buffer = bench_buffer(&o.b, 4096, NULL);
	CHECK_ERR_TEXT(accel_session_bind_input(o.session, 1, buffer, 0), -EINVAL, "is fixed");
	accel_buffer_unref(buffer);
	if (one_run(&o)) {
		CHECK(!accel_session_read(o.session, 0, y, sizeof(y)));
		CHECK(y[0] == 1 && y[1] == 1 && y[2] == 1);
	}
	one_done(&o);
}

/* --- Losses ------------------------------------------------------------------------------ */

/* What is ignored costs nothing, though it would cost infinitely much, and may be no class. */
static void ignored(void)
{
	float x[6] = { -1, -9, -INFINITY, -3, -4, -6 }, y = 0;
	int64_t classes[3] = { 0, -7, 1 };
	Onnx__ModelProto *m = onnx_model(13);
	Onnx__NodeProto *n;
	struct one o;

	onnx_input(m, "x", F32, (int64_t[]){ 3, 2, -1 });
	onnx_input(m, "t", I64, (int64_t[]){ 3, -1 });
	n = onnx_node(m, "NegativeLogLikelihoodLoss", "x t", "y");
	onnx_int(n, "ignore_index", -7);
	onnx_output(m, "y", F32);
	REQUIRE(!one_make(&o, m, NULL));
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
	CHECK(!accel_session_write(o.session, 1, classes, sizeof(classes)));
	if (one_run(&o)) {
		CHECK(!accel_session_read(o.session, 0, &y, sizeof(y)));
		CHECK(y == 3.5f);
	}
	/* Any other number that is no class is an error, not a cost. */
	classes[2] = 2;
	CHECK(!accel_session_write(o.session, 1, classes, sizeof(classes)));
	CHECK_ERR_TEXT(accel_session_run(o.session, soon(), NULL), -EINVAL, "index 2");
	one_done(&o);
	m->graph->input[1]->type->tensor_type->shape->dim[0]->dim_value = 2;
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "do not fit");
	one_done(&o);
}

/* --- Recurrent --------------------------------------------------------------------------- */

enum { T = 5, N = 3, I = 2, H = 4 };

struct recurrent {
	const char *op, *direction;
	int gates;
	bool layout, lengths, start, reset_last, peep, forget;
	float clip;
};

static float param(const Onnx__TensorProto *t, int64_t i)
{
	return t ? t->float_data[i] : 0;
}

static double squash(double x)
{
	return 1 / (1 + exp(-x));
}

static double clipped(const struct recurrent *c, double x)
{
	double most = (double)c->clip;

	return c->clip > 0 ? fmax(-most, fmin(most, x)) : x;
}

/* One row of one direction as the standard writes it down; h and s change. */
static void reference(const struct recurrent *c, int d, const Onnx__TensorProto *w,
		      const Onnx__TensorProto *r, const Onnx__TensorProto *b,
		      const Onnx__TensorProto *p, const float *x, double *h, double *s)
{
	double in[4][H], re[4][H], old[H], reset[H];
	int g = c->gates;

	for (int k = 0; k < g; k++) {
		for (int j = 0; j < H; j++) {
			in[k][j] = (double)param(b, (d * 2 * g + k) * H + j);
			re[k][j] = (double)param(b, (d * 2 * g + g + k) * H + j);
			for (int i = 0; i < I; i++)
				in[k][j] += (double)(param(w, ((d * g + k) * H + j) * I + i) * x[i]);
			for (int i = 0; i < H; i++)
				re[k][j] += (double)param(r, ((d * g + k) * H + j) * H + i) * h[i];
		}
	}
	memcpy(old, h, sizeof(old));
	for (int j = 0; j < H && g == 3; j++)
		reset[j] = squash(clipped(c, in[1][j] + re[1][j]));
	for (int j = 0; j < H; j++) {
		double z, v, f, o;

		if (g == 1) {
			h[j] = tanh(clipped(c, in[0][j] + re[0][j]));
		} else if (g == 3) {
			z = squash(clipped(c, in[0][j] + re[0][j]));
			v = reset[j] * re[2][j];
			if (!c->reset_last) {
				v = (double)param(b, (d * 6 + 5) * H + j);
				for (int i = 0; i < H; i++)
					v += (double)param(r, ((d * 3 + 2) * H + j) * H + i) *
					     reset[i] * old[i];
			}
			h[j] = (1 - z) * tanh(clipped(c, in[2][j] + v)) + z * old[j];
		} else {
			z = squash(clipped(c, in[0][j] + re[0][j] + (double)param(p, d * 3 * H + j) * s[j]));
			f = in[2][j] + re[2][j] + (double)param(p, (d * 3 + 2) * H + j) * s[j];
			f = c->forget ? 1 - z : squash(clipped(c, f));
			s[j] = f * s[j] + z * tanh(clipped(c, in[3][j] + re[3][j]));
			o = in[1][j] + re[1][j] + (double)param(p, (d * 3 + 1) * H + j) * s[j];
			h[j] = squash(clipped(c, o)) * tanh(s[j]);
		}
	}
}

static void near(const float *got, const double *want, int n, const char *what)
{
	for (int i = 0; i < n; i++) {
		if (fabs((double)got[i] - want[i]) <= 1e-5)
			continue;
		printf("# %s: element %d is %g, not %g\n", what, i, (double)got[i], want[i]);
		check_fail(__FILE__, __LINE__, what);
		return;
	}
}

static void recurrent_case(const struct recurrent *c)
{
	static const int32_t lengths[N] = { 5, 2, 0 };
	int D = strcmp(c->direction, "bidirectional") ? 1 : 2, g = c->gates;
	Onnx__ModelProto *m = onnx_model(14);
	Onnx__TensorProto *w, *r, *b, *p = NULL, *h0 = NULL, *s0 = NULL;
	double y[T * 2 * N * H] = { 0 }, yh[2 * N * H], ys[2 * N * H];
	float x[T * N * I], out[T * 2 * N * H], outh[2 * N * H], outs[2 * N * H];
	struct accel_session_info info = ACCEL_INIT(info);
	char in[64];
	Onnx__NodeProto *n;
	struct one o;

	onnx_input(m, "x", F32, c->layout ? (int64_t[]){ N, T, I, -1 } : (int64_t[]){ T, N, I, -1 });
	if (c->lengths)
		onnx_input(m, "l", I32, (int64_t[]){ N, -1 });
	w = onnx_floats(m, "w", (int64_t[]){ D, g * H, I, -1 }, 1);
	r = onnx_floats(m, "r", (int64_t[]){ D, g * H, H, -1 }, 2);
	b = onnx_floats(m, "b", (int64_t[]){ D, 2 * g * H, -1 }, 3);
	if (c->start)
		h0 = onnx_floats(m, "h0", c->layout ? (int64_t[]){ N, D, H, -1 } :
				 (int64_t[]){ D, N, H, -1 }, 4);
	if (c->start && g == 4)
		s0 = onnx_floats(m, "s0", c->layout ? (int64_t[]){ N, D, H, -1 } :
				 (int64_t[]){ D, N, H, -1 }, 5);
	if (c->peep)
		p = onnx_floats(m, "p", (int64_t[]){ D, 3 * H, -1 }, 6);
	snprintf(in, sizeof(in), "x w r b %s %s%s", c->lengths ? "l" : "-", h0 ? "h0" : "-",
		 g < 4 ? "" : p ? s0 ? " s0 p" : " - p" : s0 ? " s0" : "");
	n = onnx_node(m, c->op, in, g == 4 ? "y yh ys" : "y yh");
	onnx_int(n, "hidden_size", H);
	onnx_string(n, "direction", c->direction);
	if (c->layout)
		onnx_int(n, "layout", 1);
	if (c->reset_last)
		onnx_int(n, "linear_before_reset", 1);
	if (c->forget)
		onnx_int(n, "input_forget", 1);
	if (c->clip > 0)
		onnx_float(n, "clip", c->clip);
	onnx_output(m, "y", F32);
	onnx_output(m, "yh", F32);
	if (g == 4)
		onnx_output(m, "ys", F32);
	for (int i = 0; i < T * N * I; i++)
		x[i] = (float)(i * 29 % 23 - 11) / 7;
	for (int d = 0; d < D; d++) {
		bool back = d || !strcmp(c->direction, "reverse");

		for (int row = 0; row < N; row++) {
			int length = c->lengths ? lengths[row] : T;
			int at = c->layout ? row * D + d : d * N + row;
			double h[H], s[H];

			for (int j = 0; j < H; j++) {
				h[j] = (double)param(h0, at * H + j);
				s[j] = (double)param(s0, at * H + j);
			}
			for (int step = 0; step < length; step++) {
				int t = back ? length - 1 - step : step;

				reference(c, d, w, r, b, p, x + (c->layout ? row * T + t : t * N + row) * I,
					  h, s);
				for (int j = 0; j < H; j++)
					y[(c->layout ? (row * T + t) * D + d : (t * D + d) * N + row) * H +
					  j] = h[j];
			}
			memcpy(yh + at * H, h, sizeof(h));
			memcpy(ys + at * H, s, sizeof(s));
		}
	}
	if (one_make(&o, m, NULL)) {
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
		one_done(&o);
		return;
	}
	/* Where rows end is looked up by the processor; all else is the card's. */
	CHECK(!accel_session_info(o.session, &info));
	CHECK_EQ(info.host_nodes != 0, c->lengths);
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
	if (c->lengths)
		CHECK(!accel_session_write(o.session, 1, lengths, sizeof(lengths)));
	if (one_run(&o)) {
		size_t all = (size_t)(T * D * N * H), last = (size_t)(D * N * H);

		CHECK(!accel_session_read(o.session, 0, out, all * sizeof(*out)));
		CHECK(!accel_session_read(o.session, 1, outh, last * sizeof(*outh)));
		near(out, y, (int)all, c->op);
		near(outh, yh, (int)last, "last");
		if (g == 4) {
			CHECK(!accel_session_read(o.session, 2, outs, last * sizeof(*outs)));
			near(outs, ys, (int)last, "state");
		}
	}
	one_done(&o);
}

static void recurrent(void)
{
	static const struct recurrent cases[] = {
		{ "RNN", "forward", .gates = 1, .start = true },
		{ "RNN", "reverse", .gates = 1, .lengths = true, .layout = true },
		{ "RNN", "bidirectional", .gates = 1, .lengths = true, .start = true, .clip = 0.4f },
		{ "GRU", "reverse", .gates = 3, .layout = true, .start = true },
		{ "GRU", "bidirectional", .gates = 3, .lengths = true, .start = true, .layout = true },
		{ "GRU", "bidirectional", .gates = 3, .reset_last = true, .clip = 0.5f, .lengths = true },
		{ "LSTM", "bidirectional", .gates = 4, .lengths = true, .start = true, .peep = true },
		{ "LSTM", "reverse", .gates = 4, .start = true, .layout = true, .forget = true },
		{ "LSTM", "forward", .gates = 4, .peep = true, .clip = 0.3f },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		recurrent_case(&cases[i]);
}

/* --- Resize ------------------------------------------------------------------------------ */

static void resized(const char *mode, const char *coordinates, bool antialias, int64_t to)
{
	Onnx__ModelProto *m = onnx_model(19);
	float x[2 * 7], y[2 * 64];
	Onnx__NodeProto *n;
	struct one o;

	onnx_input(m, "x", F32, (int64_t[]){ 2, 7, -1 });
	onnx_longs(m, "size", &to, 1);
	n = onnx_node(m, "Resize", "x - - size", "y");
	onnx_ints(n, "axes", (int64_t[]){ -1 }, 1);
	onnx_string(n, "mode", mode);
	onnx_string(n, "coordinate_transformation_mode", coordinates);
	if (antialias)
		onnx_int(n, "antialias", 1);
	onnx_output(m, "y", F32);
	/* What is the same everywhere stays the same; a slope stays one, within the edges. */
	for (int i = 0; i < 7; i++) {
		x[i] = 3;
		x[7 + i] = (float)i;
	}
	REQUIRE(!one_make(&o, m, NULL));
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
	if (one_run(&o)) {
		bool good = true;

		CHECK(!accel_session_read(o.session, 0, y, (size_t)to * 8));
		for (int64_t i = 0; i < to; i++) {
			good &= fabsf(y[i] - 3) < 1e-5f;
			good &= !i || y[to + i] >= y[to + i - 1] - (strcmp(mode, "cubic") ? 1e-5f : 0.3f);
		}
		if (!good) {
			printf("# %s %s to %d\n", mode, coordinates, (int)to);
			check_fail(__FILE__, __LINE__, "values");
		}
	}
	one_done(&o);
}

static void resize(void)
{
	static const char *const modes[] = { "nearest", "linear", "cubic" };
	static const char *const coordinates[] = { "half_pixel", "half_pixel_symmetric",
		"pytorch_half_pixel", "align_corners", "asymmetric" };

	for (int m = 0; m < 3; m++)
		for (int k = 0; k < 5; k++)
			for (int64_t to = 1; to < 20; to += 6)
				resized(modes[m], coordinates[k], m && k & 1, to);
}

/* Of bytes, without a sum; ratios that are kept. */
static void resize_bytes(void)
{
	const uint8_t x[6] = { 1, 2, 3, 4, 5, 6 };
	struct accel_value_info info = ACCEL_INIT(info);
	Onnx__ModelProto *m = onnx_model(18);
	uint8_t y[24];
	Onnx__NodeProto *n;
	struct one o;

	onnx_input(m, "x", U8, (int64_t[]){ 2, 3, -1 });
	onnx_longs(m, "size", (int64_t[]){ 4, 12 }, 2);
	n = onnx_node(m, "Resize", "x - - size", "y");
	onnx_string(n, "keep_aspect_ratio_policy", "not_larger");
	onnx_output(m, "y", U8);
	REQUIRE(!one_make(&o, m, NULL));
	CHECK(!accel_session_output(o.session, 0, &info));
	CHECK(info.dims[0] == 4 && info.dims[1] == 6);
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
	if (one_run(&o)) {
		CHECK(!accel_session_read(o.session, 0, y, sizeof(y)));
		for (int i = 0; i < 24; i++)
			CHECK_EQ(y[i], x[i / 12 * 3 + i % 6 / 2]);
	}
	one_done(&o);
	onnx_string(n, "mode", "linear");
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EOPNOTSUPP, "Resize");
	one_done(&o);
	m->graph->initializer[0]->int64_data[1] = 1 << 30;
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "cannot be resized");
	one_done(&o);
}

/* --- Einsum ------------------------------------------------------------------------------ */

/* Two operands of [2, 3, 3] and [3, 2], each element by the letters' loops. */
static void einsum_case(const char *equation, const char *x, const char *y, const char *z)
{
	static const int64_t dx[] = { 2, 3, 3, -1 }, dy[] = { 3, 2, -1 };
	int size[128] = { 0 }, index[128] = { 0 };
	double want[64] = { 0 };
	float a[18], b[6], got[64];
	Onnx__ModelProto *m = onnx_model(12);
	struct accel_value_info info = ACCEL_INIT(info);
	const char *l = "ijkl";
	int total = 1, out = 1;
	Onnx__NodeProto *n;
	struct one o;

	onnx_input(m, "x", F32, dx);
	onnx_input(m, "y", F32, dy);
	n = onnx_node(m, "Einsum", "x y", "z");
	onnx_string(n, "equation", equation);
	onnx_output(m, "z", F32);
	for (int i = 0; x[i]; i++)
		size[(int)x[i]] = (int)dx[i];
	for (int i = 0; y[i]; i++)
		size[(int)y[i]] = (int)dy[i];
	for (int i = 0; i < 18; i++)
		a[i] = (float)(i * 7 % 11 - 5);
	for (int i = 0; i < 6; i++)
		b[i] = (float)(i * 5 % 7 - 3);
	for (int i = 0; i < 4; i++)
		total *= size[(int)l[i]] ? size[(int)l[i]] : 1;
	for (int i = 0; z[i]; i++)
		out *= size[(int)z[i]];
	for (int e = 0; e < total; e++) {
		int rest = e, at[3] = { 0 };

		for (int i = 0; i < 4; i++) {
			int dim = size[(int)l[i]] ? size[(int)l[i]] : 1;

			index[(int)l[i]] = rest % dim;
			rest /= dim;
		}
		for (int i = 0; x[i]; i++)
			at[0] = at[0] * (int)dx[i] + index[(int)x[i]];
		for (int i = 0; y[i]; i++)
			at[1] = at[1] * (int)dy[i] + index[(int)y[i]];
		for (int i = 0; z[i]; i++)
			at[2] = at[2] * size[(int)z[i]] + index[(int)z[i]];
		want[at[2]] += (double)(a[at[0]] * b[at[1]]);
	}
	if (one_make(&o, m, NULL)) {
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
		one_done(&o);
		return;
	}
	CHECK(!accel_session_output(o.session, 0, &info));
	CHECK_EQ(info.size, out * 4);
	CHECK(!accel_session_write(o.session, 0, a, sizeof(a)));
	CHECK(!accel_session_write(o.session, 1, b, sizeof(b)));
	if (one_run(&o) && info.size <= sizeof(got)) {
		CHECK(!accel_session_read(o.session, 0, got, (size_t)info.size));
		near(got, want, out, equation);
	}
	one_done(&o);
}

static void einsum(void)
{
	static const char *const bad[] = { "ijk,kl->im", "ijk", "ijk,kl->ii", "ij,kl", "i.k,kl", "ijk,k1->i" };

	einsum_case("ijk,kl->ijl", "ijk", "kl", "ijl");
	einsum_case("ijk,kl->lij", "ijk", "kl", "lij");
	einsum_case("ijk,jl->ilk", "ijk", "jl", "ilk");
	einsum_case("ijj,jl->il", "ijj", "jl", "il");
	einsum_case("ijk , ji", "ijk", "ji", "k");
	einsum_case("ijk,ki->", "ijk", "ki", "");
	einsum_case("ijk,kl->jkil", "ijk", "kl", "jkil");
	einsum_case("...k,kl->...l", "ijk", "kl", "ijl");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		Onnx__ModelProto *m = onnx_model(12);
		struct one o;

		onnx_input(m, "x", F32, (int64_t[]){ 2, 3, 3, -1 });
		onnx_input(m, "y", F32, (int64_t[]){ 3, 2, -1 });
		onnx_string(onnx_node(m, "Einsum", "x y", "z"), "equation", bad[i]);
		onnx_output(m, "z", F32);
		CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "equation");
		one_done(&o);
	}
}

/* Samples within a cube, at its corners and beyond; places that a matrix leaves where they are. */
static void volumes(void)
{
	static const float x[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	static const float grid[15] = { 0, 0, 0,  1, 1, 1,  -1, 1, -1,  0, -1, -1,  3, 0, 0 };
	static const float still[6] = { 1, 0, 0, 0, 1, 0 };
	static const float corners[8] = { -1, -1, 1, -1, -1, 1, 1, 1 };
	Onnx__ModelProto *m = onnx_model(20);
	struct one o;

	onnx_input(m, "x", F32, (int64_t[]){ 1, 1, 2, 2, 2, -1 });
	onnx_raw(m, "g", F32, (int64_t[]){ 1, 1, 1, 5, 3, -1 }, grid, sizeof(grid));
	onnx_int(onnx_node(m, "GridSample", "x g", "y"), "align_corners", 1);
	onnx_output(m, "y", F32);
	CHECK(one_gives(m, x, sizeof(x), (float[]){ 3.5f, 7, 2, 0.5f, 0 }, 20));
	m = onnx_model(20);
	onnx_input(m, "t", F32, (int64_t[]){ 1, 2, 3, -1 });
	onnx_longs(m, "s", (int64_t[]){ 1, 1, 2, 2 }, 4);
	onnx_int(onnx_node(m, "AffineGrid", "t s", "y"), "align_corners", 1);
	onnx_output(m, "y", F32);
	CHECK(one_gives(m, still, sizeof(still), corners, sizeof(corners)));
	m->graph->node[0]->n_attribute = 0;
	CHECK(one_gives(m, still, sizeof(still),
			(float[]){ -0.5f, -0.5f, 0.5f, -0.5f, -0.5f, 0.5f, 0.5f, 0.5f }, 32));
	m->graph->initializer[0]->int64_data[3] = -2;
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "axis 3 is to have -2 elements");
	one_done(&o);
}

/* Axes without elements: there is nothing to write, or nothing to add up. */
static void nothing(void)
{
	static const char *const ops[] = { "ReduceSum", "ReduceLogSumExp" };

	for (int axis = 1; axis < 3; axis++) {
		for (int i = 0; i < 2; i++) {
			Onnx__ModelProto *m = onnx_model(18);
			float want[8];

			for (int k = 0; k < 8; k++)
				want[k] = i ? -INFINITY : 0;
			onnx_input(m, "x", F32, (int64_t[]){ 2, 0, 4, -1 });
			onnx_longs(m, "a", (int64_t[]){ axis }, 1);
			onnx_node(m, ops[i], "x a", "y");
			onnx_output(m, "y", F32);
			CHECK(one_gives(m, "", 0, want, axis == 1 ? sizeof(want) : 0));
		}
	}
}

/* --- Numbers of 16 bits, whose squares are none ------------------------------------------- */

enum { HALVES = 8 };

static const float halves[HALVES] = { 400, -800, 1200, -160, 320, -640, 1000, -240 };

/* A layer of f16, between casts: with a scale of 1 and, if it takes one, a bias of 0. */
static Onnx__NodeProto *layer16(Onnx__ModelProto *m, const char *op, const char *in, int64_t scales)
{
	static const uint16_t one[HALVES] = { 0x3c00, 0x3c00, 0x3c00, 0x3c00, 0x3c00, 0x3c00, 0x3c00, 0x3c00 };
	static const uint16_t zero[HALVES];
	Onnx__NodeProto *n;

	m->ir_version = 11;
	onnx_input(m, "x", F32, scales == HALVES ? (int64_t[]){ 1, HALVES, -1 } : (int64_t[]){ 1, 1, HALVES, -1 });
	onnx_raw(m, "s", F16, (int64_t[]){ scales, -1 }, one, (size_t)scales * 2);
	onnx_raw(m, "b", F16, (int64_t[]){ scales, -1 }, zero, (size_t)scales * 2);
	onnx_int(onnx_node(m, "Cast", "x", "h"), "to", F16);
	n = onnx_node(m, op, in, "z");
	onnx_int(onnx_node(m, "Cast", "z", "y"), "to", F32);
	onnx_output(m, "y", F32);
	return n;
}

static void norms_of_halves(void)
{
	float centred[HALVES], rms[HALVES], unit[HALVES], both[HALVES + 1];
	double mean = 0, square = 0, variance = 0;
	Onnx__ModelProto *m = onnx_model(23);
	Onnx__NodeProto *n;

	for (int i = 0; i < HALVES; i++) {
		mean += (double)halves[i] / HALVES;
		square += (double)halves[i] * (double)halves[i] / HALVES;
	}
	for (int i = 0; i < HALVES; i++)
		variance += ((double)halves[i] - mean) * ((double)halves[i] - mean) / HALVES;
	for (int i = 0; i < HALVES; i++) {
		centred[i] = (float)(((double)halves[i] - mean) / sqrt(variance));
		rms[i] = (float)((double)halves[i] / sqrt(square));
		unit[i] = (float)((double)halves[i] / sqrt(square * HALVES));
	}
	n = layer16(m, "LayerNormalization", "h s b", HALVES);
	CHECK(one_near(m, halves, sizeof(halves), centred, HALVES, 2e-3));
	/* Its mean is of f32, as the specification has it. */
	onnx_node(m, "Reshape", "m as", "m1");
	onnx_node(m, "Reshape", "y as", "y1");
	onnx_longs(m, "as", (int64_t[]){ -1 }, 1);
	onnx_int(onnx_node(m, "Concat", "y1 m1", "both"), "axis", 0);
	n->output = (char *[]){ (char *)"z", (char *)"m" };
	n->n_output = 2;
	m->graph->output[0]->name = (char *)"both";
	memcpy(both, centred, sizeof(centred));
	both[HALVES] = (float)mean;
	CHECK(one_near(m, halves, sizeof(halves), both, HALVES + 1, 2e-3));
	m = onnx_model(23);
	layer16(m, "RMSNormalization", "h s", HALVES);
	CHECK(one_near(m, halves, sizeof(halves), rms, HALVES, 2e-3));
	m = onnx_model(23);
	layer16(m, "InstanceNormalization", "h s b", 1);
	CHECK(one_near(m, halves, sizeof(halves), centred, HALVES, 2e-3));
	m = onnx_model(23);
	onnx_int(layer16(m, "GroupNormalization", "h s b", 1), "num_groups", 1);
	CHECK(one_near(m, halves, sizeof(halves), centred, HALVES, 2e-3));
	m = onnx_model(23);
	layer16(m, "LpNormalization", "h", HALVES);
	CHECK(one_near(m, halves, sizeof(halves), unit, HALVES, 2e-3));
	/* A variance that f16 does not have. */
	m = onnx_model(23);
	onnx_raw(m, "mean", F32, (int64_t[]){ 1, -1 }, (float[]){ 0 }, 4);
	onnx_raw(m, "var", F32, (int64_t[]){ 1, -1 }, (float[]){ 1e6f }, 4);
	layer16(m, "BatchNormalization", "h s b mean var", 1);
	for (int i = 0; i < HALVES; i++)
		unit[i] = halves[i] / 1000;
	CHECK(one_near(m, halves, sizeof(halves), unit, HALVES, 2e-3));
}

/* --- Edges ---------------------------------------------------------------------------------- */

/* Lengths are what ONNX infers: in f32, where 5 times 1.4 is 7. */
static void lengths(void)
{
	static const float x[5] = { 0, 1, 2, 3, 4 }, scales[3] = { 1, 1, 1.4f };
	Onnx__ModelProto *m = onnx_model(13);
	Onnx__NodeProto *n;

	onnx_input(m, "x", F32, (int64_t[]){ 1, 1, 5, -1 });
	onnx_raw(m, "s", F32, (int64_t[]){ 3, -1 }, scales, sizeof(scales));
	n = onnx_node(m, "Resize", "x - s", "y");
	onnx_string(n, "coordinate_transformation_mode", "asymmetric");
	onnx_string(n, "nearest_mode", "floor");
	onnx_output(m, "y", F32);
	CHECK(one_gives(m, x, sizeof(x), (float[]){ 0, 0, 1, 2, 2, 3, 4 }, 28));
}

static void edges(void)
{
	static const float x[2] = { 2, -1 }, slope[2] = { INFINITY, 0.5f }, place[2] = { -0.92f, 0 };
	Onnx__ModelProto *m = onnx_model(16);
	Onnx__NodeProto *n;
	float image[20];
	struct one o;

	onnx_input(m, "x", F32, (int64_t[]){ 2, -1 });
	onnx_raw(m, "s", F32, (int64_t[]){ 2, -1 }, slope, sizeof(slope));
	onnx_node(m, "PRelu", "x s", "y");
	onnx_output(m, "y", F32);
	CHECK(one_gives(m, x, sizeof(x), (float[]){ 2, -0.5f }, 8));
	m->graph->node[0]->op_type = (char *)"Celu";
	m->graph->node[0]->n_input = 1;
	onnx_float(m->graph->node[0], "alpha", -1.5f);
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EOPNOTSUPP, "alpha");
	one_done(&o);
	/* Beside the first column, but within half an element of it. */
	for (int i = 0; i < 20; i++)
		image[i] = (float)(i * i);
	m = onnx_model(16);
	onnx_input(m, "x", F32, (int64_t[]){ 1, 1, 4, 5, -1 });
	onnx_raw(m, "g", F32, (int64_t[]){ 1, 1, 1, 2, -1 }, place, sizeof(place));
	n = onnx_node(m, "GridSample", "x g", "y");
	onnx_string(n, "mode", "bicubic");
	onnx_string(n, "padding_mode", "border");
	onnx_output(m, "y", F32);
	CHECK(one_near(m, image, sizeof(image), (float[]){ 51.361f }, 1, 0.01));
}

static const struct check_test tests[] = {
	TEST(fixed),
	TEST(ignored),
	TEST(recurrent),
	TEST(resize),
	TEST(resize_bytes),
	TEST(einsum),
	TEST(volumes),
	TEST(nothing),
	TEST(norms_of_halves),
	TEST(lengths),
	TEST(edges),
};

CHECK_MAIN(tests)
