// SPDX-License-Identifier: MIT
/*
 * What operators look at: sensors (hwmon) and what has gone wrong (ras/ of the PCI function). Needs
 * root, and a card whose only ring for users is known.
 */
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define DATA		(CLIENT_VA + CLIENT_DATA)
#define NOWHERE		0x700000000000ull
#define TIMEOUT_MS	300

/* ---- sensors ---------------------------------------------------------------------------- */

FIXTURE(sensor) {
	struct client c;
	char dir[256];
};

FIXTURE_SETUP(sensor)
{
	char pattern[128];
	glob_t found;

	ASSERT_EQ(0, client_open(&self->c, 0, 0));
	snprintf(pattern, sizeof(pattern), "/sys/bus/pci/devices/%s/hwmon/hwmon*", root_address());
	ASSERT_EQ(0, glob(pattern, 0, NULL, &found));
	EXPECT_EQ(1, found.gl_pathc);
	snprintf(self->dir, sizeof(self->dir), "%s", found.gl_pathv[0]);
	globfree(&found);
}

FIXTURE_TEARDOWN(sensor)
{
	client_close(&self->c);
}

static int text(FIXTURE_DATA(sensor) *self, const char *name, char *out, size_t size)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", self->dir, name);
	return root_text(path, out, size);
}

static uint64_t number(struct __test_metadata *_metadata, FIXTURE_DATA(sensor) *self,
		       const char *name)
{
	uint64_t value = 0;
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", self->dir, name);
	EXPECT_EQ(0, root_number(path, &value)) TH_LOG("%s", name);
	return value;
}

TEST_F(sensor, names)
{
	static const char *const labels[] = { "temp1_label", "power1_label", "energy1_label" };
	char name[64];

	ASSERT_EQ(0, text(self, "name", name, sizeof(name)));
	EXPECT_STREQ("loom", name);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, text(self, labels[i], name, sizeof(name)));
		EXPECT_STREQ("card, modelled", name);
	}
}

/* Static power is 25 W, and the air has 25 degrees. */
TEST_F(sensor, values)
{
	uint64_t temp = number(_metadata, self, "temp1_input");
	uint64_t energy = number(_metadata, self, "energy1_input");

	EXPECT_LE(25000, temp);
	EXPECT_GT(150000, temp);
	EXPECT_LE(25000000, number(_metadata, self, "power1_average"));
	EXPECT_EQ(100, number(_metadata, self, "power1_average_interval"));
	EXPECT_LT(0, energy);
	EXPECT_LT(energy, number(_metadata, self, "energy1_input"));
}

/* Work shows: beyond static power, in some period. Each job is enough for that, however slow the machine. */
TEST_F(sensor, power_of_work)
{
	uint64_t limit = now() + PATIENCE, power;
	void *p = self->c.cpu;
	uint32_t size;

	for (int i = 0; i < 100; i++)
		p = pkt_fill(p, DATA, 1, 4096);
	size = client_size(&self->c, p);
	ASSERT_GE(CLIENT_DATA, size);
	do {
		for (int i = 0; i < 20; i++)
			ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, size));
		power = number(_metadata, self, "power1_average");
	} while (power == 25000000 && now() < limit);
	EXPECT_LT(25000000, power);
}

/* In a reset the card shows zeros: nobody may see them. */
TEST_F(sensor, resets)
{
	uint64_t energy, last = 0, bad = 0, n = 0;
	pid_t child = fork();
	int status;

	ASSERT_GE(child, 0);
	if (!child) {
		for (int i = 0; i < 20; i++)
			if (root_debug("reset", "device"))
				_exit(1);
		_exit(0);
	}
	do {
		energy = number(_metadata, self, "energy1_input");
		bad += energy < last;
		last = energy;
		bad += number(_metadata, self, "temp1_input") < 25000;
		bad += number(_metadata, self, "power1_average") < 25000000;
		n++;
	} while (!waitpid(child, &status, WNOHANG));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, bad);
	TH_LOG("%d looks", (int)n);
}

/* ---- what has gone wrong ------------------------------------------------------------------ */

