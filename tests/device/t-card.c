// SPDX-License-Identifier: MIT
/*
 * What the core's own tests see from within, seen from the bus: registers from
 * their table, rings set up wrongly and rung wildly, interrupts that are
 * gathered, address spaces that are wrong, packets against the reference,
 * faults that find no room, counters, local memory, and all rings at a time.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "rig.h"
#include "../core/tap.h"

#define CARD		"loom,id=card,addr=2.0,rings=4"
#define DEVFN		(2 << 3)

static void start(struct rig *rig, const char *more)
{
	char device[160];

	snprintf(device, sizeof(device), CARD ",%s%s", more,
		 strstr(more, "local-size") ? "" : ",local-size=4M");
	rig_start(rig, LQT_QTEST, device, NULL);
	rig_place(rig, 0, DEVFN);
	rig_setup(rig);
}

/* ---- registers from the table ------------------------------------------------- */

static unsigned int probe(struct rig *rig, const struct loom_reg *reg, uint64_t at)
{
	const uint64_t before = reg->size == 8 ? rig_reg64(rig, at) : rig_reg(rig, at);
	unsigned int bad = 0;
	uint64_t want;

	/* what is too small or crosses a boundary is ignored */
	for (unsigned int size = 1; size <= 4; size *= 2)
		for (unsigned int k = size == 4 ? 1 : 0; k < (size == 4 ? 4u : reg->size); k++) {
			if (at + k + size <= LOOM_BAR_REGS_SIZE)
				lqt_write(&rig->m, size, RIG_BAR0 + at + k, ~0ull);
			bad += size < 4 && lqt_read(&rig->m, size, RIG_BAR0 + at + k) != 0;
		}
	bad += (reg->size == 8 ? rig_reg64(rig, at) : rig_reg(rig, at)) != before;
	want = reg->access == REG_RW || reg->access == REG_CFG ? reg->mask : before;
	if (reg->access == REG_WO || reg->access == REG_W1C)
		want = 0;
	if (reg->size == 8) {
		rig_set64(rig, at, ~0ull);
		bad += rig_reg64(rig, at) != want;
		rig_set64(rig, at, before);
	} else {
		rig_set(rig, at, ~0u);
		bad += rig_reg(rig, at) != (uint32_t)want;
		rig_set(rig, at, (uint32_t)before);
	}
	return bad;
}

static void registers(void)
{
	struct rig rig;
	unsigned int bad = 0;

	tap_group(1, "registers");
	rig_start(&rig, LQT_QTEST, CARD ",threads=0,local-size=4M", NULL);
	rig_place(&rig, 0, DEVFN);
	for (unsigned int i = 0; i < R_COUNT; i++)
		if (i != R_FEATURES_ACK && i != R_CTRL && i != R_TIMESTAMP && i != R_INV_TAG &&
		    i != R_INV_ISSUED && i != R_INV_DONE &&
		    probe(&rig, &loom_device_regs[i], loom_device_regs[i].offset)) {
			printf("# %s\n", loom_device_regs[i].name);
			bad++;
		}
	for (unsigned int r = 0; r < 4; r++)
		for (unsigned int i = 0; i < RR_COUNT; i++)
			if (i != RR_CTRL && probe(&rig, &loom_ring_regs[i],
						  LOOM_REG_RING(r) + loom_ring_regs[i].offset)) {
				printf("# ring %u: %s\n", r, loom_ring_regs[i].name);
				bad++;
			}
	tap_ok(!bad, "every register of the table keeps what its mask allows, at every size");
	tap_ok(rig_stop(&rig), "registers: QEMU ends");
}

/* ---- rings ----------------------------------------------------------------------- */

static void disable(struct rig *rig, unsigned int ring)
{
	uint64_t at = LOOM_REG_RING(ring);

	rig_ring_reset(rig, ring);
	rig_set(rig, at + LOOM_RING_CTRL, 0);
	LQT_UNTIL(&rig->m, !rig_reg(rig, at + LOOM_RING_STATUS));
}

