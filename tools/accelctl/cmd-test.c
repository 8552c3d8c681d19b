// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "card.h"
#include "check.h"
#include "exit.h"
#include "interrupt.h"
#include "message.h"
#include "output.h"
#include "progress.h"
#include "table.h"

#define CHECKS_MAX	32

struct outcome {
	int status;
	char text[256];
};

static const char *word(int status)
{
	return status == EXIT_OK ? "ok" : status == EXIT_SKIPPED ? "skipped" : "failed";
}

/* Each check has a context of its own: one that spoils its queue spoils nothing else. */
static int run_check(const struct card *card, const struct check *check, uint64_t deadline,
		     struct outcome *outcome)
{
	struct card own = { .device = card->device, .props = card->props };
	int err = accel_context_create(card->device, NULL, &own.context);

	if (!err)
		err = accel_queue_create(own.context, NULL, &own.queue);
	outcome->text[0] = '\0';
	if (err) {
		outcome->status = fail_call(check->name, err);
		snprintf(outcome->text, sizeof(outcome->text), "no queue: %s", accel_errname(err));
	} else {
		outcome->status = check->run(&own, deadline, outcome->text, sizeof(outcome->text));
		if (!outcome->text[0])
			snprintf(outcome->text, sizeof(outcome->text), "see the messages");
	}
	accel_queue_unref(own.queue);
	accel_context_unref(own.context);
	return outcome->status;
}

static void print_json(const struct args *args, const struct card *card,
		       const struct outcome *outcomes, unsigned int count, bool good)
{
	struct json_object *document = doc_begin(args->command->schema), *array;

	card_describe(card, document);
	doc_bool(document, "good", good);
	array = doc_array(document, "checks");
	for (unsigned int i = 0; i < count; i++) {
		struct json_object *check = doc_append_object(array);

		doc_string(check, "name", checks[i].name);
		doc_string(check, "result", word(outcomes[i].status));
		doc_string(check, "detail", outcomes[i].text);
	}
	doc_print(document);
}

static void print_tap(const struct outcome *outcomes, unsigned int count)
{
	printf("TAP version 13\n1..%u\n", count);
	for (unsigned int i = 0; i < count; i++)
		printf("%sok %u - %s%s\n# %s\n",
		       outcomes[i].status == EXIT_OK || outcomes[i].status == EXIT_SKIPPED ? "" : "not ",
		       i + 1, checks[i].name, outcomes[i].status == EXIT_SKIPPED ? " # SKIP" : "",
		       outcomes[i].text);
}

static void print_table(const struct card *card, const struct outcome *outcomes,
			unsigned int count)
{
	static const char *const heads[] = { "CHECK", "RESULT", "DETAIL" };
	struct table table;

	card_field(card);
	table_begin(&table, heads, 3);
	for (unsigned int i = 0; i < count; i++) {
		table_cell(&table, "%s", checks[i].name);
		table_cell(&table, "%s", word(outcomes[i].status));
		table_cell(&table, "%s", outcomes[i].text);
	}
	table_end(&table);
}

static int run(const struct args *args)
{
	uint64_t deadline = deadline_in(args_seconds(args, "timeout"));
	struct outcome outcomes[CHECKS_MAX];
	unsigned int count = 0, total = 0;
	struct card card;
	int worst = EXIT_OK, status;

	if (output_json() && args_given(args, "tap"))
		return args_usage(args, "choose one of --tap and -o json");
	status = card_open(&card, args_text(args, "device"));
	if (status)
		return status;
	while (checks[total].name)
		total++;
	for (; count < total && !interrupt_pending(); count++) {
		status = run_check(&card, &checks[count], deadline, &outcomes[count]);
		if (interrupt_pending())
			break;
		if (status != EXIT_OK && status != EXIT_SKIPPED && worst == EXIT_OK)
			worst = status;
	}
	if (interrupt_pending()) {
		worst = interrupt_exit();
	} else if (output_json()) {
		print_json(args, &card, outcomes, count, worst == EXIT_OK);
	} else if (args_given(args, "tap")) {
		print_tap(outcomes, count);
	} else {
		print_table(&card, outcomes, count);
	}
	card_close(&card);
	return worst;
}

const struct command command_test_quick = {
	.noun = "test",
	.verb = "quick",
	.summary = "Check in a few seconds that a card computes, orders and isolates as it must.",
	.text = "Verified products of odd sizes in all types, fill, transposing copy, element-wise "
		"sums, fences across queues, and two jobs that must fail without harm to others. The "
		"status is that of the first check that failed.",
	.options = (const struct param[]){
		{ .name = "tap", .help = "print TAP, for test harnesses" },
		{ .name = "timeout", .kind = VALUE_SECONDS, .value = "SECONDS",
		  .help = "stop and end with status 7 when it takes longer" },
		{ 0 },
	},
	.schema = "accelctl.test.quick/1",
	.examples = "test quick\ntest quick -d sim: --tap",
	.run = run,
};
