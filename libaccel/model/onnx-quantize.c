// SPDX-License-Identifier: MIT
/*
 * Quantisation after training: a model of f32 becomes one in QDQ form.
 *
 * What a layer multiplies is stored in integers, weights included; results that no layer takes stay
 * f32. What only moves elements between two layers is stored before and after with one scale, so
 * that integers can be moved.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../object.h"
#include "model.h"
#include "onnx-report.h"

#define BINS	8192

/**
 * struct stored - a value that is stored in integers
 * @root: whose scale it has: itself, or what was moved
 * @out: which output of the watched model it is
 * @bins: how many elements there are between @low and @high
 */
struct stored {
	const char *name;
	struct stored *root;
	uint32_t out;
	float low, high;
	uint64_t *bins, count;
	float scale;
	uint8_t zero;
	const char *scale_name, *zero_name, *result;
};

struct quantise {
	const Onnx__ModelProto *file;
	struct accel_queue *queue;
	struct accel_report_opts opts;
	struct accel_report *report;
	struct uses uses;
	struct map map;			/* names to struct stored */
	struct stored *stored;
	size_t nstored;
	uint32_t *outs;			/* of each layer, in the watched model */
};

static bool moves(const Onnx__NodeProto *n)
{
	static const char *const ops[] = {
		"Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity", "MaxPool",
	};

	if (!n || !n->n_input || n->n_output != 1 || (n->domain && n->domain[0]))
		return false;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(n->op_type, ops[i]))
			return true;
	return false;
}

static struct stored *store(struct quantise *q, const char *name)
{
	struct stored *s = map_get(&q->map, name);

	if (s)
		return s;
	s = &q->stored[q->nstored];
	if (map_put(&q->map, name, s))
		return NULL;
	q->nstored++;
	s->name = name;
	s->root = s;
	s->low = INFINITY;
	s->high = -INFINITY;
	return s;
}

/* What layers take, back to where it is computed. */
static int choose(struct quantise *q)
{
	const Onnx__GraphProto *g = q->file->graph;
	uint32_t layers = 0;

	q->stored = calloc(g->n_node + g->n_input + g->n_initializer + 1, sizeof(*q->stored));
	q->outs = calloc(q->report->nlayers + 1, sizeof(*q->outs));
	if (!q->stored || !q->outs)
		return err_nomem("a model");
	for (uint32_t i = 0; i < q->report->nlayers; i++) {
		const struct layer *l = &q->report->layers[i];
		const char *name = l->x, *root = l->x;
		const Onnx__NodeProto *n;
		struct stored *s;

		if (l->node == SIZE_MAX || l->reason[0])
			continue;
		layers++;
		while (moves(n = map_get(&q->uses.makers, root)))
			root = n->input[0];
		s = store(q, root);
		for (; s && strcmp(name, root); name = n->input[0]) {
			struct stored *moved = store(q, name);

			if (!moved)
				return err_nomem("a model");
			moved->root = s;
			n = map_get(&q->uses.makers, name);
		}
		if (!s)
			return err_nomem("a model");
	}
	return layers ? 0 : err(-EINVAL, NULL, "the model has no Conv, MatMul or Gemm with weights that "
				"are constants of f32");
}

/* --- Calibration ------------------------------------------------------------------------- */

static void take_range(struct stored *s, const float *x, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(x[i]))
			continue;
		s->low = fminf(s->low, x[i]);
		s->high = fmaxf(s->high, x[i]);
	}
}

static void take_bins(struct stored *s, const float *x, size_t count)
{
	double step = ((double)s->high - (double)s->low) / BINS;

	for (size_t i = 0; i < count && step > 0; i++) {
		double at = ((double)x[i] - (double)s->low) / step;

		if (!isfinite(x[i]))
			continue;
		s->bins[at >= BINS ? BINS - 1 : (size_t)at]++;
		s->count++;
	}
}

