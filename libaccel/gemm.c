// SPDX-License-Identifier: MIT
/*
 * Matrix products in one call.
 */
#include <stdlib.h>
#include <string.h>

#include "object.h"
#include "tensor.h"

/*
 * A program of the queue's pool that no job uses, or a new one; the caller gets
 * a reference. The pool has one of its own, so that a product repeated many
 * times allocates nothing.
 */
static int take_program(struct accel_queue *queue, struct accel_program **program)
{
	struct wait_list *garbage;
	struct accel_program *p = NULL;
	int ret = 0, i;

	pthread_mutex_lock(&queue->lock);
	garbage = queue_harvest(queue);
	for (i = 0; i < QUEUE_POOL; i++) {
		if (!queue->pool[i])
			break;
		/* Others only ever drop references of it: one means free, and stays so. */
		if (atomic_load_explicit(&queue->pool[i]->refs, memory_order_acquire) == 1) {
			p = accel_program_ref(queue->pool[i]);
			break;
		}
	}
	if (!p) {
		ret = accel_program_create(queue->context, &p);
		if (!ret && i < QUEUE_POOL) {
			p->pooled = true;
			queue->pool[i] = accel_program_ref(p);
		}
	}
	pthread_mutex_unlock(&queue->lock);
	wait_list_drop(garbage);
	if (ret)
		return ret;
	program_reset(p);
	*program = p;
	return 0;
}

/* Idle programs of the pool hold none of the caller's buffers. */
static void put_program(struct accel_queue *queue, struct accel_program *program)
{
	pthread_mutex_lock(&queue->lock);
	program_release(program);
	pthread_mutex_unlock(&queue->lock);
}

static int prepare(struct accel_queue *queue, const struct accel_gemm_op *op,
		   struct accel_program **program)
{
	struct accel_program *p;
	int ret;

	if (!queue || !op)
		return err(-EINVAL, NULL, "%s is NULL", queue ? "op" : "queue");
	if (device_forked(queue->context->device))
		return err_forked();
	ret = take_program(queue, &p);
	if (ret)
		return ret;
	ret = accel_program_gemm(p, op);
	if (!ret)
		ret = accel_program_finish(p);
	if (ret) {
		put_program(queue, p);
		return ret;
	}
	*program = p;
	return 0;
}

ACCEL_API int accel_gemm(struct accel_queue *queue, const struct accel_gemm_op *op,
			 struct accel_result *result)
{
	API_ENTER;
	struct accel_program *program;
	int ret;

	ret = prepare(queue, op, &program);
	if (ret)
		return ret;
	ret = accel_queue_run(queue, program, ACCEL_FOREVER, result);
	put_program(queue, program);
	return ret;
}

ACCEL_API int accel_gemm_async(struct accel_queue *queue, const struct accel_gemm_op *op,
			       struct accel_fence **fence)
{
	API_ENTER;
	struct accel_job job = ACCEL_INIT(job);
	int ret;

	ret = prepare(queue, op, &job.program);
	if (ret)
		return ret;
	ret = accel_queue_submit(queue, &job, 1, fence);
	put_program(queue, job.program);
	return ret;
}

/* One matrix of accel_gemm_host(): the caller's, and its dense copy in a buffer. */
struct matrix {
	const struct accel_matrix *from;
	const char *name;
	uint32_t rows, columns;
	uint32_t lines, length;	/* as it lies in memory */
	uint64_t ld;
	size_t size;
	struct accel_buffer *buffer;
	char *ptr;
};

