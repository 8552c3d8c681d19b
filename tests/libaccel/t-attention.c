// SPDX-License-Identifier: MIT
/*
 * Attention and rotations against sums that are written out here: groups of heads, what is past, masks.
 */
#include <math.h>

#include "check.h"
#include "one.h"
#include "onnx.h"

enum { HEADS = 4, KEYS = 2, ROWS = 3, PAST = 2, ALL = PAST + ROWS, SIZE = 4, WIDE = 3 };

static float wave(int i)
{
	return (float)((i * 37 + 11) % 19 - 9) / 8;
}

struct attention {
	bool flat, causal, mask;
	float scale, cap;
};

/* One element of the batch: q [HEADS][ROWS][SIZE], k [KEYS][ALL][SIZE], v [KEYS][ALL][WIDE]. */
static void reference(const struct attention *a, const float *q, const float *k, const float *v,
		      const unsigned char *mask, float *y)
{
	double scale = a->scale != 0 ? (double)a->scale : 1 / sqrt(SIZE);

	for (int h = 0; h < HEADS; h++) {
		for (int r = 0; r < ROWS; r++) {
			const float *keys = k + h / (HEADS / KEYS) * ALL * SIZE;
			const float *values = v + h / (HEADS / KEYS) * ALL * WIDE;
			double p[ALL], most = -INFINITY, sum = 0;

			for (int c = 0; c < ALL; c++) {
				p[c] = 0;
				for (int i = 0; i < SIZE; i++)
					p[c] += (double)q[(h * ROWS + r) * SIZE + i] *
						(double)keys[c * SIZE + i] * scale;
				/* First: what is masked must not come back as -cap. */
				if (a->cap != 0)
					p[c] = (double)a->cap * tanh(p[c] / (double)a->cap);
				if ((a->mask && !mask[r * ALL + c]) || (a->causal && c > r + PAST))
					p[c] = -INFINITY;
				most = fmax(most, p[c]);
			}
			for (int c = 0; c < ALL; c++)
				sum += exp(p[c] - most);
			for (int w = 0; w < WIDE; w++) {
				double out = 0;

				for (int c = 0; c < ALL; c++)
					out += exp(p[c] - most) / sum * (double)values[c * WIDE + w];
				if (a->flat)
					y[(r * HEADS + h) * WIDE + w] = (float)out;
				else
					y[(h * ROWS + r) * WIDE + w] = (float)out;
			}
		}
	}
}

/* [n][rows][size] as the last rows of [n][ALL][size]. */
static void last_rows(const float *all, int n, int rows, int size, int skip, bool flat, float *out)
{
	for (int h = 0; h < n; h++)
		for (int r = 0; r < rows; r++)
			for (int i = 0; i < size; i++)
				out[flat ? (r * n + h) * size + i : (h * rows + r) * size + i] =
					all[(h * ALL + skip + r) * size + i];
}

