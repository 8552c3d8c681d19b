/* SPDX-License-Identifier: MIT */
/*
 * Tables on standard output: columns as wide as their widest cell.
 */
#ifndef ACCELCTL_TABLE_H
#define ACCELCTL_TABLE_H

#include <stddef.h>

#define TABLE_COLUMNS_MAX	16

struct table {
	const char *const *heads;	/* a '>' in front aligns the column to the right */
	size_t columns;
	char **cells;
	size_t count;
	size_t room;
};

void table_begin(struct table *table, const char *const *heads, size_t columns);
/* table_cell() - the next cell, row by row. */
void table_cell(struct table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* table_end() - print and free. */
void table_end(struct table *table);

#endif
