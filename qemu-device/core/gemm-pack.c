// SPDX-License-Identifier: MIT
/* Packing of matrices into panels of 32-bit words. */
#include "gemm.h"
#include "numerics.h"
#include "walk.h"

/* Shorter runs of lines are fetched along k, whatever their strides. */
#define LINES_MIN	4u
/* Lines that pass through the scratch at a time. */
#define LINES_STEP	512u
/* Values of k between two looks at stop. */
#define ROWS_STEP	256u
/* Words between a prefetch and its use. */
#define AHEAD		4u
/* Words along k of a panel of b that pass through the scratch at a time. */
#define PANEL_STEP	32u
/* ... and between a prefetch of it and its use. */
#define PANEL_AHEAD	64u

static size_t words_of(const struct loom_gemm_shape *shape, uint64_t kc)
{
	return (kc + shape->kpack - 1) / shape->kpack;
}

size_t loom_pack_scratch(const struct loom_gemm_shape *shape, unsigned int block)
{
	size_t along_k, across;

	/* raw and converted lines, neither longer than its words, and one of zeros */
	along_k = (2 * LOOM_GEMM_COLUMNS + 1) * words_of(shape, block) * 4;
	across = (shape->kpack + 1) * LINES_STEP * 4;
	return along_k > across ? along_k : across;
}

static bool stopped(const struct loom_pack *pack)
{
	return atomic_load_explicit(pack->stop, memory_order_relaxed);
}

/* What is to be flipped in a word of four values. */
static uint32_t flip_of(const struct loom_pack *pack)
{
	return (uint32_t)pack->adjust * 0x01010101u;
}

/* Lines that are best fetched along k. */
static bool pack_along(const struct loom_gemm_kern *kern, const struct loom_gemm_shape *shape,
		       const struct loom_pack *pack, uint64_t first, uint64_t end, uint64_t k0,
		       uint64_t kc, unsigned int block, uint32_t *dst, size_t kw, size_t w0,
		       uint8_t *scratch)
{
	const void *rows[LOOM_GEMM_COLUMNS];
	size_t words = words_of(shape, kc), line = words_of(shape, block) * 4;
	bool bytes = shape->kpack == 4 && kc % 4 == 0;
	uint32_t *zeros = (uint32_t *)scratch, flip = bytes ? flip_of(pack) : 0;
	uint64_t off = pack->off + k0 * (uint64_t)pack->k;

	memset(zeros, 0, words * 4);
	for (; first < end; first++) {
		uint64_t start = loom_pack_start(pack, first);
		unsigned int width = (unsigned int)(loom_pack_start(pack, first + 1) - start);

		if (stopped(pack))
			return false;
		for (unsigned int i = 0; i < width; i++) {
			uint8_t *raw = scratch + (1 + 2 * i) * line;

			rows[i] = zeros;
			if (start + i >= pack->lines)
				continue;
			if (pack->source)
				rows[i] = pack->source->get_along(pack->source, start + i, k0, kc,
								  raw);
			else
				rows[i] = loom_row_get(pack->op,
						       off + (start + i) * (uint64_t)pack->line,
						       pack->k, kc, raw);
			/* they are words already */
			if (pack->op->dtype == LOOM_DTYPE_F32 || bytes)
				continue;
			kern->rows->words(shape->kpack, pack->op->dtype, pack->adjust, rows[i],
					  (uint32_t *)(raw + line), kc);
			rows[i] = (uint32_t *)(raw + line);
		}
		kern->transpose(rows, width, words, flip, dst + w0 * width);
		dst += kw * width;
	}
	return true;
}

/* What a panel's lines hold of values in one piece; what the next panel's do is fetched. */
static void get_lines(const struct loom_pack *pack, const uint64_t *offs, unsigned int width,
		      uint64_t n, const void *zeros, uint8_t *raw, size_t line, const void **rows)
{
	const struct loom_gemm_source *source = pack->source;
	uint64_t next = (uint64_t)source->step * width, len = n * pack->op->size, avail;

	for (unsigned int i = 0; i < width; i++, raw += 2 * line) {
		rows[i] = zeros;
		if (offs[i] == LOOM_GEMM_HOLE)
			continue;
		rows[i] = loom_row_get(pack->op, offs[i], source->along, n, raw);
		if (source->along != pack->op->size || offs[i] + next >= pack->op->view.size)
			continue;
		for (const uint8_t *p = loom_view_at(&pack->op->view, offs[i] + next, &avail),
		     *end = p + (len < avail ? len : avail); p < end; p += 64)
			__builtin_prefetch(p);
	}
}

