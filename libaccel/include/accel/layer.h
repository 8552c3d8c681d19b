/* SPDX-License-Identifier: MIT */
/*
 * Layers of networks, appended to programs like the operations of program.h, with the same errors.
 */
#ifndef ACCEL_LAYER_H
#define ACCEL_LAYER_H

#include "program.h"

/** ACCEL_WINDOW_AXES - spatial axes at most */
#define ACCEL_WINDOW_AXES	3

/**
 * struct accel_window - how a window moves along each spatial axis
 * @stride: from one output to the next; 0 means 1
 * @dilation: from one tap to the next; 0 means 1
 * @spacing: from one element to the next: the stride of a transposed convolution; 0 means 1
 * @before: places before the first element: padding at the beginning; negative crops
 *
 * Tap k of output o sees place o * stride + k * dilation - before; element i is at place
 * i * spacing, and elsewhere there are holes. Padding at the end is whatever the result's dims
 * reach.
 */
struct accel_window {
	uint32_t stride[ACCEL_WINDOW_AXES];
	uint32_t dilation[ACCEL_WINDOW_AXES];
	uint32_t spacing[ACCEL_WINDOW_AXES];
	int32_t before[ACCEL_WINDOW_AXES];
};

/**
 * struct accel_conv_op - y = epilogue(convolution of x by w)
 * @sz: ACCEL_INIT
 * @x: [N, G * Ci, spatial...], 1 to 3 spatial axes
 * @w: [G, Co, Ci, taps...], G the number of groups
 * @y: [N, G * Co, spatial...]
 * @bias: [G * Co] or [1], F32 for floats, I32 for integers; or absent
 * @scale: [G * Co] or [1], F32; or absent
 * @residual: broadcasts to y; or absent
 * @window: stride, dilation, padding
 * @x_zero: zero point of x, for integers
 * @w_zero: zero point of w, for integers
 * @y_zero: zero point of y, for I8 and U8
 * @act: activation
 * @act_param: see enum accel_act
 *
 * Other orders of the axes in memory are strides: channels may as well be innermost. Types and
 * epilogue are those of struct accel_gemm_op; what lies outside of x counts as x_zero.
 *
 * A transposed convolution with stride s, padding p and taps [Ci, Co, T] has spacing s,
 * before (T - 1) * dilation - p, stride 1, and w with the axes Ci and Co exchanged and the taps
 * backwards, which again are strides.
 */
struct accel_conv_op {
	size_t sz;
	struct accel_tensor x;
	struct accel_tensor w;
	struct accel_tensor y;
	struct accel_tensor bias;
	struct accel_tensor scale;
	struct accel_tensor residual;
	struct accel_window window;
	int32_t x_zero;
	int32_t w_zero;
	int32_t y_zero;
	enum accel_act act;
	float act_param[2];
};

/**
 * enum accel_pool - functions of what a window sees
 * @ACCEL_POOL_MAX: the largest
 * @ACCEL_POOL_AVERAGE: the mean; floats only
 * @ACCEL_POOL_L1: sum of magnitudes; floats only
 * @ACCEL_POOL_L2: square root of the sum of squares; floats only
 */
enum accel_pool {
	ACCEL_POOL_MAX		= 0,
	ACCEL_POOL_AVERAGE	= 1,
	ACCEL_POOL_L1		= 2,
	ACCEL_POOL_L2		= 3,
};

/**
 * struct accel_pool_op - y = op over the elements of x in a window
 * @sz: ACCEL_INIT
 * @op: the function
 * @x: [N, C, spatial...], 1 to 3 spatial axes
 * @y: [N, C, spatial...]; any float for a float, else of x's type
 * @indices: I64 of y's shape: for MAX, the number of the first largest element in x, -1 if there is
 *	none; or absent
 * @window: stride, dilation, padding; no spacing
 * @taps: of the window along each spatial axis; 0 means 1
 * @count_holes: AVERAGE divides by the number of taps that are not beyond @after ...
 * @after: ... places after the last element, instead of by that of elements
 *
 * Holes, the taps outside of x, are left out.
 */
struct accel_pool_op {
	size_t sz;
	enum accel_pool op;
	bool count_holes;
	struct accel_tensor x;
	struct accel_tensor y;
	struct accel_tensor indices;
	struct accel_window window;
	uint32_t taps[ACCEL_WINDOW_AXES];
	uint32_t after[ACCEL_WINDOW_AXES];
};

/**
 * enum accel_norm - which statistics normalise
 * @ACCEL_NORM_LAYER: mean and variance of the elements along axes
 * @ACCEL_NORM_RMS: their mean square, no mean
 * @ACCEL_NORM_GIVEN: mean and variance that are given, as for a batch
 */
enum accel_norm {
	ACCEL_NORM_LAYER	= 0,
	ACCEL_NORM_RMS		= 1,
	ACCEL_NORM_GIVEN	= 2,
};

/**
 * struct accel_norm_op - dst = (src - mean) / sqrt(variance + epsilon) * weight + bias
 * @sz: ACCEL_INIT
 * @op: which mean and variance
 * @axes: bit i: they go over axis i: those of a layer, of a channel, of a group; none for GIVEN
 * @epsilon: finite, not below 0
 * @dst: of src's shape; may be exactly src, with at most 2^18 elements along @axes
 * @src: floats, as all of these
 * @weight: broadcasts to dst; or absent
 * @bias: broadcasts to dst; or absent
 * @mean: broadcasts to dst; for GIVEN only
 * @variance: broadcasts to dst; for GIVEN only
 */
