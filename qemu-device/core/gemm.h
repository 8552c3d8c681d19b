/* SPDX-License-Identifier: MIT */
/*
 * Matrix multiplication: what all vector engines share.
 *
 * A tile of c is computed block by block along k. Rows of a and columns of b
 * lie in panels of 32-bit words - one binary32, or several small integers of
 * consecutive k - and a kernel multiplies a panel of each. Panels are packed
 * once for all tiles, into memory that these share; where that would be too
 * much, tile by tile into the arena. b may also come in panels.
 */
#ifndef LOOM_GEMM_H
#define LOOM_GEMM_H

#include "engine.h"
#include "rows.h"

#define LOOM_GEMM_COLUMNS	LOOM_PANEL_COLUMNS	/* of a panel of b */
#define LOOM_GEMM_ROWS_MAX	14	/* of a panel of a */
#define LOOM_GEMM_THIN		4	/* panels of b at a time, for very few rows */

/**
 * struct loom_gemm_step - to = from + panel of a times panel of b
 * @kw: words along k
 * @a: kw times as many words as the kernel has rows
 * @a_ld: words from one row to the next, for kernels of rows: theirs are not packed
 * @b: kw times LOOM_GEMM_COLUMNS words, or values of two bytes
 * @b_panel: words or values from one panel of b to the next
 * @b_ld: words or values from one k to the next: LOOM_GEMM_COLUMNS in panels
 * @b_ahead: bytes from what is multiplied of a panel to what is to be fetched
 * @from: accumulators of row 0, column 0
 * @from_ld: words from one row to the next; 0: all rows start from one
 * @from_panel: words from one panel's columns to the next's
 * @to, @to_ld, @to_panel: the same of the results
 * @ahead_b: what is multiplied soon
 * @ahead_c, @ahead_ld: accumulators of the next step
 *
 * @b_panel, @b_ld, @b_ahead, @from_panel and @to_panel are for thin kernels only: all
 * others multiply one panel.
 */
struct loom_gemm_step {
	size_t kw;
	const uint32_t *a;
	size_t a_ld;
	const void *b;
	size_t b_panel, b_ld, b_ahead;
	const void *from;
	size_t from_ld, from_panel;
	void *to;
	size_t to_ld, to_panel;
	const void *ahead_b;
	const uint32_t *ahead_c;
	size_t ahead_ld;
};

/* A NaN among binary32 results is the canonical one. */
typedef void (*loom_gemm_kernel)(const struct loom_gemm_step *step);

/**
 * struct loom_gemm_set - kernels for one form of b's panels
 * @kernels: for 1 .. mr rows; NULL: there are none, such panels are converted
 * @thin: for 1 .. thin_rows rows: LOOM_GEMM_THIN panels of b at a time
 * @rows: for 1 .. mr rows of a as they are in memory; NULL: there are none
 */
struct loom_gemm_set {
	const loom_gemm_kernel *kernels, *thin, *rows;
};

/**
 * struct loom_gemm_shape - kernels of one kind of operands
 * @mr: rows of a panel of a at most
 * @nr: columns that a kernel updates: divides LOOM_GEMM_COLUMNS
 * @kpack: values of k in a word: 1 for binary32, 2 for 16-bit, 4 for 8-bit integers
 * @block: values of k in a block at most, a multiple of 16
 * @tile_macs: multiply-adds of a full tile: about a millisecond, because a tile
 *	that is stopped starts again
 * @thin_rows: up to so many rows thin kernels exist
 * @words: for panels of words
 * @f16, @bf16: for panels of such values, as they are in memory
 */
struct loom_gemm_shape {
	unsigned int mr, nr;
	unsigned int kpack;
	unsigned int block;
	uint64_t tile_macs;
	unsigned int thin_rows;
	struct loom_gemm_set words, f16, bf16;
};

/**
 * struct loom_gemm_kern - an instruction set's way to multiply
 * @floating, @integer: for float and for 8-bit operands. An integer kernel of
 *	two values a word takes 16-bit integers from which the zero points are
 *	already subtracted; one of four takes unsigned a and signed b, and what
 *	the zero points change is added from the sums of rows and columns.
 * @sums: sums[i] += all bytes of line i of a panel, of the last word only those in
 *	@last, a mask; only with four values a word
 * @transpose: dst[k * lines + i] = rows[i][k]; @lines up to LOOM_GEMM_COLUMNS. With
 *	four values a word rows may lie anywhere, and bits of @flip are flipped.
 * @weave: four rows of bytes, one for each value of k, to @panels panels that are
 *	@panel words apart; bits of @flip are flipped; only with four values a word
 * @rows: arithmetic of the epilogue and of the packing
 */
struct loom_gemm_kern {
	const struct loom_gemm_shape *floating, *integer;
	void (*transpose)(const void *const *rows, unsigned int lines, size_t kw, uint32_t flip,
			  uint32_t *dst);
	void (*weave)(const void *const *rows, size_t panels, uint32_t flip, uint32_t *dst,
		      size_t panel);
	void (*sums)(const uint32_t *panel, size_t kw, unsigned int lines, bool is_signed,
		     uint32_t last, uint32_t *sums);
	const struct loom_rows *rows;
};

/** loom_gemm_plan() - choose tiles, their geometry, the arena and shared memory. */
void loom_gemm_plan(const struct loom_gemm_kern *kern, struct loom_work *work);

