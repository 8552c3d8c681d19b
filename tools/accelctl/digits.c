// SPDX-License-Identifier: MIT
#include "digits.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit.h"
#include "message.h"
#include "npy.h"

uint32_t crc32_of(const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* --- Where ------------------------------------------------------------------------------- */

static int find_directory(struct digits *digits, const char *path)
{
	/* Relative to the program: installed below a prefix; in a source tree; with a SAN. */
	static const char *const places[] = {
		"../share/loom/digits", "../tests/data/digits", "../../tests/data/digits",
	};
	char self[2048], manifest[4200];
	ssize_t length;

	if (path) {
		if (snprintf(digits->path, sizeof(digits->path), "%s", path) >=
		    (int)sizeof(digits->path)) {
			complain("cannot read the data directory: its name is too long");
			return EXIT_FAILED;
		}
		return 0;
	}
	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length > 0) {
		char *directory;

		self[length] = '\0';
		directory = dirname(self);
		for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
			snprintf(digits->path, sizeof(digits->path), "%s/%s", directory, places[i]);
			snprintf(manifest, sizeof(manifest), "%s/manifest.txt", digits->path);
			if (!access(manifest, R_OK))
				return 0;
		}
	}
	complain("the images and the network are not where they are installed");
	hint("give their directory with --data or in $ACCELCTL_DATA");
	return EXIT_FAILED;
}

static int fail(const struct digits *digits, const char *file, const char *why)
{
	complain("cannot use '%s/%s': %s", digits->path, file, why);
	return EXIT_FAILED;
}

/* --- Text files: fields separated by one space, # begins a comment ----------------------- */

#define FIELDS_MAX	16

/* 0, -1 for a line that is wrong, or an exit code whose message has been printed. */
typedef int (*line_fn)(struct digits *digits, char **fields, unsigned int count);

static int read_lines(struct digits *digits, const char *name, line_fn line)
{
	char path[4200], text[512];
	unsigned int number = 0;
	FILE *file;
	int status = 0;

	snprintf(path, sizeof(path), "%s/%s", digits->path, name);
	file = fopen(path, "re");
	if (!file) {
		complain("cannot read '%s': %s", path, strerror(errno));
		return errno == EACCES ? EXIT_PERMISSION : EXIT_FAILED;
	}
	while (!status && fgets(text, sizeof(text), file)) {
		char *fields[FIELDS_MAX], *save = NULL;
		unsigned int count = 0;

		number++;
		if (text[0] == '#')
			continue;
		for (char *word = strtok_r(text, " \n", &save); word && count < FIELDS_MAX;
		     word = strtok_r(NULL, " \n", &save))
			fields[count++] = word;
		if (!count)
			continue;
		status = line(digits, fields, count);
		if (status < 0) {
			complain("cannot use '%s': line %u cannot be used", path, number);
			status = EXIT_FAILED;
		}
	}
	if (!status && ferror(file))
		status = fail(digits, name, "it cannot be read");
	fclose(file);
	return status;
}

static int scan(const char *text, uint32_t max, uint32_t *value)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || number > max)
		return -1;
	*value = (uint32_t)number;
	return 0;
}

static int load_tensor(struct digits *digits, const char *file, struct digits_tensor *tensor)
{
	char path[4200];
	struct npy npy;
	int status;

	snprintf(path, sizeof(path), "%s/%s", digits->path, file);
	status = npy_open(&npy, path);
	if (status)
		return status;
	if (npy.dtype != tensor->dtype || npy.rank != tensor->rank ||
	    memcmp(npy.dims, tensor->dims, tensor->rank * sizeof(*tensor->dims))) {
		complain("cannot use '%s': type or shape are not those of the manifest", path);
		status = EXIT_FAILED;
	} else {
		tensor->size = npy.size;
		tensor->data = malloc(npy.size ? npy.size : 1);
		if (tensor->data)
			status = npy_read(&npy, tensor->data);
		else
			status = fail(digits, file, strerror(ENOMEM));
	}
	npy_close(&npy);
	return status;
}

static int manifest_line(struct digits *digits, char **fields, unsigned int count)
{
	uint32_t value;

	if (!strcmp(fields[0], "manifest"))
		return count == 2 && !strcmp(fields[1], "1") ? 0 : -1;
	if (!strcmp(fields[0], "scalar") && count == 3) {
		unsigned int layer;
		int used = 0;

		if (!strcmp(fields[1], "layers"))
			return scan(fields[2], DIGITS_LAYERS_MAX, &digits->layers);
		if (sscanf(fields[1], "i8.%1u.x_zero%n", &layer, &used) == 1 && used &&
		    !fields[1][used] && layer < DIGITS_LAYERS_MAX) {
			if (scan(fields[2], 255, &value))
				return -1;
			digits->i8[layer].x_zero = (int32_t)value;
		}
		return 0;
	}
	if (!strcmp(fields[0], "tensor") && count >= 5) {
		struct digits_tensor *tensor = &digits->tensors[digits->ntensors];

		if (digits->ntensors == sizeof(digits->tensors) / sizeof(*digits->tensors) ||
		    strlen(fields[1]) >= DIGITS_NAME_MAX || strchr(fields[2], '/'))
			return -1;
		strcpy(tensor->name, fields[1]);
		tensor->dtype = accel_dtype_parse(fields[3]);
		if (scan(fields[4], ACCEL_RANK_MAX, &tensor->rank) || count != 5 + tensor->rank)
			return -1;
		for (uint32_t i = 0; i < tensor->rank; i++)
			if (scan(fields[5 + i], 1u << 24, &tensor->dims[i]))
				return -1;
		digits->ntensors++;
		return load_tensor(digits, fields[2], tensor);
	}
	return -1;
}

