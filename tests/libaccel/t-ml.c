// SPDX-License-Identifier: MIT
/*
 * Operators of ai.onnx.ml: trees that are whole, trees that are not, and what stands beside them.
 */
#include <math.h>

#include "check.h"
#include "one.h"
#include "onnx.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static Onnx__ModelProto *model(const char *op, int type, const int64_t *dims, const char *out)
{
	Onnx__ModelProto *m = onnx_model(13);

	onnx_domain(m, "ai.onnx.ml", 3);
	onnx_input(m, "x", type, dims);
	onnx_node(m, op, "x", out)->domain = m->opset_import[1]->domain;
	return m;
}

static Onnx__NodeProto *node_of(Onnx__ModelProto *m)
{
	return m->graph->node[0];
}

/* Two trees of the columns 0 and 1:
 * x0 <= 1 ? (x1 > 2 ? 10 : 20) : 30, and x1 == 3 ? 1 : 2, where NaN is yes.
 */
static const int64_t trees[] = { 7, 7, 7, 7, 7, 9, 9, 9 }, ids[] = { 0, 1, 2, 3, 4, 0, 1, 2 };
static const char *const modes[] = { "BRANCH_LEQ", "BRANCH_GT", "LEAF", "LEAF", "LEAF", "BRANCH_EQ",
				     "LEAF", "LEAF" };
static const int64_t features[] = { 0, 1, 0, 0, 0, 1, 0, 0 };
static const int64_t yes[] = { 1, 2, 0, 0, 0, 1, 0, 0 }, no[] = { 4, 3, 0, 0, 0, 2, 0, 0 };
static const int64_t missing[] = { 0, 0, 0, 0, 0, 1, 0, 0 };
static const float values[] = { 1, 2, 0, 0, 0, 3, 0, 0 };
static const int64_t wtrees[] = { 7, 7, 7, 9, 9 }, wnodes[] = { 2, 3, 4, 1, 2 };
static const int64_t wids[] = { 0, 0, 0, 0, 0 };
static const float weights[] = { 10, 20, 30, 1, 2 };

static void grow(Onnx__NodeProto *n, const char *what, const int64_t *targets)
{
	char name[32];

	onnx_ints(n, "nodes_treeids", trees, COUNT(trees));
	onnx_ints(n, "nodes_nodeids", ids, COUNT(ids));
	onnx_strings(n, "nodes_modes", modes, COUNT(modes));
	onnx_ints(n, "nodes_featureids", features, COUNT(features));
	onnx_reals(n, "nodes_values", values, COUNT(values));
	onnx_ints(n, "nodes_truenodeids", yes, COUNT(yes));
	onnx_ints(n, "nodes_falsenodeids", no, COUNT(no));
	onnx_ints(n, "nodes_missing_value_tracks_true", missing, COUNT(missing));
	snprintf(name, sizeof(name), "%s_treeids", what);
	onnx_ints(n, name, wtrees, COUNT(wtrees));
	snprintf(name, sizeof(name), "%s_nodeids", what);
	onnx_ints(n, name, wnodes, COUNT(wnodes));
	snprintf(name, sizeof(name), "%s_ids", what);
	onnx_ints(n, name, targets, COUNT(wids));
	snprintf(name, sizeof(name), "%s_weights", what);
	onnx_reals(n, name, weights, COUNT(weights));
}

static Onnx__ModelProto *forest(const char *aggregate)
{
	Onnx__ModelProto *m = model("TreeEnsembleRegressor", F32, (int64_t[]){ 4, 2, -1 }, "y");

	grow(node_of(m), "target", wids);
	if (aggregate)
		onnx_string(node_of(m), "aggregate_function", aggregate);
	onnx_output(m, "y", F32);
	return m;
}

static void regression(void)
{
	static const float x[8] = { 1, 2.5f, 1, 2, 1.5f, 3, NAN, NAN };
	static const struct {
		const char *aggregate;
		float want[4];
	} cases[] = {
		{ NULL, { 12, 22, 31, 31 } }, { "AVERAGE", { 6, 11, 15.5f, 15.5f } },
		{ "MIN", { 2, 2, 1, 1 } }, { "MAX", { 10, 20, 30, 30 } },
	};
	float y[4];
	struct one o;

	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!CHECK(!one_make(&o, forest(cases[i].aggregate), NULL))) {
			one_done(&o);
			continue;
		}
		CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
		if (one_run(&o)) {
			CHECK(!accel_session_read(o.session, 0, y, sizeof(y)));
			for (int k = 0; k < 4; k++)
				CHECK(y[k] == cases[i].want[k]);
		}
		one_done(&o);
	}
}

