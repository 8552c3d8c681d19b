// SPDX-License-Identifier: MIT
/*
 * GATHER. A row is what lies after the axis: it is moved, added up or put as a whole, in pieces.
 * Tiles of TAKE and SUM are rows of the result; those of PUT are pieces of all its rows, so that an
 * index that comes twice is put in order.
 */
#include "fold.h"
#include "numerics.h"

/** struct rows - rows of the table and of the values */
struct rows {
	const struct loom_operand *table, *values, *indices;
	struct loom_operand outer[2], inner[2];	/* of the table and of the values */
	uint64_t outer_n, inner_n, count;
};

static uint32_t before(uint32_t axis)
{
	return (1u << axis) - 1;
}

static void rows_init(struct rows *r, const struct loom_work *work)
{
	bool put = work->u.gather.op == LOOM_GATHER_PUT;
	uint32_t axis = work->u.gather.axis;

	r->table = &work->operands[put ? 0 : 1];
	r->values = &work->operands[put ? 1 : 0];
	r->indices = &work->operands[2];
	r->count = r->values->dims[axis];
	for (unsigned int i = 0; i < 2; i++) {
		const struct loom_operand *op = i ? r->values : r->table;

		r->outer[i] = loom_fold_part(op, before(axis));
		r->inner[i] = loom_fold_part(op, ~before(axis + 1));
		r->inner[i].origin = 0;
	}
	r->outer_n = loom_elements(&r->outer[0]);
	r->inner_n = loom_elements(&r->inner[0]);
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool stopped(const atomic_uint *stop)
{
	return atomic_load_explicit(stop, memory_order_relaxed);
}

/* The row that an index means, which is read once; false: none. */
static bool number(const struct loom_work *work, uint64_t i, uint64_t j, uint64_t *row)
{
	unsigned int itable = work->u.gather.op == LOOM_GATHER_PUT ? 0 : 1;
	const struct loom_operand *op = &work->operands[2], *table = &work->operands[itable];
	uint64_t off = op->origin + i * (uint64_t)op->strides[0] * op->size, bounce;
	int64_t n, rows = table->dims[work->u.gather.axis];
	const void *p;
	int32_t v;

	if (op->rank > 1)
		off += j * (uint64_t)op->strides[1] * op->size;
	p = loom_view_get(&op->view, off, op->size, &bounce);
	if (op->size == sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		n = v;
	} else {
		memcpy(&n, p, sizeof(n));
	}
	if (n < 0)
		n += rows;
	*row = (uint64_t)n;
	return n >= 0 && n < rows;
}

/* Offset of element [@outer, @i, 0] of the table (@side 0) or the values. */
static uint64_t row_offset(const struct rows *r, unsigned int side, uint32_t axis, uint64_t outer,
			   uint64_t i)
{
	const struct loom_operand *op = side ? r->values : r->table;
	struct loom_walk walk;

	loom_walk_init(&walk, &r->outer[side], &r->outer[side], outer);
	return walk.off + i * (uint64_t)op->strides[axis] * op->size;
}

static struct loom_walk row_walk(const struct rows *r, unsigned int side, uint64_t off,
				 uint64_t start)
{
	struct loom_walk walk;

	loom_walk_init(&walk, &r->inner[side], &r->inner[side], start);
	walk.off += off;
	return walk;
}

/* ---- TAKE ---- */

static bool take(const struct rows *r, const struct loom_work *work, uint64_t n,
		 const atomic_uint *stop)
{
	uint64_t outer = n / r->count, i = n % r->count, row, bounce[LOOM_CHUNK], now;
	uint32_t axis = work->u.gather.axis;
	bool there = number(work, i, 0, &row);
	struct loom_walk to = row_walk(r, 1, row_offset(r, 1, axis, outer, i), 0), from;

	if (there)
		from = row_walk(r, 0, row_offset(r, 0, axis, outer, row), 0);
	else
		memset(bounce, 0, sizeof(bounce));
	for (uint64_t start = 0; start < r->inner_n; start += now) {
		now = less(r->inner_n - start, LOOM_CHUNK);
		if (start % (16 * LOOM_CHUNK) == 0 && stopped(stop))
			return false;
		loom_walk_put(&to, now, there ? loom_walk_get(&from, now, bounce) : bounce);
	}
	return true;
}

/* The elements of a row lie one after the other. */
static bool is_run(const struct loom_operand *inner)
{
	uint64_t stride = 1;

	for (unsigned int i = inner->rank; i-- > 0; stride *= inner->dims[i])
		if (inner->dims[i] != 1 && (uint64_t)inner->strides[i] != stride)
			return false;
	return true;
}

/* Rows [@n, @end) that are short and in one piece: no walk over each. */
static bool take_runs(const struct rows *r, const struct loom_work *work, uint64_t n, uint64_t end,
		      const atomic_uint *stop)
{
	uint64_t size = r->inner_n * r->values->size, bounce[LOOM_CHUNK], from = 0, to = 0, row;
	uint32_t axis = work->u.gather.axis;
	uint64_t i = n % r->count;

	for (bool fresh = true; n < end; n++, i++) {
		if (fresh || i == r->count) {
			i = n % r->count;
			from = row_offset(r, 0, axis, n / r->count, 0);
			to = row_offset(r, 1, axis, n / r->count, 0);
			fresh = false;
		}
		if (i % 64 == 0 && stopped(stop))
			return false;
		if (number(work, i, 0, &row))
			loom_view_put(&r->values->view, to + i * (uint64_t)r->values->strides[axis] *
				      r->values->size,
				      loom_view_get(&r->table->view, from + row *
						    (uint64_t)r->table->strides[axis] *
						    r->table->size, size, bounce), size);
		else
			loom_view_put(&r->values->view, to + i * (uint64_t)r->values->strides[axis] *
				      r->values->size, memset(bounce, 0, size), size);
	}
	return true;
}

/* ---- SUM ---- */

static bool sum(const struct loom_rows *rows, const struct rows *r, const struct loom_work *work,
		uint64_t n, const atomic_uint *stop)
{
	uint64_t outer = n / r->count, i = n % r->count, bag = r->indices->dims[1], row, now;
	float lanes[LOOM_LANES * LOOM_ACROSS], x[LOOM_ACROSS];
	uint32_t axis = work->u.gather.axis, to[LOOM_ACROSS];
	struct loom_walk out = row_walk(r, 1, row_offset(r, 1, axis, outer, i), 0), in;
	uint64_t base = row_offset(r, 0, axis, outer, 0);

	for (uint64_t start = 0; start < r->inner_n; start += now) {
		now = less(r->inner_n - start, LOOM_ACROSS);
		/* a bag may be empty */
		if (stopped(stop))
			return false;
		memset(lanes, 0, LOOM_LANES * now * sizeof(*lanes));
		for (uint64_t j = 0; j < bag; j++) {
			if (j % 64 == 63 && stopped(stop))
				return false;
			if (!number(work, i, j, &row))
				continue;
			in = row_walk(r, 0, base + row * (uint64_t)r->table->strides[axis] *
				      r->table->size, start);
			loom_fold_floats(rows, &in, x, now);
			rows->fold(LOOM_REDUCE_SUM, lanes + j % LOOM_LANES * now, x, now);
		}
		/* lanes without an element are +0, and no other is -0: they change nothing */
		for (unsigned int h = LOOM_LANES / 2; h; h /= 2)
			if (h < bag)
				rows->fold(LOOM_REDUCE_SUM, lanes, lanes + h * now, h * now);
		rows->narrow(r->values->dtype, lanes, to, now, 0);
		loom_walk_put(&out, now, to);
	}
	return true;
}

/* ---- PUT ---- */

static uint64_t pieces(const struct rows *r)
{
	return r->inner_n / LOOM_CHUNK + (r->inner_n % LOOM_CHUNK != 0);
}

static bool put(const struct rows *r, const struct loom_work *work, uint64_t n,
		const atomic_uint *stop)
{
	uint64_t outer = n / pieces(r), start = n % pieces(r) * LOOM_CHUNK, row, bounce[LOOM_CHUNK];
	uint64_t now = less(r->inner_n - start, LOOM_CHUNK);
	uint32_t axis = work->u.gather.axis;
	struct loom_walk to, from, first[2];

	for (unsigned int side = 0; side < 2; side++)
		first[side] = row_walk(r, side, row_offset(r, side, axis, outer, 0), start);
	for (uint64_t i = 0; i < r->count; i++) {
		if (i % 16 == 0 && stopped(stop))
			return false;
		if (!number(work, i, 0, &row))
			continue;
		to = first[0];
		from = first[1];
		to.off += row * (uint64_t)r->table->strides[axis] * r->table->size;
		from.off += i * (uint64_t)r->values->strides[axis] * r->values->size;
		loom_walk_put(&to, now, loom_walk_get(&from, now, bounce));
	}
	return true;
}

/* Rows of the result, or pieces of all. */
static uint64_t units(const struct rows *r, const struct loom_work *work)
{
	return r->outer_n * (work->u.gather.op == LOOM_GATHER_PUT ? pieces(r) : r->count);
}

void loom_gather_plan(struct loom_work *work, loom_tile_fn run)
{
	uint64_t each, total;
	struct rows r;

	/* nothing to put is nothing to do */
	if (!work->operands[work->u.gather.op == LOOM_GATHER_PUT ? 1 : 0].extent)
		return;
	rows_init(&r, work);
	/* finding a row takes as long as some elements of it */
	each = r.inner_n + 16;
	if (work->u.gather.op == LOOM_GATHER_SUM)
		each = __builtin_mul_overflow(each, r.indices->dims[1] + 1ull, &each) ?
		       UINT64_MAX : each;
	if (work->u.gather.op == LOOM_GATHER_PUT)
		each = less(r.inner_n, LOOM_CHUNK) * r.count;
	work->u.gather.per = each < LOOM_TILE_ELEMENTS ? LOOM_TILE_ELEMENTS / each : 1;
	total = units(&r, work);
	work->tiles = total / work->u.gather.per + (total % work->u.gather.per != 0);
	work->run = run;
}

/* May be stopped anywhere: what it reads it does not write. */
bool loom_gather_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		      const atomic_uint *stop)
{
	uint64_t n = tile * work->u.gather.per, end;
	unsigned int mode = loom_float_enter();
	bool done = !stopped(stop);
	struct rows r;

	rows_init(&r, work);
	end = less(n + work->u.gather.per, units(&r, work));
	if (done && work->u.gather.op == LOOM_GATHER_TAKE && r.inner_n <= LOOM_CHUNK &&
	    is_run(&r.inner[0]) && is_run(&r.inner[1])) {
		done = take_runs(&r, work, n, end, stop);
		n = end;
	}
	for (; done && n < end; n++) {
		if (work->u.gather.op == LOOM_GATHER_TAKE)
			done = take(&r, work, n, stop);
		else if (work->u.gather.op == LOOM_GATHER_SUM)
			done = sum(rows, &r, work, n, stop);
		else
			done = put(&r, work, n, stop);
	}
	loom_float_leave(mode);
	return done;
}
