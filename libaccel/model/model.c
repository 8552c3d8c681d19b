// SPDX-License-Identifier: MIT
/*
 * Models: files, read and checked.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../object.h"
#include "model.h"
#include "onnx.h"
#include "pass.h"

/* --- Files ------------------------------------------------------------------------------- */

static int too_large(void)
{
	return err(-E2BIG, "keep large constants in files of their own (external data)",
		   "the file is larger than 2 GiB");
}

static int read_all(int fd, uint8_t **data, size_t *size)
{
	size_t room = 1 << 16, used = 0;
	struct stat st;
	uint8_t *p;

	if (fstat(fd, &st))
		return err(-errno, NULL, "cannot read: %s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err(-EISDIR, NULL, "cannot read: it is a directory");
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > ONNX_SIZE_MAX)
		return too_large();
	/* One more, so that the end is seen without another turn. */
	if (S_ISREG(st.st_mode) && st.st_size > 0)
		room = (size_t)st.st_size + 1;
	p = malloc(room);
	while (p) {
		ssize_t n = read(fd, p + used, room - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int code = -errno;

			free(p);
			return err(code, NULL, "cannot read: %s", strerror(-code));
		}
		if (!n) {
			*data = p;
			*size = used;
			return 0;
		}
		used += (size_t)n;
		if (used > ONNX_SIZE_MAX) {
			free(p);
			return too_large();
		}
		if (used == room) {
			uint8_t *more = realloc(p, room *= 2);

			if (!more)
				free(p);
			p = more;
		}
	}
	return err_nomem("a file");
}

static int read_path(const char *path, uint8_t **data, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return err(-errno, NULL, "cannot open '%.256s': %s", path, strerror(errno));
	ret = read_all(fd, data, size);
	close(fd);
	return ret;
}

/* --- Loading ----------------------------------------------------------------------------- */

static void model_free(struct accel_model *m)
{
	if (!m)
		return;
	if (m->file)
		protobuf_c_message_free_unpacked(m->file, NULL);
	free(m->inputs);
	free(m);
}

static int load(const void *data, size_t size, int directory, struct accel_model **model)
{
	struct accel_model *m = calloc(1, sizeof(*m));
	Onnx__ModelProto *file;
	int ret;

	if (!m)
		return err_nomem("a model");
	atomic_init(&m->refs, 1);
	ret = onnx_unpack(&onnx__model_proto__descriptor, data, size, &m->file);
	file = m->file;
	if (!ret)
		ret = onnx_check(file, directory);
	if (!ret)
		ret = onnx_inputs(file->graph, &m->inputs, &m->ninputs);
	if (ret) {
		model_free(m);
		return ret;
	}
	*model = m;
	return 0;
}

/* @beside: a file whose directory is meant where the options name none, or NULL. */
static int directory_of(const struct accel_model_opts *opts, const char *beside, int *directory)
{
	struct accel_model_opts o = ACCEL_INIT(o);
	const char *slash = beside ? strrchr(beside, '/') : NULL;
	char *name = NULL;
	int ret = opts ? sized_in(&o, sizeof(o), opts, "struct accel_model_opts") : 0;

	*directory = -1;
	if (ret)
		return ret;
	if (o.flags)
		return err(-EINVAL, NULL, "unknown flags %#llx", (unsigned long long)o.flags);
	if (!o.directory && !beside)
		return 0;
	if (!o.directory) {
		name = slash ? strndup(beside, (size_t)(slash - beside) + 1) : strdup(".");
		if (!name)
			return err_nomem("a name");
	}
	*directory = open(name ? name : o.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*directory < 0)
		ret = err(-errno, NULL, "cannot open the directory '%.256s': %s",
			  name ? name : o.directory, strerror(errno));
	free(name);
	return ret;
}

ACCEL_API int accel_model_load(const char *path, const struct accel_model_opts *opts,
			       struct accel_model **model)
{
	API_ENTER;
	uint8_t *data;
	size_t size;
	int directory, ret;

	if (!path || !model)
		return err(-EINVAL, NULL, "%s is NULL", path ? "model" : "path");
	ret = directory_of(opts, path, &directory);
	if (ret)
		return ret;
	ret = read_path(path, &data, &size);
	if (!ret) {
		ret = load(data, size, directory, model);
		free(data);
	}
	if (directory >= 0)
		close(directory);
	return ret;
}

ACCEL_API int accel_model_load_memory(const void *data, size_t size,
				      const struct accel_model_opts *opts,
				      struct accel_model **model)
{
	API_ENTER;
	int directory, ret;

