// SPDX-License-Identifier: MIT
#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "message.h"
#include "npy.h"
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

bool model_opts_fixed(const struct model_opts *opts, const char *name)
{
	for (size_t i = 0; i < opts->session.nfixed; i++)
		if (!strcmp(opts->fixed[i].name, name))
			return true;
	return false;
}

/* The input that @text, NAME=FILE, begins with; -1: none is. */
static int64_t input_of(struct accel_model *model, const char *text, size_t length,
			struct accel_value_info *info)
{
	for (uint32_t i = 0; !accel_model_input(model, i, info); i++)
		if (strlen(info->name) == length && !strncmp(info->name, text, length))
			return i;
	return -1;
}

int model_opts_fix(struct model_opts *opts, struct accel_model *model, const struct args *args)
{
	unsigned int at = 0;
	const char *text;

	opts->session.fixed = opts->fixed;
	while ((text = args_next(args, "fix", &at))) {
		const char *equal = strchr(text, '=');
		struct accel_value_info info = ACCEL_INIT(info);
		size_t n = opts->session.nfixed;
		int64_t i;
		int status;

		if (!equal || equal == text || !equal[1])
			return args_usage(args, "option '--fix' must be NAME=FILE, not '%s'", text);
		i = input_of(model, text, (size_t)(equal - text), &info);
		if (i < 0) {
			complain("the model has no input '%.*s'", (int)(equal - text), text);
			hint("accelctl model show lists them");
			return EXIT_FAILED;
		}
		if (model_opts_fixed(opts, info.name))
			return args_usage(args, "input '%s' is fixed twice", info.name);
		status = model_read(&info, equal + 1, &opts->files[n].data, &opts->files[n].from_pb);
		if (!status)
			status = model_fit(opts, model, (uint32_t)i, &info, equal + 1);
		opts->fixed[n] = (struct accel_model_fixed){ info.name, opts->files[n].data, info.size };
		opts->session.nfixed++;
		if (status)
			return status;
	}
	return 0;
}

void model_opts_end(struct model_opts *opts)
{
	for (size_t i = 0; i < opts->session.nfixed; i++)
		model_read_free(opts->files[i].data, opts->files[i].from_pb);
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
	snprintf(text + used, MODEL_VALUE_TEXT - used, "]%s", info->bounded ? " at most" : "");
	return text;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static int read_npy(struct accel_value_info *info, const char *file, void **data)
{
	struct npy npy;
	int status = npy_open(&npy, file);

	if (status)
		return status;
	info->dtype = npy.dtype == ACCEL_U16 && info->dtype == ACCEL_BF16 ? ACCEL_BF16 : npy.dtype;
	info->rank = npy.rank;
	for (uint32_t i = 0; i < npy.rank; i++)
		info->dims[i] = npy.dims[i];
	info->size = npy.size;
	*data = malloc(npy.size ? npy.size : 1);
	if (!*data)
		complain("out of memory");
	status = *data ? npy_read(&npy, *data) : EXIT_FAILED;
	/* As in tensors of ONNX: what is not 0 is true. */
	for (uint64_t i = 0; !status && npy.dtype == ACCEL_BOOL && i < npy.count; i++)
		((uint8_t *)*data)[i] = ((uint8_t *)*data)[i] != 0;
	npy_close(&npy);
	return status;
}

int model_read(struct accel_value_info *info, const char *file, void **data, bool *from_pb)
{
	struct accel_value_info tensor = ACCEL_INIT(tensor);
	int err;

	if (!ends_with(file, ".pb"))
		return read_npy(info, file, data);
	err = accel_model_tensor(file, &tensor, data);
	if (err)
		return fail_call("cannot read an input", err);
	*from_pb = true;
	tensor.name = info->name;
	/* Of the file; whether the input is one says the model. */
	tensor.constant = info->constant;
	*info = tensor;
	return 0;
}

void model_read_free(void *data, bool from_pb)
{
	if (from_pb)
		accel_model_tensor_free(data);
	else
		free(data);
}

int model_fit(struct model_opts *opts, struct accel_model *model, uint32_t i,
	      const struct accel_value_info *have, const char *file)
{
	struct accel_session_opts *session = &opts->session;
	struct accel_value_info want = ACCEL_INIT(want);
	char a[MODEL_VALUE_TEXT], b[MODEL_VALUE_TEXT];
	bool fits;

	accel_model_input(model, i, &want);
	fits = want.rank == have->rank && want.dtype == have->dtype;
	for (uint32_t k = 0; k < want.rank && fits; k++)
		fits = want.dims[k] < 0 || want.dims[k] == have->dims[k];
	if (!fits) {
		complain("'%s' is %s, input '%s' is %s", file, model_value_text(have, a), want.name,
			 model_value_text(&want, b));
		return EXIT_FAILED;
	}
	for (uint32_t k = 0; k < want.rank; k++) {
		if (want.dims[k] >= 0)
			continue;
		if (session->ndims == MODEL_DIMS_MAX) {
			complain("the model leaves more than %d axes open", MODEL_DIMS_MAX);
			return EXIT_FAILED;
		}
		snprintf(opts->names[session->ndims], sizeof(opts->names[0]), "%.128s:%" PRIu32,
			 want.name, k);
		opts->dims[session->ndims] = (struct accel_model_dim){
			opts->names[session->ndims], have->dims[k] };
		session->ndims++;
	}
	return 0;
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
