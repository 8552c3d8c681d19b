// SPDX-License-Identifier: MIT
/*
 * The card and the rest of the machine: what it may reach, behind a virtual
 * IOMMU, and being unplugged.
 */
#include <endian.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "rig.h"
#include "../core/tap.h"

#define CARD		"loom,id=card,addr=2.0,rings=4,local-size=4M,threads=2"
#define DEVFN		(2 << 3)

#define IOMMU		0xfed90000ull
#define IOMMU_GCMD	(IOMMU + 0x18)
#define IOMMU_GSTS	(IOMMU + 0x1c)
#define IOMMU_RTADDR	(IOMMU + 0x20)
#define IOMMU_FSTS	(IOMMU + 0x34)
#define IOMMU_FECTL	(IOMMU + 0x38)
#define IOMMU_FEDATA	(IOMMU + 0x3c)
#define IOMMU_FEADDR	(IOMMU + 0x40)
#define IOMMU_REACH	(32u << 20)	/* what is mapped, one to one */

/* The latest fault record. */
static struct loom_fault fault(struct rig *rig)
{
	uint64_t n = rig_reg64(rig, LOOM_REG_FAULT_WRITE);
	struct loom_fault record = { 0 };

	if (n)
		memcpy(&record, rig->m.ram + RIG_FAULTS + ((n - 1) & 15) * sizeof(record),
		       sizeof(record));
	rig_set64(rig, LOOM_REG_FAULT_READ, n);
	return record;
}

/* Run command buffer 0 on ring 1; true if it faults so. */
static bool faults(struct rig *rig, unsigned int code, unsigned int access, uint64_t va)
{
	uint64_t before = rig_reg64(rig, LOOM_REG_FAULT_WRITE);
	uint64_t index = rig_submit(rig, 1, 0);
	unsigned int outcome = rig_outcome(rig, 1, index);
	struct loom_fault record = fault(rig);

	/* for the next one */
	rig_set(rig, LOOM_REG_CTX_START, 2);
	if (outcome == LOOM_OUTCOME_FAULT && record.code == code && record.access == access &&
	    record.va == va && record.context == 2 && record.ring == 1 && record.index == index &&
	    rig_reg64(rig, LOOM_REG_FAULT_WRITE) == before + 1)
		return true;
	tap_ok(false, "outcome %u, code %u, access %u, va 0x%llx", outcome, record.code, record.access,
	       (unsigned long long)record.va);
	return false;
}

static bool fill_faults(struct rig *rig, uint64_t va)
{
	rig_begin(rig, 0);
	rig_fill(rig, 0, va, 64, 0xffffffff);
	return faults(rig, LOOM_FAULT_BUS, LOOM_ACCESS_WRITE, va);
}

static bool read_faults(struct rig *rig, uint64_t va)
{
	rig_begin(rig, 0);
	rig_copy(rig, 0, RIG_DATA, va, 64);
	return faults(rig, LOOM_FAULT_BUS, LOOM_ACCESS_READ, va);
}

