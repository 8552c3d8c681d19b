// SPDX-License-Identifier: MIT
#include <string.h>

#include "../object.h"
#include "../program.h"
#include "card.h"
#include "eval.h"
#include "loom_isa.h"
#include "quant.h"
#include "tail.h"

#define NO_OPERATOR	"the card does not have this operator"
#define NO_TYPE		"the card does not compute with this type"
#define WRAPS		"the card saturates where the operator wraps"

static bool has(const struct accel_device_props *props, unsigned int opcode)
{
	return !props || props->opcodes[opcode / 64] >> (opcode % 64) & 1;
}

/* As it lies in memory: BOOL is a byte like another. */
static enum accel_dtype stored(enum accel_dtype t)
{
	return t == ACCEL_BOOL ? ACCEL_U8 : t;
}

static const char *values_cannot(const struct ir_node *n, const struct accel_device_props *props)
{
	for (uint32_t i = 0; i < n->nin + n->nout; i++) {
		const struct ir_value *v = i < n->nin ? n->in[i] : n->out[i - n->nin];

		if (!v)
			continue;
		if (props && !(props->dtypes >> stored(v->dtype) & 1))
			return "the card does not have this type";
		if (v->rank > ACCEL_RANK_MAX && n->op != IR_RESHAPE)
			return "the card has tensors of up to 6 axes";
		if (v->count > LOOM_DIM_MAX && n->op == IR_RESHAPE)
			return "an axis would have more than 2^31 - 1 elements";
	}
	return NULL;
}

static const char *act_cannot(const struct ir_node *n, const struct accel_device_props *props)
{
	if (!ir_is_float(n->out[0]->dtype) && n->act > ACCEL_ACT_RELU)
		return "the card does not have this activation of integers";
	if (props && props->hw_version < (1u << 16 | 1) && n->act > ACCEL_ACT_CLIP)
		return "this card does not have this activation";
	return NULL;
}

static const char *cast_cannot(enum accel_dtype from, enum accel_dtype to)
{
	bool byte = from == ACCEL_I8 || from == ACCEL_U8 || from == ACCEL_BOOL;

	if (ir_is_float(from) &&
	    (ir_is_float(to) || to == ACCEL_I32 || to == ACCEL_I8 || to == ACCEL_U8))
		return NULL;
	if ((byte || from == ACCEL_I32) && ir_is_float(to))
		return NULL;
	if (byte && to == ACCEL_I32)
		return NULL;
	return ir_is_int(from) && ir_is_int(to) ? WRAPS : NO_TYPE;
}

