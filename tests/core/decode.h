/* SPDX-License-Identifier: MIT */
/*
 * Packets of each kind, all of them valid, and what the decoder says of them when they are changed.
 */
#ifndef TEST_CORE_DECODE_H
#define TEST_CORE_DECODE_H

#include "job.h"
#include "loom_core.h"
#include "numerics.h"
#include "tap.h"

#define NONE	0xffu
#define TOP	(1ull << LOOM_VA_BITS)

union packet {
	struct loom_pkt_header header;
	struct loom_pkt_fence fence;
	struct loom_pkt_timestamp timestamp;
	struct loom_pkt_copy copy;
	struct loom_pkt_pack pack;
	struct loom_pkt_fill fill;
	struct loom_pkt_eltwise eltwise;
	struct loom_pkt_unary unary;
	struct loom_pkt_reduce reduce;
	struct loom_pkt_softmax softmax;
	struct loom_pkt_gemm gemm;
	struct loom_pkt_conv conv;
	struct loom_pkt_pool pool;
	struct loom_pkt_norm norm;
	struct loom_pkt_gather gather;
	struct loom_pkt_quant quant;
	struct loom_pkt_resize resize;
	struct loom_pkt_arg arg;
	struct loom_pkt_hang hang;
	uint64_t words[160];
};

/* Of the last packet that was decoded. */
extern struct loom_work decoded;
extern struct loom_decode_error decode_error;
extern uint32_t decode_size;

int decode(const union packet *p, uint64_t avail, bool debug);
/* By the reference engine and each other one. */
bool valid(const union packet *p);
bool invalid(const union packet *p, unsigned int code, unsigned int operand);

void tensor(struct loom_tensor *t, unsigned int dtype, uint64_t va, unsigned int rank,
	    const uint32_t *dims);

#define DIMS(...)	sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, (const uint32_t[]){ __VA_ARGS__ }

/* A packet of zeros but for its header. */
union packet start(unsigned int opcode, size_t bytes);
union packet a_fence(void);
union packet a_timestamp(void);
union packet a_copy(void);
union packet a_fill(void);
union packet an_eltwise(void);
union packet a_unary(void);
union packet a_reduce(void);
union packet a_softmax(void);
union packet in_place(uint32_t n);
union packet a_gemm(unsigned int dtype, unsigned int out);
/* Two matrices [5, 40] in panels, 2 x 640 or 2 x 256 bytes each, a third further on. */
union packet a_pack(unsigned int dtype);
union packet a_panel_gemm(void);
union packet a_hang(void);
/* Two groups of 3 and 4 channels, taps 3 x 2, holes at all edges. */
union packet a_conv(unsigned int dtype);
union packet a_pool(unsigned int op);
union packet a_norm(unsigned int op);
union packet a_gather(unsigned int op);
union packet a_resize(bool sums);
union packet an_arg(void);
union packet a_quant(unsigned int op);

#define FLOAT	a_gemm(LOOM_DTYPE_F32, LOOM_DTYPE_F32)
#define INT	a_gemm(LOOM_DTYPE_I8, LOOM_DTYPE_U8)
#define WIDE	a_gemm(LOOM_DTYPE_U8, LOOM_DTYPE_I32)

/* One broken rule: the packet, what is done to it, the code and the operand. */
#define BREAK(make, what, code, operand)						\
	do {										\
		union packet p = make;							\
											\
		what;									\
		tap_ok(invalid(&p, LOOM_FAULT_CMD_##code, operand), #make ": " #what);	\
	} while (0)

#define ACCEPT(make, what)								\
	do {										\
		union packet p = make;							\
											\
		what;									\
		tap_ok(valid(&p), #make ": " #what " is valid");			\
	} while (0)

#endif
