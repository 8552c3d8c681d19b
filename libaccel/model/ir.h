/* SPDX-License-Identifier: MIT */
/*
 * The graph between importer and card: operators on values whose types and shapes are known.
 *
 * It knows neither ONNX nor packets. Nodes stand in an order in which they can run. A graph
 * owns all of its memory; nothing of it is freed before the graph is.
 */
#ifndef ACCEL_PRIV_IR_H
#define ACCEL_PRIV_IR_H

#include "accel/model.h"
#include "accel/layer.h"
#include "accel/program.h"
#include "../error.h"

#define IR_RANK_MAX	ACCEL_VALUE_RANK_MAX
#define IR_INPUTS_MAX	4096
#define IR_INTS_MAX	(2 * IR_RANK_MAX)
#define IR_OUT_MAX	4	/* results of a node that can run, but for TAIL */

/* Elements and bytes of a value stay below these, so that products of few of them fit. */
#define IR_BYTES_MAX	((int64_t)1 << 40)

/* Functions of two operands. Those up to MAX are the card's. */
enum ir_binary {
	IR_ADD, IR_SUB, IR_MUL, IR_DIV, IR_MIN, IR_MAX,
	IR_POW, IR_MOD, IR_FMOD, IR_SHL, IR_SHR,
	IR_AND, IR_OR, IR_XOR,
	IR_EQ, IR_LT, IR_LE, IR_GT, IR_GE,
};

/* Functions of one operand. Those up to TRUNC are the card's, with its numbers. */
enum ir_unary {
	IR_NEG = ACCEL_NEG, IR_ABS, IR_SIGN, IR_SQUARE, IR_SQRT, IR_RSQRT, IR_RECIPROCAL, IR_EXP,
	IR_LOG, IR_ERF, IR_FLOOR, IR_CEIL, IR_ROUND, IR_TRUNC,
	IR_NOT, IR_ISNAN, IR_ISINF,
	IR_SIN, IR_COS, IR_TAN, IR_ASIN, IR_ACOS, IR_ATAN,
	IR_SINH, IR_COSH, IR_ASINH, IR_ACOSH, IR_ATANH,
};

enum ir_pad { IR_PAD_CONSTANT, IR_PAD_EDGE, IR_PAD_REFLECT };

/* What SCATTER does with an element that is there, in the order of the updates. */
enum ir_put { IR_PUT, IR_PUT_ADD, IR_PUT_MUL, IR_PUT_MIN, IR_PUT_MAX };

enum ir_sample { IR_SAMPLE_NEAREST, IR_SAMPLE_LINEAR, IR_SAMPLE_CUBIC };
enum ir_beyond { IR_BEYOND_ZERO, IR_BEYOND_EDGE, IR_BEYOND_REFLECT };

