// SPDX-License-Identifier: MIT
/*
 * The front end as a fiber. The core is compiled with pthread_cond_wait() and
 * other functions under names of ours: where it would sleep, the other side
 * runs; where it takes a lock, the other side may get there first.
 */
#include <errno.h>
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <string.h>
#include <time.h>

#include "fuzz.h"

#define STACK_SIZE	(512u << 10)
#define CLOCK_START	1000000000ull
#define CLOCK_STEP	1000ull

/* A stop is bounded by what the front end does before it looks at its flag. */
#define STOP_POINTS	256

static _Alignas(4096) uint8_t stack[STACK_SIZE];
static void *driver, *front;
static const void *driver_bottom;
static size_t driver_size;
static void *driver_fake, *front_fake;
static void *(*entry)(void *);
static void *entry_arg;
static bool inside, asleep, ended;
static uint64_t left;
static unsigned int locks;		/* that the front end holds */
static uint64_t now = CLOCK_START;

int fuzz_mutex_lock(pthread_mutex_t *mutex);
int fuzz_mutex_unlock(pthread_mutex_t *mutex);
int fuzz_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int fuzz_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *ts);
int fuzz_clock_gettime(clockid_t id, struct timespec *ts);
bool __real_loom_front_yield(const struct loom_ring *ring, const struct yield *yield);
bool __wrap_loom_front_yield(const struct loom_ring *ring, const struct yield *yield);

/*
 * swapcontext() without its two system calls, which would cost more than all
 * else: keep the registers that a callee keeps, change stacks.
 */
void fiber_switch(void **from, void *to);
__asm__(".text\n"
	".type fiber_switch, @function\n"
	"fiber_switch:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".size fiber_switch, . - fiber_switch\n");

bool fiber_inside(void)
{
	return inside;
}

uint64_t fiber_now(void)
{
	return now += CLOCK_STEP;
}

/* Only while the front end sleeps: no deadline of an earlier input is left. */
void fiber_rewind(void)
{
	now = CLOCK_START;
}

static void to_driver(void)
{
	inside = false;
	__sanitizer_start_switch_fiber(ended ? NULL : &front_fake, driver_bottom, driver_size);
	fiber_switch(&front, driver);
	__sanitizer_finish_switch_fiber(front_fake, &driver_bottom, &driver_size);
	inside = true;
}

static void fiber_main(void)
{
	__sanitizer_finish_switch_fiber(NULL, &driver_bottom, &driver_size);
	inside = true;
	entry(entry_arg);
	ended = true;
	to_driver();
}

static void to_front(void)
{
	__sanitizer_start_switch_fiber(&driver_fake, stack, sizeof(stack));
	fiber_switch(&driver, front);
	__sanitizer_finish_switch_fiber(driver_fake, NULL, NULL);
}

void fiber_start(void *(*fn)(void *), void *arg)
{
	uint64_t *top;

	entry = fn;
	entry_arg = arg;
	asleep = false;
	ended = false;
	/* six registers, then where to return to, on a stack aligned as after a call */
	top = (uint64_t *)(stack + STACK_SIZE) - 10;
	memset(top, 0, 10 * sizeof(*top));
	top[6] = (uint64_t)(uintptr_t)fiber_main;
	front = top;
}

enum fiber_state fiber_run(uint64_t points)
{
	if (ended)
		return FIBER_IDLE;
	left = points ? points : 1;
	to_front();
	return asleep || ended ? FIBER_IDLE : FIBER_BUSY;
}

void fiber_finish(void)
{
	for (unsigned int i = 0; i < STOP_POINTS && !ended; i++)
		fiber_run(STOP_POINTS);
	fuzz_check(ended, "the front end does not end");
}

void fiber_point(void)
{
	if (inside && !--left)
		to_driver();
}

int fuzz_mutex_lock(pthread_mutex_t *mutex)
{
	if (inside && !locks++)
		fiber_point();
	return pthread_mutex_lock(mutex);
}

int fuzz_mutex_unlock(pthread_mutex_t *mutex)
{
	locks -= inside;
	return pthread_mutex_unlock(mutex);
}

int fuzz_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	enum fiber_state state;

	(void)cond;
	pthread_mutex_unlock(mutex);
	if (inside) {
		asleep = true;
		to_driver();
		asleep = false;
	} else {
		/* for a reset, or until the card stands still */
		state = fiber_run(STOP_POINTS);
		fuzz_check(state == FIBER_IDLE || card->quiesced ||
			   card->reset_asked == card->reset_done,
			   "a stop is not carried out within %d points", STOP_POINTS);
		fuzz_check(card->quiesced || card->reset_asked == card->reset_done,
			   "the front end sleeps while it is waited for");
	}
	pthread_mutex_lock(mutex);
	return 0;
}

/* Nobody else can wake it: time passes. */
int fuzz_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *ts)
{
	uint64_t due = (uint64_t)ts->tv_sec * 1000000000 + (uint64_t)ts->tv_nsec;

	(void)cond;
	pthread_mutex_unlock(mutex);
	if (now < due)
		now = due;
	fiber_point();
	pthread_mutex_lock(mutex);
	return ETIMEDOUT;
}

int fuzz_clock_gettime(clockid_t id, struct timespec *ts)
{
	(void)id;
	fiber_now();
	ts->tv_sec = (time_t)(now / 1000000000);
	ts->tv_nsec = (long)(now % 1000000000);
	return 0;
}

bool __wrap_loom_front_yield(const struct loom_ring *ring, const struct yield *yield)
{
	fiber_point();
	return __real_loom_front_yield(ring, yield);
}
