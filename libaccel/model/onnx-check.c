// SPDX-License-Identifier: MIT
/*
 * The structure of a model: names, order and kinds, before any operator is looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx.h"

bool onnx_default_domain(const char *domain)
{
	return !domain || !domain[0] || !strcmp(domain, "ai.onnx");
}

int64_t onnx_opset(const Onnx__ModelProto *model, const char *domain)
{
	for (size_t i = 0; i < model->n_opset_import; i++) {
		const Onnx__OperatorSetIdProto *o = model->opset_import[i];

		if (onnx_default_domain(domain) ? onnx_default_domain(o->domain) :
		    o->domain && !strcmp(o->domain, domain))
			return o->version;
	}
	return 0;
}

/* Whether some node is of the default domain. */
static bool has_default(const Onnx__GraphProto *graph)
{
	for (size_t i = 0; i < graph->n_node; i++)
		if (onnx_default_domain(graph->node[i]->domain))
			return true;
	return false;
}

int onnx_inputs(const Onnx__GraphProto *graph, uint32_t **indices, uint32_t *count)
{
	struct map constants = { 0 };
	uint32_t *list = calloc(graph->n_input + 1, sizeof(*list)), n = 0;
	int ret = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < graph->n_initializer && !ret; i++)
		ret = map_put(&constants, graph->initializer[i]->name, &constants);
	for (size_t i = 0; i < graph->n_input && !ret; i++)
		if (!map_get(&constants, graph->input[i]->name))
			list[n++] = (uint32_t)i;
	map_free(&constants);
	if (ret) {
		free(list);
		return err_nomem("names");
	}
	*indices = list;
	*count = n;
	return 0;
}

static int versions(const Onnx__ModelProto *model)
{
	int64_t ir = model->ir_version, opset = onnx_opset(model, ""), ml = onnx_opset(model, ONNX_ML);

	if (!model->graph)
		return err(-EINVAL, NULL, "the file is no ONNX model: it has no graph");
	if (ir < ONNX_IR_MIN || ir > ONNX_IR_MAX)
		return err(-EOPNOTSUPP, NULL, "the model has IR version %lld; %d to %d are "
			   "supported", (long long)ir, ONNX_IR_MIN, ONNX_IR_MAX);
	if (ml < 0 || ml > ONNX_ML_MAX)
		return err(-EOPNOTSUPP, NULL, "the model has operator set %lld of %s; 1 to %d are "
			   "supported", (long long)ml, ONNX_ML, ONNX_ML_MAX);
	if (opset < 0 || opset > ONNX_OPSET_MAX || (!opset && has_default(model->graph)))
		return err(-EOPNOTSUPP, NULL, "the model has operator set %lld; 1 to %d are "
			   "supported", (long long)opset, ONNX_OPSET_MAX);
	return 0;
}

static int of_type(const char *what, int32_t type)
{
	const char *name = onnx_dtype_name(type);
	char number[32];

	snprintf(number, sizeof(number), "type %d", type);
	return err(-EOPNOTSUPP,
		   "supported are bool, integers of 8 to 64 bits, float16, bfloat16, float and double",
		   "%s is of %s, which is not supported", what,
		   strcmp(name, "unknown") ? name : number);
}

static int value(const Onnx__ValueInfoProto *v, const char *kind, size_t i)
{
	const Onnx__TypeProto__Tensor *t;
	char what[128];

	if (!v->name || !v->name[0])
		return err(-EINVAL, NULL, "%s %zu has no name", kind, i);
	if (!v->type || v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		return err(-EOPNOTSUPP, NULL, "%s '%.64s' is not a tensor; sequences, maps, "
			   "optional and sparse values are not supported", kind, v->name);
	t = v->type->tensor_type;
	if (onnx_dtype(t->elem_type) == ACCEL_NONE) {
		snprintf(what, sizeof(what), "%s '%.64s'", kind, v->name);
		return of_type(what, t->elem_type);
	}
	if (t->shape && t->shape->n_dim > IR_RANK_MAX)
		return err(-EOPNOTSUPP, NULL, "%s '%.64s' has %zu axes; %d are supported", kind,
			   v->name, t->shape->n_dim, IR_RANK_MAX);
	for (size_t k = 0; t->shape && k < t->shape->n_dim; k++) {
		const Onnx__TensorShapeProto__Dimension *d = t->shape->dim[k];

		if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
		    (d->dim_value < -1 || d->dim_value > INT32_MAX))
			return err(-EINVAL, NULL, "%s '%.64s': axis %zu has %lld elements", kind,
				   v->name, k, (long long)d->dim_value);
	}
	return 0;
}

