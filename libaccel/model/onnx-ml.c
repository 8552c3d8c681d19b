// SPDX-License-Identifier: MIT
/*
 * Operators of the domain ai.onnx.ml, what scikit-learn's models become: linear ones, and what is
 * done with columns before them.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "build.h"
#include "eval.h"
#include "onnx-ml.h"

int ml_one_of(struct onnx_cx *c, const char *name, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (onnx_attr_is(c, name, names[0], names[i]))
			return i;
	onnx_cannot(c, "this value of '%s' is not supported", name);
	return 0;
}

static const Onnx__AttributeProto *floats_of(struct onnx_cx *c, const char *name)
{
	return onnx_attr(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
}

static const Onnx__AttributeProto *ints_of(struct onnx_cx *c, const char *name)
{
	return onnx_attr(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
}

/* A list of floats as a constant of @rows x the rest; NULL with an error if it does not divide. */
static struct ir_value *table(struct onnx_cx *c, const char *name, int64_t rows)
{
	const Onnx__AttributeProto *a = floats_of(c, name);
	int64_t dims[2] = { rows, 0 };

	if (!a || !a->n_floats || rows < 1 || a->n_floats % (size_t)rows) {
		ir_fail(c->g, "attribute '%s' is absent, or has not as many numbers as others ask for",
			name);
		return NULL;
	}
	dims[1] = (int64_t)(a->n_floats / (size_t)rows);
	return ir_constant(c->g, ACCEL_F32, 2, dims, a->floats);
}

struct ir_value *ml_labels(struct onnx_cx *c, const char *name, int64_t *count)
{
	const Onnx__AttributeProto *a = ints_of(c, name);

	if (!a || !a->n_ints) {
		onnx_cannot(c, "labels but integers are not supported");
		return NULL;
	}
	*count = (int64_t)a->n_ints;
	return ir_constant(c->g, ACCEL_I64, 1, count, a->ints);
}

static const char *const transforms[] = { "NONE", "SOFTMAX", "LOGISTIC", NULL };

struct ir_value *ml_transform(struct onnx_cx *c, struct ir_value *scores)
{
	int which = ml_one_of(c, "post_transform", transforms);

	if (which == 1)
		return b_softmax(c->g, scores, 2, false);
	if (which == 2)
		return b_act(c->g, ACCEL_ACT_SIGMOID, scores, 0, 0);
	return scores;
}

void ml_classes(struct onnx_cx *c, struct ir_value *scores, struct ir_value *labels, bool one,
		bool positive)
{
	struct ir_graph *g = c->g;
	struct ir_value *at, *first;

	if (one) {
		int which = ml_one_of(c, "post_transform", transforms);

		if (which == 1) {
			onnx_cannot(c, "softmax of one score is not supported");
			return;
		}
		at = b_binary(g, IR_GT, scores, ir_scalar_f(g, ACCEL_F32, positive ? 0.5 : 0));
		at = b_cast(g, at, ACCEL_I64);
		at = scores ? b_reshape(g, at, 1, scores->dims) : NULL;
		if (positive && which == 0)
			first = b_binary(g, IR_SUB, ir_scalar_f(g, ACCEL_F32, 1), scores);
		else
			first = b_unary(g, IR_NEG, scores);
		scores = b_concat(g, (struct ir_value *[]){ first, scores }, 2, 1);
		scores = ml_transform(c, scores);
	} else {
		at = b_arg(g, true, scores, 1, false, false);
		scores = ml_transform(c, scores);
	}
	c->out[0] = b_gather(g, labels, at, 0);
	if (c->nout > 1)
		c->out[1] = scores;
}

/* [rows, columns] as F32; a vector is a row. */
static struct ir_value *matrix(struct onnx_cx *c)
{
	struct ir_value *x = c->in[0];

	if (x->rank < 1 || x->rank > 2 || (!ir_is_real(x->dtype) && !ir_is_int(x->dtype))) {
		ir_fail(c->g, "its operand is not [rows, columns] of numbers");
		return NULL;
	}
	if (x->rank == 1)
		x = b_reshape(c->g, x, 2, (int64_t[]){ 1, x->dims[0] });
	return b_cast(c->g, x, ACCEL_F32);
}

/* Scores of @rows sets of coefficients. */
static struct ir_value *linear(struct onnx_cx *c, int64_t rows)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = matrix(c), *w = table(c, "coefficients", rows), *y;
	const Onnx__AttributeProto *b = floats_of(c, "intercepts");

	if (!x || !w)
		return NULL;
	y = b_matmul(g, x, b_transpose(g, w, (int64_t[]){ 1, 0 }));
	if (!b || !b->n_floats)
		return y;
	if (b->n_floats != (size_t)rows) {
		ir_fail(g, "%zu intercepts, not %lld", b->n_floats, (long long)rows);
		return NULL;
	}
	return b_binary(g, IR_ADD, y, table(c, "intercepts", 1));
}

