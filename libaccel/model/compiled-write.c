// SPDX-License-Identifier: MIT
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../error.h"
#include "compiled.h"
#include "tail.h"
#include "tree.h"

/* What grows; after an error nothing more is put. */
struct out {
	uint8_t *data;
	size_t used, room;
	bool failed;
	bool too_long;		/* a text is */
};

/* A constant on its way into the file. */
struct piece {
	const struct ir_value *value;
	uint64_t offset;
};

struct writer {
	struct out out;
	struct ir_graph *graph;
	struct ir_value **values;
	uint32_t nvalues;
	struct piece *pieces;
	uint32_t npieces;
	uint64_t end;		/* of the constants */
};

/* --- Numbers and texts ------------------------------------------------------------------- */

static void put(struct out *o, const void *data, size_t size)
{
	if (o->used + size > o->room && !o->failed) {
		size_t room = 2 * (o->used + size) + 4096;
		uint8_t *more = realloc(o->data, room);

		o->failed = !more;
		if (more) {
			o->data = more;
			o->room = room;
		}
	}
	if (o->failed || !size)
		return;
	memcpy(o->data + o->used, data, size);
	o->used += size;
}

static void put8(struct out *o, unsigned int x)
{
	put(o, &(uint8_t){ (uint8_t)x }, 1);
}

static void put32(struct out *o, uint32_t x)
{
	x = htole32(x);
	put(o, &x, sizeof(x));
}

static void put64(struct out *o, uint64_t x)
{
	x = htole64(x);
	put(o, &x, sizeof(x));
}

static void put_float(struct out *o, float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	put32(o, bits);
}

static void put_double(struct out *o, double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	put64(o, bits);
}

static void put_text(struct out *o, const char *text)
{
	size_t n = strlen(text);

	o->too_long |= n > COMPILED_TEXT_MAX;
	put32(o, (uint32_t)n);
	put(o, text, n);
}

/* --- The face ---------------------------------------------------------------------------- */

static void put_declared(struct out *o, const struct accel_value_info *v)
{
	put_text(o, v->name);
	put8(o, v->dtype);
	put8(o, v->rank);
	for (uint32_t i = 0; i < v->rank; i++) {
		put64(o, (uint64_t)(v->dims[i] < 0 ? -1 : v->dims[i]));
		put_text(o, v->symbols[i]);
	}
}

static void put_face(struct out *o, const struct face *face)
{
	const struct accel_model_info *info = &face->info;

	put_text(o, info->name);
	put_text(o, info->producer);
	put64(o, (uint64_t)info->ir_version);
	put64(o, (uint64_t)info->opset);
	put32(o, info->nodes);
	put64(o, info->parameters);
	put32(o, info->inputs);
	put32(o, info->outputs);
	for (uint32_t i = 0; i < info->inputs; i++)
		put_declared(o, &face->inputs[i]);
	for (uint32_t i = 0; i < info->outputs; i++)
		put_declared(o, &face->outputs[i]);
}

/* --- Values ------------------------------------------------------------------------------ */

const uint8_t *compiled_digest(struct ir_graph *g, struct ir_value *v)
{
	struct sha256_ctx s;
	uint8_t *digest;

	if (v->digest)
		return v->digest;
	digest = ir_alloc(g, SHA256_DIGEST_SIZE);
	if (!digest)
		return NULL;
	sha256_init(&s);
	sha256_update(&s, v->size, v->data);
	sha256_digest(&s, SHA256_DIGEST_SIZE, digest);
	return v->digest = digest;
}

static void number(struct writer *w, struct ir_value *v)
{
	if (!v || (v->index < w->nvalues && w->values[v->index] == v))
		return;
	v->index = w->nvalues;
	w->values[w->nvalues++] = v;
}

/* Inputs first, then whatever nodes take and make, in their order. */
static int number_all(struct writer *w)
{
	struct ir_graph *g = w->graph;
	size_t most = g->ninputs;

	for (struct ir_node *n = g->first; n; n = n->next)
		most += n->nin + n->nout;
	if (most >= COMPILED_ABSENT)
		return err(-E2BIG, NULL, "the model has more than 2^32 operands");
	w->values = calloc(most + 1, sizeof(*w->values));
	w->pieces = calloc(most + 1, sizeof(*w->pieces));
	if (!w->values || !w->pieces)
		return err_nomem("a file");
	for (uint32_t i = 0; i < g->ninputs; i++)
		number(w, g->inputs[i]);
	for (struct ir_node *n = g->first; n; n = n->next) {
		for (uint32_t i = 0; i < n->nin; i++)
			number(w, n->in[i]);
		for (uint32_t i = 0; i < n->nout; i++)
			number(w, n->out[i]);
	}
	return 0;
}

