/* SPDX-License-Identifier: MIT */
/*
 * One matrix product c = a x b (+ bias) with its operands in buffers of a card.
 */
#ifndef ACCELCTL_PRODUCT_H
#define ACCELCTL_PRODUCT_H

#include "card.h"

struct shape {
	enum accel_dtype dtype;
	uint32_t rank;
	uint32_t dims[ACCEL_RANK_MAX];
};

struct operand {
	struct shape shape;
	uint64_t count;		/* elements */
	uint64_t size;		/* bytes */
	struct accel_buffer *buffer;
	struct accel_tensor tensor;
	void *data;
};

struct product {
	struct operand a;
	struct operand b;
	struct operand c;
	struct operand bias;	/* shape.dtype ACCEL_NONE: absent */
	uint64_t batch;
	uint64_t m;
	uint64_t n;
	uint64_t k;
	uint64_t macs;		/* saturates */
	bool prepack;		/* set before product_create(): b is packed by a program of its own */
	struct accel_weights *weights;
	struct accel_program *pack;
	struct accel_program *program;
};

/*
 * product_shape() - fill in sizes and the shape of c (all but its dtype, which is set) from
 * the shapes of a, b and bias: NULL, or why they do not fit each other.
 */
const char *product_shape(struct product *product);

/* product_bytes() - of all operands; false if they do not fit 64 bits. */
bool product_bytes(const struct product *product, uint64_t *bytes);

/* product_create() - buffers and program: 0 or an exit code, with a message. */
int product_create(struct product *product, struct card *card);
void product_destroy(struct product *product);

/* product_fill() - random operands: 0, or an exit code if a signal came. */
int product_fill(struct product *product, uint64_t seed);

#endif
