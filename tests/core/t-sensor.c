// SPDX-License-Identifier: MIT
/* Sensors: the specification's model, by a clock of the test's own, and as registers. */
#include <stdlib.h>

#include "card.h"
#include "core.h"
#include "tap.h"

#define MS	1000000ull
#define PERIOD	(100 * MS)
#define DATA	0x10000000ull

static _Atomic uint64_t test_clock;

static uint64_t test_now(void *host)
{
	(void)host;
	return test_clock;
}

/* The specification word by word, one period after the other. */
struct body {
	int64_t t;
	uint64_t power, static_mw, uj, pj;
};

static void body_period(struct body *body, uint64_t spent)
{
	body->power = body->static_mw + spent / PERIOD;
	body->t += (25000000 + 500 * (int64_t)body->power - body->t) / 100;
	body->pj += spent + body->static_mw * PERIOD;
	body->uj += body->pj / 1000000;
	body->pj %= 1000000;
}

static bool same(const struct body *body, struct sensed sensed)
{
	return sensed.temp_mc == (uint64_t)body->t / 1000 && sensed.power_mw == body->power &&
	       sensed.energy_uj == body->uj;
}

static void test_model(void)
{
	static const uint64_t spent[] = { 0, 1, 99999999, 100000000, 12345678901234ull, 999999 };
	struct body body = { .t = 25000000, .power = 25000, .static_mw = 25000 };
	uint64_t now = 7 * MS, last = 0;
	unsigned int bad = 0, back = 0;
	struct sensor sensor = { 0 };
	struct sensed sensed;

	loom_sensor_init(&sensor, 25000, now);
	tap_ok(same(&body, loom_sensor_read(&sensor, now)), "25 degrees and static power at first");
	sensed = loom_sensor_read(&sensor, now + 40);
	tap_ok(sensed.energy_uj == 1, "25 W for 40 ns are a microjoule");
	for (unsigned int i = 0; i < 300; i++) {
		uint64_t pj = spent[i % 6];

		loom_sensor_spend(&sensor, now + PERIOD / 2, pj);
		body_period(&body, pj);
		sensed = loom_sensor_read(&sensor, now + PERIOD - 1);
		back += sensed.energy_uj < last;
		last = sensed.energy_uj;
		now += PERIOD;
		sensed = loom_sensor_read(&sensor, now);
		back += sensed.energy_uj < last;
		last = sensed.energy_uj;
		bad += !same(&body, sensed);
	}
	tap_ok(!bad, "period by period as the specification has it");
	tap_ok(!back, "energy never goes back");
	/* nobody looks for a while, and then for very long */
	loom_sensor_spend(&sensor, now, 5000000000000ull);
	for (unsigned int i = 0; i < 1000; i++)
		body_period(&body, i ? 0 : 5000000000000ull);
	now += 1000 * PERIOD;
	tap_ok(same(&body, loom_sensor_read(&sensor, now)), "and so when nobody looks");
	for (unsigned int i = 0; i < 1000000; i++)
		body_period(&body, 0);
	now += 1000000 * PERIOD;
	tap_ok(same(&body, loom_sensor_read(&sensor, now)) &&
	       loom_sensor_read(&sensor, now).temp_mc == 37500, "it cools down to 37.5 degrees");
	tap_ok(same(&body, loom_sensor_read(&sensor, now - 5 * PERIOD)), "no clock takes it back");
	loom_sensor_spend(&sensor, now, UINT64_MAX);
	loom_sensor_spend(&sensor, now, UINT64_MAX);
	sensed = loom_sensor_read(&sensor, now + PERIOD);
	tap_ok(sensed.power_mw == UINT32_MAX, "power saturates");
	sensed = loom_sensor_read(&sensor, UINT64_MAX);
	tap_ok(sensed.power_mw == 25000 && sensed.temp_mc < 40000, "and that passes");
	sensed = (struct sensed){ 61234, 42000, 1ull << 60 };
	loom_sensor_load(&sensor, 3 * PERIOD, sensed);
	sensed = loom_sensor_read(&sensor, 3 * PERIOD);
	tap_ok(sensed.temp_mc == 61234 && sensed.power_mw == 42000 &&
	       sensed.energy_uj == 1ull << 60, "it goes on from what another showed");
	loom_sensor_destroy(&sensor);
}