const char *card_cannot(const struct ir_node *n, const struct accel_device_props *props)
{
	enum accel_dtype t = n->nin && n->in[0] ? n->in[0]->dtype : ACCEL_NONE;
	bool byte = t == ACCEL_I8 || t == ACCEL_U8;
	const char *why = values_cannot(n, props);

	if (n->op == IR_MISSING)
		return n->text;
	if (n->op == IR_TAIL)
		return ((const struct tail *)n->extra)->reason;
	if (why)
		return why;
	switch (n->op) {
	case IR_BINARY:
		if (n->fn > IR_MAX || !has(props, LOOM_OP_ELTWISE))
			return NO_OPERATOR;
		if (byte && n->fn < IR_MIN)
			return WRAPS;
		if (!ir_is_float(t) && !byte && t != ACCEL_I32)
			return NO_TYPE;
		if (n->fn == IR_DIV && !ir_is_float(t))
			return NO_TYPE;
		return act_cannot(n, props);
	case IR_UNARY:
		if (n->fn > IR_TRUNC || !has(props, LOOM_OP_UNARY))
			return NO_OPERATOR;
		if (byte)
			return WRAPS;
		if (!ir_is_float(t) && (t != ACCEL_I32 || n->fn > IR_SQUARE))
			return NO_TYPE;
		return act_cannot(n, props);
	case IR_ACT:
		if (!has(props, LOOM_OP_UNARY))
			return NO_OPERATOR;
		if (!ir_is_float(t) && !byte && t != ACCEL_I32)
			return NO_TYPE;
		return act_cannot(n, props);
	case IR_REDUCE:
		if (!has(props, LOOM_OP_REDUCE))
			return NO_OPERATOR;
		if (byte && n->fn != ACCEL_REDUCE_MIN && n->fn != ACCEL_REDUCE_MAX)
			return WRAPS;
		if (!ir_is_float(t) && ((t != ACCEL_I32 && !byte) || n->fn == ACCEL_REDUCE_MEAN))
			return NO_TYPE;
		return NULL;
	case IR_GATHER:
		if (!has(props, LOOM_OP_GATHER) || n->in[0]->rank > ACCEL_RANK_MAX)
			return NO_OPERATOR;
		if (!ir_is_float(t))
			return NO_TYPE;
		if (!n->in[1]->from || n->in[1]->from->op != IR_CHECK)
			return "its indices are not checked before";
		return n->in[0]->count && n->in[1]->count <= LOOM_DIM_MAX ? NULL : NO_OPERATOR;
	case IR_NORM:
		if (!has(props, LOOM_OP_NORM))
			return NO_OPERATOR;
		return ir_is_float(t) ? NULL : NO_TYPE;
	case IR_SOFTMAX:
		if (!has(props, LOOM_OP_SOFTMAX))
			return NO_OPERATOR;
		return ir_is_float(t) ? NULL : NO_TYPE;
	case IR_MATMUL:
		if (!has(props, LOOM_OP_GEMM))
			return NO_OPERATOR;
		return ir_is_float(t) ? act_cannot(n, props) : NO_TYPE;
	case IR_CONV:
		if (!has(props, LOOM_OP_CONV))
			return NO_OPERATOR;
		return ir_is_float(t) ? act_cannot(n, props) : NO_TYPE;
	case IR_POOL:
		if (!has(props, LOOM_OP_POOL))
			return NO_OPERATOR;
		if (n->fn == ACCEL_POOL_MAX && (byte || t == ACCEL_I32))
			return NULL;
		return ir_is_float(t) ? NULL : NO_TYPE;
	case IR_CAST:
		return has(props, LOOM_OP_COPY) ? cast_cannot(t, n->out[0]->dtype) : NO_OPERATOR;
	case IR_RESHAPE:
	case IR_TRANSPOSE:
	case IR_SLICE:
	case IR_CONCAT:
	case IR_EXPAND:
		return has(props, LOOM_OP_COPY) ? NULL : NO_OPERATOR;
	case IR_RESIZE:
		if (!has(props, LOOM_OP_RESIZE))
			return NO_OPERATOR;
		return n->nin < 3 || ir_is_float(t) ? NULL : NO_TYPE;
	case IR_ARG:
		if (!has(props, LOOM_OP_ARG))
			return NO_OPERATOR;
		return ir_is_float(t) || byte || t == ACCEL_I32 ? NULL : NO_TYPE;
	case IR_PAD:
		if (!has(props, LOOM_OP_COPY) || !has(props, LOOM_OP_FILL) ||
		    n->fn != IR_PAD_CONSTANT)
			return NO_OPERATOR;
		return n->nin < 2 || n->in[1]->data ? NULL : "the padding is not a constant";
	case IR_QUANTIZE:
	case IR_DEQUANTIZE:
	case IR_QMATMUL:
	case IR_QCONV:
		return card_quant_cannot(n, props);
	default:
		return NO_OPERATOR;
	}
}

/* The processor knows values without gaps only. */
static void leave_place(struct ir_value *v)
{
	if (v)
		v->channels = false;
	if (v && v->place) {
		v->place = NULL;
		v->alias = NULL;
	}
}

