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

/* --- What a file declares ----------------------------------------------------------------- */

static void declared(const Onnx__ValueInfoProto *v, struct accel_value_info *out)
{
	const Onnx__TypeProto__Tensor *t = v->type->tensor_type;

	*out = (struct accel_value_info)ACCEL_INIT(*out);
	out->name = v->name;
	out->dtype = onnx_dtype(t->elem_type);
	out->size = accel_dtype_size(out->dtype);
	out->rank = t->shape ? (uint32_t)t->shape->n_dim : 0;
	for (uint32_t i = 0; i < out->rank; i++) {
		const Onnx__TensorShapeProto__Dimension *d = t->shape->dim[i];

		out->symbols[i] = "";
		out->dims[i] = -1;
		if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM)
			out->symbols[i] = d->dim_param;
		else if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
			out->dims[i] = d->dim_value;
		if (out->dims[i] < 0 ||
		    __builtin_mul_overflow(out->size, (uint64_t)out->dims[i], &out->size))
			out->size = 0;
	}
}

static int face_values(struct accel_model *m, uint32_t inputs, uint32_t outputs)
{
	m->memory = m->memory ? m->memory : ir_create();
	if (!m->memory)
		return -ENOMEM;
	m->face.info.inputs = inputs;
	m->face.info.outputs = outputs;
	m->face.inputs = ir_alloc(m->memory, (inputs + 1) * sizeof(*m->face.inputs));
	m->face.outputs = ir_alloc(m->memory, (outputs + 1) * sizeof(*m->face.outputs));
	return m->memory->error;
}

static int face(struct accel_model *m, const Onnx__ModelProto *file)
{
	struct accel_model_info *info = &m->face.info;
	uint32_t *inputs, n = 0;
	int ret = onnx_inputs(file->graph, &inputs, &n);

	if (ret)
		return ret;
	*info = (struct accel_model_info)ACCEL_INIT(*info);
	info->name = file->graph->name ? file->graph->name : "";
	info->producer = file->producer_name ? file->producer_name : "";
	info->ir_version = file->ir_version;
	info->opset = onnx_opset(file, "");
	info->nodes = (uint32_t)file->graph->n_node;
	for (size_t i = 0; i < file->graph->n_initializer; i++) {
		const Onnx__TensorProto *t = file->graph->initializer[i];

		info->parameters += onnx_tensor_size(t) / accel_dtype_size(onnx_dtype(t->data_type));
	}
	ret = face_values(m, n, (uint32_t)file->graph->n_output);
	for (uint32_t i = 0; i < n && !ret; i++)
		declared(file->graph->input[inputs[i]], &m->face.inputs[i]);
	for (uint32_t i = 0; i < info->outputs && !ret; i++)
		declared(file->graph->output[i], &m->face.outputs[i]);
	free(inputs);
	return ret;
}

/* A compiled model has the sizes that it was compiled with. */
static int compiled_face(struct accel_model *m, const struct ir_graph *g)
{
	struct accel_model_info *info = &m->face.info;
	int ret;

	*info = m->declared.face.info;
	info->compiled = true;
	if (info->inputs != g->ninputs || info->outputs != g->noutputs)
		return err(-EINVAL, "compile the model again",
			   "the compiled model is damaged: its graph has other inputs or outputs");
	ret = face_values(m, info->inputs, info->outputs);
	for (uint32_t i = 0; i < info->inputs + info->outputs && !ret; i++) {
		bool input = i < info->inputs;
		const struct ir_value *v = input ? g->inputs[i] : g->outputs[i - info->inputs];
		struct accel_value_info *to = input ? &m->face.inputs[i] :
					      &m->face.outputs[i - info->inputs];

		to->sz = sizeof(*to);
		ret = model_value(v, to);
	}
	return ret;
}

/* --- Loading ----------------------------------------------------------------------------- */

