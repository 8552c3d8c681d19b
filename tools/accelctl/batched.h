/* SPDX-License-Identifier: MIT */
/*
 * Rows of a model's inputs as requests of their own, which libaccel puts together.
 */
#ifndef ACCELCTL_BATCHED_H
#define ACCELCTL_BATCHED_H

#include <accel/accel.h>

/**
 * struct batched - what was asked, and what came of it
 * @rows: requests
 * @inputs, @outputs: elements of all rows
 * @max_rows: largest batch
 * @deadline: of the requests' wait
 */
struct batched {
	struct accel_model *model;
	struct accel_queue *queue;
	const struct accel_session_opts *session;
	uint32_t rows, max_rows;
	const void *const *inputs;
	void *const *outputs;
	uint64_t deadline;
	/* results */
	struct accel_batcher_info info;
	double seconds;
};

/* batched_run() - 0 or an exit code, with a message. */
int batched_run(struct batched *batched);

#endif
