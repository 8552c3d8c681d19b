// SPDX-License-Identifier: MIT
/*
 * Events for the host's trace and log.
 */
#include <stdarg.h>

#include "core.h"

#define EVENT_ARGS	4

/* @n arguments of type uint64_t follow. */
void loom_trace(struct loom_core *core, enum loom_event event, unsigned int n, ...)
{
	uint64_t args[EVENT_ARGS];
	va_list list;

	if (!core->ops.event)
		return;
	va_start(list, n);
	for (unsigned int i = 0; i < n; i++)
		args[i] = va_arg(list, uint64_t);
	va_end(list);
	core->ops.event(core->host, event, args, n);
}
