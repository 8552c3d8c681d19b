/* SPDX-License-Identifier: MIT */
/*
 * The Loom instruction set: command buffers, packets, tensors and types.
 *
 * A command buffer is a sequence of packets in the address space of the
 * context that runs it. The kernel never reads one: the card copies the buffer
 * once, validates every packet of the copy and only then executes the first.
 * Packets take effect in order: each sees all that the earlier ones wrote.
 *
 * Documentation/hardware.rst specifies every result to the bit. All fields are
 * little-endian; "must be zero" is checked.
 */
#ifndef LOOM_ISA_H
#define LOOM_ISA_H

#include "loom_hw.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum loom_dtype - element types
 * @LOOM_DTYPE_NONE: no type; a tensor that is absent
 * @LOOM_DTYPE_F32: IEEE 754 binary32
 * @LOOM_DTYPE_F16: IEEE 754 binary16
 * @LOOM_DTYPE_BF16: the high half of a binary32
 * @LOOM_DTYPE_I8: two's complement
 * @LOOM_DTYPE_U8: unsigned
 * @LOOM_DTYPE_I32: two's complement
 * @LOOM_DTYPE_U32: unsigned
 * @LOOM_DTYPE_I16: two's complement
 * @LOOM_DTYPE_U16: unsigned
 * @LOOM_DTYPE_I64: two's complement
 * @LOOM_DTYPE_U64: unsigned
 * @LOOM_DTYPE_F64: IEEE 754 binary64; moved, never computed with
 *
 * Which types a card has is in LOOM_REG_DTYPES, which operation takes which is
 * at the packet.
 */
enum loom_dtype {
	LOOM_DTYPE_NONE		= 0,
	LOOM_DTYPE_F32		= 1,
	LOOM_DTYPE_F16		= 2,
	LOOM_DTYPE_BF16		= 3,
	LOOM_DTYPE_I8		= 4,
	LOOM_DTYPE_U8		= 5,
	LOOM_DTYPE_I32		= 6,
	LOOM_DTYPE_U32		= 7,
	LOOM_DTYPE_I16		= 8,
	LOOM_DTYPE_U16		= 9,
	LOOM_DTYPE_I64		= 10,
	LOOM_DTYPE_U64		= 11,
	LOOM_DTYPE_F64		= 12,
};

#define LOOM_RANK_MAX			6
#define LOOM_DIM_MAX			0x7fffffffu

/**
 * struct loom_tensor - an operand
 *
 * Element [i0, i1, ...] is at @va + size(dtype) * sum(i_k * strides[k]). Strides
 * count elements; zero repeats an element along that axis, negative ones walk
 * backwards. @va and every address must be a multiple of the element size.
 * An operand that is written must not have a zero stride on an axis longer
 * than 1. A tensor with a zero dim has no elements and touches no memory.
 * Where an element that a packet writes shares bytes with a different element
 * that the same packet reads or writes, its value is unpredictable; no other
 * memory is affected.
 */
struct loom_tensor {
	/** @va: address of element [0, 0, ...]. */
	__le64 va;
	/** @dtype: enum loom_dtype. */
	__u8 dtype;
	/** @rank: number of axes, 0 (a scalar) .. LOOM_RANK_MAX. */
	__u8 rank;
	/** @flags: LOOM_TENSOR_*, where the packet allows them; other bits must be zero. */
	__le16 flags;
	/** @pad: must be zero. */
	__le32 pad;
	/** @dims: elements along each axis, at most LOOM_DIM_MAX; zero from @rank on. */
	__le32 dims[LOOM_RANK_MAX];
	/** @strides: elements from one index to the next, signed; zero from @rank on. */
	__le64 strides[LOOM_RANK_MAX];
	/** @reserved: must be zero. */
	__le64 reserved;
};

/**
 * LOOM_TENSOR_PANELS - the last two axes, K and N, are stored as panels
 *
 * A panel holds LOOM_PANEL_COLUMNS columns, the next panel the next ones; it is
 * filled up with columns that do not exist. In a panel F32, F16 and BF16
 * elements are ordered by k, then by column. I8 and U8 elements lie in groups
 * of LOOM_PANEL_GROUP consecutive k of one column, the groups ordered by k,
 * then by column; the last group may hold k that do not exist. The highest bit
 * of U8 elements is stored inverted. PACK stores zero bytes where there is no
 * element, GEMM does not look there.
 *
 * The strides of K and N must be zero, @va and the addresses that the strides
 * before lead to must be multiples of LOOM_PANEL_ALIGN.
 */
#define LOOM_TENSOR_PANELS		(1u << 0)