/* The narrowest range of whole bins that leaves out half of the rest at either end. */
static void clip_range(struct stored *s, double percentile)
{
	double rest = (double)s->count * (100 - percentile) / 200;
	double step = ((double)s->high - (double)s->low) / BINS;
	uint64_t below = 0, above = 0;
	size_t first = 0, last = BINS;

	while (first < last && (double)(below + s->bins[first]) <= rest)
		below += s->bins[first++];
	while (last > first + 1 && (double)(above + s->bins[last - 1]) <= rest)
		above += s->bins[--last];
	s->high = (float)((double)s->low + step * (double)last);
	s->low = (float)((double)s->low + step * (double)first);
}

/* 0 must be an integer: what is not there is padded with it. */
static int choose_scale(struct stored *s)
{
	float low = fminf(s->low, 0), high = fmaxf(s->high, 0);

	if (s->low > s->high)
		return err(-EINVAL, "give samples that have some", "the samples give '%.64s' no finite "
			   "element", s->name);
	s->scale = (float)(((double)high - (double)low) / 255);
	if (s->scale == 0)
		s->scale = 1;
	if (!isnormal(s->scale) || s->scale > 0x1p118f)
		return err(-ERANGE, NULL, "the samples give '%.64s' the range %g to %g, which f32 does "
			   "not divide", s->name, (double)low, (double)high);
	s->zero = (uint8_t)fminf(fmaxf(rintf(-low / s->scale), 0), 255);
	return 0;
}

static int sweep(struct quantise *q, struct watch *w,
		 void (*take)(struct stored *s, const float *x, size_t count))
{
	for (size_t k = 0; k < q->opts.nsamples; k++) {
		int ret = watch_run(w, q->queue, &q->opts.samples[k]);

		for (size_t i = 0; i < q->nstored && !ret; i++) {
			struct stored *s = &q->stored[i];
			size_t count;
			float *x;

			if (s->root != s)
				continue;
			ret = watch_read(w, s->out, &x, &count);
			if (ret)
				break;
			take(s, x, count);
			free(x);
		}
		if (ret)
			return ret;
	}
	return 0;
}

/* The original model, with all that is looked at as outputs. */
static int watch_original(struct quantise *q, struct watch *w)
{
	struct edit e;
	int ret = edit_begin(&e, q->file);

	for (size_t i = 0; i < q->nstored && !ret; i++)
		if (q->stored[i].root == &q->stored[i])
			q->stored[i].out = edit_output(&e, q->stored[i].name);
	for (uint32_t i = 0; i < q->report->nlayers && !ret; i++)
		if (!q->report->layers[i].reason[0])
			q->outs[i] = edit_output(&e, q->report->layers[i].value);
	ret = watch_open(w, &e);
	edit_end(&e);
	return ret;
}

static int calibrate(struct quantise *q, struct watch *w)
{
	int ret = sweep(q, w, take_range);

	if (!ret && q->opts.calibration == ACCEL_CALIBRATE_PERCENTILE) {
		for (size_t i = 0; i < q->nstored; i++) {
			q->stored[i].bins = calloc(BINS, sizeof(*q->stored[i].bins));
			if (!q->stored[i].bins)
				return err_nomem("a histogram");
		}
		ret = sweep(q, w, take_bins);
		for (size_t i = 0; i < q->nstored && !ret; i++)
			if (q->stored[i].root == &q->stored[i] && q->stored[i].count)
				clip_range(&q->stored[i], q->opts.percentile);
	}
	for (size_t i = 0; i < q->nstored && !ret; i++)
		if (q->stored[i].root == &q->stored[i])
			ret = choose_scale(&q->stored[i]);
	return ret;
}

/* --- The new model ----------------------------------------------------------------------- */

static void scalar(struct edit *e, const char *name, int type, const void *data, size_t size)
{
	edit_constant(e, name, type, 0, NULL, data, size);
}

/* A value that is stored: through integers and back. */
static void insert(struct edit *e, struct edit_nodes *nodes, struct stored *s)
{
	struct stored *root = s->root;
	const char *integers = edit_name(e, s->name, "_quantized");

	if (!root->scale_name) {
		root->scale_name = edit_name(e, root->name, "_scale");
		root->zero_name = edit_name(e, root->name, "_zero_point");
		scalar(e, root->scale_name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, &root->scale, 4);
		scalar(e, root->zero_name, ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, &root->zero, 1);
	}
	s->result = edit_name(e, s->name, "_dequantized");
	edit_node(e, nodes, "QuantizeLinear",
		  (const char *[]){ s->name, root->scale_name, root->zero_name, NULL }, integers);
	edit_node(e, nodes, "DequantizeLinear",
		  (const char *[]){ integers, root->scale_name, root->zero_name, NULL }, s->result);
}

