// SPDX-License-Identifier: MIT
/*
 * The end of a graph whose sizes a run decides: nodes of the file that are looked at with the largest sizes
 * when a graph is made, and done with the real ones by each run.
 *
 * Both times they go through the same functions as all others. What they make is computed at once in a run, by
 * the processor; all of it is constant then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "eval.h"
#include "onnx-tail.h"

/* --- Nodes ------------------------------------------------------------------------------- */

/* The reason of an error of @t->g, which is nobody else's: a graph that is looked at goes on without the node. */
static void forgive(struct onnx_tail *t, struct onnx_cx *c)
{
	const char *text = accel_last_error()->text, *at = strstr(text, "): ");

	if (!t->g->error || t->g->error == -ENOMEM || t->run)
		return;
	t->g->error = 0;
	onnx_cannot(c, "with as many elements as there may be: %s", at ? at + 3 : text);
}

static int compute(struct ir_graph *g, const struct ir_node *n)
{
	const void **in = ir_alloc(g, (n->nin + 1) * sizeof(*in));
	void *out[IR_OUT_MAX] = { NULL };
	bool known = true;
	int ret;

	for (uint32_t i = 0; i < n->nout; i++)
		known &= !n->out[i] || n->out[i]->data;
	if (known || g->error)
		return g->error;
	/* Another shape of the same elements. */
	if (n->op == IR_RESHAPE) {
		n->out[0]->data = n->in[0]->data;
		return 0;
	}
	for (uint32_t i = 0; i < n->nin; i++)
		in[i] = n->in[i] ? n->in[i]->data : NULL;
	for (uint32_t i = 0; i < n->nout; i++)
		out[i] = n->out[i] ? ir_make(g, n->out[i]->size) : NULL;
	if (g->error)
		return g->error;
	ret = eval(n, in, out);
	for (uint32_t i = 0; i < n->nout && !ret; i++)
		if (n->out[i])
			n->out[i]->data = out[i];
	return ret;
}

/* What a node was made of: none of it may be the card's alone. */
static int made(struct onnx_tail *t, struct onnx_cx *c, struct ir_node *n)
{
	int ret = 0;

	for (; n && !ret && !c->why; n = n->next) {
		const char *why = eval_cannot(n);

		if (why)
			onnx_cannot(c, "it is sized by a run, and %s", why);
		else if (t->run)
			ret = compute(t->g, n);
	}
	return ret;
}

/* @c: with c->in set; sets c->out or c->why. */
static int node(struct onnx_tail *t, struct onnx_cx *c)
{
	struct ir_node **from = t->g->last;
	int ret;

	c->g = t->g;
	c->bounds = !t->run;
	t->g->name = c->node->name ? c->node->name : "";
	t->g->origin = c->node->op_type;
	if (!t->run)
		onnx_bound_operands(c);
	if (!c->why && !t->g->error)
		onnx_convert(c);
	forgive(t, c);
	ret = t->g->error;
	if (!ret && !c->why)
		ret = made(t, c, *from);
	if (!ret && !c->why && !t->run)
		onnx_bound_results(c);
	for (uint32_t i = 0; i < c->nout && !ret && !c->why; i++)
		if (c->node->output[i][0] && map_put(&t->names, c->node->output[i], c->out[i]))
			ret = t->g->error = err_nomem("names");
	return ret ? ret : t->g->error;
}

/* The same by its names. */
static int named_node(struct onnx_tail *t, const Onnx__NodeProto *proto, const char **why)
{
	struct onnx_cx c = { .g = t->g, .node = proto, .model = t->model,
			     .opset = onnx_opset(t->model, proto->domain) };
	int ret;

	c.nin = (uint32_t)proto->n_input;
	c.nout = (uint32_t)proto->n_output;
	while (c.nin && !proto->input[c.nin - 1][0])
		c.nin--;
	c.in = ir_alloc(t->g, (c.nin + 1) * sizeof(struct ir_value *));
	c.out = ir_alloc(t->g, (c.nout + 1) * sizeof(struct ir_value *));
	if (t->g->error)
		return t->g->error;
	for (uint32_t i = 0; i < c.nin; i++)
		c.in[i] = proto->input[i][0] ? map_get(&t->names, proto->input[i]) : NULL;
	ret = node(t, &c);
	*why = c.why;
	return ret;
}

