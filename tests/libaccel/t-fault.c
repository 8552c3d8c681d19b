// SPDX-License-Identifier: MIT
/*
 * Jobs that go wrong, and that nobody else notices.
 */
#include "check.h"
#include "loom_isa.h"

static void faulting_job(void)
{
	struct accel_job jobs[3];
	struct accel_fence *good, *bad, *after;
	struct accel_result r;
	struct accel_queue *other;
	struct accel_program *program, *store;
	struct accel_buffer *buffer;
	uint64_t *mem;
	char text[300];
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	buffer = bench_buffer(&b, 4096, &mem);
	store = program_store(&b, buffer, 0, 3);
	program = program_fault(&b);
	REQUIRE(!accel_queue_create(b.context, NULL, &other));
	for (int i = 0; i < 3; i++) {
		jobs[i] = (struct accel_job)ACCEL_INIT(jobs[i]);
		jobs[i].cookie = 10 + (uint64_t)i;
	}
	jobs[1].program = program;
	jobs[2].program = store;
	REQUIRE(!accel_queue_submit(b.queue, &jobs[0], 1, &good));
	REQUIRE(!accel_queue_submit(b.queue, &jobs[1], 2, &after));
	CHECK(!accel_fence_wait(after, soon()));
	CHECK(!accel_fence_result(good, NULL));
	/* Behind the fault nothing runs. */
	CHECK_EQ(accel_fence_result(after, &r), -ECANCELED);
	CHECK(r.outcome == ACCEL_JOB_CANCELED && r.cookie == 12 && r.number == 3);
	CHECK_EQ(mem[0], 0);
	CHECK_EQ(accel_queue_status(b.queue), ACCEL_QUEUE_FAULTED);
	CHECK_ERR(accel_queue_submit(b.queue, &jobs[0], 1, NULL), -EIO);
	/* The context's other queue goes on. */
	CHECK(!accel_queue_run(other, store, soon(), NULL));
	CHECK_EQ(mem[0], 3);
	CHECK_EQ(accel_queue_status(other), ACCEL_QUEUE_OK);
	/* Now alone, with all it tells. */
	REQUIRE(!accel_queue_submit(other, &jobs[1], 1, &bad));
	CHECK(!accel_fence_wait(bad, soon()));
	CHECK_EQ(accel_fence_result(bad, &r), -EIO);
	CHECK(r.outcome == ACCEL_JOB_FAULT && r.error == -EIO && r.cookie == 11);
	CHECK_EQ(r.fault_code, LOOM_FAULT_NOT_MAPPED);
	CHECK_EQ(r.fault_va, 0x7ffffff000);
	CHECK(r.fault_access == LOOM_ACCESS_WRITE && r.fault_packet == 0);
	CHECK_EQ(r.fault_opcode, LOOM_OP_FENCE);
	CHECK(accel_result_describe(&r, text, sizeof(text)) < (int)sizeof(text));
	CHECK(strstr(text, "0x7ffffff000") && strstr(text, "FENCE") && strstr(text, "writing"));
	accel_fence_unref(bad);
	accel_fence_unref(good);
	accel_fence_unref(after);
	accel_program_unref(store);
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	accel_queue_unref(other);
	bench_close(&b);
}

static void run_reports_the_job(void)
{
	struct accel_program *program;
	struct accel_result r;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	program = program_fault(&b);
	CHECK_ERR_TEXT(accel_queue_run(b.queue, program, soon(), &r), -EIO, "0x7ffffff000");
	CHECK_EQ(r.outcome, ACCEL_JOB_FAULT);
	CHECK_ERR(accel_queue_run(b.queue, program, soon(), &r), -EIO);
	CHECK_EQ(accel_queue_submitted(b.queue), 1);
	accel_program_unref(program);
	bench_close(&b);
}

static void bad_packets(void)
{
	struct loom_pkt_fence packet = {
		.header = { .opcode = 0x55, .version = 1, .size = sizeof(packet) },
	};
	struct accel_program *program;
	struct accel_result r;
	char text[300];
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	REQUIRE(!accel_program_create(b.context, &program));
	CHECK(!accel_program_raw(program, &packet, sizeof(packet)));
	CHECK(!accel_program_finish(program));
	CHECK_EQ(accel_queue_run(b.queue, program, soon(), &r), -EIO);
	CHECK(r.outcome == ACCEL_JOB_BAD_PROGRAM && r.error == -EIO);
	CHECK_EQ(r.fault_code, LOOM_FAULT_CMD_OPCODE);
	CHECK(accel_result_describe(&r, text, sizeof(text)) > 0 && strstr(text, "refused"));
	accel_program_unref(program);
	bench_close(&b);
}

