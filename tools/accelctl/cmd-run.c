// SPDX-License-Identifier: MIT
/*
 * accelctl run: a model, with its inputs and outputs in files.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "batched.h"
#include "card.h"
#include "exit.h"
#include "interrupt.h"
#include "message.h"
#include "model.h"
#include "npy.h"
#include "outfile.h"
#include "output.h"
#include "profile.h"
#include "progress.h"
#include "stats.h"
#include "verify.h"

/* An input or an output. */
struct io {
	struct accel_value_info info;	/* of the data */
	const char *file;
	void *data;
	bool from_pb;			/* how to free @data */
	struct outfile out;
};

struct job {
	const struct args *args;
	struct model_opts opts;
	struct card card;
	struct accel_model *model;
	struct accel_session *session;
	struct accel_session_info info;
	struct io *in, *out;
	uint32_t inputs, outputs;
	uint64_t deadline, runs;
	uint64_t *host_ns, *device_ns;
	struct accel_result result;
	bool verified, equal;
	char mismatch[160];
	struct accel_profile *profile;
	struct outfile trace;
	bool piped;			/* one of the files is standard output */
	struct batched batched;
};

/* Of enum accel_cache_use. */
static const char *const caches[] = { "unused", "hit", "stored", "failed" };

/* --- Files ------------------------------------------------------------------------------- */

/* NAME=FILE of an option: which of the values it is. 0 or an exit code, with a message. */
static int find(const struct job *job, const char *option, const char *text, struct io *list,
		uint32_t n, struct io **io)
{
	const char *equal = strchr(text, '=');

	if (!equal || equal == text || !equal[1])
		return args_usage(job->args, "option '--%s' must be NAME=FILE, not '%s'", option, text);
	for (*io = list; *io < list + n; ++*io)
		if (strlen((*io)->info.name) == (size_t)(equal - text) &&
		    !strncmp((*io)->info.name, text, (size_t)(equal - text)))
			break;
	if (*io == list + n) {
		complain("the model has no %s '%.*s'", option, (int)(equal - text), text);
		hint("accelctl model show lists them");
		return EXIT_FAILED;
	}
	if ((*io)->file)
		return args_usage(job->args, "%s '%s' is given twice", option, (*io)->info.name);
	(*io)->file = equal + 1;
	return 0;
}

/* By --fix, or in a compiled model. */
static bool is_fixed(const struct job *job, uint32_t i)
{
	return job->in[i].info.constant || model_opts_fixed(&job->opts, job->in[i].info.name);
}

static int read_inputs(struct job *job)
{
	unsigned int at = 0;
	const char *text;

	while ((text = args_next(job->args, "input", &at))) {
		struct io *io;
		int status = find(job, "input", text, job->in, job->inputs, &io);

		if (!status)
			status = model_read(&io->info, io->file, &io->data, &io->from_pb);
		if (status)
			return status;
	}
	for (uint32_t i = 0; i < job->inputs; i++) {
		if (is_fixed(job, i)) {
			if (job->in[i].file)
				return args_usage(job->args, "input '%s' is fixed", job->in[i].info.name);
		} else if (!job->in[i].file) {
			complain("no file for input '%s'", job->in[i].info.name);
			hint("give --input %s=FILE", job->in[i].info.name);
			return EXIT_USAGE;
		}
	}
	return 0;
}

static int open_dims(struct job *job)
{
	int status = 0;

	for (uint32_t i = 0; i < job->inputs && !status; i++)
		if (!is_fixed(job, i))
			status = model_fit(&job->opts, job->model, i, &job->in[i].info,
					   job->in[i].file);
	return status;
}