/* A fixed input and the constant that nodes see in its place are the same bytes. */
static const struct ir_value *twin(const struct writer *w, const struct ir_value *v)
{
	for (uint32_t i = 0; i < w->graph->ninputs && i < v->index; i++)
		if (w->graph->inputs[i]->data == v->data && w->graph->inputs[i]->size == v->size)
			return w->graph->inputs[i];
	return NULL;
}

static int put_value(struct writer *w, struct ir_value *v)
{
	struct out *o = &w->out;
	const struct ir_value *first = v->data && v->size ? twin(w, v) : NULL;
	const uint8_t *digest;

	put_text(o, v->name);
	put8(o, v->dtype);
	put8(o, v->rank);
	for (uint32_t i = 0; i < v->rank; i++)
		put64(o, (uint64_t)v->dims[i]);
	put8(o, !v->data ? VALUE_NONE : first ? VALUE_SHARED : VALUE_DATA);
	if (!v->data)
		return 0;
	if (first) {
		put32(o, first->index);
		return 0;
	}
	digest = compiled_digest(w->graph, v);
	if (!digest)
		return w->graph->error;
	put64(o, w->end);
	put(o, digest, SHA256_DIGEST_SIZE);
	w->pieces[w->npieces++] = (struct piece){ v, w->end };
	w->end += (v->size + COMPILED_ALIGN - 1) / COMPILED_ALIGN * COMPILED_ALIGN;
	return 0;
}

/* --- Nodes ------------------------------------------------------------------------------- */

static void put_trees(struct out *o, const struct trees *t)
{
	put32(o, t->nnodes);
	put32(o, t->nweights);
	put32(o, t->nroots);
	put32(o, t->targets);
	put8(o, t->sum);
	put8(o, t->base != NULL);
	for (uint32_t i = 0; i < t->nnodes; i++) {
		const struct tree_node *n = &t->nodes[i];

		put8(o, n->mode);
		put8(o, n->missing_true);
		put32(o, n->feature);
		put_double(o, n->threshold);
		put32(o, n->yes);
		put32(o, n->no);
	}
	for (uint32_t i = 0; i < t->nweights; i++) {
		put32(o, t->weights[i].target);
		put_double(o, t->weights[i].weight);
	}
	for (uint32_t i = 0; i < t->nroots; i++)
		put32(o, t->roots[i]);
	for (uint32_t i = 0; t->base && i < t->targets; i++)
		put_double(o, t->base[i]);
}

static void put_tail(struct out *o, const struct tail *t)
{
	put32(o, (uint32_t)t->size);
	put(o, t->data, t->size);
}

static unsigned int view_of(const struct ir_node *n)
{
	if (n->op == IR_SLICE)
		return n->out[0]->place ? VIEW_OF_OPERAND : VIEW_NONE;
	for (uint32_t i = 0; n->op == IR_CONCAT && i < n->nin; i++)
		if (n->in[i]->place && n->in[i]->alias == n->out[0])
			return VIEW_OF_RESULT;
	if (n->op != IR_RESHAPE)
		return VIEW_NONE;
	if (n->out[0]->alias)
		return VIEW_OF_OPERAND;
	return n->in[0]->alias == n->out[0] ? VIEW_OF_RESULT : VIEW_NONE;
}

static int put_node(struct writer *w, const struct ir_node *n)
{
	struct out *o = &w->out;

	if (n->op == IR_MISSING || !n->nout || (n->nout > IR_OUT_MAX && n->op != IR_TAIL) || !n->out[0])
		return err(-EOPNOTSUPP, NULL, "node '%.64s' (%.64s) cannot run", n->name, n->origin);
	put8(o, n->op);
	put8(o, view_of(n) | (n->out[0]->channels ? VIEW_CHANNELS : 0));
	put8(o, n->flag);
	put8(o, n->flag2);
	put8(o, n->act);
	put32(o, (uint32_t)n->fn);
	put32(o, n->axes);
	put64(o, (uint64_t)n->axis);
	put_float(o, n->act_param[0]);
	put_float(o, n->act_param[1]);
	put_float(o, n->value);
	for (uint32_t i = 0; i < IR_INTS_MAX; i++)
		put64(o, (uint64_t)n->ints[i]);
	put_text(o, n->name);
	put_text(o, n->origin);
	put32(o, n->nin);
	put32(o, n->nout);
	for (uint32_t i = 0; i < n->nin; i++)
		put32(o, n->in[i] ? n->in[i]->index : COMPILED_ABSENT);
	for (uint32_t i = 0; i < n->nout; i++)
		put32(o, n->out[i] ? n->out[i]->index : COMPILED_ABSENT);
	if (n->op == IR_TREES)
		put_trees(o, n->extra);
	if (n->op == IR_TAIL)
		put_tail(o, n->extra);
	return 0;
}

