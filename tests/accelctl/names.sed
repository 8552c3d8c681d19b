# SPDX-License-Identifier: MIT
#
# What the hardware's headers number, as macro calls for tests/accelctl/dump.c.
/^#define LOOM_REG_RING(/,/^#define LOOM_RING_CONTEXT_ANY/{
	/^#define LOOM_RING_CONTEXT_ANY/d
	s/^#define LOOM_RING_\([A-Z0-9_]*\)[[:space:]].*/RING_REG(\1)/p
	d
}
s/^#define LOOM_REG_\([A-Z0-9_]*\)[[:space:]].*/REG(\1)/p
s/^#define LOOM_ACCESS_\([A-Z]*\)[[:space:]].*/ACCESS(\1)/p
s/^	LOOM_OUTCOME_\([A-Z_]*\)[[:space:]].*/OUTCOME(\1)/p
s/^	LOOM_FAULT_\([A-Z_]*\)[[:space:]].*/FAULT(\1)/p
s/^	LOOM_RING_ERROR_\([A-Z_]*\)[[:space:]].*/RING_ERROR(\1)/p
s/^	LOOM_DUMP_REASON_\([A-Z]*\)[[:space:]].*/REASON(\1)/p
t
s/^	LOOM_DUMP_\([A-Z_]*\)[[:space:]].*/SECTION(\1)/p
s/^	LOOM_OP_\([A-Z]*\)[[:space:]].*/OP(\1)/p
s/^	\(LOOM_ACT_[A-Z_]*\)[[:space:]].*/VALUE(UNARY, "act", \1)/p
s/^	\(LOOM_ELTWISE_[A-Z_]*\)[[:space:]].*/VALUE(ELTWISE, "op", \1)/p
s/^	\(LOOM_UNARY_[A-Z_]*\)[[:space:]].*/VALUE(UNARY, "op", \1)/p
s/^	\(LOOM_REDUCE_[A-Z_]*\)[[:space:]].*/VALUE(REDUCE, "op", \1)/p
s/^	\(LOOM_POOL_[A-Z0-9_]*\)[[:space:]].*/VALUE(POOL, "op", \1)/p
s/^	\(LOOM_NORM_[A-Z_]*\)[[:space:]].*/VALUE(NORM, "op", \1)/p
s/^	\(LOOM_GATHER_[A-Z_]*\)[[:space:]].*/VALUE(GATHER, "op", \1)/p
s/^	\(LOOM_QUANT_[A-Z_]*\)[[:space:]].*/VALUE(QUANT, "op", \1)/p
s/^	\(LOOM_ARG_[A-Z_]*\)[[:space:]].*/VALUE(ARG, "op", \1)/p