static int open_outputs(struct job *job)
{
	unsigned int at = 0;
	const char *text;

	while ((text = args_next(job->args, "output", &at))) {
		struct io *io;
		int status = find(job, "output", text, job->out, job->outputs, &io);

		if (!status)
			status = outfile_open(&io->out, io->file);
		if (status)
			return status;
		job->piped |= outfile_is_stdout(io->file);
	}
	text = args_text(job->args, "trace");
	job->piped |= text && outfile_is_stdout(text);
	if (job->piped && (output_json() || args_given(job->args, "profile")))
		return args_usage(job->args, "a result and the report cannot both go to standard output");
	return text ? outfile_open(&job->trace, text) : 0;
}

/* The one that is written last would replace the other. */
static int check_outputs(const struct job *job)
{
	for (uint32_t i = 0; i < job->outputs; i++) {
		const struct outfile *out = &job->out[i].out;
		bool same = outfile_same(out, &job->trace);

		for (uint32_t k = 0; k < i; k++)
			same |= outfile_same(out, &job->out[k].out);
		if (same)
			return args_usage(job->args, "'%s' is given for two outputs", out->name);
	}
	return 0;
}

/* All are written before one takes its place: a disk that is full leaves none of them. */
static int write_outputs(struct job *job)
{
	int status = job->trace.name ? profile_trace(job->profile, &job->card, &job->trace) : 0;

	for (uint32_t i = 0; i < job->outputs && !status; i++) {
		struct io *io = &job->out[i];
		uint32_t dims[NPY_RANK_MAX];

		if (!io->file)
			continue;
		if (io->info.rank > NPY_RANK_MAX) {
			complain("output '%s' has %" PRIu32 " axes, files have up to %d", io->info.name,
				 io->info.rank, NPY_RANK_MAX);
			return EXIT_FAILED;
		}
		for (uint32_t k = 0; k < io->info.rank; k++)
			dims[k] = (uint32_t)io->info.dims[k];
		status = npy_write(&io->out, io->info.dtype, io->info.rank, dims, io->data,
				   io->info.size);
	}
	for (uint32_t i = 0; i < job->outputs && !status; i++)
		if (job->out[i].file)
			status = outfile_commit(&job->out[i].out);
	if (job->trace.name && !status)
		status = outfile_commit(&job->trace);
	return status;
}

/* --- Runs -------------------------------------------------------------------------------- */

static int make_session(struct job *job, struct accel_queue *queue, struct accel_session **session)
{
	int err = accel_session_create(job->model, queue, &job->opts.session, session);

	if (err)
		return fail_call("cannot compile the model", err);
	for (uint32_t i = 0; i < job->inputs; i++) {
		if (is_fixed(job, i))
			continue;
		err = accel_session_write(*session, i, job->in[i].data, job->in[i].info.size);
		if (err)
			return fail_call("cannot set an input", err);
	}
	return 0;
}

static int run_once(struct accel_session *session, uint64_t deadline, struct accel_result *result)
{
	int err;

	/* A signal may have come where nothing was waited for. */
	if (interrupt_pending())
		return interrupt_exit();
	err = accel_session_run(session, deadline, result);
	if (err && result->error)
		return fail_job("the model", result);
	return err ? fail_call("the model", err) : 0;
}

static int run_all(struct job *job)
{
	int status = 0;

	progress_begin("running", job->runs);
	for (uint64_t i = 0; i < job->runs && !status; i++) {
		uint64_t begin = accel_now();

		status = run_once(job->session, job->deadline, &job->result);
		job->host_ns[i] = accel_now() - begin;
		job->device_ns[i] = (uint64_t)(card_seconds(&job->card, &job->result) * 1e9);
		progress_update(i + 1);
	}
	progress_end();
	stats_sort(job->host_ns, job->runs);
	stats_sort(job->device_ns, job->runs);
	for (uint32_t i = 0; i < job->outputs && !status; i++) {
		struct io *io = &job->out[i];
		int err;

		io->info = (struct accel_value_info)ACCEL_INIT(io->info);
		err = accel_session_shape(job->session, i, &io->info);
		if (err)
			return fail_call("cannot get an output", err);
		io->data = malloc(io->info.size ? io->info.size : 1);
		if (!io->data) {
			complain("out of memory");
			return EXIT_FAILED;
		}
		err = accel_session_read(job->session, i, io->data, io->info.size);
		if (err)
			return fail_call("cannot get an output", err);
	}
	return status;
}

