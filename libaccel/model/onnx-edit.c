// SPDX-License-Identifier: MIT
/*
 * Memory of unpacked messages is malloc()'s: what is added can be freed with them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx-edit.h"

static void *get(struct edit *e, size_t size)
{
	void *p = e->error ? NULL : calloc(1, size ? size : 1);

	if (!p && !e->error)
		e->error = err_nomem("a model");
	return p;
}

static char *text(struct edit *e, const char *s)
{
	char *p = get(e, strlen(s) + 1);

	return p ? strcpy(p, s) : NULL;
}

/* Append to a repeated field. */
static bool append(struct edit *e, void *list, size_t *n, void *item)
{
	void **old, **more;

	if (e->error || !item)
		return false;
	memcpy(&old, list, sizeof(old));
	more = realloc(old, (*n + 1) * sizeof(*more));
	if (!more) {
		e->error = err_nomem("a model");
		return false;
	}
	more[(*n)++] = item;
	memcpy(list, &more, sizeof(more));
	return true;
}

#define MAKE(e, type, init) make((e), sizeof(type), &(type)init)

static void *make(struct edit *e, size_t size, const void *init)
{
	void *p = get(e, size);

	return p ? memcpy(p, init, size) : NULL;
}

/* --- The copy ---------------------------------------------------------------------------- */

/* Their data were read when the model was. */
static void embed(Onnx__TensorProto *t)
{
	if (!onnx_tensor_external(t))
		return;
	for (size_t i = 0; i < t->n_external_data; i++)
		onnx__string_string_entry_proto__free_unpacked(t->external_data[i], NULL);
	free(t->external_data);
	t->external_data = NULL;
	t->n_external_data = 0;
	t->has_data_location = 0;
	t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT;
}

static void note(struct edit *e, const char *name)
{
	char *copy;

	if (e->error || !name || !name[0] || map_get(&e->names, name))
		return;
	copy = text(e, name);
	if (!append(e, &e->texts, &e->ntexts, copy))
		free(copy);
	else if (map_put(&e->names, copy, e))
		e->error = err_nomem("names");
}

/* Names in the graphs of its nodes, too: one must not be that of a value outside. */
static void note_graph(struct edit *e, const Onnx__GraphProto *g)
{
	for (size_t i = 0; i < g->n_initializer; i++)
		note(e, g->initializer[i]->name);
	for (size_t i = 0; i < g->n_input; i++)
		note(e, g->input[i]->name);
	for (size_t i = 0; i < g->n_value_info; i++)
		note(e, g->value_info[i]->name);
	for (size_t i = 0; i < g->n_node; i++) {
		const Onnx__NodeProto *n = g->node[i];

		for (size_t k = 0; k < n->n_output; k++)
			note(e, n->output[k]);
		for (size_t k = 0; k < n->n_attribute; k++) {
			if (n->attribute[k]->g)
				note_graph(e, n->attribute[k]->g);
			for (size_t j = 0; j < n->attribute[k]->n_graphs; j++)
				note_graph(e, n->attribute[k]->graphs[j]);
		}
	}
}

int edit_begin(struct edit *e, const Onnx__ModelProto *model)
{
	size_t size = onnx__model_proto__get_packed_size(model);
	Onnx__GraphProto *g;
	uint8_t *data;

	*e = (struct edit){ 0 };
	if (size > ONNX_SIZE_MAX)
		return e->error = err(-E2BIG, NULL, "the model's constants do not fit into one file "
				      "of 2 GiB");
	data = get(e, size);
	if (!data)
		return e->error;
	onnx__model_proto__pack(model, data);
	e->model = onnx__model_proto__unpack(NULL, size, data);
	free(data);
	if (!e->model)
		return e->error = err_nomem("a model");
	g = e->model->graph;
	for (size_t i = 0; i < g->n_initializer; i++)
		embed(g->initializer[i]);
	note_graph(e, g);
	/* Before 4 each constant had to be an input, too. */
	if (e->model->ir_version < 4)
		e->model->ir_version = 4;
	e->model->has_ir_version = 1;
	return e->error;
}

void edit_end(struct edit *e)
{
	if (e->model)
		onnx__model_proto__free_unpacked(e->model, NULL);
	map_free(&e->names);
	for (size_t i = 0; i < e->ntexts; i++)
		free(e->texts[i]);
	free(e->texts);
	*e = (struct edit){ 0 };
}

/* --- Parts ------------------------------------------------------------------------------- */

const char *edit_name(struct edit *e, const char *base, const char *suffix)
{
	size_t room = strlen(base) + strlen(suffix) + 24;
	char *name = get(e, room);

	if (!name)
		return "";
	snprintf(name, room, "%s%s", base, suffix);
	for (unsigned int i = 2; map_get(&e->names, name); i++)
		snprintf(name, room, "%s%s_%u", base, suffix, i);
	note(e, name);
	free(name);
	return e->error ? "" : e->texts[e->ntexts - 1];
}

void edit_set(struct edit *e, char **to, const char *value)
{
	char *copy = text(e, value);

	if (!copy)
		return;
	if (*to != protobuf_c_empty_string)
		free(*to);
	*to = copy;
}

