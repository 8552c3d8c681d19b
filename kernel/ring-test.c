// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit: a ring whose card is memory. Descriptors wrap, fences signal in order and not early, the
 * halves of a ring hold, what had not started is replayed.
 */
#include <kunit/device.h>
#include <kunit/test.h>

#include <linux/mm.h>

#include "loom.h"
#include "memory.h"
#include "queue.h"
#include "ring.h"

#define LOG2		3
#define SIZE		BIT(LOG2)
#define GENERATION	7
#define REGISTERS	LOOM_DOORBELL(1)

struct card {
	struct loom_device ldev;
	struct loom_ring ring;
	struct loom_client client;
	struct loom_queue queue[2];
	struct loom_vm vm;
	void *registers;
	/* Descriptors that it has completed since the last start. */
	u64 done;
	u64 seqno;
};

static void nothing(struct work_struct *work)
{
}

static int ring_test_init(struct kunit *test)
{
	struct card *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct loom_ring *ring;
	unsigned int i;

	if (!c)
		return -ENOMEM;
	test->priv = c;
	c->registers = kvzalloc(REGISTERS, GFP_KERNEL);
	if (!c->registers)
		return -ENOMEM;
	c->ldev.drm.dev = kunit_device_register(test, "loom-test");
	if (IS_ERR(c->ldev.drm.dev))
		return PTR_ERR(c->ldev.drm.dev);
	c->ldev.regs = (void __iomem __force *)c->registers;
	c->ldev.caps.ring_log2 = LOG2;
	c->ldev.first_ring = 1;
	c->ldev.timeout_wq = alloc_ordered_workqueue("loom-test", 0);
	if (!c->ldev.timeout_wq)
		return -ENOMEM;
	INIT_DELAYED_WORK(&c->ldev.watch, nothing);

	ring = &c->ring;
	ring->ldev = &c->ldev;
	ring->size = SIZE;
	ring->generation = GENERATION;
	spin_lock_init(&ring->lock);
	ring->desc = kunit_kcalloc(test, SIZE, sizeof(*ring->desc), GFP_KERNEL);
	ring->spare = kunit_kcalloc(test, SIZE, sizeof(*ring->spare), GFP_KERNEL);
	ring->cq = kunit_kcalloc(test, SIZE, sizeof(*ring->cq), GFP_KERNEL);
	ring->slots = kunit_kcalloc(test, 2 * SIZE, sizeof(*ring->slots), GFP_KERNEL);
	ring->write_mem = kunit_kzalloc(test, sizeof(*ring->write_mem), GFP_KERNEL);
	if (!ring->desc || !ring->spare || !ring->cq || !ring->slots || !ring->write_mem)
		return -ENOMEM;

	loom_client_init(&c->client, &c->ldev, 0);
	for (i = 0; i < ARRAY_SIZE(c->queue); i++) {
		loom_queue_init(&c->queue[i], &c->client);
		c->queue[i].context = i;
		c->queue[i].vm = &c->vm;
		c->queue[i].fence_context = dma_fence_context_alloc(1);
	}
	return 0;
}

static void ring_test_exit(struct kunit *test)
{
	struct card *c = test->priv;

	if (!c)
		return;
	if (c->ldev.timeout_wq) {
		cancel_delayed_work_sync(&c->ldev.watch);
		destroy_workqueue(c->ldev.timeout_wq);
		/* Events of the queues. */
		flush_workqueue(loom_wq);
		/* Every job has given back what it held. */
		KUNIT_EXPECT_EQ(test, kref_read(&c->client.ref), 1);
		KUNIT_EXPECT_EQ(test, kref_read(&c->queue[0].ref), 1);
		KUNIT_EXPECT_EQ(test, kref_read(&c->queue[1].ref), 1);
	}
	kvfree(c->registers);
}

/* A group of the queue, as SUBMIT makes it when it goes past the scheduler. */
static struct loom_job *job_make(struct kunit *test, struct loom_queue *queue, u32 count)
{
	struct card *c = test->priv;
	struct loom_job *job = kzalloc(struct_size(job, work, count), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, job);
	job->fence = kzalloc(sizeof(*job->fence), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, job->fence);
	loom_ring_fence_init(job->fence, &c->client, queue->fence_context, ++c->seqno);
	loom_queue_get(queue);
	job->queue = queue;
	refcount_set(&job->users, 1);
	job->first = queue->submitted + 1;
	job->count = count;
	queue->submitted += count;
	loom_power_hold(queue->ldev);
	for (i = 0; i < count; i++) {
		job->work[i].cmd_va = 0x1000 * (job->first + i);
		job->work[i].cmd_size = 8;
		job->work[i].cookie = job->first + i;
	}
	return job;
}

/* Returns the group's fence, for the caller to put. */
static struct dma_fence *push(struct kunit *test, struct loom_queue *queue, u32 count)
{
	struct card *c = test->priv;
	struct loom_job *job = job_make(test, queue, count);
	struct dma_fence *fence = dma_fence_get(&job->fence->base);

