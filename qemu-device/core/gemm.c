// SPDX-License-Identifier: MIT
/* GEMM tiles: the loop over blocks of k. */
#include "gemm.h"
#include "gemm-plan.h"
#include "numerics.h"

/* How far ahead thin kernels have b fetched: bytes of a panel, or rows. */
#define PANEL_AHEAD	2048u
#define ROWS_AHEAD	6u

int64_t loom_gemm_stride(const struct loom_operand *op, unsigned int back)
{
	unsigned int axis = op->rank - 1u - back;

	if (back >= op->rank || op->dims[axis] == 1)
		return 0;
	/* of an operand without elements nothing bounds the strides, and nothing uses them */
	return (int64_t)((uint64_t)op->strides[axis] * op->size);
}

uint64_t loom_gemm_offset(const struct loom_work *work, unsigned int index, uint64_t batch)
{
	const struct loom_operand *c = &work->operands[0], *op = &work->operands[index];
	uint64_t off = op->origin;

	for (unsigned int back = 2; back < c->rank; back++) {
		uint64_t dim = c->dims[c->rank - 1 - back];

		off += batch % dim * (uint64_t)loom_gemm_stride(op, back);
		batch /= dim;
	}
	return off;
}

/* See loom_gemm_a_zero(). */
static uint32_t moved_b_zero(const struct loom_work *work)
{
	return (uint32_t)work->u.gemm.b_zero -
	       (work->operands[2].dtype == LOOM_DTYPE_U8 ? 128 : 0);
}

/** struct tile - a tile in the making */
struct tile {
	const struct loom_gemm_kern *kern;
	const struct loom_gemm_shape *shape;
	const struct loom_work *work;
	const atomic_uint *stop;
	struct loom_gemm_plan plan;
	uint64_t batch;
	/* panels and lines of the tile */
	uint64_t a_first, a_end, b_first, b_end;
	uint64_t m0, rows, cols;
	/* first row of each panel of a, from m0 on, and the end: a division each */
	uint32_t starts[LOOM_GEMM_TILE_PANELS + 1];
	/* rows of accumulators: one more if a row of ones gives the sums of b's columns */
	uint64_t acc_rows;
	/* where the block at hand is: of panel a_first and b_first, and words between lines */
	uint32_t *a, *b;
	size_t a_kw, b_kw;
	uint64_t a_k0, b_k0;	/* first word of the block in them */
	/* the same of a's first row in memory, if it is multiplied there */
	const uint8_t *a_rows;
	uint32_t *acc, *bounce, *scratch;
	/* what integers need besides; NULL: nothing */
	uint32_t *fix_m, *fix_n;
	/* accumulators start from fix_n, or from zero */
	bool fixed;
	/* results go straight to c where they can */
	bool direct;
	int64_t c_m;
	uint64_t c_off;
};

static bool stopped(const struct tile *t)
{
	return atomic_load_explicit(t->stop, memory_order_relaxed);
}

/* Results that are accumulators, in rows: all others pass through the epilogue. */
static bool is_direct(const struct loom_work *work)
{
	const struct loom_operand *op = work->operands;
	bool integer = !loom_dtype_is_float(op[1].dtype);

	if (op[0].dtype != (integer ? LOOM_DTYPE_I32 : LOOM_DTYPE_F32) ||
	    op[3].dtype || op[4].dtype || op[5].dtype || work->u.gemm.act != LOOM_ACT_NONE)
		return false;
	return loom_gemm_stride(&op[0], 0) == 4 && loom_gemm_stride(&op[0], 1) >= 0;
}

static uint64_t row_of(const struct tile *t, uint64_t panel)
{
	return t->m0 + t->starts[panel - t->a_first];
}

static uint32_t *accumulators(const struct tile *t, uint64_t pa, uint64_t pb)
{
	return t->acc + ((pb - t->b_first) * t->acc_rows + row_of(t, pa) - t->m0) *
	       LOOM_GEMM_COLUMNS;
}

/* Where a kernel may write to c itself; NULL: it is in pieces. */
static uint32_t *place_of(const struct tile *t, uint64_t pa, uint64_t pb, unsigned int panels)
{
	uint64_t row = row_of(t, pa), rows = row_of(t, pa + 1) - row, avail;
	uint64_t col = pb * LOOM_GEMM_COLUMNS, n = panels * (uint64_t)LOOM_GEMM_COLUMNS;
	uint8_t *p;

	if (!t->direct || col + n > t->work->u.gemm.n)
		return NULL;
	p = loom_view_at(&t->work->operands[0].view,
			 t->c_off + row * (uint64_t)t->c_m + col * 4, &avail);
	return avail >= (rows - 1) * (uint64_t)t->c_m + n * 4 ? (uint32_t *)p : NULL;
}