Onnx__TensorProto *edit_constant(struct edit *e, const char *name, int type, size_t rank,
				 const int64_t *dims, const void *data, size_t size)
{
	Onnx__GraphProto *g = e->model->graph;
	Onnx__TensorProto *t = MAKE(e, Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);

	if (!append(e, &g->initializer, &g->n_initializer, t)) {
		free(t);
		return NULL;
	}
	t->name = text(e, name);
	t->has_data_type = 1;
	t->data_type = type;
	t->dims = get(e, rank * sizeof(*dims));
	t->raw_data.data = get(e, size);
	if (e->error)
		return NULL;
	if (rank)
		memcpy(t->dims, dims, rank * sizeof(*dims));
	t->n_dims = rank;
	memcpy(t->raw_data.data, data, size);
	t->raw_data.len = size;
	t->has_raw_data = 1;
	return t;
}

void edit_remove_constant(struct edit *e, const char *name)
{
	Onnx__GraphProto *g = e->model->graph;
	size_t keep = 0;

	/* An input without its constant would be one that must be given. */
	for (size_t i = 0; i < g->n_input; i++) {
		if (strcmp(g->input[i]->name, name))
			g->input[keep++] = g->input[i];
		else
			onnx__value_info_proto__free_unpacked(g->input[i], NULL);
	}
	g->n_input = keep;
	keep = 0;
	for (size_t i = 0; i < g->n_initializer; i++) {
		if (strcmp(g->initializer[i]->name, name))
			g->initializer[keep++] = g->initializer[i];
		else
			onnx__tensor_proto__free_unpacked(g->initializer[i], NULL);
	}
	g->n_initializer = keep;
}

/* --- Nodes ------------------------------------------------------------------------------- */

void edit_append(struct edit *e, struct edit_nodes *nodes, Onnx__NodeProto *node)
{
	if (!append(e, &nodes->list, &nodes->n, node) && node)
		onnx__node_proto__free_unpacked(node, NULL);
}

Onnx__NodeProto *edit_node(struct edit *e, struct edit_nodes *nodes, const char *op,
			   const char *const *in, const char *out)
{
	Onnx__NodeProto *n = MAKE(e, Onnx__NodeProto, ONNX__NODE_PROTO__INIT);
	char *name;

	if (!n)
		return NULL;
	n->op_type = text(e, op);
	n->name = text(e, out);
	for (; *in; in++) {
		name = text(e, *in);
		if (!append(e, &n->input, &n->n_input, name))
			free(name);
	}
	name = text(e, out);
	if (!append(e, &n->output, &n->n_output, name))
		free(name);
	if (e->error) {
		onnx__node_proto__free_unpacked(n, NULL);
		return NULL;
	}
	edit_append(e, nodes, n);
	return e->error ? NULL : n;
}

Onnx__NodeProto *edit_copy_node(struct edit *e, const Onnx__NodeProto *node)
{
	size_t size = onnx__node_proto__get_packed_size(node);
	uint8_t *data = get(e, size);
	Onnx__NodeProto *copy = NULL;

	if (!data)
		return NULL;
	onnx__node_proto__pack(node, data);
	copy = onnx__node_proto__unpack(NULL, size, data);
	free(data);
	if (!copy)
		e->error = err_nomem("a model");
	return copy;
}

void edit_int(struct edit *e, Onnx__NodeProto *node, const char *name, int64_t value)
{
	Onnx__AttributeProto *a;

	if (!node)
		return;
	a = MAKE(e, Onnx__AttributeProto, ONNX__ATTRIBUTE_PROTO__INIT);
	if (!append(e, &node->attribute, &node->n_attribute, a)) {
		free(a);
		return;
	}
	a->name = text(e, name);
	a->has_type = 1;
	a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
	a->has_i = 1;
	a->i = value;
}

void edit_remove_node(struct edit *e, size_t i)
{
	Onnx__GraphProto *g = e->model->graph;

	onnx__node_proto__free_unpacked(g->node[i], NULL);
	memmove(&g->node[i], &g->node[i + 1], (--g->n_node - i) * sizeof(*g->node));
}

void edit_replace(struct edit *e, struct edit_nodes *nodes)
{
	Onnx__GraphProto *g = e->model->graph;

	/* Old nodes are among the new ones, as far as they still are some. */
	free(g->node);
	g->node = nodes->list;
	g->n_node = nodes->n;
	*nodes = (struct edit_nodes){ 0 };
}

uint32_t edit_output(struct edit *e, const char *name)
{
	Onnx__GraphProto *g = e->model->graph;
	Onnx__ValueInfoProto *v;

	for (size_t i = 0; i < g->n_output; i++)
		if (!strcmp(g->output[i]->name, name))
			return (uint32_t)i;
	v = MAKE(e, Onnx__ValueInfoProto, ONNX__VALUE_INFO_PROTO__INIT);
	if (!append(e, &g->output, &g->n_output, v)) {
		free(v);
		return 0;
	}
	v->name = text(e, name);
	v->type = MAKE(e, Onnx__TypeProto, ONNX__TYPE_PROTO__INIT);
	if (v->type) {
		v->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
		v->type->tensor_type = MAKE(e, Onnx__TypeProto__Tensor,
					    ONNX__TYPE_PROTO__TENSOR__INIT);
	}
	if (!e->error) {
		v->type->tensor_type->has_elem_type = 1;
		v->type->tensor_type->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	}
	return (uint32_t)g->n_output - 1;
}

int edit_pack(struct edit *e, uint8_t **data, size_t *size)
{
	if (e->error)
		return e->error;
	*size = onnx__model_proto__get_packed_size(e->model);
	if (*size > ONNX_SIZE_MAX)
		return e->error = err(-E2BIG, NULL, "the new model has %zu bytes, 2 GiB are the most",
				      *size);
	*data = get(e, *size);
	if (*data)
		onnx__model_proto__pack(e->model, *data);
	return e->error;
}