struct accel_norm_op {
	size_t sz;
	enum accel_norm op;
	uint32_t axes;
	float epsilon;
	struct accel_tensor dst;
	struct accel_tensor src;
	struct accel_tensor weight;
	struct accel_tensor bias;
	struct accel_tensor mean;
	struct accel_tensor variance;
};

/**
 * enum accel_gather - what is done with rows of a table
 * @ACCEL_GATHER_TAKE: dst[i, ...] = table[indices[i], ...]
 * @ACCEL_GATHER_SUM: dst[i, ...] = sum over j of table[indices[i, j], ...]; floats only
 * @ACCEL_GATHER_PUT: table[indices[i], ...] = src[i, ...]
 */
enum accel_gather {
	ACCEL_GATHER_TAKE	= 0,
	ACCEL_GATHER_SUM	= 1,
	ACCEL_GATHER_PUT	= 2,
};

/**
 * struct accel_gather_op - rows of a table by their numbers
 * @sz: ACCEL_INIT
 * @op: the function
 * @axis: which axis of the table is indexed
 * @dst: written: the rows, along @axis as many as indices; with PUT the table
 * @src: the table, with PUT the rows; of dst's type, with SUM any float
 * @indices: I32 or I64, [rows], with SUM [rows, elements]; negative ones count from the end, and
 *	one that is out of range reads as zero, adds nothing, or puts nothing
 *
 * Where PUT has an index twice the later row stays.
 */
struct accel_gather_op {
	size_t sz;
	enum accel_gather op;
	uint32_t axis;
	struct accel_tensor dst;
	struct accel_tensor src;
	struct accel_tensor indices;
};

/**
 * struct accel_resize_op - an axis of another length
 * @sz: ACCEL_INIT
 * @axis: which one
 * @value: what is read where @places leads to no element: bits of an F32, without weights of
 *	an element
 * @dst: any float; without weights any type
 * @src: of dst's shape but along @axis; any float, without weights of dst's type
 * @places: I32, [elements of dst along the axis, taps]
 * @weights: F32, as many; or absent: one tap, and elements are moved as they are
 *
 * Element o of the axis is the sum over taps of src at places[o, t] times weights[o, t], one
 * fused multiply-add after the other. So any interpolation or filter is a table.
 */
struct accel_resize_op {
	size_t sz;
	uint32_t axis;
	uint64_t value;
	struct accel_tensor dst;
	struct accel_tensor src;
	struct accel_tensor places;
	struct accel_tensor weights;
};

/**
 * enum accel_arg - which element of an axis
 * @ACCEL_ARG_MIN: the smallest
 * @ACCEL_ARG_MAX: the largest
 */
enum accel_arg {
	ACCEL_ARG_MIN	= 0,
	ACCEL_ARG_MAX	= 1,
};

/**
 * struct accel_arg_op - where the smallest or largest elements of an axis are
 * @sz: ACCEL_INIT
 * @op: the function
 * @axis: which axis of src, which must have elements
 * @last: of equal elements the last, else the first
 * @dst: I32 or I64, of src's shape but 1 along @axis: numbers from 0
 * @src: F32, F16, BF16, I8, U8 or I32; NaN is smaller and larger than all else
 */
struct accel_arg_op {
	size_t sz;
	enum accel_arg op;
	uint32_t axis;
	bool last;
	struct accel_tensor dst;
	struct accel_tensor src;
};

/**
 * enum accel_quant - from numbers to small integers and back
 * @ACCEL_QUANT_TO: dst = src / scale, rounded half to even, + zero, saturated
 * @ACCEL_QUANT_FROM: dst = (src - zero) * scale
 */
enum accel_quant {
	ACCEL_QUANT_TO		= 0,
	ACCEL_QUANT_FROM	= 1,
};

/**
 * struct accel_quant_op - between floats and integers that stand for them
 * @sz: ACCEL_INIT
 * @op: the direction
 * @dst: of src's shape; TO: I8 or U8, FROM: any float
 * @src: TO: any float, FROM: I8, U8 or I32
 * @scale: any float; broadcasts to dst: one for all, or for each channel
 * @zero: of the integers' type; broadcasts to dst; or absent
 */
struct accel_quant_op {
	size_t sz;
	enum accel_quant op;
	struct accel_tensor dst;
	struct accel_tensor src;
	struct accel_tensor scale;
	struct accel_tensor zero;
};

#ifdef __cplusplus
extern "C" {
#endif

/** accel_program_arg() - append where the smallest or largest elements of an axis are. */
ACCEL_API int accel_program_arg(struct accel_program *program, const struct accel_arg_op *op);

/** accel_program_conv() - append a convolution. */
ACCEL_API int accel_program_conv(struct accel_program *program, const struct accel_conv_op *op);

/** accel_program_gather() - append the taking, adding up or putting of rows of a table. */
ACCEL_API int accel_program_gather(struct accel_program *program,
				   const struct accel_gather_op *op);

/** accel_program_norm() - append a normalisation. */
ACCEL_API int accel_program_norm(struct accel_program *program, const struct accel_norm_op *op);

/** accel_program_quant() - append a conversion to or from integers with scale and zero point. */
ACCEL_API int accel_program_quant(struct accel_program *program, const struct accel_quant_op *op);

/** accel_program_resize() - append the making longer or shorter of an axis. */
ACCEL_API int accel_program_resize(struct accel_program *program,
				   const struct accel_resize_op *op);

/** accel_program_pool() - append the largest, or the like, of what a window sees. */
ACCEL_API int accel_program_pool(struct accel_program *program, const struct accel_pool_op *op);

#ifdef __cplusplus
}
#endif

#endif