static void reach(void)
{
	static const uint8_t halt[] = { 0xf4, 0xeb, 0xfd };
	struct loom_ctx_entry *entry;
	struct rig rig;
	uint64_t at;

	rig_start(&rig, LQT_QTEST, CARD, NULL);
	rig_place(&rig, 0, DEVFN);
	rig_setup(&rig);
	tap_ok(fill_faults(&rig, RIG_VA_BAR0 + LOOM_REG_CTX_BASE), "a write to its own registers faults");
	tap_ok(rig_reg64(&rig, LOOM_REG_CTX_BASE) == RIG_CONTEXTS, "... and changes none");
	LQT_UNTIL(&rig.m, rig_word(&rig, RIG_MSI(0)));
	tap_ok(rig_word(&rig, RIG_MSI(0)) == 0x1000 &&
	       rig_reg64(&rig, LOOM_REG_IRQ_STATUS) & LOOM_IRQ_FAULT, "... and raises vector 0");
	tap_ok(read_faults(&rig, RIG_VA_BAR0), "a read of its own registers faults");
	tap_ok(fill_faults(&rig, RIG_VA_HOLE) && read_faults(&rig, RIG_VA_HOLE),
	       "so does what no device answers");
	tap_ok(fill_faults(&rig, RIG_VA_ROM + 0x1ffe00), "so does a write to ROM");
	rig_begin(&rig, 0);
	rig_copy(&rig, 0, RIG_DATA, RIG_VA_ROM + 0x1ffff0, 4);
	tap_ok(rig_outcome(&rig, 1, rig_submit(&rig, 1, 0)) == LOOM_OUTCOME_OK &&
	       !memcmp(rig.m.ram + RIG_DATA, halt, sizeof(halt)), "ROM can be read");
	rig_begin(&rig, 0);
	rig_fill(&rig, 0, RIG_VA_BAR2 + 0x3000, 8, 0xabcd0123);
	rig_copy(&rig, 0, RIG_DATA, RIG_VA_LOCAL + 0x3000, 8);
	tap_ok(rig_outcome(&rig, 1, rig_submit(&rig, 1, 0)) == LOOM_OUTCOME_OK &&
	       rig_word(&rig, RIG_DATA + 24) == 0xabcd0123abcd0123,
	       "its local memory is memory over the bus, too");

	/* a message is a write like any other, and the main loop's */
	lqt_write(&rig.m, 4, RIG_BAR4 + 16 * 2, RIG_BAR0 + LOOM_REG_CTX_COUNT);
	lqt_write(&rig.m, 4, RIG_BAR4 + 16 * 2 + 8, 3);
	rig_begin(&rig, 0);
	rig_fence(&rig, 0, RIG_FENCE(0), 1);
	for (unsigned int i = 0; i < 20; i++)
		rig_outcome(&rig, 1, rig_submit(&rig, 1, 0));
	tap_ok(rig_word(&rig, RIG_FENCE(0)) == 1 && (rig_reg(&rig, LOOM_REG_CTX_COUNT) == 16 ||
	       rig_reg(&rig, LOOM_REG_CTX_COUNT) == 3), "an interrupt to its own registers is harmless");
	rig_set(&rig, LOOM_REG_CTX_COUNT, 16);

	entry = (void *)(rig.m.ram + RIG_CONTEXTS + 2 * sizeof(*entry));
	entry->root = htole64(RIG_HOLE);
	entry->tag = htole32(7);
	tap_ok(faults(&rig, LOOM_FAULT_TABLE_BUS, LOOM_ACCESS_FETCH, RIG_CMD(0)),
	       "a page table must be in memory");
	for (unsigned int i = 0; i < 3; i++) {
		static const uint64_t base[] = { RIG_HOLE, RIG_BAR0, RIG_BAR0 };
		static const unsigned int reg[] = { LOOM_RING_BASE, LOOM_RING_CQ_BASE,
						    LOOM_RING_WRITE_ADDR };
		static const char *const name[] = { "descriptors", "completions", "write index" };

		at = LOOM_REG_RING(3);
		rig_ring_reset(&rig, 3);
		rig_set(&rig, at + LOOM_RING_CTRL, 0);
		LQT_UNTIL(&rig.m, !rig_reg(&rig, at + LOOM_RING_STATUS));
		rig_set64(&rig, at + reg[i], base[i]);
		rig_set(&rig, at + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE);
		rig_begin(&rig, 0);
		rig_submit(&rig, 3, 0);
		LQT_UNTIL(&rig.m, rig_reg(&rig, at + LOOM_RING_ERROR));
		tap_ok(rig_reg(&rig, at + LOOM_RING_ERROR) == LOOM_RING_ERROR_BUS,
		       "a ring's %s must be in memory", name[i]);
	}
	tap_ok(rig_stop(&rig), "QEMU ends");
}

/* ---- virtual IOMMU ------------------------------------------------------------ */

