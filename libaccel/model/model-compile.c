// SPDX-License-Identifier: MIT
/*
 * Graphs of models: made from what the importer has, or from a file that has one, and put
 * into such files.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../object.h"
#include "card.h"
#include "model.h"
#include "onnx.h"
#include "pass.h"
#include "separate.h"

/* --- Graphs ------------------------------------------------------------------------------ */

/* The size that an axis of an input, or all axes of a symbol, were compiled with; -1: none is named so. */
static int64_t compiled_size(const struct accel_model *m, const char *name)
{
	const struct face *f = &m->declared.face;
	char axis[160];

	for (uint32_t i = 0; i < f->info.inputs; i++) {
		for (uint32_t k = 0; k < f->inputs[i].rank; k++) {
			snprintf(axis, sizeof(axis), "%.128s:%u", f->inputs[i].name, k);
			if (!strcmp(axis, name) || (f->inputs[i].dims[k] < 0 &&
						    f->inputs[i].symbols[k][0] &&
						    !strcmp(f->inputs[i].symbols[k], name)))
				return k < m->face.inputs[i].rank ? m->face.inputs[i].dims[k] : -1;
		}
	}
	return -1;
}

static const struct ir_value *input_of(const struct ir_graph *g, const char *name)
{
	for (uint32_t i = 0; i < g->ninputs; i++)
		if (!strcmp(g->inputs[i]->name, name))
			return g->inputs[i];
	return NULL;
}

/* Whether @name is that of axis 0 of an input, and of nothing but axes 0. */
static bool names_batch(const struct face *f, uint32_t input, const char *name)
{
	char axis[160];

	snprintf(axis, sizeof(axis), "%.128s:0", f->inputs[input].name);
	if (!strcmp(axis, name))
		return true;
	if (!f->inputs[input].rank || strcmp(f->inputs[input].symbols[0], name) || !name[0])
		return false;
	for (uint32_t i = 0; i < f->info.inputs; i++)
		for (uint32_t k = 1; k < f->inputs[i].rank; k++)
			if (!strcmp(f->inputs[i].symbols[k], name))
				return false;
	return true;
}

/* The size of axis 0 that is asked for of all inputs, where it is not the one that is there; else 0. */
static int64_t other_batch(const struct accel_model *m, const struct accel_session_opts *opts)
{
	const struct face *f = &m->declared.face;
	int64_t batch = 0;

	for (uint32_t i = 0; i < f->info.inputs; i++) {
		int64_t size = 0;

		for (size_t k = 0; k < opts->ndims && !size; k++)
			if (names_batch(f, i, opts->dims[k].name))
				size = opts->dims[k].size;
		if (!size || !m->face.inputs[i].rank || (i && size != batch))
			return 0;
		batch = size;
		if (m->face.inputs[i].dims[0] != m->face.inputs[0].dims[0])
			return 0;
	}
	return f->info.inputs && batch != m->face.inputs[0].dims[0] ? batch : 0;
}

/* Graphs of @from and @to elements of the batch compute for each the same as that of one. */
static int proven(struct accel_model *m, int64_t from, int64_t to)
{
	struct ir_graph *one, *many;
	int64_t sizes[2] = { from, to };
	struct compiled c;
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++) {
		if (sizes[i] == 1)
			continue;
		one = many = NULL;
		ret = compiled_read(m->compiled, true, from == 1 ? 0 : 1, &c, &one);
		if (!ret)
			ret = compiled_read(m->compiled, true, i ? to : 0, &c, &many);
		if (!ret)
			ret = separate(one, many, sizes[i]);
		if (one)
			ir_free(one);
		if (many)
			ir_free(many);
	}
	return ret;
}

