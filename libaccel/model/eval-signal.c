// SPDX-License-Identifier: MIT
/*
 * Fourier transforms and determinants, in double, rounded once.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval.h"

struct complex {
	double re, im;
};

static struct complex times(struct complex a, struct complex b)
{
	return (struct complex){ a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re };
}

/** struct fourier - a transform of @n elements
 * @roots: the n-th roots of one, in the direction of the transform
 * @part: as many as the largest prime that divides n
 */
struct fourier {
	int64_t n;
	struct complex *roots, *part;
};

static int64_t divisor(int64_t n)
{
	for (int64_t p = 2; p * p <= n; p++)
		if (n % p == 0)
			return p;
	return n;
}

uint64_t eval_transform_steps(int64_t n)
{
	uint64_t sum = 1;

	for (int64_t left = n, p; left > 1; left /= p) {
		p = divisor(left);
		sum += 4 * (uint64_t)p;
	}
	return sum;
}

/* One prime after the other: @p transforms of every p-th element make one of all. */
static void transform(const struct fourier *f, const struct complex *in, int64_t step, int64_t n,
		      struct complex *out)
{
	int64_t p = divisor(n), m = n / p, turn = f->n / n;

	if (n == 1) {
		*out = *in;
		return;
	}
	for (int64_t r = 0; r < p; r++)
		transform(f, in + r * step, step * p, m, out + r * m);
	for (int64_t k = 0; k < m; k++) {
		for (int64_t r = 0; r < p; r++)
			f->part[r] = times(out[r * m + k], f->roots[r * k * turn]);
		for (int64_t q = 0; q < p; q++) {
			struct complex sum = f->part[0];

			for (int64_t r = 1; r < p; r++) {
				struct complex t = times(f->part[r], f->roots[r * q % p * (f->n / p)]);

				sum.re += t.re;
				sum.im += t.im;
			}
			out[q * m + k] = sum;
		}
	}
}

static bool begin(struct fourier *f, int64_t n, bool inverse)
{
	f->n = n;
	f->roots = calloc((size_t)n, sizeof(*f->roots));
	f->part = calloc((size_t)n, sizeof(*f->part));
	for (int64_t i = 0; i < n && f->roots; i++) {
		double phase = 2 * M_PI * (double)i / (double)n;

		/* Whole quarters are what they are. */
		f->roots[i].re = 4 * i == n || 4 * i == 3 * n ? 0 : cos(phase);
		f->roots[i].im = 2 * i == n ? 0 : inverse ? sin(phase) : -sin(phase);
	}
	return f->roots && f->part;
}

/* Elements of an axis from @from on, zero where there are none. */
static void load(const struct ir_node *n, const char *in, const char *window, int64_t from, int64_t inner,
		 struct complex *to)
{
	const struct ir_value *x = n->in[0];
	enum accel_dtype t = x->dtype;
	int64_t parts = x->dims[x->rank - 1], dim = x->dims[n->axis];
	size_t size = accel_dtype_size(t);

	for (int64_t i = 0; i < n->ints[0]; i++) {
		const char *p = in + (size_t)((from + i) * inner * parts) * size;
		double w = window ? eval_load(t, window + (size_t)i * size) : 1;

		to[i] = (struct complex){ 0, 0 };
		if (from + i >= dim)
			continue;
		to[i].re = w * eval_load(t, p);
		to[i].im = parts == 2 ? w * eval_load(t, p + size) : 0;
	}
}

static int dft(const struct ir_node *n, const char *in, const char *window, char *out)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];
	enum accel_dtype t = x->dtype;
	size_t size = accel_dtype_size(t);
	int64_t length = n->ints[0], step = n->ints[1], outer = 1, inner = 1, parts = x->dims[x->rank - 1];
	int64_t frames = step ? y->dims[1] : 1, bins = y->dims[step ? 2 : n->axis], dim = x->dims[n->axis];
	double scale = n->flag ? 1 / (double)length : 1;
	struct complex *from = calloc(2 * (size_t)length, sizeof(*from)), *to = from + length;
	struct fourier f = { 0 };
	int ret = 0;

	for (uint32_t i = 0; i + 1 < x->rank; i++) {
		outer *= i < n->axis ? x->dims[i] : 1;
		inner *= i > n->axis ? x->dims[i] : 1;
	}
	if (!from || !begin(&f, length, n->flag))
		ret = err_nomem("a transform");
	for (int64_t o = 0; o < outer * frames && !ret; o++) {
		int64_t begins = o % frames * step;

		for (int64_t k = 0; k < inner; k++) {
			load(n, in + (size_t)((o / frames * dim * inner + k) * parts) * size, window,
			     begins, inner, from);
			transform(&f, from, 1, length, to);
			for (int64_t i = 0; i < bins; i++) {
				char *p = out + (size_t)(((o * bins + i) * inner + k) * 2) * size;

				eval_store(t, p, to[i].re * scale);
				eval_store(t, p + size, to[i].im * scale);
			}
		}
	}
	free(from);
	free(f.roots);
	free(f.part);
	return ret;
}

/* By elimination; the largest of a column comes first. */
static double determinant(double *a, int64_t n)
{
	double product = 1;

	for (int64_t k = 0; k < n; k++) {
		int64_t best = k;

		for (int64_t i = k + 1; i < n; i++)
			if (fabs(a[i * n + k]) > fabs(a[best * n + k]))
				best = i;
		for (int64_t j = k; j < n && best != k; j++) {
			double t = a[k * n + j];

			a[k * n + j] = a[best * n + j];
			a[best * n + j] = t;
		}
		product *= best == k ? a[k * n + k] : -a[k * n + k];
		if (a[k * n + k] == 0)
			return product;
		for (int64_t i = k + 1; i < n; i++) {
			double factor = a[i * n + k] / a[k * n + k];

			for (int64_t j = k + 1; j < n; j++)
				a[i * n + j] -= factor * a[k * n + j];
		}
	}
	return product;
}

static int det(const struct ir_node *node, const char *in, char *out)
{
	const struct ir_value *x = node->in[0], *y = node->out[0];
	int64_t n = x->dims[x->rank - 1];
	size_t size = accel_dtype_size(x->dtype);
	double *a = calloc((size_t)(n * n) + 1, sizeof(*a));

	if (!a)
		return err_nomem("a matrix");
	for (int64_t i = 0; i < y->count; i++) {
		for (int64_t k = 0; k < n * n; k++)
			a[k] = eval_load(x->dtype, in + (size_t)(i * n * n + k) * size);
		eval_store(y->dtype, out + (size_t)i * size, determinant(a, n));
	}
	free(a);
	return 0;
}

int eval_signal(const struct ir_node *n, const void *const *in, void *const *out)
{
	if (n->op == IR_DET)
		return det(n, in[0], out[0]);
	return dft(n, in[0], n->nin > 1 ? in[1] : NULL, out[0]);
}