static void store(struct tile *t, uint64_t pa, uint64_t pa_end, uint64_t pb, uint64_t pb_end)
{
	uint64_t row = row_of(t, pa), col = pb * LOOM_GEMM_COLUMNS, end = pb_end * LOOM_GEMM_COLUMNS;
	struct loom_gemm_block block = {
		.batch = t->batch,
		.m0 = row,
		.n0 = col,
		.m = row_of(t, pa_end) - row,
		.n = (end < t->work->u.gemm.n ? end : t->work->u.gemm.n) - col,
		.acc = accumulators(t, pa, pb),
		.rows = t->acc_rows,
		.fix_m = t->fix_m ? t->fix_m + (row - t->m0) : NULL,
	};

	if (t->fix_n && !t->fixed)
		block.fix_n = t->fix_n + (pb - t->b_first) * LOOM_GEMM_COLUMNS;
	loom_gemm_store(t->kern->rows, t->work, &block, t->scratch);
}

/* The block's rows of b, @width bytes of each. */
static const void *rows_b(const struct tile *t, uint64_t pb, size_t kw, size_t width,
			  size_t *stride, size_t *ld)
{
	const struct loom_pack *b = &t->plan.b;
	uint64_t off = b->off + t->b_k0 * (uint64_t)b->k + pb * LOOM_GEMM_COLUMNS * b->op->size;
	uint64_t avail;
	const uint8_t *p = loom_view_at(&b->op->view, off, &avail);

	*stride = LOOM_GEMM_COLUMNS;
	*ld = (uint64_t)b->k / b->op->size;
	if (avail >= (kw - 1) * (uint64_t)b->k + width)
		return p;
	*ld = width / b->op->size;
	for (size_t k = 0; k < kw; k++, off += (uint64_t)b->k) {
		uint8_t *to = (uint8_t *)t->bounce + k * width;
		const void *from = loom_view_get(&b->op->view, off, width, to);

		if (from != to)
			memcpy(to, from, width);
	}
	return t->bounce;
}

/* The block's words of a panel of b: packed, or where they came in if they lie together. */
static const void *panel_b(const struct tile *t, uint64_t pb, size_t kw, unsigned int panels,
			   size_t *stride, size_t *ld)
{
	const struct loom_view *view = &t->work->operands[2].view;
	size_t line = LOOM_GEMM_COLUMNS * t->plan.b_size, whole = t->plan.kw * line;
	uint64_t off, avail;
	const uint8_t *p;

	if (t->plan.in_rows)
		return rows_b(t, pb, kw, panels * line, stride, ld);
	*ld = LOOM_GEMM_COLUMNS;
	*stride = t->b_kw * LOOM_GEMM_COLUMNS;
	if (!t->plan.in_place)
		return t->b + ((pb - t->b_first) * t->b_kw + t->b_k0) * LOOM_GEMM_COLUMNS;
	off = t->plan.b.off + pb * whole + t->b_k0 * line;
	*stride = t->plan.kw * LOOM_GEMM_COLUMNS;
	p = loom_view_at(view, off, &avail);
	if (avail >= (panels - 1) * whole + kw * line)
		return p;
	*stride = kw * LOOM_GEMM_COLUMNS;
	for (unsigned int i = 0; i < panels; i++) {
		uint8_t *to = (uint8_t *)t->bounce + i * kw * line;
		const void *from = loom_view_get(view, off + i * whole, kw * line, to);

		if (from != to)
			memcpy(to, from, kw * line);
	}
	return t->bounce;
}

/* Rows of a that come next, where they are. */
static void fetch_rows(const struct tile *t, uint64_t pa, size_t kw)
{
	uint64_t row = row_of(t, pa) - t->m0, end = row_of(t, pa + 1) - t->m0;

	for (; row < end; row++) {
		const uint8_t *p = t->a_rows + row * (uint64_t)t->plan.a.line;

		for (size_t i = 0; i < kw * 4; i += 64)
			__builtin_prefetch(p + i);
	}
}

static const uint32_t zeros[LOOM_GEMM_COLUMNS];

