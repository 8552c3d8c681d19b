// SPDX-License-Identifier: MIT
/*
 * Einsum: each operand is brought to the same axes, those of the result first and then those that are
 * summed over. One or two operands become a product of matrices where that is what they are, and
 * else a product of elements and a sum.
 */
#include <string.h>

#include "build.h"
#include "onnx.h"

#define LETTERS_MAX	IR_RANK_MAX
#define ELLIPSIS	'.'	/* what "..." stands for, one label for each of its axes */

struct term {
	char labels[2 * IR_RANK_MAX];
	uint32_t n;
};

/* A term of the equation; dots become digits, aligned at the last axis that they stand for. */
static bool term(struct onnx_cx *c, const char **p, const char *end, uint32_t rank, bool result,
		 uint32_t dots, struct term *t)
{
	uint32_t letters = 0, had = 0;

	for (const char *q = *p; q < end && *q != ',' && *q != '-'; q++)
		letters += *q != ' ' && *q != ELLIPSIS;
	t->n = 0;
	for (; *p < end && **p != ',' && **p != '-'; (*p)++) {
		char l = **p;

		if (l == ' ')
			continue;
		if (t->n >= IR_RANK_MAX) {
			onnx_cannot(c, "terms of more than %d axes are not supported", IR_RANK_MAX);
			return false;
		}
		if (l == ELLIPSIS) {
			uint32_t n = result ? dots : rank - letters;

			if (had++ || end - *p < 3 || (*p)[1] != '.' || (*p)[2] != '.' ||
			    (!result && rank < letters) || t->n + n > IR_RANK_MAX) {
				ir_fail(c->g, "its equation has dots that stand for nothing");
				return false;
			}
			*p += 2;
			for (uint32_t i = 0; i < n; i++)
				t->labels[t->n++] = (char)('0' + IR_RANK_MAX - n + i);
			continue;
		}
		if (!((l >= 'a' && l <= 'z') || (l >= 'A' && l <= 'Z'))) {
			ir_fail(c->g, "its equation has a label that is no letter");
			return false;
		}
		t->labels[t->n++] = l;
	}
	if (!result && t->n != rank) {
		ir_fail(c->g, "a term of its equation has %u axes, the operand %u", t->n, rank);
		return false;
	}
	return true;
}

static int find(const struct term *t, char label)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (t->labels[i] == label)
			return (int)i;
	return -1;
}

/* The diagonal of two axes with one label: elements i of both, by their numbers. */
static struct ir_value *diagonal(struct onnx_cx *c, struct ir_value *x, struct term *t)
{
	struct ir_graph *g = c->g;

	for (uint32_t i = 0; i < t->n && x; i++) {
		int64_t order[IR_RANK_MAX], dims[IR_RANK_MAX], back[IR_RANK_MAX], *list, n;
		uint32_t k = 0, rank = x->rank, j = i + 1;

		while (j < t->n && t->labels[j] != t->labels[i])
			j++;
		if (j == t->n)
			continue;
		n = x->dims[i];
		if (x->dims[j] != n) {
			ir_fail(g, "two axes of one label have %lld and %lld elements", (long long)n,
				(long long)x->dims[j]);
			return NULL;
		}
		/* to the front, as one axis, of which every n + 1st element is taken */
		order[k++] = i;
		order[k++] = j;
		for (uint32_t a = 0; a < rank; a++)
			if (a != i && a != j)
				order[k++] = a;
		x = b_transpose(g, x, order);
		list = x ? ir_make(g, (uint64_t)n * sizeof(*list) + 8) : NULL;
		if (!list)
			return NULL;
		for (int64_t e = 0; e < n; e++)
			list[e] = e * (n + 1);
		dims[0] = n * n;
		memcpy(dims + 1, x->dims + 2, (rank - 2) * sizeof(*dims));
		x = b_reshape(g, x, rank - 1, dims);
		x = b_gather(g, x, ir_constant(g, ACCEL_I64, 1, &n, list), 0);
		/* and back to where the first was */
		for (uint32_t a = 0; a < rank - 1; a++)
			back[a] = a < i ? a + 1 : a == i ? 0 : a;
		x = x ? b_transpose(g, x, back) : NULL;
		memmove(t->labels + j, t->labels + j + 1, t->n - j - 1);
		t->n--;
		i--;
	}
	return x;
}

/* @x, of the labels of @t, with all axes of @all: in its order, 1 where it has none. */
static struct ir_value *spread(struct onnx_cx *c, struct ir_value *x, const struct term *t,
			       const struct term *all)
{
	int64_t order[IR_RANK_MAX], dims[IR_RANK_MAX];
	uint32_t k = 0;

	if (!x)
		return NULL;
	for (uint32_t i = 0; i < all->n; i++) {
		int at = find(t, all->labels[i]);

		dims[i] = at < 0 ? 1 : x->dims[at];
		if (at >= 0)
			order[k++] = at;
	}
	x = b_transpose(c->g, x, order);
	return b_reshape(c->g, x, all->n, dims);
}

