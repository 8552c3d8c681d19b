// SPDX-License-Identifier: MIT
#include <string.h>

#include "build.h"
#include "check.h"
#include "eval.h"
#include "quant.h"
#include "tail.h"
#include "tree.h"

#define SAMPLES_MAX	4096
#define TRANSFORM_MAX	(1 << 20)

static bool fail(struct ir_graph *g, const char *what)
{
	ir_fail(g, "%s", what);
	return false;
}

static const struct ir_value *operand(const struct ir_node *n, uint32_t i)
{
	return i < n->nin ? n->in[i] : NULL;
}

static bool same_dims(const struct ir_value *a, const struct ir_value *b)
{
	return a->rank == b->rank && !memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims));
}

static bool same(const struct ir_value *a, const struct ir_value *b)
{
	return a->dtype == b->dtype && same_dims(a, b);
}

static bool shaped(const struct ir_value *v, uint32_t rank, const int64_t *dims)
{
	return v->rank == rank && !memcmp(v->dims, dims, rank * sizeof(*dims));
}

/* Whether @y has the common shape of both. */
static bool joined(struct ir_graph *g, const struct ir_value *a, const struct ir_value *b,
		   const struct ir_value *y)
{
	int64_t dims[IR_RANK_MAX];
	uint32_t rank;

	return b_broadcast(g, a, b, &rank, dims) && (shaped(y, rank, dims) || fail(g, "shape"));
}

static bool is_index(const struct ir_value *v)
{
	return v->dtype == ACCEL_I32 || v->dtype == ACCEL_I64;
}

static bool is_byte(const struct ir_value *v)
{
	return v->dtype == ACCEL_I8 || v->dtype == ACCEL_U8;
}

static bool has_axis(const struct ir_node *n, const struct ir_value *x)
{
	return n->axis >= 0 && n->axis < (int64_t)x->rank;
}

/* All dims of @x but that of an axis, which is @dim. */
static bool but_axis(const struct ir_node *n, const struct ir_value *x, const struct ir_value *y,
		     int64_t dim)
{
	if (!has_axis(n, x) || y->rank != x->rank)
		return false;
	for (uint32_t i = 0; i < x->rank; i++)
		if (y->dims[i] != (i == n->axis ? dim : x->dims[i]))
			return false;
	return true;
}

/* --- Arithmetic -------------------------------------------------------------------------- */

static bool binary(struct ir_graph *g, const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *a = n->in[0], *b = n->in[1];

	return n->fn >= 0 && n->fn <= IR_GE && (a->dtype == b->dtype || n->fn == IR_POW) &&
	       y->dtype == (n->fn >= IR_EQ ? ACCEL_BOOL : a->dtype) && joined(g, a, b, y);
}

static bool unary(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0];

	if (n->fn < IR_NEG || n->fn > IR_ATANH || !same_dims(x, y))
		return false;
	if (n->fn == IR_NOT)
		return x->dtype == ACCEL_BOOL && y->dtype == ACCEL_BOOL;
	if (n->fn == IR_ISNAN || n->fn == IR_ISINF)
		return ir_is_real(x->dtype) && y->dtype == ACCEL_BOOL;
	return y->dtype == x->dtype;
}

static bool along(const struct ir_node *n, const struct ir_value *x)
{
	return !(n->axes >> x->rank);
}

static bool reduce(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0];

	if (n->fn < 0 || n->fn > ACCEL_REDUCE_SUMABS || !along(n, x) || y->rank != x->rank ||
	    y->dtype != x->dtype)
		return false;
	for (uint32_t i = 0; i < x->rank; i++)
		if (y->dims[i] != (n->axes >> i & 1 ? 1 : x->dims[i]))
			return false;
	return true;
}

static bool softmax(const struct ir_node *n, const struct ir_value *y)
{
	return along(n, n->in[0]) && ir_is_real(y->dtype) && same(n->in[0], y);
}

static bool norm(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0];

	if ((n->fn != ACCEL_NORM_LAYER && n->fn != ACCEL_NORM_RMS) || !along(n, x) || !n->axes ||
	    !ir_is_float(x->dtype) || !same(x, y))
		return false;
	for (uint32_t i = 1; i < 3; i++)
		if (n->in[i] && (!ir_repeats(n->in[i], y) || !ir_is_float(n->in[i]->dtype)))
			return false;
	return true;
}

