// SPDX-License-Identifier: MIT
/*
 * Contexts and buffers.
 */
#include <fcntl.h>
#include <unistd.h>

#include "check.h"

static void arguments(void)
{
	struct accel_context_opts o = ACCEL_INIT(o);
	struct accel_context *context = NULL;
	struct accel_buffer *buffer = NULL;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	o.flags = 1;
	CHECK_ERR(accel_context_create(b.device, &o, &context), -EINVAL);
	CHECK_ERR(accel_context_create(NULL, NULL, &context), -EINVAL);
	CHECK_ERR(accel_context_create(b.device, NULL, NULL), -EINVAL);
	CHECK(!context);
	CHECK(accel_context_device(b.context) == b.device);
	CHECK(accel_queue_context(b.queue) == b.context);

	CHECK_ERR(accel_buffer_alloc(b.context, 0, 0, &buffer), -EINVAL);
	CHECK_ERR_TEXT(accel_buffer_alloc(b.context, 1, 1u << 31, &buffer), -EINVAL, "flags");
	CHECK_ERR(accel_buffer_alloc(NULL, 1, 0, &buffer), -EINVAL);
	CHECK_ERR(accel_buffer_alloc(b.context, 1, 0, NULL), -EINVAL);
	CHECK_ERR(accel_buffer_alloc(b.context, SIZE_MAX, 0, &buffer), -ENOMEM);
	CHECK_ERR(accel_buffer_alloc(b.context, SIZE_MAX / 2, 0, &buffer), -ENOMEM);
	CHECK(!buffer);
	accel_buffer_unref(NULL);
	accel_context_unref(NULL);
	accel_queue_unref(NULL);
	accel_program_unref(NULL);
	accel_fence_unref(NULL);
	bench_close(&b);
}

static void zeroed_aligned_and_apart(void)
{
	struct accel_buffer *buffers[8];
	static const size_t sizes[8] = { 1, 4096, 4097, 64, 2 << 20, (2 << 20) + 1, 8192, 3 << 20 };
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	for (int i = 0; i < 8; i++) {
		unsigned char *p;
		size_t size, j;

		buffers[i] = bench_buffer(&b, sizes[i], &p);
		size = accel_buffer_size(buffers[i]);
		CHECK(size >= sizes[i] && size < sizes[i] + 4096 && size % 4096 == 0);
		CHECK(accel_buffer_va(buffers[i]) % (size >= 2 << 20 ? 2 << 20 : 4096) == 0);
		for (j = 0; j < size && !p[j]; j++)
			;
		CHECK_EQ(j, size);
		memset(p, 0xa5, size);
	}
	/* A page lies between any two. */
	for (int i = 0; i < 8; i++) {
		for (int j = 0; j < 8; j++) {
			uint64_t x = accel_buffer_va(buffers[i]), y = accel_buffer_va(buffers[j]);

			CHECK(i == j || x + accel_buffer_size(buffers[i]) + 4096 <= y ||
			      y + accel_buffer_size(buffers[j]) + 4096 <= x);
		}
	}
	for (int i = 0; i < 8; i++)
		accel_buffer_unref(buffers[i]);
	/* Memory that was used before is zero again. */
	for (int i = 0; i < 8; i++) {
		unsigned char *p;
		size_t j;

		buffers[i] = bench_buffer(&b, sizes[i], &p);
		for (j = 0; j < sizes[i] && !p[j]; j++)
			;
		CHECK_EQ(j, sizes[i]);
	}
	for (int i = 0; i < 8; i++)
		accel_buffer_unref(buffers[i]);
	bench_close(&b);
}

static void card_and_cpu_share_memory(void)
{
	struct accel_program *program;
	struct accel_buffer *buffer;
	uint64_t *p;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	buffer = bench_buffer(&b, 3 << 20, &p);
	/* The first and the last word, on large and on small pages. */
	for (uint64_t at = 0; at < 3 << 20; at += (3 << 20) - 8) {
		program = program_store(&b, buffer, at, 0x1122334455667788 + at);
		CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
		CHECK(p[at / 8] == 0x1122334455667788 + at);
		accel_program_unref(program);
	}
	accel_buffer_unref(buffer);
	bench_close(&b);
}

