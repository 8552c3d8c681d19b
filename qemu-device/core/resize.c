// SPDX-License-Identifier: MIT
/*
 * RESIZE and ARG. Both see an operand as rows along an axis, each with what lies behind the axis. If that
 * is more than one element, many of these are taken together; if the axis is the last one, many
 * places of it.
 */
#include "fold.h"
#include "numerics.h"

#define POLL_STEPS	16u	/* chunks between two looks at stop */
#define HELD		2048u	/* elements of a row that is widened once */

/** struct rows - an operand around an axis */
struct rows {
	const struct loom_operand *op;
	struct loom_operand outer, inner;
	uint64_t outer_n, inner_n;
	uint64_t length;	/* of the axis */
	int64_t step;		/* bytes between its elements */
};

static void rows_init(struct rows *r, const struct loom_operand *op, uint32_t axis)
{
	r->op = op;
	r->outer = loom_fold_part(op, (1u << axis) - 1);
	r->inner = loom_fold_part(op, ~((2u << axis) - 1));
	r->inner.origin = 0;
	r->outer_n = loom_elements(&r->outer);
	r->inner_n = loom_elements(&r->inner);
	r->length = op->dims[axis];
	r->step = op->strides[axis] * (int64_t)op->size;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool stopped(const atomic_uint *stop)
{
	return atomic_load_explicit(stop, memory_order_relaxed);
}

/* Offset of element [@outer, 0, 0]. */
static uint64_t row_at(const struct rows *r, uint64_t outer)
{
	struct loom_walk walk;

	loom_walk_init(&walk, &r->outer, &r->outer, outer);
	return walk.off;
}

/* From element @start behind the axis, in the row at @off. */
static struct loom_walk walk_at(const struct rows *r, uint64_t off, uint64_t start)
{
	struct loom_walk walk;

	loom_walk_init(&walk, &r->inner, &r->inner, start);
	walk.off += off;
	return walk;
}

/* @n numbers of a table, of tap @t from @o on. */
static const void *column(const struct loom_operand *op, uint64_t o, uint64_t t, uint64_t n, void *bounce)
{
	return loom_row_get(op, op->origin + o * (uint64_t)op->strides[0] * op->size +
			    t * (uint64_t)op->strides[1] * op->size,
			    op->strides[0] * (int64_t)op->size, n, bounce);
}

/* A place, read once. */
static bool place_at(const struct loom_work *work, uint64_t o, uint64_t t, uint64_t *place)
{
	uint32_t bounce, v;

	memcpy(&v, column(&work->operands[2], o, t, 1, &bounce), sizeof(v));
	*place = v;
	return v < work->operands[1].dims[work->u.resize.axis];
}

/* --- RESIZE: what lies behind element @o of the axis --------------------------------------- */

static bool behind_moved(const struct rows *dst, const struct rows *src, const struct loom_work *work,
			 uint64_t to, uint64_t from, uint64_t o, const atomic_uint *stop)
{
	uint64_t place, now, bounce[LOOM_CHUNK];
	bool there = place_at(work, o, 0, &place);
	struct loom_walk out = walk_at(dst, to + o * (uint64_t)dst->step, 0), in;

	if (there)
		in = walk_at(src, from + place * (uint64_t)src->step, 0);
	for (uint64_t i = 0; !there && i < LOOM_CHUNK; i++)
		memcpy((uint8_t *)bounce + i * dst->op->size, &work->u.resize.value, dst->op->size);
	for (uint64_t start = 0; start < dst->inner_n; start += now) {
		now = less(dst->inner_n - start, LOOM_CHUNK);
		if (start % (POLL_STEPS * LOOM_CHUNK) == 0 && stopped(stop))
			return false;
		loom_walk_put(&out, now, there ? loom_walk_get(&in, now, bounce) : bounce);
	}
	return true;
}

static bool behind(const struct loom_rows *rows, const struct rows *dst, const struct rows *src,
		   const struct loom_work *work, uint64_t to, uint64_t from, uint64_t o,
		   const atomic_uint *stop)
{
	float acc[LOOM_CHUNK], x[LOOM_CHUNK], value = loom_f32_of((uint32_t)work->u.resize.value), w;
	uint64_t taps = work->operands[2].dims[1], place, now;
	uint32_t result[LOOM_CHUNK], bounce;
	struct loom_walk out = walk_at(dst, to + o * (uint64_t)dst->step, 0), in;

	for (uint64_t start = 0; start < dst->inner_n; start += now) {
		now = less(dst->inner_n - start, LOOM_CHUNK);
		/* there may be no taps */
		if (stopped(stop))
			return false;
		memset(acc, 0, now * sizeof(*acc));
		for (uint64_t t = 0; t < taps; t++) {
			if (t % POLL_STEPS == POLL_STEPS - 1 && stopped(stop))
				return false;
			if (place_at(work, o, t, &place)) {
				in = walk_at(src, from + place * (uint64_t)src->step, start);
				loom_fold_floats(rows, &in, x, now);
			} else {
				loom_fold_fill(x, value, now);
			}
			memcpy(&w, column(&work->operands[3], o, t, 1, &bounce), sizeof(w));
			rows->weigh(acc, x, &w, false, now);
		}
		rows->narrow(dst->op->dtype, acc, result, now, 0);
		loom_walk_put(&out, now, result);
	}
	return true;
}

/* --- RESIZE of the last axis: a chunk of its elements, from @o on ---------------------------- */

static void pick_moved(const struct rows *src, const int32_t *places, uint64_t from, uint64_t value,
		       uint64_t n, void *to)
{
	uint32_t size = src->op->size;
	uint8_t *p = to;
	uint64_t bounce;

	for (uint64_t i = 0; i < n; i++, p += size) {
		uint64_t place = (uint32_t)places[i];
		const void *x = &value;

		if (place < src->length)
			x = loom_view_get(&src->op->view, from + place * (uint64_t)src->step, size,
					  &bounce);
		memcpy(p, x, size);
	}
}

/* @held: the row, widened, or NULL. */
static void pick(const struct rows *src, const int32_t *places, uint64_t from, const float *held,
		 float value, uint64_t n, float *x)
{
	uint64_t bounce;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t place = (uint32_t)places[i];

		if (place >= src->length)
			x[i] = value;
		else if (held)
			x[i] = held[place];
		else
			x[i] = loom_f32_load(src->op->dtype,
					     loom_view_get(&src->op->view,
							   from + place * (uint64_t)src->step,
							   src->op->size, &bounce));
	}
}

