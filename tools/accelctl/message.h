/* SPDX-License-Identifier: MIT */
/*
 * What goes to standard error, and how to say that the library failed.
 */
#ifndef ACCELCTL_MESSAGE_H
#define ACCELCTL_MESSAGE_H

#include <stdbool.h>

struct accel_result;

/* complain() - an error; hint() - what to do about it. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* note() - unless --quiet; detail() - with --verbose. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void detail(const char *format, ...) __attribute__((format(printf, 1, 2)));

void message_setup(bool quiet, bool verbose);
bool message_quiet(void);

/*
 * fail_call() - complain about a library call that returned @err: an exit code. The thread's
 * last error must be that of the call.
 */
int fail_call(const char *what, int err);

/* fail_job() - complain about a job that did not end well: an exit code. */
int fail_job(const char *what, const struct accel_result *result);

/* fail_wait() - complain about the end of job_wait(): an exit code. */
int fail_wait(const char *what, int err);

#endif
