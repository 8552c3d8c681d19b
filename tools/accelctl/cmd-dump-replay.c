// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../libaccel/replay.h"
#include "args.h"
#include "card.h"
#include "dump-fault.h"
#include "dump-file.h"
#include "dump-names.h"
#include "dump.h"
#include "exit.h"
#include "interrupt.h"
#include "message.h"
#include "output.h"
#include "packet.h"
#include "replay.h"

/* A job that makes no progress for that long hangs; no longer than the limit. */
#define STALL_MS	2000

static const struct {
	enum replay_difference bit;
	const char *name;
} differences[] = {
	{ REPLAY_OUTCOME, "outcome" }, { REPLAY_PACKET, "packet" }, { REPLAY_CODE, "fault" },
	{ REPLAY_ADDRESS, "address" }, { REPLAY_ACCESS, "access" },
};

#define DIFFERENCES	(sizeof(differences) / sizeof(*differences))

struct replay {
	const struct args *args;
	const char *path;
	struct dump dump;
	struct replay_plan plan;
	struct accel_device *device;
	struct accel_device_props props;
	struct accel_replay *replay;
	struct accel_result result;
	struct replay_end seen;
	unsigned int different;
};

/* ---- the card ---- */

/* A card like that of the dump, as far as it matters for how jobs end. */
static void device_like(const struct dump *dump, char *text, size_t size)
{
	uint64_t profile = 0;

	dump_register(dump_find(dump, LOOM_DUMP_REGISTERS, 0), LOOM_REG_PROFILE, &profile);
	snprintf(text, size, "sim:%s%s", profile == LOOM_PROFILE_TPUV1 ? "profile=tpuv1," : "",
		 dump->meta.features & LOOM_FEATURE_DEBUG ? "debug=1" : "debug=0");
}

static int open_device(struct replay *r)
{
	const char *name = args_text(r->args, "device");
	char like[64];
	int err;

	device_like(&r->dump, like, sizeof(like));
	err = accel_device_open(name ? name : like, NULL, &r->device);
	if (err) {
		fail_call("cannot open the device", err);
		return exit_from_open(err);
	}
	r->props = (struct accel_device_props)ACCEL_INIT(r->props);
	err = accel_device_props(r->device, &r->props);
	if (err)
		return fail_call("cannot read the device's properties", err);
	if (r->props.hw_version != r->dump.meta.hw_version)
		note("the card of the dump has interface %u.%u, the simulated one %u.%u",
		     r->dump.meta.hw_version >> 16, r->dump.meta.hw_version & 0xffff,
		     r->props.hw_version >> 16, r->props.hw_version & 0xffff);
	if (r->dump.meta.features & LOOM_FEATURE_DEBUG &&
	    !accel_device_has(r->device, ACCEL_CAP_DEBUG))
		note("the card of the dump has packets for tests, the simulated one has not: "
		     "add debug=1");
	return 0;
}

/* ---- memory ---- */

static void note_memory(const struct replay_plan *plan, const struct dump *dump)
{
	const struct dump_section *map = dump_find(dump, LOOM_DUMP_MAP, 0);

	if (plan->absent)
		note("of %u of %u mappings the dump has no contents: they are filled with zeros",
		     plan->absent, plan->mappings);
	if (plan->truncated)
		note("the contents of %u mappings are truncated: the rest is filled with zeros",
		     plan->truncated);
	if (plan->late)
		note("program or contents were read some time after the failure");
	if (map->flags & LOOM_DUMP_INCOMPLETE)
		note("the dump has not all mappings: what lies in others will not be found");
	if (plan->unprotected)
		note("the dump does not tell which mappings are read-only");
}

static int rebuild(struct replay *r)
{
	uint32_t limit = (uint32_t)args_number(r->args, "limit");
	struct replay_plan *plan = &r->plan;
	int err;

	err = accel_replay_create(r->device, limit < STALL_MS ? limit : STALL_MS, limit, &r->replay);
	for (uint32_t i = 0; !err && i < plan->memories; i++)
		err = accel_replay_memory(r->replay, plan->memory[i].size, &plan->memory[i].ptr);
	for (uint32_t i = 0; !err && i < plan->mappings; i++) {
		const struct replay_mapping *m = &plan->mapping[i];

		if (interrupt_pending())
			return interrupt_exit();
		err = accel_replay_map(r->replay,
				       (uint8_t *)plan->memory[m->memory].ptr + m->offset, m->va,
				       m->size, m->writable);
	}
	if (err)
		return fail_call("cannot rebuild the address space", err);
	replay_fill(plan);
	note_memory(plan, &r->dump);
	return 0;
}

