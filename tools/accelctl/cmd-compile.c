// SPDX-License-Identifier: MIT
/*
 * accelctl model compile, cache show, cache clear: what the compiler made of models, in files.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "exit.h"
#include "message.h"
#include "model.h"
#include "outfile.h"
#include "output.h"
#include "stats.h"

struct compile {
	const struct args *args;
	struct accel_model *model, *compiled;
	struct accel_device *device;
	struct outfile out;
	struct accel_model_info info;
	const char *file;
};

static void print_values(const struct compile *c, struct json_object *document)
{
	char text[MODEL_VALUE_TEXT];

	for (int outputs = 0; outputs < 2; outputs++) {
		struct json_object *array = document ? doc_array(document, outputs ? "outputs" : "inputs") :
					    NULL;

		for (uint32_t i = 0; i < (outputs ? c->info.outputs : c->info.inputs); i++) {
			struct accel_value_info v = ACCEL_INIT(v);

			if (outputs)
				accel_model_output(c->compiled, i, &v);
			else
				accel_model_input(c->compiled, i, &v);
			if (document)
				model_value_json(doc_append_object(array), &v);
			else
				field(outputs ? "output" : "input", "%s %s", v.name,
				      model_value_text(&v, text));
		}
	}
}

static void report(const struct compile *c)
{
	struct json_object *document;

	if (!output_json()) {
		field("file", "%s", c->file);
		print_values(c, NULL);
		return;
	}
	document = doc_begin(c->args->command->schema);
	doc_string(document, "file", c->file);
	print_values(c, document);
	doc_print(document);
}

/* What was written must be what can be read: only then does it get its name. */
static int compile(struct compile *c, const struct model_opts *opts)
{
	int status = outfile_open(&c->out, c->file), err;

	if (status)
		return status;
	err = accel_model_save_fd(c->model, c->device, &opts->session, c->out.fd);
	if (err)
		return fail_call("cannot compile the model", err);
	if (c->out.temporary) {
		err = accel_model_load(c->out.temporary, NULL, &c->compiled);
		if (err)
			return fail_call("cannot read what was written", err);
	}
	status = outfile_commit(&c->out);
	c->info = (struct accel_model_info)ACCEL_INIT(c->info);
	if (!status && c->compiled && !outfile_is_stdout(c->file)) {
		accel_model_info(c->compiled, &c->info);
		report(c);
	}
	return status;
}

static int work(struct compile *c, struct model_opts *opts)
{
	struct accel_model_opts load = ACCEL_INIT(load);
	unsigned int at = 0;
	int err, status;

	c->file = args_next(c->args, "output", &at);
	if (!c->file)
		return args_usage(c->args, "give --output FILE");
	if (args_next(c->args, "output", &at))
		return args_usage(c->args, "option '--output' is given twice");
	load.flags = ACCEL_MODEL_NO_CACHE;
	err = accel_model_load(args_text(c->args, "MODEL"), &load, &c->model);
	if (err)
		return fail_call("cannot load the model", err);
	status = model_opts_fix(opts, c->model, c->args);
	if (status)
		return status;
	if (args_given(c->args, "device")) {
		err = accel_device_open(args_text(c->args, "device"), NULL, &c->device);
		if (err) {
			fail_call("cannot open the device", err);
			return exit_from_open(err);
		}
	}
	return compile(c, opts);
}

static int run(const struct args *args)
{
	struct model_opts *opts = calloc(1, sizeof(*opts));
	struct compile c = { .args = args };
	int status;

	if (!opts) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	status = model_opts_parse(opts, args);
	if (!status)
		status = work(&c, opts);
	outfile_abort(&c.out);
	accel_device_unref(c.device);
	accel_model_unref(c.compiled);
	accel_model_unref(c.model);
	model_opts_end(opts);
	free(opts);
	return status;
}

const struct command command_model_compile = {
	.noun = "model",
	.verb = "compile",
	.summary = "Compile a model into a file that loads faster.",
	.text = "MODEL is an ONNX file. It is compiled with the sizes that --dim gives and 1 for other open "
		"axes, and the inputs that --fix gives; run and model show take the new file in place of it, with "
		"these sizes and constants. Without -d it is "
		"for any card; with -d it is checked that this one can run it. In this command --output names "
		"the file; the report as JSON is -o json.\n\n"
		"Models need not be compiled by hand: run keeps what it compiled in a cache, see cache show.",
	.args = (const struct param[]){
		{ .name = "MODEL", .kind = VALUE_FILE, .help = "the model" },
		{ 0 },
	},
	.options = (const struct param[]){
		{ .name = "output", .kind = VALUE_FILE, .value = "FILE", .repeat = true,
		  .help = "the compiled model; once" },
		MODEL_DIM_OPTION,
		MODEL_FIX_OPTION,
		MODEL_WITHOUT_OPTION,
		{ 0 },
	},
	.schema = "accelctl.model.compile/1",
	.examples = "model compile net.onnx --dim N=64 --output net.loom\n"
		    "run net.loom --input x=x.npy --output y=y.npy",
	.run = run,
};

/* --- The cache --------------------------------------------------------------------------- */

static int fail_cache(int err)
{
	complain("%s", accel_last_error()->text);
	if (accel_last_error()->hint[0])
		hint("%s", accel_last_error()->hint);
	return exit_from_error(err);
}

static int run_show(const struct args *args)
{
	struct accel_cache_info info = ACCEL_INIT(info);
	int err = accel_cache_info(NULL, &info);
	struct json_object *document;
	char one[32], two[32];

	if (err)
		return fail_cache(err);
	if (output_json()) {
		document = doc_begin(args->command->schema);
		doc_string(document, "directory", info.directory);
		doc_number(document, "files", info.files);
		doc_number(document, "bytes", info.size);
		doc_number(document, "bytes_max", info.size_max);
		doc_print(document);
		return EXIT_OK;
	}
	field("directory", "%s", info.directory);
	field("files", "%" PRIu32, info.files);
	field("size", "%s of %s", format_bytes(one, (double)info.size),
	      format_bytes(two, (double)info.size_max));
	return EXIT_OK;
}

static int run_clear(const struct args *args)
{
	struct accel_cache_info info = ACCEL_INIT(info);
	char text[32];
	int err = accel_cache_info(NULL, &info);

	(void)args;
	if (!err)
		err = accel_cache_clear(NULL);
	if (err)
		return fail_cache(err);
	note("removed %" PRIu32 " files of %s from %s", info.files,
	     format_bytes(text, (double)info.size), info.directory);
	return EXIT_OK;
}

const struct command command_cache_show = {
	.noun = "cache",
	.verb = "show",
	.summary = "Show the cache of compiled models.",
	.text = "The library keeps what it compiled, so that the next run of the same model begins faster; "
		"models of less than 1 MiB are not worth it. The cache is the directory that ACCEL_CACHE names, "
		"else loom/models in XDG_CACHE_HOME or in ~/.cache; what was not used for longest goes.",
	.options = (const struct param[]){ { 0 } },
	.args = (const struct param[]){ { 0 } },
	.schema = "accelctl.cache.show/1",
	.examples = "cache show",
	.run = run_show,
};

const struct command command_cache_clear = {
	.noun = "cache",
	.verb = "clear",
	.summary = "Remove all compiled models from the cache.",
	.text = "Programs that run models at the time go on.",
	.options = (const struct param[]){ { 0 } },
	.args = (const struct param[]){ { 0 } },
	.examples = "cache clear",
	.run = run_clear,
};
