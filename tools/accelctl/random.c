// SPDX-License-Identifier: MIT
#include "random.h"

#include <string.h>

struct random random_begin(uint64_t seed, uint64_t stream)
{
	struct random random = { seed };

	random.state = random_next(&random) ^ (stream * 0xd1342543de82ef95ull);
	return random;
}

/* splitmix64 */
uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

uint64_t random_below(struct random *random, uint64_t bound)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % bound, value;

	do {
		value = random_next(random);
	} while (value >= limit);
	return value % bound;
}

/* One binary32 pattern from 32 random bits: sign, one of 9 exponents, 23 bits of mantissa. */
static uint32_t float_bits(uint64_t bits)
{
	uint32_t exponent = 127 - (uint32_t)((bits >> 32) % 9);

	return ((uint32_t)bits & 0x807fffffu) | exponent << 23;
}

void random_fill(struct random *random, enum accel_dtype dtype, void *data, size_t count)
{
	unsigned char *bytes = data;

	for (size_t i = 0; i < count; i++) {
		uint64_t bits = random_next(random);
		uint32_t f32 = float_bits(bits);
		uint16_t half;

		switch (dtype) {
		case ACCEL_F32:
			memcpy(bytes + 4 * i, &f32, 4);
			break;
		case ACCEL_BF16:
			half = (uint16_t)(f32 >> 16);
			memcpy(bytes + 2 * i, &half, 2);
			break;
		case ACCEL_F16:
			half = (uint16_t)((f32 >> 16 & 0x8000) | ((f32 >> 23 & 0xff) - 112) << 10 |
					  (f32 >> 13 & 0x3ff));
			memcpy(bytes + 2 * i, &half, 2);
			break;
		case ACCEL_I32:
			memcpy(bytes + 4 * i, &bits, 4);
			break;
		default:
			bytes[i] = (unsigned char)bits;
			break;
		}
	}
}
