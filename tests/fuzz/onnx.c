// SPDX-License-Identifier: MIT
/*
 * fuzz_onnx: a model from anywhere: reading it, its graph through all passes, and one on each
 * pass's way.
 *
 * Axes that are open are 1, 2 or 3 elements long. What may not happen: a crash, memory or time
 * without bound, a failure without a text.
 */
#include <accel/accel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void told(int ret)
{
	const struct accel_error *e = accel_last_error();

	if (ret < 0 && e->code == ret && e->text[0])
		return;
	fprintf(stderr, "finding: a failure %d without a text\n", ret);
	abort();
}

static void look(struct accel_graph *graph)
{
	for (uint32_t i = 0; i < accel_graph_nodes(graph); i++) {
		struct accel_node_info node = ACCEL_INIT(node);
		struct accel_value_info value = ACCEL_INIT(value);

		if (accel_graph_node(graph, i, &node))
			abort();
		if (node.place == ACCEL_PLACE_MISSING && !node.reason[0]) {
			fprintf(stderr, "finding: missing without a reason\n");
			abort();
		}
		for (uint32_t j = 0; j < node.inputs; j++)
			if (accel_graph_operand(graph, i, j, &value))
				abort();
		for (uint32_t j = 0; j < node.outputs; j++)
			if (accel_graph_result(graph, i, j, &value))
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const after[] = { NULL, "", "sink", "qdq", "fold", "bias", "activation", "view" };
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_model_info info = ACCEL_INIT(info);
	struct accel_model_dim dim;
	struct accel_model *model;
	struct accel_report *report;
	struct accel_graph *graph;
	int ret = accel_model_load_memory(data, size, NULL, &model);

	if (ret) {
		told(ret);
		return 0;
	}
	if (accel_model_info(model, &info))
		abort();
	for (uint32_t i = 0; i < info.inputs && !opts.ndims; i++) {
		struct accel_value_info value = ACCEL_INIT(value);

		if (accel_model_input(model, i, &value))
			abort();
		for (uint32_t k = 0; k < value.rank && !opts.ndims; k++) {
			if (value.dims[k] >= 0 || !value.symbols[k][0])
				continue;
			dim = (struct accel_model_dim){ value.symbols[k], 1 + (int64_t)(size % 3) };
			opts.dims = &dim;
			opts.ndims = 1;
		}
	}
	ret = accel_graph_create(model, NULL, &opts, after[size % 8], &graph);
	if (ret)
		told(ret);
	else
		look(graph);
	if (!ret)
		accel_graph_free(graph);
	ret = accel_model_prune(model, NULL, NULL, &report);
	if (ret)
		told(ret);
	else
		accel_report_free(report);
	accel_model_unref(model);
	return 0;
}
