// SPDX-License-Identifier: MIT
/*
 * What 2:4 structured sparsity would lose: of each 4 weights that follow each other along the
 * input channels of one output, as the card counts k, the 2 smallest become 0.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../object.h"
#include "model.h"
#include "onnx-report.h"

/* Weights of one output and one tap: @n of them, @stride apart. A last group that is shorter keeps
 * 2 as well, and of equal ones the first stay.
 */
static void prune_line(float *w, size_t n, size_t stride, double *kept, double *all)
{
	for (size_t at = 0; at < n; at += 4, w += 4 * stride) {
		size_t group = n - at < 4 ? n - at : 4;
		bool keep[4];

		for (size_t i = 0; i < group; i++) {
			float x = fabsf(w[i * stride]);
			unsigned int before = 0;

			for (size_t k = 0; k < group; k++) {
				float y = fabsf(w[k * stride]);

				before += y > x || (y == x && k < i);
			}
			keep[i] = before < 2;
			*all += (double)x * (double)x;
			*kept += keep[i] ? (double)x * (double)x : 0;
		}
		for (size_t i = 0; i < group; i++)
			if (!keep[i])
				w[i * stride] = 0;
	}
}

static void prune(const struct layer *l, float *w, double *kept)
{
	const int64_t *dims = l->weights->dims;
	size_t taps = 1, inputs, outputs;
	double some = 0, all = 0;

	if (l->weights->n_dims == 2) {
		outputs = (size_t)dims[l->axis];
		inputs = (size_t)dims[!l->axis];
		for (size_t o = 0; o < outputs; o++)
			prune_line(w + (l->axis ? o : o * inputs), inputs, l->axis ? outputs : 1,
				   &some, &all);
	} else {
		outputs = (size_t)dims[0];
		inputs = (size_t)dims[1];
		for (size_t i = 2; i < l->weights->n_dims; i++)
			taps *= (size_t)dims[i];
		for (size_t o = 0; o < outputs; o++)
			for (size_t t = 0; t < taps; t++)
				prune_line(w + o * inputs * taps + t, inputs, taps, &some, &all);
	}
	*kept = all > 0 ? some / all : 1;
}

static float *pruned(struct layer *l)
{
	float *w = report_weights(l->weights);

	if (w)
		prune(l, w, &l->kept);
	return w;
}

/* Each layer a second time, with pruned weights and the same operand. */
static void twins(struct accel_report *r, struct edit *e, const char **names)
{
	Onnx__GraphProto *g = e->model->graph;
	size_t old = g->n_node;
	struct edit_nodes nodes = { 0 };

	for (size_t i = 0; i < old; i++) {
		edit_append(e, &nodes, g->node[i]);
		g->node[i] = NULL;
	}
	for (uint32_t i = 0; i < r->nlayers && !e->error; i++) {
		struct layer *l = &r->layers[i];
		const char *weights;
		Onnx__NodeProto *n;
		float *w;

		if (l->node == SIZE_MAX || l->reason[0])
			continue;
		w = pruned(l);
		weights = edit_name(e, l->weights_name, "_pruned");
		names[i] = edit_name(e, l->y, "_pruned");
		if (w)
			edit_constant(e, weights, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
				      l->weights->n_dims, l->weights->dims, w,
				      onnx_tensor_size(l->weights));
		else if (!e->error)
			e->error = -ENOMEM;
		free(w);
		n = edit_copy_node(e, nodes.list[l->node]);
		if (!n)
			break;
		edit_set(e, &n->input[1], weights);
		edit_set(e, &n->output[0], names[i]);
		edit_append(e, &nodes, n);
	}
	edit_replace(e, &nodes);
}

/* All layers pruned. */
static void replace_weights(struct accel_report *r, struct edit *e)
{
	for (uint32_t i = 0; i < r->nlayers && !e->error; i++) {
		struct layer *l = &r->layers[i];
		Onnx__NodeProto *n;
		const char *name;
		float *w;

		if (l->node == SIZE_MAX || l->reason[0])
			continue;
		w = pruned(l);
		name = edit_name(e, l->weights_name, "_pruned");
		if (w)
			edit_constant(e, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
				      l->weights->n_dims, l->weights->dims, w,
				      onnx_tensor_size(l->weights));
		else if (!e->error)
			e->error = -ENOMEM;
		free(w);
		n = e->model->graph->node[l->node];
		edit_set(e, &n->input[1], name);
	}
}

