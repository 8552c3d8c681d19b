// SPDX-License-Identifier: MIT
/* The reference engine: CONV, one element of the result after the other. */
#include "numerics.h"
#include "reference.h"

#define POLL_STEPS	4096u	/* products between two looks at stop */

/* Offset of x[n, c, o and tap], without the channel; false: a hole. */
static bool find(const struct loom_work *work, const uint64_t *out, const uint64_t *tap,
		 uint64_t *off)
{
	const struct loom_operand *x = &work->operands[1];

	*off = x->origin + out[0] * (uint64_t)x->strides[0] * x->size;
	for (unsigned int i = 0; i + 2 < x->rank; i++) {
		uint64_t p;

		if (!loom_axis_at(&work->window[i], x->dims[2 + i], out[2 + i], tap[3 + i], &p))
			return false;
		*off += p * (uint64_t)x->strides[2 + i] * x->size;
	}
	return true;
}

/* One element of y, to @to; false: stopped. */
static bool convolve(const struct loom_work *work, const uint64_t *out, void *to,
		     const atomic_uint *stop)
{
	const struct loom_operand *x = &work->operands[1], *w = &work->operands[2];
	uint64_t group = out[1] / w->dims[1], idx[LOOM_RANK_MAX] = { group, out[1] % w->dims[1] };
	uint64_t channels = w->dims[2];
	bool floats = loom_dtype_is_float(x->dtype);
	uint32_t sum = 0;
	float acc = 0.0f;

	for (uint64_t k = 0; k < work->u.gemm.k; k++) {
		uint64_t tap = k / channels, off, channel;
		float a = 0.0f;
		int32_t v = work->u.gemm.a_zero;

		if (k % POLL_STEPS == 0 && atomic_load_explicit(stop, memory_order_relaxed))
			return false;
		idx[2] = k % channels;
		for (unsigned int i = w->rank; i-- > 3; tap /= w->dims[i])
			idx[i] = tap % w->dims[i];
		if (find(work, out, idx, &off)) {
			channel = group * channels + idx[2];
			off += channel * (uint64_t)x->strides[1] * x->size;
			if (floats)
				a = loom_f32_load(x->dtype, at(x, off));
			else
				v = loom_i32_load(x->dtype, at(x, off));
		}
		off = offset_of(w, w, idx, 0);
		if (floats)
			acc = fmaf(a, loom_f32_load(w->dtype, at(w, off)), acc);
		else
			sum += (uint32_t)(v - work->u.gemm.a_zero) *
			       (uint32_t)(loom_i32_load(w->dtype, at(w, off)) - work->u.gemm.b_zero);
	}
	if (floats)
		loom_reference_float(work, out, out[1], acc, to);
	else
		loom_reference_integer(work, out, out[1], sum, to);
	return true;
}

static bool conv_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		      const atomic_uint *stop)
{
	(void)arena;
	return loom_reference_tile(work, tile, convolve, stop);
}

void loom_reference_conv(struct loom_work *work)
{
	uint64_t n = elements(&work->operands[0]);

	work->tiles = n / LOOM_REFERENCE_RESULTS + (n % LOOM_REFERENCE_RESULTS != 0);
	work->run = conv_tile;
}
