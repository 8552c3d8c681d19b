// SPDX-License-Identifier: MIT
/*
 * The card as its host sees it: creation, reset, quiesce, destruction.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define SCRATCH_DEFAULT	(256ull << 20)
#define SCRATCH_MIN	(64ull << 10)

static const char *config_check(const struct loom_core_config *c)
{
	if (c->rings < 1 || c->rings > LOOM_RINGS_MAX)
		return "rings must be 1 to 64";
	if (c->contexts < 1 || c->contexts > LOOM_CONTEXTS_MAX)
		return "contexts must be 1 to 4096";
	if (c->vectors < 1 || c->vectors > c->rings + 1)
		return "vectors must be 1 to the number of rings + 1";
	if (c->threads > LOOM_THREADS_MAX)
		return "threads must be at most 256";
	if (c->local_size & (c->local_size - 1) || (c->local_size && c->local_size < LOOM_PAGE_SIZE))
		return "the size of local memory must be a power of two of at least 4 KiB, or 0";
	if (c->local_size && (!c->local || (uintptr_t)c->local % LOOM_PAGE_SIZE))
		return "local memory must be there and aligned to 4 KiB";
	if (c->scratch_max && c->scratch_max < SCRATCH_MIN)
		return "scratch_max must be at least 64 KiB, or 0 for the default";
	if (c->serial && strlen(c->serial) > 31)
		return "the serial number must have at most 31 characters";
	return NULL;
}

static uint64_t features_offered(const struct loom_core_config *config)
{
	uint64_t features = LOOM_FEATURE_COALESCE | LOOM_FEATURE_SENSORS | LOOM_FEATURE_RAS;

	if (config->debug)
		features |= LOOM_FEATURE_DEBUG;
	return config->features_mask ? features & config->features_mask : features;
}

static int locks_create(struct loom_core *core)
{
	pthread_condattr_t attr;
	int ret;

	ret = pthread_condattr_init(&attr);
	if (ret)
		return -ret;
	/* the clock of the coalescing timers */
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&core->lock, NULL);
	pthread_cond_init(&core->wake, &attr);
	pthread_cond_init(&core->done, NULL);
	pthread_mutex_init(&core->pool.lock, NULL);
	pthread_cond_init(&core->pool.work_cond, NULL);
	pthread_cond_init(&core->pool.done_cond, NULL);
	pthread_condattr_destroy(&attr);
	return 0;
}

static void core_free(struct loom_core *core)
{
	for (unsigned int i = 0; core->rings && i < core->config.rings; i++) {
		free(core->rings[i].job.cmd_big);
		free(core->rings[i].job.tiles.redo);
	}
	free(core->shared_cache);
	free(core->arbiter.contexts);
	free(core->rings);
	loom_sensor_destroy(&core->sensor);
	pthread_cond_destroy(&core->pool.done_cond);
	pthread_cond_destroy(&core->pool.work_cond);
	pthread_mutex_destroy(&core->pool.lock);
	pthread_cond_destroy(&core->done);
	pthread_cond_destroy(&core->wake);
	pthread_mutex_destroy(&core->lock);
	free(core);
}

static int rings_create(struct loom_core *core)
{
	const struct loom_core_config *config = &core->config;

	core->rings = calloc(config->rings, sizeof(*core->rings));
	core->arbiter.contexts = calloc(config->contexts, sizeof(*core->arbiter.contexts));
	if (!core->rings || !core->arbiter.contexts)
		return -ENOMEM;
	for (unsigned int i = 0; i < config->rings; i++) {
		struct loom_ring *ring = &core->rings[i];

		ring->core = core;
		ring->id = i;
		/* disabled as the card is */
		atomic_store(&ring->poke, POKE_PAUSE);
		/* of this card's threads, or of those of one whose state was loaded */
		ring->job.tiles.redo = calloc(LOOM_THREADS_MAX + 1, sizeof(uint64_t));
		if (!ring->job.tiles.redo)
			return -ENOMEM;
	}
	return 0;
}