/* Once more, operator by operator. */
static int profile(struct job *job)
{
	int err;

	if (!args_given(job->args, "profile") && !args_given(job->args, "trace"))
		return 0;
	err = accel_profile_create(job->session, job->deadline, &job->profile);
	return err ? fail_call("cannot profile the model", err) : 0;
}

/* Each row as a request of its own: together they must have the same bits. */
static int batch(struct job *job)
{
	struct batched *b = &job->batched;
	const void **inputs;
	void **outputs;
	int status = 0;

	if (!args_given(job->args, "batch"))
		return 0;
	b->rows = job->inputs && job->in[0].info.rank ? (uint32_t)job->in[0].info.dims[0] : 0;
	for (uint32_t i = 0; i < job->inputs + job->outputs; i++) {
		const struct io *io = i < job->inputs ? &job->in[i] : &job->out[i - job->inputs];

		if (io->info.rank && io->info.dims[0] == b->rows && b->rows)
			continue;
		complain("'%s' does not have a row for each of the %" PRIu32 " requests",
			 io->info.name, b->rows);
		return EXIT_FAILED;
	}
	inputs = calloc(job->inputs + 1, sizeof(void *));
	outputs = calloc(job->outputs + 1, sizeof(void *));
	if (!inputs || !outputs) {
		complain("out of memory");
		status = EXIT_FAILED;
	}
	for (uint32_t i = 0; i < job->inputs && !status; i++)
		inputs[i] = job->in[i].data;
	for (uint32_t i = 0; i < job->outputs && !status; i++) {
		outputs[i] = calloc(1, job->out[i].info.size + 1);
		if (!outputs[i]) {
			complain("out of memory");
			status = EXIT_FAILED;
		}
	}
	b->model = job->model;
	b->queue = job->card.queue;
	b->session = &job->opts.session;
	b->max_rows = (uint32_t)args_number(job->args, "batch");
	b->inputs = inputs;
	b->outputs = outputs;
	b->deadline = job->deadline;
	if (!status)
		status = batched_run(b);
	for (uint32_t i = 0; i < job->outputs && !status; i++) {
		if (!memcmp(outputs[i], job->out[i].data, job->out[i].info.size))
			continue;
		complain("output '%s' of the requests differs from that of the run of all",
			 job->out[i].info.name);
		status = EXIT_MISMATCH;
	}
	for (uint32_t i = 0; outputs && i < job->outputs; i++)
		free(outputs[i]);
	free(inputs);
	free(outputs);
	return status;
}

/* The same session on the reference engine, which must give the same bits. */
static int compare(struct job *job, struct accel_session *session)
{
	job->equal = true;
	for (uint32_t i = 0; i < job->outputs && job->equal; i++) {
		const struct io *io = &job->out[i];
		size_t element = accel_dtype_size(io->info.dtype);
		struct accel_value_info info = ACCEL_INIT(info);
		unsigned char *want = malloc(io->info.size ? io->info.size : 1);
		int err = want ? accel_session_shape(session, i, &info) : -ENOMEM;

		if (!err && memcmp(info.dims, io->info.dims, info.rank * sizeof(info.dims[0]))) {
			job->equal = false;
			snprintf(job->mismatch, sizeof(job->mismatch),
				 "output '%.64s' has another shape than the reference's", io->info.name);
			free(want);
			break;
		}
		if (!err)
			err = accel_session_read(session, i, want, io->info.size);
		if (err) {
			free(want);
			return fail_call("cannot get an output of the reference", err);
		}
		for (uint64_t k = 0; k < io->info.size && job->equal; k++) {
			job->equal = ((unsigned char *)io->data)[k] == want[k];
			if (!job->equal)
				snprintf(job->mismatch, sizeof(job->mismatch),
					 "output '%.64s' differs from the reference at element %" PRIu64,
					 io->info.name, k / element);
		}
		free(want);
	}
	job->verified = true;
	if (job->equal)
		return 0;
	complain("%s", job->mismatch);
	return EXIT_MISMATCH;
}

