// SPDX-License-Identifier: MIT
/*
 * Who hangs on sim:, by a clock that the test turns: what is in the place of libaccel/sim/time.c here
 * says when time passes, and which threads get some of a processor. The card's front end is
 * stopped where the test wants it by holding it when it asks for the time.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "check.h"
#include "sim.h"

/* Far more than any timeout here: with one of 100 ms a look is 25 ms. */
#define MANY		10000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static atomic_uint_fast64_t now = 1;
static atomic_uint_fast64_t processor;	/* what each thread of the card has had of one */
static atomic_bool stands;		/* no time passes at all */
static atomic_bool starved;		/* time passes, and no thread gets a processor */
static atomic_ulong looks, naps;
/* The front end is held once a job has written 1 to a place and 0 follows, until it is let go. */
static uint64_t *_Atomic places[2];
static unsigned long held, let_go;
/* Called with each look, under a lock of its own. */
static void (*at_look)(void);
static pthread_mutex_t look_lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_between(unsigned int i)
{
	uint64_t *p = atomic_load(&places[i]);

	return p && __atomic_load_n(&p[0], __ATOMIC_ACQUIRE) == 1 &&
	       !__atomic_load_n(&p[1], __ATOMIC_ACQUIRE);
}

uint64_t sim_now(void)
{
	char name[16] = "";

	pthread_getname_np(pthread_self(), name, sizeof(name));
	for (unsigned int i = 0; i < 2; i++) {
		if (strcmp(name, "loom-front") || !is_between(i))
			continue;
		pthread_mutex_lock(&lock);
		held++;
		pthread_cond_broadcast(&changed);
		while (let_go < held)
			pthread_cond_wait(&changed, &lock);
		atomic_store(&places[i], NULL);
		pthread_mutex_unlock(&lock);
	}
	return atomic_load(&now);
}

uint64_t sim_thread_ns(pthread_t thread)
{
	(void)thread;
	return atomic_load(&processor);
}

static void pass(uint64_t ns, atomic_ulong *count)
{
	if (!atomic_load(&stands)) {
		atomic_fetch_add(&now, ns);
		if (!atomic_load(&starved))
			atomic_fetch_add(&processor, ns);
	}
	pthread_mutex_lock(&look_lock);
	if (at_look)
		at_look();
	pthread_mutex_unlock(&look_lock);
	pthread_mutex_lock(&lock);
	atomic_fetch_add(count, 1);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	sched_yield();
}

void sim_sleep(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t ns)
{
	(void)cond;
	pthread_mutex_unlock(mutex);
	pass(ns, &looks);
	pthread_mutex_lock(mutex);
}

void sim_nap(uint64_t ns)
{
	pass(ns, &naps);
}

/* Afterwards nobody is at the one before. */
static void set_at_look(void (*look)(void))
{
	pthread_mutex_lock(&look_lock);
	at_look = look;
	pthread_mutex_unlock(&look_lock);
}

