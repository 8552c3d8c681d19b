// SPDX-License-Identifier: MIT
/* The reference engine: from a sum of products to an element of the result. */
#include "functions.h"
#include "reference.h"

/* Steps 2 to 6 of what is a float. */
static void finish(const struct loom_work *work, const uint64_t *idx, uint64_t n, float x, void *to)
{
	const struct loom_operand *c = &work->operands[0], *scale = &work->operands[4];
	const struct loom_operand *residual = &work->operands[5];

	if (scale->dtype)
		x = x * loom_f32_load(LOOM_DTYPE_F32, at(scale, offset_of(scale, scale, &n, 0)));
	if (residual->dtype)
		x = x + loom_f32_load(residual->dtype,
				      at(residual, offset_of(residual, c, idx, 0)));
	x = loom_f32_act(work->u.gemm.act, work->u.gemm.param[0], work->u.gemm.param[1], x);
	loom_f32_put(c->dtype, to, x, work->u.gemm.zero);
}

void loom_reference_float(const struct loom_work *work, const uint64_t *idx, uint64_t n, float acc,
			  void *to)
{
	const struct loom_operand *bias = &work->operands[3];

	if (bias->dtype)
		acc = acc + loom_f32_load(LOOM_DTYPE_F32, at(bias, offset_of(bias, bias, &n, 0)));
	finish(work, idx, n, acc, to);
}

void loom_reference_integer(const struct loom_work *work, const uint64_t *idx, uint64_t n,
			    uint32_t acc, void *to)
{
	const struct loom_operand *bias = &work->operands[3];
	int32_t v;

	if (bias->dtype)
		acc += (uint32_t)loom_i32_load(LOOM_DTYPE_I32,
					       at(bias, offset_of(bias, bias, &n, 0)));
	v = (int32_t)acc;
	if (work->operands[0].dtype != LOOM_DTYPE_I32) {
		finish(work, idx, n, (float)v, to);
		return;
	}
	if (work->u.gemm.act == LOOM_ACT_RELU && v < 0)
		v = 0;
	loom_i32_put(LOOM_DTYPE_I32, to, v);
}
