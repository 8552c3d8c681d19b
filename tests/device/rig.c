// SPDX-License-Identifier: MIT
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"

#define RINGS		4

#define CONFIG_COMMAND	0x04
#define COMMAND_MEMORY	0x2
#define COMMAND_MASTER	0x4

/* ---- configuration space ---------------------------------------------------- */

static uint64_t config_addr(struct rig *rig, unsigned int offset)
{
	return RIG_ECAM + ((uint64_t)rig->bus << 20) + (rig->devfn << 12) + offset;
}

uint32_t rig_config(struct rig *rig, unsigned int size, unsigned int offset)
{
	return (uint32_t)lqt_read(&rig->m, size, config_addr(rig, offset));
}

void rig_config_set(struct rig *rig, unsigned int size, unsigned int offset, uint32_t value)
{
	lqt_write(&rig->m, size, config_addr(rig, offset), value);
}

static unsigned int find_cap(struct rig *rig, unsigned int id)
{
	unsigned int at = rig_config(rig, 1, 0x34);

	for (unsigned int i = 0; at && i < 48; i++) {
		if (rig_config(rig, 1, at) == id)
			return at;
		at = rig_config(rig, 1, at + 1);
	}
	return 0;
}

void rig_master(struct rig *rig, bool on)
{
	rig_config_set(rig, 2, CONFIG_COMMAND, COMMAND_MEMORY | (on ? COMMAND_MASTER : 0));
}

void rig_flr(struct rig *rig)
{
	rig_config_set(rig, 2, rig->exp + 8, rig_config(rig, 2, rig->exp + 8) | 0x8000);
}

/* ---- registers ------------------------------------------------------------------ */

uint32_t rig_reg(struct rig *rig, uint64_t offset)
{
	return (uint32_t)lqt_read(&rig->m, 4, RIG_BAR0 + offset);
}

uint64_t rig_reg64(struct rig *rig, uint64_t offset)
{
	return lqt_read(&rig->m, 8, RIG_BAR0 + offset);
}

void rig_set(struct rig *rig, uint64_t offset, uint32_t value)
{
	lqt_write(&rig->m, 4, RIG_BAR0 + offset, value);
}

void rig_set64(struct rig *rig, uint64_t offset, uint64_t value)
{
	lqt_write(&rig->m, 8, RIG_BAR0 + offset, value);
}

/* ---- memory -------------------------------------------------------------------- */

uint64_t rig_word(struct rig *rig, uint64_t addr)
{
	return le64toh(__atomic_load_n((uint64_t *)(void *)(rig->m.ram + addr), __ATOMIC_ACQUIRE));
}

void rig_word_set(struct rig *rig, uint64_t addr, uint64_t value)
{
	__atomic_store_n((uint64_t *)(void *)(rig->m.ram + addr), htole64(value), __ATOMIC_RELEASE);
}

bool rig_still(struct rig *rig, uint8_t *copy)
{
	static uint64_t sample[LQT_RAM / LOOM_PAGE_SIZE];
	uint64_t word;

	/* At once, what a packet in execution would change within a millisecond ... */
	for (uint64_t at = 0; at < LQT_RAM; at += LOOM_PAGE_SIZE)
		sample[at / LOOM_PAGE_SIZE] = rig_word(rig, at);
	memcpy(copy, rig->m.ram, LQT_RAM);
	for (uint64_t at = 0; at < LQT_RAM; at += LOOM_PAGE_SIZE) {
		memcpy(&word, copy + at, 8);
		if (le64toh(word) != sample[at / LOOM_PAGE_SIZE])
			return false;
	}
	/* ... then everything, for as long as several packets take. */
	for (unsigned int i = 0; i < 10; i++) {
		/* another process writes this memory: compare it each time */
		__asm__ volatile("" ::: "memory");
		if (memcmp(copy, rig->m.ram, LQT_RAM))
			return false;
	}
	return true;
}

/* ---- set-up --------------------------------------------------------------------- */

void rig_move(struct rig *to, const struct rig *from)
{
	struct lqt m = to->m;

	*to = *from;
	to->m = m;
}