/* --- Products ---------------------------------------------------------------------------- */

/* [..., M, K] x [..., K, N]. */
static bool multiplies(struct ir_graph *g, const struct ir_value *a, const struct ir_value *b,
		       const struct ir_value *y)
{
	struct ir_value ba, bb;
	int64_t dims[IR_RANK_MAX];
	uint32_t rank;

	if (a->rank < 2 || b->rank < 2 || a->dims[a->rank - 1] != b->dims[b->rank - 2])
		return false;
	ba = *a;
	bb = *b;
	ba.rank -= 2;
	bb.rank -= 2;
	if (!b_broadcast(g, &ba, &bb, &rank, dims))
		return false;
	dims[rank++] = a->dims[a->rank - 2];
	dims[rank++] = b->dims[b->rank - 1];
	return shaped(y, rank, dims);
}

static bool one_or(const struct ir_value *v, int64_t columns)
{
	return !v || v->count == 1 || v->count == columns;
}

/* Bias, scale and residual of a product of numbers. */
static bool epilogue(const struct ir_node *n, int64_t columns)
{
	const struct ir_value *bias = operand(n, IR_P_BIAS), *scale = operand(n, IR_P_SCALE);
	const struct ir_value *residual = operand(n, IR_P_RESIDUAL), *y = n->out[0];

	if (!one_or(bias, columns) || !one_or(scale, columns) || (residual && !ir_repeats(residual, y)))
		return false;
	/* On the processor there is but the bias. */
	if (!ir_is_float(y->dtype))
		return !scale && !residual && (!bias || bias->dtype == y->dtype);
	return (!bias || ir_is_float(bias->dtype)) && (!scale || scale->dtype == ACCEL_F32) &&
	       (!residual || ir_is_float(residual->dtype));
}

static bool matmul(struct ir_graph *g, const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *a = n->in[0], *b = n->in[1];

	return a->dtype == b->dtype && y->dtype == a->dtype && multiplies(g, a, b, y) &&
	       epilogue(n, y->dims[y->rank - 1]);
}

static bool spatial(const struct ir_value *x)
{
	return x->rank >= 3 && x->rank <= 5;
}

/* Strides, dilations and places before of up to three axes. */
static bool window(const struct ir_node *n, const struct ir_value *x)
{
	for (uint32_t i = 0; i < x->rank - 2; i++)
		if (n->ints[i] < 1 || n->ints[i] > INT32_MAX || n->ints[3 + i] < 1 ||
		    n->ints[3 + i] > INT32_MAX || n->ints[6 + i] < -INT32_MAX ||
		    n->ints[6 + i] > INT32_MAX)
			return false;
	return true;
}

/* Channels: of a filter [M, C / groups, ...], or of a transposed one [C, M / groups, ...]. */
static bool channels(const struct ir_node *n, const struct ir_value *x, const struct ir_value *w,
		     const struct ir_value *y)
{
	int64_t from = n->flag ? y->dims[1] : x->dims[1], to = n->flag ? x->dims[1] : y->dims[1];

	if (!spatial(x) || w->rank != x->rank || y->rank != x->rank || n->axis < 1 ||
	    n->axis > INT32_MAX)
		return false;
	return y->dims[0] == x->dims[0] && w->dims[0] == to && to % n->axis == 0 &&
	       from % n->axis == 0 && w->dims[1] == from / n->axis && to > 0 && window(n, x);
}

static bool conv(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *w = n->in[1];

	return x->dtype == w->dtype && y->dtype == x->dtype && ir_is_float(x->dtype) &&
	       channels(n, x, w, y) && !(n->flag && n->flag2) && epilogue(n, y->dims[1]);
}

static bool pool(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *at = n->nout > 1 ? n->out[1] : NULL;

	if (n->fn < 0 || n->fn > ACCEL_POOL_L2 || !spatial(x) || y->rank != x->rank ||
	    y->dtype != x->dtype || y->dims[0] != x->dims[0] || y->dims[1] != x->dims[1] ||
	    !window(n, x) || (at && (at->dtype != ACCEL_I64 || !same_dims(at, y))))
		return false;
	for (uint32_t i = 0; i < x->rank - 2; i++)
		if (n->ints[9 + i] < 1 || n->ints[9 + i] > INT32_MAX || n->ints[12 + i] < 0 ||
		    n->ints[12 + i] > INT32_MAX)
			return false;
	return true;
}

