/* SPDX-License-Identifier: MIT */
/*
 * Clients of all kinds at a time, for a long time. Each is a process; what it does it does until it
 * is told to stop, and what is not as it should be ends all of them.
 */
#ifndef SOAK_H
#define SOAK_H

#include <stdbool.h>
#include <stdint.h>

#include "../fuzz-ioctl/life.h"
#include "../kselftest/product.h"

#define PRODUCTS	2

/* Shared by all processes; counts of what was done. */
struct soak {
	/* Stop, findings; for those who are killed. */
	struct board board;
	struct product_board product[PRODUCTS];
	/* Verified, and what was not, because the card was reset or failed, or there was no memory. */
	uint64_t gemms, locals, shares, longs;
	uint64_t innocent, failed, refused;
	/* What was done to the card. */
	uint64_t hangs, faults, resets, injected;
	uint64_t killed, storms, hogs;
};

extern struct soak *soak;

bool soak_over(void);
/* Random, the same for the same @seed. */
uint32_t soak_random(uint64_t *seed, uint32_t n);
void soak_count(uint64_t *counter);
/* Sleeps up to so many ms. */
void soak_pause(uint64_t *seed, uint32_t ms);
/*
 * What came of something that must work: true if it did. What a reset, a failure that was injected
 * or a lack of memory may do to it is counted, the rest is a finding.
 */
bool soak_judge(const char *what, int err);

/* The clients. */
void client_gemm(uint64_t seed);	/* libaccel, against sim: */
void client_local(uint64_t seed);	/* local memory is clean, and keeps what is in it */
void client_long(uint64_t seed);	/* jobs that are long enough to be met by a reset */
void client_share(uint64_t seed);	/* dma-bufs and sync_files between files */
void client_hang(uint64_t seed);	/* jobs that hang or fault, and a card that fails */
void client_kill(uint64_t seed);	/* processes that are killed */
void client_storm(uint64_t seed);	/* opens, and closes what it has not cleaned up */
void client_hog(uint64_t seed);		/* takes nearly all memory, and gives it back */

#endif
