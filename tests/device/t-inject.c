// SPDX-License-Identifier: MIT
/*
 * Faults injected through the monitor and through the register: a hang ends in
 * a ring reset or a device reset, what is lost is found, what is dead comes back.
 */
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "../core/tap.h"

#define CARD		"loom,id=card,addr=2.0,rings=4,local-size=4M,threads=2"
#define DEVFN		(2 << 3)
#define PATH		"\"path\":\"/machine/peripheral/card\",\"property\":\"x-inject\""

static bool inject(struct rig *rig, const char *what)
{
	char args[128];

	snprintf(args, sizeof(args), "{" PATH ",\"value\":\"%s\"}", what);
	return lqt_qmp(&rig->m, "qom-set", args);
}

static bool armed(struct rig *rig, const char *what)
{
	char want[128];

	snprintf(want, sizeof(want), "\"return\": \"%s\"", what);
	return lqt_qmp(&rig->m, "qom-get", "{" PATH "}") && strstr(rig->m.answer, want);
}

static uint64_t reg(unsigned int ring, unsigned int offset)
{
	return LOOM_REG_RING(ring) + offset;
}

static void until_running(struct rig *rig, unsigned int ring)
{
	LQT_UNTIL(&rig->m, rig_reg(rig, reg(ring, LOOM_RING_STATUS)) & LOOM_RING_STATUS_RUNNING);
}

static uint64_t submit(struct rig *rig, unsigned int ring, uint64_t value)
{
	rig_begin(rig, ring);
	rig_fence(rig, ring, RIG_FENCE(ring), value);
	return rig_submit(rig, ring, ring);
}

static unsigned int job(struct rig *rig, unsigned int ring)
{
	static uint64_t value;
	uint64_t index = submit(rig, ring, ++value);
	unsigned int outcome = rig_outcome(rig, ring, index);

	return outcome || rig_word(rig, RIG_FENCE(ring)) == value ? outcome : 99;
}

static void names(struct rig *rig)
{
	static const char *const bad[] = { "", "hang", "hang:ring=4", "hang:ring=x", "dead:ring=1", "x" };
	unsigned int accepted = 0;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		accepted += inject(rig, bad[i]);
	tap_ok(!accepted && armed(rig, ""), "names that are none are refused");
	tap_ok(inject(rig, "lost-irq:ring=1") && inject(rig, "ecc:ring=3") &&
	       armed(rig, "lost-irq:ring=1 ecc:ring=3"), "qom-get tells what is armed");
	tap_ok(inject(rig, "none") && armed(rig, ""), "none disarms");
	tap_ok(job(rig, 3) == LOOM_OUTCOME_OK, "and nothing happens");
	rig_set(rig, LOOM_REG_INJECT, 3 << 8 | LOOM_INJECT_ECC);
	tap_ok(armed(rig, ""), "the register needs x-debug=on");
}

static void hang(struct rig *rig)
{
	uint32_t generation = rig_reg(rig, reg(2, LOOM_RING_GENERATION));
	uint64_t progress;

	tap_ok(inject(rig, "hang:ring=2"), "hang");
	rig_word_set(rig, RIG_FENCE(2), 0);
	submit(rig, 2, 1);
	until_running(rig, 2);
	LQT_UNTIL(&rig->m, armed(rig, ""));
	progress = rig_reg64(rig, reg(2, LOOM_RING_PROGRESS));
	rig_set(rig, LOOM_REG_CTX_STOP, 3);
	for (unsigned int i = 0; i < 20; i++)
		if (job(rig, 1) != LOOM_OUTCOME_OK)
			tap_ok(false, "a job beside it");
	tap_ok(rig_reg64(rig, reg(2, LOOM_RING_PROGRESS)) == progress &&
	       rig_reg(rig, reg(2, LOOM_RING_STATUS)) & LOOM_RING_STATUS_RUNNING &&
	       !rig_retired(rig, 2, 0), "hang: it ignores a context stop, others run");
	rig_ring_reset(rig, 2);
	rig_set(rig, LOOM_REG_CTX_START, 3);
	tap_ok(rig_reg(rig, reg(2, LOOM_RING_GENERATION)) == generation + 1 &&
	       !rig_word(rig, RIG_FENCE(2)), "hang: ended by a ring reset, it has done nothing");
	tap_ok(job(rig, 2) == LOOM_OUTCOME_OK, "hang: the ring is usable");
}

