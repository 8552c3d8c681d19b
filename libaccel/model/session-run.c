// SPDX-License-Identifier: MIT
/*
 * Sessions: programs and runs.
 */
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "session.h"

/* --- Programs ---------------------------------------------------------------------------- */

void session_unbuild(struct accel_session *s)
{
	for (size_t i = 0; i < s->nsteps; i++)
		accel_program_unref(s->steps[i].program);
	s->nsteps = 0;
	s->built = false;
}

static int append(struct accel_session *s, struct ir_node *n)
{
	const struct card_operands operands = session_operands(s);
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

int session_build(struct accel_session *s)
{
	int ret = 0;

	session_unbuild(s);
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
		session_unbuild(s);
	else
		s->built = true;
	return ret;
}

int session_idle(struct accel_session *s)
{
	if (s->running)
		return err(-EBUSY, "wait for the fence of the run", "a run is under way");
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

/* --- Runs -------------------------------------------------------------------------------- */

int session_host(struct accel_session *s, const struct ir_node *n)
{
	const void **in = calloc(n->nin + 1, sizeof(*in));
	void **out = calloc(n->nout + 1, sizeof(*out));
	int ret = in && out ? 0 : err_nomem("an operator");

	for (uint32_t i = 0; i < n->nin && !ret; i++) {
		const struct ir_value *v = n->in[i] ? plan_home(n->in[i]) : NULL;
		void *ptr;

		if (!v)
			continue;
		/* Constants are nearer where they came from. */
		if (!v->from && v->data) {
			in[i] = v->data;
			continue;
		}
		ret = session_pointer(s, v, &ptr);
		if (!ret)
			in[i] = ptr;
	}
	for (uint32_t i = 0; i < n->nout && !ret; i++)
		if (n->out[i])
			ret = session_pointer(s, n->out[i], &out[i]);
	if (!ret)
		ret = eval(n, in, out);
	free(in);
	free(out);
	return ret;
}

void session_add(struct accel_result *sum, const struct accel_result *r, bool first)
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

int session_card(struct accel_session *s, struct accel_program *program, uint64_t deadline,
		 struct accel_result *result)
{
	struct accel_job job = ACCEL_INIT(job);
	int ret;

	job.program = program;
	ret = accel_queue_submit(s->queue, &job, 1, &s->fence);
	if (ret)
		return ret;
	ret = accel_fence_wait(s->fence, deadline);
	if (ret) {
		s->abandoned = true;
		return ret;
	}
	ret = accel_fence_result(s->fence, result);
	accel_fence_unref(s->fence);
	s->fence = NULL;
	return ret;
}

static int run(struct accel_session *s, uint64_t deadline, struct accel_result *sum)
{
	bool first = true;
	int ret = session_idle(s);

	if (!ret && !s->built)
		ret = session_build(s);
	if (ret)
		return ret;
	s->status = 1;
	s->why[0] = 0;
	for (size_t i = 0; i < s->nsteps && !ret; i++) {
		struct accel_result r = { 0 };

		if (s->steps[i].node) {
			ret = session_host(s, s->steps[i].node);
			continue;
		}
		ret = session_card(s, s->steps[i].program, deadline, &r);
		if (s->fence)
			return ret;
		if (r.number)
			session_add(sum, &r, first);
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