	KUNIT_ASSERT_TRUE(test, loom_ring_try_push(&c->ring, job));
	return fence;
}

/* The card completes the next descriptor; nobody looks yet. */
static void card_completes(struct card *c, u32 outcome)
{
	struct loom_cqe *cqe = &c->ring.cq[c->done % SIZE];
	u64 phase = c->done / SIZE % 2 ? 0 : LOOM_CQE_PHASE;

	cqe->index = cpu_to_le64(c->done++);
	cqe->control = cpu_to_le64(LOOM_CQE_FAULT_NONE << LOOM_CQE_FAULT_SHIFT |
				   (u64)c->ring.generation << LOOM_CQE_GENERATION_SHIFT |
				   (u64)outcome << LOOM_CQE_OUTCOME_SHIFT | phase);
}

static void descriptors_wrap(struct kunit *test)
{
	struct card *c = test->priv;
	struct loom_queue *queue = &c->queue[0];
	u32 round, i;

	for (round = 0; round < 50; round++) {
		u32 count = 1 + round % 3;
		u64 at = c->ring.write;
		struct dma_fence *fence = push(test, queue, count);

		KUNIT_EXPECT_EQ(test, le64_to_cpu(*c->ring.write_mem), at + count);
		for (i = 0; i < count; i++) {
			const struct loom_desc *desc = &c->ring.desc[(at + i) % SIZE];

			KUNIT_EXPECT_EQ(test, le64_to_cpu(desc->cookie), at + i + 1);
			KUNIT_EXPECT_EQ(test, le32_to_cpu(desc->flags),
					i == count - 1 ? LOOM_DESC_IRQ : 0);
			KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(fence));
			card_completes(c, LOOM_OUTCOME_OK);
			loom_ring_complete(&c->ring);
		}
		KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence));
		KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), 1);
		dma_fence_put(fence);
	}
	KUNIT_EXPECT_EQ(test, c->ring.done, c->ring.write);
	KUNIT_EXPECT_EQ(test, queue->completed, queue->submitted);
}

/* However late somebody looks: first what was first, and nothing that is not complete. */
static void fences_signal_in_order(struct kunit *test)
{
	struct card *c = test->priv;
	struct dma_fence *fence[3];
	u32 i, n;

	for (n = 0; n <= ARRAY_SIZE(fence); n++) {
		for (i = 0; i < ARRAY_SIZE(fence); i++)
			fence[i] = push(test, &c->queue[0], 1);
		for (i = 0; i < n; i++)
			card_completes(c, LOOM_OUTCOME_OK);
		loom_ring_complete(&c->ring);
		for (i = 0; i < ARRAY_SIZE(fence); i++)
			KUNIT_EXPECT_EQ(test, dma_fence_is_signaled(fence[i]), i < n);
		for (i = n; i < ARRAY_SIZE(fence); i++)
			card_completes(c, LOOM_OUTCOME_OK);
		loom_ring_complete(&c->ring);
		for (i = 0; i < ARRAY_SIZE(fence); i++) {
			KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence[i]));
			dma_fence_put(fence[i]);
		}
	}
}

static void a_group_has_the_error_of_its_first_failure(struct kunit *test)
{
	struct card *c = test->priv;
	struct dma_fence *fence = push(test, &c->queue[0], 3);

	card_completes(c, LOOM_OUTCOME_OK);
	c->queue[0].stopped = -ECANCELED;
	card_completes(c, LOOM_OUTCOME_CONTEXT_STOPPED);
	card_completes(c, LOOM_OUTCOME_CONTEXT_STOPPED);
	loom_ring_complete(&c->ring);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), -ECANCELED);
	dma_fence_put(fence);
}

static void completions_that_cannot_be(struct kunit *test)
{
	struct card *c = test->priv;
	struct dma_fence *fence = push(test, &c->queue[0], 2);

	/* The second one's number where the first one's should be. */
	c->done = 1;
	card_completes(c, LOOM_OUTCOME_OK);
	c->ring.cq[0] = c->ring.cq[1];
	loom_ring_complete(&c->ring);
	KUNIT_EXPECT_TRUE(test, c->ring.broken);
	KUNIT_EXPECT_EQ(test, c->ring.done, 0);

	/* One of an earlier life. */
	c->ring.broken = false;
	c->ring.generation--;
	c->done = 0;
	card_completes(c, LOOM_OUTCOME_OK);
	c->ring.generation++;
	loom_ring_complete(&c->ring);
	KUNIT_EXPECT_TRUE(test, c->ring.broken);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(fence));

	loom_ring_kill(&c->ring, -ENODEV);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), -ENODEV);
	dma_fence_put(fence);
}