static void model_free(struct accel_model *m)
{
	if (!m)
		return;
	if (m->file)
		protobuf_c_message_free_unpacked(m->file, NULL);
	if (m->fd >= 0)
		close(m->fd);
	ir_free(m->memory);
	image_unref(m->compiled);
	image_unref(m->found);
	cache_fini(&m->cache);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static void digest_of(const void *data, size_t size, uint8_t digest[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx s;

	sha256_init(&s);
	sha256_update(&s, size, data);
	sha256_digest(&s, SHA256_DIGEST_SIZE, digest);
}

#define PIECE	4096
#define PIECES	16

/*
 * Size and pieces of a file, in @data, or else to be read from @fd. Files that differ elsewhere have the
 * same hint: it says whether it is worth the while to compare all of it with what the cache knows.
 */
static bool hint_of(const uint8_t *data, int fd, uint64_t size, uint8_t hint[SHA256_DIGEST_SIZE])
{
	uint64_t step = size > PIECE ? (size - PIECE) / (PIECES - 1) : size;
	size_t n = size > PIECE ? PIECE : (size_t)size;
	uint8_t piece[PIECE];
	struct sha256_ctx s;

	sha256_init(&s);
	sha256_update(&s, sizeof(size), (const uint8_t *)&size);
	for (uint64_t at = 0; at + n <= size && n; at += step) {
		if (!data && pread(fd, piece, n, (off_t)at) != (ssize_t)n)
			return false;
		sha256_update(&s, n, data ? data + at : piece);
		if (!step)
			break;
	}
	sha256_digest(&s, SHA256_DIGEST_SIZE, hint);
	return true;
}

/* What files that it refers to have is part of a model, too. */
static void add_external(struct accel_model *m, const Onnx__GraphProto *g)
{
	struct sha256_ctx s;

	m->alone = true;
	sha256_init(&s);
	sha256_update(&s, sizeof(m->digest), m->digest);
	for (size_t i = 0; i < g->n_initializer; i++) {
		const Onnx__TensorProto *t = g->initializer[i];

		if (!onnx_tensor_external(t))
			continue;
		m->alone = false;
		if (m->cached)
			sha256_update(&s, t->raw_data.len, t->raw_data.data);
	}
	if (!m->alone && m->cached)
		sha256_digest(&s, SHA256_DIGEST_SIZE, m->digest);
}

static int import(struct accel_model *m, const struct image *image, int directory)
{
	Onnx__ModelProto *file = NULL;
	int ret = onnx_unpack(&onnx__model_proto__descriptor, NULL, image->data, image->size, &file);

	if (!ret)
		ret = onnx_check(file, directory);
	if (ret) {
		if (file)
			onnx__model_proto__free_unpacked(file, NULL);
		return ret;
	}
	m->file = file;
	return 0;
}

/* @m is the function's. */
static int load(struct accel_model *m, struct image *image, int directory, struct accel_model **model)
{
	struct ir_graph *g = NULL;
	int ret;

	if (compiled_is(image->data, image->size)) {
		m->compiled = image_ref(image);
		ret = compiled_read(image, false, 0, &m->declared, &g);
		m->memory = g;		/* with the strings */
		if (!ret)
			ret = compiled_face(m, g);
	} else {
		m->cached = m->cache.directory && image->size >= m->cache.least;
		if (m->cached) {
			digest_of(image->data, image->size, m->digest);
			hint_of(image->data, -1, image->size, m->hint);
		}
		ret = import(m, image, directory);
		if (!ret)
			add_external(m, ((Onnx__ModelProto *)m->file)->graph);
		if (!ret)
			ret = face(m, m->file);
	}
	if (ret) {
		model_free(m);
		return ret;
	}
	*model = m;
	return 0;
}

/* @beside: a file whose directory is meant where the options name none, or NULL. */
static int directory_of(const struct accel_model_opts *o, const char *beside, int *directory)
{
	const char *slash = beside ? strrchr(beside, '/') : NULL;
	char *name = NULL;
	int ret = 0;

	*directory = -1;
	if (!o->directory && !beside)
		return 0;
	if (!o->directory) {
		name = slash ? strndup(beside, (size_t)(slash - beside) + 1) : strdup(".");
		if (!name)
			return err_nomem("a name");
	}
	*directory = open(name ? name : o->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*directory < 0)
		ret = err(-errno, NULL, "cannot open the directory '%.256s': %s",
			  name ? name : o->directory, strerror(errno));
	free(name);
	return ret;
}

static int model_new(const struct accel_model_opts *opts, const char *beside, int *directory,
		     struct accel_model **model)
{
	struct accel_model_opts o = ACCEL_INIT(o);
	struct accel_model *m;
	int ret = opts ? sized_in(&o, sizeof(o), opts, "struct accel_model_opts") : 0;

	*directory = -1;
	if (ret)
		return ret;
	if (o.flags & ~(uint64_t)ACCEL_MODEL_NO_CACHE)
		return err(-EINVAL, NULL, "unknown flags %#llx", (unsigned long long)o.flags);
	m = calloc(1, sizeof(*m));
	if (!m)
		return err_nomem("a model");
	atomic_init(&m->refs, 1);
	pthread_mutex_init(&m->lock, NULL);
	m->fd = -1;
	ret = cache_init(&m->cache, &o);
	if (!ret)
		ret = directory_of(&o, beside, directory);
	if (ret) {
		model_free(m);
		return ret;
	}
	*model = m;
	return 0;
}

/* --- Files that the cache knows ------------------------------------------------------------ */

/* Not into memory, which would take longer than all else. */
static int digest_file(int fd, off_t size, uint8_t digest[SHA256_DIGEST_SIZE])
{
	const size_t step = 1 << 18;
	uint8_t *data = malloc(step);
	struct sha256_ctx s;
	off_t at = 0;

	if (!data)
		return -ENOMEM;
	sha256_init(&s);
	while (at < size) {
		ssize_t n = pread(fd, data, step, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		sha256_update(&s, (size_t)n, data);
		at += n;
	}
	free(data);
	sha256_digest(&s, SHA256_DIGEST_SIZE, digest);
	return at == size ? 0 : -EIO;
}

/* If the cache has the face of a file that has no others, that is all that is needed for now. */
static bool load_known(struct accel_model *m, int fd)
{
	uint8_t key[SHA256_DIGEST_SIZE];
	char note[CACHE_NOTE];
	struct compiled c;
	struct stat st;

	if (!m->cache.directory || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size < m->cache.least || (uint64_t)st.st_size > ONNX_SIZE_MAX ||
	    !hint_of(NULL, fd, (uint64_t)st.st_size, m->hint) ||
	    cache_key(key, m->hint, NULL, NULL) ||
	    !cache_find(&m->cache, key, &c, &m->memory, note))
		return false;
	/* Only now, for whoever has to read the file has to do it again. */
	if (digest_file(fd, st.st_size, m->digest))
		return false;
	m->displaced = memcmp(c.model, m->digest, sizeof(c.model)) != 0;
	if (m->displaced)
		return false;
	m->face = c.face;
	m->face.info.compiled = false;
	m->cached = m->alone = true;
	m->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return m->fd >= 0;
}

static int import_known(struct accel_model *m)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct image *image;
	int ret = lseek(m->fd, 0, SEEK_SET) ? err(-errno, NULL, "cannot read the model: %s",
						  strerror(errno)) : 0;

	if (!ret)
		ret = image_read(m->fd, ONNX_SIZE_MAX, &image);
	if (ret)
		return ret;
	digest_of(image->data, image->size, digest);
	if (memcmp(digest, m->digest, sizeof(digest)))
		ret = err(-ESTALE, "load it again", "the model's file was overwritten since it was "
			  "loaded");
	else
		ret = import(m, image, -1);
	image_unref(image);
	if (ret)
		return ret;
	close(m->fd);
	m->fd = -1;
	return 0;
}

int model_file(struct accel_model *model, void *file)
{
	int ret = 0;

	if (model->compiled)
		return err(-EOPNOTSUPP, "use the ONNX file that it was compiled from",
			   "the model is compiled: its operators of ONNX are gone");
	pthread_mutex_lock(&model->lock);
	if (!model->file)
		ret = import_known(model);
	*(void **)file = model->file;
	pthread_mutex_unlock(&model->lock);
	return ret;
}

/* --- Calls ------------------------------------------------------------------------------- */

static int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : err(-errno, NULL, "cannot open '%.256s': %s", path, strerror(errno));
}

/* As large as files of its kind may be. */
static size_t most_of(int fd)
{
	uint8_t magic[COMPILED_MAGIC_SIZE];
	off_t at = lseek(fd, 0, SEEK_CUR);

	if (at >= 0 && pread(fd, magic, sizeof(magic), at) == sizeof(magic) &&
	    compiled_is(magic, sizeof(magic)))
		return COMPILED_SIZE_MAX;
	return ONNX_SIZE_MAX;
}

ACCEL_API int accel_model_load(const char *path, const struct accel_model_opts *opts,
			       struct accel_model **model)
{
	API_ENTER;
	int directory = -1, fd = -1, ret;
	struct accel_model *m = NULL;
	struct image *image = NULL;

	if (!path || !model)
		return err(-EINVAL, NULL, "%s is NULL", path ? "model" : "path");
	ret = model_new(opts, path, &directory, &m);
	if (!ret) {
		fd = open_path(path);
		ret = fd < 0 ? fd : 0;
	}
	if (!ret && load_known(m, fd)) {
		*model = m;
		m = NULL;
	} else if (!ret) {
		ir_free(m->memory);
		m->memory = NULL;
		ret = image_read(fd, most_of(fd), &image);
		if (!ret) {
			ret = load(m, image, directory, model);
			m = NULL;
		}
		image_unref(image);
	}
	model_free(m);
	if (fd >= 0)
		close(fd);
	if (directory >= 0)
		close(directory);
	return ret;
}

ACCEL_API int accel_model_load_memory(const void *data, size_t size,
				      const struct accel_model_opts *opts,
				      struct accel_model **model)
{
	API_ENTER;
	struct image view = { .data = (uint8_t *)data, .size = size }, *image = &view;
	struct accel_model *m;
	int directory, ret;

	if (!data || !model)
		return err(-EINVAL, NULL, "%s is NULL", data ? "model" : "data");
	ret = model_new(opts, NULL, &directory, &m);
	if (ret)
		return ret;
	/* Only a compiled model is used as it lies there. */
	if (compiled_is(data, size))
		ret = image_copy(data, size, &image);
	if (ret)
		model_free(m);
	else
		ret = load(m, image, directory, model);
	if (image != &view)
		image_unref(image);
	if (directory >= 0)
		close(directory);
	return ret;
}

ACCEL_API int accel_model_load_fd(int fd, const struct accel_model_opts *opts,
				  struct accel_model **model)
{
	API_ENTER;
	struct accel_model *m;
	struct image *image;
	int directory, ret;

	if (!model)
		return err(-EINVAL, NULL, "model is NULL");
	ret = model_new(opts, NULL, &directory, &m);
	if (ret)
		return ret;
	ret = image_read(fd, most_of(fd), &image);
	if (ret) {
		model_free(m);
	} else {
		ret = load(m, image, directory, model);
		image_unref(image);
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
	struct accel_model_info out;

	if (!model || !info)
		return err(-EINVAL, NULL, "%s is NULL", model ? "info" : "model");
	out = model->face.info;
	return sized_out(info, &out, sizeof(out), "struct accel_model_info");
}

ACCEL_API int accel_model_input(struct accel_model *model, uint32_t i,
				struct accel_value_info *info)
{
	API_ENTER;

	if (!model || !info)
		return err(-EINVAL, NULL, "%s is NULL", model ? "info" : "model");
	if (i >= model->face.info.inputs)
		return err(-EINVAL, NULL, "no input %u among %u", i, model->face.info.inputs);
	return sized_out(info, &model->face.inputs[i], sizeof(*info), "struct accel_value_info");
}

ACCEL_API int accel_model_output(struct accel_model *model, uint32_t i,
				 struct accel_value_info *info)
{
	API_ENTER;

	if (!model || !info)
		return err(-EINVAL, NULL, "%s is NULL", model ? "info" : "model");
	if (i >= model->face.info.outputs)
		return err(-EINVAL, NULL, "no output %u among %u", i, model->face.info.outputs);
	return sized_out(info, &model->face.outputs[i], sizeof(*info), "struct accel_value_info");
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
		out.bounded = v->late;
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
	struct image *image;
	int fd, ret;

	if (!path || !info || !data)
		return err(-EINVAL, NULL, "%s is NULL", !path ? "path" : !info ? "info" : "data");
	fd = open_path(path);
	if (fd < 0)
		return fd;
	ret = image_read(fd, ONNX_SIZE_MAX, &image);
	close(fd);
	if (ret)
		return ret;
	ret = onnx_unpack(&onnx__tensor_proto__descriptor, NULL, image->data, image->size, &t);
	image_unref(image);
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
