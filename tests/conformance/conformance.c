// SPDX-License-Identifier: MIT
/*
 * ONNX's own tests of operators and models, on a device:
 *
 *	conformance [-d DEVICE] [-b DEVICE] [-n N] [-v] [-t] [-c] DIRECTORY...
 *
 * DIRECTORY holds tests, each a directory with model.onnx and test_data_set_N/, or is one.
 * A result must have the type and the shape of the file's and be within 1e-7 + 1e-3 |x| of it;
 * NaN equals NaN. What libaccel refuses as not supported is counted apart. The last line is
 * "N pass, N unsupported, N wrong"; the status is 1 if something is wrong, or nothing passed.
 *
 * -b runs each test on another device, too, which must give the same bits. -n takes every Nth
 * test of an operator, beginning with its first: so that few tests have all operators.
 *
 * -c runs each test once more from a file that accel_model_save() wrote, on the device of -b or on
 * the same, which must give the same bits.
 *
 * -v names every test, -t prints a table of the tests by operator, with a reason for what is not
 * supported.
 */
#include <accel/accel.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RTOL	1e-3
#define ATOL	1e-7
#define FILES_MAX	64

enum verdict { PASS, UNSUPPORTED, WRONG };

struct tensor {
	struct accel_value_info info;
	void *data;
};

struct tally {
	char op[48];
	unsigned int seen;	/* taken or not */
	unsigned int count[3];
	char reason[128];
};

static bool verbose, table, compiled;
static struct accel_queue *queue, *beside;
static unsigned int nth = 1;
static struct tally *tallies;
static size_t ntallies;
static unsigned int total[3], specialised, compared;
static char why[512];

static int oops(const char *text)
{
	snprintf(why, sizeof(why), "%s", text);
	return WRONG;
}

/* What a failing call means for the test. */
static int failed(int ret)
{
	snprintf(why, sizeof(why), "%s", accel_last_error()->text);
	return ret == -EOPNOTSUPP ? UNSUPPORTED : WRONG;
}

static double element(const struct tensor *t, uint64_t i)
{
	const uint8_t *p = (const uint8_t *)t->data + i * accel_dtype_size(t->info.dtype);
	uint32_t u;
	uint16_t h;
	float f;

	switch (t->info.dtype) {
	case ACCEL_F32:
		memcpy(&f, p, 4);
		return (double)f;
	case ACCEL_F64: {
		double d;

		memcpy(&d, p, 8);
		return d;
	}
	case ACCEL_BF16:
		memcpy(&h, p, 2);
		u = (uint32_t)h << 16;
		memcpy(&f, &u, 4);
		return (double)f;
	case ACCEL_F16: {
		int exponent, sign;
		double m;

		memcpy(&h, p, 2);
		sign = h >> 15;
		exponent = h >> 10 & 31;
		m = (double)(h & 1023);
		m = exponent == 31 ? (m != 0 ? NAN : INFINITY) :
		    exponent ? ldexp(m + 1024, exponent - 25) : ldexp(m, -24);
		return sign ? -m : m;
	}
	default:
		return 0;
	}
}

static bool close_to(double got, double want)
{
	if (isnan(want) || isnan(got))
		return isnan(want) && isnan(got);
	if (isinf(want) || isinf(got))
		return got == want;
	return fabs(got - want) <= ATOL + RTOL * fabs(want);
}

