// SPDX-License-Identifier: MIT
#include "verify.h"

#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "exit.h"
#include "message.h"
#include "progress.h"
#include "random.h"

/* One job of the reference engine: short enough for a progress bar and Ctrl-C. */
#define JOB_MACS	(1ull << 23)

uint64_t verify_rows(const struct product *product)
{
	uint64_t total = product->batch * product->m;
	uint64_t row, rows;

	if (product->macs <= VERIFY_MACS || !total)
		return total;
	/* n and k are 31-bit numbers, and macs is not zero. */
	row = product->n * product->k;
	rows = VERIFY_MACS / row;
	if (!rows)
		rows = 1;
	return rows < total ? rows : total;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * Distinct rows: duplicates are sorted out and replaced until none are left. There are always
 * more rows than are chosen.
 */
static void choose_rows(struct verify *verify)
{
	struct random random = random_begin(verify->seed, 0x726f7773);
	uint64_t have = 0;

	while (have < verify->rows) {
		uint64_t kept = 0;

		for (uint64_t i = have; i < verify->rows; i++)
			verify->row[i] = random_below(&random, verify->rows_total);
		qsort(verify->row, verify->rows, sizeof(*verify->row), ascending);
		for (uint64_t i = 0; i < verify->rows; i++)
			if (!kept || verify->row[kept - 1] != verify->row[i])
				verify->row[kept++] = verify->row[i];
		have = kept;
	}
}

/* Where the matrix for batch element @batch of c begins in operand a or b, in elements. */
static uint64_t matrix_offset(const struct shape *c, const struct shape *shape, uint64_t batch)
{
	uint64_t offset = 0, stride = (uint64_t)shape->dims[shape->rank - 1] *
				      shape->dims[shape->rank - 2];

	for (uint32_t i = 3; i <= c->rank; i++) {
		uint64_t at = batch % c->dims[c->rank - i];

		batch /= c->dims[c->rank - i];
		if (i > shape->rank)
			continue;
		if (shape->dims[shape->rank - i] != 1)
			offset += at * stride;
		stride *= shape->dims[shape->rank - i];
	}
	return offset;
}

static uint64_t row_at(const struct verify *verify, uint64_t i)
{
	return verify->row ? verify->row[i] : i;
}

static void mismatch(const struct product *product, uint64_t row, uint64_t column, uint64_t want,
		     struct verify *verify)
{
	const struct shape *c = &product->c.shape;
	uint64_t rest = row;

	verify->equal = false;
	verify->index[c->rank - 1] = column;
	for (uint32_t i = 2; i <= c->rank; i++) {
		verify->index[c->rank - i] = rest % c->dims[c->rank - i];
		rest /= c->dims[c->rank - i];
	}
	verify->got = element_bits(product->c.data, row * product->n + column,
				   accel_dtype_size(c->dtype));
	verify->want = want;
}

/* The product of one matrix of the batch, at most @m of its rows at a time. */
static void piece_shape(const struct product *product, uint64_t m, struct product *piece)
{
	memset(piece, 0, sizeof(*piece));
	piece->a.shape = (struct shape){ product->a.shape.dtype, 2,
					 { (uint32_t)m, (uint32_t)product->k } };
	piece->b.shape = (struct shape){ product->b.shape.dtype, 2,
					 { (uint32_t)product->k, (uint32_t)product->n } };
	piece->c.shape.dtype = product->c.shape.dtype;
	piece->bias.shape = product->bias.shape;
}

/* Rows [*at, ...) of the list that are of one matrix, at most @most: gathered into the piece. */
static uint64_t gather(const struct product *product, const struct verify *verify, uint64_t at,
		       uint64_t most, const struct product *piece)
{
	size_t line = product->k * accel_dtype_size(product->a.shape.dtype);
	uint64_t batch = row_at(verify, at) / product->m, count = 0;
	uint64_t base = matrix_offset(&product->c.shape, &product->a.shape, batch);

	for (; count < most && at + count < verify->rows; count++) {
		uint64_t row = row_at(verify, at + count);

		if (row / product->m != batch)
			break;
		if (line)
			memcpy((char *)piece->a.data + count * line, (const char *)product->a.data +
			       base * accel_dtype_size(product->a.shape.dtype) +
			       row % product->m * line, line);
	}
	return count;
}

/* The first @count rows of the piece. */
static int run_piece(struct card *card, const struct product *piece, uint64_t count,
		     uint64_t deadline)
{
	struct accel_gemm_op op = ACCEL_INIT(op);
	struct accel_result result;
	struct accel_program *program;
	int err, status;

	op.a = piece->a.tensor;
	op.b = piece->b.tensor;
	op.c = piece->c.tensor;
	if (piece->bias.buffer)
		op.bias = piece->bias.tensor;
	op.a.dims[0] = (uint32_t)count;
	op.c.dims[0] = (uint32_t)count;
	err = accel_program_create(card->context, &program);
	if (err)
		return fail_call("verification", err);
	err = accel_program_gemm(program, &op);
	if (!err)
		err = accel_program_finish(program);
	if (err) {
		status = fail_call("verification", err);
	} else {
		status = card_run(card, program, deadline, "verification", &result);
		if (!status && result.error)
			status = fail_job("verification on the reference engine", &result);
	}
	accel_program_unref(program);
	return status;
}

static int recompute(const struct product *product, struct card *card,
		     const struct product *piece, uint64_t most, uint64_t deadline, struct verify *verify)
{
	size_t size = accel_dtype_size(product->c.shape.dtype);
	uint64_t loaded = UINT64_MAX;

	for (uint64_t at = 0; at < verify->rows && verify->equal;) {
		uint64_t batch = row_at(verify, at) / product->m, count;
		int status;

		if (batch != loaded && piece->b.size) {
			uint64_t base = matrix_offset(&product->c.shape, &product->b.shape, batch);

			memcpy(piece->b.data, (const char *)product->b.data +
			       base * accel_dtype_size(product->b.shape.dtype), piece->b.size);
			loaded = batch;
		}
		count = gather(product, verify, at, most, piece);
		status = run_piece(card, piece, count, deadline);
		if (status)
			return status;
		for (uint64_t i = 0; i < count; i++) {
			uint64_t row = row_at(verify, at + i);
			const char *want = (const char *)piece->c.data + i * product->n * size;
			size_t n = compare_bits((const char *)product->c.data +
						row * product->n * size, want, product->n, size);

			verify->outputs += n;
			if (n < product->n) {
				mismatch(product, row, n, element_bits(want, n, size), verify);
				break;
			}
		}
		at += count;
		progress_update(at);
	}
	return 0;
}

int verify_product(const struct product *product, uint64_t seed, uint64_t deadline,
		   struct verify *verify)
{
	struct product piece;
	struct card card;
	uint64_t most;
	int status;

	memset(verify, 0, sizeof(*verify));
	verify->seed = seed;
	verify->equal = true;
	verify->rows_total = product->batch * product->m;
	verify->rows = verify_rows(product);
	if (!verify->rows || !product->n)
		return 0;
	if (verify->rows < verify->rows_total) {
		verify->row = calloc(verify->rows, sizeof(*verify->row));
		if (!verify->row) {
			complain("verification: out of memory");
			return EXIT_FAILED;
		}
		choose_rows(verify);
	}
	most = product->m;
	if (product->macs && most > JOB_MACS / (product->n * product->k))
		most = JOB_MACS / (product->n * product->k);
	if (!most)
		most = 1;
	status = card_open_queue(&card, VERIFY_DEVICE, NULL);
	if (status)
		return status;
	piece_shape(product, most, &piece);
	product_shape(&piece);
	status = product_create(&piece, &card);
	if (!status) {
		if (piece.bias.size)
			memcpy(piece.bias.data, product->bias.data, piece.bias.size);
		progress_begin("verifying", verify->rows);
		status = recompute(product, &card, &piece, most, deadline, verify);
		progress_end();
	}
	product_destroy(&piece);
	card_close(&card);
	return status;
}

void verify_free(struct verify *verify)
{
	free(verify->row);
	verify->row = NULL;
}
