// SPDX-License-Identifier: MIT
/* PACK: a matrix to panels, see LOOM_TENSOR_PANELS. */
#include "numerics.h"
#include "tiles.h"
#include "walk.h"

#define PANELS	4u		/* of a tile: longer runs of a row to read */
#define DEPTH	1024u		/* values of k of a tile, a multiple of LOOM_PANEL_GROUP */
#define COLUMNS	(PANELS * LOOM_PANEL_COLUMNS)

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

/* Tiles of one matrix along N and along K. */
static uint64_t tiles_n(const struct loom_operand *op)
{
	return div_up(op->dims[op->rank - 1], COLUMNS);
}

static uint64_t tiles_k(const struct loom_operand *op)
{
	return div_up(op->dims[op->rank - 2], DEPTH);
}

void loom_panels_plan(struct loom_work *work, loom_tile_fn run)
{
	const struct loom_operand *dst = &work->operands[0];

	work->tiles = tiles_n(dst) * tiles_k(dst);
	for (unsigned int i = 0; i + 2 < dst->rank; i++)
		work->tiles *= dst->dims[i];
	work->run = run;
}

static int64_t stride(const struct loom_operand *op, unsigned int axis)
{
	return op->dims[axis] == 1 ? 0 : (int64_t)((uint64_t)op->strides[axis] * op->size);
}

/* What belongs to one value of k, or to one group of them, in the tile's panels. */
static void put(const struct loom_operand *dst, uint64_t off, const uint8_t *words,
		unsigned int size, uint64_t n, uint64_t panel)
{
	for (uint64_t i = 0; i < n; i += LOOM_PANEL_COLUMNS, off += panel)
		loom_view_put(&dst->view, off, words + i * size, LOOM_PANEL_COLUMNS * size);
}

bool loom_panels_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		      struct loom_arena *arena, const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0], *src = &work->operands[1];
	unsigned int size = dst->size, group = size == 1 ? LOOM_PANEL_GROUP : 1, axis;
	uint64_t k_end = dst->dims[dst->rank - 2], left, k = tile % tiles_k(dst) * DEPTH;
	uint64_t n0 = tile / tiles_k(dst) % tiles_n(dst) * COLUMNS;
	uint64_t batch = tile / tiles_k(dst) / tiles_n(dst), end = k + DEPTH;
	uint64_t from = src->origin, to = dst->origin, n = dst->dims[dst->rank - 1] - n0;
	uint64_t panel = loom_panel_bytes(dst->dtype, k_end), word = size * group;
	int64_t src_k = stride(src, src->rank - 2u), src_n = stride(src, src->rank - 1u);
	uint8_t raw[LOOM_PANEL_GROUP][COLUMNS * 4];
	uint32_t words[COLUMNS];

	(void)arena;
	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	for (axis = dst->rank - 2u; axis-- > 0; batch /= dst->dims[axis]) {
		from += batch % dst->dims[axis] * (uint64_t)stride(src, axis);
		to += batch % dst->dims[axis] * (uint64_t)stride(dst, axis);
	}
	n = n < COLUMNS ? n : COLUMNS;
	if (end > k_end)
		end = k_end;
	from += k * (uint64_t)src_k + n0 * (uint64_t)src_n;
	to += n0 / LOOM_PANEL_COLUMNS * panel + k / group * word * LOOM_PANEL_COLUMNS;
	/* columns and values of k that do not exist are zero */
	memset(words, 0, sizeof(words));
	for (; k < end; k += group, to += word * LOOM_PANEL_COLUMNS) {
		const void *values[LOOM_PANEL_GROUP];

		left = end - k;
		for (unsigned int j = 0; j < group; j++, from += (uint64_t)src_k) {
			if (j < left)
				values[j] = loom_row_get(src, from, src_n, n, raw[j]);
			else
				values[j] = memset(raw[j], dst->dtype == LOOM_DTYPE_U8 ? 0x80 : 0,
						   n);
		}
		if (group == 1)
			memcpy(words, values[0], n * size);
		else
			rows->weave(LOOM_PANEL_GROUP, dst->dtype,
				    dst->dtype == LOOM_DTYPE_U8 ? 0x80 : 0, values, words, n);
		put(dst, to, (const uint8_t *)words, (unsigned int)word, n, panel);
	}
	return true;
}
