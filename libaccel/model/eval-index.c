// SPDX-License-Identifier: MIT
/*
 * Operators that look elements up, or tell where they are.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"

/* Elements before, along and after an axis. */
struct around {
	int64_t outer, dim, inner;
};

static struct around around(const struct ir_value *v, int64_t axis)
{
	struct around a = { 1, v->dims[axis], 1 };

	for (uint32_t i = 0; i < v->rank; i++) {
		if (i < axis)
			a.outer *= v->dims[i];
		if (i > axis)
			a.inner *= v->dims[i];
	}
	return a;
}

static int lookup(const struct ir_value *indices, const char *data, int64_t i, int64_t dim,
		  int64_t *at)
{
	size_t size = accel_dtype_size(indices->dtype);
	int64_t k = (int64_t)eval_load_int(indices->dtype, data + (size_t)i * size);

	if (k < -dim || k >= dim)
		return err(-EINVAL, NULL, "index %lld is out of an axis of %lld elements",
			   (long long)k, (long long)dim);
	*at = k < 0 ? k + dim : k;
	return 0;
}

static int gather(const struct ir_node *n, const char *in, const char *indices, char *out)
{
	struct around a = around(n->in[0], n->axis);
	size_t part = (size_t)a.inner * accel_dtype_size(n->in[0]->dtype);
	int64_t at;

	for (int64_t o = 0; o < a.outer; o++) {
		for (int64_t i = 0; i < n->in[1]->count; i++, out += part) {
			int ret = lookup(n->in[1], indices, i, a.dim, &at);

			if (ret)
				return ret;
			memcpy(out, in + (size_t)(o * a.dim + at) * part, part);
		}
	}
	return 0;
}

static int check(const struct ir_node *n, const char *in, char *out)
{
	const struct ir_value *k = n->in[0];
	int64_t at;

	for (int64_t i = 0; i < k->count; i++) {
		int ret = lookup(k, in, i, n->ints[0], &at);

		if (ret)
			return ret;
	}
	memcpy(out, in, k->size);
	return 0;
}

/* @count elements are put where others are. */
static void put(const struct ir_node *n, char *to, const char *from, int64_t count)
{
	static const int fns[] = {
		[IR_PUT_ADD] = IR_ADD, [IR_PUT_MUL] = IR_MUL, [IR_PUT_MIN] = IR_MIN, [IR_PUT_MAX] = IR_MAX,
	};
	enum accel_dtype t = n->in[0]->dtype;
	size_t size = accel_dtype_size(t);

	if (n->fn == IR_PUT)
		memcpy(to, from, (size_t)count * size);
	for (int64_t i = 0; i < count && n->fn != IR_PUT; i++)
		eval_pair(t, fns[n->fn], to + (size_t)i * size, from + (size_t)i * size,
			  to + (size_t)i * size);
}

/* Both ways: out[i] = in[.. index[i] ..], or out[.. index[i] ..] = updates[i]. */
static int elements(const struct ir_node *n, const char *in, const char *indices,
		    const char *updates, char *out)
{
	const struct ir_value *x = n->in[0], *k = n->in[1];
	size_t size = accel_dtype_size(x->dtype);
	int64_t index[IR_RANK_MAX] = { 0 }, strides[IR_RANK_MAX], at;

	/* eval_strides() has zero along axes of one element, where the only index is zero. */
	eval_strides(x, x->rank, strides);
	if (updates)
		memcpy(out, in, x->size);
	for (int64_t i = 0; i < k->count; i++) {
		int64_t from = 0;
		int ret = lookup(k, indices, i, x->dims[n->axis], &at);

		if (ret)
			return ret;
		for (uint32_t a = 0; a < x->rank; a++)
			from += (a == (uint32_t)n->axis ? at : index[a]) * strides[a];
		if (updates)
			put(n, out + (size_t)from * size, updates + (size_t)i * size, 1);
		else
			memcpy(out + (size_t)i * size, in + (size_t)from * size, size);
		eval_next(index, k->dims, k->rank);
	}
	return 0;
}

static int gather_nd(const struct ir_node *n, const char *in, const char *indices,
		     const char *updates, char *out)
{
	const struct ir_value *x = n->in[0], *k = n->in[1];
	int64_t last = k->dims[k->rank - 1], batch = 1, tuples = 1, part = 1, whole = 1, at;
	size_t size = accel_dtype_size(x->dtype), bytes;

	for (uint32_t i = 0; i < n->axis; i++)
		batch *= x->dims[i];
	for (uint32_t i = 0; i + 1 < k->rank; i++)
		tuples *= k->dims[i];
	for (uint32_t i = (uint32_t)n->axis; i < x->rank; i++) {
		whole *= x->dims[i];
		if (i >= n->axis + last)
			part *= x->dims[i];
	}
	bytes = (size_t)part * size;
	if (updates)
		memcpy(out, in, x->size);
	for (int64_t i = 0; i < tuples; i++) {
		int64_t from = 0;

		for (int64_t j = 0; j < last; j++) {
			int64_t dim = x->dims[n->axis + j];
			int ret = lookup(k, indices, i * last + j, dim, &at);

			if (ret)
				return ret;
			from = from * dim + at;
		}
		from = from * part + i / (tuples / batch) * whole;
		if (updates)
			put(n, out + (size_t)from * size, updates + (size_t)i * bytes, part);
		else
			memcpy(out + (size_t)i * bytes, in + (size_t)from * size, bytes);
	}
	return 0;
}

