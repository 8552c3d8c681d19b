// SPDX-License-Identifier: MIT
#include "dump-make.h"

#include <stdlib.h>
#include <string.h>

#include "loom_isa.h"

#define ROOT	0x123000ull
#define COOKIE	0xc00c1eull

static void append(struct made *made, const void *data, size_t size)
{
	made->data = realloc(made->data, made->size + size + 8);
	memcpy(made->data + made->size, data, size);
	made->size += size;
}

void made_begin(struct made *made)
{
	struct loom_dump_header head = {
		.magic = LOOM_DUMP_MAGIC, .version = LOOM_DUMP_VERSION, .size = sizeof(head),
		.total = sizeof(head),
	};

	memset(made, 0, sizeof(*made));
	append(made, &head, sizeof(head));
}

void made_section(struct made *made, uint32_t type, uint32_t flags, uint32_t id, uint64_t at,
		  uint32_t stride, const void *data, size_t size)
{
	static const uint8_t zero[8];
	struct loom_dump_section section = {
		.type = type, .flags = flags, .id = id, .stride = stride, .at = at, .size = size,
	};
	struct loom_dump_header *head;

	append(made, &section, sizeof(section));
	append(made, data, size);
	append(made, zero, -made->size & 7);
	head = (struct loom_dump_header *)made->data;
	head->sections++;
	head->total = made->size;
}

void made_end(struct made *made)
{
	free(made->data);
	memset(made, 0, sizeof(*made));
}

static void put_meta(struct made *made, uint32_t program)
{
	const struct loom_dump_meta meta = {
		.reason = LOOM_DUMP_REASON_FAULT, .ring = MADE_RING, .why = "a job faulted",
		.boottime = 12345678901, .realtime = 1790000000000000000, .timestamp = 777,
		.hw_version = 1 << 16 | 1, .driver_version = 1 << 16, .kernel = "6.12.0-test",
		.pci = "0000:01:02.0", .serial = "SN42", .model = "Loom test", .features = LOOM_FEATURE_DEBUG,
		.generation = 1, .resets = 3, .job = 2, .cookie = COOKIE, .cmd_va = MADE_VA,
		.cmd_size = program, .outcome = LOOM_OUTCOME_FAULT, .queue = 7, .context = MADE_CONTEXT,
		.client = 9, .root = ROOT, .tag = 4, .pid = 1234, .comm = "serve",
	};

	made_section(made, LOOM_DUMP_META, 0, 0, 0, sizeof(meta), &meta, sizeof(meta));
}

static struct loom_tensor tensor(uint64_t va, uint8_t dtype, uint32_t rows, uint32_t columns)
{
	return (struct loom_tensor){
		.va = va, .dtype = dtype, .rank = 2, .dims = { rows, columns }, .strides = { columns, 1 },
	};
}

static void put_ring(struct made *made)
{
	const struct loom_dump_register registers[] = {
		{ LOOM_REG_RING(MADE_RING) + LOOM_RING_STATUS, 4,
		  LOOM_RING_STATUS_ENABLED | LOOM_RING_STATUS_RUNNING },
		{ LOOM_REG_RING(MADE_RING) + LOOM_RING_ERROR, 4, 0 },
		{ LOOM_REG_RING(MADE_RING) + LOOM_RING_CURRENT_INDEX, 8, 17 },
		{ LOOM_REG_RING(MADE_RING) + LOOM_RING_CURRENT_CONTEXT, 4, MADE_CONTEXT },
		{ LOOM_REG_RING(MADE_RING) + LOOM_RING_CURRENT_PACKET, 4, sizeof(struct loom_pkt_fill) },
		{ LOOM_REG_RING(MADE_RING) + 0xff8, 8, 1 },
	};
	const struct loom_dump_ring ring = {
		.desc_bus = 0x5000, .cq_bus = 0x6000, .write = 19, .done = 17, .size = 16, .generation = 2,
	};
	const struct loom_dump_job jobs[] = {
		{ .index = 17, .job = 3, .cookie = 0xaaaa, .client = 9, .queue = 7, .context = 5, .pid = 1234 },
		{ .index = 18, .job = 1, .cookie = 0xbbbb, .client = 8, .queue = 1, .context = 6, .pid = 4321 },
	};
	struct loom_desc desc[16] = { 0 };
	struct loom_cqe cqe[16] = { 0 };

	desc[1] = (struct loom_desc){ .cmd_va = 0x77000, .cmd_size = 48, .context = 5, .cookie = 0xaaaa };
	cqe[0] = (struct loom_cqe){
		.index = 16, .cookie = COOKIE, .t_start = 700, .t_end = 776, .cycles = 11,
		.control = 6ull << LOOM_CQE_FAULT_SHIFT | 2 << LOOM_CQE_GENERATION_SHIFT |
			   LOOM_OUTCOME_FAULT << LOOM_CQE_OUTCOME_SHIFT | 1,
	};
	made_section(made, LOOM_DUMP_RING_REGISTERS, 0, MADE_RING, 0, sizeof(*registers), registers,
		     sizeof(registers));
	made_section(made, LOOM_DUMP_RING, 0, MADE_RING, 0, sizeof(ring), &ring, sizeof(ring));
	made_section(made, LOOM_DUMP_DESCRIPTORS, 0, MADE_RING, 0, sizeof(*desc), desc, sizeof(desc));
	made_section(made, LOOM_DUMP_COMPLETIONS, 0, MADE_RING, 0, sizeof(*cqe), cqe, sizeof(cqe));
	made_section(made, LOOM_DUMP_JOBS, 0, MADE_RING, 0, sizeof(*jobs), jobs, sizeof(jobs));
}

