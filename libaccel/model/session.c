// SPDX-License-Identifier: MIT
/*
 * Sessions: a compiled model, its memory and its runs.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../object.h"
#include "card.h"
#include "eval.h"
#include "model.h"
#include "plan.h"

/* An input or an output: a place in the session's own memory, or in the caller's. */
struct slot {
	struct ir_value *value;
	uint64_t own;		/* offset in the buffer of slots */
	struct accel_buffer *bound;
	uint64_t offset;	/* in it */
};

/* A program, or one node of the processor. */
struct step {
	struct accel_program *program;
	struct ir_node *node;
};

struct packed {
	const struct ir_value *value;
	struct accel_weights *weights;
};

/**
 * struct accel_session - see model.h
 * @lock: protects all below; held while a run goes on in accel_session_run()
 * @memory: constants, arena and the session's own inputs and outputs
 * @steps: programs and nodes of the processor, in order; rebuilt when @built is false
 * @fence: of a run that may still be under way
 * @abandoned: and whose end nobody waited for, so that the rest of it was not run
 * @status: of the last run: 0, a negative errno, or 1 before the first
 */
struct accel_session {
	atomic_uint refs;
	struct accel_model *model;
	struct accel_queue *queue;
	struct ir_graph *graph;
	struct accel_session_info info;
	pthread_mutex_t lock;
	struct accel_buffer *memory[3];
	char *ptr[3];
	struct slot *slots;
	struct packed *packed;
	size_t npacked;
	struct step *steps;
	size_t nsteps;
	bool built;
	struct accel_fence *fence;
	bool abandoned;
	int status;
};

enum { CONSTANTS, ARENA, SLOTS };

/* --- Memory ------------------------------------------------------------------------------ */

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
	*offset = home->offset;
	return s->memory[!home->from && home->data ? CONSTANTS : ARENA];
}

static struct accel_weights *find_weights(void *arg, const struct ir_value *v)
{
	const struct accel_session *s = arg;

	for (size_t i = 0; i < s->npacked; i++)
		if (s->packed[i].value == v)
			return s->packed[i].weights;
	return NULL;
}

static int pointer(struct accel_session *s, const struct ir_value *v, void **ptr)
{
	uint64_t offset;
	struct accel_buffer *buffer = find(s, v, &offset);
	void *base;
	int ret = accel_buffer_map(buffer, &base);

	if (!ret)
		*ptr = (char *)base + offset;
	return ret;
}

static int alloc(struct accel_session *s, int which, uint64_t size, const char *name)
{
	struct accel_context *context = accel_queue_context(s->queue);
	void *ptr;
	int ret;

	ret = accel_buffer_alloc(context, size ? size : PLAN_ALIGN, 0, &s->memory[which]);
	if (!ret)
		ret = accel_buffer_map(s->memory[which], &ptr);
	if (ret)
		return ret;
	s->ptr[which] = ptr;
	/* For fault reports; that a name is refused is no reason to fail. */
	accel_buffer_set_name(s->memory[which], name);
	return 0;
}

static int place(struct accel_session *s)
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
	ret = plan_make(g, &plan);
	if (!ret)
		ret = alloc(s, CONSTANTS, plan.constants, "model: constants");
	if (!ret)
		ret = alloc(s, ARENA, plan.arena, "model: values");
	if (!ret)
		ret = alloc(s, SLOTS, slots, "model: inputs and outputs");
	if (ret)
		return ret;
	s->info.constant_bytes = plan.constants;
	s->info.arena_bytes = plan.arena + slots;
	s->info.live_bytes = plan.live + slots;
	for (struct ir_node *node = g->first; node; node = node->next) {
		for (uint32_t i = 0; i < node->nin; i++) {
			const struct ir_value *v = node->in[i] ? plan_home(node->in[i]) : NULL;

			if (v && !v->bound && !v->from && v->data && v->size)
				memcpy(s->ptr[CONSTANTS] + v->offset, v->data, v->size);
		}
	}
	return 0;
}

/* Matrices that stay are packed once. A card that cannot, or has no room, multiplies them all
 * the same.
 */
