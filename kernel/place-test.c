// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit: which rings queues get. Clients do not meet while there are rings enough, and who has
 * nothing under way goes where the least waits, in the ring or in the scheduler.
 */
#include <kunit/test.h>

#include "loom.h"
#include "queue.h"
#include "ring.h"

#define RINGS		7u
#define QUEUES		12u

struct card {
	struct loom_device ldev;
	struct loom_ring rings[RINGS + 1];	/* the first is not for queues */
	struct loom_client clients[QUEUES];
	struct loom_queue queues[QUEUES];
};

static int place_test_init(struct kunit *test)
{
	struct card *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	unsigned int i;

	if (!c)
		return -ENOMEM;
	test->priv = c;
	c->ldev.rings = c->rings;
	c->ldev.first_ring = 1;
	c->ldev.ring_count = RINGS;
	for (i = 0; i < ARRAY_SIZE(c->rings); i++)
		c->rings[i].id = i;
	for (i = 0; i < QUEUES; i++) {
		c->queues[i].ldev = &c->ldev;
		c->queues[i].client = &c->clients[i];
		c->queues[i].priority = DRM_LOOM_PRIORITY_NORMAL;
	}
	loom_place_init(&c->ldev);
	return 0;
}

static void place(struct loom_queue *queue)
{
	queue->place = loom_place_find(queue);
	loom_place_settle(queue);
}

static void clients_do_not_meet(struct kunit *test)
{
	struct card *c = test->priv;
	u32 first = c->ldev.places[LOOM_PLACE_FIRST].count, i, n;

	KUNIT_ASSERT_LE(test, 2 * first, QUEUES);
	for (n = 0; n < first; n++) {
		place(&c->queues[n]);
		for (i = 0; i < n; i++)
			KUNIT_EXPECT_PTR_NE(test, c->queues[i].ring, c->queues[n].ring);
	}
	/* Nor do more of them in some rings while others have one alone. */
	for (; n < 2 * first; n++) {
		place(&c->queues[n]);
		KUNIT_EXPECT_EQ(test, atomic_read(&c->queues[n].ring->queues), 2);
	}
	/* Who leaves makes room. */
	loom_place_fini(&c->queues[0]);
	loom_place_fini(&c->queues[first]);
	place(&c->queues[n]);
	for (i = 1; i < n; i++)
		KUNIT_EXPECT_TRUE(test, i == first || c->queues[i].ring != c->queues[n].ring);
}

static void further_queues_are_elsewhere(struct kunit *test)
{
	struct card *c = test->priv;
	u32 i;

	for (i = 0; i < QUEUES; i++)
		c->queues[i].client = &c->clients[i == QUEUES - 1];
	for (i = 0; i < QUEUES; i++)
		place(&c->queues[i]);
	for (i = 1; i < QUEUES - 1; i++)
		KUNIT_EXPECT_PTR_NE(test, c->queues[i].ring, c->queues[QUEUES - 1].ring);
}

static void where_the_least_is_to_do(struct kunit *test)
{
	struct card *c = test->priv;
	struct loom_queue *queue = &c->queues[0];
	struct loom_ring *before;
	u32 i;

	place(queue);
	before = queue->ring;
	loom_place_settle(queue);
	KUNIT_EXPECT_PTR_EQ(test, queue->ring, before);

	/* The scheduler has something for it, the ring nothing yet. */
	atomic_set(&before->waiting, 3);
	loom_place_settle(queue);
	KUNIT_EXPECT_PTR_NE(test, queue->ring, before);

	/* All others have more. */
	for (i = 1; i < ARRAY_SIZE(c->rings); i++)
		c->rings[i].write = 4;
	before->write = 0;
	loom_place_settle(queue);
	KUNIT_EXPECT_PTR_EQ(test, queue->ring, before);
	KUNIT_EXPECT_EQ(test, atomic_read(&before->queues), 1);
	loom_place_fini(queue);
	KUNIT_EXPECT_EQ(test, atomic_read(&before->queues), 0);
}

static void a_card_with_one_ring(struct kunit *test)
{
	struct card *c = test->priv;
	u32 i;

	c->ldev.ring_count = 1;
	loom_place_init(&c->ldev);
	for (i = 0; i < QUEUES; i++) {
		c->queues[i].priority = i % 3;
		place(&c->queues[i]);
		KUNIT_EXPECT_PTR_EQ(test, c->queues[i].ring, &c->rings[1]);
	}
}

static struct kunit_case place_cases[] = {
	KUNIT_CASE(clients_do_not_meet),
	KUNIT_CASE(further_queues_are_elsewhere),
	KUNIT_CASE(where_the_least_is_to_do),
	KUNIT_CASE(a_card_with_one_ring),
	{}
};

static struct kunit_suite place_suite = {
	.name = "loom_place",
	.init = place_test_init,
	.test_cases = place_cases,
};

kunit_test_suite(place_suite);
