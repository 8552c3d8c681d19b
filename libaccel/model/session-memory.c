// SPDX-License-Identifier: MIT
/*
 * Sessions: where values and constants are.
 *
 * Large constants are shared one by one, whatever the sizes that a session was made for; small ones
 * all together, as most are but a few bytes. The card reads them from its local memory if it has
 * room there.
 */
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define LARGE		16384

/* Copies of matrices that wait for being packed. */
#define WAITING		((uint64_t)64 << 20)

static bool is_constant(const struct ir_value *v)
{
	return !v->bound && !v->from && v->data;
}

static struct held *held_of(struct accel_session *s, const struct ir_value *v)
{
	return v->apart ? &s->held[v->slot] : NULL;
}

/* --- Where they are ---------------------------------------------------------------------- */

static struct accel_buffer *find(void *arg, const struct ir_value *v, uint64_t *offset)
{
	struct accel_session *s = arg;
	const struct ir_value *home = plan_home(v);
	const struct slot *slot;

	if (home->bound) {
		slot = &s->slots[home->slot];
		*offset = slot->bound ? slot->offset : slot->own;
		return slot->bound ? slot->bound : s->memory[SLOTS];
	}
	*offset = 0;
	if (home->apart)
		return held_of(s, home)->plain->buffer;
	*offset = home->offset;
	return is_constant(home) ? s->small->buffer : s->memory[ARENA];
}

static struct accel_weights *find_weights(void *arg, const struct ir_value *v)
{
	const struct held *held = held_of(arg, v);

	return held && held->panels ? held->panels->weights : NULL;
}

struct card_operands session_operands(struct accel_session *s)
{
	return (struct card_operands){ find, find_weights, s };
}

int session_pointer(struct accel_session *s, const struct ir_value *v, void **ptr)
{
	uint64_t offset;
	struct accel_buffer *buffer = find(s, v, &offset);
	void *base;
	int ret = accel_buffer_map(buffer, &base);

	if (!ret)
		*ptr = (char *)base + offset;
	return ret;
}

/* --- Constants --------------------------------------------------------------------------- */

static struct held *hold(struct accel_session *s, struct ir_value *v)
{
	if (!v->apart) {
		v->apart = true;
		v->slot = (uint32_t)s->nheld;
		s->held[s->nheld++] = (struct held){ .value = v };
	}
	return &s->held[v->slot];
}

/* Which constants are apart from the others, and in which forms nodes want them. */
static int sort_out(struct accel_session *s)
{
	const struct accel_device_props *props = &s->queue->context->device->props;
	size_t most = 1;

	for (struct ir_node *n = s->graph->first; n; n = n->next)
		most += n->nin;
	s->held = calloc(most, sizeof(*s->held));
	if (!s->held)
		return err_nomem("a session");
	for (struct ir_node *n = s->graph->first; n; n = n->next) {
		for (uint32_t i = 0; i < n->nin; i++) {
			struct ir_value *v = n->in[i] ? plan_home(n->in[i]) : NULL;

			if (!v || !is_constant(v) || !v->size)
				continue;
			/* What the processor alone reads stays where it came from. */
			if (n->place == ACCEL_PLACE_HOST && v->size >= LARGE)
				hold(s, v);
			if (n->place != ACCEL_PLACE_CARD)
				continue;
			/* Of another shape is another operand. */
			if (i == 1 && v == n->in[i] && card_packs(n, props))
				hold(s, v)->wants_panels = true;
			else if (v->size >= LARGE)
				hold(s, v)->wants_plain = true;
			else if (v->apart)
				s->held[v->slot].wants_plain = true;
		}
	}
	/* Small ones that became apart only after they had been seen. */
	for (struct ir_node *n = s->graph->first; n; n = n->next) {
		for (uint32_t i = 0; i < n->nin; i++) {
			struct ir_value *v = n->in[i] ? plan_home(n->in[i]) : NULL;

			if (v && v->apart && n->place == ACCEL_PLACE_CARD &&
			    !(i == 1 && v == n->in[i] && card_packs(n, props)))
				s->held[v->slot].wants_plain = true;
		}
	}
	return 0;
}

static int fill(struct accel_session *s, const void *data, uint64_t size, const uint8_t *digest,
		struct constant **out)
{
	struct accel_context *context = s->queue->context;
	uint8_t key[SHA256_DIGEST_SIZE];
	struct constant *c;
	void *ptr;
	int ret;

