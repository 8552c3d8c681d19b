/* SPDX-License-Identifier: MIT */
/*
 * Output files: complete or not there at all.
 *
 * A regular file is written under another name beside its target, made durable and renamed.
 * Anything else (a pipe, /dev/stdout, a device) is written directly.
 */
#ifndef ACCELCTL_OUTFILE_H
#define ACCELCTL_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>

struct outfile {
	const char *name;	/* as the user calls it */
	char *target;		/* what will be replaced */
	char *temporary;	/* NULL: written directly */
	int fd;
};

/* outfile_is_stdout() - "-" and the names that systems give standard output. */
bool outfile_is_stdout(const char *name);

/* outfile_same() - whether two that are open are to become the same file. */
bool outfile_same(const struct outfile *a, const struct outfile *b);

/* All return 0 or an exit code, with a message. After a failure only abort is allowed. */
int outfile_open(struct outfile *file, const char *name);
int outfile_write(struct outfile *file, const void *data, size_t size);
int outfile_commit(struct outfile *file);
/* outfile_abort() - leave nothing behind; harmless after commit and on a zeroed structure. */
void outfile_abort(struct outfile *file);

#endif