/* Whether the element at @a comes before that at @b: larger, or smaller, NaN as the largest. */
static bool before(enum accel_dtype t, const char *a, const char *b, bool larger)
{
	if (ir_is_int(t) || t == ACCEL_BOOL) {
		uint64_t flip = ir_is_signed(t) ? 1ull << 63 : 0;
		uint64_t x = eval_load_int(t, a) ^ flip, y = eval_load_int(t, b) ^ flip;

		return larger ? x > y : x < y;
	}
	double x = eval_load(t, a), y = eval_load(t, b);

	if (isnan(x) || isnan(y))
		return larger ? isnan(x) && !isnan(y) : isnan(y) && !isnan(x);
	return larger ? x > y : x < y;
}

/* Of what ARG looks for: NaN is found first, whether it is the smallest or the largest. */
static bool found(enum accel_dtype t, const char *a, const char *b, bool larger)
{
	double x, y;

	if (ir_is_int(t) || t == ACCEL_BOOL)
		return before(t, a, b, larger);
	x = eval_load(t, a);
	y = eval_load(t, b);
	if (isnan(x) || isnan(y))
		return isnan(x) && !isnan(y);
	return larger ? x > y : x < y;
}

static void arg(const struct ir_node *n, const char *in, int64_t *out)
{
	enum accel_dtype t = n->in[0]->dtype;
	struct around a = around(n->in[0], n->axis);
	size_t size = accel_dtype_size(t), step = (size_t)a.inner * size;

	for (int64_t o = 0; o < a.outer; o++) {
		for (int64_t i = 0; i < a.inner; i++) {
			const char *p = in + (size_t)(o * a.dim * a.inner + i) * size;
			int64_t best = 0;

			for (int64_t k = 1; k < a.dim; k++) {
				const char *x = p + (size_t)k * step, *y = p + (size_t)best * step;

				if (found(t, x, y, n->fn) || (n->flag && !found(t, y, x, n->fn)))
					best = k;
			}
			*out++ = best;
		}
	}
}

/* A heap would do less; what is sorted here is short. */
static int top_k(const struct ir_node *n, const char *in, char *values, int64_t *indices)
{
	enum accel_dtype t = n->in[0]->dtype;
	struct around a = around(n->in[0], n->axis);
	int64_t want = n->ints[0];
	size_t size = accel_dtype_size(t), step = (size_t)a.inner * size;
	int64_t *order = calloc((size_t)want + 1, sizeof(*order));

	if (!order)
		return err_nomem("sorting");
	for (int64_t o = 0; o < a.outer; o++) {
		for (int64_t i = 0; i < a.inner; i++) {
			const char *p = in + (size_t)(o * a.dim * a.inner + i) * size;
			int64_t have = 0;

			for (int64_t k = 0; k < a.dim; k++) {
				int64_t at = have;

				while (at && before(t, p + (size_t)k * step,
						    p + (size_t)order[at - 1] * step, n->flag))
					at--;
				if (at >= want)
					continue;
				have += have < want;
				memmove(order + at + 1, order + at,
					(size_t)(have - at - 1) * sizeof(*order));
				order[at] = k;
			}
			for (int64_t k = 0; k < want; k++) {
				size_t to = (size_t)((o * want + k) * a.inner + i);

				if (values)
					memcpy(values + to * size, p + (size_t)order[k] * step, size);
				if (indices)
					indices[to] = order[k];
			}
		}
	}
	free(order);
	return 0;
}

int eval_index(const struct ir_node *n, const void *const *in, void *const *out)
{
	switch (n->op) {
	case IR_CHECK:
		return check(n, in[0], out[0]);
	case IR_GATHER:
		return gather(n, in[0], in[1], out[0]);
	case IR_GATHER_ELEMENTS:
		return elements(n, in[0], in[1], NULL, out[0]);
	case IR_SCATTER_ELEMENTS:
		return elements(n, in[0], in[1], in[2], out[0]);
	case IR_GATHER_ND:
		return gather_nd(n, in[0], in[1], NULL, out[0]);
	case IR_SCATTER_ND:
		return gather_nd(n, in[0], in[1], in[2], out[0]);
	case IR_ARG:
		arg(n, in[0], out[0]);
		return 0;
	default:
		return top_k(n, in[0], out[0], out[1]);
	}
}
