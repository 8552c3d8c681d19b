// SPDX-License-Identifier: MIT
/*
 * Operators whose results depend on elements, in number or in place: what they give where ONNX's own tests do
 * not look, and what is refused.
 */
#include <math.h>

#include "check.h"
#include "one.h"
#include "onnx.h"

static const int64_t scalar[] = { -1 }, six[] = { 6, -1 };

static void refused(const Onnx__ModelProto *m, int code, const char *text)
{
	struct one o;

	CHECK_ERR_TEXT(one_make(&o, m, NULL), code, text);
	one_done(&o);
}

static void non_zero(void)
{
	static const float x[6] = { 0, 1, -0.0f, NAN, 2, 0 };
	static const int64_t want[6] = { 0, 1, 1, 1, 0, 1 };
	Onnx__ModelProto *m = onnx_model(13);

	onnx_raw(m, "x", F32, (int64_t[]){ 2, 3, -1 }, x, sizeof(x));
	onnx_node(m, "NonZero", "x", "y");
	onnx_output(m, "y", I64);
	CHECK(one_gives(m, NULL, 0, want, sizeof(want)));
	m = onnx_model(13);
	onnx_input(m, "x", F32, (int64_t[]){ 2, 3, -1 });
	onnx_node(m, "NonZero", "x", "y");
	onnx_output(m, "y", I64);
	CHECK(one_gives(m, x, sizeof(x), want, sizeof(want)));
}

static void compress(void)
{
	static const float x[6] = { 1, 2, 3, 4, 5, 6 };
	static const unsigned char which[3] = { 1, 0, 1 };
	Onnx__ModelProto *m = onnx_model(13);

	onnx_input(m, "x", F32, (int64_t[]){ 2, 3, -1 });
	onnx_raw(m, "w", BOOLEAN, (int64_t[]){ 3, -1 }, which, 3);
	onnx_int(onnx_node(m, "Compress", "x w", "y"), "axis", -1);
	onnx_output(m, "y", F32);
	CHECK(one_gives(m, x, sizeof(x), (float[]){ 1, 3, 4, 6 }, 16));
	/* A condition may be shorter than the axis, not longer; without an axis it is of all elements. */
	m->graph->node[0]->n_attribute = 0;
	CHECK(one_gives(m, x, sizeof(x), (float[]){ 1, 3 }, 8));
	onnx_int(m->graph->node[0], "axis", 0);
	refused(m, -EINVAL, "longer than axis 0");
	m->graph->initializer[0]->data_type = U8;
	refused(m, -EINVAL, "not a vector of bool");
	m = onnx_model(13);
	onnx_raw(m, "x", F32, (int64_t[]){ 2, 3, -1 }, x, sizeof(x));
	onnx_input(m, "w", BOOLEAN, (int64_t[]){ 3, -1 });
	onnx_int(onnx_node(m, "Compress", "x w", "y"), "axis", -1);
	onnx_output(m, "y", F32);
	CHECK(one_gives(m, which, 3, (float[]){ 1, 3, 4, 6 }, 16));
	m->graph->node[0]->n_attribute = 0;
	CHECK(one_gives(m, which, 3, (float[]){ 1, 3 }, 8));
}

static void unique(void)
{
	static const float x[6] = { 2, 1, NAN, 2, NAN, 1 };
	static const int64_t inverse[6] = { 0, 1, 2, 0, 2, 1 }, counts[3] = { 2, 2, 2 }, first[3] = { 1, 0, 2 };
	static const int32_t rows[6] = { 3, 4, 1, 2, 3, 4 };
	Onnx__ModelProto *m = onnx_model(13);

	onnx_raw(m, "x", F32, six, x, sizeof(x));
	onnx_int(onnx_node(m, "Unique", "x", "v i r n"), "sorted", 0);
	onnx_output(m, "r", I64);
	CHECK(one_gives(m, NULL, 0, inverse, sizeof(inverse)));
	m->graph->output[0]->name = (char *)"n";
	CHECK(one_gives(m, NULL, 0, counts, sizeof(counts)));
	m->graph->node[0]->n_attribute = 0;
	m->graph->output[0]->name = (char *)"i";
	CHECK(one_gives(m, NULL, 0, first, sizeof(first)));
	m = onnx_model(13);
	onnx_raw(m, "x", I32, (int64_t[]){ 3, 2, -1 }, rows, sizeof(rows));
	onnx_int(onnx_node(m, "Unique", "x", "v"), "axis", 0);
	onnx_output(m, "v", I32);
	CHECK(one_gives(m, NULL, 0, (int32_t[]){ 1, 2, 3, 4 }, 16));
	/* The same of an input. */
	m->graph->n_initializer = 0;
	onnx_input(m, "x", I32, (int64_t[]){ 3, 2, -1 });
	CHECK(one_gives(m, rows, sizeof(rows), (int32_t[]){ 1, 2, 3, 4 }, 16));
}