/* Each way in which a file may be wrong has a message of its own. */
static void damaged(void)
{
	static const struct {
		const char *list;
		size_t at;
		int64_t value;
		const char *text;
	} cases[] = {
		{ "nodes_featureids", 1, 2, "a column that its operand does not have" },
		{ "nodes_featureids", 1, -1, "a column that its operand does not have" },
		{ "nodes_nodeids", 3, 2, "have one number" },
		{ "nodes_truenodeids", 1, 9, "a node that is not there" },
		{ "nodes_truenodeids", 1, 4, "two branches lead to one node" },
		{ "nodes_falsenodeids", 5, 1, "two branches lead to one node" },
		{ "nodes_falsenodeids", 1, 0, "lead in a circle" },
		{ "target_nodeids", 0, 1, "belongs to no leaf" },
		{ "target_ids", 4, 1, "no class or target" },
		{ "target_treeids", 0, 1, "belongs to no leaf" },
	};
	Onnx__ModelProto *m;
	struct one o;

	for (size_t i = 0; i < COUNT(cases); i++) {
		m = forest(NULL);
		for (size_t k = 0; k < node_of(m)->n_attribute; k++)
			if (!strcmp(node_of(m)->attribute[k]->name, cases[i].list))
				node_of(m)->attribute[k]->ints[cases[i].at] = cases[i].value;
		CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, cases[i].text);
		one_done(&o);
	}
	m = forest(NULL);
	node_of(m)->attribute[0]->n_ints--;
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "differ in length");
	one_done(&o);
	m = forest(NULL);
	node_of(m)->attribute[2]->strings[0].len = 4;
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "none of BRANCH_LEQ");
	one_done(&o);
	m = forest(NULL);
	node_of(m)->attribute[2]->strings[1] = node_of(m)->attribute[2]->strings[2];
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "has two roots");
	one_done(&o);
	m = forest("MEDIAN");
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EOPNOTSUPP, "aggregate_function");
	one_done(&o);
	m = forest(NULL);
	m->n_opset_import = 1;
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EINVAL, "no operator set of ai.onnx.ml");
	one_done(&o);
}

/* Two classes with the score of one, and with two. */
static void classes(void)
{
	static const float x[8] = { 1, 2.5f, 1, 2, 1.5f, 3, NAN, NAN };
	static const int64_t two[] = { 0, 1, 0, 1, 1 };
	int64_t labels[4];
	float scores[8];

	for (int both = 0; both < 2; both++) {
		Onnx__ModelProto *m = model("TreeEnsembleClassifier", F32, (int64_t[]){ 4, 2, -1 },
					    "y scores");
		struct one o;

		grow(node_of(m), "class", both ? two : wids);
		onnx_ints(node_of(m), "classlabels_int64s", (int64_t[]){ 5, -6 }, 2);
		onnx_output(m, "y", I64);
		onnx_output(m, "scores", F32);
		REQUIRE(!one_make(&o, m, NULL));
		CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
		if (one_run(&o)) {
			CHECK(!accel_session_read(o.session, 0, labels, sizeof(labels)));
			CHECK(!accel_session_read(o.session, 1, scores, sizeof(scores)));
			CHECK_EQ(labels[0], both ? 5 : -6);
			CHECK_EQ(labels[1], -6);
			CHECK(scores[0] == (both ? 10 : -11) && scores[1] == (both ? 2 : 12));
			CHECK(scores[2] == (both ? 0 : -21) && scores[3] == 22);
		}
		one_done(&o);
	}
}

/* One node on a vector of four floats. */
static void columns_case(Onnx__ModelProto *m, const float *x, const float *want)
{
	float y[4];
	struct one o;

	onnx_output(m, "y", F32);
	if (one_make(&o, m, NULL)) {
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
		one_done(&o);
		return;
	}
	CHECK(!accel_session_write(o.session, 0, x, sizeof(y)));
	if (one_run(&o)) {
		CHECK(!accel_session_read(o.session, 0, y, sizeof(y)));
		for (int i = 0; i < 4; i++)
			CHECK(fabsf(y[i] - want[i]) < 1e-6f);
	}
	one_done(&o);
}

