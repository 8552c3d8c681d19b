// SPDX-License-Identifier: MIT
/*
 * Injected faults on sim:, and what they cost: a ring reset costs a job that hangs its queue and
 * others nothing, a reset of the card those who were executing, a dead card everybody.
 */
#include "check.h"
#include "loom_hw.h"

#define BATCH	50
#define BATCHES	14		/* nearly three laps of a ring of 256 descriptors */
#define LAPS	(BATCH * BATCHES)

/* Opens @bench on this card, with a queue of @timeout_ms. */
static bool card(struct bench *b, const char *name, uint32_t timeout_ms)
{
	struct accel_queue_opts o = ACCEL_INIT(o);

	o.timeout_ms = timeout_ms;
	*b = (struct bench){ 0 };
	return CHECK(!accel_device_open(name, NULL, &b->device)) &&
	       CHECK(!accel_context_create(b->device, NULL, &b->context)) &&
	       CHECK(!accel_queue_create(b->context, &o, &b->queue));
}

static struct accel_queue *queue(struct bench *b)
{
	struct accel_queue *q = NULL;

	CHECK(!accel_queue_create(b->context, NULL, &q));
	return q;
}

/* A program that adds 1 to word @word of @buffer, whose word 0 is 1: run twice, it shows. */
static struct accel_program *program_count(struct bench *b, struct accel_buffer *buffer,
					   unsigned int word)
{
	struct accel_eltwise_op op = ACCEL_INIT(op);
	struct accel_program *program = NULL;

	op.op = ACCEL_ADD;
	op.dst = (struct accel_tensor){
		.buffer = buffer, .offset = 4 * word, .dtype = ACCEL_I32, .rank = 1,
		.dims = { 1 }, .strides = { 1 },
	};
	op.a = op.dst;
	op.b = op.dst;
	op.b.offset = 0;
	if (!CHECK(!accel_program_create(b->context, &program)) ||
	    !CHECK(!accel_program_eltwise(program, &op)) || !CHECK(!accel_program_finish(program)))
		exit(1);
	return program;
}

/* Wait for @fence and give it up: its result. */
static int end(struct accel_fence *fence, unsigned int outcome)
{
	struct accel_result r;
	int ret;

	CHECK(!accel_fence_wait(fence, soon()));
	ret = accel_fence_result(fence, &r);
	CHECK_EQ(r.outcome, outcome);
	accel_fence_unref(fence);
	return ret;
}

/* LAPS jobs, a batch of one queue after one of the next; each has the result of its own. */
static void laps(struct accel_queue **queues, struct accel_program **programs, unsigned int n)
{
	struct accel_result results[BATCH];
	struct accel_job jobs[BATCH];
	struct accel_fence *fence;
	unsigned int bad = 0;
	int fd;

	for (unsigned int i = 0; i < n; i++)
		REQUIRE(!accel_queue_event_fd(queues[i], &fd));
	for (unsigned int i = 0; i < BATCHES; i++) {
		for (unsigned int k = 0; k < BATCH; k++) {
			jobs[k] = (struct accel_job)ACCEL_INIT(jobs[k]);
			jobs[k].program = programs[i % n];
			jobs[k].cookie = 1 + i * BATCH + k;
		}
		REQUIRE(!accel_queue_submit(queues[i % n], jobs, BATCH, &fence));
		CHECK_EQ(end(fence, ACCEL_JOB_OK), 0);
		if (!CHECK_EQ(accel_queue_reap(queues[i % n], results, BATCH), BATCH))
			break;
		for (unsigned int k = 0; k < BATCH; k++)
			bad += results[k].cookie != jobs[k].cookie || !results[k].t_start;
	}
	CHECK_EQ(bad, 0);
}

static uint64_t resets(struct bench *b)
{
	struct accel_device_counters c = ACCEL_INIT(c);

	CHECK(!accel_device_counters(b->device, &c));
	return c.resets;
}

