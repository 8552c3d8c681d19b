// SPDX-License-Identifier: MIT
/* The reference engine: QUANT. */
#include "numerics.h"
#include "reference.h"

#define TILE_ELEMENTS	1024u

/* Where operand @index broadcasts to @idx from. */
static const void *from(const struct loom_work *work, unsigned int index, const uint64_t *idx)
{
	const struct loom_operand *op = &work->operands[index];

	return at(op, offset_of(op, &work->operands[0], idx, 0));
}

static bool quant_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		       const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0], *op = work->operands;
	uint64_t idx[LOOM_RANK_MAX], n = elements(dst), i = tile * TILE_ELEMENTS;
	unsigned int mode;

	(void)arena;
	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	mode = loom_float_enter();
	for (; i < n && i < (tile + 1) * TILE_ELEMENTS; i++) {
		int32_t zero = 0;
		float scale;
		void *to;

		index_of(dst, i, idx);
		to = at(dst, offset_of(dst, dst, idx, 0));
		scale = loom_f32_load(op[2].dtype, from(work, 2, idx));
		if (op[3].dtype)
			zero = loom_i32_load(op[3].dtype, from(work, 3, idx));
		if (work->u.quant.op == LOOM_QUANT_TO) {
			float x = loom_f32_load(op[1].dtype, from(work, 1, idx));

			loom_f32_put(dst->dtype, to, x / scale, zero);
		} else {
			uint32_t v = (uint32_t)loom_i32_load(op[1].dtype, from(work, 1, idx));

			v -= (uint32_t)zero;
			loom_f32_put(dst->dtype, to, (float)(int32_t)v * scale, 0);
		}
	}
	loom_float_leave(mode);
	return true;
}

void loom_reference_quant(struct loom_work *work)
{
	uint64_t n = elements(&work->operands[0]);

	work->tiles = n / TILE_ELEMENTS + (n % TILE_ELEMENTS != 0);
	work->run = quant_tile;
}