/* ---- the job ---- */

static int execute(struct replay *r)
{
	const struct accel_result *result = &r->result;
	int err = accel_replay_run(r->replay, r->plan.va, r->plan.size, &r->result);

	if (err == -EINTR && interrupt_pending())
		return interrupt_exit();
	if (err)
		return fail_call("cannot run the job", err);
	r->seen = (struct replay_end){
		.hang = result->outcome == ACCEL_JOB_TIMEOUT,
		.fault_known = result->fault_code != 0,
		.packet_known = result->fault_code || result->outcome == ACCEL_JOB_TIMEOUT,
		.outcome = result->outcome,
		.code = result->fault_code,
		.packet = result->fault_packet,
		.access = result->fault_access,
		.va = result->fault_va,
	};
	r->different = replay_compare(&r->plan.end, &r->seen);
	return 0;
}

/* ---- the report ---- */

/* Which packet begins at a byte of the program; false: none does. */
static bool find_packet(const struct dump *dump, uint32_t byte, uint32_t *index,
			struct packet *packet)
{
	const struct dump_section *commands = dump_find(dump, LOOM_DUMP_COMMANDS, 0);
	uint64_t at = 0, begin = 0;

	if (!commands)
		return false;
	for (*index = 0; packet_next(commands->data, commands->count * commands->stride, &at, packet);
	     begin = at, ++*index)
		if (begin == byte)
			return true;
	return false;
}

static const char *end_text(const struct replay *r, const struct replay_end *end, char *text,
			    size_t size)
{
	struct packet packet;
	struct loom_fault fault;
	uint32_t index;

	if (end->hang && !end->packet_known)
		snprintf(text, size, "a hang, in which packet is not known");
	else if (end->hang && find_packet(&r->dump, end->packet, &index, &packet))
		snprintf(text, size, "a hang in packet %" PRIu32 ", %s, at byte %" PRIu32, index,
			 accel_opcode_name(packet.header.opcode), end->packet);
	else if (end->hang)
		snprintf(text, size, "a hang at byte %" PRIu32, end->packet);
	else if (end == &r->seen)
		accel_result_describe(&r->result, text, size);
	else if (dump_element(dump_find(&r->dump, LOOM_DUMP_FAULT, 0), 0, &fault, sizeof(fault)))
		dump_fault_text(&r->dump, &fault, text, size);
	else
		snprintf(text, size, "%s, without a record of the fault",
			 accel_outcome_name(end->outcome));
	return text;
}

static void describe_end(const struct replay *r, struct json_object *document, const char *name,
			 const struct replay_end *end)
{
	struct json_object *object = doc_object(document, name), *where;
	struct packet packet;
	char text[256];
	uint32_t index;

	doc_string(object, "outcome", accel_outcome_name(end->outcome));
	doc_string(object, "description", end_text(r, end, text, sizeof(text)));
	if (end->packet_known) {
		bool found = find_packet(&r->dump, end->packet, &index, &packet);

		where = doc_object(object, "packet");
		doc_number(where, "byte", end->packet);
		if (found)
			doc_number(where, "index", index);
		else
			doc_null(where, "index");
		doc_string(where, "name", found ? accel_opcode_name(packet.header.opcode) : NULL);
	} else {
		doc_null(object, "packet");
	}
	if (!end->fault_known) {
		doc_null(object, "fault");
		return;
	}
	object = doc_object(object, "fault");
	doc_string(object, "code", accel_fault_name(end->code));
	doc_number(object, "va", end->va);
	doc_string(object, "access", loom_access_name(end->access));
}

static uint64_t bytes_absent(const struct replay_plan *plan)
{
	return plan->mapped > plan->contents ? plan->mapped - plan->contents : 0;
}

static void report_json(const struct replay *r)
{
	struct json_object *document = doc_begin(r->args->command->schema), *object;
	struct card card = { .props = r->props };

	doc_string(document, "file", r->path);
	card_describe(&card, document);
	object = doc_object(document, "memory");
	doc_number(object, "buffers", r->plan.memories);
	doc_number(object, "mappings", r->plan.mappings);
	doc_number(object, "mapped_bytes", r->plan.mapped);
	doc_number(object, "zero_bytes", bytes_absent(&r->plan));
	doc_number(object, "absent", r->plan.absent);
	doc_number(object, "truncated", r->plan.truncated);
	doc_bool(object, "late", r->plan.late);
	object = doc_object(document, "program");
	doc_number(object, "va", r->plan.va);
	doc_number(object, "bytes", r->plan.size);
	describe_end(r, document, "expected", &r->plan.end);
	describe_end(r, document, "seen", &r->seen);
	doc_bool(document, "reproduced", !r->different);
	object = doc_array(document, "differences");
	for (size_t i = 0; i < DIFFERENCES; i++)
		if (r->different & differences[i].bit)
			doc_append_string(object, differences[i].name);
	doc_print(document);
}