/* Lines whose values are in pieces along k, the same for all. */
static bool pack_lines(const struct loom_gemm_kern *kern, const struct loom_gemm_shape *shape,
		       const struct loom_pack *pack, uint64_t first, uint64_t end, uint64_t k0,
		       uint64_t kc, unsigned int block, uint32_t *dst, size_t kw, size_t w0,
		       uint8_t *scratch)
{
	size_t line = words_of(shape, block) * 4;
	bool words = pack->op->dtype == LOOM_DTYPE_F32;
	const void *zeros = memset(scratch, 0, line), *rows[LOOM_GEMM_COLUMNS];
	uint64_t offs[LOOM_GEMM_COLUMNS], n;

	for (; first < end; first++) {
		uint64_t start = loom_pack_start(pack, first);
		unsigned int width = (unsigned int)(loom_pack_start(pack, first + 1) - start);

		if (stopped(pack))
			return false;
		for (uint64_t k = 0; k < kc; k += n) {
			uint8_t *raw = scratch + line;

			n = pack->source->get_lines(pack->source, start, width, k0 + k, kc - k,
						    offs);
			get_lines(pack, offs, width, n, zeros, raw, line, rows);
			for (unsigned int i = 0; !words && i < width; i++, raw += 2 * line) {
				kern->rows->words(1, pack->op->dtype, 0, rows[i],
						  (uint32_t *)(raw + line), n);
				rows[i] = raw + line;
			}
			kern->transpose(rows, width, n, 0, dst + (w0 + k) * width);
		}
		dst += kw * width;
	}
	return true;
}

/* Each value of k is in another page, where a processor's own prefetching starts anew. */
static void prefetch(const struct loom_pack *pack, uint64_t off, uint64_t n)
{
	uint64_t avail, len = n * pack->op->size;
	const uint8_t *p = loom_view_at(&pack->op->view, off, &avail);

	for (uint64_t i = 0; i < len && i < avail; i += 64)
		__builtin_prefetch(p + i);
}

/* A word of each of @n lines from @from, the first that of panel @first, to their panels. */
static void spread(const struct loom_pack *pack, uint64_t first, uint64_t end,
		   const uint32_t *from, uint64_t n, size_t w, size_t kw, uint32_t *dst)
{
	uint64_t width;

	for (; first < end; first++, from += width, n -= width, dst += width * kw) {
		width = loom_pack_start(pack, first + 1) - loom_pack_start(pack, first);
		if (width == LOOM_GEMM_COLUMNS && n >= width) {
			/* the usual width is a move of a known length */
			memcpy(dst + w * width, from, LOOM_GEMM_COLUMNS * 4);
		} else if (n >= width) {
			memcpy(dst + w * width, from, width * 4);
		} else {
			memcpy(dst + w * width, from, n * 4);
			memset(dst + w * width + n, 0, (width - n) * 4);
			n = width;
		}
	}
}

static const void *get_across(const struct loom_pack *pack, uint64_t k, uint64_t start, uint64_t n,
			      void *bounce)
{
	if (pack->source)
		return pack->source->get_across(pack->source, k, start, n, bounce);
	return loom_row_get(pack->op, pack->off + k * (uint64_t)pack->k +
			    start * (uint64_t)pack->line, pack->line, n, bounce);
}

/* Lines that are neighbours in memory. */
static bool pack_across(const struct loom_gemm_kern *kern, const struct loom_gemm_shape *shape,
			const struct loom_pack *pack, uint64_t first, uint64_t end, uint64_t k0,
			uint64_t kc, uint32_t *dst, size_t kw, size_t w0, uint8_t *scratch)
{
	uint32_t *words = (uint32_t *)scratch;
	uint8_t *raw = scratch + LINES_STEP * 4;
	uint64_t step = LINES_STEP / LOOM_GEMM_COLUMNS, next;
	bool whole;

	for (; first < end; first = next) {
		uint64_t start = loom_pack_start(pack, first), stop, n;

		next = end - first < step ? end : first + step;
		stop = loom_pack_start(pack, next);
		n = (stop < pack->lines ? stop : pack->lines) - start;
		whole = shape->kpack == 4 && n == (next - first) * LOOM_GEMM_COLUMNS;
		for (size_t w = 0; w < words_of(shape, kc); w++) {
			const void *src[4] = { NULL };
			const uint32_t *from;

			if (stopped(pack))
				return false;
			if (!pack->source && (w + AHEAD) * shape->kpack < kc)
				prefetch(pack, pack->off +
					 (k0 + (w + AHEAD) * shape->kpack) * (uint64_t)pack->k +
					 start * (uint64_t)pack->line, n);
			for (unsigned int j = 0; j < shape->kpack; j++) {
				uint64_t k = w * shape->kpack + j;

				if (k >= kc) {
					/* becomes zero */
					src[j] = memset(raw + j * LINES_STEP * 4, pack->adjust, n);
					continue;
				}
				src[j] = get_across(pack, k0 + k, start, n,
						    raw + j * LINES_STEP * 4);
			}
			if (whole) {
				kern->weave(src, next - first, flip_of(pack),
					    dst + (w0 + w) * LOOM_GEMM_COLUMNS,
					    kw * LOOM_GEMM_COLUMNS);
				continue;
			}
			from = src[0];
			if (pack->op->dtype != LOOM_DTYPE_F32) {
				kern->rows->weave(shape->kpack, pack->op->dtype, pack->adjust, src,
						  words, n);
				from = words;
			}
			spread(pack, first, next, from, n, w0 + w, kw, dst);
		}
		dst += (stop - start) * kw;
	}
	return true;
}

