// SPDX-License-Identifier: MIT
#include "output.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "exit.h"
#include "message.h"
#include "progress.h"
#include "text.h"

#define BUFFER	65536

static bool as_json, colors;
static int write_error;

void output_setup(bool json, bool no_color)
{
	const char *variable = getenv("NO_COLOR"), *term = getenv("TERM");

	as_json = json;
	/* No report is longer, so that the reason of a failure is known where it is told. */
	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, NULL, _IOFBF, BUFFER);
	colors = !json && !no_color && !(variable && *variable) && isatty(STDOUT_FILENO) &&
		 term && strcmp(term, "dumb");
}

bool output_json(void)
{
	return as_json;
}

bool output_terminal(void)
{
	return !as_json && isatty(STDOUT_FILENO);
}

const char *style_bold(void)
{
	return colors ? "\033[1m" : "";
}

const char *style_good(void)
{
	return colors ? "\033[32m" : "";
}

const char *style_bad(void)
{
	return colors ? "\033[1;31m" : "";
}

const char *style_dim(void)
{
	return colors ? "\033[2m" : "";
}

const char *style_end(void)
{
	return colors ? "\033[0m" : "";
}

static struct json_object *must(struct json_object *object)
{
	if (!object) {
		complain("out of memory");
		exit(EXIT_FAILED);
	}
	return object;
}

struct json_object *doc_begin(const char *schema)
{
	struct json_object *document = must(json_object_new_object());

	doc_string(document, "schema", schema);
	return document;
}

void doc_print(struct json_object *document)
{
	const char *text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_SPACED |
							  JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!text)
		must(NULL);
	progress_clear();
	errno = 0;
	if (puts(text) == EOF || fflush(stdout))
		write_error = errno;
	json_object_put(document);
}

static void add(struct json_object *object, const char *name, struct json_object *value)
{
	if (json_object_object_add(object, name, value))
		must(NULL);
}

/*
 * JSON text is UTF-8, file names and the like may be anything: what is not UTF-8 becomes U+FFFD,
 * one for every byte.
 */
static struct json_object *text(const char *value)
{
	size_t length = strlen(value), used = 0;
	char *clean = malloc(3 * length + 1);
	struct json_object *result;

	if (!clean)
		must(NULL);
	for (size_t i = 0; i < length;) {
		size_t n = text_utf8(value + i);

		if (n) {
			memcpy(clean + used, value + i, n);
			used += n;
			i += n;
		} else {
			memcpy(clean + used, "\xef\xbf\xbd", 3);
			used += 3;
			i++;
		}
	}
	result = must(json_object_new_string_len(clean, (int)used));
	free(clean);
	return result;
}

void doc_string(struct json_object *object, const char *name, const char *value)
{
	add(object, name, value ? text(value) : NULL);
}

void doc_number(struct json_object *object, const char *name, uint64_t value)
{
	add(object, name, must(json_object_new_uint64(value)));
}

void doc_signed(struct json_object *object, const char *name, int64_t value)
{
	add(object, name, must(json_object_new_int64(value)));
}

void doc_real(struct json_object *object, const char *name, double value)
{
	char digits[40];

	/* JSON has neither infinities nor NaN. */
	if (!isfinite(value)) {
		doc_null(object, name);
		return;
	}
	snprintf(digits, sizeof(digits), "%.9g", value);
	add(object, name, must(json_object_new_double_s(value, digits)));
}

void doc_bool(struct json_object *object, const char *name, bool value)
{
	add(object, name, must(json_object_new_boolean(value)));
}

void doc_null(struct json_object *object, const char *name)
{
	add(object, name, NULL);
}

struct json_object *doc_object(struct json_object *object, const char *name)
{
	struct json_object *member = must(json_object_new_object());

	add(object, name, member);
	return member;
}

struct json_object *doc_array(struct json_object *object, const char *name)
{
	struct json_object *member = must(json_object_new_array());

	add(object, name, member);
	return member;
}

struct json_object *doc_append_object(struct json_object *array)
{
	struct json_object *member = must(json_object_new_object());

	if (json_object_array_add(array, member))
		must(NULL);
	return member;
}

void doc_append_number(struct json_object *array, uint64_t value)
{
	if (json_object_array_add(array, must(json_object_new_uint64(value))))
		must(NULL);
}

void doc_append_signed(struct json_object *array, int64_t value)
{
	if (json_object_array_add(array, must(json_object_new_int64(value))))
		must(NULL);
}

void doc_append_string(struct json_object *array, const char *value)
{
	if (json_object_array_add(array, text(value)))
		must(NULL);
}

int output_end(int status)
{
	bool failed = ferror(stdout);
	int err;

	progress_end();
	errno = 0;
	if (fflush(stdout))
		failed = true;
	err = write_error ? write_error : errno;
	/* Some file systems tell only now that the disk is full. */
	if (!failed && close(STDOUT_FILENO) && errno != EINTR && errno != EBADF) {
		failed = true;
		err = errno;
	}
	if (!failed)
		return status;
	if (err == EPIPE)
		return EXIT_PIPE;
	complain("writing standard output: %s", err ? strerror(err) : "an error occurred");
	return status ? status : EXIT_FAILED;
}

/* Length of a style at @text, as far as there are any. */
static size_t style_at(const char *text)
{
	const char *const styles[] = {
		style_bold(), style_good(), style_bad(), style_dim(), style_end(),
	};

	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++)
		if (*styles[i] && !strncmp(text, styles[i], strlen(styles[i])))
			return strlen(styles[i]);
	return 0;
}

void field(const char *name, const char *format, ...)
{
	char *value;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&value, format, ap) < 0)
		must(NULL);
	va_end(ap);
	for (char *c = value; *c;) {
		size_t n = text_shown(c);

		if (!n)
			n = style_at(c);
		if (n)
			c += n;
		else
			*c++ = '?';
	}
	printf("%s%-12s%s %s\n", style_bold(), name, style_end(), value);
	free(value);
}
