// SPDX-License-Identifier: MIT
/*
 * accelctl model quantize, model prune: smaller weights, and what they cost.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "card.h"
#include "exit.h"
#include "interrupt.h"
#include "message.h"
#include "model.h"
#include "outfile.h"
#include "output.h"
#include "stats.h"
#include "table.h"

/* One file of --calib. */
struct data {
	struct accel_value_info info;
	void *data;
	bool from_pb;
	uint32_t input, sample;
};

struct job {
	const struct args *args;
	struct card card;
	struct accel_model *model;
	struct accel_report *report;
	uint32_t inputs;
	struct data data[ARGS_REPEATS_MAX];
	unsigned int ndata;
	/* Of each sample: sizes of axes, and a pointer for each input. */
	struct model_opts *dims;
	const void **pointers;
	struct accel_sample samples[ARGS_REPEATS_MAX];
	uint32_t nsamples;
	struct outfile out;
};

/* --- Samples ----------------------------------------------------------------------------- */

/* NAME=FILE, or FILE where there is one input: which input it is, or -1 with a message. */
static int find(const struct job *job, const char *text, const char **file)
{
	const char *equal = strchr(text, '=');
	struct accel_value_info info = ACCEL_INIT(info);

	for (uint32_t i = 0; i < job->inputs && equal; i++) {
		accel_model_input(job->model, i, &info);
		if (strlen(info.name) == (size_t)(equal - text) &&
		    !strncmp(info.name, text, (size_t)(equal - text))) {
			*file = equal + 1;
			return (int)i;
		}
	}
	*file = text;
	if (job->inputs == 1)
		return 0;
	complain("the model has %" PRIu32 " inputs: '%s' does not tell for which it is", job->inputs,
		 text);
	hint("give --calib NAME=FILE; accelctl model show lists them");
	return -1;
}

static int read_samples(struct job *job)
{
	uint32_t *have = calloc(job->inputs + 1, sizeof(*have));
	unsigned int at = 0;
	const char *text, *file;
	int status = 0;

	if (!have) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	while (!status && (text = args_next(job->args, "calib", &at))) {
		struct data *d = &job->data[job->ndata];
		int i = find(job, text, &file);

		if (i < 0) {
			status = EXIT_USAGE;
			break;
		}
		d->info = (struct accel_value_info)ACCEL_INIT(d->info);
		accel_model_input(job->model, (uint32_t)i, &d->info);
		d->input = (uint32_t)i;
		d->sample = have[i]++;
		job->ndata++;
		status = model_read(&d->info, file, &d->data, &d->from_pb);
		if (status)
			break;
		if (have[i] > job->nsamples) {
			struct model_opts *opts = &job->dims[job->nsamples];

			opts->session = (struct accel_session_opts)ACCEL_INIT(opts->session);
			opts->session.dims = opts->dims;
			job->nsamples = have[i];
		}
		status = model_fit(&job->dims[d->sample], job->model, d->input, &d->info, file);
		job->pointers[d->sample * job->inputs + d->input] = d->data;
	}
	for (uint32_t i = 0; i < job->inputs && !status; i++) {
		if (have[i] != job->nsamples) {
			complain("%" PRIu32 " files for one input and %" PRIu32 " for another", have[i],
				 job->nsamples);
			hint("each input needs as many files as there are samples");
			status = EXIT_USAGE;
		}
	}
	free(have);
	for (uint32_t i = 0; i < job->nsamples; i++)
		job->samples[i] = (struct accel_sample){ job->pointers + i * job->inputs,
			job->dims[i].dims, job->dims[i].session.ndims };
	return status;
}

/* --- Reports ----------------------------------------------------------------------------- */

static struct accel_layer_info layer(const struct job *job, uint32_t i)
{
	struct accel_layer_info info = ACCEL_INIT(info);

	accel_report_layer(job->report, i, &info);
	return info;
}

/* JSON has neither NaN nor infinity: both are null. */
static void real(struct json_object *object, const char *name, double x)
{
	if (isfinite(x))
		doc_real(object, name, x);
	else
		doc_null(object, name);
}

static void json_layers(const struct job *job, struct json_object *document, bool prune)
{
	struct json_object *array = doc_array(document, "layers"), *object;

	for (uint32_t i = 0; i < accel_report_layers(job->report); i++) {
		struct accel_layer_info info = layer(job, i);

		object = doc_append_object(array);
		doc_string(object, "name", info.name);
		doc_string(object, "op", info.op);
		doc_string(object, "value", info.value);
		doc_string(object, "reason", info.reason);
		doc_number(object, "weights", info.weights);
		real(object, "low", info.low);
		real(object, "high", info.high);
		real(object, "signal_db", info.signal_db);
		real(object, "max_error", info.max_error);
		if (!isnan(info.max_error))
			doc_bool(object, "exact", info.max_error == 0);
		else
			doc_null(object, "exact");
		if (prune)
			real(object, "kept", info.kept);
	}
}

