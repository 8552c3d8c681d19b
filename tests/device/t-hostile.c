// SPDX-License-Identifier: MIT
/*
 * A guest that writes anything anywhere: registers, configuration space, MSI-X
 * table, rings, page tables and commands, while the card works. Nothing it does
 * may end QEMU or make it hang, and after a reset the card is as new.
 *
 * LOOM_SEED repeats a run, LOOM_STEPS makes it longer.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "../core/tap.h"

#define DEVFN		(2 << 3)
#define STEPS		20000

static uint64_t state;

static uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint64_t below(uint64_t n)
{
	return next() % n;
}

/* Mostly what makes sense somewhere: an address of each kind, a small number, a bit. */
static uint64_t value(void)
{
	static const uint64_t bases[] = {
		RIG_DESC(0), RIG_CQ(0), RIG_INDEX(0), RIG_CONTEXTS, RIG_FAULTS, RIG_TABLES, RIG_CMD(0),
		RIG_DATA, RIG_BAR0, RIG_BAR2, RIG_BAR4, RIG_HOLE, RIG_ROM, LQT_RAM - 4096,
		LQT_RAM, 0xfee00000, UINT64_MAX - 4095,
	};

	switch (below(6)) {
	case 0:
		return bases[below(sizeof(bases) / sizeof(bases[0]))];
	case 1:
		return bases[below(sizeof(bases) / sizeof(bases[0]))] + below(8192);
	case 2:
		return below(20);
	case 3:
		return 1ull << below(64);
	case 4:
		return below(2) - 1;
	default:
		return next();
	}
}

static uint64_t reg(void)
{
	switch (below(8)) {
	case 0:
		return below(0x200);
	case 1:
		return 0x1000 + below(0x600);
	case 2:
		return 0x2000 + below(0x60);
	case 3:
		return 0x3000 + below(0x40);
	case 4:
	case 5:
		return LOOM_REG_RING(below(5)) + below(0xa0);
	case 6:
		return LOOM_DOORBELL(below(5)) + below(16);
	default:
		return below(LOOM_BAR_REGS_SIZE);
	}
}

/* Memory that the card reads. */
static uint64_t place(void)
{
	static const uint32_t areas[][2] = {
		{ RIG_DESC(0), 0x4000 }, { RIG_INDEX(0), 0x4000 }, { RIG_CONTEXTS, 0x400 },
		{ RIG_TABLES, 0x3000 }, { RIG_CMD(0), 0x400 }, { RIG_CMD(1), 0x400 },
	};
	unsigned int i = (unsigned int)below(sizeof(areas) / sizeof(areas[0]));

	return areas[i][0] + below(areas[i][1] / 8) * 8;
}

static void work(struct rig *rig)
{
	unsigned int ring = (unsigned int)below(4), cmd = (unsigned int)below(2);

	rig_begin(rig, cmd);
	rig_fill(rig, cmd, below(4) ? RIG_DATA : value(), (uint32_t)below(100000), (uint32_t)next());
	rig_copy(rig, cmd, RIG_DATA, below(4) ? RIG_VA_LOCAL : value(), (uint32_t)below(100000));
	rig_fence(rig, cmd, below(4) ? RIG_FENCE(0) : value(), next());
	if (!below(8))
		rig_hang(rig, cmd);
	rig_submit(rig, ring, cmd);
}

static void step(struct rig *rig)
{
	const unsigned int size = 1u << below(4), wide = below(2) ? 8 : 4;
	uint64_t at;

	switch (below(16)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
	case 5:
		at = reg() & ~(uint64_t)(wide - 1);
		lqt_write(&rig->m, wide, RIG_BAR0 + at, value());
		break;
	case 6:
		lqt_write(&rig->m, size, RIG_BAR0 + reg(), value());
		break;
	case 7:
		lqt_read(&rig->m, size, RIG_BAR0 + reg() % (LOOM_BAR_REGS_SIZE - 8));
		break;
	case 8:
	case 9:
		rig_word_set(rig, place(), value());
		break;
	case 10:
		lqt_write(&rig->m, 4, RIG_BAR4 + below(0x100) * 4, (uint32_t)value());
		break;
	case 11:
		at = below(2) ? below(0x40) : below(0x200);
		rig_config_set(rig, below(2) ? 4 : 2, (unsigned int)at & ~3u, (uint32_t)value());
		break;
	case 12:
		if (below(10))
			break;
		rig_flr(rig);
		rig_place(rig, 0, DEVFN);
		rig_setup(rig);
		break;
	default:
		work(rig);
	}
}

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}

static void hostile(const char *name, enum lqt_accel accel, const char *device,
		    const char *const *args, unsigned long steps)
{
	struct rig rig;
	uint64_t index;

	rig_start(&rig, accel, device, args);
	rig_place(&rig, 0, DEVFN);
	rig_setup(&rig);
	for (unsigned long i = 0; i < steps; i++) {
		/* back to a card that does something, every now and then */
		if (i % 500 == 499) {
			rig_flr(&rig);
			rig_place(&rig, 0, DEVFN);
			rig_setup(&rig);
		}
		step(&rig);
	}
	rig_flr(&rig);
	rig_place(&rig, 0, DEVFN);
	rig_setup(&rig);
	rig_begin(&rig, 0);
	rig_fence(&rig, 0, RIG_FENCE(5), 0x600d);
	index = rig_submit(&rig, 1, 0);
	tap_ok(rig_outcome(&rig, 1, index) == LOOM_OUTCOME_OK && rig_word(&rig, RIG_FENCE(5)) == 0x600d,
	       "%s: after %lu steps and FLR the card is as new", name, steps);
	tap_ok(rig_stop(&rig), "%s: QEMU ends", name);
}

int main(void)
{
	static const char *const iommu[] = { "-device", "intel-iommu", NULL };
	unsigned long steps = number("LOOM_STEPS", STEPS);

	state = number("LOOM_SEED", 1);
	printf("# LOOM_SEED=%" PRIu64 "\n", state);
	hostile("plain writes", LQT_QTEST,
		"loom,addr=2.0,rings=5,local-size=4M,threads=2,x-debug=on,ioeventfd=off", NULL, steps);
	hostile("ioeventfd", LQT_QTEST,
		"loom,addr=2.0,rings=5,local-size=4M,threads=0,x-debug=on,ioeventfd=on", NULL, steps);
	hostile("TCG, IOMMU", LQT_TCG,
		"loom,addr=2.0,rings=5,local-size=4M,threads=1,x-debug=on", iommu, steps / 2);
	return tap_done();
}
