// SPDX-License-Identifier: MIT
#include "number.h"

#include <stddef.h>

bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t sum = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(*text - '0'), &sum))
			return false;
	}
	if (sum < min || sum > max)
		return false;
	*value = sum;
	return true;
}

bool number_seconds(const char *text, uint64_t *ns)
{
	uint64_t sum = 0, unit = 1000000000;
	bool digit = false;

	for (; *text >= '0' && *text <= '9'; text++) {
		digit = true;
		sum = sum * 10 + (uint64_t)(*text - '0');
		if (sum > 1000000)
			return false;
	}
	sum *= unit;
	if (*text == '.') {
		for (text++; *text >= '0' && *text <= '9'; text++) {
			digit = true;
			unit /= 10;
			sum += unit * (uint64_t)(*text - '0');
		}
	}
	if (*text || !digit || !sum || sum > 1000000ull * 1000000000ull)
		return false;
	*ns = sum;
	return true;
}

bool number_product(const uint64_t *factors, unsigned int n, uint64_t *product)
{
	uint64_t result = 1;

	/* A zero makes any product zero, also one whose other factors would overflow. */
	for (unsigned int i = 0; i < n; i++) {
		if (!factors[i]) {
			*product = 0;
			return true;
		}
	}
	for (unsigned int i = 0; i < n; i++)
		if (__builtin_mul_overflow(result, factors[i], &result))
			return false;
	*product = result;
	return true;
}
