/* SPDX-License-Identifier: MIT */
/*
 * From the elements of an operand, wherever they lie, to arrays and back.
 */
#ifndef LOOM_WALK_H
#define LOOM_WALK_H

#include "engine.h"

/**
 * loom_row_get() - @n elements that are @stride bytes apart, as an array
 * @off: offset of the first from the start of the operand's view
 * @bounce: room for @n elements
 *
 * Return: the operand's memory if they are contiguous there, else @bounce
 */
const void *loom_row_get(const struct loom_operand *op, uint64_t off, int64_t stride, uint64_t n,
			 void *bounce);

/** loom_row_put() - store an array to @n elements that are @stride bytes apart. */
void loom_row_put(const struct loom_operand *op, uint64_t off, int64_t stride, uint64_t n,
		  const void *src);

/**
 * struct loom_walk - a position in the elements of an operand, row major
 *
 * Axes are those of the shape that is walked, without axes of length 1 and with
 * neighbours merged where the operand's strides allow it.
 */
struct loom_walk {
	const struct loom_operand *op;
	unsigned int rank;
	uint64_t dims[LOOM_RANK_MAX];
	int64_t strides[LOOM_RANK_MAX];
	uint64_t idx[LOOM_RANK_MAX];
	uint64_t off;
};

/**
 * loom_walk_init() - walk @op broadcast to the shape of @shape, from element @start
 */
void loom_walk_init(struct loom_walk *walk, const struct loom_operand *op,
		    const struct loom_operand *shape, uint64_t start);

/** loom_walk_get() - the next @n elements as an array, see loom_row_get(). */
const void *loom_walk_get(struct loom_walk *walk, uint64_t n, void *bounce);

/** loom_walk_put() - store the next @n elements. */
void loom_walk_put(struct loom_walk *walk, uint64_t n, const void *src);

/** loom_walk_row() - elements from the current one on that are one stride apart. */
static inline uint64_t loom_walk_row(const struct loom_walk *walk)
{
	unsigned int i = walk->rank - 1;

	return walk->dims[i] - walk->idx[i];
}

/** loom_walk_skip() - go on by @n elements, at most a row. */
void loom_walk_skip(struct loom_walk *walk, uint64_t n);

/** loom_walk_next() - go on by one element. */
static inline void loom_walk_next(struct loom_walk *walk)
{
	loom_walk_skip(walk, 1);
}

/** loom_walk_span() - bytes that lie contiguously from the current element on, at least one's. */
uint64_t loom_walk_span(const struct loom_walk *walk);

/**
 * loom_axes_align() - operands of the same shape, in the order of the first in memory
 * @to: @n operands that walk the same elements as @from: axes of length 1 left
 *	out, repeated ones with stride zero, the rest sorted by the stride of @to[0]
 *
 * The order of an element-wise operation is free; that of memory is fast.
 */
void loom_axes_align(struct loom_operand *to, const struct loom_operand *from, unsigned int n);

/** loom_axes_spread() - @op as if it had all axes of @dst, with stride 0 where it repeats. */
struct loom_operand loom_axes_spread(const struct loom_operand *op,
				     const struct loom_operand *dst);

/** loom_overlap() - whether two operands may have bytes in common. */
static inline bool loom_overlap(const struct loom_operand *a, const struct loom_operand *b)
{
	return a->va < b->va + b->extent && b->va < a->va + a->extent;
}

/** loom_elements() - number of elements of a tensor. */
static inline uint64_t loom_elements(const struct loom_operand *op)
{
	uint64_t n = 1;

	for (unsigned int i = 0; i < op->rank; i++)
		n *= op->dims[i];
	return n;
}

#endif
