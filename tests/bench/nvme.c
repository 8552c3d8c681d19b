// SPDX-License-Identifier: MIT
/*
 * Single reads are pread(), many are Linux AIO: submitted in one call, waited for in one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "nvme.h"

#define BLOCK	4096

static int disk = -1;
static void *block;
static aio_context_t aio;

static void die(const char *what)
{
	fprintf(stderr, "bench: cannot %s: %s\n", what, strerror(errno));
	exit(1);
}

void nvme_open(const char *path)
{
	disk = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (disk < 0)
		die(path);
	if (posix_memalign(&block, BLOCK, BLOCK))
		die("allocate");
	if (syscall(SYS_io_setup, NVME_DEPTH_MAX, &aio))
		die("set up asynchronous reads");
}

double nvme_alone(unsigned int count)
{
	uint64_t *times = calloc(count, sizeof(*times));
	double ns;

	if (!times)
		die("allocate");
	for (unsigned int i = 0; i < count; i++) {
		uint64_t start = clock_ns();

		if (pread(disk, block, BLOCK, (off_t)(i % 1024) * BLOCK) != BLOCK)
			die("read");
		times[i] = clock_ns() - start;
	}
	ns = clock_median(times, count);
	free(times);
	return ns;
}

double nvme_together(unsigned int depth, unsigned int rounds)
{
	struct iocb iocbs[NVME_DEPTH_MAX], *list[NVME_DEPTH_MAX];
	struct io_event events[NVME_DEPTH_MAX];
	uint64_t start = clock_ns();

	for (unsigned int round = 0; round < rounds; round++) {
		for (unsigned int i = 0; i < depth; i++) {
			iocbs[i] = (struct iocb){
				.aio_fildes = (uint32_t)disk,
				.aio_lio_opcode = IOCB_CMD_PREAD,
				.aio_buf = (uintptr_t)block,
				.aio_nbytes = BLOCK,
				.aio_offset = (int64_t)i * BLOCK,
			};
			list[i] = &iocbs[i];
		}
		if (syscall(SYS_io_submit, aio, depth, list) != (long)depth ||
		    syscall(SYS_io_getevents, aio, depth, depth, events, NULL) != (long)depth)
			die("read");
	}
	return (double)(clock_ns() - start) / (double)rounds / depth;
}
