/* SPDX-License-Identifier: MIT */
/*
 * A process that computes matrix products through the driver and compares their bits, while others
 * do what they can to disturb it.
 */
#ifndef PRODUCT_H
#define PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

/* Shared with who watches it. */
struct product_board {
	bool stop, ready;
	/* Somebody resets the card and has it fail: what falls to that is counted, and it goes on. */
	bool rough;
	uint64_t verified, wrong, lost;
	uint64_t innocent, failed;	/* queues that were lost to a reset, to a failure of the card */
	int error;		/* of a call that must not fail */
};

/* Until it is told to stop or something is not right. Returns 0 or a negative errno. */
int product_work(struct product_board *board, uint64_t seed);

#endif
