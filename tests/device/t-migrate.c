// SPDX-License-Identifier: MIT
/*
 * Machines with a card are saved and taken up: at rest, stopped at work, and at
 * work. Results are the same to the bit. What is damaged ends in an error.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "../core/tap.h"

#define CARD		"loom,id=card,addr=2.0,rings=4,local-size=4M,x-debug=on"
#define DEVFN		(2 << 3)

#define WORDS		(1u << 18)		/* 1 MiB */
#define ADDS		2500u
#define ONES		RIG_DATA
#define SUMS(r)		(RIG_DATA + 0x200000 * (r))

static const char *const incoming[] = { "-incoming", "defer", NULL };
static char file[64];

static void work_begin(struct rig *rig, unsigned int jobs)
{
	for (uint32_t i = 0; i < WORDS; i++)
		((uint32_t *)(void *)(rig->m.ram + ONES))[i] = i % 7 + 1;
	for (unsigned int r = 1; r <= 2; r++) {
		memset(rig->m.ram + SUMS(r), 0, 4 * WORDS);
		rig_begin(rig, r);
		for (unsigned int i = 0; i < ADDS; i++)
			rig_add(rig, r, SUMS(r), ONES, WORDS);
		rig_fence(rig, r, RIG_FENCE(r), 0x900d);
		for (unsigned int i = 0; i < jobs; i++)
			rig_submit(rig, r, r);
		/* and one that has nothing to do but wait behind them */
		rig->size[r] = 0;
		rig_submit(rig, r, r);
	}
	for (unsigned int r = 1; r <= 2; r++)
		LQT_UNTIL(&rig->m, rig_word(rig, SUMS(r)));
}

static bool working(struct rig *rig)
{
	return !rig_retired(rig, 1, rig->index[1] - 1) && !rig_retired(rig, 2, rig->index[2] - 1);
}

static void work_check(struct rig *rig, const char *name)
{
	unsigned int bad = 0, outcomes = 0;

	for (unsigned int r = 1; r <= 2; r++) {
		uint32_t sum = (uint32_t)(rig->index[r] - 1) * ADDS;

		for (uint64_t i = 0; i < rig->index[r]; i++)
			outcomes += rig_outcome(rig, r, i) != LOOM_OUTCOME_OK;
		for (uint32_t i = 0; i < WORDS; i++)
			bad += ((uint32_t *)(void *)(rig->m.ram + SUMS(r)))[i] != sum * (i % 7 + 1);
		LQT_UNTIL(&rig->m, rig_word(rig, RIG_MSI(r + 1)));
	}
	tap_ok(!outcomes, "%s: the jobs end well, those that waited too", name);
	tap_ok(!bad, "%s: every element has its sum", name);
	tap_ok(rig_word(rig, RIG_MSI(2)) == 0x1002 && rig_word(rig, RIG_MSI(3)) == 0x1003,
	       "%s: their interrupts come", name);
}

static void take_up(struct rig *to, const struct rig *from, const char *threads, const char *name)
{
	char device[128];
	int status;

	snprintf(device, sizeof(device), CARD ",threads=%s", threads);
	rig_open(to, LQT_QTEST, device, incoming);
	status = lqt_load(&to->m, file);
	if (status)
		lqt_bail("%s: QEMU ended with wait status 0x%x", name, (unsigned int)status);
	rig_move(to, from);
}

