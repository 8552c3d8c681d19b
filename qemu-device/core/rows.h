/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic on arrays: numerics.h and functions.h, many elements at a time, once
 * per instruction set. rows-body.h and math-body.h hold the one source.
 */
#ifndef LOOM_ROWS_H
#define LOOM_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loom_isa.h"

/**
 * struct loom_piece - neighbouring lanes of a panel that see elements one step apart
 * @off: bytes from the channel's first element to what lane 0 would see
 * @wide: bit 2 i is set for each of its lanes i
 * @mask: bit i is
 * @lane, @n: the first of its lanes, and how many it has
 */
struct loom_piece {
	int64_t off;
	uint64_t wide;
	uint32_t mask;
	uint8_t lane, n;
};

/**
 * struct loom_pieces - what the lanes of a panel see through a window at one tap
 * @n: pieces; lanes of none see a hole
 * @hole: bits of what it holds
 * @step: bytes from what a lane sees to what the next one does
 * @low, @high: bytes from the channel's first element to the first byte that is seen and behind the
 *	last
 */
struct loom_pieces {
	uint32_t n, hole;
	int64_t step;
	int64_t low, high;
	struct loom_piece at[LOOM_PANEL_COLUMNS];
};

/** LOOM_SWEEP_LANES - places whose sight a struct loom_sweep_tap describes */
#define LOOM_SWEEP_LANES	16

/**
 * struct loom_sweep_tap - what neighbouring places of a row see of a line at one tap
 * @off: bytes from the line's element 0 to what the first place would see
 * @wide: bit 2 i is set for each place i that sees an element
 * @mask: bit i is
 * @low, @high: the first of these, and the one behind the last
 */
struct loom_sweep_tap {
	int64_t off;
	uint32_t wide;
	uint16_t mask;
	uint8_t low, high;
};

/**
 * struct loom_sweep - a row of places: what they see of a few lines
 * @taps: LOOM_SWEEP_LANES places after the other, tap by tap
 * @lines, @along: lines that they see, and taps along each
 * @width: places
 * @step: bytes from what a place sees to what the next one does: a few elements
 * @hole: what others hold
 */
struct loom_sweep {
	const struct loom_sweep_tap *taps;
	size_t lines, along, width;
	int64_t step;
	float hole;
};

/**
 * struct loom_finish - from accumulators of binary32 to results, see struct loom_epilogue
 * @bias, @scale, @residual: or NULL
 * @panel: accumulators from one LOOM_PANEL_COLUMNS of them to the next
 * @each: bias and scale have an element for each result, otherwise one for all
 */
struct loom_finish {
	const float *bias, *scale, *residual;
	size_t panel;
	bool each;
	uint32_t act;
	float param[2];
};

/**
 * struct loom_rows - arithmetic on arrays of @n elements
 */
struct loom_rows {
	/** @widen: to binary32; @dtype F32, F16, BF16, I8, U8 or I32. */
	void (*widen)(unsigned int dtype, const void *src, float *dst, size_t n);
	/** @narrow: from binary32 to a result type, see loom_f32_put(). */
	void (*narrow)(unsigned int dtype, const float *src, void *dst, size_t n, int32_t zero);
	/** @binary: enum loom_eltwise_op; @dst may be @a or @b. */
	void (*binary)(unsigned int op, const float *a, const float *b, float *dst, size_t n);
	/** @unary: enum loom_unary_op; @dst may be @src. */
	void (*unary)(unsigned int op, const float *src, float *dst, size_t n);
	/** @lanes: acc[i % LOOM_LANES] takes x[i], as enum loom_reduce_op says. */
	void (*lanes)(unsigned int op, float *acc, const float *x, size_t n);
	/** @fold: acc[i] takes x[i]. */
	void (*fold)(unsigned int op, float *acc, const float *x, size_t n);
	/** @power_sum: x = exp(x - max), and acc[i % LOOM_LANES] += x[i]. */
	void (*power_sum)(float *x, float max, float *acc, size_t n);
	/** @divide: x = x / by. */
	void (*divide)(float *x, float by, size_t n);
	/** @weigh: acc[i] = fma(x[i], w[i], acc[i]); w[0] for all if not @each. */
	void (*weigh)(float *acc, const float *x, const float *w, bool each, size_t n);
	/** @subtract: x = (x - first) - second. */
	void (*subtract)(float *x, float first, float second, size_t n);
	/** @act: enum loom_act, in place. */
	void (*act)(unsigned int act, const float *param, float *x, size_t n);
	/** @integer: act(op(a, b)) of equal types I32, I8 or U8. */
	void (*integer)(unsigned int dtype, unsigned int op, unsigned int act, const void *a,
			const void *b, void *dst, size_t n);
	/** @integer_unary: act(op(src)) of equal types I32, I8 or U8. */
	void (*integer_unary)(unsigned int dtype, unsigned int op, unsigned int act,
			      const void *src, void *dst, size_t n);
	/** @offset: x += y + c modulo 2^32. */
	void (*offset)(uint32_t *x, const uint32_t *y, uint32_t c, size_t n);
	/**
	 * @words: @n values of k to words of @kpack values, see struct loom_gemm_shape;
	 * @adjust: zero point to subtract (of two values) or bits to flip (of four)
	 */
	void (*words)(unsigned int kpack, unsigned int dtype, int32_t adjust, const void *src,
		      uint32_t *dst, size_t n);
	/** @weave: words of @n lines from @kpack arrays, one for each value of k. */
	void (*weave)(unsigned int kpack, unsigned int dtype, int32_t adjust,
		      const void *const *src, uint32_t *dst, size_t n);
	/**
	 * @spread: @n rows of @panels times LOOM_PANEL_COLUMNS words that are @stride
	 * bytes apart to panels that are @panel words apart
	 */
	void (*spread)(const uint8_t *src, int64_t stride, size_t n, size_t panels, uint32_t *dst,
		       size_t panel);
	/**
	 * @split: from a panel of 8-bit values as it is in memory, words of four
	 * values for each column, to words of two, of which @n; @adjust: zero
	 * point to subtract
	 */
	void (*split)(const uint32_t *src, int32_t adjust, uint32_t *dst, size_t n);
	/**
	 * @pick: what a panel sees of @n channels that are @channel bytes apart, of binary32,
	 * to LOOM_PANEL_COLUMNS words each
	 */
	void (*pick)(const struct loom_pieces *pieces, const uint8_t *base, int64_t channel,
		     size_t n, uint32_t *dst);
	/**
	 * @depth: of @n rows, each result is the sum of what its place sees times w, line by line;
	 * @lines: element 0 of those that the first row sees, then the next
	 */
	void (*depth)(const struct loom_sweep *sweep, const uint8_t *const *lines, size_t n,
		      const float *w, float *acc);
	/** @largest: of @n rows, each result is the largest that its place sees. */
	void (*largest)(const struct loom_sweep *sweep, const uint8_t *const *lines, size_t n,
			float *acc);
	/** @depth_channels: acc[i] is the sum over @taps of lines[t][i] * w[t * n + i]. */
	void (*depth_channels)(const float *const *lines, size_t taps, const float *w, size_t n,
			       float *acc);
	/** @largest_channels: acc[i] is the largest of lines[t][i]. */
	void (*largest_channels)(const float *const *lines, size_t taps, size_t n, float *acc);
	/** @finish: @dst may be @acc. */
	void (*finish)(const struct loom_finish *finish, const float *acc, float *dst, size_t n);
};


#endif
