/* SPDX-License-Identifier: MIT */
/*
 * Recomputing a product with the reference engine and demanding equal bits.
 *
 * Knows of the product only its operands and its result: the reference is a simulated card
 * of its own, whose engine states the numerics contract.
 */
#ifndef ACCELCTL_VERIFY_H
#define ACCELCTL_VERIFY_H

#include "product.h"

/* The reference is slow, slower still on a busy machine: what makes no progress for a while does not hang. */
#define VERIFY_DEVICE	"sim:isa=reference,timeout_ms=600000"

/* Up to this many multiply-adds every output is recomputed. */
#define VERIFY_MACS	(1ull << 27)

struct verify {
	uint64_t rows_total;	/* rows of all matrices of the batch */
	uint64_t rows;		/* of them recomputed */
	uint64_t *row;		/* which, ascending; NULL: all */
	uint64_t outputs;	/* elements compared */
	uint64_t seed;
	bool equal;
	uint64_t index[ACCEL_RANK_MAX];	/* first element that differs */
	uint64_t got;
	uint64_t want;
};

/*
 * verify_product() - compare @product's c with the reference
 *
 * Return: 0: compared, see verify->equal; or an exit code, with a message.
 */
int verify_product(const struct product *product, uint64_t seed, uint64_t deadline,
		   struct verify *verify);
void verify_free(struct verify *verify);

/* verify_rows() - how many rows are recomputed. */
uint64_t verify_rows(const struct product *product);

#endif
