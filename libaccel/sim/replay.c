// SPDX-License-Identifier: MIT
/*
 * Replay of a job from a dump: see ../replay.h.
 */
#include <stdlib.h>
#include <string.h>

#include "../replay.h"
#include "sim.h"

struct memory {
	uint64_t bus;
	uint64_t size;
};

struct mapping {
	uint64_t va;
	uint64_t size;
};

struct accel_replay {
	struct accel_context *context;
	struct accel_queue *queue;
	struct memory *memory;
	size_t memories;
	struct mapping *mapping;
	size_t mappings;
};

/* Room for one more element; NULL: there is no memory. */
static void *one_more(void *array, size_t count, size_t size)
{
	return count & (count - 1) ? array : realloc(array, (count ? 2 * count : 1) * size);
}

int accel_replay_create(struct accel_device *device, uint32_t timeout_ms, uint32_t limit_ms,
			struct accel_replay **replay)
{
	API_ENTER;
	struct accel_queue_opts opts = ACCEL_INIT(opts);
	struct accel_replay *r;
	int ret;

	if (!accel_device_has(device, ACCEL_CAP_SIMULATED))
		return err(-EOPNOTSUPP, "open sim:", "dumps are replayed on simulated cards only");
	r = calloc(1, sizeof(*r));
	if (!r)
		return err_nomem("a replay");
	opts.timeout_ms = timeout_ms;
	opts.limit_ms = limit_ms;
	ret = accel_context_create(device, NULL, &r->context);
	if (!ret)
		ret = accel_queue_create(r->context, &opts, &r->queue);
	if (ret) {
		accel_replay_free(r);
		return ret;
	}
	*replay = r;
	return 0;
}

void accel_replay_free(struct accel_replay *r)
{
	API_ENTER;
	struct accel_device *device;

	if (!r)
		return;
	device = accel_device_ref(accel_context_device(r->context));
	/* In this order: when they are gone, the card reaches no memory any more. */
	accel_queue_unref(r->queue);
	accel_context_unref(r->context);
	if (r->memories) {
		sim_lock(sim_device(device));
		for (size_t i = 0; i < r->memories; i++)
			sim_arena_free(&sim_device(device)->arena, r->memory[i].bus,
				       r->memory[i].size);
		sim_unlock(sim_device(device));
	}
	accel_device_unref(device);
	free(r->memory);
	free(r->mapping);
	free(r);
}

int accel_replay_memory(struct accel_replay *r, uint64_t size, void **ptr)
{
	API_ENTER;
	struct sim_device *sim = sim_of(r->context);
	struct memory *memory;
	int ret;

	if (!size || size % PAGE_SIZE)
		return err(-EINVAL, NULL, "memory of %#llx bytes", (unsigned long long)size);
	memory = one_more(r->memory, r->memories, sizeof(*memory));
	if (!memory)
		return err_nomem("a replay");
	r->memory = memory;
	memory += r->memories;
	memory->size = size;
	sim_lock(sim);
	ret = sim_arena_alloc(&sim->arena, size, &memory->bus);
	if (!ret) {
		*ptr = sim_arena_ptr(&sim->arena, memory->bus);
		r->memories++;
	}
	sim_unlock(sim);
	return ret;
}

static bool in_memory(const struct accel_replay *r, uint64_t bus, uint64_t size)
{
	for (size_t i = 0; i < r->memories; i++)
		if (bus >= r->memory[i].bus && bus - r->memory[i].bus <= r->memory[i].size &&
		    size <= r->memory[i].size - (bus - r->memory[i].bus))
			return true;
	return false;
}

static bool in_use(const struct accel_replay *r, uint64_t va, uint64_t size)
{
	for (size_t i = 0; i < r->mappings; i++)
		if (va < r->mapping[i].va + r->mapping[i].size && r->mapping[i].va < va + size)
			return true;
	return false;
}

int accel_replay_map(struct accel_replay *r, const void *ptr, uint64_t va, uint64_t size,
		     bool writable)
{
	API_ENTER;
	struct sim_device *sim = sim_of(r->context);
	uint64_t bus = (uint64_t)((const char *)ptr - sim->arena.base);
	struct mapping *mapping = one_more(r->mapping, r->mappings, sizeof(*mapping));
	int ret;

	if (!mapping)
		return err_nomem("a replay");
	r->mapping = mapping;
	if (!size || (va | size | bus) % PAGE_SIZE || va >= 1ull << LOOM_VA_BITS ||
	    size > (1ull << LOOM_VA_BITS) - va || !in_memory(r, bus, size) ||
	    in_use(r, va, size))
		return err(-EINVAL, NULL, "%#llx bytes cannot be mapped at %#llx",
			   (unsigned long long)size, (unsigned long long)va);
	ret = sim_context_map(r->context, va, bus, size,
			      LOOM_PTE_READ | (writable ? LOOM_PTE_WRITE : 0));
	if (!ret)
		r->mapping[r->mappings++] = (struct mapping){ .va = va, .size = size };
	return ret;
}

int accel_replay_run(struct accel_replay *r, uint64_t va, uint32_t size,
		     struct accel_result *result)
{
	API_ENTER;
	struct backend_job job = { .cmd_va = va, .cmd_size = size };
	struct accel_queue *queue = r->queue;
	uint64_t number;
	int ret;

	pthread_mutex_lock(&queue->lock);
	number = atomic_load(&queue->submitted) + 1;
	ret = context_ops(r->context)->queue_submit(queue, &job, 1);
	if (!ret)
		atomic_store(&queue->submitted, number);
	pthread_mutex_unlock(&queue->lock);
	if (ret)
		return ret;
	ret = queue_wait(queue, number, ACCEL_FOREVER);
	if (ret)
		return err(ret, NULL, "the wait for the job was interrupted");
	result_translate(result, &queue->ring[number & (queue->depth - 1)]);
	if (result->outcome == ACCEL_JOB_TIMEOUT)
		result->fault_packet = ((struct sim_queue *)queue)->hung_packet;
	return 0;
}
