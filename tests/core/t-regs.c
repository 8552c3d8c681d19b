// SPDX-License-Identifier: MIT
/* The register file: everything that the table says holds for every access. */
#include <string.h>

#include "card.h"
#include "core.h"
#include "tap.h"

/* Registers whose write does more than storing, and the clock. */
static bool is_command(const struct loom_reg *reg)
{
	return reg->offset == LOOM_REG_CTRL || reg->offset == LOOM_REG_FEATURES_ACK ||
	       reg->offset == LOOM_REG_TIMESTAMP;
}

static void test_table(void)
{
	unsigned int bad = 0;

	for (unsigned int i = 0; i < R_COUNT; i++) {
		bad += loom_device_regs[i].offset % loom_device_regs[i].size != 0;
		bad += i && loom_device_regs[i].offset <
			    loom_device_regs[i - 1].offset + loom_device_regs[i - 1].size;
	}
	for (unsigned int i = 0; i < RR_COUNT; i++) {
		bad += loom_ring_regs[i].offset % loom_ring_regs[i].size != 0;
		bad += i && loom_ring_regs[i].offset <
			    loom_ring_regs[i - 1].offset + loom_ring_regs[i - 1].size;
	}
	tap_ok(!bad, "both tables are sorted, aligned and do not overlap");
}

/* One register at @at: bits in the mask can be written, by every width, others not. */
static unsigned int probe(struct card *card, const struct loom_reg *reg, uint64_t at)
{
	uint64_t ones = reg->size == 8 ? ~0ull : ~0u, before = card_read64(card, at), want;
	bool writable = reg->access == REG_RW || reg->access == REG_CFG;
	unsigned int bad = 0;

	if (reg->size == 4) {
		before = card_read32(card, at);
		card_write32(card, at, (uint32_t)ones);
		want = writable ? reg->mask & ones : before;
		bad += card_read32(card, at) != want;
		card_write32(card, at, 0);
		bad += card_read32(card, at) != (writable ? 0 : before);
		card_write32(card, at, (uint32_t)before);
		return bad;
	}
	card_write64(card, at, ones);
	want = writable ? reg->mask : reg->access == REG_W1C ? 0 : before;
	bad += card_read64(card, at) != want;
	bad += card_read32(card, at) != (uint32_t)want;
	bad += card_read32(card, at + 4) != (uint32_t)(want >> 32);
	card_write64(card, at, 0);
	/* by halves: nothing before the high half, and then both */
	card_write32(card, at, 0x12345000);
	bad += writable && card_read64(card, at) != 0;
	card_write32(card, at + 4, 0x1a);
	want = writable ? 0x1a12345000ull & reg->mask : reg->access == REG_W1C ? 0 : before;
	bad += card_read64(card, at) != want;
	/* a lone high half keeps the low half, an 8-byte write drops a latched one */
	card_write32(card, at + 4, 0x1b);
	want = writable ? 0x1b12345000ull & reg->mask : want;
	bad += card_read64(card, at) != want;
	card_write32(card, at, 0x777000);
	card_write64(card, at, 0);
	card_write32(card, at + 4, 1);
	want = writable ? 0x100000000ull & reg->mask : want;
	bad += card_read64(card, at) != want;
	card_write64(card, at, before);
	return bad;
}

static void test_masks(struct card *card)
{
	unsigned int bad = 0;

	for (unsigned int i = 0; i < R_COUNT; i++) {
		const struct loom_reg *reg = &loom_device_regs[i];

		if (is_command(reg))
			continue;
		if (probe(card, reg, reg->offset)) {
			tap_ok(false, "register %s", reg->name);
			bad++;
		}
	}
	tap_ok(!bad, "device registers keep what their masks allow");
	bad = 0;
	for (unsigned int r = 0; r < CARD_RINGS; r++)
		for (unsigned int i = 0; i < RR_COUNT; i++)
			if (i != RR_CTRL && probe(card, &loom_ring_regs[i],
						  LOOM_REG_RING(r) + loom_ring_regs[i].offset)) {
				tap_ok(false, "ring register %s", loom_ring_regs[i].name);
				bad++;
			}
	tap_ok(!bad, "ring registers keep what their masks allow");
	card_write64(card, LOOM_REG_IRQ_COALESCE(8), 0x1234500000007ull);
	tap_ok(card_read64(card, LOOM_REG_IRQ_COALESCE(8)) == 0x1234500000007ull &&
	       card_read64(card, LOOM_REG_IRQ_COALESCE(7)) == 0, "one IRQ_COALESCE per vector");
	card_write64(card, LOOM_REG_IRQ_COALESCE(9), 1);
	tap_ok(card_read64(card, LOOM_REG_IRQ_COALESCE(9)) == 0, "and no more");
}