/*
 * A quarter for command buffers, each ring its share, so that none waits for
 * another's; a quarter for the shared memory that is kept; the rest for packets.
 */
static void budgets_create(struct loom_core *core)
{
	uint64_t max = core->config.scratch_max ? core->config.scratch_max : SCRATCH_DEFAULT;

	core->command_max = max / 4 / core->config.rings;
	core->shared_cache_max = max / 4;
	core->packets.max = max - max / 4 - max / 4;
}

int loom_core_create(const struct loom_core_config *config, const struct loom_host_ops *ops,
		     void *host, struct loom_core **out, const char **why)
{
	const struct loom_profile *profile;
	const struct loom_engine *engine;
	struct loom_core *core;
	const char *reason;
	int ret;

	*out = NULL;
	*why = "no memory";
	reason = config_check(config);
	profile = loom_profile_find(config->profile ? config->profile : LOOM_PROFILE_LOOM1);
	if (!reason && !profile)
		reason = "no such profile";
	engine = reason ? NULL : loom_engine_find(config->isa);
	if (!reason && !engine)
		reason = "no such engine, or this processor cannot run it";
	if (reason) {
		*why = reason;
		return -EINVAL;
	}
	core = calloc(1, sizeof(*core));
	if (!core)
		return -ENOMEM;
	core->ops = *ops;
	core->host = host;
	core->config = *config;
	core->profile = profile;
	core->engine = engine;
	core->features = features_offered(config);
	core->paused = true;
	ret = locks_create(core);
	if (ret) {
		free(core);
		return ret;
	}
	loom_sensor_init(&core->sensor, profile->static_mw, card_now(core));
	budgets_create(core);
	ret = rings_create(core);
	if (ret) {
		core_free(core);
		return ret;
	}
	loom_regs_init(core);
	core->config.serial = NULL;
	core->config.isa = NULL;
	*why = "an engine thread cannot be started";
	ret = loom_pool_create(core);
	if (!ret) {
		errno = 0;
		*why = "the front end's thread cannot be started";
		core->thread = ops->thread_start(host, "loom-front", loom_front_main, core);
		if (!core->thread)
			ret = errno ? -errno : -EAGAIN;
	}
	if (ret) {
		loom_pool_destroy(core);
		core_free(core);
		return ret;
	}
	*why = NULL;
	*out = core;
	return 0;
}

void loom_core_destroy(struct loom_core *core)
{
	if (!core)
		return;
	pthread_mutex_lock(&core->lock);
	loom_front_pause(core, REQ_EXIT);
	pthread_mutex_unlock(&core->lock);
	core->ops.thread_join(core->host, core->thread);
	loom_pool_destroy(core);
	core_free(core);
}

void loom_core_reset(struct loom_core *core)
{
	uint64_t ticket;

	pthread_mutex_lock(&core->lock);
	ticket = ++core->reset_asked;
	atomic_store(&core->dead, false);
	reg_or(&core->regs[R_STATUS], LOOM_STATUS_RESETTING);
	loom_front_pause(core, REQ_RESET);
	while (core->reset_done < ticket)
		pthread_cond_wait(&core->done, &core->lock);
	pthread_mutex_unlock(&core->lock);
}

void loom_core_quiesce(struct loom_core *core)
{
	pthread_mutex_lock(&core->lock);
	atomic_fetch_add(&core->quiesce, 1);
	loom_front_pause(core, REQ_PAUSE);
	while (!core->quiesced)
		pthread_cond_wait(&core->done, &core->lock);
	pthread_mutex_unlock(&core->lock);
}

void loom_core_resume(struct loom_core *core)
{
	pthread_mutex_lock(&core->lock);
	if (atomic_load(&core->quiesce) && atomic_fetch_sub(&core->quiesce, 1) == 1) {
		core->quiesced = false;
		loom_front_request(core, REQ_PAUSE);
	}
	pthread_mutex_unlock(&core->lock);
}