/* Of contexts that the card does not have; of others than the one that is looked for. */
static void fault_records_that_cannot_be(struct kunit *test)
{
	const u32 count = 1 << LOOM_FAULT_LOG2;
	struct card *c = test->priv;
	struct loom_fault record;
	u32 i;

	spin_lock_init(&c->ldev.fault.lock);
	c->ldev.caps.contexts = 2;
	c->ldev.fault.last = kunit_kcalloc(test, 2, sizeof(record), GFP_KERNEL);
	c->ldev.fault.ring = kunit_kcalloc(test, count, sizeof(record), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c->ldev.fault.last);
	KUNIT_ASSERT_NOT_NULL(test, c->ldev.fault.ring);
	for (i = 0; i < count; i++)
		c->ldev.fault.ring[i] = (struct loom_fault){
			.context = cpu_to_le32(i == 3 ? 1 : i % 2 ? U32_MAX : 2 + i),
			.code = LOOM_FAULT_NOT_MAPPED,
			.control = cpu_to_le64((u64)i << LOOM_FAULT_NUMBER_SHIFT |
					       LOOM_FAULT_PHASE),
		};
	KUNIT_EXPECT_FALSE(test, loom_fault_find(&c->ldev, 0, 2, &record));
	KUNIT_EXPECT_FALSE(test, loom_fault_find(&c->ldev, 1, 5, &record));
	KUNIT_EXPECT_TRUE(test, loom_fault_find(&c->ldev, 1, 3, &record));
	/* One lap, and no more. */
	KUNIT_EXPECT_EQ(test, c->ldev.fault.read, count);
	KUNIT_EXPECT_EQ(test, loom_read64(&c->ldev, LOOM_REG_FAULT_READ), count);
}

static void halves_of_a_ring(struct kunit *test)
{
	struct card *c = test->priv;
	struct dma_fence *fence[SIZE];
	struct loom_job *job;
	u32 n = 0, i, log2;

	for (log2 = 4; log2 < 16; log2++) {
		c->ldev.caps.ring_log2 = log2;
		KUNIT_EXPECT_EQ(test, loom_ring_credits(&c->ldev) + loom_ring_direct(&c->ldev),
				1u << log2);
	}
	c->ldev.caps.ring_log2 = LOG2;

	while (n < loom_ring_direct(&c->ldev))
		fence[n++] = push(test, &c->queue[0], 1);
	job = job_make(test, &c->queue[0], 1);
	KUNIT_EXPECT_FALSE(test, loom_ring_try_push(&c->ring, job));
	card_completes(c, LOOM_OUTCOME_OK);
	loom_ring_complete(&c->ring);
	dma_fence_put(fence[0]);
	fence[0] = dma_fence_get(&job->fence->base);
	KUNIT_EXPECT_TRUE(test, loom_ring_try_push(&c->ring, job));
	for (i = 0; i < n; i++)
		card_completes(c, LOOM_OUTCOME_OK);
	loom_ring_complete(&c->ring);
	KUNIT_EXPECT_EQ(test, c->ring.direct, 0);
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence[i]));
		dma_fence_put(fence[i]);
	}
}

static void what_had_not_started_is_replayed(struct kunit *test)
{
	struct card *c = test->priv;
	struct dma_fence *guilty, *innocent;
	u32 lap;

	/* Once with the descriptors across the end of the ring. */
	for (lap = 0; lap < SIZE - 1; lap++) {
		dma_fence_put(push(test, &c->queue[1], 1));
		card_completes(c, LOOM_OUTCOME_OK);
		loom_ring_complete(&c->ring);
	}
	guilty = push(test, &c->queue[0], 1);
	innocent = push(test, &c->queue[1], 2);

	c->ring.held = true;
	c->ring.sampled = true;
	c->ring.started = c->ring.done + 1;
	loom_ring_restart(&c->ring, &c->queue[0]);
	c->ring.generation = GENERATION;
	c->done = 0;

	KUNIT_EXPECT_LT(test, dma_fence_get_status(guilty), 0);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(innocent));
	KUNIT_EXPECT_EQ(test, c->ring.done, 0);
	KUNIT_EXPECT_EQ(test, c->ring.write, 2);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(c->ring.desc[0].cookie), SIZE);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(c->ring.desc[1].cookie), SIZE + 1);
	card_completes(c, LOOM_OUTCOME_OK);
	card_completes(c, LOOM_OUTCOME_OK);
	loom_ring_complete(&c->ring);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(innocent), 1);
	dma_fence_put(guilty);
	dma_fence_put(innocent);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(descriptors_wrap),
	KUNIT_CASE(fences_signal_in_order),
	KUNIT_CASE(a_group_has_the_error_of_its_first_failure),
	KUNIT_CASE(completions_that_cannot_be),
	KUNIT_CASE(fault_records_that_cannot_be),
	KUNIT_CASE(halves_of_a_ring),
	KUNIT_CASE(what_had_not_started_is_replayed),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "loom_ring",
	.init = ring_test_init,
	.exit = ring_test_exit,
	.test_cases = ring_cases,
};

kunit_test_suite(ring_suite);
