// SPDX-License-Identifier: MIT
/*
 * Layers of a model, runs that look at values within it, and what is told of both.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../object.h"
#include "../sized.h"
#include "model.h"
#include "onnx-report.h"

/* --- Graphs ------------------------------------------------------------------------------ */

static int many(struct uses *u, const char *name, const Onnx__GraphProto *g, const void *who)
{
	int ret = map_put(&u->takers, name, (void *)who);

	if (ret != -EEXIST)
		return ret;
	/* More than one: nobody alone. */
	return map_set(&u->takers, name, (void *)g);
}

int uses_find(struct uses *u, const Onnx__GraphProto *g)
{
	int ret = 0;

	*u = (struct uses){ 0 };
	for (size_t i = 0; i < g->n_node && !ret; i++) {
		Onnx__NodeProto *n = g->node[i];

		for (size_t k = 0; k < n->n_output && !ret; k++)
			if (n->output[k][0])
				ret = map_put(&u->makers, n->output[k], n);
		for (size_t k = 0; k < n->n_input && !ret; k++)
			if (n->input[k][0])
				ret = many(u, n->input[k], g, n);
	}
	for (size_t i = 0; i < g->n_output && !ret; i++)
		ret = many(u, g->output[i]->name, g, g);
	if (ret)
		err_nomem("names");
	return ret;
}

void uses_free(struct uses *u)
{
	map_free(&u->makers);
	map_free(&u->takers);
}

/* --- Layers ------------------------------------------------------------------------------ */

static const Onnx__AttributeProto *attribute(const Onnx__NodeProto *n, const char *name)
{
	for (size_t i = 0; i < n->n_attribute; i++)
		if (!strcmp(n->attribute[i]->name, name))
			return n->attribute[i];
	return NULL;
}

static bool is(const Onnx__NodeProto *n, const char *op)
{
	return !strcmp(n->op_type, op) && (!n->domain || !n->domain[0] ||
					   !strcmp(n->domain, "ai.onnx"));
}

/* An initializer, or what a node Constant has. */
static const Onnx__TensorProto *constant(const Onnx__GraphProto *g, const struct uses *u,
					 const char *name)
{
	const Onnx__NodeProto *n = map_get(&u->makers, name);
	const Onnx__AttributeProto *a;

	for (size_t i = 0; i < g->n_initializer && !n; i++)
		if (!strcmp(g->initializer[i]->name, name))
			return g->initializer[i];
	a = n && is(n, "Constant") ? attribute(n, "value") : NULL;
	if (!a || !a->t || onnx_tensor_external(a->t) || onnx_tensor_check(a->t, "the constant"))
		return NULL;
	return a->t;
}

/* Why its weights cannot be looked at. */
static const char *look(const Onnx__GraphProto *g, const struct uses *u, const Onnx__NodeProto *n,
			struct layer *l)
{
	const Onnx__AttributeProto *a;
	bool conv = is(n, "Conv"), gemm = is(n, "Gemm");

	if (n->n_input < 2 || n->n_output != 1)
		return "it has no weights";
	l->weights_name = n->input[1];
	l->weights = constant(g, u, n->input[1]);
	if (!l->weights)
		return "its weights are not a constant";
	if (onnx_dtype(l->weights->data_type) != ACCEL_F32)
		return "its weights are not of f32";
	if (constant(g, u, n->input[0]))
		return "its operand is a constant";
	if (conv ? l->weights->n_dims < 3 : l->weights->n_dims != 2)
		return "its weights have another number of axes";
	l->axis = conv ? 0 : 1;
	if (gemm) {
		a = attribute(n, "transB");
		l->axis = a && a->i ? 0 : 1;
		a = attribute(n, "transA");
		if (a && a->i)
			return "it transposes its operand";
		a = attribute(n, "alpha");
		if (a && a->f != 1)
			return "it has a factor";
		a = attribute(n, "beta");
		if (a && a->f != 1)
			return "its bias has a factor";
	}
	for (size_t i = 0; i < l->weights->n_dims; i++)
		if (l->weights->dims[i] < 1)
			return "it has no weights";
	if (n->n_input > 2 && n->input[2][0]) {
		l->bias_name = n->input[2];
		l->bias = constant(g, u, n->input[2]);
		if (l->bias && (onnx_dtype(l->bias->data_type) != ACCEL_F32 || l->bias->n_dims != 1 ||
				l->bias->dims[0] != l->weights->dims[l->axis]))
			l->bias = NULL;
	}
	return "";
}

