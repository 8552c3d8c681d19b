// SPDX-License-Identifier: MIT
/*
 * The decoder: rules of products, convolutions, panels and quantisation, see t-packet.c.
 */
#include "decode.h"

static void panels(void)
{
	ACCEPT(a_pack(LOOM_DTYPE_F32), p.header.tag = 1);
	ACCEPT(a_pack(LOOM_DTYPE_BF16), p.header.tag = 1);
	ACCEPT(a_pack(LOOM_DTYPE_U8), p.header.tag = 1);
	ACCEPT(a_pack(LOOM_DTYPE_F32), p.pack.src.strides[1] = 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.flags = 1, FLAGS, NONE);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.flags = 3, FLAGS, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.src.flags = 1, FLAGS, 1);
	BREAK(a_pack(LOOM_DTYPE_F32), (p.pack.dst = p.pack.src, p.pack.dst.va = 0x40000), FLAGS, 0);
	BREAK(a_pack(LOOM_DTYPE_I32), p.header.tag = 1, DTYPE, 0);
	BREAK(a_pack(LOOM_DTYPE_F64), p.header.tag = 1, DTYPE, 0);
	BREAK(a_pack(LOOM_DTYPE_I8), p.pack.src.dtype = LOOM_DTYPE_U8, DTYPE, 1);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.src.dims[0] = 1, SHAPE, 1);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.src.dims[2] = 39, SHAPE, 1);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.strides[1] = 1, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.strides[2] = -1ull, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.strides[0] = 0, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.strides[0] = 1288, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_I8), p.pack.dst.strides[0] = 1296, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.strides[0] = 1ull << 62, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.strides[0] = 1ull << 60, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.va = 0x10020, TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), (p.pack.dst.rank = 1, p.pack.dst.dims[1] = 0,
				       p.pack.dst.dims[2] = 0, p.pack.dst.strides[0] = 0),
	      TENSOR, 0);
	/* with its padding: [0] at 5120, both panels of 640 bytes */
	ACCEPT(a_pack(LOOM_DTYPE_F32), p.pack.dst.va = TOP - 5120 - 1280);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.va = TOP - 5120 - 1280 + 64, TENSOR, 0);
	ACCEPT(a_pack(LOOM_DTYPE_F32), (p.pack.dst.strides[0] = -1280ull, p.pack.dst.va = 5120));
	BREAK(a_pack(LOOM_DTYPE_F32), (p.pack.dst.strides[0] = -1280ull, p.pack.dst.va = 5056),
	      TENSOR, 0);
	BREAK(a_pack(LOOM_DTYPE_F32), p.pack.dst.dims[1] = p.pack.dst.dims[2] = LOOM_DIM_MAX,
	      TENSOR, 0);
	ACCEPT(a_panel_gemm(), p.header.tag = 1);
	ACCEPT(a_panel_gemm(), p.gemm.b.strides[0] = 0);
	BREAK(a_panel_gemm(), p.gemm.b.strides[1] = 6, TENSOR, 2);
	BREAK(a_panel_gemm(), p.gemm.b.flags = 2, FLAGS, 2);
	BREAK(a_panel_gemm(), p.gemm.b.va = 0x30004, TENSOR, 2);
	BREAK(a_panel_gemm(), p.gemm.b.dims[1] = 4, SHAPE, 2);
	BREAK(a_panel_gemm(), p.gemm.b.dtype = LOOM_DTYPE_I32, DTYPE, 2);
	BREAK(a_panel_gemm(), p.gemm.a.flags = 1, FLAGS, 1);
	BREAK(a_panel_gemm(), p.gemm.c.flags = 1, FLAGS, 0);
	BREAK(a_panel_gemm(), p.gemm.epilogue.residual.flags = 1, FLAGS, 5);
}