/* --- Integers that stand for numbers ----------------------------------------------------- */

static bool side(const struct ir_value *v, enum accel_dtype dtype, const struct ir_value *y)
{
	return !v || (v->dtype == dtype && ir_repeats(v, y));
}

static bool quant_product(struct ir_graph *g, const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[IR_Q_X], *w = n->in[IR_Q_W];
	const struct ir_value *residual = n->in[IR_Q_RESIDUAL];

	if (!is_byte(x) || !is_byte(w) || (!is_byte(y) && !ir_is_float(y->dtype) &&
					   y->dtype != ACCEL_I32))
		return false;
	if (y->dtype == ACCEL_I32 && (n->in[IR_Q_SCALE] || residual || n->in[IR_Q_ZERO] ||
				      n->act > ACCEL_ACT_RELU))
		return false;
	if (n->op == IR_QMATMUL ? !multiplies(g, x, w, y) : n->flag || n->flag2 ||
	    !channels(n, x, w, y))
		return false;
	return side(n->in[IR_Q_X_ZERO], x->dtype, y) && side(n->in[IR_Q_W_ZERO], w->dtype, y) &&
	       side(n->in[IR_Q_BIAS], ACCEL_I32, y) && side(n->in[IR_Q_SCALE], ACCEL_F32, y) &&
	       (!residual || (ir_is_float(residual->dtype) && ir_repeats(residual, y))) &&
	       (!n->in[IR_Q_ZERO] || (is_byte(y) && side(n->in[IR_Q_ZERO], y->dtype, y)));
}

static bool quantize(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *scale = n->in[1];
	bool to = n->op == IR_QUANTIZE;
	enum accel_dtype integer = to ? y->dtype : x->dtype, number = to ? x->dtype : y->dtype;

	if (!same_dims(x, y) || !ir_is_int(integer) || accel_dtype_size(integer) > 4 ||
	    !ir_is_float(number) || !ir_is_float(scale->dtype) || !ir_repeats(scale, y))
		return false;
	return n->nin < 3 || (n->in[2] && side(n->in[2], integer, y));
}

/* --- Moves ------------------------------------------------------------------------------- */

static bool transpose(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0];
	uint32_t seen = 0;

	if (y->rank != x->rank || y->dtype != x->dtype)
		return false;
	for (uint32_t i = 0; i < x->rank; i++) {
		if (n->ints[i] < 0 || n->ints[i] >= (int64_t)x->rank || seen >> n->ints[i] & 1 ||
		    y->dims[i] != x->dims[n->ints[i]])
			return false;
		seen |= 1u << n->ints[i];
	}
	return true;
}

static bool slice(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0];

	if (y->rank != x->rank || y->dtype != x->dtype)
		return false;
	for (uint32_t i = 0; i < x->rank; i++) {
		int64_t start = n->ints[i], last;

		if (!y->dims[i] ? start != 0 : start < 0 || start >= x->dims[i] ||
		    __builtin_mul_overflow(y->dims[i] - 1, n->ints[x->rank + i], &last) ||
		    __builtin_add_overflow(last, start, &last) || last < 0 || last >= x->dims[i])
			return false;
		/* A step that is taken never; that of one that is taken is shorter than its axis. */
		if (y->dims[i] < 2 && (n->ints[x->rank + i] > INT32_MAX ||
				       n->ints[x->rank + i] < -INT32_MAX))
			return false;
	}
	return true;
}

static bool concat(const struct ir_node *n, const struct ir_value *y)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < n->nin; i++) {
		const struct ir_value *x = n->in[i];

		if (!x || x->dtype != y->dtype || x->rank != y->rank || !has_axis(n, y) ||
		    !but_axis(n, y, x, x->dims[n->axis]))
			return false;
		sum += x->dims[n->axis];
	}
	return n->nin && sum == y->dims[n->axis];
}

