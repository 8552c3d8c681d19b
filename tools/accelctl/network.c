// SPDX-License-Identifier: MIT
#include "network.h"

#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "interrupt.h"
#include "message.h"

static int upload(struct network *network, const struct digits_tensor *tensor,
		  struct accel_buffer **buffer)
{
	void *data;
	int err = accel_buffer_alloc(network->card->context, tensor->size, 0, buffer);

	if (!err)
		err = accel_buffer_map(*buffer, &data);
	if (err)
		return err;
	memcpy(data, tensor->data, tensor->size);
	return accel_buffer_set_name(*buffer, tensor->name);
}

static const struct digits_layer *layer_at(const struct network *network, uint32_t n)
{
	return network->integers ? &network->digits->i8[n] : &network->digits->f32[n];
}

/* Type of the values between the layers. */
static enum accel_dtype value_dtype(const struct network *network, uint32_t n)
{
	return network->integers && n < network->digits->layers ? ACCEL_U8 : ACCEL_F32;
}

static int allocate(struct network *network)
{
	const struct digits *digits = network->digits;
	void *data;
	int err = 0;

	for (uint32_t n = 0; n < digits->layers && !err; n++) {
		const struct digits_layer *layer = layer_at(network, n);

		err = upload(network, layer->weight, &network->weight[n]);
		if (!err)
			err = upload(network, layer->bias, &network->bias[n]);
		if (!err && layer->scale)
			err = upload(network, layer->scale, &network->scale[n]);
	}
	for (uint32_t n = 0; n <= digits->layers && !err; n++) {
		size_t width = n ? layer_at(network, n - 1)->outputs : digits->pixels;

		err = accel_buffer_alloc(network->card->context, digits->images * width *
					 accel_dtype_size(value_dtype(network, n)), 0,
					 &network->values[n]);
	}
	if (!err)
		err = accel_buffer_alloc(network->card->context,
					 (size_t)digits->images * digits->pixels, 0, &network->images);
	if (!err)
		err = accel_buffer_map(network->images, &data);
	if (!err)
		memcpy(data, digits->pixel, (size_t)digits->images * digits->pixels);
	if (!err)
		err = accel_buffer_map(network->values[digits->layers], &data);
	if (!err)
		network->logits = data;
	return err;
}

/* Rows [first, first + rows) of a matrix with one row per image. */
static struct accel_tensor rows_of(struct accel_buffer *buffer, enum accel_dtype dtype,
				   uint32_t first, uint32_t rows, uint32_t width)
{
	struct accel_tensor tensor;

	accel_tensor_init(&tensor, buffer, (uint64_t)first * width * accel_dtype_size(dtype), dtype, 2,
			  (const uint32_t[]){ rows, width });
	return tensor;
}

static int add_layer(struct network *network, struct accel_program *program, uint32_t n,
		     uint32_t first, uint32_t rows)
{
	const struct digits_layer *layer = layer_at(network, n);
	bool last = n + 1 == network->digits->layers;
	struct accel_gemm_op op = ACCEL_INIT(op);
	struct accel_buffer *input = network->values[n];

	/* The integer network takes the pixels as they are. */
	if (network->integers && n == 0)
		input = network->images;
	op.a = rows_of(input, value_dtype(network, n), first, rows, layer->inputs);
	accel_tensor_init(&op.b, network->weight[n], 0, layer->weight->dtype, 2,
			  layer->weight->dims);
	op.c = rows_of(network->values[n + 1], value_dtype(network, n + 1), first, rows,
		       layer->outputs);
	accel_tensor_init(&op.bias, network->bias[n], 0, layer->bias->dtype, 1, layer->bias->dims);
	if (layer->scale) {
		accel_tensor_init(&op.scale, network->scale[n], 0, ACCEL_F32, 1, layer->scale->dims);
		op.a_zero = layer->x_zero;
		op.c_zero = last ? 0 : layer_at(network, n + 1)->x_zero;
	}
	op.act = last ? ACCEL_ACT_NONE : ACCEL_ACT_RELU;
	return accel_program_gemm(program, &op);
}

