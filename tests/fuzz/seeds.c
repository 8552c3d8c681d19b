// SPDX-License-Identifier: MIT
/*
 * Writes the seeds that are committed in tests/fuzz/corpus:
 *
 *	build/fuzz/seeds DIRECTORY
 *
 * Inputs from which all of a target's paths are near; mutation does the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static const char *top;

static void save(const char *target, const char *name, const void *data, size_t size)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", top, target);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%s", top, target, name);
	file = fopen(path, "wb");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file)) {
		perror(path);
		exit(1);
	}
}

#define RECORDS(target, name, ...)						\
	do {									\
		static const struct record list[] = { __VA_ARGS__ };		\
		save(target, name, list, sizeof(list));				\
	} while (0)

/* { op, a, b, c, d, v }: the meaning is at the head of each target. */
static void regs(void)
{
	RECORDS("regs", "rings", { 8, 0, 1, 0, 63, 5 }, { 3, 0, 0, 0, 63, 0 },
		{ 8, 1, 1, 1, 63, 9 }, { 3, 1, 0, 0, 5, 0 }, { 5, 0, 0, 0, 9, 0 },
		{ 6, 0, 0, 0, 63, 0 });
	RECORDS("regs", "reset", { 8, 2, 5, 2, 3, 7 }, { 3, 2, 0, 0, 2, 0 }, { 7, 0, 0, 0, 1, 0 },
		{ 0, R_CTRL, 1, 0, 63, 2 }, { 1, R_STATUS, 0, 0, 0, 0 });
	RECORDS("regs", "coalesce", { 8, 0, 1, 0, 63, 15 },
		{ 0, R_COUNT + FUZZ_RINGS * RR_COUNT, 0, 0, 0, 100ull << 32 | 4 },
		{ 3, 0, 0, 0, 63, 0 }, { 0, R_INV_TAG, 1, 0, 63, 1 }, { 0, R_CTX_STOP, 1, 0, 0, 1 });
}

static void mmu(void)
{
	RECORDS("mmu", "fill", { 1, 0, 0, 2, 5000, 9 }, { 1, 2, 0, 2, 100, 8 }, { 1, 0, 0, 0, 64, 0 });
	RECORDS("mmu", "unmap", { 1, 0, 0, 2, 5000, 9 }, { 0, 0, 0, 2 | 24, 6, 0 },
		{ 1, 0, 0, 2, 5000, 9 }, { 1, 4, 0, 2, 8, 1 });
	RECORDS("mmu", "large", { 1, 6, 0, 2 | 8, 60000, 9 }, { 0, 6, 0, 2 | 20, 8, 1 },
		{ 1, 6, 0, 2 | 16, 0x100000, 9 });
	RECORDS("mmu", "async", { 2, 0, 0, 2 | 8, 60000, 9 }, { 4, 0, 0, 1, 9, 0 },
		{ 0, 0, 0, 24, 6, 0 }, { 3, 0, 0, 2, 0, 0 }, { 4, 0, 0, 0, 60, 0 },
		{ 1, 0, 0, 2, 5000, 9 });
	RECORDS("mmu", "loop", { 0, 0, 0, 8, 5 + 8, 3 }, { 3, 0, 0, 2, 0, 0 },
		{ 1, 0, 0, 2, 5000, 9 });
}

static void desc(void)
{
	RECORDS("desc", "work", { 0, 0, 4, 1, 0, 1 }, { 0, 1, 1, 2, 0, 2 }, { 0, 2, 5, 3, 0, 3 },
		{ 0, 0, 1, 1, 63, 4 }, { 9, 9, 1, 0, 63, 0 });
	RECORDS("desc", "fault", { 0, 0, 2, 1, 63, 1 }, { 0, 0, 0, 1, 63, 2 },
		{ 7, 1, 0, 0, 63, 0 }, { 0, 0, 0, 1, 63, 3 });
	RECORDS("desc", "hang", { 0, 1, 3, 1, 63, 1 }, { 0, 1, 0, 1, 63, 2 }, { 5, 1, 4, 0, 63, 0 },
		{ 4, 1, 0, 3, 63, 0 }, { 0, 1, 0, 1, 63, 2 });
	RECORDS("desc", "bytes", { 0, 0, 0, 1, 0, 1 }, { 1, 0, 3, 0, 63, 4 }, { 2, 1, 1, 0, 0, 2 },
		{ 0, 0, 0, 1, 63, 1 }, { 3, 0, 0, 0, 0, 17 }, { 6, 0, 0, 0, 63, 0 });
}

