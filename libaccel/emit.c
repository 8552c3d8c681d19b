// SPDX-License-Identifier: MIT
/*
 * Packet emission. What the card would refuse is refused here, where a text can
 * say why.
 */
#include <endian.h>
#include <string.h>

#include "emit-parts.h"

_Static_assert((int)ACCEL_ADD == LOOM_ELTWISE_ADD && (int)ACCEL_SUB == LOOM_ELTWISE_SUB &&
	       (int)ACCEL_MUL == LOOM_ELTWISE_MUL && (int)ACCEL_DIV == LOOM_ELTWISE_DIV &&
	       (int)ACCEL_MIN == LOOM_ELTWISE_MIN && (int)ACCEL_MAX == LOOM_ELTWISE_MAX,
	       "eltwise functions");

static int gemm_shapes(const struct accel_gemm_op *op)
{
	const struct accel_tensor *const t[] = { &op->a, &op->b, &op->c };
	char x[TENSOR_SHAPE_LEN], y[TENSOR_SHAPE_LEN], z[TENSOR_SHAPE_LEN];
	uint32_t m, n, k;
	int ret;

	for (int i = 0; i < 3; i++)
		if (t[i]->rank < 2)
			return err(-EINVAL, NULL, "%c has rank %u: a matrix has 2 or more axes",
				   "abc"[i], t[i]->rank);
	m = op->c.dims[op->c.rank - 2];
	n = op->c.dims[op->c.rank - 1];
	k = op->a.dims[op->a.rank - 1];
	if (op->a.dims[op->a.rank - 2] != m || op->b.dims[op->b.rank - 2] != k ||
	    op->b.dims[op->b.rank - 1] != n)
		return err(-EINVAL, NULL, "a %s times b %s does not give c %s",
			   tensor_shape(&op->a, x), tensor_shape(&op->b, y),
			   tensor_shape(&op->c, z));
	ret = tensor_broadcasts(&op->a, "a", &op->c, "c", 2);
	return ret ? ret : tensor_broadcasts(&op->b, "b", &op->c, "c", 2);
}

/* The tensor of weights lies in panels: what there is to check is whose it is. */
static int weights_check(const struct accel_program *program, const struct accel_weights *weights)
{
	if (weights->buffer->context != program->context)
		return err(-EINVAL, "create them in the program's context",
			   "the weights belong to another context");
	return 0;
}

static void panels(struct loom_tensor *out, const struct accel_weights *weights)
{
	emit_operand(out, &weights->tensor);
	out->flags = htole16(LOOM_TENSOR_PANELS);
}

int emit_pack(const struct accel_program *program, const struct accel_weights *weights,
	      const struct accel_tensor *src, struct loom_pkt_pack *packet)
{
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_PACK, sizeof(*packet), "packing");
	if (!ret)
		ret = weights_check(program, weights);
	if (!ret)
		ret = tensor_check(program, src, "src", 0);
	if (ret)
		return ret;
	if (src->dtype != weights->tensor.dtype)
		return err(-EINVAL, "copy converts", "src is %s, the weights are %s",
			   accel_dtype_name(src->dtype), accel_dtype_name(weights->tensor.dtype));
	ret = tensor_same_shape(&weights->tensor, "weights", src, "src");
	if (ret)
		return ret;
	panels(&packet->dst, weights);
	emit_operand(&packet->src, src);
	return 0;
}

static int gemm_b(const struct accel_program *program, struct accel_gemm_op *op)
{
	if (!op->weights)
		return tensor_check(program, &op->b, "b", 0);
	if (!tensor_absent(&op->b))
		return err(-EINVAL, "leave one of them NULL", "both b and weights are given");
	op->b = op->weights->tensor;
	return weights_check(program, op->weights);
}