static bool pad(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0];

	if (n->fn < IR_PAD_CONSTANT || n->fn > IR_PAD_REFLECT || y->dtype != x->dtype ||
	    y->rank != x->rank ||
	    (n->nin > 1 && (!n->in[1] || n->in[1]->count != 1 || n->in[1]->dtype != x->dtype)))
		return false;
	for (uint32_t i = 0; i < x->rank; i++) {
		int64_t before = n->ints[i], after = n->ints[x->rank + i];

		if (before < -x->dims[i] || after < -x->dims[i] || before > INT32_MAX ||
		    after > INT32_MAX || y->dims[i] != x->dims[i] + before + after ||
		    (n->fn != IR_PAD_CONSTANT && !x->dims[i] && y->dims[i]))
			return false;
	}
	return true;
}

static bool where(struct ir_graph *g, const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *c = n->in[0], *a = n->in[1], *b = n->in[2];
	struct ir_value all = *a;

	return c->dtype == ACCEL_BOOL && a->dtype == b->dtype && y->dtype == a->dtype &&
	       b_broadcast(g, a, b, &all.rank, all.dims) && joined(g, c, &all, y);
}

static bool reverse(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *lengths = n->in[1];

	return x->rank >= 2 && same(x, y) && (n->axis == 0 || n->axis == 1) &&
	       n->ints[0] == 1 - n->axis && is_index(lengths) && lengths->rank == 1 &&
	       lengths->dims[0] == x->dims[n->ints[0]];
}

/* --- Lookups ----------------------------------------------------------------------------- */

static bool gather(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *k = n->in[1];
	int64_t dims[2 * IR_RANK_MAX];
	uint32_t rank = 0;

	if (!has_axis(n, x) || !is_index(k) || y->dtype != x->dtype)
		return false;
	/* The card trusts that they were checked, and against this axis. */
	if (k->from && k->from->op == IR_CHECK && k->from->ints[0] != x->dims[n->axis])
		return false;
	for (uint32_t i = 0; i < x->rank; i++) {
		if (i != n->axis)
			dims[rank++] = x->dims[i];
		for (uint32_t j = 0; i == n->axis && j < k->rank; j++)
			dims[rank++] = k->dims[j];
	}
	return shaped(y, rank, dims);
}

static bool is_put(const struct ir_node *n)
{
	return n->fn >= IR_PUT && n->fn <= IR_PUT_MAX;
}

static bool elements(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *k = n->in[1];
	bool scatter = n->op == IR_SCATTER_ELEMENTS;

	if (!has_axis(n, x) || !is_index(k) || k->rank != x->rank || y->dtype != x->dtype ||
	    !same_dims(y, scatter ? x : k))
		return false;
	for (uint32_t i = 0; i < x->rank; i++)
		if (i != n->axis && k->dims[i] > x->dims[i])
			return false;
	return !scatter || (is_put(n) && n->in[2]->dtype == x->dtype && same_dims(n->in[2], k));
}

static bool elements_nd(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *k = n->in[1];
	bool scatter = n->op == IR_SCATTER_ND;
	int64_t last = k->rank ? k->dims[k->rank - 1] : 0, dims[2 * IR_RANK_MAX];
	uint32_t rank = 0;

	if (!is_index(k) || !k->rank || n->axis < 0 || n->axis >= (int64_t)k->rank || last < 1 ||
	    n->axis + last > (int64_t)x->rank || (scatter && n->axis) || y->dtype != x->dtype)
		return false;
	for (uint32_t i = 0; i < n->axis; i++)
		if (x->dims[i] != k->dims[i])
			return false;
	for (uint32_t i = 0; i + 1 < k->rank; i++)
		dims[rank++] = k->dims[i];
	for (uint32_t i = (uint32_t)(n->axis + last); i < x->rank; i++)
		dims[rank++] = x->dims[i];
	if (!scatter)
		return shaped(y, rank, dims);
	return is_put(n) && same_dims(x, y) && n->in[2]->dtype == x->dtype && shaped(n->in[2], rank, dims);
}

static bool arg(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0];

	return (n->fn == 0 || n->fn == 1) && y->dtype == ACCEL_I64 && but_axis(n, x, y, 1) &&
	       x->dims[n->axis] > 0;
}