static int pack(struct accel_session *s)
{
	const struct accel_device_props *props = &s->queue->context->device->props;
	const struct card_operands operands = { find, find_weights, s };
	struct accel_program *program;
	size_t most = 0;
	int ret;

	for (struct ir_node *n = s->graph->first; n; n = n->next)
		most += card_packs(n, props);
	if (!most)
		return 0;
	s->packed = calloc(most, sizeof(*s->packed));
	if (!s->packed)
		return err_nomem("weights");
	ret = accel_program_create(s->queue->context, &program);
	if (ret)
		return ret;
	for (struct ir_node *n = s->graph->first; n; n = n->next) {
		struct accel_weights *weights;
		const struct ir_value *b;
		struct accel_tensor src;

		if (!card_packs(n, props) || find_weights(s, n->in[1]))
			continue;
		b = n->in[1];
		if (accel_weights_create(s->queue->context, b->dtype, (uint32_t)b->dims[0],
					 (uint32_t)b->dims[1], 0, &weights))
			continue;
		card_tensor(&src, b, &operands);
		if (accel_program_pack(program, weights, &src)) {
			accel_weights_unref(weights);
			continue;
		}
		s->packed[s->npacked++] = (struct packed){ b, weights };
	}
	ret = accel_program_finish(program);
	if (!ret && s->npacked)
		ret = accel_queue_run(s->queue, program, ACCEL_FOREVER, NULL);
	accel_program_unref(program);
	return ret;
}

/* --- Programs ---------------------------------------------------------------------------- */

static void unbuild(struct accel_session *s)
{
	for (size_t i = 0; i < s->nsteps; i++)
		accel_program_unref(s->steps[i].program);
	s->nsteps = 0;
	s->built = false;
}

static int append(struct accel_session *s, struct ir_node *n)
{
	const struct card_operands operands = { find, find_weights, s };
	struct step *step = s->nsteps ? &s->steps[s->nsteps - 1] : NULL;
	int ret;

	if (step && step->program) {
		size_t before = accel_program_size(step->program);

		ret = card_emit(step->program, n, &operands);
		if (ret != -E2BIG || !before)
			return ret;
		/* What was appended before it was full is done again: all of it is pure. */
	}
	step = &s->steps[s->nsteps];
	ret = accel_program_create(s->queue->context, &step->program);
	if (ret)
		return ret;
	s->nsteps++;
	return card_emit(step->program, n, &operands);
}

static int build(struct accel_session *s)
{
	int ret = 0;

	unbuild(s);
	for (struct ir_node *n = s->graph->first; n && !ret; n = n->next) {
		if (n->place == ACCEL_PLACE_CARD)
			ret = append(s, n);
		else if (n->place == ACCEL_PLACE_HOST)
			s->steps[s->nsteps++] = (struct step){ NULL, n };
	}
	s->info.programs = 0;
	for (size_t i = 0; i < s->nsteps && !ret; i++) {
		if (!s->steps[i].program)
			continue;
		s->info.programs++;
		ret = accel_program_finish(s->steps[i].program);
	}
	if (ret)
		unbuild(s);
	else
		s->built = true;
	return ret;
}

/* --- Life -------------------------------------------------------------------------------- */

static int missing(struct ir_graph *g, uint32_t count)
{
	char text[400] = "";
	size_t used = 0;
	uint32_t told = 0;

	for (struct ir_node *n = g->first; n && told < 3; n = n->next) {
		if (n->place != ACCEL_PLACE_MISSING || strstr(n->reason, "which cannot be computed"))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%snode '%.24s' (%.24s): "
					 "%.80s", told ? "; " : "", n->name, n->origin,
					 n->op == IR_MISSING ? n->text : n->reason);
		told++;
	}
	return err(-EOPNOTSUPP, "accelctl model show lists all operators; inputs that shapes are computed "
		   "from can be fixed (accel_session_opts.fixed)",
		   "%u of the model's operators cannot run: %s", count, text);
}

static void session_free(struct accel_session *s)
{
	/* A run that goes on holds its programs, and these their buffers. */
	accel_fence_unref(s->fence);
	unbuild(s);
	for (size_t i = 0; i < s->npacked; i++)
		accel_weights_unref(s->packed[i].weights);
	for (uint32_t i = 0; s->slots && i < s->info.inputs + s->info.outputs; i++)
		accel_buffer_unref(s->slots[i].bound);
	for (int i = 0; i < 3; i++)
		accel_buffer_unref(s->memory[i]);
	free(s->packed);
	free(s->slots);
	free(s->steps);
	ir_free(s->graph);
	pthread_mutex_destroy(&s->lock);
	accel_queue_unref(s->queue);
	accel_model_unref(s->model);
	free(s);
}