static int expected_line(struct digits *digits, char **fields, unsigned int count)
{
	uint32_t images;

	if (count != 2)
		return -1;
	if (!strcmp(fields[0], "images"))
		return scan(fields[1], UINT32_MAX, &images) || images != digits->images ? -1 : 0;
	if (!strcmp(fields[0], "f32.correct"))
		return scan(fields[1], UINT32_MAX, &digits->f32_correct);
	if (!strcmp(fields[0], "i8.correct"))
		return scan(fields[1], UINT32_MAX, &digits->i8_correct);
	if (!strcmp(fields[0], "i8.logits.crc32"))
		return sscanf(fields[1], "%8" SCNx32, &digits->i8_crc32) == 1 ? 0 : -1;
	return 0;
}

/* --- What belongs together --------------------------------------------------------------- */

static const struct digits_tensor *find(struct digits *digits, const char *name,
					enum accel_dtype dtype, uint32_t rank)
{
	for (uint32_t i = 0; i < digits->ntensors; i++) {
		const struct digits_tensor *tensor = &digits->tensors[i];

		if (!strcmp(tensor->name, name) && tensor->dtype == dtype && tensor->rank == rank)
			return tensor;
	}
	complain("cannot use '%s/manifest.txt': it has no %s of the right type", digits->path, name);
	return NULL;
}

static int find_layer(struct digits *digits, const char *kind, uint32_t n, uint32_t inputs,
		      struct digits_layer *layer)
{
	bool integers = !strcmp(kind, "i8");
	char name[DIGITS_NAME_MAX];

	snprintf(name, sizeof(name), "%s.%" PRIu32 ".weight", kind, n);
	layer->weight = find(digits, name, integers ? ACCEL_I8 : ACCEL_F32, 2);
	snprintf(name, sizeof(name), "%s.%" PRIu32 ".bias", kind, n);
	layer->bias = find(digits, name, integers ? ACCEL_I32 : ACCEL_F32, 1);
	if (!layer->weight || !layer->bias)
		return EXIT_FAILED;
	layer->inputs = layer->weight->dims[0];
	layer->outputs = layer->weight->dims[1];
	if (integers) {
		snprintf(name, sizeof(name), "i8.%" PRIu32 ".scale", n);
		layer->scale = find(digits, name, ACCEL_F32, 1);
		if (!layer->scale)
			return EXIT_FAILED;
	}
	if (layer->inputs != inputs || layer->bias->dims[0] != layer->outputs ||
	    (integers && layer->scale->dims[0] != layer->outputs))
		return fail(digits, "manifest.txt", "the layers' shapes do not fit each other");
	return 0;
}

static int assemble(struct digits *digits)
{
	const struct digits_tensor *images = find(digits, "images", ACCEL_U8, 2);
	const struct digits_tensor *labels = find(digits, "labels", ACCEL_U8, 1);
	const struct digits_tensor *f32 = find(digits, "f32.predicted", ACCEL_U8, 1);
	const struct digits_tensor *i8 = find(digits, "i8.predicted", ACCEL_U8, 1);

	if (!images || !labels || !f32 || !i8)
		return EXIT_FAILED;
	digits->images = images->dims[0];
	digits->pixels = images->dims[1];
	if (!digits->images || !digits->pixels || !digits->layers ||
	    labels->dims[0] != digits->images || f32->dims[0] != digits->images ||
	    i8->dims[0] != digits->images)
		return fail(digits, "manifest.txt", "images, labels and predictions differ in number");
	digits->pixel = images->data;
	digits->label = labels->data;
	digits->f32_predicted = f32->data;
	digits->i8_predicted = i8->data;
	for (uint32_t n = 0, in = digits->pixels; n < digits->layers; n++) {
		if (find_layer(digits, "f32", n, in, &digits->f32[n]) ||
		    find_layer(digits, "i8", n, in, &digits->i8[n]))
			return EXIT_FAILED;
		in = digits->f32[n].outputs;
		if (digits->i8[n].outputs != in)
			return fail(digits, "manifest.txt", "f32 and i8 differ in shape");
		digits->classes = in;
	}
	if (!digits->classes || digits->classes > 256)
		return fail(digits, "manifest.txt", "a network has 1 to 256 classes");
	return 0;
}

int digits_load(struct digits *digits, const char *path)
{
	int status;

	memset(digits, 0, sizeof(*digits));
	status = find_directory(digits, path);
	if (!status)
		status = read_lines(digits, "manifest.txt", manifest_line);
	if (!status)
		status = assemble(digits);
	if (!status)
		status = read_lines(digits, "expected.txt", expected_line);
	if (status)
		digits_free(digits);
	return status;
}

void digits_free(struct digits *digits)
{
	for (uint32_t i = 0; i < digits->ntensors; i++)
		free(digits->tensors[i].data);
	digits->ntensors = 0;
}