static unsigned int fence(struct rig *rig, unsigned int ring, uint64_t value)
{
	rig_begin(rig, ring);
	rig_fence(rig, ring, RIG_FENCE(ring), value);
	return rig_outcome(rig, ring, rig_submit(rig, ring, ring));
}

static void rings(void)
{
	static const struct {
		const char *name;
		uint32_t reg;
		uint64_t value;
	} bad[] = {
		{ "descriptors that are not aligned", LOOM_RING_BASE, RIG_DESC(1) + 64 },
		{ "completions that are not aligned", LOOM_RING_CQ_BASE, RIG_CQ(1) + 8 },
		{ "a write index that is not aligned", LOOM_RING_WRITE_ADDR, RIG_INDEX(1) + 4 },
		{ "too few descriptors", LOOM_RING_LOG2, 3 },
		{ "too many", LOOM_RING_LOG2, 17 },
		{ "fewer completions than descriptors", LOOM_RING_CQ_LOG2, 3 },
		{ "a vector that is not there", LOOM_RING_VECTOR, 5 },
		{ "a context of its own", LOOM_RING_CONTEXT, 1 },
	};
	const uint64_t at = LOOM_REG_RING(1);
	struct rig rig;
	uint64_t index;

	tap_group(3, "rings");
	start(&rig, "threads=1,ioeventfd=off");
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		disable(&rig, 1);
		if (bad[i].reg < LOOM_RING_LOG2)
			rig_set64(&rig, at + bad[i].reg, bad[i].value);
		else
			rig_set(&rig, at + bad[i].reg, (uint32_t)bad[i].value);
		rig_set(&rig, at + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE);
		tap_ok(rig_reg(&rig, at + LOOM_RING_ERROR) == LOOM_RING_ERROR_CONFIG &&
		       !(rig_reg(&rig, at + LOOM_RING_STATUS) & LOOM_RING_STATUS_ENABLED),
		       "rings: %s", bad[i].name);
	}
	for (unsigned int i = 0; i < 2; i++) {
		rig_ring_reset(&rig, 1);
		rig_word_set(&rig, RIG_INDEX(1), i ? UINT64_MAX : (1 << RIG_LOG2) + 1);
		rig_set(&rig, LOOM_DOORBELL(1), 0);
		LQT_UNTIL(&rig.m, rig_reg(&rig, at + LOOM_RING_ERROR));
		tap_ok(rig_reg(&rig, at + LOOM_RING_ERROR) == LOOM_RING_ERROR_INDEX,
		       "rings: a write index %s", i ? "that went back" : "beyond the size");
	}
	/* completions in place of descriptors: garbage in, no harm out */
	disable(&rig, 1);
	rig_set64(&rig, at + LOOM_RING_CQ_BASE, RIG_DESC(1));
	rig_set(&rig, at + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE);
	rig_begin(&rig, 1);
	rig_fence(&rig, 1, RIG_FENCE(1), 1);
	for (unsigned int i = 0; i < 16; i++)
		rig_queue(&rig, 1, 1, 0);
	rig_set(&rig, LOOM_DOORBELL(1), 0);
	LQT_UNTIL(&rig.m, rig_reg64(&rig, at + LOOM_RING_READ) == 16 ||
		  rig_reg(&rig, at + LOOM_RING_ERROR));
	rig_ring_reset(&rig, 1);
	tap_ok(fence(&rig, 1, 2) == LOOM_OUTCOME_OK, "rings: areas that overlap do no harm");
	/* every ring rung by every size, disabled and absent ones too */
	disable(&rig, 2);
	for (unsigned int i = 0; i < 3000; i++)
		lqt_write(&rig.m, 4u << i % 2, RIG_BAR0 + LOOM_DOORBELL(i % 64), i);
	for (unsigned int i = 0; i < 40; i++)
		if (fence(&rig, 1, 100 + i))
			break;
	tap_ok(rig_word(&rig, RIG_FENCE(1)) == 139, "rings: a storm of doorbells, and laps after it");
	index = rig.index[3];
	rig_set(&rig, LOOM_DOORBELL(3), 0);
	tap_ok(!rig_retired(&rig, 3, index), "rings: a doorbell without work");
	tap_ok(rig_stop(&rig), "rings: QEMU ends");
}

