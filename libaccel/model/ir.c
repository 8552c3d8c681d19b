// SPDX-License-Identifier: MIT
/*
 * Graphs, values and nodes.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "image.h"
#include "ir.h"

/* Values up to this size are worked out while a graph is made: shapes, axes, sizes. */
#define KNOWN_BYTES	8192

#define CHUNK		65536

struct ir_arena {
	struct ir_arena *next;
	size_t used;
	size_t size;
	_Alignas(64) unsigned char data[];
};

void *ir_alloc(struct ir_graph *g, size_t size)
{
	struct ir_arena *a = g->arena;
	size_t need = (size + 63) & ~(size_t)63;
	void *p;

	if (!a || a->size - a->used < need) {
		size_t room = need > CHUNK ? need : CHUNK;

		/* aligned_alloc() wants a multiple of the alignment, which both parts are. */
		a = need < size || need > SIZE_MAX / 2 ? NULL :
			aligned_alloc(64, sizeof(*a) + room);
		if (!a) {
			if (!g->error)
				g->error = err_nomem("a graph");
			return NULL;
		}
		a->next = g->arena;
		a->used = 0;
		a->size = room;
		g->arena = a;
	}
	p = a->data + a->used;
	a->used += need;
	return memset(p, 0, need);
}

void *ir_make(struct ir_graph *g, uint64_t size)
{
	if (g->error)
		return NULL;
	if (size > IR_MADE(g) || g->made > IR_MADE(g) - size) {
		ir_fail(g, "the elements that operators make take more than %llu MiB",
			(unsigned long long)(IR_MADE(g) >> 20));
		return NULL;
	}
	g->made += size;
	return ir_alloc(g, size);
}

bool ir_room(const struct ir_graph *g, uint64_t size)
{
	return size <= IR_MADE(g) / 2 && g->made <= IR_MADE(g) / 2 - size;
}

bool ir_afford(struct ir_graph *g, uint64_t steps)
{
	if (g->running)
		return true;
	if (steps > IR_STEPS(g) || g->steps > IR_STEPS(g) - steps) {
		g->short_of = true;
		return false;
	}
	g->steps += steps;
	return true;
}

char *ir_text(struct ir_graph *g, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	char *copy;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	copy = ir_alloc(g, strlen(text) + 1);
	return copy ? strcpy(copy, text) : NULL;
}

struct ir_graph *ir_create(void)
{
	struct ir_graph *g = calloc(1, sizeof(*g));

	if (!g) {
		err_nomem("a graph");
		return NULL;
	}
	g->last = &g->first;
	g->name = g->origin = "";
	return g;
}

void ir_free(struct ir_graph *g)
{
	struct ir_arena *a, *next;

	if (!g)
		return;
	for (a = g->arena; a; a = next) {
		next = a->next;
		free(a);
	}
	image_unref(g->image);
	free(g);
}

int ir_fail(struct ir_graph *g, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (g->error)
		return g->error;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (g->origin[0])
		g->error = err(-EINVAL, NULL, "node '%.64s' (%.64s): %s", g->name, g->origin, text);
	else
		g->error = err(-EINVAL, NULL, "%s", text);
	return g->error;
}

/* Number of elements; -1: too many, which is the graph's error. */
static int64_t elements(struct ir_graph *g, enum accel_dtype dtype, uint32_t rank, const int64_t *dims)
{
	int64_t count = 1, bound = 1, size = (int64_t)accel_dtype_size(dtype);

	for (uint32_t i = 0; i < rank; i++) {
		if (dims[i] < 0 || dims[i] > INT32_MAX) {
			ir_fail(g, "an axis of %lld elements: 0 to 2147483647 are supported",
				(long long)dims[i]);
			return -1;
		}
		/* An axis without elements does not excuse the others. */
		if (__builtin_mul_overflow(bound, dims[i] ? dims[i] : 1, &bound) ||
		    bound > IR_BYTES_MAX / (size ? size : 1)) {
			ir_fail(g, "a value of more than 2^40 bytes");
			return -1;
		}
		count = dims[i] ? count * dims[i] : 0;
	}
	return count;
}

bool ir_resize(struct ir_graph *g, struct ir_value *v, uint32_t axis, int64_t dim)
{
	int64_t count;

	v->dims[axis] = dim;
	count = g->error ? -1 : elements(g, v->dtype, v->rank, v->dims);
	if (count < 0)
		return false;
	v->count = count;
	v->size = (uint64_t)count * accel_dtype_size(v->dtype);
	return true;
}

struct ir_value *ir_value(struct ir_graph *g, enum accel_dtype dtype, uint32_t rank,
			  const int64_t *dims)
{
	struct ir_value *v;
	int64_t count;

	if (g->error)
		return NULL;
	if (rank > IR_RANK_MAX) {
		ir_fail(g, "a value of %u axes: %d are supported", rank, IR_RANK_MAX);
		return NULL;
	}
	count = elements(g, dtype, rank, dims);
	if (count < 0)
		return NULL;
	v = ir_alloc(g, sizeof(*v));
	if (!v)
		return NULL;
	v->name = "";
	v->dtype = dtype;
	v->rank = rank;
	if (rank)
		memcpy(v->dims, dims, rank * sizeof(*dims));
	v->count = count;
	v->size = (uint64_t)count * accel_dtype_size(dtype);
	return v;
}

