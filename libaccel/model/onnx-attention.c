// SPDX-License-Identifier: MIT
/*
 * Operators of ONNX for transformers: attention, and positions as rotations.
 */
#include <math.h>
#include <string.h>

#include "build.h"
#include "onnx.h"

static struct ir_value *number(struct onnx_cx *c, const struct ir_value *like, double x)
{
	return ir_scalar_f(c->g, like->dtype, x);
}

/* [N, length, heads * size] as [N, heads, length, size]; four axes stay. NULL after an error. */
static struct ir_value *heads(struct onnx_cx *c, struct ir_value *x, int64_t n)
{
	struct ir_value *y;

	if (x->rank == 4)
		return x;
	if (x->rank != 3 || n < 1 || x->dims[2] % n) {
		ir_fail(c->g, "an operand of %u axes has not %lld heads", x->rank, (long long)n);
		return NULL;
	}
	y = b_reshape(c->g, x, 4, (int64_t[]){ x->dims[0], x->dims[1], n, x->dims[2] / n });
	return b_transpose(c->g, y, (int64_t[]){ 0, 2, 1, 3 });
}

/* Each head of keys or values as often as there are heads of queries for it. */
static struct ir_value *repeated(struct ir_graph *g, struct ir_value *x, int64_t times)
{
	struct ir_value *y;

	if (times == 1)
		return x;
	y = b_reshape(g, x, 5, (int64_t[]){ x->dims[0], x->dims[1], 1, x->dims[2], x->dims[3] });
	y = b_expand(g, y, 5, (int64_t[]){ x->dims[0], x->dims[1], times, x->dims[2], x->dims[3] });
	return b_reshape(g, y, 4, (int64_t[]){ x->dims[0], x->dims[1] * times, x->dims[2], x->dims[3] });
}

/* -inf where @keep is false, else 0. */
static struct ir_value *barred(struct onnx_cx *c, struct ir_value *keep, const struct ir_value *like)
{
	return b_where(c->g, keep, number(c, like, 0), number(c, like, -INFINITY));
}

/* 0, 1, ... as @rank axes of one element but the one at @axis. */
static struct ir_value *count(struct ir_graph *g, int64_t n, uint32_t rank, uint32_t axis)
{
	int64_t dims[4] = { 1, 1, 1, 1 }, *list = ir_make(g, (uint64_t)n * sizeof(*list) + 8);

	for (int64_t i = 0; i < n && list; i++)
		list[i] = i;
	dims[axis] = n;
	return list ? ir_constant(g, ACCEL_I64, rank, dims, list) : NULL;
}

/* What is added to the products of queries and keys, or NULL; false after an error or with c->why. */
static bool mask_of(struct onnx_cx *c, const struct ir_value *q, const struct ir_value *k, int64_t past,
		    struct ir_value **sum)
{
	struct ir_graph *g = c->g;
	struct ir_value *mask = onnx_in(c, 3), *length = onnx_in(c, 6), *v;
	int64_t rows = q->dims[2], columns = k->dims[2];

	*sum = NULL;
	if (mask) {
		int64_t pads[IR_INTS_MAX] = { 0 }, last = mask->rank ? mask->dims[mask->rank - 1] : 0;

		if (!mask->rank)
			ir_fail(g, "its mask has no axes");
		else if (mask->dtype == ACCEL_BOOL)
			mask = barred(c, mask, q);
		else if (mask->dtype != q->dtype)
			ir_fail(g, "its mask is %s", accel_dtype_name(mask->dtype));
		/* A mask that is too short bars what it does not reach. */
		if (mask && !g->error && last < columns && last != 1 && c->opset >= 24) {
			pads[2 * mask->rank - 1] = columns - last;
			mask = b_pad(g, mask, pads, IR_PAD_CONSTANT, number(c, q, -INFINITY));
		}
		*sum = mask;
	}
	if (length) {
		if (length->rank != 1 || length->dtype != ACCEL_I64 || length->dims[0] != q->dims[0]) {
			ir_fail(g, "the lengths are not i64, one for each of the batch");
			return false;
		}
		length = b_reshape(g, length, 4, (int64_t[]){ q->dims[0], 1, 1, 1 });
	}
	if (onnx_attr_i(c, "is_causal", 0)) {
		/* The last query is that of the last key. */
		v = length ? b_binary(g, IR_SUB, length, ir_scalar_f(g, ACCEL_I64, (double)rows)) :
			     ir_scalar_f(g, ACCEL_I64, (double)past);
		v = b_binary(g, IR_ADD, count(g, rows, 2, 0), v);
		v = barred(c, b_binary(g, IR_GE, v, count(g, columns, 2, 1)), q);
		*sum = *sum ? b_binary(g, IR_ADD, *sum, v) : v;
	}
	if (length) {
		v = barred(c, b_binary(g, IR_LT, count(g, columns, 4, 3), length), q);
		*sum = *sum ? b_binary(g, IR_ADD, *sum, v) : v;
	}
	return !g->error && !c->why;
}

