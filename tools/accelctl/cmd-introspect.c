// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "args.h"
#include "exit.h"
#include "output.h"

static const char *const kinds[] = {
	[VALUE_NONE] = "none", [VALUE_NUMBER] = "number", [VALUE_SECONDS] = "seconds",
	[VALUE_CHOICE] = "choice", [VALUE_FILE] = "file", [VALUE_DIRECTORY] = "directory",
	[VALUE_DEVICE] = "device", [VALUE_COMMAND] = "command", [VALUE_TEXT] = "text",
};

static void add_params(struct json_object *object, const char *name, const struct param *params)
{
	struct json_object *array = doc_array(object, name);

	for (; params && params->name; params++) {
		struct json_object *member = doc_append_object(array);

		doc_string(member, "name", params->name);
		if (params->letter)
			doc_string(member, "letter", (const char[]){ params->letter, 0 });
		doc_string(member, "kind", kinds[params->kind]);
		if (params->optional)
			doc_bool(member, "optional", true);
		if (params->rest)
			doc_bool(member, "rest", true);
		if (params->repeat)
			doc_bool(member, "repeat", true);
		if (params->value)
			doc_string(member, "value", params->value);
		if (params->kind == VALUE_NUMBER) {
			doc_number(member, "minimum", params->min);
			doc_number(member, "maximum", params->max);
		}
		if (params->choices) {
			struct json_object *choices = doc_array(member, "choices");
			const char *at = params->choices;

			while (*at) {
				char word[32];
				size_t length = strcspn(at, " ");

				snprintf(word, sizeof(word), "%.*s", (int)length, at);
				doc_append_string(choices, word);
				at += length;
				at += *at == ' ';
			}
		}
		if (params->fallback)
			doc_string(member, "default", params->fallback);
		doc_string(member, "help", params->help);
	}
}

static int run(const struct args *args)
{
	struct json_object *document = doc_begin(args->command->schema);
	struct json_object *array;

	add_params(document, "global_options", global_options);
	array = doc_array(document, "commands");
	for (size_t i = 0; commands[i]; i++) {
		struct json_object *member = doc_append_object(array);

		doc_string(member, "noun", commands[i]->noun);
		doc_string(member, "verb", commands[i]->verb);
		doc_string(member, "summary", commands[i]->summary);
		doc_bool(member, "hidden", commands[i]->hidden);
		doc_string(member, "schema", commands[i]->schema);
		add_params(member, "arguments", commands[i]->args);
		add_params(member, "options", commands[i]->options);
	}
	array = doc_array(document, "exit_codes");
	for (const struct exit_info *info = exit_infos; info->name; info++) {
		struct json_object *member = doc_append_object(array);

		doc_number(member, "code", (uint64_t)info->code);
		doc_string(member, "name", info->name);
		doc_string(member, "text", info->text);
	}
	doc_print(document);
	return EXIT_OK;
}

const struct command command_introspect = {
	.noun = "introspect",
	.summary = "Print the tree of commands, options and exit codes as JSON.",
	.text = "Always JSON, for programs that drive accelctl.",
	.schema = "accelctl.introspect/1",
	.run = run,
};