int emit_gemm(const struct accel_program *program, struct accel_gemm_op *op,
	      struct loom_pkt_gemm *packet)
{
	struct emit_tail tail;
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_GEMM, sizeof(*packet), "matrix products");
	if (!ret)
		ret = tensor_check(program, &op->a, "a", 0);
	if (!ret)
		ret = gemm_b(program, op);
	if (!ret)
		ret = tensor_check(program, &op->c, "c", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, &op->bias, "bias", TENSOR_OPTIONAL);
	if (!ret)
		ret = tensor_check(program, &op->scale, "scale", TENSOR_OPTIONAL);
	if (!ret)
		ret = tensor_check(program, &op->residual, "residual", TENSOR_OPTIONAL);
	if (!ret)
		ret = emit_product_types(&op->c, "c", &op->a, "a", &op->b, "b", "matrix product");
	if (!ret)
		ret = gemm_shapes(op);
	if (!ret)
		ret = emit_zero_point("a_zero", op->a_zero, op->a.dtype, &packet->a_zero);
	if (!ret)
		ret = emit_zero_point("b_zero", op->b_zero, op->b.dtype, &packet->b_zero);
	if (ret)
		return ret;
	tail = (struct emit_tail){
		.c = &op->c, .name = "c", .columns = op->c.dims[op->c.rank - 1],
		.factor = op->a.dtype, .bias = &op->bias, .scale = &op->scale,
		.residual = &op->residual, .act = op->act, .act_param = op->act_param,
		.zero = op->c_zero, .zero_name = "c_zero",
	};
	ret = emit_epilogue(program, &tail, &packet->epilogue);
	if (ret)
		return ret;
	emit_operand(&packet->c, &op->c);
	emit_operand(&packet->a, &op->a);
	if (op->weights)
		panels(&packet->b, op->weights);
	else
		emit_operand(&packet->b, &op->b);
	return 0;
}

static int eltwise_types(const struct accel_eltwise_op *op)
{
	enum accel_dtype d = op->dst.dtype, a = op->a.dtype, b = op->b.dtype;

	if (dtype_is_float(d) && dtype_is_float(a) && dtype_is_float(b))
		return 0;
	if (a != d || b != d || !(d == ACCEL_I32 || dtype_is_byte(d)))
		return err(-EINVAL, NULL, "dst is %s, a is %s, b is %s: all floats, or all i32, "
			   "all i8 or all u8", accel_dtype_name(d), accel_dtype_name(a),
			   accel_dtype_name(b));
	if (op->op == ACCEL_DIV)
		return err(-EINVAL, NULL, "division of %s: only floats divide",
			   accel_dtype_name(d));
	return 0;
}

int emit_eltwise(const struct accel_program *program, const struct accel_eltwise_op *op,
		 struct loom_pkt_eltwise *packet)
{
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_ELTWISE, sizeof(*packet),
			  "elementwise functions");
	if (ret)
		return ret;
	if ((unsigned int)op->op > ACCEL_MAX)
		return err(-EINVAL, NULL, "unknown function %u", (unsigned int)op->op);
	ret = tensor_check(program, &op->dst, "dst", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, &op->a, "a", 0);
	if (!ret)
		ret = tensor_check(program, &op->b, "b", 0);
	if (!ret)
		ret = eltwise_types(op);
	if (!ret)
		ret = tensor_broadcasts(&op->a, "a", &op->dst, "dst", 0);
	if (!ret)
		ret = tensor_broadcasts(&op->b, "b", &op->dst, "dst", 0);
	if (!ret)
		ret = emit_activation(program, op->act, op->act_param, !dtype_is_float(op->dst.dtype),
				      &packet->act, packet->act_param);
	if (ret)
		return ret;
	packet->op = htole32(op->op);
	emit_operand(&packet->dst, &op->dst);
	emit_operand(&packet->a, &op->a);
	emit_operand(&packet->b, &op->b);
	return 0;
}

static int unary_types(const struct accel_unary_op *op)
{
	enum accel_dtype d = op->dst.dtype, s = op->src.dtype;

	if (dtype_is_float(d) && dtype_is_float(s))
		return 0;
	if (s != d || !dtype_computes(d))
		return err(-EINVAL, NULL, "dst is %s, src is %s: both floats, or both i32, both i8 "
			   "or both u8", accel_dtype_name(d), accel_dtype_name(s));
	if (op->op > ACCEL_SQUARE)
		return err(-EINVAL, NULL, "function %u of %s: integers have those up to square",
			   (unsigned int)op->op, accel_dtype_name(d));
	return 0;
}

