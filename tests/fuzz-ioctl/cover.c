// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/kcov.h>

#include "cover.h"

#define KCOV		"/sys/kernel/debug/kcov"
#define KCOV_WORDS	(256u << 10)

int cover_open(void)
{
	return open(KCOV, O_RDWR | O_CLOEXEC);
}

void places_init(struct places *places)
{
	FILE *f = fopen("/sys/module/loom/sections/.text", "re");
	unsigned long base;

	if (f && fscanf(f, "%lx", &base) == 1)
		places->base = base;
	if (f)
		fclose(f);
}

void cover_init(struct cover *cover, struct places *places, uint8_t *features, int file)
{
	void *buffer = MAP_FAILED;

	cover->places = places;
	cover->features = features;
	cover->buffer = NULL;
	if (file < 0 || !places->base || ioctl(file, KCOV_INIT_TRACE, KCOV_WORDS))
		return;
	buffer = mmap(NULL, KCOV_WORDS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file,
		      0);
	if (buffer == MAP_FAILED || ioctl(file, KCOV_ENABLE, KCOV_TRACE_PC))
		return;
	cover->buffer = buffer;
	__atomic_store_n(&places->available, true, __ATOMIC_RELAXED);
}

void cover_begin(struct cover *cover)
{
	if (cover->buffer)
		__atomic_store_n(cover->buffer, 0, __ATOMIC_RELAXED);
}

static unsigned int feature(struct cover *cover, uint64_t what)
{
	uint8_t *seen = &cover->features[what * 0x9e3779b97f4a7c15ull >> 48];

	if (*seen)
		return 0;
	*seen = 1;
	return 1;
}

static void place(struct places *places, uint64_t pc)
{
	uint64_t at = pc - places->base;
	uint8_t bit = 1u << at % 8;

	if (at < PLACES && !(__atomic_load_n(&places->bits[at / 8], __ATOMIC_RELAXED) & bit) &&
	    !(__atomic_fetch_or(&places->bits[at / 8], bit, __ATOMIC_RELAXED) & bit))
		__atomic_fetch_add(&places->count, 1, __ATOMIC_RELAXED);
}

unsigned int cover_end(struct cover *cover, unsigned int call, int error)
{
	unsigned int fresh = feature(cover, 1ull << 63 | (uint64_t)call << 32 | (uint32_t)error);
	uint64_t count, last = 0;

	if (!cover->buffer)
		return fresh;
	count = __atomic_load_n(cover->buffer, __ATOMIC_RELAXED);
	for (uint64_t i = 1; i <= count && i < KCOV_WORDS; i++) {
		uint64_t pc = cover->buffer[i], at = pc - cover->places->base;

		place(cover->places, pc);
		/* A step from one place to another; the same place is another one after another. */
		fresh += feature(cover, at ^ last << 24);
		last = at;
	}
	return fresh;
}
