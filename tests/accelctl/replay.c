// SPDX-License-Identifier: MIT
/*
 * The plan of a replay: what it makes of good dumps, and that it refuses what cannot be followed.
 */
#include <stdlib.h>
#include <string.h>

#include <accel/accel.h>

#include "dump-make.h"
#include "loom_isa.h"
#include "replay.h"
#include "tap.h"

struct planned {
	struct made made;
	struct dump dump;
	struct replay_plan plan;
	const char *why;
};

static void plan_begin(struct planned *p, const char *name)
{
	memset(p, 0, sizeof(*p));
	made_replay(&p->made, name);
}

static const char *plan_make(struct planned *p)
{
	p->why = dump_parse(&p->dump, p->made.data, p->made.size);
	if (!p->why)
		p->why = replay_plan(&p->plan, &p->dump);
	return p->why;
}

static void plan_end(struct planned *p)
{
	replay_plan_end(&p->plan);
	made_end(&p->made);
}

/* What is in the dump, to be changed before the plan is made. */
static void *inside(struct planned *p, uint32_t type)
{
	struct loom_dump_section *s = (void *)(p->made.data + sizeof(struct loom_dump_header));

	while (s->type != type)
		s = (void *)((uint8_t *)(s + 1) + ((s->size + 7) & ~7ull));
	return s + 1;
}

static void test_good(void)
{
	struct planned p;
	uint64_t *page, *other;
	const uint8_t *program;

	plan_begin(&p, "contents");
	tap_ok(!plan_make(&p), "a good dump has a plan");
	tap_ok(p.plan.mappings == 3 && p.plan.memories == 2 && p.plan.mapped == 0x4000,
	       "mappings of one buffer share its memory");
	tap_ok(p.plan.memory[1].first == 0 && p.plan.memory[1].size == 0x2000 &&
	       p.plan.mapping[1].offset == 0x1000 && !p.plan.mapping[2].offset,
	       "of which there is as much as they span");
	tap_ok(p.plan.mapping[0].writable && !p.plan.mapping[1].writable && !p.plan.unprotected,
	       "what may be written is known");
	tap_ok(p.plan.absent == 1 && p.plan.truncated == 1 && p.plan.contents == 0x1040 && !p.plan.late,
	       "what there is of contents is counted");
	tap_ok(p.plan.end.outcome == ACCEL_JOB_FAULT && p.plan.end.fault_known &&
	       p.plan.end.va == MADE_NOWHERE && p.plan.end.packet == sizeof(struct loom_pkt_fill),
	       "so is the end of the job");
	for (uint32_t i = 0; i < p.plan.memories; i++)
		p.plan.memory[i].ptr = calloc(1, p.plan.memory[i].size);
	replay_fill(&p.plan);
	page = p.plan.memory[1].ptr;
	other = page + 512;
	tap_ok(other[0] == MADE_WORD && other[511] == MADE_WORD, "contents are where they were");
	tap_ok(page[0] == MADE_WORD && page[7] == MADE_WORD && !page[8] && !page[511],
	       "what is truncated ends in zeros");
	program = p.plan.memory[0].ptr;
	tap_ok(!memcmp(program, inside(&p, LOOM_DUMP_COMMANDS), p.plan.size) && !program[p.plan.size],
	       "so is the program");
	/* From what is not mapped into a mapping, and over the end of all addresses. */
	memset(other, 0, 4096);
	replay_write(&p.plan, MADE_DATA - 4096, (const uint8_t *)page, 4096 + 8);
	replay_write(&p.plan, UINT64_MAX - 8, (const uint8_t *)page, 64);
	tap_ok(!other[1] && other[0] == page[512], "what is not mapped is left out");
	for (uint32_t i = 0; i < p.plan.memories; i++)
		free(p.plan.memory[i].ptr);
	plan_end(&p);

	plan_begin(&p, "hang");
	tap_ok(!plan_make(&p) && p.plan.end.hang && p.plan.end.packet_known && !p.plan.end.fault_known &&
	       p.plan.end.packet == sizeof(struct loom_pkt_fill), "the packet of a hang");
	plan_end(&p);
	plan_begin(&p, "bad-packet");
	tap_ok(!plan_make(&p) && p.plan.end.outcome == ACCEL_JOB_BAD_PROGRAM, "a bad program");
	plan_end(&p);
}

/* An older driver's mappings end before what they allow. */
static void test_older(void)
{
	const struct loom_dump_mapping m = {
		.va = MADE_VA, .size = 0x1000, .buffer_size = 0x1000, .buffer = 1,
	};
	const struct loom_dump_meta meta = {
		.reason = LOOM_DUMP_REASON_FAULT, .job = 1, .cmd_va = MADE_VA, .cmd_size = 64,
		.outcome = LOOM_OUTCOME_FAULT,
	};
	const uint8_t program[64] = { 0 };
	struct planned p = { 0 };

	made_begin(&p.made);
	made_section(&p.made, LOOM_DUMP_META, 0, 0, 0, sizeof(meta), &meta, sizeof(meta));
	made_section(&p.made, LOOM_DUMP_COMMANDS, LOOM_DUMP_LATE, 0, MADE_VA, 1, program, sizeof(program));
	made_section(&p.made, LOOM_DUMP_MAP, 0, 0, 0, 112, &m, 112);
	tap_ok(!plan_make(&p) && p.plan.unprotected && p.plan.mapping[0].writable && p.plan.late &&
	       !p.plan.end.fault_known, "an older driver's dump");
	plan_end(&p);
}

