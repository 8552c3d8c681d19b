// SPDX-License-Identifier: MIT
/* The performance model against published and hand-computed points. */
#include "job.h"
#include "numerics.h"
#include "tap.h"

static struct loom_work work;
static struct loom_model model;

static void tensor(struct loom_tensor *t, unsigned int dtype, unsigned int rank,
		   const uint32_t *dims)
{
	uint64_t stride = 1;

	memset(t, 0, sizeof(*t));
	t->dtype = (uint8_t)dtype;
	t->rank = (uint8_t)rank;
	for (unsigned int i = rank; i-- > 0;) {
		t->dims[i] = dims[i];
		t->strides[i] = stride;
		stride *= dims[i] ? dims[i] : 1;
	}
}

static bool evaluate(const void *packet, unsigned int profile, uint32_t host)
{
	const struct loom_pkt_header *header = packet;
	struct loom_decode_error error;
	uint32_t size;

	if (loom_packet_decode(packet, header->size, true, loom_engine_find("reference"), &work,
			       &size, &error))
		return false;
	loom_model_packet(loom_profile_find(profile), &work, host, &model);
	return true;
}

static bool gemm(unsigned int profile, unsigned int dtype, uint32_t m, uint32_t n, uint32_t k,
		 uint32_t host)
{
	struct loom_pkt_gemm pkt;

	header_init(&pkt.header, LOOM_OP_GEMM, sizeof(pkt));
	tensor(&pkt.c, dtype, 2, (uint32_t[]){ m, n });
	tensor(&pkt.a, dtype, 2, (uint32_t[]){ m, k });
	tensor(&pkt.b, dtype, 2, (uint32_t[]){ k, n });
	return evaluate(&pkt, profile, host);
}

static double tops(unsigned int profile)
{
	double seconds = (double)model.cycles / loom_profile_find(profile)->clock_khz / 1000;

	return 2.0 * (double)model.macs / seconds * 1e-12;
}