/* A panel of a times one of b, or LOOM_GEMM_THIN of them. */
static void multiply_panel(struct tile *t, uint64_t pa, uint64_t pb, const void *b,
			   size_t stride, size_t ld, const void *ahead, unsigned int panels,
			   size_t kw, bool first, bool last)
{
	unsigned int rows = (unsigned int)(row_of(t, pa + 1) - row_of(t, pa));
	uint64_t a_row = row_of(t, pa) - t->m0;
	uint32_t *acc = accumulators(t, pa, pb), *to = NULL;
	const uint32_t *from = acc;
	size_t panel = t->acc_rows * LOOM_GEMM_COLUMNS;
	struct loom_gemm_step step = {
		.kw = kw,
		.a = t->a + a_row * t->a_kw + t->a_k0 * rows,
		.b = b,
		.b_panel = stride,
		.b_ld = ld,
		.b_ahead = t->plan.in_rows ? ROWS_AHEAD * ld * t->plan.b_size : PANEL_AHEAD,
		.from_ld = LOOM_GEMM_COLUMNS,
		.from_panel = panel,
		.to_ld = LOOM_GEMM_COLUMNS,
		.to_panel = panel,
		.ahead_b = ahead,
		.ahead_c = acc,
		.ahead_ld = LOOM_GEMM_COLUMNS,
	};

	if (first) {
		from = t->fixed ? t->fix_n + (pb - t->b_first) * LOOM_GEMM_COLUMNS : zeros;
		step.from_ld = 0;
		step.from_panel = t->fixed ? LOOM_GEMM_COLUMNS : 0;
	}
	if (last)
		to = place_of(t, pa, pb, panels);
	if (to) {
		step.to_ld = (size_t)t->c_m / 4;
		step.to_panel = LOOM_GEMM_COLUMNS;
	}
	if (!first)
		step.ahead_c = acc + (pa + 1 < t->a_end ? rows : 0) * LOOM_GEMM_COLUMNS;
	step.from = from;
	step.to = to ? to : acc;
	rows += t->plan.ones;
	if (t->plan.a_rows) {
		step.a = (const uint32_t *)(const void *)(t->a_rows + a_row * (uint64_t)t->plan.a.line);
		step.a_ld = (size_t)t->plan.a.line / 4;
		if (pb == t->b_first && pa + 1 < t->a_end)
			fetch_rows(t, pa + 1, kw);
	}
	if (panels > 1) {
		t->plan.set.thin[rows - 1](&step);
	} else {
		for (unsigned int n = 0; n < LOOM_GEMM_COLUMNS; n += t->shape->nr) {
			(t->plan.a_rows ? t->plan.set.rows : t->plan.set.kernels)[rows - 1](&step);
			step.b = (const uint8_t *)step.b + t->shape->nr * t->plan.b_size;
			step.from = (const uint32_t *)step.from + t->shape->nr;
			step.to = (uint32_t *)step.to + t->shape->nr;
		}
	}
	if (last && t->direct && !to) {
		for (unsigned int i = 0; i < panels; i++)
			store(t, pa, pa + 1, pb + i, pb + i + 1);
	}
}

static bool multiply(struct tile *t, size_t kw, bool first, bool last)
{
	uint64_t rows = t->rows + t->plan.ones, na = t->a_end - t->a_first;
	unsigned int panels;

	for (uint64_t pb = t->b_first; pb < t->b_end; pb += panels) {
		const uint8_t *b, *next;
		size_t stride, ld, part;

		panels = !t->plan.a_rows && rows <= t->shape->thin_rows && t->b_end - pb >= LOOM_GEMM_THIN ?
			 LOOM_GEMM_THIN : 1;
		b = panel_b(t, pb, kw, panels, &stride, &ld);
		/* each of a's panels has its part of b's next panel fetched */
		next = b + stride * panels * t->plan.b_size;
		part = kw * LOOM_GEMM_COLUMNS / (na > 4 ? na : 4) * t->plan.b_size;
		for (uint64_t pa = t->a_first; pa < t->a_end; pa++) {
			if (stopped(t))
				return false;
			multiply_panel(t, pa, pb, b, stride, ld, next + (pa - t->a_first) * part,
				       panels, kw, first, last);
		}
	}
	return true;
}

/* Sums of the block's rows and columns, where the zero points need them. */
static void add_sums(const struct tile *t, size_t kw, bool last)
{
	const struct loom_gemm_kern *kern = t->kern;
	uint32_t mask = last ? t->plan.last : UINT32_MAX;

	if (t->fix_m && !t->plan.share_a)
		for (uint64_t pa = t->a_first; pa < t->a_end; pa++) {
			uint64_t row = row_of(t, pa) - t->m0;
			unsigned int rows = (unsigned int)(row_of(t, pa + 1) - row_of(t, pa));

			rows += t->plan.ones;
			kern->sums(t->a + row * t->a_kw, kw, rows, false, mask, t->fix_m + row);
		}
	if (t->fix_n && !t->fixed && !t->plan.ones)
		for (uint64_t pb = t->b_first; pb < t->b_end; pb++) {
			size_t stride, ld;

			kern->sums(panel_b(t, pb, kw, 1, &stride, &ld), kw, LOOM_GEMM_COLUMNS, true,
				   mask, t->fix_n + (pb - t->b_first) * LOOM_GEMM_COLUMNS);
		}
}