/* Nothing is left to do where all that is put together, or what is cut out, lies in its place. */
static bool is_in_place(const struct ir_node *n)
{
	if (n->op == IR_SLICE)
		return n->out[0]->place && n->out[0]->alias == n->in[0];
	if (n->op != IR_CONCAT)
		return false;
	for (uint32_t i = 0; i < n->nin; i++)
		if (n->in[i]->count && (!n->in[i]->place || n->in[i]->alias != n->out[0]))
			return false;
	return true;
}

uint32_t card_place(struct ir_graph *g, const struct accel_device_props *props)
{
	uint32_t missing = 0;

	for (struct ir_node *n = g->first; n; n = n->next) {
		const char *host;

		n->reason = "";
		n->place = ACCEL_PLACE_CARD;
		if (n->op == IR_RESHAPE && (n->out[0]->alias || n->in[0]->alias == n->out[0])) {
			n->place = ACCEL_PLACE_VIEW;
			continue;
		}
		n->reason = card_cannot(n, props);
		if (!n->reason) {
			n->reason = "";
			continue;
		}
		host = eval_cannot(n);
		n->place = host ? ACCEL_PLACE_MISSING : ACCEL_PLACE_HOST;
		missing += host != NULL;
		for (uint32_t i = 0; i < n->nin; i++)
			leave_place(n->in[i]);
		for (uint32_t i = 0; i < n->nout; i++)
			leave_place(n->out[i]);
	}
	for (struct ir_node *n = g->first; n; n = n->next)
		if (n->place == ACCEL_PLACE_CARD && is_in_place(n))
			n->place = ACCEL_PLACE_VIEW;
	return missing;
}

static bool early(const struct ir_node *n)
{
	if (n->place != ACCEL_PLACE_HOST && n->place != ACCEL_PLACE_VIEW)
		return false;
	for (uint32_t i = 0; i < n->nin; i++)
		if (n->in[i] && n->in[i]->from && !n->in[i]->from->early)
			return false;
	return true;
}

void card_order(struct ir_graph *g)
{
	struct ir_node *first = NULL, **to = &first, *rest = NULL, **later = &rest;

	for (struct ir_node *n = g->first; n; n = n->next) {
		n->early = early(n);
		if (n->early) {
			*to = n;
			to = &n->next;
		} else {
			*later = n;
			later = &n->next;
		}
	}
	*later = NULL;
	*to = rest;
	g->first = first;
	g->last = rest ? later : to;
}

bool card_packs(const struct ir_node *n, const struct accel_device_props *props)
{
	if (n->op == IR_MATMUL || n->op == IR_QMATMUL ? n->in[1]->rank != 2 :
	    !card_is_pointwise(n) || !has(props, LOOM_OP_GEMM))
		return false;
	return n->place == ACCEL_PLACE_CARD && n->in[1]->data && !n->in[1]->from &&
	       n->in[1]->count && has(props, LOOM_OP_PACK);
}

/* --- Packets ----------------------------------------------------------------------------- */

void card_shaped(struct accel_tensor *t, const struct ir_value *v, uint32_t rank,
		 const int64_t *dims, const struct card_operands *operands)
{
	uint32_t narrow[ACCEL_RANK_MAX];
	struct accel_buffer *buffer;
	uint64_t offset = 0;

	for (uint32_t i = 0; i < rank; i++)
		narrow[i] = (uint32_t)dims[i];
	buffer = operands->find(operands->arg, v, &offset);
	accel_tensor_init(t, buffer, offset, stored(v->dtype), rank, narrow);
}

/* Elements from one index to the next in a value that has memory of its own. */
static void strides_of(const struct ir_value *v, int64_t *strides)
{
	int64_t stride = v->channels ? v->dims[1] : 1;

	for (uint32_t i = v->rank; i-- > 0;) {
		strides[i] = v->channels && i == 1 ? 1 : stride;
		stride *= v->channels && i == 1 ? 1 : v->dims[i];
	}
}

