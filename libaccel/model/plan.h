/* SPDX-License-Identifier: MIT */
/*
 * The memory plan: where constants and values are.
 */
#ifndef ACCEL_PRIV_PLAN_H
#define ACCEL_PRIV_PLAN_H

#include "ir.h"

#define PLAN_ALIGN	64

/**
 * struct plan - sizes of the regions, in bytes
 * @constants: what came with the model and is used
 * @arena: values between nodes; they share memory where they are not alive together
 * @live: the largest sum of values alive together: the least that @arena could be
 */
struct plan {
	uint64_t constants;
	uint64_t arena;
	uint64_t live;
};

/** plan_make() - give every value of a placed graph its offset. Errors: those of memory. */
int plan_make(struct ir_graph *g, struct plan *plan);

/** plan_home() - the value whose memory a value has. */
static inline struct ir_value *plan_home(const struct ir_value *v)
{
	while (v->alias)
		v = v->alias;
	return (struct ir_value *)v;
}

#endif
