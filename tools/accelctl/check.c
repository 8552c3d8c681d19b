// SPDX-License-Identifier: MIT
#include "check.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exit.h"
#include "interrupt.h"
#include "loom_isa.h"
#include "message.h"
#include "product.h"
#include "random.h"
#include "verify.h"

/* --- Products against the reference ------------------------------------------------------ */

static int check_product(struct card *card, uint64_t deadline, char *text, size_t size,
			 enum accel_dtype dtype, enum accel_dtype out)
{
	/* Odd on purpose: no size is a multiple of a tile. */
	struct product product = { 0 };
	struct accel_result result;
	struct verify verify = { 0 };
	int status;

	product.a.shape = (struct shape){ dtype, 3, { 2, 67, 131 } };
	product.b.shape = (struct shape){ dtype, 2, { 131, 45 } };
	product.c.shape.dtype = out;
	product.bias.shape = (struct shape){ out == ACCEL_I32 ? ACCEL_I32 : ACCEL_F32, 1, { 45 } };
	product_shape(&product);
	status = product_create(&product, card);
	if (!status)
		status = product_fill(&product, 42);
	if (!status)
		status = card_run(card, product.program, deadline, "product", &result);
	if (!status && result.error)
		status = fail_job("product", &result);
	if (!status)
		status = verify_product(&product, 1, deadline, &verify);
	if (!status && !verify.equal) {
		snprintf(text, size, "element [%" PRIu64 ",%" PRIu64 ",%" PRIu64 "] is 0x%" PRIx64
			 " and must be 0x%" PRIx64, verify.index[0], verify.index[1], verify.index[2],
			 verify.got, verify.want);
		status = EXIT_MISMATCH;
	} else if (!status) {
		snprintf(text, size, "%" PRIu64 " outputs equal to the bit", verify.outputs);
	}
	verify_free(&verify);
	product_destroy(&product);
	return status;
}

#define PRODUCT(type, in, out)								\
static int check_##type(struct card *card, uint64_t deadline, char *text, size_t size)	\
{											\
	return check_product(card, deadline, text, size, in, out);			\
}

PRODUCT(f32, ACCEL_F32, ACCEL_F32)
PRODUCT(f16, ACCEL_F16, ACCEL_F32)
PRODUCT(bf16, ACCEL_BF16, ACCEL_F32)
PRODUCT(i8, ACCEL_I8, ACCEL_I32)
PRODUCT(u8, ACCEL_U8, ACCEL_I32)

/* --- Operations that the host computes itself -------------------------------------------- */

struct memory {
	struct accel_buffer *buffer;
	void *data;
};

static int memory_create(struct card *card, size_t size, struct memory *memory)
{
	int err = accel_buffer_alloc(card->context, size, 0, &memory->buffer);

	if (!err)
		err = accel_buffer_map(memory->buffer, &memory->data);
	return err ? fail_call("cannot allocate a buffer", err) : 0;
}

/* Finish and run @program, which @err says was built well. */
static int finish_and_run(struct card *card, struct accel_program *program, int err,
			  uint64_t deadline)
{
	struct accel_result result;
	int status;

	if (!err)
		err = accel_program_finish(program);
	if (err)
		return fail_call("cannot build a program", err);
	status = card_run(card, program, deadline, "check", &result);
	if (!status && result.error)
		status = fail_job("check", &result);
	return status;
}

static int check_fill(struct card *card, uint64_t deadline, char *text, size_t size)
{
	enum { COUNT = 5000, FIRST = 7, FILLED = 4801 };
	struct accel_program *program = NULL;
	struct memory memory = { 0 };
	struct accel_tensor tensor;
	const uint16_t *data;
	int err, status = memory_create(card, COUNT * 2, &memory);

	if (status)
		goto out;
	accel_tensor_init(&tensor, memory.buffer, FIRST * 2, ACCEL_U16, 1, (uint32_t[]){ FILLED });
	err = accel_program_create(card->context, &program);
	if (!err)
		err = accel_program_fill(program, &tensor, 0xbeef);
	status = finish_and_run(card, program, err, deadline);
	data = memory.data;
	for (uint32_t i = 0; i < COUNT && !status; i++) {
		uint16_t want = i >= FIRST && i < FIRST + FILLED ? 0xbeef : 0;

		if (data[i] != want) {
			snprintf(text, size, "element %" PRIu32 " is 0x%x and must be 0x%x", i, data[i],
				 want);
			status = EXIT_MISMATCH;
		}
	}
	if (!status)
		snprintf(text, size, "%d elements filled, none beside them", FILLED);
out:
	accel_program_unref(program);
	accel_buffer_unref(memory.buffer);
	return status;
}