	if (!digest)
		return s->graph->error;
	constant_key(key, digest, ACCEL_NONE, 0, 0, false, !s->system_memory);
	*out = constant_find(context, key);
	if (*out) {
		s->info.shared_bytes += (*out)->size;
		return 0;
	}
	ret = constant_new(context, key, size, !s->system_memory, &c);
	if (ret)
		return ret;
	ret = accel_buffer_map(c->buffer, &ptr);
	if (ret) {
		constant_put(c);
		return ret;
	}
	memcpy(ptr, data, size);
	/* For fault reports; that a name is refused is no reason to fail. */
	accel_buffer_set_name(c->buffer, "model: constants");
	*out = constant_share(c);
	return 0;
}

/* Matrices on their way into panels. */
struct packing {
	struct accel_program *program;
	struct held **list;
	struct accel_buffer **copies;
	size_t n;
	uint64_t bytes;
};

static int pack_all(struct accel_session *s, struct packing *p)
{
	int ret = accel_program_finish(p->program);

	if (!ret && p->n)
		ret = accel_queue_run(s->queue, p->program, ACCEL_FOREVER, NULL);
	for (size_t i = 0; i < p->n; i++) {
		struct held *held = p->list[i];

		accel_buffer_unref(p->copies[i]);
		if (ret) {
			constant_put(held->panels);
			held->panels = NULL;
		} else {
			held->panels = constant_share(held->panels);
		}
	}
	accel_program_unref(p->program);
	p->program = NULL;
	p->n = 0;
	p->bytes = 0;
	return ret;
}

/* The matrix that a constant is to be packed as: a filter is one transposed. */
static void matrix_of(const struct ir_value *v, uint32_t *k, uint32_t *n, int64_t *strides)
{
	bool filter = v->rank > 2;

	*k = (uint32_t)v->dims[filter];
	*n = (uint32_t)v->dims[!filter];
	strides[0] = filter ? 1 : *n;
	strides[1] = filter ? *k : 1;
}

static int pack_later(struct accel_session *s, struct packing *p, struct held *held)
{
	struct accel_context *context = s->queue->context;
	const struct ir_value *v = held->value;
	struct accel_buffer *copy;
	struct accel_tensor src;
	int64_t strides[2];
	uint32_t dims[2];
	void *ptr;
	int ret = p->program ? 0 : accel_program_create(context, &p->program);

	if (!ret)
		ret = accel_buffer_alloc(context, v->size, ACCEL_BUFFER_PRIVATE, &copy);
	if (ret)
		return ret;
	ret = accel_buffer_map(copy, &ptr);
	if (!ret) {
		memcpy(ptr, v->data, v->size);
		matrix_of(v, &dims[0], &dims[1], strides);
		accel_tensor_init(&src, copy, 0, v->dtype, 2, dims);
		memcpy(src.strides, strides, sizeof(strides));
		ret = accel_program_pack(p->program, held->panels->weights, &src);
	}
	if (ret) {
		accel_buffer_unref(copy);
		return ret;
	}
	p->list[p->n] = held;
	p->copies[p->n++] = copy;
	p->bytes += v->size;
	return 0;
}

/* A card that cannot pack, or has no room, multiplies all the same. */
static int pack(struct accel_session *s)
{
	struct accel_context *context = s->queue->context;
	struct packing p = { 0 };
	int ret = 0;

	p.list = calloc(s->nheld + 1, sizeof(struct held *));
	p.copies = calloc(s->nheld + 1, sizeof(struct accel_buffer *));
	if (!p.list || !p.copies)
		ret = err_nomem("weights");
	for (size_t i = 0; i < s->nheld && !ret; i++) {
		struct held *held = &s->held[i];
		const struct ir_value *v = held->value;
		uint8_t key[SHA256_DIGEST_SIZE];
		int64_t strides[2];
		uint32_t k, n;

		if (!held->wants_panels)
			continue;
		matrix_of(v, &k, &n, strides);
		if (!compiled_digest(s->graph, held->value)) {
			ret = s->graph->error;
			break;
		}
		constant_key(key, v->digest, v->dtype, k, n, strides[0] == 1 && n != 1,
			     !s->system_memory);
		held->panels = constant_find(context, key);
		if (held->panels) {
			s->info.shared_bytes += held->panels->size;
			continue;
		}
		if (constant_new_panels(context, key, v->dtype, k, n, !s->system_memory,
					&held->panels)) {
			held->wants_plain = true;
			continue;
		}
		if (pack_later(s, &p, held)) {
			constant_put(held->panels);
			held->panels = NULL;
			held->wants_plain = true;
		} else if (p.bytes > WAITING) {
			ret = pack_all(s, &p);
		}
	}
	if (p.program) {
		int end = pack_all(s, &p);

		ret = ret ? ret : end;
	}
	free(p.list);
	free(p.copies);
	return ret;
}

