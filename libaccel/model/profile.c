// SPDX-License-Identifier: MIT
/*
 * Profiles: one run, operator by operator.
 */
#include <stdlib.h>
#include <string.h>

#include "quant.h"
#include "session.h"

struct layer {
	struct ir_node *node;
	uint64_t begin_ns, end_ns;	/* since the beginning of the run */
	struct accel_result result;
};

struct accel_profile {
	struct accel_session *session;
	struct layer *layers;
	uint32_t count;
};

/* Multiply-adds that a node asks for, as the specification counts them. */
static uint64_t macs(const struct ir_node *n)
{
	const struct ir_value *x = n->nin ? n->in[0] : NULL, *w = n->nin > 1 ? n->in[1] : NULL;
	uint64_t each = 1;

	switch (n->op) {
	case IR_MATMUL:
	case IR_QMATMUL:
		return (uint64_t)n->out[0]->count * (uint64_t)x->dims[x->rank - 1];
	case IR_CONV:
	case IR_QCONV:
		/* of all taps and channels in; the filter of a transposed one has them first */
		for (uint32_t i = 2; i < w->rank; i++)
			each *= (uint64_t)w->dims[i];
		each *= (uint64_t)(n->op == IR_CONV && n->flag ? w->dims[0] / n->axis : w->dims[1]);
		return (uint64_t)n->out[0]->count * each;
	default:
		return 0;
	}
}

/* Passes of the array for one multiply-add. */
static double passes(enum accel_dtype t)
{
	return t == ACCEL_F32 ? 8 : t == ACCEL_F16 || t == ACCEL_BF16 ? 2 : 1;
}

static double utilization(const struct layer *l, const struct accel_device_props *props)
{
	double all = (double)l->result.cycles * props->array_rows * props->array_columns;
	uint64_t useful = macs(l->node);

	return useful && all > 0 ? (double)useful * passes(l->node->in[0]->dtype) / all : 0;
}

static int on_card(struct accel_session *s, const struct ir_node *n, uint64_t deadline,
		   struct layer *l)
{
	const struct card_operands operands = session_operands(s);
	struct accel_program *program;
	int ret = accel_program_create(s->queue->context, &program);

	if (ret)
		return ret;
	ret = card_emit(program, n, &operands);
	if (!ret)
		ret = accel_program_finish(program);
	if (!ret)
		ret = session_card(s, program, deadline, &l->result);
	accel_program_unref(program);
	return ret;
}

static int run(struct accel_session *s, uint64_t deadline, struct accel_profile *p)
{
	uint64_t start = 0;
	int ret = session_idle(s);

	if (ret)
		return ret;
	s->status = 1;
	s->why[0] = 0;
	for (struct ir_node *n = s->graph->first; n && !ret; n = n->next) {
		struct layer *l = &p->layers[p->count];

		if (n->place != ACCEL_PLACE_CARD && n->place != ACCEL_PLACE_HOST)
			continue;
		start = start ? start : accel_now();
		l->node = n;
		l->begin_ns = accel_now() - start;
		ret = n->place == ACCEL_PLACE_CARD ? on_card(s, n, deadline, l) : session_host(s, n);
		l->end_ns = accel_now() - start;
		p->count++;
	}
	s->status = ret;
	return ret;
}

ACCEL_API int accel_profile_create(struct accel_session *session, uint64_t deadline,
				   struct accel_profile **profile)
{
	API_ENTER;
	struct accel_profile *p;
	size_t nodes = 0;
	int ret;

	if (!session || !profile)
		return err(-EINVAL, NULL, "%s is NULL", session ? "profile" : "session");
	if (device_forked(session->queue->context->device))
		return err_forked();
	for (struct ir_node *n = session->graph->first; n; n = n->next)
		nodes++;
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_nomem("a profile");
	p->session = accel_session_ref(session);
	p->layers = calloc(nodes + 1, sizeof(*p->layers));
	pthread_mutex_lock(&session->lock);
	ret = p->layers ? run(session, deadline, p) : err_nomem("a profile");
	pthread_mutex_unlock(&session->lock);
	if (ret) {
		accel_profile_free(p);
		return ret;
	}
	*profile = p;
	return 0;
}

ACCEL_API void accel_profile_free(struct accel_profile *profile)
{
	API_ENTER;

	if (!profile)
		return;
	accel_session_unref(profile->session);
	free(profile->layers);
	free(profile);
}

ACCEL_API uint32_t accel_profile_layers(const struct accel_profile *profile)
{
	return profile ? profile->count : 0;
}

static const struct layer *layer(const struct accel_profile *profile, uint32_t i)
{
	if (!profile) {
		err(-EINVAL, NULL, "profile is NULL");
		return NULL;
	}
	if (i >= profile->count) {
		err(-EINVAL, NULL, "no layer %u among %u", i, profile->count);
		return NULL;
	}
	return &profile->layers[i];
}

ACCEL_API int accel_profile_layer(const struct accel_profile *profile, uint32_t i,
				  struct accel_layer_profile *info)
{
	API_ENTER;
	struct accel_layer_profile out = ACCEL_INIT(out);
	const struct layer *l = layer(profile, i);
	const struct accel_device_props *props;

	if (!l)
		return -EINVAL;
	if (!info)
		return err(-EINVAL, NULL, "info is NULL");
	props = &profile->session->queue->context->device->props;
	out.name = l->node->name;
	out.origin = l->node->origin;
	out.op = ir_op_name(l->node);
	out.place = l->node->place;
	out.begin_ns = l->begin_ns;
	out.end_ns = l->end_ns;
	out.device_ticks = l->result.t_end - l->result.t_start;
	out.cycles = l->result.cycles;
	out.bytes = l->result.bytes;
	out.energy_pj = l->result.energy_pj;
	out.macs = l->node->place == ACCEL_PLACE_CARD ? macs(l->node) : 0;
	out.utilization = utilization(l, props);
	return sized_out(info, &out, sizeof(out), "struct accel_layer_profile");
}

ACCEL_API int accel_profile_value(const struct accel_profile *profile, uint32_t i,
				  struct accel_value_info *info)
{
	API_ENTER;
	const struct layer *l = layer(profile, i);

	if (!l)
		return -EINVAL;
	return info ? model_value(l->node->out[0], info) : err(-EINVAL, NULL, "info is NULL");
}
