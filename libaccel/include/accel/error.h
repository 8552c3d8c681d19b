/* SPDX-License-Identifier: MIT */
#ifndef ACCEL_ERROR_H
#define ACCEL_ERROR_H

#include "types.h"

/**
 * struct accel_error - why a call failed
 * @code: what it returned: a negative errno
 * @op: the call, "accel_device_open"
 * @text: what failed, on what and why, one sentence without a final dot
 * @hint: what to do, or ""
 *
 * The library's use of errno:
 * EINVAL: an argument is wrong. E2BIG: a structure of a newer version, or more than a limit.
 * ENOMEM, ENOSPC: no system memory; no local memory, VA space or card context.
 * ENODEV: no such device, or it is gone. EACCES: no permission for the node;
 * EPERM: no permission for the operation. EOPNOTSUPP: device or back end lack
 * the feature. EAGAIN: the queue is full. ETIME: the deadline passed. EBUSY:
 * not finished yet. EINTR: a signal handler ran. EBADF, EMFILE: of descriptors.
 * EIO: a job of the queue or context faulted, or the device failed. ECANCELED: lost
 * to another's reset. EOWNERDEAD: used after fork(). EPROTO: driver and library do
 * not understand each other.
 */
struct accel_error {
	int code;
	const char *op;
	const char *text;
	const char *hint;
};

#ifdef __cplusplus
extern "C" {
#endif

/**
 * accel_last_error() - the calling thread's last failure
 *
 * Valid until the thread's next failing call. Successful calls leave it alone.
 * Return: never NULL; code 0 if nothing failed yet.
 */
ACCEL_API const struct accel_error *accel_last_error(void);

/** accel_strerror() - what a return value means in general; @code may have either sign. */
ACCEL_API const char *accel_strerror(int code);

/** accel_errname() - "ENODEV" for -ENODEV; "OK" for 0; "?" if unknown. */
ACCEL_API const char *accel_errname(int code);

#ifdef __cplusplus
}
#endif

#endif