static int check_copy(struct card *card, uint64_t deadline, char *text, size_t size)
{
	enum { ROWS = 61, COLUMNS = 83 };
	struct accel_program *program = NULL;
	struct memory from = { 0 }, to = { 0 };
	struct accel_tensor source, target;
	struct random random = random_begin(7, 0);
	const uint32_t *a, *b;
	int err, status = memory_create(card, ROWS * COLUMNS * 4, &from);

	if (!status)
		status = memory_create(card, ROWS * COLUMNS * 4, &to);
	if (status)
		goto out;
	a = from.data;
	b = to.data;
	random_fill(&random, ACCEL_I32, from.data, ROWS * COLUMNS);
	accel_tensor_init(&source, from.buffer, 0, ACCEL_U32, 2, (uint32_t[]){ ROWS, COLUMNS });
	accel_tensor_init(&target, to.buffer, 0, ACCEL_U32, 2, (uint32_t[]){ COLUMNS, ROWS });
	err = accel_tensor_transpose(&source, 0, 1);
	if (!err)
		err = accel_program_create(card->context, &program);
	if (!err)
		err = accel_program_copy(program, &target, &source);
	status = finish_and_run(card, program, err, deadline);
	for (uint32_t r = 0; r < ROWS && !status; r++) {
		for (uint32_t c = 0; c < COLUMNS && !status; c++) {
			if (b[c * ROWS + r] == a[r * COLUMNS + c])
				continue;
			snprintf(text, size, "element [%" PRIu32 ",%" PRIu32 "] is 0x%" PRIx32
				 " and must be 0x%" PRIx32, c, r, b[c * ROWS + r], a[r * COLUMNS + c]);
			status = EXIT_MISMATCH;
		}
	}
	if (!status)
		snprintf(text, size, "%d x %d elements transposed", ROWS, COLUMNS);
out:
	accel_program_unref(program);
	accel_buffer_unref(from.buffer);
	accel_buffer_unref(to.buffer);
	return status;
}

static int check_eltwise(struct card *card, uint64_t deadline, char *text, size_t size)
{
	enum { ROWS = 37, COLUMNS = 53 };
	struct accel_eltwise_op op = ACCEL_INIT(op);
	struct accel_program *program = NULL;
	struct memory a = { 0 }, b = { 0 }, c = { 0 };
	struct random random = random_begin(9, 0);
	const float *x, *y, *z;
	int err, status = memory_create(card, ROWS * COLUMNS * 4, &a);

	if (!status)
		status = memory_create(card, COLUMNS * 4, &b);
	if (!status)
		status = memory_create(card, ROWS * COLUMNS * 4, &c);
	if (status)
		goto out;
	random_fill(&random, ACCEL_F32, a.data, ROWS * COLUMNS);
	random_fill(&random, ACCEL_F32, b.data, COLUMNS);
	op.op = ACCEL_ADD;
	accel_tensor_init(&op.a, a.buffer, 0, ACCEL_F32, 2, (uint32_t[]){ ROWS, COLUMNS });
	accel_tensor_init(&op.b, b.buffer, 0, ACCEL_F32, 1, (uint32_t[]){ COLUMNS });
	accel_tensor_init(&op.dst, c.buffer, 0, ACCEL_F32, 2, (uint32_t[]){ ROWS, COLUMNS });
	err = accel_program_create(card->context, &program);
	if (!err)
		err = accel_program_eltwise(program, &op);
	status = finish_and_run(card, program, err, deadline);
	x = a.data;
	y = b.data;
	z = c.data;
	for (uint32_t i = 0; i < ROWS * COLUMNS && !status; i++) {
		/* One addition in binary32 has one right result. */
		float want = x[i] + y[i % COLUMNS];

		if (memcmp(&want, &z[i], 4)) {
			snprintf(text, size, "element %" PRIu32 " is %a and must be %a", i, (double)z[i],
				 (double)want);
			status = EXIT_MISMATCH;
		}
	}
	if (!status)
		snprintf(text, size, "%d sums with a broadcast row", ROWS * COLUMNS);
out:
	accel_program_unref(program);
	accel_buffer_unref(a.buffer);
	accel_buffer_unref(b.buffer);
	accel_buffer_unref(c.buffer);
	return status;
}

