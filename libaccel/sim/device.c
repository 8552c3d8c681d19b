// SPDX-License-Identifier: MIT
/*
 * The card in this process: its host operations, its start, and what it is.
 */
#include <endian.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "sim.h"

static int host_map(void *host, uint64_t bus, uint64_t len, bool write, struct loom_map *map)
{
	struct sim_device *sim = host;

	(void)write;
	if (bus < HUGE_SIZE || bus >= sim->arena.size || len > sim->arena.size - bus)
		return -EFAULT;
	map->ptr = sim_arena_ptr(&sim->arena, bus);
	map->len = len;
	map->priv = NULL;
	return 0;
}

static void host_unmap(void *host, struct loom_map *map, uint64_t written)
{
	(void)host;
	(void)map;
	(void)written;
}

static void host_irq(void *host, unsigned int vector)
{
	sim_interrupt(host, 1ull << vector);
}

static uint64_t host_now(void *host)
{
	(void)host;
	return sim_now();
}

/* All of them start while the card is built, before there is a watchdog, and end with it. */
static void *host_thread_start(void *host, const char *name, void *(*fn)(void *arg), void *arg)
{
	struct sim_thread *thread = calloc(1, sizeof(*thread));
	struct sim_device *sim = host;
	sigset_t all, old;
	char text[16];
	int ret;

	if (!thread)
		return NULL;
	/* Signals are for the application's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread->id, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret) {
		free(thread);
		errno = ret;
		return NULL;
	}
	snprintf(text, sizeof(text), "%s", name);
	pthread_setname_np(thread->id, text);
	thread->next = sim->threads;
	sim->threads = thread;
	return thread;
}

static void host_thread_join(void *host, void *handle)
{
	struct sim_thread *thread = handle, **at;
	struct sim_device *sim = host;

	pthread_join(thread->id, NULL);
	for (at = &sim->threads; *at != thread; at = &(*at)->next)
		;
	*at = thread->next;
	free(thread);
}

static const struct loom_host_ops host_ops = {
	.map = host_map,
	.unmap = host_unmap,
	.irq = host_irq,
	.now_ns = host_now,
	.thread_start = host_thread_start,
	.thread_join = host_thread_join,
};

static void device_free(struct sim_device *sim)
{
	sim_watchdog_stop(sim);
	if (sim->core)
		loom_core_destroy(sim->core);
	sim_rings_fini(sim);
	if (sim->local)
		munmap(sim->local, sim->options.local);
	range_fini(&sim->local_free);
	if (sim->arena.base)
		sim_arena_fini(&sim->arena);
	free(sim->context_state);
	pthread_mutex_destroy(&sim->lock);
	pthread_mutex_destroy(&sim->watchdog_lock);
	pthread_cond_destroy(&sim->watchdog_cond);
	free(sim);
}

static void sim_device_close(struct accel_device *device)
{
	struct sim_device *sim = sim_device(device);

	if (!device_forked(device)) {
		device_free(sim);
		return;
	}
	/* The child has the memory but not the threads: what they held stays held. */
	sim_rings_fini(sim);
	if (sim->local)
		munmap(sim->local, sim->options.local);
	range_fini(&sim->local_free);
	sim_arena_fini(&sim->arena);
	free(sim->context_state);
	while (sim->threads) {
		struct sim_thread *thread = sim->threads;

		sim->threads = thread->next;
		free(thread);
	}
	free(sim);
}

static int alive(struct sim_device *sim)
{
	int ret;

	sim_lock(sim);
	ret = sim_alive(sim);
	sim_unlock(sim);
	return ret;
}

