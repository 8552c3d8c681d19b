// SPDX-License-Identifier: MIT
/*
 * accelctl model validate: whether a model can run, without running it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "exit.h"
#include "message.h"
#include "model.h"
#include "output.h"

struct validate {
	const struct args *args;
	struct accel_model *model;
	struct accel_device *device;
	struct accel_graph *graph;
	uint32_t places[4];	/* by enum accel_place */
};

static void count(struct validate *v)
{
	for (uint32_t i = 0; i < accel_graph_nodes(v->graph); i++) {
		struct accel_node_info node = ACCEL_INIT(node);

		if (!accel_graph_node(v->graph, i, &node))
			v->places[node.place]++;
	}
}

static void print_json(const struct validate *v)
{
	struct json_object *document = doc_begin(v->args->command->schema), *array;

	doc_bool(document, "runs", !v->places[ACCEL_PLACE_MISSING]);
	doc_number(document, "card_nodes", v->places[ACCEL_PLACE_CARD]);
	doc_number(document, "host_nodes", v->places[ACCEL_PLACE_HOST]);
	doc_number(document, "view_nodes", v->places[ACCEL_PLACE_VIEW]);
	array = doc_array(document, "missing");
	for (uint32_t i = 0; i < accel_graph_nodes(v->graph); i++) {
		struct accel_node_info node = ACCEL_INIT(node);
		struct json_object *object;

		if (accel_graph_node(v->graph, i, &node) || node.place != ACCEL_PLACE_MISSING)
			continue;
		object = doc_append_object(array);
		doc_string(object, "node", node.name);
		doc_string(object, "origin", node.origin);
		doc_string(object, "reason", node.reason);
	}
	doc_print(document);
}

static void print_text(const struct validate *v)
{
	field("operators", "%" PRIu32 " on the card, %" PRIu32 " on the processor, %" PRIu32 " views",
	      v->places[ACCEL_PLACE_CARD], v->places[ACCEL_PLACE_HOST], v->places[ACCEL_PLACE_VIEW]);
	for (uint32_t i = 0; i < accel_graph_nodes(v->graph); i++) {
		struct accel_node_info node = ACCEL_INIT(node);

		if (!accel_graph_node(v->graph, i, &node) && node.place == ACCEL_PLACE_MISSING)
			field("missing", "%s (%s): %s", *node.name ? node.name : "-", node.origin,
			      node.reason);
	}
	if (!v->places[ACCEL_PLACE_MISSING])
		field("result", "%sthe model can run%s", style_good(), style_end());
}

static int work(struct validate *v, struct model_opts *opts)
{
	int err = accel_model_load(args_text(v->args, "MODEL"), NULL, &v->model), status;

	if (err)
		return fail_call("cannot load the model", err);
	status = model_opts_fix(opts, v->model, v->args);
	if (status)
		return status;
	if (args_given(v->args, "device")) {
		err = accel_device_open(args_text(v->args, "device"), NULL, &v->device);
		if (err) {
			fail_call("cannot open the device", err);
			return exit_from_open(err);
		}
	}
	err = accel_graph_create(v->model, v->device, &opts->session, NULL, &v->graph);
	if (err)
		return fail_call("cannot compile the model", err);
	count(v);
	if (output_json())
		print_json(v);
	else
		print_text(v);
	if (!v->places[ACCEL_PLACE_MISSING])
		return EXIT_OK;
	complain("%" PRIu32 " of the model's operators cannot run", v->places[ACCEL_PLACE_MISSING]);
	return EXIT_FAILED;
}

static int run(const struct args *args)
{
	struct model_opts *opts = calloc(1, sizeof(*opts));
	struct validate v = { .args = args };
	int status;

	if (!opts) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	status = model_opts_parse(opts, args);
	if (!status)
		status = work(&v, opts);
	accel_graph_free(v.graph);
	accel_device_unref(v.device);
	accel_model_unref(v.model);
	model_opts_end(opts);
	free(opts);
	return status;
}

const struct command command_model_validate = {
	.noun = "model",
	.verb = "validate",
	.summary = "Tell whether a model can run, and what is missing if not.",
	.text = "MODEL is an ONNX file. It is read, checked and compiled, with the sizes that --dim gives "
		"and 1 for other open axes, and not run. Status 1 if it is malformed, its shapes do not fit, "
		"or an operator can run nowhere. Without -d it is for a card that can do all that this "
		"version knows; no device is opened.",
	.args = (const struct param[]){
		{ .name = "MODEL", .kind = VALUE_FILE, .help = "the model" },
		{ 0 },
	},
	.options = (const struct param[]){
		MODEL_DIM_OPTION,
		MODEL_FIX_OPTION,
		MODEL_WITHOUT_OPTION,
		{ 0 },
	},
	.schema = "accelctl.model.validate/1",
	.examples = "model validate net.onnx --dim N=64\nmodel validate net.onnx --fix shape=shape.npy\nmodel validate net.onnx -d sim: -o json",
	.run = run,
};