static bool top_k(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *at = n->nout > 1 ? n->out[1] : NULL;

	return has_axis(n, x) && n->ints[0] >= 0 && n->ints[0] <= x->dims[n->axis] &&
	       y->dtype == x->dtype && but_axis(n, x, y, n->ints[0]) &&
	       (!at || (at->dtype == ACCEL_I64 && same_dims(at, y)));
}

static bool check(const struct ir_node *n, const struct ir_value *y)
{
	return is_index(y) && same(n->in[0], y) && n->ints[0] >= 0 && n->ints[0] <= INT32_MAX;
}

/* --- Samples ----------------------------------------------------------------------------- */

/* Places are looked at: nobody does when they are used. */
static bool resize(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *places = n->in[1], *weights = operand(n, 2);
	const int32_t *place = places->data;

	if (!has_axis(n, x) || y->dtype != x->dtype || places->from || !place ||
	    places->dtype != ACCEL_I32 || places->rank != 2 || places->dims[1] < 1 ||
	    !but_axis(n, x, y, places->dims[0]))
		return false;
	if (n->nin > 2 && (!weights || !same_dims(weights, places) || !ir_is_real(x->dtype) ||
			   weights->dtype != (x->dtype == ACCEL_F64 ? ACCEL_F64 : ACCEL_F32)))
		return false;
	for (int64_t i = 0; i < places->count; i++)
		if (place[i] < -1 || place[i] >= x->dims[n->axis])
			return false;
	return true;
}

static bool grid_sample(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *grid = n->in[1];

	return x->rank == 4 && y->rank == 4 && grid->rank == 4 && y->dtype == x->dtype &&
	       ir_is_real(grid->dtype) && n->fn >= IR_SAMPLE_NEAREST && n->fn <= IR_SAMPLE_CUBIC &&
	       n->axis >= IR_BEYOND_ZERO && n->axis <= IR_BEYOND_REFLECT &&
	       y->dims[0] == x->dims[0] && y->dims[1] == x->dims[1] &&
	       grid->dims[0] == x->dims[0] && grid->dims[1] == y->dims[2] &&
	       grid->dims[2] == y->dims[3] && grid->dims[3] == 2;
}

static bool roi_align(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *rois = n->in[1], *batches = n->in[2];

	return (n->fn == 0 || n->fn == 1) && x->rank == 4 && y->rank == 4 && rois->rank == 2 && batches->rank == 1 &&
	       y->dtype == x->dtype && ir_is_real(x->dtype) && ir_is_real(rois->dtype) &&
	       is_index(batches) && rois->dims[1] == 4 && rois->dims[0] == batches->dims[0] &&
	       y->dims[0] == rois->dims[0] && y->dims[1] == x->dims[1] && n->ints[0] >= 1 &&
	       n->ints[1] >= 1 && y->dims[2] == n->ints[0] && y->dims[3] == n->ints[1] &&
	       n->ints[2] >= 0 && n->ints[2] <= SAMPLES_MAX;
}

/* [..., axis, ..., 1 or 2] along the axis, or of [batch, axis, 1 or 2] one from each step on. */
static bool dft(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *window = operand(n, 1);
	int64_t length = n->ints[0], step = n->ints[1], dim, bins;
	uint32_t last = x->rank - 1;

	if (x->rank < 2 || !ir_is_real(x->dtype) || y->dtype != x->dtype || n->axis < 0 ||
	    n->axis >= (int64_t)last || (x->dims[last] != 1 && x->dims[last] != 2) || length < 1 ||
	    length > TRANSFORM_MAX || step < 0 || step > INT32_MAX ||
	    (n->nin > 1 && (!window || window->rank != 1 || window->count != length ||
			    window->dtype != x->dtype)))
		return false;
	dim = x->dims[n->axis];
	if (step) {
		bins = y->rank == 4 ? y->dims[2] : -1;
		return x->rank == 3 && n->axis == 1 && bins >= 0 && bins <= length &&
		       y->dims[0] == x->dims[0] && y->dims[3] == 2 &&
		       (!y->dims[1] || (y->dims[1] - 1) * step <= dim);
	}
	if (y->rank != x->rank || y->dims[last] != 2 || y->dims[n->axis] > length)
		return false;
	for (uint32_t i = 0; i < last; i++)
		if (i != n->axis && y->dims[i] != x->dims[i])
			return false;
	return true;
}

