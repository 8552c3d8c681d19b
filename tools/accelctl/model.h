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
#define MODEL_PASSES	"sink qdq fold norm gelu gather pad bias batchnorm residual activation " \
			"weights view dead place channels"

/* Options of commands that compile a model, for model_opts_parse(). */
#define MODEL_DIM_OPTION \
	{ .name = "dim", .kind = VALUE_TEXT, .value = "NAME=SIZE", .repeat = true, \
	  .help = "size of an open axis: a symbol, or INPUT:AXIS; repeatable; else 1" }
#define MODEL_WITHOUT_OPTION \
	{ .name = "without", .kind = VALUE_CHOICE, .value = "PASS", .repeat = true, \
	  .choices = MODEL_PASSES, .help = "leave a pass of the compiler out; repeatable" }

#define MODEL_FIX_OPTION \
	{ .name = "fix", .kind = VALUE_TEXT, .value = "NAME=FILE", .repeat = true, \
	  .help = "an input that is a constant of the model from now on, such as one that shapes are computed " \
		  "from: .npy, or .pb; repeatable" }

/* Options of a session, from --dim, --without and --fix. */
struct model_opts {
	struct accel_session_opts session;
	struct accel_model_dim dims[MODEL_DIMS_MAX];
	char names[MODEL_DIMS_MAX][160];
	const char *without[ARGS_REPEATS_MAX];
	struct accel_model_fixed fixed[ARGS_REPEATS_MAX];
	struct {
		void *data;
		bool from_pb;
	} files[ARGS_REPEATS_MAX];
};

/* model_opts_parse() - all but --fix. 0 or EXIT_USAGE, with a message. */
int model_opts_parse(struct model_opts *opts, const struct args *args);

/* model_opts_fix() - take --fix, of inputs of @model. 0 or an exit status, with a message. */
int model_opts_fix(struct model_opts *opts, struct accel_model *model, const struct args *args);

/* model_opts_fixed() - whether an input is. */
bool model_opts_fixed(const struct model_opts *opts, const char *name);

/* model_opts_end() - give up what --fix has read. */
void model_opts_end(struct model_opts *opts);

/* model_value_text() - "f32[N,64]"; open axes by their symbol, or as "?". */
#define MODEL_VALUE_TEXT	320
const char *model_value_text(const struct accel_value_info *info, char text[MODEL_VALUE_TEXT]);

/*
 * model_read() - elements from a .npy file, or from a .pb file with an ONNX tensor.
 * @info: of the input that they are for; set to what the file has, but for the name
 */
int model_read(struct accel_value_info *info, const char *file, void **data, bool *from_pb);
void model_read_free(void *data, bool from_pb);

/* model_fit() - check data against input @i; axes that it leaves open are as long as the data. */
int model_fit(struct model_opts *opts, struct accel_model *model, uint32_t i,
	      const struct accel_value_info *have, const char *file);

struct json_object;
/* model_value_json() - members name, dtype and shape, in which open axes are -1. */
void model_value_json(struct json_object *object, const struct accel_value_info *info);

#endif
