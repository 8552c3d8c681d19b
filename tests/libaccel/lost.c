// SPDX-License-Identifier: MIT
/*
 * The card goes away while it works, and comes back. Needs root and a card that may be
 * taken away: for the virtual machine only.
 */
#include <fcntl.h>
#include <unistd.h>

#include "check.h"

static bool tell(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

static void card_is_taken_away(void)
{
	struct accel_device_props p = ACCEL_INIT(p);
	struct accel_device_counters c = ACCEL_INIT(c);
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct accel_job job = ACCEL_INIT(job);
	struct accel_fence *done, *running, *behind;
	struct accel_buffer *buffer, *more = NULL;
	struct accel_context *context = NULL;
	struct accel_queue *queue = NULL;
	struct accel_program *program;
	struct accel_result r;
	char path[128];
	uint64_t *mem;
	struct bench b;

	o.timeout_ms = 30000;
	REQUIRE(bench_open(&b, &o));
	REQUIRE(!accel_device_props(b.device, &p));
	buffer = bench_buffer(&b, 4096, &mem);
	program = program_store(&b, buffer, 0, 5);
	job.program = program;
	REQUIRE(!accel_queue_submit(b.queue, &job, 1, &done));
	CHECK(!accel_fence_wait(done, soon()));
	job.program = program_hang(&b, false);
	REQUIRE(!accel_queue_submit(b.queue, &job, 1, &running));
	accel_program_unref(job.program);
	job.program = program;
	REQUIRE(!accel_queue_submit(b.queue, &job, 1, &behind));

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", p.id);
	REQUIRE(tell(path, "1"));
	CHECK(!accel_fence_wait(behind, soon()));
	CHECK(!accel_fence_result(done, NULL));
	CHECK_EQ(accel_fence_result(running, &r), -ENODEV);
	CHECK_EQ(r.outcome, ACCEL_JOB_DEVICE_LOST);
	CHECK_EQ(accel_fence_result(behind, &r), -ENODEV);
	CHECK_EQ(accel_queue_status(b.queue), ACCEL_QUEUE_LOST);
	CHECK_ERR(accel_queue_submit(b.queue, &job, 1, NULL), -ENODEV);
	CHECK_ERR(accel_buffer_alloc(b.context, 4096, 0, &more), -ENODEV);
	CHECK_ERR(accel_context_create(b.device, NULL, &context), -ENODEV);
	CHECK_ERR(accel_queue_create(b.context, NULL, &queue), -ENODEV);
	CHECK_ERR(accel_device_counters(b.device, &c), -ENODEV);
	CHECK_ERR(accel_device_props(b.device, &p), -ENODEV);
	/* Memory of the system is still there. */
	CHECK_EQ(mem[0], 5);
	accel_fence_unref(done);
	accel_fence_unref(running);
	accel_fence_unref(behind);
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	bench_close(&b);
	CHECK_ERR(accel_device_open(p.id, NULL, &b.device), -ENODEV);
}

static void card_comes_back(void)
{
	struct accel_program *program;
	struct bench b;

	REQUIRE(tell("/sys/bus/pci/rescan", "1"));
	REQUIRE(bench_open(&b, NULL));
	program = program_empty(&b);
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	accel_program_unref(program);
	bench_close(&b);
}

static const struct check_test tests[] = {
	TEST(card_is_taken_away),
	TEST(card_comes_back),
};

CHECK_MAIN(tests)