static void slices(void)
{
	struct accel_buffer *parent, *slice, *inner, *bad = NULL;
	char *p, *s, *i;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	parent = bench_buffer(&b, 8192, NULL);
	CHECK(!accel_buffer_slice(parent, 128, 1000, &slice));
	CHECK(!accel_buffer_slice(slice, 64, 100, &inner));
	CHECK_EQ(accel_buffer_size(slice), 1000);
	CHECK_EQ(accel_buffer_va(inner), accel_buffer_va(parent) + 192);
	CHECK(!accel_buffer_map(inner, (void **)&i));
	CHECK(!accel_buffer_map(slice, (void **)&s));
	CHECK(!accel_buffer_map(parent, (void **)&p));
	CHECK(i == p + 192 && s == p + 128);
	CHECK_ERR(accel_buffer_slice(parent, 32, 10, &bad), -EINVAL);
	CHECK_ERR(accel_buffer_slice(parent, 8192, 1, &bad), -EINVAL);
	CHECK_ERR(accel_buffer_slice(parent, 0, 8193, &bad), -EINVAL);
	CHECK_ERR(accel_buffer_slice(parent, 64, SIZE_MAX, &bad), -EINVAL);
	CHECK_ERR(accel_buffer_slice(parent, 0, 0, &bad), -EINVAL);
	CHECK_ERR(accel_buffer_slice(slice, 960, 64, &bad), -EINVAL);
	CHECK(!bad);
	/* It keeps its parent alive. */
	accel_buffer_unref(parent);
	accel_buffer_unref(slice);
	i[0] = 1;
	accel_buffer_unref(inner);
	bench_close(&b);
}

