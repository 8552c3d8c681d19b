/* SPDX-License-Identifier: MIT */
/*
 * What REDUCE, SOFTMAX and NORM share: groups of elements that are taken together, in lanes.
 */
#ifndef LOOM_FOLD_H
#define LOOM_FOLD_H

#include "tiles.h"
#include "walk.h"

#define LOOM_ACROSS	128u	/* groups at a time */
#define LOOM_ROW_MAX	(LOOM_ARENA_MAX / sizeof(float))	/* elements in the arena */

/** loom_fold_part() - the axes that are in @axes, from the first element on. */
struct loom_operand loom_fold_part(const struct loom_operand *op, uint32_t axes);

/**
 * struct loom_groups - positions in the work's operands 0 and 1
 * @dst, @src: of the group
 * @out, @in: of elements in a group, from offset 0
 * @n: elements in a group
 */
struct loom_groups {
	struct loom_walk dst, src;
	struct loom_walk out, in;
	uint64_t n;
};

/** loom_groups_init() - group @first; @parts: groups of dst and src, elements of dst and src. */
void loom_groups_init(struct loom_groups *groups, const struct loom_work *work, uint32_t axes,
		      struct loom_operand parts[4], uint64_t first);

/** loom_in_group() - the elements of the group at hand. */
struct loom_walk loom_in_group(const struct loom_walk *elements, const struct loom_walk *group);

/** loom_groups_across() - are neighbours in memory of different groups? */
bool loom_groups_across(const struct loom_groups *groups);

/** loom_fold_plan() - tiles of u.fold.per groups. */
void loom_fold_plan(struct loom_work *work, uint32_t axes, loom_tile_fn run);

/** loom_fold_plan_held() - the same, with an arena that holds groups where it can. */
void loom_fold_plan_held(struct loom_work *work, uint32_t axes, loom_tile_fn run);

/** loom_fold_overlap() - may the work write what it reads? */
bool loom_fold_overlap(const struct loom_work *work);

/** loom_fold_floats() - the next @n elements as binary32. */
void loom_fold_floats(const struct loom_rows *rows, struct loom_walk *walk, float *x, uint64_t n);

void loom_fold_fill(float *x, float value, uint64_t n);

/** loom_fold_tree() - @lanes: LOOM_LANES rows of @n lanes; the first row becomes the result. */
void loom_fold_tree(const struct loom_rows *rows, unsigned int op, float *lanes, uint64_t n);

#endif
