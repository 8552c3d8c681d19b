// SPDX-License-Identifier: MIT
/*
 * Batchers: requests of many threads, put together.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../soft.h"
#include "separate.h"
#include "session.h"

#define ROWS_DEFAULT	16
#define ROWS_MAX	4096
#define SIZES_MAX	13		/* 1, 2, 4 ... 4096 */

struct request {
	struct request *next;
	struct accel_fence *fence;
	const void **inputs;
	void **outputs;
	uint32_t rows;
	uint64_t arrival, deadline;
	char *why;			/* of who waits for it, or NULL */
};

#define WHY_SIZE	256

/**
 * struct accel_batcher - see model.h
 * @one: session of a single row, which is also sizes[0]
 * @sizes: sessions of 1, 2, 4 ... rows, the last of @max_rows; the worker's alone after creation
 * @names, @dims: how the batch axes are bound
 * @lock: protects all below
 * @news: there is a request, or it is the end
 * @first, @last, @waiting: requests, and rows of them
 */
struct accel_batcher {
	struct accel_model *model;
	struct accel_queue *queue;
	struct accel_session_opts session;
	struct accel_session *sizes[SIZES_MAX];
	uint32_t nsizes;
	uint32_t max_rows, max_waiting;
	uint64_t max_delay;
	uint32_t ninputs, noutputs;
	char (*names)[160];
	struct accel_model_dim *dims;
	const char **without;
	size_t ndims;
	pthread_t worker;
	bool has_worker;
	pthread_mutex_t lock;
	pthread_cond_t news;
	bool quit;
	struct request *first, **last;
	uint32_t waiting;
	struct accel_batcher_info info;
};

static uint32_t size_rows(const struct accel_batcher *b, uint32_t i)
{
	return i + 1 == b->nsizes ? b->max_rows : 1u << i;
}

/* --- Sizes ------------------------------------------------------------------------------- */

static void bind_batch(struct accel_batcher *b, uint32_t rows)
{
	for (uint32_t i = 0; i < b->ninputs; i++)
		b->dims[i].size = rows;
}

/* Graphs of their own: the proof writes in them. */
static int prove(struct accel_batcher *b, uint32_t rows)
{
	struct ir_graph *one = NULL, *many = NULL;
	int ret;

	bind_batch(b, 1);
	ret = model_graph(b->model, &b->session, NULL, &one);
	bind_batch(b, rows);
	if (!ret)
		ret = model_graph(b->model, &b->session, NULL, &many);
	if (!ret)
		ret = separate(one, many, rows);
	ir_free(one);
	ir_free(many);
	return ret;
}

static int make_size(struct accel_batcher *b, uint32_t i)
{
	uint32_t rows = size_rows(b, i);
	struct accel_session *s;
	int ret = 0;

	if (b->sizes[i])
		return 0;
	if (rows > 1)
		ret = prove(b, rows);
	bind_batch(b, rows);
	if (!ret)
		ret = accel_session_create(b->model, b->queue, &b->session, &s);
	if (ret)
		return ret;
	b->sizes[i] = s;
	pthread_mutex_lock(&b->lock);
	b->info.sizes++;
	pthread_mutex_unlock(&b->lock);
	return 0;
}

/* --- Batches ----------------------------------------------------------------------------- */

static void request_free(struct request *r)
{
	accel_fence_unref(r->fence);
	free(r->inputs);
	free(r->outputs);
	free(r);
}

static void request_fail(struct request *r, int error, const struct accel_result *result)
{
	if (r->why)
		snprintf(r->why, WHY_SIZE, "%s", accel_last_error()->text);
	if (result && result->error)
		soft_end(r->fence, result);
	else
		soft_fail(r->fence, error);
	request_free(r);
}

static uint64_t piece(const struct accel_batcher *b, uint32_t slot)
{
	return b->sizes[0]->slots[slot].value->size;
}

