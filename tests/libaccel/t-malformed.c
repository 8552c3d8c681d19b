// SPDX-License-Identifier: MIT
/*
 * Models that are wrong, each in one way: each has a message of its own, which names node and
 * operator where there are some, what is wrong with them, and what is supported. TELL=1 prints all.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "onnx.h"

#define LONGEST	768

static struct bench bench;
static struct accel_model_opts where = ACCEL_INIT(where);

/* What was said so far, to find who says the same. */
static char (*said)[LONGEST];
static size_t nsaid;

/* Load, and make a session of what could be loaded. */
static int attempt(const void *data, size_t size)
{
	struct accel_model *model = NULL;
	struct accel_session *session = NULL;
	int ret = accel_model_load_memory(data, size, &where, &model);

	if (!ret)
		ret = accel_session_create(model, bench.queue, NULL, &session);
	accel_session_unref(session);
	accel_model_unref(model);
	return ret;
}

static void own_message(int line)
{
	const char *text = accel_last_error()->text;

	for (size_t i = 0; i < nsaid; i++)
		if (!strcmp(said[i], text)) {
			printf("# line %d: said before: %s\n", line, text);
			check_failed++;
		}
	if (getenv("TELL"))
		printf("# %s%s%s\n", text, accel_last_error()->hint[0] ? " -- " : "",
		       accel_last_error()->hint);
	said = realloc(said, (nsaid + 1) * sizeof(*said));
	if (!said)
		abort();
	snprintf(said[nsaid++], LONGEST, "%s", text);
}

#define REFUSED_BYTES(data, size, code, word) \
	do { \
		CHECK_ERR_TEXT(attempt((data), (size)), (code), (word)); \
		own_message(__LINE__); \
	} while (0)

/* Of a model. */
#define REFUSED(m, code, word) \
	do { \
		size_t refused_size; \
		void *refused_data = onnx_bytes((m), &refused_size); \
		REFUSED_BYTES(refused_data, refused_size, (code), (word)); \
		free(refused_data); \
	} while (0)

/* --- The file ---------------------------------------------------------------------------- */

/* Lengths that enclose each other, @depth deep: model -> graph -> node -> attribute -> graph ... */
static size_t nest(unsigned char *out, int depth)
{
	static const unsigned char tags[] = { 0x0a, 0x2a, 0x32 };	/* node, attribute, graph */
	size_t size = 0;

	/* Built from the inside: each level puts its head before what it encloses. */
	for (int i = depth; i--;) {
		unsigned char head[8];
		size_t n = 0, rest = size;

		head[n++] = i ? tags[(i - 1) % 3] : 0x3a;
		do {
			head[n++] = (unsigned char)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
			rest >>= 7;
		} while (rest);
		memmove(out + n, out, size);
		memcpy(out, head, n);
		size += n;
	}
	return size;
}

static void bytes(void)
{
	static unsigned char deep[400000];
	size_t size;
	unsigned char *whole = onnx_bytes(onnx_network(), &size);

	REFUSED_BYTES("", 0, -EINVAL, "no graph");
	REFUSED_BYTES(whole, size - 3, -EINVAL, "a length leads beyond the end within");
	REFUSED_BYTES(whole, 1, -EINVAL, "a number ends within");
	REFUSED_BYTES("PK\3\4 not a model", 16, -EINVAL, "not an ONNX file");
	/* A number of 11 bytes; one of 8 that ends; a group; two graphs; a graph that is a number; no field */
	REFUSED_BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, -EINVAL, "at byte 11");
	REFUSED_BYTES("\x08\x07\x09\x01\x02", 5, -EINVAL, "a number ends within ModelProto at byte 3");
	REFUSED_BYTES("\x0b\x0c", 2, -EINVAL, "a field of unknown kind");
	REFUSED_BYTES("\x3a\x00\x3a\x00", 4, -EINVAL, "a second message in place of one");
	REFUSED_BYTES("\x38\x05", 2, -EINVAL, "a number in place of a message");
	REFUSED_BYTES("\x00\x05", 2, -EINVAL, "no field begins");
	/* A constant whose packed floats have 3 bytes. */
	REFUSED_BYTES("\x3a\x07\x2a\x05\x22\x03\x01\x02\x03", 9, -EINVAL, "cannot be unpacked");
	REFUSED_BYTES(deep, nest(deep, 60000), -E2BIG, "more than 64 deep");
	CHECK_ERR_TEXT(attempt(deep, nest(deep, 66)), -E2BIG, "more than 64 deep");
	CHECK_ERR_TEXT(attempt(deep, nest(deep, 30)), -EOPNOTSUPP, "IR version 0");
	free(whole);
}

