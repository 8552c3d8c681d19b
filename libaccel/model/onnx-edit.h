/* SPDX-License-Identifier: MIT */
/*
 * Changing ONNX models: a copy, new nodes and constants in it, and the file again.
 */
#ifndef ACCEL_PRIV_ONNX_EDIT_H
#define ACCEL_PRIV_ONNX_EDIT_H

#include "onnx.h"

/**
 * struct edit - a model that is being changed
 * @model: its own copy, without data in other files
 * @names: of all values; refer to @texts
 * @texts: copies of all names
 * @error: the first one: all editing after it does nothing
 */
struct edit {
	Onnx__ModelProto *model;
	struct map names;
	char **texts;
	size_t ntexts;
	int error;
};

int edit_begin(struct edit *e, const Onnx__ModelProto *model);
void edit_end(struct edit *e);

/** edit_name() - a name for a new value, made of an old one. */
const char *edit_name(struct edit *e, const char *base, const char *suffix);

/** edit_set() - replace a text of a message. */
void edit_set(struct edit *e, char **text, const char *value);

/** edit_constant() - add an initializer; @dims, @data are copied. */
Onnx__TensorProto *edit_constant(struct edit *e, const char *name, int type, size_t rank,
				 const int64_t *dims, const void *data, size_t size);
/** edit_remove_constant() - drop an initializer, and the input that it is a default of. */
void edit_remove_constant(struct edit *e, const char *name);

/** struct edit_nodes - nodes in their new order; those of the model are moved, not copied. */
struct edit_nodes {
	Onnx__NodeProto **list;
	size_t n;
};

void edit_append(struct edit *e, struct edit_nodes *nodes, Onnx__NodeProto *node);
/** edit_node() - a new node, appended; @in ends with NULL. */
Onnx__NodeProto *edit_node(struct edit *e, struct edit_nodes *nodes, const char *op,
			   const char *const *in, const char *out);
Onnx__NodeProto *edit_copy_node(struct edit *e, const Onnx__NodeProto *node);
void edit_int(struct edit *e, Onnx__NodeProto *node, const char *name, int64_t value);
void edit_remove_node(struct edit *e, size_t i);
/** edit_replace() - make these the model's nodes. */
void edit_replace(struct edit *e, struct edit_nodes *nodes);

/** edit_output() - let a value of f32 be an output. Return: which one it is. */
uint32_t edit_output(struct edit *e, const char *name);

/** edit_pack() - the file, to be freed. */
int edit_pack(struct edit *e, uint8_t **data, size_t *size);

#endif