/* ---- interrupts ---------------------------------------------------------------------- */

static void interrupts(void)
{
	struct rig rig;

	tap_group(5, "interrupts");
	start(&rig, "threads=0,vectors=3");
	tap_ok(rig_reg(&rig, LOOM_REG_RING(3) + LOOM_RING_ERROR) == LOOM_RING_ERROR_CONFIG,
	       "interrupts: a vector out of range is refused");
	rig_set64(&rig, LOOM_REG_IRQ_COALESCE(2), 3600000000ull << 32 | 4);
	for (unsigned int i = 0; i < 3; i++)
		fence(&rig, 1, i);
	fence(&rig, 0, 1);
	tap_ok(!rig_word(&rig, RIG_MSI(2)), "interrupts: three of four wait");
	fence(&rig, 1, 9);
	LQT_UNTIL(&rig.m, rig_word(&rig, RIG_MSI(2)));
	tap_ok(rig_word(&rig, RIG_MSI(2)) == 0x1002, "interrupts: the fourth brings it");
	rig_word_set(&rig, RIG_MSI(2), 0);
	rig_set64(&rig, LOOM_REG_IRQ_COALESCE(2), 1000ull << 32);
	fence(&rig, 1, 10);
	LQT_UNTIL(&rig.m, rig_word(&rig, RIG_MSI(2)));
	tap_ok(true, "interrupts: or the time");
	/* the whole function masked: pending, and sent when it is not */
	rig_set64(&rig, LOOM_REG_IRQ_COALESCE(2), 0);
	rig_word_set(&rig, RIG_MSI(2), 0);
	rig_config_set(&rig, 2, rig.msix + 2, 0xc000);
	fence(&rig, 1, 11);
	LQT_UNTIL(&rig.m, lqt_read(&rig.m, 8, RIG_BAR4 + 0x800) & 1 << 2);
	tap_ok(!rig_word(&rig, RIG_MSI(2)), "interrupts: masked with the function");
	rig_config_set(&rig, 2, rig.msix + 2, 0x8000);
	LQT_UNTIL(&rig.m, rig_word(&rig, RIG_MSI(2)));
	tap_ok(true, "interrupts: and unmasked with it");
	tap_ok(rig_stop(&rig), "interrupts: QEMU ends");
}

/* ---- address spaces, faults -------------------------------------------------------------- */

#define L3		((uint64_t)RIG_TABLES)
#define L2		(L3 + 0x1000)
#define L1		(L3 + 0x2000)
#define L0		(L3 + 0x5000)		/* one more, for small pages */
#define SMALL		0x5000000ull		/* 2 MiB by small pages */
#define RW		(LOOM_PTE_VALID | LOOM_PTE_READ | LOOM_PTE_WRITE | LOOM_PTE_LEAF)

static unsigned int store(struct rig *rig, uint64_t va)
{
	unsigned int outcome;

	rig_begin(rig, 1);
	rig_fence(rig, 1, va, 0x5a);
	outcome = rig_outcome(rig, 1, rig_submit(rig, 1, 1));
	rig_set(rig, LOOM_REG_CTX_START, 2);
	return outcome;
}

static void invalidate(struct rig *rig)
{
	uint64_t issued;

	rig_set64(rig, LOOM_REG_INV_LEN, 0);
	rig_set(rig, LOOM_REG_INV_TAG, 1);
	issued = rig_reg64(rig, LOOM_REG_INV_ISSUED);
	LQT_UNTIL(&rig->m, rig_reg64(rig, LOOM_REG_INV_DONE) >= issued);
}

static unsigned int code(struct rig *rig, uint64_t va)
{
	uint64_t n = rig_reg64(rig, LOOM_REG_FAULT_WRITE);
	const struct loom_fault *record = (void *)(rig->m.ram + RIG_FAULTS);
	unsigned int outcome = store(rig, va);

	rig_set64(rig, LOOM_REG_FAULT_READ, rig_reg64(rig, LOOM_REG_FAULT_WRITE));
	return outcome == LOOM_OUTCOME_FAULT && record[n & 15].va == va ? record[n & 15].code : 99;
}