static bool det(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0];

	return x->rank >= 2 && x->dims[x->rank - 1] == x->dims[x->rank - 2] &&
	       ir_is_real(x->dtype) && y->dtype == x->dtype && shaped(y, x->rank - 2, x->dims);
}

/* --- Trees and tables -------------------------------------------------------------------- */

/* What tree_check() said of the ensemble alone; here what it has to do with the operands. */
static bool trees(const struct ir_node *n, const struct ir_value *y)
{
	const struct trees *t = n->extra;
	const struct ir_value *x = n->in[0];
	int64_t columns;

	if (!t || x->rank < 1 || x->rank > 2 || (!ir_is_real(x->dtype) && !ir_is_int(x->dtype)) ||
	    y->dtype != ACCEL_F32 || y->rank != 2 || y->dims[0] != (x->rank > 1 ? x->dims[0] : 1) ||
	    y->dims[1] != (int64_t)t->targets)
		return false;
	columns = x->dims[x->rank - 1];
	for (uint32_t i = 0; i < t->nnodes; i++)
		if (t->nodes[i].mode != TREE_LEAF && t->nodes[i].feature >= columns)
			return false;
	return true;
}

static bool label(const struct ir_node *n, const struct ir_value *y)
{
	const struct ir_value *x = n->in[0], *keys = n->in[1], *values = n->in[2];

	return keys->rank == 1 && values->rank == 1 && values->count == keys->count + 1 &&
	       keys->dtype == x->dtype && values->dtype == y->dtype && same_dims(x, y);
}

/* --- All of them ------------------------------------------------------------------------- */

/* Operands: the least, the most, and how many of the first must be there. */
static const struct {
	uint16_t least, most, there;
	uint8_t results;
	bool act;
} forms[IR_OPS] = {
	[IR_BINARY] = { 2, 2, 2, 1, true }, [IR_UNARY] = { 1, 1, 1, 1, true },
	[IR_ACT] = { 1, 1, 1, 1, true }, [IR_REDUCE] = { 1, 1, 1, 1, false },
	[IR_ARG] = { 1, 1, 1, 1, false }, [IR_SOFTMAX] = { 1, 1, 1, 1, false },
	[IR_MATMUL] = { 2, IR_P_OPERANDS, 2, 1, true },
	[IR_CONV] = { 2, IR_P_OPERANDS, 2, 1, true }, [IR_POOL] = { 1, 1, 1, 2, false },
	[IR_CAST] = { 1, 1, 1, 1, false }, [IR_RESHAPE] = { 1, 1, 1, 1, false },
	[IR_TRANSPOSE] = { 1, 1, 1, 1, false }, [IR_SLICE] = { 1, 1, 1, 1, false },
	[IR_CONCAT] = { 1, IR_INPUTS_MAX, 1, 1, false }, [IR_EXPAND] = { 1, 1, 1, 1, false },
	[IR_PAD] = { 1, 2, 1, 1, false }, [IR_GATHER] = { 2, 2, 2, 1, false },
	[IR_GATHER_ELEMENTS] = { 2, 2, 2, 1, false }, [IR_GATHER_ND] = { 2, 2, 2, 1, false },
	[IR_SCATTER_ELEMENTS] = { 3, 3, 3, 1, false }, [IR_SCATTER_ND] = { 3, 3, 3, 1, false },
	[IR_WHERE] = { 3, 3, 3, 1, false }, [IR_CUMSUM] = { 1, 1, 1, 1, false },
	[IR_TOPK] = { 1, 1, 1, 2, false }, [IR_TRILU] = { 1, 1, 1, 1, false },
	[IR_RESIZE] = { 2, 3, 2, 1, false }, [IR_GRID_SAMPLE] = { 2, 2, 2, 1, false },
	[IR_ROI_ALIGN] = { 3, 3, 3, 1, false }, [IR_DFT] = { 1, 2, 1, 1, false },
	[IR_DET] = { 1, 1, 1, 1, false }, [IR_REVERSE] = { 2, 2, 2, 1, false },
	[IR_QUANTIZE] = { 2, 3, 2, 1, false }, [IR_DEQUANTIZE] = { 2, 3, 2, 1, false },
	[IR_QMATMUL] = { IR_Q_OPERANDS, IR_Q_OPERANDS, 2, 1, true },
	[IR_QCONV] = { IR_Q_OPERANDS, IR_Q_OPERANDS, 2, 1, true },
	[IR_TREES] = { 1, 1, 1, 1, false }, [IR_LABEL] = { 3, 3, 3, 1, false },
	[IR_NORM] = { 3, 3, 1, 1, false }, [IR_CHECK] = { 1, 1, 1, 1, false },
};

