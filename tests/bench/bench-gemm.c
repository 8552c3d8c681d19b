// SPDX-License-Identifier: MIT
/*
 * Matrix products on the card, from before the submission to after the wait, beside
 * oneDNN on the host's processors, or what this machine's own processor can do.
 *
 *	bench-gemm [OPTION]...
 *	--device DEVICE	default: ACCEL_DEVICE, or the only one
 *	--threads N	of oneDNN: as many as the card has
 *	--rounds N	default 7
 *	--least N, --most N	sizes of squares, default 64 and 4096
 *	--only TEXT	only series whose names begin so
 *	--cpu		count processor time of the card's threads and of oneDNN's only one instead
 *			of time on the clock: for sim:, on a machine that does other things, too
 *	--peer DIRECTORY	have another process measure oneDNN: the one that runs
 *	--serve DIRECTORY	on the host, which a virtual machine shares the directory with
 *	--guest		beside the faster of oneDNN and a plain loop on this machine's processor
 *	--json FILE
 *
 * oneDNN (libdnnl) is looked for at run time. Its bf16 is slower than its f32 on most processors:
 * what stands beside bf16 is f32. Results of i8 are compared; a difference ends the program.
 */
#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <accel/accel.h>

#include "clock.h"
#include "report.h"

#define SAMPLE_NS	40000000ull	/* a sample is repeated until it has taken this long */
#define VECTOR_N	4096u		/* of products of one row */
#define COLD_SETS	4u		/* as many weights as no cache holds */
#define LARGE_PAGE	((size_t)2 << 20)
#define BATCH		16u		/* jobs of a submission, where it is one */
#define BATCH_MOST	512u		/* size of products in such a submission at most */

static bool cpu_time, guest;
static const char *device_name, *peer, *only = "";

static void check(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "bench-gemm: cannot %s: %s\n", what, accel_last_error()->text);
	exit(1);
}

/* In large pages, as the card's memory on sim: is: or the reference would be slower for that. */
static void *memory(size_t size)
{
	size_t align = size >= LARGE_PAGE ? LARGE_PAGE : 4096;
	void *p;

	if (posix_memalign(&p, align, size)) {
		fprintf(stderr, "bench-gemm: no memory\n");
		exit(1);
	}
	if (align == LARGE_PAGE)
		madvise(p, size & ~(LARGE_PAGE - 1), MADV_HUGEPAGE);
	return p;
}

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* What the card's threads have used: all but this one, which waits. */
static uint64_t card_ns(void)
{
	return cpu_time ? cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns(CLOCK_THREAD_CPUTIME_ID) :
			  clock_ns();
}

static uint64_t host_ns(void)
{
	return cpu_time ? cpu_ns(CLOCK_THREAD_CPUTIME_ID) : clock_ns();
}

/* ---- the reference ---- */

enum type { F32, BF16, I8 };

typedef int (*sgemm_fn)(char, char, int64_t, int64_t, int64_t, float, const float *, int64_t,
			const float *, int64_t, float, float *, int64_t);
typedef int (*igemm_fn)(char, char, char, int64_t, int64_t, int64_t, float, const int8_t *,
			int64_t, int8_t, const int8_t *, int64_t, int8_t, float, int32_t *,
			int64_t, const int32_t *);

static sgemm_fn sgemm;
static igemm_fn igemm;

static void dnnl_open(const char *threads)
{
	static const char *const names[] = { "libdnnl.so.2", "libdnnl.so.3", "libdnnl.so" };
	void *library = NULL;

	setenv("OMP_NUM_THREADS", threads, 1);
	for (unsigned int i = 0; i < 3 && !library; i++)
		library = dlopen(names[i], RTLD_NOW);
	if (library) {
		*(void **)&sgemm = dlsym(library, "dnnl_sgemm");
		*(void **)&igemm = dlsym(library, "dnnl_gemm_s8s8s32");
	}
	if ((!sgemm || !igemm) && !guest) {
		fprintf(stderr, "bench-gemm: no libdnnl here: tools/setup bench installs it\n");
		exit(1);
	}
}

struct problem {
	enum type type;
	uint32_t m, n, k;
	bool cold;
};

struct operands {
	struct problem of;
	void *a, *b, *c;
};

static double flops(const struct problem *p)
{
	return 2.0 * p->m * p->n * p->k;
}

static size_t size_of(enum type type)
{
	return type == F32 ? 4 : type == BF16 ? 2 : 1;
}

