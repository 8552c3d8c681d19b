/* SPDX-License-Identifier: MIT */
/*
 * Programs: sequences of operations on tensors. A program is built once, then
 * submitted any number of times, also several times at once and from several
 * queues of its context.
 */
#ifndef ACCEL_PROGRAM_H
#define ACCEL_PROGRAM_H

#include "types.h"

/**
 * struct accel_tensor - elements in a buffer
 * @buffer: where; NULL: the tensor is absent (where a call allows it)
 * @offset: byte offset of element [0, 0, ...]
 * @dtype: type of its elements
 * @rank: number of axes, 0..ACCEL_RANK_MAX
 * @dims: elements along each axis
 * @strides: elements between neighbours along each axis; 0 repeats, negative walks back
 *
 * The layout of this structure is final.
 */
struct accel_tensor {
	struct accel_buffer *buffer;
	uint64_t offset;
	enum accel_dtype dtype;
	uint32_t rank;
	uint32_t dims[ACCEL_RANK_MAX];
	int64_t strides[ACCEL_RANK_MAX];
};

/**
 * enum accel_act - activation functions
 * @ACCEL_ACT_NONE: x
 * @ACCEL_ACT_RELU: the larger of x and +0
 * @ACCEL_ACT_CLIP: x between act_param[0] and act_param[1]
 * @ACCEL_ACT_LEAKY: act_param[0] times x below zero
 * @ACCEL_ACT_ELU: act_param[0] times (e^x - 1) below zero
 * @ACCEL_ACT_SELU: act_param[1] times ELU
 * @ACCEL_ACT_SIGMOID: 1 / (1 + e^-x)
 * @ACCEL_ACT_TANH: hyperbolic tangent
 * @ACCEL_ACT_SOFTPLUS: ln(1 + e^x)
 * @ACCEL_ACT_SILU: x / (1 + e^-x)
 * @ACCEL_ACT_GELU: x (1 + erf(x / sqrt(2))) / 2
 * @ACCEL_ACT_GELU_TANH: the approximation of GELU by a hyperbolic tangent
 * @ACCEL_ACT_HARD_SIGMOID: act_param[0] x + act_param[1] between 0 and 1
 * @ACCEL_ACT_HARD_SWISH: x times x / 6 + 1 / 2 between 0 and 1
 *
 * Of integers there are NONE and RELU. LEAKY and those after it need a card of interface 1.1
 * (hw_version of struct accel_device_props). Parameters that are not named here are zero.
 */
enum accel_act {
	ACCEL_ACT_NONE		= 0,
	ACCEL_ACT_RELU		= 1,
	ACCEL_ACT_CLIP		= 2,
	ACCEL_ACT_LEAKY		= 3,
	ACCEL_ACT_ELU		= 4,
	ACCEL_ACT_SELU		= 5,
	ACCEL_ACT_SIGMOID	= 6,
	ACCEL_ACT_TANH		= 7,
	ACCEL_ACT_SOFTPLUS	= 8,
	ACCEL_ACT_SILU		= 9,
	ACCEL_ACT_GELU		= 10,
	ACCEL_ACT_GELU_TANH	= 11,
	ACCEL_ACT_HARD_SIGMOID	= 12,
	ACCEL_ACT_HARD_SWISH	= 13,
};

/**
 * enum accel_unary - functions of one element
 * @ACCEL_IDENTITY: x
 * @ACCEL_NEG: -x
 * @ACCEL_ABS: |x|
 * @ACCEL_SIGN: 1, -1 or a zero
 * @ACCEL_SQUARE: x * x
 * @ACCEL_SQRT: square root
 * @ACCEL_RSQRT: 1 / sqrt(x)
 * @ACCEL_RECIPROCAL: 1 / x
 * @ACCEL_EXP: e^x
 * @ACCEL_LOG: natural logarithm
 * @ACCEL_ERF: error function
 * @ACCEL_FLOOR: integer downward
 * @ACCEL_CEIL: integer upward
 * @ACCEL_ROUND: nearest integer, ties to even
 * @ACCEL_TRUNC: integer toward zero
 *
 * Of integers there are those up to ACCEL_SQUARE.
 */
enum accel_unary {
	ACCEL_IDENTITY		= 0,
	ACCEL_NEG		= 1,
	ACCEL_ABS		= 2,
	ACCEL_SIGN		= 3,
	ACCEL_SQUARE		= 4,
	ACCEL_SQRT		= 5,
	ACCEL_RSQRT		= 6,
	ACCEL_RECIPROCAL	= 7,
	ACCEL_EXP		= 8,
	ACCEL_LOG		= 9,
	ACCEL_ERF		= 10,
	ACCEL_FLOOR		= 11,
	ACCEL_CEIL		= 12,
	ACCEL_ROUND		= 13,
	ACCEL_TRUNC		= 14,
};

