/* SPDX-License-Identifier: MIT */
/*
 * An open device with one context and one queue: what most commands work with.
 */
#ifndef ACCELCTL_CARD_H
#define ACCELCTL_CARD_H

#include <accel/accel.h>

struct card {
	struct accel_device *device;
	struct accel_context *context;
	struct accel_queue *queue;
	struct accel_device_props props;
};

struct json_object;

/* All return 0 or an exit code, with a message. card_close() takes a zeroed structure too. */
int card_open(struct card *card, const char *name);
int card_open_queue(struct card *card, const char *name, const struct accel_queue_opts *opts);
void card_close(struct card *card);

/* card_run() - run a finished program: result says how it went; a failed job is no error. */
int card_run(struct card *card, struct accel_program *program, uint64_t deadline,
	     const char *what, struct accel_result *result);

/* card_seconds() - observed duration of a job. */
double card_seconds(const struct card *card, const struct accel_result *result);

/* card_describe() - the "device" member of a JSON document; card_field() - the line for people. */
void card_describe(const struct card *card, struct json_object *document);
void card_field(const struct card *card);

/* deadline_in() - of a duration, 0: none. */
uint64_t deadline_in(uint64_t ns);

#endif
