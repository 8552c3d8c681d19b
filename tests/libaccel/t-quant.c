// SPDX-License-Identifier: MIT
/*
 * Models of integers that stand for numbers: each operator against arithmetic written out here,
 * with what is constant as well as with what is not.
 */
#include <math.h>

#include "check.h"
#include "onnx.h"

#define DIMS(...) ((int64_t[]){ __VA_ARGS__, -1 })

/* --- Models and their runs --------------------------------------------------------------- */

struct given {
	const void *data;
	size_t size;
};

static struct given inputs[16];
static uint32_t ninputs;
static struct accel_session_info info;

static Onnx__ModelProto *begin(int64_t opset)
{
	ninputs = 0;
	return onnx_model(opset);
}

static void give(Onnx__ModelProto *m, bool constant, const char *name, int type,
		 const int64_t *dims, const void *data, size_t size)
{
	if (constant) {
		onnx_raw(m, name, type, dims, data, size);
		return;
	}
	onnx_input(m, name, type, dims);
	inputs[ninputs++] = (struct given){ data, size };
}

static struct accel_model *load(const Onnx__ModelProto *m)
{
	struct accel_model *model = NULL;
	size_t size;
	void *data = onnx_bytes(m, &size);

	if (accel_model_load_memory(data, size, NULL, &model))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	free(data);
	return model;
}

/* Runs a model with what was given; leaves out a pass. */
static bool run_without(const Onnx__ModelProto *m, const char *pass, void *out, size_t size)
{
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_session *session = NULL;
	struct accel_model *model = load(m);
	struct bench b;
	bool ok;

	if (!model || !bench_open(&b, NULL))
		return false;
	opts.without = &pass;
	opts.nwithout = pass != NULL;
	info = (struct accel_session_info)ACCEL_INIT(info);
	ok = !accel_session_create(model, b.queue, &opts, &session);
	if (ok)
		ok = !accel_session_info(session, &info);
	for (uint32_t i = 0; i < ninputs && ok; i++)
		ok = !accel_session_write(session, i, inputs[i].data, inputs[i].size);
	ok = ok && !accel_session_run(session, soon(), NULL) &&
	     !accel_session_read(session, 0, out, size);
	if (!ok)
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	accel_session_unref(session);
	accel_model_unref(model);
	bench_close(&b);
	return ok;
}

static bool run(const Onnx__ModelProto *m, void *out, size_t size)
{
	memset(out, 0xa5, size);
	return run_without(m, NULL, out, size);
}

static uint32_t random_state;

static uint32_t random_bits(void)
{
	random_state = random_state * 1103515245 + 12345;
	return random_state >> 16 & 0xff;
}

static void fill(uint8_t *p, size_t n, uint32_t seed)
{
	random_state = seed;
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)random_bits();
}

static int32_t as(int type, uint8_t byte)
{
	return type == I8 ? (int8_t)byte : byte;
}

/* Round half to even, add, saturate. */
static uint8_t to_byte(int type, float x, int32_t zero)
{
	double y = isnan(x) ? zero : rint((double)x) + zero;
	int32_t low = type == I8 ? -128 : 0, high = type == I8 ? 127 : 255;

	return (uint8_t)(int32_t)(y < low ? low : y > high ? high : y);
}

/* --- Products ---------------------------------------------------------------------------- */

enum { M = 5, K = 19, N = 7 };

struct product {
	int ta, tb, ty;
	uint8_t a[M * K], b[K * N], za[M], zb[N], zy;
	float sa[M], sb[N], sy;
};

static void make_product(struct product *p, int ta, int tb, int ty, bool rows, bool columns)
{
	*p = (struct product){ .ta = ta, .tb = tb, .ty = ty, .zy = 13, .sy = 37.5f };
	fill(p->a, sizeof(p->a), 1);
	fill(p->b, sizeof(p->b), 2);
	fill(p->za, sizeof(p->za), 3);
	fill(p->zb, sizeof(p->zb), 4);
	for (int i = 0; i < M; i++) {
		p->sa[i] = rows ? 0.3f + (float)i * 0.11f : 0.3f;
		p->za[i] = rows ? p->za[i] : p->za[0];
	}
	for (int i = 0; i < N; i++) {
		p->sb[i] = columns ? 0.07f + (float)i * 0.013f : 0.07f;
		p->zb[i] = columns ? p->zb[i] : p->zb[0];
	}
}