static void columns(void)
{
	static const float x[4] = { 3, 4, -1, 0 }, none[4] = { 0, 0, NAN, 8 };
	static const int64_t dims[] = { 2, 2, -1 };
	Onnx__ModelProto *m = model("Scaler", F32, dims, "y");

	onnx_reals(node_of(m), "offset", (float[]){ 1, 2 }, 2);
	onnx_reals(node_of(m), "scale", (float[]){ 2 }, 1);
	columns_case(m, x, (float[]){ 4, 4, -4, -4 });
	m = model("Normalizer", F32, dims, "y");
	onnx_string(node_of(m), "norm", "L2");
	columns_case(m, x, (float[]){ 0.6f, 0.8f, -1, 0 });
	m = model("Normalizer", F32, dims, "y");
	onnx_string(node_of(m), "norm", "L1");
	columns_case(m, (float[]){ 0, 0, 1, -3 }, (float[]){ 0, 0, 0.25f, -0.75f });
	m = model("Imputer", F32, dims, "y");
	onnx_reals(node_of(m), "imputed_value_floats", (float[]){ 5, 6 }, 2);
	onnx_float(node_of(m), "replaced_value_float", NAN);
	columns_case(m, none, (float[]){ 0, 0, 5, 8 });
	m = model("Binarizer", F32, dims, "y");
	onnx_float(node_of(m), "threshold", 3);
	columns_case(m, x, (float[]){ 0, 1, 0, 0 });
	m = model("LabelEncoder", F32, dims, "y");
	onnx_reals(node_of(m), "keys_floats", (float[]){ NAN, 8, 8 }, 3);
	onnx_reals(node_of(m), "values_floats", (float[]){ 1, 2, 3 }, 3);
	onnx_float(node_of(m), "default_float", 9);
	columns_case(m, none, (float[]){ 9, 9, 1, 2 });
	m = model("LinearRegressor", F32, dims, "y");
	onnx_int(node_of(m), "targets", 2);
	onnx_reals(node_of(m), "coefficients", (float[]){ 1, 2, 0, -1 }, 4);
	onnx_reals(node_of(m), "intercepts", (float[]){ 1, 0 }, 2);
	columns_case(m, x, (float[]){ 12, -4, 0, 0 });
}

static void linear(void)
{
	static const float x[4] = { 3, 4, -1, 0 };
	Onnx__ModelProto *m = model("LinearClassifier", F32, (int64_t[]){ 2, 2, -1 }, "y scores");
	int64_t y[2];
	float s[4];
	struct one o;

	onnx_ints(node_of(m), "classlabels_ints", (int64_t[]){ 0, 1 }, 2);
	onnx_reals(node_of(m), "coefficients", (float[]){ 1, -0.5f }, 2);
	onnx_reals(node_of(m), "intercepts", (float[]){ -0.5f }, 1);
	onnx_string(node_of(m), "post_transform", "LOGISTIC");
	onnx_output(m, "y", I64);
	onnx_output(m, "scores", F32);
	REQUIRE(!one_make(&o, m, NULL));
	CHECK(!accel_session_write(o.session, 0, x, sizeof(x)));
	if (one_run(&o)) {
		CHECK(!accel_session_read(o.session, 0, y, sizeof(y)));
		CHECK(!accel_session_read(o.session, 1, s, sizeof(s)));
		CHECK(y[0] == 1 && y[1] == 0);
		CHECK(fabsf(s[1] - 0.62245933f) < 1e-6f && fabsf(s[0] + s[1] - 1) < 1e-6f);
		CHECK(fabsf(s[3] - 0.18242552f) < 1e-6f);
	}
	one_done(&o);
	onnx_strings(node_of(m), "classlabels_strings", (const char *[]){ "a", "b" }, 2);
	CHECK_ERR_TEXT(one_make(&o, m, NULL), -EOPNOTSUPP, "classlabels_strings");
	one_done(&o);
}

static const struct check_test tests[] = {
	TEST(regression),
	TEST(damaged),
	TEST(classes),
	TEST(columns),
	TEST(linear),
};

CHECK_MAIN(tests)