int emit_unary(const struct accel_program *program, const struct accel_unary_op *op,
	       struct loom_pkt_unary *packet)
{
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_UNARY, sizeof(*packet),
			  "functions of one tensor");
	if (ret)
		return ret;
	if ((unsigned int)op->op > ACCEL_TRUNC)
		return err(-EINVAL, NULL, "unknown function %u", (unsigned int)op->op);
	ret = tensor_check(program, &op->dst, "dst", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, &op->src, "src", 0);
	if (!ret)
		ret = unary_types(op);
	if (!ret)
		ret = tensor_same_shape(&op->dst, "dst", &op->src, "src");
	if (!ret)
		ret = emit_activation(program, op->act, op->act_param, !dtype_is_float(op->dst.dtype),
				      &packet->act, packet->act_param);
	if (ret)
		return ret;
	packet->op = htole32(op->op);
	emit_operand(&packet->dst, &op->dst);
	emit_operand(&packet->src, &op->src);
	return 0;
}

static int reduce_shape(const struct accel_reduce_op *op)
{
	char x[TENSOR_SHAPE_LEN], y[TENSOR_SHAPE_LEN];
	bool same = op->dst.rank == op->src.rank;

	for (uint32_t i = 0; same && i < op->src.rank; i++)
		same = op->dst.dims[i] == (op->axes >> i & 1 ? 1 : op->src.dims[i]);
	return same ? 0 : err(-EINVAL, "a reduced axis has length 1",
			      "src %s reduced along axes %#x does not give dst %s",
			      tensor_shape(&op->src, x), op->axes, tensor_shape(&op->dst, y));
}

static int reduce_types(const struct accel_reduce_op *op)
{
	enum accel_dtype d = op->dst.dtype, s = op->src.dtype;

	if (dtype_is_float(d) && dtype_is_float(s))
		return 0;
	if (dtype_is_float(s) || !dtype_computes(s) || (d != ACCEL_I32 && d != s))
		return err(-EINVAL, NULL, "dst is %s, src is %s: floats give floats; i32, i8 and "
			   "u8 give i32 or their own type", accel_dtype_name(d), accel_dtype_name(s));
	if (op->op == ACCEL_REDUCE_MEAN)
		return err(-EINVAL, NULL, "mean of %s: only of floats", accel_dtype_name(s));
	return 0;
}

int emit_reduce(const struct accel_program *program, const struct accel_reduce_op *op,
		struct loom_pkt_reduce *packet)
{
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_REDUCE, sizeof(*packet), "reductions");
	if (ret)
		return ret;
	if ((unsigned int)op->op > ACCEL_REDUCE_SUMABS)
		return err(-EINVAL, NULL, "unknown reduction %u", (unsigned int)op->op);
	ret = tensor_check(program, &op->dst, "dst", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, &op->src, "src", 0);
	if (!ret)
		ret = reduce_types(op);
	if (!ret)
		ret = emit_axes(&op->src, "src", op->axes, &packet->axes);
	if (!ret)
		ret = reduce_shape(op);
	if (ret)
		return ret;
	packet->op = htole32(op->op);
	emit_operand(&packet->dst, &op->dst);
	emit_operand(&packet->src, &op->src);
	return 0;
}

int emit_softmax(const struct accel_program *program, const struct accel_softmax_op *op,
		 struct loom_pkt_softmax *packet)
{
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_SOFTMAX, sizeof(*packet), "softmax");
	if (!ret)
		ret = tensor_check(program, &op->dst, "dst", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, &op->src, "src", 0);
	if (ret)
		return ret;
	if (!dtype_is_float(op->dst.dtype) || !dtype_is_float(op->src.dtype))
		return err(-EINVAL, NULL, "dst is %s, src is %s: softmax is of floats",
			   accel_dtype_name(op->dst.dtype), accel_dtype_name(op->src.dtype));
	ret = tensor_same_shape(&op->dst, "dst", &op->src, "src");
	if (!ret)
		ret = emit_axes(&op->src, "src", op->axes, &packet->axes);
	if (ret)
		return ret;
	packet->flags = htole32(op->log ? LOOM_SOFTMAX_LOG : 0);
	emit_operand(&packet->dst, &op->dst);
	emit_operand(&packet->src, &op->src);
	return emit_in_place(&packet->dst, &packet->src, &op->src, op->axes,
			     LOOM_SOFTMAX_IN_PLACE_MAX, "softmax");
}

