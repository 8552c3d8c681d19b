// SPDX-License-Identifier: MIT
/*
 * Sessions: runs that go on alone.
 *
 * What the card does in one program is one submission. All else has a thread of the session, which
 * sleeps while the card works.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../soft.h"
#include "session.h"

/* --- The thread -------------------------------------------------------------------------- */

static int no_more(struct accel_session *s)
{
	if (atomic_load(&s->stop))
		return err(-ECANCELED, NULL, "it was canceled");
	if (accel_now() >= s->run_deadline)
		return err(-ETIME, NULL, "its deadline passed");
	return 0;
}

static int on_card(struct accel_session *s, struct accel_program *program, struct accel_result *r)
{
	struct accel_job job = ACCEL_INIT(job);
	uint64_t deadline = s->run_deadline;
	struct accel_fence *fence;
	bool late = false;
	int ret;

	job.program = program;
	ret = accel_queue_submit(s->queue, &job, 1, &fence);
	if (ret)
		return ret;
	/* Whoever waits is told in time; the memory is the card's until it is done with it. */
	for (;;) {
		ret = accel_fence_wait(fence, deadline);
		if (ret == -ETIME) {
			soft_fail(s->soft, -ETIME);
			late = true;
			deadline = ACCEL_FOREVER;
		} else if (ret != -EINTR) {
			break;
		}
	}
	if (!ret)
		ret = accel_fence_result(fence, r);
	accel_fence_unref(fence);
	return late ? err(-ETIME, NULL, "its deadline passed") : ret;
}

static int run_steps(struct accel_session *s, struct accel_result *sum)
{
	bool first = true;
	int ret = 0;

	for (size_t i = 0; i < s->nsteps && !ret; i++) {
		struct accel_result r = { 0 };

		ret = no_more(s);
		if (ret)
			break;
		if (s->steps[i].node) {
			ret = session_host(s, s->steps[i].node);
			continue;
		}
		ret = on_card(s, s->steps[i].program, &r);
		session_add(sum, &r, first);
		first = false;
	}
	return ret;
}

static void *work(void *arg)
{
	struct accel_session *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct accel_result sum = { 0 };
		struct accel_fence *fence;
		bool last;
		int ret;

		while (!s->running && !s->quit)
			pthread_cond_wait(&s->wake, &s->lock);
		if (!s->running)
			break;
		pthread_mutex_unlock(&s->lock);
		ret = run_steps(s, &sum);
		pthread_mutex_lock(&s->lock);
		fence = s->soft;
		s->soft = NULL;
		s->running = false;
		s->status = atomic_load(&s->stop) ? -ECANCELED : ret;
		if (ret)
			snprintf(s->why, sizeof(s->why), "%s", sum.error ? "" : accel_last_error()->text);
		/* Who waited may use the session at once, and may have been its last user. */
		last = ref_last(&s->refs);
		pthread_mutex_unlock(&s->lock);
		sum.number = 0;
		if (ret && !sum.error)
			soft_fail(fence, ret);
		else
			soft_end(fence, &sum);
		accel_fence_unref(fence);
		if (last) {
			session_free(s);
			return NULL;
		}
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Signals are the application's, and for its threads. */
static int worker_start(struct accel_session *s)
{
	sigset_t all, old;
	int ret;

	if (s->has_worker)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&s->worker, NULL, work, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret)
		return err(-ret, NULL, "cannot start a thread: %s", strerror(ret));
	s->has_worker = true;
	return 0;
}

void session_worker_end(struct accel_session *s)
{
	if (!s->has_worker || device_forked(s->queue->context->device))
		return;
	/* It may be the last to let go itself. */
	if (pthread_equal(pthread_self(), s->worker)) {
		pthread_detach(s->worker);
		return;
	}
	pthread_mutex_lock(&s->lock);
	s->quit = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->worker, NULL);
}

/* --- Starting ---------------------------------------------------------------------------- */

/* All that is left is one program: its fence tells how it went, and what all of it cost. */
static int submit_rest(struct accel_session *s, size_t from, uint64_t cookie)
{
	struct accel_job job = ACCEL_INIT(job);

	job.cookie = cookie;
	/* Without a program there is still a point to wait for. */
	job.program = from < s->nsteps ? s->steps[from].program : NULL;
	return accel_queue_submit(s->queue, &job, 1, &s->fence);
}

static int start(struct accel_session *s, const struct accel_run_opts *opts,
		 struct accel_fence **fence)
{
	uint64_t deadline = opts->deadline ? opts->deadline : ACCEL_FOREVER;
	bool alone = deadline != ACCEL_FOREVER || opts->flags & ACCEL_RUN_CANCELABLE;
	size_t host = 0;
	int ret = session_idle(s);

	if (!ret && !s->built)
		ret = session_build(s);
	if (ret)
		return ret;
	while (host < s->nsteps && s->steps[host].node)
		host++;
	alone |= s->nsteps - host > 1;
	s->status = 1;
	s->why[0] = 0;
	if (!alone) {
		for (size_t i = 0; i < host; i++) {
			ret = session_host(s, s->steps[i].node);
			if (ret)
				return s->status = ret;
		}
		ret = submit_rest(s, host, opts->cookie);
		if (!ret)
			*fence = accel_fence_ref(s->fence);
		return ret;
	}
	ret = worker_start(s);
	if (!ret)
		ret = soft_create(s->queue->context->device, opts->cookie, &s->soft);
	if (ret)
		return ret;
	s->run_deadline = deadline;
	atomic_store(&s->stop, false);
	s->running = true;
	ref_more(&s->refs);
	*fence = accel_fence_ref(s->soft);
	pthread_cond_signal(&s->wake);
	return 0;
}

ACCEL_API int accel_session_start(struct accel_session *session, const struct accel_run_opts *opts,
				  struct accel_fence **fence)
{
	API_ENTER;
	struct accel_run_opts o = ACCEL_INIT(o);
	int ret;

	if (!session || !fence)
		return err(-EINVAL, NULL, "%s is NULL", session ? "fence" : "session");
	if (device_forked(session->queue->context->device))
		return err_forked();
	ret = opts ? sized_in(&o, sizeof(o), opts, "struct accel_run_opts") : 0;
	if (!ret && o.flags & ~ACCEL_RUN_CANCELABLE)
		ret = err(-EINVAL, NULL, "unknown flags %#llx", (unsigned long long)o.flags);
	if (ret)
		return ret;
	pthread_mutex_lock(&session->lock);
	ret = start(session, &o, fence);
	pthread_mutex_unlock(&session->lock);
	return ret;
}

ACCEL_API int accel_session_run_async(struct accel_session *session, struct accel_fence **fence)
{
	API_ENTER;

	return accel_session_start(session, NULL, fence);
}

ACCEL_API int accel_session_cancel(struct accel_session *session)
{
	API_ENTER;
	int ret = 0;

	if (!session)
		return err(-EINVAL, NULL, "session is NULL");
	if (device_forked(session->queue->context->device))
		return err_forked();
	pthread_mutex_lock(&session->lock);
	if (session->running) {
		/* Its deadline may have been first. */
		if (soft_fail(session->soft, -ECANCELED))
			atomic_store(&session->stop, true);
		else
			ret = err(-EALREADY, NULL, "the run has failed already");
	} else if (session->fence && !accel_fence_poll(session->fence)) {
		ret = err(-EOPNOTSUPP, "start it with ACCEL_RUN_CANCELABLE",
			  "the run is one submission, which cannot be taken back");
	} else {
		ret = err(-EALREADY, NULL, "no run is under way");
	}
	pthread_mutex_unlock(&session->lock);
	return ret;
}
