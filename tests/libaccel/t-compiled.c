// SPDX-License-Identifier: MIT
/*
 * Compiled models in files: the same bits as without the file, what they may be asked for, and that
 * nothing of a file is believed.
 */
#include <fcntl.h>
#include <nettle/sha2.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "onnx.h"

#define BATCH	3
#define HEAD	256
#define DIGEST	224

struct bytes {
	uint8_t *data;
	size_t size;
};

static struct bytes read_fd(int fd)
{
	struct bytes b = { NULL, (size_t)lseek(fd, 0, SEEK_END) };

	b.data = malloc(b.size + 1);
	if (!b.data || pread(fd, b.data, b.size, 0) != (ssize_t)b.size)
		check_fail(__FILE__, __LINE__, "cannot read");
	return b;
}

static struct accel_model *load(Onnx__ModelProto *m)
{
	struct accel_model *model = NULL;
	size_t size;
	void *data = onnx_bytes(m, &size);

	if (accel_model_load_memory(data, size, NULL, &model))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	free(data);
	return model;
}

static struct bytes save(struct accel_model *model, const struct accel_session_opts *opts)
{
	int fd = memfd_create("compiled", MFD_CLOEXEC);
	struct bytes b = { 0 };

	if (fd < 0 || accel_model_save_fd(model, NULL, opts, fd))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	else
		b = read_fd(fd);
	close(fd);
	return b;
}

static struct accel_model *again(struct bytes b)
{
	struct accel_model *model = NULL;

	if (accel_model_load_memory(b.data, b.size, NULL, &model))
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	return model;
}

static struct accel_session_opts options(struct accel_model_dim *dim)
{
	struct accel_session_opts opts = ACCEL_INIT(opts);

	*dim = (struct accel_model_dim){ "N", BATCH };
	opts.dims = dim;
	opts.ndims = 1;
	return opts;
}

/* All outputs, one after the other, to be freed. */
static struct bytes answers(struct bench *b, struct accel_model *model,
			    const struct accel_session_opts *opts)
{
	struct accel_session_info info = ACCEL_INIT(info);
	struct accel_session *s = NULL;
	struct bytes all = { NULL, 0 };

	if (accel_session_create(model, b->queue, opts, &s) || accel_session_info(s, &info)) {
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
		return all;
	}
	for (uint32_t i = 0; i < info.inputs; i++) {
		struct accel_value_info v = ACCEL_INIT(v);
		float *x;

		CHECK(!accel_session_input(s, i, &v));
		x = calloc(1, v.size + 1);
		for (uint64_t k = 0; v.dtype == ACCEL_F32 && k < v.size / 4; k++)
			x[k] = (float)((int)(k * 37 % 101) - 50) / 25;
		if (!v.constant)
			CHECK(!accel_session_write(s, i, x, v.size));
		free(x);
	}
	CHECK(!accel_session_run(s, soon(), NULL));
	for (uint32_t i = 0; i < info.outputs; i++) {
		struct accel_value_info v = ACCEL_INIT(v);

		CHECK(!accel_session_output(s, i, &v));
		all.data = realloc(all.data, all.size + v.size + 1);
		CHECK(!accel_session_read(s, i, all.data + all.size, v.size));
		all.size += v.size;
	}
	accel_session_unref(s);
	return all;
}

static void same_answers(struct bytes a, struct bytes b)
{
	CHECK(a.size && a.size == b.size && !memcmp(a.data, b.data, a.size));
	free(a.data);
	free(b.data);
}

/* --- The same ---------------------------------------------------------------------------- */

/* With all passes, and with each left out: those that leave more to do leave other graphs. */
static void bits(void)
{
	struct accel_model *model = load(onnx_network());
	struct accel_model_dim dim;
	struct accel_session_opts opts = options(&dim), bare = ACCEL_INIT(bare);
	struct accel_pass_info pass = ACCEL_INIT(pass);
	struct bench b;

	REQUIRE(model && bench_open(&b, NULL));
	for (uint32_t i = 0; i == 0 || !accel_pass_get(i - 1, &pass); i++) {
		struct accel_model *twin;
		struct bytes file, second;

		opts.without = &pass.name;
		opts.nwithout = i > 0;
		file = save(model, &opts);
		twin = again(file);
		REQUIRE(twin);
		same_answers(answers(&b, model, &opts), answers(&b, twin, &bare));
		/* What was saved can be saved, and is the same. */
		second = save(twin, NULL);
		CHECK(second.size == file.size && !memcmp(second.data, file.data, file.size));
		free(second.data);
		free(file.data);
		accel_model_unref(twin);
	}
	bench_close(&b);
	accel_model_unref(model);
}

