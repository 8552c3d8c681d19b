/* SPDX-License-Identifier: MIT */
/*
 * A host for the card's core in this process: an arena is the guest's memory,
 * interrupts are counted, and what the core maps is checked.
 */
#ifndef TEST_HOST_H
#define TEST_HOST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "loom_core.h"

/* Bus address of the arena: nothing that is taken for a pointer works by chance. */
#define HOST_BUS	0x100000000ull

#define HOST_EVENTS	16

/**
 * struct host
 * @mem, @size: the arena
 * @next: first byte that host_alloc() has not handed out
 * @grain: longest piece that one map gives, 0: no limit
 * @refuse_from, @refuse_len: bus addresses that are not memory
 * @master: bus mastering is on
 * @spoil, @spoil_len: overwritten when a mapping of some of it ends, as another processor would
 * @spoil_desc: a descriptor that is overwritten when one starts
 * @maps: outstanding
 * @late: maps, or interrupts, that came while @silent
 * @silent: the card must not touch anything
 */
struct host {
	uint8_t *mem;
	uint64_t size;
	uint64_t next;
	uint64_t grain;
	uint64_t refuse_from, refuse_len;
	uint8_t *spoil, *spoil_desc;
	uint64_t spoil_len;
	atomic_bool master;
	atomic_bool silent;
	atomic_uint_fast64_t stopped;	/* 0, or what the clock shows */
	atomic_int maps;
	atomic_ulong map_calls;
	atomic_ulong late;
	atomic_ulong bad_unmaps;
	atomic_ulong local_bytes;
	atomic_ulong events[HOST_EVENTS];
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned long irqs[LOOM_RINGS_MAX + 1];
};

extern const struct loom_host_ops host_ops;

void host_init(struct host *host, uint64_t size);
void host_free(struct host *host);

/* Zeroed, page aligned; the bus address. */
uint64_t host_alloc(struct host *host, uint64_t size);
void *host_ptr(struct host *host, uint64_t bus);

unsigned long host_irqs(struct host *host, unsigned int vector);
/* Wait until @vector was raised @count times in all. */
void host_wait_irq(struct host *host, unsigned int vector, unsigned long count);

#endif
