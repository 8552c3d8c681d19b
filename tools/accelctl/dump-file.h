/* SPDX-License-Identifier: MIT */
/*
 * Where dumps are: files, standard input, and what the kernel keeps.
 */
#ifndef ACCELCTL_DUMP_FILE_H
#define ACCELCTL_DUMP_FILE_H

#include <stddef.h>

struct dump;

/*
 * dump_file_read() - all of a file, "-": of standard input; *@data is to be freed.
 * dump_file_newest() - path of the newest dump of a card in @directory, which is like
 * /sys/class/devcoredump.
 * dump_file_open() - read and parse, by default the newest that the kernel keeps; sets *@path to what
 * it was, *@data is to be freed. Notes what it had to skip.
 * Return: 0 or an exit code, with a message.
 */
int dump_file_read(const char *path, void **data, size_t *size);
int dump_file_newest(const char *directory, char *path, size_t size);
int dump_file_open(const char **path, struct dump *dump, void **data);

#define DUMP_KEPT	"/sys/class/devcoredump"

#endif