void card_tensor(struct accel_tensor *t, const struct ir_value *v,
		 const struct card_operands *operands)
{
	int64_t starts[IR_RANK_MAX] = { 0 }, steps[IR_RANK_MAX], strides[IR_RANK_MAX];
	const struct ir_value *home = v;

	card_shaped(t, v, v->rank, v->dims, operands);
	if (!v->place && !v->channels)
		return;
	for (uint32_t i = 0; i < v->rank; i++)
		steps[i] = 1;
	for (; home->place; home = home->alias)
		for (uint32_t i = 0; i < v->rank; i++) {
			starts[i] = home->place[i] + home->place[IR_RANK_MAX + i] * starts[i];
			steps[i] *= home->place[IR_RANK_MAX + i];
		}
	strides_of(home, strides);
	for (uint32_t i = 0; i < v->rank; i++) {
		t->offset += (uint64_t)(starts[i] * strides[i]) * accel_dtype_size(v->dtype);
		t->strides[i] = steps[i] * strides[i];
	}
}

static int emit_gather(struct accel_program *program, const struct ir_node *n,
		       const struct card_operands *operands)
{
	const struct ir_value *x = n->in[0], *k = n->in[1];
	struct accel_gather_op op = ACCEL_INIT(op);
	int64_t dims[IR_RANK_MAX];

	op.op = ACCEL_GATHER_TAKE;
	op.axis = (uint32_t)n->axis;
	memcpy(dims, x->dims, sizeof(dims));
	dims[n->axis] = k->count;
	card_shaped(&op.dst, n->out[0], x->rank, dims, operands);
	card_tensor(&op.src, x, operands);
	card_shaped(&op.indices, k, 1, &k->count, operands);
	return accel_program_gather(program, &op);
}

static int emit_norm(struct accel_program *program, const struct ir_node *n,
		     const struct card_operands *operands)
{
	struct accel_norm_op op = ACCEL_INIT(op);

	op.op = (enum accel_norm)n->fn;
	op.axes = n->axes;
	op.epsilon = n->value;
	card_tensor(&op.dst, n->out[0], operands);
	card_tensor(&op.src, n->in[0], operands);
	if (n->in[1])
		card_tensor(&op.weight, n->in[1], operands);
	if (n->in[2])
		card_tensor(&op.bias, n->in[2], operands);
	return accel_program_norm(program, &op);
}

static int emit_binary(struct accel_program *program, const struct ir_node *n,
		       const struct card_operands *operands)
{
	struct accel_eltwise_op op = ACCEL_INIT(op);

	op.op = (enum accel_eltwise)n->fn;
	op.act = n->act;
	memcpy(op.act_param, n->act_param, sizeof(op.act_param));
	card_tensor(&op.dst, n->out[0], operands);
	card_tensor(&op.a, n->in[0], operands);
	card_tensor(&op.b, n->in[1], operands);
	return accel_program_eltwise(program, &op);
}

static int emit_unary(struct accel_program *program, const struct ir_node *n,
		      const struct card_operands *operands)
{
	struct accel_unary_op op = ACCEL_INIT(op);

	op.op = n->op == IR_ACT ? ACCEL_IDENTITY : (enum accel_unary)n->fn;
	op.act = n->act;
	memcpy(op.act_param, n->act_param, sizeof(op.act_param));
	card_tensor(&op.dst, n->out[0], operands);
	card_tensor(&op.src, n->in[0], operands);
	return accel_program_unary(program, &op);
}

static int emit_reduce(struct accel_program *program, const struct ir_node *n,
		       const struct card_operands *operands)
{
	struct accel_reduce_op op = ACCEL_INIT(op);

	op.op = (enum accel_reduce)n->fn;
	op.axes = n->axes;
	card_tensor(&op.dst, n->out[0], operands);
	card_tensor(&op.src, n->in[0], operands);
	return accel_program_reduce(program, &op);
}

