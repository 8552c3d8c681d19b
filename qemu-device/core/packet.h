/* SPDX-License-Identifier: MIT */
/* Inside the decoder: what the packets have in common. */
#ifndef LOOM_PACKET_H
#define LOOM_PACKET_H

#include <endian.h>
#include <errno.h>

#include "engine.h"

#define NO_OPERAND	0xff

static inline int reject(struct loom_decode_error *error, unsigned int code, unsigned int operand)
{
	error->code = (uint8_t)code;
	error->operand = (uint8_t)operand;
	return -EINVAL;
}

static inline bool all_zero(const void *mem, size_t len)
{
	const uint8_t *p = mem;

	while (len--)
		if (*p++)
			return false;
	return true;
}

static inline bool same_shape(const struct loom_operand *a, const struct loom_operand *b)
{
	return a->rank == b->rank && !memcmp(a->dims, b->dims, sizeof(a->dims));
}

/** loom_packet_operand() - decode and check the next operand; @flags: LOOM_TENSOR_* it may have. */
int loom_packet_operand(struct loom_work *work, const struct loom_tensor *tensor, bool write,
			bool optional, unsigned int flags, struct loom_decode_error *error);

/** loom_packet_tensor() - the same without flags. */
int loom_packet_tensor(struct loom_work *work, const struct loom_tensor *tensor, bool write,
		       bool optional, struct loom_decode_error *error);

/** loom_packet_place() - address range of an operand whose shape has been checked. */
int loom_packet_place(struct loom_operand *op, uint64_t va, struct loom_decode_error *error,
		      unsigned int index);

/**
 * loom_packet_broadcasts() - does @op broadcast to @dst, leaving out the last @skip axes of both?
 *
 * Aligned at the last axis; absent or 1 repeats.
 */
bool loom_packet_broadcasts(const struct loom_operand *op, const struct loom_operand *dst,
			    unsigned int skip);

/** loom_packet_axes() - bits of axes that @op has. */
int loom_packet_axes(const struct loom_operand *op, uint32_t axes,
		     struct loom_decode_error *error);

/** loom_packet_in_place() - exactly on operand 0, operand 1 has @most elements along @axes. */
int loom_packet_in_place(const struct loom_work *work, uint32_t axes, uint32_t most,
			 struct loom_decode_error *error);

/** loom_packet_act() - an activation and its parameters. */
int loom_packet_act(uint32_t act, const __le32 *bits, bool integer, float *param,
		    struct loom_decode_error *error);

/** loom_packet_zero() - a zero point: in the range of @dtype, 0 unless that is an 8-bit type. */
int loom_packet_zero(__le32 field, unsigned int dtype, int32_t *zero,
		     struct loom_decode_error *error, unsigned int operand);

/** loom_packet_window() - a window over @axes spatial axes. */
int loom_packet_window(const struct loom_window *window, unsigned int axes, struct loom_work *work,
		       struct loom_decode_error *error);

/** loom_packet_product() - types of the result and the factors, operands 0, 1 and 2. */
int loom_packet_product(const struct loom_work *work, struct loom_decode_error *error);

/** loom_packet_epilogue() - operands 3, 4 and 5, for u.gemm.n columns, and the rest of it. */
int loom_packet_epilogue(const struct loom_epilogue *epilogue, struct loom_work *work,
			 struct loom_decode_error *error);

int loom_packet_gemm(const void *packet, struct loom_work *work, struct loom_decode_error *error);
int loom_packet_pack(const void *packet, struct loom_work *work, struct loom_decode_error *error);
int loom_packet_gather(const void *packet, struct loom_work *work,
		       struct loom_decode_error *error);
int loom_packet_resize(const void *packet, struct loom_work *work,
		       struct loom_decode_error *error);
int loom_packet_arg(const void *packet, struct loom_work *work, struct loom_decode_error *error);
int loom_packet_quant(const void *packet, struct loom_work *work, struct loom_decode_error *error);
int loom_packet_norm(const void *packet, struct loom_work *work, struct loom_decode_error *error);
int loom_packet_pool(const void *packet, struct loom_work *work, struct loom_decode_error *error);
int loom_packet_conv(const void *packet, struct loom_work *work, struct loom_decode_error *error);

#endif
