// SPDX-License-Identifier: MIT
/*
 * accelctl's reader of dumps: it finds what is in one, refuses what is none, and has a name for
 * all that the headers number.
 *
 *	accelctl-dump		the tests, as TAP
 *	accelctl-dump --write	a dump to standard output, to be shown; with a further argument one that
 *				is to be replayed: unmapped, permission, bad-packet, hang, contents
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <json-c/json.h>

#include <accel/accel.h>

#include "dump-file.h"
#include "dump-make.h"
#include "dump-names.h"
#include "dump-show.h"
#include "dump.h"
#include "exit.h"
#include "output.h"
#include "packet.h"
#include "random.h"
#include "tap.h"

/* What is printed goes to memory; to be freed. */
static char *printed(const struct dump *dump, bool all)
{
	FILE *terminal = stdout;
	char *text = NULL;
	size_t size;

	stdout = open_memstream(&text, &size);
	dump_print(dump, all);
	fclose(stdout);
	stdout = terminal;
	return text;
}

static struct json_object *described(const struct dump *dump)
{
	struct json_object *document = doc_begin("accelctl.dump/1");

	dump_describe(dump, document);
	return document;
}

static bool has(const char *text, const char *line)
{
	if (strstr(text, line))
		return true;
	printf("# no '%s' in:\n", line);
	for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n')
		printf("# %.*s\n", (int)strcspn(at, "\n"), at);
	return false;
}

static void test_whole(void)
{
	struct loom_dump_mapping mapping;
	struct loom_dump_ring ring;
	struct made made;
	struct dump dump;
	uint64_t value;
	uint32_t byte;
	bool inside;

	made_fault(&made);
	tap_ok(!dump_parse(&dump, made.data, made.size) && dump.sections == 12 && !dump.unknown &&
	       !dump.repeated && dump.meta.job == 2 && dump.meta.pid == 1234, "a dump is taken");
	tap_ok(dump_element(dump_find(&dump, LOOM_DUMP_RING, MADE_RING), 0, &ring, sizeof(ring)) &&
	       ring.write == 19 && !dump_find(&dump, LOOM_DUMP_RING, 0) &&
	       !dump_element(dump_find(&dump, LOOM_DUMP_RING, MADE_RING), 1, &ring, sizeof(ring)) &&
	       !ring.write, "sections are found by ring, elements only where there are some");
	tap_ok(dump_find(&dump, LOOM_DUMP_CONTEXT, 0) && dump_find(&dump, LOOM_DUMP_CONTEXT, 0)->id == 5,
	       "the context is found whatever its number");
	tap_ok(dump_register(dump_find(&dump, LOOM_DUMP_REGISTERS, 0), LOOM_REG_STATUS, &value) &&
	       value == LOOM_STATUS_ENABLED &&
	       !dump_register(dump_find(&dump, LOOM_DUMP_REGISTERS, 0), LOOM_REG_CTRL, &value),
	       "registers are found by offset");
	tap_ok(dump_packet(&dump, &byte) && byte == sizeof(struct loom_pkt_fill), "the packet that faulted");
	tap_ok(dump_mapping(&dump, MADE_VA + 0x2fff, &mapping, &inside) && inside &&
	       mapping.va == MADE_VA, "the last byte of a mapping is in it");
	tap_ok(dump_mapping(&dump, MADE_VA + 0x3000, &mapping, &inside) && !inside &&
	       mapping.va == MADE_VA, "the next one is after it");
	tap_ok(dump_mapping(&dump, MADE_NOWHERE, &mapping, &inside) && !inside &&
	       mapping.va == 0x6000000000, "the last mapping before an address");
	tap_ok(!dump_mapping(&dump, MADE_VA - 1, &mapping, &inside) && !inside, "no mapping before it");
	/* Of a hang there is no record, but a register. */
	dump.meta.reason = LOOM_DUMP_REASON_HANG;
	for (uint32_t i = 0; i < dump.sections; i++)
		if (dump.section[i].type == LOOM_DUMP_FAULT)
			dump.section[i].count = 0;
	tap_ok(dump_packet(&dump, &byte) && byte == sizeof(struct loom_pkt_fill), "the packet that hung");
	dump.meta.context++;
	tap_ok(!dump_packet(&dump, &byte), "what another context runs is not to blame");
	dump.meta.job = 0;
	tap_ok(!dump_packet(&dump, &byte), "nor is anything without a job");
	made_end(&made);
}