static int32_t sum(const struct product *p, int i, int j)
{
	int32_t acc = 0;

	for (int k = 0; k < K; k++)
		acc += (as(p->ta, p->a[i * K + k]) - as(p->ta, p->za[i])) *
		       (as(p->tb, p->b[k * N + j]) - as(p->tb, p->zb[j]));
	return acc;
}

static void check_qlinear_matmul(const struct product *p, bool rows, bool columns, bool constant)
{
	Onnx__ModelProto *m = begin(13);
	uint8_t got[M * N], want[M * N];
	const int64_t *by_row = rows ? DIMS(M) : DIMS(-1), *by_column = columns ? DIMS(N) : DIMS(-1);

	give(m, false, "a", p->ta, DIMS(M, K), p->a, sizeof(p->a));
	give(m, constant, "b", p->tb, DIMS(K, N), p->b, sizeof(p->b));
	give(m, constant, "sa", F32, by_row, p->sa, rows ? sizeof(p->sa) : 4);
	give(m, constant, "za", p->ta, by_row, p->za, rows ? M : 1);
	give(m, constant, "sb", F32, by_column, p->sb, columns ? sizeof(p->sb) : 4);
	give(m, constant, "zb", p->tb, by_column, p->zb, columns ? N : 1);
	give(m, constant, "sy", F32, DIMS(-1), &p->sy, 4);
	give(m, constant, "zy", p->ty, DIMS(-1), &p->zy, 1);
	onnx_node(m, "QLinearMatMul", "a sa za b sb zb sy zy", "y");
	onnx_output(m, "y", p->ty);
	for (int i = 0; i < M; i++) {
		for (int j = 0; j < N; j++) {
			float scale = p->sa[i] * p->sb[j] / p->sy;

			want[i * N + j] = to_byte(p->ty, (float)sum(p, i, j) * scale,
						  as(p->ty, p->zy));
		}
	}
	REQUIRE(run(m, got, sizeof(got)));
	CHECK(!memcmp(got, want, sizeof(want)));
	/* All of it is the card's where it can be. */
	CHECK_EQ(info.host_nodes != 0, !constant || rows || columns);
}

static void qlinear_matmul(void)
{
	static const int types[] = { U8, I8 };
	struct product p;

	for (int i = 0; i < 8; i++) {
		make_product(&p, types[i & 1], types[i >> 1 & 1], types[i >> 2], false, false);
		check_qlinear_matmul(&p, false, false, true);
		check_qlinear_matmul(&p, false, false, false);
	}
	for (int i = 1; i < 4; i++) {
		make_product(&p, U8, I8, U8, i & 1, i >> 1);
		check_qlinear_matmul(&p, i & 1, i >> 1, true);
		check_qlinear_matmul(&p, i & 1, i >> 1, false);
	}
	/* One zero point for all columns that is written for each, scales that differ: the card's. */
	make_product(&p, U8, I8, I8, false, true);
	memset(p.zb, 0, sizeof(p.zb));
	{
		Onnx__ModelProto *m = begin(13);
		uint8_t got[M * N];

		give(m, false, "a", U8, DIMS(M, K), p.a, sizeof(p.a));
		give(m, true, "b", I8, DIMS(K, N), p.b, sizeof(p.b));
		give(m, true, "sa", F32, DIMS(1), p.sa, 4);
		give(m, true, "za", U8, DIMS(1), p.za, 1);
		give(m, true, "sb", F32, DIMS(N), p.sb, sizeof(p.sb));
		give(m, true, "zb", I8, DIMS(N), p.zb, N);
		give(m, true, "sy", F32, DIMS(1), &p.sy, 4);
		give(m, true, "zy", I8, DIMS(1), &p.zy, 1);
		onnx_node(m, "QLinearMatMul", "a sa za b sb zb sy zy", "y");
		onnx_output(m, "y", I8);
		REQUIRE(run(m, got, sizeof(got)));
		CHECK_EQ(info.host_nodes, 0);
		for (int i = 0; i < M * N; i++)
			CHECK_EQ(got[i], to_byte(I8, (float)sum(&p, i / N, i % N) *
						 (p.sa[0] * p.sb[i % N] / p.sy), 13));
	}
}