/* Rows that are not there are the last one once more: elements that the model takes. */
static int fill(struct accel_batcher *b, struct accel_session *s, uint32_t size,
		const struct request *list)
{
	for (uint32_t i = 0; i < b->ninputs; i++) {
		uint64_t bytes = piece(b, i);
		uint32_t at = 0;
		void *ptr;
		char *p;
		int ret = session_pointer(s, s->slots[i].value, &ptr);

		if (ret)
			return ret;
		p = ptr;
		for (const struct request *r = list; r; r = r->next) {
			memcpy(p + at * bytes, r->inputs[i], r->rows * bytes);
			at += r->rows;
		}
		for (; at < size; at++)
			memcpy(p + at * bytes, p + (at - 1) * bytes, bytes);
	}
	return 0;
}

static int take(struct accel_batcher *b, struct accel_session *s, struct request *list)
{
	for (uint32_t i = 0; i < b->noutputs; i++) {
		uint64_t bytes = piece(b, b->ninputs + i);
		uint32_t at = 0;
		void *ptr;
		int ret = session_pointer(s, s->slots[b->ninputs + i].value, &ptr);

		if (ret)
			return ret;
		for (struct request *r = list; r; at += r->rows, r = r->next)
			if (r->outputs[i])
				memcpy(r->outputs[i], (char *)ptr + at * bytes, r->rows * bytes);
	}
	return 0;
}

static int run(struct accel_batcher *b, struct request *list, struct accel_result *result)
{
	uint32_t rows = 0, i = 0, size;
	struct accel_session *s;
	int ret;

	for (const struct request *r = list; r; r = r->next)
		rows += r->rows;
	while (size_rows(b, i) < rows)
		i++;
	size = size_rows(b, i);
	ret = make_size(b, i);
	if (ret)
		return ret;
	s = b->sizes[i];
	ret = fill(b, s, size, list);
	if (!ret)
		ret = accel_session_run(s, ACCEL_FOREVER, result);
	if (!ret)
		ret = take(b, s, list);
	pthread_mutex_lock(&b->lock);
	b->info.batches++;
	b->info.padding += size - rows;
	pthread_mutex_unlock(&b->lock);
	return ret;
}

static void done(struct accel_batcher *b, struct request *r, const struct accel_result *result)
{
	pthread_mutex_lock(&b->lock);
	b->info.requests++;
	b->info.rows += r->rows;
	pthread_mutex_unlock(&b->lock);
	soft_end(r->fence, result);
	request_free(r);
}

/* Takes the list. */
static void run_batch(struct accel_batcher *b, struct request *list)
{
	struct accel_result result = { 0 };
	bool several = list->next != NULL;
	int ret = run(b, list, &result);

	while (list) {
		struct request *r = list, *next = r->next;

		list = next;
		if (!ret) {
			done(b, r, &result);
		} else if (result.error || !several) {
			request_fail(r, ret, &result);
		} else {
			/* One of them is not as the model wants it; the others must not suffer. */
			struct accel_result own = { 0 };
			int error;

			r->next = NULL;
			error = run(b, r, &own);
			if (error)
				request_fail(r, error, &own);
			else
				done(b, r, &own);
		}
	}
}

/* --- The thread -------------------------------------------------------------------------- */

/* Under the lock: when the batch that waits is to begin. */
static uint64_t begin_at(const struct accel_batcher *b)
{
	uint64_t at = b->first->arrival + b->max_delay;

	if (b->waiting >= b->max_rows)
		return 0;
	for (const struct request *r = b->first; r; r = r->next)
		if (r->deadline < at)
			at = 0;
	return at;
}

/* Under the lock: the oldest requests that fit into a batch. */
static struct request *take_batch(struct accel_batcher *b)
{
	struct request *list = b->first, **at = &list;
	uint32_t rows = 0;

	while (*at && rows + (*at)->rows <= b->max_rows) {
		rows += (*at)->rows;
		at = &(*at)->next;
	}
	b->first = *at;
	if (!b->first)
		b->last = &b->first;
	*at = NULL;
	b->waiting -= rows;
	return list;
}

static struct request *drop_late(struct request *list)
{
	uint64_t now = accel_now();
	struct request **at = &list, *r;

	while ((r = *at)) {
		if (r->deadline > now) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		err(-ETIME, NULL, "the deadline passed before the request began");
		request_fail(r, -ETIME, NULL);
	}
	return list;
}

