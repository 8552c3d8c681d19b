// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "card.h"
#include "exit.h"
#include "facts.h"
#include "interrupt.h"
#include "message.h"
#include "output.h"
#include "product.h"
#include "progress.h"
#include "stats.h"
#include "table.h"

#define WARMUP		20

static int empty_program(struct card *card, struct accel_program **program)
{
	int err = accel_program_create(card->context, program);

	if (!err)
		err = accel_program_finish(*program);
	return err ? fail_call("cannot build an empty program", err) : 0;
}

/* --- Latency ----------------------------------------------------------------------------- */

struct latency {
	const char *name;
	uint64_t spin_ns;
	uint64_t *ns;
	uint64_t count;
};

static int latency_once(struct card *card, struct accel_program *program, uint64_t deadline,
			uint64_t *ns)
{
	struct accel_result result;
	uint64_t begin = accel_now();
	int status = card_run(card, program, deadline, "bench latency", &result);

	*ns = accel_now() - begin;
	if (!status && result.error)
		status = fail_job("bench latency", &result);
	return status;
}

/* With a queue of its own: how it waits is a property of the queue. */
static int latency_measure(const struct card *card, struct latency *latency, uint64_t deadline)
{
	struct accel_queue_opts opts = ACCEL_INIT(opts);
	struct accel_program *program = NULL;
	struct card own = *card;
	uint64_t ns;
	int err, status = 0;

	own.queue = NULL;
	opts.spin_ns = latency->spin_ns;
	err = accel_queue_create(card->context, &opts, &own.queue);
	if (err)
		return fail_call("cannot make a queue", err);
	latency->ns = calloc(latency->count, sizeof(*latency->ns));
	if (!latency->ns) {
		complain("out of memory");
		status = EXIT_FAILED;
	}
	if (!status)
		status = empty_program(&own, &program);
	for (unsigned int i = 0; i < WARMUP && !status; i++)
		status = latency_once(&own, program, deadline, &ns);
	progress_begin("measuring", latency->count);
	for (uint64_t i = 0; i < latency->count && !status; i++) {
		status = latency_once(&own, program, deadline, &latency->ns[i]);
		progress_update(i);
	}
	progress_end();
	if (!status)
		stats_sort(latency->ns, latency->count);
	accel_program_unref(program);
	accel_queue_unref(own.queue);
	return status;
}

static const double percents[] = { 0, 50, 90, 99, 100 };
static const char *const percent_names[] = { "min_s", "p50_s", "p90_s", "p99_s", "max_s" };

static void latency_print(const struct args *args, const struct card *card,
			  const struct latency *latencies, unsigned int count)
{
	static const char *const heads[] = { "WAITING", ">MIN", ">50 %", ">90 %", ">99 %", ">MAX" };
	struct table table;

	if (output_json()) {
		struct json_object *document = doc_begin(args->command->schema), *array;

		card_describe(card, document);
		facts_describe(card, document);
		doc_number(document, "jobs", latencies[0].count);
		array = doc_array(document, "results");
		for (unsigned int i = 0; i < count; i++) {
			struct json_object *row = doc_append_object(array);

			doc_string(row, "waiting", latencies[i].name);
			for (unsigned int p = 0; p < 5; p++)
				doc_real(row, percent_names[p],
					 (double)stats_percentile(latencies[i].ns, latencies[i].count,
								  percents[p]) / 1e9);
		}
		doc_print(document);
		return;
	}
	facts_fields(card);
	field("measured", "submission to result of an empty job, %" PRIu64 " times, one at a time",
	      latencies[0].count);
	table_begin(&table, heads, 6);
	for (unsigned int i = 0; i < count; i++) {
		table_cell(&table, "%s", latencies[i].name);
		for (unsigned int p = 0; p < 5; p++) {
			char text[32];

			table_cell(&table, "%s", format_time(text,
				   (double)stats_percentile(latencies[i].ns, latencies[i].count,
							    percents[p]) / 1e9));
		}
	}
	table_end(&table);
}

