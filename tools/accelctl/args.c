// SPDX-License-Identifier: MIT
#include "args.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "number.h"
#include "message.h"

static const char present[] = "";

static const char *verb_of(const struct args *args)
{
	return args->command && args->command->verb ? args->command->verb : NULL;
}

int args_usage(const struct args *args, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	complain("%s", text);
	if (args->noun)
		hint("see 'accelctl help %s%s%s'", args->noun, verb_of(args) ? " " : "",
		     verb_of(args) ? verb_of(args) : "");
	else
		hint("see 'accelctl help'");
	return EXIT_USAGE;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t length = strlen(text);

	while (*choices) {
		size_t word = strcspn(choices, " ");

		if (word == length && !strncmp(choices, text, word))
			return true;
		choices += word;
		choices += *choices == ' ';
	}
	return false;
}

static int check(const struct args *args, const struct param *param, const char *name,
		 const char *text)
{
	uint64_t value;

	switch (param->kind) {
	case VALUE_NUMBER:
		if (!number_parse(text, param->min, param->max, &value))
			return args_usage(args, "%s must be a whole number from %" PRIu64 " to %" PRIu64
					  ", not '%s'", name, param->min, param->max, text);
		return 0;
	case VALUE_SECONDS:
		if (!number_seconds(text, &value))
			return args_usage(args, "%s must be seconds, more than 0 and at most 1000000, "
					  "not '%s'", name, text);
		return 0;
	case VALUE_CHOICE:
		if (!is_choice(param->choices, text))
			return args_usage(args, "%s must be one of: %s; not '%s'", name,
					  param->choices, text);
		return 0;
	case VALUE_FILE:
	case VALUE_DIRECTORY:
		if (!*text)
			return args_usage(args, "%s must name a file", name);
		return 0;
	default:
		return 0;
	}
}

static const struct param *find(const struct param *params, const char *name, size_t length,
				char letter, unsigned int *index)
{
	for (unsigned int i = 0; params && params[i].name; i++) {
		if (letter ? params[i].letter == letter :
			     strlen(params[i].name) == length && !strncmp(params[i].name, name, length)) {
			*index = i;
			return &params[i];
		}
	}
	return NULL;
}

/* parse_option() - the option at argv[*at]; moves *at over a value of its own. */
static int parse_option(struct args *args, int argc, char **argv, int *at)
{
	const char *word = argv[*at], *value = NULL;
	const char **slots;
	const struct param *param;
	unsigned int index;
	char shown[64];

	if (word[1] == '-') {
		size_t length = strcspn(word + 2, "=");

		snprintf(shown, sizeof(shown), "%.*s", (int)length + 2, word);
		/* A command may use a long name for itself: the letter stays the global one's. */
		slots = args->option;
		param = args->command ?
			find(args->command->options, word + 2, length, 0, &index) : NULL;
		if (!param) {
			slots = args->global;
			param = find(global_options, word + 2, length, 0, &index);
		}
		if (word[2 + length])
			value = word + 2 + length + 1;
	} else {
		snprintf(shown, sizeof(shown), "-%c", word[1]);
		slots = args->global;
		param = find(global_options, NULL, 0, word[1], &index);
		if (!param && args->command) {
			slots = args->option;
			param = find(args->command->options, NULL, 0, word[1], &index);
		}
		if (param && param->kind == VALUE_NONE && word[2]) {
			/* Switches in one word: take the first, leave the rest. */
			slots[index] = present;
			argv[*at]++;
			argv[*at][0] = '-';
			(*at)--;
			return 0;
		}
		if (word[2])
			value = word + 2;
	}
	if (!param && !args->command)
		return args_usage(args, "unknown option '%s' before the command", shown);
	if (!param)
		return args_usage(args, "unknown option '%s'", shown);
	if (param->kind == VALUE_NONE) {
		if (value)
			return args_usage(args, "option '%s' takes no value", shown);
		slots[index] = present;
		return 0;
	}
	if (!value) {
		if (*at + 1 >= argc)
			return args_usage(args, "option '%s' needs a value: %s", shown, param->value);
		value = argv[++*at];
	}
	if (param->repeat && args->repeats == ARGS_REPEATS_MAX)
		return args_usage(args, "option '%s' is given too often", shown);
	if (param->repeat) {
		args->repeated[args->repeats].param = param;
		args->repeated[args->repeats++].value = value;
	}
	slots[index] = value;
	return check(args, param, shown, value);
}