/* A word at byte @at of a good dump becomes @value. */
static const char *refused(size_t at, size_t size, uint64_t value)
{
	struct made made;
	struct dump dump;
	const char *why;

	made_fault(&made);
	memcpy(made.data + at, &value, size);
	why = dump_parse(&dump, made.data, made.size);
	made_end(&made);
	return why ? why : "";
}

#define HEAD(field)	offsetof(struct loom_dump_header, field), \
			sizeof(((struct loom_dump_header *)0)->field)
#define FIRST(field)	sizeof(struct loom_dump_header) + offsetof(struct loom_dump_section, field), \
			sizeof(((struct loom_dump_section *)0)->field)

static void test_refusals(void)
{
	static const struct loom_dump_step steps[100];
	const struct loom_dump_ring ring = { 0 };
	struct made made;
	struct dump dump;
	const char *why;
	bool good = true;

	tap_ok(strstr(refused(HEAD(magic), 1), "magic"), "wrong magic");
	tap_ok(strstr(refused(HEAD(version), 2), "version") && strstr(refused(HEAD(version), 2), "newer"),
	       "a newer version");
	tap_ok(strstr(refused(HEAD(version), 0), "version"), "another version");
	tap_ok(strstr(refused(HEAD(size), 24), "header"), "a header that is too small");
	tap_ok(strstr(refused(HEAD(size), 36), "header"), "a header that is not aligned");
	tap_ok(strstr(refused(HEAD(size), 0xfffffff8), "header"), "a header beyond the end");
	tap_ok(strstr(refused(HEAD(total), 1ull << 63), "truncated"), "more than there is");
	tap_ok(strstr(refused(HEAD(total), 64), "longer"), "less than there is");
	tap_ok(strstr(refused(HEAD(sections), 0), "no sections"), "no sections");
	tap_ok(strstr(refused(HEAD(sections), 0xffffffff), "room"), "more sections than bytes");
	tap_ok(strstr(refused(HEAD(sections), 13), "begins beyond"), "one section too many");
	tap_ok(strstr(refused(FIRST(type), 0), "what happened"), "no META");
	tap_ok(strstr(refused(FIRST(type), LOOM_DUMP_RING), "what happened"), "something before META");
	tap_ok(strstr(refused(FIRST(stride), 0), "too small"), "elements without size");
	tap_ok(strstr(refused(FIRST(stride), 343), "too small"), "elements that are too small");
	tap_ok(strstr(refused(FIRST(stride), 352), "within an element"), "half an element");
	tap_ok(strstr(refused(FIRST(size), 1ull << 40), "beyond its end"), "a section beyond the end");
	tap_ok(strstr(refused(FIRST(size), UINT64_MAX), "beyond its end"), "a size that wraps round");
	tap_ok(strstr(refused(FIRST(size), UINT64_MAX - 31), "beyond its end"),
	       "a size that wraps round with its head");
	made_fault(&made);
	made_section(&made, LOOM_DUMP_RING, 0, LOOM_RINGS_MAX, 0, sizeof(ring), &ring, sizeof(ring));
	tap_ok((why = dump_parse(&dump, made.data, made.size)) && strstr(why, "ring"), "a ring too many");
	made_end(&made);
	made_fault(&made);
	made_section(&made, LOOM_DUMP_WALK, 0, 0, 0, sizeof(*steps), steps, sizeof(steps));
	tap_ok((why = dump_parse(&dump, made.data, made.size)) && strstr(why, "more elements"),
	       "a walk through more tables than there are levels");
	made_end(&made);
	made_fault(&made);
	for (size_t i = 0; i < made.size; i++) {
		uint8_t *copy = malloc(i ? i : 1);

		memcpy(copy, made.data, i);
		good = good && dump_parse(&dump, copy, i);
		free(copy);
	}
	tap_ok(good, "every prefix of a dump is refused");
	made_end(&made);
}