/* --- Fences ------------------------------------------------------------------------------ */

/* How long a descriptor may take to show what memory tells already. */
#define READABLE_NS	10000000000ull

/* Who finishes a job tells memory first and wakes sleepers after it: the order is no failure. */
static bool becomes_readable(int fd, uint64_t deadline)
{
	uint64_t end = accel_deadline(READABLE_NS);

	if (deadline < end)
		end = deadline;
	for (;;) {
		uint64_t now = accel_now();

		if (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, now < end ? 100 : 0) == 1)
			return true;
		if (now >= end || interrupt_pending())
			return false;
	}
}

/* A job of a second queue waits for one of the first; its fence is a descriptor to poll. */
static int check_fence(struct card *card, uint64_t deadline, char *text, size_t size)
{
	struct accel_program *first = NULL, *second = NULL;
	struct accel_fence *fences[2] = { NULL };
	struct accel_job jobs[2] = { ACCEL_INIT(jobs[0]), ACCEL_INIT(jobs[1]) };
	struct accel_tensor from, to;
	struct accel_queue *queue = NULL;
	struct memory memory = { 0 };
	struct accel_result result;
	volatile uint64_t *data;
	int err, fd = -1, status = memory_create(card, 4096, &memory);

	if (status)
		return status;
	data = memory.data;
	accel_tensor_init(&from, memory.buffer, 0, ACCEL_U64, 1, (uint32_t[]){ 1 });
	accel_tensor_init(&to, memory.buffer, 8, ACCEL_U64, 1, (uint32_t[]){ 1 });
	err = accel_queue_create(card->context, NULL, &queue);
	if (!err)
		err = accel_program_create(card->context, &first);
	if (!err)
		err = accel_program_create(card->context, &second);
	if (!err)
		err = accel_program_fence(first, memory.buffer, 0, 0x1122334455667788ull);
	if (!err)
		err = accel_program_finish(first);
	if (!err)
		err = accel_program_copy(second, &to, &from);
	if (!err)
		err = accel_program_finish(second);
	jobs[0].program = first;
	jobs[1].program = second;
	jobs[1].waits = &fences[0];
	jobs[1].nwaits = 1;
	if (!err)
		err = accel_queue_submit(card->queue, &jobs[0], 1, &fences[0]);
	if (!err)
		err = accel_queue_submit(queue, &jobs[1], 1, &fences[1]);
	if (!err)
		err = accel_fence_fd(fences[1], &fd);
	if (err) {
		status = fail_call("cannot use fences", err);
		goto out;
	}
	err = job_wait(fences[1], deadline);
	if (err) {
		status = fail_wait("fence", err);
		goto out;
	}
	if (accel_fence_result(fences[1], &result)) {
		status = fail_job("fence", &result);
	} else if (!becomes_readable(fd, deadline)) {
		snprintf(text, size, "the job is done and its descriptor does not become readable");
		status = EXIT_FAILED;
	} else if (data[0] != 0x1122334455667788ull || data[1] != data[0]) {
		snprintf(text, size, "the store is 0x%" PRIx64 ", its copy in the other queue 0x%"
			 PRIx64, data[0], data[1]);
		status = EXIT_MISMATCH;
	} else {
		snprintf(text, size, "stored, waited for across queues, descriptor readable");
	}
out:
	if (fd >= 0)
		close(fd);
	accel_fence_unref(fences[0]);
	accel_fence_unref(fences[1]);
	accel_program_unref(first);
	accel_program_unref(second);
	accel_queue_unref(queue);
	accel_buffer_unref(memory.buffer);
	return status;
}

/* --- Faults ------------------------------------------------------------------------------ */

/* Run packets that must not work, in a context of their own beside @card's. */
static int run_bad(struct card *card, const void *packets, size_t size, uint64_t deadline,
		   struct accel_result *result, int *queue_status)
{
	struct accel_program *program = NULL;
	struct card bad = { .device = card->device, .props = card->props };
	int status, err = accel_context_create(card->device, NULL, &bad.context);