static void spaces(void)
{
	const uint64_t entry = L0 + 8 * 5, va = SMALL + 5 * 4096 + 8;
	struct rig rig;
	unsigned int bad = 0;
	uint64_t index;

	tap_group(6, "address spaces");
	start(&rig, "threads=2");
	memset(rig.m.ram + L0, 0, 4096);
	rig_word_set(&rig, L1 + 8 * (SMALL >> 21), LOOM_PTE_VALID | L0);
	rig_word_set(&rig, entry, RW | RIG_DATA);
	tap_ok(store(&rig, va) == LOOM_OUTCOME_OK && rig_word(&rig, RIG_DATA + 8) == 0x5a,
	       "MMU: small pages");
	/* what is not invalidated may be stale, what is must not be */
	rig_word_set(&rig, entry, RW | (RIG_DATA + 0x10000));
	invalidate(&rig);
	tap_ok(store(&rig, va) == LOOM_OUTCOME_OK && rig_word(&rig, RIG_DATA + 0x10008) == 0x5a,
	       "MMU: an entry changed and invalidated");
	rig_word_set(&rig, entry, (RW & ~LOOM_PTE_WRITE) | RIG_DATA);
	invalidate(&rig);
	bad += code(&rig, va) != LOOM_FAULT_PERMISSION;
	bad += code(&rig, va + 4096) != LOOM_FAULT_NOT_MAPPED;
	/* not even a valid command */
	bad += store(&rig, 1ull << 48) != LOOM_OUTCOME_BAD_COMMAND;
	rig_word_set(&rig, entry, RW | RIG_DATA | 1 << 6);
	invalidate(&rig);
	bad += code(&rig, va) != LOOM_FAULT_BAD_PTE;
	/* tables that lead to themselves, to registers, to nothing */
	rig_word_set(&rig, L2 + 8 * 7, LOOM_PTE_VALID | L2);
	bad += code(&rig, 7ull << 30 | 7ull << 21 | 7ull << 12) == 99;
	rig_word_set(&rig, L2 + 8 * 7, LOOM_PTE_VALID | RIG_BAR0);
	invalidate(&rig);
	bad += code(&rig, 7ull << 30) != LOOM_FAULT_TABLE_BUS;
	rig_word_set(&rig, L2 + 8 * 7, LOOM_PTE_VALID | RIG_HOLE);
	invalidate(&rig);
	bad += code(&rig, 7ull << 30) != LOOM_FAULT_TABLE_BUS;
	tap_ok(!bad, "MMU: each wrong entry has its fault");
	/* the page is taken away while a job runs over it */
	rig_word_set(&rig, entry, RW | RIG_DATA);
	invalidate(&rig);
	rig_begin(&rig, 2);
	for (unsigned int i = 0; i < 5000; i++)
		rig_fill(&rig, 2, SMALL + 5 * 4096, 1024, i + 1);
	index = rig_submit(&rig, 2, 2);
	LQT_UNTIL(&rig.m, rig_word(&rig, RIG_DATA));
	rig_word_set(&rig, entry, 0);
	invalidate(&rig);
	memset(rig.m.ram + RIG_DATA, 0, 4096);
	rig_outcome(&rig, 2, index);
	bad = 0;
	for (unsigned int i = 0; i < 4096; i += 8)
		bad += rig_word(&rig, RIG_DATA + i) != 0;
	tap_ok(!bad, "MMU: what was taken away from a running job is not written");
	tap_ok(fence(&rig, 3, 4) == LOOM_OUTCOME_OK, "MMU: others go on");
	tap_ok(rig_stop(&rig), "MMU: QEMU ends");
}

