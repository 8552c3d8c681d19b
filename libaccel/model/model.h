/* SPDX-License-Identifier: MIT */
#ifndef ACCEL_PRIV_MODEL_H
#define ACCEL_PRIV_MODEL_H

#include <stdatomic.h>

#include "ir.h"

/**
 * struct accel_model - a file that was read
 * @file: what the importer made of it
 * @inputs: which of the file's inputs are some
 */
struct accel_model {
	atomic_uint refs;
	void *file;
	uint32_t *inputs;
	uint32_t ninputs;
};

/** model_graph() - the graph of a model, through the passes up to @after (see pass_run()).
 * @opts: checked already
 */
int model_graph(struct accel_model *model, const struct accel_session_opts *opts,
		const char *after, struct ir_graph **graph);

/** model_session_opts() - take a caller's options. */
int model_session_opts(struct accel_session_opts *out, const struct accel_session_opts *opts);

/** model_value() - tell a caller of a value. */
int model_value(const struct ir_value *v, struct accel_value_info *info);

#endif
