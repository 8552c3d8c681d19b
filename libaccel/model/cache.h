/* SPDX-License-Identifier: MIT */
/*
 * The cache of compiled models: a directory of files as compiled.h has them.
 *
 * A file's name is its key: a digest of everything that the compiled model depends on. Files are
 * written aside and renamed, so whoever opens one has all of it; nobody changes one but by putting
 * another in its place. A file that is damaged is removed, and made anew by who needs it. Processes
 * do not wait for each other. Nothing that goes wrong here is an error of a caller.
 */
#ifndef ACCEL_PRIV_CACHE_H
#define ACCEL_PRIV_CACHE_H

#include "compiled.h"

#define CACHE_NOTE	160

/**
 * struct cache - where, and how much
 * @directory: NULL: there is no cache
 * @most: bytes of all files together
 * @least: smaller models are compiled each time
 */
struct cache {
	char *directory;
	uint64_t most;
	uint64_t least;
};

/** cache_where() - the directory that @directory, the environment and the home say; NULL: none. */
char *cache_where(const char *directory);

/** cache_init() - from options and environment. Errors: -ENOMEM, -EINVAL: no usable number. */
int cache_init(struct cache *cache, const struct accel_model_opts *opts);
void cache_fini(struct cache *cache);

/**
 * cache_key() - the name of a compiled model, or of the face of a model
 * @model: digest of the model's bytes; of the face of some of them, that are soon read
 * @props: of the card; NULL: of the face
 * @opts: how it is compiled; NULL: of the face
 */
int cache_key(uint8_t key[SHA256_DIGEST_SIZE], const uint8_t model[SHA256_DIGEST_SIZE],
	      const struct accel_device_props *props, const struct accel_session_opts *opts);

/**
 * cache_find() - look a key up
 * @note: set to a sentence if there was something that could not be used
 * Return: whether it was there; @c and @graph are as of compiled_read() then
 */
bool cache_find(const struct cache *cache, const uint8_t key[SHA256_DIGEST_SIZE], struct compiled *c,
		struct ir_graph **graph, char note[CACHE_NOTE]);

/** cache_has() - whether there is a file of that name. */
bool cache_has(const struct cache *cache, const uint8_t key[SHA256_DIGEST_SIZE]);

/**
 * cache_store() - keep a compiled model, or a face, and drop what was not used for longest
 * @c: with the key
 * Return: whether it is there now; else @note says why not
 */
bool cache_store(const struct cache *cache, const struct compiled *c, struct ir_graph *graph,
		 char note[CACHE_NOTE]);

#endif