enum ir_op {
	IR_MISSING,		/* text: why */
	IR_BINARY,		/* fn; act */
	IR_UNARY,		/* fn; of ISINF ints: [negative, positive] */
	IR_ACT,			/* act */
	IR_REDUCE,		/* fn: enum accel_reduce; axes */
	IR_ARG,			/* fn: 0 min, 1 max; axis; flag: last of equals */
	IR_SOFTMAX,		/* axes; flag: logarithm */
	IR_MATMUL,		/* enum ir_product; act */
	IR_CONV,		/* enum ir_product; axis: groups; flag: transposed; flag2: w's elements
				 * lie with the taps before the channels; ints: for three spatial axes
				 * strides, dilations, places before; act */
	IR_POOL,		/* fn: enum accel_pool; flag: holes count; ints: strides, dilations,
				 * places before, taps, places after that count; a second result:
				 * where the largest was */
	IR_CAST,		/* to the result's type */
	IR_RESHAPE,		/* any shape of as many elements */
	IR_TRANSPOSE,		/* ints: permutation */
	IR_SLICE,		/* ints: starts, then steps */
	IR_CONCAT,		/* axis */
	IR_EXPAND,		/* broadcast to the result's shape */
	IR_PAD,			/* x, value or NULL; ints: before, then after; fn: enum ir_pad */
	IR_GATHER,		/* x, indices; axis */
	IR_GATHER_ELEMENTS,	/* x, indices; axis */
	IR_GATHER_ND,		/* x, indices; axis: leading axes in common */
	IR_SCATTER_ELEMENTS,	/* x, indices, updates; axis; fn: enum ir_put */
	IR_SCATTER_ND,		/* x, indices, updates; fn: enum ir_put */
	IR_WHERE,		/* condition, x, y */
	IR_CUMSUM,		/* x, axis; flag: exclusive; flag2: reverse */
	IR_TOPK,		/* axis; flag: largest; two results */
	IR_TRILU,		/* axis: k; flag: upper */
	IR_RESIZE,		/* x, places, weights or absent: along axis element o is the sum of the
				 * elements at places[o, t] times weights[o, t], or the element at
				 * places[o, 0]; value: what is at place -1 */
	IR_GRID_SAMPLE,		/* x, grid; fn: enum ir_sample; axis: enum ir_beyond; flag: corners are
				 * at the middle of elements */
	IR_ROI_ALIGN,		/* x, rois, batches; fn: 0 mean, 1 largest; ints: height, width, samples or 0; value: scale;
				 * flag: half an element is taken off */
	IR_DFT,			/* x [..., 1 or 2], window or NULL; axis; flag: inverse; ints: elements of
				 * a transform, elements from one to the next or 0: there is one alone */
	IR_DET,
	IR_REVERSE,		/* x, lengths; axis: that is reversed; ints: axis of the lengths */
	IR_QUANTIZE,		/* x, scale, zero point; operands of these four: see quant.h */
	IR_DEQUANTIZE,		/* x, scale, zero point */
	IR_QMATMUL,		/* enum ir_quant; act */
	IR_QCONV,		/* enum ir_quant; as CONV, never transposed; act */
	IR_TREES,		/* x of [rows, columns]; extra: struct trees */
	IR_LABEL,		/* x, keys, values: that of the first key that x is, or the last */
	IR_NORM,		/* x, weight or NULL, bias or NULL; fn: enum accel_norm; axes; value:
				 * epsilon */
	IR_CHECK,		/* integers, which must be indices of an axis of ints[0] elements */
	IR_TAIL,		/* extra: struct tail; any number of operands and of outputs, and as the
				 * last result the outputs' sizes, one after the other */
	IR_OPS,
};

/*
 * Operands of IR_MATMUL and IR_CONV: all but the first two may be absent. What is multiplied comes to
 * a sum, to which the bias is added, which is multiplied by the scale and to which the
 * residual is added; the latter broadcast.
 */
enum ir_product { IR_P_A, IR_P_B, IR_P_BIAS, IR_P_RESIDUAL, IR_P_SCALE, IR_P_OPERANDS };

struct ir_value {
	const char *name;
	enum accel_dtype dtype;
	uint32_t rank;
	int64_t dims[IR_RANK_MAX];
	int64_t count;
	uint64_t size;
	const void *data;	/* of a constant, or once it has been worked out; else NULL */
	bool constant;		/* came with the model, or was folded */
	bool late;		/* sizes are the most that it may have: a run knows, see tail.h */
	struct ir_node *from;	/* NULL: an input or a constant */
	/* Of passes and of the compiler: */
	uint32_t uses;		/* operands that it is, and once more as an output */
	struct ir_value *alias;	/* whose memory it shares; NULL: has its own */
	const int64_t *place;	/* where in alias, of the same rank: starts, and from IR_RANK_MAX on steps;
				 * NULL: all of it */
	uint8_t deep;		/* places within places within it */
	bool dense;		/* somebody wants it without gaps */
	bool channels;		/* its elements along axis 1 are neighbours in memory */
	int64_t first, last;	/* nodes between which it lives */
	uint64_t offset;	/* in the arena or among the constants */
	uint32_t index;		/* in a file */
	const uint8_t *digest;	/* of the elements, or NULL */
	bool bound;		/* lies in a place of its own: input, output */
	bool apart;		/* a constant that is not with the others */
	uint32_t slot;		/* which */
};

struct ir_node {
	struct ir_node *next;
	enum ir_op op;
	int fn;
	const char *name;	/* of the file's node, or "" */
	const char *origin;	/* the file's operator */
	const char *text;	/* of MISSING */
	int64_t axis;
	uint32_t axes;
	bool flag, flag2;
	enum accel_act act;
	float act_param[2];
	float value;
	const void *extra;
	int64_t ints[IR_INTS_MAX];
	uint32_t nin, nout;
	struct ir_value **in;	/* NULL: absent */
	struct ir_value **out;	/* NULL: not wanted */
	struct ir_node *moved;	/* of a pass: where it stands now */
	bool early;		/* needs nothing that the card computes */
	enum accel_place place;
	const char *reason;
};

struct ir_arena;
struct image;

