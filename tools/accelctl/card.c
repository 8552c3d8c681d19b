// SPDX-License-Identifier: MIT
#include "card.h"

#include <string.h>

#include "exit.h"
#include "interrupt.h"
#include "message.h"
#include "output.h"

int card_open(struct card *card, const char *name)
{
	int err;

	memset(card, 0, sizeof(*card));
	err = accel_device_open(name, NULL, &card->device);
	if (err) {
		fail_call("cannot open the device", err);
		return exit_from_open(err);
	}
	card->props = (struct accel_device_props)ACCEL_INIT(card->props);
	err = accel_device_props(card->device, &card->props);
	if (err) {
		err = fail_call("cannot read the device's properties", err);
		card_close(card);
		return err;
	}
	detail("opened %s (%s)", card->props.id, card->props.model);
	return 0;
}

int card_open_queue(struct card *card, const char *name, const struct accel_queue_opts *opts)
{
	int err, status = card_open(card, name);

	if (status)
		return status;
	err = accel_context_create(card->device, NULL, &card->context);
	if (!err)
		err = accel_queue_create(card->context, opts, &card->queue);
	if (err) {
		status = fail_call("cannot make a queue on the device", err);
		card_close(card);
	}
	return status;
}

void card_close(struct card *card)
{
	accel_queue_unref(card->queue);
	accel_context_unref(card->context);
	accel_device_unref(card->device);
	memset(card, 0, sizeof(*card));
}

int card_run(struct card *card, struct accel_program *program, uint64_t deadline,
	     const char *what, struct accel_result *result)
{
	struct accel_job job = ACCEL_INIT(job);
	struct accel_fence *fence;
	int err;

	job.program = program;
	err = accel_queue_submit(card->queue, &job, 1, &fence);
	if (err)
		return fail_call(what, err);
	err = job_wait(fence, deadline);
	if (err) {
		/* The queue goes and takes the job along, within bounded time. */
		err = fail_wait(what, err);
		accel_fence_unref(fence);
		return err;
	}
	accel_fence_result(fence, result);
	accel_fence_unref(fence);
	return 0;
}

double card_seconds(const struct card *card, const struct accel_result *result)
{
	if (!card->props.timestamp_hz)
		return 0;
	return (double)(result->t_end - result->t_start) / (double)card->props.timestamp_hz;
}

void card_describe(const struct card *card, struct json_object *document)
{
	struct json_object *device = doc_object(document, "device");

	doc_string(device, "id", card->props.id);
	doc_string(device, "model", card->props.model);
	doc_string(device, "serial", card->props.serial);
	doc_string(device, "profile", card->props.profile);
	doc_bool(device, "simulated", card->props.caps & 1ull << ACCEL_CAP_SIMULATED);
}

void card_field(const struct card *card)
{
	field("device", "%s (%s%s)", card->props.id, card->props.model,
	      card->props.caps & 1ull << ACCEL_CAP_SIMULATED ? ", simulated in this process" : "");
}

uint64_t deadline_in(uint64_t ns)
{
	return ns ? accel_deadline(ns) : ACCEL_FOREVER;
}