/** LOOM_PANEL_COLUMNS - columns in a panel */
#define LOOM_PANEL_COLUMNS		32
/** LOOM_PANEL_GROUP - 8-bit elements of one column that lie together in a panel */
#define LOOM_PANEL_GROUP		4
/** LOOM_PANEL_ALIGN - alignment of matrices in panels */
#define LOOM_PANEL_ALIGN		64

/**
 * enum loom_opcode - what a packet does
 * @LOOM_OP_NOP: nothing; &struct loom_pkt_header alone, any size
 * @LOOM_OP_FENCE: &struct loom_pkt_fence
 * @LOOM_OP_TIMESTAMP: &struct loom_pkt_timestamp
 * @LOOM_OP_COPY: &struct loom_pkt_copy
 * @LOOM_OP_FILL: &struct loom_pkt_fill
 * @LOOM_OP_ELTWISE: &struct loom_pkt_eltwise
 * @LOOM_OP_UNARY: &struct loom_pkt_unary
 * @LOOM_OP_REDUCE: &struct loom_pkt_reduce
 * @LOOM_OP_SOFTMAX: &struct loom_pkt_softmax
 * @LOOM_OP_NORM: &struct loom_pkt_norm
 * @LOOM_OP_POOL: &struct loom_pkt_pool
 * @LOOM_OP_GATHER: &struct loom_pkt_gather
 * @LOOM_OP_RESIZE: &struct loom_pkt_resize
 * @LOOM_OP_QUANT: &struct loom_pkt_quant
 * @LOOM_OP_ARG: &struct loom_pkt_arg
 * @LOOM_OP_GEMM: &struct loom_pkt_gemm
 * @LOOM_OP_CONV: &struct loom_pkt_conv
 * @LOOM_OP_PACK: &struct loom_pkt_pack; a card that has it takes panels in GEMM, too
 * @LOOM_OP_HANG: &struct loom_pkt_hang, only with LOOM_FEATURE_DEBUG
 */
enum loom_opcode {
	LOOM_OP_NOP		= 0x00,
	LOOM_OP_FENCE		= 0x01,
	LOOM_OP_TIMESTAMP	= 0x02,
	LOOM_OP_COPY		= 0x10,
	LOOM_OP_FILL		= 0x11,
	LOOM_OP_ELTWISE		= 0x20,
	LOOM_OP_UNARY		= 0x21,
	LOOM_OP_REDUCE		= 0x22,
	LOOM_OP_SOFTMAX		= 0x23,
	LOOM_OP_NORM		= 0x24,
	LOOM_OP_POOL		= 0x25,
	LOOM_OP_GATHER		= 0x26,
	LOOM_OP_RESIZE		= 0x27,
	LOOM_OP_QUANT		= 0x28,
	LOOM_OP_ARG		= 0x29,
	LOOM_OP_GEMM		= 0x40,
	LOOM_OP_CONV		= 0x41,
	LOOM_OP_PACK		= 0x42,
	LOOM_OP_HANG		= 0xf0,
};

#define LOOM_OPCODE_MAX			0xff

/**
 * struct loom_pkt_header - head of every packet
 */
struct loom_pkt_header {
	/** @opcode: enum loom_opcode. */
	__le16 opcode;
	/** @version: version of the packet's structure; 1 for all that are defined here. */
	__u8 version;
	/** @flags: LOOM_PKT_*; other bits must be zero. */
	__u8 flags;
	/** @size: bytes of the whole packet, a multiple of 8, at least 16. */
	__le32 size;
	/** @tag: the program's; in traces. */
	__le32 tag;
	/** @pad: must be zero. */
	__le32 pad;
};

/** LOOM_PKT_IGNORABLE - skip the packet if its opcode or version is not known. */
#define LOOM_PKT_IGNORABLE		(1u << 0)

#define LOOM_PKT_VERSION		1

/* A packet may be longer than its structure only by bytes that are zero. */

/**
 * struct loom_pkt_fence - store 64 bits after all earlier packets' effects
 *
 * A single release store: who sees @value at @va sees all that was written
 * before it.
 */
struct loom_pkt_fence {
	/** @header: LOOM_OP_FENCE. */
	struct loom_pkt_header header;
	/** @va: where, 8 aligned. */
	__le64 va;
	/** @value: what. */
	__le64 value;
};

/**
 * struct loom_pkt_timestamp - store the card clock, after all earlier packets
 */
struct loom_pkt_timestamp {
	/** @header: LOOM_OP_TIMESTAMP. */
	struct loom_pkt_header header;
	/** @va: where to store the 64-bit value, 8 aligned. */
	__le64 va;
	/** @reserved: must be zero. */
	__le64 reserved;
};

