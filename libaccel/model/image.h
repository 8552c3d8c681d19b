/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a file, shared by all that looks into them.
 */
#ifndef ACCEL_PRIV_IMAGE_H
#define ACCEL_PRIV_IMAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct image - bytes that do not change
 * @data: aligned to a page, or to 64 bytes
 * @mapped: it is a mapping, else memory from aligned_alloc()
 */
struct image {
	atomic_uint refs;
	uint8_t *data;
	size_t size;
	bool mapped;
};

/**
 * image_read() - a file's bytes from its position on
 * @most: more bytes are -E2BIG
 *
 * They are copied: the file may change, or become shorter, afterwards.
 */
int image_read(int fd, size_t most, struct image **image);

/**
 * image_map() - a regular file's bytes without a copy
 *
 * Only of a file that nobody changes but by putting another one in its place. On file systems
 * that other machines use as well that is not enough, and the bytes are copied.
 */
int image_map(int fd, size_t most, struct image **image);

/** image_copy() - bytes of memory. */
int image_copy(const void *data, size_t size, struct image **image);

struct image *image_ref(struct image *image);
/** image_unref() - NULL is allowed. */
void image_unref(struct image *image);

#endif
