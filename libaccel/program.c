// SPDX-License-Identifier: MIT
/*
 * Programs: sequences of packets, and the buffers that they name.
 */
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "program.h"
#include "tensor.h"

ACCEL_API int accel_program_create(struct accel_context *context, struct accel_program **program)
{
	API_ENTER;
	struct accel_program *p;

	if (!context || !program)
		return err(-EINVAL, NULL, "%s is NULL", context ? "program" : "context");
	if (device_forked(context->device))
		return err_forked();
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_nomem("a program");
	atomic_init(&p->refs, 1);
	p->context = accel_context_ref(context);
	*program = p;
	return 0;
}

ACCEL_API struct accel_program *accel_program_ref(struct accel_program *program)
{
	if (program)
		ref_more(&program->refs);
	return program;
}

static void drop_buffers(struct accel_program *program)
{
	for (size_t i = 0; i < program->nbuffers; i++)
		accel_buffer_unref(program->buffers[i]);
	program->nbuffers = 0;
}

ACCEL_API void accel_program_unref(struct accel_program *program)
{
	API_ENTER;
	struct accel_context *context;

	if (!program || !ref_last(&program->refs))
		return;
	context = program->context;
	accel_buffer_unref(program->command);
	drop_buffers(program);
	free(program->buffers);
	free(program->bytes);
	free(program);
	accel_context_unref(context);
}

void program_reset(struct accel_program *program)
{
	drop_buffers(program);
	program->size = 0;
	program->finished = false;
}

void program_release(struct accel_program *program)
{
	if (program && program->pooled &&
	    atomic_load_explicit(&program->refs, memory_order_acquire) == 2)
		drop_buffers(program);
	accel_program_unref(program);
}

int program_can_append(const struct accel_program *program)
{
	if (!program)
		return err(-EINVAL, NULL, "program is NULL");
	if (device_forked(program->context->device))
		return err_forked();
	if (program->finished)
		return err(-EBUSY, "create another program",
			   "the program is finished: nothing can be appended");
	return 0;
}

/* Room for @size bytes and @n buffers: after it, appending cannot fail. */
static int reserve(struct accel_program *program, size_t size, size_t n)
{
	uint32_t most = program->context->device->props.program_size_max;

	if (size > most || program->size > most - size)
		return err(-E2BIG, "split it into several programs",
			   "%zu bytes more than the program's %zu exceed %s's limit of %u", size,
			   program->size, program->context->device->props.id, most);
	if (program->size + size > program->room) {
		size_t room = program->room * 2 > program->size + size ? program->room * 2
								       : program->size + size;
		uint8_t *bytes = realloc(program->bytes, room);

		if (!bytes)
			return err_nomem("the program");
		program->bytes = bytes;
		program->room = room;
	}
	if (program->nbuffers + n > program->buffers_room) {
		size_t room = program->buffers_room * 2 + n;
		struct accel_buffer **buffers = realloc(program->buffers, room * sizeof(*buffers));

		if (!buffers)
			return err_nomem("the program");
		program->buffers = buffers;
		program->buffers_room = room;
	}
	return 0;
}

static void hold(struct accel_program *program, struct accel_buffer *buffer)
{
	if (!buffer)
		return;
	/* Newest first: a program mostly names again what it named last. */
	for (size_t i = program->nbuffers; i--;)
		if (program->buffers[i] == buffer)
			return;
	program->buffers[program->nbuffers++] = accel_buffer_ref(buffer);
}

int program_append(struct accel_program *program, const void *packet, size_t size,
		   struct accel_buffer *const *buffers, size_t n)
{
	int ret = reserve(program, size, n);

	if (ret)
		return ret;
	memcpy(program->bytes + program->size, packet, size);
	program->size += size;
	for (size_t i = 0; i < n; i++)
		hold(program, buffers[i]);
	return 0;
}

ACCEL_API int accel_program_gemm(struct accel_program *program, const struct accel_gemm_op *op)
{
	API_ENTER;
	struct loom_pkt_gemm packet;
	struct accel_gemm_op o;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = sized_in(&o, sizeof(o), op, "struct accel_gemm_op");
	if (!ret)
		ret = emit_gemm(program, &o, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ o.a.buffer, o.b.buffer, o.c.buffer,
						 o.bias.buffer, o.scale.buffer,
						 o.residual.buffer }, 6);
}

ACCEL_API int accel_program_pack(struct accel_program *program, struct accel_weights *weights,
				 const struct accel_tensor *src)
{
	API_ENTER;
	struct loom_pkt_pack packet;
	int ret;

	ret = program_can_append(program);
	if (ret)
		return ret;
	if (!weights || !src)
		return err(-EINVAL, NULL, "%s is NULL", weights ? "src" : "weights");
	ret = emit_pack(program, weights, src, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ weights->buffer, src->buffer }, 2);
}