static int define(struct map *names, const char *name, const char *what)
{
	int ret = map_put(names, name, names);

	if (ret == -EEXIST)
		return err(-EINVAL, NULL, "%s: the name '%.64s' is taken", what, name);
	return ret ? err_nomem("names") : 0;
}

static int constants(Onnx__GraphProto *graph, struct map *names, int directory)
{
	char what[128];
	int ret = 0;

	if (graph->n_sparse_initializer)
		return err(-EOPNOTSUPP, NULL, "the model has sparse constants");
	for (size_t i = 0; i < graph->n_initializer && !ret; i++) {
		Onnx__TensorProto *t = graph->initializer[i];

		if (!t->name || !t->name[0])
			return err(-EINVAL, NULL, "constant %zu has no name", i);
		snprintf(what, sizeof(what), "constant '%.64s'", t->name);
		if (onnx_tensor_external(t))
			ret = onnx_external(t, directory, what);
		if (!ret)
			ret = onnx_tensor_check(t, what);
		if (!ret && onnx_dtype(t->data_type) == ACCEL_NONE)
			ret = of_type(what, t->data_type);
		if (!ret && t->n_dims > IR_RANK_MAX)
			ret = err(-EOPNOTSUPP, NULL, "%s has %zu axes; %d are supported", what,
				  t->n_dims, IR_RANK_MAX);
		if (!ret)
			ret = define(names, t->name, what);
	}
	return ret;
}

/* Which node has a result of this name, from node @i on; the number of nodes if none has. */
static size_t maker(const Onnx__GraphProto *graph, size_t i, const char *name)
{
	for (; i < graph->n_node; i++)
		for (size_t k = 0; k < graph->node[i]->n_output; k++)
			if (!strcmp(graph->node[i]->output[k], name))
				return i;
	return i;
}

/* Whether node @from needs a result of node @i, itself or by way of others; -ENOMEM. Nodes before @i
 * do not: their operands were all there.
 */
static int needs(const Onnx__GraphProto *graph, size_t from, size_t i)
{
	struct map makers = { 0 };
	uint8_t *seen = calloc(graph->n_node, 1);
	size_t *todo = calloc(graph->n_node, sizeof(*todo)), count = 1;
	int ret = seen && todo ? 0 : -ENOMEM;

	for (size_t m = i; m < graph->n_node; m++)
		for (size_t k = 0; k < graph->node[m]->n_output && !ret; k++)
			if (map_put(&makers, graph->node[m]->output[k], &graph->node[m]) == -ENOMEM)
				ret = -ENOMEM;
	if (!ret) {
		todo[0] = from;
		seen[from] = 1;
	}
	while (count && !ret) {
		const Onnx__NodeProto *n = graph->node[todo[--count]];

		for (size_t k = 0; k < n->n_input; k++) {
			Onnx__NodeProto **made = map_get(&makers, n->input[k]);
			size_t m = made ? (size_t)(made - graph->node) : 0;

			if (!made || !n->input[k][0] || seen[m])
				continue;
			seen[m] = 1;
			todo[count++] = m;
		}
		ret = seen[i];
	}
	map_free(&makers);
	free(seen);
	free(todo);
	return ret;
}

/* Node @i takes what no input, no constant and no node before it is. */
static int not_yet(const Onnx__GraphProto *graph, size_t i, const char *name, const char *what)
{
	size_t m = maker(graph, i, name);
	const Onnx__NodeProto *n = m < graph->n_node ? graph->node[m] : NULL;
	int ret = n ? needs(graph, m, i) : 0;

	if (ret < 0)
		return err_nomem("names");
	if (ret)
		return err(-EINVAL, NULL, "%s: its operand '%.64s' is computed from its own result: the "
			   "graph has a cycle", what, name);
	if (n)
		return err(-EINVAL, "sort the nodes: each after those whose results it takes",
			   "%s: its operand '%.64s' is a result of node '%.64s' (%.64s), which comes after "
			   "it", what, name, n->name ? n->name : "", n->op_type ? n->op_type : "");
	return err(-EINVAL, NULL, "%s: its operand '%.64s' is no input, no constant and no result of a "
		   "node", what, name);
}