static Onnx__ModelProto *attention(const struct attention *a, float *q_in, float *want)
{
	float q[HEADS * ROWS * SIZE], k[KEYS * ALL * SIZE], v[KEYS * ALL * WIDE], part[128];
	unsigned char mask[ROWS * ALL];
	Onnx__ModelProto *m = onnx_model(23);
	Onnx__NodeProto *n;

	for (int i = 0; i < HEADS * ROWS * SIZE; i++)
		q[i] = wave(i);
	for (int i = 0; i < KEYS * ALL * SIZE; i++)
		k[i] = wave(i * 3 + 1);
	for (int i = 0; i < KEYS * ALL * WIDE; i++)
		v[i] = wave(i * 5 + 2);
	for (int i = 0; i < ROWS * ALL; i++)
		mask[i] = i % 3 != 1;
	reference(a, q, k, v, mask, want);
	for (int h = 0; h < HEADS; h++)
		for (int r = 0; r < ROWS; r++)
			for (int i = 0; i < SIZE; i++)
				q_in[a->flat ? (r * HEADS + h) * SIZE + i : (h * ROWS + r) * SIZE + i] =
					q[(h * ROWS + r) * SIZE + i];
	m->ir_version = 11;
	onnx_input(m, "q", F32, a->flat ? (int64_t[]){ 1, ROWS, HEADS * SIZE, -1 } :
					  (int64_t[]){ 1, HEADS, ROWS, SIZE, -1 });
	last_rows(k, KEYS, ROWS, SIZE, PAST, a->flat, part);
	onnx_raw(m, "k", F32, a->flat ? (int64_t[]){ 1, ROWS, KEYS * SIZE, -1 } :
					(int64_t[]){ 1, KEYS, ROWS, SIZE, -1 }, part, KEYS * ROWS * SIZE * 4);
	last_rows(v, KEYS, ROWS, WIDE, PAST, a->flat, part);
	onnx_raw(m, "v", F32, a->flat ? (int64_t[]){ 1, ROWS, KEYS * WIDE, -1 } :
					(int64_t[]){ 1, KEYS, ROWS, WIDE, -1 }, part, KEYS * ROWS * WIDE * 4);
	last_rows(k, KEYS, PAST, SIZE, 0, false, part);
	onnx_raw(m, "pk", F32, (int64_t[]){ 1, KEYS, PAST, SIZE, -1 }, part, KEYS * PAST * SIZE * 4);
	last_rows(v, KEYS, PAST, WIDE, 0, false, part);
	onnx_raw(m, "pv", F32, (int64_t[]){ 1, KEYS, PAST, WIDE, -1 }, part, KEYS * PAST * WIDE * 4);
	if (a->mask)
		onnx_raw(m, "m", BOOLEAN, (int64_t[]){ ROWS, ALL, -1 }, mask, sizeof(mask));
	n = onnx_node(m, "Attention", a->mask ? "q k v m pk pv" : "q k v - pk pv", "y");
	onnx_int(n, "q_num_heads", HEADS);
	onnx_int(n, "kv_num_heads", KEYS);
	onnx_int(n, "is_causal", a->causal);
	if (a->scale != 0)
		onnx_float(n, "scale", a->scale);
	if (a->cap != 0)
		onnx_float(n, "softcap", a->cap);
	onnx_output(m, "y", F32);
	return m;
}

static void attends(void)
{
	static const struct attention cases[] = {
		{ 0 }, { .flat = true }, { .causal = true }, { .mask = true }, { .cap = 2, .scale = 0.75f },
		{ .flat = true, .causal = true, .mask = true, .cap = 1.5f },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		float q[HEADS * ROWS * SIZE], want[HEADS * ROWS * WIDE];
		Onnx__ModelProto *m = attention(&cases[i], q, want);

		CHECK(one_near(m, q, sizeof(q), want, HEADS * ROWS * WIDE, 1e-5));
	}
}

/* Keys that are all the same, so that each row is the mean of the values that it may see. */
static Onnx__ModelProto *means(const char *in)
{
	static const float k[16], v[16] = { 1, 2, 3, 4, 11, 22, 33, 44, 111, 222, 333, 444, 5, 6, 7, 8 };
	Onnx__ModelProto *m = onnx_model(24);

	m->ir_version = 11;
	onnx_input(m, "q", F32, (int64_t[]){ 1, 1, 2, 4, -1 });
	onnx_raw(m, "k", F32, (int64_t[]){ 1, 1, 4, 4, -1 }, k, sizeof(k));
	onnx_raw(m, "v", F32, (int64_t[]){ 1, 1, 4, 4, -1 }, v, sizeof(v));
	onnx_node(m, "Attention", in, "y");
	onnx_output(m, "y", F32);
	return m;
}

