// SPDX-License-Identifier: MIT
/*
 * The card at rest: identity, register accesses of every size, BARs,
 * capabilities, properties.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "rig.h"
#include "../core/tap.h"

#define CARD		"loom,id=card,addr=2.0,rings=5,contexts=77,local-size=4M,serial=T-0042"
#define DEVFN		(2 << 3)

static void identity(struct rig *rig)
{
	char serial[33] = { 0 };

	tap_ok(rig_config(rig, 4, 0x00) == (LOOM_PCI_DEVICE << 16 | LOOM_PCI_VENDOR), "vendor, device");
	tap_ok(rig_config(rig, 4, 0x08) == (LOOM_PCI_CLASS << 16 | LOOM_VERSION_MAJOR),
	       "class, revision");
	tap_ok(rig_reg(rig, LOOM_REG_MAGIC) == LOOM_MAGIC, "magic");
	tap_ok(rig_reg(rig, LOOM_REG_VERSION) >> 16 == LOOM_VERSION_MAJOR, "version");
	tap_ok(rig_reg(rig, LOOM_REG_NUM_RINGS) == 5, "rings");
	tap_ok(rig_reg(rig, LOOM_REG_NUM_CONTEXTS) == 77, "contexts");
	tap_ok(rig_reg(rig, LOOM_REG_NUM_VECTORS) == 6, "vectors: one per ring and one");
	tap_ok(rig_reg64(rig, LOOM_REG_LOCAL_SIZE) == 4 << 20, "local memory");
	tap_ok(rig_reg64(rig, LOOM_REG_PAGE_SIZES) == (LOOM_PAGE_SIZE | LOOM_PAGE_SIZE_2M),
	       "page sizes");
	tap_ok(!(rig_reg64(rig, LOOM_REG_FEATURES) & LOOM_FEATURE_DEBUG), "no HANG unless asked for");
	for (unsigned int i = 0; i < 32; i += 8) {
		uint64_t part = rig_reg64(rig, LOOM_REG_SERIAL + i);

		memcpy(serial + i, &part, 8);
	}
	tap_ok(!strcmp(serial, "T-0042"), "serial number");
}

static void accesses(struct rig *rig)
{
	/* registers that a read does not change, with what is around them */
	static const uint32_t ranges[][2] = {
		{ 0x0000, 0x0118 }, { 0x0120, 0x0200 }, { 0x1000, 0x1500 }, { 0x2000, 0x2050 },
		{ 0x3000, 0x3030 }, { 0x4000, 0x4060 }, { 0x5000, 0x5040 }, { 0x6000, 0x6040 },
		{ LOOM_REG_RING(0), LOOM_REG_RING(0) + 0xa0 },
		{ LOOM_REG_RING(5), LOOM_REG_RING(5) + 0xa0 },
		{ LOOM_DOORBELL(0), LOOM_DOORBELL(0) + 0x20 },
		{ LOOM_DOORBELL(63), LOOM_DOORBELL(63) + 0x20 },
		{ LOOM_BAR_REGS_SIZE - 0x40, LOOM_BAR_REGS_SIZE },
	};
	unsigned int halves = 0, small = 0, changed = 0;

	for (unsigned int i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		for (uint32_t at = ranges[i][0]; at < ranges[i][1]; at += 8) {
			uint64_t whole = rig_reg64(rig, at);
			uint64_t low = rig_reg(rig, at), high = rig_reg(rig, at + 4);

			halves += whole != (low | high << 32);
			for (unsigned int size = 1; size <= 2; size++)
				for (unsigned int k = 0; k < 8; k += size) {
					small += lqt_read(&rig->m, size, RIG_BAR0 + at + k) != 0;
					lqt_write(&rig->m, size, RIG_BAR0 + at + k, 0xffff);
				}
			for (unsigned int k = 1; k < 4; k++)
				lqt_write(&rig->m, 4, RIG_BAR0 + at + k, 0xffffffff);
			changed += rig_reg64(rig, at) != whole;
		}
	tap_ok(!halves, "8 bytes are two times 4, low first");
	tap_ok(!small, "reads of 1 and 2 bytes give zero");
	tap_ok(!changed, "writes of 1 and 2 bytes and misaligned ones change nothing");

	changed = 0;
	for (uint32_t at = 0; at < LOOM_REG_FEATURES_ACK; at += 8) {
		uint64_t whole = rig_reg64(rig, at);

		rig_set64(rig, at, ~0ull);
		rig_set(rig, at, 0);
		rig_set(rig, at + 4, 0);
		changed += rig_reg64(rig, at) != whole;
	}
	tap_ok(!changed, "identity is read only");
	changed = 0;
	for (uint32_t at = 0x5000; at < 0x7000; at += 0x200) {
		rig_set64(rig, at, ~0ull);
		changed += rig_reg64(rig, at) != 0;
	}
	tap_ok(!changed, "what is not there reads zero");

	rig_set(rig, LOOM_REG_CTX_BASE, 0x12345000);
	tap_ok(rig_reg64(rig, LOOM_REG_CTX_BASE) == 0, "a low half waits for the high half");
	rig_set(rig, LOOM_REG_CTX_BASE + 4, 0x7);
	tap_ok(rig_reg64(rig, LOOM_REG_CTX_BASE) == 0x712345000, "the high half makes both valid");
	tap_ok(rig_reg(rig, LOOM_REG_MAGIC) == LOOM_MAGIC, "the card still answers");
}

