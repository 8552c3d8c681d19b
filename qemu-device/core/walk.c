// SPDX-License-Identifier: MIT
#include "walk.h"

/* The run that was used last: strided accesses mostly stay in it. */
struct cursor {
	const struct loom_view *view;
	uint8_t *ptr;
	uint64_t start, len;
};

static inline uint8_t *cursor_at(struct cursor *cur, uint64_t off)
{
	if (off - cur->start >= cur->len) {
		uint32_t i = loom_view_run(cur->view, off);
		const struct loom_run *run = &cur->view->runs[i];

		cur->ptr = run->ptr;
		cur->start = run->start;
		cur->len = (i + 1 < cur->view->nruns ? run[1].start : cur->view->size) -
			   run->start;
	}
	return cur->ptr + (off - cur->start);
}

/* In the packet's own order a result may overlap what is read: memmove. */
static void put_contiguous(const struct loom_view *view, uint64_t off, const uint8_t *src,
			   uint64_t len)
{
	uint64_t avail, n;

	while (len) {
		uint8_t *p = loom_view_at(view, off, &avail);

		n = avail < len ? avail : len;
		memmove(p, src, n);
		src += n;
		off += n;
		len -= n;
	}
}

#define GATHER(size)								\
	for (uint64_t i = 0; i < n; i++, off += (uint64_t)stride)		\
		memcpy((uint8_t *)bounce + i * (size), cursor_at(&cur, off), size)

#define SCATTER(size)								\
	for (uint64_t i = 0; i < n; i++, off += (uint64_t)stride)		\
		memcpy(cursor_at(&cur, off), (const uint8_t *)src + i * (size), size)

#define REPEAT(size)								\
	for (uint64_t i = 0; i < n; i++)					\
		memcpy((uint8_t *)bounce + i * (size), one, size)

const void *loom_row_get(const struct loom_operand *op, uint64_t off, int64_t stride, uint64_t n,
			 void *bounce)
{
	struct cursor cur = { .view = &op->view };
	uint64_t one[1];

	if (stride == op->size || n == 1)
		return loom_view_get(&op->view, off, n * op->size, bounce);
	if (stride == 0)
		memcpy(one, cursor_at(&cur, off), op->size);
	switch (op->size) {
	case 1:
		if (stride == 0)
			memset(bounce, *(uint8_t *)one, n);
		else
			GATHER(1);
		break;
	case 2:
		if (stride == 0)
			REPEAT(2);
		else
			GATHER(2);
		break;
	case 4:
		if (stride == 0)
			REPEAT(4);
		else
			GATHER(4);
		break;
	default:
		if (stride == 0)
			REPEAT(8);
		else
			GATHER(8);
		break;
	}
	return bounce;
}

void loom_row_put(const struct loom_operand *op, uint64_t off, int64_t stride, uint64_t n,
		  const void *src)
{
	struct cursor cur = { .view = &op->view };

	if (stride == op->size || n == 1) {
		put_contiguous(&op->view, off, src, n * op->size);
		return;
	}
	switch (op->size) {
	case 1:
		SCATTER(1);
		break;
	case 2:
		SCATTER(2);
		break;
	case 4:
		SCATTER(4);
		break;
	default:
		SCATTER(8);
		break;
	}
}

void loom_walk_init(struct loom_walk *walk, const struct loom_operand *op,
		    const struct loom_operand *shape, uint64_t start)
{
	unsigned int shift = shape->rank - op->rank, rank = 0;

	walk->op = op;
	walk->off = op->origin;
	for (unsigned int i = 0; i < shape->rank; i++) {
		uint64_t dim = shape->dims[i];
		int64_t stride = 0, span;

		if (dim == 1)
			continue;
		/* of what has no elements, nobody has checked strides, nor the number of places */
		if (op->extent && i >= shift && op->dims[i - shift] != 1)
			stride = op->strides[i - shift] * op->size;
		if (rank && op->extent && !__builtin_mul_overflow(stride, (int64_t)dim, &span) &&
		    walk->strides[rank - 1] == span) {
			walk->dims[rank - 1] *= dim;
			walk->strides[rank - 1] = stride;
			continue;
		}
		walk->dims[rank] = dim;
		walk->strides[rank] = stride;
		rank++;
	}
	if (!rank) {
		walk->dims[0] = 1;
		walk->strides[0] = 0;
		rank = 1;
	}
	walk->rank = rank;
	for (unsigned int i = rank; i-- > 0;) {
		walk->idx[i] = start % walk->dims[i];
		start /= walk->dims[i];
		walk->off += walk->idx[i] * (uint64_t)walk->strides[i];
	}
}

