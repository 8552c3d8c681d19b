// SPDX-License-Identifier: MIT
/* GEMM: tiles and their geometry. */
#include "gemm-plan.h"
#include "numerics.h"

#define TILE_M		480u	/* rows and columns of a tile at most */
#define TILE_N		512u
#define SCATTER_M	126u	/* rows, if storing them is slow */
#define THIN_M		16u	/* so few rows use b but once: fetching it is what takes time */
#define THIN_N		128u
#define THIN_BLOCK	32u	/* words along k, if the columns are neighbours */
#define CONVERT_BLOCK	64u	/* words along k, if b comes in panels of another type */
#define STREAM_BLOCK	2048u	/* words along k, if b comes in panels as they are needed */
#define STREAM_N	4096u
#define HALF_PANELS	2u	/* of a, each of which converts b anew */
#define TILES_WISHED	8u	/* enough for a small pool to balance */
#define EPILOGUE	8u	/* multiply-adds that an element's way to c is worth at least */
#define EPILOGUE_ACT	128u	/* ... and with an activation that is computed */
#define TILE_AREA	4096u	/* accumulators: less is not worth the packing */
#define TILE_PARTS	16u	/* a full tile that has been cut so often is not cut further */
#define SHARED_MAX	(72ull << 20)	/* 4096 by 4096 words, and their states */

#define ALIGN(x, a)	(((x) + (a) - 1) / (a) * (a))

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

static bool scattered(const struct loom_operand *op)
{
	int64_t stride = loom_gemm_stride(op, 0);

	return stride && stride != op->size;
}

/* Parts of nearly equal length, at most @most. */
static uint64_t balance(uint64_t total, uint64_t most)
{
	return div_up(total, div_up(total, most));
}

static void plan_packs(const struct loom_work *work, struct loom_gemm_plan *plan)
{
	const struct loom_operand *a = &work->operands[1], *b = &work->operands[2];
	uint64_t m = work->u.gemm.m, n = work->u.gemm.n;

	plan->a = (struct loom_pack){
		.op = a, .line = loom_gemm_stride(a, 1), .k = loom_gemm_stride(a, 0),
		.lines = m, .cut = m, .panels = div_up(m, plan->shape->mr),
		.adjust = work->u.gemm.a_zero, .source = work->u.gemm.source[0],
	};
	plan->b = (struct loom_pack){
		.op = b, .line = loom_gemm_stride(b, 0), .k = loom_gemm_stride(b, 1),
		.lines = n, .panels = div_up(n, LOOM_GEMM_COLUMNS),
		.adjust = work->u.gemm.b_zero, .source = work->u.gemm.source[1],
	};
	plan->b.cut = plan->b.panels * LOOM_GEMM_COLUMNS;
	if (b->panels) {
		plan->b.line = (int64_t)loom_panel_bytes(b->dtype, work->u.gemm.k);
		/* as they are stored, unsigned values have 128 subtracted */
		if (b->dtype == LOOM_DTYPE_U8)
			plan->b.adjust -= 128;
	}
	if (plan->shape->kpack == 4) {
		plan->a.adjust = a->dtype == LOOM_DTYPE_I8 ? 0x80 : 0;
		plan->b.adjust = b->dtype == LOOM_DTYPE_U8 ? 0x80 : 0;
	}
}

/*
 * Whole rows, of which so few products are made that thin kernels read them as they are. They count
 * rows by the distance between them: one row that is all of them is packed.
 */
static bool is_in_rows(const struct loom_work *work, const struct loom_gemm_plan *plan)
{
	return plan->shape->kpack == 1 && plan->set.thin && !plan->b.source &&
	       work->u.gemm.m <= plan->shape->thin_rows && !work->operands[2].panels &&
	       plan->b.line == plan->b_size && plan->b.k > 0 && plan->b.k % plan->b_size == 0 &&
	       work->u.gemm.n % (LOOM_GEMM_THIN * LOOM_GEMM_COLUMNS) == 0;
}

/* Where b is multiplied: values of two bytes as they are if converting them does not pay. */
static void plan_kernels(const struct loom_work *work, struct loom_gemm_plan *plan)
{
	const struct loom_gemm_shape *shape = plan->shape;
	const struct loom_operand *b = &work->operands[2];
	const struct loom_gemm_set *half = b->dtype == LOOM_DTYPE_F16 ? &shape->f16 : &shape->bf16;

	plan->set = shape->words;
	plan->b_size = 4;
	plan->in_place = b->panels && (b->dtype == LOOM_DTYPE_F32 || shape->kpack == 4);
	if (b->size == 2 && half->kernels && plan->a.panels <= HALF_PANELS) {
		plan->set = *half;
		plan->b_size = 2;
		plan->in_place = b->panels;
	}
	plan->in_rows = is_in_rows(work, plan);
	plan->in_place |= plan->in_rows;
	/* what is packed is words */
	if (!plan->in_place) {
		plan->set = shape->words;
		plan->b_size = 4;
	}
}