static int run_latency(const struct args *args)
{
	struct latency latencies[] = { { .name = "polling" },
				       { .name = "sleeping", .spin_ns = ACCEL_NO_SPIN } };
	uint64_t deadline = deadline_in(args_seconds(args, "timeout"));
	struct card card;
	int status = card_open_queue(&card, args_text(args, "device"), NULL);

	if (status)
		return status;
	for (unsigned int i = 0; i < 2 && !status; i++) {
		latencies[i].count = args_number(args, "count");
		status = latency_measure(&card, &latencies[i], deadline);
	}
	if (!status)
		latency_print(args, &card, latencies, 2);
	free(latencies[0].ns);
	free(latencies[1].ns);
	card_close(&card);
	return status;
}

/* --- Throughput -------------------------------------------------------------------------- */

/* Submissions that are under way at a time: the card must not wait for the host. */
#define WINDOW		4

struct throughput {
	uint32_t batch;
	uint64_t jobs;
	double seconds;
};

/* throughput_reap() - wait for the oldest submission of the window. */
static int throughput_reap(struct accel_fence **fence, uint64_t deadline)
{
	struct accel_result result;
	int err, status = 0;

	if (!*fence)
		return 0;
	err = job_wait(*fence, deadline);
	if (err)
		status = fail_wait("bench throughput", err);
	else if (accel_fence_result(*fence, &result))
		status = fail_job("bench throughput", &result);
	accel_fence_unref(*fence);
	*fence = NULL;
	return status;
}

static int throughput_measure(struct card *card, struct accel_program *program,
			      uint64_t duration, uint64_t deadline, struct throughput *throughput)
{
	struct accel_fence *fences[WINDOW] = { NULL };
	struct accel_job *jobs = calloc(throughput->batch, sizeof(*jobs));
	uint64_t begin, now;
	unsigned int at = 0;
	int status = 0;

	if (!jobs) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	for (uint32_t i = 0; i < throughput->batch; i++) {
		jobs[i] = (struct accel_job)ACCEL_INIT(jobs[i]);
		jobs[i].program = program;
	}
	progress_begin("measuring", duration);
	begin = now = accel_now();
	while (!status && now - begin < duration) {
		int err;

		status = throughput_reap(&fences[at], deadline);
		if (status)
			break;
		err = accel_queue_submit(card->queue, jobs, throughput->batch, &fences[at]);
		if (err)
			status = fail_call("bench throughput", err);
		else
			throughput->jobs += throughput->batch;
		at = (at + 1) % WINDOW;
		now = accel_now();
		progress_update(now - begin);
	}
	for (unsigned int i = 0; i < WINDOW; i++) {
		int end = throughput_reap(&fences[(at + i) % WINDOW], deadline);

		status = status ? status : end;
	}
	throughput->seconds = (double)(accel_now() - begin) / 1e9;
	progress_end();
	free(jobs);
	return status;
}

static void throughput_print(const struct args *args, const struct card *card,
			     const struct throughput *rows, unsigned int count)
{
	static const char *const heads[] = { ">BATCH", ">JOBS/S", ">PER JOB" };
	struct table table;

	if (output_json()) {
		struct json_object *document = doc_begin(args->command->schema), *array;

		card_describe(card, document);
		facts_describe(card, document);
		array = doc_array(document, "results");
		for (unsigned int i = 0; i < count; i++) {
			struct json_object *row = doc_append_object(array);

			doc_number(row, "batch", rows[i].batch);
			doc_number(row, "jobs", rows[i].jobs);
			doc_real(row, "seconds", rows[i].seconds);
			doc_real(row, "jobs_per_s", (double)rows[i].jobs / rows[i].seconds);
		}
		doc_print(document);
		return;
	}
	facts_fields(card);
	field("measured", "empty jobs, %d submissions of BATCH jobs under way", WINDOW);
	table_begin(&table, heads, 3);
	for (unsigned int i = 0; i < count; i++) {
		char text[32];

		table_cell(&table, "%" PRIu32, rows[i].batch);
		table_cell(&table, "%s", format_rate(text, (double)rows[i].jobs / rows[i].seconds, ""));
		table_cell(&table, "%s", format_time(text, rows[i].seconds / (double)rows[i].jobs));
	}
	table_end(&table);
}

