// SPDX-License-Identifier: MIT
#include "packet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <accel/accel.h>

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static const char *const acts[] = {
	[LOOM_ACT_NONE] = "none", [LOOM_ACT_RELU] = "relu", [LOOM_ACT_CLIP] = "clip",
	[LOOM_ACT_LEAKY] = "leaky", [LOOM_ACT_ELU] = "elu", [LOOM_ACT_SELU] = "selu",
	[LOOM_ACT_SIGMOID] = "sigmoid", [LOOM_ACT_TANH] = "tanh",
	[LOOM_ACT_SOFTPLUS] = "softplus", [LOOM_ACT_SILU] = "silu", [LOOM_ACT_GELU] = "gelu",
	[LOOM_ACT_GELU_TANH] = "gelu-tanh", [LOOM_ACT_HARD_SIGMOID] = "hard-sigmoid",
	[LOOM_ACT_HARD_SWISH] = "hard-swish",
};

static const char *const eltwise_ops[] = {
	[LOOM_ELTWISE_ADD] = "add", [LOOM_ELTWISE_SUB] = "sub", [LOOM_ELTWISE_MUL] = "mul",
	[LOOM_ELTWISE_DIV] = "div", [LOOM_ELTWISE_MIN] = "min", [LOOM_ELTWISE_MAX] = "max",
};

static const char *const unary_ops[] = {
	[LOOM_UNARY_IDENTITY] = "identity", [LOOM_UNARY_NEG] = "neg", [LOOM_UNARY_ABS] = "abs",
	[LOOM_UNARY_SIGN] = "sign", [LOOM_UNARY_SQUARE] = "square", [LOOM_UNARY_SQRT] = "sqrt",
	[LOOM_UNARY_RSQRT] = "rsqrt", [LOOM_UNARY_RECIPROCAL] = "reciprocal",
	[LOOM_UNARY_EXP] = "exp", [LOOM_UNARY_LOG] = "log", [LOOM_UNARY_ERF] = "erf",
	[LOOM_UNARY_FLOOR] = "floor", [LOOM_UNARY_CEIL] = "ceil", [LOOM_UNARY_ROUND] = "round",
	[LOOM_UNARY_TRUNC] = "trunc",
};

static const char *const reduce_ops[] = {
	[LOOM_REDUCE_SUM] = "sum", [LOOM_REDUCE_MEAN] = "mean", [LOOM_REDUCE_PROD] = "prod",
	[LOOM_REDUCE_MIN] = "min", [LOOM_REDUCE_MAX] = "max", [LOOM_REDUCE_SUMSQ] = "sumsq",
	[LOOM_REDUCE_SUMABS] = "sumabs",
};

static const char *const norm_ops[] = {
	[LOOM_NORM_LAYER] = "layer", [LOOM_NORM_RMS] = "rms", [LOOM_NORM_GIVEN] = "given",
};

static const char *const gather_ops[] = {
	[LOOM_GATHER_TAKE] = "take", [LOOM_GATHER_SUM] = "sum", [LOOM_GATHER_PUT] = "put",
};

static const char *const arg_ops[] = {
	[LOOM_ARG_MIN] = "min", [LOOM_ARG_MAX] = "max",
};

static const char *const quant_ops[] = {
	[LOOM_QUANT_TO] = "to", [LOOM_QUANT_FROM] = "from",
};

static const char *const pool_ops[] = {
	[LOOM_POOL_MAX] = "max", [LOOM_POOL_AVERAGE] = "average", [LOOM_POOL_L1] = "l1",
	[LOOM_POOL_L2] = "l2",
};