static int build(struct network *network, uint32_t index)
{
	const struct digits *digits = network->digits;
	uint32_t first = index * network->batch, rows = digits->images - first;
	struct accel_program **program = &network->programs[index];
	int err = accel_program_create(network->card->context, program);

	if (rows > network->batch)
		rows = network->batch;
	if (!err && !network->integers) {
		struct accel_tensor to = rows_of(network->values[0], ACCEL_F32, first, rows,
						 digits->pixels);
		struct accel_tensor from = rows_of(network->images, ACCEL_U8, first, rows,
						   digits->pixels);

		err = accel_program_copy(*program, &to, &from);
	}
	for (uint32_t n = 0; n < digits->layers && !err; n++)
		err = add_layer(network, *program, n, first, rows);
	return err ? err : accel_program_finish(*program);
}

int network_create(struct network *network, struct card *card, const struct digits *digits,
		   bool integers, uint32_t batch)
{
	int err;

	memset(network, 0, sizeof(*network));
	network->digits = digits;
	network->card = card;
	network->integers = integers;
	network->batch = batch;
	network->nprograms = (digits->images + batch - 1) / batch;
	network->programs = calloc(network->nprograms, sizeof(*network->programs));
	network->jobs = calloc(network->nprograms, sizeof(*network->jobs));
	if (!network->programs || !network->jobs) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	err = allocate(network);
	for (uint32_t i = 0; i < network->nprograms && !err; i++) {
		err = build(network, i);
		network->jobs[i] = (struct accel_job)ACCEL_INIT(network->jobs[i]);
		network->jobs[i].program = network->programs[i];
		network->jobs[i].cookie = i;
	}
	return err ? fail_call("cannot put the network on the card", err) : 0;
}

/* Wait for what was submitted: 0 or an exit code. Jobs of one queue end in their order. */
static int wait_all(struct accel_fence *fence, uint64_t deadline)
{
	struct accel_result result;
	int err = job_wait(fence, deadline);

	if (err)
		return fail_wait("digits", err);
	if (accel_fence_result(fence, &result))
		return fail_job("digits", &result);
	return 0;
}

int network_run(struct network *network, uint64_t deadline)
{
	uint32_t most = network->card->props.jobs_max, room = network->card->props.queue_depth_max;
	int status = 0;

	if (room && most > room)
		most = room;
	/* The queue's own depth when none is asked for. */
	if (!most || most > 256)
		most = 256;
	for (uint32_t at = 0; at < network->nprograms && !status; at += most) {
		uint32_t count = network->nprograms - at < most ? network->nprograms - at : most;
		struct accel_fence *fence;
		int err = accel_queue_submit(network->card->queue, network->jobs + at, count, &fence);

		if (err)
			return fail_call("digits", err);
		status = wait_all(fence, deadline);
		accel_fence_unref(fence);
	}
	return status;
}

void network_destroy(struct network *network)
{
	for (uint32_t i = 0; network->programs && i < network->nprograms; i++)
		accel_program_unref(network->programs[i]);
	for (uint32_t n = 0; n < DIGITS_LAYERS_MAX; n++) {
		accel_buffer_unref(network->weight[n]);
		accel_buffer_unref(network->bias[n]);
		accel_buffer_unref(network->scale[n]);
	}
	for (uint32_t n = 0; n <= DIGITS_LAYERS_MAX; n++)
		accel_buffer_unref(network->values[n]);
	accel_buffer_unref(network->images);
	free(network->programs);
	free(network->jobs);
	memset(network, 0, sizeof(*network));
}

uint8_t network_answer(const struct network *network, uint32_t i)
{
	const float *logits = network->logits + (size_t)i * network->digits->classes;
	uint32_t best = 0;

	for (uint32_t class = 1; class < network->digits->classes; class++)
		if (logits[class] > logits[best])
			best = class;
	return (uint8_t)best;
}
