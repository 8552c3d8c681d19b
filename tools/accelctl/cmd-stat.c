// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <accel/accel.h>

#include "args.h"
#include "card.h"
#include "exit.h"
#include "interrupt.h"
#include "message.h"
#include "output.h"
#include "stats.h"
#include "table.h"

/* struct sample - what a card says at a moment */
struct sample {
	uint64_t when;
	struct accel_device_counters counters;
	struct accel_device_memory memory;
};

/* struct watched - a card that is looked at */
struct watched {
	struct card card;
	struct sample before;
	struct sample now;
	bool gone;
};

struct stat_run {
	struct watched *card;
	size_t count;
};

static int sample(struct watched *watched, struct sample *sample)
{
	int err;

	sample->counters = (struct accel_device_counters)ACCEL_INIT(sample->counters);
	sample->memory = (struct accel_device_memory)ACCEL_INIT(sample->memory);
	sample->when = accel_now();
	err = accel_device_counters(watched->card.device, &sample->counters);
	return err ? err : accel_device_memory(watched->card.device, &sample->memory);
}

static int add(struct stat_run *run, const char *name)
{
	struct watched *array = realloc(run->card, (run->count + 1) * sizeof(*array));
	int status;

	if (!array) {
		complain("out of memory");
		return EXIT_FAILED;
	}
	run->card = array;
	array[run->count] = (struct watched){ 0 };
	status = card_open(&array[run->count].card, name);
	run->count += !status;
	return status;
}

/* The card that is named, or all of the machine's that have a driver. */
static int open_cards(const struct args *args, struct stat_run *run)
{
	struct accel_device_list *list;
	int err, status = 0;

	if (args_given(args, "device"))
		return add(run, args_text(args, "device"));
	err = accel_device_list_create(&list);
	if (err)
		return fail_call("cannot list devices", err);
	for (size_t i = 0; i < accel_device_list_count(list) && !status; i++) {
		const struct accel_device_info *info = accel_device_list_get(list, i);

		if (*info->node)
			status = add(run, info->node);
	}
	accel_device_list_free(list);
	if (!status && !run->count) {
		complain("no device");
		hint("load the driver (modprobe loom) if there is a card, or use -d sim:");
		status = EXIT_NODEVICE;
	}
	return status;
}

static double seconds(const struct watched *watched)
{
	return (double)(watched->now.when - watched->before.when) / 1e9;
}

#define GROWN(watched, counter)	\
	((watched)->now.counters.counter - (watched)->before.counters.counter)

static double busy(const struct watched *watched)
{
	double part = (double)GROWN(watched, busy_ns) / 1e9 / seconds(watched);

	/* Two clocks of two readings: the quotient may be a little more than can be. */
	return part < 1 ? part : 1;
}

static double watts(const struct watched *watched)
{
	return (double)GROWN(watched, energy_pj) / 1e12 / seconds(watched);
}

static void print_json(const struct args *args, const struct stat_run *run)
{
	struct json_object *document = doc_begin(args->command->schema);
	struct json_object *array = doc_array(document, "devices"), *object, *member;

	for (size_t i = 0; i < run->count; i++) {
		const struct watched *w = &run->card[i];

		if (w->gone)
			continue;
		object = doc_append_object(array);
		card_describe(&w->card, object);
		doc_real(object, "interval_s", seconds(w));
		doc_number(object, "jobs", GROWN(w, descriptors));
		doc_number(object, "packets", GROWN(w, packets));
		doc_number(object, "faults", GROWN(w, faults));
		doc_number(object, "resets", GROWN(w, resets));
		member = doc_object(object, "memory");
		doc_number(member, "system_used", w->now.memory.system_used);
		doc_number(member, "local_used", w->now.memory.local_used);
		doc_number(member, "local_free", w->now.memory.local_free);
		member = doc_object(object, "observed");
		doc_real(member, "busy", busy(w));
		doc_real(member, "jobs_per_s", (double)GROWN(w, descriptors) / seconds(w));
		member = doc_object(object, "modelled");
		doc_number(member, "cycles", GROWN(w, cycles));
		doc_number(member, "macs", GROWN(w, macs));
		doc_number(member, "bytes_local", GROWN(w, bytes_local));
		doc_number(member, "bytes_host", GROWN(w, bytes_host));
		doc_real(member, "energy_j", (double)GROWN(w, energy_pj) / 1e12);
		doc_real(member, "power_w", watts(w));
	}
	doc_print(document);
}