/**
 * struct loom_pkt_copy - dst[i...] = cast(src[i...])
 *
 * Same rank and dims. Equal types of any kind are moved bit by bit. Casts are
 * defined between F32, F16, BF16, I8, U8 and I32: through binary32 where either
 * side is a float (round to nearest even; I32 to float rounds once), float to
 * integer rounds half to even and saturates, NaN gives 0, integer to narrower
 * integer saturates.
 */
struct loom_pkt_copy {
	/** @header: LOOM_OP_COPY. */
	struct loom_pkt_header header;
	/** @flags: must be zero. */
	__le64 flags;
	/** @dst: written. */
	struct loom_tensor dst;
	/** @src: read. */
	struct loom_tensor src;
};

/**
 * struct loom_pkt_fill - dst[i...] = the low bytes of @value
 */
struct loom_pkt_fill {
	/** @header: LOOM_OP_FILL. */
	struct loom_pkt_header header;
	/** @value: bits of one element of any type; bytes above its size must be zero. */
	__le64 value;
	/** @dst: written. */
	struct loom_tensor dst;
};

/**
 * enum loom_act - activation functions
 * @LOOM_ACT_NONE: x
 * @LOOM_ACT_RELU: x > 0 ? x : +0, NaN stays NaN
 * @LOOM_ACT_CLIP: x < lo ? lo : x > hi ? hi : x, with lo = param[0] <= hi = param[1]
 * @LOOM_ACT_LEAKY: x < 0 ? a x : x, with a = param[0]
 * @LOOM_ACT_ELU: x < 0 ? a (e^x - 1) : x, with a = param[0]
 * @LOOM_ACT_SELU: b times ELU, with a = param[0], b = param[1]
 * @LOOM_ACT_SIGMOID: 1 / (1 + e^-x)
 * @LOOM_ACT_TANH: hyperbolic tangent
 * @LOOM_ACT_SOFTPLUS: ln(1 + e^x)
 * @LOOM_ACT_SILU: x / (1 + e^-x)
 * @LOOM_ACT_GELU: x (1 + erf(x / sqrt(2))) / 2
 * @LOOM_ACT_GELU_TANH: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
 * @LOOM_ACT_HARD_SIGMOID: a x + b between 0 and 1, with a = param[0], b = param[1]
 * @LOOM_ACT_HARD_SWISH: x times x / 6 + 1 / 2 between 0 and 1
 *
 * Those from LEAKY on exist where the card's VERSION is at least 1.1; a and b
 * must be finite.
 */
enum loom_act {
	LOOM_ACT_NONE		= 0,
	LOOM_ACT_RELU		= 1,
	LOOM_ACT_CLIP		= 2,
	LOOM_ACT_LEAKY		= 3,
	LOOM_ACT_ELU		= 4,
	LOOM_ACT_SELU		= 5,
	LOOM_ACT_SIGMOID	= 6,
	LOOM_ACT_TANH		= 7,
	LOOM_ACT_SOFTPLUS	= 8,
	LOOM_ACT_SILU		= 9,
	LOOM_ACT_GELU		= 10,
	LOOM_ACT_GELU_TANH	= 11,
	LOOM_ACT_HARD_SIGMOID	= 12,
	LOOM_ACT_HARD_SWISH	= 13,
};

/**
 * enum loom_eltwise_op - functions of two elements
 * @LOOM_ELTWISE_ADD: a + b
 * @LOOM_ELTWISE_SUB: a - b
 * @LOOM_ELTWISE_MUL: a * b
 * @LOOM_ELTWISE_DIV: a / b, correctly rounded; floats only
 * @LOOM_ELTWISE_MIN: the smaller; NaN if either is; -0 < +0
 * @LOOM_ELTWISE_MAX: the larger; NaN if either is; -0 < +0
 */
enum loom_eltwise_op {
	LOOM_ELTWISE_ADD	= 0,
	LOOM_ELTWISE_SUB	= 1,
	LOOM_ELTWISE_MUL	= 2,
	LOOM_ELTWISE_DIV	= 3,
	LOOM_ELTWISE_MIN	= 4,
	LOOM_ELTWISE_MAX	= 5,
};

/**
 * struct loom_pkt_eltwise - dst = act(op(a, b))
 *
 * @a and @b broadcast to @dst: aligned at the last axis, an axis that is absent
 * or 1 repeats. Types: any mix of F32, F16, BF16 (computed in binary32, rounded
 * once to dst's type), or all three I32, or all three I8, or all three U8
 * (modulo 2^32; I8 and U8 saturate instead). The activation is on binary32 for
 * floats; for integers only NONE and RELU.
 */