/* Two operands with one label that is summed: a product of matrices, if labels in common come first. */
static struct ir_value *product(struct onnx_cx *c, struct ir_value *a, struct ir_value *b,
				const struct term *all, uint32_t kept)
{
	struct ir_graph *g = c->g;
	int64_t da[IR_RANK_MAX], db[IR_RANK_MAX], rows = 1, columns = 1, dims[IR_RANK_MAX];
	uint32_t batch = 0, m, n;
	struct ir_value *y;

	if (!a || !b || all->n != kept + 1 || a->dims[kept] != b->dims[kept] || !ir_is_real(a->dtype))
		return NULL;
	while (batch < kept && a->dims[batch] == b->dims[batch] && a->dims[batch] > 1)
		batch++;
	for (m = batch; m < kept && b->dims[m] == 1; m++)
		rows *= a->dims[m];
	for (n = m; n < kept && a->dims[n] == 1; n++)
		columns *= b->dims[n];
	if (n != kept || batch > 4)
		return NULL;
	memcpy(da, a->dims, sizeof(da));
	memcpy(db, b->dims, sizeof(db));
	da[batch] = rows;
	da[batch + 1] = db[batch + 1] = a->dims[kept];
	db[batch] = columns;
	for (uint32_t i = 0; i < kept; i++)
		dims[i] = a->dims[i] == 1 ? b->dims[i] : a->dims[i];
	a = b_reshape(g, a, batch + 2, da);
	b = b_reshape(g, b, batch + 2, db);
	if (!b)
		return NULL;
	for (uint32_t i = 0; i < batch; i++)
		da[i] = i;
	da[batch] = batch + 1;
	da[batch + 1] = batch;
	y = b_matmul(g, a, b_transpose(g, b, da));
	return b_reshape(g, y, kept, dims);
}

/* Without an arrow the result has the dots and, in order, the letters that come once. */
static void implicit(const struct term *terms, uint32_t n, struct term *out)
{
	int count[128] = { 0 };

	out->n = 0;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < terms[i].n; k++)
			count[(int)terms[i].labels[k]]++;
	for (int l = '0'; l < 128; l++)
		if (count[l] && (l <= '9' || count[l] == 1) && out->n < IR_RANK_MAX)
			out->labels[out->n++] = (char)l;
}

static void einsum(struct onnx_cx *c, int arg)
{
	const Onnx__AttributeProto *a = onnx_attr(c, "equation",
						  ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
	struct term terms[LETTERS_MAX], out = { .n = 0 }, all;
	struct ir_value *x[LETTERS_MAX], *y;
	uint32_t kept, dots = 0, axes;
	const char *p, *end;
	bool arrow;

	(void)arg;
	if (!a || c->nin > LETTERS_MAX) {
		ir_fail(c->g, "it has no equation, or more than %d operands", LETTERS_MAX);
		return;
	}
	p = a->s.len ? (const char *)a->s.data : "";
	end = p + a->s.len;
	for (uint32_t i = 0; i < c->nin; i++) {
		if (!c->in[i] || (i && (p == end || *p++ != ','))) {
			ir_fail(c->g, "its equation has not a term for each of %u operands", c->nin);
			return;
		}
		if (!term(c, &p, end, c->in[i]->rank, false, 0, &terms[i]))
			return;
		for (uint32_t k = 0, n = 0; k < terms[i].n; k++) {
			n += terms[i].labels[k] <= '9';
			dots = n > dots ? n : dots;
		}
	}
	arrow = end - p >= 2 && p[0] == '-' && p[1] == '>';
	if (p != end && !arrow) {
		ir_fail(c->g, "its equation does not end");
		return;
	}
	p += arrow ? 2 : 0;
	if (!arrow)
		implicit(terms, c->nin, &out);
	else if (!term(c, &p, end, 0, true, dots, &out))
		return;
	if (p != end) {
		ir_fail(c->g, "its equation goes on behind the result");
		return;
	}
	all = out;
	kept = out.n;
	for (uint32_t i = 0; i < c->nin; i++) {
		x[i] = diagonal(c, c->in[i], &terms[i]);
		for (uint32_t k = 0; k < terms[i].n; k++) {
			if (find(&all, terms[i].labels[k]) >= 0)
				continue;
			if (all.n == IR_RANK_MAX) {
				onnx_cannot(c, "more than %d labels are not supported", IR_RANK_MAX);
				return;
			}
			all.labels[all.n++] = terms[i].labels[k];
		}
	}
	for (uint32_t i = 0; i < kept; i++) {
		bool known = false;

		for (uint32_t k = 0; k < c->nin; k++)
			known |= find(&terms[k], out.labels[i]) >= 0;
		for (uint32_t k = 0; k < i; k++)
			known &= out.labels[k] != out.labels[i];
		if (!known) {
			ir_fail(c->g, "its equation has a result with a label twice, or with one of no operand");
			return;
		}
	}
	for (uint32_t i = 0; i < c->nin; i++)
		x[i] = spread(c, x[i], &terms[i], &all);
	if (c->g->error)
		return;
	if (c->nin == 2) {
		y = product(c, x[0], x[1], &all, kept);
		if (y || c->g->error) {
			c->out[0] = y;
			return;
		}
	}
	y = x[0];
	for (uint32_t i = 1; i < c->nin; i++)
		y = b_binary(c->g, IR_MUL, y, x[i]);
	axes = ((1u << all.n) - 1) & ~((1u << kept) - 1);
	c->out[0] = axes && y ? b_reduce(c->g, ACCEL_REDUCE_SUM, y, axes, false) : y;
}

const struct onnx_op onnx_ops_einsum[] = {
	{ "Einsum", 1, LETTERS_MAX, einsum, 0 },
	{ 0 },
};
