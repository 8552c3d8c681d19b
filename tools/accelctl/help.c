// SPDX-License-Identifier: MIT
#include "help.h"

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "exit.h"
#include "output.h"

#define WIDTH	78

/* Print words of @text between the columns @indent and WIDTH, the cursor being at @column. */
static void wrap(const char *text, unsigned int column, unsigned int indent)
{
	while (*text) {
		size_t length;

		if (!strncmp(text, "\n\n", 2)) {
			printf("\n\n%*s", (int)indent, "");
			column = indent;
			text += 2;
			continue;
		}
		text += strspn(text, " \n");
		length = strcspn(text, " \n");
		if (column > indent && column + 1 + length > WIDTH) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)length, text);
		column += (unsigned int)length;
		text += length;
	}
	putchar('\n');
}

static void option_text(const struct param *option, char *text, size_t size)
{
	int used = 0;

	if (option->letter)
		used = snprintf(text, size, "-%c, ", option->letter);
	else
		used = snprintf(text, size, "    ");
	snprintf(text + used, size - (size_t)used, "--%s%s%s", option->name,
		 option->value ? " " : "", option->value ? option->value : "");
}

/* What the table knows beyond the help text: choices, range, default. */
static void param_text(const struct param *param, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s", param->help);

	if (param->kind == VALUE_CHOICE)
		used += (size_t)snprintf(text + used, size - used, "; one of: %s", param->choices);
	if (param->fallback)
		snprintf(text + used, size - used, " (default: %s)", param->fallback);
}

static void print_params(const struct param *params, bool options)
{
	for (; params && params->name; params++) {
		char left[64], right[512];

		if (options)
			option_text(params, left, sizeof(left));
		else
			snprintf(left, sizeof(left), "%s", params->name);
		param_text(params, right, sizeof(right));
		printf("  %s%s%s", style_bold(), left, style_end());
		if (strlen(left) > 24)
			printf("\n%*s", 28, "");
		else
			printf("%*s", (int)(26 - strlen(left)), "");
		wrap(right, 28, 28);
	}
}

static void synopsis(const struct command *command, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s%s%s", command->noun,
				       command->verb ? " " : "", command->verb ? command->verb : "");
	const struct param *arg = command->args;

	for (; arg && arg->name; arg++)
		used += (size_t)snprintf(text + used, size - used, arg->optional ? " [%s%s]" : " %s%s",
					 arg->name, arg->rest ? "..." : "");
	if (command->options && command->options->name)
		snprintf(text + used, size - used, " [OPTION]...");
}

static void heading(const char *text)
{
	printf("\n%s%s%s\n", style_bold(), text, style_end());
}

static void print_command(const struct command *command)
{
	char text[128];

	synopsis(command, text, sizeof(text));
	printf("%susage:%s accelctl %s\n\n", style_bold(), style_end(), text);
	wrap(command->summary, 0, 0);
	if (command->text) {
		putchar('\n');
		wrap(command->text, 0, 0);
	}
	if (command->args && command->args->name) {
		heading("arguments");
		print_params(command->args, false);
	}
	if (command->options && command->options->name) {
		heading("options");
		print_params(command->options, true);
	}
	heading("global options");
	print_params(global_options, true);
	if (command->examples) {
		heading("examples");
		for (const char *line = command->examples; *line;) {
			size_t length = strcspn(line, "\n");

			printf("  accelctl %.*s\n", (int)length, line);
			line += length + (line[length] == '\n');
		}
	}
	if (command->schema)
		printf("\nWith -o json: schema %s.\n", command->schema);
}

static void print_summaries(const char *noun)
{
	for (size_t i = 0; commands[i]; i++) {
		char text[128];

		if ((noun && strcmp(commands[i]->noun, noun)) || (!noun && commands[i]->hidden))
			continue;
		snprintf(text, sizeof(text), "%s%s%s", commands[i]->noun, commands[i]->verb ? " " : "",
			 commands[i]->verb ? commands[i]->verb : "");
		printf("  %s%-18s%s ", style_bold(), text, style_end());
		wrap(commands[i]->summary, 21, 21);
	}
}