#define ROW_CLASH	4096u	/* rows so far apart take each other's place near the processor */

/* Rows of binary32 in one piece of memory, which need no packing. Known only when the work runs. */
static bool has_rows(const struct loom_work *work, const struct loom_gemm_plan *plan)
{
	const struct loom_operand *a = &work->operands[1];

	return plan->set.rows && plan->b_size == 4 && a->dtype == LOOM_DTYPE_F32 &&
	       !plan->a.source && plan->a.k == 4 && plan->a.line > 0 &&
	       plan->a.line % ROW_CLASH && a->view.nruns == 1 && work->u.gemm.m > THIN_M &&
	       !plan->share_a && !plan->ones;
}

void loom_gemm_plan_of(const struct loom_gemm_kern *kern, const struct loom_work *work,
		       struct loom_gemm_plan *plan)
{
	const struct loom_operand *b = &work->operands[2];
	const struct loom_gemm_shape *shape;
	uint64_t k = work->u.gemm.k, block;

	shape = loom_dtype_is_float(b->dtype) ? kern->floating : kern->integer;
	plan->shape = shape;
	plan_packs(work, plan);
	plan_kernels(work, plan);
	plan->k = k;
	plan->kw = div_up(k, shape->kpack);
	plan->last = k % 4 ? (1u << 8 * (k % 4)) - 1 : UINT32_MAX;
	plan->ones = work->u.gemm.ones;
	plan->share_a = work->u.gemm.share_a && work->shared_mem;
	plan->share_b = work->u.gemm.share_b && work->shared_mem;
	plan->a_rows = has_rows(work, plan);
	block = shape->block;
	if (work->u.gemm.m <= THIN_M) {
		/* what is packed shall still be near when it is multiplied */
		if (plan->in_place || b->panels)
			block = (uint64_t)(plan->in_place ? STREAM_BLOCK : CONVERT_BLOCK) *
				shape->kpack;
		else if (loom_pack_is_across(&plan->b))
			block = THIN_BLOCK * shape->kpack;
	}
	if (k > block)
		block = ALIGN(balance(k, block), 16);
	plan->block = (unsigned int)block;
}

void loom_gemm_layout(const struct loom_gemm_plan *plan, uint64_t tile_m, uint64_t tile_n,
		      struct loom_gemm_layout *at)
{
	const struct loom_gemm_shape *shape = plan->shape;
	size_t kw = div_up(plan->block, shape->kpack), n = tile_n * LOOM_GEMM_COLUMNS;
	size_t m = div_up(tile_m * plan->a.cut, plan->a.panels) + 1 + plan->ones;
	size_t pack = loom_pack_scratch(shape, plan->block), store = loom_gemm_store_scratch(n);
	size_t panels = plan->in_place ? LOOM_GEMM_THIN : tile_n;

	at->acc = 0;
	at->a = at->acc + ALIGN(m * n * 4, 64);
	at->b = at->a + (plan->share_a ? 0 : ALIGN(m * kw * 4, 64));
	at->fix_m = at->b + (plan->share_b ? 0 : panels * LOOM_GEMM_COLUMNS * kw * 4);
	at->fix_n = at->fix_m + ALIGN(m * 4, 64);
	at->scratch = at->fix_n + ALIGN(n * 4, 64);
	at->size = at->scratch + (pack > store ? pack : store);
}

/* Multiply-adds that take as long as an element of c, at least on the slowest engine. */
static uint64_t element_macs(const struct loom_work *work)
{
	switch (work->u.gemm.act) {
	case LOOM_ACT_NONE:
	case LOOM_ACT_RELU:
	case LOOM_ACT_CLIP:
	case LOOM_ACT_LEAKY:
		return work->u.gemm.k + EPILOGUE;
	default:
		return work->u.gemm.k + EPILOGUE_ACT;
	}
}