static uint32_t bar_mask(struct rig *rig, unsigned int offset)
{
	uint32_t old = rig_config(rig, 4, offset), mask;

	rig_config_set(rig, 4, offset, 0xffffffff);
	mask = rig_config(rig, 4, offset);
	rig_config_set(rig, 4, offset, old);
	return mask;
}

static void bars(struct rig *rig)
{
	tap_ok(bar_mask(rig, 0x10) == (0xff000000 | 0x4), "BAR0: 16 MiB, 64-bit");
	tap_ok(bar_mask(rig, 0x14) == 0xffffffff, "BAR0: upper half");
	tap_ok(bar_mask(rig, 0x18) == (0xffc00000 | 0xc), "BAR2: 4 MiB, 64-bit, prefetchable");
	tap_ok((bar_mask(rig, 0x20) & 0xf) == 0, "BAR4: 32-bit");
	tap_ok(bar_mask(rig, 0x24) == 0, "no BAR5");
	lqt_write(&rig->m, 8, RIG_BAR2 + (4 << 20) - 8, 0x1122334455667788);
	tap_ok(lqt_read(&rig->m, 8, RIG_BAR2 + (4 << 20) - 8) == 0x1122334455667788 &&
	       lqt_read(&rig->m, 1, RIG_BAR2 + (4 << 20) - 8) == 0x88, "local memory remembers");
}

static void capabilities(struct rig *rig)
{
	uint32_t at;

	tap_ok(rig_config(rig, 2, 0x06) & 0x10, "capability list");
	tap_ok((rig_config(rig, 2, rig->exp + 2) >> 4 & 0xf) == 9, "PCIe: integrated endpoint");
	tap_ok(rig_config(rig, 4, rig->exp + 4) & 1u << 28, "PCIe: function level reset");
	tap_ok((rig_config(rig, 2, rig->msix + 2) & 0x7ff) == 5, "MSI-X: six vectors");
	tap_ok((rig_config(rig, 4, rig->msix + 4) & 7) == LOOM_BAR_MSIX &&
	       (rig_config(rig, 4, rig->msix + 8) & 7) == LOOM_BAR_MSIX, "MSI-X: in BAR4");
	for (at = 0x100; at && (rig_config(rig, 4, at) & 0xffff) != 1;)
		at = rig_config(rig, 4, at) >> 20;
	tap_ok(at, "advanced error reporting");
}

static void power(struct rig *rig)
{
	const unsigned int ctrl = rig->pm + 4;

	rig_set64(rig, LOOM_REG_CTX_BASE, 0x1000);
	rig_config_set(rig, 2, ctrl, 3);
	tap_ok((rig_config(rig, 2, ctrl) & 3) == 3, "D3hot");
	tap_ok(rig_reg(rig, LOOM_REG_MAGIC) != LOOM_MAGIC, "no register answers in D3hot");
	rig_config_set(rig, 2, ctrl, 1);
	tap_ok((rig_config(rig, 2, ctrl) & 3) == 3, "D1 is ignored");
	rig_config_set(rig, 2, ctrl, 0);
	tap_ok(rig_reg64(rig, LOOM_REG_CTX_BASE) == 0x1000, "D0: nothing is lost");

	rig_config_set(rig, 2, ctrl, 3);
	rig_flr(rig);
	tap_ok((rig_config(rig, 2, ctrl) & 3) == 0, "FLR in D3hot leads to D0");
	rig_master(rig, false);
	tap_ok(rig_config(rig, 4, 0x10) == 0x4, "FLR clears the BARs");
	rig_place(rig, 0, DEVFN);
	tap_ok(rig_reg64(rig, LOOM_REG_CTX_BASE) == 0, "FLR clears registers");
}