static Onnx__ModelProto *boxes(float least)
{
	/* The second overlaps the first by two thirds, the third touches it, the fourth is turned around. */
	static const float corners[16] = { 0, 0, 1, 10,  0, 2, 1, 12,  0, 10, 1, 20,  1, 30, 0, 20 };
	static const float scores[8] = { 0.5f, 0.9f, 0.9f, 0.1f, 0.2f, 0.1f, 0, NAN };
	Onnx__ModelProto *m = onnx_model(11);

	onnx_raw(m, "b", F32, (int64_t[]){ 1, 4, 4, -1 }, corners, sizeof(corners));
	onnx_raw(m, "s", F32, (int64_t[]){ 1, 2, 4, -1 }, scores, sizeof(scores));
	onnx_raw(m, "n", I64, scalar, (int64_t[]){ 3 }, 8);
	onnx_raw(m, "o", F32, scalar, (float[]){ 0.5f }, 4);
	onnx_raw(m, "l", F32, scalar, &least, 4);
	onnx_node(m, "NonMaxSuppression", "b s n o l", "y");
	onnx_output(m, "y", I64);
	return m;
}

static void suppression(void)
{
	static const int64_t all[15] = { 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 1, 0, 0, 1, 2 };
	static const int64_t few[6] = { 0, 0, 1, 0, 0, 2 };
	Onnx__ModelProto *m = boxes(-1);

	CHECK(one_gives(m, NULL, 0, all, sizeof(all)));
	CHECK(one_gives(boxes(0.5f), NULL, 0, few, sizeof(few)));
	/* A number that is absent is none. */
	m->graph->node[0]->input[2] = (char *)"";
	CHECK(one_gives(m, NULL, 0, all, 0));
	m = boxes(0);
	m->graph->initializer[0]->dims[1] = 2;
	m->graph->initializer[0]->dims[2] = 8;
	refused(m, -EINVAL, "boxes and scores are not");
	m = boxes(0);
	m->graph->initializer[2]->data_type = F64;
	refused(m, -EINVAL, "the largest number is not one i64");
	m = onnx_model(11);
	onnx_input(m, "b", F32, (int64_t[]){ 1, 4, 4, -1 });
	onnx_input(m, "s", F32, (int64_t[]){ 1, 2, 5, -1 });
	onnx_node(m, "NonMaxSuppression", "b s", "y");
	onnx_output(m, "y", I64);
	refused(m, -EINVAL, "boxes and scores are not");
}

/* Elements that are there already, and one that is put twice. */
static void reductions(void)
{
	static const struct {
		const char *how;
		float want[3];
	} cases[] = {
		{ "none", { 1, 5, 3 } }, { "add", { 1, 11, 3 } }, { "mul", { 1, 40, 3 } },
		{ "min", { 1, 2, 3 } }, { "max", { 1, 5, 3 } },
	};
	static const float x[3] = { 1, 2, 3 };

	for (int nd = 0; nd < 2; nd++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			Onnx__ModelProto *m = onnx_model(18);
			Onnx__NodeProto *n;

			onnx_input(m, "x", F32, (int64_t[]){ 3, -1 });
			onnx_raw(m, "i", I64, nd ? (int64_t[]){ 2, 1, -1 } : (int64_t[]){ 2, -1 },
				 (int64_t[]){ 1, -2 }, 16);
			onnx_raw(m, "u", F32, (int64_t[]){ 2, -1 }, (float[]){ 4, 5 }, 8);
			n = onnx_node(m, nd ? "ScatterND" : "ScatterElements", "x i u", "y");
			onnx_string(n, "reduction", cases[i].how);
			onnx_output(m, "y", F32);
			CHECK(one_gives(m, x, sizeof(x), cases[i].want, sizeof(x)));
			n->attribute[0]->s.data = (uint8_t *)"all";
			n->attribute[0]->s.len = 3;
			refused(m, -EOPNOTSUPP, "reductions but add");
		}
	}
}

