// SPDX-License-Identifier: MIT
#include "product.h"

#include <stdio.h>
#include <string.h>

#include "exit.h"
#include "interrupt.h"
#include "message.h"
#include "number.h"
#include "random.h"

#define FILL_PIECE	(1u << 20)

static bool count(struct operand *operand)
{
	uint64_t factors[ACCEL_RANK_MAX + 1];
	uint32_t rank = operand->shape.rank;

	for (uint32_t i = 0; i < rank; i++)
		factors[i] = operand->shape.dims[i];
	factors[rank] = accel_dtype_size(operand->shape.dtype);
	return number_product(factors, rank, &operand->count) &&
	       number_product(factors, rank + 1, &operand->size);
}

static bool is_float(enum accel_dtype dtype)
{
	return dtype == ACCEL_F32 || dtype == ACCEL_F16 || dtype == ACCEL_BF16;
}

static bool is_byte(enum accel_dtype dtype)
{
	return dtype == ACCEL_I8 || dtype == ACCEL_U8;
}

static const char *check_types(const struct product *product)
{
	enum accel_dtype a = product->a.shape.dtype, b = product->b.shape.dtype;
	enum accel_dtype c = product->c.shape.dtype, bias = product->bias.shape.dtype;

	if (!(is_float(a) && a == b) && !(is_byte(a) && is_byte(b)))
		return "a and b must both be f32, both f16, both bf16, or each i8 or u8";
	if (!is_float(c) && !is_byte(c) && !(c == ACCEL_I32 && is_byte(a)))
		return "the output type must be f32, f16, bf16, i8, u8, or i32 for integers";
	if (bias != ACCEL_NONE && bias != (is_float(a) ? ACCEL_F32 : ACCEL_I32))
		return is_float(a) ? "the bias of a product of floats must be f32" :
				     "the bias of a product of integers must be i32";
	return NULL;
}

const char *product_shape(struct product *product)
{
	const struct shape *a = &product->a.shape, *b = &product->b.shape;
	const struct shape *bias = &product->bias.shape;
	struct shape *c = &product->c.shape;
	const char *reason = check_types(product);
	uint64_t factors[4];

	if (reason)
		return reason;
	if (a->rank < 2 || b->rank < 2)
		return "a and b must have at least 2 axes";
	product->m = a->dims[a->rank - 2];
	product->k = a->dims[a->rank - 1];
	product->n = b->dims[b->rank - 1];
	if (b->dims[b->rank - 2] != product->k)
		return "the columns of a are not as many as the rows of b";
	c->rank = a->rank > b->rank ? a->rank : b->rank;
	product->batch = 1;
	for (uint32_t i = 0; i < c->rank - 2; i++) {
		/* Axes align at the right; one that is absent or 1 repeats. */
		uint32_t x = i + a->rank >= c->rank ? a->dims[i + a->rank - c->rank] : 1;
		uint32_t y = i + b->rank >= c->rank ? b->dims[i + b->rank - c->rank] : 1;

		if (x != y && x != 1 && y != 1)
			return "the batch axes of a and b do not fit each other";
		c->dims[i] = x == 1 ? y : x;
		factors[0] = product->batch;
		factors[1] = c->dims[i];
		if (!number_product(factors, 2, &product->batch))
			return "the batch is too large";
	}
	c->dims[c->rank - 2] = (uint32_t)product->m;
	c->dims[c->rank - 1] = (uint32_t)product->n;
	if (bias->dtype != ACCEL_NONE &&
	    (bias->rank != 1 || (bias->dims[0] != product->n && bias->dims[0] != 1)))
		return "the bias must have one axis, as long as the rows of the output, or 1";
	factors[0] = product->batch;
	factors[1] = product->m;
	factors[2] = product->n;
	factors[3] = product->k;
	if (!number_product(factors, 4, &product->macs))
		product->macs = UINT64_MAX;
	if (!count(&product->a) || !count(&product->b) || !count(&product->c) ||
	    !count(&product->bias))
		return "the matrices do not fit 64-bit addresses";
	return NULL;
}