/**
 * enum accel_reduce - functions of many elements
 * @ACCEL_REDUCE_SUM: sum
 * @ACCEL_REDUCE_MEAN: mean; floats only
 * @ACCEL_REDUCE_PROD: product
 * @ACCEL_REDUCE_MIN: the smallest
 * @ACCEL_REDUCE_MAX: the largest
 * @ACCEL_REDUCE_SUMSQ: sum of squares
 * @ACCEL_REDUCE_SUMABS: sum of magnitudes
 */
enum accel_reduce {
	ACCEL_REDUCE_SUM	= 0,
	ACCEL_REDUCE_MEAN	= 1,
	ACCEL_REDUCE_PROD	= 2,
	ACCEL_REDUCE_MIN	= 3,
	ACCEL_REDUCE_MAX	= 4,
	ACCEL_REDUCE_SUMSQ	= 5,
	ACCEL_REDUCE_SUMABS	= 6,
};

/**
 * enum accel_eltwise - functions of two elements
 * @ACCEL_ADD: a + b
 * @ACCEL_SUB: a - b
 * @ACCEL_MUL: a * b
 * @ACCEL_DIV: a / b; floats only
 * @ACCEL_MIN: the smaller
 * @ACCEL_MAX: the larger
 */
enum accel_eltwise {
	ACCEL_ADD	= 0,
	ACCEL_SUB	= 1,
	ACCEL_MUL	= 2,
	ACCEL_DIV	= 3,
	ACCEL_MIN	= 4,
	ACCEL_MAX	= 5,
};

/**
 * struct accel_gemm_op - c = epilogue(a x b)
 * @sz: ACCEL_INIT
 * @a: [..., M, K]
 * @b: [..., K, N]
 * @c: [..., M, N]; batch axes of a and b broadcast to those of c
 * @bias: [N] or [1], F32 for floats, I32 for integers; absent: buffer NULL
 * @scale: [N] or [1], F32; or absent
 * @residual: broadcasts to c; or absent
 * @a_zero: zero point of a, for integers
 * @b_zero: zero point of b, for integers
 * @c_zero: zero point of c, for I8 and U8
 * @act: activation
 * @act_param: see enum accel_act
 * @weights: packed b, of the weights' type and shape; then the buffer of b is NULL
 *
 * acc = sum of (a - a_zero) * (b - b_zero) over k, then + bias, * scale,
 * + residual, activation, and conversion to c's type. Documentation/hardware.rst has the
 * result to the bit. Transposition and leading dimensions are strides.
 */
struct accel_gemm_op {
	size_t sz;
	struct accel_tensor a;
	struct accel_tensor b;
	struct accel_tensor c;
	struct accel_tensor bias;
	struct accel_tensor scale;
	struct accel_tensor residual;
	int32_t a_zero;
	int32_t b_zero;
	int32_t c_zero;
	enum accel_act act;
	float act_param[2];
	struct accel_weights *weights;
};

/**
 * struct accel_eltwise_op - dst = act(op(a, b)); a and b broadcast to dst
 * @sz: ACCEL_INIT
 * @op: the function
 * @act: activation
 * @act_param: see enum accel_act
 * @dst: written
 * @a: left operand
 * @b: right operand
 */
struct accel_eltwise_op {
	size_t sz;
	enum accel_eltwise op;
	enum accel_act act;
	float act_param[2];
	struct accel_tensor dst;
	struct accel_tensor a;
	struct accel_tensor b;
};

/**
 * struct accel_unary_op - dst = act(op(src)), element by element
 * @sz: ACCEL_INIT
 * @op: the function
 * @act: activation
 * @act_param: see enum accel_act
 * @dst: written
 * @src: of dst's shape; any float for a float, else of dst's type
 */
struct accel_unary_op {
	size_t sz;
	enum accel_unary op;
	enum accel_act act;
	float act_param[2];
	struct accel_tensor dst;
	struct accel_tensor src;
};

/**
 * struct accel_reduce_op - dst = op over some axes of src
 * @sz: ACCEL_INIT
 * @op: the function
 * @axes: bit i: axis i is reduced
 * @dst: src's rank and dims, but 1 along the reduced axes
 * @src: floats; or i32, i8 or u8, for dst of i32 or of the same type
 */
struct accel_reduce_op {
	size_t sz;
	enum accel_reduce op;
	uint32_t axes;
	struct accel_tensor dst;
	struct accel_tensor src;
};

/**
 * struct accel_softmax_op - dst = exp(src) / sum of exp(src) along some axes
 * @sz: ACCEL_INIT
 * @axes: bit i: axis i is summed over
 * @log: the logarithm of it
 * @dst: of src's shape; may be exactly src, with at most 2^18 elements along @axes
 * @src: floats
 */