static bool listed(uint64_t word)
{
	if (word >= LOOM_REG_RING(0) && word < LOOM_REG_RING(CARD_RINGS)) {
		for (unsigned int i = 0; i < RR_COUNT; i++)
			if (word % 0x1000 >= loom_ring_regs[i].offset &&
			    word % 0x1000 < loom_ring_regs[i].offset + loom_ring_regs[i].size)
				return true;
		return false;
	}
	if (word >= LOOM_REG_IRQ_COALESCE(0) && word < LOOM_REG_IRQ_COALESCE(CARD_RINGS + 1))
		return true;
	for (unsigned int i = 0; i < R_COUNT; i++)
		if (word >= loom_device_regs[i].offset &&
		    word < loom_device_regs[i].offset + loom_device_regs[i].size)
			return true;
	return false;
}

static void test_unlisted(struct card *card)
{
	unsigned int bad = 0;

	for (uint64_t at = 0; at < 0x60000; at += 4) {
		if (listed(at))
			continue;
		card_write32(card, at, ~0u);
		bad += card_read32(card, at) != 0;
	}
	bad += card_read64(card, LOOM_BAR_REGS_SIZE) != 0;
	bad += card_read64(card, LOOM_DOORBELL(0)) != 0;
	tap_ok(!bad, "what is not listed reads zero and ignores writes");
	bad = 0;
	for (uint64_t at = 0; at < 0x200; at++) {
		static const unsigned int sizes[] = { 0, 1, 2, 3, 4, 5, 8, 16 };

		for (unsigned int i = 0; i < 8; i++) {
			if ((sizes[i] == 4 || sizes[i] == 8) && at % sizes[i] == 0)
				continue;
			loom_core_mmio_write(card->core, at, ~0ull, sizes[i]);
			bad += loom_core_mmio_read(card->core, at, sizes[i]) != 0;
		}
	}
	tap_ok(!bad && card_read32(card, LOOM_REG_CTRL) == 0, "odd sizes and alignments do nothing");
}

static void test_identity(struct card *card)
{
	char text[32];

	tap_ok(card_read32(card, LOOM_REG_MAGIC) == LOOM_MAGIC, "magic");
	tap_ok(card_read64(card, LOOM_REG_MAGIC) ==
	       (LOOM_MAGIC | (uint64_t)LOOM_VERSION_MAJOR << 48 |
		(uint64_t)LOOM_VERSION_MINOR << 32), "two registers at once");
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t word = card_read64(card, LOOM_REG_SERIAL + 8 * i);

		memcpy(text + 8 * i, &word, 8);
	}
	tap_ok(!strcmp(text, "LM-TEST-1"), "serial");
	tap_ok(card_read32(card, LOOM_REG_NUM_RINGS) == CARD_RINGS &&
	       card_read32(card, LOOM_REG_NUM_CONTEXTS) == CARD_CONTEXTS &&
	       card_read32(card, LOOM_REG_NUM_VECTORS) == CARD_RINGS + 1 &&
	       card_read64(card, LOOM_REG_PAGE_SIZES) == 0x201000 &&
	       card_read64(card, LOOM_REG_LOCAL_SIZE) == 16 << 20, "capabilities");
	tap_ok(card_read64(card, LOOM_REG_OPCODES) & 1ull << LOOM_OP_FILL &&
	       card_read64(card, LOOM_REG_OPCODES + 24) & 1ull << (LOOM_OP_HANG - 192), "opcodes");
}