static void bits(void)
{
	static const int32_t x[2] = { 12, -1 };
	static const char *const ops[] = { "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot" };
	static const int32_t want[4][2] = { { 8, 10 }, { 14, -1 }, { 6, -11 }, { -13, 0 } };

	for (int i = 0; i < 4; i++) {
		Onnx__ModelProto *m = onnx_model(18);

		onnx_input(m, "x", I32, (int64_t[]){ 2, -1 });
		onnx_raw(m, "w", I32, scalar, (int32_t[]){ 10 }, 4);
		onnx_node(m, ops[i], i < 3 ? "x w" : "x", "y");
		onnx_output(m, "y", I32);
		CHECK(one_gives(m, x, sizeof(x), want[i], sizeof(x)));
		m->graph->input[0]->type->tensor_type->elem_type = F32;
		refused(m, -EINVAL, "its operand is f32");
	}
}

/* Patches that overlap are added where they do; what does not fit is told. */
static void patches(void)
{
	static const float x[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const struct {
		int64_t image, block;
		const char *text;
	} bad[] = {
		{ 4, 2, "4 columns of 2 elements, not 3" }, { 0, 2, "cannot be made of such blocks" },
		{ 4, 1 << 20, "cannot be made of such blocks" }, { 6, 3, "not 4 of a multiple of 3" },
	};
	Onnx__ModelProto *m = onnx_model(18);

	/* Two taps for each of four places of a row of five. */
	onnx_input(m, "x", F32, (int64_t[]){ 1, 2, 4, -1 });
	onnx_longs(m, "i", (int64_t[]){ 5 }, 1);
	onnx_longs(m, "b", (int64_t[]){ 2 }, 1);
	onnx_node(m, "Col2Im", "x i b", "y");
	onnx_output(m, "y", F32);
	CHECK(one_gives(m, x, sizeof(x), (float[]){ 1, 7, 9, 11, 8 }, 20));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		m->graph->initializer[0]->int64_data[0] = bad[i].image;
		m->graph->initializer[1]->int64_data[0] = bad[i].block;
		refused(m, -EINVAL, bad[i].text);
	}
}

static void unpool(void)
{
	static const float x[2] = { 3, 4 };
	Onnx__ModelProto *m = onnx_model(11);
	Onnx__NodeProto *n;

	onnx_input(m, "x", F32, (int64_t[]){ 1, 1, 2, -1 });
	onnx_raw(m, "i", I64, (int64_t[]){ 1, 1, 2, -1 }, (int64_t[]){ 1, 2 }, 16);
	n = onnx_node(m, "MaxUnpool", "x i", "y");
	onnx_ints(n, "kernel_shape", (int64_t[]){ 2 }, 1);
	onnx_ints(n, "strides", (int64_t[]){ 2 }, 1);
	onnx_output(m, "y", F32);
	CHECK(one_gives(m, x, sizeof(x), (float[]){ 0, 3, 4, 0 }, 16));
	m->graph->initializer[0]->dims[2] = 1;
	m->graph->initializer[0]->raw_data.len = 8;
	refused(m, -EINVAL, "do not fit the operand");
}

static void crop(void)
{
	static const float x[3] = { 1, 2, 3 };
	Onnx__ModelProto *m = onnx_model(18);

	/* The one more at the end. */
	onnx_input(m, "x", F32, (int64_t[]){ 3, -1 });
	onnx_longs(m, "s", (int64_t[]){ 6 }, 1);
	onnx_node(m, "CenterCropPad", "x s", "y");
	onnx_output(m, "y", F32);
	CHECK(one_gives(m, x, sizeof(x), (float[]){ 0, 1, 2, 3, 0, 0 }, 24));
	m->graph->initializer[0]->int64_data[0] = 2;
	CHECK(one_gives(m, x, sizeof(x), (float[]){ 1, 2 }, 8));
	m->graph->initializer[0]->int64_data[0] = -2;
	refused(m, -EINVAL, "is to have -2 elements");
}

static const struct check_test tests[] = {
	TEST(non_zero),
	TEST(compress),
	TEST(unique),
	TEST(suppression),
	TEST(reductions),
	TEST(bits),
	TEST(patches),
	TEST(unpool),
	TEST(crop),
};

CHECK_MAIN(tests)
