/* SPDX-License-Identifier: MIT */
/*
 * The reference of job benchmarks: 4 KiB reads from a block device, past the
 * page cache.
 */
#ifndef BENCH_NVME_H
#define BENCH_NVME_H

#define NVME_DEPTH_MAX	64

/* Opens @path for the calls below; ends the program if it cannot. */
void nvme_open(const char *path);

/* Nanoseconds of a read: the median of @count single ones. */
double nvme_alone(unsigned int count);

/* Nanoseconds per read: the average of @rounds times @depth that are under way together. */
double nvme_together(unsigned int depth, unsigned int rounds);

#endif