/* --- While a graph is made --------------------------------------------------------------- */

int onnx_tail_begin(struct onnx_tail *t, const Onnx__ModelProto *model)
{
	memset(t, 0, sizeof(*t));
	t->model = model;
	t->g = ir_create();
	return t->g ? 0 : -ENOMEM;
}

void onnx_tail_end(struct onnx_tail *t)
{
	map_free(&t->names);
	ir_free(t->g);
	free(t->nodes);
	free(t->operands);
	free(t->operand_names);
}

/* A value of the graph as the tail sees it. */
static struct ir_value *twin(struct onnx_tail *t, const struct ir_value *v, const void *data)
{
	struct ir_value *x = ir_value(t->g, v->dtype, v->rank, v->dims);

	if (x) {
		x->data = data;
		x->constant = data;
	}
	return x;
}

/* Room for one more of a list whose length is a power of two when it is full. */
static bool grow(void *list, size_t n, size_t size)
{
	void *more;

	if (n & (n - 1))
		return true;
	more = realloc(*(void **)list, (n ? 2 * n : 1) * size);
	if (more)
		*(void **)list = more;
	return more;
}

static struct ir_value *operand(struct onnx_tail *t, struct ir_graph *g, char *name, struct ir_value *v)
{
	struct ir_value *x = map_get(&t->names, name);
	const void *data;

	if (x || v->late)
		return x;
	data = v->dtype == ACCEL_NONE ? NULL : ir_known(g, v);
	/* What is known stays known, whatever becomes of the node that it is from. */
	if (data && !v->constant)
		v = ir_constant(g, v->dtype, v->rank, v->dims, data);
	x = v ? twin(t, v, data) : NULL;
	if (!x)
		return NULL;
	if (!grow(&t->operands, t->noperands, sizeof(*t->operands)) ||
	    !grow(&t->operand_names, t->noperands, sizeof(*t->operand_names)) ||
	    map_put(&t->names, name, x)) {
		t->g->error = err_nomem("names");
		return NULL;
	}
	t->operands[t->noperands] = v;
	t->operand_names[t->noperands++] = name;
	return x;
}

int onnx_tail_add(struct onnx_tail *t, struct onnx_cx *c)
{
	struct ir_graph *g = c->g;
	struct ir_value **in = c->in;
	int ret;

	c->in = ir_alloc(t->g, (c->nin + 1) * sizeof(*in));
	for (uint32_t i = 0; i < c->nin && !t->g->error; i++)
		c->in[i] = in[i] ? operand(t, g, c->node->input[i], in[i]) : NULL;
	ret = g->error ? g->error : t->g->error;
	if (!ret)
		ret = node(t, c);
	c->g = g;
	c->in = in;
	/* Texts of the tail go with it. */
	if (c->why)
		c->why = ir_text(g, "%s", c->why);
	if (!ret && !c->why) {
		if (grow(&t->nodes, t->nnodes, sizeof(struct Onnx__NodeProto *)))
			t->nodes[t->nnodes++] = (Onnx__NodeProto *)c->node;
		else
			ret = err_nomem("names");
	}
	if (ret && !g->error)
		g->error = ret;
	return g->error;
}

/* --- As a model of its own --------------------------------------------------------------- */

/* What is needed for some outputs alone: nodes, in order, and operands. */
struct part {
	Onnx__NodeProto **nodes;
	size_t nnodes;
	Onnx__ValueInfoProto **inputs;
	struct ir_value **operands;
	size_t ninputs;
};

