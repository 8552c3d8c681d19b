/* SPDX-License-Identifier: MIT */
/*
 * Packets: checks of operations, and the bytes of loom_isa.h. Appends nothing
 * anywhere.
 */
#ifndef ACCEL_PRIV_EMIT_H
#define ACCEL_PRIV_EMIT_H

#include "loom_isa.h"
#include "object.h"

int emit_pack(const struct accel_program *program, const struct accel_weights *weights,
	      const struct accel_tensor *src, struct loom_pkt_pack *packet);
int emit_gemm(const struct accel_program *program, struct accel_gemm_op *op,
	      struct loom_pkt_gemm *packet);
int emit_eltwise(const struct accel_program *program, const struct accel_eltwise_op *op,
		 struct loom_pkt_eltwise *packet);
int emit_unary(const struct accel_program *program, const struct accel_unary_op *op,
	       struct loom_pkt_unary *packet);
int emit_reduce(const struct accel_program *program, const struct accel_reduce_op *op,
		struct loom_pkt_reduce *packet);
int emit_softmax(const struct accel_program *program, const struct accel_softmax_op *op,
		 struct loom_pkt_softmax *packet);
/** emit_window() - a window over @axes spatial axes. */
int emit_window(const struct accel_window *window, uint32_t axes, struct loom_window *out);
int emit_conv(const struct accel_program *program, const struct accel_conv_op *op,
	      struct loom_pkt_conv *packet);
int emit_gather(const struct accel_program *program, const struct accel_gather_op *op,
		struct loom_pkt_gather *packet);
int emit_resize(const struct accel_program *program, const struct accel_resize_op *op,
		struct loom_pkt_resize *packet);
int emit_arg(const struct accel_program *program, const struct accel_arg_op *op,
	     struct loom_pkt_arg *packet);
int emit_quant(const struct accel_program *program, const struct accel_quant_op *op,
	       struct loom_pkt_quant *packet);
int emit_norm(const struct accel_program *program, const struct accel_norm_op *op,
	      struct loom_pkt_norm *packet);
int emit_pool(const struct accel_program *program, const struct accel_pool_op *op,
	      struct loom_pkt_pool *packet);
int emit_copy(const struct accel_program *program, const struct accel_tensor *dst,
	      const struct accel_tensor *src, struct loom_pkt_copy *packet);
int emit_fill(const struct accel_program *program, const struct accel_tensor *dst, uint64_t value,
	      struct loom_pkt_fill *packet);
int emit_fence(const struct accel_program *program, const struct accel_buffer *buffer,
	       uint64_t offset, uint64_t value, struct loom_pkt_fence *packet);
int emit_timestamp(const struct accel_program *program, const struct accel_buffer *buffer,
		   uint64_t offset, struct loom_pkt_timestamp *packet);
int emit_hang(const struct accel_program *program, bool busy, struct loom_pkt_hang *packet);

/** emit_check_raw() - lengths and alignment of packets from elsewhere. */
int emit_check_raw(const void *packets, size_t size);

#endif