static void hang_device(struct rig *rig)
{
	inject(rig, "hang-device:ring=2");
	submit(rig, 2, 1);
	until_running(rig, 2);
	rig_set(rig, reg(2, LOOM_RING_CTRL), LOOM_RING_CTRL_RESET);
	for (unsigned int i = 0; i < 20; i++)
		if (job(rig, 1) != LOOM_OUTCOME_OK)
			tap_ok(false, "a job beside it");
	tap_ok(rig_reg(rig, reg(2, LOOM_RING_STATUS)) & LOOM_RING_STATUS_RESETTING,
	       "hang-device: the ring reset does not end");
	rig_set(rig, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	LQT_UNTIL(&rig->m, !(rig_reg(rig, LOOM_REG_STATUS) & LOOM_STATUS_RESETTING));
	tap_ok(!rig_reg(rig, reg(2, LOOM_RING_STATUS)), "hang-device: the device reset ends it");
	rig_setup(rig);
	tap_ok(job(rig, 2) == LOOM_OUTCOME_OK, "hang-device: the ring is usable");
	inject(rig, "hang-device:ring=2");
	submit(rig, 2, 1);
	until_running(rig, 2);
	rig_flr(rig);
	rig_place(rig, 0, DEVFN);
	rig_setup(rig);
	tap_ok(job(rig, 2) == LOOM_OUTCOME_OK, "hang-device: FLR ends it, too");
}

static void lost(struct rig *rig)
{
	uint64_t index;

	inject(rig, "lost-irq:ring=1");
	rig_word_set(rig, RIG_MSI(2), 0);
	tap_ok(job(rig, 1) == LOOM_OUTCOME_OK && armed(rig, "") && !rig_word(rig, RIG_MSI(2)),
	       "lost-irq: a completion without its message");
	job(rig, 1);
	LQT_UNTIL(&rig->m, rig_word(rig, RIG_MSI(2)));
	tap_ok(true, "lost-irq: the next has it");

	inject(rig, "lost-doorbell:ring=1");
	index = submit(rig, 1, 0xd00);
	/* a job of another ring has gone through the card since */
	job(rig, 3);
	tap_ok(!rig_retired(rig, 1, index) && armed(rig, ""), "lost-doorbell: it is not seen");
	rig_set(rig, LOOM_DOORBELL(1), 0);
	tap_ok(rig_outcome(rig, 1, index) == LOOM_OUTCOME_OK, "lost-doorbell: the next is");
}

static void errors(struct rig *rig)
{
	const struct loom_fault *record = (void *)(rig->m.ram + RIG_FAULTS);
	uint64_t n = rig_reg64(rig, LOOM_REG_FAULT_WRITE);

	inject(rig, "dma-error:ring=1");
	tap_ok(job(rig, 1) == LOOM_OUTCOME_FAULT && record[n & 15].code == LOOM_FAULT_BUS &&
	       record[n & 15].va == RIG_FENCE(1), "dma-error: a bus fault");
	rig_set(rig, LOOM_REG_CTX_START, 2);
	tap_ok(job(rig, 1) == LOOM_OUTCOME_OK, "dma-error: once");
	inject(rig, "ecc:ring=1");
	tap_ok(job(rig, 1) == LOOM_OUTCOME_HW_ERROR && job(rig, 1) == LOOM_OUTCOME_OK, "ecc: once");
}

static void dead(struct rig *rig)
{
	uint64_t index;

	inject(rig, "dead");
	tap_ok(rig_reg(rig, LOOM_REG_MAGIC) == UINT32_MAX && rig_reg64(rig, reg(1, 0)) == UINT64_MAX &&
	       armed(rig, "dead"), "dead: all ones");
	rig_word_set(rig, RIG_FENCE(1), 0);
	index = submit(rig, 1, 5);
	rig_set(rig, LOOM_REG_CTRL, LOOM_CTRL_RESET);
	lqt_clock(&rig->m, 1000000000);
	tap_ok(!rig_word(rig, RIG_FENCE(1)) && !rig_retired(rig, 1, index) &&
	       rig_config(rig, 4, 0) != UINT32_MAX, "dead: it does nothing, but is on the bus");
	inject(rig, "none");
	tap_ok(rig_outcome(rig, 1, index) == LOOM_OUTCOME_OK && rig_reg(rig, LOOM_REG_MAGIC) == LOOM_MAGIC,
	       "dead: undone, it goes on");
	inject(rig, "dead");
	rig_flr(rig);
	rig_place(rig, 0, DEVFN);
	tap_ok(rig_reg(rig, LOOM_REG_MAGIC) == LOOM_MAGIC, "dead: FLR brings it back");
	rig_setup(rig);
	tap_ok(job(rig, 1) == LOOM_OUTCOME_OK, "dead: it works");
}

static void by_register(void)
{
	struct rig rig;

	rig_start(&rig, LQT_QTEST, CARD ",x-debug=on", NULL);
	rig_place(&rig, 0, DEVFN);
	rig_setup(&rig);
	rig_set(&rig, LOOM_REG_INJECT, 3 << 8 | LOOM_INJECT_ECC);
	tap_ok(armed(&rig, "ecc:ring=3") && job(&rig, 3) == LOOM_OUTCOME_HW_ERROR,
	       "register: the same by number");
	rig_set(&rig, LOOM_REG_INJECT, LOOM_INJECT_DEAD);
	tap_ok(rig_reg(&rig, LOOM_REG_MAGIC) == UINT32_MAX, "register: dead");
	tap_ok(rig_stop(&rig), "QEMU ends with a card that is dead");
}

int main(void)
{
	struct rig rig;

	rig_start(&rig, LQT_QTEST, CARD, NULL);
	rig_place(&rig, 0, DEVFN);
	rig_setup(&rig);
	tap_group(9, "injected faults");
	names(&rig);
	hang(&rig);
	hang_device(&rig);
	lost(&rig);
	errors(&rig);
	dead(&rig);
	inject(&rig, "hang-device:ring=1");
	submit(&rig, 1, 1);
	until_running(&rig, 1);
	tap_ok(rig_stop(&rig), "QEMU ends with a ring that hangs");
	by_register();
	return tap_done();
}
