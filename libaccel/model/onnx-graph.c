// SPDX-License-Identifier: MIT
/*
 * From a checked model, with all its sizes, to a graph: node after node, each with the shapes of
 * its operands known.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "onnx-tail.h"

void onnx_cannot(struct onnx_cx *c, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (c->why)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* What was not worked out may be why. */
	c->why = c->g->short_of ? ir_text(c->g, "%s; constants that take more than %llu steps to "
					  "compute are not computed", text,
					  (unsigned long long)IR_STEPS(c->g)) :
				  ir_text(c->g, "%s", text);
}

const Onnx__AttributeProto *onnx_attr(struct onnx_cx *c, const char *name,
				      Onnx__AttributeProto__AttributeType type)
{
	for (size_t i = 0; i < c->node->n_attribute; i++) {
		const Onnx__AttributeProto *a = c->node->attribute[i];

		if (strcmp(a->name, name))
			continue;
		c->used |= 1ull << i;
		/* Files of IR 1 had no types; fields that are not set have defaults. */
		if (a->has_type && a->type != type) {
			ir_fail(c->g, "attribute '%.32s' has another type than it should", name);
			return NULL;
		}
		return a;
	}
	return NULL;
}

int64_t onnx_attr_i(struct onnx_cx *c, const char *name, int64_t fallback)
{
	const Onnx__AttributeProto *a = onnx_attr(c, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

	return a ? a->i : fallback;
}

float onnx_attr_f(struct onnx_cx *c, const char *name, float fallback)
{
	const Onnx__AttributeProto *a = onnx_attr(c, name,
						  ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

	return a ? a->f : fallback;
}

int onnx_attr_ints(struct onnx_cx *c, const char *name, int64_t *ints, int max)
{
	const Onnx__AttributeProto *a = onnx_attr(c, name,
						  ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

	if (!a)
		return -1;
	if (a->n_ints > (size_t)max) {
		ir_fail(c->g, "attribute '%.32s' has %zu numbers, %d are the most", name, a->n_ints,
			max);
		return 0;
	}
	if (a->n_ints)
		memcpy(ints, a->ints, a->n_ints * sizeof(*ints));
	return (int)a->n_ints;
}

bool onnx_attr_is(struct onnx_cx *c, const char *name, const char *fallback, const char *value)
{
	const Onnx__AttributeProto *a = onnx_attr(c, name,
						  ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);

	if (!a)
		return !strcmp(fallback, value);
	return a->s.len == strlen(value) && !memcmp(a->s.data, value, a->s.len);
}

int onnx_numbers(struct onnx_cx *c, const char *name, int64_t since, uint32_t operand,
		 int64_t *list, int max)
{
	int n;

	if (c->opset < since) {
		if (onnx_in(c, operand))
			ir_fail(c->g, "this version has '%s' as an attribute", name);
		return onnx_attr_ints(c, name, list, max);
	}
	if (!onnx_in(c, operand))
		return -1;
	if (c->in[operand]->count > max) {
		ir_fail(c->g, "'%s' has %lld numbers, %d are the most", name,
			(long long)c->in[operand]->count, max);
		return -1;
	}
	n = ir_known_ints(c->g, c->in[operand], list, (uint32_t)max);
	if (n < 0)
		onnx_cannot(c, "'%s' that is computed from inputs is not supported", name);
	return n;
}

static const struct onnx_op *find_in(const struct onnx_op *const *tables, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		for (const struct onnx_op *op = tables[i]; op->name; op++)
			if (!strcmp(op->name, name))
				return op;
	return NULL;
}

static const struct onnx_op *find(const char *name, bool ml)
{
	static const struct onnx_op *const tables[] = {
		onnx_ops_attention, onnx_ops_constant, onnx_ops_control, onnx_ops_dynamic,
		onnx_ops_einsum, onnx_ops_index, onnx_ops_loss, onnx_ops_math, onnx_ops_move,
		onnx_ops_net, onnx_ops_quant, onnx_ops_recurrent, onnx_ops_resize, onnx_ops_shape, onnx_ops_signal, onnx_ops_window,
	};
	static const struct onnx_op *const ml_tables[] = { onnx_ops_ml, onnx_ops_ml_tree };

	if (ml)
		return find_in(ml_tables, sizeof(ml_tables) / sizeof(ml_tables[0]), name);
	return find_in(tables, sizeof(tables) / sizeof(tables[0]), name);
}

void onnx_convert(struct onnx_cx *c)
{
	const Onnx__NodeProto *n = c->node;
	bool ml = n->domain && !strcmp(n->domain, ONNX_ML);
	const struct onnx_op *op = find(n->op_type, ml);

	for (uint32_t i = 0; i < c->nin; i++) {
		if (c->in[i] && c->in[i]->dtype == ACCEL_NONE) {
			onnx_cannot(c, "it needs '%.64s', which cannot be computed", n->input[i]);
			return;
		}
	}
	if (!ml && !onnx_default_domain(n->domain))
		onnx_cannot(c, "operators of the domain '%.64s' are not supported", n->domain);
	else if (!op)
		onnx_cannot(c, "the operator is not supported");
	else if (!c->opset)
		ir_fail(c->g, "the model has no operator set of %s", ONNX_ML);
	else if (c->nin < op->min || c->nin > op->max || !c->nout)
		ir_fail(c->g, "%u operands and %u results; %u to %u operands are supported", c->nin,
			c->nout, op->min, op->max);
	if (c->why || c->g->error)
		return;
	for (uint32_t i = 0; i < op->min; i++) {
		if (!c->in[i]) {
			ir_fail(c->g, "operand %u is absent", i);
			return;
		}
	}
	op->convert(c, op->arg);
	if (c->why || c->g->error)
		return;
	for (size_t i = 0; i < n->n_attribute; i++)
		if (!(c->used >> i & 1))
			onnx_cannot(c, "attribute '%.64s' is not supported", n->attribute[i]->name);
	for (uint32_t i = 0; i < c->nout; i++)
		if (n->output[i][0] && !c->out[i])
			onnx_cannot(c, "result %u is not supported", i);
}

static struct ir_value *look(const struct onnx_scope *s, const char *name)
{
	struct ir_value *v = NULL;

	for (; s && !v; s = s->outer)
		v = map_get(&s->names, name);
	return v;
}

static int define(struct ir_graph *g, struct onnx_scope *scope, const char *name, struct ir_value *v)
{
	int ret = v ? map_put(&scope->names, name, v) : 0;

	if (ret == -EEXIST)
		return ir_fail(g, "the name '%.64s' is taken", name);
	if (ret && !g->error)
		g->error = err_nomem("names");
	return g->error;
}

/* What only a run knows the size of is no part of the graph but of its tail, and so is what takes it. */
static void late_node(struct onnx_cx *c, const struct onnx_scope *scope)
{
	if (scope->tail) {
		c->why = NULL;
		onnx_tail_add(scope->tail, c);
	} else {
		onnx_cannot(c, "sizes that a run decides are not supported within another node's graph");
	}
	/* The graph itself has no such value. */
	for (uint32_t i = 0; i < c->nin && c->why; i++)
		if (c->in[i] && c->in[i]->late)
			c->in[i] = NULL;
}

static int node(struct ir_graph *g, const Onnx__ModelProto *model, const Onnx__NodeProto *proto,
		struct onnx_scope *scope)
{
	struct onnx_cx c = { .g = g, .node = proto, .opset = onnx_opset(model, proto->domain),
			     .model = model, .scope = scope };
	struct ir_node **rollback = g->last;
	struct ir_node *missing;
	bool late = false;

	g->name = proto->name ? proto->name : "";
	g->origin = proto->op_type;
	c.nin = (uint32_t)proto->n_input;
	c.nout = (uint32_t)proto->n_output;
	while (c.nin && !proto->input[c.nin - 1][0])
		c.nin--;
	c.in = ir_alloc(g, (c.nin + 1) * sizeof(*c.in));
	c.out = ir_alloc(g, (c.nout + 1) * sizeof(*c.out));
	if (!c.in || !c.out)
		return g->error;
	for (uint32_t i = 0; i < c.nin; i++) {
		c.in[i] = proto->input[i][0] ? look(scope, proto->input[i]) : NULL;
		if (proto->input[i][0] && !c.in[i])
			return ir_fail(g, "its operand '%.64s' is no value of a node before it",
				       proto->input[i]);
		late |= c.in[i] && c.in[i]->late;
	}
	if (!late)
		onnx_convert(&c);
	if (!g->error && c.late) {
		g->last = rollback;
		*rollback = NULL;
	}
	if (!g->error && (late || c.late))
		late_node(&c, scope);
	if (g->error)
		return g->error;
	if (c.why) {
		/* Half of an operator is none. */
		g->last = rollback;
		*rollback = NULL;
		missing = b_missing(g, c.in, c.nin, c.nout, c.why);
		if (!missing)
			return g->error;
		memcpy(c.out, missing->out, c.nout * sizeof(*c.out));
	}
	for (uint32_t i = 0; i < c.nout; i++) {
		if (!proto->output[i][0])
			continue;
		if (!c.out[i]->name[0])
			c.out[i]->name = proto->output[i];
		/* Shapes are computed from small integers: they are wanted at once. */
		if (!ir_is_float(c.out[i]->dtype) && !c.out[i]->late)
			ir_known(g, c.out[i]);
		if (define(g, scope, proto->output[i], c.out[i]))
			break;
	}
	return g->error;
}

/* --- Inputs ------------------------------------------------------------------------------ */

static bool find_dim(const struct accel_model_dim *dims, size_t ndims, const char *name,
		     uint8_t *used, int64_t *size)
{
	for (size_t i = 0; i < ndims; i++) {
		if (strcmp(dims[i].name, name))
			continue;
		used[i] = 1;
		*size = dims[i].size;
		return true;
	}
	return false;
}

static struct ir_value *input(struct ir_graph *g, const Onnx__ValueInfoProto *v,
			      const struct accel_model_dim *dims, size_t ndims, uint8_t *used)
{
	const Onnx__TypeProto__Tensor *t = v->type->tensor_type;
	int64_t shape[IR_RANK_MAX];
	struct ir_value *value;
	char name[160];

	if (!t->shape) {
		ir_fail(g, "input '%.64s' has no shape", v->name);
		return NULL;
	}
	for (size_t i = 0; i < t->shape->n_dim; i++) {
		const Onnx__TensorShapeProto__Dimension *d = t->shape->dim[i];
		bool known = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
			     d->dim_value >= 0;
		bool symbol = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
		int64_t size = 1;

		snprintf(name, sizeof(name), "%.128s:%zu", v->name, i);
		if (find_dim(dims, ndims, name, used, &size)) {
			if (known && size != d->dim_value) {
				ir_fail(g, "axis %zu of input '%.64s' has %lld elements, not %lld", i,
					v->name, (long long)d->dim_value, (long long)size);
				return NULL;
			}
		} else if (symbol && d->dim_param[0]) {
			find_dim(dims, ndims, d->dim_param, used, &size);
		}
		shape[i] = known ? d->dim_value : size;
	}
	g->name = v->name;
	g->origin = "input";
	value = ir_value(g, onnx_dtype(t->elem_type), (uint32_t)t->shape->n_dim, shape);
	g->name = "";
	g->origin = "";
	if (value)
		value->name = v->name;
	return value;
}

/* What nodes see of an input: the input, or the constant that it is fixed to. */
static struct ir_value *fixed(struct ir_graph *g, struct ir_value *v,
			      const struct accel_session_opts *opts, uint8_t *used)
{
	for (size_t i = 0; i < opts->nfixed; i++) {
		const struct accel_model_fixed *f = &opts->fixed[i];
		void *data;

		if (strcmp(f->name, v->name))
			continue;
		used[i] = 1;
		if (f->size != v->size) {
			ir_fail(g, "input '%.64s' is fixed to %zu bytes and has %llu", v->name, f->size,
				(unsigned long long)v->size);
			return NULL;
		}
		data = ir_alloc(g, f->size);
		if (!data)
			return NULL;
		if (f->size)
			memcpy(data, f->data, f->size);
		v->data = data;
		g->brought += v->size;
		return ir_constant(g, v->dtype, v->rank, v->dims, data);
	}
	return v;
}

static int inputs(struct ir_graph *g, const Onnx__GraphProto *proto, struct onnx_scope *scope,
		  const struct accel_session_opts *opts)
{
	const struct accel_model_dim *dims = opts->dims;
	size_t ndims = opts->ndims;
	uint8_t *used = calloc(ndims + opts->nfixed + 1, 1);
	uint32_t *indices, n = 0;
	int ret;

	if (!used)
		return g->error = err_nomem("names");
	ret = onnx_inputs(proto, &indices, &n);
	if (ret) {
		free(used);
		return g->error = ret;
	}
	g->inputs = ir_alloc(g, (n + 1) * sizeof(*g->inputs));
	for (uint32_t i = 0; i < n && !g->error; i++) {
		struct ir_value *v = input(g, proto->input[indices[i]], dims, ndims, used);

		g->inputs[i] = v;
		g->ninputs = i + 1;
		if (v)
			define(g, scope, v->name, fixed(g, v, opts, used + ndims));
	}
	for (size_t i = 0; i < ndims && !g->error; i++)
		if (!used[i])
			ir_fail(g, "the model has no axis '%.64s'", dims[i].name);
	for (size_t i = 0; i < opts->nfixed && !g->error; i++)
		if (!used[ndims + i])
			ir_fail(g, "the model has no input '%.64s'", opts->fixed[i].name);
	free(indices);
	free(used);
	return g->error;
}

static int constants(struct ir_graph *g, const Onnx__GraphProto *proto, struct onnx_scope *scope)
{
	for (size_t i = 0; i < proto->n_initializer && !g->error; i++) {
		const Onnx__TensorProto *t = proto->initializer[i];
		const void *data = t->has_raw_data ? t->raw_data.data : NULL;
		struct ir_value *v;

		/* The model lives longer than its graphs: raw data stay where they are. */
		if (!data || (uintptr_t)data % 8 || t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL) {
			void *copy = g->depth ? ir_make(g, onnx_tensor_size(t)) :
						ir_alloc(g, onnx_tensor_size(t));

			if (!copy)
				break;
			onnx_tensor_read(t, copy);
			data = copy;
		}
		v = ir_constant(g, onnx_dtype(t->data_type), (uint32_t)t->n_dims, t->dims, data);
		if (!v)
			break;
		g->brought += g->depth ? 0 : v->size;
		v->name = t->name;
		define(g, scope, t->name, v);
	}
	return g->error;
}

/* A graph within another may give what that has. */
static struct ir_value *late_result(struct ir_graph *g)
{
	struct ir_node *n = b_missing(g, NULL, 0, 1, "sizes that a run decides are not supported within another "
				      "node's graph");

	return n ? n->out[0] : NULL;
}

int onnx_inline(struct onnx_cx *c, const Onnx__GraphProto *proto, struct ir_value *const *in,
		uint32_t nin, struct ir_value **out, uint32_t nout)
{
	struct onnx_scope scope = { .outer = c->scope };
	struct ir_graph *g = c->g;
	const char *name = g->name, *origin = g->origin;

	if (g->error)
		return g->error;
	if (proto->n_input != nin || proto->n_output != nout)
		return ir_fail(g, "a graph in it has %zu operands and %zu results, not %u and %u",
			       proto->n_input, proto->n_output, nin, nout);
	/* A loop around nothing costs, too. */
	if (!ir_afford(g, 64 * (1 + (uint64_t)proto->n_node + proto->n_initializer + nin + nout)))
		return ir_fail(g, "what is in it takes too many turns: more than %llu steps",
			       (unsigned long long)IR_STEPS(g));
	g->error = onnx_check_inner(proto);
	g->depth++;
	for (uint32_t i = 0; i < nin && !g->error; i++)
		define(g, &scope, proto->input[i]->name, in[i]);
	if (!g->error)
		constants(g, proto, &scope);
	for (size_t i = 0; i < proto->n_node && !g->error; i++)
		node(g, c->model, proto->node[i], &scope);
	g->depth--;
	g->name = name;
	g->origin = origin;
	for (uint32_t i = 0; i < nout && !g->error; i++) {
		out[i] = look(&scope, proto->output[i]->name);
		if (!out[i])
			ir_fail(g, "its result '%.64s' is computed by no node", proto->output[i]->name);
		else if (out[i]->late)
			out[i] = late_result(g);
	}
	map_free(&scope.names);
	return g->error;
}

/* Outputs whose sizes only a run knows are the results of one node. */
static void late_outputs(struct ir_graph *g, const Onnx__GraphProto *proto, const struct onnx_scope *scope)
{
	Onnx__ValueInfoProto **late = ir_alloc(g, (g->noutputs + 1) * sizeof(*late));
	struct ir_value **out = ir_alloc(g, (g->noutputs + 1) * sizeof(*out));
	uint32_t n = 0, k = 0;

	for (uint32_t i = 0; i < g->noutputs && !g->error; i++)
		if (look(scope, proto->output[i]->name)->late)
			late[n++] = proto->output[i];
	if (!n || onnx_tail_make(scope->tail, g, late, n, out))
		return;
	for (uint32_t i = 0; i < g->noutputs; i++)
		if (look(scope, proto->output[i]->name)->late)
			g->outputs[i] = out[k++];
}

/* An output is a value of its own: no input, no constant, no other output. */
static void outputs(struct ir_graph *g, const Onnx__GraphProto *proto, const struct onnx_scope *scope)
{
	g->noutputs = (uint32_t)proto->n_output;
	g->outputs = ir_alloc(g, (g->noutputs + 1) * sizeof(*g->outputs));
	late_outputs(g, proto, scope);
	g->name = "";
	g->origin = "";
	for (uint32_t i = 0; i < g->noutputs && !g->error; i++) {
		struct ir_value *v = g->outputs[i] ? g->outputs[i] : look(scope, proto->output[i]->name);

		if (!v->from || v->bound)
			v = b_reshape(g, v, v->rank, v->dims);
		if (!v)
			return;
		v->bound = true;
		v->name = proto->output[i]->name;
		g->outputs[i] = v;
	}
}

/* What the file says of outputs' types must be what they have. */
static void types(struct ir_graph *g, const Onnx__GraphProto *proto)
{
	for (uint32_t i = 0; i < g->noutputs && !g->error; i++) {
		enum accel_dtype said = onnx_dtype(proto->output[i]->type->tensor_type->elem_type);
		const struct ir_value *v = g->outputs[i];

		if (v->dtype != ACCEL_NONE && v->dtype != said)
			ir_fail(g, "output '%.64s' is %s, the model says %s", v->name,
				accel_dtype_name(v->dtype), accel_dtype_name(said));
	}
}

struct ir_graph *onnx_graph(const Onnx__ModelProto *model, const struct accel_session_opts *opts)
{
	struct ir_graph *g = ir_create();
	struct onnx_tail tail;
	struct onnx_scope scope = { .tail = &tail };
	const Onnx__GraphProto *proto = model->graph;

	if (!g || onnx_tail_begin(&tail, model)) {
		ir_free(g);
		return NULL;
	}
	if (!inputs(g, proto, &scope, opts))
		constants(g, proto, &scope);
	for (size_t i = 0; i < proto->n_node && !g->error; i++)
		node(g, model, proto->node[i], &scope);
	if (!g->error)
		outputs(g, proto, &scope);
	types(g, proto);
	map_free(&scope.names);
	onnx_tail_end(&tail);
	if (g->error) {
		ir_free(g);
		return NULL;
	}
	return g;
}
