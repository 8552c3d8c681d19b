/* SPDX-License-Identifier: MIT */
/*
 * What goes to standard output: text for people or one JSON document.
 */
#ifndef ACCELCTL_OUTPUT_H
#define ACCELCTL_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;

void output_setup(bool json, bool no_color);
bool output_json(void);
/* output_terminal() - standard output is a terminal and gets text. */
bool output_terminal(void);

/* Text attributes; empty where there are no colours. */
const char *style_bold(void);
const char *style_good(void);
const char *style_bad(void);
const char *style_dim(void);
const char *style_end(void);

/* doc_begin() - a new object with "schema" in it; doc_print() prints and frees it. */
struct json_object *doc_begin(const char *schema);
void doc_print(struct json_object *document);

/* Add a member; doc_string() takes NULL as null. Running out of memory ends the process. */
void doc_string(struct json_object *object, const char *name, const char *value);
void doc_number(struct json_object *object, const char *name, uint64_t value);
void doc_signed(struct json_object *object, const char *name, int64_t value);
void doc_real(struct json_object *object, const char *name, double value);
void doc_bool(struct json_object *object, const char *name, bool value);
void doc_null(struct json_object *object, const char *name);
struct json_object *doc_object(struct json_object *object, const char *name);
struct json_object *doc_array(struct json_object *object, const char *name);
struct json_object *doc_append_object(struct json_object *array);
void doc_append_number(struct json_object *array, uint64_t value);
void doc_append_signed(struct json_object *array, int64_t value);
void doc_append_string(struct json_object *array, const char *value);

/* output_end() - write all out: an exit code, @status if nothing went wrong. */
int output_end(int status);

/* field() - a line "name   value" of a report. */
void field(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