int emit_copy(const struct accel_program *program, const struct accel_tensor *dst,
	      const struct accel_tensor *src, struct loom_pkt_copy *packet)
{
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_COPY, sizeof(*packet), "copies");
	if (!ret)
		ret = tensor_check(program, dst, "dst", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, src, "src", 0);
	if (ret)
		return ret;
	if (dst->dtype != src->dtype && !(dtype_computes(dst->dtype) && dtype_computes(src->dtype)))
		return err(-EINVAL, NULL, "dst is %s, src is %s: types convert among f32, f16, "
			   "bf16, i8, u8 and i32 only", accel_dtype_name(dst->dtype),
			   accel_dtype_name(src->dtype));
	ret = tensor_same_shape(dst, "dst", src, "src");
	if (ret)
		return ret;
	emit_operand(&packet->dst, dst);
	emit_operand(&packet->src, src);
	return 0;
}

int emit_fill(const struct accel_program *program, const struct accel_tensor *dst, uint64_t value,
	      struct loom_pkt_fill *packet)
{
	size_t size;
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_FILL, sizeof(*packet), "fills");
	if (!ret)
		ret = tensor_check(program, dst, "dst", TENSOR_WRITE);
	if (ret)
		return ret;
	size = accel_dtype_size(dst->dtype);
	if (size < 8 && value >> (8 * size))
		return err(-EINVAL, NULL, "value %#llx has more than the %zu bytes of %s",
			   (unsigned long long)value, size, accel_dtype_name(dst->dtype));
	packet->value = htole64(value);
	emit_operand(&packet->dst, dst);
	return 0;
}

static int word(const struct accel_program *program, const struct accel_buffer *buffer,
		uint64_t offset, __le64 *va)
{
	if (!buffer)
		return err(-EINVAL, NULL, "buffer is NULL");
	if (buffer->context != program->context)
		return err(-EINVAL, "allocate it in the program's context",
			   "the buffer belongs to another context");
	if (offset % 8)
		return err(-EINVAL, NULL, "offset %llu is not a multiple of 8",
			   (unsigned long long)offset);
	if (buffer->size < 8 || offset > buffer->size - 8)
		return err(-EINVAL, NULL, "8 bytes at offset %llu are not within a buffer of %llu",
			   (unsigned long long)offset, (unsigned long long)buffer->size);
	if (buffer->flags & ACCEL_BUFFER_READONLY)
		return err(-EINVAL, NULL, "the buffer is read-only");
	*va = htole64(buffer->va + offset);
	return 0;
}

int emit_fence(const struct accel_program *program, const struct accel_buffer *buffer,
	       uint64_t offset, uint64_t value, struct loom_pkt_fence *packet)
{
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_FENCE, sizeof(*packet), "fences");
	if (!ret)
		ret = word(program, buffer, offset, &packet->va);
	packet->value = htole64(value);
	return ret;
}

int emit_timestamp(const struct accel_program *program, const struct accel_buffer *buffer,
		   uint64_t offset, struct loom_pkt_timestamp *packet)
{
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_TIMESTAMP, sizeof(*packet), "timestamps");
	return ret ? ret : word(program, buffer, offset, &packet->va);
}

int emit_hang(const struct accel_program *program, bool busy, struct loom_pkt_hang *packet)
{
	struct accel_device *device = program->context->device;
	int ret;

	if (!accel_device_has(device, ACCEL_CAP_DEBUG))
		return err(-EOPNOTSUPP, "open sim:debug=1, or start QEMU with x-debug=on",
			   "%s has no HANG packet: its debug feature is off", device->props.id);
	ret = emit_header(program, &packet->header, LOOM_OP_HANG, sizeof(*packet), "HANG packets");
	packet->flags = htole64(busy ? LOOM_HANG_BUSY : 0);
	return ret;
}

int emit_check_raw(const void *packets, size_t size)
{
	const uint8_t *p = packets;
	struct loom_pkt_header head;
	size_t at = 0;

	if (size % 8)
		return err(-EINVAL, NULL, "%zu bytes of packets, not a multiple of 8", size);
	while (at < size) {
		size_t len;

		if (size - at < sizeof(head))
			return err(-EINVAL, NULL, "%zu bytes are left at offset %zu, a packet's "
				   "header has %zu", size - at, at, sizeof(head));
		memcpy(&head, p + at, sizeof(head));
		len = le32toh(head.size);
		if (len < sizeof(head) || len % 8 || len > size - at)
			return err(-EINVAL, NULL, "the packet at offset %zu says it has %zu bytes",
				   at, len);
		at += len;
	}
	return 0;
}