static Onnx__ValueInfoProto *declare(struct ir_graph *g, char *name, enum accel_dtype dtype)
{
	Onnx__ValueInfoProto *v = ir_alloc(g, sizeof(*v));
	Onnx__TypeProto *type = ir_alloc(g, sizeof(*type));
	Onnx__TypeProto__Tensor *tensor = ir_alloc(g, sizeof(*tensor));

	if (!v || !type || !tensor)
		return NULL;
	onnx__value_info_proto__init(v);
	onnx__type_proto__init(type);
	onnx__type_proto__tensor__init(tensor);
	v->name = name;
	v->type = type;
	type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	type->tensor_type = tensor;
	tensor->has_elem_type = 1;
	for (int32_t i = 1; i < 32; i++)
		if (onnx_dtype(i) == dtype)
			tensor->elem_type = i;
	return v;
}

static int cut(struct onnx_tail *t, struct ir_graph *g, Onnx__ValueInfoProto **outputs, uint32_t count,
	       struct part *p)
{
	struct map wanted = { 0 };
	size_t at = t->nnodes;
	int ret = 0;

	p->nodes = ir_alloc(g, (t->nnodes + 1) * sizeof(*p->nodes));
	p->inputs = ir_alloc(g, (t->noperands + 1) * sizeof(*p->inputs));
	p->operands = ir_alloc(g, (t->noperands + 1) * sizeof(*p->operands));
	for (uint32_t i = 0; i < count && !ret; i++)
		ret = map_set(&wanted, outputs[i]->name, p);
	for (size_t i = t->nnodes; i-- && !ret && !g->error;) {
		Onnx__NodeProto *n = t->nodes[i];
		bool needed = false;

		for (size_t k = 0; k < n->n_output; k++)
			needed |= n->output[k][0] && map_get(&wanted, n->output[k]);
		for (size_t k = 0; k < n->n_input && needed && !ret; k++)
			if (n->input[k][0])
				ret = map_set(&wanted, n->input[k], p);
		if (needed)
			p->nodes[--at] = n;
	}
	p->nnodes = t->nnodes - at;
	p->nodes += at;
	for (size_t i = 0; i < t->noperands && !ret && !g->error; i++) {
		if (!map_get(&wanted, t->operand_names[i]))
			continue;
		p->operands[p->ninputs] = t->operands[i];
		p->inputs[p->ninputs++] = declare(g, t->operand_names[i], t->operands[i]->dtype);
	}
	map_free(&wanted);
	if (ret && !g->error)
		g->error = err_nomem("names");
	return g->error;
}

static void *pack(struct onnx_tail *t, struct ir_graph *g, const struct part *p,
		  Onnx__ValueInfoProto **outputs, uint32_t count, size_t *size)
{
	Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
	Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
	void *data;

	model.has_ir_version = 1;
	model.ir_version = ONNX_IR_MAX;
	model.opset_import = t->model->opset_import;
	model.n_opset_import = t->model->n_opset_import;
	model.graph = &graph;
	graph.node = p->nodes;
	graph.n_node = p->nnodes;
	graph.input = p->inputs;
	graph.n_input = p->ninputs;
	graph.output = outputs;
	graph.n_output = count;
	*size = onnx__model_proto__get_packed_size(&model);
	if (*size > TAIL_SIZE_MAX)
		return NULL;
	data = ir_alloc(g, *size);
	if (data)
		onnx__model_proto__pack(&model, data);
	return data;
}

/* --- Bounds ------------------------------------------------------------------------------ */

/* Look at all nodes once. Return: why it cannot be, or NULL: it can, or there is an error of @t->g. */
static const char *look(struct onnx_tail *t, const struct ir_node *n)
{
	const Onnx__GraphProto *graph = t->model->graph;
	const char *why = NULL;

	for (size_t i = 0; i < graph->n_input && !t->g->error; i++) {
		struct ir_value *x = twin(t, n->in[i], n->in[i]->data);

		if (x && map_put(&t->names, graph->input[i]->name, x))
			t->g->error = err_nomem("names");
	}
	for (size_t i = 0; i < graph->n_node && !t->g->error && !why; i++)
		named_node(t, graph->node[i], &why);
	return why;
}