/* The field of the first mapping or of META becomes @value. */
#define REFUSED(type, structure, field, value, text) do { \
		struct planned p_; \
		plan_begin(&p_, "unmapped"); \
		((structure *)inside(&p_, type))->field = (value); \
		tap_ok(plan_make(&p_) && strstr(p_.why, text), #field " of " #value ": " text); \
		plan_end(&p_); \
	} while (0)
#define MAPPING(field, value, text)	\
	REFUSED(LOOM_DUMP_MAP, struct loom_dump_mapping, field, value, text)
#define META(field, value, text)	\
	REFUSED(LOOM_DUMP_META, struct loom_dump_meta, field, value, text)
/* So does the head of the section. */
#define HEAD(type, field, value, text) do { \
		struct planned p_; \
		plan_begin(&p_, "unmapped"); \
		((struct loom_dump_section *)inside(&p_, type))[-1].field = (value); \
		tap_ok(plan_make(&p_) && strstr(p_.why, text), #field " of " #type ": " text); \
		plan_end(&p_); \
	} while (0)

static void test_hostile(void)
{
	MAPPING(va, 0x10001, "pages");
	MAPPING(size, 0, "pages");
	MAPPING(size, 0x1001, "pages");
	MAPPING(offset, 1, "pages");
	MAPPING(va, 1ull << 48, "beyond the address space");
	MAPPING(size, 1ull << 48, "beyond the address space");
	MAPPING(va, UINT64_MAX << 12, "beyond the address space");
	MAPPING(size, UINT64_MAX << 12, "beyond the address space");
	MAPPING(size, 0x100000, "larger than its buffer");
	MAPPING(va, MADE_DATA, "overlap");
	MAPPING(size, 0x2000, "larger than its buffer");
	MAPPING(offset, 0x1000, "larger than its buffer");
	MAPPING(offset, UINT64_MAX << 12, "larger than its buffer");
	META(job, 0, "no job");
	META(reason, LOOM_DUMP_REASON_DEVICE, "neither faulted nor hung");
	META(cmd_size, 0, "no program");
	META(cmd_size, 64, "longer");
	META(cmd_size, 0x1000, "incomplete");
	META(cmd_va, MADE_DATA, "not that of its job");
	HEAD(LOOM_DUMP_MAP, type, 99, "no address space");
	HEAD(LOOM_DUMP_COMMANDS, type, 99, "incomplete");
	{
		/* Two pages at both ends of a buffer: all that is between would have to be there. */
		struct loom_dump_mapping *m;
		struct planned p;

		plan_begin(&p, "unmapped");
		m = inside(&p, LOOM_DUMP_MAP);
		m[1].buffer_size = UINT64_MAX;
		m[1].offset = 1ull << 40;
		tap_ok(plan_make(&p) && strstr(p.why, "larger than what can be replayed"),
		       "more memory than anybody has");
		plan_end(&p);
	}
	{
		/* One page, and all of the address space on it: tables would take as much as that. */
		struct loom_dump_mapping *m;
		struct planned p;

		plan_begin(&p, "unmapped");
		m = inside(&p, LOOM_DUMP_MAP);
		m[1].buffer_size = 1ull << 47;
		m[1].offset = 0;
		m[1].size = 1ull << 37;
		tap_ok(plan_make(&p) && strstr(p.why, "mappings are larger"), "more mappings than tables for them");
		plan_end(&p);
	}
	{
		struct loom_dump_meta *meta;
		struct planned p;

		plan_begin(&p, "unmapped");
		meta = inside(&p, LOOM_DUMP_META);
		meta->cmd_va = MADE_NOWHERE;
		((struct loom_dump_section *)inside(&p, LOOM_DUMP_COMMANDS))[-1].type = 99;
		tap_ok(!plan_make(&p), "a program that was not mapped can be run: the fetch faults");
		plan_end(&p);
	}
}

static void test_compare(void)
{
	const struct replay_end fault = {
		.packet_known = true, .fault_known = true, .outcome = ACCEL_JOB_FAULT,
		.code = LOOM_FAULT_NOT_MAPPED, .packet = 64, .access = LOOM_ACCESS_READ, .va = 0x1000,
	};
	const struct replay_end hang = {
		.hang = true, .packet_known = true, .outcome = ACCEL_JOB_TIMEOUT, .packet = 64,
	};
	struct replay_end seen = fault;

	tap_ok(!replay_compare(&fault, &seen), "the same fault is no difference");
	seen.packet = 128;
	tap_ok(replay_compare(&fault, &seen) == REPLAY_PACKET, "another packet is");
	seen = fault;
	seen.va++;
	tap_ok(replay_compare(&fault, &seen) == REPLAY_ADDRESS, "another address is");
	seen = fault;
	seen.access = LOOM_ACCESS_WRITE;
	seen.code = LOOM_FAULT_PERMISSION;
	tap_ok(replay_compare(&fault, &seen) == (REPLAY_CODE | REPLAY_ACCESS), "another fault is");
	seen = (struct replay_end){ .outcome = ACCEL_JOB_OK };
	tap_ok(replay_compare(&fault, &seen) & REPLAY_OUTCOME &&
	       replay_compare(&fault, &seen) & REPLAY_PACKET, "a job that ends well is");
	tap_ok(!replay_compare(&hang, &hang) && replay_compare(&hang, &seen) & REPLAY_OUTCOME,
	       "a hang is compared as well");
	seen = hang;
	seen.packet = 0;
	tap_ok(replay_compare(&hang, &seen) == REPLAY_PACKET, "also the packet of it");
}

int main(void)
{
	test_good();
	test_older();
	test_hostile();
	test_compare();
	return tap_done();
}