struct loom_pkt_eltwise {
	/** @header: LOOM_OP_ELTWISE. */
	struct loom_pkt_header header;
	/** @op: enum loom_eltwise_op. */
	__le32 op;
	/** @act: enum loom_act. */
	__le32 act;
	/** @act_param: binary32 bits, see enum loom_act; zero where unused. */
	__le32 act_param[2];
	/** @dst: written. */
	struct loom_tensor dst;
	/** @a: left operand. */
	struct loom_tensor a;
	/** @b: right operand. */
	struct loom_tensor b;
};

/**
 * enum loom_unary_op - functions of one element
 * @LOOM_UNARY_IDENTITY: x
 * @LOOM_UNARY_NEG: -x
 * @LOOM_UNARY_ABS: |x|
 * @LOOM_UNARY_SIGN: 1, -1 or x, which is a zero or NaN
 * @LOOM_UNARY_SQUARE: x * x
 * @LOOM_UNARY_SQRT: square root, correctly rounded
 * @LOOM_UNARY_RSQRT: 1 / sqrt(x), each step correctly rounded
 * @LOOM_UNARY_RECIPROCAL: 1 / x, correctly rounded
 * @LOOM_UNARY_EXP: e^x
 * @LOOM_UNARY_LOG: natural logarithm
 * @LOOM_UNARY_ERF: error function
 * @LOOM_UNARY_FLOOR: the largest integer that is not above x
 * @LOOM_UNARY_CEIL: the smallest integer that is not below x
 * @LOOM_UNARY_ROUND: the nearest integer, ties to even
 * @LOOM_UNARY_TRUNC: the integer part
 */
enum loom_unary_op {
	LOOM_UNARY_IDENTITY	= 0,
	LOOM_UNARY_NEG		= 1,
	LOOM_UNARY_ABS		= 2,
	LOOM_UNARY_SIGN		= 3,
	LOOM_UNARY_SQUARE	= 4,
	LOOM_UNARY_SQRT		= 5,
	LOOM_UNARY_RSQRT	= 6,
	LOOM_UNARY_RECIPROCAL	= 7,
	LOOM_UNARY_EXP		= 8,
	LOOM_UNARY_LOG		= 9,
	LOOM_UNARY_ERF		= 10,
	LOOM_UNARY_FLOOR	= 11,
	LOOM_UNARY_CEIL		= 12,
	LOOM_UNARY_ROUND	= 13,
	LOOM_UNARY_TRUNC	= 14,
};

/**
 * struct loom_pkt_unary - dst[i...] = act(op(src[i...]))
 *
 * Same rank and dims. Types: any mix of F32, F16, BF16 (computed in binary32,
 * rounded once to dst's type), or both I32, both I8 or both U8, for which there
 * are IDENTITY, NEG, ABS, SIGN and SQUARE (modulo 2^32; I8 and U8 saturate
 * instead) and the activations NONE and RELU.
 */
struct loom_pkt_unary {
	/** @header: LOOM_OP_UNARY. */
	struct loom_pkt_header header;
	/** @op: enum loom_unary_op. */
	__le32 op;
	/** @act: enum loom_act. */
	__le32 act;
	/** @act_param: binary32 bits, see enum loom_act; zero where unused. */
	__le32 act_param[2];
	/** @dst: written. */
	struct loom_tensor dst;
	/** @src: read. */
	struct loom_tensor src;
};

/**
 * enum loom_reduce_op - functions of many elements
 * @LOOM_REDUCE_SUM: of x
 * @LOOM_REDUCE_MEAN: the sum divided by the number of elements; floats only
 * @LOOM_REDUCE_PROD: product
 * @LOOM_REDUCE_MIN: the smallest; NaN if any is; -0 < +0
 * @LOOM_REDUCE_MAX: the largest; NaN if any is; -0 < +0
 * @LOOM_REDUCE_SUMSQ: sum of x * x
 * @LOOM_REDUCE_SUMABS: sum of |x|
 */
enum loom_reduce_op {
	LOOM_REDUCE_SUM		= 0,
	LOOM_REDUCE_MEAN	= 1,
	LOOM_REDUCE_PROD	= 2,
	LOOM_REDUCE_MIN		= 3,
	LOOM_REDUCE_MAX		= 4,
	LOOM_REDUCE_SUMSQ	= 5,
	LOOM_REDUCE_SUMABS	= 6,
};

/**
 * LOOM_LANES - partial results of a reduction
 *
 * Element number i, counted over the reduced axes with the last one fastest,
 * goes to lane i % LOOM_LANES; the lanes are then combined in a fixed tree.
 */
#define LOOM_LANES			16