static int matrix_check(struct matrix *m)
{
	uint64_t bytes;

	if (!m->from)
		return err(-EINVAL, NULL, "%s is NULL", m->name);
	m->size = accel_dtype_size(m->from->dtype);
	if (!m->size)
		return err(-EINVAL, NULL, "%s has the unknown type %u", m->name,
			   (unsigned int)m->from->dtype);
	m->lines = m->from->transposed ? m->columns : m->rows;
	m->length = m->from->transposed ? m->rows : m->columns;
	m->ld = m->from->ld ? m->from->ld : m->length;
	if (m->ld < m->length)
		return err(-EINVAL, NULL, "%s: ld %llu is less than its %u elements in a line",
			   m->name, (unsigned long long)m->ld, m->length);
	if (__builtin_mul_overflow((uint64_t)m->lines, m->ld, &bytes) ||
	    __builtin_mul_overflow(bytes, (uint64_t)m->size, &bytes) || bytes > SIZE_MAX / 2)
		return err(-EINVAL, NULL, "%s is larger than the address space", m->name);
	if (!m->from->data && m->lines && m->length)
		return err(-EINVAL, NULL, "%s.data is NULL", m->name);
	return 0;
}

static void matrix_move(const struct matrix *m, bool out)
{
	size_t line = m->length * m->size;
	char *data = m->from->data, *dense = m->ptr;

	for (uint32_t i = 0; i < m->lines && line; i++) {
		memcpy(out ? data : dense, out ? dense : data, line);
		data += m->ld * m->size;
		dense += line;
	}
}

static int matrix_place(struct matrix *m, struct accel_context *context,
			struct accel_tensor *tensor)
{
	size_t bytes = (size_t)m->lines * m->length * m->size;
	void *ptr;
	int ret;

	ret = accel_buffer_alloc(context, bytes ? bytes : 1, ACCEL_BUFFER_PRIVATE, &m->buffer);
	if (!ret)
		ret = accel_buffer_map(m->buffer, &ptr);
	if (ret)
		return ret;
	m->ptr = ptr;
	accel_tensor_init(tensor, m->buffer, 0, m->from->dtype, 2,
			  (uint32_t[]){ m->lines, m->length });
	if (m->from->transposed)
		ret = accel_tensor_transpose(tensor, 0, 1);
	return ret;
}

static int host_types(enum accel_dtype a, enum accel_dtype b, enum accel_dtype c)
{
	if (a == b && dtype_is_float(a) && dtype_is_float(c))
		return 0;
	if (dtype_is_byte(a) && dtype_is_byte(b) && c == ACCEL_I32)
		return 0;
	return err(-EINVAL, "use accel_gemm() for other mixes",
		   "a is %s, b is %s, c is %s: a and b of one float type give floats, i8 and u8 "
		   "give i32", accel_dtype_name(a), accel_dtype_name(b), accel_dtype_name(c));
}

ACCEL_API int accel_gemm_host(struct accel_queue *queue, uint32_t m, uint32_t n, uint32_t k,
			      const struct accel_matrix *a, const struct accel_matrix *b,
			      const struct accel_matrix *c, struct accel_result *result)
{
	API_ENTER;
	struct matrix mat[3] = {
		{ .from = a, .name = "a", .rows = m, .columns = k },
		{ .from = b, .name = "b", .rows = k, .columns = n },
		{ .from = c, .name = "c", .rows = m, .columns = n },
	};
	struct accel_gemm_op op = ACCEL_INIT(op);
	struct accel_tensor *const tensors[3] = { &op.a, &op.b, &op.c };
	int ret = 0, i;

	if (!queue)
		return err(-EINVAL, NULL, "queue is NULL");
	if (device_forked(queue->context->device))
		return err_forked();
	for (i = 0; i < 3 && !ret; i++)
		ret = matrix_check(&mat[i]);
	if (!ret)
		ret = host_types(a->dtype, b->dtype, c->dtype);
	for (i = 0; i < 3 && !ret; i++)
		ret = matrix_place(&mat[i], queue->context, tensors[i]);
	if (!ret) {
		matrix_move(&mat[0], false);
		matrix_move(&mat[1], false);
		ret = accel_gemm(queue, &op, result);
	}
	if (!ret)
		matrix_move(&mat[2], true);
	for (i = 0; i < 3; i++)
		accel_buffer_unref(mat[i].buffer);
	return ret;
}