/* Ties to even, before the zero point is added. */
static void ties(void)
{
	static const uint8_t a[8] = { 1, 3, 5, 7, 9, 255, 0, 2 }, one = 1, zero = 0, shift = 3;
	static const uint8_t want[8] = { 3, 5, 5, 7, 7, 131, 3, 4 };
	const float unit = 1, half = 2;
	Onnx__ModelProto *m = begin(13);
	uint8_t got[8];

	give(m, false, "a", U8, DIMS(8, 1), a, 8);
	give(m, true, "b", U8, DIMS(1, 1), &one, 1);
	give(m, true, "s", F32, DIMS(-1), &unit, 4);
	give(m, true, "z", U8, DIMS(-1), &zero, 1);
	give(m, true, "sy", F32, DIMS(-1), &half, 4);
	give(m, true, "zy", U8, DIMS(-1), &shift, 1);
	onnx_node(m, "QLinearMatMul", "a s z b s z sy zy", "y");
	onnx_output(m, "y", U8);
	REQUIRE(run(m, got, sizeof(got)));
	CHECK(!memcmp(got, want, sizeof(want)));
}

/* Which zero points there are, and which of them are constants. */
static void matmul_integer(void)
{
	static const int types[] = { U8, I8 };

	for (int i = 0; i < 64; i++) {
		bool rows = i >> 2 & 1, columns = i >> 3 & 1, constant = i >> 4 & 1, absent = i >> 5;
		Onnx__ModelProto *m = begin(10);
		struct product p;
		int32_t got[M * N];

		make_product(&p, types[i & 1], types[i >> 1 & 1], U8, rows, columns);
		if (absent)
			memset(p.zb, 0, N);
		give(m, false, "a", p.ta, DIMS(M, K), p.a, sizeof(p.a));
		give(m, constant, "b", p.tb, DIMS(K, N), p.b, sizeof(p.b));
		give(m, constant, "za", p.ta, rows ? DIMS(M) : DIMS(-1), p.za, rows ? M : 1);
		if (!absent)
			give(m, constant, "zb", p.tb, columns ? DIMS(N) : DIMS(-1), p.zb,
			     columns ? N : 1);
		onnx_node(m, "MatMulInteger", absent ? "a b za" : "a b za zb", "y");
		onnx_output(m, "y", I32);
		REQUIRE(run(m, got, sizeof(got)));
		for (int k = 0; k < M * N; k++)
			if (!CHECK_EQ(got[k], sum(&p, k / N, k % N)))
				break;
		if (absent && !rows)
			CHECK_EQ(info.host_nodes, 0);
	}
}

/* Batches, and vectors on either side. */
static void batches(void)
{
	Onnx__ModelProto *m;
	uint8_t a[3 * 2 * 4], b[3 * 4 * 5], za = 7;
	int32_t got[30];

	fill(a, sizeof(a), 5);
	fill(b, sizeof(b), 6);
	for (int kind = 0; kind < 3; kind++) {
		m = begin(10);
		give(m, false, "a", U8, kind == 1 ? DIMS(4) : DIMS(3, 2, 4), a, kind == 1 ? 4 : 24);
		give(m, false, "b", I8, kind == 2 ? DIMS(4) : DIMS(3, 4, 5), b, kind == 2 ? 4 : 60);
		give(m, true, "za", U8, DIMS(-1), &za, 1);
		onnx_node(m, "MatMulInteger", "a b za", "y");
		onnx_output(m, "y", I32);
		REQUIRE(run(m, got, kind == 0 ? 120 : kind == 1 ? 60 : 24));
		for (int i = 0; i < (kind == 0 ? 30 : kind == 1 ? 15 : 6); i++) {
			const uint8_t *pa = kind == 1 ? a : kind == 2 ? a + i * 4 : a + i / 5 * 4;
			const uint8_t *pb = kind == 2 ? b : kind == 1 ? b + i / 5 * 20 + i % 5 :
					    b + i / 10 * 20 + i % 5;
			int32_t acc = 0;

			for (int k = 0; k < 4; k++)
				acc += (pa[k] - za) * as(I8, pb[k * (kind == 2 ? 1 : 5)]);
			CHECK_EQ(got[i], acc);
		}
	}
}

