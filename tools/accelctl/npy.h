/* SPDX-License-Identifier: MIT */
/*
 * NumPy's .npy files, versions 1.0, 2.0 and 3.0.
 *
 * Reads little-endian arrays in C order of the types that the card has; nothing in the file is
 * trusted. Knows nothing of products and devices.
 */
#ifndef ACCELCTL_NPY_H
#define ACCELCTL_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <accel/model.h>

#define NPY_RANK_MAX	ACCEL_VALUE_RANK_MAX
#define NPY_HEADER_MAX	65536

struct npy {
	const char *name;
	int fd;
	enum accel_dtype dtype;	/* ACCEL_U16 for uint16, whatever it stands for */
	uint32_t rank;
	uint32_t dims[NPY_RANK_MAX];
	uint64_t count;		/* elements */
	uint64_t size;		/* bytes of them */
};

struct outfile;

/*
 * npy_open() - open @path and read its header. For a regular file its length is checked
 * too: what npy_read() needs is there.
 * npy_read() - all elements, npy->size bytes, to @data.
 * Return: 0 or an exit code, with a message. After a failed open nothing is to be closed.
 */
int npy_open(struct npy *npy, const char *path);
int npy_read(struct npy *npy, void *data);
void npy_close(struct npy *npy);

/* npy_parse_header() - the dictionary of the header: NULL or why it cannot be used. */
const char *npy_parse_header(struct npy *npy, const char *text, size_t length);

/* npy_write() - an array; BF16 goes out as uint16. 0 or an exit code, with a message. */
int npy_write(struct outfile *file, enum accel_dtype dtype, uint32_t rank, const uint32_t *dims,
	      const void *data, size_t size);

#endif
