/* SPDX-License-Identifier: MIT */
/*
 * Models, between the files that make them: files and what they tell (model.c), graphs, and
 * compiled models (model-compile.c).
 */
#ifndef ACCEL_PRIV_MODEL_H
#define ACCEL_PRIV_MODEL_H

#include <pthread.h>
#include <stdatomic.h>

#include "cache.h"
#include "compiled.h"
#include "ir.h"

/**
 * struct accel_model - a file that was read
 * @lock: protects @file, @found_key and @found
 * @file: what the importer made of it; NULL: it is compiled, or the cache knows it and nobody
 *	needed more so far: model_file()
 * @fd: of the file, as long as that is so; else -1
 * @compiled: the file, if it is a compiled model
 * @declared: of a compiled model: what the model that it was made from declares
 * @face: what it tells; its strings are in @file or in @memory
 * @digest: of the file and all that it refers to, if @cached
 * @hint: digest of some of the file, if @cached: the face's name in the cache
 * @alone: it refers to nothing else
 * @found_key, @found: what was found in the cache last, for the next session of the same kind: it is in
 *	memory once, and its digests have been compared
 * @displaced: the face that is there under that name is another file's
 */
struct accel_model {
	atomic_uint refs;
	pthread_mutex_t lock;
	void *file;
	int fd;
	struct image *compiled;
	struct compiled declared;
	struct face face;
	struct ir_graph *memory;
	struct cache cache;
	uint8_t digest[SHA256_DIGEST_SIZE];
	uint8_t hint[SHA256_DIGEST_SIZE];
	uint8_t found_key[SHA256_DIGEST_SIZE];
	struct image *found;
	bool cached;
	bool alone;
	bool displaced;
};

/** model_file() - what the importer made of a model. Errors: -EOPNOTSUPP: it is compiled; -ESTALE. */
int model_file(struct accel_model *model, void *file);

/** model_graph() - the graph of a model, through the passes up to @after (see pass_run()).
 * @opts: checked already
 */
int model_graph(struct accel_model *model, const struct accel_session_opts *opts,
		const char *after, struct ir_graph **graph);

/**
 * struct model_use - a graph for a card, and what the cache has to do with it
 * @key: that it has there, if @keep
 * @keep: it was not there, and is to be
 */
struct model_use {
	struct ir_graph *graph;
	uint8_t key[SHA256_DIGEST_SIZE];
	bool keep;
	enum accel_cache_use use;
	char note[CACHE_NOTE];
};

/** model_compile() - the graph of a model after all passes, from the cache if it is there. */
int model_compile(struct accel_model *model, const struct accel_device_props *props,
		  const struct accel_session_opts *opts, struct model_use *use);

/** model_keep() - put it into the cache, now that it is known to be of use. */
void model_keep(struct accel_model *model, const struct accel_device_props *props,
		struct model_use *use);

/** model_missing() - the error of a graph of which @count nodes can run nowhere. */
int model_missing(const struct ir_graph *g, uint32_t count);

/** model_session_opts() - take a caller's options. */
int model_session_opts(struct accel_session_opts *out, const struct accel_session_opts *opts);

/** model_value() - tell a caller of a value. */
int model_value(const struct ir_value *v, struct accel_value_info *info);

#endif