static void *work(void *arg)
{
	struct accel_batcher *b = arg;

	pthread_mutex_lock(&b->lock);
	while (!b->quit) {
		struct request *list;
		uint64_t at;

		if (!b->first) {
			pthread_cond_wait(&b->news, &b->lock);
			continue;
		}
		at = begin_at(b);
		if (accel_now() < at) {
			struct timespec ts = {
				.tv_sec = (time_t)(at / 1000000000u),
				.tv_nsec = (long)(at % 1000000000u),
			};

			pthread_cond_timedwait(&b->news, &b->lock, &ts);
			continue;
		}
		list = take_batch(b);
		pthread_mutex_unlock(&b->lock);
		list = drop_late(list);
		if (list)
			run_batch(b, list);
		pthread_mutex_lock(&b->lock);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static int start(struct accel_batcher *b)
{
	sigset_t all, old;
	int ret;

	/* Signals are the application's, and for its threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&b->worker, NULL, work, b);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret)
		return err(-ret, NULL, "cannot start a thread: %s", strerror(ret));
	b->has_worker = true;
	return 0;
}

/* --- Life -------------------------------------------------------------------------------- */

static int take_opts(struct accel_batcher *b, const struct accel_batcher_opts *opts, uint64_t *flags)
{
	struct accel_batcher_opts o = ACCEL_INIT(o);
	int ret = opts ? sized_in(&o, sizeof(o), opts, "struct accel_batcher_opts") : 0;

	if (ret)
		return ret;
	if (o.flags & ~ACCEL_BATCHER_AHEAD)
		return err(-EINVAL, NULL, "unknown flags %#llx", (unsigned long long)o.flags);
	if (o.max_rows > ROWS_MAX)
		return err(-EINVAL, NULL, "batches of %u rows, %d are the most", o.max_rows, ROWS_MAX);
	if (o.max_delay_ns > 60000000000u)
		return err(-EINVAL, NULL, "a delay of more than a minute");
	*flags = o.flags;
	b->max_rows = o.max_rows ? o.max_rows : ROWS_DEFAULT;
	b->max_waiting = o.max_waiting ? o.max_waiting : 64 * b->max_rows;
	if (b->max_waiting < b->max_rows)
		b->max_waiting = b->max_rows;
	b->max_delay = o.max_delay_ns;
	for (b->nsizes = 1; 1u << (b->nsizes - 1) < b->max_rows; b->nsizes++)
		;
	b->session = (struct accel_session_opts)ACCEL_INIT(b->session);
	return model_session_opts(&b->session, o.session);
}

/* Options that live as long as the batcher, with the batch axes bound. */
static int take_dims(struct accel_batcher *b)
{
	const struct accel_session_opts *o = &b->session;
	size_t n = b->ninputs + o->ndims;
	int ret = 0;

	if (o->nfixed)
		return err(-EINVAL, NULL, "no input of a batcher can be fixed");
	b->names = calloc(n + 1, sizeof(*b->names));
	b->dims = calloc(n + 1, sizeof(*b->dims));
	b->without = calloc(o->nwithout + 1, sizeof(*b->without));
	if (!b->names || !b->dims || !b->without)
		return err_nomem("a batcher");
	for (uint32_t i = 0; i < b->ninputs && !ret; i++) {
		struct accel_value_info in = ACCEL_INIT(in);

		ret = accel_model_input(b->model, i, &in);
		/* That of a compiled model has the size that it was compiled with, and can have others. */
		if (!ret && (!in.rank || (in.dims[0] >= 0 && !b->model->compiled)))
			ret = err(-EINVAL, "use sessions, one request at a time",
				  "the first axis of input '%.64s' is not open", in.name);
		if (!ret)
			snprintf(b->names[i], sizeof(b->names[i]), "%.150s:0", in.name);
		b->dims[i].name = b->names[i];
	}
	for (size_t i = 0; i < o->ndims && !ret; i++) {
		char *name = b->names[b->ninputs + i];

		if (strlen(o->dims[i].name) >= sizeof(b->names[0]))
			return err(-EINVAL, NULL, "the name of an axis is too long");
		strcpy(name, o->dims[i].name);
		b->dims[b->ninputs + i] = (struct accel_model_dim){ name, o->dims[i].size };
	}
	/* Names of passes are the library's once they are known to be right; unknown ones fail below. */
	for (size_t i = 0; i < o->nwithout && !ret; i++) {
		struct accel_pass_info pass = ACCEL_INIT(pass);

		b->without[i] = NULL;
		for (uint32_t k = 0; !accel_pass_get(k, &pass) && !b->without[i]; k++)
			if (o->without[i] && !strcmp(o->without[i], pass.name))
				b->without[i] = pass.name;
	}
	b->session.dims = b->dims;
	b->session.ndims = n;
	b->session.without = b->without;
	return ret;
}

ACCEL_API int accel_batcher_create(struct accel_model *model, struct accel_queue *queue,
				   const struct accel_batcher_opts *opts,
				   struct accel_batcher **batcher)
{
	API_ENTER;
	struct accel_model_info info = ACCEL_INIT(info);
	pthread_condattr_t attr;
	struct accel_batcher *b;
	uint64_t flags = 0;
	int ret;

	if (!model || !queue || !batcher)
		return err(-EINVAL, NULL, "%s is NULL",
			   !model ? "model" : !queue ? "queue" : "batcher");
	if (device_forked(queue->context->device))
		return err_forked();
	b = calloc(1, sizeof(*b));
	if (!b)
		return err_nomem("a batcher");
	pthread_mutex_init(&b->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&b->news, &attr);
	pthread_condattr_destroy(&attr);
	b->last = &b->first;
	b->model = accel_model_ref(model);
	b->queue = accel_queue_ref(queue);
	ret = take_opts(b, opts, &flags);
	if (!ret)
		ret = accel_model_info(model, &info);
	b->info.sz = sizeof(b->info);
	b->info.inputs = b->ninputs = info.inputs;
	b->info.outputs = b->noutputs = info.outputs;
	if (!ret && !info.inputs)
		ret = err(-EINVAL, NULL, "the model has no inputs");
	if (!ret)
		ret = take_dims(b);
	if (!ret)
		ret = make_size(b, 0);
	/* That it can be done at all is told here. */
	if (!ret && b->max_rows > 1)
		ret = prove(b, b->max_rows);
	for (uint32_t i = 1; i < b->nsizes && !ret && flags & ACCEL_BATCHER_AHEAD; i++)
		ret = make_size(b, i);
	if (!ret)
		ret = start(b);
	if (ret) {
		accel_batcher_free(b);
		return ret;
	}
	*batcher = b;
	return 0;
}

ACCEL_API void accel_batcher_free(struct accel_batcher *batcher)
{
	API_ENTER;
	struct request *r;

	if (!batcher)
		return;
	/* In a forked child there is no thread, and whoever held the lock is not there. */
	if (batcher->has_worker && !device_forked(batcher->queue->context->device)) {
		pthread_mutex_lock(&batcher->lock);
		batcher->quit = true;
		pthread_cond_signal(&batcher->news);
		pthread_mutex_unlock(&batcher->lock);
		pthread_join(batcher->worker, NULL);
	}
	while ((r = batcher->first)) {
		batcher->first = r->next;
		err(-ECANCELED, NULL, "the batcher was freed");
		request_fail(r, -ECANCELED, NULL);
	}
	for (uint32_t i = 0; i < SIZES_MAX; i++)
		accel_session_unref(batcher->sizes[i]);
	pthread_mutex_destroy(&batcher->lock);
	pthread_cond_destroy(&batcher->news);
	free(batcher->names);
	free(batcher->dims);
	free(batcher->without);
	accel_queue_unref(batcher->queue);
	accel_model_unref(batcher->model);
	free(batcher);
}

ACCEL_API int accel_batcher_info(struct accel_batcher *batcher, struct accel_batcher_info *info)
{
	API_ENTER;
	struct accel_batcher_info out;

	if (!batcher || !info)
		return err(-EINVAL, NULL, "%s is NULL", batcher ? "info" : "batcher");
	pthread_mutex_lock(&batcher->lock);
	out = batcher->info;
	pthread_mutex_unlock(&batcher->lock);
	return sized_out(info, &out, sizeof(out), "struct accel_batcher_info");
}

ACCEL_API int accel_batcher_input(struct accel_batcher *batcher, uint32_t i,
				  struct accel_value_info *info)
{
	API_ENTER;

	return batcher ? accel_session_input(batcher->sizes[0], i, info) :
			 err(-EINVAL, NULL, "batcher is NULL");
}

ACCEL_API int accel_batcher_output(struct accel_batcher *batcher, uint32_t i,
				   struct accel_value_info *info)
{
	API_ENTER;

	return batcher ? accel_session_output(batcher->sizes[0], i, info) :
			 err(-EINVAL, NULL, "batcher is NULL");
}

/* --- Requests ---------------------------------------------------------------------------- */

static int request_new(struct accel_batcher *b, const struct accel_batch_request *request,
		       struct request **out)
{
	struct accel_batch_request in = ACCEL_INIT(in);
	struct request *r;
	int ret = sized_in(&in, sizeof(in), request, "struct accel_batch_request");

	if (ret)
		return ret;
	if (!in.inputs)
		return err(-EINVAL, NULL, "inputs is NULL");
	for (uint32_t i = 0; i < b->ninputs; i++)
		if (!in.inputs[i])
			return err(-EINVAL, NULL, "inputs[%u] is NULL", i);
	if (in.rows > b->max_rows)
		return err(-E2BIG, "split it, or make a batcher of larger batches",
			   "%u rows, a batch has %u", in.rows, b->max_rows);
	r = calloc(1, sizeof(*r));
	if (!r)
		return err_nomem("a request");
	r->inputs = calloc(b->ninputs, sizeof(*r->inputs));
	r->outputs = calloc(b->noutputs + 1, sizeof(*r->outputs));
	ret = r->inputs && r->outputs ? soft_create(b->queue->context->device, in.cookie, &r->fence) :
					err_nomem("a request");
	if (ret) {
		free(r->inputs);
		free(r->outputs);
		free(r);
		return ret;
	}
	memcpy(r->inputs, in.inputs, b->ninputs * sizeof(*r->inputs));
	if (in.outputs)
		memcpy(r->outputs, in.outputs, b->noutputs * sizeof(*r->outputs));
	r->rows = in.rows ? in.rows : 1;
	r->deadline = in.deadline ? in.deadline : ACCEL_FOREVER;
	r->arrival = accel_now();
	*out = r;
	return 0;
}

static int submit(struct accel_batcher *b, const struct accel_batch_request *request, char *why,
		  struct accel_fence **fence)
{
	struct request *r = NULL;
	int ret = request_new(b, request, &r);

	if (ret)
		return ret;
	r->why = why;
	pthread_mutex_lock(&b->lock);
	if (r->rows > b->max_waiting - b->waiting) {
		ret = err(-EAGAIN, "wait for a request", "%u rows wait, %u is the most",
			  b->waiting, b->max_waiting);
	} else {
		*fence = accel_fence_ref(r->fence);
		b->waiting += r->rows;
		*b->last = r;
		b->last = &r->next;
		pthread_cond_signal(&b->news);
	}
	pthread_mutex_unlock(&b->lock);
	if (ret)
		request_free(r);
	return ret;
}

ACCEL_API int accel_batcher_submit(struct accel_batcher *batcher,
				   const struct accel_batch_request *request,
				   struct accel_fence **fence)
{
	API_ENTER;

	if (!batcher || !request || !fence)
		return err(-EINVAL, NULL, "%s is NULL",
			   !batcher ? "batcher" : !request ? "request" : "fence");
	if (device_forked(batcher->queue->context->device))
		return err_forked();
	return submit(batcher, request, NULL, fence);
}

ACCEL_API int accel_batcher_run(struct accel_batcher *batcher,
				const struct accel_batch_request *request,
				struct accel_result *result)
{
	API_ENTER;
	struct accel_fence *fence;
	char why[WHY_SIZE] = "";
	int ret;

	if (!batcher || !request)
		return err(-EINVAL, NULL, "%s is NULL", batcher ? "request" : "batcher");
	if (device_forked(batcher->queue->context->device))
		return err_forked();
	ret = submit(batcher, request, why, &fence);
	if (ret)
		return ret;
	/* Its memory is in use until the end, so a signal does not end the wait. */
	while (accel_fence_wait(fence, ACCEL_FOREVER) == -EINTR)
		;
	ret = accel_fence_result(fence, result);
	accel_fence_unref(fence);
	return ret ? err(ret, NULL, "%s", why) : 0;
}
