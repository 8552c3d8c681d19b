/* SPDX-License-Identifier: MIT */
#ifndef ACCEL_VERSION_H
#define ACCEL_VERSION_H

#include "types.h"

#define ACCEL_VERSION_MAJOR	0
#define ACCEL_VERSION_MINOR	1
#define ACCEL_VERSION_PATCH	0
#define ACCEL_VERSION_STRING	"0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * accel_version() - version of the library that runs
 * Return: major << 16 | minor << 8 | patch. The macros above are of the headers that
 * the program was compiled with; the library may be newer.
 */
ACCEL_API uint32_t accel_version(void);

/** accel_version_string() - the same as "0.1.0". */
ACCEL_API const char *accel_version_string(void);

#ifdef __cplusplus
}
#endif

#endif
