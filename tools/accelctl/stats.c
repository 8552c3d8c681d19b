// SPDX-License-Identifier: MIT
#include "stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void stats_sort(uint64_t *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
}

uint64_t stats_percentile(const uint64_t *values, size_t count, double percent)
{
	double rank = ceil(percent / 100 * (double)count);
	size_t index = rank < 1 ? 0 : (size_t)rank - 1;

	if (!count)
		return 0;
	return values[index < count ? index : count - 1];
}

static const char *scaled(char text[32], double value, double base, const char *const *units,
			  size_t count, const char *suffix)
{
	size_t i = 0;

	while (i + 1 < count && value >= base) {
		value /= base;
		i++;
	}
	snprintf(text, 32, "%.4g %s%s", value, units[i], suffix);
	return text;
}

const char *format_time(char text[32], double seconds)
{
	if (seconds < 1e-6)
		snprintf(text, 32, "%.4g ns", seconds * 1e9);
	else if (seconds < 1e-3)
		snprintf(text, 32, "%.4g us", seconds * 1e6);
	else if (seconds < 1)
		snprintf(text, 32, "%.4g ms", seconds * 1e3);
	else
		snprintf(text, 32, "%.4g s", seconds);
	return text;
}

const char *format_bytes(char text[32], double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };

	return scaled(text, bytes, 1024, units, 5, "");
}

const char *format_rate(char text[32], double per_second, const char *unit)
{
	static const char *const units[] = { "", "k", "M", "G", "T" };

	return scaled(text, per_second, 1000, units, 5, unit);
}