static int parse_argument(struct args *args, const char *text)
{
	const struct param *params = args->command->args;
	unsigned int count = 0;

	while (params && params[count].name)
		count++;
	if (args->arguments >= ARGS_ARGUMENTS_MAX ||
	    (args->arguments >= count && !(count && params[count - 1].rest)))
		return args_usage(args, "unexpected argument '%s'", text);
	if (args->arguments < count) {
		const struct param *param = &params[args->arguments];
		int status = check(args, param, param->name, text);

		if (status)
			return status;
	}
	args->argument[args->arguments++] = text;
	return 0;
}

/* parse_word() - noun, verb or argument. */
static int parse_word(struct args *args, const char *text)
{
	if (args->command)
		return parse_argument(args, text);
	if (!args->noun) {
		if (!command_noun_exists(text))
			return args_usage(args, "unknown command '%s'", text);
		args->noun = text;
		if (!command_noun_has_verbs(text))
			args->command = command_find(text, NULL);
		return 0;
	}
	args->command = command_find(args->noun, text);
	if (!args->command)
		return args_usage(args, "unknown command '%s %s'", args->noun, text);
	return 0;
}

int args_parse(struct args *args, int argc, char **argv)
{
	bool options = true;
	int status = 0;

	memset(args, 0, sizeof(*args));
	for (int i = 1; i < argc && !status; i++) {
		if (options && !strcmp(argv[i], "--"))
			options = false;
		else if (options && argv[i][0] == '-' && argv[i][1])
			status = parse_option(args, argc, argv, &i);
		else
			status = parse_word(args, argv[i]);
	}
	if (status || args_given(args, "help") || args_given(args, "version") || !args->noun)
		return status;
	if (!args->command) {
		char verbs[128] = "";

		for (size_t i = 0; commands[i]; i++) {
			size_t used = strlen(verbs);

			if (!strcmp(commands[i]->noun, args->noun))
				snprintf(verbs + used, sizeof(verbs) - used, " %s", commands[i]->verb);
		}
		return args_usage(args, "'%s' needs one of:%s", args->noun, verbs);
	}
	for (unsigned int i = args->arguments; args->command->args && args->command->args[i].name; i++)
		if (!args->command->args[i].optional)
			return args_usage(args, "argument %s is missing", args->command->args[i].name);
	return 0;
}

static const char *const *slot(const struct args *args, const char *name,
			       const struct param **param)
{
	unsigned int index;

	*param = find(global_options, name, strlen(name), 0, &index);
	if (*param)
		return &args->global[index];
	if (args->command) {
		*param = find(args->command->options, name, strlen(name), 0, &index);
		if (*param)
			return &args->option[index];
		*param = find(args->command->args, name, strlen(name), 0, &index);
		if (*param)
			return &args->argument[index];
	}
	fprintf(stderr, "accelctl: the table of commands has no '%s'\n", name);
	abort();
}

bool args_given(const struct args *args, const char *name)
{
	const struct param *param;

	return *slot(args, name, &param) != NULL;
}

const char *args_text(const struct args *args, const char *name)
{
	const struct param *param;
	const char *const *value = slot(args, name, &param);

	return *value ? *value : param->fallback;
}

const char *args_next(const struct args *args, const char *name, unsigned int *at)
{
	while (*at < args->repeats) {
		unsigned int i = (*at)++;

		if (!strcmp(args->repeated[i].param->name, name))
			return args->repeated[i].value;
	}
	return NULL;
}

uint64_t args_number(const struct args *args, const char *name)
{
	const char *text = args_text(args, name);
	uint64_t value = 0;

	if (text)
		number_parse(text, 0, UINT64_MAX, &value);
	return value;
}

uint64_t args_seconds(const struct args *args, const char *name)
{
	const char *text = args_text(args, name);
	uint64_t ns = 0;

	if (text)
		number_seconds(text, &ns);
	return ns;
}