void rig_open(struct rig *rig, enum lqt_accel accel, const char *device, const char *const *args)
{
	const char *argv[32];
	unsigned int n = 0;

	memset(rig, 0, sizeof(*rig));
	while (args && *args)
		argv[n++] = *args++;
	if (device) {
		argv[n++] = "-device";
		argv[n++] = device;
	}
	argv[n] = NULL;
	lqt_start(&rig->m, accel, argv);
}

void rig_start(struct rig *rig, enum lqt_accel accel, const char *device, const char *const *args)
{
	rig_open(rig, accel, device, args);
	/* the chipset's PCIEXBAR */
	lqt_out(&rig->m, 0xcf8, 0x80000060);
	lqt_out(&rig->m, 0xcfc, (uint32_t)RIG_ECAM | 1);
}

bool rig_stop(struct rig *rig)
{
	return lqt_stop(&rig->m);
}

void rig_place(struct rig *rig, unsigned int bus, unsigned int devfn)
{
	rig->bus = bus;
	rig->devfn = devfn;
	if ((rig_config(rig, 4, 0x08) >> 16) != LOOM_PCI_CLASS)
		lqt_bail("no card at %02x:%02x.%x", bus, devfn >> 3, devfn & 7);
	rig->pm = find_cap(rig, 0x01);
	rig->exp = find_cap(rig, 0x10);
	rig->msix = find_cap(rig, 0x11);
	if (!rig->pm || !rig->exp || !rig->msix)
		lqt_bail("the card lacks capabilities: PM 0x%x, PCIe 0x%x, MSI-X 0x%x", rig->pm,
			 rig->exp, rig->msix);
	rig_config_set(rig, 4, 0x10, (uint32_t)RIG_BAR0);
	rig_config_set(rig, 4, 0x14, 0);
	rig_config_set(rig, 4, 0x18, (uint32_t)RIG_BAR2);
	rig_config_set(rig, 4, 0x1c, (uint32_t)(RIG_BAR2 >> 32));
	rig_config_set(rig, 4, 0x20, (uint32_t)RIG_BAR4);
	rig_master(rig, false);
}

static void tables_write(struct rig *rig)
{
	const uint64_t table = LOOM_PTE_VALID;
	const uint64_t rw = LOOM_PTE_VALID | LOOM_PTE_READ | LOOM_PTE_WRITE | LOOM_PTE_LEAF;
	const uint32_t l3 = RIG_TABLES, l2 = l3 + 0x1000, l1 = l2 + 0x1000;
	struct loom_ctx_entry *entry = (void *)(rig->m.ram + RIG_CONTEXTS);

	memset(rig->m.ram + l3, 0, 0x3000);
	rig_word_set(rig, l3, table | l2);
	rig_word_set(rig, l2, table | l1);
	for (uint64_t va = 0; va < LQT_RAM; va += LOOM_PAGE_SIZE_2M)
		rig_word_set(rig, l1 + 8 * (va >> 21), rw | va);
	rig_word_set(rig, l1 + 8 * (RIG_VA_BAR0 >> 21), rw | RIG_BAR0);
	rig_word_set(rig, l1 + 8 * (RIG_VA_LOCAL >> 21), rw | LOOM_PTE_LOCAL);
	rig_word_set(rig, l1 + 8 * (RIG_VA_BAR2 >> 21), rw | RIG_BAR2);
	rig_word_set(rig, l1 + 8 * (RIG_VA_HOLE >> 21), rw | RIG_HOLE);
	rig_word_set(rig, l1 + 8 * (RIG_VA_ROM >> 21), rw | RIG_ROM);

	memset(entry, 0, 4096);
	/* all alike, so that a context that was stopped has successors */
	for (unsigned int i = 1; i < 16; i++) {
		entry[i].root = htole64(l3);
		entry[i].tag = htole32(1);
		entry[i].flags = htole32(LOOM_CTX_VALID);
		entry[i].client = htole32(i);
		entry[i].weight = htole16(1);
		entry[i].priority = LOOM_PRIORITY_NORMAL;
	}
}

