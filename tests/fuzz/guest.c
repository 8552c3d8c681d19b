// SPDX-License-Identifier: MIT
/*
 * The guest's memory. All of it is poisoned but what the card has mapped at
 * the moment: an access to anything else, or after the unmap, is a finding. So
 * is a page that changed without having been reported as written.
 */
#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define SIZE		(GUEST_PAGES * LOOM_PAGE_SIZE)
#define LOCAL_PAGES	(GUEST_LOCAL / LOOM_PAGE_SIZE)
#define SLOTS		8192
/* Above, memory stays open until all is unmapped: exactness would be quadratic. */
#define EXACT		96

/* Of code that looks at poisoned memory; nothing in it becomes a call of memcpy(). */
#define RAW __attribute__((no_sanitize("address", "undefined"), noinline))

struct slot {
	uint8_t *ptr;
	uint64_t len;
	bool write;
};

struct guest guest;

static struct slot slots[SLOTS];
static unsigned int top, spare[SLOTS], nspare;
static uint8_t *image, *local_image;
static bool written[GUEST_PAGES], local_written[LOCAL_PAGES];

static void open_memory(uint8_t *from, uint64_t len)
{
	uintptr_t first = (uintptr_t)from & ~(uintptr_t)7;

	ASAN_UNPOISON_MEMORY_REGION((void *)first, ((uintptr_t)from + len - first + 7) & ~7ull);
}

static void close_memory(uint8_t *from, uint64_t len)
{
	uintptr_t first = (uintptr_t)from & ~(uintptr_t)7;

	ASAN_POISON_MEMORY_REGION((void *)first, ((uintptr_t)from + len - first + 7) & ~7ull);
	for (unsigned int i = 0; i < top; i++)
		if (slots[i].len && slots[i].ptr < from + len + 8 &&
		    slots[i].ptr + slots[i].len + 8 > from)
			open_memory(slots[i].ptr, slots[i].len);
}

/* Host operations come from the front end, and never under its lock. */
static void check_call(const char *what)
{
	fuzz_check(fiber_inside(), "%s from outside the front end", what);
	fuzz_check(!guest.silent, "%s after a reset", what);
	fuzz_check(!card || !pthread_mutex_trylock(&card->lock), "%s under the lock", what);
	if (card)
		pthread_mutex_unlock(&card->lock);
}

static int guest_map(void *opaque, uint64_t bus, uint64_t len, bool write, struct loom_map *map)
{
	uint64_t off = bus - GUEST_BUS;
	unsigned int i;

	(void)opaque;
	check_call("map");
	fuzz_check(len, "map of nothing");
	fiber_point();
	if (off >= SIZE)
		return -EFAULT;
	if (len > SIZE - off)
		len = SIZE - off;
	if (guest.grain && len > guest.grain - off % guest.grain)
		len = guest.grain - off % guest.grain;
	for (uint64_t page = off / 4096; write && page <= (off + len - 1) / 4096; page++)
		fuzz_check(guest.writable[page], "page %u mapped for writing",
			   (unsigned int)page);
	if (!nspare && top == SLOTS)
		return -EFAULT;
	i = nspare ? spare[--nspare] : top++;
	slots[i] = (struct slot){ guest.mem + off, len, write };
	open_memory(slots[i].ptr, len);
	map->ptr = slots[i].ptr;
	map->len = len;
	map->priv = &slots[i];
	guest.maps++;
	return 0;
}

static void guest_unmap(void *opaque, struct loom_map *map, uint64_t dirty)
{
	struct slot *slot = map->priv;
	uint64_t off;

	(void)opaque;
	check_call("unmap");
	fuzz_check(slot >= slots && slot < slots + top && slot->len && slot->ptr == map->ptr &&
		   slot->len == map->len, "unmap of what is not mapped");
	fuzz_check(dirty <= slot->len, "%llu bytes of %llu written", (unsigned long long)dirty,
		   (unsigned long long)slot->len);
	fuzz_check(!dirty || slot->write, "a mapping for reading was written");
	off = (uint64_t)(slot->ptr - guest.mem);
	for (uint64_t page = off / 4096; dirty && page <= (off + dirty - 1) / 4096; page++)
		written[page] = true;
	*slot = (struct slot){ 0 };
	spare[nspare++] = (unsigned int)(slot - slots);
	guest.maps--;
	if (!guest.maps) {
		top = 0;
		nspare = 0;
		ASAN_POISON_MEMORY_REGION(guest.mem, SIZE);
	} else if (top <= EXACT) {
		close_memory(map->ptr, map->len);
	}
}