/* A driver of a later minor format: the same with more at the end, and more kinds of sections. */
static void test_later(void)
{
	struct {
		struct loom_dump_meta meta;
		uint64_t more;
	} meta = { { .reason = LOOM_DUMP_REASON_RING, .why = "later", .ring = 3 }, 99 };
	struct {
		struct loom_dump_register reg;
		uint64_t more[2];
	} registers[2] = { { .reg = { LOOM_REG_STATUS, 4, 5 }, .more = { 1, 2 } },
			   { .reg = { LOOM_REG_CTRL, 4, 6 }, .more = { 3, 4 } } };
	struct json_object *document;
	struct made made;
	struct dump dump;
	uint64_t value;
	char *text;

	made_begin(&made);
	made_section(&made, LOOM_DUMP_META, 0, 0, 0, sizeof(meta), &meta, sizeof(meta));
	made_section(&made, 99, 0, 0, 0, 0, "?", 1);
	made_section(&made, LOOM_DUMP_REGISTERS, 0, 0, 0, sizeof(*registers), registers,
		     sizeof(registers));
	made_section(&made, LOOM_DUMP_REGISTERS, 0, 0, 0, sizeof(*registers), registers, 0);
	tap_ok(!dump_parse(&dump, made.data, made.size) && dump.sections == 2 && dump.unknown == 1 &&
	       dump.repeated == 1, "unknown and repeated sections are counted and skipped");
	tap_ok(dump.meta.ring == 3 &&
	       dump_register(dump_find(&dump, LOOM_DUMP_REGISTERS, 0), LOOM_REG_CTRL, &value) && value == 6,
	       "longer structures are read as those that are known");
	text = printed(&dump, true);
	tap_ok(strstr(text, "none is to blame; on ring 3"), "no job is to blame");
	free(text);
	document = described(&dump);
	tap_ok(json_object_object_get_ex(document, "job", NULL) &&
	       !json_object_object_get(document, "job") && !json_object_object_get(document, "map"),
	       "what is not there is null");
	json_object_put(document);
	made_end(&made);

	made_begin(&made);
	made_section(&made, LOOM_DUMP_META, LOOM_DUMP_INCOMPLETE, 0, 0, sizeof(meta), &meta, 0);
	made_section(&made, LOOM_DUMP_REGISTERS, LOOM_DUMP_INCOMPLETE, 0, 0, 16, registers, 24);
	tap_ok(!dump_parse(&dump, made.data, made.size) && !dump.meta.reason &&
	       dump_find(&dump, LOOM_DUMP_REGISTERS, 0)->count == 1,
	       "of a section that is incomplete whole elements count");
	text = printed(&dump, true);
	tap_ok(has(text, "reason       unknown: \n") &&
	       has(text, "incomplete   everything: not all of it is there\n"), "and it is said");
	free(text);
	made_end(&made);
}