static void corners(void)
{
	static const float q[8] = { 1, -2, 3, -4, 5, -6, 7, -8 };
	Onnx__ModelProto *m = means("q k v m");
	struct one o;

	/* A row that may see nothing. */
	onnx_raw(m, "m", BOOLEAN, (int64_t[]){ 2, 4, -1 }, "\1\1\0\0\0\0\0\0", 8);
	CHECK(one_near(m, q, sizeof(q), (float[]){ 6, 12, 18, 24, 0, 0, 0, 0 }, 8, 1e-4));
	/* Causal, of keys that are padded behind: the last query is that of the last key. */
	m = means("q k v - - - n");
	onnx_longs(m, "n", (int64_t[]){ 3 }, 1);
	onnx_int(m->graph->node[0], "is_causal", 1);
	CHECK(one_near(m, q, sizeof(q), (float[]){ 6, 12, 18, 24, 41, 82, 123, 164 }, 8, 1e-4));
	/* Which of the two comes first is not agreed. */
	m = means("q k v");
	onnx_float(m->graph->node[0], "softcap", 2);
	onnx_int(m->graph->node[0], "qk_matmul_output_mode", 1);
	m->graph->node[0]->output = (char *[]){ (char *)"y", (char *)"", (char *)"", (char *)"p" };
	m->graph->node[0]->n_output = 4;
	onnx_output(m, "p", F32);
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EOPNOTSUPP, "softcap");
	one_done(&o);
}

static void refused(void)
{
	float q[HEADS * ROWS * SIZE], want[HEADS * ROWS * WIDE];
	struct attention a = { .flat = true };
	Onnx__ModelProto *m = attention(&a, q, want);
	struct one o;

	m->graph->node[0]->attribute[0]->i = 3;
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "has not 3 heads");
	one_done(&o);
	m->graph->node[0]->attribute[0]->i = HEADS;
	m->graph->node[0]->n_input = 5;
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "come together");
	one_done(&o);
	m->graph->node[0]->n_input = 6;
	m->graph->node[0]->input[3] = (char *)"one";
	onnx_raw(m, "one", BOOLEAN, (int64_t[]){ -1 }, "\1", 1);
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "its mask has no axes");
	one_done(&o);
	m->graph->node[0]->input[3] = (char *)"";
	m->graph->initializer[0]->dims[2] = 4;
	m->graph->initializer[0]->dims[1] = ROWS * SIZE * KEYS / 4;
	CHECK_ERR(one_make(&o, m, NULL), -EINVAL);
	one_done(&o);
}

static void rotations(void)
{
	enum { LENGTH = 3, TURNED = 4, WHOLE = 6, N = 2 };
	float x[N * LENGTH * WHOLE], want[N * LENGTH * WHOLE], cosine[8], sine[8];
	static const int64_t places[LENGTH] = { 2, 0, 3 };

	for (int i = 0; i < N * LENGTH * WHOLE; i++)
		x[i] = wave(i);
	for (int i = 0; i < 8; i++) {
		cosine[i] = (float)cos(0.3 * i);
		sine[i] = (float)sin(0.3 * i);
	}
	for (int pairs = 0; pairs < 2; pairs++) {
		Onnx__ModelProto *m = onnx_model(23);
		Onnx__NodeProto *n;

		memcpy(want, x, sizeof(want));
		for (int r = 0; r < N * LENGTH; r++) {
			for (int i = 0; i < TURNED / 2; i++) {
				int a = r * WHOLE + (pairs ? 2 * i : i), b = a + (pairs ? 1 : TURNED / 2);
				int at = (int)places[r % LENGTH] * 2 + i;

				want[a] = x[a] * cosine[at] - x[b] * sine[at];
				want[b] = x[a] * sine[at] + x[b] * cosine[at];
			}
		}
		m->ir_version = 11;
		onnx_input(m, "x", F32, (int64_t[]){ 1, N, LENGTH, WHOLE, -1 });
		onnx_raw(m, "c", F32, (int64_t[]){ 4, 2, -1 }, cosine, sizeof(cosine));
		onnx_raw(m, "s", F32, (int64_t[]){ 4, 2, -1 }, sine, sizeof(sine));
		onnx_raw(m, "p", I64, (int64_t[]){ 1, LENGTH, -1 }, places, sizeof(places));
		n = onnx_node(m, "RotaryEmbedding", "x c s p", "y");
		onnx_int(n, "interleaved", pairs);
		onnx_int(n, "rotary_embedding_dim", TURNED);
		onnx_output(m, "y", F32);
		CHECK(one_near(m, x, sizeof(x), want, N * LENGTH * WHOLE, 1e-6));
	}
}

static const struct check_test tests[] = {
	TEST(attends),
	TEST(corners),
	TEST(refused),
	TEST(rotations),
};

CHECK_MAIN(tests)
