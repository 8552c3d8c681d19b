// SPDX-License-Identifier: MIT
/*
 * accelctl model show: a model as the compiler sees it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "card.h"
#include "exit.h"
#include "message.h"
#include "model.h"
#include "output.h"
#include "table.h"
#include "text.h"

struct show {
	const struct args *args;
	struct accel_model *model;
	struct accel_device *device;
	struct accel_graph *graph;
	struct accel_model_info info;
};

static const char *const places[] = { "card", "host", "view", "missing" };

static struct accel_value_info value(const struct show *show, uint32_t i, uint32_t j, bool result)
{
	struct accel_value_info info = ACCEL_INIT(info);

	if (result)
		accel_graph_result(show->graph, i, j, &info);
	else
		accel_graph_operand(show->graph, i, j, &info);
	return info;
}

/* Values without a name have one of their place, so that edges can be drawn. */
static void json_values(struct json_object *node, const char *name, const struct show *show,
			uint32_t i, uint32_t n, bool result)
{
	struct json_object *array = doc_array(node, name);

	for (uint32_t j = 0; j < n; j++) {
		struct accel_value_info info = value(show, i, j, result);
		struct json_object *object = doc_append_object(array);

		model_value_json(object, &info);
		doc_bool(object, "constant", info.constant);
		doc_bool(object, "bounded", info.bounded);
	}
}

static void print_json(const struct show *show)
{
	struct json_object *document = doc_begin(show->args->command->schema), *object, *array;

	object = doc_object(document, "model");
	doc_string(object, "name", show->info.name);
	doc_string(object, "producer", show->info.producer);
	doc_signed(object, "ir_version", show->info.ir_version);
	doc_signed(object, "opset", show->info.opset);
	doc_number(object, "nodes", show->info.nodes);
	doc_number(object, "parameters", show->info.parameters);
	for (int outputs = 0; outputs < 2; outputs++) {
		array = doc_array(object, outputs ? "outputs" : "inputs");
		for (uint32_t i = 0; i < (outputs ? show->info.outputs : show->info.inputs); i++) {
			struct accel_value_info info = ACCEL_INIT(info);

			if (outputs)
				accel_model_output(show->model, i, &info);
			else
				accel_model_input(show->model, i, &info);
			model_value_json(doc_append_object(array), &info);
		}
	}
	array = doc_array(document, "nodes");
	for (uint32_t i = 0; i < accel_graph_nodes(show->graph); i++) {
		struct accel_node_info node = ACCEL_INIT(node);

		accel_graph_node(show->graph, i, &node);
		object = doc_append_object(array);
		doc_string(object, "name", node.name);
		doc_string(object, "origin", node.origin);
		doc_string(object, "op", node.op);
		doc_string(object, "detail", node.detail);
		doc_string(object, "place", places[node.place]);
		doc_string(object, "reason", node.reason);
		json_values(object, "inputs", show, i, node.inputs, false);
		json_values(object, "outputs", show, i, node.outputs, true);
	}
	doc_print(document);
}

static void print_table(const struct show *show)
{
	static const char *const heads[] = { "NODE", "FROM", "OP", "RESULT", "PLACE", "DETAIL" };
	char text[MODEL_VALUE_TEXT];
	struct table table;

	field("model", "%s, by %s, IR %" PRId64 ", operators of version %" PRId64,
	      *show->info.name ? show->info.name : "-",
	      *show->info.producer ? show->info.producer : "-", show->info.ir_version,
	      show->info.opset);
	field("size", "%" PRIu32 " operators, %" PRIu64 " parameters", show->info.nodes,
	      show->info.parameters);
	for (uint32_t i = 0; i < show->info.inputs; i++) {
		struct accel_value_info info = ACCEL_INIT(info);

		accel_model_input(show->model, i, &info);
		field("input", "%s %s", info.name, model_value_text(&info, text));
	}
	for (uint32_t i = 0; i < show->info.outputs; i++) {
		struct accel_value_info info = ACCEL_INIT(info);

		accel_model_output(show->model, i, &info);
		field("output", "%s %s", info.name, model_value_text(&info, text));
	}
	putchar('\n');
	table_begin(&table, heads, sizeof(heads) / sizeof(*heads));
	for (uint32_t i = 0; i < accel_graph_nodes(show->graph); i++) {
		struct accel_node_info node = ACCEL_INIT(node);
		struct accel_value_info result = value(show, i, 0, true);
		const char *more;

		accel_graph_node(show->graph, i, &node);
		more = *node.reason ? node.reason : node.detail;
		table_cell(&table, "%s", *node.name ? node.name : "-");
		table_cell(&table, "%s", *node.origin ? node.origin : "-");
		table_cell(&table, "%s", node.op);
		table_cell(&table, "%s", model_value_text(&result, text));
		table_cell(&table, "%s", places[node.place]);
		table_cell(&table, "%s", *more ? more : "-");
	}
	table_end(&table);
}

