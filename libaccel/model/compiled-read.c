// SPDX-License-Identifier: MIT
/*
 * Reading a compiled model, and believing nothing of it.
 *
 * Work and memory are bounded by the size of the file: nothing is counted or allocated that
 * the rest of the file is too short for, and every byte of it is looked at once.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "../error.h"
#include "check.h"
#include "compiled.h"
#include "pass.h"
#include "plan.h"
#include "separate.h"
#include "tail.h"
#include "tree.h"

/* Of a value: not made yet; made, or there from the beginning; an operand, besides. */
enum { UNMADE, THERE, USED };

/* What is left of the description; @bad: it was too short, or had something impossible. */
struct in {
	const uint8_t *data;
	size_t left;
	bool bad;
};

struct reader {
	struct in in;
	struct ir_graph *graph;
	struct ir_value **values;
	uint8_t *state;		/* of each: enum below */
	uint32_t nvalues;
	const uint8_t *constants;
	uint64_t size, next;	/* of the constants; where the next one must be */
	bool known;
	uint8_t *views, *channels;
	struct ir_node *tail;
};

/* --- Numbers and texts ------------------------------------------------------------------- */

static const uint8_t *take(struct in *in, size_t size)
{
	const uint8_t *p = in->data;

	if (in->bad || size > in->left) {
		in->bad = true;
		return NULL;
	}
	in->data += size;
	in->left -= size;
	return p;
}

static uint32_t take8(struct in *in)
{
	const uint8_t *p = take(in, 1);

	return p ? *p : 0;
}

static bool take_bool(struct in *in)
{
	uint32_t x = take8(in);

	in->bad |= x > 1;
	return x;
}

static uint32_t take32(struct in *in)
{
	const uint8_t *p = take(in, 4);
	uint32_t x = 0;

	if (p)
		memcpy(&x, p, sizeof(x));
	return le32toh(x);
}

static uint64_t take64(struct in *in)
{
	const uint8_t *p = take(in, 8);
	uint64_t x = 0;

	if (p)
		memcpy(&x, p, sizeof(x));
	return le64toh(x);
}

