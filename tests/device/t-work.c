// SPDX-License-Identifier: MIT
/*
 * The card at work: rings end to end, and everything that may end or suspend
 * its work: FLR, resets, bus master off, power, a stopped machine, a ring reset.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "../core/tap.h"

#define CARD		"loom,id=card,addr=2.0,rings=4,local-size=4M,x-debug=on"
#define DEVFN		(2 << 3)

#define WORKERS		4u			/* rings at work, all of them */
#define AREA_WORDS	(2u << 20)		/* 8 MiB */
#define AREA_BYTES	(4u * AREA_WORDS)
#define FILLS		5000			/* some seconds of work */

static void end_to_end(const char *ioeventfd)
{
	char device[128];
	struct rig rig;
	struct loom_cqe cqe;
	uint64_t index;

	snprintf(device, sizeof(device), CARD ",ioeventfd=%s", ioeventfd);
	rig_start(&rig, LQT_QTEST, device, NULL);
	rig_place(&rig, 0, DEVFN);
	rig_setup(&rig);

	rig_begin(&rig, 0);
	rig_fill(&rig, 0, RIG_DATA, 1000, 0xdeadbeef);
	rig_copy(&rig, 0, RIG_VA_LOCAL + 4096, RIG_DATA, 1000);
	rig_fence(&rig, 0, RIG_FENCE(0), 0x0123456789abcdef);
	index = rig_submit(&rig, 1, 0);
	LQT_UNTIL(&rig.m, rig_word(&rig, RIG_FENCE(0)));
	tap_ok(rig_word(&rig, RIG_FENCE(0)) == 0x0123456789abcdef, "ioeventfd=%s: fence", ioeventfd);
	tap_ok(rig_word(&rig, RIG_DATA + 3992) == 0xdeadbeefdeadbeef &&
	       !rig_word(&rig, RIG_DATA + 4000), "ioeventfd=%s: what came before it", ioeventfd);
	tap_ok(rig_outcome(&rig, 1, index) == LOOM_OUTCOME_OK, "ioeventfd=%s: completion", ioeventfd);
	memcpy(&cqe, rig.m.ram + RIG_CQ(1), sizeof(cqe));
	tap_ok(cqe.index == 0 && cqe.cookie == 0xc00c1e0000000000 && cqe.cycles && cqe.bytes,
	       "ioeventfd=%s: its fields", ioeventfd);
	LQT_UNTIL(&rig.m, rig_word(&rig, RIG_MSI(2)));
	tap_ok(rig_word(&rig, RIG_MSI(2)) == 0x1002 && !rig_word(&rig, RIG_MSI(0)) &&
	       !rig_word(&rig, RIG_MSI(1)), "ioeventfd=%s: its vector, no other", ioeventfd);
	tap_ok(lqt_read(&rig.m, 8, RIG_BAR2 + 4096) == 0xdeadbeefdeadbeef,
	       "ioeventfd=%s: local memory in BAR2", ioeventfd);

	/* every way to ring, and laps around the ring */
	for (unsigned int i = 1; i < 100; i++) {
		const unsigned int size = i % 3 == 2 ? 8 : 4, offset = i % 3 == 1 ? 4 : 0;

		rig_begin(&rig, 0);
		rig_fence(&rig, 0, RIG_FENCE(0), i);
		index = rig_queue(&rig, 1, 0, 0);
		lqt_write(&rig.m, size, RIG_BAR0 + LOOM_DOORBELL(1) + offset, i * 0x1000001ull);
		if (rig_outcome(&rig, 1, index) != LOOM_OUTCOME_OK || rig_word(&rig, RIG_FENCE(0)) != i)
			break;
	}
	tap_ok(index == 99 && rig_word(&rig, RIG_FENCE(0)) == 99,
	       "ioeventfd=%s: doorbells of 4 and 8 bytes with any value", ioeventfd);

	/* a masked vector waits in the PBA */
	lqt_write(&rig.m, 4, RIG_BAR4 + 16 * 2 + 12, 1);
	rig_word_set(&rig, RIG_MSI(2), 0);
	index = rig_submit(&rig, 1, 0);
	LQT_UNTIL(&rig.m, lqt_read(&rig.m, 8, RIG_BAR4 + 0x800) & 1 << 2);
	tap_ok(!rig_word(&rig, RIG_MSI(2)), "ioeventfd=%s: a masked vector is pending", ioeventfd);
	lqt_write(&rig.m, 4, RIG_BAR4 + 16 * 2 + 12, 0);
	LQT_UNTIL(&rig.m, rig_word(&rig, RIG_MSI(2)));
	tap_ok(rig_word(&rig, RIG_MSI(2)) == 0x1002, "ioeventfd=%s: unmasked it is sent", ioeventfd);
	tap_ok(rig_stop(&rig), "ioeventfd=%s: QEMU ends", ioeventfd);
}