/* What is too large is not read: the file has no blocks. */
static void oversized(void)
{
	char path[] = "/tmp/t-malformed-XXXXXX";
	struct accel_model *model = NULL;
	int fd = mkstemp(path);

	REQUIRE(fd >= 0);
	CHECK_EQ(ftruncate(fd, (off_t)1 << 40), 0);
	CHECK_ERR_TEXT(accel_model_load(path, NULL, &model), -E2BIG, "2 GiB");
	own_message(__LINE__);
	CHECK_ERR_TEXT(accel_model_load_fd(fd, NULL, &model), -E2BIG, "external data");
	CHECK_EQ(ftruncate(fd, 0), 0);
	close(fd);
	CHECK_ERR_TEXT(accel_model_load(path, NULL, &model), -EINVAL, "no graph");
	unlink(path);
	CHECK_ERR_TEXT(accel_model_load(path, NULL, &model), -ENOENT, path);
	own_message(__LINE__);
	CHECK_ERR_TEXT(accel_model_load("/tmp", NULL, &model), -EISDIR, "directory");
	own_message(__LINE__);
	CHECK_ERR_TEXT(accel_model_load_fd(-1, NULL, &model), -EBADF, "Bad file descriptor");
	own_message(__LINE__);
}

static void versions(void)
{
	Onnx__ModelProto *m = onnx_network();

	m->ir_version = 2;
	REFUSED(m, -EOPNOTSUPP, "IR version 2; 3 to ");
	m->ir_version = 99;
	REFUSED(m, -EOPNOTSUPP, "IR version 99; 3 to ");
	m = onnx_network();
	m->opset_import[0]->version = 99;
	REFUSED(m, -EOPNOTSUPP, "operator set 99; 1 to ");
	m->opset_import[0]->version = -1;
	REFUSED(m, -EOPNOTSUPP, "operator set -1; 1 to ");
	m->n_opset_import = 0;
	REFUSED(m, -EOPNOTSUPP, "operator set 0; 1 to ");
	m = onnx_network();
	onnx_domain(m, "ai.onnx.ml", 99);
	REFUSED(m, -EOPNOTSUPP, "operator set 99 of ai.onnx.ml; 1 to ");
}

/* --- Inputs and outputs ------------------------------------------------------------------ */

