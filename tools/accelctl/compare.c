// SPDX-License-Identifier: MIT
#include "compare.h"

#include <string.h>

size_t compare_bits(const void *got, const void *want, size_t count, size_t size)
{
	if (!count || !memcmp(got, want, count * size))
		return count;
	for (size_t i = 0; i < count; i++)
		if (memcmp((const char *)got + i * size, (const char *)want + i * size, size))
			return i;
	return count;
}

/* The machine is little-endian, as all of the card's memory. */
uint64_t element_bits(const void *data, size_t index, size_t size)
{
	uint64_t bits = 0;

	memcpy(&bits, (const char *)data + index * size, size);
	return bits;
}