/**
 * struct loom_pkt_reduce - dst = op over some axes of src
 *
 * dst has src's rank; its dims are 1 along the reduced axes and src's along the
 * others. Types: any mix of F32, F16, BF16; or src I32, I8 or U8 and dst I32 or
 * of src's type: computed modulo 2^32, I8 and U8 saturate. No elements give
 * +0, of PROD 1, of MIN and MAX +infinity and -infinity (of integers the largest
 * and the smallest I32), of MEAN NaN.
 */
struct loom_pkt_reduce {
	/** @header: LOOM_OP_REDUCE. */
	struct loom_pkt_header header;
	/** @op: enum loom_reduce_op. */
	__le32 op;
	/** @axes: bit i: axis i is reduced; no bits from the rank on. */
	__le32 axes;
	/** @flags: must be zero. */
	__le64 flags;
	/** @dst: written. */
	struct loom_tensor dst;
	/** @src: read. */
	struct loom_tensor src;
};

/** LOOM_SOFTMAX_LOG - the logarithm of the result: (x - max) - log(sum). */
#define LOOM_SOFTMAX_LOG		(1u << 0)

/** LOOM_SOFTMAX_IN_PLACE_MAX - most elements along @axes if dst is exactly src. */
#define LOOM_SOFTMAX_IN_PLACE_MAX	(1u << 18)

/**
 * struct loom_pkt_softmax - dst = exp(src - max) / sum of exp(src - max) along some axes
 *
 * Same rank and dims; any mix of F32, F16, BF16. Maximum and sum go over the
 * elements along @axes, see LOOM_LANES. dst may be exactly src, with at most
 * LOOM_SOFTMAX_IN_PLACE_MAX elements along @axes.
 */
struct loom_pkt_softmax {
	/** @header: LOOM_OP_SOFTMAX. */
	struct loom_pkt_header header;
	/** @flags: LOOM_SOFTMAX_*. */
	__le32 flags;
	/** @axes: bit i: axis i; no bits from the rank on. */
	__le32 axes;
	/** @reserved: must be zero. */
	__le64 reserved;
	/** @dst: written. */
	struct loom_tensor dst;
	/** @src: read. */
	struct loom_tensor src;
};

/**
 * enum loom_norm_op - which statistics normalise
 * @LOOM_NORM_LAYER: mean and variance of the elements along axes
 * @LOOM_NORM_RMS: mean square of the elements along axes
 * @LOOM_NORM_GIVEN: mean and variance that are given
 */
enum loom_norm_op {
	LOOM_NORM_LAYER		= 0,
	LOOM_NORM_RMS		= 1,
	LOOM_NORM_GIVEN		= 2,
};

/** LOOM_NORM_IN_PLACE_MAX - most elements along @axes if dst is exactly src. */
#define LOOM_NORM_IN_PLACE_MAX		(1u << 18)

/**
 * struct loom_pkt_norm - dst = (src - mean) / sqrt(variance + epsilon) * weight + bias
 *
 * dst and src have the same rank and dims; weight, bias, mean and variance, of
 * which the first two may be absent, broadcast to them. All are any mix of F32,
 * F16, BF16. With axes that are a layer's, a channel's or a group's this is
 * layer, instance or group normalisation; GIVEN is that of a batch. RMS has no
 * mean. mean and variance are there with GIVEN only, and axes with the others.
 * dst may be exactly src, except with GIVEN with at most LOOM_NORM_IN_PLACE_MAX
 * elements along @axes.
 */
struct loom_pkt_norm {
	/** @header: LOOM_OP_NORM. */
	struct loom_pkt_header header;
	/** @op: enum loom_norm_op. */
	__le32 op;
	/** @axes: bit i: axis i; no bits from the rank on, none with GIVEN. */
	__le32 axes;
	/** @epsilon: binary32 bits; finite, not below 0. */
	__le32 epsilon;
	/** @flags: must be zero. */
	__le32 flags;
	/** @dst: written. */
	struct loom_tensor dst;
	/** @src: read. */
	struct loom_tensor src;
	/** @weight: see there. */
	struct loom_tensor weight;
	/** @bias: see there. */
	struct loom_tensor bias;
	/** @mean: see there. */
	struct loom_tensor mean;
	/** @variance: see there. */
	struct loom_tensor variance;
};

/**
 * struct loom_epilogue - what happens to an accumulator before it is stored
 *
 * Tensors with dtype LOOM_DTYPE_NONE are absent (all their fields zero). In
 * this order:
 *
 * 1. acc += bias[n]; bias has the accumulator's type (F32 or I32), rank 1,
 *    dims N or 1. I32 wraps modulo 2^32.
 * 2. If the output type is I32: the value is the accumulator; scale, residual
 *    and zero must be absent, act NONE or RELU. Otherwise an I32 accumulator
 *    becomes binary32 (nearest even).
 * 3. x = x * scale[n]; F32, rank 1, dims N or 1.
 * 4. x = x + residual[...]; F32, F16, BF16, or I8 or U8 converted exactly,
 *    broadcasting to the output.
 * 5. x = act(x).
 * 6. F32, F16, BF16 output: round to the type. I8, U8: round half to even,
 *    add @zero, saturate; NaN gives @zero.
 */