static bool fits(const struct ir_value *y, const struct ir_value *most)
{
	if (y->dtype != most->dtype || y->rank != most->rank)
		return false;
	for (uint32_t i = 0; i < y->rank; i++)
		if (y->dims[i] < most->dims[i])
			return false;
	return true;
}

bool tail_check(struct ir_graph *g, const struct ir_node *n)
{
	const struct tail *tail = n->extra;
	const Onnx__ModelProto *model = tail->model;
	const Onnx__GraphProto *graph = model->graph;
	const struct ir_value *sizes = n->out[n->nout - 1];
	struct onnx_tail t;
	uint32_t ranks = 0;
	const char *why;
	bool good;

	if (graph->n_input != n->nin || graph->n_output + 1 != n->nout)
		return false;
	for (uint32_t i = 0; i < n->nin; i++)
		if (!n->in[i] || n->in[i]->late ||
		    n->in[i]->dtype != onnx_dtype(graph->input[i]->type->tensor_type->elem_type))
			return false;
	for (uint32_t i = 0; i + 1 < n->nout; i++) {
		if (!n->out[i])
			return false;
		ranks += n->out[i]->rank;
	}
	if (!sizes || sizes->dtype != ACCEL_I64 || sizes->rank != 1 || sizes->count != ranks)
		return false;
	if (onnx_tail_begin(&t, model)) {
		g->error = -ENOMEM;
		return false;
	}
	why = look(&t, n);
	good = !why && !t.g->error;
	for (uint32_t i = 0; i + 1 < n->nout && good; i++) {
		const struct ir_value *most = map_get(&t.names, graph->output[i]->name);

		good = most && fits(n->out[i], most);
	}
	if (t.g->error && !g->error)
		g->error = t.g->error;
	onnx_tail_end(&t);
	return good;
}

/* --- From bytes -------------------------------------------------------------------------- */

static void *arena_alloc(void *g, size_t size)
{
	return ir_alloc(g, size);
}

static void arena_free(void *g, void *p)
{
	(void)g;
	(void)p;
}

/* Names, once each while they follow one another, as far as there is room. */
static char *operators(struct ir_graph *g, const Onnx__GraphProto *graph)
{
	char text[200] = "";
	size_t used = 0;

	for (size_t i = 0; i < graph->n_node; i++) {
		const char *op = graph->node[i]->op_type;

		if (i && !strcmp(op, graph->node[i - 1]->op_type))
			continue;
		if (used + strlen(op) + 5 > sizeof(text)) {
			snprintf(text + used, sizeof(text) - used, " ...");
			break;
		}
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "", op);
	}
	return ir_text(g, "%s", text);
}

const struct tail *tail_unpack(struct ir_graph *g, const void *data, size_t size)
{
	ProtobufCAllocator arena = { arena_alloc, arena_free, g };
	struct tail *t = ir_alloc(g, sizeof(*t));
	Onnx__ModelProto *model;
	int ret;

	if (!t)
		return NULL;
	if (size > TAIL_SIZE_MAX) {
		ir_fail(g, "its end takes more than %zu bytes", TAIL_SIZE_MAX);
		return NULL;
	}
	ret = onnx_unpack(&onnx__model_proto__descriptor, &arena, data, size, &model);
	if (!ret)
		ret = onnx_check(model, -1);
	if (!ret && model->graph->n_initializer)
		ret = ir_fail(g, "its end has constants of its own");
	if (ret) {
		g->error = g->error ? g->error : ret;
		return NULL;
	}
	t->data = data;
	t->size = size;
	t->model = model;
	t->operators = operators(g, model->graph);
	t->reason = ir_text(g, "sizes that a run decides: %s", t->operators);
	return g->error ? NULL : t;
}

/* --- The node ---------------------------------------------------------------------------- */

static int missing(struct ir_graph *g, uint32_t count, struct ir_value **out, const char *why)
{
	struct ir_node *n = b_missing(g, NULL, 0, count, why);

	if (n)
		memcpy(out, n->out, count * sizeof(struct ir_value *));
	return g->error;
}