static void files(void)
{
	char name[] = "/tmp/t-compiled.XXXXXX", path[64], other[64];
	struct accel_model *model = load(onnx_network()), *twin = NULL;
	struct accel_model_dim dim;
	struct accel_session_opts opts = options(&dim);
	struct accel_model_info info = ACCEL_INIT(info);
	struct accel_value_info x = ACCEL_INIT(x);
	struct bench b;
	int fd;

	REQUIRE(model && mkdtemp(name) && bench_open(&b, NULL));
	snprintf(path, sizeof(path), "%s/net.loom", name);
	snprintf(other, sizeof(other), "%s/nothing/net.loom", name);
	CHECK(!accel_model_save(model, b.device, &opts, path));
	CHECK(!accel_model_save(model, b.device, &opts, path));	/* over it */
	CHECK_ERR_TEXT(accel_model_save(model, b.device, &opts, other), -ENOENT, "nothing/net.loom");
	REQUIRE(!accel_model_load(path, NULL, &twin));
	/* The file may go, or be overwritten, while the model is in use. */
	fd = open(path, O_RDWR | O_TRUNC);
	CHECK(fd >= 0);
	close(fd);
	CHECK(!unlink(path));
	CHECK(!accel_model_info(twin, &info));
	CHECK(info.compiled);
	CHECK_EQ(info.inputs, 1);
	CHECK_EQ(info.outputs, 2);
	CHECK(!accel_model_input(twin, 0, &x));
	CHECK_EQ(x.dims[0], BATCH);
	CHECK(!strcmp(x.name, "x") && !x.symbols[0][0] && x.size == BATCH * 2 * 6 * 6 * 4);
	same_answers(answers(&b, model, &opts), answers(&b, twin, &opts));
	accel_model_unref(twin);
	/* Nothing is left beside it. */
	CHECK(!rmdir(name));
	bench_close(&b);
	accel_model_unref(model);
}

/* A model of which shapes depend on inputs. */
static void fixed(void)
{
	struct accel_model_fixed list[2] = {
		{ "from", (int64_t[]){ 2 }, 8 }, { "to", (int64_t[]){ 5 }, 8 },
	};
	struct accel_session_opts opts = ACCEL_INIT(opts), other = ACCEL_INIT(other);
	struct accel_value_info v = ACCEL_INIT(v);
	struct accel_session *s;
	struct accel_model *model, *twin;
	Onnx__ModelProto *m = onnx_model(13);
	struct bytes file;
	struct bench b;

	onnx_input(m, "x", F32, (int64_t[]){ 8, -1 });
	onnx_input(m, "from", I64, (int64_t[]){ 1, -1 });
	onnx_input(m, "to", I64, (int64_t[]){ 1, -1 });
	onnx_node(m, "Slice", "x from to", "part");
	onnx_node(m, "Exp", "part", "y");
	onnx_output(m, "y", F32);
	opts.fixed = list;
	opts.nfixed = 2;
	model = load(m);
	REQUIRE(model && bench_open(&b, NULL));
	CHECK_ERR_TEXT(accel_model_save_fd(model, NULL, NULL, -1), -EOPNOTSUPP, "sized by a run");
	file = save(model, &opts);
	twin = again(file);
	REQUIRE(twin);
	CHECK(!accel_model_input(twin, 1, &v) && v.constant);
	CHECK(!accel_model_input(twin, 0, &v) && !v.constant);
	same_answers(answers(&b, model, &opts), answers(&b, twin, NULL));
	same_answers(answers(&b, model, &opts), answers(&b, twin, &opts));
	other.fixed = &(struct accel_model_fixed){ "to", (int64_t[]){ 6 }, 8 };
	other.nfixed = 1;
	CHECK_ERR_TEXT(accel_session_create(twin, b.queue, &other, &s), -EINVAL, "other elements");
	other.fixed = &(struct accel_model_fixed){ "x", (float[8]){ 0 }, 32 };
	CHECK_ERR_TEXT(accel_session_create(twin, b.queue, &other, &s), -EINVAL, "open");
	other.fixed = &(struct accel_model_fixed){ "z", (float[8]){ 0 }, 32 };
	CHECK_ERR_TEXT(accel_session_create(twin, b.queue, &other, &s), -EINVAL, "no input 'z'");
	accel_model_unref(twin);
	accel_model_unref(model);
	free(file.data);
	bench_close(&b);
}