ACCEL_API int accel_program_eltwise(struct accel_program *program,
				    const struct accel_eltwise_op *op)
{
	API_ENTER;
	struct loom_pkt_eltwise packet;
	struct accel_eltwise_op o;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = sized_in(&o, sizeof(o), op, "struct accel_eltwise_op");
	if (!ret)
		ret = emit_eltwise(program, &o, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ o.dst.buffer, o.a.buffer, o.b.buffer }, 3);
}

ACCEL_API int accel_program_unary(struct accel_program *program,
				  const struct accel_unary_op *op)
{
	API_ENTER;
	struct loom_pkt_unary packet;
	struct accel_unary_op o;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = sized_in(&o, sizeof(o), op, "struct accel_unary_op");
	if (!ret)
		ret = emit_unary(program, &o, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ o.dst.buffer, o.src.buffer }, 2);
}

ACCEL_API int accel_program_reduce(struct accel_program *program,
				   const struct accel_reduce_op *op)
{
	API_ENTER;
	struct loom_pkt_reduce packet;
	struct accel_reduce_op o;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = sized_in(&o, sizeof(o), op, "struct accel_reduce_op");
	if (!ret)
		ret = emit_reduce(program, &o, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ o.dst.buffer, o.src.buffer }, 2);
}

ACCEL_API int accel_program_softmax(struct accel_program *program,
				    const struct accel_softmax_op *op)
{
	API_ENTER;
	struct loom_pkt_softmax packet;
	struct accel_softmax_op o;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = sized_in(&o, sizeof(o), op, "struct accel_softmax_op");
	if (!ret)
		ret = emit_softmax(program, &o, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ o.dst.buffer, o.src.buffer }, 2);
}

ACCEL_API int accel_program_copy(struct accel_program *program, const struct accel_tensor *dst,
				 const struct accel_tensor *src)
{
	API_ENTER;
	struct loom_pkt_copy packet;
	int ret;

	ret = program_can_append(program);
	if (ret)
		return ret;
	if (!dst || !src)
		return err(-EINVAL, NULL, "%s is NULL", dst ? "src" : "dst");
	ret = emit_copy(program, dst, src, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ dst->buffer, src->buffer }, 2);
}

ACCEL_API int accel_program_fill(struct accel_program *program, const struct accel_tensor *dst,
				 uint64_t value)
{
	API_ENTER;
	struct loom_pkt_fill packet;
	int ret;

	ret = program_can_append(program);
	if (ret)
		return ret;
	if (!dst)
		return err(-EINVAL, NULL, "dst is NULL");
	ret = emit_fill(program, dst, value, &packet);
	return ret ? ret : program_append(program, &packet, sizeof(packet), &dst->buffer, 1);
}

ACCEL_API int accel_program_fence(struct accel_program *program, struct accel_buffer *buffer,
				  uint64_t offset, uint64_t value)
{
	API_ENTER;
	struct loom_pkt_fence packet;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = emit_fence(program, buffer, offset, value, &packet);
	return ret ? ret : program_append(program, &packet, sizeof(packet), &buffer, 1);
}

ACCEL_API int accel_program_timestamp(struct accel_program *program, struct accel_buffer *buffer,
				      uint64_t offset)
{
	API_ENTER;
	struct loom_pkt_timestamp packet;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = emit_timestamp(program, buffer, offset, &packet);
	return ret ? ret : program_append(program, &packet, sizeof(packet), &buffer, 1);
}

ACCEL_API int accel_program_hang(struct accel_program *program, bool busy)
{
	API_ENTER;
	struct loom_pkt_hang packet;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = emit_hang(program, busy, &packet);
	return ret ? ret : program_append(program, &packet, sizeof(packet), NULL, 0);
}

ACCEL_API int accel_program_raw(struct accel_program *program, const void *packets, size_t size)
{
	API_ENTER;
	int ret;

	ret = program_can_append(program);
	if (ret)
		return ret;
	if (!size)
		return 0;
	if (!packets)
		return err(-EINVAL, NULL, "packets is NULL");
	ret = emit_check_raw(packets, size);
	return ret ? ret : program_append(program, packets, size, NULL, 0);
}

ACCEL_API int accel_program_finish(struct accel_program *program)
{
	API_ENTER;
	void *ptr;
	int ret;

	ret = program_can_append(program);
	if (ret)
		return ret;
	if (program->size) {
		/* A program of the queue's pool brings its command buffer along. */
		if (program->command && program->command->size < program->size) {
			accel_buffer_unref(program->command);
			program->command = NULL;
		}
		if (!program->command) {
			ret = accel_buffer_alloc(program->context, program->size,
						 ACCEL_BUFFER_READONLY | ACCEL_BUFFER_PRIVATE,
						 &program->command);
			if (ret)
				return ret;
		}
		ret = accel_buffer_map(program->command, &ptr);
		if (ret)
			return ret;
		memcpy(ptr, program->bytes, program->size);
	}
	program->finished = true;
	return 0;
}

ACCEL_API size_t accel_program_size(const struct accel_program *program)
{
	return program ? program->size : 0;
}