/* Endless work on all rings: fills of AREA with ever other values. */
static void work_begin(struct rig *rig)
{
	for (unsigned int r = 0; r < WORKERS; r++) {
		const uint32_t area = RIG_DATA + r * AREA_BYTES;

		rig_begin(rig, r);
		for (unsigned int i = 0; i < FILLS; i++)
			rig_fill(rig, r, area, AREA_WORDS, 0x01010101 * (i % 255 + 1));
		memset(rig->m.ram + area, 0, AREA_BYTES);
		rig_submit(rig, r, r);
	}
	/* each has written something */
	for (unsigned int r = 0; r < WORKERS; r++)
		LQT_UNTIL(&rig->m, rig_word(rig, RIG_DATA + r * AREA_BYTES));
}

static bool working(struct rig *rig)
{
	for (unsigned int r = 0; r < WORKERS; r++)
		if (rig_retired(rig, r, rig->index[r] - 1))
			return false;
	return true;
}

static bool works_again(struct rig *rig)
{
	static uint64_t value = 0x1000;
	uint64_t index;

	value++;
	rig_begin(rig, 0);
	rig_fence(rig, 0, RIG_FENCE(1), value);
	index = rig_submit(rig, 3, 0);
	return rig_outcome(rig, 3, index) == LOOM_OUTCOME_OK && rig_word(rig, RIG_FENCE(1)) == value;
}

static void flr(struct rig *rig, uint8_t *copy)
{
	uint32_t generation = rig_reg(rig, LOOM_REG_GENERATION);
	bool busy;

	work_begin(rig);
	busy = working(rig);
	rig_flr(rig);
	tap_ok(rig_still(rig, copy), "FLR: no byte changes after it");
	tap_ok(busy, "FLR: the card was at work");
	tap_ok(!(rig_config(rig, 2, 4) & 4) && !(rig_config(rig, 2, rig->msix + 2) & 0x8000),
	       "FLR: no bus master, no MSI-X");
	rig_place(rig, 0, DEVFN);
	tap_ok(rig_reg(rig, LOOM_REG_GENERATION) == generation + 1, "FLR: next generation");
	tap_ok(rig_reg(rig, LOOM_REG_RING(1) + LOOM_RING_STATUS) == 0 &&
	       rig_reg(rig, LOOM_REG_STATUS) == 0, "FLR: all is off");
	rig_setup(rig);
	tap_ok(works_again(rig), "FLR: the card works again");
	for (unsigned int i = 0; i < 30; i++) {
		work_begin(rig);
		rig_flr(rig);
		rig_place(rig, 0, DEVFN);
		rig_setup(rig);
	}
	tap_ok(works_again(rig), "FLR: thirty times at work");
}