static void cell(struct table *table, const char *format, double x)
{
	if (isnan(x))
		table_cell(table, "-");
	else if (isinf(x))
		table_cell(table, x < 0 ? "-inf" : "inf");
	else
		table_cell(table, format, x);
}

static void print_layers(const struct job *job, bool prune)
{
	static const char *const heads[] = {
		"LAYER", "OP", ">WEIGHTS", ">LEAST", ">LARGEST", ">SIGNAL dB", ">MAX DIFF", "NOTE",
	};
	static const char *const prune_heads[] = {
		"LAYER", "OP", ">WEIGHTS", ">KEPT %", ">LEAST", ">LARGEST", ">SIGNAL dB", ">MAX DIFF",
		"NOTE",
	};
	struct table table;

	putchar('\n');
	table_begin(&table, prune ? prune_heads : heads, prune ? 9 : 8);
	for (uint32_t i = 0; i < accel_report_layers(job->report); i++) {
		struct accel_layer_info info = layer(job, i);

		table_cell(&table, "%s", info.name);
		table_cell(&table, "%s", info.op);
		if (info.weights)
			table_cell(&table, "%" PRIu64, info.weights);
		else
			table_cell(&table, "-");
		if (prune)
			cell(&table, "%.2f", info.kept * 100);
		cell(&table, "%.4g", info.low);
		cell(&table, "%.4g", info.high);
		cell(&table, "%.1f", info.signal_db);
		cell(&table, "%.3g", info.max_error);
		table_cell(&table, "%s", *info.reason ? info.reason : "-");
	}
	table_end(&table);
}

/* --- The commands ------------------------------------------------------------------------ */

static int load(struct job *job)
{
	struct accel_model_info info = ACCEL_INIT(info);
	int err = accel_model_load(args_text(job->args, "MODEL"), NULL, &job->model);

	if (!err)
		err = accel_model_info(job->model, &info);
	if (err)
		return fail_call("cannot load the model", err);
	job->inputs = info.inputs;
	job->dims = calloc(ARGS_REPEATS_MAX, sizeof(*job->dims));
	job->pointers = calloc((size_t)ARGS_REPEATS_MAX * info.inputs + 1, sizeof(*job->pointers));
	if (!job->dims || !job->pointers) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	return read_samples(job);
}

static struct accel_report_opts options(const struct job *job)
{
	struct accel_report_opts opts = ACCEL_INIT(opts);

	opts.samples = job->samples;
	opts.nsamples = job->nsamples;
	return opts;
}

static int quantize(struct job *job)
{
	struct accel_report_opts opts = options(job);
	const char *method = args_text(job->args, "method"), *to;
	unsigned int at = 0;
	struct json_object *document;
	char size[32];
	size_t bytes;
	const void *file;
	int err;

	if (!job->nsamples)
		return args_usage(job->args, "give at least one --calib FILE");
	to = args_next(job->args, "output", &at);
	if (!to || args_next(job->args, "output", &at))
		return args_usage(job->args, "give --output FILE, once");
	if (output_json() && outfile_is_stdout(to))
		return args_usage(job->args, "the model and the JSON report cannot both go to standard "
				  "output");
	opts.calibration = strcmp(method, "minmax") ? ACCEL_CALIBRATE_PERCENTILE :
			   ACCEL_CALIBRATE_MINMAX;
	opts.percentile = strcmp(method, "minmax") ? strtod(method + 1, NULL) : 0;
	err = outfile_open(&job->out, to);
	if (!err)
		err = card_open_queue(&job->card, args_text(job->args, "device"), NULL);
	if (err)
		return err;
	err = accel_model_quantize(job->model, job->card.queue, &opts, &job->report);
	if (err)
		return fail_call("cannot quantise the model", err);
	/* A signal may have come where nothing was waited for. */
	if (interrupt_pending())
		return interrupt_exit();
	file = accel_report_file(job->report, &bytes);
	err = outfile_write(&job->out, file, bytes);
	if (!err)
		err = outfile_commit(&job->out);
	if (err)
		return err;
	if (output_json()) {
		document = doc_begin(job->args->command->schema);
		card_describe(&job->card, document);
		doc_string(document, "file", to);
		doc_number(document, "bytes", bytes);
		doc_number(document, "samples", job->nsamples);
		doc_string(document, "method", method);
		json_layers(job, document, false);
		doc_print(document);
		return EXIT_OK;
	}
	if (outfile_is_stdout(to))
		return EXIT_OK;
	card_field(&job->card);
	field("file", "%s, %s", to, format_bytes(size, (double)bytes));
	field("calibration", "%s, %" PRIu32 " %s", method, job->nsamples,
	      job->nsamples == 1 ? "sample" : "samples");
	print_layers(job, false);
	return EXIT_OK;
}