static void count(struct accel_session *s, const struct constant *c)
{
	if (!c)
		return;
	s->info.constant_bytes += c->size;
	s->info.local_bytes += c->local ? c->size : 0;
}

static int constants(struct accel_session *s, uint64_t small)
{
	uint64_t size = small ? small : PLAN_ALIGN;
	uint8_t digest[SHA256_DIGEST_SIZE];
	char *image = calloc(1, size);
	int ret = image ? 0 : err_nomem("constants");
	struct sha256_ctx sha;

	for (struct ir_node *n = s->graph->first; n && !ret; n = n->next) {
		for (uint32_t i = 0; i < n->nin; i++) {
			const struct ir_value *v = n->in[i] ? plan_home(n->in[i]) : NULL;

			if (v && is_constant(v) && !v->apart && v->size)
				memcpy(image + v->offset, v->data, v->size);
		}
	}
	if (!ret) {
		sha256_init(&sha);
		sha256_update(&sha, size, (const uint8_t *)image);
		sha256_digest(&sha, SHA256_DIGEST_SIZE, digest);
		ret = fill(s, image, size, digest, &s->small);
	}
	free(image);
	if (!ret)
		ret = pack(s);
	for (size_t i = 0; i < s->nheld && !ret; i++)
		if (s->held[i].wants_plain)
			ret = fill(s, s->held[i].value->data, s->held[i].value->size,
				   compiled_digest(s->graph, s->held[i].value), &s->held[i].plain);
	if (ret)
		return ret;
	count(s, s->small);
	for (size_t i = 0; i < s->nheld; i++) {
		count(s, s->held[i].plain);
		count(s, s->held[i].panels);
	}
	return 0;
}

/* --- All of it --------------------------------------------------------------------------- */

static int alloc(struct accel_session *s, int which, uint64_t size, const char *name)
{
	void *ptr;
	int ret = accel_buffer_alloc(s->queue->context, size ? size : PLAN_ALIGN, 0,
				     &s->memory[which]);

	if (!ret)
		ret = accel_buffer_map(s->memory[which], &ptr);
	if (!ret)
		accel_buffer_set_name(s->memory[which], name);
	return ret;
}

int session_place(struct accel_session *s)
{
	struct ir_graph *g = s->graph;
	struct plan plan;
	uint64_t slots = 0;
	uint32_t n = g->ninputs + g->noutputs;
	int ret;

	s->slots = calloc(n + 1, sizeof(*s->slots));
	if (!s->slots)
		return err_nomem("a session");
	for (uint32_t i = 0; i < n; i++) {
		struct ir_value *v = i < g->ninputs ? g->inputs[i] : g->outputs[i - g->ninputs];

		v->bound = true;
		v->slot = i;
		s->slots[i].value = v;
		s->slots[i].own = slots;
		slots += (v->size + PLAN_ALIGN) / PLAN_ALIGN * PLAN_ALIGN;
	}
	ret = sort_out(s);
	if (!ret)
		ret = plan_make(g, &plan);
	if (!ret)
		ret = alloc(s, ARENA, plan.arena, "model: values");
	if (!ret)
		ret = alloc(s, SLOTS, slots, "model: inputs and outputs");
	if (ret)
		return ret;
	s->info.arena_bytes = plan.arena + slots;
	s->info.live_bytes = plan.live + slots;
	return constants(s, plan.constants);
}

void session_unplace(struct accel_session *s)
{
	for (size_t i = 0; i < s->nheld; i++) {
		constant_put(s->held[i].plain);
		constant_put(s->held[i].panels);
	}
	constant_put(s->small);
	for (uint32_t i = 0; s->slots && i < s->info.inputs + s->info.outputs; i++)
		accel_buffer_unref(s->slots[i].bound);
	for (int i = 0; i < OWN; i++)
		accel_buffer_unref(s->memory[i]);
	free(s->held);
	free(s->slots);
}
