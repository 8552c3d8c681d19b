// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor.h"
#include "root.h"

#define PORT		"org.loom.monitor"

static int port = -1;
static FILE *answers;

bool monitor_there(void)
{
	return getenv("LOOM_CARD");
}

static int port_open(void)
{
	char path[320], name[64];
	struct dirent *entry;
	DIR *dir = opendir("/sys/class/virtio-ports");

	while (dir && port < 0 && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%.32s/name", entry->d_name);
		if (root_text(path, name, sizeof(name)) || strcmp(name, PORT))
			continue;
		snprintf(path, sizeof(path), "/dev/%.32s", entry->d_name);
		port = open(path, O_RDWR | O_CLOEXEC);
		answers = port < 0 ? NULL : fdopen(port, "r+");
	}
	if (dir)
		closedir(dir);
	return answers ? 0 : -ENOENT;
}

int monitor_open(void)
{
	int err = port < 0 ? port_open() : 0;

	if (err)
		return err;
	/* Refused if somebody else had it before. */
	monitor_do("qmp_capabilities", " ");
	return monitor_do("query-status", " ");
}

int monitor_find(const char *text, const char *too)
{
	static char line[65536];

	while (fgets(line, sizeof(line), answers))
		if (strstr(line, text) && strstr(line, too))
			return strstr(line, "\"error\"") || strstr(line, "Error: ") ? -EIO : 0;
	return -EPIPE;
}

int monitor_do(const char *command, const char *format, ...)
{
	static unsigned int number;
	char id[64], arguments[768], text[1024];
	va_list args;
	int n;

	va_start(args, format);
	vsnprintf(arguments, sizeof(arguments), format, args);
	va_end(args);
	snprintf(id, sizeof(id), "\"id\": \"%d.%u\"", (int)getpid(), number++);
	n = snprintf(text, sizeof(text), "{\"execute\": \"%s\", \"arguments\": {%s}, %s}\n", command,
		     arguments, id);
	if (n >= (int)sizeof(text) || write(port, text, n) != n)
		return -EIO;
	return monitor_find(id, "");
}
