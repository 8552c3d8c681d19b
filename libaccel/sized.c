// SPDX-License-Identifier: MIT
#include <stdbool.h>
#include <string.h>

#include "error.h"
#include "sized.h"

static bool all_zero(const char *p, size_t n)
{
	while (n--)
		if (*p++)
			return false;
	return true;
}

int sized_in_stride(void *dst, size_t size, const void *src, size_t stride, const char *what)
{
	size_t n = stride < size ? stride : size;

	if (stride < sizeof(size_t))
		return err(-EINVAL, "initialise it with ACCEL_INIT()", "%s has size %zu", what,
			   stride);
	if (stride > size && !all_zero((const char *)src + size, stride - size))
		return err(-E2BIG, "update libaccel",
			   "%s uses fields that this version of the library does not know", what);
	memcpy(dst, src, n);
	memset((char *)dst + n, 0, size - n);
	return 0;
}

int sized_in(void *dst, size_t size, const void *src, const char *what)
{
	size_t sz;

	if (!src)
		return err(-EINVAL, NULL, "%s is NULL", what);
	memcpy(&sz, src, sizeof(sz));
	return sized_in_stride(dst, size, src, sz, what);
}

int sized_out(void *dst, const void *src, size_t size, const char *what)
{
	size_t sz, n;

	if (!dst)
		return err(-EINVAL, NULL, "%s is NULL", what);
	memcpy(&sz, dst, sizeof(sz));
	if (sz < sizeof(size_t))
		return err(-EINVAL, "initialise it with ACCEL_INIT()", "%s has size %zu", what, sz);
	if (sz > size && !all_zero((const char *)dst + size, sz - size))
		return err(-E2BIG, "initialise it with ACCEL_INIT()",
			   "the part of %s that this library does not know is not zero", what);
	n = sz < size ? sz : size;
	memcpy((char *)dst + sizeof(sz), (const char *)src + sizeof(sz), n - sizeof(sz));
	return 0;
}