static uint32_t generation(struct bench *b)
{
	struct accel_device_props p = ACCEL_INIT(p);

	CHECK(!accel_device_props(b->device, &p));
	return p.generation;
}

static void hang(void)
{
	struct accel_fence *first, *second, *behind[10];
	struct accel_program *count, *other_count;
	struct accel_buffer *buffer;
	struct accel_queue *other;
	int32_t *mem;
	struct bench b;

	REQUIRE(card(&b, "sim:rings=1,inject=hang:ring=1", 100));
	other = queue(&b);
	buffer = bench_buffer(&b, 4096, &mem);
	mem[0] = 1;
	count = program_count(&b, buffer, 1);
	other_count = program_count(&b, buffer, 2);
	first = bench_submit(b.queue, count);
	second = bench_submit(b.queue, count);
	for (int i = 0; i < 10; i++)
		behind[i] = bench_submit(other, other_count);
	CHECK_EQ(end(first, ACCEL_JOB_TIMEOUT), -ETIME);
	CHECK_EQ(end(second, ACCEL_JOB_CANCELED), -ECANCELED);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(end(behind[i], ACCEL_JOB_OK), 0);
	CHECK(mem[1] == 0 && mem[2] == 10);
	CHECK_EQ(accel_queue_status(b.queue), ACCEL_QUEUE_BANNED);
	CHECK_EQ(accel_queue_status(other), ACCEL_QUEUE_OK);
	CHECK_EQ(resets(&b), 1);
	/* the entry that the card never wrote is not taken for one of a later lap */
	laps(&other, &other_count, 1);
	CHECK_EQ(mem[2], 10 + LAPS);
	accel_program_unref(count);
	accel_program_unref(other_count);
	accel_buffer_unref(buffer);
	accel_queue_unref(other);
	bench_close(&b);
}

/* The first two queues have a ring each, the third is behind the first one's, and so on. */
static void hang_beyond_a_ring_reset(void)
{
	struct accel_fence *hanging, *second, *executing, *next, *behind[2];
	struct accel_program *count[2], *busy;
	struct accel_queue *innocent, *waiting[2];
	struct accel_buffer *buffer, *other;
	uint32_t before;
	int32_t *mem;
	struct bench b;

	REQUIRE(card(&b, "sim:rings=2,debug=1,inject=hang-device:ring=1", 100));
	before = generation(&b);
	innocent = queue(&b);
	waiting[0] = queue(&b);
	waiting[1] = queue(&b);
	buffer = bench_buffer(&b, 4096, &mem);
	mem[0] = 1;
	for (int i = 0; i < 2; i++)
		count[i] = program_count(&b, buffer, 1 + (unsigned int)i);
	busy = program_hang(&b, true);
	executing = bench_submit(innocent, busy);
	next = bench_submit(innocent, count[0]);
	hanging = bench_submit(b.queue, count[0]);
	second = bench_submit(b.queue, count[0]);
	for (int i = 0; i < 2; i++)
		behind[i] = bench_submit(waiting[i], count[i]);
	/* memory comes and goes all the time: no invalidation is lost in the reset */
	while (!accel_fence_poll(hanging)) {
		other = bench_buffer(&b, 8192, NULL);
		accel_buffer_unref(other);
	}
	CHECK_EQ(end(hanging, ACCEL_JOB_TIMEOUT), -ETIME);
	CHECK_EQ(end(second, ACCEL_JOB_CANCELED), -ECANCELED);
	CHECK_EQ(end(executing, ACCEL_JOB_CANCELED), -ECANCELED);
	CHECK_EQ(end(next, ACCEL_JOB_CANCELED), -ECANCELED);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(end(behind[i], ACCEL_JOB_OK), 0);
	CHECK(mem[1] == 1 && mem[2] == 1);
	CHECK_EQ(accel_queue_status(b.queue), ACCEL_QUEUE_BANNED);
	CHECK_EQ(accel_queue_status(innocent), ACCEL_QUEUE_INNOCENT);
	CHECK_ERR_TEXT(accel_queue_run(innocent, count[0], soon(), NULL), -ECANCELED, "reset");
	CHECK_EQ(generation(&b), before + 1);
	laps(waiting, count, 2);
	CHECK(mem[1] == 1 + LAPS / 2 && mem[2] == 1 + LAPS / 2);
	for (int i = 0; i < 2; i++) {
		accel_program_unref(count[i]);
		accel_queue_unref(waiting[i]);
	}
	accel_program_unref(busy);
	accel_buffer_unref(buffer);
	accel_queue_unref(innocent);
	bench_close(&b);
}

