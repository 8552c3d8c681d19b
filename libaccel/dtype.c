// SPDX-License-Identifier: MIT
/*
 * Element types.
 */
#include <string.h>

#include "accel/types.h"
#include "loom_isa.h"

static const struct {
	const char *name;
	size_t size;
} types[] = {
	[ACCEL_F32] = { "f32", 4 },
	[ACCEL_F16] = { "f16", 2 },
	[ACCEL_BF16] = { "bf16", 2 },
	[ACCEL_I8] = { "i8", 1 },
	[ACCEL_U8] = { "u8", 1 },
	[ACCEL_I32] = { "i32", 4 },
	[ACCEL_U32] = { "u32", 4 },
	[ACCEL_I16] = { "i16", 2 },
	[ACCEL_U16] = { "u16", 2 },
	[ACCEL_I64] = { "i64", 8 },
	[ACCEL_U64] = { "u64", 8 },
	[ACCEL_F64] = { "f64", 8 },
	[ACCEL_BOOL] = { "bool", 1 },
};

#define NTYPES	(sizeof(types) / sizeof(types[0]))

/* The library's types are the card's: none is translated. */
_Static_assert((int)ACCEL_NONE == LOOM_DTYPE_NONE && (int)ACCEL_F32 == LOOM_DTYPE_F32 &&
	       (int)ACCEL_F16 == LOOM_DTYPE_F16 && (int)ACCEL_BF16 == LOOM_DTYPE_BF16 &&
	       (int)ACCEL_I8 == LOOM_DTYPE_I8 && (int)ACCEL_U8 == LOOM_DTYPE_U8 &&
	       (int)ACCEL_I32 == LOOM_DTYPE_I32 && (int)ACCEL_U32 == LOOM_DTYPE_U32 &&
	       (int)ACCEL_I16 == LOOM_DTYPE_I16 && (int)ACCEL_U16 == LOOM_DTYPE_U16 &&
	       (int)ACCEL_I64 == LOOM_DTYPE_I64 && (int)ACCEL_U64 == LOOM_DTYPE_U64 &&
	       (int)ACCEL_F64 == LOOM_DTYPE_F64, "dtypes");

ACCEL_API size_t accel_dtype_size(enum accel_dtype dtype)
{
	return (unsigned int)dtype < NTYPES ? types[dtype].size : 0;
}

ACCEL_API const char *accel_dtype_name(enum accel_dtype dtype)
{
	return (unsigned int)dtype < NTYPES ? types[dtype].name : NULL;
}

ACCEL_API enum accel_dtype accel_dtype_parse(const char *name)
{
	for (unsigned int i = 1; name && i < NTYPES; i++)
		if (types[i].name && !strcmp(types[i].name, name))
			return (enum accel_dtype)i;
	return ACCEL_NONE;
}
