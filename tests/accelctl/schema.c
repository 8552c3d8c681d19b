// SPDX-License-Identifier: MIT
/*
 * Checks a JSON document from standard input against a schema:
 *
 *	accelctl-schema SCHEMA-FILE <DOCUMENT
 *
 * Of JSON Schema it knows what the project's schemas use; any other keyword is an error, so that
 * nothing in a schema goes unchecked. Stricter than the schemas: a member that a schema does not
 * list is an error, for accelctl must not print what is not documented.
 */
#include <inttypes.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

static unsigned int problems;

static void problem(const char *path, const char *text, const char *what)
{
	fprintf(stderr, "%s: %s%s\n", *path ? path : "/", text, what);
	problems++;
}

static bool is_type(struct json_object *value, const char *type)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return !strcmp(type, "null");
	case json_type_boolean:
		return !strcmp(type, "boolean");
	case json_type_int:
		return !strcmp(type, "integer") || !strcmp(type, "number");
	case json_type_double:
		return !strcmp(type, "number");
	case json_type_string:
		return !strcmp(type, "string");
	case json_type_array:
		return !strcmp(type, "array");
	case json_type_object:
		return !strcmp(type, "object");
	}
	return false;
}

static void check_type(struct json_object *value, struct json_object *types, const char *path)
{
	if (json_object_is_type(types, json_type_string)) {
		if (!is_type(value, json_object_get_string(types)))
			problem(path, "is not of type ", json_object_get_string(types));
		return;
	}
	for (size_t i = 0; i < json_object_array_length(types); i++)
		if (is_type(value, json_object_get_string(json_object_array_get_idx(types, i))))
			return;
	problem(path, "is of none of the types ", json_object_to_json_string(types));
}

static void check_enum(struct json_object *value, struct json_object *values, const char *path)
{
	for (size_t i = 0; i < json_object_array_length(values); i++)
		if (json_object_equal(value, json_object_array_get_idx(values, i)))
			return;
	problem(path, "is none of ", json_object_to_json_string(values));
}

static void check_pattern(struct json_object *value, const char *pattern, const char *path)
{
	regex_t regex;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB)) {
		problem(path, "the schema has a bad pattern ", pattern);
		return;
	}
	if (json_object_is_type(value, json_type_string) &&
	    regexec(&regex, json_object_get_string(value), 0, NULL, 0))
		problem(path, "does not match ", pattern);
	regfree(&regex);
}

static void check(struct json_object *value, struct json_object *schema, const char *path);

static void check_members(struct json_object *value, struct json_object *properties,
			  const char *path)
{
	char child[512];

	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, name, member) {
		struct json_object *schema;

		snprintf(child, sizeof(child), "%s/%s", path, name);
		if (json_object_object_get_ex(properties, name, &schema))
			check(member, schema, child);
		else
			problem(child, "is not in the schema", "");
	}
}

static void check_required(struct json_object *value, struct json_object *names, const char *path)
{
	if (!json_object_is_type(value, json_type_object))
		return;
	for (size_t i = 0; i < json_object_array_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));

		if (!json_object_object_get_ex(value, name, NULL))
			problem(path, "lacks ", name);
	}
}

static void check_items(struct json_object *value, struct json_object *schema, const char *path)
{
	char child[512];

	if (!json_object_is_type(value, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		snprintf(child, sizeof(child), "%s/%zu", path, i);
		check(json_object_array_get_idx(value, i), schema, child);
	}
}

static void check(struct json_object *value, struct json_object *schema, const char *path)
{
	json_object_object_foreach(schema, keyword, argument) {
		if (!strcmp(keyword, "type"))
			check_type(value, argument, path);
		else if (!strcmp(keyword, "properties"))
			check_members(value, argument, path);
		else if (!strcmp(keyword, "required"))
			check_required(value, argument, path);
		else if (!strcmp(keyword, "items"))
			check_items(value, argument, path);
		else if (!strcmp(keyword, "enum"))
			check_enum(value, argument, path);
		else if (!strcmp(keyword, "pattern"))
			check_pattern(value, json_object_get_string(argument), path);
		else if (!strcmp(keyword, "const") && !json_object_equal(value, argument))
			problem(path, "is not ", json_object_to_json_string(argument));
		else if (!strcmp(keyword, "minimum") &&
			 json_object_is_type(value, json_type_int) &&
			 json_object_get_int64(value) < json_object_get_int64(argument))
			problem(path, "is less than ", json_object_to_json_string(argument));
		else if (strcmp(keyword, "const") && strcmp(keyword, "minimum") &&
			 strcmp(keyword, "$schema") && strcmp(keyword, "title") &&
			 strcmp(keyword, "description"))
			problem(path, "the schema has an unknown keyword ", keyword);
	}
}

/* Exactly one document and nothing else. */
static struct json_object *read_document(FILE *file)
{
	static char text[1 << 22];
	size_t size = fread(text, 1, sizeof(text) - 1, file);
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *document;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	document = json_tokener_parse_ex(tokener, text, (int)size);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		problem("", "is no JSON: ",
			json_tokener_error_desc(json_tokener_get_error(tokener)));
		document = NULL;
	} else if (strspn(text + json_tokener_get_parse_end(tokener), " \n") !=
		   size - json_tokener_get_parse_end(tokener)) {
		problem("", "something follows the document", "");
	}
	json_tokener_free(tokener);
	return document;
}

int main(int argc, char **argv)
{
	struct json_object *schema, *document;

	if (argc != 2) {
		fprintf(stderr, "usage: accelctl-schema SCHEMA-FILE <DOCUMENT\n");
		return 2;
	}
	schema = json_object_from_file(argv[1]);
	if (!schema) {
		fprintf(stderr, "%s: %s\n", argv[1], json_util_get_last_err());
		return 2;
	}
	document = read_document(stdin);
	if (!problems)
		check(document, schema, "");
	json_object_put(document);
	json_object_put(schema);
	return problems != 0;
}
