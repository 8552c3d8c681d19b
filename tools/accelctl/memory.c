// SPDX-License-Identifier: MIT
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>

uint64_t memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	uint64_t kib = UINT64_MAX;
	char line[128];

	if (!file)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1)
			break;
	fclose(file);
	return kib > UINT64_MAX / 1024 ? UINT64_MAX : kib * 1024;
}