/* Faults are recorded anew after a reset of the card. */
static void faults_after_a_reset(void)
{
	struct accel_program *count, *fault;
	struct accel_buffer *buffer;
	struct accel_queue *q;
	struct accel_result r;
	struct bench b;

	REQUIRE(card(&b, "sim:rings=1,inject=hang-device:ring=1,inject=dma-error:ring=1", 100));
	buffer = bench_buffer(&b, 4096, NULL);
	count = program_count(&b, buffer, 1);
	fault = program_fault(&b);
	CHECK_EQ(accel_queue_run(b.queue, count, soon(), NULL), -ETIME);
	for (int i = 0; i < 3; i++) {
		q = queue(&b);
		CHECK_EQ(accel_queue_run(q, fault, soon(), &r), -EIO);
		CHECK(r.fault_code == LOOM_FAULT_NOT_MAPPED && r.fault_va == 0x7ffffff000);
		accel_queue_unref(q);
	}
	/* what was armed is forgotten */
	q = queue(&b);
	CHECK_EQ(accel_queue_run(q, count, soon(), NULL), 0);
	accel_queue_unref(q);
	accel_program_unref(count);
	accel_program_unref(fault);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

/* It dies as the first job is submitted. */
static void dead(void)
{
	struct accel_device_counters c = ACCEL_INIT(c);
	struct accel_fence *first, *second;
	struct accel_buffer *buffer, *more = NULL;
	struct accel_context *context = NULL;
	struct accel_queue *other, *third = NULL;
	struct accel_job job = ACCEL_INIT(job);
	struct accel_timestamp stamp;
	struct accel_program *count;
	int32_t *mem;
	struct bench b;

	REQUIRE(card(&b, "sim:inject=dead", 0));
	other = queue(&b);
	buffer = bench_buffer(&b, 4096, &mem);
	mem[0] = 1;
	count = program_count(&b, buffer, 1);
	first = bench_submit(b.queue, count);
	CHECK_EQ(end(first, ACCEL_JOB_DEVICE_LOST), -ENODEV);
	job.program = count;
	CHECK_ERR_TEXT(accel_queue_submit(other, &job, 1, &second), -ENODEV, "answer");
	CHECK_EQ(accel_queue_status(b.queue), ACCEL_QUEUE_LOST);
	CHECK_EQ(accel_queue_status(other), ACCEL_QUEUE_LOST);
	CHECK_ERR(accel_buffer_alloc(b.context, 4096, 0, &more), -ENODEV);
	CHECK_ERR_TEXT(accel_context_create(b.device, NULL, &context), -ENODEV, "answer");
	CHECK_ERR(accel_queue_create(b.context, NULL, &third), -ENODEV);
	CHECK_ERR(accel_device_counters(b.device, &c), -ENODEV);
	CHECK_ERR(accel_device_timestamp(b.device, &stamp), -ENODEV);
	CHECK(mem[0] == 1 && mem[1] == 0);
	accel_program_unref(count);
	accel_buffer_unref(buffer);
	accel_queue_unref(other);
	bench_close(&b);
}

static void lost_messages(void)
{
	struct accel_program *count;
	struct accel_buffer *buffer;
	int32_t *mem;
	struct bench b;

	/* The watchdog picks up the one and rings again for the other. */
	REQUIRE(card(&b, "sim:rings=1,inject=lost-irq:ring=1,inject=lost-doorbell:ring=1", 0));
	buffer = bench_buffer(&b, 4096, &mem);
	mem[0] = 1;
	count = program_count(&b, buffer, 1);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(end(bench_submit(b.queue, count), ACCEL_JOB_OK), 0);
	CHECK_EQ(mem[1], 3);
	CHECK_EQ(resets(&b), 0);
	accel_program_unref(count);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

static void errors(void)
{
	static const char *const names[] = { "sim:rings=1,inject=dma-error:ring=1",
					     "sim:rings=1,inject=ecc:ring=1" };

	for (int i = 0; i < 2; i++) {
		struct accel_fence *first, *second;
		struct accel_program *count;
		struct accel_buffer *buffer;
		struct accel_queue *other;
		int32_t *mem;
		struct bench b;

		REQUIRE(card(&b, names[i], 0));
		other = queue(&b);
		buffer = bench_buffer(&b, 4096, &mem);
		mem[0] = 1;
		count = program_count(&b, buffer, 1);
		first = bench_submit(b.queue, count);
		CHECK_EQ(end(first, ACCEL_JOB_FAULT), -EIO);
		CHECK_EQ(accel_queue_status(b.queue), ACCEL_QUEUE_FAULTED);
		second = bench_submit(other, count);
		CHECK_EQ(end(second, ACCEL_JOB_OK), 0);
		CHECK_EQ(mem[1], 1);
		accel_program_unref(count);
		accel_buffer_unref(buffer);
		accel_queue_unref(other);
		bench_close(&b);
	}
}

/* Giving up a queue ends a job of it that hangs. If it had not started, the next one hangs. */
static void unreferenced_while_it_hangs(void)
{
	struct accel_fence *fence;
	struct accel_program *count;
	struct accel_buffer *buffer;
	struct accel_queue *other, *third;
	int ret;
	int32_t *mem;
	struct bench b;

	REQUIRE(card(&b, "sim:rings=1,inject=hang:ring=1", 0));
	other = queue(&b);
	third = queue(&b);
	buffer = bench_buffer(&b, 4096, &mem);
	mem[0] = 1;
	count = program_count(&b, buffer, 1);
	fence = bench_submit(b.queue, count);
	CHECK_ERR(accel_fence_wait(fence, accel_deadline(50000000)), -ETIME);
	accel_queue_unref(b.queue);
	b.queue = NULL;
	CHECK_EQ(end(fence, ACCEL_JOB_CANCELED), -ECANCELED);
	ret = accel_queue_run(other, count, soon(), NULL);
	CHECK(!ret || ret == -ETIME);
	CHECK_EQ(accel_queue_run(third, count, soon(), NULL), 0);
	CHECK_EQ(mem[1], ret ? 1 : 2);
	accel_queue_unref(third);
	accel_program_unref(count);
	accel_buffer_unref(buffer);
	accel_queue_unref(other);
	bench_close(&b);
}

#define FOUR	"inject=dead,inject=dead,inject=dead,inject=dead"

static void names(void)
{
	static const char *const bad[] = {
		"sim:inject=hang", "sim:inject=hang:ring=0", "sim:inject=hang:ring=5", "sim:inject=x",
		"sim:inject=none", "sim:inject=dead:ring=1", "sim:rings=2,inject=ecc:ring=3",
		"sim:" FOUR "," FOUR ",inject=dead",
	};
	struct accel_device *device = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_ERR_TEXT(accel_device_open(bad[i], NULL, &device), -EINVAL, "inject");
	REQUIRE(!accel_device_open("sim:inject=ecc:ring=2,rings=2", NULL, &device));
	accel_device_unref(device);
}

static const struct check_test tests[] = {
	TEST(hang),
	TEST(hang_beyond_a_ring_reset),
	TEST(faults_after_a_reset),
	TEST(dead),
	TEST(lost_messages),
	TEST(errors),
	TEST(unreferenced_while_it_hangs),
	TEST(names),
};

CHECK_MAIN(tests)
