/* SPDX-License-Identifier: MIT */
/*
 * libaccel: what all its headers share.
 *
 * Conventions of the whole library:
 *
 * - Functions return 0 or a count on success and a negative errno on failure;
 *   objects come back through the last parameter, which is left alone on
 *   failure. errno itself means nothing. accel_last_error() tells more about the
 *   calling thread's last failure.
 * - Objects are opaque and counted: *_ref() adds a reference, *_unref() drops
 *   one, NULL is allowed. An object keeps what it depends on alive.
 * - Structures that the library may extend start with their size: initialise
 *   them with ACCEL_INIT. A structure from a newer program whose unknown part is
 *   not zero gives -E2BIG.
 * - All objects may be used from any thread, unless a call says otherwise. The
 *   library takes no lock across anything of yours and installs no signal
 *   handler. After fork() a child may only unref what it inherited.
 * - All file descriptors are close-on-exec.
 * - Times are nanoseconds of CLOCK_MONOTONIC, deadlines absolute.
 */
#ifndef ACCEL_TYPES_H
#define ACCEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ACCEL_API __attribute__((visibility("default")))
#else
#define ACCEL_API
#endif

#ifdef __cplusplus
extern "C++" {
template <typename T> struct accel_init_type { typedef T type; };
template <typename T> struct accel_init_type<T &> { typedef T type; };
template <typename T> static inline T accel_init_value()
{
	T value = T();

	value.sz = sizeof(T);
	return value;
}
}
#endif

/**
 * ACCEL_INIT - initialiser of a structure that starts with its size
 * @var: the variable that is initialised
 *
 *	struct accel_queue_opts opts = ACCEL_INIT(opts);
 *
 * In C++, from C++11 on.
 */
#ifdef __cplusplus
#define ACCEL_INIT(var)		accel_init_value<accel_init_type<decltype(var)>::type>()
#else
#define ACCEL_INIT(var)		{ .sz = sizeof(var) }
#endif

/** ACCEL_FOREVER - a deadline that never comes. */
#define ACCEL_FOREVER		UINT64_MAX

struct accel_device;
struct accel_context;
struct accel_buffer;
struct accel_program;
struct accel_weights;
struct accel_queue;
struct accel_fence;

/**
 * enum accel_dtype - element types
 * @ACCEL_NONE: no type
 * @ACCEL_F32: IEEE 754 binary32
 * @ACCEL_F16: IEEE 754 binary16
 * @ACCEL_BF16: bfloat16
 * @ACCEL_I8: 8-bit two's complement
 * @ACCEL_U8: 8-bit unsigned
 * @ACCEL_I32: 32-bit two's complement
 * @ACCEL_U32: 32-bit unsigned
 * @ACCEL_I16: 16-bit two's complement
 * @ACCEL_U16: 16-bit unsigned
 * @ACCEL_I64: 64-bit two's complement
 * @ACCEL_U64: 64-bit unsigned
 * @ACCEL_F64: IEEE 754 binary64; moved, never computed with
 * @ACCEL_BOOL: one byte, 0 or 1; of models only, no card has it
 */
enum accel_dtype {
	ACCEL_NONE	= 0,
	ACCEL_F32	= 1,
	ACCEL_F16	= 2,
	ACCEL_BF16	= 3,
	ACCEL_I8	= 4,
	ACCEL_U8	= 5,
	ACCEL_I32	= 6,
	ACCEL_U32	= 7,
	ACCEL_I16	= 8,
	ACCEL_U16	= 9,
	ACCEL_I64	= 10,
	ACCEL_U64	= 11,
	ACCEL_F64	= 12,
	ACCEL_BOOL	= 63,
};

#define ACCEL_RANK_MAX		6

#ifdef __cplusplus
extern "C" {
#endif

/**
 * accel_dtype_size() - bytes of an element
 * @dtype: the type
 * Return: 1, 2, 4 or 8; 0 for ACCEL_NONE and unknown types.
 */
ACCEL_API size_t accel_dtype_size(enum accel_dtype dtype);

/**
 * accel_dtype_name() - "f32", "bf16", "i8", ...
 * @dtype: the type
 * Return: a constant string, NULL for unknown types.
 */
ACCEL_API const char *accel_dtype_name(enum accel_dtype dtype);

/**
 * accel_dtype_parse() - type by its name
 * @name: as accel_dtype_name() gives it
 * Return: ACCEL_NONE if there is none of that name.
 */
ACCEL_API enum accel_dtype accel_dtype_parse(const char *name);

/** accel_now() - CLOCK_MONOTONIC in nanoseconds. */
ACCEL_API uint64_t accel_now(void);

/**
 * accel_deadline() - the time @ns nanoseconds from now, for calls with a deadline
 * @ns: nanoseconds; ACCEL_FOREVER is allowed
 * Return: saturates at ACCEL_FOREVER.
 */
ACCEL_API uint64_t accel_deadline(uint64_t ns);

#ifdef __cplusplus
}
#endif

#endif
