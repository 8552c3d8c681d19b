// SPDX-License-Identifier: MIT
/* From accumulators to c: see struct loom_epilogue. */
#include "gemm.h"
#include "numerics.h"
#include "walk.h"

/* Rows of the tile's width in the scratch. */
enum {
	ROW_ACC,	/* accumulators, side by side */
	ROW_X,		/* their binary32 value */
	ROW_BIAS,
	ROW_SCALE,
	ROW_RESIDUAL,	/* as it is in memory */
	ROW_WIDE,	/* as binary32 */
	ROW_OUT,
	ROW_ZERO,
	ROWS
};

size_t loom_gemm_store_scratch(uint64_t n)
{
	return ROWS * n * 4;
}

/* bias or scale of all columns of the block or, by row, of its row @m. */
static const uint32_t *column(const struct loom_operand *op, const struct loom_gemm_block *block,
			      bool by_row, uint64_t m, void *row)
{
	uint64_t first = by_row ? block->m0 + m : block->n0;
	int64_t stride;

	if (op->dtype == LOOM_DTYPE_NONE)
		return NULL;
	stride = loom_gemm_stride(op, 0);
	return loom_row_get(op, op->origin + first * (uint64_t)stride, by_row ? 0 : stride,
			    block->n, row);
}

static const uint32_t *accumulators(const struct loom_gemm_block *block, uint64_t m, uint32_t *row)
{
	const uint32_t *from = block->acc + m * LOOM_GEMM_COLUMNS;
	uint64_t n = 0;

	for (; n + LOOM_GEMM_COLUMNS <= block->n; n += LOOM_GEMM_COLUMNS) {
		memcpy(row + n, from, LOOM_GEMM_COLUMNS * 4);
		from += block->rows * LOOM_GEMM_COLUMNS;
	}
	if (n < block->n)
		memcpy(row + n, from, (block->n - n) * 4);
	return row;
}

/* Binary32 throughout, and rows that lie in one piece: in one go. */
static bool is_plain(const struct loom_work *work)
{
	const struct loom_operand *c = &work->operands[0], *res = &work->operands[5];

	if (c->dtype != LOOM_DTYPE_F32 || !loom_dtype_is_float(work->operands[1].dtype) ||
	    loom_gemm_stride(c, 0) != 4)
		return false;
	return !res->dtype || (res->dtype == LOOM_DTYPE_F32 && loom_gemm_stride(res, 0) == 4);
}

static void store_plain(const struct loom_rows *rows, const struct loom_work *work,
			const struct loom_gemm_block *block, uint64_t c_off, uint64_t res_off,
			void *scratch)
{
	const struct loom_operand *c = &work->operands[0], *res = &work->operands[5];
	bool by_row = work->u.gemm.by_row;
	float *row = scratch, *bias = row + block->n, *scale = bias + block->n;
	float *bounce = scale + block->n;
	struct loom_finish f = {
		.panel = block->rows * LOOM_GEMM_COLUMNS, .each = !by_row, .act = work->u.gemm.act,
		.param = { work->u.gemm.param[0], work->u.gemm.param[1] },
	};
	struct loom_gemm_block one = *block;

	one.n = by_row ? 1 : block->n;
	for (uint64_t m = 0; m < block->m; m++) {
		uint64_t avail;
		float *to = (float *)loom_view_at(&c->view, c_off, &avail);

		to = avail >= block->n * 4 ? to : row;
		if (by_row || !m) {
			f.bias = (const float *)column(&work->operands[3], &one, by_row, m, bias);
			f.scale = (const float *)column(&work->operands[4], &one, by_row, m, scale);
		}
		if (res->dtype) {
			f.residual = loom_view_get(&res->view, res_off, block->n * 4, bounce);
			res_off += (uint64_t)loom_gemm_stride(res, 1);
		}
		rows->finish(&f, (const float *)block->acc + m * LOOM_GEMM_COLUMNS, to, block->n);
		if (to == row)
			loom_view_put(&c->view, c_off, row, block->n * 4);
		c_off += (uint64_t)loom_gemm_stride(c, 1);
	}
}

