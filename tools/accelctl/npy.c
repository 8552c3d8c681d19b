// SPDX-License-Identifier: MIT
#include "npy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit.h"
#include "interrupt.h"
#include "message.h"
#include "outfile.h"

#define MAGIC		"\x93NUMPY"
#define MAGIC_SIZE	6
#define CHUNK		(1u << 24)
/* Elements that the host's int64 byte offsets and the card's dimensions can count. */
#define DIM_MAX		0x7fffffffu

static const struct {
	const char *code;
	enum accel_dtype dtype;
} types[] = {
	{ "f4", ACCEL_F32 }, { "f2", ACCEL_F16 }, { "i1", ACCEL_I8 }, { "u1", ACCEL_U8 },
	{ "i4", ACCEL_I32 }, { "u4", ACCEL_U32 }, { "i2", ACCEL_I16 }, { "u2", ACCEL_U16 },
	{ "i8", ACCEL_I64 }, { "u8", ACCEL_U64 }, { "f8", ACCEL_F64 },
	{ "b1", ACCEL_BOOL },
};

/* --- Header: a Python dictionary literal with three known keys -------------------------- */

struct cursor {
	const char *at;
	const char *end;
};

static void skip_space(struct cursor *c)
{
	while (c->at < c->end && strchr(" \t\r\n", *c->at) && *c->at)
		c->at++;
}

static bool take(struct cursor *c, char wanted)
{
	skip_space(c);
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static bool take_word(struct cursor *c, const char *word)
{
	size_t length = strlen(word);

	skip_space(c);
	if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length))
		return false;
	c->at += length;
	return true;
}

static bool take_string(struct cursor *c, char *text, size_t room)
{
	const char *begin;
	char quote;

	skip_space(c);
	if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
		return false;
	quote = *c->at++;
	begin = c->at;
	while (c->at < c->end && *c->at != quote) {
		if (*c->at == '\\' || *c->at == '\n')
			return false;
		c->at++;
	}
	if (c->at == c->end || (size_t)(c->at - begin) >= room)
		return false;
	memcpy(text, begin, (size_t)(c->at - begin));
	text[c->at - begin] = '\0';
	c->at++;
	return true;
}

static const char *parse_type(struct npy *npy, struct cursor *c)
{
	char text[32];

	skip_space(c);
	if (c->at < c->end && *c->at == '[')
		return "its elements are structures";
	if (!take_string(c, text, sizeof(text)))
		return "its header has no element type that can be understood";
	if (text[0] && (text[1] == 'O' || text[0] == 'O'))
		return "its elements are Python objects";
	if (text[0] == '>')
		return "it is big-endian; save array.astype(array.dtype.newbyteorder('<'))";
	if (text[0] != '<' && text[0] != '|' && text[0] != '=')
		return "its header has no element type that can be understood";
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strcmp(types[i].code, text + 1))
			continue;
		if (text[0] == '|' && text[2] != '1')
			break;
		npy->dtype = types[i].dtype;
		return NULL;
	}
	return "its element type is none that the card knows";
}

static const char *parse_shape(struct npy *npy, struct cursor *c)
{
	bool comma = true;

	if (!take(c, '('))
		return "the shape in its header cannot be understood";
	npy->rank = 0;
	while (!take(c, ')')) {
		uint64_t dim = 0;
		bool digit = false;

		skip_space(c);
		if (!comma)
			return "the shape in its header cannot be understood";
		while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
			dim = dim * 10 + (uint64_t)(*c->at++ - '0');
			digit = true;
			if (dim > DIM_MAX)
				return "an axis of it has more than 2147483647 elements";
		}
		if (!digit)
			return "the shape in its header cannot be understood";
		if (npy->rank == NPY_RANK_MAX)
			return "it has more than 8 axes";
		npy->dims[npy->rank++] = (uint32_t)dim;
		comma = take(c, ',');
	}
	if (npy->rank == 1 && !comma)
		return "the shape in its header cannot be understood";
	return NULL;
}

const char *npy_parse_header(struct npy *npy, const char *text, size_t length)
{
	struct cursor c = { text, text + length };
	bool type = false, order = false, shape = false, fortran = false, comma = true;
	const char *reason;

	if (!take(&c, '{'))
		return "its header is no dictionary";
	while (!take(&c, '}')) {
		char key[32];

		if (!comma || !take_string(&c, key, sizeof(key)) || !take(&c, ':'))
			return "its header cannot be understood";
		if (!strcmp(key, "descr") && !type) {
			type = true;
			reason = parse_type(npy, &c);
		} else if (!strcmp(key, "fortran_order") && !order) {
			order = true;
			fortran = take_word(&c, "True");
			reason = fortran || take_word(&c, "False") ? NULL :
				 "its header cannot be understood";
		} else if (!strcmp(key, "shape") && !shape) {
			shape = true;
			reason = parse_shape(npy, &c);
		} else {
			return "its header has an unknown or repeated key";
		}
		if (reason)
			return reason;
		comma = take(&c, ',');
	}
	skip_space(&c);
	if (c.at != c.end)
		return "there is something after the dictionary in its header";
	if (!type || !order || !shape)
		return "its header lacks descr, fortran_order or shape";
	/* numpy may call a vector or a single row either way round; it means the same. */
	if (fortran && npy->rank > 1)
		return "it is in Fortran order; save numpy.ascontiguousarray(array)";
	npy->count = 1;
	for (uint32_t i = 0; i < npy->rank; i++)
		if (npy->dims[i] == 0)
			npy->count = 0;
	for (uint32_t i = 0; i < npy->rank && npy->count; i++)
		if (__builtin_mul_overflow(npy->count, (uint64_t)npy->dims[i], &npy->count))
			return "its size does not fit 64 bits";
	if (__builtin_mul_overflow(npy->count, (uint64_t)accel_dtype_size(npy->dtype),
				   &npy->size) || npy->size > INT64_MAX - NPY_HEADER_MAX)
		return "its size does not fit 64 bits";
	return NULL;
}