static void ring_setup(struct rig *rig, unsigned int ring)
{
	uint64_t at = LOOM_REG_RING(ring);

	memset(rig->m.ram + RIG_DESC(ring), 0, 0x1000);
	memset(rig->m.ram + RIG_CQ(ring), 0, 0x1000);
	rig_word_set(rig, RIG_INDEX(ring), 0);
	rig->index[ring] = 0;
	rig_set64(rig, at + LOOM_RING_BASE, RIG_DESC(ring));
	rig_set64(rig, at + LOOM_RING_CQ_BASE, RIG_CQ(ring));
	rig_set64(rig, at + LOOM_RING_WRITE_ADDR, RIG_INDEX(ring));
	rig_set64(rig, at + LOOM_RING_READ, 0);
	rig_set(rig, at + LOOM_RING_LOG2, RIG_LOG2);
	rig_set(rig, at + LOOM_RING_CQ_LOG2, RIG_LOG2);
	rig_set(rig, at + LOOM_RING_CONTEXT, LOOM_RING_CONTEXT_ANY);
	rig_set(rig, at + LOOM_RING_VECTOR, ring + 1);
	rig_set(rig, at + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE);
}

void rig_setup(struct rig *rig)
{
	unsigned int vectors = (rig_config(rig, 2, rig->msix + 2) & 0x7ff) + 1;

	rig_master(rig, true);
	for (unsigned int v = 0; v < vectors && v <= RINGS; v++) {
		rig_word_set(rig, RIG_MSI(v), 0);
		lqt_write(&rig->m, 4, RIG_BAR4 + 16 * v, RIG_MSI(v));
		lqt_write(&rig->m, 4, RIG_BAR4 + 16 * v + 4, 0);
		lqt_write(&rig->m, 4, RIG_BAR4 + 16 * v + 8, 0x1000 + v);
		lqt_write(&rig->m, 4, RIG_BAR4 + 16 * v + 12, 0);
	}
	rig_config_set(rig, 2, rig->msix + 2, 0x8000);
	tables_write(rig);
	memset(rig->m.ram + RIG_FAULTS, 0, 0x1000);
	rig_set64(rig, LOOM_REG_FEATURES_ACK, rig_reg64(rig, LOOM_REG_FEATURES));
	rig_set64(rig, LOOM_REG_CTX_BASE, RIG_CONTEXTS);
	rig_set(rig, LOOM_REG_CTX_COUNT, 16);
	rig_set64(rig, LOOM_REG_FAULT_BASE, RIG_FAULTS);
	rig_set(rig, LOOM_REG_FAULT_LOG2, 4);
	rig_set64(rig, LOOM_REG_IRQ_ENABLE, LOOM_IRQ_FAULT | LOOM_IRQ_RING_ERROR);
	rig_set(rig, LOOM_REG_CTRL, LOOM_CTRL_ENABLE);
	for (unsigned int r = 0; r < RINGS; r++)
		ring_setup(rig, r);
}

void rig_ring_reset(struct rig *rig, unsigned int ring)
{
	uint64_t at = LOOM_REG_RING(ring);

	rig_set(rig, at + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET);
	LQT_UNTIL(&rig->m, !(rig_reg(rig, at + LOOM_RING_STATUS) & LOOM_RING_STATUS_RESETTING));
	ring_setup(rig, ring);
}

/* ---- commands --------------------------------------------------------------------- */

void rig_begin(struct rig *rig, unsigned int cmd)
{
	rig->size[cmd] = 0;
}

void tap_group(unsigned int n, const char *name)
{
	printf("# group %u: %s\n", n, name);
}

void rig_packet(struct rig *rig, unsigned int cmd, struct loom_pkt_header *header,
		unsigned int opcode, uint32_t size)
{
	header->opcode = htole16((uint16_t)opcode);
	header->version = LOOM_PKT_VERSION;
	header->size = htole32(size);
	memcpy(rig->m.ram + RIG_CMD(cmd) + rig->size[cmd], header, size);
	rig->size[cmd] += size;
}