/* --- Convolutions ------------------------------------------------------------------------ */

/* 2 images of 4 channels, 7 x 5; 6 channels out of 2 groups, taps 3 x 2 with stride 2 x 1,
 * dilation 1 x 2; 1, 0 and 2, 1 of padding.
 */
enum { BATCH = 2, CI = 4, H = 7, W = 5, CO = 6, G = 2, KH = 3, KW = 2, OH = 4, OW = 4 };

struct filter {
	int tx, tw;
	uint8_t x[BATCH * CI * H * W], w[CO * CI / G * KH * KW], zx, zw[CO];
	int32_t bias[CO];
	float sw[CO];
};

static int32_t convolved(const struct filter *f, int n, int co, int oh, int ow)
{
	int32_t acc = 0;

	for (int c = 0; c < CI / G; c++) {
		for (int k = 0; k < KH * KW; k++) {
			int h = oh * 2 + k / KW - 1, w = ow + k % KW * 2 - 0;
			int ci = co / (CO / G) * (CI / G) + c;

			if (h < 0 || h >= H || w < 0 || w >= W)
				continue;
			acc += (as(f->tx, f->x[((n * CI + ci) * H + h) * W + w]) - as(f->tx, f->zx)) *
			       (as(f->tw, f->w[(co * CI / G + c) * KH * KW + k]) - as(f->tw, f->zw[co]));
		}
	}
	return acc;
}

static void make_filter(struct filter *f, int tx, int tw, bool channels)
{
	*f = (struct filter){ .tx = tx, .tw = tw };
	fill(f->x, sizeof(f->x), 11);
	fill(f->w, sizeof(f->w), 12);
	fill(f->zw, CO, 13);
	f->zx = 100;
	for (int i = 0; i < CO; i++) {
		f->bias[i] = (i - 3) * 1000;
		f->sw[i] = channels ? 0.02f + (float)i * 0.007f : 0.02f;
		f->zw[i] = channels ? f->zw[i] : f->zw[0];
	}
}

static void attributes(Onnx__NodeProto *n)
{
	onnx_int(n, "group", G);
	onnx_ints(n, "strides", (int64_t[]){ 2, 1 }, 2);
	onnx_ints(n, "dilations", (int64_t[]){ 1, 2 }, 2);
	onnx_ints(n, "pads", (int64_t[]){ 1, 0, 2, 1 }, 4);
}

static void qlinear_conv(void)
{
	static const int types[] = { U8, I8 };
	static const float sx = 0.5f, sy = 3.25f;
	static const uint8_t zy = 100;

	for (int i = 0; i < 32; i++) {
		bool constant = i >> 2 & 1, channels = i >> 3 & 1, same = i >> 4;
		Onnx__ModelProto *m = begin(10);
		uint8_t got[BATCH * CO * OH * OW];
		struct filter f;

		make_filter(&f, types[i & 1], types[i >> 1 & 1], channels);
		if (same)
			memset(f.zw, 0, CO);
		give(m, false, "x", f.tx, DIMS(BATCH, CI, H, W), f.x, sizeof(f.x));
		give(m, constant, "sx", F32, DIMS(-1), &sx, 4);
		give(m, constant, "zx", f.tx, DIMS(-1), &f.zx, 1);
		give(m, constant, "w", f.tw, DIMS(CO, CI / G, KH, KW), f.w, sizeof(f.w));
		give(m, constant, "sw", F32, channels ? DIMS(CO) : DIMS(-1), f.sw,
		     channels ? sizeof(f.sw) : 4);
		give(m, constant, "zw", f.tw, channels ? DIMS(CO) : DIMS(-1), f.zw, channels ? CO : 1);
		give(m, constant, "sy", F32, DIMS(-1), &sy, 4);
		give(m, constant, "zy", U8, DIMS(-1), &zy, 1);
		give(m, constant, "bias", I32, DIMS(CO), f.bias, sizeof(f.bias));
		attributes(onnx_node(m, "QLinearConv", "x sx zx w sw zw sy zy bias", "y"));
		onnx_output(m, "y", U8);
		REQUIRE(run(m, got, sizeof(got)));
		for (int k = 0; k < BATCH * CO * OH * OW; k++) {
			int co = k / (OH * OW) % CO;
			int32_t acc = convolved(&f, k / (CO * OH * OW), co, k / OW % OH, k % OW) +
				      f.bias[co];

			if (!CHECK_EQ(got[k], to_byte(U8, (float)acc * (sx * f.sw[co] / sy), zy)))
				break;
		}
		CHECK_EQ(info.host_nodes == 0, constant && (!channels || same));
	}
}