static void gemms(void)
{
	ACCEPT(FLOAT, p.gemm.c.dtype = LOOM_DTYPE_I8);
	ACCEPT(a_gemm(LOOM_DTYPE_BF16, LOOM_DTYPE_F16), p.header.tag = 0);
	ACCEPT(INT, p.gemm.c.dtype = LOOM_DTYPE_BF16);
	ACCEPT(INT, (p.gemm.a.dtype = LOOM_DTYPE_U8, p.gemm.a_zero = 255));
	ACCEPT(WIDE, p.gemm.epilogue.act = LOOM_ACT_RELU);
	BREAK(FLOAT, p.gemm.flags = 1, FLAGS, NONE);
	BREAK(FLOAT, p.gemm.c.dtype = LOOM_DTYPE_I32, DTYPE, 0);
	BREAK(FLOAT, p.gemm.c.dtype = LOOM_DTYPE_F64, DTYPE, 0);
	BREAK(INT, p.gemm.c.dtype = LOOM_DTYPE_U32, DTYPE, 0);
	BREAK(FLOAT, p.gemm.a.dtype = LOOM_DTYPE_I32, DTYPE, 1);
	BREAK(FLOAT, p.gemm.b.dtype = LOOM_DTYPE_F16, DTYPE, 2);
	BREAK(FLOAT, p.gemm.b.dtype = LOOM_DTYPE_I8, DTYPE, 2);
	BREAK(INT, p.gemm.b.dtype = LOOM_DTYPE_F32, DTYPE, 2);
	BREAK(INT, p.gemm.b.dtype = LOOM_DTYPE_I16, DTYPE, 2);
	BREAK(FLOAT, p.gemm.a.dtype = LOOM_DTYPE_NONE, DTYPE, 1);
	BREAK(FLOAT, p.gemm.a_zero = 1, PARAM, 1);
	BREAK(FLOAT, p.gemm.b_zero = 1, PARAM, 2);
	ACCEPT(INT, (p.gemm.a_zero = -128u, p.gemm.b_zero = 127));
	BREAK(INT, p.gemm.a_zero = 128, PARAM, 1);
	BREAK(INT, p.gemm.b_zero = -129u, PARAM, 2);
	BREAK(WIDE, p.gemm.a_zero = -1u, PARAM, 1);
	BREAK(WIDE, p.gemm.b_zero = 256, PARAM, 2);
	BREAK(FLOAT, tensor(&p.gemm.c, LOOM_DTYPE_F32, 0x10000, DIMS(6)), SHAPE, 0);
	BREAK(FLOAT, tensor(&p.gemm.a, LOOM_DTYPE_F32, 0x20000, DIMS(5)), SHAPE, 1);
	BREAK(FLOAT, tensor(&p.gemm.b, LOOM_DTYPE_F32, 0x20000, DIMS(5)), SHAPE, 2);
	BREAK(FLOAT, p.gemm.a.dims[0] = 3, SHAPE, 1);
	BREAK(FLOAT, p.gemm.a.dims[0] = 1, SHAPE, 1);
	BREAK(FLOAT, p.gemm.a.dims[1] = 4, SHAPE, 2);
	BREAK(FLOAT, p.gemm.b.dims[1] = 1, SHAPE, 2);
	BREAK(FLOAT, p.gemm.b.dims[2] = 1, SHAPE, 2);
	BREAK(FLOAT, p.gemm.b.dims[0] = 3, SHAPE, 2);
	ACCEPT(FLOAT, p.gemm.b.dims[0] = 1);
	BREAK(FLOAT, tensor(&p.gemm.a, LOOM_DTYPE_F32, 0x20000, DIMS(1, 2, 4, 5)), SHAPE, 1);
	ACCEPT(FLOAT, (p.gemm.a.dims[1] = 0, p.gemm.b.dims[1] = 0));
	tap_ok(decoded.tiles && !decoded.u.gemm.k, "K = 0 has a result");
	ACCEPT(FLOAT, (p.gemm.c.dims[1] = 0, p.gemm.a.dims[0] = 0, p.gemm.epilogue.residual.dims[0]
		       = 1));
	tap_ok(!decoded.tiles, "M = 0 has none");
}

