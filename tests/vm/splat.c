// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "splat.h"

/*
 * How reports begin, after the time stamp.  Only the beginning is compared, because programs may
 * write anything further on; the second string, if any, must follow somewhere in the line.
 */
static const struct {
	const char *begin;
	const char *follow;
} reports[] = {
	{ "------------[ cut here ]------------", NULL },
	{ "WARNING: ", NULL },
	{ "BUG: ", NULL },
	{ "BUG ", "tainted)" },
	{ "BUG ", "(Tainted" },
	{ "kernel BUG at ", NULL },
	{ "Kernel panic - not syncing", NULL },
	{ "Oops: ", NULL },
	{ "general protection fault", NULL },
	{ "unable to handle ", NULL },
	{ "double fault", NULL },
	{ "PANIC: ", NULL },
	{ "traps: PANIC: ", NULL },
	{ "INFO: task ", "blocked for more than" },
	{ "INFO: possible ", NULL },
	{ "INFO: trying to register non-static key", NULL },
	{ "INFO: suspicious RCU usage", NULL },
	{ "rcu: INFO: ", "stall" },
	{ "rcu_sched ", "stall" },
	{ "watchdog: BUG", NULL },
	{ "watchdog: Watchdog detected", NULL },
	{ "NMI watchdog: Watchdog detected", NULL },
	{ "UBSAN: ", NULL },
	{ "KASAN: ", NULL },
	{ "KCSAN: ", NULL },
	{ "KFENCE: ", NULL },
	{ "DMA-API: ", "device driver" },
	{ "ODEBUG: ", NULL },
	{ "kmemleak: ", "new suspected memory leaks" },
	{ "kmemleak: unreferenced object", NULL },
	{ "list_add ", "corruption" },
	{ "list_del ", "corruption" },
	{ "refcount_t: ", NULL },
	{ "sysfs: cannot create duplicate filename", NULL },
	{ "unchecked MSR access error", NULL },
	{ "irq ", "nobody cared" },
	{ "Fixing recursive fault", NULL },
	/* Checks that have switched themselves off find nothing any more. */
	{ "DMA-API: ", "disabling" },
	{ "kmemleak: ", "detector disabled" },
	{ "Disabling lock debugging", NULL },
};

/* "[    1.234567] " and, with CONFIG_PRINTK_CALLER, "[    1.234567][    T1] ". */
static const char *skip_stamp(const char *line)
{
	while (*line == '[') {
		const char *end = strchr(line, ']');

		if (!end)
			break;
		for (const char *at = line + 1; at < end; at++)
			if (!isdigit((unsigned char)*at) && !strchr(" .TC", *at))
				return line;
		line = end + 1;
	}
	return line + strspn(line, " ");
}

bool splat_line(const char *line)
{
	const char *text = skip_stamp(line);

	if (text == line)
		return false;
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		size_t n = strlen(reports[i].begin);

		if (!strncmp(text, reports[i].begin, n) &&
		    (!reports[i].follow || strstr(text + n, reports[i].follow)))
			return true;
	}
	return false;
}
