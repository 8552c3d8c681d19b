/* SPDX-License-Identifier: MIT */
/*
 * The network of the digits on a card: programs of one batch of images each.
 */
#ifndef ACCELCTL_NETWORK_H
#define ACCELCTL_NETWORK_H

#include "card.h"
#include "digits.h"

struct network {
	const struct digits *digits;
	struct card *card;
	bool integers;
	uint32_t batch;
	uint32_t nprograms;
	struct accel_program **programs;
	struct accel_job *jobs;
	struct accel_buffer *images;
	struct accel_buffer *values[DIGITS_LAYERS_MAX + 1];	/* inputs of the layers, logits */
	struct accel_buffer *weight[DIGITS_LAYERS_MAX];
	struct accel_buffer *bias[DIGITS_LAYERS_MAX];
	struct accel_buffer *scale[DIGITS_LAYERS_MAX];
	float *logits;
};

/* All return 0 or an exit code, with a message. */
int network_create(struct network *network, struct card *card, const struct digits *digits,
		   bool integers, uint32_t batch);
/* network_run() - all images, the batches as jobs of as few submissions as possible. */
int network_run(struct network *network, uint64_t deadline);
void network_destroy(struct network *network);

/* network_answer() - class of image @i after network_run(). */
uint8_t network_answer(const struct network *network, uint32_t i);

#endif