static void iommu_enable(struct rig *rig)
{
	const uint32_t root = RIG_IOMMU, context = root + 0x1000, l3 = root + 0x2000;
	const uint32_t l2 = root + 0x3000;

	memset(rig->m.ram + root, 0, 0x4000);
	rig_word_set(rig, root + 16 * rig->bus, context | 1);
	rig_word_set(rig, context + 16 * rig->devfn, l3 | 1);
	rig_word_set(rig, context + 16 * rig->devfn + 8, 1 << 8 | 1);	/* domain 1, 39 bits */
	rig_word_set(rig, l3, l2 | 3);
	for (uint32_t at = 0; at < IOMMU_REACH; at += LOOM_PAGE_SIZE_2M)
		rig_word_set(rig, l2 + 8 * (at >> 21), at | 1 << 7 | 3);
	lqt_write(&rig->m, 4, IOMMU_FEDATA, 0x41);
	lqt_write(&rig->m, 4, IOMMU_FEADDR, 0xfee00000);
	lqt_write(&rig->m, 4, IOMMU_FECTL, 0);
	lqt_write(&rig->m, 8, IOMMU_RTADDR, root);
	lqt_write(&rig->m, 4, IOMMU_GCMD, 1u << 30);
	LQT_UNTIL(&rig->m, lqt_read(&rig->m, 4, IOMMU_GSTS) & 1u << 30);
	lqt_write(&rig->m, 4, IOMMU_GCMD, 1u << 31);
	LQT_UNTIL(&rig->m, lqt_read(&rig->m, 4, IOMMU_GSTS) & 1u << 31);
}

/* All rings with endless work, each packet of many pages: translations all the time. */
static void work_begin(struct rig *rig)
{
	for (unsigned int r = 0; r < 4; r++) {
		const uint32_t area = RIG_DATA + r * (4 << 20);

		rig_begin(rig, r);
		for (unsigned int i = 0; i < 2500; i++)
			rig_fill(rig, r, area, 1 << 20, 0x01010101 * (i % 255 + 1));
		rig_word_set(rig, area, 0);
		rig_submit(rig, r, r);
	}
	for (unsigned int r = 0; r < 4; r++)
		LQT_UNTIL(&rig->m, rig_word(rig, RIG_DATA + r * (4 << 20)));
}

static uint8_t copy[LQT_RAM];

/* The processor is TCG's: QEMU aborts if a fault interrupts it from a wrong thread. */
static void iommu(void)
{
	static const char *const args[] = { "-device", "intel-iommu", NULL };
	bool still = true;
	struct rig rig;

	rig_start(&rig, LQT_TCG, CARD, args);
	rig_place(&rig, 0, DEVFN);
	iommu_enable(&rig);
	rig_setup(&rig);
	rig_begin(&rig, 0);
	rig_fill(&rig, 0, RIG_DATA, 1 << 20, 0x5a5a5a5a);
	rig_fence(&rig, 0, RIG_FENCE(0), 1);
	tap_ok(rig_outcome(&rig, 1, rig_submit(&rig, 1, 0)) == LOOM_OUTCOME_OK &&
	       rig_word(&rig, RIG_FENCE(0)) == 1 &&
	       rig_word(&rig, RIG_DATA + (4 << 20) - 8) == 0x5a5a5a5a5a5a5a5a,
	       "IOMMU: what it maps can be written");
	LQT_UNTIL(&rig.m, rig_word(&rig, RIG_MSI(2)));
	tap_ok(rig_word(&rig, RIG_MSI(2)) == 0x1002, "IOMMU: interrupt");
	for (unsigned int i = 0; i < 100; i++)
		if (!fill_faults(&rig, IOMMU_REACH + i * 4096ull) ||
		    !read_faults(&rig, IOMMU_REACH + i * 4096ull))
			break;
	tap_ok(rig_reg64(&rig, LOOM_REG_FAULT_WRITE) == 200, "IOMMU: what it does not map faults");
	tap_ok(lqt_read(&rig.m, 4, IOMMU_FSTS) & 2, "IOMMU: it has recorded that");
	tap_ok(rig_word(&rig, IOMMU_REACH) == 0, "IOMMU: nothing was written");

	for (unsigned int i = 0; i < 30; i++) {
		work_begin(&rig);
		rig_flr(&rig);
		still = still && (i || rig_still(&rig, copy));
		rig_place(&rig, 0, DEVFN);
		rig_setup(&rig);
	}
	tap_ok(still, "IOMMU: FLR at work, thirty times");
	work_begin(&rig);
	for (unsigned int i = 0; i < 30; i++) {
		if (!lqt_qmp(&rig.m, "stop", NULL))
			break;
		still = still && (i || rig_still(&rig, copy));
		if (!lqt_qmp(&rig.m, "cont", NULL))
			break;
	}
	tap_ok(still && !rig_retired(&rig, 1, 0) &&
	       !(rig_reg(&rig, LOOM_REG_RING(1) + LOOM_RING_STATUS) & LOOM_RING_STATUS_ERROR) &&
	       !rig_reg64(&rig, LOOM_REG_FAULT_WRITE), "IOMMU: stopped at work, thirty times");
	tap_ok(rig_stop(&rig), "IOMMU: QEMU ends while the card works");
}

