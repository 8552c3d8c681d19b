/* SPDX-License-Identifier: MIT */
/*
 * What operators of the domain ai.onnx.ml have in common.
 */
#ifndef ACCEL_PRIV_ONNX_ML_H
#define ACCEL_PRIV_ONNX_ML_H

#include "onnx.h"

/** ml_one_of() - which of @names a string attribute has; absent is the first, c->why if none. */
int ml_one_of(struct onnx_cx *c, const char *name, const char *const *names);

/** ml_labels() - labels of classes as a constant; NULL with c->why or an error. */
struct ir_value *ml_labels(struct onnx_cx *c, const char *name, int64_t *count);

/** ml_transform() - what 'post_transform' makes of scores, [rows, classes]. */
struct ir_value *ml_transform(struct onnx_cx *c, struct ir_value *scores);

/**
 * ml_classes() - the two results of a classifier
 * @scores: [rows, classes]
 * @one: of two classes there is the score of the second alone, [rows, 1]
 * @positive: it is a probability, else it is above zero for the second
 */
void ml_classes(struct onnx_cx *c, struct ir_value *scores, struct ir_value *labels, bool one,
		bool positive);

#endif