static int compare(struct layer *l, struct watch *a, uint32_t i, struct watch *b, uint32_t k)
{
	float *want = NULL, *got = NULL;
	size_t n, m;
	int ret = watch_read(a, i, &want, &n);

	if (!ret)
		ret = watch_read(b, k, &got, &m);
	if (!ret && n == m) {
		layer_compare(l, want, got, n);
		for (size_t x = 0; x < n; x++) {
			l->low = fmin(l->low, (double)want[x]);
			l->high = fmax(l->high, (double)want[x]);
		}
	}
	free(want);
	free(got);
	return ret;
}

static int measure(struct accel_report *r, struct accel_queue *queue,
		   const struct accel_report_opts *opts)
{
	const Onnx__ModelProto *file = r->model->file;
	const char **names = calloc(r->nlayers + 1, sizeof(*names));
	uint32_t (*outs)[2] = calloc(r->nlayers + 1, sizeof(*outs));
	struct watch twin = { 0 }, all = { 0 };
	struct edit e = { 0 };
	int ret = names && outs ? edit_begin(&e, file) : err_nomem("a report");

	if (!ret) {
		twins(r, &e, names);
		for (uint32_t i = 0; i < r->nlayers; i++) {
			if (r->layers[i].reason[0])
				continue;
			outs[i][0] = edit_output(&e, r->layers[i].y);
			outs[i][1] = names[i] ? edit_output(&e, names[i]) : outs[i][0];
		}
		ret = watch_open(&twin, &e);
	}
	edit_end(&e);
	if (!ret)
		ret = edit_begin(&e, file);
	if (!ret) {
		replace_weights(r, &e);
		ret = watch_open(&all, &e);
	}
	edit_end(&e);
	for (size_t k = 0; k < opts->nsamples && !ret; k++) {
		ret = watch_run(&twin, queue, &opts->samples[k]);
		if (!ret)
			ret = watch_run(&all, queue, &opts->samples[k]);
		for (uint32_t i = 0; i < r->nlayers && !ret; i++) {
			struct layer *l = &r->layers[i];

			if (l->node == SIZE_MAX)
				ret = compare(l, &twin, outs[i][0], &all, outs[i][0]);
			else if (!l->reason[0])
				ret = compare(l, &twin, outs[i][0], &twin, outs[i][1]);
		}
	}
	watch_close(&twin);
	watch_close(&all);
	free(names);
	free(outs);
	return ret;
}

ACCEL_API int accel_model_prune(struct accel_model *model, struct accel_queue *queue,
				const struct accel_report_opts *opts, struct accel_report **report)
{
	API_ENTER;
	struct accel_report_opts o = ACCEL_INIT(o);
	struct accel_report *r = NULL;
	struct uses uses = { 0 };
	Onnx__ModelProto *file;
	int ret;

	if (!model || !report)
		return err(-EINVAL, NULL, "%s is NULL", model ? "report" : "model");
	ret = report_opts(&o, opts);
	if (!ret && o.nsamples && !queue)
		ret = err(-EINVAL, NULL, "queue is NULL");
	if (!ret)
		ret = model_file(model, &file);
	if (!ret)
		ret = uses_find(&uses, file->graph);
	if (!ret)
		ret = report_new(model, &uses, &r);
	for (uint32_t i = 0; i < (ret ? 0 : r->nlayers) && !ret; i++) {
		struct layer *l = &r->layers[i];
		float *w;

		/* What is compared is the product alone. */
		l->value = l->y;
		if (l->node == SIZE_MAX || l->reason[0])
			continue;
		w = pruned(l);
		if (!w)
			ret = -ENOMEM;
		free(w);
	}
	if (!ret && o.nsamples)
		ret = measure(r, queue, &o);
	uses_free(&uses);
	if (ret)
		accel_report_free(r);
	else
		*report = r;
	return ret;
}
