// SPDX-License-Identifier: MIT
/*
 * Errors: the thread's last failure, and what codes mean.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

static _Thread_local struct {
	const char *op;
	char text[384];
	struct accel_error last;
} tls;

int err(int code, const char *hint, const char *fmt, ...)
{
	char text[sizeof(tls.text)];
	va_list ap;

	/* Arguments may point into the old text. */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	memcpy(tls.text, text, sizeof(text));
	tls.last.code = code;
	tls.last.op = tls.op ? tls.op : "";
	tls.last.text = tls.text;
	tls.last.hint = hint ? hint : "";
	return code;
}

int err_nomem(const char *what)
{
	return err(-ENOMEM, NULL, "no memory for %s", what);
}

int err_forked(void)
{
	return err(-EOWNERDEAD, "open the device again in the child",
		   "the object was made before fork() by the parent process");
}

const char *error_enter(const char *op)
{
	const char *saved = tls.op;

	if (!saved)
		tls.op = op;
	return saved;
}

void error_leave(const char **saved)
{
	tls.op = *saved;
}

ACCEL_API const struct accel_error *accel_last_error(void)
{
	if (!tls.last.op) {
		tls.last.op = "";
		tls.last.text = "";
		tls.last.hint = "";
	}
	return &tls.last;
}

static const struct {
	int code;
	const char *name;
	const char *text;
} codes[] = {
	{ 0, "OK", "no error" },
	{ EPERM, "EPERM", "the operation is not permitted" },
	{ ENOENT, "ENOENT", "no such object" },
	{ EINTR, "EINTR", "interrupted by a signal" },
	{ EIO, "EIO", "a job faulted, or the device failed" },
	{ E2BIG, "E2BIG", "a structure of a newer version, or more than a limit" },
	{ EBADF, "EBADF", "bad file descriptor" },
	{ EAGAIN, "EAGAIN", "the queue is full" },
	{ ENOMEM, "ENOMEM", "no memory" },
	{ EACCES, "EACCES", "no permission" },
	{ EFAULT, "EFAULT", "bad address" },
	{ EBUSY, "EBUSY", "not finished yet, or in use" },
	{ EEXIST, "EEXIST", "exists already" },
	{ ENODEV, "ENODEV", "no such device, or it is gone" },
	{ EINVAL, "EINVAL", "invalid argument" },
	{ ENFILE, "ENFILE", "too many open files in the system" },
	{ EMFILE, "EMFILE", "too many open files in the process" },
	{ ENOTTY, "ENOTTY", "the node is not driven by loom" },
	{ ENOSPC, "ENOSPC", "no local memory, address space or card context left" },
	{ EPROTO, "EPROTO", "driver and library do not understand each other" },
	{ ETIME, "ETIME", "the deadline passed, or a job hung" },
	{ EOVERFLOW, "EOVERFLOW", "a number is too large" },
	{ EOPNOTSUPP, "EOPNOTSUPP", "device or back end lack the feature" },
	{ ECANCELED, "ECANCELED", "canceled, or lost to another's reset" },
	{ EALREADY, "EALREADY", "it is finished already" },
	{ ESTALE, "ESTALE", "the file was overwritten since it was loaded" },
	{ EOWNERDEAD, "EOWNERDEAD", "used after fork()" },
};

/* No locale, no allocation: both calls are async-signal-safe. */
static int find(int code)
{
	if (code < 0 && code != INT32_MIN)
		code = -code;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return (int)i;
	return -1;
}

ACCEL_API const char *accel_strerror(int code)
{
	int i = find(code);

	return i < 0 ? "unknown error" : codes[i].text;
}

ACCEL_API const char *accel_errname(int code)
{
	int i = find(code);

	return i < 0 ? "?" : codes[i].name;
}