static bool form(const struct ir_node *n)
{
	if (n->op == IR_TAIL)
		return n->extra && n->nout && !n->act;
	if ((unsigned int)n->op >= IR_OPS || !forms[n->op].results || n->nin < forms[n->op].least ||
	    n->nin > forms[n->op].most || !n->nout || n->nout > forms[n->op].results || !n->out[0])
		return false;
	for (uint32_t i = 0; i < forms[n->op].there; i++)
		if (!n->in[i])
			return false;
	if ((unsigned int)n->act > ACCEL_ACT_HARD_SWISH || (n->act && !forms[n->op].act))
		return false;
	return !n->extra || n->op == IR_TREES;
}

static bool fits(struct ir_graph *g, const struct ir_node *n)
{
	const struct ir_value *x = n->nin ? n->in[0] : NULL, *y = n->out[0];

	switch (n->op) {
	case IR_BINARY:
		return binary(g, n, y);
	case IR_UNARY:
		return unary(n, y);
	case IR_ACT:
		return same(x, y);
	case IR_REDUCE:
		return reduce(n, y);
	case IR_ARG:
		return arg(n, y);
	case IR_SOFTMAX:
		return softmax(n, y);
	case IR_MATMUL:
		return matmul(g, n, y);
	case IR_CONV:
		return conv(n, y);
	case IR_POOL:
		return pool(n, y);
	case IR_CAST:
		return same_dims(x, y);
	case IR_RESHAPE:
		return x->dtype == y->dtype && x->count == y->count;
	case IR_TRANSPOSE:
		return transpose(n, y);
	case IR_SLICE:
		return slice(n, y);
	case IR_CONCAT:
		return concat(n, y);
	case IR_EXPAND:
		return x->dtype == y->dtype && ir_repeats(x, y);
	case IR_PAD:
		return pad(n, y);
	case IR_GATHER:
		return gather(n, y);
	case IR_GATHER_ELEMENTS:
	case IR_SCATTER_ELEMENTS:
		return elements(n, y);
	case IR_GATHER_ND:
	case IR_SCATTER_ND:
		return elements_nd(n, y);
	case IR_WHERE:
		return where(g, n, y);
	case IR_CUMSUM:
		return has_axis(n, x) && same(x, y);
	case IR_TOPK:
		return top_k(n, y);
	case IR_TRILU:
		return x->rank >= 2 && same(x, y) && n->axis >= INT32_MIN && n->axis <= INT32_MAX;
	case IR_RESIZE:
		return resize(n, y);
	case IR_GRID_SAMPLE:
		return grid_sample(n, y);
	case IR_ROI_ALIGN:
		return roi_align(n, y);
	case IR_DFT:
		return dft(n, y);
	case IR_DET:
		return det(n, y);
	case IR_REVERSE:
		return reverse(n, y);
	case IR_QUANTIZE:
	case IR_DEQUANTIZE:
		return quantize(n, y);
	case IR_QMATMUL:
	case IR_QCONV:
		return quant_product(g, n, y);
	case IR_TREES:
		return trees(n, y);
	case IR_LABEL:
		return label(n, y);
	case IR_NORM:
		return norm(n, y);
	case IR_CHECK:
		return check(n, y);
	case IR_TAIL:
		return tail_check(g, n);
	default:
		return false;
	}
}

bool check_node(struct ir_graph *g, const struct ir_node *n)
{
	g->name = n->name;
	g->origin = n->origin[0] ? n->origin : "?";
	if (!form(n))
		return fail(g, "it is no operator of the compiler's");
	if (!fits(g, n))
		return fail(g, "operands, results and attributes contradict each other");
	g->name = g->origin = "";
	return true;
}