static int describe(struct writer *w, const struct compiled *c)
{
	struct ir_graph *g = w->graph;
	struct out *o = &w->out;
	uint32_t nodes = 0;
	int ret;

	put_face(o, &c->face);
	if (!g)
		return 0;
	ret = number_all(w);
	for (struct ir_node *n = g->first; n; n = n->next)
		nodes++;
	put32(o, w->nvalues);
	put32(o, nodes);
	put32(o, g->ninputs);
	put32(o, g->noutputs);
	for (uint32_t i = 0; i < w->nvalues && !ret; i++)
		ret = put_value(w, w->values[i]);
	for (struct ir_node *n = g->first; n && !ret; n = n->next)
		ret = put_node(w, n);
	for (uint32_t i = 0; i < g->noutputs; i++)
		put32(o, g->outputs[i]->index);
	return ret;
}

/* --- The file ---------------------------------------------------------------------------- */

static void set32(uint8_t *head, int at, uint32_t x)
{
	x = htole32(x);
	memcpy(head + at, &x, sizeof(x));
}

static void set64(uint8_t *head, int at, uint64_t x)
{
	x = htole64(x);
	memcpy(head + at, &x, sizeof(x));
}

static void make_head(const struct writer *w, const struct compiled *c, uint8_t *head, uint64_t begin)
{
	struct sha256_ctx s;

	memcpy(head, COMPILED_MAGIC, COMPILED_MAGIC_SIZE);
	set32(head, HEAD_VERSION, COMPILED_VERSION);
	set32(head, HEAD_KIND, w->graph ? COMPILED_GRAPH : COMPILED_FACE);
	set64(head, HEAD_SIZE, begin + w->end);
	set64(head, HEAD_DESCRIPTION, w->out.used);
	set64(head, HEAD_CONSTANTS, begin);
	memcpy(head + HEAD_KEY, c->key, sizeof(c->key));
	memcpy(head + HEAD_MODEL, c->model, sizeof(c->model));
	set64(head, HEAD_DTYPES, c->dtypes);
	for (int i = 0; i < 4; i++)
		set64(head, HEAD_OPCODES + 8 * i, c->opcodes[i]);
	set32(head, HEAD_HW, c->hw_version);
	sha256_init(&s);
	sha256_update(&s, HEAD_DIGEST, head);
	sha256_update(&s, w->out.used, w->out.data);
	sha256_digest(&s, SHA256_DIGEST_SIZE, head + HEAD_DIGEST);
}

static int write_all(int fd, struct iovec *v, int n)
{
	while (n) {
		ssize_t done = writev(fd, v, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err(-errno, NULL, "cannot write: %s", strerror(errno));
		for (; n && (size_t)done >= v->iov_len; v++, n--)
			done -= (ssize_t)v->iov_len;
		if (n) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
	return 0;
}

#define BUNDLE	64

static int write_file(const struct writer *w, uint8_t *head, uint64_t begin, int fd)
{
	static const uint8_t zero[COMPILED_ALIGN];
	struct iovec v[2 * BUNDLE];
	int n = 0, ret;

	v[n++] = (struct iovec){ head, COMPILED_HEAD };
	v[n++] = (struct iovec){ w->out.data, w->out.used };
	v[n++] = (struct iovec){ (void *)zero, begin - COMPILED_HEAD - w->out.used };
	ret = write_all(fd, v, n);
	n = 0;
	for (uint32_t i = 0; i < w->npieces && !ret; i++) {
		const struct ir_value *value = w->pieces[i].value;

		v[n++] = (struct iovec){ (void *)value->data, value->size };
		v[n++] = (struct iovec){ (void *)zero, -value->size % COMPILED_ALIGN };
		if (n < 2 * BUNDLE && i + 1 < w->npieces)
			continue;
		ret = write_all(fd, v, n);
		n = 0;
	}
	return ret;
}

int compiled_write(const struct compiled *c, struct ir_graph *graph, int fd, uint64_t most)
{
	struct writer w = { .graph = graph };
	uint8_t head[COMPILED_HEAD] = { 0 };
	uint64_t begin;
	int ret;

	if (htole16(1) != 1)
		return err(-EOPNOTSUPP, NULL, "compiled models are for little-endian machines");
	ret = describe(&w, c);
	if (!ret && w.out.failed)
		ret = err_nomem("a file");
	if (!ret && w.out.too_long)
		ret = err(-E2BIG, NULL, "a name has more than %d bytes", COMPILED_TEXT_MAX);
	begin = (COMPILED_HEAD + w.out.used + COMPILED_ALIGN - 1) / COMPILED_ALIGN * COMPILED_ALIGN;
	if (!ret && begin + w.end > COMPILED_SIZE_MAX)
		ret = err(-E2BIG, NULL, "the compiled model is larger than 64 GiB");
	if (!ret && begin + w.end > most)
		ret = err(-EOVERFLOW, NULL, "the compiled model has %llu bytes",
			  (unsigned long long)(begin + w.end));
	if (!ret) {
		make_head(&w, c, head, begin);
		ret = write_file(&w, head, begin, fd);
	}
	free(w.out.data);
	free(w.values);
	free(w.pieces);
	return ret;
}