struct loom_epilogue {
	/** @act: enum loom_act. */
	__le32 act;
	/** @zero: output zero point, in the range of the output type. */
	__le32 zero;
	/** @act_param: binary32 bits, see enum loom_act; zero where unused. */
	__le32 act_param[2];
	/** @bias: see 1. */
	struct loom_tensor bias;
	/** @scale: see 3. */
	struct loom_tensor scale;
	/** @residual: see 4. */
	struct loom_tensor residual;
};

/**
 * struct loom_pkt_gemm - c[..., m, n] = epilogue(sum over k of a[..., m, k] * b[..., k, n])
 *
 * Ranks 2..6, the last two axes as above, those before are batch axes: a and b
 * broadcast to c's. Transposition and leading dimensions are strides.
 *
 * a and b are F32, F16 or BF16, both the same: acc starts at +0 and
 * acc = fma(a, b, acc) in binary32 with k increasing; or each of them I8 or U8:
 * acc is the exact sum of (a - a_zero) * (b - b_zero) modulo 2^32. c is F32, F16,
 * BF16, I8 or U8 and, for integer operands, also I32. K = 0 gives acc = 0. b may
 * have LOOM_TENSOR_PANELS, which makes no difference to the result.
 */
struct loom_pkt_gemm {
	/** @header: LOOM_OP_GEMM. */
	struct loom_pkt_header header;
	/** @flags: must be zero. */
	__le64 flags;
	/** @a_zero: zero point of a, in the range of its type; zero for floats. */
	__le32 a_zero;
	/** @b_zero: zero point of b, in the range of its type; zero for floats. */
	__le32 b_zero;
	/** @c: written. */
	struct loom_tensor c;
	/** @a: left operand. */
	struct loom_tensor a;
	/** @b: right operand. */
	struct loom_tensor b;
	/** @epilogue: see there. */
	struct loom_epilogue epilogue;
};

/** LOOM_WINDOW_AXES - spatial axes at most */
#define LOOM_WINDOW_AXES		3

/**
 * struct loom_window - where a window over the spatial axes of a tensor lies
 *
 * Along each spatial axis i of the tensor, which has I elements: tap k of
 * output o is at place p = o * stride[i] + k * dilation[i] - before[i]. It is
 * element p / spacing[i] if that is an integer from 0 to I - 1, else a hole.
 * Places after the last element are holes as well, however many there are.
 *
 * Entries from the number of spatial axes on are zero.
 */
struct loom_window {
	/** @stride: places from one output to the next, 1 .. LOOM_DIM_MAX. */
	__le32 stride[LOOM_WINDOW_AXES];
	/** @dilation: places from one tap to the next, 1 .. LOOM_DIM_MAX. */
	__le32 dilation[LOOM_WINDOW_AXES];
	/** @spacing: places from one element to the next, 1 .. LOOM_DIM_MAX. */
	__le32 spacing[LOOM_WINDOW_AXES];
	/** @before: places before the first element, signed, -LOOM_DIM_MAX .. LOOM_DIM_MAX. */
	__le32 before[LOOM_WINDOW_AXES];
};

/**
 * struct loom_pkt_conv - y = epilogue(convolution of x by w)
 *
 * x is [N, G Ci, spatial...], y [N, G Co, spatial...], w [G, Co, Ci, taps...],
 * with 1 to 3 spatial axes; G, the number of groups, is w's first dim. y's
 * spatial dims are free. Other orders of the axes are strides.
 *
 * y[n, g Co + c, o...] is the sum over the taps k..., the last axis fastest, and
 * for each of them over i = 0 .. Ci - 1, of x[n, g Ci + i, o and k...] * w[g, c, i, k...],
 * as GEMM adds up its products. A hole counts as x_zero, which is +0 for floats.
 * Types and epilogue are those of GEMM: bias and scale have as many columns as
 * y has channels.
 */
struct loom_pkt_conv {
	/** @header: LOOM_OP_CONV. */
	struct loom_pkt_header header;
	/** @flags: must be zero. */
	__le64 flags;
	/** @x_zero: zero point of x, in the range of its type; zero for floats. */
	__le32 x_zero;
	/** @w_zero: zero point of w, in the range of its type; zero for floats. */
	__le32 w_zero;
	/** @window: see there. */
	struct loom_window window;
	/** @y: written. */
	struct loom_tensor y;
	/** @x: what is convolved. */
	struct loom_tensor x;
	/** @w: the weights. */
	struct loom_tensor w;
	/** @epilogue: see there. */
	struct loom_epilogue epilogue;
};