static void scale_rows(const struct tile *t)
{
	uint32_t bz = moved_b_zero(t->work);

	for (uint64_t m = 0; t->fix_m && m < t->rows; m++)
		t->fix_m[m] *= 0u - bz;
}

static void scale_columns(const struct tile *t)
{
	uint32_t az = loom_gemm_a_zero(t->work), bz = moved_b_zero(t->work);

	for (uint64_t n = 0; t->fix_n && n < t->cols; n++)
		t->fix_n[n] = (uint32_t)t->work->u.gemm.k * az * bz - az * t->fix_n[n];
}

/* The row of ones: as if it were the last of a. */
static void append_ones(const struct tile *t, size_t kw, bool last)
{
	uint64_t rows = t->rows + 1;

	for (size_t k = 0; k < kw; k++)
		t->a[k * rows + t->rows] = 0x01010101;
	if (last)
		t->a[(kw - 1) * rows + t->rows] &= t->plan.last;
}

static void take_ones(const struct tile *t)
{
	for (uint64_t pb = t->b_first; pb < t->b_end; pb++)
		memcpy(t->fix_n + (pb - t->b_first) * LOOM_GEMM_COLUMNS,
		       accumulators(t, t->a_first, pb) + t->rows * LOOM_GEMM_COLUMNS,
		       LOOM_GEMM_COLUMNS * 4);
}

/* Panels of the block [k0, k0 + kc) that are not shared. */
static bool pack_block(struct tile *t, uint64_t k0, uint64_t kc, size_t kw, bool last)
{
	const struct loom_gemm_plan *plan = &t->plan;

	t->a_k0 = plan->share_a ? k0 / t->shape->kpack : 0;
	t->b_k0 = plan->share_b || plan->in_place ? k0 / t->shape->kpack : 0;
	if (plan->a_rows) {
		t->a_rows = plan->a.op->view.runs[0].ptr + plan->a.off +
			    t->m0 * (uint64_t)plan->a.line + k0 * 4;
	} else if (!plan->share_a) {
		t->a_kw = kw;
		if (t->plan.ones) {
			/* of one panel, whose width is that of a row more */
			struct loom_pack pack = plan->a;

			pack.cut++;
			if (!loom_pack_panels(t->kern, t->shape, &pack, 0, 1, k0, kc, plan->block,
					      t->a, kw, 0, t->scratch))
				return false;
			append_ones(t, kw, last);
		} else if (!loom_pack_panels(t->kern, t->shape, &plan->a, t->a_first, t->a_end, k0,
					     kc, plan->block, t->a, kw, 0, t->scratch)) {
			return false;
		}
	}
	if (!plan->share_b && !plan->in_place) {
		t->b_kw = kw;
		if (!loom_pack_panels(t->kern, t->shape, &plan->b, t->b_first, t->b_end, k0, kc,
				      plan->block, t->b, kw, 0, t->scratch))
			return false;
	}
	return true;
}

/* What integers need besides the products, as far as it is known before them. */
static void begin_sums(struct tile *t, uint32_t *fix_m, uint32_t *fix_n,
		       const struct loom_gemm_side *a, const struct loom_gemm_side *b)
{
	if (t->shape->kpack != 4)
		return;
	if (moved_b_zero(t->work)) {
		t->fix_m = memset(fix_m, 0, (t->rows + t->plan.ones) * 4);
		if (t->plan.share_a)
			memcpy(fix_m, a->sums + t->m0, t->rows * 4);
		/* what comes by row is added at the end */
		t->direct = false;
	}
	if (loom_gemm_a_zero(t->work)) {
		t->fix_n = memset(fix_n, 0, t->cols * 4);
		if (!t->plan.share_b)
			return;
		memcpy(fix_n, b->sums + t->b_first * LOOM_GEMM_COLUMNS, t->cols * 4);
		scale_columns(t);
		t->fixed = true;
	}
}