/* Elements of weights before, along and behind their axis of channels. */
static void extents(const struct layer *l, size_t *before, size_t *channels, size_t *behind)
{
	*before = *behind = 1;
	for (size_t i = 0; i < l->weights->n_dims; i++) {
		size_t dim = (size_t)l->weights->dims[i];

		if (i < l->axis)
			*before *= dim;
		else if (i == l->axis)
			*channels = dim;
		else
			*behind *= dim;
	}
}

/* I8 with a scale for each channel; the scales go to @scale. Return: their result's name. */
static const char *weights(struct edit *e, struct edit_nodes *nodes, const struct layer *l,
			   float *scale, size_t n)
{
	size_t before, channels = 0, behind, count = onnx_tensor_size(l->weights) / sizeof(float);
	const char *name = l->weights_name, *result = edit_name(e, name, "_dequantized");
	const char *integers = edit_name(e, name, "_quantized");
	const char *scales = edit_name(e, name, "_scale"), *zeros = edit_name(e, name, "_zero_point");
	float *w = report_weights(l->weights);
	int8_t *out = calloc(count + n, 1);
	int64_t dim = (int64_t)n;

	if (!w || !out) {
		if (!e->error)
			e->error = err_nomem("weights");
		goto out;
	}
	extents(l, &before, &channels, &behind);
	for (size_t c = 0; c < n; c++)
		scale[c] = 0;
	for (size_t i = 0; i < count; i++) {
		size_t c = i / behind % channels;

		if (!isfinite(w[i])) {
			e->error = err(-EINVAL, NULL, "the weights '%.64s' have elements that are not "
				       "finite", name);
			goto out;
		}
		scale[c] = fmaxf(scale[c], fabsf(w[i]));
	}
	for (size_t c = 0; c < n; c++) {
		scale[c] = scale[c] / 127;
		/* Nothing but zeros, or as good as that. */
		if (!isnormal(scale[c]))
			scale[c] = 1;
	}
	for (size_t i = 0; i < count; i++)
		out[i] = (int8_t)fminf(fmaxf(rintf(w[i] / scale[i / behind % channels]), -127), 127);
	edit_constant(e, integers, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, l->weights->n_dims,
		      l->weights->dims, out, count);
	edit_constant(e, scales, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 1, &dim, scale, n * 4);
	edit_constant(e, zeros, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 1, &dim, out + count, n);
	edit_int(e, edit_node(e, nodes, "DequantizeLinear",
			      (const char *[]){ integers, scales, zeros, NULL }, result),
		 "axis", l->axis);
out:
	free(w);
	free(out);
	return result;
}

/* I32 in steps of the products; NULL: it does not fit, and stays. */
static const char *bias(struct edit *e, struct edit_nodes *nodes, const struct layer *l, float x_scale,
			float *scale, size_t n)
{
	float *b = report_weights(l->bias);
	int32_t *out = calloc(n + 1, sizeof(*out));
	const char *result = NULL, *integers, *scales;
	int64_t dim = (int64_t)n;
	bool fits = true;

	if (!b || !out) {
		if (!e->error)
			e->error = err_nomem("a bias");
		fits = false;
	}
	for (size_t c = 0; c < n && fits; c++) {
		float steps;

		scale[c] = x_scale * scale[c];
		steps = rintf(b[c] / scale[c]);
		/* Room for the sum of products above it; ONNX Runtime's sums are of 32 bits, too. */
		fits = isnormal(scale[c]) && fabsf(steps) < 0x1p29f;
		if (fits)
			out[c] = (int32_t)steps;
	}
	if (fits) {
		integers = edit_name(e, l->bias_name, "_quantized");
		scales = edit_name(e, l->bias_name, "_scale");
		result = edit_name(e, l->bias_name, "_dequantized");
		edit_constant(e, integers, ONNX__TENSOR_PROTO__DATA_TYPE__INT32, 1, &dim, out, n * 4);
		edit_constant(e, scales, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 1, &dim, scale, n * 4);
		edit_int(e, edit_node(e, nodes, "DequantizeLinear",
				      (const char *[]){ integers, scales, NULL }, result), "axis", 0);
	}
	free(b);
	free(out);
	return result;
}

