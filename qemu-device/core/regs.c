// SPDX-License-Identifier: MIT
/*
 * Registers. The tables below say where a register is, how wide it is, which
 * bits of it can be written and when; reads and writes know nothing else, apart
 * from the few registers whose write is a command.
 */
#include <endian.h>
#include <string.h>

#include "core.h"

#define X(n, s, a, m) { .offset = LOOM_REG_##n, .size = s, .access = a, .mask = m, .name = #n },
const struct loom_reg loom_device_regs[R_COUNT] = { LOOM_DEVICE_REGS(X) };
#undef X
#define X(n, s, a, m) { .offset = LOOM_RING_##n, .size = s, .access = a, .mask = m, .name = #n },
const struct loom_reg loom_ring_regs[RR_COUNT] = { LOOM_RING_REGS(X) };
#undef X

/* IRQ_COALESCE is one register per vector. */
static const struct loom_reg coalesce_reg = {
	.offset = LOOM_REG_IRQ_COALESCE(0),
	.size = 8,
	.access = REG_RW,
	.mask = ~0ull,
	.name = "IRQ_COALESCE",
};

/**
 * struct place - a register that was found
 * @ring: NULL for the device's
 * @latch, @latched: low half written, waiting for the high half
 */
struct place {
	const struct loom_reg *reg;
	atomic_uint_fast64_t *value;
	uint32_t *latch;
	bool *latched;
	struct loom_ring *ring;
	unsigned int id;
};

static int table_find(const struct loom_reg *table, unsigned int count, uint64_t offset)
{
	unsigned int low = 0;

	while (low < count) {
		unsigned int mid = low + (count - low) / 2;

		if (table[mid].offset == offset)
			return (int)mid;
		if (table[mid].offset < offset)
			low = mid + 1;
		else
			count = mid;
	}
	return -1;
}

static bool place_find(struct loom_core *core, uint64_t offset, struct place *place)
{
	uint64_t first = LOOM_REG_RING(0), end = LOOM_REG_RING(core->config.rings);
	int i;

	if (offset >= first && offset < end) {
		struct loom_ring *ring = &core->rings[(offset - first) / 0x1000];

		i = table_find(loom_ring_regs, RR_COUNT, offset % 0x1000);
		if (i < 0)
			return false;
		*place = (struct place){
			&loom_ring_regs[i], &ring->regs[i], &ring->latch[i], &ring->latched[i],
			ring, (unsigned int)i
		};
		return true;
	}
	if (offset >= LOOM_REG_IRQ_COALESCE(0) &&
	    offset < LOOM_REG_IRQ_COALESCE(core->config.vectors)) {
		i = (int)(offset - LOOM_REG_IRQ_COALESCE(0)) / 8;
		if (offset % 8)
			return false;
		*place = (struct place){
			&coalesce_reg, &core->coalesce[i], &core->coalesce_latch[i],
			&core->coalesce_latched[i], NULL, R_COUNT
		};
		return true;
	}
	i = table_find(loom_device_regs, R_COUNT, offset);
	if (i < 0)
		return false;
	*place = (struct place){
		&loom_device_regs[i], &core->regs[i], &core->latch[i], &core->latched[i], NULL,
		(unsigned int)i
	};
	return true;
}

static uint64_t sensor_read(struct loom_core *core, unsigned int id)
{
	struct sensed now;

	if (!loom_core_has(core, LOOM_FEATURE_SENSORS))
		return 0;
	if (id == R_SENSOR_PERIOD_MS)
		return SENSOR_PERIOD_MS;
	now = loom_sensor_read(&core->sensor, card_now(core));
	return id == R_SENSOR_TEMP_MC ? now.temp_mc :
	       id == R_SENSOR_POWER_MW ? now.power_mw : now.energy_uj;
}

static uint64_t place_read(struct loom_core *core, const struct place *place)
{
	if (place->reg->access == REG_WO)
		return 0;
	if (!place->ring && place->id == R_TIMESTAMP)
		return card_now(core);
	if (!place->ring && place->id >= R_SENSOR_TEMP_MC && place->id <= R_SENSOR_PERIOD_MS)
		return sensor_read(core, place->id);
	if (!place->ring && (place->id == R_CNT_ECC_CORRECTED || place->id == R_CNT_ECC_UNCORRECTED) &&
	    !loom_core_has(core, LOOM_FEATURE_RAS))
		return 0;
	if (place->ring && place->id == RR_PROGRESS)
		return reg_get(place->value) + loom_job_hang_progress(place->ring);
	return reg_get(place->value);
}

