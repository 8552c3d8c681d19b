// SPDX-License-Identifier: MIT
/*
 * Greedy by size: the largest value first, each at the lowest place that is free while it lives.
 */
#include <stdlib.h>

#include "plan.h"

static uint64_t room(const struct ir_value *v)
{
	uint64_t size = v->size ? v->size : 1;

	return (size + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
}

static int by_size(const void *a, const void *b)
{
	const struct ir_value *x = *(struct ir_value *const *)a, *y = *(struct ir_value *const *)b;

	if (room(x) != room(y))
		return room(x) > room(y) ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static int by_offset(const void *a, const void *b)
{
	const struct ir_value *x = *(struct ir_value *const *)a, *y = *(struct ir_value *const *)b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Touch a value at node @i: it is alive there. -1 marks one that was not seen. */
static void touch(struct ir_value *v, int64_t i, struct ir_value **list, size_t *count)
{
	v = plan_home(v);
	if (v->first < 0) {
		v->first = i;
		list[(*count)++] = v;
	}
	v->last = i;
}

static void forget(struct ir_graph *g)
{
	for (uint32_t i = 0; i < g->ninputs; i++)
		g->inputs[i]->first = -1;
	for (struct ir_node *n = g->first; n; n = n->next) {
		for (uint32_t i = 0; i < n->nin; i++)
			if (n->in[i])
				plan_home(n->in[i])->first = -1;
		for (uint32_t i = 0; i < n->nout; i++)
			if (n->out[i])
				plan_home(n->out[i])->first = -1;
	}
}

static uint64_t live_bound(struct ir_value **list, size_t count, int64_t nodes, int64_t *change)
{
	int64_t live = 0, most = 0;

	for (size_t i = 0; i < count; i++) {
		change[list[i]->first] += (int64_t)room(list[i]);
		change[list[i]->last + 1] -= (int64_t)room(list[i]);
	}
	for (int64_t i = 0; i <= nodes; i++) {
		live += change[i];
		most = live > most ? live : most;
	}
	return (uint64_t)most;
}

int plan_make(struct ir_graph *g, struct plan *plan)
{
	struct ir_value **list, **near;
	size_t most = 1, count = 0, keep = 0;
	int64_t nodes = 0, *change;

	for (struct ir_node *n = g->first; n; n = n->next, nodes++)
		most += n->nin + n->nout;
	list = ir_alloc(g, most * sizeof(*list));
	near = ir_alloc(g, most * sizeof(*near));
	change = ir_alloc(g, ((size_t)nodes + 2) * sizeof(*change));
	if (!list || !near || !change)
		return g->error;
	forget(g);
	nodes = 0;
	for (struct ir_node *n = g->first; n; n = n->next, nodes++) {
		for (uint32_t i = 0; i < n->nin; i++)
			if (n->in[i])
				touch(n->in[i], nodes, list, &count);
		for (uint32_t i = 0; i < n->nout; i++)
			if (n->out[i])
				touch(n->out[i], nodes, list, &count);
	}
	/* Sizes are asked for after the run. */
	for (struct ir_node *n = g->first; n; n = n->next)
		if (n->op == IR_TAIL)
			touch(n->out[n->nout - 1], nodes, list, &count);
	*plan = (struct plan){ 0 };
	for (size_t i = 0; i < count; i++) {
		struct ir_value *v = list[i];

		if (v->apart)
			continue;
		if (!v->from && v->data) {
			v->offset = plan->constants;
			plan->constants += room(v);
		} else if (!v->bound) {
			list[keep++] = v;
		}
	}
	plan->live = live_bound(list, keep, nodes, change);
	qsort(list, keep, sizeof(*list), by_size);
	for (size_t i = 0; i < keep; i++) {
		struct ir_value *v = list[i];
		size_t n = 0;
		uint64_t at = 0;

		for (size_t k = 0; k < i; k++)
			if (list[k]->first <= v->last && v->first <= list[k]->last)
				near[n++] = list[k];
		qsort(near, n, sizeof(*near), by_offset);
		for (size_t k = 0; k < n && near[k]->offset < at + room(v); k++)
			if (near[k]->offset + room(near[k]) > at)
				at = near[k]->offset + room(near[k]);
		v->offset = at;
		if (at + room(v) > plan->arena)
			plan->arena = at + room(v);
	}
	return 0;
}