static int sim_device_counters(struct accel_device *device, struct accel_device_counters *c)
{
	struct sim_device *sim = sim_device(device);
	int ret = alive(sim);

	if (ret)
		return ret;
	c->descriptors = sim_read(sim, LOOM_REG_CNT_DESCRIPTORS, 8);
	c->packets = sim_read(sim, LOOM_REG_CNT_PACKETS, 8);
	c->busy_ns = sim_read(sim, LOOM_REG_CNT_BUSY_NS, 8);
	c->cycles = sim_read(sim, LOOM_REG_CNT_CYCLES, 8);
	c->macs = sim_read(sim, LOOM_REG_CNT_MACS, 8);
	c->bytes_local = sim_read(sim, LOOM_REG_CNT_BYTES_LOCAL, 8);
	c->bytes_host = sim_read(sim, LOOM_REG_CNT_BYTES_HOST, 8);
	c->energy_pj = sim_read(sim, LOOM_REG_CNT_ENERGY_PJ, 8);
	c->faults = sim_read(sim, LOOM_REG_CNT_FAULTS, 8);
	c->tlb_misses = sim_read(sim, LOOM_REG_CNT_TLB_MISSES, 8);
	c->resets = sim_read(sim, LOOM_REG_CNT_RESETS, 8);
	return 0;
}

static int sim_device_memory(struct accel_device *device, struct accel_device_memory *memory)
{
	struct sim_device *sim = sim_device(device);

	sim_lock(sim);
	memory->system_used = sim->arena.size - HUGE_SIZE - range_total(&sim->arena.free);
	memory->local_free = range_total(&sim->local_free);
	memory->local_used = sim->options.local - memory->local_free;
	sim_unlock(sim);
	return 0;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int sim_device_timestamp(struct accel_device *device, struct accel_timestamp *stamp)
{
	struct sim_device *sim = sim_device(device);
	uint64_t before, after, raw, boot;
	int ret = alive(sim);

	if (ret)
		return ret;
	before = accel_now();
	raw = clock_ns(CLOCK_MONOTONIC_RAW);
	boot = clock_ns(CLOCK_BOOTTIME);
	stamp->device = sim_read(sim, LOOM_REG_TIMESTAMP, 8);
	stamp->cpu_boot = boot + (clock_ns(CLOCK_BOOTTIME) - boot) / 2;
	stamp->cpu_raw = raw + (clock_ns(CLOCK_MONOTONIC_RAW) - raw) / 2;
	after = accel_now();
	stamp->cpu = before + (after - before) / 2;
	stamp->uncertainty = (after - before + 1) / 2;
	return 0;
}

static int sim_device_generation(struct accel_device *device, uint32_t *generation)
{
	struct sim_device *sim = sim_device(device);
	int ret = alive(sim);

	if (!ret)
		*generation = (uint32_t)sim_read(sim, LOOM_REG_GENERATION, 4);
	return ret;
}

static const struct backend sim_backend = {
	.context_size = sizeof(struct sim_context),
	.buffer_size = sizeof(struct sim_buffer),
	.queue_size = sizeof(struct sim_queue),
	.device_close = sim_device_close,
	.device_counters = sim_device_counters,
	.device_memory = sim_device_memory,
	.device_timestamp = sim_device_timestamp,
	.device_generation = sim_device_generation,
	.context_init = sim_context_init,
	.context_fini = sim_context_fini,
	.buffer_init = sim_buffer_init,
	.buffer_fini = sim_buffer_fini,
	.buffer_map = sim_buffer_map,
	.buffer_name = sim_buffer_name,
	.buffer_bind = sim_buffer_bind,
	.buffer_unbind = sim_buffer_unbind,
	.queue_init = sim_queue_init,
	.queue_stop = sim_queue_stop,
	.queue_fini = sim_queue_fini,
	.queue_submit = sim_queue_submit,
	.queue_wait = sim_queue_wait,
	.queue_status = sim_queue_status,
	.queue_arm = sim_queue_arm,
	.fence_fd = sim_fence_fd,
};

static void read_text(struct sim_device *sim, uint64_t reg, char text[32])
{
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t word = htole64(sim_read(sim, reg + 8 * i, 8));

		memcpy(text + 8 * i, &word, 8);
	}
	text[31] = '\0';
}