static void wait_held(void)
{
	pthread_mutex_lock(&lock);
	while (held == let_go)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void release(void)
{
	pthread_mutex_lock(&lock);
	let_go++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void wait_more(atomic_ulong *count, unsigned long n)
{
	unsigned long end = atomic_load(count) + n;

	pthread_mutex_lock(&lock);
	while (atomic_load(count) < end)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static bool card(struct bench *b, const char *name, uint32_t timeout_ms, uint32_t limit_ms)
{
	struct accel_queue_opts o = ACCEL_INIT(o);

	o.timeout_ms = timeout_ms;
	o.limit_ms = limit_ms;
	*b = (struct bench){ 0 };
	return CHECK(!accel_device_open(name, NULL, &b->device)) &&
	       CHECK(!accel_context_create(b->device, NULL, &b->context)) &&
	       CHECK(!accel_queue_create(b->context, &o, &b->queue));
}

/* Writes 1 to word @word; adds @words zeros, if any, which takes a tile; writes 1 to the next. */
static struct accel_program *program_two(struct bench *b, struct accel_buffer *buffer,
					 unsigned int word, bool tile)
{
	struct accel_eltwise_op op = ACCEL_INIT(op);
	struct accel_program *program = NULL;

	op.op = ACCEL_ADD;
	op.dst = (struct accel_tensor){
		.buffer = buffer, .offset = 2048, .dtype = ACCEL_I32, .rank = 1,
		.dims = { 1 }, .strides = { 1 },
	};
	op.a = op.dst;
	op.b = op.dst;
	if (!CHECK(!accel_program_create(b->context, &program)) ||
	    !CHECK(!accel_program_fence(program, buffer, 8 * word, 1)) ||
	    (tile && !CHECK(!accel_program_eltwise(program, &op))) ||
	    !CHECK(!accel_program_fence(program, buffer, 8 * word + 8, 1)) ||
	    !CHECK(!accel_program_finish(program)))
		exit(1);
	return program;
}

static int end(struct accel_fence *fence)
{
	int ret;

	CHECK(!accel_fence_wait(fence, soon()));
	ret = accel_fence_result(fence, NULL);
	accel_fence_unref(fence);
	return ret;
}

/* Hours in which its thread gets nothing are not the job's fault, nor the limit's business. */
static void stopped_thread(void)
{
	struct accel_program *program;
	struct accel_buffer *buffer;
	struct accel_fence *fence;
	uint64_t *mem;
	struct bench b;

	REQUIRE(card(&b, "sim:rings=1", 100, 1000));
	buffer = bench_buffer(&b, 4096, &mem);
	program = program_two(&b, buffer, 0, false);
	atomic_store(&starved, true);
	atomic_store(&places[0], mem);
	fence = bench_submit(b.queue, program);
	wait_held();
	wait_more(&looks, MANY);
	CHECK_EQ(accel_queue_status(b.queue), ACCEL_QUEUE_OK);
	release();
	CHECK_EQ(end(fence), 0);
	CHECK_EQ(mem[1], 1);
	atomic_store(&starved, false);
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

static struct accel_queue *watched;

/* Between the end of the queue that hangs and the reset of its ring. */
static void stand_when_banned(void)
{
	if (accel_queue_status(watched) == ACCEL_QUEUE_BANNED)
		atomic_store(&stands, true);
}

/* One that has a processor and gets nowhere hangs. */
static void running_thread(void)
{
	struct accel_program *program;
	struct accel_buffer *buffer;
	struct accel_fence *fence;
	uint64_t start, *mem;
	struct bench b;

	REQUIRE(card(&b, "sim:rings=1", 100, 0));
	buffer = bench_buffer(&b, 4096, &mem);
	program = program_two(&b, buffer, 0, false);
	atomic_store(&stands, true);
	atomic_store(&places[0], mem);
	start = atomic_load(&now);
	watched = b.queue;
	fence = bench_submit(b.queue, program);
	wait_held();
	set_at_look(stand_when_banned);
	atomic_store(&stands, false);
	while (accel_queue_status(b.queue) == ACCEL_QUEUE_OK)
		wait_more(&looks, 1);
	CHECK_EQ(accel_queue_status(b.queue), ACCEL_QUEUE_BANNED);
	CHECK(atomic_load(&now) - start >= 100000000);
	release();
	CHECK_EQ(end(fence), -ETIME);
	set_at_look(NULL);
	atomic_store(&stands, false);
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	bench_close(&b);
}

/* No thread has anything to do: for this one no processor would help. */
static void idle_card(void)
{
	struct accel_program *program;
	struct bench b;

	for (int busy = 0; busy < 2; busy++) {
		REQUIRE(card(&b, "sim:rings=1,debug=1", 100, 1000));
		program = program_hang(&b, busy);
		atomic_store(&starved, true);
		CHECK_EQ(end(bench_submit(b.queue, program)), -ETIME);
		CHECK_EQ(accel_queue_status(b.queue), ACCEL_QUEUE_BANNED);
		atomic_store(&starved, false);
		accel_program_unref(program);
		bench_close(&b);
	}
}

/* A job that has started and waits while another of more importance executes. */
static void waiting_job(void)
{
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct accel_program *low, *high;
	struct accel_fence *first, *second;
	struct accel_buffer *buffer;
	struct accel_queue *other;
	uint64_t slice, *mem;
	struct bench b;

	REQUIRE(card(&b, "sim:rings=2", 100, 1000));
	o.priority = ACCEL_PRIORITY_HIGH;
	o.timeout_ms = 3600000;
	o.limit_ms = 3600000;
	REQUIRE(!accel_queue_create(b.context, &o, &other));
	buffer = bench_buffer(&b, 4096, &mem);
	low = program_two(&b, buffer, 0, true);
	high = program_two(&b, buffer, 2, false);
	atomic_store(&stands, true);
	atomic_store(&places[0], mem);
	atomic_store(&places[1], mem + 2);
	first = bench_submit(b.queue, low);
	wait_held();
	/* once a slice is over the other one's turn comes with the first one's next tile */
	second = bench_submit(other, high);
	for (slice = accel_deadline(1000000); accel_now() < slice;)
		wait_more(&looks, 1);
	release();
	wait_held();
	CHECK_EQ(mem[2], 1);
	CHECK_EQ(mem[1], 0);
	atomic_store(&stands, false);
	wait_more(&looks, MANY);
	CHECK_EQ(accel_queue_status(b.queue), ACCEL_QUEUE_OK);
	atomic_store(&stands, true);
	release();
	CHECK_EQ(end(second), 0);
	CHECK_EQ(end(first), 0);
	atomic_store(&stands, false);
	accel_program_unref(low);
	accel_program_unref(high);
	accel_buffer_unref(buffer);
	accel_queue_unref(other);
	bench_close(&b);
}

/* As soon as a reset is under way nothing gets a processor any more. */
static void starve_in_reset(void)
{
	if (atomic_load(&naps))
		atomic_store(&starved, true);
}

/* A card that has no processor does not answer resets either, and is not given up for that. */
static void reset_of_a_starved_card(void)
{
	struct accel_device_props before = ACCEL_INIT(before), after = ACCEL_INIT(after);
	struct accel_queue_opts o = ACCEL_INIT(o);
	struct accel_program *empty, *program;
	struct accel_fence *hanging, *good;
	struct accel_buffer *buffer;
	struct accel_queue *other;
	uint64_t *mem;
	struct bench b;

	REQUIRE(card(&b, "sim:rings=2,inject=hang:ring=1", 100, 0));
	CHECK(!accel_device_props(b.device, &before));
	o.timeout_ms = 3600000;
	o.limit_ms = 3600000;
	REQUIRE(!accel_queue_create(b.context, &o, &other));
	buffer = bench_buffer(&b, 4096, &mem);
	empty = program_empty(&b);
	program = program_two(&b, buffer, 0, false);
	watched = b.queue;
	set_at_look(stand_when_banned);
	hanging = bench_submit(b.queue, empty);
	while (!atomic_load(&stands))
		wait_more(&looks, 1);
	atomic_store(&places[0], mem);
	good = bench_submit(other, program);
	wait_held();
	atomic_store(&naps, 0);
	set_at_look(starve_in_reset);
	atomic_store(&stands, false);
	wait_more(&naps, 2 * MANY);
	release();
	CHECK_EQ(end(good), 0);
	CHECK_EQ(end(hanging), -ETIME);
	CHECK_EQ(mem[1], 1);
	CHECK(!accel_device_props(b.device, &after));
	CHECK_EQ(after.generation, before.generation);
	set_at_look(NULL);
	atomic_store(&starved, false);
	accel_program_unref(empty);
	accel_program_unref(program);
	accel_buffer_unref(buffer);
	accel_queue_unref(other);
	bench_close(&b);
}

static const struct check_test tests[] = {
	TEST(stopped_thread),
	TEST(running_thread),
	TEST(idle_card),
	TEST(waiting_job),
	TEST(reset_of_a_starved_card),
};

CHECK_MAIN(tests)
