// SPDX-License-Identifier: MIT
#include "command.h"

#include <string.h>

const struct command *const commands[] = {
	&command_list,
	&command_info,
	&command_ps,
	&command_stat,
	&command_gemm,
	&command_run,
	&command_model_show,
	&command_model_compile,
	&command_model_validate,
	&command_model_quantize,
	&command_model_prune,
	&command_cache_show,
	&command_cache_clear,
	&command_demo_digits,
	&command_bench_latency,
	&command_bench_throughput,
	&command_bench_gemm,
	&command_test_quick,
	&command_dump_show,
	&command_dump_replay,
	&command_inject_hang,
	&command_explain,
	&command_version,
	&command_help,
	&command_completion_bash,
	&command_introspect,
	NULL,
};

const struct param global_options[] = {
	{ .name = "device", .letter = 'd', .kind = VALUE_DEVICE, .value = "DEVICE",
	  .help = "PCI address, sn:SERIAL, /dev/accel/accelN, or sim: for a simulated card "
		  "(default: $ACCEL_DEVICE, else the only card)" },
	{ .name = "output", .letter = 'o', .kind = VALUE_CHOICE, .value = "FORMAT",
	  .choices = "table json", .fallback = "table", .help = "form of what goes to standard output" },
	{ .name = "quiet", .letter = 'q', .help = "no notes and no progress bar" },
	{ .name = "verbose", .letter = 'v', .help = "tell more, on standard error" },
	{ .name = "no-color", .help = "no colours; so does a non-empty $NO_COLOR" },
	{ .name = "help", .letter = 'h', .help = "show help on the command" },
	{ .name = "version", .help = "show versions" },
	{ 0 },
};

const struct command *command_find(const char *noun, const char *verb)
{
	for (size_t i = 0; commands[i]; i++) {
		if (strcmp(commands[i]->noun, noun))
			continue;
		if (!commands[i]->verb || (verb && !strcmp(commands[i]->verb, verb)))
			return commands[i];
	}
	return NULL;
}

bool command_noun_exists(const char *noun)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->noun, noun))
			return true;
	return false;
}

bool command_noun_has_verbs(const char *noun)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->noun, noun) && commands[i]->verb)
			return true;
	return false;
}
