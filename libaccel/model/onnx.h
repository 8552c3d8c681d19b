/* SPDX-License-Identifier: MIT */
/*
 * ONNX files: from bytes to graphs. What is generated from onnx.proto is seen here only.
 */
#ifndef ACCEL_PRIV_ONNX_H
#define ACCEL_PRIV_ONNX_H

#include "ir.h"
#include "map.h"
#include "onnx.pb-c.h"

#define ONNX_IR_MIN	3
#define ONNX_IR_MAX	13
#define ONNX_OPSET_MAX	25
#define ONNX_DEPTH_MAX	64
#define ONNX_MESSAGES_MAX	(1u << 22)
#define ONNX_SIZE_MAX	((size_t)INT32_MAX)

/** onnx_scan() - check bytes before they are unpacked: lengths, depth, number of messages. */
int onnx_scan(const ProtobufCMessageDescriptor *type, const void *data, size_t size);

/** onnx_unpack() - scan and unpack; to be freed with protobuf_c_message_free_unpacked().
 * @allocator: NULL: malloc() and free()
 */
int onnx_unpack(const ProtobufCMessageDescriptor *type, ProtobufCAllocator *allocator, const void *data,
		size_t size, void *message);

/** onnx_dtype() - ACCEL_NONE for types that the library does not have. */
enum accel_dtype onnx_dtype(int32_t type);
const char *onnx_dtype_name(int32_t type);

/**
 * onnx_tensor_check() - type, shape and amount of data fit together
 * @what: for texts: "initializer 'w'"
 */
int onnx_tensor_check(const Onnx__TensorProto *t, const char *what);
/** onnx_tensor_size() - bytes of the elements of a checked tensor. */
size_t onnx_tensor_size(const Onnx__TensorProto *t);
/** onnx_tensor_read() - the elements of a checked tensor of a type that the library has. */
void onnx_tensor_read(const Onnx__TensorProto *t, void *data);
static inline bool onnx_tensor_external(const Onnx__TensorProto *t)
{
	return t->has_data_location &&
	       t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

/** onnx_external() - bring the data of an external tensor into its raw_data.
 * @directory: -1: there is none, and the tensor is refused
 */
int onnx_external(Onnx__TensorProto *t, int directory, const char *what);

/** onnx_check() - structure of a model: names, order, types. */
int onnx_check(Onnx__ModelProto *model, int directory);

/** onnx_check_inner() - the same of a graph within a graph, but for the names that it uses. */
int onnx_check_inner(const Onnx__GraphProto *graph);

/** onnx_opset() - version of the operators of a domain, "" is the default one; 0: the model has none. */
int64_t onnx_opset(const Onnx__ModelProto *model, const char *domain);

#define ONNX_ML		"ai.onnx.ml"
#define ONNX_ML_MAX	5

/** onnx_default_domain() - whether a domain, which may be NULL, is the default one. */
bool onnx_default_domain(const char *domain);

/** onnx_inputs() - which of the graph's inputs are some: not constants with a default.
 * @indices: set to an array, to be freed
 */
int onnx_inputs(const Onnx__GraphProto *graph, uint32_t **indices, uint32_t *count);

/** onnx_graph() - the IR of a checked model.
 * @opts: sizes of open axes and fixed inputs; each name must be of some use
 */
struct ir_graph *onnx_graph(const Onnx__ModelProto *model, const struct accel_session_opts *opts);

/** struct onnx_scope - names of values: those of a graph, and of those that it is in */
struct onnx_scope {
	struct map names;
	const struct onnx_scope *outer;
	struct onnx_tail *tail;	/* NULL: of a graph within another */
};

/** struct onnx_cx - one node that is converted */
struct onnx_cx {
	struct ir_graph *g;
	const Onnx__ModelProto *model;
	const struct onnx_scope *scope;
	const Onnx__NodeProto *node;
	int64_t opset;
	struct ir_value **in;	/* NULL: absent */
	uint32_t nin;
	struct ir_value **out;
	uint32_t nout;
	uint64_t used;		/* attributes that were looked at */
	const char *why;	/* set: the node cannot run */
	bool late;		/* set, with why: but a run can tell how many elements it gives */
	bool bounds;		/* the most elements that it may give are asked for, and no others */
};

/** onnx_convert() - convert a node. Sets c->out, or c->why, or the error of the graph. */
void onnx_convert(struct onnx_cx *c);

/** onnx_cannot() - note why a node cannot run. */
void onnx_cannot(struct onnx_cx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** onnx_inline() - put a graph that a node has in place
 * @in: values of its inputs
 * @out: set to its outputs'
 * Errors: those of the graph
 */
int onnx_inline(struct onnx_cx *c, const Onnx__GraphProto *graph, struct ir_value *const *in,
		uint32_t nin, struct ir_value **out, uint32_t nout);

/* Attributes; those that are absent give @fallback. A wrong type is an error of the graph. */
const Onnx__AttributeProto *onnx_attr(struct onnx_cx *c, const char *name,
				      Onnx__AttributeProto__AttributeType type);
int64_t onnx_attr_i(struct onnx_cx *c, const char *name, int64_t fallback);
float onnx_attr_f(struct onnx_cx *c, const char *name, float fallback);
/** onnx_attr_ints() - how many, or -1. More than @max is an error of the graph. */
int onnx_attr_ints(struct onnx_cx *c, const char *name, int64_t *ints, int max);
/** onnx_attr_is() - whether a string attribute, which may be absent, has this value. */
bool onnx_attr_is(struct onnx_cx *c, const char *name, const char *fallback, const char *value);

/**
 * onnx_numbers() - integers that were an attribute up to a version and are an operand since
 * @since: the first version with an operand
 * Return: how many, or -1: absent, or c->why or an error of the graph is set.
 */
int onnx_numbers(struct onnx_cx *c, const char *name, int64_t since, uint32_t operand,
		 int64_t *list, int max);

/** onnx_in() - operand @i, NULL if it is absent. */
static inline struct ir_value *onnx_in(const struct onnx_cx *c, uint32_t i)
{
	return i < c->nin ? c->in[i] : NULL;
}

/**
 * struct onnx_op - how an operator of the default domain is converted
 * @min, @max: operands
 * @convert: sets c->out, or c->why
 * @arg: for @convert
 */
struct onnx_op {
	const char *name;
	uint32_t min, max;
	void (*convert)(struct onnx_cx *c, int arg);
	int arg;
};

/* Tables; each ends with an element without name. */
extern const struct onnx_op onnx_ops_attention[], onnx_ops_constant[], onnx_ops_control[],
			    onnx_ops_dynamic[], onnx_ops_einsum[], onnx_ops_index[],
			    onnx_ops_loss[], onnx_ops_math[], onnx_ops_move[], onnx_ops_net[],
			    onnx_ops_quant[], onnx_ops_recurrent[], onnx_ops_resize[], onnx_ops_shape[],
			    onnx_ops_signal[], onnx_ops_window[];
/* Of the domain ai.onnx.ml. */
extern const struct onnx_op onnx_ops_ml[], onnx_ops_ml_tree[];

/** onnx_conv_window() - the window of a convolution of operands 0 and 1, whose types do not matter.
 * @ints: see IR_CONV; @dims: the result's
 * Return: false after an error or where it is not supported
 */
bool onnx_conv_window(struct onnx_cx *c, int64_t *groups, int64_t *ints, int64_t *dims);

#endif