/* Lines of binary32 that are neighbours, in whole panels of b, as far as memory is in one piece. */
static bool pack_rows(const struct loom_gemm_kern *kern, const struct loom_pack *pack,
		      uint64_t first, uint64_t end, uint64_t k0, uint64_t kc, uint32_t *dst,
		      size_t kw, size_t w0)
{
	uint64_t off = pack->off + k0 * (uint64_t)pack->k + loom_pack_start(pack, first) * 4;
	uint64_t line = (end - first) * LOOM_GEMM_COLUMNS * 4, n, avail;

	for (uint64_t k = 0; k < kc; k += n) {
		const uint8_t *src = loom_view_at(&pack->op->view, off + k * (uint64_t)pack->k,
						  &avail);

		if (stopped(pack))
			return false;
		n = 1;
		if (avail >= line && pack->k > 0)
			n += (avail - line) / (uint64_t)pack->k;
		if (n > ROWS_STEP)
			n = ROWS_STEP;
		if (n > kc - k)
			n = kc - k;
		if (avail < line) {
			uint32_t row[LINES_STEP];

			kern->rows->spread(loom_view_get(&pack->op->view,
							 off + k * (uint64_t)pack->k, line, row),
					   0, 1, end - first, dst + (w0 + k) * LOOM_GEMM_COLUMNS,
					   kw * LOOM_GEMM_COLUMNS);
			continue;
		}
		kern->rows->spread(src, pack->k, n, end - first,
				   dst + (w0 + k) * LOOM_GEMM_COLUMNS, kw * LOOM_GEMM_COLUMNS);
	}
	return true;
}

/* What a window sees, in whole panels. */
static bool pack_windows(const struct loom_gemm_kern *kern, const struct loom_pack *pack,
			 uint64_t first, uint64_t end, uint64_t k0, uint64_t kc, uint32_t *dst,
			 size_t kw, size_t w0)
{
	for (; first < end; first++, dst += LOOM_GEMM_COLUMNS * kw) {
		uint64_t start = loom_pack_start(pack, first), n = pack->lines - start;

		if (stopped(pack))
			return false;
		pack->source->get_panel(pack->source, kern->rows, start,
					n < LOOM_GEMM_COLUMNS ? n : LOOM_GEMM_COLUMNS, k0, kc,
					dst + w0 * LOOM_GEMM_COLUMNS);
	}
	return true;
}

#define NARROW		16u	/* columns that are moved at a time */
#define NARROW_STEP	64u	/* values of k that pass through the stack at a time */

_Static_assert(LOOM_GEMM_ROWS_MAX <= NARROW, "panels of a");

/* The same in panels of a, which are narrower: a move takes what comes after, which is then replaced. */
static bool pack_narrow(const struct loom_gemm_kern *kern, const struct loom_pack *pack,
			uint64_t first, uint64_t end, uint64_t k0, uint64_t kc, uint32_t *dst,
			size_t kw, size_t w0)
{
	for (; first < end; first++) {
		uint64_t start = loom_pack_start(pack, first);
		size_t width = loom_pack_start(pack, first + 1) - start;
		uint32_t *to = dst + w0 * width;

		if (stopped(pack))
			return false;
		for (uint64_t k = 0; k < kc; k += NARROW_STEP) {
			uint64_t n = kc - k < NARROW_STEP ? kc - k : NARROW_STEP;
			uint32_t wide[NARROW_STEP * LOOM_GEMM_COLUMNS], *from = wide;

			pack->source->get_panel(pack->source, kern->rows, start, width, k0 + k, n, wide);
			for (; n * width >= NARROW; n--, from += LOOM_GEMM_COLUMNS, to += width)
				memcpy(to, from, NARROW * 4);
			for (; n; n--, from += LOOM_GEMM_COLUMNS, to += width)
				memcpy(to, from, width * 4);
		}
		dst += kw * width;
	}
	return true;
}