bool product_bytes(const struct product *product, uint64_t *bytes)
{
	uint64_t packed = 0;

	/* a little more than b: whole panels */
	if (product->prepack && __builtin_add_overflow(product->b.size, product->b.size / 8,
						       &packed))
		return false;
	return !__builtin_add_overflow(product->a.size, product->b.size, bytes) &&
	       !__builtin_add_overflow(*bytes, packed, bytes) &&
	       !__builtin_add_overflow(*bytes, product->c.size, bytes) &&
	       !__builtin_add_overflow(*bytes, product->bias.size, bytes);
}

static int allocate(struct operand *operand, struct card *card, const char *name)
{
	char what[64];
	int err;

	if (operand->shape.dtype == ACCEL_NONE)
		return 0;
	err = accel_buffer_alloc(card->context, operand->size ? operand->size : 1, 0,
				 &operand->buffer);
	if (!err)
		err = accel_buffer_map(operand->buffer, &operand->data);
	if (!err)
		err = accel_buffer_set_name(operand->buffer, name);
	if (err) {
		snprintf(what, sizeof(what), "cannot allocate matrix %s", name);
		return fail_call(what, err);
	}
	accel_tensor_init(&operand->tensor, operand->buffer, 0, operand->shape.dtype,
			  operand->shape.rank, operand->shape.dims);
	return 0;
}

/* b as weights, and the program that packs it. */
static int prepack(struct product *product, struct card *card, struct accel_gemm_op *op)
{
	const struct shape *b = &product->b.shape;
	int err = accel_weights_create(card->context, b->dtype, b->dims[0], b->dims[1], 0,
				       &product->weights);

	if (!err)
		err = accel_program_create(card->context, &product->pack);
	if (!err)
		err = accel_program_pack(product->pack, product->weights, &op->b);
	if (!err)
		err = accel_program_finish(product->pack);
	op->b = (struct accel_tensor){ 0 };
	op->weights = product->weights;
	return err;
}

int product_create(struct product *product, struct card *card)
{
	struct accel_gemm_op op = ACCEL_INIT(op);
	int err, status;

	status = allocate(&product->a, card, "a");
	if (!status)
		status = allocate(&product->b, card, "b");
	if (!status)
		status = allocate(&product->c, card, "c");
	if (!status)
		status = allocate(&product->bias, card, "bias");
	if (status)
		return status;
	op.a = product->a.tensor;
	op.b = product->b.tensor;
	op.c = product->c.tensor;
	if (product->bias.buffer)
		op.bias = product->bias.tensor;
	err = product->prepack ? prepack(product, card, &op) : 0;
	if (!err)
		err = accel_program_create(card->context, &product->program);
	if (!err)
		err = accel_program_gemm(product->program, &op);
	if (!err)
		err = accel_program_finish(product->program);
	return err ? fail_call("cannot build the product", err) : 0;
}

void product_destroy(struct product *product)
{
	accel_program_unref(product->program);
	accel_program_unref(product->pack);
	accel_weights_unref(product->weights);
	accel_buffer_unref(product->a.buffer);
	accel_buffer_unref(product->b.buffer);
	accel_buffer_unref(product->c.buffer);
	accel_buffer_unref(product->bias.buffer);
	memset(product, 0, sizeof(*product));
}

/* In pieces: large matrices take seconds. */
static int fill(struct operand *operand, struct random random)
{
	size_t size = accel_dtype_size(operand->shape.dtype);

	for (uint64_t at = 0; at < operand->count; at += FILL_PIECE) {
		uint64_t count = operand->count - at < FILL_PIECE ? operand->count - at : FILL_PIECE;

		if (interrupt_pending())
			return interrupt_exit();
		random_fill(&random, operand->shape.dtype, (char *)operand->data + at * size, count);
	}
	return 0;
}

int product_fill(struct product *product, uint64_t seed)
{
	struct operand *operands[] = { &product->a, &product->b, &product->bias };
	int status = 0;

	for (uint64_t i = 0; i < 3 && !status; i++)
		if (operands[i]->buffer)
			status = fill(operands[i], random_begin(seed, i));
	return status;
}