static void conv_integer(void)
{
	for (int i = 0; i < 4; i++) {
		Onnx__ModelProto *m = begin(10);
		int32_t got[BATCH * CO * OH * OW];
		struct filter f;

		make_filter(&f, U8, I8, i & 1);
		give(m, false, "x", U8, DIMS(BATCH, CI, H, W), f.x, sizeof(f.x));
		give(m, i >> 1, "w", I8, DIMS(CO, CI / G, KH, KW), f.w, sizeof(f.w));
		give(m, i >> 1, "zx", U8, DIMS(-1), &f.zx, 1);
		give(m, i >> 1, "zw", I8, i & 1 ? DIMS(CO) : DIMS(-1), f.zw, i & 1 ? CO : 1);
		attributes(onnx_node(m, "ConvInteger", "x w zx zw", "y"));
		onnx_output(m, "y", I32);
		REQUIRE(run(m, got, sizeof(got)));
		for (int k = 0; k < BATCH * CO * OH * OW; k++)
			if (!CHECK_EQ(got[k], convolved(&f, k / (CO * OH * OW), k / (OH * OW) % CO,
							k / OW % OH, k % OW)))
				break;
	}
}

/* --- Conversions ------------------------------------------------------------------------- */

static const float numbers[20] = {
	0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 254.5f, 300, -300, 1e30f, -1e30f, NAN, INFINITY, -INFINITY, 0,
	-0.0f, 1e-40f, 127.5f, -128.5f, 32767.5f, -32768.5f,
};

static void quantize(void)
{
	static const struct {
		int type;
		int32_t low, high, zero;
		size_t size;
	} to[] = {
		{ U8, 0, 255, 0, 1 }, { U8, 0, 255, 3, 1 }, { U8, 0, 255, 255, 1 },
		{ I8, -128, 127, 0, 1 }, { I8, -128, 127, -128, 1 }, { I8, -128, 127, 5, 1 },
		{ U16, 0, 65535, 1000, 2 }, { I16, -32768, 32767, -7, 2 },
	};

	for (size_t i = 0; i < 4 * sizeof(to) / sizeof(to[0]); i++) {
		size_t t = i / 4;
		float scale = i & 1 ? 0.7f : 1;
		Onnx__ModelProto *m = begin(21);
		unsigned char got[2 * 20];
		int32_t zero = to[t].zero;

		give(m, false, "x", F32, DIMS(20), numbers, sizeof(numbers));
		give(m, i & 2, "s", F32, DIMS(-1), &scale, 4);
		give(m, i & 2, "z", to[t].type, DIMS(-1), &zero, to[t].size);
		onnx_node(m, "QuantizeLinear", "x s z", "y");
		onnx_output(m, "y", to[t].type);
		REQUIRE(run(m, got, 20 * to[t].size));
		CHECK_EQ(info.host_nodes, to[t].size - 1);
		for (int k = 0; k < 20; k++) {
			float x = numbers[k] / scale;
			double y = isnan(x) ? zero : rint((double)x) + zero;
			int32_t want = (int32_t)fmin(fmax(y, to[t].low), to[t].high);
			int32_t have = to[t].type == U8 ? got[k] : to[t].type == I8 ? (int8_t)got[k] :
				       to[t].type == U16 ? ((uint16_t *)(void *)got)[k] :
				       ((int16_t *)(void *)got)[k];

			CHECK_EQ(have, want);
		}
	}
}

