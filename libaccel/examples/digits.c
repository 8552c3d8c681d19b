// SPDX-License-Identifier: MIT
/*
 * Reads handwritten digits with a small network, in f32 and in i8:
 *
 *	digits DIRECTORY [DEVICE]
 *
 * DIRECTORY is tests/data/digits: 450 images, the weights, and what numpy made of them.
 * The answers must equal numpy's. Exit status: 0, 1 if they do not or something failed.
 */
#include <accel/accel.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAYERS	3

static const char *directory;

static void fail(const char *what)
{
	const struct accel_error *e = accel_last_error();

	fprintf(stderr, "digits: %s: %s%s%s\n", what, e->text, e->hint[0] ? "; " : "", e->hint);
	exit(1);
}

#define CHECK(call) \
	do { \
		if ((call) < 0) \
			fail(#call); \
	} while (0)

/*
 * A tensor of an .npy file, in a buffer of the card: format 1.0, C order,
 * little-endian, rank 1 or 2.
 */
static void load(struct accel_context *context, const char *name, struct accel_tensor *tensor)
{
	static const struct { const char *descr; enum accel_dtype dtype; } types[] = {
		{ "'|u1'", ACCEL_U8 }, { "'|i1'", ACCEL_I8 }, { "'<i4'", ACCEL_I32 },
		{ "'<f4'", ACCEL_F32 },
	};
	enum accel_dtype dtype = ACCEL_NONE;
	char path[512], header[512];
	unsigned char magic[10];
	uint32_t dims[2] = { 0, 0 };
	struct accel_buffer *buffer;
	size_t length, size;
	uint32_t rank;
	const char *shape;
	void *memory;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.npy", directory, name);
	file = fopen(path, "rb");
	if (!file) {
		perror(path);
		exit(1);
	}
	if (fread(magic, 1, 10, file) != 10 || memcmp(magic, "\x93NUMPY\1\0", 8))
		goto bad;
	length = magic[8] | magic[9] << 8;
	if (length >= sizeof(header) || fread(header, 1, length, file) != length)
		goto bad;
	header[length] = '\0';
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strstr(header, types[i].descr))
			dtype = types[i].dtype;
	shape = strstr(header, "'shape': (");
	if (!dtype || !shape || strstr(header, "'fortran_order': True"))
		goto bad;
	rank = (uint32_t)sscanf(shape, "'shape': (%" SCNu32 ", %" SCNu32, &dims[0], &dims[1]);
	if (rank < 1 || rank > 2 || dims[0] > 1 << 16 || dims[1] > 1 << 16)
		goto bad;
	size = accel_dtype_size(dtype) * dims[0] * (rank > 1 ? dims[1] : 1);
	CHECK(accel_buffer_alloc(context, size, 0, &buffer));
	CHECK(accel_buffer_map(buffer, &memory));
	if (fread(memory, 1, size, file) != size)
		goto bad;
	fclose(file);
	accel_tensor_init(tensor, buffer, 0, dtype, rank, dims);
	return;
bad:
	fprintf(stderr, "digits: %s is not a file of this network\n", path);
	exit(1);
}

static struct accel_tensor make(struct accel_context *context, enum accel_dtype dtype,
				uint32_t rows, uint32_t columns)
{
	struct accel_tensor tensor;
	struct accel_buffer *buffer;

	CHECK(accel_buffer_alloc(context, accel_dtype_size(dtype) * rows * columns, 0, &buffer));
	accel_tensor_init(&tensor, buffer, 0, dtype, 2, (uint32_t[]){ rows, columns });
	return tensor;
}

/* The number that follows a name in a text file. */
static bool lookup(const char *file, const char *format, const char *name, long *value, int base)
{
	char path[512], line[256], key[64], text[64];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	f = fopen(path, "r");
	if (!f) {
		perror(path);
		exit(1);
	}
	while (!found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, format, key, text) != 2 || strcmp(key, name))
			continue;
		*value = strtol(text, NULL, base);
		found = true;
	}
	fclose(f);
	return found;
}

static int32_t zero_point(int layer)
{
	char name[32];
	long value;

	snprintf(name, sizeof(name), "i8.%d.x_zero", layer);
	if (!lookup("manifest.txt", "scalar %63s %63s", name, &value, 10)) {
		fprintf(stderr, "digits: manifest.txt has no %s\n", name);
		exit(1);
	}
	return (int32_t)value;
}