static void epilogues(void)
{
	BREAK(FLOAT, p.gemm.epilogue.bias.dtype = LOOM_DTYPE_I32, DTYPE, 3);
	BREAK(INT, p.gemm.epilogue.bias.dtype = LOOM_DTYPE_F32, DTYPE, 3);
	BREAK(FLOAT, p.gemm.epilogue.bias.dims[0] = 5, SHAPE, 3);
	BREAK(FLOAT, tensor(&p.gemm.epilogue.bias, LOOM_DTYPE_F32, 0x40000, DIMS(1, 6)), SHAPE, 3);
	BREAK(FLOAT, tensor(&p.gemm.epilogue.bias, LOOM_DTYPE_F32, 0x40000, 0, NULL), SHAPE, 3);
	BREAK(FLOAT, p.gemm.epilogue.bias.dtype = LOOM_DTYPE_NONE, FLAGS, 3);
	BREAK(FLOAT, p.gemm.epilogue.scale.dtype = LOOM_DTYPE_BF16, DTYPE, 4);
	BREAK(FLOAT, p.gemm.epilogue.scale.dims[0] = 2, SHAPE, 4);
	BREAK(FLOAT, p.gemm.epilogue.scale.dtype = LOOM_DTYPE_NONE, FLAGS, 4);
	BREAK(FLOAT, p.gemm.epilogue.residual.dtype = LOOM_DTYPE_I32, DTYPE, 5);
	BREAK(FLOAT, p.gemm.epilogue.residual.dtype = LOOM_DTYPE_F64, DTYPE, 5);
	BREAK(FLOAT, p.gemm.epilogue.residual.dims[1] = 5, SHAPE, 5);
	BREAK(FLOAT, p.gemm.epilogue.residual.dtype = LOOM_DTYPE_NONE, FLAGS, 5);
	ACCEPT(FLOAT, p.gemm.epilogue.residual.dtype = LOOM_DTYPE_U8);
	ACCEPT(FLOAT, p.gemm.epilogue.act = LOOM_ACT_GELU);
	BREAK(FLOAT, p.gemm.epilogue.act = 14, PARAM, NONE);
	BREAK(WIDE, p.gemm.epilogue.act = LOOM_ACT_SIGMOID, PARAM, NONE);
	BREAK(FLOAT, p.gemm.epilogue.act_param[0] = 1, PARAM, NONE);
	BREAK(FLOAT, (p.gemm.epilogue.act = 2, p.gemm.epilogue.act_param[1] = 0xbf800000),
	      PARAM, NONE);
	BREAK(FLOAT, p.gemm.epilogue.zero = 1, PARAM, 0);
	ACCEPT(INT, p.gemm.epilogue.zero = 255);
	BREAK(INT, p.gemm.epilogue.zero = 256, PARAM, 0);
	BREAK(INT, p.gemm.epilogue.zero = -1u, PARAM, 0);
	BREAK(WIDE, p.gemm.epilogue.zero = 1, PARAM, 0);
	BREAK(WIDE, p.gemm.epilogue.act = LOOM_ACT_CLIP, PARAM, NONE);
	BREAK(WIDE, tensor(&p.gemm.epilogue.scale, LOOM_DTYPE_F32, 0x50000, DIMS(6)), DTYPE, 4);
	BREAK(WIDE, tensor(&p.gemm.epilogue.residual, LOOM_DTYPE_F32, 0x50000, DIMS(6)), DTYPE, 5);
}

