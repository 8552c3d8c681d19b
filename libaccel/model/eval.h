/* SPDX-License-Identifier: MIT */
/*
 * Operators on the processor: what the card does not do, and what can be worked out
 * when a session is made.
 *
 * Where the card's contract speaks of a function of F32, F16 or BF16, the processor computes it
 * only if IEEE 754 leaves one answer; else it is the card's alone.
 */
#ifndef ACCEL_PRIV_EVAL_H
#define ACCEL_PRIV_EVAL_H

#include "ir.h"

/** eval_cannot() - why the processor does not do a node; NULL: it does. */
const char *eval_cannot(const struct ir_node *n);

/** eval_steps() - how much work that is: see ir_afford(). */
uint64_t eval_steps(const struct ir_node *n);

/** eval() - compute a node's results. Errors: -EINVAL: an index is out of range, or the like. */
int eval(const struct ir_node *n, const void *const *in, void *const *out);

/* An element as a number and back; integers saturate. Of all types but 64-bit integers. */
double eval_load(enum accel_dtype dtype, const void *p);
void eval_store(enum accel_dtype dtype, void *p, double x);

/* An element of an integer or of BOOL, modulo 2^64, and back modulo its type. */
uint64_t eval_load_int(enum accel_dtype dtype, const void *p);
void eval_store_int(enum accel_dtype dtype, void *p, uint64_t x);

/* What one of IR_ADD ... IR_MAX makes of two elements of a type. */
void eval_pair(enum accel_dtype dtype, int fn, const void *a, const void *b, void *out);

/* Walking an index over a shape. */
static inline void eval_next(int64_t *index, const int64_t *dims, uint32_t rank)
{
	for (uint32_t i = rank; i-- && ++index[i] == dims[i];)
		index[i] = 0;
}

/* Strides in elements with which @v repeats to @rank axes of @dims. */
void eval_strides(const struct ir_value *v, uint32_t rank, int64_t *strides);

/* For each element of a Fourier transform of @n. */
uint64_t eval_transform_steps(int64_t n);

/* The parts; each does some operators. */
int eval_move(const struct ir_node *n, const void *const *in, void *const *out);
int eval_math(const struct ir_node *n, const void *const *in, void *const *out);
int eval_index(const struct ir_node *n, const void *const *in, void *const *out);
int eval_tree(const struct ir_node *n, const void *const *in, void *const *out);
int eval_signal(const struct ir_node *n, const void *const *in, void *const *out);
int eval_resize(const struct ir_node *n, const void *const *in, void *const *out);

#endif