static void guest_local_written(void *opaque, uint64_t offset, uint64_t len)
{
	(void)opaque;
	check_call("local_written");
	fuzz_check(len && offset < GUEST_LOCAL && len <= GUEST_LOCAL - offset,
		   "local memory written at %llu, %llu bytes", (unsigned long long)offset,
		   (unsigned long long)len);
	for (uint64_t page = offset / 4096; page <= (offset + len - 1) / 4096; page++)
		local_written[page] = true;
}

static void guest_irq(void *opaque, unsigned int vector)
{
	(void)opaque;
	check_call("interrupt");
	fuzz_check(vector < FUZZ_VECTORS, "vector %u", vector);
	guest.irqs[vector]++;
	fiber_point();
}

static uint64_t guest_now(void *opaque)
{
	(void)opaque;
	return fiber_now();
}

static void *guest_thread_start(void *opaque, const char *name, void *(*fn)(void *), void *arg)
{
	(void)opaque;
	(void)name;
	fiber_start(fn, arg);
	return &guest;
}

static void guest_thread_join(void *opaque, void *thread)
{
	(void)opaque;
	(void)thread;
	fiber_finish();
}

static void guest_event(void *opaque, enum loom_event event, const uint64_t *args, unsigned int n)
{
	(void)opaque;
	(void)event;
	(void)args;
	(void)n;
	fiber_point();
}

const struct loom_host_ops guest_ops = {
	.map = guest_map,
	.unmap = guest_unmap,
	.local_written = guest_local_written,
	.irq = guest_irq,
	.now_ns = guest_now,
	.thread_start = guest_thread_start,
	.thread_join = guest_thread_join,
	.event = guest_event,
};

static uint8_t *area(size_t size)
{
	uint8_t *mem = aligned_alloc(LOOM_PAGE_SIZE, size);

	fuzz_check(mem, "no memory");
	memset(mem, 0, size);
	return mem;
}

void guest_init(void)
{
	guest.mem = area(SIZE);
	guest.local = area(GUEST_LOCAL);
	image = area(SIZE);
	local_image = area(GUEST_LOCAL);
	memset(guest.writable, 1, sizeof(guest.writable));
	ASAN_POISON_MEMORY_REGION(guest.mem, SIZE);
}

static RAW void copy(volatile uint64_t *to, const volatile uint64_t *from, size_t len)
{
	for (size_t i = 0; i < len / 8; i++)
		to[i] = from[i];
}

static RAW uint64_t differ(const uint64_t *a, const uint64_t *b)
{
	uint64_t diff = 0;

	for (size_t i = 0; i < LOOM_PAGE_SIZE / 8; i++)
		diff |= a[i] ^ b[i];
	return diff;
}

void guest_seal(void)
{
	copy((uint64_t *)image, (uint64_t *)guest.mem, SIZE);
	copy((uint64_t *)local_image, (uint64_t *)guest.local, GUEST_LOCAL);
	memset(written, 0, sizeof(written));
}

static void restore(uint8_t *mem, const uint8_t *from, bool *dirty, unsigned int pages,
		    const char *what)
{
	for (unsigned int i = 0; i < pages; i++) {
		uint64_t *page = (uint64_t *)(mem + i * 4096);
		const uint64_t *was = (const uint64_t *)(from + i * 4096);

		if (dirty[i])
			copy(page, was, LOOM_PAGE_SIZE);
		else
			fuzz_check(!differ(page, was), "%s page %u changed, unreported", what, i);
		dirty[i] = false;
	}
}

void guest_restore(void)
{
	restore(guest.mem, image, written, GUEST_PAGES, "host");
	restore(guest.local, local_image, local_written, LOCAL_PAGES, "local");
	memset(guest.irqs, 0, sizeof(guest.irqs));
	guest.grain = 0;
}

RAW uint64_t guest_load(uint64_t bus)
{
	return *(volatile uint64_t *)(guest.mem + (bus - GUEST_BUS));
}

RAW void guest_store(uint64_t bus, uint64_t value)
{
	written[(bus - GUEST_BUS) / LOOM_PAGE_SIZE] = true;
	*(volatile uint64_t *)(guest.mem + (bus - GUEST_BUS)) = value;
}

RAW void guest_write(uint64_t bus, const void *from, size_t len)
{
	volatile uint8_t *to = guest.mem + (bus - GUEST_BUS);

	for (size_t i = 0; i < len; i++) {
		written[(bus + i - GUEST_BUS) / LOOM_PAGE_SIZE] = true;
		to[i] = ((const volatile uint8_t *)from)[i];
	}
}

RAW void guest_read(uint64_t bus, void *to, size_t len)
{
	const volatile uint8_t *from = guest.mem + (bus - GUEST_BUS);

	for (size_t i = 0; i < len; i++)
		((volatile uint8_t *)to)[i] = from[i];
}
