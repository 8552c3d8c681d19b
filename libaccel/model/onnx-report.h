/* SPDX-License-Identifier: MIT */
/*
 * Layers of a model, and runs that look at values within it.
 */
#ifndef ACCEL_PRIV_ONNX_REPORT_H
#define ACCEL_PRIV_ONNX_REPORT_H

#include "accel/report.h"
#include "onnx-edit.h"

/**
 * struct layer - a layer of the original file, or an output of f32
 * @node: its number; SIZE_MAX: an output
 * @x: what is multiplied by the weights
 * @y: the node's result
 * @value: that, after an activation
 * @weights: checked, of f32; an initializer's or a Constant's
 * @axis: of the weights, that of the results' channels
 * @bias: a constant of f32 for each channel, or NULL
 */
struct layer {
	size_t node;
	const char *name, *op, *x, *y, *value, *reason, *weights_name, *bias_name;
	const Onnx__TensorProto *weights, *bias;
	uint32_t axis;
	double low, high, signal, noise, max_error, kept;
	bool measured;
};

struct accel_report {
	struct accel_model *model;
	struct layer *layers;
	uint32_t nlayers;
	uint8_t *file;
	size_t size;
};

/** struct uses - who makes and who takes each value of a graph */
struct uses {
	struct map makers;	/* Onnx__NodeProto */
	struct map takers;	/* the only node that takes a value, or the graph itself */
};

int uses_find(struct uses *u, const Onnx__GraphProto *g);
void uses_free(struct uses *u);

/** report_new() - with all layers and outputs. */
int report_new(struct accel_model *model, const struct uses *u, struct accel_report **report);

int report_opts(struct accel_report_opts *out, const struct accel_report_opts *opts);

/** report_weights() - elements of weights, to be freed. */
float *report_weights(const Onnx__TensorProto *t);

/** struct watch - a model that is run with samples */
struct watch {
	struct accel_model *model;
	struct accel_session *session;
	const struct accel_sample *sample;
};

int watch_open(struct watch *w, struct edit *e);
void watch_close(struct watch *w);
/** watch_run() - with one sample. */
int watch_run(struct watch *w, struct accel_queue *queue, const struct accel_sample *sample);
/** watch_read() - output @i, which must be of f32; to be freed. */
int watch_read(struct watch *w, uint32_t i, float **data, size_t *count);

/** layer_compare() - take differences of @got to @want into account. */
void layer_compare(struct layer *l, const float *want, const float *got, size_t count);

#endif