static int compile(struct accel_session *s, const struct accel_session_opts *opts)
{
	size_t nodes = 0;
	uint32_t cannot;
	int ret = model_graph(s->model, opts, NULL, &s->graph);

	if (ret)
		return ret;
	s->info.inputs = s->graph->ninputs;
	s->info.outputs = s->graph->noutputs;
	cannot = card_place(s->graph, &s->queue->context->device->props);
	if (cannot)
		return missing(s->graph, cannot);
	for (struct ir_node *n = s->graph->first; n; n = n->next, nodes++) {
		s->info.card_nodes += n->place == ACCEL_PLACE_CARD;
		s->info.host_nodes += n->place == ACCEL_PLACE_HOST;
		s->info.view_nodes += n->place == ACCEL_PLACE_VIEW;
	}
	s->steps = calloc(nodes + 1, sizeof(*s->steps));
	if (!s->steps)
		return err_nomem("a session");
	ret = place(s);
	if (!ret)
		ret = pack(s);
	return ret ? ret : build(s);
}

ACCEL_API int accel_session_create(struct accel_model *model, struct accel_queue *queue,
				   const struct accel_session_opts *opts,
				   struct accel_session **session)
{
	API_ENTER;
	struct accel_session_opts o = ACCEL_INIT(o);
	struct accel_session *s;
	int ret;

	if (!model || !queue || !session)
		return err(-EINVAL, NULL, "%s is NULL",
			   !model ? "model" : !queue ? "queue" : "session");
	if (device_forked(queue->context->device))
		return err_forked();
	ret = model_session_opts(&o, opts);
	if (ret)
		return ret;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_nomem("a session");
	atomic_init(&s->refs, 1);
	pthread_mutex_init(&s->lock, NULL);
	s->info.sz = sizeof(s->info);
	s->status = 1;
	s->model = accel_model_ref(model);
	s->queue = accel_queue_ref(queue);
	ret = compile(s, &o);
	if (ret) {
		session_free(s);
		return ret;
	}
	*session = s;
	return 0;
}

ACCEL_API struct accel_session *accel_session_ref(struct accel_session *session)
{
	if (session)
		ref_more(&session->refs);
	return session;
}

ACCEL_API void accel_session_unref(struct accel_session *session)
{
	API_ENTER;

	if (session && ref_last(&session->refs))
		session_free(session);
}

ACCEL_API int accel_session_info(struct accel_session *session, struct accel_session_info *info)
{
	API_ENTER;

	if (!session || !info)
		return err(-EINVAL, NULL, "%s is NULL", session ? "info" : "session");
	return sized_out(info, &session->info, sizeof(session->info), "struct accel_session_info");
}

/* Input or output @i as a slot; with the record of the failure if there is none. */
static struct slot *slot_of(struct accel_session *s, uint32_t i, bool output)
{
	uint32_t n;

	if (!s) {
		err(-EINVAL, NULL, "session is NULL");
		return NULL;
	}
	n = output ? s->info.outputs : s->info.inputs;
	if (i >= n) {
		err(-EINVAL, NULL, "no %s %u among %u", output ? "output" : "input", i, n);
		return NULL;
	}
	return &s->slots[output ? s->info.inputs + i : i];
}

ACCEL_API int accel_session_input(struct accel_session *session, uint32_t i,
				  struct accel_value_info *info)
{
	API_ENTER;
	struct slot *slot = slot_of(session, i, false);

	if (!slot)
		return -EINVAL;
	return info ? model_value(slot->value, info) : err(-EINVAL, NULL, "info is NULL");
}

ACCEL_API int accel_session_output(struct accel_session *session, uint32_t i,
				   struct accel_value_info *info)
{
	API_ENTER;
	struct slot *slot = slot_of(session, i, true);

	if (!slot)
		return -EINVAL;
	return info ? model_value(slot->value, info) : err(-EINVAL, NULL, "info is NULL");
}

/* --- Data -------------------------------------------------------------------------------- */

/* Under the lock: no run may be under way. Takes in the end of one that went on alone. */
static int idle(struct accel_session *s)
{
	if (!s->fence)
		return 0;
	if (!accel_fence_poll(s->fence))
		return err(-EBUSY, "wait for the fence of the run", "a run is under way");
	s->status = s->abandoned ? -ETIME : accel_fence_result(s->fence, NULL);
	s->abandoned = false;
	accel_fence_unref(s->fence);
	s->fence = NULL;
	return 0;
}

