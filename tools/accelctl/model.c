// SPDX-License-Identifier: MIT
#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "output.h"

int model_opts_parse(struct model_opts *opts, const struct args *args)
{
	unsigned int at = 0;
	const char *text;

	memset(opts, 0, sizeof(*opts));
	opts->session = (struct accel_session_opts)ACCEL_INIT(opts->session);
	opts->session.dims = opts->dims;
	opts->session.without = opts->without;
	while ((text = args_next(args, "dim", &at))) {
		const char *value = strrchr(text, '=');
		size_t i = opts->session.ndims, length = value ? (size_t)(value - text) : 0;
		uint64_t size;

		if (!length || length >= sizeof(opts->names[i]) ||
		    !number_parse(value + 1, 0, INT32_MAX, &size))
			return args_usage(args, "option '--dim' must be NAME=SIZE, not '%s'", text);
		memcpy(opts->names[i], text, length);
		opts->dims[i].name = opts->names[i];
		opts->dims[i].size = (int64_t)size;
		opts->session.ndims++;
	}
	at = 0;
	while ((text = args_next(args, "without", &at)))
		opts->without[opts->session.nwithout++] = text;
	return 0;
}

const char *model_value_text(const struct accel_value_info *info, char text[MODEL_VALUE_TEXT])
{
	size_t used = (size_t)snprintf(text, MODEL_VALUE_TEXT, "%s[", accel_dtype_name(info->dtype) ?
				       accel_dtype_name(info->dtype) : "?");

	for (uint32_t i = 0; i < info->rank; i++) {
		const char *comma = i ? "," : "";

		if (info->dims[i] >= 0)
			used += (size_t)snprintf(text + used, MODEL_VALUE_TEXT - used, "%s%" PRId64,
						 comma, info->dims[i]);
		else
			used += (size_t)snprintf(text + used, MODEL_VALUE_TEXT - used, "%s%.32s",
						 comma, *info->symbols[i] ? info->symbols[i] : "?");
	}
	snprintf(text + used, MODEL_VALUE_TEXT - used, "]");
	return text;
}

void model_value_json(struct json_object *object, const struct accel_value_info *info)
{
	struct json_object *shape;

	doc_string(object, "name", info->name);
	doc_string(object, "dtype", accel_dtype_name(info->dtype));
	shape = doc_array(object, "shape");
	for (uint32_t i = 0; i < info->rank; i++)
		doc_append_signed(shape, info->dims[i]);
}
