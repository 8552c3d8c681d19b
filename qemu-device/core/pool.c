// SPDX-License-Identifier: MIT
/*
 * Engine threads. The front end publishes one packet at a time, works on its
 * tiles itself and waits until every thread that joined has left again.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/* Work of this size is shared at once; smaller work when it has taken this long. */
#define SHARE_MACS	4000000u
#define SHARE_BYTES	(2u << 20)
#define SHARE_NS	30000u

static bool redo_take(struct pool *pool, struct tiles *tiles, uint64_t *tile)
{
	bool taken = false;

	if (!atomic_load_explicit(&tiles->nredo, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&pool->lock);
	if (atomic_load(&tiles->nredo)) {
		*tile = tiles->redo[atomic_fetch_sub(&tiles->nredo, 1) - 1];
		taken = true;
	}
	pthread_mutex_unlock(&pool->lock);
	return taken;
}

/* There is room for one tile of each thread: a thread that gives one up has finished. */
static void redo_put(struct pool *pool, struct tiles *tiles, uint64_t tile)
{
	pthread_mutex_lock(&pool->lock);
	tiles->redo[atomic_fetch_add(&tiles->nredo, 1)] = tile;
	pthread_mutex_unlock(&pool->lock);
}

/* One tile; false: there is none left, or it was given up. */
static bool run_tile(struct pool *pool, struct loom_arena *arena)
{
	struct loom_ring *ring = pool->ring;
	struct tiles *tiles = pool->tiles;
	uint64_t tile;

	if (!redo_take(pool, tiles, &tile)) {
		if (atomic_load(&tiles->next) >= tiles->count)
			return false;
		tile = atomic_fetch_add(&tiles->next, 1);
		if (tile >= tiles->count)
			return false;
	}
	if (!pool->work->run(pool->work, tile, arena, &ring->poke)) {
		redo_put(pool, tiles, tile);
		return false;
	}
	reg_add(&ring->regs[RR_PROGRESS], 1);
	return true;
}

static bool tiles_done(const struct tiles *tiles)
{
	return atomic_load(&tiles->next) >= tiles->count && !atomic_load(&tiles->nredo);
}

static void worker_join(struct pool_thread *self)
{
	struct pool *pool = self->pool;

	while (!loom_front_yield(pool->ring, &pool->yield) && run_tile(pool, &self->arena))
		;
	pthread_mutex_lock(&pool->lock);
	if (atomic_fetch_sub(&pool->active, 1) == 1)
		pthread_cond_signal(&pool->done_cond);
	pthread_mutex_unlock(&pool->lock);
}

/* Look for the next packet for a while: those of one job follow each other closely. */
static void worker_spin(struct pool *pool, unsigned int seen)
{
	uint64_t end;

	if (!pool->core->config.spin_us)
		return;
	end = loom_mono_ns() + pool->core->config.spin_us * 1000ull;
	do {
		for (unsigned int i = 0; i < 32; i++) {
			if (atomic_load_explicit(&pool->seq, memory_order_relaxed) != seen ||
			    atomic_load_explicit(&pool->exit, memory_order_relaxed))
				return;
			cpu_relax();
		}
		sched_yield();
	} while (loom_mono_ns() < end);
}

static void *worker_main(void *arg)
{
	struct pool_thread *self = arg;
	struct pool *pool = self->pool;
	unsigned int seen = 0;
	bool joined;

	loom_fpu_init();
	for (;;) {
		worker_spin(pool, seen);
		pthread_mutex_lock(&pool->lock);
		while (atomic_load(&pool->seq) == seen && !atomic_load(&pool->exit))
			pthread_cond_wait(&pool->work_cond, &pool->lock);
		seen = atomic_load(&pool->seq);
		joined = pool->open;
		if (joined)
			atomic_fetch_add(&pool->active, 1);
		pthread_mutex_unlock(&pool->lock);
		if (joined)
			worker_join(self);
		if (atomic_load(&pool->exit))
			return NULL;
	}
}

static void publish(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->open = true;
	atomic_fetch_add(&pool->seq, 1);
	pthread_cond_broadcast(&pool->work_cond);
	pthread_mutex_unlock(&pool->lock);
}

/* Nobody may join any more; wait for those who have. */
static void retract(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->open = false;
	pthread_mutex_unlock(&pool->lock);
	for (unsigned int i = 0; i < 1000 && atomic_load(&pool->active); i++)
		cpu_relax();
	pthread_mutex_lock(&pool->lock);
	while (atomic_load(&pool->active))
		pthread_cond_wait(&pool->done_cond, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

static bool big(const struct loom_work *work, const struct loom_model *model)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < work->noperands; i++)
		bytes = sat_add(bytes, work->operands[i].extent);
	return model->macs >= SHARE_MACS || bytes >= SHARE_BYTES;
}

/**
 * loom_pool_run() - run tiles of @ring's packet
 *
 * Return: true if all are done, false if the slice ended before
 */
bool loom_pool_run(struct loom_ring *ring, const struct yield *yield)
{
	struct pool *pool = &ring->core->pool;
	struct job *job = &ring->job;
	bool may_share = pool->nthreads && job->tiles.count > 1, shared = false;
	uint64_t share_at = 0;

	pool->work = &job->work;
	pool->tiles = &job->tiles;
	pool->ring = ring;
	pool->yield = *yield;
	if (may_share && big(&job->work, &job->packet)) {
		publish(pool);
		shared = true;
	} else if (may_share) {
		share_at = loom_mono_ns() + SHARE_NS;
	}
	while (!loom_front_yield(ring, yield) && run_tile(pool, &pool->arena)) {
		if (!may_share || shared || loom_mono_ns() < share_at)
			continue;
		publish(pool);
		shared = true;
	}
	if (shared)
		retract(pool);
	return tiles_done(&job->tiles);
}

static bool arena_create(struct loom_arena *arena)
{
	arena->mem = loom_large_alloc(LOOM_ARENA_MAX);
	arena->size = LOOM_ARENA_MAX;
	return arena->mem;
}

int loom_pool_create(struct loom_core *core)
{
	struct pool *pool = &core->pool;
	unsigned int threads = core->config.threads;

	pool->core = core;
	pool->threads = calloc(threads ? threads : 1, sizeof(*pool->threads));
	if (!pool->threads || !arena_create(&pool->arena))
		return -ENOMEM;
	for (unsigned int i = 0; i < threads; i++) {
		struct pool_thread *thread = &pool->threads[i];

		thread->pool = pool;
		if (!arena_create(&thread->arena))
			return -ENOMEM;
		errno = 0;
		thread->thread = core->ops.thread_start(core->host, "loom-engine", worker_main,
							thread);
		if (!thread->thread)
			return errno ? -errno : -EAGAIN;
		pool->nthreads++;
	}
	return 0;
}

/** loom_pool_destroy() - after the front end has ended; also of half a pool */
void loom_pool_destroy(struct loom_core *core)
{
	struct pool *pool = &core->pool;

	pthread_mutex_lock(&pool->lock);
	atomic_store(&pool->exit, true);
	pthread_cond_broadcast(&pool->work_cond);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned int i = 0; i < pool->nthreads; i++)
		core->ops.thread_join(core->host, pool->threads[i].thread);
	for (unsigned int i = 0; pool->threads && i < core->config.threads; i++)
		free(pool->threads[i].arena.mem);
	free(pool->threads);
	free(pool->arena.mem);
}