static int move(struct accel_session *s, struct slot *slot, void *out, const void *in, size_t size)
{
	void *ptr;
	int ret = idle(s);

	if (ret)
		return ret;
	if (size != slot->value->size)
		return err(-EINVAL, NULL, "%zu bytes for '%.64s', which has %llu", size,
			   slot->value->name, (unsigned long long)slot->value->size);
	if (!out && !in && size)
		return err(-EINVAL, NULL, "data is NULL");
	if (out && s->status)
		return s->status > 0 ? err(-EINVAL, NULL, "there was no run yet") :
				       err(s->status, NULL, "the last run failed");
	if (in && slot->value->data)
		return !memcmp(in, slot->value->data, size) ? 0 :
			err(-EINVAL, NULL, "input '%.64s' is fixed to other elements",
			    slot->value->name);
	ret = pointer(s, slot->value, &ptr);
	if (!ret && size && out)
		memcpy(out, ptr, size);
	else if (!ret && size)
		memcpy(ptr, in, size);
	return ret;
}

ACCEL_API int accel_session_write(struct accel_session *session, uint32_t i, const void *data,
				  size_t size)
{
	API_ENTER;
	struct slot *slot = slot_of(session, i, false);
	int ret;

	if (!slot)
		return -EINVAL;
	pthread_mutex_lock(&session->lock);
	ret = move(session, slot, NULL, data, size);
	pthread_mutex_unlock(&session->lock);
	return ret;
}

ACCEL_API int accel_session_read(struct accel_session *session, uint32_t i, void *data,
				 size_t size)
{
	API_ENTER;
	struct slot *slot = slot_of(session, i, true);
	int ret;

	if (!slot)
		return -EINVAL;
	if (!data && size)
		return err(-EINVAL, NULL, "data is NULL");
	pthread_mutex_lock(&session->lock);
	ret = move(session, slot, data ? data : &ret, NULL, size);
	pthread_mutex_unlock(&session->lock);
	return ret;
}