/* @what: set to its name, for texts; room for 192. */
static int node(const Onnx__NodeProto *n, size_t i, char *what)
{
	if (!n->op_type || !n->op_type[0])
		return err(-EINVAL, NULL, "node %zu has no operator", i);
	snprintf(what, 192, "node '%.64s' (%.64s)", n->name ? n->name : "", n->op_type);
	if (n->n_attribute > 64)
		return err(-EINVAL, NULL, "%s has %zu attributes; 64 are supported", what,
			   n->n_attribute);
	if (n->n_input > IR_INPUTS_MAX || n->n_output > IR_INPUTS_MAX)
		return err(-E2BIG, NULL, "%s has more than %d operands or results", what,
			   IR_INPUTS_MAX);
	for (size_t k = 0; k < n->n_attribute; k++)
		if (!n->attribute[k]->name || !n->attribute[k]->name[0])
			return err(-EINVAL, NULL, "%s: attribute %zu has no name", what, k);
	return 0;
}

static int nodes(const Onnx__GraphProto *graph, struct map *names)
{
	char what[192];
	int ret = 0;

	for (size_t i = 0; i < graph->n_node && !ret; i++) {
		const Onnx__NodeProto *n = graph->node[i];

		ret = node(n, i, what);
		if (ret)
			return ret;
		for (size_t k = 0; k < n->n_input; k++)
			if (n->input[k][0] && !map_get(names, n->input[k]))
				return not_yet(graph, i, n->input[k], what);
		for (size_t k = 0; k < n->n_output && !ret; k++)
			if (n->output[k][0])
				ret = define(names, n->output[k], what);
	}
	return ret;
}

static int check(Onnx__GraphProto *graph, struct map *names, int directory)
{
	struct map inputs = { 0 };
	int ret = constants(graph, names, directory);

	for (size_t i = 0; i < graph->n_input && !ret; i++) {
		const Onnx__ValueInfoProto *v = graph->input[i];

		ret = value(v, "input", i);
		if (!ret)
			ret = define(&inputs, v->name, "input");
		/* Up to IR 3 every constant is an input, too. */
		if (!ret && !map_get(names, v->name))
			ret = define(names, v->name, "input");
	}
	map_free(&inputs);
	if (!ret)
		ret = nodes(graph, names);
	if (!ret && !graph->n_output)
		ret = err(-EINVAL, NULL, "the model has no output");
	for (size_t i = 0; i < graph->n_output && !ret; i++) {
		const Onnx__ValueInfoProto *v = graph->output[i];

		ret = value(v, "output", i);
		if (!ret && !map_get(names, v->name))
			ret = err(-EINVAL, NULL, "output '%.64s' is computed by no node", v->name);
	}
	return ret;
}

static bool named(const Onnx__ValueInfoProto *v)
{
	return v->name && v->name[0];
}

int onnx_check_inner(const Onnx__GraphProto *graph)
{
	char what[192];
	int ret = 0;

	for (size_t i = 0; i < graph->n_input; i++)
		if (!named(graph->input[i]))
			return err(-EINVAL, NULL, "operand %zu of a graph in a node has no name", i);
	for (size_t i = 0; i < graph->n_output; i++)
		if (!named(graph->output[i]))
			return err(-EINVAL, NULL, "result %zu of a graph in a node has no name", i);
	if (graph->n_sparse_initializer)
		return err(-EOPNOTSUPP, NULL, "a graph in a node has sparse constants");
	for (size_t i = 0; i < graph->n_initializer && !ret; i++) {
		const Onnx__TensorProto *t = graph->initializer[i];

		if (!t->name || !t->name[0])
			return err(-EINVAL, NULL, "constant %zu of a graph in a node has no name", i);
		snprintf(what, sizeof(what), "constant '%.64s'", t->name);
		if (onnx_tensor_external(t))
			return err(-EOPNOTSUPP, NULL, "%s of a graph in a node has its data in another "
				   "file", what);
		ret = onnx_tensor_check(t, what);
		if (!ret && (onnx_dtype(t->data_type) == ACCEL_NONE || t->n_dims > IR_RANK_MAX))
			ret = err(-EOPNOTSUPP, NULL, "%s has %zu axes or is of %s, which is not supported",
				  what, t->n_dims, onnx_dtype_name(t->data_type));
	}
	for (size_t i = 0; i < graph->n_node && !ret; i++)
		ret = node(graph->node[i], i, what);
	return ret;
}

int onnx_check(Onnx__ModelProto *model, int directory)
{
	struct map names = { 0 };
	int ret = versions(model);

	if (!ret)
		ret = check(model->graph, &names, directory);
	map_free(&names);
	return ret;
}