static void values(void)
{
	Onnx__ModelProto *m = onnx_network();
	Onnx__TypeProto__Tensor *t = m->graph->input[0]->type->tensor_type;

	m->graph->input[0]->name = "";
	REFUSED(m, -EINVAL, "input 0 has no name");
	m->graph->input[0]->name = "x";
	t->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
	REFUSED(m, -EOPNOTSUPP, "input 'x' is of string, which is not supported");
	CHECK(strstr(accel_last_error()->hint, "supported are bool, integers"));
	t->elem_type = 77;
	REFUSED(m, -EOPNOTSUPP, "input 'x' is of type 77, which is not supported");
	t->elem_type = F32;
	t->shape->dim[1]->dim_value = -5;
	REFUSED(m, -EINVAL, "input 'x': axis 1 has -5 elements");
	t->shape->dim[1]->dim_value = INT64_MAX;
	REFUSED(m, -EINVAL, "input 'x': axis 1 has 9223372036854775807 elements");
	m = onnx_network();
	m->graph->input[0]->type->tensor_type->shape = NULL;
	REFUSED(m, -EINVAL, "input 'x' has no shape");
	m = onnx_network();
	m->graph->input[0]->type->value_case = ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE;
	m->graph->input[0]->type->sequence_type = NULL;
	REFUSED(m, -EOPNOTSUPP, "input 'x' is not a tensor");
	m = onnx_network();
	onnx_input(m, "wide", F32, (int64_t[]){ 1, 1, 1, 1, 1, 1, 1, 1, 1, -1 });
	REFUSED(m, -EOPNOTSUPP, "input 'wide' has 9 axes; 8 are supported");
	m = onnx_network();
	onnx_input(m, "x", F32, (int64_t[]){ 1, -1 });
	REFUSED(m, -EINVAL, "input: the name 'x' is taken");
	m = onnx_network();
	m->graph->output[0]->name = "nothing";
	REFUSED(m, -EINVAL, "output 'nothing' is computed by no node");
	m = onnx_network();
	m->graph->output[0]->type->tensor_type->elem_type = I64;
	REFUSED(m, -EINVAL, "output 'y' is f32, the model says i64");
	m = onnx_network();
	m->graph->output[0]->type->tensor_type->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX64;
	REFUSED(m, -EOPNOTSUPP, "output 'y' is of complex64");
	m = onnx_network();
	m->graph->n_output = 0;
	REFUSED(m, -EINVAL, "the model has no output");
	/* Sizes whose product is no number of 64 bits. */
	m = onnx_model(13);
	onnx_input(m, "x", F32, (int64_t[]){ 2000000000, 2000000000, 2000000000, -1 });
	onnx_node(m, "Relu", "x", "y");
	onnx_output(m, "y", F32);
	REFUSED(m, -EINVAL, "node 'x' (input): a value of more than 2^40 bytes");
}

/* --- Constants --------------------------------------------------------------------------- */

static void constants(void)
{
	Onnx__ModelProto *m = onnx_network();
	Onnx__TensorProto *t = m->graph->initializer[0];

	t->n_float_data--;
	REFUSED(m, -EINVAL, "constant 'k' has 71 elements, its shape needs 72");
	t->n_float_data++;
	t->dims[0] = -4;
	REFUSED(m, -EINVAL, "constant 'k': axis 0 has -4 elements");
	t->dims[0] = INT64_MAX;
	REFUSED(m, -EINVAL, "constant 'k': axis 0 has 9223372036854775807 elements");
	/* No axis alone is too long. */
	t->dims[0] = t->dims[1] = t->dims[2] = t->dims[3] = 1 << 30;
	REFUSED(m, -EINVAL, "constant 'k': axis 1 has 1073741824 elements");
	t->n_dims = 0;
	t->name = "";
	REFUSED(m, -EINVAL, "constant 0 has no name");
	m = onnx_network();
	m->graph->initializer[1]->name = "k";
	REFUSED(m, -EINVAL, "constant 'k': the name 'k' is taken");
	m = onnx_network();
	m->graph->initializer[0]->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
	REFUSED(m, -EOPNOTSUPP, "constant 'k' is of string");
	m = onnx_network();
	m->graph->initializer[0]->data_type = 0;
	REFUSED(m, -EOPNOTSUPP, "constant 'k' is of undefined");
	m = onnx_network();
	onnx_raw(m, "raw", F32, (int64_t[]){ 3, -1 }, "0123456789a", 11);
	REFUSED(m, -EINVAL, "constant 'raw' has 11 bytes, its shape needs 12");
	m = onnx_network();
	onnx_raw(m, "wide", U8, (int64_t[]){ 1, 1, 1, 1, 1, 1, 1, 1, 1, -1 }, "0", 1);
	REFUSED(m, -EOPNOTSUPP, "constant 'wide' has 9 axes; 8 are supported");
}

/* --- Data in other files ----------------------------------------------------------------- */

