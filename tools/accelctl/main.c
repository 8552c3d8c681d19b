// SPDX-License-Identifier: MIT
/*
 * accelctl: list, use, measure and test Loom cards.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "exit.h"
#include "help.h"
#include "interrupt.h"
#include "message.h"
#include "output.h"

/*
 * A standard descriptor that the caller closed must not become a file or a device of ours:
 * occupy it with something that fails as a closed one does.
 */
static void occupy_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
				_exit(EXIT_FAILED);
}

int main(int argc, char **argv)
{
	struct args args;
	int status;

	occupy_descriptors();
	interrupt_setup();
	status = args_parse(&args, argc, argv);
	if (status)
		return status;
	message_setup(args_given(&args, "quiet"), args_given(&args, "verbose"));
	output_setup(!strcmp(args_text(&args, "output"), "json"), args_given(&args, "no-color"));
	if (args_given(&args, "help") || (!args.noun && !args_given(&args, "version"))) {
		if (!args.noun && !args_given(&args, "help")) {
			complain("no command given");
			hint("see 'accelctl help'");
			return EXIT_USAGE;
		}
		help_command(args.noun, args.command ? args.command->verb : NULL);
		return output_end(EXIT_OK);
	}
	if (args_given(&args, "version"))
		args.command = &command_version;
	if (output_json() && !args.command->schema)
		return args_usage(&args, "this command has no JSON output");
	status = args.command->run(&args);
	return output_end(status);
}
