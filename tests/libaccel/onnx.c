// SPDX-License-Identifier: MIT
#include "onnx.h"

#include <stdlib.h>
#include <string.h>

/* All that was allocated, so that nothing counts as lost. */
static struct piece {
	struct piece *next;
	_Alignas(16) char data[];
} *pieces;

static void *get(size_t size)
{
	struct piece *p = calloc(1, sizeof(*p) + size);

	if (!p)
		abort();
	p->next = pieces;
	pieces = p;
	return p->data;
}

static char *text(const char *s, size_t n)
{
	return memcpy(get(n + 1), s, n);
}

#define MAKE(type, init) \
	((type *)memcpy(get(sizeof(type)), &(type)init, sizeof(type)))

/* Append @item to a repeated field. */
#define ADD(list, n, item) \
	do { \
		void *old = (list); \
		(list) = get(((n) + 1) * sizeof(*(list))); \
		if (n) \
			memcpy((list), old, (n) * sizeof(*(list))); \
		(list)[(n)++] = (item); \
	} while (0)

Onnx__ModelProto *onnx_model(int64_t opset)
{
	Onnx__ModelProto *m = MAKE(Onnx__ModelProto, ONNX__MODEL_PROTO__INIT);
	Onnx__OperatorSetIdProto *o = MAKE(Onnx__OperatorSetIdProto,
					   ONNX__OPERATOR_SET_ID_PROTO__INIT);

	m->has_ir_version = 1;
	m->ir_version = 7;
	o->has_version = 1;
	o->version = opset;
	ADD(m->opset_import, m->n_opset_import, o);
	m->graph = MAKE(Onnx__GraphProto, ONNX__GRAPH_PROTO__INIT);
	return m;
}

void onnx_domain(Onnx__ModelProto *m, const char *domain, int64_t opset)
{
	Onnx__OperatorSetIdProto *o = MAKE(Onnx__OperatorSetIdProto,
					   ONNX__OPERATOR_SET_ID_PROTO__INIT);

	o->domain = text(domain, strlen(domain));
	o->has_version = 1;
	o->version = opset;
	ADD(m->opset_import, m->n_opset_import, o);
}

static Onnx__ValueInfoProto *value(const char *name, int type)
{
	Onnx__ValueInfoProto *v = MAKE(Onnx__ValueInfoProto, ONNX__VALUE_INFO_PROTO__INIT);

	v->name = text(name, strlen(name));
	v->type = MAKE(Onnx__TypeProto, ONNX__TYPE_PROTO__INIT);
	v->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	v->type->tensor_type = MAKE(Onnx__TypeProto__Tensor, ONNX__TYPE_PROTO__TENSOR__INIT);
	v->type->tensor_type->has_elem_type = 1;
	v->type->tensor_type->elem_type = type;
	return v;
}

Onnx__ValueInfoProto *onnx_input(Onnx__ModelProto *m, const char *name, int type, const int64_t *dims)
{
	Onnx__ValueInfoProto *v = value(name, type);
	Onnx__TensorShapeProto *shape = MAKE(Onnx__TensorShapeProto, ONNX__TENSOR_SHAPE_PROTO__INIT);

	for (; *dims != -1; dims++) {
		Onnx__TensorShapeProto__Dimension *d = MAKE(Onnx__TensorShapeProto__Dimension,
			ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT);

		d->value_case = *dims == -2 ?
			ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM :
			ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		if (*dims == -2)
			d->dim_param = text("N", 1);
		else
			d->dim_value = *dims;
		ADD(shape->dim, shape->n_dim, d);
	}
	v->type->tensor_type->shape = shape;
	ADD(m->graph->input, m->graph->n_input, v);
	return v;
}

Onnx__ValueInfoProto *onnx_output(Onnx__ModelProto *m, const char *name, int type)
{
	Onnx__ValueInfoProto *v = value(name, type);

	ADD(m->graph->output, m->graph->n_output, v);
	return v;
}