/* Appends one layer: y = act(x * weight + bias), in i8 with scales and zero points. */
static struct accel_tensor layer(struct accel_context *context, struct accel_program *program,
				 const struct accel_tensor *x, const char *type, int n)
{
	struct accel_gemm_op op = ACCEL_INIT(op);
	bool i8 = !strcmp(type, "i8"), last = n == LAYERS - 1;
	char name[64];

	op.a = *x;
	snprintf(name, sizeof(name), "%s.%d.weight", type, n);
	load(context, name, &op.b);
	snprintf(name, sizeof(name), "%s.%d.bias", type, n);
	load(context, name, &op.bias);
	op.c = make(context, i8 && !last ? ACCEL_U8 : ACCEL_F32, x->dims[0], op.b.dims[1]);
	op.act = last ? ACCEL_ACT_NONE : ACCEL_ACT_RELU;
	if (i8) {
		snprintf(name, sizeof(name), "%s.%d.scale", type, n);
		load(context, name, &op.scale);
		op.a_zero = zero_point(n);
		op.c_zero = last ? 0 : zero_point(n + 1);
	}
	CHECK(accel_program_gemm(program, &op));
	/* The program holds what it names. */
	accel_buffer_unref(op.b.buffer);
	accel_buffer_unref(op.bias.buffer);
	accel_buffer_unref(op.scale.buffer);
	return op.c;
}

static uint32_t crc32(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint32_t crc = ~0u;

	while (size--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* Compares with the labels and with numpy's answers. */
static bool judge(struct accel_context *context, const char *type,
		  const struct accel_tensor *logits, const struct accel_result *result)
{
	uint32_t images = logits->dims[0], classes = logits->dims[1], right = 0, differ = 0;
	struct accel_tensor labels, predicted;
	const uint8_t *label, *numpy;
	char name[64];
	void *memory;
	float *values;
	long want;
	bool good;

	snprintf(name, sizeof(name), "%s.predicted", type);
	load(context, name, &predicted);
	load(context, "labels", &labels);
	CHECK(accel_buffer_map(logits->buffer, &memory));
	values = memory;
	CHECK(accel_buffer_map(labels.buffer, &memory));
	label = memory;
	CHECK(accel_buffer_map(predicted.buffer, &memory));
	numpy = memory;
	for (uint32_t i = 0; i < images; i++) {
		uint32_t best = 0;

		for (uint32_t j = 1; j < classes; j++)
			if (values[i * classes + j] > values[i * classes + best])
				best = j;
		right += best == label[i];
		differ += best != numpy[i];
	}
	printf("%s: %u of %u right, %u answers differ from numpy's; "
	       "%llu cycles, %llu nJ modelled\n",
	       type, right, images, differ, (unsigned long long)result->cycles,
	       (unsigned long long)result->energy_pj / 1000);
	snprintf(name, sizeof(name), "%s.correct", type);
	good = lookup("expected.txt", "%63s %63s", name, &want, 10) && want == (long)right &&
	       !differ;
	snprintf(name, sizeof(name), "%s.logits.crc32", type);
	if (lookup("expected.txt", "%63s %63s", name, &want, 16)) {
		uint32_t crc = crc32(values, sizeof(float) * images * classes);

		printf("%s: logits have CRC-32 %08x, %s\n", type, crc,
		       crc == (uint32_t)want ? "as numpy's" : "which differs from numpy's");
		good &= crc == (uint32_t)want;
	}
	accel_buffer_unref(labels.buffer);
	accel_buffer_unref(predicted.buffer);
	return good;
}

static bool classify(struct accel_context *context, struct accel_queue *queue, const char *type)
{
	struct accel_tensor x, y;
	struct accel_program *program;
	struct accel_result result;
	bool good;

	CHECK(accel_program_create(context, &program));
	load(context, "images", &x);
	if (strcmp(type, "i8")) {
		/* Pixels become floats on the card. */
		y = make(context, ACCEL_F32, x.dims[0], x.dims[1]);
		CHECK(accel_program_copy(program, &y, &x));
		accel_buffer_unref(x.buffer);
		x = y;
	}
	for (int n = 0; n < LAYERS; n++) {
		y = layer(context, program, &x, type, n);
		accel_buffer_unref(x.buffer);
		x = y;
	}
	CHECK(accel_program_finish(program));
	CHECK(accel_queue_run(queue, program, accel_deadline(60000000000), &result));
	good = judge(context, type, &x, &result);
	accel_buffer_unref(x.buffer);
	accel_program_unref(program);
	return good;
}

int main(int argc, char **argv)
{
	struct accel_device *device;
	struct accel_context *context;
	struct accel_queue *queue;
	bool good;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: digits DIRECTORY [DEVICE]\n");
		return 2;
	}
	directory = argv[1];
	CHECK(accel_device_open(argc > 2 ? argv[2] : NULL, NULL, &device));
	CHECK(accel_context_create(device, NULL, &context));
	CHECK(accel_queue_create(context, NULL, &queue));
	good = classify(context, queue, "f32");
	good &= classify(context, queue, "i8");
	accel_queue_unref(queue);
	accel_context_unref(context);
	accel_device_unref(device);
	return !good;
}
