// SPDX-License-Identifier: MIT
#include "batched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "interrupt.h"
#include "message.h"
#include "model.h"

/* The batch axes are the batcher's to bind: all other sizes stay. */
static void other_dims(const struct accel_session_opts *from, struct accel_session_opts *to,
		       struct accel_model_dim dims[MODEL_DIMS_MAX])
{
	*to = *from;
	to->dims = dims;
	to->ndims = 0;
	for (size_t i = 0; i < from->ndims; i++) {
		const char *colon = strrchr(from->dims[i].name, ':');

		if (!colon || strcmp(colon, ":0"))
			dims[to->ndims++] = from->dims[i];
	}
}

static uint64_t row_size(struct accel_batcher *batcher, uint32_t i, bool output)
{
	struct accel_value_info info = ACCEL_INIT(info);

	if (output)
		accel_batcher_output(batcher, i, &info);
	else
		accel_batcher_input(batcher, i, &info);
	return info.size;
}

static int hand_in(struct accel_batcher *batcher, const struct batched *b, uint32_t row,
		   const void **inputs, void **outputs, struct accel_fence **fence)
{
	struct accel_batch_request request = ACCEL_INIT(request);

	for (uint32_t i = 0; i < b->info.inputs; i++)
		inputs[i] = (const char *)b->inputs[i] + row * row_size(batcher, i, false);
	for (uint32_t i = 0; i < b->info.outputs; i++)
		outputs[i] = (char *)b->outputs[i] + row * row_size(batcher, i, true);
	request.inputs = inputs;
	request.outputs = outputs;
	return accel_batcher_submit(batcher, &request, fence);
}

static int run(struct accel_batcher *batcher, struct batched *b)
{
	struct accel_fence **fences = calloc(b->rows + 1, sizeof(struct accel_fence *));
	const void **inputs = calloc(b->info.inputs + 1, sizeof(void *));
	void **outputs = calloc(b->info.outputs + 1, sizeof(void *));
	uint64_t begin = accel_now();
	uint32_t count = 0;
	int err = fences && inputs && outputs ? 0 : -ENOMEM, status = 0;

	if (err)
		complain("out of memory");
	while (count < b->rows && !err && !interrupt_pending()) {
		err = hand_in(batcher, b, count, inputs, outputs, &fences[count]);
		count += !err;
	}
	if (!err && interrupt_pending())
		err = -EINTR;
	for (uint32_t i = 0; i < count && !err; i++) {
		err = job_wait(fences[i], b->deadline);
		if (!err)
			err = accel_fence_result(fences[i], NULL);
	}
	b->seconds = (double)(accel_now() - begin) / 1e9;
	if (err)
		status = fail_call("a request", err);
	for (uint32_t i = 0; i < count; i++)
		accel_fence_unref(fences[i]);
	free(fences);
	free(inputs);
	free(outputs);
	return status;
}

int batched_run(struct batched *b)
{
	struct accel_batcher_opts opts = ACCEL_INIT(opts);
	struct accel_model_dim dims[MODEL_DIMS_MAX];
	struct accel_session_opts session;
	struct accel_batcher *batcher;
	int err, status;

	other_dims(b->session, &session, dims);
	opts.session = &session;
	opts.max_rows = b->max_rows;
	opts.max_waiting = b->rows;
	/* so that what is measured is runs */
	opts.flags = ACCEL_BATCHER_AHEAD;
	err = accel_batcher_create(b->model, b->queue, &opts, &batcher);
	if (err)
		return fail_call("cannot put rows together", err);
	b->info = (struct accel_batcher_info)ACCEL_INIT(b->info);
	accel_batcher_info(batcher, &b->info);
	status = run(batcher, b);
	accel_batcher_info(batcher, &b->info);
	/* After a failure some may be on their way still: this waits for them. */
	accel_batcher_free(batcher);
	return status;
}
