// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include <accel/accel.h>

#include "args.h"
#include "clients.h"
#include "exit.h"
#include "interrupt.h"
#include "message.h"
#include "output.h"
#include "stats.h"
#include "table.h"

/* struct row - what a process has of a card, in all its files */
struct row {
	const struct client *first;
	size_t files;
	double utilisation;
	struct client sum;
};

/* The next process or card, from client @at on; moves @at behind it. */
static struct row next_row(const struct clients *before, const struct clients *now, size_t *at)
{
	struct row row = { .first = &now->client[*at] };

	for (; *at < now->count; ++*at, row.files++) {
		const struct client *c = &now->client[*at], *old = clients_find(before, c);

		if (c->pid != row.first->pid || strcmp(c->card, row.first->card))
			break;
		row.sum.engine_ns += c->engine_ns;
		row.sum.queues += c->queues;
		row.sum.jobs += c->jobs;
		row.sum.cycles += c->cycles;
		row.sum.energy_pj += c->energy_pj;
		row.sum.system_bytes += c->system_bytes;
		row.sum.local_bytes += c->local_bytes;
		/* A file that was not there has done all of it since. */
		if (old && c->when > old->when && c->engine_ns >= old->engine_ns)
			row.utilisation += (double)(c->engine_ns - old->engine_ns) /
					   (double)(c->when - old->when);
	}
	return row;
}

static const char *user_name(uid_t uid, char text[32])
{
	struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(text, 32, "%.31s", user->pw_name);
	else
		snprintf(text, 32, "%lu", (unsigned long)uid);
	return text;
}

static bool wanted(const char *card, const struct row *row)
{
	return !card || !strcmp(card, row->first->card);
}

static void print_json(const struct args *args, const struct clients *before,
		       const struct clients *now, const char *card, double seconds)
{
	struct json_object *document = doc_begin(args->command->schema);
	struct json_object *array, *object, *member;
	char user[32];

	doc_real(document, "interval_s", seconds);
	doc_number(document, "hidden", now->hidden);
	array = doc_array(document, "processes");
	for (size_t at = 0; at < now->count;) {
		struct row row = next_row(before, now, &at);

		if (!wanted(card, &row))
			continue;
		object = doc_append_object(array);
		doc_number(object, "pid", (uint64_t)row.first->pid);
		doc_number(object, "uid", row.first->uid);
		doc_string(object, "user", user_name(row.first->uid, user));
		doc_string(object, "command", row.first->command);
		doc_string(object, "device", row.first->card);
		member = doc_array(object, "clients");
		for (size_t i = 0; i < row.files; i++)
			doc_append_number(member, row.first[i].id);
		doc_number(object, "queues", row.sum.queues);
		doc_number(object, "jobs", row.sum.jobs);
		member = doc_object(object, "memory");
		doc_number(member, "system_bytes", row.sum.system_bytes);
		doc_number(member, "local_bytes", row.sum.local_bytes);
		member = doc_object(object, "observed");
		doc_real(member, "engine_s", (double)row.sum.engine_ns / 1e9);
		doc_real(member, "utilisation", row.utilisation);
		member = doc_object(object, "modelled");
		doc_number(member, "cycles", row.sum.cycles);
		doc_real(member, "energy_j", (double)row.sum.energy_pj / 1e12);
	}
	doc_print(document);
}

static bool print_table(const struct clients *before, const struct clients *now, const char *card)
{
	static const char *const heads[] = { ">PID", "USER", "CARD", ">QUEUES", ">JOBS", ">ENGINE",
					     ">UTIL", ">SYSTEM", ">LOCAL", "COMMAND" };
	struct table table;
	char text[32];
	bool any = false;

	table_begin(&table, heads, sizeof(heads) / sizeof(*heads));
	for (size_t at = 0; at < now->count;) {
		struct row row = next_row(before, now, &at);

		if (!wanted(card, &row))
			continue;
		any = true;
		table_cell(&table, "%ld", (long)row.first->pid);
		table_cell(&table, "%s", user_name(row.first->uid, text));
		table_cell(&table, "%s", row.first->card);
		table_cell(&table, "%" PRIu64, row.sum.queues);
		table_cell(&table, "%" PRIu64, row.sum.jobs);
		table_cell(&table, "%s", format_time(text, (double)row.sum.engine_ns / 1e9));
		table_cell(&table, "%.0f%%", 100 * row.utilisation);
		table_cell(&table, "%s", format_bytes(text, (double)row.sum.system_bytes));
		table_cell(&table, "%s", format_bytes(text, (double)row.sum.local_bytes));
		table_cell(&table, "%s", row.first->command);
	}
	if (any)
		table_end(&table);
	return any;
}

/* The PCI address of the card that the command line names. */
static int find_card(const struct args *args, char card[32])
{
	const char *name = args_text(args, "device");
	struct accel_device_list *list;
	int err, status = EXIT_NODEVICE;

	if (!strncmp(name, "sim:", 4))
		return args_usage(args, "a simulated card belongs to its process alone");
	err = accel_device_list_create(&list);
	if (err)
		return fail_call("cannot list devices", err);
	for (size_t i = 0; i < accel_device_list_count(list); i++) {
		const struct accel_device_info *info = accel_device_list_get(list, i);
		const char *domain = strchr(info->pci, ':');

		if (strcmp(name, info->pci) && strcmp(name, info->node) &&
		    (!domain || strcmp(name, domain + 1)) &&
		    (strncmp(name, "sn:", 3) || strcmp(name + 3, info->serial)))
			continue;
		snprintf(card, 32, "%.31s", info->pci);
		status = 0;
	}
	accel_device_list_free(list);
	if (status)
		complain("there is no card %s: see accelctl list", name);
	return status;
}

static int run(const struct args *args)
{
	uint64_t interval = args_seconds(args, "interval");
	bool one = args_given(args, "device"), any;
	struct clients before, now;
	char card[32];
	int status = 0;

	if (one)
		status = find_card(args, card);
	if (!status)
		status = clients_read(&before, "/proc");
	if (status)
		return status;
	if (!interrupt_sleep(interval)) {
		clients_free(&before);
		return interrupt_exit();
	}
	status = clients_read(&now, "/proc");
	if (!status) {
		if (output_json()) {
			print_json(args, &before, &now, one ? card : NULL, (double)interval / 1e9);
		} else {
			any = print_table(&before, &now, one ? card : NULL);
			if (!any)
				note("nobody that may be looked at has a card open");
		}
		if (now.hidden)
			note("%zu processes of other users may not be looked at; root sees them",
			     now.hidden);
		clients_free(&now);
	}
	clients_free(&before);
	return status;
}

const struct command command_ps = {
	.noun = "ps",
	.summary = "Show the processes that have a card open and what they use.",
	.text = "One line per process and card, from /proc/PID/fdinfo: other users' processes are seen "
		"by root alone. JOBS have ended; ENGINE is the observed time of these, from start to "
		"end; UTIL is what was added to it during the interval, where 100% is one ring of the "
		"card busy all the time: jobs that share the card count whole. SYSTEM and LOCAL are "
		"buffers in the machine's and in the card's memory. A file that several processes share "
		"is shown for each; the JSON output has its number.",
	.options = (const struct param[]){
		{ .name = "interval", .letter = 'i', .kind = VALUE_SECONDS, .value = "SECONDS",
		  .fallback = "0.5", .help = "over which utilisation is measured" },
		{ 0 },
	},
	.schema = "accelctl.ps/1",
	.examples = "ps\nps -d 0000:01:00.0 -i 2\nps -o json",
	.run = run,
};