/** loom_gemm_tile() - see loom_tile_fn. */
bool loom_gemm_tile(const struct loom_gemm_kern *kern, const struct loom_work *work,
		    uint64_t tile, struct loom_arena *arena, const atomic_uint *stop);

/** LOOM_GEMM_HOLE - values that are nowhere, and zero */
#define LOOM_GEMM_HOLE	UINT64_MAX

/**
 * struct loom_gemm_source - where a matrix comes from that lies nowhere as one
 * @across: lines are best fetched together, for one value of k
 * @get_along: values [@k, @k + @n) of a line; @bounce has room for them
 * @get_across: value @k of lines [@line, @line + @n)
 * @get_panel: values [@k, @k + @n) of lines [@line, @line + @lines) as a panel of b; or NULL
 * @get_lines: where values from @k on of lines [@line, @line + @lines) are, for as many of @n values as
 *	is returned: offsets of the first in the operand's view, or LOOM_GEMM_HOLE; or NULL
 * @along: bytes from one of them to the next
 * @step: bytes from those of a line to those of the next, mostly
 *
 * a and b of a CONV. In u.gemm of its work, NULL where the matrix is one, and by_row tells that
 * bias and scale go by row of c instead of by column.
 */
struct loom_gemm_source {
	bool across;
	const void *(*get_along)(const struct loom_gemm_source *source, uint64_t line, uint64_t k,
				 uint64_t n, void *bounce);
	const void *(*get_across)(const struct loom_gemm_source *source, uint64_t k, uint64_t line,
				  uint64_t n, void *bounce);
	void (*get_panel)(const struct loom_gemm_source *source, const struct loom_rows *rows,
			  uint64_t line, uint64_t lines, uint64_t k, uint64_t n, uint32_t *dst);
	uint64_t (*get_lines)(const struct loom_gemm_source *source, uint64_t line,
			      unsigned int lines, uint64_t k, uint64_t n, uint64_t *offs);
	int64_t along, step;
};

/**
 * struct loom_pack - a matrix to be packed
 * @op: the matrix; it may come in panels
 * @off: offset of line 0, k 0, from the start of the view
 * @line, @k: bytes from one line, one k to the next
 * @lines: lines of the matrix
 * @cut: lines that are cut into panels: @lines, or more, which are zero
 * @panels: panels of nearly equal width; panel i starts at line i * @cut / @panels
 * @adjust: see struct loom_rows
 * @source: where its values come from, instead of @off, @line and @k
 * @stop: gives up when it reads non-zero
 */
struct loom_pack {
	const struct loom_operand *op;
	uint64_t off;
	int64_t line, k;
	uint64_t lines, cut, panels;
	int32_t adjust;
	const struct loom_gemm_source *source;
	const atomic_uint *stop;
};

/** loom_pack_start() - first line of a panel. */
static inline uint64_t loom_pack_start(const struct loom_pack *pack, uint64_t panel)
{
	return panel * pack->cut / pack->panels;
}

/** loom_pack_scratch() - bytes that loom_pack_panels() needs besides the panels. */
size_t loom_pack_scratch(const struct loom_gemm_shape *shape, unsigned int block);

/** loom_pack_is_across() - the lines are neighbours in memory, and not just a few. */
bool loom_pack_is_across(const struct loom_pack *pack);

/**
 * loom_pack_panels() - pack panels [@first, @end), @kc values of k from @k0 on
 * @block: values of k in a block, at least @kc
 * @dst: panel after panel, word after word, line after line
 * @kw: words along k that a panel of @dst has room for
 * @w0: the first of them that is written
 *
 * Return: false if it was stopped
 */
bool loom_pack_panels(const struct loom_gemm_kern *kern, const struct loom_gemm_shape *shape,
		      const struct loom_pack *pack, uint64_t first, uint64_t end, uint64_t k0,
		      uint64_t kc, unsigned int block, uint32_t *dst, size_t kw, size_t w0,
		      void *scratch);

/**
 * struct loom_gemm_block - accumulators of a part of c
 * @batch: flattened index of its matrix
 * @m0, @n0: first row and column
 * @m, @n: rows and columns
 * @acc: panels of LOOM_GEMM_COLUMNS columns, each @rows rows of accumulators
 * @fix_m, @fix_n: what is to be added to integers, by row and by column; or NULL
 */
struct loom_gemm_block {
	uint64_t batch;
	uint64_t m0, n0;
	uint64_t m, n;
	const uint32_t *acc;
	uint64_t rows;
	const uint32_t *fix_m, *fix_n;
};

/** loom_gemm_store() - epilogue. */
void loom_gemm_store(const struct loom_rows *rows, const struct loom_work *work,
		     const struct loom_gemm_block *block, void *scratch);

/** loom_gemm_store_scratch() - bytes that it needs for @n columns. */
size_t loom_gemm_store_scratch(uint64_t n);

/** loom_gemm_offset() - offset of element [0, 0] of batch @batch of operand @index. */
uint64_t loom_gemm_offset(const struct loom_work *work, unsigned int index, uint64_t batch);

/**
 * loom_gemm_stride() - bytes between elements along the last axis but @back; 0
 * if the operand has no such axis or repeats along it
 */
int64_t loom_gemm_stride(const struct loom_operand *op, unsigned int back);

#endif