/* ---- hot plug -------------------------------------------------------------------- */

#define PORT_DEVFN	(3 << 3)

static void port_set(struct rig *rig, unsigned int size, unsigned int offset, uint32_t value)
{
	lqt_write(&rig->m, size, RIG_ECAM + (PORT_DEVFN << 12) + offset, value);
}

static uint32_t port(struct rig *rig, unsigned int size, unsigned int offset)
{
	return (uint32_t)lqt_read(&rig->m, size, RIG_ECAM + (PORT_DEVFN << 12) + offset);
}

static unsigned int port_exp(struct rig *rig)
{
	unsigned int at = port(rig, 1, 0x34);

	while (at && port(rig, 1, at) != 0x10)
		at = port(rig, 1, at + 1);
	if (!at)
		lqt_bail("the root port has no PCIe capability");
	return at;
}

static void port_setup(struct rig *rig)
{
	port_set(rig, 4, 0x18, 0x00010100);	/* buses */
	port_set(rig, 4, 0x20, 0xe2f0e000);	/* window: BAR0, BAR4 */
	port_set(rig, 4, 0x24, 0x00f10001);	/* 64-bit window: BAR2 */
	port_set(rig, 4, 0x28, RIG_BAR2 >> 32);
	port_set(rig, 4, 0x2c, RIG_BAR2 >> 32);
	port_set(rig, 2, 0x04, 0x6);
}

static void port_power(struct rig *rig, bool on)
{
	unsigned int control = port_exp(rig) + 0x18;
	uint32_t value = port(rig, 2, control) & ~0x700u;

	/* power indicator and power controller */
	port_set(rig, 2, control, value | (on ? 0x100 : 0x300 | 0x400));
}

/* How often the card is plugged and unplugged: LOOM_PLUG_ROUNDS. */
static unsigned int plug_rounds(void)
{
	const char *text = getenv("LOOM_PLUG_ROUNDS");
	int n = text && *text ? atoi(text) : 40;

	if (n < 3)
		lqt_bail("LOOM_PLUG_ROUNDS=%s: at least 3", text);
	return (unsigned int)n;
}