/* Tiles of about a millisecond, and several, if there is so much to do. */
static void plan_tiles(struct loom_work *work, const struct loom_gemm_plan *plan)
{
	const struct loom_gemm_shape *shape = plan->shape;
	uint64_t m = plan->a.panels, n = plan->b.panels, tile_m, tile_n;
	uint64_t macs = element_macs(work);
	uint64_t most_m = TILE_M / shape->mr, most_n = TILE_N / LOOM_GEMM_COLUMNS;

	/* once it has begun to store, a tile cannot stop */
	if (scattered(&work->operands[0]) || scattered(&work->operands[5]))
		most_m = SCATTER_M / shape->mr;
	if (most_m > LOOM_GEMM_TILE_PANELS)
		most_m = LOOM_GEMM_TILE_PANELS;
	if (work->u.gemm.m <= THIN_M && plan->in_place)
		most_n = STREAM_N / LOOM_GEMM_COLUMNS / THIN_M * 4;
	else if (work->u.gemm.m <= THIN_M &&
		 (work->operands[2].panels || !loom_pack_is_across(&plan->b)))
		most_n = THIN_N / LOOM_GEMM_COLUMNS;
	tile_m = balance(m, most_m);
	tile_n = balance(n, most_n);
	for (;;) {
		uint64_t tiles = div_up(m, tile_m) * div_up(n, tile_n) * work->u.gemm.batch;
		uint64_t rows = tile_m * shape->mr, columns = tile_n * LOOM_GEMM_COLUMNS, area;

		if (rows > work->u.gemm.m)
			rows = work->u.gemm.m;
		/* few rows take as long as THIN_M: what b's bytes take to arrive */
		area = (rows > THIN_M ? rows : THIN_M) * columns;
		if (area <= TILE_AREA || area * macs <= shape->tile_macs / TILE_PARTS ||
		    (area * macs <= shape->tile_macs && tiles >= TILES_WISHED) ||
		    (tile_m == 1 && tile_n == 1))
			break;
		/* as square as may be: then the least has to be fetched for it */
		if ((columns > rows && tile_n > 1) || tile_m == 1)
			tile_n--;
		else
			tile_m--;
	}
	tile_m = balance(m, tile_m);
	tile_n = balance(n, tile_n);
	if (plan->in_rows)
		tile_n = ALIGN(tile_n, LOOM_GEMM_THIN);
	work->u.gemm.tile_m = tile_m;
	work->u.gemm.tile_n = tile_n;
	work->u.gemm.tiles_m = div_up(m, tile_m);
	work->u.gemm.tiles_n = div_up(n, tile_n);
	work->tiles = work->u.gemm.tiles_m * work->u.gemm.tiles_n * work->u.gemm.batch;
}

/* Panels that several tiles need, as long as they do not take too much memory. */
static void plan_sharing(struct loom_work *work, struct loom_gemm_plan *plan)
{
	bool a = plan->k && !plan->ones, b = plan->k && !plan->in_place, many;
	uint64_t zero;

	/* small products with one matrix in common, as the images of a convolution have its weights */
	many = work->u.gemm.batch > 1;
	a = a && (work->u.gemm.tiles_n > 1 || (many && loom_gemm_repeats(work, 1)));
	b = b && (work->u.gemm.tiles_m > 1 || (many && loom_gemm_repeats(work, 2)));

	for (unsigned int try = 0; try < 3; try++) {
		/* b first: there is more of it in a tile's packing, and it may be converted */
		plan->share_a = a && try != 1;
		plan->share_b = b && try != 2;
		work->shared = loom_gemm_share_size(plan, work, &zero);
		if (work->shared <= SHARED_MAX)
			break;
		plan->share_a = plan->share_b = false;
		work->shared = 0;
	}
	work->shared_zero = work->shared ? zero : 0;
	work->u.gemm.share_a = plan->share_a;
	work->u.gemm.share_b = plan->share_b;
}

void loom_gemm_plan(const struct loom_gemm_kern *kern, struct loom_work *work)
{
	struct loom_gemm_layout at;
	struct loom_gemm_plan plan;

	loom_gemm_plan_of(kern, work, &plan);
	plan_tiles(work, &plan);
	work->u.gemm.ones = plan.shape->kpack == 4 && plan.a.panels == 1 &&
			    work->u.gemm.m < plan.shape->thin_rows && loom_gemm_a_zero(work);
	plan.ones = work->u.gemm.ones;
	plan_sharing(work, &plan);
	/* the front end may have no memory to share: then the tiles pack for themselves */
	plan.share_a = plan.share_b = false;
	loom_gemm_layout(&plan, work->u.gemm.tile_m, work->u.gemm.tile_n, &at);
	work->arena = at.size;
}
