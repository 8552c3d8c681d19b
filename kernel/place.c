// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Which rings a queue may use.
 *
 * The card shares itself out between the jobs at the heads of its rings: by priority, then equally
 * between clients. But a ring runs its descriptors in order, so what stands behind another's in a
 * ring has no say. Rings are therefore divided:
 *
 *  - Priorities do not meet in a ring. Behind a job of low priority, which may wait for long, a
 *    job of normal priority would wait as well, and a high one behind a normal one.
 *  - The first queue of a client of normal priority does not meet further queues of other clients.
 *    However many queues somebody makes, the first of everybody else's reaches the card at once.
 *
 * Within its division a queue goes where the least is to do, and of such rings to the one with the
 * fewest queues: while there are rings enough, clients do not meet at all. With few rings divisions
 * coincide.
 */
#include "loom.h"
#include "queue.h"
#include "ring.h"

/**
 * loom_place_init() - divide a card's rings
 * @ldev: the card, whose rings are counted
 */
void loom_place_init(struct loom_device *ldev)
{
	u32 count = ldev->ring_count, low = count > 1, high = count > 2;
	u32 normal = count - low - high, first = (normal + 1) / 2;
	struct loom_place *place = ldev->places;

	place[LOOM_PLACE_FIRST] = (struct loom_place){ 0, first };
	place[LOOM_PLACE_MORE] = normal > first ?
				 (struct loom_place){ first, normal - first } :
				 place[LOOM_PLACE_FIRST];
	place[LOOM_PLACE_LOW] = low ? (struct loom_place){ normal, 1 } : place[LOOM_PLACE_FIRST];
	place[LOOM_PLACE_HIGH] = high ? (struct loom_place){ normal + 1, 1 } :
				 place[LOOM_PLACE_FIRST];
}

/**
 * loom_place_find() - the rings of a new queue
 * @queue: the queue
 *
 * Return: a division of the card's rings.
 */
const struct loom_place *loom_place_find(struct loom_queue *queue)
{
	struct loom_place *place = queue->ldev->places;

	switch (queue->priority) {
	case DRM_LOOM_PRIORITY_LOW:
		return &place[LOOM_PLACE_LOW];
	case DRM_LOOM_PRIORITY_HIGH:
		return &place[LOOM_PLACE_HIGH];
	default:
		if (cmpxchg(&queue->client->first, NULL, queue))
			return &place[LOOM_PLACE_MORE];
		return &place[LOOM_PLACE_FIRST];
	}
}

/* What is before a queue in a ring that it is not in: jobs first, whoever has them. */
static u64 ring_crowd(struct loom_ring *ring)
{
	u64 jobs = READ_ONCE(ring->write) - READ_ONCE(ring->done) + atomic_read(&ring->waiting);

	return jobs << 32 | atomic_read(&ring->queues);
}

/**
 * loom_place_settle() - choose the ring of a queue that has no job in any
 * @queue: the queue; where it is stays its ring if that is as good as another
 *
 * The caller keeps others from doing the same with this queue.
 */
void loom_place_settle(struct loom_queue *queue)
{
	const struct loom_place *place = queue->place;
	struct loom_device *ldev = queue->ldev;
	struct loom_ring *best = queue->ring;
	u64 least = U64_MAX, crowd;
	u32 i;

	if (best)
		least = ring_crowd(best) - 1;
	for (i = 0; least && i < place->count; i++) {
		struct loom_ring *ring = &ldev->rings[ldev->first_ring + place->first + i];

		crowd = ring_crowd(ring);
		if (crowd < least) {
			least = crowd;
			best = ring;
		}
	}
	if (best == queue->ring)
		return;
	atomic_inc(&best->queues);
	if (queue->ring)
		atomic_dec(&queue->ring->queues);
	WRITE_ONCE(queue->ring, best);
}

/**
 * loom_place_leave() - a queue takes no jobs any more; another may be its client's first
 * @queue: the queue
 */
void loom_place_leave(struct loom_queue *queue)
{
	cmpxchg(&queue->client->first, queue, NULL);
}

/**
 * loom_place_fini() - a queue has ended
 * @queue: the queue
 */
void loom_place_fini(struct loom_queue *queue)
{
	loom_place_leave(queue);
	if (queue->ring)
		atomic_dec(&queue->ring->queues);
}