static void test_report(void)
{
	struct json_object *document, *member;
	struct made made;
	struct dump dump;
	char *text;

	made_fault(&made);
	tap_ok(!dump_parse(&dump, made.data, made.size), "a dump to be shown");
	text = printed(&dump, false);
	tap_ok(has(text, "fault: a job faulted\n") && has(text, "2026-09-21 14:13:20.000000 UTC") &&
	       has(text, "0000:01:02.0, Loom test, serial SN42, interface 1.1, features debug\n") &&
	       has(text, "serve, pid 1234, client 9\n") &&
	       has(text, "2 of queue 7 on ring 1, cookie 0xc00c1e, context 5: fault\n"),
	       "what happened, to whom");
	tap_ok(has(text, "job 2 faulted reading address 0x7000000000 in the COPY packet at byte 120, "
		   "operand 1: the address belongs to no buffer (not-mapped)\n") &&
	       has(text, "lies 0xffffff000 bytes behind the end of buffer \"input?[2J\", which is mapped at "
		   "0x6000000000..0x6000000fff\n"), "the fault, and the buffer before it");
	tap_ok(has(text, "page table walk of 0x7000000000 (late)") &&
	       has(text, "    3  0x123000      0  0x0000000000124001  table\n") &&
	       has(text, "    2  0x124000    448  0x0000000000000000  not valid\n"), "the walk");
	tap_ok(has(text, "       0  FILL         120 bytes  tag 0x55  value=0x3f800000\n") &&
	       has(text, "dst       f32[2,3] at 0x11000\n") && has(text, ">    120  COPY ") &&
	       has(text, "         > src       f32[4,5] at 0x7000000000\n") &&
	       has(text, "  FENCE         32 bytes  value=0x1\n") && has(text, "va        u64 at 0x12000\n"),
	       "the program");
	tap_ok(has(text, "  17    3      7       9  1234        5  0xaaaa  runs   48 bytes at 0x77000\n") &&
	       has(text, "  18    1      1       8  4321        6  0xbbbb  waits  "),
	       "the jobs that are not retired, with their programs");
	tap_ok(has(text, "0x6000000000  0x6000000fff   4096  16384  0x2000  -       local  input?[2J\n") &&
	       has(text, "address space of the job (late) (incomplete)"), "the address space");
	tap_ok(!strstr(text, "registers of") && !strstr(text, "completions of") && !strchr(text, '\033'),
	       "no more than that, and nothing that a terminal would obey");
	free(text);
	text = printed(&dump, true);
	tap_ok(has(text, "0x0010c  STATUS    0x1         enabled\n") &&
	       has(text, "0x11034  STATUS           0x3    enabled running\n") &&
	       has(text, "0x11ff8  -                0x1    -\n"), "registers with --all");
	tap_ok(has(text, "  16  fault             2      1  6        700  776      11  0xc00c1e\n") &&
	       has(text, "   1        5     48  0x77000  0xaaaa  0\n"), "completions and descriptors with --all");
	free(text);
	document = described(&dump);
	tap_ok(json_object_object_get_ex(document, "program", &member) &&
	       json_object_object_get_ex(member, "packets", &member) &&
	       json_object_array_length(member) == 3 &&
	       json_object_get_boolean(json_object_object_get(json_object_array_get_idx(member, 1),
							     "blamed")) &&
	       !json_object_get_boolean(json_object_object_get(json_object_array_get_idx(member, 0),
							      "blamed")), "JSON blames the same packet");
	json_object_put(document);
	made_end(&made);
}

/* A long program is shown around the packet to blame, and what follows it is no packet. */
static void test_program(void)
{
	struct loom_dump_meta meta = { .reason = LOOM_DUMP_REASON_FAULT, .job = 1 };
	struct loom_fault fault = { .code = LOOM_FAULT_CMD_OPCODE, .packet = 50 * 16, .operand = 0xff,
				    .access = LOOM_ACCESS_FETCH };
	struct loom_pkt_header program[101] = { 0 };
	struct made made;
	struct dump dump;
	char *text;

	for (unsigned int i = 0; i < 100; i++)
		program[i] = (struct loom_pkt_header){ .version = 1, .size = 16, .tag = 1000 + i };
	program[50].opcode = 0x1234;
	program[100].size = 24;
	made_begin(&made);
	made_section(&made, LOOM_DUMP_META, 0, 0, 0, sizeof(meta), &meta, sizeof(meta));
	made_section(&made, LOOM_DUMP_FAULT, 0, 0, 0, sizeof(fault), &fault, sizeof(fault));
	made_section(&made, LOOM_DUMP_COMMANDS, 0, 0, MADE_VA, 1, program, sizeof(program));
	tap_ok(!dump_parse(&dump, made.data, made.size), "a long program");
	text = printed(&dump, false);
	tap_ok(has(text, "... 46 packets before: --all\n") && has(text, ">    800  unknown") &&
	       has(text, "tag 0x41a  opcode 0x1234 version 1\n") && !strstr(text, "tag 0x415") &&
	       has(text, "... and 45 packets more: --all\n") &&
	       has(text, "    1600  16 bytes that are no packets\n"), "is cut at both ends");
	free(text);
	text = printed(&dump, true);
	tap_ok(has(text, "tag 0x3e8") && has(text, "tag 0x44b") && !strstr(text, "--all"),
	       "and is whole with --all");
	free(text);
	made_end(&made);
}