static bool chunk(const struct loom_rows *rows, const struct rows *dst, const struct rows *src,
		  const struct loom_work *work, uint64_t to, uint64_t from, uint64_t o, uint64_t n,
		  const float *held, const atomic_uint *stop)
{
	float acc[LOOM_CHUNK] = { 0 }, x[LOOM_CHUNK], value;
	const struct loom_operand *places = &work->operands[2], *weights = &work->operands[3];
	int32_t numbers[LOOM_CHUNK];
	uint32_t bounce[LOOM_CHUNK];
	uint64_t result[LOOM_CHUNK];

	value = loom_f32_of((uint32_t)work->u.resize.value);
	for (uint64_t t = 0; t < places->dims[1]; t++) {
		if (t % POLL_STEPS == 0 && stopped(stop))
			return false;
		/* a guest may change them: they are read once */
		memcpy(numbers, column(places, o, t, n, bounce), n * sizeof(*numbers));
		if (!weights->dtype) {
			pick_moved(src, numbers, from, work->u.resize.value, n, result);
			break;
		}
		pick(src, numbers, from, held, value, n, x);
		rows->weigh(acc, x, column(weights, o, t, n, bounce), true, n);
	}
	if (weights->dtype)
		rows->narrow(dst->op->dtype, acc, result, n, 0);
	loom_row_put(dst->op, to + o * (uint64_t)dst->step, dst->step, n, result);
	return true;
}

static bool last_axis(const struct rows *dst)
{
	return dst->inner_n == 1;
}

/* Units of work: what lies behind one element of the axis, or chunks of it. */
static uint64_t units_of(const struct rows *dst)
{
	return last_axis(dst) ? dst->length / LOOM_CHUNK + (dst->length % LOOM_CHUNK != 0) :
	       dst->length;
}

