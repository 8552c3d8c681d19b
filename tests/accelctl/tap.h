/* SPDX-License-Identifier: MIT */
/* Test Anything Protocol: one line per check, the plan at the end. */
#ifndef TEST_TAP_H
#define TEST_TAP_H

#include <stdbool.h>
#include <stdio.h>

static unsigned int tap_count, tap_failed;

static inline bool tap_ok(bool good, const char *name)
{
	printf("%sok %u - %s\n", good ? "" : "not ", ++tap_count, name);
	fflush(stdout);
	tap_failed += !good;
	return good;
}

static inline int tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed != 0;
}

#endif