static void soft_reset(struct rig *rig, uint8_t *copy)
{
	work_begin(rig);
	rig_set(rig, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	LQT_UNTIL(&rig->m, !(rig_reg(rig, LOOM_REG_STATUS) & LOOM_STATUS_RESETTING));
	tap_ok(rig_still(rig, copy), "soft reset: no byte changes after its end");
	tap_ok(rig_config(rig, 2, rig->msix + 2) & 0x8000, "soft reset: MSI-X stays");
	rig_setup(rig);
	tap_ok(works_again(rig), "soft reset: the card works again");
}

static void system_reset(struct rig *rig, uint8_t *copy)
{
	work_begin(rig);
	if (!lqt_qmp(&rig->m, "system_reset", NULL))
		lqt_bail("no system_reset");
	lqt_event(&rig->m, "RESET", "guest");
	tap_ok(rig_still(rig, copy), "machine reset: no byte changes after it");
	lqt_out(&rig->m, 0xcf8, 0x80000060);
	lqt_out(&rig->m, 0xcfc, (uint32_t)RIG_ECAM | 1);
	rig_place(rig, 0, DEVFN);
	rig_setup(rig);
	tap_ok(works_again(rig), "machine reset: the card works again");
}

static void stopped_machine(struct rig *rig, uint8_t *copy)
{
	work_begin(rig);
	if (!lqt_qmp(&rig->m, "stop", NULL))
		lqt_bail("no stop");
	tap_ok(working(rig) && rig_still(rig, copy), "stopped machine: no byte changes");
	if (!lqt_qmp(&rig->m, "cont", NULL))
		lqt_bail("no cont");
	LQT_UNTIL(&rig->m, memcmp(copy, rig->m.ram, LQT_RAM));
	tap_ok(working(rig), "stopped machine: afterwards the work goes on");
	if (!lqt_qmp(&rig->m, "stop", NULL) || !lqt_qmp(&rig->m, "system_reset", NULL))
		lqt_bail("no stop and system_reset");
	lqt_event(&rig->m, "RESET", "guest");
	if (!lqt_qmp(&rig->m, "cont", NULL))
		lqt_bail("no cont");
	tap_ok(rig_still(rig, copy), "stopped machine: a reset ends the work");
	lqt_out(&rig->m, 0xcf8, 0x80000060);
	lqt_out(&rig->m, 0xcfc, (uint32_t)RIG_ECAM | 1);
	rig_place(rig, 0, DEVFN);
	rig_setup(rig);
	tap_ok(works_again(rig), "stopped machine: the card works again");
}

static void sleeping(struct rig *rig, uint8_t *copy)
{
	const unsigned int ctrl = rig->pm + 4;

	work_begin(rig);
	rig_config_set(rig, 2, ctrl, 3);
	tap_ok(working(rig) && rig_still(rig, copy), "D3hot: no byte changes");
	rig_config_set(rig, 2, ctrl, 0);
	LQT_UNTIL(&rig->m, memcmp(copy, rig->m.ram, LQT_RAM));
	tap_ok(working(rig), "D0: the work goes on");
	for (unsigned int r = 0; r < WORKERS; r++)
		rig_ring_reset(rig, r);
	tap_ok(works_again(rig), "D0: the card works");
}

static void no_bus_master(struct rig *rig, uint8_t *copy)
{
	const uint64_t ring = LOOM_REG_RING(3);
	unsigned int errors = 0;

	work_begin(rig);
	rig_master(rig, false);
	tap_ok(rig_still(rig, copy), "no bus master: no byte changes");
	/* what cannot even be reported to memory stops the ring */
	for (unsigned int r = 0; r < WORKERS; r++) {
		LQT_UNTIL(&rig->m, rig_reg(rig, LOOM_REG_RING(r) + LOOM_RING_ERROR));
		errors += rig_reg(rig, LOOM_REG_RING(r) + LOOM_RING_ERROR) == LOOM_RING_ERROR_BUS;
	}
	tap_ok(errors == WORKERS, "no bus master: the rings stop with a bus error");
	rig_ring_reset(rig, 3);
	rig_begin(rig, 0);
	rig_fence(rig, 0, RIG_FENCE(2), 1);
	rig_submit(rig, 3, 0);
	LQT_UNTIL(&rig->m, rig_reg(rig, ring + LOOM_RING_STATUS) & LOOM_RING_STATUS_ERROR);
	tap_ok(rig_reg(rig, ring + LOOM_RING_ERROR) == LOOM_RING_ERROR_BUS &&
	       !rig_word(rig, RIG_FENCE(2)), "no bus master: a doorbell leads to a bus error");
	rig_master(rig, true);
	for (unsigned int r = 0; r < WORKERS; r++) {
		rig_ring_reset(rig, r);
		rig_set(rig, LOOM_REG_CTX_START, r + 1);
	}
	tap_ok(works_again(rig), "bus master again, rings reset: the card works");
}

static void hang(struct rig *rig)
{
	const uint64_t ring = LOOM_REG_RING(2);
	uint32_t generation = rig_reg(rig, ring + LOOM_RING_GENERATION);
	uint64_t progress, index;

	rig_begin(rig, 1);
	rig_hang(rig, 1);
	rig_fence(rig, 1, RIG_FENCE(3), 1);
	rig_submit(rig, 2, 1);
	LQT_UNTIL(&rig->m, rig_reg(rig, ring + LOOM_RING_STATUS) & LOOM_RING_STATUS_RUNNING);
	tap_ok(works_again(rig), "hang: another ring works meanwhile");
	progress = rig_reg64(rig, ring + LOOM_RING_PROGRESS);
	lqt_clock(&rig->m, 1000000000);
	tap_ok(rig_reg64(rig, ring + LOOM_RING_PROGRESS) == progress && rig_reg(rig, ring +
	       LOOM_RING_STATUS) & LOOM_RING_STATUS_RUNNING, "hang: no progress");
	rig_ring_reset(rig, 2);
	tap_ok(rig_reg(rig, ring + LOOM_RING_GENERATION) == generation + 1, "hang: ring reset");
	rig_begin(rig, 1);
	rig_fence(rig, 1, RIG_FENCE(4), 2);
	index = rig_submit(rig, 2, 1);
	tap_ok(rig_outcome(rig, 2, index) == LOOM_OUTCOME_OK && rig_word(rig, RIG_FENCE(4)) == 2,
	       "hang: the ring works again");
	tap_ok(!rig_word(rig, RIG_FENCE(3)), "hang: nothing after it was executed");
}

int main(void)
{
	uint8_t *copy = malloc(LQT_RAM);
	struct rig rig;

	if (!copy)
		lqt_bail("no memory");
	tap_group(4, "completion, fence and interrupt in order");
	end_to_end("off");
	end_to_end("on");

	rig_start(&rig, LQT_QTEST, CARD ",threads=2", NULL);
	rig_place(&rig, 0, DEVFN);
	rig_setup(&rig);
	tap_group(9, "hangs and resets at work");
	hang(&rig);
	tap_group(10, "power and bus master at work");
	sleeping(&rig, copy);
	no_bus_master(&rig, copy);
	tap_group(9, "hangs and resets at work");
	soft_reset(&rig, copy);
	flr(&rig, copy);
	tap_group(11, "stopped machine");
	stopped_machine(&rig, copy);
	system_reset(&rig, copy);
	work_begin(&rig);
	tap_ok(rig_stop(&rig), "QEMU ends while the card works");
	free(copy);
	return tap_done();
}