static float take_float(struct in *in)
{
	uint32_t bits = take32(in);
	float x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

static double take_double(struct in *in)
{
	uint64_t bits = take64(in);
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* A number of things that each take @least bytes at least. */
static uint32_t take_count(struct in *in, size_t least)
{
	uint32_t n = take32(in);

	if (n > in->left / least)
		in->bad = true;
	return in->bad ? 0 : n;
}

static const char *take_text(struct reader *r)
{
	uint32_t n = take_count(&r->in, 1);
	const uint8_t *p = take(&r->in, n);
	char *text;

	if (!p || n > COMPILED_TEXT_MAX || memchr(p, 0, n)) {
		r->in.bad = true;
		return "";
	}
	if (!n)
		return "";
	text = ir_alloc(r->graph, n + 1);
	return text ? memcpy(text, p, n) : "";
}

/* --- The head ---------------------------------------------------------------------------- */

static uint32_t get32(const uint8_t *head, int at)
{
	struct in in = { head + at, 4, false };

	return take32(&in);
}

static uint64_t get64(const uint8_t *head, int at)
{
	struct in in = { head + at, 8, false };

	return take64(&in);
}

bool compiled_is(const void *data, size_t size)
{
	return size >= COMPILED_MAGIC_SIZE && !memcmp(data, COMPILED_MAGIC, COMPILED_MAGIC_SIZE);
}

static int damaged(const char *why)
{
	return err(-EINVAL, "compile the model again", "the compiled model is damaged: %s", why);
}

/* A fuzzer that had to guess digests would find nothing behind them. */
static bool matches(struct sha256_ctx *s, const uint8_t *want)
{
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_digest(s, SHA256_DIGEST_SIZE, digest);
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	return true;
#endif
	return !memcmp(digest, want, sizeof(digest));
}

static bool zeros(const uint8_t *p, size_t n)
{
	while (n && !*p) {
		p++;
		n--;
	}
	return !n;
}

static int head(struct reader *r, const struct image *image, struct compiled *c)
{
	const uint8_t *h = image->data;
	uint64_t description, begin, rest;
	struct sha256_ctx s;

	if (image->size < COMPILED_HEAD || !compiled_is(h, image->size))
		return damaged("it has no head");
	if (htole16(1) != 1)
		return err(-EOPNOTSUPP, NULL, "compiled models are for little-endian machines");
	if (get32(h, HEAD_VERSION) != COMPILED_VERSION)
		return err(-EOPNOTSUPP, "compile the model again",
			   "the compiled model has version %u, this library has version %d",
			   get32(h, HEAD_VERSION), COMPILED_VERSION);
	if (get64(h, HEAD_SIZE) != image->size)
		return damaged("it has not as many bytes as it should");
	description = get64(h, HEAD_DESCRIPTION);
	begin = get64(h, HEAD_CONSTANTS);
	rest = image->size - COMPILED_HEAD;
	if (description > rest || begin > image->size || begin % COMPILED_ALIGN ||
	    begin < COMPILED_HEAD + description ||
	    begin - COMPILED_HEAD - description >= COMPILED_ALIGN)
		return damaged("its parts overlap");
	sha256_init(&s);
	sha256_update(&s, HEAD_DIGEST, h);
	sha256_update(&s, description, h + COMPILED_HEAD);
	if (!matches(&s, h + HEAD_DIGEST))
		return damaged("the description has another digest");
	if (!zeros(h + HEAD_ZERO, HEAD_DIGEST - HEAD_ZERO) ||
	    !zeros(h + COMPILED_HEAD + description, begin - COMPILED_HEAD - description))
		return damaged("what must be zero is not");
	memcpy(c->key, h + HEAD_KEY, sizeof(c->key));
	memcpy(c->model, h + HEAD_MODEL, sizeof(c->model));
	c->dtypes = get64(h, HEAD_DTYPES);
	for (int i = 0; i < 4; i++)
		c->opcodes[i] = get64(h, HEAD_OPCODES + 8 * i);
	c->hw_version = get32(h, HEAD_HW);
	r->in = (struct in){ h + COMPILED_HEAD, description, false };
	r->constants = h + begin;
	r->size = image->size - begin;
	return 0;
}

/* --- The face ---------------------------------------------------------------------------- */

static bool is_dtype(uint32_t t)
{
	return t && accel_dtype_size((enum accel_dtype)t) != 0;
}

static void declared(struct reader *r, struct accel_value_info *v)
{
	struct in *in = &r->in;

	*v = (struct accel_value_info)ACCEL_INIT(*v);
	v->name = take_text(r);
	v->dtype = (enum accel_dtype)take8(in);
	v->rank = take8(in);
	if (!is_dtype(v->dtype) || v->rank > ACCEL_VALUE_RANK_MAX) {
		in->bad = true;
		v->rank = 0;
		return;
	}
	v->size = accel_dtype_size(v->dtype);
	for (uint32_t i = 0; i < v->rank; i++) {
		v->dims[i] = (int64_t)take64(in);
		v->symbols[i] = take_text(r);
		in->bad |= v->dims[i] < -1;
		if (v->dims[i] < 0 || __builtin_mul_overflow(v->size, (uint64_t)v->dims[i], &v->size))
			v->size = 0;
	}
}

/* A value of a face takes 6 bytes and more. */
static struct accel_value_info *values_of_face(struct reader *r, uint32_t n)
{
	struct accel_value_info *v = n > r->in.left / 6 ? NULL :
				     ir_alloc(r->graph, (n + 1) * sizeof(*v));

	r->in.bad |= !v;
	for (uint32_t i = 0; i < n && !r->in.bad; i++)
		declared(r, &v[i]);
	return v;
}

static void face(struct reader *r, struct face *f)
{
	struct accel_model_info *info = &f->info;
	struct in *in = &r->in;

	*info = (struct accel_model_info)ACCEL_INIT(*info);
	info->name = take_text(r);
	info->producer = take_text(r);
	info->ir_version = (int64_t)take64(in);
	info->opset = (int64_t)take64(in);
	info->nodes = take32(in);
	info->parameters = take64(in);
	info->inputs = take32(in);
	info->outputs = take32(in);
	f->inputs = values_of_face(r, info->inputs);
	f->outputs = values_of_face(r, info->outputs);
}

/* --- Values ------------------------------------------------------------------------------ */

/* Constants stand one after the other, with zeros between them. */
static int constant(struct reader *r, struct ir_value *v)
{
	uint64_t offset = take64(&r->in), padded = (v->size + COMPILED_ALIGN - 1) / COMPILED_ALIGN *
		COMPILED_ALIGN;
	const uint8_t *digest = take(&r->in, SHA256_DIGEST_SIZE);
	struct sha256_ctx s;

	if (!digest)
		return damaged("the description is too short");
	if (offset != r->next || padded > r->size - offset)
		return damaged("a constant is not where it should be");
	r->next += padded;
	v->data = r->constants + offset;
	v->digest = digest;
	if (!zeros(r->constants + offset + v->size, padded - v->size))
		return damaged("what must be zero is not");
	if (r->known)
		return 0;
	sha256_init(&s);
	sha256_update(&s, v->size, v->data);
	return matches(&s, digest) ? 0 : damaged("a constant has another digest");
}

static int value(struct reader *r, uint32_t i)
{
	struct in *in = &r->in;
	const char *name = take_text(r);
	uint32_t dtype = take8(in), rank = take8(in), where, other;
	int64_t dims[IR_RANK_MAX] = { 0 };
	struct ir_value *v;

	if (!is_dtype(dtype) || rank > IR_RANK_MAX)
		return damaged("a value has no type or too many axes");
	for (uint32_t k = 0; k < rank; k++)
		dims[k] = (int64_t)take64(in);
	where = take8(in);
	if (in->bad)
		return damaged("the description is too short");
	v = ir_value(r->graph, (enum accel_dtype)dtype, rank, dims);
	if (!v)
		return r->graph->error;
	v->name = name;
	r->values[i] = v;
	if (where == VALUE_DATA)
		return constant(r, v);
	if (where == VALUE_SHARED) {
		other = take32(in);
		if (in->bad || other >= i || !r->values[other]->data ||
		    r->values[other]->size != v->size)
			return damaged("a value shares what is not there");
		v->data = r->values[other]->data;
		v->digest = r->values[other]->digest;
	} else if (where != VALUE_NONE) {
		return damaged("a value is nowhere");
	}
	return 0;
}

/* --- Nodes ------------------------------------------------------------------------------- */

/* Every node from one root at most, and by one way: whoever walks down arrives. */
static bool is_forest(const struct trees *t)
{
	bool *seen = calloc(t->nnodes + 1, sizeof(*seen));
	uint32_t *stack = calloc((size_t)t->nnodes + 1, sizeof(*stack)), n = 0;
	bool good = seen && stack;

	for (uint32_t i = 0; i < t->nroots && good; i++) {
		good = t->roots[i] < t->nnodes && !seen[t->roots[i]];
		if (!good)
			break;
		seen[t->roots[i]] = true;
		stack[n++] = t->roots[i];
		while (n && good) {
			const struct tree_node *node = &t->nodes[stack[--n]];

			if (node->mode == TREE_LEAF)
				continue;
			good = node->yes < t->nnodes && node->no < t->nnodes && node->yes != node->no &&
			       !seen[node->yes] && !seen[node->no];
			if (!good)
				break;
			seen[node->yes] = seen[node->no] = true;
			stack[n++] = node->yes;
			stack[n++] = node->no;
		}
	}
	free(seen);
	free(stack);
	return good;
}

static bool is_sound(const struct trees *t)
{
	if (t->sum > TREE_MAX)
		return false;
	for (uint32_t i = 0; i < t->nnodes; i++) {
		const struct tree_node *n = &t->nodes[i];

		if (n->mode > TREE_LEAF)
			return false;
		if (n->mode == TREE_LEAF && (n->yes > t->nweights || n->no > t->nweights - n->yes))
			return false;
	}
	for (uint32_t i = 0; i < t->nweights; i++)
		if (t->weights[i].target >= t->targets)
			return false;
	return is_forest(t);
}

static int trees(struct reader *r, struct ir_node *n)
{
	struct ir_graph *g = r->graph;
	struct trees *t = ir_alloc(g, sizeof(*t));
	struct in *in = &r->in;
	bool base;

	if (!t)
		return g->error;
	t->nnodes = take_count(in, 22);
	t->nweights = take_count(in, 12);
	t->nroots = take_count(in, 4);
	t->targets = take32(in);
	t->sum = (enum tree_sum)take8(in);
	base = take_bool(in);
	if (in->bad || t->targets > INT32_MAX || (base && t->targets > in->left / 8))
		return damaged("an ensemble of trees is none");
	t->nodes = ir_alloc(g, ((size_t)t->nnodes + 1) * sizeof(*t->nodes));
	t->weights = ir_alloc(g, ((size_t)t->nweights + 1) * sizeof(*t->weights));
	t->roots = ir_alloc(g, ((size_t)t->nroots + 1) * sizeof(*t->roots));
	t->base = base ? ir_alloc(g, ((size_t)t->targets + 1) * sizeof(*t->base)) : NULL;
	if (g->error)
		return g->error;
	for (uint32_t i = 0; i < t->nnodes; i++) {
		struct tree_node *node = &t->nodes[i];

		node->mode = (uint8_t)take8(in);
		node->missing_true = take_bool(in);
		node->feature = take32(in);
		node->threshold = take_double(in);
		node->yes = take32(in);
		node->no = take32(in);
	}
	for (uint32_t i = 0; i < t->nweights; i++) {
		t->weights[i].target = take32(in);
		t->weights[i].weight = take_double(in);
	}
	for (uint32_t i = 0; i < t->nroots; i++)
		t->roots[i] = take32(in);
	for (uint32_t i = 0; base && i < t->targets; i++)
		t->base[i] = take_double(in);
	if (in->bad || !is_sound(t))
		return damaged("an ensemble of trees is none");
	n->extra = t;
	return 0;
}

/* A graph has one at most: it ends there. */
static int tail(struct reader *r, struct ir_node *n)
{
	uint32_t size = take_count(&r->in, 1);
	const uint8_t *data = take(&r->in, size);

	if (!data || r->tail)
		return damaged("the end of its graph is too short, or there are two");
	r->tail = n;
	n->extra = tail_unpack(r->graph, data, size);
	return r->graph->error;
}

/* Operands are there before a node, results not before it. */
static int connect(struct reader *r, struct ir_node *n)
{
	struct in *in = &r->in;

	n->in = ir_alloc(r->graph, (n->nin + 1) * sizeof(*n->in));
	n->out = ir_alloc(r->graph, (n->nout + IR_OUT_MAX) * sizeof(*n->out));
	if (!n->in || !n->out)
		return r->graph->error;
	for (uint32_t i = 0; i < n->nin; i++) {
		uint32_t k = take32(in);

		if (k == COMPILED_ABSENT)
			continue;
		/* A fixed input has a twin, which nodes see. */
		if (k >= r->nvalues || r->state[k] == UNMADE || r->values[k]->late ||
		    (k < r->graph->ninputs && r->values[k]->data))
			return damaged("an operand is not there");
		r->state[k] = USED;
		n->in[i] = r->values[k];
	}
	for (uint32_t i = 0; i < n->nout; i++) {
		uint32_t k = take32(in);

		if (k == COMPILED_ABSENT)
			continue;
		/* What is known before it runs is made all the same. */
		if (k < r->graph->ninputs || k >= r->nvalues || r->values[k]->from ||
		    r->state[k] == USED)
			return damaged("a result is made twice, or too late");
		r->state[k] = THERE;
		n->out[i] = r->values[k];
		n->out[i]->from = n;
		n->out[i]->constant = false;
	}
	return in->bad ? damaged("the description is too short") : 0;
}

static int node(struct reader *r, uint32_t i)
{
	struct ir_graph *g = r->graph;
	struct ir_node *n = ir_alloc(g, sizeof(*n));
	struct in *in = &r->in;
	int ret;

	if (!n)
		return g->error;
	n->op = (enum ir_op)take8(in);
	r->views[i] = (uint8_t)take8(in);
	r->channels[i] = r->views[i] & VIEW_CHANNELS;
	r->views[i] &= (uint8_t)~VIEW_CHANNELS;
	n->flag = take_bool(in);
	n->flag2 = take_bool(in);
	n->act = (enum accel_act)take8(in);
	n->fn = (int)take32(in);
	n->axes = take32(in);
	n->axis = (int64_t)take64(in);
	n->act_param[0] = take_float(in);
	n->act_param[1] = take_float(in);
	n->value = take_float(in);
	for (uint32_t k = 0; k < IR_INTS_MAX; k++)
		n->ints[k] = (int64_t)take64(in);
	n->name = take_text(r);
	n->origin = take_text(r);
	n->reason = "";
	n->nin = take_count(in, 4);
	n->nout = take_count(in, 4);
	if (in->bad || n->nin > IR_INPUTS_MAX ||
	    n->nout > (n->op == IR_TAIL ? TAIL_OUTPUTS_MAX + 1 : IR_OUT_MAX))
		return damaged("a node is too short, or has too many operands");
	ret = connect(r, n);
	if (!ret && n->op == IR_TREES)
		ret = trees(r, n);
	if (!ret && n->op == IR_TAIL)
		ret = tail(r, n);
	if (ret)
		return ret;
	if (!check_node(g, n))
		return g->error ? g->error : damaged("a node is none");
	/* Nothing but a run knows more of them. */
	for (uint32_t k = 0; n->op == IR_TAIL && k + 1 < n->nout; k++)
		n->out[k]->late = true;
	*g->last = n;
	g->last = &n->next;
	return 0;
}

/* --- The graph --------------------------------------------------------------------------- */

static int outputs(struct reader *r)
{
	struct ir_graph *g = r->graph;

	for (uint32_t i = 0; i < g->noutputs; i++) {
		uint32_t k = take32(&r->in);

		if (r->in.bad || k >= r->nvalues || !r->values[k]->from || r->values[k]->bound)
			return damaged("an output is not made, or twice");
		g->outputs[i] = r->values[k];
		g->outputs[i]->bound = true;
	}
	return 0;
}

/* The same as pass_view(), pass_place() and pass_channels(): who shares whose memory, and how it lies there. */
static int views(struct reader *r)
{
	struct ir_graph *g = r->graph;
	bool places = false;
	uint32_t i = 0;

	pass_uses(g);
	for (struct ir_node *n = g->first; n; n = n->next, i++) {
		struct ir_value *x, *y = n->out[0];

		if (r->views[i] == VIEW_NONE)
			continue;
		if ((n->op == IR_SLICE && r->views[i] == VIEW_OF_OPERAND) ||
		    (n->op == IR_CONCAT && r->views[i] == VIEW_OF_RESULT)) {
			places = true;
			continue;
		}
		if (n->op != IR_RESHAPE || r->views[i] > VIEW_OF_RESULT)
			return damaged("a view is none");
		x = plan_home(n->in[0]);
		if (r->views[i] == VIEW_OF_OPERAND && !y->bound)
			y->alias = x;
		else if (r->views[i] == VIEW_OF_RESULT && y->bound && n->in[0] == x && x->from &&
			 x->uses == 1 && !x->bound && !x->data)
			x->alias = y;
		else
			return damaged("a view is none");
	}
	if (places)
		pass_place_some(g, r->views);
	pass_channels_some(g, r->channels);
	return g->error;
}

/* As many as a file of ONNX may have messages. */
#define VALUES_MAX	(1u << 22)

/* Fewest bytes of a value and of a node. */
#define VALUE_LEAST	7
#define NODE_LEAST	(5 + 4 + 4 + 8 + 12 + 8 * IR_INTS_MAX + 16)

static int graph(struct reader *r, int64_t batch)
{
	struct ir_graph *g = r->graph;
	struct in *in = &r->in;
	uint32_t nodes, i;
	int ret = 0;

	r->nvalues = take_count(in, VALUE_LEAST);
	nodes = take_count(in, NODE_LEAST);
	g->ninputs = take_count(in, 1);
	g->noutputs = take_count(in, 4);
	if (in->bad || g->ninputs > r->nvalues || r->nvalues > VALUES_MAX || nodes > IR_NODES_MAX)
		return damaged("it counts more than it has");
	r->values = ir_alloc(g, ((size_t)r->nvalues + 1) * sizeof(struct ir_value *));
	r->state = ir_alloc(g, (size_t)r->nvalues + 1);
	r->views = ir_alloc(g, (size_t)nodes + 1);
	r->channels = ir_alloc(g, (size_t)nodes + 1);
	g->inputs = ir_alloc(g, ((size_t)g->ninputs + 1) * sizeof(struct ir_value *));
	g->outputs = ir_alloc(g, ((size_t)g->noutputs + 1) * sizeof(struct ir_value *));
	if (g->error)
		return g->error;
	for (i = 0; i < r->nvalues && !ret; i++)
		ret = value(r, i);
	for (i = 0; i < r->nvalues && !ret; i++) {
		if (i < g->ninputs)
			g->inputs[i] = r->values[i];
		r->state[i] = i < g->ninputs || r->values[i]->data ? THERE : UNMADE;
		r->values[i]->constant = i >= g->ninputs && r->values[i]->data;
	}
	for (i = 0; i < nodes && !ret; i++)
		ret = node(r, i);
	if (!ret)
		ret = outputs(r);
	/* Places and views come after shapes. */
	if (!ret && batch)
		ret = rebatch(g, batch);
	if (!ret)
		ret = views(r);
	if (!ret && r->next != r->size)
		ret = damaged("there is more behind the last constant");
	return ret;
}

int compiled_read(struct image *image, bool known, int64_t batch, struct compiled *c,
		  struct ir_graph **out)
{
	struct reader r = { .known = known };
	uint32_t kind;
	int ret;

	memset(c, 0, sizeof(*c));
	r.graph = ir_create();
	if (!r.graph)
		return -ENOMEM;
	r.graph->image = image_ref(image);
	ret = head(&r, image, c);
	kind = ret ? 0 : get32(image->data, HEAD_KIND);
	if (!ret) {
		face(&r, &c->face);
		if (r.graph->error)
			ret = r.graph->error;
		else if (r.in.bad || kind > COMPILED_FACE)
			ret = damaged("the description is too short");
	}
	if (!ret && kind == COMPILED_GRAPH)
		ret = graph(&r, batch);
	else if (!ret && r.size)
		ret = damaged("there is more behind the description");
	if (!ret && (r.in.left || r.in.bad))
		ret = damaged("the description has another length");
	if (ret) {
		ir_free(r.graph);
		return ret;
	}
	*out = r.graph;
	return 0;
}