/* What is asked for must be what is there, but for @batch, which was seen to. */
static int agree(const struct accel_model *m, const struct ir_graph *g,
		 const struct accel_session_opts *opts, int64_t batch)
{
	static const char hint[] = "compile the ONNX file with these options";

	if (opts->nwithout)
		return err(-EINVAL, hint, "the model is compiled: no pass can be left out");
	for (size_t i = 0; i < opts->ndims; i++) {
		int64_t size = compiled_size(m, opts->dims[i].name);

		for (uint32_t k = 0; k < m->face.info.inputs && batch; k++)
			if (names_batch(&m->declared.face, k, opts->dims[i].name))
				size = batch;
		if (size < 0)
			return err(-EINVAL, NULL, "the model has no axis '%.64s'", opts->dims[i].name);
		if (size != opts->dims[i].size)
			return err(-EINVAL, hint, "the model was compiled with '%.64s' of %lld elements, "
				   "not %lld", opts->dims[i].name, (long long)size,
				   (long long)opts->dims[i].size);
	}
	for (size_t i = 0; i < opts->nfixed; i++) {
		const struct accel_model_fixed *f = &opts->fixed[i];
		const struct ir_value *v = input_of(g, f->name);

		if (!v)
			return err(-EINVAL, NULL, "the model has no input '%.64s'", f->name);
		if (!v->data || v->size != f->size || (f->size && memcmp(v->data, f->data, f->size)))
			return err(-EINVAL, hint, "the model was compiled with '%.64s' %s", f->name,
				   v->data ? "fixed to other elements" : "open");
	}
	return 0;
}

static int compiled_graph(struct accel_model *m, const struct accel_session_opts *opts,
			  const char *after, struct ir_graph **graph)
{
	int64_t batch = other_batch(m, opts);
	struct compiled c;
	struct ir_graph *g;
	int ret = 0;

	if (after)
		return err(-EOPNOTSUPP, "use the ONNX file that it was compiled from",
			   "the model is compiled: there is no graph between two passes");
	/* Digests were compared when it was loaded. */
	if (batch)
		ret = proven(m, m->face.inputs[0].dims[0], batch);
	if (!ret)
		ret = compiled_read(m->compiled, true, batch, &c, &g);
	if (ret)
		return ret;
	ret = agree(m, g, opts, batch);
	if (ret)
		ir_free(g);
	else
		*graph = g;
	return ret;
}

int model_graph(struct accel_model *model, const struct accel_session_opts *opts,
		const char *after, struct ir_graph **graph)
{
	Onnx__ModelProto *file;
	struct ir_graph *g;
	int ret;

	if (model->compiled)
		return compiled_graph(model, opts, after, graph);
	ret = model_file(model, &file);
	if (ret)
		return ret;
	g = onnx_graph(file, opts);
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

int model_missing(const struct ir_graph *g, uint32_t count)
{
	char text[400] = "";
	size_t used = 0;
	uint32_t told = 0;

	for (struct ir_node *n = g->first; n && told < 3; n = n->next) {
		if (n->place != ACCEL_PLACE_MISSING || strstr(n->reason, "which cannot be computed"))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%snode '%.24s' (%.24s): "
					 "%.80s", told ? "; " : "", n->name, n->origin,
					 n->op == IR_MISSING ? n->text : n->reason);
		told++;
	}
	return err(-EOPNOTSUPP, "accelctl model show lists all operators; inputs that shapes are computed "
		   "from can be fixed (--fix, accel_session_opts.fixed)",
		   "%u of the model's operators cannot run: %s", count, text);
}

/* --- The cache --------------------------------------------------------------------------- */

/* As cache_find(), but for what this model has found already. */
static bool find(struct accel_model *m, struct model_use *use)
{
	struct image *image = NULL, *old = NULL;
	struct compiled c;
	int ret;

	pthread_mutex_lock(&m->lock);
	if (m->found && !memcmp(m->found_key, use->key, sizeof(use->key)))
		image = image_ref(m->found);
	pthread_mutex_unlock(&m->lock);
	if (image) {
		ret = compiled_read(image, true, 0, &c, &use->graph);
		image_unref(image);
		return !ret;
	}
	if (!cache_find(&m->cache, use->key, &c, &use->graph, use->note))
		return false;
	pthread_mutex_lock(&m->lock);
	old = m->found;
	m->found = image_ref(use->graph->image);
	memcpy(m->found_key, use->key, sizeof(use->key));
	pthread_mutex_unlock(&m->lock);
	image_unref(old);
	return true;
}

int model_compile(struct accel_model *model, const struct accel_device_props *props,
		  const struct accel_session_opts *opts, struct model_use *use)
{
	int ret;

	memset(use, 0, sizeof(*use));
	if (!model->cached)
		return model_graph(model, opts, NULL, &use->graph);
	ret = cache_key(use->key, model->digest, props, opts);
	if (ret)
		return ret;
	if (find(model, use)) {
		use->use = ACCEL_CACHE_HIT;
		return 0;
	}
	ret = model_graph(model, opts, NULL, &use->graph);
	use->keep = !ret;
	return ret;
}

