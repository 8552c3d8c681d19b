// SPDX-License-Identifier: MIT
/*
 * What a job costs, beside a read from QEMU's NVMe controller, and what other clients and
 * buffers add to that.
 *
 *	bench-jobs [--device DEVICE] [--disk DISK] [--rounds N] [--json DIRECTORY]
 *
 * Empty jobs, from before the submission to after the wait. Everything is set up before the
 * first measurement and measured in turns. Without --disk there is no reference.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "nvme.h"
#include "report.h"

#define ALONE		400	/* jobs or reads of a sample, one at a time */
#define BATCH		64
#define BATCHES		40	/* submissions of a sample */
#define CLIENTS_MAX	64
#define BUFFER_SIZE	4096

/* One after the other, each by the next client: the median. */
static double alone(const struct client *clients, unsigned int count)
{
	uint64_t times[ALONE];

	for (unsigned int i = 0; i < ALONE; i++) {
		uint64_t start = clock_ns();

		client_alone(&clients[i % count]);
		times[i] = clock_ns() - start;
	}
	return clock_median(times, ALONE);
}

/* Submissions of many jobs, each by the next client and waited for before the next: per job. */
static double together(const struct client *clients, unsigned int count)
{
	uint64_t times[BATCHES];

	for (unsigned int i = 0; i < BATCHES; i++) {
		uint64_t start = clock_ns();

		client_together(&clients[i % count], BATCH);
		times[i] = clock_ns() - start;
	}
	return clock_median(times, BATCHES) / BATCH;
}

/* All clients at a time, one submission of each under way: per job. */
static double crowd(const struct client *clients, unsigned int count)
{
	unsigned int rounds = BATCHES / count ? BATCHES / count : 1;
	struct accel_fence *fences[CLIENTS_MAX];
	struct accel_job jobs[BATCH];
	uint64_t start = clock_ns();

	for (unsigned int round = 0; round < rounds; round++) {
		for (unsigned int i = 0; i < count; i++) {
			for (unsigned int k = 0; k < BATCH; k++) {
				jobs[k] = (struct accel_job)ACCEL_INIT(jobs[k]);
				jobs[k].program = clients[i].program;
			}
			client_check(accel_queue_submit(clients[i].queue, jobs, BATCH, &fences[i]),
			      "submit jobs");
		}
		for (unsigned int i = 0; i < count; i++) {
			client_check(accel_fence_wait(fences[i], ACCEL_FOREVER), "wait for jobs");
			client_check(accel_fence_result(fences[i], NULL), "run jobs");
			accel_fence_unref(fences[i]);
		}
	}
	return (double)(clock_ns() - start) / rounds / count / BATCH;
}

/* So many buffers, all mapped for the card as long as the program runs. */
static void hold_buffers(struct client *client, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct accel_buffer *buffer;

		client_check(accel_buffer_alloc(client->context, BUFFER_SIZE, 0, &buffer),
		      "allocate a buffer");
	}
}

static void against_nvme(struct report *report, const struct client *polling,
			 const struct client *sleeping, bool disk)
{
	double read = disk ? nvme_alone(ALONE) : 0;

	report_sample(report, "one at a time, polling first", 1, "us", alone(polling, 1) / 1e3,
		      read / 1e3);
	read = disk ? nvme_alone(ALONE) : 0;
	report_sample(report, "one at a time, sleeping", 1, "us", alone(sleeping, 1) / 1e3,
		      read / 1e3);
	read = disk ? nvme_together(BATCH, BATCHES) : 0;
	report_sample(report, "each of 64", BATCH, "us", together(polling, 1) / 1e3, read / 1e3);
}

/* References are the first point's, of the same round. */
static void scaling(struct report *report, const struct client *const *sets,
		    const unsigned int *counts, const double *points, unsigned int n,
		    const char *what)
{
	static const struct {
		const char *series;
		double (*measure)(const struct client *clients, unsigned int count);
	} ways[] = {
		{ "one at a time", alone },
		{ "each of 64", together },
		{ "each of 64, all clients at once", crowd },
	};

	for (unsigned int way = 0; way < 3; way++) {
		double first = 0;

		if (ways[way].measure == crowd && !strcmp(what, "buffers"))
			continue;
		for (unsigned int i = 0; i < n; i++) {
			double ns = ways[way].measure(sets[i], counts[i]);

			if (!i)
				first = ns;
			report_sample(report, ways[way].series, points[i], "us", ns / 1e3,
				      first / 1e3);
		}
	}
}

static char *json_path(const char *directory, const char *name)
{
	static char paths[3][4096];
	static unsigned int used;
	char *path = paths[used++ % 3];

	if (!directory)
		return NULL;
	snprintf(path, sizeof(paths[0]), "%s/%s.json", directory, name);
	return path;
}

int main(int argc, char **argv)
{
	static const struct report_head latency = {
		.bench = "jobs", .title = "An empty job, submission to result",
		.x = "jobs", .against = "4 KiB read from NVMe on a null block device",
	}, clients = {
		.bench = "clients", .title = "What a job costs with more clients",
		.x = "clients", .against = "1 client",
	}, buffers = {
		.bench = "buffers", .title = "What a job costs with more buffers",
		.x = "buffers", .against = "10 buffers",
	};
	static const unsigned int client_counts[] = { 1, 8, 64 }, ones[] = { 1, 1, 1 };
	static const double client_points[] = { 1, 8, 64 }, buffer_points[] = { 10, 1000, 10000 };
	static struct client many[CLIENTS_MAX], rich[3], sleeping;
	const struct client *client_sets[] = { many, many, many };
	const struct client *buffer_sets[] = { &rich[0], &rich[1], &rich[2] };
	struct client_options options = { .rounds = 7 };
	struct report *reports[3];
	int ret;

	client_options(&options, argc, argv, "DIRECTORY");
	if (options.disk)
		nvme_open(options.disk);
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		client_open(&many[i], options.device, 0);
	client_open(&sleeping, options.device, ACCEL_NO_SPIN);
	for (unsigned int i = 0; i < 3; i++) {
		client_open(&rich[i], options.device, 0);
		hold_buffers(&rich[i], (unsigned int)buffer_points[i]);
	}
	/* The first jobs of a client touch what later ones find in caches and TLBs. */
	alone(many, CLIENTS_MAX);
	alone(rich, 3);
	alone(&sleeping, 1);

	reports[0] = report_open(&latency);
	reports[1] = report_open(&clients);
	reports[2] = report_open(&buffers);
	for (unsigned int round = 0; round < options.rounds; round++) {
		against_nvme(reports[0], many, &sleeping, options.disk);
		scaling(reports[1], client_sets, client_counts, client_points, 3, "clients");
		scaling(reports[2], buffer_sets, ones, buffer_points, 3, "buffers");
	}
	ret = report_close(reports[0], json_path(options.json, "jobs"));
	ret |= report_close(reports[1], json_path(options.json, "clients"));
	ret |= report_close(reports[2], json_path(options.json, "buffers"));
	/* What is open the end of the process closes. */
	return ret;
}