static const char *const counters[] = {
	"ring_resets", "device_resets", "faults", "hangs", "lost_interrupts", "wedged",
	"memory_corrected", "memory_uncorrected",
};

#define COUNTERS	(sizeof(counters) / sizeof(counters[0]))

FIXTURE(ras) {
	struct client c;
	struct root_rings rings;
	uint64_t before[COUNTERS];
	uint32_t signal;
};

static void look(struct __test_metadata *_metadata, uint64_t *values)
{
	char path[64];

	for (unsigned int i = 0; i < COUNTERS; i++) {
		snprintf(path, sizeof(path), "ras/%s", counters[i]);
		ASSERT_EQ(0, root_number(path, &values[i])) TH_LOG("%s", path);
	}
}

/* All are as before, but NAME is COUNT more, and MORE, if not NULL, may be anything. */
static void expect_counted(struct __test_metadata *_metadata, FIXTURE_DATA(ras) *self,
			   const char *name, uint64_t count, const char *more)
{
	uint64_t after[COUNTERS];

	look(_metadata, after);
	for (unsigned int i = 0; i < COUNTERS; i++) {
		uint64_t want = strcmp(counters[i], name) ? 0 : count;

		if (!more || strcmp(counters[i], more))
			EXPECT_EQ(want, after[i] - self->before[i]) TH_LOG("%s", counters[i]);
	}
}

FIXTURE_SETUP(ras)
{
	ASSERT_EQ(0, client_open(&self->c, TIMEOUT_MS, 60000));
	ASSERT_EQ(0, root_rings(&self->rings));
	ASSERT_EQ(0, sync_create(self->c.fd, &self->signal));
	look(_metadata, self->before);
	EXPECT_EQ(0, self->before[5]);
}

FIXTURE_TEARDOWN(ras)
{
	client_close(&self->c);
}

static uint32_t fence(struct client *c)
{
	return client_size(c, pkt_fence(c->cpu, DATA, 1));
}

/* The watchdog may find late what a slow machine was slow to tell. */
#define SLOW	"lost_interrupts"

TEST_F(ras, fault)
{
	uint32_t size = client_size(&self->c, pkt_fence(self->c.cpu, NOWHERE, 1));

	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, size));
	expect_counted(_metadata, self, "faults", 1, SLOW);
}

TEST_F(ras, hang)
{
	uint32_t size = client_size(&self->c, pkt_hang(self->c.cpu, false));

	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, size));
	expect_counted(_metadata, self, "hangs", 1, SLOW);
}

TEST_F(ras, ring_reset)
{
	ASSERT_EQ(0, root_debugf("reset", "%u", self->rings.ring));
	expect_counted(_metadata, self, "ring_resets", 1, SLOW);
}

TEST_F(ras, device_reset)
{
	ASSERT_EQ(0, root_debug("reset", "device"));
	ASSERT_EQ(0, root_debug("reset", "device"));
	expect_counted(_metadata, self, "device_resets", 2, SLOW);
}

/* One is late when the watchdog finds it, if the watchdog does not come at once. */
TEST_F(ras, lost_interrupt)
{
	uint64_t limit = now() + PATIENCE, after;

	do {
		ASSERT_EQ(0, root_debugf("inject", "lost-irq %u", self->rings.ring));
		ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, fence(&self->c)));
		ASSERT_EQ(0, root_number("ras/lost_interrupts", &after));
	} while (after == self->before[4] && now() < limit);
	EXPECT_LT(self->before[4], after);
	expect_counted(_metadata, self, "faults", 0, SLOW);
}

TEST_F(ras, memory)
{
	ASSERT_EQ(0, root_debugf("inject", "ecc-corrected %u", self->rings.ring));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, fence(&self->c)));
	EXPECT_EQ(1, self->c.data[0]);
	expect_counted(_metadata, self, "memory_corrected", 1, SLOW);
	look(_metadata, self->before);
	ASSERT_EQ(0, root_debugf("inject", "ecc %u", self->rings.ring));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, fence(&self->c)));
	/* It ended the queue. */
	self->before[2]++;
	expect_counted(_metadata, self, "memory_uncorrected", 1, SLOW);
}

TEST_HARNESS_MAIN