static void test_features(struct card *card)
{
	card_write64(card, LOOM_REG_FEATURES_ACK, 1ull << 60);
	tap_ok(card_read32(card, LOOM_REG_STATUS) == LOOM_STATUS_BAD_FEATURES,
	       "a feature that is not offered");
	card_write32(card, LOOM_REG_CTRL, LOOM_CTRL_ENABLE);
	tap_ok(!(card_read32(card, LOOM_REG_STATUS) & LOOM_STATUS_ENABLED) &&
	       card_read32(card, LOOM_REG_CTRL) == 0, "prevents ENABLE");
	card_write64(card, LOOM_REG_FEATURES_ACK, LOOM_FEATURE_COALESCE);
	card_write32(card, LOOM_REG_CTRL, LOOM_CTRL_ENABLE);
	tap_ok(card_read32(card, LOOM_REG_STATUS) == LOOM_STATUS_ENABLED, "until it is corrected");
	card_write64(card, LOOM_REG_FEATURES_ACK, 0);
	tap_ok(card_read64(card, LOOM_REG_FEATURES_ACK) == LOOM_FEATURE_COALESCE,
	       "FEATURES_ACK stands while enabled");
	card_write32(card, LOOM_REG_CTRL, 0);
	tap_ok(card_read32(card, LOOM_REG_STATUS) == 0, "disabled");
}

static void test_locked(struct card *card)
{
	uint64_t regs = LOOM_REG_RING(1);

	card_ring(card, 1, 4, 0, 0);
	card_write64(card, regs + LOOM_RING_BASE, 0);
	card_write32(card, regs + LOOM_RING_VECTOR, 1);
	card_write32(card, regs + LOOM_RING_READ, 9);
	card_write32(card, regs + LOOM_RING_READ + 4, 0);
	tap_ok(card_read64(card, regs + LOOM_RING_BASE) == card->ring[1].desc_bus &&
	       !card_read32(card, regs + LOOM_RING_VECTOR) &&
	       !card_read64(card, regs + LOOM_RING_READ),
	       "the configuration of an enabled ring stands");
	card_write32(card, regs + LOOM_RING_CTRL, 0);
	card_until32(card, regs + LOOM_RING_STATUS, ~0u, 0);
	card_write32(card, regs + LOOM_RING_VECTOR, 1);
	tap_ok(card_read32(card, regs + LOOM_RING_VECTOR) == 1, "until it is disabled");
}

static void test_old_card(void)
{
	struct loom_core_config config = card_config();
	static struct card card;

	config.features_mask = LOOM_FEATURE_COALESCE;
	card_init(&card, &config);
	tap_ok(card_read64(&card, LOOM_REG_FEATURES) == LOOM_FEATURE_COALESCE,
	       "features_mask hides features");
	tap_ok(!(card_read64(&card, LOOM_REG_OPCODES + 24) & 1ull << (LOOM_OP_HANG - 192)),
	       "and what belongs to them");
	card_exit(&card);
}

static void expect_refusal(const char *what, const struct loom_core_config *config)
{
	const char *why = NULL;
	struct loom_core *core;
	int ret = loom_core_create(config, &host_ops, NULL, &core, &why);

	tap_ok(ret == -22 && !core && why, "%s: %s", what, why ? why : "?");
	if (!ret)
		loom_core_destroy(core);
}

static void test_configuration(void)
{
	static _Alignas(4096) uint8_t local[8192];
	struct loom_core_config config;

	config = card_config(), config.local_size = 0, config.rings = 0;
	expect_refusal("rings 0", &config);
	config.rings = 65;
	expect_refusal("rings 65", &config);
	config = card_config(), config.local_size = 0, config.contexts = 4097;
	expect_refusal("contexts", &config);
	config = card_config(), config.local_size = 0, config.vectors = CARD_RINGS + 2;
	expect_refusal("vectors", &config);
	config = card_config(), config.local = local, config.local_size = 5000;
	expect_refusal("local size", &config);
	config = card_config(), config.local = local + 64, config.local_size = 4096;
	expect_refusal("local alignment", &config);
	config = card_config(), config.local_size = 0, config.isa = "abacus";
	expect_refusal("engine", &config);
	config = card_config(), config.local_size = 0, config.profile = 77;
	expect_refusal("profile", &config);
	config = card_config(), config.local_size = 0;
	config.serial = "a serial number that is far too long";
	expect_refusal("serial", &config);
}

int main(void)
{
	struct loom_core_config config = card_config();
	static struct card card;

	test_table();
	card_init(&card, &config);
	test_identity(&card);
	test_masks(&card);
	test_unlisted(&card);
	test_features(&card);
	test_locked(&card);
	card_exit(&card);
	test_old_card();
	test_configuration();
	return tap_done();
}