static int run_throughput(const struct args *args)
{
	struct throughput rows[] = { { .batch = 1 }, { .batch = 8 }, { .batch = 64 } };
	uint64_t deadline = deadline_in(args_seconds(args, "timeout"));
	struct accel_queue_opts opts = ACCEL_INIT(opts);
	struct accel_program *program = NULL;
	struct card card;
	int status;

	opts.depth = 64 * WINDOW;
	status = card_open_queue(&card, args_text(args, "device"), &opts);
	if (status)
		return status;
	status = empty_program(&card, &program);
	for (unsigned int i = 0; i < 3 && !status; i++) {
		/* What the card takes at a time, if that is less. */
		if (card.props.jobs_max && rows[i].batch > card.props.jobs_max)
			rows[i].batch = card.props.jobs_max;
		status = throughput_measure(&card, program, args_seconds(args, "seconds"), deadline,
					    &rows[i]);
	}
	if (!status)
		throughput_print(args, &card, rows, 3);
	accel_program_unref(program);
	card_close(&card);
	return status;
}

/* --- Products ---------------------------------------------------------------------------- */

struct cell {
	enum accel_dtype dtype;
	uint32_t size;
	uint64_t runs;
	double seconds;		/* observed, median */
	double rate;
	double modelled;	/* by the performance model's cycles and clock */
};

static int gemm_measure(struct card *card, uint64_t duration, uint64_t deadline,
			struct cell *cell)
{
	uint64_t ns[1000], begin, now;
	struct product product = { 0 };
	struct accel_result result = { 0 };
	int status;

	product.a.shape = (struct shape){ cell->dtype, 2, { cell->size, cell->size } };
	product.b.shape = product.a.shape;
	product.c.shape.dtype = cell->dtype == ACCEL_I8 ? ACCEL_I32 : ACCEL_F32;
	product_shape(&product);
	status = product_create(&product, card);
	if (!status)
		status = product_fill(&product, 1);
	begin = now = accel_now();
	while (!status && cell->runs < 1000 && (cell->runs < 3 || now - begin < duration)) {
		status = card_run(card, product.program, deadline, "bench gemm", &result);
		if (!status && result.error)
			status = fail_job("bench gemm", &result);
		ns[cell->runs++] = (uint64_t)(card_seconds(card, &result) * 1e9);
		now = accel_now();
		progress_tick();
	}
	if (!status) {
		stats_sort(ns, cell->runs);
		cell->seconds = (double)stats_percentile(ns, cell->runs, 50) / 1e9;
		cell->rate = 2 * (double)product.macs / cell->seconds;
		if (result.cycles)
			cell->modelled = 2 * (double)product.macs / (double)result.cycles *
					 card->props.clock_khz * 1e3;
	}
	product_destroy(&product);
	return status;
}

static void gemm_print(const struct args *args, const struct card *card,
		       const struct cell *cells, unsigned int count)
{
	static const char *const heads[] = { "TYPE", ">M = N = K", ">OBSERVED", ">RATE",
					     ">MODELLED RATE", ">RUNS" };
	struct table table;

	if (output_json()) {
		struct json_object *document = doc_begin(args->command->schema), *array;

		card_describe(card, document);
		facts_describe(card, document);
		array = doc_array(document, "results");
		for (unsigned int i = 0; i < count; i++) {
			struct json_object *row = doc_append_object(array);

			doc_string(row, "dtype", accel_dtype_name(cells[i].dtype));
			doc_number(row, "size", cells[i].size);
			doc_number(row, "runs", cells[i].runs);
			doc_real(row, "observed_median_s", cells[i].seconds);
			doc_real(row, "observed_ops_per_s", cells[i].rate);
			doc_real(row, "modelled_ops_per_s", cells[i].modelled);
		}
		doc_print(document);
		return;
	}
	facts_fields(card);
	table_begin(&table, heads, 6);
	for (unsigned int i = 0; i < count; i++) {
		const char *unit = cells[i].dtype == ACCEL_I8 ? "OP/s" : "FLOP/s";
		char text[32];

		table_cell(&table, "%s", accel_dtype_name(cells[i].dtype));
		table_cell(&table, "%" PRIu32, cells[i].size);
		table_cell(&table, "%s", format_time(text, cells[i].seconds));
		table_cell(&table, "%s", format_rate(text, cells[i].rate, unit));
		table_cell(&table, "%s", format_rate(text, cells[i].modelled, unit));
		table_cell(&table, "%" PRIu64, cells[i].runs);
	}
	table_end(&table);
}

