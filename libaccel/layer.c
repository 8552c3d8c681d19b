// SPDX-License-Identifier: MIT
/* Operations of network layers, appended to programs. */
#include "emit.h"
#include "program.h"
#include "sized.h"

ACCEL_API int accel_program_conv(struct accel_program *program, const struct accel_conv_op *op)
{
	API_ENTER;
	struct loom_pkt_conv packet;
	struct accel_conv_op o;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = sized_in(&o, sizeof(o), op, "struct accel_conv_op");
	if (!ret)
		ret = emit_conv(program, &o, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ o.x.buffer, o.w.buffer, o.y.buffer,
							 o.bias.buffer, o.scale.buffer,
							 o.residual.buffer }, 6);
}

ACCEL_API int accel_program_pool(struct accel_program *program, const struct accel_pool_op *op)
{
	API_ENTER;
	struct loom_pkt_pool packet;
	struct accel_pool_op o;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = sized_in(&o, sizeof(o), op, "struct accel_pool_op");
	if (!ret)
		ret = emit_pool(program, &o, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ o.x.buffer, o.y.buffer,
							 o.indices.buffer }, 3);
}

ACCEL_API int accel_program_norm(struct accel_program *program, const struct accel_norm_op *op)
{
	API_ENTER;
	struct loom_pkt_norm packet;
	struct accel_norm_op o;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = sized_in(&o, sizeof(o), op, "struct accel_norm_op");
	if (!ret)
		ret = emit_norm(program, &o, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ o.dst.buffer, o.src.buffer,
							 o.weight.buffer, o.bias.buffer,
							 o.mean.buffer, o.variance.buffer }, 6);
}

ACCEL_API int accel_program_gather(struct accel_program *program,
				   const struct accel_gather_op *op)
{
	API_ENTER;
	struct loom_pkt_gather packet;
	struct accel_gather_op o;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = sized_in(&o, sizeof(o), op, "struct accel_gather_op");
	if (!ret)
		ret = emit_gather(program, &o, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ o.dst.buffer, o.src.buffer,
							 o.indices.buffer }, 3);
}

ACCEL_API int accel_program_quant(struct accel_program *program, const struct accel_quant_op *op)
{
	API_ENTER;
	struct loom_pkt_quant packet;
	struct accel_quant_op o;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = sized_in(&o, sizeof(o), op, "struct accel_quant_op");
	if (!ret)
		ret = emit_quant(program, &o, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ o.dst.buffer, o.src.buffer,
							 o.scale.buffer, o.zero.buffer }, 4);
}

ACCEL_API int accel_program_resize(struct accel_program *program,
				   const struct accel_resize_op *op)
{
	API_ENTER;
	struct loom_pkt_resize packet;
	struct accel_resize_op o;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = sized_in(&o, sizeof(o), op, "struct accel_resize_op");
	if (!ret)
		ret = emit_resize(program, &o, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ o.dst.buffer, o.src.buffer,
							 o.places.buffer, o.weights.buffer }, 4);
}

ACCEL_API int accel_program_arg(struct accel_program *program, const struct accel_arg_op *op)
{
	API_ENTER;
	struct loom_pkt_arg packet;
	struct accel_arg_op o;
	int ret;

	ret = program_can_append(program);
	if (!ret)
		ret = sized_in(&o, sizeof(o), op, "struct accel_arg_op");
	if (!ret)
		ret = emit_arg(program, &o, &packet);
	if (ret)
		return ret;
	return program_append(program, &packet, sizeof(packet),
			      (struct accel_buffer *[]){ o.dst.buffer, o.src.buffer }, 2);
}
