/* SPDX-License-Identifier: MIT */
/* GEMM: how the work is cut, and what its tiles share. */
#ifndef LOOM_GEMM_PLAN_H
#define LOOM_GEMM_PLAN_H

#include "gemm.h"

/**
 * struct loom_gemm_plan - how the work is cut: a function of packet and instruction set
 * @a, @b: the operands as they are packed, without offset and stop
 * @k: values of k
 * @kw: words along all of k
 * @last: which bytes of the last word are values
 * @block: values of k in a block
 * @in_place: b is multiplied where it is
 * @in_rows: it comes in rows, in place; otherwise in panels
 * @a_rows: a is multiplied where it is, in rows
 * @set: by these kernels
 * @b_size: bytes of a word of b's panels, or of a value if it is less
 * @ones: a row of ones is appended to a: its products are the sums of b's columns
 * @share_a, @share_b: tiles share the panels
 */
struct loom_gemm_plan {
	const struct loom_gemm_shape *shape;
	struct loom_pack a, b;
	uint64_t k, kw;
	uint32_t last;
	unsigned int block;
	struct loom_gemm_set set;
	unsigned int b_size;
	bool in_place, in_rows, a_rows, ones;
	bool share_a, share_b;
};

/** loom_gemm_plan_of() - the plan of a work that loom_gemm_plan() has prepared. */
void loom_gemm_plan_of(const struct loom_gemm_kern *kern, const struct loom_work *work,
		       struct loom_gemm_plan *plan);

/** LOOM_GEMM_TILE_PANELS - panels of a in a tile at most */
#define LOOM_GEMM_TILE_PANELS	128u

/** struct loom_gemm_layout - what lies where in the arena, each 64-byte aligned */
struct loom_gemm_layout {
	size_t acc, a, b, fix_m, fix_n, scratch, size;
};

void loom_gemm_layout(const struct loom_gemm_plan *plan, uint64_t tile_m, uint64_t tile_n,
		      struct loom_gemm_layout *at);

/* Some shared panels: nobody has packed them, somebody does, they are packed. */
enum loom_gemm_state { LOOM_GEMM_EMPTY, LOOM_GEMM_BUSY, LOOM_GEMM_READY };

/**
 * struct loom_gemm_side - shared panels of one matrix
 * @states: enum loom_gemm_state of each LOOM_GEMM_GROUP panels
 * @sums: of its lines; only with four values a word
 * @panels: panel after panel
 */
struct loom_gemm_side {
	atomic_uint *states;
	uint32_t *sums;
	uint32_t *panels;
};

#define LOOM_GEMM_GROUP	8	/* panels that are packed together */

/*
 * Kernels of four values a word multiply a' and b', a and b as unsigned and
 * signed bytes. With the zero points moved likewise, the sum of
 * (a' - az)(b' - bz) is that of a'b', less bz times the sum of a', less az times
 * the sum of b', plus K az bz.
 */
static inline uint32_t loom_gemm_a_zero(const struct loom_work *work)
{
	return (uint32_t)work->u.gemm.a_zero +
	       (work->operands[1].dtype == LOOM_DTYPE_I8 ? 128 : 0);
}

/** loom_gemm_repeats() - all products have the same matrix as operand @index. */
bool loom_gemm_repeats(const struct loom_work *work, unsigned int index);

/**
 * loom_gemm_share_size() - bytes of shared memory; what of it must be zero at first: @zero
 *
 * It begins with the states of a's panels, if these are shared.
 */
uint64_t loom_gemm_share_size(const struct loom_gemm_plan *plan, const struct loom_work *work,
			      uint64_t *zero);

/** loom_gemm_sides() - where the panels of batch @batch are. */
void loom_gemm_sides(const struct loom_gemm_plan *plan, const struct loom_work *work,
		     uint64_t batch, struct loom_gemm_side *a, struct loom_gemm_side *b);

/**
 * loom_gemm_share() - have panels [@first, @end) of @side packed, by whoever is first
 * @pack: with offset and stop
 * @with_sums: the sums of its lines are needed
 * @is_signed: its bytes are
 *
 * Return: false if it was stopped
 */
bool loom_gemm_share(const struct loom_gemm_kern *kern, const struct loom_gemm_plan *plan,
		     const struct loom_pack *pack, const struct loom_gemm_side *side,
		     uint64_t first, uint64_t end, bool with_sums, bool is_signed, void *scratch);

#endif