static void read_props(struct sim_device *sim, const char *name)
{
	struct accel_device_props *p = &sim->base.props;
	uint32_t array = (uint32_t)sim_read(sim, LOOM_REG_ARRAY, 4);

	p->sz = sizeof(*p);
	p->caps = 1ull << ACCEL_CAP_SIMULATED;
	if (sim->options.local)
		p->caps |= 1ull << ACCEL_CAP_LOCAL_MEMORY;
	if (sim_read(sim, LOOM_REG_FEATURES_ACK, 8) & LOOM_FEATURE_DEBUG)
		p->caps |= 1ull << ACCEL_CAP_DEBUG;
	p->dtypes = sim_read(sim, LOOM_REG_DTYPES, 8);
	for (unsigned int i = 0; i < 4; i++)
		p->opcodes[i] = sim_read(sim, LOOM_REG_OPCODES + 8 * i, 8);
	p->local_size = sim_read(sim, LOOM_REG_LOCAL_SIZE, 8);
	p->va_start = SIM_VA_START;
	p->va_end = SIM_VA_END;
	p->timestamp_hz = sim_read(sim, LOOM_REG_TIMESTAMP_HZ, 8);
	p->hw_version = (uint32_t)sim_read(sim, LOOM_REG_VERSION, 4);
	p->driver_version = ACCEL_VERSION_MAJOR << 16 | ACCEL_VERSION_MINOR;
	p->array_rows = array >> 16;
	p->array_columns = array & 0xffff;
	p->clock_khz = (uint32_t)sim_read(sim, LOOM_REG_CLOCK_KHZ, 4);
	p->sram_kib = (uint32_t)sim_read(sim, LOOM_REG_SRAM_KIB, 4);
	p->local_mbps = (uint32_t)sim_read(sim, LOOM_REG_LOCAL_MBPS, 4);
	p->host_mbps = (uint32_t)sim_read(sim, LOOM_REG_HOST_MBPS, 4);
	p->rings = sim->nrings;
	p->contexts = sim->ncontexts;
	p->jobs_max = SIM_SUBMIT_MAX;
	p->queue_depth_max = SIM_DEPTH_MAX;
	p->program_size_max = (uint32_t)sim_read(sim, LOOM_REG_CMD_SIZE_MAX, 4);
	snprintf(p->profile, sizeof(p->profile), "%s",
		 sim_read(sim, LOOM_REG_PROFILE, 4) == LOOM_PROFILE_TPUV1 ? "tpuv1" : "loom1");
	read_text(sim, LOOM_REG_MODEL, p->model);
	read_text(sim, LOOM_REG_SERIAL, p->serial);
	snprintf(p->id, sizeof(p->id), "sim:%s", name);
	sim->base.syncs_max = SIM_SYNCS_MAX;
	sim->base.timeout_ms_max = SIM_TIMEOUT_MAX;
}

static int card_create(struct sim_device *sim)
{
	const struct sim_options *o = &sim->options;
	struct loom_core_config config = {
		.rings = o->rings + 1,
		.contexts = o->contexts,
		.vectors = o->rings + 1,
		.threads = o->threads,
		.local = sim->local,
		.local_size = o->local,
		.profile = o->profile,
		.debug = o->debug,
		.features_mask = o->features,
		.spin_us = o->spin_us,
		.isa = o->isa[0] ? o->isa : NULL,
		.serial = o->serial,
	};
	const char *why = NULL;
	int ret;

	ret = loom_core_create(&config, &host_ops, sim, &sim->core, &why);
	if (ret)
		return err(ret, NULL, "cannot build the simulated card: %s",
			   why ? why : accel_strerror(ret));
	return 0;
}