/* Who may see nothing has nothing of it: the softmax would be no numbers. */
static struct ir_value *unless_barred(struct onnx_cx *c, struct ir_value *y, struct ir_value *sum)
{
	struct ir_value *most = b_reduce(c->g, ACCEL_REDUCE_MAX, sum, 1u << (sum->rank - 1), true);

	most = most ? b_binary(c->g, IR_GT, most, number(c, sum, -INFINITY)) : NULL;
	return most ? b_where(c->g, most, y, number(c, y, 0)) : NULL;
}

static bool shapes(struct onnx_cx *c, const struct ir_value *q, const struct ir_value *k,
		   const struct ir_value *v)
{
	if (k->dims[0] == q->dims[0] && v->dims[0] == q->dims[0] && k->dims[3] == q->dims[3] &&
	    v->dims[1] == k->dims[1] && v->dims[2] == k->dims[2] && k->dims[1] > 0 &&
	    q->dims[1] % k->dims[1] == 0 && k->dtype == q->dtype && v->dtype == q->dtype &&
	    ir_is_real(q->dtype) && q->dims[3] > 0)
		return true;
	ir_fail(c->g, "queries, keys and values do not fit each other");
	return false;
}

static void attention(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	int64_t nq = onnx_attr_i(c, "q_num_heads", 0), nk = onnx_attr_i(c, "kv_num_heads", 0), past = 0;
	int64_t mode = onnx_attr_i(c, "qk_matmul_output_mode", 0);
	int32_t precision = (int32_t)onnx_attr_i(c, "softmax_precision", 0);
	bool flat = c->in[0]->rank == 3;
	double scale = (double)onnx_attr_f(c, "scale", 0), cap = (double)onnx_attr_f(c, "softcap", 0);
	struct ir_value *q = heads(c, c->in[0], nq), *k = heads(c, c->in[1], nk), *v = heads(c, c->in[2], nk);
	struct ir_value *sum, *steps[4], *y;
	enum accel_dtype t = precision ? onnx_dtype(precision) : ACCEL_NONE;

	(void)arg;
	if (!q || !k || !v)
		return;
	if (precision && !ir_is_real(t))
		onnx_cannot(c, "a softmax of %s is not supported", onnx_dtype_name(precision));
	if (!onnx_in(c, 4) != !onnx_in(c, 5) || (onnx_in(c, 4) && c->in[4]->rank != 4))
		ir_fail(g, "past keys and values come together, of 4 axes");
	if (mode < 0 || mode > 3)
		ir_fail(g, "'qk_matmul_output_mode' is %lld", (long long)mode);
	if (c->why || g->error)
		return;
	if (onnx_in(c, 4)) {
		past = c->in[4]->dims[2];
		k = b_concat(g, (struct ir_value *[]){ c->in[4], k }, 2, 2);
		v = b_concat(g, (struct ir_value *[]){ c->in[5], v }, 2, 2);
	}
	if (!k || !v || !shapes(c, q, k, v) || !mask_of(c, q, k, past, &sum))
		return;
	if (c->nout > 1)
		c->out[1] = k;
	if (c->nout > 2)
		c->out[2] = v;
	if (scale == 0)
		scale = 1 / sqrt((double)q->dims[3]);
	k = b_transpose(g, repeated(g, k, q->dims[1] / k->dims[1]), (int64_t[]){ 0, 1, 3, 2 });
	v = repeated(g, v, q->dims[1] / v->dims[1]);
	y = steps[0] = b_matmul(g, b_binary(g, IR_MUL, q, number(c, q, scale)), k);
	/* Before the mask: what is barred would be let in again. */
	if (cap != 0 && y) {
		y = b_act(g, ACCEL_ACT_TANH, b_binary(g, IR_DIV, y, number(c, q, cap)), 0, 0);
		y = b_binary(g, IR_MUL, y, number(c, q, cap));
		if (c->nout > 3 && (mode == 1 || mode == 2)) {
			onnx_cannot(c, "products after 'softcap' or the mask, as its specifications do not "
				    "agree on their order, are not supported");
			return;
		}
	}
	if (sum)
		y = b_binary(g, IR_ADD, y, sum);
	steps[1] = steps[2] = y;
	if (y && y->rank != 4)
		ir_fail(g, "its mask has more axes than the products");
	if (t != ACCEL_NONE)
		y = b_cast(g, y, t);
	y = b_cast(g, b_softmax(g, y, 8, false), q->dtype);
	if (sum && (onnx_in(c, 3) || onnx_in(c, 6)) && y)
		y = unless_barred(c, y, sum);
	steps[3] = y;
	if (c->nout > 3)
		c->out[3] = steps[mode];
	y = b_matmul(g, y, v);
	if (flat && y) {
		y = b_transpose(g, y, (int64_t[]){ 0, 2, 1, 3 });
		y = y ? b_reshape(g, y, 3, (int64_t[]){ y->dims[0], y->dims[1], y->dims[2] * y->dims[3] }) :
			NULL;
	}
	c->out[0] = y;
}

/* --- Rotations --------------------------------------------------------------------------- */