	if (!data || !model)
		return err(-EINVAL, NULL, "%s is NULL", data ? "model" : "data");
	ret = directory_of(opts, NULL, &directory);
	if (ret)
		return ret;
	ret = load(data, size, directory, model);
	if (directory >= 0)
		close(directory);
	return ret;
}

ACCEL_API int accel_model_load_fd(int fd, const struct accel_model_opts *opts,
				  struct accel_model **model)
{
	API_ENTER;
	uint8_t *data;
	size_t size;
	int directory, ret;

	if (!model)
		return err(-EINVAL, NULL, "model is NULL");
	ret = directory_of(opts, NULL, &directory);
	if (ret)
		return ret;
	ret = read_all(fd, &data, &size);
	if (!ret) {
		ret = load(data, size, directory, model);
		free(data);
	}
	if (directory >= 0)
		close(directory);
	return ret;
}

ACCEL_API struct accel_model *accel_model_ref(struct accel_model *model)
{
	if (model)
		ref_more(&model->refs);
	return model;
}

ACCEL_API void accel_model_unref(struct accel_model *model)
{
	API_ENTER;

	if (model && ref_last(&model->refs))
		model_free(model);
}

/* --- What it is -------------------------------------------------------------------------- */

ACCEL_API int accel_model_info(struct accel_model *model, struct accel_model_info *info)
{
	API_ENTER;
	struct accel_model_info out = ACCEL_INIT(out);
	const Onnx__ModelProto *file;

	if (!model || !info)
		return err(-EINVAL, NULL, "%s is NULL", model ? "info" : "model");
	file = model->file;
	out.name = file->graph->name ? file->graph->name : "";
	out.producer = file->producer_name ? file->producer_name : "";
	out.ir_version = file->ir_version;
	out.opset = onnx_opset(file, "");
	out.inputs = model->ninputs;
	out.outputs = (uint32_t)file->graph->n_output;
	out.nodes = (uint32_t)file->graph->n_node;
	for (size_t i = 0; i < file->graph->n_initializer; i++) {
		const Onnx__TensorProto *t = file->graph->initializer[i];

		out.parameters += onnx_tensor_size(t) / accel_dtype_size(onnx_dtype(t->data_type));
	}
	return sized_out(info, &out, sizeof(out), "struct accel_model_info");
}

static int declared(const Onnx__ValueInfoProto *v, struct accel_value_info *info)
{
	const Onnx__TypeProto__Tensor *t = v->type->tensor_type;
	struct accel_value_info out = ACCEL_INIT(out);

	out.name = v->name;
	out.dtype = onnx_dtype(t->elem_type);
	out.size = accel_dtype_size(out.dtype);
	out.rank = t->shape ? (uint32_t)t->shape->n_dim : 0;
	for (uint32_t i = 0; i < out.rank; i++) {
		const Onnx__TensorShapeProto__Dimension *d = t->shape->dim[i];

		out.symbols[i] = "";
		out.dims[i] = -1;
		if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM)
			out.symbols[i] = d->dim_param;
		else if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
			out.dims[i] = d->dim_value;
		if (out.dims[i] < 0 ||
		    __builtin_mul_overflow(out.size, (uint64_t)out.dims[i], &out.size))
			out.size = 0;
	}
	return sized_out(info, &out, sizeof(out), "struct accel_value_info");
}

ACCEL_API int accel_model_input(struct accel_model *model, uint32_t i,
				struct accel_value_info *info)
{
	API_ENTER;
	const Onnx__ModelProto *file;

	if (!model || !info)
		return err(-EINVAL, NULL, "%s is NULL", model ? "info" : "model");
	file = model->file;
	if (i >= model->ninputs)
		return err(-EINVAL, NULL, "no input %u among %u", i, model->ninputs);
	return declared(file->graph->input[model->inputs[i]], info);
}

ACCEL_API int accel_model_output(struct accel_model *model, uint32_t i,
				 struct accel_value_info *info)
{
	API_ENTER;
	const Onnx__ModelProto *file;

	if (!model || !info)
		return err(-EINVAL, NULL, "%s is NULL", model ? "info" : "model");
	file = model->file;
	if (i >= file->graph->n_output)
		return err(-EINVAL, NULL, "no output %u among %zu", i, file->graph->n_output);
	return declared(file->graph->output[i], info);
}

