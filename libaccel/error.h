/* SPDX-License-Identifier: MIT */
/*
 * The error record of the calling thread.
 */
#ifndef ACCEL_PRIV_ERROR_H
#define ACCEL_PRIV_ERROR_H

#include <errno.h>

#include "accel/error.h"

/**
 * err() - record a failure
 * @code: negative errno
 * @hint: what to do about it, a constant string, or NULL
 * @fmt: one sentence without a final dot: what failed, on what, why
 *
 * Return: @code, so that callers can return it.
 */
int err(int code, const char *hint, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** err_nomem() - the record of a failed allocation. */
int err_nomem(const char *what);

/** err_forked() - the record of a handle that was used after fork(). */
int err_forked(void);

/* The outermost call of the library on this thread is the one that a record names. */
const char *error_enter(const char *op);
void error_leave(const char **saved);

#define API_ENTER \
	const char *api_op_ __attribute__((cleanup(error_leave), unused)) = error_enter(__func__)

#endif