/* --- Files ------------------------------------------------------------------------------ */

static int fail(const struct npy *npy, int err)
{
	complain("cannot read '%s': %s", npy->name, strerror(err));
	return err == EACCES || err == EPERM ? EXIT_PERMISSION : EXIT_FAILED;
}

static int refuse(const struct npy *npy, const char *why)
{
	complain("cannot use '%s': %s", npy->name, why);
	return EXIT_FAILED;
}

/* read_all() - exactly @size bytes: 0 or an exit code. Works on pipes. */
static int read_all(struct npy *npy, void *data, uint64_t size)
{
	char *at = data;
	uint64_t left = size;

	while (left) {
		ssize_t n;

		if (interrupt_pending())
			return interrupt_exit();
		n = read(npy->fd, at, left < CHUNK ? left : CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(npy, errno);
		if (n == 0) {
			complain("cannot use '%s': it is truncated: %" PRIu64 " bytes are missing",
				 npy->name, left);
			return EXIT_FAILED;
		}
		at += n;
		left -= (uint64_t)n;
	}
	return 0;
}

static int read_header(struct npy *npy)
{
	unsigned char head[MAGIC_SIZE + 2 + 4];
	size_t fixed, length;
	const char *reason;
	struct stat st;
	char *text;
	int status;

	if (fstat(npy->fd, &st))
		return fail(npy, errno);
	if (S_ISDIR(st.st_mode))
		return fail(npy, EISDIR);
	if (S_ISREG(st.st_mode) && st.st_size == 0)
		return refuse(npy, "it is empty");
	status = read_all(npy, head, MAGIC_SIZE + 2);
	if (status)
		return status;
	if (memcmp(head, MAGIC, MAGIC_SIZE))
		return refuse(npy, "it is no .npy file (wrong magic)");
	if (head[6] < 1 || head[6] > 3 || head[7] != 0) {
		complain("cannot use '%s': version %u.%u of the .npy format is not known", npy->name,
			 head[6], head[7]);
		return EXIT_FAILED;
	}
	fixed = head[6] == 1 ? 2 : 4;
	status = read_all(npy, head + 8, fixed);
	if (status)
		return status;
	length = (size_t)head[8] | (size_t)head[9] << 8;
	if (fixed == 4)
		length |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
	if (length > NPY_HEADER_MAX)
		return refuse(npy, "its header is longer than 65536 bytes");
	text = malloc(length + 1);
	if (!text)
		return fail(npy, ENOMEM);
	status = read_all(npy, text, length);
	if (!status) {
		reason = npy_parse_header(npy, text, length);
		if (reason)
			status = refuse(npy, reason);
	}
	free(text);
	if (status)
		return status;
	if (S_ISREG(st.st_mode)) {
		uint64_t have = (uint64_t)st.st_size - (MAGIC_SIZE + 2 + fixed + length);

		if (have < npy->size) {
			complain("cannot use '%s': it is truncated: %" PRIu64 " of %" PRIu64
				 " bytes of data are there", npy->name, have, npy->size);
			return EXIT_FAILED;
		}
		if (have > npy->size) {
			complain("cannot use '%s': it has %" PRIu64 " bytes more than its header says",
				 npy->name, have - npy->size);
			return EXIT_FAILED;
		}
	}
	return 0;
}

int npy_open(struct npy *npy, const char *path)
{
	int status;

	memset(npy, 0, sizeof(*npy));
	npy->name = path;
	do {
		npy->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	} while (npy->fd < 0 && errno == EINTR && !interrupt_pending());
	if (npy->fd < 0)
		return interrupt_pending() ? interrupt_exit() : fail(npy, errno);
	status = read_header(npy);
	if (status)
		npy_close(npy);
	return status;
}

int npy_read(struct npy *npy, void *data)
{
	return read_all(npy, data, npy->size);
}

void npy_close(struct npy *npy)
{
	if (npy->fd >= 0)
		close(npy->fd);
	npy->fd = -1;
}

int npy_write(struct outfile *file, enum accel_dtype dtype, uint32_t rank, const uint32_t *dims,
	      const void *data, size_t size)
{
	char head[256];
	const char *code = dtype == ACCEL_BF16 ? "u2" : "";
	size_t length = MAGIC_SIZE + 2 + 2;
	int status;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].dtype == dtype)
			code = types[i].code;
	memcpy(head, MAGIC "\x01\x00", MAGIC_SIZE + 2);
	length += (size_t)sprintf(head + length, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
				  accel_dtype_size(dtype) == 1 ? '|' : '<', code);
	for (uint32_t i = 0; i < rank; i++)
		length += (size_t)sprintf(head + length, "%s%" PRIu32, i ? ", " : "", dims[i]);
	length += (size_t)sprintf(head + length, "%s), }", rank == 1 ? "," : "");
	/* The data begin at a multiple of 64. */
	while ((length + 1) % 64)
		head[length++] = ' ';
	head[length++] = '\n';
	head[8] = (char)((length - 10) & 0xff);
	head[9] = (char)((length - 10) >> 8);
	status = outfile_write(file, head, length);
	return status ? status : outfile_write(file, data, size);
}
