// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

struct row {
	const char *series, *unit;
	double point;
	size_t count;
	double *values, *references, *ratios;
};

struct report {
	struct report_head head;
	struct row *rows;
	size_t count;
};

static void *grown(void *old, size_t count, size_t size)
{
	void *p = realloc(old, count * size);

	if (!p) {
		fprintf(stderr, "bench: out of memory\n");
		exit(1);
	}
	return p;
}

struct report *report_open(const struct report_head *head)
{
	struct report *report = grown(NULL, 1, sizeof(*report));

	*report = (struct report){ .head = *head };
	return report;
}

static struct row *row_find(struct report *report, const char *series, double point,
			    const char *unit)
{
	struct row *row;

	for (size_t i = 0; i < report->count; i++) {
		row = &report->rows[i];
		if (row->point == point && !strcmp(row->series, series))
			return row;
	}
	report->rows = grown(report->rows, report->count + 1, sizeof(*row));
	row = &report->rows[report->count++];
	*row = (struct row){ .series = series, .unit = unit, .point = point };
	return row;
}

void report_sample(struct report *report, const char *series, double point, const char *unit,
		   double value, double reference)
{
	struct row *row = row_find(report, series, point, unit);
	size_t n = row->count + 1;

	row->values = grown(row->values, n, sizeof(double));
	row->references = grown(row->references, n, sizeof(double));
	row->ratios = grown(row->ratios, n, sizeof(double));
	row->values[row->count] = value;
	row->references[row->count] = reference;
	row->ratios[row->count] = reference > 0 ? value / reference : 0;
	row->count = n;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void text(FILE *out, const char *name, const char *value)
{
	fprintf(out, "\"%s\": \"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', out);
		fputc((unsigned char)*value < ' ' ? ' ' : *value, out);
	}
	fputc('"', out);
}

static void write_json(const struct report *report, FILE *out)
{
	const char *machine = getenv("BENCH_MACHINE");

	fputs("{ ", out);
	text(out, "bench", report->head.bench);
	fputs(", ", out);
	text(out, "title", report->head.title);
	fputs(", ", out);
	text(out, "x", report->head.x);
	fputs(",\n  ", out);
	if (report->head.against) {
		text(out, "against", report->head.against);
		fputs(", ", out);
	}
	text(out, "better", report->head.higher ? "higher" : "lower");
	fprintf(out, ",\n  \"machine\": %s,\n  \"rows\": [", machine && *machine ? machine : "{}");
	for (size_t i = 0; i < report->count; i++) {
		struct row *row = &report->rows[i];
		double reference = median(row->references, row->count);

		fputs(i ? ",\n    { " : "\n    { ", out);
		text(out, "series", row->series);
		fprintf(out, ", \"point\": %.10g, ", row->point);
		text(out, "unit", row->unit);
		fprintf(out, ", \"value\": %.6g", median(row->values, row->count));
		if (reference > 0)
			fprintf(out, ", \"reference\": %.6g, \"ratio\": %.4g", reference,
				median(row->ratios, row->count));
		fprintf(out, ", \"samples\": %zu }", row->count);
	}
	fputs(" ] }\n", out);
}

static void print_table(const struct report *report)
{
	int width = 20;

	for (size_t i = 0; i < report->count; i++)
		if ((int)strlen(report->rows[i].series) > width)
			width = (int)strlen(report->rows[i].series);
	fprintf(stderr, "%s\n%-*s %10s %12s %12s %8s\n", report->head.title, width, "median",
		report->head.x, "value", report->head.against ? "reference" : "", "ratio");
	for (size_t i = 0; i < report->count; i++) {
		struct row *row = &report->rows[i];
		double reference = median(row->references, row->count);

		fprintf(stderr, "%-*s %10g %9.4g %s", width, row->series, row->point,
			median(row->values, row->count), row->unit);
		if (reference > 0)
			fprintf(stderr, " %9.4g %s %8.3f", reference, row->unit,
				median(row->ratios, row->count));
		fputc('\n', stderr);
	}
}

int report_close(struct report *report, const char *path)
{
	FILE *out = path ? fopen(path, "w") : stdout;
	int ret = 0;

	if (out) {
		write_json(report, out);
		ret = ferror(out) || (path ? fclose(out) : fflush(out));
	}
	if (!out || ret) {
		fprintf(stderr, "bench: cannot write %s: %s\n", path ? path : "standard output",
			strerror(errno));
		ret = 1;
	}
	print_table(report);
	for (size_t i = 0; i < report->count; i++) {
		free(report->rows[i].values);
		free(report->rows[i].references);
		free(report->rows[i].ratios);
	}
	free(report->rows);
	free(report);
	return ret;
}