/**
 * enum loom_gather_op - what is done with rows of a table
 * @LOOM_GATHER_TAKE: dst[i, ...] = table[indices[i], ...]
 * @LOOM_GATHER_SUM: dst[i, ...] = sum over j of table[indices[i, j], ...]; floats only
 * @LOOM_GATHER_PUT: table[indices[i], ...] = src[i, ...]
 */
enum loom_gather_op {
	LOOM_GATHER_TAKE	= 0,
	LOOM_GATHER_SUM		= 1,
	LOOM_GATHER_PUT		= 2,
};

/**
 * struct loom_pkt_gather - rows of a table by their numbers
 *
 * The table's axis number axis is the one that is indexed; the values tensor,
 * which is written by TAKE and SUM and read by PUT, has there as many elements
 * as there are indices, or bags of them, and the table's dims along the others.
 * indices is I32 or I64, of rank 1, with SUM of rank 2: bags by elements. A
 * negative index counts from the end. One that is still out of range reads as
 * zero, adds nothing, or puts nothing.
 *
 * TAKE and PUT move elements of any type bit by bit, the same in both. SUM takes
 * any mix of F32, F16, BF16; element j of a bag goes to lane j % LOOM_LANES, see
 * there. Where PUT has an index twice the later row stays.
 */
struct loom_pkt_gather {
	/** @header: LOOM_OP_GATHER. */
	struct loom_pkt_header header;
	/** @op: enum loom_gather_op. */
	__le32 op;
	/** @axis: of the table, below its rank. */
	__le32 axis;
	/** @flags: must be zero. */
	__le64 flags;
	/** @dst: written: the values, with PUT the table. */
	struct loom_tensor dst;
	/** @src: read: the table, with PUT the values. */
	struct loom_tensor src;
	/** @indices: read. */
	struct loom_tensor indices;
};

/**
 * struct loom_pkt_resize - an axis of another length
 *
 * dst and src have the same rank and, along all axes but axis, the same dims.
 * places is I32, [dst's dim along axis, taps]. With weights, which is F32 and of
 * the same dims, element o of the axis is the sum of src's elements at places[o,
 * t] times weights[o, t], one fused multiply-add after the other with t from 0
 * on, from +0; dst and src are any mix of F32, F16, BF16. Without weights there
 * is one tap, dst and src have the same type, and the element is moved bit by
 * bit. A place that is not in src reads as value: bits of a binary32, or of an
 * element that is moved.
 *
 * Nearest, linear and cubic interpolation, of whatever coordinates, with or
 * without a filter, are tables.
 */
struct loom_pkt_resize {
	/** @header: LOOM_OP_RESIZE. */
	struct loom_pkt_header header;
	/** @axis: below dst's rank. */
	__le32 axis;
	/** @flags: must be zero. */
	__le32 flags;
	/** @value: what is read where there is no element. */
	__le64 value;
	/** @dst: written. */
	struct loom_tensor dst;
	/** @src: read. */
	struct loom_tensor src;
	/** @places: read. */
	struct loom_tensor places;
	/** @weights: read; or absent. */
	struct loom_tensor weights;
};

/**
 * enum loom_arg_op - which element of an axis
 * @LOOM_ARG_MIN: the smallest
 * @LOOM_ARG_MAX: the largest
 */
enum loom_arg_op {
	LOOM_ARG_MIN		= 0,
	LOOM_ARG_MAX		= 1,
};

/** LOOM_ARG_LAST - of equal elements the last, else the first */
#define LOOM_ARG_LAST			(1u << 0)

/**
 * struct loom_pkt_arg - where the smallest or largest elements of an axis are
 *
 * dst is I32 or I64 and has src's dims, but 1 along axis, where src has at least
 * one element. src is F32, F16, BF16, I8, U8 or I32. NaN is both smaller and
 * larger than all else; zeros are equal.
 */
struct loom_pkt_arg {
	/** @header: LOOM_OP_ARG. */
	struct loom_pkt_header header;
	/** @op: enum loom_arg_op. */
	__le32 op;
	/** @axis: below src's rank. */
	__le32 axis;
	/** @flags: LOOM_ARG_*; other bits must be zero. */
	__le64 flags;
	/** @dst: written: numbers from 0. */
	struct loom_tensor dst;
	/** @src: read. */
	struct loom_tensor src;
};

