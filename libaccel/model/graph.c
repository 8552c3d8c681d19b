// SPDX-License-Identifier: MIT
/*
 * Graphs for callers: what the compiler made of a model.
 */
#include <stdlib.h>

#include "../object.h"
#include "card.h"
#include "model.h"

struct accel_graph {
	struct accel_model *model;
	struct ir_graph *graph;
	struct ir_node **nodes;
	uint32_t count;
};

ACCEL_API int accel_graph_create(struct accel_model *model, struct accel_device *device,
				 const struct accel_session_opts *opts, const char *after,
				 struct accel_graph **graph)
{
	API_ENTER;
	struct accel_session_opts o = ACCEL_INIT(o);
	struct accel_graph *g;
	uint32_t i = 0;
	int ret;

	if (!model || !graph)
		return err(-EINVAL, NULL, "%s is NULL", model ? "graph" : "model");
	ret = model_session_opts(&o, opts);
	if (ret)
		return ret;
	g = calloc(1, sizeof(*g));
	if (!g)
		return err_nomem("a graph");
	ret = model_graph(model, &o, after, &g->graph);
	if (ret) {
		free(g);
		return ret;
	}
	g->model = accel_model_ref(model);
	card_place(g->graph, device ? &device->props : NULL);
	for (struct ir_node *n = g->graph->first; n; n = n->next)
		g->count++;
	g->nodes = ir_alloc(g->graph, (g->count + 1) * sizeof(*g->nodes));
	if (!g->nodes) {
		ret = g->graph->error;
		accel_graph_free(g);
		return ret;
	}
	for (struct ir_node *n = g->graph->first; n; n = n->next)
		g->nodes[i++] = n;
	*graph = g;
	return 0;
}

ACCEL_API void accel_graph_free(struct accel_graph *graph)
{
	API_ENTER;

	if (!graph)
		return;
	ir_free(graph->graph);
	accel_model_unref(graph->model);
	free(graph);
}

ACCEL_API uint32_t accel_graph_nodes(const struct accel_graph *graph)
{
	return graph ? graph->count : 0;
}

static int node(const struct accel_graph *graph, uint32_t i, struct ir_node **n)
{
	if (!graph)
		return err(-EINVAL, NULL, "graph is NULL");
	if (i >= graph->count)
		return err(-EINVAL, NULL, "no node %u among %u", i, graph->count);
	*n = graph->nodes[i];
	return 0;
}

ACCEL_API int accel_graph_node(const struct accel_graph *graph, uint32_t i,
			       struct accel_node_info *info)
{
	API_ENTER;
	struct accel_node_info out = ACCEL_INIT(out);
	struct ir_node *n;
	int ret = node(graph, i, &n);

	if (ret)
		return ret;
	if (!info)
		return err(-EINVAL, NULL, "info is NULL");
	out.name = n->name;
	out.origin = n->origin;
	out.op = ir_op_name(n);
	out.detail = ir_detail(graph->graph, n);
	if (!out.detail)
		return graph->graph->error;
	out.place = n->place;
	out.reason = n->reason;
	out.inputs = n->nin;
	out.outputs = n->nout;
	return sized_out(info, &out, sizeof(out), "struct accel_node_info");
}

ACCEL_API int accel_graph_operand(const struct accel_graph *graph, uint32_t i, uint32_t j,
				  struct accel_value_info *info)
{
	API_ENTER;
	struct ir_node *n;
	int ret = node(graph, i, &n);

	if (ret)
		return ret;
	if (!info || j >= n->nin)
		return err(-EINVAL, NULL, "no operand %u among %u, or info is NULL", j, n->nin);
	return model_value(n->in[j], info);
}

ACCEL_API int accel_graph_result(const struct accel_graph *graph, uint32_t i, uint32_t j,
				 struct accel_value_info *info)
{
	API_ENTER;
	struct ir_node *n;
	int ret = node(graph, i, &n);

	if (ret)
		return ret;
	if (!info || j >= n->nout)
		return err(-EINVAL, NULL, "no result %u among %u, or info is NULL", j, n->nout);
	return model_value(n->out[j], info);
}