static void names(char ***list, size_t *n, const char *words)
{
	while (*words) {
		size_t length = strcspn(words, " ");

		ADD(*list, *n, text(words, length == 1 && *words == '-' ? 0 : length));
		words += length + (words[length] == ' ');
	}
}

Onnx__NodeProto *onnx_node(Onnx__ModelProto *m, const char *op, const char *in, const char *out)
{
	Onnx__NodeProto *n = MAKE(Onnx__NodeProto, ONNX__NODE_PROTO__INIT);

	n->op_type = text(op, strlen(op));
	names(&n->input, &n->n_input, in);
	names(&n->output, &n->n_output, out);
	n->name = text(out, strcspn(out, " "));
	ADD(m->graph->node, m->graph->n_node, n);
	return n;
}

static Onnx__AttributeProto *attribute(Onnx__NodeProto *n, const char *name,
				       Onnx__AttributeProto__AttributeType type)
{
	Onnx__AttributeProto *a = MAKE(Onnx__AttributeProto, ONNX__ATTRIBUTE_PROTO__INIT);

	a->name = text(name, strlen(name));
	a->has_type = 1;
	a->type = type;
	ADD(n->attribute, n->n_attribute, a);
	return a;
}

void onnx_int(Onnx__NodeProto *n, const char *name, int64_t x)
{
	Onnx__AttributeProto *a = attribute(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

	a->has_i = 1;
	a->i = x;
}

void onnx_ints(Onnx__NodeProto *n, const char *name, const int64_t *values, size_t count)
{
	Onnx__AttributeProto *a = attribute(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

	for (size_t i = 0; i < count; i++)
		ADD(a->ints, a->n_ints, values[i]);
}

void onnx_float(Onnx__NodeProto *n, const char *name, float x)
{
	Onnx__AttributeProto *a = attribute(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

	a->has_f = 1;
	a->f = x;
}

void onnx_graph_in(Onnx__NodeProto *n, const char *name, const Onnx__ModelProto *m)
{
	attribute(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH)->g = m->graph;
}

static ProtobufCBinaryData bytes(const char *value)
{
	ProtobufCBinaryData b = { strlen(value), (uint8_t *)text(value, strlen(value)) };

	return b;
}

void onnx_string(Onnx__NodeProto *n, const char *name, const char *value)
{
	Onnx__AttributeProto *a = attribute(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);

	a->has_s = 1;
	a->s = bytes(value);
}

void onnx_strings(Onnx__NodeProto *n, const char *name, const char *const *values, size_t count)
{
	Onnx__AttributeProto *a = attribute(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);

	for (size_t i = 0; i < count; i++)
		ADD(a->strings, a->n_strings, bytes(values[i]));
}

void onnx_reals(Onnx__NodeProto *n, const char *name, const float *values, size_t count)
{
	Onnx__AttributeProto *a = attribute(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);

	for (size_t i = 0; i < count; i++)
		ADD(a->floats, a->n_floats, values[i]);
}

static Onnx__TensorProto *tensor(Onnx__ModelProto *m, const char *name, int type)
{
	Onnx__TensorProto *t = MAKE(Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);

	t->name = text(name, strlen(name));
	t->has_data_type = 1;
	t->data_type = type;
	ADD(m->graph->initializer, m->graph->n_initializer, t);
	return t;
}

Onnx__TensorProto *onnx_floats(Onnx__ModelProto *m, const char *name, const int64_t *dims, int seed)
{
	Onnx__TensorProto *t = tensor(m, name, F32);
	uint32_t random = (uint32_t)seed;
	int64_t count = 1;

	for (; *dims != -1; dims++) {
		ADD(t->dims, t->n_dims, *dims);
		count *= *dims;
	}
	for (int64_t i = 0; i < count; i++) {
		random = random * 1103515245 + 12345;
		ADD(t->float_data, t->n_float_data,
		    ((float)(random >> 16 & 0xff) - 127) / 100);
	}
	return t;
}

Onnx__TensorProto *onnx_longs(Onnx__ModelProto *m, const char *name, const int64_t *values,
			      int64_t count)
{
	Onnx__TensorProto *t = tensor(m, name, I64);

	ADD(t->dims, t->n_dims, count);
	for (int64_t i = 0; i < count; i++)
		ADD(t->int64_data, t->n_int64_data, values[i]);
	return t;
}

Onnx__TensorProto *onnx_raw(Onnx__ModelProto *m, const char *name, int type, const int64_t *dims,
			    const void *data, size_t size)
{
	Onnx__TensorProto *t = tensor(m, name, type);

	for (; *dims != -1; dims++)
		ADD(t->dims, t->n_dims, *dims);
	t->has_raw_data = 1;
	t->raw_data.len = size;
	t->raw_data.data = memcpy(get(size + 1), data, size);
	return t;
}

void onnx_constant(Onnx__ModelProto *m, size_t initializer)
{
	Onnx__GraphProto *g = m->graph;
	Onnx__TensorProto *t = g->initializer[initializer];
	Onnx__NodeProto *n = onnx_node(m, "Constant", "", t->name);
	Onnx__AttributeProto *a = attribute(n, "value", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);

	a->t = t;
	g->initializer[initializer] = g->initializer[--g->n_initializer];
	memmove(&g->node[1], &g->node[0], (g->n_node - 1) * sizeof(*g->node));
	g->node[0] = n;
}

void *onnx_bytes(const Onnx__ModelProto *m, size_t *size)
{
	void *data;

	*size = onnx__model_proto__get_packed_size(m);
	data = malloc(*size + 1);
	if (!data)
		abort();
	onnx__model_proto__pack(m, data);
	return data;
}

Onnx__ModelProto *onnx_network(void)
{
	Onnx__ModelProto *m = onnx_model(13);
	Onnx__NodeProto *n;

	onnx_input(m, "x", F32, (int64_t[]){ -2, 2, 6, 6, -1 });
	onnx_floats(m, "k", (int64_t[]){ 4, 2, 3, 3, -1 }, 1);
	onnx_floats(m, "kb", (int64_t[]){ 4, -1 }, 2);
	onnx_floats(m, "s", (int64_t[]){ 4, -1 }, 3);
	onnx_floats(m, "v", (int64_t[]){ 4, -1 }, 4);
	onnx_floats(m, "w", (int64_t[]){ 12, 16, -1 }, 5);
	onnx_floats(m, "wb", (int64_t[]){ 12, -1 }, 6);
	onnx_longs(m, "flat", (int64_t[]){ 0, -1 }, 2);
	n = onnx_node(m, "Conv", "x k kb", "conv");
	onnx_ints(n, "strides", (int64_t[]){ 2, 2 }, 2);
	onnx_ints(n, "pads", (int64_t[]){ 1, 1, 0, 0 }, 4);
	onnx_node(m, "Relu", "conv", "relu");
	/* variances above zero */
	onnx_node(m, "Mul", "v v", "vv");
	onnx_node(m, "BatchNormalization", "relu s kb s vv", "norm");
	n = onnx_node(m, "MaxPool", "norm", "pool");
	onnx_ints(n, "kernel_shape", (int64_t[]){ 2, 2 }, 2);
	onnx_node(m, "Reshape", "pool flat", "row");
	n = onnx_node(m, "Gemm", "row w wb", "dense");
	onnx_int(n, "transB", 1);
	onnx_node(m, "Tanh", "dense", "tanh");
	onnx_node(m, "Softmax", "tanh", "y");
	onnx_node(m, "Reshape", "dense flat", "z");
	onnx_node(m, "Identity", "x", "unused");
	onnx_output(m, "y", F32);
	onnx_output(m, "z", F32);
	return m;
}
