// SPDX-License-Identifier: MIT
#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <accel/accel.h>

#include "exit.h"
#include "interrupt.h"
#include "progress.h"
#include "text.h"

static bool is_quiet, is_verbose;

void message_setup(bool quiet, bool verbose)
{
	is_quiet = quiet;
	is_verbose = verbose;
}

bool message_quiet(void)
{
	return is_quiet;
}

static void say(const char *prefix, const char *format, va_list ap)
{
	char text[1024];

	progress_clear();
	vsnprintf(text, sizeof(text), format, ap);
	/* Names may hold anything; a terminal must not act on it. */
	fprintf(stderr, "%s%s\n", prefix, text_clean(text));
}

void complain(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say("accelctl: ", format, ap);
	va_end(ap);
}

void hint(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say("  ", format, ap);
	va_end(ap);
}

void note(const char *format, ...)
{
	va_list ap;

	if (is_quiet)
		return;
	va_start(ap, format);
	say("accelctl: ", format, ap);
	va_end(ap);
}

void detail(const char *format, ...)
{
	va_list ap;

	if (!is_verbose)
		return;
	va_start(ap, format);
	say("accelctl: ", format, ap);
	va_end(ap);
}

int fail_call(const char *what, int err)
{
	const struct accel_error *error = accel_last_error();

	/* Who asked for the end knows. */
	if (err == -EINTR && interrupt_pending())
		return interrupt_exit();
	if (error->code == err && error->text && *error->text) {
		complain("%s: %s", what, error->text);
		detail("%s returned %s", error->op, accel_errname(err));
		if (error->hint && *error->hint)
			hint("%s", error->hint);
	} else {
		complain("%s: %s", what, accel_strerror(err));
	}
	return exit_from_error(err);
}

int fail_job(const char *what, const struct accel_result *result)
{
	char text[256];

	accel_result_describe(result, text, sizeof(text));
	complain("%s: %s", what, text);
	return exit_from_error(result->error);
}

int fail_wait(const char *what, int err)
{
	if (err == -EINTR && interrupt_pending()) {
		progress_clear();
		return interrupt_exit();
	}
	if (err == -ETIME) {
		complain("%s: the time limit of --timeout passed; the job was stopped", what);
		return EXIT_TIMELIMIT;
	}
	return fail_call(what, err);
}