struct ir_graph {
	struct ir_arena *arena;
	struct ir_node *first, **last;
	struct ir_value **inputs, **outputs;
	uint32_t ninputs, noutputs, nnodes;
	/* What new nodes are made for. */
	const char *name, *origin;
	uint64_t brought;	/* bytes of elements that the file and the caller have given */
	uint64_t made;		/* bytes of elements that came with no file */
	uint64_t steps;		/* what has been worked out so far, see ir_afford() */
	uint32_t depth;		/* graphs within graphs that are being put in place */
	bool short_of;		/* something was left to the run because it takes too many */
	bool running;		/* it is made by a run, for which no number of steps is too many */
	struct image *image;	/* where constants are, or NULL */
	int error;		/* the first one: all building after it does nothing */
};

/* Memory of a graph, zeroed; NULL sets the graph's error. */
void *ir_alloc(struct ir_graph *g, size_t size);

/*
 * A few bytes of a file may ask for much. What a graph costs before it runs is bounded by what the
 * file and the caller have brought: the memory for elements that operators make, and the steps
 * to work them out, where a step is about an element that is read or written.
 */
#define IR_NODES_MAX	(1u << 19)
#define IR_MADE(g)	(((uint64_t)1 << 27) + 8 * (g)->brought)
#define IR_STEPS(g)	(((uint64_t)1 << 25) + 64 * (g)->brought)

/** ir_make() - memory of elements that an operator asks for; an error once it is too much. */
void *ir_make(struct ir_graph *g, uint64_t size);
/** ir_room() - whether so many bytes more are no more than half of what there may be.
 * For what can as well be left as it is: errors are for what cannot.
 */
bool ir_room(const struct ir_graph *g, uint64_t size);
/** ir_afford() - account for work; false: it is too much, and must be left to the run. */
bool ir_afford(struct ir_graph *g, uint64_t steps);
char *ir_text(struct ir_graph *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct ir_graph *ir_create(void);
void ir_free(struct ir_graph *g);

/** ir_fail() - record why the node being made cannot be: names node and operator. -EINVAL. */
int ir_fail(struct ir_graph *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** ir_value() - a new value; sizes are checked. NULL after an error. */
struct ir_value *ir_value(struct ir_graph *g, enum accel_dtype dtype, uint32_t rank,
			  const int64_t *dims);

/** ir_resize() - give an axis of a value that has no elements yet another size. False after an error. */
bool ir_resize(struct ir_graph *g, struct ir_value *v, uint32_t axis, int64_t dim);

/** ir_constant() - a constant; @data is referenced, not copied. */
struct ir_value *ir_constant(struct ir_graph *g, enum accel_dtype dtype, uint32_t rank,
			     const int64_t *dims, const void *data);
struct ir_value *ir_scalar_f(struct ir_graph *g, enum accel_dtype dtype, double x);
struct ir_value *ir_ints(struct ir_graph *g, const int64_t *ints, uint32_t n);

/** ir_node() - append a node with one result. */
struct ir_node *ir_node(struct ir_graph *g, enum ir_op op, int fn, struct ir_value *const *in,
			uint32_t nin, struct ir_value *out);

/** ir_known() - a value's elements if they follow from constants alone, else NULL.
 * Works them out where that is cheap: what shapes are computed from.
 */
const void *ir_known(struct ir_graph *g, struct ir_value *v);

/** ir_known_ints() - the same as numbers: how many, or -1. Of I32 and I64. */
int ir_known_ints(struct ir_graph *g, struct ir_value *v, int64_t *ints, uint32_t max);

/** ir_repeats() - whether @v repeats to the shape of @y. */
bool ir_repeats(const struct ir_value *v, const struct ir_value *y);

const char *ir_shape(const struct ir_value *v, char *text, size_t size);
const char *ir_op_name(const struct ir_node *n);
const char *ir_detail(struct ir_graph *g, const struct ir_node *n);

static inline bool ir_is_float(enum accel_dtype t)
{
	return t == ACCEL_F32 || t == ACCEL_F16 || t == ACCEL_BF16;
}

/* What ONNX calls a float: with F64, which is the processor's alone. */
static inline bool ir_is_real(enum accel_dtype t)
{
	return ir_is_float(t) || t == ACCEL_F64;
}

static inline bool ir_is_int(enum accel_dtype t)
{
	return t >= ACCEL_I8 && t <= ACCEL_U64;
}

static inline bool ir_is_signed(enum accel_dtype t)
{
	return t == ACCEL_I8 || t == ACCEL_I16 || t == ACCEL_I32 || t == ACCEL_I64;
}

#endif
