// SPDX-License-Identifier: MIT
/*
 * The allocator of address ranges against a plain map of pages.
 */
#include "check.h"
#include "../../libaccel/range.h"

#define PAGES	512
#define BASE	0x10000000ull

static void edges(void)
{
	struct range range;
	uint64_t at, other;

	REQUIRE(!range_init(&range, BASE, BASE + 0x4000));
	CHECK(!range_alloc(&range, 0x4000, 0x1000, &at) && at == BASE);
	CHECK_EQ(range_alloc(&range, 0x1000, 0x1000, &other), -ENOSPC);
	range_free(&range, at, 0x4000);
	CHECK_EQ(range_alloc(&range, 0x5000, 0x1000, &at), -ENOSPC);
	/* Alignment leaves a hole in front, which is used later. */
	CHECK(!range_alloc(&range, 0x1000, 0x1000, &at) && at == BASE);
	CHECK(!range_alloc(&range, 0x1000, 0x2000, &other) && other == BASE + 0x2000);
	CHECK(!range_alloc(&range, 0x1000, 0x1000, &at) && at == BASE + 0x1000);
	CHECK_EQ(range_alloc(&range, 0x1000, 0x1ull << 63, &at), -ENOSPC);
	CHECK_EQ(range_alloc(&range, UINT64_MAX, 0x1000, &at), -ENOSPC);
	range_fini(&range);
	/* Nothing to give. */
	REQUIRE(!range_init(&range, 5, 5));
	CHECK_EQ(range_alloc(&range, 1, 1, &at), -ENOSPC);
	range_fini(&range);
}

static void against_a_map(void)
{
	static unsigned char used[PAGES];
	static struct { uint64_t at, size; } held[PAGES];
	struct range range;
	uint32_t seed = 7;
	size_t n = 0;

	REQUIRE(!range_init(&range, BASE, BASE + PAGES * 0x1000));
	for (int round = 0; round < 20000; round++) {
		uint64_t size, align, at, want = UINT64_MAX;
		uint32_t r;

		seed = seed * 1664525 + 1013904223;
		r = seed >> 8;
		if (n && r & 1) {
			size_t i = (r >> 1) % n;

			memset(used + (held[i].at - BASE) / 0x1000, 0, held[i].size / 0x1000);
			range_free(&range, held[i].at, held[i].size);
			held[i] = held[--n];
			continue;
		}
		size = (1 + (r >> 1) % 40) * 0x1000ull;
		align = 0x1000ull << (r >> 8) % 5;
		/* The lowest fit, found the slow way. */
		for (uint64_t a = BASE; a + size <= BASE + PAGES * 0x1000 && want == UINT64_MAX;
		     a += 0x1000) {
			if (a % align == 0 && !memchr(used + (a - BASE) / 0x1000, 1, size / 0x1000))
				want = a;
		}
		if (range_alloc(&range, size, align, &at))
			at = UINT64_MAX;
		REQUIRE(at == want);
		if (at == UINT64_MAX)
			continue;
		memset(used + (at - BASE) / 0x1000, 1, size / 0x1000);
		held[n].at = at;
		held[n++].size = size;
	}
	while (n--)
		range_free(&range, held[n].at, held[n].size);
	/* All in one piece again. */
	CHECK(range.count == 1 && range.used == 0);
	CHECK(range.holes[0].start == BASE && range.holes[0].end == BASE + PAGES * 0x1000);
	range_fini(&range);
}

static const struct check_test tests[] = {
	TEST(edges),
	TEST(against_a_map),
};

CHECK_MAIN(tests)