static bool compute(struct tile *t)
{
	uint64_t k = t->plan.k, block = t->plan.block, kc;

	for (uint64_t k0 = 0; k0 < k; k0 += kc) {
		bool first = k0 == 0, last;
		size_t kw;

		kc = k - k0 < block ? k - k0 : block;
		kw = (kc + t->shape->kpack - 1) / t->shape->kpack;
		last = k0 + kc == k;
		if (!pack_block(t, k0, kc, kw, last))
			return false;
		add_sums(t, kw, last);
		if (first && t->fix_n && !t->fixed) {
			if (last && !t->plan.ones) {
				scale_columns(t);
				t->fixed = true;
			} else {
				t->direct = false;
			}
		}
		if (!multiply(t, kw, first, last))
			return false;
	}
	if (t->direct)
		return true;
	if (t->fix_n && t->plan.ones)
		take_ones(t);
	scale_rows(t);
	if (!t->fixed)
		scale_columns(t);
	store(t, t->a_first, t->a_end, t->b_first, t->b_end);
	return true;
}

static bool run(struct tile *t, struct loom_arena *arena)
{
	const struct loom_work *work = t->work;
	const struct loom_gemm_plan *plan = &t->plan;
	struct loom_gemm_side a, b;
	struct loom_gemm_layout at;

	loom_gemm_layout(plan, work->u.gemm.tile_m, work->u.gemm.tile_n, &at);
	t->acc = (uint32_t *)(arena->mem + at.acc);
	t->a = (uint32_t *)(arena->mem + at.a);
	t->b = (uint32_t *)(arena->mem + at.b);
	t->bounce = t->b;
	t->scratch = (uint32_t *)(arena->mem + at.scratch);
	if (stopped(t))
		return false;
	if (!plan->k) {
		memset(t->acc, 0, t->acc_rows * t->cols * 4);
		store(t, t->a_first, t->a_end, t->b_first, t->b_end);
		return true;
	}
	if (plan->share_a || plan->share_b)
		loom_gemm_sides(plan, work, t->batch, &a, &b);
	if (plan->share_b) {
		if (!loom_gemm_share(t->kern, plan, &plan->b, &b, t->b_first, t->b_end,
				     loom_gemm_a_zero(work), true, t->scratch))
			return false;
		t->b = b.panels + t->b_first * LOOM_GEMM_COLUMNS * plan->kw;
		t->b_kw = plan->kw;
	}
	if (plan->share_a) {
		if (!loom_gemm_share(t->kern, plan, &plan->a, &a, t->a_first, t->a_end,
				     moved_b_zero(work), false, t->scratch))
			return false;
		t->a = a.panels + t->m0 * plan->kw;
		t->a_kw = plan->kw;
	}
	begin_sums(t, (uint32_t *)(arena->mem + at.fix_m), (uint32_t *)(arena->mem + at.fix_n),
		   &a, &b);
	return compute(t);
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool loom_gemm_tile(const struct loom_gemm_kern *kern, const struct loom_work *work,
		    uint64_t tile, struct loom_arena *arena, const atomic_uint *stop)
{
	uint64_t tm = tile % work->u.gemm.tiles_m;
	uint64_t tn = tile / work->u.gemm.tiles_m % work->u.gemm.tiles_n;
	struct tile t = { .kern = kern, .work = work, .stop = stop };
	unsigned int mode = loom_float_enter();
	bool done;

	loom_gemm_plan_of(kern, work, &t.plan);
	t.shape = t.plan.shape;
	t.batch = tile / work->u.gemm.tiles_m / work->u.gemm.tiles_n;
	t.plan.a.off = loom_gemm_offset(work, 1, t.batch);
	t.plan.b.off = loom_gemm_offset(work, 2, t.batch);
	t.plan.a.stop = t.plan.b.stop = stop;
	t.a_first = tm * work->u.gemm.tile_m;
	t.a_end = less(t.a_first + work->u.gemm.tile_m, t.plan.a.panels);
	t.b_first = tn * work->u.gemm.tile_n;
	t.b_end = less(t.b_first + work->u.gemm.tile_n, t.plan.b.panels);
	t.m0 = loom_pack_start(&t.plan.a, t.a_first);
	for (uint64_t panel = t.a_first; panel <= t.a_end; panel++)
		t.starts[panel - t.a_first] = (uint32_t)(loom_pack_start(&t.plan.a, panel) - t.m0);
	t.rows = t.starts[t.a_end - t.a_first];
	t.acc_rows = t.rows + t.plan.ones;
	t.cols = (t.b_end - t.b_first) * LOOM_GEMM_COLUMNS;
	/* the row of ones has no place in c */
	t.direct = is_direct(work) && !t.plan.ones;
	t.c_m = loom_gemm_stride(&work->operands[0], 1);
	t.c_off = loom_gemm_offset(work, 0, t.batch);
	done = run(&t, arena);
	loom_float_leave(mode);
	return done;
}