static void convert_layer(struct quantise *q, struct edit *e, struct edit_nodes *nodes,
			  Onnx__NodeProto *n, const struct layer *l)
{
	const struct stored *x = map_get(&q->map, l->x);
	size_t channels = (size_t)l->weights->dims[l->axis];
	float *scale = calloc(channels, sizeof(*scale));
	const char *name;

	if (!scale || !x) {
		free(scale);
		if (!e->error)
			e->error = err_nomem("scales");
		return;
	}
	edit_set(e, &n->input[1], weights(e, nodes, l, scale, channels));
	if (l->bias && !e->error) {
		name = bias(e, nodes, l, x->root->scale, scale, channels);
		if (name)
			edit_set(e, &n->input[2], name);
	}
	free(scale);
}

static const struct layer *layer_of(const struct quantise *q, size_t node)
{
	for (uint32_t i = 0; i < q->report->nlayers; i++)
		if (q->report->layers[i].node == node && !q->report->layers[i].reason[0])
			return &q->report->layers[i];
	return NULL;
}

/* Graphs within nodes take values from outside by their names. */
static void find_used(struct map *used, const Onnx__GraphProto *g, void *mark)
{
	for (size_t i = 0; i < g->n_node; i++) {
		const Onnx__NodeProto *n = g->node[i];

		for (size_t k = 0; k < n->n_input; k++)
			map_put(used, n->input[k], mark);
		for (size_t k = 0; k < n->n_attribute; k++) {
			if (n->attribute[k]->g)
				find_used(used, n->attribute[k]->g, mark);
			for (size_t j = 0; j < n->attribute[k]->n_graphs; j++)
				find_used(used, n->attribute[k]->graphs[j], mark);
		}
	}
	for (size_t i = 0; i < g->n_output; i++)
		map_put(used, g->output[i]->name, mark);
}

/* Constants that nothing takes any more, wherever they are. */
static void drop_unused(struct edit *e, const struct layer *l, uint32_t nlayers)
{
	const Onnx__GraphProto *g = e->model->graph;
	struct map used = { 0 };

	find_used(&used, g, e);
	for (uint32_t i = 0; i < nlayers; i++) {
		if (l[i].weights && !map_get(&used, l[i].weights_name))
			edit_remove_constant(e, l[i].weights_name);
		if (l[i].bias && !map_get(&used, l[i].bias_name))
			edit_remove_constant(e, l[i].bias_name);
	}
	for (size_t i = 0; i < g->n_node; i++) {
		const Onnx__NodeProto *n = g->node[i];

		if (!strcmp(n->op_type, "Constant") && n->n_output == 1 && !map_get(&used, n->output[0]))
			edit_remove_node(e, i--);
	}
	map_free(&used);
}

static void make_model(struct quantise *q, struct edit *e)
{
	Onnx__GraphProto *g = e->model->graph;
	struct edit_nodes nodes = { 0 };

	for (size_t i = 0; i < q->nstored; i++)
		if (!map_get(&q->uses.makers, q->stored[i].name))
			insert(e, &nodes, &q->stored[i]);
	for (size_t i = 0; i < g->n_node; i++) {
		Onnx__NodeProto *n = g->node[i];
		const struct layer *l = layer_of(q, i);

		g->node[i] = NULL;
		for (size_t k = 0; k < n->n_input; k++) {
			const struct stored *s = map_get(&q->map, n->input[k]);

			if (s && s->result)
				edit_set(e, &n->input[k], s->result);
		}
		if (l)
			convert_layer(q, e, &nodes, n, l);
		edit_append(e, &nodes, n);
		/* Names of the original: a copy may be gone after an error. */
		n = q->file->graph->node[i];
		for (size_t k = 0; k < n->n_output; k++) {
			struct stored *s = map_get(&q->map, n->output[k]);

			if (s && n->output[k][0])
				insert(e, &nodes, s);
		}
	}
	edit_replace(e, &nodes);
	if (!e->error)
		drop_unused(e, q->report->layers, q->report->nlayers);
	edit_set(e, &e->model->producer_name, "libaccel");
}