static int run_gemm(const struct args *args)
{
	static const enum accel_dtype dtypes[] = { ACCEL_F32, ACCEL_F16, ACCEL_BF16, ACCEL_I8 };
	uint64_t deadline = deadline_in(args_seconds(args, "timeout"));
	uint64_t largest = args_number(args, "max");
	struct cell cells[4 * 8] = { 0 };
	unsigned int count = 0;
	struct card card;
	int status = card_open_queue(&card, args_text(args, "device"), NULL);

	if (status)
		return status;
	for (unsigned int i = 0; i < 4; i++)
		for (uint32_t size = 128; size <= largest; size *= 2)
			cells[count++] = (struct cell){ .dtype = dtypes[i], .size = size };
	progress_begin("measuring", count);
	for (unsigned int i = 0; i < count && !status; i++) {
		status = gemm_measure(&card, args_seconds(args, "seconds"), deadline, &cells[i]);
		progress_update(i + 1);
	}
	progress_end();
	if (!status)
		gemm_print(args, &card, cells, count);
	card_close(&card);
	return status;
}

#define TIMEOUT_OPTION	{ .name = "timeout", .kind = VALUE_SECONDS, .value = "SECONDS", \
			  .help = "stop and end with status 7 when it takes longer" }

const struct command command_bench_latency = {
	.noun = "bench",
	.verb = "latency",
	.summary = "Measure the round trip of an empty job.",
	.text = "From before the submission to after the wait, one job at a time: once waiting as "
		"programs do by default, polling for a bounded time, and once sleeping at once.",
	.options = (const struct param[]){
		{ .name = "count", .kind = VALUE_NUMBER, .value = "N", .min = 1, .max = 10000000,
		  .fallback = "1000", .help = "jobs to measure" },
		TIMEOUT_OPTION,
		{ 0 },
	},
	.schema = "accelctl.bench.latency/1",
	.run = run_latency,
};

const struct command command_bench_throughput = {
	.noun = "bench",
	.verb = "throughput",
	.summary = "Measure empty jobs per second, 1, 8 and 64 to a submission.",
	.options = (const struct param[]){
		{ .name = "seconds", .kind = VALUE_SECONDS, .value = "SECONDS", .fallback = "1",
		  .help = "duration of each measurement" },
		TIMEOUT_OPTION,
		{ 0 },
	},
	.schema = "accelctl.bench.throughput/1",
	.run = run_throughput,
};

const struct command command_bench_gemm = {
	.noun = "bench",
	.verb = "gemm",
	.summary = "Measure matrix products of several sizes and types.",
	.text = "Observed: median on the card's clock, of at least 3 runs. Modelled: what the "
		"performance model says that silicon would do.",
	.options = (const struct param[]){
		{ .name = "max", .kind = VALUE_NUMBER, .value = "N", .min = 128, .max = 16384,
		  .fallback = "1024", .help = "largest size; the smallest is 128" },
		{ .name = "seconds", .kind = VALUE_SECONDS, .value = "SECONDS", .fallback = "0.3",
		  .help = "duration of each measurement" },
		TIMEOUT_OPTION,
		{ 0 },
	},
	.schema = "accelctl.bench.gemm/1",
	.run = run_gemm,
};