/* Small whole numbers: the same values in every type. */
static void fill(enum type type, void *p, size_t n)
{
	uint32_t seed = 12345;

	for (size_t i = 0; i < n; i++) {
		int value;
		float x;
		uint32_t bits;

		seed = seed * 1664525 + 1013904223;
		value = (int)(seed >> 26) - 32;
		x = (float)value;
		memcpy(&bits, &x, 4);
		if (type == F32)
			((float *)p)[i] = x;
		else if (type == BF16)
			((uint16_t *)p)[i] = (uint16_t)(bits >> 16);
		else
			((int8_t *)p)[i] = (int8_t)value;
	}
}

static void plain(const struct operands *o)
{
	uint32_t m = o->of.m, n = o->of.n, k = o->of.k;

	memset(o->c, 0, (size_t)m * n * 4);
	for (uint32_t i = 0; i < m; i++)
		for (uint32_t l = 0; l < k; l++) {
			if (o->of.type == I8) {
				int32_t *c = (int32_t *)o->c + (size_t)i * n;
				const int8_t *b = (int8_t *)o->b + (size_t)l * n;
				int32_t x = ((int8_t *)o->a)[(size_t)i * k + l];

				for (uint32_t j = 0; j < n; j++)
					c[j] += x * b[j];
			} else {
				float *c = (float *)o->c + (size_t)i * n;
				const float *b = (float *)o->b + (size_t)l * n;
				float x = ((float *)o->a)[(size_t)i * k + l];

				for (uint32_t j = 0; j < n; j++)
					c[j] += x * b[j];
			}
		}
}

static void library(const struct operands *o)
{
	int64_t m = o->of.m, n = o->of.n, k = o->of.k;
	int32_t zero = 0;

	if (o->of.type == I8)
		igemm('N', 'N', 'F', m, n, k, 1, o->a, k, 0, o->b, n, 0, 0, o->c, n, &zero);
	else
		sgemm('N', 'N', m, n, k, 1, o->a, k, o->b, n, 0, o->c, n);
}

/* The reference; which it is in a guest, whoever was faster on this problem decides. */
static void multiply(const struct operands *o)
{
	static struct problem decided;
	static bool by_library;

	if (!guest) {
		library(o);
		return;
	}
	if (memcmp(&decided, &o->of, sizeof(decided))) {
		uint64_t start, loop, other = UINT64_MAX;

		decided = o->of;
		start = clock_ns();
		plain(o);
		loop = clock_ns() - start;
		if (sgemm && igemm) {
			library(o);
			start = clock_ns();
			library(o);
			other = clock_ns() - start;
		}
		by_library = other < loop;
		fprintf(stderr, "bench-gemm: type %d, %u: %s is faster\n", (int)o->of.type, o->of.m,
			by_library ? "oneDNN" : "the loop");
	}
	if (by_library)
		library(o);
	else
		plain(o);
}

/* Reads as fast as one thread can: what a product of one row is measured by. */
__attribute__((target_clones("avx512f", "avx2", "default")))
static uint64_t read_all(const uint64_t *p, size_t n)
{
	uint64_t sum[32] = { 0 };

	for (size_t i = 0; i + 32 <= n; i += 32) {
		__builtin_prefetch(p + i + 256);
		__builtin_prefetch(p + i + 264);
		__builtin_prefetch(p + i + 272);
		__builtin_prefetch(p + i + 280);
		for (unsigned int j = 0; j < 32; j++)
			sum[j] ^= p[i + j];
	}
	for (unsigned int j = 1; j < 32; j++)
		sum[0] ^= sum[j];
	return sum[0];
}

struct reader {
	const uint64_t *p;
	size_t n;
	uint64_t sum;
};

static void *reader_main(void *arg)
{
	struct reader *reader = arg;

	reader->sum = read_all(reader->p, reader->n);
	return NULL;
}

static void read_threads(const void *p, size_t size, unsigned int threads)
{
	struct reader readers[64] = { { 0 } };
	pthread_t ids[64];

	for (unsigned int i = 0; i < threads; i++)
		readers[i] = (struct reader){
			.p = (const uint64_t *)p + size / 8 / threads * i,
			.n = size / 8 / threads,
		};
	for (unsigned int i = 1; i < threads; i++)
		if (pthread_create(&ids[i], NULL, reader_main, &readers[i]))
			exit(1);
	reader_main(&readers[0]);
	for (unsigned int i = 1; i < threads; i++)
		pthread_join(ids[i], NULL);
}

static unsigned int nthreads = 1;