static void describe(const struct accel_model *m, const struct accel_device_props *props,
		     struct compiled *c)
{
	memset(c, 0, sizeof(*c));
	memcpy(c->model, m->digest, sizeof(c->model));
	c->face = m->compiled ? m->declared.face : m->face;
	if (m->compiled)
		memcpy(c->model, m->declared.model, sizeof(c->model));
	if (!props)
		return;
	c->dtypes = props->dtypes;
	memcpy(c->opcodes, props->opcodes, sizeof(c->opcodes));
	c->hw_version = props->hw_version;
}

/* So that the file need not be read at all the next time. */
static void keep_face(struct accel_model *m)
{
	char note[CACHE_NOTE] = "";
	struct compiled c;

	if (!m->alone)
		return;
	describe(m, NULL, &c);
	if (!cache_key(c.key, m->hint, NULL, NULL) && (m->displaced || !cache_has(&m->cache, c.key)))
		cache_store(&m->cache, &c, NULL, note);
}

void model_keep(struct accel_model *model, const struct accel_device_props *props,
		struct model_use *use)
{
	struct compiled c;

	if (use->keep) {
		describe(model, props, &c);
		memcpy(c.key, use->key, sizeof(c.key));
		use->use = cache_store(&model->cache, &c, use->graph, use->note) ?
			   ACCEL_CACHE_STORED : ACCEL_CACHE_FAILED;
	}
	if (use->use == ACCEL_CACHE_HIT || use->use == ACCEL_CACHE_STORED)
		keep_face(model);
}

/* --- Files ------------------------------------------------------------------------------- */

static int save(struct accel_model *model, struct accel_device *device,
		const struct accel_session_opts *opts, int fd)
{
	const struct accel_device_props *props = device ? &device->props : NULL;
	struct accel_session_opts o = ACCEL_INIT(o);
	struct compiled c;
	struct model_use use;
	uint32_t cannot;
	int ret = model_session_opts(&o, opts);

	if (ret)
		return ret;
	if (!model->compiled && !model->cached) {
		Onnx__ModelProto *file;

		ret = model_file(model, &file);
	}
	if (!ret)
		ret = model_compile(model, props, &o, &use);
	if (ret)
		return ret;
	cannot = card_place(use.graph, props);
	if (cannot) {
		ret = model_missing(use.graph, cannot);
	} else {
		describe(model, props, &c);
		ret = compiled_write(&c, use.graph, fd, UINT64_MAX);
	}
	ir_free(use.graph);
	return ret;
}

ACCEL_API int accel_model_save_fd(struct accel_model *model, struct accel_device *device,
				  const struct accel_session_opts *opts, int fd)
{
	API_ENTER;

	if (!model)
		return err(-EINVAL, NULL, "model is NULL");
	return save(model, device, opts, fd);
}

/* The directory that a name is in must have it after a crash, too. */
static int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd = name ? open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int ret = fd < 0 || fsync(fd) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	free(name);
	/* Some file systems cannot. */
	return ret == -EINVAL || ret == -EACCES ? 0 : ret;
}

/* A new file beside another, with the rights of any new file: none is made with those of all. */
static int open_beside(const char *path, char **aside)
{
	unsigned int number;
	int fd = -1, error = 0;

	for (int i = 0; i < 100 && fd < 0 && (!error || error == EEXIST); i++) {
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return err(-EIO, NULL, "no random numbers: %s", strerror(errno));
		if (asprintf(aside, "%s.%08x", path, number) < 0)
			return err_nomem("a name");
		fd = open(*aside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		error = errno;
		if (fd < 0)
			free(*aside);
	}
	if (fd < 0)
		return err(-error, NULL, "cannot write beside '%.256s': %s", path, strerror(error));
	return fd;
}

ACCEL_API int accel_model_save(struct accel_model *model, struct accel_device *device,
			       const struct accel_session_opts *opts, const char *path)
{
	API_ENTER;
	char *aside;
	int fd, ret;

	if (!model || !path)
		return err(-EINVAL, NULL, "%s is NULL", model ? "path" : "model");
	fd = open_beside(path, &aside);
	if (fd < 0)
		return fd;
	ret = save(model, device, opts, fd);
	if (!ret && (fsync(fd) || rename(aside, path)))
		ret = err(-errno, NULL, "cannot write '%.256s': %s", path, strerror(errno));
	close(fd);
	if (ret)
		unlink(aside);
	else if ((ret = sync_directory(path)))
		err(ret, NULL, "cannot write the directory of '%.256s': %s", path, strerror(-ret));
	free(aside);
	return ret;
}