static uint32_t read32(struct loom_core *core, uint64_t offset)
{
	struct place place;

	if (place_find(core, offset, &place) && place.reg->size == 4)
		return (uint32_t)place_read(core, &place);
	if (place_find(core, offset & ~7ull, &place) && place.reg->size == 8)
		return (uint32_t)(place_read(core, &place) >> (offset & 4 ? 32 : 0));
	return 0;
}

uint64_t loom_core_mmio_read(struct loom_core *core, uint64_t offset, unsigned int size)
{
	struct place place;

	if ((size != 4 && size != 8) || offset % size || offset >= LOOM_BAR_REGS_SIZE)
		return 0;
	if (atomic_load_explicit(&core->dead, memory_order_relaxed))
		return size == 8 ? UINT64_MAX : UINT32_MAX;
	if (size == 4)
		return read32(core, offset);
	if (place_find(core, offset, &place) && place.reg->size == 8)
		return place_read(core, &place);
	return read32(core, offset) | (uint64_t)read32(core, offset + 4) << 32;
}

/* Commands. Called with the lock held; false: the driver did what it must not. */

static bool write_features_ack(struct loom_core *core, uint64_t value)
{
	if (reg_get(&core->regs[R_CTRL]) & LOOM_CTRL_ENABLE)
		return false;
	reg_set(&core->regs[R_FEATURES_ACK], value);
	if (value & ~core->features) {
		reg_or(&core->regs[R_STATUS], LOOM_STATUS_BAD_FEATURES);
		return false;
	}
	reg_clear(&core->regs[R_STATUS], LOOM_STATUS_BAD_FEATURES);
	return true;
}

static bool write_ctrl(struct loom_core *core, uint64_t value)
{
	uint64_t status = reg_get(&core->regs[R_STATUS]);
	bool was = status & LOOM_STATUS_ENABLED;

	if (value & LOOM_CTRL_RESET) {
		reg_or(&core->regs[R_STATUS], LOOM_STATUS_RESETTING);
		core->reset_asked++;
		loom_front_pause(core, REQ_RESET);
		return true;
	}
	if ((value & LOOM_CTRL_ENABLE) &&
	    (status & (LOOM_STATUS_BAD_FEATURES | LOOM_STATUS_FATAL)))
		return false;
	reg_set(&core->regs[R_CTRL], value);
	if (value & LOOM_CTRL_ENABLE) {
		reg_or(&core->regs[R_STATUS], LOOM_STATUS_ENABLED);
		if (!was)
			loom_front_request(core, REQ_PAUSE);
	} else {
		reg_clear(&core->regs[R_STATUS], LOOM_STATUS_ENABLED);
		if (was)
			loom_front_pause(core, REQ_PAUSE);
	}
	return true;
}

static bool write_device(struct loom_core *core, unsigned int id, uint64_t value)
{
	switch (id) {
	case R_FEATURES_ACK:
		return write_features_ack(core, value);
	case R_CTRL:
		return write_ctrl(core, value);
	case R_CTX_STOP:
		if (value >= core->config.contexts)
			return false;
		loom_context_stop(core, (uint32_t)value, NULL);
		return true;
	case R_CTX_START:
		if (value >= core->config.contexts)
			return false;
		loom_context_start(core, (uint32_t)value);
		return true;
	case R_INV_TAG:
		reg_set(&core->regs[R_INV_TAG], value);
		loom_mmu_invalidate(core, (uint32_t)value, reg_get(&core->regs[R_INV_VA]),
				    reg_get(&core->regs[R_INV_LEN]));
		return true;
	case R_INJECT:
		if (!loom_core_debug(core))
			return false;
		return loom_inject(core, value & 0xff, (unsigned int)value >> 8);
	case R_IRQ_ENABLE:
		reg_set(&core->regs[R_IRQ_ENABLE], value);
		loom_front_request(core, REQ_IRQ);
		return true;
	default:
		reg_set(&core->regs[id], value);
		return true;
	}
}

