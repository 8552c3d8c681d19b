// SPDX-License-Identifier: MIT
#include "accel/version.h"

ACCEL_API uint32_t accel_version(void)
{
	return ACCEL_VERSION_MAJOR << 16 | ACCEL_VERSION_MINOR << 8 | ACCEL_VERSION_PATCH;
}

ACCEL_API const char *accel_version_string(void)
{
	return ACCEL_VERSION_STRING;
}
