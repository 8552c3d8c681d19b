/* SPDX-License-Identifier: MIT */
/*
 * Matrix products in one call, on top of programs and queues.
 */
#ifndef ACCEL_GEMM_H
#define ACCEL_GEMM_H

#include "program.h"
#include "queue.h"

/**
 * struct accel_matrix - a matrix in the caller's memory
 * @data: element [0][0]
 * @dtype: type of its elements
 * @transposed: element [i][j] is at data[j * ld + i] instead of data[i * ld + j]
 * @ld: leading dimension in elements, 0: no gaps
 *
 * The layout of this structure is final.
 */
struct accel_matrix {
	void *data;
	enum accel_dtype dtype;
	bool transposed;
	uint64_t ld;
};

#ifdef __cplusplus
extern "C" {
#endif

/**
 * accel_gemm() - run one matrix product on tensors and wait for it
 * @queue: where to run it
 * @op: operands and epilogue
 * @result: may be NULL
 *
 * Errors: those of accel_program_gemm(), accel_queue_submit() and the job.
 */
ACCEL_API int accel_gemm(struct accel_queue *queue, const struct accel_gemm_op *op,
			 struct accel_result *result);

/** accel_gemm_async() - the same without waiting. */
ACCEL_API int accel_gemm_async(struct accel_queue *queue, const struct accel_gemm_op *op,
			       struct accel_fence **fence);

/**
 * accel_gemm_host() - c[m][n] = sum over k of a[m][k] * b[k][n], all in the caller's memory
 * @queue: where to run it
 * @m: rows of a and c
 * @n: columns of b and c
 * @k: columns of a, rows of b
 * @a: left operand
 * @b: right operand
 * @c: the product
 * @result: outcome and costs of the job; may be NULL
 *
 * Copies to and from buffers of its own. a and b of one float type and c of
 * F32, F16 or BF16, or a and b of I8 or U8 and c of I32. Pieces of memory
 * outside of the matrix, between rows, are not written.
 * Errors: -EINVAL, -EOPNOTSUPP: types; -ENOMEM, and those of accel_gemm().
 */
ACCEL_API int accel_gemm_host(struct accel_queue *queue, uint32_t m, uint32_t n, uint32_t k,
			      const struct accel_matrix *a, const struct accel_matrix *b,
			      const struct accel_matrix *c, struct accel_result *result);

#ifdef __cplusplus
}
#endif

#endif