static void new_layer(const Onnx__GraphProto *g, const struct uses *u, size_t i, struct layer *l)
{
	const Onnx__NodeProto *n = g->node[i], *next;

	l->node = i;
	l->op = n->op_type;
	l->y = n->output[0];
	l->name = n->name && n->name[0] ? n->name : l->y;
	l->x = n->n_input ? n->input[0] : "";
	l->value = l->y;
	l->reason = look(g, u, n, l);
	next = map_get(&u->takers, l->y);
	if (next && next != (const void *)g && (is(next, "Relu") || is(next, "Clip")) &&
	    next->n_output == 1)
		l->value = next->output[0];
}

int report_new(struct accel_model *model, const struct uses *u, struct accel_report **report)
{
	const Onnx__GraphProto *g = ((const Onnx__ModelProto *)model->file)->graph;
	struct accel_report *r = calloc(1, sizeof(*r));

	if (r)
		r->layers = calloc(g->n_node + g->n_output + 1, sizeof(*r->layers));
	if (!r || !r->layers) {
		free(r);
		return err_nomem("a report");
	}
	r->model = accel_model_ref(model);
	for (size_t i = 0; i < g->n_node; i++)
		if (g->node[i]->n_output && (is(g->node[i], "Conv") || is(g->node[i], "MatMul") ||
					     is(g->node[i], "Gemm")))
			new_layer(g, u, i, &r->layers[r->nlayers++]);
	for (size_t i = 0; i < g->n_output; i++) {
		struct layer *l = &r->layers[r->nlayers];

		if (onnx_dtype(g->output[i]->type->tensor_type->elem_type) != ACCEL_F32)
			continue;
		l->node = SIZE_MAX;
		l->op = "output";
		l->name = l->y = l->value = g->output[i]->name;
		l->reason = "";
		r->nlayers++;
	}
	for (uint32_t i = 0; i < r->nlayers; i++) {
		r->layers[i].low = INFINITY;
		r->layers[i].high = -INFINITY;
		r->layers[i].kept = NAN;
	}
	*report = r;
	return 0;
}

int report_opts(struct accel_report_opts *out, const struct accel_report_opts *opts)
{
	int ret = opts ? sized_in(out, sizeof(*out), opts, "struct accel_report_opts") : 0;

	if (ret)
		return ret;
	if (out->flags)
		return err(-EINVAL, NULL, "unknown flags %#llx", (unsigned long long)out->flags);
	if (out->nsamples && !out->samples)
		return err(-EINVAL, NULL, "samples is NULL");
	if ((unsigned int)out->calibration > ACCEL_CALIBRATE_PERCENTILE)
		return err(-EINVAL, NULL, "unknown calibration %u", (unsigned int)out->calibration);
	if (out->percentile == 0)
		out->percentile = 99.99;
	if (!(out->percentile >= 50 && out->percentile <= 100))
		return err(-EINVAL, NULL, "a percentile of %g: 50 to 100 are supported",
			   out->percentile);
	for (size_t i = 0; i < out->nsamples; i++)
		if (!out->samples[i].inputs || (out->samples[i].ndims && !out->samples[i].dims))
			return err(-EINVAL, NULL, "samples[%zu] has no inputs or no dims", i);
	return 0;
}

float *report_weights(const Onnx__TensorProto *t)
{
	size_t size = onnx_tensor_size(t);
	float *data = malloc(size ? size : 1);

	if (data)
		onnx_tensor_read(t, data);
	else
		err_nomem("weights");
	return data;
}

/* --- Runs -------------------------------------------------------------------------------- */

int watch_open(struct watch *w, struct edit *e)
{
	uint8_t *data = NULL;
	size_t size;
	int ret = edit_pack(e, &data, &size);

	*w = (struct watch){ 0 };
	if (!ret)
		ret = accel_model_load_memory(data, size, NULL, &w->model);
	free(data);
	return ret;
}

void watch_close(struct watch *w)
{
	accel_session_unref(w->session);
	accel_model_unref(w->model);
	*w = (struct watch){ 0 };
}

