/* SPDX-License-Identifier: MIT */
#ifndef ACCELCTL_NUMBER_H
#define ACCELCTL_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* number_parse() - decimal digits and nothing else; false: malformed or out of range. */
bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* number_seconds() - "2", "0.25": more than 0, at most 10^6; to nanoseconds. */
bool number_seconds(const char *text, uint64_t *ns);

/* number_product() - product of @n numbers; false if it does not fit 64 bits. */
bool number_product(const uint64_t *factors, unsigned int n, uint64_t *product);

#endif