static void linear_classifier(struct onnx_cx *c, int arg)
{
	const Onnx__AttributeProto *w = floats_of(c, "coefficients");
	struct ir_value *x = c->in[0];
	int64_t count, rows, width = x->rank ? x->dims[x->rank - 1] : 0;
	struct ir_value *labels = ml_labels(c, "classlabels_ints", &count), *y;

	(void)arg;
	onnx_attr_i(c, "multi_class", 0);
	if (!labels)
		return;
	/* Two classes may have one set of coefficients, that of the second. */
	rows = count == 2 && w && (int64_t)w->n_floats == width ? 1 : count;
	y = linear(c, rows);
	ml_classes(c, y, labels, rows < count, false);
}

static void linear_regressor(struct onnx_cx *c, int arg)
{
	int64_t targets = onnx_attr_i(c, "targets", 1);

	(void)arg;
	c->out[0] = ml_transform(c, linear(c, targets));
}

/* A list with one number, or one for each column. */
static struct ir_value *columns(struct onnx_cx *c, const char *name, const struct ir_value *x,
				double fallback)
{
	const Onnx__AttributeProto *a = floats_of(c, name);
	int64_t n;

	if (!a || !a->n_floats)
		return ir_scalar_f(c->g, ACCEL_F32, fallback);
	n = (int64_t)a->n_floats;
	if (n != 1 && n != x->dims[x->rank - 1]) {
		ir_fail(c->g, "'%s' has %lld numbers for %lld columns", name, (long long)n,
			(long long)x->dims[x->rank - 1]);
		return NULL;
	}
	return ir_constant(c->g, ACCEL_F32, 1, &n, a->floats);
}

static void scaler(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];

	(void)arg;
	if (!x->rank || (!ir_is_real(x->dtype) && !ir_is_int(x->dtype))) {
		ir_fail(c->g, "its operand is not of numbers");
		return;
	}
	x = b_binary(c->g, IR_SUB, b_cast(c->g, x, ACCEL_F32), columns(c, "offset", x, 0));
	c->out[0] = b_binary(c->g, IR_MUL, x, columns(c, "scale", c->in[0], 1));
}

static void normalizer(struct onnx_cx *c, int arg)
{
	static const char *const norms[] = { "MAX", "L1", "L2", NULL };
	static const enum accel_reduce fns[] = { ACCEL_REDUCE_MAX, ACCEL_REDUCE_SUMABS,
						 ACCEL_REDUCE_SUMSQ };
	struct ir_graph *g = c->g;
	int norm = ml_one_of(c, "norm", norms);
	struct ir_value *x = matrix(c), *sum, *none;

	(void)arg;
	if (!x)
		return;
	sum = b_reduce(g, fns[norm], x, 2, true);
	if (norm == 2)
		sum = b_unary(g, IR_SQRT, sum);
	/* Rows of nothing stay so. */
	none = b_binary(g, IR_EQ, sum, ir_scalar_f(g, ACCEL_F32, 0));
	x = b_binary(g, IR_DIV, x, b_where(g, none, ir_scalar_f(g, ACCEL_F32, 1), sum));
	c->out[0] = x && c->in[0]->rank == 1 ? b_reshape(g, x, 1, c->in[0]->dims) : x;
}

static void extractor(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *k = c->in[1];

	(void)arg;
	if (!x->rank) {
		ir_fail(c->g, "its operand has no axis");
		return;
	}
	if (x->rank == 1)
		x = b_reshape(c->g, x, 2, (int64_t[]){ 1, x->dims[0] });
	c->out[0] = b_gather(c->g, x, b_reshape(c->g, k, 1, &k->count), -1);
}

static void imputer(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *with, *bad, *which;
	bool real = ir_is_real(x->dtype);
	const Onnx__AttributeProto *a;
	int64_t n, replaced;
	float f;

	(void)arg;
	if (x->dtype != ACCEL_F32 && x->dtype != ACCEL_I64) {
		onnx_cannot(c, "of %s it is not supported", accel_dtype_name(x->dtype));
		return;
	}
	a = real ? floats_of(c, "imputed_value_floats") : ints_of(c, "imputed_value_int64s");
	n = a ? (int64_t)(real ? a->n_floats : a->n_ints) : 0;
	if (!x->rank || n < 1 || (n != 1 && n != x->dims[x->rank - 1])) {
		ir_fail(c->g, "%lld values to put in", (long long)n);
		return;
	}
	with = ir_constant(g, x->dtype, 1, &n, real ? (void *)a->floats : (void *)a->ints);
	if (real) {
		f = onnx_attr_f(c, "replaced_value_float", 0);
		onnx_attr_i(c, "replaced_value_int64", 0);
		which = ir_scalar_f(g, ACCEL_F32, (double)f);
		bad = isnan(f) ? b_unary(g, IR_ISNAN, x) : b_binary(g, IR_EQ, x, which);
	} else {
		replaced = onnx_attr_i(c, "replaced_value_int64", 0);
		onnx_attr_f(c, "replaced_value_float", 0);
		which = b_reshape(g, ir_ints(g, &replaced, 1), 0, NULL);
		bad = b_binary(g, IR_EQ, x, which);
	}
	c->out[0] = b_where(g, bad, with, x);
}

