// SPDX-License-Identifier: MIT
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

#define TOGETHER_MAX	64

void client_options(struct client_options *options, int argc, char **argv, const char *json)
{
	static const struct option known[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "disk", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "json", required_argument, NULL, 'j' },
		{ 0 }
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'd':
			options->device = optarg;
			break;
		case 'n':
			options->disk = optarg;
			break;
		case 'r':
			options->rounds = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'j':
			options->json = optarg;
			break;
		default:
			exit(2);
		}
	}
	if (optind == argc && options->rounds)
		return;
	fprintf(stderr, "usage: %s [--device DEVICE] [--disk DISK] [--rounds N] [--json %s]\n", argv[0],
		json);
	exit(2);
}

void client_check(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "bench: cannot %s: %s\n", what, accel_last_error()->text);
	exit(1);
}

void client_open(struct client *client, const char *device, uint64_t spin_ns)
{
	struct accel_queue_opts opts = ACCEL_INIT(opts);

	opts.spin_ns = spin_ns;
	client_check(accel_device_open(device, NULL, &client->device), "open the card");
	client_check(accel_context_create(client->device, NULL, &client->context),
		     "make a context");
	client_check(accel_queue_create(client->context, &opts, &client->queue), "make a queue");
	client_check(accel_program_create(client->context, &client->program), "make a program");
	client_check(accel_program_finish(client->program), "finish a program");
}

void client_alone(const struct client *client)
{
	client_check(accel_queue_run(client->queue, client->program, ACCEL_FOREVER, NULL),
		     "run a job");
}

void client_together(const struct client *client, unsigned int count)
{
	struct accel_job jobs[TOGETHER_MAX];
	struct accel_fence *fence;

	for (unsigned int i = 0; i < count; i++) {
		jobs[i] = (struct accel_job)ACCEL_INIT(jobs[i]);
		jobs[i].program = client->program;
	}
	client_check(accel_queue_submit(client->queue, jobs, count, &fence), "submit jobs");
	client_check(accel_fence_wait(fence, ACCEL_FOREVER), "wait for jobs");
	client_check(accel_fence_result(fence, NULL), "run jobs");
	accel_fence_unref(fence);
}