static int emit_resize(struct accel_program *program, const struct ir_node *n,
		       const struct card_operands *operands)
{
	struct accel_resize_op op = ACCEL_INIT(op);
	enum accel_dtype t = n->nin > 2 ? ACCEL_F32 : n->out[0]->dtype;

	op.axis = (uint32_t)n->axis;
	eval_store(t, &op.value, (double)n->value);
	card_tensor(&op.dst, n->out[0], operands);
	card_tensor(&op.src, n->in[0], operands);
	card_tensor(&op.places, n->in[1], operands);
	if (n->nin > 2)
		card_tensor(&op.weights, n->in[2], operands);
	return accel_program_resize(program, &op);
}

static int emit_arg(struct accel_program *program, const struct ir_node *n,
		    const struct card_operands *operands)
{
	struct accel_arg_op op = ACCEL_INIT(op);

	op.op = n->fn ? ACCEL_ARG_MAX : ACCEL_ARG_MIN;
	op.axis = (uint32_t)n->axis;
	op.last = n->flag;
	card_tensor(&op.dst, n->out[0], operands);
	card_tensor(&op.src, n->in[0], operands);
	return accel_program_arg(program, &op);
}

static int emit_softmax(struct accel_program *program, const struct ir_node *n,
			const struct card_operands *operands)
{
	struct accel_softmax_op op = ACCEL_INIT(op);

	op.axes = n->axes;
	op.log = n->flag;
	card_tensor(&op.dst, n->out[0], operands);
	card_tensor(&op.src, n->in[0], operands);
	return accel_program_softmax(program, &op);
}

void card_epilogue(struct accel_tensor *bias, struct accel_tensor *scale,
		   struct accel_tensor *residual, const struct ir_node *n,
		   const struct card_operands *operands)
{
	if (n->nin > IR_P_BIAS && n->in[IR_P_BIAS])
		card_shaped(bias, n->in[IR_P_BIAS], 1, &n->in[IR_P_BIAS]->count, operands);
	if (n->nin > IR_P_SCALE && n->in[IR_P_SCALE])
		card_shaped(scale, n->in[IR_P_SCALE], 1, &n->in[IR_P_SCALE]->count, operands);
	if (residual && n->nin > IR_P_RESIDUAL && n->in[IR_P_RESIDUAL])
		card_tensor(residual, n->in[IR_P_RESIDUAL], operands);
}

static int emit_matmul(struct accel_program *program, const struct ir_node *n,
		       const struct card_operands *operands)
{
	struct accel_gemm_op op = ACCEL_INIT(op);

	op.act = n->act;
	memcpy(op.act_param, n->act_param, sizeof(op.act_param));
	card_tensor(&op.c, n->out[0], operands);
	card_tensor(&op.a, n->in[0], operands);
	op.weights = operands->weights(operands->arg, n->in[1]);
	if (!op.weights)
		card_tensor(&op.b, n->in[1], operands);
	card_epilogue(&op.bias, &op.scale, &op.residual, n, operands);
	return accel_program_gemm(program, &op);
}

/* [G, Co, Ci, taps...]; in the file [G Co, Ci, taps...] or, transposed, [G Ci, Co, taps...] */
void card_filter(struct accel_tensor *t, const struct ir_value *w, int64_t groups,
		 const struct card_operands *operands)
{
	int64_t dims[IR_RANK_MAX + 1];

	dims[0] = groups;
	dims[1] = w->dims[0] / groups;
	memcpy(dims + 2, w->dims + 1, (w->rank - 1) * sizeof(*dims));
	card_shaped(t, w, w->rank + 1, dims, operands);
}

void card_window(struct accel_window *window, const int64_t *ints, uint32_t axes)
{
	for (uint32_t i = 0; i < axes; i++) {
		window->stride[i] = (uint32_t)ints[i];
		window->spacing[i] = 1;
		window->dilation[i] = (uint32_t)ints[3 + i];
		window->before[i] = (int32_t)ints[6 + i];
	}
}