void made_fault(struct made *made)
{
	struct {
		struct loom_pkt_fill fill;
		struct loom_pkt_copy copy;
		struct loom_pkt_fence fence;
	} program = {
		.fill = { .header = { .opcode = LOOM_OP_FILL, .version = 1, .size = sizeof(program.fill),
				      .tag = 0x55 },
			  .value = 0x3f800000, .dst = tensor(0x11000, LOOM_DTYPE_F32, 2, 3) },
		.copy = { .header = { .opcode = LOOM_OP_COPY, .version = 1, .size = sizeof(program.copy) },
			  .dst = tensor(0x11000, LOOM_DTYPE_BF16, 4, 5),
			  .src = tensor(MADE_NOWHERE, LOOM_DTYPE_F32, 4, 5) },
		.fence = { .header = { .opcode = LOOM_OP_FENCE, .version = 1,
				       .size = sizeof(program.fence) },
			   .va = 0x12000, .value = 1 },
	};
	const struct loom_dump_register registers[] = {
		{ LOOM_REG_MAGIC, 4, LOOM_MAGIC }, { LOOM_REG_STATUS, 4, LOOM_STATUS_ENABLED },
	};
	const struct loom_ctx_entry context = {
		.root = ROOT, .tag = 4, .flags = LOOM_CTX_VALID, .client = 9, .weight = 16, .priority = 1,
	};
	const struct loom_fault fault = {
		.va = MADE_NOWHERE, .index = 16, .cookie = COOKIE, .timestamp = 776,
		.context = MADE_CONTEXT, .packet = sizeof(program.fill), .ring = MADE_RING,
		.opcode = LOOM_OP_COPY, .code = LOOM_FAULT_NOT_MAPPED, .access = LOOM_ACCESS_READ, .level = 2,
		.operand = 1, .control = 6ull << LOOM_FAULT_NUMBER_SHIFT | 1,
	};
	const struct loom_dump_step walk[] = {
		{ .table = ROOT, .entry = 0x124000 | LOOM_PTE_VALID, .level = 3, .index = 0 },
		{ .table = 0x124000, .entry = 0, .level = 2, .index = 448 },
	};
	const struct loom_dump_mapping map[] = {
		{ .va = MADE_VA, .size = 0x3000, .buffer_size = 0x4000, .buffer = 1, .label = "weights" },
		{ .va = 0x6000000000, .size = 0x1000, .offset = 0x2000, .buffer_size = 0x4000, .buffer = 2,
		  .flags = 1, .label = "input\033[2J" },
		{ .va = 0x8000000000, .size = 0x1000, .buffer_size = 0x1000, .buffer = 3 },
	};

	made_begin(made);
	put_meta(made, sizeof(program));
	made_section(made, LOOM_DUMP_REGISTERS, 0, 0, 0, sizeof(*registers), registers,
		     sizeof(registers));
	put_ring(made);
	made_section(made, LOOM_DUMP_CONTEXT, 0, MADE_CONTEXT, 0, sizeof(context), &context,
		     sizeof(context));
	made_section(made, LOOM_DUMP_FAULT, 0, 0, 0, sizeof(fault), &fault, sizeof(fault));
	made_section(made, LOOM_DUMP_WALK, LOOM_DUMP_LATE, 0, MADE_NOWHERE, sizeof(*walk), walk,
		     sizeof(walk));
	made_section(made, LOOM_DUMP_COMMANDS, LOOM_DUMP_LATE, 0, MADE_VA, 1, &program,
		     sizeof(program));
	made_section(made, LOOM_DUMP_MAP, LOOM_DUMP_LATE | LOOM_DUMP_INCOMPLETE, 0, 0, sizeof(*map), map,
		     sizeof(map));
}