static void idle(void)
{
	static const uint32_t kept[] = {
		LOOM_REG_FEATURES_ACK, LOOM_REG_CTRL, LOOM_REG_GENERATION, LOOM_REG_CTX_BASE,
		LOOM_REG_FAULT_BASE, LOOM_REG_FAULT_WRITE, LOOM_REG_IRQ_ENABLE, LOOM_REG_CNT_PACKETS,
		LOOM_REG_CNT_FAULTS, LOOM_REG_CNT_RESETS, LOOM_REG_IRQ_COALESCE(3),
		LOOM_REG_RING(1) + LOOM_RING_READ, LOOM_REG_RING(1) + LOOM_RING_CTRL,
	};
	uint64_t before[sizeof(kept) / sizeof(kept[0])], clock, index;
	struct rig from, to;
	unsigned int bad = 0;

	rig_start(&from, LQT_QTEST, CARD ",threads=1", NULL);
	rig_place(&from, 0, DEVFN);
	rig_setup(&from);
	rig_set64(&from, LOOM_REG_IRQ_COALESCE(3), 100ull << 32 | 3);
	rig_begin(&from, 0);
	rig_fill(&from, 0, RIG_VA_LOCAL, 1024, 0xabcdef01);
	rig_outcome(&from, 1, rig_submit(&from, 1, 0));
	rig_begin(&from, 0);
	rig_fill(&from, 0, RIG_VA_NONE, 64, 0);
	rig_outcome(&from, 1, rig_submit(&from, 1, 0));
	for (unsigned int i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		before[i] = rig_reg64(&from, kept[i]);
	clock = rig_reg64(&from, LOOM_REG_TIMESTAMP);
	tap_ok(lqt_save(&from.m, file), "idle: saved");
	tap_ok(rig_stop(&from), "idle: QEMU ends");
	take_up(&to, &from, "3", "idle");
	for (unsigned int i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		bad += rig_reg64(&to, kept[i]) != before[i];
	tap_ok(!bad, "idle: registers are the same");
	tap_ok(rig_reg64(&to, LOOM_REG_TIMESTAMP) >= clock, "idle: the clock has not gone back");
	tap_ok(lqt_read(&to.m, 8, RIG_BAR2 + 4088) == 0xabcdef01abcdef01, "idle: local memory came along");
	rig_begin(&to, 0);
	rig_fence(&to, 0, RIG_FENCE(0), 1);
	index = rig_submit(&to, 1, 0);
	tap_ok(rig_outcome(&to, 1, index) == LOOM_OUTCOME_CONTEXT_STOPPED, "idle: the context is stopped");
	rig_set(&to, LOOM_REG_CTX_START, 2);
	rig_word_set(&to, RIG_MSI(2), 0);
	index = rig_submit(&to, 1, 0);
	tap_ok(rig_outcome(&to, 1, index) == LOOM_OUTCOME_OK && rig_word(&to, RIG_FENCE(0)) == 1,
	       "idle: the card works");
	LQT_UNTIL(&to.m, rig_word(&to, RIG_MSI(2)));
	tap_ok(rig_word(&to, RIG_MSI(2)) == 0x1002, "idle: and interrupts");
	rig_flr(&to);
	rig_place(&to, 0, DEVFN);
	tap_ok(rig_reg(&to, LOOM_REG_GENERATION) == before[2] + 1, "idle: FLR");
	tap_ok(rig_stop(&to), "idle: the other QEMU ends");
}

/* The machine stands still while it is saved, so that the jobs surely have not ended. */
static void stopped(const char *from_threads, const char *to_threads)
{
	char device[128], name[64];
	struct rig from, to;
	uint8_t *copy = malloc(LQT_RAM);

	if (!copy)
		lqt_bail("no memory");
	snprintf(device, sizeof(device), CARD ",threads=%s", from_threads);
	snprintf(name, sizeof(name), "stopped at work, %s to %s threads", from_threads, to_threads);
	rig_start(&from, LQT_QTEST, device, NULL);
	rig_place(&from, 0, DEVFN);
	rig_setup(&from);
	work_begin(&from, 1);
	if (!lqt_qmp(&from.m, "stop", NULL))
		lqt_bail("no stop");
	tap_ok(working(&from) && rig_still(&from, copy), "%s: no byte changes", name);
	tap_ok(lqt_save(&from.m, file) && rig_still(&from, copy), "%s: saved", name);
	take_up(&to, &from, to_threads, name);
	tap_ok(working(&to) && rig_still(&to, copy), "%s: it waits for the machine to go on", name);
	if (!lqt_qmp(&to.m, "cont", NULL))
		lqt_bail("no cont");
	work_check(&to, name);
	tap_ok(rig_stop(&to), "%s: the other QEMU ends", name);
	/* who was saved can go on as well, as after a snapshot */
	if (!lqt_qmp(&from.m, "cont", NULL))
		lqt_bail("no cont");
	snprintf(name, sizeof(name), "the first goes on, %s threads", from_threads);
	work_check(&from, name);
	tap_ok(rig_stop(&from), "%s: QEMU ends", name);
	free(copy);
}

/* Memory is copied while the card writes it: what it changed must be copied again. */
static void live(void)
{
	struct rig from, to;
	bool was;

	rig_start(&from, LQT_QTEST, CARD ",threads=1", NULL);
	rig_place(&from, 0, DEVFN);
	rig_setup(&from);
	work_begin(&from, 8);
	if (!lqt_save(&from.m, file))
		lqt_bail("not saved");
	was = working(&from);
	tap_ok(rig_stop(&from), "live: QEMU ends");
	take_up(&to, &from, "1", "live");
	printf("# live: %s\n", was ? "moved at work" : "the jobs had ended before it was moved");
	work_check(&to, "live");
	tap_ok(rig_stop(&to), "live: the other QEMU ends");
}

static uint8_t *slurp(size_t *size)
{
	FILE *in = fopen(file, "rb");
	uint8_t *data = malloc(256 << 20);

	if (!in || !data)
		lqt_bail("cannot read %s", file);
	*size = fread(data, 1, 256 << 20, in);
	fclose(in);
	return data;
}

static void spit(const uint8_t *data, size_t size)
{
	FILE *out = fopen(file, "wb");

	if (!out || fwrite(data, 1, size, out) != size || fclose(out))
		lqt_bail("cannot write %s", file);
}

static void refused(const char *device, const uint8_t *data, size_t size, const char *name)
{
	struct rig to;
	int status;

	spit(data, size);
	rig_open(&to, LQT_QTEST, device, incoming);
	status = lqt_load(&to.m, file);
	if (!status)
		rig_stop(&to);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "refused: %s", name);
}

static void damaged(void)
{
	static const char magic[] = "LOMESTAT";
	uint8_t *data, *core;
	struct rig from;
	size_t size;

	rig_start(&from, LQT_QTEST, CARD ",threads=1", NULL);
	rig_place(&from, 0, DEVFN);
	rig_setup(&from);
	work_begin(&from, 1);
	if (!lqt_qmp(&from.m, "stop", NULL) || !lqt_save(&from.m, file))
		lqt_bail("not saved");
	tap_ok(rig_stop(&from), "damaged: QEMU ends");
	data = slurp(&size);
	core = memmem(data, size, magic, 8);
	if (!core)
		lqt_bail("the stream has no state of the card");
	refused(CARD ",contexts=77", data, size, "another number of contexts");
	refused("loom,id=card,addr=2.0,rings=4,local-size=4M", data, size, "other features");
	core[-1] ^= 1;
	refused(CARD, data, size, "another length");
	core[-1] ^= 1;
	core[-4] = 0xff;
	refused(CARD, data, size, "a length beyond all measure");
	core[-4] = 0;
	core[8] = 2;
	refused(CARD, data, size, "a later version");
	core[8] = 1;
	/* device registers: FEATURES_ACK is the first, after identity, number and offset */
	core[60 + 4 + 4 + 7] = 0x80;
	refused(CARD, data, size, "a register with an impossible value");
	core[60 + 4 + 4 + 7] = 0;
	refused(CARD, data, (size_t)(core - data) + 1000, "an end in the midst of it");
	free(data);
}

int main(void)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	snprintf(file, sizeof(file), "%.40s/loom-XXXXXX", dir && *dir ? dir : "/tmp");
	fd = mkstemp(file);
	if (fd < 0)
		lqt_bail("cannot create %s", file);
	close(fd);
	tap_group(11, "migration");
	idle();
	stopped("0", "2");
	stopped("2", "0");
	live();
	damaged();
	unlink(file);
	return tap_done();
}