static int compare(const struct tensor *got, const struct tensor *want, const char *name)
{
	enum accel_dtype t = want->info.dtype;
	uint64_t n = want->info.size / accel_dtype_size(t);

	if (got->info.dtype != t) {
		snprintf(why, sizeof(why), "output '%s' is %s, not %s", name,
			 accel_dtype_name(got->info.dtype), accel_dtype_name(t));
		return WRONG;
	}
	if (got->info.rank != want->info.rank ||
	    memcmp(got->info.dims, want->info.dims, want->info.rank * sizeof(want->info.dims[0]))) {
		snprintf(why, sizeof(why), "output '%s' has another shape", name);
		return WRONG;
	}
	for (uint64_t i = 0; i < n; i++) {
		size_t size = accel_dtype_size(t);
		double a, b;

		if (!memcmp((char *)got->data + i * size, (char *)want->data + i * size, size))
			continue;
		a = element(got, i);
		b = element(want, i);
		if (t != ACCEL_F32 && t != ACCEL_F64 && t != ACCEL_F16 && t != ACCEL_BF16)
			snprintf(why, sizeof(why), "output '%s' differs at element %llu", name,
				 (unsigned long long)i);
		else if (!close_to(a, b))
			snprintf(why, sizeof(why), "output '%s': element %llu is %.9g, not %.9g", name,
				 (unsigned long long)i, a, b);
		else
			continue;
		return WRONG;
	}
	return PASS;
}

/* numpy has no bfloat16: the suite's files have its bits as uint16. */
static void bfloat16(struct tensor *file, enum accel_dtype model)
{
	if (model == ACCEL_BF16 && file->info.dtype == ACCEL_U16)
		file->info.dtype = ACCEL_BF16;
}

/* All of input_0.pb ..., how many, or -1 with why and a verdict. */
static int load_all(const char *set, const char *kind, struct tensor *list, int *verdict)
{
	char path[4096];
	int n = 0, ret;

	for (;; n++) {
		snprintf(path, sizeof(path), "%s/%s_%d.pb", set, kind, n);
		if (n == FILES_MAX || access(path, F_OK))
			return n;
		list[n].info = (struct accel_value_info)ACCEL_INIT(list[n].info);
		ret = accel_model_tensor(path, &list[n].info, &list[n].data);
		if (ret) {
			*verdict = failed(ret);
			break;
		}
	}
	while (n--) {
		accel_model_tensor_free(list[n].data);
		list[n].data = NULL;
	}
	return -1;
}

/* Some files contradict their model: data of another shape than the model states. */
static bool contradicts(struct accel_model *model, const struct tensor *in, int n)
{
	for (int i = 0; i < n; i++) {
		struct accel_value_info info = ACCEL_INIT(info);

		if (accel_model_input(model, (uint32_t)i, &info))
			return true;
		for (uint32_t k = 0; k < info.rank; k++)
			if (info.rank != in[i].info.rank ||
			    (info.dims[k] >= 0 && info.dims[k] != in[i].info.dims[k]))
				return true;
	}
	return false;
}

/* Inputs that may say what a shape is: one element, or a vector of a few; or, with @all, any. */
static size_t small(struct accel_model *model, const struct tensor *in, int n, bool all,
		    struct accel_model_fixed *fixed)
{
	static char names[FILES_MAX][160];
	size_t count = 0;

	for (int i = 0; i < n; i++) {
		struct accel_value_info info = ACCEL_INIT(info);

		if ((!all && (in[i].info.rank > 1 || in[i].info.size > 128)) ||
		    accel_model_input(model, (uint32_t)i, &info))
			continue;
		snprintf(names[count], sizeof(names[0]), "%s", info.name);
		fixed[count] = (struct accel_model_fixed){ names[count], in[i].data,
							   in[i].info.size };
		count++;
	}
	return count;
}

/* The same session of a model that went through a file. */
static int through_file(struct accel_model *model, struct accel_queue *on,
			const struct accel_session_opts *opts, struct accel_session **session)
{
	struct accel_model *again = NULL;
	int fd = memfd_create("compiled", MFD_CLOEXEC), ret;

	accel_session_unref(*session);
	*session = NULL;
	if (fd < 0)
		return oops("no memory");
	ret = accel_model_save_fd(model, NULL, opts, fd);
	if (!ret && lseek(fd, 0, SEEK_SET))
		ret = -errno;
	if (!ret)
		ret = accel_model_load_fd(fd, NULL, &again);
	if (!ret)
		ret = accel_session_create(again, on, opts, session);
	if (ret)
		failed(ret);
	accel_model_unref(again);
	close(fd);
	return ret;
}