/* What is packed into one page: a FILL, and what is to blame. */
struct replayed {
	struct loom_pkt_fill fill;
	union {
		struct loom_pkt_copy copy;
		struct loom_pkt_hang hang;
		struct loom_pkt_fill fill;
		struct loom_pkt_header header;
		uint8_t bytes[sizeof(struct loom_pkt_copy)];
	} blamed;
};

bool made_replay(struct made *made, const char *name)
{
	bool hang = !strcmp(name, "hang"), contents = !strcmp(name, "contents");
	bool permission = !strcmp(name, "permission"), bad = !strcmp(name, "bad-packet");
	struct replayed program = {
		.fill = { .header = { .opcode = LOOM_OP_FILL, .version = 1, .size = sizeof(program.fill) },
			  .dst = tensor(MADE_VA + 0x800, LOOM_DTYPE_F32, 2, 3) },
	};
	struct loom_dump_meta meta = {
		.reason = hang ? LOOM_DUMP_REASON_HANG : LOOM_DUMP_REASON_FAULT, .ring = MADE_RING,
		.why = "made", .hw_version = 1 << 16 | 1, .features = LOOM_FEATURE_DEBUG, .job = 1,
		.cmd_va = MADE_VA, .cmd_size = sizeof(program), .context = MADE_CONTEXT,
		.outcome = bad ? LOOM_OUTCOME_BAD_COMMAND : LOOM_OUTCOME_FAULT,
	};
	struct loom_fault fault = { .packet = sizeof(program.fill), .context = MADE_CONTEXT };
	const struct loom_dump_mapping map[] = {
		{ .va = MADE_VA, .size = 0x1000, .buffer_size = 0x1000, .buffer = 1,
		  .prot = LOOM_PTE_READ | LOOM_PTE_WRITE },
		{ .va = MADE_DATA, .size = 0x1000, .offset = 0x1000, .buffer_size = 0x3000, .buffer = 2,
		  .prot = LOOM_PTE_READ },
		{ .va = 2 * MADE_DATA, .size = 0x2000, .buffer_size = 0x3000, .buffer = 2,
		  .prot = LOOM_PTE_READ | LOOM_PTE_WRITE },
	};
	uint64_t page[512];

	for (int i = 0; i < 512; i++)
		page[i] = MADE_WORD;
	program.blamed.header = (struct loom_pkt_header){ .version = 1, .size = sizeof(program.blamed) };
	if (hang) {
		program.blamed.header.opcode = LOOM_OP_HANG;
		program.blamed.header.size = sizeof(program.blamed.hang);
	} else if (bad) {
		program.blamed.header.opcode = 0xee;
		fault.code = LOOM_FAULT_CMD_OPCODE;
		fault.access = LOOM_ACCESS_FETCH;
		fault.va = MADE_VA + fault.packet;
	} else if (permission) {
		program.blamed.fill.dst = tensor(MADE_DATA, LOOM_DTYPE_F32, 2, 3);
		program.blamed.header.opcode = LOOM_OP_FILL;
		program.blamed.header.size = sizeof(program.blamed.fill);
		fault.code = LOOM_FAULT_PERMISSION;
		fault.access = LOOM_ACCESS_WRITE;
		fault.va = MADE_DATA;
	} else if (contents || !strcmp(name, "unmapped")) {
		program.blamed.copy.dst = tensor(MADE_VA + 0x800, LOOM_DTYPE_F32, 2, 3);
		program.blamed.copy.src = tensor(MADE_NOWHERE, LOOM_DTYPE_F32, 2, 3);
		program.blamed.header.opcode = LOOM_OP_COPY;
		fault.code = LOOM_FAULT_NOT_MAPPED;
		fault.access = LOOM_ACCESS_READ;
		fault.va = MADE_NOWHERE;
	} else {
		return false;
	}
	meta.cmd_size = (uint32_t)sizeof(program.fill) + program.blamed.header.size;
	made_begin(made);
	made_section(made, LOOM_DUMP_META, 0, 0, 0, sizeof(meta), &meta, sizeof(meta));
	put_ring(made);
	if (!hang)
		made_section(made, LOOM_DUMP_FAULT, 0, 0, 0, sizeof(fault), &fault, sizeof(fault));
	made_section(made, LOOM_DUMP_COMMANDS, 0, 0, MADE_VA, 1, &program, meta.cmd_size);
	made_section(made, LOOM_DUMP_MAP, 0, 0, 0, sizeof(*map), map, sizeof(map));
	if (contents) {
		made_section(made, LOOM_DUMP_CONTENTS, 0, 0, MADE_DATA, 1, page, sizeof(page));
		made_section(made, LOOM_DUMP_CONTENTS, LOOM_DUMP_INCOMPLETE, 1, 2 * MADE_DATA, 1, page, 64);
	}
	return true;
}
