// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit: the writer of dumps; part of dump.c.
 */
#include <kunit/test.h>

static int dump_test_init(struct kunit *test)
{
	struct loom_dump *dump = kunit_kzalloc(test, sizeof(*dump), GFP_KERNEL);

	if (!dump)
		return -ENOMEM;
	dump->pages = kunit_kcalloc(test, LOOM_DUMP_PAGES, sizeof(*dump->pages), GFP_KERNEL);
	dump->gfp = GFP_KERNEL;
	/* Where the header goes. */
	dump->size = sizeof(struct loom_dump_header);
	test->priv = dump;
	return dump->pages && room_make(dump, 0) ? 0 : -ENOMEM;
}

static void dump_test_exit(struct kunit *test)
{
	struct loom_dump *dump = test->priv;
	u32 i;

	for (i = 0; dump && dump->pages && i < LOOM_DUMP_PAGES; i++)
		if (dump->pages[i])
			__free_page(dump->pages[i]);
}

static void fetch(const struct loom_dump *dump, u64 at, void *data, size_t len)
{
	u8 *to = data;

	for (; len--; at++)
		*to++ = ((u8 *)page_address(dump->pages[at >> PAGE_SHIFT]))[offset_in_page(at)];
}

static void sections_are_aligned_and_say_their_size(struct kunit *test)
{
	struct loom_dump *dump = test->priv;
	struct loom_dump_section head;
	u64 at = dump->size;
	char text[5];

	section_begin(dump);
	KUNIT_EXPECT_TRUE(test, put(dump, "abcde", 5));
	section_end(dump, LOOM_DUMP_META, 1, 2, 5);
	KUNIT_EXPECT_EQ(test, dump->size % 8, 0);
	fetch(dump, at, &head, sizeof(head));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(head.type), LOOM_DUMP_META);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(head.id), 1);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(head.at), 2);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(head.size), 5);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(head.flags), 0);
	fetch(dump, at + sizeof(head), text, sizeof(text));
	KUNIT_EXPECT_MEMEQ(test, text, "abcde", sizeof(text));
	KUNIT_EXPECT_EQ(test, dump->sections, 1);
	KUNIT_EXPECT_FALSE(test, dump->incomplete);
}

static void data_across_pages(struct kunit *test)
{
	struct loom_dump *dump = test->priv;
	u8 *data = kunit_kmalloc(test, 2 * PAGE_SIZE, GFP_KERNEL);
	u8 *back = kunit_kmalloc(test, 2 * PAGE_SIZE, GFP_KERNEL);
	u64 at;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_ASSERT_NOT_NULL(test, back);
	for (i = 0; i < 2 * PAGE_SIZE; i++)
		data[i] = i * 7;
	section_begin(dump);
	at = dump->size;
	put_much(dump, data, 2 * PAGE_SIZE);
	section_end(dump, LOOM_DUMP_COMMANDS, 0, 0, 1);
	fetch(dump, at, back, 2 * PAGE_SIZE);
	KUNIT_EXPECT_MEMEQ(test, data, back, 2 * PAGE_SIZE);
}

static void what_finds_no_room_is_marked(struct kunit *test)
{
	struct loom_dump *dump = test->priv;
	u8 *page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct loom_dump_section head;
	u64 at = dump->size;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	section_begin(dump);
	for (i = 0; i < LOOM_DUMP_PAGES + 1; i++)
		put_much(dump, page, PAGE_SIZE);
	section_end(dump, LOOM_DUMP_COMMANDS, 0, 0, 1);
	KUNIT_EXPECT_TRUE(test, dump->incomplete);
	KUNIT_EXPECT_LE(test, dump->size, (u64)LOOM_DUMP_PAGES << PAGE_SHIFT);
	fetch(dump, at, &head, sizeof(head));
	KUNIT_EXPECT_TRUE(test, le32_to_cpu(head.flags) & LOOM_DUMP_INCOMPLETE);
	KUNIT_EXPECT_EQ(test, at + sizeof(head) + round_up(le64_to_cpu(head.size), 8), dump->size);

	/* The next one, if it has no room for its head, is not counted; nothing is overwritten. */
	while (room_make(dump, 8))
		dump->size += 8;
	at = dump->size;
	section_begin(dump);
	KUNIT_EXPECT_FALSE(test, put(dump, page, 8));
	section_end(dump, LOOM_DUMP_MAP, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, dump->size, at);
	KUNIT_EXPECT_EQ(test, dump->sections, 1);
}

static struct kunit_case dump_cases[] = {
	KUNIT_CASE(sections_are_aligned_and_say_their_size),
	KUNIT_CASE(data_across_pages),
	KUNIT_CASE(what_finds_no_room_is_marked),
	{}
};

static struct kunit_suite dump_suite = {
	.name = "loom_dump",
	.init = dump_test_init,
	.exit = dump_test_exit,
	.test_cases = dump_cases,
};

kunit_test_suite(dump_suite);