/**
 * enum loom_quant_op - from numbers to small integers and back
 * @LOOM_QUANT_TO: dst = src / scale, rounded half to even, + zero, saturated
 * @LOOM_QUANT_FROM: dst = (src - zero) * scale
 */
enum loom_quant_op {
	LOOM_QUANT_TO		= 0,
	LOOM_QUANT_FROM		= 1,
};

/**
 * struct loom_pkt_quant - between floats and integers that stand for them
 *
 * dst and src have the same rank and dims; scale and zero, which may be absent,
 * broadcast to them: one for all, for each channel or for each element. TO takes
 * F32, F16 or BF16 and gives I8 or U8, FROM takes I8, U8 or I32 and gives F32,
 * F16 or BF16. scale is any float, zero of the integers' type.
 */
struct loom_pkt_quant {
	/** @header: LOOM_OP_QUANT. */
	struct loom_pkt_header header;
	/** @op: enum loom_quant_op. */
	__le32 op;
	/** @flags: must be zero. */
	__le32 flags;
	/** @reserved: must be zero. */
	__le64 reserved;
	/** @dst: written. */
	struct loom_tensor dst;
	/** @src: read. */
	struct loom_tensor src;
	/** @scale: see there. */
	struct loom_tensor scale;
	/** @zero: see there. */
	struct loom_tensor zero;
};

/**
 * enum loom_pool_op - functions of what a window sees
 * @LOOM_POOL_MAX: the largest; NaN if any is; -0 < +0
 * @LOOM_POOL_AVERAGE: the sum divided by the number of elements; floats only
 * @LOOM_POOL_L1: sum of |x|; floats only
 * @LOOM_POOL_L2: square root of the sum of x * x; floats only
 */
enum loom_pool_op {
	LOOM_POOL_MAX		= 0,
	LOOM_POOL_AVERAGE	= 1,
	LOOM_POOL_L1		= 2,
	LOOM_POOL_L2		= 3,
};

/** LOOM_POOL_COUNT_HOLES - AVERAGE also counts holes, as far as @after tells. */
#define LOOM_POOL_COUNT_HOLES		(1u << 0)

/**
 * struct loom_pkt_pool - y = op over the elements of x in a window
 *
 * x is [N, C, spatial...], y [N, C, spatial...], with 1 to 3 spatial axes; y's
 * spatial dims are free. Types: any mix of F32, F16, BF16, or both I32, both I8
 * or both U8. Holes are left out. A window of nothing but holes gives -infinity
 * for MAX (of integers the type's smallest), NaN for AVERAGE and +0 for L1 and L2.
 *
 * indices, if it is there, is I64 of y's shape: for MAX the number of the first
 * element that is the result, counted over all of x with the last axis fastest,
 * or -1.
 */
struct loom_pkt_pool {
	/** @header: LOOM_OP_POOL. */
	struct loom_pkt_header header;
	/** @op: enum loom_pool_op. */
	__le32 op;
	/** @flags: LOOM_POOL_*. */
	__le32 flags;
	/** @taps: of the window along each spatial axis, 1 or more; zero from their number on. */
	__le32 taps[LOOM_WINDOW_AXES];
	/** @after: see LOOM_POOL_COUNT_HOLES; zero without it. */
	__le32 after[LOOM_WINDOW_AXES];
	/** @window: see there; spacing is 1. */
	struct loom_window window;
	/** @y: written. */
	struct loom_tensor y;
	/** @x: read. */
	struct loom_tensor x;
	/** @indices: written; may be absent. */
	struct loom_tensor indices;
};

/**
 * struct loom_pkt_pack - dst = src, stored as panels
 *
 * For the b of any number of GEMMs. Same type, rank, which is 2..6, and dims;
 * F32, F16, BF16, I8 or U8. All bytes of the panels are written.
 */
struct loom_pkt_pack {
	/** @header: LOOM_OP_PACK. */
	struct loom_pkt_header header;
	/** @flags: must be zero. */
	__le64 flags;
	/** @dst: written; LOOM_TENSOR_PANELS must be set. */
	struct loom_tensor dst;
	/** @src: read. */
	struct loom_tensor src;
};

/**
 * struct loom_pkt_hang - never complete, make no progress; for tests
 */
struct loom_pkt_hang {
	/** @header: LOOM_OP_HANG. */
	struct loom_pkt_header header;
	/** @flags: LOOM_HANG_*. */
	__le64 flags;
	/** @reserved: must be zero. */
	__le64 reserved;
};

/** LOOM_HANG_BUSY - RING_PROGRESS moves all the same, as in an endless job. */
#define LOOM_HANG_BUSY			(1u << 0)

#ifdef __cplusplus
}
#endif

#endif
