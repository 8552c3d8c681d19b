/* SPDX-License-Identifier: MIT */
/*
 * A small model and its session on the device under test.
 */
#ifndef TEST_LIBACCEL_ONE_H
#define TEST_LIBACCEL_ONE_H

#include "check.h"
#include "onnx.h"

struct one {
	struct bench b;
	struct accel_model *model;
	struct accel_session *session;
};

/* To be undone by one_done() whatever it returns: the session's error, or 1 if there is no model. */
int one_make(struct one *o, const Onnx__ModelProto *m, const struct accel_session_opts *opts);
void one_done(struct one *o);

/* False if it failed, which is recorded as a failure of the test. */
bool one_run(struct one *o);

/*
 * Whether a model of one input or none gives these elements as its first output: to the bit, or floats within
 * @tolerance. What is wrong is printed.
 */
bool one_gives(const Onnx__ModelProto *m, const void *x, size_t size, const void *want, size_t want_size);
bool one_near(const Onnx__ModelProto *m, const void *x, size_t size, const float *want, size_t count,
	      double tolerance);

#endif
