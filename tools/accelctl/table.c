// SPDX-License-Identifier: MIT
#include "table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "message.h"
#include "output.h"
#include "text.h"

void table_begin(struct table *table, const char *const *heads, size_t columns)
{
	assert(columns <= TABLE_COLUMNS_MAX);
	memset(table, 0, sizeof(*table));
	table->heads = heads;
	table->columns = columns;
}

void table_cell(struct table *table, const char *format, ...)
{
	va_list ap;

	if (table->count == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		char **cells = realloc(table->cells, room * sizeof(*cells));

		if (!cells) {
			complain("out of memory");
			exit(EXIT_FAILED);
		}
		table->cells = cells;
		table->room = room;
	}
	va_start(ap, format);
	if (vasprintf(&table->cells[table->count], format, ap) < 0) {
		complain("out of memory");
		exit(EXIT_FAILED);
	}
	va_end(ap);
	text_clean(table->cells[table->count++]);
}

static void print_cell(const char *text, size_t width, bool right, bool last)
{
	if (right)
		printf("%*s", (int)width, text);
	else if (last)
		fputs(text, stdout);
	else
		printf("%-*s", (int)width, text);
	if (!last)
		fputs("  ", stdout);
}

void table_end(struct table *table)
{
	size_t widths[TABLE_COLUMNS_MAX];

	for (size_t column = 0; column < table->columns; column++)
		widths[column] = strlen(table->heads[column] + (*table->heads[column] == '>'));
	for (size_t i = 0; i < table->count; i++) {
		size_t *width = &widths[i % table->columns], length = strlen(table->cells[i]);

		*width = length > *width ? length : *width;
	}
	for (size_t row = 0; row <= table->count / table->columns; row++) {
		fputs(row ? "" : style_bold(), stdout);
		for (size_t column = 0; column < table->columns; column++) {
			const char *head = table->heads[column];
			bool right = *head == '>';

			print_cell(row ? table->cells[(row - 1) * table->columns + column] : head + right,
				   widths[column], right, column + 1 == table->columns);
		}
		fputs(row ? "" : style_end(), stdout);
		putchar('\n');
	}
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	memset(table, 0, sizeof(*table));
}