int model_session_opts(struct accel_session_opts *out, const struct accel_session_opts *opts)
{
	int ret = opts ? sized_in(out, sizeof(*out), opts, "struct accel_session_opts") : 0;

	if (ret)
		return ret;
	if (out->flags & ~(uint64_t)ACCEL_SESSION_SYSTEM)
		return err(-EINVAL, NULL, "unknown flags %#llx", (unsigned long long)out->flags);
	if ((out->ndims && !out->dims) || (out->nwithout && !out->without))
		return err(-EINVAL, NULL, "%s is NULL", out->ndims ? "dims" : "without");
	for (size_t i = 0; i < out->ndims; i++)
		if (!out->dims[i].name || out->dims[i].size < 0 || out->dims[i].size > INT32_MAX)
			return err(-EINVAL, NULL, "dims[%zu] has no name or a size of %lld", i,
				   (long long)out->dims[i].size);
	if (out->nfixed && !out->fixed)
		return err(-EINVAL, NULL, "fixed is NULL");
	for (size_t i = 0; i < out->nfixed; i++)
		if (!out->fixed[i].name || (!out->fixed[i].data && out->fixed[i].size))
			return err(-EINVAL, NULL, "fixed[%zu] has no name or no data", i);
	return 0;
}

int model_graph(struct accel_model *model, const struct accel_session_opts *opts,
		const char *after, struct ir_graph **graph)
{
	struct ir_graph *g = onnx_graph(model->file, opts);
	int ret;

	if (!g)
		return accel_last_error()->code;
	ret = pass_run(g, opts, after);
	if (ret) {
		ir_free(g);
		return ret;
	}
	*graph = g;
	return 0;
}

int model_value(const struct ir_value *v, struct accel_value_info *info)
{
	struct accel_value_info out = ACCEL_INIT(out);

	out.name = "";
	if (v) {
		out.name = v->name;
		out.dtype = v->dtype;
		out.rank = v->rank;
		out.size = v->size;
		out.constant = !v->from && v->data;
		for (uint32_t i = 0; i < v->rank; i++) {
			out.dims[i] = v->dims[i];
			out.symbols[i] = "";
		}
	}
	return sized_out(info, &out, sizeof(out), "struct accel_value_info");
}

/* --- Tensors in files -------------------------------------------------------------------- */

/* The name lies before the elements, so that both are one allocation. */
struct tensor_file {
	char *name;
	_Alignas(16) uint8_t data[];
};

static int tensor(const Onnx__TensorProto *t, struct accel_value_info *info, void **data)
{
	struct accel_value_info out = ACCEL_INIT(out);
	const char *name = t->name ? t->name : "";
	struct tensor_file *f;
	int ret = onnx_tensor_check(t, "the tensor");

	if (ret)
		return ret;
	out.dtype = onnx_dtype(t->data_type);
	if (out.dtype == ACCEL_NONE)
		return err(-EOPNOTSUPP, NULL, "the tensor is of %s, which is not supported",
			   onnx_dtype_name(t->data_type));
	if (onnx_tensor_external(t))
		return err(-EOPNOTSUPP, NULL, "the tensor's data are in another file");
	if (t->n_dims > ACCEL_VALUE_RANK_MAX)
		return err(-EOPNOTSUPP, NULL, "the tensor has %zu axes; %d are supported", t->n_dims,
			   ACCEL_VALUE_RANK_MAX);
	out.size = onnx_tensor_size(t);
	f = malloc(sizeof(*f) + out.size + strlen(name) + 1);
	if (!f)
		return err_nomem("a tensor");
	onnx_tensor_read(t, f->data);
	f->name = strcpy((char *)f->data + out.size, name);
	out.name = f->name;
	out.rank = (uint32_t)t->n_dims;
	for (uint32_t i = 0; i < out.rank; i++) {
		out.dims[i] = t->dims[i];
		out.symbols[i] = "";
	}
	out.constant = true;
	ret = sized_out(info, &out, sizeof(out), "struct accel_value_info");
	if (ret) {
		free(f);
		return ret;
	}
	*data = f->data;
	return 0;
}

ACCEL_API int accel_model_tensor(const char *path, struct accel_value_info *info, void **data)
{
	API_ENTER;
	Onnx__TensorProto *t = NULL;
	uint8_t *bytes;
	size_t size;
	int ret;

	if (!path || !info || !data)
		return err(-EINVAL, NULL, "%s is NULL", !path ? "path" : !info ? "info" : "data");
	ret = read_path(path, &bytes, &size);
	if (ret)
		return ret;
	ret = onnx_unpack(&onnx__tensor_proto__descriptor, bytes, size, &t);
	free(bytes);
	if (ret)
		return ret;
	ret = tensor(t, info, data);
	onnx__tensor_proto__free_unpacked(t, NULL);
	return ret;
}

ACCEL_API void accel_model_tensor_free(void *data)
{
	if (data)
		free((uint8_t *)data - offsetof(struct tensor_file, data));
}
