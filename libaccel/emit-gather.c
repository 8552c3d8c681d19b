// SPDX-License-Identifier: MIT
/* Rows of tables: checks and packets. */
#include <endian.h>

#include "emit-parts.h"

_Static_assert((int)ACCEL_GATHER_TAKE == LOOM_GATHER_TAKE &&
	       (int)ACCEL_GATHER_SUM == LOOM_GATHER_SUM &&
	       (int)ACCEL_GATHER_PUT == LOOM_GATHER_PUT, "functions of rows");

static int gather_types(const struct accel_gather_op *op)
{
	enum accel_dtype d = op->dst.dtype, s = op->src.dtype;

	if (op->op == ACCEL_GATHER_SUM && !(dtype_is_float(d) && dtype_is_float(s)))
		return err(-EINVAL, NULL, "dst is %s, src is %s: only floats are added up",
			   accel_dtype_name(d), accel_dtype_name(s));
	if (op->op != ACCEL_GATHER_SUM && d != s)
		return err(-EINVAL, "copy converts", "dst is %s, src is %s: rows are moved as "
			   "they are", accel_dtype_name(d), accel_dtype_name(s));
	if (op->indices.dtype != ACCEL_I32 && op->indices.dtype != ACCEL_I64)
		return err(-EINVAL, NULL, "indices are %s, must be i32 or i64",
			   accel_dtype_name(op->indices.dtype));
	return 0;
}

static int gather_shapes(const struct accel_gather_op *op)
{
	const struct accel_tensor *table = op->op == ACCEL_GATHER_PUT ? &op->dst : &op->src;
	const struct accel_tensor *values = op->op == ACCEL_GATHER_PUT ? &op->src : &op->dst;
	char a[TENSOR_SHAPE_LEN], b[TENSOR_SHAPE_LEN];
	bool same = values->rank == table->rank;

	if (op->axis >= table->rank)
		return err(-EINVAL, NULL, "axis %u: the table is %s, it has %u", op->axis,
			   tensor_shape(table, a), table->rank);
	for (uint32_t i = 0; same && i < table->rank; i++)
		same = i == op->axis || values->dims[i] == table->dims[i];
	if (!same)
		return err(-EINVAL, NULL, "the table %s and the rows %s differ along another axis "
			   "than %u", tensor_shape(table, a), tensor_shape(values, b), op->axis);
	if (op->indices.rank != (op->op == ACCEL_GATHER_SUM ? 2 : 1))
		return err(-EINVAL, NULL, "indices have rank %u, must be [rows%s]",
			   op->indices.rank, op->op == ACCEL_GATHER_SUM ? ", elements" : "");
	if (op->indices.dims[0] != values->dims[op->axis])
		return err(-EINVAL, NULL, "%u indices for %u rows", op->indices.dims[0],
			   values->dims[op->axis]);
	return 0;
}

int emit_gather(const struct accel_program *program, const struct accel_gather_op *op,
		struct loom_pkt_gather *packet)
{
	int ret;

	ret = emit_header(program, &packet->header, LOOM_OP_GATHER, sizeof(*packet),
			  "rows of tables");
	if (ret)
		return ret;
	if ((unsigned int)op->op > ACCEL_GATHER_PUT)
		return err(-EINVAL, NULL, "unknown function %u", (unsigned int)op->op);
	ret = tensor_check(program, &op->dst, "dst", TENSOR_WRITE);
	if (!ret)
		ret = tensor_check(program, &op->src, "src", 0);
	if (!ret)
		ret = tensor_check(program, &op->indices, "indices", 0);
	if (!ret)
		ret = gather_types(op);
	if (!ret)
		ret = gather_shapes(op);
	if (ret)
		return ret;
	packet->op = htole32(op->op);
	packet->axis = htole32(op->axis);
	emit_operand(&packet->dst, &op->dst);
	emit_operand(&packet->src, &op->src);
	emit_operand(&packet->indices, &op->indices);
	return 0;
}