static void dequantize(void)
{
	static const int types[] = { U8, I8, U16, I16, I32 };
	static const size_t sizes[] = { 1, 1, 2, 2, 4 };

	for (int i = 0; i < 20; i++) {
		int t = i % 5;
		bool axis = i >= 10;
		int32_t x[12], zero[3];
		unsigned char px[48], pz[12];
		float scale[3] = { 0.1f, -2.5f, 1e38f }, got[12];
		Onnx__ModelProto *m = begin(21);

		for (int k = 0; k < 12; k++) {
			x[k] = (int32_t)(2654435761u * (uint32_t)(k + 3));
			memcpy(px + (size_t)k * sizes[t], &x[k], sizes[t]);
			x[k] = t == 0 ? (uint8_t)x[k] : t == 1 ? (int8_t)x[k] : t == 2 ?
			       (uint16_t)x[k] : t == 3 ? (int16_t)x[k] : x[k];
		}
		for (int k = 0; k < 3; k++) {
			zero[k] = t == 4 ? 0 : 9 + 50 * k;
			memcpy(pz + (size_t)k * sizes[t], &zero[k], sizes[t]);
		}
		give(m, false, "x", types[t], DIMS(2, 3, 2), px, 12 * sizes[t]);
		give(m, i % 10 >= 5, "s", F32, axis ? DIMS(3) : DIMS(-1), scale, axis ? 12 : 4);
		give(m, i % 10 >= 5, "z", types[t], axis ? DIMS(3) : DIMS(-1), pz,
		     (axis ? 3 : 1) * sizes[t]);
		onnx_int(onnx_node(m, "DequantizeLinear", "x s z", "y"), "axis", -2);
		onnx_output(m, "y", F32);
		REQUIRE(run(m, got, sizeof(got)));
		for (int k = 0; k < 12; k++) {
			int at = axis ? k / 2 % 3 : 0;
			float want = (float)(x[k] - zero[at]) * scale[at];

			CHECK(!memcmp(&got[k], &want, 4));
		}
		CHECK_EQ(info.host_nodes, t == 2 || t == 3);
	}
}

/* A scale for each row of two. */
static void blocks(void)
{
	static const float x[16] = { 1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, -5, -6, -7, -8 };
	static const float scale[8] = { 1, 0.5f, 2, 0.25f, 1, 1, 0.1f, 3 };
	Onnx__ModelProto *m = begin(21);
	Onnx__NodeProto *n;
	int8_t got[16];
	struct accel_node_info node = ACCEL_INIT(node);
	struct accel_graph *graph = NULL;
	struct accel_model *model;

	give(m, false, "x", F32, DIMS(4, 4), x, sizeof(x));
	give(m, true, "s", F32, DIMS(2, 4), scale, sizeof(scale));
	n = onnx_node(m, "QuantizeLinear", "x s", "y");
	onnx_int(n, "axis", 0);
	onnx_int(n, "block_size", 2);
	onnx_int(n, "output_dtype", I8);
	onnx_output(m, "y", I8);
	REQUIRE(run(m, got, sizeof(got)));
	for (int i = 0; i < 16; i++)
		CHECK_EQ(got[i], (int8_t)to_byte(I8, x[i] / scale[i / 8 * 4 + i % 4], 0));
	n->attribute[1]->i = 3;
	model = load(m);
	REQUIRE(!accel_graph_create(model, NULL, NULL, NULL, &graph));
	CHECK(!accel_graph_node(graph, 0, &node) && node.place == ACCEL_PLACE_MISSING);
	CHECK(strstr(node.reason, "not full"));
	accel_graph_free(graph);
	accel_model_unref(model);
}

