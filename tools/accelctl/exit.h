/* SPDX-License-Identifier: MIT */
/*
 * Exit codes: part of the interface, see accelctl(1).
 */
#ifndef ACCELCTL_EXIT_H
#define ACCELCTL_EXIT_H

enum exit_code {
	EXIT_OK			= 0,
	EXIT_FAILED		= 1,
	EXIT_USAGE		= 2,
	EXIT_NODEVICE		= 3,
	EXIT_PERMISSION		= 4,
	EXIT_SKEW		= 5,
	EXIT_FAULT		= 6,
	EXIT_TIMELIMIT		= 7,
	EXIT_MISMATCH		= 8,
	EXIT_SKIPPED		= 77,
	EXIT_INTERRUPTED	= 130,
	EXIT_PIPE		= 141,
};

struct exit_info {
	int code;
	const char *name;
	const char *text;
};

/* Ends with an element without name. */
extern const struct exit_info exit_infos[];

/* exit_from_open(), exit_from_error(): the code for a negative errno of the library. */
int exit_from_open(int err);
int exit_from_error(int err);

#endif
