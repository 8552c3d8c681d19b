// SPDX-License-Identifier: MIT
/*
 * memory-map READ MOVED: one processor reads a register of the PCI function READ, over and over, while
 * another one takes the memory of the function MOVED off the bus and puts it back. Every read has to
 * give what the first one gave. Both are addresses as in /sys/bus/pci/devices; no driver may have them.
 *
 * Exit status 0, 1 if a read gave something else, 2 if that cannot be tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHANGES		1000
#define COMMAND		4	/* in configuration space */
#define COMMAND_MEMORY	2

struct reader {
	const volatile uint32_t *reg;
	uint32_t first, other;
	uint64_t reads, wrong;
	bool stop;
};

static void *read_on(void *data)
{
	struct reader *r = data;
	uint32_t value;

	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		value = *r->reg;
		if (value != r->first) {
			r->other = value;
			r->wrong++;
		}
		__atomic_fetch_add(&r->reads, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static int function_file(const char *address, const char *file)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, file);
	fd = open(path, O_RDWR);
	if (fd < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return fd;
}

static bool memory_set(int config, bool on)
{
	const uint16_t command = on ? COMMAND_MEMORY : 0;

	return pwrite(config, &command, sizeof(command), COMMAND) == sizeof(command);
}

/* With a read at least between two changes, else they could not have met. */
static bool change(struct reader *r, int config)
{
	uint64_t before;

	for (int i = 0; i < CHANGES; i++) {
		before = __atomic_load_n(&r->reads, __ATOMIC_ACQUIRE);
		if (!memory_set(config, i % 2))
			return false;
		while (__atomic_load_n(&r->reads, __ATOMIC_ACQUIRE) == before)
			;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct reader r = { 0 };
	int config, moved, bar;
	pthread_t thread;
	bool changed;

	if (argc != 3) {
		fprintf(stderr, "usage: memory-map READ MOVED\n");
		return 2;
	}
	config = function_file(argv[1], "config");
	moved = function_file(argv[2], "config");
	bar = function_file(argv[1], "resource0");
	if (config < 0 || moved < 0 || bar < 0 || !memory_set(config, true))
		return 2;
	r.reg = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, bar, 0);
	if (r.reg == MAP_FAILED) {
		fprintf(stderr, "registers of %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	r.first = *r.reg;
	if (pthread_create(&thread, NULL, read_on, &r))
		return 2;
	changed = change(&r, moved);
	__atomic_store_n(&r.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	if (!changed) {
		fprintf(stderr, "configuration of %s: %s\n", argv[2], strerror(errno));
		return 2;
	}
	printf("# %llu reads, %llu of them wrong, as 0x%x instead of 0x%x\n", (unsigned long long)r.reads,
	       (unsigned long long)r.wrong, r.other, r.first);
	return r.wrong ? 1 : 0;
}