static bool write_ring_ctrl(struct loom_ring *ring, uint64_t value)
{
	uint64_t status = reg_get(&ring->regs[RR_STATUS]);
	uint64_t was = reg_get(&ring->regs[RR_CTRL]);

	if (status & LOOM_RING_STATUS_RESETTING)
		return true;
	if (value & LOOM_RING_CTRL_RESET) {
		loom_ring_reset_begin(ring);
		return true;
	}
	if (!(was & LOOM_RING_CTRL_ENABLE) && (value & LOOM_RING_CTRL_ENABLE)) {
		/* also while a cleared ENABLE waits for the last descriptor */
		if (status & LOOM_RING_STATUS_ERROR)
			return false;
		if (!(status & LOOM_RING_STATUS_ENABLED) && !loom_ring_enable(ring))
			return false;
	}
	reg_set(&ring->regs[RR_CTRL], value);
	atomic_fetch_or(&ring->poke, POKE_HALT);
	loom_front_request(ring->core, REQ_POKE);
	return true;
}

static bool write_place(struct loom_core *core, const struct place *place, uint64_t value)
{
	const struct loom_reg *reg = place->reg;

	if (reg_get(&core->regs[R_STATUS]) & LOOM_STATUS_RESETTING)
		return true;
	value &= reg->mask;
	switch (reg->access) {
	case REG_RO:
		return false;
	case REG_W1C:
		reg_clear(place->value, value);
		return true;
	case REG_CFG:
		if (reg_get(&place->ring->regs[RR_STATUS]) &
		    (LOOM_RING_STATUS_ENABLED | LOOM_RING_STATUS_RESETTING))
			return false;
		reg_set(place->value, value);
		return true;
	}
	if (place->ring)
		return write_ring_ctrl(place->ring, value);
	if (place->id == R_COUNT) {
		reg_set(place->value, value);
		return true;
	}
	return write_device(core, place->id, value);
}

static bool write32(struct loom_core *core, uint64_t offset, uint32_t value)
{
	struct place place;
	uint64_t low;

	if (place_find(core, offset, &place) && place.reg->size == 4)
		return write_place(core, &place, value);
	if (!place_find(core, offset & ~7ull, &place) || place.reg->size != 8)
		return false;
	if (!(offset & 4)) {
		*place.latch = value;
		*place.latched = true;
		return place.reg->access != REG_RO;
	}
	/* a high half alone leaves the low half as it is, and clears nothing by it */
	low = *place.latched ? *place.latch :
	      place.reg->access == REG_W1C ? 0 : (uint32_t)reg_get(place.value);
	*place.latched = false;
	return write_place(core, &place, low | (uint64_t)value << 32);
}

static bool write_reg(struct loom_core *core, uint64_t offset, uint64_t value, unsigned int size)
{
	struct place place;
	bool low, high;

	if (size == 4)
		return write32(core, offset, (uint32_t)value);
	if (place_find(core, offset, &place) && place.reg->size == 8) {
		*place.latched = false;
		return write_place(core, &place, value);
	}
	low = write32(core, offset, (uint32_t)value);
	high = write32(core, offset + 4, (uint32_t)(value >> 32));
	return low && high;
}

void loom_core_mmio_write(struct loom_core *core, uint64_t offset, uint64_t value,
			  unsigned int size)
{
	uint64_t page;
	bool fine;

	if (atomic_load_explicit(&core->dead, memory_order_relaxed))
		return;
	if ((size != 4 && size != 8) || offset % size || offset >= LOOM_BAR_REGS_SIZE) {
		loom_trace(core, LOOM_EVENT_GUEST_ERROR, 2, offset, value);
		return;
	}
	if (offset >= LOOM_DOORBELL_BASE) {
		page = offset - LOOM_DOORBELL_BASE;
		if (page % LOOM_DOORBELL_STRIDE < LOOM_PAGE_SIZE)
			loom_core_doorbell(core, (unsigned int)(page / LOOM_DOORBELL_STRIDE));
		return;
	}
	pthread_mutex_lock(&core->lock);
	fine = write_reg(core, offset, value, size);
	pthread_mutex_unlock(&core->lock);
	if (!fine)
		loom_trace(core, LOOM_EVENT_GUEST_ERROR, 2, offset, value);
}