static int emit_conv(struct accel_program *program, const struct ir_node *n,
		     const struct card_operands *operands)
{
	const struct ir_value *w = n->in[1], *y = n->out[0];
	struct accel_conv_op op = ACCEL_INIT(op);
	int64_t taps = 1;

	if (card_is_pointwise(n) && has(&program->context->device->props, LOOM_OP_GEMM))
		return card_pointwise_emit(program, n, operands);
	op.act = n->act;
	memcpy(op.act_param, n->act_param, sizeof(op.act_param));
	card_tensor(&op.y, y, operands);
	card_tensor(&op.x, n->in[0], operands);
	card_filter(&op.w, w, n->axis, operands);
	if (n->flag2) {
		op.w.strides[2] = 1;
		for (uint32_t i = op.w.rank; i-- > 3;) {
			op.w.strides[i] = taps * w->dims[1];
			taps *= w->dims[i - 1];
		}
	}
	taps = 1;
	card_window(&op.window, n->ints, y->rank - 2);
	for (uint32_t i = 2; i < w->rank; i++)
		taps *= w->dims[i];
	if (n->flag) {
		accel_tensor_transpose(&op.w, 1, 2);
		op.w.offset += (uint64_t)(taps ? taps - 1 : 0) * accel_dtype_size(w->dtype);
		for (uint32_t i = 3; i < op.w.rank; i++)
			op.w.strides[i] = -op.w.strides[i];
	}
	for (uint32_t i = 0; i < y->rank - 2 && n->flag; i++) {
		op.window.spacing[i] = op.window.stride[i];
		op.window.stride[i] = 1;
	}
	card_epilogue(&op.bias, &op.scale, &op.residual, n, operands);
	return accel_program_conv(program, &op);
}

static int emit_pool(struct accel_program *program, const struct ir_node *n,
		     const struct card_operands *operands)
{
	struct accel_pool_op op = ACCEL_INIT(op);

	op.op = (enum accel_pool)n->fn;
	op.count_holes = n->flag;
	card_tensor(&op.y, n->out[0], operands);
	card_tensor(&op.x, n->in[0], operands);
	if (n->nout > 1 && n->out[1])
		card_tensor(&op.indices, n->out[1], operands);
	for (uint32_t i = 0; i < n->out[0]->rank - 2; i++) {
		op.window.stride[i] = (uint32_t)n->ints[i];
		op.window.dilation[i] = (uint32_t)n->ints[3 + i];
		op.window.before[i] = (int32_t)n->ints[6 + i];
		op.taps[i] = (uint32_t)n->ints[9 + i];
		op.after[i] = n->flag ? (uint32_t)n->ints[12 + i] : 0;
	}
	return accel_program_pool(program, &op);
}

static int emit_concat(struct accel_program *program, const struct ir_node *n,
		       const struct card_operands *operands)
{
	struct accel_tensor whole, dst, src;
	uint64_t at = 0;

	card_tensor(&whole, n->out[0], operands);
	for (uint32_t i = 0; i < n->nin; i++) {
		const struct ir_value *v = n->in[i];
		int ret;

		card_tensor(&src, v, operands);
		dst = whole;
		dst.offset += at * (uint64_t)whole.strides[n->axis] * accel_dtype_size(dst.dtype);
		dst.dims[n->axis] = src.dims[n->axis];
		at += src.dims[n->axis];
		/* Nothing may lie behind the end; and it may be there already. */
		if (!v->count || (v->place && v->alias == n->out[0]))
			continue;
		ret = accel_program_copy(program, &dst, &src);
		if (ret)
			return ret;
	}
	return 0;
}