static int verify(struct job *job)
{
	struct accel_session *session = NULL;
	struct accel_result result = { 0 };
	struct card card;
	int status = card_open_queue(&card, VERIFY_DEVICE, NULL);

	if (status)
		return status;
	status = make_session(job, card.queue, &session);
	if (!status)
		status = run_once(session, job->deadline, &result);
	if (!status)
		status = compare(job, session);
	accel_session_unref(session);
	card_close(&card);
	return status;
}

/* --- Reports ----------------------------------------------------------------------------- */

static void print_json(const struct job *job)
{
	struct json_object *document = doc_begin(job->args->command->schema), *object, *array;

	card_describe(&job->card, document);
	for (int outputs = 0; outputs < 2; outputs++) {
		array = doc_array(document, outputs ? "outputs" : "inputs");
		for (uint32_t i = 0; i < (outputs ? job->outputs : job->inputs); i++) {
			const struct io *io = outputs ? &job->out[i] : &job->in[i];

			object = doc_append_object(array);
			model_value_json(object, &io->info);
			doc_string(object, "file", io->file);
		}
	}
	object = doc_object(document, "plan");
	doc_number(object, "card_nodes", job->info.card_nodes);
	doc_number(object, "host_nodes", job->info.host_nodes);
	doc_number(object, "view_nodes", job->info.view_nodes);
	doc_number(object, "programs", job->info.programs);
	doc_number(object, "constant_bytes", job->info.constant_bytes);
	doc_number(object, "arena_bytes", job->info.arena_bytes);
	doc_number(object, "live_bytes", job->info.live_bytes);
	doc_string(object, "cache", caches[job->info.cache]);
	doc_number(document, "runs", job->runs);
	object = doc_object(document, "observed");
	doc_real(object, "min_s", (double)job->device_ns[0] / 1e9);
	doc_real(object, "median_s", (double)stats_percentile(job->device_ns, job->runs, 50) / 1e9);
	doc_real(object, "host_min_s", (double)job->host_ns[0] / 1e9);
	doc_real(object, "host_median_s",
		 (double)stats_percentile(job->host_ns, job->runs, 50) / 1e9);
	object = doc_object(document, "modelled");
	doc_number(object, "cycles", job->result.cycles);
	doc_number(object, "bytes", job->result.bytes);
	doc_real(object, "energy_j", (double)job->result.energy_pj / 1e12);
	if (job->verified)
		doc_bool(document, "equal", job->equal);
	else
		doc_null(document, "equal");
	if (args_given(job->args, "batch")) {
		object = doc_object(document, "batched");
		doc_number(object, "requests", job->batched.info.requests);
		doc_number(object, "batches", job->batched.info.batches);
		doc_number(object, "padding", job->batched.info.padding);
		doc_real(object, "seconds", job->batched.seconds);
	} else {
		doc_null(document, "batched");
	}
	if (args_given(job->args, "profile"))
		profile_json(job->profile, &job->card, document);
	else
		doc_null(document, "layers");
	doc_print(document);
}