void loom_resize_plan(struct loom_work *work, loom_tile_fn run)
{
	uint64_t each, total;
	struct rows dst;

	rows_init(&dst, &work->operands[0], work->u.resize.axis);
	each = last_axis(&dst) ? less(dst.length, LOOM_CHUNK) : dst.inner_n;
	/* finding a row takes as long as some elements of it */
	if (__builtin_mul_overflow(each + 16, work->operands[2].dims[1] + 1ull, &each))
		each = UINT64_MAX;
	work->u.resize.per = each < LOOM_TILE_ELEMENTS ? LOOM_TILE_ELEMENTS / each : 1;
	total = dst.outer_n * units_of(&dst);
	work->tiles = total / work->u.resize.per + (total % work->u.resize.per != 0);
	work->run = run;
}

/* May be stopped anywhere: what it reads it does not write. */
bool loom_resize_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		      const atomic_uint *stop)
{
	uint64_t n = tile * work->u.resize.per, end, units, held_row = UINT64_MAX;
	unsigned int mode = loom_float_enter();
	bool done = !stopped(stop), last;
	float held[HELD];
	struct rows dst, src;

	rows_init(&dst, &work->operands[0], work->u.resize.axis);
	rows_init(&src, &work->operands[1], work->u.resize.axis);
	last = last_axis(&dst);
	units = units_of(&dst);
	end = less(n + work->u.resize.per, dst.outer_n * units);
	for (; done && n < end; n++) {
		uint64_t outer = n / units, unit = n % units;
		uint64_t to = row_at(&dst, outer), from = src.op->extent ? row_at(&src, outer) : 0;

		if (!last) {
			done = work->operands[3].dtype ?
			       behind(rows, &dst, &src, work, to, from, unit, stop) :
			       behind_moved(&dst, &src, work, to, from, unit, stop);
			continue;
		}
		if (work->operands[3].dtype && src.length && src.length <= HELD && held_row != outer) {
			uint32_t bounce[HELD];

			rows->widen(src.op->dtype,
				    loom_row_get(src.op, from, src.step, src.length, bounce),
				    held, src.length);
			held_row = outer;
		}
		done = chunk(rows, &dst, &src, work, to, from, unit * LOOM_CHUNK,
			     less(dst.length - unit * LOOM_CHUNK, LOOM_CHUNK),
			     held_row == outer ? held : NULL, stop);
	}
	loom_float_leave(mode);
	return done;
}

/* --- ARG ---------------------------------------------------------------------------------
 * Elements become integers that are ordered as they are wanted: the largest wins, NaN is
 * larger than all else, and zeros are equal.
 */

static void keys_of_floats(const float *restrict x, int32_t *restrict key, uint64_t n, int32_t flip)
{
	for (uint64_t i = 0; i < n; i++) {
		int32_t v = (int32_t)loom_f32_bits(x[i]);
		int32_t k = v < 0 ? v ^ INT32_MAX : v;

		k = x[i] == 0.0f ? 0 : k;
		key[i] = x[i] != x[i] ? INT32_MAX : k ^ flip;
	}
}

static void keys(const struct loom_rows *rows, unsigned int dtype, const void *p, int32_t *key,
		 uint64_t n, int32_t flip)
{
	float x[LOOM_CHUNK];

	if (dtype != LOOM_DTYPE_I32) {
		rows->widen(dtype, p, x, n);
		keys_of_floats(x, key, n, flip);
		return;
	}
	memcpy(key, p, n * sizeof(*key));
	for (uint64_t i = 0; i < n; i++)
		key[i] ^= flip;
}

static void better(int32_t *restrict best, int32_t *restrict which, const int32_t *restrict key,
		   uint64_t n, int32_t k, bool last)
{
	for (uint64_t i = 0; i < n; i++) {
		bool take = last ? key[i] >= best[i] : key[i] > best[i];

		best[i] = take ? key[i] : best[i];
		which[i] = take ? k : which[i];
	}
}

static void put_numbers(struct loom_walk *out, const int32_t *which, uint64_t n)
{
	int64_t wide[LOOM_CHUNK];

	if (out->op->size == sizeof(*which)) {
		loom_walk_put(out, n, which);
		return;
	}
	for (uint64_t i = 0; i < n; i++)
		wide[i] = which[i];
	loom_walk_put(out, n, wide);
}

