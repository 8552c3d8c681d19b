// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "card.h"
#include "exit.h"
#include "message.h"
#include "output.h"
#include "stats.h"

static const char *const states[] = {
	[ACCEL_QUEUE_OK] = "ok", [ACCEL_QUEUE_FAULTED] = "faulted", [ACCEL_QUEUE_BANNED] = "banned",
	[ACCEL_QUEUE_INNOCENT] = "innocent", [ACCEL_QUEUE_LOST] = "lost",
};

static const char *state_name(int state)
{
	if (state < 0)
		return accel_errname(state);
	return (size_t)state < sizeof(states) / sizeof(*states) ? states[state] : "unknown";
}

static int report(const struct args *args, const struct card *card,
		  const struct accel_result *result, double seconds)
{
	int state = accel_queue_status(card->queue);
	char text[256], time[32];

	accel_result_describe(result, text, sizeof(text));
	if (output_json()) {
		struct json_object *document = doc_begin(args->command->schema);

		card_describe(card, document);
		doc_string(document, "outcome", accel_outcome_name(result->outcome));
		doc_string(document, "error", accel_errname(result->error));
		doc_string(document, "description", text);
		doc_string(document, "queue", state_name(state));
		doc_real(document, "seconds", seconds);
		doc_print(document);
	} else {
		card_field(card);
		field("outcome", "%s (%s)", accel_outcome_name(result->outcome),
		      accel_errname(result->error));
		field("means", "%s", text);
		field("queue", "%s", state_name(state));
		field("after", "%s", format_time(time, seconds));
	}
	if (result->outcome == ACCEL_JOB_TIMEOUT && result->error == -ETIME)
		return EXIT_OK;
	complain("the job that hung was not stopped as such");
	return EXIT_FAILED;
}

static int run(const struct args *args)
{
	struct accel_queue_opts opts = ACCEL_INIT(opts);
	struct accel_program *program = NULL;
	struct accel_result result;
	struct card card;
	uint64_t begin;
	int err, status;

	opts.timeout_ms = (uint32_t)args_number(args, "limit");
	/* A job that claims progress is stopped by the other limit. */
	opts.limit_ms = opts.timeout_ms;
	status = card_open_queue(&card, args_text(args, "device"), &opts);
	if (status)
		return status;
	if (!accel_device_has(card.device, ACCEL_CAP_DEBUG)) {
		complain("%s has no packets for tests", card.props.id);
		hint("the card needs x-debug=on, a simulated one is sim:debug=1");
		card_close(&card);
		return EXIT_SKIPPED;
	}
	err = accel_program_create(card.context, &program);
	if (!err)
		err = accel_program_hang(program, args_given(args, "busy"));
	if (!err)
		err = accel_program_finish(program);
	if (err) {
		status = fail_call("cannot build the program", err);
	} else {
		begin = accel_now();
		status = card_run(&card, program, ACCEL_FOREVER, "inject hang", &result);
		if (!status)
			status = report(args, &card, &result, (double)(accel_now() - begin) / 1e9);
	}
	accel_program_unref(program);
	card_close(&card);
	return status;
}

const struct command command_inject_hang = {
	.noun = "inject",
	.verb = "hang",
	.summary = "Run a job that hangs, and tell how it is stopped.",
	.text = "Needs a card with packets for tests (QEMU: x-debug=on, simulated: sim:debug=1); "
		"without, the status is 77. That the job is stopped as hung is success.",
	.options = (const struct param[]){
		{ .name = "busy", .help = "the job claims to make progress" },
		{ .name = "limit", .kind = VALUE_NUMBER, .value = "MS", .min = 1, .max = 600000,
		  .fallback = "1000", .help = "milliseconds that the job may take" },
		{ 0 },
	},
	.schema = "accelctl.inject.hang/1",
	.hidden = true,
	.run = run,
};