static int bind(struct accel_session *s, struct slot *slot, struct accel_buffer *buffer,
		uint64_t offset, bool output)
{
	uint64_t need = slot ? slot->value->size : 0;
	int ret;

	if (!slot)
		return -EINVAL;
	if (buffer && !output && slot->value->data)
		return err(-EINVAL, NULL, "input '%.64s' is fixed", slot->value->name);
	if (buffer && buffer->context != s->queue->context)
		return err(-EINVAL, NULL, "the buffer belongs to another context");
	if (buffer && (offset % PLAN_ALIGN || offset > buffer->size ||
		       need > buffer->size - offset))
		return err(-EINVAL, NULL, "offset %llu is not a multiple of 64, or %llu bytes from "
			   "there are not within the buffer of %llu", (unsigned long long)offset,
			   (unsigned long long)need, (unsigned long long)buffer->size);
	if (buffer && output && buffer->flags & ACCEL_BUFFER_READONLY)
		return err(-EINVAL, NULL, "the buffer is read-only");
	pthread_mutex_lock(&s->lock);
	ret = idle(s);
	if (!ret) {
		accel_buffer_unref(slot->bound);
		slot->bound = accel_buffer_ref(buffer);
		slot->offset = offset;
		s->built = false;
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}

ACCEL_API int accel_session_bind_input(struct accel_session *session, uint32_t i,
				       struct accel_buffer *buffer, uint64_t offset)
{
	API_ENTER;

	return bind(session, slot_of(session, i, false), buffer, offset, false);
}

ACCEL_API int accel_session_bind_output(struct accel_session *session, uint32_t i,
					struct accel_buffer *buffer, uint64_t offset)
{
	API_ENTER;

	return bind(session, slot_of(session, i, true), buffer, offset, true);
}

/* --- Runs -------------------------------------------------------------------------------- */

static int run_host(struct accel_session *s, const struct ir_node *n)
{
	const void **in = calloc(n->nin + 1, sizeof(*in));
	void *out[IR_OUT_MAX] = { NULL };
	int ret = in ? 0 : err_nomem("an operator");

	for (uint32_t i = 0; i < n->nin && !ret; i++) {
		void *ptr;

		ret = n->in[i] ? pointer(s, n->in[i], &ptr) : 0;
		if (!ret && n->in[i])
			in[i] = ptr;
	}
	for (uint32_t i = 0; i < n->nout && !ret; i++)
		if (n->out[i])
			ret = pointer(s, n->out[i], &out[i]);
	if (!ret)
		ret = eval(n, in, out);
	free(in);
	return ret;
}

static void add(struct accel_result *sum, const struct accel_result *r, bool first)
{
	if (first) {
		*sum = *r;
		return;
	}
	sum->t_end = r->t_end;
	sum->cycles += r->cycles;
	sum->bytes += r->bytes;
	sum->energy_pj += r->energy_pj;
	if (r->error) {
		sum->error = r->error;
		sum->outcome = r->outcome;
		sum->fault_code = r->fault_code;
		sum->fault_packet = r->fault_packet;
		sum->fault_opcode = r->fault_opcode;
		sum->fault_operand = r->fault_operand;
		sum->fault_access = r->fault_access;
		sum->fault_va = r->fault_va;
	}
}

static int submit(struct accel_session *s, struct accel_program *program)
{
	struct accel_job job = ACCEL_INIT(job);

	job.program = program;
	return accel_queue_submit(s->queue, &job, 1, &s->fence);
}

static int run(struct accel_session *s, uint64_t deadline, struct accel_result *sum)
{
	bool first = true;
	int ret = idle(s);

	if (!ret && !s->built)
		ret = build(s);
	if (ret)
		return ret;
	s->status = 1;
	for (size_t i = 0; i < s->nsteps && !ret; i++) {
		struct accel_result r = { 0 };

		if (s->steps[i].node) {
			ret = run_host(s, s->steps[i].node);
			continue;
		}
		ret = submit(s, s->steps[i].program);
		if (ret)
			break;
		/* What is not waited for keeps the session busy. */
		ret = accel_fence_wait(s->fence, deadline);
		if (ret) {
			s->abandoned = true;
			return ret;
		}
		ret = accel_fence_result(s->fence, &r);
		accel_fence_unref(s->fence);
		s->fence = NULL;
		add(sum, &r, first);
		first = false;
	}
	s->status = ret;
	return ret;
}

ACCEL_API int accel_session_run(struct accel_session *session, uint64_t deadline,
				struct accel_result *result)
{
	API_ENTER;
	struct accel_result sum = { 0 };
	int ret;

	if (!session)
		return err(-EINVAL, NULL, "session is NULL");
	if (device_forked(session->queue->context->device))
		return err_forked();
	pthread_mutex_lock(&session->lock);
	ret = run(session, deadline, &sum);
	pthread_mutex_unlock(&session->lock);
	if (result)
		*result = sum;
	return ret;
}

static int run_async(struct accel_session *s, struct accel_fence **fence)
{
	struct accel_job job = ACCEL_INIT(job), *jobs;
	size_t n = 0, host = 0;
	int ret = idle(s);

	if (!ret && !s->built)
		ret = build(s);
	if (ret)
		return ret;
	while (host < s->nsteps && s->steps[host].node)
		host++;
	for (size_t i = host; i < s->nsteps; i++)
		if (s->steps[i].node)
			return err(-EOPNOTSUPP, "use accel_session_run()", "node '%.64s' (%.64s) runs "
				   "on the processor after others on the card",
				   s->steps[i].node->name, s->steps[i].node->origin);
	s->status = 1;
	for (size_t i = 0; i < host; i++) {
		ret = run_host(s, s->steps[i].node);
		if (ret)
			return s->status = ret;
	}
	jobs = calloc(s->nsteps - host + 1, sizeof(*jobs));
	if (!jobs)
		return err_nomem("a run");
	for (size_t i = host; i < s->nsteps; i++) {
		jobs[n] = job;
		jobs[n++].program = s->steps[i].program;
	}
	/* Without a program there is still a point to wait for. */
	if (!n)
		jobs[n++] = job;
	ret = accel_queue_submit(s->queue, jobs, n, &s->fence);
	free(jobs);
	if (!ret)
		*fence = accel_fence_ref(s->fence);
	return ret;
}

ACCEL_API int accel_session_run_async(struct accel_session *session, struct accel_fence **fence)
{
	API_ENTER;
	int ret;

	if (!session || !fence)
		return err(-EINVAL, NULL, "%s is NULL", session ? "fence" : "session");
	if (device_forked(session->queue->context->device))
		return err_forked();
	pthread_mutex_lock(&session->lock);
	ret = run_async(session, fence);
	pthread_mutex_unlock(&session->lock);
	return ret;
}
