// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX whose results are in the file, or follow from sizes.
 */
#include <math.h>
#include <string.h>

#include "build.h"
#include "eval.h"
#include "onnx.h"

static void constant_tensor(struct onnx_cx *c, const Onnx__TensorProto *t, bool one, uint32_t rank,
			    const int64_t *dims)
{
	enum accel_dtype dtype;
	size_t element;
	struct ir_value *v;
	char *data;

	if (!t) {
		ir_fail(c->g, "it has no value");
		return;
	}
	dtype = onnx_dtype(t->data_type);
	element = accel_dtype_size(dtype);
	if (dtype == ACCEL_NONE) {
		onnx_cannot(c, "values of %s are not supported", onnx_dtype_name(t->data_type));
		return;
	}
	if (onnx_tensor_external(t)) {
		onnx_cannot(c, "an attribute with data in another file is not supported");
		return;
	}
	c->g->error = onnx_tensor_check(t, "its value");
	if (c->g->error)
		return;
	if (!one) {
		v = ir_value(c->g, dtype, (uint32_t)t->n_dims, t->dims);
		/* A loop may have it many times. */
		data = !v ? NULL : c->g->depth ? ir_make(c->g, v->size) : ir_alloc(c->g, v->size);
		if (!data)
			return;
		onnx_tensor_read(t, data);
		c->g->brought += c->g->depth ? 0 : v->size;
		v->data = data;
		v->constant = true;
		c->out[0] = v;
		return;
	}
	if (onnx_tensor_size(t) != element) {
		ir_fail(c->g, "its value is not one element");
		return;
	}
	data = ir_alloc(c->g, element);
	if (!data)
		return;
	onnx_tensor_read(t, data);
	c->out[0] = b_expand(c->g, ir_constant(c->g, dtype, 0, NULL, data), rank, dims);
}

static void constant(struct onnx_cx *c, int arg)
{
	const Onnx__AttributeProto *a;
	struct ir_value *v;
	int64_t n;

	(void)arg;
	a = onnx_attr(c, "value", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
	if (a) {
		constant_tensor(c, a->t, false, 0, NULL);
		return;
	}
	a = onnx_attr(c, "value_float", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
	if (a) {
		c->out[0] = ir_scalar_f(c->g, ACCEL_F32, (double)a->f);
		return;
	}
	a = onnx_attr(c, "value_int", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
	if (a) {
		v = ir_ints(c->g, &a->i, 1);
		c->out[0] = b_reshape(c->g, v, 0, NULL);
		return;
	}
	a = onnx_attr(c, "value_ints", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	if (a) {
		c->out[0] = ir_ints(c->g, a->ints, (uint32_t)a->n_ints);
		return;
	}
	a = onnx_attr(c, "value_floats", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
	if (a) {
		n = (int64_t)a->n_floats;
		c->out[0] = ir_constant(c->g, ACCEL_F32, 1, &n, a->floats);
		return;
	}
	onnx_cannot(c, "values but tensors and numbers are not supported");
}

static void constant_of_shape(struct onnx_cx *c, int arg)
{
	const Onnx__AttributeProto *a = onnx_attr(c, "value",
						  ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
	int64_t dims[IR_RANK_MAX];
	int n = onnx_numbers(c, "input", 1, 0, dims, IR_RANK_MAX);

	(void)arg;
	if (c->why || n < 0)
		return;
	for (int i = 0; i < n; i++) {
		if (dims[i] < 0) {
			ir_fail(c->g, "axis %d is to have %lld elements", i, (long long)dims[i]);
			return;
		}
	}
	if (a)
		constant_tensor(c, a->t, true, (uint32_t)n, dims);
	else
		c->out[0] = b_expand(c->g, ir_scalar_f(c->g, ACCEL_F32, 0), (uint32_t)n, dims);
}

static void range(struct onnx_cx *c, int arg)
{
	enum accel_dtype t = c->in[0]->dtype;
	const void *p[3];
	double start, step, count;
	int64_t n;
	char *data;

	(void)arg;
	for (int i = 0; i < 3; i++) {
		p[i] = ir_known(c->g, c->in[i]);
		if (!p[i]) {
			onnx_cannot(c, "a range that is computed from inputs is not supported");
			return;
		}
		if (c->in[i]->dtype != t || c->in[i]->count != 1 || t == ACCEL_BOOL) {
			ir_fail(c->g, "start, limit and step are not numbers of one type");
			return;
		}
	}
	start = eval_load(t, p[0]);
	step = eval_load(t, p[2]);
	count = ceil((eval_load(t, p[1]) - start) / step);
	if (!(count < 1 << 24)) {
		ir_fail(c->g, "it has no end, or more than 2^24 elements");
		return;
	}
	n = count > 0 ? (int64_t)count : 0;
	data = ir_make(c->g, (uint64_t)n * accel_dtype_size(t));
	for (int64_t i = 0; i < n && data; i++) {
		char *at = data + (size_t)i * accel_dtype_size(t);

		if (ir_is_int(t))
			eval_store_int(t, at, eval_load_int(t, p[0]) +
				       (uint64_t)i * eval_load_int(t, p[2]));
		else
			eval_store(t, at, start + (double)i * step);
	}
	if (data)
		c->out[0] = ir_constant(c->g, t, 1, &n, data);
}

static void eye_like(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0], *v;
	int64_t k = onnx_attr_i(c, "k", 0), type = onnx_attr_i(c, "dtype", 0);
	enum accel_dtype t = type ? onnx_dtype((int32_t)type) : x->dtype;
	char *data;

	(void)arg;
	if (t == ACCEL_NONE)
		onnx_cannot(c, "its type is not supported");
	if (x->rank != 2)
		ir_fail(c->g, "its operand has %u axes, not 2", x->rank);
	if (c->why || c->g->error)
		return;
	v = ir_value(c->g, t, 2, x->dims);
	data = v ? ir_make(c->g, v->size) : NULL;
	if (!data)
		return;
	for (int64_t i = 0; i < x->dims[0]; i++)
		if (k < INT32_MAX && k > INT32_MIN && i + k >= 0 && i + k < x->dims[1])
			(ir_is_int(t) ? eval_store_int(t, data + (size_t)(i * x->dims[1] + i + k) *
						       accel_dtype_size(t), 1) :
					eval_store(t, data + (size_t)(i * x->dims[1] + i + k) *
						   accel_dtype_size(t), 1));
	v->data = data;
	v->constant = true;
	c->out[0] = v;
}

const struct onnx_op onnx_ops_constant[] = {
	{ "Constant", 0, 0, constant, 0 },
	{ "ConstantOfShape", 1, 1, constant_of_shape, 0 },
	{ "EyeLike", 1, 1, eye_like, 0 },
	{ "Range", 3, 3, range, 0 },
	{ 0 },
};