static uint64_t idle_energy(uint64_t ns)
{
	return 25000 * ns / 1000000;
}

static void test_registers(void)
{
	const uint64_t both = LOOM_FEATURE_SENSORS | LOOM_FEATURE_RAS;
	struct loom_core_config config = card_config();
	struct loom_host_ops ops = host_ops;
	static struct card card, other;
	uint64_t energy, start, dynamic;
	struct cmds cmds;
	struct loom_cqe cqe;
	const char *why;
	void *state;
	size_t size;

	ops.now_ns = test_now;
	test_clock = start = 5 * MS;
	card_init_ops(&card, &config, &ops);
	tap_ok((card_read64(&card, LOOM_REG_FEATURES) & both) == both, "both features are offered");
	card_enable(&card, 0);
	test_clock += 3 * PERIOD;
	tap_ok(!card_read32(&card, LOOM_REG_SENSOR_TEMP_MC) &&
	       !card_read64(&card, LOOM_REG_SENSOR_TEMP_MC) &&
	       !card_read64(&card, LOOM_REG_SENSOR_ENERGY_UJ) &&
	       !card_read32(&card, LOOM_REG_SENSOR_PERIOD_MS), "zero unless acknowledged");
	loom_core_reset(card.core);
	card_enable(&card, both);
	tap_ok(card_read32(&card, LOOM_REG_SENSOR_PERIOD_MS) == 100 &&
	       card_read32(&card, LOOM_REG_SENSOR_POWER_MW) == 25000 &&
	       card_read64(&card, LOOM_REG_SENSOR_ENERGY_UJ) == idle_energy(3 * PERIOD) &&
	       card_read32(&card, LOOM_REG_SENSOR_TEMP_MC) == 25371,
	       "time before that counts, over the reset");

	card_context(&card, 1, 1, 1, 256, LOOM_PRIORITY_NORMAL);
	card_buffer(&card, 1, DATA, 1 << 20);
	card_ring(&card, 1, 4, 1, 0);
	cmds = cmds_begin(&card, 1);
	for (unsigned int i = 0; i < 8; i++)
		cmds_fill(&cmds, DATA, 1 << 20, (uint8_t)i);
	card_submit(&card, 1, &cmds, 0);
	card_wait(&card, 1, &cqe);
	/* 25000 pJ a cycle: a whole number, so that packets need not be rounded one by one */
	dynamic = cqe.energy_pj - 25000 * cqe.cycles;
	energy = card_read64(&card, LOOM_REG_SENSOR_ENERGY_UJ);
	tap_ok(dynamic > 1000000 && energy == (25000 * (test_clock - start) + dynamic) / 1000000,
	       "energy is that of the packets and static power's");
	tap_ok(card_read32(&card, LOOM_REG_SENSOR_POWER_MW) == 25000, "power waits for the period");
	test_clock += PERIOD;
	tap_ok(card_read32(&card, LOOM_REG_SENSOR_POWER_MW) == 25000 + dynamic / PERIOD,
	       "and has that period's");
	test_clock += PERIOD;
	tap_ok(card_read32(&card, LOOM_REG_SENSOR_POWER_MW) == 25000, "alone");

	/* a state that another card takes up, whose clock is another */
	loom_core_quiesce(card.core);
	energy = card_read64(&card, LOOM_REG_SENSOR_ENERGY_UJ);
	if (loom_core_save(card.core, &state, &size))
		state = NULL;
	card_init_ops(&other, &config, &ops);
	loom_core_quiesce(other.core);
	tap_ok(state && !loom_core_load(other.core, state, size, &why) &&
	       card_read64(&other, LOOM_REG_SENSOR_ENERGY_UJ) == energy &&
	       card_read64(&other, LOOM_REG_SENSOR_TEMP_MC) ==
	       card_read64(&card, LOOM_REG_SENSOR_TEMP_MC), "sensors are part of the saved state");
	free(state);
	loom_core_resume(other.core);
	loom_core_resume(card.core);
	card_exit(&other);
	card_exit(&card);
}

int main(void)
{
	test_model();
	test_registers();
	return tap_done();
}
