/* SPDX-License-Identifier: MIT */
/*
 * Models in files, and a cache of what was compiled of them, in a directory of the test's own.
 */
#ifndef TEST_LIBACCEL_CACHED_H
#define TEST_LIBACCEL_CACHED_H

#include "check.h"
#include "onnx.h"

/* The test's directory; that of the cache, which may not be there; the model that is in use. */
extern char top[], dir[64], path[64];

/* Whether a file of this name is a compiled model. */
bool is_entry(const char *name);
/* Number of entries, or with @all of all files but the lock; @largest: name of the largest entry. */
unsigned int count(bool all, char largest[512]);
void remove_all(void);

Onnx__ModelProto *network(int seed);
/* network() in a file, with @more elements that are there for their number: how large it is. */
size_t write_large(const char *name, int seed, int64_t more);
void write_model(const char *name, int seed);

/* Options that keep everything in @dir. */
struct accel_model_opts cached(void);

/* What one use of a model gave. */
struct use {
	enum accel_cache_use use;
	char note[200];
	float y[256];
};

/* Loads @path, or uses @given, and runs it. False if it failed, which is a failure of the test. */
bool use_model(struct bench *b, struct accel_model *given, const struct accel_model_opts *mo,
	       const struct accel_session_opts *so, struct use *out);
bool same(const struct use *a, const struct use *b);

/* As check_main(), with the directory around it. */
int cached_main(const struct check_test *tests, size_t ntests);

#endif
