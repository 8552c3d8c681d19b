/* SPDX-License-Identifier: MIT */
/*
 * The command line, parsed and checked against the table of commands.
 */
#ifndef ACCELCTL_ARGS_H
#define ACCELCTL_ARGS_H

#include "command.h"

#define ARGS_OPTIONS_MAX	24
#define ARGS_ARGUMENTS_MAX	8
#define ARGS_REPEATS_MAX	128

struct args {
	const struct command *command;
	const char *noun;	/* set even where the command is not known */
	const char *global[ARGS_OPTIONS_MAX];
	const char *option[ARGS_OPTIONS_MAX];
	const char *argument[ARGS_ARGUMENTS_MAX];
	unsigned int arguments;
	/* All values of options that may be repeated, in their order. */
	struct {
		const struct param *param;
		const char *value;
	} repeated[ARGS_REPEATS_MAX];
	unsigned int repeats;
};

/*
 * args_parse() - 0, or EXIT_USAGE with a message. Where --help or --version is given, or no
 * command at all, stops there: command may be NULL.
 */
int args_parse(struct args *args, int argc, char **argv);

/* Look up an option or argument by its name, which the command's table must have. */
bool args_given(const struct args *args, const char *name);
const char *args_text(const struct args *args, const char *name);
/* args_next() - the value of a repeatable option from *at on, and past it; NULL at the end. */
const char *args_next(const struct args *args, const char *name, unsigned int *at);
uint64_t args_number(const struct args *args, const char *name);
/* args_seconds() - nanoseconds; 0 if absent. */
uint64_t args_seconds(const struct args *args, const char *name);

/* args_usage() - complain about the use of the command and point to its help: EXIT_USAGE. */
int args_usage(const struct args *args, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
