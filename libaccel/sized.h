/* SPDX-License-Identifier: MIT */
/*
 * Structures that start with their size.
 */
#ifndef ACCEL_PRIV_SIZED_H
#define ACCEL_PRIV_SIZED_H

#include <stddef.h>

/**
 * sized_in() - take a caller's structure
 * @dst: ours, @size bytes; filled up with zeros where the caller's is shorter
 * @src: the caller's; its first member is its size
 * @what: "struct accel_queue_opts", for the error text
 *
 * Return: 0, -EINVAL: no usable size; -E2BIG: a part that this library does
 * not know is not zero.
 */
int sized_in(void *dst, size_t size, const void *src, const char *what);

/** sized_in_stride() - the same for an element of an array, whose size is @stride. */
int sized_in_stride(void *dst, size_t size, const void *src, size_t stride, const char *what);

/** sized_out() - give a caller's structure what it has room for; keeps its size. */
int sized_out(void *dst, const void *src, size_t size, const char *what);

#endif