/* The program was gone, with its buffers, when the driver came to look at it. */
static void test_gone(void)
{
	struct loom_dump_meta meta = { .reason = LOOM_DUMP_REASON_FAULT, .job = 1 };
	struct loom_fault fault = { .code = LOOM_FAULT_PERMISSION, .va = 4096 };
	const uint32_t flags = LOOM_DUMP_LATE | LOOM_DUMP_INCOMPLETE;
	struct made made;
	struct dump dump;
	char *text;

	made_begin(&made);
	made_section(&made, LOOM_DUMP_META, LOOM_DUMP_LATE, 0, 0, sizeof(meta), &meta, sizeof(meta));
	made_section(&made, LOOM_DUMP_FAULT, LOOM_DUMP_LATE, 0, 0, sizeof(fault), &fault, sizeof(fault));
	made_section(&made, LOOM_DUMP_COMMANDS, flags, 0, MADE_VA, 1, "", 0);
	made_section(&made, LOOM_DUMP_MAP, LOOM_DUMP_LATE, 0, 0, sizeof(struct loom_dump_mapping), "", 0);
	tap_ok(!dump_parse(&dump, made.data, made.size), "a dump of what has gone");
	text = printed(&dump, false);
	tap_ok(has(text, "late         everything: taken some time after the failure\n") &&
	       has(text, "incomplete   commands: not all of it is there\n") &&
	       has(text, "none of it could be had any more\n") &&
	       has(text, "nothing was mapped any more when the dump was taken\n"), "is shown as such");
	free(text);
	made_end(&made);
}

/* Damaged dumps are refused or shown; sanitizers watch. */
static void test_damage(void)
{
	struct random random = random_begin(12, 0);
	unsigned int taken = 0, i;
	struct made made;

	made_fault(&made);
	for (i = 0; i < 3000; i++) {
		uint8_t *copy = malloc(made.size);
		struct dump dump;

		memcpy(copy, made.data, made.size);
		for (uint64_t n = 1 + random_below(&random, 8); n; n--) {
			size_t at = random_below(&random, made.size / 4) * 4;
			uint64_t value = random_next(&random);
			uint32_t word = (uint32_t)(value >> random_below(&random, 32));

			if (value >> 63)
				word = -word;
			memcpy(copy + at, &word, 4);
		}
		if (!dump_parse(&dump, copy, made.size)) {
			taken++;
			free(printed(&dump, true));
			json_object_put(described(&dump));
		}
		free(copy);
	}
	tap_ok(taken > i / 10 && taken < i, "3000 damaged dumps");
	made_end(&made);
}

static bool put_file(const char *directory, const char *name, const void *data, size_t size)
{
	char path[128];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/data", directory, name);
	file = fopen(path, "w");
	good = file && fwrite(data, 1, size, file) == size;
	return file && !fclose(file) && good;
}

static void test_newest(void)
{
	char directory[] = "/tmp/accelctl-dump-XXXXXX", path[128], want[128], command[64];
	struct made made;
	size_t size;
	void *data;

	made_fault(&made);
	tap_ok(mkdtemp(directory) && dump_file_newest(directory, path, sizeof(path)) == EXIT_FAILED &&
	       dump_file_newest("/nowhere", path, sizeof(path)) == EXIT_FAILED, "no dump at all");
	tap_ok(put_file(directory, "devcd9", made.data, made.size) &&
	       put_file(directory, "devcd10", made.data, made.size) &&
	       put_file(directory, "devcd11", "another device's", 16) &&
	       put_file(directory, "devcd12", "", 0) && put_file(directory, "other99", made.data, made.size) &&
	       put_file(directory, "devcd2", made.data, made.size), "a directory of dumps");
	snprintf(want, sizeof(want), "%s/devcd10/data", directory);
	tap_ok(!dump_file_newest(directory, path, sizeof(path)) && !strcmp(path, want),
	       "the newest of a card is found");
	tap_ok(!dump_file_read(path, &data, &size) && size == made.size && !memcmp(data, made.data, size),
	       "and read");
	free(data);
	made_end(&made);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	tap_ok(!system(command), "cleaned up");
}

/* ---- names: one for each line of names.inc, which is made from the headers ---- */

/* As in the header, but for case and what is between words. */
static bool same(const char *name, const char *macro)
{
	while (name && *name && (toupper((unsigned char)*name) == *macro ||
				 (*name == '-' && *macro == '_'))) {
		name++;
		macro++;
	}
	return name && !*name && !*macro;
}

