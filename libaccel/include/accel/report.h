/* SPDX-License-Identifier: MIT */
/*
 * What smaller weights cost: models quantised to integers of 8 bits, and what pruning would lose,
 * layer by layer, measured with inputs of the caller.
 *
 * A layer is a Conv, MatMul or Gemm whose weights are a constant of f32.
 */
#ifndef ACCEL_REPORT_H
#define ACCEL_REPORT_H

#include "model.h"

struct accel_report;

/**
 * struct accel_sample - inputs of one run
 * @inputs: elements of each input, in the model's order and with the sizes that @dims give
 * @dims: sizes of open axes; those that are not named are 1
 * @ndims: number of them
 *
 * The layout of this structure is final. Samples of equal @dims should follow each other.
 */
struct accel_sample {
	const void *const *inputs;
	const struct accel_model_dim *dims;
	size_t ndims;
};

/**
 * enum accel_calibration - which range of an activation the integers span
 * @ACCEL_CALIBRATE_MINMAX: all that the samples showed
 * @ACCEL_CALIBRATE_PERCENTILE: a share of it: what is beyond saturates
 */
enum accel_calibration {
	ACCEL_CALIBRATE_MINMAX		= 0,
	ACCEL_CALIBRATE_PERCENTILE	= 1,
};

/**
 * struct accel_report_opts - how to quantise and to measure
 * @sz: ACCEL_INIT
 * @flags: must be zero
 * @samples: inputs to calibrate and to measure with; not needed after the call
 * @nsamples: number of them
 * @calibration: how ranges are chosen
 * @percentile: of ACCEL_CALIBRATE_PERCENTILE: percent of the elements that are within the range,
 *	50 to 100; 0: 99.99
 */
struct accel_report_opts {
	size_t sz;
	uint64_t flags;
	const struct accel_sample *samples;
	size_t nsamples;
	enum accel_calibration calibration;
	double percentile;
};

/**
 * struct accel_layer_info - a layer, or an output of the model
 * @sz: ACCEL_INIT
 * @name: name of its node, or of its result if that has none
 * @op: "Conv", "MatMul", "Gemm"; "output" of an output of f32, which follow the layers
 * @value: the name of what was compared: the layer's result, after its activation
 * @reason: why the layer is left as it is, or ""
 * @weights: number of its weights
 * @low: least element of @value in the original model; NaN without samples
 * @high: the largest
 * @signal_db: the sum of squares of @value over that of the differences, in dB: infinite if there
 *	is no difference; NaN if it was not measured
 * @max_error: the largest difference; NaN if it was not measured
 * @kept: of pruning: the share of the weights' squares that is kept; else NaN
 *
 * Differences are over all samples. Of accel_model_quantize() they are between the two models,
 * with all errors that came before; of accel_model_prune() a layer's are its own, with the
 * inputs that it has in the original model, and an output's those of all layers pruned together.
 */
struct accel_layer_info {
	size_t sz;
	const char *name;
	const char *op;
	const char *value;
	const char *reason;
	uint64_t weights;
	double low;
	double high;
	double signal_db;
	double max_error;
	double kept;
};

#ifdef __cplusplus
extern "C" {
#endif

/**
 * accel_model_quantize() - make a model of integers of 8 bits out of one of f32
 * @model: operators of version 13 or later
 * @queue: where the samples are run
 * @opts: with at least one sample
 * @report: set to the result, to be freed with accel_report_free()
 *
 * The new model is in QDQ form: standard ONNX, which is f32 with QuantizeLinear and DequantizeLinear
 * before and after. Activations are u8 with a zero point, weights i8 with a scale for each
 * channel, biases i32.
 * Errors: -EINVAL: no sample, a model without layers, weights that are not finite; -EOPNOTSUPP:
 * operators of an older version, or that cannot run; -ERANGE: values too large or too small to
 * be divided into steps; -E2BIG: the new model would have more than 2 GiB; -ENOMEM, and those of
 * accel_session_create() and accel_session_run().
 */
ACCEL_API int accel_model_quantize(struct accel_model *model, struct accel_queue *queue,
				   const struct accel_report_opts *opts,
				   struct accel_report **report);

/**
 * accel_model_prune() - tell what 2:4 structured sparsity would lose
 * @model: is not changed
 * @queue: where the samples are run; may be NULL without samples
 * @opts: NULL: without samples
 * @report: set to the result, to be freed with accel_report_free()
 *
 * Of each 4 weights along the input channels of one output the 2 smallest become 0.
 * Errors: those of accel_model_quantize().
 */
ACCEL_API int accel_model_prune(struct accel_model *model, struct accel_queue *queue,
				const struct accel_report_opts *opts, struct accel_report **report);

/** accel_report_free() - free a report; NULL is allowed. */
ACCEL_API void accel_report_free(struct accel_report *report);

/** accel_report_file() - the new model as an ONNX file; NULL if there is none. */
ACCEL_API const void *accel_report_file(const struct accel_report *report, size_t *size);

/** accel_report_layers() - number of layers and outputs. */
ACCEL_API uint32_t accel_report_layers(const struct accel_report *report);

/** accel_report_layer() - layer @i, in order of execution. Errors: -EINVAL, -E2BIG. */
ACCEL_API int accel_report_layer(const struct accel_report *report, uint32_t i,
				 struct accel_layer_info *info);

#ifdef __cplusplus
}
#endif

#endif
