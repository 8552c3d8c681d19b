/* SPDX-License-Identifier: MIT */
/*
 * The handwritten digits: images, labels, and a small network in f32 and in i8, as the files of
 * a data directory describe them. Knows nothing of devices.
 */
#ifndef ACCELCTL_DIGITS_H
#define ACCELCTL_DIGITS_H

#include <stdint.h>

#include <accel/types.h>

#define DIGITS_LAYERS_MAX	8
#define DIGITS_NAME_MAX		32

struct digits_tensor {
	char name[DIGITS_NAME_MAX];
	enum accel_dtype dtype;
	uint32_t rank;
	uint32_t dims[ACCEL_RANK_MAX];
	uint64_t size;
	void *data;
};

struct digits_layer {
	uint32_t inputs;
	uint32_t outputs;
	const struct digits_tensor *weight;
	const struct digits_tensor *bias;
	const struct digits_tensor *scale;	/* i8 only */
	int32_t x_zero;				/* i8 only */
};

struct digits {
	char path[4096];
	struct digits_tensor tensors[64];
	uint32_t ntensors;
	uint32_t layers;
	uint32_t images;
	uint32_t pixels;
	uint32_t classes;
	const uint8_t *pixel;
	const uint8_t *label;
	const uint8_t *f32_predicted;
	const uint8_t *i8_predicted;
	struct digits_layer f32[DIGITS_LAYERS_MAX];
	struct digits_layer i8[DIGITS_LAYERS_MAX];
	uint32_t f32_correct;		/* expected */
	uint32_t i8_correct;
	uint32_t i8_crc32;
};

/*
 * digits_load() - read and check all files: 0 or an exit code, with a message
 * @path: the directory; NULL: where the program's data are installed or, in a source tree, lie
 */
int digits_load(struct digits *digits, const char *path);
void digits_free(struct digits *digits);

/* crc32_of() - zlib's CRC-32. */
uint32_t crc32_of(const void *data, size_t size);

#endif