/* Results [@start, @start + @now) behind the axis. */
static bool arg_behind(const struct loom_rows *rows, const struct rows *dst, const struct rows *src,
		       const struct loom_work *work, uint64_t outer, uint64_t start, uint64_t now,
		       const atomic_uint *stop)
{
	uint64_t base = row_at(src, outer);
	int32_t best[LOOM_CHUNK], which[LOOM_CHUNK] = { 0 }, key[LOOM_CHUNK];
	struct loom_walk out = walk_at(dst, row_at(dst, outer), start), first = walk_at(src, base, start);
	int32_t flip = work->u.arg.op == LOOM_ARG_MIN ? -1 : 0;
	uint32_t bounce[LOOM_CHUNK];

	for (uint64_t k = 0; k < src->length; k++) {
		struct loom_walk in = first;

		if (k % POLL_STEPS == 0 && stopped(stop))
			return false;
		in.off += k * (uint64_t)src->step;
		keys(rows, src->op->dtype, loom_walk_get(&in, now, bounce), k ? key : best, now, flip);
		if (k)
			better(best, which, key, now, (int32_t)k, work->u.arg.last);
	}
	put_numbers(&out, which, now);
	return true;
}

/* One result: elements of the axis, a chunk at a time. */
static bool arg_along(const struct loom_rows *rows, const struct rows *dst, const struct rows *src,
		      const struct loom_work *work, uint64_t outer, const atomic_uint *stop)
{
	uint64_t base = row_at(src, outer), now;
	int32_t best = 0, which = -1, key[LOOM_CHUNK];
	struct loom_walk out = walk_at(dst, row_at(dst, outer), 0);
	int32_t flip = work->u.arg.op == LOOM_ARG_MIN ? -1 : 0;
	uint32_t bounce[LOOM_CHUNK];

	for (uint64_t k = 0; k < src->length; k += now) {
		now = less(src->length - k, LOOM_CHUNK);
		if (k % (POLL_STEPS * LOOM_CHUNK) == 0 && stopped(stop))
			return false;
		keys(rows, src->op->dtype, loom_row_get(src->op, base + k * (uint64_t)src->step, src->step,
							now, bounce), key, now, flip);
		for (uint64_t i = 0; i < now; i++) {
			if (which >= 0 && !(work->u.arg.last ? key[i] >= best : key[i] > best))
				continue;
			best = key[i];
			which = (int32_t)(k + i);
		}
	}
	put_numbers(&out, &which, 1);
	return true;
}

static uint64_t pieces(const struct rows *dst)
{
	return dst->inner_n / LOOM_CHUNK + (dst->inner_n % LOOM_CHUNK != 0);
}

void loom_arg_plan(struct loom_work *work, loom_tile_fn run)
{
	uint64_t each, total;
	struct rows dst;

	rows_init(&dst, &work->operands[0], work->u.arg.axis);
	if (__builtin_mul_overflow(less(dst.inner_n, LOOM_CHUNK),
				   work->operands[1].dims[work->u.arg.axis] + 16ull, &each))
		each = UINT64_MAX;
	work->u.arg.per = each < LOOM_TILE_ELEMENTS ? LOOM_TILE_ELEMENTS / each : 1;
	total = dst.outer_n * pieces(&dst);
	work->tiles = total / work->u.arg.per + (total % work->u.arg.per != 0);
	work->run = run;
}

bool loom_arg_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		   const atomic_uint *stop)
{
	uint64_t n = tile * work->u.arg.per, end;
	unsigned int mode = loom_float_enter();
	bool done = !stopped(stop);
	struct rows dst, src;

	rows_init(&dst, &work->operands[0], work->u.arg.axis);
	rows_init(&src, &work->operands[1], work->u.arg.axis);
	end = less(n + work->u.arg.per, dst.outer_n * pieces(&dst));
	for (; done && n < end; n++) {
		uint64_t start = n % pieces(&dst) * LOOM_CHUNK;

		if (dst.inner_n == 1)
			done = arg_along(rows, &dst, &src, work, n / pieces(&dst), stop);
		else
			done = arg_behind(rows, &dst, &src, work, n / pieces(&dst), start,
					  less(dst.inner_n - start, LOOM_CHUNK), stop);
	}
	loom_float_leave(mode);
	return done;
}