void loom_walk_skip(struct loom_walk *walk, uint64_t n)
{
	unsigned int i = walk->rank - 1;

	walk->idx[i] += n;
	walk->off += n * (uint64_t)walk->strides[i];
	while (walk->idx[i] == walk->dims[i]) {
		walk->off -= walk->dims[i] * (uint64_t)walk->strides[i];
		walk->idx[i] = 0;
		if (i-- == 0)
			return;
		walk->idx[i]++;
		walk->off += (uint64_t)walk->strides[i];
	}
}

const void *loom_walk_get(struct loom_walk *walk, uint64_t n, void *bounce)
{
	const struct loom_operand *op = walk->op;
	int64_t stride = walk->strides[walk->rank - 1];
	uint8_t *to = bounce;
	const void *p;

	if (n <= loom_walk_row(walk)) {
		p = loom_row_get(op, walk->off, stride, n, bounce);
		loom_walk_skip(walk, n);
		return p;
	}
	while (n) {
		uint64_t now = loom_walk_row(walk) < n ? loom_walk_row(walk) : n;

		p = loom_row_get(op, walk->off, stride, now, to);
		if (p != to)
			memcpy(to, p, now * op->size);
		to += now * op->size;
		loom_walk_skip(walk, now);
		n -= now;
	}
	return bounce;
}

void loom_walk_put(struct loom_walk *walk, uint64_t n, const void *src)
{
	const struct loom_operand *op = walk->op;
	int64_t stride = walk->strides[walk->rank - 1];
	const uint8_t *from = src;

	while (n) {
		uint64_t now = loom_walk_row(walk) < n ? loom_walk_row(walk) : n;

		loom_row_put(op, walk->off, stride, now, from);
		from += now * op->size;
		loom_walk_skip(walk, now);
		n -= now;
	}
}

uint64_t loom_walk_span(const struct loom_walk *walk)
{
	uint64_t avail, row = loom_walk_row(walk) * walk->op->size;

	if (walk->strides[walk->rank - 1] != walk->op->size)
		return walk->op->size;
	loom_view_at(&walk->op->view, walk->off, &avail);
	return avail < row ? avail : row;
}

static uint64_t distance(int64_t stride)
{
	return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

void loom_axes_align(struct loom_operand *to, const struct loom_operand *from, unsigned int n)
{
	unsigned int rank = 0, axes[LOOM_RANK_MAX];

	for (unsigned int i = 0; i < from->rank; i++) {
		uint64_t far = distance(from->strides[i]);
		unsigned int at = rank;

		if (from->dims[i] == 1)
			continue;
		for (; at && distance(from->strides[axes[at - 1]]) < far; at--)
			axes[at] = axes[at - 1];
		axes[at] = i;
		rank++;
	}
	for (unsigned int j = 0; j < n; j++) {
		unsigned int shift = from->rank - from[j].rank;

		to[j] = from[j];
		to[j].rank = (uint8_t)rank;
		for (unsigned int i = 0; i < rank; i++) {
			unsigned int axis = axes[i] - shift;
			bool here = axes[i] >= shift && from[j].dims[axis] != 1;

			to[j].dims[i] = from->dims[axes[i]];
			to[j].strides[i] = here ? from[j].strides[axis] : 0;
		}
	}
}

struct loom_operand loom_axes_spread(const struct loom_operand *op,
				     const struct loom_operand *dst)
{
	struct loom_operand to = *op;
	unsigned int shift = dst->rank - op->rank;

	to.rank = dst->rank;
	for (unsigned int i = 0; i < dst->rank; i++) {
		bool here = i >= shift && op->dims[i - shift] != 1;

		to.dims[i] = dst->dims[i];
		to.strides[i] = here ? op->strides[i - shift] : 0;
	}
	return to;
}