struct ir_value *ir_constant(struct ir_graph *g, enum accel_dtype dtype, uint32_t rank,
			     const int64_t *dims, const void *data)
{
	struct ir_value *v = ir_value(g, dtype, rank, dims);

	if (v) {
		v->data = data;
		v->constant = true;
	}
	return v;
}

struct ir_value *ir_scalar_f(struct ir_graph *g, enum accel_dtype dtype, double x)
{
	void *data = ir_alloc(g, 8);

	if (!data)
		return NULL;
	eval_store(dtype, data, x);
	return ir_constant(g, dtype, 0, NULL, data);
}

struct ir_value *ir_ints(struct ir_graph *g, const int64_t *ints, uint32_t n)
{
	int64_t count = n, *data = ir_alloc(g, n * sizeof(*ints));

	if (!data)
		return NULL;
	if (n)
		memcpy(data, ints, n * sizeof(*ints));
	return ir_constant(g, ACCEL_I64, 1, &count, data);
}

struct ir_node *ir_node(struct ir_graph *g, enum ir_op op, int fn, struct ir_value *const *in,
			uint32_t nin, struct ir_value *out)
{
	struct ir_node *n;

	if (g->error)
		return NULL;
	if (++g->nnodes > IR_NODES_MAX) {
		ir_fail(g, "the graph takes more than %u operators", IR_NODES_MAX);
		return NULL;
	}
	n = ir_alloc(g, sizeof(*n));
	if (!n)
		return NULL;
	n->op = op;
	n->fn = fn;
	n->name = g->name;
	n->origin = g->origin;
	n->nin = nin;
	n->nout = 1;
	n->in = ir_alloc(g, (nin + 1) * sizeof(*n->in));
	n->out = ir_alloc(g, IR_OUT_MAX * sizeof(*n->out));
	if (!n->in || !n->out)
		return NULL;
	if (nin)
		memcpy(n->in, in, nin * sizeof(*in));
	n->out[0] = out;
	out->from = n;
	*g->last = n;
	g->last = &n->next;
	return n;
}

/* Each node is worked out once; how deep it may go is bounded for hostile graphs. */
static const void *known(struct ir_graph *g, struct ir_value *v, int depth)
{
	const void *in[8];
	void *out[IR_OUT_MAX] = { NULL };
	struct ir_node *n;

	if (v->data)
		return v->data;
	n = v->from;
	if (!n || !depth || n->nin > 8 || n->nout > IR_OUT_MAX || v->size > KNOWN_BYTES || eval_cannot(n))
		return NULL;
	for (uint32_t i = 0; i < n->nin; i++) {
		in[i] = n->in[i] ? known(g, n->in[i], depth - 1) : NULL;
		if (n->in[i] && !in[i])
			return NULL;
	}
	for (uint32_t i = 0; i < n->nout; i++) {
		if (!n->out[i])
			continue;
		out[i] = n->out[i]->size > KNOWN_BYTES ? NULL : ir_make(g, n->out[i]->size);
		if (!out[i])
			return NULL;
	}
	if (!ir_afford(g, eval_steps(n)) || eval(n, in, out))
		return NULL;
	for (uint32_t i = 0; i < n->nout; i++)
		if (n->out[i])
			n->out[i]->data = out[i];
	return v->data;
}

const void *ir_known(struct ir_graph *g, struct ir_value *v)
{
	return v && !g->error ? known(g, v, 64) : NULL;
}

bool ir_repeats(const struct ir_value *v, const struct ir_value *y)
{
	if (v->rank > y->rank)
		return false;
	for (uint32_t i = 1; i <= v->rank; i++)
		if (v->dims[v->rank - i] != 1 && v->dims[v->rank - i] != y->dims[y->rank - i])
			return false;
	return true;
}

int ir_known_ints(struct ir_graph *g, struct ir_value *v, int64_t *ints, uint32_t max)
{
	const void *data;

	if (v && !v->count && !g->error && (v->dtype == ACCEL_I64 || v->dtype == ACCEL_I32))
		return 0;
	data = ir_known(g, v);
	if (!data || (v->dtype != ACCEL_I64 && v->dtype != ACCEL_I32) || v->count > max)
		return -1;
	for (int64_t i = 0; i < v->count; i++)
		ints[i] = v->dtype == ACCEL_I64 ? ((const int64_t *)data)[i] :
						  ((const int32_t *)data)[i];
	return (int)v->count;
}

const char *ir_shape(const struct ir_value *v, char *text, size_t size)
{
	size_t n = 0;

	n += (size_t)snprintf(text, size, "%s[", accel_dtype_name(v->dtype));
	for (uint32_t i = 0; i < v->rank && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%lld", i ? "," : "",
				      (long long)v->dims[i]);
	if (n < size)
		snprintf(text + n, size - n, "]");
	return text;
}