static void convolutions(void)
{
	union packet c = a_conv(LOOM_DTYPE_F32), i = a_conv(LOOM_DTYPE_U8);

	ACCEPT(c, (void)0);
	ACCEPT(i, (void)0);
	ACCEPT(c, tensor(&p.conv.epilogue.bias, LOOM_DTYPE_F32, 0x40000, DIMS(6)));
	ACCEPT(c, tensor(&p.conv.epilogue.scale, LOOM_DTYPE_F32, 0x40000, DIMS(1)));
	ACCEPT(c, tensor(&p.conv.epilogue.residual, LOOM_DTYPE_I8, 0x40000, DIMS(6, 1, 7)));
	ACCEPT(c, p.conv.window.before[0] = -0x7fffffffu);
	ACCEPT(c, p.conv.window.before[0] = 0x7fffffff);
	ACCEPT(c, p.conv.window.spacing[1] = 0x7fffffff);
	ACCEPT(c, p.conv.window.stride[1] = p.conv.window.dilation[1] = 0x7fffffff);
	ACCEPT(c, tensor(&p.conv.y, LOOM_DTYPE_I8, 0x10000, DIMS(2, 6, 500, 700)));
	ACCEPT(c, tensor(&p.conv.w, LOOM_DTYPE_F32, 0x30000, DIMS(2, 3, 4, 0, 2)));
	ACCEPT(c, tensor(&p.conv.x, LOOM_DTYPE_F32, 0x20000, DIMS(2, 8, 0, 7)));
	ACCEPT(c, p.conv.y.dims[2] = 0);
	ACCEPT(i, p.conv.x_zero = 255);
	ACCEPT(i, p.conv.w_zero = -128u);
	BREAK(c, p.conv.flags = 1, FLAGS, NONE);
	BREAK(c, p.conv.y.dtype = 0, DTYPE, 0);
	BREAK(c, p.conv.x.dtype = 0, DTYPE, 1);
	BREAK(c, p.conv.w.dtype = 0, DTYPE, 2);
	BREAK(c, p.conv.w.flags = LOOM_TENSOR_PANELS, FLAGS, 2);
	BREAK(c, p.conv.epilogue.bias.va = 4, FLAGS, 3);
	BREAK(c, p.conv.epilogue.scale.va = 4, FLAGS, 4);
	BREAK(c, p.conv.epilogue.residual.va = 4, FLAGS, 5);
	BREAK(c, p.conv.x.dtype = LOOM_DTYPE_I32, DTYPE, 1);
	BREAK(i, p.conv.x.dtype = LOOM_DTYPE_I16; p.conv.x.va = 0x20000, DTYPE, 1);
	BREAK(c, tensor(&p.conv.w, LOOM_DTYPE_F16, 0x30000, DIMS(2, 3, 4, 3, 2)), DTYPE, 2);
	BREAK(i, tensor(&p.conv.w, LOOM_DTYPE_F16, 0x30000, DIMS(2, 3, 4, 3, 2)), DTYPE, 2);
	BREAK(c, p.conv.y.dtype = LOOM_DTYPE_I32, DTYPE, 0);
	BREAK(i, p.conv.y.dtype = LOOM_DTYPE_U32, DTYPE, 0);
	BREAK(c, tensor(&p.conv.y, LOOM_DTYPE_F32, 0x10000, DIMS(2, 6)), SHAPE, 0);
	BREAK(c, tensor(&p.conv.y, LOOM_DTYPE_F32, 0x10000, DIMS(2, 6, 1, 1, 1, 1)), SHAPE, 0);
	BREAK(c, tensor(&p.conv.x, LOOM_DTYPE_F32, 0x20000, DIMS(2, 8, 10)), SHAPE, 1);
	BREAK(c, tensor(&p.conv.x, LOOM_DTYPE_F32, 0x20000, DIMS(3, 8, 10, 7)), SHAPE, 1);
	BREAK(c, tensor(&p.conv.w, LOOM_DTYPE_F32, 0x30000, DIMS(2, 3, 4, 3)), SHAPE, 2);
	BREAK(c, tensor(&p.conv.w, LOOM_DTYPE_F32, 0x30000, DIMS(3, 3, 4, 3, 2)), SHAPE, 2);
	BREAK(c, tensor(&p.conv.w, LOOM_DTYPE_F32, 0x30000, DIMS(2, 4, 4, 3, 2)), SHAPE, 2);
	BREAK(c, tensor(&p.conv.w, LOOM_DTYPE_F32, 0x30000, DIMS(2, 3, 5, 3, 2)), SHAPE, 2);
	BREAK(c, p.conv.w.dims[3] = 0x8000; p.conv.w.dims[4] = 0x4000;
	      memset(p.conv.w.strides, 0, sizeof(p.conv.w.strides)), SHAPE, 2);
	ACCEPT(c, p.conv.w.dims[3] = 0x7fff; p.conv.w.dims[4] = 0x4000;
	       memset(p.conv.w.strides, 0, sizeof(p.conv.w.strides)));
	BREAK(c, p.conv.window.stride[0] = 0, PARAM, NONE);
	BREAK(c, p.conv.window.stride[1] = 0x80000000, PARAM, NONE);
	BREAK(c, p.conv.window.dilation[0] = 0, PARAM, NONE);
	BREAK(c, p.conv.window.dilation[1] = -1u, PARAM, NONE);
	BREAK(c, p.conv.window.spacing[0] = 0, PARAM, NONE);
	BREAK(c, p.conv.window.spacing[1] = 0x80000000, PARAM, NONE);
	BREAK(c, p.conv.window.before[1] = 0x80000000, PARAM, NONE);
	BREAK(c, p.conv.window.stride[2] = 1, PARAM, NONE);
	BREAK(c, p.conv.window.dilation[2] = 1, PARAM, NONE);
	BREAK(c, p.conv.window.spacing[2] = 1, PARAM, NONE);
	BREAK(c, p.conv.window.before[2] = 1, PARAM, NONE);
	BREAK(c, p.conv.x_zero = 1, PARAM, 1);
	BREAK(i, p.conv.x_zero = 256, PARAM, 1);
	BREAK(c, p.conv.w_zero = 1, PARAM, 2);
	BREAK(i, p.conv.w_zero = 128, PARAM, 2);
	BREAK(c, tensor(&p.conv.epilogue.bias, LOOM_DTYPE_I32, 0x40000, DIMS(6)), DTYPE, 3);
	BREAK(c, tensor(&p.conv.epilogue.bias, LOOM_DTYPE_F32, 0x40000, DIMS(3)), SHAPE, 3);
	BREAK(c, tensor(&p.conv.epilogue.scale, LOOM_DTYPE_F32, 0x40000, DIMS(7)), SHAPE, 4);
	BREAK(c, tensor(&p.conv.epilogue.residual, LOOM_DTYPE_F32, 0x40000, DIMS(5)), SHAPE, 5);
	BREAK(i, tensor(&p.conv.epilogue.scale, LOOM_DTYPE_F32, 0x40000, DIMS(6)), DTYPE, 4);
	BREAK(i, p.conv.epilogue.zero = 1, PARAM, 0);
	BREAK(c, p.conv.epilogue.act = 99, PARAM, NONE);
}