/* Members of the structures; @type is the structure's name without loom_pkt_. */
#define TENSOR(type, member)	{ #member, offsetof(struct loom_pkt_##type, member), false }
#define WORD(type, member)	{ #member, offsetof(struct loom_pkt_##type, member), true }
#define EPILOGUE_TENSORS(type)						\
	{ "bias", offsetof(struct loom_pkt_##type, epilogue.bias), false },	\
	{ "scale", offsetof(struct loom_pkt_##type, epilogue.scale), false },	\
	{ "residual", offsetof(struct loom_pkt_##type, epilogue.residual), false }

#define BYTES(type, member)	sizeof(((struct loom_pkt_##type *)0)->member)
#define FIELD(type, member, format)					\
	{ #member, offsetof(struct loom_pkt_##type, member), BYTES(type, member), 1, format, 0, NULL }
#define NAMED(type, label, member, names)					\
	{ label, offsetof(struct loom_pkt_##type, member), 4, 1, 0, COUNT(names), names }
#define ARRAY(type, label, member, format)				\
	{ label, offsetof(struct loom_pkt_##type, member), 4, BYTES(type, member) / 4, format, 0, NULL }
#define WINDOW(type)							\
	ARRAY(type, "stride", window.stride, PACKET_UNSIGNED),		\
	ARRAY(type, "dilation", window.dilation, PACKET_UNSIGNED),	\
	ARRAY(type, "spacing", window.spacing, PACKET_UNSIGNED),		\
	ARRAY(type, "before", window.before, PACKET_SIGNED)
#define EPILOGUE(type)							\
	NAMED(type, "act", epilogue.act, acts),				\
	ARRAY(type, "act_param", epilogue.act_param, PACKET_FLOAT),	\
	ARRAY(type, "zero", epilogue.zero, PACKET_SIGNED)

#define OPERANDS(...)	(const struct packet_operand[]){ __VA_ARGS__, { 0 } }
#define FIELDS(...)	(const struct packet_field[]){ __VA_ARGS__, { 0 } }
#define NOTHING		{ 0 }

static const struct packet_kind kinds[] = {
	{ LOOM_OP_NOP, sizeof(struct loom_pkt_header), OPERANDS(NOTHING), FIELDS(NOTHING) },
	{ LOOM_OP_FENCE, sizeof(struct loom_pkt_fence), OPERANDS(WORD(fence, va)),
	  FIELDS(FIELD(fence, value, PACKET_HEX)) },
	{ LOOM_OP_TIMESTAMP, sizeof(struct loom_pkt_timestamp), OPERANDS(WORD(timestamp, va)),
	  FIELDS(NOTHING) },
	{ LOOM_OP_COPY, sizeof(struct loom_pkt_copy), OPERANDS(TENSOR(copy, dst), TENSOR(copy, src)),
	  FIELDS(FIELD(copy, flags, PACKET_HEX)) },
	{ LOOM_OP_FILL, sizeof(struct loom_pkt_fill), OPERANDS(TENSOR(fill, dst)),
	  FIELDS(FIELD(fill, value, PACKET_HEX)) },
	{ LOOM_OP_ELTWISE, sizeof(struct loom_pkt_eltwise),
	  OPERANDS(TENSOR(eltwise, dst), TENSOR(eltwise, a), TENSOR(eltwise, b)),
	  FIELDS(NAMED(eltwise, "op", op, eltwise_ops), NAMED(eltwise, "act", act, acts),
		 ARRAY(eltwise, "act_param", act_param, PACKET_FLOAT)) },
	{ LOOM_OP_UNARY, sizeof(struct loom_pkt_unary),
	  OPERANDS(TENSOR(unary, dst), TENSOR(unary, src)),
	  FIELDS(NAMED(unary, "op", op, unary_ops), NAMED(unary, "act", act, acts),
		 ARRAY(unary, "act_param", act_param, PACKET_FLOAT)) },
	{ LOOM_OP_REDUCE, sizeof(struct loom_pkt_reduce),
	  OPERANDS(TENSOR(reduce, dst), TENSOR(reduce, src)),
	  FIELDS(NAMED(reduce, "op", op, reduce_ops), FIELD(reduce, axes, PACKET_HEX),
		 FIELD(reduce, flags, PACKET_HEX)) },
	{ LOOM_OP_SOFTMAX, sizeof(struct loom_pkt_softmax),
	  OPERANDS(TENSOR(softmax, dst), TENSOR(softmax, src)),
	  FIELDS(FIELD(softmax, flags, PACKET_HEX), FIELD(softmax, axes, PACKET_HEX)) },
	{ LOOM_OP_NORM, sizeof(struct loom_pkt_norm),
	  OPERANDS(TENSOR(norm, dst), TENSOR(norm, src), TENSOR(norm, weight), TENSOR(norm, bias),
		   TENSOR(norm, mean), TENSOR(norm, variance)),
	  FIELDS(NAMED(norm, "op", op, norm_ops), FIELD(norm, axes, PACKET_HEX),
		 FIELD(norm, epsilon, PACKET_FLOAT), FIELD(norm, flags, PACKET_HEX)) },
	{ LOOM_OP_GATHER, sizeof(struct loom_pkt_gather),
	  OPERANDS(TENSOR(gather, dst), TENSOR(gather, src), TENSOR(gather, indices)),
	  FIELDS(NAMED(gather, "op", op, gather_ops), FIELD(gather, axis, PACKET_UNSIGNED),
		 FIELD(gather, flags, PACKET_HEX)) },
	{ LOOM_OP_RESIZE, sizeof(struct loom_pkt_resize),
	  OPERANDS(TENSOR(resize, dst), TENSOR(resize, src), TENSOR(resize, places),
		   TENSOR(resize, weights)),
	  FIELDS(FIELD(resize, axis, PACKET_UNSIGNED), FIELD(resize, flags, PACKET_HEX),
		 FIELD(resize, value, PACKET_HEX)) },
	{ LOOM_OP_ARG, sizeof(struct loom_pkt_arg), OPERANDS(TENSOR(arg, dst), TENSOR(arg, src)),
	  FIELDS(NAMED(arg, "op", op, arg_ops), FIELD(arg, axis, PACKET_UNSIGNED),
		 FIELD(arg, flags, PACKET_HEX)) },
	{ LOOM_OP_QUANT, sizeof(struct loom_pkt_quant),
	  OPERANDS(TENSOR(quant, dst), TENSOR(quant, src), TENSOR(quant, scale),
		   TENSOR(quant, zero)),
	  FIELDS(NAMED(quant, "op", op, quant_ops), FIELD(quant, flags, PACKET_HEX)) },
	{ LOOM_OP_POOL, sizeof(struct loom_pkt_pool),
	  OPERANDS(TENSOR(pool, y), TENSOR(pool, x), TENSOR(pool, indices)),
	  FIELDS(NAMED(pool, "op", op, pool_ops), FIELD(pool, flags, PACKET_HEX),
		 ARRAY(pool, "taps", taps, PACKET_UNSIGNED), WINDOW(pool),
		 ARRAY(pool, "after", after, PACKET_UNSIGNED)) },
	{ LOOM_OP_GEMM, sizeof(struct loom_pkt_gemm),
	  OPERANDS(TENSOR(gemm, c), TENSOR(gemm, a), TENSOR(gemm, b), EPILOGUE_TENSORS(gemm)),
	  FIELDS(FIELD(gemm, flags, PACKET_HEX), FIELD(gemm, a_zero, PACKET_SIGNED),
		 FIELD(gemm, b_zero, PACKET_SIGNED), EPILOGUE(gemm)) },
	{ LOOM_OP_CONV, sizeof(struct loom_pkt_conv),
	  OPERANDS(TENSOR(conv, y), TENSOR(conv, x), TENSOR(conv, w), EPILOGUE_TENSORS(conv)),
	  FIELDS(FIELD(conv, flags, PACKET_HEX), FIELD(conv, x_zero, PACKET_SIGNED),
		 FIELD(conv, w_zero, PACKET_SIGNED), WINDOW(conv), EPILOGUE(conv)) },
	{ LOOM_OP_PACK, sizeof(struct loom_pkt_pack), OPERANDS(TENSOR(pack, dst), TENSOR(pack, src)),
	  FIELDS(FIELD(pack, flags, PACKET_HEX)) },
	{ LOOM_OP_HANG, sizeof(struct loom_pkt_hang), OPERANDS(NOTHING),
	  FIELDS(FIELD(hang, flags, PACKET_HEX)) },
};

bool packet_next(const uint8_t *program, uint64_t size, uint64_t *at, struct packet *packet)
{
	struct loom_pkt_header *header = &packet->header;

	if (*at > size || size - *at < sizeof(*header))
		return false;
	packet->data = program + *at;
	packet->kind = NULL;
	memcpy(header, packet->data, sizeof(*header));
	if (header->size < sizeof(*header) || header->size % 8 || header->size > size - *at)
		return false;
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i].opcode == header->opcode && header->version == LOOM_PKT_VERSION &&
		    kinds[i].size <= header->size)
			packet->kind = &kinds[i];
	*at += header->size;
	return true;
}

void packet_tensor(const struct packet *packet, const struct packet_operand *operand,
		   struct loom_tensor *tensor)
{
	const uint8_t *data = packet->data + operand->offset;

	if (operand->word) {
		*tensor = (struct loom_tensor){ .dtype = LOOM_DTYPE_U64 };
		memcpy(&tensor->va, data, sizeof(tensor->va));
	} else {
		memcpy(tensor, data, sizeof(*tensor));
	}
}

uint64_t packet_value(const struct packet *packet, const struct packet_field *field,
		      unsigned int index)
{
	uint64_t value = 0;

	memcpy(&value, packet->data + field->offset + index * field->size, field->size);
	return value;
}

const char *packet_field_text(const struct packet *packet, const struct packet_field *field,
			      char *text, size_t size)
{
	size_t used = 0;

	for (unsigned int i = 0; i < field->count && used < size; i++) {
		uint64_t value = packet_value(packet, field, i);
		uint32_t bits = (uint32_t)value;
		const char *gap = i ? "," : "";
		float real;

		memcpy(&real, &bits, sizeof(real));
		if (value < field->nnames)
			used += (size_t)snprintf(text + used, size - used, "%s%s", gap, field->names[value]);
		else if (field->format == PACKET_HEX && !field->nnames)
			used += (size_t)snprintf(text + used, size - used, "%s%#" PRIx64, gap, value);
		else if (field->format == PACKET_SIGNED)
			used += (size_t)snprintf(text + used, size - used, "%s%" PRId32, gap, (int32_t)bits);
		else if (field->format == PACKET_FLOAT)
			used += (size_t)snprintf(text + used, size - used, "%s%.9g", gap, (double)real);
		else
			used += (size_t)snprintf(text + used, size - used, "%s%" PRIu64, gap, value);
	}
	return text;
}

const char *tensor_text(const struct loom_tensor *tensor, char *text, size_t size)
{
	const char *type = accel_dtype_name((enum accel_dtype)tensor->dtype);
	unsigned int rank = tensor->rank < LOOM_RANK_MAX ? tensor->rank : LOOM_RANK_MAX;
	bool panels = tensor->flags & LOOM_TENSOR_PANELS, plain = true;
	uint64_t stride = 1;
	size_t used;

	if (tensor->dtype == LOOM_DTYPE_NONE)
		used = (size_t)snprintf(text, size, "none");
	else if (type)
		used = (size_t)snprintf(text, size, "%s", type);
	else
		used = (size_t)snprintf(text, size, "type %u", tensor->dtype);
	for (unsigned int i = 0; i < rank && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%" PRIu32 "%s", i ? "," : "[",
					 tensor->dims[i], i + 1 == rank ? "]" : "");
	if (used < size)
		used += (size_t)snprintf(text + used, size - used, " at %#" PRIx64, (uint64_t)tensor->va);
	/* Panels have no strides of their last two axes. */
	for (unsigned int i = rank; i-- > 0;) {
		if (!(panels && i + 2 >= rank) && tensor->dims[i] != 1 && tensor->strides[i] != stride)
			plain = false;
		stride *= tensor->dims[i];
	}
	for (unsigned int i = 0; i < rank && !plain && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%" PRId64,
					 i ? "," : ", strides ", (int64_t)tensor->strides[i]);
	if (panels && used < size)
		used += (size_t)snprintf(text + used, size - used, ", in panels");
	if (tensor->rank > LOOM_RANK_MAX && used < size)
		snprintf(text + used, size - used, ", of rank %u", tensor->rank);
	return text;
}