static void faults(void)
{
	uint64_t dropped;
	struct rig rig;

	tap_group(8, "faults");
	start(&rig, "threads=0");
	for (unsigned int i = 0; i < 20; i++) {
		store(&rig, RIG_VA_NONE);
		if (fence(&rig, 3, i + 1))
			break;
	}
	dropped = rig_reg64(&rig, LOOM_REG_FAULT_DROPPED);
	tap_ok(rig_reg64(&rig, LOOM_REG_FAULT_WRITE) == 16 && dropped == 4 &&
	       rig_reg64(&rig, LOOM_REG_IRQ_STATUS) & LOOM_IRQ_FAULT_OVERFLOW,
	       "faults: what finds no room is counted");
	tap_ok(rig_word(&rig, RIG_FENCE(3)) == 20, "faults: other contexts go on");
	rig_set64(&rig, LOOM_REG_FAULT_READ, 16);
	store(&rig, RIG_VA_NONE);
	tap_ok(rig_reg64(&rig, LOOM_REG_FAULT_WRITE) == 17, "faults: room again, records again");
	tap_ok(rig_stop(&rig), "faults: QEMU ends");
}

/* ---- packets, counters, local memory, all at a time ----------------------------------------- */

static struct loom_tensor matrix(uint64_t va, unsigned int dtype, uint32_t rows, uint32_t columns)
{
	return (struct loom_tensor){
		.va = htole64(va), .dtype = (uint8_t)dtype, .rank = 2,
		.dims = { htole32(rows), htole32(columns) },
		.strides = { htole64(columns), htole64(1) },
	};
}

#define A	RIG_DATA
#define B	(RIG_DATA + 0x10000)
#define C	(RIG_DATA + 0x20000)
#define OUT	0x80000u		/* from A on, all that packets write */

/* Odd sizes of everything that computes; memory afterwards. */
static void packets(const char *isa, unsigned int threads, uint8_t *out, uint64_t *counters)
{
	static const uint32_t names[] = {
		LOOM_REG_CNT_DESCRIPTORS, LOOM_REG_CNT_PACKETS, LOOM_REG_CNT_CYCLES, LOOM_REG_CNT_MACS,
		LOOM_REG_CNT_BYTES_LOCAL, LOOM_REG_CNT_BYTES_HOST, LOOM_REG_CNT_ENERGY_PJ,
	};
	unsigned int outcome = 0;
	char more[64];
	struct rig rig;

	snprintf(more, sizeof(more), "threads=%u%s%s", threads, isa ? ",isa=" : "", isa ? isa : "");
	start(&rig, more);
	for (unsigned int i = 0; i < 0x8000; i++) {
		((float *)(void *)(rig.m.ram + A))[i] = (float)(int)(i * 2654435761u >> 20) / 64 - 30;
	}
	for (unsigned int n = 1; n <= 17; n++) {
		struct loom_pkt_gemm gemm = {
			.c = matrix(C + n * 0x1000, LOOM_DTYPE_F32, n, 18 - n),
			.a = matrix(A, LOOM_DTYPE_F32, n, 2 * n + 1),
			.b = matrix(B, LOOM_DTYPE_F32, 2 * n + 1, 18 - n),
		};
		struct loom_pkt_eltwise add = {
			.op = htole32(LOOM_ELTWISE_MUL),
			.dst = matrix(C + 0x20000 + n * 0x1000, LOOM_DTYPE_BF16, n, 19),
			.a = matrix(A + 64, LOOM_DTYPE_F32, n, 19),
			.b = matrix(B, LOOM_DTYPE_F32, n, 19),
		};
		struct loom_pkt_copy copy = {
			.dst = matrix(RIG_VA_LOCAL + n * 0x1000, LOOM_DTYPE_F16, n, 33),
			.src = matrix(A + 4 * n, LOOM_DTYPE_F32, n, 33),
		};

		rig_begin(&rig, 1);
		rig_packet(&rig, 1, &gemm.header, LOOM_OP_GEMM, sizeof(gemm));
		rig_packet(&rig, 1, &add.header, LOOM_OP_ELTWISE, sizeof(add));
		rig_packet(&rig, 1, &copy.header, LOOM_OP_COPY, sizeof(copy));
		rig_copy(&rig, 1, C + 0x40000 + n * 0x1000, RIG_VA_LOCAL + n * 0x1000, n * 16);
		rig_fill(&rig, 1, C + 0x58000 + n * 256, n, n);
		outcome |= rig_outcome(&rig, 1, rig_submit(&rig, 1, 1));
	}
	tap_ok(!outcome, "packets of odd sizes, %s, %u threads", isa ? isa : "the best engine", threads);
	memcpy(out, rig.m.ram + A, OUT);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		counters[i] = rig_reg64(&rig, names[i]);
	tap_ok(rig_stop(&rig), "packets: QEMU ends");
}

