// SPDX-License-Identifier: MIT
/*
 * Performance model: what a packet would cost on silicon.
 *
 * A weight-stationary array of rows x columns multiply-adders with double
 * buffered weights, a vector unit of one lane per column, on-chip memory, local
 * memory and a host link. A pure function of packet and profile: the machine
 * that runs the model and the engine that computes do not enter.
 */
#include "engine.h"
#include "numerics.h"

#define ACC_ROWS	2048u	/* rows of accumulators below the array */
#define BURST		64u	/* bytes of the shortest memory access */
#define TLP_PAYLOAD	256u	/* bytes of a host link packet ... */
#define TLP_OVERHEAD	24u	/* ... and around it */

/*
 * Energies are of the class that M. Horowitz, "Computing's Energy Problem",
 * ISSCC 2014, gives for 45 nm: an 8-bit multiply 0.2 pJ and a 32-bit add 0.1,
 * a binary16 multiply 1.1 and a binary32 add 0.9, a binary32 multiply 3.7; 64
 * bits from a megabyte of SRAM 100 pJ, from DRAM 1.3 to 2.6 nJ. For HBM2 the
 * class is 250 to 450 pJ per 64 bits, for a PCI Express link and the DRAM
 * behind it some 60 pJ per byte.
 */
static const struct loom_profile profiles[] = {
	{
		.id = LOOM_PROFILE_LOOM1,
		.name = "loom1",
		.rows = 256,
		.columns = 256,
		.clock_khz = 1000000,
		.sram_kib = 32768,
		.local_mbps = 512000,
		.host_mbps = 26000,
		.launch_cycles = 128,
		.fj_mac_i8 = 300,
		.fj_mac_f16 = 2000,
		.fj_mac_f32 = 4600,
		.fj_vector_op = 900,
		.fj_byte_sram = 12500,
		.fj_byte_local = 40000,
		.fj_byte_host = 60000,
		.static_mw = 25000,
	},
	{
		.id = LOOM_PROFILE_TPUV1,
		.name = "tpuv1",
		.rows = 256,
		.columns = 256,
		.clock_khz = 700000,
		.sram_kib = 28672,
		.local_mbps = 34000,
		.host_mbps = 12500,
		.launch_cycles = 128,
		.fj_mac_i8 = 300,
		.fj_mac_f16 = 2000,
		.fj_mac_f32 = 4600,
		.fj_vector_op = 900,
		.fj_byte_sram = 12500,
		.fj_byte_local = 162500,
		.fj_byte_host = 60000,
		.static_mw = 28000,
	},
};

const struct loom_profile *loom_profile_find(uint32_t id)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (profiles[i].id == id)
			return &profiles[i];
	return NULL;
}

