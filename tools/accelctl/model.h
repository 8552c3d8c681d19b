/* SPDX-License-Identifier: MIT */
/*
 * What the commands on models share: options, and values for people.
 */
#ifndef ACCELCTL_MODEL_H
#define ACCELCTL_MODEL_H

#include <accel/accel.h>

#include "args.h"

#define MODEL_DIMS_MAX	ARGS_REPEATS_MAX

/* What accel_pass_get() tells, for the tables of commands. */
#define MODEL_PASSES	"sink qdq fold bias activation view dead"

/* Options of a session, from --dim and --without. */
struct model_opts {
	struct accel_session_opts session;
	struct accel_model_dim dims[MODEL_DIMS_MAX];
	char names[MODEL_DIMS_MAX][160];
	const char *without[ARGS_REPEATS_MAX];
};

/* model_opts_parse() - 0 or EXIT_USAGE, with a message. */
int model_opts_parse(struct model_opts *opts, const struct args *args);

/* model_value_text() - "f32[N,64]"; open axes by their symbol, or as "?". */
#define MODEL_VALUE_TEXT	320
const char *model_value_text(const struct accel_value_info *info, char text[MODEL_VALUE_TEXT]);

struct json_object;
/* model_value_json() - members name, dtype and shape, in which open axes are -1. */
void model_value_json(struct json_object *object, const struct accel_value_info *info);

#endif
