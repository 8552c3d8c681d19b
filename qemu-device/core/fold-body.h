/* SPDX-License-Identifier: MIT */
/*
 * Steps of REDUCE and SOFTMAX on vectors. Included by math-body.h, with its types.
 */
MATH vi ROWS(order)(vf x)
{
	/* compares like the value, with -0 < +0 */
	return (vi)((vu)x ^ ((vu)((vi)x >> 31) >> 1));
}

MATH vf ROWS(step)(unsigned int op, vf acc, vf x)
{
	vi less, nan;

	switch (op) {
	case LOOM_REDUCE_PROD:
		return acc * x;
	case LOOM_REDUCE_MIN:
	case LOOM_REDUCE_MAX:
		less = ROWS(order)(acc) < ROWS(order)(x);
		nan = (acc != acc) | (x != x);
		x = op == LOOM_REDUCE_MIN ? SEL(less, acc, x) : SEL(less, x, acc);
		return SEL(nan, (vf)((vu){ 0 } + LOOM_NAN_F32), x);
	case LOOM_REDUCE_SUMSQ:
		return MATH_FMA(x, x, acc);
	case LOOM_REDUCE_SUMABS:
		return acc + ROWS(abs)(x);
	default:
		return acc + x;
	}
}

#define VECTORS		(LOOM_LANES / MATH_LANES)

MATH void ROWS(lanes_of)(unsigned int op, float *acc, const float *x, size_t n)
{
	float last[LOOM_LANES] = { 0.0f };
	vf a[VECTORS];
	size_t i = 0;

	for (unsigned int v = 0; v < VECTORS; v++)
		a[v] = ROWS(load)(acc + v * MATH_LANES);
	for (; i + LOOM_LANES <= n; i += LOOM_LANES)
		for (unsigned int v = 0; v < VECTORS; v++)
			a[v] = ROWS(step)(op, a[v], ROWS(load)(x + i + v * MATH_LANES));
	for (unsigned int v = 0; v < VECTORS; v++)
		ROWS(store)(acc + v * MATH_LANES, a[v]);
	if (i == n)
		return;
	/* lanes behind the last element keep what they have */
	memcpy(last, x + i, (n - i) * sizeof(float));
	for (unsigned int v = 0; v < VECTORS; v++)
		ROWS(store)(last + v * MATH_LANES,
			    ROWS(step)(op, a[v], ROWS(load)(last + v * MATH_LANES)));
	memcpy(acc, last, (n - i) * sizeof(float));
}

MATH void ROWS(fold_of)(unsigned int op, float *acc, const float *x, size_t n)
{
	vf a = { 0.0f }, b = { 0.0f };
	size_t i = 0;

	for (; i + MATH_LANES <= n; i += MATH_LANES)
		ROWS(store)(acc + i, ROWS(step)(op, ROWS(load)(acc + i), ROWS(load)(x + i)));
	if (i == n)
		return;
	memcpy(&a, acc + i, (n - i) * sizeof(float));
	memcpy(&b, x + i, (n - i) * sizeof(float));
	a = ROWS(step)(op, a, b);
	memcpy(acc + i, &a, (n - i) * sizeof(float));
}

#define EACH(name)							\
	switch (op) {							\
	case LOOM_REDUCE_PROD:						\
		ROWS(name)(LOOM_REDUCE_PROD, acc, x, n);		\
		break;							\
	case LOOM_REDUCE_MIN:						\
		ROWS(name)(LOOM_REDUCE_MIN, acc, x, n);			\
		break;							\
	case LOOM_REDUCE_MAX:						\
		ROWS(name)(LOOM_REDUCE_MAX, acc, x, n);			\
		break;							\
	case LOOM_REDUCE_SUMSQ:						\
		ROWS(name)(LOOM_REDUCE_SUMSQ, acc, x, n);		\
		break;							\
	case LOOM_REDUCE_SUMABS:					\
		ROWS(name)(LOOM_REDUCE_SUMABS, acc, x, n);		\
		break;							\
	default:							\
		ROWS(name)(LOOM_REDUCE_SUM, acc, x, n);			\
		break;							\
	}

ROWS_TARGET static void ROWS(lanes)(unsigned int op, float *acc, const float *x, size_t n)
{
	EACH(lanes_of)
}

ROWS_TARGET static void ROWS(fold)(unsigned int op, float *acc, const float *x, size_t n)
{
	EACH(fold_of)
}

#undef EACH

ROWS_TARGET static void ROWS(power_sum)(float *x, float max, float *acc, size_t n)
{
	vf a[VECTORS], m = ALL(max);
	float last[LOOM_LANES] = { 0.0f };
	size_t i = 0;

	for (unsigned int v = 0; v < VECTORS; v++)
		a[v] = ROWS(load)(acc + v * MATH_LANES);
	for (; i + LOOM_LANES <= n; i += LOOM_LANES)
		for (unsigned int v = 0; v < VECTORS; v++) {
			float *at = x + i + v * MATH_LANES;
			vf e = ROWS(exp)(ROWS(load)(at) - m);

			ROWS(store)(at, e);
			a[v] += e;
		}
	for (unsigned int v = 0; v < VECTORS; v++)
		ROWS(store)(acc + v * MATH_LANES, a[v]);
	if (i == n)
		return;
	memcpy(last, x + i, (n - i) * sizeof(float));
	for (unsigned int v = 0; v < VECTORS; v++)
		ROWS(store)(last + v * MATH_LANES,
			    ROWS(exp)(ROWS(load)(last + v * MATH_LANES) - m));
	memcpy(x + i, last, (n - i) * sizeof(float));
	for (size_t j = 0; i + j < n; j++)
		acc[j] = acc[j] + last[j];
}

ROWS_TARGET static void ROWS(divide)(float *dst, float by, size_t n)
{
	const float *src = dst;
	size_t i = 0;

	do {
		MATH_LOOP(x / by);
	} while (0);
}

ROWS_TARGET static void ROWS(subtract)(float *dst, float first, float second, size_t n)
{
	const float *src = dst;
	size_t i = 0;

	do {
		MATH_LOOP((x - first) - second);
	} while (0);
}

#undef VECTORS
