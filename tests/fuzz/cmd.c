// SPDX-License-Identifier: MIT
/*
 * fuzz_cmd: a command buffer. The decoder alone first, then a ring that runs it
 * on a small memory, with stops on the way; both must agree on what is valid.
 *
 * Input: 8 bytes of circumstances (see struct head), then the commands.
 */
#include <string.h>

#include "fuzz.h"

#define LOG2	4
#define POINTS	1500

struct head {
	uint8_t grain;		/* pieces of host memory, in pages; 0: no limit */
	uint8_t features;
	uint8_t stop;		/* what happens ... */
	uint8_t after;		/* ... after so many points */
	uint8_t again;		/* and after so many more, another time */
	uint8_t size;		/* taken off the size of the commands */
	uint8_t at;		/* where they begin, in words */
	uint8_t pad;
};

static uint64_t root;

static void setup(void)
{
	uint64_t z = 1;

	root = space_build();
	space_context(1, root, 5);
	/* numbers: small floats, which are also small bytes */
	for (unsigned int i = 0; i < 20 * 512; i++) {
		z = z * 6364136223846793005ull + 1442695040888963407ull;
		guest_store(PAGE(SPACE_DATA) + i * 8, (z >> 8 & 0x007f00ff007f00ff) |
			    0x3f003f003f003f00);
	}
	space_protect();
}

/* More than a moment, with everything that looks on: is decoded and not run. */
static bool is_long(const struct loom_work *work)
{
	struct loom_model model;

	loom_model_packet(loom_profile_find(LOOM_PROFILE_LOOM1), work, 0, &model);
	return model.macs >> 24 || model.cycles >> 18;
}

/* What the decoder alone says: 0 or a fault code, and where. */
static unsigned int decode(const uint8_t *cmd, uint32_t size, bool debug, uint32_t *pos,
			   bool *heavy, bool *lasting)
{
	struct loom_decode_error error;
	struct loom_work work;
	uint32_t step;

	*heavy = *lasting = false;
	for (*pos = 0; *pos < size; *pos += step) {
		if (size - *pos < sizeof(struct loom_pkt_header))
			return LOOM_FAULT_CMD_HEADER;
		if (loom_packet_decode(cmd + *pos, size - *pos, debug, card->engine, &work, &step,
				       &error)) {
			fuzz_check(error.code >= LOOM_FAULT_CMD_HEADER &&
				   error.code <= LOOM_FAULT_CMD_RESOURCE, "code %u", error.code);
			return error.code;
		}
		fuzz_check(step >= sizeof(struct loom_pkt_header) && step % 8 == 0 &&
			   step <= size - *pos, "a packet of %u bytes", step);
		for (unsigned int i = 0; i < work.noperands; i++) {
			const struct loom_operand *op = &work.operands[i];

			fuzz_check(!op->extent || (op->va + op->extent <= 1ull << LOOM_VA_BITS &&
				   op->origin < op->extent), "an operand out of bounds");
			*heavy |= op->extent > 36 * LOOM_PAGE_SIZE;
		}
		*heavy |= work.shared || work.arena > LOOM_ARENA_MAX;
		*lasting |= is_long(&work);
	}
	return 0;
}

static void stop(const struct head *head)
{
	switch (head->stop % 8) {
	case 1:
		card_quiesce();
		card_resume();
		break;
	case 2:
		card_write64(LOOM_REG_INV_VA, DATA_VA);
		card_write64(LOOM_REG_INV_LEN, head->stop & 8 ? 4096 : 0);
		card_write32(LOOM_REG_INV_TAG, 5);
		break;
	case 3:
		card_write32(LOOM_REG_RING(1) + LOOM_RING_CTRL,
			     LOOM_RING_CTRL_ENABLE | LOOM_RING_CTRL_HALT);
		fiber_run(96);
		card_write32(LOOM_REG_RING(1) + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE);
		break;
	case 4:
		card_write32(LOOM_REG_CTRL, 0);
		fiber_run(96);
		card_write32(LOOM_REG_CTRL, LOOM_CTRL_ENABLE);
		break;
	case 5:
		card_write32(LOOM_REG_CTX_STOP, 1);
		break;
	case 6:
		card_write32(LOOM_REG_RING(1) + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET);
		break;
	case 7:
		loom_core_reset(card);
		break;
	}
}

