// SPDX-License-Identifier: MIT
/*
 * Sessions: a compiled model, its inputs and outputs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "tail.h"

/* --- Life -------------------------------------------------------------------------------- */

void session_free(struct accel_session *s)
{
	session_worker_end(s);
	/* A run that goes on holds its programs, and these their buffers. */
	accel_fence_unref(s->fence);
	session_unbuild(s);
	session_unplace(s);
	free(s->steps);
	ir_free(s->graph);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->wake);
	accel_queue_unref(s->queue);
	accel_model_unref(s->model);
	free(s);
}

static int compile(struct accel_session *s, const struct accel_session_opts *opts)
{
	const struct accel_device_props *props = &s->queue->context->device->props;
	size_t nodes = 0;
	uint32_t cannot;
	int ret = model_compile(s->model, props, opts, &s->use);

	if (ret)
		return ret;
	s->graph = s->use.graph;
	s->info.inputs = s->graph->ninputs;
	s->info.outputs = s->graph->noutputs;
	cannot = card_place(s->graph, props);
	if (cannot)
		return model_missing(s->graph, cannot);
	card_order(s->graph);
	for (struct ir_node *n = s->graph->first; n; n = n->next, nodes++) {
		s->info.card_nodes += n->place == ACCEL_PLACE_CARD;
		s->info.host_nodes += n->place == ACCEL_PLACE_HOST;
		s->info.view_nodes += n->place == ACCEL_PLACE_VIEW;
	}
	s->steps = calloc(nodes + 1, sizeof(*s->steps));
	if (!s->steps)
		return err_nomem("a session");
	ret = session_place(s);
	if (!ret)
		ret = session_build(s);
	/* Only what can run is kept. */
	if (!ret)
		model_keep(s->model, props, &s->use);
	s->info.cache = s->use.use;
	s->info.cache_note = s->use.note;
	return ret;
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
	pthread_cond_init(&s->wake, NULL);
	s->info.sz = sizeof(s->info);
	s->status = 1;
	s->model = accel_model_ref(model);
	s->queue = accel_queue_ref(queue);
	s->system_memory = o.flags & ACCEL_SESSION_SYSTEM;
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

/* Under the lock: -errno unless the last run was a good one. */
static int ran(struct accel_session *s)
{
	if (!s->status)
		return 0;
	return s->status > 0 ? err(-EINVAL, NULL, "there was no run yet") :
			       err(s->status, NULL, "the last run failed%s%s", s->why[0] ? ": " : "", s->why);
}

/* Under the lock, after a run: an output as it is now. */
static int now(struct accel_session *s, const struct ir_value *v, struct ir_value *out)
{
	const struct ir_node *n = v->from;
	void *ptr;
	int ret;

	*out = *v;
	out->late = false;
	if (!v->late)
		return 0;
	ret = session_pointer(s, n->out[n->nout - 1], &ptr);
	if (ret)
		return ret;
	out->count = 1;
	for (uint32_t i = 0; i < v->rank; i++) {
		out->dims[i] = ((const int64_t *)ptr)[tail_sizes(n, v) + i];
		out->count *= out->dims[i];
	}
	out->size = (uint64_t)out->count * accel_dtype_size(v->dtype);
	return 0;
}

ACCEL_API int accel_session_shape(struct accel_session *session, uint32_t i, struct accel_value_info *info)
{
	API_ENTER;
	struct slot *slot = slot_of(session, i, true);
	struct ir_value value;
	int ret;

	if (!slot)
		return -EINVAL;
	if (!info)
		return err(-EINVAL, NULL, "info is NULL");
	pthread_mutex_lock(&session->lock);
	ret = session_idle(session);
	if (!ret)
		ret = ran(session);
	if (!ret)
		ret = now(session, slot->value, &value);
	pthread_mutex_unlock(&session->lock);
	return ret ? ret : model_value(&value, info);
}

static int move(struct accel_session *s, struct slot *slot, void *out, const void *in, size_t size)
{
	bool late = slot->value->late;
	struct ir_value value;
	void *ptr;
	int ret = session_idle(s);

	if (!ret && late)
		ret = ran(s);
	if (!ret)
		ret = now(s, slot->value, &value);
	if (ret)
		return ret;
	if (late ? size < value.size : size != value.size)
		return err(-EINVAL, NULL, "%zu bytes for '%.64s', which has %llu", size,
			   value.name, (unsigned long long)value.size);
	if (!out && !in && size)
		return err(-EINVAL, NULL, "data is NULL");
	if (out)
		ret = ran(s);
	if (ret)
		return ret;
	size = (size_t)value.size;
	if (in && slot->value->data)
		return !memcmp(in, slot->value->data, size) ? 0 :
			err(-EINVAL, NULL, "input '%.64s' is fixed to other elements",
			    slot->value->name);
	ret = session_pointer(s, slot->value, &ptr);
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
	ret = session_idle(s);
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