int main(void)
{
	const struct loom_profile *p = loom_profile_find(LOOM_PROFILE_LOOM1);
	struct loom_pkt_copy copy;
	struct loom_pkt_pack pack;
	struct loom_pkt_eltwise eltwise;
	struct loom_pkt_unary unary;
	struct loom_pkt_reduce reduce;
	struct loom_pkt_softmax softmax;
	struct loom_pkt_conv conv;
	struct loom_pkt_pool pool;
	struct loom_pkt_norm norm;
	struct loom_pkt_gather gather;
	struct loom_pkt_quant quant;
	struct loom_pkt_resize resize;
	struct loom_pkt_arg arg;
	struct loom_pkt_fill fill;
	struct loom_pkt_fence fence;
	struct loom_pkt_header nop;
	uint64_t cycles, energy;
	bool good;	/* arguments have no order: a name tells the model's last figures */

	tap_ok(p && p->rows == 256 && p->columns == 256 && p->clock_khz == 1000000 &&
	       !loom_profile_find(0) && !loom_profile_find(99), "profiles");

	/* 16 x 16 folds of two blocks of 2048 rows, and 766 cycles to fill and drain */
	tap_ok(gemm(LOOM_PROFILE_LOOM1, LOOM_DTYPE_I8, 4096, 4096, 4096, 0) &&
	       model.cycles == 1049342, "4096^3 of 8 bits: %llu cycles",
	       (unsigned long long)model.cycles);
	tap_ok(tops(LOOM_PROFILE_LOOM1) > 130.9 && tops(LOOM_PROFILE_LOOM1) < 131.1,
	       "131 TOPS: %.2f", tops(LOOM_PROFILE_LOOM1));
	tap_ok(model.macs == 1ull << 36 && model.bytes_local == 4ull << 24 && !model.bytes_host,
	       "weights come twice, the rest once");
	/* macs 0.3 pJ, 25 W over 1.049 ms, and what moves */
	tap_ok(model.energy_pj > 20615843020 + 26233550000 && model.energy_pj < 80000000000,
	       "energy %llu pJ", (unsigned long long)model.energy_pj);

	tap_ok(gemm(LOOM_PROFILE_LOOM1, LOOM_DTYPE_I8, 1, 4096, 4096, 0) && model.cycles == 66302,
	       "one row: the weights' load bounds, %llu cycles", (unsigned long long)model.cycles);
	tap_ok(gemm(LOOM_PROFILE_LOOM1, LOOM_DTYPE_BF16, 4096, 4096, 4096, 0) &&
	       model.cycles == 2097152 + 766, "16-bit types take two passes");
	tap_ok(gemm(LOOM_PROFILE_LOOM1, LOOM_DTYPE_F32, 2048, 256, 256, 0) &&
	       model.cycles == 2048 * 8 + 766, "binary32 takes eight");

	/* "In-Datacenter Performance Analysis of a TPU", roofline of a fully connected layer */
	good = gemm(LOOM_PROFILE_TPUV1, LOOM_DTYPE_I8, 200, 2000, 2000, 3);
	tap_ok(good &&
	       tops(LOOM_PROFILE_TPUV1) > 13.5 && tops(LOOM_PROFILE_TPUV1) < 13.7,
	       "TPU v1, 2000 x 2000, batch 200: %.2f TOPS", tops(LOOM_PROFILE_TPUV1));
	cycles = model.cycles;
	tap_ok(model.bytes_local == 4000000 && model.bytes_host == 800000 &&
	       cycles == (4000000ull * 700000 + 33999999) / 34000000, "bound by weight memory");

	/*
	 * Below the ridge, at 65536 x 0.7 GHz / 34 GB/s = 1349 multiply-adds per byte of weights,
	 * a batch of B has 2 x B x 34 GB/s; above it there are 2 x 65536 x 0.7 GHz = 91.75 TOPS.
	 */
	good = gemm(LOOM_PROFILE_TPUV1, LOOM_DTYPE_I8, 50, 2000, 2000, 3);
	tap_ok(good &&
	       tops(LOOM_PROFILE_TPUV1) > 3.39 && tops(LOOM_PROFILE_TPUV1) < 3.41,
	       "batch 50, a quarter of that: %.3f TOPS", tops(LOOM_PROFILE_TPUV1));
	good = gemm(LOOM_PROFILE_TPUV1, LOOM_DTYPE_I8, 800, 8192, 8192, 3);
	tap_ok(good &&
	       tops(LOOM_PROFILE_TPUV1) > 54.3 && tops(LOOM_PROFILE_TPUV1) < 54.5 &&
	       model.cycles == (67108864ull * 700000 + 33999999) / 34000000,
	       "batch 800, weights of 64 MiB: %.2f TOPS", tops(LOOM_PROFILE_TPUV1));
	good = gemm(LOOM_PROFILE_TPUV1, LOOM_DTYPE_I8, 2048, 6144, 6144, 1);
	tap_ok(good &&
	       model.cycles == 24 * 24 * 2048 + 766 && tops(LOOM_PROFILE_TPUV1) > 91.6 &&
	       tops(LOOM_PROFILE_TPUV1) < 91.75, "batch 2048 is bound by the array: %.2f TOPS",
	       tops(LOOM_PROFILE_TPUV1));

	/* 64 MiB over the link: 26 GB/s with 24 bytes around each 256 */
	tap_ok(gemm(LOOM_PROFILE_LOOM1, LOOM_DTYPE_I8, 4096, 4096, 4096, 7) &&
	       model.bytes_host == 64ull << 20 && !model.bytes_local &&
	       model.cycles == ((64ull << 20) / 256 * 280 + 25) / 26, "bound by the host link");

	tap_ok(gemm(LOOM_PROFILE_LOOM1, LOOM_DTYPE_F32, 0, 5, 5, 0) && !model.macs &&
	       model.cycles == p->launch_cycles && !model.bytes_local, "an empty product");
	tap_ok(gemm(LOOM_PROFILE_LOOM1, LOOM_DTYPE_F32, 5, 5, 0, 0) && !model.macs &&
	       model.bytes_local == 100, "K = 0 still writes");

	header_init(&copy.header, LOOM_OP_COPY, sizeof(copy));
	tensor(&copy.dst, LOOM_DTYPE_F32, 2, (uint32_t[]){ 1024, 1024 });
	copy.src = copy.dst;
	tap_ok(evaluate(&copy, LOOM_PROFILE_LOOM1, 0) && model.bytes_local == 8u << 20 &&
	       model.cycles == ((8u << 20) + 511) / 512, "a plain copy is its bytes");
	copy.src.strides[0] = 1;
	copy.src.strides[1] = 1024;
	tap_ok(evaluate(&copy, LOOM_PROFILE_LOOM1, 0) &&
	       model.bytes_local == (4u << 20) + (64u << 20), "a transposition reads bursts");
	tap_ok(evaluate(&copy, LOOM_PROFILE_LOOM1, 2) && model.bytes_local == 4u << 20 &&
	       model.bytes_host == 64u << 20, "operands live where they live");

	header_init(&pack.header, LOOM_OP_PACK, sizeof(pack));
	tensor(&pack.src, LOOM_DTYPE_I8, 2, (uint32_t[]){ 1021, 1000 });
	tensor(&pack.dst, LOOM_DTYPE_I8, 2, (uint32_t[]){ 1021, 1000 });
	pack.dst.flags = LOOM_TENSOR_PANELS;
	pack.dst.strides[0] = pack.dst.strides[1] = 0;
	tap_ok(evaluate(&pack, LOOM_PROFILE_LOOM1, 0) &&
	       model.bytes_local == 1021 * 1000 + 1024 * 1024, "packing stores the padding, too");

	header_init(&fill.header, LOOM_OP_FILL, sizeof(fill));
	tensor(&fill.dst, LOOM_DTYPE_U8, 2, (uint32_t[]){ 10, 32 });
	fill.dst.strides[0] = 100;
	tap_ok(evaluate(&fill, LOOM_PROFILE_LOOM1, 0) && model.bytes_local == 640,
	       "short rows are whole bursts");

	header_init(&eltwise.header, LOOM_OP_ELTWISE, sizeof(eltwise));
	tensor(&eltwise.dst, LOOM_DTYPE_F32, 1, (uint32_t[]){ 1000000 });
	tensor(&eltwise.a, LOOM_DTYPE_F32, 1, (uint32_t[]){ 1000000 });
	tensor(&eltwise.b, LOOM_DTYPE_F32, 1, (uint32_t[]){ 1 });
	eltwise.op = LOOM_ELTWISE_DIV;
	tap_ok(evaluate(&eltwise, LOOM_PROFILE_LOOM1, 0) && model.bytes_local == 8000004 &&
	       model.cycles == 3907 * 8, "division: eight cycles for a row of lanes");

	eltwise.act = LOOM_ACT_GELU;
	tap_ok(evaluate(&eltwise, LOOM_PROFILE_LOOM1, 0) && model.cycles == 3907 * 20,
	       "and twelve more for GELU");

	header_init(&unary.header, LOOM_OP_UNARY, sizeof(unary));
	tensor(&unary.dst, LOOM_DTYPE_F16, 1, (uint32_t[]){ 1000000 });
	tensor(&unary.src, LOOM_DTYPE_F16, 1, (uint32_t[]){ 1000000 });
	unary.op = LOOM_UNARY_EXP;
	tap_ok(evaluate(&unary, LOOM_PROFILE_LOOM1, 0) && model.bytes_local == 4000000 &&
	       model.cycles == 3907 * 4, "an exponential takes four");
	unary.op = LOOM_UNARY_IDENTITY;
	tap_ok(evaluate(&unary, LOOM_PROFILE_LOOM1, 2) && model.bytes_host == 2000000 &&
	       model.bytes_local == 2000000, "an identity is what it moves");

	header_init(&reduce.header, LOOM_OP_REDUCE, sizeof(reduce));
	tensor(&reduce.dst, LOOM_DTYPE_F32, 1, (uint32_t[]){ 1 });
	tensor(&reduce.src, LOOM_DTYPE_F32, 1, (uint32_t[]){ 100000 });
	reduce.axes = 1;
	tap_ok(evaluate(&reduce, LOOM_PROFILE_LOOM1, 1) && model.bytes_host == 4 &&
	       model.bytes_local == 400000 && model.cycles == 782, "a sum is what it reads");
	reduce.src.strides[0] = 0;
	tap_ok(evaluate(&reduce, LOOM_PROFILE_TPUV1, 0) && model.cycles == 8236,
	       "on the slower memory");
	header_init(&softmax.header, LOOM_OP_SOFTMAX, sizeof(softmax));
	tensor(&softmax.dst, LOOM_DTYPE_F16, 1, (uint32_t[]){ 100000 });
	tensor(&softmax.src, LOOM_DTYPE_F16, 1, (uint32_t[]){ 100000 });
	softmax.axes = 1;
	tap_ok(evaluate(&softmax, LOOM_PROFILE_LOOM1, 0) && model.cycles == 391 * 15 + 16,
	       "fifteen passes and two trees");
	softmax.flags = LOOM_SOFTMAX_LOG;
	tap_ok(evaluate(&softmax, LOOM_PROFILE_LOOM1, 0) && model.cycles == 391 * 9 + 16,
	       "a logarithm instead of quotients");

	/* 3 x 3 taps of 64 channels are three folds of rows; 3136 places, two blocks */
	header_init(&conv.header, LOOM_OP_CONV, sizeof(conv));
	tensor(&conv.y, LOOM_DTYPE_I8, 4, (uint32_t[]){ 1, 64, 56, 56 });
	tensor(&conv.x, LOOM_DTYPE_I8, 4, (uint32_t[]){ 1, 64, 56, 56 });
	tensor(&conv.w, LOOM_DTYPE_I8, 5, (uint32_t[]){ 1, 64, 64, 3, 3 });
	conv.window = (struct loom_window){ .stride = { 1, 1 }, .dilation = { 1, 1 },
					    .spacing = { 1, 1 }, .before = { 1, 1 } };
	tap_ok(evaluate(&conv, LOOM_PROFILE_LOOM1, 0) && model.cycles == 3 * 3136 + 766 &&
	       model.macs == 3136ull * 64 * 576 && model.bytes_local == 2 * 200704 + 2 * 36864,
	       "a convolution is a product: %llu cycles", (unsigned long long)model.cycles);
	/* 28 channels of 9 taps fit beside each other */
	tensor(&conv.w, LOOM_DTYPE_I8, 5, (uint32_t[]){ 64, 1, 1, 3, 3 });
	tap_ok(evaluate(&conv, LOOM_PROFILE_LOOM1, 2) && model.cycles == 3 * 3136 + 766 &&
	       model.macs == 3136ull * 64 * 9 && model.bytes_host == 200704,
	       "groups share the array: %llu cycles", (unsigned long long)model.cycles);

	header_init(&pool.header, LOOM_OP_POOL, sizeof(pool));
	tensor(&pool.y, LOOM_DTYPE_F32, 3, (uint32_t[]){ 1, 1000, 1000 });
	tensor(&pool.x, LOOM_DTYPE_F32, 3, (uint32_t[]){ 1, 1000, 2000 });
	pool.window = (struct loom_window){ .stride = { 2 }, .dilation = { 1 }, .spacing = { 1 } };
	pool.taps[0] = 50;
	tap_ok(evaluate(&pool, LOOM_PROFILE_LOOM1, 0) && model.bytes_local == 12000000 &&
	       model.cycles == 195313, "a pass for each tap");
	pool.op = LOOM_POOL_AVERAGE;
	tap_ok(evaluate(&pool, LOOM_PROFILE_LOOM1, 0) && model.cycles == 195313 + 3907 * 8 + 8,
	       "a quotient and a tree");

	header_init(&norm.header, LOOM_OP_NORM, sizeof(norm));
	tensor(&norm.dst, LOOM_DTYPE_F16, 1, (uint32_t[]){ 100000 });
	tensor(&norm.src, LOOM_DTYPE_F16, 1, (uint32_t[]){ 100000 });
	tensor(&norm.weight, LOOM_DTYPE_F16, 1, (uint32_t[]){ 100000 });
	norm.axes = 1;
	tap_ok(evaluate(&norm, LOOM_PROFILE_LOOM1, 0) && model.cycles == 391 * 5 + 48 &&
	       model.bytes_local == 600000, "five passes, two trees, a quotient and a root");
	norm.op = LOOM_NORM_RMS;
	tap_ok(evaluate(&norm, LOOM_PROFILE_LOOM1, 0) && model.cycles == 391 * 3 + 48,
	       "three without a mean");

	header_init(&gather.header, LOOM_OP_GATHER, sizeof(gather));
	tensor(&gather.dst, LOOM_DTYPE_F32, 2, (uint32_t[]){ 1000, 8 });
	tensor(&gather.src, LOOM_DTYPE_F32, 2, (uint32_t[]){ 100000, 8 });
	tensor(&gather.indices, LOOM_DTYPE_I64, 1, (uint32_t[]){ 1000 });
	tap_ok(evaluate(&gather, LOOM_PROFILE_LOOM1, 2) && model.bytes_local == 32000 + 8000 &&
	       model.bytes_host == 64000, "short rows of a table are whole bursts");
	gather.op = LOOM_GATHER_SUM;
	tensor(&gather.indices, LOOM_DTYPE_I64, 2, (uint32_t[]){ 1000, 50 });
	tap_ok(evaluate(&gather, LOOM_PROFILE_LOOM1, 0) && model.bytes_local ==
	       32000 + 400000 + 50 * 64000 && model.cycles == 7094, "bags: %llu cycles",
	       (unsigned long long)model.cycles);

	header_init(&quant.header, LOOM_OP_QUANT, sizeof(quant));
	tensor(&quant.dst, LOOM_DTYPE_U8, 1, (uint32_t[]){ 1000000 });
	tensor(&quant.src, LOOM_DTYPE_F32, 1, (uint32_t[]){ 1000000 });
	tensor(&quant.scale, LOOM_DTYPE_F32, 1, (uint32_t[]){ 1 });
	tensor(&quant.zero, LOOM_DTYPE_U8, 1, (uint32_t[]){ 1 });
	tap_ok(evaluate(&quant, LOOM_PROFILE_LOOM1, 0) && model.bytes_local == 5000005 &&
	       model.cycles == 3907 * 10, "a quotient, a conversion and a zero point");

	memset(&resize, 0, sizeof(resize));
	header_init(&resize.header, LOOM_OP_RESIZE, sizeof(resize));
	resize.axis = 1;
	tensor(&resize.dst, LOOM_DTYPE_F32, 2, (uint32_t[]){ 1000, 512 });
	tensor(&resize.src, LOOM_DTYPE_F32, 2, (uint32_t[]){ 1000, 256 });
	tensor(&resize.places, LOOM_DTYPE_I32, 2, (uint32_t[]){ 512, 4 });
	tensor(&resize.weights, LOOM_DTYPE_F32, 2, (uint32_t[]){ 512, 4 });
	tap_ok(evaluate(&resize, LOOM_PROFILE_LOOM1, 0) && model.cycles == 8000 &&
	       model.bytes_local == 3072000 + 2 * 8192, "four taps: %llu cycles",
	       (unsigned long long)model.cycles);

	memset(&arg, 0, sizeof(arg));
	header_init(&arg.header, LOOM_OP_ARG, sizeof(arg));
	tensor(&arg.dst, LOOM_DTYPE_I64, 2, (uint32_t[]){ 1, 256 });
	tensor(&arg.src, LOOM_DTYPE_I8, 2, (uint32_t[]){ 10000, 256 });
	tap_ok(evaluate(&arg, LOOM_PROFILE_LOOM1, 0) && model.cycles == 20008 &&
	       model.bytes_local == 2560000 + 2048, "places of extremes: %llu cycles",
	       (unsigned long long)model.cycles);

	header_init(&fence.header, LOOM_OP_FENCE, sizeof(fence));
	tap_ok(evaluate(&fence, LOOM_PROFILE_LOOM1, 1) && model.bytes_host == 8 &&
	       model.cycles == p->launch_cycles, "a fence");
	header_init(&nop, LOOM_OP_NOP, sizeof(nop));
	tap_ok(evaluate(&nop, LOOM_PROFILE_LOOM1, 0) && !model.cycles && !model.energy_pj,
	       "nothing costs nothing");

	/* saturates instead of wrapping */
	memset(&work, 0, sizeof(work));
	work.opcode = LOOM_OP_GEMM;
	work.operands[0].extent = 4;
	work.operands[2].rank = 2;
	work.operands[2].dims[0] = work.operands[2].dims[1] = LOOM_DIM_MAX;
	work.u.gemm.m = work.u.gemm.n = work.u.gemm.k = LOOM_DIM_MAX;
	work.u.gemm.batch = 1;
	loom_model_packet(p, &work, 0, &model);
	energy = model.energy_pj;
	tap_ok(model.macs == UINT64_MAX && model.cycles > 1ull << 60 && energy > 1ull << 50,
	       "more than 64 bits");
	loom_model_packet(p, &work, 0, &model);
	tap_ok(model.energy_pj == energy, "a pure function");
	return tap_done();
}
