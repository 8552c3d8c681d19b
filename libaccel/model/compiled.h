/* SPDX-License-Identifier: MIT */
/*
 * Compiled models in files: the graph after all passes, with its constants.
 *
 *	head		COMPILED_HEAD bytes, see compiled-write.c
 *	description	the model's face and the graph; numbers are little-endian
 *	constants	each at a multiple of 64 bytes, as they lie in memory
 *
 * Head and description are covered by a digest in the head, each constant by one in the description.
 * A file is hostile until it is checked: every reference, type, shape and attribute is, node by node
 * (check.h), so that a graph that was read is as good as one that was made here. Packets, places and the
 * plan of the memory are not in the file: they depend on the card, and are made in no time.
 */
#ifndef ACCEL_PRIV_COMPILED_H
#define ACCEL_PRIV_COMPILED_H

#include <nettle/sha2.h>

#include "accel/accel.h"
#include "image.h"
#include "ir.h"

#define COMPILED_VERSION	2
#define COMPILED_MAGIC		"\211LOOM\r\n\032"
#define COMPILED_MAGIC_SIZE	8
#define COMPILED_SIZE_MAX	((size_t)1 << 36)

/**
 * struct face - what a model shows of itself before it is compiled
 * @info: its strings are the face's
 * @inputs, @outputs: as the file declares them
 */
struct face {
	struct accel_model_info info;
	struct accel_value_info *inputs, *outputs;
};

/**
 * struct compiled - what a file has beside the graph
 * @key: what the cache knows it by; zeros: it is not of the cache
 * @model: digest of the model that it was made from
 * @dtypes, @opcodes, @hw_version: of the card that it was made for
 * @face: of the model
 */
struct compiled {
	uint8_t key[SHA256_DIGEST_SIZE];
	uint8_t model[SHA256_DIGEST_SIZE];
	uint64_t dtypes;
	uint64_t opcodes[4];
	uint32_t hw_version;
	struct face face;
};

/** compiled_is() - whether bytes begin as such a file does. */
bool compiled_is(const void *data, size_t size);

/**
 * compiled_write() - write a file
 * @graph: after all passes, with nothing that cannot run; NULL: the face alone
 * @most: bytes of a file that is of use; nothing is written of a larger one
 * Errors: those of write(), -E2BIG, -EOVERFLOW: more than @most, -ENOMEM.
 */
int compiled_write(const struct compiled *c, struct ir_graph *graph, int fd, uint64_t most);

/**
 * compiled_read() - read and check a file
 * @image: held by the graph, whose constants are in it
 * @known: the constants' digests were compared before, and the bytes have not changed since
 * @batch: elements along axis 0 of each input, other than those it was compiled with: rebatch(), and the
 *	graph is no more than that says; 0: as it is
 * @c: its strings live as long as the graph
 * @graph: set to the graph, without a node if the file has the face alone
 * Errors: -EINVAL: the file is damaged, or contradicts itself; -EOPNOTSUPP: another version, or
 * as rebatch() has them.
 */
int compiled_read(struct image *image, bool known, int64_t batch, struct compiled *c,
		  struct ir_graph **graph);

/** compiled_digest() - the digest of a constant, which is kept. NULL with the graph's error set. */
const uint8_t *compiled_digest(struct ir_graph *g, struct ir_value *v);

/* Between compiled-write.c and compiled-read.c: the head. */
enum {
	HEAD_VERSION = 8, HEAD_KIND = 12, HEAD_SIZE = 16, HEAD_DESCRIPTION = 24, HEAD_CONSTANTS = 32,
	HEAD_KEY = 40, HEAD_MODEL = 72, HEAD_DTYPES = 104, HEAD_OPCODES = 112, HEAD_HW = 144,
	HEAD_ZERO = 148, HEAD_DIGEST = 224, COMPILED_HEAD = 256,
};

#define COMPILED_ALIGN	64
#define COMPILED_TEXT_MAX	65535
enum { COMPILED_GRAPH, COMPILED_FACE };			/* HEAD_KIND */
enum { VALUE_NONE, VALUE_DATA, VALUE_SHARED };		/* where a value's elements are */
enum { VIEW_NONE, VIEW_OF_OPERAND, VIEW_OF_RESULT };	/* of a reshape, a slice, what is put together */
#define VIEW_CHANNELS	0x80	/* with it: the first result is as pass_channels() has it */
#define COMPILED_ABSENT	UINT32_MAX			/* an operand */

#endif