static void quants(void)
{
	union packet q = a_quant(LOOM_QUANT_TO), d = a_quant(LOOM_QUANT_FROM);

	ACCEPT(q, (void)0);
	ACCEPT(d, (void)0);
	ACCEPT(q, memset(&p.quant.zero, 0, sizeof(p.quant.zero)));
	ACCEPT(d, p.quant.src.dtype = p.quant.zero.dtype = LOOM_DTYPE_I32; p.quant.zero.va = 0x40000);
	BREAK(q, p.quant.flags = 1, FLAGS, NONE);
	BREAK(q, p.quant.reserved = 1, FLAGS, NONE);
	BREAK(q, p.quant.dst.dtype = 0, DTYPE, 0);
	BREAK(q, p.quant.src.dtype = 0, DTYPE, 1);
	BREAK(q, p.quant.scale.dtype = 0, DTYPE, 2);
	BREAK(q, p.quant.zero.dtype = 0, FLAGS, 3);
	BREAK(q, p.quant.op = 2, PARAM, NONE);
	BREAK(q, p.quant.dst.dtype = LOOM_DTYPE_I32, DTYPE, 0);
	BREAK(q, p.quant.src.dtype = LOOM_DTYPE_I16, DTYPE, 1);
	BREAK(d, p.quant.dst.dtype = LOOM_DTYPE_I8, DTYPE, 0);
	BREAK(d, p.quant.src.dtype = LOOM_DTYPE_F32, DTYPE, 1);
	BREAK(q, p.quant.scale.dtype = LOOM_DTYPE_I32, DTYPE, 2);
	BREAK(q, p.quant.zero.dtype = LOOM_DTYPE_I8, DTYPE, 3);
	BREAK(q, p.quant.src.dims[0] = 1, SHAPE, 1);
	BREAK(q, p.quant.scale.dims[0] = 3, SHAPE, 2);
	BREAK(d, p.quant.zero.dims[0] = 5, SHAPE, 3);
}

int main(void)
{
	panels();
	gemms();
	epilogues();
	convolutions();
	quants();
	return tap_done();
}