static void use_after_unref(void)
{
	struct accel_program *program;
	struct accel_buffer *buffer;
	struct loom_pkt_fence packet = {
		.header = { .opcode = LOOM_OP_FENCE, .version = 1, .size = sizeof(packet) },
	};
	struct accel_result r;
	struct bench b;

	/* Raw packets hold no reference: what they name may be gone. */
	REQUIRE(bench_open(&b, NULL));
	buffer = bench_buffer(&b, 4096, NULL);
	packet.va = accel_buffer_va(buffer);
	REQUIRE(!accel_program_create(b.context, &program));
	CHECK(!accel_program_raw(program, &packet, sizeof(packet)));
	CHECK(!accel_program_finish(program));
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	accel_buffer_unref(buffer);
	CHECK_EQ(accel_queue_run(b.queue, program, soon(), &r), -EIO);
	CHECK_EQ(r.fault_code, LOOM_FAULT_NOT_MAPPED);
	CHECK_EQ(r.fault_va, packet.va);
	accel_program_unref(program);
	bench_close(&b);
}

static void programs_and_read_only_buffers_are_not_written(void)
{
	struct accel_program *program;
	struct accel_buffer *buffer;
	struct loom_pkt_fence packet = {
		.header = { .opcode = LOOM_OP_FENCE, .version = 1, .size = sizeof(packet) },
	};
	struct accel_result r;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	REQUIRE(!accel_buffer_alloc(b.context, 4096, ACCEL_BUFFER_READONLY, &buffer));
	packet.va = accel_buffer_va(buffer) + 64;
	REQUIRE(!accel_program_create(b.context, &program));
	CHECK(!accel_program_raw(program, &packet, sizeof(packet)));
	CHECK(!accel_program_finish(program));
	CHECK_EQ(accel_queue_run(b.queue, program, soon(), &r), -EIO);
	CHECK_EQ(r.fault_code, LOOM_FAULT_PERMISSION);
	CHECK_EQ(r.fault_va, packet.va);
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

static void guard_pages(void)
{
	struct accel_program *program;
	struct accel_buffer *x, *y;
	struct loom_pkt_fence packet = {
		.header = { .opcode = LOOM_OP_FENCE, .version = 1, .size = sizeof(packet) },
	};
	struct accel_result r;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	x = bench_buffer(&b, 4096, NULL);
	y = bench_buffer(&b, 4096, NULL);
	packet.va = accel_buffer_va(x) + 4096;
	REQUIRE(!accel_program_create(b.context, &program));
	CHECK(!accel_program_raw(program, &packet, sizeof(packet)));
	CHECK(!accel_program_finish(program));
	CHECK_EQ(accel_queue_run(b.queue, program, soon(), &r), -EIO);
	CHECK_EQ(r.fault_code, LOOM_FAULT_NOT_MAPPED);
	accel_program_unref(program);
	accel_buffer_unref(x);
	accel_buffer_unref(y);
	bench_close(&b);
}

static void contexts_are_apart(void)
{
	struct accel_program *program;
	struct accel_context *context;
	struct accel_buffer *secret;
	struct accel_queue *queue;
	struct loom_pkt_fence packet = {
		.header = { .opcode = LOOM_OP_FENCE, .version = 1, .size = sizeof(packet) },
		.value = 1,
	};
	uint64_t *mem;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	REQUIRE(!accel_context_create(b.device, NULL, &context));
	REQUIRE(!accel_queue_create(context, NULL, &queue));
	/* Far from the first addresses, which both use. */
	REQUIRE(!accel_buffer_alloc(context, 64 << 20, 0, &secret));
	REQUIRE(!accel_buffer_map(secret, (void **)&mem));
	packet.va = accel_buffer_va(secret) + (32 << 20);
	REQUIRE(!accel_program_create(b.context, &program));
	CHECK(!accel_program_raw(program, &packet, sizeof(packet)));
	CHECK(!accel_program_finish(program));
	CHECK_EQ(accel_queue_run(b.queue, program, soon(), NULL), -EIO);
	CHECK_EQ(mem[(32 << 20) / 8], 0);
	CHECK_EQ(accel_queue_status(queue), ACCEL_QUEUE_OK);
	accel_program_unref(program);
	accel_buffer_unref(secret);
	accel_queue_unref(queue);
	accel_context_unref(context);
	bench_close(&b);
}

static void hang(bool busy)
{
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct accel_job jobs[2] = { ACCEL_INIT(jobs[0]), ACCEL_INIT(jobs[1]) };
	struct accel_fence *first, *second;
	struct accel_program *store;
	struct accel_buffer *buffer;
	struct accel_queue *other;
	struct accel_result r;
	uint64_t *mem;
	char text[200];
	struct bench b;
	uint64_t n = 0;

	/* No progress for 100 ms, or progress for longer than 300 ms. */
	o.timeout_ms = 100;
	o.limit_ms = busy ? 300 : 0;
	REQUIRE(bench_open(&b, &o));
	buffer = bench_buffer(&b, 4096, &mem);
	store = program_store(&b, buffer, 0, 1);
	REQUIRE(!accel_queue_create(b.context, NULL, &other));
	jobs[0].program = program_hang(&b, busy);
	jobs[1].program = store;
	REQUIRE(!accel_queue_submit(b.queue, &jobs[0], 1, &first));
	REQUIRE(!accel_queue_submit(b.queue, &jobs[1], 1, &second));
	CHECK_ERR(accel_fence_wait(second, accel_deadline(1000)), -ETIME);
	/* Meanwhile another queue works: its jobs do not wait for the end of the hang. */
	while (!accel_fence_poll(first)) {
		if (!CHECK(!accel_queue_run(other, store, soon(), NULL)))
			break;
		n++;
	}
	CHECK(n > 0);
	mem[0] = 0;
	CHECK(!accel_fence_wait(second, soon()));
	CHECK_EQ(accel_fence_result(first, &r), -ETIME);
	CHECK_EQ(r.outcome, ACCEL_JOB_TIMEOUT);
	CHECK(accel_result_describe(&r, text, sizeof(text)) > 0 && strstr(text, "hung"));
	CHECK_EQ(accel_fence_result(second, &r), -ECANCELED);
	CHECK_EQ(r.outcome, ACCEL_JOB_CANCELED);
	CHECK_EQ(mem[0], 0);
	CHECK_EQ(accel_queue_status(b.queue), ACCEL_QUEUE_BANNED);
	CHECK_ERR(accel_queue_submit(b.queue, &jobs[1], 1, NULL), -ETIME);
	CHECK(!accel_queue_run(other, store, soon(), NULL));
	CHECK_EQ(accel_queue_status(other), ACCEL_QUEUE_OK);
	accel_fence_unref(first);
	accel_fence_unref(second);
	accel_program_unref(jobs[0].program);
	accel_program_unref(store);
	accel_buffer_unref(buffer);
	accel_queue_unref(other);
	bench_close(&b);
}

static void hanging_job(void)
{
	hang(false);
}

static void endless_job(void)
{
	hang(true);
}

/* More queues than the card has rings: behind a hanging job others wait until it is stopped. */
static void behind_a_hanging_job(void)
{
	struct accel_job job = ACCEL_INIT(job), behind = ACCEL_INIT(behind);
	struct accel_fence *hanging, *waiting, *dropped, *fence;
	struct accel_queue *second, *third, *fourth;
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct accel_buffer *buffer;
	struct accel_result r;
	uint64_t *mem;
	struct bench b = { 0 };

	o.timeout_ms = 200;
	REQUIRE(!accel_device_open("sim:rings=1,contexts=3,debug=1", NULL, &b.device));
	REQUIRE(!accel_context_create(b.device, NULL, &b.context));
	REQUIRE(!accel_queue_create(b.context, &o, &b.queue));
	REQUIRE(!accel_queue_create(b.context, NULL, &second));
	REQUIRE(!accel_queue_create(b.context, NULL, &third));
	buffer = bench_buffer(&b, 4096, &mem);
	job.program = program_hang(&b, false);
	REQUIRE(!accel_queue_submit(b.queue, &job, 1, &hanging));
	accel_program_unref(job.program);
	behind.program = program_store(&b, buffer, 0, 1);
	REQUIRE(!accel_queue_submit(second, &behind, 1, &waiting));
	accel_program_unref(behind.program);
	behind.program = program_store(&b, buffer, 8, 1);
	behind.cookie = 33;
	REQUIRE(!accel_queue_submit(third, &behind, 1, &dropped));
	accel_program_unref(behind.program);
	/* What never started is dropped without waiting for its turn ... */
	accel_queue_unref(third);
	CHECK(accel_fence_poll(dropped) && !accel_fence_poll(hanging));
	CHECK_EQ(accel_fence_result(dropped, &r), -ECANCELED);
	CHECK(r.cookie == 33 && r.number == 1);
	/* ... but its context is not free before the ring has passed it. */
	CHECK_ERR(accel_queue_create(b.context, NULL, &fourth), -ENOSPC);
	CHECK(!accel_fence_wait(waiting, soon()));
	CHECK(!accel_fence_result(waiting, NULL));
	CHECK(accel_fence_poll(hanging));
	CHECK_EQ(accel_fence_result(hanging, NULL), -ETIME);
	CHECK(mem[0] == 1 && mem[1] == 0);
	behind.program = NULL;
	CHECK(!accel_queue_submit(second, &behind, 1, &fence));
	CHECK(!accel_fence_wait(fence, soon()));
	REQUIRE(!accel_queue_create(b.context, NULL, &fourth));
	behind.program = program_store(&b, buffer, 16, 7);
	CHECK(!accel_queue_run(fourth, behind.program, soon(), NULL));
	CHECK(mem[2] == 7 && mem[1] == 0);
	accel_program_unref(behind.program);
	accel_fence_unref(fence);
	accel_fence_unref(hanging);
	accel_fence_unref(waiting);
	accel_fence_unref(dropped);
	accel_buffer_unref(buffer);
	accel_queue_unref(second);
	accel_queue_unref(fourth);
	bench_close(&b);
}

static void the_deadline_passes_but_the_job_goes_on(void)
{
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct accel_program *program;
	struct accel_result r;
	uint64_t begin;
	struct bench b;

	o.timeout_ms = 300;
	REQUIRE(bench_open(&b, &o));
	program = program_hang(&b, false);
	begin = accel_now();
	CHECK_ERR(accel_queue_run(b.queue, program, accel_deadline(10000000), &r), -ETIME);
	CHECK(accel_now() - begin >= 10000000);
	CHECK_ERR(accel_queue_drain(b.queue, accel_deadline(1000000)), -ETIME);
	CHECK(!accel_queue_drain(b.queue, soon()));
	CHECK_EQ(accel_queue_status(b.queue), ACCEL_QUEUE_BANNED);
	accel_program_unref(program);
	bench_close(&b);
}

static void failures_are_reaped_too(void)
{
	struct accel_job jobs[4];
	struct accel_result r[8];
	struct accel_program *program;
	struct bench b;
	int fd, n = 0;

	REQUIRE(bench_open(&b, NULL));
	program = program_fault(&b);
	REQUIRE(!accel_queue_event_fd(b.queue, &fd));
	for (int i = 0; i < 4; i++)
		jobs[i] = (struct accel_job)ACCEL_INIT(jobs[i]);
	jobs[1].program = program;
	REQUIRE(!accel_queue_submit(b.queue, jobs, 4, NULL));
	CHECK(!accel_queue_drain(b.queue, soon()));
	n = accel_queue_reap(b.queue, r, 8);
	if (CHECK_EQ(n, 4)) {
		CHECK(!r[0].error && r[1].error == -EIO);
		CHECK(r[2].error == -ECANCELED && r[3].error == -ECANCELED);
	}
	accel_program_unref(program);
	bench_close(&b);
}

static const struct check_test tests[] = {
	TEST(faulting_job),
	TEST(run_reports_the_job),
	TEST(bad_packets),
	TEST(use_after_unref),
	TEST(programs_and_read_only_buffers_are_not_written),
	TEST(guard_pages),
	TEST(contexts_are_apart),
	TEST(hanging_job),
	TEST(endless_job),
	TEST(behind_a_hanging_job),
	TEST(the_deadline_passes_but_the_job_goes_on),
	TEST(failures_are_reaped_too),
};

CHECK_MAIN(tests)
