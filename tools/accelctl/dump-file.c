// SPDX-License-Identifier: MIT
#include "dump-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump.h"
#include "exit.h"
#include "interrupt.h"
#include "message.h"
#include "number.h"

static int fail(const char *path, int err)
{
	complain("cannot read '%s': %s", path, strerror(err));
	return err == EACCES || err == EPERM ? EXIT_PERMISSION : EXIT_FAILED;
}

/* Its size is known at the end only: sysfs and pipes tell none. */
static int read_all(int fd, const char *path, uint8_t **data, size_t *size)
{
	size_t room = 0;

	for (;;) {
		ssize_t n;

		if (interrupt_pending())
			return interrupt_exit();
		if (*size > DUMP_SIZE_MAX) {
			complain("cannot use '%s': it is larger than any dump", path);
			return EXIT_FAILED;
		}
		if (*size == room) {
			uint8_t *more;

			room = room ? 2 * room : 65536;
			more = realloc(*data, room);
			if (!more)
				return fail(path, ENOMEM);
			*data = more;
		}
		n = read(fd, *data + *size, room - *size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(path, errno);
		if (!n)
			return 0;
		*size += (size_t)n;
	}
}

int dump_file_read(const char *path, void **data, size_t *size)
{
	bool standard = !strcmp(path, "-");
	uint8_t *bytes = NULL;
	int fd, status;

	*size = 0;
	do {
		fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	} while (fd < 0 && errno == EINTR && !interrupt_pending());
	if (fd < 0)
		return interrupt_pending() ? interrupt_exit() : fail(path, errno);
	status = read_all(fd, path, &bytes, size);
	if (!standard)
		close(fd);
	if (!status && !*size) {
		complain("cannot use '%s': it is empty", path);
		status = EXIT_FAILED;
	}
	if (status)
		free(bytes);
	else
		*data = bytes;
	return status;
}

/* Other devices have dumps as well: 1 if this is one of a card, 0 if not, or a negative errno. */
static int is_ours(const char *path)
{
	uint64_t magic = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, &magic, sizeof(magic));
	} while (n < 0 && errno == EINTR);
	close(fd);
	return n == sizeof(magic) && magic == LOOM_DUMP_MAGIC;
}

int dump_file_newest(const char *directory, char *path, size_t size)
{
	DIR *dir = opendir(directory);
	uint64_t newest = 0, number;
	bool found = false, denied = false;
	struct dirent *entry;
	char file[320];
	int ours;

	/* A kernel without any dump need not have the directory. */
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "devcd", 5) ||
		    !number_parse(entry->d_name + 5, 0, UINT64_MAX, &number) ||
		    (found && number < newest))
			continue;
		if (snprintf(file, sizeof(file), "%s/%s/data", directory, entry->d_name) >=
		    (int)sizeof(file))
			continue;
		ours = is_ours(file);
		if (ours == -EACCES || ours == -EPERM)
			denied = true;
		if (ours <= 0 || snprintf(path, size, "%s", file) >= (int)size)
			continue;
		newest = number;
		found = true;
	}
	if (dir)
		closedir(dir);
	if (found)
		return 0;
	if (denied) {
		complain("cannot read the dumps in %s: %s", directory, strerror(EACCES));
		hint("that takes root");
		return EXIT_PERMISSION;
	}
	complain("there is no dump in %s", directory);
	hint("the driver makes one when a job or a card fails, the kernel keeps it for five minutes; "
	     "name the file of one that was saved");
	return EXIT_FAILED;
}

int dump_file_open(const char **path, struct dump *dump, void **data)
{
	static char newest[128];
	const char *why;
	size_t size = 0;
	int status = 0;

	if (!*path) {
		status = dump_file_newest(DUMP_KEPT, newest, sizeof(newest));
		*path = newest;
	}
	if (!status)
		status = dump_file_read(*path, data, &size);
	if (status)
		return status;
	why = dump_parse(dump, *data, size);
	if (why) {
		complain("cannot use '%s': %s", *path, why);
		free(*data);
		return EXIT_FAILED;
	}
	if (dump->unknown)
		note("%u sections of kinds that are not known here were skipped", dump->unknown);
	if (dump->repeated)
		note("%u sections that were there before were skipped", dump->repeated);
	return 0;
}