/* b that comes in panels, but not in this kernel's words. */
static bool pack_panels(const struct loom_gemm_kern *kern, const struct loom_gemm_shape *shape,
			const struct loom_pack *pack, uint64_t first, uint64_t end, uint64_t k0,
			uint64_t kc, uint32_t *dst, size_t kw, size_t w0, uint8_t *scratch)
{
	const struct loom_operand *op = pack->op;
	unsigned int group = op->size == 1 ? LOOM_PANEL_GROUP : 1;
	uint64_t word = (uint64_t)op->size * group * LOOM_GEMM_COLUMNS;

	for (; first < end; first++, dst += LOOM_GEMM_COLUMNS * kw) {
		uint64_t off = pack->off + (first * (uint64_t)pack->line) + k0 / group * word;

		for (uint64_t k = 0; k < kc; k += PANEL_STEP * group) {
			uint64_t n = kc - k < PANEL_STEP * group ? kc - k : PANEL_STEP * group;
			uint64_t words = (n + group - 1) / group;
			const void *from = loom_view_get(&op->view, off + k / group * word,
							 words * word, scratch);
			uint32_t *to = dst + (w0 + k / shape->kpack) * LOOM_GEMM_COLUMNS;
			uint64_t next = off + (k / group + PANEL_AHEAD) * word;

			if (stopped(pack))
				return false;
			/* the panels of a tile are several streams, each taken up now and then */
			if (next < op->view.size && words * word <= op->view.size - next)
				prefetch(pack, next, words * word / op->size);
			if (op->size == 1)
				kern->rows->split(from, pack->adjust, to,
						  words_of(shape, n) * LOOM_GEMM_COLUMNS);
			else
				kern->rows->widen(op->dtype, from, (float *)to,
						  n * LOOM_GEMM_COLUMNS);
		}
	}
	return true;
}

bool loom_pack_is_across(const struct loom_pack *pack)
{
	if (pack->source)
		return pack->source->across;
	return pack->line == pack->op->size && pack->lines >= LINES_MIN;
}

bool loom_pack_panels(const struct loom_gemm_kern *kern, const struct loom_gemm_shape *shape,
		      const struct loom_pack *pack, uint64_t first, uint64_t end, uint64_t k0,
		      uint64_t kc, unsigned int block, uint32_t *dst, size_t kw, size_t w0,
		      void *scratch)
{
	if (pack->op->panels)
		return pack_panels(kern, shape, pack, first, end, k0, kc, dst, kw, w0, scratch);
	if (pack->op->dtype == LOOM_DTYPE_F32 && pack->line == 4 && !pack->source &&
	    pack->cut == pack->panels * LOOM_GEMM_COLUMNS) {
		uint64_t most = LINES_STEP / LOOM_GEMM_COLUMNS, whole = pack->lines / LOOM_GEMM_COLUMNS;

		while (first < end && first < whole) {
			uint64_t next = end < whole ? end : whole;

			if (next - first > most)
				next = first + most;
			if (!pack_rows(kern, pack, first, next, k0, kc, dst, kw, w0))
				return false;
			dst += (next - first) * LOOM_GEMM_COLUMNS * kw;
			if (next == end)
				return true;
			first = next;
		}
	}
	if (pack->source && pack->source->get_panel &&
	    pack->cut == pack->panels * LOOM_GEMM_COLUMNS)
		return pack_windows(kern, pack, first, end, k0, kc, dst, kw, w0);
	if (pack->source && pack->source->get_panel && pack->source->across &&
	    pack->cut == pack->lines)
		return pack_narrow(kern, pack, first, end, k0, kc, dst, kw, w0);
	if (loom_pack_is_across(pack))
		return pack_across(kern, shape, pack, first, end, k0, kc, dst, kw, w0, scratch);
	/* panels of a, which are cut where its lines end */
	if (pack->source && pack->source->get_lines && shape->kpack == 1 && pack->cut == pack->lines)
		return pack_lines(kern, shape, pack, first, end, k0, kc, block, dst, kw, w0, scratch);
	return pack_along(kern, shape, pack, first, end, k0, kc, block, dst, kw, w0,
			  scratch);
}