static void print_table(const struct stat_run *run)
{
	static const char *const heads[] = { "CARD", ">BUSY", ">JOBS/S", ">SYSTEM", ">LOCAL", ">MACS",
					     ">ENERGY", ">POWER", ">FAULTS", ">RESETS" };
	struct table table;
	char text[32];

	table_begin(&table, heads, sizeof(heads) / sizeof(*heads));
	for (size_t i = 0; i < run->count; i++) {
		const struct watched *w = &run->card[i];

		if (w->gone)
			continue;
		table_cell(&table, "%s", w->card.props.id);
		table_cell(&table, "%.1f%%", 100 * busy(w));
		table_cell(&table, "%.1f", (double)GROWN(w, descriptors) / seconds(w));
		table_cell(&table, "%s", format_bytes(text, (double)w->now.memory.system_used));
		table_cell(&table, "%s", format_bytes(text, (double)w->now.memory.local_used));
		table_cell(&table, "%" PRIu64, GROWN(w, macs));
		table_cell(&table, "%.4g J", (double)GROWN(w, energy_pj) / 1e12);
		table_cell(&table, "%.4g W", watts(w));
		table_cell(&table, "%" PRIu64, GROWN(w, faults));
		table_cell(&table, "%" PRIu64, GROWN(w, resets));
	}
	table_end(&table);
	fflush(stdout);
}

/* One card that is lost does not end the report on others. */
static int take(struct stat_run *run, bool first)
{
	size_t left = 0;
	int status = 0;

	for (size_t i = 0; i < run->count; i++) {
		struct watched *w = &run->card[i];
		int err;

		if (w->gone)
			continue;
		if (!first)
			w->before = w->now;
		err = sample(w, &w->now);
		if (err) {
			status = fail_call("cannot read the card's counters", err);
			w->gone = true;
		}
		left += !err;
	}
	return left ? 0 : status;
}

static int watch(const struct args *args, struct stat_run *run)
{
	uint64_t interval = args_seconds(args, "interval"), count = args_number(args, "count");
	int status = take(run, true);

	for (uint64_t i = 0; !status && (!count || i < count); i++) {
		if (!interrupt_sleep(interval))
			return interrupt_exit();
		status = take(run, false);
		if (status)
			break;
		if (output_json())
			print_json(args, run);
		else
			print_table(run);
		if (ferror(stdout))
			break;
	}
	return status;
}

static int run(const struct args *args)
{
	struct stat_run run = { 0 };
	int status = open_cards(args, &run);

	if (!status)
		status = watch(args, &run);
	for (size_t i = 0; i < run.count; i++)
		card_close(&run.card[i].card);
	free(run.card);
	return status;
}

const struct command command_stat = {
	.noun = "stat",
	.summary = "Show how busy the cards are, again and again.",
	.text = "For every card, or the one of -d: what it did during the interval, for everybody. BUSY "
		"is the observed part of the time in which an engine worked; JOBS/S are observed. MACS, "
		"ENERGY and POWER are those of the performance model, the power over observed time. "
		"SYSTEM and LOCAL are buffers in the machine's and in the card's memory at the end.\n\n"
		"With -o json each report is a document of its own.",
	.options = (const struct param[]){
		{ .name = "interval", .letter = 'i', .kind = VALUE_SECONDS, .value = "SECONDS",
		  .fallback = "1", .help = "length of a report" },
		{ .name = "count", .letter = 'n', .kind = VALUE_NUMBER, .value = "COUNT", .min = 0,
		  .max = UINT64_MAX, .fallback = "1", .help = "number of reports; 0: until interrupted" },
		{ 0 },
	},
	.schema = "accelctl.stat/1",
	.examples = "stat\nstat -i 0.5 -n 10\nstat -d 0000:01:00.0 -n 0 -o json",
	.run = run,
};