static void report_table(const struct replay *r)
{
	struct card card = { .props = r->props };
	char text[256] = "";
	size_t used = 0;

	field("dump", "%s", r->path);
	card_field(&card);
	field("memory", "%" PRIu32 " buffers in %" PRIu32 " mappings of %" PRIu64 " bytes, of which %" PRIu64
	      " are zeros for want of contents", r->plan.memories, r->plan.mappings, r->plan.mapped,
	      bytes_absent(&r->plan));
	field("program", "%" PRIu32 " bytes at %#" PRIx64, r->plan.size, r->plan.va);
	field("expected", "%s", end_text(r, &r->plan.end, text, sizeof(text)));
	field("seen", "%s", end_text(r, &r->seen, text, sizeof(text)));
	*text = '\0';
	for (size_t i = 0; i < DIFFERENCES; i++)
		if (r->different & differences[i].bit && used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
						 used ? ", " : "", differences[i].name);
	field("replay", "%s%s%s%s%s", r->different ? style_bad() : style_good(),
	      r->different ? "differs: " : "reproduced", text, style_end(), "");
}

static int replay(struct replay *r)
{
	const char *why = replay_plan(&r->plan, &r->dump);
	int status;

	if (why) {
		complain("cannot replay '%s': %s", r->path, why);
		return EXIT_FAILED;
	}
	status = open_device(r);
	if (!status)
		status = rebuild(r);
	if (!status)
		status = execute(r);
	if (status)
		return status;
	if (output_json())
		report_json(r);
	else
		report_table(r);
	return r->different ? EXIT_MISMATCH : EXIT_OK;
}

static int run(const struct args *args)
{
	struct replay r = { .args = args, .path = args_text(args, "FILE") };
	const char *device = args_text(args, "device");
	void *data;
	int status;

	/* A real card is not for trying out what stopped another. */
	if (device && strcmp(device, "sim") && strncmp(device, "sim:", 4))
		return args_usage(args, "dumps are replayed on simulated cards only: -d sim:...");
	status = dump_file_open(&r.path, &r.dump, &data);
	if (status)
		return status;
	status = replay(&r);
	accel_replay_free(r.replay);
	accel_device_unref(r.device);
	replay_plan_end(&r.plan);
	free(data);
	return status;
}

const struct command command_dump_replay = {
	.noun = "dump",
	.verb = "replay",
	.summary = "Run the job of a dump again, on a simulated card.",
	.text = "Builds the address space of the job that is to blame anew, each buffer at its addresses, puts "
		"its program where it was, runs it, and tells whether it ends as the dump says: with the same "
		"fault, of the same access to the same address by the same packet, or as a hang in the same "
		"packet. The status is 0 then, and 8 if it ends otherwise. Buffers are filled with what the "
		"dump has of them, which is something only if the program asked for it (--dump-contents, "
		"ACCEL_QUEUE_DUMP_CONTENTS), else with zeros; a note tells of how many. All memory is the "
		"host's, also what was in local memory."
		"\n\n"
		"Without FILE the newest dump that the kernel keeps in " DUMP_KEPT " is taken, which takes root. "
		"Without -d the simulated card has the performance model of the dump's, and packets for tests if that "
		"had them; failures that no program causes need to be injected as on the card: "
		"-d sim:inject=KIND:ring=1.",
	.args = (const struct param[]){
		{ .name = "FILE", .kind = VALUE_FILE, .optional = true,
		  .help = "the dump; -: standard input" },
		{ 0 },
	},
	.options = (const struct param[]){
		{ .name = "limit", .kind = VALUE_NUMBER, .value = "MS", .min = 1, .max = 600000,
		  .fallback = "10000", .help = "milliseconds after which the job hangs" },
		{ 0 },
	},
	.schema = "accelctl.dump.replay/1",
	.examples = "dump replay dump.loom\ndump replay dump.loom -o json\n"
		    "dump replay dump.loom -d sim:debug=1,threads=4",
	.run = run,
};
