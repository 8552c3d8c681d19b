// SPDX-License-Identifier: MIT
/*
 * Tensors of ONNX files: typed fields, raw bytes, and files beside the model.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onnx.h"

static const struct {
	enum accel_dtype dtype;
	const char *name;
} types[] = {
	[ONNX__TENSOR_PROTO__DATA_TYPE__UNDEFINED] = { ACCEL_NONE, "undefined" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT] = { ACCEL_F32, "float" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__UINT8] = { ACCEL_U8, "uint8" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__INT8] = { ACCEL_I8, "int8" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__UINT16] = { ACCEL_U16, "uint16" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__INT16] = { ACCEL_I16, "int16" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__INT32] = { ACCEL_I32, "int32" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__INT64] = { ACCEL_I64, "int64" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__STRING] = { ACCEL_NONE, "string" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__BOOL] = { ACCEL_BOOL, "bool" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16] = { ACCEL_F16, "float16" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE] = { ACCEL_F64, "double" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__UINT32] = { ACCEL_U32, "uint32" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__UINT64] = { ACCEL_U64, "uint64" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX64] = { ACCEL_NONE, "complex64" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX128] = { ACCEL_NONE, "complex128" },
	[ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16] = { ACCEL_BF16, "bfloat16" },
};

#define NTYPES	((int32_t)(sizeof(types) / sizeof(types[0])))

enum accel_dtype onnx_dtype(int32_t type)
{
	return type >= 0 && type < NTYPES ? types[type].dtype : ACCEL_NONE;
}

const char *onnx_dtype_name(int32_t type)
{
	return type >= 0 && type < NTYPES && types[type].name ? types[type].name : "unknown";
}

size_t onnx_tensor_size(const Onnx__TensorProto *t)
{
	size_t size = accel_dtype_size(onnx_dtype(t->data_type));

	for (size_t i = 0; i < t->n_dims; i++)
		size *= (size_t)t->dims[i];
	return size;
}

int onnx_tensor_check(const Onnx__TensorProto *t, const char *what)
{
	enum accel_dtype dtype = onnx_dtype(t->data_type);
	int64_t count = 1, bound = 1;
	size_t have;

	if (t->segment)
		return err(-EOPNOTSUPP, NULL, "%s is in segments", what);
	for (size_t i = 0; i < t->n_dims; i++) {
		if (t->dims[i] < 0 || __builtin_mul_overflow(bound, t->dims[i] ? t->dims[i] : 1,
							     &bound) || bound > IR_BYTES_MAX / 8)
			return err(-EINVAL, NULL, "%s: axis %zu has %lld elements", what, i,
				   (long long)t->dims[i]);
		count *= t->dims[i];
	}
	/* Of a type that is not known: who uses it is refused. */
	if (dtype == ACCEL_NONE)
		return 0;
	if (t->has_raw_data) {
		if (t->raw_data.len != onnx_tensor_size(t))
			return err(-EINVAL, NULL, "%s has %zu bytes, its shape needs %zu", what,
				   t->raw_data.len, onnx_tensor_size(t));
		return 0;
	}
	switch (dtype) {
	case ACCEL_F32:
		have = t->n_float_data;
		break;
	case ACCEL_F64:
		have = t->n_double_data;
		break;
	case ACCEL_I64:
		have = t->n_int64_data;
		break;
	case ACCEL_U64:
	case ACCEL_U32:
		have = t->n_uint64_data;
		break;
	default:
		have = t->n_int32_data;
	}
	if (have != (size_t)count)
		return err(-EINVAL, NULL, "%s has %zu elements, its shape needs %lld", what, have,
			   (long long)count);
	return 0;
}

void onnx_tensor_read(const Onnx__TensorProto *t, void *data)
{
	enum accel_dtype dtype = onnx_dtype(t->data_type);
	size_t size = accel_dtype_size(dtype);
	char *p = data;

	if (t->has_raw_data) {
		if (t->raw_data.len)
			memcpy(data, t->raw_data.data, t->raw_data.len);
		if (dtype == ACCEL_BOOL)
			for (size_t i = 0; i < t->raw_data.len; i++)
				p[i] = p[i] != 0;
		return;
	}
	switch (dtype) {
	case ACCEL_F32:
		if (t->n_float_data)
			memcpy(data, t->float_data, t->n_float_data * size);
		break;
	case ACCEL_F64:
		if (t->n_double_data)
			memcpy(data, t->double_data, t->n_double_data * size);
		break;
	case ACCEL_I64:
		if (t->n_int64_data)
			memcpy(data, t->int64_data, t->n_int64_data * size);
		break;
	case ACCEL_U64:
	case ACCEL_U32:
		for (size_t i = 0; i < t->n_uint64_data; i++)
			memcpy(p + i * size, &t->uint64_data[i], size);
		break;
	default:
		for (size_t i = 0; i < t->n_int32_data; i++) {
			int32_t x = t->int32_data[i];

			if (dtype == ACCEL_BOOL)
				x = x != 0;
			memcpy(p + i * size, &x, size);
		}
	}
}

