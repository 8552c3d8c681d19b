/* SPDX-License-Identifier: MIT */
/* An application in miniature: an empty job on a queue of its own. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <accel/accel.h>

struct client {
	struct accel_device *device;
	struct accel_context *context;
	struct accel_queue *queue;
	struct accel_program *program;
};

/**
 * struct client_options - the command line of a benchmark of clients
 * @device: NULL: the only one
 * @disk: of the reference; NULL: none
 * @json: where results go, NULL: standard output
 */
struct client_options {
	const char *device, *disk, *json;
	unsigned int rounds;
};

/**
 * client_options() - read the command line; @options holds what is assumed, @json what --json takes;
 * ends the program if it is wrong
 */
void client_options(struct client_options *options, int argc, char **argv, const char *json);

/** client_check() - end the program if @ret is an error of libaccel; @what: what could not be done */
void client_check(int ret, const char *what);

/** client_open() - @device as accel_device_open(), @spin_ns as of struct accel_queue_opts */
void client_open(struct client *client, const char *device, uint64_t spin_ns);

/** client_alone() - one job, from submission to result */
void client_alone(const struct client *client);

/** client_together() - @count jobs in one submission, up to the last one's result */
void client_together(const struct client *client, unsigned int count);

#endif
