// SPDX-License-Identifier: MIT
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit.h"
#include "interrupt.h"
#include "message.h"

#define CHUNK	(1u << 24)

static int fail(const struct outfile *file, const char *what, int err)
{
	complain("%s '%s': %s", what, file->name, strerror(err));
	return err == EACCES || err == EPERM || err == EROFS ? EXIT_PERMISSION : EXIT_FAILED;
}

bool outfile_is_stdout(const char *name)
{
	return !strcmp(name, "-") || !strcmp(name, "/dev/stdout") || !strcmp(name, "/dev/fd/1") ||
	       !strcmp(name, "/proc/self/fd/1");
}

static int open_direct(struct outfile *file)
{
	/* An output redirected to a file is continued, not replaced. */
	if (outfile_is_stdout(file->name)) {
		file->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	} else {
		/* That of a pipe waits for its reader. */
		do {
			file->fd = open(file->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		} while (file->fd < 0 && errno == EINTR && !interrupt_pending());
	}
	if (file->fd >= 0)
		return 0;
	return interrupt_pending() ? interrupt_exit() : fail(file, "cannot open", errno);
}

static int open_temporary(struct outfile *file, mode_t mode)
{
	char *directory = strdup(file->target), *base = strdup(file->target);

	if (!directory || !base ||
	    asprintf(&file->temporary, "%s/.%.200s.XXXXXX", dirname(directory), basename(base)) < 0) {
		file->temporary = NULL;
		free(directory);
		free(base);
		return fail(file, "cannot write", ENOMEM);
	}
	free(directory);
	free(base);
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd < 0) {
		int err = errno;

		free(file->temporary);
		file->temporary = NULL;
		return fail(file, "cannot create", err);
	}
	interrupt_unlink(file->temporary);
	if (fchmod(file->fd, mode))
		return fail(file, "cannot set the mode of", errno);
	return 0;
}

int outfile_open(struct outfile *file, const char *name)
{
	struct stat st;
	mode_t mask;

	memset(file, 0, sizeof(*file));
	file->name = name;
	file->fd = -1;
	if (outfile_is_stdout(name))
		return open_direct(file);
	if (stat(name, &st)) {
		struct stat link;

		if (errno != ENOENT)
			return fail(file, "cannot write", errno);
		if (!lstat(name, &link)) {
			complain("cannot write '%s': it is a symbolic link to nothing", name);
			return EXIT_FAILED;
		}
		if (!*name || name[strlen(name) - 1] == '/')
			return fail(file, "cannot write", ENOENT);
		file->target = strdup(name);
		if (!file->target)
			return fail(file, "cannot write", ENOMEM);
		mask = umask(0);
		umask(mask);
		return open_temporary(file, 0666 & ~mask);
	}
	if (S_ISDIR(st.st_mode))
		return fail(file, "cannot write", EISDIR);
	if (!S_ISREG(st.st_mode))
		return open_direct(file);
	if (access(name, W_OK))
		return fail(file, "cannot write", errno);
	/* The file behind a symbolic link is replaced, not the link. */
	file->target = realpath(name, NULL);
	if (!file->target)
		return fail(file, "cannot write", errno);
	return open_temporary(file, st.st_mode & 0777);
}

/* Whatever the path, it is the same name in the same directory. */
bool outfile_same(const struct outfile *a, const struct outfile *b)
{
	char *paths[4] = { NULL };
	struct stat at[2];
	bool same = false;

	if (!a->temporary || !b->temporary)
		return false;
	for (int i = 0; i < 4; i++)
		paths[i] = strdup(i % 2 ? b->target : a->target);
	if (paths[0] && paths[1] && paths[2] && paths[3])
		same = !strcmp(basename(paths[0]), basename(paths[1])) &&
		       !stat(dirname(paths[2]), &at[0]) && !stat(dirname(paths[3]), &at[1]) &&
		       at[0].st_dev == at[1].st_dev && at[0].st_ino == at[1].st_ino;
	for (int i = 0; i < 4; i++)
		free(paths[i]);
	return same;
}

int outfile_write(struct outfile *file, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n;

		if (interrupt_pending())
			return interrupt_exit();
		n = write(file->fd, at, size < CHUNK ? size : CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			return EXIT_PIPE;
		if (n < 0)
			return fail(file, "writing", errno);
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static void sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

int outfile_commit(struct outfile *file)
{
	int fd = file->fd;

	if (!file->temporary) {
		file->fd = -1;
		if (close(fd))
			return fail(file, "writing", errno);
		return 0;
	}
	if (fsync(fd))
		return fail(file, "writing", errno);
	file->fd = -1;
	if (close(fd))
		return fail(file, "writing", errno);
	if (interrupt_pending())
		return interrupt_exit();
	if (rename(file->temporary, file->target))
		return fail(file, "cannot replace", errno);
	interrupt_keep(file->temporary);
	sync_directory(file->target);
	free(file->temporary);
	free(file->target);
	file->temporary = NULL;
	file->target = NULL;
	return 0;
}

void outfile_abort(struct outfile *file)
{
	if (!file->name)
		return;
	if (file->fd >= 0)
		close(file->fd);
	if (file->temporary) {
		unlink(file->temporary);
		interrupt_keep(file->temporary);
	}
	free(file->temporary);
	free(file->target);
	memset(file, 0, sizeof(*file));
}
