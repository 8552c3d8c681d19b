// SPDX-License-Identifier: MIT
/*
 * Instructions that the guest executes for a job, all of it: library, driver, interrupt, the
 * kernel's scheduling; and for a read from QEMU's NVMe controller beside it.
 *
 *	bench-instructions [--device DEVICE] [--disk DISK] [--rounds N] [--json FILE]
 *
 * For a machine of one processor whose clock counts instructions, one a nanosecond (QEMU's
 * -icount shift=0): what a stretch of time has in instructions is its length without what the
 * processor was idle. Waiters sleep; one that polls executes as many as the card leaves it time for.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "nvme.h"
#include "report.h"

#define BATCH	64
#define ALONE	4000	/* jobs or reads of a sample: the kernel counts idle time in 10 ms */
#define BATCHES	400

static uint64_t idle_ns(void)
{
	unsigned long long user, nice, system, idle, wait;
	FILE *file = fopen("/proc/stat", "r");

	if (!file || fscanf(file, "cpu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle,
			    &wait) != 5) {
		fprintf(stderr, "bench: cannot read /proc/stat\n");
		exit(1);
	}
	fclose(file);
	return (idle + wait) * (1000000000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

struct stretch {
	uint64_t start, idle;
};

static struct stretch begin(void)
{
	return (struct stretch){ clock_ns(), idle_ns() };
}

/* Thousands of instructions of each of @count. */
static double end(struct stretch from, unsigned int count)
{
	return (double)(clock_ns() - from.start - (idle_ns() - from.idle)) / count / 1e3;
}

static void round_of(struct report *report, const struct client *client, bool disk)
{
	struct stretch from;
	double read = 0;

	if (disk) {
		from = begin();
		nvme_alone(ALONE);
		read = end(from, ALONE);
	}
	from = begin();
	for (unsigned int i = 0; i < ALONE; i++)
		client_alone(client);
	report_sample(report, "one at a time", 1, "k", end(from, ALONE), read);
	if (disk) {
		from = begin();
		nvme_together(BATCH, BATCHES);
		read = end(from, BATCH * BATCHES);
	}
	from = begin();
	for (unsigned int i = 0; i < BATCHES; i++)
		client_together(client, BATCH);
	report_sample(report, "each of 64", BATCH, "k", end(from, BATCH * BATCHES), read);
}

int main(int argc, char **argv)
{
	static const struct report_head head = {
		.bench = "instructions", .title = "Instructions of the guest for an empty job",
		.x = "jobs", .against = "4 KiB read from NVMe on a null block device",
	};
	struct client_options options = { .rounds = 3 };
	struct report *report;
	struct client client;

	client_options(&options, argc, argv, "FILE");
	if (options.disk)
		nvme_open(options.disk);
	client_open(&client, options.device, ACCEL_NO_SPIN);
	client_alone(&client);
	report = report_open(&head);
	for (unsigned int round = 0; round < options.rounds; round++)
		round_of(report, &client, options.disk);
	return report_close(report, options.json);
	/* What is open the end of the process closes. */
}
