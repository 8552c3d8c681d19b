// SPDX-License-Identifier: MIT
#include <string.h>

#include "args.h"
#include "exit.h"
#include "help.h"

static int run(const struct args *args)
{
	if (args_given(args, "roff")) {
		help_roff();
		return EXIT_OK;
	}
	if (args->arguments > 2)
		return args_usage(args, "unexpected argument '%s'", args->argument[2]);
	if (help_command(args->argument[0], args->argument[1]))
		return args_usage(args, "unknown command '%s%s%s'", args->argument[0],
				  args->argument[1] ? " " : "",
				  args->argument[1] ? args->argument[1] : "");
	return EXIT_OK;
}

const struct command command_help = {
	.noun = "help",
	.summary = "Show help on accelctl or on a command.",
	.args = (const struct param[]){
		{ .name = "COMMAND", .kind = VALUE_COMMAND, .optional = true, .rest = true,
		  .help = "the command, one or two words" },
		{ 0 },
	},
	.options = (const struct param[]){
		{ .name = "roff", .help = "print the lists of the manual page" },
		{ 0 },
	},
	.examples = "help\nhelp gemm\nhelp bench latency",
	.run = run,
};