/* Quoted for Graphviz. */
static void dot_text(const char *text)
{
	while (*text) {
		size_t n = text_shown(text);

		if (*text == '"' || *text == '\\')
			putchar('\\');
		if (n)
			fwrite(text, 1, n, stdout);
		else
			putchar(*text == '\n' ? ' ' : '?');
		text += n ? n : 1;
	}
}

static void print_dot(const struct show *show)
{
	static const char *const colours[] = { "lightblue", "khaki", "white", "salmon" };
	char text[MODEL_VALUE_TEXT];

	printf("digraph model {\n\tnode [shape=box, style=filled];\n");
	for (uint32_t i = 0; i < accel_graph_nodes(show->graph); i++) {
		struct accel_node_info node = ACCEL_INIT(node);

		accel_graph_node(show->graph, i, &node);
		printf("\tn%" PRIu32 " [fillcolor=%s, label=\"", i, colours[node.place]);
		dot_text(node.name);
		printf("\\n%s", node.op);
		printf("\"];\n");
		/* Values are nodes of their own: an edge is drawn wherever the name is the same. */
		for (uint32_t j = 0; j < node.inputs + node.outputs; j++) {
			bool result = j >= node.inputs;
			struct accel_value_info info = value(show, i, result ? j - node.inputs : j, result);

			if (!*info.name || info.constant)
				continue;
			printf("\t\"v_");
			dot_text(info.name);
			printf("\" [shape=ellipse, fillcolor=white, label=\"");
			dot_text(info.name);
			printf("\\n");
			dot_text(model_value_text(&info, text));
			printf("\"];\n\t");
			if (result)
				printf("n%" PRIu32 " -> ", i);
			printf("\"v_");
			dot_text(info.name);
			printf(result ? "\";\n" : "\" -> n%" PRIu32 ";\n", i);
		}
	}
	printf("}\n");
}

static int work(struct show *show, struct model_opts *opts)
{
	const struct args *args = show->args;
	const char *after = args_text(args, "after");
	int err = accel_model_load(args_text(args, "MODEL"), NULL, &show->model), status;

	if (err)
		return fail_call("cannot load the model", err);
	status = model_opts_fix(opts, show->model, args);
	if (status)
		return status;
	show->info = (struct accel_model_info)ACCEL_INIT(show->info);
	err = accel_model_info(show->model, &show->info);
	if (err)
		return fail_call("cannot read the model", err);
	if (args_given(args, "device")) {
		err = accel_device_open(args_text(args, "device"), NULL, &show->device);
		if (err) {
			fail_call("cannot open the device", err);
			return exit_from_open(err);
		}
	}
	err = accel_graph_create(show->model, show->device, &opts->session,
				 after && !strcmp(after, "import") ? "" : after, &show->graph);
	if (err)
		return fail_call("cannot compile the model", err);
	if (args_given(args, "dot"))
		print_dot(show);
	else if (output_json())
		print_json(show);
	else
		print_table(show);
	return EXIT_OK;
}

static int run(const struct args *args)
{
	struct model_opts *opts = calloc(1, sizeof(*opts));
	struct show show = { .args = args };
	int status;

	if (!opts) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	status = model_opts_parse(opts, args);
	if (!status)
		status = work(&show, opts);
	accel_graph_free(show.graph);
	accel_device_unref(show.device);
	accel_model_unref(show.model);
	model_opts_end(opts);
	free(opts);
	return status;
}

const struct command command_model_show = {
	.noun = "model",
	.verb = "show",
	.summary = "Show a model, operator by operator, and where each runs.",
	.text = "MODEL is an ONNX file, or one of model compile, of which --after is not known. PLACE is card, host (the processor, within the same run), view "
		"(another shape of the same memory, which costs nothing) or missing, with the reason: "
		"such a model cannot run. Without -d it is for a card that can do all that this version "
		"knows; no device is opened.\n\n"
		"Passes, in order: " MODEL_PASSES ".",
	.args = (const struct param[]){
		{ .name = "MODEL", .kind = VALUE_FILE, .help = "the model" },
		{ 0 },
	},
	.options = (const struct param[]){
		{ .name = "after", .kind = VALUE_CHOICE, .value = "PASS",
		  .choices = "import " MODEL_PASSES,
		  .help = "as it is after that pass; import: before the first" },
		{ .name = "without", .kind = VALUE_CHOICE, .value = "PASS", .repeat = true,
		  .choices = MODEL_PASSES, .help = "leave a pass out; repeatable" },
		MODEL_DIM_OPTION,
		MODEL_FIX_OPTION,
		{ .name = "dot", .help = "print a graph for Graphviz" },
		{ 0 },
	},
	.schema = "accelctl.model.show/1",
	.examples = "model show digits-cnn.onnx --dim N=64\nmodel show net.onnx --after fold -o json\n"
		    "model show net.onnx --dot | dot -Tsvg > net.svg",
	.run = run,
};
