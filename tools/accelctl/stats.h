/* SPDX-License-Identifier: MIT */
#ifndef ACCELCTL_STATS_H
#define ACCELCTL_STATS_H

#include <stddef.h>
#include <stdint.h>

/* stats_sort() - ascending, as stats_percentile() needs them. */
void stats_sort(uint64_t *values, size_t count);
/* stats_percentile() - nearest rank; @percent 0 is the smallest, 100 the largest. */
uint64_t stats_percentile(const uint64_t *values, size_t count, double percent);

/* format_time(), format_bytes(), format_rate() - with a unit that reads well. */
const char *format_time(char text[32], double seconds);
const char *format_bytes(char text[32], double bytes);
const char *format_rate(char text[32], double per_second, const char *unit);

#endif