static void print_text(const struct job *job)
{
	char text[MODEL_VALUE_TEXT], one[32], two[32];

	card_field(&job->card);
	for (uint32_t i = 0; i < job->inputs; i++)
		field("input", "%s %s", job->in[i].info.name,
		      model_value_text(&job->in[i].info, text));
	for (uint32_t i = 0; i < job->outputs; i++)
		field("output", "%s %s", job->out[i].info.name,
		      model_value_text(&job->out[i].info, text));
	field("operators", "%" PRIu32 " on the card, %" PRIu32 " on the processor, %" PRIu32 " views",
	      job->info.card_nodes, job->info.host_nodes, job->info.view_nodes);
	field("memory", "%s of constants, %s of values",
	      format_bytes(one, (double)job->info.constant_bytes),
	      format_bytes(two, (double)job->info.arena_bytes));
	field("observed", "median %s on the card, %s in all, of %" PRIu64 " runs",
	      format_time(one, (double)stats_percentile(job->device_ns, job->runs, 50) / 1e9),
	      format_time(two, (double)stats_percentile(job->host_ns, job->runs, 50) / 1e9), job->runs);
	field("modelled", "%" PRIu64 " cycles, %s moved", job->result.cycles,
	      format_bytes(one, (double)job->result.bytes));
	if (job->verified)
		field("verified", "%sequal to the bit%s: all outputs", style_good(), style_end());
	if (args_given(job->args, "batch"))
		field("batched", "%" PRIu64 " requests in %" PRIu64 " batches, %.4g per second, the same bits",
		      job->batched.info.requests, job->batched.info.batches,
		      job->batched.seconds > 0 ?
			      (double)job->batched.info.requests / job->batched.seconds : 0);
	if (args_given(job->args, "profile")) {
		putchar('\n');
		profile_table(job->profile, &job->card);
	}
}

/* --- The command ------------------------------------------------------------------------- */

static int load(struct job *job)
{
	struct accel_model_info info = ACCEL_INIT(info);
	struct accel_model_opts opts = ACCEL_INIT(opts);
	int err;

	opts.flags = args_given(job->args, "no-cache") ? ACCEL_MODEL_NO_CACHE : 0;
	err = accel_model_load(args_text(job->args, "MODEL"), &opts, &job->model);
	if (!err)
		err = accel_model_info(job->model, &info);
	if (err)
		return fail_call("cannot load the model", err);
	job->in = calloc(info.inputs + 1, sizeof(*job->in));
	job->out = calloc(info.outputs + 1, sizeof(*job->out));
	if (!job->in || !job->out) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	job->inputs = info.inputs;
	job->outputs = info.outputs;
	for (uint32_t i = 0; i < info.inputs + info.outputs; i++) {
		struct io *io = i < info.inputs ? &job->in[i] : &job->out[i - info.inputs];

		io->info = (struct accel_value_info)ACCEL_INIT(io->info);
		if (i < info.inputs)
			accel_model_input(job->model, i, &io->info);
		else
			accel_model_output(job->model, i - info.inputs, &io->info);
	}
	return 0;
}

static int work(struct job *job)
{
	struct accel_queue_opts opts = ACCEL_INIT(opts);
	int status = load(job);

	if (args_given(job->args, "dump-contents"))
		opts.flags |= ACCEL_QUEUE_DUMP_CONTENTS;
	if (!status)
		status = model_opts_fix(&job->opts, job->model, job->args);
	if (!status)
		status = read_inputs(job);
	if (!status)
		status = open_dims(job);
	if (!status)
		status = open_outputs(job);
	if (!status)
		status = check_outputs(job);
	if (!status)
		status = card_open_queue(&job->card, args_text(job->args, "device"), &opts);
	if (!status)
		status = make_session(job, job->card.queue, &job->session);
	if (!status)
		status = run_all(job);
	if (!status)
		status = batch(job);
	if (!status)
		status = profile(job);
	if (status)
		return status;
	job->info = (struct accel_session_info)ACCEL_INIT(job->info);
	accel_session_info(job->session, &job->info);
	detail("cache of compiled models: %s", caches[job->info.cache]);
	if (job->info.cache_note[0])
		detail("%s", job->info.cache_note);
	if (args_given(job->args, "verify"))
		status = verify(job);
	if (!status)
		status = write_outputs(job);
	if (output_json() && (!status || status == EXIT_MISMATCH))
		print_json(job);
	else if (!status && !job->piped)
		print_text(job);
	return status;
}

