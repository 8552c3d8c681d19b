// SPDX-License-Identifier: MIT
/*
 * accelctl explain: what a code or a name in a message means, and what to do.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <accel/accel.h>

#include "args.h"
#include "exit.h"
#include "message.h"
#include "output.h"

struct advice {
	const char *name;
	const char *text;
};

static const struct advice exit_advice[] = {
	{ "failed", "The message before it says what; -v tells more." },
	{ "usage", "accelctl help COMMAND shows how." },
	{ "no-device", "accelctl list shows the cards; sim: needs none." },
	{ "permission", "Be in the group of the node, mostly render; see setup.rst." },
	{ "version-skew", "Update the older of driver and library; accelctl version -d DEVICE shows them." },
	{ "fault", "The message names the job's fault; accelctl dump show reads what the driver kept." },
	{ "time-limit", "Allow more (--timeout), or look for what keeps the card busy: accelctl ps, accelctl stat." },
	{ "mismatch", "Report it with the command line: equal input gives equal bits on every card." },
	{ "skipped", "accelctl info shows what the device can." },
};

static const struct advice error_advice[] = {
	{ "EIO", "Create another queue; context, buffers and programs are good. accel_result_describe() and "
	  "accelctl dump show name the fault." },
	{ "ETIME", "Of a wait: the job goes on, wait again. Of a job: it hung and its queue is banned, create "
	  "another." },
	{ "ECANCELED", "Submit again; if the queue is not OK any more, on another." },
	{ "ENODEV", "Close everything of the device and open it again when it is back." },
	{ "EAGAIN", "Wait for a job, or reap results, and submit again." },
	{ "EOPNOTSUPP", "The text names what is missing; accel_device_has() and accelctl info tell before." },
	{ "EINVAL", "The text names the argument and what is wrong with it." },
	{ "E2BIG", "Split the work, or use a library as new as the headers." },
	{ "ENOSPC", "Free buffers or queues; system memory instead of ACCEL_BUFFER_LOCAL." },
	{ "ENOMEM", "Free memory." },
	{ "EBUSY", "Wait for the fence of what is under way." },
	{ "EACCES", "Be in the group of the node, mostly render; see setup.rst." },
	{ "EPERM", "It takes a privilege: a high priority needs CAP_SYS_NICE." },
	{ "EPROTO", "Update the older of driver and library." },
	{ "EOWNERDEAD", "Open the device again in the child." },
	{ "EINTR", "Call again." },
	{ "EALREADY", "Nothing is left to cancel." },
	{ "ESTALE", "Load the model again." },
};

static const struct advice outcome_advice[] = {
	{ "ok", "The job is done." },
	{ "fault", "It touched memory that it may not: the result has address, packet and operand." },
	{ "bad-program", "The card refused a packet: the result has the packet and why." },
	{ "timeout", "It hung and was stopped; its queue is banned. See timeout_ms, limit_ms of queues." },
	{ "canceled", "It never ran, or fell to another's reset: submit it again, on another queue if need be." },
	{ "device-lost", "The card is gone: open it again." },
	{ "host", "An operator of a model failed on the processor, as for an index out of range." },
};

static const char *advice_of(const struct advice *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return list[i].text;
	return "";
}

#define ADVICE(list, name)	advice_of(list, sizeof(list) / sizeof(*(list)), name)

struct explain {
	struct json_object *array;
	unsigned int found;
};

static void meaning(struct explain *e, const char *kind, const char *name, int number,
		    const char *text, const char *advice)
{
	if (e->array) {
		struct json_object *object = doc_append_object(e->array);

		doc_string(object, "kind", kind);
		doc_string(object, "name", name);
		doc_signed(object, "number", number);
		doc_string(object, "text", text);
		doc_string(object, "advice", advice);
	} else {
		printf("%s%s %d, %s%s: %s\n", style_bold(), kind, number, name, style_end(), text);
		if (*advice)
			printf("    %s\n", advice);
	}
	e->found++;
}

/* What the library says of a fault: the end of its sentence on a job. */
static const char *fault_text(uint32_t code, char *text, size_t size)
{
	struct accel_result result = { .outcome = ACCEL_JOB_FAULT, .fault_code = code,
				       .fault_operand = 0xff };
	const char *colon;

	accel_result_describe(&result, text, size);
	colon = strrchr(text, ':');
	return colon && colon[1] ? colon + 2 : text;
}

static void explain(struct explain *e, const char *word)
{
	char *end, text[256];
	long number = strtol(word, &end, 10);
	bool numeric = *word && !*end;

	for (const struct exit_info *info = exit_infos; info->name; info++)
		if (numeric ? number == info->code : !strcasecmp(word, info->name))
			meaning(e, "exit status", info->name, info->code, info->text,
				ADVICE(exit_advice, info->name));
	for (int code = 1; code < 200; code++) {
		const char *name = accel_errname(code);

		if (*name != '?' && (numeric ? number == -code : !strcasecmp(word, name)))
			meaning(e, "error", name, -code, accel_strerror(code),
				ADVICE(error_advice, name));
	}
	for (int i = 0; i < 32 && !numeric; i++) {
		const char *name = accel_outcome_name((uint32_t)i);

		if (!strcasecmp(word, name) && strcmp(name, "unknown"))
			meaning(e, "outcome", name, i, "how a job ended",
				ADVICE(outcome_advice, name));
	}
	for (int i = 1; i < 256 && !numeric; i++) {
		const char *name = accel_fault_name((uint32_t)i);

		if (!strcasecmp(word, name) && strcmp(name, "unknown"))
			meaning(e, "fault", name, i, fault_text((uint32_t)i, text, sizeof(text)), "");
	}
}

static int run(const struct args *args)
{
	const char *word = args_text(args, "CODE");
	struct json_object *document = output_json() ? doc_begin(args->command->schema) : NULL;
	struct explain e = { 0 };

	if (document) {
		doc_string(document, "code", word);
		e.array = doc_array(document, "meanings");
	}
	explain(&e, word);
	if (document)
		doc_print(document);
	if (e.found)
		return EXIT_OK;
	complain("'%s' is no exit status, error, outcome or fault", word);
	hint("numbers are exit statuses, negative ones errors; accelctl help lists the former");
	return EXIT_FAILED;
}

const struct command command_explain = {
	.noun = "explain",
	.summary = "Explain an exit status, an error, an outcome or a fault.",
	.text = "CODE is an exit status of this program, as 6; a negative number or a name of an error of "
		"the library, as -62 or ETIME; the outcome of a job, as device-lost; or a fault's name, as "
		"not-mapped. All meanings of a name are shown.",
	.args = (const struct param[]){
		{ .name = "CODE", .kind = VALUE_TEXT, .help = "a number or a name" },
		{ 0 },
	},
	.schema = "accelctl.explain/1",
	.examples = "explain 6\nexplain ETIME\nexplain not-mapped -o json",
	.run = run,
};