/* Of one block for a whole vector: a scale that is written with an axis more than the vector has. */
static void one_block(void)
{
	static const float scale[1] = { 0.5f }, want[4] = { 0.5f, -1, 1.5f, -2 };
	static const int8_t x[4] = { 1, -2, 3, -4 };
	Onnx__ModelProto *m = begin(21);
	Onnx__NodeProto *n;
	float got[4];

	give(m, false, "x", I8, DIMS(4), x, sizeof(x));
	give(m, true, "s", F32, DIMS(1), scale, sizeof(scale));
	n = onnx_node(m, "DequantizeLinear", "x s", "y");
	onnx_int(n, "axis", 0);
	onnx_int(n, "block_size", 4);
	onnx_output(m, "y", F32);
	REQUIRE(run(m, got, sizeof(got)));
	CHECK(!memcmp(got, want, sizeof(want)));
	CHECK_EQ(info.host_nodes, 0);
}

static void dynamic(void)
{
	static const float x[5][5] = {
		{ -1, 2, 0.5f, 0.25f, 3 }, { 1, 2, 3, 4, 5 }, { -5, -4, -3, -2, -1 }, { 0, 0, 0, 0, 0 },
		{ -1e-40f, 1e-40f, 2e-40f, 0, 0 },
	};

	for (int i = 0; i < 5; i++) {
		Onnx__ModelProto *m = begin(11);
		float low = 0, high = 0, scale;
		uint8_t got[5];
		int32_t zero;

		give(m, false, "x", F32, DIMS(5), x[i], sizeof(x[i]));
		onnx_node(m, "DynamicQuantizeLinear", "x", "y scale zero");
		onnx_output(m, "y", U8);
		REQUIRE(run(m, got, sizeof(got)));
		CHECK_EQ(info.host_nodes, 0);
		for (int k = 0; k < 5; k++) {
			low = fminf(low, x[i][k]);
			high = fmaxf(high, x[i][k]);
		}
		scale = (high - low) / 255;
		zero = to_byte(U8, (0 - low) / scale, 0);
		for (int k = 0; k < 5; k++)
			CHECK_EQ(got[k], to_byte(U8, x[i][k] / scale, zero));
	}
}

/* --- What is refused --------------------------------------------------------------------- */

static void refuse(const Onnx__ModelProto *m, const char *word)
{
	struct accel_model *model = load(m);
	struct accel_graph *graph = NULL;

	CHECK_ERR_TEXT(accel_graph_create(model, NULL, NULL, NULL, &graph), -EINVAL, word);
	accel_graph_free(graph);
	accel_model_unref(model);
}

static void refusals(void)
{
	static const float scales[9] = { 1 };
	static const uint8_t zeros[128] = { 0 };
	Onnx__ModelProto *m;

	for (int i = 0; i < 3; i++) {
		m = begin(13);
		give(m, false, "a", U8, DIMS(3, 4), zeros, 12);
		give(m, true, "b", I8, i == 2 ? DIMS(5, 2) : DIMS(4, 2), zeros, i == 2 ? 10 : 8);
		give(m, true, "s", F32, i ? DIMS(-1) : DIMS(5), scales, i ? 4 : 20);
		give(m, true, "one", F32, DIMS(-1), scales, 4);
		give(m, true, "za", U8, DIMS(-1), zeros, 1);
		give(m, true, "zb", i == 1 ? U8 : I8, DIMS(-1), zeros, 1);
		onnx_node(m, "QLinearMatMul", "a one za b s zb one za", "y");
		onnx_output(m, "y", U8);
		refuse(m, i == 0 ? "scale of operand b" : i == 1 ? "zero point of operand 1" :
		       "do not multiply");
	}
	m = begin(13);
	give(m, false, "x", F32, DIMS(3, 4), scales, 0);
	give(m, true, "s", F32, DIMS(3), scales, 12);
	onnx_node(m, "QuantizeLinear", "x s", "y");
	onnx_output(m, "y", U8);
	refuse(m, "3 scales for an axis of 4");
}

static const struct check_test tests[] = {
	TEST(qlinear_matmul), TEST(ties), TEST(matmul_integer), TEST(batches), TEST(qlinear_conv),
	TEST(conv_integer), TEST(quantize), TEST(dequantize), TEST(blocks), TEST(one_block), TEST(dynamic),
	TEST(refusals),
};

CHECK_MAIN(tests)
