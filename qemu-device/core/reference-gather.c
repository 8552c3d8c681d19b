// SPDX-License-Identifier: MIT
/* The reference engine: GATHER. */
#include "numerics.h"
#include "reference.h"

#define TILE_ELEMENTS	256u
#define POLL_STEPS	4096u	/* indices between two looks at stop */

/* The index at [@i, @j], read once; false: out of range. */
static bool number(const struct loom_work *work, uint64_t i, uint64_t j, uint64_t rows,
		   uint64_t *row)
{
	const struct loom_operand *op = &work->operands[2];
	uint64_t idx[LOOM_RANK_MAX] = { i, j };
	const void *p = at(op, offset_of(op, op, idx, 0));
	int64_t n;
	int32_t v;

	if (op->dtype == LOOM_DTYPE_I32) {
		memcpy(&v, p, sizeof(v));
		n = v;
	} else {
		memcpy(&n, p, sizeof(n));
	}
	if (n < 0)
		n += (int64_t)rows;
	*row = (uint64_t)n;
	return n >= 0 && (uint64_t)n < rows;
}

static bool sum(const struct loom_work *work, const uint64_t *idx, void *to,
		const atomic_uint *stop)
{
	const struct loom_operand *table = &work->operands[1], *indices = &work->operands[2];
	uint64_t from[LOOM_RANK_MAX], row;
	float lane[LOOM_LANES] = { 0 };

	memcpy(from, idx, sizeof(from));
	for (uint64_t j = 0; j < indices->dims[1]; j++) {
		if (j % POLL_STEPS == 0 && atomic_load_explicit(stop, memory_order_relaxed))
			return false;
		if (!number(work, idx[work->u.gather.axis], j, table->dims[work->u.gather.axis],
			    &row))
			continue;
		from[work->u.gather.axis] = row;
		lane[j % LOOM_LANES] = lane[j % LOOM_LANES] +
			loom_f32_load(table->dtype, at(table, offset_of(table, table, from, 0)));
	}
	for (unsigned int h = LOOM_LANES / 2; h; h /= 2)
		for (unsigned int l = 0; l < h; l++)
			lane[l] = lane[l] + lane[l + h];
	loom_f32_put(work->operands[0].dtype, to, lane[0], 0);
	return true;
}

/* TAKE and SUM: a tile is some elements of dst. */
static bool gather_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
			const atomic_uint *stop)
{
	const struct loom_operand *dst = &work->operands[0], *table = &work->operands[1];
	uint64_t idx[LOOM_RANK_MAX] = { 0 }, n = elements(dst), i = tile * TILE_ELEMENTS, row;
	uint32_t axis = work->u.gather.axis;
	unsigned int mode;
	bool done = true;

	(void)arena;
	if (atomic_load_explicit(stop, memory_order_relaxed))
		return false;
	mode = loom_float_enter();
	for (; done && i < n && i < (tile + 1) * TILE_ELEMENTS; i++) {
		uint8_t *to;

		index_of(dst, i, idx);
		to = at(dst, offset_of(dst, dst, idx, 0));
		if (work->u.gather.op == LOOM_GATHER_SUM) {
			done = sum(work, idx, to, stop);
			continue;
		}
		memset(to, 0, dst->size);
		if (!number(work, idx[axis], 0, table->dims[axis], &row))
			continue;
		idx[axis] = row;
		memcpy(to, at(table, offset_of(table, table, idx, 0)), dst->size);
	}
	loom_float_leave(mode);
	return done;
}

/* PUT: a tile is what all indices put to one place beside the axis. */
static bool put_tile(const struct loom_work *work, uint64_t tile, struct loom_arena *arena,
		     const atomic_uint *stop)
{
	const struct loom_operand *table = &work->operands[0], *src = &work->operands[1];
	uint64_t from[LOOM_RANK_MAX] = { 0 }, to[LOOM_RANK_MAX], row;
	uint32_t axis = work->u.gather.axis;

	(void)arena;
	for (unsigned int i = table->rank; i-- > 0;)
		if (i != axis) {
			from[i] = tile % table->dims[i];
			tile /= table->dims[i];
		}
	memcpy(to, from, sizeof(to));
	for (uint64_t i = 0; i < src->dims[axis]; i++) {
		if (i % POLL_STEPS == 0 && atomic_load_explicit(stop, memory_order_relaxed))
			return false;
		if (!number(work, i, 0, table->dims[axis], &row))
			continue;
		from[axis] = i;
		to[axis] = row;
		memcpy(at(table, offset_of(table, table, to, 0)),
		       at(src, offset_of(src, src, from, 0)), table->size);
	}
	return true;
}

void loom_reference_gather(struct loom_work *work)
{
	uint64_t n = elements(&work->operands[0]);

	if (work->u.gather.op == LOOM_GATHER_PUT) {
		work->tiles = work->operands[1].extent ?
			      n / work->operands[0].dims[work->u.gather.axis] : 0;
		work->run = put_tile;
		return;
	}
	work->tiles = n / TILE_ELEMENTS + (n % TILE_ELEMENTS != 0);
	work->run = gather_tile;
}