struct accel_softmax_op {
	size_t sz;
	uint32_t axes;
	bool log;
	struct accel_tensor dst;
	struct accel_tensor src;
};

#ifdef __cplusplus
extern "C" {
#endif

/**
 * accel_tensor_init() - a contiguous tensor, the last axis innermost
 * @tensor: what to fill in
 * @buffer: where the elements are
 * @offset: byte offset of the first
 * @dtype: type of the elements
 * @rank: number of axes
 * @dims: elements along each axis
 *
 * Pure; checks nothing: what is wrong shows when the tensor is used.
 */
ACCEL_API void accel_tensor_init(struct accel_tensor *tensor, struct accel_buffer *buffer,
				 uint64_t offset, enum accel_dtype dtype, uint32_t rank,
				 const uint32_t *dims);

/** accel_tensor_transpose() - exchange two axes. Errors: -EINVAL: no such axis. */
ACCEL_API int accel_tensor_transpose(struct accel_tensor *tensor, uint32_t axis1, uint32_t axis2);

/**
 * accel_program_create() - an empty program
 * @context: whose buffers it will name
 * @program: set to the new program
 * Errors: -ENOMEM.
 */
ACCEL_API int accel_program_create(struct accel_context *context, struct accel_program **program);
ACCEL_API struct accel_program *accel_program_ref(struct accel_program *program);
ACCEL_API void accel_program_unref(struct accel_program *program);

/*
 * Appending operations. They take effect in order. A program is built by one
 * thread at a time and holds references of the buffers that it names.
 *
 * Errors of all: -EINVAL: a tensor is out of its buffer, of another context, or
 * shapes, types or parameters do not fit (the text says which); -EOPNOTSUPP:
 * the card lacks operation or type; -EBUSY: the program is finished; -E2BIG:
 * longer than the card's program_size_max; -ENOMEM. A failed call appends nothing.
 */

/** accel_program_gemm() - append a matrix product. */
ACCEL_API int accel_program_gemm(struct accel_program *program, const struct accel_gemm_op *op);

/** accel_program_eltwise() - append a function of two tensors. */
ACCEL_API int accel_program_eltwise(struct accel_program *program,
				    const struct accel_eltwise_op *op);

/** accel_program_unary() - append a function of one tensor. */
ACCEL_API int accel_program_unary(struct accel_program *program, const struct accel_unary_op *op);

/** accel_program_reduce() - append a sum, or the like, along some axes. */
ACCEL_API int accel_program_reduce(struct accel_program *program,
				   const struct accel_reduce_op *op);

/** accel_program_softmax() - append a softmax, or its logarithm, along some axes. */
ACCEL_API int accel_program_softmax(struct accel_program *program,
				    const struct accel_softmax_op *op);

/** accel_program_copy() - append dst = src, converted to dst's type. */
ACCEL_API int accel_program_copy(struct accel_program *program, const struct accel_tensor *dst,
				 const struct accel_tensor *src);

/** accel_program_fill() - append dst[...] = the element whose bits are @value. */
ACCEL_API int accel_program_fill(struct accel_program *program, const struct accel_tensor *dst,
				 uint64_t value);

/** accel_program_fence() - append a 64-bit store, after all effects before it. */
ACCEL_API int accel_program_fence(struct accel_program *program, struct accel_buffer *buffer,
				  uint64_t offset, uint64_t value);

/** accel_program_timestamp() - append a store of the card clock. */
ACCEL_API int accel_program_timestamp(struct accel_program *program, struct accel_buffer *buffer,
				      uint64_t offset);

/**
 * accel_program_hang() - append a packet that never completes; for tests
 * @program: being built
 * @busy: the card reports progress all the same
 *
 * -EOPNOTSUPP without ACCEL_CAP_DEBUG.
 */
ACCEL_API int accel_program_hang(struct accel_program *program, bool busy);

/**
 * accel_program_raw() - append packets as they are
 * @program: being built
 * @packets: as in loom_isa.h; only lengths and alignment are checked
 * @size: bytes, a multiple of 8
 *
 * The program holds no reference of the buffers that these packets name.
 */
ACCEL_API int accel_program_raw(struct accel_program *program, const void *packets, size_t size);

/**
 * accel_program_finish() - end of building: the program can be submitted
 * @program: being built
 *
 * An empty program is allowed. Errors: -EBUSY: finished already; -ENOMEM, -ENOSPC, -ENODEV.
 */
ACCEL_API int accel_program_finish(struct accel_program *program);

/** accel_program_size() - bytes of its packets so far. */
ACCEL_API size_t accel_program_size(const struct accel_program *program);

#ifdef __cplusplus
}
#endif

#endif