/* Seconds that the reference takes; of a product of one row, that reading the weights takes. */
static double reference(const struct problem *p)
{
	static struct operands o;
	bool vector = p->m == 1;
	unsigned int sets = vector && p->cold ? COLD_SETS : 1, runs = 0;
	size_t size = (size_t)p->k * p->n * size_of(p->type);
	uint64_t start, ns;

	if (memcmp(&o.of, p, sizeof(*p))) {
		enum type type = p->type == BF16 && !vector ? F32 : p->type;

		free(o.a);
		free(o.b);
		free(o.c);
		o.of = *p;
		o.a = memory((size_t)p->m * p->k * 4);
		o.b = memory((size_t)p->k * p->n * 4 * sets);
		o.c = memory((size_t)p->m * p->n * 4);
		fill(type, o.a, (size_t)p->m * p->k);
		for (unsigned int i = 0; i < sets; i++)
			fill(type, (uint8_t *)o.b + size * i, (size_t)p->k * p->n);
		if (!vector)
			multiply(&o);
	}
	start = host_ns();
	do {
		if (vector)
			read_threads((uint8_t *)o.b + size * (runs % sets), size, nthreads);
		else
			multiply(&o);
		runs++;
		ns = host_ns() - start;
	} while (ns < SAMPLE_NS);
	/* threads of OpenMP look for more work before they sleep */
	if (nthreads > 1)
		usleep(20000);
	return (double)ns / runs / 1e9;
}

/* ---- between the virtual machine and its host: one file with a question, one with an answer ---- */

static void message_path(char *path, size_t size, const char *what, unsigned int number)
{
	snprintf(path, size, "%s/%s.%u", peer, what, number);
}