int sim_card_start(struct sim_device *sim)
{
	memset(sim->faults, 0, sizeof(struct loom_fault) << SIM_FAULT_LOG2);
	sim_write(sim, LOOM_REG_FEATURES_ACK, sim_read(sim, LOOM_REG_FEATURES, 8), 8);
	sim_write(sim, LOOM_REG_CTX_BASE, sim->contexts_bus, 8);
	sim_write(sim, LOOM_REG_CTX_COUNT, sim->ncontexts, 4);
	sim_write(sim, LOOM_REG_FAULT_LOG2, SIM_FAULT_LOG2, 4);
	sim_write(sim, LOOM_REG_FAULT_BASE, sim->fault_bus, 8);
	sim_write(sim, LOOM_REG_IRQ_ENABLE, LOOM_IRQ_FAULT | LOOM_IRQ_FAULT_OVERFLOW |
		  LOOM_IRQ_RING_ERROR | LOOM_IRQ_FATAL, 8);
	sim_write(sim, LOOM_REG_CTRL, LOOM_CTRL_ENABLE, 4);
	if (!(sim_read(sim, LOOM_REG_STATUS, 4) & LOOM_STATUS_ENABLED))
		return err(-EIO, NULL, "the simulated card does not start: status %#x",
			   (unsigned int)sim_read(sim, LOOM_REG_STATUS, 4));
	return 0;
}

static int card_start(struct sim_device *sim)
{
	uint64_t bytes;
	int ret;

	sim->nrings = (unsigned int)sim_read(sim, LOOM_REG_NUM_RINGS, 4) - 1;
	sim->ncontexts = (uint32_t)sim_read(sim, LOOM_REG_NUM_CONTEXTS, 4);
	sim->next_tag = 1;
	sim->context_state = calloc(sim->ncontexts, sizeof(*sim->context_state));
	if (!sim->context_state)
		return err_nomem("the simulated card");

	bytes = (sim->ncontexts * sizeof(struct loom_ctx_entry) + PAGE_SIZE - 1) &
		~(uint64_t)(PAGE_SIZE - 1);
	ret = sim_arena_alloc(&sim->arena, bytes, &sim->contexts_bus);
	if (ret)
		return ret;
	sim->contexts = sim_arena_ptr(&sim->arena, sim->contexts_bus);

	bytes = sizeof(struct loom_fault) << SIM_FAULT_LOG2;
	ret = sim_arena_alloc(&sim->arena, bytes, &sim->fault_bus);
	if (ret)
		return ret;
	sim->faults = sim_arena_ptr(&sim->arena, sim->fault_bus);
	ret = sim_card_start(sim);
	return ret ? ret : sim_rings_init(sim);
}

static int local_init(struct sim_device *sim)
{
	uint64_t size = sim->options.local;
	void *mem;

	if (range_init(&sim->local_free, 0, size))
		return err_nomem("the simulated card");
	if (!size)
		return 0;
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return err(-ENOMEM, "open sim: with a smaller local=",
			   "no %llu bytes for the simulated card's local memory",
			   (unsigned long long)size);
	sim->local = mem;
	return 0;
}

int sim_device_open(const char *options, struct accel_device **device)
{
	pthread_condattr_t attr;
	struct sim_device *sim;
	int ret;

	sim = calloc(1, sizeof(*sim));
	if (!sim)
		return err_nomem("a device");
	ret = sim_options_parse(options, &sim->options);
	if (ret) {
		free(sim);
		return ret;
	}
	atomic_init(&sim->base.refs, 1);
	sim->base.forks = fork_generation();
	sim->base.ops = &sim_backend;
	pthread_mutex_init(&sim->lock, NULL);
	pthread_mutex_init(&sim->watchdog_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sim->watchdog_cond, &attr);
	pthread_condattr_destroy(&attr);
	ret = sim_arena_init(&sim->arena);
	if (!ret)
		ret = local_init(sim);
	if (!ret)
		ret = card_create(sim);
	if (!ret)
		ret = card_start(sim);
	if (!ret)
		ret = sim_watchdog_start(sim);
	if (ret) {
		device_free(sim);
		return ret;
	}
	read_props(sim, options);
	*device = &sim->base;
	return 0;
}