/* Axes that the model leaves open are as long as the data. A model that computes shapes from inputs
 * is compiled for the shapes that its data ask for.
 */
static struct accel_session *session_for(struct accel_model *model, struct accel_queue *on,
					 const struct tensor *in, int n, int *verdict)
{
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_model_dim dims[FILES_MAX * ACCEL_VALUE_RANK_MAX];
	struct accel_model_fixed fixed[FILES_MAX];
	static char names[FILES_MAX * ACCEL_VALUE_RANK_MAX][160];
	struct accel_session *session = NULL;
	int ret;

	opts.dims = dims;
	for (int i = 0; i < n; i++) {
		struct accel_value_info info = ACCEL_INIT(info);

		if (accel_model_input(model, (uint32_t)i, &info))
			break;
		for (uint32_t k = 0; k < info.rank && k < in[i].info.rank; k++) {
			if (info.dims[k] >= 0)
				continue;
			snprintf(names[opts.ndims], sizeof(names[0]), "%s:%u", info.name, k);
			dims[opts.ndims] = (struct accel_model_dim){ names[opts.ndims],
								     in[i].info.dims[k] };
			opts.ndims++;
		}
	}
	ret = accel_session_create(model, on, &opts, &session);
	if (ret)
		*verdict = failed(ret);
	opts.fixed = fixed;
	for (int all = 0; all < 2 && !session && ret == -EOPNOTSUPP; all++) {
		opts.nfixed = small(model, in, n, all, fixed);
		if (!opts.nfixed || accel_session_create(model, on, &opts, &session))
			continue;
		*verdict = PASS;
		why[0] = 0;
		specialised += on == queue;
	}
	if (session && compiled && on == beside && through_file(model, on, &opts, &session))
		*verdict = WRONG;
	return session;
}

static void drop(struct tensor *list)
{
	for (int i = 0; i < FILES_MAX; i++) {
		free(list[i].data);
		list[i].data = NULL;
	}
}

static int run_session(struct accel_session *session, struct tensor *in, int nin,
		       struct tensor *got, int ngot)
{
	struct accel_session_info info = ACCEL_INIT(info);
	struct accel_result result = { 0 };
	int ret = accel_session_info(session, &info);

	if (ret)
		return failed(ret);
	if (nin > (int)info.inputs || ngot != (int)info.outputs)
		return oops("the files and the model differ in number");
	for (int i = 0; i < nin; i++) {
		struct accel_value_info v = ACCEL_INIT(v);

		accel_session_input(session, (uint32_t)i, &v);
		bfloat16(&in[i], v.dtype);
		if (v.dtype != in[i].info.dtype)
			return oops("an input has another type than its file");
		ret = accel_session_write(session, (uint32_t)i, in[i].data, in[i].info.size);
		if (ret)
			return failed(ret);
	}
	ret = accel_session_run(session, accel_deadline(600000000000ull), &result);
	if (ret) {
		failed(ret);
		if (result.error && result.outcome != ACCEL_JOB_HOST)
			accel_result_describe(&result, why, sizeof(why));
		return WRONG;
	}
	for (int i = 0; i < ngot; i++) {
		got[i].info = (struct accel_value_info)ACCEL_INIT(got[i].info);
		ret = accel_session_shape(session, (uint32_t)i, &got[i].info);
		if (ret)
			return failed(ret);
		got[i].data = malloc(got[i].info.size + 1);
		if (!got[i].data)
			return oops("no memory");
		ret = accel_session_read(session, (uint32_t)i, got[i].data, got[i].info.size);
		if (ret)
			return failed(ret);
	}
	return PASS;
}