int help_command(const char *noun, const char *verb)
{
	const struct command *command;

	if (!noun) {
		printf("%susage:%s accelctl [GLOBAL OPTION]... COMMAND [ARGUMENT]... [OPTION]...\n",
		       style_bold(), style_end());
		heading("commands");
		print_summaries(NULL);
		heading("global options");
		print_params(global_options, true);
		heading("exit status");
		for (const struct exit_info *info = exit_infos; info->name; info++) {
			printf("  %3d  ", info->code);
			wrap(info->text, 7, 7);
		}
		printf("\nMore: accelctl help COMMAND, accelctl(1).\n");
		return 0;
	}
	command = command_find(noun, verb);
	if (command) {
		print_command(command);
		return 0;
	}
	if (verb || !command_noun_exists(noun))
		return -1;
	printf("%susage:%s accelctl %s COMMAND [ARGUMENT]... [OPTION]...\n", style_bold(), style_end(),
	       noun);
	heading("commands");
	print_summaries(noun);
	printf("\nMore: accelctl help %s COMMAND.\n", noun);
	return 0;
}

/* --- Manual page ------------------------------------------------------------------------- */

/* Text as roff takes it literally; an empty line becomes a paragraph. */
static void roff(const char *text)
{
	bool line = true;

	for (; *text; text++) {
		if (!strncmp(text, "\n\n", 2)) {
			printf("\n.P\n");
			text++;
			line = true;
			continue;
		}
		if (line && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		line = *text == '\n';
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
	}
}

static void roff_params(const struct param *params, bool options)
{
	for (; params && params->name; params++) {
		char text[512];

		printf(".TP\n");
		if (options) {
			char letter[8] = "";

			if (params->letter)
				snprintf(letter, sizeof(letter), "-%c, ", params->letter);
			snprintf(text, sizeof(text), "%s--%s", letter, params->name);
			printf("\\fB");
			roff(text);
			printf("\\fR");
			if (params->value)
				printf(" \\fI%s\\fR", params->value);
		} else {
			printf("\\fI%s\\fR", params->name);
		}
		putchar('\n');
		param_text(params, text, sizeof(text));
		roff(text);
		putchar('\n');
	}
}

void help_roff(void)
{
	printf(".SH COMMANDS\n");
	for (size_t i = 0; commands[i]; i++) {
		char text[128];

		synopsis(commands[i], text, sizeof(text));
		printf(".SS \"");
		roff(text);
		printf("\"\n");
		roff(commands[i]->summary);
		putchar('\n');
		if (commands[i]->text) {
			printf(".P\n");
			roff(commands[i]->text);
			putchar('\n');
		}
		roff_params(commands[i]->args, false);
		roff_params(commands[i]->options, true);
		if (commands[i]->schema) {
			printf(".P\nJSON schema: ");
			roff(commands[i]->schema);
			printf("\n");
		}
		if (commands[i]->examples) {
			printf(".P\n.EX\n");
			for (const char *line = commands[i]->examples; *line;) {
				size_t length = strcspn(line, "\n");
				char one[256];

				snprintf(one, sizeof(one), "    accelctl %.*s\n", (int)length, line);
				roff(one);
				line += length + (line[length] == '\n');
			}
			printf(".EE\n");
		}
	}
	printf(".SH GLOBAL OPTIONS\nThey may stand anywhere on the command line.\n");
	roff_params(global_options, true);
	printf(".SH EXIT STATUS\n");
	for (const struct exit_info *info = exit_infos; info->name; info++) {
		printf(".TP\n\\fB%d\\fR\n", info->code);
		roff(info->text);
		putchar('\n');
	}
}