/* --- What a compiled model is not -------------------------------------------------------- */

static void refusals(void)
{
	struct accel_model *model = load(onnx_network()), *twin;
	struct accel_model_dim dim;
	struct accel_session_opts opts = options(&dim), bare = ACCEL_INIT(bare);
	const char *pass = "view";
	struct accel_batcher *batcher;
	struct accel_report *report;
	struct accel_session *s;
	struct accel_graph *g;
	struct bytes file;
	struct bench b;

	REQUIRE(model && bench_open(&b, NULL));
	file = save(model, &opts);
	twin = again(file);
	REQUIRE(twin);
	/* the batch alone may be another one */
	dim.size = 4;
	CHECK(!accel_session_create(twin, b.queue, &opts, &s));
	accel_session_unref(s);
	dim = (struct accel_model_dim){ "x:1", 4 };
	CHECK_ERR_TEXT(accel_session_create(twin, b.queue, &opts, &s), -EINVAL, "elements, not 4");
	dim = (struct accel_model_dim){ "x:0", 3 };
	CHECK(!accel_session_create(twin, b.queue, &opts, &s));
	accel_session_unref(s);
	dim.name = "M";
	CHECK_ERR_TEXT(accel_session_create(twin, b.queue, &opts, &s), -EINVAL, "no axis 'M'");
	bare.without = &pass;
	bare.nwithout = 1;
	CHECK_ERR_TEXT(accel_session_create(twin, b.queue, &bare, &s), -EINVAL, "no pass");
	CHECK_ERR_TEXT(accel_graph_create(twin, NULL, NULL, "fold", &g), -EOPNOTSUPP, "compiled");
	CHECK(!accel_graph_create(twin, NULL, NULL, NULL, &g));
	CHECK(accel_graph_nodes(g) > 3);
	accel_graph_free(g);
	CHECK_ERR_TEXT(accel_model_prune(twin, NULL, NULL, &report), -EOPNOTSUPP, "compiled");
	CHECK(!accel_batcher_create(twin, b.queue, NULL, &batcher));
	accel_batcher_free(batcher);
	CHECK_ERR(accel_model_save(NULL, NULL, NULL, "x"), -EINVAL);
	CHECK_ERR(accel_model_save(twin, NULL, NULL, NULL), -EINVAL);
	CHECK_ERR(accel_model_save_fd(twin, NULL, NULL, -1), -EBADF);
	accel_model_unref(twin);
	accel_model_unref(model);
	free(file.data);
	bench_close(&b);
}

/* --- Damage ------------------------------------------------------------------------------ */

static int refused(const uint8_t *data, size_t size)
{
	struct accel_model *model;
	int ret = accel_model_load_memory(data, size, NULL, &model);

	if (!ret)
		accel_model_unref(model);
	return ret;
}

/* Every byte: of the head, of the description, of constants, and of what is between them. */
static void damage(void)
{
	struct accel_model *model = load(onnx_network());
	struct accel_model_dim dim;
	struct accel_session_opts opts = options(&dim);
	size_t taken = 0, told = 0;
	struct bytes file;

	REQUIRE(model);
	file = save(model, &opts);
	for (size_t i = 0; i < file.size; i++) {
		int ret;

		file.data[i] ^= 1u << i % 8;
		ret = refused(file.data, file.size);
		taken += !ret;
		told += ret == -EINVAL || (ret == -EOPNOTSUPP && i >= 8 && i < 12) || i < 8;
		file.data[i] ^= 1u << i % 8;
	}
	CHECK_EQ(taken, 0);
	CHECK_EQ(told, file.size);
	for (size_t n = 8; n < file.size; n++)
		taken += !refused(file.data, n);
	CHECK_EQ(taken, 0);
	file.data = realloc(file.data, file.size + 64);
	memset(file.data + file.size, 0, 64);
	CHECK_ERR_TEXT(refused(file.data, file.size + 1), -EINVAL, "damaged");
	CHECK_ERR_TEXT(refused(file.data, file.size + 64), -EINVAL, "damaged");
	CHECK(!refused(file.data, file.size));
	free(file.data);
	accel_model_unref(model);
}

