/* SPDX-License-Identifier: MIT */
/*
 * The compiler's passes over graphs. Each is in a file of its own and keeps what a graph
 * means; a model runs with any of them left out.
 */
#ifndef ACCEL_PRIV_PASS_H
#define ACCEL_PRIV_PASS_H

#include "ir.h"

struct pass {
	const char *name;
	const char *summary;
	bool numeric;
	/* Errors are those of memory alone, in the graph. */
	void (*run)(struct ir_graph *g);
};

/* In order; ends with an element without name. */
extern const struct pass passes[];

/**
 * pass_run() - bring a graph through the passes
 * @after: NULL: all; "": none; else the last one
 * Errors: -EINVAL: an unknown name; -ENOMEM.
 */
int pass_run(struct ir_graph *g, const struct accel_session_opts *opts, const char *after);

/** pass_uses() - count for each value where it is used. */
void pass_uses(struct ir_graph *g);

void pass_sink(struct ir_graph *g);
void pass_qdq(struct ir_graph *g);
void pass_fold(struct ir_graph *g);
void pass_norm(struct ir_graph *g);
void pass_gather(struct ir_graph *g);
void pass_gelu(struct ir_graph *g);
void pass_pad(struct ir_graph *g);
void pass_batchnorm(struct ir_graph *g);
void pass_residual(struct ir_graph *g);
void pass_weights(struct ir_graph *g);
void pass_bias(struct ir_graph *g);
void pass_activation(struct ir_graph *g);
void pass_view(struct ir_graph *g);
void pass_place(struct ir_graph *g);
/** pass_place_some() - the same for the nodes @i for which @some[i] is not zero. */
void pass_place_some(struct ir_graph *g, const uint8_t *some);
void pass_channels(struct ir_graph *g);
/** pass_channels_some() - the same for what the nodes @i make for which @some[i] is not zero. */
void pass_channels_some(struct ir_graph *g, const uint8_t *some);
/** pass_dense() - mark values that somebody wants without gaps. */
void pass_dense(struct ir_graph *g);
/** pass_makes_gaps() - whether a node's packets leave gaps in their result where these are. */
bool pass_makes_gaps(const struct ir_node *n);
void pass_dead(struct ir_graph *g);

#endif
