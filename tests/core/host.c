// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "host.h"

static int host_map(void *opaque, uint64_t bus, uint64_t len, bool write, struct loom_map *map)
{
	struct host *host = opaque;
	uint64_t off = bus - HOST_BUS;

	(void)write;
	atomic_fetch_add(&host->map_calls, 1);
	if (atomic_load(&host->silent))
		atomic_fetch_add(&host->late, 1);
	if (!atomic_load(&host->master) || !len || off >= host->size)
		return -EFAULT;
	if (host->refuse_len && bus + len > host->refuse_from &&
	    bus < host->refuse_from + host->refuse_len) {
		if (bus >= host->refuse_from)
			return -EFAULT;
		len = host->refuse_from - bus;
	}
	if (len > host->size - off)
		len = host->size - off;
	/* pieces end where a region of guest memory could end */
	if (host->grain && len > host->grain - bus % host->grain)
		len = host->grain - bus % host->grain;
	map->ptr = host->mem + off;
	map->len = len;
	map->priv = host->mem + off + 1;
	atomic_fetch_add(&host->maps, 1);
	return 0;
}

static void host_unmap(void *opaque, struct loom_map *map, uint64_t written)
{
	struct host *host = opaque;

	if (map->priv != (uint8_t *)map->ptr + 1 || written > map->len)
		atomic_fetch_add(&host->bad_unmaps, 1);
	if (atomic_load(&host->silent))
		atomic_fetch_add(&host->late, 1);
	if (host->spoil && (uint8_t *)map->ptr < host->spoil + host->spoil_len &&
	    (uint8_t *)map->ptr + map->len > host->spoil)
		memset(host->spoil, 0xff, host->spoil_len);
	atomic_fetch_sub(&host->maps, 1);
}

static void host_local_written(void *opaque, uint64_t offset, uint64_t len)
{
	struct host *host = opaque;

	(void)offset;
	atomic_fetch_add(&host->local_bytes, len);
}

static void host_irq(void *opaque, unsigned int vector)
{
	struct host *host = opaque;

	if (atomic_load(&host->silent))
		atomic_fetch_add(&host->late, 1);
	pthread_mutex_lock(&host->lock);
	host->irqs[vector]++;
	pthread_cond_broadcast(&host->cond);
	pthread_mutex_unlock(&host->lock);
}

static uint64_t host_now(void *opaque)
{
	struct host *host = opaque;
	uint64_t stopped = host ? atomic_load(&host->stopped) : 0;
	struct timespec ts;

	if (stopped)
		return stopped;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void *host_thread_start(void *opaque, const char *name, void *(*fn)(void *), void *arg)
{
	pthread_t *thread = malloc(sizeof(*thread));
	int ret;

	(void)opaque;
	(void)name;
	if (!thread)
		return NULL;
	ret = pthread_create(thread, NULL, fn, arg);
	if (!ret)
		return thread;
	free(thread);
	errno = ret;
	return NULL;
}

static void host_thread_join(void *opaque, void *thread)
{
	(void)opaque;
	pthread_join(*(pthread_t *)thread, NULL);
	free(thread);
}

static void host_event(void *opaque, enum loom_event event, const uint64_t *args, unsigned int n)
{
	struct host *host = opaque;

	(void)args;
	(void)n;
	if (event == LOOM_EVENT_DESC_START && host->spoil_desc)
		memset(host->spoil_desc, 0xff, sizeof(struct loom_desc));
	atomic_fetch_add(&host->events[event], 1);
}

const struct loom_host_ops host_ops = {
	.map = host_map,
	.unmap = host_unmap,
	.local_written = host_local_written,
	.irq = host_irq,
	.now_ns = host_now,
	.thread_start = host_thread_start,
	.thread_join = host_thread_join,
	.event = host_event,
};

void host_init(struct host *host, uint64_t size)
{
	*host = (struct host){ .size = size };
	host->mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (host->mem == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	atomic_store(&host->master, true);
	pthread_mutex_init(&host->lock, NULL);
	pthread_cond_init(&host->cond, NULL);
}

void host_free(struct host *host)
{
	munmap(host->mem, host->size);
	pthread_cond_destroy(&host->cond);
	pthread_mutex_destroy(&host->lock);
}

uint64_t host_alloc(struct host *host, uint64_t size)
{
	uint64_t bus = HOST_BUS + host->next;

	size = (size + LOOM_PAGE_SIZE - 1) & ~(uint64_t)(LOOM_PAGE_SIZE - 1);
	if (size > host->size - host->next) {
		fprintf(stderr, "the arena is too small\n");
		exit(1);
	}
	host->next += size;
	return bus;
}

void *host_ptr(struct host *host, uint64_t bus)
{
	return host->mem + (bus - HOST_BUS);
}

unsigned long host_irqs(struct host *host, unsigned int vector)
{
	unsigned long count;

	pthread_mutex_lock(&host->lock);
	count = host->irqs[vector];
	pthread_mutex_unlock(&host->lock);
	return count;
}

void host_wait_irq(struct host *host, unsigned int vector, unsigned long count)
{
	pthread_mutex_lock(&host->lock);
	while (host->irqs[vector] < count)
		pthread_cond_wait(&host->cond, &host->lock);
	pthread_mutex_unlock(&host->lock);
}