/* The outputs of the model on a device. */
static int compute(struct accel_model *model, struct accel_queue *on, struct tensor *in, int nin,
		   struct tensor *got, int ngot)
{
	int verdict = PASS;
	struct accel_session *session = session_for(model, on, in, nin, &verdict);

	if (session)
		verdict = run_session(session, in, nin, got, ngot);
	accel_session_unref(session);
	return verdict;
}

/* Two devices can do the same, and give the same bits. */
static int same_bits(struct accel_model *model, struct tensor *in, int nin,
		     const struct tensor *got, int ngot, int verdict)
{
	struct tensor other[FILES_MAX] = { 0 };
	char text[sizeof(why)];

	if (compute(model, beside, in, nin, other, ngot) != verdict) {
		snprintf(text, sizeof(text), "on one of the devices alone: %.400s", why);
		verdict = oops(text);
	}
	for (int i = 0; i < ngot && !verdict; i++) {
		const struct accel_value_info *a = &got[i].info, *b = &other[i].info;

		if (a->dtype == b->dtype && a->rank == b->rank && a->size == b->size &&
		    !memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0])) &&
		    !memcmp(got[i].data, other[i].data, a->size))
			continue;
		snprintf(text, sizeof(text), "output %d has other bits on the other device", i);
		verdict = oops(text);
	}
	compared += !verdict;
	drop(other);
	return verdict;
}

static int run_set(struct accel_model *model, const char *set)
{
	struct tensor in[FILES_MAX] = { 0 }, want[FILES_MAX] = { 0 }, got[FILES_MAX] = { 0 };
	int verdict = PASS, nin, nwant = 0;

	nin = load_all(set, "input", in, &verdict);
	if (nin >= 0)
		nwant = load_all(set, "output", want, &verdict);
	if (nin >= 0 && nwant >= 0 && contradicts(model, in, nin)) {
		oops("its data contradict its model");
		verdict = UNSUPPORTED;
	} else if (nin >= 0 && nwant >= 0) {
		verdict = compute(model, queue, in, nin, got, nwant);
		if (beside && verdict != WRONG)
			verdict = same_bits(model, in, nin, got, nwant, verdict);
		for (int i = 0; i < nwant && !verdict; i++) {
			struct accel_value_info info = ACCEL_INIT(info);

			accel_model_output(model, (uint32_t)i, &info);
			bfloat16(&want[i], got[i].info.dtype);
			verdict = compare(&got[i], &want[i], info.name);
		}
	}
	drop(got);
	for (int i = 0; i < FILES_MAX; i++) {
		accel_model_tensor_free(in[i].data);
		accel_model_tensor_free(want[i].data);
	}
	return verdict;
}

/* --- Which operator a test is of --------------------------------------------------------- */

/* The next field of a message: its number, and its bytes if it has some; 0 at the end. */
static unsigned int field(const uint8_t **p, const uint8_t *end, const uint8_t **data, size_t *size)
{
	uint64_t v[2] = { 0 };
	unsigned int wire = 0;

	for (int i = 0; i < 2; i++) {
		unsigned int shift = 0;

		if (i && wire != 0 && wire != 2)
			break;
		do {
			if (*p == end || shift > 63)
				return 0;
			v[i] |= (uint64_t)(**p & 127) << shift;
			shift += 7;
		} while (*(*p)++ & 128);
		wire = v[0] & 7;
	}
	*data = *p;
	*size = wire == 2 ? v[1] : wire == 1 ? 8 : wire == 5 ? 4 : 0;
	if (*size > (size_t)(end - *p))
		return 0;
	*p += *size;
	if (wire != 2)
		*data = NULL;
	return (unsigned int)(v[0] >> 3);
}