static void state(void)
{
	RECORDS("state", "idle", { 5, 0, 0, 0, 63, 0 });
	RECORDS("state", "work", { 1, 0, 1, 1, 9, 1 }, { 1, 1, 2, 2, 9, 2 }, { 1, 2, 8, 3, 9, 3 },
		{ 1, 2, 8, 3, 0, 3 });
	RECORDS("state", "tiles", { 1, 1, 2, 2, 30, 2 }, { 0, 0, 0, 3, 2100, 4 });
	RECORDS("state", "hang", { 1, 0, 3, 1, 40, 1 }, { 3, 1, 2, 0, 0, 0 }, { 1, 1, 0, 1, 40, 1 },
		{ 2, 1, 4, 0, 40, 0 }, { 0, 0, 3, 0, 900, 1 });
	RECORDS("state", "fault", { 1, 0, 4, 1, 20, 1 }, { 4, 0, 0, 0, 3, 50ull << 32 | 9 },
		{ 1, 0, 8, 2, 40, 1 });
	RECORDS("state", "short", { 1, 0, 3, 1, 40, 1 }, { 6, 0, 0, 1, 2000, 0 });
	RECORDS("state", "dead", { 3, 0, 7, 0, 9, 0 }, { 0, 0, 17, 0, 9, 3 });
}

static struct loom_tensor tensor(uint64_t va, uint8_t dtype, uint32_t rows, uint32_t columns)
{
	return (struct loom_tensor){
		.va = va, .dtype = dtype, .rank = 2, .dims = { rows, columns },
		.strides = { columns, 1 },
	};
}

#define HEADER(pkt, op) { .opcode = op, .version = LOOM_PKT_VERSION, .size = sizeof(pkt) }

static void cmd(void)
{
	struct {
		uint64_t head;
		struct loom_pkt_copy copy;
		struct loom_pkt_fill fill;
		struct loom_pkt_fence fence;
		struct loom_pkt_timestamp timestamp;
		struct loom_pkt_header nop;
	} move = {
		.copy = { .header = HEADER(move.copy, LOOM_OP_COPY),
			  .dst = tensor(DATA_VA + 64, LOOM_DTYPE_BF16, 40, 60),
			  .src = tensor(LOCAL_VA, LOOM_DTYPE_F32, 40, 60) },
		.fill = { .header = HEADER(move.fill, LOOM_OP_FILL), .value = 3,
			  .dst = tensor(LOCAL_VA + 4000, LOOM_DTYPE_I32, 30, 70) },
		.fence = { .header = HEADER(move.fence, LOOM_OP_FENCE), .va = DATA_VA, .value = 1 },
		.timestamp = { .header = HEADER(move.timestamp, LOOM_OP_TIMESTAMP),
			       .va = LOCAL_VA },
		.nop = { .version = LOOM_PKT_VERSION, .size = sizeof(move.nop),
			 .flags = LOOM_PKT_IGNORABLE },
	};
	struct {
		uint64_t head;
		struct loom_pkt_gemm f32, i8;
		struct loom_pkt_eltwise eltwise;
	} compute = {
		/* mapped page by page, quiesced after 20 points and 20 more */
		.head = 0x0000001414010101ull,
		.f32 = { .header = HEADER(compute.f32, LOOM_OP_GEMM),
			 .c = tensor(DATA_VA, LOOM_DTYPE_F32, 20, 24),
			 .a = tensor(RO_VA, LOOM_DTYPE_F32, 20, 30),
			 .b = tensor(LOCAL_VA, LOOM_DTYPE_F32, 30, 24) },
		.i8 = { .header = HEADER(compute.i8, LOOM_OP_GEMM), .a_zero = 3,
			.c = tensor(DATA_VA + 0x4000, LOOM_DTYPE_U8, 33, 17),
			.a = tensor(DATA_VA, LOOM_DTYPE_U8, 33, 65),
			.b = tensor(LOCAL_VA, LOOM_DTYPE_I8, 65, 17),
			.epilogue = { .act = LOOM_ACT_RELU,
				      .scale = { .va = RO_VA, .dtype = LOOM_DTYPE_F32, .rank = 1,
						 .dims = { 1 }, .strides = { 1 } },
				      .residual = tensor(RO_VA, LOOM_DTYPE_U8, 33, 17) } },
		.eltwise = { .header = HEADER(compute.eltwise, LOOM_OP_ELTWISE),
			     .op = LOOM_ELTWISE_MUL,
			     .dst = tensor(DATA_VA + 0x8000, LOOM_DTYPE_F16, 21, 50),
			     .a = tensor(DATA_VA, LOOM_DTYPE_F32, 21, 50),
			     .b = tensor(RO_VA, LOOM_DTYPE_BF16, 1, 50) },
	};

	struct {
		uint64_t head;
		struct loom_pkt_gemm gemm;
	} empty = {
		/* k is 0: a and b have no elements, and strides that overflow */
		.gemm = { .header = HEADER(empty.gemm, LOOM_OP_GEMM),
			  .c = tensor(DATA_VA, LOOM_DTYPE_F32, 5, 7),
			  .a = tensor(RO_VA, LOOM_DTYPE_F32, 5, 0),
			  .b = tensor(LOCAL_VA, LOOM_DTYPE_F32, 0, 7) },
	};

	empty.gemm.a.strides[0] = 0x5b00000000000000;
	empty.gemm.b.strides[1] = 0x5b00000000000000;
	save("cmd", "gemm-empty-strides", &empty, sizeof(empty));
	save("cmd", "move", &move, sizeof(move));
	save("cmd", "compute", &compute, sizeof(compute));
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	top = argv[1];
	mkdir(top, 0777);
	regs();
	cmd();
	mmu();
	desc();
	state();
	return 0;
}