static void finish(struct job *job)
{
	for (uint32_t i = 0; i < job->inputs; i++) {
		model_read_free(job->in[i].data, job->in[i].from_pb);
	}
	for (uint32_t i = 0; i < job->outputs; i++) {
		outfile_abort(&job->out[i].out);
		free(job->out[i].data);
	}
	outfile_abort(&job->trace);
	accel_profile_free(job->profile);
	accel_session_unref(job->session);
	card_close(&job->card);
	accel_model_unref(job->model);
	free(job->in);
	free(job->out);
	model_opts_end(&job->opts);
	free(job->host_ns);
	free(job->device_ns);
	free(job);
}

static int run(const struct args *args)
{
	struct job *job = calloc(1, sizeof(*job));
	int status;

	if (!job) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	job->args = args;
	job->deadline = deadline_in(args_seconds(args, "timeout"));
	job->runs = args_number(args, "repeat");
	job->host_ns = calloc(job->runs, sizeof(*job->host_ns));
	job->device_ns = calloc(job->runs, sizeof(*job->device_ns));
	status = model_opts_parse(&job->opts, args);
	if (!status && (!job->host_ns || !job->device_ns)) {
		complain("out of memory");
		status = EXIT_FAILED;
	}
	if (!status)
		status = work(job);
	finish(job);
	return status;
}

const struct command command_run = {
	.noun = "run",
	.summary = "Run a model on inputs from files.",
	.text = "MODEL is an ONNX file, or one of model compile. Inputs are .npy files, or .pb files with an ONNX tensor; all "
		"must be given, in the model's types, with --input, or with --fix where the model's shapes depend on "
		"what is in them. Axes that the model leaves open are as long as the "
		"data. Outputs go to .npy files, which are complete or not there; bf16 is written as "
		"uint16. In this command --output names a file; the report as JSON is -o json.\n\n"
		"--verify runs the model with the reference engine in this process, too, and demands "
		"equal bits. A difference gives status 8, and no output files.",
	.args = (const struct param[]){
		{ .name = "MODEL", .kind = VALUE_FILE, .help = "the model" },
		{ 0 },
	},
	.options = (const struct param[]){
		{ .name = "input", .kind = VALUE_TEXT, .value = "NAME=FILE", .repeat = true,
		  .help = "an input; repeatable" },
		{ .name = "output", .kind = VALUE_TEXT, .value = "NAME=FILE", .repeat = true,
		  .help = "write an output; repeatable" },
		{ .name = "dim", .kind = VALUE_TEXT, .value = "NAME=SIZE", .repeat = true,
		  .help = "size of an axis that no input has: a symbol, or INPUT:AXIS; repeatable" },
		MODEL_FIX_OPTION,
		MODEL_WITHOUT_OPTION,
		{ .name = "no-cache", .help = "neither take a compiled model from the cache nor keep it" },
		{ .name = "repeat", .kind = VALUE_NUMBER, .value = "N", .min = 1, .max = 1000000,
		  .fallback = "1", .help = "run N times" },
		{ .name = "batch", .kind = VALUE_NUMBER, .value = "N", .min = 1, .max = 4096,
		  .help = "then hand in each row as a request, put together up to N at a time: the outputs "
			  "must be equal to the bit" },
		{ .name = "profile", .help = "run once more, operator by operator, and tell what each cost" },
		{ .name = "trace", .kind = VALUE_FILE, .value = "FILE",
		  .help = "write that run in Chrome's trace format, for chrome://tracing or Perfetto" },
		{ .name = "verify", .help = "compare the outputs with the reference engine, to the bit" },
		{ .name = "timeout", .kind = VALUE_SECONDS, .value = "SECONDS",
		  .help = "stop and end with status 7 when it takes longer" },
		{ .name = "dump-contents",
		  .help = "if a job fails, the driver's dump has weights, inputs and outputs" },
		{ 0 },
	},
	.schema = "accelctl.run/1",
	.examples = "run digits-cnn.onnx --input images=images.npy --output digits=digits.npy --verify\n"
		    "run digits-cnn.onnx --input images=images.npy --profile --trace digits.json",
	.run = run,
};