/* What an enumerator is called as field @field of a packet. */
static const char *value_name(uint16_t opcode, const char *field, uint32_t value, char text[64])
{
	uint64_t program[128] = { 0 }, at = 0;
	struct loom_pkt_header header = { .opcode = opcode, .version = 1, .size = sizeof(program) };
	struct packet packet;

	memcpy(program, &header, sizeof(header));
	if (!packet_next((const uint8_t *)program, sizeof(program), &at, &packet) || !packet.kind)
		return NULL;
	for (const struct packet_field *f = packet.kind->fields; f->name; f++) {
		if (strcmp(f->name, field))
			continue;
		memcpy((uint8_t *)program + f->offset, &value, sizeof(value));
		return packet_field_text(&packet, f, text, 64);
	}
	return NULL;
}

static void test_names(void)
{
	char text[64];
	bool operands = true;

#define REG(name)	tap_ok(!strncmp(register_name(LOOM_REG_##name, text) ?: "", #name, strlen(#name)), \
			       "name of LOOM_REG_" #name);
#define RING_REG(name)	tap_ok(!strcmp(register_name(LOOM_REG_RING(63) + LOOM_RING_##name, text) ?: "", \
				       #name), "name of LOOM_RING_" #name);
#define REASON(name)	tap_ok(same(dump_reason_name(LOOM_DUMP_REASON_##name), #name), "name of " #name);
#define SECTION(name)	tap_ok(same(dump_section_name(LOOM_DUMP_##name), #name), "name of " #name);
#define OUTCOME(name)	tap_ok(same(loom_outcome_name(LOOM_OUTCOME_##name), #name), "name of " #name);
#define RING_ERROR(name)	tap_ok(same(loom_ring_error_name(LOOM_RING_ERROR_##name), #name), \
				       "name of LOOM_RING_ERROR_" #name);
#define ACCESS(name)	tap_ok(same(loom_access_name(LOOM_ACCESS_##name), #name), "name of " #name);
#define FAULT(name)	tap_ok(strcmp(accel_fault_name(LOOM_FAULT_##name), "unknown") != 0, \
			       "name of LOOM_FAULT_" #name);
#define OP(name)	tap_ok(!strcmp(accel_opcode_name(LOOM_OP_##name), #name) && \
			       value_name(LOOM_OP_##name, "?", 0, text) == NULL, \
			       "name of LOOM_OP_" #name);
#define VALUE(op, field, name)	tap_ok(same(value_name(LOOM_OP_##op, field, name, text), \
					    strchr(strchr(#name, '_') + 1, '_') + 1), "name of " #name);
#include "names.inc"
	tap_ok(!register_name(0x0034, text) && !register_name(LOOM_REG_RING(0) + 0xff8, text) &&
	       !register_name(0x800000, text), "no name for what is none");
	tap_ok(!strcmp(register_name(LOOM_REG_OPCODES + 24, text), "OPCODES[3]") &&
	       !register_name(LOOM_REG_OPCODES + 4, text), "registers in a row are numbered");

	/* Every opcode with a name has a structure. */
	for (uint16_t i = 0; i <= LOOM_OPCODE_MAX; i++) {
		struct loom_pkt_header header = { .opcode = i, .version = 1, .size = 1024 };
		uint64_t program[128] = { 0 }, at = 0;
		struct packet packet;

		memcpy(program, &header, sizeof(header));
		operands = operands && packet_next((const uint8_t *)program, sizeof(program), &at, &packet) &&
			   !packet.kind == !strcmp(accel_opcode_name(i), "unknown");
	}
	tap_ok(operands, "every opcode that has a name has operands and fields, and no other");
}

int main(int argc, char **argv)
{
	if ((argc == 2 || argc == 3) && !strcmp(argv[1], "--write")) {
		struct made made;
		bool good;

		if (argc == 2)
			made_fault(&made);
		else if (!made_replay(&made, argv[2]))
			return 2;
		good = fwrite(made.data, 1, made.size, stdout) == made.size && !fflush(stdout);
		made_end(&made);
		return !good;
	}
	test_whole();
	test_refusals();
	test_later();
	test_report();
	test_program();
	test_gone();
	test_damage();
	test_newest();
	test_names();
	return tap_done();
}