/* The last operator of a model that is no constant. What is not read as a model has none. */
static void operator_of(const char *file, char op[48])
{
	const uint8_t *p, *end, *graph, *at, *node, *data;
	size_t size, n;
	FILE *f = fopen(file, "rb");
	uint8_t *bytes = malloc(1 << 20);

	n = f && bytes ? fread(bytes, 1, 1 << 20, f) : 0;
	if (f)
		fclose(f);
	for (p = bytes, end = bytes + n; n;) {
		unsigned int number = field(&p, end, &graph, &size);
		const uint8_t *last = graph + size;

		if (!number)
			break;
		if (number != 7 || !graph)	/* graph */
			continue;
		for (at = graph; (number = field(&at, last, &node, &size));) {
			const uint8_t *stop = node + size;

			if (number != 1 || !node)	/* node */
				continue;
			while ((number = field(&node, stop, &data, &size)))
				if (number == 4 && data && size < 48 &&	/* op_type */
				    !(size == 8 && !memcmp(data, "Constant", 8)))
					snprintf(op, 48, "%.*s", (int)size, data);
		}
	}
	free(bytes);
}

/* "...: node 'x' (Op): reason" is the reason, in one line. */
static const char *reason(const char *op)
{
	char mark[64];
	const char *at;

	snprintf(mark, sizeof(mark), "(%s): ", op);
	at = strstr(why, mark);
	return at ? at + strlen(mark) : why;
}

/* Functions that are written out as other operators belong to the test before, which is not. */
static struct tally *tally_of(const char *test, const char *file)
{
	static char before[256], op[48];
	size_t i;

	if (!strstr(test, "_expanded") || strncmp(test, before, strlen(before))) {
		snprintf(op, sizeof(op), "Constant");
		operator_of(file, op);
		snprintf(before, sizeof(before), "%s", test);
	}
	for (i = 0; i < ntallies; i++)
		if (!strcmp(tallies[i].op, op))
			break;
	if (i == ntallies) {
		tallies = realloc(tallies, (ntallies + 1) * sizeof(*tallies));
		if (!tallies)
			exit(2);
		memset(&tallies[ntallies], 0, sizeof(*tallies));
		memcpy(tallies[ntallies++].op, op, sizeof(op));
	}
	return &tallies[i];
}

static void count(struct tally *t, int verdict)
{
	total[verdict]++;
	t->count[verdict]++;
	if (verdict == UNSUPPORTED && !t->reason[0])
		snprintf(t->reason, sizeof(t->reason), "%.*s",
			 (int)strcspn(reason(t->op), ";"), reason(t->op));
}

/* Tests whose expectation is known not to be the operator's: counted as unsupported, by name. */
static const struct {
	const char *test;
	const char *reason;
} refused[] = {
	{ "test_cast_FLOAT_to_BFLOAT16", "version 1.12 expects bits cut off, not rounded" },
	{ "test_castlike_FLOAT_to_BFLOAT16", "version 1.17 expects bits cut off, not rounded" },
	{ "test_castlike_FLOAT_to_BFLOAT16_expanded", "version 1.17 expects bits cut off, not rounded" },
	{ "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True",
	  "version 1.17 counts what lies beyond the padding, later ones do not" },
	{ "test_qlinearmatmul_2D_int8_float16", "sums that are too large are expected to wrap around" },
	{ "test_qlinearmatmul_2D_int8_float32", "sums that are too large are expected to wrap around" },
	{ "test_qlinearmatmul_3D_int8_float16", "sums that are too large are expected to wrap around" },
	{ "test_qlinearmatmul_3D_int8_float32", "sums that are too large are expected to wrap around" },
	{ "test_dft_inverse", "version 1.17 expects an error of rounding where the result is 0" },
	{ "test_dft_inverse_opset19", "version 1.17 expects an error of rounding where the result is 0" },
};

static bool is_refused(const char *name)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (strcmp(name, refused[i].test))
			continue;
		oops(refused[i].reason);
		return true;
	}
	return false;
}

