// SPDX-License-Identifier: MIT
#include <string.h>

#include "fuzz.h"

static uint64_t state = 1;

void fuzz_seed(uint64_t seed)
{
	state = seed;
}

uint64_t fuzz_random(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint64_t record_nasty(uint64_t n)
{
	static const uint64_t list[] = {
		0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 63, 64, 4095, 4096, 65535, 65536, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, 1ull << 47, 1ull << 48, 1ull << 63, ~0ull,
		~0xfffull, GUEST_BUS, GUEST_BUS - 8, PAGE(GUEST_PAGES), PAGE(GUEST_PAGES) - 8,
		GUEST_LOCAL, GUEST_LOCAL - 4096,
	};

	return list[n % (sizeof(list) / sizeof(list[0]))];
}

bool record_get(const uint8_t *data, size_t size, size_t i, struct record *record)
{
	if (i >= RECORDS_MAX || (i + 1) * sizeof(*record) > size)
		return false;
	memcpy(record, data + i * sizeof(*record), sizeof(*record));
	return true;
}

size_t records_mutate(uint8_t *data, size_t size, size_t max, unsigned int seed,
		      void (*invent)(struct record *, uint64_t (*rnd)(void)))
{
	size_t n = size / sizeof(struct record), limit = max / sizeof(struct record), at, from;
	struct record record = { 0 };

	fuzz_seed(seed);
	if (limit > RECORDS_MAX)
		limit = RECORDS_MAX;
	if (!limit || (n && fuzz_random() % 3 == 0))
		return LLVMFuzzerMutate(data, size, max);
	if (n > limit)
		n = limit;
	at = n ? fuzz_random() % n : 0;
	from = n ? fuzz_random() % n : 0;
	invent(&record, fuzz_random);
	switch (n ? fuzz_random() % 6 : 0) {
	case 0:
	case 1:
	case 2:
		if (n == limit)
			break;
		memmove(data + (at + 1) * sizeof(record), data + at * sizeof(record),
			(n - at) * sizeof(record));
		n++;
		break;
	case 3:
		memmove(data + at * sizeof(record), data + (at + 1) * sizeof(record),
			(n - at - 1) * sizeof(record));
		return (n - 1) * sizeof(record);
	case 4:
		memcpy(&record, data + from * sizeof(record), sizeof(record));
		break;
	default:
		break;
	}
	memcpy(data + at * sizeof(record), &record, sizeof(record));
	return n * sizeof(record);
}