void loom_gemm_store(const struct loom_rows *rows, const struct loom_work *work,
		     const struct loom_gemm_block *block, void *scratch)
{
	const struct loom_operand *c = &work->operands[0], *res = &work->operands[5];
	bool integer = !loom_dtype_is_float(work->operands[1].dtype), by_row = work->u.gemm.by_row;
	int64_t c_m = loom_gemm_stride(c, 1), c_n = loom_gemm_stride(c, 0);
	int64_t res_m = loom_gemm_stride(res, 1), res_n = loom_gemm_stride(res, 0);
	uint32_t *row[ROWS], act = work->u.gemm.act;
	const uint32_t *bias, *scale;
	uint64_t c_off, res_off = 0, n = block->n;

	for (unsigned int i = 0; i < ROWS; i++)
		row[i] = (uint32_t *)scratch + i * n;
	if (block->fix_m && !block->fix_n)
		memset(row[ROW_ZERO], 0, n * 4);
	bias = column(&work->operands[3], block, by_row, 0, row[ROW_BIAS]);
	scale = column(&work->operands[4], block, by_row, 0, row[ROW_SCALE]);
	c_off = loom_gemm_offset(work, 0, block->batch) + block->m0 * (uint64_t)c_m +
		block->n0 * (uint64_t)c_n;
	if (res->dtype)
		res_off = loom_gemm_offset(work, 5, block->batch) + block->m0 * (uint64_t)res_m +
			  block->n0 * (uint64_t)res_n;
	if (is_plain(work)) {
		store_plain(rows, work, block, c_off, res_off, scratch);
		return;
	}
	for (uint64_t m = 0; m < block->m; m++) {
		const uint32_t *acc = accumulators(block, m, row[ROW_ACC]);
		float *x = (float *)row[ROW_X];
		const void *raw;

		if (by_row && m) {
			bias = column(&work->operands[3], block, true, m, row[ROW_BIAS]);
			scale = column(&work->operands[4], block, true, m, row[ROW_SCALE]);
		}
		if (block->fix_m || block->fix_n)
			rows->offset(row[ROW_ACC], block->fix_n ? block->fix_n : row[ROW_ZERO],
				     block->fix_m ? block->fix_m[m] : 0, n);
		if (integer && bias)
			rows->offset(row[ROW_ACC], bias, 0, n);
		if (c->dtype == LOOM_DTYPE_I32) {
			/* max(acc, acc) is acc: here only the activation matters */
			rows->integer(LOOM_DTYPE_I32, LOOM_ELTWISE_MAX, act, acc, acc,
				      row[ROW_OUT], n);
			loom_row_put(c, c_off + m * (uint64_t)c_m, c_n, n, row[ROW_OUT]);
			continue;
		}
		if (integer)
			rows->widen(LOOM_DTYPE_I32, acc, x, n);
		else
			x = (float *)row[ROW_ACC];
		if (!integer && bias)
			rows->binary(LOOM_ELTWISE_ADD, x, (const float *)bias, x, n);
		if (scale)
			rows->binary(LOOM_ELTWISE_MUL, x, (const float *)scale, x, n);
		if (res->dtype) {
			raw = loom_row_get(res, res_off + m * (uint64_t)res_m, res_n, n,
					   row[ROW_RESIDUAL]);
			if (res->dtype != LOOM_DTYPE_F32) {
				rows->widen(res->dtype, raw, (float *)row[ROW_WIDE], n);
				raw = row[ROW_WIDE];
			}
			rows->binary(LOOM_ELTWISE_ADD, x, raw, x, n);
		}
		rows->act(act, work->u.gemm.param, x, n);
		rows->narrow(c->dtype, x, row[ROW_OUT], n, work->u.gemm.zero);
		loom_row_put(c, c_off + m * (uint64_t)c_m, c_n, n, row[ROW_OUT]);
	}
}
