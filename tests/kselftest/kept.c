// SPDX-License-Identifier: MIT
#include "kept.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool kept_path(char *path, size_t size)
{
	glob_t found;
	bool ok = !glob("/sys/class/devcoredump/devcd*/data", 0, NULL, &found);

	if (ok)
		snprintf(path, size, "%s", found.gl_pathv[0]);
	globfree(&found);
	return ok;
}

/* A write to the file frees the dump. */
void kept_discard(void)
{
	char path[256];
	int fd;

	while (kept_path(path, sizeof(path))) {
		fd = open(path, O_WRONLY);
		if (fd < 0)
			continue;
		if (write(fd, "1", 1) != 1)
			usleep(1000);
		close(fd);
	}
}

uint8_t *kept_read(size_t *size)
{
	uint8_t *data = NULL;
	char path[256];
	ssize_t n = 1;
	int fd;

	while (!kept_path(path, sizeof(path)))
		usleep(1000);
	fd = open(path, O_RDONLY);
	for (*size = 0; fd >= 0 && n > 0; *size += n) {
		data = realloc(data, *size + 65536);
		n = read(fd, data + *size, 65536);
		if (n < 0)
			break;
	}
	if (fd >= 0)
		close(fd);
	return data;
}

const struct loom_dump_section *section_next(const struct loom_dump_section *s)
{
	return (const void *)((const uint8_t *)(s + 1) + ((s->size + 7) & ~7ull));
}

const struct loom_dump_section *section_find(const uint8_t *dump, uint32_t type, uint32_t id)
{
	const struct loom_dump_header *head = (const void *)dump;
	const struct loom_dump_section *s = (const void *)(dump + head->size);

	for (uint32_t i = 0; i < head->sections; i++, s = section_next(s))
		if (s->type == type && s->id == id)
			return s;
	return NULL;
}
