// SPDX-License-Identifier: MIT
#include "profile.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "exit.h"
#include "model.h"
#include "output.h"
#include "stats.h"
#include "table.h"

#define TRACE_SCHEMA	"accelctl.trace/1"

struct layer {
	struct accel_layer_profile at;
	struct accel_value_info value;
	double observed, device;	/* s */
};

static struct layer layer_of(const struct accel_profile *profile, const struct card *card, uint32_t i)
{
	struct layer l = { .at = ACCEL_INIT(l.at), .value = ACCEL_INIT(l.value) };

	accel_profile_layer(profile, i, &l.at);
	accel_profile_value(profile, i, &l.value);
	l.observed = (double)(l.at.end_ns - l.at.begin_ns) / 1e9;
	if (card->props.timestamp_hz)
		l.device = (double)l.at.device_ticks / (double)card->props.timestamp_hz;
	return l;
}

static const char *place(const struct layer *l)
{
	return l->at.place == ACCEL_PLACE_CARD ? "card" : "host";
}

void profile_table(const struct accel_profile *profile, const struct card *card)
{
	static const char *const heads[] = { "NODE", "OP", "RESULT", "PLACE", ">OBSERVED", ">ON CARD",
					     ">CYCLES", ">MOVED", ">ARRAY", ">ENERGY" };
	char text[MODEL_VALUE_TEXT], one[32], two[32];
	struct layer sum = { 0 };
	double all = 0;
	struct table table;

	table_begin(&table, heads, sizeof(heads) / sizeof(*heads));
	for (uint32_t i = 0; i < accel_profile_layers(profile); i++) {
		struct layer l = layer_of(profile, card, i);
		bool on_card = l.at.place == ACCEL_PLACE_CARD;

		table_cell(&table, "%s", *l.at.name ? l.at.name : "-");
		table_cell(&table, "%s", l.at.op);
		table_cell(&table, "%s", model_value_text(&l.value, text));
		table_cell(&table, "%s", place(&l));
		table_cell(&table, "%s", format_time(one, l.observed));
		table_cell(&table, "%s", on_card ? format_time(two, l.device) : "-");
		if (on_card) {
			table_cell(&table, "%" PRIu64, l.at.cycles);
			table_cell(&table, "%s", format_bytes(one, (double)l.at.bytes));
			if (l.at.macs)
				table_cell(&table, "%.1f %%", 100 * l.at.utilization);
			else
				table_cell(&table, "-");
			table_cell(&table, "%.3g uJ", (double)l.at.energy_pj / 1e6);
		} else {
			for (int k = 0; k < 4; k++)
				table_cell(&table, "-");
		}
		all += l.observed;
		sum.device += l.device;
		sum.at.cycles += l.at.cycles;
		sum.at.bytes += l.at.bytes;
		sum.at.energy_pj += l.at.energy_pj;
	}
	table_cell(&table, "all");
	for (int k = 0; k < 3; k++)
		table_cell(&table, "-");
	table_cell(&table, "%s", format_time(one, all));
	table_cell(&table, "%s", format_time(two, sum.device));
	table_cell(&table, "%" PRIu64, sum.at.cycles);
	table_cell(&table, "%s", format_bytes(one, (double)sum.at.bytes));
	table_cell(&table, "-");
	table_cell(&table, "%.3g uJ", (double)sum.at.energy_pj / 1e6);
	table_end(&table);
	printf("OBSERVED, ON CARD are times of one run, step by step; the rest is modelled.\n");
}

static void figures(struct json_object *object, const struct layer *l)
{
	struct json_object *part = doc_object(object, "observed");

	doc_real(part, "begin_s", (double)l->at.begin_ns / 1e9);
	doc_real(part, "end_s", (double)l->at.end_ns / 1e9);
	doc_real(part, "device_s", l->device);
	part = doc_object(object, "modelled");
	doc_number(part, "cycles", l->at.cycles);
	doc_number(part, "bytes", l->at.bytes);
	doc_real(part, "energy_j", (double)l->at.energy_pj / 1e12);
	doc_number(part, "macs", l->at.macs);
	doc_real(part, "utilization", l->at.utilization);
}

void profile_json(const struct accel_profile *profile, const struct card *card,
		  struct json_object *document)
{
	struct json_object *array = doc_array(document, "layers");

	for (uint32_t i = 0; i < accel_profile_layers(profile); i++) {
		struct layer l = layer_of(profile, card, i);
		struct json_object *object = doc_append_object(array);

		doc_string(object, "node", l.at.name);
		doc_string(object, "origin", l.at.origin);
		doc_string(object, "op", l.at.op);
		doc_string(object, "place", place(&l));
		model_value_json(doc_object(object, "result"), &l.value);
		figures(object, &l);
	}
}

int profile_trace(const struct accel_profile *profile, const struct card *card, struct outfile *file)
{
	struct json_object *document = doc_begin(TRACE_SCHEMA), *events, *object;
	const char *text;
	int status;

	doc_string(document, "displayTimeUnit", "ns");
	events = doc_array(document, "traceEvents");
	for (uint32_t i = 0; i < accel_profile_layers(profile); i++) {
		struct layer l = layer_of(profile, card, i);
		bool on_card = l.at.place == ACCEL_PLACE_CARD;
		char shape[MODEL_VALUE_TEXT];

		object = doc_append_object(events);
		doc_string(object, "name", *l.at.name ? l.at.name : l.at.op);
		doc_string(object, "cat", l.at.op);
		/* a complete event, in microseconds; the card is one track, the processor another */
		doc_string(object, "ph", "X");
		doc_real(object, "ts", (double)l.at.begin_ns / 1e3);
		doc_real(object, "dur", l.observed * 1e6);
		doc_number(object, "pid", 1);
		doc_number(object, "tid", on_card ? 1 : 2);
		object = doc_object(object, "args");
		doc_string(object, "origin", l.at.origin);
		doc_string(object, "result", model_value_text(&l.value, shape));
		figures(object, &l);
	}
	for (int track = 1; track <= 2; track++) {
		object = doc_append_object(events);
		doc_string(object, "name", "thread_name");
		doc_string(object, "cat", "__metadata");
		doc_string(object, "ph", "M");
		doc_real(object, "ts", 0);
		doc_real(object, "dur", 0);
		doc_number(object, "pid", 1);
		doc_number(object, "tid", (uint64_t)track);
		object = doc_object(object, "args");
		doc_string(object, "name", track == 1 ? card->props.model : "processor");
	}
	text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_NOSLASHESCAPE);
	status = text ? outfile_write(file, text, strlen(text)) : EXIT_FAILED;
	json_object_put(document);
	return status;
}