/* Both models with each sample, value by value. */
static int measure(struct quantise *q, struct watch *original, struct edit *e)
{
	uint32_t *outs = calloc(q->report->nlayers + 1, sizeof(*outs));
	struct watch w = { 0 };
	int ret = outs ? 0 : err_nomem("a report");

	for (uint32_t i = 0; i < q->report->nlayers && !ret; i++) {
		const struct layer *l = &q->report->layers[i];
		const struct stored *s = l->node == SIZE_MAX ? NULL : map_get(&q->map, l->value);

		if (!l->reason[0])
			outs[i] = edit_output(e, s ? s->result : l->value);
	}
	if (!ret)
		ret = watch_open(&w, e);
	for (size_t k = 0; k < q->opts.nsamples && !ret; k++) {
		ret = watch_run(original, q->queue, &q->opts.samples[k]);
		if (!ret)
			ret = watch_run(&w, q->queue, &q->opts.samples[k]);
		for (uint32_t i = 0; i < q->report->nlayers && !ret; i++) {
			struct layer *l = &q->report->layers[i];
			float *want = NULL, *got = NULL;
			size_t n, m;

			if (l->reason[0])
				continue;
			ret = watch_read(original, q->outs[i], &want, &n);
			if (!ret)
				ret = watch_read(&w, outs[i], &got, &m);
			if (!ret && n == m) {
				layer_compare(l, want, got, n);
				for (size_t x = 0; x < n; x++) {
					l->low = fmin(l->low, (double)want[x]);
					l->high = fmax(l->high, (double)want[x]);
				}
			}
			free(want);
			free(got);
		}
	}
	watch_close(&w);
	free(outs);
	return ret;
}

static int quantise(struct quantise *q)
{
	struct watch original = { 0 };
	struct edit e = { 0 };
	int ret = choose(q);

	if (!ret)
		ret = watch_original(q, &original);
	if (!ret)
		ret = calibrate(q, &original);
	if (!ret)
		ret = edit_begin(&e, q->file);
	if (!ret) {
		make_model(q, &e);
		ret = edit_pack(&e, &q->report->file, &q->report->size);
	}
	if (!ret)
		ret = measure(q, &original, &e);
	edit_end(&e);
	watch_close(&original);
	return ret;
}

ACCEL_API int accel_model_quantize(struct accel_model *model, struct accel_queue *queue,
				   const struct accel_report_opts *opts,
				   struct accel_report **report)
{
	API_ENTER;
	struct quantise q = { .queue = queue, .opts = ACCEL_INIT(q.opts) };
	int ret;

	if (!model || !queue || !report)
		return err(-EINVAL, NULL, "%s is NULL",
			   !model ? "model" : !queue ? "queue" : "report");
	ret = report_opts(&q.opts, opts);
	if (ret)
		return ret;
	if (!q.opts.nsamples)
		return err(-EINVAL, NULL, "there is no sample to calibrate with");
	ret = model_file(model, &q.file);
	if (ret)
		return ret;
	if (onnx_opset(q.file, "") < 13)
		return err(-EOPNOTSUPP, "convert the model, as with onnx.version_converter",
			   "the model has operator set %lld: scales for each channel need 13",
			   (long long)onnx_opset(q.file, ""));
	ret = uses_find(&q.uses, q.file->graph);
	if (!ret)
		ret = report_new(model, &q.uses, &q.report);
	if (!ret)
		ret = quantise(&q);
	for (size_t i = 0; i < q.nstored; i++)
		free(q.stored[i].bins);
	free(q.stored);
	free(q.outs);
	map_free(&q.map);
	uses_free(&q.uses);
	if (ret)
		accel_report_free(q.report);
	else
		*report = q.report;
	return ret;
}
