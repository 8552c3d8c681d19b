// SPDX-License-Identifier: MIT
/*
 * Memory of buffers: in the arena, or in the card's local memory.
 */
#include <sys/mman.h>

#include "sim.h"

static struct sim_buffer *sim_buffer(struct accel_buffer *buffer)
{
	return (struct sim_buffer *)buffer;
}

int sim_buffer_init(struct accel_buffer *buffer)
{
	struct sim_device *sim = sim_of(buffer->context);
	struct sim_buffer *b = sim_buffer(buffer);
	uint64_t align = buffer->size >= HUGE_SIZE ? HUGE_SIZE : PAGE_SIZE;
	int ret;

	b->local = buffer->flags & ACCEL_BUFFER_LOCAL;
	sim_lock(sim);
	ret = sim_alive(sim);
	if (ret) {
		sim_unlock(sim);
		return ret;
	}
	if (!b->local) {
		ret = sim_arena_alloc(&sim->arena, buffer->size, &b->at);
	} else {
		ret = range_alloc(&sim->local_free, buffer->size, align, &b->at);
		if (ret == -ENOSPC)
			ret = err(ret, "free buffers, or open sim: with a larger local=",
				  "no %llu bytes of local memory are free in one piece",
				  (unsigned long long)buffer->size);
		else if (ret)
			ret = err_nomem("a buffer");
	}
	sim_unlock(sim);
	return ret;
}

void sim_buffer_fini(struct accel_buffer *buffer)
{
	struct sim_device *sim = sim_of(buffer->context);
	struct sim_buffer *b = sim_buffer(buffer);

	if (device_forked(buffer->context->device))
		return;
	sim_lock(sim);
	if (b->local) {
		/* Private memory reads zero after this. */
		madvise(sim->local + b->at, buffer->size, MADV_DONTNEED);
		range_free(&sim->local_free, b->at, buffer->size);
	} else {
		sim_arena_free(&sim->arena, b->at, buffer->size);
	}
	sim_unlock(sim);
}

int sim_buffer_map(struct accel_buffer *buffer, void **ptr)
{
	struct sim_device *sim = sim_of(buffer->context);
	struct sim_buffer *b = sim_buffer(buffer);

	*ptr = b->local ? sim->local + b->at : sim_arena_ptr(&sim->arena, b->at);
	return 0;
}

int sim_buffer_name(struct accel_buffer *buffer, const char *name)
{
	/* Names are for the kernel's reports; nothing here reads them. */
	(void)buffer;
	(void)name;
	return 0;
}