static void unplug(const char *name, const char *const *args)
{
	const unsigned int rounds = plug_rounds();
	unsigned int threads = 0, files = 0, i;
	bool still = true, gone = true, same = true;
	struct rig rig;

	rig_start(&rig, LQT_QTEST, NULL, args);
	port_setup(&rig);
	for (i = 0; i < rounds; i++) {
		port_power(&rig, true);
		if (!lqt_qmp(&rig.m, "device_add", "{\"driver\":\"loom\",\"id\":\"card\",\"bus\":\"root\","
			     "\"rings\":4,\"local-size\":4194304,\"threads\":2,\"ioeventfd\":\"on\"}"))
			break;
		rig_place(&rig, 1, 0);
		rig_setup(&rig);
		if (i == 1) {
			threads = lqt_threads(&rig.m);
			files = lqt_files(&rig.m);
		} else if (i) {
			same = same && lqt_files(&rig.m) == files;
		}
		work_begin(&rig);
		if (!lqt_qmp(&rig.m, "device_del", "{\"id\":\"card\"}"))
			break;
		port_power(&rig, false);
		lqt_event(&rig.m, "DEVICE_DELETED", "\"card\"");
		still = still && (i % 8 || rig_still(&rig, copy));
		gone = gone && rig_config(&rig, 4, 0) == 0xffffffff;
	}
	tap_ok(i == rounds, "unplugged %s at work, %u times", name, rounds);
	tap_ok(still, "unplugged %s: no byte changes after it", name);
	tap_ok(gone, "unplugged %s: nothing answers", name);
	tap_ok(same && lqt_threads(&rig.m) < threads, "unplugged %s: no thread or file is left", name);
	tap_ok(rig_stop(&rig), "unplugged %s: QEMU ends", name);
}

#define OTHER_BAR2	0x900000000ull

/* A ring whose write index is there keeps it while it is idle. */
static bool index_there(struct rig *rig)
{
	const uint64_t at = LOOM_REG_RING(3), index = OTHER_BAR2 + 0x100;
	uint64_t n;

	rig_ring_reset(rig, 3);
	rig_set(rig, at + LOOM_RING_CTRL, 0);
	LQT_UNTIL(&rig->m, !rig_reg(rig, at + LOOM_RING_STATUS));
	rig_set64(rig, at + LOOM_RING_WRITE_ADDR, index);
	rig_set(rig, at + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE);
	rig_begin(rig, 0);
	rig_fence(rig, 0, RIG_FENCE(0), 1);
	n = rig_queue(rig, 3, 0, 0);
	lqt_write(&rig->m, 8, index, n + 1);
	rig_set(rig, LOOM_DOORBELL(3), 0);
	return rig_outcome(rig, 3, n) == LOOM_OUTCOME_OK && rig_word(rig, RIG_FENCE(0)) == 1;
}

/* So does a packet that writes the same words for a long time. */
static bool result_there(struct rig *rig)
{
	struct loom_pkt_fill p = {
		.value = htole64(0x5a5a5a5a),
		.dst = {
			.va = htole64(RIG_VA_NONE), .dtype = LOOM_DTYPE_U32, .rank = 3,
			.dims = { htole32(1 << 16), htole32(1 << 16), htole32(1 << 16) },
			.strides = { htole64(1), htole64(1), htole64(1) },
		},
	};

	rig_word_set(rig, RIG_TABLES + 0x2000 + 8 * (RIG_VA_NONE >> 21), OTHER_BAR2 | LOOM_PTE_VALID |
		     LOOM_PTE_READ | LOOM_PTE_WRITE | LOOM_PTE_LEAF);
	rig_begin(rig, 0);
	rig_packet(rig, 0, &p.header, LOOM_OP_FILL, sizeof(p));
	rig_submit(rig, 3, 0);
	LQT_UNTIL(&rig->m, lqt_read(&rig->m, 4, OTHER_BAR2) == 0x5a5a5a5a);
	return true;
}

