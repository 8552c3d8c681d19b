// SPDX-License-Identifier: MIT
/*
 * Sensors: modelled energy over observed time, and a temperature that follows it. Whoever looks, or
 * spends, first brings the periods up to date that are over.
 */
#include "core.h"

#define PERIOD_NS	(SENSOR_PERIOD_MS * 1000000ull)
#define PJ_PER_UJ	1000000ull
#define AIR_UC		25000000ll
#define UC_PER_MW	500ll		/* thermal resistance */
#define PERIODS_TAU	100ll		/* time constant */
/* After so many idle periods nothing changes any more, from whatever temperature. */
#define PERIODS_MAX	4096u

void loom_sensor_init(struct sensor *sensor, uint32_t static_mw, uint64_t now)
{
	pthread_mutex_init(&sensor->lock, NULL);
	sensor->static_mw = static_mw;
	sensor->power_mw = static_mw;
	sensor->temp_uc = AIR_UC;
	sensor->start = now;
}

void loom_sensor_destroy(struct sensor *sensor)
{
	pthread_mutex_destroy(&sensor->lock);
}

/* Picojoules of packets; what is left of a microjoule is kept. */
static void add_energy(struct sensor *sensor, uint64_t pj)
{
	sensor->energy_uj = sat_add(sensor->energy_uj, pj / PJ_PER_UJ);
	sensor->energy_pj += pj % PJ_PER_UJ;
	sensor->energy_uj = sat_add(sensor->energy_uj, sensor->energy_pj / PJ_PER_UJ);
	sensor->energy_pj %= PJ_PER_UJ;
}

/* The end of a period: a picojoule in a nanosecond is a milliwatt. */
static void period(struct sensor *sensor)
{
	uint64_t power = sat_add(sensor->spent / PERIOD_NS, sensor->static_mw);
	int64_t target;

	sensor->power_mw = power < UINT32_MAX ? (uint32_t)power : UINT32_MAX;
	target = AIR_UC + UC_PER_MW * sensor->power_mw;
	sensor->temp_uc += (target - sensor->temp_uc) / PERIODS_TAU;
	add_energy(sensor, sensor->spent);
	sensor->spent = 0;
}

/* To the period in which @now is. */
static void catch_up(struct sensor *sensor, uint64_t now)
{
	uint64_t n;

	if (now < sensor->start)
		now = sensor->start;
	n = (now - sensor->start) / PERIOD_NS;
	for (uint64_t i = 0; i < n && i < PERIODS_MAX; i++)
		period(sensor);
	sensor->energy_uj = sat_add(sensor->energy_uj,
				    (uint64_t)sensor->static_mw * (PERIOD_NS / PJ_PER_UJ) * n);
	sensor->start += n * PERIOD_NS;
}

/** loom_sensor_spend() - a packet is done that cost @pj beyond static power */
void loom_sensor_spend(struct sensor *sensor, uint64_t now, uint64_t pj)
{
	pthread_mutex_lock(&sensor->lock);
	catch_up(sensor, now);
	sensor->spent = sat_add(sensor->spent, pj);
	pthread_mutex_unlock(&sensor->lock);
}

/** loom_sensor_read() - what the registers show at @now */
struct sensed loom_sensor_read(struct sensor *sensor, uint64_t now)
{
	struct sensed sensed;
	uint64_t temp, rest;

	pthread_mutex_lock(&sensor->lock);
	catch_up(sensor, now);
	temp = (uint64_t)sensor->temp_uc / 1000;
	rest = now > sensor->start ? (now - sensor->start) * sensor->static_mw : 0;
	rest = sat_add(sensor->energy_pj, rest);
	sensed = (struct sensed){
		.temp_mc = temp < UINT32_MAX ? (uint32_t)temp : UINT32_MAX,
		.power_mw = sensor->power_mw,
		.energy_uj = sat_add(sensor->energy_uj, sat_add(rest, sensor->spent) / PJ_PER_UJ),
	};
	pthread_mutex_unlock(&sensor->lock);
	return sensed;
}

/** loom_sensor_load() - go on from what another card's registers showed */
void loom_sensor_load(struct sensor *sensor, uint64_t now, struct sensed saved)
{
	pthread_mutex_lock(&sensor->lock);
	sensor->start = now;
	sensor->spent = 0;
	sensor->energy_uj = saved.energy_uj;
	sensor->energy_pj = 0;
	sensor->temp_uc = 1000ll * saved.temp_mc;
	sensor->power_mw = saved.power_mw;
	pthread_mutex_unlock(&sensor->lock);
}