static void run_test(const char *path)
{
	static const char *const words[] = { "pass", "unsupported", "WRONG" };
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct accel_model *model = NULL;
	int verdict, ret, sets = 0;
	struct tally *tally;
	char file[4096];

	why[0] = 0;
	snprintf(file, sizeof(file), "%s/model.onnx", path);
	tally = tally_of(name, file);
	if (tally->seen++ % nth)
		return;
	ret = accel_model_load(file, NULL, &model);
	verdict = ret ? failed(ret) : PASS;
	for (; !verdict; sets++) {
		snprintf(file, sizeof(file), "%s/test_data_set_%d", path, sets);
		if (access(file, F_OK))
			break;
		verdict = run_set(model, file);
	}
	if (!verdict && !sets)
		verdict = oops("it has no data");
	accel_model_unref(model);
	if (verdict == WRONG && is_refused(name))
		verdict = UNSUPPORTED;
	count(tally, verdict);
	if (verbose || verdict == WRONG)
		printf("%s %s%s%s\n", words[verdict], name, why[0] ? ": " : "", why);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int run_directory(const char *path)
{
	struct dirent **list;
	char file[4096];
	int n;

	snprintf(file, sizeof(file), "%s/model.onnx", path);
	if (!access(file, F_OK)) {
		run_test(path);
		return 0;
	}
	n = scandir(path, &list, visible, by_name);
	if (n < 0) {
		fprintf(stderr, "conformance: %s: %s\n", path, strerror(errno));
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char test[2048];

		snprintf(test, sizeof(test), "%s/%s", path, list[i]->d_name);
		snprintf(file, sizeof(file), "%s/model.onnx", test);
		if (!access(file, F_OK))
			run_test(test);
		free(list[i]);
	}
	free(list);
	return 0;
}

static int by_op(const void *a, const void *b)
{
	return strcmp(((const struct tally *)a)->op, ((const struct tally *)b)->op);
}

static int open_queue(const char *name, struct accel_queue **on)
{
	struct accel_device *device = NULL;
	struct accel_context *context = NULL;
	int ret = accel_device_open(name, NULL, &device);

	if (!ret)
		ret = accel_context_create(device, NULL, &context);
	if (!ret)
		ret = accel_queue_create(context, NULL, on);
	if (ret)
		fprintf(stderr, "conformance: %s\n", accel_last_error()->text);
	accel_context_unref(context);
	accel_device_unref(device);
	return ret;
}

int main(int argc, char **argv)
{
	const char *device = "sim:", *other = NULL;
	int c, bad = 0;

	while ((c = getopt(argc, argv, "d:b:n:vtc")) != -1) {
		if (c == 'd')
			device = optarg;
		else if (c == 'b')
			other = optarg;
		else if (c == 'n' && atoi(optarg) > 0)
			nth = (unsigned int)atoi(optarg);
		else if (c == 'v')
			verbose = true;
		else if (c == 't')
			table = true;
		else if (c == 'c')
			compiled = true;
		else
			return 2;
	}
	if (compiled && !other)
		other = device;
	if (optind == argc || open_queue(device, &queue) || (other && open_queue(other, &beside)))
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (; optind < argc; optind++)
		bad |= run_directory(argv[optind]);
	if (table) {
		qsort(tallies, ntallies, sizeof(*tallies), by_op);
		for (size_t i = 0; i < ntallies; i++)
			printf("%-32s %4u %4u %4u %s\n", tallies[i].op, tallies[i].count[PASS],
			       tallies[i].count[UNSUPPORTED], tallies[i].count[WRONG],
			       tallies[i].reason);
	}
	accel_queue_unref(queue);
	accel_queue_unref(beside);
	free(tallies);
	if (specialised)
		printf("%u of them compiled for the values of inputs that shapes depend on\n",
		       specialised);
	if (beside)
		printf("%u sets of data with the same bits on %s and %s\n", compared, device, other);
	printf("%u pass, %u unsupported, %u wrong\n", total[PASS], total[UNSUPPORTED],
	       total[WRONG]);
	return bad || total[WRONG] || !total[PASS];
}