static void binarizer(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *y;

	(void)arg;
	if (!ir_is_real(x->dtype)) {
		onnx_cannot(c, "of %s it is not supported", accel_dtype_name(x->dtype));
		return;
	}
	y = b_binary(c->g, IR_GT, x, ir_scalar_f(c->g, x->dtype,
						 (double)onnx_attr_f(c, "threshold", 0)));
	c->out[0] = b_cast(c->g, y, x->dtype);
}

/* Integers or floats, as keys or values: with the default as one more value. */
static struct ir_value *half(struct onnx_cx *c, const char *kind, bool *found, bool with_default)
{
	const Onnx__AttributeProto *ints, *floats;
	char name[32];
	int64_t n, count;
	void *data;

	snprintf(name, sizeof(name), "%s_int64s", kind);
	ints = ints_of(c, name);
	snprintf(name, sizeof(name), "%s_floats", kind);
	floats = floats_of(c, name);
	*found = (ints != NULL) != (floats != NULL);
	if (!*found)
		return NULL;
	n = (int64_t)(ints ? ints->n_ints : floats->n_floats);
	count = n + with_default;
	data = ir_alloc(c->g, (size_t)count * (ints ? 8 : 4));
	if (!data)
		return NULL;
	if (ints) {
		if (n)
			memcpy(data, ints->ints, (size_t)n * 8);
		if (with_default)
			((int64_t *)data)[n] = onnx_attr_i(c, "default_int64", -1);
	} else {
		if (n)
			memcpy(data, floats->floats, (size_t)n * 4);
		if (with_default)
			((float *)data)[n] = onnx_attr_f(c, "default_float", -0.0f);
	}
	return ir_constant(c->g, ints ? ACCEL_I64 : ACCEL_F32, 1, &count, data);
}

static void label_encoder(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *in[3], *y;
	bool found[2];

	(void)arg;
	in[0] = x;
	in[1] = half(c, "keys", &found[0], false);
	in[2] = half(c, "values", &found[1], true);
	if (!found[0] || !found[1]) {
		onnx_cannot(c, "labels but integers and floats are not supported");
		return;
	}
	if (!in[1] || !in[2])
		return;
	if (in[1]->dtype != x->dtype || in[2]->count != in[1]->count + 1) {
		ir_fail(c->g, "%lld keys of %s and %lld values do not fit", (long long)in[1]->count,
			accel_dtype_name(in[1]->dtype), (long long)in[2]->count - 1);
		return;
	}
	/* Defaults of the type that is not used do no harm. */
	onnx_attr_i(c, "default_int64", 0);
	onnx_attr_f(c, "default_float", 0);
	onnx_attr(c, "default_string", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
	y = ir_value(c->g, in[2]->dtype, x->rank, x->dims);
	if (y && ir_node(c->g, IR_LABEL, 0, in, 3, y))
		c->out[0] = y;
}

/* Columns of several operands beside each other. */
static void vectorizer(struct onnx_cx *c, int arg)
{
	struct ir_value **all = ir_alloc(c->g, c->nin * sizeof(*all)), *x;
	int64_t widths[IR_RANK_MAX];
	int n = c->nin <= IR_RANK_MAX ? onnx_attr_ints(c, "inputdimensions", widths, IR_RANK_MAX) : -1;

	(void)arg;
	if (n >= 0 && (uint32_t)n != c->nin)
		ir_fail(c->g, "%d widths for %u operands", n, c->nin);
	if (n < 0)
		ints_of(c, "inputdimensions");
	for (uint32_t i = 0; all && i < c->nin && !c->g->error; i++) {
		x = c->in[i];
		if (!x || x->rank != 2 || (n >= 0 && widths[i] != x->dims[1])) {
			ir_fail(c->g, "operand %u is not [rows, columns]", i);
			return;
		}
		all[i] = b_cast(c->g, x, ACCEL_F32);
	}
	if (all && !c->g->error)
		c->out[0] = b_concat(c->g, all, c->nin, 1);
}

const struct onnx_op onnx_ops_ml[] = {
	{ "ArrayFeatureExtractor", 2, 2, extractor, 0 },
	{ "Binarizer", 1, 1, binarizer, 0 },
	{ "FeatureVectorizer", 1, IR_INPUTS_MAX, vectorizer, 0 },
	{ "Imputer", 1, 1, imputer, 0 },
	{ "LabelEncoder", 1, 1, label_encoder, 0 },
	{ "LinearClassifier", 1, 1, linear_classifier, 0 },
	{ "LinearRegressor", 1, 1, linear_regressor, 0 },
	{ "Normalizer", 1, 1, normalizer, 0 },
	{ "Scaler", 1, 1, scaler, 0 },
	{ 0 },
};
