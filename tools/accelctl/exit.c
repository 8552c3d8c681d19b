// SPDX-License-Identifier: MIT
#include "exit.h"

#include <errno.h>

const struct exit_info exit_infos[] = {
	{ EXIT_OK, "ok", "Done." },
	{ EXIT_FAILED, "failed", "The operation failed; a file is missing, damaged or of a kind "
	  "that cannot be used; the output could not be written." },
	{ EXIT_USAGE, "usage", "Wrong command line, or sizes that this machine has no memory for." },
	{ EXIT_NODEVICE, "no-device", "There is no such device, or several where one must be named." },
	{ EXIT_PERMISSION, "permission", "Permission denied, for the device or a file." },
	{ EXIT_SKEW, "version-skew", "Driver and library do not understand each other." },
	{ EXIT_FAULT, "fault", "The device or a job on it failed." },
	{ EXIT_TIMELIMIT, "time-limit", "A time limit passed, or a job hung and was stopped." },
	{ EXIT_MISMATCH, "mismatch", "A result is not what it must be, or a replay did not end as the dump says." },
	{ EXIT_SKIPPED, "skipped", "The device lacks what the command needs; nothing was done." },
	{ EXIT_INTERRUPTED, "interrupted", "Ended by SIGINT (SIGHUP gives 129, SIGTERM 143)." },
	{ EXIT_PIPE, "pipe", "Whoever read the output went away." },
	{ 0 },
};

int exit_from_error(int err)
{
	switch (err) {
	case 0:
		return EXIT_OK;
	case -EACCES:
	case -EPERM:
		return EXIT_PERMISSION;
	case -EPROTO:
		return EXIT_SKEW;
	case -EIO:
	case -ECANCELED:
	case -ENODEV:
		return EXIT_FAULT;
	case -ETIME:
		return EXIT_TIMELIMIT;
	default:
		return EXIT_FAILED;
	}
}

int exit_from_open(int err)
{
	switch (err) {
	case -ENODEV:
		return EXIT_NODEVICE;
	case -EINVAL:
		return EXIT_USAGE;
	default:
		return exit_from_error(err);
	}
}
