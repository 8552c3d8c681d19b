/* SPDX-License-Identifier: MIT */
/*
 * Small ONNX models, made in memory. Everything lives until the process ends.
 */
#ifndef TEST_LIBACCEL_ONNX_H
#define TEST_LIBACCEL_ONNX_H

#include "onnx.pb-c.h"

enum {
	F32 = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, U8 = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8,
	I32 = ONNX__TENSOR_PROTO__DATA_TYPE__INT32, I64 = ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
	BOOLEAN = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, F64 = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
	I8 = ONNX__TENSOR_PROTO__DATA_TYPE__INT8, I16 = ONNX__TENSOR_PROTO__DATA_TYPE__INT16,
	U16 = ONNX__TENSOR_PROTO__DATA_TYPE__UINT16, F16 = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16,
};

Onnx__ModelProto *onnx_model(int64_t opset);
/* One more operator set, after that of the default domain. */
void onnx_domain(Onnx__ModelProto *m, const char *domain, int64_t opset);
/* @dims ends with -1; -2 is the symbol "N". */
Onnx__ValueInfoProto *onnx_input(Onnx__ModelProto *m, const char *name, int type, const int64_t *dims);
Onnx__ValueInfoProto *onnx_output(Onnx__ModelProto *m, const char *name, int type);
/* Names of operands and results, separated by blanks; "-" is an absent one. */
Onnx__NodeProto *onnx_node(Onnx__ModelProto *m, const char *op, const char *in, const char *out);
void onnx_int(Onnx__NodeProto *n, const char *name, int64_t value);
void onnx_ints(Onnx__NodeProto *n, const char *name, const int64_t *values, size_t count);
void onnx_float(Onnx__NodeProto *n, const char *name, float value);
void onnx_string(Onnx__NodeProto *n, const char *name, const char *value);
void onnx_strings(Onnx__NodeProto *n, const char *name, const char *const *values, size_t count);
void onnx_reals(Onnx__NodeProto *n, const char *name, const float *values, size_t count);
/* The graph of another model, as If and Loop have some. */
void onnx_graph_in(Onnx__NodeProto *n, const char *name, const Onnx__ModelProto *m);
/* Elements are small numbers that depend on @seed; of I64 they are @values. */
Onnx__TensorProto *onnx_floats(Onnx__ModelProto *m, const char *name, const int64_t *dims, int seed);
Onnx__TensorProto *onnx_longs(Onnx__ModelProto *m, const char *name, const int64_t *values,
			      int64_t count);

/* Elements as they are, of any type. */
Onnx__TensorProto *onnx_raw(Onnx__ModelProto *m, const char *name, int type, const int64_t *dims,
			    const void *data, size_t size);

/* Let an initializer be a node Constant, the first one. */
void onnx_constant(Onnx__ModelProto *m, size_t initializer);

/* The file, to be freed. */
void *onnx_bytes(const Onnx__ModelProto *m, size_t *size);
/* A network of all that passes change: convolutions, products, views, constants. */
Onnx__ModelProto *onnx_network(void);

#endif