static void properties(void)
{
	static const char *const refused[][2] = {
		{ "loom,rings=0", "rings=0: must be 1 to 64" },
		{ "loom,rings=65", "rings=65: must be 1 to 64" },
		{ "loom,contexts=0", "contexts=0: must be 1 to 4096" },
		{ "loom,contexts=4097", "contexts=4097: must be 1 to 4096" },
		{ "loom,rings=2,vectors=4", "vectors=4: must be 1 to rings + 1, which is 3" },
		{ "loom,local-size=3M", "local-size=3145728: must be a power of two" },
		{ "loom,local-size=512K", "local-size=524288: must be a power of two" },
		{ "loom,local-size=2T", "must be a power of two from 1M to 1T" },
		{ "loom,scratch-size=1M", "scratch-size=1048576: must be at least 16M" },
		{ "loom,threads=257", "threads=257: must be 0 to 256" },
		{ "loom,threads=-2", "threads=-2: must be 0 to 256" },
		{ "loom,spin-us=-3", "spin-us=-3: must be 0 to 1000000" },
		{ "loom,serial=12345678901234567890123456789012", "must be at most 31 printable" },
		{ "loom,serial=a b", "must be at most 31 printable" },
		{ "loom,profile=x", "profile=x: must be loom1 or tpuv1" },
		{ "loom,isa=x", "isa=x: this host can run: " },
		{ "loom,x-vendor-id=0xffff", "x-vendor-id=0xffff: no device has this" },
	};
	struct rig rig;

	for (unsigned int i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		tap_ok(lqt_refused(refused[i][0], refused[i][1]), "refused: -device %s", refused[i][0]);

	rig_start(&rig, LQT_QTEST, "loom,addr=2.0,rings=64,contexts=4096,vectors=1,local-size=0,"
		  "threads=0,spin-us=0,isa=reference,ioeventfd=on,profile=tpuv1,x-debug=on,"
		  "x-features-mask=0x4,x-vendor-id=0x1af4,x-device-id=0x10f0", NULL);
	rig_place(&rig, 0, DEVFN);
	rig_master(&rig, true);
	tap_ok(rig_config(&rig, 4, 0) == 0x10f01af4, "other IDs");
	tap_ok(rig_reg(&rig, LOOM_REG_NUM_RINGS) == 64 && rig_reg(&rig, LOOM_REG_NUM_CONTEXTS) == 4096,
	       "most rings and contexts");
	tap_ok((rig_config(&rig, 2, rig.msix + 2) & 0x7ff) == 0 &&
	       rig_reg(&rig, LOOM_REG_NUM_VECTORS) == 1, "one vector");
	tap_ok(rig_reg64(&rig, LOOM_REG_LOCAL_SIZE) == 0 && bar_mask(&rig, 0x18) == 0,
	       "no local memory, no BAR2");
	tap_ok(rig_reg(&rig, LOOM_REG_PROFILE) == LOOM_PROFILE_TPUV1, "profile");
	tap_ok(rig_reg64(&rig, LOOM_REG_FEATURES) == LOOM_FEATURE_DEBUG, "masked features");
	tap_ok(rig_stop(&rig), "QEMU ends");
}

int main(void)
{
	struct rig rig;

	rig_start(&rig, LQT_QTEST, CARD, NULL);
	rig_place(&rig, 0, DEVFN);
	rig_master(&rig, true);
	tap_group(1, "identity and registers");
	identity(&rig);
	accesses(&rig);
	tap_group(2, "BARs and capabilities");
	bars(&rig);
	capabilities(&rig);
	tap_group(10, "power");
	power(&rig);
	tap_ok(rig_stop(&rig), "QEMU ends");
	tap_group(18, "properties");
	properties();
	return tap_done();
}
