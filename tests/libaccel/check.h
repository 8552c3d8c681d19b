/* SPDX-License-Identifier: MIT */
/*
 * TAP for the library's tests, which run on sim: and, with ACCEL_TEST_DEVICE set, on a
 * device of the driver.
 */
#ifndef TEST_LIBACCEL_CHECK_H
#define TEST_LIBACCEL_CHECK_H

#include <accel/accel.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a test function notes when it fails; it goes on, and returns at its end. */
extern int check_failed;


#define CHECK(cond) check_that((cond), __FILE__, __LINE__, #cond)

/* For what the rest of a test cannot do without. */
#define REQUIRE(cond) \
	do { \
		if (!CHECK(cond)) \
			return; \
	} while (0)

#define CHECK_EQ(a, b) check_eq((long long)(a), (long long)(b), __FILE__, __LINE__, #a, #b)

/* A failing call: its value, and that its record says the same, has text and names the call. */
#define CHECK_ERR(call, code) check_err((call), (code), NULL, __FILE__, __LINE__, #call)
/* ... and that its text or hint contains @word. */
#define CHECK_ERR_TEXT(call, code, word) \
	check_err((call), (code), (word), __FILE__, __LINE__, #call)

bool check_that(bool cond, const char *file, int line, const char *what);
void check_fail(const char *file, int line, const char *what);
bool check_eq(long long a, long long b, const char *file, int line, const char *at,
	      const char *bt);
bool check_err(int ret, int code, const char *word, const char *file, int line,
	       const char *call);

struct check_test {
	const char *name;
	void (*run)(void);
};

#define TEST(fn) { #fn, fn }

/* Runs all; returns the exit status. */
int check_main(const struct check_test *tests, size_t n);

#define CHECK_MAIN(tests) \
	int main(void) \
	{ \
		return check_main(tests, sizeof(tests) / sizeof(tests[0])); \
	}

/** struct bench - what most tests need */
struct bench {
	struct accel_device *device;
	struct accel_context *context;
	struct accel_queue *queue;
};

/* The device under test: ACCEL_TEST_DEVICE, or "sim:debug=1". */
const char *test_device(void);

/* False if it failed, which is recorded as a failure of the test. */
bool bench_open(struct bench *bench, const struct accel_queue_opts *opts);
void bench_close(struct bench *bench);

/* A buffer and its memory. */
struct accel_buffer *bench_buffer(struct bench *bench, size_t size, void *ptr);

/* A job of its own, of which the fence is the caller's. */
struct accel_fence *bench_submit(struct accel_queue *queue, struct accel_program *program);

/* A finished program: of nothing; of one HANG; of one store of @value to @buffer; of raw bytes. */
struct accel_program *program_empty(struct bench *bench);
struct accel_program *program_hang(struct bench *bench, bool busy);
struct accel_program *program_store(struct bench *bench, struct accel_buffer *buffer,
				    uint64_t offset, uint64_t value);
/* One that writes where nothing is mapped. */
struct accel_program *program_fault(struct bench *bench);

#define SECOND	1000000000ull

/* Long enough for anything that ends at all, on a busy machine under a sanitizer. */
static inline uint64_t soon(void)
{
	return accel_deadline(120 * SECOND);
}

#endif
