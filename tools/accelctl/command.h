/* SPDX-License-Identifier: MIT */
/*
 * Commands are data: parsing, usage, help, manual page, completion and
 * introspection all read the same table.
 */
#ifndef ACCELCTL_COMMAND_H
#define ACCELCTL_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

struct args;

enum value_kind {
	VALUE_NONE,		/* a switch */
	VALUE_NUMBER,		/* min..max */
	VALUE_SECONDS,		/* decimal seconds, more than 0 */
	VALUE_CHOICE,		/* one of choices */
	VALUE_FILE,
	VALUE_DIRECTORY,
	VALUE_DEVICE,
	VALUE_COMMAND,		/* words of a command */
	VALUE_TEXT,
};

/*
 * struct param - an option or, without letter and in its place, an argument.
 * A list of them ends with an element without name.
 */
struct param {
	const char *name;
	char letter;
	enum value_kind kind;
	bool optional;		/* an argument that may be absent */
	bool rest;		/* takes all further arguments */
	bool repeat;		/* an option that may be given several times */
	const char *value;	/* what help calls the value */
	const char *choices;	/* separated by blanks */
	uint64_t min;
	uint64_t max;
	const char *fallback;	/* the value when it is absent */
	const char *help;
};

struct command {
	const char *noun;
	const char *verb;	/* NULL: the noun is the command */
	const char *summary;
	const char *text;	/* paragraphs, separated by an empty line */
	const char *examples;	/* lines: arguments of accelctl */
	const struct param *args;
	const struct param *options;
	const char *schema;	/* of its JSON output; NULL: has none */
	bool hidden;		/* for tests and demonstrations: not completed */
	int (*run)(const struct args *args);
};

/* Ends with NULL. */
extern const struct command *const commands[];
extern const struct param global_options[];

/* command_find() - @verb is only looked at where the noun has verbs; NULL: none. */
const struct command *command_find(const char *noun, const char *verb);
bool command_noun_exists(const char *noun);
bool command_noun_has_verbs(const char *noun);

extern const struct command command_list, command_info, command_ps, command_stat,
	command_gemm, command_run, command_model_show, command_model_compile, command_model_validate, command_model_quantize, command_model_prune,
	command_cache_show, command_cache_clear,
	command_demo_digits, command_bench_latency,
	command_bench_throughput, command_bench_gemm, command_test_quick, command_dump_show,
	command_dump_replay,
	command_inject_hang, command_explain, command_version, command_help, command_completion_bash, command_introspect;

#endif
