// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cached.h"

#define HASH	64

char top[] = "/tmp/t-cache.XXXXXX", dir[64], path[64];

/* --- Directories ------------------------------------------------------------------------- */

bool is_entry(const char *name)
{
	return strlen(name) == HASH + 5 && !strcmp(name + HASH, ".loom");
}

unsigned int count(bool all, char largest[512])
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned int n = 0;
	struct stat st;
	off_t most = -1;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || (!all && !is_entry(e->d_name)))
			continue;
		n++;
		if (!largest || fstatat(dirfd(d), e->d_name, &st, 0) || st.st_size <= most)
			continue;
		most = st.st_size;
		snprintf(largest, 512, "%s/%s", dir, e->d_name);
	}
	if (d)
		closedir(d);
	return n;
}

void remove_all(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_type != DT_DIR)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

/* --- Models ------------------------------------------------------------------------------ */

Onnx__ModelProto *network(int seed)
{
	Onnx__ModelProto *m = onnx_network();

	onnx_floats(m, "other", (int64_t[]){ 40, 50, -1 }, seed);
	onnx_node(m, "ReduceSum", "other", "sum");
	onnx_node(m, "Mul", "y sum", "w2");
	onnx_output(m, "w2", F32);
	return m;
}

size_t write_large(const char *name, int seed, int64_t more)
{
	Onnx__ModelProto *m = network(seed);
	Onnx__TensorProto *t;
	size_t size;
	void *data, *memory = NULL;
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (more) {
		t = onnx_floats(m, "more", (int64_t[]){ 1, -1 }, seed);
		t->dims[0] = more;
		t->n_float_data = 0;
		t->has_raw_data = 1;
		t->raw_data.len = 4 * (size_t)more;
		t->raw_data.data = memory = calloc(1, t->raw_data.len);
		onnx_node(m, "ReduceSum", "more", "most");
		onnx_node(m, "Mul", "w2 most", "w3");
		onnx_output(m, "w3", F32);
	}
	data = onnx_bytes(m, &size);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		check_fail(__FILE__, __LINE__, "cannot write a model");
	close(fd);
	free(data);
	free(memory);
	return size;
}

void write_model(const char *name, int seed)
{
	write_large(name, seed, 0);
}

struct accel_model_opts cached(void)
{
	struct accel_model_opts opts = ACCEL_INIT(opts);

	opts.cache = dir;
	opts.cache_least = 1;
	return opts;
}

bool use_model(struct bench *b, struct accel_model *given, const struct accel_model_opts *mo,
		      const struct accel_session_opts *so, struct use *out)
{
	struct accel_session_info info = ACCEL_INIT(info);
	struct accel_session *s = NULL;
	struct accel_model *model = given;
	struct accel_value_info v = ACCEL_INIT(v);
	static float x[4096];
	bool ok;

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < 4096; i++)
		x[i] = (float)(i * 37 % 101 - 50) / 25;
	ok = (given || !accel_model_load(path, mo, &model)) &&
	     !accel_session_create(model, b->queue, so, &s) && !accel_session_info(s, &info) &&
	     !accel_session_input(s, 0, &v) && !accel_session_write(s, 0, x, v.size) &&
	     !accel_session_run(s, soon(), NULL) && !accel_session_output(s, 2, &v) &&
	     v.size <= sizeof(out->y) && !accel_session_read(s, 2, out->y, v.size);
	if (!ok)
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	out->use = info.cache;
	if (info.cache_note)
		snprintf(out->note, sizeof(out->note), "%s", info.cache_note);
	accel_session_unref(s);
	if (!given)
		accel_model_unref(model);
	return ok;
}

bool same(const struct use *a, const struct use *b)
{
	return !memcmp(a->y, b->y, sizeof(a->y));
}

int cached_main(const struct check_test *tests, size_t ntests)
{
	char command[80];
	int status;

	setenv("ACCEL_CACHE", "off", 1);
	if (!mkdtemp(top))
		return 1;
	snprintf(dir, sizeof(dir), "%s/models", top);
	status = check_main(tests, ntests);
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	return system(command) ? 1 : status;
}