static void local_memory(void)
{
	struct accel_device_props p = ACCEL_INIT(p);
	struct accel_buffer *buffer = NULL, *other = NULL;
	struct accel_program *program;
	uint64_t *mem;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	CHECK(!accel_device_props(b.device, &p));
	if (!accel_device_has(b.device, ACCEL_CAP_LOCAL_MEMORY)) {
		CHECK_ERR_TEXT(accel_buffer_alloc(b.context, 1, ACCEL_BUFFER_LOCAL, &buffer),
			       -EOPNOTSUPP, "local memory");
		CHECK(!buffer);
		bench_close(&b);
		return;
	}
	REQUIRE(!accel_buffer_alloc(b.context, p.local_size / 2, ACCEL_BUFFER_LOCAL, &buffer));
	CHECK_ERR(accel_buffer_alloc(b.context, p.local_size, ACCEL_BUFFER_LOCAL, &other), -ENOSPC);
	CHECK(!other);
	REQUIRE(!accel_buffer_map(buffer, (void **)&mem));
	CHECK(!mem[0]);
	program = program_store(&b, buffer, 8, 77);
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK_EQ(mem[1], 77);
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	REQUIRE(!accel_buffer_alloc(b.context, 4096, ACCEL_BUFFER_LOCAL, &buffer));
	REQUIRE(!accel_buffer_map(buffer, (void **)&mem));
	CHECK(!mem[1]);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

static void names(void)
{
	struct accel_buffer *buffer;
	char name[80];
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	buffer = bench_buffer(&b, 1, NULL);
	CHECK(!accel_buffer_set_name(buffer, "weights"));
	CHECK(!accel_buffer_set_name(buffer, ""));
	memset(name, 'x', 63);
	name[63] = '\0';
	CHECK(!accel_buffer_set_name(buffer, name));
	name[63] = 'x';
	name[64] = '\0';
	CHECK_ERR(accel_buffer_set_name(buffer, name), -E2BIG);
	CHECK(!accel_buffer_set_name(buffer, NULL));
	CHECK_ERR(accel_buffer_set_name(NULL, "weights"), -EINVAL);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

static void dma_bufs(void)
{
	struct accel_buffer *buffer, *again = NULL, *private, *slice;
	struct accel_program *program;
	uint64_t *mem;
	int fd = -1, null;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	buffer = bench_buffer(&b, 8192, &mem);
	if (!accel_device_has(b.device, ACCEL_CAP_DMABUF)) {
		CHECK_ERR(accel_buffer_export(buffer, &fd), -EOPNOTSUPP);
		CHECK_ERR(accel_buffer_import(b.context, 0, &again), -EOPNOTSUPP);
		accel_buffer_unref(buffer);
		bench_close(&b);
		return;
	}
	REQUIRE(!accel_buffer_export(buffer, &fd));
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* The same memory at a second address; either may go first. */
	REQUIRE(!accel_buffer_import(b.context, fd, &again));
	CHECK(accel_buffer_va(again) != accel_buffer_va(buffer));
	program = program_store(&b, again, 0, 99);
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK_EQ(mem[0], 99);
	accel_program_unref(program);
	accel_buffer_unref(again);
	program = program_store(&b, buffer, 0, 98);
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK_EQ(mem[0], 98);
	accel_program_unref(program);
	close(fd);
	CHECK_ERR(accel_buffer_import(b.context, fd, &again), -EBADF);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CHECK_ERR(accel_buffer_import(b.context, null, &again), -EINVAL);
	close(null);
	REQUIRE(!accel_buffer_slice(buffer, 0, 64, &slice));
	CHECK_ERR(accel_buffer_export(slice, &fd), -EPERM);
	REQUIRE(!accel_buffer_alloc(b.context, 1, ACCEL_BUFFER_PRIVATE, &private));
	CHECK_ERR(accel_buffer_export(private, &fd), -EPERM);
	accel_buffer_unref(private);
	accel_buffer_unref(slice);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

static void addresses_are_reused_safely(void)
{
	struct accel_program *program;
	uint64_t *mem;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	for (uint64_t i = 1; i <= 300; i++) {
		struct accel_buffer *buffer = bench_buffer(&b, i % 7 ? 4096 : 4 << 20, &mem);

		program = program_store(&b, buffer, 0, i);
		CHECK(!mem[0]);
		CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
		CHECK_EQ(mem[0], i);
		accel_program_unref(program);
		accel_buffer_unref(buffer);
	}
	bench_close(&b);
}

static void everything_keeps_what_it_needs(void)
{
	struct accel_program *program;
	struct accel_buffer *buffer;
	struct accel_fence *fence;
	struct accel_job job = ACCEL_INIT(job);
	struct accel_result r;
	uint64_t *mem;
	struct bench b;

	/* All but the queue and a second buffer are dropped before the job ran. */
	REQUIRE(bench_open(&b, NULL));
	buffer = bench_buffer(&b, 4096, &mem);
	program = program_store(&b, buffer, 0, 5);
	job.program = program;
	accel_buffer_unref(buffer);
	REQUIRE(!accel_queue_submit(b.queue, &job, 1, &fence));
	accel_program_unref(program);
	accel_context_unref(b.context);
	accel_device_unref(b.device);
	CHECK(!accel_fence_wait(fence, soon()));
	accel_queue_unref(b.queue);
	/* The fence is the last thing left of it all. */
	CHECK(!accel_fence_result(fence, &r));
	CHECK_EQ(r.number, 1);
	accel_fence_unref(fence);
}

static const struct check_test tests[] = {
	TEST(arguments),
	TEST(zeroed_aligned_and_apart),
	TEST(card_and_cpu_share_memory),
	TEST(slices),
	TEST(local_memory),
	TEST(names),
	TEST(dma_bufs),
	TEST(addresses_are_reused_safely),
	TEST(everything_keeps_what_it_needs),
};

CHECK_MAIN(tests)