static void sign(struct bytes f)
{
	struct sha256_ctx s;
	uint64_t size;

	memcpy(&size, f.data + 24, sizeof(size));
	if (size > f.size - HEAD)
		return;
	sha256_init(&s);
	sha256_update(&s, DIGEST, f.data);
	sha256_update(&s, size, f.data + HEAD);
	sha256_digest(&s, SHA256_DIGEST_SIZE, f.data + DIGEST);
}

/*
 * Somebody who knows how to make the digest right puts each byte of the description to other
 * values. What is taken then must run, whatever it computes, or say why not.
 */
static void lie(Onnx__ModelProto *m, const struct accel_session_opts *opts, size_t step)
{
	static const uint8_t values[] = { 0, 1, 0x80, 0xff };
	struct accel_model *model = load(m);
	unsigned int taken = 0, silent = 0;
	struct bytes file;
	struct bench b;
	uint64_t size;

	REQUIRE(model && bench_open(&b, NULL));
	file = save(model, opts);
	memcpy(&size, file.data + 24, sizeof(size));
	for (size_t i = 8; i < HEAD + size; i += i < DIGEST ? 1 : step) {
		uint8_t old = file.data[i];

		for (size_t k = 0; k < sizeof(values); k++) {
			struct accel_session *s = NULL;
			struct accel_model *twin;
			int ret;

			if (i >= DIGEST && i < HEAD)
				continue;
			file.data[i] = values[k];
			sign(file);
			ret = accel_model_load_memory(file.data, file.size, NULL, &twin);
			silent += ret && !accel_last_error()->text[0];
			if (ret)
				continue;
			taken++;
			ret = accel_session_create(twin, b.queue, NULL, &s);
			silent += ret && !accel_last_error()->text[0];
			if (!ret)
				accel_session_run(s, soon(), NULL);
			accel_session_unref(s);
			accel_model_unref(twin);
		}
		file.data[i] = old;
	}
	/* Names, and numbers that stand for themselves. */
	CHECK(taken > 20);
	CHECK_EQ(silent, 0);
	sign(file);
	CHECK(!refused(file.data, file.size));
	bench_close(&b);
	free(file.data);
	accel_model_unref(model);
}

/* With an end that a run decides the size of: nodes of ONNX are part of the file. */
static Onnx__ModelProto *with_tail(void)
{
	Onnx__ModelProto *m = onnx_model(13);

	onnx_input(m, "x", F32, (int64_t[]){ 2, 3, -1 });
	onnx_longs(m, "one", (int64_t[]){ 1 }, 1);
	onnx_longs(m, "two", (int64_t[]){ 2 }, 1);
	onnx_node(m, "Relu", "x", "r");
	onnx_node(m, "NonZero", "r", "n");
	onnx_node(m, "Shape", "n", "s");
	onnx_node(m, "Gather", "s one", "k");
	onnx_node(m, "Mul", "k two", "m");
	onnx_node(m, "Expand", "two m", "e");
	onnx_ints(onnx_node(m, "Transpose", "n", "t"), "perm", (int64_t[]){ 1, 0 }, 2);
	onnx_output(m, "e", I64);
	onnx_output(m, "t", I64);
	return m;
}

static void lies(void)
{
	struct accel_model_dim dim;
	struct accel_session_opts opts = options(&dim);

	lie(onnx_network(), &opts, 17);
	lie(with_tail(), NULL, 3);
}

int main(void)
{
	static const struct check_test tests[] = {
		TEST(bits), TEST(files), TEST(fixed), TEST(refusals), TEST(damage), TEST(lies),
	};

	return check_main(tests, sizeof(tests) / sizeof(tests[0]));
}