static void message_send(const char *what, unsigned int number, const char *text)
{
	char path[4096], made[4096 + 8];
	FILE *file;

	message_path(path, sizeof(path), what, number);
	snprintf(made, sizeof(made), "%s.tmp", path);
	file = fopen(made, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) || rename(made, path)) {
		fprintf(stderr, "bench-gemm: %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

static void message_take(const char *what, unsigned int number, char *text, size_t size)
{
	char path[4096];
	FILE *file;

	message_path(path, sizeof(path), what, number);
	while (!(file = fopen(path, "r")))
		usleep(2000);
	if (!fgets(text, (int)size, file))
		text[0] = '\0';
	fclose(file);
	unlink(path);
}

static unsigned int number;	/* of the next question */

static double ask(const struct problem *p)
{
	char text[128];

	if (!peer)
		return reference(p);
	snprintf(text, sizeof(text), "%d %u %u %u %d\n", (int)p->type, p->m, p->n, p->k, p->cold);
	message_send("ask", number, text);
	message_take("answer", number++, text, sizeof(text));
	return strtod(text, NULL);
}

static int serve(void)
{
	for (;; number++) {
		struct problem p;
		char text[128];
		int type, cold;

		memset(&p, 0, sizeof(p));
		message_take("ask", number, text, sizeof(text));
		if (sscanf(text, "%d %u %u %u %d", &type, &p.m, &p.n, &p.k, &cold) != 5)
			return 0;
		p.type = (enum type)type;
		p.cold = cold;
		snprintf(text, sizeof(text), "%.9g\n", reference(&p));
		message_send("answer", number, text);
	}
}

/* ---- the card ---- */

static struct accel_context *context;
static struct accel_queue *queue;

/* A product on the card; several with different weights if they shall be cold. */
struct card_product {
	struct problem of;
	bool packed;
	unsigned int sets, jobs;
	struct accel_buffer *a, *b, *c;
	void *result;
	struct accel_program *programs[COLD_SETS];
};

static struct accel_buffer *buffer(size_t size, void **ptr)
{
	struct accel_buffer *b;

	check(accel_buffer_alloc(context, size, 0, &b), "allocate a buffer");
	check(accel_buffer_map(b, ptr), "map a buffer");
	return b;
}

static void run(struct accel_program *program)
{
	check(accel_queue_run(queue, program, ACCEL_FOREVER, NULL), "run a product");
}

static void run_batch(struct accel_program *program, unsigned int count)
{
	struct accel_job jobs[BATCH];
	struct accel_fence *fence;

	for (unsigned int i = 0; i < count; i++) {
		jobs[i] = (struct accel_job)ACCEL_INIT(jobs[i]);
		jobs[i].program = program;
	}
	check(accel_queue_submit(queue, jobs, count, &fence), "submit products");
	check(accel_fence_wait(fence, ACCEL_FOREVER), "wait for products");
	check(accel_fence_result(fence, NULL), "run products");
	accel_fence_unref(fence);
}

static void pack(struct accel_weights *weights, const struct accel_tensor *b)
{
	struct accel_program *program;

	check(accel_program_create(context, &program), "make a program");
	check(accel_program_pack(program, weights, b), "pack weights");
	check(accel_program_finish(program), "finish a program");
	run(program);
	accel_program_unref(program);
}

static void card_open(struct card_product *c, const struct problem *p, bool packed,
		      unsigned int jobs)
{
	static const enum accel_dtype dtypes[] = { ACCEL_F32, ACCEL_BF16, ACCEL_I8 };
	enum accel_dtype dtype = dtypes[p->type], out = p->type == I8 ? ACCEL_I32 : ACCEL_F32;
	size_t size = (size_t)p->k * p->n * size_of(p->type);
	struct accel_gemm_op op = ACCEL_INIT(op);
	void *ptr;

	c->of = *p;
	c->packed = packed;
	c->jobs = jobs;
	c->sets = p->cold ? COLD_SETS : 1;
	c->a = buffer((size_t)p->m * p->k * size_of(p->type), &ptr);
	fill(p->type, ptr, (size_t)p->m * p->k);
	c->b = buffer(size * (packed ? 1 : c->sets), &ptr);
	for (unsigned int i = 0; i < (packed ? 1 : c->sets); i++)
		fill(p->type, (uint8_t *)ptr + size * i, (size_t)p->k * p->n);
	c->c = buffer((size_t)p->m * p->n * 4, &c->result);
	accel_tensor_init(&op.a, c->a, 0, dtype, 2, (uint32_t[]){ p->m, p->k });
	accel_tensor_init(&op.c, c->c, 0, out, 2, (uint32_t[]){ p->m, p->n });
	for (unsigned int i = 0; i < c->sets; i++) {
		accel_tensor_init(&op.b, c->b, packed ? 0 : size * i, dtype, 2,
				  (uint32_t[]){ p->k, p->n });
		if (packed) {
			check(accel_weights_create(context, dtype, p->k, p->n, 0, &op.weights),
			      "make weights");
			pack(op.weights, &op.b);
			op.b.buffer = NULL;
		}
		check(accel_program_create(context, &c->programs[i]), "make a program");
		check(accel_program_gemm(c->programs[i], &op), "append a product");
		check(accel_program_finish(c->programs[i]), "finish a program");
		accel_weights_unref(op.weights);
		op.weights = NULL;
		run(c->programs[i]);
	}
}

static void card_close(struct card_product *c)
{
	for (unsigned int i = 0; i < c->sets; i++)
		accel_program_unref(c->programs[i]);
	accel_buffer_unref(c->a);
	accel_buffer_unref(c->b);
	accel_buffer_unref(c->c);
}

static double card_seconds(const struct card_product *c)
{
	uint64_t start = card_ns(), ns;
	unsigned int runs = 0;

	do {
		if (c->jobs > 1)
			run_batch(c->programs[0], c->jobs);
		else
			run(c->programs[runs % c->sets]);
		runs += c->jobs;
		ns = card_ns() - start;
	} while (ns < SAMPLE_NS);
	return (double)ns / runs / 1e9;
}

/* Whole numbers whose sums are exact in every type: whoever computes, it is the same. */
static void verify(const struct card_product *c)
{
	const struct problem *p = &c->of;
	uint32_t row = p->m / 2, column = p->n / 3;
	void *a = memory((size_t)p->m * p->k * 4), *b = memory((size_t)p->k * p->n * 4);
	double sum = 0, got;

	fill(F32, a, (size_t)p->m * p->k);
	fill(F32, b, (size_t)p->k * p->n);
	for (uint32_t k = 0; k < p->k; k++)
		sum += (double)((float *)a)[(size_t)row * p->k + k] *
		       ((float *)b)[(size_t)k * p->n + column];
	got = p->type == I8 ? ((int32_t *)c->result)[(size_t)row * p->n + column] :
			      ((float *)c->result)[(size_t)row * p->n + column];
	free(a);
	free(b);
	if (got == sum)
		return;
	fprintf(stderr, "bench-gemm: %ux%ux%u: %g instead of %g\n", p->m, p->n, p->k, got, sum);
	exit(1);
}

static void compare(struct report *report, const char *series, const struct problem *p,
		    bool packed, unsigned int jobs, unsigned int rounds)
{
	bool vector = p->m == 1;
	double work = vector ? (double)p->k * p->n * (double)size_of(p->type) : flops(p);
	struct card_product c;

	if (strncmp(series, only, strlen(only)))
		return;
	card_open(&c, p, packed, jobs);
	verify(&c);
	ask(p);
	for (unsigned int i = 0; i < rounds; i++) {
		/* who is first changes: what disturbs the machine disturbs both */
		double card = i % 2 ? card_seconds(&c) : 0, host = ask(p);

		if (!card)
			card = card_seconds(&c);
		report_sample(report, series, vector ? p->n : p->m,
			      vector ? "GB/s" : p->type == I8 ? "GOP/s" : "GFLOP/s",
			      work / card / 1e9, work / host / 1e9);
	}
	card_close(&c);
}

static void squares(struct report *report, unsigned int least, unsigned int most,
		    unsigned int rounds)
{
	static const struct {
		const char *series;
		enum type type;
		bool packed;
		unsigned int jobs;
	} kinds[] = {
		{ "f32", F32, false, 1 }, { "f32, weights", F32, true, 1 },
		{ "f32, weights, each of 16", F32, true, BATCH },
		{ "bf16", BF16, false, 1 }, { "bf16, weights", BF16, true, 1 },
		{ "i8", I8, false, 1 }, { "i8, weights", I8, true, 1 },
		{ "i8, weights, each of 16", I8, true, BATCH },
	};
	static const unsigned int sizes[] = { 64, 128, 192, 256, 512, 1024, 2048, 4096 };

	for (unsigned int kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
		for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct problem p;

			memset(&p, 0, sizeof(p));
			p.type = kinds[kind].type;
			p.m = p.n = p.k = sizes[i];
			if (p.m < least || p.m > most || (kinds[kind].jobs > 1 && p.m > BATCH_MOST))
				continue;
			compare(report, kinds[kind].series, &p, kinds[kind].packed,
				kinds[kind].jobs, p.m == 4096 && rounds > 3 ? 3 : rounds);
		}
}

static void vectors(struct report *report, unsigned int rounds)
{
	static const char *const names[3][2] = {
		{ "1 row of f32, hot", "1 row of f32, cold" },
		{ "1 row of bf16, hot", "1 row of bf16, cold" },
		{ "1 row of i8, hot", "1 row of i8, cold" },
	};

	for (int type = F32; type <= I8; type++)
		for (unsigned int cold = 0; cold < 2; cold++) {
			struct problem p;

			memset(&p, 0, sizeof(p));
			p.type = (enum type)type;
			p.m = 1;
			p.n = p.k = VECTOR_N;
			p.cold = cold;
			compare(report, names[type][cold], &p, true, 1, rounds);
		}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "threads", required_argument, NULL, 't' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "least", required_argument, NULL, 'n' },
		{ "most", required_argument, NULL, 'm' },
		{ "only", required_argument, NULL, 'o' },
		{ "cpu", no_argument, NULL, 'c' },
		{ "peer", required_argument, NULL, 'p' },
		{ "serve", required_argument, NULL, 's' },
		{ "guest", no_argument, NULL, 'l' },
		{ "json", required_argument, NULL, 'j' },
		{ 0 }
	};
	struct report_head head = {
		.bench = "gemm", .title = "Matrix products, submission to result",
		.x = "size", .against = "oneDNN on the host; reading the weights for 1 row",
		.higher = true,
	};
	const char *threads = "1", *json = NULL;
	unsigned int rounds = 7, least = 64, most = 4096;
	bool server = false;
	struct accel_device *device;
	struct report *report;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			device_name = optarg;
			break;
		case 't':
			threads = optarg;
			break;
		case 'r':
			rounds = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'm':
			most = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			least = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			only = optarg;
			break;
		case 'c':
			cpu_time = true;
			break;
		case 's':
			server = true;
			/* fall through */
		case 'p':
			peer = optarg;
			break;
		case 'l':
			guest = true;
			break;
		case 'j':
			json = optarg;
			break;
		default:
			return 2;
		}
	}
	nthreads = (unsigned int)strtoul(threads, NULL, 10);
	if (optind != argc || !rounds || !nthreads || nthreads > 64 || (cpu_time && nthreads > 1)) {
		fprintf(stderr, "bench-gemm: wrong arguments\n");
		return 2;
	}
	if (server || !peer)
		dnnl_open(threads);
	if (server)
		return serve();
	check(accel_device_open(device_name, NULL, &device), "open the card");
	check(accel_context_create(device, NULL, &context), "make a context");
	check(accel_queue_create(context, NULL, &queue), "make a queue");
	if (guest) {
		head.bench = "gemm-guest";
		head.against = "the faster of oneDNN and a plain loop on the guest's processor";
	}
	report = report_open(&head);
	squares(report, least, most, rounds);
	if (!guest)
		vectors(report, rounds);
	if (peer)
		message_send("ask", number, "end\n");
	return report_close(report, json);
}
