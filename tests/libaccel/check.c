// SPDX-License-Identifier: MIT
#include "check.h"
#include "loom_isa.h"

int check_failed;

void check_fail(const char *file, int line, const char *what)
{
	check_failed++;
	printf("# %s:%d: %s\n", file, line, what);
}

bool check_that(bool cond, const char *file, int line, const char *what)
{
	if (!cond)
		check_fail(file, line, what);
	return cond;
}

bool check_eq(long long a, long long b, const char *file, int line, const char *at,
	      const char *bt)
{
	if (a == b)
		return true;
	check_failed++;
	printf("# %s:%d: %s is %lld, not %s = %lld\n", file, line, at, a, bt, b);
	return false;
}

bool check_err(int ret, int code, const char *word, const char *file, int line, const char *call)
{
	const struct accel_error *e = accel_last_error();

	if (ret == code && e->code == code && e->text[0] && !strncmp(e->op, "accel_", 6) &&
	    e->text[strlen(e->text) - 1] != '.' &&
	    (!word || strstr(e->text, word) || strstr(e->hint, word)))
		return true;
	check_failed++;
	printf("# %s:%d: %s gave %d (wanted %d%s%s); record: %d, %s: %s; %s\n", file, line, call,
	       ret, code, word ? " and " : "", word ? word : "", e->code, e->op, e->text, e->hint);
	return false;
}

int check_main(const struct check_test *tests, size_t n)
{
	int bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		check_failed = 0;
		tests[i].run();
		bad += !!check_failed;
		printf("%s %zu - %s\n", check_failed ? "not ok" : "ok", i + 1, tests[i].name);
	}
	return !!bad;
}

const char *test_device(void)
{
	const char *name = getenv("ACCEL_TEST_DEVICE");

	return name && name[0] ? name : "sim:debug=1";
}

static bool ok(int ret)
{
	const struct accel_error *e = accel_last_error();

	if (!ret)
		return true;
	check_failed++;
	printf("# %s: %s; %s\n", e->op, e->text, e->hint);
	return false;
}

bool bench_open(struct bench *bench, const struct accel_queue_opts *opts)
{
	memset(bench, 0, sizeof(*bench));
	if (ok(accel_device_open(test_device(), NULL, &bench->device)) &&
	    ok(accel_context_create(bench->device, NULL, &bench->context)) &&
	    ok(accel_queue_create(bench->context, opts, &bench->queue)))
		return true;
	bench_close(bench);
	return false;
}

void bench_close(struct bench *bench)
{
	accel_queue_unref(bench->queue);
	accel_context_unref(bench->context);
	accel_device_unref(bench->device);
}

struct accel_buffer *bench_buffer(struct bench *bench, size_t size, void *ptr)
{
	struct accel_buffer *buffer = NULL;

	if (!ok(accel_buffer_alloc(bench->context, size, 0, &buffer)))
		exit(1);
	if (ptr && !ok(accel_buffer_map(buffer, ptr)))
		exit(1);
	return buffer;
}

static struct accel_program *building(struct bench *bench)
{
	struct accel_program *program = NULL;

	if (!ok(accel_program_create(bench->context, &program)))
		exit(1);
	return program;
}

static struct accel_program *built(struct accel_program *program, int ret)
{
	if (!ok(ret) || !ok(accel_program_finish(program)))
		exit(1);
	return program;
}

struct accel_fence *bench_submit(struct accel_queue *queue, struct accel_program *program)
{
	struct accel_job job = ACCEL_INIT(job);
	struct accel_fence *fence = NULL;

	job.program = program;
	if (!CHECK(!accel_queue_submit(queue, &job, 1, &fence)))
		exit(1);
	return fence;
}

struct accel_program *program_empty(struct bench *bench)
{
	return built(building(bench), 0);
}

struct accel_program *program_hang(struct bench *bench, bool busy)
{
	struct accel_program *program = building(bench);

	return built(program, accel_program_hang(program, busy));
}

struct accel_program *program_store(struct bench *bench, struct accel_buffer *buffer,
				    uint64_t offset, uint64_t value)
{
	struct accel_program *program = building(bench);

	return built(program, accel_program_fence(program, buffer, offset, value));
}

struct accel_program *program_fault(struct bench *bench)
{
	struct accel_program *program = building(bench);
	struct loom_pkt_fence packet = {
		.header = {
			.opcode = LOOM_OP_FENCE,
			.version = LOOM_PKT_VERSION,
			.size = sizeof(packet),
		},
		.va = 0x7ffffff000,
		.value = 1,
	};

	return built(program, accel_program_raw(program, &packet, sizeof(packet)));
}