static Onnx__ModelProto *outside(const char *location, const char *offset, const char *length)
{
	static Onnx__StringStringEntryProto entries[3] = {
		ONNX__STRING_STRING_ENTRY_PROTO__INIT, ONNX__STRING_STRING_ENTRY_PROTO__INIT,
		ONNX__STRING_STRING_ENTRY_PROTO__INIT,
	};
	static Onnx__StringStringEntryProto *list[3] = { &entries[0], &entries[1], &entries[2] };
	Onnx__ModelProto *m = onnx_network();
	Onnx__TensorProto *t = m->graph->initializer[1];	/* 16 bytes */

	entries[0].key = "offset";
	entries[0].value = (char *)offset;
	entries[1].key = "length";
	entries[1].value = (char *)length;
	entries[2].key = "location";
	entries[2].value = (char *)location;
	t->external_data = list;
	t->n_external_data = location ? 3 : 2;
	t->n_float_data = 0;
	t->has_data_location = 1;
	t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
	return m;
}

static void external(void)
{
	static const char *const bad[] = {
		"/etc/passwd", "../w.bin", "a/../../w.bin", "", "a//b", "..\\w.bin",
	};
	char dir[] = "/tmp/t-malformed-XXXXXX", path[64];
	int fd;

	REFUSED(outside("w.bin", "0", "16"), -EINVAL, "no directory is given");
	REQUIRE(mkdtemp(dir));
	where.directory = dir;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REFUSED(outside(bad[i], "0", "16"), -EINVAL, "not below the model's directory");
	REFUSED(outside(NULL, "0", "16"), -EINVAL, "constant 'kb': its data are in a file without a name");
	REFUSED(outside("w.bin", "-1", "16"), -EINVAL, "the offset of its data is '-1'");
	REFUSED(outside("w.bin", "0", "many"), -EINVAL, "the length of its data is 'many'");
	REFUSED(outside("w.bin", "99999999999999999999", "16"), -EINVAL, "'99999999999999999999'");
	REFUSED(outside("w.bin", "0", "16"), -ENOENT, "No such file");
	snprintf(path, sizeof(path), "%s/w.bin", dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	CHECK_EQ(write(fd, "0123456789abcdefgh", 18), 18);
	close(fd);
	REFUSED(outside("w.bin", "3", "16"), -EINVAL, "'w.bin' has 18 bytes, it needs 16 from 3 on");
	REFUSED(outside("w.bin", "18446744073709551615", "16"), -EINVAL, "from 18446744073709551615 on");
	REFUSED(outside("w.bin", "0", "15"), -EINVAL, "constant 'kb' has 15 bytes, its shape needs 16");
	/* A link may lead anywhere; what is no file may not end. */
	unlink(path);
	CHECK_EQ(symlink("/etc/passwd", path), 0);
	REFUSED(outside("w.bin", "0", "16"), -ELOOP, "'w.bin'");
	unlink(path);
	CHECK_EQ(mkdir(path, 0700), 0);
	REFUSED(outside("w.bin", "0", "16"), -EINVAL, "'w.bin' is not a file");
	rmdir(path);
	rmdir(dir);
	where.directory = NULL;
}

/* --- Nodes ------------------------------------------------------------------------------- */

static void order(void)
{
	Onnx__ModelProto *m = onnx_network();
	Onnx__NodeProto *n;

	/* conv takes what is made of conv; relu what it makes; relu what comes later; what nothing makes */
	m->graph->node[0]->input[0] = "y";
	REFUSED(m, -EINVAL, "node 'conv' (Conv): its operand 'y' is computed from its own result");
	m = onnx_network();
	m->graph->node[1]->input[0] = "relu";
	REFUSED(m, -EINVAL, "node 'relu' (Relu): its operand 'relu' is computed from its own result");
	m = onnx_network();
	n = m->graph->node[0];
	m->graph->node[0] = m->graph->node[1];
	m->graph->node[1] = n;
	REFUSED(m, -EINVAL, "node 'relu' (Relu): its operand 'conv' is a result of node 'conv' (Conv), which "
		"comes after it");
	m = onnx_network();
	m->graph->node[0]->input[1] = "weights";
	REFUSED(m, -EINVAL, "node 'conv' (Conv): its operand 'weights' is no input, no constant and no "
		"result of a node");
	m = onnx_network();
	m->graph->node[1]->output[0] = "conv";
	REFUSED(m, -EINVAL, "node 'relu' (Relu): the name 'conv' is taken");
	m = onnx_network();
	m->graph->node[1]->output[0] = "k";
	REFUSED(m, -EINVAL, "node 'relu' (Relu): the name 'k' is taken");
	m = onnx_network();
	m->graph->node[1]->output[0] = "x";
	REFUSED(m, -EINVAL, "node 'relu' (Relu): the name 'x' is taken");
}

static void attributes(void)
{
	Onnx__ModelProto *m = onnx_network();
	Onnx__NodeProto *n = m->graph->node[0];

	n->op_type = "";
	REFUSED(m, -EINVAL, "node 0 has no operator");
	n->op_type = "Conv";
	onnx_int(n, "", 1);
	REFUSED(m, -EINVAL, "node 'conv' (Conv): attribute 2 has no name");
	n->n_attribute = 0;
	for (int i = 0; i < 65; i++)
		onnx_int(n, "group", 1);
	REFUSED(m, -EINVAL, "node 'conv' (Conv) has 65 attributes; 64 are supported");
	n->n_attribute = 0;
	onnx_int(n, "strides", 2);
	REFUSED(m, -EINVAL, "node 'conv' (Conv): attribute 'strides' has another type");
	n->n_attribute = 0;
	onnx_ints(n, "strides", (int64_t[]){ 1, 1, 1 }, 3);
	REFUSED(m, -EINVAL, "node 'conv' (Conv): ");
	n->n_attribute = 0;
	onnx_ints(n, "strides", (int64_t[]){ 0, 1 }, 2);
	REFUSED(m, -EINVAL, "node 'conv' (Conv): ");
	n->n_attribute = 0;
	onnx_int(n, "group", 3);
	REFUSED(m, -EINVAL, "node 'conv' (Conv): ");
	m = onnx_network();
	onnx_int(m->graph->node[8], "axis", 7);
	REFUSED(m, -EINVAL, "node 'y' (Softmax): there is no axis 7 among 2");
	m = onnx_network();
	onnx_int(m->graph->node[8], "frobs", 7);
	REFUSED(m, -EOPNOTSUPP, "node 'y' (Softmax): attribute 'frobs' is not supported");
}

static void operands(void)
{
	Onnx__ModelProto *m = onnx_network();

	m->graph->node[2]->n_input = 1;
	REFUSED(m, -EINVAL, "node 'vv' (Mul): 1 operands and 1 results; 2 to 2 operands are supported");
	m = onnx_network();
	m->graph->node[2]->input[0] = "";
	REFUSED(m, -EINVAL, "node 'vv' (Mul): operand 0 is absent");
	m = onnx_network();
	m->graph->node[2]->n_output = 0;
	REFUSED(m, -EINVAL, "operand 'vv'");
	m = onnx_network();
	onnx_longs(m, "four", (int64_t[]){ 1, 2, 3, 4 }, 4);
	m->graph->node[2]->input[0] = "four";
	REFUSED(m, -EINVAL, "node 'vv' (Mul): operands i64[4] and f32[4] differ in type");
	m = onnx_network();
	m->graph->node[2]->input[0] = "wb";
	REFUSED(m, -EINVAL, "node 'vv' (Mul): f32[12] and f32[4] do not broadcast");
	m = onnx_network();
	m->graph->initializer[0]->dims[0] = 1;
	m->graph->initializer[0]->dims[1] = 3;
	m->graph->initializer[0]->dims[2] = 8;
	REFUSED(m, -EINVAL, "node 'conv' (Conv): ");
	m = onnx_network();
	m->graph->node[6]->input[0] = "kb";
	REFUSED(m, -EINVAL, "node 'dense' (Gemm): ");
	m = onnx_network();
	m->graph->node[6]->n_attribute = 0;
	REFUSED(m, -EINVAL, "node 'dense' (Gemm): ");
	m = onnx_network();
	m->graph->initializer[6]->int64_data[1] = 5;
	m->graph->initializer[6]->int64_data[0] = 5;
	REFUSED(m, -EINVAL, "node 'row' (Reshape): ");
	m = onnx_network();
	m->graph->initializer[6]->int64_data[0] = -1;
	REFUSED(m, -EINVAL, "node 'row' (Reshape): ");
	m = onnx_network();
	m->graph->initializer[6]->int64_data[1] = INT64_MIN;
	REFUSED(m, -EINVAL, "node 'row' (Reshape): ");
	m = onnx_model(13);
	onnx_input(m, "x", F32, (int64_t[]){ 1, 3, -1 });
	onnx_floats(m, "k", (int64_t[]){ 2, 2, -1 }, 1);
	onnx_node(m, "Concat", "x k", "y");
	onnx_int(m->graph->node[0], "axis", 0);
	onnx_output(m, "y", F32);
	REFUSED(m, -EINVAL, "node 'y' (Concat): f32[1,3] and f32[2,2] cannot be joined");
	m->graph->node[0]->n_attribute = 0;
	m->graph->node[0]->op_type = "MatMul";
	REFUSED(m, -EINVAL, "node 'y' (MatMul): f32[1,3] and f32[2,2] do not multiply");
	m->graph->node[0]->op_type = "Gather";
	REFUSED(m, -EINVAL, "node 'y' (Gather): indices of f32");
	m->graph->node[0]->op_type = "Transpose";
	m->graph->node[0]->n_input = 1;
	onnx_ints(m->graph->node[0], "perm", (int64_t[]){ 0, 0 }, 2);
	REFUSED(m, -EINVAL, "node 'y' (Transpose): the order of axes is none");
}

/* What the file may say, but Loom does not do, is told as such. */
static void unsupported(void)
{
	Onnx__ModelProto *m = onnx_network();

	m->graph->node[1]->op_type = "Frobnicate";
	REFUSED(m, -EOPNOTSUPP, "node 'relu' (Frobnicate): the operator is not supported");
	m = onnx_network();
	m->graph->node[1]->domain = "com.example";
	REFUSED(m, -EOPNOTSUPP, "node 'relu' (Relu): operators of the domain 'com.example' are not supported");
	m = onnx_network();
	m->graph->node[1]->domain = "ai.onnx.ml";
	m->graph->node[1]->op_type = "Scaler";
	REFUSED(m, -EINVAL, "node 'relu' (Scaler): the model has no operator set of ai.onnx.ml");
	m = onnx_network();
	m->opset_import[0]->version = 6;
	REFUSED(m, -EOPNOTSUPP, "node 'norm' (BatchNormalization): training is not supported");
	m = onnx_network();
	m->graph->node[1]->output[0] = "more";
	m->graph->node[3]->input[0] = "more";
	onnx_node(m, "Relu", "relu2 more", "last");
	REFUSED(m, -EINVAL, "'relu2'");
	/* A shape that is known when the model runs. */
	m = onnx_network();
	onnx_input(m, "shape", I64, (int64_t[]){ 2, -1 });
	m->graph->node[5]->input[1] = "shape";
	REFUSED(m, -EOPNOTSUPP, "node 'row' (Reshape): ");
	CHECK(strstr(accel_last_error()->hint, "fixed"));
	m = onnx_model(13);
	onnx_input(m, "x", F32, (int64_t[]){ 2147483647, -1 });
	onnx_int(onnx_node(m, "Hardmax", "x", "y"), "axis", 0);
	onnx_output(m, "y", F32);
	REFUSED(m, -EINVAL, "node 'y' (Hardmax): ");
}

static void one_bench(void)
{
	CHECK(bench_open(&bench, NULL));
}

static void end(void)
{
	bench_close(&bench);
	free(said);
	CHECK(nsaid > 80);
}

static const struct check_test tests[] = {
	TEST(one_bench), TEST(bytes), TEST(oversized), TEST(versions), TEST(values), TEST(constants),
	TEST(external), TEST(order), TEST(attributes), TEST(operands), TEST(unsupported), TEST(end),
};

CHECK_MAIN(tests)