/* --- Data in other files ----------------------------------------------------------------- */

/* Below the directory: not absolute, no "..", no empty part. Links are not followed. */
static bool inside(const char *path)
{
	if (!path[0] || path[0] == '/' || strchr(path, '\\'))
		return false;
	for (const char *p = path;; p = strchr(p, '/') + 1) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		if (!p[n])
			return true;
	}
}

static bool number(const char *text, uint64_t *x)
{
	char *end;

	if (!text[0] || strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	*x = strtoull(text, &end, 10);
	return !errno;
}

static int open_below(int directory, const char *path)
{
	char part[256];
	int fd = fcntl(directory, F_DUPFD_CLOEXEC, 0);

	while (fd >= 0) {
		size_t n = strcspn(path, "/");
		bool last = !path[n];
		int next;

		if (n >= sizeof(part)) {
			close(fd);
			return -ENAMETOOLONG;
		}
		memcpy(part, path, n);
		part[n] = 0;
		next = openat(fd, part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
			      (last ? 0 : O_DIRECTORY));
		if (next < 0)
			next = -errno;
		close(fd);
		if (last || next < 0)
			return next;
		fd = next;
		path += n + 1;
	}
	return -errno;
}

int onnx_external(Onnx__TensorProto *t, int directory, const char *what)
{
	const char *location = NULL;
	uint64_t offset = 0, length = UINT64_MAX, size;
	struct stat st;
	size_t done = 0;
	int fd;

	for (size_t i = 0; i < t->n_external_data; i++) {
		const char *key = t->external_data[i]->key, *value = t->external_data[i]->value;

		if (!key || !value)
			continue;
		if (!strcmp(key, "location"))
			location = value;
		if ((!strcmp(key, "offset") && !number(value, &offset)) ||
		    (!strcmp(key, "length") && !number(value, &length)))
			return err(-EINVAL, NULL, "%s: the %s of its data is '%.64s'", what, key,
				   value);
	}
	if (!location)
		return err(-EINVAL, NULL, "%s: its data are in a file without a name", what);
	if (!inside(location))
		return err(-EINVAL, NULL, "%s: its data are in '%.128s', which is not below the "
			   "model's directory", what, location);
	if (directory < 0)
		return err(-EINVAL, "set accel_model_opts.directory",
			   "%s: its data are in the file '%.128s', and no directory is given", what,
			   location);
	for (size_t i = 0; i < t->n_dims; i++)
		if (t->dims[i] < 0 || t->dims[i] > INT32_MAX)
			return err(-EINVAL, NULL, "%s: axis %zu has %lld elements", what, i,
				   (long long)t->dims[i]);
	fd = open_below(directory, location);
	if (fd < 0)
		return err(fd, NULL, "%s: cannot open its data, '%.128s': %s", what, location,
			   strerror(-fd));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return err(-EINVAL, NULL, "%s: '%.128s' is not a file", what, location);
	}
	size = onnx_tensor_size(t);
	if (length != UINT64_MAX && length != size) {
		close(fd);
		return err(-EINVAL, NULL, "%s has %llu bytes, its shape needs %llu", what,
			   (unsigned long long)length, (unsigned long long)size);
	}
	if (offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - offset) {
		close(fd);
		return err(-EINVAL, NULL, "%s: '%.128s' has %lld bytes, it needs %llu from %llu on",
			   what, location, (long long)st.st_size, (unsigned long long)size,
			   (unsigned long long)offset);
	}
	free(t->raw_data.data);
	t->raw_data.len = 0;
	t->has_raw_data = 1;
	t->raw_data.data = malloc(size ? size : 1);
	if (!t->raw_data.data) {
		close(fd);
		return err_nomem("a constant");
	}
	while (done < size) {
		ssize_t n = pread(fd, t->raw_data.data + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			close(fd);
			return err(n < 0 ? -errno : -EINVAL, NULL, "%s: cannot read '%.128s'", what,
				   location);
		}
		done += (size_t)n;
	}
	close(fd);
	t->raw_data.len = size;
	return 0;
}
