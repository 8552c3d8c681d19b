/* SPDX-License-Identifier: MIT */
/* What the files of the reference engine share: elements by their index. */
#ifndef LOOM_REFERENCE_H
#define LOOM_REFERENCE_H

#include "engine.h"

/* Index of the @n-th element of @op, row major. */
static inline void index_of(const struct loom_operand *op, uint64_t n, uint64_t *idx)
{
	for (unsigned int i = op->rank; i-- > 0;) {
		idx[i] = n % op->dims[i];
		n /= op->dims[i];
	}
}

/*
 * Offset of the element of @op that index @idx of @shape broadcasts from,
 * leaving out the last @skip axes.
 */
static inline uint64_t offset_of(const struct loom_operand *op, const struct loom_operand *shape,
				 const uint64_t *idx, unsigned int skip)
{
	unsigned int shift = shape->rank - op->rank;
	uint64_t off = op->origin;

	for (unsigned int i = 0; i + skip < op->rank; i++)
		if (op->dims[i] != 1)
			off += idx[i + shift] * (uint64_t)op->strides[i] * op->size;
	return off;
}

static inline uint8_t *at(const struct loom_operand *op, uint64_t off)
{
	uint64_t avail;

	return loom_view_at(&op->view, off, &avail);
}

static inline uint64_t elements(const struct loom_operand *op)
{
	uint64_t n = 1;

	for (unsigned int i = 0; i < op->rank; i++)
		n *= op->dims[i];
	return n;
}

/**
 * loom_reference_float() - the epilogue of a sum of floats
 * @idx: index of the element of the result, operand 0
 * @n: column of bias and scale
 * @to: where the result goes
 */
void loom_reference_float(const struct loom_work *work, const uint64_t *idx, uint64_t n, float acc,
			  void *to);

/** loom_reference_integer() - the same of integers. */
void loom_reference_integer(const struct loom_work *work, const uint64_t *idx, uint64_t n,
			    uint32_t acc, void *to);

/* Computes the element of operand 0 at @idx; false: it was stopped. */
typedef bool loom_reference_fn(const struct loom_work *work, const uint64_t *idx, void *to,
			       const atomic_uint *stop);

/* Elements of a tile of loom_reference_tile(). */
#define LOOM_REFERENCE_RESULTS	64u

/** loom_reference_tile() - a tile of products, one element after the other */
bool loom_reference_tile(const struct loom_work *work, uint64_t tile, loom_reference_fn *element,
			 const atomic_uint *stop);

void loom_reference_conv(struct loom_work *work);
void loom_reference_gather(struct loom_work *work);
void loom_reference_resize(struct loom_work *work);
void loom_reference_arg(struct loom_work *work);
void loom_reference_quant(struct loom_work *work);
void loom_reference_norm(struct loom_work *work);
void loom_reference_pool(struct loom_work *work);
void loom_reference_reduce(struct loom_work *work);
void loom_reference_softmax(struct loom_work *work);

#endif