static bool same_dims(const struct accel_sample *a, const struct accel_sample *b)
{
	if (a->ndims != b->ndims)
		return false;
	for (size_t i = 0; i < a->ndims; i++)
		if (a->dims[i].size != b->dims[i].size || strcmp(a->dims[i].name, b->dims[i].name))
			return false;
	return true;
}

int watch_run(struct watch *w, struct accel_queue *queue, const struct accel_sample *sample)
{
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_session_info info = ACCEL_INIT(info);
	struct accel_value_info value = ACCEL_INIT(value);
	int ret = 0;

	if (!w->session || !same_dims(w->sample, sample)) {
		accel_session_unref(w->session);
		w->session = NULL;
		opts.dims = sample->dims;
		opts.ndims = sample->ndims;
		ret = accel_session_create(w->model, queue, &opts, &w->session);
	}
	if (ret)
		return ret;
	w->sample = sample;
	ret = accel_session_info(w->session, &info);
	for (uint32_t i = 0; i < info.inputs && !ret; i++) {
		ret = accel_session_input(w->session, i, &value);
		if (!ret)
			ret = accel_session_write(w->session, i, sample->inputs[i], value.size);
	}
	return ret ? ret : accel_session_run(w->session, ACCEL_FOREVER, NULL);
}

int watch_read(struct watch *w, uint32_t i, float **data, size_t *count)
{
	struct accel_value_info value = ACCEL_INIT(value);
	int ret = accel_session_shape(w->session, i, &value);

	if (ret)
		return ret;
	*data = malloc(value.size ? value.size : 1);
	if (!*data)
		return err_nomem("a value");
	*count = value.size / sizeof(float);
	ret = accel_session_read(w->session, i, *data, value.size);
	if (!ret)
		return 0;
	free(*data);
	*data = NULL;
	return ret;
}

void layer_compare(struct layer *l, const float *want, const float *got, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		double x = (double)want[i], d = (double)got[i] - x;

		/* Beside something infinite every difference would be nothing. */
		if (isfinite(x))
			l->signal += x * x;
		/* Equal infinities do not differ. */
		if (want[i] == got[i] || (isnan(want[i]) && isnan(got[i])))
			continue;
		l->noise += d * d;
		/* NaN is the largest difference of all. */
		if (isnan(d) || fabs(d) > l->max_error)
			l->max_error = isnan(d) ? INFINITY : fabs(d);
	}
	l->measured = true;
}

/* --- What is told ------------------------------------------------------------------------ */

ACCEL_API void accel_report_free(struct accel_report *report)
{
	API_ENTER;

	if (!report)
		return;
	accel_model_unref(report->model);
	free(report->layers);
	free(report->file);
	free(report);
}

ACCEL_API const void *accel_report_file(const struct accel_report *report, size_t *size)
{
	if (size)
		*size = report ? report->size : 0;
	return report ? report->file : NULL;
}

ACCEL_API uint32_t accel_report_layers(const struct accel_report *report)
{
	return report ? report->nlayers : 0;
}

ACCEL_API int accel_report_layer(const struct accel_report *report, uint32_t i,
				 struct accel_layer_info *info)
{
	API_ENTER;
	struct accel_layer_info out = ACCEL_INIT(out);
	const struct layer *l;

	if (!report || !info)
		return err(-EINVAL, NULL, "%s is NULL", report ? "info" : "report");
	if (i >= report->nlayers)
		return err(-EINVAL, NULL, "no layer %u among %u", i, report->nlayers);
	l = &report->layers[i];
	out.name = l->name;
	out.op = l->op;
	out.value = l->value;
	out.reason = l->reason;
	out.weights = l->weights ? onnx_tensor_size(l->weights) / sizeof(float) : 0;
	out.low = l->low <= l->high ? l->low : NAN;
	out.high = l->low <= l->high ? l->high : NAN;
	out.kept = l->kept;
	out.max_error = l->measured ? l->max_error : NAN;
	out.signal_db = !l->measured ? NAN : l->noise == 0 ? INFINITY :
			10 * log10(l->signal / l->noise);
	return sized_out(info, &out, sizeof(out), "struct accel_layer_info");
}