/* Memory of another card: who used it last is a thread of this one, which must not end that card. */
static void neighbour(const char *const *args, const char *name, bool (*use)(struct rig *rig))
{
	const uint64_t other = RIG_ECAM + (1 << 20);
	struct rig rig;

	rig_start(&rig, LQT_QTEST, CARD, args);
	rig_place(&rig, 0, DEVFN);
	rig_setup(&rig);
	port_set(&rig, 4, 0x18, 0x00010100);
	port_set(&rig, 4, 0x20, 0x0000fff0);	/* no window for registers */
	port_set(&rig, 4, 0x24, 0x00f10001);
	port_set(&rig, 4, 0x28, OTHER_BAR2 >> 32);
	port_set(&rig, 4, 0x2c, OTHER_BAR2 >> 32);
	port_set(&rig, 2, 0x04, 0x6);
	port_power(&rig, true);
	if (!lqt_qmp(&rig.m, "device_add", "{\"driver\":\"loom\",\"id\":\"other\",\"bus\":\"root\","
		     "\"rings\":1,\"local-size\":1048576,\"threads\":0}"))
		lqt_bail("no other card");
	lqt_write(&rig.m, 4, other + 0x18, (uint32_t)OTHER_BAR2);
	lqt_write(&rig.m, 4, other + 0x1c, OTHER_BAR2 >> 32);
	lqt_write(&rig.m, 2, other + 0x04, 0x2);

	tap_ok(use(&rig), "%s in another card's memory", name);
	if (!lqt_qmp(&rig.m, "device_del", "{\"id\":\"other\"}"))
		lqt_bail("the other card cannot be unplugged");
	port_power(&rig, false);
	LQT_UNTIL(&rig.m, lqt_read(&rig.m, 4, other) == 0xffffffff);
	/* until nobody else in QEMU remembers that memory */
	for (unsigned int i = 0; i < 30; i++) {
		usleep(10000);
		lqt_read(&rig.m, 4, other);
	}
	rig_ring_reset(&rig, 3);
	lqt_event(&rig.m, "DEVICE_DELETED", "\"other\"");
	tap_ok(true, "... which is gone when the ring lets go of it");
	rig_begin(&rig, 0);
	rig_fence(&rig, 0, RIG_FENCE(0), 2);
	tap_ok(rig_outcome(&rig, 3, rig_submit(&rig, 3, 0)) == LOOM_OUTCOME_OK &&
	       rig_word(&rig, RIG_FENCE(0)) == 2, "... and this card goes on");
	tap_ok(rig_stop(&rig), "QEMU ends");
}

static void refused_unwinds(void)
{
	static const char *const args[] = {
		"-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off", "-device",
		"pcie-root-port,id=root,addr=3.0,chassis=1,slot=1", NULL,
	};
	unsigned int threads, files;
	struct rlimit limit;
	bool refused = true;
	struct rig rig;

	rig_start(&rig, LQT_QTEST, NULL, args);
	threads = lqt_threads(&rig.m);
	files = lqt_files(&rig.m);
	/* the last thing that it needs is what the host has not: a file per doorbell */
	if (prlimit(rig.m.pid, RLIMIT_NOFILE, NULL, &limit))
		lqt_bail("cannot read QEMU's limit of open files");
	limit.rlim_cur = files + 20;
	if (prlimit(rig.m.pid, RLIMIT_NOFILE, &limit, NULL))
		lqt_bail("cannot set QEMU's limit of open files");
	for (unsigned int i = 0; i < 3; i++)
		refused = refused && !lqt_qmp(&rig.m, "device_add", "{\"driver\":\"loom\",\"bus\":\"root\","
					      "\"rings\":64,\"ioeventfd\":\"on\"}");
	tap_ok(refused, "a card that cannot be built is refused");
	tap_ok(lqt_threads(&rig.m) == threads && lqt_files(&rig.m) == files, "... and leaves nothing");
	tap_ok(lqt_qmp(&rig.m, "device_add", "{\"driver\":\"loom\",\"bus\":\"root\"}"),
	       "... and in its place another can be plugged");
	tap_ok(rig_stop(&rig), "QEMU ends");
}

int main(void)
{
	static const char *const plain[] = {
		"-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off", "-device",
		"pcie-root-port,id=root,addr=3.0,chassis=1,slot=1", NULL,
	};
	static const char *const iommued[] = {
		"-device", "intel-iommu",
		"-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off", "-device",
		"pcie-root-port,id=root,addr=3.0,chassis=1,slot=1", NULL,
	};

	tap_group(13, "DMA to what is no memory");
	reach();
	tap_group(12, "virtual IOMMU");
	iommu();
	tap_group(17, "plugged and unplugged, nothing is left");
	unplug("card", plain);
	unplug("card behind an IOMMU", iommued);
	neighbour(plain, "a write index", index_there);
	neighbour(plain, "a result", result_there);
	refused_unwinds();
	return tap_done();
}