static uint64_t mul(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

/* a * b / c, rounded up, without overflow of the product where the result fits */
static uint64_t mul_div_up(uint64_t a, uint64_t b, uint64_t c)
{
	return add(mul(a / c, b), div_up(mul(a % c, b), c));
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t elements(const struct loom_operand *op)
{
	uint64_t n = 1;

	if (!op->extent)
		return 0;
	for (unsigned int i = 0; i < op->rank; i++)
		n = mul(n, op->dims[i]);
	return n;
}

/* What a packet does, before it is turned into time and energy. */
struct load {
	const struct loom_profile *profile;
	uint32_t host_operands;
	uint64_t core;		/* cycles of array or vector unit */
	uint64_t sram;		/* bytes */
	uint64_t vector;	/* operations */
	uint64_t fj_mac;
	struct loom_model *model;
};

static void traffic(struct load *load, unsigned int operand, uint64_t bytes)
{
	uint64_t *to = load->host_operands >> operand & 1 ? &load->model->bytes_host :
							    &load->model->bytes_local;

	*to = add(*to, bytes);
	load->sram = add(load->sram, bytes);
}

/* Bytes of one matrix [K, N] of an operand, with the padding of panels. */
static uint64_t matrix_bytes(const struct loom_operand *op)
{
	uint64_t k = op->dims[op->rank - 2], n = op->dims[op->rank - 1];

	if (!op->panels)
		return mul(mul(k, n), op->size);
	return k ? mul(div_up(n, LOOM_PANEL_COLUMNS), loom_panel_bytes(op->dtype, k)) : 0;
}

/* Panels are contiguous. */
static uint64_t panel_traffic(const struct loom_operand *op)
{
	uint64_t bytes = matrix_bytes(op);

	for (unsigned int i = 0; i + 2 < op->rank; i++)
		bytes = mul(bytes, op->dims[i]);
	return bytes;
}

/*
 * Bytes that memory moves for an operand that is read or written once: what
 * lies contiguously along the fastest axes is one row, and a row is whole
 * bursts.
 */
static uint64_t row_traffic(const struct loom_operand *op)
{
	uint64_t run = 1, bytes;

	if (!op->extent)
		return 0;
	for (unsigned int i = op->rank; i-- > 0;) {
		if (op->dims[i] == 1)
			continue;
		if (op->strides[i] != (int64_t)run && op->strides[i] != -(int64_t)run)
			break;
		run *= op->dims[i];
	}
	bytes = mul(run, op->size);
	return mul(elements(op) / run, max(bytes, BURST));
}

/* Cycles of a vector lane for one activation. */
static uint64_t act_weight(unsigned int act)
{
	static const uint8_t weights[] = {
		[LOOM_ACT_NONE] = 0, [LOOM_ACT_RELU] = 1, [LOOM_ACT_CLIP] = 1, [LOOM_ACT_LEAKY] = 1,
		[LOOM_ACT_ELU] = 6, [LOOM_ACT_SELU] = 7, [LOOM_ACT_SIGMOID] = 12,
		[LOOM_ACT_TANH] = 12, [LOOM_ACT_SOFTPLUS] = 9, [LOOM_ACT_SILU] = 12,
		[LOOM_ACT_GELU] = 12, [LOOM_ACT_GELU_TANH] = 12, [LOOM_ACT_HARD_SIGMOID] = 2,
		[LOOM_ACT_HARD_SWISH] = 3,
	};

	return weights[act];
}

static uint64_t unary_weight(unsigned int op)
{
	static const uint8_t weights[] = {
		[LOOM_UNARY_IDENTITY] = 0, [LOOM_UNARY_NEG] = 1, [LOOM_UNARY_ABS] = 1,
		[LOOM_UNARY_SIGN] = 1, [LOOM_UNARY_SQUARE] = 1, [LOOM_UNARY_SQRT] = 8,
		[LOOM_UNARY_RSQRT] = 16, [LOOM_UNARY_RECIPROCAL] = 8, [LOOM_UNARY_EXP] = 4,
		[LOOM_UNARY_LOG] = 4, [LOOM_UNARY_ERF] = 12, [LOOM_UNARY_FLOOR] = 1,
		[LOOM_UNARY_CEIL] = 1, [LOOM_UNARY_ROUND] = 1, [LOOM_UNARY_TRUNC] = 1,
	};

	return weights[op];
}

/* What goes through the vector unit once: @weight cycles for as many elements as lanes. */
static void vector_pass(struct load *load, uint64_t n, uint64_t weight)
{
	load->core = add(load->core, mul(div_up(n, load->profile->columns), weight));
	load->vector = add(load->vector, mul(n, weight));
}

static void operand_traffic(const struct loom_work *work, struct load *load)
{
	if (!work->operands[0].extent)
		return;
	for (unsigned int i = 0; i < work->noperands; i++)
		traffic(load, i, mul(elements(&work->operands[i]), work->operands[i].size));
}

/* Passes of the array for one product of the type, whose energy is noted. */
static uint64_t array_passes(unsigned int dtype, struct load *load)
{
	switch (dtype) {
	case LOOM_DTYPE_F32:
		load->fj_mac = load->profile->fj_mac_f32;
		return 8;
	case LOOM_DTYPE_F16:
	case LOOM_DTYPE_BF16:
		load->fj_mac = load->profile->fj_mac_f16;
		return 2;
	default:
		load->fj_mac = load->profile->fj_mac_i8;
		return 1;
	}
}

static void epilogue_load(const struct loom_work *work, struct load *load)
{
	const struct loom_operand *op = work->operands;

	for (unsigned int i = 3; i < 6; i++) {
		traffic(load, i, mul(elements(&op[i]), op[i].size));
		if (op[i].dtype)
			load->vector = add(load->vector, elements(&op[0]));
	}
	load->vector = add(load->vector, mul(elements(&op[0]), act_weight(work->u.gemm.act)));
}

static void model_gemm(const struct loom_work *work, struct load *load)
{
	const struct loom_profile *p = load->profile;
	const struct loom_operand *op = work->operands;
	uint64_t m = work->u.gemm.m, n = work->u.gemm.n, k = work->u.gemm.k;
	uint64_t batch = work->u.gemm.batch, passes, fk, fn, mb, blocks, last, cycles, repeat;

	if (!op[0].extent)
		return;
	passes = array_passes(op[1].dtype, load);
	fk = div_up(k, p->rows);
	fn = div_up(n, p->columns);
	mb = min(m, ACC_ROWS);
	blocks = div_up(m, mb);
	last = m - (blocks - 1) * mb;
	/* loading the next weights takes rows cycles and hides behind a longer pass */
	cycles = add(mul(blocks - 1, max(mul(mb, passes), p->rows)),
		     max(mul(last, passes), p->rows));
	cycles = mul(mul(mul(fk, fn), cycles), batch);
	if (k)
		load->core = add(cycles, 2ull * p->rows + p->columns - 2);
	load->model->macs = mul(mul(mul(m, n), k), batch);

	/* a stays on the chip if a block of it and of c fit, else it comes once a column fold */
	repeat = mul(mb, add(mul(k, op[1].size), mul(n, op[0].size))) <= p->sram_kib * 1024ull ?
		 1 : fn;
	traffic(load, 0, mul(elements(&op[0]), op[0].size));
	traffic(load, 1, mul(mul(mul(mul(m, k), op[1].size), repeat), batch));
	traffic(load, 2, mul(mul(matrix_bytes(&op[2]), blocks), batch));
	epilogue_load(work, load);
	/* the array reads a for every column fold and updates accumulators for every row fold */
	load->sram = add(load->sram, mul(mul(mul(mul(m, k), op[1].size), fn), batch));
	load->sram = add(load->sram, mul(mul(mul(mul(m, n), 4), fk), batch));
}

/*
 * CONV: all images and places pass by weights that stay. Groups whose weights are small share the
 * array, each in rows and columns of its own.
 */
static void model_conv(const struct loom_work *work, struct load *load)
{
	const struct loom_profile *p = load->profile;
	const struct loom_operand *y = &work->operands[0], *x = &work->operands[1];
	const struct loom_operand *w = &work->operands[2];
	uint64_t k = work->u.gemm.k, n, groups, together, m, folds, fn, passes, mb, blocks, last;
	uint64_t cycles, repeat;

	if (!y->extent)
		return;
	groups = w->dims[0];
	n = w->dims[1];
	m = elements(y) / y->dims[1];
	passes = array_passes(x->dtype, load);
	together = k ? min(p->rows / k, p->columns / n) : 1;
	together = min(max(together, 1), groups);
	fn = div_up(n, p->columns);
	folds = mul(mul(div_up(groups, together), div_up(k, p->rows)), fn);
	mb = min(m, ACC_ROWS);
	blocks = div_up(m, mb);
	last = m - (blocks - 1) * mb;
	cycles = add(mul(blocks - 1, max(mul(mb, passes), p->rows)),
		     max(mul(last, passes), p->rows));
	if (k)
		load->core = add(mul(folds, cycles), 2ull * p->rows + p->columns - 2);
	load->model->macs = mul(elements(y), k);
	repeat = mul(mb, add(mul(k, x->size), mul(n, y->size))) <= p->sram_kib * 1024ull ? 1 : fn;
	traffic(load, 0, mul(elements(y), y->size));
	traffic(load, 1, mul(mul(elements(x), x->size), repeat));
	traffic(load, 2, mul(mul(elements(w), w->size), blocks));
	epilogue_load(work, load);
	load->sram = add(load->sram, mul(mul(mul(m, groups), mul(k, x->size)), fn));
	load->sram = add(load->sram, mul(mul(elements(y), 4), div_up(k, p->rows)));
}

static void model_eltwise(const struct loom_work *work, struct load *load)
{
	uint64_t weight = work->u.eltwise.op == LOOM_ELTWISE_DIV ? 8 : 1;

	vector_pass(load, elements(&work->operands[0]), weight + act_weight(work->u.eltwise.act));
	operand_traffic(work, load);
}

static void model_unary(const struct loom_work *work, struct load *load)
{
	uint64_t weight = unary_weight(work->u.unary.op) + act_weight(work->u.unary.act);

	vector_pass(load, elements(&work->operands[0]), max(weight, 1));
	operand_traffic(work, load);
}

/* Results of the lanes join in a tree as deep as the lanes' logarithm, filled once. */
#define TREE	8u

static void model_reduce(const struct loom_work *work, struct load *load)
{
	if (!work->operands[0].extent)
		return;
	vector_pass(load, elements(&work->operands[1]), 1);
	load->core = add(load->core, TREE);
	if (work->u.reduce.op == LOOM_REDUCE_MEAN)
		load->vector = add(load->vector, elements(&work->operands[0]));
	operand_traffic(work, load);
}

/* The maximum; the difference, its exponential and the sum; the quotient or the difference. */
static void model_softmax(const struct loom_work *work, struct load *load)
{
	if (!work->operands[0].extent)
		return;
	vector_pass(load, elements(&work->operands[0]), 1 + 6 + (work->u.softmax.log ? 2 : 8));
	load->core = add(load->core, 2 * TREE);
	operand_traffic(work, load);
}

/*
 * The differences and their squares, and the mean before them; quotient and root once a group; the
 * products and the sum at the end.
 */
static void model_norm(const struct loom_work *work, struct load *load)
{
	uint64_t n = elements(&work->operands[0]), weight;
	bool given = work->u.norm.op == LOOM_NORM_GIVEN;

	if (!work->operands[0].extent)
		return;
	weight = 2 + (work->operands[2].dtype != 0) + (work->operands[3].dtype != 0);
	if (given)
		weight += 17;
	else if (work->u.norm.op == LOOM_NORM_LAYER)
		weight += 2;
	vector_pass(load, n, weight);
	if (!given)
		load->core = add(load->core, 2 * TREE + 32);
	operand_traffic(work, load);
}

/* A pass for each tap, one for a quotient or a root, and the tree of what is summed. */
static void model_pool(const struct loom_work *work, struct load *load)
{
	uint64_t n = elements(&work->operands[0]);
	unsigned int op = work->u.pool.op;

	if (!work->operands[0].extent)
		return;
	vector_pass(load, mul(n, work->u.pool.all_taps), 1);
	if (op == LOOM_POOL_AVERAGE || op == LOOM_POOL_L2)
		vector_pass(load, n, 8);
	if (op != LOOM_POOL_MAX)
		load->core = add(load->core, TREE);
	operand_traffic(work, load);
}

/* Rows of the table come one by one, in whole bursts. */
static void model_gather(const struct loom_work *work, struct load *load)
{
	bool put = work->u.gather.op == LOOM_GATHER_PUT;
	const struct loom_operand *values = &work->operands[put ? 1 : 0];
	struct loom_operand table = work->operands[put ? 0 : 1];
	uint64_t n = elements(values), bag = 1, run = 1, bytes;

	if (!n)
		return;
	for (unsigned int i = table.rank; i-- > work->u.gather.axis + 1;) {
		if (table.dims[i] == 1)
			continue;
		if (table.strides[i] != (int64_t)run && table.strides[i] != -(int64_t)run)
			break;
		run *= table.dims[i];
	}
	if (work->u.gather.op == LOOM_GATHER_SUM) {
		bag = work->operands[2].dims[1];
		vector_pass(load, mul(n, bag), 1);
		load->core = add(load->core, TREE);
	}
	bytes = max(mul(run, table.size), BURST);
	traffic(load, put ? 1 : 0, mul(n, values->size));
	traffic(load, put ? 0 : 1, mul(mul(n / run, bag), bytes));
	traffic(load, 2, mul(elements(&work->operands[2]), work->operands[2].size));
}

static void model_quant(const struct loom_work *work, struct load *load)
{
	uint64_t weight = work->u.quant.op == LOOM_QUANT_TO ? 9 : 1;

	vector_pass(load, elements(&work->operands[0]), weight + (work->operands[3].dtype != 0));
	operand_traffic(work, load);
}

/* A pass for each tap; what is moved takes no pass. */
static void model_resize(const struct loom_work *work, struct load *load)
{
	uint64_t n = elements(&work->operands[0]);

	if (!work->operands[0].extent)
		return;
	if (work->operands[3].dtype)
		vector_pass(load, mul(n, work->operands[2].dims[1]), 1);
	operand_traffic(work, load);
}

/* A comparison, and the choice of value and number. */
static void model_arg(const struct loom_work *work, struct load *load)
{
	if (!work->operands[0].extent)
		return;
	vector_pass(load, elements(&work->operands[1]), 2);
	load->core = add(load->core, TREE);
	operand_traffic(work, load);
}

/* Cycles in which @bytes pass at @mbps million bytes a second. */
static uint64_t transfer(const struct loom_profile *p, uint64_t bytes, uint32_t mbps)
{
	return mul_div_up(bytes, p->clock_khz, mbps * 1000ull);
}

uint64_t loom_model_static(const struct loom_profile *profile, uint64_t cycles)
{
	/* a milliwatt for a millisecond is a million picojoules */
	return mul_div_up(mul(cycles, profile->static_mw), 1000000, profile->clock_khz);
}

static uint64_t energy(const struct load *load)
{
	const struct loom_profile *p = load->profile;
	const struct loom_model *model = load->model;
	uint64_t fj = 0;

	fj = add(fj, mul(model->macs, load->fj_mac));
	fj = add(fj, mul(load->vector, p->fj_vector_op));
	fj = add(fj, mul(load->sram, p->fj_byte_sram));
	fj = add(fj, mul(model->bytes_local, p->fj_byte_local));
	fj = add(fj, mul(model->bytes_host, p->fj_byte_host));
	return add(fj / 1000, loom_model_static(p, model->cycles));
}

void loom_model_packet(const struct loom_profile *profile, const struct loom_work *work,
		       uint32_t host_operands, struct loom_model *model)
{
	struct load load = { .profile = profile, .host_operands = host_operands, .model = model };
	uint64_t link;

	memset(model, 0, sizeof(*model));
	switch (work->opcode) {
	case LOOM_OP_FENCE:
	case LOOM_OP_TIMESTAMP:
		traffic(&load, 0, 8);
		break;
	case LOOM_OP_FILL:
		traffic(&load, 0, row_traffic(&work->operands[0]));
		break;
	case LOOM_OP_COPY:
		traffic(&load, 0, row_traffic(&work->operands[0]));
		if (work->operands[0].extent)
			traffic(&load, 1, row_traffic(&work->operands[1]));
		break;
	case LOOM_OP_PACK:
		traffic(&load, 0, panel_traffic(&work->operands[0]));
		if (work->operands[0].extent)
			traffic(&load, 1, row_traffic(&work->operands[1]));
		break;
	case LOOM_OP_ELTWISE:
		model_eltwise(work, &load);
		break;
	case LOOM_OP_UNARY:
		model_unary(work, &load);
		break;
	case LOOM_OP_REDUCE:
		model_reduce(work, &load);
		break;
	case LOOM_OP_SOFTMAX:
		model_softmax(work, &load);
		break;
	case LOOM_OP_NORM:
		model_norm(work, &load);
		break;
	case LOOM_OP_POOL:
		model_pool(work, &load);
		break;
	case LOOM_OP_GATHER:
		model_gather(work, &load);
		break;
	case LOOM_OP_RESIZE:
		model_resize(work, &load);
		break;
	case LOOM_OP_QUANT:
		model_quant(work, &load);
		break;
	case LOOM_OP_ARG:
		model_arg(work, &load);
		break;
	case LOOM_OP_GEMM:
		model_gemm(work, &load);
		break;
	case LOOM_OP_CONV:
		model_conv(work, &load);
		break;
	default:
		return;
	}
	link = add(model->bytes_host,
		   mul(div_up(model->bytes_host, TLP_PAYLOAD), TLP_OVERHEAD));
	/*
	 * Decoding a packet overlaps the one before it, and transfers overlap
	 * computing: the longest of them counts.
	 */
	model->cycles = max(profile->launch_cycles, load.core);
	model->cycles = max(model->cycles,
			    transfer(profile, model->bytes_local, profile->local_mbps));
	model->cycles = max(model->cycles, transfer(profile, link, profile->host_mbps));
	model->energy_pj = energy(&load);
}
