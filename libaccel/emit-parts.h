/* SPDX-License-Identifier: MIT */
/* Between the files that emit packets: parts that several operations have. */
#ifndef ACCEL_PRIV_EMIT_PARTS_H
#define ACCEL_PRIV_EMIT_PARTS_H

#include "emit.h"
#include "tensor.h"

/** emit_header() - a packet of @size zero bytes but its head; @what the card might not do. */
int emit_header(const struct accel_program *program, struct loom_pkt_header *header,
		unsigned int opcode, size_t size, const char *what);

/** emit_operand() - a tensor that has been checked. */
void emit_operand(struct loom_tensor *out, const struct accel_tensor *tensor);

int emit_activation(const struct accel_program *program, enum accel_act act, const float *param,
		    bool integer, __le32 *out_act, __le32 *out_param);

/** emit_zero_point() - in the range of @dtype. */
int emit_zero_point(const char *name, int32_t zero, enum accel_dtype dtype, __le32 *out);

/** emit_axes() - bits of axes that @tensor has. */
int emit_axes(const struct accel_tensor *tensor, const char *name, uint32_t axes, __le32 *out);

/** emit_in_place() - with dst exactly on src, at most so many elements of src along @axes. */
int emit_in_place(const struct loom_tensor *dst, const struct loom_tensor *src,
		  const struct accel_tensor *tensor, uint32_t axes, uint32_t most, const char *what);

/** emit_product_types() - c = a times b, of a @what. */
int emit_product_types(const struct accel_tensor *c, const char *c_name,
		       const struct accel_tensor *a, const char *a_name,
		       const struct accel_tensor *b, const char *b_name, const char *what);

/**
 * struct emit_tail - what follows a product
 * @c, @name: the result
 * @columns: values that bias and scale have, unless it is one
 * @factor: type of the factors
 */
struct emit_tail {
	const struct accel_tensor *c;
	const char *name;
	uint32_t columns;
	enum accel_dtype factor;
	const struct accel_tensor *bias, *scale, *residual;
	enum accel_act act;
	const float *act_param;
	int32_t zero;
	const char *zero_name;
};

int emit_epilogue(const struct accel_program *program, const struct emit_tail *tail,
		  struct loom_epilogue *out);

static inline bool dtype_computes(enum accel_dtype dtype)
{
	return dtype_is_float(dtype) || dtype_is_byte(dtype) || dtype == ACCEL_I32;
}

#endif