static int emit_pad(struct accel_program *program, const struct ir_node *n,
		    const struct card_operands *operands)
{
	struct accel_tensor whole, dst, src;
	uint64_t value = 0;
	bool inner = true;
	int ret;

	card_tensor(&whole, n->out[0], operands);
	card_tensor(&src, n->in[0], operands);
	if (n->nin > 1)
		memcpy(&value, n->in[1]->data, accel_dtype_size(n->in[1]->dtype));
	ret = accel_program_fill(program, &whole, value);
	dst = whole;
	for (uint32_t i = 0; i < whole.rank; i++) {
		int64_t before = n->ints[i], after = n->ints[whole.rank + i];
		int64_t size = (int64_t)accel_dtype_size(dst.dtype);
		int64_t count = (int64_t)src.dims[i];

		if (before < 0)
			src.offset += (uint64_t)(-before * src.strides[i] * size);
		else
			dst.offset += (uint64_t)(before * dst.strides[i] * size);
		count += (before < 0 ? before : 0) + (after < 0 ? after : 0);
		inner &= count > 0;
		dst.dims[i] = src.dims[i] = (uint32_t)(count > 0 ? count : 0);
	}
	return ret || !inner ? ret : accel_program_copy(program, &dst, &src);
}

/* Copies from operands that are read in another order. */
static int emit_move(struct accel_program *program, const struct ir_node *n,
		     const struct card_operands *operands)
{
	const struct ir_value *x = n->in[0], *y = n->out[0];
	struct accel_tensor dst, src;
	int64_t strides[IR_RANK_MAX];

	if (n->op == IR_RESHAPE) {
		card_shaped(&dst, y, 1, &y->count, operands);
		card_shaped(&src, x, 1, &x->count, operands);
		return accel_program_copy(program, &dst, &src);
	}
	card_tensor(&dst, y, operands);
	card_tensor(&src, x, operands);
	if (n->op == IR_TRANSPOSE) {
		memcpy(strides, src.strides, sizeof(src.strides));
		for (uint32_t i = 0; i < y->rank; i++)
			src.strides[i] = strides[n->ints[i]];
	} else if (n->op == IR_SLICE) {
		for (uint32_t i = 0; i < y->rank; i++) {
			src.offset += (uint64_t)(n->ints[i] * src.strides[i]) *
				      accel_dtype_size(src.dtype);
			src.strides[i] *= n->ints[y->rank + i];
		}
	} else {
		eval_strides(x, y->rank, strides);
		memcpy(src.strides, strides, sizeof(src.strides));
		src.rank = y->rank;
	}
	memcpy(src.dims, dst.dims, sizeof(src.dims));
	return y->count ? accel_program_copy(program, &dst, &src) : 0;
}

static int emit_cast(struct accel_program *program, const struct ir_node *n,
		     const struct card_operands *operands)
{
	struct accel_tensor dst, src;

	card_tensor(&dst, n->out[0], operands);
	card_tensor(&src, n->in[0], operands);
	return accel_program_copy(program, &dst, &src);
}

int card_emit(struct accel_program *program, const struct ir_node *n,
	      const struct card_operands *operands)
{
	bool nothing = true;

	for (uint32_t i = 0; i < n->nout; i++)
		nothing &= !n->out[i] || !n->out[i]->count;
	if (nothing)
		return 0;
	switch (n->op) {
	case IR_BINARY:
		return emit_binary(program, n, operands);
	case IR_UNARY:
	case IR_ACT:
		return emit_unary(program, n, operands);
	case IR_REDUCE:
		return emit_reduce(program, n, operands);
	case IR_RESIZE:
		return emit_resize(program, n, operands);
	case IR_ARG:
		return emit_arg(program, n, operands);
	case IR_SOFTMAX:
		return emit_softmax(program, n, operands);
	case IR_GATHER:
		return emit_gather(program, n, operands);
	case IR_NORM:
		return emit_norm(program, n, operands);
	case IR_MATMUL:
		return emit_matmul(program, n, operands);
	case IR_CONV:
		return emit_conv(program, n, operands);
	case IR_POOL:
		return emit_pool(program, n, operands);
	case IR_CONCAT:
		return emit_concat(program, n, operands);
	case IR_PAD:
		return emit_pad(program, n, operands);
	case IR_CAST:
		return emit_cast(program, n, operands);
	case IR_QUANTIZE:
	case IR_DEQUANTIZE:
	case IR_QMATMUL:
	case IR_QCONV:
		return card_quant_emit(program, n, operands);
	default:
		return emit_move(program, n, operands);
	}
}