	if (!err)
		err = accel_queue_create(bad.context, NULL, &bad.queue);
	if (!err)
		err = accel_program_create(bad.context, &program);
	if (!err)
		err = accel_program_raw(program, packets, size);
	if (!err)
		err = accel_program_finish(program);
	if (err)
		status = fail_call("cannot build a faulty job", err);
	else
		status = card_run(&bad, program, deadline, "faulty job", result);
	if (!status)
		*queue_status = accel_queue_status(bad.queue);
	accel_program_unref(program);
	accel_queue_unref(bad.queue);
	accel_context_unref(bad.context);
	return status;
}

/* The card's own queue works on: a store arrives. */
static int works_on(struct card *card, uint64_t deadline, char *text, size_t size)
{
	struct accel_program *program = NULL;
	struct memory memory = { 0 };
	int err, status = memory_create(card, 4096, &memory);

	if (status)
		return status;
	err = accel_program_create(card->context, &program);
	if (!err)
		err = accel_program_fence(program, memory.buffer, 64, 77);
	status = finish_and_run(card, program, err, deadline);
	if (!status && ((volatile uint64_t *)memory.data)[8] != 77) {
		snprintf(text, size, "another queue's job stored nothing after the fault");
		status = EXIT_FAILED;
	}
	accel_program_unref(program);
	accel_buffer_unref(memory.buffer);
	return status;
}

static int check_fault(struct card *card, uint64_t deadline, char *text, size_t size)
{
	/* The last page of the address space: the library places buffers from the start. */
	uint64_t va = (card->props.va_end - LOOM_PAGE_SIZE) & ~(uint64_t)(LOOM_PAGE_SIZE - 1);
	struct loom_pkt_fence packet = {
		.header = { .opcode = LOOM_OP_FENCE, .version = LOOM_PKT_VERSION,
			    .size = sizeof(packet) },
		.va = va,
		.value = 1,
	};
	struct accel_result result = { 0 };
	int queue_status = 0, status;

	status = run_bad(card, &packet, sizeof(packet), deadline, &result, &queue_status);
	if (status)
		return status;
	if (result.outcome != ACCEL_JOB_FAULT || result.error != -EIO ||
	    result.fault_va / LOOM_PAGE_SIZE != va / LOOM_PAGE_SIZE ||
	    queue_status != ACCEL_QUEUE_FAULTED) {
		snprintf(text, size, "a store to unmapped 0x%" PRIx64 " gave %s at 0x%" PRIx64
			 ", queue status %d", va, accel_outcome_name(result.outcome), result.fault_va,
			 queue_status);
		return EXIT_FAILED;
	}
	status = works_on(card, deadline, text, size);
	if (!status)
		snprintf(text, size, "reported (%s at 0x%" PRIx64 "), another queue works on",
			 accel_fault_name(result.fault_code), result.fault_va);
	return status;
}

static int check_bad_program(struct card *card, uint64_t deadline, char *text, size_t size)
{
	struct loom_pkt_header packet = {
		.opcode = 0xee, .version = LOOM_PKT_VERSION, .size = sizeof(packet),
	};
	struct accel_result result = { 0 };
	int queue_status = 0, status;

	status = run_bad(card, &packet, sizeof(packet), deadline, &result, &queue_status);
	if (status)
		return status;
	if (result.outcome != ACCEL_JOB_BAD_PROGRAM || result.error != -EIO ||
	    result.fault_code != LOOM_FAULT_CMD_OPCODE) {
		snprintf(text, size, "an unknown packet gave %s (%s)",
			 accel_outcome_name(result.outcome), accel_fault_name(result.fault_code));
		return EXIT_FAILED;
	}
	status = works_on(card, deadline, text, size);
	if (!status)
		snprintf(text, size, "refused (%s), another queue works on",
			 accel_fault_name(result.fault_code));
	return status;
}

const struct check checks[] = {
	{ "gemm f32", check_f32 },
	{ "gemm f16", check_f16 },
	{ "gemm bf16", check_bf16 },
	{ "gemm i8", check_i8 },
	{ "gemm u8", check_u8 },
	{ "fill", check_fill },
	{ "copy", check_copy },
	{ "eltwise", check_eltwise },
	{ "fence", check_fence },
	{ "fault isolation", check_fault },
	{ "bad program", check_bad_program },
	{ NULL, NULL },
};