/* Elements @from, @from + @step, ... of the last axis, @n of them. */
static struct ir_value *part(struct onnx_cx *c, struct ir_value *x, int64_t from, int64_t step, int64_t n)
{
	int64_t starts[IR_RANK_MAX] = { 0 }, steps[IR_RANK_MAX], counts[IR_RANK_MAX];

	if (!x)
		return NULL;
	for (uint32_t i = 0; i < x->rank; i++) {
		steps[i] = 1;
		counts[i] = x->dims[i];
	}
	starts[x->rank - 1] = from;
	steps[x->rank - 1] = step;
	counts[x->rank - 1] = n;
	return b_slice(c->g, x, starts, steps, counts);
}

/* Of a table [positions, half], or of [N, length, half], what is multiplied with four axes. */
static struct ir_value *angles(struct onnx_cx *c, uint32_t which, const struct ir_value *x, int64_t half,
			       bool flat)
{
	struct ir_value *v = c->in[which], *at = onnx_in(c, 3);
	int64_t n = x->dims[0], length = x->dims[flat ? 1 : 2];

	if (at)
		v = v->rank == 2 ? b_gather(c->g, v, at, 0) : NULL;
	if (!v || v->rank != 3 || v->dims[0] != n || v->dims[1] != length || v->dims[2] < half ||
	    v->dtype != x->dtype) {
		ir_fail(c->g, "its sines, cosines and positions do not fit the operand");
		return NULL;
	}
	v = part(c, v, 0, 1, half);
	return flat ? b_reshape(c->g, v, 4, (int64_t[]){ n, length, 1, half }) :
		      b_reshape(c->g, v, 4, (int64_t[]){ n, 1, length, half });
}

static void rotary(struct onnx_cx *c, int arg)
{
	struct ir_graph *g = c->g;
	struct ir_value *x = c->in[0], *cosine, *sine, *a, *b, *re, *im, *y;
	bool pairs = onnx_attr_i(c, "interleaved", 0), flat = x->rank == 3;
	int64_t n = onnx_attr_i(c, "num_heads", 0), turned = onnx_attr_i(c, "rotary_embedding_dim", 0), half;

	(void)arg;
	if (!ir_is_real(x->dtype) || (x->rank != 4 && !flat) || (flat && (n < 1 || x->dims[2] % n))) {
		ir_fail(g, "its operand is no [N, heads, length, size] nor [N, length, %lld heads * size]",
			(long long)n);
		return;
	}
	if (flat)
		x = b_reshape(g, x, 4, (int64_t[]){ x->dims[0], x->dims[1], n, x->dims[2] / n });
	if (!x)
		return;
	if (!turned)
		turned = x->dims[3];
	if (turned < 2 || turned % 2 || turned > x->dims[3]) {
		ir_fail(g, "%lld of %lld elements are rotated", (long long)turned, (long long)x->dims[3]);
		return;
	}
	half = turned / 2;
	cosine = angles(c, 1, x, half, flat);
	sine = angles(c, 2, x, half, flat);
	a = part(c, x, 0, pairs ? 2 : 1, half);
	b = part(c, x, pairs ? 1 : half, pairs ? 2 : 1, half);
	re = b_binary(g, IR_SUB, b_binary(g, IR_MUL, a, cosine), b_binary(g, IR_MUL, b, sine));
	im = b_binary(g, IR_ADD, b_binary(g, IR_MUL, a, sine), b_binary(g, IR_MUL, b, cosine));
	if (!re || !im)
		return;
	if (pairs) {
		int64_t dims[5] = { x->dims[0], x->dims[1], x->dims[2], half, 1 };

		re = b_reshape(g, re, 5, dims);
		im = b_reshape(g, im, 5, dims);
	}
	y = b_concat(g, (struct ir_value *[]){ re, im }, 2, -1);
	y = b_reshape(g, y, 4, (int64_t[]){ x->dims[0], x->dims[1], x->dims[2], turned });
	if (turned < x->dims[3])
		y = b_concat(g, (struct ir_value *[]){ y, part(c, x, turned, 1, x->dims[3] - turned) }, 2, 3);
	c->out[0] = b_reshape(g, y, c->in[0]->rank, c->in[0]->dims);
}

static void swish(struct onnx_cx *c, int arg)
{
	struct ir_value *x = c->in[0];
	double alpha = (double)onnx_attr_f(c, "alpha", 1);

	(void)arg;
	if (!ir_is_real(x->dtype))
		ir_fail(c->g, "its operand is %s", accel_dtype_name(x->dtype));
	else if (alpha == 1)
		c->out[0] = b_act(c->g, ACCEL_ACT_SILU, x, 0, 0);
	else
		c->out[0] = b_binary(c->g, IR_MUL, x, b_act(c->g, ACCEL_ACT_SIGMOID,
				     b_binary(c->g, IR_MUL, x, number(c, x, alpha)), 0, 0));
}

const struct onnx_op onnx_ops_attention[] = {
	{ "Attention", 3, 7, attention, 0 },
	{ "RotaryEmbedding", 3, 4, rotary, 0 },
	{ "Swish", 1, 1, swish, 0 },
	{ 0 },
};