static struct loom_tensor words(uint64_t va, uint32_t n)
{
	return (struct loom_tensor){
		.va = htole64(va),
		.dtype = LOOM_DTYPE_U32,
		.rank = 1,
		.dims = { htole32(n) },
		.strides = { htole64(1) },
	};
}

void rig_fence(struct rig *rig, unsigned int cmd, uint64_t va, uint64_t value)
{
	struct loom_pkt_fence p = { .va = htole64(va), .value = htole64(value) };

	rig_packet(rig, cmd, &p.header, LOOM_OP_FENCE, sizeof(p));
}

void rig_fill(struct rig *rig, unsigned int cmd, uint64_t va, uint32_t n, uint32_t value)
{
	struct loom_pkt_fill p = { .value = htole64(value), .dst = words(va, n) };

	rig_packet(rig, cmd, &p.header, LOOM_OP_FILL, sizeof(p));
}

void rig_copy(struct rig *rig, unsigned int cmd, uint64_t dst, uint64_t src, uint32_t n)
{
	struct loom_pkt_copy p = { .dst = words(dst, n), .src = words(src, n) };

	rig_packet(rig, cmd, &p.header, LOOM_OP_COPY, sizeof(p));
}

void rig_add(struct rig *rig, unsigned int cmd, uint64_t va, uint64_t by, uint32_t n)
{
	struct loom_pkt_eltwise p = {
		.op = LOOM_ELTWISE_ADD, .dst = words(va, n), .a = words(va, n), .b = words(by, n)
	};

	p.dst.dtype = LOOM_DTYPE_I32;
	p.a.dtype = LOOM_DTYPE_I32;
	p.b.dtype = LOOM_DTYPE_I32;
	rig_packet(rig, cmd, &p.header, LOOM_OP_ELTWISE, sizeof(p));
}

void rig_hang(struct rig *rig, unsigned int cmd)
{
	struct loom_pkt_hang p = { .flags = 0 };

	rig_packet(rig, cmd, &p.header, LOOM_OP_HANG, sizeof(p));
}

/* ---- submission --------------------------------------------------------------------- */

uint64_t rig_queue(struct rig *rig, unsigned int ring, unsigned int cmd, uint32_t flags)
{
	uint64_t index = rig->index[ring]++;
	struct loom_desc desc = {
		.cmd_va = htole64(RIG_CMD(cmd)),
		.cmd_size = htole32(rig->size[cmd]),
		.context = htole32(ring + 1),
		.cookie = htole64(0xc00c1e0000000000ull | index),
		.flags = htole32(flags),
	};

	memcpy(rig->m.ram + RIG_DESC(ring) + (index & ((1 << RIG_LOG2) - 1)) * sizeof(desc), &desc,
	       sizeof(desc));
	rig_word_set(rig, RIG_INDEX(ring), index + 1);
	return index;
}

uint64_t rig_submit(struct rig *rig, unsigned int ring, unsigned int cmd)
{
	uint64_t index = rig_queue(rig, ring, cmd, LOOM_DESC_IRQ);

	rig_set(rig, LOOM_DOORBELL(ring), 0);
	return index;
}

static uint64_t control(struct rig *rig, unsigned int ring, uint64_t index)
{
	uint64_t at = RIG_CQ(ring) + (index & ((1 << RIG_LOG2) - 1)) * sizeof(struct loom_cqe);

	return rig_word(rig, at + offsetof(struct loom_cqe, control));
}

bool rig_retired(struct rig *rig, unsigned int ring, uint64_t index)
{
	return (control(rig, ring, index) & LOOM_CQE_PHASE) == !(index >> RIG_LOG2 & 1);
}

unsigned int rig_outcome(struct rig *rig, unsigned int ring, uint64_t index)
{
	LQT_UNTIL(&rig->m, rig_retired(rig, ring, index));
	return control(rig, ring, index) >> LOOM_CQE_OUTCOME_SHIFT & LOOM_CQE_OUTCOME_MASK;
}
