/* SPDX-License-Identifier: MIT */
/*
 * Reproducible operands: the same seed gives the same bits on every machine.
 */
#ifndef ACCELCTL_RANDOM_H
#define ACCELCTL_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include <accel/types.h>

struct random {
	uint64_t state;
};

/* random_begin() - @stream gives independent sequences of one seed. */
struct random random_begin(uint64_t seed, uint64_t stream);
uint64_t random_next(struct random *random);
/* random_below() - 0..@bound-1, every value equally likely; @bound is not 0. */
uint64_t random_below(struct random *random, uint64_t bound);

/*
 * random_fill() - elements of a type that GEMM takes: integers over the whole range,
 * floats of either sign with magnitudes from 2^-8 to 2 and random mantissas.
 */
void random_fill(struct random *random, enum accel_dtype dtype, void *data, size_t count);

#endif