static void check(uint64_t index, unsigned int code, uint32_t pos, bool heavy)
{
	struct loom_fault record;
	unsigned int outcome;
	uint32_t fault;

	outcome = space_completion(1, LOG2, index, 0xc0, &fault);
	fuzz_check(code ? outcome == LOOM_OUTCOME_BAD_COMMAND || outcome == LOOM_OUTCOME_ABORTED ||
			  outcome == LOOM_OUTCOME_CONTEXT_STOPPED || heavy :
			  outcome != LOOM_OUTCOME_BAD_COMMAND || heavy,
		   "the decoder says %u at %u, the card %u", code, pos, outcome);
	if (fault == LOOM_CQE_FAULT_NONE)
		return;
	guest_read(CARD_FAULTS + fault * sizeof(record), &record, sizeof(record));
	fuzz_check(record.index == index && record.context == 1 && record.ring == 1 &&
		   record.cookie == 0xc0, "a fault record of something else");
	fuzz_check(outcome != LOOM_OUTCOME_BAD_COMMAND || heavy ||
		   (record.code == code && record.packet == pos),
		   "the decoder says %u at %u, the record %u at %u", code, pos, record.code,
		   record.packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t copy[8 * LOOM_PAGE_SIZE / 8];
	struct submission job = { .cookie = 0xc0, .context = 1, .flags = LOOM_DESC_IRQ };
	struct head head;
	unsigned int code;
	uint64_t index;
	uint32_t pos;
	bool heavy, lasting;

	if (!card)
		card_build(setup);
	memset(&head, 0, sizeof(head));
	memcpy(&head, data, size < sizeof(head) ? size : sizeof(head));
	data += size < sizeof(head) ? size : sizeof(head);
	size -= size < sizeof(head) ? size : sizeof(head);
	size = size > sizeof(copy) - 2048 ? sizeof(copy) - 2048 : size;
	size = (size - (head.size > size ? 0 : head.size)) & ~7ull;
	memcpy(copy, data, size);
	code = decode((const uint8_t *)copy, (uint32_t)size, head.features & LOOM_FEATURE_DEBUG,
		      &pos, &heavy, &lasting);
	if (lasting)
		return 0;

	job.cmd_va = CMD_VA + head.at * 8;
	job.cmd_size = (uint32_t)size;
	guest_write(PAGE(SPACE_CMD) + head.at * 8, data, size);
	guest.grain = head.grain % 4 * LOOM_PAGE_SIZE;
	card_enable(head.features & (LOOM_FEATURE_DEBUG | LOOM_FEATURE_COALESCE));
	card_ring_enable(1, LOG2, SPACE_DESC(1), SPACE_CQE(1), SPACE_INDEX(1));
	index = space_submit(1, LOG2, &job);
	if (head.stop % 8) {
		fiber_run(head.after);
		stop(&head);
		fiber_run(head.again);
		stop(&head);
	}
	if (card_settle(POINTS) == FIBER_IDLE &&
	    reg_get(&card->rings[1].regs[RR_CQ_WRITE]) > index && head.stop % 8 < 5)
		check(index, code, pos, heavy);
	card_end();
	return 0;
}

/* ---- packets ---- */

static uint64_t below(uint64_t n)
{
	return fuzz_random() % n;
}

static uint8_t any_type(void)
{
	static const uint8_t common[] = { LOOM_DTYPE_F32, LOOM_DTYPE_F16, LOOM_DTYPE_BF16,
					  LOOM_DTYPE_I8, LOOM_DTYPE_U8, LOOM_DTYPE_I32 };

	return below(8) ? common[below(6)] : (uint8_t)below(14);
}

static uint64_t any_place(bool write)
{
	static const uint64_t base[] = { DATA_VA, LOCAL_VA, RO_VA, CMD_VA };
	uint64_t va = base[below(write ? 2 : 3)] + below(3) * 4096;

	switch (below(16)) {
	case 0:
		return record_nasty(fuzz_random());
	case 1:
		return base[below(4)] + below(16 * 4096);
	case 2:
		/* the end of what is mapped */
		return va + 0xf000 + below(512) * 8;
	default:
		return va + below(512) * 8;
	}
}

static void fit(struct loom_tensor *t, bool write, uint8_t dtype)
{
	uint64_t stride = 1;

	memset(t->strides, 0, sizeof(t->strides));
	t->va = any_place(write);
	t->dtype = dtype;
	for (unsigned int i = t->rank; i-- > 0;) {
		t->strides[i] = stride;
		stride *= t->dims[i];
		if (!below(8))
			stride += below(5);
		if (!below(24))
			t->strides[i] = -t->strides[i];
		if (!write && !below(16))
			t->strides[i] = 0;
	}
	/* transposed */
	if (t->rank >= 2 && !below(4)) {
		t->strides[t->rank - 2] = 1;
		t->strides[t->rank - 1] = t->dims[t->rank - 2];
	}
}

/* As panels, or nearly. */
static void fit_panels(struct loom_tensor *t, bool write, uint8_t dtype)
{
	fit(t, write, dtype);
	t->flags = LOOM_TENSOR_PANELS;
	t->va &= below(8) ? -(uint64_t)LOOM_PANEL_ALIGN : -1ull;
	for (unsigned int i = 0; i < t->rank; i++)
		t->strides[i] = i + 2 < t->rank ? below(4) * 64 : 0;
}

static uint32_t any_dim(void)
{
	switch (below(12)) {
	case 0:
		return (uint32_t)below(200);
	case 1:
		return 0;
	case 2:
		return below(4) ? (uint32_t)below(5000) : (uint32_t)record_nasty(fuzz_random());
	default:
		return 1 + (uint32_t)below(20);
	}
}

static void shape(struct loom_tensor *t, unsigned int low)
{
	t->rank = (uint8_t)(low + (below(3) ? below(2) : below(LOOM_RANK_MAX + 1 - low)));
	for (unsigned int i = 0; i < t->rank; i++)
		t->dims[i] = i + 2 < t->rank && below(8) ? 1 + (uint32_t)below(3) : any_dim();
}

/* A shape that broadcasts to @to. */
static void broadcast(struct loom_tensor *t, const struct loom_tensor *to)
{
	unsigned int skip = below(4) ? 0 : (unsigned int)below(to->rank + 1u);

	t->rank = (uint8_t)(to->rank - skip);
	for (unsigned int i = 0; i < t->rank; i++)
		t->dims[i] = below(4) ? to->dims[i + skip] : 1;
}

static void make_copy(struct loom_pkt_copy *pkt)
{
	shape(&pkt->dst, 0);
	pkt->src = pkt->dst;
	fit(&pkt->dst, true, any_type());
	fit(&pkt->src, false, below(2) ? pkt->dst.dtype : any_type());
}

static void make_fill(struct loom_pkt_fill *pkt)
{
	shape(&pkt->dst, 0);
	fit(&pkt->dst, true, any_type());
	pkt->value = below(256);
}

/* With parameters where it may have some, and now and then where it may not. */
static uint32_t any_act(uint32_t *param)
{
	uint32_t act = (uint32_t)below(LOOM_ACT_HARD_SWISH + 2);

	if (act == LOOM_ACT_CLIP || act == LOOM_ACT_SELU || act == LOOM_ACT_HARD_SIGMOID ||
	    !below(16))
		param[1] = 0x40000000;
	if (act == LOOM_ACT_LEAKY || act == LOOM_ACT_ELU)
		param[0] = 0x3c23d70a;
	return act;
}

static void make_eltwise(struct loom_pkt_eltwise *pkt)
{
	uint8_t type = any_type();

	pkt->op = (uint32_t)below(6);
	pkt->act = any_act(pkt->act_param);
	shape(&pkt->dst, 0);
	broadcast(&pkt->a, &pkt->dst);
	broadcast(&pkt->b, &pkt->dst);
	fit(&pkt->dst, true, type);
	fit(&pkt->a, false, type);
	fit(&pkt->b, false, type);
}

static void make_unary(struct loom_pkt_unary *pkt)
{
	uint8_t type = any_type();

	pkt->op = (uint32_t)below(LOOM_UNARY_TRUNC + 2);
	pkt->act = any_act(pkt->act_param);
	shape(&pkt->dst, 0);
	pkt->src = pkt->dst;
	fit(&pkt->dst, true, type);
	fit(&pkt->src, false, type);
	if (!below(4))
		pkt->src = pkt->dst;
}

static void make_reduce(struct loom_pkt_reduce *pkt)
{
	uint8_t type = any_type();

	pkt->op = (uint32_t)below(LOOM_REDUCE_SUMABS + 2);
	shape(&pkt->src, 0);
	/* endless sums of one element tell nothing */
	for (unsigned int i = 0; i < pkt->src.rank; i++)
		if (pkt->src.dims[i] > 5000)
			pkt->src.dims[i] = 5000;
	pkt->axes = (uint32_t)below(1u << pkt->src.rank);
	pkt->dst = pkt->src;
	for (unsigned int i = 0; i < pkt->src.rank; i++)
		if (pkt->axes >> i & 1)
			pkt->dst.dims[i] = 1;
	fit(&pkt->dst, true, type);
	fit(&pkt->src, false, type);
}

static void make_softmax(struct loom_pkt_softmax *pkt)
{
	pkt->flags = (uint32_t)below(2);
	shape(&pkt->dst, 0);
	pkt->axes = (uint32_t)below(1u << pkt->dst.rank);
	pkt->src = pkt->dst;
	fit(&pkt->dst, true, 1 + (uint8_t)below(3));
	fit(&pkt->src, false, 1 + (uint8_t)below(3));
	if (below(2))
		pkt->src = pkt->dst;
}

static void make_epilogue(struct loom_epilogue *e, const struct loom_tensor *c, uint32_t columns,
			  uint8_t acc)
{
	e->act = any_act(e->act_param);
	if (below(2)) {
		e->bias.rank = 1;
		e->bias.dims[0] = below(2) ? columns : 1;
		fit(&e->bias, false, acc);
	}
	if (!below(3)) {
		e->scale.rank = 1;
		e->scale.dims[0] = below(2) ? columns : 1;
		fit(&e->scale, false, LOOM_DTYPE_F32);
	}
	if (!below(3)) {
		broadcast(&e->residual, c);
		fit(&e->residual, false, any_type());
	}
}

static void make_gemm(struct loom_pkt_gemm *pkt)
{
	uint8_t type = any_type();
	bool integer = type == LOOM_DTYPE_I8 || type == LOOM_DTYPE_U8;
	unsigned int r;

	shape(&pkt->c, 2);
	r = pkt->c.rank;
	pkt->a = pkt->c;
	pkt->b = pkt->c;
	pkt->a.dims[r - 1] = any_dim();
	pkt->b.dims[r - 2] = pkt->a.dims[r - 1];
	if (integer && below(2))
		pkt->a_zero = (uint32_t)below(128);
	fit(&pkt->c, true, integer && below(2) ? LOOM_DTYPE_I32 : any_type());
	fit(&pkt->a, false, type);
	(below(4) ? fit : fit_panels)(&pkt->b, false, integer ? (below(2) ? LOOM_DTYPE_I8 :
									 LOOM_DTYPE_U8) : type);
	if (below(2))
		make_epilogue(&pkt->epilogue, &pkt->c, pkt->c.dims[r - 1],
			      integer ? LOOM_DTYPE_I32 : LOOM_DTYPE_F32);
}

/* Axes of a window, mostly such as fit. */
static void make_window(struct loom_window *window, unsigned int axes)
{
	for (unsigned int i = 0; i < axes; i++) {
		window->stride[i] = 1 + (uint32_t)(below(4) ? below(3) : record_nasty(fuzz_random()));
		window->dilation[i] = 1 + (uint32_t)below(3);
		window->spacing[i] = 1 + (uint32_t)(below(4) ? 0 : below(3));
		window->before[i] = (uint32_t)(below(4) ? below(5) : record_nasty(fuzz_random()));
	}
}

static void make_conv(struct loom_pkt_conv *pkt)
{
	uint8_t type = any_type();
	bool integer = type == LOOM_DTYPE_I8 || type == LOOM_DTYPE_U8;
	unsigned int axes = 1 + (unsigned int)below(3);

	make_window(&pkt->window, axes);
	pkt->y.rank = pkt->x.rank = (uint8_t)(2 + axes);
	pkt->w.rank = (uint8_t)(3 + axes);
	pkt->y.dims[0] = pkt->x.dims[0] = 1 + (uint32_t)below(3);
	pkt->w.dims[0] = 1 + (uint32_t)(below(2) ? 0 : below(4));
	pkt->w.dims[1] = 1 + (uint32_t)below(20);
	pkt->w.dims[2] = 1 + (uint32_t)below(20);
	pkt->y.dims[1] = pkt->w.dims[0] * pkt->w.dims[1] + !below(32);
	pkt->x.dims[1] = pkt->w.dims[0] * pkt->w.dims[2];
	for (unsigned int i = 0; i < axes; i++) {
		pkt->y.dims[2 + i] = any_dim();
		pkt->x.dims[2 + i] = any_dim();
		pkt->w.dims[3 + i] = below(8) ? 1 + (uint32_t)below(4) : any_dim();
	}
	if (integer && below(2))
		pkt->x_zero = (uint32_t)below(128);
	fit(&pkt->y, true, integer && below(2) ? LOOM_DTYPE_I32 : any_type());
	fit(&pkt->x, false, type);
	fit(&pkt->w, false, integer ? (below(2) ? LOOM_DTYPE_I8 : LOOM_DTYPE_U8) : type);
	if (below(2))
		make_epilogue(&pkt->epilogue, &pkt->y, pkt->y.dims[1],
			      integer ? LOOM_DTYPE_I32 : LOOM_DTYPE_F32);
}

static void make_norm(struct loom_pkt_norm *pkt)
{
	struct loom_tensor *t = &pkt->weight;

	pkt->op = (uint32_t)below(4);
	pkt->epsilon = below(8) ? 0x3727c5ac : (uint32_t)record_nasty(fuzz_random());
	shape(&pkt->dst, 0);
	pkt->axes = pkt->op == LOOM_NORM_GIVEN ? 0 : (uint32_t)below(1u << pkt->dst.rank);
	pkt->src = pkt->dst;
	fit(&pkt->dst, true, 1 + (uint8_t)below(3));
	fit(&pkt->src, false, 1 + (uint8_t)below(3));
	if (!below(4))
		pkt->src = pkt->dst;
	for (unsigned int i = 0; i < 4; i++) {
		if (i < 2 ? !below(2) : pkt->op != LOOM_NORM_GIVEN)
			continue;
		broadcast(t + i, &pkt->dst);
		fit(t + i, false, 1 + (uint8_t)below(3));
	}
}

static void make_gather(struct loom_pkt_gather *pkt)
{
	uint8_t type = any_type();
	uint32_t rows = any_dim();

	pkt->op = (uint32_t)below(4);
	shape(&pkt->dst, 1);
	pkt->axis = (uint32_t)below(pkt->dst.rank + !below(16));
	pkt->src = pkt->dst;
	if (pkt->axis < pkt->dst.rank)
		pkt->src.dims[pkt->axis] = rows;
	pkt->indices.rank = pkt->op == LOOM_GATHER_SUM ? 2 : 1;
	pkt->indices.dims[0] = pkt->op == LOOM_GATHER_PUT ? rows : pkt->dst.dims[pkt->axis % 6];
	pkt->indices.dims[1] = pkt->op == LOOM_GATHER_SUM ? (uint32_t)below(20) : 0;
	fit(&pkt->dst, true, type);
	fit(&pkt->src, false, type);
	fit(&pkt->indices, false, below(2) ? LOOM_DTYPE_I32 : LOOM_DTYPE_I64);
}

static void make_resize(struct loom_pkt_resize *pkt)
{
	uint8_t type = any_type();
	bool sums = below(3);

	shape(&pkt->dst, 1);
	pkt->axis = (uint32_t)below(pkt->dst.rank + !below(16));
	pkt->src = pkt->dst;
	if (pkt->axis < pkt->dst.rank)
		pkt->src.dims[pkt->axis] = any_dim();
	pkt->value = below(2) ? 0 : below(256);
	pkt->places.rank = 2;
	pkt->places.dims[0] = pkt->dst.dims[pkt->axis % 6];
	pkt->places.dims[1] = sums ? (uint32_t)below(20) : 1;
	fit(&pkt->dst, true, sums ? 1 + (uint8_t)below(3) : type);
	fit(&pkt->src, false, sums ? 1 + (uint8_t)below(3) : type);
	if (sums) {
		pkt->weights = pkt->places;
		fit(&pkt->weights, false, LOOM_DTYPE_F32);
	}
	fit(&pkt->places, false, LOOM_DTYPE_I32);
}

static void make_arg(struct loom_pkt_arg *pkt)
{
	pkt->op = (uint32_t)below(3);
	pkt->flags = below(2);
	shape(&pkt->src, 1);
	pkt->axis = (uint32_t)below(pkt->src.rank + !below(16));
	pkt->dst = pkt->src;
	if (pkt->axis < pkt->src.rank)
		pkt->dst.dims[pkt->axis] = 1;
	fit(&pkt->dst, true, below(2) ? LOOM_DTYPE_I32 : LOOM_DTYPE_I64);
	fit(&pkt->src, false, 1 + (uint8_t)below(6));
}

static void make_quant(struct loom_pkt_quant *pkt)
{
	uint8_t number = 1 + (uint8_t)below(3), integer = 4 + (uint8_t)below(3);

	pkt->op = (uint32_t)below(2);
	shape(&pkt->dst, 0);
	pkt->src = pkt->dst;
	broadcast(&pkt->scale, &pkt->dst);
	fit(&pkt->dst, true, pkt->op ? number : integer);
	fit(&pkt->src, false, pkt->op ? integer : number);
	fit(&pkt->scale, false, 1 + (uint8_t)below(3));
	if (!below(2))
		return;
	broadcast(&pkt->zero, &pkt->dst);
	fit(&pkt->zero, false, integer);
}

static void make_pool(struct loom_pkt_pool *pkt)
{
	unsigned int axes = 1 + (unsigned int)below(3);
	uint8_t type = any_type();

	pkt->op = (uint32_t)below(5);
	pkt->flags = !below(4);
	make_window(&pkt->window, axes);
	pkt->y.rank = pkt->x.rank = (uint8_t)(2 + axes);
	for (unsigned int i = 0; i < 2; i++)
		pkt->y.dims[i] = pkt->x.dims[i] = any_dim();
	for (unsigned int i = 0; i < axes; i++) {
		if (below(8))
			pkt->window.spacing[i] = 1;
		pkt->y.dims[2 + i] = any_dim();
		pkt->x.dims[2 + i] = any_dim();
		pkt->taps[i] = below(8) ? 1 + (uint32_t)below(5) : any_dim();
		pkt->after[i] = pkt->flags ? (uint32_t)below(4) : 0;
	}
	if (!below(4)) {
		pkt->indices = pkt->y;
		fit(&pkt->indices, true, LOOM_DTYPE_I64);
	}
	fit(&pkt->y, true, type);
	fit(&pkt->x, false, type);
}

static void make_pack(struct loom_pkt_pack *pkt)
{
	uint8_t type = any_type();

	shape(&pkt->dst, 2);
	pkt->src = pkt->dst;
	fit_panels(&pkt->dst, true, type);
	fit(&pkt->src, false, type);
}

static const struct {
	uint16_t opcode;
	uint32_t size;
} packets[] = {
	{ LOOM_OP_COPY, sizeof(struct loom_pkt_copy) },
	{ LOOM_OP_FILL, sizeof(struct loom_pkt_fill) },
	{ LOOM_OP_ELTWISE, sizeof(struct loom_pkt_eltwise) },
	{ LOOM_OP_GEMM, sizeof(struct loom_pkt_gemm) },
	{ LOOM_OP_PACK, sizeof(struct loom_pkt_pack) },
	{ LOOM_OP_UNARY, sizeof(struct loom_pkt_unary) },
	{ LOOM_OP_REDUCE, sizeof(struct loom_pkt_reduce) },
	{ LOOM_OP_SOFTMAX, sizeof(struct loom_pkt_softmax) },
	{ LOOM_OP_CONV, sizeof(struct loom_pkt_conv) },
	{ LOOM_OP_POOL, sizeof(struct loom_pkt_pool) },
	{ LOOM_OP_NORM, sizeof(struct loom_pkt_norm) },
	{ LOOM_OP_GATHER, sizeof(struct loom_pkt_gather) },
	{ LOOM_OP_QUANT, sizeof(struct loom_pkt_quant) },
	{ LOOM_OP_RESIZE, sizeof(struct loom_pkt_resize) },
	{ LOOM_OP_ARG, sizeof(struct loom_pkt_arg) },
	{ LOOM_OP_FENCE, sizeof(struct loom_pkt_fence) },
	{ LOOM_OP_TIMESTAMP, sizeof(struct loom_pkt_timestamp) },
	{ LOOM_OP_NOP, sizeof(struct loom_pkt_header) },
	{ LOOM_OP_HANG, sizeof(struct loom_pkt_hang) },
};

#define NPACKETS	(sizeof(packets) / sizeof(packets[0]))

/* A packet that is valid as likely as not: mostly one that computes. */
static uint32_t make_packet(void *to)
{
	union {
		struct loom_pkt_header header;
		struct loom_pkt_fence fence;
		struct loom_pkt_timestamp timestamp;
		struct loom_pkt_copy copy;
		struct loom_pkt_fill fill;
		struct loom_pkt_eltwise eltwise;
		struct loom_pkt_gemm gemm;
		struct loom_pkt_pack pack;
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
		struct loom_pkt_hang hang;
	} pkt;
	unsigned int kind = (unsigned int)(below(3) ? below(NPACKETS - 4) : below(NPACKETS));

	memset(&pkt, 0, sizeof(pkt));
	pkt.header.opcode = packets[kind].opcode;
	pkt.header.version = LOOM_PKT_VERSION;
	pkt.header.size = packets[kind].size;
	switch (pkt.header.opcode) {
	case LOOM_OP_COPY:
		make_copy(&pkt.copy);
		break;
	case LOOM_OP_FILL:
		make_fill(&pkt.fill);
		break;
	case LOOM_OP_ELTWISE:
		make_eltwise(&pkt.eltwise);
		break;
	case LOOM_OP_GEMM:
		make_gemm(&pkt.gemm);
		break;
	case LOOM_OP_PACK:
		make_pack(&pkt.pack);
		break;
	case LOOM_OP_UNARY:
		make_unary(&pkt.unary);
		break;
	case LOOM_OP_REDUCE:
		make_reduce(&pkt.reduce);
		break;
	case LOOM_OP_SOFTMAX:
		make_softmax(&pkt.softmax);
		break;
	case LOOM_OP_CONV:
		make_conv(&pkt.conv);
		break;
	case LOOM_OP_POOL:
		make_pool(&pkt.pool);
		break;
	case LOOM_OP_NORM:
		make_norm(&pkt.norm);
		break;
	case LOOM_OP_GATHER:
		make_gather(&pkt.gather);
		break;
	case LOOM_OP_QUANT:
		make_quant(&pkt.quant);
		break;
	case LOOM_OP_RESIZE:
		make_resize(&pkt.resize);
		break;
	case LOOM_OP_ARG:
		make_arg(&pkt.arg);
		break;
	case LOOM_OP_FENCE:
	case LOOM_OP_TIMESTAMP:
		pkt.fence.va = any_place(true);
		break;
	case LOOM_OP_HANG:
		pkt.hang.flags = below(2);
		break;
	}
	memcpy(to, &pkt, pkt.header.size);
	return pkt.header.size;
}

/* Where packet number @n, or the last, begins, counting as the headers say. */
static size_t packet_at(const uint8_t *cmd, size_t size, uint64_t n, size_t *length)
{
	struct loom_pkt_header header;
	size_t at = 0;

	for (;;) {
		*length = 0;
		if (size - at < sizeof(header))
			return at;
		memcpy(&header, cmd + at, sizeof(header));
		if (header.size < sizeof(header) || header.size > size - at)
			return at;
		*length = header.size;
		if (!n-- || *length == size - at)
			return at;
		at += *length;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	uint64_t packet[sizeof(struct loom_pkt_conv) / 8];
	size_t at, length, head = sizeof(struct head), made;
	uint8_t *cmd = data + head;

	fuzz_seed(seed);
	if (max < head + 1024)
		return LLVMFuzzerMutate(data, size, max);
	if (size < head) {
		memset(data, 0, head);
		size = head;
	}
	at = packet_at(cmd, size - head, below(8), &length);
	switch (below(8)) {
	case 0:
	case 1:
		return LLVMFuzzerMutate(data, size, max);
	case 2:
		for (unsigned int i = 0; i < head; i++)
			if (below(2))
				data[i] = (uint8_t)(below(2) ? 0 : fuzz_random());
		return size;
	case 3:
		/* one field of one packet */
		if (length >= 24) {
			uint64_t value = below(2) ? record_nasty(fuzz_random()) : any_place(false);
			size_t width = 1u << below(4);

			memcpy(cmd + at + below(length / width) * width, &value, width);
		}
		return size;
	case 4:
		/* remove */
		memmove(cmd + at, cmd + at + length, size - head - at - length);
		return size - length;
	case 5:
		/* replace */
		memmove(cmd + at, cmd + at + length, size - head - at - length);
		size -= length;
		break;
	}
	made = make_packet(packet);
	if (size + made > max)
		return size;
	memmove(cmd + at + made, cmd + at, size - head - at);
	memcpy(cmd + at, packet, made);
	return size + made;
}
