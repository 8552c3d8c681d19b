/* SPDX-License-Identifier: MIT */
/*
 * CONV as a matrix product: y = w x', the columns of x' being what each output's window
 * sees, or the same transposed. x' is never stored: its panels are packed from x.
 */
#ifndef LOOM_CONV_H
#define LOOM_CONV_H

#include "gemm.h"

/** loom_conv_plan() - as loom_gemm_plan(). */
void loom_conv_plan(const struct loom_gemm_kern *kern, struct loom_work *work);

/** loom_conv_tile() - see loom_tile_fn. */
bool loom_conv_tile(const struct loom_gemm_kern *kern, const struct loom_work *work,
		    uint64_t tile, struct loom_arena *arena, const atomic_uint *stop);

#endif