int onnx_tail_make(struct onnx_tail *t, struct ir_graph *g, Onnx__ValueInfoProto **outputs, uint32_t count,
		   struct ir_value **out)
{
	struct part part = { 0 };
	struct ir_value *sizes;
	const struct tail *tail;
	struct ir_node *n;
	int64_t ranks = 0;
	size_t size;
	void *data;

	if (cut(t, g, outputs, count, &part))
		return g->error;
	g->name = part.nodes[0]->name ? part.nodes[0]->name : "";
	g->origin = part.nodes[0]->op_type;
	if (count > TAIL_OUTPUTS_MAX || part.ninputs > IR_INPUTS_MAX)
		return missing(g, count, out, "more than 64 outputs or 4096 operands of what a run sizes are "
			       "not supported");
	data = pack(t, g, &part, outputs, count, &size);
	if (g->error)
		return g->error;
	if (!data)
		return missing(g, count, out, "it and what follows take more than 1 MiB of the file");
	tail = tail_unpack(g, data, size);
	for (uint32_t i = 0; i < count && !g->error; i++) {
		const struct ir_value *most = map_get(&t->names, outputs[i]->name);

		out[i] = ir_value(g, most->dtype, most->rank, most->dims);
		if (out[i])
			out[i]->late = true;
		ranks += most->rank;
	}
	sizes = ir_value(g, ACCEL_I64, 1, &ranks);
	n = sizes ? ir_node(g, IR_TAIL, 0, part.operands, (uint32_t)part.ninputs, sizes) : NULL;
	if (!n)
		return g->error;
	n->extra = tail;
	n->nout = count + 1;
	n->out = ir_alloc(g, n->nout * sizeof(*n->out));
	if (!n->out)
		return g->error;
	for (uint32_t i = 0; i < count; i++) {
		n->out[i] = out[i];
		out[i]->from = n;
	}
	n->out[count] = sizes;
	return 0;
}

/* --- A run ------------------------------------------------------------------------------- */

uint32_t tail_sizes(const struct ir_node *n, const struct ir_value *v)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i + 1 < n->nout && n->out[i] != v; i++)
		at += n->out[i]->rank;
	return at;
}

/* Give what there is: memory is as large as was proven to be enough. */
static int give(struct onnx_tail *t, const struct ir_node *n, void *const *out)
{
	const Onnx__GraphProto *graph = t->model->graph;
	int64_t *sizes = out[n->nout - 1];

	for (uint32_t i = 0; i + 1 < n->nout; i++) {
		const struct ir_value *v = map_get(&t->names, graph->output[i]->name);

		if (!v || !v->data || !fits(n->out[i], v))
			return err(-EOVERFLOW, NULL, "output '%.64s' has more elements than it may have",
				   graph->output[i]->name);
		if (v->size)
			memcpy(out[i], v->data, v->size);
		memcpy(sizes, v->dims, v->rank * sizeof(*sizes));
		sizes += v->rank;
	}
	return 0;
}

int tail_run(const struct ir_node *n, const void *const *in, void *const *out)
{
	const struct tail *tail = n->extra;
	const Onnx__ModelProto *model = tail->model;
	const Onnx__GraphProto *graph = model->graph;
	struct onnx_tail t;
	int ret = onnx_tail_begin(&t, model);

	if (ret)
		return ret;
	t.run = true;
	t.g->running = true;
	for (uint32_t i = 0; i < n->nin && !ret; i++) {
		struct ir_value *x = twin(&t, n->in[i], in[i]);

		t.g->brought += n->in[i]->size;
		if (!x || map_put(&t.names, graph->input[i]->name, x))
			ret = err_nomem("an operator");
	}
	for (size_t i = 0; i < graph->n_node && !ret; i++) {
		const char *why = NULL;

		ret = named_node(&t, graph->node[i], &why);
		if (!ret && why)
			ret = err(-EINVAL, NULL, "node '%.64s' (%.64s): %s",
				  graph->node[i]->name ? graph->node[i]->name : "", graph->node[i]->op_type,
				  why);
	}
	if (!ret)
		ret = give(&t, n, out);
	onnx_tail_end(&t);
	return ret;
}