static void compute(void)
{
	static uint8_t want[OUT], have[OUT];
	uint64_t reference[7], counters[7];

	tap_group(7, "packets");
	packets("reference", 0, want, reference);
	packets(NULL, 0, have, counters);
	tap_ok(!memcmp(want, have, OUT), "packets: the same bits as the reference");
	tap_group(14, "counters");
	tap_ok(!memcmp(reference, counters, sizeof(counters)), "counters: the same on every engine");
	packets(NULL, 3, have, counters);
	tap_ok(!memcmp(want, have, OUT) && !memcmp(reference, counters, sizeof(counters)),
	       "counters: and with every number of threads");
}

static void local(void)
{
	struct rig rig;

	tap_group(15, "local memory");
	start(&rig, "threads=1");
	rig_begin(&rig, 1);
	rig_fill(&rig, 1, RIG_VA_LOCAL, 1024, 0x11223344);
	tap_ok(rig_outcome(&rig, 1, rig_submit(&rig, 1, 1)) == LOOM_OUTCOME_OK &&
	       lqt_read(&rig.m, 4, RIG_BAR2 + 4092) == 0x11223344, "local memory: written by the card");
	rig_ring_reset(&rig, 1);
	tap_ok(lqt_read(&rig.m, 4, RIG_BAR2 + 4092) == 0x11223344, "local memory: kept by a ring reset");
	lqt_write(&rig.m, 4, RIG_BAR2 + 8192, 0x55667788);
	rig_begin(&rig, 1);
	rig_copy(&rig, 1, RIG_DATA, RIG_VA_LOCAL + 8192, 1);
	/* clearing is software's: a fill, as a driver does before it gives memory away */
	rig_fill(&rig, 1, RIG_VA_LOCAL, 4096, 0);
	tap_ok(rig_outcome(&rig, 1, rig_submit(&rig, 1, 1)) == LOOM_OUTCOME_OK &&
	       (uint32_t)rig_word(&rig, RIG_DATA) == 0x55667788 &&
	       !lqt_read(&rig.m, 8, RIG_BAR2 + 4088), "local memory: read and cleared by the card");
	tap_ok(rig_stop(&rig), "local memory: QEMU ends");
	/* less than the large page that shows it */
	start(&rig, "threads=0,local-size=1M");
	tap_ok(code(&rig, RIG_VA_LOCAL + (1 << 20) - 8) == 99 &&
	       code(&rig, RIG_VA_LOCAL + (1 << 20)) == LOOM_FAULT_BUS, "local memory: it has an end");
	tap_ok(rig_stop(&rig), "local memory: QEMU ends");
}

static void together(void)
{
	struct rig rig;
	unsigned int bad = 0;

	tap_group(16, "concurrency");
	start(&rig, "threads=3");
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int r = 0; r < 4; r++) {
			rig_begin(&rig, r);
			for (unsigned int i = 0; i < 8; i++)
				rig_fill(&rig, r, RIG_DATA + r * 0x100000, 1 << 16, round * 100 + r);
			rig_fence(&rig, r, RIG_FENCE(r), round + 1);
			rig_submit(&rig, r, r);
		}
		if (round % 4 == 0)
			invalidate(&rig);
		for (unsigned int r = 0; r < 4; r++) {
			bad += rig_outcome(&rig, r, rig.index[r] - 1) != LOOM_OUTCOME_OK;
			bad += rig_word(&rig, RIG_FENCE(r)) != round + 1;
			bad += (uint32_t)rig_word(&rig, RIG_DATA + r * 0x100000 + 0x3fff8) != round * 100 + r;
		}
	}
	tap_ok(!bad, "concurrency: four rings on three threads");
	tap_ok(rig_stop(&rig), "concurrency: QEMU ends");
}

int main(void)
{
	registers();
	rings();
	interrupts();
	spaces();
	faults();
	compute();
	local();
	together();
	return tap_done();
}