/* 32 bytes of text in four registers. */
static void set_text(struct loom_core *core, unsigned int id, const char *text)
{
	char bytes[32] = { 0 };
	uint64_t word;

	for (unsigned int i = 0; text && text[i] && i < sizeof(bytes) - 1; i++)
		bytes[i] = text[i];
	for (unsigned int i = 0; i < 4; i++) {
		memcpy(&word, bytes + 8 * i, 8);
		reg_set(&core->regs[id + i], le64toh(word));
	}
}

void loom_regs_init(struct loom_core *core)
{
	const struct loom_core_config *config = &core->config;
	const struct loom_profile *profile = core->profile;
	atomic_uint_fast64_t *regs = core->regs;
	uint64_t opcodes[4];

	reg_set(&regs[R_MAGIC], LOOM_MAGIC);
	reg_set(&regs[R_VERSION], LOOM_VERSION_MAJOR << 16 | LOOM_VERSION_MINOR);
	reg_set(&regs[R_FEATURES], core->features);
	reg_set(&regs[R_NUM_RINGS], config->rings);
	reg_set(&regs[R_NUM_CONTEXTS], config->contexts);
	reg_set(&regs[R_NUM_VECTORS], config->vectors);
	reg_set(&regs[R_RING_LOG2], LOOM_RING_LOG2_MAX << 16 | LOOM_RING_LOG2_MIN);
	reg_set(&regs[R_CMD_SIZE_MAX], LOOM_CMD_SIZE_MAX);
	reg_set(&regs[R_RESET_TIMEOUT_MS], RESET_TIMEOUT_MS);
	reg_set(&regs[R_VA_BITS], LOOM_VA_BITS);
	reg_set(&regs[R_TENSOR_LIMITS], LOOM_RANK_MAX);
	reg_set(&regs[R_PAGE_SIZES], LOOM_PAGE_SIZE | LOOM_PAGE_SIZE_2M);
	reg_set(&regs[R_LOCAL_SIZE], config->local ? config->local_size : 0);
	reg_set(&regs[R_DTYPES], loom_dtype_bitmap());
	reg_set(&regs[R_TIMESTAMP_HZ], 1000000000);
	reg_set(&regs[R_PROFILE], profile->id);
	reg_set(&regs[R_ARRAY], profile->rows << 16 | profile->columns);
	reg_set(&regs[R_CLOCK_KHZ], profile->clock_khz);
	reg_set(&regs[R_SRAM_KIB], profile->sram_kib);
	reg_set(&regs[R_LOCAL_MBPS], profile->local_mbps);
	reg_set(&regs[R_HOST_MBPS], profile->host_mbps);
	loom_opcode_bitmap(core->features & LOOM_FEATURE_DEBUG, opcodes);
	for (unsigned int i = 0; i < 4; i++)
		reg_set(&regs[R_OPCODES + i], opcodes[i]);
	set_text(core, R_SERIAL, config->serial);
	set_text(core, R_MODEL, profile->name);
	loom_regs_reset(core);
}

static void reset_ring(struct loom_ring *ring)
{
	for (unsigned int i = 0; i < RR_COUNT; i++) {
		if (i != RR_GENERATION && i != RR_CNT_BUSY_NS && i != RR_CNT_DESCRIPTORS)
			reg_set(&ring->regs[i], 0);
		ring->latched[i] = false;
	}
	reg_set(&ring->regs[RR_CONTEXT], LOOM_RING_CONTEXT_ANY);
}

/*
 * All that a device reset resets: not what cannot change, nor what counts. STATUS is left to the
 * caller, who clears it last: reads take no lock, and a driver goes on when RESETTING is gone.
 */
void loom_regs_reset(struct loom_core *core)
{
	for (unsigned int i = R_FEATURES_ACK; i < R_CNT_DESCRIPTORS; i++)
		if (i != R_GENERATION && i != R_STATUS)
			reg_set(&core->regs[i], 0);
	for (unsigned int i = 0; i < R_COUNT; i++)
		core->latched[i] = false;
	for (unsigned int i = 0; i < core->config.vectors; i++) {
		reg_set(&core->coalesce[i], 0);
		core->coalesce_latched[i] = false;
	}
	for (unsigned int i = 0; i < core->config.rings; i++)
		reset_ring(&core->rings[i]);
}