static int prune(struct job *job)
{
	struct accel_report_opts opts = options(job);
	struct json_object *document;
	int err;

	if (!args_given(job->args, "dry-run"))
		return args_usage(job->args, "give --dry-run: nothing but the report is there");
	err = job->nsamples ? card_open_queue(&job->card, args_text(job->args, "device"), NULL) : 0;
	if (err)
		return err;
	err = accel_model_prune(job->model, job->card.queue, &opts, &job->report);
	if (err)
		return fail_call("cannot look at the model", err);
	if (interrupt_pending())
		return interrupt_exit();
	if (output_json()) {
		document = doc_begin(job->args->command->schema);
		doc_number(document, "samples", job->nsamples);
		json_layers(job, document, true);
		doc_print(document);
		return EXIT_OK;
	}
	field("pattern", "2 of 4 along the input channels");
	if (job->nsamples)
		field("measured", "with %" PRIu32 " %s: layers each alone, outputs with all pruned",
		      job->nsamples, job->nsamples == 1 ? "sample" : "samples");
	print_layers(job, true);
	return EXIT_OK;
}

static int run(const struct args *args, int (*work)(struct job *job))
{
	struct job *job = calloc(1, sizeof(*job));
	int status;

	if (!job) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	job->args = args;
	status = load(job);
	if (!status)
		status = work(job);
	outfile_abort(&job->out);
	accel_report_free(job->report);
	for (unsigned int i = 0; i < job->ndata; i++)
		model_read_free(job->data[i].data, job->data[i].from_pb);
	card_close(&job->card);
	accel_model_unref(job->model);
	free(job->dims);
	free(job->pointers);
	free(job);
	return status;
}

static int run_quantize(const struct args *args)
{
	return run(args, quantize);
}

static int run_prune(const struct args *args)
{
	return run(args, prune);
}

const struct command command_model_quantize = {
	.noun = "model",
	.verb = "quantize",
	.summary = "Make a model of 8-bit integers and tell what that costs.",
	.text = "MODEL is an ONNX file of f32 with operators of version 13 or later. It is run with the "
		"files of --calib, each the data of an input, as many at a time as the file holds; a model "
		"with several inputs takes NAME=FILE, and the first files of all inputs are one run, "
		"the second ones another. The ranges that values had then are what integers will span: "
		"with minmax all of it; with p99.9 and the like as much as so many percent of "
		"the elements need, and the rest saturates.\n\n"
		"The new model is standard ONNX: f32 with QuantizeLinear and DequantizeLinear around Conv, "
		"MatMul and Gemm. Weights are i8 with a scale for each channel, what they are multiplied by "
		"is u8. In this command --output names the file; the report as JSON is -o json.\n\n"
		"For each layer and each output: the range in the original model, the "
		"power of the signal over that of the difference between the models, and the largest "
		"difference, over all files.",
	.args = (const struct param[]){
		{ .name = "MODEL", .kind = VALUE_FILE, .help = "the model" },
		{ 0 },
	},
	.options = (const struct param[]){
		{ .name = "calib", .kind = VALUE_TEXT, .value = "[NAME=]FILE", .repeat = true,
		  .help = "data of an input, .npy or .pb; repeatable" },
		{ .name = "output", .kind = VALUE_FILE, .value = "FILE", .repeat = true,
		  .help = "the new model; once" },
		{ .name = "method", .kind = VALUE_CHOICE, .value = "METHOD",
		  .choices = "minmax p99.999 p99.99 p99.9 p99", .fallback = "minmax",
		  .help = "how ranges are chosen" },
		{ 0 },
	},
	.schema = "accelctl.model.quantize/1",
	.examples = "model quantize net.onnx --calib images.npy --output net-int8.onnx\n"
		    "model quantize net.onnx --calib a.npy --calib b.npy --output q.onnx --method p99.99",
	.run = run_quantize,
};

const struct command command_model_prune = {
	.noun = "model",
	.verb = "prune",
	.summary = "Tell what 2:4 structured sparsity would lose.",
	.text = "Of each 4 weights that follow each other along the input channels of an output the 2 "
		"smallest would become 0. KEPT is the share of the weights' squares that stays. With "
		"--calib, as for model quantize, also what that does: to each layer's result, with the "
		"operand that it has now, and to the model's outputs, with all layers pruned. No file is "
		"written, and without --calib no device is opened.",
	.args = (const struct param[]){
		{ .name = "MODEL", .kind = VALUE_FILE, .help = "the model" },
		{ 0 },
	},
	.options = (const struct param[]){
		{ .name = "dry-run", .help = "only tell; must be given" },
		{ .name = "calib", .kind = VALUE_TEXT, .value = "[NAME=]FILE", .repeat = true,
		  .help = "data of an input, .npy or .pb; repeatable" },
		{ 0 },
	},
	.schema = "accelctl.model.prune/1",
	.examples = "model prune net.onnx --dry-run\nmodel prune net.onnx --dry-run --calib images.npy",
	.run = run_prune,
};
