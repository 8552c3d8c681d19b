/* SPDX-License-Identifier: MIT */
#ifndef ACCELCTL_COMPARE_H
#define ACCELCTL_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* compare_bits() - first element that differs; @count if all are equal. */
size_t compare_bits(const void *got, const void *want, size_t count, size_t size);

/* element_bits() - element @index as a number of its bits. */
uint64_t element_bits(const void *data, size_t index, size_t size);

#endif
