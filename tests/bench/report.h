/* SPDX-License-Identifier: MIT */
/*
 * What a benchmark has to say, in the one form that tests/bench/plot and
 * Documentation/performance.rst know.
 *
 * Rows are identified by series (a line of the plot) and point (its place on the x axis).
 * A benchmark goes round all its rows again and again and adds one sample to each, together
 * with the reference that was measured beside it; what is reported is the median of the
 * values, that of the references, and that of the ratios of each pair.
 *
 *	{ "bench": NAME, "title": TEXT, "x": TEXT, "against": TEXT, "better": "lower" | "higher",
 *	  "machine": { NAME: TEXT or NUMBER, ... },
 *	  "rows": [ { "series": TEXT, "point": NUMBER, "unit": TEXT, "value": NUMBER,
 *		      "reference": NUMBER, "ratio": NUMBER, "samples": NUMBER }, ... ] }
 *
 * "reference" and "ratio", value divided by reference, are there if there is a reference.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>

struct report;

/**
 * struct report_head - what all rows have in common
 * @bench: name of the benchmark: a word
 * @title: what is measured
 * @x: what points are
 * @against: what references are, NULL if there are none
 * @higher: more is better
 */
struct report_head {
	const char *bench, *title, *x, *against;
	bool higher;
};

/** report_open() - begin; ends the program if there is no memory. Texts must stay. */
struct report *report_open(const struct report_head *head);

/**
 * report_sample() - add a sample to a row, which is made when it is new
 * @unit: of value and reference; constant, as @series
 * @reference: 0: none
 */
void report_sample(struct report *report, const char *series, double point, const char *unit,
		   double value, double reference);

/**
 * report_close() - print a table on standard error, write the JSON to @path (NULL: standard
 * output), and free everything
 *
 * The machine is described by the environment's BENCH_MACHINE, a JSON object.
 *
 * Return: 0, or 1 if the file could not be written
 */
int report_close(struct report *report, const char *path);

#endif
